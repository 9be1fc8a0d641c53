"""What limits are called on pages. Providers name them by ids and by words of their code; a reading keeps those, for
they tell one limit from another, and a page says what they are about."""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext

from dashboard.core.languages.joining import listed
from dashboard.core.languages.phrases import told

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{24,}", re.IGNORECASE)
# A prefix in words, then letters of both cases and digits in a row: "user_01BjbGwprnREiZkn7ghRUcbiwa".
_MIXED = re.compile(r"([a-z]+[_-])?((?=[A-Za-z]*\d)(?=[\da-z]*[A-Z])(?=[\dA-Z]*[a-z])[A-Za-z0-9]{10,})")
_WORD_OF_CODE = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)+|[a-z]+")
_AI = re.compile(r"\bai\b")
_IN_BRACKETS = re.compile(r"\(([a-z]+(?:_[a-z]+)+)\)")
# A budget by whose it is, and in brackets what it covers: "user harbor-dev (ai_credits)".
_BUDGET = re.compile(r"(user|organization|enterprise|repository|cost_center) ([^( ].*?)(?: \(([a-z_, ]+)\))?")
_WHOSE = {
    "user": gettext_noop("User %(name)s"),
    "organization": gettext_noop("Organization %(name)s"),
    "enterprise": gettext_noop("Enterprise %(name)s"),
    "repository": gettext_noop("Repository %(name)s"),
    "cost_center": gettext_noop("Cost center %(name)s"),
}
_COVERED = {"ai_credits": gettext_noop("AI credits")}
_WINDOWS = {
    "second": gettext_noop("second"),
    "10s": gettext_noop("10 seconds"),
    "minute": gettext_noop("minute"),
    "hour": gettext_noop("hour"),
    "5h": gettext_noop("5 hours"),
    "day": gettext_noop("day"),
    "week": gettext_noop("week"),
    "7d": gettext_noop("7 days"),
    "month": gettext_noop("month"),
    "lifetime": gettext_noop("in all"),
    "concurrent": gettext_noop("at once"),
}
_LABELS = {
    "second": gettext_noop("Each second"),
    "10s": gettext_noop("10 seconds"),
    "minute": gettext_noop("Each minute"),
    "hour": gettext_noop("Hourly"),
    "5h": gettext_noop("5 hours"),
    "day": gettext_noop("Daily"),
    "week": gettext_noop("Weekly"),
    "7d": gettext_noop("7 days"),
    "month": gettext_noop("Monthly"),
    "lifetime": gettext_noop("Lifetime"),
    "concurrent": gettext_noop("At once"),
}
_EACH = {
    "second": gettext_noop("per second"),
    "10s": gettext_noop("per 10 seconds"),
    "minute": gettext_noop("per minute"),
    "hour": gettext_noop("per hour"),
    "5h": gettext_noop("per 5 hours"),
    "day": gettext_noop("per day"),
    "week": gettext_noop("per week"),
    "7d": gettext_noop("per 7 days"),
    "month": gettext_noop("per month"),
}
# Limits that providers name in their code, as they are written here: names that adapters write out are found there.
_KNOWN_NAMES = (
    gettext_noop("Completions"),
    gettext_noop("Duo enterprise"),
    gettext_noop("Flat user cap"),
    gettext_noop("Group default limit"),
    gettext_noop("Group shared limit"),
    gettext_noop("Individual limit"),
    gettext_noop("Input tokens per minute"),
    gettext_noop("Key budget"),
    gettext_noop("Monthly usage"),
    gettext_noop("Monthly waiver"),
    gettext_noop("On demand estimate"),
    gettext_noop("Output tokens per minute"),
    gettext_noop("Premium interactions"),
    gettext_noop("Role budget limit"),
    gettext_noop("Seats"),
    gettext_noop("Subscription cap"),
    gettext_noop("Team budget"),
    gettext_noop("Team spend"),
    gettext_noop("Tokens per day"),
    gettext_noop("User budget"),
    gettext_noop("User spend"),
    gettext_noop("Workspace default limit"),
    gettext_noop("Workspace shared limit"),
)


@dataclass(frozen=True, slots=True)
class QuotaName:
    """A limit in words: its `title`, what it is for (`about`), and an id that nobody reads, cut to its ends (`code`).
    Each may be "", though not all of them; `full` is all that the provider told."""

    title: str
    about: str
    code: str
    full: str


def quota_name(name: str, scope: str) -> QuotaName:
    """The name of a limit for people."""
    full = f"{name} · {scope}" if scope else name
    if is_code(name):
        return QuotaName("" if is_code(scope) else _scope_title(scope), "", short_code(name), full)
    if is_code(scope):
        return QuotaName(_plain(name), "", short_code(scope), full)
    return QuotaName(_plain(name), _spaced(scope), "", full)


def is_code(name: str) -> bool:
    """Whether a name is an id made by a machine, which tells a person nothing."""
    return any(pattern.fullmatch(name) for pattern in (_UUID, _HEX, _MIXED))


def short_code(code: str) -> str:
    """Both ends of an id, enough to find it again: "user_01Bj…biwa"."""
    mixed = _MIXED.fullmatch(code)
    prefix, body = (mixed[1] or "", mixed[2]) if mixed else ("", code)
    return f"{prefix}{body[:4]}…{body[-4:]}"


def window_words(window: str) -> str:
    """How long a window lasts; one that nobody knows says its own name."""
    known = _WINDOWS.get(window)
    return _(known) if known else window


def window_title(window: str) -> str:
    """What a window is called where its length alone tells it from the others; "" where nobody knows its length."""
    known = _LABELS.get(window)
    return _(known) if known else ""


def each_words(window: str) -> str:
    """The same beside an amount: "per month", "in all"."""
    known = _EACH.get(window)
    return _(known) if known else window_words(window)


def _plain(name: str) -> str:
    """A name that is one word of code, such as "monthly_usage" or "DUO_ENTERPRISE", as a person would write it; that of
    a window is said in words."""
    if name in _WINDOWS:
        return window_words(name)
    return told(name.replace("_", " ").capitalize() if _WORD_OF_CODE.fullmatch(name) else name)


def _scope_title(scope: str) -> str:
    """What names a limit that has an id alone."""
    found = _BUDGET.fullmatch(scope)
    if found is None:
        return _begun(_spaced(scope))
    whose = _(_WHOSE[found[1]]) % {"name": found[2]}
    if not found[3]:
        return whose
    covered = listed(_(_COVERED[one]) if one in _COVERED else one.replace("_", " ") for one in found[3].split(", "))
    both = pgettext("whose budget, and what it covers", "%(whose)s (%(covered)s)")
    return both % {"whose": whose, "covered": covered}


def _spaced(scope: str) -> str:
    return _IN_BRACKETS.sub(lambda found: f"({_AI.sub('AI', found[1].replace('_', ' '))})", scope)


def _begun(words: str) -> str:
    """As a title begins; other words keep their form, for some are names."""
    return words[:1].upper() + words[1:]
