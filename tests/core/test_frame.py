"""What stands on every page is drawn once, and says on each what it would say anew."""

import itertools
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template import Context, Engine, engines
from django.urls import set_script_prefix
from django.utils import translation
from pytest_django.fixtures import Settings

from dashboard.core.context import PLACES
from dashboard.core.templatetags import frame

ROOT = Path(settings.BASE_DIR) / "templates"
ONCE = sorted({name for page in ROOT.rglob("*.html") for name in re.findall(r'drawn_once "([^"]+)"', page.read_text())})
ENGINE = Engine.get_default()


def once(name: str, **values: object) -> str:
    return ENGINE.from_string(
        "{% load frame %}{% drawn_once name " + " ".join(f"{one}={one}" for one in values) + " %}"
    ).render(Context({"name": name, **values}))


def anew(name: str, **values: object) -> str:
    told = ENGINE.get_template(name)
    return str(told.render(Context(values)))


@pytest.mark.parametrize("name", ONCE)
def test_it_says_what_it_would_say_anew(name: str) -> None:
    """In each language, each room and for everybody, whatever was drawn before."""
    for language, room, places in itertools.product(
        [code for code, _name in settings.LANGUAGES], ["overview", "mfa_index", "spend"], [PLACES, PLACES[:8]]
    ):
        values = {"room": room, "places": places, "size": "size-8"}
        with translation.override(language):
            assert once(name, **values) == anew(name, **values), (language, room)


@pytest.mark.parametrize("name", ONCE)
def test_it_knows_no_request(name: str) -> None:
    """A form's token is another's on the next page, and a moment is told in somebody's zone."""
    told = (ROOT / name).read_text()
    inside = [told, *((ROOT / one).read_text() for one in re.findall(r'include "([^"]+)"', told))]
    for text in inside:
        used = re.sub(r"{% comment %}.*?{% endcomment %}", "", text, flags=re.DOTALL)
        assert not re.search(r"csrf_token|request\.|\buser\.|\bnow\b|\|(date|moment|time|full_day)|{% age", used)


def test_another_address_is_another_drawing() -> None:
    try:
        set_script_prefix("/purser/")
        assert 'href="/purser/palette/' in once("shell/_jump.html")
    finally:
        set_script_prefix("/")
    assert 'href="/palette/' in once("shell/_jump.html")


def test_who_writes_templates_sees_them_as_they_are(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Purser" in once("shell/_wordmark.html")
    monkeypatch.setattr(frame, "get_template", lambda _name: engines["django"].from_string("as it is now"))
    assert "Purser" in once("shell/_wordmark.html")
    settings.DEBUG = True
    assert once("shell/_wordmark.html") == "as it is now"
