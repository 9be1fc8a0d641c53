"""Geometry of the small drawings: sparkline, meter, horizon, tick strip.

Pure: values and instants in, SVG numbers out. Nothing here reads the clock, the database or the language. Amounts
stay Decimal until they become a place on paper.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

SPARK_WIDTH, SPARK_HEIGHT = 96, 24
_SPARK_LEFT, _SPARK_RIGHT, _SPARK_TOP, _SPARK_ZERO = 1.0, 95.0, 3.0, 22.5
_SPARK_MOST_POINTS = 64
_SPARK_FAITH = 0.2  # by how much the line may miss a reading: less than its own half

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
    """One run or hour: `bars` are its pieces as (y, height) in a strip 12 high."""

    x: float
    bars: tuple[tuple[float, float], ...]
    look: str
    title: str


def sparkline_points(
    readings: Sequence[tuple[datetime, Decimal]],
    *,
    start: datetime,
    end: datetime,
    topups: Iterable[datetime] = (),
    dashed: bool = False,
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

    # Drawn at its own size or smaller: finer steps than these are not seen, and a page holds dozens of lines.
    def x(at: datetime) -> float:
        return round(_SPARK_LEFT + (_SPARK_RIGHT - _SPARK_LEFT) * (at - start).total_seconds() / seconds)

    def y(value: Decimal) -> float:
        return round((_SPARK_ZERO - (_SPARK_ZERO - _SPARK_TOP) * float(value - low) / span) * 2) / 2

    marks = [at for at in topups if start <= at <= end]
    places = [(x(at), y(value)) for at, value in thinned(inside, set(marks), _SPARK_MOST_POINTS)]
    if len(places) == 1:
        places = [(_SPARK_LEFT, places[0][1]), places[0]]
    values = dict(inside)
    places = straightened(places, _SPARK_FAITH)
    drops = tuple(f"M{x(at)} {y(values[at]) if at in values else _SPARK_TOP}V{SPARK_HEIGHT}" for at in marks)
    end_x, end_y = places[-1]
    return Sparkline(line_path(places), end_x, end_y, drops, dashed, severity)


def line_path(places: Sequence[tuple[float, float]]) -> str:
    """A line through places of one decimal, each told by the step that leads there: a page holds some thousand of them,
    and small steps are the same over and over."""
    tenths = [(round(x * 10), round(y * 10)) for x, y in places]
    path, before = f"M{_tenths(tenths[0][0])} {_tenths(tenths[0][1])}l", ""
    for here, there in pairwise(tenths):
        for step in (there[0] - here[0], there[1] - here[1]):
            told = _tenths(step)
            # What begins with a sign needs no space before it, nor a second point after a first.
            apart = not before or told[0] == "-" or (told[0] == "." and "." in before)
            path, before = f"{path}{'' if apart else ' '}{told}", told
    return path


def _tenths(count: int) -> str:
    """31 as "3.1", 30 as "3", -3 as "-.3"."""
    return f"{count / 10:g}".replace("0.", ".", 1) if -10 < count < 10 and count else f"{count / 10:g}"


def straightened(places: Sequence[tuple[float, float]], faith: float) -> list[tuple[float, float]]:
    """Those of `places` (from left to right) that a line needs which passes all others at most `faith` above or below:
    it goes straight on as long as one slope does for all that it passed."""
    kept, last = [places[0]], places[0]
    low, high = -math.inf, math.inf
    for place in places[1:]:
        if not low <= _slope(kept[-1], place) <= high:
            kept.append(last)
            low, high = -math.inf, math.inf
        low, high = max(low, _slope(kept[-1], place, -faith)), min(high, _slope(kept[-1], place, faith))
        if place[0] == kept[-1][0]:
            low = high = math.nan  # what goes straight up ends here
        last = place
    return [*kept, last]


def _slope(start: tuple[float, float], end: tuple[float, float], above: float = 0.0) -> float:
    run, rise = end[0] - start[0], end[1] + above - start[1]
    return rise / run if run else math.inf


def thinned(
    readings: Sequence[tuple[datetime, Decimal]], kept: Collection[datetime], most: int
) -> list[tuple[datetime, Decimal]]:
    """About `most` of the readings, the last of each stretch; of those in `kept` also the one before, so that a jump
    keeps both its sides."""
    if len(readings) <= most:
        return list(readings)
    stride = math.ceil(len(readings) / most)
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


def progress_geometry(percent: Decimal | int) -> Meter:
    """How far work has come, 0 to 100: no time passes beside it, and nothing is wrong near its end."""
    return Meter(value=round(float(percent), 1), tick=None, full=100.0, over=False, severity="")


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
# Each look has its own shape: what ran stands low, what had to try again is high and broken, what failed is high and
# whole, and where nothing ran a dot is left on the ground.
_TICK_BARS = {
    "tk-ok": ((4.0, 8.0),),
    "tk-warn": ((0.0, 5.0), (6.5, 5.5)),
    "tk-crit": ((0.0, 12.0),),
    "tk-none": ((10.5, 1.5),),
}
TICK_STEP = 4


def tick_strip(ticks: Iterable[tuple[str, str]]) -> list[Tick]:
    """One tick per (state, title); a state that is none of the known ones ran nothing."""
    looks = [(_TICK_LOOKS.get(state, "tk-none"), title) for state, title in ticks]
    return [
        Tick(x=float(number * TICK_STEP), bars=_TICK_BARS[look], look=look, title=title)
        for number, (look, title) in enumerate(looks)
    ]
