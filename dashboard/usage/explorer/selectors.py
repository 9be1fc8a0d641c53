"""Reads of the rollups by team, for any days and any grouping."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.aggregates import BoolOr
from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BigIntegerField,
    Case,
    DateField,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce

from dashboard.balances.rates.conversion import Unit
from dashboard.core.period import months_before, months_of
from dashboard.organizations.scope import Scope
from dashboard.usage.models import TeamDaily, TeamMonthly

PROVIDER, ACCOUNT, TEAM, MODEL = "provider", "account", "team", "model"
# What a group is called in the rollups; the team of a row is the one that rules name, else its account's, but
# for what a rule gives to nobody.
_COLUMNS = {PROVIDER: "provider_slug", ACCOUNT: "account_id", TEAM: "whose", MODEL: "model"}
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
    found: list[Part] = []
    for rows in _readings(wanted, group, first, last):
        values = rows.values_list(_COLUMNS[group], "at", "unit", "provider_slug", "basis", "span")
        found += map(Part._make, values.annotate(**_SUMS).order_by())
    return found


def spend_bars(
    *, wanted: Wanted, group: str, layers: Sequence[Any], units: Collection[Unit], first: date, last: date
) -> list[Bar]:
    """What is told by day of [first, last] in these units: of each of these groups under its place in `layers`,
    and of all others together under the next. One statement."""
    own = [unit for unit in units if unit.slug]
    told = Q(unit__in=[unit.code for unit in units if not unit.slug])
    for unit in own:
        told |= Q(unit=unit.code, provider_slug=unit.slug)
    slug: Case | Value = Value("", output_field=TextField())
    if own:
        owned = When(unit__in={unit.code for unit in own}, then="provider_slug")
        slug = Case(owned, default=slug, output_field=TextField())
    rows = _rows(TeamDaily, wanted, group).filter(told, day__range=(first, last), span="day", spend__isnull=False)
    values = rows.annotate(place=_Place(_COLUMNS[group], layers), slug=slug).values_list("place", "day", "unit", "slug")
    sums = values.annotate(sum=Sum("spend"), is_open=BoolOr("provisional")).order_by()
    return [Bar(len(layers) if place is None else place - 1, *row) for place, *row in sums]


class _Place(Func):
    """Where a list has a column's value, from 1 on; NULL where it has not. The list may have NULL."""

    function = "array_position"
    output_field = IntegerField()

    def __init__(self, column: str, values: Sequence[Any]) -> None:
        of = BigIntegerField() if column in ("account_id", "whose") else TextField()
        super().__init__(Value(list(values), output_field=ArrayField(of)), F(column))


def spend_totals(*, wanted: Wanted, group: str, first: date, last: date) -> list[Earlier]:
    """The spend of these days by group, unit and month: at most two statements."""
    found: list[Earlier] = []
    for rows in _readings(wanted, group, first, last):
        values = rows.filter(spend__isnull=False).values_list(_COLUMNS[group], "unit", "provider_slug", "at")
        found += map(Earlier._make, values.annotate(sum=Sum("spend")).order_by())
    return found


def models_used(*, scope: Scope, first: date, last: date) -> list[str]:
    """The models of the months that these days touch, by name."""
    rows = _rows(TeamMonthly, Wanted(scope=scope), MODEL).filter(day__range=(first.replace(day=1), last))
    return sorted(rows.values_list("model", flat=True).distinct().order_by())


_SUMS = {
    "spent": Sum("spend"),
    "used": Sum("tokens"),
    "asked": Sum("requests"),
    "is_open": BoolOr("provisional"),
}


def _readings(wanted: Wanted, group: str, first: date, last: date) -> Iterator[QuerySet[Any]]:
    """The rows to be added up, each day once, with their month as `at`: whole months from the monthly rollup, the days
    beside them by day."""
    begin, end = whole_months_of(first, last)
    if begin >= end:
        yield _rows(TeamDaily, wanted, group).filter(day__range=(first, last)).annotate(at=_month(first, last))
        return
    yield _rows(TeamMonthly, wanted, group).filter(day__gte=begin, day__lt=end).annotate(at=F("day"))
    if first < begin or last >= end:
        beside = Q(day__gte=first, day__lt=begin) | Q(day__gte=end, day__lte=last)
        yield _rows(TeamDaily, wanted, group).filter(beside).annotate(at=_month(first, last))


def _month(first: date, last: date) -> Case:
    """The month of a day of [first, last]; few are touched, and date_trunc would make a moment of every row first."""
    earliest, *later = months_of(first, last)
    begun = [When(day__gte=month, then=Value(month)) for month in reversed(later)]
    return Case(*begun, default=Value(earliest), output_field=DateField())


def whole_months_of(first: date, last: date) -> tuple[date, date]:
    """[begin, end) of the calendar months that lie within [first, last] whole; empty when begin >= end."""
    begin = first if first.day == 1 else months_before(first.replace(day=1), -1)
    after = last + DAY
    return begin, after.replace(day=1)


def _rows(table: type[TeamDaily] | type[TeamMonthly], wanted: Wanted, group: str) -> QuerySet[Any]:
    """With `whose` they are where anything asks for that: it costs a look at each row's account."""
    scope = wanted.scope
    rows: QuerySet[Any] = table.objects.filter(organization_id=scope.organization_id)
    if group == TEAM or wanted.teams or scope.team_ids is not None:
        of_account = Case(When(nobody=False, then="account__team_id"), output_field=BigIntegerField())
        rows = rows.annotate(whose=Coalesce("team_id", of_account))
    if scope.team_ids is not None:
        rows = rows.filter(whose__in=scope.team_ids)
    if wanted.providers:
        rows = rows.filter(provider_slug__in=wanted.providers)
    if wanted.accounts:
        rows = rows.filter(account_id__in=wanted.accounts)
    if wanted.models:
        rows = rows.filter(model__in=wanted.models)
    if wanted.teams:
        named = [team for team in wanted.teams if team is not None]
        rows = rows.filter(Q(whose__in=named) | (Q(whose=None) if None in wanted.teams else Q(pk__in=())))
    return rows
