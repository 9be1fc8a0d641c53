"""What is answered with our built files."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.test import RequestFactory

from dashboard.core.middleware import FilesMiddleware
from dashboard.core.templatetags import purser


@dataclass
class Answer:
    headers: list[tuple[str, str]]
    status: HTTPStatus = HTTPStatus.OK
    file: Any = None


@dataclass
class File:
    kept: str

    def get_response(self, _method: str, _headers: object) -> Answer:
        told = {"Content-Type": "text/css", "Cache-Control": self.kept, "ETag": '"1-2"', "Last-Modified": "yesterday"}
        return Answer(list(told.items()))


@pytest.mark.parametrize(("kept", "told"), [("max-age=60, public", True), ("max-age=315360000, immutable", False)])
def test_what_never_changes_is_not_asked_for_again(kept: str, told: bool) -> None:
    answer = FilesMiddleware.serve(File(kept), RequestFactory().get("/static/app.css"))
    assert (answer.has_header("ETag"), answer.has_header("Last-Modified")) == (told, told)
    assert answer["Content-Type"] == "text/css"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_what_stands_in_place_ends_no_script() -> None:
    script = purser.built("theme.js")
    assert "purser-theme" in script
    assert "</" not in script and "<!--" not in script


def test_htmx_is_the_one_that_django_htmx_was_made_for() -> None:
    theirs = finders.find("django_htmx/htmx-4.min.js")
    assert isinstance(theirs, str)
    assert purser.built("app.js").startswith(Path(theirs).read_text(encoding="utf-8").strip())


def test_an_icon_is_in_the_sprite_that_it_is_looked_for_in() -> None:
    early, later = (re.findall(r'<symbol id="([^"]+)"', purser.built(name)) for name in ("icons.svg", "more.svg"))
    assert early and later
    assert len({*early, *later}) == len(early) + len(later)
    for sprite, symbols in (("icons.svg", early), ("more.svg", later)):
        for symbol in symbols:
            assert f"{sprite}#{symbol}" in purser.icon(symbol)
    templates = "\n".join(path.read_text(encoding="utf-8") for path in Path("templates").rglob("*.html"))
    named = set(re.findall(r'{% icon "([a-z0-9-]+)"', templates)) - {"purser"}
    assert {name if name.startswith("g-") else f"i-{name}" for name in named} <= {*early, *later}
