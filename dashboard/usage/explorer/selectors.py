"""Reads of the rollups by team, for any days and any grouping."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Sum, TextField, Value, When
from django.db.models.functions import Coalesce, Collate, Length, TruncMonth, Upper
from django.db.models.lookups import Exact

from dashboard.core.period import months_before
from dashboard.organizations.scope import Scope
from dashboard.usage.models import TeamDaily, TeamMonthly

PROVIDER, ACCOUNT, TEAM, MODEL = "provider", "account", "team", "model"
# What a group is called in the rollups; the team of a row is the one that rules name, else its account's, but
# for what a rule gives to nobody.
_COLUMNS = {PROVIDER: "provider_slug", ACCOUNT: "account_id", TEAM: "whose", MODEL: "model"}
DAYS_BY_DAY = 92  # longer periods are told by month
DAY = timedelta(days=1)
# Whose unit it is. Of a currency nobody's, so that it is added up over providers; so is what has no unit. A currency is
# three capitals; a regular expression would say so at three times the cost, and every row pays it.
WHOSE_UNIT = Case(
    When(Q(unit="") | (Exact(Length("unit"), 3) & Q(unit=Upper(Collate("unit", "C")))), then=Value("")),
    default=F("provider_slug"),
    output_field=TextField(),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for: values of a filter are alternatives, none is any. A team of None is what nobody has."""

    scope: Scope
    providers: Sequence[str] = ()
    accounts: Sequence[int] = ()
    teams: Sequence[int | None] = ()
    models: Sequence[str] = ()


class Part(NamedTuple):
    """Sums of one group on one day (or of one month, on its first day), in one unit and on one basis. None is unknown;
    of basis "covered" the money stands elsewhere, of "unpriced" it is not known. `span` "month" came undivided. `slug`
    names the provider of a unit that is no currency: points of two providers are not added up."""

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


class Earlier(NamedTuple):
    """What a group spent in one unit and month, with which another period is compared."""

    group: Any
    unit: str
    slug: str
    at: date
    spend: Decimal


def by_month(first: date, last: date) -> bool:
    """Whether these days are told by month."""
    return (last - first).days >= DAYS_BY_DAY


def spend_parts(*, wanted: Wanted, group: str, first: date, last: date) -> list[Part]:
    """Everything of the days [first, last], by day or by month: at most two statements, of rollups alone."""
    found: list[Part] = []
    for rows, at in _readings(wanted, first, last, whole_months=by_month(first, last)):
        values = rows.annotate(at=at, whose_unit=WHOSE_UNIT).values_list(
            _COLUMNS[group], "at", "unit", "whose_unit", "basis", "span"
        )
        found += [Part(*row) for row in values.annotate(**_SUMS).order_by()]
    return found


def spend_totals(*, wanted: Wanted, group: str, first: date, last: date) -> list[Earlier]:
    """The spend of these days by group, unit and month: at most two statements."""
    found: list[Earlier] = []
    for rows, _at in _readings(wanted, first, last, whole_months=True):
        spent = rows.filter(spend__isnull=False).annotate(at=TruncMonth("day"), whose_unit=WHOSE_UNIT)
        values = spent.values_list(_COLUMNS[group], "unit", "whose_unit", "at")
        found += [Earlier(*row) for row in values.annotate(sum=Sum("spend")).order_by()]
    return found


def models_used(*, scope: Scope, first: date, last: date) -> list[str]:
    """The models of the months that these days touch, by name."""
    rows = _rows(TeamMonthly, Wanted(scope=scope)).filter(day__range=(first.replace(day=1), last))
    return sorted(rows.values_list("model", flat=True).distinct().order_by())


_SUMS = {
    "spent": Sum("spend"),
    "used": Sum("tokens"),
    "asked": Sum("requests"),
    "is_open": BoolOr("provisional"),
}


def _readings(
    wanted: Wanted, first: date, last: date, *, whole_months: bool
) -> Iterator[tuple[QuerySet[Any], F | TruncMonth]]:
    """The rows to be added up, each day once: whole months from the monthly rollup, the days beside them by day."""
    begin, end = whole_months_of(first, last) if whole_months else (last, first)
    if begin >= end:
        at = TruncMonth("day") if by_month(first, last) else F("day")
        yield _rows(TeamDaily, wanted).filter(day__range=(first, last)), at
        return
    yield _rows(TeamMonthly, wanted).filter(day__gte=begin, day__lt=end), F("day")
    if first < begin or last >= end:
        beside = Q(day__gte=first, day__lt=begin) | Q(day__gte=end, day__lte=last)
        yield _rows(TeamDaily, wanted).filter(beside), TruncMonth("day")


def whole_months_of(first: date, last: date) -> tuple[date, date]:
    """[begin, end) of the calendar months that lie within [first, last] whole; empty when begin >= end."""
    begin = first if first.day == 1 else months_before(first.replace(day=1), -1)
    after = last + DAY
    return begin, after.replace(day=1)


def _rows(table: type[TeamDaily] | type[TeamMonthly], wanted: Wanted) -> QuerySet[Any]:
    scope = wanted.scope
    rows: QuerySet[Any] = table.objects.filter(organization_id=scope.organization_id)
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
