"""Pages in the browser: what travels before one can read, what charts cost, what moves, and what Lighthouse says."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import free_port
from tests.browser.chromium import ARGUMENTS, executable
from tests.browser.watching import axe
from tests.tour.demo import demo
from tests.tour.furniture import Furniture
from tests.tour.guide import WIDE, Guide, once
from tests.tour.places import PLACES, Place
from tests.tour.watching import REFRESH, SHIFTS, WATCH_SHIFTS

FOLDER = Path(__file__).parent / "lighthouse"
LOOKED_AT = ("overview", "accounts", "account-wallet", "connect", "providers")
JUDGED = ("overview", "accounts", "account-wallet")
CHARTS = "/charts."
KB = 1000
GOAL = 95


@dataclass
class View:
    """A first visit: compressed bytes on the wire by type, how many answers were HTML, and when the charts' script was
    asked for, in milliseconds after the first text stood and after the document was there; None without charts."""

    bytes: Counter[str] = field(default_factory=Counter)
    charts: int = 0
    html: int = 0
    charts_after_paint: float | None = None
    charts_after_content: float | None = None

    @property
    def first(self) -> float:
        return sum(self.bytes.values()) / KB


def in_the_browser() -> Iterator[Figure]:
    places = {place.name: place for place in PLACES}
    with demo("bench") as (url, furniture), sync_playwright() as playwright:
        port = free_port()
        browser = playwright.chromium.launch(
            executable_path=executable(), args=[*ARGUMENTS, f"--remote-debugging-port={port}"], headless=True
        )
        for name in LOOKED_AT:
            yield from _weights(name, first_view(browser, url, furniture, places[name]))
        for name in LOOKED_AT:
            yield Figure(
                f"{name}: layout shift, charts and refresh", shift(browser, url, furniture, places[name]), "", 0
            )
        yield from for_everybody(browser, url, furniture)
        addresses = {url + places[name].path(furniture): name for name in JUDGED}
        # Lighthouse opens its pages where nobody is signed in yet.
        cookie = {"name": furniture.cookie, "value": furniture.sessions["owner"], "url": url}
        browser.new_browser_cdp_session().send("Storage.setCookies", {"cookies": [cookie]})
        yield from judged(port, addresses)
        browser.close()


# --- Bytes ------------------------------------------------------------------------------------------------------


def first_view(browser: Browser, url: str, furniture: Furniture, place: Place) -> View:
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    guide = Guide(context, url, furniture)
    wire = _Wire(guide.page)
    guide.open(place)
    guide.unroll()
    context.close()
    return wire.view()


class _Wire:
    """Notes what Chromium says of each request, with Chromium's own clock."""

    def __init__(self, page: Page) -> None:
        self._requests: dict[str, dict[str, Any]] = {}
        self._marks: dict[str, float] = {}
        devtools = page.context.new_cdp_session(page)
        devtools.send("Network.enable")
        devtools.send("Network.setCacheDisabled", {"cacheDisabled": True})
        devtools.send("Page.enable")
        devtools.send("Page.setLifecycleEventsEnabled", {"enabled": True})
        devtools.on("Network.requestWillBeSent", self._sent)
        devtools.on("Network.responseReceived", self._received)
        devtools.on("Network.loadingFinished", self._finished)
        devtools.on("Page.lifecycleEvent", self._lived)

    def _sent(self, event: Mapping[str, Any]) -> None:
        self._requests[event["requestId"]] = {"url": event["request"]["url"], "at": event["timestamp"], "bytes": 0}

    def _received(self, event: Mapping[str, Any]) -> None:
        self._requests[event["requestId"]] |= {"type": event["type"], "mime": event["response"]["mimeType"]}

    def _finished(self, event: Mapping[str, Any]) -> None:
        self._requests[event["requestId"]]["bytes"] = event["encodedDataLength"]

    def _lived(self, event: Mapping[str, Any]) -> None:
        self._marks[event["name"]] = event["timestamp"]

    def view(self) -> View:
        view = View()
        for one in self._requests.values():
            view.html += one.get("mime") == "text/html"
            if CHARTS in one["url"]:
                view.charts += one["bytes"]
                view.charts_after_paint = (one["at"] - self._marks["firstContentfulPaint"]) * 1000
                view.charts_after_content = (one["at"] - self._marks["DOMContentLoaded"]) * 1000
            else:
                view.bytes[one.get("type", "Other")] += one["bytes"]
        return view


def _weights(name: str, view: View) -> Iterator[Figure]:
    yield Figure(f"{name}: first view without charts", view.first, "kB", 60)
    yield Figure(f"{name}: the same without the typeface", view.first - view.bytes["Font"] / KB, "kB")
    for kind, count in sorted(view.bytes.items(), key=lambda one: -one[1]):
        yield Figure(f"{name}:   {kind.lower()}", count / KB, "kB")
    yield Figure(f"{name}: HTML requests", view.html, "", 1)
    if view.charts_after_paint is not None and view.charts_after_content is not None:
        yield Figure(f"{name}: chart bundle", view.charts / KB, "kB", 260)
        wait = min(view.charts_after_paint, view.charts_after_content)
        yield Figure(f"{name}: chart bundle starts after the content", wait, "ms", 0, more_is_better=True)


# --- What moves -------------------------------------------------------------------------------------------------


def shift(browser: Browser, url: str, furniture: Furniture, place: Place) -> float:
    """Cumulative layout shift of a page until its charts stand, and through one reading of itself again."""
    context = browser.new_context(viewport=WIDE)  # type: ignore[arg-type]
    context.add_init_script(WATCH_SHIFTS)
    guide = Guide(context, url, furniture)
    guide.open(place)
    refresh(guide)
    found = sum(one["value"] for one in guide.page.evaluate(SHIFTS))
    context.close()
    return round(float(found), 4)


def refresh(guide: Guide) -> None:
    """Lets a page that reads itself again do so now."""
    if guide.page.locator("[hx-trigger*='every']").count():
        with guide.page.expect_response(lambda answer: answer.request.resource_type == "fetch"):
            guide.page.evaluate(REFRESH)
        guide.settle()


# --- Who cannot see, or not well ----------------------------------------------------------------------------------


def for_everybody(browser: Browser, url: str, furniture: Furniture) -> Iterator[Figure]:
    """What axe finds on every page, in both themes and every language."""
    pages = once(PLACES)
    for language, _name in settings.LANGUAGES:
        context = browser.new_context(viewport=WIDE, reduced_motion="reduce", locale=language)  # type: ignore[arg-type]
        guide = Guide(context, url, furniture)
        found = []
        for place in pages:
            guide.page.emulate_media(color_scheme="light")
            guide.open(place)
            found += [f"{place.name}, light: {one}" for one in axe(guide.page)]
            guide.look(theme="dark")
            found += [f"{place.name}, dark: {one}" for one in axe(guide.page, colours_only=True)]
        context.close()
        print("".join(f"    {one}\n" for one in found), end="", flush=True)
        yield Figure(f"axe on {len(pages)} pages, both themes, {language}", len(found), "", 0)


# --- Lighthouse -------------------------------------------------------------------------------------------------


def judged(port: int, addresses: Mapping[str, str]) -> Iterator[Figure]:
    node = shutil.which("node")
    assert node is not None, "Lighthouse needs Node; `make bench` brings one"
    wish = {"port": port, "urls": list(addresses)}
    child = subprocess.Popen(
        [node, "judge.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ), text=True
    )
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write(json.dumps(wish))
    child.stdin.close()
    for line in child.stdout:
        told = json.loads(line)
        for category, score in told["scores"].items():
            words = f"{addresses[told['url']]}: Lighthouse, {told['form']}, {category}"
            yield Figure(words, score, "", GOAL, more_is_better=True)
        if told["short"]:
            print("    " + "\n    ".join(told["short"]), flush=True)
    assert child.wait() == 0, "Lighthouse failed"
