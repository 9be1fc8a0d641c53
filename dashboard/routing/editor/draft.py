"""A policy while somebody writes it: the whole of it stands in the form's fields, nothing is kept on the server.
Buttons of the form change it step by step (`draft_changed`), with a script and without."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.core.languages.numbers import NBSP
from dashboard.routing.document import Document, DocumentError, Failover, document_of

Draft = dict[str, Any]

# Settings that are never empty: what they are when nobody says.
NEVER_EMPTY = {name: getattr(Failover(), name) for name in ("hold_down_minutes", "cooldown_minutes")}
_UNTIL_USED_UP = gettext_lazy("only when it is used up")
_AS_LEAVING = gettext_lazy("the bound of leaving")


class Setting(NamedTuple):
    """`empty` is what counts when nothing is told, `example` what the field shows then."""

    label: Any
    empty: Any = ""
    unit: Any = ""
    about: Any = ""
    example: str = ""

    @property
    def help(self) -> str:
        """What stands under its field."""
        empty = f"{self.empty}{NBSP}{self.unit}" if isinstance(self.empty, int) else self.empty
        return (_("%(about)s Empty: %(what)s.") % {"about": self.about, "what": empty}).strip()


# The bounds of the way out stand before those of the way back.
AMOUNTS = {
    "balance_floors": Setting(
        gettext_lazy("Leave under balance"),
        _UNTIL_USED_UP,
        about=gettext_lazy("Amounts with their unit, parted by commas."),
        example="20 USD, 150 CNY",
    ),
    "balance_returns": Setting(gettext_lazy("Come back over balance"), _AS_LEAVING, example="40 USD, 300 CNY"),
}
SPANS = {
    "runway_floor_hours": Setting(
        gettext_lazy("Leave under runway"), gettext_lazy("not looked at"), gettext_lazy("hours")
    ),
    "runway_return_hours": Setting(gettext_lazy("Come back over runway"), _AS_LEAVING, gettext_lazy("hours")),
    "quota_ceiling_percent": Setting(gettext_lazy("Leave over quota"), _UNTIL_USED_UP, "%"),
    "quota_return_percent": Setting(gettext_lazy("Come back under quota"), _AS_LEAVING, "%"),
    "hold_down_minutes": Setting(
        gettext_lazy("Hold down at least"),
        NEVER_EMPTY["hold_down_minutes"],
        gettext_lazy("min"),
        gettext_lazy("What left stays out at least this long."),
    ),
    "cooldown_minutes": Setting(
        gettext_lazy("Cool down after errors"),
        NEVER_EMPTY["cooldown_minutes"],
        gettext_lazy("min"),
        gettext_lazy("What keeps failing is left alone this long."),
    ),
    "fresh_minutes": Setting(
        gettext_lazy("Data must be fresher than"),
        gettext_lazy("as each reading says"),
        gettext_lazy("min"),
        gettext_lazy("Older readings take nobody out."),
    ),
}
_FIELD = re.compile(r"r-(\d{1,3})(?:-t-(\d{1,2})-x-(\d{1,2}))?-([a-z]+)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")  # the comma of 1,500, not the one before another amount
_OF_TARGET = ("account", "model", "weight", "host", "enabled")
_OF_ROUTE = ("match", "kind", "about")
MOST_TEXT = 200


class Moved(NamedTuple):
    """Where the focus goes after a change: the place of a target, or of a route alone; and to the button that moves it
    down, when that was the one which was pressed."""

    route: int
    tier: int | None = None
    target: int | None = None
    down: bool = False


def draft_of(document: Document) -> Draft:
    """The fields of a document."""
    failover = document.failover
    return {
        "failover": {
            **{name: _text(getattr(failover, name)) for name in SPANS},
            **{name: amounts_text(getattr(failover, name)) for name in AMOUNTS},
        },
        "routes": [
            {
                "match": route.match,
                "kind": route.kind,
                "about": route.about,
                "tiers": [
                    [
                        {
                            "account": str(one.account),
                            "model": one.model,
                            "weight": str(one.weight),
                            "host": one.host,
                            "enabled": one.enabled,
                        }
                        for one in tier.targets
                    ]
                    for tier in route.tiers
                ],
            }
            for route in document.routes
        ],
    }


def draft_read(data: Mapping[str, Any]) -> Draft:
    """The draft that a sent form carries. What is no field of it is not looked at."""
    routes: dict[int, dict[str, str]] = {}
    targets: dict[int, dict[tuple[int, int], dict[str, str]]] = {}
    for name, value in data.items():
        found = _FIELD.fullmatch(name)
        if found is None:
            continue
        text = str(value).strip()[:MOST_TEXT]
        number, part = int(found[1]), found[4]
        if found[2] is None and part in _OF_ROUTE:
            routes.setdefault(number, {})[part] = text
        elif found[2] is not None and part in _OF_TARGET:
            place = (int(found[2]), int(found[3]))
            targets.setdefault(number, {}).setdefault(place, {})[part] = text
    return {
        "failover": {name: str(data.get(name, "")).strip()[:MOST_TEXT] for name in (*SPANS, *AMOUNTS)},
        "routes": [
            {
                "match": fields.get("match", ""),
                "kind": fields.get("kind", "alias"),
                "about": fields.get("about", ""),
                "tiers": _tiers(targets.get(number, {})),
            }
            for number, fields in sorted(routes.items())
        ],
    }


def _tiers(found: Mapping[tuple[int, int], Mapping[str, str]]) -> list[list[dict[str, Any]]]:
    tiers: dict[int, list[dict[str, Any]]] = {}
    for (tier, _place), fields in sorted(found.items()):
        tiers.setdefault(tier, []).append(
            {
                "account": fields.get("account", ""),
                "model": fields.get("model", ""),
                "weight": fields.get("weight", ""),
                "host": fields.get("host", "first"),
                "enabled": "enabled" in fields,
            }
        )
    return [tiers[number] for number in sorted(tiers)]


def document_from(draft: Draft) -> Document:
    """Raises DocumentError."""
    told = draft["failover"]
    failover: dict[str, Any] = {name: _amounts(told[name]) for name in AMOUNTS}
    for name in SPANS:
        failover[name] = _whole(told[name]) if told[name] else NEVER_EMPTY.get(name)
    routes = []
    for route in draft["routes"]:
        tiers = [
            {"targets": [{**one, "account": _whole(one["account"]), "weight": _whole(one["weight"])} for one in tier]}
            for tier in route["tiers"]
            if tier
        ]
        routes.append({**route, "tiers": tiers})
    return document_of({"failover": failover, "routes": routes})


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def amounts_text(amounts: Mapping[str, Decimal]) -> str:
    """{"USD": 20, "points": 1500} as it is typed: "20 USD, 1,500 points"."""
    return ", ".join(f"{amount:,f} {unit}" for unit, amount in amounts.items())


def _amounts(text: str) -> dict[str, str]:
    """Raises DocumentError. The text stays as it is typed: JSON carries amounts as text."""
    found: dict[str, str] = {}
    whole = _THOUSANDS.sub("", text)
    for part in filter(None, (one.strip() for one in re.split(r"[,;，；、]", whole))):
        words = part.split(None, 1)
        if len(words) != 2:
            raise DocumentError(
                _("“%(text)s” is no amount: write it with its unit, as in “20 USD, 150 CNY”.") % {"text": part[:40]}
            )
        try:
            Decimal(words[0])
        except InvalidOperation:
            raise DocumentError(_("“%(text)s” is no amount of money.") % {"text": words[0][:40]}) from None
        if words[1] in found:
            raise DocumentError(_("There are two floors for %(unit)s.") % {"unit": words[1][:20]})
        found[words[1]] = words[0]
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise DocumentError(_("“%(text)s” is no whole number.") % {"text": text[:40]} if text else _untold())
    return int(text)


def _untold() -> str:
    return _("Each target needs an account, a model and a weight.")


# --- Steps ------------------------------------------------------------------------------------------------------


def draft_changed(draft: Draft, step: str, *, account: str) -> Moved | None:
    """Take one step, in place: "add-route", "add-target:R.T" (a tier that is not there yet is made), "remove:R.T.X",
    "remove-route:R", "up:R.T.X", "down:R.T.X", "up-route:R", "down-route:R", "move:R.T.X>T.X". `account` is what a new
    target begins with. Returns what was moved or made; None for a step that leads nowhere."""
    name, _colon, where = step.partition(":")
    routes = draft["routes"]
    if name == "add-route":
        routes.append({"match": "", "kind": "alias", "about": "", "tiers": [[_new(account)]]})
        return Moved(len(routes) - 1)
    numbers = [int(part) for part in re.findall(r"\d{1,3}", where)]
    if not numbers or numbers[0] >= len(routes):
        return None
    if name in ("remove-route", "up-route", "down-route"):
        return _route_step(routes, name, numbers[0])
    moved = _target_step(routes[numbers[0]]["tiers"], name, numbers[1:], account)
    return None if moved is None else Moved(numbers[0], *moved, down=name == "down")


def _new(account: str) -> dict[str, Any]:
    return {"account": account, "model": "", "weight": "100", "host": "first", "enabled": True}


def _route_step(routes: list[Any], name: str, number: int) -> Moved | None:
    if name == "remove-route":
        routes.pop(number)
        return None
    goal = number + (-1 if name == "up-route" else 1)
    if not 0 <= goal < len(routes):
        return None
    routes[number], routes[goal] = routes[goal], routes[number]
    return Moved(goal)


def _target_step(tiers: list[list[Any]], name: str, numbers: list[int], account: str) -> tuple[int, int] | None:
    """Change the tiers of one route. Returns the (tier, place) of what was moved or made."""
    if name == "add-target" and len(numbers) == 1:
        if numbers[0] >= len(tiers):
            tiers.append([])
        tier = min(numbers[0], len(tiers) - 1)
        tiers[tier].append(_new(account))
        return tier, len(tiers[tier]) - 1
    if len(numbers) < 2 or numbers[0] >= len(tiers) or numbers[1] >= len(tiers[numbers[0]]):
        return None
    tier, place = numbers[0], numbers[1]
    one = tiers[tier].pop(place)
    goal = (tier, place)
    if name == "up":
        goal = _above(tiers, tier, place)
    elif name == "down":
        goal = _below(tiers, tier, place)
    elif name == "move" and len(numbers) == 4:
        # It goes before what stood at that place when it was let go.
        after = numbers[2] == tier and numbers[3] > place
        goal = (min(numbers[2], len(tiers)), numbers[3] - after)
        if goal[0] == len(tiers):
            tiers.append([])
    elif name == "remove":
        tiers[:] = [each for each in tiers if each]
        return None
    tiers[goal[0]].insert(goal[1], one)
    place = next(index for index, each in enumerate(tiers[goal[0]]) if each is one)
    above_empty = sum(1 for each in tiers[: goal[0]] if not each)
    tiers[:] = [each for each in tiers if each]
    return goal[0] - above_empty, place


def _above(tiers: list[list[Any]], tier: int, place: int) -> tuple[int, int]:
    """One place up; from the top of a tier to the end of the one before, or into a new first tier of its own."""
    if place:
        return tier, place - 1
    if tier:
        return tier - 1, len(tiers[tier - 1])
    if tiers[0]:
        tiers.insert(0, [])
    return 0, 0


def _below(tiers: list[list[Any]], tier: int, place: int) -> tuple[int, int]:
    if place < len(tiers[tier]):
        return tier, place + 1
    if tier + 1 == len(tiers) and tiers[tier]:
        tiers.append([])
    return min(tier + 1, len(tiers) - 1), 0
