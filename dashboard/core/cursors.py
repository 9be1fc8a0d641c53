"""A row's place in a sorted table, as it stands in an address, and what lies behind it.

"17" in the order of ids, else "17~=USD~=12.5": the id, then the sort values; an empty part is an unknown one. A cursor
comes from the address bar: what does not fit the order that it is read for is no cursor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Literal

from django.db.models import F, OrderBy, Q

Kind = Literal["text", "whole", "number", "share", "moment", "day"]
Cursor = tuple[Any, ...]

_LARGEST_ID = 2**63 - 1
_LONGEST_CURSOR = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One value that a column sorts by: a field of the QuerySet, or an entry of the list's rows. `optional` values may
    be unknown, and then stand last, whichever way the column is sorted."""

    name: str
    kind: Kind = "text"
    optional: bool = False


def compare(one: Cursor, other: Cursor, falling: bool) -> int:
    """-1, 0 or 1 as `one` stands before, at or behind `other`; unknown stands last in both orders."""
    for mine, theirs in zip(one, other, strict=True):
        if mine is None or theirs is None:
            if (mine is None) != (theirs is None):
                return 1 if mine is None else -1
        elif mine != theirs:
            return 1 if (mine > theirs) != falling else -1
    return 0


def terms(orders: Sequence[Order], key: str, *, falling: bool, backwards: bool) -> list[OrderBy]:
    """What a QuerySet is ordered by, from the last row to the first when `backwards`."""
    down = falling != backwards
    found = []
    for order in orders:
        first, last = (True, None) if backwards else (None, True)
        nulls = {"nulls_first": first, "nulls_last": last} if order.optional else {}
        found.append(F(order.name).desc(**nulls) if down else F(order.name).asc(**nulls))
    return [*found, F(key).desc() if down else F(key).asc()]


def beyond(cursor: Cursor, orders: Sequence[Order], key: str, *, falling: bool, backwards: bool) -> Q:
    """The rows behind the cursor (before it when `backwards`): those further on in the first value that differs."""
    further = "lt" if falling != backwards else "gt"
    nothing = Q(pk__in=[])
    found, level = nothing, Q()
    for order, told in zip([*orders, Order(name=key, kind="whole")], cursor, strict=True):
        if told is not None:
            step = Q(**{f"{order.name}__{further}": told})
            if order.optional and not backwards:
                step |= Q(**{f"{order.name}__isnull": True})
        else:
            step = Q(**{f"{order.name}__isnull": False}) if backwards else nothing
        found |= level & step
        level &= Q(**{order.name: told})
    return found


def cursor_text(cursor: Cursor, orders: Sequence[Order]) -> str:
    """How a row's place stands in an address."""
    parts = [str(cursor[-1])]
    for told in cursor[: len(orders)]:
        text = told.isoformat() if isinstance(told, date) else f"{told:f}" if isinstance(told, Decimal) else str(told)
        parts.append("" if told is None else f"={text.replace('%', '%25').replace('~', '%7E')}")
    return "~".join(parts)


def cursor_read(text: str, orders: Sequence[Order]) -> Cursor | None:
    """The place that `text` names, or None where it names none in this order."""
    identity, *parts = text.split("~")
    fits = len(parts) == len(orders) and len(text) <= _LONGEST_CURSOR and "\0" not in text
    if not fits or not (identity.isascii() and identity.isdigit()) or int(identity) > _LARGEST_ID:
        return None
    values: list[Any] = []
    for part, order in zip(parts, orders, strict=True):
        if part and not part.startswith("="):
            return None
        value = _PARSED[order.kind](part[1:].replace("%7E", "~").replace("%25", "%")) if part else None
        if value is None and (part or not order.optional):
            return None
        values.append(value)
    return (*values, int(identity))


def _text(text: str) -> str:
    return text


def _whole(text: str) -> int | None:
    plain = text.removeprefix("-")
    return int(text) if plain.isascii() and plain.isdigit() and abs(int(text)) <= _LARGEST_ID else None


def _number(text: str) -> Decimal | None:
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and abs(value.adjusted()) < 30 else None


def _share(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def _moment(text: str) -> datetime | None:
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    return value if value.tzinfo is not None else None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


_PARSED: Mapping[Kind, Callable[[str], Any]] = {
    "text": _text,
    "whole": _whole,
    "number": _number,
    "share": _share,
    "moment": _moment,
    "day": _day,
}
