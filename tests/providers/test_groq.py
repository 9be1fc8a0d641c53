"""Groq against its simulator: what the adapter makes of rates is what the ledger counted."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from providers.adapters import groq
from providers.collect import Collected, Credentials, check, collect
from providers.errors import NotAvailable, Retryable
from providers.records import Identity, Model, UsageBucket
from providers.simulator.parts import groq as part
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 33, 20, tzinfo=UTC)
HOUR_BEGAN = NOW.replace(minute=0, second=0)
KEY = {"api_key": "gsk_sim-harbor", "metrics_enabled": "yes"}


def read(capability: str, days: int = 10, fault: Any = None, **values: str) -> tuple[Collected, Any]:
    send, simulator = simulated("groq", NOW)
    if fault:
        simulator.faults["groq", "harbor"] = fault
    start = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=days)
    found = collect(
        groq.PROVIDER, capability, Credentials(values=KEY | values), Window(start=start, end=NOW, now=NOW), send
    )
    return found, simulator.world.account(part.PROFILE, "harbor")


def buckets(found: Collected) -> list[UsageBucket]:
    return [row for row in found.records if isinstance(row, UsageBucket)]


def test_closed_hours_are_the_ledgers_and_refused_requests_do_not_count() -> None:
    found, account = read("usage")
    rows = buckets(found)
    closed = [row for row in rows if row.end <= NOW]
    assert {row.final for row in closed} == {None}
    charges = list(account.charges(HOUR_BEGAN.replace(hour=0) - timedelta(days=10), HOUR_BEGAN))
    told: dict[Any, list[int]] = {}
    for charge in charges:
        counts = told.setdefault((charge.start, charge.model, part.project_id(account, charge.project)), [0, 0, 0])
        counts[0] += charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens
        counts[1] += charge.output_tokens
        counts[2] += charge.requests
    assert {
        (row.start, row.model, row.project): [row.input_tokens, row.output_tokens, row.requests] for row in closed
    } == told
    assert {row.endpoint for row in rows} == {"enterprise metrics (estimate)"}
    assert found.partial == ()


def test_the_open_hour_holds_its_full_five_minutes() -> None:
    found, account = read("usage", days=0)
    rows = [row for row in buckets(found) if row.end > NOW]
    assert rows
    assert {(row.start, row.final) for row in rows} == {(HOUR_BEGAN, False)}
    whole = sum(charge.output_tokens for charge in account.charges(HOUR_BEGAN, NOW))
    so_far = sum(row.output_tokens or 0 for row in rows)
    assert so_far == pytest.approx(whole * 6 / 12, abs=len(rows))


def test_one_project() -> None:
    every, account = read("usage", days=1)
    project = part.project_id(account, "proj-search")
    found, _ = read("usage", days=1, project_id=project)
    assert buckets(found) == [row for row in buckets(every) if row.project == project] != []


def test_an_unknown_project_erases_nothing() -> None:
    found, _ = read("usage", days=1, project_id="project_elsewhere")
    assert found.records == []
    assert found.partial


def test_series_sent_twice_count_once() -> None:
    assert read("usage", days=2, fault="duplicate")[0] == read("usage", days=2)[0]


def test_long_history_comes_in_calls_of_eleven_days() -> None:
    found, account = read("usage", days=23)
    assert found.calls == 3 * 3
    first = HOUR_BEGAN.replace(hour=0) - timedelta(days=23)
    closed = sum(row.output_tokens or 0 for row in buckets(found) if row.end <= NOW)
    assert closed == sum(charge.output_tokens for charge in account.charges(first, HOUR_BEGAN))


def test_too_large_an_answer_is_read_day_by_day() -> None:
    send, _ = simulated("groq", NOW)
    small = Transport(wire=send.__self__.wire, max_body_bytes=100_000, pause=lambda seconds: None).send
    window = Window(start=NOW - timedelta(days=4), end=NOW, now=NOW)
    whole = collect(groq.PROVIDER, "usage", Credentials(values=KEY), window, send)
    by_day = collect(groq.PROVIDER, "usage", Credentials(values=KEY), window, small)
    assert by_day.records == whole.records
    assert by_day.calls == 3 * (1 + 5)


def test_a_standard_organization_has_no_metrics_but_a_good_key() -> None:
    with pytest.raises(NotAvailable):
        read("usage", api_key="gsk_standard-sim-harbor")
    assert [row.id for row in read("models", api_key="gsk_standard-sim-harbor")[0].records if isinstance(row, Model)]


def test_the_spend_limit_passes_by_itself() -> None:
    with pytest.raises(Retryable) as limited:
        read("models", api_key="gsk_blocked-sim-harbor")
    assert not limited.value.rests_credential
    send, _ = simulated("groq", NOW)
    identity = check(
        groq.PROVIDER,
        Credentials(values={"api_key": "gsk_blocked-sim-harbor"}),
        Window(start=NOW, end=NOW, now=NOW),
        send,
    )
    assert identity == Identity(key_kind="api_key", warnings=("blocked",))


def test_models() -> None:
    found, _ = read("models")
    ids = {row.id for row in found.records if isinstance(row, Model)}
    assert ids == {model.id for model in part.PROFILE.models} | {"whisper-large-v3"}


def test_every_call_is_a_free_read() -> None:
    sent: list[httpx.Request] = []

    class Wire:
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            empty: dict[str, Any] = {"data": [], "status": "success"}
            if "query_range" in request.url.path:
                empty["data"] = {"resultType": "matrix", "result": []}
            return httpx.Response(200, text=json.dumps(empty))

    send = Transport(wire=Wire(), pause=lambda seconds: None).send
    window = Window(start=NOW - timedelta(days=1), end=NOW, now=NOW)
    for capability in ("usage", "models"):
        collect(groq.PROVIDER, capability, Credentials(values=KEY), window, send)
    check(groq.PROVIDER, Credentials(values=KEY), window, send)
    assert {(request.method, request.url.path) for request in sent} == {
        ("GET", "/openai/v1/models"),
        ("GET", "/v1/metrics/prometheus/api/v1/query_range"),
    }
