"""What people say of an account: label, owner team, tags, notes."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import AuditEvent, Organization, Team

pytestmark = pytest.mark.usefixtures("signed_in")


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")


def url(account: ProviderAccount) -> str:
    return reverse("credentials:account_settings", args=[account.pk])


def test_it_is_stored_shown_and_told(client: Client, organization: Organization, account: ProviderAccount) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    notes = "Ask <b>Kay</b>\nbefore topping up."
    data = {"label": "Production", "team": team.pk, "tags": " europe, ,production,europe ", "notes": notes}
    assert client.post(url(account), data).status_code == 302
    account.refresh_from_db()
    assert (account.label, account.team, account.tags) == ("Production", team, ["europe", "production"])
    page = client.get(reverse("credentials:account", args=[account.pk])).content.decode()
    assert "Ask &lt;b&gt;Kay&lt;/b&gt;<br>before" in page
    for words in ("Production", "Search", "europe"):
        assert words in page
    event = AuditEvent.objects.get(action="account.changed")
    assert event.changes["team"] == [None, "Search"]
    assert event.changes["tags"] == [[], ["europe", "production"]]
    client.post(url(account), data)
    assert AuditEvent.objects.filter(action="account.changed").count() == 1, "nothing changed the second time"


@pytest.mark.parametrize("tags", [",".join(map(str, range(11))), "x" * 41])
def test_too_many_or_too_long_tags_are_refused(client: Client, account: ProviderAccount, tags: str) -> None:
    page = client.post(url(account), {"label": "Main", "tags": tags}).content.decode()
    assert "At most 10 tags of at most 40 characters." in page
    account.refresh_from_db()
    assert account.tags == []


def test_another_organizations_team_does_not_get_it(client: Client, account: ProviderAccount, now: datetime) -> None:
    foreign = Team.objects.create(organization=Organization.objects.create(name="Island"), name="Theirs")
    client.post(url(account), {"label": "Main", "team": foreign.pk})
    account.refresh_from_db()
    assert account.team is None


def test_an_archived_team_is_offered_only_to_the_account_that_has_it(
    client: Client, organization: Organization, account: ProviderAccount
) -> None:
    team = Team.objects.create(organization=organization, name="Old team", archived_at=timezone.now())
    assert "Old team" not in client.get(url(account)).content.decode()
    ProviderAccount.objects.filter(pk=account.pk).update(team=team)
    assert "Old team" in client.get(url(account)).content.decode()
    client.post(url(account), {"label": "Renamed", "team": team.pk})
    account.refresh_from_db()
    assert (account.label, account.team) == ("Renamed", team)
