"""Signing in to a provider with an app that the operator registered there: the device grant (RFC 8628), the
authorization code with PKCE (RFC 6749, RFC 7636), and the renewal of tokens.

Pure: every call goes through `send`, and the moment is an argument. An app is always the operator's own: the client ids
of other products are known here only to be refused. The words of a remote are compared, never shown.
"""

import hashlib
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from providers.errors import ActionNeeded, PayloadError, Retryable, error_for_status
from providers.parse import get, integer, mapping, maybe, text
from providers.spec import Account, Confidence, Outgoing, Reply, host_of

Send = Callable[[Outgoing], Reply]
Flow = Literal["device", "code"]

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
INTERVAL, LONGEST_INTERVAL = 5, 60  # seconds between two questions, where the provider says nothing; after failures
DEVICE_LIFE = timedelta(minutes=15)
LOGIN_LIFE = timedelta(minutes=10)  # how long a browser may be away at the provider
LONGEST_LIFE = timedelta(days=400)
_TOKEN = re.compile(r"[\x21-\x7e]{1,8000}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_OVER = frozenset({"expired_token", "token_expired"})
# What a token endpoint says when the grant itself is gone: RFC 6749 section 5.2, and GitHub's own word.
_GONE = frozenset({"invalid_grant", "bad_refresh_token", *_OVER})
_APP_REFUSED = frozenset(
    {"invalid_client", "incorrect_client_credentials", "unauthorized_client", "unsupported_grant_type", "invalid_scope"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthApp:
    """A way to sign in. The access token fills the secret field named `field`. The official way comes first.

    `site` is the origin that people sign in at, which an open field may decide; the paths are under it. `scopes` are
    the least that suffice. `foreign` are client ids of other products, which are refused. `opt_in` names an open field
    that is off unless somebody chooses it, where a provider does not clearly allow what this way is for. `steps` are
    the words for whoever registers an app at `register_path`; our callback address is shown under them.
    """

    name: str
    label: str
    field: str
    flow: Flow
    site: Callable[[Account], str]
    token_path: str
    register_path: str
    steps: tuple[str, ...]
    device_path: str = ""
    authorize_path: str = ""
    scopes: tuple[str, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    foreign: tuple[str, ...] = ()
    opt_in: str = ""
    source: str = ""
    confidence: Confidence = "official"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The app as the operator registered it at `site`. Its repr shows neither id nor secret."""

    site: str
    client_id: str = field(repr=False)
    client_secret: str = field(default="", repr=False)

    @property
    def form(self) -> tuple[tuple[str, str], ...]:
        secret = (("client_secret", self.client_secret),) if self.client_secret else ()
        return (("client_id", self.client_id), *secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a token endpoint gave. `refresh_token` is "" where it gave none, `expires_at` None where the token does not
    end by itself."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: datetime | None = None
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceCode:
    """A login that waits for a person. `device_code` is a secret, the others are shown."""

    device_code: str = field(repr=False)
    user_code: str
    verification_url: str
    interval: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """Ask again after so many seconds, and keep to that from now on."""

    interval: int


@dataclass(frozen=True, slots=True)
class Ended:
    """No token will come of this login."""

    state: Literal["expired", "denied", "failed"]
    words: str


# --- Device grant -------------------------------------------------------------------------------------------------


def device_start(app: OAuthApp, client: Client, send: Send, now: datetime) -> DeviceCode:
    """Begin a login. Raises the provider errors."""
    scope = (("scope", " ".join(app.scopes)),) if app.scopes else ()
    form = (("client_id", client.client_id), *scope, *app.params)
    document = _answer(_post(client, app.device_path, form, send), client)
    told = _error_of(document)
    if told:
        raise _refused(told, client)
    url = get(document, "verification_uri", text)
    if not url.startswith(("https://", "http://")) or not _same_site(url, client.site):
        raise PayloadError("The address to sign in at is not one of the site's own.")
    life = timedelta(seconds=_seconds(document, "expires_in") or DEVICE_LIFE.total_seconds())
    user_code = get(document, "user_code", text)
    if not re.fullmatch(r"[\x21-\x7e]{1,40}", user_code):
        raise PayloadError("The code to type in cannot be read.")
    return DeviceCode(
        device_code=_token(document, "device_code"),
        user_code=user_code,
        verification_url=url,
        interval=min(max(_seconds(document, "interval") or INTERVAL, 1), 300),
        expires_at=now + min(life, 4 * DEVICE_LIFE),
    )


def device_poll(
    app: OAuthApp, client: Client, device_code: str, interval: int, send: Send, now: datetime
) -> Pending | Ended | Tokens:
    """Ask once whether the person has agreed. GitHub tells its errors under HTTP 200, others under 400 or 429."""
    form = (*client.form, ("device_code", device_code), ("grant_type", DEVICE_GRANT))
    try:
        reply = _post(client, app.token_path, form, send)
        document = mapping(reply.json(), "the answer")
    except Retryable:
        return Pending(min(2 * interval, LONGEST_INTERVAL))
    told = _error_of(document)
    if told == "authorization_pending":
        return Pending(interval)
    if told == "slow_down":
        return Pending(max(interval + 5, _seconds(document, "interval") or 0))
    if told in _OVER:
        return Ended("expired", "The code was not used in time.")
    if told == "access_denied":
        return Ended("denied", "The sign-in was refused at the provider.")
    if told == "device_flow_disabled":
        return Ended("failed", "The app does not allow the device flow: switch it on in the app's settings.")
    if reply.status in (408, 425, 429) or reply.status >= 500:
        return Pending(min(2 * interval, LONGEST_INTERVAL))
    if told or not 200 <= reply.status < 300:
        return Ended("failed", _refused(told, client).message)
    return _tokens(document, now)


# --- Authorization code with PKCE ---------------------------------------------------------------------------------


def verifier_new() -> str:
    """A PKCE verifier: 64 characters, 384 random bits."""
    return secrets.token_urlsafe(48)


def challenge_of(verifier: str) -> str:
    """The S256 challenge (RFC 7636 section 4.2). Raises ValueError for a verifier that the RFC does not allow."""
    if not _VERIFIER.fullmatch(verifier):
        raise ValueError("a verifier has 43 to 128 letters, digits and -._~")
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def state_new() -> str:
    """32 random bytes, as the `state` of one login."""
    return secrets.token_urlsafe(32)


def authorize_url(app: OAuthApp, client: Client, *, callback: str, state: str, verifier: str) -> str:
    """Where the browser goes. Spaces travel as %20."""
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": callback,
        "scope": " ".join(app.scopes),
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
        **dict(app.params),
    }
    return f"{client.site}{app.authorize_path}?{urlencode(query).replace('+', '%20')}"


def code_exchange(
    app: OAuthApp, client: Client, *, code: str, verifier: str, callback: str, send: Send, now: datetime
) -> Tokens:
    """Tokens for the code that came back. Raises the provider errors; a code works once, so nothing is tried again."""
    form = (
        *client.form,
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", callback),
        ("code_verifier", verifier),
    )
    document = _answer(_post(client, app.token_path, form, send), client)
    told = _error_of(document)
    if told:
        raise _refused(told, client)
    return _tokens(document, now)


# --- Renewal ------------------------------------------------------------------------------------------------------


def refresh(app: OAuthApp, client: Client, refresh_token: str, send: Send, now: datetime) -> Tokens:
    """A new access token. Where the answer brings a new refresh token it replaces the old one; where it brings none,
    the old one stays. Raises ActionNeeded (code signed_out) when the grant is gone for good, (code app_refused) when
    the app is, and Retryable for everything that may pass."""
    form = (*client.form, ("grant_type", "refresh_token"), ("refresh_token", refresh_token))
    document = _answer(_post(client, app.token_path, form, send), client)
    told = _error_of(document)
    if told:
        raise _refused(told, client)
    found = _tokens(document, now)
    if found.refresh_token:
        return found
    return Tokens(
        access_token=found.access_token,
        refresh_token=refresh_token,
        expires_at=found.expires_at,
        scopes=found.scopes,
    )


def due(obtained_at: datetime, expires_at: datetime | None, now: datetime) -> bool:
    """Whether a token is to be renewed: when less than five minutes or half of its life is left, whichever is more."""
    if expires_at is None:
        return False
    early = max(timedelta(seconds=300), (expires_at - obtained_at) / 2)
    return expires_at - now < early


# --- Answers ------------------------------------------------------------------------------------------------------


def _post(client: Client, path: str, form: tuple[tuple[str, str], ...], send: Send) -> Reply:
    return send(
        Outgoing(method="POST", url=f"{client.site}{path}", headers=(("Accept", "application/json"),), form=form)
    )


def _answer(reply: Reply, client: Client) -> Mapping[str, Any]:
    """The document of an answer, one of an error included. Raises for everything that is not OAuth's."""
    if reply.status in (408, 425, 429) or reply.status >= 500:
        raise error_for_status(reply.status, reply.headers, host=host_of(client.site))
    if reply.status in (404, 405):
        raise _refused("", client)
    try:
        document = reply.json()
    except Retryable:
        if 200 <= reply.status < 300:
            raise
        document = None
    if 200 <= reply.status < 300:
        return mapping(document, "the answer")
    told = _error_of(document) if isinstance(document, dict) else ""
    if reply.status in (400, 401, 403):
        raise _refused(told, client)
    raise error_for_status(reply.status, reply.headers, host=host_of(client.site))


def _error_of(document: Mapping[str, Any]) -> str:
    told = document.get("error")
    return told if isinstance(told, str) and told else ""


def _refused(told: str, client: Client) -> ActionNeeded:
    """What a person does about an error, by its documented name. An unknown name is not repeated."""
    host = host_of(client.site)
    if told in _GONE:
        return ActionNeeded(f"{host} does not know this sign-in any more. Sign in again.", code="signed_out")
    if told == "access_denied":
        return ActionNeeded(f"The sign-in was refused at {host}.", code="signed_out")
    if told == "device_flow_disabled":
        words = "The app does not allow the device flow: switch it on in the app's settings."
        return ActionNeeded(words, code="app_refused")
    if told in _APP_REFUSED:
        words = f"{host} does not accept the app: check its client id, its secret and its scopes."
        return ActionNeeded(words, code="app_refused")
    return ActionNeeded(f"{host} refused the sign-in. Check the app, then sign in again.", code="signed_out")


def _tokens(document: Mapping[str, Any], now: datetime) -> Tokens:
    seconds = _seconds(document, "expires_in")
    scope = maybe(document, "scope", text) or ""
    return Tokens(
        access_token=_token(document, "access_token"),
        refresh_token=_token(document, "refresh_token") if document.get("refresh_token") else "",
        expires_at=None if seconds is None else now + min(timedelta(seconds=seconds), LONGEST_LIFE),
        scopes=tuple(re.findall(r"[\x21-\x2b\x2d-\x7e]+", scope))[:40],
    )


def _token(document: Mapping[str, Any], name: str) -> str:
    found = get(document, name, text)
    if not _TOKEN.fullmatch(found):
        raise PayloadError(f"{name} cannot be a token.")
    return found


def _seconds(document: Mapping[str, Any], name: str) -> int | None:
    """A positive number of seconds, None where there is none to read: it is a hint, and nothing fails without it."""
    try:
        found = maybe(document, name, integer)
    except PayloadError:
        return None
    return min(found, 10**9) if found is not None and found > 0 else None


def _same_site(url: str, site: str) -> bool:
    try:
        return host_of(url) == host_of(site)
    except ValueError:
        return False
