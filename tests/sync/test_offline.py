"""A server on a machine of one's own may be off: that is shown and looked for again, and alarms nobody. A wrong answer
of it does, and so does the silence of a provider."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.balances.models import BalanceSeries
from dashboard.organizations.models import Organization, User
from dashboard.organizations.scope import Scope
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.selectors import Health, attention, health_by_provider, hour_ticks, trouble_by_hour, worst_state
from dashboard.sync.services import OFFLINE_PAUSE
from providers.registry import PROVIDERS
from providers.spec import Account
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import KEYS, connected, run_all, run_once

MINUTE = timedelta(minutes=1)
SILENCE = [httpx.ConnectError("planned"), httpx.ConnectTimeout("planned"), httpx.ReadTimeout("planned")]


def switch_off(simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch, silence: Exception = SILENCE[0]) -> None:
    """From now on nobody answers."""

    def nobody(request: httpx.Request) -> httpx.Response:
        raise silence

    monkeypatch.setattr(simulator, "handle_request", nobody)


def models_stream() -> SyncStream:
    return SyncStream.objects.get(capability="models")


def scope(organization: Organization) -> Scope:
    return Scope(organization.pk)


@pytest.mark.parametrize("silence", SILENCE, ids=lambda error: type(error).__name__)
def test_silence_is_offline_at_an_even_pace_and_logged_once(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    silence: Exception,
) -> None:
    connected(organization, "lmstudio", now)
    run_all(now)
    assert models_stream().state == StreamState.FRESH
    with monkeypatch.context() as off:
        switch_off(simulator, off, silence)
        at = began = now + timedelta(days=1)
        for _ in range(12):
            stream = run_once(models_stream(), at)
            assert stream.state == StreamState.OFFLINE
            assert stream.offline_since == began
            assert stream.failures == 0
            assert MINUTE < stream.next_run_at - at <= 4 * MINUTE, "seen within five minutes, a dispatch included"
            at = stream.next_run_at
    assert SyncRun.objects.filter(outcome=RunOutcome.OFFLINE).count() == 1
    assert SyncRun.objects.count() == 2
    stream = run_once(models_stream(), at)
    assert (stream.state, stream.failures) == (StreamState.FRESH, 0)
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        again = run_once(models_stream(), at + MINUTE)
    assert again.offline_since == at + MINUTE, "another night is another stretch"
    assert SyncRun.objects.filter(outcome=RunOutcome.OFFLINE).count() == 2


def test_the_pause_and_a_dispatch_stay_within_five_minutes() -> None:
    assert OFFLINE_PAUSE * 1.2 + MINUTE <= 5 * MINUTE


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("401", StreamState.PAUSED),
        ("500", StreamState.FAILING),
        ("html", StreamState.FAILING),
        ("shape", StreamState.FAILING),
    ],
)
def test_a_wrong_answer_alarms(
    organization: Organization, simulator: SimulatedWire, now: datetime, fault: Any, state: StreamState
) -> None:
    # The simulated server knows whom it serves by the token: without one no fault could be set.
    connected(organization, "lmstudio", now, **{**KEYS["lmstudio"], "api_token": "sim-harbor"})
    simulator.simulator.faults[("lmstudio", "harbor")] = fault
    for turn in range(4):
        if models_stream().state != StreamState.PAUSED:
            run_once(models_stream(), now + turn * timedelta(hours=2))
    assert models_stream().state == state
    assert [stream.pk for stream in attention(scope=scope(organization), limit=9)] == [models_stream().pk]


def test_silence_between_wrong_answers_forgives_none(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(organization, "lmstudio", now, **{**KEYS["lmstudio"], "api_token": "sim-harbor"})
    simulator.simulator.faults[("lmstudio", "harbor")] = "500"
    for turn in range(3):
        run_once(models_stream(), now + turn * timedelta(hours=2))
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        assert run_once(models_stream(), now + timedelta(hours=8)).failures == 3
    assert run_once(models_stream(), now + timedelta(hours=9)).state == StreamState.FAILING


@pytest.mark.parametrize("slug", ["deepseek", "gitlab-duo"])
def test_the_silence_of_a_provider_alarms(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
) -> None:
    connected(organization, slug, now)
    stream = SyncStream.objects.order_by("pk").first()
    assert stream is not None
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        for turn in range(4):
            stream = run_once(stream, now + turn * timedelta(hours=2))
    assert stream.state == StreamState.FAILING


@pytest.mark.parametrize("slug", ["vllm", "bedrock-litellm"])
def test_other_servers_of_ones_own_sleep_as_well_and_keep_their_readings(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
    slug: str,
) -> None:
    connected(organization, slug, now)
    run_all(now)
    kept = list(BalanceSeries.objects.values("amount", "at"))
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        stream = run_once(models_stream(), now + timedelta(days=1))
    assert (stream.state, stream.failures) == (StreamState.OFFLINE, 0)
    assert stream.last_success_at == now
    assert list(BalanceSeries.objects.values("amount", "at")) == kept
    assert attention(scope=scope(organization), limit=9) == []


def test_a_cloud_does_not_sleep(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same provider runs one's own server and sells a cloud: only an address that was typed may sleep."""
    connected(organization, "ollama", now, profile="cloud", api_key="sim-harbor")
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        assert run_once(models_stream(), now).state == StreamState.BACKING_OFF
    ollama = PROVIDERS["ollama"]
    assert ollama.sleeps(Account(settings={"base_url": "http://ollama.internal:11434"}, secrets=frozenset()))
    assert not ollama.sleeps(Account(settings={"profile": "cloud"}, secrets=frozenset({"api_key"})))


def test_only_servers_of_ones_own_may_sleep() -> None:
    sleepers = {slug for slug, provider in PROVIDERS.items() if provider.may_sleep}
    assert sleepers == {"ollama", "lmstudio", "vllm", "bedrock-litellm"}
    assert all(PROVIDERS[slug].self_hosted for slug in sleepers)


# --- What pages say ---------------------------------------------------------------------------------------------


def test_pages_say_since_when_and_light_nothing_up(
    organization: Organization, owner: User, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "lmstudio", now)
    run_all(now)
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        for turn in range(6):
            run_once(models_stream(), now + turn * 4 * MINUTE)
    client = Client()
    client.force_login(owner)
    overview = client.get(reverse("overview:overview")).content.decode()
    assert "Nothing needs you" in overview
    assert "0 of 0 streams fresh" in overview
    for url in (reverse("overview:overview"), reverse("credentials:account_list")):
        page = client.get(url).content.decode()
        assert "Offline" in page
        assert not any(word in page for word in ("Failing", "Backing off", "Stale"))
    account = client.get(reverse("credentials:account", args=[credential.account_id])).content.decode()
    assert "<span>Offline since" in account
    assert "it is looked for every few minutes" in account
    assert not any(word in account for word in ("Failing", "Backing off", "Stale"))
    assert "not offered" in account.lower(), "no balance is said in words, never shown as 0"


def test_health_counts_no_machine_that_is_off(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(organization, "lmstudio", now)
    connected(organization, "deepseek", now)
    run_all(now)
    before = sum(one.total for one in health_by_provider(scope=scope(organization), now=now))
    with monkeypatch.context() as off:
        switch_off(simulator, off)
        stream = SyncStream.objects.get(credential__account__provider_slug="lmstudio")
        run_once(stream, now + MINUTE)
    health = {one.slug: one for one in health_by_provider(scope=scope(organization), now=now + MINUTE)}
    assert health["lmstudio"].total == 0
    assert health["lmstudio"].offline_since == now + MINUTE
    assert health["deepseek"].offline_since is None
    assert sum(one.total for one in health.values()) == before - 1 == sum(one.fresh for one in health.values())
    assert trouble_by_hour(scope=scope(organization), now=now + timedelta(minutes=2)) == {}


def test_ticks_are_empty_since_the_machine_is_off() -> None:
    now = timezone.now()
    ticks = hour_ticks({}, ["x"], now - timedelta(days=9), now, now - timedelta(hours=5, minutes=30))
    assert [tick["state"] for tick in ticks] == ["ok"] * 18 + ["none"] * 6
    assert ticks[-1]["title"] == "off or asleep"


def test_offline_is_the_least_of_troubles() -> None:
    assert worst_state(["fresh", "offline"]) == "offline"
    for worse in ("stale", "backing_off", "failing", "paused"):
        assert worst_state(["offline", worse, "fresh"]) == worse
    assert Health(slug="x", states={"fresh": 2, "offline": 1, "standby": 1}, first_at=None).total == 2
