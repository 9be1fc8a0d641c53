"""A balance runs dry: the route leaves it with its reason, gateways are told, and a top-up brings it back."""

import json
import re
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.parts import Purser, until
from tests.browser.test_charts import NewContext

pytestmark = pytest.mark.usefixtures("demo")

SLUG, ROUTE = "deepseek", "search-answers"
# A gateway's token, made as the pages make it.
_TOKEN = """
import django
django.setup()
from django.utils import timezone
from dashboard.keys.services import service_token_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
organization = Organization.objects.get(is_demo=True)
print(service_token_create(organization=organization, name="Gateway", scopes=["routes:read"], account=None,
                           lifetime=None, by=SYSTEM, now=timezone.now())[1])
"""


class Gateway:
    """Polls the feed of one team, as a gateway does."""

    def __init__(self, purser: Purser, team: int) -> None:
        self._url = f"{purser.url}/api/v1/routes/{team}"
        self._token = purser.python("-c", _TOKEN)
        self.etag = ""

    def poll(self) -> dict[str, Any] | None:
        """The feed; None when it is what was known already."""
        headers = {"Authorization": f"Bearer {self._token}", "If-None-Match": self.etag}
        try:
            with urlopen(Request(self._url, headers=headers), timeout=60) as answer:  # noqa: S310 -- our own web server
                self.etag = answer.headers["ETag"]
                return json.loads(answer.read())
        except HTTPError as error:
            assert error.code == 304, error
            return None

    def targets(self) -> list[dict[str, Any]]:
        """Those of the route, the first to be tried first, once they have changed."""
        found: list[dict[str, Any]] = []

        def changed() -> bool:
            if (feed := self.poll()) is not None:
                found[:] = next(route["targets"] for route in feed["routes"] if route["match"] == ROUTE)
            return bool(found)

        until(changed)
        return found


def read(purser: Purser, account: int) -> None:
    """The balance is read now."""
    before = purser.stream(account, "balance")
    purser.sql("UPDATE sync_syncstream SET next_run_at = now() WHERE id = %s", [before["id"]])
    purser.dispatch()
    purser.await_success(before["id"], after=before["last_success_at"])


def target(page: Page, account: int) -> Locator:
    return page.locator(f"[data-route='{ROUTE}'] [data-target='{account}']").first


def test_a_drained_balance_moves_the_route_and_a_top_up_brings_it_back(purser: Purser, page: Page) -> None:
    account = purser.account_id(SLUG)
    read(purser, account)  # what other tests did at the provider
    [(policy, team)] = purser.sql("SELECT id, team_id FROM routing_routepolicy WHERE team_id IS NOT NULL")
    gateway = Gateway(purser, team)
    first = gateway.targets()
    assert (first[0]["account"], first[0]["state"]) == (account, "in_use")
    assert gateway.poll() is None, "nothing has changed"
    page.goto(f"/routing/{policy}/")
    expect(target(page, account)).to_contain_text("In use")

    balance = "SELECT amount FROM balances_balanceseries WHERE account_id = %s AND unit = 'CNY'"
    [(left,)] = purser.sql(balance, [account])
    purser.control("topup", slug=SLUG, account="harbor", amount=str(-(left - 1)))
    read(purser, account)
    moved = gateway.targets()
    assert moved[0]["account"] != account
    assert moved[0]["state"] == "in_use"
    passed = next(one for one in moved if one["account"] == account)
    assert (passed["state"], passed["code"], passed["place"]) == ("passed_over", "balance", None)
    assert "under the floor" in passed["reason"]
    page.reload()
    expect(target(page, account)).to_have_attribute("data-state", "passed_over")
    expect(target(page, account)).to_contain_text("under the floor of")
    expect(page.locator("#route-events li").first).to_contain_text("deepseek")

    purser.control("topup", slug=SLUG, account="harbor", amount=str(left))
    read(purser, account)
    waiting = next(one for one in gateway.targets() if one["account"] == account)
    assert (waiting["state"], waiting["code"]) == ("passed_over", "hold_down")
    page.reload()
    expect(target(page, account)).to_contain_text("Passed over")
    # An hour later the hold-down is over.
    purser.sql("UPDATE routing_targetout SET since = since - interval '1 hour'")
    read(purser, account)
    back = gateway.targets()
    assert (back[0]["account"], back[0]["state"]) == (account, "in_use")
    page.reload()
    expect(target(page, account)).to_contain_text("In use")
    expect(page.locator("#route-events li")).to_have_count(2)


def rows(page: Page) -> list[str]:
    """The accounts of the first route's targets, as the editor orders them, with the tier of each."""
    return page.evaluate(
        """() => [...document.querySelectorAll("[data-target-at^='0.']")].map((row) => {
            const told = (field) => row.querySelector(`[name$='-${field}']`).value;
            return `${row.dataset.targetAt.split(".")[1]}: ${told("account")} ${told("model")}`;
        })"""
    )


def edit(purser: Purser, page: Page) -> int:
    [(policy,)] = purser.sql("SELECT id FROM routing_routepolicy WHERE team_id IS NULL")
    page.goto(f"/routing/{policy}/edit/")
    expect(page.locator("form[data-reorder='ready']")).to_be_visible()
    return policy


def test_targets_are_reordered_by_keyboard_and_keep_the_focus(purser: Purser, page: Page) -> None:
    edit(purser, page)
    before = rows(page)
    down = page.locator("[data-target-at='0.0.0']").get_by_role("button", name=re.compile("^Move .* down$"))
    down.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-target-at^='0.']").first.locator("input[name$='-model']")).not_to_have_value(
        before[0].split(" ")[-1]
    )
    after = rows(page)
    assert sorted(one.split(": ")[1] for one in after) == sorted(one.split(": ")[1] for one in before)
    assert after != before
    pressed = page.evaluate("document.activeElement.value")
    assert pressed.startswith("down:0."), "the next press moves the same target further down"
    moved = before[0].split(": ")[1]
    places = page.locator("[data-target-at^='0.']").evaluate_all("rows => rows.map((row) => row.dataset.targetAt)")
    assert after[places.index(pressed.removeprefix("down:"))].endswith(moved)


@pytest.mark.parametrize("way", ["mouse", "touch"])
def test_targets_are_reordered_by_pointer_and_by_touch(
    purser: Purser, new_context: NewContext, owner_state: object, way: str
) -> None:
    touch = way == "touch"
    context, _watch = new_context(
        storage_state=owner_state, viewport={"width": 820, "height": 1180}, has_touch=touch, is_mobile=touch
    )
    page = context.new_page()
    edit(purser, page)
    before = rows(page)
    handle = page.locator("[data-target-at='0.0.0'] [data-handle]")
    handle.scroll_into_view_if_needed()
    start = middle(handle)
    goal = middle(page.locator("[data-target-at='0.1.0']"))
    if touch:
        finger = context.new_cdp_session(page)

        def send(kind: str, *places: tuple[float, float]) -> None:
            points = [{"x": x, "y": y} for x, y in places]
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        send("touchStart", start)
        for step in range(1, 6):
            send("touchMove", between(start, goal, step / 5))
        send("touchEnd")
    else:
        page.mouse.move(*start)
        page.mouse.down()
        for step in range(1, 6):
            page.mouse.move(*between(start, goal, step / 5))
        page.mouse.up()
    moved = before[0].split(": ")[1]
    expect(page.locator("[data-target-at='0.0.0'] input[name$='-model']")).not_to_have_value(moved.split(" ")[-1])
    after = rows(page)
    assert f"1: {moved}" in after, "it stands in the tier that it was let go on"
    assert f"0: {moved}" not in after
    assert sorted(one.split(": ")[1] for one in after) == sorted(one.split(": ")[1] for one in before)
    context.close()


def middle(element: Locator) -> tuple[float, float]:
    box = element.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def between(start: tuple[float, float], goal: tuple[float, float], share: float) -> tuple[float, float]:
    return start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share
