"""The API keys that exist at the providers."""

from django.db import models

from dashboard.credentials.models import ProviderAccount


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
