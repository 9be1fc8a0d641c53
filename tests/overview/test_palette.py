"""The command palette: what it finds for whom, and what that costs."""

import html
import re

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import connection
from django.http import HttpResponse
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.core.context import PLACES
from dashboard.core.undo import message_with_undo
from dashboard.credentials.described.services import described_create
from dashboard.credentials.models import DescribedProvider, ProviderAccount
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Membership, Organization, Role, Team, TeamMembership, User
from dashboard.organizations.scope import scope_of
from dashboard.overview.palette import palette_view
from dashboard.routing.document import Document
from dashboard.routing.services import policy_save
from providers.presets import presets
from tests.overview.test_pages import furnish

FRAGMENT = {"HX-Request": "true"}


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def asked(client: Client, words: str = "", **headers: str) -> str:
    response = client.get(reverse("overview:palette"), {"q": words}, headers=headers)
    assert response.status_code == 200
    return response.content.decode()


def titles(fragment: str) -> list[str]:
    """What the options say, in their order."""
    options = re.findall(
        r'(?s)role="option".*?<span class="min-w-0 truncate">(.*?)</span>\s*<span class="end">', fragment
    )
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", " ", one)).split()) for one in options]


@pytest.fixture
def accounts(organization: Organization, owner: User) -> list[ProviderAccount]:
    made = furnish(organization, timezone.now(), 6)
    for number, account in enumerate(made):
        ProviderAccount.objects.filter(pk=account.pk).update(label=f"Wallet {number}")
    return made


def test_the_dialog_gets_a_fragment_and_the_link_a_page(owner: User) -> None:
    client = client_of(owner)
    fragment, page = asked(client, **FRAGMENT), asked(client)
    assert "<html" not in fragment
    assert 'role="listbox"' in fragment
    assert "<html" in page
    assert "HX-Request" in client.get(reverse("overview:palette"))["Vary"]


def test_the_demo_is_found_until_one_has_it(owner: User, settings: Settings) -> None:
    """Whoever connected an account first has no welcome page any more."""
    settings.SIMULATOR_URL = ""
    assert "Look at the demo" not in titles(asked(client_of(owner), "demo", **FRAGMENT))
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    assert titles(asked(client_of(owner), "demo", **FRAGMENT)) == ["Look at the demo"]
    client_of(owner).post(reverse("overview:demo_add"))
    assert "Look at the demo" not in titles(asked(client_of(owner), "demo", **FRAGMENT))


def test_without_words_the_first_of_each_group_are_seen(owner: User, accounts: list[ProviderAccount]) -> None:
    found = titles(asked(client_of(owner), **FRAGMENT))
    assert sum("Wallet" in title for title in found) == 4, "those that run dry soonest"
    assert found[4:6] == ["Sync now", "Connect a provider"]
    assert found.index("Overview") == 9
    assert {"Currency and rates", "Billed against estimated", "Profile and security"} <= set(found[9:])
    assert "Sign out" not in found
    assert titles(asked(client_of(owner), "sign out", **FRAGMENT)) == ["Sign out"]


def test_an_account_shows_its_balance_and_its_runway_or_its_state(owner: User, accounts: list[ProviderAccount]) -> None:
    fragment = asked(client_of(owner), "wallet 1", **FRAGMENT)
    assert "$" in fragment
    without = ProviderAccount.objects.create(
        organization=accounts[0].organization, provider_slug="deepseek", label="Dry"
    )
    told = asked(client_of(owner), "deepseek dry", **FRAGMENT)
    assert reverse("credentials:account", args=[without.pk]) in told
    assert "Waiting" in told


def test_an_owner_finds_people_teams_providers_and_places(owner: User, organization: Organization) -> None:
    team = Team.objects.create(organization=organization, name="研究團隊")
    described_create(organization=organization, document=dict(presets()["relay_key"]), by=SYSTEM, now=timezone.now())
    client, member = client_of(owner), Membership.objects.get(user=owner)
    for words, url in (
        ("mei lin", reverse("organizations:member", args=[member.pk])),
        ("團隊", reverse("organizations:team", args=[team.pk])),
        ("deepsee", reverse("credentials:provider_detail", args=["deepseek"])),
        ("audit", reverse("organizations:audit_log")),
        ("sign out", reverse("account_logout")),
    ):
        assert url in asked(client, words, **FRAGMENT), words
    own = DescribedProvider.objects.get()
    assert reverse("credentials:provider_detail", args=[own.slug]) in asked(client, own.name, **FRAGMENT)


def test_places_are_found_by_their_english_name_too(owner: User) -> None:
    User.objects.filter(pk=owner.pk).update(language="zh-hant")
    assert reverse("organizations:audit_log") in asked(client_of(owner), "audit", **FRAGMENT)


def test_a_lead_finds_the_accounts_of_the_teams_alone(
    organization: Organization, accounts: list[ProviderAccount]
) -> None:
    lead = User.objects.create_user("lee@harbor.example", name="Lee")
    Membership.objects.create(organization=organization, user=lead, role=Role.LEAD)
    team = Team.objects.create(organization=organization, name="Search")
    team.members.add(lead)
    ProviderAccount.objects.filter(pk=accounts[2].pk).update(team=team)
    for words in ("wallet", ""):
        fragment = asked(client_of(lead), words, **FRAGMENT)
        assert [title for title in titles(fragment) if "Wallet" in title] == [f"{accounts[2].provider_name} Wallet 2"]
        assert "$" not in fragment, "balances are not shared with this lead"
        assert "Connect a provider" not in fragment
        assert reverse("organizations:audit_log") not in fragment
    # Pages that a lead may not open are not offered either.
    for words in ("search", "mei", "lee@"):
        assert not re.findall(r'href="/(?:teams|members)/\d', asked(client_of(lead), words, **FRAGMENT)), words


def test_nothing_of_another_organization_is_found(owner: User, accounts: list[ProviderAccount]) -> None:
    other = Organization.objects.create(name="Island Labs")
    rui = User.objects.create_user("rui@island.example", name="Rui")
    Membership.objects.create(organization=other, user=rui, role=Role.OWNER)
    for words in ("wallet", "mei", "harbor"):
        assert "Wallet" not in asked(client_of(rui), words, **FRAGMENT)
        assert "Mei" not in asked(client_of(rui), words, **FRAGMENT)


def test_nothing_found_is_said_in_words(owner: User) -> None:
    for headers in (FRAGMENT, {}):
        assert "Nothing is called “zzqx”" in html.unescape(asked(client_of(owner), "zzqx", **headers))


@pytest.mark.parametrize("words", ["<script>alert(1)</script>", "\0", "%", "\\", "'; DROP", "x" * 5000, "ﷺ" * 90])
def test_whatever_is_typed_is_only_words(owner: User, words: str) -> None:
    for headers in (FRAGMENT, {}):
        assert "<script>alert" not in asked(client_of(owner), words, **headers)


@pytest.mark.parametrize("words", ["", "wallet", "e"])
def test_it_takes_at_most_four_statements_however_much_there_is(
    owner: User, organization: Organization, accounts: list[ProviderAccount], words: str
) -> None:
    described_create(organization=organization, document=dict(presets()["relay_key"]), by=SYSTEM, now=timezone.now())
    ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Wallet without")
    membership = Membership.objects.select_related("organization", "user").get(user=owner)
    with CaptureQueriesContext(connection) as captured:
        palette_view(
            scope=scope_of(membership), membership=membership, memberships=[membership], words=words, now=timezone.now()
        )
    assert len(captured) <= 4, [one["sql"][:90] for one in captured]


def test_a_place_is_written_once(owner: User) -> None:
    page = client_of(owner).get(reverse("overview:palette")).content.decode()
    sidebar, below, more = (
        re.search(pattern, page, re.DOTALL)
        for pattern in (r"<aside.*?</aside>", r'<nav class="tabbar.*?</nav>', r'<dialog class="side".*?</dialog>')
    )
    assert sidebar and below and more
    for place in PLACES:
        assert f'href="{place.url}"' in sidebar[0], place.name
        assert (f'href="{place.url}"' in below[0]) != (f'href="{place.url}"' in more[0]), place.name


def test_keys_of_places_are_their_own() -> None:
    keys = [place.keys for place in PLACES if place.keys]
    assert len(keys) == len(set(keys)) == len(PLACES)


def test_a_message_may_be_taken_back(rf: RequestFactory) -> None:
    request = rf.get("/")
    SessionMiddleware(lambda _: HttpResponse()).process_request(request)
    MessageMiddleware(lambda _: HttpResponse()).process_request(request)
    message_with_undo(request, "Archived.", undo="/teams/1/archive/")
    toasts = render_to_string("components/_toasts.html", {"messages": get_messages(request)}, request)
    shown, _, template = toasts.partition("<template")
    assert 'action="/teams/1/archive/"' in shown
    assert "Archived." in shown
    assert "Undo" in template


def test_spend_keys_tokens_and_rules_are_a_word_away(owner: User, organization: Organization) -> None:
    client = client_of(owner)
    for words, title in (
        ("alloc", "Allocation rules"),
        ("make an alloc", "Make an allocation rule"),
        ("make a key", "Make a key at a provider"),
        ("service tok", "Service tokens"),
        ("make a service", "Make a service token"),
        ("spend", "Spend"),
        ("keys", "Keys"),
        ("routing", "Routing"),
    ):
        assert any(found.startswith(title) for found in titles(asked(client, words, **FRAGMENT))), words
    viewer = User.objects.create_user("ann@harbor.example", name="Ann")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER, sees_all=True)
    for words in ("alloc", "make a key", "service tok"):
        assert not titles(asked(client_of(viewer), words, **FRAGMENT)), "what one may not do is not found"


def test_each_policy_that_one_may_see_is_found_with_its_what_if(owner: User, organization: Organization) -> None:
    teams = [Team.objects.create(organization=organization, name=name) for name in ("Blue", "Green")]
    now = timezone.now()
    made = [
        policy_save(
            organization=organization, team=team, document=Document(), based_on=0, note="", by=SYSTEM, now=now
        ).policy_id
        for team in (None, *teams)
    ]
    found = asked(client_of(owner), "routes of", **FRAGMENT)
    for policy in made:
        assert f'href="{reverse("routing:policy", args=[policy])}"' in found
        assert f'href="{reverse("routing:policy", args=[policy])}#what-if"' in asked(
            client_of(owner), "what if", **FRAGMENT
        )
    viewer = User.objects.create_user("ann@harbor.example", name="Ann")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)
    TeamMembership.objects.create(team=teams[0], user=viewer)
    theirs = " ".join(titles(asked(client_of(viewer), "routes of", **FRAGMENT)))
    assert "Blue" in theirs
    assert organization.name in theirs
    assert "Green" not in theirs
