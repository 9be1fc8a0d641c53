"""The daily rollup: rebuilt from the records of the touched days in one statement, never incremented."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from dashboard.credentials.models import ProviderAccount

# A bucket of a day or more stays on the UTC day it begins; an hourly one falls on the organization's own day.
_DAY = (
    "CASE WHEN \"end\" - start >= interval '23 hours' THEN (start AT TIME ZONE 'UTC')::date"
    " ELSE (start AT TIME ZONE %(zone)s)::date END"
)
_SPAN = "CASE WHEN \"end\" - start > interval '26 hours' THEN 'month' ELSE 'day' END"

_REBUILD = f"""
WITH used AS (
    SELECT {_DAY} AS day, {_SPAN} AS span, model, unit,
        sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
        sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens,
        sum(reasoning_tokens) AS reasoning_tokens, sum(requests) AS requests, sum(cost) AS reported,
        bool_or(final IS FALSE) AS open
    FROM usage_usagerecord
    WHERE account_id = %(account)s AND start >= %(since)s AND start < %(until)s GROUP BY 1, 2, 3, 4
), paid AS (
    SELECT {_DAY} AS day, {_SPAN} AS span, model, unit, sum(amount) AS billed, bool_or(final IS FALSE) AS open
    FROM usage_costrecord
    WHERE account_id = %(account)s AND start >= %(since)s AND start < %(until)s GROUP BY 1, 2, 3, 4
), joined AS (
    SELECT day, span, model, unit, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,
        reasoning_tokens, requests, billed, reported, coalesce(used.open, false) OR coalesce(paid.open, false) AS open,
        bool_or(billed IS NOT NULL) OVER (PARTITION BY day) AS day_is_billed
    FROM used FULL JOIN paid USING (day, span, model, unit)
    WHERE day = ANY(%(days)s)
)
INSERT INTO usage_usagedaily (organization_id, account_id, day, span, model, unit, input_tokens, cached_input_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, requests, billed, reported, spend, basis, provisional)
SELECT %(organization)s, %(account)s, day, span, model, unit, input_tokens, cached_input_tokens, cache_write_tokens,
    output_tokens, reasoning_tokens, requests, billed, reported,
    CASE WHEN day_is_billed THEN billed ELSE reported END,
    CASE WHEN day_is_billed AND billed IS NOT NULL THEN 'billed'
         WHEN day_is_billed THEN 'covered' WHEN reported IS NOT NULL THEN 'reported' ELSE 'unpriced' END,
    open
FROM joined
"""

_REBUILD_SPEND = """
INSERT INTO usage_spenddaily (organization_id, account_id, provider_slug, day, span, unit, spend, provisional,
    unpriced_models)
SELECT %(organization)s, %(account)s, %(slug)s, day, span, unit, sum(spend), bool_or(provisional),
    count(*) FILTER (WHERE basis = 'unpriced' AND requests IS DISTINCT FROM 0)
FROM usage_usagedaily WHERE account_id = %(account)s AND day = ANY(%(days)s) GROUP BY day, span, unit
"""


def rollup_rebuild(*, account_id: int, buckets: Iterable[tuple[datetime, datetime]]) -> None:
    """Rebuild the days of an account that these (start, end) buckets fall on, inside the caller's transaction."""
    # Usage and cost of one account may land at the same time: the second waits here, then sees what the first wrote.
    account = (
        ProviderAccount.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=account_id)
    )
    days = {bucket_day(start, end, account.organization) for start, end in buckets}
    with connection.cursor() as cursor:
        for table in ("usage_usagedaily", "usage_spenddaily"):
            cursor.execute(f"DELETE FROM {table} WHERE account_id = %s AND day = ANY(%s)", [account_id, sorted(days)])
        values: dict[str, Any] = {
            "account": account_id,
            "organization": account.organization_id,
            "slug": account.provider_slug,
            "zone": account.organization.reporting_zone,
            "days": sorted(days),
            # Wide enough for any zone; the day itself is decided above.
            "since": min(days) - timedelta(days=2),
            "until": max(days) + timedelta(days=3),
        }
        cursor.execute(_REBUILD, values)
        cursor.execute(_REBUILD_SPEND, values)


def bucket_day(start: datetime, end: datetime, organization: object) -> date:
    """The reporting day of a bucket, by the same rule as the SQL above."""
    if end - start >= timedelta(hours=23):
        return start.date()
    return start.astimezone(organization.zone).date()  # type: ignore[attr-defined]
