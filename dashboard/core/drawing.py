"""Geometry of the small drawings: sparkline, meter, horizon, tick strip.

Pure: values and instants in, SVG numbers out. Nothing here reads the clock, the database or the language. Amounts
stay Decimal until they become a place on paper.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

SPARK_WIDTH, SPARK_HEIGHT = 96, 24
_SPARK_LEFT, _SPARK_RIGHT, _SPARK_TOP, _SPARK_ZERO = 1.0, 95.0, 3.0, 22.5
_SPARK_MOST_POINTS = 64

# The horizon doubles its time with every column: 3 h (drawn as "now"), 6 h, 12 h ... 32 days.
HORIZON_WIDTH, HORIZON_HEIGHT = 1000, 44
_HORIZON_COLUMN = 125
_HORIZON_FIRST_HOURS = 3
HORIZON_GRID = tuple(range(_HORIZON_COLUMN, HORIZON_WIDTH, _HORIZON_COLUMN))


@dataclass(frozen=True)
class Sparkline:
    """A falling line in 96 x 24. `points` is the path; `topups` are the paths of the drop-lines."""

    points: str
    end_x: float
    end_y: float
    topups: tuple[str, ...]
    dashed: bool
    label: str
    severity: str = ""


@dataclass(frozen=True)
class Meter:
    """A bar on 0 to 100. `tick` is the share of the window that has passed, `forecast` where it will end at this pace.
    Past 100 % the whole scale shrinks, so that what is over is drawn beyond `full`."""

    value: float
    tick: float | None
    full: float
    over: bool
    severity: str
    forecast: float | None = None


@dataclass(frozen=True)
class Horizon:
    """A band on the doubling time axis: from `x`, `width` wide, `notch` at the likeliest end, `floor` at one day."""

    x: float
    width: float
    notch: float | None
    floor: float
    severity: str
    grid: tuple[int, ...] = HORIZON_GRID


@dataclass(frozen=True)
class Tick:
    """One run or hour: a full bar, or a short dash where nothing ran."""

    x: float
    y: float
    height: float
    look: str
    title: str


def sparkline_points(
    readings: Sequence[tuple[datetime, Decimal]],
    *,
    start: datetime,
    end: datetime,
    topups: Iterable[datetime] = (),
    dashed: bool = False,
    label: str = "",
    severity: str = "",
) -> Sparkline | None:
    """Draw `readings` (in order of time) between `start` and `end`, zero at the foot; None when there is none.

    More readings than the drawing can show are thinned to the last of each stretch: a jump keeps both its sides.
    """
    inside = [(at, value) for at, value in readings if start <= at <= end]
    if not inside:
        return None
    low = min(Decimal(0), *(value for _, value in inside))
    high = max(Decimal(0), *(value for _, value in inside))
    span = float(high - low) or 1.0
    seconds = (end - start).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return round(_SPARK_LEFT + (_SPARK_RIGHT - _SPARK_LEFT) * (at - start).total_seconds() / seconds, 1)

    def y(value: Decimal) -> float:
        return round(_SPARK_ZERO - (_SPARK_ZERO - _SPARK_TOP) * float(value - low) / span, 1)

    marks = [at for at in topups if start <= at <= end]
    places = [(x(at), y(value)) for at, value in _thinned(inside, set(marks))]
    if len(places) == 1:
        places = [(_SPARK_LEFT, places[0][1]), places[0]]
    path = "".join(f"{'L' if number else 'M'}{px} {py}" for number, (px, py) in enumerate(places))
    values = dict(inside)
    drops = tuple(f"M{x(at)} {y(values[at]) if at in values else _SPARK_TOP}V{SPARK_HEIGHT}" for at in marks)
    end_x, end_y = places[-1]
    return Sparkline(path, end_x, end_y, drops, dashed, label, severity)


def _thinned(readings: list[tuple[datetime, Decimal]], kept: set[datetime]) -> list[tuple[datetime, Decimal]]:
    if len(readings) <= _SPARK_MOST_POINTS:
        return readings
    stride = math.ceil(len(readings) / _SPARK_MOST_POINTS)
    wanted = set(range(stride - 1, len(readings), stride)) | {0, len(readings) - 1}
    for number, (at, _) in enumerate(readings):
        if at in kept:
            wanted |= {max(0, number - 1), number}
    return [readings[number] for number in sorted(wanted)]


_METER_MOST = Decimal(200)


def meter_geometry(
    percent_used: Decimal | int | None,
    *,
    elapsed: Decimal | int | None = None,
    ends_near: Decimal | int | None = None,
) -> Meter | None:
    """A quota's bar. `elapsed` is the share of its window that has passed, 0 to 100, or None when that is not known;
    `ends_near` the share at which it will end.

    Critical from 90 %. Warning from 75 % when that is more than five points ahead of the time passed, or when the
    time is not known. None when the provider did not tell the share.
    """
    if percent_used is None:
        return None
    used = max(Decimal(0), Decimal(percent_used))
    # A forecast far beyond the limit would squeeze what is known.
    end = None if ends_near is None else min(Decimal(ends_near), max(used, _METER_MOST))
    scale = Decimal(100) / max(Decimal(100), used, end or Decimal(0))
    passed = None if elapsed is None else min(Decimal(100), max(Decimal(0), Decimal(elapsed)))
    ahead = passed is None or used > passed + 5
    severity = "crit" if used >= 90 else "warn" if used >= 75 and ahead else ""
    return Meter(
        value=round(float(used * scale), 1),
        tick=None if passed is None else round(float(passed * scale), 1),
        full=round(float(100 * scale), 1),
        over=used > 100,
        severity=severity,
        forecast=round(float(end * scale), 1) if end is not None and end > used else None,
    )


def horizon_place(days: Decimal) -> float:
    """Where `days` from now falls on the doubling axis, 0 to 1000."""
    hours = float(days) * 24
    if hours <= _HORIZON_FIRST_HOURS:
        return 0.0
    return round(min(float(HORIZON_WIDTH), math.log2(hours / _HORIZON_FIRST_HOURS) * _HORIZON_COLUMN), 1)


def horizon_geometry(
    low_days: Decimal, high_days: Decimal, likely_days: Decimal | None = None, *, floor_days: Decimal = Decimal(1)
) -> Horizon:
    """The band in which money ends. Critical when it may end before the floor, warning when within seven days."""
    low, high = sorted((max(Decimal(0), low_days), max(Decimal(0), high_days)))
    x = min(horizon_place(low), HORIZON_WIDTH - 6.0)
    width = max(6.0, round(horizon_place(high) - x, 1))
    severity = "crit" if low < floor_days else "warn" if low < 7 else ""
    notch = None if likely_days is None else horizon_place(likely_days)
    return Horizon(x=x, width=width, notch=notch, floor=horizon_place(floor_days), severity=severity)


_TICK_LOOKS = {
    "ok": "tk-ok",
    "fresh": "tk-ok",
    "syncing": "tk-ok",
    "stale": "tk-warn",
    "warn": "tk-warn",
    "backing_off": "tk-warn",
    "paused": "tk-warn",
    "failing": "tk-crit",
    "failed": "tk-crit",
    "crit": "tk-crit",
}
TICK_STEP, TICK_HEIGHT = 4, 12


def tick_strip(ticks: Iterable[tuple[str, str]]) -> list[Tick]:
    """One bar per (state, title); a state that is none of the known ones ran nothing and is a short dash."""
    strip = []
    for number, (state, title) in enumerate(ticks):
        look = _TICK_LOOKS.get(state)
        y, height = (0.0, float(TICK_HEIGHT)) if look else (5.0, 2.0)
        strip.append(Tick(x=float(number * TICK_STEP), y=y, height=height, look=look or "tk-none", title=title))
    return strip


def stacked_shares(values: Sequence[Decimal | None], largest: Decimal) -> list[tuple[float, float]]:
    """Segments (x, width) of one bar on 0 to 100, where `largest` is the longest bar's total; unknown has no width."""
    if largest <= 0:
        return [(0.0, 0.0) for _ in values]
    segments, at = [], Decimal(0)
    for value in values:
        width = Decimal(0) if value is None or value < 0 else value / largest * 100
        segments.append((round(float(at), 1), round(max(0.0, float(width) - 0.5), 1)))
        at += width
    return segments


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def balance_chart(
    readings: Sequence[tuple[datetime, Decimal]],
    *,
    unit: str,
    symbol: str,
    digits: int,
    zone: str,
    now: datetime,
    words: Mapping[str, str],
    topups: Sequence[tuple[datetime, Decimal, str]] = (),
    dry: tuple[datetime, datetime] | None = None,
    floor: tuple[Decimal, str] | None = None,
    stale: bool = False,
) -> dict[str, object]:
    """What charts.js draws of a balance; amounts are strings, instants milliseconds.

    `topups` are (at, balance after it, label); `dry` the earliest and the latest likely
    end; `words` has "balance" and "now".
    """
    return {
        "unit": unit,
        "symbol": symbol,
        "digits": digits,
        "zone": zone,
        "now": _milliseconds(now),
        "points": [[_milliseconds(at), str(value)] for at, value in readings],
        "topups": [{"at": _milliseconds(at), "value": str(value), "label": label} for at, value, label in topups],
        "band": {"early": _milliseconds(dry[0]), "late": _milliseconds(dry[1])} if dry else None,
        "floor": {"value": str(floor[0]), "label": floor[1]} if floor else None,
        "stale": stale,
        "words": dict(words),
    }


@dataclass(frozen=True, slots=True)
class Layer:
    """One series of a stack: a value or None for every day; those of `open_days` may still change."""

    name: str
    values: Sequence[Decimal | None]
    open_days: Collection[date] = ()


def stack_chart(
    days: Sequence[date], layers: Sequence[Layer], *, unit: str, symbol: str, digits: int
) -> dict[str, object]:
    """What charts.js draws of spend by day in one unit.

    At most eight series are told apart by colour; the caller folds the rest into the eighth.
    """
    return {
        "unit": unit,
        "symbol": symbol,
        "digits": digits,
        "days": [day.isoformat() for day in days],
        "series": [
            {
                "name": layer.name,
                "values": [None if value is None else str(value) for value in layer.values],
                "provisional": [day in layer.open_days for day in days],
            }
            for layer in layers
        ],
    }
