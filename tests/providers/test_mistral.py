"""Mistral against the simulated ledger, and what payload files cannot hold: long lists and many months."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from providers.adapters.mistral import ADMIN, OLDER_ADMIN, PROVIDER
from providers.collect import Collected, Credentials, check, collect
from providers.errors import ActionNeeded, NotAvailable
from providers.records import Quota
from providers.simulator.limit_headers import TOKENS_A_MINUTE
from providers.simulator.parts.mistral import PROFILE, workspace_id
from providers.simulator.server import Simulator
from providers.simulator.world import SimAccount
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
BOTH = {"inference_key": "sim-harbor", "admin_api_key": "admin-sim-harbor"}


def window(days: int) -> Window:
    return Window(start=NOW - timedelta(days=days), end=NOW, now=NOW)


def ledger(simulator: Simulator) -> SimAccount:
    return simulator.world.account(PROFILE, "harbor")


def read(capability: str, days: int = 10, **settings: str) -> tuple[list[Any], SimAccount]:
    send, simulator = simulated("mistral", NOW)
    found = collect(PROVIDER, capability, Credentials(values=BOTH | settings), window(days), send)
    assert not found.partial
    return found.records, ledger(simulator)


@pytest.mark.parametrize("days", [0, 10, 62])
@pytest.mark.parametrize("base", [ADMIN, OLDER_ADMIN])
def test_costs_add_up_to_the_ledger(days: int, base: str) -> None:
    records, account = read("cost", days=days, admin_base_url=base)
    assert sum(record.amount for record in records) == account.spent(TODAY - timedelta(days=days), NOW)
    assert {record.unit for record in records} == {"EUR"}
    assert {record.final for record in records if record.start == TODAY} == {False}
    assert {record.final for record in records if record.start < TODAY} <= {None}


def test_costs_are_split_by_workspace_and_nothing_is_left_over() -> None:
    records, account = read("cost")
    since = TODAY - timedelta(days=10)
    for project in PROFILE.projects:
        spent = sum(charge.cost for charge in account.daily(since, NOW) if charge.project == project)
        told = [record.amount for record in records if record.project == workspace_id(account, project)]
        assert sum(told) == spent
    assert {record.amount for record in records if record.project is None} == {Decimal(0)}


def test_one_workspace_may_be_chosen() -> None:
    _, account = read("cost", days=0)
    chosen = workspace_id(account, "Support")
    records, account = read("cost", workspace_id=chosen)
    since = TODAY - timedelta(days=10)
    assert {record.project for record in records} == {chosen}
    assert sum(record.amount for record in records) == sum(
        charge.cost for charge in account.daily(since, NOW) if charge.project == "Support"
    )
    with pytest.raises(ActionNeeded) as refused:
        read("cost", workspace_id="elsewhere")
    assert (refused.value.code, refused.value.field) == ("wrong_organization", "workspace_id")


def test_a_zone_without_traffic_costs_nothing() -> None:
    assert read("cost", api_zone="us")[0] == []
    assert read("cost", api_zone="global")[0] == read("cost")[0]


def test_usage_tells_the_ledgers_tokens() -> None:
    records, account = read("usage", days=3)
    charges = list(account.daily(TODAY - timedelta(days=3), NOW))
    told = {
        name: sum(getattr(record, name) for record in records)
        for name in ("input_tokens", "cached_input_tokens", "output_tokens")
    }
    assert told == {
        "input_tokens": sum(charge.input_tokens + charge.cache_write_tokens for charge in charges),
        "cached_input_tokens": sum(charge.cached_tokens for charge in charges),
        "output_tokens": sum(charge.output_tokens for charge in charges),
    }


def test_quota_tells_the_spend_of_the_month() -> None:
    records, account = read("quota")
    told = {(record.name, record.window, record.scope): record for record in records}
    month = told["Monthly spend", "month", None]
    assert month.used == account.spent(TODAY.replace(day=1), NOW)
    assert (month.limit, month.resets_at) == (6000, datetime(2026, 12, 1, tzinfo=UTC))
    assert told["Workspace spend limit", "month", workspace_id(account, "Blue")].limit == 2500
    assert ("Workspace spend limit", "month", workspace_id(account, "Support")) not in told


def test_keys_and_models() -> None:
    assert {record.name for record in read("keys")[0]} == set(PROFILE.keys)
    assert {record.name for record in read("models")[0]} == {model.id for model in PROFILE.models}


def test_check_tells_the_kinds_apart() -> None:
    send, _ = simulated("mistral", NOW)
    assert check(PROVIDER, Credentials(values=BOTH), window(1), send).key_kind == "admin_api_key"
    ordinary = Credentials(values={"inference_key": "sim-harbor"})
    assert check(PROVIDER, ordinary, window(1), send).key_kind == "inference_key"
    for swapped in ({"inference_key": "admin-sim-harbor"}, BOTH | {"admin_api_key": "sim-harbor"}):
        with pytest.raises(ActionNeeded) as refused:
            check(PROVIDER, Credentials(values=swapped), window(1), send)
        assert refused.value.field == list(swapped)[-1]


def test_an_ordinary_key_reads_no_account_data() -> None:
    send, _ = simulated("mistral", NOW)
    ordinary = Credentials(values={"inference_key": "sim-harbor"})
    with pytest.raises(ActionNeeded) as refused:
        collect(PROVIDER, "usage", ordinary, window(1), send)
    assert (refused.value.code, refused.value.field) == ("missing_field", "admin_api_key")


def test_an_ordinary_key_gets_the_rate_limits_of_its_headers() -> None:
    send, _ = simulated("mistral", NOW)
    ordinary = Credentials(values={"inference_key": "sim-harbor"})
    told = collect(PROVIDER, "quota", ordinary, window(1), send).records
    assert {(row.unit, row.window, row.limit) for row in told if isinstance(row, Quota)} == {
        ("requests", "minute", 60),
        ("tokens", "minute", TOKENS_A_MINUTE),
    }
    quiet = Credentials(values={"inference_key": "quiet-sim-harbor"})
    with pytest.raises(NotAvailable, match=r"paid calls only.*Admin API key"):
        collect(PROVIDER, "quota", quiet, window(1), send)


def test_a_key_without_allowance_is_found_by_its_check() -> None:
    send, _ = simulated("mistral", NOW)
    nothing = Credentials(values={"inference_key": "nothing-sim-harbor"})
    assert check(PROVIDER, nothing, window(1), send).warnings == ("no_allowance",)
    told = collect(PROVIDER, "quota", nothing, window(1), send).records
    assert {(row.limit, row.percent_used) for row in told if isinstance(row, Quota)} == {(0, None)}


class Lists:
    """A wire with `keys` keys and `workspaces` workspaces, and no usage but one entry in each answer."""

    def __init__(self, *, keys: int = 0, workspaces: int = 0, stuck: bool = False) -> None:
        self.keys, self.workspaces, self.stuck = keys, workspaces, stuck
        self.asked: list[httpx.QueryParams] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        self.asked.append(asked)
        if request.url.path.endswith("/api-keys"):
            first = 0 if self.stuck else int(asked["offset"])
            rows = [{"key_id": f"key-{number}"} for number in range(first, min(first + 100, self.keys))]
            return httpx.Response(200, text=json.dumps({"keys": rows}))
        if request.url.path.endswith("/workspaces"):
            page, size = int(asked["page"]), int(asked["page_size"])
            every = [{"uuid": f"space-{number}"} for number in range(self.workspaces)]
            shown = {"items": every[(page - 1) * size : page * size], "total": len(every)}
            return httpx.Response(200, text=json.dumps({**shown, "page": page, "page_size": size}))
        entry = {"timestamp": "2026-11-19", "billing_group": "input", "value": 12 if "workspace_id" not in asked else 2}
        models = {"completion": {"models": {"made-up": {"input": [entry]}}}}
        return httpx.Response(200, text=json.dumps(models))

    def read(self, capability: str) -> Collected:
        send = Transport(wire=self, pause=lambda seconds: None).send
        return collect(PROVIDER, capability, Credentials(values=BOTH), window(10), send)


@pytest.mark.parametrize(("count", "calls"), [(0, 1), (99, 1), (100, 2), (101, 2), (250, 3)])
def test_all_pages_of_keys_are_read(count: int, calls: int) -> None:
    wire = Lists(keys=count)
    found = wire.read("keys")
    assert (len(found.records), len(wire.asked), found.partial) == (count, calls, ())


def test_a_list_of_keys_that_does_not_move_on_ends() -> None:
    wire = Lists(keys=150, stuck=True)
    found = wire.read("keys")
    assert (len(found.records), len(wire.asked)) == (100, 2)
    assert found.partial


@pytest.mark.parametrize(("count", "asked_for"), [(0, 0), (1, 0), (2, 2), (30, 30), (50, 50), (51, 0)])
def test_usage_is_split_by_as_many_workspaces_as_are_sensible(count: int, asked_for: int) -> None:
    wire = Lists(workspaces=count)
    records: list[Any] = wire.read("usage").records
    assert len([asked for asked in wire.asked if "workspace_id" in asked]) == asked_for
    # On a day that is over, the remainder may be anything, even less than nothing: the sum is the whole.
    assert sum(record.input_tokens for record in records) == 12
    assert len({record.project for record in records}) == asked_for + 1
