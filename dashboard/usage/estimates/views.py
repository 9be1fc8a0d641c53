"""The page "Billed against estimated", and the same figures as a file."""

import csv
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.core.csv_cells import cell
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.usage.estimates.page import estimates_context
from providers.prices import UNIT

_HEAD = (
    *("account", "model", "models", "from", "to", "unit", "counted", "basis", "estimated_usd", "difference"),
    *("difference_percent", "tokens", "tokens_without_price", "provisional", "base_tier", "state"),
)
_STATES = (("", "rows"), ("only estimated", "alone"), ("other unit", "elsewhere"), ("no list price", "unlisted"))


@access(Access.READ)
@require_GET
def estimates(request: PurserRequest) -> HttpResponse:
    """What was counted beside what the same tokens cost at list prices, as the address asks."""
    return render(request, "usage/estimates.html", _context(request))


@access(Access.READ)
@require_GET
def estimates_csv(request: PurserRequest) -> HttpResponse:
    """All rows of the page's table, in its order, then those that cannot be compared."""
    context = _context(request, every_row=True)
    period = context["picker"].period
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="estimates-{period.first}-{period.last}.csv"'
    writer = csv.writer(response)
    writer.writerow(_HEAD)
    for state, name in _STATES:
        for row in context[name]:
            for unit, amount in row["amounts"] or [(UNIT, None)]:
                values = (*_names(row), period.first, period.last, *_figures(row, unit, amount), state)
                writer.writerow([cell(value) for value in values])
    return response


def _context(request: PurserRequest, *, every_row: bool = False) -> dict[str, Any]:
    today = request.organization.local(timezone.now()).date()
    return estimates_context(scope=request.scope, query=request.GET, today=today, every_row=every_row)


def _names(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["account"]
    yield row["model"]
    yield "; ".join(row["models"]) if not row["model"] else ""


def _figures(row: Mapping[str, Any], unit: str, amount: Decimal | None) -> Iterator[Any]:
    yield unit
    yield amount
    yield " + ".join(row["bases"])
    yield row["estimated"]
    yield row["difference"]
    yield None if row["percent"] is None else round(row["percent"], 4)
    yield row["tokens"]
    yield row["unlisted"]
    yield "yes" if row["provisional"] else ""
    yield "yes" if row.get("tiered") else ""
