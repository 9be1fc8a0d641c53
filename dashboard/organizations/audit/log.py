"""Reads of the audit log: filtered, newest first, in words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext, pgettext

from dashboard.core.languages.joining import listed
from dashboard.core.languages.phrases import told
from dashboard.core.templatetags.purser import clock, full_day
from dashboard.organizations.audit import FIRST_HASH, REPLACED, SYSTEM, event_hash
from dashboard.organizations.models import AuditEvent, Organization, Role
from providers.registry import PROVIDERS

MOST_CHARACTERS = 100
BATCH = 1000
# A name that only a machine reads: without a space, and part of it is long and has a digit.
MACHINE_NAME = re.compile(r"(?=\S*\d)\S*(?:[0-9A-Za-z]{16}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\S*")
HEAD, TAIL = 6, 4  # characters that are left of it

# action: what happened, between the person's name and what it was done to. An action that is not here shows its code.
WORDS: Mapping[str, str] = {
    "person.signed_in": gettext_noop("signed in"),
    "person.signed_out": gettext_noop("signed out"),
    "person.sign_in_failed": gettext_noop("could not sign in"),
    "person.renamed": gettext_noop("changed their name"),
    "person.session_ended": gettext_noop("signed out another browser"),
    "person.password_changed": gettext_noop("changed their password"),
    "person.password_reset": gettext_noop("reset their password"),
    "person.email_changed": gettext_noop("changed their e-mail address"),
    "person.email_confirmed": gettext_noop("confirmed their e-mail address"),
    "person.second_factor_added": gettext_noop("added a second factor"),
    "person.second_factor_removed": gettext_noop("removed a second factor"),
    "person.second_factor_failed": gettext_noop("gave a wrong second factor"),
    "person.second_factors_forgotten": gettext_noop("lost their second factors"),
    "person.connected": gettext_noop("connected single sign-on"),
    "person.disconnected": gettext_noop("disconnected single sign-on"),
    "organization.created": gettext_noop("created the organization"),
    "organization.changed": gettext_noop("changed the organization"),
    "organization.currency_chosen": gettext_noop("chose the reporting currency"),
    "member.changed": gettext_noop("changed the member"),
    "member.removed": gettext_noop("removed the member"),
    "member.link_made": gettext_noop("made a sign-in link for"),
    "member.left": gettext_noop("left the organization"),
    "invitation.created": gettext_noop("made an invitation for"),
    "invitation.revoked": gettext_noop("took back the invitation for"),
    "invitation.accepted": gettext_noop("accepted the invitation for"),
    "team.created": gettext_noop("created the team"),
    "team.changed": gettext_noop("changed the team"),
    "team.archived": gettext_noop("archived the team"),
    "team.restored": gettext_noop("brought back the team"),
    "team.member_added": gettext_noop("added somebody to the team"),
    "team.member_removed": gettext_noop("took somebody out of the team"),
    "credential.connected": gettext_noop("connected a key of"),
    "credential.replaced": gettext_noop("replaced a key of"),
    "credential.rechecked": gettext_noop("asked for a new check of a key of"),
    "credential.used_unchecked": gettext_noop("skipped the check of a key of"),
    "credential.paused": gettext_noop("paused a key of"),
    "credential.resumed": gettext_noop("resumed a key of"),
    "credential.expiry_set": gettext_noop("set the expiry of a key of"),
    "credential.switched": gettext_noop("switched to another key of"),
    "credential.app_saved": gettext_noop("saved the app for signing in at"),
    "credential.app_removed": gettext_noop("removed the app for signing in at"),
    "credential.sign_in_begun": gettext_noop("began to sign in at"),
    "credential.sign_in_cancelled": gettext_noop("cancelled the sign-in at"),
    "credential.signed_in": gettext_noop("signed in at"),
    "credential.removed": gettext_noop("removed a key of"),
    "credential.secrets_dropped": gettext_noop("dropped, as the description names another place now, a key of"),
    "provider.described": gettext_noop("described the provider"),
    "provider.changed": gettext_noop("changed the description of"),
    "provider.deleted": gettext_noop("deleted the description of"),
    "account.erased": gettext_noop("erased, with its history, the account"),
    "account.changed": gettext_noop("changed the account"),
    "entry.added": gettext_noop("typed in a figure of"),
    "entry.removed": gettext_noop("took back a typed figure of"),
    "allocation.made": gettext_noop("made an allocation rule for"),
    "allocation.changed": gettext_noop("changed the allocation rule for"),
    "allocation.removed": gettext_noop("deleted the allocation rule for"),
    "rate.typed": gettext_noop("typed in an exchange rate for"),
    "rate.changed": gettext_noop("changed the exchange rate for"),
    "rate.removed": gettext_noop("deleted the exchange rate for"),
    "import.made": gettext_noop("imported the file"),
    "import.undone": gettext_noop("undid the import of"),
    "provider_key.typed_in": gettext_noop("typed in the key"),
    "provider_key.assigned": gettext_noop("said who owns the key"),
    "provider_key.forgotten": gettext_noop("took back the typed key"),
    "provider_key.secret_dropped": gettext_noop("erased the kept secret of the key"),
    "key_change.asked": gettext_noop("asked the provider to change the key"),
    "key_change.done": gettext_noop("had the provider change the key"),
    "key_change.failed": gettext_noop("could not have the provider change the key"),
    "key_change.found": gettext_noop("found at the provider, with its secret lost, the key"),
    "key_change.reconciled": gettext_noop("settled the change of the key"),
    "service_token.created": gettext_noop("made the service token"),
    "service_token.rotated": gettext_noop("rotated the service token"),
    "service_token.revoked": gettext_noop("revoked the service token"),
    "routes.saved": gettext_noop("saved the routes of"),
    "routes.restored": gettext_noop("brought back older routes of"),
    "routes.removed": gettext_noop("removed the routes of"),
    "sync.asked": gettext_noop("asked for a sync of"),
    "demo.added": gettext_noop("added the demo"),
    "demo.removed": gettext_noop("removed the demo"),
}
GROUPS: Mapping[str, str] = {
    "person": gettext_noop("Signing in"),
    "organization": gettext_noop("Organization"),
    "member": gettext_noop("Members"),
    "invitation": gettext_noop("Invitations"),
    "team": gettext_noop("Teams"),
    "account": gettext_noop("Accounts"),
    "credential": gettext_noop("Keys"),
    "entry": gettext_noop("Typed figures"),
    "allocation": gettext_noop("Allocation rules"),
    "rate": gettext_noop("Exchange rates"),
    "import": gettext_noop("Imports"),
    "provider_key": gettext_noop("Provider keys"),
    "key_change": gettext_noop("Keys changed at their providers"),
    "service_token": gettext_noop("Service tokens"),
    "provider": gettext_noop("Described providers"),
    "routes": gettext_noop("Routing"),
    "sync": gettext_noop("Syncing"),
    "demo": gettext_noop("Demo"),
}

# What an event says it changed, by the name that its writer gave it. One that is not here stands as it was written, as
# do the open fields of providers.
FIELDS: Mapping[str, str] = {
    "account": gettext_noop("Account"),
    "amount": gettext_noop("Amount"),
    "at": gettext_noop("When"),
    "client_id": gettext_noop("Client id"),
    "client_secret": gettext_noop("Client secret"),
    "colour": gettext_noop("Colour in charts"),
    "cost_centre": gettext_noop("Cost centre"),
    "currency": gettext_noop("Reporting currency"),
    "days": gettext_noop("Days"),
    "dimension": gettext_noop("By"),
    "expires_at": gettext_noop("Expires"),
    "expires_on": gettext_noop("Expires"),
    "first_day": gettext_noop("First day"),
    "intent": gettext_noop("Change"),
    "keep_secret": gettext_noop("Keep the secret, encrypted"),
    "kind": gettext_noop("Kind"),
    "label": gettext_noop("Label"),
    "last_day": gettext_noop("Last day"),
    "left_out": gettext_noop("Left out"),
    "lines": gettext_noop("Lines"),
    "members": gettext_noop("Members"),
    "message": gettext_noop("Answer"),
    "money": gettext_noop("Cost"),
    "name": gettext_noop("Name"),
    "note": gettext_noop("Note"),
    "notes": gettext_noop("Notes"),
    "operation": gettext_noop("What"),
    "owned_from": gettext_noop("Owner from"),
    "project": gettext_noop("Project"),
    "provider": gettext_noop("Provider"),
    "purpose": gettext_noop("Purpose"),
    "rate": gettext_noop("Rate"),
    "records": gettext_noop("Records"),
    "reporting_currency": gettext_noop("Reporting currency"),
    "reporting_zone": gettext_noop("Reporting zone"),
    "revision": gettext_noop("Revision"),
    "role": gettext_noop("Role"),
    "rotates": gettext_noop("In place of"),
    "scopes": gettext_noop("May"),
    "secret": gettext_noop("Secret"),
    "sees_all": gettext_noop("Reads all accounts, whatever the team"),
    "sees_balances": gettext_noop("Sees balances and quotas, not only spend"),
    "since": gettext_noop("From this month on"),
    "tags": gettext_noop("Tags"),
    "team": gettext_noop("Owner team"),
    "teams": gettext_noop("Teams"),
    "unit": gettext_noop("Currency or unit"),
    "valid_from": gettext_noop("From this day on"),
    "value": gettext_noop("Which one"),
}
# What a service token may do, by the name that is stored of it.
SCOPES: Mapping[str, str] = {
    "routes:read": gettext_noop("Read routes"),
    "usage:write": gettext_noop("Send usage"),
    "read": gettext_noop("Read figures"),
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events: of one person, one group of actions, days [first, last] in the reporting zone, words in the
    subject."""

    actor_id: int | None = None
    group: str = ""
    first: date | None = None
    last: date | None = None
    text: str = ""


def audit_events(*, organization: Organization, chosen: Filter, before: int | None = None) -> QuerySet[AuditEvent]:
    """Newest first; `before` is the sequence to go on from."""
    events = AuditEvent.objects.filter(organization=organization)
    if chosen.actor_id is not None:
        events = events.filter(actor_id=chosen.actor_id)
    if chosen.group in GROUPS:
        events = events.filter(action__startswith=f"{chosen.group}.")
    if chosen.first:
        events = events.filter(at__gte=_midnight(organization, chosen.first))
    if chosen.last:
        events = events.filter(at__lt=_midnight(organization, chosen.last + timedelta(days=1)))
    if text := chosen.text[:MOST_CHARACTERS]:
        # icontains escapes the wildcards of LIKE: what is typed is looked for as it stands.
        events = events.filter(Q(subject_words__icontains=text) | Q(actor_words__icontains=text))
    if before is not None:
        events = events.filter(sequence__lt=before)
    return events.order_by("-sequence")


def _midnight(organization: Organization, day: date) -> datetime:
    return datetime.combine(day, time.min, organization.zone)


def event_row(event: AuditEvent) -> dict[str, Any]:
    """An event as the page prints it, on the clock of the active time zone."""
    word = WORDS.get(event.action)
    name, _space, address = event.actor_words.partition(" <")
    own = event.actor_words == SYSTEM.words
    whole = _subject(event, name)
    subject = f"{whole[:HEAD]}…{whole[-TAIL:]}" if "@" not in whole and MACHINE_NAME.fullmatch(whole) else whole
    return {
        "sequence": event.sequence,
        "at": event.at,
        "day": date_format(timezone.localdate(event.at), pgettext("date format: Tue 24 Nov 2026", "D j M Y")),
        "name": name,
        "address": address.removesuffix(">"),
        "where": event.ip or (pgettext("what Purser did", "by itself") if own else _("address not told")),
        "action": event.action,
        "words": _(word) if word else event.action,
        "subject": subject,
        "whole": whole if subject != whole else "",
        "changes": [
            {
                "field": _field(event, field),
                "before": "" if before is None else _shown(event, field, before),
                "after": _shown(event, field, after),
            }
            for field, (before, after) in event.changes.items()
            if not (before is None and after in (None, "", [], False))  # what a new thing was left without
        ],
    }


def _subject(event: AuditEvent, name: str) -> str:
    """What an event is about, where that is not said already: of what people do about themselves they are."""
    words = event.subject_words
    if event.action == "member.left" or (event.action.startswith("person.") and words == name):
        return ""
    if event.action == "organization.currency_chosen":
        return str(event.changes.get("reporting_currency", (None, ""))[1] or "")
    if event.action.startswith("invitation.") and "@" not in words:
        return _("whoever has the link")
    return words


def _field(event: AuditEvent, name: str) -> str:
    """What was changed, in words: for a provider's own field those of the form where it is entered."""
    if event.action.startswith("invitation.") and name == "days":
        return _("Valid for")
    if name in FIELDS:
        return _(FIELDS[name])
    if event.action.startswith("credential."):
        of = next((one for one in PROVIDERS.values() if event.subject_words.startswith(f"{one.name}: ")), None)
        label = next((field.label for field in of.fields if field.name == name), "") if of else ""
        if label:
            return told(label)
    return name.replace("_", " ").capitalize()


def _shown(event: AuditEvent, name: str, value: Any) -> str:
    if name == "role" and value in Role.values:
        return str(Role(value).label)
    if value is None or value in ("", []):
        return _("nothing")
    if value == REPLACED:
        return _("a new secret")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if event.action.startswith("invitation.") and name == "days":
        return ngettext("%(days)s day", "%(days)s days", int(value)) % {"days": value}
    if isinstance(value, list):
        return listed(_(SCOPES[one]) if name == "scopes" and one in SCOPES else one for one in value)
    return _day_words(str(value))


def _day_words(text: str) -> str:
    """A day or a moment as the pages write it, on the clock of the active time zone; any other text as it is."""
    try:
        if len(text) == len("2026-11-22"):
            return full_day(date.fromisoformat(text))
        at = datetime.fromisoformat(text) if text[10:11] == "T" else None
    except ValueError:
        return text
    return text if at is None or at.tzinfo is None else f"{full_day(at)} {clock(at)}"


# --- Proof ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a chain holds: its last good event and what is wrong with the next one ("" when nothing is)."""

    sequence: int
    head: str
    broken: str = ""


def chain_verify(*, organization: Organization) -> Verdict:
    """Walk the chain from its beginning, in constant memory."""
    sequence, head = 0, FIRST_HASH
    for event in _in_order(organization):
        if event.sequence != sequence + 1:
            return Verdict(sequence, head, _("event %(number)d is missing") % {"number": sequence + 1})
        if event.previous_hash != head:
            return Verdict(
                sequence, head, _("event %(number)d does not follow the one before") % {"number": event.sequence}
            )
        if event_hash(event) != event.hash:
            return Verdict(sequence, head, _("event %(number)d was changed") % {"number": event.sequence})
        sequence, head = event.sequence, event.hash
    return Verdict(sequence, head)


def _in_order(organization: Organization) -> Iterator[AuditEvent]:
    return AuditEvent.objects.filter(organization=organization).order_by("sequence").iterator(BATCH)
