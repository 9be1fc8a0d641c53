"""What a person types in because no API tells it: a balance, a top-up, an invoice."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from django.db import transaction

from dashboard.balances.models import BalanceEntry, EntryKind
from dashboard.balances.services import stored
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import Actor, audit_record
from dashboard.usage.derived.services import derived_balance_refresh, derived_spend_refresh
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import cost_land, records_remove
from dashboard.usage.sources import typed
from providers.records import CostBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed. `at` is when it was so (of an invoice: when it was issued); an invoice is for the days
    [first_day, last_day]."""

    kind: EntryKind
    amount: Decimal
    unit: str
    at: datetime
    first_day: date | None = None
    last_day: date | None = None
    note: str = ""


def entry_add(*, account: ProviderAccount, typed_in: Typed, by: Actor, now: datetime) -> BalanceEntry:
    """Store it and make what follows from it anew. An invoice becomes cost of its days, where the provider's own API
    tells none. Raises PayloadError for days that no account can have."""
    invoice = typed_in.kind == EntryKind.INVOICE
    if invoice:
        partitions_ensure(table="usage_costrecord", starts=[_span(typed_in)[0]], now=now)
    with transaction.atomic():
        entry = BalanceEntry.objects.create(
            organization_id=account.organization_id,
            account=account,
            kind=typed_in.kind,
            amount=stored(typed_in.amount),
            unit=typed_in.unit,
            at=typed_in.at,
            first_day=typed_in.first_day if invoice else None,
            last_day=typed_in.last_day if invoice else None,
            note=typed_in.note,
            created_by=by.user,
            created_at=now,
        )
        if invoice:
            cost_land(account_id=account.pk, buckets=_buckets(typed_in), source=typed(entry.pk))
        _follow(account, entry, now)
        _record(account, entry, "entry.added", by, now)
    return entry


def entry_remove(*, entry: BalanceEntry, by: Actor, now: datetime) -> None:
    """Take it back with everything that followed from it."""
    account = entry.account
    with transaction.atomic():
        _record(account, entry, "entry.removed", by, now)
        if entry.kind == EntryKind.INVOICE:
            records_remove(account_id=account.pk, source=typed(entry.pk))
        entry.delete()
        _follow(account, entry, now)


def _follow(account: ProviderAccount, entry: BalanceEntry, now: datetime) -> None:
    if entry.kind == EntryKind.TOPUP:
        derived_spend_refresh(account=account, now=now, since=entry.at)
    derived_balance_refresh(account=account, now=now)


def _span(typed_in: Typed) -> tuple[datetime, datetime]:
    """The days of an invoice as a span of UTC days, which is how bills are written."""
    assert typed_in.first_day is not None and typed_in.last_day is not None
    midnight = time(tzinfo=UTC)
    return (
        datetime.combine(typed_in.first_day, midnight),
        datetime.combine(typed_in.last_day + timedelta(days=1), midnight),
    )


def _buckets(typed_in: Typed) -> Sequence[CostBucket]:
    start, end = _span(typed_in)
    return [
        CostBucket(
            start=start,
            end=end,
            amount=typed_in.amount,
            unit=typed_in.unit,
            line_item=typed_in.note or None,
            category="usage" if typed_in.amount >= 0 else "credit",
            final=True,
        )
    ]


def _record(account: ProviderAccount, entry: BalanceEntry, action: str, by: Actor, now: datetime) -> None:
    told = {"kind": entry.kind, "amount": entry.amount.normalize(), "unit": entry.unit, "at": entry.at}
    if entry.kind == EntryKind.INVOICE:
        told |= {"first_day": entry.first_day, "last_day": entry.last_day}
    if entry.note:
        told["note"] = entry.note
    added = action == "entry.added"
    audit_record(
        organization=account.organization,
        by=by,
        action=action,
        now=now,
        subject=entry,
        words=str(account),
        changes={name: (None, value) if added else (value, None) for name, value in told.items()},
    )
