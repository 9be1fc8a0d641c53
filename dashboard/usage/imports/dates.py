"""What a date cell says. Pure. What is no date, or could be two, is refused in words."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from dashboard.usage.imports.cells import QUOTED, Unfit, shown

_MONTHS = {name: number for number, name in enumerate(re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec"), 1)}
_CLOCK = r"(?:[T ,]+(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[ap]\.?m\.?)?)?"
_OFFSET = r"\s*(?P<off>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})(?:[-/.年](?P<m>\d{{1,2}})(?:[-/.月](?P<d>\d{{1,2}})日?{_CLOCK}{_OFFSET}|月)?)", re.A | re.I
)
_DIGITS = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})?", re.A)
_YEAR_LAST = re.compile(
    rf"(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){_CLOCK}{_OFFSET}", re.A | re.I
)
_WORDS = re.compile(
    r"(?:[a-z]{3,9},?\s+)??"
    r"(?:(?P<d>\d{1,2})[ -](?P<mon>[a-z]{3,9})\.?|(?P<mon2>[a-z]{3,9})\.?\s+(?P<d2>\d{1,2}))"
    rf",?[ -](?P<y>\d{{4}}){_CLOCK}{_OFFSET}",
    re.A | re.I,
)
_MONTH_WORDS = re.compile(r"(?P<mon>[a-z]{3,9})\.?[ -](?P<y>\d{4})", re.A | re.I)
_EPOCH = re.compile(r"\d{10}(?:\.\d+)?|\d{13}", re.A)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def moment_of(cell: str, order: str = "") -> tuple[datetime, str]:
    """(moment, "month" | "day" | "time"): what the cell says and how exactly. Aware only where it names its offset.
    `order` "dmy" or "mdy" reads 03/04/2026; "" refuses what could be both."""
    text = cell.strip().lstrip("'")
    if match := QUOTED.fullmatch(text):
        text = match[1].strip()
    if len(text) > 60:
        raise _no_date(text, order)
    try:
        found = _epoch(text) or _numeric(text, order) or _worded(text)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise _no_date(text, order)
    return found


def _no_date(text: str, order: str) -> Unfit:
    if not text:
        return Unfit(_("there is no date."))
    if not order and _YEAR_LAST.fullmatch(text):
        return Unfit(_("%(cell)s can be two dates. Say whether the day or the month is first.") % {"cell": shown(text)})
    return Unfit(
        _("%(cell)s is no date. Check the order of day and month, or what the column is.") % {"cell": shown(text)}
    )


def _epoch(text: str) -> tuple[datetime, str] | None:
    if not _EPOCH.fullmatch(text):
        return None
    seconds = Decimal(text) / 1000 if len(text) == 13 else Decimal(text)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000)), "time"


def _numeric(text: str, order: str) -> tuple[datetime, str] | None:
    if match := _YEAR_FIRST.fullmatch(text) or _DIGITS.fullmatch(text):
        parts = match.groupdict()
        if parts["d"] is None:
            return datetime(int(parts["y"]), int(parts["m"]), 1), "month"  # noqa: DTZ001 - the caller knows the zone
        return _with_clock(int(parts["y"]), int(parts["m"]), int(parts["d"]), parts)
    if (match := _YEAR_LAST.fullmatch(text)) and order:
        parts = match.groupdict()
        first, second = int(parts["a"]), int(parts["b"])
        day, month = (first, second) if order == "dmy" else (second, first)
        year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
        return _with_clock(year, month, day, parts)
    return None


def _worded(text: str) -> tuple[datetime, str] | None:
    if match := _WORDS.fullmatch(text):
        parts = match.groupdict()
        month = _MONTHS.get((parts["mon"] or parts["mon2"])[:3].lower())
        return _with_clock(int(parts["y"]), month, int(parts["d"] or parts["d2"]), parts) if month else None
    if match := _MONTH_WORDS.fullmatch(text):
        month = _MONTHS.get(match["mon"][:3].lower())
        return (datetime(int(match["y"]), month, 1), "month") if month else None  # noqa: DTZ001
    return None


def _with_clock(year: int, month: int, day: int, parts: dict[str, str | None]) -> tuple[datetime, str]:
    hour = parts.get("h")
    if hour is None:
        return datetime(year, month, day), "day"  # noqa: DTZ001
    hours, half = int(hour), (parts.get("half") or "").lower()[:1]
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hour)
        hours = hours % 12 + (12 if half == "p" else 0)
    at = datetime(year, month, day, hours, int(parts["min"] or 0), int(parts.get("s") or 0))  # noqa: DTZ001
    offset = (parts.get("off") or "").upper()
    if offset in ("Z", "UTC", "GMT"):
        at = at.replace(tzinfo=UTC)
    elif offset:
        at = datetime.fromisoformat(f"{at.isoformat()}{offset[:3]}:{offset[-2:] if len(offset) > 3 else '00'}")
    return at, "time"


@lru_cache(maxsize=4096)
def bucket_of(cell: str, *, order: str, zone: str, period: str) -> tuple[datetime, datetime]:
    """The bucket [start, end) in UTC that a date cell stands for. Days and months stay as the provider wrote them, as
    everywhere; hours are read in `zone` where the cell names no offset."""
    moment, exact = moment_of(cell, order)
    if exact == "time" and moment.tzinfo is not None and _EPOCH.fullmatch(cell.strip()):
        written = moment.astimezone(ZoneInfo(zone)).date()
    else:
        written = moment.date()
    if period == "month":
        start = _utc(written.replace(day=1))
        return start, _utc((written.replace(day=28) + 4 * DAY).replace(day=1))
    if exact == "month":
        raise Unfit(_("%(cell)s is a month. Say that each line tells of a month.") % {"cell": shown(cell)})
    if period == "day":
        return _utc(written), _utc(written) + DAY
    if exact == "day":
        raise Unfit(_("%(cell)s has no time of day. Say that each line tells of a day.") % {"cell": shown(cell)})
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))
    try:
        start = aware.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    except OverflowError:
        raise _no_date(cell, order) from None
    return start, start + HOUR


def _utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def date_orders(cells: Iterable[str]) -> set[str]:
    """The orders with which all of these are dates: {""} when no order is needed, both when a person has to say."""
    found, needed = {"dmy", "mdy"}, False
    for cell in cells:
        if is_date(cell, ""):
            continue
        fits = {order for order in ("dmy", "mdy") if is_date(cell, order)}
        if fits:
            needed = True
            found &= fits
    return (found or {"dmy", "mdy"}) if needed else {""}


def is_date(cell: str, order: str) -> bool:
    try:
        moment_of(cell, order)
    except Unfit:
        return False
    return True


def period_of(cells: Iterable[str], order: str) -> str:
    """What each line tells of, by how its dates are written: a month, a day, or an hour."""
    kinds = set()
    for cell in cells:
        try:
            moment, exact = moment_of(cell, order or "dmy")
        except Unfit:
            continue
        midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
        kinds.add("day" if exact == "time" and midnight else exact)
    return "hour" if "time" in kinds else "day" if "day" in kinds or not kinds else "month"
