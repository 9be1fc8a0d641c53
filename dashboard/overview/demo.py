"""The demo organization: every provider connected to the simulator, with a history, and gone with one click.

The accounts are read like any other, through a relay; only the balances of the past have to be brought along, because
no provider tells them afterwards. They come from the real adapters, which ask the simulator about past moments.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from zlib import crc32

from django.db import transaction
from msgspec.structs import replace

from dashboard.balances.models import BalanceSeries, RateFeed
from dashboard.balances.rates.conversion import Unit
from dashboard.balances.rates.services import RateTold, rate_type_in, reporting_currency_choose
from dashboard.balances.services import Place, account_readings_delete, balance_history_import
from dashboard.core.languages.numbers import is_currency
from dashboard.core.period import MONTHS_BACK, months_before
from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.credentials.services import credential_create
from dashboard.keys.models import ProviderKey
from dashboard.keys.services import provider_key_assign, provider_keys_land
from dashboard.organizations.audit import SYSTEM, Actor
from dashboard.organizations.models import Membership, Organization, Role, Team, TeamColour, User
from dashboard.organizations.services import organization_delete
from dashboard.routing.document import Document, Failover, Route, Target, Tier
from dashboard.routing.services import policy_save
from dashboard.usage.derived.services import derived_spend_refresh
from dashboard.usage.services import account_usage_delete
from providers.collect import collect
from providers.errors import ProviderError
from providers.records import Balance
from providers.records import ProviderKey as ListedKey
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.replay import replay
from providers.spec import Endpoint, Window

HISTORY = timedelta(days=90)
RECENT = timedelta(days=14)
TEAMS = ("Search", "Support", "Research")
ZONE = "Asia/Taipei"
CURRENCY = "USD"
POINT = Decimal("0.0004")  # what one of a provider's own units costs there


def demo_add_for(*, user: User, relay_url: str, now: datetime) -> Organization:
    """The demo with this person as its owner: made when there is none, else pointed to where the simulator is now."""
    with transaction.atomic():
        organization, fresh = Organization.objects.get_or_create(
            is_demo=True, defaults={"name": "Harbor Labs (demo)", "reporting_zone": ZONE}
        )
        Membership.objects.get_or_create(organization=organization, user=user, defaults={"role": Role.OWNER})
        if fresh:
            teams = [
                Team.objects.create(organization=organization, name=name, colour=colour)
                for name, colour in zip(TEAMS, TeamColour.values, strict=False)
            ]
            accounts = {
                part.slug: _connect(
                    organization, part.slug, part.demo, teams[position % len(teams)], Actor(user), relay_url, now
                )
                for position, part in enumerate(PARTS)
            }
            _write_routes(organization, teams[0], accounts, Actor(user), now)
            _report_in(organization, Actor(user), relay_url, now)
    if not fresh:
        demo_relay(relay_url=relay_url)
    return organization


def demo_relay(*, relay_url: str) -> None:
    """The simulator of this start listens somewhere else than the last one did."""
    ProviderCredential.objects.filter(organization__is_demo=True).update(relay_url=relay_url)
    RateFeed.objects.filter(organization__is_demo=True).update(relay_url=relay_url)


def demo_delete(*, organization: Organization) -> None:
    """Remove the demo with everything in it. Other organizations are never touched."""
    if not organization.is_demo:
        raise ValueError("only the demo can be removed like this")
    with transaction.atomic():
        accounts = list(ProviderAccount.objects.filter(organization=organization).values_list("pk", flat=True))
        account_usage_delete(account_ids=accounts)
        account_readings_delete(account_ids=accounts)
        organization_delete(organization=organization)


def _connect(
    organization: Organization,
    slug: str,
    values: Mapping[str, str],
    team: Team,
    by: Actor,
    relay_url: str,
    now: datetime,
) -> int:
    """Connect one part of the simulator. Returns the id of its account."""
    credential = credential_create(
        organization=organization,
        provider=PROVIDERS[slug],
        values=values,
        label="Production",
        by=by,
        now=now,
        relay_url=relay_url,
        check=False,
    )
    ProviderAccount.objects.filter(pk=credential.account_id).update(team=team)
    enqueue_on_commit("fill_demo_account", credential.pk)
    return credential.account_id


def _write_routes(
    organization: Organization, team: Team, accounts: Mapping[str, int], by: Actor, now: datetime
) -> None:
    """Routes over the demo's wallets, with one of one's own servers as the last resort: of the organization, and of one
    team. Each leaves at a tenth of what its account tops up at."""
    offers = {part.slug: PROVIDERS[part.slug] for part in PARTS}
    servers = [part for part in PARTS if offers[part.slug].self_hosted and offers[part.slug].may_sleep]
    wallets = [
        part
        for part in PARTS
        if isinstance(offers[part.slug].capabilities["balance"], Endpoint)
        and not offers[part.slug].self_hosted
        and not offers[part.slug].subscription
    ]
    target = {
        part.slug: [Target(account=accounts[part.slug], model=model.id) for model in part.profile.models]
        for part in (*wallets, *servers)
    }
    one, two, three, four, *_more = (target[part.slug] for part in wallets)
    last = target[servers[-1].slug][0]
    floors = {part.profile.unit: part.profile.topup_below / 10 for part in reversed(wallets)}
    failover = Failover(balance_floors=floors, balance_returns={unit: 2 * floor for unit, floor in floors.items()})
    chat = Route(
        match="chat-default",
        about="Whatever names no other model",
        tiers=_tiers([replace(one[0], weight=70), replace(two[0], weight=30)], [three[0]], [last]),
    )
    drafts = Route(match="draft-fast", about="Query drafts", tiers=_tiers([four[0]], [one[0]], [last]))
    batch = Route(match="embed-*", kind="pattern", about="Nightly embeddings", tiers=_tiers([last], [two[-1]]))
    answers = Route(
        match="search-answers", about="Answers in search results", tiers=_tiers([two[0]], [one[-1]], [three[0]])
    )
    for owner, routes in ((None, (chat, drafts, batch)), (team, (answers, drafts))):
        document = Document(failover=failover, routes=routes)
        policy_save(organization=organization, team=owner, document=document, based_on=0, note="", by=by, now=now)


def _report_in(organization: Organization, by: Actor, relay_url: str, now: datetime) -> None:
    """Spend in dollars, by made-up rates that come from the simulator and are nobody else's; one provider's own unit
    has a rate, the others' stay apart."""
    RateFeed.objects.create(organization=organization, relay_url=relay_url)
    reporting_currency_choose(organization=organization, currency=CURRENCY, by=by, now=now)
    own = next(part for part in reversed(PARTS) if not is_currency(part.profile.unit))
    since = months_before(now.date().replace(day=1), MONTHS_BACK)
    told = RateTold(unit=Unit(own.profile.unit, own.slug), rate=POINT, since=since)
    rate_type_in(organization=organization, told=told, by=by, now=now)


def _tiers(*tiers: Sequence[Target]) -> tuple[Tier, ...]:
    return tuple(Tier(targets=tuple(targets)) for targets in tiers)


def demo_history(*, credential: ProviderCredential, now: datetime) -> None:
    """The past balances of a demo account that has none yet, and what they say of its past cost."""
    endpoint, account = credential.provider.endpoint("balance"), credential.account
    if not isinstance(endpoint, Endpoint) or BalanceSeries.objects.filter(account=account).exists():
        return
    place = Place(
        organization_id=credential.organization_id,
        account_id=credential.account_id,
        credential_id=credential.pk,
        interval=endpoint.interval,
    )
    readings = list(_past_balances(credential, now))
    with transaction.atomic():
        balance_history_import(place=place, readings=readings, now=now)
        if not isinstance(credential.provider.endpoint("cost"), Endpoint):
            derived_spend_refresh(account=account, now=now, since=now - HISTORY)


PURPOSES = ("Search in production", "Answers of the support bot", "Nightly evaluation")


def demo_keys(*, credential: ProviderCredential, now: datetime) -> None:
    """The keys of a demo account with owners and purposes; each fourth is nobody's, as in any house."""
    endpoint, account = credential.provider.endpoint("keys"), credential.account
    if not isinstance(endpoint, Endpoint) or ProviderKey.objects.filter(account=account).exists():
        return
    with replay(credential.provider.slug) as (send, travel):
        travel(now)
        try:
            found = collect(
                credential.provider, "keys", credential.unlocked(), Window(start=now, end=now, now=now), send
            )
        except ProviderError:
            return  # they come with the first reading, without owners
    teams = list(Team.objects.filter(organization=account.organization).order_by("pk"))
    listed = [record for record in found.records if isinstance(record, ListedKey)]
    with transaction.atomic():
        provider_keys_land(account_id=account.pk, keys=listed, complete=False, now=now)
        keys = ProviderKey.objects.filter(account=account).select_related("account__organization").order_by("pk")
        # By the provider, so that every demo looks the same.
        for number, key in enumerate(keys, crc32(account.provider_slug.encode())):
            if number % 4:
                provider_key_assign(
                    key=key,
                    team=teams[number % len(teams)],
                    purpose=PURPOSES[number % len(PURPOSES)],
                    valid_from=(now - HISTORY).date(),
                    by=SYSTEM,
                    now=now,
                )


def _past_balances(credential: ProviderCredential, now: datetime) -> Iterator[tuple[datetime, list[Balance]]]:
    """Twice a day for 90 days, every three hours of the last 14: what the adapter would have read."""
    unlocked = credential.unlocked()
    with replay(credential.provider.slug) as (send, travel):
        at = now - HISTORY
        while at < now:
            travel(at)
            try:
                found = collect(credential.provider, "balance", unlocked, Window(start=at, end=at, now=at), send)
            except ProviderError:
                return  # an account without a balance yet has no past either
            yield at, [record for record in found.records if isinstance(record, Balance)]
            at += timedelta(hours=12 if now - at > RECENT else 3)
