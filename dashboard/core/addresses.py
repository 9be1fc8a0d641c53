"""Addresses that say what a page shows: every filter, sort and period is a link that changes one thing."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

# Where a list goes on: whatever else changes, it begins anew.
PLACES = ("after", "before")


def address(query: QueryDict, **changes: str | Sequence[str] | None) -> str:
    """The same page with changes (None takes one out), lists at their beginning."""
    wanted = query.copy()
    for name in PLACES:
        wanted.pop(name, None)
    for name, value in changes.items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted.setlist(name, [value] if isinstance(value, str) else list(value))
    return f"?{wanted.urlencode()}"


def kept(query: QueryDict, *without: str) -> list[tuple[str, str]]:
    """(name, value) of what a form carries on beside its own fields, which are `without`."""
    gone = {*PLACES, *without}
    return [(name, value) for name, values in query.lists() if name not in gone for value in values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One filter as a link: it adds itself, or takes itself away where it is `pressed`."""

    label: Any
    url: str
    pressed: bool
    count: int | None = None


def chips(query: QueryDict, name: str, options: Iterable[tuple[str, Any, int | None]]) -> list[Chip]:
    """Chips of one filter from (value, label, count); several may be pressed."""
    options = list(options)
    pressed = chosen(query, name, (value for value, _, _ in options))
    found = []
    for value, label, count in options:
        others = [one for one in pressed if one != value]
        now = value in pressed
        url = address(query, **{name: (others if now else [*pressed, value]) or None})
        found.append(Chip(label=label, url=url, pressed=now, count=count))
    return found


def chosen(query: QueryDict, name: str, known: Iterable[str]) -> list[str]:
    """The values of a filter that the address names, as far as there are such."""
    asked = set(query.getlist(name))
    return [one for one in known if one in asked]
