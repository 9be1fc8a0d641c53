"""Reads of accounts, credentials, and of what the registry says about providers."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.organizations.scope import Scope
from providers.registry import PROVIDERS
from providers.spec import CAPABILITIES, Endpoint, NotOffered, Provider


def accounts_of(*, organization_id: int) -> list[ProviderAccount]:
    return list(
        ProviderAccount.objects.filter(organization_id=organization_id).order_by("provider_slug", "label", "pk")
    )


def accounts_without_balance(*, scope: Scope, limit: int) -> list[ProviderAccount]:
    """Accounts that have no balance reading to show, because their provider tells none, it has not come yet, or the
    reader may not see balances."""
    chosen = ProviderAccount.objects.filter(scope.accounts())
    if scope.balances:
        chosen = chosen.filter(balance_series__isnull=True)
    return list(chosen.order_by("provider_slug", "pk")[: max(0, limit)])


def account_row(account: ProviderAccount) -> dict[str, Any]:
    """An account as the components name it."""
    return {
        "id": account.pk,
        "label": account.label,
        "provider_name": account.provider_name,
        "icon": account.provider_slug,
        "url": reverse("credentials:account", args=[account.pk]),
    }


def absent_words(provider: Provider, capability: str) -> str:
    """Why a provider does not tell this, and what there is instead; "" when it does."""
    endpoint = provider.endpoint(capability)
    return f"{endpoint.reason} {endpoint.fallback}".strip() if isinstance(endpoint, NotOffered) else ""


def needs_words(provider: Provider, endpoint: Endpoint, missing: Sequence[str]) -> str:
    """The labels of the fields that an endpoint cannot do without."""
    return ", ".join(
        " / ".join(provider.field(name).label for name in need.split("|")) for need in missing or endpoint.needs
    )


def provider_card(provider: Provider, connected: Iterable[str] = ()) -> dict[str, Any]:
    """A provider with what it can and cannot tell, for the grid and the head of the form."""
    return {
        "slug": provider.slug,
        "name": provider.name,
        "icon": provider.slug,
        "summary": provider.summary,
        "description": provider.summary,
        "warning": provider.key_warning,
        "url": reverse("credentials:connect_form", args=[provider.slug]),
        "connected": provider.slug in set(connected),
        "capabilities": [_capability(provider, name) for name in CAPABILITIES],
        "tells": " ".join(name for name in CAPABILITIES if isinstance(provider.endpoint(name), Endpoint)),
    }


def _capability(provider: Provider, name: str) -> dict[str, str]:
    endpoint = provider.endpoint(name)
    if isinstance(endpoint, NotOffered):
        return {"name": name, "offered": "no", "reason": f"{endpoint.reason} {endpoint.fallback}".strip()}
    offered = "yes" if endpoint.confidence == "official" else "part"
    return {"name": name, "offered": offered, "reason": ""}


def providers_by_name() -> list[Provider]:
    return sorted(PROVIDERS.values(), key=lambda provider: provider.name.lower())


def connected_slugs(*, organization_id: int) -> set[str]:
    return set(ProviderAccount.objects.filter(organization_id=organization_id).values_list("provider_slug", flat=True))


def environment_keys(*, organization_id: int) -> list[dict[str, str]]:
    """Provider keys that stand in the environment and are not connected yet: names only, never a value."""
    connected = connected_slugs(organization_id=organization_id)
    found = []
    for provider in providers_by_name():
        variables = [field.environment for field in provider.fields if field.environment in settings.PROVIDER_KEYS]
        if variables and provider.slug not in connected:
            found.append(
                {
                    "provider_name": provider.name,
                    "slug": provider.slug,
                    "icon": provider.slug,
                    "variable": ", ".join(name for name in variables if name),
                }
            )
    return found


def environment_values(provider: Provider) -> dict[str, str]:
    """The values that the environment holds for a provider's fields."""
    return {
        field.name: settings.PROVIDER_KEYS[field.environment]
        for field in provider.fields
        if field.environment in settings.PROVIDER_KEYS
    }


def credentials_of_account(*, account_id: int) -> list[ProviderCredential]:
    return list(ProviderCredential.objects.filter(account_id=account_id).select_related("account").order_by("pk"))


def credential_in(*, organization_id: int, credential_id: int) -> ProviderCredential | None:
    """The credential with this id, if it is this organization's."""
    return (
        ProviderCredential.objects.filter(pk=credential_id, organization_id=organization_id)
        .select_related("account", "created_by")
        .first()
    )


def accounts_of_provider(*, organization_id: int, slug: str) -> list[ProviderAccount]:
    return list(ProviderAccount.objects.filter(organization_id=organization_id, provider_slug=slug).order_by("label"))


# Verdicts that judged nothing: whose key it is was not told yet, so the check is made again.
UNPROVEN = ("", "unreachable", "not_understood")
PROVE_AGAIN_AFTER = timedelta(hours=1)


def credentials_unchecked(*, before: datetime) -> list[int]:
    """Credentials whose check was asked for before that moment and has not settled, and those in use that no check has
    judged for an hour: until it did, nobody knows whether two keys belong to one account."""
    lost = Q(state=CredentialState.CHECKING)
    unproven = Q(state=CredentialState.ACTIVE, check_verdict__in=UNPROVEN) & (
        Q(checked_at__isnull=True) | Q(checked_at__lt=before - PROVE_AGAIN_AFTER)
    )
    waiting = ProviderCredential.objects.filter(lost | unproven, check_asked_at__lt=before)
    return list(waiting.values_list("pk", flat=True))
