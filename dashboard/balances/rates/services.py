"""Choosing the reporting currency, typing rates in, and reading the ECB's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from dashboard.balances.models import ExchangeRate, RateFeed, RateSource
from dashboard.balances.rates.conversion import BASE, MONTHS_KNOWN, Unit
from dashboard.balances.rates.currencies import currencies
from dashboard.core.languages.numbers import is_currency
from dashboard.core.period import months_before
from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.catalog import provider_name
from dashboard.organizations.audit import Actor, audit_record, changed
from dashboard.organizations.models import Organization
from providers.ecb import EVERYTHING, HOST, RECENT, RECENT_DAYS, Told, parse_rates
from providers.errors import ProviderError
from providers.spec import Outgoing, Reply, host_of
from providers.transport import Transport

BATCH = 5000
GREATEST = Decimal(10) ** 12
FINEST = Decimal(1).scaleb(-12)


class RateRefused(Exception):
    """Why a rate or a currency cannot be, in words for who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RateTold:
    """A rate as a person tells it: 1 `unit` is `rate` of the reporting currency, from the month of `since` on."""

    unit: Unit
    rate: Decimal
    since: date


def reporting_currency_choose(*, organization: Organization, currency: str, by: Actor, now: datetime) -> None:
    """What spend is shown in, or "" for every unit by itself. No stored figure changes. Raises RateRefused."""
    if currency and currency not in currencies():
        raise RateRefused(_("%(code)s is not a currency.") % {"code": currency})
    with transaction.atomic():
        stored = Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        changes = changed({"reporting_currency": stored.reporting_currency}, {"reporting_currency": currency})
        if not changes:
            return
        Organization.objects.filter(pk=organization.pk).update(reporting_currency=currency)
        audit_record(
            organization=organization,
            by=by,
            action="organization.currency_chosen",
            now=now,
            subject=organization,
            words=currency,
            changes=changes,
        )
        if currency:
            enqueue_on_commit("fetch_rates")


# --- Typed rates ------------------------------------------------------------------------------------------------


def rate_type_in(
    *, organization: Organization, told: RateTold, by: Actor, now: datetime, rate: ExchangeRate | None = None
) -> ExchangeRate:
    """Store it, or change `rate` to it. It is into the reporting currency and beats the ECB's. Raises RateRefused."""
    currency = Organization.objects.values_list("reporting_currency", flat=True).get(pk=organization.pk)
    _check(told, currency)
    before = _told(rate) if rate is not None else {}
    try:
        with transaction.atomic():
            if rate is None:
                rate = ExchangeRate(organization=organization, source=RateSource.TYPED)
            rate.unit, rate.provider_slug = told.unit
            rate.currency, rate.day, rate.rate = currency, told.since.replace(day=1), told.rate
            rate.created_by, rate.created_at = by.user, now
            rate.save()
            changes = changed(before, _told(rate))
            if changes:
                _record(rate, "rate.changed" if before else "rate.typed", changes, by, now)
    except IntegrityError as error:
        if "exchange_rate_once" not in str(error):
            raise
        raise RateRefused(_("There is a rate of this unit from that month on already. Change that one.")) from error
    return rate


def rate_remove(*, rate: ExchangeRate, by: Actor, now: datetime) -> None:
    """Take it back: what it converted goes by the rate before it, else by the ECB's, else is not converted."""
    with transaction.atomic():
        _record(rate, "rate.removed", {name: (value, None) for name, value in _told(rate).items()}, by, now)
        rate.delete()


def _check(told: RateTold, currency: str) -> None:
    code, slug = told.unit
    if not currency:
        raise RateRefused(_("Choose a reporting currency first: a rate leads into it."))
    if not told.rate.is_finite() or not 0 < told.rate < GREATEST:
        raise RateRefused(_("A rate is more than nothing."))
    if told.rate != told.rate.quantize(FINEST):
        raise RateRefused(_("A rate has at most 12 decimals."))
    if is_currency(code):
        if slug or code not in currencies():
            raise RateRefused(_("%(code)s is not a currency.") % {"code": code})
        if code == currency:
            raise RateRefused(_("This is the reporting currency itself."))
    elif not code or not slug:
        raise RateRefused(_("Say whose unit it is: a point of one provider is not a point of another."))


def _told(rate: ExchangeRate) -> dict[str, Any]:
    return {
        "unit": rate.unit,
        "provider": rate.provider_slug or None,
        "currency": rate.currency,
        "rate": f"{rate.rate.normalize():f}",
        "since": f"{rate.day:%Y-%m}",
    }


def _record(rate: ExchangeRate, action: str, changes: dict[str, tuple[Any, Any]], by: Actor, now: datetime) -> None:
    assert rate.organization is not None
    whose = provider_name(rate.organization.pk, rate.provider_slug) if rate.provider_slug else ""
    words = f"{rate.unit} ({whose})" if whose else rate.unit
    audit_record(
        organization=rate.organization, by=by, action=action, now=now, subject=rate, words=words, changes=changes
    )


# --- The ECB's rates --------------------------------------------------------------------------------------------


def feed_ensure() -> None:
    """Everybody's feed has its row."""
    RateFeed.objects.get_or_create(organization=None)


def rates_fetch(*, feed_id: int, since: date | None, clock: Callable[[], datetime]) -> None:
    """Read one feed, as far back as `since` and the months before it that a rate may come from. May run twice or beside
    itself. What fails is told on the row, and nothing that is known goes away."""
    feed, now = RateFeed.objects.filter(pk=feed_id).first(), clock()
    if feed is None:
        return
    today = now.date()
    since = min(since or today, today)
    past, recent = months_before(since.replace(day=1), MONTHS_KNOWN), today - timedelta(days=RECENT_DAYS)
    known = _reaches(feed, since) and feed.last_day is not None and feed.last_day >= recent
    file = RECENT if known or past >= recent else EVERYTHING
    try:
        told = parse_rates(_asked(feed, file), host=host_of(settings.ECB_URL), since=past, today=today)
    except ProviderError as error:
        failing_since = Coalesce("failing_since", Value(now))
        RateFeed.objects.filter(pk=feed.pk).update(failing_since=failing_since, problem=error.message)
        return
    with transaction.atomic():
        stored = RateFeed.objects.select_for_update().get(pk=feed.pk)
        _land(stored, told, now)
        if not known:
            stored.reaches = since
        stored.last_day = max((one.day for one in told), default=stored.last_day)
        stored.fetched_at, stored.failing_since, stored.problem = clock(), None, ""
        stored.save()


def _reaches(feed: RateFeed, since: date) -> bool:
    return feed.reaches is not None and feed.reaches <= since


def _asked(feed: RateFeed, file: str) -> Reply:
    """The file's content. It comes from the open internet, from a relay, or from a mirror that the operator named."""
    official = host_of(settings.ECB_URL) == HOST
    transport = Transport(reach="public" if official else "private", via=feed.relay_url or None)
    return transport.send(Outgoing(method="GET", url=f"{settings.ECB_URL}/{file}"))


def _land(feed: RateFeed, told: list[Told], now: datetime) -> None:
    """The rates as the feed tells them now: a corrected one replaces what stood there."""
    rows = (
        ExchangeRate(
            organization_id=feed.organization_id,
            source=RateSource.ECB,
            unit=BASE,
            currency=one.currency,
            day=one.day,
            rate=one.rate,
            created_at=now,
        )
        for one in told
    )
    ExchangeRate.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["organization", "source", "provider_slug", "unit", "currency", "day"],
        update_fields=["rate", "created_at"],
    )
