"""Service tokens: shown once, kept as a digest, made, rotated and revoked by those who may."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dashboard.core.problems import Problem
from dashboard.keys.api import ServiceBearer
from dashboard.keys.models import ServiceToken, TokenScope
from dashboard.keys.selectors import service_token_by_secret, service_token_rows
from dashboard.keys.services import service_token_create, service_token_revoke, service_token_rotate, service_token_used
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.audit.log import WORDS
from dashboard.organizations.models import AuditEvent, Membership, Organization, Role, Team, User
from dashboard.organizations.services import Refused
from tests.usage.intake_world import account_of, token_of

NEW = reverse("keys:service_token_new")
LIST = reverse("keys:service_tokens")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture
def mei(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def shown(page: str) -> str:
    (secret,) = re.findall(r'id="secret">\s*([^<\s]+)', page)
    return str(secret)


def make(client: Client, **more: Any) -> str:
    return shown(
        client.post(NEW, {"name": "LiteLLM", "scopes": ["usage:write"], "days": "90", **more}).content.decode()
    )


def test_a_token_is_shown_once_and_kept_as_a_digest(mei: Client, organization: Organization) -> None:
    answer = mei.post(NEW, {"name": "LiteLLM", "scopes": ["usage:write"], "days": "90"})
    secret = shown(answer.content.decode())
    assert "no-store" in answer["Cache-Control"]
    assert len(secret) > 50
    token = ServiceToken.objects.get()
    assert (token.organization, token.name, token.scopes) == (organization, "LiteLLM", ["usage:write"])
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)
    rest = secret.removeprefix(token.prefix)
    assert len(rest) > 40
    events = str(list(AuditEvent.objects.values()))
    assert "service_token.created" in events
    for place in (str(ServiceToken.objects.values().get()), events, mei.get(LIST).content.decode()):
        assert rest not in place
    assert token.prefix in mei.get(LIST).content.decode()
    assert service_token_by_secret(secret) == token


def test_only_the_whole_secret_is_the_token(organization: Organization) -> None:
    token, secret = token_of(organization)
    other, elsewhere = token_of(organization)
    wrong = [
        "",
        token.prefix,
        secret[:-1],
        secret + "x",
        secret.swapcase(),
        token.secret_digest,
        f"{token.prefix}_{token.secret_digest}",
        token.prefix + elsewhere.removeprefix(other.prefix),
        f"{secret}\n",
        "purser_0000000000_" + "x" * 43,
        "\x00",
        "é",
    ]
    assert [text for text in wrong if service_token_by_secret(text) is not None] == []
    assert service_token_by_secret(secret) == token


def test_rotating_ends_the_old_secret_and_starts_the_same_time_again(mei: Client) -> None:
    old = make(mei)
    token = ServiceToken.objects.get()
    ServiceToken.objects.update(created_at=token.created_at - 80 * DAY, expires_at=token.expires_at - 80 * DAY)  # type: ignore[operator]
    new = shown(mei.post(reverse("keys:service_token_again", args=[token.pk])).content.decode())
    assert new != old
    assert service_token_by_secret(old) is None
    assert service_token_by_secret(new) == token
    token.refresh_from_db()
    assert token.expires_at is not None
    assert timedelta(days=89) < token.expires_at - timezone.now() <= timedelta(days=90)
    event = AuditEvent.objects.get(action="service_token.rotated")
    assert event.changes["secret"] == [None, "replaced"]
    assert new.removeprefix(token.prefix) not in str(event.changes)


def test_a_token_without_an_end_stays_without_one(organization: Organization, now: datetime) -> None:
    token, _secret = token_of(organization, now=now)
    service_token_rotate(token=token, by=SYSTEM, now=now + DAY)
    token.refresh_from_db()
    assert token.expires_at is None
    assert token.state(now + 10_000 * DAY) == "active"


def test_a_revoked_token_stays_revoked_and_on_the_list(mei: Client) -> None:
    make(mei)
    token = ServiceToken.objects.get()
    mei.post(reverse("keys:service_token_out", args=[token.pk]), {"word": "another"})
    assert ServiceToken.objects.get().revoked_at is None, "its name is typed, whatever the browser says"
    for _ in range(2):
        mei.post(reverse("keys:service_token_out", args=[token.pk]), {"word": token.name})
    token.refresh_from_db()
    first = token.revoked_at
    assert first is not None
    assert AuditEvent.objects.filter(action="service_token.revoked").count() == 1, "the second click did nothing"
    page = mei.post(reverse("keys:service_token_again", args=[token.pk]), follow=True).content.decode()
    assert "stays revoked" in page
    assert "Revoked" in mei.get(LIST).content.decode()
    with pytest.raises(Refused):
        service_token_rotate(token=token, by=SYSTEM, now=timezone.now())


def test_states_follow_the_clock(organization: Organization, now: datetime) -> None:
    token, _secret = token_of(organization, lifetime=DAY, now=now)
    gone, _secret = token_of(organization, now=now)
    service_token_revoke(token=gone, by=SYSTEM, now=now)
    at = now + DAY
    assert token.state(at - timedelta.resolution) == "active"
    assert token.state(at) == "expired"
    told = [(row["token"], row["state"]) for row in service_token_rows(organization_id=organization.pk, now=at)]
    assert told == [(token, "expired"), (gone, "revoked")], "what may still be used comes first"


def test_the_last_use_is_written_once_a_minute(organization: Organization, now: datetime) -> None:
    token, _secret = token_of(organization, now=now)
    for seconds, noted in ((0, 0), (59, 0), (60, 60), (119, 60), (300, 300)):
        token.refresh_from_db()
        with CaptureQueriesContext(connection) as captured:
            service_token_used(token=token, now=now + timedelta(seconds=seconds))
        assert len(captured) == (1 if seconds == noted else 0)
        token.refresh_from_db()
        assert token.last_used_at == now + timedelta(seconds=noted)
    stale = ServiceToken.objects.get(pk=token.pk)
    service_token_used(token=token, now=now + 10 * MINUTE)
    service_token_used(token=stale, now=now + 9 * MINUTE)
    token.refresh_from_db()
    assert token.last_used_at == now + 10 * MINUTE, "who read it earlier does not turn the clock back"


def test_a_token_can_be_bound_to_an_account_of_this_organization(mei: Client, organization: Organization) -> None:
    own, other = account_of(organization), account_of(Organization.objects.create(name="Island"))
    page = mei.post(NEW, {"name": "x", "scopes": ["usage:write"], "days": "0", "account": other.pk}).content.decode()
    assert not ServiceToken.objects.exists()
    assert "Select a valid choice" in page
    make(mei, account=own.pk, days="0")
    token = ServiceToken.objects.get()
    assert (token.account, token.expires_at) == (own, None)
    own.delete()
    assert not ServiceToken.objects.exists(), "a token never outlives its restriction"


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 81}, {"scopes": []}, {"scopes": ["admin"]}, {"days": "9999"}, {"days": ""}]
)
def test_a_form_with_mistakes_makes_nothing(mei: Client, wrong: dict[str, Any]) -> None:
    data = {"name": "x", "scopes": ["usage:write"], "days": "90", **wrong}
    page = mei.post(NEW, data)
    assert page.status_code == 200
    assert 'class="help errors"' in page.content.decode()
    assert not ServiceToken.objects.exists()


@pytest.mark.parametrize("role", [Role.LEAD, Role.VIEWER])
def test_readers_have_no_tokens(organization: Organization, owner: User, role: Role) -> None:
    token, secret = token_of(organization)
    person = User.objects.create_user("kay@harbor.example")
    Membership.objects.create(organization=organization, user=person, role=role, sees_all=True)
    client = Client()
    client.force_login(person)
    for name in ("keys:service_token_again", "keys:service_token_out"):
        assert client.post(reverse(name, args=[token.pk])).status_code == 403
    assert client.get(LIST).status_code == client.post(NEW, {"name": "x"}).status_code == 403
    assert client.get(reverse("usage:usage_api")).status_code == 403
    assert service_token_by_secret(secret) == token


def test_the_token_of_another_organization_does_not_exist(mei: Client) -> None:
    token, secret = token_of(Organization.objects.create(name="Island"))
    for name in ("keys:service_token_again", "keys:service_token_out"):
        assert mei.post(reverse(name, args=[token.pk])).status_code == 404
    assert token.prefix not in mei.get(LIST).content.decode()
    assert service_token_by_secret(secret) == token


def test_pages_help_when_there_is_nothing_yet(mei: Client, organization: Organization) -> None:
    assert "No service tokens yet" in mei.get(LIST).content.decode()
    assert mei.get(LIST).content.decode().count(f'href="{NEW}"') == 1
    assert "No accounts yet" in mei.get(reverse("usage:usage_api")).content.decode()
    settings = mei.get(reverse("organizations:settings")).content.decode()
    assert LIST in settings
    assert reverse("usage:usage_api") in settings


def test_a_token_is_valid_whether_or_not_it_was_used_and_says_who_is_hit(
    mei: Client, organization: Organization
) -> None:
    token_of(organization)
    told = mei.get(LIST).content.decode()
    assert "Valid" in told
    assert "never used" in told
    assert "In use" not in told
    revoking = told.partition('id="revoke-')[2]
    assert "the whole organization" in revoking
    assert "Last used" in revoking


def test_names_are_escaped_and_both_losses_ask(mei: Client) -> None:
    hostile = "<script>alert(1)</script>"
    make(mei, name=hostile)
    token, page = ServiceToken.objects.get(), mei.get(LIST).content.decode()
    assert hostile not in page
    for what in ("rotate", "revoke"):
        assert f'data-open="{what}-{token.pk}"' in page
        assert f'<dialog class="sheet ask" id="{what}-{token.pk}"' in page


def test_the_list_takes_the_same_for_few_and_many(mei: Client, organization: Organization) -> None:
    mei.get(LIST)  # once in five minutes it is noted that the person was here
    counts = set()
    for _ in range(2):
        for _ in range(5):
            token_of(organization, account_of(organization))
        with CaptureQueriesContext(connection) as captured:
            assert mei.get(LIST).status_code == 200
        counts.add(len(captured))
    assert len(counts) == 1


def test_a_token_opens_what_its_scope_says_alone(organization: Organization, rf: RequestFactory) -> None:
    """For each scope: what asks for it lets such a token in, and what asks for another one refuses it."""
    now = timezone.now()
    for scope in TokenScope:
        told = {"organization": organization, "name": scope.value, "account": None, "lifetime": DAY, "by": SYSTEM}
        token, secret = service_token_create(scopes=[scope], now=now, **told)  # type: ignore[arg-type]
        asked = rf.get("/", headers={"authorization": f"Bearer {secret}"})
        for needed in TokenScope:
            if needed == scope:
                assert ServiceBearer(needed)(asked) == token
            else:
                with pytest.raises(Problem) as refused:
                    ServiceBearer(needed)(asked)
                assert (refused.value.status, refused.value.code) == (403, "insufficient_scope")
        service_token_revoke(token=token, by=SYSTEM, now=now)
        with pytest.raises(Problem) as revoked:
            ServiceBearer(scope)(asked)
        assert revoked.value.status == 401, "at once"


def test_a_token_is_for_a_team(mei: Client, organization: Organization) -> None:
    team, account = Team.objects.create(organization=organization, name="Blue"), account_of(organization)
    stranger = Team.objects.create(organization=Organization.objects.create(name="Other"), name="Theirs")
    made = {"name": "LiteLLM", "scopes": ["routes:read", "read"], "days": "90"}
    assert mei.post(NEW, {**made, "team": stranger.pk}).status_code == 200
    page = mei.post(NEW, {**made, "team": team.pk, "account": account.pk}).content.decode()
    assert "could do nothing" in page
    assert ServiceToken.objects.count() == 0
    shown(mei.post(NEW, {**made, "team": team.pk}).content.decode())
    token = ServiceToken.objects.get()
    assert (token.team, sorted(token.scopes)) == (team, ["read", "routes:read"])
    page = mei.get(LIST).content.decode()
    assert "Blue" in page
    assert "Read routes" in page


def test_every_action_has_its_words() -> None:
    assert {f"service_token.{what}" for what in ("created", "rotated", "revoked")} <= set(WORDS)
