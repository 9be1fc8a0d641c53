"""Writes of people and organizations."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import connection, transaction

from dashboard.organizations.models import Membership, Organization, Role, SignInLink, User

LINK_LIFETIME = timedelta(hours=24)
FIRST_OWNER_EMAIL = "owner@purser.localhost"


def owner_ensure() -> User:
    """The first owner with a first organization, made if there is nobody yet."""
    with transaction.atomic():
        owner = User.objects.filter(memberships__role=Role.OWNER, memberships__organization__is_demo=False).first()
        if owner is None:
            owner = User.objects.filter(email=FIRST_OWNER_EMAIL).first()
            owner = owner or User.objects.create_user(FIRST_OWNER_EMAIL, name="Owner")
            organization = Organization.objects.create(name="My organization")
            Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
        return owner


def organization_delete(*, organization: Organization) -> None:
    """Remove an organization with everything that hangs on it by the ORM's rules. Its audit log, which otherwise takes
    no deletion, goes with it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('purser.organization_goes', %s, true)", [str(organization.pk)])
        organization.delete()


def organization_choose(*, user: User, organization: Organization) -> None:
    """From now on this person acts for that organization."""
    user.current_organization = organization
    user.save(update_fields=["current_organization"])


def sign_in_link_create(*, user: User, now: datetime) -> str:
    """A fresh one-time token for this person, valid for a day. Links not yet used stop working."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
        SignInLink.objects.create(user=user, token_hash=_digest(token), expires_at=now + LINK_LIFETIME)
    return token


def sign_in_link_use(*, token: str, now: datetime) -> User | None:
    """The person behind the token, once: one conditional UPDATE decides which of two clicks wins. Its condition looks
    at this one table alone, because PostgreSQL looks again only at the row that it waited for, not at a subquery."""
    digest = _digest(token)
    unused = SignInLink.objects.filter(token_hash=digest, used_at__isnull=True, expires_at__gt=now)
    if not unused.update(used_at=now):
        return None
    return User.objects.filter(sign_in_links__token_hash=digest, is_active=True).first()


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
