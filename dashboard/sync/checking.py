"""Proving a credential: reads that cost nothing, and a verdict that says what to do."""

from datetime import datetime

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from dashboard.core.encryption import Unreadable
from dashboard.credentials.calling import transport_for
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.oauth.grants import credential_ready, grant_refused
from dashboard.credentials.services import check_settle
from dashboard.sync.models import SyncStream
from dashboard.sync.reading import Clock
from dashboard.sync.services import credential_streams_wake, streams_arrange, streams_lease_now
from providers.collect import check
from providers.errors import ActionNeeded, ProviderError, Retryable
from providers.records import Identity
from providers.spec import Window

log = structlog.get_logger(__name__)


def credential_check(*, credential: ProviderCredential, clock: Clock) -> list[tuple[int, int]]:
    """Check, settle the verdict, and lease everything that the credential can read. A provider that does not answer
    leaves the key unjudged: it is kept, and its streams go on trying."""
    now = clock()
    account = credential.account
    streams = SyncStream.objects.filter(credential=credential)
    reading = credential.state == CredentialState.ACTIVE and streams.exists()
    found = _prove(credential, now)
    with transaction.atomic():
        if not _settle(credential, found, now):
            return []
        moved = credential.account_id != account.pk
        if moved:  # what was read of the old account says nothing about the new one
            streams.update(cursor=None, backfilled_to=None, backfill_goal=None)
        if (moved or credential.state != CredentialState.ACTIVE) and account.pk is not None:
            streams_arrange(account=account, now=now)  # another key of the account may have to take over
        if credential.state != CredentialState.ACTIVE or (reading and not moved):
            return []
        credential_streams_wake(credential=credential, now=now)
        return streams_lease_now(stream_ids=list(streams.values_list("pk", flat=True)), now=now)


def _settle(credential: ProviderCredential, found: Identity | ProviderError, now: datetime) -> bool:
    active = CredentialState.ACTIVE
    if isinstance(found, Identity):
        return check_settle(credential=credential, state=active, verdict="valid", message="", now=now, identity=found)
    if isinstance(found, ActionNeeded):
        return check_settle(
            credential=credential,
            state=CredentialState.REFUSED,
            verdict=found.code,
            message=found.message,
            now=now,
            field=found.field or "",
            help_url=found.url or "",
        )
    verdict = "unreachable" if isinstance(found, Retryable) else "not_understood"
    return check_settle(credential=credential, state=active, verdict=verdict, message=found.message, now=now)


def _prove(credential: ProviderCredential, now: datetime) -> Identity | ProviderError:
    window, used = Window(start=now, end=now, now=now), None
    try:
        used = credential_ready(credential=credential, capability=None, now=now)
        return check(credential.provider, used, window, transport_for(credential).send)
    except ProviderError as error:
        return error if used is None else grant_refused(credential=credential, used=used, error=error, now=now)
    except Unreadable:
        return ActionNeeded(_("The stored key cannot be decrypted with the present encryption keys. Enter it again."))
    except Exception:
        log.exception("check.internal", credential=credential.pk)
        return ProviderError(_("Purser stumbled over this answer. The log of the worker says where."))
