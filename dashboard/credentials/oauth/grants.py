"""What stands behind an access token: when it ends, its renewal, and what is said when nothing renews it any more."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from dashboard.core.encryption import Unreadable, decrypt
from dashboard.credentials.models import GrantSource, OAuthClient, OAuthGrant, ProviderCredential
from providers.collect import Credentials
from providers.errors import ActionNeeded, ProviderError, Retryable
from providers.oauth import Client, Tokens, due, refresh
from providers.spec import Endpoint, Provider
from providers.transport import Transport

# The lock of a grant is held while its provider is asked: not for longer than this.
RENEWAL_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=30)
# A token this young that is refused was not ended by time: another one would be refused too.
YOUNG = timedelta(minutes=5)


def sign_in_transport(provider: Provider, relay_url: str) -> Transport:
    """For calls that use up what they send: nothing is tried twice, because a refresh token or a code that is sent
    again ends the whole sign-in."""
    reach = "private" if provider.self_hosted else "public"
    return Transport(reach=reach, via=relay_url or None, total_seconds=RENEWAL_SECONDS, tries=1)  # type: ignore[arg-type]


def client_of(row: OAuthClient) -> Client:
    return Client(site=row.site, client_id=row.client_id, client_secret=row.opened())


# --- Writing ------------------------------------------------------------------------------------------------------


def grants_lock(*, credential: ProviderCredential) -> None:
    """Wait until nothing is renewed for this credential. Whoever locks a credential's row too does this first: a
    renewal holds its grant, then takes the credential."""
    list(OAuthGrant.objects.select_for_update().filter(credential_id=credential.pk).order_by("pk"))


def grants_follow(
    *, credential: ProviderCredential, fields: Collection[str], endings: Mapping[str, datetime], now: datetime
) -> None:
    """These secrets are new or gone: what stood behind the old ones goes, and a pasted token that says when it ends
    has that put down."""
    OAuthGrant.objects.filter(credential=credential, field__in=fields).delete()
    for name, moment in endings.items():
        grant = OAuthGrant(
            credential=credential, field=name, source=GrantSource.PASTE, obtained_at=now, expires_at=moment
        )
        grant.seal("")
        grant.save()


def grant_put(
    *,
    credential: ProviderCredential,
    field: str,
    app: str,
    client: OAuthClient,
    tokens: Tokens,
    now: datetime,
) -> OAuthGrant:
    """What a sign-in gave, in place of what stood behind the field before."""
    OAuthGrant.objects.filter(credential=credential, field=field).delete()
    grant = OAuthGrant(
        credential=credential,
        client=client,
        field=field,
        app=app,
        site=client.site,
        source=GrantSource.OWN_CLIENT,
        scopes=[scope[:200] for scope in tokens.scopes],
        may_refresh=bool(tokens.refresh_token),
        obtained_at=now,
        expires_at=tokens.expires_at,
    )
    grant.seal(tokens.refresh_token)
    grant.save()
    return grant


# --- Before a call ------------------------------------------------------------------------------------------------


def credential_ready(*, credential: ProviderCredential, capability: str | None, now: datetime) -> Credentials:
    """The values to call with, tokens renewed that end soon. A token that is over and not needed for this capability
    (None: the check) is left out. Raises ActionNeeded (code signed_out), Retryable, core.encryption.Unreadable."""
    if not credential.provider.has_tokens_that_end:
        return credential.unlocked()
    rows = OAuthGrant.objects.filter(credential_id=credential.pk).order_by("pk")
    standing = list(rows)
    if not standing:
        return credential.unlocked()
    renewable = [grant.pk for grant in standing if _wants_renewal(grant, now)]
    for grant_id in renewable:
        grant_renew(grant_id=grant_id, now=now)
    if renewable:
        standing = list(rows.all())
    # Read after the grants: another worker may have renewed them since the credential was loaded.
    credential.refresh_from_db(fields=["encrypted_secrets", "key_id", "secret_hints", "fingerprints"])
    over = {grant.field: trouble for grant in standing if (trouble := _trouble(grant, now))}
    found = replace(
        credential.unlocked(),
        signed_in=frozenset(grant.field for grant in standing if grant.source == GrantSource.OWN_CLIENT),
    )
    return _without(credential.provider, found, over, capability)


def _without(
    provider: Provider, found: Credentials, over: Mapping[str, ProviderError], capability: str | None
) -> Credentials:
    if not over:
        return found
    left = replace(found, values={name: value for name, value in found.values.items() if name not in over})
    account = left.account(provider)
    endpoint = provider.endpoint(capability) if capability else None
    needed = endpoint.missing(account) if isinstance(endpoint, Endpoint) else ()
    for name, trouble in over.items():
        if any(name in need.split("|") for need in needed) or (endpoint is None and not account.secrets):
            raise trouble
    return left


def _wants_renewal(grant: OAuthGrant, now: datetime) -> bool:
    if not grant.may_refresh or grant.ended_at is not None or not due(grant.obtained_at, grant.expires_at, now):
        return False
    return grant.retry_at is None or grant.retry_at <= now


def _trouble(grant: OAuthGrant, now: datetime) -> ProviderError | None:
    """Why the token cannot be used now, None when it can."""
    if grant.ended_at is not None:
        return ActionNeeded(grant.message, code="signed_out", field=grant.field)
    if grant.expires_at is None or grant.expires_at > now:
        return None
    if grant.may_refresh:
        wait = (grant.retry_at - now).total_seconds() if grant.retry_at else None
        return Retryable(grant.message or _("The sign-in is being renewed."), retry_after=wait)
    moment = f"{grant.expires_at:%Y-%m-%d %H:%M} UTC"
    if grant.source == GrantSource.PASTE:
        words = _("The pasted token ended at %(moment)s: paste a new one.") % {"moment": moment}
    else:
        words = _("The sign-in ended at %(moment)s. Sign in again.") % {"moment": moment}
    return ActionNeeded(words, code="signed_out", field=grant.field)


# --- Renewal ------------------------------------------------------------------------------------------------------


def grant_renew(*, grant_id: int, now: datetime, anyway: bool = False) -> None:
    """Renew a token, as far as nobody did so meanwhile. What fails is put down in the grant.

    The one place where a row stays locked while a provider is asked: a refresh token works once, and two workers that
    send the same one end the sign-in. Whoever waits for the lock finds the new token and asks nothing. The lock holds
    one grant, for RENEWAL_SECONDS at most; the credential's row is taken only after the answer, and whoever takes both
    takes the grant first (`grants_lock`). The new pair is stored in the same transaction.
    """
    with transaction.atomic():
        grant = (
            OAuthGrant.objects.select_for_update(of=("self",))
            .select_related("client", "credential__account")
            .filter(pk=grant_id)
            .first()
        )
        if grant is None or grant.ended_at is not None or not (anyway or _wants_renewal(grant, now)):
            return
        try:
            _renewed(grant, _asked(grant, now), now)
        except ActionNeeded as error:
            _end(grant, error.message, now)
        except Unreadable:
            _end(grant, _("The stored sign-in cannot be decrypted. Sign in again."), now)
        except ProviderError as error:
            _put_off(grant, error, now)


def _asked(grant: OAuthGrant, now: datetime) -> Tokens:
    """Raises the provider errors; nothing goes to another site than the one that gave the grant."""
    credential = grant.credential
    app = credential.provider.oauth_app(grant.app)
    if app is None or grant.client is None:
        raise ActionNeeded(_("The app that this was signed in with is gone. Sign in again."))
    site = app.site(Credentials(values=credential.settings).account(credential.provider))
    if not site == grant.site == grant.client.site:
        raise ActionNeeded(_("The address is another one than where this was signed in. Sign in again."))
    send = sign_in_transport(credential.provider, credential.relay_url).send
    return refresh(app, client_of(grant.client), grant.opened(), send, now)


def _renewed(grant: OAuthGrant, tokens: Tokens, now: datetime) -> None:
    row = ProviderCredential.objects.select_for_update(no_key=True, of=("self",))
    credential = row.get(pk=grant.credential_id)
    credential.set_secrets({**decrypt(credential.encrypted_secrets), grant.field: tokens.access_token})
    credential.save(update_fields=["encrypted_secrets", "key_id", "secret_hints", "fingerprints"])
    grant.seal(tokens.refresh_token)
    grant.obtained_at, grant.expires_at = now, tokens.expires_at
    grant.scopes = [scope[:200] for scope in tokens.scopes] or grant.scopes
    grant.failures, grant.retry_at, grant.message = 0, None, ""
    grant.save()


def _put_off(grant: OAuthGrant, error: ProviderError, now: datetime) -> None:
    """It may work later; until then the present token serves, as long as it lives."""
    pause = min(FIRST_PAUSE * 2 ** min(grant.failures, 10), LONGEST_PAUSE)
    asked = error.retry_after if isinstance(error, Retryable) else None
    rows = OAuthGrant.objects.filter(pk=grant.pk)
    rows.update(
        failures=F("failures") + 1,
        retry_at=now + max(pause, timedelta(seconds=asked or 0)),
        message=error.message,
    )


def _end(grant: OAuthGrant, words: str, now: datetime) -> None:
    """Nothing renews it any more; its refresh token goes."""
    grant.seal("")
    grant.ended_at, grant.message, grant.may_refresh = now, words, False
    grant.save()


# --- After a refusal ----------------------------------------------------------------------------------------------


def grant_refused(
    *, credential: ProviderCredential, used: Credentials, error: ProviderError, now: datetime
) -> ProviderError:
    """What a refusal (401) of a token that somebody signed in for comes to: it was renewed while it was in use, it can
    be renewed now, or the person has to sign in again. Other errors come back as they are."""
    if not isinstance(error, ActionNeeded) or error.status != 401:
        return error
    name = error.field or (next(iter(used.signed_in)) if len(used.signed_in) == 1 else "")
    if name not in used.signed_in:
        return error
    grant = OAuthGrant.objects.filter(credential_id=credential.pk, field=name).first()
    again = Retryable(_("The sign-in was renewed meanwhile. It is read again."))
    stored = ProviderCredential.objects.get(pk=credential.pk).unlocked().values
    if grant is None or stored.get(name) != used.values.get(name):
        return again
    if grant.may_refresh and now - grant.obtained_at >= YOUNG:
        grant_renew(grant_id=grant.pk, now=now, anyway=True)
        grant.refresh_from_db()
        if grant.ended_at is None:
            return Retryable(grant.message) if grant.message else again
        return ActionNeeded(grant.message, code="signed_out", field=name)
    words = _("%(name)s does not accept the sign-in any more. Sign in again.") % {"name": credential.provider.name}
    mine = OAuthGrant.objects.filter(pk=grant.pk, obtained_at=grant.obtained_at, ended_at=None)
    mine.update(ended_at=now, message=words, may_refresh=False)
    return ActionNeeded(words, code="signed_out", field=name)
