"""Templates lose what only their writers need, and nothing that a reader could see."""

import re
from itertools import product
from pathlib import Path

import pytest
from django.template import Context, Template
from django.template.loader import get_template

from dashboard.core.whitespace import lean

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"

SAMPLES = [
    "<i>1</i>\n{% if a %}\n  <b>2</b>\n{% endif %}\n<i>3</i>\n",
    "<i>1</i>{% if a %}\n  <b>2</b>\n{% endif %}\n<i>3</i>\n",
    "<i>1</i>{% if a %}\n  {% if b %}\n    <b>2</b>\n  {% else %}\n {% endif %}\n{% endif %}\n<i>3</i>\n",
    "<i>1</i>\n{% if a %}<b>2</b>{% elif b %}\n<b>3</b>\n{% else %}\n<b>4</b>{% endif %}\n<i>5</i>\n",
    "1\n{% for one in many %}\n  {{ one }}\n{% empty %}\n  none\n{% endfor %}\n2\n",
    "1{% for one in many %}\n  {{ one }}{% endfor %}\n2\n",
    "{% comment %}\nInputs: none.\n{% endcomment %}\n{% load i18n %}\n{% if a %}\n  1\n{% endif %}\n2",
    "{% with c=a %}\n  {# said to writers #}\n  1\n{% endwith %}\n{% with c=b %}2{% endwith %}\n3",
    "<i>1</i>\n{% firstof a b as c %}\n  {% if c %}\n{{ c }}\n{% endif %}{% firstof b a as d %}\n{{ d }}\n2",
    "{% load i18n %}1\n{% blocktranslate asvar c %}3{% endblocktranslate %}\n{% if a %}{{ c }}{% endif %}\n2",
    "<p\n   class='x\n {% if a %}y{% endif %}'\n   {% if b %}title='z'{% endif %}>\n  1\n</p>\n",
]


@pytest.mark.parametrize("source", SAMPLES)
@pytest.mark.parametrize(("a", "b", "many"), [*product((True, False), (True, False), ([], [1, 2]))])
def test_where_there_was_a_space_there_is_one(source: str, a: bool, b: bool, many: list[int]) -> None:
    told = [Template(one).render(Context({"a": a, "b": b, "many": many})) for one in (source, lean(source))]
    assert [re.sub(r"\s+", " ", one) for one in told] == [re.sub(r"\s+", " ", told[0])] * 2
    assert len(told[1]) <= len(told[0])


@pytest.mark.parametrize(
    "source",
    [
        "{% load i18n %}{% blocktranslate %}\n  as\n    written\n{% endblocktranslate %}",
        "<pre class='x'>\n  1\n    2\n</pre>",
        "<textarea>\n  1\n\n    2\n</textarea>",
    ],
)
def test_what_stands_as_it_is_written_is_left_alone(source: str) -> None:
    assert lean(source) == source


def test_lines_of_tags_alone_leave_nothing() -> None:
    source = "<ul>\n  {% for one in many %}\n    {# each #}\n    <li>{{ one }}</li>\n  {% endfor %}\n</ul>\n"
    assert Template(lean(source)).render(Context({"many": [1, 2]})) == "<ul>\n<li>1</li>\n<li>2</li>\n</ul>\n"


def test_lines_that_only_name_what_is_said_leave_nothing() -> None:
    named = "{% translate 'a' as a %}\n{% blocktranslate asvar b %}b{% endblocktranslate %}"
    source = f"<p>\n{{% load i18n %}}\n{named}\n{{{{ a }}}}{{{{ b }}}}\n</p>\n"
    assert Template(lean(source)).render(Context()) == "<p>\nab\n</p>\n"


def test_every_template_can_be_read_and_is_lean() -> None:
    for path in TEMPLATES.rglob("*.html"):
        name = path.relative_to(TEMPLATES).as_posix()
        get_template(name)
        assert not re.search(
            r"^[ \t]+<(?!option)", re.sub(r"<pre.*?</pre>", "", lean(path.read_text()), flags=re.DOTALL), re.M
        ), name
