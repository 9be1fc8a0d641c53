"""The API keys that exist at the providers, and the tokens of our own API."""

from datetime import datetime, timedelta
from typing import Literal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization, Team, User


class ProviderKey(models.Model):
    """An API key of a provider account, as its admin API lists it. Never the key itself, only the provider's hint.
    `gone_at` is set when the provider no longer lists it; history may still name its id."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="provider_keys")
    external_id = models.TextField()
    name = models.TextField(blank=True)
    hint = models.TextField(blank=True)
    project = models.TextField(blank=True)
    state = models.CharField(max_length=12, blank=True)
    created_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    limit = models.DecimalField(max_digits=38, decimal_places=12, null=True)
    listed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "external_id"], name="provider_key_once")]

    def __str__(self) -> str:
        return self.name or self.external_id


class TokenScope(models.TextChoices):
    """What a service token may do."""

    USAGE_WRITE = "usage:write", _("Send usage")
    ROUTES = "routes", _("Read routes")


class ServiceToken(models.Model):
    """What a gateway or a script shows to our API. It acts for one organization, or for one account or one team of it
    alone. The token is shown once, when it is made or rotated; kept are its first characters, by which it is found and
    named, and a keyed digest of the whole. A revoked one stays as a row: records say which token brought them."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="service_tokens")
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=40, choices=TokenScope))
    # Erased with the account: a token without its restriction would reach further than it was meant to.
    account = models.ForeignKey(ProviderAccount, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    prefix = models.CharField(max_length=20, unique=True)
    secret_digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    rotated_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)  # to the minute: it is not written at every call
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "created_at"])]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    def state(self, now: datetime) -> Literal["active", "expired", "revoked"]:
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "active"

    @property
    def lifetime(self) -> timedelta | None:
        """How long a secret of this token is good for; None: until it is revoked."""
        return None if self.expires_at is None else self.expires_at - (self.rotated_at or self.created_at)

    @property
    def scope_words(self) -> list[str]:
        return [str(TokenScope(scope).label) for scope in self.scopes]
