"""The providers pages: what the registry declares, for everybody of the organization, searched and filtered without a
script; and the accounts that the reader may see."""

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.credentials.catalog_pages import PROTOCOLS
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, Team, User
from providers.catalog import catalog
from providers.registry import PROVIDERS
from providers.spec import Endpoint, NotOffered

pytestmark = pytest.mark.usefixtures("signed_in")

LIST = "/providers/"


def viewer(organization: Organization, *, sees_all: bool = False) -> Client:
    user = User.objects.create_user("vic@harbor.example", name="Vic")
    Membership.objects.create(organization=organization, user=user, role=Role.VIEWER, sees_all=sees_all)
    client = Client()
    client.force_login(user)
    return client


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"(?s)<svg\b.*?</svg>|<[^>]+>", " ", page)))


def shown(client: Client, query: str = "") -> list[str]:
    """The slugs of the rows."""
    response = client.get(LIST + query)
    assert response.status_code == 200
    return re.findall(r'id="provider-([\w-]+)"', response.content.decode())


def test_every_provider_has_a_row_with_its_six_words(client: Client) -> None:
    page = client.get(LIST).content.decode()
    assert shown(client) == [entry.slug for entry in catalog(PROVIDERS)]
    for entry in catalog(PROVIDERS):
        row = re.search(rf'(?s)<tr id="provider-{entry.slug}".*?</tr>', page)
        assert row
        told = re.findall(
            r'<td>\s*<span class="st[^>]*>.*?<span class="max-xl:sr-only">([^<]+)</span>', row[0], re.DOTALL
        )
        assert [word.lower().replace(" ", "_") for word in told] == [one.status for one in entry.told]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?q=DEEP", {"deepinfra", "deepseek"}),
        ("?q=kimi", {"moonshot"}),
        ("?tells=cost&tells=keys", None),
        ("?q=openr&tells=balance", {"openrouter"}),
        ("?tells=prophecy", "all"),
        ("?q=%20%20", "all"),
        ("?q=" + "x" * 500, set()),
        ("?q=%3Cscript%3E", set()),
    ],
)
def test_search_and_filter_need_no_script(client: Client, query: str, expected: object) -> None:
    found = set(shown(client, query))
    if expected is None:
        expected = {
            slug
            for slug, provider in PROVIDERS.items()
            if all(isinstance(provider.endpoint(name), Endpoint) for name in ("cost", "keys"))
        }
        assert expected
    assert found == (set(PROVIDERS) if expected == "all" else expected)


def test_what_was_asked_stays_in_the_form_and_is_escaped(client: Client) -> None:
    page = client.get(LIST, {"q": '"><b>', "tells": "cost"}).content.decode()
    assert 'value="&quot;&gt;&lt;b&gt;"' in page
    assert re.search(r'value="cost" checked', page)
    assert not re.search(r'value="keys" checked', page)
    assert "No provider fits" in page


def test_accounts_are_counted_as_far_as_the_reader_sees(client: Client, organization: Organization) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    for label, owner_team in (("Mine", team), ("Theirs", None)):
        ProviderAccount.objects.create(
            organization=organization, provider_slug="deepseek", label=label, team=owner_team
        )
    elsewhere = Organization.objects.create(name="Island Labs")
    ProviderAccount.objects.create(organization=elsewhere, provider_slug="deepseek", label="Foreign")
    narrow = viewer(organization)
    team.members.add(User.objects.get(email="vic@harbor.example"))
    for who, count, labels in ((client, 2, {"Mine", "Theirs"}), (narrow, 1, {"Mine"})):
        row = re.search(r'(?s)<tr id="provider-deepseek".*?</tr>', who.get(LIST).content.decode())
        assert row
        assert re.search(r'<td class="num">\s*(\d+)', row[0])[1] == str(count)  # type: ignore[index]
        page = words_of(who.get("/providers/deepseek/").content.decode())
        assert {label for label in ("Mine", "Theirs", "Foreign") if label in page} == labels


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_a_provider_page_says_all_that_is_declared(client: Client, slug: str) -> None:
    provider = PROVIDERS[slug]
    page = client.get(reverse("credentials:provider_detail", args=[slug])).content.decode()
    told = words_of(page)
    for endpoint in provider.capabilities.values():
        if isinstance(endpoint, NotOffered):
            assert endpoint.reason in told
            assert endpoint.fallback in told
        else:
            assert endpoint.estimated in told
            for url in re.findall(r"https?://[^\s;,)]+", endpoint.source):
                assert f'href="{html.escape(url.rstrip(".:"))}"' in page
    for field in provider.fields:
        assert field.label in told
        assert re.sub(r"\s+", " ", field.help) in told
        assert all(scope in told for scope in field.scopes)
    for base in provider.base_urls:
        assert base.url in told
    assert told.count(" backup ") == sum(base.backup for base in provider.base_urls)
    assert str(PROTOCOLS[provider.wire_protocol]) in told
    assert f'href="{reverse("credentials:connect_form", args=[slug])}"' in page


def test_readers_who_may_not_connect_see_no_button_for_it(organization: Organization) -> None:
    client = viewer(organization, sees_all=True)
    for url in (LIST, "/providers/deepseek/"):
        page = client.get(url).content.decode()
        assert reverse("credentials:connect_form", args=["deepseek"]) not in page
        assert f'href="{reverse("credentials:connect")}"' not in page


def test_an_unknown_provider_is_not_found(client: Client) -> None:
    assert client.get("/providers/prophet/").status_code == 404


def test_the_sidebar_leads_here_and_marks_the_place(client: Client) -> None:
    for url in (LIST, "/providers/deepseek/"):
        marked = re.findall(
            r'<a class="nav-item" href="([^"]+)"[^>]* aria-current="page"', client.get(url).content.decode()
        )
        assert set(marked) == {LIST}
    accounts = client.get(reverse("credentials:account_list")).content.decode()
    assert re.findall(r'<a class="nav-item" href="([^"]+)"[^>]* aria-current="page"', accounts) == ["/accounts/"]


def test_what_a_capability_needs_is_said_in_one_language(client: Client, owner: User) -> None:
    page = words_of(client.get("/providers/openrouter/").content.decode())
    assert "Needs: Management key or Inference key." in page
    assert "No history." in page
    owner.language = "zh-hant"
    owner.save(update_fields=["language"])
    page = words_of(client.get("/providers/openrouter/").content.decode())
    assert "需要：管理金鑰或推論金鑰。" in page
    assert "2026年" in page
    assert "Management 金鑰" not in page
    assert "。 不含歷史" not in page, "Chinese sentences stand without a space between them"
