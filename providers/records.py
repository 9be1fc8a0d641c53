"""What a provider's account API told us, as frozen records.

Every record has a `key`: two records with one key say the same thing about the same subject. What the provider did not
say is None, never 0. Money is a Decimal beside its `unit` (an upper-case ISO 4217 code, or the provider's own unit such
as "API points"). Every time is aware and in UTC; a bucket is [start, end). Fields of the key stand first.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from msgspec import Struct, field

BalanceKind = Literal["prepaid", "granted", "credit_line", "owed"]
Basis = Literal["live", "posted"]
CostCategory = Literal["usage", "credit", "tax", "adjustment"]
KeyState = Literal["active", "disabled", "expired", "archived"]

# Names, ids and line items; longer ones would not fit into an index either.
MOST_CHARACTERS = 500


class Balance(Struct, frozen=True, kw_only=True, gc=False):
    """Money (or points) at the provider. `amount` is what is left to spend, or what is owed for kind "owed" (positive).

    `granted` is the part of `amount` that the provider gave for free, where it says so. `usable` is the provider's own
    word on whether calls are served now. `basis` "posted" is a ledger that moves only when a bill closes.
    """

    name: str
    kind: BalanceKind
    amount: Decimal
    unit: str
    expires_at: datetime | None = None
    basis: Basis = "live"
    granted: Decimal | None = None
    usable: bool | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.name, self.kind, self.unit, self.basis)


class Quota(Struct, frozen=True, kw_only=True, gc=False):
    """A limit and how much of it is used. `unit` is an ISO code for money, else tokens, requests, credits, percent ...

    `window` is the period that the limit covers ("5h", "7d", "day", "month", "minute", "lifetime"), None when the
    provider does not say. `scope` names whom it binds: None for the account, else a key, project, model or group.
    """

    name: str
    unit: str
    used: Decimal | None = None
    limit: Decimal | None = None
    remaining: Decimal | None = None
    percent_used: Decimal | None = None
    window: str | None = None
    resets_at: datetime | None = None
    scope: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.name, self.scope or "", self.window or "", self.unit)


class UsageBucket(Struct, frozen=True, kw_only=True, gc=False):
    """Tokens and requests of one bucket. `input_tokens` excludes cached input and cache writes; `output_tokens`
    includes reasoning, and `reasoning_tokens` is a detail of it. `quantities` holds other counts by name (images,
    characters, seconds, web_search_requests ...). `cost` is what the usage row itself reports, in `unit`.
    `final` False means that the bucket is still open at the provider.
    """

    start: datetime
    end: datetime
    model: str | None = None
    provider_key: str | None = None
    project: str | None = None
    user: str | None = None
    tier: str | None = None
    endpoint: str | None = None
    unit: str | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    requests: int | None = None
    quantities: Mapping[str, Decimal] = field(default_factory=dict)
    cost: Decimal | None = None
    final: bool | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (
            _iso(self.start),
            _iso(self.end),
            self.model or "",
            self.provider_key or "",
            self.project or "",
            self.user or "",
            self.tier or "",
            self.endpoint or "",
            self.unit or "",
        )


class CostBucket(Struct, frozen=True, kw_only=True, gc=False):
    """Money that the provider says it charged for a bucket. A credit keeps its sign (negative)."""

    start: datetime
    end: datetime
    model: str | None = None
    line_item: str | None = None
    project: str | None = None
    provider_key: str | None = None
    category: CostCategory = "usage"
    unit: str
    amount: Decimal
    final: bool | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (
            _iso(self.start),
            _iso(self.end),
            self.model or "",
            self.line_item or "",
            self.project or "",
            self.provider_key or "",
            self.category,
            self.unit,
        )


class CounterSample(Struct, frozen=True, kw_only=True, gc=False):
    """A cumulative counter at one moment, for providers that count up and never say since when."""

    name: str
    value: Decimal
    at: datetime
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, ...]:
        return (self.name, _iso(self.at), *(f"{name}={self.labels[name]}" for name in sorted(self.labels)))


class ProviderKey(Struct, frozen=True, kw_only=True, gc=False):
    """An API key as the provider lists it. `hint` is the masked text that the provider shows, never the key."""

    id: str
    name: str | None = None
    hint: str | None = None
    project: str | None = None
    state: KeyState | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    limit: Decimal | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)


class Model(Struct, frozen=True, kw_only=True, gc=False):
    """A model that the key can call. `context` in tokens. `prices` by name ("input", "output", "cached_input" ...),
    each in `price_unit` per 1,000,000 tokens."""

    id: str
    name: str | None = None
    context: int | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    price_unit: str | None = None

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)


class Identity(Struct, frozen=True, kw_only=True, gc=False):
    """Answer of a credential check: whose account it is and what kind of key. `account_id` is the provider's own id
    of the account (organization, team), the same for every key of it; None where the provider tells none."""

    account_id: str | None = None
    account_name: str | None = None
    key_kind: str | None = None
    scopes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        return (self.account_id or "", self.key_kind or "")


GaugeName = Literal["models_loaded", "memory", "context", "requests_running", "requests_waiting", "cache_usage"]


class Gauge(Struct, frozen=True, kw_only=True, gc=False):
    """A figure of a server at the moment it was read; it is no sum, and none is made of several. `unit` is models,
    bytes, tokens, requests or percent. `scope` names what it is of: None for the whole server, else a model or engine.
    `until` is when the server itself means to end it (a model leaves the memory)."""

    name: GaugeName
    value: Decimal
    unit: str
    scope: str | None = None
    until: datetime | None = None


class Server(Struct, frozen=True, kw_only=True, gc=False):
    """A server of one's own: the version of its software, and its load. One for an account."""

    version: str | None = None
    gauges: tuple[Gauge, ...] = ()

    @property
    def key(self) -> tuple[str, ...]:
        return ("server",)


Record = Balance | Quota | UsageBucket | CostBucket | CounterSample | ProviderKey | Model | Identity | Server


@lru_cache(maxsize=1024)  # rows share their few days and hours
def _iso(moment: datetime) -> str:
    """In UTC, because times of two zones can be equal, and are then one entry of the cache."""
    return moment.astimezone(UTC).isoformat()


def as_json(record: Record) -> dict[str, Any]:
    """The record with its type, ready for JSON: decimals as plain text, times in ISO 8601 with Z, unknown as None."""
    return {"type": type(record).__name__, **_columns(record)}


def _columns(record: Record | Gauge) -> dict[str, Any]:
    return {name: _plain(getattr(record, name)) for name in record.__struct_fields__}


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Gauge):
        return _columns(value)
    return value
