"""Driving streams in tests as the worker does, with a clock of our own."""

from datetime import datetime, timedelta

from dashboard.balances.services import Place
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.services import credential_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from dashboard.sync.models import SyncStream
from dashboard.sync.reading import stream_read
from dashboard.sync.services import credential_streams_wake, stream_start, streams_lease_due
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.world import SimAccount
from tests.providers.simulated import SimulatedWire

# What connects the simulated account "harbor" of every provider.
KEYS = {part.slug: dict(part.demo) for part in PARTS}


def connected(organization: Organization, slug: str, now: datetime, **values: str) -> ProviderCredential:
    """A credential as it stands after a good check, its streams due."""
    credential = credential_create(
        organization=organization,
        provider=PROVIDERS[slug],
        values=values or KEYS[slug],
        label="Production",
        by=SYSTEM,
        now=now,
        check=False,
    )
    credential.state = CredentialState.ACTIVE
    credential.save()
    credential_streams_wake(credential=credential, now=now)
    return credential


def place_of(credential: ProviderCredential) -> Place:
    """Where its readings land, one every five minutes."""
    return Place(
        organization_id=credential.organization_id,
        account_id=credential.account_id,
        credential_id=credential.pk,
        interval=timedelta(minutes=5),
    )


def run_once(stream: SyncStream, now: datetime) -> SyncStream:
    """Lease and run this stream as a dispatch at `now` would, without what it would do next."""
    SyncStream.objects.filter(pk=stream.pk).update(next_run_at=now, lease_until=None)
    leases = dict(streams_lease_due(now=now))
    run_leased(stream.pk, leases[stream.pk], now)
    stream.refresh_from_db()
    return stream


def run_leased(stream_id: int, token: int, now: datetime) -> tuple[int, int] | None:
    stream = stream_start(stream_id=stream_id, token=token, now=now)
    return None if stream is None else stream_read(stream=stream, token=token, clock=lambda: now)


def run_all(now: datetime) -> int:
    """Dispatch and run until nothing is due: how many runs there were."""
    runs = 0
    queue = streams_lease_due(now=now)
    while queue and runs < 500:
        again = run_leased(*queue.pop(), now)
        runs += 1
        if again is not None:
            queue.append(again)
    return runs


def account_of(simulator: SimulatedWire, slug: str) -> SimAccount:
    """What the provider itself knows of that account: every charge, to the last decimal."""
    return simulator.simulator.world.account(simulator.simulator.parts[slug].profile, "harbor")
