"""The page of currency and rates, and one typed rate."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.balances.models import ExchangeRate
from dashboard.balances.rates.conversion import Rate
from dashboard.balances.rates.currencies import currency_name
from dashboard.balances.rates.selectors import feed_view, typed_rates
from dashboard.balances.rates.services import RateRefused, rate_remove, rate_type_in, reporting_currency_choose
from dashboard.core.languages.numbers import number
from dashboard.core.languages.phrases import told
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.usage.currency.forms import CurrencyForm, RateForm, rate_words, told_of
from dashboard.usage.currency.selectors import unit_rows, units_spent
from dashboard.usage.explorer.converted import source_words

EDIT = require_http_methods(["GET", "POST"])


@access(Access.MANAGE)
@limited("currency", amount=60, within=timedelta(hours=1), per="organization")
@EDIT
def currency(request: PurserRequest) -> HttpResponse:
    """What spend is shown in, and by which rates."""
    organization, now = request.organization, timezone.now()
    form = CurrencyForm(request.POST or None, initial={"currency": organization.reporting_currency})
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["currency"]
        reporting_currency_choose(organization=organization, currency=chosen, by=request.actor, now=now)
        messages.success(request, _("Saved. Spend is shown by it now."))
        return redirect("usage:currency")
    today = organization.local(now).date()
    typed = list(typed_rates(organization_id=organization.pk))
    feed = feed_view(organization_id=organization.pk)
    rows = unit_rows(organization=organization, today=today, typed=typed)
    context = {
        "form": form,
        "currency": organization.reporting_currency,
        "units": [
            {
                "row": row,
                "rate_words": _rate_words(row.rate) if row.rate is not None else "",
                "source": " ".join(source_words([row.rate.source])) if row.rate is not None else "",
            }
            for row in rows
        ],
        "rates": [
            {
                "rate": one,
                "words": rate_words(organization.pk, one),
                "idle": one.currency != organization.reporting_currency,
                "dialog": f"remove-rate-{one.pk}",
            }
            for one in typed
        ],
        "feed": feed.feed,
        "feed_off": feed.off,
        "feed_problem": told(feed.feed.problem) if feed.feed is not None else "",
        "quoted": [(code, currency_name(code), rate) for code, rate in feed.quoted.items()],
    }
    return render(request, "usage/currency.html", context)


@access(Access.MANAGE)
@EDIT
def rate_new(request: PurserRequest) -> HttpResponse:
    """A new rate; the address may say of which unit, else it is the first that has none."""
    organization = request.organization
    rows = unit_rows(organization=organization, today=organization.local(timezone.now()).date(), typed=[])
    first = next((one.value for one in rows if one.rate is None), "")
    return _edit(request, None, {"unit": request.GET.get("unit", first)})


@access(Access.MANAGE)
@EDIT
def rate(request: PurserRequest, rate_id: int) -> HttpResponse:
    found = _rate(request, rate_id)
    return _edit(request, found, told_of(found))


def _edit(request: PurserRequest, found: ExchangeRate | None, initial: dict[str, Any]) -> HttpResponse:
    organization, now = request.organization, timezone.now()
    today = organization.local(now).date()
    form = RateForm(
        request.POST or None,
        organization=organization,
        units=units_spent(organization_id=organization.pk, today=today),
        today=today,
        initial=initial,
    )
    if request.method == "POST" and form.is_valid():
        try:
            rate_type_in(organization=organization, told=form.told, by=request.actor, now=now, rate=found)
        except RateRefused as refused:
            form.add_error(None, str(refused))
        else:
            messages.success(request, _("Saved. Spend is shown by it now."))
            return redirect("usage:currency")
    return render(
        request, "usage/rate.html", {"rate": found, "form": form, "currency": organization.reporting_currency}
    )


@access(Access.MANAGE)
@require_POST
def rate_out(request: PurserRequest, rate_id: int) -> HttpResponse:
    rate_remove(rate=_rate(request, rate_id), by=request.actor, now=timezone.now())
    messages.success(request, _("The rate is deleted."))
    return redirect("usage:currency")


def _rate_words(rate: Rate) -> str:
    """Five figures of what the ECB told: a mean has more than it can know."""
    return number(rate.value, None if rate.source == "typed" else max(0, 4 - rate.value.adjusted()))


def _rate(request: PurserRequest, rate_id: int) -> ExchangeRate:
    rates = typed_rates(organization_id=request.organization.pk).select_related("organization")
    return get_object_or_404(rates, pk=rate_id)
