"""Landing of balances and quotas. Called inside the landing transaction of a sync run."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from dashboard.balances.models import BalanceReading, BalanceSeries, QuotaReading, QuotaSeries
from dashboard.balances.runway import LOOK_BACK, Point, runway
from providers.records import Balance, Quota

STORE_AT_LEAST_EVERY = timedelta(hours=1)
SPARK_DAYS = 30
# A reading counts as fresh for three intervals: two may fail before anybody has to care.
FRESH_INTERVALS = 3


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
    known = {
        (series.name, series.kind, series.unit, series.basis): series
        for series in BalanceSeries.objects.filter(account_id=place.account_id)
    }
    written = 0
    for balance in balances:
        series = known.get(balance.key)  # type: ignore[call-overload]
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
            BalanceReading.objects.create(series=series, at=now, amount=balance.amount, granted=balance.granted)
            written += 1
    return written


def outlook_refresh(*, series: BalanceSeries, now: datetime) -> None:
    """Rebuild the drawn history and the runway of a series from its readings, e.g. after readings were added."""
    points = hourly_points(series.pk, now - timedelta(days=SPARK_DAYS))
    _outlook(series, points, None, now)
    series.save(force_update=True)


def hourly_points(series_id: int, since: datetime) -> list[Point]:
    """The last reading of every hour since then, oldest first: at most 720 points for 30 days."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT at, amount FROM (SELECT DISTINCT ON (date_trunc('hour', at)) at, amount"
            " FROM balances_balancereading WHERE series_id = %s AND at >= %s ORDER BY date_trunc('hour', at), at DESC) AS hours ORDER BY at",
            [series_id, since],
        )
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
    series.burn_per_day = found.burn_per_day and found.burn_per_day.quantize(Decimal("1e-12"))
    series.runway_low_days = found.low_days
    series.runway_likely_days = found.likely_days
    series.runway_high_days = found.high_days
    series.runway_reason = found.reason or ""


def quotas_land(*, place: Place, quotas: Sequence[Quota], per_key: bool, now: datetime) -> int:
    """Append the readings, bring each series up to date, and mark limits that are no longer told as gone.
    `per_key` limits belong to their credential, others to the account. Returns how many readings were written."""
    owner = place.credential_id if per_key else None
    known = {
        (series.name, series.scope, series.window, series.unit): series
        for series in QuotaSeries.objects.filter(account_id=place.account_id, credential_id=owner)
    }
    fresh: list[QuotaSeries] = []
    readings: list[QuotaReading] = []
    updated: list[QuotaSeries] = []
    for quota in quotas:
        series = known.pop(quota.key, None)  # type: ignore[call-overload]
        values: dict[str, Any] = {
            "used": quota.used,
            "limit": quota.limit,
            "remaining": quota.remaining,
            "percent_used": percent_used(quota),
        }
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
                    series=series, at=now, used=quota.used, limit=quota.limit, percent_used=values["percent_used"]
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
    if quota.percent_used is not None:
        return quota.percent_used.quantize(Decimal("0.0001"))
    if not quota.limit or quota.limit < 0:
        return None
    used = quota.used
    if used is None and quota.remaining is not None:
        used = quota.limit - quota.remaining
    return None if used is None else (used / quota.limit * 100).quantize(Decimal("0.0001"))
