"""How well what somebody typed fits a name: the beginning, a word, a part, or letters in their order. Chinese has no
spaces between words, so that there a part is as good as it gets."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

Thing = TypeVar("Thing")
_START, _WORD, _PART, _OTHER_WORDS = range(4)
LETTERS = 9  # only its letters in their order: worth showing where nothing fits better
_FEWEST_LETTERS = 3  # fewer letters in their order are in every name


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """Without case, width and accents, which nobody should have to type."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(one for one in plain if not unicodedata.combining(one)).split())


def fit(words: str, name: str, *more: str) -> int | None:
    """How well `words` fit `name`, best is 0; None when they do not. Every word must be found, in the name or in what
    else (`more`) is known of the thing."""
    wanted, title = folded(words), folded(name)
    if not wanted:
        return _START
    whole = _place(wanted, title)
    if whole is not None:
        return whole
    others = [folded(one) for one in more]
    places = [_best(word, title, others) for word in wanted.split()]
    found = [one for one in places if one is not None]
    if len(found) == len(places):
        return _OTHER_WORDS + max(found)
    return LETTERS if _in_order(wanted.replace(" ", ""), title) else None


def best(
    words: str, things: Iterable[Thing], names: Callable[[Thing], tuple[str, ...]], *, limit: int
) -> list[tuple[int, Thing]]:
    """Up to `limit` of the things that fit, with how well they do, best first; shorter names before longer ones."""
    ranked = [(fit(words, *names(one)), len(names(one)[0]), number, one) for number, one in enumerate(things)]
    fitting = [(rank, size if words else 0, number, one) for rank, size, number, one in ranked if rank is not None]
    return [(rank, one) for rank, _, _, one in sorted(fitting, key=lambda found: found[:3])[:limit]]


def _place(word: str, text: str) -> int | None:
    if text.startswith(word):
        return _START
    if re.search(rf"(?<!\w){re.escape(word)}", text):
        return _WORD
    return _PART if word in text else None


def _best(word: str, title: str, others: Iterable[str]) -> int | None:
    here = _place(word, title)
    if here is not None:
        return here
    return _OTHER_WORDS if any(_place(word, one) is not None for one in others) else None


def _in_order(letters: str, text: str) -> bool:
    rest = iter(text)
    return len(letters) >= _FEWEST_LETTERS and all(letter in rest for letter in letters)
