"""LiteLLM's proxy against the simulated ledger, and the addresses that payload files cannot hold."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from providers.adapters.bedrock_litellm import PROVIDER
from providers.collect import Collected, Credentials, check, collect
from providers.errors import ActionNeeded
from providers.records import Model, Server
from providers.simulator.parts.bedrock_litellm import PART, PROFILE
from providers.simulator.server import Answer, Simulator
from providers.simulator.world import SimAccount
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import SimulatedWire, simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
BASE = {"base_url": "https://litellm.harbor.example"}
KEY = {**BASE, "api_key": "sk-sim-harbor-gateway-red"}
TEAM = dict(PART.demo)
PROXY = {name: value for name, value in TEAM.items() if name != "team_id"}


def read(capability: str, fields: dict[str, str], days: int = 10) -> tuple[Collected, SimAccount]:
    send, simulator = simulated("bedrock-litellm", NOW)
    window = Window(start=NOW - timedelta(days=days), end=NOW, now=NOW)
    found = collect(PROVIDER, capability, Credentials(values=fields), window, send)
    return found, ledger(simulator)


def ledger(simulator: Simulator) -> SimAccount:
    return simulator.world.account(PROFILE, "harbor")


def spend(found: Collected) -> Decimal:
    return sum((record.cost for record in found.records), Decimal(0))  # type: ignore[union-attr,misc]


def test_the_teams_balance_is_the_ledgers() -> None:
    found, account = read("balance", TEAM)
    assert [record.amount for record in found.records] == [account.balance(NOW)]  # type: ignore[union-attr]


@pytest.mark.parametrize("fields", [TEAM, PROXY], ids=["team", "proxy"])
def test_spend_adds_up_to_the_ledger(fields: dict[str, str]) -> None:
    found, account = read("usage", fields)
    since = TODAY - timedelta(days=10)
    assert not found.partial
    assert spend(found) == account.spent(since, NOW)
    records: list[Any] = list(found.records)
    charges = list(account.daily(since, NOW))
    for told, kept in (
        ("input_tokens", "input_tokens"),
        ("cached_input_tokens", "cached_tokens"),
        ("cache_write_tokens", "cache_write_tokens"),
        ("output_tokens", "output_tokens"),
        ("requests", "requests"),
    ):
        assert sum(getattr(row, told) for row in records) == sum(getattr(charge, kept) for charge in charges)
    assert {row.model for row in records} == {model.id for model in PROFILE.models}
    assert len({row.provider_key for row in records}) == len(PROFILE.keys)
    assert {row.project for row in records} == set(PROFILE.projects)
    assert {row.final for row in records if row.start == TODAY} == {False}
    assert {row.final for row in records if row.start < TODAY} == {None}


@pytest.mark.parametrize("path", ["user/daily/activity", "team/daily/activity"])
def test_pages_of_an_older_proxy_add_up_to_the_same(path: str) -> None:
    """Pages of 20 rows cut days in the middle."""
    fields = TEAM if path.startswith("team") else PROXY
    new, account = read("usage", fields, days=30)
    unknown = Answer(status=404, document={"detail": "Not Found"})
    older = replace(PART, routes={**PART.routes, ("GET", f"/{path}/aggregated"): lambda call: unknown})
    wire = SimulatedWire(Simulator((older,)), NOW)
    window = Window(start=NOW - timedelta(days=30), end=NOW, now=NOW)
    old = collect(PROVIDER, "usage", Credentials(values=fields), window, Transport(wire=wire).send)
    assert old.calls > 10
    assert len(old.partial) == 1  # rows may be lost between the pages of a proxy that old
    assert {row.key: row for row in old.records} == {row.key: row for row in new.records}
    assert spend(old) == account.spent(TODAY - timedelta(days=30), NOW)


def test_a_virtual_key_reads_its_own_history_and_a_members_team_view_is_called_partial() -> None:
    own, account = read("usage", KEY)
    charged = sum(
        charge.cost for charge in account.daily(TODAY - timedelta(days=10), NOW) if charge.key == "gateway-red"
    )
    assert spend(own) == charged
    assert not own.partial
    member, _ = read("usage", {**KEY, "team_id": "team-platform"})
    assert spend(member) == charged
    assert member.partial


def test_limits_of_the_key_its_team_and_its_user() -> None:
    found, account = read("quota", PROXY)
    told = {(record.name, record.scope): record for record in found.records}  # type: ignore[union-attr]
    month = TODAY.replace(day=1)
    spent = sum(charge.cost for charge in account.daily(month, NOW) if charge.key == "gateway-blue")
    own: Any = told["Key budget", "gateway-blue"]
    assert (own.used, own.remaining, own.window) == (spent, 5000 - spent, "month")
    assert own.resets_at == datetime(2026, 12, 1, tzinfo=UTC)
    team: Any = told["Team budget", "Platform"]
    assert team.remaining == account.balance(NOW)
    assert ("User spend", "u-blue") in told


def test_keys_and_models_come_whole_over_their_pages() -> None:
    keys, _ = read("keys", PROXY)
    assert [record.name for record in keys.records] == list(PROFILE.keys)  # type: ignore[union-attr]
    usage, _ = read("usage", PROXY)
    ids = {record.id for record in keys.records}  # type: ignore[union-attr]
    assert {record.provider_key for record in usage.records} == ids  # type: ignore[union-attr]
    models, _ = read("models", KEY)
    prices = {record.id: dict(record.prices) for record in models.records if isinstance(record, Model)}
    assert [record.version for record in models.records if isinstance(record, Server)] == ["1.109.1"]
    assert prices["bedrock-sonnet"] == {"input": 3, "output": 15}
    assert len(prices) == len(PROFILE.models)


def test_the_check_tells_the_role_and_refuses_the_master_key() -> None:
    send, _ = simulated("bedrock-litellm", NOW)
    window = Window(start=NOW, end=NOW, now=NOW)
    identity = check(PROVIDER, Credentials(values=TEAM), window, send)
    assert (identity.account_id, identity.account_name) == ("team-platform", "Platform")
    assert identity.scopes == ("proxy_admin_viewer",)
    assert identity.warnings == ()
    for name in ("api_key", "read_key"):
        with pytest.raises(ActionNeeded) as caught:
            check(PROVIDER, Credentials(values={**TEAM, name: "sk-sim-harbor-master"}), window, send)
        assert (caught.value.code, caught.value.field) == ("wrong_kind", name)


def test_a_proxy_in_a_private_network_is_called_by_plain_http_under_its_sub_path() -> None:
    asked: list[str] = []

    class Wire:
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            return httpx.Response(200, json={"info": {"spend": 1.5, "max_budget": 2}})

    credentials = Credentials(values={"base_url": "http://litellm.internal:4000/gateway/v1/", "api_key": "sk-test"})
    window = Window(start=NOW, end=NOW, now=NOW)
    found = collect(PROVIDER, "balance", credentials, window, Transport(wire=Wire(), reach="private").send)
    assert [record.amount for record in found.records] == [Decimal("0.5")]  # type: ignore[union-attr]
    assert asked == ["http://litellm.internal:4000/gateway/key/info"]
    with pytest.raises(ActionNeeded) as caught:
        collect(PROVIDER, "balance", credentials, window, Transport(wire=Wire()).send)
    assert caught.value.code == "blocked"
