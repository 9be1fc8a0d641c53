"""What was typed in for an account, and how each typed balance compares with what was expected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from dashboard.balances.models import BalanceEntry, BalanceReading, EntryKind
from dashboard.core.languages.numbers import money_words
from dashboard.credentials.models import ProviderAccount
from dashboard.usage.derived.arithmetic import expected_balance
from dashboard.usage.derived.services import DERIVED, spent_since

# A reading of the provider that is farther away than this says nothing of the moment that was typed.
_NEAR = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One entry as pages print it; `check` is a sentence of how a typed balance fits, `off` whether it does not."""

    id: int
    kind: str
    kind_words: str
    amount: Decimal
    unit: str
    at: datetime
    first_day: date | None
    last_day: date | None
    note: str
    who: str
    created_at: datetime
    check: str
    off: bool

    @property
    def dialog(self) -> str:
        """Id of the dialog that asks before it is removed."""
        return f"remove-entry-{self.id}"


def entries_view(*, account: ProviderAccount, now: datetime) -> list[EntryRow]:
    """Newest first."""
    entries = list(BalanceEntry.objects.filter(account=account).select_related("created_by").order_by("-at", "-pk"))
    return [_row(account, entry, entries, now) for entry in entries]


def _row(account: ProviderAccount, entry: BalanceEntry, entries: Sequence[BalanceEntry], now: datetime) -> EntryRow:
    expected = _expected(account, entry, entries, now) if entry.kind == EntryKind.BALANCE else None
    return EntryRow(
        id=entry.pk,
        kind=entry.kind,
        kind_words=str(EntryKind(entry.kind).label),
        amount=entry.amount,
        unit=entry.unit,
        at=entry.at,
        first_day=entry.first_day,
        last_day=entry.last_day,
        note=entry.note,
        who=str(entry.created_by or _("somebody who left")),
        created_at=entry.created_at,
        check="" if expected is None else _difference_words(entry.amount - expected, entry.unit),
        off=expected is not None and _cents(entry.amount - expected) != 0,
    )


def _expected(
    account: ProviderAccount, entry: BalanceEntry, entries: Sequence[BalanceEntry], now: datetime
) -> Decimal | None:
    """What the provider told about that time, else what the balance typed before leads to; None for the first."""
    told = (
        BalanceReading.objects.filter(
            series__account=account, series__unit=entry.unit, at__range=(entry.at - _NEAR, entry.at + _NEAR)
        )
        .exclude(series__basis=DERIVED)
        .exclude(series__kind="owed")
    )
    nearest = min(told, key=lambda reading: abs(reading.at - entry.at), default=None)
    if nearest is not None:
        return nearest.amount
    same = [one for one in entries if one.unit == entry.unit and (one.at, one.pk) < (entry.at, entry.pk)]
    before = next((one for one in same if one.kind == EntryKind.BALANCE), None)
    if before is None:
        return None
    return expected_balance(
        before.at,
        before.amount,
        entry.at,
        topups=[(one.at, one.amount) for one in same if one.kind == EntryKind.TOPUP],
        spent=spent_since(account=account, unit=entry.unit, since=before.at),
        zone=account.organization.zone,
        now=now,
    )


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))


def _difference_words(difference: Decimal, unit: str) -> str:
    cents = _cents(difference)
    if not cents:
        return _("as expected")
    words = _("%(amount)s more than expected") if cents > 0 else _("%(amount)s less than expected")
    return words % {"amount": money_words(abs(cents), unit)}
