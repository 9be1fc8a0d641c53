"""Deciding routes: 1,000 teams x 20 routes x 5 targets on one core; a policy after a landing; and the route feed."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.balances.services import Place, balances_land
from dashboard.credentials.models import ProviderAccount
from dashboard.keys import api
from dashboard.keys.models import TokenScope
from dashboard.keys.services import service_token_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization, Team
from dashboard.routing.decide import Balance, Facts, Memory, Quota, decide
from dashboard.routing.document import Document, Failover, Route, Target, Tier
from dashboard.routing.services import policy_save, routes_decide_account
from providers.records import Balance as Told
from tests.benchmarks.figures import Figure

TEAMS, ROUTES, ACCOUNTS = 1_000, 20, 60
HOUR = timedelta(hours=1)
CALLS = 200


def routing() -> Iterator[Figure]:
    yield from _pure()
    yield from _stored()


def _document(team: int, accounts: list[int]) -> Document:
    routes = []
    for number in range(ROUTES):
        chosen = [accounts[(team * 7 + number * 3 + place) % len(accounts)] for place in range(5)]
        tiers = (chosen[:2], chosen[2:4], chosen[4:])
        made = tuple(Tier(targets=tuple(Target(account=one, model="m") for one in tier)) for tier in tiers)
        routes.append(Route(match=f"route-{number}", tiers=made))
    return Document(failover=Failover(balance_floors={"USD": Decimal(20)}), routes=tuple(routes))


def _pure() -> Iterator[Figure]:
    now = datetime.now(UTC)
    accounts = list(range(1, ACCOUNTS + 1))
    facts = {
        one: Facts(
            Balance(Decimal(one * 5), "USD", now, 2 * HOUR, dry_at=now + one * 8 * HOUR),
            (Quota(Decimal(one % 100), now, HOUR),),
        )
        for one in accounts
    }
    documents = [_document(team, accounts) for team in range(TEAMS)]
    known = {
        (f"route-{number}", f"{one}:first:m"): Memory("runway", now - HOUR) for number in range(5) for one in (9, 10)
    }
    best = min(
        _seconds(lambda: [decide(document=one, facts=facts, known=known, now=now) for one in documents])
        for _ in range(3)
    )
    yield Figure("routing: 1,000 teams x 20 routes x 5 targets decided", best, "s", 2)


def _seconds(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def _stored() -> Iterator[Figure]:
    """200 teams over 60 accounts; 20 of them are touched by the landing of one account."""
    now = timezone.now()
    organization = Organization.objects.create(name="Routing")
    accounts = [
        ProviderAccount.objects.create(organization=organization, provider_slug="openai", label=f"a{number}")
        for number in range(ACCOUNTS)
    ]
    for one in accounts:
        _land(one, Decimal(100), now)
    teams = [Team.objects.create(organization=organization, name=f"Team {number}") for number in range(200)]
    for number, team in enumerate(teams):
        near = [accounts[(number + step) % ACCOUNTS].pk for step in range(6)]
        document = _document(number, near)
        policy_save(organization=organization, team=team, document=document, based_on=0, note="", by=SYSTEM, now=now)
    quiet, moving = [], []
    for number in range(20):
        for amount, times in ((Decimal(99), quiet), (Decimal(1), moving), (Decimal(100), [])):
            _land(accounts[number], amount, now)
            began = time.perf_counter()
            routes_decide_account(account_id=accounts[number].pk, now=now)
            times.append(1000 * (time.perf_counter() - began))
    yield Figure("routing: 20 policies after a landing that says nothing new, median", sorted(quiet)[10], "ms", 50)
    yield Figure(
        "routing: 20 policies x 20 routes that all change with a landing, median", sorted(moving)[10], "ms", None
    )
    yield from _feed(organization, teams[0])


def _feed(organization: Organization, team: Team) -> Iterator[Figure]:
    api.CALLS = 10 * CALLS  # what is measured is the answer, not the refusal
    _token, secret = service_token_create(
        organization=organization, name="Gateway", scopes=[TokenScope.ROUTES_READ], account=None, lifetime=None, by=SYSTEM,
        now=timezone.now(),
    )  # fmt: skip
    client, url = Client(SERVER_NAME="localhost"), reverse("api:routes", args=[team.pk])
    headers = {"Authorization": f"Bearer {secret}"}
    times = []
    for _ in range(CALLS):
        began = time.perf_counter()
        assert client.get(url, headers=headers).status_code == 200
        times.append(1000 * (time.perf_counter() - began))
    yield Figure("routing: the feed of a team, p95 warm", sorted(times[10:])[int(0.95 * (CALLS - 10))], "ms", 10)


def _land(account: ProviderAccount, amount: Decimal, now: datetime) -> None:
    place = Place(organization_id=account.organization_id, account_id=account.pk, credential_id=None, interval=HOUR)
    balances_land(place=place, balances=[Told(name="Wallet", kind="prepaid", amount=amount, unit="USD")], now=now)
