"""What may be wrong with a policy although it is one: each note with the route that it is about and a code."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext as _

from dashboard.core.languages.joining import listed
from dashboard.credentials.models import OfferedModel
from dashboard.routing.decide import Facts
from dashboard.routing.document import Document, Failover, Route, Target

Code = Literal["dead_end", "no_way_out", "shared_account", "not_offered", "floor_of_another_unit", "nothing_known"]


@dataclass(frozen=True, slots=True)
class Note:
    """`match` names the routes that it is about."""

    code: Code
    match: str
    words: str


def policy_lint(
    *, document: Document, facts: Mapping[int, Facts], names: Mapping[int, str], unlimited: Collection[int] = ()
) -> list[Note]:
    """Notes in the order of the routes; what is true of several is said once. `names` are the accounts' own;
    `unlimited` those with neither a balance nor a quota to run out of."""
    offered = _offered(document)
    routes: dict[tuple[Code, str], list[str]] = {}
    for route in document.routes:
        for note in _route_notes(route, document.failover, facts, names, offered, unlimited):
            routes.setdefault((note.code, note.words), []).append(route.match)
    return [Note(code, listed(matches), words) for (code, words), matches in routes.items()]


def _offered(document: Document) -> dict[int, set[str]]:
    """What accounts offer, of those that list their models at all; only the models that are asked for."""
    accounts = document.accounts
    listing = set(OfferedModel.objects.filter(account_id__in=accounts).values_list("account_id", flat=True).distinct())
    models = {one.model for route in document.routes for tier in route.tiers for one in tier.targets}
    found = OfferedModel.objects.filter(account_id__in=accounts, model_id__in=models).values_list(
        "account_id", "model_id"
    )
    offered: dict[int, set[str]] = {account: set() for account in listing}
    for account, model in found:
        offered[account].add(model)
    return offered


def _route_notes(
    route: Route,
    failover: Failover,
    facts: Mapping[int, Facts],
    names: Mapping[int, str],
    offered: Mapping[int, set[str]],
    unlimited: Collection[int],
) -> Iterator[Note]:
    enabled = [[one for one in tier.targets if one.enabled] for tier in route.tiers]
    able = [one for tier in enabled for one in tier]
    if not able:
        yield Note("dead_end", route.match, _("no target would carry it."))
        return
    accounts = {one.account for one in able}
    if len(accounts) == 1:
        words = _("every target is at %(account)s, so nobody carries when that is out.")
        yield Note("no_way_out", route.match, words % {"account": _name(names, able[0].account)})
    else:
        yield from _shared(route, enabled, names)
    for one in able:
        if one.account in offered and one.model not in offered[one.account]:
            words = _("%(account)s does not list the model %(model)s.")
            yield Note("not_offered", route.match, words % {"account": _name(names, one.account), "model": one.model})
    limited = {one.account for one in able}.difference(unlimited)
    yield from _blind(route, limited, failover, facts, names)


def _shared(route: Route, enabled: list[list[Target]], names: Mapping[int, str]) -> Iterator[Note]:
    """Tiers that leave together."""
    tiers: dict[int, list[int]] = {}
    for number, tier in enumerate(enabled, 1):
        for account in {one.account for one in tier}:
            tiers.setdefault(account, []).append(number)
    for account, numbers in sorted(tiers.items()):
        if len(numbers) > 1:
            words = _("tiers %(tiers)s share %(account)s: they leave at once.")
            these = listed(numbers)
            yield Note("shared_account", route.match, words % {"tiers": these, "account": _name(names, account)})


def _blind(
    route: Route, accounts: Collection[int], failover: Failover, facts: Mapping[int, Facts], names: Mapping[int, str]
) -> Iterator[Note]:
    """Accounts that no floor would ever take out."""
    floors = failover.balance_floors
    for account in sorted(accounts):
        known = facts.get(account)
        if known is None or (known.balance is None and not known.quotas):
            words = _("neither a balance nor a quota of %(account)s is known: only errors take it out.")
            yield Note("nothing_known", route.match, words % {"account": _name(names, account)})
        elif known.balance is not None and floors and known.balance.unit not in floors:
            words = _("there is no floor in %(unit)s, the unit of %(account)s.")
            told = {"unit": known.balance.unit, "account": _name(names, account)}
            yield Note("floor_of_another_unit", route.match, words % told)


def _name(names: Mapping[int, str], account: int) -> str:
    return names.get(account) or _("an account that is gone")
