"""People and the organizations they act for. Every other row of Purser hangs off one organization."""

import hashlib
import zoneinfo
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, *, name: str = "") -> "User":
        """A person without a password, whose address is not proven yet: they come in by a one-time link."""
        user = self.model(email=self.normalize_email(email).lower(), name=name)
        user.set_unusable_password()
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            EmailAddress.objects.create(user=user, email=user.email, primary=True)
        return user


class User(AbstractBaseUser):
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    # The language that this person chose, of settings.LANGUAGES; "" follows the browser.
    language = models.CharField(max_length=10, blank=True)
    current_organization = models.ForeignKey("Organization", null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ()  # type: ignore[assignment]

    def __str__(self) -> str:
        return self.name or self.email


def validate_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(_("“%(name)s” is not a time zone such as Europe/Berlin."), params={"name": name})


class Organization(models.Model):
    name = models.CharField(max_length=120)
    reporting_zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    # What spend is shown in where there is a rate, an ISO code; "" shows every unit by itself.
    reporting_currency = models.CharField(max_length=3, blank=True, default="")
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="organizations")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["is_demo"], condition=models.Q(is_demo=True), name="one_demo_organization")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.reporting_zone)

    def local(self, moment: datetime) -> datetime:
        """The moment on this organization's clock."""
        return moment.astimezone(self.zone)


class Role(models.TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    LEAD = "lead", _("Team lead")
    VIEWER = "viewer", _("Viewer")


class Membership(models.Model):
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    # What a lead or a viewer may read; owners and admins read everything whatever stands here.
    sees_all = models.BooleanField(default=False)  # every account, not only those of the person's teams
    sees_balances = models.BooleanField(default=False)  # wallets and quotas beside spend
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"

    @property
    def may_manage(self) -> bool:
        """Connect, change and sync accounts."""
        return self.role in (Role.OWNER, Role.ADMIN)

    @property
    def may_sync(self) -> bool:
        """Ask for a reading now, of the accounts in scope."""
        return self.may_manage or self.role == Role.LEAD


class TeamColour(models.TextChoices):
    """The series colours of the charts, in their order."""

    TEAL = "s1", _("Teal")
    OCHRE = "s2", _("Ochre")
    NAVY = "s3", _("Navy")
    BRICK = "s4", _("Brick")
    ICE = "s5", _("Ice")
    MAUVE = "s6", _("Mauve")
    LICHEN = "s7", _("Lichen")
    STONE = "s8", _("Stone")


class Team(models.Model):
    """Archived teams keep their history and can be brought back; they are offered nowhere."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="teams")
    name = models.CharField(max_length=80)
    colour = models.CharField(max_length=2, choices=TeamColour, default=TeamColour.TEAL)
    cost_centre = models.CharField(max_length=40, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    members: Any = models.ManyToManyField(User, through="TeamMembership", related_name="teams")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="team_name_once")]

    def __str__(self) -> str:
        return self.name


class TeamMembership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="team_memberships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="in_a_team_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


def token_digest(token: str) -> str:
    """What is kept of a link's token: 64 hex digits from which it cannot be made again."""
    return hashlib.sha256(token.encode()).hexdigest()


class SignInLink(models.Model):
    """A link that signs one person in once. Only the SHA-256 of its token is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    token_hash = models.CharField(max_length=64, unique=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"link for {self.user}"


class Invitation(models.Model):
    """A link into an organization, for one person, once. Only the SHA-256 of its token is kept. With `email` it is
    meant for (and mailed to) that address; without, whoever has the link may use it."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(blank=True)
    role = models.CharField(max_length=10, choices=Role)
    sees_all = models.BooleanField(default=False)
    sees_balances = models.BooleanField(default=False)
    teams: Any = models.ManyToManyField(Team, blank=True, related_name="+")
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"invitation of {self.email or 'whoever has the link'} to {self.organization}"

    def is_over(self, now: datetime) -> bool:
        """Used, taken back, or too old."""
        return self.accepted_at is not None or self.revoked_at is not None or self.expires_at <= now


class OutgoingMail(models.Model):
    """A mail that waits for the worker, or went out within the last day. Its text may hold a sign-in code or a link:
    it is sealed under the key named by `key_id`. `person` or `invitation` say whose it is."""

    SEALED = "encrypted_text"
    to = models.EmailField()
    subject = models.CharField(max_length=200)
    encrypted_text = models.TextField()
    key_id = models.CharField(max_length=8)
    person = models.ForeignKey(User, null=True, on_delete=models.CASCADE, related_name="+")
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    failure = models.CharField(max_length=300, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=models.Q(sent_at=None), name="mail_unsent")]

    def __str__(self) -> str:
        return f"{self.subject} to {self.to}"


class AuditEvent(models.Model):
    """One write by a person (or by Purser itself: no actor). Append-only; each hash covers the event and the hash
    before it, so that a changed, removed or inserted row breaks the chain of its organization."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="audit_events")
    sequence = models.BigIntegerField()  # 1, 2, 3 ... within the organization, without gaps
    at = models.DateTimeField()
    actor = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    actor_words = models.CharField(max_length=200)  # name and address as they were then
    ip = models.GenericIPAddressField(null=True)
    action = models.CharField(max_length=60)  # "credential.replaced"
    subject_type = models.CharField(max_length=40)
    subject_id = models.CharField(max_length=40, blank=True)
    subject_words = models.CharField(max_length=200, blank=True)
    changes = models.JSONField(default=dict)  # {field: [before, after]}; secrets are never among them
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "sequence"], name="audit_sequence_once")]
        indexes = [models.Index(fields=["organization", "action", "at"], name="audit_by_action")]

    def __str__(self) -> str:
        return f"{self.sequence}: {self.action}"
