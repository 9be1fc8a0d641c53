"""The route feed: what it says, whom it answers, and that it says the same in the same bytes."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.api import api_document
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ServiceToken, TokenScope
from dashboard.keys.services import service_token_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization, Team
from dashboard.routing.services import routes_decide_account
from tests.routing.routing_world import account, document, land, saved


@pytest.fixture
def team(organization: Organization) -> Team:
    return Team.objects.create(organization=organization, name="Search")


@pytest.fixture
def two(organization: Organization) -> list[ProviderAccount]:
    made = [account(organization, label) for label in ("First", "Second")]
    for one in made:
        land(one, "100", timezone.now())
    return made


def token(organization: Organization, scope: str = TokenScope.ROUTES_READ, **more: Any) -> str:
    made, secret = service_token_create(
        organization=organization, name="Gateway", scopes=[scope], account=None, lifetime=None, by=SYSTEM,
        now=timezone.now(),
    )  # fmt: skip
    ServiceToken.objects.filter(pk=made.pk).update(**more)
    return secret


def ask(secret: str, team: object, **headers: str) -> Any:
    told = {"Authorization": f"Bearer {secret}", **headers}
    return Client().get(reverse("api:routes", args=[str(team)]), headers=told)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_the_feed_tells_the_order_with_reasons(
    organization: Organization, team: Team, two: list[ProviderAccount]
) -> None:
    now = timezone.now()
    saved(organization, document([two[0]], [two[1]]), now, team=team)
    land(two[0], "0.42", now)
    routes_decide_account(account_id=two[0].pk, now=now)
    answer = ask(token(organization), team.pk)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["team"], told["policy"], told["revision"]) == (team.pk, "team", 1)
    (route,) = told["routes"]
    assert (route["match"], route["kind"], route["dead_end"]) == ("chat", "alias", False)
    carrying, passed = route["targets"]
    assert (carrying["place"], carrying["account"], carrying["state"], carrying["share"]) == (
        1, two[1].pk, "in_use", 100,
    )  # fmt: skip
    assert (passed["place"], passed["code"]) == (None, "balance")
    assert passed["reason"] == "Passed over: balance $0.42 USD under the floor of $5.00 USD"


def test_who_knows_it_already_is_told_so(organization: Organization, team: Team, two: list[ProviderAccount]) -> None:
    now, secret = timezone.now(), token(organization)
    saved(organization, document([two[0]], [two[1]]), now)
    answer = ask(secret, team.pk)
    etag = answer["ETag"]
    assert etag.startswith('"')
    again = ask(secret, team.pk, **{"If-None-Match": f'"other", {etag}'})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)
    assert ask(secret, team.pk).content == answer.content
    land(two[0], "1", now)
    routes_decide_account(account_id=two[0].pk, now=now)
    changed = ask(secret, team.pk, **{"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed["ETag"] != etag


def test_the_feed_speaks_english_whoever_asks(
    organization: Organization, team: Team, two: list[ProviderAccount]
) -> None:
    saved(organization, document([two[0]]), timezone.now())
    secret = token(organization)
    plain = ask(secret, team.pk).content
    assert ask(secret, team.pk, **{"Accept-Language": "zh-hant"}).content == plain
    assert json.loads(plain)["routes"][0]["targets"][0]["reason"] == "In use"


def test_whom_the_feed_answers(organization: Organization, team: Team, two: list[ProviderAccount]) -> None:
    other = Team.objects.create(organization=organization, name="Support")
    theirs = Team.objects.create(organization=Organization.objects.create(name="Island Labs"), name="Search")
    secret = token(organization)
    assert problem(ask(secret, team.pk)) == (404, "no_routes")
    saved(organization, document([two[0]]), timezone.now())
    for unknown in (theirs.pk, 0, "Search", "9" * 30, "²"):
        assert problem(ask(secret, unknown)) == (404, "no_such_team")
    assert ask(secret, "organization").json()["policy"] == "organization"
    bound = token(organization, team=team)
    assert ask(bound, team.pk).status_code == 200
    assert problem(ask(bound, other.pk)) == (404, "no_such_team")
    assert problem(ask(bound, "organization")) == (403, "token_of_one_team")
    assert problem(ask(token(organization, account=two[0]), team.pk)) == (403, "token_of_one_account")
    assert problem(ask(token(organization, TokenScope.USAGE_WRITE), team.pk)) == (403, "insufficient_scope")
    assert ask("nothing", team.pk).status_code == 401
    Team.objects.filter(pk=team.pk).update(archived_at=timezone.now())
    assert problem(ask(secret, team.pk)) == (404, "no_such_team")


def test_the_feed_stands_in_the_openapi_document(db: None) -> None:
    told = api_document("https://purser.example")
    answers = told["paths"]["/api/v1/routes/{team}"]["get"]["responses"]
    assert set(map(str, answers)) == {"200", "304", "401", "403", "404", "429"}
    assert {"Feed", "FeedRoute", "FeedTarget"} <= set(told["components"]["schemas"])


def test_the_feed_takes_few_statements(
    organization: Organization, team: Team, two: list[ProviderAccount], django_assert_max_num_queries: Any
) -> None:
    saved(organization, document([two[0]], [two[1]]), timezone.now())
    secret = token(organization)
    ask(secret, team.pk)
    with django_assert_max_num_queries(2):  # whose token it is, and which policy counts
        ask(secret, team.pk)


def test_the_clock_does_not_change_the_feed(
    organization: Organization, team: Team, two: list[ProviderAccount], now: datetime
) -> None:
    policy = saved(organization, document([two[0]], [two[1]]), timezone.now())
    before = ask(token(organization), team.pk)["ETag"]
    policy.refresh_from_db()
    routes_decide_account(account_id=two[0].pk, now=timezone.now())
    assert ask(token(organization), team.pk)["ETag"] == before
