"""Connecting providers through the form, as the person who has the key does it."""

import re

import pytest
from playwright.sync_api import Page, expect

from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.spec import NotOffered
from tests.browser.parts import LONG, Purser
from tests.browser.watching import PHONE, Watch, too_wide

VALUES = {part.slug: part.demo for part in PARTS}


def fill(page: Page, slug: str, values: dict[str, str]) -> None:
    page.goto(f"/connect/{slug}/")
    for field in PROVIDERS[slug].fields:
        if field.name in values:
            control = page.locator(f"#connect-form [name={field.name}]")
            if field.kind == "choice":
                control.select_option(values[field.name])
            else:
                control.fill(values[field.name])


def connect(page: Page, slug: str, values: dict[str, str]) -> None:
    fill(page, slug, values)
    page.get_by_role("button", name="Check and connect").click()
    expect(page).to_have_url(re.compile(r"/credentials/\d+/check/$"))


def open_account(page: Page) -> None:
    """On to the account, until what can be read at once has been read."""
    page.get_by_role("link", name="Open the account").click()
    expect(page.locator("#streams tbody tr").first).to_be_visible()
    expect(page.locator("#sync_progress .note")).to_have_count(0, timeout=LONG)
    expect(page.locator("#runs li", has_text="Read").first).to_be_visible(timeout=LONG)


# One for each shape of form and account: a wallet, a bill, a key file, several fields with choices, a pasted login, a
# server of one's own. The demo connects all providers.
SHAPES = ("deepseek", "openai", "vertex-ai", "azure-openai", "chatgpt-codex", "ollama")


@pytest.mark.parametrize("slug", SHAPES)
def test_a_provider_is_connected_and_its_first_figures_come(purser: Purser, page: Page, slug: str) -> None:
    provider, values = PROVIDERS[slug], dict(VALUES[slug])
    fill(page, slug, values)
    page.get_by_role("button", name="Check and connect").click()
    verdict = page.locator("#check_panel")
    expect(verdict).to_contain_text("This key works", timeout=LONG)
    expect(verdict).to_contain_text(f"{provider.name} knows it. Its figures are being read now.")
    open_account(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{provider.name} Main")
    if isinstance(provider.endpoint("balance"), NotOffered):
        expect(page.locator("#balance")).to_have_count(0)
        row = page.locator("#streams tbody tr").filter(has=page.get_by_role("rowheader", name="Balance"))
        expect(row).to_contain_text("Not offered")
        if not isinstance(provider.endpoint("usage"), NotOffered):
            expect(page.locator("#usage tbody tr").locator("visible=true").first).to_be_visible()
    else:
        expect(page.get_by_role("region", name="Readings").locator("tbody tr").first).to_contain_text(re.compile(r"\d"))
    # What was typed is not on the page again, and all of it was read by way of the simulator.
    told = page.content()
    assert not [name for name in values if provider.field(name).secret and values[name] in told]
    relays = purser.sql("SELECT DISTINCT relay_url FROM credentials_providercredential")
    assert relays == [(purser.simulator_url,)]


def test_no_form_is_wider_than_a_phone(page: Page, watch: Watch) -> None:
    page.set_viewport_size(PHONE)
    found = {}
    for slug in sorted(PROVIDERS):
        page.goto(f"/connect/{slug}/")
        found[slug] = too_wide(page)
    assert {slug: wide for slug, wide in found.items() if wide} == {}
    watch.assert_quiet()


def test_the_providers_are_searched_and_filtered(page: Page) -> None:
    page.goto("/connect/")
    cards = page.locator("[data-provider]:visible")
    expect(cards).to_have_count(len(PROVIDERS))
    page.get_by_role("searchbox", name="Search providers").fill("open")
    fitting = [provider for provider in PROVIDERS.values() if "open" in provider.name.lower()]
    words = f"{len(fitting)} of {len(PROVIDERS)}"
    expect(page.get_by_role("status").filter(has_text=words)).to_be_visible()
    # The box itself is behind its chip.
    page.locator("label.chip", has=page.get_by_role("checkbox", name="Balance")).click()
    wallets = [provider for provider in fitting if not isinstance(provider.endpoint("balance"), NotOffered)]
    expect(cards).to_have_count(len(wallets))
    expect(cards.filter(has_text="OpenRouter")).to_be_visible()
    page.get_by_role("searchbox", name="Search providers").fill("nobody of this name")
    expect(page.get_by_text("No provider fits")).to_be_visible()


def test_a_wrong_key_is_refused_with_the_next_step_and_replaced(page: Page) -> None:
    connect(page, "deepseek", {"api_key": "sk-nobody-knows-this-one"})
    verdict = page.locator("#check_panel")
    expect(verdict).to_contain_text("The provider refused this key", timeout=LONG)
    step = verdict.get_by_role("link", name="Open DeepSeek and make the right key")
    expect(step).to_have_attribute("href", re.compile(r"^https://platform\.deepseek\.com/"))
    page.goto("/")
    expect(page.locator("#attention")).to_contain_text("DeepSeek refused the key")
    page.locator("#attention").get_by_role("link", name="Fix").first.click()
    page.locator("#replace-form [name=api_key]").fill("sk-sim-quay")
    page.get_by_role("button", name="Replace and check").click()
    expect(verdict).to_contain_text("This key works", timeout=LONG)
    open_account(page)


def test_the_wrong_kind_of_key_is_told_by_the_form_and_stays_typed(purser: Purser, page: Page) -> None:
    before = purser.sql("SELECT count(*) FROM credentials_providercredential")
    fill(page, "openai", {"admin_key": "sk-proj-sim-harbor"})
    page.get_by_role("button", name="Check and connect").click()
    error = page.get_by_text("This is a project key. Usage needs an admin key (sk-admin-...).")
    expect(error).to_be_visible()
    field = page.locator("#connect-form [name=admin_key]")
    expect(field).to_have_value("sk-proj-sim-harbor")
    expect(field).to_have_attribute("aria-invalid", "true")
    assert purser.sql("SELECT count(*) FROM credentials_providercredential") == before
    field.fill("")
    page.get_by_role("button", name="Check and connect").click()
    expect(page.get_by_text("Enter this or Inference key.")).to_be_visible()
    field.fill("sk-admin-sim-quay")
    page.get_by_role("button", name="Check and connect").click()
    expect(page.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)


def test_a_provider_that_is_down_leaves_the_key_unjudged(purser: Purser, page: Page) -> None:
    purser.relay(purser.nowhere_url)
    try:
        connect(page, "moonshot", {**VALUES["moonshot"], "api_key": "sk-sim-quay"})
        verdict = page.locator("#check_panel")
        expect(verdict).to_contain_text("The provider could not be reached", timeout=LONG)
        expect(verdict).to_contain_text("The key was not judged:")
        expect(verdict).to_contain_text("It is kept, and Purser goes on trying.")
    finally:
        purser.relay(purser.simulator_url)
    # The provider is back.
    purser.sql("UPDATE credentials_providercredential SET relay_url = %s", [purser.simulator_url])
    page.get_by_role("button", name="Check again").click()
    expect(verdict).to_contain_text("This key works", timeout=LONG)


def test_a_key_is_saved_without_a_check(page: Page) -> None:
    fill(page, "deepinfra", {"api_key": "sim-quay"})
    page.get_by_label("Label").fill("Night shift")
    page.get_by_role("button", name="Save without checking").click()
    expect(page.locator("#check_panel")).to_contain_text("Saved without a check.")
    open_account(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("DeepInfra Night shift")


def test_two_keys_of_one_account_are_counted_once_on_the_admins_word(purser: Purser, page: Page) -> None:
    for key in ("sk-sim-pier", "sk-again-sim-pier"):
        fill(page, "deepseek", {"api_key": key})
        accounts = page.get_by_label("Account")
        if key == "sk-again-sim-pier":
            accounts.select_option(label="Pier")
        else:
            page.get_by_label("Label").fill("Pier")
        page.get_by_role("button", name="Check and connect").click()
        expect(page.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)
    open_account(page)
    expect(page.get_by_role("heading", level=1)).to_have_text("DeepSeek Pier")
    expect(page.locator("h1 + p")).to_contain_text("2 keys")
    expect(page.locator("#streams tbody")).to_contain_text("Another key of this account reads this")
    page.goto("/accounts/")
    expect(page.locator("#accounts tbody").get_by_text("Pier", exact=True)).to_have_count(1)


def test_a_key_is_connected_by_keyboard_alone(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_role("heading", name="Connect a provider")).to_be_visible()
    page.wait_for_load_state()  # a page that is seen may still be without its keys
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search providers")).to_be_focused()
    page.keyboard.type("deeps")
    expect(page.locator("[data-provider]:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Connect DeepSeek")).to_be_visible()
    field = page.get_by_label("API key")
    expect(field).to_be_focused()
    page.keyboard.type("sk-sim-jetty")
    page.keyboard.press("Enter")
    # Enter checks: only who asks for it saves without.
    expect(page.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)
