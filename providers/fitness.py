"""Which records may be stored: each fit, and each key once. Adapters' mistakes and hostile answers stop here."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from msgspec.structs import astuple

from providers.errors import PayloadError
from providers.records import MOST_CHARACTERS, CostBucket, Gauge, Record, Server, UsageBucket

MAX_RECORDS = 2_000_000
MOST_GAUGES = 1000
# Kinds that come by the ten thousand, and how many of their fields, from the first, make the key.
KEY_SIZES: dict[type, int] = {UsageBucket: 9, CostBucket: 8}


def distinct(records: Iterable[Record]) -> list[Record]:
    """The records, in order. Two with one key collapse when they are identical; when they differ, and when a record is
    unfit, PayloadError is raised."""
    seen: dict[tuple[Any, ...], Record] = {}
    fit: set[Any] = {None}  # parts of keys that were looked at: rows share most of them
    coming = iter(records)
    for record in islice(coming, MAX_RECORDS):
        size = KEY_SIZES.get(type(record), 0)
        values = astuple(record)
        key = values[:size]
        # Whatever is not fit beyond doubt, as nearly all is, is judged by `problem`.
        if not (
            size
            and (fit.issuperset(key) or _learn(key, fit))
            and key[0].tzinfo is key[1].tzinfo is UTC
            and key[0] < key[1]
            and _are_plain(values[size:], fit)
        ):
            wrong = problem(record)
            if wrong:
                raise PayloadError(f"{type(record).__name__}: {wrong}.")
            # An absent name and an empty one are the same name.
            key = tuple([part or None for part in key]) or (type(record).__name__, *record.key)
        known = seen.setdefault(key, record)
        if known is not record and known != record:
            raise PayloadError(f"Two different {type(record).__name__} records share one key.")
    if next(coming, None) is not None:
        raise PayloadError(f"More than {MAX_RECORDS} records in one reading.")
    return list(seen.values())


def _learn(key: Iterable[Any], fit: set[Any]) -> bool:
    """Whether all parts of a key are names that are plainly fit, or times; those are remembered. No name is ""."""
    for part in key:
        if part not in fit:
            if type(part) is str:
                if not 0 < len(part) <= MOST_CHARACTERS or not part.isprintable():
                    return False
            elif type(part) is not datetime:
                return False
            fit.add(part)
    return True


def _are_plain(figures: Iterable[Any], fit: set[Any]) -> bool:
    """Whether the figures of a bucket are plainly fit."""
    for value in figures:
        if value is None:
            continue
        kind = type(value)
        if kind is int:
            if not -(2**63) < value < 2**63:
                return False
        elif kind is Decimal:
            if not value.is_finite() or not -30 <= value.adjusted() <= 20:
                return False
        elif kind is dict:
            if value and not (_learn(value, fit) and _are_plain(value.values(), fit)):
                return False
        elif kind is not bool:
            return False
    return True


def problem(record: Record) -> str | None:
    """What makes a record unfit to be stored, in words, or None."""
    for name, value in zip(record.__struct_fields__, astuple(record), strict=True):
        wrong = _unfit(value)
        if wrong:
            return f"{name} {wrong}"
    if isinstance(record, (UsageBucket, CostBucket)) and record.end <= record.start:
        return "the bucket ends before it starts"
    if isinstance(record, Server):
        return _trouble_of_gauges(record.gauges)
    return None


def _trouble_of_gauges(gauges: tuple[Gauge, ...]) -> str | None:
    if len(gauges) > MOST_GAUGES:
        return "tells more gauges than any real server"
    if len({(gauge.name, gauge.scope) for gauge in gauges}) < len(gauges):
        return "tells one gauge twice"
    return None


def _unfit(value: Any) -> str | None:
    """What is wrong with a value, or with a part of a mapping (names and values) or a tuple."""
    if isinstance(value, str):
        if len(value) > MOST_CHARACTERS:
            return "is longer than any real name"
        return "holds a character that cannot be stored" if "\x00" in value or not _encodes(value) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return "is not a finite number"
        if value and not -30 <= value.adjusted() <= 20:
            return "is beyond any real amount"
    elif isinstance(value, float):
        return "is a float"
    elif isinstance(value, datetime) and value.utcoffset() != timedelta(0):
        return "is not in UTC"
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63:
        return "is beyond any real count"
    elif isinstance(value, Mapping):
        return next(filter(None, map(_unfit, (*value.keys(), *value.values()))), None)
    elif isinstance(value, tuple):
        return next(filter(None, map(_unfit, value)), None)
    elif isinstance(value, Gauge):
        return next(filter(None, map(_unfit, (value.value, value.scope, value.until))), None)
    return None


def _encodes(text: str) -> bool:
    """False for half a surrogate pair: JSON may hold one ("\\ud800"), UTF-8 and PostgreSQL may not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
