"""MiniMax against its simulated accounts: both products, both regions, keys of the wrong one, and a gateway's page."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from providers.adapters.minimax import PROVIDER
from providers.collect import Credentials, Outgoing, Send, check, collect
from providers.errors import ActionNeeded, NotAvailable, PayloadError, Retryable
from providers.records import Balance, Model, Quota
from providers.simulator.parts.minimax import FIVE_HOURS, PROFILE, WEEK, span
from providers.spec import Reply, Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=10), end=NOW, now=NOW)
WALLET_KEY = {"region": "global", "api_key": "sk-api-sim-harbor"}
PLAN_KEY = {"region": "global", "api_key": "sk-cp-sim-harbor"}


def credentials(values: dict[str, str], **changed: str) -> Credentials:
    return Credentials(values={**values, **changed})


@pytest.mark.parametrize("back", range(10))
@pytest.mark.parametrize(
    ("region", "key", "unit"), [("global", "sk-api-sim-harbor", "USD"), ("cn", "sk-api-cn-sim-harbor", "CNY")]
)
def test_the_balance_is_the_ledgers(region: str, key: str, unit: str, back: int) -> None:
    now = NOW - timedelta(days=back)
    send, simulator = simulated("minimax", now)
    account = simulator.world.account(PROFILE, "harbor")
    (balance,) = collect(PROVIDER, "balance", credentials(WALLET_KEY, region=region, api_key=key), WINDOW, send).records
    assert isinstance(balance, Balance)
    assert (balance.amount, balance.unit, balance.kind) == (account.balance(now), unit, "prepaid")


def test_ten_days_of_the_balance_are_what_was_spent() -> None:
    """No cost is told: what the balance lost, with what was topped up, is what the ledger charged."""
    start = NOW.replace(hour=0, minute=0) - timedelta(days=10)
    found = []
    for now in (start, NOW):
        send, simulator = simulated("minimax", now)
        (balance,) = collect(PROVIDER, "balance", credentials(WALLET_KEY), WINDOW, send).records
        assert isinstance(balance, Balance)
        found.append(balance.amount)
    account = simulator.world.account(PROFILE, "harbor")
    bought = sum(topup.amount for topup in account.topups(NOW) if topup.at > start)
    assert found[0] + bought - found[1] == account.spent(start, NOW) > 0


@pytest.mark.parametrize("back", range(0, 60, 7))
def test_the_quota_is_the_simulated_one(back: int) -> None:
    now = NOW - timedelta(hours=back)
    send, simulator = simulated("minimax", now)
    account = simulator.world.account(PROFILE, "harbor")
    rows = collect(PROVIDER, "quota", credentials(PLAN_KEY), WINDOW, send).records
    found = {row.window: row for row in rows if isinstance(row, Quota)}
    assert set(found) == {"5h", "7d"}, "video is not in the plan"
    for window, length in (("5h", FIVE_HOURS), ("7d", WEEK)):
        _, end, left = span(account, now, length)
        assert (found[window].percent_used, found[window].resets_at) == (100 - left, end)
        assert (found[window].unit, found[window].scope) == ("percent", "general")


def test_each_key_has_the_capabilities_of_its_product() -> None:
    send, _ = simulated("minimax", NOW)
    for capability, values in (("balance", PLAN_KEY), ("quota", WALLET_KEY)):
        with pytest.raises(NotAvailable):
            collect(PROVIDER, capability, credentials(values), WINDOW, send)
    for values, kind in ((PLAN_KEY, "token_plan_key"), (WALLET_KEY, "pay_as_you_go_key")):
        assert check(PROVIDER, credentials(values), WINDOW, send).key_kind == kind
        rows = collect(PROVIDER, "models", credentials(values), WINDOW, send).records
        assert {row.id for row in rows if isinstance(row, Model)} == {"MiniMax-M3", "MiniMax-M2.7"}


@pytest.mark.parametrize("capability", ["balance", "quota", "models"])
def test_a_key_of_the_other_region_is_refused_and_not_tried_there(capability: str) -> None:
    send, _ = simulated("minimax", NOW)
    hosts = set()

    def watched(outgoing: Outgoing) -> Reply:
        hosts.add(httpx.URL(outgoing.url).host)
        reply: Reply = send(outgoing)
        return reply

    with pytest.raises(ActionNeeded) as caught:
        collect(PROVIDER, capability, credentials(WALLET_KEY, region="cn"), WINDOW, watched)
    assert (caught.value.code, caught.value.field) == ("refused", "api_key")
    assert hosts == {"api.minimaxi.com"}


def answering(status: int, text: str) -> Send:
    class Wire:
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(status, text=text)

    return Transport(wire=Wire(), pause=lambda seconds: None).send


@pytest.mark.parametrize("capability", ["balance", "quota", "models"])
@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_gateways_page_says_nothing_about_the_key(capability: str, status: int) -> None:
    send = answering(status, " <!DOCTYPE html><title>Just a moment...</title>")
    with pytest.raises(Retryable) as caught:
        collect(PROVIDER, capability, credentials(WALLET_KEY), WINDOW, send)
    assert caught.value.unreachable


@pytest.mark.parametrize(
    ("code", "expected"),
    [(1000, Retryable), (1001, Retryable), (1002, Retryable), (1008, ActionNeeded), (424242, PayloadError)],
)
@pytest.mark.parametrize("capability", ["balance", "quota", "models"])
def test_codes_under_http_200(capability: str, code: int, expected: type[Exception]) -> None:
    send = answering(200, f'{{"base_resp": {{"status_code": {code}, "status_msg": "made-up text"}}}}')
    with pytest.raises(expected) as caught:
        collect(PROVIDER, capability, credentials(WALLET_KEY), WINDOW, send)
    assert "made-up" not in str(caught.value)
    assert getattr(caught.value, "rests_credential", False) is (code == 1002)


def test_an_unknown_region_is_asked_for() -> None:
    send, _ = simulated("minimax", NOW)
    with pytest.raises(ActionNeeded) as caught:
        collect(PROVIDER, "models", credentials(WALLET_KEY, region="moon"), WINDOW, send)
    assert (caught.value.code, caught.value.field) == ("missing_field", "region")
