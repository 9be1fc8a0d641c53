"""The spend page, and the same figures as a file."""

import csv
from decimal import Decimal

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from dashboard.balances.rates.conversion import EXACT
from dashboard.core.csv_cells import cell
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.usage.explorer.page import explorer_context

_FINEST = Decimal(1).scaleb(-12)


@access(Access.READ)
@require_GET
def explorer(request: PurserRequest) -> HttpResponse:
    """What was spent, by whom, as the address asks."""
    context = explorer_context(
        organization=request.organization,
        scope=request.scope,
        query=request.GET,
        today=request.organization.local(timezone.now()).date(),
        manages=request.membership.may_manage,
    )
    return render(request, "usage/explorer.html", context)


@access(Access.READ)
@require_GET
def explorer_csv(request: PurserRequest) -> HttpResponse:
    """All rows of the page's table, in its order, then what stands apart from its total."""
    context = explorer_context(
        organization=request.organization,
        scope=request.scope,
        query=request.GET,
        today=request.organization.local(timezone.now()).date(),
        every_row=True,
    )
    period, compare, unit = context["picker"].period, context["compare"], context["unit"]
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="spend-{period.first}-{period.last}.csv"'
    writer = csv.writer(response)
    head = (context["group"], "from", "to", "unit", "spend", "before_from", "before_to", "before", "change_percent")
    writer.writerow(
        [*head, "share_percent", "tokens", "basis", "provisional", "state", "own_amounts", "rates", "unit_of"]
    )
    apart, unpriced = context["apart_rows"].rows, context["unpriced"].rows
    before = (compare.first, compare.last) if context["compared"] else (None, None)
    beside = "other unit" if context["all_url"] else "not converted"
    for state, rows in (("", context["rows"]), (beside, apart), ("unpriced", unpriced)):
        for row in rows:
            values = (
                *(row["name"], period.first, period.last, "" if state == "unpriced" else row.get("unit", unit)),
                *(_stored(row.get("spend")), *before, _stored(row.get("before"))),
                _rounded(row.get("change")),
                *(_rounded(row.get("share")), row.get("tokens"), " + ".join(row.get("bases", ()))),
                *("yes" if row.get("provisional") else "", state),
                *(
                    " + ".join(f"{amount:f} {own}" for own, amount in row.get("own", ())),
                    " + ".join(row.get("sources", ())),
                    row.get("whose", ""),
                ),
            )
            writer.writerow([cell(value) for value in values])
    return response


def _rounded(value: Decimal | None) -> Decimal | None:
    """A percentage."""
    return None if value is None else round(value, 4)


def _stored(value: Decimal | None) -> Decimal | None:
    """An amount with every digit that amounts are stored with; a converted one has more."""
    return value if value is None else value.quantize(_FINEST, context=EXACT)
