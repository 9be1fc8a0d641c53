"""Landing of the keys that a provider lists, inside the landing transaction of a sync run; whose they are, as people
say it; and our own tokens, as people make, rotate and revoke them."""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from dashboard.core.encryption import keyed_digest
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ProviderKey, ServiceToken
from dashboard.keys.selectors import TOKEN_PURPOSE
from dashboard.keys.signals import provider_key_assigned
from dashboard.organizations.audit import REPLACED, Actor, audit_record, changed
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.services import Refused
from providers.records import ProviderKey as ListedKey

USE_NOTED_EVERY = timedelta(minutes=1)

_COLUMNS = ("name", "hint", "project", "state", "created_at", "expires_at", "last_used_at", "limit")


def provider_keys_land(*, account_id: int, keys: Sequence[ListedKey], complete: bool, now: datetime) -> int:
    """Upsert by the provider's id; with a complete list, keys that are missing from it are marked as gone, but for
    those that a person typed in: the provider never listed them. Returns how many rows say something new."""
    known = {key.external_id: key for key in ProviderKey.objects.filter(account_id=account_id)}
    fresh: list[ProviderKey] = []
    changed = 0
    for listed in keys:
        values = {
            **{name: getattr(listed, name) or "" for name in ("name", "hint", "project", "state")},
            **{name: getattr(listed, name) for name in ("created_at", "expires_at", "last_used_at", "limit")},
        }
        row = known.pop(listed.id, None)
        if row is None:
            fresh.append(ProviderKey(account_id=account_id, external_id=listed.id, listed_at=now, **values))
            continue
        if row.gone_at is not None or any(getattr(row, name) != value for name, value in values.items()):
            changed += 1
        for name, value in values.items():
            setattr(row, name, value)
        row.listed_at, row.gone_at = now, None
        row.save(update_fields=[*_COLUMNS, "listed_at", "gone_at"])
    ProviderKey.objects.bulk_create(fresh)
    if complete:
        gone = [key.pk for key in known.values() if key.gone_at is None and key.typed_at is None]
        changed += ProviderKey.objects.filter(pk__in=gone).update(gone_at=now) if gone else 0
    return changed + len(fresh)


# --- Whose a key is ---------------------------------------------------------------------------------------------


def provider_key_type_in(
    *,
    account: ProviderAccount,
    external_id: str,
    name: str,
    hint: str,
    created_on: date | None,
    by: Actor,
    now: datetime,
) -> ProviderKey:
    """A key that the provider does not list, as a person knows it: never the key itself. `external_id` is what usage
    names it by, "" where nobody knows. Raises Refused when the account has a key of that id."""
    told = external_id or f"typed:{uuid4().hex}"
    zone = account.organization.zone
    with transaction.atomic():
        key, fresh = ProviderKey.objects.get_or_create(
            account=account,
            external_id=told,
            defaults={
                "name": name,
                "hint": f"…{hint}" if hint else "",
                "state": "active",
                "created_at": None if created_on is None else datetime.combine(created_on, time.min, zone),
                "listed_at": now,
                "typed_at": now,
            },
        )
        if not fresh:
            raise Refused(_("This account has a key of that id already."))
        _key_record(key, by, "typed_in", now, {"account": (None, account), "name": (None, name)})
    return key


def provider_key_assign(
    *, key: ProviderKey, team: Team | None, purpose: str, valid_from: date, by: Actor, now: datetime
) -> None:
    """Say whose a key is and what it is for. Another team is told to whoever listens (`provider_key_assigned`), in this
    transaction; the same one again changes nothing."""
    assert team is None or team.organization_id == key.account.organization_id
    with transaction.atomic():
        stored = ProviderKey.objects.select_for_update(of=("self",)).select_related("team", "account").get(pk=key.pk)
        before = {"team": stored.team, "purpose": stored.purpose, "owned_from": stored.owned_from}
        moved = stored.team != team or (team is not None and stored.owned_from != valid_from)
        stored.team, stored.purpose = team, purpose
        if moved:
            stored.owned_from = valid_from if team is not None else None
        after = {"team": stored.team, "purpose": stored.purpose, "owned_from": stored.owned_from}
        if not (changes := changed(before, after)):
            return
        stored.save(update_fields=["team", "purpose", "owned_from"])
        _key_record(stored, by, "assigned", now, changes)
        if moved:
            provider_key_assigned_tell(key=stored, by=by, now=now, valid_from=valid_from)


def provider_key_assigned_tell(*, key: ProviderKey, by: Actor, now: datetime, valid_from: date | None = None) -> None:
    """Tell whoever listens whose the key is now, inside the caller's transaction; `valid_from` where nobody owns it any
    more."""
    provider_key_assigned.send(
        sender=ProviderKey,
        account_id=key.account_id,
        external_id=key.external_id,
        team_id=key.team_id,
        valid_from=key.owned_from or valid_from,
        by=by,
        now=now,
    )


def provider_key_forget(*, key: ProviderKey, by: Actor, now: datetime) -> None:
    """Take back a key that was typed in. Raises Refused for one that the provider lists."""
    with transaction.atomic():
        stored = ProviderKey.objects.select_for_update(of=("self",)).select_related("account").get(pk=key.pk)
        if stored.typed_at is None:
            raise Refused(_("The provider lists this key: it can be deleted there, not forgotten here."))
        _key_record(stored, by, "forgotten", now, {})
        if stored.team_id is not None:
            stored.team = None
            provider_key_assigned_tell(key=stored, by=by, now=now)
        stored.delete()


def _key_record(
    key: ProviderKey, by: Actor, what: str, now: datetime, changes: dict[str, tuple[object, object]]
) -> None:
    audit_record(
        organization=key.account.organization,
        by=by,
        action=f"provider_key.{what}",
        now=now,
        subject=key,
        words=str(key),
        changes=changes,
    )


# --- Service tokens ---------------------------------------------------------------------------------------------


def service_token_create(
    *,
    organization: Organization,
    name: str,
    scopes: Sequence[str],
    account: ProviderAccount | None,
    lifetime: timedelta | None,
    by: Actor,
    now: datetime,
    team: Team | None = None,
) -> tuple[ServiceToken, str]:
    """A new token, and its secret for this once. `account` binds it to that one of the organization's accounts, `team`
    to what is that team's."""
    assert account is None or account.organization_id == organization.pk
    assert team is None or team.organization_id == organization.pk
    prefix, secret = _fresh_secret()
    with transaction.atomic():
        token = ServiceToken.objects.create(
            organization=organization,
            name=name,
            scopes=sorted(scopes),
            account=account,
            team=team,
            prefix=prefix,
            secret_digest=keyed_digest(TOKEN_PURPOSE, secret),
            created_at=now,
            created_by=by.user,
            expires_at=None if lifetime is None else now + lifetime,
        )
        after = {"scopes": token.scopes, "account": account, "team": team, "expires_at": token.expires_at}
        _token_record(token, by, "created", now, {field: (None, value) for field, value in after.items()})
    return token, secret


def service_token_rotate(*, token: ServiceToken, by: Actor, now: datetime) -> str:
    """Another secret in place of the old one, which stops working at once; it is good for as long as the old one was.
    Raises Refused for a token that was revoked."""
    prefix, secret = _fresh_secret()
    with transaction.atomic():
        stored = ServiceToken.objects.select_for_update().get(pk=token.pk)
        if stored.revoked_at is not None:
            raise Refused(_("A revoked token stays revoked. Make a new one."))
        before, lifetime = {"prefix": stored.prefix, "expires_at": stored.expires_at}, stored.lifetime
        stored.prefix, stored.secret_digest, stored.rotated_at = prefix, keyed_digest(TOKEN_PURPOSE, secret), now
        stored.expires_at = None if lifetime is None else now + lifetime
        stored.save(update_fields=["prefix", "secret_digest", "rotated_at", "expires_at"])
        changes = {field: (value, getattr(stored, field)) for field, value in before.items()}
        _token_record(stored, by, "rotated", now, {"secret": (None, REPLACED), **changes})
    return secret


def service_token_revoke(*, token: ServiceToken, by: Actor, now: datetime) -> None:
    """The token stops working at once, for good. Revoking it again changes nothing."""
    with transaction.atomic():
        if ServiceToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            _token_record(token, by, "revoked", now, {})


def service_token_used(*, token: ServiceToken, now: datetime) -> None:
    """Note that the token was used: at most once a minute, whoever comes first."""
    before = now - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at <= before:
        due = ServiceToken.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=before), pk=token.pk)
        due.update(last_used_at=now)


def _fresh_secret() -> tuple[str, str]:
    """The prefix and the whole token, which begins with it: 256 bits that nobody can guess come after."""
    prefix = f"purser_{secrets.token_hex(5)}"
    return prefix, f"{prefix}_{secrets.token_urlsafe(32)}"


def _token_record(
    token: ServiceToken, by: Actor, what: str, now: datetime, changes: dict[str, tuple[object, object]]
) -> None:
    audit_record(
        organization=token.organization,
        by=by,
        action=f"service_token.{what}",
        now=now,
        subject=token,
        words=token.name,
        changes=changes,
    )
