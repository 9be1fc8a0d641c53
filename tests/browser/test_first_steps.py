"""The first minutes with Purser: the one-time link, the welcome page, the demo, its accounts, and its removal."""

import re

import pytest
from playwright.sync_api import Page, expect

from dashboard.overview.home.layout import LEAST
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES, NotOffered
from tests.browser.parts import LONG, Purser
from tests.browser.watching import Watch

# One account of each kind; the pages of all of them are drawn in tests/overview.
KINDS = ("deepseek", "openai", "claude-subscription", "vllm", "bedrock-litellm")


def test_a_link_signs_in_once(purser: Purser, visitor: tuple[Page, Watch]) -> None:
    page, _watch = visitor
    page.goto("/accounts/")
    expect(page).to_have_url(re.compile(r"/sign-in/"))
    link = purser.sign_in_link()
    page.goto(link)
    expect(page.get_by_role("button", name="Sign out").first).to_be_visible()
    page.get_by_role("button", name="Sign out").first.click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    page.goto(link)
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("This link was used before or is older than a day.")


def test_an_address_that_is_none_says_so(page: Page, watch: Watch) -> None:
    with watch.expecting(404):
        page.goto("/accounts/999999999/")
        expect(page.get_by_role("heading", name="There is no such page")).to_be_visible()
        page.get_by_role("link", name="Go to the overview").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Welcome to Purser")


def test_the_welcome_page_offers_both_ways(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_role("button", name="Look at the demo")).to_be_visible()
    page.get_by_role("link", name="Connect", exact=True).or_(page.get_by_role("link", name="Connect C")).click()
    expect(page.get_by_role("heading", name="Connect a provider")).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Accounts").first.click()
    expect(page.get_by_text("No accounts yet")).to_be_visible()


def test_one_click_adds_the_demo_and_its_figures_arrive(page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Look at the demo").click()
    expect(page.get_by_text("This is the demo.")).to_be_visible(timeout=LONG)
    expect(page.get_by_role("status").filter(has_text="The demo is being filled")).to_be_visible()
    rows = page.locator("#balances tbody tr")
    expect(rows.nth(LEAST - 1)).to_be_visible()
    # Balances of the past come along; what was used and billed is read now. The page follows by itself.
    expect(page.locator("#balances")).to_contain_text("CNY", timeout=LONG)
    expect(page.locator("#spend .fig-hero")).to_contain_text("USD", timeout=LONG)
    expect(page.locator("#sync_health a")).to_have_count(len(PROVIDERS))
    expect(page.locator("#runs_dry .hz-row").first).to_be_visible()
    expect(page.locator("#quotas .meter-svg").first).to_be_visible()
    # The frame of the page goes along: at first nothing was fresh.
    expect(page.locator("#sync-strip")).to_contain_text(re.compile(r"[1-9]\d of \d\d fresh"), timeout=LONG)


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("slug", KINDS)
def test_an_account_tells_its_streams_and_its_log(purser: Purser, page: Page, slug: str) -> None:
    provider = PROVIDERS[slug]
    page.goto("/accounts/")
    page.locator("#accounts tbody").get_by_role("link", name=provider.name, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{provider.name} Production")
    # The account follows its sync by itself, until nothing is under way.
    expect(page.locator("#sync_progress .note")).to_have_count(0, timeout=LONG)
    for capability in CAPABILITIES:
        row = page.locator("#streams tbody tr").filter(has=page.get_by_role("rowheader", name=capability, exact=False))
        offered = not isinstance(provider.endpoint(capability), NotOffered)
        words = re.compile("Fresh|Standing by|Not available|Waiting") if offered else "Not offered"
        expect(row.locator(".st").first).to_have_text(words)
    expect(page.locator("#runs li", has_text="Read").first).to_be_visible()
    expect(page.locator("#credentials")).to_contain_text("In use")
    if not isinstance(provider.endpoint("balance"), NotOffered):
        expect(page.locator("#balance-chart canvas, #balance-chart svg").first).to_be_visible()


@pytest.mark.usefixtures("demo")
def test_the_account_list_tells_every_account(page: Page) -> None:
    page.goto("/accounts/")
    expect(page.locator("#accounts tbody tr")).to_have_count(len(PROVIDERS))


@pytest.mark.usefixtures("demo")
def test_sync_now_shows_what_it_does(purser: Purser, page: Page) -> None:
    page.goto(f"/accounts/{purser.account_id('deepseek')}/")
    progress = page.locator("#sync_progress .note")
    expect(progress).to_have_count(0, timeout=LONG)
    purser.control("latency", seconds=5)
    try:
        page.get_by_role("button", name="Sync now").click()
        expect(page.get_by_role("status").filter(has_text=re.compile(r"Reading \d+ things? now\."))).to_be_visible()
        expect(progress).to_contain_text(re.compile(r"Syncing\s+reading .*\d of \d", re.DOTALL))
        # Asked again while it runs, it says so and starts nothing twice.
        page.get_by_role("button", name="Sync now").click()
        expect(page.get_by_text("Nothing to start: a sync is under way")).to_be_visible()
    finally:
        purser.control("latency", seconds=0)
    expect(progress).to_have_count(0, timeout=LONG)
    expect(page.locator("#runs li", has_text="Read").first).to_be_visible()
    expect(page.locator("h1 + p")).to_contain_text(re.compile("just now|s ago"))


@pytest.mark.usefixtures("demo")
def test_the_overview_reads_itself_again(purser: Purser, page: Page) -> None:
    page.clock.install()
    page.goto("/")
    expect(page.locator("#balances tbody")).to_contain_text("DeepSeek")
    purser.sql("UPDATE credentials_provideraccount SET label = 'Renamed' WHERE provider_slug = 'deepseek'")
    try:
        page.clock.fast_forward(31_000)
        expect(page.locator("#balances tbody")).to_contain_text("Renamed")
    finally:
        purser.sql("UPDATE credentials_provideraccount SET label = 'Production' WHERE provider_slug = 'deepseek'")


@pytest.mark.usefixtures("demo")
def test_the_demo_goes_after_a_question(purser: Purser, page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Remove the demo").click()
    question = page.get_by_role("dialog", name="Remove the demo?")
    expect(question).to_be_visible()
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    page.get_by_role("button", name="Remove the demo").click()
    question.get_by_role("button", name="Remove the demo").click()
    expect(page.get_by_role("heading", name="Welcome to Purser")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="The demo is gone.")).to_be_visible()
    expect(page.get_by_role("button", name="Look at the demo")).to_be_visible()
    assert purser.sql("SELECT count(*) FROM credentials_provideraccount") == [(0,)]
