"""Where a window that fills and resets is heading, and when nothing can be said of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.balances.models import QuotaSeries
from dashboard.balances.naming import window_title
from dashboard.balances.pace import TELLS_FROM, Pace, quota_pace, window_length
from dashboard.balances.selectors import pace_words, quota_window

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
SHARES = st.decimals("0.01", "99.99", places=2)


@pytest.mark.parametrize(
    ("used", "passed", "pace"),
    [
        ("40", "50", Pace(Decimal(80), None)),
        ("50", "50", Pace(Decimal(100), Decimal(100))),
        ("80", "50", Pace(Decimal(160), Decimal("62.5"))),
        ("40", "9.9", None),
        ("40", "100", None),
        ("0", "50", None),
        ("100", "50", None),
    ],
)
def test_a_window_goes_on_as_it_did(used: str, passed: str, pace: Pace | None) -> None:
    assert quota_pace(Decimal(used), Decimal(passed)) == pace


@given(used=SHARES, passed=SHARES)
def test_a_window_is_full_before_its_end_or_not_at_all(used: Decimal, passed: Decimal) -> None:
    pace = quota_pace(used, passed)
    assert (pace is None) == (passed < TELLS_FROM)
    if pace is None:
        return
    assert (pace.full_after is None) == (pace.at_reset < 100)
    if pace.full_after is not None:
        assert passed <= pace.full_after <= 100, "what is not full yet gets full later than now"
        # By then all of it is used, at the pace so far.
        assert abs(used / passed * pace.full_after - 100) < Decimal("0.0001")


@given(used=SHARES, passed=st.decimals("10", "99", places=2), more=st.decimals("0.01", "5", places=2))
def test_who_uses_more_ends_higher(used: Decimal, passed: Decimal, more: Decimal) -> None:
    lower, higher = quota_pace(used, passed), quota_pace(min(used + more, Decimal("99.99")), passed)
    assert lower is not None
    assert higher is not None
    assert higher.at_reset >= lower.at_reset


def series(
    *, used: str, window: str = "5h", left: timedelta | None = timedelta(hours=2.5), age: timedelta = timedelta(0)
) -> QuotaSeries:
    return QuotaSeries(
        name="Calls",
        window=window,
        unit="percent",
        percent_used=Decimal(used),
        resets_at=None if left is None else NOW + left,
        at=NOW - age,
        fresh_for_seconds=900,
    )


def test_the_pace_is_that_of_the_moment_of_the_reading() -> None:
    """An hour ago three tenths of the window had passed; since then nobody has looked."""
    old = series(used="24", age=timedelta(hours=1))
    assert pace_words(old, NOW).replace("\xa0", " ") == "on pace for 80 %"


def test_no_end_is_foreseen_that_has_passed_already() -> None:
    assert pace_words(series(used="90", age=timedelta(hours=2)), NOW) == ""


@pytest.mark.parametrize(
    ("window", "left"), [("5h", None), ("5h", timedelta(hours=-1)), ("billing", timedelta(hours=2))]
)
def test_nothing_is_said_without_an_end_or_a_length(window: str, left: timedelta | None) -> None:
    assert pace_words(series(used="50", window=window, left=left), NOW) == ""


def test_a_window_is_called_by_its_length_in_words() -> None:
    assert [window_title(one) for one in ("month", "7d", "lifetime")] == ["Monthly", "7 days", "Lifetime"]
    assert window_title("billing") == ""
    assert window_length("billing") is None
    assert quota_window(series(used="1", window="lifetime", left=None), NOW)["endless"]
