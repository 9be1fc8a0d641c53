"""A gateway with its token, as the tests of the intake use it."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ServiceToken, TokenScope
from dashboard.keys.services import service_token_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization, Team


def account_of(organization: Organization, label: str = "Main") -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="openai", label=label)


def token_of(
    organization: Organization,
    account: ProviderAccount | None = None,
    lifetime: timedelta | None = None,
    now: datetime | None = None,
    team: Team | None = None,
) -> tuple[ServiceToken, str]:
    return service_token_create(
        organization=organization,
        name="Gateway",
        scopes=[TokenScope.USAGE_WRITE],
        account=account,
        lifetime=lifetime,
        by=SYSTEM,
        team=team,
        now=now or timezone.now(),
    )


def row_of(account: ProviderAccount | int | str, at: datetime, **more: Any) -> dict[str, Any]:
    """A row that counts."""
    told = account.pk if isinstance(account, ProviderAccount) else account
    return {"account": told, "at": at.isoformat(), "model": "m", "input_tokens": 10, **more}


def send(secret: str, body: Any, key: str = "batch-1", client: Client | None = None, **headers: str) -> HttpResponse:
    """POST a body (text, bytes, or a list of rows) as a gateway does."""
    text = body if isinstance(body, str | bytes) else json.dumps({"rows": body})
    told = {"Authorization": f"Bearer {secret}", "Idempotency-Key": key, **headers}
    kind = told.pop("Content-Type", "application/json")
    client = client or Client()
    return client.post(reverse("api:usage_send"), text, content_type=kind, headers=told, CONTENT_TYPE=kind)  # type: ignore[return-value]
