"""Words put together with the marks of the page's language: Chinese has its own, without a space."""

from collections.abc import Iterable
from functools import reduce

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def listed(words: Iterable[object]) -> str:
    """ "Search, Support"."""
    return comma().join(map(str, words))


def either(words: Iterable[str]) -> str:
    """ "Admin key or Inference key"."""
    found = list(words)
    joined = found.pop(0) if found else ""
    for word in found:
        joined = pgettext("one of two words", "%(first)s or %(second)s") % {"first": joined, "second": word}
    return joined


def sentences(*said: object) -> str:
    """One after the other: Chinese ones without a space between them."""
    found = [str(one) for one in said if one]
    joined = found.pop(0) if found else ""
    for one in found:
        joined = pgettext("two sentences", "%(first)s %(second)s") % {"first": joined, "second": one}
    return joined


def comma() -> str:
    """What stands between two words of a list, where they are drawn."""
    return pgettext("words of a list", "%(first)s, %(second)s") % {"first": "", "second": ""}


def labelled(label: object, value: object) -> str:
    """ "Hold down at least: 30 min"."""
    return pgettext("a label and its value", "%(label)s: %(value)s") % {"label": label, "value": value}


def colon() -> str:
    """What stands between a label and its value, where one of them is drawn."""
    return labelled("", "")


def either(words: Iterable[object]) -> str:
    """ "Management key or Inference key"."""
    return reduce(lambda one, two: _("%(one)s or %(two)s") % {"one": one, "two": two}, map(str, words))


def sentences(words: Iterable[str]) -> str:
    """Those that say something, each made a sentence, one after the other."""
    return space().join(sentence(one) for one in words if one)


def space() -> str:
    """What stands between two sentences."""
    return pgettext("two sentences", "%(first)s %(second)s") % {"first": "", "second": ""}


def sentence(words: str) -> str:
    """With a capital letter and its full stop."""
    return words[0].upper() + words[1:] + pgettext("at the end of a sentence", ".")
