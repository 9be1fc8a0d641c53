"""How two revisions differ, line by line, as a person would write a policy down."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import SequenceMatcher
from itertools import groupby, takewhile
from operator import itemgetter
from typing import Literal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.core.languages.joining import colon, labelled, listed
from dashboard.core.languages.numbers import NBSP, currency_sign, number, number_format, unit_word
from dashboard.routing.document import Document, Failover, Target
from dashboard.routing.editor.draft import AMOUNTS, SPANS

_BETWEEN = " · "  # the parts of a line
MOST_UNCHANGED = 3  # in a row; more are folded


@dataclass(frozen=True, slots=True)
class Line:
    """`depth` is how far it is set in: a route, its tiers, their targets."""

    sign: Literal["same", "added", "removed"]
    depth: int
    words: str


@dataclass(frozen=True, slots=True)
class Stretch:
    lines: list[Line]
    folded: bool


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
        return _turned(removed[0], added[0])
    if len(added) + len(removed) == 1:
        words = _("Added: %(what)s") if added else _("Removed: %(what)s")
        return words % {"what": (added or removed)[0]}
    return ngettext("%(count)d line changed", "%(count)d lines changed", len(changed)) % {"count": len(changed)}


def _turned(old: str, new: str) -> str:
    """One line into another; what both begin with is said once: "Hold down at least: 30 min → 45 min"."""
    for mark in (colon(), _BETWEEN):
        before, after = old.split(mark), new.split(mark)
        same = sum(1 for _pair in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
        if 0 < same < min(len(before), len(after)):
            return f"{old} → {mark.join(after[same:])}"
    return f"{old} → {new}"


def lines_folded(lines: Sequence[Line]) -> list[Stretch]:
    """The lines in stretches; what did not change, and holds nothing that did, is folded where it is long."""
    seen = [line.sign != "same" for line in lines]
    for place, line in enumerate(lines):
        depth = line.depth if line.sign != "same" else 0
        for above in range(place - 1, -1, -1):
            if lines[above].depth < depth:
                depth, seen[above] = lines[above].depth, True
    stretches: list[Stretch] = []
    for shown, group in groupby(zip(seen, lines, strict=True), key=itemgetter(0)):
        these = [line for _seen, line in group]
        stretches.append(Stretch(these, folded=not shown and len(these) > MOST_UNCHANGED))
    return stretches


def _lines(document: Document, names: Mapping[int, str]) -> Iterator[tuple[int, str]]:
    yield from ((0, labelled(label, listed(values))) for label, values in failover_settings(document.failover))
    for route in document.routes:
        about = f"{_BETWEEN}{route.about}" if route.about else ""
        yield 0, _("Route %(match)s") % {"match": route.match} + about
        for place, tier in enumerate(route.tiers, 1):
            yield 1, _("Tier %(number)d") % {"number": place}
            for target in tier.targets:
                yield 2, _target(target, names)


def failover_settings(failover: Failover) -> list[tuple[str, list[str]]]:
    """(label, values) of each setting, those that nobody told too: an amount for each unit, or one value."""
    told = []
    for name, setting in AMOUNTS.items():
        told.append((str(setting.label), _amounts(getattr(failover, name)) or [str(setting.empty)]))
    for name, setting in SPANS.items():
        value = getattr(failover, name)
        told.append((str(setting.label), [str(setting.empty) if value is None else _span(value, str(setting.unit))]))
    return told


def _span(value: int, unit: str) -> str:
    return number_format().exact_percent(value) if unit == "%" else f"{value}{NBSP}{unit}"


def _amounts(amounts: Mapping[str, Decimal]) -> list[str]:
    """With every digit: what a revision changed must not be rounded away."""
    return [
        f"{currency_sign(unit)}{number(amount)} {unit_word(unit)}".replace(" ", NBSP)
        for unit, amount in amounts.items()
    ]


def _target(target: Target, names: Mapping[int, str]) -> str:
    parts = [target.model, names.get(target.account) or _("an account that is gone")]
    parts.append(_("weight %(weight)d") % {"weight": target.weight})
    if target.host == "backup":
        parts.append(_("second host"))
    if not target.enabled:
        parts.append(_("switched off"))
    return _BETWEEN.join(parts)
