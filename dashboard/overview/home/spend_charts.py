"""The charts of the month's spend on the overview."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from dashboard.core.charts.shapes import Chart, Layer, total
from dashboard.core.charts.spend import pace_chart, stack_chart
from dashboard.core.templatetags.purser import count_of
from dashboard.credentials.catalog import provider_name
from dashboard.organizations.scope import Scope
from dashboard.usage.selectors import MonthSpend


def spend_chart(scope: Scope, month: MonthSpend, unit: str, today: date) -> Chart | None:
    """Spend by day in the main unit. Sums that a provider gives for the whole month have no day and stay out."""
    days = _days(today.replace(day=1), today.day)
    amounts: dict[str, dict[date, Decimal]] = {}
    open_days: dict[str, set[date]] = {}
    for part in month.parts:
        if part.unit == unit and part.span == "day":
            amounts.setdefault(part.provider_slug, {})[part.day] = part.amount
            if part.provisional:
                open_days.setdefault(part.provider_slug, set()).add(part.day)
    if not amounts:
        return None
    layers = [
        Layer(provider_name(scope.organization_id, slug), [by_day.get(at) for at in days], open_days.get(slug, ()))
        for slug, by_day in amounts.items()
    ]
    notes = {at: count_of(count, "model") for at in days if (count := month.unpriced_on(at))}
    return stack_chart(days, layers, unit=unit, title=_("Spend by day and provider"), notes=notes)


def spend_pace(month: MonthSpend, unit: str, today: date) -> Chart | None:
    """The month's spend in the main unit added up, beside the month before. The month before is left out where it began
    to be known later than this one: it would seem to have been cheap."""
    first = today.replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    days, earlier = _days(first, _length(first)), _days(before, _length(before))
    by_day: dict[date, Decimal] = {}
    for part in (*month.earlier, *month.parts):
        if part.unit == unit and part.span == "day":
            by_day[part.day] = by_day.get(part.day, Decimal(0)) + part.amount
    spent, compared = [by_day.get(at) for at in days], [by_day.get(at) for at in earlier]
    if total(spent) is None:
        return None
    if _begins(compared) > _begins(spent):
        compared = [None] * len(compared)
    return pace_chart(days, spent, compared, unit=unit, today=today)


def _length(first: date) -> int:
    return monthrange(first.year, first.month)[1]


def _days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=offset) for offset in range(count)]


def _begins(values: Sequence[Decimal | None]) -> int:
    """The first place where something is known, or the end."""
    return next((place for place, value in enumerate(values) if value is not None), len(values))
