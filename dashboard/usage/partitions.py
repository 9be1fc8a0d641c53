"""Monthly partitions of the record tables. Old months are dropped whole, never deleted row by row."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from providers.errors import PayloadError

EARLIEST = datetime(2015, 1, 1, tzinfo=UTC)


def month_of(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def partitions_ensure(*, table: str, starts: Iterable[datetime], now: datetime) -> None:
    """Make the partitions that these bucket starts need. Call it outside the landing transaction: a new partition
    locks its table. Raises PayloadError for times that no account can have, before a partition is made for them."""
    months = {month_of(start) for start in starts}
    if any(not EARLIEST <= month <= now + timedelta(days=62) for month in months):
        raise PayloadError("The answer holds a bucket far outside of any account's history.")
    wanted = {f"{table}_{month:%Y_%m}": month for month in months}
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY(%s)", [list(wanted)])
        missing = sorted(set(wanted) - {name for (name,) in cursor.fetchall()})
    for name in missing:
        month = wanted[name]
        following = month_of(month + timedelta(days=32))
        with transaction.atomic(), connection.cursor() as cursor:
            # Two workers may see the same gap: one makes the partition while the other waits here.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])
            cursor.execute(
                f'CREATE TABLE IF NOT EXISTS "{name}" PARTITION OF "{table}" '
                f"FOR VALUES FROM ('{month:%Y-%m-%d}+00') TO ('{following:%Y-%m-%d}+00')"
            )
