"""Signing in and out, put down in the audit log of every organization that the person belongs to."""

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from dashboard.organizations.audit import Actor, address_of, audit_record
from dashboard.organizations.models import Organization, User


@receiver(user_logged_in)
def _signed_in(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    _record("person.signed_in", user, request)


@receiver(user_logged_out)
def _signed_out(sender: Any, request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        _record("person.signed_out", user, request)


@receiver(user_login_failed)
def _sign_in_failed(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    """Of addresses that are known here only: what else was typed may be a password in the wrong field."""
    address = credentials.get("email") or credentials.get("username") or ""
    user = User.objects.filter(email=str(address).lower()).first()
    if user is not None:
        _record("person.sign_in_failed", user, request)


def _record(action: str, user: User, request: HttpRequest | None) -> None:
    by = Actor(user, address_of(request) if request is not None else None)
    for organization in Organization.objects.filter(memberships__user=user).order_by("pk"):
        audit_record(organization=organization, by=by, action=action, now=timezone.now(), words=str(user))
