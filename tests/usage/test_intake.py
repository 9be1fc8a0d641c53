"""What is sent in lands once: rows by their id, batches by their key, hours as sums over the rows."""

import json
import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import close_old_connections, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from dashboard.balances.models import BalanceSeries, EntryKind
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ServiceToken
from dashboard.keys.services import service_token_rotate
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from dashboard.usage.entries.services import Typed, entry_add
from dashboard.usage.intake.rows import OLDEST
from dashboard.usage.intake.services import KEEP_ANSWERS, KEEP_ROWS, Answer, _rows_land, batch_take, intake_prune
from dashboard.usage.models import IntakeBatch, IntakeRow, SpendDaily, UsageDaily, UsageRecord
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import account_usage_delete, usage_land
from dashboard.usage.sources import sent_in
from providers.records import UsageBucket
from tests.conftest import NOW
from tests.usage.intake_world import account_of, row_of, send, token_of

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THIS_HOUR = NOW.replace(minute=0)
COUNTS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "requests")
DIMENSIONS = ("start", "model", "provider_key", "project", "unit")


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return account_of(organization)


@pytest.fixture
def token(organization: Organization) -> ServiceToken:
    return token_of(organization, now=NOW)[0]


def take(token: ServiceToken, rows: list[Any], key: str = "", now: datetime = NOW) -> Answer:
    body = json_of(rows)
    return batch_take(token=token, key=key or f"key {hash(body)}", body=body, now=now)


def document(answer: Answer) -> dict[str, Any]:
    return json.loads(answer.content)  # type: ignore[no-any-return]


def json_of(rows: list[Any]) -> bytes:
    return json.dumps({"rows": rows}).encode()


def records(account: ProviderAccount, *figures: str) -> list[tuple[Any, ...]]:
    found = UsageRecord.objects.filter(account=account).order_by(*DIMENSIONS, "source")
    return list(found.values_list(*(figures or (*DIMENSIONS, *COUNTS, "cost", "source"))))


def days(account: ProviderAccount) -> list[tuple[Any, ...]]:
    found = UsageDaily.objects.filter(account=account).order_by("day", "model", "unit")
    return list(found.values_list("day", "model", "unit", *COUNTS, "spend", "basis"))


# --- Hours ------------------------------------------------------------------------------------------------------


def test_rows_of_an_hour_add_up_across_batches(token: ServiceToken, account: ProviderAccount) -> None:
    for number, minute in enumerate((0, 31, 59)):
        at = THIS_HOUR - HOUR + timedelta(minutes=minute)
        answer = take(token, [row_of(account, at, input_tokens=number + 1, requests=1)])
        assert (answer.status, document(answer)) == (200, {"accepted": 1, "rejected": 0, "rows": []})
    record = UsageRecord.objects.get()
    assert (record.start, record.end) == (THIS_HOUR - HOUR, THIS_HOUR)
    assert (record.input_tokens, record.requests, record.model) == (6, 3, "m")
    assert record.source == sent_in(token.pk)
    assert UsageDaily.objects.get().input_tokens == 6


def test_unknown_stays_unknown(token: ServiceToken, account: ProviderAccount) -> None:
    at = NOW - HOUR
    take(
        token,
        [row_of(account, at), row_of(account, at, output_tokens=0), row_of(account, at, cached_input_tokens=None)],
    )
    record = UsageRecord.objects.get()
    assert (record.input_tokens, record.output_tokens) == (30, 0), "a 0 that was told is a 0"
    unknown = ("cached_input_tokens", "cache_write_tokens", "reasoning_tokens", "requests", "cost")
    assert [getattr(record, name) for name in unknown] == [None] * 5
    daily = UsageDaily.objects.get()
    assert [getattr(daily, name) for name in (*unknown[:-1], "spend")] == [None] * 5
    assert daily.basis == "unpriced"


def test_dimensions_and_units_are_kept_apart(token: ServiceToken, account: ProviderAccount) -> None:
    at, usd = NOW - HOUR, {"amount": "0.1", "currency": "USD"}
    rows = [
        row_of(account, at, cost=usd),
        row_of(account, at, cost={"amount": "0.2", "currency": "USD"}),
        row_of(account, at, cost={"amount": "0.000000000001", "currency": "EUR"}),
        row_of(account, at),
        row_of(account, at, key="k", cost=usd),
        row_of(account, at, project="p", cost=usd),
        row_of(account, at, model=None, cost=usd),
        row_of(account, at - HOUR, cost=usd),
    ]
    assert take(token, rows).status == 200
    told = records(account, "model", "provider_key", "project", "unit", "cost", "input_tokens")
    assert sorted(told, key=str) == sorted(
        [
            ("m", "", "", "USD", Decimal("0.3"), 20),
            ("m", "", "", "EUR", Decimal("0.000000000001"), 10),
            ("m", "", "", "", None, 10),
            ("m", "k", "", "USD", Decimal("0.1"), 10),
            ("m", "", "p", "USD", Decimal("0.1"), 10),
            ("", "", "", "USD", Decimal("0.1"), 10),
            ("m", "", "", "USD", Decimal("0.1"), 10),
        ],
        key=str,
    )
    assert SpendDaily.objects.get(unit="USD").spend == Decimal("0.7")


def test_the_same_id_replaces_and_leaves_nothing_behind(token: ServiceToken, account: ProviderAccount) -> None:
    first, other = NOW - DAY, NOW - HOUR
    take(token, [row_of(account, first, id="a"), row_of(account, first, id="b", model="n", input_tokens=7)])
    take(token, [row_of(account, other, id="a", model="o", input_tokens=3)])
    told = records(account, "start", "model", "input_tokens")
    assert told == [(first.replace(minute=0), "n", 7), (other.replace(minute=0), "o", 3)]
    assert [(row[1], row[3]) for row in days(account)] == [("n", 7), ("o", 3)]
    take(token, [row_of(account, other, id="b", model="o", input_tokens=5)])
    assert records(account, "start", "model", "input_tokens") == [(other.replace(minute=0), "o", 8)]
    assert [(row[1], row[3]) for row in days(account)] == [("o", 8)], "an emptied day is gone from the rollup"


def test_the_last_row_of_an_id_counts_within_a_batch_too(token: ServiceToken, account: ProviderAccount) -> None:
    at = NOW - HOUR
    answer = take(token, [row_of(account, at, id="a", input_tokens=number) for number in (1, 5, 3)])
    assert document(answer)["accepted"] == 3
    assert records(account, "input_tokens") == [(3,)]


def test_an_id_is_known_within_its_account_whoever_sends_it(
    organization: Organization, token: ServiceToken, account: ProviderAccount
) -> None:
    second, elsewhere = token_of(organization, now=NOW)[0], account_of(organization, "Other")
    at = NOW - HOUR
    take(token, [row_of(account, at, id="a"), row_of(account, at, id="b"), row_of(elsewhere, at, id="a")])
    take(second, [row_of(account, at, id="a", input_tokens=4)])
    take(second, [row_of(account, at, id="b")])
    assert set(records(account, "input_tokens", "source")) == {(10, sent_in(token.pk)), (4, sent_in(second.pk))}
    assert records(elsewhere, "input_tokens") == [(10,)]
    assert UsageDaily.objects.get(account=account).input_tokens == 14, (
        "two gateways add up, a row that both send does not"
    )


def test_rows_without_an_id_count_once_per_batch(token: ServiceToken, account: ProviderAccount) -> None:
    rows = [row_of(account, NOW - HOUR)] * 3
    take(token, rows, "one")
    take(token, rows, "one")
    assert records(account, "input_tokens") == [(30,)]
    take(token, rows, "two")
    assert records(account, "input_tokens") == [(60,)]


def test_a_forgotten_answer_does_not_count_rows_again(token: ServiceToken, account: ProviderAccount) -> None:
    rows = [row_of(account, NOW - HOUR)] * 3
    take(token, rows, "one")
    later = NOW + KEEP_ANSWERS + HOUR
    intake_prune(now=later)
    assert not IntakeBatch.objects.exists()
    assert not take(token, rows, "one", now=later).replayed
    assert records(account, "input_tokens") == [(30,)]


def test_the_provider_s_own_figures_count_before_what_was_sent(token: ServiceToken, account: ProviderAccount) -> None:
    at = NOW - HOUR
    take(token, [row_of(account, at, input_tokens=99)])
    start = at.replace(hour=0, minute=0)
    told = UsageBucket(start=start, end=start + DAY, model="m", input_tokens=100)
    partitions_ensure(table="usage_usagerecord", starts=[start], now=NOW)
    with transaction.atomic():
        usage_land(account_id=account.pk, buckets=[told])
    assert UsageDaily.objects.get().input_tokens == 100
    take(token, [row_of(account, at, input_tokens=1)])
    assert UsageDaily.objects.get().input_tokens == 100
    assert UsageRecord.objects.count() == 2, "it is kept, and counts again when the provider stops telling"


def test_hours_fall_on_the_organization_s_own_days(token: ServiceToken, account: ProviderAccount) -> None:
    """Taipei is eight hours ahead."""
    midnight = datetime.fromisoformat("2026-11-19T00:00:00+08:00")
    take(token, [row_of(account, midnight), row_of(account, midnight - timedelta(seconds=1))])
    assert [str(row[0]) for row in days(account)] == ["2026-11-18", "2026-11-19"]


# --- What is old ------------------------------------------------------------------------------------------------


def test_rows_are_kept_as_long_as_their_hour_can_change(token: ServiceToken, account: ProviderAccount) -> None:
    edge = NOW - OLDEST
    assert take(token, [row_of(account, edge, id="a"), row_of(account, NOW, id="b")]).status == 200
    (refused,) = document(take(token, [row_of(account, edge - timedelta(seconds=1))]))["rows"]
    assert refused["error"]["code"] == "too_old"
    intake_prune(now=NOW)
    assert IntakeRow.objects.count() == 2
    before, later = records(account), NOW + (KEEP_ROWS - OLDEST) + HOUR
    # Not forgotten yet, and closed all the same: nobody sums an hour that is being forgotten.
    (late,) = document(take(token, [row_of(account, later, id="a")], now=NOW + HOUR * 2))["rows"]
    assert late["error"]["code"] == "in_future"
    answer = take(token, [row_of(account, NOW, id="a"), row_of(account, NOW, id="c")], now=NOW + HOUR)
    assert (answer.status, document(answer)["rows"][0]["error"]["code"]) == (207, "closed")
    intake_prune(now=later)
    assert IntakeRow.objects.count() == 2
    assert [row for row in records(account) if row[0] < NOW - DAY] == before[:1], "the records stay"


def test_an_account_that_goes_while_its_rows_come_takes_them_along(
    token: ServiceToken, account: ProviderAccount
) -> None:
    """Its rows were placed, and it is gone when they are to be kept."""
    row = IntakeRow(account_id=account.pk, digest=UUID(int=1), token=token, hour=THIS_HOUR, unit="", input_tokens=1)
    account.delete()
    with transaction.atomic():
        late = _rows_land(token, {3: row}, NOW)
    assert {index: error.code for index, error in late.items()} == {3: "unknown_account"}
    assert not IntakeRow.objects.exists()
    assert not UsageRecord.objects.exists()


def test_nothing_is_left_of_an_erased_account(token: ServiceToken, account: ProviderAccount) -> None:
    take(token, [row_of(account, NOW)])
    account_usage_delete(account_ids=[account.pk])
    assert not any(model.objects.exists() for model in (IntakeRow, UsageRecord, UsageDaily))
    assert take(token, [row_of(account, NOW)]).replayed, "what was answered stays answered"


# --- Any order --------------------------------------------------------------------------------------------------

ids = st.sampled_from("abcdefgh")
counts = st.none() | st.integers(0, 1000)
row_texts = st.fixed_dictionaries(
    {"minutes": st.integers(0, 60 * 24 * 3), "account": st.integers(0, 1)},
    optional={
        "model": st.sampled_from(["m", "n"]),
        "key": st.sampled_from(["k", "l"]),
        "project": st.just("p"),
        "output_tokens": counts,
        "cached_input_tokens": counts,
        "requests": counts,
        "cost": st.builds(
            lambda cents, unit: {"amount": f"0.{cents:03}", "currency": unit},
            st.integers(0, 999),
            st.sampled_from(["USD", "EUR"]),
        ),
    },
)


class AnyOrder(HypothesisTestCase):
    """However rows are cut into batches, mixed and sent again, the records are sums over the rows by id."""

    def world(self) -> tuple[ServiceToken, list[ProviderAccount]]:
        organization = Organization.objects.create(name="Any order", reporting_zone="Asia/Kathmandu")
        return token_of(organization, now=NOW)[0], [account_of(organization, label) for label in ("A", "B")]

    def sums(self, rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], list[Any]]:
        """The same by hand: what each bucket must say."""
        wanted: dict[tuple[Any, ...], list[Any]] = {}
        for row in rows:
            hour = (NOW - timedelta(minutes=row["minutes"])).replace(minute=0)
            unit = row.get("cost", {}).get("currency", "")
            key = (row["account"], hour, row.get("model", ""), row.get("key", ""), row.get("project", ""), unit)
            figures = wanted.setdefault(key, [None] * 7)
            told = [row.get(name) for name in COUNTS] + [Decimal(row["cost"]["amount"]) if "cost" in row else None]
            for index, value in enumerate(told):
                if value is not None:
                    figures[index] = (figures[index] or 0) + value
        return wanted

    def found(self, accounts: list[ProviderAccount], token: ServiceToken) -> dict[tuple[Any, ...], list[Any]]:
        return {
            (index, *row[:5]): list(row[5:12])
            for index, account in enumerate(accounts)
            for row in records(account)
            if row[12] == sent_in(token.pk)
        }

    def sent(self, row: dict[str, Any], accounts: list[ProviderAccount]) -> dict[str, Any]:
        rest = {name: value for name, value in row.items() if name not in ("minutes", "account")}
        at = NOW - timedelta(minutes=row["minutes"])
        return {"account": accounts[row["account"]].pk, "at": at.isoformat(), **rest}

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(row_texts, max_size=14), st.data())
    def test_any_partition_in_any_order_with_repetitions(self, rows: list[dict[str, Any]], data: st.DataObject) -> None:
        token, accounts = self.world()
        rows = [{"input_tokens": number, "id": f"row {number}", **row} for number, row in enumerate(rows)]
        again = data.draw(st.lists(st.sampled_from(rows), max_size=10)) if rows else []
        queue, number = data.draw(st.permutations(rows + again)), 0
        while queue:
            size = data.draw(st.integers(1, len(queue)))
            part, queue, number = [self.sent(row, accounts) for row in queue[:size]], queue[size:], number + 1
            for _ in range(data.draw(st.integers(1, 2))):
                assert take(token, part, f"batch {number}").status == 200
        assert self.found(accounts, token) == self.sums(rows)
        straight_token, straight = self.world()
        if rows:
            take(straight_token, [self.sent(row, straight) for row in rows])
        assert [days(account) for account in accounts] == [days(account) for account in straight]

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(ids, row_texts, st.booleans()), max_size=14), st.data())
    def test_the_last_word_on_an_id_counts(
        self, rows: list[tuple[str, dict[str, Any], bool]], data: st.DataObject
    ) -> None:
        """Changed hours, models, units, accounts and senders included."""
        token, accounts = self.world()
        second = token_of(token.organization, now=NOW)[0]
        last: dict[tuple[str, int], tuple[dict[str, Any], ServiceToken]] = {}
        for number, (name, row, by_second) in enumerate(rows):
            told, sender = {"input_tokens": number, "id": name, **row}, second if by_second else token
            last[name, row["account"]] = (told, sender)
            assert take(sender, [self.sent(told, accounts)], f"batch {number}").status == 200
        for sender in (token, second):
            own = [row for row, by in last.values() if by == sender]
            assert self.found(accounts, sender) == self.sums(own)


# --- At the same time -------------------------------------------------------------------------------------------


def at_once(works: list[Callable[[], Any]]) -> list[Any]:
    """What these answered, run in threads that start together."""
    start, answers = threading.Barrier(len(works)), list[Any]()

    def run(work: Callable[[], Any]) -> None:
        try:
            start.wait(20)
            answers.append(work())
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(answers) == len(works), "one of them raised"
    return answers


@pytest.mark.django_db(transaction=True)
def test_two_of_one_key_land_once() -> None:
    organization = Organization.objects.create(name="Harbor Labs")
    account, (_token, secret) = account_of(organization), token_of(organization)
    now = timezone.now()
    for number in range(5):
        rows = [row_of(account, now, input_tokens=1) for _ in range(200)]
        answers = at_once([lambda rows=rows, key=f"k{number}": send(secret, rows, key)] * 4)  # type: ignore[misc]
        fresh = [one for one in answers if one.status_code == 200 and "Idempotent-Replayed" not in one]
        assert len(fresh) == 1
        for one in answers:
            assert one.status_code in (200, 409)
            if one.status_code == 409:
                assert one.json()["error"]["code"] == "in_progress"
                assert one["Retry-After"] == "1"
            else:
                assert one.json()["accepted"] == 200
        assert send(secret, rows, f"k{number}")["Idempotent-Replayed"] == "true"
    assert sum(UsageRecord.objects.values_list("input_tokens", flat=True)) == 1000  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_many_gateways_at_once_lose_nothing_and_never_wait_in_a_circle() -> None:
    """Same hours, overlapping ids, two accounts in either order, and tokens that are shared."""
    organization = Organization.objects.create(name="Harbor Labs")
    accounts = [account_of(organization, label) for label in ("A", "B")]
    secrets = [token_of(organization)[1] for _ in range(2)]
    now, chance = timezone.now(), random.Random(7)
    rows = [
        row_of(accounts[number % 2], now - HOUR * (number % 3), id=f"r{number}", input_tokens=number)
        for number in range(120)
    ]

    def work(number: int) -> Callable[[], list[int]]:
        mixed = chance.sample(rows, len(rows))
        parts = [mixed[start : start + 30] for start in range(0, 120, 30)]
        return lambda: [
            send(secrets[number % 2], part, f"{number}-{index}").status_code for index, part in enumerate(parts)
        ]

    answers = at_once([work(number) for number in range(4)])
    assert {status for told in answers for status in told} == {200}
    for index, account in enumerate(accounts):
        assert sum(row[5] for row in records(account)) == sum(range(index, 120, 2))
        assert sum(row[3] for row in days(account)) == sum(range(index, 120, 2))


# --- How much it takes ------------------------------------------------------------------------------------------


def statements(token: ServiceToken, rows: list[Any], key: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert take(token, rows, key).status == 200
    return len(captured)


def test_a_thousand_rows_take_as_many_statements_as_ten(token: ServiceToken, account: ProviderAccount) -> None:
    def rows(count: int, **more: Any) -> list[Any]:
        spread = [NOW - HOUR * (number % 24) for number in range(count)]
        return [row_of(account, at, id=f"r{number}", **more) for number, at in enumerate(spread)]

    statements(token, rows(24), "partitions are there")
    few = statements(token, rows(10, output_tokens=1), "few")
    many = statements(token, rows(1000, output_tokens=2), "many")
    assert many <= few <= 38
    again = statements(token, rows(1000, output_tokens=2), "the same rows under another key")
    assert again < many, "what is known already sums nothing anew"


def test_a_rotated_token_goes_on_with_its_rows(token: ServiceToken, account: ProviderAccount) -> None:
    take(token, [row_of(account, NOW, id="a")])
    service_token_rotate(token=token, by=SYSTEM, now=NOW)
    token.refresh_from_db()
    take(token, [row_of(account, NOW, id="a", input_tokens=3), row_of(account, NOW, id="b")])
    assert records(account, "input_tokens") == [(13,)]


def test_a_typed_balance_goes_down_by_what_is_sent_in(token: ServiceToken, account: ProviderAccount) -> None:
    typed_in = Typed(kind=EntryKind.BALANCE, amount=Decimal(10), unit="USD", at=NOW - DAY)
    entry_add(account=account, typed_in=typed_in, by=SYSTEM, now=NOW)
    take(token, [row_of(account, NOW - HOUR, cost={"amount": "2.5", "currency": "USD"})])
    assert BalanceSeries.objects.get(account=account).amount == Decimal("7.5")
