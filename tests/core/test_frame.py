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

from dashboard.core.context import places_for
from dashboard.core.templatetags import frame
from dashboard.organizations.models import Membership, Role
from tests.core.test_styles import closure

ROOT = Path(settings.BASE_DIR) / "templates"
PAGES = [page.read_text(encoding="utf-8") for page in sorted(ROOT.rglob("*.html"))]
# (template, what it is given) of each place that says so
CALLS = sorted({call for page in PAGES for call in re.findall(r'{% drawn_once "([^"]+)"(.*?) %}', page)})
ONCE = sorted({name for name, _given in CALLS})
ENGINE = Engine.get_default()


def once(name: str, **values: object) -> str:
    given = " ".join(f"{one}={one}" for one in values)
    return ENGINE.from_string(f'{{% load frame %}}{{% drawn_once "{name}" {given} %}}').render(Context(values))


def anew(name: str, **values: object) -> str:
    return str(ENGINE.get_template(name).render(Context(values)))


def inputs(name: str) -> set[str]:
    """What its comment says that it reads."""
    told = re.search(r"^Inputs: (.*?)\.?$", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert told
    return set(re.findall(r"(\w+)(?: \([^)]*\))?(?:;|$)", told[1].removesuffix("."))) - {"none"}


def test_the_frame_is_drawn_once() -> None:
    assert {"shell/_places.html", "shell/_palette.html", "shell/_languages.html"} <= set(ONCE)


@pytest.mark.parametrize(("name", "given"), CALLS)
def test_it_is_given_what_it_reads(name: str, given: str) -> None:
    assert set(re.findall(r"(\w+)=", given)) == inputs(name)


@pytest.mark.parametrize("name", ONCE)
def test_it_reads_nothing_else(name: str) -> None:
    """Nothing of the request: a form's token is another's on the next page, and a moment is told in somebody's zone."""
    for text in closure({name}).values():
        tags = " ".join(
            re.findall(r"{[{%].*?[%}]}", re.sub(r"{% comment %}.*?{% endcomment %}", "", text, flags=re.DOTALL))
        )
        assert not re.search(
            r"\b(csrf_token|csp_nonce|request|user|person|now|organization|memberships?|messages|perms|age|page_clock)\b"
            r"|\|(date|moment|time|full_day|day)\b",
            re.sub(r"""(["']).*?\1""", "", tags),
        )


@pytest.mark.parametrize("name", ONCE)
def test_it_says_what_it_would_say_anew(name: str) -> None:
    """In each language, each room and for everybody, whatever was drawn before."""
    everybody = [places_for(Membership(role=role)) for role in (Role.OWNER, Role.VIEWER)]
    assert everybody[0] != everybody[1]
    for language, room, places in itertools.product(
        [code for code, _name in settings.LANGUAGES], ["overview", "mfa_index", "spend", ""], [*everybody, ()]
    ):
        told = {"room": room, "places": places, "size": "size-8"}
        values = {one: told[one] for one in inputs(name)}
        with translation.override(language):
            assert once(name, **values) == anew(name, **values), (language, room)


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
