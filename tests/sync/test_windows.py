"""Which span is read next. Pure: a stream that was never saved, an endpoint of our own making."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.sync.models import SyncStream
from dashboard.sync.windows import Reading, after_success, backfill_percent, backfilling, next_reading
from providers.spec import Account, Endpoint, Steps, Window

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)


def no_steps(account: Account, window: Window) -> Steps:
    raise AssertionError("windows never read")


def endpoint(history: timedelta = 90 * DAY, chunk: timedelta = 30 * DAY, lookback: timedelta = 3 * DAY) -> Endpoint:
    return Endpoint(steps=no_steps, interval=HOUR, history=history, chunk=chunk, lookback=lookback)


def stream(**fields: Any) -> SyncStream:
    return SyncStream(**{"capability": "usage", "interval_seconds": 3600, "next_run_at": NOW, **fields})


def land(one: SyncStream, told: Endpoint, reading: Reading, now: datetime) -> None:
    """What a good run changes."""
    progress = after_success(one, told, reading, now)
    one.next_run_at, one.cursor = progress.next_run_at, progress.cursor
    one.backfilled_to, one.backfill_goal = progress.backfilled_to, progress.backfill_goal


def readings(one: SyncStream, told: Endpoint, now: datetime, most: int = 60) -> Iterator[Reading]:
    """Read at this moment until the stream is content."""
    for _ in range(most):
        reading = next_reading(one, told, now)
        yield reading
        land(one, told, reading, now)
        if one.next_run_at > now:
            return
    raise AssertionError("the stream never comes to rest")


def test_a_capability_without_history_reads_no_span() -> None:
    one = stream()
    assert next_reading(one, endpoint(timedelta(0)), NOW) == Reading(start=NOW, end=NOW)
    assert not next_reading(one, endpoint(timedelta(0)), NOW).has_span
    land(one, endpoint(timedelta(0)), Reading(start=NOW, end=NOW), NOW)
    assert (one.cursor, one.next_run_at, backfilling(one)) == (None, NOW + HOUR, False)


def test_the_first_read_is_the_newest_span() -> None:
    one = stream()
    first = next_reading(one, endpoint(), NOW)
    assert first == Reading(start=NOW - 30 * DAY, end=NOW, backfill=False)
    land(one, endpoint(), first, NOW)
    assert one.cursor == NOW
    assert one.next_run_at == NOW, "the older history is read at once"
    assert (one.backfilled_to, one.backfill_goal) == (NOW - 30 * DAY, NOW - 90 * DAY)


def test_history_comes_newest_first_down_to_the_goal_without_gaps() -> None:
    spans = [(reading.start, reading.end, reading.backfill) for reading in readings(stream(), endpoint(), NOW)]
    assert spans == [
        (NOW - 30 * DAY, NOW, False),
        (NOW - 60 * DAY, NOW - 30 * DAY, True),
        (NOW - 90 * DAY, NOW - 60 * DAY, True),
    ]


def test_the_goal_cuts_the_last_span() -> None:
    spans = list(readings(stream(), endpoint(history=70 * DAY), NOW))
    assert (spans[-1].start, spans[-1].end) == (NOW - 70 * DAY, NOW - 60 * DAY)


def test_history_no_longer_than_a_chunk_needs_one_read() -> None:
    one = stream()
    assert len(list(readings(one, endpoint(history=20 * DAY), NOW))) == 1
    assert (one.next_run_at, backfilling(one)) == (NOW + HOUR, False)


def test_a_refresh_that_is_due_goes_before_older_history() -> None:
    one = stream(cursor=NOW - HOUR, backfilled_to=NOW - 30 * DAY, backfill_goal=NOW - 90 * DAY)
    reading = next_reading(one, endpoint(), NOW)
    assert (reading.backfill, reading.end) == (False, NOW)
    land(one, endpoint(), reading, NOW)
    assert one.backfilled_to == NOW - 30 * DAY, "the refresh moves the cursor and nothing else"
    assert one.next_run_at == NOW
    assert next_reading(one, endpoint(), NOW).backfill


def test_every_read_looks_back_because_history_is_revised() -> None:
    one = stream(cursor=NOW - HOUR, backfilled_to=NOW - 90 * DAY)
    assert next_reading(one, endpoint(), NOW) == Reading(start=NOW - HOUR - 3 * DAY, end=NOW)


def test_lookback_never_reaches_beyond_the_history() -> None:
    told = endpoint(history=2 * DAY, lookback=30 * DAY)
    assert next_reading(stream(cursor=NOW - HOUR), told, NOW).start == NOW - 2 * DAY


def test_after_a_long_absence_the_gap_is_read_in_chunks_oldest_first() -> None:
    away = NOW - 70 * DAY
    one = stream(cursor=away, backfilled_to=NOW - 300 * DAY)
    spans = list(readings(one, endpoint(), NOW))
    assert spans[0].start == away - 3 * DAY
    assert [span.end for span in spans] == [away + 30 * DAY, away + 60 * DAY, NOW]
    for before, after in pairwise(spans):
        assert after.start <= before.end, "no gap between two spans"
        assert after.end - after.start <= endpoint().chunk + endpoint().lookback
    assert one.cursor == NOW
    assert one.next_run_at == NOW + HOUR


def test_after_an_absence_longer_than_the_history_it_begins_at_the_oldest_day() -> None:
    one = stream(cursor=NOW - 400 * DAY, backfilled_to=NOW - 490 * DAY)
    spans = list(readings(one, endpoint(), NOW))
    assert spans[0].start == NOW - 90 * DAY
    assert spans[-1].end == NOW


def test_a_cursor_ahead_of_the_clock_makes_no_inverted_span() -> None:
    one = stream(cursor=NOW + 5 * DAY, backfilled_to=NOW - 90 * DAY)
    reading = next_reading(one, endpoint(), NOW)
    assert reading == Reading(start=NOW - 3 * DAY, end=NOW)
    land(one, endpoint(), reading, NOW)
    assert one.cursor == NOW, "the clock is believed again from here"


def test_a_backfill_interrupted_by_a_clock_set_back_still_ends() -> None:
    one = stream()
    told = endpoint()
    land(one, told, next_reading(one, told, NOW), NOW)
    earlier = NOW - 10 * DAY
    spans = list(readings(one, told, earlier))
    assert all(span.start < span.end for span in spans)
    assert not backfilling(one)


def test_progress_in_percent() -> None:
    one, told = stream(), endpoint()
    assert backfill_percent(one, told.history, NOW) == 100
    shown = []
    for reading in readings(one, told, NOW):
        assert reading.has_span
        shown.append(backfill_percent(one, told.history, NOW))
    assert shown == [100, 33, 66], "before anything is known, after the first span, after the second"
    assert backfill_percent(one, told.history, NOW) == 100


def test_percent_stays_within_bounds() -> None:
    ahead = stream(backfilled_to=NOW + DAY, backfill_goal=NOW - 90 * DAY)
    beyond = stream(backfilled_to=NOW - 500 * DAY, backfill_goal=NOW - 900 * DAY)
    assert backfill_percent(ahead, 90 * DAY, NOW) == 0
    assert backfill_percent(beyond, 90 * DAY, NOW) == 100


days = st.integers(1, 400).map(lambda count: count * DAY)
moments = st.lists(st.timedeltas(-2 * DAY, 120 * DAY), min_size=1, max_size=6)


@given(days, days, days, moments)
def test_whatever_the_clock_does_spans_are_sound_and_the_stream_comes_to_rest(
    history: timedelta, chunk: timedelta, lookback: timedelta, jumps: list[timedelta]
) -> None:
    told, one, now = endpoint(history, chunk, lookback), stream(), NOW
    for jump in jumps:
        now += jump
        for reading in readings(one, told, now, most=900):
            assert reading.start < reading.end <= max(now, reading.end if reading.backfill else now)
            assert reading.end - reading.start <= chunk + lookback
        assert timedelta(0) <= now - one.cursor < timedelta(seconds=one.interval_seconds)
        assert one.next_run_at == now + HOUR


@pytest.mark.parametrize("chunk", [1, 7, 30, 92])
def test_first_read_and_backfill_cover_the_history_exactly(chunk: int) -> None:
    spans = sorted((span.start, span.end) for span in readings(stream(), endpoint(chunk=chunk * DAY), NOW, most=100))
    assert (spans[0][0], spans[-1][1]) == (NOW - 90 * DAY, NOW)
    assert all(before[1] == after[0] for before, after in pairwise(spans))
