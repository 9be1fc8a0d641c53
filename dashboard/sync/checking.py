"""Proving a credential: reads that cost nothing, and a verdict that says what to do."""

from datetime import datetime

import structlog
from django.utils.translation import gettext as _

from dashboard.core.encryption import Unreadable
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.services import check_settle
from dashboard.sync.models import SyncStream
from dashboard.sync.reading import Clock, transport_for
from dashboard.sync.services import credential_streams_wake, streams_lease_now
from providers.collect import check
from providers.errors import ActionNeeded, ProviderError, Retryable
from providers.records import Identity
from providers.spec import Window

log = structlog.get_logger(__name__)


def credential_check(*, credential: ProviderCredential, clock: Clock) -> list[tuple[int, int]]:
    """Check, settle the verdict, and lease everything that the credential can read. A provider that does not answer
    leaves the key unjudged: it is kept, and its streams go on trying."""
    now = clock()
    found = _prove(credential, now)
    state = CredentialState.ACTIVE
    if isinstance(found, Identity):
        check_settle(credential=credential, state=state, verdict="valid", message="", now=now, identity=found)
    elif isinstance(found, ActionNeeded):
        state = CredentialState.REFUSED
        check_settle(
            credential=credential,
            state=state,
            verdict=found.code,
            message=found.message,
            now=now,
            field=found.field or "",
            help_url=found.url or "",
        )
    else:
        verdict = "unreachable" if isinstance(found, Retryable) else "not_understood"
        check_settle(credential=credential, state=state, verdict=verdict, message=found.message, now=now)
    if state != CredentialState.ACTIVE:
        return []
    credential_streams_wake(credential=credential, now=now)
    ids = list(SyncStream.objects.filter(credential=credential).values_list("pk", flat=True))
    return streams_lease_now(stream_ids=ids, now=now)


def _prove(credential: ProviderCredential, now: datetime) -> Identity | ProviderError:
    window = Window(start=now, end=now, now=now)
    try:
        return check(credential.provider, credential.unlocked(), window, transport_for(credential).send)
    except ProviderError as error:
        return error
    except Unreadable:
        return ActionNeeded(_("The stored key cannot be decrypted with the present encryption keys. Enter it again."))
    except Exception:
        log.exception("check.internal", credential=credential.pk)
        return ProviderError(_("Purser stumbled over this answer. The log of the worker says where."))
