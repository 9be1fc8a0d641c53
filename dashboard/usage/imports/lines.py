"""From the lines of a file to records. Pure: bytes and a mapping in, lines, refusals and buckets out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from zlib import crc32

from django.utils.translation import gettext as _

from dashboard.usage.imports.cells import PLACES, Unfit, amount_of, count_of, text_of, unit_beside, unit_of
from dashboard.usage.imports.columns import AMOUNT, CACHED, COUNTS, INPUT, ITEM, KEY, MODEL, PROJECT, TIME, UNIT, USER
from dashboard.usage.imports.dates import bucket_of
from dashboard.usage.imports.dialect import Dialect, Row, rows_of
from dashboard.usage.partitions import EARLIEST
from providers.records import CostBucket, UsageBucket

NAMES = (MODEL, KEY, PROJECT, USER, ITEM)
MOST_ROWS = 500_000
AHEAD = timedelta(days=1)  # somewhere on Earth it is tomorrow already


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """What a person said of a file. `columns` says for each column which of `columns.FIELDS` it is, "" none; `period`
    "hour" | "day" | "month" is what each line tells of; `zone` counts for hours without an offset; `unit` is the
    currency of the whole file, "" when a column or the amounts tell it. `repeated` "once" | "each": what becomes of
    lines that are alike in every cell; `overlap` "skip" | "add": of days that another import brought already."""

    encoding: str
    delimiter: str
    header: int
    columns: tuple[str, ...]
    decimal: str = "."
    order: str = ""
    zone: str = "UTC"
    period: str = "day"
    unit: str = ""
    cached_inside: bool = False
    repeated: str = "once"
    overlap: str = "skip"

    @property
    def dialect(self) -> Dialect:
        return Dialect(encoding=self.encoding, delimiter=self.delimiter, header=self.header)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "columns": list(self.columns)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Mapping":
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        return cls(**{**values, "columns": tuple(stored["columns"])})


@dataclass(frozen=True, slots=True)
class Line:
    """One line that can be brought in. `counts` are the token classes and requests in the order of `COUNTS`, None where
    it does not say; `names` in the order of `NAMES`."""

    number: int
    start: datetime
    end: datetime
    names: tuple[str, ...]
    counts: tuple[int | None, ...]
    amount: Decimal | None
    unit: str

    @property
    def used(self) -> bool:
        return any(count is not None for count in self.counts)

    @property
    def share(self) -> int:
        """Lines that end in one record have one share: those of a share can be summed without the others."""
        model, key, project, *_rest = self.names
        return crc32("\x1f".join((self.start.isoformat(), self.end.isoformat(), model, key, project)).encode())


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that is left out, and why."""

    line: int
    words: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """A line that was there before, alike in every cell, and is counted once."""

    line: int


class Reader:
    """Reads lines by a mapping. `until` is the moment of the upload: no figures are of later days. `own_units` are the
    account's own units."""

    def __init__(self, mapping: Mapping, *, until: datetime, own_units: Sequence[str] = ()) -> None:
        self.mapping, self.latest, self.own_units = mapping, until + AHEAD, tuple(own_units)
        places: dict[str, list[int]] = {}
        for place, field in enumerate(mapping.columns):
            places.setdefault(field, []).append(place)
        self._places = places
        self._width = len(mapping.columns)
        self._units: dict[str, str] = {}

    def read(self, pieces: Iterable[bytes]) -> Iterator[Line | Refusal | Repeat]:
        """Every line below the header, in order. Ends with a refusal where the file has too many lines."""
        seen: set[int] = set()
        count = 0
        for row in rows_of(pieces, self.mapping.encoding, self.mapping.delimiter):
            if row.line <= self.mapping.header:
                continue
            count += 1
            if count > MOST_ROWS:
                yield Refusal(
                    row.line, _("no more than %(most)d lines are read. Split the file.") % {"most": MOST_ROWS}
                )
                return
            if self.mapping.repeated == "once" and not row.problem:
                mark = _mark(row.cells)
                if mark in seen:
                    yield Repeat(row.line)
                    continue
                seen.add(mark)
            try:
                yield self.line(row)
            except Unfit as unfit:
                yield Refusal(row.line, str(unfit))

    def line(self, row: Row) -> Line:
        """Raises Unfit."""
        cells = self._cells(row)
        start, end = self._bucket(cells[self._places[TIME][0]])
        counts = self._counts(cells)
        amount, unit = self._amount(cells)
        if amount is None and all(count is None for count in counts):
            raise Unfit(_("it tells neither usage nor cost. Nothing is lost by leaving it out."))
        names = tuple(self._named(field, cells) for field in NAMES)
        return Line(row.line, start, end, names, counts, amount, unit)

    def _cells(self, row: Row) -> list[str]:
        if row.problem:
            raise Unfit(row.problem)
        cells = row.cells
        if len(cells) > self._width and not any(cell.strip() for cell in cells[self._width :]):
            cells = cells[: self._width]
        if len(cells) != self._width:
            raise Unfit(
                _("it has %(found)d cells, and the header has %(wanted)d. Look for a separator inside a cell.")
                % {"found": len(cells), "wanted": self._width}
            )
        for cell in cells:
            if "\x00" in cell:
                raise Unfit(_("it holds a NUL character. Export the file again."))
            if "\ufffd" in cell:
                raise Unfit(_("it holds characters that this encoding cannot read. Choose another encoding."))
        return cells

    def _bucket(self, cell: str) -> tuple[datetime, datetime]:
        mapping = self.mapping
        start, end = bucket_of(cell.strip(), order=mapping.order, zone=mapping.zone, period=mapping.period)
        if start < EARLIEST:
            raise Unfit(_("%(day)s is before any account's history. Check the date.") % {"day": f"{start:%Y-%m-%d}"})
        if start > self.latest:
            raise Unfit(
                _("%(day)s lies in the future. Check the order of day and month.") % {"day": f"{start:%Y-%m-%d}"}
            )
        return start, end

    def _named(self, field: str, cells: list[str]) -> str:
        places = self._places.get(field)
        return text_of(cells[places[0]]) if places else ""

    def _counts(self, cells: list[str]) -> tuple[int | None, ...]:
        found = {field: self._count(field, cells) for field in COUNTS}
        whole, cached = found[INPUT], found[CACHED]
        if self.mapping.cached_inside and whole is not None and cached is not None:
            if cached > whole:
                raise Unfit(
                    _("it has more cached input than input. Say that the input column leaves cached tokens out.")
                )
            found[INPUT] = whole - cached
        return tuple(found[field] for field in COUNTS)

    def _count(self, field: str, cells: list[str]) -> int | None:
        total: int | None = None
        for place in self._places.get(field, ()):
            count = count_of(cells[place], self.mapping.decimal)
            if count is not None:
                total = (total or 0) + count
        return total

    def _amount(self, cells: list[str]) -> tuple[Decimal | None, str]:
        places = self._places.get(AMOUNT)
        if not places:
            return None, ""
        amount, sign = amount_of(cells[places[0]], self.mapping.decimal)
        if amount is None:
            return None, ""
        named = self._places.get(UNIT)
        told = cells[named[0]].strip() if named else ""
        return amount, unit_beside(self._unit(told) if told else self.mapping.unit, sign)

    def _unit(self, told: str) -> str:
        if told not in self._units:
            if len(self._units) > 1000:
                self._units.clear()
            self._units[told] = unit_of(told, self.own_units)
        return self._units[told]


def _mark(cells: list[str]) -> int:
    """A short digest of a line, to find it again."""
    return int.from_bytes(blake2b("\x1f".join(cells).encode(errors="replace"), digest_size=8).digest())


# --- Sums -------------------------------------------------------------------------------------------------------


class Sums:
    """Lines summed into records: an export is a list, and two lines of one day, model and key are both true. A figure
    that no line told stays unknown."""

    def __init__(self) -> None:
        self._used: dict[tuple[Any, ...], list[int | None]] = {}
        self._paid: dict[tuple[Any, ...], Decimal] = {}

    def take(self, line: Line, *, usage: bool = True, cost: bool = True) -> None:
        model, provider_key, project, user, item = line.names
        if usage and line.used:
            key = (line.start, line.end, model, provider_key, project, user)
            held = self._used.setdefault(key, [None] * len(COUNTS))
            for place, count in enumerate(line.counts):
                if count is not None:
                    held[place] = (held[place] or 0) + count
        if cost and line.amount is not None:
            category = "credit" if line.amount < 0 else "usage"
            paid = (line.start, line.end, model, provider_key, project, item, category, line.unit)
            self._paid[paid] = self._paid.get(paid, Decimal(0)) + line.amount

    def usage(self) -> list[UsageBucket]:
        return [
            UsageBucket(
                start=start,
                end=end,
                model=model or None,
                provider_key=provider_key or None,
                project=project or None,
                user=user or None,
                final=True,
                **dict(zip(COUNTS, counts, strict=True)),  # type: ignore[arg-type]
            )
            for (start, end, model, provider_key, project, user), counts in self._used.items()
        ]

    def cost(self) -> list[CostBucket]:
        return [
            CostBucket(
                start=start,
                end=end,
                amount=amount.quantize(PLACES),
                unit=unit,
                model=model or None,
                line_item=item or None,
                project=project or None,
                provider_key=provider_key or None,
                category=category,
                final=True,
            )
            for (start, end, model, provider_key, project, item, category, unit), amount in self._paid.items()
        ]
