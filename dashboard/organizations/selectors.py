"""Reads of people and organizations."""

from dashboard.organizations.models import Membership, SignInLink, User


def membership_for(user: User) -> Membership | None:
    """The membership that a request acts under: of the organization that the person chose last, else the first real
    one, else the demo."""
    memberships = memberships_of(user)
    chosen = [one for one in memberships if one.organization_id == user.current_organization_id]
    return (chosen or memberships or [None])[0]


def memberships_of(user: User) -> list[Membership]:
    return list(
        Membership.objects.filter(user=user).select_related("organization").order_by("organization__is_demo", "pk")
    )


def anybody_signed_in() -> bool:
    return SignInLink.objects.filter(used_at__isnull=False).exists()
