"""Which provider a slug means: a registered one, or one that people of the organization described themselves.

One function answers that for everybody, `provider_of`. Slugs of described providers begin with `OWN`, which no
registered one does; another organization's are not found.
"""

import hashlib
import json
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse

from dashboard.organizations.models import Organization, User
from providers.described import DocumentProblem, destinations, provider_from, unreadable
from providers.registry import PROVIDERS
from providers.spec import Provider

OWN = "own-"


class DescribedProvider(models.Model):
    """A provider that people of one organization described in a JSON document: see providers/described/FORMAT.md.

    `slug` stands on accounts as a registered provider's does, and never changes. `document` holds no secret; it may be
    a draft that is not whole yet as long as no account uses it. `version` counts the changes.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="described_providers")
    slug = models.SlugField(max_length=40)
    name = models.CharField(max_length=60)
    document: Any = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "slug"], name="described_provider_once"),
            models.CheckConstraint(condition=models.Q(slug__startswith=OWN), name="described_provider_shadows_none"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def provider(self) -> Provider:
        """What the document describes; a stand-in that says so where it is a draft, or this version cannot read it."""
        try:
            return provider_from(self.document, slug=self.slug, checked=self.updated_at.date())
        except DocumentProblem:
            return unreadable(slug=self.slug, name=self.name)


# --- Looking up ---------------------------------------------------------------------------------------------------

_Kept = dict[int, dict[str, Provider]]
# For one request: a page names the same few providers hundreds of times.
_kept: ContextVar[_Kept | None] = ContextVar("described_providers", default=None)


class CatalogMiddleware:
    """Reads an organization's descriptions at most once for each request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _kept.set({})
        try:
            return self.get_response(request)
        finally:
            _kept.reset(token)


def own_providers(organization_id: int) -> dict[str, Provider]:
    """{slug: provider} of everything that the organization described, by name."""
    kept = _kept.get()
    if kept is not None and organization_id in kept:
        return kept[organization_id]
    rows = DescribedProvider.objects.filter(organization_id=organization_id).order_by("name", "pk")
    found = {row.slug: row.provider for row in rows}
    if kept is not None:
        kept[organization_id] = found
    return found


def catalog_forget(organization_id: int) -> None:
    """A description was changed: what this request has read of them is old."""
    kept = _kept.get()
    if kept is not None:
        kept.pop(organization_id, None)


def provider_of(organization_id: int, slug: str) -> Provider | None:
    """The provider that this slug means in this organization; None when it means none there."""
    if not slug.startswith(OWN):
        return PROVIDERS.get(slug)
    return own_providers(organization_id).get(slug)


def provider_or_stand_in(organization_id: int, slug: str) -> Provider:
    """The same for what is stored already: a provider that is gone is stood in for by one that says so."""
    return provider_of(organization_id, slug) or unreadable(slug=slug, name=slug)


def provider_name(organization_id: int, slug: str) -> str:
    return provider_or_stand_in(organization_id, slug).name


def bound_to(provider: Provider) -> str:
    """A mark of everywhere that a described provider's secrets may go, and how they are carried; "" for registered
    ones, whose hosts are ours to name. A secret that was entered under another mark goes nowhere."""
    if not provider.slug.startswith(OWN):
        return ""
    told = json.dumps(destinations(provider), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
