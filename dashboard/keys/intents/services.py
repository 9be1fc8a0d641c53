"""Changes of keys at their providers.

A change is written down and committed before anything is sent (`intent_write`); it is claimed and committed again right
before the one call that changes something (`intent_run`); and when nobody knows what became of that call it is looked
for by its name in the provider's list (`intent_reconcile`), never sent again. So a key that was made is always known
here, and no intent makes two.

The call is made in the request that asked for it: the secret comes with the answer, once, and must pass through no
queue and no table on its way to whoever asked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID

import structlog
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.debug import sensitive_variables

from dashboard.core.encryption import Unreadable
from dashboard.credentials.calling import transport_for
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.credentials.oauth.grants import credential_ready
from dashboard.keys.intents.selectors import CALL_PATIENCE, key_manager, rotation_hindrance, used_by_purser
from dashboard.keys.models import MAKING, OPEN_INTENTS, IntentState, KeptSecret, KeyIntent, Operation, ProviderKey
from dashboard.keys.services import provider_key_assigned_tell
from dashboard.organizations.audit import SYSTEM, Actor, audit_record
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.services import Refused
from providers.collect import Credentials
from providers.errors import ActionNeeded, ProviderError
from providers.key_changes import Unchanged, Unsure, change, listed_keys, management_of
from providers.records import ProviderKey as ListedKey
from providers.spec import KeyOrder, MadeKey

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]

PREFIX, MOST_OF_NAME = "purser", 60
CALL_SECONDS = 35.0
# How long after the first look the list is read again: a provider may need a while to show what it made.
LOOK_AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30))
LIST_FAILED = timedelta(minutes=5)
# A key of our name made outside this span around the call is somebody else's, and stays theirs.
EARLIER, LATER = timedelta(minutes=5), timedelta(minutes=15)


class Elsewhere(Exception):
    """Another process has taken this intent, or it is over: nothing may be sent for it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A key as a person wants it. `label` becomes a part of its name; `expires_on` is its last day."""

    label: str
    team: Team | None = None
    purpose: str = ""
    project: str = ""
    limit: int | None = None
    limit_reset: str = ""
    expires_on: date | None = None
    keep: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run came to; `secret` is there once, and only where a key was made."""

    intent: KeyIntent
    secret: str = field(default="", repr=False)


# --- Written ----------------------------------------------------------------------------------------------------


def key_name(label: str, intent_id: UUID) -> str:
    """The name that a key gets: fixed part, label, and what makes it unique. Letters that every provider takes."""
    tail = intent_id.hex[:8]
    words = slugify(label)[: MOST_OF_NAME - len(PREFIX) - len(tail) - 2].strip("-")
    return "-".join(part for part in (PREFIX, words, tail) if part)


def key_label(name: str) -> str:
    """The label of a key that Purser named; of another name what can be one."""
    own = re.fullmatch(rf"{PREFIX}-(.*)-[0-9a-f]{{8}}", name)
    return slugify(own[1] if own else name)[:40].strip("-") or "key"


def intent_create(
    *, account: ProviderAccount, intent_id: UUID, wish: Wish, by: Actor, now: datetime
) -> tuple[KeyIntent, bool]:
    """Write down that a key is to be made: (the intent, whether it is new). The same id again, and a second wish for
    the same team while the first is open, find the first. Raises Refused where the account cannot make keys."""
    assert wish.team is None or wish.team.organization_id == account.organization_id
    manager = key_manager(account)
    if manager.credential is None:
        raise Refused(manager.missing)
    intent = KeyIntent(
        id=intent_id,
        account=account,
        credential=manager.credential,
        operation=Operation.CREATE,
        project=wish.project,
        name=key_name(wish.label, intent_id),
        team=wish.team,
        purpose=wish.purpose,
        wish={
            "limit": wish.limit,
            "limit_reset": wish.limit_reset if wish.limit is not None else "",
            "expires_at": _end_of(wish.expires_on, account.organization),
        },
        keep=wish.keep,
        by=by.user,
        created_at=now,
    )
    return _write(intent, by, now)


def intent_rotate(
    *, key: ProviderKey, intent_id: UUID, wish: Wish, retire_on: date | None, by: Actor, now: datetime
) -> tuple[KeyIntent, bool]:
    """Write down that another key is to be made in place of this one: in its project, for its owner and purpose. The
    old one stays as it is; `retire_on` is the day on which a person is reminded of it. While one is under way, and as
    long as its key lives, there is no second. Raises Refused where that cannot be."""
    manager = key_manager(key.account)
    if manager.credential is None or (words := rotation_hindrance(key, manager)):
        raise Refused(manager.missing or words)
    intent = KeyIntent(
        id=intent_id,
        account=key.account,
        credential=manager.credential,
        operation=Operation.ROTATE,
        target=key.external_id,
        project=key.project,
        name=key_name(wish.label, intent_id),
        rotates=key,
        wish={
            "limit": wish.limit,
            "limit_reset": wish.limit_reset if wish.limit is not None else "",
            "expires_at": _end_of(wish.expires_on, key.account.organization),
            "retire_on": None if retire_on is None else retire_on.isoformat(),
        },
        keep=wish.keep,
        by=by.user,
        created_at=now,
    )
    return _write(intent, by, now)


def intent_change(
    *, key: ProviderKey, operation: Operation, intent_id: UUID, by: Actor, now: datetime
) -> tuple[KeyIntent, bool]:
    """Write down that a key is to be disabled, enabled or deleted. Raises Refused where that cannot be."""
    manager = key_manager(key.account)
    if manager.credential is None:
        raise Refused(manager.missing)
    if not manager.may(operation):
        raise Refused(_("This provider cannot switch a key off. It can be deleted."))
    if key.typed_at is not None or key.gone_at is not None:
        raise Refused(_("The provider does not list this key, so nothing can be changed there."))
    if manager.declared is not None and manager.declared.project == "required" and not key.project:
        raise Refused(_("This key belongs to no project. It can be changed in the provider's console alone."))
    if operation != Operation.ENABLE and used_by_purser(key):
        raise Refused(_("Purser itself reads this account with such a key. Replace it there first."))
    intent = KeyIntent(
        id=intent_id,
        account=key.account,
        credential=manager.credential,
        operation=operation,
        target=key.external_id,
        project=key.project,
        name=str(key)[:120],
        key=key,
        by=by.user,
        created_at=now,
    )
    return _write(intent, by, now)


def _end_of(day: date | None, organization: Organization) -> str | None:
    """The end of a day on the organization's clock."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=1), time.min, organization.zone).isoformat()


def _write(intent: KeyIntent, by: Actor, now: datetime) -> tuple[KeyIntent, bool]:
    """Committed before this returns, whatever comes after."""
    same = {"account": intent.account, "operation": intent.operation, "target": intent.target, "team": intent.team}
    try:
        with transaction.atomic(durable=True):
            found = KeyIntent.objects.filter(pk=intent.pk, account__organization_id=intent.account.organization_id)
            if known := found.first():
                return known, False
            intent.save(force_insert=True)
            _refuse_second(intent)
            _told(intent, by, "asked", now)
    except IntegrityError:
        standing = KeyIntent.objects.filter(**same, state__in=OPEN_INTENTS).first()
        if standing is None:  # an id that somebody else's intent has
            raise Refused(_("That did not work. Begin again.")) from None
        return standing, False
    return intent, True


def _refuse_second(intent: KeyIntent) -> None:
    """Asked after the intent is written: one that was under way has either stopped it, or its key is there by now."""
    if intent.rotates_id is not None:
        successor = ProviderKey.objects.filter(rotated_from_id=intent.rotates_id, gone_at=None).first()
        if successor is not None:
            raise Refused(_("%(name)s was made in its place already.") % {"name": str(successor)})


# --- Sent once --------------------------------------------------------------------------------------------------


@sensitive_variables("used", "result")
def intent_run(*, intent: KeyIntent, by: Actor, clock: Clock) -> Outcome:
    """Make the call of an intent, if nobody else has, and write down what came of it. Calls the provider: no
    transaction may be open. The state of the intent says the rest."""
    try:
        used = _credentials(intent, clock())
        result = _call(intent, used, clock)
    except Elsewhere:
        intent.refresh_from_db()
        return Outcome(intent=intent)
    except Unchanged as trouble:
        intent_fail(intent=intent, message=trouble.error.message, by=by, now=clock())
        return Outcome(intent=intent)
    except Unsure as trouble:
        _unsure(intent, trouble.error.message, clock())
        return Outcome(intent=intent)
    return intent_settle(intent=intent, made=result, by=by, now=clock())


def _credentials(intent: KeyIntent, now: datetime) -> Credentials:
    """Raises Unchanged where there are none to call with."""
    try:
        return credential_ready(credential=_credential(intent), capability=None, now=now)
    except ProviderError as error:
        raise Unchanged(error) from error
    except Unreadable as error:
        words = gettext_noop("The stored key cannot be decrypted with the present encryption keys. Enter it again.")
        raise Unchanged(ActionNeeded(words)) from error


def _credential(intent: KeyIntent) -> ProviderCredential:
    if intent.credential is None:
        raise ActionNeeded(gettext_noop("The key that this was to be done with is gone."))
    intent.credential.account = intent.account
    return intent.credential


def _call(intent: KeyIntent, used: Credentials, clock: Clock) -> MadeKey | None:
    """The one call, by a transport that never repeats it. Raises Unchanged, Unsure, Elsewhere."""
    transport = transport_for(_credential(intent))
    once = type(transport)(reach=transport.reach, via=transport.via, tries=1, total_seconds=CALL_SECONDS)
    provider, claimed = intent.account.provider, False
    account = used.account(provider)

    def claim() -> None:
        nonlocal claimed
        if not claimed:
            intent_claim(intent=intent, now=clock())
        claimed = True

    try:
        declared = management_of(provider, account)
    except ProviderError as error:
        raise Unchanged(error) from error
    if intent.operation in MAKING:
        steps = declared.create(account, _order(intent), clock())
        return change(provider, steps, used, once.send, once.send, claim)
    if intent.operation == Operation.DELETE:
        plain = declared.delete(account, intent.target, intent.project)
    else:
        assert declared.switch is not None
        plain = declared.switch(account, intent.target, intent.project, intent.operation == Operation.ENABLE)
    change(provider, plain, used, once.send, once.send, claim)
    return None


def _order(intent: KeyIntent) -> KeyOrder:
    end = intent.wish.get("expires_at")
    return KeyOrder(
        name=intent.name,
        project=intent.project,
        limit=intent.wish.get("limit"),
        limit_reset=intent.wish.get("limit_reset", ""),
        expires_at=datetime.fromisoformat(end) if end else None,
    )


def intent_claim(*, intent: KeyIntent, now: datetime) -> None:
    """Note for good that the call is about to be sent. Raises Elsewhere for whoever comes second."""
    with transaction.atomic(durable=True):
        mine = KeyIntent.objects.filter(pk=intent.pk, state=IntentState.WRITTEN)
        if not mine.update(state=IntentState.SENT, sent_at=now, next_look_at=now + CALL_PATIENCE):
            raise Elsewhere
    intent.state, intent.sent_at = IntentState.SENT, now


def _unsure(intent: KeyIntent, message: str, now: datetime) -> None:
    KeyIntent.objects.filter(pk=intent.pk, state=IntentState.SENT).update(
        state=IntentState.UNKNOWN, message=message, next_look_at=now + CALL_PATIENCE
    )
    intent.refresh_from_db()
    log.warning("keys.unsure", intent=str(intent.pk), operation=intent.operation)


# --- Over -------------------------------------------------------------------------------------------------------


@sensitive_variables("made")
def intent_settle(*, intent: KeyIntent, made: MadeKey | None, by: Actor, now: datetime) -> Outcome:
    """The change was made: key, owner and state in one transaction, and the secret only where that was asked for."""
    with transaction.atomic():
        stored = _locked(intent)
        message = ""
        if made is None and not stored.is_open:  # somebody looked, and saw it done
            return Outcome(intent=stored)
        if made is not None:
            stored.key = _landed(stored, made.key, now)
            _own(stored, by, now)
            if stored.keep:
                kept = KeptSecret(provider_key=stored.key, kept_at=now, kept_by=stored.by)
                kept.seal(made.secret)
                kept.save()
            wanted = stored.wish.get("limit")
            if made.key.limit is not None and wanted is not None and made.key.limit != wanted:
                message = gettext_noop("The provider set another limit than the one asked for. Look at it there.")
        elif stored.key is not None:
            _changed(stored, now)
        _over(stored, IntentState.DONE, message, by, now)
    intent.refresh_from_db()
    return Outcome(intent=intent, secret="" if made is None else made.secret)


def intent_fail(*, intent: KeyIntent, message: str, by: Actor, now: datetime) -> None:
    """The change was surely not made."""
    with transaction.atomic():
        stored = _locked(intent)
        if stored.is_open:
            _over(stored, IntentState.FAILED, message, by, now)
    intent.refresh_from_db()


def intent_keep(*, intent: KeyIntent, by: Actor, now: datetime) -> None:
    """A person says that a found key stays as it is: they have its secret, or need none. Raises Refused."""
    with transaction.atomic():
        stored = _locked(intent)
        if stored.state != IntentState.FOUND:
            raise Refused(_("There is nothing to decide here any more."))
        _over(stored, IntentState.RECONCILED, gettext_noop("The key stays as it was found."), by, now)
    intent.refresh_from_db()


def kept_secret_drop(*, key: ProviderKey, by: Actor, now: datetime) -> None:
    """Erase the kept secret of a key. Erasing it again changes nothing."""
    with transaction.atomic():
        erased, _rows = KeptSecret.objects.filter(provider_key=key).delete()
        if erased:
            audit_record(
                organization=key.account.organization,
                by=by,
                action="provider_key.secret_dropped",
                now=now,
                subject=key,
                words=str(key),
            )


def _locked(intent: KeyIntent) -> KeyIntent:
    rows = KeyIntent.objects.select_for_update(of=("self",)).select_related(
        "account__organization", "key", "team", "by", "rotates__team"
    )
    return rows.get(pk=intent.pk)


def _over(stored: KeyIntent, state: IntentState, message: str, by: Actor, now: datetime) -> None:
    stored.state, stored.message, stored.settled_at, stored.next_look_at = state, message, now, None
    stored.save(update_fields=["state", "message", "settled_at", "next_look_at", "key"])
    _told(stored, by, state.value, now)


def _landed(stored: KeyIntent, listed: ListedKey, now: datetime) -> ProviderKey:
    """The key as the provider tells it, in the list of keys."""
    told = {
        "name": listed.name or stored.name,
        "hint": listed.hint or "",
        "project": listed.project or stored.project,
        "state": listed.state or "active",
        "created_at": listed.created_at or stored.sent_at,
        "expires_at": listed.expires_at,
        "limit": listed.limit,
        "listed_at": now,
        "gone_at": None,
    }
    key, _fresh = ProviderKey.objects.update_or_create(account=stored.account, external_id=listed.id, defaults=told)
    return key


def _own(stored: KeyIntent, by: Actor, now: datetime) -> None:
    """The key belongs to the team that it was made for, or to that of the key whose place it takes, from the day that
    it was made on, unless somebody has said whose it is already."""
    key, old = stored.key, stored.rotates
    assert key is not None
    if old is not None:
        until = stored.wish.get("retire_on")
        ProviderKey.objects.filter(pk=old.pk).update(retire_on=date.fromisoformat(until) if until else None)
        key.rotated_from = old
        key.save(update_fields=["rotated_from"])
    if key.team_id is not None:
        return
    key.team, key.purpose = (old.team, old.purpose) if old is not None else (stored.team, stored.purpose)
    key.owned_from = stored.account.organization.local(stored.sent_at or now).date() if key.team else None
    key.save(update_fields=["team", "purpose", "owned_from"])
    if key.team is not None:
        provider_key_assigned_tell(key=key, by=by, now=now)


def _changed(stored: KeyIntent, now: datetime) -> None:
    """What a disabled, enabled or deleted key is now, before the provider lists it again."""
    key = stored.key
    assert key is not None
    if stored.operation == Operation.DELETE:
        ProviderKey.objects.filter(pk=key.pk, gone_at=None).update(gone_at=now)
        KeptSecret.objects.filter(provider_key=key).delete()
        for orphan in KeyIntent.objects.filter(key=key, state=IntentState.FOUND).select_related(
            "account__organization"
        ):
            _over(orphan, IntentState.RECONCILED, gettext_noop("The key that was found is deleted."), SYSTEM, now)
    else:
        state = "active" if stored.operation == Operation.ENABLE else "disabled"
        ProviderKey.objects.filter(pk=key.pk).update(state=state)


def _told(intent: KeyIntent, by: Actor, what: str, now: datetime) -> None:
    changes: dict[str, tuple[object, object]] = {
        "operation": (None, intent.operation),
        "account": (None, intent.account),
        "intent": (None, str(intent.pk)),
    }
    if intent.operation in MAKING:
        changes |= {"keep_secret": (None, intent.keep)}
        changes |= {"team": (None, intent.team)} if intent.rotates is None else {"rotates": (None, intent.rotates)}
        changes |= {name: (None, value) for name, value in intent.wish.items()}
    if intent.message:
        changes["message"] = (None, intent.message)
    audit_record(
        organization=intent.account.organization,
        by=by,
        action=f"key_change.{what}",
        now=now,
        subject=intent,
        words=intent.name,
        changes=changes,
    )


# --- Looked for -------------------------------------------------------------------------------------------------


def intent_reconcile(*, intent_id: str, clock: Clock) -> None:
    """Look for what became of a call whose answer nobody has. Reads only; may run twice, late or beside itself."""
    everything = KeyIntent.objects.select_related("account__organization", "credential", "team", "key", "by", "rotates")
    intent = everything.filter(pk=intent_id).first()
    now = clock()
    if intent is None or not intent.waits:
        return
    if intent.state == IntentState.WRITTEN:  # whoever wrote it died before sending: from now on nobody can
        with transaction.atomic():
            stored = _locked(intent)
            if stored.state == IntentState.WRITTEN:
                _over(stored, IntentState.FAILED, gettext_noop("Nothing was sent. Begin again."), SYSTEM, now)
        return
    try:
        credential = _credential(intent)
        used = credential_ready(credential=credential, capability=None, now=now)
        found = listed_keys(intent.account.provider, used, transport_for(credential).send, now)
    except (ProviderError, Unreadable) as error:
        message = (
            error.message if isinstance(error, ProviderError) else gettext_noop("The stored key cannot be decrypted.")
        )
        waiting = KeyIntent.objects.filter(pk=intent.pk, state__in=(IntentState.SENT, IntentState.UNKNOWN))
        waiting.update(state=IntentState.UNKNOWN, message=message, next_look_at=clock() + LIST_FAILED)
        return
    with transaction.atomic():
        stored = _locked(intent)
        if stored.state in (IntentState.SENT, IntentState.UNKNOWN):
            judge = _judge_create if stored.operation in MAKING else _judge_change
            judge(stored, found, clock())


def _judge_create(stored: KeyIntent, found: list[ListedKey], now: datetime) -> None:
    named = [key for key in found if key.name == stored.name]
    ours = [key for key in named if _made_then(key, stored)]
    if ours:
        for listed in reversed(ours):
            stored.key = _landed(stored, listed, now)
            _own(stored, SYSTEM, now)
        stored.state, stored.next_look_at, stored.message = IntentState.FOUND, None, ""
        stored.save(update_fields=["state", "next_look_at", "message", "key"])
        _told(stored, SYSTEM, "found", now)
    elif named:
        _over(
            stored,
            IntentState.FAILED,
            gettext_noop("The provider has a key of this name already, which is not ours."),
            SYSTEM,
            now,
        )
    else:
        _look_again(stored, gettext_noop("The provider did not make the key."), now)


def _made_then(key: ListedKey, stored: KeyIntent) -> bool:
    """Whether a key of our name was made around the call. Where the provider does not tell, the name decides: it is
    nobody else's."""
    sent = stored.sent_at
    return key.created_at is None or sent is None or sent - EARLIER <= key.created_at <= sent + LATER


def _judge_change(stored: KeyIntent, found: list[ListedKey], now: datetime) -> None:
    listed = next((key for key in found if key.id == stored.target), None)
    if stored.operation == Operation.DELETE:
        happened = listed is None
    elif listed is None:
        _over(stored, IntentState.FAILED, gettext_noop("The provider does not list this key any more."), SYSTEM, now)
        return
    else:
        happened = (listed.state == "disabled") == (stored.operation == Operation.DISABLE)
    if happened:
        if stored.key is not None:
            _changed(stored, now)
        _over(stored, IntentState.DONE, "", SYSTEM, now)
    else:
        _look_again(stored, gettext_noop("The provider did not make the change. It can be asked for again."), now)


def _look_again(stored: KeyIntent, message: str, now: datetime) -> None:
    """It is not there yet. After the last look it never will be."""
    if stored.looks >= len(LOOK_AGAIN):
        _over(stored, IntentState.FAILED, message, SYSTEM, now)
        return
    stored.state, stored.next_look_at = IntentState.UNKNOWN, now + LOOK_AGAIN[stored.looks]
    stored.looks += 1
    stored.save(update_fields=["state", "next_look_at", "looks"])
