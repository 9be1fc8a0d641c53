"""Every page that the list of places knows: axe, keyboard, small and large screens, in every language. Then Purser in
the hand, without a mouse, and without JavaScript. One demo serves all of it."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.keyboard import dialogs, walk
from tests.browser.parts import Purser
from tests.browser.screens import other_widths, small
from tests.browser.watching import Watch, axe, too_wide
from tests.tour.furniture import Furniture
from tests.tour.guide import PHONE, WIDE, Guide, furnished, in_order_of_people, once
from tests.tour.places import PHONE_ONLY, PLACES, Place

NewContext = Callable[..., tuple[BrowserContext, Watch]]
pytestmark = pytest.mark.usefixtures("furniture")

WALKED = in_order_of_people(PLACES)
ONCE = once(PLACES)
OTHER_LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
# They take turns, every second page: `make bench` looks at all of them in each language.
IN_TURN = list(zip(ONCE[::2], itertools.cycle(OTHER_LANGUAGES), strict=False))


@pytest.fixture(scope="module")
def furniture(purser: Purser, owner_state: Any) -> Iterator[Furniture]:
    purser.demo()
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
        context.set_default_timeout(120_000)
        watch = Watch(context)
        made[language] = (Guide(context, purser.url, furniture), watch)
    yield made
    for guide, _ in made.values():
        guide.context.close()


@pytest.mark.parametrize("place", WALKED, ids=lambda place: place.name)
def test_a_page_is_for_everybody(guides: dict[str, tuple[Guide, Watch]], place: Place) -> None:
    """axe sees each page on a phone and dark; `make bench` has it see each one wide, in both themes and every language.
    A further state of a page is walked, and seen by axe, where something stands open."""
    guide, watch = guides["en"]
    page, size = guide.page, PHONE if place.only == PHONE_ONLY else WIDE
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    with watch.expecting(place.status):
        answer = guide.open(place)
    assert answer is not None
    assert answer.status == place.status
    problems = []
    if place in ONCE or place.then is not None:
        problems += [f"keyboard: {found}" for found in walk(page)]
    if place in ONCE:
        problems += [f"keyboard: {found}" for found in dialogs(page)]
    guide.look(theme="dark")
    if place in ONCE:
        problems += other_widths(page)
    problems += small(page)
    if place in ONCE or place.then is not None:
        problems += [f"axe, 360 px, dark: {found}" for found in axe(page)]
    assert not problems, f"{page.url}\n" + "\n".join(problems)
    watch.assert_quiet()


@pytest.mark.parametrize(("place", "language"), IN_TURN, ids=lambda one: getattr(one, "name", one))
def test_a_page_is_as_wide_as_its_window_in_every_language(
    guides: dict[str, tuple[Guide, Watch]], place: Place, language: str
) -> None:
    guide, watch = guides[language]
    page = guide.page
    page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    with watch.expecting(place.status):
        guide.open(place)
    assert page.evaluate("document.documentElement.lang").lower() == language
    problems = []
    for width in (WIDE["width"], 360):
        page.set_viewport_size({"width": width, "height": 740})
        problems += [f"{width} px: {found}" for found in too_wide(page)]
    assert not problems, f"{page.url}, {language}\n" + "\n".join(problems)
    watch.assert_quiet()


# --- In the hand ----------------------------------------------------------------------------------------------------


@pytest.fixture
def phone(new_context: NewContext, owner_state: object) -> tuple[Page, Watch]:
    context, watch = new_context(storage_state=owner_state, viewport=PHONE, is_mobile=True, has_touch=True)
    return context.new_page(), watch


def test_a_phone_gets_a_tab_bar_and_lists(phone: tuple[Page, Watch]) -> None:
    page, _watch = phone
    page.goto("/")
    bar = page.locator("nav.tabbar")
    expect(bar).to_be_visible()
    expect(page.get_by_role("complementary")).to_have_count(0)
    expect(bar.get_by_role("link", name="Overview")).to_have_attribute("aria-current", "page")
    expect(page.locator("#balances table")).to_be_hidden()
    expect(page.locator("#balances > ul > li")).to_have_count(4)
    bar.get_by_role("link", name="Accounts").tap()
    expect(page.get_by_role("heading", name="Accounts", level=1)).to_be_visible()
    expect(page.locator("#accounts table")).to_be_hidden()
    page.locator("#accounts ul a").filter(has_text="DeepSeek").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("DeepSeek Production")
    expect(page.locator("#streams table")).to_be_hidden()
    expect(page.locator("#streams > ul > li").first).to_contain_text("Balance")
    expect(page.locator("nav.tabbar").get_by_role("link", name="Accounts")).to_have_attribute("aria-current", "page")


def test_more_opens_from_below(phone: tuple[Page, Watch]) -> None:
    page, _watch = phone
    page.goto("/")
    page.get_by_role("button", name="More").tap()
    sheet = page.get_by_role("dialog", name="More")
    expect(sheet).to_be_visible()
    box = sheet.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == pytest.approx(PHONE["height"], abs=1)
    assert box["width"] == pytest.approx(PHONE["width"], abs=1)
    page.set_viewport_size(PHONE)
    sheet.get_by_role("button", name="Close").tap()
    expect(sheet).to_be_hidden()
    page.get_by_role("button", name="More").tap()
    sheet.get_by_role("button", name="Go to My organization").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Purser")
    page.get_by_role("button", name="More").tap()
    page.get_by_role("button", name="Go to Harbor Labs (demo)").tap()
    expect(page.get_by_text("This is the demo.")).to_be_visible()


# --- Without a mouse ------------------------------------------------------------------------------------------------


def test_the_first_tab_skips_to_the_content(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_j_and_k_walk_the_accounts_and_enter_opens_one(page: Page) -> None:
    page.goto("/accounts/")
    rows = page.locator("#accounts tbody tr")
    second = rows.nth(1).locator("a")
    name = second.inner_text()
    for key in "jjjk":
        page.keyboard.press(key)
    expect(rows.nth(1)).to_have_class(re.compile("is-at"))
    expect(page.locator(".is-at")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} Production")


def test_g_and_a_letter_go_to_a_place(page: Page) -> None:
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile(r"/accounts/$"))
    page.wait_for_load_state()
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.get_by_role("heading", name="Overview", level=1)).to_be_visible()
    # Who writes in a field is not led away.
    page.goto("/connect/deepseek/")
    page.get_by_label("API key").focus()
    page.keyboard.type("gagocjk")
    expect(page.get_by_label("API key")).to_have_value("gagocjk")
    expect(page).to_have_url(re.compile(r"/connect/deepseek/$"))


def test_the_chosen_theme_stays(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/")
    root = page.locator("html")
    switch = page.get_by_role("complementary").get_by_role("button", name="Switch theme")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for choice in ("light", "dark"):
        switch.click()
        expect(root).to_have_attribute("data-choice", choice)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert dark != light
    page.goto("/accounts/")
    expect(root).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    switch.click()
    expect(root).to_have_attribute("data-choice", "system")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light


def test_back_leads_back(page: Page) -> None:
    page.goto("/")
    heading = page.get_by_role("heading", level=1)
    page.locator("#balances").get_by_role("link", name="DeepSeek", exact=True).click()
    expect(heading).to_have_text("DeepSeek Production")
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="Accounts").click()
    expect(heading).to_have_text("Accounts")
    page.go_back()
    expect(heading).to_have_text("DeepSeek Production")
    page.go_back()
    expect(heading).to_have_text("Overview")
    expect(page.locator("#balances tbody")).to_contain_text("DeepSeek")
    page.go_forward()
    expect(heading).to_have_text("DeepSeek Production")


def test_a_day_opens_to_its_models(furniture: Furniture, page: Page) -> None:
    page.goto(f"/accounts/{furniture.ids['wallet']}/")
    day = page.locator("#usage tbody").filter(has=page.locator("[aria-expanded]")).first
    lines, opener = day.get_by_role("row"), day.get_by_role("link")
    expect(lines).to_have_count(1)
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(lines).not_to_have_count(1)
    page.reload()
    expect(opener, "a link leads to the same view").to_have_attribute("aria-expanded", "true")
    opener.click()
    expect(lines).to_have_count(1)


# --- Without JavaScript ---------------------------------------------------------------------------------------------


def test_reading_and_asking_work_without_javascript(new_context: NewContext, owner_state: object) -> None:
    context, _watch = new_context(storage_state=owner_state, java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#balances tbody tr").filter(has_text="DeepSeek")).to_contain_text("CNY")
    expect(page.locator("#spend")).to_contain_text("USD")
    page.get_by_role("complementary").get_by_role("link", name="Accounts").click()
    expect(page.locator("#accounts tbody tr").filter(has_text="DeepSeek")).to_contain_text("CNY")
    page.locator("#accounts tbody").get_by_role("link", name="OpenRouter").click()
    expect(page.get_by_role("region", name="Readings").locator("tbody tr").first).to_contain_text("USD")
    expect(page.locator("#usage tbody tr").locator("visible=true").first).to_contain_text("$")
    expect(page.locator("#runs li", has_text="Read").first).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_role("status").filter(has_text=re.compile(r"Reading \d+ things? now\."))).to_be_visible()
    page.goto("/connect/openai/")
    page.get_by_label("Admin key").fill("sk-proj-sim-harbor")
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_text("This is a project key.")).to_be_visible()
