"""ChatGPT through Codex against its simulator: credits are the ledger's, and a member is read only by choice."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters import chatgpt_codex
from providers.collect import Collected, Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded
from providers.records import Balance, Identity, Quota, UsageBucket
from providers.simulator.parts import chatgpt_codex as part
from providers.simulator.server import Simulator
from providers.spec import Reply, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
PROVIDER = chatgpt_codex.PROVIDER
ANALYTICS = {"analytics_api_key": "sk-sim-harbor", "workspace_id": part.workspace_id("harbor")}
MEMBER = {
    "mode": "import_read_only",
    "access_token": "eyJ.sim-harbor.x",
    "account_id": part.workspace_id("harbor"),
}


def read(capability: str, values: dict[str, str], *, days: int = 10) -> tuple[Collected, Simulator]:
    send, simulator = simulated("chatgpt-codex", NOW)
    window = Window(start=NOW - timedelta(days=days), end=NOW, now=NOW)
    return collect(PROVIDER, capability, Credentials(values=values), window, send), simulator


def proved(values: dict[str, str]) -> Identity:
    send, _ = simulated("chatgpt-codex", NOW)
    return check(PROVIDER, Credentials(values=values), Window(start=NOW, end=NOW, now=NOW), send)


def test_usage_is_the_ledger() -> None:
    found, simulator = read("usage", ANALYTICS)
    account = simulator.world.account(part.PROFILE, "harbor")
    first = datetime(2026, 11, 10, tzinfo=UTC)
    listed = [row for row in found.records if isinstance(row, UsageBucket)]
    assert (found.partial, found.calls) == ((), 1)
    assert sum((row.cost for row in listed if row.cost is not None), Decimal(0)) == account.spent(first, NOW)
    assert {row.unit for row in listed} == {"credits"}
    charges = list(account.daily(first, NOW))
    assert sum(row.output_tokens or 0 for row in listed) == sum(charge.output_tokens for charge in charges)
    assert sum(row.cached_input_tokens or 0 for row in listed) == sum(charge.cached_tokens for charge in charges)
    assert {row.user for row in listed} == {part.user_id("harbor", key) for key in part.PROFILE.keys}
    assert not any("@" in str(row) for row in listed)
    assert {row.start for row in listed if row.final is None} == {first + timedelta(days=day) for day in range(3)}


def test_balance_and_limits_are_the_ledger() -> None:
    found, simulator = read("balance", MEMBER)
    account = simulator.world.account(part.PROFILE, "harbor")
    (balance,) = found.records
    assert isinstance(balance, Balance)
    assert (balance.amount, balance.unit) == (account.balance(NOW), "credits")
    found, _ = read("quota", MEMBER)
    quotas = {row.name: row for row in found.records if isinstance(row, Quota)}
    assert set(quotas) == {"5h", "weekly", "individual_limit", "monthly_usage"}
    month = account.spent(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert quotas["individual_limit"].used == quotas["monthly_usage"].used == month
    assert quotas["individual_limit"].resets_at == datetime(2026, 12, 1, tzinfo=UTC)


def test_pages_are_followed() -> None:
    found, _ = read("usage", ANALYTICS, days=179)
    assert found.calls == 2
    assert len(found.records) == 180 * len(part.PROFILE.keys)


def test_a_long_history_has_every_day() -> None:
    found, _ = read("usage", ANALYTICS, days=90)
    assert len(found.records) == 91 * len(part.PROFILE.keys)


def test_each_key_reads_what_it_may() -> None:
    assert proved(ANALYTICS) == Identity(key_kind="analytics")
    member = proved(MEMBER)
    assert (member.account_id, member.key_kind) == (part.workspace_id("harbor"), "member")
    with pytest.raises(ActionNeeded) as wrong:
        proved({**ANALYTICS, "analytics_api_key": "eyJ.sim-harbor.x"})
    assert (wrong.value.code, wrong.value.field) == ("refused", "analytics_api_key")
    with pytest.raises(ActionNeeded) as lacking:
        proved({**ANALYTICS, "analytics_api_key": "sk-sim-harbor-noscope"})
    assert (lacking.value.code, lacking.value.field) == ("missing_scope", "analytics_api_key")
    with pytest.raises(ActionNeeded) as strange:
        proved({**ANALYTICS, "workspace_id": part.workspace_id("other")})
    assert (strange.value.code, strange.value.field) == ("wrong_organization", "workspace_id")
    with pytest.raises(ActionNeeded) as key:
        proved({**MEMBER, "access_token": "sk-sim-harbor"})
    assert (key.value.code, key.value.field) == ("refused", "access_token")
    with pytest.raises(ActionNeeded) as elsewhere:
        proved({**MEMBER, "account_id": part.workspace_id("other")})
    assert (elsewhere.value.code, elsewhere.value.field) == ("refused", "access_token")


@pytest.mark.parametrize("capability", ["balance", "quota", "usage"])
def test_a_member_is_read_only_by_choice_and_without_a_clients_headers(capability: str) -> None:
    sent: list[Outgoing] = []

    def send(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        return Reply(status=401, headers={}, body=b"{}")

    window = Window(start=NOW - timedelta(days=1), end=NOW, now=NOW)
    for mode in ("", "enterprise_analytics", "import_read_only"):
        sent.clear()
        values = {**ANALYTICS, **MEMBER, "mode": mode}
        with pytest.raises(ActionNeeded):
            collect(PROVIDER, capability, Credentials(values=values), window, send)
        member = [call for call in sent if call.url.startswith("https://chatgpt.com/")]
        assert bool(member) is (capability != "usage" and mode == "import_read_only")
        assert len(sent) <= 1  # a refused token is neither renewed nor tried again
        for call in member:
            assert {name.lower() for name, _ in call.headers} == {"accept", "authorization", "chatgpt-account-id"}
    assert PROVIDER.field("mode").default == "enterprise_analytics"


def test_each_secret_goes_to_its_own_host() -> None:
    assert PROVIDER.field("analytics_api_key").hosts == ("api.chatgpt.com",)
    assert PROVIDER.field("access_token").hosts == ("chatgpt.com",)


@pytest.mark.parametrize("workspace", ["..", "a/b", "6f1d0b52-0000-4000-8000-00000000004", "é", " "])
def test_a_workspace_that_is_no_id_never_becomes_a_path(workspace: str) -> None:
    with pytest.raises(ActionNeeded) as refused:
        read("usage", {**ANALYTICS, "workspace_id": workspace})
    assert refused.value.field == "workspace_id"
