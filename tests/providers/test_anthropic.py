"""Anthropic against its simulator: what is read back is the ledger, to the last fraction of a cent."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters.anthropic import PROVIDER, analytics_requests
from providers.collect import Collected, Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded
from providers.records import CostBucket, Quota, UsageBucket
from providers.simulator.parts.anthropic import CONSOLE, PROFILE, has_spend_limits
from providers.spec import Account, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 25, tzinfo=UTC)
START = datetime(2026, 11, 10, tzinfo=UTC)
WINDOW = Window(start=START, end=NOW, now=NOW)
ADMIN = Credentials(values={"admin_key": "sk-ant-admin01-sim-harbor"})


def read(capability: str, window: Window = WINDOW, credentials: Credentials = ADMIN) -> tuple[Collected, Any]:
    send, simulator = simulated("anthropic", NOW)
    return collect(PROVIDER, capability, credentials, window, send), simulator.world.account(PROFILE, "harbor")


def test_cost_is_the_ledger() -> None:
    found, account = read("cost")
    rows = [row for row in found.records if isinstance(row, CostBucket)]
    assert found.partial == ()
    assert sum(row.amount for row in rows) == account.spent(START, NOW) > 0
    by_day = Counter[datetime]()
    for row in rows:
        by_day[row.start] += row.amount  # type: ignore[assignment]
    assert by_day == {
        day: account.spent(day, min(day + timedelta(days=1), NOW))
        for day in (START + timedelta(days=n) for n in range(11))
    }
    assert {row.start for row in rows if row.final is False} == {datetime(2026, 11, 20, tzinfo=UTC)}
    assert None in {row.project for row in rows}
    assert any(row.line_item == "Web Search Usage" for row in rows)


def test_usage_is_the_ledger_and_costs_are_joined_where_a_key_is_named() -> None:
    found, account = read("usage")
    rows = [row for row in found.records if isinstance(row, UsageBucket)]
    charges = list(account.daily(START, NOW))
    for ours, theirs in (
        ("input_tokens", "input_tokens"),
        ("cached_input_tokens", "cached_tokens"),
        ("cache_write_tokens", "cache_write_tokens"),
        ("output_tokens", "output_tokens"),
    ):
        assert sum(getattr(row, ours) for row in rows) == sum(getattr(charge, theirs) for charge in charges) > 0
    keyed = [row for row in rows if row.provider_key is not None]
    mine = [charge for charge in charges if charge.key != CONSOLE]
    assert sum(row.cost or 0 for row in keyed) == sum(charge.cost for charge in mine)
    assert sum(row.requests or 0 for row in keyed) == sum(charge.requests for charge in mine)
    assert all(row.cost is None and row.requests is None for row in rows if row.provider_key is None)
    assert {row.unit for row in rows} == {"USD"}
    assert {row.tier for row in rows} == {"standard", "batch"}


def test_an_enterprise_key_reads_the_ledger_through_the_analytics() -> None:
    enterprise = Credentials(values={"enterprise_key": "sk-ant-api01-sim-harbor"})
    found, account = read("cost", credentials=enterprise)
    assert sum(row.amount for row in found.records if isinstance(row, CostBucket)) == account.spent(START, NOW)
    rows = [row for row in read("usage", credentials=enterprise)[0].records if isinstance(row, UsageBucket)]
    charges = list(account.daily(START, NOW))
    assert sum(row.input_tokens or 0 for row in rows) == sum(charge.input_tokens for charge in charges)
    assert sum(row.requests or 0 for row in rows) == sum(charge.requests for charge in charges)


@pytest.mark.parametrize("capability", ["usage", "cost"])
def test_long_windows_are_read_in_pages(capability: str) -> None:
    start = datetime(2026, 8, 20, tzinfo=UTC)
    found, account = read(capability, Window(start=start, end=NOW, now=NOW))
    assert found.partial == ()
    assert found.calls >= 3  # 93 buckets, 31 a page
    if capability == "cost":
        assert sum(row.amount for row in found.records if isinstance(row, CostBucket)) == account.spent(start, NOW)
    else:
        rows = [row for row in found.records if isinstance(row, UsageBucket)]
        expected = sum(charge.cost for charge in account.daily(start, NOW) if charge.key != CONSOLE)
        assert sum(row.cost or 0 for row in rows) == expected


def test_analytics_are_asked_in_allowed_spans() -> None:
    def spans(start: datetime, end: datetime) -> list[tuple[str, str]]:
        window = Window(start=start, end=end, now=NOW)
        return [(dict(r.params)["starting_at"], dict(r.params)["ending_at"]) for r in analytics_requests(window)]

    assert spans(START, NOW) == [("2026-11-10T00:00:00Z", "2026-11-21T00:00:00Z")]
    assert spans(datetime(2026, 9, 30, 5, tzinfo=UTC), NOW) == [
        ("2026-09-30T00:00:00Z", "2026-10-31T00:00:00Z"),
        ("2026-10-31T00:00:00Z", "2026-11-21T00:00:00Z"),
    ]
    assert spans(datetime(2025, 12, 20, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)) == [
        ("2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z")
    ]
    assert spans(datetime(2025, 10, 1, tzinfo=UTC), datetime(2025, 11, 1, tzinfo=UTC)) == []


def test_every_call_pins_the_version() -> None:
    send, _ = simulated("anthropic", NOW)
    sent: list[Outgoing] = []

    def noting(outgoing: Outgoing) -> Any:
        sent.append(outgoing)
        return send(outgoing)

    values = {
        "admin_key": "sk-ant-admin01-sim-harbor",
        "inference_key": "sk-ant-api03-sim-harbor",
        "enterprise_key": "sk-ant-api01-sim-harbor",
        "workspace_ids": "wrkspc_01Unknown",
    }
    for capability in ("quota", "usage", "cost", "keys", "models"):
        collect(PROVIDER, capability, Credentials(values=values), WINDOW, noting)
    for outgoing in sent:
        headers = dict(outgoing.headers)
        assert headers["anthropic-version"] == "2023-06-01"
        assert headers["x-api-key"].startswith("sk-ant-")
        beta = outgoing.url.endswith(("/analytics/cost", "/spend_limits"))
        assert ("anthropic-beta" in headers) is beta


def test_quota_of_simulated_accounts() -> None:
    with_preview = next(name for name in ("harbor", "lakeside", "meadow") if has_spend_limits(name))
    without = next(name for name in ("harbor", "lakeside", "meadow", "orchard") if not has_spend_limits(name))
    for name, money in ((with_preview, 3), (without, 0)):
        credentials = Credentials(values={"admin_key": f"sk-ant-admin01-sim-{name}"})
        rows = [row for row in read("quota", credentials=credentials)[0].records if isinstance(row, Quota)]
        assert len([row for row in rows if row.unit == "USD"]) == money
        assert len([row for row in rows if row.unit != "USD"]) == 3 * len(PROFILE.models) + 1
    members = read("quota", credentials=Credentials(values={"enterprise_key": "sk-ant-api01-sim-harbor"}))[0].records
    assert members
    assert all(isinstance(row, Quota) and row.scope and row.scope.startswith("user_01") for row in members)
    assert Decimal(0) in {row.limit for row in members if isinstance(row, Quota)}


def test_workspace_overrides_are_read_for_typed_workspaces() -> None:
    keys, _ = read("keys")
    projects = [row.project for row in keys.records if row.project]  # type: ignore[union-attr]
    values = {"admin_key": "sk-ant-admin01-sim-harbor", "workspace_ids": ", ".join(projects)}
    found, _ = read("quota", credentials=Credentials(values=values))
    scopes = {row.scope for row in found.records if isinstance(row, Quota)}
    assert found.partial == ()
    assert f"{projects[0]}: Claude Opus 5" in scopes


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"admin_key": "sk-ant-admin01-sim-harbor"}, "admin"),
        ({"inference_key": "sk-ant-api03-sim-harbor"}, "inference"),
        ({"enterprise_key": "sk-ant-api01-sim-harbor"}, "enterprise"),
    ],
)
def test_check_tells_the_kind_of_key(values: dict[str, str], kind: str) -> None:
    send, _ = simulated("anthropic", NOW)
    assert check(PROVIDER, Credentials(values=values), WINDOW, send).key_kind == kind


@pytest.mark.parametrize(
    "values",
    [
        {"admin_key": "sk-ant-api03-sim-harbor"},
        {"admin_key": "sk-ant-api01-sim-harbor"},
        {"inference_key": "sk-ant-admin01-sim-harbor"},
        {"admin_key": "sk-ant-admin01-nobody"},
    ],
)
def test_a_key_in_the_wrong_field_is_explained(values: dict[str, str]) -> None:
    send, _ = simulated("anthropic", NOW)
    with pytest.raises(ActionNeeded) as caught:
        check(PROVIDER, Credentials(values=values), WINDOW, send)
    assert caught.value.field == next(iter(values))
    assert caught.value.url


def test_simulator_judges_cursors_and_limits() -> None:
    simulator = simulated("anthropic", NOW)[1]
    headers = {"x-api-key": "sk-ant-admin01-sim-harbor", "anthropic-version": "2023-06-01"}

    def status(target: str, **more: str) -> int:
        answer = simulator.answer(
            "GET", "api.anthropic.com", f"/v1/organizations/{target}", {**headers, **more}, b"", NOW
        )
        return answer.status

    start = "starting_at=2026-11-01T00:00:00Z"
    first = simulator.answer(
        "GET", "api.anthropic.com", f"/v1/organizations/cost_report?{start}&limit=5", headers, b"", NOW
    ).document
    assert (len(first["data"]), first["has_more"]) == (5, True)
    assert status(f"cost_report?{start}&limit=5&page={first['next_page']}") == 200
    assert status(f"cost_report?{start}&limit=6&page={first['next_page']}") == 400
    assert status(f"cost_report?{start}&limit=32") == 400
    assert status("cost_report") == 400
    assert status(f"cost_report?{start}&group_by[]=api_key_id") == 400
    assert status(f"analytics/cost?{start}") == 400
    assert status("me", **{"anthropic-version": "2026-10-21"}) == 400
    assert status("me", **{"x-api-key": "sk-ant-api03-sim-harbor"}) == 401
    assert status("spend_limits/effective") == 403


def test_declared_needs() -> None:
    only_models = Account(settings={}, secrets=frozenset({"inference_key"}))
    missing = {
        name: endpoint.missing(only_models)
        for name, endpoint in PROVIDER.capabilities.items()
        if hasattr(endpoint, "missing")
    }
    assert missing == {
        "quota": ("admin_key|enterprise_key",),
        "usage": ("admin_key|enterprise_key",),
        "cost": ("admin_key|enterprise_key",),
        "keys": ("admin_key",),
        "models": (),
    }
