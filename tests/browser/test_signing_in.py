"""The ways in, in a real browser: passkey, authenticator app, mailed code, sessions."""

import re
import time
from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.parts import Purser, until
from tests.browser.watching import Watch

NewContext = Callable[..., tuple[BrowserContext, Watch]]
PASSWORD = "a harbor full of lanterns"


def set_password(page: Page) -> None:
    page.goto("/profile/")
    page.get_by_role("link", name="Set a password").click()
    expect(page.get_by_role("heading", name="Set a password")).to_be_visible()
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_text("The password is set")).to_be_visible()


def sign_out(page: Page) -> None:
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def by_password(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def prove_again(page: Page) -> None:
    expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


@pytest.fixture
def kay(page: Page, new_context: NewContext, request: pytest.FixtureRequest) -> tuple[Page, Watch, str]:
    """A new member with a password, in a browser of their own."""
    email = f"kay.{request.node.name[:20].strip('_')}@harbor.example"
    page.goto("/members/invite/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Reads all accounts").check()
    page.get_by_role("button", name="Make the invitation").click()
    link = page.locator("#link").inner_text()
    context, watch = new_context()
    theirs = context.new_page()
    theirs.goto(link)
    theirs.get_by_label("Your name").fill("Kay Lin")
    theirs.get_by_role("button", name="Accept the invitation").click()
    expect(theirs.get_by_role("heading", level=1)).to_be_visible()
    set_password(theirs)
    return theirs, watch, email


def test_a_passkey_is_made_and_opens(kay: tuple[Page, Watch, str]) -> None:
    page, _watch, _email = kay
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto("/profile/")
    page.get_by_role("link", name="Add a passkey").click()
    prove_again(page)
    page.get_by_label("Name of the device").fill("Kay's laptop")
    expect(page.get_by_label("Signs in without a password")).to_be_checked()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.goto("/profile/")
    expect(page.get_by_text("Kay's laptop").first).to_be_visible()
    sign_out(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Sign out").first).to_be_visible()
    page.goto("/profile/")
    expect(page.get_by_text("last used")).to_be_visible()


def test_a_passkey_that_the_device_does_not_have_is_told_in_words(visitor: tuple[Page, Watch]) -> None:
    page, _watch = visitor
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": False}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    page.goto("/sign-in/")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_text("The passkey was not used")).to_be_visible()


def test_an_authenticator_app_is_set_up_and_asked_for(kay: tuple[Page, Watch, str]) -> None:
    page, _watch, email = kay
    page.goto("/profile/")
    page.get_by_role("link", name="Set up").click()
    prove_again(page)
    expect(page.locator("img[src^='data:image/svg']")).to_be_visible()
    secret = page.locator("#totp-secret").text_content() or ""

    def code(*, steps: int = 0) -> str:
        return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))

    page.get_by_label("Code").fill(code())
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    spare = page.locator("#recovery-codes").inner_text().split()[0]
    page.goto("/profile/")
    expect(page.get_by_text("On: a code of six digits")).to_be_visible()
    sign_out(page)
    by_password(page, email)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    page.get_by_label("Code").fill(spare)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out").first).to_be_visible()


def test_a_mailed_code_is_read_by_the_owner_and_opens(purser: Purser, page: Page, kay: tuple[Page, Watch, str]) -> None:
    theirs, _their_watch, email = kay
    sign_out(theirs)
    theirs.get_by_role("link", name="Mail me a code").click()
    expect(theirs.get_by_role("heading", name="Mail me a code")).to_be_visible()
    theirs.get_by_label("E-mail address").fill(email)
    theirs.get_by_role("button", name="Send the code").click()
    expect(theirs.get_by_role("heading", name="Enter the sign-in code")).to_be_visible()
    # Marked for the terminal line by line, and not dressed up as a line of the log.
    until(lambda: "\nterminal> Subject: Your sign-in code" in purser.said("worker"))
    page.goto("/mail/")
    mail = page.locator("li", has_text="Your sign-in code").first.inner_text()
    (code,) = re.findall(r"^([A-Z0-9]{3,4}-[A-Z0-9]{3,4})$", mail, re.MULTILINE)
    theirs.get_by_label("Code").fill(code)
    theirs.get_by_role("button", name="Sign in").click()
    expect(theirs.get_by_role("button", name="Sign out").first).to_be_visible()
    theirs.goto("/profile/")
    expect(theirs.get_by_text("Confirmed", exact=True)).to_be_visible()


def test_another_browser_is_signed_out_from_the_profile(kay: tuple[Page, Watch, str], new_context: NewContext) -> None:
    page, _watch, email = kay
    context, _other_watch = new_context(
        user_agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )
    other = context.new_page()
    other.goto("/sign-in/")
    by_password(other, email)
    expect(other.get_by_role("button", name="Sign out").first).to_be_visible()
    page.goto("/profile/")
    row = page.locator("li", has_text="Firefox, Windows")
    row.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("That browser is signed out")).to_be_visible()
    other.goto("/profile/")
    expect(other.get_by_role("heading", name="Sign in")).to_be_visible()
