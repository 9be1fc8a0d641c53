"""What one cell says: numbers, money, names. Pure. Everything that cannot be is refused in words."""

import re
from collections.abc import Iterable
from decimal import Decimal

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
QUOTED = re.compile(r'="([^"]*)"')

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
    if match := QUOTED.fullmatch(text):
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
    if match := QUOTED.fullmatch(text):
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


# --- Sniffing ----------------------------------------------------------------------------------------------------


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
