"""What one cell says: numbers, money, moments, names. Pure. Everything that cannot be is refused in words."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from providers.records import MOST_CHARACTERS

NOTHING = frozenset({"", "-", "–", "—", "−", "n/a", "na", "nan", "nil", "null", "none", "(null)", "\\n"})
MOST_DIGITS = 40
# Sums of every line of the largest file stay within a bigint, and exact within 28 digits.
MOST_COUNT, MOST_AMOUNT = 10**13, Decimal(10**10)
PLACES = Decimal("1e-12")  # as the database keeps amounts

_THOUSANDS = {".": r"[,'’ \u00a0\u2009\u202f]", ",": r"[.'’ \u00a0\u2009\u202f]"}
_NUMBER = {
    mark: re.compile(
        rf"[+-]?(?:[1-9]\d{{0,2}}(?:{apart}\d{{3}})+|\d+)(?:{re.escape(mark)}\d*)?(?:e[+-]?\d{{1,3}})?", re.A
    )
    for mark, apart in _THOUSANDS.items()
}
_BARE = {mark: re.compile(rf"[+-]?{re.escape(mark)}\d+", re.A) for mark in _THOUSANDS}
_FORMULA = re.compile(r"\s*[=@]|\s*[+-][^\d.,\s$€£¥]")
_QUOTED = re.compile(r'="([^"]*)"')

# The currencies of ISO 4217 that money is paid in.
CURRENCIES = frozenset(
    re.findall(
        r"[A-Z]{3}",
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ "
        "GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR "
        "LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN "
        "PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB "
        "TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG",
    )
)
# Which currencies a sign may stand for; the first one where nothing else is said, "" where it would be a guess.
SIGNS: dict[str, tuple[str, ...]] = {
    "US$": ("USD",),
    "NT$": ("TWD",),
    "HK$": ("HKD",),
    "S$": ("SGD",),
    "A$": ("AUD",),
    "C$": ("CAD",),
    "R$": ("BRL",),
    "$": ("USD", "AUD", "CAD", "HKD", "NZD", "SGD", "TWD", "MXN", "ARS", "CLP", "COP"),
    "€": ("EUR",),
    "£": ("GBP", "EGP"),
    "₹": ("INR",),
    "₩": ("KRW", "KPW"),
    "¥": ("", "CNY", "JPY"),
    "￥": ("", "CNY", "JPY"),
    "元": ("CNY", "TWD", "HKD"),
    "人民币": ("CNY",),
    "RMB": ("CNY",),
}


class Unfit(ValueError):
    """A cell or a line that cannot be brought in: what is wrong with it and what to do, in words."""


def shown(text: str) -> str:
    """A cell as a message quotes it."""
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def text_of(cell: str) -> str:
    """A name. An apostrophe that hides a formula from spreadsheets is taken off."""
    text = cell.strip()
    if match := _QUOTED.fullmatch(text):
        text = match[1]
    elif text.startswith("'") and text[1:2] in ("=", "+", "-", "@"):
        text = text[1:]
    elif text.startswith("="):
        raise Unfit(_("%(cell)s is a formula. Export the values, not the formulas.") % {"cell": shown(text)})
    if len(text) > MOST_CHARACTERS:
        raise Unfit(_("a name has more than %(most)d characters. Leave its column out.") % {"most": MOST_CHARACTERS})
    return "" if text.lower() in NOTHING else text


def number_of(cell: str, mark: str = ".") -> Decimal | None:
    """A number with this decimal mark, or None where the cell says nothing."""
    text = cell.strip().replace("−", "-")
    if match := _QUOTED.fullmatch(text):
        text = match[1].strip()
    if text.lower() in NOTHING:
        return None
    if _FORMULA.match(text):
        raise Unfit(_("%(cell)s is a formula. Export the values, not the formulas.") % {"cell": shown(text)})
    plain = text.lower()
    if len(plain) > MOST_DIGITS or not (_NUMBER[mark].fullmatch(plain) or _BARE[mark].fullmatch(plain)):
        raise Unfit(
            _("%(cell)s is no number with “%(mark)s” as decimal mark. Check the mark, or what the column is.")
            % {"cell": shown(text), "mark": mark}
        )
    number = Decimal(
        re.sub(r"[^\d.e+-]", "", plain) if mark == "." else re.sub(r"[^\d,e+-]", "", plain).replace(",", ".")
    )
    if number and not -30 <= number.adjusted() <= 20:
        raise Unfit(_("%(cell)s is beyond any real figure.") % {"cell": shown(text)})
    return number


def count_of(cell: str, mark: str = ".") -> int | None:
    """Tokens or requests: whole and not negative."""
    number = number_of(cell, mark)
    if number is None:
        return None
    if number != number.to_integral_value():
        raise Unfit(
            _("%(cell)s is no whole number. Check the decimal mark, or what the column is.") % {"cell": shown(cell)}
        )
    if not 0 <= number <= MOST_COUNT:
        raise Unfit(_("%(cell)s cannot be a number of tokens or requests.") % {"cell": shown(cell)})
    return int(number)


def amount_of(cell: str, mark: str = ".") -> tuple[Decimal | None, str]:
    """(amount, sign or code that stands beside it or ""). Accountants' brackets are a minus."""
    text = cell.strip().replace("−", "-")
    negative = text.startswith("(") and text.endswith(")")
    beside, bare = _beside(text[1:-1] if negative else text)
    amount = number_of(bare, mark)
    if amount is None:
        return None, ""
    if abs(amount) > MOST_AMOUNT:
        raise Unfit(_("%(cell)s is beyond any real amount.") % {"cell": shown(text)})
    return -amount if negative else amount, beside


def _beside(text: str) -> tuple[str, str]:
    """A currency's sign or code split off an amount, whichever side of it or of its minus it stands."""
    lead = "-" if text.startswith("-") else ""
    rest = text[len(lead) :].strip()
    for sign in SIGNS:
        if rest.upper().startswith(sign):
            return sign, lead + rest[len(sign) :].strip()
        if rest.upper().endswith(sign):
            return sign, lead + rest[: -len(sign)].strip()
    for code, bare in ((rest[:3], rest[3:]), (rest[-3:], rest[:-3])):
        if code.upper() in CURRENCIES:
            return code.upper(), lead + bare.strip()
    return "", text


def unit_of(text: str, own: Iterable[str] = ()) -> str:
    """The unit that a currency column or a form names: an ISO code, a sign that is no guess, or one of the account's
    `own` units (points, credits)."""
    plain = text_of(text)
    if plain.upper() in CURRENCIES:
        return plain.upper()
    if (meant := SIGNS.get(plain.upper())) and meant[0]:
        return meant[0]
    for unit in own:
        if unit.lower() == plain.lower():
            return unit
    raise Unfit(_("%(cell)s is no currency that is known. Write its code, for example USD.") % {"cell": shown(plain)})


def unit_beside(unit: str, sign: str) -> str:
    """`unit`, unless the sign beside the amount contradicts it; without a unit what the sign stands for."""
    meant = SIGNS.get(sign, (sign,) if sign else ())
    if unit and meant and unit not in meant:
        raise Unfit(
            _("the amount is in %(sign)s, and the currency says %(unit)s. Check the currency.")
            % {"sign": sign, "unit": unit}
        )
    if unit or (meant and meant[0]):
        return unit or meant[0]
    raise Unfit(_("there is an amount without a currency. Choose one for the whole file."))


# --- Time -------------------------------------------------------------------------------------------------------

_MONTHS = {name: number for number, name in enumerate(re.findall("...", "janfebmaraprmayjunjulaugsepoctnovdec"), 1)}
_CLOCK = r"(?:[T ,]+(?P<h>\d{1,2}):(?P<min>\d{2})(?::(?P<s>\d{2})(?:[.,]\d{1,9})?)?\s*(?P<half>[ap]\.?m\.?)?)?"
_OFFSET = r"\s*(?P<off>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})(?:[-/.年](?P<m>\d{{1,2}})(?:[-/.月](?P<d>\d{{1,2}})日?{_CLOCK}{_OFFSET}|月)?)", re.A | re.I
)
_DIGITS = re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})?", re.A)
_YEAR_LAST = re.compile(
    rf"(?P<a>\d{{1,2}})[-/.](?P<b>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}}){_CLOCK}{_OFFSET}", re.A | re.I
)
_WORDS = re.compile(
    r"(?:[a-z]{3,9},?\s+)??"
    r"(?:(?P<d>\d{1,2})[ -](?P<mon>[a-z]{3,9})\.?|(?P<mon2>[a-z]{3,9})\.?\s+(?P<d2>\d{1,2}))"
    rf",?[ -](?P<y>\d{{4}}){_CLOCK}{_OFFSET}",
    re.A | re.I,
)
_MONTH_WORDS = re.compile(r"(?P<mon>[a-z]{3,9})\.?[ -](?P<y>\d{4})", re.A | re.I)
_EPOCH = re.compile(r"\d{10}(?:\.\d+)?|\d{13}", re.A)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def moment_of(cell: str, order: str = "") -> tuple[datetime, str]:
    """(moment, "month" | "day" | "time"): what the cell says and how exactly. Aware only where it names its offset.
    `order` "dmy" or "mdy" reads 03/04/2026; "" refuses what could be both."""
    text = cell.strip().lstrip("'")
    if match := _QUOTED.fullmatch(text):
        text = match[1].strip()
    if len(text) > 60:
        raise _no_date(text, order)
    try:
        found = _epoch(text) or _numeric(text, order) or _worded(text)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise _no_date(text, order)
    return found


def _no_date(text: str, order: str) -> Unfit:
    if not text:
        return Unfit(_("there is no date."))
    if not order and _YEAR_LAST.fullmatch(text):
        return Unfit(_("%(cell)s can be two dates. Say whether the day or the month is first.") % {"cell": shown(text)})
    return Unfit(
        _("%(cell)s is no date. Check the order of day and month, or what the column is.") % {"cell": shown(text)}
    )


def _epoch(text: str) -> tuple[datetime, str] | None:
    if not _EPOCH.fullmatch(text):
        return None
    seconds = Decimal(text) / 1000 if len(text) == 13 else Decimal(text)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(seconds * 1_000_000)), "time"


def _numeric(text: str, order: str) -> tuple[datetime, str] | None:
    if match := _YEAR_FIRST.fullmatch(text) or _DIGITS.fullmatch(text):
        parts = match.groupdict()
        if parts["d"] is None:
            return datetime(int(parts["y"]), int(parts["m"]), 1), "month"  # noqa: DTZ001 - the caller knows the zone
        return _with_clock(int(parts["y"]), int(parts["m"]), int(parts["d"]), parts)
    if (match := _YEAR_LAST.fullmatch(text)) and order:
        parts = match.groupdict()
        first, second = int(parts["a"]), int(parts["b"])
        day, month = (first, second) if order == "dmy" else (second, first)
        year = int(parts["y"]) + (2000 if len(parts["y"]) == 2 else 0)
        return _with_clock(year, month, day, parts)
    return None


def _worded(text: str) -> tuple[datetime, str] | None:
    if match := _WORDS.fullmatch(text):
        parts = match.groupdict()
        month = _MONTHS.get((parts["mon"] or parts["mon2"])[:3].lower())
        return _with_clock(int(parts["y"]), month, int(parts["d"] or parts["d2"]), parts) if month else None
    if match := _MONTH_WORDS.fullmatch(text):
        month = _MONTHS.get(match["mon"][:3].lower())
        return (datetime(int(match["y"]), month, 1), "month") if month else None  # noqa: DTZ001
    return None


def _with_clock(year: int, month: int, day: int, parts: dict[str, str | None]) -> tuple[datetime, str]:
    hour = parts.get("h")
    if hour is None:
        return datetime(year, month, day), "day"  # noqa: DTZ001
    hours, half = int(hour), (parts.get("half") or "").lower()[:1]
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hour)
        hours = hours % 12 + (12 if half == "p" else 0)
    at = datetime(year, month, day, hours, int(parts["min"] or 0), int(parts.get("s") or 0))  # noqa: DTZ001
    offset = (parts.get("off") or "").upper()
    if offset in ("Z", "UTC", "GMT"):
        at = at.replace(tzinfo=UTC)
    elif offset:
        at = datetime.fromisoformat(f"{at.isoformat()}{offset[:3]}:{offset[-2:] if len(offset) > 3 else '00'}")
    return at, "time"


@lru_cache(maxsize=4096)
def bucket_of(cell: str, *, order: str, zone: str, period: str) -> tuple[datetime, datetime]:
    """The bucket [start, end) in UTC that a date cell stands for. Days and months stay as the provider wrote them, as
    everywhere; hours are read in `zone` where the cell names no offset."""
    moment, exact = moment_of(cell, order)
    if exact == "time" and moment.tzinfo is not None and _EPOCH.fullmatch(cell.strip()):
        written = moment.astimezone(ZoneInfo(zone)).date()
    else:
        written = moment.date()
    if period == "month":
        start = _utc(written.replace(day=1))
        return start, _utc((written.replace(day=28) + 4 * DAY).replace(day=1))
    if exact == "month":
        raise Unfit(_("%(cell)s is a month. Say that each line tells of a month.") % {"cell": shown(cell)})
    if period == "day":
        return _utc(written), _utc(written) + DAY
    if exact == "day":
        raise Unfit(_("%(cell)s has no time of day. Say that each line tells of a day.") % {"cell": shown(cell)})
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(zone))
    try:
        start = aware.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    except OverflowError:
        raise _no_date(cell, order) from None
    return start, start + HOUR


def _utc(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


# --- Sniffing ---------------------------------------------------------------------------------------------------


def decimal_marks(cells: Iterable[str]) -> set[str]:
    """The decimal marks with which all of these cells are numbers; one sign of money beside them is no matter. Both
    where nothing decides: then a person has to. Cells that are no numbers at all do not count."""
    found = {".", ","}
    for cell in cells:
        fits = {mark for mark in (".", ",") if _is_number(cell, mark)}
        if fits:
            found &= fits
    return found


def decides(cells: Iterable[str]) -> bool:
    """Whether the mark matters for any of these: "1,234" is two numbers, "1234" is one."""
    for cell in cells:
        if _is_number(cell, ".") and _is_number(cell, ",") and amount_of(cell, ".") != amount_of(cell, ","):
            return True
    return False


def _is_number(cell: str, mark: str) -> bool:
    try:
        return amount_of(cell, mark)[0] is not None
    except Unfit:
        return False


def date_orders(cells: Iterable[str]) -> set[str]:
    """The orders with which all of these are dates: {""} when no order is needed, both when a person has to say."""
    found, needed = {"dmy", "mdy"}, False
    for cell in cells:
        if is_date(cell, ""):
            continue
        fits = {order for order in ("dmy", "mdy") if is_date(cell, order)}
        if fits:
            needed = True
            found &= fits
    return (found or {"dmy", "mdy"}) if needed else {""}


def is_date(cell: str, order: str) -> bool:
    try:
        moment_of(cell, order)
    except Unfit:
        return False
    return True


def period_of(cells: Iterable[str], order: str) -> str:
    """What each line tells of, by how its dates are written: a month, a day, or an hour."""
    kinds = set()
    for cell in cells:
        try:
            moment, exact = moment_of(cell, order or "dmy")
        except Unfit:
            continue
        midnight = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
        kinds.add("day" if exact == "time" and midnight else exact)
    return "hour" if "time" in kinds else "day" if "day" in kinds or not kinds else "month"
