"""What holds at every door: tokens, headers, limits, sizes, and error pages that show no values."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django.fixtures import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from dashboard.core.limits import allowed
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.audit import SYSTEM, audit_record
from dashboard.organizations.models import Invitation, Organization, User
from dashboard.usage.imports.held import MOST_BYTES
from dashboard.usage.models import UsageImport
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected

ROOT = Path(__file__).resolve().parents[2]
CANARY = "sk-CANARY0123456789"


@pytest.fixture
def mei(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def patterns(found: list[Any] | None = None, before: str = "") -> Iterator[str]:
    """Every path, with something that fits in place of its arguments."""
    for one in get_resolver().url_patterns if found is None else found:
        text = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from patterns(one.url_patterns, text)
        elif isinstance(one, URLPattern):
            for name, converter in one.pattern.converters.items():
                kind = type(converter).__name__
                value = "1" if kind == "IntConverter" else "deepseek"
                text = text.replace(f"<int:{name}>", value).replace(f"<slug:{name}>", value)
                text = text.replace(f"<str:{name}>", value).replace(f"<{name}>", value)
                text = text.replace(f"<uuid:{name}>", str(UUID(int=1)))
            yield "/" + text


# --- Forged requests --------------------------------------------------------------------------------------------

# Where a service token in a header is asked for and a cookie counts for nothing, so that nothing can be forged.
BEARER_ONLY = {"/api/v1/usage", "/api/v1/routes/deepseek"}


def test_no_post_passes_without_its_token(owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    paths = list(patterns())
    assert len(paths) > 60
    assert {path for path in paths if client.post(path).status_code != 403} == BEARER_ONLY
    assert {client.post(path).status_code for path in BEARER_ONLY} == {401, 405}


# --- Headers ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/sign-in/", "/nowhere/", "/profile/", "/readyz"])
def test_every_answer_carries_the_policies(mei: Client, path: str) -> None:
    answers = [mei.get(path), mei.get(path)]
    for answer in answers:
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "camera=()" in answer["Permissions-Policy"]
    assert answers[0]["Content-Security-Policy"] != answers[1]["Content-Security-Policy"], "a nonce is used once"


def in_production(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`manage.py` with the settings of a deployment behind TLS."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PURSER_")}
    told = {
        "DATABASE_URL": os.environ.get("DATABASE_URL", "postgres://purser@db/purser"),
        "REDIS_URL": "redis://queue:6379/0",
        "PURSER_VAR": os.environ.get("PURSER_VAR", str(ROOT / "var" / "test")),
        "PURSER_BASE_URL": "https://purser.example.com",
        "PURSER_ALLOWED_HOSTS": "purser.example.com",
        "PURSER_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP",
        "PURSER_ENCRYPTION_KEYS": "Zm9yIHRlc3RzIG9ubHk6IGl0IGd1YXJkcyBub25lISE=",
        **environment,
    }
    argv = [sys.executable, "manage.py", *arguments]
    return subprocess.run(argv, cwd=ROOT, env=plain | told, capture_output=True, text=True, check=False)


def test_a_deployment_has_nothing_to_warn_of() -> None:
    done = in_production("check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr
    script = (
        "from django.conf import settings as s; print(s.SECURE_HSTS_SECONDS >= 31536000, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.DEBUG)"
    )
    told = in_production("shell", "--no-imports", "-c", script).stdout.split()
    assert told == ["True", "True", "True", "True", "__Host-session", "__Host-csrf", "False"]


@pytest.mark.parametrize("name", ["PURSER_SECRET_KEY", "PURSER_ENCRYPTION_KEYS"])
def test_a_deployment_without_keys_does_not_start(name: str, tmp_path: Path) -> None:
    done = in_production("check", PURSER_VAR=str(tmp_path), **{name: ""})
    assert done.returncode != 0
    assert f"{name} is not set. Make one with" in done.stderr
    assert not list(tmp_path.rglob("*key*")), "none is made up that would be lost with the container"


# --- How often --------------------------------------------------------------------------------------------------


def test_checks_are_limited(mei: Client, organization: Organization, simulator: SimulatedWire) -> None:
    """Each asks a provider: a form that may be sent without end would be a way to call others."""
    credential = connected(organization, "deepseek", timezone.now())
    url = reverse("credentials:recheck", args=[credential.pk])
    answers = [mei.post(url).status_code for _ in range(101)]
    assert answers[:100] == [302] * 100
    assert answers[100] == 429
    refused = mei.post(reverse("credentials:connect_form", args=["deepseek"]), {"api_key": "sk-0123456789abc"})
    assert refused.status_code == 429, "all forms that check share one count"
    assert int(refused["Retry-After"]) > 0
    assert ProviderCredential.objects.count() == 1
    assert mei.get(url.replace("recheck", "check")).status_code == 200, "looking is free"


def test_asking_for_a_sync_is_limited(mei: Client, organization: Organization, simulator: SimulatedWire) -> None:
    connected(organization, "deepseek", timezone.now())
    answers = [mei.post(reverse("sync:sync_all")).status_code for _ in range(61)]
    assert answers.count(429) == 1


def test_invitations_are_limited(mei: Client) -> None:
    """A mail goes out with each."""
    body = {"role": "viewer", "sees_all": "on", "days": "7"}
    answers = [mei.post(reverse("organizations:invite"), body).status_code for _ in range(61)]
    assert answers.count(429) == 1
    assert Invitation.objects.count() == 60


def test_guessing_links_is_limited(db: None) -> None:
    client = Client(REMOTE_ADDR="198.51.100.201")
    answers = [client.post(reverse("sign_in_by_link", args=["guess"])).status_code for _ in range(31)]
    assert answers.count(429) == 1
    assert Client(REMOTE_ADDR="198.51.100.202").post(reverse("sign_in_by_link", args=["guess"])).status_code == 302


def test_two_who_begin_alike_are_counted_apart() -> None:
    """A key that is cut short would let one person use up, or reset, what another one may do."""
    long = "organization " + "9" * 300
    span = timedelta(minutes=1)
    assert allowed("a", who=long + "1", amount=1, within=span)
    assert not allowed("a", who=long + "1", amount=1, within=span)
    assert allowed("a", who=long + "2", amount=1, within=span)
    assert allowed("b", who=long + "1", amount=1, within=span), "another thing is counted by itself"


def test_without_redis_nobody_is_locked_out() -> None:
    with mock.patch.object(cache, "add", side_effect=RedisConnectionError()):
        assert allowed("c", who="x", amount=0, within=timedelta(minutes=1))


# --- How much ---------------------------------------------------------------------------------------------------


def test_bodies_that_are_too_large_are_refused(mei: Client) -> None:
    url = reverse("credentials:connect_form", args=["deepseek"])
    assert mei.post(url, {"api_key": "x" * 600_000}).status_code == 400
    assert mei.post(url, {f"field{number}": "x" for number in range(400)}).status_code == 400
    assert not ProviderCredential.objects.exists()


def test_files_come_through_one_door_up_to_its_size(mei: Client, organization: Organization) -> None:
    """No other address takes one, no stranger brings one, and a larger one never arrives."""
    url = reverse("credentials:connect_form", args=["deepseek"])
    assert mei.post(url, {"api_key": SimpleUploadedFile("key.txt", b"sk")}).status_code == 400
    account = ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")
    door, text = reverse("imports:account_imports", args=[account.pk]), b"date,cost_usd\n2026-11-16,1\n"
    stranger = Client(enforce_csrf_checks=True)
    stranger.get(reverse("account_login"))  # with the cookie of the token, the body would be read to look for it
    assert stranger.post(door, {"file": SimpleUploadedFile("a.csv", text)}).status_code == 400
    two = {"file": SimpleUploadedFile("a.csv", text), "other": SimpleUploadedFile("b.csv", text)}
    assert mei.post(door, two).status_code == 400
    huge = mei.post(door, {"file": SimpleUploadedFile("a.csv", text + b"\n" * MOST_BYTES)})
    assert "larger than 20 MB" in huge.content.decode()
    assert not huge.wsgi_request.FILES
    assert not UsageImport.objects.exists()
    assert mei.post(door, {"file": SimpleUploadedFile("a.csv", text)}).status_code == 302


@pytest.mark.parametrize("name", ["mfa_login_webauthn", "mfa_add_webauthn"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "[" * 5000 + "]" * 5000, "null", "1", '"x"', "{"])
def test_nested_and_broken_json_is_refused_in_words(mei: Client, name: str, text: str) -> None:
    """The places where a browser sends JSON of its own: what a passkey has signed."""
    client = Client() if name == "mfa_login_webauthn" else mei
    client.get(reverse(name), headers={"accept": "application/json"})
    answer = client.post(reverse(name), {"credential": text})
    assert answer.status_code in (200, 302, 400)
    assert not Authenticator.objects.exists()


def test_like_wildcards_find_nothing_but_themselves(mei: Client, organization: Organization, owner: User) -> None:
    for number in range(3):
        now = timezone.now()
        audit_record(organization=organization, by=SYSTEM, action="team.created", now=now, words=f"Team {number}")
    url = reverse("organizations:audit_log")
    for query in ("%", "_", "%%%%%%%%%%", "T_am", "\\"):
        page = mei.get(url, {"q": query, "person": query, "subject": query}).content.decode()
        assert "Team 1" not in page, query
    assert mei.get(url, {"q": "%" * 50_000}).status_code in (200, 400, 414)


# --- What an error shows ----------------------------------------------------------------------------------------


def test_the_debug_page_shows_no_values(owner: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DEBUG = True
    client = Client(raise_request_exception=False)
    client.force_login(owner)

    def stumble(**arguments: Any) -> None:
        held = dict(arguments)
        raise RuntimeError(f"with {len(held)} arguments")

    monkeypatch.setattr("dashboard.credentials.views.credential_create", stumble)
    answer = client.post(reverse("credentials:connect_form", args=["deepseek"]), {"api_key": CANARY})
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "RuntimeError" in page
    assert "stumble" in page, "the way there is told"
    assert CANARY not in page
    assert json.dumps(CANARY)[1:-1] not in page
    asked = client.get(reverse("credentials:connect_form", args=["deepseek"]), {"api_key": CANARY})
    assert CANARY not in asked.content.decode()


# --- What a form may set ----------------------------------------------------------------------------------------


def test_forms_set_nothing_but_their_fields(mei: Client, organization: Organization, owner: User) -> None:
    other = Organization.objects.create(name="Island")
    account = ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")
    extra = {
        "organization": other.pk,
        "organization_id": other.pk,
        "provider_slug": "openai",
        "external_id": "x",
        "is_demo": "1",
        "id": 99,
        "pk": 99,
        "created_at": "2000-01-01",
    }
    mei.post(reverse("credentials:account_settings", args=[account.pk]), {"label": "New", "tags": "", **extra})
    account.refresh_from_db()
    assert (account.label, account.organization_id) == ("New", organization.pk)
    assert (account.provider_slug, account.external_id) == ("deepseek", "")
    mei.post(reverse("organizations:settings"), {"name": "Harbor", "reporting_zone": "UTC", **extra})
    organization.refresh_from_db()
    assert not organization.is_demo
    mei.post(
        reverse("mfa_index"), {"name": "Mei", "email": "eve@evil.example", "is_active": "", "password": "x", **extra}
    )
    owner.refresh_from_db()
    assert (owner.name, owner.email, owner.is_active) == ("Mei", "mei@harbor.example", True)
    assert not owner.has_usable_password()
