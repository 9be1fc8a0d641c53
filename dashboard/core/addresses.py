"""Addresses that say what a page shows: every filter, sort and period is a link that changes one thing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote_plus

from django.http import QueryDict

# Where a list goes on: whatever else changes, it begins anew.
PLACES = ("after", "before")


def address(query: QueryDict, **changes: str | Sequence[str] | None) -> str:
    """The same page with changes (None takes one out), lists at their beginning."""
    return addresses(query, *changes)(**{name: value for name, value in changes.items() if value is not None})


def addresses(query: QueryDict, *names: str) -> Callable[..., str]:
    """`address` for many values of these names, of which each one comes out unless it is given: what stays is written
    once."""
    begin = "&".join([_part(*one) for one in kept(query, *names)])

    def address_with(**values: str | Sequence[str]) -> str:
        parts = [begin] if begin else []
        for name, told in values.items():
            parts += [_part(name, told)] if isinstance(told, str) else [_part(name, one) for one in told]
        return f"?{'&'.join(parts)}"

    return address_with


@lru_cache(maxsize=8192)
def _part(name: str, value: str) -> str:
    return f"{quote_plus(name)}={quote_plus(value)}"


def kept(query: QueryDict, *without: str) -> list[tuple[str, str]]:
    """(name, value) of what a form carries on beside its own fields, which are `without`."""
    gone = {*PLACES, *without}
    return [(name, value) for name, values in query.lists() if name not in gone for value in values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter as a link: it adds itself, or takes itself away where it is `pressed`. `short` is what its menu's
    button says of it."""

    label: Any
    url: str
    pressed: bool
    count: int | None = None
    short: Any = None


def chips(query: QueryDict, name: str, options: Iterable[tuple[str, Any, int | None]]) -> list[Chip]:
    """Chips of one filter from (value, label, count); several may be pressed."""
    options = list(options)
    pressed = chosen(query, name, (value for value, _, _ in options))
    without = addresses(query, name)
    begin = without(**{name: pressed})
    begin += "&" if len(begin) > 1 else ""
    found = []
    for value, label, count in options:
        now = value in pressed
        url = without(**{name: [one for one in pressed if one != value]}) if now else begin + _part(name, value)
        found.append(Chip(label=label, url=url, pressed=now, count=count))
    return found


def chosen(query: QueryDict, name: str, known: Iterable[str]) -> list[str]:
    """The values of a filter that the address names, as far as there are such."""
    asked = set(query.getlist(name))
    return [one for one in known if one in asked]
