"""What a mail says, in the language of whoever gets it, and its HTML: the text in our dress, not a word more.

The text is the source. A line of its own that leads here becomes a button, named by the line before it if that ends
with a colon, with the address spelled out below; a code on a line of its own stands large; lines that begin with "- "
are a list.
"""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from dashboard.organizations.models import User

_CODE = re.compile(r"[A-Z0-9]{3,4}-?[A-Z0-9]{3,4}")
_COLONS = (":", "\uff1a")


def language_of(person: User | None) -> AbstractContextManager[Any]:
    """The language to write to them in: their choice, else the one that is spoken now."""
    chosen = person.language if person is not None else ""
    return translation.override(chosen or translation.get_language() or settings.LANGUAGE_CODE)


def one_line(words: object) -> str:
    """What somebody typed, as part of a sentence or a header: it begins no line of its own."""
    return " ".join(str(words).split())


def signed(text: str) -> str:
    """The text as it is sent: it ends with who sends it."""
    return f"{text.strip()}\n\n-- \nPurser, {settings.BASE_URL}\n"


def dressed(*, subject: str, text: str, language: str) -> str:
    """The text as an HTML document without pictures or scripts, for light and dark."""
    context = {"subject": subject, "parts": list(_parts(text)), "language": language, "base_url": settings.BASE_URL}
    return render_to_string("organizations/mail/letter.html", context)


def _parts(text: str) -> Iterator[dict[str, Any]]:
    """{kind: "words", words} | {kind: "link", words, url} | {kind: "code", words} | {kind: "list", items [[line]]}."""
    held = ""
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in paragraph.splitlines()]
        if len(lines) == 1 and _leads_here(lines[0]):
            yield {"kind": "link", "words": held.rstrip("".join(_COLONS)), "url": lines[0]}
            held = ""
            continue
        if held:
            yield {"kind": "words", "words": held}
            held = ""
        if len(lines) == 1 and _CODE.fullmatch(lines[0]):
            yield {"kind": "code", "words": lines[0]}
        elif lines[0].startswith("- "):
            yield {"kind": "list", "items": list(_items(lines))}
        elif len(lines) == 1 and lines[0].endswith(_COLONS):
            held = lines[0]
        else:
            yield {"kind": "words", "words": "\n".join(lines)}
    if held:
        yield {"kind": "words", "words": held}


def _items(lines: list[str]) -> Iterator[dict[str, str]]:
    words, url = "", ""
    for line in lines:
        if line.startswith("- "):
            if words:
                yield {"words": words, "url": url}
            words, url = line[2:], ""
        elif _leads_here(line):
            url = line
        else:
            words = f"{words} {line}"
    yield {"words": words, "url": url}


def _leads_here(line: str) -> bool:
    """Only addresses of Purser itself become links: what others typed must not look like ours."""
    return line.startswith(f"{settings.BASE_URL}/") and " " not in line
