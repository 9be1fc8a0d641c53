"""What people say of the keys at the providers, and the service tokens of an organization: made, rotated, revoked; each
secret is on one answer alone. What is read of keys is in `overview.keys`."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.core.confirming import name_typed
from dashboard.core.languages.joining import listed
from dashboard.core.templatetags.purser import moment
from dashboard.keys.forms import AssignForm, ServiceTokenForm, TypedKeyForm
from dashboard.keys.models import ProviderKey, ServiceToken
from dashboard.keys.selectors import provider_keys_in, service_token_rows
from dashboard.keys.services import (
    provider_key_assign,
    provider_key_forget,
    provider_key_type_in,
    service_token_create,
    service_token_revoke,
    service_token_rotate,
)
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def key_assign(request: PurserRequest, provider_key_id: int) -> HttpResponse:
    """Whose the key is, and what it is for."""
    found, now = _key(request, provider_key_id), timezone.now()
    form = AssignForm(request.POST or None, key=found, today=request.organization.local(now).date())
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        provider_key_assign(
            key=found,
            team=data["team"],
            purpose=data["purpose"],
            valid_from=data["valid_from"],
            by=request.actor,
            now=now,
        )
        messages.success(request, _("Saved."))
        return redirect("keys:key", provider_key_id=found.pk)
    return render(request, "keys/key_assign.html", {"key": found, "form": form})


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def key_type_in(request: PurserRequest) -> HttpResponse:
    """A key that its provider does not list."""
    form = TypedKeyForm(
        request.POST or None,
        organization=request.organization,
        initial={"account": request.GET.get("account", "")},
    )
    if request.method == "POST" and form.is_valid():
        try:
            typed = provider_key_type_in(**form.cleaned_data, by=request.actor, now=timezone.now())
        except Refused as refused:
            form.add_error("external_id", str(refused))
        else:
            messages.success(request, _("Added. Say whose it is."))
            return redirect("keys:key_assign", provider_key_id=typed.pk)
    return render(request, "keys/key_type_in.html", {"form": form})


@access(Access.MANAGE)
@require_POST
def key_forget(request: PurserRequest, provider_key_id: int) -> HttpResponse:
    """Take back a typed key; its name is typed."""
    found = _key(request, provider_key_id)
    if not name_typed(request, str(found)):
        return redirect("keys:key", provider_key_id=found.pk)
    try:
        provider_key_forget(key=found, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("keys:key", provider_key_id=found.pk)
    messages.success(request, _("%(name)s is removed from Purser.") % {"name": str(found)})
    return redirect("keys:key_list")


def _key(request: PurserRequest, provider_key_id: int) -> ProviderKey:
    found = provider_keys_in(request.scope).filter(pk=provider_key_id).first()
    if found is None:
        raise Http404
    return found


@access(Access.MANAGE)
@require_GET
def service_tokens(request: PurserRequest) -> HttpResponse:
    rows = service_token_rows(organization_id=request.organization.pk, now=timezone.now())
    return render(
        request, "keys/service_tokens.html", {"rows": [{**row, "hit": _who_is_hit(row["token"])} for row in rows]}
    )


def _who_is_hit(token: ServiceToken) -> list[dict[str, str]]:
    """What ends with a token, for the question before it is revoked."""
    where = _("the whole organization")
    if token.account is not None:
        where = token.account.full_name
    elif token.team is not None:
        where = token.team.name
    used = str(moment(token.last_used_at)) if token.last_used_at is not None else _("never used")
    return [
        {"label": _("May"), "words": listed(token.scope_words)},
        {"label": _("Last used"), "words": used},
        {"label": _("Acts for"), "words": where},
    ]


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
        team=form.cleaned_data["team"],
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
    """Revoke a token for good; its name is typed."""
    token = _token(request, service_token_id)
    if not name_typed(request, token.name):
        return redirect("keys:service_tokens")
    service_token_revoke(token=token, by=request.actor, now=timezone.now())
    messages.success(request, _("%(name)s is revoked; what it sent stays.") % {"name": token.name})
    return redirect("keys:service_tokens")


def _token(request: PurserRequest, service_token_id: int) -> ServiceToken:
    return get_object_or_404(ServiceToken, pk=service_token_id, organization=request.organization)
