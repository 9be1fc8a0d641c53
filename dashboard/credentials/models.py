"""Accounts at providers, and the credentials that read them."""

from functools import cached_property
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.core.encryption import Unreadable, decrypt, encrypt, fingerprint, hint, key_id, open_text, seal_text
from dashboard.core.languages.joining import labelled
from dashboard.credentials.catalog import DescribedProvider, bound_to, provider_or_stand_in
from dashboard.organizations.models import Organization, Team, User
from providers.collect import Credentials
from providers.spec import Account, Provider

__all__ = [
    "OPEN_LOGINS",
    "CredentialState",
    "DescribedProvider",
    "EnteredForAnotherPlace",
    "GrantSource",
    "LoginStatus",
    "OAuthClient",
    "OAuthGrant",
    "OAuthLogin",
    "OfferedModel",
    "ProviderAccount",
    "ProviderCredential",
    "ServerReading",
]


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

    @cached_property
    def provider(self) -> Provider:
        """One and the same for as long as this instance lives: what a secret is judged against is what it is sent
        with."""
        return provider_or_stand_in(self.organization_id, self.provider_slug)

    @property
    def provider_name(self) -> str:
        return self.provider.name

    @property
    def full_name(self) -> str:
        """As people read it: "Groq: Production", with the reader's own colon."""
        return labelled(self.provider_name, self.label)


class CredentialState(models.TextChoices):
    CHECKING = "checking", _("Being checked")
    ACTIVE = "active", _("Active")
    REFUSED = "refused", _("Refused")
    PAUSED = "paused", _("Paused")
    RETIRED = "retired", _("Retired")


class EnteredForAnotherPlace(Unreadable):
    """The secrets were entered for other hosts or headers than those that the description names now."""


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
    bound_to = models.CharField(max_length=64, blank=True)  # see catalog.bound_to
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

    def set_secrets(self, secrets: dict[str, str], *, entered_for: Provider | None = None) -> None:
        """Encrypt these secrets in place of the old ones. Not saved. `entered_for` is the provider as the form showed
        it, where its description may have been changed since."""
        self.encrypted_secrets = encrypt(secrets)
        self.key_id = key_id()
        self.bound_to = bound_to(entered_for or self.provider)
        self.secret_hints = {name: hint(value) for name, value in secrets.items()}
        self.fingerprints = {name: fingerprint(value) for name, value in secrets.items()}

    def unlocked(self) -> Credentials:
        """Open values and secrets together, for the transport alone. Raises core.encryption.Unreadable, also
        when they were entered for another place than the one that they would be sent to now."""
        if self.secret_hints and self.bound_to != bound_to(self.provider):
            raise EnteredForAnotherPlace
        return Credentials(values={**self.settings, **decrypt(self.encrypted_secrets)})

    def declared(self) -> Account:
        """The credential as its provider's declarations judge it: open values, and which secrets there are."""
        return Account(
            settings={name: value for name, value in self.settings.items() if value},
            secrets=frozenset(self.secret_hints),
        )


class Sealed(models.Model):
    """A row with one secret text, "" where there is none."""

    SEALED = "encrypted_text"
    encrypted_text = models.TextField()
    key_id = models.CharField(max_length=8)

    class Meta:
        abstract = True

    def seal(self, text: str) -> None:
        """Encrypt this in place of the old text. Not saved."""
        self.encrypted_text, self.key_id = seal_text(text), key_id()

    def opened(self) -> str:
        """Raises core.encryption.Unreadable."""
        return open_text(self.encrypted_text)


class OAuthClient(Sealed):
    """An app that the operator registered at a provider's `site`, for people to sign in with. The sealed text is its
    client secret."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="oauth_clients")
    provider_slug = models.CharField(max_length=40)
    site = models.CharField(max_length=300)
    client_id = models.CharField(max_length=200)
    has_secret = models.BooleanField(default=False)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "provider_slug", "site"], name="oauth_client_once")
        ]

    def __str__(self) -> str:
        return f"app at {self.site}"


class GrantSource(models.TextChoices):
    OWN_CLIENT = "own_client", _("Signed in")
    PASTE = "paste", _("Pasted")


class OAuthGrant(Sealed):
    """What stands behind an access token in a secret field of a credential: when it ends, and the sealed refresh token
    that renews it. A pasted token has none: its end is a person's business. `site` is where it was given; it is renewed
    nowhere else."""

    credential = models.ForeignKey(ProviderCredential, on_delete=models.CASCADE, related_name="grants")
    client = models.ForeignKey(OAuthClient, null=True, on_delete=models.SET_NULL, related_name="grants")
    field = models.CharField(max_length=60)
    app = models.CharField(max_length=40, blank=True)
    site = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=10, choices=GrantSource)
    scopes = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    may_refresh = models.BooleanField(default=False)
    obtained_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)  # the provider knows it no more: somebody signs in again
    message = models.TextField(blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["credential", "field"], name="oauth_grant_once")]

    def __str__(self) -> str:
        return f"{self.source} for {self.field} of {self.credential_id}"


class LoginStatus(models.TextChoices):
    STARTING = "starting", _("Asking for a code")
    WAITING = "waiting", _("Waiting for you at the provider")
    RETURNED = "returned", _("Fetching the token")
    APPROVED = "approved", _("Signed in")
    DONE = "done", _("Connected")
    DENIED = "denied", _("Refused at the provider")
    EXPIRED = "expired", _("Too late")
    FAILED = "failed", _("Did not work")
    CANCELLED = "cancelled", _("Cancelled")


OPEN_LOGINS = (LoginStatus.STARTING, LoginStatus.WAITING, LoginStatus.RETURNED, LoginStatus.APPROVED)


class OAuthLogin(Sealed):
    """A sign-in under way, of the one person who began it. The sealed text is what the next step needs: the device
    code, the PKCE verifier, the code that came back, or the tokens until somebody says that they are right; it is
    emptied when the login is over. Of the `state` only a hash is kept. `credential` is the one that it is for, or the
    one that came of it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    provider_slug = models.CharField(max_length=40)
    app = models.CharField(max_length=40)
    client = models.ForeignKey(OAuthClient, on_delete=models.CASCADE, related_name="+")
    credential = models.ForeignKey(ProviderCredential, null=True, on_delete=models.CASCADE, related_name="+")
    account = models.ForeignKey(ProviderAccount, null=True, on_delete=models.CASCADE, related_name="+")
    label = models.CharField(max_length=120, blank=True)
    settings = models.JSONField(default=dict)
    relay_url = models.URLField(max_length=300, blank=True)
    status = models.CharField(max_length=10, choices=LoginStatus)
    message = models.TextField(blank=True)
    state_hash = models.CharField(max_length=64, blank=True)
    user_code = models.CharField(max_length=40, blank=True)
    verification_url = models.CharField(max_length=300, blank=True)
    interval_seconds = models.PositiveIntegerField(default=5)
    next_poll_at = models.DateTimeField(null=True)  # None: nothing to ask, a person is awaited
    expires_at = models.DateTimeField()
    found = models.JSONField(default=dict)  # the identity that the token opened, in words
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "provider_slug"],
                condition=models.Q(status__in=OPEN_LOGINS),
                name="oauth_login_open_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_poll_at"], condition=models.Q(next_poll_at__isnull=False), name="oauth_login_due"
            )
        ]

    def __str__(self) -> str:
        return f"sign-in {self.pk}: {self.status}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_LOGINS


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


class ServerReading(models.Model):
    """What a server of one's own last told of itself: the version of its software ("" where it tells none), and its
    load. `gauges` are rows of {name, value, unit, scope, until, at}, decimals as text and times in ISO 8601; each has
    the moment of its own reading, because one of several servers may have been silent since. None is a sum."""

    account = models.OneToOneField(ProviderAccount, on_delete=models.CASCADE, related_name="server_reading")
    version = models.TextField(blank=True)
    gauges: Any = models.JSONField(default=list)
    at = models.DateTimeField()
    fresh_for_seconds = models.IntegerField()

    def __str__(self) -> str:
        return f"server of {self.account_id}"
