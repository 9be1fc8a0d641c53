"""A skewed clock is told in the log, and nothing else changes."""

from datetime import datetime, timedelta

import pytest

from dashboard.organizations.models import Organization
from dashboard.sync.models import StreamState, SyncRun, SyncStream
from dashboard.sync.services import clock_words
from providers.simulator.server import Answer
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_once


def test_small_differences_are_not_worth_a_word(now: datetime) -> None:
    assert clock_words(None, now) == []
    assert clock_words(now - timedelta(minutes=4), now) == []


def test_the_sentence_says_by_how_much_and_which_way(now: datetime) -> None:
    assert "12 min ahead" in clock_words(now - timedelta(minutes=12), now)[0]
    assert "90 min behind" in clock_words(now + timedelta(minutes=90), now)[0]


def test_the_log_of_a_run_tells_it(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(organization, "deepseek", now)
    answer = simulator.simulator.answer

    def dated(*args: object, **kwargs: object) -> Answer:
        told = answer(*args, **kwargs)  # type: ignore[arg-type]
        return Answer(document=told.document, headers={"Date": "Fri, 20 Nov 2026 14:02:00 GMT"})

    monkeypatch.setattr(simulator.simulator, "answer", dated)
    stream = run_once(SyncStream.objects.get(capability="balance"), now)
    assert stream.state == StreamState.FRESH
    assert "30 min ahead" in SyncRun.objects.latest("id").message
