"""Real servers on loopback that answer as badly as a test wants: raw bytes, drips, resets, TLS."""

import contextlib
import gzip
import itertools
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from providers.simulator.server import Simulator

CLOSE = object()
"""In an answer: close the connection here."""
RESET = object()
"""In an answer: reset the connection here (RST, not FIN)."""


@dataclass
class Seen:
    """A request as it came over the wire. `connection` counts the connections of the server from 1."""

    connection: int
    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    raw: bytes = field(repr=False)

    def header(self, name: str) -> str | None:
        """The only header of this name; two of them fail the test."""
        values = [value for known, value in self.headers if known.lower() == name.lower()]
        assert len(values) < 2, f"{name} came {len(values)} times"
        return values[0] if values else None


Respond = Callable[[Seen], Any]


class Server:
    """Answers every request with the bytes (or pieces: bytes, CLOSE, RESET) that `respond` gives. A context manager;
    `requests` is what came, `accepted` how many connections were made."""

    def __init__(self, respond: Respond, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Seen] = []
        self.accepted = 0
        self.stopping = threading.Event()
        self._respond = respond
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []

    def __enter__(self) -> "Server":
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        # A plain close would leave accept() waiting for ever.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(timeout=10)

    def drip(self, start: bytes, text: bytes) -> Iterator[bytes]:
        """`start` at once, then `text` over and over, one byte every 20 ms, until the client hangs up."""
        yield start
        for position in itertools.count():
            if self.stopping.wait(0.02):
                return
            yield text[position % len(text) :][:1]

    def silence(self) -> Iterator[Any]:
        """No answer for as long as the server runs."""
        self.stopping.wait()
        yield CLOSE

    def _start(self, run: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._connections.append(connection)
            self._start(self._serve, connection, self.accepted)

    def _serve(self, plain: socket.socket, number: int) -> None:
        connection = plain
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(plain, server_side=True)
                self._connections.append(connection)
            with connection:
                while (seen := _read(connection, number)) is not None:
                    self.requests.append(seen)
                    for piece in _pieces(self._respond(seen)):
                        if piece is RESET:
                            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        if piece is RESET or piece is CLOSE or self.stopping.is_set():
                            return
                        connection.sendall(piece)
        except OSError:  # the client hung up, which is what many tests want of it
            plain.close()


def _pieces(answer: Any) -> Iterable[Any]:
    return [answer] if isinstance(answer, bytes) else answer


def _read(connection: socket.socket, number: int) -> Seen | None:
    raw = bytearray()
    while b"\r\n\r\n" not in raw:
        received = connection.recv(65536)
        if not received:
            return None
        raw += received
    head, _, body = bytes(raw).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = first.split(" ")
    pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    length = next((int(value) for name, value in pairs if name.lower() == "content-length"), 0)
    while len(body) < length:
        received = connection.recv(65536)
        if not received:
            return None
        body += received
    return Seen(connection=number, method=method, target=target, headers=pairs, body=body, raw=head + body)


def answer(status: int = 200, body: bytes = b"{}", headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A whole HTTP/1.1 answer with its Content-Length."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def packed(body: bytes, status: int = 200) -> bytes:
    """An answer compressed with gzip."""
    return answer(status, gzip.compress(body), [("Content-Encoding", "gzip")])


@contextlib.contextmanager
def simulator_server(simulator: Simulator, now: datetime) -> Iterator[Server]:
    """The simulator behind a socket, its clock standing at `now`. A delayed answer waits until the server stops."""

    def respond(seen: Seen) -> Iterator[Any]:
        headers = {name.lower(): value for name, value in seen.headers}
        told = simulator.answer(seen.method, headers["host"], seen.target, headers, seen.body, now)
        if told.delay:
            server.stopping.wait(told.delay)
        yield answer(told.status, told.body(), told.headers.items())

    with Server(respond) as server:
        yield server
