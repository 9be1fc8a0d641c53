"""Signing in and out, and choosing the organization to act for."""

from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import Membership
from dashboard.organizations.scope import Access
from dashboard.organizations.services import organization_choose as choose
from dashboard.organizations.services import sign_in_link_use


@access(Access.PUBLIC)
@require_GET
def sign_in(request: HttpRequest) -> HttpResponse:
    """How to get in: there is no password, a one-time link is printed where Purser was started."""
    if request.user.is_authenticated:
        return redirect("overview:overview")
    return render(request, "organizations/sign_in.html")


@access(Access.PUBLIC)
@require_GET
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    user = sign_in_link_use(token=token, now=timezone.now())
    if user is None:
        messages.error(request, _("This link was used before or is older than a day."))
        return redirect("organizations:sign_in")
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect("overview:overview")


@access(Access.PUBLIC)
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("organizations:sign_in")


@access(Access.PERSON)
@require_POST
def organization_choose(request: PurserRequest, organization_id: int) -> HttpResponse:
    membership = get_object_or_404(
        Membership.objects.select_related("user", "organization"), user=request.user, organization_id=organization_id
    )
    choose(user=membership.user, organization=membership.organization)
    return redirect("overview:overview")
