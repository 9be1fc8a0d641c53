"""Several keys of one provider account: recognised, read once, counted once, and taking over from each other."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db.models import Sum
from pytest_django.fixtures import Settings

from dashboard.balances.models import BalanceEntry, BalanceSeries, EntryKind, QuotaSeries
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.services import credential_create, credential_recheck, credential_replace
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from dashboard.sync.checking import credential_check
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.usage.entries.services import Typed, entry_add
from dashboard.usage.models import SpendDaily
from providers.registry import PROVIDERS
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import KEYS, connected, run_all, run_leased, run_once

MINUTES, DAY = timedelta(minutes=5), timedelta(days=1)
# Two keys of the simulated account "harbor" each, by what the provider's check needs to tell whose they are.
TWINS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "anthropic": (
        {"admin_key": "sk-ant-admin01-sim-harbor-first"},
        {"admin_key": "sk-ant-admin01-sim-harbor-second"},
    ),
    "deepinfra": ({"api_key": "sim-harbor-first"}, {"api_key": "sim-harbor-second"}),
    "openai": (
        {"admin_key": "sk-admin-sim-harbor-first", "organization_id": "org-harbor"},
        {"admin_key": "sk-admin-sim-harbor-second", "organization_id": "org-harbor"},
    ),
    "xai": ({"management_key": "xai-token-sim-harbor-first"}, {"management_key": "xai-token-sim-harbor-second"}),
}


def created(
    organization: Organization, slug: str, now: datetime, values: dict[str, str], **more: Any
) -> ProviderCredential:
    return credential_create(
        organization=organization,
        provider=PROVIDERS[slug],
        values=values,
        label=more.pop("label", ""),
        by=SYSTEM,
        now=now,
        check=False,
        **more,
    )


def checked(credential: ProviderCredential, now: datetime) -> ProviderCredential:
    """Check as the worker does, and run what the check leased."""
    fresh = ProviderCredential.objects.select_related("account").get(pk=credential.pk)
    queue = credential_check(credential=fresh, clock=lambda: now)
    while queue:
        again = run_leased(*queue.pop(), now)
        queue += [again] if again else []
    return ProviderCredential.objects.select_related("account").get(pk=credential.pk)


def twins(organization: Organization, slug: str, now: datetime) -> tuple[ProviderCredential, ProviderCredential]:
    first, second = (
        checked(created(organization, slug, now, values, label=f"key {position}"), now)
        for position, values in enumerate(TWINS[slug])
    )
    return first, second


def states(credential: ProviderCredential) -> dict[str, str]:
    return dict(SyncStream.objects.filter(credential=credential).values_list("capability", "state"))


def stream_of(credential: ProviderCredential, capability: str) -> SyncStream:
    return SyncStream.objects.get(credential=credential, capability=capability)


@pytest.fixture
def refused_keys(simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Keys that were revoked at the provider while the account and its other keys go on."""
    refused: set[str] = set()
    answer = simulator.simulator.answer

    def answered(method: str, host: str, target: str, headers: Any, body: bytes, now: datetime) -> Any:
        if any(value.endswith(tuple(refused)) for value in headers.values() if refused):
            part = next(part for part in simulator.simulator.parts.values() if host in part.hosts)
            return part.refuse(401)
        return answer(method, host, target, headers, body, now)

    monkeypatch.setattr(simulator.simulator, "answer", answered)
    yield refused


# --- Recognised by the provider's own id ------------------------------------------------------------------------


@pytest.mark.parametrize("slug", TWINS)
def test_two_keys_of_one_account_are_one_account(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    Organization.objects.update(reporting_zone="UTC")
    first, second = twins(organization, slug, now)
    assert ProviderAccount.objects.count() == 1
    assert first.account_id == second.account_id
    assert first.account.external_id
    assert set(states(first).values()) == {StreamState.FRESH}
    assert set(states(second).values()) == {StreamState.STANDBY}
    run_all(now)
    readers = set(SyncRun.objects.values_list("stream__credential_id", flat=True))
    assert readers == {first.pk}, "nothing is asked twice"
    account = simulator.simulator.world.account(simulator.simulator.parts[slug].profile, "harbor")
    month = now.replace(day=1, hour=0, minute=0)
    spent = SpendDaily.objects.filter(day__gte=month.date()).aggregate(total=Sum("spend"))["total"]
    assert spent == account.spent(month, now), "and nothing is counted twice"
    assert BalanceSeries.objects.filter(kind="prepaid", basis="live").count() == (slug in ("deepinfra", "xai"))


def test_keys_of_two_accounts_stay_two(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    checked(created(organization, "deepinfra", now, {"api_key": "sim-harbor"}), now)
    checked(created(organization, "deepinfra", now, {"api_key": "sim-island"}), now)
    assert ProviderAccount.objects.count() == 2
    assert not SyncStream.objects.filter(state=StreamState.STANDBY).exists()


def test_an_account_that_turns_out_to_be_another_one_keeps_what_people_typed(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    first, second = (created(organization, "deepinfra", now, values) for values in TWINS["deepinfra"])
    typed_in = Typed(kind=EntryKind.TOPUP, amount=Decimal(50), unit="USD", at=now)
    entry_add(account=second.account, typed_in=typed_in, by=SYSTEM, now=now)
    first, second = checked(first, now), checked(second, now)
    assert first.account_id == second.account_id
    assert BalanceEntry.objects.get().account.credentials.count() == 0


def test_another_organization_never_shares_an_account(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    other = Organization.objects.create(name="Island Labs")
    for one in (organization, other):
        checked(created(one, "deepinfra", now, {"api_key": "sim-harbor"}), now)
    assert sorted(ProviderAccount.objects.values_list("organization_id", flat=True)) == [organization.pk, other.pk]


def test_a_key_connected_while_the_provider_was_away_is_recognised_later(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    first = checked(created(organization, "deepinfra", now, {"api_key": "sim-harbor-first"}), now)
    simulator.simulator.faults[("deepinfra", "harbor")] = "500"
    second = checked(created(organization, "deepinfra", now, {"api_key": "sim-harbor-second"}), now)
    assert (second.check_verdict, second.account_id == first.account_id) == ("unreachable", False)
    simulator.simulator.faults.clear()
    run_all(now + DAY)
    second = checked(second, now + DAY)
    assert second.account_id == first.account_id
    assert ProviderAccount.objects.count() == 1
    assert set(states(second).values()) == {StreamState.STANDBY}
    assert BalanceSeries.objects.filter(kind="prepaid").count() == 1


def test_a_key_that_turns_out_to_be_of_another_account_gets_its_own(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    """The admin's word was wrong, or a key was replaced by one of another account: histories are never mixed."""
    Organization.objects.update(reporting_zone="UTC")
    first = checked(created(organization, "deepinfra", now, {"api_key": "sim-harbor"}), now)
    wrong = created(organization, "deepinfra", now, {"api_key": "sim-island"}, same_account=first.account)
    wrong = checked(wrong, now)
    assert wrong.account_id != first.account_id
    assert set(states(wrong).values()) == {StreamState.FRESH}
    before = SpendDaily.objects.filter(account=first.account_id).aggregate(total=Sum("spend"))

    credential_replace(credential=wrong, values={"api_key": "sim-lagoon"}, by=SYSTEM, now=now + MINUTES)
    replaced = checked(wrong, now + MINUTES)
    assert replaced.account_id not in (first.account_id, wrong.account_id)
    assert ProviderAccount.objects.count() == 3, "the account without a key keeps its history"
    world, profile = simulator.simulator.world, simulator.simulator.parts["deepinfra"].profile
    later = now + MINUTES
    month = now.replace(day=1, hour=0, minute=0)
    told = dict(SpendDaily.objects.filter(day=month.date(), spend__isnull=False).values_list("account_id", "spend"))
    assert told == {
        first.account_id: world.account(profile, "harbor").spent(month, now),
        wrong.account_id: world.account(profile, "island").spent(month, now),
        replaced.account_id: world.account(profile, "lagoon").spent(month, later),
    }
    assert SpendDaily.objects.filter(account=first.account_id).aggregate(total=Sum("spend")) == before
    months = SpendDaily.objects.filter(spend__isnull=False)
    for account_id in (wrong.account_id, replaced.account_id):
        same = months.filter(account=account_id).count() == months.filter(account=first.account_id).count()
        assert same, "its whole history is read, whatever the credential had read before"


# --- Recognised by the admin's word -----------------------------------------------------------------------------


def test_the_admins_word_counts_where_the_provider_tells_no_id(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    first = checked(created(organization, "deepseek", now, {"api_key": "sk-sim-harbor-first"}), now)
    second = created(organization, "deepseek", now, {"api_key": "sk-sim-harbor-second"}, same_account=first.account)
    second = checked(second, now)
    assert second.account_id == first.account_id
    assert states(second) == dict.fromkeys(states(first), StreamState.STANDBY)
    assert BalanceSeries.objects.filter(unit="CNY").count() == 1
    unsaid = checked(created(organization, "deepseek", now, {"api_key": "sk-sim-harbor-third"}), now)
    assert unsaid.account_id != first.account_id, "without a word nobody can know"


# --- Taking over ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", TWINS)
def test_the_other_key_takes_over_when_the_first_is_revoked(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str, refused_keys: set[str]
) -> None:
    Organization.objects.update(reporting_zone="UTC")
    first, second = twins(organization, slug, now)
    refused_keys.add("-first")
    later = simulator.now = now + DAY
    run_all(later)
    run_all(later)  # the next dispatch finds the other key's streams due
    public = {"models"} if slug == "deepinfra" else set()
    assert {name for name, state in states(first).items() if state != StreamState.PAUSED} == public
    assert {name for name, state in states(second).items() if state != StreamState.FRESH} == public
    account = simulator.simulator.world.account(simulator.simulator.parts[slug].profile, "harbor")
    month = now.replace(day=1, hour=0, minute=0)
    spent = SpendDaily.objects.filter(day__gte=month.date()).aggregate(total=Sum("spend"))["total"]
    assert spent == account.spent(month, later), "the history goes on without a gap and without a double"


def test_the_other_key_takes_over_when_a_check_refuses_the_first(
    organization: Organization, simulator: SimulatedWire, now: datetime, refused_keys: set[str]
) -> None:
    first, second = twins(organization, "deepinfra", now)
    refused_keys.add("-first")
    credential_recheck(credential=first, by=SYSTEM, now=now + MINUTES)
    first = checked(first, now + MINUTES)
    assert first.state == CredentialState.REFUSED
    run_all(now + MINUTES)
    assert set(states(second).values()) == {StreamState.FRESH}


def test_a_mended_key_does_not_read_beside_the_other(
    organization: Organization, simulator: SimulatedWire, now: datetime, refused_keys: set[str]
) -> None:
    first, second = twins(organization, "deepinfra", now)
    refused_keys.add("-first")
    run_all(now + DAY)
    credential_replace(credential=first, values={"api_key": "sim-harbor-third"}, by=SYSTEM, now=now + DAY)
    checked(first, now + DAY)
    for capability in states(first):
        both = {states(first)[capability], states(second)[capability]}
        assert both == {StreamState.FRESH, StreamState.STANDBY}, capability


def test_both_keys_refused_shows_both_and_the_last_value_stands(
    organization: Organization, simulator: SimulatedWire, now: datetime, refused_keys: set[str]
) -> None:
    first, second = twins(organization, "deepinfra", now)
    amount = BalanceSeries.objects.get(kind="prepaid").amount
    refused_keys.update({"-first", "-second"})
    run_all(now + DAY)
    run_all(now + DAY)
    for credential in (first, second):
        assert stream_of(credential, "balance").state == StreamState.PAUSED
    series = BalanceSeries.objects.get(kind="prepaid")
    assert (series.amount, series.at) == (amount, now)


def test_what_belongs_to_a_key_is_read_by_each_key(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    """OpenRouter's caps are per key: the wallet is read once, the caps by both."""
    values = [{"inference_key": f"sk-or-v1-sim-harbor-{team}"} for team in ("team-blue", "team-green")]
    first = checked(created(organization, "openrouter", now, values[0]), now)
    second = checked(created(organization, "openrouter", now, values[1], same_account=first.account), now)
    assert first.account_id == second.account_id
    assert states(first)["quota"] == states(second)["quota"] == StreamState.FRESH
    assert {states(first)["models"], states(second)["models"]} == {StreamState.FRESH, StreamState.STANDBY}
    caps = {row.credential_id: row.limit for row in QuotaSeries.objects.filter(unit="USD")}
    assert caps == {first.pk: Decimal(4000), second.pk: Decimal(600)}


# --- Other values for a credential ------------------------------------------------------------------------------


def test_a_changed_host_drops_the_secret(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    """The old key is never sent to a new place."""
    credential = checked(created(organization, "metachat", now, KEYS["metachat"]), now)
    moved = {**KEYS["metachat"], "api_key": "", "base_url": "https://llm-api.mmchat.dev/v1"}
    calls = dict(simulator.simulator.calls)
    credential_replace(credential=credential, values=moved, by=SYSTEM, now=now + MINUTES)
    after = checked(credential, now + MINUTES)
    assert after.secret_hints == {}
    assert "api_key" not in after.unlocked().values
    assert (after.state, after.check_verdict) == (CredentialState.REFUSED, "missing_field")
    assert simulator.simulator.calls == calls, "nothing was sent anywhere"


def test_the_same_host_keeps_the_secret(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    credential = checked(created(organization, "metachat", now, KEYS["metachat"]), now)
    same = {**KEYS["metachat"], "api_key": "", "cny_per_point": "0.001"}
    credential_replace(credential=credential, values=same, by=SYSTEM, now=now + MINUTES)
    after = checked(credential, now + MINUTES)
    assert after.unlocked().values["api_key"] == KEYS["metachat"]["api_key"]
    assert (after.state, after.settings["cny_per_point"]) == (CredentialState.ACTIVE, "0.001")


def test_a_new_key_entered_while_the_old_one_is_checked_is_not_lost(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = created(organization, "deepseek", now, {"api_key": "sk-sim-harbor-old"})
    answer = simulator.simulator.answer

    def meanwhile(*args: Any) -> Any:
        monkeypatch.setattr(simulator.simulator, "answer", answer)
        fresh = ProviderCredential.objects.select_related("account").get(pk=credential.pk)
        credential_replace(credential=fresh, values={"api_key": "sk-sim-harbor-new"}, by=SYSTEM, now=now + MINUTES)
        return answer(*args)

    monkeypatch.setattr(simulator.simulator, "answer", meanwhile)
    assert credential_check(credential=credential, clock=lambda: now) == []
    stored = ProviderCredential.objects.get(pk=credential.pk)
    assert stored.unlocked().values["api_key"] == "sk-sim-harbor-new"
    assert stored.state == CredentialState.CHECKING, "the verdict on the old key says nothing about the new one"


# --- Encryption keys that are gone ------------------------------------------------------------------------------


def test_a_secret_that_cannot_be_decrypted_pauses_with_words(
    organization: Organization, simulator: SimulatedWire, now: datetime, settings: Settings
) -> None:
    credential = connected(organization, "deepseek", now)
    run_all(now)
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    later = now + DAY
    stream = run_once(stream_of(credential, "balance"), later)
    assert stream.state == StreamState.PAUSED
    assert "Enter it again" in stream.message
    assert SyncRun.objects.filter(stream=stream).latest("pk").outcome == RunOutcome.ACTION_NEEDED
    assert BalanceSeries.objects.get(unit="CNY").at == now, "the last value stands"
    credential_recheck(credential=credential, by=SYSTEM, now=later)
    after = checked(credential, later)
    assert (after.state, "Enter it again" in after.check_message) == (CredentialState.REFUSED, True)
    credential_replace(credential=after, values={"api_key": "sk-sim-harbor"}, by=SYSTEM, now=later)
    assert checked(after, later).state == CredentialState.ACTIVE
    assert set(states(after).values()) == {StreamState.FRESH}
