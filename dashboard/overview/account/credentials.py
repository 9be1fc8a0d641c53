"""The keys that an account is read with. No secret is here: each shows its last characters only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.core.templatetags.purser import age_words, day
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.oauth.selectors import signed_out
from dashboard.credentials.selectors import field_label
from dashboard.overview.home.attention import expiry_words


def credential_rows(credentials: Sequence[ProviderCredential], now: datetime) -> list[dict[str, Any]]:
    with_apps = [one.pk for one in credentials if one.provider.oauth_apps]
    out = signed_out(credential_ids=with_apps, now=now) if with_apps else set()
    return [{**_row(one, now), "signed_out": one.pk in out} for one in credentials]


def _row(credential: ProviderCredential, now: datetime) -> dict[str, Any]:
    fields = [
        {
            "label": field_label(credential.provider, name),
            "hint": hint,
            "who": str(credential.created_by or ""),
            "when": age_words(credential.secrets_changed_at, now),
        }
        for name, hint in credential.secret_hints.items()
    ]
    retired = credential.state == CredentialState.RETIRED
    ends = "" if retired else expiry_words(credential, now)
    return {
        "label": credential.label,
        "fields": fields,
        "kind": _kind_words(credential, fields),
        "state": credential.state,
        "url": reverse("credentials:check", args=[credential.pk]),
        "rotate_url": "" if retired or not fields else reverse("sync:rotate", args=[credential.pk]),
        "id": credential.pk,
        "paused": credential.state == CredentialState.PAUSED,
        "may_pause": credential.state not in (CredentialState.CHECKING, CredentialState.RETIRED),
        "ends": ends,
        "ended": credential.expires_on is not None and credential.expires_on <= now.date(),
        "ends_later": "" if ends or retired else _later_words(credential),
        "spends": credential.can_spend,
        "waits": credential.replaces_id is not None and not retired,
    }


def _kind_words(credential: ProviderCredential, fields: list[dict[str, str]]) -> str:
    """What sort of key it is, where its field does not say so already."""
    words = credential.key_kind.replace("_", " ").capitalize()
    return "" if any(field["label"].casefold() == words.casefold() for field in fields) else words


def _later_words(credential: ProviderCredential) -> str:
    """When a key ends that is not to be minded yet."""
    if credential.expires_on is None:
        return ""
    return _("expires %(day)s") % {"day": day(credential.expires_on)}
