"""DeepInfra against its simulated account: what the adapter reads is what the ledger charged."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters.deepinfra import PROVIDER
from providers.collect import Credentials, check, collect
from providers.errors import ActionNeeded
from providers.records import Balance, CostBucket, Model, Quota, UsageBucket
from providers.simulator.parts.deepinfra import PROFILE
from providers.spec import Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
KEY = Credentials(values={"api_key": "sim-harbor"})


def window(days: int, now: datetime = NOW) -> Window:
    return Window(start=now - timedelta(days=days), end=now, now=now)


def test_ten_days_cost_the_whole_month_and_no_more() -> None:
    send, simulator = simulated("deepinfra", NOW)
    account = simulator.world.account(PROFILE, "harbor")
    found = collect(PROVIDER, "cost", KEY, window(10), send)
    costs = [record for record in found.records if isinstance(record, CostBucket)]
    assert {(row.start, row.end, row.final) for row in costs} == {
        (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC), False)
    }
    assert sum(row.amount for row in costs) == account.spent(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert any(row.category == "adjustment" for row in costs), "lines are cut to cents, so something is left over"
    assert found.partial == ()


def test_a_quarter_is_exact_month_by_month() -> None:
    send, simulator = simulated("deepinfra", NOW)
    account = simulator.world.account(PROFILE, "harbor")
    found = collect(PROVIDER, "cost", KEY, window(90), send)
    by_month: dict[datetime, Decimal] = {}
    for row in found.records:
        assert isinstance(row, CostBucket)
        assert row.final is (row.end <= NOW)
        by_month[row.start] = by_month.get(row.start, Decimal(0)) + row.amount
    assert sorted(month.month for month in by_month) == [8, 9, 10, 11]
    for month, amount in by_month.items():
        assert amount == account.spent(month, min(NOW, (month + timedelta(days=32)).replace(day=1)))


def test_tokens_are_the_ledgers() -> None:
    send, simulator = simulated("deepinfra", NOW)
    account = simulator.world.account(PROFILE, "harbor")
    charges = list(account.daily(datetime(2026, 11, 1, tzinfo=UTC), NOW))
    rows = [row for row in collect(PROVIDER, "usage", KEY, window(10), send).records if isinstance(row, UsageBucket)]
    assert {row.model for row in rows} == {model.id for model in PROFILE.models}
    assert sum(row.input_tokens or 0 for row in rows) == sum(c.input_tokens + c.cache_write_tokens for c in charges)
    assert sum(row.cached_input_tokens or 0 for row in rows) == sum(c.cached_tokens for c in charges)
    assert sum(row.output_tokens or 0 for row in rows) == sum(c.output_tokens for c in charges)


def test_history_stops_at_the_accounts_first_month() -> None:
    early = datetime(2025, 10, 3, tzinfo=UTC)
    send, simulator = simulated("deepinfra", early)
    collect(PROVIDER, "cost", KEY, window(365, early), send)
    assert simulator.calls[("deepinfra", "harbor")] == 2


def test_balance_and_limits() -> None:
    send, simulator = simulated("deepinfra", NOW)
    account = simulator.world.account(PROFILE, "harbor")
    (balance,) = collect(PROVIDER, "balance", KEY, window(1), send).records
    assert isinstance(balance, Balance)
    assert (balance.kind, balance.amount, balance.unit) == ("prepaid", account.balance(NOW), "USD")
    quotas = {
        row.name: row for row in collect(PROVIDER, "quota", KEY, window(1), send).records if isinstance(row, Quota)
    }
    assert quotas["Spending limit"].used == account.spent(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert quotas["Tokens per minute"].limit == 5_000_000


def test_models_need_no_key() -> None:
    send, _ = simulated("deepinfra", NOW)
    rows = collect(PROVIDER, "models", Credentials(values={}), window(1), send).records
    prices = {row.id: row.prices for row in rows if isinstance(row, Model)}
    assert prices == {model.id: {"input": model.input_price, "output": model.output_price} for model in PROFILE.models}


def test_a_scoped_token_and_a_member_without_rights_are_told_apart() -> None:
    send, _ = simulated("deepinfra", NOW)
    member = Credentials(values={"api_key": "member-sim-harbor"})
    assert check(PROVIDER, member, window(1), send).account_id
    with pytest.raises(ActionNeeded) as caught:
        collect(PROVIDER, "balance", member, window(1), send)
    assert caught.value.code == "missing_scope"
    with pytest.raises(ActionNeeded):
        check(PROVIDER, Credentials(values={"api_key": "jwt:sim-harbor"}), window(1), send)


def test_two_keys_of_one_account_are_one_account() -> None:
    send, _ = simulated("deepinfra", NOW)
    other = Credentials(values={"api_key": "second-sim-harbor"})
    assert check(PROVIDER, KEY, window(1), send) == check(PROVIDER, other, window(1), send)
