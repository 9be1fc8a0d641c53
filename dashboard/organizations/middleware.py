"""Which organization a request acts for."""

from collections.abc import Callable
from datetime import timedelta

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from dashboard.organizations.audit import Actor, actor_of, address_of
from dashboard.organizations.models import Membership, Organization, User
from dashboard.organizations.scope import Scope, scope_of
from dashboard.organizations.selectors import acting_membership, memberships_of

SEEN, SEEN_EVERY = "seen", timedelta(minutes=5)


class PurserRequest(HttpRequest):
    """A signed-in request: `organization` and `membership` are there, because views without them are public."""

    organization: Organization
    membership: Membership
    memberships: list[Membership]
    scope: Scope  # what this person may read
    actor: Actor  # who writes, and from where, for the audit log


class LanguageMiddleware:
    """Pages speak the language that the person chose; without a choice what Django's LocaleMiddleware found stands:
    the switch of this browser, else what the browser asks for."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.user.language if isinstance(request.user, User) else ""
        if not chosen or chosen == translation.get_language():
            return self.get_response(request)
        with translation.override(chosen):
            request.LANGUAGE_CODE = chosen
            return self.get_response(request)


class OrganizationMiddleware:
    """Sets `request.membership`, `request.organization` and `request.scope` (None for strangers), `request.actor`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        membership, memberships = None, []
        if isinstance(request.user, User):
            memberships = memberships_of(request.user)
            membership = acting_membership(request.user, memberships)
        request.memberships = memberships  # type: ignore[attr-defined]
        request.membership = membership  # type: ignore[attr-defined]
        request.organization = membership.organization if membership else None  # type: ignore[attr-defined]
        request.scope = scope_of(membership) if membership else None  # type: ignore[attr-defined]
        request.actor = actor_of(request)  # type: ignore[attr-defined]
        if isinstance(request.user, User):
            _note_presence(request)
        if membership is None:
            return self.get_response(request)
        with timezone.override(membership.organization.zone):
            return self.get_response(request)


def _note_presence(request: HttpRequest) -> None:
    """For the list of browsers on the profile. Now and then is enough: a page view should write nothing."""
    now = timezone.now()
    if now.timestamp() - request.session.get(SEEN, 0) < SEEN_EVERY.total_seconds():
        return
    request.session[SEEN] = now.timestamp()
    rows = UserSession.objects.filter(session_key=request.session.session_key or "")
    rows.update(last_seen_at=now, ip=address_of(request) or "0.0.0.0")  # noqa: S104
