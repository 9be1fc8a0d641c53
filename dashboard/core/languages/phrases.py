"""Sentences that were written in English before anybody knew the reader: by providers/, which knows no gettext, and by
tasks, which store what they found.

`told(text)` says such a sentence in the language of the page. It looks for the message that the sentence was made
from, and says what stood in its places again, each translated in turn. Several sentences are said in one language: all
of them in the reader's, or all as they were written.
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from gettext import translation

from django.conf import settings
from django.utils.translation import get_language, to_locale

_PLACE = re.compile(r"%\((\w+)\)[sd]|(?<!\{)\{(\w+)\}(?!\})")
_SENTENCE = re.compile(r"(?<=[.:;])\s+")
_MARKS = (".", ":", ";")
_DEEPEST = 3  # places within places
_LEAST_LETTERS = 5  # fewer ("%(used)s of %(limit)s") would be found in anything


def told(text: str) -> str:
    """`text` in the language of the page; as it is where nothing is known of it."""
    language = get_language() or "en"
    return text if not text or language.startswith("en") else _told(text, language)


@lru_cache(maxsize=8192)
def _told(text: str, language: str) -> str:
    if " · " in text:
        return " · ".join(_told(part, language) for part in text.split(" · "))
    said = _said(text, language, 0)
    return _by_its_end(text, language) if said is None else said


def _said(text: str, language: str, depth: int) -> str | None:
    """One or several sentences in the language; None as soon as one of them is unknown."""
    whole = _known(text, language, depth)
    if whole is not None:
        return whole
    parts = _SENTENCE.split(text)
    said: list[str] = []
    known = at = 0
    while at < len(parts):
        # A message of ours may have a colon within: the longest of them first.
        ends = range(len(parts), at, -1)
        runs = ((end, _known(" ".join(parts[at:end]), language, depth)) for end in ends)
        end, new = next(((end, new) for end, new in runs if new is not None), (at + 1, None))
        if new is None and not _is_name(parts[at]):
            return None
        known += new is not None
        # Chinese sentences stand without a space between them.
        said.append(f"{parts[at]} " if new is None else new)
        at = end
    return "".join(said).rstrip() if known else None


def _is_name(text: str) -> bool:
    """Whether it may stand as it is among other words: a name, a host, an id, and no sentence."""
    return " " not in text or not text.endswith(_MARKS)


def _by_its_end(text: str, language: str) -> str:
    """ "gpt-5 batch input tokens": a name, and what is counted of it. The name may be a word of ours too."""
    words = text.split(" ")
    if text.endswith(_MARKS):
        return text
    for first in range(1, min(len(words), 4)):
        found = _own(language).get(" ".join(words[first:]))
        if found:
            name = " ".join(words[:first])
            return f"{_said(name, language, 1) or name} {found}"
    return text


def _known(text: str, language: str, depth: int) -> str | None:
    """What the catalog has for exactly this, or for the message that this was made from."""
    bare, own = text.strip(), _own(language)
    if not bare:
        return None
    for candidate in (text, bare):
        if candidate in own:  # with the English words themselves where that is the translation
            return own[candidate]
    if f"{bare}." in own:  # a sentence that was put into another one
        return own[f"{bare}."].removesuffix("。")
    if depth >= _DEEPEST:
        return None
    for pattern, message in _made(language):
        if match := pattern.fullmatch(bare):
            places = {name: _placed(value, language, depth + 1) for name, value in match.groupdict().items()}
            if None not in places.values():
                return _filled(own[message], {name: value or "" for name, value in places.items()})
    return None


def _placed(text: str, language: str, depth: int) -> str | None:
    """What stood in a place: a name stays as it is, a sentence that is unknown makes the whole one unknown."""
    said = _said(text, language, depth)
    return text if said is None and _is_name(text) else said


@cache
def _own(language: str) -> Mapping[str, str]:
    """Purser's catalog alone: what Django and its apps say of the same words are other words."""
    found = translation("django", str(settings.LOCALE_PATHS[0]), [to_locale(language)], fallback=True)
    return getattr(found, "_catalog", {})


def _filled(message: str, places: dict[str, str]) -> str:
    text = _PLACE.sub(lambda place: places[place[1] or place[2]], message)
    return text.replace("{{", "{").replace("}}", "}")


@cache
def _made(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    """Each message with places, as the pattern of the sentences made from it: the most words first, because what has
    many words is no accident."""
    messages = {key for key in _own(language) if isinstance(key, str) and "\x04" not in key}
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
        if before.endswith(_MARKS):  # what stands right behind a sentence is a sentence of its own, or nothing
            value = r"|\s.+"
        elif before.rstrip().endswith(_MARKS) and not after:  # several of them may end the text
            value = r".+"
        else:
            value = r"(?:(?!\. ).)+?"
        text += f"(?P<{name}>{value}){re.escape(after)}"
    return re.compile(text, re.DOTALL)
