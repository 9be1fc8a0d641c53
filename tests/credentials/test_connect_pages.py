"""The grid of providers without a script, the connect form, and what a check of a key says."""

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.selectors import warning_words
from dashboard.credentials.verdicts import check_result
from dashboard.organizations.models import Membership, Organization, Role, User
from providers.registry import PROVIDERS
from providers.spec import Endpoint

pytestmark = pytest.mark.usefixtures("signed_in")

GRID = "/connect/"


def names(page: str) -> set[str]:
    return set(re.findall(r'data-provider="([^"]+)"', page))


def focused(page: str) -> list[str]:
    """The fields of the form that take the focus."""
    form = re.search(r'(?s)<form class="panel" id="connect-form".*?</form>', page)
    assert form
    return re.findall(r'name="(\w+)"[^>]* autofocus', form[0])


def credential(slug: str, organization: Organization, now: datetime, **values: object) -> ProviderCredential:
    account = ProviderAccount.objects.create(organization=organization, provider_slug=slug, label="Main")
    return ProviderCredential.objects.create(
        organization=organization, account=account, created_at=now, secrets_changed_at=now, **values
    )


def test_the_grid_filters_without_a_script(client: Client) -> None:
    page = client.get(GRID, {"q": "open", "tells": "balance"}).content.decode()
    wanted = {
        one.name
        for one in PROVIDERS.values()
        if "open" in one.name.lower() and isinstance(one.endpoint("balance"), Endpoint)
    }
    assert names(page) == wanted
    assert f"{len(wanted)} of {len(PROVIDERS)}" in page
    assert re.search(r'value="balance" checked', page)
    assert not re.search(r'value="cost" checked', page)


def test_every_provider_stands_under_one_kind_of_account(client: Client) -> None:
    page = client.get(GRID).content.decode()
    found = dict(re.findall(r"(?s)<section[^>]* data-provider-group>\s*<h2[^>]*>([^<]+)</h2>(.*?)</section>", page))
    assert list(found) == ["Prepaid and pay as you go", "Seats and subscriptions", "Your own servers"]
    assert "vLLM" in names(found["Your own servers"])
    assert "GitLab Duo" in names(found["Seats and subscriptions"])
    assert sum(len(names(group)) for group in found.values()) == len(PROVIDERS)


def test_who_may_not_connect_is_led_to_what_a_provider_tells(organization: Organization) -> None:
    user = User.objects.create_user("vic@harbor.example", name="Vic")
    Membership.objects.create(organization=organization, user=user, role=Role.VIEWER, sees_all=True)
    client = Client()
    client.force_login(user)
    page = client.get(GRID).content.decode()
    assert reverse("credentials:provider_detail", args=["deepseek"]) in page
    assert reverse("credentials:connect_form", args=["deepseek"]) not in page


def test_keys_of_the_environment_are_offered_on_the_grid(client: Client, settings: Any) -> None:
    settings.PROVIDER_KEYS = {"DEEPSEEK_API_KEY": "sk-canary-of-the-environment"}
    page = client.get(GRID).content.decode()
    assert "DEEPSEEK_API_KEY" in page
    assert "canary" not in page


def test_the_form_begins_in_its_first_field_and_goes_to_the_wrong_one(client: Client) -> None:
    url = reverse("credentials:connect_form", args=["openai"])
    assert focused(client.get(url).content.decode()) == ["admin_key"]
    page = client.post(url, {"inference_key": "has a space"}).content.decode()
    assert focused(page) == ["inference_key"]
    assert "Not done yet: see the marked fields." in page


def test_the_form_says_which_key_tells_what_where_there_are_several(client: Client) -> None:
    page = client.get(reverse("credentials:connect_form", args=["openai"])).content.decode()
    assert "Enter at least one key or token." in page
    assert "With: Inference key" in page
    page = client.get(reverse("credentials:connect_form", args=["deepseek"])).content.decode()
    assert "With:" not in page
    page = client.get(reverse("credentials:connect_form", args=["github-copilot"])).content.decode()
    assert "With: Billing token or Member" in page, "in the order of the form, and keys alone"


@pytest.mark.parametrize(
    ("verdict", "slug", "step", "leads"),
    [
        ("valid", "deepseek", "", False),
        ("refused", "deepseek", "Open DeepSeek and make the right key", True),
        ("unheard_of", "deepseek", "Open DeepSeek and make the right key", True),
        ("missing_scope", "openai", "Open OpenAI and allow what is missing", True),
        ("unreachable", "deepseek", "A firewall or proxy may be in the way", False),
        ("unreachable", "vllm", "Start the server or correct its address", False),
        ("not_understood", "deepseek", "Nothing to do for now", False),
        ("signed_out", "gitlab-duo", "Sign in again", True),
        ("signed_out", "moonshot", "Enter a new key", True),
    ],
)
def test_each_verdict_names_one_next_step(
    organization: Organization, now: datetime, verdict: str, slug: str, step: str, leads: bool
) -> None:
    one = credential(slug, organization, now, state=CredentialState.ACTIVE, check_verdict=verdict)
    found = check_result(one)
    assert found is not None
    assert found["next_step"].startswith(step)
    assert bool(found["next_step"]) is bool(step)
    assert bool(found["url"]) is leads


def test_nothing_is_said_while_a_key_is_checked(organization: Organization, now: datetime) -> None:
    one = credential("deepseek", organization, now, state=CredentialState.CHECKING, check_verdict="refused")
    assert check_result(one) is None


def test_other_values_are_folded_away_as_long_as_a_key_works(
    client: Client, organization: Organization, now: datetime
) -> None:
    one = credential("deepseek", organization, now, state=CredentialState.ACTIVE, check_verdict="valid")
    url = reverse("credentials:check", args=[one.pk])
    folded = r'<details class="panel" id="replace" >'
    assert re.search(folded, client.get(url).content.decode())
    ProviderCredential.objects.update(check_verdict="unreachable")
    assert re.search(folded, client.get(url).content.decode()), "nobody judged the key"
    ProviderCredential.objects.update(check_verdict="refused")
    page = client.get(url).content.decode()
    assert not re.search(folded, page)
    assert page.index('id="check_panel"') < page.index('id="replace"') < page.index('id="h-life"'), "the remedy first"


def test_the_step_of_a_key_that_is_signed_out_is_a_page_of_purser(organization: Organization, now: datetime) -> None:
    one = credential("gitlab-duo", organization, now, state=CredentialState.REFUSED, check_verdict="signed_out")
    found = check_result(one)
    assert found is not None
    assert (found["here"], found["url"]) == (True, reverse("credentials:oauth_again", args=[one.pk]))
    other = credential("moonshot", organization, now, state=CredentialState.REFUSED, check_verdict="signed_out")
    assert (check_result(other) or {})["url"] == "#replace"


def test_a_key_that_was_never_checked_says_so(client: Client, organization: Organization, now: datetime) -> None:
    one = credential("deepseek", organization, now, state=CredentialState.ACTIVE)
    page = client.get(reverse("credentials:check", args=[one.pk])).content.decode()
    assert "Not checked</p>" in page
    assert "Check now" in page
    assert "Check again" not in page


def test_what_a_key_may_do_is_told_once_and_not_beside_a_refusal(
    client: Client, organization: Organization, now: datetime
) -> None:
    one = credential(
        "openrouter",
        organization,
        now,
        state=CredentialState.ACTIVE,
        check_verdict="valid",
        secret_hints={"management_key": "7f3a"},
        warnings=["can_manage_keys", "expires_soon"],
    )
    said = warning_words(one)
    assert len(said) == 2, "the provider's own words stand for those of the check"
    url = reverse("credentials:check", args=[one.pk])
    assert said[1] in client.get(url).content.decode()
    ProviderCredential.objects.update(check_verdict="refused")
    assert said[1] not in client.get(url).content.decode()
