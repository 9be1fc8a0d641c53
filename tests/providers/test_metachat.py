"""MetaChat against its simulator, which serves an account API of our own making; and the ways of its two hosts."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from providers.adapters import metachat
from providers.collect import Collected, Credentials, check, collect
from providers.errors import ActionNeeded, NotAvailable, PayloadError, Retryable
from providers.records import Balance, Identity, UsageBucket
from providers.simulator.parts import metachat as part
from providers.simulator.server import Simulator
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
KEY = {"api_key": "sk-live-sim-harbor.made.up"}
CONFIGURED = {
    **KEY,
    "account_balance_url": "https://llm-api.mmchat.xyz/simulated-account/balance",
    "balance_json_path": "data.balance",
    "account_usage_url": "https://llm-api.mmchat.xyz/simulated-account/usage",
    "usage_rows_json_path": "data.items",
    "usage_time_path": "time",
    "usage_model_path": "model",
    "usage_points_path": "points",
    "usage_input_path": "input",
    "usage_output_path": "output",
    "usage_time_zone": "+08:00",
}


def read(capability: str, values: dict[str, str], days: int = 10, fault: Any = None) -> tuple[Collected, Simulator]:
    send, simulator = simulated("metachat", NOW)
    if fault:
        simulator.faults["metachat", "harbor"] = fault
    start = NOW.replace(hour=0, minute=0) - timedelta(days=days)
    window = Window(start=start, end=NOW, now=NOW)
    return collect(metachat.PROVIDER, capability, Credentials(values=values), window, send), simulator


def test_balance_and_usage_are_the_ledger() -> None:
    found, simulator = read("balance", CONFIGURED)
    account = simulator.world.account(part.PROFILE, "harbor")
    assert [(row.amount, row.unit) for row in found.records if isinstance(row, Balance)] == [
        (account.balance(NOW), "API points")
    ]
    found, _ = read("usage", CONFIGURED)
    buckets = [row for row in found.records if isinstance(row, UsageBucket)]
    first = NOW.replace(hour=0, minute=0) - timedelta(days=10)
    charges = list(account.daily(first, NOW))
    assert sum(bucket.cost or 0 for bucket in buckets) == account.spent(first, NOW) > 0
    assert sum(bucket.output_tokens or 0 for bucket in buckets) == sum(charge.output_tokens for charge in charges)
    assert {bucket.model for bucket in buckets} == {model.id for model in part.PROFILE.models}
    assert found.partial


def test_rows_sent_twice_count_once() -> None:
    assert read("usage", CONFIGURED, fault="duplicate")[0].records == read("usage", CONFIGURED)[0].records


@pytest.mark.parametrize("capability", ["balance", "usage"])
def test_account_calls_are_off_until_they_are_described(capability: str) -> None:
    with pytest.raises(NotAvailable, match="not configured: paste"):
        read(capability, {**KEY, "cny_per_point": "0.003"})


def test_price_of_a_point_converts_nothing() -> None:
    assert read("balance", {**CONFIGURED, "cny_per_point": "0.003"})[0] == read("balance", CONFIGURED)[0]


class Hosts:
    """A wire on which the named hosts are dead and the others list one model."""

    def __init__(self, *dead: str) -> None:
        self.dead = dead
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        if request.url.host in self.dead:
            raise httpx.ReadTimeout("planned")
        return httpx.Response(200, text=json.dumps({"data": [{"id": "example-model-1"}]}))

    def check(self, **values: str) -> Identity:
        send = Transport(wire=self, pause=lambda seconds: None).send
        window = Window(start=NOW, end=NOW, now=NOW)
        return check(metachat.PROVIDER, Credentials(values={**KEY, **values}), window, send)


def test_either_host_stands_in_for_the_other() -> None:
    hosts = Hosts("llm-api.mmchat.dev")
    assert hosts.check(base_url=metachat.BACKUP)
    assert hosts.asked == ["llm-api.mmchat.dev", "llm-api.mmchat.xyz"]


def test_both_hosts_dead() -> None:
    hosts = Hosts("llm-api.mmchat.dev", "llm-api.mmchat.xyz")
    with pytest.raises(Retryable) as dead:
        hosts.check()
    assert dead.value.unreachable
    assert hosts.asked == ["llm-api.mmchat.xyz", "llm-api.mmchat.dev"]


def test_a_host_of_the_admin_has_no_stand_in() -> None:
    hosts = Hosts("relay.example")
    with pytest.raises(Retryable):
        hosts.check(base_url="https://relay.example/v1")
    assert hosts.asked == ["relay.example"]


def test_a_configured_url_that_is_gone_names_its_field() -> None:
    gone = {**CONFIGURED, "account_usage_url": "https://llm-api.mmchat.xyz/elsewhere"}
    with pytest.raises(ActionNeeded) as missing:
        read("usage", gone)
    assert missing.value.field == "account_usage_url"


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b", 1), ("$.a.b", 1), (" a.list.1 ", 3), ("$", {"a": {"b": 1, "list": [2, 3]}}), ("a.list", [2, 3])],
)
def test_paths(path: str, value: object) -> None:
    assert metachat.at_path({"a": {"b": 1, "list": [2, 3]}}, path) == value


@pytest.mark.parametrize("path", ["", ".", "a.", "a..b", "a.c", "a.list.2", "a.list.-1", "a.b.c", "a.list.99999999999"])
def test_paths_to_nothing(path: str) -> None:
    with pytest.raises(PayloadError):
        metachat.at_path({"a": {"b": 1, "list": [2, 3]}}, path)
