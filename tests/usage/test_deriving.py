"""Derived spend and derived balances as they are stored, beside what providers and people tell."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from dashboard.balances.models import BalanceEntry, BalanceReading, BalanceSeries, EntryKind
from dashboard.balances.services import Place, balances_land
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from dashboard.sync.models import SyncStream
from dashboard.usage.derived.services import derived_balance_refresh, derived_spend_refresh
from dashboard.usage.entries.services import Typed, entry_add, entry_remove
from dashboard.usage.models import DerivedSpend, SpendDaily, UsageDaily
from providers.records import Balance, CostBucket, UsageBucket
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_once
from tests.usage.test_landing import agrees, land

pytestmark = pytest.mark.django_db

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# 16:00 UTC is midnight in Taipei, the organization's zone.
MIDNIGHT = datetime(2026, 11, 15, 16, tzinfo=UTC)
MONDAY = date(2026, 11, 16)
NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")


def read(account: ProviderAccount, at: datetime, *balances: Balance) -> None:
    """As a sync run does it."""
    place = Place(
        organization_id=account.organization_id,
        account_id=account.pk,
        credential_id=None,  # type: ignore[arg-type]  # what read it does not matter here
        interval=timedelta(minutes=5),
    )
    with transaction.atomic():
        if balances_land(place=place, balances=balances, now=at):
            derived_spend_refresh(account=account, now=at)


def wallet(amount: str, unit: str = "CNY", name: str = "Wallet", kind: str = "prepaid") -> Balance:
    return Balance(name=name, kind=kind, amount=Decimal(amount), unit=unit)  # type: ignore[arg-type]


def derived(account: ProviderAccount) -> dict[date, Decimal]:
    return dict(DerivedSpend.objects.filter(account=account).order_by("day").values_list("day", "amount"))


def spend(account: ProviderAccount) -> dict[tuple[date, str], Decimal | None]:
    agrees(account)
    return {(row.day, row.unit): row.spend for row in SpendDaily.objects.filter(account=account)}


def bases(account: ProviderAccount) -> set[str]:
    return set(UsageDaily.objects.filter(account=account).values_list("basis", flat=True))


def typed(kind: EntryKind, amount: str, at: datetime, unit: str = "CNY", **more: object) -> Typed:
    return Typed(kind=kind, amount=Decimal(amount), unit=unit, at=at, **more)  # type: ignore[arg-type]


# --- Spend ------------------------------------------------------------------------------------------------------


def test_falls_become_the_days_cost(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("50"))
    assert spend(account) == {}
    read(account, MIDNIGHT + 10 * HOUR, wallet("44"))
    assert spend(account) == {(MONDAY, "CNY"): Decimal(6)}
    row = UsageDaily.objects.get(account=account)
    assert (row.basis, row.derived, row.provisional) == ("derived", 6, True)
    # From 02:00 UTC to 02:00 UTC: fourteen hours of it are Monday's.
    read(account, MIDNIGHT + 34 * HOUR, wallet("20"))
    assert spend(account) == {(MONDAY, "CNY"): Decimal(20), (MONDAY + DAY, "CNY"): Decimal(10)}
    assert UsageDaily.objects.get(account=account, day=MONDAY).provisional is False


def test_the_days_add_up_to_the_fall_and_the_topups(account: ProviderAccount) -> None:
    amounts = ["50", "41.5", "33.3333", "83.3333", "70", "69.999999999999", "12"]
    for step, amount in enumerate(amounts):
        read(account, MIDNIGHT + step * 17 * HOUR, wallet(amount))
    assert sum(derived(account).values()) == Decimal(50) + Decimal(50) - Decimal(12)
    before = derived(account)
    derived_spend_refresh(account=account, now=NOW, since=MIDNIGHT - 10 * DAY)
    assert {day: amount for day, amount in derived(account).items() if amount} == before


def test_wallets_of_one_currency_are_one_cost_and_other_units_stay_apart(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("50"), wallet("9", name="Voucher"), wallet("7", "USD"), wallet("100", "tokens"))
    later = MIDNIGHT + 5 * HOUR
    read(account, later, wallet("48"), wallet("8", name="Voucher"), wallet("6", "USD"), wallet("90", "tokens"))
    assert spend(account) == {(MONDAY, "CNY"): Decimal(3), (MONDAY, "USD"): Decimal(1)}


def test_money_owed_grows_by_what_was_spent(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("1.50", "USD", kind="owed"))
    read(account, MIDNIGHT + HOUR, wallet("4.00", "USD", kind="owed"))
    assert spend(account) == {(MONDAY, "USD"): Decimal("2.50")}


def test_where_the_provider_tells_a_cost_nothing_is_derived(account: ProviderAccount) -> None:
    land(account, [paid("3")])
    read(account, MIDNIGHT, wallet("50"))
    read(account, MIDNIGHT + 10 * HOUR, wallet("44"))
    assert derived(account) == {}
    assert bases(account) == {"billed"}


def paid(amount: str, day: date = MONDAY, unit: str = "CNY") -> CostBucket:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return CostBucket(start=start, end=start + DAY, amount=Decimal(amount), unit=unit, model="m")


def test_derived_cost_gives_way_to_a_bill_for_the_same_day(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("50"))
    read(account, MIDNIGHT + 34 * HOUR, wallet("16"))
    assert len(spend(account)) == 2
    land(account, [paid("3")])
    assert spend(account)[(MONDAY, "CNY")] == 3
    assert spend(account)[(MONDAY + DAY, "CNY")] == 10
    rows = UsageDaily.objects.filter(account=account, day=MONDAY)
    assert {row.basis for row in rows} == {"billed", "covered"}


def test_tokens_without_a_price_keep_the_derived_cost_of_their_day(account: ProviderAccount) -> None:
    start = datetime(2026, 11, 16, tzinfo=UTC)
    land(account, [UsageBucket(start=start, end=start + DAY, model="m", input_tokens=5, requests=1)])
    read(account, MIDNIGHT, wallet("50"))
    read(account, MIDNIGHT + HOUR, wallet("48"))
    assert spend(account)[(MONDAY, "CNY")] == 2
    # The model is covered by the day's derived cost, so it does not count as unpriced.
    assert bases(account) == {"covered", "derived"}


def test_a_typed_topup_changes_the_day_it_belongs_to(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("10"))
    read(account, MIDNIGHT + 10 * HOUR, wallet("55"))
    assert spend(account) == {(MONDAY, "CNY"): Decimal(0)}
    at = MIDNIGHT + 3 * HOUR
    entry = entry_add(account=account, typed_in=typed(EntryKind.TOPUP, "50", at), by=SYSTEM, now=NOW)
    assert spend(account) == {(MONDAY, "CNY"): Decimal(5)}
    entry_remove(entry=entry, by=SYSTEM, now=NOW)
    assert spend(account) == {(MONDAY, "CNY"): Decimal(0)}


def test_syncing_a_wallet_derives_its_cost(organization: Organization, simulator: SimulatedWire) -> None:
    credential = connected(organization, "deepseek", simulator.now)
    stream = SyncStream.objects.get(credential=credential, capability="balance")
    opening = None
    for _ in range(8):
        run_once(stream, simulator.now)
        if opening is None:
            opening = BalanceReading.objects.get(series__unit="CNY").amount
        simulator.now += 5 * HOUR
    closing = BalanceReading.objects.filter(series__unit="CNY").latest("at").amount
    total = sum(derived(credential.account).values())
    assert opening is not None
    assert total == opening - closing > 0
    # The wallet in dollars never held anything: no cost is told of it, not even none.
    assert {unit for _, unit in spend(credential.account)} == {"CNY"}
    assert bases(credential.account) == {"derived"}


# --- Invoices ---------------------------------------------------------------------------------------------------


def test_an_invoice_is_the_cost_of_its_days(account: ProviderAccount) -> None:
    days = {"first_day": date(2026, 10, 10), "last_day": date(2026, 11, 9)}
    entry = entry_add(account=account, typed_in=typed(EntryKind.INVOICE, "310", NOW, "USD", **days), by=SYSTEM, now=NOW)
    row = SpendDaily.objects.get(account=account)
    assert (row.day, row.last, row.span, row.spend) == (*days.values(), "month", 310)
    assert bases(account) == {"billed"}
    entry_remove(entry=entry, by=SYSTEM, now=NOW)
    assert spend(account) == {}


def test_what_was_derived_for_the_days_of_an_invoice_rests_until_it_is_taken_back(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("50"))
    read(account, MIDNIGHT + 34 * HOUR, wallet("16"))
    before = spend(account)
    days = {"first_day": date(2026, 11, 1), "last_day": date(2026, 11, 16)}
    entry = entry_add(account=account, typed_in=typed(EntryKind.INVOICE, "31", NOW, **days), by=SYSTEM, now=NOW)
    told = {day: amount for (day, _), amount in spend(account).items() if amount is not None}
    assert told == {date(2026, 11, 1): 31, MONDAY + DAY: 10}
    entry_remove(entry=entry, by=SYSTEM, now=NOW)
    assert spend(account) == before


def test_the_providers_own_cost_beats_a_typed_invoice(account: ProviderAccount) -> None:
    land(account, [paid("3")])
    one_day = {"first_day": MONDAY, "last_day": MONDAY}
    entry_add(account=account, typed_in=typed(EntryKind.INVOICE, "99", NOW, **one_day), by=SYSTEM, now=NOW)
    assert spend(account) == {(MONDAY, "CNY"): Decimal(3)}


# --- Balance ----------------------------------------------------------------------------------------------------


def derived_series(account: ProviderAccount) -> BalanceSeries:
    return BalanceSeries.objects.get(account=account, basis="derived")


def balance(account: ProviderAccount, amount: str, at: datetime, unit: str = "CNY") -> BalanceEntry:
    return entry_add(account=account, typed_in=typed(EntryKind.BALANCE, amount, at, unit), by=SYSTEM, now=NOW)


def test_a_typed_balance_goes_down_by_what_is_billed(account: ProviderAccount) -> None:
    balance(account, "100", MIDNIGHT)
    assert (derived_series(account).amount, derived_series(account).at) == (100, MIDNIGHT)
    land(account, [paid("12"), paid("6", MONDAY + DAY)])
    derived_balance_refresh(account=account, now=NOW)
    entry_add(account=account, typed_in=typed(EntryKind.TOPUP, "20", MIDNIGHT + DAY), by=SYSTEM, now=NOW)
    series = derived_series(account)
    assert (series.amount, series.kind, series.name) == (102, "prepaid", "Balance")
    assert series.readings.count() > 4
    assert series.readings.latest("at").amount == series.amount


def test_a_newer_typed_balance_is_where_counting_goes_on(account: ProviderAccount) -> None:
    balance(account, "100", MIDNIGHT)
    land(account, [paid("12"), paid("6", MONDAY + DAY)])
    entry = balance(account, "70", MIDNIGHT + 3 * DAY)
    assert derived_series(account).amount == 70
    entry_remove(entry=entry, by=SYSTEM, now=NOW)
    assert derived_series(account).amount == 82


def test_a_balance_that_the_provider_tells_is_never_derived(account: ProviderAccount) -> None:
    read(account, MIDNIGHT, wallet("50"))
    balance(account, "49", MIDNIGHT)
    balance(account, "7", MIDNIGHT, "USD")
    assert derived_series(account).unit == "USD"


def test_without_a_typed_balance_there_is_none(account: ProviderAccount) -> None:
    entry_add(account=account, typed_in=typed(EntryKind.TOPUP, "20", MIDNIGHT), by=SYSTEM, now=NOW)
    assert not BalanceSeries.objects.exists()
    entry = balance(account, "7", MIDNIGHT)
    entry_remove(entry=entry, by=SYSTEM, now=NOW)
    assert not BalanceSeries.objects.exists()
    assert not BalanceReading.objects.exists()


def test_another_currencys_cost_is_not_taken_off(account: ProviderAccount) -> None:
    balance(account, "100", MIDNIGHT)
    land(account, [paid("12", unit="USD")])
    derived_balance_refresh(account=account, now=NOW)
    assert derived_series(account).amount == 100
