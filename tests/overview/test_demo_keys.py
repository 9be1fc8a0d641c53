"""The keys of the demo look lived in."""

from datetime import datetime

from dashboard.keys.models import ProviderKey
from dashboard.organizations.models import Organization, Team
from dashboard.overview.demo import TEAMS, demo_keys
from dashboard.usage.models import AllocationRule
from tests.keys.managed import SLUGS, managed_account


def test_most_keys_of_the_demo_have_an_owner_and_some_have_none(organization: Organization, now: datetime) -> None:
    for name in TEAMS:
        Team.objects.create(organization=organization, name=name)
    credentials = [managed_account(organization, slug).credentials.get() for slug in SLUGS]
    for _ in range(2):
        for credential in credentials:
            demo_keys(credential=credential, now=now)
    keys = ProviderKey.objects.all()
    owned = keys.exclude(team=None)
    assert 0 < keys.filter(team=None).count() < owned.count()
    assert all(key.purpose for key in owned)
    assert AllocationRule.objects.count() == owned.count(), "each owner once, also when it is filled again"
    assert set(owned.values_list("team__name", flat=True)) == set(TEAMS)
