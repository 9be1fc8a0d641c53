"""The pages of people as they stand: ours everywhere, telling each reader what is theirs to know."""

import re
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.template.loader import get_template
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.organizations.models import Membership, Organization, Role, Team, TeamMembership, User
from dashboard.organizations.scope import RIGHTS, Access, allows, role_rights
from dashboard.organizations.sign_in.urls import sign_in_urls

Settings = Any


def member(organization: Organization, name: str, role: Role = Role.VIEWER, **more: bool) -> Membership:
    user = User.objects.create_user(f"{name.lower()}@harbor.example", name=name)
    return Membership.objects.create(organization=organization, user=user, role=role, **more)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def told(client: Client, name: str, query: str = "") -> str:
    return re.sub(r"\s+", " ", client.get(reverse(name) + query).content.decode())


# --- Every page of signing in is ours ---------------------------------------------------------------------------

PLAIN = [door.name for door in sign_in_urls if "<" not in str(door.pattern)]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("known", [False, True])
def test_no_page_of_signing_in_is_the_librarys(owner: User, settings: Settings, name: str, known: bool) -> None:
    """Their layers that only hand on are allowed: each of them ends in a layout of ours."""
    client = signed_in(owner) if known else Client()
    answer = client.get(reverse(name))
    used = [template.origin.name for template in getattr(answer, "templates", []) if template.origin is not None]
    own = str(Path(settings.BASE_DIR) / "templates")
    foreign = [path for path in used if not path.startswith(own) and not Path(path).name.startswith("base_")]
    assert [path for path in foreign if path.endswith(".html") and "/django/" not in path] == []


def test_a_password_manager_knows_which_password_is_asked_for(client: Client, owner: User) -> None:
    assert re.search(r'type="password"[^>]*autocomplete="current-password"', told(client, "account_login"))
    assert re.search(r'name="login"[^>]*autocomplete="username"', told(client, "account_login"))
    page = told(signed_in(owner), "account_set_password")
    assert len(re.findall(r'autocomplete="new-password"', page)) == 2


def test_a_passkey_is_offered_where_a_browser_can_make_one(client: Client, db: None) -> None:
    assert "Use a passkey" in client.get(reverse("account_login"), headers={"host": "localhost"}).content.decode()
    assert "Use a passkey" not in client.get(reverse("account_login"), headers={"host": "127.0.0.1"}).content.decode()


def test_pages_behind_the_profile_mark_it_in_the_navigation(owner: User) -> None:
    client = signed_in(owner)
    for name in ("mfa_index", "account_email", "account_set_password", "socialaccount_connections"):
        assert re.search(r'href="/profile/" aria-current="page" title="Profile', told(client, name)), name
    assert '<a href="/profile/" aria-current="page">You</a>' in told(client, "account_email")
    assert "Ways in</a>" in told(client, "account_set_password").split('href="/profile/#ways" aria-current="true">')[1]


# --- Errors -----------------------------------------------------------------------------------------------------


def test_the_page_of_our_own_failure_needs_nothing() -> None:
    """No request, no context, and no database: this test is not allowed one."""
    page = get_template("500.html").render()
    assert "Something broke on our side" in page
    assert 'href="/"' in page


def test_too_many_tries_are_told_when_they_are_over(client: Client, db: None) -> None:
    answers = [client.get("/join/x/")] + [client.post("/join/x/") for _ in range(31)]
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"] == "60"
    assert "in 1 minute at the latest" in answers[-1].content.decode()


# --- Members ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("noted_templates")
def test_how_others_sign_in_is_told_to_those_who_manage(organization: Organization, owner: User) -> None:
    kay, reader = member(organization, "Kay"), member(organization, "Rui")
    Authenticator.objects.create(user=kay.user, type=Authenticator.Type.TOTP, data={})
    Authenticator.objects.create(user=reader.user, type=Authenticator.Type.RECOVERY_CODES, data={})
    User.objects.filter(pk=kay.user_id).update(last_login=timezone.now())
    rows = signed_in(owner).get(reverse("organizations:members")).context["rows"]
    factors = {row["user"].name: row["second_factor"] for row in rows}
    assert factors == {"Mei Lin": False, "Kay": True, "Rui": False}, "recovery codes alone are none"
    seen = {row["user"].name: row["seen"] is not None for row in rows}
    assert seen == {"Mei Lin": True, "Kay": True, "Rui": False}
    page = told(signed_in(reader.user), "organizations:members")
    assert "Kay" in page
    assert "Second factor" not in page
    assert "Last seen" not in page


@pytest.mark.usefixtures("noted_templates")
def test_the_members_of_one_team(organization: Organization, owner: User) -> None:
    kay, team = member(organization, "Kay"), Team.objects.create(organization=organization, name="Search")
    TeamMembership.objects.create(team=team, user=kay.user)
    foreign = Team.objects.create(organization=Organization.objects.create(name="Other"), name="Theirs")
    client = signed_in(owner)
    page = client.get(reverse("organizations:members") + f"?team={team.pk}")
    assert [row["user"] for row in page.context["rows"]] == [kay.user]
    for odd in (foreign.pk, "x", "9" * 30):
        assert len(client.get(reverse("organizations:members") + f"?team={odd}").context["rows"]) == 2
    assert f"?team={team.pk}" in told(client, "organizations:teams")


def test_many_members_take_no_more_statements(
    organization: Organization, owner: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        member(organization, f"P{number}")
    client = signed_in(owner)
    client.get(reverse("healthz"))  # once in five minutes it is noted that the person was here
    with django_assert_max_num_queries(9):
        client.get(reverse("organizations:members"))


def test_what_a_role_may_do_is_what_the_rules_say(organization: Organization) -> None:
    people = {role: member(organization, role.value, role) for role in Role}
    for (_words, access), row in zip(RIGHTS, role_rights()["rows"], strict=True):
        for role, cell in zip(Role, row["cells"], strict=True):
            least, most = people[role], Membership(role=role, sees_all=True, sees_balances=True)
            if cell == "given":
                assert access in (Access.READ, Access.READ_BALANCES)
                assert allows(access, most)
                assert not least.may_manage
            else:
                assert allows(access, least) is allows(access, most) is (cell == "yes")


def test_a_role_is_explained_where_it_is_chosen(organization: Organization, owner: User) -> None:
    page = told(signed_in(owner), "organizations:invite")
    assert page.count('type="radio" name="role"') == len(Role)
    assert "may ask for a sync" in page


def test_a_new_team_gets_a_colour_that_is_free(organization: Organization, owner: User) -> None:
    Team.objects.create(organization=organization, name="One", colour="s1")
    Team.objects.create(organization=organization, name="Three", colour="s3")
    page = told(signed_in(owner), "organizations:team_new")
    assert re.search(r'value="s2"[^>]*checked', page)


# --- The audit log ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("noted_templates")
def test_each_filter_can_be_taken_away_by_itself(owner: User) -> None:
    page = signed_in(owner).get(reverse("organizations:audit_log") + "?q=a&group=team&first=2026-11-01&before=9")
    assert [(chip["label"], chip["without"]) for chip in page.context["chips"]] == [
        ("Search", "?group=team&first=2026-11-01"),
        ("Kind of change", "?q=a&first=2026-11-01"),
        ("From", "?q=a&group=team"),
    ]


def test_the_log_is_read_day_by_day_on_the_organizations_clock(organization: Organization, owner: User) -> None:
    client = signed_in(owner)
    page = told(client, "organizations:audit_log")
    assert "<b>Mei Lin</b> signed in" in page
    local = organization.local(timezone.now())
    assert f"{local:%a} {local.day} {local:%b} {local.year}" in page
