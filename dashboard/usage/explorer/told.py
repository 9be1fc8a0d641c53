"""What the rollups tell of a period, added up by group and unit; with rates, in the reporting currency what has one.

Sums and products are exact, so that days add up to months and groups to totals also where they are converted.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from functools import cache
from typing import Any, TypeVar

from dashboard.balances.rates.conversion import EXACT, Rate, Rates, Unit
from dashboard.usage.explorer.selectors import Bar, Earlier, Part

ZERO = Decimal(0)
Count = TypeVar("Count", int, Decimal)
Name = TypeVar("Name", Unit, str)


def plus(one: Count | None, other: Count | None) -> Count | None:
    return other if one is None else one if other is None else one + other


def summed(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """The exact sum of what is known; None when nothing is."""
    known = [amount for amount in amounts if amount is not None]
    with localcontext(EXACT):
        return sum(known, ZERO) if known else None


def _added(amounts: Iterable[tuple[Name, Decimal]]) -> dict[Name, Decimal]:
    """The exact sum under each name."""
    found: dict[Name, Decimal] = {}
    with localcontext(EXACT):
        for name, amount in amounts:
            found[name] = found.get(name, ZERO) + amount
    return found


@dataclass(slots=True)
class Sums:
    """What one group spent in one unit. `dated` is the part that is told by day; bars of single days leave out
    what is `undated`. `bases` are those its money stands on. `own` is what was converted, in its own units."""

    spend: Decimal | None = None
    dated: Decimal | None = None
    undated: Decimal | None = None
    by_month: dict[date, Decimal] = field(default_factory=dict)
    open_months: set[date] = field(default_factory=set)
    open: bool = False
    bases: dict[str, Decimal] = field(default_factory=dict)
    own: dict[Unit, Decimal] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)

    def take(self, part: Part, spend: Decimal) -> None:
        self.spend = (self.spend or ZERO) + spend
        self.by_month[part.at] = self.by_month.get(part.at, ZERO) + spend
        basis, by_day = part.kind.basis, part.kind.span == "day"
        self.bases[basis] = self.bases.get(basis, ZERO) + spend
        if by_day:
            self.dated = (self.dated or ZERO) + spend
        else:
            self.undated = (self.undated or ZERO) + spend
        if part.provisional:
            self.open = True
            if by_day:
                self.open_months.add(part.at)

    def drawn(self, *, months: bool) -> Decimal | None:
        """What the chart shows of it."""
        return self.spend if months else self.dated


@dataclass(slots=True)
class Days:
    """What a layer of the chart spent by day, in one unit; `open` are the days that may still change."""

    spend: dict[date, Decimal] = field(default_factory=dict)
    open: set[date] = field(default_factory=set)


@dataclass(slots=True)
class Told:
    """Everything that the rollups tell of a period: by (group, unit), and what is used by group. Without `rates` every
    unit stands by itself; `used` are the rates that something was converted by, by unit and month."""

    rates: Rates | None = None
    sums: dict[tuple[Any, Unit], Sums] = field(default_factory=lambda: defaultdict(Sums))
    before: dict[tuple[Any, Unit], Decimal] = field(default_factory=dict)
    tokens: dict[Any, int] = field(default_factory=dict)
    unpriced: dict[Any, tuple[int | None, int | None]] = field(default_factory=dict)
    used: dict[tuple[Unit, date], Rate] = field(default_factory=dict)
    _main: Unit = field(init=False)
    _worth: dict[tuple[Unit, date], Rate | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._main = Unit(self.rates.currency if self.rates is not None else "")

    def take(self, parts: Iterable[Part]) -> "Told":
        """What the period has."""
        with localcontext(EXACT):
            for part in parts:
                self._take(part)
        return self

    def compare(self, earlier: Iterable[Earlier]) -> "Told":
        """What the one before it had."""
        with localcontext(EXACT):
            for one in earlier:
                rate = self._rate(one.unit, one.at)
                place = (one.group, one.unit if rate is None else self._main)
                spend = one.spend if rate is None else one.spend * rate.value
                self.before[place] = self.before.get(place, ZERO) + spend
        return self

    def _take(self, part: Part) -> None:
        if part.spend is not None:
            self._spent(part, part.spend)
        if part.tokens is not None:
            self.tokens[part.group] = self.tokens.get(part.group, 0) + part.tokens
        if part.kind.basis == "unpriced" and (part.tokens or part.requests):
            tokens, requests = self.unpriced.get(part.group, (None, None))
            self.unpriced[part.group] = plus(tokens, part.tokens), plus(requests, part.requests)

    def _spent(self, part: Part, spend: Decimal) -> None:
        unit = part.kind.unit
        rate = self._rate(unit, part.at)
        if rate is None:
            self.sums[(part.group, unit)].take(part, spend)
            return
        sums = self.sums[(part.group, self._main)]
        sums.take(part, spend * rate.value)
        sums.own[unit] = sums.own.get(unit, ZERO) + spend
        sums.sources.add(rate.source)

    def _rate(self, unit: Unit, month: date) -> Rate | None:
        """What it converts by; None where it stands as it is."""
        place = (unit, month)
        try:
            return self._worth[place]
        except KeyError:
            pass
        rate = self.rates.of(unit, month) if self.rates is not None and unit != self._main else None
        if rate is not None:
            self.used[place] = rate
        self._worth[place] = rate
        return rate

    def units_in(self, unit: Unit) -> list[Unit]:
        """The units whose money is told in that one: itself, and what converts into it."""
        return sorted({own for (own, _), rate in self._worth.items() if unit == (own if rate is None else self._main)})

    def days(self, bars: Iterable[Bar], unit: Unit) -> defaultdict[int, Days]:
        """What the layers of the chart spent in that unit, converted as everything else is."""
        found: defaultdict[int, Days] = defaultdict(Days)
        month_of = cache(lambda day: day.replace(day=1))
        with localcontext(EXACT):
            for layer, at, own, amount, is_open in bars:
                rate = self._rate(own, month_of(at))
                if unit != (own if rate is None else self._main):
                    continue
                days, spend = found[layer], amount if rate is None else amount * rate.value
                days.spend[at] = days.spend.get(at, ZERO) + spend
                if is_open:
                    days.open.add(at)
        return found

    def has(self, unit: Unit) -> bool:
        """Whether anything was spent in it, now or before."""
        return any(at == unit for _group, at in (*self.sums, *self.before))

    def totals(self) -> dict[Unit, Decimal]:
        """What was spent, by unit."""
        return _added((at, one.spend) for (_group, at), one in self.sums.items() if one.spend is not None)

    def totals_before(self) -> dict[Unit, Decimal]:
        """What was spent before, by unit."""
        return _added((at, amount) for (_group, at), amount in self.before.items())

    def totals_own(self, unit: Unit) -> dict[Unit, Decimal]:
        """What was converted into that unit, by its own units."""
        found = _added(own for (_group, at), one in self.sums.items() if at == unit for own in one.own.items())
        return dict(sorted(found.items()))

    def bases(self, unit: Unit) -> dict[str, Decimal]:
        """What was spent in that unit, by the basis that it stands on."""
        return _added(told for (_group, at), one in self.sums.items() if at == unit for told in one.bases.items())


def units_told(places: Iterable[tuple[Any, Unit]]) -> list[Unit]:
    """The unit that most groups are told in first."""
    counts: dict[Unit, int] = defaultdict(int)
    for _group, unit in set(places):
        counts[unit] += 1
    return sorted(counts, key=lambda unit: (-counts[unit], unit))
