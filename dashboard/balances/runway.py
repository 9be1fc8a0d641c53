"""How long a balance lasts, as a range. Pure: points and `now` in, a Runway or a reason out.

The falls between readings are summed by day; rises are money put in and count for nothing here. From the days' falls
come a mean and a spread, apart for weekdays and weekends, and the balance is walked forward until it is used up: once
at the mean (likely), once at the upper and once at the lower edge of an 80 % range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import sqrt
from statistics import fmean, pstdev
from typing import Literal

Reason = Literal["stale", "too_new", "no_burn", "empty", "owed", "posted"]
Point = tuple[datetime, Decimal]

LOOK_BACK = timedelta(days=14)
LEAST_HISTORY = timedelta(hours=24)
HORIZON_DAYS = 120
EDGE = 1.28  # standard deviations that hold 80 % of a normal distribution
RISE_SHARE = Decimal("0.02")  # a smaller rise is a correction by the provider, not money put in
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TopUp:
    """Money put in, found from a jump: the first reading that shows it."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Runway:
    """Days from `now` until the balance is used up; None beyond the horizon of 120 days. `burn_per_day` in the
    balance's unit. With a `reason` the days cannot be told (or, for "empty", are over)."""

    low_days: float | None = None
    likely_days: float | None = None
    high_days: float | None = None
    burn_per_day: Decimal | None = None
    reason: Reason | None = None


def find_topups(points: Sequence[Point]) -> list[TopUp]:
    """Rises between neighbouring readings (oldest first) of more than 2 % of what was left, at least 0.01."""
    found = []
    for (_, before), (at, after) in pairwise(points):
        rise = after - before
        if rise > max(abs(before) * RISE_SHARE, Decimal("0.01")):
            found.append(TopUp(at=at, amount=rise))
    return found


def runway(points: Sequence[Point], *, now: datetime, fresh_for: timedelta) -> Runway:
    """The runway of the newest of `points` (oldest first)."""
    if not points or now - points[-1][0] > fresh_for:
        return Runway(reason="stale")
    last_at, amount = points[-1]
    if amount <= 0:
        return Runway(low_days=0, likely_days=0, high_days=0, reason="empty")
    recent = [point for point in points if point[0] >= last_at - LOOK_BACK]
    if last_at - recent[0][0] < LEAST_HISTORY:
        return Runway(reason="too_new")
    days = _falls_by_day(recent)
    burn = sum((fall for _, fall in days), Decimal(0)) / len(days)
    if burn <= 0:
        return Runway(burn_per_day=Decimal(0), reason="no_burn")
    paces = {weekend: _pace(days, weekend) for weekend in (False, True)}
    low, likely, high = (_walk(float(amount), last_at, paces, edge) for edge in (EDGE, 0.0, -EDGE))
    passed = (now - last_at) / DAY
    return Runway(
        low_days=None if low is None else max(0.0, low - passed),
        likely_days=None if likely is None else max(0.0, likely - passed),
        high_days=None if high is None else max(0.0, high - passed),
        burn_per_day=burn,
    )


def _falls_by_day(points: Sequence[Point]) -> list[tuple[bool, Decimal]]:
    """(is weekend, fall) of each 24 hours counted back from the newest reading; a fall between two readings is spread
    evenly over the time between them. The oldest, cut day is scaled up when it holds at least half a day."""
    end = points[-1][0]
    falls: dict[int, Decimal] = {}
    for (before_at, before), (at, after) in pairwise(points):
        fall = before - after
        if fall <= 0 or at == before_at:
            continue
        first, last = int((end - at) / DAY), int((end - before_at) / DAY)
        for index in range(first, last + 1):
            start_of_day, end_of_day = end - (index + 1) * DAY, end - index * DAY
            overlap = min(at, end_of_day) - max(before_at, start_of_day)
            if overlap > timedelta(0):
                falls[index] = falls.get(index, Decimal(0)) + fall * Decimal(overlap / (at - before_at))
    whole, rest = divmod(end - points[0][0], DAY)
    days = [(_is_weekend(end - (index + 0.5) * DAY), falls.get(index, Decimal(0))) for index in range(whole)]
    if rest >= DAY / 2:
        days.append((_is_weekend(end - whole * DAY - rest / 2), falls.get(whole, Decimal(0)) * Decimal(DAY / rest)))
    return days


def _is_weekend(moment: datetime) -> bool:
    return moment.weekday() >= 5


def _pace(days: Sequence[tuple[bool, Decimal]], weekend: bool) -> tuple[float, float]:
    """(mean, spread) of a day's fall. With fewer than two days of the kind, all days speak; a single day is taken to be
    uncertain by half, so that the range never pretends."""
    chosen = [float(fall) for is_weekend, fall in days if is_weekend == weekend]
    if len(chosen) < 2:
        chosen = [float(fall) for _, fall in days]
    mean = fmean(chosen)
    return mean, max(pstdev(chosen) if len(chosen) > 1 else mean / 2, mean * 0.1)


def _walk(amount: float, start: datetime, paces: dict[bool, tuple[float, float]], edge: float) -> float | None:
    """Days until `amount` is used up at mean + edge x spread of the sum so far; None beyond the horizon."""
    mean_sum = variance_sum = used = 0.0
    for day in range(HORIZON_DAYS):
        mean, spread = paces[_is_weekend(start + (day + 0.5) * DAY)]
        mean_sum += mean
        variance_sum += spread**2
        reached = max(used, mean_sum + edge * sqrt(variance_sum))
        if reached >= amount:
            return day + (amount - used) / (reached - used)
        used = reached
    return None
