"""Writes of a person about themselves."""

from collections.abc import Iterable
from datetime import datetime

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction

from dashboard.organizations.audit import Actor, audit_person, changed
from dashboard.organizations.models import User


def person_rename(*, user: User, name: str, by: Actor, now: datetime) -> None:
    changes = changed({"name": user.name}, {"name": name})
    if changes:
        with transaction.atomic():
            user.name = name
            user.save(update_fields=["name"])
            audit_person(user=user, by=by, action="person.renamed", now=now, changes=changes)


def person_language_set(*, user: User, language: str) -> None:
    """The language of this person's pages and mails; "" follows the browser. A matter of taste: it leaves no audit
    entry."""
    if user.language != language:
        user.language = language
        user.save(update_fields=["language"])


def sessions_close(*, sessions: Iterable[UserSession], by: Actor, now: datetime) -> None:
    """Sign these browsers out at once."""
    with transaction.atomic():
        for session in sessions:
            session.end()
            audit_person(user=session.user, by=by, action="person.session_ended", now=now)


def second_factors_forget(*, user: User, by: Actor, now: datetime) -> int:
    """Take away passkeys, authenticator app and recovery codes of somebody who has lost them."""
    with transaction.atomic():
        gone, _ = Authenticator.objects.filter(user=user).delete()
        if gone:
            audit_person(user=user, by=by, action="person.second_factors_forgotten", now=now)
    return gone
