"""What a file probably says, for a person to correct. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from dashboard.usage.imports.cells import CURRENCIES, decides, decimal_marks
from dashboard.usage.imports.columns import ADDED, NUMBERS, TIME, cached_inside, proposed, unit_in
from dashboard.usage.imports.dates import date_orders, period_of
from dashboard.usage.imports.dialect import Dialect, names_of, rows_of
from dashboard.usage.imports.lines import Mapping

LOOKED_AT = 1000  # rows


@dataclass(frozen=True, slots=True)
class Sample:
    """The names of the columns, and the first rows below them."""

    names: list[str]
    rows: list[list[str]]

    def cells(self, columns: Sequence[str], fields: Iterable[str]) -> list[str]:
        """The cells of all columns that are one of these."""
        wanted = set(fields)
        places = [place for place, field in enumerate(columns) if field in wanted]
        return [row[place] for row in self.rows for place in places if place < len(row)]


def sample_of(pieces: Iterable[bytes], dialect: Dialect) -> Sample:
    rows = rows_of(pieces, dialect.encoding, dialect.delimiter)
    found = [row for row in islice(rows, LOOKED_AT) if row.line >= dialect.header and not row.problem]
    if not found or found[0].line != dialect.header:
        return Sample([], [])
    return Sample(names_of(found[0].cells), [row.cells for row in found[1:]])


def propose(sample: Sample, dialect: Dialect, remembered: Mapping | None = None) -> Mapping:
    """The mapping as far as the file tells it. `decimal` "" and `order` "?" mean that a person has to say. What was
    said of such a file before counts, as far as this one does not contradict it."""
    columns = list(remembered.columns) if remembered else proposed(sample.names)
    marks = marks_of(sample, columns)
    orders = date_orders(sample.cells(columns, [TIME]))
    order = next(iter(orders)) if len(orders) == 1 else "?"
    fresh = Mapping(
        encoding=dialect.encoding,
        delimiter=dialect.delimiter,
        header=dialect.header,
        columns=tuple(columns),
        decimal=next(iter(marks)) if len(marks) == 1 else "",
        order=order,
        period=period_of(sample.cells(columns, [TIME]), order),
        unit=_known(unit_in(sample.names, columns)),
        cached_inside=cached_inside(sample.names, columns),
    )
    if remembered is None:
        return fresh
    return replace(
        fresh,
        decimal=fresh.decimal or remembered.decimal,
        order=remembered.order if order == "?" else order,
        zone=remembered.zone,
        unit=remembered.unit,
        cached_inside=remembered.cached_inside,
        repeated=remembered.repeated,
    )


def marks_of(sample: Sample, columns: Sequence[str]) -> set[str]:
    """The decimal marks that the numbers of a file allow: both only where it matters which."""
    numbers = sample.cells(columns, NUMBERS)
    marks = decimal_marks(numbers) or {".", ","}
    return marks if len(marks) == 1 or decides(numbers) else {"."}


def _known(unit: str) -> str:
    return unit if unit in CURRENCIES else ""


def problem_of(columns: Sequence[str]) -> str:
    """What is wrong with a choice of columns: "undated", "nothing", the name of a field chosen twice, or ""."""
    chosen = [field for field in columns if field]
    if TIME not in chosen:
        return "undated"
    if not set(chosen) & set(NUMBERS):
        return "nothing"
    return next((field for field in chosen if chosen.count(field) > 1 and field not in ADDED), "")
