"""What a description may say of each capability: its fields, their kinds, and which of them there must be."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Clamped, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, Underflow
from typing import Any, Literal
from zoneinfo import ZoneInfo

from providers.described.matching import Expression
from providers.records import Balance, CostBucket, Model, ProviderKey, Quota, UsageBucket
from providers.spec import Capability

VERSION = 1
VERSION_KEY = "purser_provider"
MOST_BYTES = 64 * 1024
MOST_TEXT = 500
SHORTEST_INTERVAL, LONGEST_INTERVAL = 60, 7 * 86_400
LONGEST_HISTORY_DAYS, LONGEST_CHUNK_DAYS = 400, 92

Kind = Literal["text", "number", "whole", "boolean", "time", "unit", "numbers"]

# Names that the forms in which values are entered, and the query, have taken already.
RESERVED_NAMES = frozenset(
    {
        *("label", "same_account", "action", "csrfmiddlewaretoken", "start", "end", "last"),
        *("document", "capability", "version", "text", "agreed"),
    }
)
# Headers that belong to the connection or to the transport, and those that say where a request comes from.
RESERVED_HEADERS = re.compile(
    r"(?i)(host|content-.*|transfer-encoding|connection|keep-alive|te|trailer|upgrade|expect|accept-encoding|"
    r"user-agent|cookie|proxy-.*|forwarded|x-forwarded-.*|via|x-http-method.*|x-real-ip)"
)
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
HEADER = re.compile(r"[A-Za-z0-9-]{1,60}")
PREFIX = re.compile(r"[\x21-\x7e][\x20-\x7e]{0,38}|")
PARAMETER = re.compile(r"[A-Za-z0-9_.\[\]-]{1,60}")
PRINTABLE = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
HOLE = re.compile(r"\{([a-z][a-z0-9_]{0,39})\}")
# A path from the root: plain segments, or a segment that is one field as a whole. No dots alone, no doubled slashes,
# no percent signs, nothing that anybody could take for a host.
PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|$))(?:[A-Za-z0-9._~:+-]{1,100}|\{[a-z][a-z0-9_]{0,39}\})){1,20}/?|/")
BASE_URL = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)(?::(\d{1,5}))?"
    r"((?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]{1,100}){0,10})/?"
)
DECIMAL = re.compile(r"-?\d{1,20}(\.\d{1,20})?")

SPANS: Mapping[str, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
TIME_FORMATS = ("iso", "unix", "unix_ms", "day")

FIELDS: Mapping[Capability, Mapping[str, Kind]] = {
    "balance": {
        "name": "text",
        "kind": "text",
        "amount": "number",
        "unit": "unit",
        "granted": "number",
        "expires_at": "time",
        "usable": "boolean",
        "basis": "text",
    },
    "quota": {
        "name": "text",
        "unit": "unit",
        "used": "number",
        "limit": "number",
        "remaining": "number",
        "percent_used": "number",
        "window": "text",
        "resets_at": "time",
        "scope": "text",
    },
    "usage": {
        "start": "time",
        "end": "time",
        "model": "text",
        "provider_key": "text",
        "project": "text",
        "user": "text",
        "tier": "text",
        "endpoint": "text",
        "input_tokens": "whole",
        "cached_input_tokens": "whole",
        "cache_write_tokens": "whole",
        "output_tokens": "whole",
        "reasoning_tokens": "whole",
        "requests": "whole",
        "quantities": "numbers",
        "cost": "number",
        "unit": "unit",
    },
    "cost": {
        "start": "time",
        "end": "time",
        "amount": "number",
        "unit": "unit",
        "model": "text",
        "line_item": "text",
        "project": "text",
        "provider_key": "text",
        "category": "text",
    },
    "keys": {
        "id": "text",
        "name": "text",
        "hint": "text",
        "project": "text",
        "state": "text",
        "created_at": "time",
        "expires_at": "time",
        "last_used_at": "time",
        "limit": "number",
    },
    "models": {"id": "text", "name": "text", "context": "whole", "prices": "numbers", "price_unit": "unit"},
}
REQUIRED: Mapping[Capability, tuple[str, ...]] = {
    "balance": ("amount", "unit"),
    "quota": ("unit",),
    "usage": ("start",),
    "cost": ("start", "amount", "unit"),
    "keys": ("id",),
    "models": ("id",),
}
# Of these at least one is described: a record without any of them says nothing.
FIGURES: Mapping[Capability, tuple[str, ...]] = {
    "quota": ("used", "limit", "remaining", "percent_used"),
    "usage": (
        *("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests", "quantities"),
        "cost",
    ),
}
DEFAULTS: Mapping[Capability, Mapping[str, str]] = {
    "balance": {"name": "Balance", "kind": "prepaid"},
    "quota": {"name": "Quota"},
}
# Fields with few possible values: what a constant may be, and what an answer may be mapped to.
WORDS: Mapping[tuple[Capability, str], tuple[str, ...]] = {
    ("balance", "kind"): ("prepaid", "granted", "credit_line", "owed"),
    ("balance", "basis"): ("live", "posted"),
    ("cost", "category"): ("usage", "credit", "tax", "adjustment"),
    ("keys", "state"): ("active", "disabled", "expired", "archived"),
}
RECORDS: Mapping[Capability, Any] = {
    "balance": Balance,
    "quota": Quota,
    "usage": UsageBucket,
    "cost": CostBucket,
    "keys": ProviderKey,
    "models": Model,
}
TIMED: tuple[Capability, ...] = ("usage", "cost")


def exactly() -> Context:
    """Arithmetic that is exact, or raises Inexact (or another ArithmeticError)."""
    return Context(prec=150, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow, Underflow, Clamped])


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Where one field of a record comes from: a constant, or an expression with what is done to what it finds.
    `where` names it to people. `factor` is exact; `minus` is taken away after it; `words` maps texts to ours."""

    where: str
    kind: Kind
    constant: Any = None
    at: Expression | None = None
    factor: Decimal = Decimal(1)
    minus: "Value | None" = None
    format: str = "iso"
    words: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, "Value"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """`cursor` finds the marker of the next page in an answer; without it pages are counted from `first`."""

    parameter: str
    first: int = 1
    size: int = 0
    size_parameter: str = ""
    cursor: Expression | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Get:
    """One GET: an absolute URL whose holes are segments, and its query."""

    url: str
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """How one capability is read. With `also` the expressions look at {"answer": ..., <name>: ...}."""

    where: str
    get: Get
    also: Mapping[str, Get]
    headers: tuple[tuple[str, str], ...]
    secrets: tuple[str, ...]
    ok: Expression | None
    refused: bool
    rows: Expression | None
    distinct: Expression | None
    fields: Mapping[str, Value]
    paging: Paging | None
    span: str
    add_up: bool
    window_format: str
    zone: ZoneInfo | None
