"""The simulator in-process: adapters run against it through the real transport, without a socket."""

from datetime import datetime
from typing import Any

import httpx

from providers.simulator.parts import PARTS
from providers.simulator.server import Simulator
from providers.simulator.world import Profile, SimAccount, World
from providers.transport import Transport

_MADE: dict[tuple[int, str, str], SimAccount] = {}


class RememberedWorld(World):
    """Days and closing balances follow from seed, profile and name alone: a test does not make again what an earlier
    one of this process has made. Moves by hand are each world's own."""

    def account(self, profile: Profile, name: str) -> SimAccount:
        account = super().account(profile, name)
        made = _MADE.setdefault((self.seed, profile.slug, name), account)
        account.history = made.history
        return account


class SimulatedWire:
    """Carries a request to a Simulator at a chosen moment."""

    def __init__(self, simulator: Simulator, now: datetime) -> None:
        self.simulator = simulator
        self.now = now

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        target = request.url.raw_path.decode()
        answer = self.simulator.answer(request.method, headers["host"], target, headers, request.content, self.now)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body())


def simulated(slug: str, now: datetime) -> tuple[Any, Simulator]:
    """(send, simulator) for one provider at a fixed moment."""
    simulator = Simulator(tuple(part for part in PARTS if part.slug == slug), RememberedWorld())
    return Transport(wire=SimulatedWire(simulator, now), pause=lambda seconds: None).send, simulator
