"""Strict reading of JSON answers. Each reader takes (value, where) and raises PayloadError naming `where`, never the
value: a remote's text does not reach a log or a page."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeVar

from providers.errors import PayloadError

T = TypeVar("T")
Reader = Callable[[Any, str], T]

_MAX_DIGITS = 60
_BEYOND = 10 ** (_MAX_DIGITS + 1)
# Rows repeat their few days and hours: what was read of such texts is kept. Longer ones are not worth their memory.
_MOST_REMEMBERED = 40
_FRACTION = re.compile(r"(\.\d{6})\d+")


def get(row: Any, name: str, reader: Reader[T]) -> T:
    """The required field `name` of an object. Missing, null or unreadable raises."""
    try:
        value = row[name]
    except KeyError:
        value = None
    except TypeError:  # of all that JSON can hold, only an object takes a name
        raise _no_object(name) from None
    if value is None:
        raise PayloadError(f"The answer has no {name}.")
    return reader(value, name)


def maybe(row: Any, name: str, reader: Reader[T]) -> T | None:
    """The optional field `name`: None when missing or null; an unreadable value still raises."""
    try:
        value = row.get(name)
    except AttributeError:  # of all that JSON can hold, only an object has it
        raise _no_object(name) from None
    return None if value is None else reader(value, name)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _no_object(where)
    return value


def _no_object(where: str) -> PayloadError:
    return PayloadError(f"Expected an object around {where}.")


def rows(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects."""
    if not isinstance(value, list) or not set(map(type, value)) <= {dict}:
        raise PayloadError(f"{where} is not a list of objects.")
    return value


def sequence(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise PayloadError(f"{where} is not a list.")
    return value


def text(value: Any, where: str) -> str:
    if type(value) is not str or "\x00" in value:
        raise PayloadError(f"{where} is not text.")
    return value


def boolean(value: Any, where: str) -> bool:
    """A JSON boolean, or the texts "true" and "false" that some APIs send."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise PayloadError(f"{where} is neither true nor false.")


def integer(value: Any, where: str) -> int:
    """A whole number, as JSON number or as text."""
    if type(value) is int and -_BEYOND < value < _BEYOND:  # nearly always; a bool is of another type
        return value
    # Some write every count as a fraction (7000.0): those are not worth a second call each.
    plain = type(value) is Decimal and value.is_finite() and -_MAX_DIGITS <= value.adjusted() <= _MAX_DIGITS
    number = value if plain else decimal(value, where)
    whole = int(number)
    if number != whole:
        raise PayloadError(f"{where} is not a whole number.")
    return whole


def decimal(value: Any, where: str) -> Decimal:
    """A finite number, as JSON number or as text. NaN and infinities are refused, so is a bool."""
    if type(value) is Decimal and value.is_finite() and -_MAX_DIGITS <= value.adjusted() <= _MAX_DIGITS:
        return value
    if type(value) is int and -_BEYOND < value < _BEYOND:
        return Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise PayloadError(f"{where} is not a number.")
    if isinstance(value, str) and (len(value) > _MAX_DIGITS or "_" in value):
        raise PayloadError(f"{where} is not a number.")
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError) as error:
        raise PayloadError(f"{where} is not a number.") from error
    if number.is_finite() and -_MAX_DIGITS <= number.adjusted() <= _MAX_DIGITS:
        return number
    raise PayloadError(f"{where} is not a number that can be real.")


def currency(value: Any, where: str) -> str:
    """An ISO 4217 code, in upper case."""
    raw = text(value, where)
    code = _currency(raw) if len(raw) <= _MOST_REMEMBERED else None
    if code is None:
        raise PayloadError(f"{where} is not a currency code.")
    return code


@lru_cache(maxsize=256)
def _currency(raw: str) -> str | None:
    code = raw.strip().upper()
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None


def instant(value: Any, where: str) -> datetime:
    """An RFC 3339 time with an offset (nanoseconds are cut), as aware UTC."""
    try:
        if type(value) is str and len(value) <= _MOST_REMEMBERED:
            moment = _instant(value)
        else:
            moment = _instant.__wrapped__(text(value, where))
    except (OverflowError, ValueError):  # its words quote the value
        raise PayloadError(f"{where} is not a time.") from None
    if moment is None:
        raise PayloadError(f"{where} is a time without its zone.")
    return moment


@lru_cache(maxsize=1024)
def _instant(raw: str) -> datetime | None:
    """None for a time without a zone. Raises ValueError or OverflowError."""
    moment = datetime.fromisoformat(_FRACTION.sub(r"\1", raw.strip()))
    return None if moment.tzinfo is None else moment.astimezone(UTC)


def unix_seconds(value: Any, where: str) -> datetime:
    """Seconds since 1970 as aware UTC."""
    return _from_unix(decimal(value, where), where)


def unix_millis(value: Any, where: str) -> datetime:
    """Milliseconds since 1970 as aware UTC."""
    return _from_unix(decimal(value, where) / 1000, where)


def utc_day(value: Any, where: str) -> datetime:
    """A day "YYYY-MM-DD" (a trailing time part is cut) as its start in UTC."""
    try:
        return _utc_day(text(value, where)[:10])
    except ValueError:  # its words quote the value
        raise PayloadError(f"{where} is not a day.") from None


@lru_cache(maxsize=1024)
def _utc_day(raw: str) -> datetime:
    day = date.fromisoformat(raw)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


@lru_cache(maxsize=1024)
def next_day(start: datetime) -> datetime:
    """24 hours after `start`: the end of a day, one object for all rows of the day."""
    return start.astimezone(UTC) + timedelta(days=1)


def day_start(moment: datetime) -> datetime:
    """00:00 UTC of the day that holds `moment`."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_after(moment: datetime) -> datetime:
    """`moment` itself when it is 00:00 UTC, else 00:00 UTC of the next day: an exclusive end on a day border."""
    start = day_start(moment)
    return start if start == moment else start + timedelta(days=1)


def spans(start: datetime, end: datetime, width: timedelta) -> Iterator[tuple[datetime, datetime]]:
    """[start, end) in pieces of at most `width`, oldest first."""
    while start < end:
        yield start, min(start + width, end)
        start += width


def window_name(minutes: int) -> str | None:
    """How the window of a quota is called: 1440 minutes are "day", 300 "5h" ... None where there is no length."""
    for size, letter, one in ((1440, "d", "day"), (60, "h", "hour"), (1, "min", "minute")):
        if minutes > 0 and minutes % size == 0:
            return one if minutes == size else f"{minutes // size}{letter}"
    return None


def month_start(moment: datetime) -> datetime:
    return day_start(moment).replace(day=1)


def next_month(moment: datetime) -> datetime:
    """00:00 UTC on the first day of the month after the one that holds `moment`."""
    return month_start(month_start(moment) + timedelta(days=32))


def iso_z(moment: datetime) -> str:
    """RFC 3339 in UTC with Z, to the second, as query parameters want it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _from_unix(seconds: Decimal, where: str) -> datetime:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000))
    except (OverflowError, ValueError) as error:
        raise PayloadError(f"{where} is not a time.") from error
