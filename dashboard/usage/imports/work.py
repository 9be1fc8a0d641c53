"""The long work of an import: trying a file, and landing it. Whoever dies is followed: a trial begins anew, a landing
goes on behind the last share that is in the database, and a share that is there already changes nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext_noop

from dashboard.core.encryption import Unreadable
from dashboard.usage.derived.services import derived_balance_refresh
from dashboard.usage.imports.held import Gone, held_drop, held_read
from dashboard.usage.imports.lines import Line, Mapping, Reader, Refusal, Repeat, Sums
from dashboard.usage.imports.selectors import AT_WORK, days_by, own_units, told_by_others
from dashboard.usage.imports.trial import COST, USAGE, Trial
from dashboard.usage.models import ImportState, UsageImport
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import cost_land, records_remove, usage_land

MOST_TRIES = 4
Clock = Callable[[], datetime]


def import_work(*, import_id: int, clock: Clock) -> None:
    """Do what an import waits for. Nothing when somebody took it back meanwhile."""
    with transaction.atomic():
        rows = UsageImport.objects.select_for_update(of=("self",)).select_related("account__organization")
        row = rows.filter(pk=import_id, state__in=AT_WORK).first()
        if row is None:
            return
        row.tries, row.touched_at = row.tries + 1, clock()
        row.save(update_fields=["tries", "touched_at"])
    if row.tries > MOST_TRIES:
        words = gettext_noop(
            "Purser stopped %(tries)d times while working on this file. Nothing was imported. Upload it again; if it "
            "stops again, tell whoever runs Purser."
        )
        _fail(row, words % {"tries": MOST_TRIES}, clock())
        return
    try:
        # What is stored is English: the page says it in the language of whoever reads it.
        with translation.override("en"):
            (_try if row.state == ImportState.CHECKING else _land)(row, clock)
    except (Unreadable, Gone):
        _fail(row, gettext_noop("The upload cannot be read any more. Nothing was imported: upload it again."), clock())


def _fail(row: UsageImport, words: str, now: datetime) -> None:
    """Give up, and leave nothing behind."""
    with transaction.atomic():
        locked = UsageImport.objects.select_for_update(of=("self",)).filter(pk=row.pk, state__in=AT_WORK).first()
        if locked is None:
            return
        if records_remove(account_id=row.account_id, source=row.source):
            derived_balance_refresh(account=row.account, now=now)
        held_drop(usage_import=row)
        locked.state, locked.problem, locked.touched_at = ImportState.FAILED, words, now
        locked.save(update_fields=["state", "problem", "touched_at"])


def _lines(row: UsageImport, mapping: Mapping, clock: Clock, *, counted: bool) -> Iterator[Line | Refusal | Repeat]:
    """The lines of the upload. Each piece that was read is a sign of life, and a step when `counted`."""

    def pieces() -> Iterator[bytes]:
        for number, piece in enumerate(held_read(row), 1):
            yield piece
            if number % 8 == 0:
                steps = {"steps_done": number} if counted else {}
                UsageImport.objects.filter(pk=row.pk, state=row.state).update(touched_at=clock(), **steps)

    return Reader(mapping, until=row.at, own_units=own_units(account=row.account)).read(pieces())


def _try(row: UsageImport, clock: Clock) -> None:
    mapping, trial = Mapping.from_json(row.mapping), Trial()
    for found in _lines(row, mapping, clock, counted=True):
        trial.take(found)
    told = told_by_others(usage_import=row, span=trial.span(), skip=mapping.overlap == "skip")
    report = trial.report(days_by(row.account), told)
    UsageImport.objects.filter(pk=row.pk, state=ImportState.CHECKING).update(
        state=ImportState.CHECKED, report=report, steps_done=row.steps, touched_at=clock()
    )


def _land(row: UsageImport, clock: Clock) -> None:
    for share in range(row.steps_done, row.steps):
        sums = _share(row, share, clock)
        if not _share_land(row, share, sums, clock()):
            return


def _share(row: UsageImport, share: int, clock: Clock) -> Sums:
    """One share of the file, summed: as much as memory should hold at once."""
    mapping, sums = Mapping.from_json(row.mapping), Sums()
    days_of = days_by(row.account)
    told = told_by_others(usage_import=row, span=_span(row), skip=mapping.overlap == "skip")
    for found in _lines(row, mapping, clock, counted=False):
        if isinstance(found, Line) and found.share % row.steps == share:
            days = days_of(found.start, found.end)
            sums.take(found, usage=not told.left_out(USAGE, days), cost=not told.left_out(COST, days))
    return sums


def _span(row: UsageImport) -> tuple[datetime, datetime]:
    """Wide enough for every bucket of the file, months and zones included."""
    first, last = (date.fromisoformat(row.report["days"][place]["day"]) for place in (0, -1))
    midnight = time(tzinfo=UTC)
    return datetime.combine(first, midnight) - timedelta(days=2), datetime.combine(last, midnight) + timedelta(days=33)


def _share_land(row: UsageImport, share: int, sums: Sums, now: datetime) -> bool:
    """Land a share whole, if nobody else did or took the import back. False when there is nothing left to do."""
    usage, cost = sums.usage(), sums.cost()
    partitions_ensure(table="usage_usagerecord", starts=(one.start for one in usage), now=now)
    partitions_ensure(table="usage_costrecord", starts=(one.start for one in cost), now=now)
    with transaction.atomic():
        locked = UsageImport.objects.select_for_update(of=("self",)).get(pk=row.pk)
        if locked.state != ImportState.IMPORTING or locked.steps_done != share:
            return False
        usage_land(account_id=row.account_id, buckets=usage, source=row.source)
        cost_land(account_id=row.account_id, buckets=cost, source=row.source)
        locked.steps_done, locked.records, locked.touched_at = (
            share + 1,
            (locked.records or 0) + len(usage) + len(cost),
            now,
        )
        if locked.steps_done == locked.steps:
            locked.state, locked.imported_at = ImportState.IMPORTED, now
            held_drop(usage_import=locked)
            derived_balance_refresh(account=row.account, now=now)
        locked.save(update_fields=["steps_done", "records", "touched_at", "state", "imported_at"])
    return True
