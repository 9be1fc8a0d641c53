"""Qwen against its simulator: the bill that comes back, split or not, is the ledger's, and rights are kept apart."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters.qwen import PROVIDER
from providers.collect import Collected, Credentials, check, collect
from providers.errors import ActionNeeded
from providers.records import Balance, CostBucket, Model, Quota, UsageBucket
from providers.simulator.parts import qwen as part
from providers.simulator.world import SimAccount
from providers.spec import Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
FIRST = datetime(2026, 11, 11, tzinfo=UTC)
LEDGER_FIRST = FIRST - timedelta(hours=8)  # the billing day of UTC+8 of the same name
FULL = {"region_id": "ap-southeast-1"}


def credentials(key_id: str = "LTAI-sim-harbor", site: str = "intl", **more: str) -> Credentials:
    return Credentials(values={"access_key_id": key_id, "access_key_secret": part.SECRET, "site": site, **more})


def read(capability: str, given: Credentials, start: datetime = FIRST) -> tuple[Collected, SimAccount]:
    send, simulator = simulated(PROVIDER.slug, NOW)
    found = collect(PROVIDER, capability, given, Window(start=start, end=NOW, now=NOW), send)
    return found, simulator.world.account(part.PROFILE, "harbor")


def costs(found: Collected) -> list[CostBucket]:
    return [record for record in found.records if isinstance(record, CostBucket)]


def ledger(account: SimAccount, start: datetime = LEDGER_FIRST) -> Decimal:
    return sum((charge.cost for charge in account.charges(start, NOW)), Decimal(0))


@pytest.mark.parametrize(("site", "unit"), [("intl", "USD"), ("cn", "CNY")])
def test_the_balance_is_the_ledgers(site: str, unit: str) -> None:
    found, account = read("balance", credentials(site=site))
    (row,) = found.records
    assert isinstance(row, Balance)
    assert (row.amount, row.unit) == (account.balance(NOW), unit)
    assert 20 <= account.spent(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)) <= 300


@pytest.mark.parametrize("more", [{}, FULL], ids=["plain", "split"])
def test_ten_days_of_cost_are_the_ledger(more: dict[str, str]) -> None:
    found, account = read("cost", credentials(**more))
    buckets = costs(found)
    assert sum((one.amount for one in buckets), Decimal(0)) == ledger(account)
    assert {one.start for one in buckets} == {FIRST + timedelta(days=day) for day in range(10)}
    assert {one.final for one in buckets} == {False}
    assert {one.unit for one in buckets} == {"USD"}
    assert not found.partial


def test_the_split_names_every_model_and_key() -> None:
    """More groups than come at once, so that the next are asked for without those that are known."""
    found, account = read("cost", credentials(**FULL))
    for model in part.PROFILE.models:
        for key in part.PROFILE.keys:
            ours = [
                charge.cost
                for charge in account.charges(LEDGER_FIRST, NOW)
                if (charge.model, charge.key) == (model.id, key)
            ]
            told = part.key_id("harbor", key)
            buckets = [one for one in costs(found) if (one.model, one.provider_key) == (model.id, told)]
            assert sum((one.amount for one in buckets), Decimal(0)) == sum(ours, Decimal(0))
    assert sum(one.amount for one in costs(found) if one.provider_key is None) == 0


def test_a_bill_without_the_right_to_split_it_is_whole() -> None:
    found, account = read("cost", credentials("LTAI-bss-sim-harbor", **FULL))
    assert sum((one.amount for one in costs(found)), Decimal(0)) == ledger(account)
    assert {one.model for one in costs(found)} == {None}
    assert not found.partial


def test_a_final_month_is_told_as_final() -> None:
    found, _ = read("cost", credentials(), datetime(2026, 10, 30, tzinfo=UTC))
    finals = {one.start: one.final for one in costs(found)}
    assert finals[datetime(2026, 10, 31, tzinfo=UTC)] is True
    assert finals[datetime(2026, 11, 1, tzinfo=UTC)] is False


def test_ten_days_of_volumes_are_the_ledger() -> None:
    found, account = read("usage", credentials())
    buckets = [one for one in found.records if isinstance(one, UsageBucket)]
    outputs = sum((one.quantities["output tokens: 1K tokens"] for one in buckets), Decimal(0))
    assert outputs * 1000 == sum(charge.output_tokens for charge in account.charges(LEDGER_FIRST, NOW))
    assert sum((one.cost or Decimal(0) for one in buckets), Decimal(0)) == ledger(account)
    assert {one.model for one in buckets} == {model.id for model in part.PROFILE.models}


def test_quota_by_what_the_key_may_read() -> None:
    def names(given: Credentials) -> tuple[set[str], int]:
        found, _ = read("quota", given)
        return {row.name for row in found.records if isinstance(row, Quota)}, len(found.partial)

    limits, plan = {"Requests", "total_tokens"}, {"Token Plan credits", "Token Plan seats"}
    package = {"Prepaid package sfm_tokenplanteams_dp_cn"}
    assert names(credentials(**FULL)) == (limits | plan | package, 0)
    assert names(credentials()) == (package, 0)
    assert names(credentials("LTAI-prepaid-sim-harbor", **FULL)) == (limits | package, 0), "no plan is no gap"
    assert names(credentials("LTAI-bss-sim-harbor", **FULL)) == (package, 2)
    by_key = {"site": "intl", "inference_key": "sk-sim-harbor", "workspace_url": "https://dashscope-us.aliyuncs.com/"}
    assert names(Credentials(values=by_key)) == (limits, 0)
    with pytest.raises(ActionNeeded) as caught:
        names(credentials("LTAI-none-sim-harbor", **FULL))
    assert caught.value.code == "missing_scope"
    assert "AliyunBSSReadOnlyAccess" in caught.value.message
    with pytest.raises(ActionNeeded) as caught:
        names(Credentials(values={"site": "intl", "inference_key": "sk-sim-harbor"}))
    assert (caught.value.code, caught.value.field) == ("missing_field", "workspace_url")


def test_a_wrong_pair_is_told_by_its_part() -> None:
    for values, field in (
        ({"access_key_id": "LTAI-gone"}, "access_key_id"),
        ({"access_key_secret": "another"}, "access_key_secret"),
    ):
        with pytest.raises(ActionNeeded) as caught:
            read("balance", Credentials(values={**credentials().values, **values}))
        assert (caught.value.code, caught.value.field) == ("refused", field)


def test_keys_belong_to_one_plan() -> None:
    for key, plan in (("sk-sim-harbor", "pay_as_you_go"), ("sk-sp-sim-harbor", "coding_plan")):
        found, _ = read("models", Credentials(values={"site": "intl", "plan": plan, "inference_key": key}))
        assert len([row for row in found.records if isinstance(row, Model)]) == 3
    with pytest.raises(ActionNeeded) as caught:
        read("models", Credentials(values={"site": "cn", "plan": "token_plan", "inference_key": "sk-sim-harbor"}))
    assert caught.value.field == "inference_key"


def test_check_by_what_is_there() -> None:
    def kind(given: Credentials) -> tuple[bool, str | None]:
        send, _ = simulated(PROVIDER.slug, NOW)
        found = check(PROVIDER, given, Window(start=NOW, end=NOW, now=NOW), send)
        return found.account_id is not None, found.key_kind

    assert kind(credentials()) == (True, "access_key")
    assert kind(Credentials(values=dict(part.PART.demo))) == (True, "access_key")
    assert kind(Credentials(values={"site": "intl", "inference_key": "sk-sim-harbor"})) == (False, "inference_key")
    with pytest.raises(ActionNeeded) as caught:
        kind(Credentials(values={"site": "intl"}))
    assert caught.value.code == "missing_field"


def test_ninety_days_are_told() -> None:
    found, _ = read("cost", credentials(**FULL), NOW - timedelta(days=90))
    assert len(costs(found)) > 90 * 9
