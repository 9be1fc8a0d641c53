"""vLLM against a simulated server: differences of its counters are the ledger, across a restart; and what is typed."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.adapters.vllm import PROVIDER, families, gauges_of, parse_usage
from providers.collect import CapabilityNotOffered, Collected, Credentials, check, collect
from providers.errors import ActionNeeded, ProviderError, Retryable
from providers.fitness import problem
from providers.records import CounterSample, Server
from providers.simulator.parts import vllm as part
from providers.simulator.server import Simulator
from providers.simulator.world import World
from providers.spec import Reply, Window
from providers.transport import Transport
from tests.providers.exchanges import PAYLOADS, Case, cases
from tests.providers.simulated import SimulatedWire

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
OPEN, CLOSED = "http://localhost:8000", "http://vllm.internal:8000"


def at(address: str, key: str = "", **more: str) -> Credentials:
    return Credentials(values={"base_url": address, "api_key": key, **more})


def server(now: datetime = NOW, world: World | None = None) -> Any:
    """A server in a private network, over plain HTTP."""
    wire = SimulatedWire(Simulator((part.PART,), world), now)
    return Transport(wire=wire, reach="private", pause=lambda seconds: None).send


def window(now: datetime) -> Window:
    return Window(start=now, end=now, now=now)


def read(now: datetime, world: World | None = None, **more: str) -> Collected:
    return collect(PROVIDER, "usage", at(OPEN, **more), window(now), server(now, world))


def samples(found: Collected) -> list[CounterSample]:
    assert all(isinstance(row, CounterSample | Server) for row in found.records), "a counter is no history"
    return [row for row in found.records if isinstance(row, CounterSample)]


def test_differences_of_the_counters_are_the_ledger_across_a_restart() -> None:
    """The rule of the documentation: book nothing at first sight; a series that began since the last reading counts
    whole, any other by its growth. The server restarts on Sunday 2026-11-15."""
    world = World()
    first = NOW - timedelta(days=10)
    before: dict[tuple[Any, ...], CounterSample] = {}
    booked: Counter[str] = Counter()
    moment, restarts = first, set()
    while moment <= NOW:
        for row in samples(read(moment, world)):
            series = (row.name, *sorted(row.labels.items()))
            began = datetime.fromisoformat(row.labels["since"])
            restarts.add(began)
            if series in before:
                assert row.value >= before[series].value
                booked[row.name] += int(row.value - before[series].value)
            elif moment > first and began > moment - timedelta(hours=1):
                booked[row.name] += int(row.value)
            before[series] = row
        moment += timedelta(hours=1)
    assert len(restarts) == 2
    account = world.account(part.PROFILE, "harbor")
    hours = [one for one in account.charges(first - timedelta(days=1), NOW) if first <= one.start < NOW]
    assert booked["input_tokens"] == sum(one.input_tokens + one.cache_write_tokens for one in hours) > 0
    assert booked["cached_input_tokens"] == sum(one.cached_tokens for one in hours) > 0
    assert booked["output_tokens"] == sum(one.output_tokens for one in hours) > 0
    assert booked["requests"] == sum(one.requests for one in hours) > 0


def case(name: str) -> Case:
    return next(one for one in cases() if one.path == PAYLOADS / "vllm" / f"{name}.json")


def sums(name: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in case(name).run()[0]["records"]:
        if row["type"] == "CounterSample":
            found[row["name"]] += int(row["value"])
    return found


def test_the_sums_of_the_documentations_example() -> None:
    assert sums("usage.two_engines") == {"input_tokens": 274_510, "output_tokens": 59_115, "requests": 332}


def test_cached_tokens_are_part_of_the_prompt() -> None:
    split = sums("usage.cached")
    assert split["input_tokens"] + split["cached_input_tokens"] == sums("usage.two_engines")["input_tokens"]


def test_several_servers_are_told_apart() -> None:
    pages = f"{OPEN}/metrics {CLOSED}/metrics"
    found = samples(read(NOW, metrics_url=pages))
    assert {row.labels["server"] for row in found} == {"localhost:8000/metrics", "vllm.internal:8000/metrics"}
    assert len({row.key for row in found}) == len(found) == 2 * len(samples(read(NOW)))


def test_one_server_that_fails_leaves_the_others_standing() -> None:
    found = read(NOW, metrics_url=f"{OPEN}/metrics, {OPEN}/elsewhere")
    assert samples(found) == samples(read(NOW))
    assert len(found.partial) == 1


def test_no_key_is_sent_to_the_open_pages() -> None:
    """A key that the server does not know is refused under /v1; nobody looks at it for the counters."""
    credentials = at(CLOSED, "nobody")
    assert collect(PROVIDER, "usage", credentials, window(NOW), server()).records
    with pytest.raises(ActionNeeded):
        collect(PROVIDER, "models", credentials, window(NOW), server())


@pytest.mark.parametrize(("key", "code"), [("", "missing_field"), ("nobody", "refused")])
def test_a_closed_server_says_what_is_wrong_with_the_key(key: str, code: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        check(PROVIDER, at(CLOSED, key), window(NOW), server())
    assert (caught.value.code, caught.value.field) == (code, "api_key")
    assert check(PROVIDER, at(CLOSED, "sim-harbor"), window(NOW), server()).key_kind == "api_key"


@pytest.mark.parametrize("address", [OPEN, f"{OPEN}/", f"{OPEN}/v1", f"{OPEN}/v1/"])
def test_an_address_as_people_type_it(address: str) -> None:
    assert check(PROVIDER, at(address), window(NOW), server()).key_kind == "no_key"
    assert collect(PROVIDER, "usage", at(address), window(NOW), server()).records


@pytest.mark.parametrize("capability", ["balance", "quota", "cost", "keys"])
def test_nothing_else_is_offered(capability: str) -> None:
    with pytest.raises(CapabilityNotOffered):
        collect(PROVIDER, capability, at(OPEN), window(NOW), server())


def test_load_is_told_by_engine_and_never_added_up() -> None:
    (server_row,) = (row for row in read(NOW).records if isinstance(row, Server))
    assert server_row.version == "0.99.1"
    told = {(gauge.name, gauge.scope): (gauge.value, gauge.unit) for gauge in server_row.gauges}
    assert told[("requests_running", "acme/chat-8b, engine 0")] == (2, "requests")
    assert told[("requests_running", "acme/chat-8b, engine 1")] == (0, "requests"), "a measured 0 is a figure"
    assert told[("cache_usage", "acme/chat-8b, engine 0")] == (Decimal("42.75"), "percent")
    assert len(told) == len(server_row.gauges) == 6


def test_a_server_that_fails_takes_no_other_servers_load_along() -> None:
    found = read(NOW, metrics_url=f"{OPEN}/metrics, {OPEN}/elsewhere")
    (server_row,) = (row for row in found.records if isinstance(row, Server))
    assert {str(gauge.scope).split(",")[0] for gauge in server_row.gauges} == {"localhost:8000/metrics"}


@settings(max_examples=100, deadline=None)
@given(value=st.floats())
def test_what_is_no_real_figure_is_not_told(value: float) -> None:
    page = f'vllm:num_requests_running{{model_name="m"}} {value}\nvllm:kv_cache_usage_perc{{model_name="m"}} {value}\n'
    for gauge in gauges_of(families(Reply(status=200, headers={}, body=page.encode())), None):
        limit = 100 if gauge.unit == "percent" else 2**63
        assert 0 <= gauge.value <= limit
        assert problem(Server(gauges=(gauge,))) is None


PAGE = case("usage.cached").document["exchanges"][0]["reply"]["text"]


def parsed(page: bytes) -> list[CounterSample]:
    return list(parse_usage(families(Reply(status=200, headers={}, body=page)), "gpu-1", NOW))


@settings(max_examples=150, deadline=None)
@given(place=st.integers(0, len(PAGE)), cut=st.integers(0, 12), put=st.text('{}",=\\#\n \t_:1eN+aé\x00', max_size=3))
def test_a_spoilt_page_raises_only_our_errors(place: int, cut: int, put: str) -> None:
    try:
        parsed((PAGE[:place] + put + PAGE[place + cut :]).encode())
    except ProviderError as error:
        assert "acme" not in error.message


@settings(max_examples=80, deadline=None)
@given(place=st.integers(1, len(PAGE) - 1))
def test_a_page_that_was_cut_off_tells_nothing(place: int) -> None:
    if not PAGE[:place].endswith("\n"):
        with pytest.raises(Retryable):
            parsed(PAGE[:place].encode())


@pytest.mark.parametrize(
    "page",
    [
        b"\xff\xfe\n",
        b'a{b="' + b"\\" * 1_000_000 + b'"} 1\n',
        b"a 1\n" * 2_000_000,
        b'vllm:prompt_tokens_total{model_name="m"} 1' + b"0" * 400 + b"\n",
        b'vllm:prompt_tokens_total{model_name="m"} +Inf\n',
    ],
    ids=["no text", "one long line", "millions of lines", "hundreds of digits", "infinite"],
)
def test_a_hostile_page_is_refused_at_once(page: bytes) -> None:
    began = time.perf_counter()
    with pytest.raises(ProviderError):
        parsed(page)
    assert time.perf_counter() - began < 1
