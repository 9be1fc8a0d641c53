"""The daily rollup: rebuilt from the records of the touched days in one statement, never incremented."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from dashboard.credentials.models import ProviderAccount
from dashboard.usage.sources import RANK

# A bucket of a day or more stays on the UTC day it begins; an hourly one falls on the organization's own day.
_DAY = (
    "CASE WHEN \"end\" - start >= interval '23 hours' THEN (start AT TIME ZONE 'UTC')::date"
    " ELSE (start AT TIME ZONE %(zone)s)::date END"
)
_LONG = "\"end\" - start > interval '26 hours'"
_SPAN = f"CASE WHEN {_LONG} THEN 'month' ELSE 'day' END"
# The last day that a bucket tells of.
_LAST = f"CASE WHEN {_LONG} THEN (\"end\" AT TIME ZONE 'UTC' - interval '1 microsecond')::date ELSE {_DAY} END"
_RECORDS = "account_id = %(account)s AND start >= %(since)s AND start < %(until)s"

_REBUILD = f"""
WITH all_used AS (
    SELECT {_DAY} AS day, {_SPAN} AS span, {_LAST} AS last, {RANK} AS rank, model, unit,
        sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
        sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens,
        sum(reasoning_tokens) AS reasoning_tokens, sum(requests) AS requests, sum(cost) AS reported,
        bool_or(final IS FALSE) AS open
    FROM usage_usagerecord WHERE {_RECORDS} GROUP BY 1, 2, 3, 4, 5, 6
), used_spans AS (
    SELECT day, last, rank, bool_or(reported IS NOT NULL) AS priced FROM all_used GROUP BY 1, 2, 3
), used AS (
    SELECT day, span, model, unit, max(last) AS last, sum(input_tokens) AS input_tokens,
        sum(cached_input_tokens) AS cached_input_tokens, sum(cache_write_tokens) AS cache_write_tokens,
        sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(requests) AS requests,
        sum(reported) AS reported, bool_or(open) AS open
    FROM all_used AS mine WHERE NOT EXISTS (
        SELECT 1 FROM used_spans AS better
        WHERE better.rank < mine.rank AND better.day <= mine.last AND better.last >= mine.day
    ) GROUP BY 1, 2, 3, 4
), all_paid AS (
    SELECT {_DAY} AS day, {_SPAN} AS span, {_LAST} AS last, {RANK} AS rank, model, unit, sum(amount) AS billed,
        bool_or(final IS FALSE) AS open
    FROM usage_costrecord WHERE {_RECORDS} GROUP BY 1, 2, 3, 4, 5, 6
), paid_spans AS (
    SELECT DISTINCT day, last, rank FROM all_paid
), paid AS (
    SELECT day, span, model, unit, max(last) AS last, sum(billed) AS billed, bool_or(open) AS open
    FROM all_paid AS mine WHERE NOT EXISTS (
        SELECT 1 FROM paid_spans AS better
        WHERE better.rank < mine.rank AND better.day <= mine.last AND better.last >= mine.day
    ) GROUP BY 1, 2, 3, 4
), fell AS (
    SELECT day, 'day' AS span, '' AS model, unit, amount AS derived, provisional AS open
    FROM usage_derivedspend WHERE account_id = %(account)s AND day = ANY(%(days)s)
), priced_days AS (
    SELECT days.day, EXISTS (SELECT 1 FROM paid WHERE paid.day <= days.day AND paid.last >= days.day) AS is_billed,
        EXISTS (SELECT 1 FROM used WHERE reported IS NOT NULL AND used.day <= days.day AND used.last >= days.day)
            AS is_reported,
        EXISTS (SELECT 1 FROM fell WHERE fell.day = days.day) AS is_derived
    FROM unnest(%(days)s::date[]) AS days(day)
), joined AS (
    SELECT day, span, CASE WHEN span = 'month' THEN greatest(used.last, paid.last) END AS last, model, unit,
        input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, requests, billed,
        reported, derived,
        coalesce(used.open, false) OR coalesce(paid.open, false) OR coalesce(fell.open, false) AS open,
        is_billed, is_reported, is_derived
    FROM used FULL JOIN paid USING (day, span, model, unit) FULL JOIN fell USING (day, span, model, unit)
    JOIN priced_days USING (day)
)
INSERT INTO usage_usagedaily (organization_id, account_id, day, span, last, model, unit, input_tokens,
    cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, requests, billed, reported, derived,
    spend, basis, provisional)
SELECT %(organization)s, %(account)s, day, span, last, model, unit, input_tokens, cached_input_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, requests, billed, reported, derived,
    CASE WHEN is_billed THEN billed WHEN is_reported THEN reported ELSE derived END,
    CASE WHEN is_billed AND billed IS NOT NULL THEN 'billed'
         WHEN is_billed THEN 'covered'
         WHEN reported IS NOT NULL THEN 'reported'
         WHEN is_reported AND derived IS NOT NULL AND requests IS NULL THEN 'covered'
         WHEN is_reported THEN 'unpriced'
         WHEN derived IS NOT NULL THEN 'derived'
         WHEN is_derived THEN 'covered'
         ELSE 'unpriced' END,
    open
FROM joined
"""

_REBUILD_SPEND = """
INSERT INTO usage_spenddaily (organization_id, account_id, provider_slug, day, span, last, unit, spend, provisional,
    unpriced_models)
SELECT %(organization)s, %(account)s, %(slug)s, day, span, max(last), unit, sum(spend), bool_or(provisional),
    count(*) FILTER (WHERE basis = 'unpriced' AND requests IS DISTINCT FROM 0)
FROM usage_usagedaily WHERE account_id = %(account)s AND day = ANY(%(days)s) GROUP BY day, span, unit
"""

# Both tables have an index on just these rows: they are few, and most accounts have none.
_LONG_BUCKETS = " UNION ".join(
    f"SELECT (start AT TIME ZONE 'UTC')::date, {_LAST.replace(_DAY, 'NULL')} FROM {table}"
    f' WHERE account_id = %(account)s AND {_LONG} AND start < %(until)s AND "end" > %(since)s'
    for table in ("usage_usagerecord", "usage_costrecord")
)


def rollup_rebuild(*, account_id: int, buckets: Iterable[tuple[datetime, datetime]]) -> None:
    """Rebuild the days of an account that these (start, end) buckets tell of, inside the caller's transaction."""
    account = _locked(account_id)
    days = {day for start, end in buckets for day in bucket_days(start, end, account.organization)}
    _rebuild(account, days)


def rollup_rebuild_days(*, account_id: int, days: Iterable[date]) -> None:
    """The same for days that are known."""
    _rebuild(_locked(account_id), set(days))


def _locked(account_id: int) -> ProviderAccount:
    """Two landings for one account may meet: the second waits here, then sees what the first wrote."""
    return (
        ProviderAccount.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=account_id)
    )


def _rebuild(account: ProviderAccount, touched: set[date]) -> None:
    if not touched:
        return
    values: dict[str, Any] = {
        "account": account.pk,
        "organization": account.organization_id,
        "slug": account.provider_slug,
        "zone": account.organization.reporting_zone,
    }
    with connection.cursor() as cursor:
        days = sorted(touched | _days_of_long_buckets(cursor, values, touched))
        # Wide enough for any zone; the day itself is decided in the statement.
        values |= {"days": days, "since": days[0] - timedelta(days=2), "until": days[-1] + timedelta(days=3)}
        for table in ("usage_usagedaily", "usage_spenddaily"):
            cursor.execute(f"DELETE FROM {table} WHERE account_id = %s AND day = ANY(%s)", [account.pk, days])
        cursor.execute(_REBUILD, values)
        cursor.execute(_REBUILD_SPEND, values)


def _days_of_long_buckets(cursor: Any, values: dict[str, Any], touched: set[date]) -> set[date]:
    """All days of every month's bucket that tells of a touched day: which of them counts depends on all its days."""
    found: set[date] = set()
    span = {"since": min(touched) - timedelta(days=2), "until": max(touched) + timedelta(days=3)}
    cursor.execute(_LONG_BUCKETS, {**values, **span})
    for first, last in cursor.fetchall():
        found |= {first + timedelta(days=offset) for offset in range((last - first).days + 1)}
    return found


def bucket_days(start: datetime, end: datetime, organization: object) -> list[date]:
    """The reporting days that a bucket tells of, by the same rule as the SQL above."""
    if end - start > timedelta(hours=26):
        last = (end - timedelta.resolution).date()
        return [start.date() + timedelta(days=offset) for offset in range((last - start.date()).days + 1)]
    if end - start >= timedelta(hours=23):
        return [start.date()]
    return [start.astimezone(organization.zone).date()]  # type: ignore[attr-defined]
