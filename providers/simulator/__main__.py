"""`python -m providers.simulator --port 8700 [--latency 0.3] [--seed 7]`: serve on loopback until stopped."""

import argparse
import asyncio

from granian.constants import Interfaces
from granian.server.embed import Server

from providers.simulator.parts import PARTS
from providers.simulator.server import Application, Simulator
from providers.simulator.world import World


def main() -> None:
    options = argparse.ArgumentParser(prog="providers.simulator", description=__doc__)
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=8700)
    options.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args()
    simulator = Simulator(PARTS, World(given.seed))
    simulator.latency = given.latency
    server = Server(
        Application(simulator), address=given.host, port=given.port, interface=Interfaces.ASGINL, log_access=False
    )
    asyncio.run(server.serve())


if __name__ == "__main__":
    main()
