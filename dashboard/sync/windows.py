"""Which span a stream reads next, and where it stands afterwards. Pure but for the stream's own fields.

A stream with history first reads its newest span, so that a page has something to show at once, then goes back span by
span to the goal. In between and afterwards it reads from its cursor less the lookback, because providers revise.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dashboard.sync.models import SyncStream
from providers.spec import Endpoint, Window

# A worker that was away for long catches up in spans of the endpoint's own chunk, oldest first.
_SOON = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The span [start, end) of one run; `backfill` when it is older history. Without history the span is empty."""

    start: datetime
    end: datetime
    backfill: bool = False

    @property
    def has_span(self) -> bool:
        return self.start < self.end

    def window(self, now: datetime) -> Window:
        return Window(start=self.start, end=self.end, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a stream stands after a good run."""

    next_run_at: datetime
    cursor: datetime | None
    backfilled_to: datetime | None
    backfill_goal: datetime | None


def next_reading(stream: SyncStream, endpoint: Endpoint, now: datetime) -> Reading:
    """What to read now."""
    if not endpoint.history:
        return Reading(start=now, end=now)
    oldest = now - endpoint.history
    if stream.cursor is None:
        return Reading(start=max(oldest, now - endpoint.chunk), end=now)
    # A cursor ahead of the clock (the machine's time was set back) must not make an inverted span.
    cursor = min(stream.cursor, now)
    fresh_start = max(oldest, cursor - endpoint.lookback)
    refresh_due = now - cursor >= timedelta(seconds=stream.interval_seconds)
    if backfilling(stream) and not refresh_due:
        assert stream.backfilled_to is not None
        assert stream.backfill_goal is not None
        return Reading(
            start=max(stream.backfill_goal, stream.backfilled_to - endpoint.chunk),
            end=stream.backfilled_to,
            backfill=True,
        )
    return Reading(start=fresh_start, end=min(now, fresh_start + endpoint.chunk + endpoint.lookback))


def after_success(stream: SyncStream, endpoint: Endpoint, reading: Reading, now: datetime) -> Progress:
    """Where the stream stands when `reading` has landed."""
    interval = timedelta(seconds=stream.interval_seconds)
    if not endpoint.history:
        return Progress(next_run_at=now + interval, cursor=None, backfilled_to=None, backfill_goal=None)
    cursor, back, goal = stream.cursor, stream.backfilled_to, stream.backfill_goal
    if reading.backfill:
        back = reading.start
    else:
        cursor = reading.end
        if back is None:
            back, goal = reading.start, now - endpoint.history
    if back is not None and goal is not None and back <= goal:
        goal = None
    caught_up = cursor is not None and now - cursor < interval
    pending = goal is not None or not caught_up
    return Progress(
        next_run_at=now + (_SOON if pending else interval),
        cursor=cursor,
        backfilled_to=back,
        backfill_goal=goal,
    )


def backfilling(stream: SyncStream) -> bool:
    """Whether older history is still to come."""
    return stream.backfill_goal is not None and stream.backfilled_to is not None


def backfill_percent(stream: SyncStream, history: timedelta, now: datetime) -> int:
    """How much of the history is there, 0..100."""
    if not history or not backfilling(stream):
        return 100
    assert stream.backfilled_to is not None
    return max(0, min(100, int((now - stream.backfilled_to) / history * 100)))
