"""Strict reading of JSON answers. Each reader takes (value, where) and raises PayloadError naming `where`, never the
value: a remote's text does not reach a log or a page."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from providers.errors import PayloadError

T = TypeVar("T")
Reader = Callable[[Any, str], T]

_MAX_DIGITS = 60
_FRACTION = re.compile(r"(\.\d{6})\d+")


def get(row: Any, name: str, reader: Reader[T]) -> T:
    """The required field `name` of an object. Missing, null or unreadable raises."""
    value = mapping(row, name).get(name)
    if value is None:
        raise PayloadError(f"The answer has no {name}.")
    return reader(value, name)


def maybe(row: Any, name: str, reader: Reader[T]) -> T | None:
    """The optional field `name`: None when missing or null; an unreadable value still raises."""
    value = mapping(row, name).get(name)
    return None if value is None else reader(value, name)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PayloadError(f"Expected an object around {where}.")
    return value


def rows(value: Any, where: str) -> Sequence[Mapping[str, Any]]:
    """A list of objects."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise PayloadError(f"{where} is not a list of objects.")
    return value


def sequence(value: Any, where: str) -> Sequence[Any]:
    if not isinstance(value, list):
        raise PayloadError(f"{where} is not a list.")
    return value


def text(value: Any, where: str) -> str:
    if not isinstance(value, str) or "\x00" in value:
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
    number = decimal(value, where)
    if number != number.to_integral_value():
        raise PayloadError(f"{where} is not a whole number.")
    return int(number)


def decimal(value: Any, where: str) -> Decimal:
    """A finite number, as JSON number or as text. NaN and infinities are refused, so is a bool."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise PayloadError(f"{where} is not a number.")
    if isinstance(value, str) and (len(value) > _MAX_DIGITS or "_" in value):
        raise PayloadError(f"{where} is not a number.")
    try:
        number = Decimal(value)
    except (InvalidOperation, ValueError) as error:
        raise PayloadError(f"{where} is not a number.") from error
    if not number.is_finite() or number.adjusted() > _MAX_DIGITS or number.adjusted() < -_MAX_DIGITS:
        raise PayloadError(f"{where} is not a number that can be real.")
    return number


def currency(value: Any, where: str) -> str:
    """An ISO 4217 code, in upper case."""
    code = text(value, where).strip().upper()
    if not re.fullmatch(r"[A-Z]{3}", code):
        raise PayloadError(f"{where} is not a currency code.")
    return code


def instant(value: Any, where: str) -> datetime:
    """An RFC 3339 time with an offset (nanoseconds are cut), as aware UTC."""
    raw = _FRACTION.sub(r"\1", text(value, where).strip())
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:  # its words quote the value
        raise PayloadError(f"{where} is not a time.") from None
    if moment.tzinfo is None:
        raise PayloadError(f"{where} is a time without its zone.")
    return _as_utc(moment, where)


def unix_seconds(value: Any, where: str) -> datetime:
    """Seconds since 1970 as aware UTC."""
    return _from_unix(decimal(value, where), where)


def unix_millis(value: Any, where: str) -> datetime:
    """Milliseconds since 1970 as aware UTC."""
    return _from_unix(decimal(value, where) / 1000, where)


def utc_day(value: Any, where: str) -> datetime:
    """A day "YYYY-MM-DD" (a trailing time part is cut) as its start in UTC."""
    try:
        day = date.fromisoformat(text(value, where)[:10])
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:  # its words quote the value
        raise PayloadError(f"{where} is not a day.") from None


def day_start(moment: datetime) -> datetime:
    """00:00 UTC of the day that holds `moment`."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_after(moment: datetime) -> datetime:
    """`moment` itself when it is 00:00 UTC, else 00:00 UTC of the next day: an exclusive end on a day border."""
    start = day_start(moment)
    return start if start == moment else start + timedelta(days=1)


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


def _as_utc(moment: datetime, where: str) -> datetime:
    try:
        return moment.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise PayloadError(f"{where} is not a time.") from error
