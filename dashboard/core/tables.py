"""Tables that sort, page and let the reader choose columns, with everything they were asked for in the address.

A page declares its columns once; `Table.read` takes the reader's wishes from the query string and ignores what it does
not know, so that a mistyped address still shows the table. Paging is by keyset: a cursor names the last row's sort
values and its id, and the next page begins behind them, whatever was inserted or removed meanwhile.
"""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from dashboard.core.addresses import Chip, address, kept
from dashboard.core.cursors import Cursor, Order, beyond, compare, cursor_read, cursor_text, terms

Getter = Callable[[Any, str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. It sorts when it has an `order`; `falling` says that its first click puts the largest on top."""

    name: str
    label: Any
    order: tuple[Order, ...] = ()
    numeric: bool = False
    falling: bool = False
    shown: bool = True
    always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns of a table with the DOM id `name`; `sort` is the column that orders it unless the reader chooses, or
    "" for the order of ids (`key`)."""

    name: str
    columns: Sequence[Column]
    size: int = 50
    sort: str = ""
    falling: bool = False
    key: str = "pk"

    def read(self, query: QueryDict) -> "TableView":
        """The table as the address asks for it."""
        by_name = {one.name: one for one in self.columns}
        asked = by_name.get(query.get("sort", ""))
        chosen, falling = by_name.get(self.sort), self.falling
        if asked is not None and asked.order:
            chosen = asked
            falling = {"up": False, "down": True}.get(query.get("dir", ""), asked.falling)
        orders = chosen.order if chosen is not None else ()
        after, before = (cursor_read(query.get(way, ""), orders) for way in ("after", "before"))
        return TableView(
            table=self,
            sort=chosen,
            falling=falling,
            after=after,
            before=None if after is not None else before,
            shown=self._shown(query),
            query=query,
        )

    def _shown(self, query: QueryDict) -> frozenset[str]:
        """The columns to show: those that are always there, and those chosen; without a choice the usual ones."""
        always = {one.name for one in self.columns if one.always}
        known = {one.name for one in self.columns} - always
        told = query.getlist("cols")
        chosen = known & set(told)
        if not chosen and "" not in told:
            chosen = {one.name for one in self.columns if one.shown} - always
        return frozenset(always | chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One head of a column: `url` sorts by it (the other way round when it sorts already), "" where nothing sorts."""

    name: str
    label: Any
    numeric: bool
    url: str
    aria_sort: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The rows of one page, and where the neighbouring pages are; "" at the ends."""

    rows: Sequence[Any]
    next_url: str
    previous_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A table as one reader asked for it. Templates ask `view.shows.<column>` and walk `view.heads`."""

    table: Table
    sort: Column | None
    falling: bool
    after: Cursor | None
    before: Cursor | None
    shown: frozenset[str]
    query: QueryDict = field(repr=False)
    shows: dict[str, bool] = field(init=False, repr=False, compare=False)
    heads: list[Head] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every cell of every row asks, and every part of a table how many columns it spans.
        object.__setattr__(self, "shows", {one.name: one.name in self.shown for one in self.table.columns})
        object.__setattr__(self, "heads", [self._head(one) for one in self.table.columns if one.name in self.shown])

    @property
    def name(self) -> str:
        return self.table.name

    def _head(self, column: Column) -> Head:
        here = self.sort is not None and self.sort.name == column.name
        falling = not self.falling if here else column.falling
        return Head(
            name=column.name,
            label=column.label,
            numeric=column.numeric,
            url=address(self.query, sort=column.name, dir="down" if falling else "up") if column.order else "",
            aria_sort=("descending" if self.falling else "ascending") if here else "",
        )

    @property
    def sorts(self) -> list[Chip]:
        """The orders to choose from where there are no heads, on a phone."""
        here = self.sort.name if self.sort is not None else ""
        return [
            Chip(
                label=one.label,
                url=address(self.query, sort=one.name, dir="down" if one.falling else "up"),
                pressed=one.name == here,
            )
            for one in self.table.columns
            if one.order
        ]

    @property
    def choices(self) -> list[dict[str, Any]]:
        """What the column chooser offers."""
        return [
            {"name": one.name, "label": one.label, "chosen": one.name in self.shown}
            for one in self.table.columns
            if not one.always
        ]

    @property
    def kept_beside_columns(self) -> list[tuple[str, str]]:
        """What the column chooser's form carries on."""
        return kept(self.query, "cols")

    @property
    def columns_url(self) -> str:
        """The same table with its usual columns."""
        return address(self.query, cols=None)

    def _goes_on(self, way: str, place: str) -> str:
        """The neighbouring page: this address with another place."""
        return f"{address(self.query)}&{urlencode({way: place})}".replace("?&", "?")

    # --- paging -----------------------------------------------------------------------------------------------------

    @property
    def _orders(self) -> tuple[Order, ...]:
        return self.sort.order if self.sort is not None else ()

    def page_of(self, rows: QuerySet[Any]) -> Page:
        """One page of a QuerySet. What a column orders by is a field or an annotation of it."""
        backwards = self.before is not None
        cursor = self.before if backwards else self.after
        order = terms(self._orders, self.table.key, falling=self.falling, backwards=backwards)
        chosen = rows if cursor is None else rows.filter(self._beyond(cursor, backwards))
        found = list(chosen.order_by(*order)[: self.table.size + 1])
        if cursor is not None and not found:
            return self._anew.page_of(rows)
        return self._page(found, backwards=backwards, value=getattr)

    def page_of_list(self, rows: Sequence[Any], value: Getter = operator.getitem) -> Page:
        """One page of rows that are at hand; `value` takes an entry out of a row."""

        def key(row: Any) -> Cursor:
            return tuple(value(row, name) for name in self._names)

        backwards = self.before is not None
        cursor = self.before if backwards else self.after
        ordered = self._ordered(rows, value)
        if backwards:
            ordered.reverse()
        if cursor is not None:
            side = -1 if backwards else 1
            ordered = [row for row in ordered if compare(key(row), cursor, self.falling) == side]
            if not ordered:
                return self._anew.page_of_list(rows, value)
        return self._page(ordered[: self.table.size + 1], backwards=backwards, value=value)

    def _ordered(self, rows: Sequence[Any], value: Getter) -> list[Any]:
        """From the last value to the first, each sort keeps what the one before it said: as `compare` orders them."""
        ordered = list(rows)
        for name in reversed(self._names):
            values = [(value(row, name), row) for row in ordered]
            known = [one for one in values if one[0] is not None]
            known.sort(key=operator.itemgetter(0), reverse=self.falling)
            ordered = [row for _value, row in (*known, *(one for one in values if one[0] is None))]
        return ordered

    def all_in_order(self, rows: Sequence[Any], value: Getter = operator.getitem) -> Sequence[Any]:
        """All of these rows as the table orders them: for a file, which has no pages."""
        return self._ordered(rows, value)

    def _beyond(self, cursor: Cursor, backwards: bool) -> Q:
        return beyond(cursor, self._orders, self.table.key, falling=self.falling, backwards=backwards)

    @property
    def _anew(self) -> "TableView":
        """The first page, where nothing is left behind the cursor."""
        return replace(self, after=None, before=None)

    @property
    def _names(self) -> list[str]:
        return [*(one.name for one in self._orders), self.table.key]

    def _page(self, found: list[Any], *, backwards: bool, value: Getter) -> Page:
        more = len(found) > self.table.size
        rows = found[: self.table.size]
        if backwards:
            rows.reverse()
        # Whoever came forward can go back, and the other way round.
        onward = bool(rows) and (backwards or more)
        backward = bool(rows) and (more if backwards else self.after is not None)

        def place(row: Any) -> str:
            return cursor_text(tuple(value(row, name) for name in self._names), self._orders)

        return Page(
            rows=rows,
            next_url=self._goes_on("after", place(rows[-1])) if onward else "",
            previous_url=self._goes_on("before", place(rows[0])) if backward else "",
        )
