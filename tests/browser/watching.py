"""What every page keeps: a quiet console, the content security policy, no failed request, axe's rules, its width."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
THEMES = ("dark", "light")
_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
_COLOURS = "color-contrast"
# Rows of a table or list are alike: the first of them stand for the rest, of which some pages have a thousand.
_ALIKE = ["tbody tr:nth-child(n+6)", "tbody:nth-of-type(n+5)", "li:nth-child(n+6)", "select option"]
_AXE = """
async ([only, alike]) => (await axe.run(
  {exclude: alike.filter((one) => document.querySelector(one)).map((one) => [one])},
  {runOnly: only, resultTypes: ["violations"]},
)).violations.flatMap((rule) =>
  rule.nodes.map((node) => `${rule.id} at ${node.target.join(" ")}: ${node.failureSummary}\\n    ${node.html}`))
"""
# The elements that reach furthest to the right, when the page is wider than the window.
_OVERFLOW = """
() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const wide = [...document.body.querySelectorAll("*")].filter((one) => one.getBoundingClientRect().right > room + 1);
  return [`${document.documentElement.scrollWidth} px on ${room} px`, ...wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 160))];
}
"""  # noqa: E501


class Watch:
    """Collects what a browser context complains about."""

    def __init__(self, context: BrowserContext) -> None:
        self.complaints: list[str] = []
        self._expected: set[int] = set()
        context.on("console", self._console)
        context.on("weberror", lambda error: self.complaints.append(f"exception: {error.error}"))
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    @contextmanager
    def expecting(self, status: int) -> Iterator[None]:
        """Inside, answers of this status are what the test is about."""
        self._expected.add(status)
        yield
        self._expected.discard(status)

    def assert_quiet(self) -> None:
        complaints, self.complaints = self.complaints, []
        assert not complaints, "\n".join(complaints)

    def _console(self, message: ConsoleMessage) -> None:
        if any(f"status of {status}" in message.text for status in self._expected):
            return
        if message.type in ("error", "warning") or "Content Security Policy" in message.text:
            self.complaints.append(f"console {message.type}: {message.text} ({json.dumps(message.location)})")

    def _failed(self, request: Request) -> None:
        # A page that is left takes its requests with it.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.method} {request.url} failed: {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self._expected:
            self.complaints.append(f"{response.request.method} {response.url} answered {response.status}")


def check_page(page: Page, watch: Watch, *, alike: bool = False) -> None:
    """The page as it stands, on a phone and wide, dark and light. Of pages that are `alike` two of the four."""
    problems: list[str] = []
    page.wait_for_load_state()
    for size, schemes in ((PHONE, THEMES[:1] if alike else THEMES), (WIDE, THEMES[1:] if alike else THEMES)):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        problems += [f"{size['width']} px, too wide: {found}" for found in too_wide(page)]
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            problems += [f"{size['width']} px, {scheme}: {found}" for found in axe(page)]
    assert not problems, f"{page.url}\n" + "\n".join(problems)
    watch.assert_quiet()


def too_wide(page: Page) -> list[str]:
    """What makes the page wider than its window; nothing when it fits."""
    return page.evaluate(_OVERFLOW)


def axe(page: Page, *, colours_only: bool = False) -> list[str]:
    """What axe finds; or only what colours decide: nothing else depends on the theme."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    only = {"type": "rule", "values": [_COLOURS]} if colours_only else _RULES
    return page.evaluate(_AXE, [only, _ALIKE])
