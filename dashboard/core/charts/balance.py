"""A balance over time: in steps, with what was put in, and where it ends."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.core.charts.shapes import Chart, Row, Table, figures, milliseconds, texts, total
from dashboard.core.drawing import thinned
from dashboard.core.languages.numbers import money_words
from dashboard.core.templatetags.purser import day

MOST_POINTS = 450


@dataclass(frozen=True, slots=True)
class Rise:
    """A top-up that was found with a reading, and how much it was."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Dry:
    """When the money ends: the earliest and the latest in eight cases of ten, and the likeliest."""

    early: datetime
    late: datetime
    likely: datetime | None = None


def balance_chart(
    readings: Sequence[tuple[datetime, Decimal]],
    *,
    unit: str,
    title: str,
    zone: str,
    since: datetime,
    now: datetime,
    topups: Sequence[Rise] = (),
    dry: Dry | None = None,
    floor: tuple[Decimal, str] | None = None,
    stale: bool = False,
) -> Chart | None:
    """A balance from `since` to where it ends, in steps: what was read holds until the next reading. None before the
    first reading. What stood at `since` is the first point; `floor` is a limit with its words; `stale` says that the
    last reading is too old to hold until now."""
    if not readings:
        return None
    carried = [(since, value) for at, value in readings if at < since][-1:]
    inside = [*carried, *((at, value) for at, value in readings if at >= since)]
    rises = sorted((topup for topup in topups if topup.at >= inside[0][0]), key=lambda topup: topup.at)
    closing = {at.astimezone(ZoneInfo(zone)).date(): (at, value) for at, value in inside}
    points = thinned(inside, {topup.at for topup in rises} | {at for at, _value in closing.values()}, MOST_POINTS)
    start, end = inside[0][0], _end(inside[0][0], since, now, dry)
    return Chart(
        kind="balance",
        summary=_balance_words(title, inside, rises, dry, unit),
        data={
            **figures(unit),
            "zone": zone,
            "start": milliseconds(start),
            "now": milliseconds(now),
            "end": milliseconds(end),
            **_points_data(points, rises, set(closing.values()), unit),
            "dry": _dry_data(dry),
            "floor": {"value": texts([floor[0]], unit)[0], "label": floor[1]} if floor else None,
            "stale": stale,
            "midnights": _steps([start, *_midnights(start, end, ZoneInfo(zone))]),
            "words": {"now": _("Now"), "topup": _("Top-up"), "stale": _("not read since")},
        },
        table=_balance_table(title, closing, rises, unit, ZoneInfo(zone)),
        unit=unit,
    )


def _points_data(
    points: Sequence[tuple[datetime, Decimal]],
    rises: Sequence[Rise],
    closing: Collection[tuple[datetime, Decimal]],
    unit: str,
) -> dict[str, Any]:
    """The readings in two lists, as seconds since the one before and as amounts; top-ups and the last reading of each
    day by their place in these."""
    places = {at: place for place, (at, _value) in enumerate(points)}
    times = [at for at, _value in points]
    return {
        "steps": _steps([times[0], *times]),
        "amounts": texts((value for _at, value in points), unit),
        "topups": [
            {"place": places[one.at], "amount": amount}
            for one, amount in zip(rises, texts((one.amount for one in rises), unit), strict=True)
        ],
        "closing": [place for place, point in enumerate(points) if point in closing],
    }


def _steps(times: Sequence[datetime]) -> list[int]:
    """Each in seconds since the one before."""
    seconds = [int(at.timestamp()) for at in times]
    return [now - before for before, now in pairwise(seconds)]


def _dry_data(dry: Dry | None) -> dict[str, int | None] | None:
    if dry is None:
        return None
    likely = None if dry.likely is None else milliseconds(dry.likely)
    return {"early": milliseconds(dry.early), "likely": likely, "late": milliseconds(dry.late)}


def _end(start: datetime, since: datetime, now: datetime, dry: Dry | None) -> datetime:
    """Where the axis ends: a little after now, or where the money does when that is not out of all proportion."""
    near = now + (now - start) * 0.04
    if dry is None:
        return near
    most = now + max((now - since) * 0.6, timedelta(days=5))
    return max(near, min(dry.late + (dry.late - start) * 0.03, most))


def _midnights(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """Where the days in between begin; a day of the zone may have 23 or 25 hours."""
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    begins = [datetime.combine(at, time(), zone) for at in days]
    return [at for at in begins if start <= at <= end]


def _balance_words(
    title: str,
    inside: Sequence[tuple[datetime, Decimal]],
    rises: Sequence[Rise],
    dry: Dry | None,
    unit: str,
) -> str:
    first, last = inside[0], inside[-1]
    sentences = [
        _("%(title)s: %(then)s on %(first)s, %(now)s on %(last)s.")
        % {
            "title": title,
            "then": money_words(first[1], unit),
            "first": day(first[0]),
            "now": money_words(last[1], unit),
            "last": day(last[0]),
        }
    ]
    if rises:
        words = ngettext("%(count)d top-up of %(amount)s.", "%(count)d top-ups, %(amount)s in all.", len(rises))
        amount = money_words(total([one.amount for one in rises]), unit)
        sentences.append(words % {"count": len(rises), "amount": amount})
    if dry is not None:
        sentences.append(
            _("Runs dry between %(early)s and %(late)s.") % {"early": day(dry.early), "late": day(dry.late)}
        )
    return " ".join(sentences)


def _balance_table(
    title: str,
    closing: Mapping[date, tuple[datetime, Decimal]],
    rises: Sequence[Rise],
    unit: str,
    zone: ZoneInfo,
) -> Table:
    by_day: dict[date, Decimal] = {}
    for one in rises:
        at = one.at.astimezone(zone).date()
        by_day[at] = by_day.get(at, Decimal(0)) + one.amount
    heads, columns = [_("Day"), _("Last reading")], 1 + bool(rises)
    rows = [
        Row(day(at), [value, by_day.get(at)][:columns]) for at, (_read, value) in sorted(closing.items(), reverse=True)
    ]
    return Table(caption=title, heads=[*heads, *([_("Top-up")] if rises else [])], rows=rows, unit=unit, none=_("none"))
