"""What a page's stylesheets leave out is nothing that the page needs."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES, CSS = ROOT / "templates", ROOT / "dashboard" / "assets" / "css"
LOOKED_AT_FIRST = "{% block styles %}{% endblock %}"


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


def test_pages_that_are_looked_at_first_need_no_other_stylesheet() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in TEMPLATES.rglob("*.html")}
    first = {path.relative_to(TEMPLATES).as_posix() for path, text in texts.items() if LOOKED_AT_FIRST in text}
    assert {"overview/overview.html", "credentials/account_list.html", "credentials/account.html"} <= first
    elsewhere = classes(sheet("rest.css")) - classes(sheet("app.css"))
    assert {"set-page", "tbl-spend", "route-target"} <= elsewhere
    for name, text in closure(first).items():
        assert not elsewhere.intersection(class_words(text)), f"{name} is styled by rest.css"


def test_no_template_holds_what_the_build_takes_out_of_the_styles() -> None:
    """See NEVER in lean.mjs."""
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<(hr|abbr|sub|sup|progress|small|optgroup)\b", text), path.name
        assert not {"prose", "filter", "theme-controller"}.intersection(class_words(text)), path.name
        for tag in re.findall(r"<input\b[^>]*>", text):
            assert "btn" not in class_words(tag), path.name
