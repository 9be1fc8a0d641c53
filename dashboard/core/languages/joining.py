"""Words put together with the marks of the page's language: Chinese has its own, without a space."""

from collections.abc import Iterable

from django.utils.translation import pgettext


def listed(words: Iterable[object]) -> str:
    """ "Search, Support"."""
    return comma().join(map(str, words))


def either(words: Iterable[object]) -> str:
    """ "Admin key or Inference key"."""
    between = pgettext("one of two words", "%(first)s or %(second)s") % {"first": "", "second": ""}
    return between.join(map(str, words))


def comma() -> str:
    """What stands between two words of a list, where they are drawn."""
    return pgettext("words of a list", "%(first)s, %(second)s") % {"first": "", "second": ""}


def labelled(label: object, value: object) -> str:
    """ "Hold down at least: 30 min"."""
    return pgettext("a label and its value", "%(label)s: %(value)s") % {"label": label, "value": value}


def colon() -> str:
    """What stands between a label and its value, where one of them is drawn."""
    return labelled("", "")


def sentences(words: Iterable[str]) -> str:
    """Those that say something, each made a sentence, one after the other."""
    return paragraph(*(sentence(one) for one in words if one))


def paragraph(*said: object) -> str:
    """Sentences, as far as there are any, one after the other: Chinese ones without a space between them."""
    return space().join(str(one) for one in said if one)


def space() -> str:
    """What stands between two sentences."""
    return pgettext("two sentences", "%(first)s %(second)s") % {"first": "", "second": ""}


def sentence(words: str) -> str:
    """With a capital letter and its full stop."""
    return words[0].upper() + words[1:] + pgettext("at the end of a sentence", ".")
