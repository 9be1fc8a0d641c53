"""Spend of the running month: one figure in the main unit, who took how much of it, and other units beside it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.utils.dates import MONTHS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.core.languages.numbers import number_format
from dashboard.credentials.catalog import provider_name
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.home.spend_charts import spend_chart, spend_pace
from dashboard.usage.selectors import MonthSpend, spend_of_month

SHOWN = 5  # providers with a line of their own; the panel of the days shows more, in colours
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """How the days that are over compare with the same days of the month before: where it went, and that in words."""

    direction: Literal["up", "down", "same"]
    words: str


def spend_context(organization: Organization, scope: Scope, today: date) -> dict[str, Any]:
    month = spend_of_month(scope=scope, today=today)
    sums: dict[str, dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for part in month.parts:
        sums[part.unit][part.provider_slug] += part.amount
    units = sorted(sums, key=lambda unit: -sum(part.unit == unit for part in month.parts))
    ranked = {unit: sorted(slugs, key=lambda slug: -slugs[slug]) for unit, slugs in sums.items()}
    main = units[0] if units else ""
    providers = ranked.get(main, [])
    # One other is no group: it stands with the rest.
    shown = len(providers) if len(providers) <= SHOWN + 1 else SHOWN

    def rows(unit: str, slugs: Sequence[str]) -> list[Row]:
        return [{"name": provider_name(organization.pk, slug), "amount": sums[unit][slug]} for slug in slugs]

    return {
        "month_label": date_format(today, pgettext("date format: November 2026", "F Y")),
        "unit": main,
        "total": sum(sums[main].values(), Decimal(0)) if main else None,
        "change": _change(month, main, today),
        "providers": rows(main, providers[:shown]),
        "others": rows(main, providers[shown:]),
        "ghosts": range(len(providers), SHOWN + 1),
        "others_amount": sum((sums[main][slug] for slug in providers[shown:]), Decimal(0)),
        "apart": [
            {"unit": unit, "amount": sum(sums[unit].values(), Decimal(0)), "providers": rows(unit, ranked[unit])}
            for unit in units[1:]
        ],
        "estimated": sum((part.estimated for part in month.parts if part.unit == main), Decimal(0)),
        "unpriced": month.unpriced_models,
        "provisional": any(part.provisional for part in month.parts),
        "pace": spend_pace(month, main, today),
        "chart": spend_chart(scope, month, main, today),
        "undated": sum((part.amount for part in month.parts if part.unit == main and part.span != "day"), Decimal(0)),
    }


def _change(month: MonthSpend, unit: str, today: date) -> Change | None:
    over, before = month.over.get(unit), month.before.get(unit)
    if not over or not before or before <= 0:
        return None
    percent = (over - before) / before * 100
    # What is told for the whole month has no days to compare.
    part = any(one.span != "day" for one in month.parts if one.unit == unit)
    said = {"share": number_format().exact_percent(round(abs(percent), 1)), "month": _month_before(today)}
    if abs(percent) < Decimal("0.5"):
        words = _("What is told by day: as much as on the same days in %(month)s, today left out") if part else ""
        return Change("same", (words or _("As much as on the same days in %(month)s, today left out")) % said)
    if percent > 0:
        words = _("What is told by day: up %(share)s on the same days in %(month)s, today left out") if part else ""
        return Change("up", (words or _("Up %(share)s on the same days in %(month)s, today left out")) % said)
    words = _("What is told by day: down %(share)s on the same days in %(month)s, today left out") if part else ""
    return Change("down", (words or _("Down %(share)s on the same days in %(month)s, today left out")) % said)


def _month_before(today: date) -> str:
    """The month before."""
    return str(MONTHS[(today.replace(day=1) - timedelta(days=1)).month])
