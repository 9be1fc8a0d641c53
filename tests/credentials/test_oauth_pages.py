"""The pages of a sign-in: who may, what they show, and answers that belong to nobody's sign-in."""

import html
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.credentials.models import LoginStatus, OAuthClient, OAuthGrant, OAuthLogin, ProviderCredential
from dashboard.credentials.oauth.services import login_cancel
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import Membership, Organization, Role, User
from providers.registry import PROVIDERS
from providers.simulator.sign_in import SECRET
from tests.credentials.signing_in import OPEN_VALUES, advance, app_of, begun, desk_of, page, rows, signed_in
from tests.providers.simulated import SimulatedWire

WITH_APPS = sorted(slug for slug, one in PROVIDERS.items() if one.oauth_apps)
BEGIN = {"way": "browser", **OPEN_VALUES["gitlab-duo"], "client_id": "sim-app"}


@pytest.fixture
def mei(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


@pytest.fixture
def live(simulator: SimulatedWire) -> SimulatedWire:
    """Pages read the clock: so does the simulator here."""
    simulator.now = timezone.now()
    return simulator


def url(name: str, *args: Any) -> str:
    return reverse(f"credentials:{name}", args=args)


def words(response: Any) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode())))


# --- The form -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_the_connect_form_offers_to_sign_in_where_a_provider_has_that(mei: Client, slug: str) -> None:
    told = page(mei, "connect_form", slug)
    assert (url("oauth_begin", slug) in told) == (slug in WITH_APPS)
    assert mei.get(url("oauth_begin", slug)).status_code == (200 if slug in WITH_APPS else 404)
    assert mei.get(url("oauth_callback", slug)).status_code == (302 if slug in WITH_APPS else 404)


@pytest.mark.parametrize("slug", WITH_APPS)
def test_whoever_registers_an_app_is_told_how(mei: Client, settings: Settings, slug: str) -> None:
    settings.BASE_URL = "https://purser.example"
    told = page(mei, "oauth_begin", slug)
    assert f"https://purser.example{url('oauth_callback', slug)}" in told
    site = {"github-copilot": "github.com", "gitlab-duo": "gitlab.com"}[slug]
    assert f"Register it at {site}" in told
    assert "optional" not in told.partition("Client id of your app")[2].partition("<input")[0], "none is saved yet"
    for app in PROVIDERS[slug].oauth_apps:
        assert app.register_path in told


@pytest.mark.parametrize("slug", WITH_APPS)
@pytest.mark.parametrize("language", ["zh-hant", "zh-hans"])
def test_whoever_registers_an_app_is_told_how_in_their_language(
    mei: Client, organization: Organization, owner: User, now: datetime, slug: str, language: str
) -> None:
    mei.post("/language/", {"language": language})
    app = app_of(organization, owner, slug, now)
    steps = [step for one in PROVIDERS[slug].oauth_apps for step in one.steps]
    for told in (page(mei, "oauth_begin", slug), page(mei, "oauth_client", app.pk)):
        assert not [step for step in steps if step in told]


def test_the_steps_of_another_way_stand_under_its_name(mei: Client) -> None:
    told = page(mei, "oauth_begin", "gitlab-duo")
    assert ">With a code, on another device</h3>" in told
    assert ">Billing of an organization</h3>" not in page(mei, "oauth_begin", "github-copilot"), "one app does for both"


def test_an_app_is_asked_for_once_at_each_address(mei: Client, organization: Organization) -> None:
    begin = url("oauth_begin", "gitlab-duo")
    assert "empty keeps the one that is stored" not in page(mei, "oauth_begin", "gitlab-duo"), "there is none"
    empty = {**BEGIN, "client_id": ""}
    assert "No app is saved for https://gitlab.com yet" in words(mei.post(begin, empty))
    assert not OAuthLogin.objects.exists()
    data = {**BEGIN, "client_id": "sim-a-confidential", "client_secret": SECRET, "label": "Harbor"}
    assert mei.post(begin, data).status_code == 302
    client = OAuthClient.objects.get()
    assert (client.site, client.client_id, client.has_secret, client.opened()) == (
        "https://gitlab.com",
        "sim-a-confidential",
        True,
        SECRET,
    )
    assert mei.post(begin, empty).status_code == 302, "now it is known"
    elsewhere = {**empty, "instance_url": "https://git.harbor.example"}
    assert "No app is saved for https://git.harbor.example yet" in words(mei.post(begin, elsewhere))
    for told in (page(mei, "oauth_begin", "gitlab-duo"), page(mei, "oauth_client", client.pk), *rows()):
        assert SECRET not in told
    assert "sim-a-confidential" in page(mei, "oauth_begin", "gitlab-duo")
    assert "empty keeps the one that is stored" in page(mei, "oauth_begin", "gitlab-duo")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"client_id": "Iv1.b507a08c87ecfe98"}, "the client id of another product"),
        ({"client_id": "Ov23li8tweQw6odWQebz"}, "the client id of another product"),
        ({"client_id": "a b"}, "has no spaces"),
        ({"way": "member"}, "This way is off"),
        ({"way": "nobody"}, "Select a valid choice"),
        ({"api_host": "https://evil.example"}, "The API host is https://api.github.com"),
        ({"client_id": "x" * 201}, "at most 200"),
    ],
)
def test_what_cannot_begin_says_why(mei: Client, db: None, change: dict[str, str], told: str) -> None:
    data = {"way": "billing", "client_id": "sim-app", **OPEN_VALUES["github-copilot"], **change}
    response = mei.post(url("oauth_begin", "github-copilot"), data)
    assert response.status_code == 200
    assert told in words(response)
    assert not OAuthLogin.objects.exists()
    assert not OAuthClient.objects.exists()


def test_a_way_that_is_off_by_default_can_be_chosen(mei: Client, db: None) -> None:
    data = {"way": "member", "client_id": "sim-app", **OPEN_VALUES["github-copilot"], "personal_quota": "on"}
    assert mei.post(url("oauth_begin", "github-copilot"), data).status_code == 302
    assert OAuthLogin.objects.get().app == "member"


def test_a_wrong_secret_field_is_not_rendered_back(mei: Client, db: None) -> None:
    data = {**BEGIN, "client_id": "a b", "client_secret": "CANARY-secret"}
    assert "CANARY" not in mei.post(url("oauth_begin", "gitlab-duo"), data).content.decode()


def test_an_account_of_another_organization_is_not_chosen(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    other = Organization.objects.create(name="Island")
    foreign = signed_in(other, owner, live, "gitlab-duo")
    mei.post(url("oauth_begin", "gitlab-duo"), {**BEGIN, "same_account": str(foreign.account_id)})
    assert not OAuthLogin.objects.filter(account=foreign.account).exists()


# --- With a code --------------------------------------------------------------------------------------------------


def test_a_code_is_shown_with_its_link_and_the_page_follows(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    login = begun(organization, owner, "github-copilot", live.now)
    here = url("oauth_login", login.pk)
    assert 'hx-trigger="every 2s"' in page(mei, "oauth_login", login.pk)
    desk_of(live, "github-copilot").interval = 7
    advance(login, live.now)
    told = page(mei, "oauth_login", login.pk)
    assert f'id="user_code">{login.user_code}<' in told
    assert 'data-copy="user_code"' in told
    assert 'href="https://github.com/login/device"' in told
    assert f'hx-get="{here}"' in told
    assert 'hx-trigger="every 7s"' in told
    assert login.opened() not in told
    desk_of(live, "github-copilot").slow_down()
    advance(login, live.now + timedelta(seconds=7))
    assert 'hx-trigger="every 12s"' in page(mei, "oauth_login", login.pk)
    desk_of(live, "github-copilot").approve(login.user_code)
    live.now += timedelta(seconds=19)
    advance(login, live.now)
    response = mei.get(here)
    assert "harbor-labs" in words(response)
    assert "hx-trigger" not in response.content.decode().partition('id="sign_in"')[2].partition("</section>")[0]
    assert "no-store" in response["Cache-Control"]
    done = mei.post(url("oauth_accept", login.pk))
    credential = ProviderCredential.objects.get()
    assert done["Location"] == url("check", credential.pk)
    assert "Renewed by itself before it ends" in words(mei.get(done["Location"]))
    assert url("check", credential.pk) in page(mei, "oauth_login", login.pk)
    again = mei.post(url("oauth_accept", login.pk), follow=True)
    assert "nothing to connect any more" in words(again)
    assert ProviderCredential.objects.count() == 1


def test_an_expired_code_offers_a_new_one(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    login = begun(organization, owner, "github-copilot", live.now)
    advance(login, live.now)
    OAuthLogin.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    told = page(mei, "oauth_login", login.pk)
    assert "The code has expired" in told
    assert "Nothing was connected." in told
    assert login.user_code not in told
    assert "Get a new code" in told
    assert "hx-trigger" not in told.partition('id="sign_in"')[2].partition("</section>")[0]
    new = mei.post(url("oauth_restart", login.pk))
    fresh = OAuthLogin.objects.get(status=LoginStatus.STARTING)
    assert new["Location"] == url("oauth_login", fresh.pk)


def test_not_this_one(mei: Client, organization: Organization, owner: User, live: SimulatedWire) -> None:
    login = begun(organization, owner, "gitlab-duo", live.now)
    advance(login, live.now)
    desk_of(live, "gitlab-duo").approve(login.user_code)
    advance(login, live.now + timedelta(seconds=5))
    assert "Not this one" in page(mei, "oauth_login", login.pk)
    mei.post(url("oauth_cancel", login.pk))
    login.refresh_from_db()
    assert (login.status, login.opened()) == (LoginStatus.CANCELLED, "")
    assert "Try again" in page(mei, "oauth_login", login.pk)
    assert not ProviderCredential.objects.exists()


def test_what_a_remote_says_is_escaped(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    login = begun(organization, owner, "gitlab-duo", live.now)
    OAuthLogin.objects.update(
        status=LoginStatus.WAITING,
        user_code="<b>X</b>",
        verification_url='https://gitlab.com/"><script>',
        next_poll_at=None,
    )
    told = page(mei, "oauth_login", login.pk)
    assert "<b>X" not in told
    assert '"><script>' not in told


# --- In the browser -----------------------------------------------------------------------------------------------


def gone_away(client: Client, live: SimulatedWire) -> tuple[OAuthLogin, dict[str, str]]:
    """Begun and sent to the provider: (login, the query that went along)."""
    login = OAuthLogin.objects.get(pk=client.post(url("oauth_begin", "gitlab-duo"), BEGIN)["Location"].split("/")[-2])
    assert (
        "form-action 'self' https://gitlab.com;" in client.get(url("oauth_login", login.pk))["Content-Security-Policy"]
    )
    there = client.post(url("oauth_go", login.pk))["Location"]
    assert there.startswith("https://gitlab.com/oauth/authorize?")
    return login, {name: values[0] for name, values in parse_qs(urlsplit(there).query).items()}


def agreed(live: SimulatedWire, asked: dict[str, str]) -> dict[str, str]:
    """The person agrees: the query that the provider sends back."""
    told = desk_of(live, "gitlab-duo").answer("GET", "/oauth/authorize", asked, live.now)
    assert told is not None
    return {name: values[0] for name, values in parse_qs(urlsplit(told[2]).query).items()}


def come_back(client: Client, query: dict[str, str]) -> Any:
    return client.get(url("oauth_callback", "gitlab-duo"), query)


def refused(client: Client, query: dict[str, str]) -> bool:
    response = come_back(client, query)
    assert response.status_code == 302
    assert "?" not in response["Location"], "the address with the code is left"
    return "belongs to no sign-in" in words(client.get(response["Location"]))


def test_there_and_back_again(mei: Client, owner: User, live: SimulatedWire, settings: Settings) -> None:
    settings.BASE_URL = "https://purser.example"
    login, asked = gone_away(mei, live)
    assert asked["redirect_uri"] == f"https://purser.example{url('oauth_callback', 'gitlab-duo')}"
    assert asked["code_challenge_method"] == "S256"
    assert asked["scope"] == "read_api"
    back = agreed(live, asked)
    response = come_back(mei, back)
    assert response["Location"] == url("oauth_login", login.pk)
    assert "no-store" in response["Cache-Control"]
    advance(login, timezone.now())
    assert login.status == LoginStatus.APPROVED, login.message
    mei.post(url("oauth_accept", login.pk))
    assert OAuthGrant.objects.get().may_refresh
    text = "".join(rows())
    assert back["code"] not in text
    assert back["state"] not in text


def test_the_host_header_decides_nothing(mei: Client, live: SimulatedWire, settings: Settings) -> None:
    settings.BASE_URL = "https://purser.example"
    settings.ALLOWED_HOSTS = ["*"]
    login = OAuthLogin.objects.get(
        pk=mei.post(url("oauth_begin", "gitlab-duo"), BEGIN, headers={"host": "evil.example"})["Location"].split("/")[
            -2
        ]
    )
    there = mei.post(url("oauth_go", login.pk), headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
    assert "evil.example" not in there["Location"]


def test_an_answer_counts_once(mei: Client, live: SimulatedWire) -> None:
    login, asked = gone_away(mei, live)
    back = agreed(live, asked)
    come_back(mei, back)
    assert refused(mei, back)
    advance(login, timezone.now())
    assert login.status == LoginStatus.APPROVED
    assert refused(mei, back)
    login.refresh_from_db()
    assert login.status == LoginStatus.APPROVED
    assert desk_of(live, "gitlab-duo").calls == {"authorization_code": 1}


@pytest.mark.parametrize("change", [{"state": "forged"}, {"state": ""}, {"state": "x" * 5_000}, {"code": "x" * 5_000}])
def test_a_forged_answer_is_refused_and_the_sign_in_waits_on(
    mei: Client, live: SimulatedWire, change: dict[str, str]
) -> None:
    login, asked = gone_away(mei, live)
    back = agreed(live, asked)
    assert refused(mei, {**back, **change})
    assert refused(mei, {"error": "access_denied", "state": "forged"})
    login.refresh_from_db()
    assert login.status == LoginStatus.WAITING
    assert come_back(mei, back)["Location"] == url("oauth_login", login.pk)


def test_an_answer_in_another_browser_of_the_same_person_is_refused(
    mei: Client, owner: User, live: SimulatedWire
) -> None:
    _, asked = gone_away(mei, live)
    other = Client()
    other.force_login(owner)
    assert refused(other, agreed(live, asked))


def test_an_answer_for_another_person_or_organization_is_refused(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    login, asked = gone_away(mei, live)
    back = agreed(live, asked)
    kay = User.objects.create_user("kay@harbor.example", name="Kay")
    Membership.objects.create(organization=organization, user=kay, role=Role.OWNER)
    theirs = Client()
    theirs.force_login(kay)
    session = theirs.session
    session["oauth:gitlab-duo"] = login.pk
    session.save()
    assert refused(theirs, back)
    island = Organization.objects.create(name="Island")
    Membership.objects.create(organization=island, user=owner, role=Role.OWNER)
    mei.post(reverse("organizations:choose", args=[island.pk]))
    assert refused(mei, back)
    login.refresh_from_db()
    assert login.status == LoginStatus.WAITING
    for name in ("oauth_login", "oauth_go", "oauth_accept", "oauth_cancel", "oauth_restart"):
        for stranger in (theirs, mei):
            assert stranger.post(url(name, login.pk)).status_code in (404, 405)
            assert stranger.get(url(name, login.pk)).status_code in (404, 405)


def test_an_answer_that_comes_too_late_or_to_a_cancelled_sign_in_is_refused(
    mei: Client, owner: User, live: SimulatedWire
) -> None:
    _, asked = gone_away(mei, live)
    OAuthLogin.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert refused(mei, agreed(live, asked))
    login, asked = gone_away(mei, live)
    login_cancel(login=login, by=Actor(user=owner), now=timezone.now())
    assert refused(mei, agreed(live, asked))


def test_the_answer_of_an_earlier_going_is_refused(mei: Client, live: SimulatedWire) -> None:
    """Going twice makes a new state and verifier: the first answer fits no more."""
    login, first = gone_away(mei, live)
    second = mei.post(url("oauth_go", login.pk))["Location"]
    assert refused(mei, agreed(live, first))
    asked = {name: values[0] for name, values in parse_qs(urlsplit(second).query).items()}
    assert come_back(mei, agreed(live, asked))["Location"] == url("oauth_login", login.pk)


def test_a_no_at_the_provider_is_told(mei: Client, live: SimulatedWire) -> None:
    login, asked = gone_away(mei, live)
    come_back(mei, {"error": "access_denied", "error_description": "CANARY", "state": asked["state"]})
    response = mei.get(url("oauth_login", login.pk))
    assert "Refused at gitlab.com" in words(response)
    assert "Nothing was connected." in words(response)
    assert "CANARY" not in words(response)


def test_a_code_of_somebody_else_opens_nothing(mei: Client, live: SimulatedWire) -> None:
    """A code that was injected does not fit our verifier."""
    login, asked = gone_away(mei, live)
    injected = agreed(live, {**asked, "code_challenge": "other"})
    come_back(mei, injected)
    advance(login, timezone.now())
    assert (login.status, login.opened()) == (LoginStatus.FAILED, "")


# --- Signing in again ---------------------------------------------------------------------------------------------


def test_one_press_signs_in_again(mei: Client, organization: Organization, owner: User, live: SimulatedWire) -> None:
    credential = signed_in(organization, owner, live, "github-copilot")
    account = url("account", credential.account_id)
    assert "Sign in again" not in words(mei.get(account))
    OAuthGrant.objects.update(ended_at=timezone.now(), may_refresh=False, message="It is over.")
    assert "Sign in again" in words(mei.get(account))
    told = mei.get(url("check", credential.pk))
    assert "It is over." in words(told)
    action = url("oauth_again", credential.pk)
    assert f'action="{action}"' in told.content.decode()
    begun_again = mei.post(action, {"way": OAuthGrant.objects.get().app})
    login = OAuthLogin.objects.get(status=LoginStatus.STARTING)
    assert begun_again["Location"] == url("oauth_login", login.pk)
    assert login.credential == credential
    advance(login, timezone.now())
    desk_of(live, "github-copilot").approve(login.user_code)
    live.now = timezone.now() + timedelta(seconds=5)
    advance(login, live.now)
    mei.post(url("oauth_accept", login.pk))
    assert OAuthGrant.objects.get().ended_at is None
    assert "Sign in again" not in words(mei.get(account))


def test_a_key_that_was_pasted_can_be_signed_in_for(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    credential = signed_in(organization, owner, live, "gitlab-duo")
    OAuthGrant.objects.all().delete()
    OAuthClient.objects.all().delete()
    response = mei.post(url("oauth_again", credential.pk), {"way": "device"})
    assert "No app is saved for https://gitlab.com yet" in words(response)
    assert mei.post(url("oauth_again", credential.pk), {"way": "device", "client_id": "sim-b"}).status_code == 302
    assert OAuthLogin.objects.get(status=LoginStatus.STARTING).credential == credential


def test_an_app_says_who_was_signed_in_with_it(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire
) -> None:
    signed_in(organization, owner, live, "gitlab-duo")
    assert "1 key came from signing in with it." in page(mei, "oauth_client", OAuthClient.objects.get().pk)
    OAuthGrant.objects.all().delete()
    assert "No key came from signing in with it." in page(mei, "oauth_client", OAuthClient.objects.get().pk)


def test_an_app_is_changed_and_forgotten(
    mei: Client, organization: Organization, owner: User, live: SimulatedWire, now: datetime
) -> None:
    client = app_of(organization, owner, "gitlab-duo", now, client_secret=SECRET)
    assert SECRET not in page(mei, "oauth_client", client.pk)
    assert "A secret is stored" in page(mei, "oauth_client", client.pk)
    assert "empty keeps the one that is stored" in page(mei, "oauth_client", client.pk)
    mei.post(url("oauth_client", client.pk), {"client_id": "sim-new", "client_secret": ""})
    client.refresh_from_db()
    assert (client.client_id, client.has_secret) == ("sim-new", False)
    assert "empty keeps the one that is stored" not in page(mei, "oauth_client", client.pk)
    mei.post(url("oauth_client_out", client.pk))
    assert not OAuthClient.objects.exists()


def test_nobody_below_an_admin_signs_in_anything(
    organization: Organization, owner: User, live: SimulatedWire, now: datetime
) -> None:
    client = app_of(organization, owner, "gitlab-duo", now)
    credential = signed_in(organization, owner, live, "gitlab-duo")
    login = OAuthLogin.objects.latest("pk")
    for role in (Role.LEAD, Role.VIEWER):
        user = User.objects.create_user(f"{role}@harbor.example")
        Membership.objects.create(organization=organization, user=user, role=role, sees_all=True)
        theirs = Client()
        theirs.force_login(user)
        for there in (
            url("oauth_begin", "gitlab-duo"),
            url("oauth_again", credential.pk),
            url("oauth_login", login.pk),
            url("oauth_client", client.pk),
            url("oauth_callback", "gitlab-duo"),
        ):
            assert theirs.get(there).status_code == 403


def test_an_app_of_another_organization_is_not_there(
    mei: Client, organization: Organization, owner: User, now: datetime
) -> None:
    island = Organization.objects.create(name="Island")
    foreign = app_of(island, owner, "gitlab-duo", now)
    for name in ("oauth_client", "oauth_client_out"):
        assert mei.post(url(name, foreign.pk), {"client_id": "mine"}).status_code == 404
    assert "No app is saved" in words(mei.post(url("oauth_begin", "gitlab-duo"), {**BEGIN, "client_id": ""}))
    foreign.refresh_from_db()
    assert foreign.client_id == "sim-app"


def test_how_often_somebody_may_begin_is_limited(mei: Client, db: None) -> None:
    answers = [mei.post(url("oauth_begin", "gitlab-duo"), BEGIN).status_code for _ in range(31)]
    assert answers[:30] == [302] * 30
    assert answers[30] == 429


# --- Pasted files -------------------------------------------------------------------------------------------------


def test_a_pasted_file_leaves_its_token_and_what_it_says(mei: Client, db: None) -> None:
    from tests.providers.test_credential_files import ENDS, codex, jwt

    token, account = jwt(exp=ENDS), "6f1d0b52-0000-4000-8000-000000000042"
    whole = codex(access_token=token, refresh_token="rt-CANARY", account_id=account)
    needed = {
        field.name: field.default or field.choices[-1][0]
        for field in PROVIDERS["chatgpt-codex"].fields
        if field.kind == "choice"
    }
    data = {**needed, "access_token": whole, "label": "Mine"}
    response = mei.post(url("connect_form", "chatgpt-codex"), data)
    assert response.status_code == 302, words(response)
    credential = ProviderCredential.objects.get()
    assert credential.unlocked().values["access_token"] == token
    assert credential.settings["account_id"] == account
    assert OAuthGrant.objects.get().source == "paste"
    assert "CANARY" not in "".join(rows())
    assert "Pasted" in words(mei.get(url("check", credential.pk)))


@pytest.mark.parametrize("text", ['{"CANARY": 1}', '{"CANARY"', '{"tokens": {"access_token": "CANARY CANARY"}}'])
def test_another_file_is_refused_and_not_rendered_back(mei: Client, db: None, text: str) -> None:
    told = mei.post(url("connect_form", "chatgpt-codex"), {"access_token": text}).content.decode()
    assert "auth.json of the Codex CLI" in html.unescape(told)
    assert "CANARY" not in told
    assert not ProviderCredential.objects.exists()


def test_the_credentials_file_of_claude_code_is_refused_with_the_reason(mei: Client, db: None) -> None:
    told = PROVIDERS["claude-subscription"]
    name = next(field.name for field in told.fields if "{" in field.wrong_starts)
    pasted = '{"claudeAiOauth":{"accessToken":"sk-ant-oat01-CANARY"}}'
    response = mei.post(url("connect_form", "claude-subscription"), {name: pasted})
    assert told.field(name).wrong_starts["{"][:40] in words(response)
    assert "CANARY" not in response.content.decode()
