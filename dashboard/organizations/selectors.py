"""Reads of people and organizations."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from dashboard.organizations.models import (
    Invitation,
    Membership,
    SignInLink,
    Team,
    TeamColour,
    TeamMembership,
    User,
    token_digest,
)


def acting_membership(user: User, memberships: Sequence[Membership]) -> Membership | None:
    """The membership that a request acts under: of the organization that the person chose last, else the first real
    one, else the demo."""
    chosen = [one for one in memberships if one.organization_id == user.current_organization_id]
    return next(iter(chosen or memberships), None)


def memberships_of(user: User) -> list[Membership]:
    """All memberships of a person, real organizations before the demo."""
    return list(
        Membership.objects.filter(user=user).select_related("organization").order_by("organization__is_demo", "pk")
    )


def anybody_signed_in() -> bool:
    return SignInLink.objects.filter(used_at__isnull=False).exists()


def member_rows(*, organization_id: int) -> list[dict[str, Any]]:
    """Everybody of an organization with their teams, owners first."""
    teams: dict[int, list[Team]] = defaultdict(list)
    belongs = TeamMembership.objects.filter(team__organization_id=organization_id).select_related("team")
    for one in belongs.order_by("team__name"):
        teams[one.user_id].append(one.team)
    order = ("owner", "admin", "lead", "viewer")
    members = list(Membership.objects.filter(organization_id=organization_id).select_related("user"))
    members.sort(key=lambda member: (order.index(member.role), str(member.user).lower(), member.pk))
    return [{"member": member, "user": member.user, "teams": teams[member.user_id]} for member in members]


def teams_of(*, organization_id: int, archived: bool = False) -> QuerySet[Team]:
    """Teams by name; those that are archived are asked for by themselves."""
    return Team.objects.filter(organization_id=organization_id, archived_at__isnull=not archived).order_by("name")


def colour_free(*, organization_id: int) -> str:
    """The first colour that no team has yet; the first of all when every one is taken."""
    taken = set(Team.objects.filter(organization_id=organization_id).values_list("colour", flat=True))
    return next((colour for colour in TeamColour.values if colour not in taken), TeamColour.TEAL)


def team_rows(*, organization_id: int, archived: bool = False) -> QuerySet[Team]:
    """Teams with `people` and `wallets`, how many members and accounts each has."""
    return teams_of(organization_id=organization_id, archived=archived).annotate(
        people=Count("memberships", distinct=True), wallets=Count("accounts", distinct=True)
    )


def invitations_open(*, organization_id: int, now: datetime) -> QuerySet[Invitation]:
    """Invitations that can still be accepted, with their teams, newest first."""
    waiting = Invitation.objects.filter(
        organization_id=organization_id, accepted_at=None, revoked_at=None, expires_at__gt=now
    )
    return waiting.select_related("invited_by").prefetch_related("teams").order_by("-created_at")


def invitation_by_token(token: str) -> Invitation | None:
    waiting = Invitation.objects.select_related("organization", "invited_by")
    return waiting.filter(token_hash=token_digest(token)).first()
