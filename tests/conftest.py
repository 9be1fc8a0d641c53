"""Fixtures shared by all tests. PostgreSQL and Redis come from `tests.services`, a plugin that pytest loads first."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import caches
from django.template.base import Template
from django.test import Client
from django.test.utils import instrumented_test_render
from django.utils import translation

from dashboard.organizations.models import Membership, Organization, Role, User
from providers.simulator.parts import PARTS
from providers.simulator.server import Simulator
from tests.providers.simulated import RememberedWorld, SimulatedWire
from tests.sharing import Sharing

# Pages name their files as they are: a fresh checkout has collected none yet. Chromium's tests collect their own.
settings.STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
# Otherwise every new client would read through all of them first.
settings.WHITENOISE_AUTOREFRESH = True

_drawn_plainly = Template._render  # type: ignore[attr-defined]

# A deadline would measure how busy the machine is. What is dear or dangerous names its own number of examples.
hypothesis.settings.register_profile("purser", deadline=None, max_examples=60)
hypothesis.settings.load_profile("purser")

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    return Sharing(config, log) if config.getvalue("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def no_language_left() -> Iterator[None]:
    """A request leaves its language to the thread, where the next one chooses anew; a test is no request."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def fresh_counts() -> Iterator[None]:
    """How often something was done is counted in Redis, which outlives a test."""
    before, caches["default"].key_prefix = caches["default"].key_prefix, f"tests-{uuid4().hex}"
    yield
    caches["default"].key_prefix = before


@pytest.fixture(autouse=True, scope="session")
def quick_templates(django_test_environment: None) -> None:
    """Django's test environment copies the context of each template that is drawn, a tenth of all time here.
    A test that asks an answer for its `context` or `templates` says so: `noted_templates`."""
    Template._render = _drawn_plainly  # type: ignore[attr-defined]


@pytest.fixture
def noted_templates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers know the templates that drew them, and with which context."""
    monkeypatch.setattr(Template, "_render", instrumented_test_render)


@pytest.fixture
def now() -> datetime:
    """The tests' clock: Friday 20 November 2026, 14:32 UTC."""
    return NOW


@pytest.fixture
def organization(db: None) -> Organization:
    return Organization.objects.create(name="Harbor Labs", reporting_zone="Asia/Taipei")


@pytest.fixture
def owner(organization: Organization) -> User:
    user = User.objects.create_user("mei@harbor.example", name="Mei Lin")
    Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    return user


@pytest.fixture
def signed_in(client: Client, owner: User) -> None:
    """`client` is the owner's browser."""
    client.force_login(owner)


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedWire]:
    """Every outgoing call lands in an in-process simulator at the tests' clock; `simulator.now` moves it on."""
    wire = SimulatedWire(Simulator(PARTS, RememberedWorld()), NOW)
    monkeypatch.setattr("providers.transport._wire", lambda reach, via: wire)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    yield wire
