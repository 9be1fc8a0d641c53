"""Sign-ins and what comes of them: the worker's steps, renewal by one worker at a time, and a grant that is over."""

import logging
import threading
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from dashboard import pipeline
from dashboard.core.encryption import open_text
from dashboard.credentials.models import LoginStatus, OAuthGrant, OAuthLogin, ProviderCredential
from dashboard.credentials.oauth.grants import credential_ready, grant_renew
from dashboard.credentials.oauth.selectors import logins_due, signed_out
from dashboard.credentials.oauth.services import (
    CONFIRM_LIFE,
    client_remove,
    client_save,
    login_accept,
    login_cancel,
    login_restart,
    logins_prune,
)
from dashboard.credentials.services import credential_create, credential_replace
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import AuditEvent, Organization, User
from dashboard.organizations.services import organization_delete
from dashboard.sync.checking import credential_check
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from providers.registry import PROVIDERS
from providers.simulator.sign_in import SECRET
from tests.credentials.signing_in import (
    OPEN_VALUES,
    SITES,
    advance,
    app_of,
    begun,
    desk_of,
    grant_of,
    rows,
    signed_in,
)
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import run_all

SLUGS = sorted(SITES)
HOUR = timedelta(hours=1)


# --- The worker's steps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", SLUGS)
def test_a_device_login_from_its_beginning_to_the_account(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    desk, login = desk_of(simulator, slug), begun(organization, owner, slug, now)
    assert login.status == LoginStatus.STARTING
    assert advance(login, now) == 5
    assert login.status == LoginStatus.WAITING
    assert login.user_code.startswith("WDJB-")
    assert login.verification_url.startswith(SITES[slug])
    assert advance(login, now) is None, "not before the interval is over"
    assert desk.calls == {}
    moment = now + timedelta(seconds=5)
    assert advance(login, moment) == 5
    desk.slow_down()
    moment += timedelta(seconds=5)
    assert advance(login, moment) == 10
    moment += timedelta(seconds=10)
    assert advance(login, moment) == 10, "slow down is for good"
    desk.approve(login.user_code)
    simulator.now = moment = moment + timedelta(seconds=10)
    assert advance(login, moment) is None
    assert login.status == LoginStatus.APPROVED
    assert "problem" not in login.found
    assert login.user_code == ""
    assert login.expires_at == moment + CONFIRM_LIFE
    credential = login_accept(login=login, by=Actor(user=owner), now=moment)
    assert credential is not None
    assert credential.settings == OPEN_VALUES[slug]
    grant = grant_of(credential)
    assert grant.may_refresh
    assert (grant.site, grant.client, grant.source) == (SITES[slug], login.client, "own_client")
    login.refresh_from_db()
    assert (login.status, login.opened(), login.credential) == (LoginStatus.DONE, "", credential)
    assert login_accept(login=login, by=Actor(user=owner), now=moment) is None, "once"
    leases = credential_check(credential=credential, clock=lambda: moment)
    assert (ProviderCredential.objects.get().check_verdict, bool(leases)) == ("valid", True)
    told = [event.action for event in AuditEvent.objects.filter(action__startswith="credential.").order_by("pk")]
    assert told == [
        "credential.app_saved",
        "credential.sign_in_begun",
        "credential.connected",
        "credential.signed_in",
    ]


def test_a_confidential_app_proves_itself(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    for secret, status in (("", LoginStatus.FAILED), (SECRET, LoginStatus.WAITING)):
        app_of(organization, owner, "gitlab-duo", now, client_id="sim-a-confidential", client_secret=secret)
        login = begun(organization, owner, "gitlab-duo", now)
        advance(login, now)
        advance(login, now + timedelta(seconds=5))
        assert login.status == status
    desk_of(simulator, "gitlab-duo").approve(login.user_code)
    advance(login, now + timedelta(seconds=10))
    assert login.status == LoginStatus.APPROVED


@pytest.mark.parametrize("slug", SLUGS)
def test_a_no_and_a_late_code_end_it_and_another_begins(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    refused = begun(organization, owner, slug, now)
    advance(refused, now)
    desk_of(simulator, slug).approve(refused.user_code, answer="denied")
    advance(refused, now + timedelta(seconds=5))
    assert (refused.status, refused.opened(), refused.user_code) == (LoginStatus.DENIED, "", "")
    late = login_restart(login=refused, by=Actor(user=owner), now=now)
    assert late is not None
    advance(late, now)
    first = late.user_code
    assert logins_due(now=late.expires_at + timedelta(seconds=1)) == [late.pk]
    assert advance(late, late.expires_at) is None
    assert (late.status, late.opened()) == (LoginStatus.EXPIRED, "")
    fresh = login_restart(login=late, by=Actor(user=owner), now=now)
    assert fresh is not None
    advance(fresh, now)
    assert fresh.status == LoginStatus.WAITING
    assert fresh.user_code != first
    assert fresh.settings == OPEN_VALUES[slug]


def test_the_provider_ends_a_code_before_we_do(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    login = begun(organization, owner, "github-copilot", now)
    advance(login, now)
    simulator.now = login.expires_at
    advance(login, login.expires_at - timedelta(seconds=1))
    assert login.status == LoginStatus.EXPIRED


@pytest.mark.parametrize(("client_id", "words"), [("foreign", "client id"), ("sim-x-nodevice", "switch it on")])
def test_an_app_that_the_provider_refuses_says_what_to_do(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, client_id: str, words: str
) -> None:
    app_of(organization, owner, "github-copilot", now, client_id=client_id)
    login = begun(organization, owner, "github-copilot", now)
    assert advance(login, now) is None
    assert login.status == LoginStatus.FAILED
    assert words in login.message


def test_a_provider_in_trouble_is_asked_again_later(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    desk, login = desk_of(simulator, "gitlab-duo"), begun(organization, owner, "gitlab-duo", now)
    desk.down = True
    assert advance(login, now) == 10
    assert login.status == LoginStatus.STARTING
    desk.down = False
    advance(login, now + timedelta(seconds=10))
    desk.down = True
    assert advance(login, now + timedelta(seconds=20)) == 10
    assert login.status == LoginStatus.WAITING


def test_what_a_sign_in_does_not_open_is_told_before_it_is_connected(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    login = begun(organization, owner, "github-copilot", now)
    advance(login, now)
    desk_of(simulator, "github-copilot").approve(login.user_code)
    simulator.simulator.faults[("github-copilot", "harbor")] = "403"
    advance(login, now + timedelta(seconds=5))
    assert login.status == LoginStatus.APPROVED
    assert login.found["problem"]


def test_one_sign_in_of_a_person_is_open_at_a_provider(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    first = begun(organization, owner, "gitlab-duo", now)
    advance(first, now)
    second = begun(organization, owner, "gitlab-duo", now)
    first.refresh_from_db()
    assert (first.status, first.opened()) == (LoginStatus.CANCELLED, "")
    assert advance(first, now + HOUR) is None
    login_cancel(login=second, by=Actor(user=owner), now=now)
    assert advance(second, now) is None
    assert (second.status, desk_of(simulator, "gitlab-duo").calls) == (LoginStatus.CANCELLED, {})


def test_a_sign_in_that_was_cancelled_while_its_answer_was_on_the_way_stays_cancelled(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = begun(organization, owner, "gitlab-duo", now)
    advance(login, now)
    desk_of(simulator, "gitlab-duo").approve(login.user_code)
    answer = simulator.simulator.answer

    def meanwhile(*args: Any) -> Any:
        login_cancel(login=OAuthLogin.objects.get(), by=Actor(user=owner), now=now)
        return answer(*args)

    monkeypatch.setattr(simulator.simulator, "answer", meanwhile)
    advance(login, now + timedelta(seconds=5))
    assert (login.status, login.opened()) == (LoginStatus.CANCELLED, "")


def test_tokens_that_nobody_accepts_are_forgotten(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    login = begun(organization, owner, "gitlab-duo", now)
    advance(login, now)
    desk_of(simulator, "gitlab-duo").approve(login.user_code)
    advance(login, now + timedelta(seconds=5))
    assert "sim-harbor" in login.opened()
    late = login.expires_at
    assert login_accept(login=login, by=Actor(user=owner), now=late) is None
    advance(login, late)
    assert (login.status, login.opened()) == (LoginStatus.EXPIRED, "")
    logins_prune(before=now)
    assert OAuthLogin.objects.count() == 1
    logins_prune(before=late)
    assert OAuthLogin.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_workers_take_a_step_once(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    login = begun(organization, owner, "gitlab-duo", now)
    advance(login, now)
    at_once(4, lambda: pipeline.login_advance(login_id=login.pk, now=now + timedelta(seconds=5)))
    assert list(desk_of(simulator, "gitlab-duo").calls.values()) == [1]
    organization_delete(organization=organization)


def at_once(count: int, work: Any) -> None:
    """The same work in so many threads, each with a connection of its own."""
    start, troubles = threading.Barrier(count), list[BaseException]()

    def run() -> None:
        start.wait(20)
        try:
            work()
        except BaseException as error:
            troubles.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert troubles == []


# --- Renewal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", SLUGS)
def test_a_token_is_renewed_before_it_ends_and_the_reading_goes_on(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    credential, desk = signed_in(organization, owner, simulator, slug), desk_of(simulator, slug)
    assert run_all(now) > 0
    assert desk.calls.get("refresh_token", 0) == 0, "it is young"
    first, before = grant_of(credential), credential.unlocked().values
    simulator.now = later = now + timedelta(hours=6 if slug == "github-copilot" else 1.5)
    SyncStream.objects.update(next_run_at=later)
    assert run_all(later) > 0
    assert desk.calls["refresh_token"] == 1
    second, after = grant_of(credential), ProviderCredential.objects.get().unlocked().values
    assert after[first.field] != before[first.field]
    assert second.opened() != first.opened()
    assert second.expires_at is not None
    assert second.expires_at > later
    assert (
        not SyncRun.objects.exclude(outcome__in=(RunOutcome.OK, RunOutcome.PARTIAL)).filter(started_at=later).exists()
    )
    assert ProviderCredential.objects.get().secrets_changed_at == credential.secrets_changed_at, "nobody entered a key"


class Slow:
    """Carries calls to the simulator; the token endpoint answers only once somebody else waits for a lock."""

    def __init__(self, wire: SimulatedWire) -> None:
        self.wire = wire
        self.waited = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if b"refresh_token" in request.content:
            for _ in range(20_000):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    if cursor.fetchone()[0]:
                        self.waited = True
                        break
        return self.wire.handle_request(request)


@pytest.mark.django_db(transaction=True)
def test_two_workers_renew_once_and_both_get_the_new_token(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential, slow = signed_in(organization, owner, simulator, "gitlab-duo"), Slow(simulator)
    monkeypatch.setattr("providers.transport._wire", lambda reach, via: slow)
    simulator.now = later = now + timedelta(minutes=90)
    found = list[str]()

    def read() -> None:
        mine = ProviderCredential.objects.select_related("account").get(pk=credential.pk)
        found.append(credential_ready(credential=mine, capability="quota", now=later).values["token"])

    at_once(2, read)
    assert slow.waited, "the second one waited for the first"
    assert desk_of(simulator, "gitlab-duo").calls["refresh_token"] == 1
    stored = ProviderCredential.objects.get().unlocked().values["token"]
    assert found == [stored, stored]
    organization_delete(organization=organization)


@pytest.mark.django_db(transaction=True)
def test_values_entered_while_a_token_is_renewed_win(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    monkeypatch.setattr("providers.transport._wire", lambda reach, via: Slow(simulator))
    simulator.now = later = now + timedelta(minutes=90)
    turns = iter(["renew", "replace"])
    lock = threading.Lock()

    def work() -> None:
        with lock:
            turn = next(turns)
        mine = ProviderCredential.objects.select_related("account").get(pk=credential.pk)
        if turn == "renew":
            grant_renew(grant_id=grant_of(credential).pk, now=later)
            return
        values = {**OPEN_VALUES["gitlab-duo"], "token": "glpat-sim-harbor"}
        credential_replace(credential=mine, values=values, by=Actor(user=owner), now=later)

    at_once(2, work)
    assert ProviderCredential.objects.get().unlocked().values["token"] == "glpat-sim-harbor"
    assert not OAuthGrant.objects.exists(), "nothing renews what a person entered"
    organization_delete(organization=organization)


def test_a_grant_that_is_over_pauses_the_streams_until_somebody_signs_in_again(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    run_all(now)
    desk_of(simulator, "gitlab-duo").revoke("harbor")
    simulator.now = later = now + timedelta(minutes=90)
    SyncStream.objects.update(next_run_at=later)
    run_all(later)
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.PAUSED}
    assert all("Sign in again" in words for words in SyncStream.objects.values_list("message", flat=True))
    grant = grant_of(credential)
    assert (grant.may_refresh, grant.opened(), grant.ended_at) == (False, "", later)
    assert signed_out(credential_ids=[credential.pk], now=later) == {credential.pk}
    asked = dict(desk_of(simulator, "gitlab-duo").calls)
    SyncStream.objects.update(next_run_at=later)
    run_all(later + HOUR)
    assert desk_of(simulator, "gitlab-duo").calls == asked, "what is over is not asked again"
    again = signed_in(organization, owner, simulator, "gitlab-duo", credential=credential)
    assert again.pk == credential.pk
    assert signed_out(credential_ids=[credential.pk], now=later) == set()
    run_all(later)
    assert StreamState.PAUSED not in set(SyncStream.objects.values_list("state", flat=True))


def test_a_token_that_is_refused_in_its_youth_ends_the_sign_in(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    desk_of(simulator, "gitlab-duo").revoke("harbor")
    run_all(now)
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.PAUSED}
    assert grant_of(credential).ended_at == now
    assert desk_of(simulator, "gitlab-duo").calls.get("refresh_token", 0) == 0


def test_a_token_that_is_refused_early_is_renewed_once(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    values = credential.unlocked().values
    credential.set_secrets({"token": "sim-harbor-9999-signed"})  # the provider does not know it
    credential.save()
    simulator.now = later = now + timedelta(minutes=10)
    SyncStream.objects.update(next_run_at=later)
    run_all(later)
    assert desk_of(simulator, "gitlab-duo").calls["refresh_token"] == 1
    assert ProviderCredential.objects.get().unlocked().values["token"] != values["token"]
    assert set(SyncStream.objects.values_list("state", flat=True)) <= {StreamState.BACKING_OFF, StreamState.FRESH}


def test_a_provider_in_trouble_ends_no_sign_in(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    desk_of(simulator, "gitlab-duo").down = True
    simulator.now = half = now + timedelta(minutes=90)
    SyncStream.objects.update(next_run_at=half)
    run_all(half)
    grant = grant_of(credential)
    assert (grant.failures, grant.ended_at, grant.may_refresh) == (1, None, True)
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.FRESH}, "the token still serves"
    simulator.now = over = now + timedelta(hours=3)
    SyncStream.objects.update(next_run_at=over)
    run_all(over)
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.BACKING_OFF}
    desk_of(simulator, "gitlab-duo").down = False
    simulator.now = back = over + timedelta(hours=3)
    SyncStream.objects.update(next_run_at=back)
    run_all(back)
    assert (grant_of(credential).failures, grant_of(credential).message) == (0, "")
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.FRESH}


def test_an_app_that_is_forgotten_or_changed_renews_nothing(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    client = grant_of(credential).client
    assert client is not None
    client_remove(client=client, by=Actor(user=owner), now=now)
    grant_renew(grant_id=grant_of(credential).pk, now=now, anyway=True)
    assert "Sign in again" in grant_of(credential).message
    assert desk_of(simulator, "gitlab-duo").calls.get("refresh_token", 0) == 0


def test_a_refresh_token_goes_nowhere_but_where_it_came_from(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    ProviderCredential.objects.update(settings={"instance_url": "https://evil.example", "namespace_path": "harbor"})
    seen = list[str]()
    answer = simulator.simulator.answer
    simulator.simulator.answer = lambda *args: seen.append(args[1]) or answer(*args)  # type: ignore[method-assign,func-returns-value]
    grant_renew(grant_id=grant_of(credential).pk, now=now, anyway=True)
    assert seen == []
    assert grant_of(credential).ended_at == now


def test_another_address_drops_the_token_with_its_grant(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    values = {"instance_url": "https://git.example.com", "namespace_path": "harbor"}
    assert credential_replace(credential=credential, values=values, by=Actor(user=owner), now=now) == ["token"]
    assert not OAuthGrant.objects.exists()
    assert ProviderCredential.objects.get().unlocked().values.get("token", "") == ""


def test_a_secret_belongs_to_its_app(organization: Organization, owner: User, now: datetime) -> None:
    app_of(organization, owner, "gitlab-duo", now, client_id="one", client_secret="s1")
    assert app_of(organization, owner, "gitlab-duo", now, client_id="one").opened() == "s1"
    other = app_of(organization, owner, "gitlab-duo", now, client_id="two")
    assert (other.opened(), other.has_secret) == ("", False)


# --- Pasted tokens ------------------------------------------------------------------------------------------------


def test_a_pasted_token_is_used_until_its_end_and_never_renewed(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime
) -> None:
    credential = credential_create(
        organization=organization,
        provider=PROVIDERS["gitlab-duo"],
        values={**OPEN_VALUES["gitlab-duo"], "token": "glpat-sim-harbor"},
        label="",
        by=Actor(user=owner),
        now=now,
        check=False,
        endings={"token": now + HOUR},
    )
    credential.state = "active"
    credential.save()
    assert credential_ready(credential=credential, capability="quota", now=now).values["token"]
    grant = grant_of(credential)
    assert (grant.source, grant.may_refresh, grant.opened()) == ("paste", False, "")
    assert credential_check(credential=credential, clock=lambda: now + HOUR) == []
    after = ProviderCredential.objects.get()
    assert (after.check_verdict, after.check_field) == ("signed_out", "token")
    assert "paste a new one" in after.check_message
    values = {**OPEN_VALUES["gitlab-duo"], "token": "glpat-sim-harbor-2"}
    credential_replace(credential=after, values=values, by=Actor(user=owner), now=now + HOUR)
    assert not OAuthGrant.objects.exists(), "the new token says nothing of an end"


# --- Secrets ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", SLUGS)
def test_no_token_lies_open_in_any_row_log_or_message(
    organization: Organization,
    owner: User,
    simulator: SimulatedWire,
    now: datetime,
    slug: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Device codes, client secrets, access and refresh tokens: sealed at each stage."""
    caplog.set_level(logging.DEBUG)
    client_save(
        organization=organization,
        provider=PROVIDERS[slug],
        site=SITES[slug],
        client_id="sim-a-confidential",
        client_secret=SECRET,
        by=Actor(user=owner),
        now=now,
    )
    login = begun(organization, owner, slug, now)
    stages = list[tuple[str, str]]()

    def look() -> None:
        login.refresh_from_db()
        stages.append((login.opened(), "".join(rows())))

    advance(login, now)
    look()
    desk_of(simulator, slug).approve(login.user_code)
    advance(login, now + timedelta(seconds=5))
    look()
    credential = login_accept(login=login, by=Actor(user=owner), now=now + timedelta(seconds=5))
    assert credential is not None
    simulator.now = later = now + timedelta(days=1)
    grant_renew(grant_id=grant_of(credential).pk, now=later)
    look()
    secrets = {SECRET, stages[0][0], *open_text(grant_of(credential).encrypted_text).split()}
    secrets |= set(ProviderCredential.objects.get().unlocked().values.values()) - set(OPEN_VALUES[slug].values())
    assert len(secrets) == 4
    tokens = [part for part in stages[1][0].split('"') if "sim-harbor" in part]
    assert len(tokens) == 2
    for _, text in stages:
        for secret in (*secrets, *tokens):
            assert secret not in text
            assert secret not in caplog.text


def test_another_encryption_key_ends_it_in_words(
    organization: Organization, owner: User, simulator: SimulatedWire, now: datetime, settings: Settings
) -> None:
    credential = signed_in(organization, owner, simulator, "gitlab-duo")
    login = begun(organization, owner, "gitlab-duo", now)
    advance(login, now)
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    advance(login, now + timedelta(seconds=5))
    assert login.status == LoginStatus.FAILED
    assert "encryption keys" in login.message
    grant_renew(grant_id=grant_of(credential).pk, now=now, anyway=True)
    assert "Sign in again" in grant_of(credential).message
