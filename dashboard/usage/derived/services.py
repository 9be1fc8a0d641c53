"""What one kind of figure says about the other: spend from falls of a balance, a balance from what was billed.

Both are made of what is stored, may be made anew at any time, and are labelled as derived wherever they are shown.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import chain, pairwise
from typing import Any

from django.db import connection, models
from django.db.models import Max

from dashboard.balances.models import BalanceEntry, BalanceReading, BalanceSeries, EntryKind
from dashboard.balances.services import outlook_refresh, stored
from dashboard.credentials.models import ProviderAccount
from dashboard.usage.derived.arithmetic import (
    Reading,
    Spent,
    balance_points,
    cost_by_day,
    midnight_before,
    movements,
)
from dashboard.usage.models import DerivedSpend, SpendDaily
from dashboard.usage.rollup import rollup_rebuild_days

DERIVED = "derived"
# Counts that no money is behind; everything else that falls was spent.
_COUNTS = frozenset({"tokens", "requests", "seats", "percent"})
_MONEY_KINDS = ("prepaid", "granted", "owed")
_BACK_FOR_EXPIRY = timedelta(days=7)
_FRESH_FOR = timedelta(days=2)
_TYPED_FRESH_FOR = timedelta(days=31)

_PRICED = """
SELECT EXISTS (SELECT 1 FROM usage_costrecord
               WHERE account_id = %(account)s AND start >= %(month)s AND source = '')
    OR EXISTS (SELECT 1 FROM usage_usagerecord
               WHERE account_id = %(account)s AND start >= %(days)s AND source = '' AND cost IS NOT NULL)
"""


def derived_spend_refresh(*, account: ProviderAccount, now: datetime, since: datetime | None = None) -> None:
    """Derive the account's cost of the days that its newest balance readings tell of, or of all days from `since` on,
    and roll those days up. Nothing for an account whose provider tells its cost. Inside the caller's transaction."""
    series = list(BalanceSeries.objects.filter(account=account, kind__in=_MONEY_KINDS, basis="live"))
    series = [one for one in series if one.unit not in _COUNTS]
    if not series or _tells_cost(account, now):
        return
    start = since if since is not None else _previous_reading(series)
    if start is None:
        return
    zone = account.organization.zone
    first_day = start.astimezone(zone).date()
    amounts: dict[tuple[date, str], Decimal] = {}
    topups = _typed_topups(account)
    for one in series:
        typed = topups.pop(one.unit, []) if one.kind == "prepaid" else []
        readings = _readings(one, midnight_before(start, zone))
        if not any(reading.amount for reading in readings):
            continue  # a wallet that nobody uses
        steps = movements(readings, topups=typed)
        for day, amount in cost_by_day((step.fall for step in steps), zone).items():
            if day >= first_day:
                amounts[(day, one.unit)] = amounts.get((day, one.unit), Decimal(0)) + amount
    rows = [
        DerivedSpend(
            account=account,
            day=day,
            unit=unit,
            amount=stored(amount),
            provisional=day == now.astimezone(zone).date(),
        )
        for (day, unit), amount in amounts.items()
    ]
    changed = _changed(account, rows)
    DerivedSpend.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["account", "day", "unit"],
        update_fields=["amount", "provisional"],
    )
    rollup_rebuild_days(account_id=account.pk, days={row.day for row in changed})


def _changed(account: ProviderAccount, rows: Sequence[DerivedSpend]) -> list[DerivedSpend]:
    known = {
        (row.day, row.unit): (row.amount, row.provisional)
        for row in DerivedSpend.objects.filter(account=account, day__in={row.day for row in rows})
    }
    return [row for row in rows if known.get((row.day, row.unit)) != (row.amount, row.provisional)]


def _tells_cost(account: ProviderAccount, now: datetime) -> bool:
    values: dict[str, Any] = {"account": account.pk, "month": now - timedelta(days=35), "days": now - timedelta(days=3)}
    with connection.cursor() as cursor:
        cursor.execute(_PRICED, values)
        return bool(cursor.fetchone()[0])


def _previous_reading(series: Iterable[BalanceSeries]) -> datetime | None:
    """The last reading but one of any of them: what was read since may have changed the days from there on."""
    found = [
        at
        for one in series
        for at in BalanceReading.objects.filter(series=one).order_by("-at").values_list("at", flat=True)[1:2]
    ]
    return min(found, default=None)


def _typed_topups(account: ProviderAccount) -> dict[str, list[tuple[datetime, Decimal]]]:
    found: dict[str, list[tuple[datetime, Decimal]]] = {}
    for entry in BalanceEntry.objects.filter(account=account, kind=EntryKind.TOPUP).order_by("at"):
        found.setdefault(entry.unit, []).append((entry.at, entry.amount))
    return found


def _readings(series: BalanceSeries, since: datetime) -> list[Reading]:
    """The readings from the last one before `since` on; money owed counts as less than nothing."""
    everything = BalanceReading.objects.filter(series=series)
    begin = everything.filter(at__lte=since).aggregate(Max("at"))["at__max"] or since
    rows = list(everything.filter(at__gte=begin).order_by("at", "pk"))
    if any(before.granted and after.granted == 0 for before, after in pairwise(rows)):
        # Whether a grant was used up or taken away is told by the pace before.
        earlier = everything.filter(at__gte=begin - _BACK_FOR_EXPIRY, at__lt=begin).order_by("at", "pk")
        rows = list(chain(earlier, rows))
    sign = -1 if series.kind == "owed" else 1
    return [Reading(row.at, sign * row.amount, row.granted, row.expires_at) for row in rows]


# --- A balance from what was billed -----------------------------------------------------------------------------


def derived_balance_refresh(*, account: ProviderAccount, now: datetime) -> None:
    """Make the derived balances of an account anew: what a person typed in, plus top-ups, less what was spent since.
    Only for units in which the provider tells no balance. Inside the caller's transaction."""
    entries = list(BalanceEntry.objects.filter(account=account).exclude(kind=EntryKind.INVOICE).order_by("at", "pk"))
    units = {entry.unit for entry in entries if entry.kind == EntryKind.BALANCE}
    if units:
        units -= set(
            BalanceSeries.objects.filter(account=account).exclude(basis=DERIVED).values_list("unit", flat=True)
        )
    BalanceSeries.objects.filter(account=account, basis=DERIVED).exclude(unit__in=units).delete()
    for unit in sorted(units):
        _derive_balance(account, unit, [entry for entry in entries if entry.unit == unit], now)


def _derive_balance(account: ProviderAccount, unit: str, entries: Sequence[BalanceEntry], now: datetime) -> None:
    anchors = [(entry.at, entry.amount) for entry in entries if entry.kind == EntryKind.BALANCE and entry.at <= now]
    topups = [(entry.at, entry.amount) for entry in entries if entry.kind == EntryKind.TOPUP and entry.at <= now]
    if not anchors:
        BalanceSeries.objects.filter(account=account, basis=DERIVED, unit=unit).delete()
        return
    spent = spent_since(account=account, unit=unit, since=anchors[0][0])
    points = balance_points(anchors, topups=topups, spent=spent, zone=account.organization.zone, now=now)
    follows = any(one.last >= anchors[-1][0].date() for one in spent)
    amount = stored(points[-1][1])
    at = now if follows else max(moment for moment, _ in (*anchors, *topups))
    series, _ = BalanceSeries.objects.update_or_create(
        account=account,
        name="Balance",
        kind="prepaid",
        unit=unit,
        basis=DERIVED,
        defaults={
            "organization_id": account.organization_id,
            "amount": amount,
            "at": at,
            "stored_at": at,
            "fresh_for_seconds": int((_FRESH_FOR if follows else _TYPED_FRESH_FOR).total_seconds()),
        },
    )
    old = BalanceReading.objects.filter(series=series)
    old._raw_delete(old.db)
    BalanceReading.objects.bulk_create(
        [BalanceReading(series=series, at=moment, amount=stored(value)) for moment, value in points if moment <= at],
        batch_size=2000,
    )
    outlook_refresh(series=series, now=now)


def spent_since(*, account: ProviderAccount, unit: str, since: datetime) -> list[Spent]:
    """The spend of an account in a unit, from the day of that moment on. What is only estimated is left out: a price
    list takes nothing from a balance."""
    first = since.astimezone(account.organization.zone).date()
    rows = SpendDaily.objects.filter(
        models.Q(day__gte=first) | models.Q(last__gte=first), account=account, unit=unit, spend__isnull=False
    ).order_by("day")
    return [
        Spent(row.day, row.last or row.day, (row.spend or Decimal(0)) - (row.estimated or Decimal(0)))
        for row in rows
        if row.spend != row.estimated
    ]
