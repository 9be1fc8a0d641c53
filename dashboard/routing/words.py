"""What codes of a decision mean, in the reader's language. Codes and figures are stored and sent; words are made when
somebody reads them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from dashboard.core.languages.numbers import money_words
from dashboard.core.templatetags.purser import clock, moment, percent
from dashboard.routing.decide import Code, Figures, State

Say = Callable[[datetime], str]

# What the figures of a code are, in their order: as they come back from where they were stored.
_SHAPES: dict[str, Any] = {
    "stale": tuple[datetime],
    "balance": tuple[Decimal, str, Decimal],
    "runway": tuple[int, int],
    "quota": tuple[Decimal, int],
    "errors": tuple[datetime],
    "offline": tuple[datetime],
    "balance_return": tuple[Decimal, str, Decimal],
    "runway_return": tuple[int, int],
    "quota_return": tuple[Decimal, int],
    "no_fresh_reading": tuple[datetime],
    "hold_down": tuple[datetime],
}

STATE_WORDS: dict[State, str] = {
    "in_use": gettext_noop("In use"),
    "standby": gettext_noop("Standing by"),
    "passed_over": gettext_noop("Passed over"),
    "off": gettext_noop("Switched off"),
}

# The same of what is only supposed.
SUPPOSED_WORDS: dict[State, str] = {
    "in_use": gettext_noop("Would carry"),
    "standby": gettext_noop("Would stand by"),
    "passed_over": gettext_noop("Would be passed over"),
}

# To people whom balances are not shared with: the cause without its figures.
_WITHOUT_FIGURES: dict[str, str] = {
    "balance": gettext_noop("the balance is under its floor"),
    "runway": gettext_noop("the runway is under its floor"),
    "quota": gettext_noop("the quota is over its ceiling"),
    "balance_return": gettext_noop("the balance is not yet over the bound of the way back"),
    "runway_return": gettext_noop("the runway is not yet over the bound of the way back"),
    "quota_return": gettext_noop("the quota is not yet under the bound of the way back"),
}


def figures_of(code: str, stored: Sequence[Any]) -> Figures:
    """Figures out of JSON, as they were decided."""
    return tuple(msgspec.convert(list(stored), _SHAPES[code])) if code in _SHAPES else ()


def reason_words(code: Code | str, figures: Figures, *, open_figures: bool = True, say: Say | None = None) -> str:
    """Why a target stands where it stands, without a full stop; "" where its state says everything. `open_figures`:
    whether the reader may see balances; `say` writes moments."""
    if not open_figures and code in _WITHOUT_FIGURES:
        return _(_WITHOUT_FIGURES[code])
    told = [_figure(one, say or _moment) for one in figures]
    match code:
        case "balance":
            if not figures[2]:
                return _("the balance is used up")
            return _("balance %(amount)s under the floor of %(floor)s") % _amounts("floor", figures)
        case "runway":
            return _("runway %(hours)s h under %(floor)s h") % {"hours": told[0], "floor": told[1]}
        case "quota":
            return _("quota %(share)s used, over %(ceiling)s") % _shares("ceiling", figures)
        case "errors":
            return _("its provider fails; cooling down until %(moment)s") % {"moment": told[0]}
        case "offline":
            return _("nothing has answered there since %(moment)s") % {"moment": told[0]}
        case "balance_return":
            return _("balance %(amount)s, comes back over %(back)s") % _amounts("back", figures)
        case "runway_return":
            return _("runway %(hours)s h, comes back over %(back)s h") % {"hours": told[0], "back": told[1]}
        case "quota_return":
            return _("quota %(share)s used, comes back under %(back)s") % _shares("back", figures)
        case "no_fresh_reading":
            return _("was under its floor; no fresh reading since %(moment)s") % {"moment": told[0]}
        case "hold_down":
            return _("held down until %(moment)s") % {"moment": told[0]}
        case "account_gone":
            return _("its account is not here any more")
        case "stale":
            return _("last reading %(moment)s: age alone takes nobody out") % {"moment": told[0]}
    return ""


def verdict_words(
    state: State | str, code: str, figures: Figures, *, open_figures: bool = True, say: Say | None = None
) -> str:
    """State and reason in one line: "Passed over: runway 9 h under 24 h"."""
    known = {str(one): _(words) for one, words in STATE_WORDS.items()}
    head = known.get(str(state), str(state))
    return _because(head, reason_words(code, figures, open_figures=open_figures, say=say))


def supposed_words(state: State, code: str, figures: Figures, *, open_figures: bool) -> str:
    """The same of what would be. What does not happen has no end by the clock."""
    reason = reason_words(code, figures, open_figures=open_figures)
    return _because(_(SUPPOSED_WORDS[state]), _("its provider does not answer") if code == "errors" else reason)


def _because(head: str, reason: str) -> str:
    if not reason:
        return head
    return pgettext("state: reason", "%(state)s: %(reason)s") % {"state": head, "reason": reason}


def _figure(one: object, say: Say) -> str:
    return say(one) if isinstance(one, datetime) else str(one)


def _moment(at: datetime) -> str:
    """Of today the clock alone."""
    return str(clock(at) if timezone.localdate(at) == timezone.localdate() else moment(at))


def _amounts(bound: str, figures: Figures) -> dict[str, str]:
    """Of (amount, unit, bound)."""
    amount, unit, least = figures
    return {name: money_words(Decimal(str(value)), str(unit)) for name, value in (("amount", amount), (bound, least))}


def _shares(bound: str, figures: Figures) -> dict[str, str]:
    """Of (percent used, bound)."""
    return {name: str(percent(Decimal(str(value)))) for name, value in zip(("share", bound), figures, strict=True)}
