"""Moonshot against its simulated accounts: both products, both regions, and keys of the wrong one."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from providers.adapters.moonshot import PROVIDER
from providers.collect import Credentials, check, collect
from providers.errors import ActionNeeded, NotAvailable
from providers.records import Balance, Model, Quota
from providers.simulator.parts.moonshot import PROFILE, windows
from providers.spec import Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 20, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=10), end=NOW, now=NOW)


def key(product: str, region: str = "intl", value: str = "") -> Credentials:
    chosen = value or ("sk-kimi-sim-harbor" if product == "kimi_code" else "sk-sim-harbor")
    return Credentials(values={"product": product, "region": region, "api_key": chosen})


@pytest.mark.parametrize("back", range(10))
@pytest.mark.parametrize(("region", "unit"), [("intl", "USD"), ("cn", "CNY")])
def test_the_balance_is_the_ledgers(region: str, unit: str, back: int) -> None:
    now = NOW - timedelta(days=back)
    send, simulator = simulated("moonshot", now)
    account = simulator.world.account(PROFILE, "harbor")
    (balance,) = collect(PROVIDER, "balance", key("open_platform", region), WINDOW, send).records
    assert isinstance(balance, Balance)
    assert (balance.amount, balance.unit, balance.granted) == (account.balance(now), unit, Decimal("13.2"))


def test_quota_windows_are_the_simulated_ones() -> None:
    send, simulator = simulated("moonshot", NOW)
    account = simulator.world.account(PROFILE, "harbor")
    found = [
        row for row in collect(PROVIDER, "quota", key("kimi_code"), WINDOW, send).records if isinstance(row, Quota)
    ]
    plan = {row.window: row for row in found if row.unit == "percent"}
    for name, (used, limit, reset) in windows(account, NOW).items():
        assert plan[name].percent_used == pytest.approx(Decimal(used) * 100 / limit, abs=Decimal("0.006"))
        assert plan[name].resets_at == reset
    (wallet,) = (row for row in found if row.unit == "USD")
    assert (wallet.used, wallet.limit, wallet.window) == (Decimal("11.87"), Decimal("50.00"), "month")


def test_the_wallet_of_kimi_code() -> None:
    send, _ = simulated("moonshot", NOW)
    (wallet,) = collect(PROVIDER, "balance", key("kimi_code", "cn"), WINDOW, send).records
    assert isinstance(wallet, Balance)
    assert (wallet.amount, wallet.unit) == (Decimal("13.125"), "USD")


def test_every_product_lists_its_models() -> None:
    send, _ = simulated("moonshot", NOW)
    for product, expected in (("open_platform", {"kimi-k3", "kimi-k2.6"}), ("kimi_code", {"kimi-for-coding"})):
        rows = collect(PROVIDER, "models", key(product), WINDOW, send).records
        assert {row.id for row in rows if isinstance(row, Model)} == expected


def test_the_open_platform_has_no_quota_and_is_not_asked() -> None:
    send, simulator = simulated("moonshot", NOW)
    with pytest.raises(NotAvailable):
        collect(PROVIDER, "quota", key("open_platform"), WINDOW, send)
    assert simulator.calls == {}


def test_a_key_of_the_other_product_or_region_is_named() -> None:
    send, _ = simulated("moonshot", NOW)
    with pytest.raises(ActionNeeded) as wrong_product:
        check(PROVIDER, key("kimi_code", value="sk-sim-harbor"), WINDOW, send)
    assert wrong_product.value.code == "wrong_kind"
    for credentials in (
        key("open_platform", value="sk-kimi-sim-harbor"),
        key("open_platform", "cn", "sk-intl-sim-harbor"),
    ):
        with pytest.raises(ActionNeeded) as refused:
            check(PROVIDER, credentials, WINDOW, send)
        assert (refused.value.code, refused.value.field) == ("refused", "api_key")


def test_the_check_names_the_owner_of_a_subscription() -> None:
    send, _ = simulated("moonshot", NOW)
    assert check(PROVIDER, key("kimi_code"), WINDOW, send).account_id
    assert check(PROVIDER, key("open_platform"), WINDOW, send).account_id is None


def test_an_unknown_product_is_asked_for() -> None:
    send, _ = simulated("moonshot", NOW)
    with pytest.raises(ActionNeeded) as caught:
        collect(PROVIDER, "models", key("somewhere"), WINDOW, send)
    assert (caught.value.code, caught.value.field) == ("missing_field", "product")
