"""How two revisions differ, line by line, as a person would write a policy down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.core.languages.joining import labelled, listed
from dashboard.core.languages.numbers import number, unit_word
from dashboard.routing.document import Document, Failover, Target
from dashboard.routing.editor.draft import AMOUNTS, SPANS


@dataclass(frozen=True, slots=True)
class Line:
    """`depth` is how far it is set in: a route, its tiers, their targets."""

    sign: Literal["same", "added", "removed"]
    depth: int
    words: str


def documents_compared(before: Document | None, after: Document, names: Mapping[int, str]) -> list[Line]:
    """Every line of the later one, and between them those that are gone. Without an earlier one all are added."""
    old = list(_lines(before, names)) if before is not None else []
    new = list(_lines(after, names))
    compared: list[Line] = []
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            compared += [Line("same", *line) for line in new[new_from:new_to]]
            continue
        compared += [Line("removed", *line) for line in old[old_from:old_to]]
        compared += [Line("added", *line) for line in new[new_from:new_to]]
    return compared


def change_words(before: Document | None, after: Document, names: Mapping[int, str]) -> str:
    """What a revision changed, in a few words: its note where nobody wrote one."""
    if before is None:
        return ngettext("%(count)d route", "%(count)d routes", len(after.routes)) % {"count": len(after.routes)}
    changed = [line for line in documents_compared(before, after, names) if line.sign != "same"]
    added = [line.words for line in changed if line.sign == "added"]
    removed = [line.words for line in changed if line.sign == "removed"]
    if len(added) == 1 and len(removed) == 1:
        return f"{removed[0]} → {added[0]}"
    if len(added) + len(removed) == 1:
        words = _("Added: %(what)s") if added else _("Removed: %(what)s")
        return words % {"what": (added or removed)[0]}
    return ngettext("%(count)d line changed", "%(count)d lines changed", len(changed)) % {"count": len(changed)}


def _lines(document: Document, names: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    yield from ((0, labelled(label, value)) for label, value in failover_settings(document.failover))
    for route in document.routes:
        about = f" · {route.about}" if route.about else ""
        yield 0, _("Route %(match)s") % {"match": route.match} + about
        for place, tier in enumerate(route.tiers, 1):
            yield 1, _("Tier %(number)d") % {"number": place}
            for target in tier.targets:
                yield 2, _target(target, names)


def failover_settings(failover: Failover) -> list[tuple[str, str]]:
    """(label, value) of each setting, those that are not looked at too."""
    nothing = _("not looked at")
    told = [(str(label), _amounts(getattr(failover, name)) or nothing) for name, label in AMOUNTS.items()]
    for name, (label, unit) in SPANS.items():
        value = getattr(failover, name)
        none = _("as each reading says") if name == "fresh_minutes" else nothing
        told.append((str(label), none if value is None else f"{value} {unit}"))
    return told


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    """With every digit: what a revision changed must not be rounded away."""
    return listed(f"{number(amount)} {unit_word(unit)}" for unit, amount in amounts.items())


def _target(target: Target, names: Mapping[int, str]) -> str:
    parts = [target.model, names.get(target.account) or _("an account that is gone")]
    parts.append(_("weight %(weight)d") % {"weight": target.weight})
    if target.host == "backup":
        parts.append(_("second host"))
    if not target.enabled:
        parts.append(_("switched off"))
    return " · ".join(parts)
