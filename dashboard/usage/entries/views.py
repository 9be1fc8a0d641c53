"""Typing in a balance, a top-up or an invoice of an account, and taking it back."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.balances.models import BalanceEntry, BalanceSeries, EntryKind
from dashboard.core.undo import message_with_undo
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.usage.entries.forms import EntryForm
from dashboard.usage.entries.services import entry_add, entry_remove


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def add(request: PurserRequest, account_id: int, kind: str) -> HttpResponse:
    if kind not in EntryKind.values:
        raise Http404
    account = get_object_or_404(ProviderAccount, pk=account_id, organization=request.organization)
    form = EntryForm(
        request.POST or None,
        kind=EntryKind(kind),
        units=BalanceSeries.objects.filter(account=account).order_by("pk").values_list("unit", flat=True),
        zone_name=request.organization.reporting_zone,
        now=timezone.now(),
    )
    if request.method == "POST" and form.is_valid():
        entry = entry_add(account=account, typed_in=form.typed_in, by=request.actor, now=timezone.now())
        message_with_undo(request, _("Noted."), undo=reverse("usage:entry_remove", args=[entry.pk]))
        return redirect("credentials:account", account_id=account.pk)
    context = {"account": account, "kind": EntryKind(kind), "kinds": EntryKind.choices, "form": form}
    return render(request, "usage/entry.html", context)


@access(Access.MANAGE)
@require_POST
def remove(request: PurserRequest, entry_id: int) -> HttpResponse:
    entry = get_object_or_404(
        BalanceEntry.objects.select_related("account__organization"), pk=entry_id, organization=request.organization
    )
    entry_remove(entry=entry, by=request.actor, now=timezone.now())
    messages.success(request, _("Taken back, with everything that followed from it."))
    return redirect("credentials:account", account_id=entry.account_id)
