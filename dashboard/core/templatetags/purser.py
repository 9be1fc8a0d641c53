"""How figures, times and states are written on every page. A built-in library: templates need not load it.

Rules: a unit never parts from its amount; None is spoken ("not told"), never 0 and never a dash; a zero stays a zero.
Times are shown in the active time zone, which is the organization's reporting zone; `now` is taken from the template
context, so that one page speaks of one moment.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache
from pathlib import Path

from django import template
from django.contrib.messages.storage.base import Message
from django.contrib.staticfiles import finders
from django.forms import BoundField, CheckboxInput, PasswordInput
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_noop, ngettext, pgettext
from django.utils.translation import gettext as _

from dashboard.core.languages import joining
from dashboard.core.languages.numbers import (
    NBSP,
    NumberFormat,
    is_currency,
    money_words,
    number,
    number_format,
    unit_word,
)
from dashboard.core.undo import undo_of

register = template.Library()
_BETWEEN_WORDS = re.compile(r"(?<=[a-z]{2})\.(?=[a-z])")
register.filter(joining.listed)
register.simple_tag(joining.comma)
register.simple_tag(joining.colon)
register.simple_tag(joining.space)


# --- numbers ----------------------------------------------------------------------------------------------------
def untold(words: str = "") -> SafeString:
    """What stands where something was not told."""
    return format_html('<span class="minor font-normal">{}</span>', words or _("not told"))


@register.filter
def breakable(name: str) -> SafeString:
    """The name of a model that may break after its dots ("eu.anthropic.claude"), but not within "4.5" or "Z.ai"."""
    return SafeString(_BETWEEN_WORDS.sub(".<wbr>", escape(name)))


@register.filter(name="money")
def money_filter(amount: Decimal | int | None, unit: str) -> SafeString:
    """`amount|money:unit`: sign in front, code small behind; a provider's own unit as a word."""
    return money(amount, unit)


@register.simple_tag
def money(amount: Decimal | int | None, unit: str, none: str = "") -> SafeString:
    """The same, with other words for an amount that was not told."""
    if amount is None:
        return untold(none)
    text = number_format().money(amount, unit)
    return format_html('{}{}<span class="iso">{}</span>', text, NBSP, unit_word(unit or ""))


@register.filter
def money_text(amount: Decimal | int | None, unit: str) -> str:
    """Plain text, for a title or a name."""
    return money_words(amount, unit)


@register.filter
def money_bare(amount: Decimal | int | None, unit: str) -> SafeString | str:
    """The figure with its sign and without its code, where the column's head says the unit."""
    return untold() if amount is None else number_format().money(amount, unit)


@register.filter
def quota_amount(amount: Decimal | int | None, unit: str) -> SafeString | str:
    """What is used of a window: money with its sign, everything else as a number with every digit."""
    if amount is None:
        return untold()
    return number_format().money(amount, unit) if is_currency(unit or "") else number(amount)


@register.filter
def unit_name(unit: str) -> str:
    """A unit in the reader's language."""
    return unit_word(unit or "")


@register.filter
def money_figure(amount: Decimal | int | None, unit: str) -> SafeString:
    """For a column whose unit stands in a column of its own: decimals under decimals."""
    if amount is None:
        return untold()
    language = number_format()
    text = language.money(amount, unit)
    room = "" if language.point in text else f"{language.point}00"
    pad = format_html('<span class="amount-pad" aria-hidden="true">{}</span>', room) if room else ""
    return format_html('<span class="font-medium">{}</span>{}', text, pad)


@register.filter
def money_cell(amount: Decimal | int | None, unit: str) -> SafeString:
    """For a column: decimals under decimals, the unit in its own slot."""
    if amount is None:
        return untold()
    figure = money_figure(amount, unit)
    return format_html('{}<span class="amount-unit iso">{}</span>', figure, unit_word(unit or ""))


@register.filter
def quantity(value: Decimal | int | None) -> SafeString:
    """1,234 as 1.23k; the exact number is its title."""
    return untold() if value is None else short_figure(value, number_format())


def short_figure(value: Decimal | int, language: NumberFormat) -> SafeString:
    """The same of many, in a language that is asked for once."""
    short = language.short(value)
    if not short:
        return SafeString(language.exact_or_rounded(value))
    return SafeString(f'<span title="{language.number(value)}">{short}</span>')


@register.filter
def short_quantity(value: Decimal | int | None) -> SafeString | str:
    """The same without a title: where a finger points at it, or its exact number stands nearby."""
    if value is None:
        return untold()
    language = number_format()
    return language.short(value) or language.exact_or_rounded(value)


@register.filter
def exact(value: Decimal | int | None) -> SafeString | str:
    """Every digit, grouped."""
    return untold() if value is None else number(value)


@register.filter
def percent(value: Decimal | int | None) -> SafeString | str:
    """A share of 0 to 100 as "71 %"."""
    if value is None:
        return untold()
    return number_format().percent(value)


@register.filter
def exact_percent(value: Decimal | int) -> str:
    """A share of 0 to 100 with every digit: "33.5 %"."""
    return number_format().exact_percent(value)


@register.simple_tag
def change_words(value: Decimal | None) -> str:
    """A change in percent with its sign: "+10.3 %", "−4 %"; nothing where there is nothing to compare with."""
    return "" if value is None else number_format().change(value)


# --- time --------------------------------------------------------------------------------------------------------
def now_of(context: Context) -> datetime:
    """The moment that the page speaks of: `now` in the context or on the request, else the clock."""
    # A component included with `only` keeps the request, though not the rest of the page's context.
    told = context.get("now") or getattr(getattr(context, "request", None), "now", None)
    return told if isinstance(told, datetime) else timezone.now()


def _span(seconds: int) -> str:
    """The largest fitting unit: "56 s", "4 min", "3 h", "8 d"."""
    if seconds < 60:
        return _("%(count)s s") % {"count": seconds}
    if seconds < 3600:
        return _("%(count)s min") % {"count": seconds // 60}
    if seconds < 2 * 86400:
        return _("%(count)s h") % {"count": seconds // 3600}
    return _("%(count)s d") % {"count": seconds // 86400}


def span_words(seconds: int) -> str:
    """How long something takes, in its largest unit: "5 min"."""
    return _span(seconds).replace(" ", NBSP)


def age_words(at: datetime | None, now: datetime, *, short: bool = False, none: str = "") -> str:
    """How long ago: "4 min ago", or "4 min" when `short`."""
    if at is None:
        return none or _("never")
    seconds = int((now - at).total_seconds())
    if seconds < 5:
        return _("now") if short else _("just now")
    span = _span(seconds).replace(" ", NBSP)
    return span if short else _("%(span)s ago") % {"span": span}


def until_words(at: datetime | None, now: datetime, none: str = "") -> str:
    """How long until: "in 56 s"; what is past is due."""
    if at is None:
        return none or _("not told")
    seconds = int((at - now).total_seconds())
    return _("due now") if seconds <= 0 else _("in %(span)s") % {"span": _span(seconds).replace(" ", NBSP)}


@register.simple_tag(takes_context=True)
def age(context: Context, at: datetime | None, short: bool = False, none: str = "") -> SafeString | str:
    """`{% age reading.at %}`: the age, with the exact time as its title."""
    words = age_words(at, now_of(context), short=short, none=none)
    if at is None:
        return words
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(timespec="minutes"), moment(at), words)


@register.simple_tag(takes_context=True)
def until(context: Context, at: datetime | None, none: str = "") -> SafeString | str:
    """`{% until stream.next_at %}`."""
    words = until_words(at, now_of(context), none)
    if at is None:
        return words
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(timespec="minutes"), moment(at), words)


def _local(value: date | datetime) -> date | datetime:
    return timezone.localtime(value) if isinstance(value, datetime) else value


@register.filter
def day(value: date | datetime | None) -> SafeString | str:
    """ "Tue 24 Nov", in the reporting zone."""
    if value is None:
        return untold()
    local = _local(value)
    return _day_words(local.date() if isinstance(local, datetime) else local, get_language() or "")


@lru_cache(maxsize=4096)
def _day_words(value: date, _language: str) -> str:
    """A page names the same few dozen over and over."""
    return date_format(value, pgettext("date format: Tue 24 Nov", "D j M")).replace(" ", NBSP)


@register.filter
def month(value: date) -> str:
    """ "Nov 2026"."""
    return _month_words(value, get_language() or "")


@lru_cache(maxsize=1024)
def _month_words(value: date, _language: str) -> str:
    return date_format(value, pgettext("date format: month and year, short", "M Y")).replace(" ", NBSP)


@register.filter
def full_month(value: date) -> str:
    """ "November 2026"."""
    return date_format(value, pgettext("date format: November 2026", "F Y")).replace(" ", NBSP)


@register.filter
def full_day(value: date | datetime | None) -> SafeString | str:
    """ "24 Nov 2026", in the reporting zone, for what may lie years away."""
    if value is None:
        return untold()
    return date_format(_local(value), pgettext("date format: day, month, year", "j M Y")).replace(" ", NBSP)


@register.filter
def days(first: date, last: date | None) -> SafeString | str:
    """The days [first, last]: "November 2026" for a calendar month, else "Sat 10 Jan to Mon 9 Feb"; one day alone."""
    if last is None or last == first:
        return day(first)
    if first.day == 1 and (last + timedelta(days=1)).day == 1 and (last - first).days < 31:
        return full_month(first)
    return _("%(first)s to %(last)s") % {"first": day(first), "last": day(last)}


@register.filter
def clock(value: datetime | None) -> SafeString | str:
    """ "14:32", in the reporting zone."""
    return untold() if value is None else date_format(timezone.localtime(value), "H:i")


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """ "9 Nov, 10:20", in the reporting zone."""
    if value is None:
        return untold()
    return date_format(timezone.localtime(value), pgettext("date format: 9 Nov, 10:20", "j M, H:i")).replace(" ", NBSP)


@register.simple_tag(takes_context=True)
def resets(context: Context, at: datetime | None) -> SafeString | str:
    """When a window starts anew: the clock when that is today, with the weekday within a week of it, else the day."""
    if at is None:
        return untold(_("reset not told"))
    local, today = timezone.localtime(at), timezone.localtime(now_of(context)).date()
    title = _("resets %(moment)s") % {"moment": moment(at)}
    if local.date() == today:
        words = clock(at)
    elif local.date() - today < timedelta(days=7):
        words = date_format(local, pgettext("date format: Mon 08:00", "D H:i")).replace(" ", NBSP)
    else:
        words = day(at)
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(timespec="minutes"), title, words)


@register.simple_tag(takes_context=True)
def page_clock(context: Context) -> str:
    """ "Fri 20 Nov, 14:32" for the top bar."""
    at = timezone.localtime(now_of(context))
    return date_format(at, pgettext("date format: Fri 20 Nov, 14:32", "D j M, H:i")).replace(" ", NBSP)


def duration_words(low_days: Decimal | None, high_days: Decimal | None, none: str = "") -> str:
    """A range of time: "7 to 11 h" under two days, else "2.1 to 3.4 d"; beyond sixty days "60+ d"."""
    if low_days is None or high_days is None:
        return none or _("not told")
    low, high = sorted((max(Decimal(0), low_days), max(Decimal(0), high_days)))
    if low >= 60:
        return _("60+ d").replace(" ", NBSP)
    hours = high < 2
    if hours:
        low, high = low * 24, high * 24
    finest = Decimal(1) if hours or high >= 10 else Decimal("0.1")
    ends = [number(end.quantize(finest, ROUND_HALF_EVEN)) for end in (low, min(high, Decimal(60)))]
    if high > 60 and not hours:
        ends[1] = "60+"
    if ends[0] == ends[1]:
        words = _("%(count)s h") if hours else _("%(count)s d")
        return (words % {"count": ends[0]}).replace(" ", NBSP)
    words = _("%(low)s to %(high)s h") if hours else _("%(low)s to %(high)s d")
    return (words % {"low": ends[0], "high": ends[1]}).replace(" ", NBSP)


@register.simple_tag
def duration_range(low_days: Decimal | None, high_days: Decimal | None, none: str = "") -> str:
    """`{% duration_range runway.low_days runway.high_days %}`."""
    return duration_words(low_days, high_days, none)


@register.filter
def milliseconds(seconds: Decimal | float | None) -> str:
    """How long a call took: "212 ms", or "3.4 s"."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{round(float(seconds) * 1000)}{NBSP}ms"
    return f"{number(round(Decimal(str(seconds)), 1))}{NBSP}s"


# --- forms ---------------------------------------------------------------------------------------------------------
@register.filter
def control(field: BoundField) -> SafeString:
    """A form field's control in our dress; what the form itself says about it stands."""
    widget = field.field.widget
    dress = "chk" if isinstance(widget, CheckboxInput) else "inp"
    attributes: dict[str, str | bool] = {"class": f"{dress} {widget.attrs.get('class', '')}".strip()}
    if isinstance(widget, PasswordInput):
        attributes["class"] = f"{attributes['class']} font-mono"
        # A browser that offers to remember a provider's key would keep it where nobody looks for it; few of them
        # heed "off" on a password. A person's own password says itself what it is, for their password manager.
        said = widget.attrs.get("autocomplete", "off")
        attributes |= {"autocomplete": said if said != "off" else "new-password", "spellcheck": "false"}
    if field.name == next(iter(field.form.errors), None):
        attributes["autofocus"] = True
    return field.as_widget(attrs=attributes)


@register.filter
def undo(message: Message) -> str:
    """The address that takes back what a message tells of."""
    return undo_of(message)


# --- icons, glyphs, states ---------------------------------------------------------------------------------------
@cache
def _logos() -> Mapping[str, SafeString]:
    """The drawing of each logo, by slug."""
    symbols = re.findall(r'<symbol id="p-([^"]+)"([^>]*)>(.*?)</symbol>', _built("logos.svg"))
    # Our own file, built from pinned packages.
    return {slug: SafeString(f"<svg{shape}>{body}</svg>") for slug, shape, body in symbols}


@cache
def _built(name: str) -> SafeString:
    path = finders.find(name)
    return SafeString(Path(path).read_text(encoding="utf-8").strip() if isinstance(path, str) else "")


@register.simple_tag
def built(name: str) -> SafeString:
    """`{% built "theme.js" %}`: one of our own built files, in place: shorter than the question for it."""
    return _built(name)


@cache
def _early() -> frozenset[str]:
    """The icons of the first view, which have a sprite of their own."""
    return frozenset(re.findall(r'<symbol id="([^"]+)"', _built("icons.svg")))


@lru_cache(maxsize=1024)
def _use(symbol: str, classes: str, label: str = "") -> SafeString:
    """A page shows the same dozen of icons a hundred times over."""
    named: SafeString = format_html('role="img" aria-label="{}"', label) if label else mark_safe('aria-hidden="true"')
    source = static("logos.svg" if symbol.startswith("p-") else "icons.svg" if symbol in _early() else "more.svg")
    look = format_html('class="{}" ', classes) if classes else ""
    return format_html('<svg {}{}><use href="{}#{}"/></svg>', look, named, source, symbol)


@register.simple_tag
def icon(name: str, classes: str = "ico-sm", label: str = "") -> SafeString:
    """`{% icon "wallet" %}`: an interface icon of the sprite; with a label it speaks, without it is decoration."""
    symbol = name if name.startswith(("i-", "g-", "p-")) else f"i-{name}"
    return _use(symbol, f"ico {classes}".strip(), label)


@register.simple_tag
@lru_cache(maxsize=1024)
def logo(slug: str, classes: str = "", name: str = "", alone: bool = False) -> SafeString:
    """A provider's one-colour mark; where the sprite has none, the initials of its `name`. The one logo of a page
    stands `alone`: drawn in place, so that nobody fetches all the others."""
    drawn = _logos()
    if slug not in drawn:
        mark = _monogram(_initials(name or slug))
    elif alone:
        mark = drawn[slug]
    else:
        mark = _use(f"p-{slug}", "")
    return format_html('<span class="{}" aria-hidden="true">{}</span>', f"logo {classes}".strip(), mark)


def _initials(name: str) -> str:
    """ "GD" of GitLab Duo: the first letters of the first two words."""
    return "".join(word[0] for word in re.findall(r"[^\W_]+", name)[:2]).upper()


@lru_cache(maxsize=256)
def _monogram(letters: str) -> SafeString:
    size = 9.5 if len(letters) > 1 else 12
    return format_html(
        '<svg class="monogram" viewBox="0 0 24 24"><rect x="1.75" y="1.75" width="20.5" height="20.5" rx="5.25"/>'
        '<text x="12" y="12" dy=".36em" text-anchor="middle" font-size="{}">{}</text></svg>',
        size,
        letters,
    )


# state: glyph of the sprite, class, word
STATES: Mapping[str, tuple[str, str, str]] = {
    "fresh": ("g-ok", "st-ok", gettext_noop("Fresh")),
    "ok": ("g-ok", "st-ok", gettext_noop("OK")),
    "passed": ("g-ok", "st-good", gettext_noop("Works")),
    "stale": ("g-stale", "st-warn", gettext_noop("Stale")),
    "read": ("g-ok", "st-ok", gettext_noop("Read")),
    "backing_off": ("g-stale", "st-warn", gettext_noop("Backing off")),
    "failing": ("g-crit", "st-crit", gettext_noop("Failing")),
    "offline": ("g-off", "st-off", gettext_noop("Offline")),
    "failed": ("g-crit", "st-crit", gettext_noop("Failed")),
    "refused": ("g-crit", "st-crit", gettext_noop("Refused")),
    "checking": ("g-sync", "", gettext_noop("Checking")),
    "active": ("g-ok", "st-ok", gettext_noop("In use")),
    "retired": ("g-off", "st-off", gettext_noop("Retired")),
    "expired": ("g-crit", "st-crit", gettext_noop("Expired")),
    "standby": ("g-wait", "st-off", gettext_noop("Standing by")),
    "warn": ("g-warn", "st-warn", gettext_noop("Warning")),
    "paused": ("g-pause", "st-warn", gettext_noop("Paused")),
    "disabled": ("g-pause", "st-off", gettext_noop("Disabled")),
    "not_offered": ("g-off", "st-off", gettext_noop("Not offered")),
    "not_available": ("g-off", "st-off", gettext_noop("Not available")),
    "waiting": ("g-wait", "", gettext_noop("Waiting")),
    "not_tried": ("g-wait", "st-off", gettext_noop("Not tried")),
    "typed": ("g-wait", "", gettext_noop("Typed in")),
    "derived": ("g-wait", "", gettext_noop("Derived")),
    "provisional": ("g-half", "", gettext_noop("Provisional")),
    "syncing": ("g-sync", "", gettext_noop("Syncing")),
}


def state_look(name: str) -> tuple[str, str, str]:
    """(glyph, class, word in the reader's language); a state that nobody drew shows its own name."""
    glyph, classes, word = STATES.get(name, ("g-wait", "", name.replace("_", " ")))
    return glyph, classes, _(word) if word else ""


@register.simple_tag
def state(name: str, words: str = "", title: str = "") -> SafeString:
    """Glyph plus word, always both."""
    glyph, classes, word = state_look(name or "waiting")
    about = format_html(' title="{}"', title) if title else ""
    return format_html(
        '<span class="{}"{}>{}<span>{}</span></span>', f"st {classes}".strip(), about, _use(glyph, ""), words or word
    )


@register.filter
def state_word(name: str) -> str:
    """A state's word alone, where its glyph or its colour stands elsewhere in the row."""
    return state_look(name)[2]


@register.filter
def runway_severity(runway: object) -> str:
    """ "crit" when money may end within a day, "warn" within three, else nothing; from a runway with `low_days`."""
    low = runway.get("low_days") if isinstance(runway, Mapping) else getattr(runway, "low_days", None)
    if not isinstance(low, Decimal | int):
        return ""
    return "crit" if low < 1 else "warn" if low < 3 else ""


_CAPABILITIES: Mapping[str, tuple[str, str]] = {
    "balance": ("wallet", gettext_noop("Balance")),
    "quota": ("gauge", gettext_noop("Quota")),
    "usage": ("activity", gettext_noop("Usage")),
    "cost": ("receipt", gettext_noop("Cost")),
    "keys": ("key-round", gettext_noop("Keys")),
    "models": ("list", gettext_noop("Models")),
}


@register.simple_tag
def capability_icon(name: str, classes: str = "ico-sm") -> SafeString:
    """The icon of a capability; one that the interface does not know yet gets a plain one."""
    return icon(_CAPABILITIES.get(name, ("boxes", ""))[0], classes)


@register.filter
def capability_word(name: str) -> str:
    """A capability's name in the reader's language."""
    known = _CAPABILITIES.get(name)
    return _(known[1]) if known else name.replace("_", " ").capitalize()


_VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "valid": ("circle-check", "text-ok", gettext_noop("This key works")),
    "wrong_kind": ("circle-x", "text-crit", gettext_noop("Wrong kind of key")),
    "missing_scope": ("triangle-alert", "text-warn", gettext_noop("A permission is missing")),
    "refused": ("circle-x", "text-crit", gettext_noop("The provider refused this key")),
    "wrong_organization": ("circle-x", "text-crit", gettext_noop("Another organization or region")),
    "missing_field": ("triangle-alert", "text-warn", gettext_noop("Something more is needed")),
    "billing": ("triangle-alert", "text-warn", gettext_noop("The provider asks for payment first")),
    "blocked": ("circle-x", "text-crit", gettext_noop("This address is not called")),
    "signed_out": ("triangle-alert", "text-warn", gettext_noop("The sign-in has ended")),
    "app_refused": ("circle-x", "text-crit", gettext_noop("The provider refused the app")),
    "unreachable": ("wifi-off", "text-crit", gettext_noop("The provider could not be reached")),
    "not_understood": ("triangle-alert", "text-warn", gettext_noop("The answer was not understood")),
}


@register.simple_tag
def verdict_icon(verdict: str) -> SafeString:
    """The drawing of a check's verdict."""
    name, colour, _words = _VERDICTS.get(verdict, ("triangle-alert", "text-warn", ""))
    return icon(name, f"{colour} mt-0.5")


@register.filter
def verdict_title(verdict: str) -> str:
    """A check's verdict in three to six words."""
    return _(_VERDICTS[verdict][2]) if verdict in _VERDICTS else verdict


@register.filter
def series(index: int) -> str:
    """Class that fills with the colour of the chart's series `index`, counted from nought; the eighth is the rest."""
    return f"fill-s{min(int(index) + 1, 8)}"


@register.simple_tag
def count_of(count: int, what: str) -> str:
    """ "1 account", "3 accounts": the nouns that pages count."""
    words = {
        "account": ngettext("%(count)s account", "%(count)s accounts", count),
        "provider": ngettext("%(count)s provider", "%(count)s providers", count),
        "stream": ngettext("%(count)s stream", "%(count)s streams", count),
        "person": ngettext("%(count)s person", "%(count)s people", count),
        "team": ngettext("%(count)s team", "%(count)s teams", count),
        "key": ngettext("%(count)s key", "%(count)s keys", count),
        "model": ngettext("%(count)s unpriced model", "%(count)s unpriced models", count),
    }[what]
    return words % {"count": number(count)}
