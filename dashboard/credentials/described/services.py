"""Writes of descriptions. A stored key never follows a description to another place."""

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.catalog import OWN, DescribedProvider, catalog_forget
from dashboard.credentials.described.selectors import (
    accounts_using,
    accounts_words,
    credentials_bound_elsewhere,
    is_whole,
)
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.services import credential_record
from dashboard.organizations.audit import REPLACED, Actor, audit_record, changed
from dashboard.organizations.models import Organization
from dashboard.organizations.services import Refused
from providers.described import MOST_BYTES

MOST_DESCRIBED = 50
MOST_SHOWN = 400  # of a changed part in the audit log


def described_create(
    *, organization: Organization, document: Mapping[str, Any], by: Actor, now: datetime
) -> DescribedProvider:
    """Keep a description, whole or as a draft. Raises Refused."""
    _require_small(document)
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        if DescribedProvider.objects.filter(organization=organization).count() >= MOST_DESCRIBED:
            words = _("An organization keeps at most %(most)d descriptions. Delete one first.")
            raise Refused(words % {"most": MOST_DESCRIBED})
        described = DescribedProvider.objects.create(
            organization=organization,
            slug=_slug(document),
            name=_name(document),
            document=document,
            created_by=by.user,
            updated_at=now,
        )
        _record(described, by, "provider.described", now, changed({}, _parts(document)))
    catalog_forget(organization.pk)
    return described


def described_change(
    *, described: DescribedProvider, document: Mapping[str, Any], version: int, by: Actor, now: datetime
) -> list[str]:
    """Put another document in its place. Keys that would go to another place with it are dropped; those that stay are
    read with anew. Returns the labels of the accounts whose keys are gone. Raises Refused when somebody else changed it
    since `version`, or when accounts use it and it would not be whole any more."""
    _require_small(document)
    with transaction.atomic():
        stored = DescribedProvider.objects.select_for_update().get(pk=described.pk)
        if stored.version != version:
            raise Refused(_("Somebody else has changed this meanwhile. Open it again to see what is there now."))
        accounts = accounts_using(stored)
        if accounts and not is_whole(document):
            words = _("It must stay whole, because it is in use: %(accounts)s.")
            raise Refused(words % {"accounts": accounts_words(accounts)})
        changes = _changes(stored.document, document)
        if not changes:
            return []
        stored.document, stored.name, stored.updated_at = document, _name(document), now
        stored.version += 1
        stored.save(update_fields=["document", "name", "updated_at", "version"])
        _record(stored, by, "provider.changed", now, changes)
        catalog_forget(stored.organization_id)
        gone = _drop_moved_secrets(stored, by, now)
        _read_anew(stored)
    return gone


def described_delete(*, described: DescribedProvider, by: Actor, now: datetime) -> None:
    """Raises Refused, naming the accounts that use it."""
    with transaction.atomic():
        stored = DescribedProvider.objects.select_for_update().get(pk=described.pk)
        accounts = accounts_using(stored)
        if accounts:
            words = _("It is in use: %(accounts)s. Erase these accounts first; the description stays until then.")
            raise Refused(words % {"accounts": accounts_words(accounts)})
        _record(stored, by, "provider.deleted", now)
        stored.delete()
    catalog_forget(described.organization_id)


# --- Keys ---------------------------------------------------------------------------------------------------------


def _drop_moved_secrets(described: DescribedProvider, by: Actor, now: datetime) -> list[str]:
    """Forget the secrets that were entered for other hosts or headers. Even one that was overlooked here would go
    nowhere: `ProviderCredential.unlocked` judges it again."""
    labels = []
    for credential in credentials_bound_elsewhere(described, described.provider):
        dropped = dict.fromkeys(credential.secret_hints, (REPLACED, None))
        credential.set_secrets({})
        if credential.state != CredentialState.RETIRED:
            credential.state = CredentialState.REFUSED
        credential.check_verdict = "missing_field"
        credential.check_message = _(
            "The description names other hosts or headers now, so the stored key was dropped. Enter it again."
        )
        credential.check_field = credential.check_help_url = ""
        credential.secrets_changed_at = now  # a check that is under way judges nothing any more
        credential.save()
        credential_record(credential, by, "credential.secrets_dropped", now, dropped)
        labels.append(credential.account.label)
    return labels


def _read_anew(described: DescribedProvider) -> None:
    """Let every key that is in use find out what it can read now."""
    going = ProviderCredential.objects.filter(
        organization_id=described.organization_id,
        account__provider_slug=described.slug,
        state=CredentialState.ACTIVE,
    )
    for credential_id in going.order_by("pk").values_list("pk", flat=True):
        enqueue_on_commit("adopt_credential", credential_id)


# --- Names and the log --------------------------------------------------------------------------------------------


def _require_small(document: Mapping[str, Any]) -> None:
    if len(json.dumps(document)) > MOST_BYTES:
        raise Refused(_("A description has at most %(most)d kB.") % {"most": MOST_BYTES // 1024})


def _name(document: Mapping[str, Any]) -> str:
    name = document.get("name")
    return name[:60] if isinstance(name, str) and name.strip() else _("Without a name")


def _slug(document: Mapping[str, Any]) -> str:
    """One that no registered provider has, and no other organization can guess."""
    words = slugify(_name(document))[:24].strip("-") or "provider"
    return f"{OWN}{words}-{secrets.token_hex(4)}"


def _parts(document: Mapping[str, Any]) -> dict[str, str]:
    """A document as the audit log tells it: each part as text."""
    flat = {name: value for name, value in document.items() if name != "capabilities"}
    capabilities = document.get("capabilities")
    if isinstance(capabilities, Mapping):
        flat |= {f"capabilities.{name}": value for name, value in capabilities.items()}
    return {name: _shown(value) for name, value in flat.items() if value not in ("", [], {}, None)}


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]} …"


def _changes(before: Any, after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    if before == after:
        return {}
    old, new = _parts(before), _parts(after)
    gone = dict.fromkeys(old.keys() - new.keys())
    # Two long parts may differ beyond what is shown.
    return changed(old, {**new, **gone}) or {"document": (None, _("changed"))}


def _record(
    described: DescribedProvider,
    by: Actor,
    action: str,
    now: datetime,
    changes: Mapping[str, tuple[Any, Any]] | None = None,
) -> None:
    audit_record(
        organization=described.organization,
        by=by,
        action=action,
        now=now,
        subject=described,
        words=described.name,
        changes=changes,
    )
