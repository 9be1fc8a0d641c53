"""The service tokens of an organization: made, rotated, revoked; each secret is on one answer alone."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.keys.forms import ServiceTokenForm
from dashboard.keys.models import ServiceToken
from dashboard.keys.selectors import service_token_rows
from dashboard.keys.services import service_token_create, service_token_revoke, service_token_rotate
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused


@access(Access.MANAGE)
@require_GET
def service_tokens(request: PurserRequest) -> HttpResponse:
    rows = service_token_rows(organization_id=request.organization.pk, now=timezone.now())
    return render(request, "keys/service_tokens.html", {"rows": rows})


@access(Access.MANAGE)
@limited("service_tokens", amount=60, within=timedelta(hours=1), per="organization")
@never_cache
@require_http_methods(["GET", "POST"])
def service_token_new(request: PurserRequest) -> HttpResponse:
    """Make a token; its secret is shown on the answer to the POST alone."""
    form = ServiceTokenForm(request.POST or None, organization=request.organization)
    if request.method != "POST" or not form.is_valid():
        return render(request, "keys/service_token_new.html", {"form": form})
    token, secret = service_token_create(
        organization=request.organization,
        name=form.cleaned_data["name"],
        scopes=form.cleaned_data["scopes"],
        account=form.cleaned_data["account"],
        lifetime=form.lifetime,
        by=request.actor,
        now=timezone.now(),
    )
    return render(request, "keys/service_token_made.html", {"token": token, "secret": secret})


@access(Access.MANAGE)
@limited("service_tokens", amount=60, within=timedelta(hours=1), per="organization")
@never_cache
@require_POST
def service_token_again(request: PurserRequest, service_token_id: int) -> HttpResponse:
    """Rotate a token; its new secret is shown on this answer alone."""
    token = _token(request, service_token_id)
    try:
        secret = service_token_rotate(token=token, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("keys:service_tokens")
    token.refresh_from_db()
    return render(request, "keys/service_token_made.html", {"token": token, "secret": secret, "rotated": True})


@access(Access.MANAGE)
@require_POST
def service_token_out(request: PurserRequest, service_token_id: int) -> HttpResponse:
    """Revoke a token for good."""
    token = _token(request, service_token_id)
    service_token_revoke(token=token, by=request.actor, now=timezone.now())
    messages.success(request, _("%(name)s is revoked; what it sent stays.") % {"name": token.name})
    return redirect("keys:service_tokens")


def _token(request: PurserRequest, service_token_id: int) -> ServiceToken:
    return get_object_or_404(ServiceToken, pk=service_token_id, organization=request.organization)
