"""Providers described in JSON: what is taken, what comes out, and what nobody can make them do."""

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import providers.described
from providers.collect import Collected, Credentials, check, collect
from providers.described import DocumentProblem, destinations, problems, provider_from, unreadable
from providers.described.matching import MOST_VISITS, Budget, NotTaken, compiled, search
from providers.described.shape import FIELDS, REQUIRED
from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.presets import presets
from providers.records import Balance, CostBucket, Model, ProviderKey, Quota, UsageBucket
from providers.spec import CAPABILITIES, NotOffered, Outgoing, Reply, Window, host_of
from providers.transport import Transport
from tests.providers.loopback import Seen, Server, answer

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
DAY = timedelta(days=1)
WINDOW = Window(start=NOW - DAY, end=NOW, now=NOW)
SECRET = "sk-CANARY-0123456789abcdef"
KEYS = Credentials(values={"api_key": SECRET, "access_token": SECRET, "user_id": "7"})

# What relays answer: shapes observed in the public sources of one-api and new-api (controller/billing.go,
# controller/user.go, controller/log.go, controller/token.go), figures made up.
SUBSCRIPTION = {
    "object": "billing_subscription",
    "has_payment_method": True,
    "soft_limit_usd": 120.5,
    "hard_limit_usd": 120.5,
    "system_hard_limit_usd": 120.5,
    "access_until": 0,
}
BILLED = {"object": "list", "total_usage": 3325.5}
MODELS = {"object": "list", "data": [{"id": "m-1", "object": "model"}, {"id": "m-2", "object": "model"}]}
SELF = {
    "success": True,
    "message": "",
    "data": {"id": 7, "username": "harbor", "quota": 20774999, "used_quota": 1250001, "request_count": 12},
}
REFUSED = {"success": False, "message": f"无权进行此操作 {SECRET}"}


def log_row(number: int, at: datetime, model: str, quota: int) -> dict[str, Any]:
    return {
        "id": number,
        "created_at": int(at.timestamp()),
        "type": 2,
        "token_name": "team-a",
        "model_name": model,
        "quota": quota,
        "prompt_tokens": 100,
        "completion_tokens": 20,
    }


def described(**more: Any) -> dict[str, Any]:
    """The least that describes a balance."""
    return {
        "purser_provider": 1,
        "name": "Harbor relay",
        "base_urls": [{"url": "https://relay.example.com"}],
        "secrets": [{"name": "api_key"}],
        "capabilities": {"balance": {"path": "/credit", "fields": {"amount": "left", "unit": {"is": "USD"}}}},
        **more,
    }


def balance_with(**more: Any) -> dict[str, Any]:
    document = described()
    document["capabilities"]["balance"] |= more
    return document


def replying(*bodies: Any, status: int = 200) -> tuple[Callable[[Outgoing], Reply], list[Outgoing]]:
    """A `send` that answers with these bodies in turn, and what was sent."""
    sent: list[Outgoing] = []

    def send(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        body = bodies[min(len(sent), len(bodies)) - 1]
        return Reply(status=status, headers={}, body=body if isinstance(body, bytes) else json.dumps(body).encode())

    return send, sent


def read(document: Any, *bodies: Any, capability: str = "balance", window: Window = WINDOW) -> list[Any]:
    return collected(document, *bodies, capability=capability, window=window).records


def collected(document: Any, *bodies: Any, capability: str = "balance", window: Window = WINDOW) -> Collected:
    send, _ = replying(*bodies)
    return collect(provider_from(document), capability, KEYS, window, send)


# --- Presets, over the wire -------------------------------------------------------------------------------------


def relay(seen: Seen) -> bytes:
    """A relay as it answers: its own error body where the two headers are not right."""
    path, _, query = seen.target.partition("?")
    asked = dict(pair.split("=", 1) for pair in query.split("&") if pair)
    if seen.header("Authorization") != f"Bearer {SECRET}":
        return answer(401, json.dumps({"error": {"message": "Invalid token"}}).encode())
    plain = {
        "/dashboard/billing/subscription": SUBSCRIPTION,
        "/dashboard/billing/usage": BILLED,
        "/v1/models": MODELS,
    }
    if path in plain:
        return answer(body=json.dumps(plain[path]).encode())
    if seen.header("New-Api-User") != "7":
        return answer(body=json.dumps(REFUSED).encode())
    if path == "/api/user/self":
        return answer(body=json.dumps(SELF).encode())
    if path == "/api/token/":
        rows = [
            {"id": 3, "key": "abcdefghijklmnopqrstuvwxyz", "name": "team-a", "status": 1, "created_time": 1788220800}
        ]
        rows[0] |= {"accessed_time": 1788220900}
        return answer(body=json.dumps({"success": True, "data": {"items": rows, "total": 1}}).encode())
    if path == "/api/log/self":
        return answer(body=json.dumps(log_page(asked)).encode())
    return answer(404)


def log_page(asked: dict[str, str]) -> dict[str, Any]:
    """103 calls in the last hours, newest first, 100 to a page."""
    rows = [log_row(number, NOW - timedelta(minutes=number), f"m-{number % 2}", 500) for number in range(103)]
    first, last = int(asked["start_timestamp"]), int(asked["end_timestamp"])
    rows = [row for row in rows if first <= row["created_at"] <= last]
    page, size = int(asked["p"]), int(asked["page_size"])
    return {
        "success": True,
        "message": "",
        "data": {"items": rows[(page - 1) * size : page * size], "total": len(rows)},
    }


@pytest.fixture
def wire() -> Iterator[Server]:
    with Server(relay) as server:
        yield server


def preset(name: str, server: Server) -> dict[str, Any]:
    """A preset as an admin would use it for a relay in their own network."""
    return {**deepcopy(dict(presets()[name])), "self_hosted": True, "base_urls": [{"url": server.url}]}


def over(server: Server, name: str, capability: str, window: Window = WINDOW, **values: str) -> list[Any]:
    send = Transport(reach="private", pause=lambda seconds: None).send
    keys = Credentials(values={**KEYS.values, **values})
    return collect(provider_from(preset(name, server)), capability, keys, window, send).records


def test_a_relay_by_api_key_tells_what_is_left_on_the_key(wire: Server) -> None:
    assert over(wire, "relay_key", "balance") == [
        Balance(name="API key", kind="prepaid", amount=Decimal("87.245"), unit="USD")
    ]
    (quota,) = over(wire, "relay_key", "quota")
    assert isinstance(quota, Quota)
    assert (quota.limit, quota.used, quota.remaining) == (Decimal("120.5"), Decimal("33.255"), None)
    assert over(wire, "relay_key", "models") == [Model(id="m-1"), Model(id="m-2")]


def test_a_relay_by_account_tells_wallet_log_and_keys(wire: Server) -> None:
    (wallet,) = over(wire, "relay_account", "balance")
    assert (wallet.amount, wallet.unit) == (Decimal("41.549998"), "USD")
    usage = over(wire, "relay_account", "usage")
    assert sum(row.requests or 0 for row in usage) == 0, "requests were not described, so they are not known"
    assert sum(row.input_tokens for row in usage) == 10300
    assert sum(row.cost for row in usage) == Decimal("0.103")
    assert {row.end - row.start for row in usage} == {timedelta(hours=1)}
    assert len(usage) == 2 * 3, "three hours of two models"
    (key,) = over(wire, "relay_account", "keys")
    assert key == ProviderKey(
        id="3",
        name="team-a",
        hint="…wxyz",
        state="active",
        created_at=datetime(2026, 9, 1, tzinfo=UTC),
        last_used_at=datetime(2026, 9, 1, 0, 1, 40, tzinfo=UTC),
    )
    assert "abcdefgh" not in repr(key)


def test_a_relay_says_whose_key_it_is_and_refuses_inside_an_answer_200(wire: Server) -> None:
    provider, send = provider_from(preset("relay_account", wire)), Transport(reach="private").send
    identity = check(provider, KEYS, WINDOW, send)
    assert (identity.account_id, identity.account_name) == ("7", "harbor")
    with pytest.raises(ActionNeeded) as refused:
        check(provider, Credentials(values={**KEYS.values, "user_id": "8"}), WINDOW, send)
    assert SECRET not in str(refused.value)
    with pytest.raises(ActionNeeded):
        over(wire, "relay_key", "balance", api_key="sk-another")


def test_a_metachat_style_balance_is_read_once_it_is_described() -> None:
    """The envelope is the documented one of its media API; the path is the admin's to fill in."""
    document = deepcopy(dict(presets()["metachat"]))
    assert isinstance(provider_from(document).endpoint("balance"), NotOffered)
    document["capabilities"]["balance"] = {
        "path": "/open/v1/account/points",
        "ok": "status == 'Success'",
        "fields": {"amount": "data.total_points", "unit": {"is": "API points"}},
    }
    told = {"status": "Success", "message": "", "data": {"total_points": 36}}
    assert read(document, told) == [Balance(name="Balance", kind="prepaid", amount=Decimal(36), unit="API points")]
    with pytest.raises(Retryable):
        read(document, {"status": "Fail", "message": SECRET})
    assert [one.id for one in read(document, MODELS, capability="models")] == ["m-1", "m-2"]


@pytest.mark.parametrize("name", [name for name in presets() if name != "empty"])
def test_presets_are_good_and_say_everything(name: str) -> None:
    document = presets()[name]
    assert problems(document) == []
    assert set(document["capabilities"]) == set(CAPABILITIES)


# --- Figures ----------------------------------------------------------------------------------------------------


def test_an_ordinary_provider_comes_out() -> None:
    provider = provider_from(described(), slug="own-abc")
    assert (provider.slug, provider.name, provider.hosts) == ("own-abc", "Harbor relay", {"relay.example.com"})
    assert set(provider.capabilities) == set(CAPABILITIES)
    send, sent = replying({"left": "41.50"})
    (balance,) = collect(provider, "balance", KEYS, WINDOW, send).records
    assert balance == Balance(name="Balance", kind="prepaid", amount=Decimal("41.50"), unit="USD")
    assert sent[0].url == "https://relay.example.com/credit"
    assert ("Authorization", f"Bearer {SECRET}") in sent[0].headers
    assert check(provider, KEYS, WINDOW, send).key_kind == "api_key"
    with pytest.raises(ActionNeeded):
        collect(provider, "balance", Credentials(values={}), WINDOW, send)


@pytest.mark.parametrize(
    ("part", "told", "amount"),
    [
        ({"at": "left", "scale": "0.01"}, 12345, "123.45"),
        ({"at": "left", "divide_by": "500000"}, 1, "0.000002"),
        ({"at": "left"}, 0, "0"),
        ({"at": "left"}, 0.1, "0.1"),
        ({"at": "left", "minus": {"at": "used"}}, 50, "42.75"),
        ({"at": "left", "scale": "-1"}, 12, "-12"),
        ({"at": "wallets[?currency == 'USD'] | [0].amount"}, 0, "9.99"),
    ],
)
def test_numbers_are_exact(part: Any, told: Any, amount: str) -> None:
    answered = {
        "left": told,
        "used": 7.25,
        "wallets": [{"currency": "CNY", "amount": 1}, {"currency": "USD", "amount": "9.99"}],
    }
    (balance,) = read(balance_with(fields={"amount": part, "unit": {"is": "USD"}}), answered)
    assert balance.amount == Decimal(amount)
    assert type(balance.amount) is Decimal


@pytest.mark.parametrize(
    "told", [{}, {"left": None}, {"left": "much"}, {"left": True}, {"left": [1]}, {"left": {}}, [], 3]
)
def test_what_is_missing_or_unreadable_is_an_error_and_never_zero(told: Any) -> None:
    with pytest.raises(PayloadError) as error:
        read(described(), told)
    assert "capabilities.balance.fields.amount" in str(error.value)


def test_optional_figures_are_unknown_when_the_answer_is_silent() -> None:
    fields = {"amount": "left", "unit": "unit", "granted": {"at": "gift", "minus": {"at": "spent"}}, "usable": "on"}
    (balance,) = read(balance_with(fields=fields), {"left": 3, "unit": "EUR", "gift": 2})
    assert (balance.granted, balance.usable, balance.unit) == (None, None, "EUR")


def test_more_digits_than_can_be_reckoned_with_are_an_error() -> None:
    with pytest.raises(PayloadError):
        read(
            balance_with(fields={"amount": {"at": "left", "scale": "0.01"}, "unit": {"is": "USD"}}),
            b'{"left": 0.' + b"1" * 200 + b"}",
        )


def usage_document(**more: Any) -> dict[str, Any]:
    call = {
        "path": "/log",
        "rows": "rows",
        "fields": {"start": {"at": "day", "format": "day"}, "model": "model", "requests": "calls"},
        "span": "day",
        **more,
    }
    return described(capabilities={"usage": call})


def test_a_window_is_asked_for_in_whole_buckets_and_rows_outside_are_left_out() -> None:
    document = usage_document(query={"from": "{start}", "to": "{end}", "last": "{last}"}, window_format="day")
    send, sent = replying({"rows": [{"day": f"2026-11-{day}", "calls": day} for day in range(17, 23)]})
    found = collect(provider_from(document), "usage", KEYS, WINDOW, send).records
    assert dict(sent[0].params) == {"from": "2026-11-19", "to": "2026-11-21", "last": "2026-11-20"}
    assert [(row.start.day, row.requests) for row in found if isinstance(row, UsageBucket)] == [(19, 19), (20, 20)]


def test_days_of_another_zone_are_days_there() -> None:
    document = usage_document(zone="Asia/Shanghai", query={"from": "{start}", "to": "{last}"}, window_format="day")
    send, sent = replying({"rows": [{"day": "2026-11-20", "calls": 1}]})
    window = Window(start=datetime(2026, 11, 19, 17, tzinfo=UTC), end=datetime(2026, 11, 20, 15, tzinfo=UTC), now=NOW)
    (row,) = collect(provider_from(document), "usage", KEYS, window, send).records
    assert dict(sent[0].params) == {"from": "2026-11-20", "to": "2026-11-20"}
    assert isinstance(row, UsageBucket)
    assert (row.start, row.end) == (datetime(2026, 11, 19, 16, tzinfo=UTC), datetime(2026, 11, 20, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ("iso", "2026-11-20T03:15:00Z"),
        ("iso", "2026-11-20 11:15:00"),
        ("unix", 1795144500),
        ("unix_ms", "1795144500000"),
    ],
)
def test_times_in_every_form(form: str, told: Any) -> None:
    fields = {"start": {"at": "at", "format": form}, "requests": "calls"}
    document = usage_document(fields=fields, span="hour", zone="Asia/Shanghai")
    (row,) = read(document, {"rows": [{"at": told, "calls": 1}]}, capability="usage")
    assert row.start == datetime(2026, 11, 20, 3, tzinfo=UTC)


def test_a_time_without_a_zone_is_no_time_unless_the_zone_is_known() -> None:
    fields = {"start": {"at": "at"}, "requests": "calls"}
    with pytest.raises(PayloadError):
        read(usage_document(fields=fields), {"rows": [{"at": "2026-11-20 11:15:00", "calls": 1}]}, capability="usage")


def test_rows_of_one_bucket_are_added_up_only_when_the_description_says_so() -> None:
    rows = [{"day": "2026-11-20", "model": "m", "calls": 2}, {"day": "2026-11-20", "model": "m", "calls": 3}]
    (row,) = read(usage_document(add_up=True), {"rows": rows}, capability="usage")
    assert row.requests == 5
    with pytest.raises(PayloadError, match="share one key"):
        read(usage_document(), {"rows": rows}, capability="usage")


def test_costs_keep_their_sign_and_their_end() -> None:
    call = {
        "path": "/bill",
        "rows": "items[]",
        "fields": {
            "start": {"at": "from", "format": "day"},
            "end": {"at": "to", "format": "day"},
            "amount": {"at": "cents", "scale": "0.01"},
            "unit": "currency",
            "category": {"is": "credit"},
        },
    }
    row = {"from": "2026-11-20", "to": "2026-11-21", "cents": -1250, "currency": "USD"}
    (found,) = read(described(capabilities={"cost": call}), {"items": [[row]]}, capability="cost")
    assert isinstance(found, CostBucket)
    assert (found.amount, found.category, found.end.day) == (Decimal("-12.50"), "credit", 21)


# --- Pages ------------------------------------------------------------------------------------------------------


def paged(**paging: Any) -> dict[str, Any]:
    return described(capabilities={"models": {"path": "/m", "rows": "data", "fields": {"id": "id"}, "paging": paging}})


def test_pages_are_counted_until_one_is_short() -> None:
    document = paged(parameter="p", first=0, size=2, size_parameter="n")
    pages = [{"data": [{"id": "a"}, {"id": "b"}]}, {"data": [{"id": "c"}]}]
    send, sent = replying(*pages)
    found = collect(provider_from(document), "models", KEYS, WINDOW, send)
    assert [one.id for one in found.records if isinstance(one, Model)] == ["a", "b", "c"]
    assert [dict(one.params) for one in sent] == [{"n": "2", "p": "0"}, {"n": "2", "p": "1"}]
    assert not found.partial


def test_a_cursor_is_followed_and_never_twice() -> None:
    document = paged(parameter="after", cursor="next")
    found = collected(document, {"data": [{"id": "a"}], "next": "x"}, {"data": [{"id": "b"}]}, capability="models")
    assert ([one.id for one in found.records], found.partial) == (["a", "b"], ())
    found = collected(document, {"data": [{"id": "a"}], "next": "x"}, capability="models")
    assert found.partial
    found = collected(document, {"data": [{"id": "a"}], "next": {"a": 1}}, capability="models")
    assert found.partial


@pytest.mark.parametrize(
    "marker", ["https://evil.example/next?x=1", "//evil.example", "\r\nHost: evil", "../../x", "a b"]
)
def test_a_marker_that_is_an_address_stays_a_value(marker: str) -> None:
    """A "next" link is not followed: at most it comes back as the value of its parameter, to the same host."""
    document, seen = paged(parameter="after", cursor="next"), list[httpx.URL]()

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={"data": [{"id": str(len(seen))}], "next": marker if len(seen) == 1 else None})

    collect(provider_from(document), "models", KEYS, WINDOW, Transport(wire=httpx.MockTransport(handle)).send)
    assert {(one.host, one.path) for one in seen} == {("relay.example.com", "/m")}
    assert all(one.params["after"] == marker for one in seen[1:] if "after" in one.params)


def test_a_redirect_to_another_host_is_refused() -> None:
    seen: list[httpx.URL] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(302, headers={"Location": "https://evil.example/credit"})

    with pytest.raises(PayloadError):
        collect(provider_from(described()), "balance", KEYS, WINDOW, Transport(wire=httpx.MockTransport(handle)).send)
    assert {one.host for one in seen} == {"relay.example.com"}


def test_a_server_that_heeds_no_page_number_ends_the_walk() -> None:
    found = collected(paged(parameter="p"), {"data": [{"id": "a"}]}, capability="models")
    assert (found.calls, len(found.records)) == (2, 1)
    assert found.partial


def test_pages_end_at_a_hundred_and_at_32_mib() -> None:
    count = iter(range(1000))

    def endless(size: int) -> Callable[[Outgoing], Reply]:
        def send(outgoing: Outgoing) -> Reply:
            body = json.dumps({"data": [{"id": str(next(count))}], "pad": "x" * size}).encode()
            return Reply(status=200, headers={}, body=body)

        return send

    found = collect(provider_from(paged(parameter="p")), "models", KEYS, WINDOW, endless(1))
    assert (found.calls, bool(found.partial)) == (100, True)
    with pytest.raises(PayloadError, match="32 MiB"):
        collect(provider_from(paged(parameter="p")), "models", KEYS, WINDOW, endless(4 * 2**20))


# --- Expressions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("", "a" * 501, "a.", "[", "a b", "sum(a)", "to_number(a)", "[a, b]", "{a: b}", "a[0:2]", "&a"),
        *("`1.5`", "`[1.5]`", "`NaN`", "`foo`", "`[1]`", '`{"a": 1}`', "!" * 300 + "a", "[?" * 150, "a||" * 160 + "a"),
        *("a" + "[]" * 101, "length(@)", "@.[@,@]", "`1e400`"),
    ],
)
def test_expressions_that_are_not_taken(text: str) -> None:
    with pytest.raises(NotTaken) as error:
        compiled(text)
    assert not text or text not in str(error.value)


def test_no_expression_makes_a_float() -> None:
    document = {"rows": [{"a": Decimal("1.50"), "b": 3}, {"a": Decimal("0.5"), "b": 4}]}
    for text in ("rows[].a", "rows[?a > `1`].a", "rows[0].a || rows[1].a", "rows[?b == `3`] | [0].a", "*[0].a"):
        found = search(compiled(text), document, Budget())
        values = found if isinstance(found, list) else [found]
        assert values
        assert all(type(value) is Decimal for value in values), text


def test_comparisons_are_between_values_of_one_kind() -> None:
    rows = [{"a": Decimal(2)}, {"a": "2"}, {"a": True}, {"a": None}, {"a": [2]}, {}]
    assert search(compiled("[?a > `1`]"), rows, Budget()) == [rows[0]]
    assert search(compiled("[?a == '2']"), rows, Budget()) == [rows[1]]
    assert search(compiled("[?a == `true`]"), rows, Budget()) == [rows[2]]
    assert len(search(compiled("[?a != '2']"), rows, Budget())) == 5


def test_hostile_expressions_and_answers_end_soon() -> None:
    """The worst that is taken, over the worst that could come: the budget ends it."""
    wide = [[[[1] * 20] * 20] * 20] * 300
    for text in ("[]" + "|[]" * 8, "[*][*][*][*]", "[][][][]|[?@==@]|[?@]|[?!!@]", "*.*.*.*", "[?@[?@[?@[?@]]]]"):
        try:
            search(compiled(text), wide, Budget())
        except PayloadError as error:
            assert "too large" in str(error)
    with pytest.raises(PayloadError, match="too large"):
        search(compiled("[*]|[*]|[*]"), [1] * MOST_VISITS, Budget())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False).map(str) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "a",
            ".",
            "[",
            "]",
            "[]",
            "*",
            "[*]",
            "[?",
            "`1`",
            "'x'",
            "`",
            "'",
            '"',
            "|",
            "||",
            "&&",
            "!",
            "@",
            "==",
            "<",
            "0",
            " ",
        ]
    ),
    max_size=25,
).map("".join)


@settings(max_examples=400, deadline=None)
@given(text=PIECES | st.text(max_size=40), document=JSON)
def test_any_expression_over_anything_gives_a_value_or_our_error(text: str, document: Any) -> None:
    try:
        expression = compiled(text)
    except NotTaken:
        return
    found = search(expression, document, Budget())
    assert not isinstance(found, float)


# --- Documents --------------------------------------------------------------------------------------------------


def at(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value at a place."""
    copy = deepcopy(document)
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copy


BALANCE = ("capabilities", "balance")


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("purser_provider",), 2, "purser_provider"),
        (("purser_provider",), True, "purser_provider"),
        (("name",), "", "name"),
        (("name",), "a\nb", "name"),
        (("nmae",), "x", "nmae"),
        (("docs_url",), "javascript:alert(1)", "docs_url"),
        (("console_url",), "http://relay.example.com", "console_url"),
        (("base_urls",), [], "base_urls"),
        (("base_urls", 0, "url"), "http://relay.example.com", "base_urls[0].url"),
        (("base_urls", 0, "url"), "https://user@evil.example", "base_urls[0].url"),
        (("base_urls", 0, "url"), "https://relay.example.com?x=1", "base_urls[0].url"),
        (("base_urls", 0, "url"), "https://relay.example.com/../x", "base_urls[0].url"),
        (("base_urls", 0, "url"), "https://relay.example.com:99999", "base_urls[0].url"),
        (("base_urls", 0, "url"), "https://{host}.example.com", "base_urls[0].url"),
        (("base_urls", 0, "url"), "https://rеlay.example.com", "base_urls[0].url"),
        (("secrets", 0, "header"), "Host", "secrets[0].header"),
        (("secrets", 0, "header"), "X-Key\r\nX", "secrets[0].header"),
        (("secrets", 0, "prefix"), "Bearer\r\n", "secrets[0].prefix"),
        (("secrets", 0, "name"), "label", "secrets[0].name"),
        (("fields",), [{"name": "api_key"}], "fields"),
        ((*BALANCE, "path"), "https://evil.example/", "capabilities.balance.path"),
        ((*BALANCE, "path"), "/x/{api_key}", "capabilities.balance.path"),
        ((*BALANCE, "path"), "/x/{nobody}", "capabilities.balance.path"),
        ((*BALANCE, "base"), 1, "capabilities.balance.base"),
        ((*BALANCE, "query"), {"key": "{api_key}"}, "capabilities.balance.query.key"),
        ((*BALANCE, "query"), {"key": "x{start}"}, "capabilities.balance.query.key"),
        ((*BALANCE, "query"), {"from": "{start}"}, "capabilities.balance.query.from"),
        ((*BALANCE, "headers"), {"Authorization": "x"}, "capabilities.balance.headers"),
        ((*BALANCE, "headers"), {"X-A": "a\r\nB: c"}, "capabilities.balance.headers"),
        ((*BALANCE, "secrets"), ["nobody"], "capabilities.balance.secrets"),
        ((*BALANCE, "interval_seconds"), 59, "capabilities.balance.interval_seconds"),
        ((*BALANCE, "span"), "day", "capabilities.balance.span"),
        ((*BALANCE, "fields", "amount"), "sum(a)", "capabilities.balance.fields.amount.at"),
        ((*BALANCE, "fields", "amount"), {"is": 0}, "capabilities.balance.fields.amount.is"),
        ((*BALANCE, "fields", "amount"), {"at": "a", "scale": 0.01}, "capabilities.balance.fields.amount.scale"),
        ((*BALANCE, "fields", "amount"), {"at": "a", "divide_by": "3"}, "capabilities.balance.fields.amount.divide_by"),
        ((*BALANCE, "fields", "amount"), {"at": "a", "divide_by": "0"}, "capabilities.balance.fields.amount.divide_by"),
        ((*BALANCE, "fields"), {"amount": "a"}, "capabilities.balance.fields.unit"),
        ((*BALANCE, "fields", "kind"), {"is": "gold"}, "capabilities.balance.fields.kind.is"),
        ((*BALANCE, "zone"), "Mars/Olympus", "capabilities.balance.zone"),
        ((*BALANCE, "zone"), "../../etc/passwd", "capabilities.balance.zone"),
        (("capabilities",), {}, "capabilities"),
        (("capabilities", "gold"), {}, "capabilities.gold"),
    ],
)
def test_mistakes_are_told_at_their_place(path: tuple[Any, ...], value: Any, where: str) -> None:
    document = at(described(), path, value)
    assert where in [one.path for one in problems(document)]
    assert all(one.words.endswith(".") for one in problems(document))
    with pytest.raises(DocumentProblem):
        provider_from(document)


def test_the_format_is_explained_by_documents_that_are_taken() -> None:
    text = (Path(providers.described.__file__).parent / "FORMAT.md").read_text(encoding="utf-8")
    examples = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", text, re.DOTALL)]
    assert examples
    assert [problems(one) for one in examples] == [[] for _ in examples]
    for capability, fields in FIELDS.items():
        (row,) = re.findall(rf"^\| {capability} \|.*$", text, re.MULTILINE)
        assert {name for name in fields if name not in row} == set()
        assert {name for name in REQUIRED[capability] if f"**{name}**" not in row} == set()


def test_documents_that_are_too_large_or_nested_are_refused() -> None:
    assert problems(described(summary="x" * 70_000))
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert problems(described(fields=nested))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*path, step))


DOCUMENTS = [dict(one) for one in presets().values()] + [described()]
PLACES = [(document, path) for document in DOCUMENTS for path in places(document)]


@settings(max_examples=300, deadline=None)
@given(document=JSON | st.dictionaries(st.sampled_from(list(described())), JSON))
def test_no_document_makes_the_validator_stumble(document: Any) -> None:
    assert all(isinstance(one.path, str) and one.words for one in problems(document))


@settings(max_examples=500, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON)
def test_a_document_changed_anywhere_is_good_or_told_why_not(place: tuple[Any, tuple[Any, ...]], value: Any) -> None:
    document = at(*place, value)
    if not problems(document):
        assert provider_from(document).hosts


@settings(max_examples=300, deadline=None)
@given(document=st.sampled_from([one for one in DOCUMENTS if not problems(one)]), body=JSON | st.binary(max_size=40))
def test_any_answer_gives_records_or_our_errors_without_the_secret(document: Any, body: Any) -> None:
    for capability, declared in provider_from(document).capabilities.items():
        if isinstance(declared, NotOffered):
            continue
        told = body if isinstance(body, bytes) else {"success": True, "data": body, "left": body, "answer": SECRET}
        try:
            collected(document, told, capability=capability)
        except ProviderError as error:
            assert SECRET not in f"{error!r} {error.__cause__!r}"


# --- Where a request may go -------------------------------------------------------------------------------------

TRICKS = [
    *("//evil.example", "/\\evil.example", "/@evil.example", "/../x", "/..%2fx", "/%2e%2e/x", "/a//b", "/a/./b"),
    *("\\\\evil.example", "@evil.example/", "https://evil.example", "/x?y=1", "/x#y", "/\u2044evil", "/\x00", "/a\nb"),
    *("/{user}{user}", "/{user}x", ":80/x", ".evil.example/x", "/x ", "/%0d%0aHost:evil", "", "evil", "/a;b=c"),
]


@pytest.mark.parametrize("path", TRICKS)
def test_a_path_that_plays_tricks_is_refused(path: str) -> None:
    document = described(fields=[{"name": "user"}])
    document["capabilities"]["balance"]["path"] = path
    assert "capabilities.balance.path" in [one.path for one in problems(document)]


TRICKY = st.lists(
    st.sampled_from(
        [
            "/",
            "\\",
            "@",
            ".",
            "..",
            "%2f",
            "%2e",
            "evil.example",
            ":",
            "?",
            "#",
            "\r\n",
            "\x00",
            " ",
            "{",
            "}",
            "a",
            "é",
            "／",
        ]
    )
    | st.text(max_size=3),
    max_size=6,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(base=TRICKY, path=TRICKY, value=TRICKY)
def test_no_document_and_no_field_sends_a_request_elsewhere(base: str, path: str, value: str) -> None:
    """Whatever stands in the base URL's path, in a path or in an open field: what is sent goes to a declared host, with
    the same path in front."""
    document = described(fields=[{"name": "user"}], base_urls=[{"url": f"https://relay.example.com{base}"}])
    document["capabilities"]["balance"] |= {"path": f"/who/{{user}}{path}", "query": {"q": "{user}"}}
    if problems(document):
        document["base_urls"] = [{"url": "https://relay.example.com"}]
        document["capabilities"]["balance"]["path"] = "/who/{user}"
    seen: list[httpx.URL] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return httpx.Response(200, json={"left": 1})

    keys = Credentials(values={**KEYS.values, "user": value})
    try:
        collect(provider_from(document), "balance", keys, WINDOW, Transport(wire=httpx.MockTransport(handle)).send)
    except ProviderError as error:
        assert SECRET not in repr(error)
    hosts = provider_from(document).hosts
    for url in seen:
        assert host_of(str(url)) in hosts
        assert url.userinfo == b""
        assert b"/who/" in url.raw_path
        segments = url.raw_path.split(b"?")[0].split(b"/who/", 1)[1].strip(b"/").split(b"/")
        extra = document["capabilities"]["balance"]["path"].removeprefix("/who/{user}").strip("/")
        assert len(segments) == 1 + len([part for part in extra.split("/") if part]), "a field is one segment"


def test_a_secret_goes_into_its_header_alone() -> None:
    document = described(fields=[{"name": "user"}])
    document["capabilities"]["balance"] |= {"path": "/{user}", "query": {"u": "{user}"}}
    send, sent = replying({"left": 1})
    collect(provider_from(document), "balance", Credentials(values={"api_key": SECRET, "user": "mei"}), WINDOW, send)
    (outgoing,) = sent
    assert SECRET not in outgoing.url + repr(outgoing.params) + repr(outgoing.json)
    assert [name for name, value in outgoing.headers if SECRET in value] == ["Authorization"]


def test_a_secret_that_is_no_key_never_reaches_the_wire() -> None:
    document = presets()["relay_account"]
    send, sent = replying(SELF)
    for broken in ("two words", "line\r\nbreak", "clé"):
        with pytest.raises(ActionNeeded) as error:
            collect(
                provider_from(document), "balance", Credentials(values={**KEYS.values, "user_id": broken}), WINDOW, send
            )
        assert broken not in str(error.value)
    assert sent == []


def test_without_encryption_only_inside_ones_own_network() -> None:
    document = described(self_hosted=True, base_urls=[{"url": "http://gpu-1:8000"}])
    provider = provider_from(document)
    assert provider.self_hosted
    with pytest.raises(ActionNeeded, match="without encryption"):
        collect(provider, "balance", KEYS, WINDOW, Transport(reach="public").send)


def test_an_optional_key_is_left_out_where_there_is_none() -> None:
    document = described(self_hosted=True)
    send, sent = replying({"left": 1})
    assert collect(provider_from(document), "balance", Credentials(values={}), WINDOW, send).records
    assert "Authorization" not in dict(sent[0].headers)


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"name": "Another name"}, False),
        ({"summary": "x"}, False),
        ({"secrets": [{"name": "api_key", "label": "Key", "help": "x"}]}, False),
        ({"secrets": [{"name": "api_key", "header": "X-Key"}]}, True),
        ({"secrets": [{"name": "api_key", "prefix": "Token "}]}, True),
        ({"base_urls": [{"url": "https://other.example.com"}]}, True),
        ({"base_urls": [{"url": "https://relay.example.com/v2"}]}, True),
        ({"base_urls": [{"url": "https://relay.example.com"}, {"url": "https://evil.example"}]}, True),
    ],
)
def test_where_a_secret_goes_is_known_to_the_letter(change: Any, moved: bool) -> None:
    before, after = provider_from(described()), provider_from(described(**change))
    assert (destinations(before) != destinations(after)) == moved


def test_what_stands_in_for_an_unreadable_description_tells_nothing() -> None:
    provider = unreadable(slug="own-x", name="Gone")
    assert all(isinstance(one, NotOffered) for one in provider.capabilities.values())
    send, sent = replying({})
    with pytest.raises(ActionNeeded):
        check(provider, KEYS, WINDOW, send)
    assert sent == []


@pytest.mark.parametrize(
    ("status", "error"), [(401, ActionNeeded), (404, NotAvailable), (429, Retryable), (500, Retryable)]
)
def test_statuses_mean_what_they_always_mean(status: int, error: type[ProviderError]) -> None:
    send, _ = replying({"error": SECRET}, status=status)
    with pytest.raises(error) as raised:
        collect(provider_from(described()), "balance", KEYS, WINDOW, send)
    assert SECRET not in str(raised.value)
