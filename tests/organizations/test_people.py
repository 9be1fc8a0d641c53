"""Members, invitations, teams and settings: who may do what to whom, and what can never happen."""

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.organizations.audit import SYSTEM, Actor
from dashboard.organizations.audit.log import chain_verify
from dashboard.organizations.models import (
    AuditEvent,
    Invitation,
    Membership,
    Organization,
    Role,
    SignInLink,
    Team,
    User,
)
from dashboard.organizations.scope import scope_of
from dashboard.organizations.selectors import invitation_by_token, teams_of
from dashboard.organizations.services import (
    Reach,
    Refused,
    invitation_accept,
    invitation_create,
    member_change,
    member_leave,
    member_remove,
    newcomer_join,
    organization_delete,
)

VIEWER = Reach(role=Role.VIEWER)


def person(organization: Organization, name: str, role: Role = Role.VIEWER, **more: bool) -> Membership:
    user = User.objects.create_user(f"{name.lower()}@harbor.example", name=name)
    return Membership.objects.create(organization=organization, user=user, role=role, **more)


@pytest.fixture
def boss(owner: User) -> Membership:
    return Membership.objects.get(user=owner)


def signed_in(member: Membership | User) -> Client:
    client = Client()
    client.force_login(member if isinstance(member, User) else member.user)
    return client


def actions() -> list[str]:
    return list(
        AuditEvent.objects.exclude(action__startswith="person.").order_by("pk").values_list("action", flat=True)
    )


# --- Members ----------------------------------------------------------------------------------------------------


def test_a_member_gets_another_role_teams_and_rights(organization: Organization, boss: Membership) -> None:
    member, team = person(organization, "Kay"), Team.objects.create(organization=organization, name="Search")
    data = {"role": "lead", "teams": [team.pk], "sees_balances": "on"}
    response = signed_in(boss).post(reverse("organizations:member", args=[member.pk]), data)
    assert response.status_code == 302
    member.refresh_from_db()
    assert (member.role, member.sees_all, member.sees_balances) == ("lead", False, True)
    assert scope_of(member).team_ids == (team.pk,)
    event = AuditEvent.objects.get(action="member.changed")
    assert event.changes == {"role": ["viewer", "lead"], "sees_balances": [False, True], "teams": [[], ["Search"]]}
    assert event.actor == boss.user


@pytest.mark.parametrize("who", ["self", "other"])
def test_an_admin_makes_no_owner_by_any_form(organization: Organization, boss: Membership, who: str) -> None:
    admin = person(organization, "Ann", Role.ADMIN)
    target = admin if who == "self" else person(organization, "Kay")
    client = signed_in(admin)
    page = client.get(reverse("organizations:member", args=[target.pk])).content.decode()
    assert 'value="owner"' not in page
    response = client.post(reverse("organizations:member", args=[target.pk]), {"role": "owner"})
    assert response.status_code == 200, "the form comes back"
    client.post(reverse("organizations:invite"), {"role": "owner", "days": "7"})
    target.refresh_from_db()
    assert target.role != Role.OWNER
    assert not Invitation.objects.exists()
    with pytest.raises(Refused):
        member_change(member=target, reach=Reach(role=Role.OWNER), acting=admin, by=SYSTEM, now=timezone.now())
    with pytest.raises(Refused):
        invitation_create(
            organization=organization,
            email="",
            reach=Reach(role=Role.OWNER),
            days=7,
            acting=admin,
            by=SYSTEM,
            now=timezone.now(),
        )


def test_an_admin_does_not_touch_an_owner(organization: Organization, boss: Membership) -> None:
    admin = person(organization, "Ann", Role.ADMIN)
    person(organization, "Olga", Role.OWNER)  # so that it is not the rule of the last owner that holds
    client = signed_in(admin)
    client.post(reverse("organizations:member", args=[boss.pk]), {"role": "viewer", "sees_all": "on"})
    client.post(reverse("organizations:member_out", args=[boss.pk]), {"word": boss.user.email})
    boss.refresh_from_db()
    assert boss.role == Role.OWNER
    assert actions() == []


def test_a_role_that_was_lost_meanwhile_does_not_count(organization: Organization, boss: Membership) -> None:
    """The acting membership is looked at as it is stored, not as the page once had it."""
    second = person(organization, "Ann", Role.OWNER)
    person(organization, "Olga", Role.OWNER)
    Membership.objects.filter(pk=second.pk).update(role=Role.ADMIN)
    with pytest.raises(Refused):
        member_change(member=boss, reach=VIEWER, acting=second, by=SYSTEM, now=timezone.now())


def test_the_last_owner_neither_leaves_nor_falls(organization: Organization, boss: Membership) -> None:
    client = signed_in(boss)
    client.post(reverse("organizations:leave"))
    client.post(reverse("organizations:member_out", args=[boss.pk]), {"word": boss.user.email})
    page = client.post(reverse("organizations:member", args=[boss.pk]), {"role": "admin"}).content.decode()
    assert "This is the last owner" in page
    assert Membership.objects.get(pk=boss.pk).role == Role.OWNER
    person(organization, "Ann", Role.OWNER)
    client.post(reverse("organizations:leave"))
    assert not Membership.objects.filter(pk=boss.pk).exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", ["leave", "remove each other"])
def test_two_owners_at_once_leave_one(how: str) -> None:
    organization = Organization.objects.create(name="Pair")
    pair = [person(organization, name, Role.OWNER) for name in ("Ann", "Bob")]
    start, outcomes = threading.Barrier(2), []

    def go(me: Membership, other: Membership) -> None:
        start.wait(20)
        try:
            if how == "leave":
                member_leave(member=me, by=SYSTEM, now=timezone.now())
            else:
                member_remove(member=other, acting=me, by=SYSTEM, now=timezone.now())
            outcomes.append("done")
        except Refused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(me, other)) for me, other in (pair, pair[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["done", "refused"]
    assert Membership.objects.filter(organization=organization, role=Role.OWNER).count() == 1
    organization_delete(organization=organization)


def test_removing_asks_for_the_address_and_ends_everything_here(organization: Organization, boss: Membership) -> None:
    member = person(organization, "Kay")
    team = Team.objects.create(organization=organization, name="Search")
    team.members.add(member.user)
    theirs = signed_in(member)
    client, url = signed_in(boss), reverse("organizations:member_out", args=[member.pk])
    question = " ".join(client.get(reverse("organizations:member", args=[member.pk])).content.decode().split())
    assert 'data-confirm-word="kay@harbor.example"' in question
    assert re.search(r'<dt class="cap">Teams</dt> <dd class="font-semibold">Search</dd>', question)
    client.post(url, {"word": "kay"})
    assert Membership.objects.filter(pk=member.pk).exists()
    client.post(url, {"word": " KAY@harbor.example "})
    assert not Membership.objects.filter(pk=member.pk).exists()
    assert not team.members.exists()
    assert theirs.get(reverse("overview:overview")).status_code == 404
    assert actions() == ["member.removed"]


def test_a_sign_in_link_for_a_member_works_once_and_opens_no_other_organization(
    organization: Organization, boss: Membership
) -> None:
    member = person(organization, "Kay")
    client, url = signed_in(boss), reverse("organizations:member_link", args=[member.pk])
    page = client.post(url)
    assert "no-store" in page["Cache-Control"]
    (token,) = re.findall(r"/sign-in/link/([\w-]+)/", page.content.decode())
    assert token not in str(list(SignInLink.objects.values()) + list(AuditEvent.objects.values()))
    visitor = Client()
    visitor.post(reverse("sign_in_by_link", args=[token]))
    assert visitor.session["_auth_user_id"] == str(member.user.pk)
    other = Organization.objects.create(name="Island")
    Membership.objects.create(organization=other, user=member.user, role=Role.OWNER)
    SignInLink.objects.all().delete()
    client.post(url)
    assert not SignInLink.objects.exists(), "an owner here must not get into another organization"


# --- Invitations ------------------------------------------------------------------------------------------------


def invited(organization: Organization, boss: Membership, now: datetime, email: str = "", **more: Any) -> str:
    reach = Reach(**{"role": Role.LEAD, "sees_balances": True, **more})
    return invitation_create(
        organization=organization, email=email, reach=reach, days=7, acting=boss, by=Actor(boss.user), now=now
    )


def test_a_newcomer_joins_with_what_was_promised(organization: Organization, boss: Membership) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    data = {"email": "New@Else.example", "role": "lead", "teams": [team.pk], "sees_balances": "on", "days": "7"}
    page = signed_in(boss).post(reverse("organizations:invite"), data)
    assert "no-store" in page["Cache-Control"]
    (token,) = re.findall(r"/join/([\w-]+)/", page.content.decode())
    assert token not in str(list(Invitation.objects.values()) + list(AuditEvent.objects.values()))
    visitor, url = Client(), reverse("organizations:invitation", args=[token])
    assert "Harbor Labs" in visitor.get(url).content.decode()
    assert visitor.post(url, {"name": "New Person", "email": "evil@else.example"}).status_code == 302
    member = Membership.objects.get(user__email="new@else.example")
    assert (member.role, member.sees_all, member.sees_balances) == ("lead", False, True)
    assert scope_of(member).team_ids == (team.pk,)
    assert visitor.get(reverse("overview:overview")).status_code == 200, "signed in at once"
    assert visitor.get(url).status_code == 404, "once"
    assert actions() == ["invitation.created", "invitation.accepted"]


def test_somebody_who_is_signed_in_joins_as_themselves(organization: Organization, boss: Membership) -> None:
    other = Organization.objects.create(name="Island")
    rui = person(other, "Rui", Role.OWNER)
    token = invited(organization, boss, timezone.now())
    client = signed_in(rui)
    client.post(reverse("organizations:invitation", args=[token]))
    assert Membership.objects.filter(organization=organization, user=rui.user, role=Role.LEAD).exists()
    assert User.objects.get(pk=rui.user.pk).current_organization == organization
    assert User.objects.count() == 2


def test_an_invitation_for_an_address_is_for_nobody_else(organization: Organization, boss: Membership) -> None:
    rui = person(Organization.objects.create(name="Island"), "Rui", Role.OWNER)
    token = invited(organization, boss, timezone.now(), "kay@else.example")
    signed_in(rui).post(reverse("organizations:invitation", args=[token]))
    assert not Membership.objects.filter(organization=organization, user=rui.user).exists()
    assert Invitation.objects.get().accepted_at is None


def test_an_address_that_is_here_already_signs_in_first(organization: Organization, boss: Membership) -> None:
    rui = person(Organization.objects.create(name="Island"), "Rui", Role.OWNER)
    token = invited(organization, boss, timezone.now())
    visitor = Client()
    page = visitor.post(
        reverse("organizations:invitation", args=[token]), {"name": "Fake", "email": rui.user.email.upper()}
    )
    assert "sign in first" in page.content.decode()
    assert "_auth_user_id" not in visitor.session
    with pytest.raises(Refused):
        newcomer_join(
            invitation=Invitation.objects.get(), name="Fake", email=rui.user.email, ip=None, now=timezone.now()
        )
    assert Invitation.objects.get().accepted_at is None


@pytest.mark.parametrize("ending", ["used", "revoked", "old", "unknown"])
def test_an_invitation_that_is_over_says_so_and_opens_nothing(
    organization: Organization, boss: Membership, ending: str
) -> None:
    token = invited(organization, boss, timezone.now())
    invitation = Invitation.objects.get()
    if ending == "used":
        invitation_accept(invitation=invitation, user=person(organization, "Kay").user, ip=None, now=timezone.now())
    elif ending == "revoked":
        signed_in(boss).post(reverse("organizations:invitation_back", args=[invitation.pk]))
    elif ending == "old":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    people = User.objects.count()
    url = reverse("organizations:invitation", args=[token if ending != "unknown" else "no-such"])
    for response in (Client().get(url), Client().post(url, {"name": "X", "email": "x@else.example"})):
        assert response.status_code == 404
        assert "does not work" in response.content.decode()
    assert User.objects.count() == people
    with pytest.raises(Refused):
        newcomer_join(
            invitation=Invitation(pk=invitation.pk if ending != "unknown" else 0, organization=organization),
            name="X",
            email="x@else.example",
            ip=None,
            now=timezone.now(),
        )
    assert User.objects.count() == people, "nobody is left over"


@pytest.mark.django_db(transaction=True)
def test_of_two_who_accept_at_once_one_joins() -> None:
    organization = Organization.objects.create(name="Race")
    boss = person(organization, "Boss", Role.OWNER)
    invited(organization, boss, timezone.now())
    invitation, start, outcomes = Invitation.objects.get(), threading.Barrier(4), []

    def go(number: int) -> None:
        start.wait(20)
        try:
            newcomer_join(invitation=invitation, name="N", email=f"n{number}@else.example", ip=None, now=timezone.now())
            outcomes.append("joined")
        except Refused:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=go, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["joined", "refused", "refused", "refused"]
    assert User.objects.filter(email__startswith="n").count() == 1
    assert chain_verify(organization=organization).broken == ""
    organization_delete(organization=organization)


def test_a_member_who_accepts_keeps_what_they_have(organization: Organization, boss: Membership) -> None:
    token = invited(organization, boss, timezone.now(), role=Role.VIEWER)
    invitation = invitation_by_token(token)
    assert invitation is not None
    invitation_accept(invitation=invitation, user=boss.user, ip=None, now=timezone.now())
    assert Membership.objects.get(user=boss.user).role == Role.OWNER


@pytest.mark.parametrize("where", ["organizations:invite", "organizations:member"])
def test_nobody_is_let_in_to_find_nothing(organization: Organization, boss: Membership, where: str) -> None:
    kay, team = person(organization, "Kay", Role.ADMIN), Team.objects.create(organization=organization, name="Search")
    client, url = signed_in(boss), reverse(where, args=[kay.pk] if where.endswith("member") else [])
    page = client.post(url, {"role": "viewer", "sees_balances": "on", "days": "7"}).content.decode()
    assert "Choose a team, or let them read all accounts." in page
    assert actions() == []
    for reach in ({"role": "lead", "teams": [team.pk]}, {"role": "viewer", "sees_all": "on"}, {"role": "admin"}):
        client.post(url, {**reach, "days": "7"})
    assert len(actions()) == 3


def test_invitations_say_what_they_promise_and_until_when(organization: Organization, boss: Membership) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    client = signed_in(boss)
    made = client.post(reverse("organizations:invite"), {"role": "lead", "teams": [team.pk], "days": "7"})
    listed = client.get(reverse("organizations:members"))
    for page in (made, listed):
        assert "As Team lead in Search, valid until" in " ".join(page.content.decode().split())
    (token,) = re.findall(r"/join/([\w-]+)/", made.content.decode())
    rui = person(Organization.objects.create(name="Island"), "Rui", Role.OWNER)
    Invitation.objects.update(expires_at=datetime(2099, 1, 1, 20, tzinfo=UTC))
    theirs = signed_in(rui).get(reverse("organizations:invitation", args=[token])).content.decode()
    told = theirs.replace("\N{NO-BREAK SPACE}", " ")
    assert "Reads the accounts of their teams, and may ask for a sync." in told
    assert "Teams: Search" in told
    assert "Valid until Fri 2 Jan" in told, "on the clock of where they are invited to"
    assert rui.user.email in told
    assert f"{reverse('account_logout')}?next=/join/{token}/" in theirs, "who is somebody else gets out, and back"


# --- Teams ------------------------------------------------------------------------------------------------------


def test_a_team_is_made_changed_archived_and_brought_back(organization: Organization, boss: Membership) -> None:
    kay, client = person(organization, "Kay"), signed_in(boss)
    client.post(
        reverse("organizations:team_new"),
        {"name": "Search", "colour": "s2", "cost_centre": "R-7", "members": [kay.user.pk]},
    )
    team = Team.objects.get()
    assert (team.colour, team.cost_centre, list(team.members.all())) == ("s2", "R-7", [kay.user])
    client.post(reverse("organizations:team", args=[team.pk]), {"name": "Search", "colour": "s2", "members": []})
    assert not team.members.exists()
    shelve = reverse("organizations:team_shelve", args=[team.pk])
    client.post(shelve)
    client.post(shelve)
    assert list(teams_of(organization_id=organization.pk)) == []
    assert "1 archived team" in client.get(reverse("organizations:teams")).content.decode()
    assert f'name="teams" value="{team.pk}"' not in client.get(reverse("organizations:invite")).content.decode()
    client.post(shelve, {"restore": "1"})
    assert list(teams_of(organization_id=organization.pk)) == [team]
    assert actions() == ["team.created", "team.changed", "team.archived", "team.restored"]


def test_names_of_teams_stand_once_archived_ones_included(organization: Organization, boss: Membership) -> None:
    Team.objects.create(organization=organization, name="Search", archived_at=timezone.now())
    Team.objects.create(organization=Organization.objects.create(name="Island"), name="Free")
    client = signed_in(boss)
    page = client.post(reverse("organizations:team_new"), {"name": " search ", "colour": "s1"}).content.decode()
    assert "There is a team of this name" in page
    assert client.post(reverse("organizations:team_new"), {"name": "Free", "colour": "s1"}).status_code == 302


def test_people_of_another_organization_are_put_into_no_team(organization: Organization, boss: Membership) -> None:
    other = Organization.objects.create(name="Island")
    rui, foreign = person(other, "Rui", Role.OWNER), Team.objects.create(organization=other, name="Theirs")
    client = signed_in(boss)
    client.post(reverse("organizations:team_new"), {"name": "Ours", "colour": "s1", "members": [rui.user.pk]})
    client.post(reverse("organizations:member", args=[boss.pk]), {"role": "owner", "teams": [foreign.pk]})
    assert not foreign.members.exists()
    assert not Team.objects.filter(name="Ours", members=rui.user).exists()
    member_change(
        member=boss, reach=Reach(role=Role.OWNER, teams=(foreign,)), acting=boss, by=SYSTEM, now=timezone.now()
    )
    assert not foreign.members.exists()


# --- Settings ---------------------------------------------------------------------------------------------------


def test_the_organization_gets_another_name_and_zone(organization: Organization, boss: Membership) -> None:
    client, url = signed_in(boss), reverse("organizations:settings")
    page = client.post(url, {"name": "Harbor", "reporting_zone": "Mars/Olympus"}).content.decode()
    assert "is not a time zone" in page
    client.post(url, {"name": "Harbor", "reporting_zone": "Europe/Berlin"})
    organization.refresh_from_db()
    assert (organization.name, organization.reporting_zone) == ("Harbor", "Europe/Berlin")
    client.post(url, {"name": "Harbor", "reporting_zone": "Europe/Berlin"})
    assert actions() == ["organization.changed"], "nothing changed the second time"


def test_anybody_may_make_an_organization_and_owns_it(organization: Organization, boss: Membership) -> None:
    viewer = person(organization, "Kay")
    client = signed_in(viewer)
    first = client.get(reverse("organizations:organization_new")).content.decode()
    client.post(reverse("organizations:organization_new"), {"name": "Mine", "reporting_zone": "UTC"})
    mine = Organization.objects.get(name="Mine")
    assert 'value="Asia/Taipei"' in first, "the clock of where they are is offered"
    assert Membership.objects.get(organization=mine).role == Role.OWNER
    assert "Welcome to Purser" in client.get(reverse("overview:overview")).content.decode()
