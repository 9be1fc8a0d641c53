"""Signing in at a provider: begin, go there, come back, say that it is the right account."""

from datetime import timedelta

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.credentials.models import OAuthClient, OAuthLogin
from dashboard.credentials.oauth.forms import ClientForm, SignInForm
from dashboard.credentials.oauth.selectors import (
    client_rows,
    login_of,
    login_row,
    registration,
    sign_in_ways,
    signed_in_with,
)
from dashboard.credentials.oauth.services import (
    Wish,
    client_remove,
    client_save,
    login_accept,
    login_begin,
    login_cancel,
    login_go,
    login_restart,
    login_return,
)
from dashboard.credentials.selectors import accounts_of_provider, credential_in, provider_card
from dashboard.organizations.access import access, limited
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from providers.registry import PROVIDERS
from providers.spec import Provider

MOST_STATE, MOST_CODE = 200, 2_000


@access(Access.MANAGE)
@limited("sign-ins", amount=30, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def begin(request: PurserRequest, slug: str) -> HttpResponse:
    """Connect a new account by signing in."""
    provider = _provider(slug)
    accounts = accounts_of_provider(organization_id=request.organization.pk, slug=slug)
    chosen = {"way": request.GET.get("way", ""), "same_account": request.GET.get("account", "")}
    form = SignInForm(
        request.POST or None,
        provider=provider,
        accounts=accounts,
        organization_id=request.organization.pk,
        initial=chosen,
    )
    if request.method == "POST" and form.is_valid():
        wish = Wish(settings=form.open_values, label=form.cleaned_data["label"], account=form.same_account)
        return _on(request, _begun(request, form, wish))
    return render(request, "credentials/oauth_begin.html", _context(request, provider, form))


@access(Access.MANAGE)
@limited("sign-ins", amount=30, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def again(request: PurserRequest, credential_id: int) -> HttpResponse:
    """Sign in for a credential that is here: one press where its app is saved."""
    credential = credential_in(organization_id=request.organization.pk, credential_id=credential_id)
    if credential is None:
        raise Http404
    provider = _provider(credential.account.provider_slug)
    form = SignInForm(
        request.POST or None, provider=provider, organization_id=request.organization.pk, credential=credential
    )
    if request.method == "POST" and form.is_valid():
        wish = Wish(settings=form.open_values, credential=credential, relay_url=credential.relay_url)
        return _on(request, _begun(request, form, wish))
    context = _context(request, provider, form)
    return render(request, "credentials/oauth_begin.html", {**context, "credential": credential})


@access(Access.MANAGE)
@require_GET
@never_cache
def login(request: PurserRequest, login_id: int) -> HttpResponse:
    """A sign-in as it stands; the page asks again by itself as long as something moves."""
    found = _login(request, login_id)
    provider = PROVIDERS[found.provider_slug]
    row = login_row(found, provider, timezone.now())
    response = render(request, "credentials/oauth_login.html", {"provider": provider_card(provider), "login": row})
    if row["goes"]:
        response.form_leads_to = row["site"]  # type: ignore[attr-defined]
    return response


@access(Access.MANAGE)
@limited("sign-ins", amount=30, within=timedelta(minutes=10), per="organization")
@require_POST
def go(request: PurserRequest, login_id: int) -> HttpResponse:
    """On to the provider, in this browser: only it may bring the answer back."""
    found = _login(request, login_id)
    url = login_go(login=found, now=timezone.now())
    if url is None:
        return _on(request, found)
    request.session[_key(found.provider_slug)] = found.pk
    return redirect(url)


@access(Access.MANAGE)
@require_GET
@never_cache
def callback(request: PurserRequest, slug: str) -> HttpResponse:
    """The provider sends the person back here. The address holds the code, so the browser leaves it at once."""
    provider = _provider(slug)
    login_id = request.session.get(_key(slug))
    found = login_of(organization_id=request.organization.pk, person_id=request.actor.person.pk, login_id=login_id or 0)
    state, code = request.GET.get("state", ""), request.GET.get("code", "")
    fits = found is not None and found.provider_slug == slug and len(state) <= MOST_STATE and len(code) <= MOST_CODE
    if not fits or not login_return(login=found, state=state, code=code, now=timezone.now()):  # type: ignore[arg-type]
        words = _("That answer belongs to no sign-in that waits in this browser, or it came too late. Begin again.")
        messages.error(request, words)
        return redirect("credentials:connect_form", slug=provider.slug)
    del request.session[_key(slug)]
    return redirect("credentials:oauth_login", login_id=login_id)


@access(Access.MANAGE)
@limited("sign-ins", amount=30, within=timedelta(minutes=10), per="organization")
@require_POST
def restart(request: PurserRequest, login_id: int) -> HttpResponse:
    """A new code, or another try."""
    new = login_restart(login=_login(request, login_id), by=request.actor, now=timezone.now())
    if new is None:
        raise Http404
    return _on(request, new)


@access(Access.MANAGE)
@require_POST
def cancel(request: PurserRequest, login_id: int) -> HttpResponse:
    found = _login(request, login_id)
    login_cancel(login=found, by=request.actor, now=timezone.now())
    return _on(request, found)


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_POST
def accept(request: PurserRequest, login_id: int) -> HttpResponse:
    """It is the right account: connect it."""
    found = _login(request, login_id)
    credential = login_accept(login=found, by=request.actor, now=timezone.now())
    if credential is None:
        messages.error(request, _("There is nothing to connect any more. Sign in again."))
        return _on(request, found)
    return redirect("credentials:check", credential_id=credential.pk)


@access(Access.MANAGE)
@require_http_methods(["GET", "POST"])
def client(request: PurserRequest, client_id: int) -> HttpResponse:
    """An app: another id or secret for it."""
    found = get_object_or_404(OAuthClient, pk=client_id, organization=request.organization)
    provider = _provider(found.provider_slug)
    form = ClientForm(request.POST or None, client=found, provider=provider)
    if request.method == "POST" and form.is_valid():
        client_save(
            organization=request.organization,
            provider=provider,
            site=found.site,
            client_id=form.cleaned_data["client_id"],
            client_secret=form.cleaned_data["client_secret"],
            by=request.actor,
            now=timezone.now(),
        )
        messages.success(request, _("Saved."))
        return redirect("credentials:oauth_begin", slug=provider.slug)
    context = {
        "client": found,
        "form": form,
        "provider": provider_card(provider),
        "keys": signed_in_with(found),
        **registration(provider, found.site),
    }
    return render(request, "credentials/oauth_client.html", context)


@access(Access.MANAGE)
@require_POST
def client_out(request: PurserRequest, client_id: int) -> HttpResponse:
    """Remove an app."""
    found = get_object_or_404(OAuthClient, pk=client_id, organization=request.organization)
    client_remove(client=found, by=request.actor, now=timezone.now())
    messages.success(request, _("The app is removed here. Delete it at the provider too."))
    return redirect("credentials:oauth_begin", slug=found.provider_slug)


def _begun(request: PurserRequest, form: SignInForm, wish: Wish) -> OAuthLogin:
    """Save the app where one was typed, and begin."""
    client, now = form.client, timezone.now()
    if client is None or form.cleaned_data["client_id"]:
        client = client_save(
            organization=request.organization,
            provider=form.provider,
            site=form.site,
            client_id=form.cleaned_data["client_id"],
            client_secret=form.cleaned_data["client_secret"],
            by=request.actor,
            now=now,
        )
    return login_begin(
        organization=request.organization, client=client, app=form.app, wish=wish, by=request.actor, now=now
    )


def _context(request: PurserRequest, provider: Provider, form: SignInForm) -> dict[str, object]:
    return {
        "provider": provider_card(provider),
        "form": form,
        "clients": client_rows(organization_id=request.organization.pk, slug=provider.slug),
        "ways": sign_in_ways(provider),
        **registration(provider, form.site),
    }


def _on(request: PurserRequest, found: OAuthLogin) -> HttpResponse:
    return redirect("credentials:oauth_login", login_id=found.pk)


def _key(slug: str) -> str:
    """Under which the session knows the sign-in that this browser went away for."""
    return f"oauth:{slug}"


def _provider(slug: str) -> Provider:
    if slug not in PROVIDERS or not PROVIDERS[slug].oauth_apps:
        raise Http404
    return PROVIDERS[slug]


def _login(request: PurserRequest, login_id: int) -> OAuthLogin:
    """A sign-in of this person in this organization; anybody else's does not exist."""
    found = login_of(organization_id=request.organization.pk, person_id=request.actor.person.pk, login_id=login_id)
    if found is None:
        raise Http404
    return found
