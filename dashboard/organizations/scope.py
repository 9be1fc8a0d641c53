"""Who may do what, and who may read what."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.organizations.models import Membership, Role, TeamMembership


class Access(StrEnum):
    """What a view asks for, from the open street to the safe."""

    PUBLIC = "public"  # anybody, signed in or not
    PERSON = "person"  # whoever is signed in, for what is their own
    READ = "read"  # everybody of the organization, as far as their scope goes
    READ_BALANCES = "read_balances"  # those who may see wallets
    SYNC = "sync"  # ask for a reading now, of what is in scope: leads, admins, owners
    MANAGE = "manage"  # admins and owners
    OWN = "own"  # owners


_ROLES: dict[Access, frozenset[str]] = {
    Access.READ: frozenset(Role),
    Access.READ_BALANCES: frozenset(Role),
    Access.SYNC: frozenset({Role.OWNER, Role.ADMIN, Role.LEAD}),
    Access.MANAGE: frozenset({Role.OWNER, Role.ADMIN}),
    Access.OWN: frozenset({Role.OWNER}),
}


# What roles are told apart by, in words.
RIGHTS: tuple[tuple[str, Access], ...] = (
    (gettext_noop("Read accounts, spend and usage"), Access.READ),
    (gettext_noop("Read balances and quotas"), Access.READ_BALANCES),
    (gettext_noop("Ask for a sync"), Access.SYNC),
    (gettext_noop("Connect, change and remove accounts"), Access.MANAGE),
    (gettext_noop("Invite and change people, make teams, read the audit log"), Access.MANAGE),
    (gettext_noop("Make owners, hand out sign-in links, read the mail Purser sends"), Access.OWN),
)


def role_rights() -> dict[str, Any]:
    """{roles [label], rows [{words, cells ["yes" | "given" | "no"]}]}: given is what a member's own reach decides."""
    rows = []
    for words, access in RIGHTS:
        reads = access in (Access.READ, Access.READ_BALANCES)
        cells = [
            "no" if role not in _ROLES[access] else "given" if reads and role not in _ROLES[Access.MANAGE] else "yes"
            for role in Role
        ]
        rows.append({"words": _(words), "cells": cells})
    return {"roles": [role.label for role in Role], "rows": rows}


def allows(access: Access, membership: Membership) -> bool:
    """Whether that membership opens a view of that kind. Which objects it shows there is `Scope`'s business."""
    if access in (Access.PUBLIC, Access.PERSON):
        return True
    if access == Access.READ_BALANCES and not scope_of(membership).balances:
        return False
    return membership.role in _ROLES[access]


@dataclass(frozen=True, slots=True)
class Scope:
    """What one person may read of an organization. Every read starts from it."""

    organization_id: int
    team_ids: tuple[int, ...] | None = None  # None: the accounts of all teams, and those of none
    balances: bool = True

    @property
    def whole(self) -> bool:
        return self.team_ids is None

    @property
    def teams(self) -> list[int] | None:
        """For statements of our own: `%(teams)s::bigint[] IS NULL OR account.team_id = ANY(%(teams)s)`."""
        return None if self.team_ids is None else list(self.team_ids)

    def accounts(self, path: str = "") -> Q:
        """The condition on accounts; `path` leads from the model asked for to the account, as in "account__"."""
        within = Q(**{f"{path}organization_id": self.organization_id})
        return within if self.team_ids is None else within & Q(**{f"{path}team_id__in": self.team_ids})


def scope_of(membership: Membership) -> Scope:
    """Owners and admins read everything; a lead or a viewer what belongs to their teams, or all when they were given
    that; wallets only when they were given those."""
    everything = membership.may_manage
    teams = None
    if not everything and not membership.sees_all:
        mine = TeamMembership.objects.filter(
            user_id=membership.user_id, team__organization_id=membership.organization_id
        )
        teams = tuple(mine.order_by("team_id").values_list("team_id", flat=True))
    return Scope(membership.organization_id, teams, everything or membership.sees_balances)
