"""Signing in at a provider: the app, the code, the person who agrees, the account, and a sign-in that has ended."""

import re

from playwright.sync_api import Page, expect

from tests.browser.parts import LONG, Purser
from tests.browser.watching import Watch


def begin(page: Page) -> None:
    page.goto("/connect/github-copilot/")
    page.get_by_role("link", name="Billing of an organization").click()
    page.locator("[name=account_kind]").select_option("organization")
    page.locator("[name=org]").fill("harbor-labs")
    another = page.get_by_text("Use another app")  # folded away where one is saved
    if another.is_visible():
        another.click()
    page.get_by_label("Client id of your app").fill("sim-app")


def code_of(page: Page) -> str:
    code = page.locator("#user_code")
    expect(code).to_be_visible(timeout=LONG)
    return code.inner_text()


def test_a_code_is_copied_agreed_to_and_becomes_an_account(purser: Purser, page: Page) -> None:
    page.goto("/connect/github-copilot/")
    expect(page.get_by_role("heading", name="Sign in with GitHub Copilot instead of pasting a token")).to_be_visible()
    begin(page)
    page.get_by_role("button", name="Sign in", exact=True).click()
    code = code_of(page)
    expect(page.get_by_role("link", name="https://github.com/login/device")).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the code").click()
    expect(page.locator("#toasts")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == code
    purser.control("sign-in", slug="github-copilot", user_code=code)
    panel = page.locator("#sign_in")
    expect(panel).to_contain_text("Is that the right account?", timeout=LONG)
    page.get_by_role("button", name="Connect it").click()
    expect(page).to_have_url(re.compile(r"/credentials/\d+/check/$"))
    expect(page.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)
    expect(page.get_by_role("region", name="Sign-in")).to_contain_text("Renewed by itself before it ends.")
    # Somebody takes it back at the provider, and the next look at it tells.
    purser.sql("UPDATE credentials_oauthgrant SET ended_at = now(), may_refresh = false, message = 'It is over.'")
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#check_panel")).to_contain_text("The sign-in has ended", timeout=LONG)
    page.get_by_role("button", name="Sign in again Billing token").click()
    purser.control("sign-in", slug="github-copilot", user_code=code_of(page))
    page.get_by_role("button", name="Connect it").click(timeout=LONG)
    expect(page.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)


def test_a_code_that_came_too_late_offers_a_new_one(purser: Purser, page: Page) -> None:
    begin(page)
    page.get_by_role("button", name="Sign in", exact=True).click()
    first = code_of(page)
    purser.sql("UPDATE credentials_oauthlogin SET expires_at = now() WHERE status = 'waiting'")
    expect(page.locator("#sign_in")).to_contain_text("The code has expired", timeout=LONG)
    page.get_by_role("button", name="Get a new code").click()
    expect(page.locator("#user_code")).not_to_have_text(first, timeout=LONG)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#sign_in")).to_contain_text("Cancelled")
    page.goto("/connect/github-copilot/sign-in/")
    page.locator("#clients").get_by_role("link", name="Change").click()
    expect(page.get_by_role("heading", name="App for signing in to GitHub Copilot")).to_be_visible()
    page.get_by_role("button", name="Remove the app").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove it").click()
    expect(page.locator("#toasts")).to_contain_text("The app is removed here.")
    expect(page.locator("#clients")).to_have_count(0)


def test_the_way_through_the_browser_asks_before_it_leaves(purser: Purser, page: Page, watch: Watch) -> None:
    """To a GitLab of one's own: the policy of the page lets its form lead there, and nowhere else."""
    page.goto("/connect/gitlab-duo/sign-in/?way=browser")
    page.locator("[name=instance_url]").fill(purser.simulator_url)
    page.get_by_label("Client id of your app").fill("sim-app")
    page.get_by_role("button", name="Sign in", exact=True).click()
    button = page.get_by_role("button", name=f"Go on to {purser.simulator_url.removeprefix('http://')}")
    expect(button).to_be_visible()
    with watch.expecting(421):  # the simulator speaks for gitlab.com alone
        button.click()
        expect(page).to_have_url(
            re.compile(rf"^{re.escape(purser.simulator_url)}/oauth/authorize\?response_type=code&")
        )
    watch.assert_quiet()
