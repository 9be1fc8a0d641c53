"""xAI against its simulator: what the adapter reads back is the ledger, to the cent."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters import xai
from providers.collect import Collected, Credentials, check, collect, prepare
from providers.errors import ActionNeeded, NotAvailable
from providers.records import Balance, CostBucket, Identity, Model, ProviderKey, Quota
from providers.simulator.parts import xai as part
from providers.simulator.server import Simulator
from providers.spec import Request, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
KEYS = {"management_key": "xai-token-sim-harbor", "inference_key": "xai-sim-harbor"}


def read(capability: str, *, days: int = 10, **values: str) -> tuple[Collected, Simulator]:
    send, simulator = simulated("xai", NOW)
    window = Window(start=NOW - timedelta(days=days), end=NOW, now=NOW)
    credentials = Credentials(values=values or KEYS)
    return collect(xai.PROVIDER, capability, credentials, window, send), simulator


def proved(**values: str) -> Identity:
    send, _ = simulated("xai", NOW)
    return check(xai.PROVIDER, Credentials(values=values), Window(start=NOW, end=NOW, now=NOW), send)


def test_cost_is_the_ledger() -> None:
    found, simulator = read("cost")
    account = simulator.world.account(part.PROFILE, "harbor")
    costs = [record for record in found.records if isinstance(record, CostBucket)]
    first = datetime(2026, 11, 10, tzinfo=UTC)
    assert sum(cost.amount for cost in costs) == account.spent(first, NOW)
    assert {cost.start for cost in costs} == {first + timedelta(days=day) for day in range(11)}
    for cost in costs:
        assert cost.final is (False if cost.start.date() == NOW.date() else None)
    by_day = sum((cost.amount for cost in costs if cost.start == first), Decimal(0))
    assert by_day == account.spent(first, first + timedelta(days=1))
    assert 20 <= by_day <= 300


def test_balances_are_the_ledger() -> None:
    found, simulator = read("balance")
    account = simulator.world.account(part.PROFILE, "harbor")
    amounts = {record.basis: record.amount for record in found.records if isinstance(record, Balance)}
    this_month = account.spent(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert amounts == {"live": account.balance(NOW), "posted": account.balance(NOW) + this_month}
    assert found.calls == 3  # the team comes from the key


def test_quota_keys_and_models() -> None:
    found, simulator = read("quota")
    limits = [record for record in found.records if isinstance(record, Quota)]
    spent = simulator.world.account(part.PROFILE, "harbor").spent(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert (limits[0].limit, limits[0].used) == (Decimal(500), Decimal(0))
    assert (limits[1].name, limits[1].used) == ("Spend this month", spent)
    assert len(limits) == 2 + 3 * len(part.PROFILE.models)
    listed = read("keys")[0]
    assert [key.name for key in listed.records if isinstance(key, ProviderKey)] == list(part.PROFILE.keys)
    assert listed.calls == 3  # the team, then two pages
    offered = {model.id: model for model in read("models")[0].records if isinstance(model, Model)}
    assert offered["grok-4"].prices == {"input": 3, "cached_input": Decimal("0.3"), "output": 15}
    plain = read("models", inference_key="xai-sim-harbor")[0].records
    assert {model.id for model in plain if isinstance(model, Model)} == set(offered)


def test_both_kinds_of_key_name_one_account() -> None:
    team = part.made_up_uuid("xai", "team", "harbor")
    assert proved(management_key="xai-token-sim-harbor").account_id == team
    assert proved(inference_key="xai-sim-harbor").account_id == team
    assert proved(management_key="xai-token-sim-harbor-org", team_id=team.upper()).account_id == team


def test_each_host_refuses_the_other_kind() -> None:
    with pytest.raises(ActionNeeded) as wrong:
        proved(management_key="xai-sim-harbor")
    assert wrong.value.code == "wrong_kind"
    with pytest.raises(ActionNeeded) as refused:
        proved(inference_key="xai-token-sim-harbor")
    assert refused.value.field == "inference_key"


def test_wrong_team() -> None:
    with pytest.raises(NotAvailable):
        read("balance", management_key="xai-token-sim-harbor-org", team_id="8d2e4c6a-2222-4b4b-8d8d-1a1b1c1d1e1f")
    with pytest.raises(ActionNeeded) as missing:
        read("cost", management_key="xai-token-sim-harbor-org")
    assert missing.value.field == "team_id"


@pytest.mark.parametrize(
    ("name", "url"), [("management_key", "https://api.x.ai/v1/models"), ("inference_key", xai.VALIDATION.url)]
)
def test_a_key_never_reaches_the_other_host(name: str, url: str) -> None:
    with pytest.raises(ActionNeeded, match="nothing was sent"):
        prepare(xai.PROVIDER, Request(url=url, auth=name), Credentials(values=KEYS))


def test_a_long_history_has_every_day() -> None:
    found, _ = read("cost", days=90)
    assert len(found.records) == 91 * len(part.PROFILE.models)
