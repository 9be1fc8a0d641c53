"""The API keys that exist at the providers, what is to be changed there, and the tokens of our own API."""

import uuid
from datetime import datetime, timedelta
from typing import Any, Literal

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.credentials.models import ProviderAccount, ProviderCredential, Sealed
from dashboard.organizations.models import Organization, Team, User


class ProviderKey(models.Model):
    """An API key of a provider account, as its admin API lists it or, with `typed_at`, as a person typed it in. Never
    the key itself, only a hint. `gone_at` is set when the provider no longer lists it; history may still name its id.
    Team and purpose are ours: no listing touches them. `owned_from` is the first day that the owner team answers for.
    `rotated_from` is the key in whose place this one was made, `retire_on` the day on which a replaced key is to go.
    """

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
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="provider_keys")
    owned_from = models.DateField(null=True)
    purpose = models.CharField(max_length=200, blank=True)
    typed_at = models.DateTimeField(null=True)
    rotated_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="successors")
    retire_on = models.DateField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "external_id"], name="provider_key_once")]
        indexes = [models.Index(fields=["team"])]

    def __str__(self) -> str:
        return self.name or self.external_id


class Operation(models.TextChoices):
    CREATE = "create", _("Make")
    DISABLE = "disable", _("Disable")
    ENABLE = "enable", _("Enable")
    DELETE = "delete", _("Delete")
    ROTATE = "rotate", _("Rotate")


class IntentState(models.TextChoices):
    WRITTEN = "written", _("About to be sent")
    SENT = "sent", _("Sent, no answer yet")
    UNKNOWN = "unknown", _("Not known; being looked for")
    FOUND = "found", _("Found, without its secret")
    DONE = "done", _("Done")
    FAILED = "failed", _("Not done")
    RECONCILED = "reconciled", _("Settled by hand")


# Of these a new key comes; the others change one that is there.
MAKING = (Operation.CREATE, Operation.ROTATE)
# Not over: the state may still change, and the same is not begun a second time.
OPEN_INTENTS = (IntentState.WRITTEN, IntentState.SENT, IntentState.UNKNOWN, IntentState.FOUND)


class KeyIntent(models.Model):
    """A change at a provider that a person asked for: written down before the call, so that whatever breaks in between,
    somebody knows what to look for. No secret is in it. `name` is unique to a key that is to be made: by it a key is
    found whose answer was lost. `wish` holds limit, limit_reset and expires_at, and when one takes the place of
    `rotates` also retire_on; `next_look_at` is when the provider's list is read next, `looks` how often it was."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(ProviderAccount, on_delete=models.CASCADE, related_name="key_intents")
    credential = models.ForeignKey(ProviderCredential, null=True, on_delete=models.SET_NULL, related_name="+")
    operation = models.CharField(max_length=8, choices=Operation)
    state = models.CharField(max_length=10, choices=IntentState, default=IntentState.WRITTEN)
    target = models.TextField(blank=True)  # the provider's id of the key, where there is one already
    project = models.TextField(blank=True)
    name = models.CharField(max_length=120)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+")
    purpose = models.CharField(max_length=200, blank=True)
    wish: Any = models.JSONField(default=dict)
    keep = models.BooleanField(default=False)
    key = models.ForeignKey(ProviderKey, null=True, on_delete=models.SET_NULL, related_name="intents")
    rotates = models.ForeignKey(ProviderKey, null=True, on_delete=models.SET_NULL, related_name="rotations")
    message = models.TextField(blank=True)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    next_look_at = models.DateTimeField(null=True)
    looks = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            # A second click or tab finds the first.
            models.UniqueConstraint(
                fields=["account", "operation", "target", "team"],
                condition=models.Q(state__in=OPEN_INTENTS),
                nulls_distinct=False,
                name="key_intent_open_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_look_at"], condition=models.Q(next_look_at__isnull=False), name="key_intent_due"
            ),
            models.Index(fields=["account", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.operation} {self.name}"

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_INTENTS

    @property
    def waits(self) -> bool:
        """Whether the state changes by itself; otherwise a person decides, or it is over."""
        return self.is_open and self.state != IntentState.FOUND


class KeptSecret(Sealed):
    """The secret of a key, because whoever had it made asked to keep it. It is never shown again."""

    provider_key = models.OneToOneField(ProviderKey, on_delete=models.CASCADE, related_name="kept_secret")
    kept_at = models.DateTimeField()
    kept_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")

    def __str__(self) -> str:
        return "kept secret"


class TokenScope(models.TextChoices):
    """What a service token may do."""

    ROUTES_READ = "routes:read", _("Read routes")
    USAGE_WRITE = "usage:write", _("Send usage")
    READ = "read", _("Read figures")


class ServiceToken(models.Model):
    """What a gateway or a script shows to our API. It acts for one organization, or for one team or account of it. The
    token is shown once, when it is made or rotated; kept are its first characters, by which it is found and named, and
    a keyed digest of the whole. A revoked one stays as a row: records say which token brought them."""

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
