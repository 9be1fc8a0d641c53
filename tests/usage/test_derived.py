"""Cost from falls of a balance and a balance from costs: the arithmetic, on every history that can be made up."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.usage.derived.arithmetic import (
    Fall,
    Movement,
    Reading,
    Spent,
    balance_points,
    cost_by_day,
    expected_balance,
    midnight_after,
    midnight_before,
    movements,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
TAIPEI, BERLIN = ZoneInfo("Asia/Taipei"), ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from([ZoneInfo("UTC"), TAIPEI, BERLIN, ZoneInfo("Pacific/Chatham"), ZoneInfo("America/Santiago")])
AMOUNTS = st.decimals(min_value=-1000, max_value=100_000, places=6)
STEPS = st.lists(st.integers(1, 400_000), min_size=0, max_size=25)


def reading(hours: float, amount: str, granted: str | None = None, expires: float | None = None) -> Reading:
    return Reading(
        MONDAY + timedelta(hours=hours),
        Decimal(amount),
        None if granted is None else Decimal(granted),
        None if expires is None else MONDAY + timedelta(hours=expires),
    )


def moments(days_before: int, days_until: int) -> st.SearchStrategy[datetime]:
    """Times so many days before NOW."""
    seconds = st.integers(days_until * 86_400, days_before * 86_400)
    return seconds.map(lambda back: NOW - timedelta(seconds=back))


@st.composite
def histories(draw: st.DrawFn) -> list[Reading]:
    at, found = MONDAY - timedelta(days=draw(st.integers(0, 400))), []
    for step in draw(STEPS):
        at += timedelta(seconds=step)
        granted = draw(st.none() | st.decimals(min_value=0, max_value=100, places=2))
        expires = draw(st.none() | st.integers(-100, 100))
        found.append(Reading(at, draw(AMOUNTS), granted, None if expires is None else at + timedelta(hours=expires)))
    return found


TOPUPS = st.lists(
    st.tuples(
        moments(400, -11),
        st.decimals(min_value="0.01", max_value=500, places=2),
    ),
    max_size=4,
)


# --- Cost -------------------------------------------------------------------------------------------------------


def test_of_a_wallet_below_zero_nothing_expires() -> None:
    [step] = movements([reading(0, "-1", expires=1), reading(2, "-2")])
    assert (step.put_in, step.expired, step.fall.amount) == (0, 0, 1)


@given(histories(), TOPUPS, ZONES)
def test_money_is_neither_made_nor_lost(
    history: list[Reading], topups: list[tuple[datetime, Decimal]], zone: ZoneInfo
) -> None:
    steps = movements(history, topups=topups)
    if not history:
        assert steps == []
        return
    put_in = sum((step.put_in for step in steps), Decimal(0))
    expired = sum((step.expired for step in steps), Decimal(0))
    days = cost_by_day((step.fall for step in steps), zone)
    assert history[0].amount + put_in - expired - sum(days.values(), Decimal(0)) == history[-1].amount
    assert all(step.put_in >= 0 and step.expired >= 0 for step in steps)


@given(histories(), ZONES)
def test_a_day_has_only_what_fell_while_it_lasted(history: list[Reading], zone: ZoneInfo) -> None:
    days = cost_by_day((step.fall for step in movements(history)), zone)
    if days:
        assert min(days) >= history[0].at.astimezone(zone).date()
        assert max(days) <= history[-1].at.astimezone(zone).date()


def test_a_fall_over_midnight_is_shared_by_time() -> None:
    fall = Fall(MONDAY - 6 * HOUR, MONDAY + 18 * HOUR, Decimal(8))
    assert cost_by_day([fall], ZoneInfo("UTC")) == {date(2026, 11, 15): Decimal(2), date(2026, 11, 16): Decimal(6)}


def test_the_day_that_clocks_go_back_has_25_hours() -> None:
    begin = midnight_before(datetime(2026, 10, 25, 12, tzinfo=UTC), BERLIN)
    assert midnight_after(date(2026, 10, 25), BERLIN) - begin == timedelta(hours=25)
    fall = Fall(begin, begin + 50 * HOUR, Decimal(50))
    assert cost_by_day([fall], BERLIN)[date(2026, 10, 25)] == 25


def step(before: Reading, after: Reading, *topups: tuple[datetime, Decimal]) -> Movement:
    return movements([before, after], topups=topups)[0]


def test_a_jump_is_a_topup_and_no_negative_cost() -> None:
    found = step(reading(0, "3.20"), reading(1, "52.90"))
    assert (found.put_in, found.fall.amount) == (Decimal("49.70"), 0)


def test_a_small_step_up_is_a_correction() -> None:
    found = step(reading(0, "1000"), reading(1, "1000.40"))
    assert (found.put_in, found.fall.amount) == (0, Decimal("-0.40"))


def test_a_typed_topup_tells_what_was_spent_beside_it() -> None:
    found = step(reading(0, "3.20"), reading(24, "50.00"), (MONDAY + HOUR, Decimal(50)))
    assert (found.put_in, found.fall.amount) == (50, Decimal("3.20"))


def test_a_typed_topup_counts_once_and_in_its_step_only() -> None:
    history = [reading(0, "10"), reading(1, "60"), reading(2, "58")]
    first, second = movements(history, topups=[(MONDAY + HOUR, Decimal(50))])
    assert (first.put_in, first.fall.amount) == (50, 0)
    assert (second.put_in, second.fall.amount) == (0, 2)


def test_a_grant_that_ended_was_not_spent() -> None:
    before = reading(0, "30", granted="18", expires=5)
    found = step(before, reading(10, "11", granted="0"))
    assert (found.expired, found.fall.amount) == (18, 1)


def test_a_grant_that_vanishes_at_once_expired_although_nobody_said_when() -> None:
    history = [reading(0, "30", "18"), reading(24, "29", "18"), reading(25, "11", "0")]
    found = movements(history)[-1]
    assert (found.expired, found.fall.amount) == (18, 0)


def test_a_grant_that_was_used_up_was_spent() -> None:
    history = [reading(0, "30", "18"), reading(24, "18", "6"), reading(48, "12", "0")]
    assert [(one.expired, one.fall.amount) for one in movements(history)] == [(0, 12), (0, 6)]


def test_two_readings_of_one_moment_are_one() -> None:
    assert movements([reading(0, "5"), reading(0, "4")]) == []


# --- Balance ----------------------------------------------------------------------------------------------------

SPENT = st.lists(
    st.builds(
        lambda first, length, amount: Spent(first, first + timedelta(days=length), amount),
        st.dates(date(2026, 10, 20), date(2026, 11, 20)),
        st.sampled_from([0, 0, 0, 9, 30]),
        st.decimals(min_value=-5, max_value=500, places=4),
    ),
    max_size=12,
)
ANCHORS = st.lists(
    st.tuples(moments(31, 0), AMOUNTS),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one[0],
).map(sorted)
TINY = Decimal("1e-9")  # shares of a day's cost are rounded to twelve decimals


@given(ANCHORS, TOPUPS, SPENT, ZONES)
def test_every_point_is_what_the_last_typed_balance_leads_to(
    anchors: list[tuple[datetime, Decimal]],
    topups: list[tuple[datetime, Decimal]],
    spent: list[Spent],
    zone: ZoneInfo,
) -> None:
    points = balance_points(anchors, topups=topups, spent=spent, zone=zone, now=NOW)
    assert [point for point in points if point in anchors] == anchors
    assert [at for at, _ in points] == sorted(at for at, _ in points)
    for at, amount in points:
        since, opening = [one for one in anchors if one[0] <= at][-1]
        expected = expected_balance(since, opening, at, topups=topups, spent=spent, zone=zone, now=NOW)
        assert abs(amount - expected) <= TINY


@given(AMOUNTS, SPENT, ZONES)
def test_over_their_whole_time_costs_are_taken_off_exactly(
    opening: Decimal, spent: list[Spent], zone: ZoneInfo
) -> None:
    start, end = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 1, 10, tzinfo=UTC)
    left = expected_balance(start, opening, end, topups=[], spent=spent, zone=zone, now=end)
    assert left == opening - sum((one.amount for one in spent), Decimal(0))


def test_a_day_that_still_runs_was_spent_by_now() -> None:
    today = [Spent(date(2026, 11, 20), date(2026, 11, 20), Decimal(6))]
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    left = expected_balance(midnight, Decimal(50), NOW, topups=[], spent=today, zone=ZoneInfo("UTC"), now=NOW)
    assert left == 44


@pytest.mark.parametrize(("hour", "left"), [(0, "50"), (6, "47"), (12, "94"), (24, "88")])
def test_topups_and_costs_meet(hour: int, left: str) -> None:
    spent = [Spent(MONDAY.date(), MONDAY.date(), Decimal(12))]
    moment = MONDAY + hour * HOUR
    topups = [(MONDAY + 8 * HOUR, Decimal(50))]
    found = expected_balance(MONDAY, Decimal(50), moment, topups=topups, spent=spent, zone=ZoneInfo("UTC"), now=NOW)
    assert found == Decimal(left)
