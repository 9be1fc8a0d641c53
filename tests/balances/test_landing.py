"""Landing of balances and quotas: append-only readings, one series each, and what stays apart."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from dashboard.balances.models import BalanceReading, BalanceSeries, QuotaReading, QuotaSeries
from dashboard.balances.services import (
    STORE_AT_LEAST_EVERY,
    Place,
    balance_history_import,
    balances_land,
    percent_used,
    quotas_land,
)
from dashboard.organizations.models import Organization
from providers.records import Balance, Quota
from tests.sync.driving import connected

MINUTES = timedelta(minutes=5)


@pytest.fixture
def place(organization: Organization, now: datetime) -> Place:
    return place_of(organization, now)


def place_of(organization: Organization, now: datetime, account: Any = None) -> Place:
    credential = connected(organization, "deepseek", now)
    if account is not None:
        credential.account_id = account
        credential.save()
    return Place(
        organization_id=organization.pk,
        account_id=credential.account_id,
        credential_id=credential.pk,
        interval=MINUTES,
    )


def wallet(amount: str, unit: str = "CNY", **more: Any) -> Balance:
    return Balance(name=f"{unit} wallet", kind="prepaid", amount=Decimal(amount), unit=unit, **more)


def amounts(series: BalanceSeries) -> list[tuple[datetime, Decimal]]:
    return list(BalanceReading.objects.filter(series=series).order_by("at", "pk").values_list("at", "amount"))


def test_a_changed_balance_appends_and_never_alters(place: Place, now: datetime) -> None:
    balances_land(place=place, balances=[wallet("10")], now=now)
    (first,) = BalanceReading.objects.values_list("pk", "at", "amount")
    assert balances_land(place=place, balances=[wallet("9.5")], now=now + MINUTES) == 1
    series = BalanceSeries.objects.get()
    assert amounts(series) == [(now, Decimal(10)), (now + MINUTES, Decimal("9.5"))]
    assert BalanceReading.objects.values_list("pk", "at", "amount").get(pk=first[0]) == first
    assert (series.amount, series.at) == (Decimal("9.5"), now + MINUTES)


def test_an_unchanged_balance_is_stored_once_an_hour_and_its_age_moves_on(place: Place, now: datetime) -> None:
    for step in range(25):
        balances_land(place=place, balances=[wallet("10")], now=now + step * MINUTES)
    series = BalanceSeries.objects.get()
    assert [at for at, _ in amounts(series)] == [now + hours * STORE_AT_LEAST_EVERY for hours in range(3)]
    assert series.at == now + 24 * MINUTES


def test_landing_the_same_moment_twice_appends_once(place: Place, now: datetime) -> None:
    for _ in range(2):
        balances_land(place=place, balances=[wallet("10", granted=Decimal(2))], now=now)
    assert BalanceReading.objects.count() == 1


def test_two_wallets_are_two_series_and_never_added(place: Place, now: datetime) -> None:
    balances_land(place=place, balances=[wallet("10", "CNY"), wallet("0", "USD")], now=now)
    balances_land(place=place, balances=[wallet("10", "CNY"), wallet("3", "USD")], now=now + MINUTES)
    assert dict(BalanceSeries.objects.values_list("unit", "amount")) == {"CNY": Decimal(10), "USD": Decimal(3)}
    assert [amount for _, amount in amounts(BalanceSeries.objects.get(unit="CNY"))] == [Decimal(10)]
    assert [amount for _, amount in amounts(BalanceSeries.objects.get(unit="USD"))] == [Decimal(0), Decimal(3)]


def test_a_wallet_that_is_no_longer_told_keeps_its_last_value_and_age(place: Place, now: datetime) -> None:
    balances_land(place=place, balances=[wallet("10", "CNY"), wallet("4", "USD")], now=now)
    balances_land(place=place, balances=[wallet("9", "CNY")], now=now + MINUTES)
    kept = BalanceSeries.objects.get(unit="USD")
    assert (kept.amount, kept.at) == (Decimal(4), now)
    balances_land(place=place, balances=[], now=now + 2 * MINUTES)
    assert BalanceSeries.objects.get(unit="CNY").amount == Decimal(9)


def test_granted_credit_is_kept_beside_the_amount(place: Place, now: datetime) -> None:
    balances_land(place=place, balances=[wallet("10", granted=Decimal("2.5"))], now=now)
    balances_land(place=place, balances=[wallet("10", granted=Decimal(0))], now=now + MINUTES)
    balances_land(place=place, balances=[wallet("10")], now=now + 2 * MINUTES)
    told = list(BalanceReading.objects.order_by("at").values_list("amount", "granted"))
    assert told == [(Decimal(10), Decimal("2.5")), (Decimal(10), Decimal(0)), (Decimal(10), None)]
    assert BalanceSeries.objects.get().granted is None, "no longer told is not zero"


def test_what_is_owed_has_no_runway(place: Place, now: datetime) -> None:
    owed = Balance(name="Account", kind="owed", amount=Decimal("31.07"), unit="USD")
    posted = Balance(name="Ledger", kind="prepaid", amount=Decimal(50), unit="USD", basis="posted")
    for day in range(3):
        balances_land(place=place, balances=[owed, posted], now=now + timedelta(days=day))
    assert dict(BalanceSeries.objects.values_list("kind", "runway_reason")) == {"owed": "owed", "prepaid": "posted"}
    assert not BalanceSeries.objects.filter(runway_likely_days__isnull=False).exists()


def test_an_account_that_turns_from_prepaid_to_owed_shows_both_with_their_ages(place: Place, now: datetime) -> None:
    balances_land(place=place, balances=[Balance(name="A", kind="prepaid", amount=Decimal(1), unit="USD")], now=now)
    later = now + MINUTES
    balances_land(place=place, balances=[Balance(name="A", kind="owed", amount=Decimal(2), unit="USD")], now=later)
    rows = {series.kind: (series.amount, series.at) for series in BalanceSeries.objects.all()}
    assert rows == {"prepaid": (Decimal(1), now), "owed": (Decimal(2), later)}


def test_twelve_decimals_are_kept_and_more_are_no_change(place: Place, now: datetime) -> None:
    balances_land(place=place, balances=[wallet("0.123456789012")], now=now)
    assert BalanceSeries.objects.get().amount == Decimal("0.123456789012")
    assert balances_land(place=place, balances=[wallet("0.1234567890120004")], now=now + MINUTES) == 0
    assert BalanceReading.objects.count() == 1


def test_runway_comes_with_a_day_of_readings(place: Place, now: datetime) -> None:
    for hour in range(26):
        amount = Decimal(500) - hour * 2
        balances_land(place=place, balances=[wallet(str(amount))], now=now + timedelta(hours=hour))
        reason = BalanceSeries.objects.get().runway_reason
        assert reason == ("too_new" if hour < 24 else ""), f"after {hour} hours"
    series = BalanceSeries.objects.get()
    assert series.burn_per_day == Decimal(48)
    assert series.runway_likely_days == pytest.approx(450 / 48, abs=0.1)
    assert [day for day, _ in series.spark] == ["2026-11-20", "2026-11-21"]


# --- Older readings brought along -------------------------------------------------------------------------------


def test_imported_history_stands_before_the_first_reading(place: Place, now: datetime) -> None:
    past = [(now - timedelta(hours=hours), [wallet(str(500 + hours))]) for hours in range(72, 0, -1)]
    assert balance_history_import(place=place, readings=past, now=now) == 72
    series = BalanceSeries.objects.get()
    assert (series.amount, series.at) == (Decimal(501), now - timedelta(hours=1))
    assert series.runway_reason == "stale", "an hour is too old to tell a runway from"
    assert len(series.spark) == 4
    balances_land(place=place, balances=[wallet("500")], now=now)
    assert BalanceReading.objects.filter(series=series).count() == 73
    series.refresh_from_db()
    assert series.runway_reason == "", "and the first live reading has the whole past to judge by"
    assert float(series.burn_per_day or 0) == pytest.approx(24)


def test_importing_nothing_writes_nothing(place: Place, now: datetime) -> None:
    assert balance_history_import(place=place, readings=[(now, [])], now=now) == 0
    assert not BalanceSeries.objects.exists()


# --- Quotas -----------------------------------------------------------------------------------------------------


def cap(used: str | None = None, limit: str | None = "100", **more: Any) -> Quota:
    return Quota(
        **{
            "name": "Spend limit",
            "unit": "USD",
            "window": "month",
            "used": None if used is None else Decimal(used),
            "limit": None if limit is None else Decimal(limit),
            **more,
        }
    )


def land(place: Place, quotas: list[Quota], now: datetime, *, per_key: bool = False) -> int:
    return quotas_land(place=place, quotas=quotas, per_key=per_key, now=now)


def test_quota_readings_append_on_change_and_once_an_hour(place: Place, now: datetime) -> None:
    for step in range(13):
        land(place, [cap("10")], now + step * MINUTES)
    land(place, [cap("11")], now + 13 * MINUTES)
    told = list(QuotaReading.objects.order_by("at").values_list("at", "used"))
    assert told == [
        (now, Decimal(10)),
        (now + timedelta(hours=1), Decimal(10)),
        (now + 13 * MINUTES, Decimal(11)),
    ]
    series = QuotaSeries.objects.get()
    assert (series.used, series.percent_used, series.at) == (Decimal(11), Decimal(11), now + 13 * MINUTES)


def test_a_quota_that_goes_and_comes_back_is_one_series(place: Place, now: datetime) -> None:
    land(place, [cap("10"), cap("1", name="Other")], now)
    land(place, [cap("1", name="Other")], now + MINUTES)
    gone = QuotaSeries.objects.get(name="Spend limit")
    assert (gone.gone, gone.used, gone.at) == (True, Decimal(10), now), "its last word stands, with its age"
    land(place, [cap("12"), cap("1", name="Other")], now + 2 * MINUTES)
    back = QuotaSeries.objects.get(name="Spend limit")
    assert (back.pk, back.gone, back.used) == (gone.pk, False, Decimal(12))
    assert QuotaReading.objects.filter(series=back).count() == 2


def test_limits_of_two_keys_of_one_account_stay_apart(organization: Organization, place: Place, now: datetime) -> None:
    other = place_of(organization, now, account=place.account_id)
    land(place, [cap("10")], now, per_key=True)
    land(other, [cap("70")], now, per_key=True)
    land(place, [], now + MINUTES, per_key=True)
    rows = {row.credential_id: (row.used, row.gone) for row in QuotaSeries.objects.all()}
    assert rows == {place.credential_id: (Decimal(10), True), other.credential_id: (Decimal(70), False)}


def test_limits_of_the_account_are_one_series_whoever_reads_them(
    organization: Organization, place: Place, now: datetime
) -> None:
    other = place_of(organization, now, account=place.account_id)
    land(place, [cap("10")], now)
    land(other, [cap("11")], now + MINUTES)
    series = QuotaSeries.objects.get()
    assert (series.credential_id, series.used) == (None, Decimal(11))


def test_unknown_stays_unknown(place: Place, now: datetime) -> None:
    land(place, [cap(None, None), cap("0", "100", name="Nothing used"), cap(None, "100", name="Limit alone")], now)
    rows = {row.name: (row.used, row.limit, row.percent_used) for row in QuotaSeries.objects.all()}
    assert rows == {
        "Spend limit": (None, None, None),
        "Nothing used": (Decimal(0), Decimal(100), Decimal(0)),
        "Limit alone": (None, Decimal(100), None),
    }


@pytest.mark.parametrize(
    ("quota", "wanted"),
    [
        (cap("25"), Decimal(25)),
        (cap("150"), Decimal(150)),
        (cap(None, remaining=Decimal(40)), Decimal(60)),
        (cap("10", percent_used=Decimal("33.33333")), Decimal("33.3333")),
        (cap("10", "0"), None),
        (cap("10", "-1"), None),
        (cap("10", None), None),
        (cap(None, None, remaining=Decimal(3)), None),
    ],
)
def test_percent_used_is_told_computed_or_unknown(quota: Quota, wanted: Decimal | None) -> None:
    assert percent_used(quota) == wanted
