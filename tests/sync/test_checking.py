"""Verdicts on a key: right, of the wrong kind, refused, not judged; and checks that the queue lost."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from celery import current_app
from django.utils import timezone
from kombu.exceptions import OperationalError

from dashboard import pipeline
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.selectors import credentials_unchecked
from dashboard.credentials.services import credential_adopt, credential_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from dashboard.sync.checking import credential_check
from dashboard.sync.models import StreamState, SyncStream
from providers.registry import PROVIDERS
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import KEYS, run_leased

SLUGS = sorted(PROVIDERS)
CANARY = "canary7f3a"
# A key of the right provider but of the wrong kind, and the verdict. Where the provider refuses it like any unknown
# key, the kind cannot be told from its answer; the form names it by its beginning.
WRONG_KIND = [
    ("anthropic", {"admin_key": "sk-ant-api03-sim-harbor"}, "refused"),
    ("anthropic", {"inference_key": "sk-ant-admin01-sim-harbor"}, "refused"),
    ("deepinfra", {"api_key": "jwt:sim-harbor"}, "missing_scope"),
    ("moonshot", {**KEYS["moonshot"], "api_key": "sk-kimi-sim-harbor"}, "refused"),
    ("moonshot", {**KEYS["moonshot"], "product": "kimi_code"}, "wrong_kind"),
    ("openai", {"admin_key": "sk-proj-sim-harbor"}, "missing_scope"),
    ("openrouter", {"management_key": "sk-or-v1-sim-harbor"}, "wrong_kind"),
    ("openrouter", {"inference_key": "sk-or-v1-management-sim-harbor"}, "wrong_kind"),
    ("xai", {"management_key": "xai-sim-harbor"}, "wrong_kind"),
]


def stored(organization: Organization, slug: str, now: datetime, values: dict[str, str]) -> ProviderCredential:
    return credential_create(
        organization=organization,
        provider=PROVIDERS[slug],
        values=values,
        label="Main",
        by=SYSTEM,
        now=now,
        check=False,
    )


def verdict_on(
    organization: Organization, slug: str, now: datetime, values: dict[str, str] | None = None
) -> tuple[ProviderCredential, list[tuple[int, int]]]:
    credential = stored(organization, slug, now, values or KEYS[slug])
    leases = credential_check(credential=credential, clock=lambda: now)
    after = ProviderCredential.objects.get(pk=credential.pk)
    assert after.checked_at == now
    for row in [after, *SyncStream.objects.all()]:
        told = {name: value for name, value in vars(row).items() if name != "secret_hints"}
        for value in (values or KEYS[slug]).values():
            declared = [field for field in PROVIDERS[slug].fields if field.secret]
            if value and any((values or KEYS[slug]).get(field.name) == value for field in declared):
                assert value not in str(told), "a secret stands in a row"
    return after, leases


@pytest.mark.parametrize("slug", SLUGS)
def test_the_right_key_is_valid_and_everything_is_read(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    credential, leases = verdict_on(organization, slug, now)
    assert (credential.state, credential.check_verdict, credential.check_message) == (
        CredentialState.ACTIVE,
        "valid",
        "",
    )
    assert credential.key_kind
    assert {stream_id for stream_id, _ in leases} == set(SyncStream.objects.values_list("pk", flat=True)) != set()


@pytest.mark.parametrize(("slug", "values", "verdict"), WRONG_KIND)
def test_a_key_of_the_wrong_kind_is_never_used(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    slug: str,
    values: dict[str, str],
    verdict: str,
) -> None:
    credential, leases = verdict_on(organization, slug, now, values)
    assert (credential.state, credential.check_verdict) == (CredentialState.REFUSED, verdict)
    assert credential.check_message
    assert leases == []
    assert not SyncStream.objects.exists(), "a key that was refused reads nothing"


@pytest.mark.parametrize("slug", SLUGS)
def test_an_unknown_key_is_refused(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    secrets = {field.name: field for field in PROVIDERS[slug].fields if field.secret}
    values = {
        name: f"{(secrets[name].starts_with or ('',))[0]}{CANARY}" if name in secrets else value
        for name, value in KEYS[slug].items()
    }
    credential, leases = verdict_on(organization, slug, now, values)
    assert credential.state == CredentialState.REFUSED
    assert credential.check_verdict in ("refused", "wrong_kind")
    assert CANARY not in credential.check_message
    assert leases == []


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("fault", ["500", "429", "html", "truncated"])
def test_a_provider_in_trouble_judges_nothing_and_the_key_is_kept(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str, fault: str
) -> None:
    simulator.simulator.faults[(slug, "harbor")] = fault  # type: ignore[assignment]
    credential, leases = verdict_on(organization, slug, now)
    assert (credential.state, credential.check_verdict) == (CredentialState.ACTIVE, "unreachable")
    assert credential.check_message
    assert leases, "its streams go on trying"


@pytest.mark.parametrize("slug", SLUGS)
@pytest.mark.parametrize("fault", ["shape", "huge", "redirect"])
def test_an_answer_that_is_not_understood_judges_nothing(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str, fault: str
) -> None:
    simulator.simulator.faults[(slug, "harbor")] = fault  # type: ignore[assignment]
    credential, leases = verdict_on(organization, slug, now)
    assert (credential.state, credential.check_verdict) == (CredentialState.ACTIVE, "not_understood")
    assert leases


@pytest.mark.parametrize("error", [httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ConnectError])
def test_a_provider_that_does_not_answer_is_unreachable(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    error: type[httpx.TransportError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def silent(*args: Any) -> Any:
        raise error("nobody there")

    monkeypatch.setattr(simulator.simulator, "answer", silent)
    credential, leases = verdict_on(organization, "deepseek", now)
    assert (credential.state, credential.check_verdict) == (CredentialState.ACTIVE, "unreachable")
    assert leases


def test_a_fault_of_ours_judges_nothing_and_shows_no_traceback(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> Any:
        raise KeyError(CANARY)

    monkeypatch.setattr("dashboard.sync.checking.check", broken)
    credential, _ = verdict_on(organization, "deepseek", now)
    assert (credential.state, credential.check_verdict) == (CredentialState.ACTIVE, "not_understood")
    assert CANARY not in credential.check_message


def test_a_check_that_is_refused_stops_what_was_reading(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    credential = stored(organization, "deepseek", now, KEYS["deepseek"])
    for lease in credential_check(credential=credential, clock=lambda: now):
        run_leased(*lease, now)
    simulator.simulator.faults[("deepseek", "harbor")] = "401"
    assert credential_check(credential=credential, clock=lambda: now) == []
    simulator.simulator.faults.clear()
    leases = credential_check(credential=credential, clock=lambda: now)
    assert len(leases) == 2, "and once it is accepted again everything is read"


# --- Checks that the queue lost ---------------------------------------------------------------------------------


Sent = list[tuple[str, tuple[Any, ...]]]


def watched(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """From now on tasks are put here, by name, and not on the queue."""
    found: Sent = []

    def kept(name: str, args: Any = (), kwargs: Any = None, **options: Any) -> None:
        assert not kwargs
        found.append((name.removeprefix("dashboard.pipeline."), tuple(args)))

    monkeypatch.setattr(current_app, "send_task", kept)
    return found


@pytest.fixture
def queue_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise OperationalError("Redis is away")

    monkeypatch.setattr(current_app, "send_task", away)


def connect(organization: Organization, now: datetime) -> ProviderCredential:
    return credential_create(
        organization=organization,
        provider=PROVIDERS["deepseek"],
        values=KEYS["deepseek"],
        label="",
        by=SYSTEM,
        now=now,
    )


@pytest.mark.django_db(transaction=True)
def test_a_key_connected_while_the_queue_is_away_is_checked_by_a_later_dispatch(
    organization: Organization, simulator: SimulatedWire, queue_away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = timezone.now()
    simulator.now = asked
    credential = connect(organization, asked)
    assert credential.state == CredentialState.CHECKING, "saved, although nobody could be told"
    monkeypatch.undo()
    monkeypatch.setattr("providers.transport._wire", lambda reach, via: simulator)
    found = request_dispatch(monkeypatch, asked + timedelta(seconds=30))
    assert found == [], "it may still be under way"
    found = request_dispatch(monkeypatch, asked + timedelta(minutes=3))
    assert found == [("check_credential", (credential.pk,))]
    pipeline.check_credential(credential.pk)
    assert ProviderCredential.objects.get().check_verdict == "valid"
    assert request_dispatch(monkeypatch, asked + timedelta(minutes=4)) == []


def request_dispatch(monkeypatch: pytest.MonkeyPatch, now: datetime) -> Sent:
    """What a dispatch at that moment puts on the queue for credentials."""
    monkeypatch.setattr("dashboard.pipeline.timezone.now", lambda: now)
    found = watched(monkeypatch)
    pipeline.dispatch_due_streams()
    return [one for one in found if one[0] == "check_credential"]


@pytest.mark.django_db(transaction=True)
def test_a_key_saved_without_a_check_while_the_queue_is_away_is_read_later(
    organization: Organization, simulator: SimulatedWire, queue_away: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = timezone.now()
    simulator.now = asked
    credential = stored(organization, "deepseek", asked, KEYS["deepseek"])
    credential_adopt(credential=credential, by=SYSTEM, now=asked)
    assert not SyncStream.objects.exists()
    found = request_dispatch(monkeypatch, asked + timedelta(minutes=3))
    assert found == [("check_credential", (credential.pk,))]
    pipeline.check_credential(credential.pk)
    assert SyncStream.objects.count() == 2


def test_a_key_that_nobody_could_judge_is_judged_again_within_the_hour(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    simulator.simulator.faults[("deepseek", "harbor")] = "500"
    credential = stored(organization, "deepseek", now, KEYS["deepseek"])
    ProviderCredential.objects.update(check_asked_at=now)
    for lease in credential_check(credential=credential, clock=lambda: now):
        run_leased(*lease, now)
    assert credentials_unchecked(before=now + timedelta(minutes=50)) == []
    later = now + timedelta(minutes=65)
    assert credentials_unchecked(before=later) == [credential.pk]
    backing_off = list(SyncStream.objects.order_by("pk").values_list("state", "failures", "next_run_at"))
    assert credential_check(credential=credential, clock=lambda: later) == []
    same = list(SyncStream.objects.order_by("pk").values_list("state", "failures", "next_run_at"))
    assert same == backing_off, "a check that judged nothing disturbs nothing"
    assert {state for state, _, _ in same} == {StreamState.BACKING_OFF}
    simulator.simulator.faults.clear()
    credential_check(credential=credential, clock=lambda: later)
    assert ProviderCredential.objects.get().check_verdict == "valid"
    assert credentials_unchecked(before=later + timedelta(days=9)) == []


@pytest.mark.django_db(transaction=True)
def test_messages_hold_ids_and_nothing_else(
    organization: Organization, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = watched(monkeypatch)
    simulator.now = timezone.now()
    credential = connect(organization, simulator.now)
    pipeline.check_credential(credential.pk)
    for name, args in list(sent):
        if name == "sync_stream":
            pipeline.sync_stream(*args)
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.FRESH}
    SyncStream.objects.update(next_run_at=simulator.now)
    pipeline.dispatch_due_streams()
    assert [name for name, _ in sent[:3]] == ["check_credential", "sync_stream", "sync_stream"]
    assert len(sent) > 3
    assert all(type(value) is int for _, args in sent for value in flat(args))


def flat(value: Any) -> list[Any]:
    """The leaves of nested lists and tuples."""
    return [leaf for part in value for leaf in flat(part)] if isinstance(value, list | tuple) else [value]


def test_a_check_of_a_key_that_is_gone_or_refused_does_nothing(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    pipeline.check_credential(999_999)
    credential = stored(organization, "deepseek", now, KEYS["deepseek"])
    ProviderCredential.objects.update(state=CredentialState.REFUSED)
    pipeline.check_credential(credential.pk)
    assert simulator.simulator.calls == {}
