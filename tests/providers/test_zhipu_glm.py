"""Zhipu against its simulator: wallet, tokens and credits that come back are the ledger's, in both regions."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters.zhipu_glm import PROVIDER
from providers.collect import Collected, Credentials, check, collect, prepare
from providers.errors import ActionNeeded, NotAvailable
from providers.records import Balance, Model, Quota, UsageBucket
from providers.simulator.parts import zhipu_glm as part
from providers.simulator.world import Charge, SimAccount
from providers.spec import Request, Window, host_of
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
# Ten days of Shanghai, the last of them open: they begin at 16:00 UTC.
FIRST = datetime(2026, 11, 10, 16, tzinfo=UTC)


def credentials(key: str = "sim-harbor.madeup", region: str = "global", **more: str) -> Credentials:
    return Credentials(values={"api_key": key, "region": region, **more})


def read(capability: str, given: Credentials, start: datetime = FIRST) -> tuple[Collected, SimAccount]:
    send, simulator = simulated(PROVIDER.slug, NOW)
    found = collect(PROVIDER, capability, given, Window(start=start, end=NOW, now=NOW), send)
    return found, simulator.world.account(part.PROFILE, "harbor")


def usage_of(found: Collected) -> list[UsageBucket]:
    return [record for record in found.records if isinstance(record, UsageBucket)]


def ledger(account: SimAccount, count: Any) -> int:
    return sum(count(charge) for charge in account.charges(FIRST, NOW))


def tokens_in(buckets: list[UsageBucket]) -> int:
    split = sum((one.input_tokens or 0) + (one.cached_input_tokens or 0) + (one.output_tokens or 0) for one in buckets)
    return split + int(sum((one.quantities.get("tokens", Decimal(0)) for one in buckets), Decimal(0)))


def test_the_wallet_is_the_ledger() -> None:
    found, account = read("balance", credentials())
    assert found.records == [Balance(name="Wallet", kind="prepaid", amount=account.balance(NOW), unit="USD")]
    assert 20 <= account.spent(datetime(2026, 11, 19, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)) <= 300


def test_china_has_its_own_money_and_token_packs() -> None:
    found, account = read("balance", credentials(region="cn"))
    assert {(row.unit, row.amount) for row in found.records if isinstance(row, Balance)} == {
        ("CNY", account.balance(NOW)),
        ("tokens", Decimal(7_500_000)),
        ("tokens", Decimal(900)),
    }
    assert not found.partial


def test_the_lifetime_spend_of_the_wallet_moves_by_what_was_charged() -> None:
    """No capability holds the counter, but the simulator must tell it as the provider does."""
    told = []
    for moment in (NOW - timedelta(days=10), NOW):
        send, simulator = simulated(PROVIDER.slug, moment)
        url = "https://api.z.ai/api/biz/account/query-customer-account-report"
        reply = send(prepare(PROVIDER, Request(url=url, auth="api_key"), credentials()))
        told.append(reply.json()["data"]["totalSpendAmount"])
    account = simulator.world.account(part.PROFILE, "harbor")
    before = datetime(2026, 11, 10, tzinfo=UTC)
    assert told[1] - told[0] == account.spent(before, NOW) - account.spent(before, NOW - timedelta(days=10))


@pytest.mark.parametrize(
    "given",
    [
        credentials(),
        credentials("legacy-sim-harbor.madeup"),
        credentials("team-sim-harbor.madeup", "cn", plan_kind="team", organization_id="org-1", project_id="proj-1"),
    ],
    ids=["credits", "older plan", "team"],
)
def test_ten_days_of_usage_are_the_ledger(given: Credentials) -> None:
    found, account = read("usage", given)
    buckets = usage_of(found)
    assert tokens_in(buckets) == ledger(account, part.tokens)
    assert sum(one.requests or 0 for one in buckets) == ledger(account, lambda charge: charge.requests)
    assert {one.start for one in buckets if one.endpoint} == {FIRST + timedelta(days=day) for day in range(10)}
    assert not found.partial
    for one in buckets:
        assert one.end - one.start == timedelta(days=1 if one.endpoint else 0, hours=0 if one.endpoint else 1)
        assert one.final is (False if one.end > NOW else None)


def test_credits_come_once_and_divide_the_tokens() -> None:
    found, account = read("usage", credentials())
    buckets = usage_of(found)
    spent = sum((one.quantities.get("credits", Decimal(0)) for one in buckets), Decimal(0))
    assert spent * part.TOKENS_PER_CREDIT == ledger(account, part.tokens)

    def fresh(charge: Charge) -> int:
        return charge.input_tokens + charge.cache_write_tokens

    assert sum(one.input_tokens or 0 for one in buckets) == ledger(account, fresh)
    assert sum(one.cached_input_tokens or 0 for one in buckets) == ledger(account, lambda one: one.cached_tokens)
    assert sum(one.output_tokens or 0 for one in buckets) == ledger(account, lambda one: one.output_tokens)
    assert {one.cost for one in buckets} == {None}, "credits are no money"


def test_an_older_plan_divides_nothing() -> None:
    found, _ = read("usage", credentials("legacy-sim-harbor.madeup"))
    assert {(one.input_tokens, one.output_tokens) for one in usage_of(found)} == {(None, None)}
    assert not any("credits" in one.quantities for one in usage_of(found))


def test_quota_by_the_age_of_the_plan() -> None:
    def windows(key: str) -> dict[str, Quota]:
        found, _ = read("quota", credentials(key))
        return {row.name: row for row in found.records if isinstance(row, Quota)}

    new, old = windows("sim-harbor.madeup"), windows("legacy-sim-harbor.madeup")
    assert [row.window for row in new.values()] == [row.window for row in old.values()] == ["5h", "7d", "month"]
    assert {row.unit for row in new.values()} == {"credits", "requests"}
    week = new["Weekly limit"]
    assert week.used is not None
    assert week.limit is not None
    assert week.remaining == week.limit - week.used
    assert week.resets_at is not None
    assert week.resets_at > NOW
    assert (old["Weekly limit"].used, old["Weekly limit"].limit) == (None, None)
    assert old["Weekly limit"].percent_used == (week.used * 100 // week.limit)


def test_an_account_without_a_plan_still_has_a_wallet() -> None:
    given = credentials("payg-sim-harbor.madeup")
    for capability in ("quota", "usage"):
        with pytest.raises(NotAvailable):
            read(capability, given)
    assert [type(row) for row in read("balance", given)[0].records] == [Balance]
    send, _ = simulated(PROVIDER.slug, NOW)
    found = check(PROVIDER, given, Window(start=NOW, end=NOW, now=NOW), send)
    assert found.warnings == ("no_coding_plan",)


def test_a_key_of_the_other_region_is_refused_and_tried_nowhere_else() -> None:
    for key, region in (("cn-sim-harbor.madeup", "global"), ("global-sim-harbor.madeup", "cn"), ("gone.madeup", "cn")):
        for capability in ("quota", "usage", "balance", "models"):
            with pytest.raises(ActionNeeded) as caught:
                read(capability, credentials(key, region))
            assert (caught.value.code, caught.value.field, caught.value.status) == ("refused", "api_key", 401)


@pytest.mark.parametrize("region", ["global", "cn"])
def test_a_key_stays_with_the_hosts_of_its_region(region: str) -> None:
    """Whatever is read: no host of the other region is ever called, and the key goes as it is, without Bearer."""
    plain, _ = simulated(PROVIDER.slug, NOW)
    hosts = set()

    def send(outgoing: Any) -> Any:
        hosts.add(host_of(outgoing.url))
        assert ("Authorization", "sim-harbor.madeup") in outgoing.headers
        return plain(outgoing)

    for capability in ("balance", "quota", "usage", "models"):
        collect(PROVIDER, capability, credentials(region=region), Window(start=FIRST, end=NOW, now=NOW), send)
    china = {"open.bigmodel.cn", "www.bigmodel.cn", "bigmodel.cn"}
    assert hosts == ({"api.z.ai"} if region == "global" else china)


def test_team_ids_are_needed_for_a_team() -> None:
    with pytest.raises(ActionNeeded) as caught:
        read("quota", credentials("team-sim-harbor.madeup", "cn"))
    assert caught.value.code == "wrong_organization"
    with pytest.raises(ActionNeeded) as caught:
        read("usage", credentials("team-sim-harbor.madeup", "cn", plan_kind="team", project_id="proj-1"))
    assert (caught.value.code, caught.value.field) == ("missing_field", "organization_id")


def test_models_and_an_unknown_region() -> None:
    found, _ = read("models", credentials())
    assert [row.id for row in found.records if isinstance(row, Model)] == ["glm-example", "glm-example-air"]
    with pytest.raises(ActionNeeded) as caught:
        read("models", credentials(region="moon"))
    assert (caught.value.code, caught.value.field) == ("missing_field", "region")


def test_ninety_days_are_told_by_the_hour() -> None:
    found, _ = read("usage", credentials(), NOW - timedelta(days=90))
    assert len(usage_of(found)) > 90 * 24
