"""Which rate counts for the money of a month. Pure.

All money of a calendar month converts alike, so that days add up to months and groups to totals, exactly: by the rate
that somebody typed in, else by the mean of the ECB's rates of that month so far, else by the last one that the ECB told
before it. Where there is none of these, the money is not converted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal
from typing import Literal, NamedTuple

from dashboard.core.languages.numbers import is_currency
from dashboard.core.period import months_before

BASE = "EUR"
# A rate that is older says nothing of this month any more.
MONTHS_KNOWN = 3
# More than any rate is told with, and few enough that a product with an amount is exact.
_DIGITS = Context(prec=10)
# Sums and products of amounts and rates lose no digit.
EXACT = Context(prec=80)

Source = Literal["same", "typed", "month", "earlier"]


class Unit(NamedTuple):
    """What money is counted in: a currency, or a provider's own unit, which belongs to that provider."""

    code: str
    slug: str = ""

    @classmethod
    def of(cls, code: str, slug: str) -> "Unit":
        """The unit that a provider tells money in. A currency is nobody's, so that it is added up over providers; so is
        what has no unit."""
        return cls(code) if not code or is_currency(code) else cls(code, slug)


class Quote(NamedTuple):
    """What the ECB told of a currency in a month, in units of it for 1 EUR: the mean, and the last one with its day."""

    mean: Decimal
    last: Decimal
    day: date


@dataclass(frozen=True, slots=True)
class Rate:
    """1 unit is `value` of the reporting currency. `day` dates it: the last day that the ECB told, or the first day of
    the month from which on it was typed in."""

    value: Decimal
    source: Source
    day: date


class Rates:
    """The rates into one currency. `typed` has (first day of the month from which on, value) in rising order, by unit;
    `told` what the ECB told, by currency and month."""

    def __init__(
        self,
        currency: str,
        typed: Mapping[Unit, Sequence[tuple[date, Decimal]]],
        told: Mapping[str, Mapping[date, Quote]],
    ) -> None:
        self.currency = currency
        self._typed, self._told = typed, told
        self._known: dict[tuple[Unit, date], Rate | None] = {}

    def of(self, unit: Unit, day: date) -> Rate | None:
        """What one unit is worth in the month of that day; None where nobody knows."""
        place = (unit, day.replace(day=1))
        if place not in self._known:
            self._known[place] = self._found(*place)
        return self._known[place]

    def _found(self, unit: Unit, month: date) -> Rate | None:
        if unit == Unit(self.currency):
            return Rate(Decimal(1), "same", month)
        begun = [one for one in self._typed.get(unit, ()) if one[0] <= month]
        if begun:
            day, value = begun[-1]
            return Rate(value, "typed", day)
        if unit.slug:
            return None
        one, other = self._quote(unit.code, month), self._quote(self.currency, month)
        if one is None or other is None:
            return None
        value = _DIGITS.divide(other[0], one[0])
        days = [told[1] for told in (one, other) if told[1] is not None]
        day = min(days, default=month)
        return Rate(value, "month" if day >= month else "earlier", day)

    def _quote(self, currency: str, month: date) -> tuple[Decimal, date | None] | None:
        """(units for 1 EUR, the day it is of) in that month; the euro itself is of no day."""
        if currency == BASE:
            return Decimal(1), None
        told = self._told.get(currency, {})
        if month in told:
            return told[month].mean, told[month].day
        earlier = [at for at in told if months_before(month, MONTHS_KNOWN) <= at < month]
        return (told[max(earlier)].last, told[max(earlier)].day) if earlier else None
