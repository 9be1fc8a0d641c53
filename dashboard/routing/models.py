"""Where a team's traffic goes: policies, their immutable revisions, what is remembered of targets that are out, and
when the order of a route changed."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from dashboard.organizations.models import Organization, Team, User


class RoutePolicy(models.Model):
    """The routes of a team; without a team those of the organization, which count for every team that has none of its
    own. The newest revision counts: `revision` is its number, `accounts` the ids that it names.

    `decided` is the last decision as readers of the feed get it: {"routes": [...]}, see `routing.services`. Whoever
    decides anew holds this row's lock."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="route_policies")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="route_policies")
    revision = models.PositiveIntegerField(default=0)
    accounts = ArrayField(models.BigIntegerField(), default=list)
    decided: Any = models.JSONField(default=dict)
    # What was judged of each account none of whose targets is out, see decide.account_mark, by its id.
    judged: Any = models.JSONField(default=dict)
    decisions = models.BigIntegerField(default=0)  # grows whenever `decided` changes
    decided_at = models.DateTimeField(null=True)
    look_again_at = models.DateTimeField(null=True)  # when time alone changes something
    failed_at = models.DateTimeField(null=True)  # since when deciding it fails; what was decided before holds on
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "team"], name="route_policy_once", nulls_distinct=False)
        ]
        indexes = [
            GinIndex(fields=["accounts"], name="route_policy_accounts"),
            models.Index(fields=["look_again_at"], name="route_policy_due"),
        ]

    def __str__(self) -> str:
        return f"routes of {self.team or self.organization}"


class RouteRevision(models.Model):
    """What a policy said from a moment on. Never changed: who wants another one saves the next."""

    policy = models.ForeignKey(RoutePolicy, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    document: Any = models.JSONField()
    digest = models.CharField(max_length=64)
    note = models.CharField(max_length=200, blank=True)
    restores = models.PositiveIntegerField(null=True)  # the number of the revision that this one brought back
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "number"], name="route_revision_once")]

    def __str__(self) -> str:
        return f"revision {self.number} of {self.policy_id}"


class TargetOut(models.Model):
    """A target that is out of a route: for what cause, and since when. The row is gone when it is back."""

    policy = models.ForeignKey(RoutePolicy, on_delete=models.CASCADE, related_name="targets_out")
    match = models.TextField()
    target = models.TextField()
    cause = models.CharField(max_length=10)
    since = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "match", "target"], name="target_out_once")]

    def __str__(self) -> str:
        return f"{self.target} out of {self.match}"


class RouteEvent(models.Model):
    """The targets that may carry a route changed: `before` and `after` are their keys in order. `changes` are rows of
    {what: "left" | "came_back" | "joined" | "gone" | "moved", account, model, code, figures}."""

    policy = models.ForeignKey(RoutePolicy, on_delete=models.CASCADE, related_name="events")
    revision = models.PositiveIntegerField()
    match = models.TextField()
    before: Any = models.JSONField()
    after: Any = models.JSONField()
    changes: Any = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["policy", "-at"], name="route_event_by_policy")]

    def __str__(self) -> str:
        return f"{self.match} at {self.at:%Y-%m-%d %H:%M}"
