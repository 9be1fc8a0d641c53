"""LM Studio against simulated servers of three generations, open and closed ones."""

from datetime import UTC, datetime
from typing import Any

import pytest

from providers.adapters.lmstudio import PROVIDER
from providers.collect import CapabilityNotOffered, Credentials, check, collect
from providers.errors import ActionNeeded
from providers.records import Model
from providers.simulator.parts import lmstudio as part
from providers.simulator.server import Simulator
from providers.spec import Window
from providers.transport import Transport
from tests.providers.simulated import SimulatedWire

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
WINDOW = Window(start=NOW, end=NOW, now=NOW)
OPEN, CLOSED = "http://localhost:1234", "http://lmstudio.internal:1234"


def server() -> Any:
    """A server in a private network, over plain HTTP."""
    wire = SimulatedWire(Simulator((part.PART,)), NOW)
    return Transport(wire=wire, reach="private", pause=lambda seconds: None).send


def at(address: str, token: str = "") -> Credentials:
    return Credentials(values={"base_url": address, "api_token": token})


@pytest.mark.parametrize(
    ("token", "contexts", "partial"),
    [
        ("", [8192, 2048], False),
        ("sim-harbor", [8192, 2048], False),
        ("v0-sim-harbor", [131072, 2048], False),
        ("old-sim-harbor", [None, None], True),
    ],
)
def test_every_generation_lists_its_models(token: str, contexts: list[int | None], partial: bool) -> None:
    found = collect(PROVIDER, "models", at(OPEN, token), WINDOW, server())
    rows = [row for row in found.records if isinstance(row, Model)]
    assert [row.id for row in rows] == [model.id for model in part.PROFILE.models]
    assert [row.context for row in rows] == contexts
    assert bool(found.partial) is partial


@pytest.mark.parametrize("address", [f"{OPEN}/", f"{OPEN}/v1", f"{OPEN}/v1/"])
def test_an_address_as_people_type_it(address: str) -> None:
    assert check(PROVIDER, at(address), WINDOW, server()).key_kind == "no_key"


@pytest.mark.parametrize(
    ("token", "code"), [("", "missing_field"), ("nobody", "refused"), ("bare-sim-harbor", "missing_scope")]
)
def test_a_closed_server_says_what_is_wrong_with_the_token(token: str, code: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        check(PROVIDER, at(CLOSED, token), WINDOW, server())
    assert (caught.value.code, caught.value.field) == (code, "api_token")
    assert check(PROVIDER, at(CLOSED, "sim-harbor"), WINDOW, server()).key_kind == "api_token"


@pytest.mark.parametrize("capability", ["balance", "quota", "usage", "cost", "keys"])
def test_nothing_else_is_offered(capability: str) -> None:
    with pytest.raises(CapabilityNotOffered):
        collect(PROVIDER, capability, at(OPEN), WINDOW, server())
