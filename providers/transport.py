"""The only module that speaks HTTP: timeouts and a total deadline, a size cap, the address guard, short retries.

Nothing here knows a provider. An error names the host and what happened; never the body, headers or query.
"""

import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any, Protocol
from urllib.parse import urlencode, urljoin, urlsplit

import httpcore
import httpx

from providers.addresses import Reach, is_loopback, refusal
from providers.errors import ActionNeeded, PayloadError, Retryable, TooLarge
from providers.spec import Outgoing, Reply, host_of

CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
TOTAL_SECONDS = 60.0
MAX_BODY_BYTES = 16 * 1024 * 1024
RETRY_PAUSES = (0.2, 0.8)
MAX_SAME_HOST_REDIRECTS = 3
USER_AGENT = "Purser/0.1 (account reader)"

_deadline: ContextVar[float] = ContextVar("deadline")
_CONNECTION_TROUBLE = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.ReadError,
    httpx.RemoteProtocolError,
    httpx.WriteError,
)
# Of these, the two after which nothing can have been sent.
_NO_CONNECTION = (httpx.ConnectError, httpx.ConnectTimeout)
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class AddressRefused(Exception):
    """The name resolved to an address that this call may not reach."""


class Wire(Protocol):
    """What carries one request: httpx.HTTPTransport below, httpx.MockTransport in tests."""

    def handle_request(self, request: httpx.Request) -> httpx.Response: ...


def _rest(seconds: float) -> None:
    """time.sleep, looked up when it is needed: a test that replaces it waits nowhere."""
    time.sleep(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """`send(outgoing) -> Reply` under the guards. `via` is a relay that gets every request unchanged with the original
    host in the Host header; plain HTTP to it is allowed on loopback only. One instance may serve many threads. `tries`
    is 1 for calls that must not be made twice, such as those that use up a token or make a key."""

    reach: Reach = "public"
    via: str | None = None
    wire: Wire | None = None
    total_seconds: float = TOTAL_SECONDS
    max_body_bytes: int = MAX_BODY_BYTES
    pause: Callable[[float], None] = _rest
    tries: int = len(RETRY_PAUSES) + 1

    def send(self, outgoing: Outgoing) -> Reply:
        """Make the call. Raises Retryable when nothing usable came in time, PayloadError for an answer that is too
        large or a redirect to another host, ActionNeeded for an address that may not be called."""
        token = _deadline.set(time.monotonic() + self.total_seconds)
        try:
            return self._follow(outgoing)
        finally:
            _deadline.reset(token)

    def _follow(self, outgoing: Outgoing) -> Reply:
        request = self._request(outgoing)
        for _ in range(MAX_SAME_HOST_REDIRECTS + 1):
            reply = self._attempts(request, host_of(outgoing.url))
            if reply.status not in _REDIRECTS:
                return reply
            target = _same_origin_target(outgoing.url, reply.headers.get("location", ""))
            if outgoing.method != "GET" or target is None:
                raise PayloadError(
                    f"{host_of(outgoing.url)} wanted to send the call to another place ({reply.status}); "
                    "it was not followed.",
                    status=reply.status,
                )
            outgoing = Outgoing(method="GET", url=target, headers=outgoing.headers)
            request = self._request(outgoing)
        raise PayloadError(f"{host_of(outgoing.url)} redirects in a circle.")

    def _request(self, outgoing: Outgoing) -> httpx.Request:
        try:
            parts = urlsplit(outgoing.url)
            if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
                raise ActionNeeded("The URL is not a plain http(s) address.")
            if parts.scheme != "https" and self.reach == "public" and self.via is None:
                words = f"{host_of(outgoing.url)} would be called without encryption; use https."
                raise ActionNeeded(words, code="blocked")
            return self._built(outgoing)
        except UnicodeEncodeError:
            raise ActionNeeded("A field holds a letter that a request cannot carry in its host or headers.") from None
        except (ValueError, httpx.InvalidURL):
            raise ActionNeeded("The URL is not a plain http(s) address.") from None

    def _built(self, outgoing: Outgoing) -> httpx.Request:
        content = b"" if outgoing.json is None else json.dumps(outgoing.json).encode()
        if outgoing.form is not None:
            content = urlencode(outgoing.form).encode()
        headers = [("Host", host_of(outgoing.url)), ("User-Agent", USER_AGENT), ("Accept-Encoding", "gzip")]
        if outgoing.json is not None:
            headers.append(("Content-Type", "application/json"))
        if outgoing.form is not None:
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        url = httpx.URL(outgoing.url)
        if outgoing.params:
            url = url.copy_merge_params(list(outgoing.params)) if url.query else url.copy_with(params=outgoing.params)
        if self.via is not None:
            relay = httpx.URL(self.via)
            url = url.copy_with(scheme=relay.scheme, host=relay.host, port=relay.port)
        return httpx.Request(outgoing.method, url, headers=[*headers, *outgoing.headers], content=content)

    def _attempts(self, request: httpx.Request, host: str) -> Reply:
        """One try and at most two short ones more on connection trouble. Every call of a reading is a read, so that
        asking twice changes nothing at the provider (else `tries` is 1); an answer, whatever its status, is never asked
        for again. Causes are cut off (`from None`): the HTTP library's own words quote headers and lines of the
        answer."""
        for pause in (*RETRY_PAUSES[: self.tries - 1], None):
            try:
                return self._once(request, host)
            except _CONNECTION_TROUBLE as trouble:
                if pause is None or _left() <= pause:
                    unsent = isinstance(trouble, _NO_CONNECTION)
                    raise Retryable(f"{host} could not be reached.", unreachable=True, unsent=unsent) from None
                self.pause(pause)
            except AddressRefused as error:
                refused = ActionNeeded(f"{host} was not called: {error}.", code="blocked")
                refused.unsent = True
                raise refused from error
            except (httpx.TimeoutException, httpcore.TimeoutException):
                raise Retryable(f"{host} did not answer in time.", unreachable=True) from None
            except (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError, OSError):
                raise Retryable(f"The connection to {host} broke off.", unreachable=True) from None
        raise AssertionError("unreachable")

    def _once(self, request: httpx.Request, host: str) -> Reply:
        seconds = max(_left(), 0.001)
        request.extensions = {
            "timeout": {
                "connect": min(CONNECT_SECONDS, seconds),
                "read": min(READ_SECONDS, seconds),
                "write": min(READ_SECONDS, seconds),
                "pool": seconds,
            }
        }
        plain = self.via is None and self.reach == "private" and request.url.scheme == "http"
        wire = self.wire or _wire("plain" if plain else self.reach, self.via)
        response = wire.handle_request(request)
        try:
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Reply(status=response.status_code, headers=headers, body=self._body(response, headers, host))
        finally:
            response.close()

    def _body(self, response: httpx.Response, headers: dict[str, str], host: str) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity", "gzip"):
            raise PayloadError(f"{host} answered in an encoding that was not asked for.")
        raw = response.stream if isinstance(response.stream, Iterable) else iter(())
        chunks = self._within_bounds(raw, host)
        if encoding == "gzip":
            chunks = self._within_bounds(_gunzip(chunks, self.max_body_bytes), host)
        body = bytearray()
        for chunk in chunks:
            body += chunk
        return bytes(body)

    def _within_bounds(self, chunks: Iterable[bytes], host: str) -> Iterator[bytes]:
        """The chunks as long as they stay under the cap and the deadline: packed bytes and unpacked ones alike."""
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > self.max_body_bytes:
                raise TooLarge(f"{host} sent more than {self.max_body_bytes // 2**20} MiB; the rest was not read.")
            if _left() <= 0:
                raise Retryable(f"{host} did not finish its answer in time.", unreachable=True)
            yield chunk


def _left() -> float:
    return _deadline.get() - time.monotonic()


def _same_origin_target(url: str, location: str) -> str | None:
    """Where a redirect leads, or None when that is another place or nowhere at all."""
    try:
        target = urljoin(url, location)
        stays = _origin(target) == _origin(url) and "@" not in urlsplit(target).netloc
        httpx.URL(target)
    except (ValueError, httpx.InvalidURL):
        return None
    return target if stays else None


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url).scheme, host_of(url)


def _gunzip(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Decompress with a bound on the output: a small body must not unfold into gigabytes. A body may have several
    members, one after the other (RFC 1952 section 2.2); an empty one is no archive at all, as with an answer 204."""
    unpack = None
    for chunk in chunks:
        while chunk:
            if unpack is None or unpack.eof:
                unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
            try:
                yield unpack.decompress(chunk, limit + 1)
            except zlib.error as error:
                raise PayloadError("The answer's compression is broken.") from error
            chunk = unpack.unconsumed_tail or unpack.unused_data
    if unpack is not None and not unpack.eof:
        raise Retryable("The answer broke off in the middle.", unreachable=True)


class _GuardedBackend(httpcore.NetworkBackend):
    """Resolves a name once, judges every address, and connects to a judged one: DNS cannot change its mind between."""

    def __init__(self, reach: Reach, *, loopback_only: bool) -> None:
        self._reach = reach
        self._loopback_only = loopback_only
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._judged(host, port)
        failure: Exception | None = None
        for address in addresses:
            try:
                stream = self._plain.connect_tcp(address, port, _bounded(timeout), local_address, socket_options)
                return _DeadlineStream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise AddressRefused("it is not a network address")

    def sleep(self, seconds: float) -> None:
        self._plain.sleep(seconds)

    def _judged(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is empty or longer than 63 letters
            raise httpcore.ConnectError("the name was not resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            reason = refusal(address, self._reach)
            if reason is None and self._loopback_only and not is_loopback(address):
                reason = "plain HTTP is for a relay on this machine only"
            if reason is not None:
                raise AddressRefused(reason)
        return addresses


class _DeadlineStream(httpcore.NetworkStream):
    """Holds every read and write of a call to the call's own deadline, so that a drip of bytes cannot outlast it."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _bounded(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _bounded(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, _bounded(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _bounded(timeout: float | None) -> float:
    left = _left()
    if left <= 0:
        raise httpcore.ReadTimeout("deadline")
    return left if timeout is None else min(timeout, left)


class _GuardedTransport(httpx.HTTPTransport):
    """httpx's transport over a pool that uses the guarded backend. Used without a client: no cookies, no redirects."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        super().__init__(verify=_tls())
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(),
            max_connections=8,
            max_keepalive_connections=4,
            keepalive_expiry=30.0,
            network_backend=backend,
        )

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.close()


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


_own = threading.local()


def _wire(reach: Reach, via: str | None) -> Wire:
    """This thread's pool for this reach. A thread makes one call at a time, so its pool stays tiny; one pool for all
    threads would look through every connection of every thread at each call. The TLS context is shared."""
    plain_relay = via is not None and urlsplit(via).scheme == "http"
    key: tuple[Reach, bool] = ("private" if via else reach, plain_relay)
    wires: dict[tuple[Reach, bool], _GuardedTransport] = _own.__dict__.setdefault("wires", {})
    if key not in wires:
        wires[key] = _GuardedTransport(_GuardedBackend(key[0], loopback_only=plain_relay))
    return wires[key]
