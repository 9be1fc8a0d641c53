"""How long a balance lasts: the range around the truth, and the reasons when nothing can be told."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.balances.runway import HORIZON_DAYS, Point, Runway, find_topups, runway

HOUR = timedelta(hours=1)
FRESH = timedelta(hours=1)
# Friday, as the clock of all tests; the fortnight before it has ten weekdays and four weekend days.
END = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)


def falling(hours: int, per_hour: Decimal, *, left: Decimal, end: datetime = END) -> list[Point]:
    """Hourly readings up to `end` that fall evenly to `left`."""
    return [(end - back * HOUR, left + back * per_hour) for back in range(hours, -1, -1)]


def test_steady_burn_gives_a_range_around_the_truth() -> None:
    found = runway(falling(14 * 24, Decimal(1), left=Decimal(240)), now=END, fresh_for=FRESH)
    assert found.reason is None
    assert found.burn_per_day == Decimal(24)
    assert found.low_days is not None
    assert found.likely_days is not None
    assert found.high_days is not None
    assert found.likely_days == pytest.approx(10, abs=0.01)
    assert 8 < found.low_days < 10 < found.high_days < 12


@pytest.mark.parametrize("hours", [24, 30, 35, 36, 47, 60, 80])
def test_burn_per_day_is_right_for_a_young_account(hours: int) -> None:
    """The oldest day is cut; neither leaving it out nor scaling it up may bend the mean."""
    found = runway(falling(hours, Decimal(2), left=Decimal(480)), now=END, fresh_for=FRESH)
    assert found.burn_per_day is not None
    assert float(found.burn_per_day) == pytest.approx(48)
    assert found.likely_days == pytest.approx(10, abs=0.01)


def test_the_time_since_the_reading_is_taken_off() -> None:
    points = falling(14 * 24, Decimal(1), left=Decimal(240))
    then = runway(points, now=END, fresh_for=FRESH)
    later = runway(points, now=END + FRESH, fresh_for=FRESH)
    assert then.likely_days is not None
    assert later.likely_days == pytest.approx(then.likely_days - 1 / 24)


def test_quiet_weekends_are_counted_as_quiet() -> None:
    """100 a weekday, nothing at weekends: 500 left on a Friday last over the weekend, not five days."""
    points: list[Point] = []
    amount = Decimal(2000)
    at = END - timedelta(days=14)
    while at <= END:
        points.append((at, amount))
        if (at + HOUR / 2 - timedelta(hours=14)).weekday() < 5:
            amount -= Decimal(100) / 24
        at += HOUR
    ends = (points[-1][0], Decimal(500))
    shifted = [(moment, value - points[-1][1] + 500) for moment, value in points]
    assert shifted[-1] == ends
    found = runway(shifted, now=END, fresh_for=FRESH)
    assert found.likely_days is not None
    assert 6.2 < found.likely_days < 7.8, "five weekdays of spend and one weekend"
    even = runway(falling(14 * 24, Decimal(1000) / 14 / 24, left=Decimal(500)), now=END, fresh_for=FRESH)
    assert even.likely_days == pytest.approx(7, abs=0.05)


def test_a_topup_in_between_is_no_spend_and_is_found() -> None:
    plain = falling(10 * 24, Decimal(1), left=Decimal(300))
    filled = [(at, amount if at >= END - timedelta(days=4) else amount - 200) for at, amount in plain]
    found = runway(filled, now=END, fresh_for=FRESH)
    assert found.burn_per_day is not None
    assert Decimal("23.8") < found.burn_per_day < Decimal(24)
    (topup,) = find_topups(filled)
    assert topup.at == END - timedelta(days=4)
    assert topup.amount == Decimal(199), "the hour's own spend is hidden in the jump"


def test_a_small_correction_upwards_is_no_topup() -> None:
    points = falling(48, Decimal(1), left=Decimal(1000))
    corrected = [(at, amount + (15 if at >= END - 10 * HOUR else 0)) for at, amount in points]
    assert find_topups(corrected) == []
    jumped = [(at, amount + (40 if at >= END - 10 * HOUR else 0)) for at, amount in points]
    assert [topup.amount for topup in find_topups(jumped)] == [Decimal(39)]


def test_a_topup_of_an_empty_or_overdrawn_wallet_is_found() -> None:
    for before in (Decimal(0), Decimal(-3)):
        points = [(END - HOUR, before), (END, Decimal(20))]
        assert [topup.amount for topup in find_topups(points)] == [20 - before]
    assert find_topups([(END - HOUR, Decimal(0)), (END, Decimal("0.01"))]) == []


def test_no_points_or_old_ones_are_stale() -> None:
    points = falling(14 * 24, Decimal(1), left=Decimal(240))
    assert runway([], now=END, fresh_for=FRESH) == Runway(reason="stale")
    assert runway(points, now=END + FRESH + timedelta(seconds=1), fresh_for=FRESH) == Runway(reason="stale")
    assert runway(points, now=END + FRESH, fresh_for=FRESH).reason is None


def test_less_than_a_day_of_readings_is_too_new() -> None:
    assert runway(falling(23, Decimal(1), left=Decimal(9)), now=END, fresh_for=FRESH) == Runway(reason="too_new")
    assert runway([(END, Decimal(9))], now=END, fresh_for=FRESH) == Runway(reason="too_new")
    assert runway(falling(24, Decimal(1), left=Decimal(9)), now=END, fresh_for=FRESH).reason is None


def test_nothing_spent_is_told_as_such() -> None:
    flat = falling(72, Decimal(0), left=Decimal(9))
    assert runway(flat, now=END, fresh_for=FRESH) == Runway(burn_per_day=Decimal(0), reason="no_burn")
    rising = falling(72, Decimal(-1), left=Decimal(99))
    assert runway(rising, now=END, fresh_for=FRESH).reason == "no_burn"


@pytest.mark.parametrize("left", [Decimal(0), Decimal("-4.20")])
def test_an_empty_wallet_is_empty_now(left: Decimal) -> None:
    found = runway(falling(72, Decimal(1), left=left), now=END, fresh_for=FRESH)
    assert found == Runway(low_days=0, likely_days=0, high_days=0, reason="empty")


def test_beyond_the_horizon_no_days_are_told() -> None:
    found = runway(falling(72, Decimal("0.01"), left=Decimal(9000)), now=END, fresh_for=FRESH)
    assert (found.low_days, found.likely_days, found.high_days, found.reason) == (None, None, None, None)
    assert found.burn_per_day == Decimal("0.24")


def test_the_upper_edge_may_lie_beyond_the_horizon_alone() -> None:
    found = runway(falling(72, Decimal(1), left=Decimal(24 * (HORIZON_DAYS - 1))), now=END, fresh_for=FRESH)
    assert found.low_days is not None
    assert found.likely_days is not None
    assert found.high_days is None


def test_only_the_last_fortnight_counts() -> None:
    old = falling(10 * 24, Decimal(50), left=Decimal(576), end=END - timedelta(days=15))
    new = falling(14 * 24, Decimal(1), left=Decimal(240))
    assert runway(old + new, now=END, fresh_for=FRESH) == runway(new, now=END, fresh_for=FRESH)


amounts = st.decimals(min_value=-50, max_value=5000, places=4, allow_nan=False, allow_infinity=False)
histories = st.lists(st.tuples(st.integers(1, 60 * 48), amounts), min_size=1, max_size=60)


def history(steps: list[tuple[int, Decimal]]) -> list[Point]:
    """Readings with these minutes between them, the newest at END."""
    at, points = END, []
    for minutes, amount in reversed(steps):
        points.append((at, amount))
        at -= timedelta(minutes=minutes)
    return points[::-1]


@given(histories, st.integers(0, 59))
def test_days_are_never_negative_and_stay_in_order(steps: list[tuple[int, Decimal]], minutes: int) -> None:
    found = runway(history(steps), now=END + timedelta(minutes=minutes), fresh_for=FRESH)
    low, likely, high = (
        float("inf") if days is None else days for days in (found.low_days, found.likely_days, found.high_days)
    )
    assert 0 <= low <= likely <= high
    assert found.burn_per_day is None or found.burn_per_day >= 0
    if found.reason is not None and found.reason != "empty":
        assert found.low_days is found.likely_days is found.high_days is None


@given(histories)
def test_topups_are_rises_and_nothing_else(steps: list[tuple[int, Decimal]]) -> None:
    points = history(steps)
    known = dict(points)
    for topup in find_topups(points):
        assert topup.amount > 0
        assert topup.at in known


@given(st.integers(24, 14 * 24 - 2), st.decimals(min_value="0.1", max_value=20, places=2))
def test_an_equal_later_reading_changes_next_to_nothing(hours: int, per_hour: Decimal) -> None:
    points = falling(hours, per_hour, left=per_hour * 24 * 8)
    later = END + timedelta(minutes=5)
    before = runway(points, now=later, fresh_for=FRESH)
    after = runway([*points, (later, points[-1][1])], now=later, fresh_for=FRESH)
    assert before.likely_days is not None
    assert after.likely_days == pytest.approx(before.likely_days, rel=0.05)
