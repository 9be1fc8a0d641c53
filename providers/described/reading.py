"""From the answers of described calls to records, by the same strict readers that adapters use."""

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from providers.described.matching import Budget, search
from providers.described.shape import DEFAULTS, RECORDS, REQUIRED, SPANS, WORDS, Call, Value, exactly
from providers.errors import PayloadError
from providers.parse import boolean, decimal, instant, text, unix_millis, unix_seconds
from providers.records import CostBucket, Record, UsageBucket
from providers.spec import Capability, Window

SHOWN_HINT = 4
SUMMED = (
    *("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "requests"),
    *("cost", "amount"),
)


def records_of(
    call: Call, capability: Capability, documents: list[Any], window: Window, budget: Budget
) -> list[Record]:
    """The records in these answers, those outside of the asked span left out, rows of one bucket added up where the
    description says so. Raises PayloadError."""
    first, end = whole_span(call, window)
    found: dict[Any, Record] = {}
    records: list[Record] = []
    for row in _rows(call, documents, budget):
        record = _record(call, capability, row, budget)
        if isinstance(record, UsageBucket | CostBucket):
            if not first <= record.start < end:
                continue
            if call.add_up:
                known = found.get(record.key)
                found[record.key] = record if known is None else _sum(known, record)
                continue
        records.append(record)
    return [*records, *found.values()]


def _rows(call: Call, documents: list[Any], budget: Budget) -> Iterator[Any]:
    seen = set[Any]()
    for document in documents:
        # Without `rows` an answer is one row, whatever it is.
        rows = [document] if call.rows is None else search(call.rows, document, budget)
        if rows is None:
            raise PayloadError(f"{call.where}.rows: there is nothing at that place of the answer.")
        for row in rows if isinstance(rows, list) else [rows]:
            if call.distinct is not None:
                mark = search(call.distinct, row, budget)
                if mark is None or isinstance(mark, dict | list):
                    raise PayloadError(f"{call.where}.distinct: a row has nothing to be told by.")
                if mark in seen:
                    continue
                seen.add(mark)
            yield row


def _record(call: Call, capability: Capability, row: Any, budget: Budget) -> Record:
    told: dict[str, Any] = dict(DEFAULTS.get(capability, {}))
    for name, value in call.fields.items():
        found = read_value(value, row, call.zone, budget)
        if found is None and name in REQUIRED[capability]:
            raise PayloadError(f"{value.where}: there is nothing at that place of the answer.")
        if found is None:
            continue
        known = WORDS.get((capability, name))
        if known and found not in known:
            raise PayloadError(f"{value.where}: the answer holds a word that the description does not know.")
        told[name] = found
    if capability == "keys" and "hint" in told:
        told["hint"] = masked(told["hint"])
    if call.span:
        told["start"] = floor(told["start"], call.span, call.zone)
        told["end"] = ceiling(told["start"] + timedelta(microseconds=1), call.span, call.zone)
    elif "start" in call.fields and told.get("end") is None:
        raise PayloadError(f"{call.where}.fields.end: there is nothing at that place of the answer.")
    if told.get("cost") is not None and told.get("unit") is None:
        raise PayloadError(f"{call.where}.fields.unit: a cost came without its unit.")
    return RECORDS[capability](**told)


def masked(hint: str) -> str:
    """What may be shown of a key that a list names: a list may hold whole keys."""
    return f"…{hint[-SHOWN_HINT:]}" if len(hint) > 3 * SHOWN_HINT else ""


def read_value(value: Value, row: Any, zone: ZoneInfo | None, budget: Budget) -> Any:
    """What a field of a record is, None where the answer says nothing. Raises PayloadError, naming the field alone."""
    if value.parts:
        parts = {name: read_value(one, row, zone, budget) for name, one in value.parts.items()}
        return {name: one for name, one in parts.items() if one is not None}
    if value.at is None:
        return value.constant
    found = search(value.at, row, budget)
    if found is None:
        return None
    if value.kind in ("number", "whole"):
        return _number(value, found, row, budget)
    if value.kind == "time":
        return _time(found, value.format, zone, value.where)
    if value.kind == "boolean":
        return boolean(found, value.where)
    if isinstance(found, int) and not isinstance(found, bool):
        found = str(found)  # ids and states are often numbers
    said = text(found, value.where)
    return value.words.get(said, said) if value.words else said


def _number(value: Value, found: Any, row: Any, budget: Budget) -> Decimal | int | None:
    number = decimal(found, value.where)
    taken: Any = Decimal(0)
    if value.minus is not None:
        taken = read_value(value.minus, row, None, budget)
        if taken is None:
            return None  # less something unknown is unknown
    try:
        context = exactly()
        number = context.subtract(context.multiply(number, value.factor), taken)
    except ArithmeticError:
        raise PayloadError(f"{value.where} has too many digits to be reckoned with exactly.") from None
    if value.kind == "number":
        return number
    if number != number.to_integral_value():
        raise PayloadError(f"{value.where} is not a whole number.")
    return int(number)


def _time(found: Any, form: str, zone: ZoneInfo | None, where: str) -> datetime:
    if form == "unix":
        return unix_seconds(found, where)
    if form == "unix_ms":
        return unix_millis(found, where)
    said = text(found, where).strip()
    try:
        if form == "day":
            day = date.fromisoformat(said[:10])
            return datetime(day.year, day.month, day.day, tzinfo=zone or UTC).astimezone(UTC)
        moment = datetime.fromisoformat(said)
        if moment.tzinfo is None and zone is not None:
            return moment.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):  # also what only `instant` understands
        pass
    return instant(said, where)


# --- Buckets ----------------------------------------------------------------------------------------------------


def whole_span(call: Call, window: Window) -> tuple[datetime, datetime]:
    """The window, widened to whole buckets: half of one would be landed as if it were all of it."""
    span = "day" if call.window_format == "day" and call.span != "day" else call.span
    if not span:
        return window.start, window.end
    return floor(window.start, span, call.zone), ceiling(window.end, span, call.zone)


def floor(moment: datetime, span: str, zone: ZoneInfo | None) -> datetime:
    """The beginning of the bucket that holds a moment, in UTC. Days are those of `zone`."""
    local = moment.astimezone(zone or UTC).replace(second=0, microsecond=0)
    if span != "minute":
        local = local.replace(minute=0)
    if span == "day":
        local = local.replace(hour=0)
    return local.astimezone(UTC)


def ceiling(moment: datetime, span: str, zone: ZoneInfo | None) -> datetime:
    """The moment itself where a bucket begins, else the beginning of the next one. A day may have 23 or 25 hours."""
    start = floor(moment, span, zone)
    if start == moment:
        return start
    if span != "day":
        return start + SPANS[span]
    local = (start.astimezone(zone or UTC) + timedelta(days=1)).replace(tzinfo=None)
    return local.replace(tzinfo=zone or UTC).astimezone(UTC)


def _sum(one: Any, other: Any) -> Record:
    """Two rows of one bucket as one. What neither tells stays unknown."""
    told: dict[str, Any] = {}
    for name in SUMMED:
        known = [part for part in (getattr(one, name, None), getattr(other, name, None)) if part is not None]
        if known:
            told[name] = sum(known[1:], known[0])
    if isinstance(one, UsageBucket):
        told["quantities"] = _sum_parts(one.quantities, other.quantities)
    return replace(one, **told)


def _sum_parts(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in sorted(one.keys() | other.keys())}
