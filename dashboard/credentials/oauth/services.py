"""Writes of apps and sign-ins. What asks a provider is for the worker (`login_advance`); no page waits for it."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.models import (
    OPEN_LOGINS,
    LoginStatus,
    OAuthClient,
    OAuthLogin,
    ProviderAccount,
    ProviderCredential,
)
from dashboard.credentials.oauth.grants import client_of, grant_put
from dashboard.credentials.oauth.selectors import callback_url
from dashboard.credentials.services import credential_create, credential_replace
from dashboard.organizations.audit import REPLACED, Actor, audit_record
from dashboard.organizations.models import Organization, User, token_digest
from providers.oauth import LOGIN_LIFE, OAuthApp, Tokens, authorize_url, state_new, verifier_new
from providers.registry import PROVIDERS
from providers.spec import Provider

# How long the tokens wait for somebody to say that they opened the right account.
CONFIRM_LIFE = timedelta(minutes=15)


# --- Apps ---------------------------------------------------------------------------------------------------------


def client_save(
    *,
    organization: Organization,
    provider: Provider,
    site: str,
    client_id: str,
    client_secret: str,
    by: Actor,
    now: datetime,
) -> OAuthClient:
    """The app that people sign in with at this site. An empty secret keeps the stored one, as long as the id is the
    same: a secret belongs to its app."""
    with transaction.atomic():
        rows = OAuthClient.objects.select_for_update()
        client = rows.filter(organization=organization, provider_slug=provider.slug, site=site).first()
        before = client.client_id if client else None
        if client is None:
            client = OAuthClient(organization=organization, provider_slug=provider.slug, site=site)
        kept = client.has_secret and not client_secret and before == client_id
        if not kept:
            client.seal(client_secret)
            client.has_secret = bool(client_secret)
        client.client_id, client.created_by, client.changed_at = client_id, by.user, now
        client.save()
        changes = {"client_id": (before, client_id)} if before != client_id else {}
        if client_secret:
            changes["client_secret"] = (None, REPLACED)
        _record(client, by, "credential.app_saved", now, changes)
    return client


def client_remove(*, client: OAuthClient, by: Actor, now: datetime) -> None:
    """Forget an app. What was signed in with it goes on until its tokens end."""
    with transaction.atomic():
        _record(client, by, "credential.app_removed", now, {})
        client.delete()


def _record(row: OAuthClient | OAuthLogin, by: Actor, action: str, now: datetime, changes: Mapping[str, Any]) -> None:
    site = row.site if isinstance(row, OAuthClient) else row.client.site
    audit_record(
        organization=row.organization,
        by=by,
        action=action,
        now=now,
        words=f"{PROVIDERS[row.provider_slug].name}: {site}",
        changes=changes,
    )


# --- Sign-ins -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a sign-in is for: a new credential with these open values, or an existing one."""

    settings: Mapping[str, str]
    label: str = ""
    account: ProviderAccount | None = None
    credential: ProviderCredential | None = None
    relay_url: str = ""


def login_begin(
    *, organization: Organization, client: OAuthClient, app: OAuthApp, wish: Wish, by: Actor, now: datetime
) -> OAuthLogin:
    """Begin a sign-in; another one of this person at this provider is over then."""
    device = app.flow == "device"
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=by.person.pk)  # one at a time, so that one stays open
        mine = OAuthLogin.objects.filter(person=by.person, provider_slug=client.provider_slug, status__in=OPEN_LOGINS)
        for other in mine:
            login_close(login=other, status=LoginStatus.CANCELLED)
        login = OAuthLogin(
            organization=organization,
            person=by.person,
            provider_slug=client.provider_slug,
            app=app.name,
            client=client,
            credential=wish.credential,
            account=wish.account,
            label=wish.label,
            settings=dict(wish.settings),
            relay_url=wish.relay_url,
            status=LoginStatus.STARTING if device else LoginStatus.WAITING,
            next_poll_at=now if device else None,
            expires_at=now + LOGIN_LIFE,
            created_at=now,
        )
        login.seal("")
        login.save()
        _record(login, by, "credential.sign_in_begun", now, {"scopes": (None, list(app.scopes))})
        if device:
            enqueue_on_commit("advance_sign_in", login.pk)
    return login


def login_restart(*, login: OAuthLogin, by: Actor, now: datetime) -> OAuthLogin | None:
    """The same once more. None when the provider has no such way any longer."""
    app = PROVIDERS[login.provider_slug].oauth_app(login.app)
    if app is None:
        return None
    wish = Wish(
        settings=login.settings,
        label=login.label,
        account=login.account,
        credential=login.credential,
        relay_url=login.relay_url,
    )
    return login_begin(organization=login.organization, client=login.client, app=app, wish=wish, by=by, now=now)


def login_go(*, login: OAuthLogin, now: datetime) -> str | None:
    """The provider's address for the browser, with a fresh state and verifier; None when the sign-in is past that."""
    provider = PROVIDERS[login.provider_slug]
    app = provider.oauth_app(login.app)
    if app is None or app.flow != "code":
        return None
    state, verifier = state_new(), verifier_new()
    login.seal(verifier)
    rows = OAuthLogin.objects.filter(pk=login.pk, status=LoginStatus.WAITING, expires_at__gt=now)
    if not rows.update(
        state_hash=token_digest(state),
        encrypted_text=login.encrypted_text,
        key_id=login.key_id,
        expires_at=now + LOGIN_LIFE,
    ):
        return None
    return authorize_url(app, client_of(login.client), callback=callback_url(provider), state=state, verifier=verifier)


def login_return(*, login: OAuthLogin, state: str, code: str, now: datetime) -> bool:
    """The browser came back. The state fits once, for ten minutes; without a code the person has refused. False when
    this is not the answer to what was begun."""
    with transaction.atomic():
        held = OAuthLogin.objects.select_for_update().filter(pk=login.pk, status=LoginStatus.WAITING).first()
        if held is None or held.expires_at <= now or not held.state_hash:
            return False
        if not hmac.compare_digest(token_digest(state), held.state_hash):
            return False
        held.state_hash = ""
        if not code:
            login_close(login=held, status=LoginStatus.DENIED, words=_("The sign-in was refused at the provider."))
            return True
        held.seal(json.dumps({"code": code, "verifier": held.opened()}))
        held.status, held.next_poll_at = LoginStatus.RETURNED, now
        held.save()
        enqueue_on_commit("advance_sign_in", held.pk)
    return True


def login_close(*, login: OAuthLogin, status: LoginStatus, words: str = "") -> bool:
    """End an open sign-in and empty it of secrets. False when it is over already."""
    login.seal("")
    login.status, login.message = status, words
    rows = OAuthLogin.objects.filter(pk=login.pk, status__in=OPEN_LOGINS)
    return bool(
        rows.update(
            status=status,
            message=words,
            encrypted_text=login.encrypted_text,
            key_id=login.key_id,
            state_hash="",
            user_code="",
            next_poll_at=None,
        )
    )


def login_cancel(*, login: OAuthLogin, by: Actor, now: datetime) -> None:
    with transaction.atomic():
        if login_close(login=login, status=LoginStatus.CANCELLED):
            _record(login, by, "credential.sign_in_cancelled", now, {})


def login_accept(*, login: OAuthLogin, by: Actor, now: datetime) -> ProviderCredential | None:
    """The person says that this is the right account: the tokens become a credential, which is checked as any other.
    None when there is nothing to accept."""
    with transaction.atomic():
        held = OAuthLogin.objects.select_for_update(of=("self",)).select_related("client", "credential", "account")
        found = held.filter(pk=login.pk, status=LoginStatus.APPROVED, expires_at__gt=now).first()
        app = PROVIDERS[login.provider_slug].oauth_app(login.app)
        if found is None or app is None:
            return None
        tokens = tokens_opened(found)
        values = {**found.settings, app.field: tokens.access_token}
        credential = found.credential
        if credential is not None:
            credential_replace(credential=credential, values=values, by=by, now=now)
        else:
            credential = credential_create(
                organization=found.organization,
                provider=PROVIDERS[found.provider_slug],
                values=values,
                label=found.label,
                by=by,
                now=now,
                same_account=found.account,
                relay_url=found.relay_url,
            )
        grant_put(credential=credential, field=app.field, app=app.name, client=found.client, tokens=tokens, now=now)
        login_close(login=found, status=LoginStatus.DONE)
        OAuthLogin.objects.filter(pk=found.pk).update(credential=credential)
        _record(found, by, "credential.signed_in", now, {app.field: (None, REPLACED)})
    return credential


def tokens_sealed(tokens: Tokens) -> str:
    """Tokens as the text that a sign-in keeps until it is accepted."""
    ends = tokens.expires_at.isoformat() if tokens.expires_at else None
    return json.dumps([tokens.access_token, tokens.refresh_token, ends, list(tokens.scopes)])


def tokens_opened(login: OAuthLogin) -> Tokens:
    access_token, refresh_token, ends, scopes = json.loads(login.opened())
    return Tokens(
        access_token=access_token,
        refresh_token=refresh_token,
        expires_at=datetime.fromisoformat(ends) if ends else None,
        scopes=tuple(scopes),
    )


def logins_prune(*, before: datetime) -> None:
    """Forget sign-ins that are over."""
    OAuthLogin.objects.filter(created_at__lt=before).exclude(status__in=OPEN_LOGINS).delete()
