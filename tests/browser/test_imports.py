"""A console's export on its way in, in a browser: large enough that the worker reads it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.parts import LONG, Purser

LINES = 12_000


@pytest.fixture
def account(purser: Purser, owner_state: object) -> int:
    (row,) = purser.sql(
        "INSERT INTO credentials_provideraccount (organization_id, provider_slug, label, external_id, external_name,"
        " tags, notes, created_at) SELECT id, 'deepseek', 'Main', '', '', '{}', '', now()"
        " FROM organizations_organization ORDER BY id LIMIT 1 RETURNING id"
    )
    return int(row[0])


def export() -> bytes:
    rows = (f"2026-0{n % 9 + 1}-{n % 27 + 1:02},model-{n % 7},key-{n % 40},{n},{n % 13}.25" for n in range(LINES))
    return "\n".join(["date,model,api key name,input tokens,cost usd", *rows, "Total,,,,9"]).encode()


def test_an_export_is_looked_at_tried_imported_and_undone(page: Page, account: int) -> None:
    page.goto(f"/accounts/{account}/")
    page.get_by_role("link", name="Imports").click()
    page.get_by_label("File").set_input_files({"name": "costs.csv", "mimeType": "text/csv", "buffer": export()})
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("heading", name="What the columns are")).to_be_visible()
    expect(page.get_by_label("api key name")).to_have_value("provider_key")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Nothing is imported yet.")).to_be_visible(timeout=LONG)
    expect(page.get_by_text("“Total” is no date")).to_be_visible()
    page.get_by_role("button", name=re.compile("Import 12000 lines|Import 12,000 lines")).click()
    expect(page.get_by_role("link", name="Undo this import")).to_be_visible()
    expect(page.get_by_text("Imported", exact=True)).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Undo this import").click()
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_role("status").filter(has_text="Undone:")).to_be_visible()
    expect(page.get_by_text("Undone", exact=True)).to_be_visible()
