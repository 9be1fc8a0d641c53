"""Landing of usage and cost rows, and the rollup that is rebuilt from them."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import close_old_connections, connection, transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase
from msgspec.structs import replace

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.usage.models import CostRecord, SpendDaily, UsageDaily, UsageRecord
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.selectors import spend_of_month, usage_by_day
from dashboard.usage.services import Landed, account_usage_delete, cost_land, usage_land
from providers.errors import PayloadError
from providers.records import CostBucket, UsageBucket

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
FIGURES = [
    "day",
    "span",
    "model",
    "unit",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "requests",
    "billed",
    "reported",
    "spend",
    "basis",
    "provisional",
]
USAGE_KEY = ["model", "provider_key", "project", "user", "tier", "endpoint", "unit"]
COST_KEY = ["model", "line_item", "project", "provider_key", "unit"]


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return made(organization)


def made(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="openai", label="Main")


def used(start: datetime = MONDAY, length: timedelta = DAY, model: str = "m", **more: Any) -> UsageBucket:
    return UsageBucket(start=start, end=start + length, model=model, **{"input_tokens": 100, "requests": 1, **more})


def paid(amount: str, start: datetime = MONDAY, length: timedelta = DAY, **more: Any) -> CostBucket:
    return CostBucket(
        start=start, end=start + length, amount=Decimal(amount), **{"unit": "USD", "model": "m", "final": True, **more}
    )


def reported(amount: str, start: datetime = MONDAY, length: timedelta = DAY, **more: Any) -> UsageBucket:
    return used(start, length, cost=Decimal(amount), unit="USD", **more)


def land(
    account: ProviderAccount,
    buckets: Sequence[UsageBucket | CostBucket],
    complete: tuple[datetime, datetime] | None = None,
    kind: type | None = None,
) -> Landed:
    """As a sync run does it: partitions first, then one transaction."""
    if (kind or type(buckets[0])) is not CostBucket:
        usage = [row for row in buckets if isinstance(row, UsageBucket)]
        partitions_ensure(table="usage_usagerecord", starts=(row.start for row in usage), now=NOW)
        with transaction.atomic():
            return usage_land(account_id=account.pk, buckets=usage, complete=complete)
    cost = [row for row in buckets if isinstance(row, CostBucket)]
    partitions_ensure(table="usage_costrecord", starts=(row.start for row in cost), now=NOW)
    with transaction.atomic():
        return cost_land(account_id=account.pk, buckets=cost, complete=complete)


def rollup(account: ProviderAccount) -> list[tuple[Any, ...]]:
    rows = UsageDaily.objects.filter(account=account).order_by("day", "span", "model", "unit")
    agrees(account)
    return list(rows.values_list(*FIGURES))


def one(account: ProviderAccount, **where: Any) -> UsageDaily:
    agrees(account)
    return UsageDaily.objects.get(account=account, **where)


def agrees(account: ProviderAccount) -> None:
    """SpendDaily is the sum of UsageDaily, day by day and unit by unit."""
    wanted = (
        UsageDaily.objects.filter(account=account)
        .values_list("organization_id", "day", "span", "unit")
        .annotate(total=Sum("spend"))
    )
    found = SpendDaily.objects.filter(account=account, provider_slug=account.provider_slug)
    assert sorted(wanted, key=str) == sorted(
        found.values_list("organization_id", "day", "span", "unit", "spend"), key=str
    )


# --- Records ----------------------------------------------------------------------------------------------------


def test_landing_twice_changes_nothing(account: ProviderAccount) -> None:
    rows = [used(), used(model="n"), used(MONDAY + DAY)]
    assert land(account, rows) == Landed(changed=3, removed=0)
    before = rollup(account)
    assert land(account, rows) == Landed(changed=0, removed=0)
    assert land(account, rows, (MONDAY, MONDAY + 2 * DAY)) == Landed(changed=0, removed=0)
    assert UsageRecord.objects.count() == 3
    assert rollup(account) == before


def test_every_part_of_the_natural_key_counts(account: ProviderAccount) -> None:
    base = used()
    others = [
        replace(base, end=base.end + HOUR),
        *(replace(base, **{name: "x"}) for name in USAGE_KEY),
    ]
    assert land(account, [base, *others]).changed == len(others) + 1
    money = paid("1")
    more = [replace(money, **{name: "x"}) for name in COST_KEY]
    assert land(account, [money, *more, replace(money, category="tax")]).changed == len(more) + 2


def test_a_revised_row_changes_one(account: ProviderAccount) -> None:
    land(account, [used(), used(model="n")])
    assert land(account, [used(input_tokens=150), used(model="n")]) == Landed(changed=1, removed=0)
    assert one(account, model="m").input_tokens == 150
    assert one(account, model="n").input_tokens == 100
    land(account, [paid("1.00")])
    assert land(account, [paid("0.90", final=False)]) == Landed(changed=1, removed=0)
    assert (one(account, model="m", unit="USD").spend, one(account, model="m", unit="USD").provisional) == (
        Decimal("0.90"),
        True,
    )


def test_a_figure_that_becomes_unknown_is_a_change(account: ProviderAccount) -> None:
    land(account, [used(output_tokens=0)])
    assert one(account).output_tokens == 0
    assert land(account, [used(output_tokens=None)]).changed == 1
    assert one(account).output_tokens is None


def test_vanished_rows_go_only_inside_the_span_that_was_read_whole(account: ProviderAccount) -> None:
    days = [MONDAY + index * DAY for index in range(4)]
    land(account, [used(day) for day in days])
    assert land(account, [used(days[0])]) == Landed(changed=0, removed=0), "a partial reading removes nothing"
    assert land(account, [used(days[1])], (days[1], days[3])) == Landed(changed=0, removed=1)
    assert [row[0] for row in rollup(account)] == [days[index].date() for index in (0, 1, 3)]


def test_a_span_that_came_back_empty_is_emptied(account: ProviderAccount) -> None:
    land(account, [used(), used(MONDAY + DAY)])
    assert land(account, [], (MONDAY, MONDAY + DAY), UsageBucket) == Landed(changed=0, removed=1)
    assert [row[0] for row in rollup(account)] == [date(2026, 11, 17)]
    assert land(account, [], (MONDAY, MONDAY + DAY), CostBucket) == Landed(changed=0, removed=0)


def test_other_accounts_rows_are_left_alone(account: ProviderAccount, organization: Organization) -> None:
    other = made(organization)
    land(account, [used()])
    land(other, [used()])
    land(other, [], (MONDAY, MONDAY + DAY), UsageBucket)
    assert len(rollup(account)) == 1
    assert rollup(other) == []
    account_usage_delete(account_ids=[other.pk])
    assert len(rollup(account)) == 1
    account_usage_delete(account_ids=[account.pk])
    assert (UsageRecord.objects.count(), UsageDaily.objects.count(), SpendDaily.objects.count()) == (0, 0, 0)


def test_usage_and_cost_land_in_one_transaction(account: ProviderAccount) -> None:
    land(account, [used()])
    land(account, [paid("1")])
    with transaction.atomic():
        usage_land(account_id=account.pk, buckets=[used(requests=7)], complete=None)
        usage_land(account_id=account.pk, buckets=[used(requests=8)], complete=None)
        cost_land(account_id=account.pk, buckets=[paid("2")], complete=None)
    assert UsageRecord.objects.get().requests == 8
    assert CostRecord.objects.get().amount == Decimal(2)


def test_text_that_looks_like_copy_syntax_is_stored_as_it_came(account: ProviderAccount) -> None:
    odd = 'a\tb\\N\n"quoted" \'; DROP TABLE x; -- 模型'
    land(account, [used(model=odd, quantities={"images\t": Decimal("1.5")})])
    land(account, [paid("1", model=odd, line_item="\\.")])
    row = UsageRecord.objects.get()
    assert (row.model, row.quantities) == (odd, {"images\t": "1.5"})
    assert CostRecord.objects.get().line_item == "\\."


# --- Partitions -------------------------------------------------------------------------------------------------


def partitions(table: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table])
        return {name for (name,) in cursor.fetchall()}


def test_new_months_get_their_partitions(account: ProviderAccount) -> None:
    moments = [datetime(2026, 1, 31, 23, 30, tzinfo=UTC), datetime(2025, 12, 31, 23, 59, tzinfo=UTC)]
    land(account, [used(moment, HOUR) for moment in moments])
    assert {"usage_usagerecord_2026_01", "usage_usagerecord_2025_12"} <= partitions("usage_usagerecord")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text, start FROM usage_usagerecord ORDER BY start")
        assert cursor.fetchall() == [
            ("usage_usagerecord_2025_12", moments[1]),
            ("usage_usagerecord_2026_01", moments[0]),
        ]


@pytest.mark.parametrize("year", [1, 1970, 2014, 2027, 9999])
def test_absurd_years_are_refused_and_nothing_is_stored(account: ProviderAccount, year: int) -> None:
    odd = used(datetime(year, 6, 1, tzinfo=UTC), HOUR)
    before = partitions("usage_usagerecord")
    with pytest.raises(PayloadError):
        land(account, [used(), odd])
    assert partitions("usage_usagerecord") == before
    assert not UsageRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_the_same_partition_at_once() -> None:
    """Without the lock PostgreSQL raises for the second CREATE TABLE IF NOT EXISTS."""
    start = datetime(2024, 2, 10, tzinfo=UTC)
    for table in ("usage_usagerecord", "usage_costrecord"):
        at_once([lambda table=table: partitions_ensure(table=table, starts=[start], now=NOW)] * 6)  # type: ignore[misc]
        assert f"{table}_2024_02" in partitions(table)


# --- The rollup: what counts ------------------------------------------------------------------------------------


def test_reported_cost_counts_until_the_day_is_billed(account: ProviderAccount) -> None:
    land(account, [reported("1.25"), reported("0.75", model="n")])
    assert (one(account, model="m").spend, one(account, model="m").basis) == (Decimal("1.25"), "reported")
    land(account, [paid("1.10")])
    rows = {row.model: (row.spend, row.basis, row.billed, row.reported) for row in UsageDaily.objects.all()}
    assert rows == {
        "m": (Decimal("1.10"), "billed", Decimal("1.10"), Decimal("1.25")),
        "n": (None, "covered", None, Decimal("0.75")),
    }, "reported money stays to compare with, and is never added to billed money"
    assert SpendDaily.objects.get().spend == Decimal("1.10")


def test_billed_beats_reported_on_its_own_day_only(account: ProviderAccount) -> None:
    land(account, [reported("1"), reported("2", MONDAY + DAY)])
    land(account, [paid("5")])
    assert {row[0].day: (row[12], row[13]) for row in rollup(account)} == {
        16: (Decimal(5), "billed"),
        17: (Decimal(2), "reported"),
    }


def test_a_bill_that_is_withdrawn_gives_way_to_what_was_reported(account: ProviderAccount) -> None:
    land(account, [reported("1")])
    land(account, [paid("5")])
    land(account, [], (MONDAY, MONDAY + DAY), CostBucket)
    assert (one(account).spend, one(account).basis) == (Decimal(1), "reported")


def test_a_bill_without_models_covers_the_days_models(account: ProviderAccount) -> None:
    land(account, [used(), used(model="n")])
    land(account, [paid("3.5", model=None, line_item="All use")])
    assert {row.model: (row.spend, row.basis) for row in UsageDaily.objects.all()} == {
        "": (Decimal("3.5"), "billed"),
        "m": (None, "covered"),
        "n": (None, "covered"),
    }
    assert SpendDaily.objects.get(unit="USD").unpriced_models == 0


def test_use_without_a_price_is_unpriced_and_counted(account: ProviderAccount) -> None:
    land(account, [used(), used(model="n"), used(model="idle", requests=0), used(model="untold", requests=None)])
    assert {row.basis for row in UsageDaily.objects.all()} == {"unpriced"}
    day = SpendDaily.objects.get()
    assert (day.spend, day.unpriced_models) == (None, 3)
    month = spend_of_month(scope=Scope(account.organization_id), today=date(2026, 11, 20))
    assert (month.parts, month.unpriced_models) == ([], 3)


def test_a_billed_zero_is_a_price(account: ProviderAccount) -> None:
    land(account, [used()])
    land(account, [paid("0")])
    row = one(account, unit="USD")
    assert (row.spend, row.basis) == (Decimal(0), "billed")
    assert one(account, unit="").basis == "covered"


def test_credits_keep_their_sign(account: ProviderAccount) -> None:
    land(account, [paid("10"), paid("-12.5", line_item="Credit", category="credit")])
    assert one(account).spend == Decimal("-2.5")


def test_two_currencies_of_one_day_stay_apart(account: ProviderAccount) -> None:
    land(account, [paid("1"), paid("7", unit="CNY")])
    assert dict(SpendDaily.objects.values_list("unit", "spend")) == {"USD": Decimal(1), "CNY": Decimal(7)}


def test_a_day_is_provisional_while_any_of_it_is_open(account: ProviderAccount) -> None:
    land(account, [used(final=True), used(tier="batch", final=False), used(MONDAY + DAY, final=None)])
    assert [row[-1] for row in rollup(account)] == [True, False]
    land(account, [used(tier="batch", final=True)])
    assert [row[-1] for row in rollup(account)] == [False, False]
    land(account, [paid("1", final=False)])
    assert one(account, unit="USD").provisional
    assert SpendDaily.objects.get(unit="USD").provisional


def test_unknown_stays_unknown_and_zero_stays_zero(account: ProviderAccount) -> None:
    nothing = dict.fromkeys(["input_tokens", "requests"])
    land(account, [used(**nothing), used(tier="batch", **nothing), used(model="n", input_tokens=0, requests=None)])
    row, zero = one(account, model="m"), one(account, model="n")
    assert [getattr(row, name) for name in FIGURES[4:13]] == [None] * 9
    assert (zero.input_tokens, zero.requests, zero.output_tokens) == (0, None, None)
    usage = usage_by_day(account_id=account.pk, today=date(2026, 11, 20))
    assert (usage.total.input, usage.total.output, usage.total.requests, usage.total.cost) == (0, None, None, None)


def test_rows_of_a_model_are_summed_and_partly_unknown_adds_what_is_known(account: ProviderAccount) -> None:
    land(account, [used(output_tokens=5), used(tier="batch", output_tokens=None), used(project="p", output_tokens=7)])
    row = one(account)
    assert (row.input_tokens, row.output_tokens, row.requests) == (300, 12, 3)


# --- The rollup: which day --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "start", "day"),
    [
        ("UTC", "2026-11-16T23:00", 16),
        ("Asia/Taipei", "2026-11-16T15:00", 16),
        ("Asia/Taipei", "2026-11-16T16:00", 17),
        ("Asia/Kathmandu", "2026-11-16T18:00", 16),
        ("Asia/Kathmandu", "2026-11-16T19:00", 17),
        ("America/New_York", "2026-11-16T04:00", 15),
        ("America/New_York", "2026-11-16T05:00", 16),
        # The clocks of New York go back on 1 November 2026 at 06:00 UTC: that day has 25 hours.
        ("America/New_York", "2026-11-01T03:00", 31),
        ("America/New_York", "2026-11-01T04:00", 1),
        ("America/New_York", "2026-11-02T04:00", 1),
        ("America/New_York", "2026-11-02T05:00", 2),
        ("Pacific/Kiritimati", "2026-11-16T10:00", 17),
        ("Pacific/Niue", "2026-11-16T10:00", 15),
    ],
)
def test_hours_fall_on_the_organizations_day(
    account: ProviderAccount, organization: Organization, zone: str, start: str, day: int
) -> None:
    Organization.objects.filter(pk=organization.pk).update(reporting_zone=zone)
    begin = datetime.fromisoformat(f"{start}+00:00")
    land(account, [used(begin, HOUR)])
    land(account, [paid("1", begin, HOUR)])
    assert {(row.day.day, row.span) for row in UsageDaily.objects.all()} == {(day, "day")}
    assert SpendDaily.objects.get(unit="USD").day.day == day


def test_a_day_of_hours_in_taipei_begins_at_sixteen_utc(account: ProviderAccount) -> None:
    hours = [used(MONDAY + index * HOUR, HOUR) for index in range(24)]
    land(account, hours)
    assert [(row[0].day, row[9]) for row in rollup(account)] == [(16, 16), (17, 8)]
    land(account, [], (MONDAY + 15 * HOUR, MONDAY + 17 * HOUR), UsageBucket)
    assert [(row[0].day, row[9]) for row in rollup(account)] == [(16, 15), (17, 7)]


def test_the_long_day_of_new_york_has_twenty_five_hours(account: ProviderAccount, organization: Organization) -> None:
    Organization.objects.filter(pk=organization.pk).update(reporting_zone="America/New_York")
    begin = datetime(2026, 10, 31, 4, tzinfo=UTC)
    land(account, [used(begin + index * HOUR, HOUR) for index in range(73)])
    assert [(row[0].day, row[9]) for row in rollup(account)] == [(31, 24), (1, 25), (2, 24)]


@pytest.mark.parametrize("zone", ["Asia/Taipei", "Asia/Kathmandu", "America/New_York", "Pacific/Niue"])
def test_whole_days_stay_on_the_providers_day(account: ProviderAccount, organization: Organization, zone: str) -> None:
    Organization.objects.filter(pk=organization.pk).update(reporting_zone=zone)
    land(account, [used(), used(MONDAY + DAY)])
    assert [row[0].day for row in rollup(account)] == [16, 17]


def test_a_month_stands_on_its_first_day_and_says_so(account: ProviderAccount) -> None:
    october, november = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    land(account, [used(october, november - october), used(november, 30 * DAY)])
    land(account, [paid("310", october, november - october), paid("7", november, 30 * DAY, final=False)])
    rows = UsageDaily.objects.filter(unit="USD").order_by("day")
    assert [(row.day, row.span, row.spend, row.provisional) for row in rows] == [
        (date(2026, 10, 1), "month", Decimal(310), False),
        (date(2026, 11, 1), "month", Decimal(7), True),
    ]
    agrees(account)
    month = spend_of_month(scope=Scope(account.organization_id), today=date(2026, 11, 20))
    assert [(part.amount, part.span) for part in month.parts] == [(Decimal(7), "month")]


# --- Order and company ------------------------------------------------------------------------------------------


def at_once(works: Sequence[Callable[[], object]]) -> None:
    """Run all of these in threads that start together; the first error is raised here."""
    start, errors = threading.Barrier(len(works)), []

    def run(work: Callable[[], object]) -> None:
        try:
            start.wait(20)
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]


@pytest.mark.django_db(transaction=True)
def test_usage_and_cost_of_one_account_land_at_the_same_time() -> None:
    """Neither waits for ever, and whoever comes second sees what the first one wrote."""
    organization = Organization.objects.create(name="Harbor Labs", reporting_zone="Asia/Taipei")
    for _ in range(4):
        account = made(organization)
        days = [MONDAY - index * DAY for index in range(20)]
        usage = [used(day, model=f"m{model}") for day in days for model in range(5)]
        cost = [paid("1.5", day, model=f"m{model}") for day in days for model in range(5)]
        at_once(
            [
                lambda account=account, rows=usage: land(account, rows),  # type: ignore[misc]
                lambda account=account, rows=cost: land(account, rows),  # type: ignore[misc]
            ]
        )
        rows = rollup(account)
        together = rows
        UsageDaily.objects.filter(account=account).delete()
        SpendDaily.objects.filter(account=account).delete()
        land(account, [replace(row, requests=9) for row in usage])
        land(account, usage)
        assert together == rollup(account), "the same as one after the other"
        assert {row[13] for row in rows} == {"billed", "covered"}
        assert sum(row[12] for row in rows if row[12] is not None) == Decimal(150)


starts = st.integers(0, 5).flatmap(
    lambda day: st.one_of(
        st.just((MONDAY - day * DAY, DAY)),
        st.integers(0, 23).map(lambda hour: (MONDAY - day * DAY + hour * HOUR, HOUR)),
    )
)
counts = st.one_of(st.none(), st.integers(0, 10**9))
usage_rows = st.builds(
    lambda span, model, tier, tokens, requests, cost, final: used(
        *span,
        model=model,
        tier=tier,
        input_tokens=tokens,
        requests=requests,
        cost=cost,
        unit=None if cost is None else "USD",
        final=final,
    ),
    starts,
    st.sampled_from("mn"),
    st.sampled_from([None, "batch"]),
    counts,
    counts,
    st.one_of(st.none(), st.decimals(0, 100, places=6)),
    st.sampled_from([None, True, False]),
)
cost_rows = st.builds(
    lambda span, model, unit, amount: paid(str(amount), *span, model=model, unit=unit),
    starts,
    st.sampled_from(["m", None]),
    st.sampled_from(["USD", "CNY"]),
    st.decimals(-5, 100, places=6),
)


def distinct(rows: Sequence[Any]) -> list[Any]:
    """As `collect` hands them on: one row for each key."""
    return list({row.key: row for row in rows}.values())


class AnyOrder(HypothesisTestCase):
    """However the rows come in, cut up, mixed and repeated, the rollup is the same."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(usage_rows, max_size=12), st.lists(cost_rows, max_size=8), st.data())
    def test_any_order_and_repetition_gives_the_same_rollup(
        self, usage: list[UsageBucket], cost: list[CostBucket], data: st.DataObject
    ) -> None:
        organization = Organization.objects.create(name="Any order", reporting_zone="Asia/Kathmandu")
        straight, shuffled = made(organization), made(organization)
        rows = [*distinct(usage), *distinct(cost)]
        for kind in (UsageBucket, CostBucket):
            land(straight, [row for row in rows if isinstance(row, kind)], kind=kind)
        queue = data.draw(st.permutations(rows + data.draw(st.lists(st.sampled_from(rows)) if rows else st.just([]))))
        while queue:
            size = data.draw(st.integers(1, len(queue)))
            part, queue = queue[:size], queue[size:]
            for kind in (CostBucket, UsageBucket):
                land(shuffled, distinct([row for row in part if isinstance(row, kind)]), kind=kind)
        assert rollup(straight) == rollup(shuffled)
