"""Sentences that were written in English before anybody knew the reader: by providers/, which knows no gettext, and by
tasks, which store what they found.

`told(text)` says such a sentence in the language of the page. It looks for the message that the sentence was made
from, and says what stood in its places again, each translated in turn.
"""

import re
from functools import cache, lru_cache

from django.utils.translation import get_language, gettext
from django.utils.translation.trans_real import catalog

_PLACE = re.compile(r"%\((\w+)\)[sd]|(?<!\{)\{(\w+)\}(?!\})")
_SENTENCE = re.compile(r"(?<=[.:;])\s+")
_DEEPEST = 3  # places within places
_LEAST_LETTERS = 5  # fewer ("%(used)s of %(limit)s") would be found in anything


def told(text: str) -> str:
    """`text` in the language of the page; as it is where nothing is known of it."""
    language = get_language() or "en"
    return text if not text or language.startswith("en") else _told(text, language, 0)


@lru_cache(maxsize=8192)
def _told(text: str, language: str, depth: int) -> str:
    if " · " in text:
        return " · ".join(_told(part, language, depth) for part in text.split(" · "))
    whole = _known(text, language, depth)
    if whole is not None:
        return whole
    parts = _SENTENCE.split(text)
    if len(parts) == 1:
        return _by_its_end(text, language, depth)
    said, at = [], 0
    while at < len(parts):
        # A message of ours may have a colon within: the longest of them first.
        ends = range(len(parts), at, -1)
        runs = ((end, _known(" ".join(parts[at:end]), language, depth)) for end in ends)
        end, new = next(((end, new) for end, new in runs if new is not None), (at + 1, None))
        said.append((new, " ".join(parts[at:end])))
        at = end
    if all(new is None for new, _old in said):
        return text
    # Chinese sentences stand without a space between them.
    return "".join(f"{old} " if new is None else new for new, old in said).rstrip()


def _by_its_end(text: str, language: str, depth: int) -> str:
    """ "gpt-5 batch input tokens": a name, and what is counted of it. The name may be a word of ours too."""
    words = text.split(" ")
    for first in range(1, min(len(words), 4)):
        counted = " ".join(words[first:])
        found = gettext(counted)
        if found != counted:
            return f"{_told(' '.join(words[:first]), language, depth + 1)} {found}"
    return text


def _known(text: str, language: str, depth: int) -> str | None:
    """What the catalog has for exactly this, or for the message that this was made from."""
    bare = text.strip()
    if not bare:
        return None
    for candidate in (text, bare):
        if (found := gettext(candidate)) != candidate:
            return found
    if (found := gettext(f"{bare}.")) != f"{bare}.":  # a sentence that was put into another one
        return found.removesuffix("。")
    if depth >= _DEEPEST:
        return None
    for pattern, message in _made(language):
        match = pattern.fullmatch(bare)
        if match:
            return _filled(
                gettext(message), {name: _told(value, language, depth + 1) for name, value in match.groupdict().items()}
            )
    return None


def _filled(message: str, places: dict[str, str]) -> str:
    text = _PLACE.sub(lambda place: places[place[1] or place[2]], message)
    return text.replace("{{", "{").replace("}}", "}")


@cache
def _made(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each message with places, as the pattern of the sentences made from it: the most words first, because what has
    many words is no accident."""
    keys = catalog()._catalog.keys()  # type: ignore[attr-defined]
    messages = {key for key in keys if isinstance(key, str) and "\x04" not in key}
    found = []
    for message in messages:
        parts = _PLACE.split(message)
        if len(parts) > 1 and sum(map(str.isalpha, "".join(parts[::3]))) >= _LEAST_LETTERS:
            names = [one or two for one, two in zip(parts[1::3], parts[2::3], strict=True)]
            if len(set(names)) == len(names):
                found.append((_pattern(parts[::3], names), message))
    found.sort(key=lambda pair: (-len(_PLACE.sub("", pair[1])), pair[1]))
    return tuple(found)


def _pattern(plain: list[str], names: list[str]) -> re.Pattern[str]:
    text = re.escape(plain[0])
    for before, name, after in zip(plain, names, plain[1:], strict=False):
        # What stands right behind a sentence is a sentence of its own, or nothing.
        value = r"|\s.+" if before.endswith((".", ":", ";")) else r"(?:(?!\. ).)+?"
        text += f"(?P<{name}>{value}){re.escape(after)}"
    return re.compile(text, re.DOTALL)
