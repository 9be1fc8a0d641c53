"""The list of places against the URLconf: no page is forgotten by the pictures and by the browser tests."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.organizations.models import User
from tests.overview.test_pages import ADDRESSES
from tests.screenshots.readme import FOLDER, MOST_BYTES, PICTURES
from tests.tour.places import NO_PAGES, PLACES

LISTED = {place.address for place in PLACES}
# Whatever fills an address: what is asked is whether it takes a GET, not whether there is such a thing.
FILLED = {
    "slug": "nobody",
    "part": "balance",
    "token": "none",
    "kind": "topup",
    "provider_id": "sso",
    "intent_id": "00000000-0000-4000-8000-000000000000",
    "operation": "delete",
    "team": "organization",
}


def takes_get(client: Client, name: str) -> bool:
    arguments = {argument: FILLED.get(argument, 1) for argument in ADDRESSES[name].arguments}
    return client.get(reverse(name, kwargs=arguments)).status_code != 405


def test_every_page_has_its_place(owner: User) -> None:
    client = Client()
    client.force_login(owner)
    pages = {name for name in ADDRESSES if takes_get(client, name)}
    assert pages - LISTED - set(NO_PAGES) == set(), "in neither list: a page belongs into tests/tour/places.py"
    assert (LISTED | set(NO_PAGES)) - pages == set(), "listed, and there is no such page"
    assert LISTED & set(NO_PAGES) == set()


def test_every_place_has_a_name_of_its_own() -> None:
    names = [place.name for place in PLACES]
    assert len(names) == len(set(names))
    assert {one.place for one in PICTURES} <= set(names)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.png")), ids=lambda path: path.stem)
def test_a_picture_of_the_readme_is_small(path: Path) -> None:
    assert path.stat().st_size <= MOST_BYTES
