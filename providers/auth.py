"""Ways to prove who calls that are more than a header with a key in it: signed requests, and tokens that are fetched.

An adapter names one in `Request.auth`, like a field, and never sees a secret. A token is kept in memory until shortly
before it ends, and fetched by one thread at a time; nothing of it is stored.
"""

import hashlib
import hmac
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol
from urllib.parse import quote, urlsplit
from uuid import uuid4

import jwt

from providers.errors import ActionNeeded, PayloadError, error_for_status
from providers.spec import AuthKind, Outgoing, Reply, host_of

Values = Mapping[str, str]
Exchange = Callable[[Outgoing], Reply]
Headers = tuple[tuple[str, str], ...]

EARLY = timedelta(minutes=2)  # a token that ends so soon is fetched anew: clocks differ, and a call takes time
MOST_TOKENS = 4096
GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
ENTRA = "https://login.microsoftonline.com"


class Authorizer(Protocol):
    """`name` is what `Request.auth` says, `needs` are the fields that it is made of, `hosts` are those that its result
    may go to (none: every host of the provider), `kind` is how this way in is called on pages."""

    kind: ClassVar[AuthKind]

    @property
    def name(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...

    @property
    def hosts(self) -> tuple[str, ...]: ...

    def headers(self, outgoing: Outgoing, values: Values, now: datetime, exchange: Exchange) -> Headers:
        """What the call carries. Raises the four provider errors."""

    def forget(self, values: Values) -> bool:
        """After a 401: drop what is kept. True when there was something, so that another try makes sense."""


@dataclass(frozen=True, slots=True)
class Token:
    text: str
    ends: datetime


class _Tokens:
    """Tokens by what they were fetched with; the least used go first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Token] = OrderedDict()
        self._locks: dict[bytes, threading.Lock] = {}
        self._lock = threading.Lock()

    def take(self, key: bytes, now: datetime, fetch: Callable[[], Token]) -> Token:
        with self._lock:
            one_at_a_time = self._locks.setdefault(key, threading.Lock())
        with one_at_a_time:
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None and kept.ends - EARLY > now:
                    self._kept.move_to_end(key)
                    return kept
            fresh = fetch()
            with self._lock:
                self._kept[key] = fresh
                self._kept.move_to_end(key)
                while len(self._kept) > MOST_TOKENS:
                    gone, _ = self._kept.popitem(last=False)
                    self._locks.pop(gone, None)
            return fresh

    def drop(self, key: bytes) -> bool:
        with self._lock:
            return self._kept.pop(key, None) is not None


_tokens = _Tokens()


def _digest(name: str, parts: list[str]) -> bytes:
    """The whole of what a token depends on: two that begin alike are two."""
    told = json.dumps([name, *parts])
    return hashlib.sha256(told.encode()).digest()


def _value(values: Values, name: str) -> str:
    found = values.get(name, "")
    if not found:
        raise ActionNeeded(f"The field “{name}” is missing.", code="missing_field", field=name)
    return found


def _bearer(reply: Reply, now: datetime, field: str, issuer: str) -> Token:
    """The answer of an OAuth 2 token endpoint (RFC 6749 section 5). Its words are never quoted."""
    if reply.status in (400, 401, 403):
        words = f"{issuer} gave no token for this ({reply.status}): check the values."
        raise ActionNeeded(words, status=reply.status, field=field)
    if not 200 <= reply.status < 300:
        raise error_for_status(reply.status, reply.headers, host=issuer)
    document = reply.json()
    text = document.get("access_token") if isinstance(document, dict) else None
    seconds = document.get("expires_in") if isinstance(document, dict) else None
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable():
        raise PayloadError(f"{issuer} answered without a token.", status=reply.status)
    try:
        length = timedelta(seconds=min(int(str(seconds)), 86_400))
    except ValueError:
        length = timedelta(minutes=5)
    return Token(text, now + length)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleServiceAccount:
    """A bearer token for a Google service account: a JWT signed with its key, exchanged at Google.

    Source: https://developers.google.com/identity/protocols/oauth2/service-account#httprest. The key file's own
    `token_uri` is not followed: a made-up file would have the signed JWT sent elsewhere.
    """

    kind: ClassVar[AuthKind] = "service_account"
    name: str
    field: str  # holds the key file, a JSON object
    scope: str
    hosts: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.field,)

    def headers(self, outgoing: Outgoing, values: Values, now: datetime, exchange: Exchange) -> Headers:
        key = self._key(values)
        token = _tokens.take(key, now, lambda: self._fetch(values, now, exchange))
        return (("Authorization", f"Bearer {token.text}"),)

    def forget(self, values: Values) -> bool:
        return _tokens.drop(self._key(values))

    def _key(self, values: Values) -> bytes:
        return _digest(self.name, [values.get(self.field, ""), self.scope])

    def _fetch(self, values: Values, now: datetime, exchange: Exchange) -> Token:
        address, private = self._read(_value(values, self.field))
        issued = int(now.timestamp())
        claims = {"iss": address, "scope": self.scope, "aud": GOOGLE_TOKENS, "iat": issued, "exp": issued + 3600}
        try:
            signed = jwt.encode(claims, private, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise self._unreadable() from error
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        form = (("grant_type", grant), ("assertion", signed))
        return _bearer(exchange(Outgoing(method="POST", url=GOOGLE_TOKENS, form=form)), now, self.field, "Google")

    def _read(self, text: str) -> tuple[str, str]:
        try:
            document = json.loads(text)
            address, private = document["client_email"], document["private_key"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise self._unreadable() from error
        if not isinstance(address, str) or not isinstance(private, str):
            raise self._unreadable()
        return address, private

    def _unreadable(self) -> ActionNeeded:
        words = "This is not the JSON key file of a Google service account: paste the whole file."
        return ActionNeeded(words, code="wrong_kind", field=self.field)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntraClientCredentials:
    """A bearer token for an app registration in Microsoft Entra.

    Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow.
    """

    kind: ClassVar[AuthKind] = "client_credentials"
    name: str
    tenant: str  # names of the fields that hold tenant, client id and client secret
    client: str
    secret: str
    scope: str
    hosts: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.tenant, self.client, self.secret)

    def headers(self, outgoing: Outgoing, values: Values, now: datetime, exchange: Exchange) -> Headers:
        token = _tokens.take(self._key(values), now, lambda: self._fetch(values, now, exchange))
        return (("Authorization", f"Bearer {token.text}"),)

    def forget(self, values: Values) -> bool:
        return _tokens.drop(self._key(values))

    def _key(self, values: Values) -> bytes:
        return _digest(self.name, [*(values.get(name, "") for name in self.needs), self.scope])

    def _fetch(self, values: Values, now: datetime, exchange: Exchange) -> Token:
        tenant = quote(_value(values, self.tenant).strip(), safe="")
        form = (
            ("grant_type", "client_credentials"),
            ("client_id", _value(values, self.client).strip()),
            ("client_secret", _value(values, self.secret)),
            ("scope", self.scope),
        )
        reply = exchange(Outgoing(method="POST", url=f"{ENTRA}/{tenant}/oauth2/v2.0/token", form=form))
        return _bearer(reply, now, self.secret, "Microsoft Entra")


@dataclass(frozen=True, slots=True, kw_only=True)
class AlibabaSignature:
    """Alibaba Cloud's ACS3-HMAC-SHA256: every request is signed with an AccessKey pair.

    Source: https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature. The request's
    own `x-acs-action` and `x-acs-version` headers say what is called. `nonce` makes each request unique.
    """

    kind: ClassVar[AuthKind] = "signed_requests"
    name: str
    key_id: str  # names of the fields that hold the pair
    secret: str
    hosts: tuple[str, ...] = ()
    nonce: Callable[[], str] = lambda: uuid4().hex

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.key_id, self.secret)

    def headers(self, outgoing: Outgoing, values: Values, now: datetime, exchange: Exchange) -> Headers:
        body = b"" if outgoing.json is None else json.dumps(outgoing.json).encode()
        hashed = hashlib.sha256(body).hexdigest()
        added = (
            ("x-acs-content-sha256", hashed),
            ("x-acs-date", f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
            ("x-acs-signature-nonce", self.nonce()),
        )
        told = [("host", host_of(outgoing.url)), *added]
        told += [(name.lower(), value) for name, value in outgoing.headers if name.lower().startswith("x-acs-")]
        signed = sorted((name, value.strip()) for name, value in told)
        names = ";".join(name for name, _ in signed)
        query = "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in sorted(outgoing.params))
        lines = "".join(f"{name}:{value}\n" for name, value in signed)
        path = urlsplit(outgoing.url).path or "/"
        canonical = "\n".join([outgoing.method, path, query, lines, names, hashed])
        to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = _value(values, self.secret).encode()
        signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
        key_id = _value(values, self.key_id)
        proof = f"ACS3-HMAC-SHA256 Credential={key_id},SignedHeaders={names},Signature={signature}"
        return (*added, ("Authorization", proof))

    def forget(self, values: Values) -> bool:
        return False


def _encoded(text: str) -> str:
    """RFC 3986: letters, digits, "-", "_", "." and "~" stay."""
    return quote(text, safe="-_.~")
