"""A span of days that a page tells about, as its address names it: `period=7d`, or `from=` and `to=`.

Pure: days in, days out. Today is an argument, the day that it is in the organization's reporting zone.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import get_language, gettext_noop, pgettext, pgettext_lazy
from django.utils.translation import gettext as _

from dashboard.core.addresses import address, kept

MONTHS_BACK = 12  # with the running month thirteen: as long as anything is kept by day
USUAL = "30d"
CUSTOM = "custom"
DAY = timedelta(days=1)

# name: the whole words, and the short ones of a button
PRESETS = {
    "7d": (gettext_noop("Last 7 days"), pgettext_lazy("period", "7 d")),
    "30d": (gettext_noop("Last 30 days"), pgettext_lazy("period", "30 d")),
    "month": (gettext_noop("This month"), pgettext_lazy("period", "This month")),
    "last-month": (gettext_noop("Last month"), pgettext_lazy("period", "Last month")),
    "quarter": (gettext_noop("This quarter"), pgettext_lazy("period", "Quarter")),
    "13-months": (gettext_noop("Last 13 months"), pgettext_lazy("period", "13 months")),
}


@dataclass(frozen=True, slots=True)
class Period:
    """The days [first, last]; `name` is a preset's, or "custom"."""

    name: str
    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def label(self) -> str:
        """ "Last month", or the days where they were chosen one by one."""
        return _(PRESETS[self.name][0]) if self.name in PRESETS else self.words

    @property
    def words(self) -> str:
        """The days themselves: "1 to 20 Nov 2026"."""
        return day_span(self.first, self.last)

    @property
    def compare(self) -> "Period":
        """What to compare with: the same days of the month or quarter before, else as many days just before."""
        if self.name in ("month", "last-month"):
            back, whole = 1, self.name == "last-month"
        elif self.name == "quarter":
            back, whole = 3, False
        else:
            return Period(CUSTOM, self.first - self.days * DAY, self.first - DAY)
        first = months_before(self.first, back)
        last = self.first - DAY if whole else min(first + (self.days - 1) * DAY, self.first - DAY)
        return Period(CUSTOM, first, last)

    def moments(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """[start, end) in UTC. A day with a change of the clock is 23 or 25 hours long."""
        start, end = (datetime.combine(day, time.min, zone) for day in (self.first, self.last + DAY))
        return start.astimezone(UTC), end.astimezone(UTC)


def earliest(today: date) -> date:
    """The first day that can be asked for."""
    return months_before(today.replace(day=1), MONTHS_BACK)


def preset(name: str, today: date) -> Period:
    """The days of one of `PRESETS`, today included (last month apart)."""
    month = today.replace(day=1)
    first, last = {
        "7d": (today - 6 * DAY, today),
        "30d": (today - 29 * DAY, today),
        "month": (month, today),
        "last-month": (months_before(month, 1), month - DAY),
        "quarter": (months_before(month, (today.month - 1) % 3), today),
        "13-months": (earliest(today), today),
    }[name]
    return Period(name, first, last)


def period_of(query: QueryDict, today: date, usual: str = USUAL) -> Period:
    """What the address asks for. Days that run backwards are turned round and cut to those that can be asked for;
    what names no days is the usual period."""
    name = query.get("period", "")
    if name in PRESETS:
        return preset(name, today)
    days = [_day(query.get(name, "")) for name in ("from", "to")]
    told = sorted(day for day in days if day is not None)
    if len(told) < 2 or told[0] > today or told[1] < earliest(today):
        return preset(usual, today)
    return Period(CUSTOM, max(told[0], earliest(today)), min(told[1], today))


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last one of a month that is too short for it."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def months_of(first: date, last: date) -> list[date]:
    """The months that the days [first, last] touch, by their first days."""
    months = [first.replace(day=1)]
    while (begins := months_before(months[-1], -1)) <= last:
        months.append(begins)
    return months


def day_span(first: date, last: date) -> str:
    """ "20 Nov 2026", "1 to 20 Nov 2026", "28 Oct to 3 Nov 2026", "28 Dec 2025 to 3 Jan 2026"."""
    return _day_span(first, last, get_language())


@lru_cache(maxsize=1024)
def _day_span(first: date, last: date, _language: str) -> str:
    """A page says the same few spans again and again, each time by half a dozen of formats that follow the language."""
    whole = pgettext("date format: day, month, year", "j M Y")
    if first == last:
        return date_format(last, whole)
    form = end = whole
    if first.year == last.year:
        # The year is said once: English ends with it, Chinese begins with it.
        end = pgettext("date format: last day, after '28 Oct to'", "j M Y")
        form = (
            pgettext("date format: day alone, before 'to 20 Nov 2026'", "j")
            if first.month == last.month
            else pgettext("date format: day and month, before 'to 3 Nov 2026'", "j M")
        )
    return _("%(first)s to %(last)s") % {"first": date_format(first, form), "last": date_format(last, end)}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPicker:
    """What `components/_period_picker.html` draws: the period that stands and the others as links."""

    period: Period
    options: list[dict[str, Any]]
    kept: list[tuple[str, str]]
    earliest: date
    today: date

    @property
    def custom(self) -> bool:
        """Whether these are no preset's days."""
        return self.period.name == CUSTOM


def period_picker(query: QueryDict, today: date, usual: str = USUAL) -> PeriodPicker:
    """The picker for the page with this address."""
    period = period_of(query, today, usual)
    options = [
        {
            "label": _(label),
            "short": short,
            "url": address(query, period=None if name == usual else name, **{"from": None, "to": None}),
            "current": name == period.name,
        }
        for name, (label, short) in PRESETS.items()
    ]
    return PeriodPicker(
        period=period,
        options=options,
        kept=kept(query, "period", "from", "to"),
        earliest=earliest(today),
        today=today,
    )
