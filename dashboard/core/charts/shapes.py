"""What a chart is: its figures as a table, what else it takes to draw them, and what they tell in a sentence.

Amounts are Decimal until they leave as text, rounded once, as the page writes them; what is unknown is no zero. Nothing
here reads the clock or the database. charts.js draws the table and `Chart.data`, and knows no word of its own.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Any

from django.utils.translation import ngettext

from dashboard.core.languages.numbers import currency_sign, number_format, unit_digits, unit_word

MOST_SERIES = 8


@dataclass(frozen=True, slots=True)
class Layer:
    """One series: a value or None for every day; those of `open_days` may still change. The `rest` is the sum of all
    that have no layer of their own."""

    name: str
    values: Sequence[Decimal | None]
    open_days: Collection[date] = ()
    rest: bool = False

    @property
    def total(self) -> Decimal | None:
        return total(self.values)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a chart's table; `notes` stand beside its name."""

    name: str
    cells: Sequence[Decimal | None]
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of the chart, all in `unit`; charts.js reads days and months here too. The first of `heads` stands
    over the names of the rows."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Row]
    unit: str
    none: str
    foot: Row | None = None


@dataclass(frozen=True, slots=True)
class Chart:
    """`summary` is the chart's name for those who do not see it, `key` its series in their order with their totals."""

    kind: str
    summary: str
    data: dict[str, Any]
    table: Table
    unit: str
    key: Sequence[tuple[str, Decimal | None]] = ()

    @property
    def drawn(self) -> dict[str, Any]:
        """What the page hands to charts.js beside the table."""
        return {"summary": self.summary, **self.data}


def total(values: Collection[Decimal | None]) -> Decimal | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if known else None


def folded(layers: Sequence[Layer], most: int = MOST_SERIES) -> list[Layer]:
    """At most `most` layers, the greatest total first; where there are more, the last is the exact sum of the rest. One
    that is the rest already stays the last."""
    ranked = sorted(layers, key=lambda layer: (layer.rest, -(layer.total or Decimal(0)), layer.name))
    if len(ranked) <= most:
        return ranked
    rest = ranked[most - 1 :]
    sums = [total(values) for values in zip(*(layer.values for layer in rest), strict=True)]
    open_days = set().union(*(layer.open_days for layer in rest))
    return [*ranked[: most - 1], Layer(others_words(len(rest)), sums, open_days, rest=True)]


def others_words(count: int) -> str:
    """What the rest is called."""
    return ngettext("%(count)d other", "%(count)d others", count) % {"count": count}


_SMALL = Decimal("0.01")
_three_digits = Context(prec=3)


def texts(values: Iterable[Decimal | None], unit: str) -> list[str | None]:
    """Amounts for the drawing, with the digits that charts.js writes of them: those beyond travel for nobody."""
    places = unit_digits(unit) or (0 if currency_sign(unit) else 2)

    def text(value: Decimal) -> str:
        small = 0 < abs(value) < _SMALL
        return f"{_three_digits.create_decimal(value):f}" if small else f"{value:.{places}f}"

    return [None if value is None else text(value) for value in values]


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def figures(unit: str) -> dict[str, Any]:
    """How charts.js writes an amount, and reads what stands in the table."""
    return {
        "unit": unit_word(unit),
        "symbol": currency_sign(unit),
        "digits": unit_digits(unit),
        "point": number_format().point,
    }
