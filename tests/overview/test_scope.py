"""What people see who may not see everything: the accounts and figures of their teams, and wallets only when shared."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.balances.services import balances_land, quotas_land
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.models import Membership, Organization, Role, Team, User
from dashboard.organizations.scope import scope_of
from dashboard.sync.models import StreamState, SyncRun, SyncStream
from dashboard.sync.selectors import trouble_by_hour
from dashboard.usage.models import SpendDaily
from providers.records import Balance, Quota
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, place_of

OURS, THEIRS = "Search account", "Platform account"


@pytest.fixture
def accounts(organization: Organization, owner: User, simulator: SimulatedWire) -> dict[str, ProviderAccount]:
    """Two accounts of two teams, each with a balance, a quota, spend of today, and a stream that fails."""
    now, made = timezone.now(), {}
    for name, label, amount in (("Search", OURS, "41.50"), ("Platform", THEIRS, "777.25")):
        team = Team.objects.create(organization=organization, name=name)
        credential = connected(organization, "deepseek", now)
        account = credential.account
        ProviderAccount.objects.filter(pk=account.pk).update(label=label, team=team)
        place = place_of(credential)
        wallet = Balance(name="Wallet", kind="prepaid", amount=Decimal(amount), unit="CNY")
        balances_land(place=place, balances=[wallet], now=now)
        cap = Quota(name=f"Cap of {name}", unit="USD", used=Decimal(1), limit=Decimal(2))
        quotas_land(place=place, quotas=[cap], per_key=False, now=now)
        SpendDaily.objects.create(
            organization=organization,
            account=account,
            provider_slug="deepseek",
            day=organization.local(now).date(),
            span="day",
            unit="USD",
            spend=Decimal(amount) / 10,
            provisional=False,
            unpriced_models=0,
        )
        stream = SyncStream.objects.filter(credential=credential, capability="balance")
        stream.update(state=StreamState.FAILING, message=f"{name} fails.")
        SyncRun.objects.create(
            organization=organization,
            stream=stream.get(),
            provider_slug="deepseek",
            outcome="retryable" if name == "Search" else "payload_error",
            started_at=now,
            finished_at=now,
        )
        account.refresh_from_db()
        made[name] = account
    return made


def person(organization: Organization, role: Role, *teams: str, **more: bool) -> User:
    user = User.objects.create_user(f"{role}@harbor.example")
    Membership.objects.create(organization=organization, user=user, role=role, **more)
    for team in Team.objects.filter(organization=organization, name__in=teams):
        team.members.add(user)
    return user


def page(user: User, name: str, *arguments: int) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse(name, args=arguments))
    assert response.status_code == 200
    return response.content.decode()


def test_a_lead_sees_the_accounts_and_figures_of_the_team_alone(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    lead = person(organization, Role.LEAD, "Search", sees_balances=True)
    overview, listed = page(lead, "overview:overview"), page(lead, "credentials:account_list")
    for told in (overview, listed):
        assert OURS in told
        assert "41.50" in told
        assert THEIRS not in told
        assert "777.25" not in told
    assert "$4.15" in overview
    assert "77.7" not in overview, "nor in the sum of the month"
    assert "Search fails." in overview
    assert "Platform fails." not in overview
    assert "Cap of Search" in overview
    assert "Cap of Platform" not in overview
    assert OURS in page(lead, "credentials:account", accounts["Search"].pk)


def test_what_belongs_to_another_team_does_not_exist_for_a_lead(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    client = Client()
    client.force_login(person(organization, Role.LEAD, "Search", sees_balances=True))
    theirs = accounts["Platform"]
    stream = SyncStream.objects.filter(credential__account=theirs).first()
    assert stream is not None
    for name in ("credentials:account", "credentials:sync_progress"):
        assert client.get(reverse(name, args=[theirs.pk])).status_code == 404
    assert client.post(reverse("sync:account_sync", args=[theirs.pk])).status_code == 404
    assert client.post(reverse("sync:stream_sync", args=[stream.pk])).status_code == 404


def test_a_lead_who_syncs_all_syncs_what_is_the_teams(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    SyncStream.objects.update(lease_until=None)
    client = Client()
    client.force_login(person(organization, Role.LEAD, "Search"))
    assert client.post(reverse("sync:sync_all")).status_code == 302
    leased = SyncStream.objects.filter(lease_until__isnull=False).values_list("credential__account_id", flat=True)
    assert set(leased) == {accounts["Search"].pk}


def test_somebody_without_balances_sees_spend_and_states_but_no_wallet(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    viewer = person(organization, Role.VIEWER, "Search")
    pages = {
        "overview": page(viewer, "overview:overview"),
        "list": page(viewer, "credentials:account_list"),
        "account": page(viewer, "credentials:account", accounts["Search"].pk),
    }
    for name, told in pages.items():
        assert OURS in told, name
        assert "41.50" not in told, name
        assert "Cap of Search" not in told, name
        assert "not shared" in told, name
        assert "not offered" not in told.lower() or name == "account", "hidden is not the same as not offered"
    assert "$4.15" in pages["overview"]
    assert "Search fails." in pages["overview"]


@pytest.mark.parametrize("sees_all", [True, False])
def test_a_person_of_no_team_sees_nothing_unless_everything(
    organization: Organization, accounts: dict[str, ProviderAccount], sees_all: bool
) -> None:
    viewer = person(organization, Role.VIEWER, sees_all=sees_all, sees_balances=True)
    told = page(viewer, "overview:overview")
    assert (OURS in told) == (THEIRS in told) == sees_all
    assert ("You are in no team yet" in told) != sees_all


def test_trouble_of_another_teams_streams_is_not_drawn(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    lead = person(organization, Role.LEAD, "Search")
    scope = scope_of(Membership.objects.get(user=lead))
    assert set().union(*trouble_by_hour(scope=scope, now=timezone.now()).values()) == {"retryable"}


def test_owners_and_admins_see_everything_whatever_their_row_says(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    admin = person(organization, Role.ADMIN)
    assert scope_of(Membership.objects.get(user=admin)).whole
    told = page(admin, "overview:overview")
    assert "41.50" in told
    assert "777.25" in told


def test_teams_of_another_organization_open_nothing_here(
    organization: Organization, accounts: dict[str, ProviderAccount]
) -> None:
    viewer = person(organization, Role.VIEWER)
    other = Organization.objects.create(name="Island Labs")
    foreign = Team.objects.create(organization=other, name="Search")
    foreign.members.add(viewer)
    Membership.objects.create(organization=other, user=viewer, role=Role.OWNER)
    assert scope_of(Membership.objects.get(user=viewer, organization=organization)).team_ids == ()
    assert not ProviderCredential.objects.filter(account__team=foreign).exists()
