"""The audit log: who changed what, when and from where, each event hash-chained to the one before.

A change is told as {field: [before, after]}. Secrets never get here: what is write-only is told as `REPLACED`.
"""

import hashlib
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.http import HttpRequest

from dashboard.organizations.models import AuditEvent, Organization, User

REPLACED = "replaced"  # what stands in place of a secret's value
FIRST_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Actor:
    """Who writes: a person and the address they came from, or Purser itself."""

    user: User | None = None
    ip: str | None = None

    @property
    def person(self) -> User:
        """Who acts, where only a person can."""
        assert self.user is not None
        return self.user

    @property
    def words(self) -> str:
        if self.user is None:
            return "Purser"
        return f"{self.user.name} <{self.user.email}>" if self.user.name else self.user.email


SYSTEM = Actor()


def actor_of(request: HttpRequest) -> Actor:
    return Actor(request.user if isinstance(request.user, User) else None, address_of(request))


def address_of(request: HttpRequest) -> str | None:
    """The address that the request came from, in its canonical form; behind a socket there is none. What
    X-Forwarded-For says counts as far as our own proxies wrote it: anybody can send the rest."""
    told = request.META.get("REMOTE_ADDR", "")
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    if settings.TRUSTED_PROXIES and len(hops) >= settings.TRUSTED_PROXIES:
        told = hops[-settings.TRUSTED_PROXIES]
    try:
        return ipaddress.ip_address(told).compressed
    except ValueError:
        return None


def audit_record(
    *,
    organization: Organization,
    by: Actor,
    action: str,
    now: datetime,
    subject: models.Model | None = None,
    words: str = "",
    changes: Mapping[str, tuple[Any, Any]] | None = None,
) -> AuditEvent:
    """Append one event, in the transaction of the write that it tells of. `action` is "domain_word.past_participle";
    `words` name the subject as people know it."""
    with transaction.atomic():
        # One writer at a time per organization: the chain has no branches.
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        last = AuditEvent.objects.filter(organization=organization).order_by("-sequence").first()
        event = AuditEvent(
            organization=organization,
            sequence=last.sequence + 1 if last else 1,
            at=now,
            actor=by.user,
            actor_words=by.words[:200],
            ip=by.ip,
            action=action,
            subject_type=subject._meta.model_name or "" if subject is not None else "",
            subject_id=str(subject.pk) if subject is not None else "",
            subject_words=(words or (str(subject) if subject is not None else ""))[:200],
            changes={name: [_plain(before), _plain(after)] for name, (before, after) in (changes or {}).items()},
            previous_hash=last.hash if last else FIRST_HASH,
        )
        event.hash = event_hash(event)
        event.save()
    return event


def audit_person(
    *, user: User, by: Actor, action: str, now: datetime, changes: Mapping[str, tuple[Any, Any]] | None = None
) -> None:
    """An event of a person's own doings, in the log of every organization that they belong to."""
    with transaction.atomic():
        for organization in Organization.objects.filter(memberships__user=user).order_by("pk"):
            audit_record(organization=organization, by=by, action=action, now=now, words=str(user), changes=changes)


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What differs between two states of the same fields."""
    return {name: (before.get(name), value) for name, value in after.items() if before.get(name) != value}


def event_hash(event: AuditEvent) -> str:
    """SHA-256 over the hash before and everything the event says. The actor's row may go; their words stay."""
    told = [
        event.previous_hash,
        event.organization_id,
        event.sequence,
        event.at.astimezone(UTC).isoformat(),
        event.actor_words,
        event.ip,
        event.action,
        event.subject_type,
        event.subject_id,
        event.subject_words,
        event.changes,
    ]
    text = json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """A value as JSON keeps it, and gives it back the same."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, models.Model):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return value if value is None or isinstance(value, bool | int | str) else str(value)
