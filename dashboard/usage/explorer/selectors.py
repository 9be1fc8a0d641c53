"""Reads of the rollups by team, for any days and any grouping. Each asks at once, and gives a function that waits for
what was asked for: see dashboard.core.statements."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from dashboard.balances.rates.conversion import Unit
from dashboard.core.period import months_before, months_of
from dashboard.core.statements import Rows, asked
from dashboard.organizations.scope import Scope

PROVIDER, ACCOUNT, TEAM, MODEL = "provider", "account", "team", "model"
# The team of a row is the one that rules name, else its account's, but for what a rule gives to nobody.
_WHOSE = "coalesce(told.team_id, CASE WHEN NOT told.nobody THEN account.team_id END)"
# What a group is called in the rollups, but for the provider, whom a row's kind tells; and the types of all.
_GROUPS = {ACCOUNT: "told.account_id", TEAM: _WHOSE, MODEL: "told.model"}
_TYPES = {PROVIDER: "text", ACCOUNT: "bigint", TEAM: "bigint", MODEL: "text"}
DAYS_BY_DAY = 92  # longer periods are told by month
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: values of a filter are alternatives, none is any. A team of None is what nobody has."""

    scope: Scope
    providers: Sequence[str] = ()
    accounts: Sequence[int] = ()
    teams: Sequence[int | None] = ()
    models: Sequence[str] = ()


class Part(NamedTuple):
    """Sums of one group in one month (`at` is its first day), of one provider in one unit and on one basis. None is
    unknown; of basis "covered" the money stands elsewhere, of "unpriced" it is not known. `span` "month" came undivided
    into days."""

    group: Any
    at: date
    unit: str
    slug: str
    basis: str
    span: str
    spend: Decimal | None
    tokens: int | None
    requests: int | None
    provisional: bool


class Bar(NamedTuple):
    """What a layer of the chart spent on one day, at one provider and in one unit."""

    layer: int
    at: date
    unit: str
    slug: str
    spend: Decimal
    provisional: bool


class Earlier(NamedTuple):
    """What a group spent in one unit and month at one provider, with which another period is compared."""

    group: Any
    unit: str
    slug: str
    at: date
    spend: Decimal


def by_month(first: date, last: date) -> bool:
    """Whether these days are told by month."""
    return (last - first).days >= DAYS_BY_DAY


def spend_parts(*, wanted: Wanted, group: str, first: date, last: date) -> Callable[[], list[Part]]:
    """Everything of the days [first, last], by month: at most two statements, of rollups alone."""
    sums = {
        "spend": "sum(spend)",
        "tokens": "sum(tokens)::bigint",
        "requests": "sum(requests)::bigint",
        "provisional": "bool_or(provisional)",
    }
    shown = (_shown(group), "at", "unit", "provider_slug", "basis", "span", *sums)
    readings = _readings(wanted, group, first, last)
    found = [rows.summed(shown, {**_who(group), "at": rows.month}, sums) for rows in readings]
    return lambda: [Part._make(row) for rows in found for row in rows()]


def spend_bars(
    *, wanted: Wanted, group: str, layers: Sequence[Any], units: Collection[Unit], first: date, last: date
) -> Callable[[], list[Bar]]:
    """What is told by day of [first, last] in these units: of each of these groups under its place in `layers`,
    and of all others together under the next. One statement."""
    rows = _rows(wanted, group, "daily").of_days(first, last)
    rows.where("spend IS NOT NULL", layers=list(layers), rest=len(layers))
    own = [unit for unit in units if unit.slug]
    rows.of_kind(
        "span = 'day' AND (unit = ANY(%(shared)s)"
        " OR (unit, provider_slug) IN (SELECT * FROM unnest(%(own)s::text[], %(slugs)s::text[])))",
        shared=[unit.code for unit in units if not unit.slug],
        own=[unit.code for unit in own],
        slugs=[unit.slug for unit in own],
    )
    layer = f"coalesce(array_position(%(layers)s::{_TYPES[group]}[], {{}}) - 1, %(rest)s)"
    columns = {name: layer.format(value) for name, value in _who(group).items()}
    layered = _shown(group) if columns else layer.format(_shown(group))
    slug = "CASE WHEN unit = ANY(%(own)s) THEN provider_slug ELSE '' END"
    sums = {"spend": "sum(spend)", "provisional": "bool_or(provisional)"}
    shown = (layered, "day", "unit", slug, *sums.values())
    found = rows.summed(shown, {**columns, "day": "day"}, sums, again="1, 2, 3, 4")
    return lambda: list(map(Bar._make, found()))


def spend_totals(*, wanted: Wanted, group: str, first: date, last: date) -> Callable[[], list[Earlier]]:
    """The spend of these days by group, unit and month: at most two statements."""
    shown = (_shown(group), "unit", "provider_slug", "at", "spend")
    found = []
    for rows in _readings(wanted, group, first, last):
        rows.where("spend IS NOT NULL")
        found.append(rows.summed(shown, {**_who(group), "at": rows.month}, {"spend": "sum(spend)"}))
    return lambda: [Earlier._make(row) for rows in found for row in rows()]


def models_used(*, scope: Scope, first: date, last: date) -> Callable[[], list[str]]:
    """The models of the months that these days touch, by name."""
    rows = _rows(Wanted(scope=scope), MODEL, "monthly").of_days(first.replace(day=1), last)
    found = rows.different("told.model")
    return lambda: sorted(model for (model,) in found())


# --- The statements ---------------------------------------------------------------------------------------------
# Written out: a query set that says the same takes longer to become SQL than PostgreSQL takes to answer it.


class _Rows:
    """Rows of a rollup that are to be added up; `month` is the SQL of the month that one is in."""

    def __init__(self, told: str, organization_id: int) -> None:
        self._from = told
        self._conditions = ["told.organization_id = %(organization)s"]
        self._values: dict[str, Any] = {"organization": organization_id}
        self.month = "day"

    def where(self, condition: str, **values: Any) -> None:
        self._conditions.append(condition)
        self._values |= values

    def of_days(self, first: date, last: date) -> "_Rows":
        self.where("day BETWEEN %(first)s AND %(last)s", first=first, last=last)
        return self

    def of_kind(self, condition: str, **values: Any) -> None:
        kinds = f"SELECT id FROM usage_sumkind WHERE organization_id = %(organization)s AND {condition}"
        self.where(f"kind_id IN ({kinds})", **values)

    def by_month(self, months: Sequence[date]) -> None:
        """Days of these months. They are few, and date_trunc would make a moment of every row first."""
        self._values |= {f"month_{place}": month for place, month in enumerate(months)}
        later = reversed(range(1, len(months)))
        cases = "".join(f"WHEN day >= %(month_{place})s THEN %(month_{place})s::date " for place in later)
        self.month = f"CASE {cases}ELSE %(month_0)s::date END" if cases else "%(month_0)s::date"

    def summed(
        self, shown: Sequence[str], columns: Mapping[str, str], sums: Mapping[str, str], again: str = ""
    ) -> Callable[[], Rows]:
        """The `sums` by `columns` and kind; `shown` are what is asked for of these and of the kind, added up `again`
        where several kinds are one."""
        named = ", ".join(f"{value} AS {name}" for name, value in {**columns, **sums}.items())
        places = ", ".join(str(place) for place in range(1, len(columns) + 2))
        return self._asked(
            f"SELECT {', '.join(shown)} FROM (SELECT kind_id, {named} FROM {self._from}"
            f" WHERE {' AND '.join(self._conditions)} GROUP BY {places}) AS summed"
            " JOIN usage_sumkind AS kind ON kind.id = kind_id"
            f"{again and f' GROUP BY {again}'}"
        )

    def different(self, column: str) -> Callable[[], Rows]:
        return self._asked(f"SELECT DISTINCT {column} FROM {self._from} WHERE {' AND '.join(self._conditions)}")

    def _asked(self, statement: str) -> Callable[[], Rows]:
        return asked(statement, self._values)


def _who(group: str) -> dict[str, str]:
    return {"who": _GROUPS[group]} if group in _GROUPS else {}


def _shown(group: str) -> str:
    return "who" if group in _GROUPS else "provider_slug"


def _readings(wanted: Wanted, group: str, first: date, last: date) -> Iterator[_Rows]:
    """The rows to be added up, each day once: whole months from the monthly rollup, the days beside them by day."""
    begin, end = whole_months_of(first, last)
    if begin < end:
        yield _rows(wanted, group, "monthly").of_days(begin, end - DAY)
        if begin <= first and last < end:
            return
    rows = _rows(wanted, group, "daily").of_days(first, last)
    months = months_of(first, last)
    if begin < end:
        rows.where("NOT (day >= %(begin)s AND day < %(end)s)", begin=begin, end=end)
        months = [month for month in months if not begin <= month < end]
    rows.by_month(months)
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


def _rows(wanted: Wanted, group: str, told: str) -> _Rows:
    """Of the "daily" or "monthly" rollup: of sums wherever they still tell all that is asked for."""
    scope = wanted.scope
    by_team = group == TEAM or bool(wanted.teams) or scope.team_ids is not None
    by_model = group == MODEL or bool(wanted.models)
    full = by_team and by_model
    table = f"{(_FULL if full else _SUMS)[told]} AS told"
    if by_team:
        table += " JOIN credentials_provideraccount AS account ON account.id = told.account_id"
    rows = _Rows(table, scope.organization_id)
    if not full:
        rows.where("by = %(by)s", by=TEAM if by_team else MODEL if by_model else ACCOUNT)
    if scope.team_ids is not None:
        rows.where(f"{_WHOSE} = ANY(%(scope)s)", scope=list(scope.team_ids))
    if wanted.providers:
        rows.of_kind("provider_slug = ANY(%(providers)s)", providers=list(wanted.providers))
    if wanted.accounts:
        rows.where("told.account_id = ANY(%(accounts)s)", accounts=list(wanted.accounts))
    if wanted.models:
        rows.where("told.model = ANY(%(models)s)", models=list(wanted.models))
    if wanted.teams:
        named = [team for team in wanted.teams if team is not None]
        nobodys = f" OR {_WHOSE} IS NULL" if None in wanted.teams else ""
        rows.where(f"({_WHOSE} = ANY(%(teams)s){nobodys})", teams=named)
    return rows
