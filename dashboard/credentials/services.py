"""Writes of accounts and credentials."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import ManyToOneRel, Q
from django.utils.translation import gettext as _

from dashboard.core.encryption import Unreadable
from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.models import (
    CredentialState,
    OfferedModel,
    ProviderAccount,
    ProviderCredential,
    ServerReading,
)
from dashboard.credentials.oauth.grants import grants_follow, grants_lock
from dashboard.organizations.audit import REPLACED, Actor, audit_record, changed
from dashboard.organizations.models import Organization
from providers.records import Gauge, Identity, Model, Server
from providers.spec import Provider


def credential_create(
    *,
    organization: Organization,
    provider: Provider,
    values: Mapping[str, str],
    label: str,
    by: Actor,
    now: datetime,
    same_account: ProviderAccount | None = None,
    relay_url: str = "",
    check: bool = True,
    replaces: ProviderCredential | None = None,
    endings: Mapping[str, datetime] | None = None,
) -> ProviderCredential:
    """Save a credential as unverified and ask for its check. `same_account` is the admin's word that it belongs to an
    account that is here already; `replaces` names the key of that account that this one is to take over from;
    `endings` says of pasted tokens when they end."""
    secrets = {field.name: values[field.name] for field in provider.fields if field.secret and values.get(field.name)}
    open_values = {
        field.name: values[field.name] for field in provider.fields if not field.secret and values.get(field.name)
    }
    with transaction.atomic():
        account = same_account or ProviderAccount.objects.create(
            organization=organization, provider_slug=provider.slug, label=label or _free_label(organization, provider)
        )
        credential = ProviderCredential(
            organization=organization,
            account=account,
            label=label,
            settings=open_values,
            relay_url=relay_url,
            created_by=by.user,
            secrets_changed_at=now,
            replaces=replaces,
        )
        credential.set_secrets(secrets, entered_for=provider)
        credential.save()
        grants_follow(credential=credential, fields=(), endings=endings or {}, now=now)
        told = {**dict.fromkeys(secrets, REPLACED), **open_values}
        credential_record(credential, by, "credential.connected", now, changed({}, told))
        if check:
            enqueue_on_commit("check_credential", credential.pk)
    return credential


def host_changes(credential: ProviderCredential, values: Mapping[str, str]) -> bool:
    """Whether these values would send the credential's secrets to another place than before."""
    return any(
        field.kind == "url" and values.get(field.name, "") != credential.settings.get(field.name, "")
        for field in credential.provider.fields
    )


def credential_replace(
    *,
    credential: ProviderCredential,
    values: Mapping[str, str],
    by: Actor,
    now: datetime,
    endings: Mapping[str, datetime] | None = None,
) -> list[str]:
    """New values for a credential. An empty secret keeps the old one, unless a host was changed: then the old secrets
    are dropped, because they must not go to a new place. Returns the names of the secrets that are gone."""
    with transaction.atomic():
        grants_lock(credential=credential)  # so that what is kept is the latest token, and its grant goes with it
        credential.refresh_from_db(fields=["encrypted_secrets", "key_id", "secret_hints", "fingerprints", "settings"])
        return _replace(credential, values, by, now, endings or {})


def _replace(
    credential: ProviderCredential, values: Mapping[str, str], by: Actor, now: datetime, endings: Mapping[str, datetime]
) -> list[str]:
    provider = credential.provider
    kept = {} if host_changes(credential, values) else _readable_values(credential)
    secrets = {
        field.name: values.get(field.name) or kept.get(field.name, "") for field in provider.fields if field.secret
    }
    before = dict(credential.settings)
    credential.settings = {
        field.name: values[field.name] for field in provider.fields if not field.secret and values.get(field.name)
    }
    fresh = {name: (None, REPLACED) for name in secrets if values.get(name)}
    dropped = {name: (REPLACED, None) for name in credential.secret_hints if not secrets.get(name)}
    credential.set_secrets({name: value for name, value in secrets.items() if value})
    credential.state = CredentialState.CHECKING
    credential.check_verdict = credential.check_message = credential.check_field = ""
    credential.secrets_changed_at = credential.check_asked_at = now
    credential.resting_until = credential.reminded_days = None
    if fresh:
        credential.expires_on = None  # said of the old key
    gone = dict.fromkeys(before.keys() - credential.settings.keys())
    changes = {**changed(before, {**credential.settings, **gone}), **fresh, **dropped}
    credential.save()
    grants_follow(credential=credential, fields=[*fresh, *dropped], endings=endings, now=now)
    credential_record(credential, by, "credential.replaced", now, changes)
    enqueue_on_commit("check_credential", credential.pk)
    return list(dropped)


def credential_record(
    credential: ProviderCredential,
    by: Actor,
    action: str,
    now: datetime,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
) -> None:
    audit_record(
        organization=credential.organization,
        by=by,
        action=action,
        now=now,
        subject=credential,
        words=f"{credential.provider.name}: {credential.account.label}",
        changes=changes,
    )


def _readable_values(credential: ProviderCredential) -> Mapping[str, str]:
    """What is stored, or nothing when its encryption key is gone: then everything is entered anew."""
    try:
        return credential.unlocked().values
    except Unreadable:
        return {}


def credential_recheck(*, credential: ProviderCredential, by: Actor, now: datetime) -> None:
    with transaction.atomic():
        ProviderCredential.objects.filter(pk=credential.pk).update(
            state=CredentialState.CHECKING, check_verdict="", check_asked_at=now
        )
        credential_record(credential, by, "credential.rechecked", now)
        enqueue_on_commit("check_credential", credential.pk)


def credential_pause(*, credential: ProviderCredential, by: Actor, now: datetime) -> bool:
    """Read nothing with this key until somebody resumes it; its figures stay. False when it was paused already."""
    with transaction.atomic():
        going = ProviderCredential.objects.filter(pk=credential.pk).exclude(state=CredentialState.PAUSED)
        if not going.update(state=CredentialState.PAUSED):
            return False
        credential_record(credential, by, "credential.paused", now)
    return True


def credential_resume(*, credential: ProviderCredential, by: Actor, now: datetime) -> bool:
    """Have a paused key checked, and read with it again. False when it is not paused."""
    with transaction.atomic():
        resting = ProviderCredential.objects.filter(pk=credential.pk, state=CredentialState.PAUSED)
        if not resting.update(state=CredentialState.CHECKING, check_verdict="", check_asked_at=now):
            return False
        credential_record(credential, by, "credential.resumed", now)
        enqueue_on_commit("check_credential", credential.pk)
    return True


def credential_expiry_set(*, credential: ProviderCredential, expires_on: date | None, by: Actor, now: datetime) -> None:
    """When the key ends at its provider, as a person knows it; reminders begin anew."""
    with transaction.atomic():
        stored = ProviderCredential.objects.select_for_update(of=("self",)).get(pk=credential.pk)
        if stored.expires_on == expires_on:
            return
        changes = changed({"expires_on": stored.expires_on}, {"expires_on": expires_on})
        ProviderCredential.objects.filter(pk=stored.pk).update(expires_on=expires_on, reminded_days=None)
        credential_record(credential, by, "credential.expiry_set", now, changes)


REMIND_AT = (14, 7, 3, 1, 0)  # days before a key ends


def credential_remind(*, credential: ProviderCredential, today: date) -> int | None:
    """How many days a key has left, when that is to be mailed now: once for each of REMIND_AT. It is put down at once,
    so that two who ask get one answer."""
    assert credential.expires_on is not None
    left = max(0, (credential.expires_on - today).days)
    mark = min((days for days in REMIND_AT if left <= days), default=None)
    if mark is None:
        return None
    unsaid = Q(reminded_days=None) | Q(reminded_days__gt=mark)
    rows = ProviderCredential.objects.filter(unsaid, pk=credential.pk, expires_on=credential.expires_on)
    return left if rows.update(reminded_days=mark) else None


def credential_adopt(*, credential: ProviderCredential, by: Actor, now: datetime) -> None:
    """Use a credential without checking it: its streams find out."""
    with transaction.atomic():
        ProviderCredential.objects.filter(pk=credential.pk).update(state=CredentialState.ACTIVE, check_verdict="")
        credential_record(credential, by, "credential.used_unchecked", now)
        enqueue_on_commit("adopt_credential", credential.pk)


_VERDICT = ("state", "check_verdict", "check_message", "check_field", "check_help_url", "checked_at")


def check_settle(
    *,
    credential: ProviderCredential,
    state: CredentialState,
    verdict: str,
    message: str,
    now: datetime,
    identity: Identity | None = None,
    field: str = "",
    help_url: str = "",
) -> bool:
    """Put down what the check said, unless other values were entered meanwhile, about which it says nothing, or the key
    was paused: then False comes back. A known account id joins the credential to the account that has it already."""
    credential.state = state
    credential.check_verdict = verdict
    credential.check_message = message
    credential.check_field = field
    credential.check_help_url = help_url
    credential.checked_at = now
    if identity is not None:
        credential.key_kind = (identity.key_kind or "")[:60]
        credential.warnings = list(identity.warnings)
    with transaction.atomic():
        stored = ProviderCredential.objects.select_for_update().filter(pk=credential.pk)
        judged = stored.filter(secrets_changed_at=credential.secrets_changed_at)
        if not judged.exclude(state__in=(CredentialState.PAUSED, CredentialState.RETIRED)).exists():
            return False
        if identity is not None and _of_another_account(credential, identity):
            credential.state, credential.check_verdict = CredentialState.REFUSED, "wrong_organization"
            credential.check_message = _(
                "It works, but for another account than the key that it is to take over from. Connect it by itself."
            )
            identity = None
        credential.save(update_fields=[*_VERDICT, "key_kind", "warnings"])
        if identity is not None and identity.account_id:
            account_recognise(
                credential=credential, external_id=identity.account_id[:200], name=(identity.account_name or "")[:200]
            )
    return True


def _of_another_account(credential: ProviderCredential, identity: Identity) -> bool:
    """A key that is to take over must be of the same account: figures of two would mix in one history."""
    known = credential.account.external_id
    return bool(credential.replaces_id and known and identity.account_id and identity.account_id[:200] != known)


ACCOUNT_FIELDS = ("label", "team", "tags", "notes")


def account_change(*, account: ProviderAccount, by: Actor, now: datetime) -> None:
    """Store what people say of an account, as it stands on `account`."""
    with transaction.atomic():
        stored = ProviderAccount.objects.select_for_update(of=("self",)).select_related("team").get(pk=account.pk)
        changes = changed(*({name: getattr(row, name) for name in ACCOUNT_FIELDS} for row in (stored, account)))
        if not changes:
            return
        account.save(update_fields=ACCOUNT_FIELDS)
        audit_record(
            organization=account.organization,
            by=by,
            action="account.changed",
            now=now,
            subject=account,
            words=f"{account.provider_name}: {account.label}",
            changes=changes,
        )


def account_recognise(*, credential: ProviderCredential, external_id: str, name: str) -> None:
    """Give the credential the account that the provider says it belongs to: the one that is known by this id, or its
    own if that has no other id yet, or else a new one. An account whose last credential left before anything else knew
    it dissolves; one with an id of its own, or with something that people brought, stays."""
    account = credential.account
    known = ProviderAccount.objects.filter(
        organization_id=account.organization_id, provider_slug=account.provider_slug, external_id=external_id
    ).first()
    if known is None and account.external_id == "":
        account.external_id, account.external_name = external_id, name
        account.save(update_fields=["external_id", "external_name"])
        return
    if known is None:
        known = ProviderAccount.objects.create(
            organization_id=account.organization_id,
            provider_slug=account.provider_slug,
            label=_free_label(account.organization, account.provider),
            external_id=external_id,
            external_name=name,
        )
    if known.pk == account.pk:
        return
    credential.account = known
    credential.save(update_fields=["account"])
    if account.external_id == "" and not account.credentials.exists() and not _holds_what_people_brought(account):
        account.delete()


def _holds_what_people_brought(account: ProviderAccount) -> bool:
    """Whether a row hangs on it that no provider would tell again: those of models that say `BROUGHT`."""
    relations = [field for field in account._meta.get_fields(include_hidden=True) if isinstance(field, ManyToOneRel)]
    brought = [one for one in relations if getattr(one.related_model, "BROUGHT", False)]
    return any(one.related_model._default_manager.filter(**{one.field.name: account}).exists() for one in brought)


def offered_models_land(*, account: ProviderAccount, models: Sequence[Model], complete: bool, now: datetime) -> int:
    """Upsert the models that an account can call; with a complete list the others go. Returns how many were listed."""
    rows = [
        OfferedModel(
            account=account,
            model_id=model.id,
            name=model.name or "",
            context=model.context,
            prices={name: format(price, "f") for name, price in model.prices.items()},
            price_unit=model.price_unit or "",
            listed_at=now,
        )
        for model in models
    ]
    OfferedModel.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["account", "model_id"],
        update_fields=["name", "context", "prices", "price_unit", "listed_at"],
        batch_size=1000,
    )
    if complete:
        # Nothing hangs on these rows: one plain statement does.
        gone = OfferedModel.objects.filter(account=account, listed_at__lt=now)
        gone._raw_delete(gone.db)
    return len(rows)


def server_reading_land(
    *, account: ProviderAccount, server: Server, complete: bool, fresh_for: timedelta, now: datetime
) -> None:
    """Keep what a server told of itself. Of an incomplete reading, what did not come stays as it was told before, with
    its age."""
    version, gauges = server.version or "", [_gauge_row(gauge, now) for gauge in server.gauges]
    if not complete:
        before = ServerReading.objects.select_for_update().filter(account=account).first()
        if before is not None:
            told = {(one["name"], one["scope"]) for one in gauges}
            gauges += [one for one in before.gauges if (one["name"], one["scope"]) not in told]
            version = version or before.version
    ServerReading.objects.update_or_create(
        account=account,
        defaults={
            "version": version,
            "gauges": gauges,
            "at": now,
            "fresh_for_seconds": int(fresh_for.total_seconds()),
        },
    )


def _gauge_row(gauge: Gauge, now: datetime) -> dict[str, str | None]:
    return {
        "name": gauge.name,
        "value": format(gauge.value, "f"),
        "unit": gauge.unit,
        "scope": gauge.scope,
        "until": gauge.until.isoformat() if gauge.until else None,
        "at": now.isoformat(),
    }


def _free_label(organization: Organization, provider: Provider) -> str:
    """A label for an account that was given none: "Main", then "Account 2", "Account 3" ..."""
    count = ProviderAccount.objects.filter(organization=organization, provider_slug=provider.slug).count()
    return "Main" if count == 0 else f"Account {count + 1}"
