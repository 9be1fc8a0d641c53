"""A key that somebody pauses: nothing is read with it, its figures stay, and another key takes over."""

from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.balances.models import BalanceSeries
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.services import check_settle, credential_create, credential_resume
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import AuditEvent, Organization, User
from dashboard.sync.checking import credential_check
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.services import credential_rest, credential_streams_wake, streams_lease_due, streams_lease_now
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_all


@pytest.fixture
def credential(organization: Organization, simulator: SimulatedWire, now: datetime) -> ProviderCredential:
    credential = connected(organization, "deepseek", now)
    run_all(now)
    return credential


def test_nothing_is_read_until_it_is_resumed(credential: ProviderCredential, now: datetime) -> None:
    before = BalanceSeries.objects.filter(unit="CNY").values().get()
    later = now + timedelta(hours=1)
    assert credential_rest(credential=credential, by=SYSTEM, now=later)
    assert not credential_rest(credential=credential, by=SYSTEM, now=later), "once is enough"
    assert streams_lease_due(now=later + timedelta(days=2)) == []
    ids = list(SyncStream.objects.values_list("pk", flat=True))
    assert streams_lease_now(stream_ids=ids, now=later) == [], "not even when asked for"
    assert BalanceSeries.objects.filter(unit="CNY").values().get() == before

    assert credential_resume(credential=credential, by=SYSTEM, now=later)
    assert not credential_resume(credential=credential, by=SYSTEM, now=later)
    credential.refresh_from_db()
    assert credential.state == CredentialState.CHECKING
    leases = credential_check(credential=credential, clock=lambda: later)
    assert len(leases) == len(ids), "everything is read at once"
    assert list(AuditEvent.objects.values_list("action", flat=True))[-2:] == ["credential.paused", "credential.resumed"]


def test_a_check_under_way_does_not_undo_the_pause(credential: ProviderCredential, now: datetime) -> None:
    stale = ProviderCredential.objects.select_related("account", "organization").get(pk=credential.pk)
    credential_rest(credential=credential, by=SYSTEM, now=now)
    assert not check_settle(credential=stale, state=CredentialState.ACTIVE, verdict="valid", message="", now=now)
    credential.refresh_from_db()
    assert credential.state == CredentialState.PAUSED


def test_another_key_of_the_account_takes_over(
    organization: Organization, credential: ProviderCredential, now: datetime
) -> None:
    second = credential_create(
        organization=organization,
        provider=credential.provider,
        values={"api_key": "sk-sim-harbor-second"},
        label="Second",
        by=SYSTEM,
        now=now,
        same_account=credential.account,
        check=False,
    )
    ProviderCredential.objects.filter(pk=second.pk).update(state=CredentialState.ACTIVE)
    second.refresh_from_db()
    credential_streams_wake(credential=second, now=now)
    mine = SyncStream.objects.get(credential=second, capability="balance")
    assert mine.state == StreamState.STANDBY
    credential_rest(credential=credential, by=SYSTEM, now=now)
    mine.refresh_from_db()
    assert mine.state == StreamState.WAITING


def test_the_pages_say_so_and_raise_no_alarm(organization: Organization, owner: User, simulator: SimulatedWire) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "deepseek", now)
    run_all(now)
    client = Client()
    client.force_login(owner)
    account = reverse("credentials:account", args=[credential.account_id])
    assert client.post(reverse("sync:credential_pause", args=[credential.pk])).status_code == 302
    SyncStream.objects.update(last_success_at=now - timedelta(days=3))
    page, overview = client.get(account).content.decode(), client.get(reverse("overview:overview")).content.decode()
    assert "Paused by hand." in page
    assert "Read now" not in page
    assert "Stale" not in page
    assert "Nothing needs you" in overview
    client.post(reverse("sync:credential_resume", args=[credential.pk]))
    assert "Paused by hand." not in client.get(account).content.decode()
