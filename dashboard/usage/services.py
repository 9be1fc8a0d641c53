"""Landing of usage and cost: COPY, one upsert, removal of vanished rows, and the rollup of the touched days."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from dashboard.credentials.models import ProviderAccount
from dashboard.usage.models import DerivedSpend, IntakeRow
from dashboard.usage.rollup import bucket_days, rollup_rebuild, rollup_rebuild_days
from dashboard.usage.sources import API
from providers.records import CostBucket, UsageBucket

RECORD_TABLES = ("usage_usagerecord", "usage_costrecord")
ROLLUP_TABLES = (
    *("usage_usagedetail", "usage_usagedaily", "usage_spenddaily"),
    *("usage_teamdaily", "usage_teammonthly", "usage_dailysum", "usage_monthlysum"),
)
_SHARED = ("account_id", "start", "key_hash", "end", "model", "provider_key", "project", "unit", "final", "source")
USAGE_COLUMNS = (
    *_SHARED,
    "user",
    "tier",
    "endpoint",
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "requests",
    "quantities",
    "cost",
)
COST_COLUMNS = (*_SHARED, "line_item", "category", "amount")
_KEY = ("account_id", "start", "key_hash")


@dataclass(frozen=True, slots=True, kw_only=True)
class Landed:
    """What a landing did: rows written or changed, and rows removed because the provider no longer tells them."""

    changed: int
    removed: int


def usage_land(
    *,
    account_id: int,
    buckets: Sequence[UsageBucket],
    complete: tuple[datetime, datetime] | None = None,
    source: str = API,
    starts: Collection[datetime] | None = None,
) -> Landed:
    """Upsert usage rows. `complete` is a span that was read whole: rows of the same source that begin in it and did not
    come are removed; `starts` says the same of single moments, for who tells of hours here and there. The partitions
    must exist. Landing the same rows again changes nothing."""
    rows = _usage_rows(account_id, buckets, source)
    return _land("usage_usagerecord", USAGE_COLUMNS, rows, account_id, complete, source, starts)


def cost_land(
    *,
    account_id: int,
    buckets: Sequence[CostBucket],
    complete: tuple[datetime, datetime] | None = None,
    source: str = API,
) -> Landed:
    """The same for cost rows."""
    return _land(
        "usage_costrecord", COST_COLUMNS, _cost_rows(account_id, buckets, source), account_id, complete, source
    )


def records_remove(*, account_id: int, source: str) -> int:
    """Take back everything that a source other than the provider's API brought. Returns how many rows went."""
    assert source != API
    touched: list[tuple[datetime, datetime]] = []
    with transaction.atomic(), connection.cursor() as cursor:
        for table in RECORD_TABLES:
            cursor.execute(
                f'DELETE FROM "{table}" WHERE account_id = %s AND source = %s RETURNING start, "end"',
                [account_id, source],
            )
            touched += cursor.fetchall()
        if touched:
            rollup_rebuild(account_id=account_id, buckets=set(touched))
    return len(touched)


def rollups_rebuild(*, account: ProviderAccount) -> int:
    """Roll up anew every day that the stored records or the falls of the balance tell of, a month in each transaction:
    after the price list changed, or the arithmetic. Returns how many days. Other days stay as they are."""
    days = set(DerivedSpend.objects.filter(account=account).values_list("day", flat=True))
    with connection.cursor() as cursor:
        for table in RECORD_TABLES:
            cursor.execute(f'SELECT DISTINCT start, "end" FROM "{table}" WHERE account_id = %s', [account.pk])
            for start, end in cursor.fetchall():
                days.update(bucket_days(start, end, account.organization))
    for month in sorted({day.replace(day=1) for day in days}):
        with transaction.atomic():
            rollup_rebuild_days(account_id=account.pk, days={day for day in days if day.replace(day=1) == month})
    return len(days)


def _land(
    table: str,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    account_id: int,
    complete: tuple[datetime, datetime] | None,
    source: str,
    starts: Collection[datetime] | None = None,
) -> Landed:
    names = ", ".join(f'"{name}"' for name in columns)
    values = [name for name in columns if name not in _KEY]
    assignments = ", ".join(f'"{name}" = excluded."{name}"' for name in values)
    kept, came = (", ".join(f'{side}."{name}"' for name in values) for side in ("kept", "excluded"))
    with connection.cursor() as cursor:
        # The temporary table lives as long as the transaction; two landings in one transaction share it empty.
        cursor.execute(
            f'CREATE TEMPORARY TABLE IF NOT EXISTS "landing_{table}" (LIKE "{table}") ON COMMIT DROP;'
            f' TRUNCATE "landing_{table}"'
        )
        with cursor.copy(f'COPY "landing_{table}" ({names}) FROM STDIN') as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f'WITH written AS (INSERT INTO "{table}" AS kept ({names}) SELECT {names} FROM "landing_{table}"'
            f" ON CONFLICT (account_id, start, key_hash) DO UPDATE SET {assignments}"
            f" WHERE ({kept}) IS DISTINCT FROM ({came})"
            f' RETURNING start, "end")'
            f' SELECT start, "end", count(*) FROM written GROUP BY 1, 2'
        )
        written = cursor.fetchall()
        removed: list[tuple[datetime, datetime]] = []
        if complete is not None or starts is not None:
            told = "start = ANY(%s)" if complete is None else "start >= %s AND start < %s"
            cursor.execute(
                f'DELETE FROM "{table}" AS kept WHERE account_id = %s AND {told} AND source = %s'
                f' AND NOT EXISTS (SELECT 1 FROM "landing_{table}" AS came'
                f" WHERE came.start = kept.start AND came.key_hash = kept.key_hash)"
                f' RETURNING start, "end"',
                [account_id, *(complete or [sorted(starts or ())]), source],
            )
            removed = cursor.fetchall()
    touched = {(start, end) for start, end, _ in written} | set(removed)
    if touched:
        rollup_rebuild(account_id=account_id, buckets=touched)
    return Landed(changed=sum(count for _, _, count in written), removed=len(removed))


def _usage_rows(account_id: int, buckets: Sequence[UsageBucket], source: str) -> Iterator[tuple[Any, ...]]:
    for bucket in buckets:
        yield (
            account_id,
            bucket.start,
            key_hash(bucket.key, source),
            bucket.end,
            bucket.model or "",
            bucket.provider_key or "",
            bucket.project or "",
            bucket.unit or "",
            bucket.final,
            source,
            bucket.user or "",
            bucket.tier or "",
            bucket.endpoint or "",
            bucket.input_tokens,
            bucket.cached_input_tokens,
            bucket.cache_write_tokens,
            bucket.output_tokens,
            bucket.reasoning_tokens,
            bucket.requests,
            json.dumps({name: str(value) for name, value in bucket.quantities.items()}) if bucket.quantities else "{}",
            bucket.cost,
        )


def _cost_rows(account_id: int, buckets: Sequence[CostBucket], source: str) -> Iterator[tuple[Any, ...]]:
    for bucket in buckets:
        yield (
            account_id,
            bucket.start,
            key_hash(bucket.key, source),
            bucket.end,
            bucket.model or "",
            bucket.provider_key or "",
            bucket.project or "",
            bucket.unit,
            bucket.final,
            source,
            bucket.line_item or "",
            bucket.category,
            bucket.amount,
        )


def key_hash(key: tuple[str, ...], source: str = API) -> UUID:
    """Digest of a record's natural key; what another source tells of the same is another record. The separator cannot
    occur inside a part that came from JSON by accident."""
    if source != API:
        key = (*key, source)
    return UUID(bytes=blake2b("\x1f".join(key).encode(), digest_size=16).digest())


def account_usage_delete(*, account_ids: Sequence[int]) -> None:
    """Remove all records and rollups of these accounts: the record tables have no foreign key that would cascade."""
    DerivedSpend.objects.filter(account__in=account_ids).delete()
    IntakeRow.objects.filter(account__in=account_ids).delete()
    with connection.cursor() as cursor:
        for table in (*RECORD_TABLES, *ROLLUP_TABLES):
            cursor.execute(f'DELETE FROM "{table}" WHERE account_id = ANY(%s)', [list(account_ids)])
