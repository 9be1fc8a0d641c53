"""Every page that the list of places knows: axe, keyboard, small and large screens, in every language."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from tests.browser.keyboard import dialogs, walk
from tests.browser.parts import Purser
from tests.browser.screens import other_widths, small
from tests.browser.watching import Watch, axe, too_wide
from tests.tour.furniture import Furniture
from tests.tour.guide import PHONE, WIDE, Guide, furnished, in_order_of_people
from tests.tour.places import PHONE_ONLY, PLACES, Place

WALKED = in_order_of_people(PLACES)
# One state of each page stands for the others: their words come by the same way.
ONCE = in_order_of_people({place.address: place for place in reversed(PLACES) if place.then is None}.values())
OTHER_LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


@pytest.fixture(scope="module")
def furniture(purser: Purser, browser: Browser, owner_state: object) -> Iterator[Furniture]:
    purser.demo()
    purser.await_idle()
    purser.kill_worker()
    yield furnished(purser)
    purser.empty()
    purser.start_worker()


@pytest.fixture(scope="module")
def guides(purser: Purser, browser: Browser, furniture: Furniture) -> Iterator[dict[str, tuple[Guide, Watch]]]:
    """One for each language."""
    made = {}
    for language in ("en", *OTHER_LANGUAGES):
        context = browser.new_context(viewport=WIDE, reduced_motion="reduce", locale=language)  # type: ignore[arg-type]
        context.set_default_timeout(20_000)
        watch = Watch(context)
        made[language] = (Guide(context, purser.url, furniture), watch)
    yield made
    for guide, _ in made.values():
        guide.context.close()


@pytest.mark.parametrize("place", WALKED, ids=lambda place: place.name)
def test_a_page_is_for_everybody(guides: dict[str, tuple[Guide, Watch]], place: Place) -> None:
    guide, watch = guides["en"]
    page, size = guide.page, PHONE if place.only == PHONE_ONLY else WIDE
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    with watch.expecting(place.status):
        answer = guide.open(place)
    assert answer is not None
    assert answer.status == place.status
    problems = [f"axe, {size['width']} px, light: {found}" for found in axe(page)]
    problems += [f"keyboard: {found}" for found in walk(page)]
    if place.then is None:
        problems += [f"keyboard: {found}" for found in dialogs(page)]
    guide.look(theme="dark")
    problems += [f"axe, {size['width']} px, dark: {found}" for found in axe(page, colours_only=True)]
    if place.only != PHONE_ONLY:
        problems += other_widths(page)
    problems += small(page)
    problems += [f"axe, 360 px, dark: {found}" for found in axe(page)]
    assert not problems, f"{page.url}\n" + "\n".join(problems)
    watch.assert_quiet()


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
@pytest.mark.parametrize("place", ONCE, ids=lambda place: place.name)
def test_a_page_is_for_everybody_in_their_language(
    guides: dict[str, tuple[Guide, Watch]], place: Place, language: str
) -> None:
    """What words can change: names of controls, the language that is told, and how wide things are."""
    guide, watch = guides[language]
    page = guide.page
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    with watch.expecting(place.status):
        guide.open(place)
    problems = [f"axe: {found}" for found in axe(page, colours=False)]
    for width in (WIDE["width"], 360):
        page.set_viewport_size({"width": width, "height": 740})
        problems += [f"{width} px: {found}" for found in too_wide(page)]
    assert not problems, f"{page.url}, {language}\n" + "\n".join(problems)
    watch.assert_quiet()
