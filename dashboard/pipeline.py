"""The tasks, in the order of the story: lease what is due, read one stream, land it. About ten lines each."""

import random
from datetime import timedelta

from celery import shared_task
from django.db import connection
from django.utils import timezone

from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.sync.checking import credential_check
from dashboard.sync.reading import host_slot, stream_read
from dashboard.sync.services import runs_prune, stream_release, stream_start, streams_lease_due

KEEP_RUNS = timedelta(days=30)


@shared_task
def dispatch_due_streams() -> None:
    """Lease every due stream and fan out their ids. A message that outlives its lease dies unread."""
    for stream_id, token in streams_lease_due(now=timezone.now()):
        sync_stream.apply_async((stream_id, token), expires=240)


@shared_task
def sync_stream(stream_id: int, token: int) -> None:
    """Read one stream of one credential, as far as its lease is still ours."""
    stream = stream_start(stream_id=stream_id, token=token, now=timezone.now())
    if stream is None:
        return
    connection.close()  # back to the pool: nothing is held while we wait for the provider
    with host_slot(stream.credential) as free:
        if not free:
            sync_stream.apply_async((stream_id, token), countdown=1 + random.random(), expires=240)  # noqa: S311
            return
        again = stream_read(stream=stream, token=token, clock=timezone.now)
    if again is not None:
        sync_stream.apply_async(again, expires=240)


@shared_task
def check_credential(credential_id: int) -> None:
    """Prove a credential by reads that cost nothing, then read what it can tell."""
    credential = ProviderCredential.objects.select_related("account").filter(pk=credential_id).first()
    if credential is None or credential.state != CredentialState.CHECKING:
        return
    for stream_id, token in credential_check(credential=credential, clock=timezone.now):
        sync_stream.apply_async((stream_id, token), expires=240)


@shared_task
def sync_leased(leases: list[tuple[int, int]]) -> None:
    """Fan out streams that a person asked for, already leased."""
    for stream_id, token in leases:
        sync_stream.apply_async((stream_id, token), expires=240)


@shared_task
def release(stream_id: int, token: int) -> None:
    """Give back a lease that nobody will use."""
    stream_release(stream_id=stream_id, token=token, next_run_at=timezone.now())


@shared_task
def prune() -> None:
    """Daily: forget run logs older than 30 days."""
    runs_prune(before=timezone.now() - KEEP_RUNS)
