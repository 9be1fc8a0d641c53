"""`manage.py probe --all`: every provider in one table, what counts as a failure, and no secret in any line of it."""

import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from dashboard.sync.management.survey import FAILED, WORDS, Line, _line, table
from providers.collect import Credentials
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.spec import CAPABILITIES, Account, Endpoint, NotOffered, Outgoing, Reply, Steps, Window
from providers.transport import Transport
from tests.providers.simulated import SimulatedWire

AT = "2026-11-20T14:32:00Z"
NOW = datetime.fromisoformat(AT)
CANARY = "canary-7f3a"


def survey(*given: str) -> tuple[int, str]:
    """(exit code, what was printed)."""
    out = io.StringIO()
    try:
        call_command("probe", "--all", "--now", AT, *given, stdout=out)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code, out.getvalue()
    return 0, out.getvalue()


def cells(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (line["provider"], result["capability"]): result for line in document["providers"] for result in line["results"]
    }


# --- The simulator -------------------------------------------------------------------------------------------------


def test_every_provider_of_the_simulator_is_read_and_none_fails() -> None:
    code, printed = survey("--simulator", "--json")
    document = json.loads(printed)
    assert code == 0
    assert document["now"] == AT
    assert [line["provider"] for line in document["providers"]] == [part.slug for part in PARTS]
    found = cells(document)
    assert set(found) == {(slug, capability) for slug in PROVIDERS for capability in CAPABILITIES}
    for (slug, capability), result in found.items():
        absent = isinstance(PROVIDERS[slug].endpoint(capability), NotOffered)
        assert (result["status"] == "not_offered") == absent, (slug, capability)
        if not absent:
            # The demo's MiniMax and Moonshot accounts are wallets: windows come with subscriptions alone.
            assert result["status"] in {"ok", "not_available"}, (slug, capability, result)
            assert result["calls"] > 0 or result["status"] == "not_available"
            assert result["milliseconds"] >= 0
            assert (result["records"] > 0) == (result["status"] == "ok"), (slug, capability)


def test_the_table_has_a_row_for_each_and_no_secret() -> None:
    code, printed = survey("--simulator")
    assert code == 0
    head, *lines = printed.splitlines()
    assert head.split() == list(CAPABILITIES)
    assert [line.split()[0] for line in lines[: len(PARTS)]] == [part.slug for part in PARTS]
    starts = {head.index(name) for name in CAPABILITIES}
    for line in lines[: len(PARTS)]:
        assert all(line[start - 1] == " " and line[start] != " " for start in starts), "columns stand under their heads"
    assert re.search(rf"^{len(PARTS)} providers: \d+ read, 0 failed", printed, re.MULTILINE)
    for part in PARTS:
        for field in PROVIDERS[part.slug].fields:
            value = part.demo.get(field.name, "")
            assert not field.secret or not value or value not in printed, (part.slug, field.name)


def test_it_may_be_narrowed_to_some_capabilities() -> None:
    code, printed = survey("--simulator", "--capability", "models")
    assert code == 0
    assert printed.splitlines()[0].split() == ["models"]


@pytest.mark.django_db
def test_nothing_is_asked_of_the_database(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert survey("--simulator", "--capability", "balance")[0] == 0


# --- The environment -----------------------------------------------------------------------------------------------


@pytest.fixture
def environment(settings: Settings, simulator: SimulatedWire) -> Iterator[SimulatedWire]:
    """Two keys, and an address that is no key."""
    settings.PROVIDER_KEYS = {
        "DEEPSEEK_API_KEY": f"sk-sim-harbor-{CANARY}",
        "MOONSHOT_API_KEY": f"sk-sim-harbor-{CANARY}",
        "AZURE_OPENAI_ENDPOINT": "https://sim.openai.azure.com",
    }
    yield simulator


def test_only_providers_with_a_key_are_read(environment: SimulatedWire) -> None:
    code, printed = survey("--json")
    found = cells(json.loads(printed))
    assert {slug for slug, _ in found} == {"deepseek", "moonshot"}
    assert found[("deepseek", "balance")]["status"] == "ok"
    assert found[("moonshot", "balance")]["status"] == "not_set_up", "the product and the region are not in a variable"
    assert code == 0, "what nobody has set up has not failed"
    assert CANARY not in printed
    assert CANARY not in survey()[1]


@pytest.mark.parametrize(
    ("fault", "status"), [("401", "action_needed"), ("500", "retryable"), ("shape", "payload_error")]
)
def test_a_failure_is_told_in_words_and_ends_with_one(environment: SimulatedWire, fault: Any, status: str) -> None:
    environment.simulator.faults[("deepseek", "harbor")] = fault
    code, printed = survey()
    assert code == 1
    assert WORDS[status] in printed
    assert re.search(r"^deepseek balance: \w+", printed, re.MULTILINE)
    assert re.search(r"^2 providers: 0 read, 2 failed", printed, re.MULTILINE)
    assert CANARY not in printed


def test_an_empty_environment_is_said_and_is_no_success(settings: Settings) -> None:
    settings.PROVIDER_KEYS = {}
    with pytest.raises(CommandError, match="holds no provider's key"):
        survey()


# --- What is a failure ---------------------------------------------------------------------------------------------


def line_of(slug: str, send: Any, **values: str) -> Line:
    return _line(PROVIDERS[slug], ["models"], Credentials(values=values), send, NOW)


def test_a_crash_of_ours_is_one_cell_and_quotes_nothing() -> None:
    def broken(account: Account, window: Window) -> Steps:
        raise RuntimeError(CANARY)
        yield

    endpoint = PROVIDERS["deepseek"].endpoint("models")
    assert isinstance(endpoint, Endpoint)
    provider = replace(PROVIDERS["deepseek"], capabilities={"models": replace(endpoint, steps=broken)})
    line = _line(provider, ["models"], Credentials(values={"api_key": CANARY}), lambda outgoing: None, NOW)  # type: ignore[arg-type, return-value]
    assert line.failed
    printed = table([line], ["models"])
    assert "CRASHED" in printed
    assert "RuntimeError" in printed
    assert CANARY not in printed


def test_a_machine_of_ones_own_that_sleeps_has_not_failed_and_a_provider_that_is_silent_has() -> None:
    class Nobody:
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("planned")

    send = Transport(reach="private", wire=Nobody(), pause=lambda seconds: None).send
    asleep = line_of("lmstudio", send, base_url="http://ws-12.internal:1234")
    assert [cell.status for cell in asleep.cells] == ["offline"]
    assert not asleep.failed
    assert line_of("deepseek", send, api_key="sk-x").failed


def test_a_wrong_answer_of_a_workstation_has_failed() -> None:
    def gateway(outgoing: Outgoing) -> Reply:
        return Reply(status=500, headers={}, body=b"")

    assert line_of("lmstudio", gateway, base_url="http://ws-12.internal:1234").failed


def test_every_status_has_words() -> None:
    assert set(WORDS) > FAILED


# --- Wrong words on the command line -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        ["probe"],
        ["probe", "--simulator"],
        ["probe", "deepseek", "--all"],
        ["probe", "deepseek", "--simulator"],
        ["probe", "--all", "--field", f"api_key={CANARY}"],
        ["probe", "--all", "--since", AT],
        ["probe", "--all", "--until", AT],
        ["probe", "--all", "--fields"],
        ["probe", "--all", "--simulator", "--via", "http://127.0.0.1:8700"],
        ["probe", "--all", "--simulator", "--capability", "prophecy"],
        ["probe", "--all", "--simulator", "--now", "soon"],
        ["probe", "--all", "--via", "http://10.0.0.1"],
    ],
)
def test_what_does_not_go_together_is_refused(given: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        call_command(*given, stdout=io.StringIO())
    assert CANARY not in str(caught.value)
