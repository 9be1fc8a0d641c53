"""The simulator without a socket, at any moment: for the demo's past and for tests."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlencode, urlsplit

from providers.collect import Send
from providers.simulator.parts import PARTS
from providers.simulator.server import Simulator
from providers.spec import Outgoing, Reply, host_of

Travel = Callable[[datetime], None]


@contextmanager
def replay(slug: str) -> Iterator[tuple[Send, Travel]]:
    """(send, travel): `send` answers as the simulated provider would at the moment that `travel` was told last."""
    simulator = Simulator(tuple(part for part in PARTS if part.slug == slug))
    moment = datetime.now(UTC)

    def travel(at: datetime) -> None:
        nonlocal moment
        moment = at

    def send(outgoing: Outgoing) -> Reply:
        target = urlsplit(outgoing.url).path + (f"?{urlencode(outgoing.params)}" if outgoing.params else "")
        headers = {"host": host_of(outgoing.url)} | {name.lower(): value for name, value in outgoing.headers}
        body = b"" if outgoing.json is None else json.dumps(outgoing.json).encode()
        if outgoing.form is not None:
            body = urlencode(outgoing.form).encode()
            headers["content-type"] = "application/x-www-form-urlencoded"
        answer = simulator.answer(outgoing.method, host_of(outgoing.url), target, headers, body, moment)
        names = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(status=answer.status, headers=names, body=answer.body())

    yield send, travel
