"""The list of provider keys: over all accounts, filtered, sorted and paged as the address says, with what a person
should look at standing out."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from dashboard.core.addresses import Chip, address, chips, chosen, kept
from dashboard.core.cursors import Kind, Order
from dashboard.core.drawing import Meter
from dashboard.core.tables import Column, Table
from dashboard.core.templatetags.purser import age_words, full_day, state_word
from dashboard.credentials.selectors import account_row
from dashboard.keys.intents.selectors import keys_without_secret
from dashboard.keys.models import ProviderKey
from dashboard.keys.selectors import provider_keys_in, replaced_keys
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.keys.spend import SpendTold, spend_told
from dashboard.usage.by_key.selectors import KeySpend

MOST_CHARACTERS = 100
NO_TEAM = "none"
EXPIRING, IDLE, OLD = timedelta(days=30), timedelta(days=60), timedelta(days=365)
AGE_SCALE = 1.5 * OLD  # what the bar of an age has room for
# What a person should look at, the most urgent first.
MINDS = {
    "lost": gettext_noop("Secret lost"),
    "replaced": gettext_noop("Replaced, delete it"),
    "expiring": gettext_noop("Expire in 30 days"),
    "unowned": gettext_noop("No owner"),
    "idle": gettext_noop("Idle 60 days"),
    "old": gettext_noop("Older than a year"),
}
# "gone" is shown only when it is asked for: the provider lists those keys no more.
STATES = {
    "active": gettext_noop("In use"),
    "disabled": gettext_noop("Disabled"),
    "expired": gettext_noop("Expired"),
    "archived": gettext_noop("Archived"),
    "untold": gettext_noop("State not told"),
    "gone": gettext_noop("No longer listed"),
}

_NAME = Order(name="name")


def _by(name: str, kind: Kind = "text") -> tuple[Order, ...]:
    return (Order(name=name, kind=kind, optional=True), _NAME)


TABLE = Table(
    name="keys",
    columns=(
        Column(name="key", label=gettext_lazy("Key"), order=(_NAME,), always=True),
        Column(name="account", label=gettext_lazy("Account"), order=_by("account")),
        Column(name="project", label=gettext_lazy("Project"), order=_by("project"), shown=False),
        Column(name="team", label=gettext_lazy("Team"), order=_by("team")),
        Column(name="purpose", label=gettext_lazy("Purpose"), order=_by("purpose"), shown=False),
        # By the moment that it was made, which stays: the oldest key has the earliest.
        Column(name="age", label=gettext_lazy("Age"), order=_by("made", "moment"), numeric=True),
        Column(name="created", label=gettext_lazy("Made"), order=_by("made", "moment"), shown=False),
        Column(name="used", label=gettext_lazy("Last used"), order=_by("used", "moment"), falling=True),
        Column(name="expires", label=gettext_lazy("Expires"), order=_by("expires", "moment")),
        Column(
            name="spend",
            label=gettext_lazy("Spend, 30 days"),
            order=(
                Order(name="spend_unit", kind="whole", optional=True),
                Order(name="spend", kind="number", optional=True),
                _NAME,
            ),
            numeric=True,
            falling=True,
        ),
        Column(
            name="before",
            label=gettext_lazy("30 days before"),
            order=(
                Order(name="spend_unit", kind="whole", optional=True),
                Order(name="spend_before", kind="number", optional=True),
                _NAME,
            ),
            numeric=True,
            falling=True,
            shown=False,
        ),
        Column(name="state", label=gettext_lazy("State"), order=(Order(name="rank", kind="whole"), _NAME)),
    ),
    sort="state",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key with what it is minded for, worst first."""

    key: ProviderKey
    state: str
    minds: tuple[str, ...]
    replaced: bool = False
    spend: KeySpend | None = None

    @property
    def team(self) -> str:
        return str(self.key.team_id or NO_TEAM)

    @property
    def rank(self) -> int:
        """Where it stands by urgency."""
        minded = min((list(MINDS).index(one) for one in self.minds), default=len(MINDS))
        return minded if self.state in ("active", "untold") else len(MINDS) + 1 + list(STATES).index(self.state)

    def holds(self, words: str) -> bool:
        """Whether these words stand in anything that names the key."""
        key = self.key
        team = key.team.name if key.team else ""
        names = (key.name, key.hint, key.project, key.purpose, team, key.account.provider_name, key.account.label)
        return all(word in " ".join(names).casefold() for word in words.casefold().split())


def key_state(key: ProviderKey, now: datetime) -> str:
    """One of STATES. An end that has passed since the last listing counts."""
    if key.gone_at is not None:
        return "gone"
    if key.state != "disabled" and key.expires_at is not None and key.expires_at <= now:
        return "expired"
    return key.state or "untold"


def key_minds(
    key: ProviderKey,
    *,
    tells_use: bool,
    now: datetime,
    replaced: bool = False,
    lost: bool = False,
    today: date | None = None,
) -> tuple[str, ...]:
    """Which of MINDS hold. Only a key that may be in use is minded. `tells_use` says that the account tells last uses
    at all: then a key of 60 days without one is idle; elsewhere it is unknown, which is not idle. One whose secret was
    `lost` nobody can use. One that was `replaced` is minded for nothing else, and for that from the day on which it is
    to go."""
    if key_state(key, now) not in ("active", "untold"):
        return ()
    if replaced:
        return ("replaced",) if key.retire_on is None or today is None or key.retire_on <= today else ()
    since = key.last_used_at or (key.created_at if tells_use else None)
    holds = {
        "lost": lost,
        "expiring": key.expires_at is not None and key.expires_at <= now + EXPIRING,
        "unowned": key.team_id is None,
        "idle": since is not None and since <= now - IDLE,
        "old": key.created_at is not None and key.created_at <= now - OLD,
    }
    return tuple(name for name in MINDS if holds.get(name))


def key_list_context(*, organization: Organization, scope: Scope, query: QueryDict, now: datetime) -> dict[str, Any]:
    """The list with its filters, in four statements."""
    everything, told = _entries(scope, organization.local(now).date(), now)
    words = query.get("q", "").replace("\0", "").strip()[:MOST_CHARACTERS]
    filters = _filters(everything, query)
    wanted: dict[str, Callable[[Entry], bool]] = {name: one.passes for name, one in filters.items()}
    if words:
        wanted["q"] = lambda entry: entry.holds(words)
    found = [entry for entry in everything if all(passes(entry) for passes in wanted.values())]
    view = TABLE.read(query)
    ranks = _unit_ranks(everything)
    page = view.page_of_list([_sorted_by(entry, ranks) for entry in found])
    listed = [entry for entry in everything if entry.state != "gone"]
    shown = [key_row(row["entry"], now) | {"spend": told.row(row["entry"].key)} for row in page.rows]
    return {
        "view": view,
        "page": page,
        "keys": shown,
        "shared": any(part["shared"] for row in shown for part in row["spend"]["parts"]),
        "filters": {name: one.chips(query, everything, wanted) for name, one in filters.items()},
        "words": words,
        "filtered": bool(words) or any(one.picked for one in filters.values()),
        "clear_url": address(query, q=None, **dict.fromkeys(filters)),
        "search_kept": kept(query, "q"),
        "found": len(found),
        "total": len(listed),
        "typed": sum(entry.key.typed_at is not None for entry in listed),
        "known": len(everything),
        "accounts": len({entry.key.account_id for entry in listed}),
    }


def key_entry(*, key: ProviderKey, today: date, now: datetime) -> Entry:
    """One key as the list would show it."""
    tells_use = ProviderKey.objects.filter(account_id=key.account_id, last_used_at__isnull=False).exists()
    replaced = key.successors.filter(gone_at=None).exists()
    lost = key.pk in keys_without_secret(scope=Scope(key.account.organization_id))
    minds = key_minds(key, tells_use=tells_use, now=now, replaced=replaced, lost=lost, today=today)
    return Entry(key=key, state=key_state(key, now), minds=minds, replaced=replaced)


def _entries(scope: Scope, today: date, now: datetime) -> tuple[list[Entry], SpendTold]:
    keys = list(provider_keys_in(scope))
    told = spend_told(scope=scope, keys=keys, today=today)
    tellers = {key.account_id for key in keys if key.last_used_at is not None}
    replaced, lost = replaced_keys(scope=scope), keys_without_secret(scope=scope)
    entries = [
        Entry(
            key=key,
            state=key_state(key, now),
            minds=key_minds(
                key,
                tells_use=key.account_id in tellers,
                now=now,
                replaced=key.pk in replaced,
                lost=key.pk in lost,
                today=today,
            ),
            replaced=key.pk in replaced,
            spend=told.of(key),
        )
        for key in keys
    ]
    return entries, told


# --- Filters ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One way to narrow the list: the values picked of those there are, and which of them a key has. `unless` are left
    out as long as nobody picks them."""

    labels: Mapping[str, str]
    name: str
    picked: Sequence[str]
    values: Callable[[Entry], tuple[str, ...]]
    unless: tuple[str, ...] = field(default=())

    def passes(self, entry: Entry) -> bool:
        own = set(self.values(entry))
        return bool(own & set(self.picked)) if self.picked else not own & set(self.unless)

    def chips(
        self, query: QueryDict, entries: Sequence[Entry], wanted: Mapping[str, Callable[[Entry], bool]]
    ) -> list[Chip]:
        """Each value with the number of keys that it would show beside the other filters."""
        others = [passes for name, passes in wanted.items() if name != self.name]
        beside = [entry for entry in entries if all(passes(entry) for passes in others)]
        values = [one for entry in beside for one in self.values(entry)]
        return chips(query, self.name, [(one, label, values.count(one)) for one, label in self.labels.items()])


def _filters(entries: Sequence[Entry], query: QueryDict) -> dict[str, Filter]:
    minds, states = {one for entry in entries for one in entry.minds}, {entry.state for entry in entries}
    teams = {entry.team: entry.key.team.name for entry in entries if entry.key.team}
    names = sorted(teams.items(), key=lambda one: one[1].casefold())
    accounts = {str(entry.key.account_id): entry.key.account.full_name for entry in entries}
    labels: dict[str, tuple[dict[str, str], Callable[[Entry], tuple[str, ...]], tuple[str, ...]]] = {
        "mind": ({one: _(said) for one, said in MINDS.items() if one in minds}, lambda entry: entry.minds, ()),
        "state": (
            {one: _(said) for one, said in STATES.items() if one in states},
            lambda entry: (entry.state,),
            ("gone",),
        ),
        "team": (dict([*names, (NO_TEAM, _("No team"))]) if names else {}, lambda entry: (entry.team,), ()),
        "account": (
            dict(sorted(accounts.items(), key=lambda one: one[1].casefold())),
            lambda entry: (str(entry.key.account_id),),
            (),
        ),
    }
    return {
        name: Filter(name=name, labels=words, picked=chosen(query, name, words), values=values, unless=unless)
        for name, (words, values, unless) in labels.items()
    }


# --- Rows -------------------------------------------------------------------------------------------------------


def _unit_ranks(entries: Sequence[Entry]) -> dict[str, int]:
    """Amounts are ordered inside their unit, never across units; the unit of most keys has the highest rank."""
    units = Counter(part.unit for entry in entries if entry.spend for part in entry.spend.parts)
    ordered = sorted(units, key=lambda unit: (units[unit], unit))
    return {unit: rank for rank, unit in enumerate(ordered, 1)}


def _sorted_by(entry: Entry, ranks: Mapping[str, int]) -> dict[str, Any]:
    """The values that columns sort by."""
    key = entry.key
    parts = entry.spend.parts if entry.spend else []
    most = max(parts, key=lambda part: ranks[part.unit], default=None)
    return {
        "entry": entry,
        "pk": key.pk,
        "name": str(key).casefold(),
        "account": f"{key.account.provider_name} {key.account.label}".casefold(),
        "project": key.project.casefold() or None,
        "team": key.team.name.casefold() if key.team else None,
        "purpose": key.purpose.casefold() or None,
        "made": key.created_at,
        "used": key.last_used_at,
        "expires": key.expires_at,
        "spend_unit": ranks[most.unit] if most else None,
        "spend": most.amount if most else None,
        "spend_before": most.before if most else None,
        "rank": entry.rank,
    }


def key_row(entry: Entry, now: datetime) -> dict[str, Any]:
    """A key as the pages print it: `look` and `word` are of its state, or of what it is most urgently minded for."""
    key = entry.key
    look, word = _look(entry, now)
    age = None if key.created_at is None else max(0, (now - key.created_at).days)
    return {
        "key": key,
        "name": str(key),
        "account": account_row(key.account),
        "team": key.team.name if key.team else "",
        "age_days": age,
        "age_bar": None if age is None else age_bar(age, old="old" in entry.minds),
        "old": "old" in entry.minds,
        "state": entry.state,
        "minds": entry.minds,
        "look": look,
        "word": word,
    }


def who_is_hit(row: Mapping[str, Any], spend: Mapping[str, Any], now: datetime) -> list[dict[str, str]]:
    """Of a key that is to be taken away: whose it is, and whether somebody works with it. For components/_confirm."""
    return [
        {"label": _("Owner team"), "words": row["team"] or _("no owner")},
        {"label": _("Last used"), "words": age_words(row["key"].last_used_at, now, none=_("not told"))},
        {"label": _("Spend, 30 days"), "words": spend["words"]},
    ]


def age_bar(days: int, *, old: bool) -> Meter:
    """A key's age on a scale of a year and a half, with a tick at the year. It warns only where the row says so too: of
    a key that is replaced or out of use nobody is asked to renew it."""
    share, tick = (round(100 * span / AGE_SCALE, 1) for span in (timedelta(days=days), OLD))
    return Meter(min(share, 100.0), tick, 100.0, over=False, severity="warn" if old else "")


def _expires(span: timedelta) -> str:
    """By the calendar, as the day beside it is read: from the 22nd to the 30th are eight days at any hour."""
    if span.days <= 0:
        return _("Expires today")
    return _("Expires tomorrow") if span.days == 1 else _("Expires in %(days)d d") % {"days": span.days}


def _look(entry: Entry, now: datetime) -> tuple[str, str]:
    key = entry.key
    if entry.state in ("expired", "disabled"):
        return entry.state, state_word(entry.state)
    if entry.state in ("archived", "gone"):
        return "retired", _(STATES[entry.state])
    if "lost" in entry.minds:
        return "warn", _("Secret lost")
    if entry.replaced:
        if "replaced" in entry.minds or key.retire_on is None:
            return "warn", _("Replaced, delete it")
        return "waiting", _("Delete from %(day)s") % {"day": full_day(key.retire_on)}
    if "expiring" in entry.minds and key.expires_at is not None:
        return "warn", _expires(timezone.localdate(key.expires_at) - timezone.localdate(now))
    if "unowned" in entry.minds:
        return "warn", _("No owner")
    if "idle" in entry.minds:
        if key.last_used_at is None:
            return "stale", _("Never used")
        return "stale", _("Idle %(days)d d") % {"days": (now - key.last_used_at).days}
    if "old" in entry.minds:
        return "stale", _("Older than a year")
    if key.typed_at is not None:
        return "typed", _("Added by hand")
    return ("ok", _("Fine")) if entry.state == "active" else ("waiting", _("State not told"))
