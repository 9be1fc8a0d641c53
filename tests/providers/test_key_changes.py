"""One call that changes something, sent at most once, and what is told of it when it goes wrong."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from providers.collect import Credentials
from providers.errors import ActionNeeded, PayloadError, ProviderError
from providers.key_changes import Unchanged, Unsure, change, listed_keys, management_of
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.server import Simulator
from providers.spec import Changing, KeyManagement, KeyOrder, MadeKey, Outgoing, Partial, Provider, Reply, Request
from providers.transport import Transport
from tests.providers.simulated import SimulatedWire, simulated

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
MANAGING = {slug: one.key_management for slug, one in PROVIDERS.items() if one.key_management}
PROVIDER = PROVIDERS["openrouter"]
WRITE = Request(url="https://openrouter.ai/api/v1/keys", auth="management_key", method="POST", json={})
READ = Request(url="https://openrouter.ai/api/v1/keys", auth="management_key")
SECRET = Credentials(values={"management_key": "sk-or-v1-planted"})


def credentials_of(slug: str) -> Credentials:
    part = next(one for one in PARTS if one.slug == slug)
    return Credentials(values=dict(part.demo))


def answering(*statuses: int) -> Callable[[Outgoing], Reply]:
    left = list(statuses)
    return lambda outgoing: Reply(status=left.pop(0), headers={}, body=b"{}")


def steps(*requests: Request) -> Changing[str]:
    for request in requests:
        reply = yield request
        assert reply.status in (200, 201)
    return "done"


def made(send: Callable[[Outgoing], Reply], *requests: Request) -> tuple[str, int]:
    claims: list[int] = []
    found = change(PROVIDER, steps(*requests), SECRET, send, send, lambda: claims.append(1))
    return found, len(claims)


def test_reads_claim_nothing() -> None:
    assert made(answering(200, 201), READ, WRITE) == ("done", 1)
    assert made(answering(200), READ) == ("done", 0)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429])
def test_a_refusal_changed_nothing(status: int) -> None:
    with pytest.raises(Unchanged) as refused:
        made(answering(status), WRITE)
    assert refused.value.error.status == status


@pytest.mark.parametrize("status", [300, 302, 408, 409, 418, 425, 500, 502, 503, 504])
def test_of_other_answers_nobody_knows(status: int) -> None:
    with pytest.raises(Unsure):
        made(answering(status), WRITE)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_what_goes_wrong_before_the_call_changed_nothing(status: int) -> None:
    with pytest.raises(Unchanged):
        made(answering(status), READ, WRITE)


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_what_goes_wrong_when_it_is_read_back_leaves_it_open(status: int) -> None:
    with pytest.raises(Unsure):
        made(answering(200, status), WRITE, READ)


def test_who_may_not_send_sends_nothing() -> None:
    def taken() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        change(PROVIDER, steps(WRITE), SECRET, answering(), answering(), taken)


def test_a_secret_goes_to_no_other_host() -> None:
    elsewhere = Request(url="https://elsewhere.example/keys", auth="management_key", method="POST", json={})
    with pytest.raises(Unchanged, match="not a host of"):
        made(answering(), elsewhere)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (httpx.ConnectError("x"), Unchanged),
        (httpx.ConnectTimeout("x"), Unchanged),
        (httpx.ReadTimeout("x"), Unsure),
        (httpx.ReadError("x"), Unsure),
        (httpx.WriteError("x"), Unsure),
        (httpx.RemoteProtocolError("x"), Unsure),
        (OSError(), Unsure),
    ],
)
def test_the_transport_says_whether_it_can_have_been_sent(error: Exception, expected: type[Exception]) -> None:
    class Broken:
        tries = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.tries += 1
            raise error

    wire = Broken()
    with pytest.raises(expected):
        made(Transport(wire=wire, tries=1, pause=lambda seconds: None).send, WRITE)
    assert wire.tries == 1


# --- What the adapters ask for ----------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", MANAGING)
def test_a_provider_that_manages_keys_is_declared_whole(slug: str) -> None:
    declared, provider = MANAGING[slug], PROVIDERS[slug]
    assert declared is not None
    assert provider.field(declared.auth).secret
    assert declared.source.startswith("https://")
    assert bool(declared.resets) <= bool(declared.limit_unit)
    with pytest.raises(ActionNeeded):
        management_of(provider, Credentials(values={}).account(provider))


def test_who_offers_nothing_says_so() -> None:
    provider = PROVIDERS["deepseek"]
    with pytest.raises(ActionNeeded, match="no way to manage keys"):
        management_of(provider, Credentials(values={"api_key": "sk-1"}).account(provider))


def calls_of(provider: Provider, way: Callable[[KeyManagement, Any], Changing[Any]]) -> list[Outgoing]:
    """What goes over the wire that is no read."""
    send, _ = simulated(provider.slug, NOW)
    sent: list[Outgoing] = []

    def write(outgoing: Outgoing) -> Reply:
        sent.append(outgoing)
        return send(outgoing)

    used = credentials_of(provider.slug)
    account = used.account(provider)
    try:
        change(provider, way(management_of(provider, account), account), used, send, write, lambda: None)
    except (Unchanged, Unsure) as error:
        assert isinstance(error.error, ProviderError)
    return sent


@pytest.mark.parametrize(
    ("slug", "project", "expected"),
    [
        (
            "openrouter",
            "",
            ("POST", "/api/v1/keys", {"limit": 40, "limit_reset": "monthly", "expires_at": "2027-02-18T00:00:00Z"}),
        ),
        ("openai", "proj_1", ("POST", "/v1/organization/projects/proj_1/service_accounts", {})),
        ("xai", "", ("POST", "/api-keys", {"acls": ["api-key:endpoint:*", "api-key:model:*"]})),
    ],
)
def test_a_key_is_asked_for_as_documented(slug: str, project: str, expected: tuple[str, str, dict[str, Any]]) -> None:
    order = KeyOrder(
        name="purser-blue-7f3a9c12",
        project=project,
        limit=40,
        limit_reset="monthly",
        expires_at=datetime(2027, 2, 18, tzinfo=UTC),
    )
    (sent,) = calls_of(PROVIDERS[slug], lambda declared, account: declared.create(account, order, NOW))
    method, path, body = expected
    assert (sent.method, sent.url.endswith(path)) == (method, True)
    assert sent.json["name"] == "purser-blue-7f3a9c12"
    assert {name: sent.json[name] for name in body} == body
    if slug == "openai":
        assert sent.json["expires_in_seconds"] == (order.expires_at - NOW) // timedelta(seconds=1)  # type: ignore[operator]
    if slug == "xai":
        assert sent.json["expireTime"] == "2027-02-18T00:00:00Z"


@pytest.mark.parametrize("slug", MANAGING)
@pytest.mark.parametrize("key", ["../../credits", "a/b", "x?y=z", "%2e%2e"])
def test_no_id_leads_a_call_elsewhere(slug: str, key: str) -> None:
    project = "proj_1" if slug == "openai" else ""
    for sent in calls_of(PROVIDERS[slug], lambda declared, account: declared.delete(account, key, project)):
        assert sent.method == "DELETE"
        assert key not in sent.url
        assert "?" not in sent.url


@pytest.mark.parametrize("project", ["", "../x", "proj 1"])
def test_a_project_that_is_none_is_refused_before_anything_is_sent(project: str) -> None:
    order = KeyOrder(name="purser-1", project=project)
    assert calls_of(PROVIDERS["openai"], lambda declared, account: declared.create(account, order, NOW)) == []


def test_a_secret_is_in_no_repr() -> None:
    send, _ = simulated("openrouter", NOW)
    used = credentials_of("openrouter")
    declared = management_of(PROVIDER, used.account(PROVIDER))
    order = KeyOrder(name="purser-1")
    key: MadeKey = change(PROVIDER, declared.create(used.account(PROVIDER), order, NOW), used, send, send, lambda: None)
    assert key.secret.startswith("sk-or-v1-")
    assert key.secret not in repr(key)


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_either_place_of_the_secret_is_read(place: str) -> None:
    import json

    from providers.adapters.openrouter import parse_made_key

    row = {"hash": "a1", "name": "n", "label": "sk...0a1", "disabled": False, "limit": None}
    row |= {"created_at": "2026-11-20T09:00:00Z"}
    document = {"key": "sk-1", "data": row} if place == "beside" else {"data": {**row, "key": "sk-1"}}
    assert parse_made_key(Reply(status=201, headers={}, body=json.dumps(document).encode()), NOW).secret == "sk-1"
    with pytest.raises(PayloadError):
        parse_made_key(Reply(status=201, headers={}, body=json.dumps({"data": row}).encode()), NOW)


# --- Lists ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", MANAGING)
def test_disabled_and_expired_keys_are_listed_too(slug: str) -> None:
    simulator = Simulator(tuple(part for part in PARTS if part.slug == slug))
    wire = SimulatedWire(simulator, NOW)
    send, used = Transport(wire=wire).send, credentials_of(slug)
    before = listed_keys(PROVIDERS[slug], used, send, NOW)
    assert before
    account = used.account(PROVIDERS[slug])
    declared = management_of(PROVIDERS[slug], account)
    project = next((key.project for key in before if key.project), "") or ""
    order = KeyOrder(name="purser-1", project=project, expires_at=NOW + timedelta(days=1))
    key = change(PROVIDERS[slug], declared.create(account, order, NOW), used, send, send, lambda: None).key
    if declared.switch:
        change(PROVIDERS[slug], declared.switch(account, key.id, project, False), used, send, send, lambda: None)
    wire.now = NOW + timedelta(days=2)
    after = listed_keys(PROVIDERS[slug], used, send, wire.now)
    found = next(one for one in after if one.id == key.id)
    assert found.name == "purser-1"
    assert found.state == ("disabled" if declared.switch else "expired")
    assert len(after) == len(before) + 1


def test_a_list_that_is_not_whole_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    send, _ = simulated("openrouter", NOW)

    def without_workspaces(outgoing: Outgoing) -> Reply:
        return Reply(status=404, headers={}, body=b"{}") if "workspaces" in outgoing.url else send(outgoing)

    with pytest.raises(PayloadError, match="not whole"):
        listed_keys(PROVIDER, credentials_of("openrouter"), without_workspaces, NOW)


def test_a_partial_before_the_call_is_no_answer() -> None:
    def told() -> Changing[str]:
        yield Partial(reason="something is missing")
        yield WRITE
        return "done"

    assert change(PROVIDER, told(), SECRET, answering(), answering(201), lambda: None) == "done"
