"""Signing in as tests do it: an app of the organization's own, a person who agrees, and the worker's steps."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.test import Client
from django.urls import reverse

from dashboard.credentials.models import OAuthClient, OAuthGrant, OAuthLogin, ProviderCredential
from dashboard.credentials.oauth.advancing import login_advance
from dashboard.credentials.oauth.services import Wish, client_save, login_accept, login_begin
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import Organization, User
from dashboard.sync.services import credential_streams_wake
from providers.registry import PROVIDERS
from providers.simulator.sign_in import Desk
from tests.providers.simulated import SimulatedWire

SITES = {"github-copilot": "https://github.com", "gitlab-duo": "https://gitlab.com"}
OPEN_VALUES = {
    "github-copilot": {"account_kind": "organization", "org": "harbor-labs"},
    "gitlab-duo": {"instance_url": "https://gitlab.com", "namespace_path": "harbor"},
}
DEVICE = {"github-copilot": "billing", "gitlab-duo": "device"}


def desk_of(simulator: SimulatedWire, slug: str) -> Desk:
    return simulator.simulator.desks[slug]


def app_of(organization: Organization, owner: User, slug: str, now: datetime, **more: str) -> OAuthClient:
    return client_save(
        organization=organization,
        provider=PROVIDERS[slug],
        site=SITES[slug],
        client_id=more.get("client_id", "sim-app"),
        client_secret=more.get("client_secret", ""),
        by=Actor(user=owner),
        now=now,
    )


def begun(organization: Organization, owner: User, slug: str, now: datetime, way: str = "", **wish: Any) -> OAuthLogin:
    app = PROVIDERS[slug].oauth_app(way or DEVICE[slug])
    assert app is not None
    client = OAuthClient.objects.filter(organization=organization, provider_slug=slug).first()
    return login_begin(
        organization=organization,
        client=client or app_of(organization, owner, slug, now),
        app=app,
        wish=Wish(**{"settings": OPEN_VALUES[slug], **wish}),
        by=Actor(user=owner),
        now=now,
    )


def advance(login: OAuthLogin, now: datetime) -> int | None:
    """One step of the worker; the row is read anew."""
    wait = login_advance(login_id=login.pk, now=now)
    login.refresh_from_db()
    return wait


def signed_in(
    organization: Organization, owner: User, simulator: SimulatedWire, slug: str, **wish: Any
) -> ProviderCredential:
    """A credential that somebody signed in for, at the simulator's moment, its streams due."""
    now = simulator.now
    login = begun(organization, owner, slug, now, **wish)
    advance(login, now)
    desk_of(simulator, slug).approve(login.user_code)
    login.next_poll_at = now
    login.save()
    advance(login, now)
    credential = login_accept(login=login, by=Actor(user=owner), now=now)
    assert credential is not None
    credential.state = "active"
    credential.save()
    credential_streams_wake(credential=credential, now=now)
    return credential


def grant_of(credential: ProviderCredential) -> OAuthGrant:
    return OAuthGrant.objects.get(credential=credential)


def rows() -> Iterator[str]:
    """Every row of ours, as text."""
    for model in apps.get_models():
        if model.__module__.startswith("dashboard."):
            yield from map(str, model._default_manager.values())


def page(client: Client, name: str, *args: Any) -> str:
    return client.get(reverse(f"credentials:{name}", args=args)).content.decode()
