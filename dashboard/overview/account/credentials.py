"""The keys that an account is read with. No secret is here: each shows its last characters only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.core.templatetags.purser import age_words, day
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.oauth.selectors import signed_out
from dashboard.credentials.selectors import field_label
from dashboard.overview.home.attention import expiry_words

# The sorts of keys that providers tell apart, and the name of the field where that says the same.
KEY_KINDS = {
    "access_key": gettext_noop("Access key"),
    "access_token": gettext_noop("Access token"),
    "admin": gettext_noop("Admin key"),
    "admin_api_key": gettext_noop("Admin API key"),
    "analytics": gettext_noop("Analytics key"),
    "api_key": gettext_noop("API key"),
    "api_token": gettext_noop("API token"),
    "billing": gettext_noop("Billing token"),
    "enterprise": gettext_noop("Enterprise key"),
    "inference": gettext_noop("Inference key"),
    "inference_key": gettext_noop("Inference key"),
    "kimi_code_key": gettext_noop("Kimi Code key"),
    "management": gettext_noop("Management key"),
    "management_key": gettext_noop("Management key"),
    "member": gettext_noop("Member token"),
    "metrics": gettext_noop("Metrics token"),
    "no_key": gettext_noop("No key"),
    "pay_as_you_go_key": gettext_noop("Pay as you go key"),
    "project_api_key": gettext_noop("Project API key"),
    "service_account": gettext_noop("Service account"),
    "signed_in": gettext_noop("Signed in"),
    "token_plan_key": gettext_noop("Token Plan key"),
    "virtual_key": gettext_noop("Virtual key"),
}


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
        "kind": _kind_words(credential),
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


def _kind_words(credential: ProviderCredential) -> str:
    """What sort of key it is, where its field does not say so already."""
    words = KEY_KINDS.get(credential.key_kind) or credential.key_kind.replace("_", " ")
    stored = [field.label for field in credential.provider.fields if field.name in credential.secret_hints]
    if any(label.casefold() == words.casefold() for label in stored):
        return ""
    return _(words) if credential.key_kind in KEY_KINDS else words[:1].upper() + words[1:]


def _later_words(credential: ProviderCredential) -> str:
    """When a key ends that is not to be minded yet."""
    if credential.expires_on is None:
        return ""
    return _("expires %(day)s") % {"day": day(credential.expires_on)}
