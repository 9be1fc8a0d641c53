"""Reads of provider keys and of service tokens."""

import hmac
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from dashboard.core.encryption import keyed_digest
from dashboard.keys.models import ProviderKey, ServiceToken
from dashboard.organizations.scope import Scope

TOKEN_PURPOSE = "service token"  # noqa: S105
_SHAPE = re.compile(r"(purser_[0-9a-f]{10})_[A-Za-z0-9_-]{43}")
_NOBODY = "0" * 64


def provider_keys_in(scope: Scope) -> QuerySet[ProviderKey]:
    """The keys that a person may see, with account and team. Who sees only teams sees the keys of these teams, and in
    their accounts those that have no owner; a key of another team stays that team's, whosever account it is in."""
    within = Q(account__organization_id=scope.organization_id)
    if scope.team_ids is not None:
        within &= Q(team_id__in=scope.team_ids) | (Q(team_id=None) & scope.accounts("account__"))
    return ProviderKey.objects.filter(within).select_related("account", "team")


def replaced_keys(*, scope: Scope) -> set[int]:
    """The ids of the organization's keys in whose place another one was made that is still there."""
    made = ProviderKey.objects.filter(account__organization_id=scope.organization_id, gone_at=None)
    return set(made.filter(rotated_from__isnull=False).values_list("rotated_from_id", flat=True))


def keys_by_id(*, organization_id: int, external_ids: Collection[str]) -> Mapping[str, list[ProviderKey]]:
    """The organization's keys with these ids at their providers; accounts may share an id."""
    found: dict[str, list[ProviderKey]] = defaultdict(list)
    for key in ProviderKey.objects.filter(account__organization_id=organization_id, external_id__in=external_ids):
        found[key.external_id].append(key)
    return found


def service_token_by_secret(secret: str) -> ServiceToken | None:
    """The token that this is the secret of, in whatever state it is. Found by its open part; the rest is compared in
    constant time, and a prefix that nobody has takes the same way."""
    shape = _SHAPE.fullmatch(secret)
    if shape is None:
        return None
    token = ServiceToken.objects.filter(prefix=shape[1]).order_by().first()
    kept = _NOBODY if token is None else token.secret_digest
    return token if hmac.compare_digest(kept, keyed_digest(TOKEN_PURPOSE, secret)) else None


def service_token_rows(*, organization_id: int, now: datetime) -> list[dict[str, Any]]:
    """All tokens of an organization with their state: those that may still be used first, the newest first."""
    tokens = ServiceToken.objects.filter(organization_id=organization_id).select_related(
        "account", "team", "created_by"
    )
    rows = [{"token": token, "state": token.state(now)} for token in tokens.order_by("-created_at", "-pk")]
    return sorted(rows, key=lambda row: row["state"] == "revoked")
