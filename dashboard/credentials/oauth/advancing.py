"""The worker's part of a sign-in: one step at a time, each of which asks the provider once."""

import json
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils.translation import gettext as _

from dashboard.core.encryption import Unreadable
from dashboard.credentials.models import OPEN_LOGINS, LoginStatus, OAuthLogin
from dashboard.credentials.oauth.grants import client_of, sign_in_transport
from dashboard.credentials.oauth.selectors import callback_url
from dashboard.credentials.oauth.services import CONFIRM_LIFE, login_close, tokens_sealed
from providers.collect import Credentials, check
from providers.errors import ProviderError, Retryable
from providers.oauth import Ended, OAuthApp, Pending, Tokens, code_exchange, device_poll, device_start
from providers.registry import PROVIDERS
from providers.spec import Window
from providers.transport import Transport

log = structlog.get_logger(__name__)
# While one worker takes a step, no other one does. Longer than a step can take.
STEP = timedelta(seconds=90)
ENDED = {"expired": LoginStatus.EXPIRED, "denied": LoginStatus.DENIED, "failed": LoginStatus.FAILED}


def login_advance(*, login_id: int, now: datetime) -> int | None:
    """Take the next step of a sign-in, if it is due and nobody else takes it. Returns in how many seconds the next one
    is, None when there is none to take."""
    row = OAuthLogin.objects.filter(pk=login_id, status__in=OPEN_LOGINS)
    for late in row.filter(expires_at__lte=now):
        login_close(login=late, status=LoginStatus.EXPIRED, words=_("It was not finished in time."))
    if not row.filter(next_poll_at__lte=now).update(next_poll_at=now + STEP):
        return None
    login = row.select_related("client", "organization").first()
    app = PROVIDERS[login.provider_slug].oauth_app(login.app) if login else None
    if login is None or app is None:
        return None
    try:
        return _step(login, app, now)
    except Unreadable:
        login_close(login=login, status=LoginStatus.FAILED, words=_("Purser's encryption keys were changed meanwhile."))
    except ProviderError as error:
        login_close(login=login, status=LoginStatus.FAILED, words=error.message)
    except Exception:
        log.exception("sign_in.internal", login=login.pk)
        login_close(login=login, status=LoginStatus.FAILED, words=_("Purser stumbled. The worker's log says where."))
    return None


def _step(login: OAuthLogin, app: OAuthApp, now: datetime) -> int | None:
    if login.status == LoginStatus.STARTING:
        return _start(login, app, now)
    if login.status == LoginStatus.WAITING:
        return _poll(login, app, now)
    if login.status == LoginStatus.RETURNED:
        _exchange(login, app, now)
    return None


def _start(login: OAuthLogin, app: OAuthApp, now: datetime) -> int | None:
    send = sign_in_transport(PROVIDERS[login.provider_slug], login.relay_url).send
    try:
        found = device_start(app, client_of(login.client), send, now)
    except Retryable:  # nothing is used up yet: as long as the sign-in lives, it is tried again
        return _again(login, min(2 * login.interval_seconds, 60), now)
    login.seal(found.device_code)
    waits = _moved(
        login,
        LoginStatus.WAITING,
        now,
        encrypted_text=login.encrypted_text,
        key_id=login.key_id,
        user_code=found.user_code,
        verification_url=found.verification_url,
        interval_seconds=found.interval,
        next_poll_at=now + timedelta(seconds=found.interval),
        expires_at=found.expires_at,
    )
    return found.interval if waits else None


def _poll(login: OAuthLogin, app: OAuthApp, now: datetime) -> int | None:
    send = sign_in_transport(PROVIDERS[login.provider_slug], login.relay_url).send
    found = device_poll(app, client_of(login.client), login.opened(), login.interval_seconds, send, now)
    if isinstance(found, Pending):
        return _again(login, found.interval, now)
    if isinstance(found, Ended):
        login_close(login=login, status=ENDED[found.state], words=found.words)
        return None
    _identify(login, app, found, now)
    return None


def _exchange(login: OAuthLogin, app: OAuthApp, now: datetime) -> None:
    provider = PROVIDERS[login.provider_slug]
    kept = json.loads(login.opened())
    tokens = code_exchange(
        app,
        client_of(login.client),
        code=kept["code"],
        verifier=kept["verifier"],
        callback=callback_url(provider),
        send=sign_in_transport(provider, login.relay_url).send,
        now=now,
    )
    _identify(login, app, tokens, now)


def _identify(login: OAuthLogin, app: OAuthApp, tokens: Tokens, now: datetime) -> None:
    """Keep the tokens, sealed, with what they open: a person says whether that is what they meant."""
    provider = PROVIDERS[login.provider_slug]
    values = {**login.settings, app.field: tokens.access_token}
    transport = Transport(reach="private" if provider.self_hosted else "public", via=login.relay_url or None)
    found: dict[str, Any]
    try:
        window = Window(start=now, end=now, now=now)
        credentials = Credentials(values=values, signed_in=frozenset({app.field}))
        identity = check(provider, credentials, window, transport.send)
        found = {"account": identity.account_name or identity.account_id or "", "scopes": list(identity.scopes)}
    except ProviderError as error:
        found = {"problem": error.message}
    login.seal(tokens_sealed(tokens))
    _moved(
        login,
        LoginStatus.APPROVED,
        now,
        encrypted_text=login.encrypted_text,
        key_id=login.key_id,
        found=found,
        user_code="",
        next_poll_at=None,
        expires_at=now + CONFIRM_LIFE,
    )


def _again(login: OAuthLogin, interval: int, now: datetime) -> int | None:
    next_poll_at = now + timedelta(seconds=interval)
    waits = _moved(login, LoginStatus(login.status), now, interval_seconds=interval, next_poll_at=next_poll_at)
    return interval if waits else None


def _moved(login: OAuthLogin, status: LoginStatus, now: datetime, **changes: Any) -> bool:
    """From where it stood when the step began: whoever cancelled it meanwhile has won."""
    rows = OAuthLogin.objects.filter(pk=login.pk, status=login.status, expires_at__gt=now)
    return bool(rows.update(status=status, **changes))
