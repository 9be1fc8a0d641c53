"""Reads of the rollups by team, for any days and any grouping."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import connection

from dashboard.balances.rates.conversion import Unit
from dashboard.core.period import months_before, months_of
from dashboard.organizations.scope import Scope

PROVIDER, ACCOUNT, TEAM, MODEL = "provider", "account", "team", "model"
# The team of a row is the one that rules name, else its account's, but for what a rule gives to nobody.
_WHOSE = "coalesce(told.team_id, CASE WHEN NOT told.nobody THEN account.team_id END)"
# What a group is called in the rollups, and of which type its values are.
_COLUMNS = {PROVIDER: "told.provider_slug", ACCOUNT: "told.account_id", TEAM: _WHOSE, MODEL: "told.model"}
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


def spend_parts(*, wanted: Wanted, group: str, first: date, last: date) -> list[Part]:
    """Everything of the days [first, last], by month: at most two statements, of rollups alone."""
    sums = "sum(spend), sum(tokens)::bigint, sum(requests)::bigint, bool_or(provisional)"
    found: list[Part] = []
    for rows in _readings(wanted, group, first, last):
        told = (_COLUMNS[group], rows.month, "unit", "told.provider_slug", "basis", "span")
        found += map(Part._make, rows.grouped(told, sums))
    return found


def spend_bars(
    *, wanted: Wanted, group: str, layers: Sequence[Any], units: Collection[Unit], first: date, last: date
) -> list[Bar]:
    """What is told by day of [first, last] in these units: of each of these groups under its place in `layers`,
    and of all others together under the next. One statement."""
    rows = _rows(wanted, group, "daily").of_days(first, last)
    rows.where("span = 'day' AND spend IS NOT NULL")
    own = [unit for unit in units if unit.slug]
    rows.where(
        "(unit = ANY(%(shared)s)"
        " OR (unit, told.provider_slug) IN (SELECT * FROM unnest(%(own)s::text[], %(slugs)s::text[])))",
        shared=[unit.code for unit in units if not unit.slug],
        own=[unit.code for unit in own],
        slugs=[unit.slug for unit in own],
        layers=list(layers),
    )
    place = f"array_position(%(layers)s::{_TYPES[group]}[], {_COLUMNS[group]})"
    slug = "CASE WHEN unit = ANY(%(own)s) THEN told.provider_slug ELSE '' END"
    sums = rows.grouped((place, "day", "unit", slug), "sum(spend), bool_or(provisional)")
    return [Bar(len(layers) if place is None else place - 1, *row) for place, *row in sums]


def spend_totals(*, wanted: Wanted, group: str, first: date, last: date) -> list[Earlier]:
    """The spend of these days by group, unit and month: at most two statements."""
    found: list[Earlier] = []
    for rows in _readings(wanted, group, first, last):
        rows.where("spend IS NOT NULL")
        found += map(
            Earlier._make, rows.grouped((_COLUMNS[group], "unit", "told.provider_slug", rows.month), "sum(spend)")
        )
    return found


def models_used(*, scope: Scope, first: date, last: date) -> list[str]:
    """The models of the months that these days touch, by name."""
    rows = _rows(Wanted(scope=scope), MODEL, "monthly").of_days(first.replace(day=1), last)
    return sorted(model for (model,) in rows.grouped(("told.model",)))


# --- The statements ---------------------------------------------------------------------------------------------
# Written out: a query set that says the same takes longer to become SQL than PostgreSQL takes to answer it.


class _Rows:
    """Rows of a rollup that are to be added up; `month` is the SQL of the month that one is in."""

    def __init__(self, table: str, joined: str) -> None:
        self._table, self._joined = table, joined
        self._conditions: list[str] = []
        self._values: dict[str, Any] = {}
        self.month = "day"

    def where(self, condition: str, **values: Any) -> None:
        self._conditions.append(condition)
        self._values |= values

    def of_days(self, first: date, last: date) -> "_Rows":
        self.where("day BETWEEN %(first)s AND %(last)s", first=first, last=last)
        return self

    def by_month(self, months: Sequence[date]) -> None:
        """Days of these months. They are few, and date_trunc would make a moment of every row first."""
        self._values |= {f"month_{place}": month for place, month in enumerate(months)}
        begun = (
            f"WHEN day >= %(month_{place})s THEN %(month_{place})s::date" for place in range(len(months) - 1, 0, -1)
        )
        cases = " ".join(begun)
        self.month = f"CASE {cases} ELSE %(month_0)s::date END" if cases else "%(month_0)s::date"

    def grouped(self, columns: Sequence[str], sums: str = "") -> list[tuple[Any, ...]]:
        """One row of each group: its columns, then its sums."""
        places = ", ".join(map(str, range(1, len(columns) + 1)))
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {', '.join((*columns, sums) if sums else columns)} FROM {self._table} AS told {self._joined}"
                f" WHERE {' AND '.join(self._conditions)} GROUP BY {places}",
                self._values,
            )
            return cursor.fetchall()


def _readings(wanted: Wanted, group: str, first: date, last: date) -> Iterator[_Rows]:
    """The rows to be added up, each day once: whole months from the monthly rollup, the days beside them by day."""
    begin, end = whole_months_of(first, last)
    if begin >= end:
        rows = _rows(wanted, group, "daily").of_days(first, last)
        rows.by_month(months_of(first, last))
        yield rows
        return
    yield _rows(wanted, group, "monthly").of_days(begin, end - DAY)
    if first < begin or last >= end:
        rows = _rows(wanted, group, "daily").of_days(first, last)
        rows.where("NOT day BETWEEN %(begin)s AND %(end)s", begin=begin, end=end - DAY)
        rows.by_month([month for month in months_of(first, last) if not begin <= month < end])
        yield rows


def whole_months_of(first: date, last: date) -> tuple[date, date]:
    """[begin, end) of the calendar months that lie within [first, last] whole; empty when begin >= end."""
    begin = first if first.day == 1 else months_before(first.replace(day=1), -1)
    after = last + DAY
    return begin, after.replace(day=1)


_FULL = {"daily": "usage_teamdaily", "monthly": "usage_teammonthly"}
_SUMS = {"daily": "usage_dailysum", "monthly": "usage_monthlysum"}


def _rows(wanted: Wanted, group: str, told: str) -> _Rows:
    """Of the "daily" or "monthly" rollup: of sums wherever they still tell all that is asked for."""
    scope = wanted.scope
    by_team = group == TEAM or bool(wanted.teams) or scope.team_ids is not None
    by_model = group == MODEL or bool(wanted.models)
    joined = "JOIN credentials_provideraccount AS account ON account.id = told.account_id" if by_team else ""
    rows = _Rows((_FULL if by_team and by_model else _SUMS)[told], joined)
    rows.where("told.organization_id = %(organization)s", organization=scope.organization_id)
    if not (by_team and by_model):
        rows.where("by = %(by)s", by=TEAM if by_team else MODEL if by_model else ACCOUNT)
    if scope.team_ids is not None:
        rows.where(f"{_WHOSE} = ANY(%(scope)s)", scope=list(scope.team_ids))
    if wanted.providers:
        rows.where("told.provider_slug = ANY(%(providers)s)", providers=list(wanted.providers))
    if wanted.accounts:
        rows.where("told.account_id = ANY(%(accounts)s)", accounts=list(wanted.accounts))
    if wanted.models:
        rows.where("told.model = ANY(%(models)s)", models=list(wanted.models))
    if wanted.teams:
        named = [team for team in wanted.teams if team is not None]
        nobodys = f" OR {_WHOSE} IS NULL" if None in wanted.teams else ""
        rows.where(f"({_WHOSE} = ANY(%(teams)s){nobodys})", teams=named)
    return rows
