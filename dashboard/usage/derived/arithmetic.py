"""Cost from the falls of a balance, and a balance from costs. Pure: readings and amounts in, amounts out.

Daily cost, for wallets whose provider tells none: money put in (a jump up, or a top-up that a person typed in) and
money that expired are taken out; a small step up is a correction by the provider and is taken off that day's cost. What
is left adds up exactly: opening balance + top-ups - expiries - cost = closing balance. What lies between two readings
is spread over the time between them.

A balance, for accounts whose provider tells none: what a person typed in, plus top-ups, less what was spent since.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from dashboard.balances.runway import RISE_SHARE

_PLACES = Decimal("1e-12")
_LEAST_TOPUP = Decimal("0.01")
_ZERO = Decimal(0)
# A grant that is gone at once, when nothing ever fell a fifth as fast, was not used but expired.
EXPIRY_PACE = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """A balance at a moment. `granted` is the part of it that the provider gave; `expires_at` is when it ends."""

    at: datetime
    amount: Decimal
    granted: Decimal | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Fall:
    """What was spent between two readings; negative where the provider gave something back."""

    since: datetime
    until: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """A step between two readings: before + put_in - expired - fall = after."""

    fall: Fall
    put_in: Decimal
    expired: Decimal


def movements(readings: Sequence[Reading], *, topups: Iterable[tuple[datetime, Decimal]] = ()) -> list[Movement]:
    """Every step between neighbouring readings (oldest first, of one wallet); `topups` are those that people typed."""
    typed = sorted(topups)
    found: list[Movement] = []
    fastest = Decimal(0)  # what fell in a second, at most, so far
    for before, after in pairwise(readings):
        if after.at <= before.at:
            continue
        known = sum((amount for at, amount in typed if before.at < at <= after.at), Decimal(0))
        drop = before.amount + known - after.amount
        put_in, expired = known, Decimal(0)
        if drop < 0 and not known and -drop > max(abs(before.amount) * RISE_SHARE, _LEAST_TOPUP):
            put_in, drop = -drop, Decimal(0)
        elif drop > 0:
            # Of a wallet that is below zero already nothing is left to expire.
            expired = max(Decimal(0), min(drop, _expired(before, after, drop, fastest)))
            drop -= expired
        found.append(Movement(Fall(before.at, after.at, drop), put_in, expired))
        fastest = max(fastest, drop / Decimal((after.at - before.at).total_seconds()))
    return found


def _expired(before: Reading, after: Reading, drop: Decimal, fastest: Decimal) -> Decimal:
    """How much of a drop was taken away and not spent."""
    if before.expires_at is not None and before.at < before.expires_at <= after.at:
        return before.amount if before.granted is None else before.granted
    if not before.granted or after.granted != 0:
        return Decimal(0)
    paid_stood_still = before.amount - before.granted == after.amount
    pace = drop / Decimal((after.at - before.at).total_seconds())
    return before.granted if paid_stood_still and pace > fastest * EXPIRY_PACE else Decimal(0)


def cost_by_day(falls: Iterable[Fall], zone: ZoneInfo) -> dict[date, Decimal]:
    """The falls summed by day of that zone, each spread over the time it took. The sums add up to the falls exactly."""
    days: dict[date, Decimal] = {}
    for fall in falls:
        for day, part in _spread(fall, zone):
            days[day] = days.get(day, Decimal(0)) + part
    return days


def _spread(fall: Fall, zone: ZoneInfo) -> Iterator[tuple[date, Decimal]]:
    length = fall.until - fall.since
    start, done = fall.since, Decimal(0)
    while start < fall.until:
        day = start.astimezone(zone).date()
        end = min(midnight_after(day, zone), fall.until)
        share = Decimal((end - fall.since) / timedelta.resolution) / Decimal(length / timedelta.resolution)
        reached = fall.amount if end == fall.until else (fall.amount * share).quantize(_PLACES)
        yield day, reached - done
        start, done = end, reached


def midnight_after(day: date, zone: ZoneInfo) -> datetime:
    """When that day ends there, in UTC."""
    following = day + timedelta(days=1)
    return datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)


def midnight_before(moment: datetime, zone: ZoneInfo) -> datetime:
    """When the day of that moment began there, in UTC."""
    return midnight_after(moment.astimezone(zone).date() - timedelta(days=1), zone)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on the days [first, last] together."""

    first: date
    last: date
    amount: Decimal

    def touches(self, since: datetime, until: datetime) -> bool:
        """False when it surely lies outside of that span, in any zone."""
        day = timedelta(days=1)
        return self.first - day <= until.date() and self.last + day >= since.date()


def balance_points(
    anchors: Sequence[tuple[datetime, Decimal]],
    *,
    topups: Sequence[tuple[datetime, Decimal]],
    spent: Sequence[Spent],
    zone: ZoneInfo,
    now: datetime,
) -> list[tuple[datetime, Decimal]]:
    """The balance at each anchor (a balance that somebody typed in), at each midnight after the first, and now. From
    anchor to anchor it goes down by what was spent, a day's or month's cost evenly over its time, and up by top-ups;
    at the next anchor it is what was typed."""
    points: list[tuple[datetime, Decimal]] = []
    ends = [at for at, _ in anchors[1:]] + [now]
    for (at, amount), end in zip(anchors, ends, strict=True):
        points.append((at, amount))
        since, left = at, amount
        for moment in _midnights(at, end, zone):
            near = [one for one in spent if one.touches(since, moment)]
            fell = sum((_share(one, at, moment, zone, now) - _share(one, at, since, zone, now) for one in near), _ZERO)
            left += sum((more for when, more in topups if since < when <= moment), _ZERO) - fell
            points.append((moment, left))
            since = moment
    last_at, last_amount = anchors[-1]
    if now > last_at:
        expected = expected_balance(last_at, last_amount, now, topups=topups, spent=spent, zone=zone, now=now)
        points.append((now, expected))
    return points


def expected_balance(
    at: datetime,
    amount: Decimal,
    moment: datetime,
    *,
    topups: Sequence[tuple[datetime, Decimal]],
    spent: Sequence[Spent],
    zone: ZoneInfo,
    now: datetime,
) -> Decimal:
    """What a balance that was `amount` at `at` should be at `moment`."""
    put_in = sum((more for when, more in topups if at < when <= moment), _ZERO)
    return amount + put_in - sum((_share(one, at, moment, zone, now) for one in spent), _ZERO)


def _share(spent: Spent, since: datetime, until: datetime, zone: ZoneInfo, now: datetime) -> Decimal:
    """How much of a span's cost fell into (since, until]; a span that still runs was spent by now."""
    begin = midnight_after(spent.first - timedelta(days=1), zone)
    end = min(midnight_after(spent.last, zone), max(now, begin + timedelta.resolution))
    overlap = min(until, end) - max(since, begin)
    if overlap <= timedelta(0):
        return Decimal(0)
    if overlap == end - begin:
        return spent.amount
    share = Decimal(overlap / timedelta.resolution) / Decimal((end - begin) / timedelta.resolution)
    return (spent.amount * share).quantize(_PLACES)


def _midnights(since: datetime, until: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    moment = midnight_after(since.astimezone(zone).date(), zone)
    while moment < until:
        yield moment
        moment = midnight_after(moment.astimezone(zone).date(), zone)
