"""Declarations: what a provider is, which fields an admin enters, and one endpoint per capability."""

import json
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from providers.errors import ActionNeeded, PayloadError, ProviderError, Retryable
from providers.records import ProviderKey, Record

if TYPE_CHECKING:
    from providers.auth import Authorizer
    from providers.credential_files import Pasted
    from providers.oauth import OAuthApp

T_co = TypeVar("T_co", covariant=True)
Capability = Literal["balance", "quota", "usage", "cost", "keys", "models"]
CAPABILITIES: tuple[Capability, ...] = ("balance", "quota", "usage", "cost", "keys", "models")
WireProtocol = Literal["DirectAnthropic", "OpenAICompatible", "OpenAIResponses"]
Confidence = Literal["official", "observed", "unverified"]
FieldKind = Literal["text", "url", "choice", "list", "decimal", "json"]
AuthKind = Literal[
    "bearer_key", "named_header", "service_account", "client_credentials", "signed_requests", "oauth_app", "none"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that an admin enters. `header` (secrets only) is the request header that carries it, with `prefix`
    before the value. `starts_with` is how a right value begins: another beginning draws a warning, never a refusal;
    `wrong_starts` maps beginnings of another kind of key to the words for it. `hosts` narrows where a secret may go.
    `scopes` are the rights that suffice, as the provider's console names them, where a key can have fewer than all.
    `applies` names a choice and its value that an open field belongs to: it is needed with that one, and asked for with
    no other.
    `pasted` reads what was pasted where that may be a tool's credentials file, or a token that says when it ends; it
    raises PayloadError in words that repeat nothing.
    """

    name: str
    label: str
    help: str
    secret: bool = False
    required: bool = False
    kind: FieldKind = "text"
    choices: tuple[tuple[str, str], ...] = ()
    default: str = ""
    url: str | None = None
    starts_with: tuple[str, ...] = ()
    wrong_starts: Mapping[str, str] = field(default_factory=dict)
    header: str = "Authorization"
    prefix: str = "Bearer "
    hosts: tuple[str, ...] = ()
    environment: str | None = None
    can_spend: bool = False
    scopes: tuple[str, ...] = ()
    applies: tuple[str, str] | None = None
    pasted: Callable[[str], "Pasted"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseUrl:
    """A base URL of the provider: `use` says for what, `backup` that it is the second host of the same account."""

    url: str
    use: Literal["inference", "account", "both"] = "both"
    label: str = ""
    backup: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call that an adapter wants made. `url` is absolute, without query; `auth` names the secret field to send, or
    one of the provider's `authorizers`. Readings make GETs, and POSTs that read; the others are for `KeyManagement`."""

    url: str
    auth: str | None
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    json: Any = None

    def with_params(self, *more: tuple[str, str]) -> "Request":
        """The same call with these parameters set; a name given anew replaces the old one."""
        names = {name for name, _ in more}
        kept = tuple(pair for pair in self.params if pair[0] not in names)
        return Request(
            url=self.url, auth=self.auth, method=self.method, params=kept + more, headers=self.headers, json=self.json
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. Header names are lower case; `body` is the decoded content, already under the size cap."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON with Decimal for every fraction. A body that is no JSON (a gateway's error page, an answer
        cut off) is Retryable; NaN, Infinity and bottomless nesting are PayloadErrors. The body is never quoted."""
        try:
            return _FAST.decode(self.body)
        except (ValueError, ArithmeticError, RecursionError):
            return self._json_by_the_standard_library()

    def said(self, *names: str) -> Any:
        """What an error body holds under these names, one object within the other; None where it cannot be read. For
        comparing alone: a remote's text is never shown."""
        try:
            value = self.json()
        except ProviderError:  # no JSON: the status alone decides
            return None
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def said_text(self, *names: str) -> str | None:
        """The same where it is a text, else None."""
        value = self.said(*names)
        return value if isinstance(value, str) else None

    def _json_by_the_standard_library(self) -> Any:
        """It has the last word on what the fast reader refuses: it takes a byte order mark, UTF-16 and half a
        surrogate pair (which `fitness.problem` refuses by name), and tells NaN from no JSON at all."""
        try:
            return _EXACT.decode(self.body.decode(json.detect_encoding(self.body), "surrogatepass"))
        except ValueError as error:
            raise Retryable("The answer is not JSON: a gateway's page, or cut off.", status=self.status) from error
        except InvalidOperation as error:  # an exponent beyond what Decimal can hold
            raise PayloadError("The answer holds a number that cannot be real.", status=self.status) from error
        except RecursionError as error:
            raise PayloadError("The answer is nested too deeply to be read.", status=self.status) from error


def _refuse_constant(name: str) -> Any:
    raise PayloadError(f"The answer holds {name} where a number should be.")


# Made once, which counts where each line is an answer.
_FAST = msgspec.json.Decoder(float_hook=Decimal)
_EXACT = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A call ready for the wire, secret included. Its repr shows neither headers nor query nor body. `form` is sent
    url-encoded, as token endpoints want it."""

    method: str
    url: str
    params: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    json: Any = field(default=None, repr=False)
    form: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The span [start, end) to read, and the moment it is read. All aware UTC."""

    start: datetime
    end: datetime
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """Yielded by an adapter's steps: what came is true, but not everything came. `reason` is shown to people."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an adapter may know of a credential: the open fields, the names of the secrets that are there, and which of
    them are access tokens that somebody signed in for."""

    settings: Mapping[str, str]
    secrets: frozenset[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    signed_in: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        return name in self.secrets or bool(self.settings.get(name))

    def get(self, name: str, default: str = "") -> str:
        return self.settings.get(name) or default

    def list(self, name: str) -> tuple[str, ...]:
        """A comma, space or line separated field as its parts."""
        return tuple(part for part in self.settings.get(name, "").replace(",", " ").split() if part)

    def first_of(self, *names: str) -> str:
        """The first of these secret fields that is filled in. Raises ActionNeeded naming the first otherwise."""
        for name in names:
            if name in self.secrets:
                return name
        labels = " or ".join(self.labels.get(name, name) for name in names)
        raise ActionNeeded(f"This needs the field “{labels}”.", code="missing_field", field=names[0])


Steps = Generator[Request | Partial, Reply, Iterable[Record]]
"""Multi-step call: yields a Request, receives its Reply (a ProviderError is thrown in instead), returns the records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How one capability is read.

    `needs` lists the fields without which it cannot be read: each entry one name, or alternatives as "a|b".
    `interval` is the time between two reads. `history` is how far back the provider keeps it and `chunk` the largest
    span asked for at once (both only for usage and cost); `lookback` is re-read every time, because history is revised.
    `per_key` is True when the answer belongs to the key, not to the account behind it. `estimated` says, in a sentence,
    which of its figures the provider itself only estimates.
    """

    steps: Callable[[Account, Window], Steps]
    interval: timedelta
    needs: tuple[str, ...] = ()
    confidence: Confidence = "official"
    source: str = ""
    history: timedelta = timedelta(0)
    chunk: timedelta = timedelta(days=30)
    lookback: timedelta = timedelta(days=3)
    per_key: bool = False
    estimated: str = ""

    def missing(self, account: Account) -> tuple[str, ...]:
        """Needs that the account does not meet, as they were declared."""
        return tuple(need for need in self.needs if not any(account.has(name) for name in need.split("|")))


@dataclass(frozen=True, slots=True, kw_only=True)
class NotOffered:
    """A capability that the provider lacks: why, and what is shown or done instead."""

    reason: str
    fallback: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How a credential is proved: reads only, costs nothing. `steps` returns one Identity."""

    steps: Callable[[Account, Window], Steps]
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOrder:
    """A key as somebody wants it made. `name` is ours alone, and what the key is found by if its answer is lost.
    `limit` in whole units of the provider, None for no limit; `expires_at` aware UTC."""

    name: str
    project: str = ""
    limit: int | None = None
    limit_reset: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """A key that was just made, and its secret, which the provider tells this once. Its repr does not."""

    key: ProviderKey
    secret: str = field(repr=False)


Changing = Generator[Request | Partial, Reply, T_co]
"""Steps in which exactly one call changes something, and that the last of all: a request that is no GET. What is read
before it may be read twice; it itself is sent at most once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyManagement:
    """How keys are made, switched off and on, and deleted at a provider, on a person's word alone.

    `auth` is the secret field that has to be there, `right` says in words what that key must be allowed. `listed` reads
    every key under the name that we gave it: of all projects, disabled and expired ones too, or it raises or yields a
    Partial. Steps that change something take the key's id and its project. `project` says whether a key is made in one;
    `limit_unit` and `resets` what its own limit is in, in whole units, and how often it starts again; `longest` is the
    longest life that it may be given. `switch` turns a key off and on, None where the provider cannot. `note` says what
    people should know before.
    """

    auth: str
    right: str
    listed: Callable[[Account, Window], Steps]
    create: Callable[[Account, KeyOrder, datetime], Changing[MadeKey]]
    delete: Callable[[Account, str, str], Changing[None]]
    switch: Callable[[Account, str, str, bool], Changing[None]] | None = None
    project: Literal["none", "optional", "required"] = "none"
    limit_unit: str = ""
    resets: tuple[str, ...] = ()
    longest: timedelta | None = None
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider, declared whole.

    `self_hosted` may live on private addresses. `may_sleep` is for servers on machines of one's own, which are switched
    off when nobody needs them: that nothing answers there means off or asleep, and is shown without alarm. An answer
    that is wrong alarms all the same. `subscription` is sold by seats and by windows of use, not by what was used.
    `icon` names its drawing in the icon set where that is not its slug; the build of the assets reads it. `price_list`
    is the list of genai-prices that its tokens cost by (see providers.prices), or says which one an account has; "" is
    none: nobody knows a price, or nothing is paid by the token (seats, plans, servers of one's own).
    """

    slug: str
    name: str
    summary: str
    docs_url: str
    console_url: str
    checked: date
    wire_protocol: WireProtocol
    base_urls: tuple[BaseUrl, ...]
    fields: tuple[Field, ...]
    check: Check
    capabilities: Mapping[Capability, Endpoint | NotOffered]
    also_protocols: tuple[WireProtocol, ...] = ()
    streaming: bool = True
    tool_use: bool = True
    self_hosted: bool = False
    may_sleep: bool = False
    subscription: bool = False
    topup_url: str | None = None
    icon: str = ""
    key_warning: str = ""
    extra_hosts: tuple[str, ...] = ()
    authorizers: tuple["Authorizer", ...] = ()
    oauth_apps: tuple["OAuthApp", ...] = ()
    explain: Callable[[Reply, Request], ProviderError | None] | None = None
    key_management: KeyManagement | None = None
    price_list: str | Callable[[Account], str] = ""

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that this declaration names; a secret goes nowhere else unless the admin typed the URL."""
        return frozenset(host_of(base.url) for base in self.base_urls) | frozenset(self.extra_hosts)

    @property
    def offers_anything(self) -> bool:
        return any(isinstance(one, Endpoint) for one in self.capabilities.values())

    def field(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def sleeps(self, account: Account) -> bool:
        """Whether silence is no trouble: the provider may sleep, and this is a machine whose address was typed in, not
        the provider's own cloud."""
        return self.may_sleep and any(field.kind == "url" and account.has(field.name) for field in self.fields)

    def authorizer(self, name: str | None) -> "Authorizer | None":
        return next((one for one in self.authorizers if one.name == name), None)

    def oauth_app(self, name: str) -> "OAuthApp | None":
        return next((one for one in self.oauth_apps if one.name == name), None)

    @property
    def has_tokens_that_end(self) -> bool:
        """Whether a secret of this provider may be a token that ends within hours or days."""
        return bool(self.oauth_apps) or any(field.pasted is not None for field in self.fields)

    def endpoint(self, capability: str) -> Endpoint | NotOffered:
        for name, endpoint in self.capabilities.items():
            if name == capability:
                return endpoint
        raise KeyError(capability)


def host_of(url: str) -> str:
    """Lower-case host with the port where one is written: the unit in which hosts are compared."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    return f"{host}:{parts.port}" if parts.port else host
