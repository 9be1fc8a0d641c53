"""The first page of an organization that has no account yet."""

from typing import Any

from django.conf import settings

from dashboard.credentials.selectors import environment_keys, provider_card, providers_by_name
from dashboard.organizations.models import Organization

PROVIDERS = 8


def welcome_context(*, organization: Organization) -> dict[str, Any]:
    """A few providers to begin with: those that tell the most, by name among equals."""
    cards = [provider_card(provider) for provider in providers_by_name()]
    telling = sorted(cards, key=lambda card: -len(card["tells"].split()))[:PROVIDERS]
    return {
        "demo_available": bool(settings.SIMULATOR_URL),
        "environment_keys": environment_keys(organization_id=organization.pk),
        "providers": sorted(telling, key=lambda card: card["name"].lower()),
        "providers_count": len(cards),
    }
