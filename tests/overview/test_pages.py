"""Every page for everybody: who may see what, how many queries it takes, and what it says when little is known."""

import html
import io
import itertools
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.apps import apps
from django.core.cache import caches
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard import pipeline
from dashboard.balances.models import BalanceEntry, BalanceSeries, ExchangeRate
from dashboard.balances.services import balances_land, quotas_land
from dashboard.core.context import PLACES
from dashboard.credentials.described.services import described_create
from dashboard.credentials.models import (
    CredentialState,
    DescribedProvider,
    OAuthClient,
    OAuthLogin,
    ProviderAccount,
    ProviderCredential,
)
from dashboard.credentials.services import credential_create
from dashboard.keys.models import KeyIntent, ProviderKey, ServiceToken
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import AuditEvent, Invitation, Membership, Organization, Role, Team, User
from dashboard.organizations.scope import Access, allows
from dashboard.routing.models import RoutePolicy
from dashboard.sync.checking import credential_check
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.usage.imports.services import import_upload
from dashboard.usage.models import AllocationRule, CostRecord, SpendDaily, UsageDaily, UsageImport, UsageRecord
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import cost_land, usage_land
from providers.presets import presets
from providers.records import Balance, CostBucket, Quota, UsageBucket
from providers.registry import PROVIDERS
from providers.spec import Endpoint
from tests.credentials.signing_in import begun
from tests.providers.simulated import SimulatedWire
from tests.routing.routing_world import document, saved
from tests.sync.driving import KEYS, connected, place_of, run_all, run_leased

DAY = timedelta(days=1)
CANARY = "CANARY"


# --- The cast ---------------------------------------------------------------------------------------------------


@dataclass
class Cast:
    """Four people of one organization who may read all of it, one who leads a team without accounts, an owner of
    another organization, somebody who belongs to none, and a stranger."""

    organization: Organization
    other: Organization
    people: dict[str, User]

    def membership(self, who: str) -> Membership | None:
        """Under which that person acts."""
        return Membership.objects.filter(user=self.people[who]).first() if who in self.people else None

    def client(self, who: str) -> Client:
        client = Client()
        if who != "stranger":
            client.force_login(self.people[who])
        return client


@pytest.fixture
def cast(organization: Organization, owner: User) -> Cast:
    other = Organization.objects.create(name="Island Labs")
    people = {"owner": owner}
    for role in (Role.ADMIN, Role.LEAD, Role.VIEWER):
        people[role.value] = User.objects.create_user(f"{role}@harbor.example", name=str(role.label))
        Membership.objects.create(
            organization=organization, user=people[role.value], role=role, sees_all=True, sees_balances=True
        )
    people["elsewhere"] = User.objects.create_user("kay@harbor.example", name="Kay")
    Membership.objects.create(organization=organization, user=people["elsewhere"], role=Role.LEAD, sees_balances=True)
    Team.objects.create(organization=organization, name="Elsewhere").members.add(people["elsewhere"])
    people["outsider"] = User.objects.create_user("rui@island.example", name="Rui")
    Membership.objects.create(organization=other, user=people["outsider"], role=Role.OWNER)
    people["newcomer"] = User.objects.create_user("new@nowhere.example", name="New")
    return Cast(organization, other, people)


@dataclass
class World:
    """One connected account with its ids, for the addresses of object pages."""

    cast: Cast
    account: ProviderAccount
    credential: ProviderCredential
    stream: SyncStream
    login: OAuthLogin
    invitation: Invitation
    member: Membership
    entry: BalanceEntry
    usage_import: UsageImport
    service_token: ServiceToken
    provider_key: ProviderKey
    intent: KeyIntent
    rule: AllocationRule
    policy: RoutePolicy
    rate: ExchangeRate

    def arguments(self, names: frozenset[str]) -> dict[str, Any]:
        return {name: self._known[name] for name in names}

    @cached_property
    def _known(self) -> dict[str, Any]:
        return {
            "account_id": self.account.pk,
            "credential_id": self.credential.pk,
            "stream_id": self.stream.pk,
            "login_id": self.login.pk,
            "client_id": self.login.client_id,
            "membership_id": self.member.pk,
            "team_id": Team.objects.get(name="Elsewhere").pk,
            "invitation_id": self.invitation.pk,
            "import_id": self.usage_import.pk,
            "service_token_id": self.service_token.pk,
            "provider_key_id": self.provider_key.pk,
            "intent_id": self.intent.pk,
            "operation": "delete",
            "rule_id": self.rule.pk,
            "rate_id": self.rate.pk,
            "policy_id": self.policy.pk,
            "number": 1,
            "team": "organization",
            "organization_id": self.cast.organization.pk,
            "slug": self.account.provider_slug,
            "described_id": DescribedProvider.objects.get(organization=self.cast.organization).pk,
            "part": "balance",
            "token": "no-such-token",
            "session_number": 1,
            "entry_id": self.entry.pk,
            "kind": "topup",
            "pk": 1,
            "provider_id": "sso",
        }


@pytest.fixture
def world(cast: Cast, simulator: SimulatedWire) -> World:
    account = land_balance(cast.organization, "Production", "41.5", "CNY")
    described_create(
        organization=cast.organization, document=dict(presets()["relay_key"]), by=SYSTEM, now=timezone.now()
    )
    credential = ProviderCredential.objects.get(account=account)
    invitation = Invitation.objects.create(
        organization=cast.organization, role=Role.VIEWER, token_hash="0" * 64, expires_at=timezone.now() + DAY
    )
    member = Membership.objects.get(user=cast.people["viewer"])
    entry = BalanceEntry.objects.create(
        organization=cast.organization,
        account=account,
        kind="topup",
        amount=5,
        unit="CNY",
        at=timezone.now(),
        created_at=timezone.now(),
    )
    export = import_upload(
        account=account,
        file_name="Production.csv",
        file=io.BytesIO(b"date,cost_usd\n2026-11-16,1\n"),
        by=SYSTEM,
        now=timezone.now(),
    )
    service_token = ServiceToken.objects.create(
        organization=cast.organization, name="Gateway", scopes=[], prefix="purser_0123456789", created_at=timezone.now()
    )
    provider_key = ProviderKey.objects.create(
        account=account, external_id="key_1", name="nightly", listed_at=timezone.now()
    )
    intent = KeyIntent.objects.create(
        account=account, operation="create", state="found", name="purser-1", key=provider_key, created_at=timezone.now()
    )
    login = begun(cast.organization, cast.people["owner"], "gitlab-duo", timezone.now(), way="browser")
    stream = SyncStream.objects.get(capability="balance")
    rule = AllocationRule.objects.create(
        organization=cast.organization, dimension="account", account=account, created_at=timezone.now()
    )
    # Of a team: those of the organization are everybody's.
    team = Team.objects.create(organization=cast.organization, name="Search")
    policy = saved(cast.organization, document([account]), timezone.now(), team=team)
    Organization.objects.filter(pk=cast.organization.pk).update(reporting_currency="USD")
    rate = ExchangeRate.objects.create(
        organization=cast.organization,
        source="typed",
        unit="CNY",
        currency="USD",
        day=timezone.now().date().replace(day=1),
        rate=Decimal("0.14"),
        created_at=timezone.now(),
    )
    things = (stream, login, invitation, member, entry, export, service_token, provider_key, intent, rule, policy, rate)
    return World(cast, account, credential, *things)


# --- The whole URLconf ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Address:
    """One pattern of the URLconf, with what its view says about who may come in."""

    name: str
    arguments: frozenset[str]
    access: Access | None

    @property
    def of_object(self) -> bool:
        return any(argument.endswith("_id") for argument in self.arguments)


def addresses() -> Iterator[Address]:
    """Every pattern that the resolver knows."""

    def walk(patterns: list[Any], namespaces: tuple[str, ...]) -> Iterator[Address]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
                yield from walk(pattern.url_patterns, inner)
            elif isinstance(pattern, URLPattern):
                name = ":".join((*namespaces, pattern.name or str(pattern.pattern)))
                declared = getattr(pattern.callback, "access", None)
                arguments = frozenset(pattern.pattern.converters) | frozenset(pattern.pattern.regex.groupindex)
                yield Address(name, arguments, Access(declared) if declared is not None else None)

    return walk(get_resolver().url_patterns, ())


ADDRESSES = {one.name: one for one in addresses()}
# What a POST needs in its body to mean something; without it the view would only say what is missing.
BODIES = {"credentials:connect_from_environment": {"slug": "deepseek"}}
# Where there is nothing to prove oneself with, and where single sign-on has gone wrong.
OTHER_WORDS = {
    "account_reauthenticate": {403},
    "mfa_reauthenticate": {403},
    "mfa_reauthenticate_webauthn": {403},
    "socialaccount_login_error": {401},
    "api:routes": {401},
    "api:usage_send": {401},  # to whoever is signed in as well: a cookie opens nothing there
}
PEOPLE = ("stranger", "newcomer", "outsider", "elsewhere", "viewer", "lead", "admin", "owner")


def test_every_view_says_who_may_come_in() -> None:
    assert {one.name for one in ADDRESSES.values() if one.access is None} == set()


def ask(world: World, name: str, client: Client, method: str) -> HttpResponse:
    url = reverse(name, kwargs=world.arguments(ADDRESSES[name].arguments))
    return client.post(url, BODIES.get(name)) if method == "POST" else client.get(url)  # type: ignore[return-value]


def refused(address: Address, who: str, membership: Membership | None) -> set[int] | None:
    """The statuses of which one must come, or None when that person may come in."""
    if address.access == Access.PUBLIC:
        return None
    if who == "stranger":
        return {302}
    if address.access == Access.PERSON:
        return None
    if membership is None:
        return {404}
    return None if allows(address.access or Access.OWN, membership) else {403}


def rooms() -> dict[str, list[str]]:
    """The addresses by the first part of their names, which is mostly a domain."""
    found: dict[str, list[str]] = {}
    for name in sorted(ADDRESSES):
        found.setdefault(name.partition(":")[0] if ":" in name else name.partition("_")[0], []).append(name)
    return found


@contextmanager
def taken_back(clients: dict[str, Client]) -> Iterator[None]:
    """What happens within did not: not in the database, not in the browsers, not in the counts of who did what."""
    jars, prefix = {who: copy(client.cookies) for who, client in clients.items()}, caches["default"].key_prefix
    caches["default"].key_prefix = f"{prefix}-{uuid4().hex}"
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
    caches["default"].key_prefix = prefix
    for who, client in clients.items():
        client.cookies = jars[who]


@pytest.mark.parametrize("room", rooms())
def test_everybody_gets_what_is_theirs(world: World, room: str) -> None:
    """Every address x person x method against what the view declares. `outsider` owns another organization, `elsewhere`
    leads a team of this one that owns nothing: to both, an object that is not theirs does not exist."""
    clients = {who: world.cast.client(who) for who in PEOPLE}
    memberships = {who: world.cast.membership(who) for who in PEOPLE}
    for name in rooms()[room]:
        with taken_back(clients):
            everybody_asks(world, name, clients, memberships)


def everybody_asks(
    world: World, name: str, clients: dict[str, Client], memberships: dict[str, Membership | None]
) -> None:
    address, answered = ADDRESSES[name], set[str]()
    # Those who may write come last: what they do must not change what the others get.
    for who, method in itertools.product(PEOPLE, ("GET", "POST")):
        refusal, told = refused(address, who, memberships[who]), f"{method} {name} by {who}"
        response = ask(world, name, clients[who], method)
        status = response.status_code
        if refusal is not None:
            assert status in refusal, told
            if who == "stranger":
                assert response["Location"].startswith(reverse("account_login")), told
        elif address.of_object and who in ("outsider", "elsewhere", "newcomer"):
            assert status in (404, 405) or address.access == Access.PERSON, told
        else:
            assert status in {200, 302, 404, 405, 503} | OTHER_WORDS.get(name, set()), told
            if who in ("owner", "admin", "lead", "viewer") and status != 405:
                answered.add(method)
        if who in ("outsider", "newcomer", "stranger"):
            body = b"".join(response).decode()
            assert world.account.label not in body, told
            if "token" not in address.arguments:
                assert world.cast.organization.name not in body, told
    assert answered, f"{name} answers nobody"


def test_an_outsider_changes_nothing(world: World) -> None:
    watched = (
        ProviderCredential,
        SyncStream,
        Team,
        OAuthLogin,
        OAuthClient,
        ServiceToken,
        AllocationRule,
        ExchangeRate,
        DescribedProvider,
        UsageImport,
        RoutePolicy,
    )
    before = {model: list(model.objects.order_by("pk").values()) for model in watched}
    for who in ("outsider", "elsewhere"):
        client = world.cast.client(who)
        for address in ADDRESSES.values():
            if address.of_object:
                ask(world, address.name, client, "POST")
    assert before == {model: list(model.objects.order_by("pk").values()) for model in before}
    assert User.objects.get(email="rui@island.example").current_organization_id is None


@pytest.mark.parametrize("value", ["999999999999999999999", "-1", "x", "0"])
def test_ids_that_cannot_be_are_not_found(world: World, value: str) -> None:
    client = world.cast.client("owner")
    for path in ("accounts/{}/", "credentials/{}/check/", "sync/streams/{}/", "organizations/{}/choose/"):
        for response in (client.get("/" + path.format(value)), client.post("/" + path.format(value))):
            assert response.status_code in (404, 405), path


@pytest.mark.parametrize(
    "query",
    [
        "after=x", "after=99999999999999999999", "provider=nobody", "after=-1&provider=", "sort=nobody&dir=x",
        "sort=spend&after=1~%3Dx~%3Dy", "kind=x&state=y&team=z", "q=%00", "cols=x",
    ],
)  # fmt: skip
def test_odd_queries_are_ignored(world: World, query: str) -> None:
    client = world.cast.client("viewer")
    assert client.get(f"{reverse('credentials:account_list')}?{query}").status_code == 200
    before = query.replace("after", "before")
    assert client.get(f"{reverse('credentials:account', args=[world.account.pk])}?{before}").status_code == 200


def test_readers_see_no_buttons_that_would_refuse_them(world: World) -> None:
    page = reverse("credentials:account", args=[world.account.pk])
    for url in (reverse("overview:overview"), reverse("credentials:account_list"), page):
        for who in ("lead", "viewer"):
            told = world.cast.client(who).get(url).content.decode()
            for name in ("sync:sync_all", "sync:account_sync", "sync:stream_sync", "credentials:check"):
                hidden = reverse(name, kwargs=world.arguments(ADDRESSES[name].arguments))
                shown = who == "lead" and name.startswith("sync:")
                assert (f'"{hidden}"' in told) <= shown, f"{name} on {url}"
        assert reverse("sync:sync_all") in world.cast.client("owner").get(reverse("overview:overview")).content.decode()


def test_a_person_of_two_organizations_sees_one_at_a_time(world: World) -> None:
    Membership.objects.create(organization=world.cast.other, user=world.cast.people["owner"], role=Role.VIEWER)
    client = world.cast.client("owner")
    account = reverse("credentials:account", args=[world.account.pk])
    assert client.get(account).status_code == 200
    client.post(reverse("organizations:choose", args=[world.cast.other.pk]))
    assert client.get(account).status_code == 404
    assert client.post(reverse("sync:sync_all")).status_code == 403
    client.post(reverse("organizations:choose", args=[world.cast.organization.pk]))
    assert client.get(account).status_code == 200


# --- Queries ----------------------------------------------------------------------------------------------------


def furnish(organization: Organization, now: datetime, accounts: int, models: int = 3) -> list[ProviderAccount]:
    """Accounts of all providers with balances, quotas, streams, runs, usage and cost, written without a sync."""
    made = []
    for position in range(accounts):
        slug = sorted(PROVIDERS)[position % len(PROVIDERS)]
        credential = connected(organization, slug, now)
        account = credential.account
        place = place_of(credential)
        for hours in range(30, -1, -10):
            amount = Decimal(40 + hours + position)
            wallet = Balance(name="Wallet", kind="prepaid", amount=amount, unit="USD")
            balances_land(place=place, balances=[wallet], now=now - timedelta(hours=hours))
        caps = [Quota(name=f"Cap {one}", unit="USD", used=Decimal(one), limit=Decimal(9)) for one in range(models)]
        quotas_land(place=place, quotas=caps, per_key=False, now=now)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        days = [midnight - back * DAY for back in range(5)]
        usage = [
            UsageBucket(start=day, end=day + DAY, model=f"m{one}", input_tokens=5, requests=1)
            for day in days
            for one in range(models)
        ]
        cost = [
            CostBucket(start=day, end=day + DAY, model=f"m{one}", amount=Decimal("0.5"), unit="USD")
            for day in days
            for one in range(models)
        ]
        partitions_ensure(table="usage_usagerecord", starts=days, now=now)
        partitions_ensure(table="usage_costrecord", starts=days, now=now)
        usage_land(account_id=account.pk, buckets=usage, complete=None)
        cost_land(account_id=account.pk, buckets=cost, complete=None)
        for stream in SyncStream.objects.filter(credential=credential):
            for outcome in (RunOutcome.OK, RunOutcome.RETRYABLE) * models:
                SyncRun.objects.create(
                    organization=organization, stream=stream, outcome=outcome, started_at=now, finished_at=now
                )
        made.append(account)
    SyncStream.objects.update(state=StreamState.FRESH, last_success_at=now, last_run_at=now)
    SyncStream.objects.filter(capability="models").update(state=StreamState.FAILING, message="It fails.")
    return made


def queries(client: Client, url: str) -> int:
    client.get(reverse("healthz"))  # once in five minutes it is noted that the person was here
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len([one for one in captured if not re.match(r"(SAVEPOINT|RELEASE)", one["sql"])])


def test_the_overview_takes_at_most_twelve_statements(cast: Cast) -> None:
    now, client, url = timezone.now(), cast.client("owner"), reverse("overview:overview")
    furnish(cast.organization, now, 3)
    few = queries(client, url)
    furnish(cast.organization, now, 17)
    many = queries(client, url)
    assert many <= few <= 12, "one less when no account without a balance is left to look for"


def test_the_account_list_takes_the_same_for_few_and_many(cast: Cast) -> None:
    now, client, url = timezone.now(), cast.client("owner"), reverse("credentials:account_list")
    furnish(cast.organization, now, 3)
    few = queries(client, url)
    furnish(cast.organization, now, 17)
    assert few == queries(client, url) <= 9


def test_an_account_page_takes_the_same_for_few_and_many_rows(cast: Cast) -> None:
    now, client = timezone.now(), cast.client("owner")
    small, *_ = furnish(cast.organization, now, 1)
    large, *_ = furnish(cast.organization, now, 1, models=40)
    counts = {queries(client, reverse("credentials:account", args=[one.pk])) for one in (small, large)}
    assert len(counts) == 1
    assert counts.pop() <= 16
    progress = {queries(client, reverse("credentials:sync_progress", args=[one.pk])) for one in (small, large)}
    assert len(progress) == 1


def test_the_list_goes_on_after_fifty(cast: Cast) -> None:
    for number in range(53):
        ProviderAccount.objects.create(
            organization=cast.organization, provider_slug="deepseek", label=f"Nr {number:02}"
        )
    client, url = cast.client("viewer"), reverse("credentials:account_list")
    first = client.get(url).content.decode()
    assert "Nr 49" in first
    assert "Nr 50" not in first
    (after,) = re.findall(r'rel="next" href="(\?after=[^"]+)"', first)
    rest = client.get(url + html.unescape(after)).content.decode()
    assert "Nr 49" not in rest
    assert "Nr 50" in rest
    assert "Nr 52" in rest
    assert 'rel="next"' not in rest
    assert 'rel="prev"' in rest


# --- What pages say ---------------------------------------------------------------------------------------------


def text_of(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200
    body = re.sub(r"(?s)<(script|style|svg|template)\b.*?</\1>|<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", html.unescape(body))


def every_page(client: Client, organization: Organization) -> dict[str, str]:
    """The text of all pages that show accounts."""
    urls = [reverse("overview:overview"), reverse("credentials:account_list"), reverse("credentials:connect")]
    for account in ProviderAccount.objects.filter(organization=organization):
        urls.append(reverse("credentials:connect_form", args=[account.provider_slug]))
        urls += [reverse(f"credentials:{name}", args=[account.pk]) for name in ("account", "sync_progress")]
    for credential in ProviderCredential.objects.filter(organization=organization):
        urls.append(reverse("credentials:check", args=[credential.pk]))
    return {url: text_of(client, url) for url in urls}


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_an_account_without_any_figure_says_so_in_words(cast: Cast, slug: str) -> None:
    credential_create(
        organization=cast.organization,
        provider=PROVIDERS[slug],
        values=KEYS[slug],
        label="Fresh",
        by=SYSTEM,
        now=timezone.now(),
    )
    pages = every_page(cast.client("owner"), cast.organization)
    account = ProviderAccount.objects.get()
    told = pages[reverse("overview:overview")] + pages[reverse("credentials:account", args=[account.pk])]
    offered = isinstance(PROVIDERS[slug].endpoint("balance"), Endpoint)
    assert ("No reading yet" in told) == offered
    assert ("not offered" in told.lower()) or offered
    for url, text in pages.items():
        if "/connect/" not in url:
            assert not re.search(r"(?<![\d.,])0(\.0+)? (USD|CNY|API points)\b", text), f"a made-up zero on {url}"
            assert not re.search(r"[$¥]0(\.0+)?\b", text), f"a made-up zero on {url}"


@pytest.mark.parametrize("fault", ["401", "403", "429", "500", "html", "truncated", "shape", "huge", "redirect"])
def test_a_failing_account_renders_everywhere_and_keeps_its_figure(
    cast: Cast, simulator: SimulatedWire, fault: str
) -> None:
    now = simulator.now = timezone.now()
    connected(cast.organization, "deepseek", now)
    run_all(now)
    amount = BalanceSeries.objects.get(unit="CNY").amount
    simulator.simulator.faults[("deepseek", "harbor")] = fault  # type: ignore[assignment]
    for _ in range(5):
        SyncStream.objects.exclude(state=StreamState.PAUSED).update(next_run_at=now, lease_until=None)
        ProviderCredential.objects.update(resting_until=None)
        run_all(now)
    pages = every_page(cast.client("owner"), cast.organization)
    for name, arguments in (("overview:overview", []), ("credentials:account", [ProviderAccount.objects.get().pk])):
        assert f"¥{amount:,.2f}" in pages[reverse(name, args=arguments)]
    words = SyncStream.objects.get(capability="balance").message
    assert words.split(".")[0] in pages[reverse("credentials:account", args=[ProviderAccount.objects.get().pk])]
    assert "Needs attention" in pages[reverse("overview:overview")]
    assert "Nothing needs you" not in pages[reverse("overview:overview")]


def land_balance(organization: Organization, label: str, amount: str, unit: str, **more: Any) -> ProviderAccount:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    ProviderAccount.objects.filter(pk=credential.account_id).update(label=label)
    place = place_of(credential)
    told = Balance(**{"name": "Wallet", "kind": "prepaid", "amount": Decimal(amount), "unit": unit, **more})
    balances_land(place=place, balances=[told], now=now)
    credential.account.refresh_from_db()
    return credential.account


@pytest.mark.parametrize(
    ("amount", "unit", "shown"),
    [
        ("-3.2", "USD", "−$3.20 USD"),
        ("0", "USD", "$0.00 USD"),
        ("12.5", "XTS", "12.50 XTS"),
        ("1234567", "API points", "1,234,567 API points"),
        ("1500", "JPY", "¥1,500 JPY"),
        ("0.000123", "USD", "$0.000123 USD"),
        ("98765432101234.123456789012", "USD", "$98,765,432,101,234.12 USD"),
    ],
)
def test_amounts_are_shown_with_their_unit(cast: Cast, amount: str, unit: str, shown: str) -> None:
    account = land_balance(cast.organization, "Odd", amount, unit)
    pages = every_page(cast.client("owner"), cast.organization)
    for url in (
        reverse("overview:overview"),
        reverse("credentials:account_list"),
        reverse("credentials:account", args=[account.pk]),
    ):
        assert shown in pages[url], url


def test_what_is_owed_is_called_so(cast: Cast) -> None:
    account = land_balance(cast.organization, "Billed later", "31.07", "USD", kind="owed")
    told = text_of(cast.client("viewer"), reverse("credentials:account", args=[account.pk]))
    assert "Owed" in told
    assert "$31.07 USD" in told


def test_names_from_outside_are_escaped(cast: Cast, simulator: SimulatedWire) -> None:
    hostile = "<script>alert(1)</script>\"'&"
    account = land_balance(cast.organization, hostile, "5", "USD", name=hostile)
    ProviderAccount.objects.update(external_name=hostile)
    stream = SyncStream.objects.get(capability="balance")
    SyncStream.objects.update(state=StreamState.FAILING, message=hostile)
    SyncRun.objects.create(
        organization=cast.organization,
        stream=stream,
        outcome=RunOutcome.INTERNAL,
        message=hostile,
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    client = cast.client("owner")
    for url in (
        reverse("overview:overview"),
        reverse("credentials:account_list"),
        reverse("credentials:account", args=[account.pk]),
        reverse("credentials:connect_form", args=["deepseek"]),
    ):
        assert "<script>alert" not in client.get(url).content.decode(), url


# --- Welcome ----------------------------------------------------------------------------------------------------


def test_the_welcome_page_offers_keys_of_the_environment_without_showing_them(cast: Cast, settings: Settings) -> None:
    settings.PROVIDER_KEYS = {"DEEPSEEK_API_KEY": f"sk-{CANARY}-env", "OPENAI_ADMIN_KEY": f"sk-admin-{CANARY}"}
    client = cast.client("owner")
    page = client.get(reverse("overview:overview")).content.decode()
    assert "Welcome to Purser" in page
    assert "DEEPSEEK_API_KEY" in page
    assert "OPENAI_ADMIN_KEY" in page
    assert "MOONSHOT_API_KEY" not in page
    assert CANARY not in page
    response = client.post(reverse("credentials:connect_from_environment"), {"slug": "deepseek"}, follow=True)
    assert CANARY not in response.content.decode()
    credential = ProviderCredential.objects.get()
    assert credential.unlocked().values["api_key"] == f"sk-{CANARY}-env"
    assert CANARY not in str(ProviderCredential.objects.values().get())


def test_keys_of_the_environment_are_offered_to_those_who_may_connect(cast: Cast, settings: Settings) -> None:
    settings.PROVIDER_KEYS = {"DEEPSEEK_API_KEY": "sk-x"}
    for who in ("lead", "viewer"):
        assert "DEEPSEEK_API_KEY" not in cast.client(who).get(reverse("overview:overview")).content.decode()


def test_a_key_that_is_not_in_the_environment_is_not_connected(cast: Cast, settings: Settings) -> None:
    settings.PROVIDER_KEYS = {"DEEPSEEK_API_KEY": "sk-x"}
    client = cast.client("owner")
    for slug, status in (("openai", 302), ("nobody", 404), ("", 404)):
        assert client.post(reverse("credentials:connect_from_environment"), {"slug": slug}).status_code == status
    assert not ProviderCredential.objects.exists()


def test_the_demo_is_offered_to_those_who_may_add_it(cast: Cast, settings: Settings) -> None:
    offer = f'action="{reverse("overview:demo_add")}"'
    assert offer not in cast.client("owner").get("/").content.decode(), "without a simulator there is no demo"
    settings.SIMULATOR_URL = "http://127.0.0.1:8700"
    assert offer in cast.client("owner").get("/").content.decode()
    assert offer not in cast.client("viewer").get("/").content.decode()


# --- The demo ---------------------------------------------------------------------------------------------------


def row_counts() -> dict[str, int]:
    """Rows of every table of ours; what remembers that somebody clicked is left out, as are sessions and the like."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model.__module__.startswith("dashboard.") and model is not AuditEvent
    }


def test_the_demo_comes_and_goes_whole(cast: Cast, world: World, simulator: SimulatedWire, settings: Settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:8700"
    client = cast.client("owner")
    before, balance = row_counts(), list(BalanceSeries.objects.values())
    assert client.post(reverse("overview:demo_add")).status_code == 302
    demo = Organization.objects.get(is_demo=True)
    assert set(demo.accounts.values_list("provider_slug", flat=True)) == set(PROVIDERS)
    assert Team.objects.filter(organization=demo).count() == 3
    now = simulator.now = timezone.now()
    for credential in ProviderCredential.objects.filter(organization=demo).select_related("account"):
        if credential.provider.slug in ("deepinfra", "openai", "moonshot"):
            for lease in credential_check(credential=credential, clock=lambda: now):
                run_leased(*lease, now)
    for model in (UsageRecord, CostRecord, UsageDaily, SpendDaily):
        assert model.objects.filter(account__organization=demo).exists(), model
    pages = [reverse("overview:overview"), reverse("credentials:account_list")]
    pages += [reverse("credentials:account", args=[one.pk]) for one in demo.accounts.all()]
    for url in pages:
        assert "demo" in text_of(client, url).lower(), "marked as a demo on every page"
    assert client.get(reverse("credentials:account", args=[world.account.pk])).status_code == 404

    again = row_counts()
    client.post(reverse("overview:demo_add"))
    assert row_counts() == again, "a second click adds nothing"

    assert client.post(reverse("overview:demo_remove")).status_code == 302
    assert row_counts() == before
    assert list(BalanceSeries.objects.values()) == balance
    assert client.get(reverse("credentials:account", args=[world.account.pk])).status_code == 200
    assert client.post(reverse("overview:demo_remove")).status_code == 404, "a real organization is never removed"
    assert row_counts() == before


# --- Secrets ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "401", "500", "shape", "redirect"])
def test_no_secret_leaves_by_any_door(
    cast: Cast,
    simulator: SimulatedWire,
    fault: str | None,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    """Typed in by hand, checked, read, failed, replaced: it is on no page, in no log, row or message."""
    caplog.set_level(logging.DEBUG)
    sent: list[Any] = []
    monkeypatch.setattr(current_app, "send_task", lambda *args, **options: sent.append((args, options)))
    client, bodies = cast.client("owner"), list[str]()
    simulator.now = timezone.now()
    for slug, values in KEYS.items():
        # Every secret that the provider declares, whether the demo uses it or not.
        starts = {one.name: (one.starts_with or ("sk-",))[0] for one in PROVIDERS[slug].fields if one.secret}
        names = set(starts)
        planted = {name: f"{values.get(name, start)}-{CANARY}-{name}-0000" for name, start in starts.items()}
        for one in PROVIDERS[slug].fields:
            if one.secret and one.kind == "json":  # a whole file: the canary sits inside
                planted[one.name] = json.dumps({**json.loads(values.get(one.name, "{}")), "private_key_id": CANARY})
        secret = {**values, **planted}
        url = reverse("credentials:connect_form", args=[slug])
        # Once with a mistake, so that the form comes back; once right.
        broken = {**secret, next(iter(names)): f"{CANARY} with spaces"}
        bodies.append(client.post(url, broken).content.decode())
        with django_capture_on_commit_callbacks(execute=True):
            bodies.append(client.post(url, secret, follow=True).content.decode())
        if fault:
            simulator.simulator.faults[(slug, "harbor")] = fault  # type: ignore[assignment]
    assert ProviderCredential.objects.count() == len(KEYS)
    for credential in ProviderCredential.objects.select_related("account"):
        for lease in credential_check(credential=credential, clock=lambda: simulator.now):
            run_leased(*lease, simulator.now)
    ProviderCredential.objects.filter(state=CredentialState.REFUSED).update(state=CredentialState.ACTIVE)
    SyncStream.objects.update(next_run_at=simulator.now, lease_until=None)
    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("sync:sync_all"))
        pipeline.dispatch_due_streams()
    pages = [reverse("overview:overview"), reverse("credentials:account_list"), reverse("credentials:connect")]
    pages += [reverse("credentials:account", args=[one.pk]) for one in ProviderAccount.objects.all()]
    pages += [reverse("credentials:check", args=[one.pk]) for one in ProviderCredential.objects.all()]
    bodies += [client.get(url).content.decode() for url in pages]
    rows = [
        str(row)
        for model in apps.get_models()
        if model.__module__.startswith("dashboard.")
        for row in model._default_manager.values()
    ]
    assert len(sent) >= len(KEYS)
    out, err = capfd.readouterr()
    doors = {"pages": bodies, "rows": rows, "messages": map(str, sent), "logs": [caplog.text, out, err]}
    for door, texts in doors.items():
        assert not [text for text in texts if CANARY in text], door


# --- Navigation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "room"),
    [
        ("overview:overview", "overview:overview"),
        ("credentials:account", "credentials:account_list"),
        ("usage:entry_add", "credentials:account_list"),
        ("imports:account_imports", "credentials:account_list"),
        ("credentials:provider_detail", "credentials:provider_list"),
        ("credentials:described_list", "credentials:provider_list"),
        ("organizations:teams", "organizations:teams"),
        ("organizations:invite", "organizations:members"),
        ("organizations:team_new", "organizations:teams"),
        ("usage:usage_api", "organizations:settings"),
        ("organizations:outbox", "organizations:settings"),
        ("mfa_index", "mfa_index"),
    ],
)
def test_the_navigation_says_where_one_is(world: World, name: str, room: str | None) -> None:
    told = ask(world, name, world.cast.client("owner"), "GET").content.decode()
    marked = set(re.findall(r'<a class="nav-item" href="([^"]+)"[^>]*aria-current="page"', told))
    assert marked == ({reverse(room)} if room else set())
    below = re.search(r'<nav class="tabbar.*?</nav>', told, re.DOTALL)
    assert below is not None
    here = re.findall(r'<a href="([^"]+)" aria-current="page"', below[0])
    assert here == [place.url for place in PLACES[:4] if place.url in marked]
