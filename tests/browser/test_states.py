"""What the pages say when a provider misbehaves, when money comes in, and when a worker dies."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.parts import LONG, Purser
from tests.browser.watching import Watch, check_page

# fault: (state of the stream, its words, state in the log)
FAULTS = {
    "401": ("Paused", "DeepSeek does not know this key.", "Paused"),
    "429": ("Backing off", "api.deepseek.com answered 429, too many calls.", "Backing off"),
    "truncated": ("Backing off", "The answer is not JSON", "Backing off"),
    "shape": ("Backing off", "The answer has no balance_infos.", "Failed"),
    "redirect": ("Backing off", "it was not followed", "Failed"),
}


@pytest.fixture
def account(purser: Purser, demo: None, page: Page) -> Iterator[int]:
    """The page of the demo's DeepSeek account, well and idle; afterwards the provider is well again."""
    account_id = purser.account_id("deepseek")
    read_anew(purser, account_id)
    page.goto(f"/accounts/{account_id}/")
    expect(row(page, "Balance")).to_contain_text("Fresh")
    yield account_id
    misbehave(purser, "")
    wake(purser)
    read_anew(purser, account_id)


def read_anew(purser: Purser, account_id: int) -> None:
    """On a slow machine what the demo read grows stale before its turn comes."""
    before = purser.stream(account_id, "balance")
    purser.sql(
        "UPDATE sync_syncstream SET next_run_at = now() WHERE credential_id IN"
        " (SELECT id FROM credentials_providercredential WHERE account_id = %s)",
        [account_id],
    )
    purser.dispatch()
    purser.await_success(before["id"], after=before["last_success_at"])
    purser.await_idle()


def misbehave(purser: Purser, fault: str) -> None:
    purser.control("fault", slug="deepseek", account="harbor", fault=fault)


def wake(purser: Purser) -> None:
    """The pause that a 429 asked for is over."""
    purser.sql("UPDATE credentials_providercredential SET resting_until = NULL")


def row(page: Page, capability: str) -> Locator:
    return page.locator("#streams tbody tr").filter(has=page.get_by_role("rowheader", name=capability))


def try_now(page: Page, capability: str = "Balance") -> None:
    row(page, capability).get_by_role("button", name="Read now").click()
    expect(page.get_by_role("status").filter(has_text="Reading 1 thing now.")).to_be_visible()


def settle(purser: Purser, page: Page) -> None:
    """What was asked for has been read or has failed, and the page tells of it."""
    purser.await_idle()
    page.reload()


def balance(page: Page) -> str:
    return page.locator(".bezel .cell").first.locator(".fig").inner_text()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_and_the_last_balance_stays(
    purser: Purser, page: Page, watch: Watch, account: int, fault: str
) -> None:
    state, words, logged = FAULTS[fault]
    last = balance(page)
    misbehave(purser, fault)
    try_now(page)
    settle(purser, page)
    expect(row(page, "Balance").locator(".st").first).to_have_text(state)
    expect(row(page, "Balance")).to_contain_text(words)
    expect(page.locator("h1 + p .st")).to_have_text(state)
    newest = page.locator("#runs li").first
    expect(newest).to_contain_text(words)
    expect(newest.locator(".st")).to_have_text(logged)
    assert balance(page) == last
    if fault in ("401", "shape"):
        check_page(page, watch, alike=True)
    misbehave(purser, "")
    wake(purser)
    try_now(page)
    recovered(purser, page)
    assert balance(page).endswith("CNY")


def recovered(purser: Purser, page: Page) -> None:
    settle(purser, page)
    expect(row(page, "Balance").locator(".st").first).to_have_text("Fresh")
    expect(page.locator("h1 + p .st")).to_have_text("Fresh")


def test_a_refused_key_is_brought_to_the_overview(purser: Purser, page: Page, account: int) -> None:
    misbehave(purser, "401")
    try_now(page)
    settle(purser, page)
    expect(row(page, "Balance")).to_contain_text("when the key is fixed")
    page.goto("/")
    trouble = page.locator("#attention li").filter(has_text="DeepSeek balance is paused")
    expect(trouble).to_contain_text("DeepSeek does not know this key.")
    expect(page.locator("#balances tbody tr").filter(has_text="DeepSeek")).to_contain_text("Paused")
    misbehave(purser, "")
    # The way out that the page offers: look at the key, and have it checked again.
    trouble.get_by_role("link", name="Fix").click()
    page.get_by_role("button", name="Check again").click()
    expect(page.locator("#check_panel")).to_contain_text("This key works", timeout=LONG)
    page.get_by_role("link", name="Open the account").click()
    try_now(page)
    recovered(purser, page)


def test_a_pause_is_taken_back_with_z(purser: Purser, page: Page, account: int) -> None:
    page.locator("#credentials").get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status").filter(has_text="Paused: nothing is read with this key")).to_be_visible()
    expect(page.locator("#credentials").get_by_role("button", name="Resume")).to_be_visible()
    page.keyboard.press("z")
    expect(page.get_by_role("status").filter(has_text="Resumed: the key is being checked")).to_be_visible()
    recovered(purser, page)


def test_after_a_429_everything_of_the_key_waits(purser: Purser, page: Page, account: int) -> None:
    misbehave(purser, "429")
    try_now(page)
    settle(purser, page)
    expect(row(page, "Balance")).to_contain_text(re.compile(r"in \d+\ss"))
    misbehave(purser, "")
    row(page, "Models").get_by_role("button", name="Read now").click()
    expect(page.get_by_text("Nothing to start: a sync is under way, or the provider asked us to wait.")).to_be_visible()


def test_who_keeps_failing_is_called_failing(purser: Purser, page: Page, account: int) -> None:
    purser.sql("UPDATE sync_syncstream SET failures = 3 WHERE id = %s", [purser.stream(account, "balance")["id"]])
    misbehave(purser, "500")
    try_now(page)
    settle(purser, page)
    expect(row(page, "Balance").locator(".st").first).to_have_text("Failing")
    page.goto("/")
    expect(page.locator("#attention")).to_contain_text("DeepSeek balance keeps failing")
    expect(page.locator("#sync_health a").filter(has_text="DeepSeek")).to_contain_text("Failing")


def test_a_top_up_is_found_from_the_jump(purser: Purser, page: Page, account: int) -> None:
    before = balance(page)
    purser.control("topup", slug="deepseek", account="harbor", amount="1234.50")
    try_now(page)
    settle(purser, page)
    topups = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="Lasted"))
    expect(topups.locator("tbody tr").first).to_contain_text("¥1,234.50")
    assert balance(page) != before


def test_a_killed_worker_loses_nothing(purser: Purser, page: Page, account: int) -> None:
    runs = "SELECT count(*) FROM sync_syncrun WHERE stream_id = %s"
    before = purser.stream(account, "balance")
    count = purser.sql(runs, [before["id"]])[0][0]
    last = balance(page)
    misbehave(purser, "slow")
    try_now(page)
    expect(page.locator("#sync_progress")).to_contain_text("reading balance")
    purser.await_queue_taken()
    purser.kill_worker()
    misbehave(purser, "")
    # Nobody can tell yet that it died: until the lease passes the stream counts as being read, and nobody else may.
    page.reload()
    expect(row(page, "Balance").locator(".st").first).to_have_text("Syncing")
    expect(row(page, "Balance").get_by_role("button")).to_have_count(0)
    purser.start_worker()
    during = purser.stream(account, "balance")
    assert during["leased"]
    assert during["last_success_at"] == before["last_success_at"]
    assert balance(page) == last
    # Five minutes later the lease is over, and the next dispatch finds the stream.
    purser.sql(
        "UPDATE sync_syncstream SET lease_until = now() - interval '1 second', next_run_at = now() WHERE id = %s",
        [before["id"]],
    )
    page.reload()
    expect(row(page, "Balance").get_by_role("button", name="Read now")).to_be_visible()
    purser.dispatch()
    purser.await_success(before["id"], after=before["last_success_at"])
    recovered(purser, page)
    # One run was lost and one came in its place.
    assert purser.sql(runs, [before["id"]])[0][0] == count + 1
    assert purser.stream(account, "balance")["lease_token"] == before["lease_token"] + 2
