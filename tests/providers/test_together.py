"""Together AI against its simulator: what the adapter reads back is the ledger, exactly."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters.together import PROVIDER
from providers.collect import Collected, Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded, NotAvailable, TooLarge
from providers.records import CostBucket, Identity, Model
from providers.simulator.parts.together import PROFILE
from providers.simulator.server import Simulator
from providers.spec import Reply, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
DAY = timedelta(days=1)


def read(
    capability: str, *, days: int = 10, now: datetime = NOW, key: str = "tgp_v1_sim-harbor", **values: str
) -> tuple[Collected, Simulator]:
    send, simulator = simulated("together", now)
    window = Window(start=now - days * DAY, end=now, now=now)
    return collect(PROVIDER, capability, Credentials(values={"api_key": key, **values}), window, send), simulator


def proved(key: str, **values: str) -> Identity:
    send, _ = simulated("together", NOW)
    return check(PROVIDER, Credentials(values={"api_key": key, **values}), Window(start=NOW, end=NOW, now=NOW), send)


def costs(found: Collected) -> list[CostBucket]:
    return [record for record in found.records if isinstance(record, CostBucket)]


def test_ten_days_are_the_ledger() -> None:
    found, simulator = read("cost")
    account = simulator.world.account(PROFILE, "harbor")
    rows = costs(found)
    first = TODAY - 10 * DAY
    assert {row.start for row in rows} == {first + day * DAY for day in range(10)}, "today is in no finished window"
    assert sum(row.amount for row in rows) == account.spent(first, TODAY)
    by_day = sum((row.amount for row in rows if row.start == first), Decimal(0))
    assert by_day == account.spent(first, first + DAY)
    assert 20 <= by_day <= 300
    assert found.calls == 2, "who the key is, and one month"


def test_lines_of_no_key_are_kept() -> None:
    found, simulator = read("cost")
    account = simulator.world.account(PROFILE, "harbor")
    charges = list(account.daily(TODAY - 10 * DAY, TODAY))
    nobody = [row for row in costs(found) if row.provider_key is None]
    assert sum(row.amount for row in nobody) == sum(row.cost for row in charges if row.key == "trainer")
    assert all(row.project is None and (row.line_item or "").endswith("fine-tuning; credit=PREPAID") for row in nobody)
    assert len({row.provider_key for row in costs(found)}) == len(PROFILE.keys)


def test_a_quarter_is_exact() -> None:
    found, simulator = read("cost", days=90)
    account = simulator.world.account(PROFILE, "harbor")
    assert sum(row.amount for row in costs(found)) == account.spent(TODAY - 90 * DAY, TODAY)
    assert found.calls == 5
    assert found.partial == ()


def test_on_the_first_of_a_month_the_last_one_is_read() -> None:
    now = datetime(2026, 11, 1, 3, tzinfo=UTC)
    found, simulator = read("cost", days=2, now=now)
    account = simulator.world.account(PROFILE, "harbor")
    assert sum(row.amount for row in costs(found)) == account.spent(
        datetime(2026, 10, 30, tzinfo=UTC), now - 3 * DAY / 24
    )
    assert found.calls == 2


def test_a_window_of_today_asks_nothing() -> None:
    send, _ = simulated("together", NOW)
    window = Window(start=TODAY, end=NOW, now=NOW)
    found = collect(PROVIDER, "cost", Credentials(values={"api_key": "tgp_v1_sim-harbor"}), window, send)
    assert (found.records, found.calls) == ([], 0)


def test_finality() -> None:
    found, _ = read("cost", days=40)
    final = {row.start: row.final for row in costs(found)}
    assert final[TODAY - DAY] is False
    assert final[TODAY - 2 * DAY] is None
    assert final[datetime(2026, 11, 1, tzinfo=UTC)] is None
    assert final[datetime(2026, 10, 31, tzinfo=UTC)] is True
    found, _ = read("cost", days=2, now=datetime(2026, 11, 1, 3, tzinfo=UTC))
    assert {row.start.day: row.final for row in costs(found)} == {30: None, 31: False}


def test_an_answer_too_large_is_asked_for_day_by_day() -> None:
    send, simulator = simulated("together", NOW)

    def narrow(outgoing: Outgoing) -> Reply:
        params = dict(outgoing.params)
        if "month" in params and "limit" not in params:
            raise TooLarge("The answer is too large.")
        reply: Reply = send(outgoing)
        return reply

    window = Window(start=NOW - 10 * DAY, end=NOW, now=NOW)
    found = collect(PROVIDER, "cost", Credentials(values={"api_key": "tgp_v1_sim-harbor"}), window, narrow)
    account = simulator.world.account(PROFILE, "harbor")
    assert sum(row.amount for row in costs(found)) == account.spent(TODAY - 10 * DAY, TODAY)
    assert found.calls == 1 + 1 + 19  # who, the refused one, a page for each finished day of November


def test_two_keys_of_an_organization_are_one_account() -> None:
    one, other = proved("tgp_v1_sim-harbor"), proved("tgp_v1_second-sim-harbor")
    assert one == other
    assert one.account_id
    assert proved("tgp_v1_sim-quay").account_id != one.account_id
    assert proved("tgp_v1_sim-harbor", organization_id=one.account_id) == one


def test_the_newer_api_tells_the_same() -> None:
    assert proved("tgp_v1_new-sim-harbor") == proved("tgp_v1_sim-harbor")
    older, newer = read("models")[0].records, read("models", key="tgp_v1_new-sim-harbor")[0].records
    assert [(row.id, row.prices) for row in older if isinstance(row, Model)] == [
        (row.id, row.prices) for row in newer if isinstance(row, Model)
    ]
    assert len(newer) == len(PROFILE.models)
    assert costs(read("cost", key="tgp_v1_new-sim-harbor")[0]) == costs(read("cost")[0])


def test_a_bill_that_is_not_switched_on_leaves_the_key_alone() -> None:
    assert proved("tgp_v1_nobill-sim-harbor").account_id
    with pytest.raises(NotAvailable):
        read("cost", key="tgp_v1_nobill-sim-harbor")


@pytest.mark.parametrize("act", [lambda **typed: read("cost", **typed), lambda **typed: proved("sim-harbor", **typed)])
def test_another_organization_is_refused(act: Any) -> None:
    with pytest.raises(ActionNeeded) as caught:
        act(organization_id="org_other")
    assert (caught.value.code, caught.value.field) == ("wrong_organization", "organization_id")
