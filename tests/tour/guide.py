"""Leads a browser from page to page, and waits until each is all there: by what it can see, never by a clock."""

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Page, Response

from tests.browser.parts import Purser
from tests.tour.furniture import Furniture
from tests.tour.places import STRANGER, Place

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
# Everything that was asked for has come, is laid out in its typeface, and what can be seen of charts is drawn.
_THERE = """
() => document.readyState === "complete"
  && document.fonts.status === "loaded"
  && !document.querySelector(".htmx-request")
  && [...document.querySelectorAll("[data-chart]")].every((one) => {
    const box = one.getBoundingClientRect();
    const seen = box.width > 0 && box.bottom > 0 && box.top < innerHeight;
    return !seen || one.dataset.drawn;
  })
"""
# Two frames: the first takes in what changed, the second has painted it.
_PAINTED = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"

_UNROLL = """
async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (let top = 0; top < document.documentElement.scrollHeight; top += innerHeight) {
    scrollTo({top, behavior: "instant"});
    await frame();
  }
  const waiting = () => [...document.querySelectorAll("[data-chart]:not([data-drawn])")].some((one) => one.clientWidth);
  while (waiting()) await frame();
  scrollTo({top: 0, behavior: "instant"});
  await frame();
}
"""


class Guide:
    """One browser context, one page that is used again and again."""

    def __init__(self, context: BrowserContext, url: str, furniture: Furniture) -> None:
        self.context, self.url, self.furniture = context, url, furniture
        self.page: Page = context.new_page()
        self._who: str | None = None

    def open(self, place: Place) -> Response | None:
        """The page as that person sees it, in its state, all there."""
        self.become(place.who)
        wanted = place.path(self.furniture)
        answer = self.page.goto(self.url + wanted)
        self.settle()
        assert urlsplit(self.page.url).path == urlsplit(wanted).path, f"{place.name} led to {self.page.url}"
        if place.then is not None:
            place.then(self.page)
            self.settle()
        return answer

    def become(self, who: str) -> None:
        if who == self._who:
            return
        self.context.clear_cookies()
        if who != STRANGER:
            cookie = {"name": self.furniture.cookie, "value": self.furniture.sessions[who], "url": self.url}
            self.context.add_cookies([cookie])  # type: ignore[list-item]
        self._who = who

    def settle(self) -> None:
        self.page.wait_for_function(_THERE)
        self.page.evaluate(_PAINTED)

    def unroll(self) -> None:
        """Seen once from top to bottom, so that what waits to be seen is drawn."""
        self.page.evaluate(_UNROLL)
        self.settle()

    def look(self, *, width: int | None = None, height: int = 900, theme: str | None = None) -> None:
        """The same page on another screen, or in the other theme."""
        if width is not None:
            self.page.set_viewport_size({"width": width, "height": height})
        if theme is not None:
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        self.settle()


def in_order_of_people(places: Iterable[Place]) -> list[Place]:
    """Who looks changes as seldom as can be."""
    return sorted(places, key=lambda place: place.who)


def once(places: Iterable[Place]) -> list[Place]:
    """One state of each page, which stands for the others: their words come by the same way."""
    return in_order_of_people({place.address: place for place in reversed(list(places)) if place.then is None}.values())


def furnished(purser: Purser) -> Furniture:
    """Fills a Purser that has the demo, and whose worker rests."""
    told = purser.python("-c", "import django; django.setup(); from tests.tour.furnish import main; main()")
    return Furniture(**json.loads(told))
