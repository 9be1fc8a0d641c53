"""A token from its making to its end, and the page that says how usage is sent."""

import re

from playwright.sync_api import Page, expect


def test_a_token_is_made_copied_rotated_and_revoked(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/settings/tokens/")
    page.get_by_role("main").get_by_role("link", name="Make a token").first.click()
    page.get_by_label("Name").fill("LiteLLM, production")
    page.get_by_role("button", name="Make the token").click()
    first = page.locator("#secret").inner_text()
    assert re.fullmatch(r"purser_[0-9a-f]{10}_[\w-]{43}", first)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_contain_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == first

    page.get_by_role("link", name="Done").click()
    row = page.locator("#service-tokens li").filter(has_text="LiteLLM, production")
    expect(row).to_contain_text(first[:17])
    assert first not in page.content()
    row.get_by_role("button", name=re.compile("Rotate")).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    expect(page.locator("#secret")).to_be_visible()
    assert page.locator("#secret").inner_text() != first

    page.get_by_role("link", name="Done").click()
    row.get_by_role("button", name=re.compile("Revoke")).first.click()
    expect(page.get_by_role("dialog")).to_contain_text("refused from now on")
    page.get_by_role("dialog").get_by_role("textbox").fill("LiteLLM, production")
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(row).to_contain_text("Revoked")
    expect(row.get_by_role("button")).to_have_count(0)


def test_the_usage_api_comes_with_its_document(page: Page) -> None:
    page.goto("/settings/usage-api/")
    expect(page.locator("#call")).to_contain_text("/api/v1/usage")
    with page.expect_download() as download:
        page.get_by_role("link", name="OpenAPI document").click()
    assert download.value.suggested_filename == "purser-openapi.json"
