"""The spend page over a million usage rows: 13 months, 27 providers, 60 accounts, 200 teams; and over ten
thousand. In four units, three of which are converted."""

import statistics
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.balances.models import ExchangeRate
from dashboard.core.memory import settle_memory_of_pages
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, Team, User
from dashboard.usage.models import AllocationRule, AllocationShare
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import usage_land
from providers.records import UsageBucket
from providers.registry import PROVIDERS
from tests.benchmarks.figures import Figure

ROWS, DAYS, ACCOUNTS, TEAMS, VIEWS = 1_000_000, 395, 60, 200, 100
# Which rows are landed: all, or about ten thousand. A prime, so that they tell of every key and model, and of days all
# over the thirteen months.
MANY, FEW = 1, 101
GROUPS = ("provider", "account", "team", "model")
UNITS = ("USD", "CNY", "EUR", "points")  # of accounts in turn; converted into the first, where there is a rate


def spend() -> Iterator[Figure]:
    """Server time through all middleware and templates, warm: the slowest grouping of each period."""
    many, few = _organization("Many", each=MANY), _organization("Few", each=FEW)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # what autovacuum does by itself within a minute
    settle_memory_of_pages()  # as dashboard.wsgi does
    today = datetime.now(UTC).date()
    periods = {"30 d": "period=30d", "365 d": f"from={today - timedelta(days=364)}&to={today}"}
    for (name, period), goal in zip(periods.items(), (60, 150), strict=True):
        found = {group: _measured(many, f"/spend/?group={group}&{period}") for group in GROUPS}
        slowest = max(found, key=lambda group: found[group][0])
        for group, (p95, _count) in found.items():
            yield Figure(f"spend: 1 M rows, {name}, by {group}, p95", p95, "ms", goal)
        yield Figure(f"spend: {name}, SQL statements", max(count for _p95, count in found.values()), "", 12)
        p95, count = _measured(many, f"/spend/estimates/?{period}")
        yield Figure(f"spend: 1 M rows, {name}, billed against estimated, p95", p95, "ms")
        yield Figure(f"spend: {name}, billed against estimated, SQL statements", count, "", 12)
        # In turn: what else the machine does slows both.
        large, small = _times([many, few], f"/spend/?group={slowest}&{period}")
        factor = statistics.median(large) / statistics.median(small)
        yield Figure(f"spend: {name}, by {slowest}, 1 M rows by 10,000, median", factor, "x", 1.3)


def _measured(client: Client, path: str) -> tuple[float, int]:
    """(p95 ms, statements)."""
    (times,) = _times([client], path)
    with CaptureQueriesContext(connection) as queries:
        client.get(path)
    return statistics.quantiles(times, n=20)[-1], len(queries)


def _times(clients: Sequence[Client], path: str) -> list[list[float]]:
    """How long each of so many views took each of them, warm, in ms."""
    for client in [*clients] * 3:
        assert client.get(path).status_code == 200
    times: list[list[float]] = [[] for _ in clients]
    for _ in range(VIEWS):
        for place, client in enumerate(clients):
            began = time.perf_counter()
            client.get(path)
            times[place].append((time.perf_counter() - began) * 1000)
    return times


def _organization(name: str, each: int) -> Client:
    """Landed as sync runs land it: keys of four teams in each account, each with a rule; rows an hour long. Only
    every `each`th row is landed; few of them tell of the same accounts, teams and models, on fewer days."""
    organization = Organization.objects.create(name=name, reporting_currency=UNITS[0])
    _rates(organization)
    user = User.objects.create_user(f"{name.lower()}@example.org")
    Membership.objects.create(organization=organization, user=user, role=Role.OWNER)
    teams = Team.objects.bulk_create(Team(organization=organization, name=f"Team {one}") for one in range(TEAMS))
    rules = AllocationRule.objects.bulk_create(
        AllocationRule(organization=organization, dimension="key", value=f"key_{one}", created_at=timezone.now())
        for one in range(TEAMS)
    )
    AllocationShare.objects.bulk_create(
        AllocationShare(rule=rule, team=team, percent=100) for rule, team in zip(rules, teams, strict=True)
    )
    slugs = sorted(PROVIDERS)
    for index in range(ACCOUNTS):
        account = ProviderAccount.objects.create(
            organization=organization, provider_slug=slugs[index % len(slugs)], label=f"Account {index}"
        )
        buckets = list(_buckets(index, each))
        partitions_ensure(table="usage_usagerecord", starts=(one.start for one in buckets), now=timezone.now())
        with transaction.atomic():
            usage_land(account_id=account.pk, buckets=buckets)
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return client


def _rates(organization: Organization) -> None:
    """The ECB's of two years, and one that was typed in."""
    today, now = datetime.now(UTC).date(), timezone.now()
    own = {"organization": organization, "currency": UNITS[0], "created_at": now}
    ExchangeRate.objects.create(
        **own, source="typed", provider_slug=sorted(PROVIDERS)[3], unit=UNITS[3], day=today.replace(day=1), rate=1
    )
    for code in ("USD", "CNY", "JPY", "GBP", "HKD", "KRW"):
        ExchangeRate.objects.bulk_create(
            ExchangeRate(
                organization=organization,
                source="ecb",
                unit="EUR",
                currency=code,
                day=today - timedelta(days=day),
                rate=Decimal(7),
                created_at=now,
            )
            for day in range(2 * DAYS)
        )


def _buckets(account: int, each: int) -> Iterator[UsageBucket]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for index in range(0, ROWS // ACCOUNTS, each):
        turn, day = divmod(index, DAYS)
        start = today - timedelta(days=day) + timedelta(hours=turn % 24)
        yield UsageBucket(
            start=start,
            end=start + timedelta(hours=1),
            model=f"model-{turn % 3}",
            provider_key=f"key_{(account * 3 + turn % 4) % TEAMS}",
            project=f"proj_{turn}",
            input_tokens=1000 + index,
            output_tokens=300,
            requests=7,
            cost=Decimal("0.0123"),
            unit=UNITS[account % len(UNITS)],
        )
