"""Azure OpenAI against its simulated account: what is read back is the ledger, to the cent and to the token."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters.azure_openai import PROVIDER, longest_wait
from providers.collect import Credentials, check, collect
from providers.errors import ActionNeeded
from providers.parse import day_start
from providers.records import CostBucket, Quota, UsageBucket
from providers.simulator.parts.azure_openai import PART
from providers.spec import Outgoing, Reply, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
WINDOW = Window(start=day_start(NOW) - timedelta(days=10), end=NOW, now=NOW)
CREDENTIALS = Credentials(values=PART.demo)


def without(*names: str) -> Credentials:
    return Credentials(values={name: value for name, value in PART.demo.items() if name not in names})


@pytest.mark.parametrize("days", [10, 45])
def test_costs_are_those_of_the_ledger(days: int) -> None:
    """Over more than a page, and over more days than one query may ask for."""
    send, simulator = simulated("azure-openai", NOW)
    account = simulator.world.account(PART.profile, "harbor")
    window = Window(start=day_start(NOW) - timedelta(days=days), end=NOW, now=NOW)
    found = collect(PROVIDER, "cost", CREDENTIALS, window, send)
    costs = [row for row in found.records if isinstance(row, CostBucket)]
    assert sum(row.amount for row in costs) == account.spent(window.start, NOW)
    assert {row.unit for row in costs} == {"EUR"}
    assert "Unassigned" not in {row.line_item for row in costs}
    assert found.partial == ()


@pytest.mark.parametrize("days", [10, 80])
def test_tokens_are_those_of_the_ledger(days: int) -> None:
    send, simulator = simulated("azure-openai", NOW)
    account = simulator.world.account(PART.profile, "harbor")
    window = Window(start=day_start(NOW) - timedelta(days=days), end=NOW, now=NOW)
    found = collect(PROVIDER, "usage", CREDENTIALS, window, send)
    buckets = [row for row in found.records if isinstance(row, UsageBucket)]
    charges = list(account.daily(window.start, NOW))
    assert sum(row.input_tokens or 0 for row in buckets) == sum(
        charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens for charge in charges
    )
    assert sum(row.output_tokens or 0 for row in buckets) == sum(charge.output_tokens for charge in charges)
    assert sum(row.requests or 0 for row in buckets) == sum(charge.requests for charge in charges)
    assert [row.final for row in buckets].count(False) == 2, "today, of two deployments"
    assert found.partial == ()


def test_the_budget_tells_what_the_month_cost() -> None:
    send, simulator = simulated("azure-openai", NOW)
    account = simulator.world.account(PART.profile, "harbor")
    found = collect(PROVIDER, "quota", CREDENTIALS, WINDOW, send).records
    budget = next(row for row in found if isinstance(row, Quota) and row.unit == "EUR")
    assert budget.used == account.spent(datetime(2026, 11, 1, tzinfo=UTC), NOW)


def test_the_secret_goes_to_the_token_endpoint_and_the_key_to_the_resource() -> None:
    send, _ = simulated("azure-openai", NOW)
    sent: list[Outgoing] = []

    def remember(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        reply: Reply = send(outgoing)
        return reply

    secret = {**PART.demo, "client_secret": "another~sim-harbor", "api_key": "key-sim-harbor"}
    assert check(PROVIDER, Credentials(values=secret), WINDOW, remember).key_kind == "app_registration, api_key"
    assert [call.url.split("/")[2] for call in sent] == [
        "login.microsoftonline.com",
        "management.azure.com",
        "harbor-ai.openai.azure.com",
    ]
    assert ["another~sim-harbor" in str((call.form, call.headers)) for call in sent] == [True, False, False]
    assert ["key-sim-harbor" in str((call.form, call.headers)) for call in sent] == [False, False, True]


def test_a_key_alone_proves_itself_and_reads_no_account() -> None:
    send, _ = simulated("azure-openai", NOW)
    alone = without("tenant_id", "client_id", "client_secret", "subscription_id")
    assert check(PROVIDER, alone, WINDOW, send).key_kind == "api_key"
    for capability in ("usage", "cost", "quota"):
        with pytest.raises(ActionNeeded) as refused:
            collect(PROVIDER, capability, alone, WINDOW, send)
        assert refused.value.code == "missing_field"


@pytest.mark.parametrize("name", ["tenant_id", "client_id", "client_secret", "subscription_id", "account_name"])
def test_a_wrong_value_is_told(name: str) -> None:
    send, _ = simulated("azure-openai", NOW)
    with pytest.raises(ActionNeeded):
        check(PROVIDER, Credentials(values={**PART.demo, name: "mistyped"}), WINDOW, send)


@pytest.mark.parametrize("scope", ["providers/Microsoft.Billing/billingAccounts/1", "subscriptions/../x", "x", "a?b"])
def test_a_cost_scope_that_cannot_tell_one_resource_is_refused(scope: str) -> None:
    send, _ = simulated("azure-openai", NOW)
    with pytest.raises(ActionNeeded) as refused:
        collect(PROVIDER, "cost", Credentials(values={**PART.demo, "cost_scope": scope}), WINDOW, send)
    assert refused.value.field == "cost_scope"


def test_a_name_cannot_become_another_path() -> None:
    send, _ = simulated("azure-openai", NOW)
    sent: list[str] = []

    def remember(outgoing: Outgoing) -> Reply:
        sent.append(outgoing.url)
        reply: Reply = send(outgoing)
        return reply

    odd = Credentials(values={**PART.demo, "account_name": "a/listKeys?x=#y"})
    with pytest.raises(ActionNeeded):
        collect(PROVIDER, "usage", odd, WINDOW, remember)
    assert "a%2FlistKeys%3Fx%3D%23y/providers/Microsoft.Insights/metrics" in sent[-1]


def test_the_longest_wait_counts() -> None:
    start = "x-ms-ratelimit-microsoft.costmanagement"
    told = {f"{start}-qpu-retry-after": "9", f"{start}-entity-retry-after": "41", "retry-after": "17"}
    assert longest_wait(told) == 41
    assert longest_wait({f"{start}-tenant-retry-after": "x"}) is None
    assert longest_wait({}) is None


def test_future_days_are_not_asked_for() -> None:
    send, simulator = simulated("azure-openai", NOW)
    ahead = replace(WINDOW, end=NOW + timedelta(days=20))
    found = collect(PROVIDER, "cost", CREDENTIALS, ahead, send).records
    account = simulator.world.account(PART.profile, "harbor")
    assert sum((row.amount for row in found if isinstance(row, CostBucket)), Decimal(0)) == account.spent(
        ahead.start, NOW
    )
