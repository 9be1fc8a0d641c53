"""Reads of exchange rates. An organization's own, typed or fed, are nobody else's."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db.models import Q, QuerySet

from dashboard.balances.models import ExchangeRate, RateFeed, RateSource
from dashboard.balances.rates.conversion import BASE, MONTHS_KNOWN, Quote, Rates, Unit
from dashboard.core.period import months_before
from dashboard.core.statements import Rows, asked
from dashboard.organizations.models import Organization
from providers.ecb import published_before

# Written out, because the spend page asks each time: as a query set it is longer on its way than on the database. The
# greatest of (day, rate) has the last rate, without sorting all of them first.
_RATES = """
SELECT organization_id, source, provider_slug, unit, currency, date_trunc('month', day::timestamp)::date AS month,
    avg(rate), max(day), (max(ARRAY[extract(epoch FROM day), rate]))[2]
FROM balances_exchangerate
WHERE day <= %(until)s AND (
    source = 'ecb' AND currency = ANY(%(currencies)s) AND day >= %(since)s
        AND (organization_id = %(organization)s OR organization_id IS NULL)
    OR source = 'typed' AND currency = %(currency)s AND organization_id = %(organization)s
)
GROUP BY organization_id, source, provider_slug, unit, currency, month
ORDER BY month
"""


def rates_view(*, organization_id: int, currency: str, units: Iterable[str], first: date, last: date) -> Rates:
    """What the money of the days [first, last] in these units converts by: one statement."""
    return rates_asked(organization_id=organization_id, currency=currency, units=units, first=first, last=last)()


def rates_asked(
    *, organization_id: int, currency: str, units: Iterable[str], first: date, last: date
) -> Callable[[], Rates]:
    """The same, asked at once and waited for when it is read: see dashboard.core.statements."""
    values = {
        "organization": organization_id,
        "currency": currency,
        "currencies": sorted({*units, currency} - {BASE}),
        "since": months_before(first.replace(day=1), MONTHS_KNOWN),
        "until": month_end(last),
    }
    found = asked(_RATES, values)
    return lambda: _rates(organization_id, currency, found())


def _rates(organization_id: int, currency: str, rows: Rows) -> Rates:
    by_unit: dict[Unit, list[tuple[date, Decimal]]] = defaultdict(list)
    fed: dict[int | None, dict[str, dict[date, Quote]]] = defaultdict(lambda: defaultdict(dict))
    for owner_id, source, slug, unit, code, month, mean, until, newest in rows:
        if source == RateSource.TYPED:
            by_unit[Unit(unit, slug)].append((month, newest))
        else:
            fed[owner_id][code][month] = Quote(mean, newest, until)
    # Who has a feed of their own goes by that alone.
    return Rates(currency, by_unit, fed.get(organization_id) or fed[None])


def month_end(day: date) -> date:
    """The last day of that month: the rest of a month counts for its first days too."""
    return date.fromordinal(months_before(day.replace(day=1), -1).toordinal() - 1)


def typed_rates(*, organization_id: int) -> QuerySet[ExchangeRate]:
    """What people typed in, by unit, the newest month first."""
    rates = ExchangeRate.objects.filter(organization_id=organization_id, source=RateSource.TYPED)
    return rates.select_related("created_by").order_by("unit", "provider_slug", "currency", "-day")


# --- The feed ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """How it stands with the ECB's rates. `off`: the operator switched them off. `quoted` are the currencies of the
    last day, with their units for 1 EUR."""

    feed: RateFeed | None
    off: bool
    quoted: dict[str, Decimal]


def feed_view(*, organization_id: int) -> FeedState:
    feeds = RateFeed.objects.filter(Q(organization_id=organization_id) | Q(organization=None))
    feed = feeds.select_related("organization").order_by("organization_id").first()  # NULL stands last
    quoted: dict[str, Decimal] = {}
    if feed is not None and feed.last_day is not None:
        rows = ExchangeRate.objects.filter(source=RateSource.ECB, organization=feed.organization, day=feed.last_day)
        quoted = dict(rows.order_by("currency").values_list("currency", "rate"))
    return FeedState(feed=feed, off=not settings.ECB_RATES, quoted=quoted)


def feeds_due(*, since: date | None, now: datetime) -> list[int]:
    """Ids of the feeds to be read now: those that have not the newest rates, or none of the days from `since` on. One
    that nobody converts by is left alone."""
    if not settings.ECB_RATES:
        return []
    own = RateFeed.objects.exclude(organization=None).values_list("organization_id", flat=True)
    asking = Organization.objects.exclude(reporting_currency="")
    due = Q(fetched_at=None) | Q(fetched_at__lt=published_before(now))
    if since is not None:
        due |= Q(reaches=None) | Q(reaches__gt=since)
    wanted = Q(organization__in=asking)
    if asking.exclude(pk__in=own).exists():
        wanted |= Q(organization=None)
    return list(RateFeed.objects.filter(wanted, due).order_by("pk").values_list("pk", flat=True))
