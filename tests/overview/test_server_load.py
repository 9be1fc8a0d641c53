"""Version and load of a server of one's own: what lands, what is kept while it is silent, and what its page says."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dashboard.credentials.models import ProviderCredential, ServerReading
from dashboard.credentials.selectors import gauges_view
from dashboard.credentials.services import server_reading_land
from dashboard.organizations.models import Organization
from dashboard.overview.account.server import LOAD_ROWS, load_context, memory_words, value_words, version_words
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.reading import stream_read
from dashboard.sync.services import stream_start, streams_lease_due
from providers.records import Gauge, Server
from tests.overview.test_account_kinds import Page
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_all, run_once

pytestmark = pytest.mark.usefixtures("signed_in")

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LOCAL = {"profile": "local", "base_url": "http://localhost:11434"}
RUNNING = Gauge(name="requests_running", value=Decimal(2), unit="requests", scope="m, engine 0")
WAITING = Gauge(name="requests_waiting", value=Decimal(0), unit="requests", scope="m, engine 0")


@pytest.fixture
def credential(organization: Organization) -> ProviderCredential:
    return connected(organization, "vllm", NOW)


def land(credential: ProviderCredential, server: Server, now: datetime, *, complete: bool = True) -> ServerReading:
    fresh_for = 17 * MINUTE
    server_reading_land(account=credential.account, server=server, complete=complete, fresh_for=fresh_for, now=now)
    return ServerReading.objects.get()


def told(reading: ServerReading, now: datetime = NOW) -> dict[str, tuple[Decimal, datetime, bool]]:
    return {row.name: (row.value, row.at, row.stale) for row in gauges_view(reading=reading, now=now)}


def answer_instead(
    simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch, answers: Callable[[httpx.Request], httpx.Response | None]
) -> None:
    """From now on these answers stand before those of the simulator."""
    real = simulator.handle_request
    monkeypatch.setattr(simulator, "handle_request", lambda request: answers(request) or real(request))


def nobody(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("planned")


def plain(words: str) -> str:
    return words.replace("\xa0", " ")


# --- What lands -------------------------------------------------------------------------------------------------


def test_a_whole_reading_takes_the_place_of_the_last_one(credential: ProviderCredential) -> None:
    land(credential, Server(version="0.9", gauges=(RUNNING, WAITING)), NOW)
    later = NOW + 5 * MINUTE
    reading = land(credential, Server(gauges=(WAITING,)), later)
    assert (reading.version, reading.at) == ("", later), "a version that is no longer told is not"
    assert told(reading, later) == {"requests_waiting": (Decimal(0), later, False)}


def test_what_an_incomplete_reading_left_out_stays_with_its_age(credential: ProviderCredential) -> None:
    land(credential, Server(version="0.9", gauges=(RUNNING, WAITING)), NOW)
    later = NOW + 30 * MINUTE
    fuller = Gauge(name="requests_waiting", value=Decimal(7), unit="requests", scope="m, engine 0")
    for _ in range(2):  # a task may run twice
        reading = land(credential, Server(gauges=(fuller,)), later, complete=False)
    assert reading.version == "0.9"
    assert told(reading, later) == {
        "requests_waiting": (Decimal(7), later, False),
        "requests_running": (Decimal(2), NOW, True),
    }


def test_figures_of_two_engines_stay_two(credential: ProviderCredential) -> None:
    other = Gauge(name="requests_running", value=Decimal(3), unit="requests", scope="m, engine 1")
    reading = land(credential, Server(gauges=(RUNNING, other)), NOW)
    assert [(row.scope, row.value) for row in gauges_view(reading=reading, now=NOW)] == [
        ("m, engine 0", 2),
        ("m, engine 1", 3),
    ]


@pytest.mark.parametrize(("age", "stale"), [(17 * MINUTE, False), (17 * MINUTE + timedelta(seconds=1), True)])
def test_a_figure_goes_stale_after_its_intervals(credential: ProviderCredential, age: timedelta, stale: bool) -> None:
    reading = land(credential, Server(gauges=(RUNNING,)), NOW)
    assert told(reading, NOW + age)["requests_running"][2] is stale
    (row,) = load_context(reading, offline=True, now=NOW + age)["load"]
    assert row["stale"] is False, "a machine that is off is expected to be silent"


@pytest.mark.parametrize(
    ("slug", "values", "version", "names"),
    [
        ("ollama", LOCAL, "0.40.12", {"models_loaded", "memory", "context"}),
        ("vllm", {}, "0.99.1", {"requests_running", "requests_waiting", "cache_usage"}),
        ("lmstudio", {}, "", {"models_loaded", "context"}),
        ("bedrock-litellm", {}, "1.109.1", set()),
    ],
)
def test_what_each_server_tells(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    slug: str,
    values: dict[str, str],
    version: str,
    names: set[str],
) -> None:
    connected(organization, slug, now, **values)
    run_all(now)
    reading = ServerReading.objects.get()
    assert (reading.version, reading.at) == (version, now)
    assert {row.name for row in gauges_view(reading=reading, now=now)} == names


@pytest.mark.parametrize("slug", ["deepseek", "ollama"])
def test_a_cloud_is_no_server(organization: Organization, simulator: SimulatedWire, now: datetime, slug: str) -> None:
    connected(organization, slug, now)
    run_all(now)
    assert not ServerReading.objects.exists()


def test_a_lost_lease_lands_no_load(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    connected(organization, "vllm", now)
    for stream_id, token in streams_lease_due(now=now):
        stream = stream_start(stream_id=stream_id, token=token, now=now)
        assert stream is not None
        SyncStream.objects.filter(pk=stream_id).update(lease_token=token + 1)
        stream_read(stream=stream, token=token, clock=lambda: now)
    assert not ServerReading.objects.exists()
    SyncStream.objects.update(lease_until=None)
    run_all(now)
    assert ServerReading.objects.exists()


# --- The page ---------------------------------------------------------------------------------------------------


def test_ollama_tells_what_it_holds_in_memory(
    organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    now = simulator.now = timezone.now()
    page_of = connected(organization, "ollama", now, **LOCAL)
    run_all(now)
    page = Page(client, page_of)
    assert re.search(r"Address localhost:11434 version 0\.40\.12 · (just now|\d+.s ago)", page.words)
    load = plain(page.part("load"))
    assert re.search(r"Models in memory 1 ", load)
    assert re.search(r"Graphics memory example-small:8b loaded until [^<]+? 6\.2 GB", load)
    assert "Context example-small:8b 8,192 tokens" in load
    assert "Stale" not in load
    assert "no usage history" in page.part("usage"), "why there is none, rather than that it is to come"
    assert "No usage yet" not in page.words


def test_nothing_loaded_is_a_nought_and_what_is_closed_is_not_told(
    organization: Organization, client: Client, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "ollama", now, **LOCAL)
    pages: dict[str, Any] = {"/api/ps": httpx.Response(200, json={"models": []}), "/api/version": httpx.Response(404)}
    answer_instead(simulator, monkeypatch, lambda request: pages.get(request.url.path))
    run_all(now)
    page = Page(client, credential)
    assert re.search(r"Models in memory 0 ", page.part("load"))
    assert "version not told" in page.words
    pages["/api/ps"] = httpx.Response(404)
    run_once(SyncStream.objects.get(capability="models"), now + 10 * MINUTE)
    assert "load" not in Page(client, credential).tabs, "no figure is told, so none is shown, and no 0 either"


def test_a_server_that_is_off_keeps_its_last_figures_with_their_age(
    organization: Organization, client: Client, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = simulator.now = timezone.now() - timedelta(hours=5)
    credential = connected(organization, "vllm", then)
    run_all(then)
    monkeypatch.setattr(simulator, "handle_request", nobody)
    for stream in SyncStream.objects.exclude(state=StreamState.NOT_AVAILABLE):
        run_once(stream, timezone.now())
    page = Page(client, credential)
    load = plain(page.part("load"))
    assert re.search(r"Server\s+Offline\s+since", page.words)
    assert "Requests running acme/chat-8b, engine 0 2 5 h ago" in load
    assert "Requests running acme/chat-8b, engine 1 0 5 h ago" in load
    assert "Cache in use acme/chat-8b, engine 0 43 % 5 h ago" in load
    assert "Stale" not in load
    assert "version 0.99.1 · 5 h ago" in plain(page.words)


def test_a_server_that_answers_wrongly_shows_stale_figures(
    organization: Organization, client: Client, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = simulator.now = timezone.now() - timedelta(hours=5)
    credential = connected(organization, "vllm", then)
    run_all(then)
    answer_instead(simulator, monkeypatch, lambda request: httpx.Response(500))
    run_once(SyncStream.objects.get(capability="usage"), timezone.now())
    assert plain(Page(client, credential).part("load")).count("Stale 5 h ago") == 6


def test_a_counting_server_says_that_use_takes_two_readings(
    organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "vllm", now)
    assert "load" not in Page(client, credential).tabs, "nothing was read yet"
    run_all(now)
    empty = Page(client, credential).part("usage")
    assert "from the second reading on" in empty
    assert "first sync" not in empty
    assert "first sync" in Page(client, connected(organization, "openai", now)).part("usage")


def test_a_proxy_with_a_wallet_says_its_version_in_the_head(
    organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "bedrock-litellm", now)
    run_all(now)
    page = Page(client, credential)
    assert "version 1.109.1" in page.words
    assert "load" not in page.tabs


def test_names_from_a_server_are_escaped(client: Client, credential: ProviderCredential) -> None:
    bold = Gauge(name="requests_running", value=Decimal(1), unit="requests", scope="<b>m</b>")
    land(credential, Server(version="<i>1</i>", gauges=(bold,)), timezone.now())
    body = client.get(reverse("credentials:account", args=[credential.account_id])).content.decode()
    assert "<b>m</b>" not in body
    assert "<i>1</i>" not in body


# --- Words ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("0", "requests", "0"),
        ("1234", "requests", "1,234"),
        ("0.00", "percent", "0 %"),
        ("0.40", "percent", "< 1 %"),
        ("99.60", "percent", "99 %"),
        ("8192", "tokens", "8,192 tokens"),
        ("0", "bytes", "0 MB"),
        ("384", "bytes", "< 1 MB"),
        ("320000000", "bytes", "320 MB"),
        ("6249999999", "bytes", "6.2 GB"),
    ],
)
def test_figures_in_words(value: str, unit: str, words: str) -> None:
    assert plain(value_words(Decimal(value), unit)) == words


@given(st.integers(0, 2**63 - 1))
def test_only_nothing_is_said_to_be_nothing(size: int) -> None:
    assert memory_words(Decimal(size)).startswith("0") == (size == 0)


@pytest.mark.parametrize(
    ("until", "note"),
    [
        (None, ""),
        (NOW - MINUTE, ""),
        (datetime(1, 1, 1, tzinfo=UTC), ""),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "stays loaded"),
        (NOW + 30 * MINUTE, "loaded until 20 Nov, 15:02"),
    ],
)
def test_until_when_a_model_stays(credential: ProviderCredential, until: datetime | None, note: str) -> None:
    memory = Gauge(name="memory", value=Decimal(1), unit="bytes", scope="m", until=until)
    reading = land(credential, Server(gauges=(memory,)), NOW)
    (row,) = load_context(reading, offline=False, now=NOW)["load"]
    assert plain(row["note"]) == note


def test_long_lists_and_long_versions_are_cut_and_say_so(credential: ProviderCredential) -> None:
    many = tuple(Gauge(name="context", value=Decimal(n), unit="tokens", scope=f"m{n}") for n in range(LOAD_ROWS + 3))
    reading = land(credential, Server(version="9" * 400, gauges=many), NOW)
    shown = load_context(reading, offline=False, now=NOW)
    assert (len(shown["load"]), shown["load_left_out"]) == (LOAD_ROWS, 3)
    assert len(version_words(reading)) < 80
    assert version_words(reading).endswith("…")
    assert version_words(None) == ""
