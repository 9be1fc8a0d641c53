"""Tables change in place: what was asked for stands in the address, and Back takes it away again."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.watching import Watch, check_page

pytestmark = pytest.mark.usefixtures("demo")


def test_sorting_choosing_and_searching_keep_the_page(page: Page, watch: Watch) -> None:
    page.goto("/accounts/")
    page.evaluate("document.body.dataset.stayed = 'yes'")
    heads, rows = page.locator("#accounts thead th"), page.locator("#accounts tbody tr")
    all_rows = rows.count()
    spend = page.get_by_role("columnheader", name="Spend this month")
    spend.get_by_role("link").click()
    expect(spend).to_have_attribute("aria-sort", "descending")
    expect(spend.get_by_role("link")).to_be_focused()
    expect(page).to_have_url(re.compile(r"/accounts/\?sort=spend&dir=down$"))

    page.locator("#accounts-columns summary").click()
    page.get_by_role("checkbox", name="Kind").check()
    expect(heads.filter(has_text="Kind")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Kind")).to_be_visible()  # the list stays open for the next tick
    page.get_by_role("checkbox", name="State").uncheck()
    expect(heads.filter(has_text="State")).to_have_count(0)

    search = page.get_by_role("searchbox", name="Search accounts")
    search.press_sequentially("deepseek")
    expect(rows).to_have_count(1)
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile("q=deepseek"))
    check_page(page, watch)
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(rows).to_have_count(all_rows)
    expect(search).to_have_value("")
    assert page.evaluate("document.body.dataset.stayed") == "yes", "nothing of this loaded the page anew"

    page.goto("/accounts/")
    spend.get_by_role("link").click()
    expect(spend).to_have_attribute("aria-sort", "descending")
    page.go_back()
    expect(spend).not_to_have_attribute("aria-sort", re.compile("."))
    expect(page).to_have_url(re.compile("/accounts/$"))
