"""`manage.py probe`: what it prints, when it fails, what it never repeats; nothing here has a database."""

import io
import json
import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from providers import records, transport
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.server import Part, Simulator
from providers.spec import CAPABILITIES, Endpoint, NotOffered
from tests.providers.loopback import Server, simulator_server
from tests.providers.simulated import RememberedWorld, SimulatedWire

AT = "2026-11-20T14:32:00Z"
CANARY = "canary-7f3a"
STATUSES = {"ok", "action_needed", "retryable", "not_available", "payload_error", "not_offered"}
FAILURES = {"action_needed", "retryable", "payload_error"}
BY_SLUG = {part.slug: part for part in PARTS}
RECORDS = {
    kind.__name__: kind for kind in (records.Balance, records.Quota, records.UsageBucket, records.CostBucket)
} | {kind.__name__: kind for kind in (records.CounterSample, records.ProviderKey, records.Model, records.Server)}


def arguments(values: Mapping[str, str]) -> list[str]:
    return [text for name, value in values.items() for text in ("--field", f"{name}={value}")]


def probe(*given: str, now: str | None = AT) -> tuple[int, str]:
    """(exit code, what was printed)."""
    out = io.StringIO()
    try:
        call_command("probe", *given, *(("--now", now) if now else ()), stdout=out)
    except SystemExit as end:
        assert isinstance(end.code, int)
        return end.code, out.getvalue()
    return 0, out.getvalue()


def told(*given: str, **more: Any) -> tuple[int, dict[str, Any]]:
    code, printed = probe(*given, "--json", **more)
    return code, json.loads(printed)


def by_capability(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {result["capability"]: result for result in document["results"]}


def first_offered(slug: str) -> str:
    """A capability that needs the account's key."""
    capabilities = PROVIDERS[slug].capabilities
    return next(
        name
        for name in ("balance", "cost", "usage", "models")
        if isinstance(capabilities[name], Endpoint)  # type: ignore[index]
    )


# --- The shape -----------------------------------------------------------------------------------------------------


def assert_shape(document: dict[str, Any], slug: str) -> None:
    assert list(document) == ["provider", "now", "results"]
    assert document["provider"] == slug
    for result in document["results"]:
        assert list(result) == ["capability", "status", "message", "retry_after_seconds", "partial", "records"]
        assert result["capability"] in CAPABILITIES
        assert result["status"] in STATUSES
        assert isinstance(result["partial"], bool)
        assert result["message"] is None or (isinstance(result["message"], str) and result["message"])
        assert result["retry_after_seconds"] is None or isinstance(result["retry_after_seconds"], int | float)
        if result["status"] != "ok":
            assert result["message"]
            assert result["records"] == []
            assert result["partial"] is False
        if result["partial"]:
            assert result["message"]
        for record in result["records"]:
            kind = RECORDS[record["type"]]
            assert set(record) == {"type", *kind.__struct_fields__}
            for row in (record, *record.get("gauges", ())):
                for name, value in row.items():
                    assert_plain(name, value)


def assert_plain(name: str, value: Any) -> None:
    """Decimals are text in plain notation, times ISO 8601 with Z, and no float anywhere."""
    assert not isinstance(value, float), name
    if (
        name in ("amount", "granted", "cost", "used", "limit", "remaining", "percent_used", "value")
        and value is not None
    ):
        assert re.fullmatch(r"-?\d+(\.\d+)?", value), (name, value)
    if name in ("start", "end", "at", "until") or name.endswith("_at"):
        assert value is None or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value), (name, value)
    if isinstance(value, dict):
        assert all(isinstance(part, str) for part in value.values()), name


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_every_provider_over_a_real_socket(part: Part) -> None:
    simulator = Simulator((part,), RememberedWorld())
    with simulator_server(simulator, datetime.fromisoformat(AT)) as server:
        code, document = told(part.slug, *arguments(part.demo), "--via", server.url)
    assert code == 0
    assert_shape(document, part.slug)
    assert document["now"] == AT
    found = by_capability(document)
    assert set(found) == set(CAPABILITIES)
    for capability, result in found.items():
        declared = PROVIDERS[part.slug].endpoint(capability)
        if isinstance(declared, NotOffered):
            assert result["status"] == "not_offered"
            assert declared.reason in result["message"]
        else:
            assert result["status"] in {"ok", "not_available"}
            assert result["status"] == "not_available" or result["records"]
    assert first_offered(part.slug) in {name for name, result in found.items() if result["status"] == "ok"}
    assert {seen.header("Host") for seen in server.requests} <= part.hosts
    for value in part.demo.values():
        if "sim-harbor" in value:
            assert value not in json.dumps(document)


def test_a_relay_gets_the_original_host_path_query_and_headers() -> None:
    simulator = Simulator(PARTS, RememberedWorld())
    with simulator_server(simulator, datetime.fromisoformat(AT)) as server:
        told("deepseek", "--field", "api_key=sk-sim-harbor", "--capability", "balance", "--via", server.url)
    (seen,) = server.requests
    assert (seen.method, seen.target, seen.body) == ("GET", "/user/balance", b"")
    assert seen.header("Host") == "api.deepseek.com"
    assert seen.header("Authorization") == "Bearer sk-sim-harbor"


def test_amounts_are_the_ledgers(simulator: SimulatedWire) -> None:
    code, document = told("deepseek", *arguments(BY_SLUG["deepseek"].demo), "--capability", "balance")
    account = simulator.simulator.world.account(BY_SLUG["deepseek"].profile, "harbor")
    assert code == 0
    (result,) = document["results"]
    assert str(account.balance(simulator.now)) in {record["amount"] for record in result["records"]}


def test_the_clock_is_used_when_no_moment_is_given(simulator: SimulatedWire) -> None:
    before = datetime.now(UTC)
    _, document = told("deepseek", *arguments(BY_SLUG["deepseek"].demo), "--capability", "balance", now=None)
    assert document["now"].endswith("Z")
    assert before <= datetime.fromisoformat(document["now"]) <= datetime.now(UTC)


def test_a_moment_is_told_in_utc(simulator: SimulatedWire) -> None:
    given = ("deepseek", *arguments(BY_SLUG["deepseek"].demo), "--capability", "models")
    assert told(*given, now="2026-11-20T22:32:00+08:00")[1]["now"] == AT
    assert told(*given, now="2026-11-20T14:32:00")[1]["now"] == AT
    assert told(*given, now="2026-11-20")[1]["now"] == "2026-11-20T00:00:00Z"


# --- --fields ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", PROVIDERS)
def test_fields(slug: str) -> None:
    code, document = told(slug, "--fields", now=None)
    assert code == 0
    assert list(document) == ["fields"]
    declared = PROVIDERS[slug].fields
    assert [row["name"] for row in document["fields"]] == [field.name for field in declared]
    for row, field in zip(document["fields"], declared, strict=True):
        assert list(row) == ["name", "label", "secret", "required", "help"]
        assert (row["secret"], row["required"]) == (field.secret, field.required)
        assert row["label"]
        assert row["help"]
    code, printed = probe(slug, "--fields", now=None)
    assert code == 0
    assert all(field.name in printed and field.help in printed for field in declared)


# --- What is read --------------------------------------------------------------------------------------------------


def test_only_the_capabilities_that_were_asked_for_in_their_order(simulator: SimulatedWire) -> None:
    given = ("openrouter", *arguments(BY_SLUG["openrouter"].demo))
    code, document = told(*given, "--capability", "models", "--capability", "balance")
    assert code == 0
    assert [result["capability"] for result in document["results"]] == ["models", "balance"]


def test_a_capability_that_is_not_offered_is_no_failure(simulator: SimulatedWire) -> None:
    code, document = told("deepseek", "--capability", "usage")
    assert code == 0
    (result,) = document["results"]
    assert result["status"] == "not_offered"
    assert result["message"]


def test_since_and_until_bound_what_is_read(simulator: SimulatedWire) -> None:
    given = ("openai", *arguments(BY_SLUG["openai"].demo), "--capability", "cost")
    _, document = told(*given, "--since", "2026-11-10T00:00:00Z", "--until", "2026-11-12T00:00:00Z")
    (result,) = document["results"]
    assert {record["start"] for record in result["records"]} == {"2026-11-10T00:00:00Z", "2026-11-11T00:00:00Z"}
    _, document = told(*given, "--since", "2026-11-18T08:00:00+08:00")
    starts = {record["start"] for record in document["results"][0]["records"]}
    assert min(starts) == "2026-11-18T00:00:00Z"
    assert max(starts) == "2026-11-20T00:00:00Z"


def test_a_month_is_read_unless_something_else_is_said(simulator: SimulatedWire) -> None:
    _, document = told("openai", *arguments(BY_SLUG["openai"].demo), "--capability", "cost")
    starts = [datetime.fromisoformat(record["start"]) for record in document["results"][0]["records"]]
    assert timedelta(days=28) <= max(starts) - min(starts) <= timedelta(days=31)


def test_a_value_may_come_from_standard_input(simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sk-admin-sim-harbor\r\n  sk-proj-sim-harbor \nleft over\n"))
    code, document = told("openai", "--field", "admin_key=-", "--field", "inference_key=-", "--capability", "cost")
    assert (code, document["results"][0]["status"]) == (0, "ok")


def test_standard_input_that_has_ended_is_an_empty_field(
    simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, document = told("deepseek", "--field", "api_key=-", "--capability", "balance")
    assert (code, document["results"][0]["status"]) == (1, "action_needed")


def test_the_value_of_a_field_may_hold_an_equals_sign(simulator: SimulatedWire) -> None:
    code, document = told("deepseek", "--field", "api_key=sk=sim-harbor==", "--capability", "balance")
    assert (code, document["results"][0]["status"]) == (0, "ok")


# --- Statuses and exit codes ---------------------------------------------------------------------------------------

FAULTS = {
    "401": ("action_needed", None),
    "403": ("action_needed", None),
    "429": ("retryable", 30),
    "500": ("retryable", None),
    "truncated": ("retryable", None),
    "html": ("retryable", None),
    "shape": ("payload_error", None),
    "huge": ("payload_error", None),
    "redirect": ("payload_error", None),
    "duplicate": ("ok", None),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_a_fault_has_its_status(part: Part, fault: Any, simulator: SimulatedWire) -> None:
    simulator.simulator.faults[(part.slug, "harbor")] = fault
    code, document = told(part.slug, *arguments(part.demo), "--capability", first_offered(part.slug))
    status, retry_after = FAULTS[fault]
    assert_shape(document, part.slug)
    (result,) = document["results"]
    assert (result["status"], result["retry_after_seconds"]) == (status, retry_after)
    assert code == (1 if status in FAILURES else 0)


def test_a_timeout_is_retryable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    simulator = Simulator((BY_SLUG["deepseek"],))
    simulator.faults[("deepseek", "harbor")] = "timeout"
    with simulator_server(simulator, datetime.fromisoformat(AT)) as server:
        given = ("--field", "api_key=sk-sim-harbor", "--capability", "balance", "--via", server.url)
        code, document = told("deepseek", *given)
    assert (code, document["results"][0]["status"]) == (1, "retryable")


def test_nobody_listening_is_retryable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(transport, "RETRY_PAUSES", (0.0, 0.0))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        via = f"http://127.0.0.1:{held.getsockname()[1]}"
        code, document = told("deepseek", "--field", "api_key=sk-x", "--capability", "balance", "--via", via)
    assert code == 1
    assert document["results"][0]["status"] == "retryable"
    assert document["results"][0]["message"] == "api.deepseek.com could not be reached."


def test_one_failure_among_many_fails_the_whole(simulator: SimulatedWire) -> None:
    simulator.simulator.faults[("openrouter", "harbor")] = "500"
    code, document = told("openrouter", *arguments(BY_SLUG["openrouter"].demo))
    statuses = {name: result["status"] for name, result in by_capability(document).items()}
    assert statuses["models"] == "ok", "the public list needs no account"
    assert statuses["balance"] == "retryable"
    assert code == 1


def test_what_needs_another_key_fails_only_when_it_was_asked_for(simulator: SimulatedWire) -> None:
    key = ("--field", "inference_key=sk-proj-sim-harbor")
    code, document = told("openai", *key)
    statuses = {name: result["status"] for name, result in by_capability(document).items()}
    assert statuses["models"] == "ok"
    assert statuses["cost"] == "not_available"
    assert code == 0
    code, document = told("openai", *key, "--capability", "cost")
    assert (code, document["results"][0]["status"]) == (1, "action_needed")


def test_without_any_key_nothing_is_sent(simulator: SimulatedWire) -> None:
    code, document = told("deepseek", "--capability", "balance")
    assert (code, document["results"][0]["status"]) == (1, "action_needed")
    assert simulator.simulator.calls == {}


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nb", "sk-é"])
def test_a_broken_key_is_told_and_not_sent(key: str, simulator: SimulatedWire) -> None:
    code, document = told("deepseek", "--field", f"api_key={key}{CANARY}", "--capability", "balance")
    assert (code, document["results"][0]["status"]) == (1, "action_needed")
    assert CANARY not in json.dumps(document)
    assert simulator.simulator.calls == {}


@pytest.mark.parametrize("url", ["nonsense", "https://[::1", "https://user:canary-7f3a@x.example/", "ftp://x.example/"])
def test_a_typed_address_that_is_none_is_told(url: str, simulator: SimulatedWire) -> None:
    values = {**BY_SLUG["metachat"].demo, "account_balance_url": url}
    code, document = told("metachat", *arguments(values), "--capability", "balance")
    (result,) = document["results"]
    assert code == (1 if result["status"] in FAILURES else 0)
    assert result["status"] in {"action_needed", "not_available"}
    assert CANARY not in json.dumps(document)
    assert simulator.simulator.calls == {}


# --- Wrong words on the command line -------------------------------------------------------------------------------


def refusal(*given: str) -> str:
    with pytest.raises(CommandError) as caught:
        call_command("probe", *given, stdout=io.StringIO(), stderr=io.StringIO())
    return str(caught.value)


def test_an_unknown_provider() -> None:
    words = refusal("prophet", "--field", f"api_key={CANARY}")
    assert all(slug in words for slug in PROVIDERS)
    assert CANARY not in words


@pytest.mark.parametrize(
    "field",
    [f"nonsense={CANARY}", f"{CANARY}", f"{CANARY}==", f"api_key:{CANARY}", f"={CANARY}", f"API_KEY={CANARY}"],
)
def test_an_unknown_field_repeats_nothing_that_may_be_a_key(field: str) -> None:
    words = refusal("deepseek", "--field", field)
    assert "api_key" in words
    assert CANARY not in words


def test_an_unknown_capability() -> None:
    words = refusal("deepseek", "--capability", "prophecy", "--field", f"api_key={CANARY}")
    assert all(capability in words for capability in CAPABILITIES)
    assert CANARY not in words


@pytest.mark.parametrize("option", ["--since", "--until", "--now"])
@pytest.mark.parametrize("value", ["yesterday", "2026-13-01", "", "1700000000", "0001-01-01T00:00:00+14:00"])
def test_a_time_that_is_none(option: str, value: str) -> None:
    assert option in refusal("deepseek", "--field", f"api_key={CANARY}", f"{option}={value}")


def test_a_span_that_ends_before_it_starts() -> None:
    words = refusal("deepseek", "--since", "2026-11-20T00:00:01Z", "--until", "2026-11-20T00:00:00Z")
    assert "--since" in words


@pytest.mark.parametrize(
    "via",
    [
        "http://relay.example:8700",
        "http://10.0.0.1",
        "http://192.168.1.1:80",
        "http://127.0.0.1.relay.example",
        "http://0.0.0.0:8700",
        "http://[::2]:8700",
        f"http://{CANARY}@127.0.0.1:8700",
        f"http://127.0.0.1:8700@{CANARY}.example",
        f"ftp://{CANARY}.example",
        "127.0.0.1:8700",
        "http://",
        "http://[::1",
        "http://127.0.0.1:letters",
        "http://127.0.0.1:99999",
        "",
    ],
)
def test_a_relay_that_will_not_do(via: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("something was called"))
    words = refusal("deepseek", "--field", f"api_key={CANARY}", "--via", via)
    assert "--via" in words
    assert CANARY not in words


def test_a_relay_by_a_name_that_does_not_lead_to_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 8700))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    code, document = told(
        "deepseek", "--field", "api_key=sk-x", "--capability", "balance", "--via", "http://localhost:8700"
    )
    assert (code, document["results"][0]["status"]) == (1, "action_needed")


# --- For people, and for nobody's database -------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_the_table_for_people(part: Part, simulator: SimulatedWire) -> None:
    code, printed = probe(part.slug, *arguments(part.demo))
    assert code == 0
    assert printed.startswith(PROVIDERS[part.slug].name)
    for capability in CAPABILITIES:
        assert re.search(rf"^{capability} +(ok|not_offered|not_available) ", printed, re.MULTILINE)
    assert "sim-harbor" not in printed
    assert "None" not in printed


def test_the_table_says_how_much_it_leaves_out(simulator: SimulatedWire) -> None:
    _, document = told("openai", *arguments(BY_SLUG["openai"].demo), "--capability", "usage")
    count = len(document["results"][0]["records"])
    _, printed = probe("openai", *arguments(BY_SLUG["openai"].demo), "--capability", "usage")
    assert count > 50
    assert f"{count} records" in printed
    assert f"and {count - 50} more" in printed


def test_a_failure_is_told_to_people_too(simulator: SimulatedWire) -> None:
    simulator.simulator.faults[("deepseek", "harbor")] = "401"
    code, printed = probe("deepseek", *arguments(BY_SLUG["deepseek"].demo), "--capability", "balance")
    assert code == 1
    assert "action_needed" in printed


def test_text_that_no_database_can_hold_is_a_payload_error_not_a_crash() -> None:
    """Half a surrogate pair is legal in JSON and in nothing else."""
    body = b'{"object": "list", "data": [{"id": "model-\\ud800", "object": "model", "owned_by": "x"}]}'
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    with Server(lambda seen: head + body) as server:
        code, document = told("deepseek", "--field", "api_key=sk-x", "--capability", "models", "--via", server.url)
    assert (code, document["results"][0]["status"]) == (1, "payload_error")


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [None, "500"])
def test_nothing_is_stored_and_nothing_is_asked_of_the_database(
    fault: Any, simulator: SimulatedWire, django_assert_num_queries: Any
) -> None:
    if fault:
        simulator.simulator.faults[("openai", "harbor")] = fault
    with django_assert_num_queries(0):
        code, _ = told("openai", *arguments(BY_SLUG["openai"].demo))
    assert code == (1 if fault else 0)
    assert simulator.simulator.calls
