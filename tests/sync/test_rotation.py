"""Keys that change hands: a second slot, the way back, and leaving with or without the history."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard import pipeline
from dashboard.balances.models import BalanceReading, BalanceSeries, QuotaSeries
from dashboard.core.encryption import open_text
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.selectors import EXPIRY_NEAR, OLD_AFTER, credentials_to_mind
from dashboard.credentials.services import (
    credential_expiry_set,
    credential_remind,
    credential_replace,
)
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import AuditEvent, Membership, Organization, OutgoingMail, Role, User
from dashboard.organizations.scope import Scope
from dashboard.organizations.services import Refused
from dashboard.overview.home.attention import expiry_words
from dashboard.sync.checking import credential_check
from dashboard.sync.models import SyncStream
from dashboard.sync.rotation import credential_remove, credential_switch, may_switch, successor_create
from dashboard.sync.services import stream_start, streams_lease_due
from dashboard.usage.models import CostRecord, SpendDaily, UsageDaily, UsageRecord
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import KEYS, connected, run_all

DAY = timedelta(days=1)


@pytest.fixture
def credential(organization: Organization, simulator: SimulatedWire, now: datetime) -> ProviderCredential:
    """An account with a long history, read to the end."""
    credential = connected(organization, "openai", now)
    run_all(now)
    return credential


def checked(credential: ProviderCredential, now: datetime) -> ProviderCredential:
    loaded = ProviderCredential.objects.select_related("account", "organization", "replaces").get(pk=credential.pk)
    credential_check(credential=loaded, clock=lambda: now)
    loaded.refresh_from_db()
    return loaded


def successor(old: ProviderCredential, now: datetime, **values: str) -> ProviderCredential:
    return successor_create(credential=old, values=values or KEYS[old.account.provider_slug], by=SYSTEM, now=now)


def places(credential: ProviderCredential) -> dict[str, Any]:
    rows = SyncStream.objects.filter(credential=credential)
    return {row.capability: (row.cursor, row.backfilled_to, row.backfill_goal) for row in rows}


# --- Rotation ---------------------------------------------------------------------------------------------------


def test_the_new_key_goes_on_where_the_old_one_stood(credential: ProviderCredential, now: datetime) -> None:
    before, usage = places(credential), UsageRecord.objects.count()
    assert usage
    assert any(cursor for cursor, *_ in before.values())
    new = successor(credential, now)
    assert not may_switch(new), "nothing was checked yet"
    with pytest.raises(Refused):
        credential_switch(credential=new, by=SYSTEM, now=now)
    new = checked(new, now)
    assert new.account_id == credential.account_id
    assert SyncStream.objects.filter(credential=credential).exclude(state="standby").count() == len(before)

    credential_switch(credential=new, by=SYSTEM, now=now)
    credential.refresh_from_db()
    assert credential.state == CredentialState.RETIRED
    assert not SyncStream.objects.filter(credential=credential).exists()
    assert places(new) == before
    assert not BalanceSeries.objects.filter(credential=credential).exists()
    assert not QuotaSeries.objects.filter(credential=credential).exists()
    later = now + timedelta(hours=2)
    assert run_all(later), "the new key reads"
    assert SyncStream.objects.filter(credential=new, state="fresh").exists()
    assert UsageRecord.objects.count() >= usage
    assert ProviderAccount.objects.count() == 1
    assert AuditEvent.objects.filter(action="credential.switched").count() == 1


def test_a_read_that_is_under_way_with_the_old_key_lands_nowhere(credential: ProviderCredential, now: datetime) -> None:
    new = checked(successor(credential, now), now)
    later = now + DAY
    leases = streams_lease_due(now=later)
    credential_switch(credential=new, by=SYSTEM, now=later)
    mine = {row.pk for row in SyncStream.objects.filter(credential=new)}
    for stream_id, token in leases:
        if stream_id in mine:
            assert stream_start(stream_id=stream_id, token=token, now=later) is None


def test_the_way_back_stands_open(credential: ProviderCredential, now: datetime) -> None:
    ProviderCredential.objects.filter(pk=credential.pk).update(check_verdict="valid")
    before = places(credential)
    new = checked(successor(credential, now), now)
    credential_switch(credential=new, by=SYSTEM, now=now)
    old = ProviderCredential.objects.get(pk=credential.pk)
    assert may_switch(old)
    credential_switch(credential=old, by=SYSTEM, now=now)
    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.state, new.state) == (CredentialState.ACTIVE, CredentialState.RETIRED)
    assert places(old) == before


def test_a_key_of_another_account_cannot_take_over(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    """Anthropic says which organization a key is of; the simulated "quay" is another one than "harbor"."""
    credential = checked(connected(organization, "anthropic", now), now)
    values = {name: value.replace("harbor", "quay") for name, value in KEYS["anthropic"].items()}
    new = checked(successor(credential, now, **values), now)
    assert new.state == CredentialState.REFUSED
    assert new.check_verdict == "wrong_organization"
    assert "another account" in new.check_message
    assert new.account_id == credential.account_id
    assert ProviderAccount.objects.count() == 1
    with pytest.raises(Refused):
        credential_switch(credential=new, by=SYSTEM, now=now)


def test_only_the_latest_successor_waits(credential: ProviderCredential, now: datetime) -> None:
    first = successor(credential, now)
    second = successor(credential, now)
    first.refresh_from_db()
    assert first.replaces_id is None
    assert second.replaces_id == credential.pk


def test_rotation_by_the_pages(client: Client, owner: User, simulator: SimulatedWire) -> None:
    now = simulator.now = timezone.now()
    credential = connected(Organization.objects.get(), "deepseek", now)
    run_all(now)
    client.force_login(owner)
    url = reverse("sync:rotate", args=[credential.pk])
    page = client.get(url).content.decode()
    assert "New key for DeepSeek" in page
    assert f"replaces the key ending in {credential.secret_hints['api_key']}" in page
    assert re.search(r'href="/accounts/"[^>]*aria-current', page), "it belongs to the accounts"
    same = client.post(url, KEYS["deepseek"])
    assert "here already" in same.content.decode()
    client.post(url, {"api_key": "sk-sim-quay"})
    new = ProviderCredential.objects.get(replaces=credential)
    assert "Switch to this key" not in client.get(reverse("credentials:check", args=[new.pk])).content.decode()
    checked(new, now)
    assert "Switch to this key" in client.get(reverse("credentials:check", args=[new.pk])).content.decode()
    assert "waits to take over" in client.get(reverse("credentials:account", args=[new.account_id])).content.decode()
    answer = client.post(reverse("sync:switch", args=[new.pk]), follow=True)
    assert "Switched" in answer.content.decode()
    old_page = client.get(reverse("credentials:check", args=[credential.pk])).content.decode()
    assert "Switch back" in old_page
    assert "Retired" in old_page


# --- Removal ----------------------------------------------------------------------------------------------------


def history(account_id: int) -> dict[str, int]:
    return {
        model.__name__: model.objects.filter(**{path: account_id}).count()
        for model, path in (
            (UsageRecord, "account_id"),
            (CostRecord, "account_id"),
            (UsageDaily, "account_id"),
            (SpendDaily, "account_id"),
            (BalanceReading, "series__account_id"),
        )
    }


def test_a_key_goes_and_its_history_stays(credential: ProviderCredential, now: datetime) -> None:
    before = history(credential.account_id)
    account = credential.account
    credential_remove(credential=credential, erase=False, by=SYSTEM, now=now)
    assert history(account.pk) == before
    assert before["UsageRecord"]
    assert ProviderAccount.objects.filter(pk=account.pk).exists()
    assert not SyncStream.objects.exists()


def test_an_account_is_erased_with_everything_and_nothing_of_others(
    organization: Organization, credential: ProviderCredential, now: datetime
) -> None:
    other = connected(organization, "openrouter", now)
    run_all(now)
    kept = history(other.account_id)
    gone = credential.account_id
    credential_remove(credential=credential, erase=True, by=SYSTEM, now=now)
    assert set(history(gone).values()) == {0}
    assert history(other.account_id) == kept
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))[-2:]
    assert actions == ["credential.removed", "account.erased"]


def test_nothing_is_erased_that_another_key_still_reads(credential: ProviderCredential, now: datetime) -> None:
    second = checked(successor(credential, now), now)
    with pytest.raises(Refused, match="Another key"):
        credential_remove(credential=credential, erase=True, by=SYSTEM, now=now)
    credential_remove(credential=credential, erase=False, by=SYSTEM, now=now)
    assert SyncStream.objects.filter(credential=second).exclude(state="standby").count() == len(places(second))


@pytest.mark.parametrize("word", ["", "production", "Production!"])
def test_removal_is_confirmed_by_typing(client: Client, owner: User, credential: ProviderCredential, word: str) -> None:
    client.force_login(owner)
    answer = client.post(reverse("sync:remove", args=[credential.pk]), {"history": "erase", "word": word}, follow=True)
    assert "Nothing was removed" in answer.content.decode()
    assert ProviderCredential.objects.filter(pk=credential.pk).exists()


def test_removal_by_the_page(client: Client, owner: User, credential: ProviderCredential) -> None:
    client.force_login(owner)
    account = credential.account
    body = {"history": "keep", "word": " Production "}
    page = client.post(reverse("sync:remove", args=[credential.pk]), body, follow=True).content.decode()
    assert "The key is removed" in page
    assert "No key is connected" in page
    assert f"?account={account.pk}" in page, "the way to a new key for the same account"
    form = client.get(reverse("credentials:connect_form", args=["openai"]) + f"?account={account.pk}").content.decode()
    assert f'value="{account.pk}" selected' in form
    for url in (reverse("overview:overview"), reverse("credentials:account_list")):
        assert "Production" in client.get(url).content.decode()


# --- Another host -----------------------------------------------------------------------------------------------


def test_a_changed_host_asks_for_the_key_again(client: Client, owner: User, organization: Organization) -> None:
    """The stored key never goes to a new place, and a slip loses nothing."""
    now = timezone.now()
    credential = connected(organization, "metachat", now)
    url = reverse("credentials:check", args=[credential.pk])
    hosts = [field.name for field in credential.provider.fields if field.kind == "url"]
    assert hosts
    client.force_login(owner)
    assert "drops the stored key" in client.get(url).content.decode()
    before = credential.encrypted_secrets
    answer = client.post(url, {**credential.settings, hosts[0]: "https://elsewhere.example"})
    assert "never sent to a new place" in answer.content.decode()
    credential.refresh_from_db()
    assert credential.encrypted_secrets == before
    moved = {**credential.settings, hosts[0]: "https://elsewhere.example"}
    gone = credential_replace(credential=credential, values=moved, by=SYSTEM, now=now)
    assert set(gone) == set(KEYS["metachat"]) & {field.name for field in credential.provider.fields if field.secret}
    assert credential.secret_hints == {}
    assert open_text(credential.encrypted_secrets) == "{}"


# --- Age and end ------------------------------------------------------------------------------------------------


def test_what_is_near_its_end_or_old_is_minded(
    organization: Organization, credential: ProviderCredential, now: datetime
) -> None:
    scope = Scope(organization.pk)

    def minded(moment: datetime) -> list[int]:
        return [one.pk for one in credentials_to_mind(scope=scope, now=moment, limit=9)]

    assert minded(now) == []
    assert minded(now + OLD_AFTER + DAY) == [credential.pk]
    end = (now + timedelta(days=30)).date()
    credential_expiry_set(credential=credential, expires_on=end, by=SYSTEM, now=now)
    assert minded(now + timedelta(days=30) - EXPIRY_NEAR - DAY) == []
    assert minded(now + timedelta(days=30) - EXPIRY_NEAR) == [credential.pk]
    credential.refresh_from_db()
    assert expiry_words(credential, now) == ""
    assert expiry_words(credential, now + timedelta(days=20)) == "expires in 10 days"
    assert expiry_words(credential, now + timedelta(days=30)) == "expires today"
    assert expiry_words(credential, now + timedelta(days=31)) == "expired 20 Dec 2026"
    assert minded(now + 3 * OLD_AFTER) == [credential.pk], "and stays until somebody acts"


def test_a_new_secret_forgets_the_old_ones_end(credential: ProviderCredential, now: datetime) -> None:
    credential_expiry_set(credential=credential, expires_on=date(2026, 12, 1), by=SYSTEM, now=now)
    credential.refresh_from_db()
    credential_replace(credential=credential, values={**credential.settings, **KEYS["openai"]}, by=SYSTEM, now=now)
    credential.refresh_from_db()
    assert credential.expires_on is None


def test_each_reminder_is_given_once(credential: ProviderCredential, now: datetime) -> None:
    end = (now + timedelta(days=20)).date()
    credential_expiry_set(credential=credential, expires_on=end, by=SYSTEM, now=now)
    credential.refresh_from_db()
    given = [
        credential_remind(credential=credential, today=(now + day * DAY).date()) for day in range(25) for _ in "ab"
    ]
    assert [left for left in given if left is not None] == [14, 7, 3, 1, 0]


def test_owners_and_admins_are_mailed(
    organization: Organization, owner: User, simulator: SimulatedWire, django_capture_on_commit_callbacks: Any
) -> None:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    credential_expiry_set(credential=credential, expires_on=(now + 5 * DAY).date(), by=SYSTEM, now=now)
    reader = User.objects.create_user("reader@harbor.example")
    Membership.objects.create(organization=organization, user=reader, role=Role.VIEWER)
    pipeline.remind()
    pipeline.remind()
    mail = OutgoingMail.objects.get()
    assert mail.to == owner.email
    text = open_text(mail.encrypted_text)
    assert "DeepSeek, Production: in 5 days" in text
    assert reverse("sync:rotate", args=[credential.pk]) in text


def test_the_expiry_is_set_on_the_page_and_told(
    client: Client, owner: User, organization: Organization, simulator: SimulatedWire
) -> None:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    client.force_login(owner)
    url = reverse("credentials:expiry", args=[credential.pk])
    assert "not a date" in client.post(url, {"expires_on": "soon"}, follow=True).content.decode()
    client.post(url, {"expires_on": (now + 2 * DAY).date().isoformat()})
    page = client.get(reverse("overview:overview")).content.decode()
    assert "A key of DeepSeek ends" in page
    assert "expires in 2 days" in page
    assert "not read-only" in client.get(reverse("credentials:account", args=[credential.account_id])).content.decode()


def test_providers_are_searched_without_javascript(client: Client, owner: User) -> None:
    client.force_login(owner)
    url = reverse("credentials:connect")
    found = client.get(f"{url}?q=DEEPS").content.decode()
    assert 'data-provider="DeepSeek"' in found
    assert 'data-provider="OpenAI"' not in found
    none = client.get(f"{url}?q=%25_nothing").content.decode()
    assert "No provider fits" in none
    assert "data-provider-none>" in none
