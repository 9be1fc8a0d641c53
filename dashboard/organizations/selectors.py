"""Reads of people and organizations."""

from collections.abc import Sequence

from dashboard.organizations.models import Membership, SignInLink, User


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
