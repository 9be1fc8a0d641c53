"""From an invitation to a checked key, and the pages about people."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.parts import LONG, Purser
from tests.browser.watching import Watch

NewContext = Callable[..., tuple[BrowserContext, Watch]]


def tab_to(page: Page, wanted: Locator) -> None:
    """Walk there as somebody without a mouse does."""
    for _ in range(60):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    expect(wanted).to_be_focused()


def test_from_an_invitation_to_a_checked_key_by_keyboard_alone(page: Page, new_context: NewContext) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", name="Members")).to_be_visible()
    tab_to(page, page.get_by_role("link", name="Invite somebody"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Invite somebody")).to_be_visible()
    tab_to(page, page.get_by_label("E-mail address"))
    page.keyboard.type("ann@harbor.example")
    tab_to(page, page.get_by_role("radio", name="Viewer"))
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("radio", name="Admin")).to_be_checked()
    tab_to(page, page.get_by_role("button", name="Make the invitation"))
    page.keyboard.press("Enter")
    link = page.locator("#link").inner_text()

    context, _watch = new_context()
    invited = context.new_page()
    invited.goto(link)
    expect(invited.get_by_text("invites you to Purser as Admin")).to_be_visible()
    tab_to(invited, invited.get_by_label("Your name"))
    invited.keyboard.type("Ann Chen")
    invited.keyboard.press("Enter")
    expect(invited.get_by_role("heading", name="Welcome to Purser")).to_be_visible()
    invited.wait_for_load_state()  # a page that is seen may still be without its keys
    invited.keyboard.press("c")
    expect(invited.get_by_role("heading", name="Connect a provider")).to_be_visible()
    invited.wait_for_load_state()
    invited.keyboard.press("/")
    invited.keyboard.type("deeps")
    expect(invited.locator("[data-provider]:visible")).to_have_count(1)
    invited.keyboard.press("Enter")
    expect(invited.get_by_role("heading", name="Connect DeepSeek")).to_be_visible()
    tab_to(invited, invited.get_by_label("API key"))
    invited.keyboard.type("sk-sim-quay")
    invited.keyboard.press("Enter")
    expect(invited.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)

    # The owner reads in the log who did it; the key itself is not there.
    page.goto("/audit/?q=DeepSeek")
    newest = page.locator("#audit tr[id^='event']").first
    expect(newest).to_contain_text("Ann Chen")
    expect(newest).to_contain_text("connected a key of")
    assert "sim-quay" not in page.content()


def test_a_link_works_once(page: Page, visitor: tuple[Page, Watch], new_context: NewContext) -> None:
    page.goto("/members/invite/")
    page.get_by_label("Reads all accounts").check()
    page.get_by_role("button", name="Make the invitation").click()
    link = page.locator("#link").inner_text()
    first, _ = visitor
    first.goto(link)
    first.get_by_label("Your name").fill("Kay Lin")
    first.get_by_label("Your e-mail address").fill("kay@harbor.example")
    first.get_by_role("button", name="Accept the invitation").click()
    expect(first.get_by_role("status")).to_contain_text("Welcome to")
    context, watch = new_context()
    second = context.new_page()
    with watch.expecting(404):
        second.goto(link)
    expect(second.get_by_role("heading", name="This invitation does not work")).to_be_visible()


def test_what_a_role_may_do_is_told_and_a_filter_is_taken_away(page: Page, watch: Watch) -> None:
    page.goto("/members/")
    page.get_by_text("What each role may do").click()
    expect(page.locator("#rights").get_by_role("row", name="Ask for a sync")).to_contain_text("yes")
    page.goto("/audit/?q=e&group=person")
    expect(page.locator("#audit-chips .chip")).to_have_count(2)
    page.locator("#audit-chips .chip").first.click()
    expect(page.locator("#audit-chips .chip")).to_have_count(1)
    assert page.url.endswith("?group=person")


@pytest.mark.usefixtures("demo")
def test_an_account_gets_its_team_tags_and_notes(purser: Purser, page: Page) -> None:
    page.goto(f"/accounts/{purser.account_id('deepseek')}/")
    page.get_by_role("link", name="Settings").and_(page.locator("#account a")).click()
    page.get_by_label("Owner team").select_option(label="Support")
    page.get_by_label("Tags").fill("europe")
    page.get_by_label("Notes").fill("Ask Kay before topping up.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#account")).to_contain_text("Support")
    expect(page.locator("#account")).to_contain_text("Ask Kay before topping up.")
