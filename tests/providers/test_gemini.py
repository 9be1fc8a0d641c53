"""Gemini against its simulated account: all models over small pages, and no second credential beside the key."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from providers.adapters import gemini
from providers.adapters.gemini import API, PROVIDER
from providers.collect import Credentials, check, collect, drive
from providers.errors import MAX_RETRY_AFTER_SECONDS, ActionNeeded, Retryable
from providers.paging import by_page_token, pages
from providers.simulator.parts.gemini import CATALOGUE, EMBEDDING, PROFILE
from providers.spec import Account, Outgoing, Reply, Steps, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=10), end=NOW, now=NOW)
KEY = Credentials(values={"api_key": "AQ.sim-harbor"})


def test_all_models_are_read_without_their_prefix() -> None:
    send, _ = simulated("gemini", NOW)
    found = collect(PROVIDER, "models", KEY, WINDOW, send)
    assert {row.key for row in found.records} == {(model.id,) for model in PROFILE.models} | {(EMBEDDING,)}
    assert (found.calls, found.partial) == (1, ())


def test_small_pages_make_the_same_list() -> None:
    send, _ = simulated("gemini", NOW)

    def two_at_a_time(account: Account, window: Window) -> Steps:
        documents = yield from pages(gemini.MODELS.with_params(("pageSize", "2")), by_page_token)
        return [row for index, page in enumerate(documents) for row in gemini.parse_models(page, first=index == 0)]

    found = drive(PROVIDER, two_at_a_time(KEY.account(PROVIDER), WINDOW), KEY, send, NOW)
    assert found.records == collect(PROVIDER, "models", KEY, WINDOW, send).records
    assert (len(found.records), found.calls) == (len(CATALOGUE), 2)


def test_the_key_travels_alone_in_its_own_header() -> None:
    send, _ = simulated("gemini", NOW)
    sent: list[Outgoing] = []

    def remember(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        reply: Reply = send(outgoing)
        return reply

    assert check(PROVIDER, KEY, WINDOW, remember).key_kind == "api_key"
    (call,) = sent
    assert ("x-goog-api-key", "AQ.sim-harbor") in call.headers
    assert "authorization" not in {name.lower() for name, _ in call.headers}


def test_the_simulator_tells_credentials_apart_as_google_does() -> None:
    send, _ = simulated("gemini", NOW)

    def status(*headers: tuple[str, str]) -> int:
        reply: Reply = send(Outgoing(method="GET", url=f"{API}/models", headers=headers))
        return reply.status

    own, bearer = ("x-goog-api-key", "AQ.sim-harbor"), ("Authorization", "Bearer AQ.sim-harbor")
    assert [status(own), status(bearer), status(own, bearer), status()] == [200, 401, 400, 401]


@pytest.mark.parametrize(("value", "status"), [("AIzaSim-sim-harbor", 400), ("AQ.nobody", 401)])
def test_a_key_that_google_does_not_take(value: str, status: int) -> None:
    send, _ = simulated("gemini", NOW)
    with pytest.raises(ActionNeeded) as refused:
        check(PROVIDER, Credentials(values={"api_key": value}), WINDOW, send)
    assert (refused.value.code, refused.value.field, refused.value.status) == ("refused", "api_key", status)


def limited(delay: object, **headers: str) -> float | None:
    details = [{"@type": "type.googleapis.com/google.rpc.QuotaFailure"}, {"retryDelay": delay}]
    document = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details}}
    reply = Reply(status=429, headers=headers, body=json.dumps(document).encode())
    error = gemini.explain(reply, gemini.MODELS)
    assert isinstance(error, Retryable)
    return error.retry_after


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("59s", 59),
        ("0.5s", 1),
        ("999999999s", MAX_RETRY_AFTER_SECONDS),
        *((odd, None) for odd in ("-5s", "soon", "5", "", "٥s", None, 5, ["59s"], "1" * 400 + "s")),
    ],
)
def test_a_wait_told_as_text(delay: object, seconds: float | None) -> None:
    assert limited(delay) == seconds


def test_the_header_comes_before_the_text() -> None:
    assert limited("59s", **{"retry-after": "7"}) == 7


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"[]", b"[1]", b'{"error": "x"}', b'{"error": NaN}', b"[" * 100_000, b"\xff\xfe"),
        *(b'{"error": {"details": {}}}', b'{"error": {"details": [1]}}'),
        b'{"error": {"details": [{"reason": ["API_KEY_INVALID"]}]}}',
    ],
)
def test_an_odd_error_body_raises_nothing(body: bytes) -> None:
    def told(status: int) -> object:
        return gemini.explain(Reply(status=status, headers={}, body=body), gemini.MODELS)

    assert told(400) is None
    assert isinstance(told(401), ActionNeeded)
    assert isinstance(told(403), ActionNeeded)
    assert told(500) is None


def test_a_login_of_the_command_line_tool_is_told_apart() -> None:
    """Google's terms forbid its use by others; a key of either kind passes."""
    declared = PROVIDER.field("api_key")
    for value in ("ya29.made-up", "1//made-up", "eyJ.made.up", '{"access_token":"ya29.made-up"}'):
        assert any(value.startswith(start) for start in declared.wrong_starts)
    for value in ("AQ.made-up", "AIzaMadeUp"):
        assert not any(value.startswith(start) for start in declared.wrong_starts)
