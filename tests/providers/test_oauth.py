"""Signing in: the device grant, the code with PKCE, renewal, and what every answer comes to."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import ActionNeeded, PayloadError, ProviderError, Retryable
from providers.oauth import (
    DEVICE_LIFE,
    Client,
    DeviceCode,
    Ended,
    OAuthApp,
    Pending,
    Tokens,
    authorize_url,
    challenge_of,
    code_exchange,
    device_poll,
    device_start,
    due,
    refresh,
    state_new,
    verifier_new,
)
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.server import Simulator
from providers.simulator.sign_in import Desk
from providers.spec import Outgoing, Reply
from providers.transport import Transport
from tests.providers.simulated import SimulatedWire

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
CANARY = "CANARY"
SITE = "https://id.example.com"
CLIENT = Client(site=SITE, client_id="our-app", client_secret=f"secret-{CANARY}")
APP = OAuthApp(
    name="one",
    label="One",
    field="token",
    flow="device",
    site=lambda account: SITE,
    device_path="/device",
    authorize_path="/authorize",
    token_path="/token",
    register_path="/apps",
    steps=("Register {callback}.",),
    scopes=("read:a", "read b"),
)


class Script:
    """Answers in turn, and keeps what was sent."""

    def __init__(self, *answers: tuple[int, Any] | ProviderError) -> None:
        self.answers = list(answers)
        self.sent: list[Outgoing] = []

    def __call__(self, outgoing: Outgoing) -> Reply:
        self.sent.append(outgoing)
        answer = self.answers.pop(0)
        if isinstance(answer, ProviderError):
            raise answer
        status, body = answer
        return Reply(status=status, headers={}, body=body if isinstance(body, bytes) else json.dumps(body).encode())

    @property
    def form(self) -> dict[str, str]:
        return dict(self.sent[-1].form or ())


STARTED = {
    "device_code": f"device-{CANARY}",
    "user_code": "WDJB-MJHT",
    "verification_uri": f"{SITE}/device",
    "expires_in": 900,
    "interval": 5,
}
GIVEN = {"access_token": f"at-{CANARY}", "token_type": "bearer", "scope": "read:a,b", "expires_in": 3600}


# --- Device grant -------------------------------------------------------------------------------------------------


def started(**changes: Any) -> DeviceCode:
    document = {name: value for name, value in {**STARTED, **changes}.items() if value is not None}
    return device_start(APP, CLIENT, Script((200, document)), NOW)


def test_a_device_login_begins_with_the_id_and_never_the_secret() -> None:
    script = Script((200, STARTED))
    found = device_start(APP, CLIENT, script, NOW)
    assert script.sent[0].url == f"{SITE}/device"
    assert script.sent[0].method == "POST"
    assert script.form == {"client_id": "our-app", "scope": "read:a read b"}
    assert ("Accept", "application/json") in script.sent[0].headers
    assert (found.user_code, found.interval) == ("WDJB-MJHT", 5)
    assert found.expires_at == NOW + timedelta(minutes=15)
    assert CANARY not in repr(found)


@pytest.mark.parametrize(
    ("told", "interval"), [(None, 5), (0, 5), (-3, 5), ("x", 5), ("7", 7), (12, 12), (10**9, 300), (1, 1)]
)
def test_the_interval_is_the_providers_within_reason(told: Any, interval: int) -> None:
    assert started(interval=told).interval == interval


@pytest.mark.parametrize(("told", "life"), [(None, DEVICE_LIFE), (60, timedelta(minutes=1)), (10**9, 4 * DEVICE_LIFE)])
def test_a_code_lives_as_long_as_told_within_reason(told: Any, life: timedelta) -> None:
    assert started(expires_in=told).expires_at == NOW + life


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/device",
        "javascript:alert(1)",
        "//id.example.com/x",
        "",
        "https://id.example.com@evil.example/",
    ],
)
def test_nobody_is_sent_to_another_site_to_enter_a_code(url: str) -> None:
    with pytest.raises(PayloadError):
        started(verification_uri=url)


@pytest.mark.parametrize("code", ["", "a b", "x" * 41, "A\nB", "ЯB"])
def test_a_code_that_nobody_can_type_is_refused(code: str) -> None:
    with pytest.raises(PayloadError):
        started(user_code=code)


@pytest.mark.parametrize("missing", ["device_code", "user_code", "verification_uri"])
def test_what_a_login_cannot_do_without(missing: str) -> None:
    with pytest.raises(PayloadError):
        started(**{missing: None})


def test_an_app_without_the_device_flow_says_what_to_switch_on() -> None:
    for status in (200, 400):
        with pytest.raises(ActionNeeded, match="switch it on") as caught:
            device_start(APP, CLIENT, Script((status, {"error": "device_flow_disabled"})), NOW)
        assert caught.value.code == "app_refused"


def poll(*answers: tuple[int, Any] | ProviderError, interval: int = 5) -> Pending | Ended | Tokens:
    return device_poll(APP, CLIENT, f"device-{CANARY}", interval, Script(*answers), NOW)


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"error": "authorization_pending"}, Pending(5)),
        ({"error": "slow_down"}, Pending(10)),
        ({"error": "slow_down", "interval": 30}, Pending(30)),
        ({"error": "slow_down", "interval": 1}, Pending(10)),
        ({"error": "expired_token"}, Ended("expired", "The code was not used in time.")),
        ({"error": "token_expired"}, Ended("expired", "The code was not used in time.")),
        ({"error": "access_denied"}, Ended("denied", "The sign-in was refused at the provider.")),
    ],
)
def test_what_a_poll_comes_to_under_either_status(status: int, document: dict[str, Any], found: Any) -> None:
    """RFC 8628 tells errors under 400, GitHub under 200."""
    assert poll((status, document)) == found


def test_a_slow_down_is_for_good() -> None:
    first = poll((400, {"error": "slow_down"}))
    assert isinstance(first, Pending)
    assert poll((400, {"error": "authorization_pending"}), interval=first.interval) == Pending(10)


def test_slow_down_may_come_under_429() -> None:
    assert poll((429, {"error": "slow_down"})) == Pending(10)


@pytest.mark.parametrize("answer", [Retryable("away"), (500, {}), (503, b"<html>"), (429, {}), (200, b"<html>")])
def test_trouble_on_the_way_doubles_the_wait_up_to_a_minute(answer: Any) -> None:
    assert poll(answer) == Pending(10)
    assert poll(answer, interval=50) == Pending(60)


@pytest.mark.parametrize("status", [200, 400, 401, 403])
def test_an_unknown_error_ends_it_and_is_not_repeated(status: int) -> None:
    found = poll((status, {"error": f"odd_{CANARY}", "error_description": CANARY}))
    assert isinstance(found, Ended)
    assert found.state == "failed"
    assert CANARY not in found.words


def test_the_tokens_come_when_the_person_agreed() -> None:
    script = Script((200, {**GIVEN, "refresh_token": f"rt-{CANARY}"}))
    found = device_poll(APP, CLIENT, f"device-{CANARY}", 5, script, NOW)
    assert isinstance(found, Tokens)
    assert script.form["grant_type"] == "urn:ietf:params:oauth:grant-type:device_code"
    assert script.form["device_code"] == f"device-{CANARY}"
    assert script.form["client_secret"] == f"secret-{CANARY}"
    assert (found.access_token, found.refresh_token) == (f"at-{CANARY}", f"rt-{CANARY}")
    assert found.expires_at == NOW + timedelta(hours=1)
    assert found.scopes == ("read:a", "b"), "GitHub parts scopes by commas, others by spaces"
    assert CANARY not in repr(found)
    assert "?" not in script.sent[0].url


@pytest.mark.parametrize("token", ["", "a b", "a\nb", "x" * 8_001, "ключ", 7, None])
def test_a_token_that_cannot_stand_in_a_header_is_refused(token: Any) -> None:
    with pytest.raises(PayloadError) as caught:
        poll((200, {**GIVEN, "access_token": token}))
    assert str(token) not in caught.value.message or token in ("", None, 7)


# --- Code with PKCE -----------------------------------------------------------------------------------------------


def test_the_challenge_is_that_of_the_rfc() -> None:
    """RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@given(st.text(alphabet=st.characters(max_codepoint=0x2FF), max_size=140))
def test_only_verifiers_of_the_rfc_have_a_challenge(verifier: str) -> None:
    fine = 43 <= len(verifier) <= 128 and all(one.isascii() and (one.isalnum() or one in "-._~") for one in verifier)
    if fine:
        assert len(challenge_of(verifier)) == 43
    else:
        with pytest.raises(ValueError, match="verifier"):
            challenge_of(verifier)


def test_states_and_verifiers_are_never_the_same() -> None:
    assert len({state_new() for _ in range(100)} | {verifier_new() for _ in range(100)}) == 200
    assert len(state_new()) >= 43
    challenge_of(verifier_new())


def test_the_browser_goes_with_the_challenge_and_without_any_secret() -> None:
    verifier, state = verifier_new(), state_new()
    url = authorize_url(APP, CLIENT, callback="https://purser.example/back/", state=state, verifier=verifier)
    assert verifier not in url
    assert CANARY not in url
    assert "+" not in urlsplit(url).query
    assert url.startswith(f"{SITE}/authorize?")
    assert {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()} == {
        "response_type": "code",
        "client_id": "our-app",
        "redirect_uri": "https://purser.example/back/",
        "scope": "read:a read b",
        "state": state,
        "code_challenge": challenge_of(verifier),
        "code_challenge_method": "S256",
    }


def exchange(*answers: Any) -> Tokens:
    return code_exchange(
        APP, CLIENT, code="c", verifier="v" * 43, callback="https://p.example/", send=Script(*answers), now=NOW
    )


def test_a_code_becomes_tokens() -> None:
    found = exchange((200, {**GIVEN, "expires_in": None}))
    assert (found.refresh_token, found.expires_at) == ("", None)


# --- Renewal ------------------------------------------------------------------------------------------------------


def renew(*answers: Any) -> Tokens:
    return refresh(APP, CLIENT, f"old-{CANARY}", Script(*answers), NOW)


def test_a_rotated_refresh_token_replaces_the_old_and_an_absent_one_does_not() -> None:
    assert renew((200, {**GIVEN, "refresh_token": "new"})).refresh_token == "new"
    kept = renew((200, GIVEN))
    assert (kept.refresh_token, kept.access_token) == (f"old-{CANARY}", f"at-{CANARY}")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ((400, {"error": "invalid_grant"}), "signed_out"),
        ((200, {"error": "bad_refresh_token"}), "signed_out"),
        ((401, {"error": "expired_token"}), "signed_out"),
        ((401, {"error": "invalid_client"}), "app_refused"),
        ((200, {"error": "incorrect_client_credentials"}), "app_refused"),
        ((400, {"error": "invalid_scope"}), "app_refused"),
        ((400, {"error": CANARY}), "signed_out"),
        ((403, b"<html>"), "signed_out"),
        ((404, {}), "signed_out"),
        ((400, {"error": {"code": CANARY}}), "signed_out"),
    ],
)
def test_what_ends_a_grant(answer: Any, code: str) -> None:
    for call in (renew, exchange):
        with pytest.raises(ActionNeeded) as caught:
            call(answer)
        assert caught.value.code == code
        assert CANARY not in caught.value.message


@pytest.mark.parametrize(
    "answer", [(500, {}), (502, b"<html>"), (429, {}), (408, {}), (200, b"<html>"), Retryable("x")]
)
def test_what_may_pass_ends_nothing(answer: Any) -> None:
    with pytest.raises(Retryable):
        renew(answer)


@pytest.mark.parametrize(
    ("life", "left", "wanted"),
    [
        (None, None, False),
        (7200, 3700, False),
        (7200, 3500, True),
        (600, 310, False),
        (600, 299, True),
        (400, 350, False),
        (400, 290, True),
        (7200, -5, True),
    ],
)
def test_a_token_is_renewed_before_it_ends(life: int | None, left: int | None, wanted: bool) -> None:
    if life is None or left is None:
        assert not due(NOW, None, NOW)
        return
    ends = NOW + timedelta(seconds=left)
    assert due(ends - timedelta(seconds=life), ends, NOW) == wanted


# --- Whatever a remote says ----------------------------------------------------------------------------------------


bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "access_token", "refresh_token", "expires_in", "interval", "scope", "device_code"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=8,
)


@given(st.sampled_from([200, 201, 302, 400, 401, 403, 404, 409, 429, 500]), bodies | st.binary(max_size=30))
def test_no_answer_breaks_anything_but_in_our_own_errors(status: int, body: Any) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: device_start(APP, CLIENT, Script((status, body)), NOW),
        lambda: poll((status, body)),
        lambda: exchange((status, body)),
        lambda: renew((status, body)),
    ]
    for call in calls:
        try:
            call()
        except ProviderError as error:
            assert error.message


# --- What the providers declare -----------------------------------------------------------------------------------


APPS = [(slug, app) for slug, provider in sorted(PROVIDERS.items()) for app in provider.oauth_apps]


@pytest.mark.parametrize(("slug", "app"), APPS, ids=[f"{slug}-{app.name}" for slug, app in APPS])
def test_an_app_is_declared_whole(slug: str, app: OAuthApp) -> None:
    provider = PROVIDERS[slug]
    assert provider.oauth_app(app.name) is app, "names are unique"
    assert provider.field(app.field).secret
    assert app.token_path.startswith("/")
    assert app.register_path.startswith("/")
    assert (app.device_path if app.flow == "device" else app.authorize_path).startswith("/")
    assert app.source.startswith("https://")
    assert app.steps
    assert all(step.format(callback="x") for step in app.steps)
    if app.opt_in:
        declared = provider.field(app.opt_in)
        assert declared.kind == "choice"
        assert declared.default, "off unless somebody chooses it"
        assert provider.oauth_apps[0] is not app, "the official way comes first"


def test_no_way_uses_the_client_of_somebody_elses_tool() -> None:
    """Nothing is signed in with an id that we print: apps are the operator's. Ids of others are known to be refused."""
    assert {slug for slug, app in APPS} == {"github-copilot", "gitlab-duo"}
    for _slug, app in APPS:
        assert not any("client_id" in name for name, _ in app.params)


# --- The simulated desks ------------------------------------------------------------------------------------------


@pytest.fixture(params=sorted({slug for slug, _ in APPS}))
def desk(request: pytest.FixtureRequest) -> Iterator[tuple[OAuthApp, Client, SimulatedWire, Desk]]:
    slug = request.param
    wire = SimulatedWire(Simulator(PARTS), NOW)
    app = next(app for one, app in APPS if one == slug and app.flow == "device")
    site = f"https://{wire.simulator.parts[slug].sign_in_host}"
    yield app, Client(site=site, client_id="sim-app"), wire, wire.simulator.desks[slug]


def test_a_whole_device_login_with_renewals(desk: tuple[OAuthApp, Client, SimulatedWire, Desk]) -> None:
    app, client, wire, told = desk
    send = Transport(wire=wire, tries=1).send
    code = device_start(app, client, send, wire.now)
    assert device_poll(app, client, code.device_code, 5, send, wire.now) == Pending(5)
    told.slow_down()
    assert device_poll(app, client, code.device_code, 5, send, wire.now) == Pending(10)
    told.approve(code.user_code)
    first = device_poll(app, client, code.device_code, 10, send, wire.now)
    assert isinstance(first, Tokens)
    second = refresh(app, client, first.refresh_token, send, wire.now)
    assert second.refresh_token != first.refresh_token
    assert told.is_dead(first.access_token, wire.now) or second.access_token != first.access_token
    with pytest.raises(ActionNeeded) as caught:
        refresh(app, client, first.refresh_token, send, wire.now)
    assert caught.value.code == "signed_out"
    with pytest.raises(ActionNeeded):
        refresh(app, client, second.refresh_token, send, wire.now)


def test_a_code_is_over_in_time_or_by_a_no(desk: tuple[OAuthApp, Client, SimulatedWire, Desk]) -> None:
    app, client, wire, told = desk
    send = Transport(wire=wire, tries=1).send
    late, refused = (device_start(app, client, send, wire.now) for _ in range(2))
    told.approve(refused.user_code, answer="denied")
    over = device_poll(app, client, refused.device_code, 5, send, wire.now)
    assert isinstance(over, Ended)
    assert over.state == "denied"
    wire.now = late.expires_at
    over = device_poll(app, client, late.device_code, 5, send, wire.now)
    assert isinstance(over, Ended)
    assert over.state == "expired"


def test_what_uses_up_a_token_is_sent_once() -> None:
    """A refresh token that is sent again ends the sign-in: a lost connection is no reason to."""

    class Broken:
        calls = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.calls += 1
            raise httpx.ConnectError("gone")

    wire = Broken()
    with pytest.raises(Retryable):
        refresh(APP, CLIENT, "x", Transport(wire=wire, tries=1, pause=lambda seconds: None).send, NOW)
    assert wire.calls == 1


def test_credentials_follow_no_redirect() -> None:
    seen: list[str] = []

    class Elsewhere:
        def handle_request(self, request: Any) -> Any:
            seen.append(str(request.url))
            return httpx.Response(307, headers={"Location": f"{SITE}/other"})

    with pytest.raises(ProviderError):
        refresh(APP, CLIENT, "x", Transport(wire=Elsewhere(), tries=1).send, NOW)
    assert seen == [f"{SITE}/token"]


@pytest.mark.parametrize("site", ["https://169.254.169.254", "http://169.254.169.254", "http://[fd00:ec2::254]"])
@pytest.mark.parametrize("reach", ["public", "private"])
def test_tokens_are_never_asked_of_metadata_addresses(site: str, reach: Any) -> None:
    client = Client(site=site, client_id="our-app")
    with pytest.raises(ActionNeeded) as caught:
        refresh(APP, client, "x", Transport(reach=reach, tries=1).send, NOW)
    assert caught.value.code == "blocked"
