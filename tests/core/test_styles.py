"""What a page's stylesheets leave out is nothing that the page needs."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES, CSS = ROOT / "templates", ROOT / "dashboard" / "assets" / "css"


def closure(names: set[str]) -> dict[str, str]:
    """These templates and all that they are made of, as name and text."""
    texts: dict[str, str] = {}
    while names:
        texts |= {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in names}
        named = {found for text in texts.values() for found in re.findall(r'"([\w/]+\.html)"', text)}
        names = {name for name in named - set(texts) if (TEMPLATES / name).exists()}
    return texts


def classes(css: str) -> set[str]:
    return set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"/\*.*?\*/|url\([^)]*\)", "", css, flags=re.DOTALL)))


def sheet(name: str) -> str:
    """A stylesheet with what it imports from its own folder."""
    text = (CSS / name).read_text(encoding="utf-8")
    return text + "".join(sheet(other) for other in re.findall(r'@import "\./([\w.]+)"', text))


def class_words(text: str) -> Iterator[str]:
    for value in re.findall(r'\bclass="((?:\{[%{].*?[%}]\}|[^"])*)"', text, flags=re.DOTALL):
        yield from re.sub(r"\{[%{].*?[%}]\}", " ", value, flags=re.DOTALL).split()


def test_a_page_leaves_out_the_rest_only_when_it_does_not_need_it() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")}
    empty = "{% block styles %}{% endblock %}"
    without = {path.relative_to(TEMPLATES).as_posix() for path, text in texts.items() if empty in text}
    assert "overview/overview.html" in without
    elsewhere = classes(sheet("rest.css")) - classes(sheet("app.css")) - {"grid"}  # which is a utility too
    assert {"set-page", "tbl-spend", "route-target"} <= elsewhere
    for template, text in closure(without).items():
        assert not elsewhere.intersection(class_words(text)), f"{template} is styled by rest.css"


def test_utilities_that_travel_with_the_rest_stand_on_no_page_without_it() -> None:
    """What part.mjs has parted, against the classes that those pages, the pieces that views draw, and our code have."""
    built = (ROOT / "static" / "rest.css").read_text(encoding="utf-8")
    parted = {
        re.sub(r"\\(.)", r"\1", name)
        for name in re.findall(r"[{},]\.((?:\\.|[\w-])+)", built.split("@layer utilities{")[1])
    }
    assert {"list-decimal", "xl:grid-cols-2", "max-md:col-span-full"} <= parted
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "dashboard").rglob("*.py"))
    texts = {
        path.relative_to(TEMPLATES).as_posix(): path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")
    }
    pieces = {
        name
        for name in re.findall(r'"([\w/]+\.html)"', code)
        if not re.search(r"{% extends|<html", texts.get(name, "<html"))
    }
    without = {name for name, text in texts.items() if "{% block styles %}{% endblock %}" in text}
    for template, text in closure(without | pieces).items():
        assert not parted.intersection(re.split(r"[\s\"'{}]+", text)), template
    assert not parted.intersection(re.split(r"[\s\"'{}]+", code))


def test_no_template_holds_what_the_build_takes_out_of_the_styles() -> None:
    """See NEVER in lean.mjs."""
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<(hr|abbr|sub|sup|progress|small|optgroup)\b", text), path.name
        assert not {"prose", "filter", "theme-controller"}.intersection(class_words(text)), path.name
        for tag in re.findall(r"<input\b[^>]*>", text):
            assert "btn" not in class_words(tag), path.name
