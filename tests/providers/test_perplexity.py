"""Perplexity against its simulated accounts: only lists are read, and an empty wallet looks like a wrong key."""

from datetime import UTC, datetime, timedelta

import pytest

from providers.adapters.perplexity import BILLING, PROVIDER
from providers.collect import Credentials, check, collect
from providers.errors import ActionNeeded, NotAvailable
from providers.records import Model
from providers.simulator.parts.perplexity import PROFILE
from providers.simulator.world import TopUp
from providers.spec import Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=10), end=NOW, now=NOW)


def key(value: str = "pplx-sim-harbor", path: str = "v1") -> Credentials:
    return Credentials(values={"api_key": value, "base_path": path})


def test_the_models_are_the_simulated_ones() -> None:
    send, _ = simulated("perplexity", NOW)
    found = collect(PROVIDER, "models", key(), WINDOW, send)
    assert {row.id for row in found.records if isinstance(row, Model)} == {model.id for model in PROFILE.models}
    assert found.calls == 1


def test_without_a_choice_the_agent_api_is_read() -> None:
    send, _ = simulated("perplexity", NOW)
    found = collect(PROVIDER, "models", Credentials(values={"api_key": "pplx-sim-harbor"}), WINDOW, send)
    assert len(found.records) == len(PROFILE.models)


def test_the_orchestrator_is_for_those_let_in() -> None:
    send, _ = simulated("perplexity", NOW)
    records = collect(PROVIDER, "models", key("pplx-preview-sim-harbor", "orchestrator/v1"), WINDOW, send).records
    assert {row.id for row in records if isinstance(row, Model)} == {"perplexity/answer-small"}
    with pytest.raises(NotAvailable):
        collect(PROVIDER, "models", key(path="orchestrator/v1"), WINDOW, send)
    assert check(PROVIDER, key(path="orchestrator/v1"), WINDOW, send).warnings == ("can_manage_keys", "unchecked")


def test_an_unknown_api_is_not_asked() -> None:
    send, simulator = simulated("perplexity", NOW)
    with pytest.raises(ActionNeeded) as raised:
        collect(PROVIDER, "models", key(path="router/v1"), WINDOW, send)
    assert (raised.value.code, raised.value.field) == ("missing_field", "base_path")
    assert simulator.calls == {}


def test_no_credit_and_a_wrong_key_are_told_alike() -> None:
    send, simulator = simulated("perplexity", NOW)
    with pytest.raises(ActionNeeded) as wrong:
        check(PROVIDER, key("sk-sim-harbor"), WINDOW, send)
    account = simulator.world.account(PROFILE, "harbor")
    account.moves.topups.append(TopUp(at=NOW, amount=-account.balance(NOW)))
    with pytest.raises(ActionNeeded) as empty:
        check(PROVIDER, key(), WINDOW, send)
    assert wrong.value.message == empty.value.message
    assert "revoked" in empty.value.message
    assert "out of credit" in empty.value.message
    assert (empty.value.status, empty.value.field, empty.value.url) == (401, "api_key", BILLING)
