"""What is read when: one stream per (credential, capability), and the log of its runs."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from dashboard.credentials.models import ProviderCredential
from dashboard.organizations.models import Organization
from providers.spec import Endpoint


class StreamState(models.TextChoices):
    WAITING = "waiting", _("Waiting for its first run")
    FRESH = "fresh", _("Fresh")
    BACKING_OFF = "backing_off", _("Backing off")
    FAILING = "failing", _("Failing")
    OFFLINE = "offline", _("Offline")
    PAUSED = "paused", _("Needs you")
    NOT_AVAILABLE = "not_available", _("Not available")
    STANDBY = "standby", _("Standing by")


RUNNING_STATES = (
    StreamState.WAITING,
    StreamState.FRESH,
    StreamState.BACKING_OFF,
    StreamState.FAILING,
    StreamState.OFFLINE,
    StreamState.NOT_AVAILABLE,
)


class SyncStream(models.Model):
    """One capability of one credential.

    The lease: `lease_until` says until when a worker owns the stream, `lease_token` grows with every lease, so that a
    worker that was overtaken cannot land. `cursor` is up to when history has been read; `backfilled_to` how far back
    the first read has come, `backfill_goal` how far it means to go (NULL: nothing to backfill). `offline_since` counts
    in the state "offline" alone: from then on nothing has answered at an address that may sleep.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    credential = models.ForeignKey(ProviderCredential, on_delete=models.CASCADE, related_name="streams")
    capability = models.CharField(max_length=12)
    state = models.CharField(max_length=14, choices=StreamState, default=StreamState.WAITING)
    enabled = models.BooleanField(default=True)
    interval_seconds = models.IntegerField()
    next_run_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    lease_token = models.BigIntegerField(default=0)
    cursor = models.DateTimeField(null=True)
    backfilled_to = models.DateTimeField(null=True)
    backfill_goal = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    last_success_at = models.DateTimeField(null=True)
    last_run_at = models.DateTimeField(null=True)
    message = models.TextField(blank=True)
    offline_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["credential", "capability"], name="stream_once")]
        indexes = [
            models.Index(fields=["next_run_at"], condition=models.Q(enabled=True), name="stream_due"),
            models.Index(fields=["organization", "state"]),
        ]

    def __str__(self) -> str:
        return f"{self.capability} of {self.credential_id}"

    @property
    def has_history(self) -> bool:
        """Whether the provider keeps a history of this, to be read span by span."""
        endpoint = self.credential.provider.endpoint(self.capability)
        return isinstance(endpoint, Endpoint) and bool(endpoint.history)


class RunOutcome(models.TextChoices):
    OK = "ok", _("Read")
    PARTIAL = "partial", _("Read in part")
    RETRYABLE = "retryable", _("Will try again")
    OFFLINE = "offline", _("Off or asleep")
    ACTION_NEEDED = "action_needed", _("Needs you")
    NOT_AVAILABLE = "not_available", _("Not available")
    PAYLOAD_ERROR = "payload_error", _("Not understood")
    INTERNAL = "internal", _("Internal error")
    OVERTAKEN = "overtaken", _("Overtaken")


# Outcomes that are no trouble: hours that have nothing else are drawn in ink.
QUIET_OUTCOMES = ["ok", "partial", "not_available", "offline"]


class SyncRun(models.Model):
    """One run of a stream. `message` is plain language and holds nothing of the provider's answer."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    stream = models.ForeignKey(SyncStream, on_delete=models.CASCADE, related_name="runs")
    provider_slug = models.CharField(max_length=40)
    outcome = models.CharField(max_length=14, choices=RunOutcome)
    message = models.TextField(blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    window_start = models.DateTimeField(null=True)
    window_end = models.DateTimeField(null=True)
    backfill = models.BooleanField(default=False)
    calls = models.IntegerField(default=0)
    records = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["stream", "-id"]),
            models.Index(fields=["finished_at"]),
            # The overview draws the hours that had trouble; good runs, by far the most, stay out of this index.
            models.Index(
                fields=["organization", "finished_at"],
                include=["provider_slug", "outcome"],
                condition=~models.Q(outcome__in=QUIET_OUTCOMES),
                name="sync_run_trouble",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} at {self.finished_at:%Y-%m-%d %H:%M}"
