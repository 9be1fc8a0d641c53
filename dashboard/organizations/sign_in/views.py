"""Coming in by a one-time link, and what one sees of one's own ways in."""

from datetime import timedelta
from typing import Any

from allauth.account.utils import perform_login
from allauth.mfa.totp.views import DeactivateTOTPView
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.organizations.access import access, limited
from dashboard.organizations.forms import ProfileForm
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import User
from dashboard.organizations.scope import Access
from dashboard.organizations.services import sign_in_link_use
from dashboard.organizations.sign_in.selectors import sessions_of, ways_in
from dashboard.organizations.sign_in.services import person_language_set, person_rename, sessions_close


@access(Access.PUBLIC)
@limited("links", amount=30, within=timedelta(minutes=1), per="address")
@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """A GET changes nothing: whatever previews links in a chat must not use them up. The page sends itself on."""
    if request.method == "GET":
        return render(request, "account/by_link.html")
    user = sign_in_link_use(token=token, now=timezone.now())
    if user is None:
        messages.error(request, _("This link was used before or is older than a day."))
        return redirect("account_login")
    return perform_login(request, user)  # asks for the second factor of whoever has one


@access(Access.PERSON)
@require_http_methods(["GET", "POST"])
def profile(request: PurserRequest) -> HttpResponse:
    """Name, address, ways in and sessions of the person who looks."""
    person = request.actor.person
    form = ProfileForm(request.POST or None, initial={"name": person.name, "language": person.language})
    if request.method == "POST" and form.is_valid():
        person_rename(user=person, name=form.cleaned_data["name"], by=request.actor, now=timezone.now())
        person_language_set(user=person, language=form.cleaned_data["language"])
        messages.success(request, _("Saved."))
        return redirect("mfa_index")
    context = {
        "form": form,
        "ways": ways_in(person),
        "sessions": sessions_of(person, current=request.session.session_key or ""),
    }
    return render(request, "account/profile.html", context)


@access(Access.PUBLIC)
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """The switch on every page: for this browser by a cookie, and for the person who is signed in. It leads back to the
    page it was pressed on: the browser says which, so that no address with its query is written into pages."""
    chosen, back = request.POST.get("language", ""), request.headers.get("referer", "")
    here = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    response = redirect(back if here else "overview:overview")
    if chosen in dict(settings.LANGUAGES):
        if isinstance(request.user, User):
            person_language_set(user=request.user, language=chosen)
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            chosen,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            samesite="Lax",
            httponly=True,
        )
    return response


@access(Access.PERSON)
@require_GET
def passkeys(request: PurserRequest) -> HttpResponse:
    """The profile lists them."""
    return redirect("mfa_index")


class _Loss:
    """A page that takes a way in away: it is told what else there is."""

    request: PurserRequest

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        return context | {"ways": ways_in(self.request.actor.person)}


class AppOff(_Loss, DeactivateTOTPView):
    """Turn the authenticator app off."""


class PasskeyRemoval(_Loss, RemoveWebAuthnView):
    """Remove a passkey."""


@access(Access.PERSON)
@require_POST
def session_end(request: PurserRequest, session_number: int) -> HttpResponse:
    """Sign one browser out."""
    found = get_object_or_404(UserSession, pk=session_number, user=request.actor.person)
    sessions_close(sessions=[found], by=request.actor, now=timezone.now())
    messages.success(request, _("That browser is signed out."))
    return redirect("mfa_index")


@access(Access.PERSON)
@require_POST
def sessions_end(request: PurserRequest) -> HttpResponse:
    """Sign all other browsers out."""
    others = UserSession.objects.filter(user=request.actor.person).exclude(session_key=request.session.session_key)
    sessions_close(sessions=list(others), by=request.actor, now=timezone.now())
    messages.success(request, _("All other browsers are signed out."))
    return redirect("mfa_index")
