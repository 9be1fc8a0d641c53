"""What the command palette finds: accounts with their telling figure, what one can do, places, providers, people. All
within what the person may see, in at most four statements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.balances.models import BalanceSeries
from dashboard.balances.selectors import RunwayRow, primary_series, runway_row, soonest_dry
from dashboard.core.context import places_for
from dashboard.core.matching import LETTERS, best
from dashboard.credentials.catalog import OWN
from dashboard.credentials.models import DescribedProvider, ProviderAccount
from dashboard.credentials.selectors import accounts_without_balance
from dashboard.organizations.models import Membership, Team
from dashboard.organizations.scope import Scope
from dashboard.overview.states import account_state
from dashboard.routing.selectors import policies_in
from dashboard.sync.selectors import streams_of_accounts
from providers.registry import PROVIDERS

MOST_WORDS = 80
ACCOUNTS, ACTIONS, PLACES, OTHERS = 6, 16, 20, 5
# While nothing is typed the first of each group are shown, so that all three groups are seen.
FIRST_ACCOUNTS, FIRST_ACTIONS = 4, 5


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. It leads to `url`, or with `post` asks for it, or presses what the attribute `press` names."""

    title: str
    url: str = ""
    icon: str = ""
    logo: str = ""
    detail: str = ""
    keys: str = ""
    post: bool = False
    press: str = ""
    also: str = ""  # further words under which it is found: its English name, an address
    amount: Decimal | None = None
    unit: str = ""
    runway: RunwayRow | None = None
    state: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (f"{self.title} {self.detail}".strip(), self.also)

    @property
    def hints(self) -> list[str]:
        return self.keys.upper().split()


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    ranked: list[tuple[int, Entry]]  # the best first

    @property
    def entries(self) -> list[Entry]:
        return [entry for _, entry in self.ranked]

    def within(self, worst: int) -> "Group":
        return Group(self.name, [one for one in self.ranked if one[0] <= worst])


def palette_view(
    *, scope: Scope, membership: Membership, memberships: Sequence[Membership], words: str, now: datetime
) -> list[Group]:
    """The groups that fit `words`, the best first; without words, what one most often wants."""
    named = _named(scope, membership) if words else []
    accounts = _accounts(scope, words, {key: name for kind, key, name, _ in named if kind == "own"}, now)
    groups = [
        accounts,
        _group(_("Do"), words, _actions(membership, memberships), limit=ACTIONS if words else FIRST_ACTIONS),
        _group(_("Go to"), words, _places(membership), limit=PLACES),
    ]
    if words:
        groups += [
            _group(_("Routes"), words, _routes(named, membership), limit=OTHERS),
            _group(_("Providers"), words, _providers(named), limit=OTHERS),
            _group(_("Teams"), words, _teams(named), limit=OTHERS),
            _group(_("Members"), words, _people(named), limit=OTHERS),
        ]
    first = min((rank for group in groups for rank, _ in group.ranked), default=LETTERS)
    # Letters that only stand in the right order say little beside a name that fits.
    shown = [group if first == LETTERS else group.within(LETTERS - 1) for group in groups]
    return sorted((group for group in shown if group.ranked), key=lambda group: group.ranked[0][0])


def _group(name: str, words: str, entries: Iterable[Entry], *, limit: int) -> Group:
    return Group(name, best(words, entries, lambda entry: entry.names, limit=limit))


# --- Accounts -----------------------------------------------------------------------------------------------------


def _accounts(scope: Scope, words: str, own: dict[str, str], now: datetime) -> Group:
    """Those that fit; without words those that run dry soonest."""
    faces = dict[int, BalanceSeries]()
    if words:
        everything = ProviderAccount.objects.filter(scope.accounts()).order_by("provider_slug", "label", "pk")
        found = best(words, everything, lambda one: (f"{_called(one, own)} {one.label}",), limit=ACCOUNTS)
        ids = [account.pk for _, account in found] if scope.balances else []
        faces = {series.account_id: series for series in (primary_series(account_ids=ids) if ids else ())}
    else:
        dry = soonest_dry(scope=scope, limit=FIRST_ACCOUNTS)
        faces = {series.account_id: series for series in dry}
        found = [(0, series.account) for series in dry]
        if len(dry) < FIRST_ACCOUNTS:
            found += [(0, one) for one in accounts_without_balance(scope=scope, limit=FIRST_ACCOUNTS - len(dry))]
    untold = [account.pk for _, account in found if account.pk not in faces]
    streams = streams_of_accounts(untold) if untold else {}
    ranked = []
    for rank, account in found:
        face, known = faces.get(account.pk), streams.get(account.pk, [])
        figure: dict[str, Any] = {"state": account_state(known, now)[0]}
        if face is not None:
            figure = {"amount": face.amount, "unit": face.unit, "runway": runway_row(face, now)}
        url = reverse("credentials:account", args=[account.pk])
        name, logo = _called(account, own), account.provider_slug
        ranked.append((rank, Entry(name, url, logo=logo, detail=account.label, **figure)))
    return Group(_("Accounts"), ranked)


def _called(account: ProviderAccount, own: dict[str, str]) -> str:
    """What its provider is called; `own` knows those that the organization described, without another statement."""
    return own.get(account.provider_slug) or account.provider_name


# --- What one can do, and where one can go ------------------------------------------------------------------------


def _actions(membership: Membership, memberships: Sequence[Membership]) -> list[Entry]:
    actions = []
    if membership.may_sync:
        actions.append(_action(gettext_noop("Sync now"), "sync:sync_all", icon="refresh-cw", keys="y", post=True))
    if membership.may_manage:
        actions += [
            _action(gettext_noop("Connect a provider"), "credentials:connect", icon="plus", keys="c"),
            _action(gettext_noop("Describe a provider of your own"), "credentials:described_new", icon="file-pen"),
            _action(gettext_noop("Make a key at a provider"), "keys:key_choose", icon="key-round"),
            _action(gettext_noop("Add a key by hand"), "keys:key_type_in", icon="key-round"),
            _action(gettext_noop("Make an allocation rule"), "usage:rule_new", icon="split"),
            _action(gettext_noop("Make a service token"), "keys:service_token_new", icon="key-square"),
            _action(gettext_noop("Invite somebody"), "organizations:invite", icon="user-plus"),
            _action(gettext_noop("Make a team"), "organizations:team_new", icon="users"),
        ]
        if settings.SIMULATOR_URL and not any(one.organization.is_demo for one in memberships):
            actions.append(
                _action(gettext_noop("Look at the demo"), "overview:demo_add", icon="flask-conical", post=True)
            )
    actions += [
        _action(gettext_noop("Switch theme: system, light, dark"), icon="sun-moon", press="data-theme-toggle"),
        _action(gettext_noop("Keyboard shortcuts"), icon="keyboard", keys="?", press="data-open=shortcuts"),
    ]
    for other in memberships:
        if other.organization_id != membership.organization_id:
            words = _("Go to %(name)s") % {"name": other.organization.name}
            url = reverse("organizations:choose", args=[other.organization_id])
            actions.append(Entry(words, url, icon="arrow-left-right", post=True))
    return [*actions, _action(gettext_noop("Sign out"), "account_logout", icon="log-out", post=True)]


def _action(name: str, view: str = "", **more: Any) -> Entry:
    return Entry(_(name), reverse(view) if view else "", also=name, **more)


def _places(membership: Membership) -> list[Entry]:
    places = [
        Entry(place.title, place.url, icon=place.icon, keys=place.keys, also=place.name)
        for place in places_for(membership)
    ]
    places.append(_action(gettext_noop("Billed against estimated"), "usage:estimates", icon="scale"))
    if membership.may_manage:
        places += [
            _action(gettext_noop("Allocation rules"), "usage:rules", icon="split"),
            _action(gettext_noop("Service tokens"), "keys:service_tokens", icon="key-square"),
            _action(gettext_noop("Currency and rates"), "usage:currency", icon="coins"),
        ]
    return [*places, _action(gettext_noop("Profile and security"), "mfa_index", icon="user-round")]


# --- What is found by its name alone ------------------------------------------------------------------------------

_Named = tuple[str, str, str, str]  # kind, key, name, what else it is found under


def _named(scope: Scope, membership: Membership) -> list[_Named]:
    """Providers of one's own, route policies, and for those who may open their pages teams and people: one statement
    for all."""
    organization, key = membership.organization_id, Cast("pk", CharField())
    rows = DescribedProvider.objects.filter(organization_id=organization)
    whose = Coalesce("team__name", Value(""))
    policies = policies_in(scope=scope).select_related(None).order_by()
    parts: list[QuerySet[Any, Any]] = [
        rows.values_list(Value("own"), "slug", "name", Value("")),
        policies.values_list(Value("policy"), key, whose, Value("")),
    ]
    if membership.may_manage:
        teams = Team.objects.filter(organization_id=organization, archived_at=None)
        people = Membership.objects.filter(organization_id=organization)
        parts += [
            teams.values_list(Value("team"), key, "name", "cost_centre"),
            people.values_list(Value("member"), key, "user__name", "user__email"),
        ]
    return sorted(parts[0].union(*parts[1:], all=True))


def _providers(named: Sequence[_Named]) -> list[Entry]:
    known = [(slug, provider.name) for slug, provider in PROVIDERS.items()]
    known += [(key, name) for kind, key, name, _ in named if kind == "own"]
    return [
        Entry(name, reverse("credentials:provider_detail", args=[slug]), logo=slug, also=slug.removeprefix(OWN))
        for slug, name in sorted(known, key=lambda one: one[1].casefold())
    ]


def _routes(named: Sequence[_Named], membership: Membership) -> list[Entry]:
    """Each policy, and its switches that suppose something; the organization's own is called by its name."""
    found = []
    for kind, key, name, _also in named:
        if kind == "policy":
            whose = {"name": name or membership.organization.name}
            url = reverse("routing:policy", args=[key])
            found += [
                Entry(_("Routes of %(name)s") % whose, url, icon="route", also="routing"),
                Entry(_("What if: routes of %(name)s") % whose, f"{url}#what-if", icon="flask-conical", also="what if"),
            ]
    return found


def _teams(named: Sequence[_Named]) -> list[Entry]:
    return [
        Entry(name, reverse("organizations:team", args=[key]), icon="users", also=also)
        for kind, key, name, also in named
        if kind == "team"
    ]


def _people(named: Sequence[_Named]) -> list[Entry]:
    return [
        Entry(name or also, reverse("organizations:member", args=[key]), icon="user-round", detail=also if name else "")
        for kind, key, name, also in named
        if kind == "member"
    ]
