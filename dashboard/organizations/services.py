"""Writes of people and organizations."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from dashboard.organizations.audit import Actor, audit_record, changed
from dashboard.organizations.mail import mail_queue
from dashboard.organizations.mail.letters import language_of, one_line
from dashboard.organizations.models import (
    Invitation,
    Membership,
    Organization,
    Role,
    SignInLink,
    Team,
    User,
    token_digest,
)

LINK_LIFETIME = timedelta(hours=24)
FIRST_OWNER_EMAIL = "owner@purser.localhost"


class Refused(Exception):
    """A rule stands against it; the message says which, for the person who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a member or an invited person may do and read. `teams` of other organizations are never among them."""

    role: Role
    sees_all: bool = False
    sees_balances: bool = False
    teams: tuple[Team, ...] = ()

    def told(self) -> dict[str, Any]:
        names = sorted(team.name for team in self.teams)
        return {"role": self.role, "sees_all": self.sees_all, "sees_balances": self.sees_balances, "teams": names}


def owner_ensure() -> User:
    """The first owner with a first organization, made if there is nobody yet."""
    with transaction.atomic():
        owner = User.objects.filter(memberships__role=Role.OWNER, memberships__organization__is_demo=False).first()
        if owner is None:
            owner = User.objects.filter(email=FIRST_OWNER_EMAIL).first()
            owner = owner or User.objects.create_user(FIRST_OWNER_EMAIL, name="Owner")
            organization = Organization.objects.create(name="My organization")
            Membership.objects.create(organization=organization, user=owner, role=Role.OWNER)
        return owner


def organization_delete(*, organization: Organization) -> None:
    """Remove an organization with everything that hangs on it by the ORM's rules. Its audit log, which otherwise takes
    no deletion, goes with it."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('purser.organization_goes', %s, true)", [str(organization.pk)])
        organization.delete()


def organization_choose(*, user: User, organization: Organization) -> None:
    """From now on this person acts for that organization."""
    user.current_organization = organization
    user.save(update_fields=["current_organization"])


def sign_in_link_create(*, user: User, now: datetime) -> str:
    """A fresh one-time token for this person, valid for a day. Links not yet used stop working."""
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        SignInLink.objects.filter(user=user, used_at__isnull=True).delete()
        SignInLink.objects.create(user=user, token_hash=token_digest(token), expires_at=now + LINK_LIFETIME)
    return token


def sign_in_link_use(*, token: str, now: datetime) -> User | None:
    """The person behind the token, once: one conditional UPDATE decides which of two clicks wins. Its condition looks
    at this one table alone, because PostgreSQL looks again only at the row that it waited for, not at a subquery."""
    digest = token_digest(token)
    unused = SignInLink.objects.filter(token_hash=digest, used_at__isnull=True, expires_at__gt=now)
    if not unused.update(used_at=now):
        return None
    return User.objects.filter(sign_in_links__token_hash=digest, is_active=True).first()


# --- Organizations ----------------------------------------------------------------------------------------------


def organization_create(*, name: str, reporting_zone: str, by: Actor, now: datetime) -> Organization:
    """A new organization with this person as its owner, chosen at once."""
    assert by.user is not None
    with transaction.atomic():
        organization = Organization.objects.create(name=name, reporting_zone=reporting_zone)
        Membership.objects.create(organization=organization, user=by.user, role=Role.OWNER)
        organization_choose(user=by.user, organization=organization)
        audit_record(organization=organization, by=by, action="organization.created", now=now, subject=organization)
    return organization


def organization_change(
    *, organization: Organization, name: str, reporting_zone: str, by: Actor, now: datetime
) -> None:
    after = {"name": name, "reporting_zone": reporting_zone}
    with transaction.atomic():
        stored = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        changes = changed({field: getattr(stored, field) for field in after}, after)
        if not changes:
            return
        Organization.objects.filter(pk=organization.pk).update(**after)
        audit_record(
            organization=organization,
            by=by,
            action="organization.changed",
            now=now,
            subject=organization,
            changes=changes,
        )


# --- Members ----------------------------------------------------------------------------------------------------


def member_change(*, member: Membership, reach: Reach, acting: Membership, by: Actor, now: datetime) -> None:
    """Another role, other things to read, other teams. Raises Refused: owners are made and unmade by owners alone, and
    the last one stays."""
    with transaction.atomic():
        stored = _locked(member)
        _owners_decide(acting, stored.role, reach.role)
        if stored.role == Role.OWNER and reach.role != Role.OWNER:
            _not_the_last(stored)
        before = member_reach(stored).told()
        stored.role, stored.sees_all, stored.sees_balances = reach.role, reach.sees_all, reach.sees_balances
        stored.save(update_fields=["role", "sees_all", "sees_balances"])
        _set_teams(stored.user, stored.organization, reach.teams)
        changes = changed(before, reach.told())
        if changes:
            _member_record(stored, by, "member.changed", now, changes)


def member_remove(*, member: Membership, acting: Membership, by: Actor, now: datetime) -> None:
    """Take a person out of the organization and its teams. Raises Refused as `member_change` does."""
    with transaction.atomic():
        stored = _locked(member)
        _owners_decide(acting, stored.role, stored.role)
        _go(stored, by, "member.removed", now)


def member_leave(*, member: Membership, by: Actor, now: datetime) -> None:
    """Raises Refused for the last owner."""
    with transaction.atomic():
        _go(_locked(member), by, "member.left", now)


def member_link_create(*, member: Membership, by: Actor, now: datetime) -> str:
    """A one-time sign-in link for somebody who cannot get in, for an owner to hand over. Raises Refused for a person of
    other organizations too: one organization's owner must not open another one's doors."""
    with transaction.atomic():
        stored = _locked(member)
        if Membership.objects.filter(user=stored.user).exclude(pk=stored.pk).exists():
            raise Refused(_("This person belongs to another organization too and gets in by themselves."))
        token = sign_in_link_create(user=stored.user, now=now)
        _member_record(stored, by, "member.link_made", now)
    return token


def member_reach(member: Membership) -> Reach:
    teams = Team.objects.filter(organization=member.organization, members=member.user)
    return Reach(
        role=Role(member.role), sees_all=member.sees_all, sees_balances=member.sees_balances, teams=tuple(teams)
    )


def _locked(member: Membership) -> Membership:
    """The membership as it stands, with the organization locked: of two changes at once one waits for the other, so
    that two owners cannot unmake each other."""
    Organization.objects.select_for_update(no_key=True).get(pk=member.organization_id)
    stored = Membership.objects.select_related("user", "organization").filter(pk=member.pk).first()
    if stored is None:
        raise Refused(_("This person is no longer a member."))
    return stored


def _owners_decide(acting: Membership, *roles: str) -> None:
    mine = Membership.objects.filter(pk=acting.pk).values_list("role", flat=True).first()
    if Role.OWNER in roles and mine != Role.OWNER:
        raise Refused(_("Only an owner can make, change or remove an owner."))


def _not_the_last(member: Membership) -> None:
    owners = Membership.objects.filter(organization_id=member.organization_id, role=Role.OWNER)
    if member.role == Role.OWNER and not owners.exclude(pk=member.pk).exists():
        raise Refused(_("This is the last owner. Make somebody else an owner first."))


def _go(member: Membership, by: Actor, action: str, now: datetime) -> None:
    _not_the_last(member)
    _set_teams(member.user, member.organization, ())
    User.objects.filter(pk=member.user_id, current_organization=member.organization_id).update(
        current_organization=None
    )
    _member_record(member, by, action, now)
    member.delete()


def _set_teams(user: User, organization: Organization, teams: Iterable[Team]) -> None:
    wanted = {team.pk for team in teams if team.organization_id == organization.pk}
    through = Team.members.through.objects
    through.filter(user=user, team__organization=organization).exclude(team_id__in=wanted).delete()
    for team_id in wanted:
        through.get_or_create(user=user, team_id=team_id)


def _member_record(
    member: Membership, by: Actor, action: str, now: datetime, changes: Mapping[str, tuple[Any, Any]] | None = None
) -> None:
    audit_record(
        organization=member.organization,
        by=by,
        action=action,
        now=now,
        subject=member,
        words=f"{member.user.name} <{member.user.email}>".strip(),
        changes=changes,
    )


# --- Invitations ------------------------------------------------------------------------------------------------


def invitation_create(
    *, organization: Organization, email: str, reach: Reach, days: int, acting: Membership, by: Actor, now: datetime
) -> str:
    """A link into the organization, valid for `days`; its token is told this once. Raises Refused."""
    _owners_decide(acting, reach.role)
    email = email.strip().lower()
    if email and Membership.objects.filter(organization=organization, user__email=email).exists():
        raise Refused(_("%(email)s is a member already.") % {"email": email})
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        invitation = Invitation.objects.create(
            organization=organization,
            email=email,
            role=reach.role,
            sees_all=reach.sees_all,
            sees_balances=reach.sees_balances,
            token_hash=token_digest(token),
            invited_by=by.user,
            expires_at=now + timedelta(days=days),
        )
        invitation.teams.set(team for team in reach.teams if team.organization_id == organization.pk)
        told = {**reach.told(), "days": days}
        _invitation_record(invitation, by, "invitation.created", now, changed({}, told))
    return token


def invitation_mail(*, token: str, link: str, now: datetime) -> None:
    """Mail the link to the address that the invitation is meant for, if it names one."""
    invitation = Invitation.objects.select_related("organization", "invited_by").get(token_hash=token_digest(token))
    if not invitation.email:
        return
    days, name = (invitation.expires_at - now + timedelta(hours=1)).days, one_line(invitation.organization)
    by = one_line(invitation.invited_by) if invitation.invited_by else ""
    with language_of(User.objects.filter(email=invitation.email).first()):
        context = {"name": name, "by": by, "role": invitation.get_role_display(), "link": link, "days": days}
        mail_queue(
            to=invitation.email,
            subject=_("Invitation to %(name)s") % {"name": name},
            text=render_to_string("organizations/mail/invitation.txt", context).strip(),
            invitation=invitation,
            now=now,
        )


def invitation_revoke(*, invitation: Invitation, by: Actor, now: datetime) -> None:
    """Harmless when it was accepted or revoked meanwhile."""
    with transaction.atomic():
        if Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(revoked_at=now):
            _invitation_record(invitation, by, "invitation.revoked", now)


def invitation_accept(*, invitation: Invitation, user: User, ip: str | None, now: datetime) -> Membership:
    """The membership that the invitation promises, once; a person who is a member already keeps what they have. Raises
    Refused when it is over, or meant for another address."""
    if invitation.email and invitation.email != user.email:
        raise Refused(_("This invitation is meant for %(email)s.") % {"email": invitation.email})
    with transaction.atomic():
        still = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None, expires_at__gt=now)
        if not still.update(accepted_at=now, accepted_by=user):
            raise Refused(_("This invitation is over: it was used, taken back, or is too old."))
        member, fresh = Membership.objects.get_or_create(
            organization=invitation.organization,
            user=user,
            defaults={
                "role": invitation.role,
                "sees_all": invitation.sees_all,
                "sees_balances": invitation.sees_balances,
            },
        )
        if fresh:
            _set_teams(user, invitation.organization, invitation.teams.filter(archived_at=None))
        organization_choose(user=user, organization=invitation.organization)
        _invitation_record(invitation, Actor(user, ip), "invitation.accepted", now)
    return member


def newcomer_join(*, invitation: Invitation, name: str, email: str, ip: str | None, now: datetime) -> User:
    """Somebody who was not here yet, made and taken in, both or neither. Raises Refused as `invitation_accept` does."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name=name)
            invitation_accept(invitation=invitation, user=user, ip=ip, now=now)
    except IntegrityError as error:  # the same form sent twice at once
        raise Refused(_("Somebody with this address is here already: sign in first, then accept.")) from error
    return user


def _invitation_record(
    invitation: Invitation, by: Actor, action: str, now: datetime, changes: Mapping[str, tuple[Any, Any]] | None = None
) -> None:
    audit_record(
        organization=invitation.organization,
        by=by,
        action=action,
        now=now,
        subject=invitation,
        words=invitation.email or "whoever has the link",  # read in the reader's language
        changes=changes,
    )


# --- Teams ------------------------------------------------------------------------------------------------------


def team_save(*, team: Team, members: Iterable[User], by: Actor, now: datetime) -> None:
    """Store a new or changed team with exactly these members, as far as they belong to the organization."""
    with transaction.atomic():
        old = Team.objects.select_for_update().filter(pk=team.pk).first()
        before = _team_told(old) if old else {}
        team.save()
        wanted = User.objects.filter(
            pk__in=[user.pk for user in members], memberships__organization=team.organization_id
        )
        team.members.set(wanted)
        changes = changed(before, _team_told(team))
        if changes:
            action = "team.changed" if old else "team.created"
            audit_record(organization=team.organization, by=by, action=action, now=now, subject=team, changes=changes)


def team_archive(*, team: Team, archived: bool, by: Actor, now: datetime) -> None:
    """Offer the team nowhere any more, or bring it back. Accounts and history stay with it."""
    with transaction.atomic():
        rows = Team.objects.filter(pk=team.pk, archived_at__isnull=archived)
        if rows.update(archived_at=now if archived else None):
            action = "team.archived" if archived else "team.restored"
            audit_record(organization=team.organization, by=by, action=action, now=now, subject=team)


def _team_told(team: Team) -> dict[str, Any]:
    people = sorted(team.members.values_list("email", flat=True))
    return {"name": team.name, "colour": team.colour, "cost_centre": team.cost_centre, "members": people}
