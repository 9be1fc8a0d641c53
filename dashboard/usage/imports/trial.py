"""What a file would do, told before it is done. Pure: lines in, a report out that JSON can keep."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dashboard.usage.imports.columns import COUNTS
from dashboard.usage.imports.lines import Line, Refusal, Repeat

SHOWN = 100  # refusals that are told one by one
USAGE, COST = "usage", "cost"
Bucket = tuple[datetime, datetime]


class Trial:
    """Counts the lines of a file by the buckets that they tell of."""

    def __init__(self) -> None:
        self.rows = self.refused = self.repeated = 0
        self.refusals: list[Refusal] = []
        self.repeats: list[int] = []
        self.buckets: dict[Bucket, _Bucket] = {}

    def take(self, found: Line | Refusal | Repeat) -> None:
        self.rows += 1
        if isinstance(found, Refusal):
            self.refused += 1
            if len(self.refusals) < SHOWN:
                self.refusals.append(found)
        elif isinstance(found, Repeat):
            self.repeated += 1
            if len(self.repeats) < SHOWN:
                self.repeats.append(found.line)
        else:
            key = (found.start, found.end)
            bucket = self.buckets.get(key)
            if bucket is None:
                bucket = self.buckets[key] = _Bucket()
            bucket.take(found)

    def span(self) -> Bucket | None:
        """From the first bucket's start to the last one's end."""
        if not self.buckets:
            return None
        return min(start for start, _ in self.buckets), max(end for _, end in self.buckets)

    def report(self, days_of: Callable[[datetime, datetime], list[date]], told: "Told") -> dict[str, Any]:
        """`days_of` are the reporting days of a bucket; `told` says which days others have told of already."""
        days: dict[tuple[date, str], _Bucket] = {}
        for (start, end), bucket in self.buckets.items():
            on = days_of(start, end)
            place = (on[0], "month" if len(on) > 1 else "day")
            day = days.setdefault(place, _Bucket())
            day.add(bucket)
            for kind in (USAGE, COST):
                if bucket.tells(kind):
                    day.fate(kind, told.fate(kind, on))
        return {
            "rows": self.rows,
            "refused": self.refused,
            "refusals": [{"line": one.line, "words": one.words} for one in self.refusals],
            "repeated": self.repeated,
            "repeats": self.repeats,
            "days": [{"day": on.isoformat(), "span": span, **days[on, span].told()} for on, span in sorted(days)],
            **_totals(days.values()),
        }


class Told:
    """The days that others told of: `better` sources, whose figures stay, and `rivals` as good as this file, with which
    it would be counted twice. `skip` leaves the rivals' days out. `reported` are days of which the API tells a cost
    inside its usage alone: what is billed counts before that, whoever brings it."""

    def __init__(self, *, skip: bool) -> None:
        self.better: dict[str, set[date]] = {USAGE: set(), COST: set()}
        self.rivals: dict[str, set[date]] = {USAGE: set(), COST: set()}
        self.reported: set[date] = set()
        self.skip = skip

    def left_out(self, kind: str, days: Iterable[date]) -> bool:
        return self.skip and not self.rivals[kind].isdisjoint(days)

    def fate(self, kind: str, days: list[date]) -> str:
        """What becomes of them: "left" out, "stays" (brought in, but better figures count), "adds" to another import,
        "replaces" cost that is reported, or "counts"."""
        if not self.rivals[kind].isdisjoint(days):
            return "left" if self.skip else "adds"
        if not self.better[kind].isdisjoint(days):
            return "stays"
        return "replaces" if kind == COST and not self.reported.isdisjoint(days) else "counts"


class _Bucket:
    """Sums of one bucket, or of one day."""

    def __init__(self) -> None:
        self.rows = 0
        self.counts: list[int | None] = [None] * len(COUNTS)
        self.amounts: dict[str, Decimal] = {}
        self.fates: dict[str, str] = {}

    def take(self, line: Line) -> None:
        self.rows += 1
        for place, count in enumerate(line.counts):
            if count is not None:
                self.counts[place] = (self.counts[place] or 0) + count
        if line.amount is not None:
            self.amounts[line.unit] = self.amounts.get(line.unit, Decimal(0)) + line.amount

    def add(self, other: "_Bucket") -> None:
        self.rows += other.rows
        for place, count in enumerate(other.counts):
            if count is not None:
                self.counts[place] = (self.counts[place] or 0) + count
        for unit, amount in other.amounts.items():
            self.amounts[unit] = self.amounts.get(unit, Decimal(0)) + amount

    def tells(self, kind: str) -> bool:
        return bool(self.amounts) if kind == COST else any(count is not None for count in self.counts)

    def fate(self, kind: str, fate: str) -> None:
        """Hours of one day share its fate; a day and the month around it may differ, and are two entries."""
        self.fates[kind] = fate

    def told(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "counts": dict(zip(COUNTS, self.counts, strict=True)),
            "amounts": {unit: format(amount, "f") for unit, amount in sorted(self.amounts.items())},
            "fates": self.fates,
        }


def _totals(days: Iterable[_Bucket]) -> dict[str, Any]:
    """Sums by what becomes of them: {fate: {unit: amount}}, tokens and requests of the days that are brought in."""
    money: dict[str, dict[str, Decimal]] = {}
    counts = _Bucket()
    fates: dict[str, dict[str, int]] = {USAGE: {}, COST: {}}
    for day in days:
        for kind, fate in day.fates.items():
            fates[kind][fate] = fates[kind].get(fate, 0) + 1
        for unit, amount in day.amounts.items():
            units = money.setdefault(day.fates[COST], {})
            units[unit] = units.get(unit, Decimal(0)) + amount
        if day.fates.get(USAGE) not in (None, "left"):
            counts.add(day)
    return {
        "money": {fate: {unit: format(amount, "f") for unit, amount in units.items()} for fate, units in money.items()},
        "counts": dict(zip(COUNTS, counts.counts, strict=True)),
        "fates": fates,
    }
