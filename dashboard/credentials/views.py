"""Connecting a provider: choose, enter, be checked."""

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import HttpResponseClientRedirect

from dashboard.credentials.account_forms import AccountForm, ExpiryForm
from dashboard.credentials.catalog import provider_of
from dashboard.credentials.catalog_pages import STATUSES, catalog_page, catalog_rows, provider_groups
from dashboard.credentials.forms import ConnectForm
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.oauth.selectors import grant_rows, sign_in_ways
from dashboard.credentials.selectors import (
    accounts_of_provider,
    connected_slugs,
    credential_in,
    environment_keys,
    environment_values,
    field_label,
    own_connectable,
    provider_card,
    providers_by_name,
    warning_words,
)
from dashboard.credentials.services import (
    account_change,
    credential_adopt,
    credential_create,
    credential_expiry_set,
    credential_recheck,
    credential_replace,
)
from dashboard.credentials.verdicts import check_result
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES, Provider

JUST_NOW = timedelta(minutes=15)  # how long a key's page is still the end of connecting it


@access(Access.READ)
@require_GET
def provider_list(request: PurserRequest) -> HttpResponse:
    """What each provider tells: `q` searches, `tells` (as often as wanted) keeps those that offer all of these."""
    words = request.GET.get("q", "")[:80].strip()
    tells = [name for name in CAPABILITIES if name in request.GET.getlist("tells")]
    own = own_connectable(organization_id=request.organization.pk)
    context = {
        "providers": catalog_rows(own=own, scope=request.scope, words=words, tells=tells),
        "all": len(PROVIDERS) + len(own),
        "words": words,
        "tells": tells,
        "capabilities": CAPABILITIES,
        "statuses": [{"glyph": glyph, "look": look, "word": word} for glyph, look, word in STATUSES.values()],
    }
    return render(request, "credentials/provider_list.html", context)


@access(Access.READ)
@require_GET
def provider_detail(request: PurserRequest, slug: str) -> HttpResponse:
    """One provider: every capability with its source, what is absent and why, its fields and addresses."""
    context = {"provider": catalog_page(provider=_provider(request, slug), scope=request.scope)}
    return render(request, "credentials/provider_detail.html", context)


@access(Access.READ)
@require_GET
def connect(request: PurserRequest) -> HttpResponse:
    """All providers; without JavaScript too, `q` searches by name and `tells` keeps those that offer all of these."""
    organization, words = request.organization, request.GET.get("q", "")[:80].strip()
    tells = [name for name in CAPABILITIES if name in request.GET.getlist("tells")]
    own = own_connectable(organization_id=organization.pk)
    providers = providers_by_name(words, own=own, tells=tells)
    may_use_keys = request.membership.may_manage and not organization.is_demo
    context = {
        "groups": provider_groups(providers, connected_slugs(organization_id=organization.pk)),
        "shown": len(providers),
        "all": len(providers_by_name(own=own)),
        "words": words,
        "tells": tells,
        "capabilities": CAPABILITIES,
        "environment_keys": environment_keys(organization_id=organization.pk) if may_use_keys else (),
    }
    return render(request, "credentials/connect.html", context)


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def connect_form(request: PurserRequest, slug: str) -> HttpResponse:
    provider = _provider(request, slug)
    accounts = accounts_of_provider(organization_id=request.organization.pk, slug=slug)
    form = ConnectForm(
        request.POST or None,
        provider=provider,
        accounts=accounts,
        initial={"same_account": request.GET.get("account", "")},
    )
    if request.method == "POST" and form.is_valid():
        check, now = request.POST.get("action") != "save", timezone.now()
        credential = credential_create(
            organization=request.organization,
            provider=provider,
            values=form.values,
            label=form.cleaned_data["label"],
            by=request.actor,
            now=now,
            same_account=form.same_account,
            check=check,
            endings=form.endings,
        )
        if not check:
            credential_adopt(credential=credential, by=request.actor, now=now)
        return _go(request, reverse("credentials:check", args=[credential.pk]))
    context = {"provider": provider_card(provider), "form": form, "ways": sign_in_ways(provider)}
    return render(request, "credentials/connect_form.html", context)


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def check(request: PurserRequest, credential_id: int) -> HttpResponse:
    """The verdict on a credential as it stands; a POST enters other values and checks again."""
    credential = _credential(request, credential_id)
    form = ConnectForm(request.POST or None, provider=credential.provider, credential=credential)
    if request.method == "POST" and form.is_valid():
        now, endings = timezone.now(), form.endings
        gone = credential_replace(credential=credential, values=form.values, by=request.actor, now=now, endings=endings)
        if gone:
            names = ", ".join(field_label(credential.provider, name) for name in gone)
            words = _("The address is another one now. Dropped, because it must not go there: %(names)s.")
            messages.warning(request, words % {"names": names})
        return _go(request, reverse("credentials:check", args=[credential.pk]))
    context = {
        "provider": provider_card(credential.provider),
        "form": form,
        "credential": credential,
        "fresh": timezone.now() - credential.created_at < JUST_NOW,
        "checking": credential.state == CredentialState.CHECKING,
        "result": check_result(credential),
        "grants": grant_rows(credential, timezone.now()),
        "ways": sign_in_ways(credential.provider, credential),
        "warnings": [] if credential.state == CredentialState.CHECKING else warning_words(credential),
        "expiry": ExpiryForm(initial={"expires_on": credential.expires_on}),
        "age": credential.secrets_changed_at,
        "alone": not credential.account.credentials.exclude(pk=credential.pk).exists(),
        "account_url": reverse("credentials:account", args=[credential.account_id]),
    }
    return render(request, "credentials/check.html", context)


@access(Access.MANAGE)
@require_POST
def expiry(request: PurserRequest, credential_id: int) -> HttpResponse:
    """When the key ends at its provider."""
    credential = _credential(request, credential_id)
    form = ExpiryForm(request.POST)
    if form.is_valid():
        day = form.cleaned_data["expires_on"]
        credential_expiry_set(credential=credential, expires_on=day, by=request.actor, now=timezone.now())
        messages.success(request, _("Saved."))
    else:
        messages.error(request, _("That is not a date. Nothing was changed."))
    return redirect("credentials:check", credential_id=credential.pk)


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_POST
def recheck(request: PurserRequest, credential_id: int) -> HttpResponse:
    credential = _credential(request, credential_id)
    credential_recheck(credential=credential, by=request.actor, now=timezone.now())
    return redirect("credentials:check", credential_id=credential.pk)


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def account_settings(request: PurserRequest, account_id: int) -> HttpResponse:
    """Label, owner team, tags and notes of an account."""
    account = get_object_or_404(ProviderAccount, pk=account_id, organization=request.organization)
    form = AccountForm(request.POST or None, instance=account)
    if request.method == "POST" and form.is_valid():
        account_change(account=form.instance, by=request.actor, now=timezone.now())
        messages.success(request, _("Saved."))
        return redirect("credentials:account", account_id=account.pk)
    return render(request, "credentials/account_settings.html", {"account": account, "form": form})


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_POST
def connect_from_environment(request: PurserRequest) -> HttpResponse:
    provider = _provider(request, request.POST.get("slug", ""))
    values = environment_values(provider)
    if not values:
        messages.error(request, _("The environment holds no key for %(name)s.") % {"name": provider.name})
        return redirect("credentials:connect_form", slug=provider.slug)
    if request.organization.is_demo or not settings.PROVIDER_KEYS:
        raise Http404
    credential = credential_create(
        organization=request.organization,
        provider=provider,
        values=values,
        label="",
        by=request.actor,
        now=timezone.now(),
    )
    return redirect("credentials:check", credential_id=credential.pk)


def _provider(request: PurserRequest, slug: str) -> Provider:
    found = provider_of(request.organization.pk, slug)
    if found is None or not found.offers_anything:
        raise Http404
    return found


def _credential(request: PurserRequest, credential_id: int) -> ProviderCredential:
    found = credential_in(organization_id=request.organization.pk, credential_id=credential_id)
    if found is None:
        raise Http404
    return found


def _go(request: HttpRequest, url: str) -> HttpResponse:
    """On to another page, for htmx and for a plain browser."""
    return HttpResponseClientRedirect(url) if getattr(request, "htmx", False) else redirect(url)
