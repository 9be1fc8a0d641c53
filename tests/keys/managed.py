"""Accounts whose keys can be managed, a wire that fails on demand, and what there is at the simulated provider."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx

from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.keys.intents.services import Wish
from dashboard.organizations.models import Organization, Team
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from tests.providers.simulated import SimulatedWire

SLUGS = ("openrouter", "openai", "xai")
DEMO = {part.slug: part for part in PARTS}


class Crash(BaseException):
    """The process dies here."""


class FaultyWire:
    """Carries calls to the simulator; `before` and `after` may raise around each that changes something."""

    def __init__(self, wire: SimulatedWire) -> None:
        self.wire = wire
        self.before: Callable[[], None] | None = None
        self.after: Callable[[], None] | None = None
        self.broken_reads = 0
        self.sent: list[tuple[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            if self.broken_reads:
                self.broken_reads -= 1
                raise httpx.ReadTimeout("list")
            return self.wire.handle_request(request)
        if self.before:
            self.before()
        self.sent.append((request.method, request.url.path))
        response = self.wire.handle_request(request)
        if self.after:
            self.after()
        if {"timeout", "lost"} & set(self.wire.simulator.faults.values()):
            raise httpx.ReadTimeout("nobody waits that long")
        return response


def managed_account(organization: Organization, slug: str, name: str = "harbor") -> ProviderAccount:
    """An account whose credential may manage its keys."""
    account = ProviderAccount.objects.create(organization=organization, provider_slug=slug, label="Production")
    credential = ProviderCredential(organization=organization, account=account, state=CredentialState.ACTIVE)
    declared = PROVIDERS[slug].key_management
    assert declared is not None
    secret = DEMO[slug].demo[declared.auth].replace("harbor", name)
    credential.set_secrets({declared.auth: secret})
    credential.save()
    return account


def wish(team: Team | None = None, *, slug: str, project: str = "", **more: Any) -> Wish:
    limit = 40 if PROVIDERS[slug].key_management.limit_unit else None  # type: ignore[union-attr]
    return Wish(label="Blue team", team=team, project=project, limit=limit, purpose="nightly evaluation", **more)


def project_of(slug: str, wire: SimulatedWire, name: str = "harbor") -> str:
    """A project to make keys in, where one is needed."""
    if slug != "openai":
        return ""
    from providers.simulator.parts.openai import PROFILE, project_id

    return project_id(wire.simulator.world.account(PROFILE, name), PROFILE.projects[0])


def made_there(wire: SimulatedWire, slug: str, name: str = "harbor") -> set[str]:
    """Ids of the keys that were made at the provider and live on."""
    moves = wire.simulator.world.account(DEMO[slug].profile, name).moves
    return set(moves.keys) - moves.deleted


class Clock:
    """The time of the tests and of the simulator, moved on by hand."""

    def __init__(self, wire: SimulatedWire, now: datetime) -> None:
        self.wire, self.now = wire, now
        wire.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, span: Any) -> None:
        self.now += span
        self.wire.now = self.now
