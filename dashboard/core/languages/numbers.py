"""How numbers and amounts of money are written, in plain text. Asking for the reader's language costs more than writing
a number: who writes many asks for the `number_format` once."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache

from django.utils.formats import get_format
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _

NBSP = "\u00a0"
MINUS = "\u2212"

# Signs of the currencies that provider accounts are held in; ISO 4217 gives the decimals where they are not two.
SIGNS = {
    "USD": "$", "CNY": "¥", "EUR": "€", "GBP": "£", "JPY": "¥", "TWD": "NT$", "HKD": "HK$", "SGD": "S$", "AUD": "A$",
    "CAD": "C$", "NZD": "NZ$", "INR": "₹", "KRW": "₩", "BRL": "R$", "ILS": "₪", "VND": "₫", "PHP": "₱", "UAH": "₴",
}  # fmt: skip
DECIMALS = {
    "JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "PYG": 0, "UGX": 0, "XAF": 0, "XOF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
_UNIT_WORDS = (
    gettext_noop("points"),
    gettext_noop("credits"),
    gettext_noop("tokens"),
    gettext_noop("requests"),
    gettext_noop("seats"),
    gettext_noop("minutes"),
)


# --- units ------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1024)
def is_currency(unit: str) -> bool:
    """Whether `unit` has the form of an ISO 4217 code rather than a provider's own word (points, credits)."""
    return len(unit) == 3 and unit.isascii() and unit.isalpha() and unit.isupper()


def currency_sign(unit: str) -> str:
    """The sign in front of an amount, or nothing where the code behind it must do."""
    return SIGNS.get(unit, "")


def unit_digits(unit: str) -> int:
    """Decimals that an amount of `unit` is written with."""
    return DECIMALS.get(unit, 2) if is_currency(unit) else 0


def unit_word(unit: str) -> str:
    """An ISO code as it is, a provider's own unit in the reader's language."""
    return unit if is_currency(unit) or not unit else _(unit)


# --- numbers ----------------------------------------------------------------------------------------------------
_SMALL = Decimal("0.01")
_SCALES = ((Decimal(10) ** 12, "T"), (Decimal(10) ** 9, "B"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k"))


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """A language's marks between thousands and before decimals. What it writes is plain text; of `number`, `money` and
    `short` no HTML needs to escape anything."""

    thousands: str
    point: str
    of_hundred: str = f"{NBSP}%"  # what stands behind a share: Chinese writes no space there

    def number(self, value: Decimal | int, digits: int | None = None) -> str:
        """`value` grouped, with a real minus; `digits` decimals, or as many as it has."""
        if isinstance(value, float):
            raise TypeError("An amount is a Decimal, never a float")
        exact = Decimal(value)
        text = f"{exact:,f}" if digits is None else f"{exact:,.{digits}f}"
        if digits is None and "." in text:
            text = text.rstrip("0").rstrip(".")
        sign = ""
        if text.startswith("-"):
            text = text[1:]
            sign = MINUS if text.strip("0.,") else ""  # what rounds to nothing is not below it
        if self.thousands != "," or self.point != ".":
            text = text.translate({44: self.thousands, 46: self.point})
        return sign + text

    def money(self, amount: Decimal | int, unit: str) -> str:
        """With its sign in front and the unit's decimals, but three figures of an amount too small for them."""
        return self.money_of(unit)(amount)

    def money_of(self, unit: str) -> Callable[[Decimal | int], str]:
        """The same for many amounts of one unit."""
        digits = unit_digits(unit) if is_currency(unit) else None
        sign = currency_sign(unit)

        def written(amount: Decimal | int) -> str:
            exact = Decimal(amount)
            if exact and -_SMALL < exact < _SMALL:
                text = self.number(round(exact, 2 - exact.adjusted()))
            elif digits is None:
                text = self.number(exact, 0 if exact == exact.to_integral_value() else 2)
            else:
                text = self.number(exact, digits)
            return f"{MINUS}{sign}{text[1:]}" if text.startswith(MINUS) else f"{sign}{text}"

        return written

    def money_words(self, amount: Decimal | int, unit: str) -> str:
        """The same with its unit behind it: "¥1,284.50 CNY"."""
        return f"{self.money(amount, unit)}{NBSP}{unit_word(unit)}".rstrip()

    def exact_or_rounded(self, value: Decimal | int) -> str:
        """A whole number with every digit, any other with two decimals."""
        exact = Decimal(value)
        return self.number(exact if exact == exact.to_integral_value() else round(exact, 2))

    def short(self, value: Decimal | int) -> str:
        """1,234 as 1.23k and 21,440,000 as 21.4M, three figures each; "" of what is short by itself."""
        exact = Decimal(value)
        for scale, letter in _SCALES:
            # 999,999 rounds to 1M, not to 1000k.
            if abs(exact) >= scale * Decimal("0.9995"):
                scaled = exact / scale
                return self.number(round(scaled, 2 - scaled.adjusted())) + letter
        return ""

    def percent(self, value: Decimal | int) -> str:
        """A share of 0 to 100 as "71 %". It rounds down from above, so that 100 % is said only when all is used."""
        share = Decimal(value)
        if 0 < share < 1:
            return f"<{NBSP}1{self.of_hundred}"
        rounded = share.quantize(Decimal(1), ROUND_DOWN if 99 < share < 100 else ROUND_HALF_EVEN)
        return f"{self.number(rounded)}{self.of_hundred}"

    def exact_percent(self, value: Decimal | int) -> str:
        """A share with every digit that it has: "33.5 %"."""
        return f"{self.number(value)}{self.of_hundred}"

    def change(self, value: Decimal) -> str:
        """A change in percent with its sign: "+10.3 %", "−4 %"."""
        rounded = round(value, 1 if abs(value) < 100 else 0)
        return f"{'+' if rounded > 0 else ''}{self.number(rounded)}{self.of_hundred}"


def number_format() -> NumberFormat:
    """The reader's."""
    return _format_of(get_language() or "")


@cache
def _format_of(language: str) -> NumberFormat:
    # Where a language's format names none for thousands, the ungrouped number would be hard to read.
    return NumberFormat(
        thousands=get_format("THOUSAND_SEPARATOR", language) or ",",
        point=get_format("DECIMAL_SEPARATOR", language),
        of_hundred="%" if language.startswith("zh") else f"{NBSP}%",
    )


def number(value: Decimal | int, digits: int | None = None) -> str:
    """`value` grouped as the language does, with a real minus; `digits` decimals, or as many as it has."""
    return number_format().number(value, digits)


def money_words(amount: Decimal | int | None, unit: str, none: str = "") -> str:
    """With its unit behind it, for titles and names: "¥1,284.50 CNY"."""
    return (none or _("not told")) if amount is None else number_format().money_words(amount, unit)
