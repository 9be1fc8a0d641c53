"""Reads of accounts, credentials, and of what the registry says about providers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Case, IntegerField, Q, When
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.core.languages.joining import either, listed
from dashboard.core.languages.phrases import told
from dashboard.credentials.catalog import own_providers
from dashboard.credentials.models import (
    CredentialState,
    OfferedModel,
    ProviderAccount,
    ProviderCredential,
    ServerReading,
)
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
    return told(f"{endpoint.reason} {endpoint.fallback}".strip()) if isinstance(endpoint, NotOffered) else ""


def needs_words(provider: Provider, needs: Sequence[str]) -> str:
    """The labels of the fields that an endpoint cannot do without, those of each choice as the form has them."""
    order = [field.name for field in provider.fields]
    choices = (sorted(need.split("|"), key=order.index) for need in needs)
    return listed(either(told(provider.field(name).label) for name in names) for names in choices)


def provider_card(provider: Provider, connected: Collection[str] = ()) -> dict[str, Any]:
    """A provider with what it can and cannot tell, for the grid and the head of the form."""
    secrets = [field for field in provider.fields if field.secret]
    return {
        "slug": provider.slug,
        "name": provider.name,
        "icon": provider.slug,
        "summary": told(provider.summary),
        "warning": told(provider.key_warning),
        "least_scope": [{"label": told(field.label), "scopes": field.scopes} for field in secrets if field.scopes],
        "last_secret": secrets[-1].name if secrets else "",
        "any_key": len(secrets) > 1 and not provider.self_hosted and not any(field.required for field in secrets),
        "url": reverse("credentials:connect_form", args=[provider.slug]),
        "connected": provider.slug in connected,
        "capabilities": [_capability(provider, name) for name in CAPABILITIES],
        "tells": " ".join(name for name in CAPABILITIES if isinstance(provider.endpoint(name), Endpoint)),
    }


def _capability(provider: Provider, name: str) -> dict[str, str]:
    endpoint = provider.endpoint(name)
    if isinstance(endpoint, NotOffered):
        reason = told(f"{endpoint.reason} {endpoint.fallback}".strip())
        return {"name": name, "offered": "no", "reason": reason, "needs": ""}
    offered = "yes" if endpoint.confidence == "official" else "part"
    # Which key is needed is worth a word only where there are several.
    several = sum(field.secret for field in provider.fields) > 1
    secret = [need for need in endpoint.needs if any(provider.field(one).secret for one in need.split("|"))]
    needs = needs_words(provider, secret) if several else ""
    return {"name": name, "offered": offered, "reason": "", "needs": needs}


def field_label(provider: Provider, name: str) -> str:
    """What a field is called; its bare name where a description does not declare it any more."""
    return next((told(field.label) for field in provider.fields if field.name == name), name)


def providers_by_name(words: str = "", *, own: Iterable[Provider] = (), tells: Collection[str] = ()) -> list[Provider]:
    """All providers and these described ones, or those whose name holds these words and that tell all of these."""
    found = [
        one
        for one in (*PROVIDERS.values(), *own)
        if words.lower() in one.name.lower() and all(isinstance(one.endpoint(name), Endpoint) for name in tells)
    ]
    return sorted(found, key=lambda provider: provider.name.lower())


def own_connectable(*, organization_id: int) -> list[Provider]:
    """What the organization described itself and is whole: drafts are not offered."""
    return [one for one in own_providers(organization_id).values() if one.offers_anything]


def connected_slugs(*, organization_id: int) -> set[str]:
    return set(ProviderAccount.objects.filter(organization_id=organization_id).values_list("provider_slug", flat=True))


def environment_keys(*, organization_id: int) -> list[dict[str, str]]:
    """Provider keys that stand in the environment and are not connected yet: names only, never a value."""
    if not settings.PROVIDER_KEYS:
        return []
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


def models_of_account(*, account_id: int, limit: int) -> tuple[list[OfferedModel], int]:
    """(the first models by name, how many there are): what an account can call, as last listed."""
    listed = OfferedModel.objects.filter(account_id=account_id)
    return list(listed.order_by("model_id")[:limit]), listed.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeRow:
    """One figure of a server's load, and when it was read; `stale` once it missed its intervals."""

    name: str
    value: Decimal
    unit: str
    scope: str
    until: datetime | None
    at: datetime
    stale: bool


def server_reading_of(*, account_id: int) -> ServerReading | None:
    return ServerReading.objects.filter(account_id=account_id).first()


def gauges_view(*, reading: ServerReading, now: datetime) -> list[GaugeRow]:
    """The figures in the order in which the server told them."""
    fresh_for = timedelta(seconds=reading.fresh_for_seconds)
    rows = []
    for one in reading.gauges:
        at = datetime.fromisoformat(one["at"])
        rows.append(
            GaugeRow(
                name=one["name"],
                value=Decimal(one["value"]),
                unit=one["unit"],
                scope=one["scope"] or "",
                until=datetime.fromisoformat(one["until"]) if one["until"] else None,
                at=at,
                stale=now - at > fresh_for,
            )
        )
    return rows


def credential_in(*, organization_id: int, credential_id: int) -> ProviderCredential | None:
    """The credential with this id, if it is this organization's."""
    return (
        ProviderCredential.objects.filter(pk=credential_id, organization_id=organization_id)
        .select_related("account", "created_by")
        .first()
    )


def accounts_of_provider(*, organization_id: int, slug: str) -> list[ProviderAccount]:
    return list(ProviderAccount.objects.filter(organization_id=organization_id, provider_slug=slug).order_by("label"))


EXPIRY_NEAR = timedelta(days=14)
OLD_AFTER = timedelta(days=365)


def credentials_to_mind(*, scope: Scope, now: datetime, limit: int) -> list[ProviderCredential]:
    """Keys that a person should look at: refused ones, then those that have expired or soon will, then those older than
    a year that nobody has set an expiry for."""
    soon = (now + EXPIRY_NEAR).date()
    refused = Q(state=CredentialState.REFUSED)
    going = Q(state=CredentialState.ACTIVE, expires_on__lte=soon)
    old = Q(state=CredentialState.ACTIVE, expires_on=None, secrets_changed_at__lt=now - OLD_AFTER) & ~Q(secret_hints={})
    found = ProviderCredential.objects.filter(scope.accounts("account__")).filter(refused | going | old)
    order = Case(When(refused, then=0), When(going, then=1), default=2, output_field=IntegerField())
    found = found.defer("encrypted_secrets").select_related("account").annotate(rank=order)
    return list(found.order_by("rank", "expires_on", "secrets_changed_at", "pk")[:limit])


def credentials_expiring(*, today: date) -> list[ProviderCredential]:
    """Keys in use that end within the days that people are reminded of."""
    found = ProviderCredential.objects.filter(
        state=CredentialState.ACTIVE, expires_on__lte=today + EXPIRY_NEAR, organization__is_demo=False
    )
    return list(found.select_related("account", "organization").order_by("organization", "expires_on", "pk"))


def warning_words(credential: ProviderCredential) -> list[str]:
    """What the check found that the admin should know, in words; the narrower choice with what can do harm."""
    harm = told(credential.provider.key_warning) if credential.can_spend else ""
    said = {"can_spend", "can_manage_keys"} if harm else set()  # the provider's own words say it better
    words = [_(_WARNINGS[code]) for code in credential.warnings if code in _WARNINGS and code not in said]
    return [harm, *words] if harm else words


_WARNINGS = {
    "empty_wallet": gettext_noop("The wallet behind this key is empty."),
    "can_spend": gettext_noop("This key can cost money."),
    "can_manage_keys": gettext_noop("This key can make and delete keys."),
    "cannot_read_limits_and_keys": gettext_noop("This key cannot read limits and keys; everything else works."),
    "expires_soon": gettext_noop("The provider says that this key expires soon."),
    "payment_failed": gettext_noop("A payment of this organization has failed at the provider."),
    "blocked": gettext_noop("The provider blocks this key for the time being."),
    "no_allowance": gettext_noop("This key has no allowance at the provider: one of its limits is 0."),
    "unchecked": gettext_noop("No free call proves this key for certain: the first reading will tell."),
    "no_credits": gettext_noop("Credits are switched off here; seats may still be read."),
    "reads_own_only": gettext_noop("This key reads only its own user's history."),
    "no_coding_plan": gettext_noop("There is no coding plan behind this key, so there are no quota windows."),
    "free_tier": gettext_noop("This key belongs to a free account, which has limits of its own."),
}


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
