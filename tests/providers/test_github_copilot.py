"""GitHub Copilot against its simulator: cost is the ledger, to the cent, and each token reads what it may."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters import github_copilot
from providers.collect import Collected, Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded, NotAvailable
from providers.records import CostBucket, Identity, Quota, UsageBucket
from providers.simulator.parts import github_copilot as part
from providers.simulator.server import Simulator
from providers.spec import Reply, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
PROVIDER = github_copilot.PROVIDER
ORG = {"account_kind": "organization", "org": "harbor-labs", "billing_token": "github_pat_sim-harbor"}
ENTERPRISE = {"account_kind": "enterprise", "enterprise": "harbor-group", "billing_token": "ghp_sim-harbor"}


def read(
    capability: str, *, days: int = 10, now: datetime = NOW, end: datetime | None = None, **values: str
) -> tuple[Collected, Simulator]:
    send, simulator = simulated("github-copilot", now)
    until = end or now
    window = Window(start=until - timedelta(days=days), end=until, now=now)
    return collect(PROVIDER, capability, Credentials(values={**ORG, **values}), window, send), simulator


def costs(found: Collected) -> list[CostBucket]:
    return [record for record in found.records if isinstance(record, CostBucket)]


def proved(**values: str) -> Identity:
    send, _ = simulated("github-copilot", NOW)
    return check(PROVIDER, Credentials(values=values), Window(start=NOW, end=NOW, now=NOW), send)


@pytest.mark.parametrize("values", [ORG, ENTERPRISE], ids=["organization", "enterprise"])
def test_cost_is_the_ledger(values: dict[str, str]) -> None:
    found, simulator = read("cost", **values)
    account = simulator.world.account(part.PROFILE, "harbor")
    first = datetime(2026, 11, 10, tzinfo=UTC)
    listed = costs(found)
    assert found.partial == ()
    assert sum(cost.amount for cost in listed) == account.spent(first, NOW)
    assert {cost.start for cost in listed} == {first + timedelta(days=day) for day in range(11)}
    assert all(cost.final is (False if cost.start.date() == NOW.date() else None) for cost in listed)
    by_day = sum((cost.amount for cost in listed if cost.start == first), Decimal(0))
    assert by_day == account.spent(first, first + timedelta(days=1))
    assert 20 <= by_day <= 300
    assert {cost.line_item for cost in listed} == {"Copilot AI Credits", "Copilot Business"}


def test_cost_across_the_change_from_premium_requests_is_the_ledger() -> None:
    end = datetime(2026, 6, 4, tzinfo=UTC)
    found, simulator = read("cost", days=8, end=end)
    account = simulator.world.account(part.PROFILE, "harbor")
    assert sum(cost.amount for cost in costs(found)) == account.spent(datetime(2026, 5, 27, tzinfo=UTC), end)
    items = {
        cost.line_item: {row.start for row in costs(found) if row.line_item == cost.line_item} for cost in costs(found)
    }
    assert max(items["Copilot Premium Request"]) == datetime(2026, 5, 31, tzinfo=UTC)
    assert min(items["Copilot AI Credits"]) == datetime(2026, 6, 1, tzinfo=UTC)


def test_usage_tells_the_credits_beside_what_was_billed() -> None:
    found, simulator = read("usage")
    account = simulator.world.account(part.PROFILE, "harbor")
    used = [record for record in found.records if isinstance(record, UsageBucket)]
    charged = sum(
        charge.cost for charge in account.daily(datetime(2026, 11, 10, tzinfo=UTC), NOW) if charge.model != part.SEATS
    )
    assert sum(row.cost or 0 for row in used) == charged
    assert sum(row.quantities["ai_credits"] for row in used) == 2 * 100 * charged
    assert sum(row.quantities["list_cost_usd"] for row in used) == 2 * charged
    assert found.calls == 11


def test_a_month_that_has_just_ended_is_read_again() -> None:
    first_days = datetime(2026, 11, 5, 9, tzinfo=UTC)
    found, simulator = read("cost", days=1, now=first_days)
    account = simulator.world.account(part.PROFILE, "harbor")
    assert sum(cost.amount for cost in costs(found)) == account.spent(datetime(2026, 10, 1, tzinfo=UTC), first_days)
    later, _ = read("cost", days=1, now=datetime(2026, 11, 6, 9, tzinfo=UTC))
    assert min(cost.start for cost in costs(later)) == datetime(2026, 11, 5, tzinfo=UTC)
    backfill, _ = read("cost", days=2, now=first_days, end=datetime(2026, 9, 3, tzinfo=UTC))
    assert {cost.start.day for cost in costs(backfill)} == {1, 2}


def test_nothing_older_than_24_months_and_nothing_of_the_future_is_asked_for() -> None:
    window = Window(start=NOW - timedelta(days=730), end=NOW - timedelta(days=718), now=NOW)
    assert github_copilot.days_of(window)[0] > NOW - timedelta(days=720)
    window = Window(start=NOW - timedelta(days=1), end=NOW + timedelta(days=5), now=NOW)
    assert [day.day for day in github_copilot.days_of(window)] == [19, 20]


def test_quota_of_an_organization_and_of_an_enterprise() -> None:
    found, simulator = read("quota")
    limits = {record.name: record for record in found.records if isinstance(record, Quota)}
    account = simulator.world.account(part.PROFILE, "harbor")
    month = account.daily(datetime(2026, 11, 1, tzinfo=UTC), NOW)
    billed = sum(charge.cost for charge in month if charge.model != part.SEATS)
    assert limits["Billed this month"].used == billed
    assert limits["AI credits this month"].used == 2 * 100 * billed
    assert limits["Seats"].used == part.SEAT_COUNT
    assert sorted(limit.limit for limit in limits.values() if limit.limit) == [40, 5000]  # not the one for Actions
    assert found.calls == 4  # the month, two pages of budgets, the seats
    enterprise = read("quota", **ENTERPRISE)[0]
    seats = [row.used for row in enterprise.records if isinstance(row, Quota) and row.name == "Seats"]
    assert seats == [part.SEAT_COUNT]  # one person has two seats


def test_each_token_reads_what_it_may() -> None:
    assert proved(**ORG).account_id == "organization/harbor-labs"
    assert proved(**ENTERPRISE).warnings == ("can_spend",)
    assert proved(**{**ORG, "billing_token": "ghs_sim-harbor"}).warnings == ()
    with pytest.raises(ActionNeeded) as wrong:
        read("cost", **{**ENTERPRISE, "billing_token": "github_pat_sim-harbor"})
    assert wrong.value.code == "missing_scope"
    with pytest.raises(ActionNeeded) as lacking:
        proved(**{**ORG, "billing_token": "github_pat_sim-harbor-noscope"})
    assert (lacking.value.code, lacking.value.field) == ("missing_scope", "billing_token")
    with pytest.raises(NotAvailable, match="enterprise"):
        read("cost", billing_token="github_pat_sim-harbor-owned")
    with pytest.raises(ActionNeeded) as owned:
        proved(**{**ORG, "billing_token": "github_pat_sim-harbor-owned"})
    assert (owned.value.code, owned.value.field) == ("wrong_organization", "org")


def test_the_members_page_is_never_asked_unless_it_was_chosen() -> None:
    urls: list[str] = []

    def send(outgoing: Outgoing) -> Reply:
        urls.append(outgoing.url)
        return Reply(status=404, headers={}, body=b"{}")

    values = {**ORG, "member_oauth_token": "gho_sim-harbor"}
    for chosen in ({}, {"personal_quota": "off"}, {"personal_quota": "on"}):
        urls.clear()
        with pytest.raises(NotAvailable):
            collect(PROVIDER, "quota", Credentials(values=values | chosen), Window(start=NOW, end=NOW, now=NOW), send)
        assert any("copilot_internal" in url for url in urls) is (chosen == {"personal_quota": "on"})
    assert PROVIDER.field("personal_quota").default == "off"


def sent_to(**values: str) -> list[Outgoing]:
    sent: list[Outgoing] = []

    def send(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        return Reply(status=404, headers={}, body=b"{}")

    window = Window(start=NOW - timedelta(hours=1), end=NOW, now=NOW)
    with pytest.raises((ActionNeeded, NotAvailable)):
        collect(PROVIDER, "cost", Credentials(values={**ORG, **values}), window, send)
    return sent


def test_data_residency_has_a_host_of_its_own_and_no_other_host_gets_the_token() -> None:
    (call,) = sent_to(api_host="https://api.acme.ghe.com/")
    assert call.url == "https://api.acme.ghe.com/organizations/harbor-labs/settings/billing/ai_credit/usage"
    for elsewhere in ("https://evil.example", "http://api.github.com", "https://api.github.com.evil.example", "x"):
        assert sent_to(api_host=elsewhere) == []


@pytest.mark.parametrize("name", ["..", "a/b", "a?b", "a b", "a%2f", "é", ""])
def test_a_name_that_is_no_name_never_becomes_a_path(name: str) -> None:
    assert sent_to(org=name) == []


def test_a_signed_link_is_fetched_without_any_token() -> None:
    sent: list[Outgoing] = []

    def send(outgoing: Outgoing) -> Any:
        sent.append(outgoing)
        body = b'{"download_links":["https://files.example/part?sig=s"]}' if len(sent) == 1 else b""
        return Reply(status=200, headers={}, body=body)

    values = {"account_kind": "organization", "org": "harbor-labs", "metrics_token": "github_pat_sim-harbor"}
    day = datetime(2026, 11, 10, tzinfo=UTC)
    window = Window(start=day, end=day + timedelta(days=1), now=NOW)
    assert collect(PROVIDER, "usage", Credentials(values=values), window, send).records == []
    assert "github_pat" in str(sent[0].headers)
    assert sent[1].url == "https://files.example/part?sig=s"
    assert [name for name, _ in sent[1].headers] == ["Accept"]


def test_activity_starts_where_the_reports_start() -> None:
    values = {"billing_token": "", "metrics_token": "github_pat_sim-harbor"}
    found, _ = read("usage", days=5, end=datetime(2025, 10, 12, tzinfo=UTC), **values)
    assert found.calls == 0  # more than a year ago
    found, _ = read("usage", days=3, **values)
    assert (found.calls, found.records) == (3, [])  # today has no report yet


def test_a_long_history_is_quick() -> None:
    started = time.process_time()
    found, _ = read("cost", days=90)
    assert len(found.records) == 91 * len(part.PROFILE.models)
    assert time.process_time() - started < 1
