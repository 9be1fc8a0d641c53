"""The chart of the spend page, and what it says of days without a bar and of days that may still change."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.balances.rates.conversion import Unit
from dashboard.core.charts.shapes import Chart, Layer
from dashboard.core.charts.spend import stack_chart
from dashboard.core.period import Period, months_before
from dashboard.core.templatetags.purser import day as day_words
from dashboard.usage.explorer.selectors import by_month
from dashboard.usage.explorer.told import Sums, Told, summed


def spend_chart(told: Told, unit: Unit, group_word: str, name_of: Callable[[Any], str], period: Period) -> Chart | None:
    layers_of: list[tuple[str, Sums]] = [
        (name_of(value), sums) for (value, at), sums in told.sums.items() if at == unit
    ]
    if not layers_of:
        return None
    months = by_month(period.first, period.last)
    places = _months(period) if months else [period.first + timedelta(days=one) for one in range(period.days)]
    layers = [Layer(name, [sums.bar(at, months=months) for at in places], sums.open_days) for name, sums in layers_of]
    words: Mapping[bool, Callable[[], str]] = {
        False: lambda: _("Spend by day and %(group)s"),
        True: lambda: _("Spend by month and %(group)s"),
    }
    return stack_chart(
        places,
        layers,
        unit=unit.code,
        title=words[months]() % {"group": group_word.lower()},
        labels=[date_format(at, pgettext("date format: month and year, short", "M Y")) for at in places]
        if months
        else None,
    )


def undated_spend(told: Told, unit: Unit, period: Period) -> Decimal | None:
    """What no bar shows, because it was told for longer than its day; None when everything is shown."""
    if by_month(period.first, period.last):
        return None
    return summed(amount for (_group, at), one in told.sums.items() if at == unit for amount in one.undated.values())


def _months(period: Period) -> list[date]:
    first, last = period.first.replace(day=1), period.last.replace(day=1)
    months = [last]
    while months[-1] > first:
        months.append(months_before(months[-1], 1))
    return months[::-1]


def open_words(told: Told, unit: Unit, period: Period) -> str:
    """Which days may still change; "" where none may."""
    days = sorted({at for (_group, one), sums in told.sums.items() if one == unit for at in sums.open_days})
    if not days or by_month(period.first, period.last):
        return ""
    words = ", ".join(day_words(one) for one in days[-5:])
    return words if len(days) <= 5 else _("%(days)s and earlier ones") % {"days": words}
