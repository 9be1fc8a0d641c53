"""Accounts at providers, and the credentials that read them."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.core.encryption import decrypt, encrypt, fingerprint, hint, key_id
from dashboard.organizations.models import Organization, Team, User
from providers.collect import Credentials
from providers.registry import PROVIDERS
from providers.spec import Account, Provider


class ProviderAccount(models.Model):
    """One account (organisation, team, wallet) at a provider. Balances, usage and cost belong to it, so that two keys
    of one account are never counted twice. `external_id` is the provider's own id of the account, where it tells one.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="accounts")
    provider_slug = models.CharField(max_length=40)
    label = models.CharField(max_length=120)
    external_id = models.CharField(max_length=200, blank=True)
    external_name = models.CharField(max_length=200, blank=True)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="accounts")
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    notes = models.TextField(max_length=4000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "provider_slug", "external_id"],
                condition=~models.Q(external_id=""),
                name="provider_account_once",
            )
        ]
        indexes = [models.Index(fields=["organization", "provider_slug"])]

    def __str__(self) -> str:
        return f"{self.provider_slug}: {self.label}"

    @property
    def provider(self) -> Provider:
        return PROVIDERS[self.provider_slug]

    @property
    def provider_name(self) -> str:
        return self.provider.name


class CredentialState(models.TextChoices):
    CHECKING = "checking", _("Being checked")
    ACTIVE = "active", _("Active")
    REFUSED = "refused", _("Refused")
    PAUSED = "paused", _("Paused")
    RETIRED = "retired", _("Retired")


class ProviderCredential(models.Model):
    """A key (or keys) of an account with its open settings. Secrets are stored encrypted under the key named by
    `key_id`, and never leave except towards the provider."""

    SEALED = "encrypted_secrets"
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="credentials")
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="credentials")
    label = models.CharField(max_length=120, blank=True)
    encrypted_secrets = models.TextField()
    key_id = models.CharField(max_length=8)
    secret_hints = models.JSONField(default=dict)
    fingerprints = models.JSONField(default=dict)
    settings = models.JSONField(default=dict)
    relay_url = models.URLField(max_length=300, blank=True)
    state = models.CharField(max_length=10, choices=CredentialState, default=CredentialState.CHECKING)
    check_asked_at = models.DateTimeField(default=timezone.now)
    check_verdict = models.CharField(max_length=20, blank=True)
    check_message = models.TextField(blank=True)
    check_help_url = models.URLField(max_length=300, blank=True)
    check_field = models.CharField(max_length=60, blank=True)
    checked_at = models.DateTimeField(null=True)
    key_kind = models.CharField(max_length=60, blank=True)
    warnings = models.JSONField(default=list)
    resting_until = models.DateTimeField(null=True)
    secrets_changed_at = models.DateTimeField(null=True)
    expires_on = models.DateField(null=True, blank=True)  # when the key ends at the provider, as a person typed it
    reminded_days = models.SmallIntegerField(null=True)  # the last mailed reminder: how many days were left then
    # The key that this one is to take over from, as long as that has not happened: see sync.rotation.
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="successors")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "state"])]

    def __str__(self) -> str:
        return f"credential {self.pk} of {self.account}"

    @property
    def provider(self) -> Provider:
        return self.account.provider

    @property
    def can_spend(self) -> bool:
        """Whether one of the stored secrets can cost money or destroy something, as far as is known."""
        known = any(field.can_spend for field in self.provider.fields if field.name in self.secret_hints)
        return known or bool({"can_spend", "can_manage_keys"} & set(self.warnings))

    def set_secrets(self, secrets: dict[str, str]) -> None:
        """Encrypt these secrets in place of the old ones. Not saved."""
        self.encrypted_secrets = encrypt(secrets)
        self.key_id = key_id()
        self.secret_hints = {name: hint(value) for name, value in secrets.items()}
        self.fingerprints = {name: fingerprint(value) for name, value in secrets.items()}

    def unlocked(self) -> Credentials:
        """Open values and secrets together, for the transport alone. Raises core.encryption.Unreadable."""
        return Credentials(values={**self.settings, **decrypt(self.encrypted_secrets)})

    def declared(self) -> Account:
        """The credential as its provider's declarations judge it: open values, and which secrets there are."""
        return Account(
            settings={name: value for name, value in self.settings.items() if value},
            secrets=frozenset(self.secret_hints),
        )

    @property
    def field_names(self) -> frozenset[str]:
        """Names of the fields that are filled in."""
        return frozenset(self.secret_hints) | frozenset(name for name, value in self.settings.items() if value)


class OfferedModel(models.Model):
    """A model that an account can call, as last listed by its provider. `prices` per 1,000,000 tokens."""

    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="offered_models")
    model_id = models.TextField()
    name = models.TextField(blank=True)
    context = models.BigIntegerField(null=True)
    prices: Any = models.JSONField(default=dict)
    price_unit = models.TextField(blank=True)
    listed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "model_id"], name="offered_model_once")]

    def __str__(self) -> str:
        return self.model_id
