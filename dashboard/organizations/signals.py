"""What people do about signing in, put down in the audit log of every organization that they belong to."""

from typing import Any

from allauth.account.signals import (
    email_changed,
    email_confirmed,
    password_changed,
    password_reset,
    password_set,
)
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import (
    authentication_failed,
    authenticator_added,
    authenticator_removed,
    authenticator_reset,
)
from allauth.socialaccount.signals import social_account_added, social_account_removed
from allauth.usersessions.models import UserSession
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from dashboard.organizations.audit import Actor, address_of, audit_person
from dashboard.organizations.models import User


@receiver(user_logged_in)
def _signed_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    _record("person.signed_in", user, request)


@receiver(user_logged_out)
def _signed_out(sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _record("person.signed_out", user, request)
        key = request.session.session_key if request is not None else None
        UserSession.objects.filter(session_key=key or "").delete()


@receiver(user_login_failed)
def _sign_in_failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Of addresses that are known here only: what else was typed may be a password in the wrong field."""
    address = credentials.get("email") or credentials.get("username") or ""
    user = User.objects.filter(email=str(address).lower()).first()
    if user is not None:
        _record("person.sign_in_failed", user, request)


@receiver(password_changed)
@receiver(password_set)
def _password_changed(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    _record("person.password_changed", user, request)


@receiver(password_reset)
def _password_reset(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    _record("person.password_reset", user, request)


@receiver(email_changed)
def _email_changed(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    before, after = (getattr(kwargs.get(name), "email", "") for name in ("from_email_address", "to_email_address"))
    _record("person.email_changed", user, request, {"email": (before, after)})


@receiver(email_confirmed)
def _email_confirmed(sender: Any, request: HttpRequest, email_address: Any, **kwargs: Any) -> None:
    _record("person.email_confirmed", email_address.user, request)


@receiver(authenticator_added)
@receiver(authenticator_reset)
def _factor_added(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _record("person.second_factor_added", user, request, {"kind": (None, authenticator.type)})


@receiver(authenticator_removed)
def _factor_removed(sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any) -> None:
    _record("person.second_factor_removed", user, request, {"kind": (authenticator.type, None)})


@receiver(authentication_failed)
def _factor_failed(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    _record("person.second_factor_failed", user, request)


@receiver(social_account_added)
def _connected(sender: Any, request: HttpRequest, sociallogin: Any, **kwargs: Any) -> None:
    _record("person.connected", sociallogin.user, request)


@receiver(social_account_removed)
def _disconnected(sender: Any, request: HttpRequest, socialaccount: Any, **kwargs: Any) -> None:
    _record("person.disconnected", socialaccount.user, request)


def _record(action: str, user: User, request: HttpRequest | None, changes: Any = None) -> None:
    by = Actor(user, address_of(request) if request is not None else None)
    audit_person(user=user, by=by, action=action, now=timezone.now(), changes=changes)
