"""Ollama against its simulated cloud and a simulated server of one's own."""

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest

from providers.adapters.ollama import PROVIDER
from providers.collect import Credentials, check, collect
from providers.errors import ActionNeeded, NotAvailable
from providers.records import Balance, Model, Quota, Server, UsageBucket
from providers.simulator.parts import ollama as part
from providers.simulator.server import Simulator
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import SimulatedWire, simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=10), end=NOW, now=NOW)


def cloud(key: str = "sim-harbor", **more: str) -> Credentials:
    return Credentials(values={"profile": "cloud", "api_key": key, **more})


def own(address: str) -> Credentials:
    return Credentials(values={"profile": "local", "base_url": address, "api_key": "sim-harbor"})


@pytest.mark.parametrize("back", range(10))
def test_the_balance_is_the_ledgers(back: int) -> None:
    now = NOW - timedelta(days=back)
    send, simulator = simulated("ollama", now)
    account = simulator.world.account(part.PROFILE, "harbor")
    found = collect(PROVIDER, "balance", cloud(), WINDOW, send).records
    parts = {row.kind: row.amount for row in found if isinstance(row, Balance)}
    assert set(parts) == {"granted", "prepaid"}
    assert sum(parts.values()) == account.balance(now)


@pytest.mark.parametrize("days", [6, 10, 30])
def test_usage_is_the_ledgers(days: int) -> None:
    send, simulator = simulated("ollama", NOW)
    first = NOW.replace(hour=0, minute=0) - timedelta(days=days)
    window = Window(start=first, end=NOW, now=NOW)
    began = time.perf_counter()
    found = collect(PROVIDER, "usage", cloud(), window, send).records
    assert time.perf_counter() - began < 1
    buckets = [row for row in found if isinstance(row, UsageBucket)]
    account = simulator.world.account(part.PROFILE, "harbor")
    charges = list(account.daily(first, NOW))
    assert len(buckets) == days + 1
    assert [bucket.final for bucket in buckets] == [None] * days + [False]
    worth = sum((bucket.quantities["usage_value_usd"] for bucket in buckets), Decimal(0))
    assert worth == account.spent(first, NOW) > 0
    assert all(bucket.cost is None for bucket in buckets), "worth is not money charged"
    assert sum(bucket.requests or 0 for bucket in buckets) == sum(charge.requests for charge in charges)
    assert sum(bucket.output_tokens or 0 for bucket in buckets) == sum(charge.output_tokens for charge in charges)
    assert sum(bucket.cached_input_tokens or 0 for bucket in buckets) == sum(one.cached_tokens for one in charges)
    fresh = sum(charge.input_tokens + charge.cache_write_tokens for charge in charges)
    assert sum(bucket.input_tokens or 0 for bucket in buckets) == fresh


def test_a_running_day_stays_one_bucket_until_it_is_over() -> None:
    keys = set()
    for hour in (15, 20):
        now = NOW.replace(hour=hour)
        found = collect(
            PROVIDER, "usage", cloud(), Window(start=NOW, end=now, now=now), simulated("ollama", now)[0]
        ).records
        keys |= {row.key for row in found}
    assert len(keys) == 1


def test_an_older_plan() -> None:
    send, _ = simulated("ollama", NOW)
    found = collect(PROVIDER, "quota", cloud("legacy-sim-harbor"), WINDOW, send).records
    assert [(row.percent_used, row.window) for row in found if isinstance(row, Quota)] == [
        (Decimal("35.5"), None),
        (Decimal(12), "7d"),
    ]
    usage = collect(PROVIDER, "usage", cloud("legacy-sim-harbor"), WINDOW, send).records
    assert all(row.requests and row.input_tokens is None for row in usage if isinstance(row, UsageBucket))


def test_the_teams_usage_takes_its_admin() -> None:
    send, _ = simulated("ollama", NOW)
    assert collect(PROVIDER, "usage", cloud(usage_scope="team"), WINDOW, send).records
    with pytest.raises(ActionNeeded) as caught:
        collect(PROVIDER, "usage", cloud("member-sim-harbor", usage_scope="team"), WINDOW, send)
    assert (caught.value.code, caught.value.field) == ("missing_scope", "usage_scope")


@pytest.mark.parametrize("address", ["http://localhost:11434", "http://localhost:11434/", "http://localhost:11434/v1"])
def test_a_server_of_ones_own_is_read_over_plain_http_and_without_a_key(address: str) -> None:
    simulator = Simulator((part.PART,))
    wire = SimulatedWire(simulator, NOW)
    send = Transport(wire=wire, reach="private", pause=lambda seconds: None).send
    assert check(PROVIDER, own(address), WINDOW, send).key_kind == "no_key"
    models = collect(PROVIDER, "models", own(address), WINDOW, send).records
    assert {row.id for row in models if isinstance(row, Model)} == {model.id for model in part.PROFILE.models}
    (server,) = (row for row in models if isinstance(row, Server))
    told = {(gauge.name, gauge.scope): gauge for gauge in server.gauges}
    assert server.version == "0.40.12"
    assert told[("models_loaded", None)].value == 1
    assert told[("memory", "example-small:8b")].until == NOW + timedelta(minutes=30)


@pytest.mark.parametrize("capability", ["balance", "quota", "usage"])
def test_a_server_of_ones_own_has_no_account_and_is_not_asked(capability: str) -> None:
    send, simulator = simulated("ollama", NOW)
    with pytest.raises(NotAvailable):
        collect(PROVIDER, capability, own("http://localhost:11434"), WINDOW, send)
    assert simulator.calls == {}


def test_the_key_goes_to_the_cloud_alone() -> None:
    """Whatever is asked of a server of one's own carries no key, also when one is stored."""
    sent: list[str] = []

    class Wire(SimulatedWire):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request.headers.get("authorization", ""))
            return super().handle_request(request)

    send = Transport(wire=Wire(Simulator((part.PART,)), NOW), reach="private", pause=lambda seconds: None).send
    check(PROVIDER, own("http://localhost:11434"), WINDOW, send)
    collect(PROVIDER, "models", own("http://localhost:11434"), WINDOW, send)
    collect(PROVIDER, "models", cloud(), WINDOW, send)
    assert sent == [""] * 5
