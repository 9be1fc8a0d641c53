"""Which currencies there are, and what they are called in the reader's language."""

from functools import cache

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.numbers import get_currency_name
from django.utils.translation import get_language, pgettext


@cache
def currencies() -> frozenset[str]:
    """The ISO 4217 codes that are legal tender somewhere."""
    found = set()
    for entries in get_global("territory_currencies").values():
        found |= {code for code, _begun, ended, tender in entries if tender and ended is None}
    return frozenset(found)


def currency_name(code: str) -> str:
    """ "US Dollar", "美元"."""
    return get_currency_name(code, locale=_locale())


def currency_choices() -> list[tuple[str, str]]:
    """(code, "USD, US Dollar") of all currencies, by code."""
    between = pgettext("a code and what it stands for", "%(code)s, %(name)s")
    return [(code, between % {"code": code, "name": currency_name(code)}) for code in sorted(currencies())]


def _locale() -> Locale:
    try:
        return Locale.parse(get_language() or "en", sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
