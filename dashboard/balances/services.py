"""Landing of balances and quotas. Called inside the landing transaction of a sync run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from django.db import connection
from msgspec.structs import replace

from dashboard.balances.models import BalanceReading, BalanceSeries, QuotaReading, QuotaSeries
from dashboard.balances.runway import LOOK_BACK, Point, runway
from providers.records import Balance, Quota

STORE_AT_LEAST_EVERY = timedelta(hours=1)
SPARK_DAYS = 30
_PLACES = Decimal("1e-12")
# Room for the largest amount that a record may hold, with all its decimals.
_EXACT = Context(prec=60)
MOST_PERCENT = Decimal(9_999_999)
# A reading counts as fresh for three intervals: two may fail before anybody has to care.
FRESH_INTERVALS = 3

_HOURLY = """
SELECT at, amount FROM (
    SELECT DISTINCT ON (date_trunc('hour', at)) at, amount FROM balances_balancereading
    WHERE series_id = %s AND at >= %s ORDER BY date_trunc('hour', at), at DESC
) AS hours ORDER BY at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where readings belong, and how often they are taken."""

    organization_id: int
    account_id: int
    credential_id: int
    interval: timedelta

    @property
    def fresh_for(self) -> timedelta:
        return self.interval * FRESH_INTERVALS + timedelta(minutes=2)


def balances_land(*, place: Place, balances: Sequence[Balance], now: datetime) -> int:
    """Append the readings and bring each series up to date. Returns how many readings were written."""
    known: dict[tuple[str, ...], BalanceSeries] = {
        (series.name, series.kind, series.unit, series.basis): series
        for series in BalanceSeries.objects.filter(account_id=place.account_id)
    }
    written = 0
    for told in balances:
        balance = replace(told, amount=stored(told.amount), granted=stored_or_none(told.granted))
        series = known.get(balance.key)
        changed = series is None or (series.amount, series.granted) != (balance.amount, balance.granted)
        if series is None:
            series = BalanceSeries(
                organization_id=place.organization_id,
                account_id=place.account_id,
                name=balance.name,
                kind=balance.kind,
                unit=balance.unit,
                basis=balance.basis,
                stored_at=now,
            )
        store = changed or now - series.stored_at >= STORE_AT_LEAST_EVERY
        series.credential_id = place.credential_id
        series.amount, series.granted = balance.amount, balance.granted
        series.usable, series.expires_at = balance.usable, balance.expires_at
        series.at, series.fresh_for_seconds = now, int(place.fresh_for.total_seconds())
        if store:
            series.stored_at = now
        if series.pk is None:
            _outlook(series, [(now, balance.amount)], place, now)
            series.save(force_insert=True)
        else:
            if store:
                points = [*hourly_points(series.pk, now - timedelta(days=SPARK_DAYS)), (now, balance.amount)]
                _outlook(series, points, place, now)
            series.save(force_update=True)
        if store:
            BalanceReading.objects.create(
                series=series, at=now, amount=balance.amount, granted=balance.granted, expires_at=balance.expires_at
            )
            written += 1
    return written


def stored(amount: Decimal) -> Decimal:
    """An amount as the database keeps it: twelve decimals, more than any provider charges by."""
    return amount.quantize(_PLACES, context=_EXACT)


def stored_or_none(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else stored(amount)


def balance_history_import(
    *, place: Place, readings: Sequence[tuple[datetime, Sequence[Balance]]], now: datetime
) -> int:
    """Add older readings (oldest first) to an account that has none yet. Returns how many were written."""
    rows: list[BalanceReading] = []
    known: dict[tuple[str, ...], BalanceSeries] = {}
    for at, balances in readings:
        for balance in balances:
            series = known.get(balance.key)
            if series is None:
                series = known[balance.key] = BalanceSeries.objects.create(
                    organization_id=place.organization_id,
                    account_id=place.account_id,
                    credential_id=place.credential_id,
                    name=balance.name,
                    kind=balance.kind,
                    unit=balance.unit,
                    basis=balance.basis,
                    amount=stored(balance.amount),
                    at=at,
                    stored_at=at,
                    fresh_for_seconds=int(place.fresh_for.total_seconds()),
                )
            series.amount, series.granted = stored(balance.amount), stored_or_none(balance.granted)
            series.at = series.stored_at = at
            rows.append(
                BalanceReading(
                    series=series, at=at, amount=series.amount, granted=series.granted, expires_at=balance.expires_at
                )
            )
    BalanceReading.objects.bulk_create(rows, batch_size=2000)
    for series in known.values():
        outlook_refresh(series=series, now=now)
    return len(rows)


def outlook_refresh(*, series: BalanceSeries, now: datetime) -> None:
    """Rebuild the drawn history and the runway of a series from its readings, e.g. after readings were added."""
    points = hourly_points(series.pk, now - timedelta(days=SPARK_DAYS))
    _outlook(series, points, None, now)
    series.save(force_update=True)


def hourly_points(series_id: int, since: datetime) -> list[Point]:
    """The last reading of every hour since then, oldest first: at most 720 points for 30 days."""
    with connection.cursor() as cursor:
        cursor.execute(_HOURLY, [series_id, since])
        return cursor.fetchall()


def _outlook(series: BalanceSeries, points: list[Point], place: Place | None, now: datetime) -> None:
    by_day: dict[str, str] = {}
    for at, amount in points:
        by_day[at.date().isoformat()] = format(amount.normalize(), "f")
    series.spark = list(by_day.items())
    if series.kind == "owed":
        series.runway_reason = "owed"
        return
    if series.basis == "posted":
        series.runway_reason = "posted"
        return
    fresh_for = place.fresh_for if place else timedelta(seconds=series.fresh_for_seconds)
    found = runway([point for point in points if point[0] >= now - LOOK_BACK], now=now, fresh_for=fresh_for)
    series.burn_per_day = stored_or_none(found.burn_per_day)
    series.runway_low_days = found.low_days
    series.runway_likely_days = found.likely_days
    series.runway_high_days = found.high_days
    series.runway_reason = found.reason or ""


def quotas_land(*, place: Place, quotas: Sequence[Quota], per_key: bool, now: datetime) -> int:
    """Append the readings, bring each series up to date, and mark limits that are no longer told as gone.
    `per_key` limits belong to their credential, others to the account. Returns how many readings were written."""
    owner = place.credential_id if per_key else None
    known: dict[tuple[str, ...], QuotaSeries] = {
        (series.name, series.scope, series.window, series.unit): series
        for series in QuotaSeries.objects.filter(account_id=place.account_id, credential_id=owner)
    }
    fresh: list[QuotaSeries] = []
    readings: list[QuotaReading] = []
    updated: list[QuotaSeries] = []
    for quota in quotas:
        series = known.pop(quota.key, None)
        values: dict[str, Any] = {
            "used": quota.used,
            "limit": quota.limit,
            "remaining": quota.remaining,
            "percent_used": percent_used(quota),
        }
        values = {name: value if name == "percent_used" else stored_or_none(value) for name, value in values.items()}
        changed = series is None or any(getattr(series, name) != value for name, value in values.items())
        if series is None:
            series = QuotaSeries(
                organization_id=place.organization_id,
                account_id=place.account_id,
                credential_id=owner,
                name=quota.name,
                scope=quota.scope or "",
                window=quota.window or "",
                unit=quota.unit,
                stored_at=now,
            )
            fresh.append(series)
        else:
            updated.append(series)
        store = changed or now - series.stored_at >= STORE_AT_LEAST_EVERY
        for name, value in values.items():
            setattr(series, name, value)
        series.resets_at, series.at, series.gone = quota.resets_at, now, False
        series.fresh_for_seconds = int(place.fresh_for.total_seconds())
        if store:
            series.stored_at = now
            readings.append(
                QuotaReading(
                    series=series, at=now, used=series.used, limit=series.limit, percent_used=series.percent_used
                )
            )
    QuotaSeries.objects.bulk_create(fresh)
    QuotaSeries.objects.bulk_update(
        updated,
        ["used", "limit", "remaining", "percent_used", "resets_at", "at", "gone", "fresh_for_seconds", "stored_at"],
        batch_size=500,
    )
    QuotaReading.objects.bulk_create(readings)
    gone = [series.pk for series in known.values() if not series.gone]
    if gone:
        QuotaSeries.objects.filter(pk__in=gone).update(gone=True)
    return len(readings)


def percent_used(quota: Quota) -> Decimal | None:
    """0..100 (more when overdrawn), as told, else from used or remaining against a limit above 0, else unknown."""
    share = quota.percent_used
    if share is None:
        if not quota.limit or quota.limit < 0:
            return None
        used = quota.used
        if used is None and quota.remaining is not None:
            used = quota.limit - quota.remaining
        if used is None:
            return None
        share = used / quota.limit * 100
    return max(-MOST_PERCENT, min(MOST_PERCENT, share)).quantize(Decimal("0.0001"))


def account_readings_delete(*, account_ids: Sequence[int]) -> None:
    """Forget every reading of these accounts. They are many: two plain statements instead of Django's collecting of
    every row."""
    for rows in (
        BalanceReading.objects.filter(series__in=BalanceSeries.objects.filter(account__in=account_ids)),
        QuotaReading.objects.filter(series__in=QuotaSeries.objects.filter(account__in=account_ids)),
    ):
        rows._raw_delete(rows.db)
