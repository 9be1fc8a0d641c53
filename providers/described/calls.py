"""Reading the part of a description that says how a capability is read: its GETs, its fields, its paging."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, Inexact
from typing import Any
from zoneinfo import ZoneInfo

from providers.described.notes import Notes
from providers.described.shape import (
    DECIMAL,
    FIELDS,
    FIGURES,
    HEADER,
    HOLE,
    LONGEST_CHUNK_DAYS,
    LONGEST_HISTORY_DAYS,
    LONGEST_INTERVAL,
    NAME,
    PARAMETER,
    PATH,
    PRINTABLE,
    REQUIRED,
    RESERVED_HEADERS,
    SHORTEST_INTERVAL,
    SPANS,
    TIME_FORMATS,
    TIMED,
    WORDS,
    Call,
    Get,
    Kind,
    Paging,
    Value,
    exactly,
)
from providers.spec import Capability, Field

GET = {"base", "path", "query"}
COMMON = GET | {"secrets", "headers", "also", "ok", "when_not_ok", "zone"}
READING = COMMON | {"rows", "distinct", "fields", "paging", "interval_seconds", "window_format"}
SPANNING = READING | {"span", "add_up", "history_days", "chunk_days"}
WINDOW_HOLES = ("start", "end", "last")
MOST_ALSO, MOST_QUERY, MOST_HEADERS, MOST_WORDS, MOST_PARTS = 2, 15, 5, 20, 20


class CallReader:
    """Reads calls against the base URLs and the fields that the document declares."""

    def __init__(self, notes: Notes, bases: Sequence[str], fields: Sequence[Field]) -> None:
        self.notes = notes
        self.bases = bases
        self.secrets = {field.name: field for field in fields if field.secret}
        self.open = {field.name for field in fields if not field.secret}

    def capability(self, part: Mapping[str, Any], where: str, name: Capability) -> tuple[Call, dict[str, int]]:
        """The call, and how often and how far back it is made."""
        timed = name in TIMED
        self.notes.only(part, where, frozenset(SPANNING if timed else READING))
        fields = self._fields(self.notes.mapping(part, where, "fields"), f"{where}.fields", name)
        span = self.notes.choice(part, where, "span", ("", *SPANS), "")
        if timed and not span and "end" not in fields:
            self.notes.add(f"{where}.span", f"Say how long a bucket is ({', '.join(SPANS)}), or where its end stands.")
        call = self._call(part, where, fields=fields, span=span, windowed=timed)
        if call.also and call.paging:
            self.notes.add(f"{where}.also", "An answer of several pages cannot be put beside others.")
        polls = {
            "interval": self.notes.number(
                part, where, "interval_seconds", SHORTEST_INTERVAL, LONGEST_INTERVAL, 3600 if timed else 600
            ),
            "history": self.notes.number(part, where, "history_days", 1, LONGEST_HISTORY_DAYS, 30) if timed else 0,
            "chunk": self.notes.number(part, where, "chunk_days", 1, LONGEST_CHUNK_DAYS, 7) if timed else 0,
        }
        return call, polls

    def check(self, part: Mapping[str, Any]) -> tuple[Call, dict[str, Any]]:
        """The call that proves a key, and where the account's id and name stand in its answer."""
        self.notes.only(part, "check", frozenset(COMMON | {"account_id", "account_name"}))
        found = {name: self.notes.expression(part, "check", name) for name in ("account_id", "account_name")}
        return self._call(part, "check", fields={}, span="", windowed=False), found

    def _call(
        self, part: Mapping[str, Any], where: str, *, fields: Mapping[str, Value], span: str, windowed: bool
    ) -> Call:
        also = self.notes.mapping(part, where, "also")
        if len(also) > MOST_ALSO or not all(NAME.fullmatch(name) and name != "answer" for name in also):
            self.notes.add(f"{where}.also", f"At most {MOST_ALSO} more calls, each under a lower-case name.")
            also = {}
        more = {}
        for name in also:
            beside = self.notes.mapping(also, f"{where}.also", name)
            self.notes.only(beside, f"{where}.also.{name}", frozenset(GET))
            more[name] = self._get(beside, f"{where}.also.{name}", windowed)
        return Call(
            where=where,
            get=self._get(part, where, windowed),
            also=more,
            headers=self._headers(part, where),
            secrets=self._sent(part, where),
            ok=self.notes.expression(part, where, "ok"),
            refused=self.notes.choice(part, where, "when_not_ok", ("retry", "refused"), "retry") == "refused",
            rows=self.notes.expression(part, where, "rows"),
            distinct=self.notes.expression(part, where, "distinct"),
            fields=fields,
            paging=self._paging(part, where),
            span=span,
            add_up=self.notes.flag(part, where, "add_up"),
            window_format=self.notes.choice(part, where, "window_format", TIME_FORMATS, "iso"),
            zone=self._zone(part, where),
        )

    # --- Where it goes, and with what ---------------------------------------------------------------------------

    def _get(self, part: Mapping[str, Any], where: str, windowed: bool) -> Get:
        base = self.notes.number(part, where, "base", 0, max(0, len(self.bases) - 1), 0)
        path = self.notes.text(part, where, "path", most=300, required=True)
        if path and not PATH.fullmatch(path):
            self.notes.add(
                f"{where}.path",
                "A path begins with / and has plain segments, or {field} as a whole one: /api/{user_id}/usage. "
                "The host comes from the base URLs alone.",
            )
            path = ""
        for hole in HOLE.findall(path):
            if hole not in self.open:
                self.notes.add(f"{where}.path", f"There is no open field {hole}. A secret never stands in an address.")
        url = f"{self.bases[base]}{path}" if base < len(self.bases) else ""
        return Get(url=url, query=tuple(self._query(part, where, windowed)))

    def _query(self, part: Mapping[str, Any], where: str, windowed: bool) -> Iterable[tuple[str, str]]:
        query = self.notes.mapping(part, where, "query")
        if len(query) > MOST_QUERY:
            self.notes.add(f"{where}.query", f"At most {MOST_QUERY} parameters.")
            return
        for name, value in query.items():
            place = f"{where}.query.{name}" if PARAMETER.fullmatch(name) else f"{where}.query"
            if place == f"{where}.query":
                self.notes.add(place, "A parameter's name has letters, digits, dots, brackets and dashes.")
            if not isinstance(value, str) or len(value) > 200 or not PRINTABLE.fullmatch(value):
                self.notes.add(place, "This is text with at most 200 characters.")
                continue
            hole = HOLE.fullmatch(value)
            known = {*self.open, *(WINDOW_HOLES if windowed else ())}
            if hole and hole[1] not in known:
                self.notes.add(place, "In braces stands an open field" + (", start, end or last." if windowed else "."))
            elif not hole and ("{" in value or "}" in value):
                self.notes.add(place, "A field stands alone: {start}. It is not a part of a longer text.")
            yield name, value

    def _headers(self, part: Mapping[str, Any], where: str) -> tuple[tuple[str, str], ...]:
        headers = self.notes.mapping(part, where, "headers")
        taken = {field.header.lower() for field in self.secrets.values()}
        for name, value in headers.items():
            wrong = not HEADER.fullmatch(name) or RESERVED_HEADERS.fullmatch(name) or name.lower() in taken
            if wrong or not isinstance(value, str) or not 0 < len(value) <= 200 or not value.isascii():
                self.notes.add(f"{where}.headers", "Constant headers only, none that the connection or a key needs.")
            elif not value.isprintable() or value != value.strip():
                self.notes.add(f"{where}.headers", "A header's value is one line of plain text.")
        if len(headers) > MOST_HEADERS:
            self.notes.add(f"{where}.headers", f"At most {MOST_HEADERS} headers.")
        return tuple((name, str(value)) for name, value in headers.items())

    def _sent(self, part: Mapping[str, Any], where: str) -> tuple[str, ...]:
        """The secrets that this call carries: the first declared one unless it says otherwise."""
        told = part.get("secrets", list(self.secrets)[:1])
        if not isinstance(told, list) or not all(isinstance(name, str) and name in self.secrets for name in told):
            self.notes.add(f"{where}.secrets", "This is a list of names of declared secrets.")
            return ()
        headers = [self.secrets[name].header.lower() for name in told]
        if len(set(headers)) < len(headers):
            self.notes.add(f"{where}.secrets", "Two secrets cannot go into one header.")
        return tuple(told)

    def _paging(self, part: Mapping[str, Any], where: str) -> Paging | None:
        if part.get("paging") is None:
            return None
        paging, place = self.notes.mapping(part, where, "paging"), f"{where}.paging"
        self.notes.only(paging, place, frozenset({"parameter", "first", "size", "size_parameter", "cursor"}))
        for name in ("parameter", "size_parameter"):
            text = self.notes.text(paging, place, name, most=60, required=name == "parameter")
            if text and not PARAMETER.fullmatch(text):
                self.notes.add(f"{place}.{name}", "This is the name of a query parameter.")
        if "cursor" not in paging and not part.get("rows"):
            self.notes.add(f"{where}.rows", "Pages are counted until one has no rows: say where the rows stand.")
        return Paging(
            parameter=str(paging.get("parameter", "")),
            first=self.notes.number(paging, place, "first", 0, 1, 1),
            size=self.notes.number(paging, place, "size", 0, 10_000, 0),
            size_parameter=str(paging.get("size_parameter", "")),
            cursor=self.notes.expression(paging, place, "cursor"),
        )

    def _zone(self, part: Mapping[str, Any], where: str) -> ZoneInfo | None:
        name = self.notes.text(part, where, "zone", most=40)
        if not name:
            return None
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, LookupError):  # ZoneInfoNotFoundError is a KeyError
            self.notes.add(f"{where}.zone", "This is the name of a time zone such as UTC or Asia/Shanghai.")
            return None

    # --- What is found in the answer ----------------------------------------------------------------------------

    def _fields(self, part: Mapping[str, Any], where: str, name: Capability) -> dict[str, Value]:
        known = FIELDS[name]
        self.notes.only(part, where, frozenset(known))
        needed = [*REQUIRED[name], *(("unit",) if name == "usage" and "cost" in part else ())]
        needed += ["price_unit"] if name == "models" and "prices" in part else []
        for missing in needed:
            if missing not in part:
                self.notes.add(f"{where}.{missing}", "This is missing: say where it stands in the answer.")
        figures = FIGURES.get(name, ())
        if figures and not set(figures) & set(part):
            self.notes.add(where, f"Say where at least one of these stands: {', '.join(figures)}.")
        return {
            field: self._value(told, f"{where}.{field}", known[field], WORDS.get((name, field), ()))
            for field, told in part.items()
            if field in known
        }

    def _value(self, told: Any, where: str, kind: Kind, words: Sequence[str], depth: int = 0) -> Value:
        if kind == "numbers":
            return self._parts(told, where)
        part: Mapping[str, Any] = {"at": told} if isinstance(told, str) else told
        if not isinstance(part, Mapping) or ("at" in part) == ("is" in part):
            self.notes.add(where, 'Write an expression, {"at": "an.expression", ...} or {"is": "a constant"}.')
            return Value(where=where, kind=kind)
        if "is" in part:
            return self._constant(part, where, kind, words)
        number = kind in ("number", "whole")
        more = {"scale", "divide_by", "minus"} if number else {"format"} if kind == "time" else set()
        self.notes.only(part, where, frozenset({"at", *more, *({"words"} if words else ())}))
        minus = part.get("minus") if number else None
        if minus is not None and depth:
            self.notes.add(f"{where}.minus", "Only one amount is taken away.")
            minus = None
        return Value(
            where=where,
            kind=kind,
            at=self.notes.expression(part, where, "at"),
            factor=self._factor(part, where),
            minus=None if minus is None else self._value(minus, f"{where}.minus", kind, (), depth + 1),
            format=self.notes.choice(part, where, "format", TIME_FORMATS, "iso"),
            words=self._words(part, where, words),
        )

    def _parts(self, told: Any, where: str) -> Value:
        """Several numbers by name, such as prices."""
        if not isinstance(told, Mapping) or not 0 < len(told) <= MOST_PARTS:
            self.notes.add(where, f'Write at most {MOST_PARTS} numbers by name: {{"input": "price.input"}}.')
            return Value(where=where, kind="numbers")
        for name in told:
            if not isinstance(name, str) or not NAME.fullmatch(name):
                self.notes.add(where, "A number's name is a lower-case word.")
                return Value(where=where, kind="numbers")
        parts = {name: self._value(one, f"{where}.{name}", "number", ()) for name, one in told.items()}
        return Value(where=where, kind="numbers", parts=parts)

    def _constant(self, part: Mapping[str, Any], where: str, kind: Kind, words: Sequence[str]) -> Value:
        self.notes.only(part, where, frozenset({"is"}))
        value = part["is"]
        if kind == "boolean":
            if not isinstance(value, bool):
                self.notes.add(f"{where}.is", "This is true or false.")
        elif kind not in ("text", "unit"):
            self.notes.add(f"{where}.is", "A figure comes from the answer: say where it stands.")
        elif not isinstance(value, str) or not 0 < len(value) <= 60 or not PRINTABLE.fullmatch(value):
            self.notes.add(f"{where}.is", "This is text with at most 60 characters.")
        elif words and value not in words:
            self.notes.add(f"{where}.is", f"This is one of: {', '.join(words)}.")
        return Value(where=where, kind=kind, constant=value)

    def _factor(self, part: Mapping[str, Any], where: str) -> Decimal:
        """What a number is multiplied by: exact, so written as text, and never a division that does not come out."""
        factor = Decimal(1)
        for name in ("scale", "divide_by"):
            value = part.get(name)
            if value is None:
                continue
            if not isinstance(value, str) or not DECIMAL.fullmatch(value) or not Decimal(value):
                self.notes.add(f"{where}.{name}", 'This is a number in quotes, and not 0: "0.01", "500000".')
                continue
            try:
                context = exactly()
                number = Decimal(value)
                factor = context.multiply(factor, number) if name == "scale" else context.divide(factor, number)
            except Inexact:
                self.notes.add(f"{where}.{name}", "This division does not come out even for every number.")
        return factor

    def _words(self, part: Mapping[str, Any], where: str, words: Sequence[str]) -> dict[str, str]:
        told = self.notes.mapping(part, where, "words")
        if len(told) > MOST_WORDS or not all(isinstance(one, str) and one in words for one in told.values()):
            self.notes.add(f"{where}.words", f"Each of at most {MOST_WORDS} texts means one of: {', '.join(words)}.")
            return {}
        return dict(told)
