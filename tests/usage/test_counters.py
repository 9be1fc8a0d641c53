"""Counters of servers of one's own, landed as hours: restarts, missed readings, and readings that come twice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization
from dashboard.usage.counters import counters_land, counters_partitions, spread
from dashboard.usage.models import CounterReading, UsageDaily, UsageRecord
from dashboard.usage.partitions import partitions_ensure
from providers.records import CounterSample
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_all

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    partitions_ensure(
        table="usage_usagerecord", starts=counters_partitions(NOW + timedelta(days=40)), now=NOW + 41 * 24 * HOUR
    )
    partitions_ensure(table="usage_usagerecord", starts=counters_partitions(NOW), now=NOW)
    return ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="GPU")


def land(
    account: ProviderAccount,
    at: datetime,
    value: int,
    *,
    since: datetime | None = None,
    name: str = "output_tokens",
    model: str = "m",
) -> int:
    labels = {"server": "gpu-1", "model": model} | ({"since": since.isoformat()} if since else {})
    sample = CounterSample(name=name, value=Decimal(value), at=at, labels=labels)
    return counters_land(account_id=account.pk, samples=[sample], now=at).changed


def tokens(account: ProviderAccount) -> dict[str, int]:
    rows = UsageRecord.objects.filter(account_id=account.pk).order_by("start")
    return {f"{row.start:%d %H}": row.output_tokens or 0 for row in rows}


def test_the_first_reading_books_nothing_and_growth_counts(account: ProviderAccount) -> None:
    land(account, NOW, 5000)
    assert tokens(account) == {}
    land(account, NOW + 5 * MINUTE, 5100)
    land(account, NOW + 10 * MINUTE, 5250)
    assert tokens(account) == {"20 08": 250}
    assert UsageDaily.objects.get(account=account).output_tokens == 250


def test_a_reading_that_comes_twice_or_late_books_nothing(account: ProviderAccount) -> None:
    land(account, NOW, 10)
    land(account, NOW + 10 * MINUTE, 40)
    for at in (NOW + 10 * MINUTE, NOW + 5 * MINUTE):
        assert land(account, at, 25) == 0
    assert tokens(account) == {"20 08": 30}
    assert CounterReading.objects.get().value == 40


def test_a_restart_counts_what_came_since(account: ProviderAccount) -> None:
    started = NOW - 24 * HOUR
    land(account, NOW, 1000, since=started)
    land(account, NOW + 5 * MINUTE, 1010, since=started)
    land(account, NOW + 15 * MINUTE, 7, since=NOW + 8 * MINUTE)
    assert tokens(account) == {"20 08": 17}
    assert CounterReading.objects.count() == 1, "the old process is gone"


def test_where_no_start_is_told_a_fall_is_a_restart(account: ProviderAccount) -> None:
    land(account, NOW, 1000)
    land(account, NOW + 5 * MINUTE, 30)
    assert tokens(account) == {"20 08": 30}


def test_a_new_model_of_an_old_process_books_nothing_at_first_sight(account: ProviderAccount) -> None:
    started = NOW - 24 * HOUR
    land(account, NOW, 1000, since=started)
    land(account, NOW + 5 * MINUTE, 900, since=started, model="other")
    assert tokens(account) == {}


def test_missed_readings_are_spread_over_their_hours(account: ProviderAccount) -> None:
    land(account, NOW + 30 * MINUTE, 0)
    land(account, NOW + 150 * MINUTE, 100)
    assert tokens(account) == {"20 08": 25, "20 09": 50, "20 10": 25}


def test_what_is_not_told_stays_unknown(account: ProviderAccount) -> None:
    for name in ("requests", "input_tokens"):
        land(account, NOW, 10, name=name)
        land(account, NOW + 5 * MINUTE, 14, name=name)
    row = UsageRecord.objects.get(account_id=account.pk)
    assert (row.requests, row.input_tokens, row.output_tokens, row.cached_input_tokens) == (4, 4, None, None)


@given(
    count=st.integers(min_value=0, max_value=10**15),
    since=st.integers(min_value=0, max_value=80_000),
    length=st.integers(min_value=1, max_value=200_000),
)
def test_the_parts_are_whole_and_add_up(count: int, since: int, length: int) -> None:
    start = NOW + timedelta(seconds=since)
    parts = list(spread(count, start, start + timedelta(seconds=length)))
    assert sum(part for _, part in parts) == count
    assert all(part > 0 and hour.minute == hour.second == 0 for hour, part in parts)
    assert len({hour for hour, _ in parts}) == len(parts)


def test_a_server_is_read_to_the_pages(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    credential = connected(organization, "vllm", now)
    run_all(now)
    assert not UsageRecord.objects.filter(account_id=credential.account_id).exists(), "a first reading"
    for step in range(1, 7):
        simulator.now = now + step * HOUR
        run_all(simulator.now)
    daily = UsageDaily.objects.filter(account_id=credential.account_id)
    assert daily.exists()
    assert all(row.output_tokens and row.output_tokens > 0 for row in daily)
