"""The transport against real servers on loopback: what leaves, what may come back, and what an error may say."""

import gzip
import json
import socket
import ssl
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers import transport as module
from providers.collect import Outgoing
from providers.errors import ActionNeeded, PayloadError, ProviderError, Retryable, retry_after_seconds
from providers.transport import MAX_BODY_BYTES, Transport
from tests.providers.loopback import CLOSE, RESET, Seen, Server, answer, packed

SECRET = "canary-secret-7f3a"
QUERY = "canary-query-7f3a"
HEADER = "canary-header-7f3a"
BODY = "canary-body-7f3a"
# A test waits for the error, not for the clock: this only tells "held to its deadline" from "hung".
GENEROUS_SECONDS = 120
TOTAL = 0.5


def outgoing(url: str = "https://api.example.com/v1/things", **more: Any) -> Outgoing:
    given = {"method": "GET", "headers": (("Authorization", f"Bearer {SECRET}"),), **more}
    return Outgoing(url=url, **given)


def through(server: Server, **more: Any) -> Transport:
    return Transport(via=server.url, pause=lambda seconds: None, **more)


def private(**more: Any) -> Transport:
    return Transport(reach="private", pause=lambda seconds: None, **more)


@pytest.fixture
def connects(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every connection that the transport tries to make, in order; they still happen."""
    made: list[tuple[str, int]] = []
    real = httpcore.SyncBackend.connect_tcp

    def connect(self: Any, host: str, port: int, *more: Any, **named: Any) -> Any:
        made.append((host, port))
        return real(self, host, port, *more, **named)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    return made


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[str]]], None]:
    """Let names resolve to chosen addresses. Anything else that is no address fails."""
    real = socket.getaddrinfo

    def install(known: dict[str, list[str]]) -> None:
        def getaddrinfo(host: Any, port: Any, *more: Any, **named: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name in known:
                return [(0, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[name]]
            ip_address(name)
            return real(host, port, *more, **named)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return install


def closed_port() -> tuple[socket.socket, int]:
    """A port that refuses: bound, so that nobody else takes it, but not listening."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]


# --- What leaves ---------------------------------------------------------------------------------------------------


def test_a_relay_gets_every_part_unchanged() -> None:
    with Server(lambda seen: answer()) as server:
        call = outgoing(
            "https://API.Example.com:8443/v1/a%2Fb/~team_x/caf%C3%A9",
            method="POST",
            params=(("group_by[]", "model"), ("group_by[]", "key"), ("q", "a b&c=d+é"), ("empty", "")),
            headers=(("Authorization", f"Bearer {SECRET}"), ("X-Version", "2023-06-01")),
            json={"name": "é", "limit": [1, None]},
        )
        through(server).send(call)
    (seen,) = server.requests
    assert seen.method == "POST"
    assert urlsplit(seen.target).path == "/v1/a%2Fb/~team_x/caf%C3%A9"
    assert parse_qsl(urlsplit(seen.target).query, keep_blank_values=True) == list(call.params)
    assert seen.header("Host") == "api.example.com:8443"
    assert seen.header("Authorization") == f"Bearer {SECRET}"
    assert seen.header("X-Version") == "2023-06-01"
    assert seen.header("Content-Type") == "application/json"
    assert seen.header("Accept-Encoding") == "gzip"
    assert json.loads(seen.body) == {"name": "é", "limit": [1, None]}


def test_a_relay_gets_the_very_bytes_that_the_provider_would_get() -> None:
    with Server(lambda seen: answer()) as server:
        call = outgoing(f"{server.url}/v1/x%20y", params=(("since", "2026-11-20T00:00:00+08:00"), ("ids", "a,b")))
        private().send(call)
        through(server).send(call)
    direct, relayed = server.requests
    assert direct.raw == relayed.raw


def test_the_default_port_stays_out_of_the_host_header_and_the_path_of_the_relay_is_not_used() -> None:
    with Server(lambda seen: answer()) as server:
        Transport(via=f"{server.url}/some/base").send(outgoing("https://api.example.com/v1"))
    (seen,) = server.requests
    assert (seen.header("Host"), seen.target) == ("api.example.com", "/v1")


@pytest.mark.parametrize("address", ["10.1.2.3", "192.168.0.9", "8.8.8.8", "2606:4700::1111", "0.0.0.0"])  # noqa: S104
def test_a_plain_relay_must_stand_on_loopback(
    address: str, connects: list[Any], resolve: Callable[[dict[str, list[str]]], None]
) -> None:
    resolve({"relay.example": [address], "half.example": ["127.0.0.1", address]})
    host = f"[{address}]" if ":" in address else address
    for relay in ("relay.example", "half.example", host):
        with pytest.raises(ActionNeeded):
            Transport(via=f"http://{relay}:8700").send(outgoing())
    assert connects == [], "something was called"


def test_a_plain_relay_by_a_name_that_leads_to_loopback(resolve: Callable[[dict[str, list[str]]], None]) -> None:
    resolve({"relay.example": ["127.0.0.1"]})
    with Server(lambda seen: answer(body=b'{"ok": 1}')) as server:
        reply = Transport(via=f"http://relay.example:{server.port}").send(outgoing())
    assert reply.body == b'{"ok": 1}'
    assert server.requests[0].header("Host") == "api.example.com"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/v1",
        "ftp://api.example.com/v1",
        "api.example.com/v1",
        "https:///v1",
        "https://user@api.example.com/v1",
        f"https://user:{SECRET}@api.example.com/v1",
        "https://@api.example.com/v1",
        "https://[::1/v1",
        "https://api.example.com:letters/v1",
        "https://api.example.com:99999/v1",
        "https://api.exa\nmple.com/v1",
        "https://api..example.com:x@y/v1",
        "https://café.example/v1",
        "https://api.example.com/" + "x" * 70_000,
    ],
)
def test_what_is_no_plain_https_address_is_refused_before_anything_is_sent(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a name was looked up"))
    with pytest.raises(ActionNeeded) as caught:
        Transport().send(outgoing(url))
    assert SECRET not in str(caught.value)


def test_userinfo_is_refused_through_a_relay_too() -> None:
    with Server(lambda seen: answer()) as server, pytest.raises(ActionNeeded):
        through(server).send(outgoing(f"https://u:{SECRET}@api.example.com/v1"))
    assert server.requests == []


@pytest.mark.parametrize("name", ["a..example.com", "x" * 64 + ".example.com"])
def test_a_name_that_cannot_be_resolved_is_unreachable(name: str) -> None:
    with pytest.raises(Retryable) as caught:
        Transport(pause=lambda seconds: None).send(outgoing(f"https://{name}/v1"))
    assert caught.value.unreachable


def test_a_header_that_cannot_be_sent_is_named_without_its_value() -> None:
    with Server(lambda seen: answer()) as server:
        with pytest.raises(ActionNeeded) as caught:
            through(server).send(outgoing(headers=(("OpenAI-Organization", f"{HEADER}-é"),)))
        with pytest.raises(ProviderError) as broken:
            through(server).send(outgoing(headers=(("OpenAI-Organization", f"{HEADER}\r\nX-Injected: 1"),)))
    assert server.requests == []
    assert_silent(caught.value)
    assert_silent(broken.value)


def test_loopback_is_closed_to_a_provider_of_the_open_internet(connects: list[Any]) -> None:
    with Server(lambda seen: answer()) as server, pytest.raises(ActionNeeded):
        Transport().send(outgoing(f"https://127.0.0.1:{server.port}/v1"))
    assert connects == []
    assert server.accepted == 0


# --- Trouble with the connection -----------------------------------------------------------------------------------


def test_a_refused_connection_is_tried_three_times(connects: list[Any]) -> None:
    held, port = closed_port()
    pauses: list[float] = []
    with held, pytest.raises(Retryable) as caught:
        Transport(reach="private", pause=pauses.append).send(outgoing(f"http://127.0.0.1:{port}/v1"))
    assert caught.value.unreachable
    assert caught.value.status is None
    assert len(connects) == 3
    assert pauses == [0.2, 0.8]


def test_no_second_try_when_the_deadline_would_pass_in_the_pause(connects: list[Any]) -> None:
    held, port = closed_port()
    with held, pytest.raises(Retryable):
        private(total_seconds=0.15).send(outgoing(f"http://127.0.0.1:{port}/v1"))
    assert len(connects) == 1


def test_the_third_try_may_succeed() -> None:
    def respond(seen: Seen) -> Any:
        return answer(body=b'{"ok": 1}') if len(server.requests) == 3 else [RESET]

    with Server(respond) as server:
        assert through(server).send(outgoing()).body == b'{"ok": 1}'
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_an_answer_is_never_asked_for_again(status: int) -> None:
    with Server(lambda seen: answer(status)) as server:
        assert through(server).send(outgoing()).status == status
    assert len(server.requests) == 1


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
BROKEN: dict[str, list[Any]] = {
    "reset before the answer": [RESET],
    "reset in the headers": [b"HTTP/1.1 200 OK\r\nContent-", RESET],
    "reset in the body": [HEAD + b'{"half":', RESET],
    "closed in the body": [HEAD + b'{"half":', CLOSE],
    "a length beyond all bytes": [b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n{}", CLOSE],
    "two lengths": [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", CLOSE],
    "closed between chunks": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", CLOSE],
    "no HTTP": [f"SSH-2.0-{BODY}\r\n".encode(), CLOSE],
    "a broken header line": [f"HTTP/1.1 200 OK\r\n{HEADER}\r\n\r\n".encode(), CLOSE],
    "headers without end": [b"HTTP/1.1 200 OK\r\n" + f"X-Long: {HEADER}\r\n".encode() * 20_000, CLOSE],
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_connection_that_breaks_is_unreachable_after_three_tries(case: str) -> None:
    with Server(lambda seen: BROKEN[case]) as server, pytest.raises(Retryable) as caught:
        through(server, total_seconds=10).send(outgoing())
    assert caught.value.unreachable
    assert caught.value.status is None
    assert len(server.requests) == 3
    assert_silent(caught.value)


# --- Time ----------------------------------------------------------------------------------------------------------


DRIPS = {
    "silence": None,
    "headers": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "header lines": (b"HTTP/1.1 200 OK\r\n", b"X-Slow: x\r\n"),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "body without end": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"x"),
    "gzip": (
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n",
        gzip.compress(b"", mtime=0),
    ),
    "error body": (b"HTTP/1.1 429 Slow\r\nContent-Length: 100000\r\n\r\n", b"x"),
}


@pytest.mark.parametrize("case", DRIPS)
def test_the_total_deadline_outlasts_every_drip(case: str) -> None:
    planned = DRIPS[case]
    with Server(lambda seen: server.drip(*planned) if planned else server.silence()) as server:
        began = time.monotonic()
        with pytest.raises(Retryable) as caught:
            through(server, total_seconds=TOTAL).send(outgoing())
        assert time.monotonic() - began < GENEROUS_SECONDS
    assert caught.value.unreachable
    assert "in time" in caught.value.message
    assert len(server.requests) == 1


def test_a_silence_ends_at_the_read_timeout_and_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_SECONDS", 0.2)
    with Server(lambda seen: server.silence()) as server:
        began = time.monotonic()
        with pytest.raises(Retryable, match="did not answer in time"):
            through(server).send(outgoing())
        assert time.monotonic() - began < GENEROUS_SECONDS
    assert len(server.requests) == 1


def test_a_server_that_is_slow_but_in_time_is_heard() -> None:
    def respond(seen: Seen) -> Iterator[bytes]:
        for byte in answer(body=b"[1]"):
            server.stopping.wait(0.001)
            yield bytes([byte])

    with Server(respond) as server:
        assert through(server).send(outgoing()).body == b"[1]"


def test_many_dead_addresses_share_one_deadline(
    monkeypatch: pytest.MonkeyPatch, resolve: Callable[[dict[str, list[str]]], None]
) -> None:
    resolve({"api.example.com": [f"8.8.8.{number}" for number in range(1, 41)]})
    clock = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def connect(self: Any, host: str, port: int, timeout: float | None = None, *more: Any) -> Any:
        assert timeout is not None
        clock[0] += timeout
        raise httpcore.ConnectTimeout

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    with pytest.raises(Retryable):
        Transport(pause=lambda seconds: None, total_seconds=12).send(outgoing())
    assert 10 <= clock[0] <= 12


# --- Size ----------------------------------------------------------------------------------------------------------

CAP = 64 * 1024


def chunked(body: bytes, headers: bytes = b"") -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        + headers
        + b"\r\n%x\r\n" % len(body)
        + body
        + (b"\r\n0\r\n\r\n")
    )


@pytest.mark.parametrize("make", [lambda body: answer(body=body), chunked, packed])
def test_the_cap_is_exact(make: Callable[[bytes], bytes]) -> None:
    with Server(lambda seen: make(b"x" * (CAP + len(server.requests) - 1))) as server:
        transport = through(server, max_body_bytes=CAP)
        assert transport.send(outgoing()).body == b"x" * CAP
        with pytest.raises(PayloadError, match="sent more than"):
            transport.send(outgoing())
    assert len(server.requests) == 2, "a body that is too large is not asked for again"


def test_sixteen_mebibytes_are_the_cap() -> None:
    assert MAX_BODY_BYTES == 16 * 1024 * 1024
    bomb = gzip.compress(bytes(MAX_BODY_BYTES + 1))
    assert len(bomb) < 20_000
    with (
        Server(lambda seen: answer(body=bomb, headers=[("Content-Encoding", "gzip")])) as server,
        pytest.raises(PayloadError, match="16 MiB"),
    ):
        through(server).send(outgoing())


def test_an_endless_body_is_cut_at_the_cap() -> None:
    def respond(seen: Seen) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        while not server.stopping.is_set():
            yield b"x" * 8192

    with Server(respond) as server, pytest.raises(PayloadError, match="sent more than"):
        through(server, max_body_bytes=CAP).send(outgoing())


@pytest.mark.parametrize(
    "start", [gzip.compress(b"{}", mtime=0), b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03"], ids=["members", "file name"]
)
def test_packed_bytes_that_unfold_to_nothing_are_capped_too(start: bytes) -> None:
    """Empty members one after another, or a file name without end: no output, but no end either."""
    more = gzip.compress(b"", mtime=0) * 400 if start.endswith(b"\x00") else b"x" * 8000

    def respond(seen: Seen) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n" + start
        while not server.stopping.is_set():
            yield more

    with Server(respond) as server, pytest.raises(PayloadError, match="sent more than"):
        through(server, max_body_bytes=CAP).send(outgoing())


def test_a_length_that_says_too_little_cuts_the_body_and_harms_no_later_answer() -> None:

    def respond(seen: Seen) -> bytes:
        return answer(body=b"[]") + (b'{"more": 1}' if len(server.requests) == 1 else b"")

    with Server(respond) as server:
        transport = through(server)
        assert transport.send(outgoing()).body == b"[]"
        assert transport.send(outgoing()).body == b"[]"


# --- Compression ---------------------------------------------------------------------------------------------------


def test_gzip_is_unfolded() -> None:
    text = json.dumps([{"id": number} for number in range(20_000)]).encode()
    with Server(lambda seen: packed(text)) as server:
        assert through(server).send(outgoing()).body == text


def test_gzip_of_several_members_is_unfolded_whole() -> None:
    body = gzip.compress(b'{"first": 1,', mtime=0) + gzip.compress(b' "second": 2}')
    with Server(lambda seen: answer(body=body, headers=[("content-encoding", "GZip")])) as server:
        assert through(server).send(outgoing()).json() == {"first": 1, "second": 2}


def test_an_empty_body_keeps_its_status_whatever_its_encoding() -> None:
    with Server(lambda seen: answer(401, b"", [("Content-Encoding", "gzip")])) as server:
        reply = through(server).send(outgoing())
    assert (reply.status, reply.body) == (401, b"")


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", b'{"plain": 1}'),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-8] + b"\x00" * 8),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"rubbish"),
        ("br", b"whatever"),
        ("deflate", b"whatever"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}", mtime=0), mtime=0)),
        (f"gzip {HEADER}", b"{}"),
    ],
)
def test_a_broken_compression_is_a_payload_error(encoding: str, body: bytes) -> None:
    with (
        Server(lambda seen: answer(body=body, headers=[("Content-Encoding", encoding)])) as server,
        pytest.raises(PayloadError) as caught,
    ):
        through(server).send(outgoing())
    assert_silent(caught.value)
    assert len(server.requests) == 1


def test_a_compression_that_ends_early_is_retryable() -> None:
    body = gzip.compress(b"x" * 5000, mtime=0)[:-12]
    with (
        Server(lambda seen: answer(body=body, headers=[("Content-Encoding", "gzip")])) as server,
        pytest.raises(Retryable, match="broke off"),
    ):
        through(server).send(outgoing())


# --- Redirects -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_redirect_to_another_port_is_not_followed(status: int, method: str) -> None:
    with Server(lambda seen: answer()) as other:
        to = f"{other.url}/steal?{QUERY}"
        with (
            Server(lambda seen: answer(status, headers=[("Location", to)])) as server,
            pytest.raises(PayloadError) as caught,
        ):
            private().send(outgoing(f"{server.url}/v1", method=method))
    assert other.accepted == 0
    assert len(server.requests) == 1
    assert caught.value.status == status
    assert_silent(caught.value)


@pytest.mark.parametrize(
    "location",
    [
        "http://elsewhere.example:{port}/v1",
        "//elsewhere.example:{port}/v1",
        "//127.0.0.2:{port}/v1",
        "https://127.0.0.1:{port}/v1",
        "https:/v1",
        "ftp://127.0.0.1:{port}/v1",
        "file:///etc/passwd",
        "http://127.0.0.1/v1",
        "http://canary@127.0.0.1:{port}/v1",
        "http://127.0.0.1:{port}@elsewhere.example/v1",
        "http://elsewhere.example#@127.0.0.1:{port}/v1",
        "http://elsewhere.example\\@127.0.0.1:{port}/v1",
        "http://127.0.0.1:{port}.elsewhere.example/v1",
        "http://[::1",
        "http://127.0.0.1:letters/v1",
        "http://127.0.0.1:99999/v1",
        "/" + "x" * 70_000,
    ],
)
def test_a_redirect_elsewhere_is_not_followed(
    location: str, connects: list[tuple[str, int]], resolve: Callable[[dict[str, list[str]]], None]
) -> None:
    resolve({"elsewhere.example": ["127.0.0.1"]})

    def respond(seen: Seen) -> bytes:
        return answer(302, headers=[("Location", location.format(port=server.port))])

    with Server(respond) as server, pytest.raises(PayloadError) as caught:
        private().send(outgoing(f"http://127.0.0.1:{server.port}/v1"))
    assert len(server.requests) == 1
    assert connects == [("127.0.0.1", server.port)]
    assert caught.value.status == 302
    assert "canary" not in caught.value.message


@pytest.mark.parametrize("location", ["/next?page=2", "next?page=2", "?page=2", "{host}/next?page=2"])
def test_a_redirect_within_the_host_is_followed_with_the_credential(location: str) -> None:
    def respond(seen: Seen) -> bytes:
        if "page=2" in seen.target:
            return answer(body=b'{"there": 1}')
        return answer(307, b"moved", [("Location", location.format(host="https://api.example.com"))])

    with Server(respond) as server:
        reply = through(server).send(outgoing(params=(("first", "1"),)))
    assert reply.body == b'{"there": 1}'
    first, second = server.requests
    assert first.target == "/v1/things?first=1"
    assert urlsplit(second.target).query == "page=2"
    assert second.method == "GET"
    assert second.header("Authorization") == f"Bearer {SECRET}"
    assert second.header("Host") == "api.example.com"


@pytest.mark.parametrize(("hops", "arrives"), [(1, True), (3, True), (4, False), (100, False)])
def test_at_most_three_hops(hops: int, arrives: bool) -> None:
    def respond(seen: Seen) -> bytes:
        count = int(seen.target.rsplit("/", 1)[1])
        return answer(302, headers=[("Location", f"/hop/{count + 1}")]) if count < hops else answer(body=b"[1]")

    with Server(respond) as server:
        if arrives:
            assert through(server).send(outgoing("https://api.example.com/hop/0")).body == b"[1]"
        else:
            with pytest.raises(PayloadError, match="in a circle"):
                through(server).send(outgoing("https://api.example.com/hop/0"))
    assert len(server.requests) == min(hops, 3) + 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_post_is_never_redirected(status: int) -> None:
    with (
        Server(lambda seen: answer(status, headers=[("Location", "/v1/other")])) as server,
        pytest.raises(PayloadError),
    ):
        through(server).send(outgoing(method="POST", json={"a": 1}))
    assert len(server.requests) == 1


def test_hops_share_the_deadline() -> None:
    def respond(seen: Seen) -> Iterator[bytes]:
        if seen.target.startswith("/hop"):
            yield from server.silence()
        yield answer(302, headers=[("Location", "/hop")])

    with Server(respond) as server, pytest.raises(Retryable, match="in time"):
        through(server, total_seconds=TOTAL).send(outgoing())
    assert len(server.requests) == 2


# --- Nothing is kept -----------------------------------------------------------------------------------------------


def test_cookies_are_neither_kept_nor_sent() -> None:
    def respond(seen: Seen) -> bytes:
        cookies = [("Set-Cookie", "session=canary; Path=/"), ("Set-Cookie", "other=1")]
        if seen.target == "/start":
            return answer(302, headers=[("Location", "/v1"), *cookies])
        return answer(headers=cookies)

    with Server(respond) as server:
        transport = through(server)
        for path in ("/v1", "/start", "/v1"):
            transport.send(outgoing(f"https://api.example.com{path}"))
    assert len(server.requests) == 4
    assert all(seen.header("Cookie") is None for seen in server.requests)


def test_a_connection_is_used_again_and_carries_nothing_over() -> None:
    with Server(lambda seen: answer()) as server:
        first = outgoing(
            method="POST",
            params=(("q", QUERY),),
            headers=(("Authorization", f"Bearer {SECRET}"), ("X-First", HEADER)),
            json={"body": BODY},
        )
        through(server).send(first)
        through(server).send(outgoing("https://other.example.org/v1", headers=(("X-Api-Key", "another"),)))
    one, two = server.requests
    assert server.accepted == 1, "the connection was not used again"
    assert one.connection == two.connection
    assert two.header("Host") == "other.example.org"
    assert two.header("X-Api-Key") == "another"
    assert not any(canary.encode() in two.raw for canary in (SECRET, QUERY, HEADER, BODY))
    assert two.header("Authorization") is None


def test_many_credentials_at_once_get_their_own_answers() -> None:
    def respond(seen: Seen) -> bytes:
        return answer(body=json.dumps(seen.header("Authorization")).encode())

    def ask(number: int) -> bool:
        call = outgoing(headers=(("Authorization", f"Bearer key-{number}"),))
        return transport.send(call).json() == f"Bearer key-{number}"

    with Server(respond) as server, ThreadPoolExecutor(8) as pool:
        transport = through(server)
        assert all(pool.map(ask, range(200)))
    assert len(server.requests) == 200
    assert server.accepted < 200, "no connection was used again"


def test_a_connection_that_the_server_gave_up_is_replaced() -> None:
    with Server(lambda seen: [answer(body=b"[1]"), CLOSE]) as server:
        transport = through(server)
        assert [transport.send(outgoing()).body for _ in range(3)] == [b"[1]"] * 3
    assert server.accepted == 3


def test_the_deadline_of_one_call_does_not_bind_the_next() -> None:
    def respond(seen: Seen) -> Iterator[bytes]:
        if len(server.requests) == 1:
            yield from server.silence()
        yield answer(body=b"[1]")

    with Server(respond) as server, pytest.raises(Retryable):
        through(server, total_seconds=0.2).send(outgoing())
        assert through(server).send(outgoing()).body == b"[1]"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server(lambda seen: answer()) as proxy, Server(lambda seen: answer(body=b"[1]")) as server:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert private().send(outgoing(f"{server.url}/v1")).body == b"[1]"
    assert proxy.accepted == 0


# --- Retry-After ---------------------------------------------------------------------------------------------------


def http_date(moment: datetime) -> str:
    return moment.strftime("%a, %d %b %Y %H:%M:%S GMT")


SKEWED = datetime(2019, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Retry-After", "30")], 30),
        ([("retry-after", " 1.5 ")], 1.5),
        ([("Retry-After", "0")], 0),
        ([("Retry-After", http_date(SKEWED + timedelta(seconds=90))), ("Date", http_date(SKEWED))], 90),
        ([("Retry-After", http_date(SKEWED)), ("Date", http_date(SKEWED + timedelta(hours=1)))], None),
        ([("Retry-After", http_date(SKEWED))], None),
        ([("Retry-After", "soon")], None),
        ([("Retry-After", "-5")], None),
        ([("Retry-After", "nan")], None),
        ([("Retry-After", "9" * 400)], None),
        ([("Retry-After", "99999999")], 6 * 3600),
        ([("Retry-After", f"Sat, 04 May 2019 03:02:01 +{'9' * 20}"), ("Date", http_date(SKEWED))], None),
        ([("Retry-After", "5"), ("Retry-After", "7")], None),
        ([], None),
    ],
)
def test_retry_after_as_it_comes_over_the_wire(headers: list[tuple[str, str]], seconds: float | None) -> None:
    with Server(lambda seen: answer(429, headers=headers)) as server:
        reply = through(server).send(outgoing())
    assert reply.status == 429
    assert retry_after_seconds(reply.headers) == seconds


# --- What an error may say -----------------------------------------------------------------------------------------


def assert_silent(error: BaseException) -> None:
    """Neither the error nor the traceback that a log would hold quotes anything of the call or of the answer."""
    said = "".join(traceback.format_exception(error)) + repr(error) + str(vars(error))
    assert not any(canary in said for canary in (SECRET, QUERY, HEADER, BODY)), said


SPOILED: dict[str, Any] = {
    "redirect": lambda: answer(302, BODY.encode(), [("Location", f"https://x.example/{HEADER}?{BODY}")]),
    "encoding": lambda: answer(200, BODY.encode(), [("Content-Encoding", HEADER)]),
    "gzip": lambda: answer(200, BODY.encode(), [("Content-Encoding", "gzip"), ("X-Header", HEADER)]),
    "cut": lambda: [answer(200, BODY.encode() * 9, [("X-Header", HEADER)])[:-9], CLOSE],
    "reset": lambda: [answer(200, BODY.encode() * 9, [("X-Header", HEADER)])[:-9], RESET],
    "large": lambda: answer(200, BODY.encode() * 9000, [("X-Header", HEADER)]),
    "status line": lambda: [f"HTTP/1.1 {BODY}\r\n\r\n".encode(), CLOSE],
    "header line": lambda: [f"HTTP/1.1 200 OK\r\n{HEADER} {BODY}\r\n\r\n".encode(), CLOSE],
    "transfer": lambda: [f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {HEADER}\r\n\r\n{BODY}".encode(), CLOSE],
    "chunk": lambda: [f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{BODY}\r\n".encode(), CLOSE],
}


@pytest.mark.parametrize("case", SPOILED)
def test_an_error_quotes_nothing(case: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with Server(lambda seen: SPOILED[case]()) as server, pytest.raises(ProviderError) as caught:
        through(server, max_body_bytes=CAP).send(
            outgoing(f"https://api.example.com/v1/{BODY}", params=(("q", QUERY),), json={"x": BODY})
        )
    assert_silent(caught.value)
    assert QUERY in server.requests[0].target, "the canary was not even sent"
    assert server.requests[0].header("Authorization") == f"Bearer {SECRET}"
    assert SECRET not in caplog.text
    assert QUERY not in caplog.text


@pytest.mark.parametrize("text", [f"<html>{BODY}", f'{{"a": "{BODY}', f'{{"{BODY}": NaN}}', "[" * 100_000])
def test_an_unreadable_body_is_not_quoted(text: str) -> None:
    with Server(lambda seen: answer(body=text.encode())) as server:
        reply = through(server).send(outgoing())
    with pytest.raises((Retryable, PayloadError)) as caught:
        reply.json()
    assert_silent(caught.value)


def test_a_call_shows_neither_headers_nor_query() -> None:
    call = outgoing(params=(("q", QUERY),), headers=(("Authorization", SECRET), ("X", HEADER)), json={"x": BODY})
    assert not any(canary in repr(call) for canary in (SECRET, QUERY, HEADER, BODY))


# --- TLS -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """(certificate, key) of a self-signed server certificate for one address."""

    def make(address: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.now(UTC) - timedelta(days=1))
            .not_valid_after(datetime.now(UTC) + timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        folder = tmp_path_factory.mktemp("tls")
        (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
        (folder / "key.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return folder / "cert.pem", folder / "key.pem"

    return make


def tls_server(certificate: Path, key: Path) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return Server(lambda seen: answer(body=b"[1]"), tls=context)


def trust(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(module, "_tls", lambda: context)
    monkeypatch.setattr(module, "_own", threading.local())


def test_a_certificate_that_nobody_vouches_for_is_refused(certificates: Any) -> None:
    with tls_server(*certificates("127.0.0.1")) as server:
        for transport, url in ((private(), f"{server.url}/v1"), (through(server), "https://api.example.com/v1")):
            with pytest.raises(Retryable) as caught:
                transport.send(outgoing(url))
            assert caught.value.unreachable
    assert server.accepted
    assert server.requests == [], "something was sent to a server without a valid certificate"


def test_the_same_certificate_is_accepted_once_it_is_trusted(
    certificates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = certificates("127.0.0.1")
    trust(monkeypatch, certificate)
    with tls_server(certificate, key) as server:
        assert private().send(outgoing(f"{server.url}/v1")).body == b"[1]"
        assert through(server).send(outgoing()).body == b"[1]"
    assert server.requests[1].header("Host") == "api.example.com"


def test_a_trusted_certificate_of_another_host_is_refused(certificates: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = certificates("127.0.0.9")
    trust(monkeypatch, certificate)
    with tls_server(certificate, key) as server, pytest.raises(Retryable):
        private().send(outgoing(f"{server.url}/v1"))
    assert server.requests == []


def test_a_plain_server_behind_https_is_unreachable() -> None:
    with Server(lambda seen: answer()) as server, pytest.raises(Retryable):
        private(total_seconds=TOTAL).send(outgoing(f"https://127.0.0.1:{server.port}/v1"))
    assert server.requests == []


def test_threads_share_pools_but_not_deadlines() -> None:
    """A short call beside a long one: each is held to its own deadline."""
    outcome: dict[str, object] = {}
    release = threading.Event()

    def respond(seen: Seen) -> Iterator[bytes]:
        if seen.target == "/short":
            yield from server.silence()
        release.wait(GENEROUS_SECONDS)
        yield answer(body=b"[1]")

    def long() -> None:
        outcome["long"] = through(server).send(outgoing("https://api.example.com/long")).body

    with Server(respond) as server:
        thread = threading.Thread(target=long)
        thread.start()
        with pytest.raises(Retryable):
            through(server, total_seconds=0.3).send(outgoing("https://api.example.com/short"))
        release.set()
        thread.join(GENEROUS_SECONDS)
    assert outcome == {"long": b"[1]"}
