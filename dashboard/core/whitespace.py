"""Templates are indented for those who write them; pages travel without. It is done once, when a template is read."""

import re

from django.template.base import Origin
from django.template.loaders import cached

# What stays as it is written: words that catalogs know by their very spaces, and what a browser shows as it stands.
_KEPT = re.compile(
    r"\{% (?P<tag>blocktranslate|verbatim|filter)\b.*?\{% end(?P=tag) %\}|<(?P<name>pre|textarea)\b.*?</(?P=name)>",
    re.DOTALL,
)
_SAID_TO_WRITERS = re.compile(r"\{% comment\b.*?\{% endcomment %\}|\{#.*?#\}", re.DOTALL)
_BETWEEN_LINES = re.compile(r"\s*\n\s*")
_OPENING, _TURNING = ("if", "for", "with"), ("elif", "else", "empty")
# What is kept stands here as its number; one that only names what it says (asvar) is as silent as a tag.
_TAG = re.compile(r"\{% *(\w+)(?:[^%]|%(?!\}))*%\}|\0-\d+\0")
_NAMED = re.compile(r" as \w+ *%\}$|^\0-")
_SILENT = {"load", "extends", *_OPENING, *_TURNING, *(f"end{name}" for name in _OPENING)}


class Loader(cached.Loader):
    """Finds templates as the loaders that it is given, and keeps what it has read."""

    def get_contents(self, origin: Origin) -> str:
        source = str(super().get_contents(origin))
        return lean(source) if str(origin.name).endswith(".html") else source


def lean(source: str) -> str:
    """The template without its indentation, comments and lines of tags alone. Where there was any space there still
    is, whichever way a condition goes: in text one space is as good as many, and none is something else."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        return f"\0{'-' if ' asvar ' in match[0].partition('%}')[0] else ''}{len(kept) - 1}\0"

    text = _BETWEEN_LINES.sub("\n", _KEPT.sub(keep, _SAID_TO_WRITERS.sub("", source)))
    text = "".join(_without_lines_of_tags(text))
    return re.sub("\0-?(\\d+)\0", lambda match: kept[int(match[1])], text)


def _without_lines_of_tags(text: str) -> list[str]:
    """A line's end may go when the line says nothing and what comes before it ends with a space anyway. That holds in
    a branch that began on such a line, and after it; a branch that began behind text keeps its ends."""
    pieces: list[str] = []
    clean: list[bool] = []  # of each open branch: whether it began on a line of tags
    spaced = False  # whether what stands before this line ends with a space
    for line in text.splitlines(keepends=True):
        found = [(match[0], match[1]) for match in _TAG.finditer(line)]
        silent = not _TAG.sub("", line).strip() and all(tag in _SILENT or _NAMED.search(whole) for whole, tag in found)
        may_go = silent and spaced
        for _whole, tag in found:
            if tag in _OPENING:
                clean.append(may_go)
            elif tag in _TURNING:
                may_go = may_go and clean[-1]
            elif tag and tag.removeprefix("end") in _OPENING:
                may_go = clean.pop() and may_go
        pieces.append(line.rstrip("\n") if may_go else line)
        spaced = True
    return pieces
