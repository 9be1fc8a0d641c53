"""A Chromium in front of the real parts: simulator, worker, web server, PostgreSQL and Redis."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.chromium import ARGUMENTS, executable
from tests.browser.parts import ROOT, Purser, name_for, redis_database
from tests.browser.watching import WIDE, Watch

SECONDS = 1000
# Redis databases of the test runs themselves are those from 0 on; a plain Redis has 16.
REDIS_DATABASES = 8

expect.set_options(timeout=120 * SECONDS)


@pytest.fixture(scope="session")
def purser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Purser]:
    """Everything runs, once for all browser tests of this process; nobody is in it."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    number = REDIS_DATABASES + int(worker.removeprefix("gw")) % REDIS_DATABASES
    purser = Purser(
        tmp_path_factory.mktemp("browser") / "var",
        database=name_for(worker, ROOT),
        database_url=settings.DATABASE_URL or settings.EMBEDDED.database_url,
        redis_url=redis_database(settings.REDIS_URL, number),
    )
    try:
        purser.start()
        yield purser
    finally:
        purser.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module: Playwright keeps an event loop, beside which Django would refuse other tests the database."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS), headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def owner_state(purser: Purser, browser: Browser) -> Any:
    """The first owner's session, in a Purser where there is nothing else yet."""
    if not purser.bring_back("owner"):
        purser.empty()
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(purser.sign_in_link())
            expect(page.get_by_role("heading", name="Welcome to Purser")).to_be_visible()
            purser.owner_state = context.storage_state()
        purser.keep("owner")
    return purser.owner_state


@pytest.fixture
def new_context(purser: Purser, browser: Browser) -> Iterator[Callable[..., tuple[BrowserContext, Watch]]]:
    """Makes browser contexts that are watched; what they complain about fails the test."""
    made: list[tuple[BrowserContext, Watch]] = []

    def make(**options: Any) -> tuple[BrowserContext, Watch]:
        options = {"viewport": WIDE, "reduced_motion": "reduce", "base_url": purser.url, **options}
        context = browser.new_context(**options)
        context.set_default_timeout(120 * SECONDS)
        made.append((context, Watch(context)))
        return made[-1]

    yield make
    for context, _watch in made:
        context.close()
    for _context, watch in made:
        watch.assert_quiet()


@pytest.fixture
def visitor(new_context: Callable[..., tuple[BrowserContext, Watch]]) -> tuple[Page, Watch]:
    """Somebody who is not signed in."""
    context, watch = new_context()
    return context.new_page(), watch


@pytest.fixture
def signed_in(new_context: Callable[..., tuple[BrowserContext, Watch]], owner_state: Any) -> tuple[Page, Watch]:
    """The first owner."""
    context, watch = new_context(storage_state=owner_state)
    return context.new_page(), watch


@pytest.fixture
def page(signed_in: tuple[Page, Watch]) -> Page:
    return signed_in[0]


@pytest.fixture
def watch(signed_in: tuple[Page, Watch]) -> Watch:
    return signed_in[1]


@pytest.fixture
def demo(purser: Purser, owner_state: Any) -> None:
    """The demo stands, the owner acts for it, and everything that can be read at once has been read."""
    purser.demo()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # They have the demo read in by a click, and the others find it read.
    items.sort(key=lambda item: item.path.name != "test_first_steps.py")
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
