"""Reads of apps, sign-ins under way and what came of them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.core.languages.phrases import told
from dashboard.credentials.models import (
    OPEN_LOGINS,
    GrantSource,
    LoginStatus,
    OAuthClient,
    OAuthGrant,
    OAuthLogin,
    ProviderCredential,
)
from providers.collect import Credentials
from providers.errors import ActionNeeded
from providers.oauth import OAuthApp
from providers.spec import Provider


def callback_url(provider: Provider) -> str:
    """Where a provider sends people back to: fixed, and the one to register."""
    return settings.BASE_URL + reverse("credentials:oauth_callback", args=[provider.slug])


def site_of(provider: Provider, app: OAuthApp, values: Mapping[str, str]) -> str:
    """The origin to sign in at, by these open values. Raises ActionNeeded for a host that cannot be."""
    site = app.site(Credentials(values=values).account(provider))
    if not site.startswith(("https://", "http://")) or "?" in site or "#" in site or len(site) > 300:
        raise ActionNeeded(_("The address is not one to sign in at."), code="missing_field")
    return site


def client_rows(*, organization_id: int, slug: str) -> list[dict[str, Any]]:
    """The organization's apps at a provider, for the page; whether there is a secret, never the secret."""
    rows = OAuthClient.objects.filter(organization_id=organization_id, provider_slug=slug).defer("encrypted_text")
    return [
        {
            "id": row.pk,
            "site": row.site,
            "client_id": row.client_id,
            "has_secret": row.has_secret,
            "who": str(row.created_by or ""),
            "at": row.changed_at,
            "url": reverse("credentials:oauth_client", args=[row.pk]),
        }
        for row in rows.select_related("created_by").order_by("site")
    ]


def signed_in_with(client: OAuthClient) -> int:
    """How many keys were signed in for with this app."""
    return OAuthGrant.objects.filter(client=client).values("credential").distinct().count()


def client_at(*, organization_id: int, slug: str, site: str) -> OAuthClient | None:
    """The organization's app at that site."""
    rows = OAuthClient.objects.filter(organization_id=organization_id, provider_slug=slug, site=site)
    return rows.first()


def login_of(*, organization_id: int, person_id: int, login_id: int) -> OAuthLogin | None:
    """A sign-in, for the person who began it alone."""
    rows = OAuthLogin.objects.filter(pk=login_id, organization_id=organization_id, person_id=person_id)
    return rows.select_related("client", "credential__account", "account", "organization").first()


LOST_AFTER = timedelta(seconds=30)


def logins_due(*, now: datetime) -> list[int]:
    """Sign-ins whose next step is overdue, because its message was lost, and those whose time is over."""
    lost = Q(next_poll_at__lt=now - LOST_AFTER)
    rows = OAuthLogin.objects.filter(lost | Q(expires_at__lt=now), status__in=OPEN_LOGINS)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:500])


def registration(provider: Provider, site: str) -> dict[str, Any]:
    """What whoever registers an app needs: the page, the callback address, and the steps, of each way that has others
    than the first under its name."""
    root = site or site_of(provider, provider.oauth_apps[0], {})
    ways = {app.steps: app.label for app in reversed(provider.oauth_apps)}
    parts = [{"label": told(label), "steps": [told(step) for step in steps]} for steps, label in ways.items()]
    return {
        "register_url": f"{root}{provider.oauth_apps[0].register_path}",
        "register_host": root.partition("://")[2],
        "callback": callback_url(provider),
        "parts": parts[::-1],
    }


def sign_in_ways(provider: Provider, credential: ProviderCredential | None = None) -> list[dict[str, Any]]:
    """The ways to sign in, the official one first; for a credential, those that it lacks nothing for but the token."""
    if credential is not None:
        url = reverse("credentials:oauth_again", args=[credential.pk])
    else:
        url = reverse("credentials:oauth_begin", args=[provider.slug]) if provider.oauth_apps else ""
    return [
        {
            "name": app.name,
            "label": told(app.label),
            "field": told(provider.field(app.field).label),
            "scopes": app.scopes,
            "confidence": app.confidence,
            "source": app.source,
            "unofficial": bool(app.opt_in),
            "url": url,
        }
        for app in provider.oauth_apps
        if credential is None or not app.opt_in or _opted_in(provider, app, credential.settings)
    ]


def _opted_in(provider: Provider, app: OAuthApp, values: Mapping[str, str]) -> bool:
    return values.get(app.opt_in, "") not in ("", provider.field(app.opt_in).default)


def grant_rows(credential: ProviderCredential, now: datetime) -> list[dict[str, Any]]:
    """What stands behind a credential's tokens, for its page."""
    rows = OAuthGrant.objects.filter(credential=credential).defer("encrypted_text").order_by("pk")
    return [_grant_row(credential, grant, now) for grant in rows]


def _grant_row(credential: ProviderCredential, grant: OAuthGrant, now: datetime) -> dict[str, Any]:
    over = grant.ended_at is not None or (
        grant.expires_at is not None and grant.expires_at <= now and not grant.may_refresh
    )
    signed_in = grant.source == GrantSource.OWN_CLIENT
    return {
        "label": told(credential.provider.field(grant.field).label),
        "source": grant.get_source_display(),
        "scopes": grant.scopes,
        "expires_at": grant.expires_at,
        "renews": grant.may_refresh,
        "over": over,
        "message": told(grant.message) or (_("Sign in again.") if signed_in else _("Paste a new one."))
        if over
        else told(grant.message),
        "at": grant.obtained_at,
        "app": grant.app,
        "again_url": reverse("credentials:oauth_again", args=[credential.pk]) if signed_in else "",
    }


def signed_out(*, credential_ids: list[int], now: datetime) -> set[int]:
    """Those of these credentials that somebody has to sign in for again."""
    over = Q(ended_at__isnull=False) | Q(expires_at__lte=now, may_refresh=False)
    rows = OAuthGrant.objects.filter(over, credential_id__in=credential_ids, source=GrantSource.OWN_CLIENT)
    return set(rows.values_list("credential_id", flat=True))


# How a sign-in stands, where a status alone would leave out who is awaited, or what has ended.
_TITLES: dict[LoginStatus, Promise] = {
    LoginStatus.WAITING: gettext_lazy("Waiting for you at %(host)s"),
    LoginStatus.DENIED: gettext_lazy("Refused at %(host)s"),
    LoginStatus.FAILED: gettext_lazy("The sign-in failed"),
}


def _title(status: LoginStatus, host: str, *, device: bool) -> str:
    if status == LoginStatus.EXPIRED:
        return _("The code has expired") if device else _("The sign-in took too long")
    return str(_TITLES[status]) % {"host": host} if status in _TITLES else str(status.label)


def login_row(login: OAuthLogin, provider: Provider, now: datetime) -> dict[str, Any]:
    """A sign-in as its page prints it. `moving`: ask again after `every` seconds; `goes`: the person goes on to the
    provider in this browser."""
    app = provider.oauth_app(login.app)
    status = LoginStatus(login.status)
    if login.is_open and login.expires_at <= now:
        status = LoginStatus.EXPIRED
    device = app is not None and app.flow == "device"
    host = login.client.site.partition("://")[2]
    return {
        "id": login.pk,
        "status": status,
        "words": _title(status, host, device=device),
        "message": told(login.message),
        "site": login.client.site,
        "host": host,
        "app": told(app.label) if app else "",
        "device": device,
        "scopes": app.scopes if app else (),
        "user_code": login.user_code,
        "verification_url": login.verification_url,
        "expires_at": login.expires_at,
        "account": login.found.get("account", ""),
        "granted": login.found.get("scopes", []),
        "problem": told(login.found.get("problem", "")),
        "moving": status in (LoginStatus.STARTING, LoginStatus.RETURNED) or (status == LoginStatus.WAITING and device),
        "every": min(max(login.interval_seconds, 2), 60) if status == LoginStatus.WAITING else 2,
        "goes": status == LoginStatus.WAITING and not device,
        "open": status in OPEN_LOGINS,
        "credential_id": login.credential_id,
    }
