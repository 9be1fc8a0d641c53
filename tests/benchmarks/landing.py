"""Landing 100,000 usage rows, beside a bare COPY + INSERT ... ON CONFLICT of the same rows."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import USAGE_COLUMNS, _usage_rows, usage_land
from dashboard.usage.sources import API
from providers.records import UsageBucket
from tests.benchmarks.figures import Figure

ROWS = 100_000
# Six of them are on the price list, so that landing has them to estimate.
MODELS = ("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4o", "gpt-4o-mini", "o3", "model-of-our-own")


def landing() -> Iterator[Figure]:
    """Three rounds in turn on fresh accounts; the best of each, so that a busy machine does not decide."""
    organization = Organization.objects.create(name="Landing")
    buckets = list(_buckets())
    partitions_ensure(table="usage_usagerecord", starts=(bucket.start for bucket in buckets), now=timezone.now())
    ours, bare, again, changed_again = [], [], [], 0
    for _ in range(3):
        account = ProviderAccount.objects.create(organization=organization, provider_slug="openai", label="a")
        other = ProviderAccount.objects.create(organization=organization, provider_slug="openai", label="b")
        rows = list(_usage_rows(other.pk, buckets, API))
        bare.append(_timed(lambda rows=rows: _bare(rows)))
        ours.append(_timed(lambda account=account: _land(account.pk, buckets)))
        began = time.perf_counter()
        changed_again += _land(account.pk, buckets)
        again.append(time.perf_counter() - began)
    yield Figure("landing: 100,000 usage rows with rollup", ROWS / min(ours), "rows/s")
    yield Figure("landing: bare COPY + INSERT ... ON CONFLICT", ROWS / min(bare), "rows/s")
    yield Figure("landing: ours by bare", min(ours) / min(bare), "x", 2.5)
    yield Figure("landing: the same rows again", ROWS / min(again), "rows/s")
    yield Figure("landing: rows changed by landing them again", changed_again, "rows", 0)


def _timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def _buckets() -> Iterator[UsageBucket]:
    """90 days x 24 hours x 47 combinations of model, key and project, cut at 100,000."""
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=90)
    for index in range(ROWS):
        hour, place = divmod(index, 47)
        yield UsageBucket(
            start=start + timedelta(hours=hour),
            end=start + timedelta(hours=hour + 1),
            model=MODELS[place % 7],
            provider_key=f"key_{place % 11}",
            project=f"proj_{place}",
            input_tokens=1000 + index,
            cached_input_tokens=200,
            output_tokens=300,
            requests=7,
        )


def _land(account_id: int, buckets: list[UsageBucket]) -> int:
    with transaction.atomic():
        landed = usage_land(account_id=account_id, buckets=buckets, complete=None)
    return landed.changed + landed.removed


def _bare(rows: list[tuple[Any, ...]]) -> None:
    """The floor: the same tuples, ready made, copied and inserted; nothing compared and nothing rolled up."""
    names = ", ".join(f'"{name}"' for name in USAGE_COLUMNS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute('CREATE TEMPORARY TABLE bare (LIKE "usage_usagerecord") ON COMMIT DROP')
        with cursor.copy(f"COPY bare ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f'INSERT INTO "usage_usagerecord" ({names}) SELECT {names} FROM bare'
            " ON CONFLICT (account_id, start, key_hash) DO UPDATE SET cost = excluded.cost"
        )
