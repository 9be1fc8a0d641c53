"""The door of the usage intake: who comes in, what is answered, and that nothing else ever is."""

import html
import json
import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from dashboard import pipeline
from dashboard.api import api_document
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.api import CALLS
from dashboard.keys.models import ServiceToken
from dashboard.keys.services import service_token_revoke, service_token_rotate
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization, Team, User
from dashboard.usage.intake.rows import _WORDS, MOST_BYTES, MOST_ROWS, OLDEST, Row, RowError, Sent, row_judge
from dashboard.usage.intake.services import KEEP_ANSWERS
from dashboard.usage.models import IntakeBatch, IntakeRow, UsageDaily, UsageRecord
from tests.conftest import NOW
from tests.usage.intake_world import account_of, row_of, send, token_of

URL = reverse("api:usage_send")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return account_of(organization)


@pytest.fixture
def secret(organization: Organization) -> str:
    return token_of(organization)[1]


def problem(answer: HttpResponse) -> tuple[int, str]:
    """Status and code; every refusal has the same shape."""
    assert answer["Content-Type"] == "application/json"
    document = json.loads(answer.content)
    assert set(document) == {"error"}
    assert set(document["error"]) == {"code", "message"}
    assert document["error"]["message"].endswith(".")
    return answer.status_code, document["error"]["code"]


def errors(answer: HttpResponse) -> dict[int, tuple[str, str]]:
    """{index: (code, field)} of the rejected rows."""
    return {row["index"]: (row["error"]["code"], row["error"]["field"]) for row in json.loads(answer.content)["rows"]}


# --- Who comes in -----------------------------------------------------------------------------------------------


def test_a_good_batch_lands(secret: str, account: ProviderAccount) -> None:
    answer = send(secret, [row_of(account, timezone.now()), row_of("Main", timezone.now(), requests=2)])
    assert answer.status_code == 200
    assert json.loads(answer.content) == {"accepted": 2, "rejected": 0, "rows": []}
    assert "Idempotent-Replayed" not in answer
    assert sum(UsageRecord.objects.values_list("input_tokens", flat=True)) == 20  # type: ignore[arg-type]
    token = ServiceToken.objects.get()
    assert token.last_used_at is not None


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic {}", "Token {}", "{}", "Bearer x{}", "Bearer {}x", "Bearer \x00", "Bearer é"],
)
def test_without_a_good_token_nobody_comes_in(secret: str, account: ProviderAccount, header: str) -> None:
    rows = [row_of(account, timezone.now())]
    answer = send(secret, rows, Authorization=header.format(secret))
    status, code = problem(answer)
    assert status == 401
    assert code in ("missing_token", "invalid_token")
    assert answer["WWW-Authenticate"].startswith('Bearer realm="Purser"')
    assert secret not in answer.content.decode()
    assert not UsageRecord.objects.exists()


def test_a_session_opens_nothing_and_a_token_needs_no_session(
    secret: str, account: ProviderAccount, owner: User
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    body = json.dumps({"rows": [row_of(account, timezone.now())]})
    answer = client.post(URL, body, content_type="application/json", headers={"Idempotency-Key": "a"})
    assert problem(answer) == (401, "missing_token")  # type: ignore[arg-type]
    assert not UsageRecord.objects.exists()
    assert send(secret, body, client=Client(enforce_csrf_checks=True)).status_code == 200


def test_rotated_revoked_and_expired_tokens_are_refused(organization: Organization, account: ProviderAccount) -> None:
    now, rows = timezone.now(), [row_of(account, timezone.now())]
    token, old = token_of(organization)
    new = service_token_rotate(token=token, by=SYSTEM, now=now)
    assert problem(send(old, rows)) == (401, "invalid_token")
    assert send(new, rows).status_code == 200
    service_token_revoke(token=token, by=SYSTEM, now=now)
    assert problem(send(new, rows, "b")) == (401, "invalid_token")
    _token, expired = token_of(organization, lifetime=HOUR, now=now - 2 * HOUR)
    answer = send(expired, rows, "c")
    assert problem(answer) == (401, "expired_token")
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    assert IntakeRow.objects.count() == 1


def test_a_token_does_what_its_scopes_say(secret: str, account: ProviderAccount) -> None:
    ServiceToken.objects.update(scopes=["something:else"])
    assert problem(send(secret, [row_of(account, timezone.now())])) == (403, "insufficient_scope")
    assert not UsageRecord.objects.exists()


def test_a_token_reaches_its_own_organization_alone(
    organization: Organization, secret: str, account: ProviderAccount
) -> None:
    other = account_of(Organization.objects.create(name="Island"), "Theirs")
    now = timezone.now()
    rows = [row_of(one, now) for one in (other, "Theirs", account, 10**15, "main", "Main")]
    answer = send(secret, rows)
    assert answer.status_code == 207
    assert errors(answer) == dict.fromkeys((0, 1, 3, 4), ("unknown_account", "account"))
    assert not UsageRecord.objects.filter(account=other).exists()
    alike = account_of(organization)
    assert errors(send(secret, [row_of("Main", now), row_of(alike, now)], "b")) == {0: ("ambiguous_account", "account")}


def test_a_bound_token_reaches_its_account_alone(organization: Organization, account: ProviderAccount) -> None:
    other, now = account_of(organization, "Other"), timezone.now()
    _token, bound = token_of(organization, account)
    answer = send(bound, [row_of(other, now), row_of(account, now), row_of("Other", now)])
    assert errors(answer) == dict.fromkeys((0, 2), ("unknown_account", "account"))
    assert set(UsageRecord.objects.values_list("account", flat=True)) == {account.pk}


def test_a_team_s_token_reaches_the_team_s_accounts_alone(organization: Organization, account: ProviderAccount) -> None:
    team, other = Team.objects.create(organization=organization, name="Blue"), account_of(organization, "Other")
    ProviderAccount.objects.filter(pk=account.pk).update(team=team)
    _token, bound = token_of(organization, team=team)
    answer = send(bound, [row_of(other, timezone.now()), row_of(account, timezone.now())])
    assert errors(answer) == {0: ("unknown_account", "account")}
    assert set(UsageRecord.objects.values_list("account", flat=True)) == {account.pk}


def test_calls_are_limited_by_token(organization: Organization, secret: str, account: ProviderAccount) -> None:
    for _ in range(CALLS):
        assert send(secret, "{}").status_code == 422
    answer = send(secret, [row_of(account, timezone.now())])
    assert problem(answer) == (429, "too_many_calls")
    assert int(answer["Retry-After"]) > 0
    assert send(token_of(organization)[1], [row_of(account, timezone.now())]).status_code == 200, (
        "another token is free"
    )


# --- What comes in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_other_content_types_are_refused(secret: str, account: ProviderAccount, kind: str) -> None:
    assert problem(send(secret, [row_of(account, timezone.now())], **{"Content-Type": kind})) == (415, "not_json")


def test_packed_bodies_are_refused(secret: str) -> None:
    assert problem(send(secret, b"\x1f\x8b", **{"Content-Encoding": "gzip"})) == (415, "not_json")


def test_large_bodies_are_refused_before_they_are_read(secret: str, account: ProviderAccount) -> None:
    body = json.dumps({"rows": [row_of(account, timezone.now())]})
    assert problem(send(secret, body + " " * (MOST_BYTES + 1 - len(body)))) == (413, "too_large")
    assert send(secret, body + " " * (MOST_BYTES - len(body))).status_code == 200


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("", (400, "no_body")),
        ("{", (400, "not_json")),
        ("rows", (400, "not_json")),
        (b"\xff\xfe\x00", (400, "not_json")),
        ("[" * 100_000, (400, "not_json")),
        ('{"rows": [' + "9" * 5000 + "]}", (400, "not_json")),
        ("null", (422, "no_rows")),
        ("[]", (422, "no_rows")),
        ("{}", (422, "no_rows")),
        ('{"rows": {}}', (422, "no_rows")),
        ('{"rows": [{}], "more": 1}', (422, "no_rows")),
        ('{"rows": []}', (422, "row_count")),
        (json.dumps({"rows": [1] * (MOST_ROWS + 1)}), (422, "row_count")),
    ],
)
def test_bodies_without_rows_are_refused(secret: str, body: str | bytes, wanted: tuple[int, str]) -> None:
    assert problem(send(secret, body)) == wanted
    assert not IntakeBatch.objects.exists(), "mended, it may come under the same key"


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "é", "a\tb"])
def test_a_batch_needs_a_key(secret: str, account: ProviderAccount, key: str) -> None:
    assert problem(send(secret, [row_of(account, timezone.now())], key)) == (400, "idempotency_key")


def test_a_key_of_two_hundred_characters_will_do(secret: str, account: ProviderAccount) -> None:
    assert send(secret, [row_of(account, timezone.now())], "~" * 200).status_code == 200


NOT_A_ROW: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "no account": ({"account": None}, ("not_an_account", "account")),
    "account 0": ({"account": 0}, ("not_an_account", "account")),
    "account as float": ({"account": 1.0}, ("not_an_account", "account")),
    "account too large": ({"account": 2**63}, ("not_an_account", "account")),
    "true is no account": ({"account": True}, ("not_an_account", "account")),
    "no time": ({"at": "yesterday"}, ("not_a_time", "at")),
    "time as a number": ({"at": 1_700_000_000}, ("not_a_time", "at")),
    "no zone": ({"at": "2026-11-20T14:00:00"}, ("no_zone", "at")),
    "a day": ({"at": "2026-11-20"}, ("no_zone", "at")),
    "before all time": ({"at": "0001-01-01T00:00:00+14:00"}, ("not_a_time", "at")),
    "after all time": ({"at": "9999-12-31T23:59:59-14:00"}, ("not_a_time", "at")),
    "long ago": ({"at": "2020-01-01T00:00:00Z"}, ("too_old", "at")),
    "ahead": ({"at": "2126-01-01T00:00:00Z"}, ("in_future", "at")),
    "negative": ({"input_tokens": -1}, ("not_a_count", "input_tokens")),
    "float": ({"input_tokens": 1.5}, ("not_a_count", "input_tokens")),
    "text": ({"output_tokens": "12"}, ("not_a_count", "output_tokens")),
    "true is no count": ({"requests": True}, ("not_a_count", "requests")),
    "too large": ({"cached_input_tokens": 10**12 + 1}, ("not_a_count", "cached_input_tokens")),
    "a typing mistake": ({"input_token": 1}, ("unknown_field", "input_token")),
    "a field that is no name": ({"<script>\x00": 1}, ("unknown_field", "?")),
    "half a character": ({"\ud800": 1}, ("unknown_field", "?")),
    "half a character inside": (
        {"cost": {"amount": "1", "currency": "USD", "\ud800": 1}},
        ("unknown_field", "?"),
    ),
    "empty model": ({"model": ""}, ("not_a_label", "model")),
    "long model": ({"model": "x" * 201}, ("not_a_label", "model")),
    "control characters": ({"key": "a\x00b"}, ("not_a_label", "key")),
    "half a character in a label": ({"project": "a\ud800"}, ("not_a_label", "project")),
    "a separator in an id": ({"id": "a\x1fb"}, ("not_a_label", "id")),
    "id as a number": ({"id": 7}, ("not_a_label", "id")),
    "cost as a number": ({"cost": 1}, ("not_an_object", "cost")),
    "amount as a number": ({"cost": {"amount": 0.1, "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "negative amount": ({"cost": {"amount": "-1", "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "not a number": ({"cost": {"amount": "NaN", "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "exponent": ({"cost": {"amount": "1e5", "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "other digits": ({"cost": {"amount": "١", "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "thirteen places": ({"cost": {"amount": "0.0000000000001", "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "a line more": ({"cost": {"amount": "1\n", "currency": "USD"}}, ("not_an_amount", "cost.amount")),
    "no currency": ({"cost": {"amount": "1"}}, ("missing", "cost.currency")),
    "small currency": ({"cost": {"amount": "1", "currency": "usd"}}, ("not_a_currency", "cost.currency")),
    "nothing": ({"input_tokens": None}, ("nothing_to_count", "")),
    "reasoning": ({"output_tokens": 1, "reasoning_tokens": 2}, ("more_reasoning_than_output", "")),
}


@pytest.mark.parametrize("name", NOT_A_ROW)
def test_a_row_that_is_wrong_says_where_and_the_others_land(secret: str, account: ProviderAccount, name: str) -> None:
    (change, wanted), good = NOT_A_ROW[name], row_of(account, timezone.now())
    wrong = {**good, **change}
    answer = send(secret, [good, wrong, good])
    assert answer.status_code == 207
    assert errors(answer) == {1: wanted}
    assert (json.loads(answer.content)["accepted"], json.loads(answer.content)["rejected"]) == (2, 1)
    assert [row.input_tokens for row in UsageRecord.objects.all()] == [20]
    alone = send(secret, [wrong, 5, None, [], "x", {}], "alone")
    assert alone.status_code == 422
    assert errors(alone)[0] == wanted
    assert [errors(alone)[index] for index in (1, 2, 3, 4)] == [("not_an_object", "")] * 4
    assert errors(alone)[5] == ("missing", "account")


def test_every_error_has_words_that_say_what_to_do() -> None:
    named = {wanted[0] for _, wanted in NOT_A_ROW.values()} | {"closed", "unknown_account", "ambiguous_account"}
    assert named == set(_WORDS)
    assert all(words.endswith((".", "?", ".")) for words in _WORDS.values())


@pytest.mark.parametrize(
    ("at", "hour"),
    [
        ("2026-11-20T14:32:00Z", 14),
        ("2026-11-20T15:31:59+00:00", 15),
        ("2026-11-20T20:02:00.123456+05:30", 14),
        ("2026-11-19T23:59:59-08:00", 7),
        ("20261120T143200Z", 14),
    ],
)
def test_times_are_counted_in_their_hour(at: str, hour: int) -> None:
    sent = row_judge({"account": 1, "at": at, "requests": 1}, now=NOW)
    assert isinstance(sent, Sent)
    assert sent.hour == datetime(2026, 11, 20, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("apart", "code"),
    [(HOUR, ""), (HOUR + timedelta(seconds=1), "in_future"), (-OLDEST, ""), (-OLDEST - HOUR, "too_old")],
)
def test_clocks_may_be_an_hour_apart(apart: timedelta, code: str) -> None:
    told = row_judge({"account": 1, "at": (NOW + apart).isoformat(), "requests": 0}, now=NOW)
    assert (told.code if isinstance(told, RowError) else "") == code


# --- The same again ---------------------------------------------------------------------------------------------


def test_the_same_batch_again_gets_the_same_answer(secret: str, account: ProviderAccount) -> None:
    rows = [row_of(account, timezone.now()), {"wrong": 1}]
    first, second = send(secret, rows), send(secret, rows)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert "Idempotent-Replayed" not in first
    assert second["Idempotent-Replayed"] == "true"
    assert IntakeRow.objects.count() == 1
    assert problem(send(secret, [row_of(account, timezone.now())])) == (409, "key_reused")
    assert IntakeRow.objects.count() == 1
    account.delete()
    assert send(secret, rows).content == first.content, "what was answered stays answered"


def test_keys_belong_to_their_token(organization: Organization, secret: str, account: ProviderAccount) -> None:
    _token, other = token_of(organization)
    assert send(secret, [row_of(account, timezone.now())]).status_code == 200
    answer = send(other, [row_of(account, timezone.now(), input_tokens=3)])
    assert answer.status_code == 200
    assert "Idempotent-Replayed" not in answer


def test_neither_key_nor_body_nor_secret_is_stored(secret: str, account: ProviderAccount) -> None:
    send(secret, [row_of(account, timezone.now(), id="CANARY-id")], "CANARY-key")
    stored = str([*IntakeBatch.objects.values(), *IntakeRow.objects.values(), *ServiceToken.objects.values()])
    assert "CANARY" not in stored
    assert secret[-43:] not in stored


def test_answers_are_forgotten_after_seven_days(secret: str, account: ProviderAccount) -> None:
    send(secret, [row_of(account, timezone.now())], "young")
    send(secret, [row_of(account, timezone.now())], "old")
    old = IntakeBatch.objects.order_by("pk").last()
    assert old is not None
    IntakeBatch.objects.filter(pk=old.pk).update(at=timezone.now() - KEEP_ANSWERS - HOUR)
    pipeline.prune()
    assert IntakeBatch.objects.count() == 1
    assert send(secret, [row_of(account, timezone.now())], "old").status_code == 200


# --- Any body ---------------------------------------------------------------------------------------------------

texts = st.text(max_size=8)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))
times = st.datetimes(timezones=st.timezones() | st.just(UTC)).map(lambda at: at.isoformat())
fields = sorted(Row.model_fields)


class AnyBody(HypothesisTestCase):
    """Whatever is sent, the answer is one of ours, says what landed, and nothing unknown becomes 0."""

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=60) | anything.map(json.dumps))
    def test_any_bytes_get_an_answer_of_ours(self, body: str | bytes) -> None:
        _token, secret = token_of(Organization.objects.create(name="Any"))
        status, _code = problem(send(secret, body)) if not _judged(body) else (422, "")
        assert status in (400, 422)

    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(
            st.dictionaries(st.sampled_from(fields), anything | times, max_size=6)
            | st.fixed_dictionaries(
                {"account": st.just("Any"), "at": st.just("now")},
                optional={
                    **{name: st.none() | st.integers(0, 9) | anything for name in fields if name.endswith("s")},
                    "model": texts,
                    "id": texts,
                },
            ),
            min_size=1,
            max_size=4,
        )
    )
    def test_any_rows_are_accepted_or_told_why_not(self, rows: list[dict[str, Any]]) -> None:
        organization = Organization.objects.create(name="Any")
        account_of(organization, "Any")
        _token, secret = token_of(organization)
        now = timezone.now().isoformat()
        sent = [{**row, "at": now} if row.get("at") == "now" else row for row in rows]
        answer = send(secret, json.dumps({"rows": sent}))
        document = json.loads(answer.content)
        wrong = errors(answer)
        assert document["accepted"] + document["rejected"] == len(rows)
        assert document["rejected"] == len(wrong)
        assert answer.status_code == (200 if not wrong else 422 if len(wrong) == len(rows) else 207)
        assert {code for code, _field in wrong.values()} <= set(_WORDS)
        last = {row.get("id") or index: row for index, row in enumerate(sent) if index not in wrong}
        for name in ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests"):
            told = [row[name] for row in last.values() if row.get(name) is not None]
            kept = [getattr(row, name) for row in UsageRecord.objects.all() if getattr(row, name) is not None]
            daily = [getattr(row, name) for row in UsageDaily.objects.all() if getattr(row, name) is not None]
            assert sum(kept) == sum(daily) == sum(told)
            assert bool(kept) == bool(told), "unknown is not 0"


def _judged(body: str | bytes) -> bool:
    """Whether this happens to hold rows."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and set(document) == {"rows"} and bool(document["rows"])


# --- What is told about it --------------------------------------------------------------------------------------


def test_the_openapi_document_says_what_holds(client: Client, owner: User, organization: Organization) -> None:
    client.force_login(owner)
    answer = client.get(reverse("api:openapi"))
    assert "attachment" in answer["Content-Disposition"]
    assert organization.name not in answer.content.decode()
    document = answer.json()
    assert document["openapi"].startswith("3.")
    assert URL in document["paths"]
    call = document["paths"][URL]["post"]
    assert set(call["responses"]) == {"200", "207", "422", "400", "401", "403", "409", "413", "415", "429"}
    assert call["security"] == [{"ServiceBearer": []}]
    assert [one["name"] for one in call["parameters"]] == ["Idempotency-Key"]
    schemas = document["components"]["schemas"]
    assert set(schemas["Row"]["properties"]) == set(Row.model_fields)
    assert schemas["Row"]["required"] == ["account", "at"]
    for name in re.findall(r"#/components/schemas/(\w+)", json.dumps(api_document("https://purser.example"))):
        assert name in schemas
    assert Client().get(reverse("api:openapi")).status_code == 302


def example(text: str) -> tuple[str, dict[str, str], str]:
    """(address, headers, body) of a curl call."""
    words = shlex.split(text.replace("\\\n", " "))
    headers = dict(words[index + 1].split(": ", 1) for index, word in enumerate(words) if word == "-H")
    return words[1], headers, words[words.index("-d") + 1]


def works(text: str, secret: str) -> None:
    """The call does what it says, with a token and a key of its own."""
    address, headers, body = example(text)
    assert address.endswith(URL)
    assert headers["Authorization"] == "Bearer $PURSER_TOKEN"
    answer = send(secret, body, "example", **{"Content-Type": headers["Content-Type"]})
    assert json.loads(answer.content) == {"accepted": 1, "rejected": 0, "rows": []}


def test_the_call_on_the_page_works(client: Client, owner: User, account: ProviderAccount, secret: str) -> None:
    client.force_login(owner)
    page = client.get(reverse("usage:usage_api")).content.decode()
    (text,) = re.findall(r'id="call"[^>]*>(.*?)</pre>', page, re.DOTALL)
    works(html.unescape(text), secret)
    assert '\n  -H "Authorization' in html.unescape(text), "what goes on is set in"
    for name in (*Row.model_fields, "cost.amount", "cost.currency"):
        assert f">{name}</span>" in page
    assert "Main" in page
    assert secret not in page


def test_the_call_in_the_readme_works(organization: Organization, secret: str) -> None:
    account_of(organization, "Production")
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    (text,) = re.findall(r"```sh\n(curl [^`]*/api/v1/usage[^`]*)```", readme)
    now = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert "2026-11-20T14:32:00Z" in text
    works(text.replace("2026-11-20T14:32:00Z", now), secret)
