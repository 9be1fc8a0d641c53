"""A Purser of its own with the demo in it, for whoever only looks."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from tests.browser.parts import ROOT, Purser, name_for, redis_database
from tests.tour.furniture import Furniture
from tests.tour.guide import furnished

LAST_REDIS_DATABASE = 15


@contextmanager
def demo(name: str) -> Iterator[tuple[str, Furniture]]:
    """Its address and what stands in it. Everything was read once, and nothing moves any more."""
    with tempfile.TemporaryDirectory() as folder:
        purser = Purser(
            Path(folder) / "var",
            database=name_for(name, ROOT),
            database_url=settings.DATABASE_URL or settings.EMBEDDED.database_url,
            redis_url=redis_database(settings.REDIS_URL, LAST_REDIS_DATABASE),
        )
        try:
            purser.start()
            purser.demo()
            purser.kill_worker()
            yield purser.url, furnished(purser)
        finally:
            purser.stop()
