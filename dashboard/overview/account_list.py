"""The list of accounts: filtered, sorted and paged as the address says."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.balances.selectors import (
    RunwayRow,
    fresh,
    fullest_quotas,
    primary_series,
    quota_window,
    runway_row,
    sparkline,
)
from dashboard.core.addresses import Chip, address, chips, chosen, kept
from dashboard.core.cursors import Order
from dashboard.core.tables import Column, Table
from dashboard.core.templatetags.purser import runway_severity, state_word
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import absent_words, account_row
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.account.kinds import kind_of
from dashboard.overview.states import account_state
from dashboard.sync.models import SyncStream
from dashboard.sync.selectors import streams_of_accounts
from dashboard.usage.selectors import spend_by_account, unpriced_by_account

MOST_CHARACTERS = 100
NO_TEAM = "none"
KINDS = {
    "wallet": gettext_noop("Wallets"),
    "bill": gettext_noop("Bills"),
    "subscription": gettext_noop("Plans"),
    "server": gettext_noop("Servers"),
}
KIND_OF_ONE = {
    "wallet": gettext_noop("Wallet"),
    "bill": gettext_noop("Bill"),
    "subscription": gettext_noop("Plan"),
    "server": gettext_noop("Server"),
}
# Worst first, as they are sorted and offered.
STATES = ("paused", "failing", "backing_off", "stale", "offline", "waiting", "fresh")
# What lasts for months has no moment at which it ends; it stands behind all that do.
LASTING = timedelta(days=400)

_NAME = Order(name="name")
_COLUMNS = (
    Column(name="account", label=gettext_lazy("Account"), order=(_NAME,), always=True),
    Column(name="kind", label=gettext_lazy("Kind"), order=(Order(name="kind"), _NAME), shown=False),
    Column(name="team", label=gettext_lazy("Team"), order=(Order(name="team", optional=True), _NAME), shown=False),
    Column(
        name="balance",
        label=gettext_lazy("Balance"),
        order=(Order(name="unit", kind="whole", optional=True), Order(name="amount", kind="number", optional=True)),
        numeric=True,
        falling=True,
    ),
    Column(name="trend", label=gettext_lazy("30 days")),
    Column(
        name="runway",
        label=gettext_lazy("Runway"),
        order=(Order(name="dry_at", kind="moment", optional=True), _NAME),
        numeric=True,
    ),
    Column(
        name="quota",
        label=gettext_lazy("Fullest quota"),
        order=(Order(name="share", kind="number", optional=True), _NAME),
        falling=True,
    ),
    Column(
        name="spend",
        label=gettext_lazy("Spend this month"),
        order=(
            Order(name="spend_unit", kind="whole", optional=True),
            Order(name="spend", kind="number", optional=True),
        ),
        numeric=True,
        falling=True,
    ),
    Column(name="state", label=gettext_lazy("State"), order=(Order(name="rank", kind="whole"), _NAME)),
    Column(
        name="synced",
        label=gettext_lazy("Last sync"),
        order=(Order(name="synced_at", kind="moment", optional=True), _NAME),
        numeric=True,
        falling=True,
    ),
)
TABLE = Table(name="accounts", columns=_COLUMNS, sort="runway")
# For those whom balances are not shared with.
_UNSHARED = tuple(
    replace(one, order=()) if one.name in ("balance", "quota") else one
    for one in _COLUMNS
    if one.name not in ("trend", "runway")
)
TABLE_WITHOUT_BALANCES = Table(name="accounts", columns=_UNSHARED, sort="account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is known of one account before its row is written."""

    account: ProviderAccount
    face: BalanceSeries | None
    quota: QuotaSeries | None
    streams: Sequence[SyncStream]
    spend: Sequence[Mapping[str, Any]]
    unpriced: int
    kind: str
    state: str
    reason: str

    @property
    def team(self) -> str:
        return str(self.account.team_id or NO_TEAM)

    @property
    def synced_at(self) -> datetime | None:
        return max((one.last_success_at for one in self.streams if one.last_success_at), default=None)

    def holds(self, words: str) -> bool:
        """Whether these words stand in anything that names the account."""
        account = self.account
        team = account.team.name if account.team else ""
        names = (account.provider_name, account.label, account.external_name, team, *account.tags)
        return all(word in " ".join(names).casefold() for word in words.casefold().split())


def account_list_context(
    *, organization: Organization, scope: Scope, query: QueryDict, now: datetime
) -> dict[str, Any]:
    """The list with its filters. The number of statements does not depend on how many accounts there are."""
    everything = _entries(scope, organization.local(now).date(), now)
    words = query.get("q", "").replace("\0", "").strip()[:MOST_CHARACTERS]
    filters = _filters(everything, query)
    wanted: dict[str, Callable[[Entry], bool]] = {name: one.passes for name, one in filters.items()}
    if words:
        wanted["q"] = lambda entry: entry.holds(words)
    found = [entry for entry in everything if all(passes(entry) for passes in wanted.values())]
    view = (TABLE if scope.balances else TABLE_WITHOUT_BALANCES).read(query)
    ranks = _unit_ranks(everything)
    page = view.page_of_list([_sorted_by(entry, ranks, now) for entry in found])
    return {
        "view": view,
        "page": page,
        "accounts": [_row(row["entry"], now) for row in page.rows],
        "absent_span": sum(view.shows.get(name, False) for name in ("balance", "trend", "runway")),
        "filters": {name: one.chips(query, everything, wanted) for name, one in filters.items()},
        "words": words,
        "filtered": bool(words) or any(one.picked for one in filters.values()),
        "clear_url": address(query, q=None, kind=None, state=None, team=None, provider=None),
        "search_kept": kept(query, "q"),
        "found": len(found),
        "total": len(everything),
        "providers": len({entry.account.provider_slug for entry in everything}),
        "sees_balances": scope.balances,
    }


def _entries(scope: Scope, today: date, now: datetime) -> list[Entry]:
    accounts = list(ProviderAccount.objects.filter(scope.accounts()).select_related("team").defer("notes"))
    ids = [account.pk for account in accounts]
    shown = ids if scope.balances else []
    faces = {row.account_id: row for row in primary_series(account_ids=shown)}
    quotas, streams = fullest_quotas(account_ids=shown), streams_of_accounts(ids)
    first = today.replace(day=1)
    spend = spend_by_account(account_ids=ids, first=first, last=today)
    unpriced = unpriced_by_account(account_ids=ids, first=first, last=today)
    entries = []
    for account in accounts:
        mine = streams[account.pk]
        for stream in mine:
            stream.credential.account = account
        state, reason = account_state(mine, now)
        credentials = list({stream.credential_id: stream.credential for stream in mine}.values())
        entries.append(
            Entry(
                account=account,
                face=faces.get(account.pk),
                quota=quotas.get(account.pk),
                streams=mine,
                spend=spend.get(account.pk, []),
                unpriced=unpriced.get(account.pk, 0),
                kind=kind_of(account, credentials, mine),
                state=state,
                reason=reason,
            )
        )
    return entries


# --- Filters ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One way to narrow the list: the values picked of those there are, and what an account's own value is."""

    name: str
    labels: Mapping[str, str]
    picked: Sequence[str]
    value: Callable[[Entry], str]

    def passes(self, entry: Entry) -> bool:
        return not self.picked or self.value(entry) in self.picked

    def chips(
        self, query: QueryDict, entries: Sequence[Entry], wanted: Mapping[str, Callable[[Entry], bool]]
    ) -> list[Chip]:
        """Each value with the number of accounts that it would show beside the other filters."""
        others = [passes for name, passes in wanted.items() if name != self.name]
        values = [self.value(entry) for entry in entries if all(passes(entry) for passes in others)]
        return chips(query, self.name, [(one, label, values.count(one)) for one, label in self.labels.items()])


def _filters(entries: Sequence[Entry], query: QueryDict) -> dict[str, Filter]:
    """By kind, state and team, as far as accounts differ in it; and by the provider that the address names."""
    kinds, states = {entry.kind for entry in entries}, {entry.state for entry in entries}
    teams = {entry.team: entry.account.team.name for entry in entries if entry.account.team}
    names = sorted(teams.items(), key=lambda one: one[1].casefold())
    providers = {entry.account.provider_slug: entry.account.provider_name for entry in entries}
    asked = chosen(query, "provider", providers)
    labels: dict[str, tuple[dict[str, str], Callable[[Entry], str]]] = {
        "kind": ({one: _(words) for one, words in KINDS.items() if one in kinds}, lambda entry: entry.kind),
        "state": ({one: state_word(one) for one in STATES if one in states}, lambda entry: entry.state),
        "team": (dict([*names, (NO_TEAM, _("No team"))]) if names else {}, lambda entry: entry.team),
        "provider": ({slug: providers[slug] for slug in asked}, lambda entry: entry.account.provider_slug),
    }
    return {
        name: Filter(name=name, labels=words, picked=chosen(query, name, words), value=value)
        for name, (words, value) in labels.items()
    }


# --- Rows -------------------------------------------------------------------------------------------------------


def _unit_ranks(entries: Sequence[Entry]) -> dict[str, int]:
    """Amounts are ordered inside their unit, never across units; the unit of most accounts has the highest rank."""
    units = Counter(entry.face.unit for entry in entries if entry.face)
    units.update(part["unit"] for entry in entries for part in entry.spend)
    ordered = sorted(units, key=lambda unit: (units[unit], unit))
    return {unit: rank for rank, unit in enumerate(ordered, 1)}


def _sorted_by(entry: Entry, ranks: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """The values that columns sort by."""
    face, account = entry.face, entry.account
    most = max(entry.spend, key=lambda part: ranks[part["unit"]], default=None)
    return {
        "entry": entry,
        "pk": account.pk,
        "name": f"{account.provider_name} {account.label}".casefold(),
        "kind": entry.kind,
        "team": account.team.name.casefold() if account.team else None,
        "unit": ranks[face.unit] if face else None,
        "amount": face.amount if face else None,
        "dry_at": _dry_at(face, now) if face else None,
        "share": entry.quota.percent_used if entry.quota else None,
        "spend_unit": ranks[most["unit"]] if most else None,
        "spend": most["amount"] if most else None,
        "rank": STATES.index(entry.state),
        "synced_at": entry.synced_at,
    }


def _dry_at(face: BalanceSeries, now: datetime) -> datetime | None:
    """The earliest likely end of the money. It moves with the readings alone, so that pages keep their order while the
    clock goes on."""
    if face.kind == "owed" or face.runway_reason not in ("", "empty") or not (fresh(face, now) or face.runway_reason):
        return None
    if face.runway_reason == "empty":
        return face.at
    return face.at + (LASTING if face.runway_low_days is None else timedelta(days=face.runway_low_days))


def _row(entry: Entry, now: datetime) -> dict[str, Any]:
    account, face = entry.account, entry.face
    runway = runway_row(face, now) if face else None
    quota = quota_window(entry.quota, now) if entry.quota else None
    return {
        "account": account_row(account),
        "kind": _(KIND_OF_ONE[entry.kind]),
        "team": account.team.name if account.team else "",
        "amount": face.amount if face else None,
        "unit": face.unit if face else "",
        "at": face.at if face else None,
        "runway": runway,
        "sparkline": sparkline(face, now) if face else None,
        "not_offered_reason": absent_words(account.provider, "balance"),
        "quota": quota,
        "tells_quota": _tells_quota(runway, quota),
        "spend": entry.spend,
        "unpriced": entry.unpriced,
        "state": entry.state,
        "state_reason": entry.reason,
        "last_success": entry.synced_at,
    }


_SEVERITIES = ("", "warn", "crit")


def _tells_quota(runway: RunwayRow | None, quota: Mapping[str, Any] | None) -> bool:
    """Whether a line that has room for one of them says how full the quota is: the runway stands back where it is not
    known, or where the quota is worse off."""
    if quota is None:
        return False
    if runway is None or runway.low_days is None:
        return True
    meter = quota["meter"]
    return meter is not None and _SEVERITIES.index(meter.severity) > _SEVERITIES.index(runway_severity(runway))
