"""The chart of the spend page, and what it says of days without a bar and of days that may still change."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.balances.rates.conversion import Unit
from dashboard.core.charts.shapes import MOST_SERIES, Chart, Layer, others_words
from dashboard.core.charts.spend import stack_chart
from dashboard.core.languages.joining import listed
from dashboard.core.period import Period, months_of
from dashboard.core.templatetags.purser import day as day_words
from dashboard.core.templatetags.purser import month as month_words
from dashboard.usage.explorer.selectors import by_month
from dashboard.usage.explorer.told import ZERO, Days, Told, summed

MOST_NAMED = 3  # days that may still change; of more the first is named


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The groups that the chart draws, the greatest first: those with a layer of their own, then the rest, which share
    one. `places` has the layer of each."""

    own: Sequence[Any]
    rest: Sequence[Any]
    places: Mapping[Any, int]


def spend_stack(told: Told, unit: Unit, name_of: Callable[[Any], str], period: Period) -> Stack:
    months = by_month(period.first, period.last)
    sums = {value: one for (value, at), one in told.sums.items() if at == unit}
    ranked = sorted(sums, key=lambda value: (-(sums[value].drawn(months=months) or ZERO), name_of(value)))
    most = MOST_SERIES if len(ranked) <= MOST_SERIES else MOST_SERIES - 1
    places = {value: min(place, most) for place, value in enumerate(ranked)}
    return Stack(own=ranked[:most], rest=ranked[most:], places=places)


def spend_chart(
    told: Told,
    unit: Unit,
    group_word: str,
    name_of: Callable[[Any], str],
    period: Period,
    stack: Stack,
    days: defaultdict[int, Days],
) -> Chart | None:
    """Bars of months from the sums, those of days from `days`, by layer."""
    if not stack.own:
        return None
    group = {"group": group_word.lower()}
    if by_month(period.first, period.last):
        months = months_of(period.first, period.last)
        found = [(name_of(value), told.sums[(value, unit)]) for value in (*stack.own, *stack.rest)]
        return stack_chart(
            months,
            [Layer(name, [sums.by_month.get(at) for at in months], sums.open_months) for name, sums in found],
            unit=unit.code,
            title=_("Spend by month and %(group)s") % group,
            labels=[date_format(at, pgettext("date format: month and year, short", "M Y")) for at in months],
        )
    places = [period.first + timedelta(days=one) for one in range(period.days)]
    layers = [_layer(name_of(value), days[place], places) for place, value in enumerate(stack.own)]
    if stack.rest:
        layers.append(_layer(others_words(len(stack.rest)), days[len(stack.own)], places, rest=True))
    return stack_chart(places, layers, unit=unit.code, title=_("Spend by day and %(group)s") % group)


def undated_spend(told: Told, unit: Unit, period: Period) -> Decimal | None:
    """What no bar shows, because it was told for longer than its day; None when everything is shown."""
    if by_month(period.first, period.last):
        return None
    return summed(one.undated for (_group, at), one in told.sums.items() if at == unit)


def _layer(name: str, days: Days, places: Sequence[date], *, rest: bool = False) -> Layer:
    return Layer(name, [days.spend.get(at) for at in places], days.open, rest)


def open_words(told: Told, unit: Unit, period: Period, days: Mapping[int, Days]) -> str:
    """Which of the bars may still change; "" where none may."""
    if by_month(period.first, period.last):
        sums = [one for (_group, at), one in told.sums.items() if at == unit]
        found, words, count = _united(one.open_months for one in sums), month_words, 0
    else:
        found, words, count = _united(one.open for one in days.values()), day_words, period.days
    if len(found) <= MOST_NAMED:
        return listed(words(one) for one in found)
    return _("all days") if len(found) == count else _("since %(day)s") % {"day": words(found[0])}


def _united(found: Iterable[set[date]]) -> list[date]:
    return sorted(set().union(*found))
