"""The style page shows every component there is, and is no page of a running Purser."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import NoReverseMatch, reverse

from dashboard.organizations.models import User
from dashboard.overview.styleguide.components import GROUPS, components
from dashboard.overview.styleguide.urls import style_urls
from dashboard.urls import urlpatterns as everything

urlpatterns = [*everything, *style_urls]
FILES = sorted(file.name for file in Path(settings.BASE_DIR, "templates", "components").glob("*.html"))


def test_no_address_leads_to_it_unless_debugging() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("styleguide")


def test_every_component_has_its_place_and_says_what_it_takes() -> None:
    placed = [name for _, members in GROUPS.values() for name in members]
    assert sorted(f"_{name}.html" for name in placed) == FILES
    for one in components().values():
        assert one.about, one.file
        assert one.inputs, one.file


@pytest.mark.django_db
@pytest.mark.urls(__name__)
@pytest.mark.usefixtures("noted_templates")
def test_every_component_is_drawn(client: Client, owner: User) -> None:
    client.force_login(owner)
    response = client.get("/styleguide/")
    assert response.status_code == 200
    drawn = {template.name for template in response.templates}
    assert {f"components/{name}" for name in FILES} <= drawn
    assert sorted(re.findall(r'data-component="([^"]+)"', response.content.decode())) == FILES


@pytest.mark.django_db
@pytest.mark.urls(__name__)
@pytest.mark.parametrize("query", ["?sort=account&dir=up", "?cols=", "?after=3~%3D1", "?period=quarter", "?kind=bill"])
def test_what_it_shows_can_be_used(client: Client, owner: User, query: str) -> None:
    client.force_login(owner)
    assert client.get(f"/styleguide/{query}").status_code == 200
