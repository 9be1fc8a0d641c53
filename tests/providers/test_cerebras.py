"""Cerebras against its simulated account: the key's models carry the list prices, and nothing else is asked for."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters.cerebras import PRICE_LIST, PROVIDER
from providers.collect import Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded
from providers.records import Model
from providers.simulator.parts.cerebras import DEDICATED, PROFILE
from providers.spec import Reply, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=10), end=NOW, now=NOW)
KEY = Credentials(values={"api_key": "csk-sim-harbor"})


def test_prices_are_those_that_the_simulated_account_pays() -> None:
    send, _ = simulated("cerebras", NOW)
    found = {row.id: row for row in collect(PROVIDER, "models", KEY, WINDOW, send).records if isinstance(row, Model)}
    assert found.keys() == {*(model.id for model in PROFILE.models), DEDICATED}
    for model in PROFILE.models:
        assert found[model.id].prices == {"input": model.input_price, "output": model.output_price}
        assert found[model.id].price_unit == "USD"
    assert found[DEDICATED] == Model(id=DEDICATED)


def test_both_priced_formats_of_the_list_say_the_same() -> None:
    """The two units differ by a million; the adapter reads the exact one."""
    send, _ = simulated("cerebras", NOW)

    def listed(wanted: str) -> list[dict[str, dict[str, Decimal]]]:
        reply = send(Outgoing(method="GET", url=PRICE_LIST.url, params=(("format", wanted),)))
        rows: list[dict[str, dict[str, Decimal]]] = reply.json()["data"]
        return rows

    for by_token, by_million in zip(listed("openrouter"), listed("huggingface"), strict=True):
        assert Decimal(by_token["pricing"]["prompt"]) * 1_000_000 == by_million["pricing"]["input"]
        assert Decimal(by_token["pricing"]["completion"]) * 1_000_000 == by_million["pricing"]["output"]


def test_the_price_list_is_asked_for_without_the_key() -> None:
    send, _ = simulated("cerebras", NOW)
    sent: list[Outgoing] = []

    def remember(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        reply: Reply = send(outgoing)
        return reply

    collect(PROVIDER, "models", KEY, WINDOW, remember)
    assert [any(name == "Authorization" for name, _ in call.headers) for call in sent] == [True, False]


def test_only_an_inference_key_is_taken() -> None:
    send, _ = simulated("cerebras", NOW)
    assert check(PROVIDER, KEY, WINDOW, send).key_kind == "api_key"
    for value in ("sk-sim-harbor", "csk-nobody"):
        with pytest.raises(ActionNeeded) as refused:
            check(PROVIDER, Credentials(values={"api_key": value}), WINDOW, send)
        assert (refused.value.code, refused.value.field) == ("refused", "api_key")
