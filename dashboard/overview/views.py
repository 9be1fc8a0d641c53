"""The pages that read from several domains: overview, accounts, one account; and the demo."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.access import access
from dashboard.organizations.audit import audit_record
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import User
from dashboard.organizations.scope import Access
from dashboard.organizations.services import organization_choose
from dashboard.overview.account.choice import Choice
from dashboard.overview.account.page import account_context, progress_row
from dashboard.overview.account_list import account_list_context
from dashboard.overview.demo import demo_add_for, demo_delete
from dashboard.overview.home.page import overview_context
from dashboard.overview.home.welcome import welcome_context
from dashboard.overview.palette import MOST_WORDS, palette_view


@access(Access.READ)
@require_GET
def overview(request: PurserRequest) -> HttpResponse:
    now = timezone.now()
    context = overview_context(organization=request.organization, scope=request.scope, now=now)
    if context is None and not request.membership.may_manage:
        return render(request, "overview/nothing.html", {"teams": request.scope.team_ids})
    if context is None:
        return render(request, "overview/welcome.html", welcome_context(organization=request.organization))
    return render(request, "overview/overview.html", {**context, "now": now})


@access(Access.READ)
@require_GET
def palette(request: PurserRequest) -> HttpResponse:
    """Search or jump: the list alone for the dialog on every page, a page of its own without JavaScript."""
    now, words = timezone.now(), request.GET.get("q", "").replace("\0", "").strip()[:MOST_WORDS]
    groups = palette_view(
        scope=request.scope,
        membership=request.membership,
        memberships=request.memberships,
        words=words,
        now=now,
    )
    context = {"groups": groups, "words": words, "found": sum(len(group.entries) for group in groups), "now": now}
    template = "overview/_palette.html" if request.headers.get("HX-Request") else "overview/palette.html"
    response = render(request, template, context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@access(Access.READ)
@require_GET
def account_list(request: PurserRequest) -> HttpResponse:
    now = timezone.now()
    context = account_list_context(organization=request.organization, scope=request.scope, query=request.GET, now=now)
    return render(request, "credentials/account_list.html", {**context, "now": now})


@access(Access.READ)
@require_GET
def account(request: PurserRequest, account_id: int) -> HttpResponse:
    everything = ProviderAccount.objects.select_related("team")
    found = get_object_or_404(everything, request.scope.accounts(), pk=account_id)
    now = timezone.now()
    context = account_context(
        organization=request.organization,
        scope=request.scope,
        account=found,
        choice=Choice.of(request.GET.dict()),
        now=now,
    )
    return render(request, "credentials/account.html", {**context, "now": now})


@access(Access.READ)
@require_GET
def sync_progress(request: PurserRequest, account_id: int) -> HttpResponse:
    found = get_object_or_404(ProviderAccount, request.scope.accounts(), pk=account_id)
    progress = progress_row(found, timezone.now())
    response = render(request, "credentials/_sync_progress.html", {"progress": progress})
    if not progress["busy"]:
        response["HX-Trigger"] = "synced"
    return response


@access(Access.MANAGE)
@require_POST
def demo_add(request: PurserRequest) -> HttpResponse:
    if not settings.SIMULATOR_URL or not isinstance(request.user, User):
        raise Http404
    now = timezone.now()
    organization = demo_add_for(user=request.user, relay_url=settings.SIMULATOR_URL, now=now)
    audit_record(organization=request.organization, by=request.actor, action="demo.added", now=now)
    organization_choose(user=request.user, organization=organization)
    messages.success(request, _("The demo is being filled: it has 90 days of history in about a minute."))
    return redirect("overview:overview")


@access(Access.MANAGE)
@require_POST
def demo_remove(request: PurserRequest) -> HttpResponse:
    if not request.organization.is_demo:
        raise Http404
    demo_delete(organization=request.organization)
    # The demo's own log went with it; the person's other organizations remember.
    for one in request.memberships:
        if not one.organization.is_demo:
            audit_record(organization=one.organization, by=request.actor, action="demo.removed", now=timezone.now())
    messages.success(request, _("The demo is gone."))
    return redirect("overview:overview")
