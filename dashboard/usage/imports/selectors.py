"""Reads of imports, and of what others told of the days that one tells of."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from dashboard.balances.models import BalanceSeries
from dashboard.credentials.models import ProviderAccount
from dashboard.usage.imports.held import held_read
from dashboard.usage.imports.lines import Mapping
from dashboard.usage.imports.proposal import Sample, sample_of
from dashboard.usage.imports.trial import COST, USAGE, Told
from dashboard.usage.models import ImportState, UsageImport
from dashboard.usage.rollup import bucket_days

WAITING = (ImportState.PREVIEWED, ImportState.CHECKING, ImportState.CHECKED)
AT_WORK = (ImportState.CHECKING, ImportState.IMPORTING)
LISTED = 100
# The table, and whether a row of it is usage that carries its cost.
_TABLES = {USAGE: ("usage_usagerecord", "cost IS NOT NULL"), COST: ("usage_costrecord", "false")}


def imports_of(*, account: ProviderAccount) -> list[UsageImport]:
    """Newest first."""
    found = UsageImport.objects.filter(account=account).select_related("by")
    return list(found.defer("report").order_by("-at", "-pk")[:LISTED])


def imports_stalled(*, before: datetime) -> list[int]:
    """Imports at work that nobody has touched since."""
    found = UsageImport.objects.filter(state__in=AT_WORK, touched_at__lt=before)
    return list(found.order_by("pk").values_list("pk", flat=True))


def import_twin(*, account: ProviderAccount, sha256: str) -> UsageImport | None:
    """The same file in this account, on its way or imported."""
    same = UsageImport.objects.filter(account=account, sha256=sha256)
    return same.filter(state__in=[*WAITING, ImportState.IMPORTING, ImportState.IMPORTED]).first()


def mapping_remembered(*, account: ProviderAccount, signature: str) -> Mapping | None:
    """What was last said of a file with these columns: for this account, else for another one at the same provider."""
    said = UsageImport.objects.filter(
        organization_id=account.organization_id,
        account__provider_slug=account.provider_slug,
        signature=signature,
        state__in=[ImportState.CHECKED, ImportState.IMPORTED, ImportState.UNDONE],
    ).order_by("-at")
    found = said.filter(account=account).first() or said.first()
    return Mapping.from_json(found.mapping) if found else None


def own_units(*, account: ProviderAccount) -> list[str]:
    """The units of the account's balances."""
    return list(
        BalanceSeries.objects.filter(account=account).order_by("unit").values_list("unit", flat=True).distinct()
    )


def import_sample(usage_import: UsageImport) -> Sample:
    return sample_of(held_read(usage_import), Mapping.from_json(usage_import.mapping).dialect)


def days_by(account: ProviderAccount) -> Callable[[datetime, datetime], list[date]]:
    """The reporting days of a bucket, by the rollup's own rule."""
    return partial(bucket_days, organization=account.organization)


def told_by_others(*, usage_import: UsageImport, span: tuple[datetime, datetime] | None, skip: bool) -> Told:
    """Who else tells of the days from `span[0]` to `span[1]`: better sources, and those as good as an import."""
    told = Told(skip=skip)
    if span is None:
        return told
    days_of = days_by(usage_import.account)
    values: dict[str, Any] = {
        "account": usage_import.account_id,
        "own": usage_import.source,
        "since": span[0] - timedelta(days=2),
        "until": span[1] + timedelta(days=2),
    }
    with connection.cursor() as cursor:
        for kind, (table, priced) in _TABLES.items():
            cursor.execute(
                f"SELECT start, \"end\", source = '', bool_or({priced}) FROM {table} WHERE account_id = %(account)s"
                f" AND source <> %(own)s AND NOT starts_with(source, 'intake:') AND start < %(until)s"
                f' AND (start >= %(since)s OR ("end" - start > interval \'26 hours\' AND "end" > %(since)s))'
                f" GROUP BY 1, 2, 3",
                values,
            )
            for start, end, best, reported in cursor.fetchall():
                days = days_of(start, end)
                (told.better if best else told.rivals)[kind].update(days)
                if best and reported:
                    told.reported.update(days)
    return told


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work under way has come."""

    busy: bool
    done: int
    total: int


def import_progress(usage_import: UsageImport) -> Progress:
    busy = usage_import.state in AT_WORK
    return Progress(busy, usage_import.steps_done, max(1, usage_import.steps))
