"""The simulated world keeps its own books: parts add up, balances follow from what was put in and charged, every
process tells the same history, and a fault does what its name says."""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.collect import Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded, PayloadError, ProviderError, Retryable
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.replay import replay
from providers.simulator.server import RETRY_AFTER_SECONDS, Application, Part, Simulator
from providers.simulator.world import (
    EPOCH,
    HOUR,
    Charge,
    Profile,
    SimAccount,
    World,
    account_name,
    day_of,
    made_up_id,
    made_up_uuid,
    part_of_day,
)
from providers.spec import CAPABILITIES, Endpoint, Window, host_of
from providers.transport import Transport
from tests.providers.loopback import simulator_server
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=5), end=NOW, now=NOW)
LAST_DAY = Window(start=NOW - timedelta(days=1), end=NOW, now=NOW)
BY_SLUG = {part.slug: part for part in PARTS}
PROFILES = [part.profile for part in PARTS]
COUNTS = (
    "requests",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
)
MOMENTS = st.datetimes(datetime(2025, 9, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
# One set of accounts for all random times: their days are made once.
ACCOUNTS = [SimAccount(7, profile, "harbor") for profile in PROFILES]


def totals(charges: Any) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Sums by model, key and project."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for charge in charges:
        row = found.setdefault((charge.model, charge.key, charge.project), dict.fromkeys(COUNTS, 0))
        for name in COUNTS:
            row[name] += getattr(charge, name)
    return found


# --- The books -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.slug)
def test_the_hours_of_a_day_add_up_to_the_day(profile: Profile) -> None:
    account = SimAccount(7, profile, "harbor")
    for back in (0, 1, 6, 30, 90):
        day = day_of(NOW) - timedelta(days=back)
        hours = list(account.charges(day, day + timedelta(days=1)))
        assert {charge.start for charge in hours} == {day + number * HOUR for number in range(24)}
        assert totals(hours) == totals(account.daily(day, day + timedelta(days=1)))
        assert all(charge.cost % profile.step == 0 for charge in hours)
        assert all(getattr(charge, name) >= 0 for charge in hours for name in COUNTS)
        assert sum(charge.cost for charge in hours) > 0


@given(
    st.builds(
        Charge,
        start=st.just(day_of(NOW)),
        model=st.just("m"),
        key=st.just("k"),
        project=st.just("p"),
        **{name: st.integers(0, 10**12) for name in COUNTS if name != "cost"},
        cost=st.integers(0, 10**9).map(lambda steps: steps * Decimal("0.0001")),
    ),
    st.lists(st.integers(1, 23), max_size=6),
)
def test_a_day_may_be_cut_anywhere(charge: Charge, cuts: list[int]) -> None:
    borders = [0, *sorted(set(cuts)), 24]
    parts = [part_of_day(charge, first, last, Decimal("0.0001")) for first, last in pairwise(borders)]
    assert totals(parts) == totals([charge])
    assert [part.start for part in parts] == [charge.start + first * HOUR for first in borders[:-1]]


@given(st.sampled_from(ACCOUNTS), MOMENTS)
@settings(deadline=None)
def test_a_day_that_is_cut_holds_the_hours_that_have_begun(account: SimAccount, now: datetime) -> None:
    day = day_of(now)
    assert totals(account.daily(day, now)) == totals(account.charges(day, now))
    assert account.spent(day, now) == sum((charge.cost for charge in account.charges(day, now)), Decimal(0))


@given(st.sampled_from(ACCOUNTS), MOMENTS)
@settings(deadline=None, max_examples=60)
def test_a_balance_is_what_came_in_less_what_was_charged(account: SimAccount, at: datetime) -> None:
    came = sum((topup.amount for topup in account.topups(at)), Decimal(0))
    charged = account.spent(EPOCH, at)
    assert account.balance(at) == came - charged
    assert account.lifetime(at) == (came, charged)
    assert all(topup.at <= at for topup in account.topups(at))


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.profile.slug)
@pytest.mark.parametrize(
    "at", [EPOCH, EPOCH + timedelta(minutes=1), EPOCH + timedelta(hours=23), EPOCH + timedelta(days=1)], ids=str
)
def test_the_first_day_holds_the_opening_amount_once(account: SimAccount, at: datetime) -> None:
    opening = account.profile.topup * account.scale
    assert account.balance(at) == opening - account.spent(EPOCH, at)
    assert account.topups(at)[0].amount == opening


@pytest.mark.parametrize("account", ACCOUNTS, ids=lambda account: account.profile.slug)
def test_a_wallet_is_filled_by_itself_and_never_runs_dry(account: SimAccount) -> None:
    assert len(account.topups(NOW)) > 1
    days = [EPOCH + timedelta(days=number) for number in range(0, (NOW - EPOCH).days, 7)]
    assert min(account.balance(day + timedelta(hours=9, minutes=20)) for day in days) > 0


def test_an_automatic_topup_moves_the_balance_by_its_amount() -> None:
    account = SimAccount(7, BY_SLUG["deepseek"].profile, "harbor")
    topup = account.topups(NOW)[-1]
    before, after = account.balance(topup.at - timedelta(seconds=1)), account.balance(topup.at)
    assert after - before == topup.amount  # both within one hour: nothing was charged between


# --- The same history everywhere -----------------------------------------------------------------------------------


def fingerprint(seed: int = 7) -> str:
    """A digest of what an account of every provider tells after some weeks."""
    world, at = World(seed), EPOCH + timedelta(days=40, hours=13, minutes=5)
    told: list[str] = []
    for part in PARTS:
        account = world.account(part.profile, "harbor")
        told.append(f"{part.slug} {account.balance(at)} {account.topups(at)}")
        told += [repr(charge) for charge in account.charges(at - timedelta(days=1), at)]
        told += [made_up_id("key_", part.slug), made_up_uuid(part.slug)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def test_two_worlds_with_one_seed_agree_and_another_seed_does_not() -> None:
    assert fingerprint() == fingerprint()
    assert fingerprint() != fingerprint(8)


def test_another_process_tells_the_same() -> None:
    hash_seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    code = "from tests.providers.test_world import fingerprint; print(fingerprint())"
    told = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == fingerprint()


def test_the_order_of_questions_changes_no_answer() -> None:
    times = [NOW, EPOCH, NOW - timedelta(days=200), NOW - timedelta(days=1), EPOCH + timedelta(days=3)]
    one, other = (SimAccount(7, PROFILES[0], "harbor") for _ in range(2))
    assert {at: one.balance(at) for at in times} == {at: other.balance(at) for at in reversed(times)}


def test_accounts_differ_by_name_and_by_provider() -> None:
    balances = {
        (profile.slug, name): SimAccount(7, profile, name).balance(NOW) for profile in PROFILES for name in "ab"
    }
    assert len(set(balances.values())) == len(balances)


@pytest.mark.parametrize(
    ("token", "name"),
    [("sk-or-v1-sim-harbor", "harbor"), ("sim-b7-x", "b7"), ("sk-live-harbor", None), ("", None), ("sim-", None)],
)
def test_the_account_behind_a_key(token: str, name: str | None) -> None:
    assert account_name(token) == name


# --- Moves by hand -------------------------------------------------------------------------------------------------


def control(simulator: Simulator, action: str, now: datetime = NOW, **wanted: Any) -> Any:
    method = "POST" if wanted else "GET"
    told = simulator.answer(method, "any", f"/__simulator__/{action}", {}, json.dumps(wanted).encode(), now)
    assert told.status == 200, told
    return told.document


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_a_topup_by_hand_stays_and_changes_nothing_before_it(part: Part) -> None:
    simulator = Simulator(PARTS)
    account = simulator.world.account(part.profile, "harbor")
    later, before = NOW + timedelta(days=30), NOW - timedelta(seconds=1)
    untouched = SimAccount(7, part.profile, "harbor")
    told = control(simulator, "topup", slug=part.slug, account="harbor", amount="123.45")
    assert told == {"balance": str(untouched.balance(NOW) + Decimal("123.45"))}
    control(simulator, "topup", NOW + timedelta(hours=1), slug=part.slug, account="harbor", amount="-23.45")
    assert account.balance(before) == untouched.balance(before)
    assert account.balance(NOW) == untouched.balance(NOW) + Decimal("123.45")
    for at in (NOW + timedelta(hours=1), later):
        assert account.balance(at) == untouched.balance(at) + 100
        assert account.lifetime(at)[1] == untouched.lifetime(at)[1], "a top-up changed what was charged"
    assert [topup.amount for topup in account.topups(later) if topup.amount < 0] == [Decimal("-23.45")]


def test_the_ledger_is_the_accounts() -> None:
    simulator = Simulator(PARTS)
    account = simulator.world.account(BY_SLUG["openai"].profile, "harbor")
    told = control(simulator, "ledger/openai/harbor")
    assert told["unit"] == "USD"
    assert Decimal(told["balance"]) == account.balance(NOW)
    assert len(told["days"]) == 90
    first = min(told["days"])
    assert sum(map(Decimal, told["days"].values())) == account.spent(
        datetime.fromisoformat(first).replace(tzinfo=UTC), NOW
    )


# --- Calls and faults ----------------------------------------------------------------------------------------------


def first_call(part: Part) -> tuple[str, Credentials]:
    """A capability of the provider that needs its key, and the demo's credential."""
    capabilities = PROVIDERS[part.slug].capabilities
    offered = [
        name
        for name in ("balance", "cost", "usage", "quota", "keys", "models")
        if isinstance(capabilities[name], Endpoint)  # type: ignore[index]
    ]
    return offered[0], Credentials(values=part.demo)


def ask(part: Part, send: Any) -> Any:
    capability, credentials = first_call(part)
    return collect(PROVIDERS[part.slug], capability, credentials, LAST_DAY, send)


FAULTS: dict[str, tuple[type[ProviderError], dict[str, Any]]] = {
    "401": (ActionNeeded, {"status": 401}),
    "403": (ActionNeeded, {"status": 403}),
    "429": (Retryable, {"status": 429, "retry_after": RETRY_AFTER_SECONDS, "rests_credential": True}),
    "500": (Retryable, {"status": 500, "rests_credential": False}),
    "truncated": (Retryable, {"status": 200}),
    "html": (Retryable, {"status": 200}),
    "shape": (PayloadError, {}),
    "huge": (PayloadError, {}),
    "redirect": (PayloadError, {"status": 302}),
}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_a_fault_does_what_its_name_says(part: Part) -> None:
    send, simulator = simulated(part.slug, NOW)
    good = ask(part, send)
    for fault, (kind, attributes) in FAULTS.items():
        control(simulator, "fault", slug=part.slug, account="harbor", fault=fault)
        with pytest.raises(ProviderError) as caught:
            ask(part, send)
        assert isinstance(caught.value, kind), (fault, caught.value)
        assert {name: getattr(caught.value, name) for name in attributes} == attributes, fault
        control(simulator, "fault", slug=part.slug, account="harbor", fault=None)
        assert ask(part, send) == good, fault


def limit_of(record: Any) -> tuple[Any, ...]:
    return (record.name, record.unit, record.window, record.used, record.limit, record.remaining)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_a_page_that_comes_twice_counts_once(part: Part) -> None:
    send, simulator = simulated(part.slug, NOW)
    provider, credentials = PROVIDERS[part.slug], Credentials(values=part.demo)
    compared = 0
    for capability in CAPABILITIES:
        if not isinstance(provider.endpoint(capability), Endpoint):
            continue
        simulator.faults.clear()
        try:
            good = collect(provider, capability, credentials, WINDOW, send)
        except ProviderError:
            continue  # not for this account, whatever the fault
        simulator.faults[(part.slug, "harbor")] = "duplicate"
        found = collect(provider, capability, credentials, WINDOW, send)
        if capability == "quota":  # a limit that is listed twice may be told apart by its place in the list
            assert {limit_of(row) for row in found.records} == {limit_of(row) for row in good.records}
        else:
            assert found.records == good.records, capability
        compared += 1
    assert compared


def test_a_timeout_ends_at_the_deadline() -> None:
    """Of all providers, some at a time: what a deadline needs is waiting."""
    simulator = Simulator(PARTS)
    simulator.faults = {(part.slug, "harbor"): "timeout" for part in PARTS}

    def unreachable(part: Part) -> bool:
        with pytest.raises(Retryable) as caught:
            ask(part, transport.send)
        return caught.value.unreachable

    with simulator_server(simulator, NOW) as server, ThreadPoolExecutor(4) as pool:
        transport = Transport(via=server.url, total_seconds=0.5, pause=lambda seconds: None)
        told = list(pool.map(unreachable, PARTS))
    assert all(told)
    assert set(simulator.calls) == {(part.slug, "harbor") for part in PARTS}


def test_a_slow_answer_is_the_right_one_after_a_delay() -> None:
    part = BY_SLUG["deepseek"]
    simulator = Simulator((part,))

    def delay_and_body() -> tuple[float, bytes]:
        headers = {"authorization": "Bearer sk-sim-harbor"}
        told = simulator.answer("GET", "api.deepseek.com", "/user/balance", headers, b"", NOW)
        return told.delay, told.body()

    quick, right = delay_and_body()
    simulator.faults[("deepseek", "harbor")] = "slow"
    slow, same = delay_and_body()
    assert (quick, slow) == (0, 3.0)
    assert same == right
    simulator.faults.clear()
    control(simulator, "latency", seconds=0.25)
    assert delay_and_body() == (0.25, right)


def test_a_fault_is_one_accounts_alone() -> None:
    part = BY_SLUG["deepseek"]
    send, simulator = simulated("deepseek", NOW)
    simulator.faults[("deepseek", "harbor")] = "500"
    other = Credentials(values={"api_key": "sk-sim-mesa"})
    assert collect(PROVIDERS["deepseek"], "balance", other, WINDOW, send).records
    with pytest.raises(Retryable):
        ask(part, send)


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_an_unknown_key_is_refused_and_an_unknown_host_or_path_is_told(part: Part) -> None:
    send, simulator = simulated(part.slug, NOW)
    secrets = {declared.name for declared in PROVIDERS[part.slug].fields if declared.secret}
    stranger = {
        name: value.replace("sim-harbor", "nobody") if name in secrets else value for name, value in part.demo.items()
    }
    with pytest.raises(ActionNeeded):
        check(PROVIDERS[part.slug], Credentials(values=stranger), WINDOW, send)
    assert simulator.calls == {}
    assert simulator.answer("GET", "elsewhere.example", "/v1", {}, b"", NOW).status == 421


def test_the_same_answers_over_a_socket_in_process_and_in_the_replay() -> None:
    with simulator_server(Simulator(PARTS), NOW) as server:
        for part in PARTS:
            in_process, _ = simulated(part.slug, NOW)
            expected = ask(part, in_process)
            assert ask(part, Transport(via=server.url).send) == expected
            with replay(part.slug) as (send, travel):
                travel(NOW)
                assert ask(part, send) == expected


def test_the_application_speaks_asgi() -> None:
    application = Application(Simulator(PARTS))
    sent: list[dict[str, Any]] = []
    body = json.dumps({"slug": "deepseek", "account": "harbor", "fault": "429"}).encode()
    events = [
        {"type": "http.request", "body": body[:10], "more_body": True},
        {"type": "http.request", "body": body[10:]},
    ]

    async def receive() -> dict[str, Any]:
        return events.pop(0)

    async def send(event: dict[str, Any]) -> None:
        sent.append(event)

    def scope(method: str, path: str, query: bytes = b"", **headers: str) -> dict[str, Any]:
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        return {"type": "http", "method": method, "path": path, "query_string": query, "headers": pairs}

    asyncio.run(application(scope("POST", "/__simulator__/fault", host="any"), receive, send))
    assert (sent[0]["status"], json.loads(sent[1]["body"])) == (200, {"ok": True})
    events.append({"type": "http.request"})
    sent.clear()
    call = scope("GET", "/user/balance", b"", host="api.deepseek.com", authorization="Bearer sk-sim-harbor")
    asyncio.run(application(call, receive, send))
    assert sent[0]["status"] == 429
    assert (b"retry-after", b"30") in sent[0]["headers"]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_every_call_of_an_adapter_lands_at_its_own_part(part: Part) -> None:
    send, _ = simulated(part.slug, NOW)
    hosts: set[str] = set()

    def watching(outgoing: Outgoing) -> Any:
        hosts.add(host_of(outgoing.url))
        return send(outgoing)

    ask(part, watching)
    assert hosts
    assert hosts <= part.hosts
