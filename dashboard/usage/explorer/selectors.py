"""Reads of the rollups by team, for any days and any grouping. Each asks at once, and gives a function that waits for
what was asked for: see dashboard.core.statements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from dashboard.balances.rates.conversion import Unit
from dashboard.core.period import months_before, months_of
from dashboard.core.statements import Rows, asked
from dashboard.organizations.scope import Scope

PROVIDER, ACCOUNT, TEAM, MODEL = "provider", "account", "team", "model"
# Whose a row is: the team that rules name, else its account's, but for what a rule gives to nobody. Accounts are few
# and known, see Known.team_of; to join each row with its own took a third longer.
_WHOSE = "coalesce(told.team_id, CASE WHEN told.nobody THEN 0 ELSE -told.account_id END)"
# What a group is called in the rollups, and its type; but for the provider, whom a row's kind tells.
_GROUPS = {ACCOUNT: ("told.account_id", "bigint"), TEAM: (_WHOSE, "bigint"), MODEL: ("told.model", "text")}
DAYS_BY_DAY = 92  # longer periods are told by month
DAY = timedelta(days=1)


class Kind(NamedTuple):
    """What sums are told apart by beside who and when: whose they are, in which unit, on which basis; `span` "month"
    came undivided into days."""

    slug: str
    unit: Unit
    basis: str
    span: str


class Account(NamedTuple):
    """Whose sums they may be; `since` is the first day that its spend is known of."""

    slug: str
    label: str
    team_id: int | None
    since: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there are sums of: of which kinds and accounts, by id, and until which day. What comes later is not read
    yet."""

    kinds: Mapping[int, Kind] = field(default_factory=dict)
    accounts: Mapping[int, Account] = field(default_factory=dict)
    until: date | None = None

    def team_of(self, whose: int) -> int | None:
        """The team that the rollups mean: by its id, 0 for nobody, or as that of an account, by minus its id."""
        if whose > 0:
            return whose
        account = self.accounts.get(-whose)
        return account.team_id if account is not None else None

    def whose(self, team: int | None) -> list[int]:
        """By what the rollups may mean this team."""
        return [team or 0, *(-pk for pk, account in self.accounts.items() if account.team_id == team)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: values of a filter are alternatives, none is any. A team of None is what nobody has."""

    scope: Scope
    providers: Sequence[str] = ()
    accounts: Sequence[int] = ()
    teams: Sequence[int | None] = ()
    models: Sequence[str] = ()


class Part(NamedTuple):
    """Sums of one group in one month (`at` is its first day), of one kind. None is unknown; of basis "covered" the
    money stands elsewhere, of "unpriced" it is not known."""

    group: Any
    at: date
    kind: Kind
    spend: Decimal | None
    tokens: int | None
    requests: int | None
    provisional: bool


class Bar(NamedTuple):
    """What a layer of the chart spent on one day, in one unit."""

    layer: int
    at: date
    unit: Unit
    spend: Decimal
    provisional: bool


class Earlier(NamedTuple):
    """What a group spent in one unit and month, with which another period is compared."""

    group: Any
    at: date
    unit: Unit
    spend: Decimal


def by_month(first: date, last: date) -> bool:
    """Whether these days are told by month."""
    return (last - first).days >= DAYS_BY_DAY


_KINDS = (
    "SELECT id, provider_slug, unit, basis, span, (SELECT max(day) FROM usage_dailysum"
    " WHERE organization_id = %(organization)s AND by = 'account')"
    " FROM usage_sumkind WHERE organization_id = %(organization)s"
)
_ACCOUNTS = (
    "SELECT id, provider_slug, label, team_id, (SELECT min(day) FROM usage_dailysum"
    " WHERE account_id = account.id AND by = 'account' AND spend IS NOT NULL)"
    " FROM credentials_provideraccount AS account WHERE organization_id = %(organization)s"
)


def sums_known(*, scope: Scope) -> Callable[[], Known]:
    """What this organization's rollups tell at all."""
    found, accounts = (asked(one, {"organization": scope.organization_id}) for one in (_KINDS, _ACCOUNTS))

    def known() -> Known:
        rows = found()
        return Known(
            kinds={pk: Kind(slug, Unit.of(code, slug), basis, span) for pk, slug, code, basis, span, _until in rows},
            accounts={pk: Account._make(told) for pk, *told in accounts()},
            until=rows[0][-1] if rows else None,
        )

    return known


def spend_parts(*, wanted: Wanted, known: Known, group: str, first: date, last: date) -> Callable[[], list[Part]]:
    """Everything of the days [first, last], by month: one statement, of rollups alone."""
    sums = ("sum(spend)", "sum(tokens)::bigint", "sum(requests)::bigint", "bool_or(provisional)")
    found = _sums_of(_readings(wanted, known, group, first, last), known, group, sums)
    return lambda: [Part._make(row) for row in found()]


def spend_bars(
    *, wanted: Wanted, known: Known, group: str, layers: Sequence[Any], units: Sequence[Unit], first: date, last: date
) -> Callable[[], list[Bar]]:
    """What is told by day of [first, last] in these units: of each of these groups under its place in `layers`,
    and of all others together under the next. One statement."""
    rows = _rows(wanted, known, group, "daily").of_days((first, last))
    rows.where("spend IS NOT NULL")
    told = {pk: kind for pk, kind in known.kinds.items() if kind.span == "day" and kind.unit in units}
    # PostgreSQL groups by a number much faster than by what a kind says.
    rows.join(
        "unnest(%(kinds)s::bigint[], %(units)s::int[], %(of_kind)s::int[]) AS money (kind_id, unit, layer)"
        " ON money.kind_id = told.kind_id",
        kinds=list(told),
        units=[units.index(kind.unit) for kind in told.values()],
        of_kind=[layers.index(kind.slug) if kind.slug in layers else len(layers) for kind in told.values()],
    )
    layer = "money.layer"
    if group in _GROUPS:
        who, type_of = _GROUPS[group]
        mine = [
            (whose, place)
            for place, value in enumerate(layers)
            for whose in (known.whose(value) if group == TEAM else [value])
        ]
        rows.join(
            f"unnest(%(mine)s::{type_of}[], %(places)s::int[]) AS mine (whose, layer) ON mine.whose = {who}",
            outer=True,
            mine=[whose for whose, _place in mine],
            places=[place for _whose, place in mine],
        )
        layer = f"coalesce(mine.layer, {len(layers)})"
    found = _asked(rows.summed((layer, "day", "money.unit"), ("sum(spend)", "bool_or(provisional)")))
    return lambda: [Bar(layer, at, units[unit], spend, is_open) for layer, at, unit, spend, is_open in found()]


def spend_totals(*, wanted: Wanted, known: Known, group: str, first: date, last: date) -> Callable[[], list[Earlier]]:
    """The spend of these days by group, unit and month: one statement."""
    readings = [rows.where("spend IS NOT NULL") for rows in _readings(wanted, known, group, first, last)]
    found = _sums_of(readings, known, group, ("sum(spend)",))
    return lambda: [Earlier(who, at, kind.unit, spend) for who, at, kind, spend in found()]


def models_used(*, scope: Scope, first: date, last: date) -> Callable[[], list[str]]:
    """The models of the months that these days touch, by name."""
    rows = _rows(Wanted(scope=scope), Known(), MODEL, "monthly").of_days((first.replace(day=1), last))
    found = _asked(rows.summed(("told.model",), ()))
    return lambda: sorted(model for (model,) in found())


# --- The statements ---------------------------------------------------------------------------------------------
# Written out: a query set that says the same takes longer to become SQL than PostgreSQL takes to answer it.


Statement = tuple[str, dict[str, Any]]


def _asked(*statements: Statement) -> Callable[[], Rows]:
    """All of them as one."""
    values = {name: value for _words, own in statements for name, value in own.items()}
    return asked(" UNION ALL ".join(words for words, _own in statements), values)


class _Rows:
    """Rows of a rollup that are to be added up; `month` is the SQL of the month that one is in."""

    def __init__(self, told: str, organization_id: int) -> None:
        self._from = told
        self._conditions = ["told.organization_id = %(organization)s"]
        self._values: dict[str, Any] = {"organization": organization_id}
        self.month = "day"

    def join(self, table: str, *, outer: bool = False, **values: Any) -> None:
        self._from += f" {'LEFT ' if outer else ''}JOIN {table}"
        self._values |= values

    def where(self, condition: str, **values: Any) -> "_Rows":
        self._conditions.append(condition)
        self._values |= values
        return self

    def of_days(self, *spans: tuple[date, date]) -> "_Rows":
        """Of the days [first, last] of each of these."""
        told = [f"day BETWEEN %(day_{2 * at})s AND %(day_{2 * at + 1})s" for at in range(len(spans))]
        return self.where(f"({' OR '.join(told)})", **{f"day_{at}": day for at, day in enumerate(sum(spans, ()))})

    def of_months(self, begin: date, end: date) -> "_Rows":
        """Of the months [begin, end)."""
        return self.where("day >= %(begin)s AND day < %(end)s", begin=begin, end=end)

    def by_month(self, months: Sequence[date]) -> None:
        """Days of these months. They are few, and date_trunc would make a moment of every row first."""
        self._values |= {f"month_{place}": month for place, month in enumerate(months)}
        later = reversed(range(1, len(months)))
        cases = "".join(f"WHEN day >= %(month_{place})s THEN %(month_{place})s::date " for place in later)
        self.month = f"CASE {cases}ELSE %(month_0)s::date END" if cases else "%(month_0)s::date"

    def summed(self, columns: Sequence[str], sums: Sequence[str]) -> Statement:
        """The `sums` by `columns`."""
        places = ", ".join(str(place) for place in range(1, len(columns) + 1))
        return (
            f"SELECT {', '.join([*columns, *sums])} FROM {self._from}"
            f" WHERE {' AND '.join(self._conditions)} GROUP BY {places}"
        ), self._values


def _sums_of(
    readings: Iterable[_Rows], known: Known, group: str, sums: Sequence[str]
) -> Callable[[], Iterator[tuple[Any, ...]]]:
    """(group, first day of the month, kind, then the sums) of everything that these read, in one statement."""
    who = _GROUPS[group][0] if group in _GROUPS else "NULL::text"
    found, kinds = _asked(*(rows.summed((who, rows.month, "kind_id"), sums) for rows in readings)), known.kinds
    team_of = cache(known.team_of)

    def told() -> Iterator[tuple[Any, ...]]:
        for value, at, pk, *figures in found():
            if (kind := kinds.get(pk)) is not None:
                named = kind.slug if group == PROVIDER else team_of(value) if group == TEAM else value
                yield (named, at, kind, *figures)

    return told


def _readings(wanted: Wanted, known: Known, group: str, first: date, last: date) -> Iterator[_Rows]:
    """The rows to be added up, each day once: whole months from the monthly rollup, the days beside them by day."""
    begin, end = whole_months_of(first, last)
    if known.until is not None and known.until <= last:
        end = months_before(last.replace(day=1), -1)  # nothing is known of the rest of that month
    if begin >= end:
        spans = [(first, last)]
    else:
        yield _rows(wanted, known, group, "monthly").of_months(begin, end)
        spans = [(day, until) for day, until in ((first, begin - DAY), (end, last)) if day <= until]
    if spans:
        rows = _rows(wanted, known, group, "daily").of_days(*spans)
        rows.by_month([month for day, until in spans for month in months_of(day, until)])
        yield rows


def whole_months_of(first: date, last: date) -> tuple[date, date]:
    """[begin, end) of the calendar months that lie within [first, last] whole; empty when begin >= end."""
    begin = first if first.day == 1 else months_before(first.replace(day=1), -1)
    after = last + DAY
    return begin, after.replace(day=1)


_SUMS = {"daily": "usage_dailysum", "monthly": "usage_monthlysum"}
# What tells team and model at once is asked for the least, and learns its kind when it is.
_FULL = {
    told: f"(SELECT one.*, kind.id AS kind_id FROM {table} AS one JOIN usage_sumkind AS kind"
    " USING (organization_id, provider_slug, unit, basis, span))"
    for told, table in (("daily", "usage_teamdaily"), ("monthly", "usage_teammonthly"))
}


def _rows(wanted: Wanted, known: Known, group: str, told: str) -> _Rows:
    """Of the "daily" or "monthly" rollup: of sums wherever they still tell all that is asked for."""
    scope = wanted.scope
    by_team = group == TEAM or bool(wanted.teams) or scope.team_ids is not None
    by_model = group == MODEL or bool(wanted.models)
    full = by_team and by_model
    rows = _Rows(f"{(_FULL if full else _SUMS)[told]} AS told", scope.organization_id)
    if not full:
        rows.where("by = %(by)s", by=TEAM if by_team else MODEL if by_model else ACCOUNT)
    if scope.team_ids is not None:
        rows.where(_of_teams("scope"), scope=list(scope.team_ids))
    if wanted.providers:
        kinds = [pk for pk, kind in known.kinds.items() if kind.slug in wanted.providers]
        rows.where("told.kind_id = ANY(%(of_providers)s)", of_providers=kinds)
    if wanted.accounts:
        rows.where("told.account_id = ANY(%(accounts)s)", accounts=list(wanted.accounts))
    if wanted.models:
        rows.where("told.model = ANY(%(models)s)", models=list(wanted.models))
    if wanted.teams:
        named = [team for team in wanted.teams if team is not None]
        nobodys = f" OR {_NOBODYS}" if None in wanted.teams else ""
        rows.where(f"({_of_teams('teams')}{nobodys})", teams=named)
    return rows


# Filters ask PostgreSQL for the team of an account: what somebody may see does not rest on what is known beside it, and
# models are asked for before anything is.
_OWNERS = "SELECT id FROM credentials_provideraccount WHERE organization_id = %(organization)s AND team_id"
_NOBODYS = f"(told.team_id IS NULL AND (told.nobody OR told.account_id IN ({_OWNERS} IS NULL)))"


def _of_teams(teams: str) -> str:
    """What the teams under this name have."""
    owned = f"told.team_id IS NULL AND NOT told.nobody AND told.account_id IN ({_OWNERS} = ANY(%({teams})s))"
    return f"(told.team_id = ANY(%({teams})s) OR {owned})"
