"""The document of a route policy: what one revision says. Pure: no database, no clock.

A policy has routes in their order. A route has tiers: the first of them with a target that may carry does. A tier has
targets that share the traffic by weight. A target is a model at one of the organization's accounts, at its first or its
second host.
"""

import hashlib
import re
from decimal import Decimal
from typing import Any, Literal

import msgspec
from django.utils.translation import gettext as _

MOST_ROUTES, MOST_TIERS, MOST_TARGETS = 200, 10, 20
MOST_BYTES = 256 * 1024
MOST_WEIGHT = 1000
MOST_HOURS, MOST_MINUTES = 24 * 120, 60 * 24 * 14

Kind = Literal["model", "pattern", "alias"]
Host = Literal["first", "backup"]

# What callers send as `model`: names with a maker, a version and a variant, such as "maker/name-1.5:free".
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,119}")
_PATTERN = re.compile(r"[A-Za-z0-9._:/@+*-]{1,120}")
_ALIAS = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_UNIT = re.compile(r"[^\W\d_][\w -]{0,29}")  # a currency, or a provider's own words


class DocumentError(ValueError):
    """A document that cannot be a policy. The message says what to mend, in the reader's language."""


class Target(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`model` is the provider's own name of it. Switched off, a target keeps its place and carries nothing."""

    account: int
    model: str
    weight: int = 100
    host: Host = "first"
    enabled: bool = True

    @property
    def key(self) -> str:
        """By which a route knows it again, wherever it is moved to."""
        return f"{self.account}:{self.host}:{self.model}"


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    targets: tuple[Target, ...] = ()


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`match` is the model that is asked for: its name, a pattern with *, or a name of the organization's own."""

    match: str
    kind: Kind = "alias"
    about: str = ""
    tiers: tuple[Tier, ...] = ()


class Failover(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a target leaves, and when it comes back. A bound that is None is not looked at. Balances are held against
    the floor of their own unit alone. Bounds of the way back are never easier than those of the way out."""

    balance_floors: dict[str, Decimal] = {}
    balance_returns: dict[str, Decimal] = {}
    runway_floor_hours: int | None = 24
    runway_return_hours: int | None = 72
    quota_ceiling_percent: int | None = 90
    quota_return_percent: int | None = 80
    cooldown_minutes: int = 10
    hold_down_minutes: int = 30
    fresh_minutes: int | None = None


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    failover: Failover = Failover()
    routes: tuple[Route, ...] = ()

    @property
    def accounts(self) -> list[int]:
        """The ids of all accounts that it names, each once."""
        return sorted({target.account for route in self.routes for tier in route.tiers for target in tier.targets})


def document_of(plain: Any) -> Document:
    """From plain JSON values. Raises DocumentError."""
    try:
        document = msgspec.convert(plain, Document)
    except msgspec.ValidationError as error:
        raise DocumentError(_("This is no route policy: %(reason)s.") % {"reason": error}) from None
    _check_failover(document.failover)
    _check_routes(document.routes)
    if len(canonical(document)) > MOST_BYTES:
        raise DocumentError(_("This policy is too large."))
    return document


def document_stored(plain: Any) -> Document:
    """From a revision. It was checked when it was saved; a rule that came later must not stop its traffic."""
    return msgspec.convert(plain, Document)


def plain_of(document: Document) -> dict[str, Any]:
    """Plain JSON values, amounts as text."""
    return dict(msgspec.json.decode(canonical(document)))


def canonical(document: Document) -> bytes:
    """The same bytes for the same policy, whoever wrote it down."""
    return msgspec.json.encode(document, order="sorted")


def digest(document: Document) -> str:
    """SHA-256 of the canonical bytes, in hex."""
    return hashlib.sha256(canonical(document)).hexdigest()


# --- What msgspec cannot say ------------------------------------------------------------------------------------


def _check_failover(failover: Failover) -> None:
    for floors in (failover.balance_floors, failover.balance_returns):
        for unit, amount in floors.items():
            if not _UNIT.fullmatch(unit):
                words = _("“%(unit)s” is no unit: write a currency such as USD, or the provider's own word.")
                raise DocumentError(words % {"unit": unit[:20]})
            if not amount.is_finite() or amount < 0 or amount >= 10**12 or amount.as_tuple().exponent < -6:  # type: ignore[operator]
                raise DocumentError(_("A floor is an amount of money, such as 20.00."))
    for unit, back in failover.balance_returns.items():
        floor = failover.balance_floors.get(unit)
        if floor is None:
            raise DocumentError(_("There is a way back for %(unit)s, but no floor.") % {"unit": unit})
        if back < floor:
            raise DocumentError(_("The way back for %(unit)s lies under its floor.") % {"unit": unit})
    _check_span(failover.runway_floor_hours, 0, MOST_HOURS)
    _check_span(failover.runway_return_hours, 0, MOST_HOURS)
    _check_span(failover.quota_ceiling_percent, 1, 100)
    _check_span(failover.quota_return_percent, 0, 100)
    _check_span(failover.cooldown_minutes, 0, MOST_MINUTES)
    _check_span(failover.hold_down_minutes, 0, MOST_MINUTES)
    _check_span(failover.fresh_minutes, 1, MOST_MINUTES)
    low, hours = failover.runway_floor_hours, failover.runway_return_hours
    if low is not None and hours is not None and hours < low:
        raise DocumentError(_("A target would come back under a shorter runway than it leaves at."))
    high, under = failover.quota_ceiling_percent, failover.quota_return_percent
    if high is not None and under is not None and under > high:
        raise DocumentError(_("A target would come back with a fuller quota than it leaves at."))


def _check_span(value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        words = _("%(value)s is out of range: from %(low)s to %(high)s.")
        raise DocumentError(words % {"value": value, "low": low, "high": high})


def _check_routes(routes: tuple[Route, ...]) -> None:
    if len(routes) > MOST_ROUTES:
        raise DocumentError(_("A policy has at most %(most)d routes.") % {"most": MOST_ROUTES})
    seen = set[str]()
    for route in routes:
        shape = {"model": _MODEL, "pattern": _PATTERN, "alias": _ALIAS}[route.kind]
        if not shape.fullmatch(route.match) or (route.kind == "pattern") != ("*" in route.match):
            raise DocumentError(_name_words(route))
        if route.match in seen:
            raise DocumentError(_("Two routes are for “%(match)s”.") % {"match": route.match})
        seen.add(route.match)
        if len(route.about) > 200:
            raise DocumentError(_("What a route is for takes at most 200 characters."))
        if len(route.tiers) > MOST_TIERS:
            raise DocumentError(_("A route has at most %(most)d tiers.") % {"most": MOST_TIERS})
        _check_targets(route)


def _check_targets(route: Route) -> None:
    known = set[str]()
    for tier in route.tiers:
        if len(tier.targets) > MOST_TARGETS:
            raise DocumentError(_("A tier has at most %(most)d targets.") % {"most": MOST_TARGETS})
        for target in tier.targets:
            if not _MODEL.fullmatch(target.model):
                raise DocumentError(_("“%(match)s”: each target needs a model.") % {"match": route.match})
            if not 0 < target.weight <= MOST_WEIGHT:
                raise DocumentError(_("“%(match)s”: a weight is from 1 to 1,000.") % {"match": route.match})
            if target.key in known:
                words = _("“%(match)s” names %(model)s of one account twice.")
                raise DocumentError(words % {"match": route.match, "model": target.model})
            known.add(target.key)


def _name_words(route: Route) -> str:
    match route.kind:
        case "model":
            words = _("“%(match)s” is no model's name: letters, digits and . _ : / @ + -.")
        case "pattern":
            words = _("“%(match)s” is no pattern: a model's name with * for any letters.")
        case _:
            words = _("“%(match)s” is no alias: small letters, digits and hyphens.")
    return words % {"match": route.match[:60]}
