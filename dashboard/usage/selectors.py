"""Reads of the daily rollup."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import Max, Min, Q, Sum
from django.db.models.functions import TruncMonth

from dashboard.organizations.scope import Scope
from dashboard.usage.models import SpendDaily, UsageDaily

ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class SpendPart:
    """Spend of one provider in one unit on one day; `span` "month" stands on the first day for its whole month.
    `estimated` is the part of the amount that only a price list tells."""

    provider_slug: str
    unit: str
    day: date
    span: str
    amount: Decimal
    provisional: bool
    estimated: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class MonthSpend:
    """All spend of a month until today; `unpriced` counts a provider's models that on a day have tokens and no price.
    For the days that are over and that are told by day: what was spent in each unit (`over`), and on the same days of
    the month before (`before`) where that month is told from its beginning; `earlier` is all that is told of it."""

    parts: list[SpendPart]
    earlier: list[SpendPart]
    unpriced: dict[tuple[str, date], int]
    over: Mapping[str, Decimal]
    before: Mapping[str, Decimal]

    @property
    def unpriced_models(self) -> int:
        """A provider's models are alike from day to day: its fullest day counts them."""
        most: dict[str, int] = defaultdict(int)
        for (slug, _day), count in self.unpriced.items():
            most[slug] = max(most[slug], count)
        return sum(most.values())

    def unpriced_on(self, day: date) -> int:
        return sum(count for (_slug, at), count in self.unpriced.items() if at == day)


def first_spend_day() -> date | None:
    """The earliest day of which anybody's spend is known."""
    return SpendDaily.objects.exclude(spend=None).aggregate(first=Min("day"))["first"]


def spend_of_month(*, scope: Scope, today: date) -> MonthSpend:
    """What was spent in the running month, by provider, unit and day, and on the same days of the month before. One
    statement, in the order of the index."""
    first = today.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    spent = SpendDaily.objects.filter(organization_id=scope.organization_id, day__range=(before, today))
    if scope.team_ids is not None:
        spent = spent.filter(account__team_id__in=scope.team_ids)
    rows = list(
        spent.values_list("provider_slug", "unit", "day", "span")
        .annotate(
            amount=Sum("spend"), is_open=BoolOr("provisional"), unpriced=Max("unpriced_models"), listed=Sum("estimated")
        )
        .order_by("day", "provider_slug", "unit", "span")
    )
    parts = [
        SpendPart(slug, unit, day, span, amount, bool(provisional), listed or Decimal(0))
        for slug, unit, day, span, amount, provisional, _, listed in rows
        if amount is not None and unit
    ]
    unpriced: dict[tuple[str, date], int] = {}
    for slug, _unit, day, _span, _amount, _open, count, _listed in rows:
        if count and day >= first:
            unpriced[(slug, day)] = max(unpriced.get((slug, day), 0), count)
    return MonthSpend(
        parts=[part for part in parts if part.day >= first],
        earlier=[part for part in parts if part.day < first],
        unpriced=unpriced,
        over=_days_over((part for part in parts if part.day >= first), today),
        before=_days_over((part for part in parts if part.day < first), today, begins_by=BEGINS_BY),
    )


# A month whose figures begin later than this was connected in the middle: it compares with nothing.
BEGINS_BY = 3


def _days_over(parts: Iterable[SpendPart], today: date, *, begins_by: int = 31) -> dict[str, Decimal]:
    """Sums in each unit of the days that come before the day of the month of `today`. Sums of a whole month, which have
    no day, stay out."""
    begins: dict[str, int] = {}
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        if part.span == "day":
            begins[part.unit] = min(part.day.day, begins.get(part.unit, part.day.day))
            sums[part.unit] += part.amount if part.day.day < today.day else 0
    return {unit: amount for unit, amount in sums.items() if begins[unit] <= begins_by}


def spend_by_account(*, account_ids: Iterable[int], first: date, last: date) -> dict[int, list[dict[str, Any]]]:
    """For each account its spend of the days [first, last], one entry {unit, amount, estimated} per unit; estimated is
    the part of it that only a price list tells, None where there is none. A unit with nothing else comes last."""
    rows = (
        SpendDaily.objects.filter(account_id__in=list(account_ids), day__range=(first, last), spend__isnull=False)
        .values("account_id", "unit")
        .annotate(amount=Sum("spend"), listed=Sum("estimated"))
        .order_by("account_id", "unit")
    )
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["listed"] == row["amount"]):
        found[row["account_id"]].append({"unit": row["unit"], "amount": row["amount"], "estimated": row["listed"]})
    return found


def unpriced_by_account(*, account_ids: Iterable[int], first: date, last: date) -> dict[int, int]:
    """For each account how many models were used on these days without a price."""
    return dict(
        SpendDaily.objects.filter(account_id__in=list(account_ids), day__range=(first, last), unpriced_models__gt=0)
        .values_list("account_id")
        .annotate(Max("unpriced_models"))
    )


@dataclass(slots=True)
class MonthOfAccount:
    """What an account spent in the month that begins on `month`: its sum in each unit, none where nothing is priced.
    `by_day` is the part of it that fell on the days up to today's in their own months; none where some of it is told
    for longer than a day. `estimated` is the part of the sums that only a price list tells."""

    month: date
    amounts: dict[str, Decimal] = field(default_factory=dict)
    by_day: dict[str, Decimal] = field(default_factory=dict)
    estimated: dict[str, Decimal] = field(default_factory=dict)
    provisional: bool = False
    unpriced_models: int = 0


def spend_by_month(*, account_id: int, today: date, months: int = 6) -> list[MonthOfAccount]:
    """An account's months with any figure, newest first, the running one among them."""
    first = today.replace(day=1)
    for _back in range(months - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    rows = (
        SpendDaily.objects.filter(account_id=account_id, day__range=(first, today))
        .annotate(month=TruncMonth("day"))
        .values_list("month", "unit")
        .annotate(
            amount=Sum("spend"),
            is_open=BoolOr("provisional"),
            unpriced=Max("unpriced_models"),
            by_day=Sum("spend", filter=Q(day__day__lte=today.day)),
            longer=BoolOr(Q(span="month")),
            listed=Sum("estimated"),
        )
        .order_by("-month", "unit")
    )
    found: dict[date, MonthOfAccount] = {}
    # A unit in which there are estimates alone comes last, here too.
    for month, unit, amount, provisional, unpriced, by_day, longer, listed in sorted(
        rows, key=lambda row: (-row[0].toordinal(), row[-1] is not None and row[-1] == row[2])
    ):
        one = found.setdefault(month, MonthOfAccount(month))
        if amount is not None:
            one.amounts[unit] = amount
            if listed is not None:
                one.estimated[unit] = listed
            if by_day is not None and not longer:
                one.by_day[unit] = by_day
        one.provisional = one.provisional or bool(provisional)
        one.unpriced_models = max(one.unpriced_models, unpriced)
    return list(found.values())


@dataclass(slots=True)
class UsageRow:
    """Figures of a day, or of one model on it. None is unknown; `cost` in `unit`, `derived` when some of it comes
    from falls of the balance, `estimated` when some comes from a price list alone, `covered` when other rows of its day
    carry its money; `others` are costs in other units, which nobody converts. With span "month" it tells of the days
    up to `last`."""

    name: str = ""
    day: date | None = None
    span: str = "day"
    last: date | None = None
    provisional: bool = False
    input: int | None = None
    cached: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None
    requests: int | None = None
    cost: Decimal | None = None
    unit: str = ""
    derived: bool = False
    estimated: bool = False
    covered: bool = False
    others: dict[str, Decimal] = field(default_factory=dict)
    models: list["UsageRow"] = field(default_factory=list)

    @property
    def splits(self) -> bool:
        """Whether the day can be opened: something of it is told by model."""
        return any(model.name for model in self.models)

    def take(self, other: "UsageDaily | UsageRow") -> None:
        """Add figures; unknown stays unknown until something is told."""
        for ours, theirs in _COLUMNS:
            name = theirs if isinstance(other, UsageDaily) else ours
            value = getattr(other, name)
            if value is not None:
                setattr(self, ours, (getattr(self, ours) or 0) + value)
        self._add(other.spend if isinstance(other, UsageDaily) else other.cost, other.unit)
        if isinstance(other, UsageRow):
            for unit, amount in other.others.items():
                self._add(amount, unit)
        self.provisional = self.provisional or other.provisional
        for mark in ("derived", ESTIMATED, "covered"):
            marked = other.basis == mark if isinstance(other, UsageDaily) else getattr(other, mark)
            setattr(self, mark, getattr(self, mark) or marked)

    def _add(self, cost: Decimal | None, unit: str) -> None:
        if cost is None:
            return
        if not self.unit or self.unit == unit:
            self.cost, self.unit = (self.cost or Decimal(0)) + cost, unit
        else:
            self.others[unit] = self.others.get(unit, Decimal(0)) + cost


_COLUMNS = (
    ("input", "input_tokens"),
    ("cached", "cached_input_tokens"),
    ("cache_write", "cache_write_tokens"),
    ("output", "output_tokens"),
    ("reasoning", "reasoning_tokens"),
    ("requests", "requests"),
)


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """Days newest first, their sum, and on which bases their money stands."""

    days: list[UsageRow]
    total: UsageRow
    bases: Sequence[str]
    asked_days: int = 31

    @property
    def told(self) -> set[str]:
        """The figures that any day tells."""
        return {ours for ours, _theirs in _COLUMNS if getattr(self.total, ours) is not None}

    @property
    def models(self) -> list[UsageRow]:
        """The same figures by model over all the days, the dearest first, then the busiest."""
        rows: dict[str, UsageRow] = {}
        for day in self.days:
            for model in day.models:
                rows.setdefault(model.name, UsageRow(name=model.name)).take(model)
        return sorted(
            rows.values(),
            key=lambda row: (-(row.cost or Decimal(0)), -(row.input or 0) - (row.output or 0), row.name),
        )


def usage_by_day(*, account_id: int, today: date, days: int = 31) -> AccountUsage:
    """An account's usage by day, and by model inside a day."""
    rows = list(
        UsageDaily.objects.filter(account_id=account_id, day__gt=today - timedelta(days=days)).order_by(
            "-day", "span", "model", "unit", "basis"
        )
    )
    by_day: dict[tuple[date, str], UsageRow] = {}
    by_model: dict[tuple[date, str, str], UsageRow] = {}
    total, bases = UsageRow(), set[str]()
    for row in rows:
        day = by_day.setdefault((row.day, row.span), UsageRow(day=row.day, span=row.span, last=row.last))
        model = by_model.get((row.day, row.span, row.model))
        if model is None:
            model = by_model[(row.day, row.span, row.model)] = UsageRow(name=row.model)
            day.models.append(model)
        for place in (day, model):
            place.take(row)
        if row.spend is not None:
            bases.add(row.basis)
    # The unit of the total is the one that bills are in: days that wait for theirs are estimated in another, perhaps.
    for row in sorted(rows, key=lambda row: row.basis == ESTIMATED):
        total.take(row)
    for day in by_day.values():
        day.models.sort(key=lambda model: (-(model.cost or Decimal(0)), model.name))
    return AccountUsage(days=list(by_day.values()), total=total, bases=sorted(bases), asked_days=days)
