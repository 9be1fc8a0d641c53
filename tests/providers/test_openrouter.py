"""OpenRouter against the simulated ledger, and the long lists that payload files cannot hold."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from providers.adapters.openrouter import PROVIDER
from providers.collect import Collected, Credentials, check, collect
from providers.errors import ActionNeeded
from providers.simulator.parts.openrouter import PROFILE
from providers.simulator.server import Simulator
from providers.simulator.world import SimAccount
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
MANAGEMENT = Credentials(values={"management_key": "sk-or-v1-management-sim-harbor"})
INFERENCE = Credentials(values={"inference_key": "sk-or-v1-sim-harbor-team-green"})
WORKSPACE = "6d1c3a52-0b7e-4f7a-9d11-2f0c8b5a7e31"


def window(days: int) -> Window:
    return Window(start=NOW - timedelta(days=days), end=NOW, now=NOW)


def read(capability: str, days: int = 10, credentials: Credentials = MANAGEMENT) -> tuple[list[Any], SimAccount]:
    send, simulator = simulated("openrouter", NOW)
    found = collect(PROVIDER, capability, credentials, window(days), send)
    assert not found.partial
    return found.records, ledger(simulator)


def ledger(simulator: Simulator) -> SimAccount:
    return simulator.world.account(PROFILE, "harbor")


def test_balance_is_the_ledgers() -> None:
    (balance,), account = read("balance")
    assert balance.amount == account.balance(NOW)


@pytest.mark.parametrize("capability", ["usage", "cost"])
def test_costs_add_up_to_the_ledger(capability: str) -> None:
    records, account = read(capability)
    money = [record.cost if capability == "usage" else record.amount for record in records]
    assert sum(money) == account.spent(TODAY - timedelta(days=10), NOW)
    assert {record.final for record in records if record.start == TODAY} == {False}
    assert {record.final for record in records if record.start < TODAY} == {None}


def test_usage_tells_the_ledgers_tokens_and_both_workspaces() -> None:
    records, account = read("usage", days=3)
    charges = list(account.daily(TODAY - timedelta(days=3), NOW))
    assert sum(record.input_tokens for record in records) == sum(
        charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens for charge in charges
    )
    assert sum(record.output_tokens for record in records) == sum(charge.output_tokens for charge in charges)
    assert len({record.project for record in records}) == len(PROFILE.projects)


def test_quota_tells_what_each_key_spent() -> None:
    records, account = read("quota")
    month = TODAY.replace(day=1)
    spent = {
        name: sum(charge.cost for charge in account.daily(month, NOW) if charge.key == name) for name in PROFILE.keys
    }
    told = {(record.name, record.window): record for record in records}
    assert told["Key limit", "month"].used == spent["team-blue"]
    assert told["Key limit", "month"].remaining == 4000 - spent["team-blue"]
    assert told["Key spend", "month"].used == spent["team-red"]
    assert told["Workspace budget", "day"].used is None
    assert told["Free model requests", "day"].limit == 1000


def test_an_inference_key_tells_its_own_limit_only() -> None:
    records, account = read("quota", credentials=INFERENCE)
    monday = TODAY - timedelta(days=TODAY.weekday())
    spent = sum(charge.cost for charge in account.daily(monday, NOW) if charge.key == "team-green")
    (limit,) = [record for record in records if record.unit == "USD"]
    assert (limit.used, limit.window) == (spent, "week")
    with pytest.raises(ActionNeeded) as refused:
        read("balance", credentials=INFERENCE)
    assert (refused.value.code, refused.value.field) == ("missing_field", "management_key")


def test_keys_of_all_workspaces_and_public_models() -> None:
    assert {record.name for record in read("keys")[0]} == set(PROFILE.keys)
    assert {record.id for record in read("models")[0]} == {model.id for model in PROFILE.models}


def test_check_tells_the_kinds_apart() -> None:
    send, _ = simulated("openrouter", NOW)
    assert check(PROVIDER, MANAGEMENT, window(1), send).key_kind == "management_key"
    assert check(PROVIDER, INFERENCE, window(1), send).key_kind == "inference_key"
    swapped = Credentials(values={"management_key": "sk-or-v1-sim-harbor"})
    with pytest.raises(ActionNeeded) as refused:
        check(PROVIDER, swapped, window(1), send)
    assert (refused.value.code, refused.value.field) == ("wrong_kind", "management_key")


def test_a_key_of_another_shape_is_unknown() -> None:
    send, _ = simulated("openrouter", NOW)
    with pytest.raises(ActionNeeded) as refused:
        check(PROVIDER, Credentials(values={"inference_key": "sk-sim-harbor"}), window(1), send)
    assert (refused.value.code, refused.value.status) == ("refused", 401)


def test_rows_sent_twice_count_once() -> None:
    for capability in ("usage", "cost"):
        send, simulator = simulated("openrouter", NOW)
        simulator.faults["openrouter", "harbor"] = "duplicate"
        found = collect(PROVIDER, capability, MANAGEMENT, window(10), send)
        money = [record.cost if capability == "usage" else record.amount for record in found.records]
        assert sum(money) == ledger(simulator).spent(TODAY - timedelta(days=10), NOW)


class Keys:
    """A wire with one workspace and `count` keys, in pages of 100 by offset. `stuck` ignores the offset."""

    def __init__(self, count: int, *, stuck: bool = False) -> None:
        self.count, self.stuck = count, stuck
        self.offsets: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/workspaces"):
            return httpx.Response(200, text=json.dumps({"data": [{"id": WORKSPACE}], "total_count": 1}))
        self.offsets.append(request.url.params.get("offset", "0"))
        first = 0 if self.stuck else int(self.offsets[-1])
        # Each page after the first begins with the last row of the page before: a key was added while we read.
        first = max(first - 1, 0)
        rows = [self.row(number) for number in range(first, min(first + 100, self.count))]
        return httpx.Response(200, text=json.dumps({"data": rows}))

    def row(self, number: int) -> dict[str, Any]:
        return {
            "hash": f"{number:064x}",
            "name": f"key {number}",
            "label": "sk-or-v1-000...000",
            "disabled": False,
            "limit": None,
            "created_at": "2026-03-11T09:00:00Z",
            "usage": len(self.offsets),
            "workspace_id": WORKSPACE,
        }


def read_keys(wire: Keys) -> Collected:
    return collect(PROVIDER, "keys", MANAGEMENT, window(1), Transport(wire=wire, pause=lambda seconds: None).send)


def test_keys_are_read_page_by_page_and_each_once() -> None:
    wire = Keys(250)
    found = read_keys(wire)
    assert len(found.records) == 250
    assert wire.offsets == ["0", "100", "200"]
    assert not found.partial


def test_a_full_last_page_is_followed_by_one_more() -> None:
    wire = Keys(100)
    assert len(read_keys(wire).records) == 100
    assert wire.offsets == ["0", "100"]


def test_a_list_that_does_not_move_on_ends_as_partial() -> None:
    wire = Keys(250, stuck=True)
    found = read_keys(wire)
    assert len(found.records) == 100
    assert found.partial
    assert len(wire.offsets) == 2


class Growing:
    """Analytics that cut every range of more than `days`."""

    def __init__(self, days: int) -> None:
        self.days = days
        self.asked: list[tuple[datetime, datetime]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        wanted = json.loads(request.content)["time_range"]
        start, end = (datetime.fromisoformat(wanted[name]) for name in ("start", "end"))
        self.asked.append((start, end))
        days = [start + timedelta(days=step) for step in range(-(-(end - start) // timedelta(days=1)))]
        rows = [{"date__day": day.date().isoformat(), "model": "Example Alpha 1", "credits_usage": 1} for day in days]
        cut = len(days) > self.days
        answer = {"data": {"data": rows[: self.days], "metadata": {"truncated": cut}}}
        return httpx.Response(200, text=json.dumps(answer))


def test_cut_answers_are_halved_until_they_fit() -> None:
    wire = Growing(1)
    send = Transport(wire=wire, pause=lambda seconds: None).send
    found = collect(PROVIDER, "cost", MANAGEMENT, window(30), send)
    assert not found.partial
    assert sum(record.amount for record in found.records) == Decimal(31)
    assert len(wire.asked) == 61  # under the 64 calls of a minute
