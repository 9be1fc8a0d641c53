"""Describing a provider in the browser: from a shared file to a trial that shows what it found."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.providers.loopback import Server
from tests.providers.test_described import SECRET, described, relay


@pytest.fixture
def wire() -> Iterator[Server]:
    with Server(relay) as server:
        yield server


def test_a_shared_file_is_taken_in_tried_and_saved(page: Page, wire: Server, tmp_path: Path) -> None:
    call = {"path": "/api/user/self", "fields": {"amount": "data.quota", "unit": {"is": "USD"}}}
    secrets = [{"name": "access_token"}, {"name": "user_id", "header": "New-Api-User", "prefix": ""}]
    call |= {"secrets": ["access_token", "user_id"]}
    document = described(
        name="Quay relay",
        self_hosted=True,
        base_urls=[{"url": wire.url}],
        secrets=secrets,
        capabilities={"balance": call},
    )
    shared = tmp_path / "quay.purser-provider.json"
    shared.write_text(json.dumps(document))
    page.goto("/connect/")
    page.get_by_role("link", name="Own providers").click()
    page.get_by_role("link", name="Describe a provider").first.click()
    page.get_by_label("Or choose a file").set_input_files(shared)
    expect(page.get_by_label("A description that somebody shared")).to_have_value(shared.read_text())
    page.get_by_role("button", name="Start describing").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Quay relay")
    general = page.url
    page.goto(f"{general}reads/balance/")
    page.get_by_label("Divided by").first.fill("500000")
    page.get_by_role("button", name="Test without saving").click()
    expect(page.get_by_text("This description is not saved yet.")).to_be_visible()
    page.locator("[name=access_token]").fill(SECRET)
    page.locator("[name=user_id]").fill("7")
    page.locator("#id_capability").select_option("balance")
    page.get_by_role("button", name="Read once").click()
    expect(page.locator("#trial")).to_contain_text("41.549998")
    expect(page.locator("#trial")).to_contain_text('"quota": 20774999')
    page.get_by_role("button", name="Save it").click()
    expect(page.locator("#id_text")).to_have_value(re.compile("500000"))

    page.get_by_role("link", name="Delete").click()
    page.get_by_label("Type Quay relay to confirm").fill("Quay relay")
    page.get_by_role("button", name="Delete the description").click()
    expect(page.get_by_text("No own providers yet")).to_be_visible()
