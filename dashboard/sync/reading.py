"""One run of a stream: read through the transport, then land, or put down why not."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils.translation import gettext as _

from dashboard.core.database import reconnecting
from dashboard.core.encryption import Unreadable
from dashboard.credentials.calling import transport_for
from dashboard.credentials.models import ProviderCredential
from dashboard.credentials.oauth.grants import credential_ready, grant_refused
from dashboard.sync.models import SyncStream
from dashboard.sync.services import Overtaken, Run, run_fail, run_land, stream_shelve, streams_lease_due_again
from dashboard.sync.windows import Reading, next_reading
from providers.collect import Collected, collect
from providers.errors import ActionNeeded, ProviderError
from providers.spec import NotOffered

log = structlog.get_logger(__name__)
Clock = Callable[[], datetime]


class InternalError(ProviderError):
    """A fault of ours: logged with its place, shown without it."""

    kind = "internal"


_slots: dict[str, threading.BoundedSemaphore] = defaultdict(
    lambda: threading.BoundedSemaphore(settings.HOST_CONCURRENCY)
)
_slots_lock = threading.Lock()


@contextmanager
def host_slot(credential: ProviderCredential) -> Iterator[bool]:
    """True while this process may make one more call to the provider; False at once when enough are under way."""
    with _slots_lock:
        slot = _slots[credential.account.provider_slug]
    free = slot.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            slot.release()


def stream_read(*, stream: SyncStream, token: int, clock: Clock) -> tuple[int, int] | None:
    """Read and land one span. Returns a new lease of the same stream when more history is to be read at once."""
    provider = stream.credential.provider
    endpoint = provider.endpoint(stream.capability)
    started_at = clock()
    if isinstance(endpoint, NotOffered):  # a description was changed since the lease
        stream_shelve(stream=stream, token=token, reason=endpoint.reason, now=started_at)
        return None
    reading = next_reading(stream, endpoint, started_at)
    run = Run(stream=stream, token=token, reading=reading, started_at=started_at)
    try:
        came = _fetch(stream, reading, started_at)
        error = _land(run, came, clock) if isinstance(came, Collected) else came
        if error is not None:
            reconnecting(lambda: run_fail(run=run, error=error, now=clock(), chance=random.Random()))  # noqa: S311
            return None
    except Overtaken:
        log.warning("sync.overtaken", stream=stream.pk, capability=stream.capability)
        return None
    return _more(stream, clock())


def _fetch(stream: SyncStream, reading: Reading, now: datetime) -> Collected | ProviderError:
    credential, used = stream.credential, None
    try:
        used = credential_ready(credential=credential, capability=stream.capability, now=now)
        return collect(
            credential.provider, stream.capability, used, reading.window(now), transport_for(credential).send
        )
    except ProviderError as error:
        return error if used is None else grant_refused(credential=credential, used=used, error=error, now=now)
    except Unreadable:
        return ActionNeeded(_("The stored key cannot be decrypted with the present encryption keys. Enter it again."))
    except Exception:
        log.exception("sync.internal", stream=stream.pk, capability=stream.capability)
        return InternalError(_("Purser stumbled over this answer. The log of the worker says where."))


def _land(run: Run, collected: Collected, clock: Clock) -> ProviderError | None:
    try:
        reconnecting(lambda: run_land(run=run, collected=collected, now=clock()))
    except ProviderError as error:
        return error
    except (OperationalError, InterfaceError):
        raise  # the database is gone for longer than we wait: the lease brings the stream back
    except DatabaseError:
        log.exception("sync.internal", stream=run.stream.pk, capability=run.stream.capability)
        return InternalError(_("Purser could not store this answer. The log of the worker says why."))
    return None


def _more(stream: SyncStream, now: datetime) -> tuple[int, int] | None:
    """A new lease when the stream is due again at once, because more history is to come. Nothing to look up without
    history."""
    leases = streams_lease_due_again(stream_id=stream.pk, now=now) if stream.has_history else []
    return leases[0] if leases else None
