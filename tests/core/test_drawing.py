"""The geometry of the small drawings, on values whose places are easy to see."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.drawing import (
    horizon_geometry,
    horizon_place,
    line_path,
    meter_geometry,
    sparkline_points,
    straightened,
    tick_strip,
)
from dashboard.core.templatetags.drawings import meter, ticks

NOW = datetime(2026, 11, 20, 6, 32, tzinfo=UTC)
START = NOW - timedelta(days=30)


def test_a_sparkline_stands_on_zero_and_ends_at_the_last_reading() -> None:
    line = sparkline_points([(START, Decimal(100)), (NOW, Decimal(50))], start=START, end=NOW)
    assert line is not None
    assert line.points == "M1 3l94 10"
    assert (line.end_x, line.end_y) == (95, 13)


def test_a_sparkline_marks_a_top_up_from_its_peak_to_the_foot() -> None:
    middle = NOW - timedelta(days=15)
    line = sparkline_points(
        [(START, Decimal(50)), (middle, Decimal(100)), (NOW, Decimal(0))], start=START, end=NOW, topups=[middle]
    )
    assert line is not None
    assert line.topups == ("M48 3.0V24",)


def test_a_sparkline_of_nothing_is_none_and_of_zeroes_is_a_flat_line() -> None:
    assert sparkline_points([], start=START, end=NOW) is None
    assert sparkline_points([(START - timedelta(days=1), Decimal(5))], start=START, end=NOW) is None
    flat = sparkline_points([(START, Decimal(0)), (NOW, Decimal(0))], start=START, end=NOW)
    assert flat is not None
    assert flat.points == "M1 22.5l94 0"


def test_one_reading_draws_a_line_up_to_it() -> None:
    line = sparkline_points([(NOW, Decimal(5))], start=START, end=NOW)
    assert line is not None
    assert line.points == "M1 3l94 0"


def test_what_is_owed_falls_below_the_zero_of_the_scale() -> None:
    line = sparkline_points([(START, Decimal(10)), (NOW, Decimal(-10))], start=START, end=NOW)
    assert line is not None
    assert line.points == "M1 3l94 19.5"


def test_many_readings_are_thinned_but_a_top_up_keeps_both_its_sides() -> None:
    readings = [(START + timedelta(minutes=15 * n), Decimal(n % 97)) for n in range(2880)]
    jump = readings[1001][0]
    line = sparkline_points(readings, start=START, end=NOW, topups=[jump])
    assert line is not None
    assert len(places(line.points)) < 70
    thin = sparkline_points(readings, start=START, end=NOW)
    assert thin is not None
    assert len(places(line.points)) == len(places(thin.points)) + 2


def places(path: str) -> list[tuple[float, float]]:
    """Where a path of steps leads, read as a browser does."""
    begin, steps = path[1:].split("l")
    x, y = (float(number) for number in begin.split(" "))
    found = [(x, y)]
    numbers = [float(number) for number in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", steps)]
    for right, down in zip(numbers[::2], numbers[1::2], strict=True):
        x, y = round(x + right, 1), round(y + down, 1)
        found.append((x, y))
    return found


@given(st.lists(st.tuples(*[st.integers(-300, 1000).map(lambda tenths: tenths / 10)] * 2), min_size=2, max_size=64))
def test_a_line_of_steps_leads_through_every_place(through: list[tuple[float, float]]) -> None:
    assert places(line_path(through)) == through


@given(
    st.lists(st.tuples(*[st.integers(0, 960).map(lambda tenths: tenths / 10)] * 2), min_size=2, max_size=64).map(
        lambda line: sorted(line, key=lambda place: place[0])
    )
)
def test_a_line_of_fewer_places_passes_the_others_closely(through: list[tuple[float, float]]) -> None:
    kept = straightened(through, 0.2)
    assert (kept[0], kept[-1]) == (through[0], through[-1])
    assert len(kept) <= len(through)
    for x, y in through:
        assert any(
            min(start[1], end[1]) - 0.21 <= y <= max(start[1], end[1]) + 0.21
            if start[0] == end[0]
            else abs(start[1] + (end[1] - start[1]) * (x - start[0]) / (end[0] - start[0]) - y) <= 0.21
            for start, end in pairwise(kept)
            if start[0] <= x <= end[0]
        )


def test_a_line_that_goes_straight_up_ends_where_it_turns() -> None:
    assert straightened([(0, 9), (1, 9), (1, 20), (1, 19), (2, 19)], 0.2) == [
        (0, 9), (1, 9), (1, 20), (1, 19), (2, 19),
    ]  # fmt: skip


def test_a_line_needs_no_place_on_its_way() -> None:
    assert straightened([(0, 0), (1, 1.1), (2, 1.9), (3, 3), (4, 9), (5, 3), (6, 3)], 0.2) == [
        (0, 0), (3, 3), (4, 9), (5, 3), (6, 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("used", "elapsed", "severity"),
    [(71, 69, ""), (82, 65, "warn"), (82, 80, ""), (76, None, "warn"), (94, 87, "crit"), (0, 50, ""), (74, 0, "")],
)
def test_a_meter_warns_when_it_is_ahead_of_time(used: int, elapsed: int | None, severity: str) -> None:
    meter = meter_geometry(Decimal(used), elapsed=elapsed)
    assert meter is not None
    assert (meter.value, meter.severity, meter.over) == (used, severity, False)


def test_a_meter_past_its_end_shrinks_the_scale() -> None:
    meter = meter_geometry(Decimal(125), elapsed=Decimal(50))
    assert meter is not None
    assert (meter.value, meter.full, meter.tick, meter.over) == (100.0, 80.0, 40.0, True)


def test_a_forecast_goes_on_from_what_is_used() -> None:
    inside = meter_geometry(Decimal(40), elapsed=Decimal(50), ends_near=Decimal(80))
    assert inside is not None
    assert (inside.value, inside.forecast, inside.full) == (40.0, 80.0, 100.0)
    beyond = meter_geometry(Decimal(40), elapsed=Decimal(20), ends_near=Decimal(160))
    assert beyond is not None
    assert (beyond.value, beyond.forecast, beyond.full, beyond.over) == (25.0, 100.0, 62.5, False)
    wild = meter_geometry(Decimal(40), ends_near=Decimal(900))
    assert wild is not None
    assert (wild.value, wild.forecast) == (20.0, 100.0)
    past = meter_geometry(Decimal(40), ends_near=Decimal(30))
    assert past is not None
    assert past.forecast is None


@pytest.mark.parametrize(("used", "over"), [(40, False), (100, False), (150, True)])
def test_what_is_over_the_limit_is_drawn_beyond_its_end(used: int, over: bool) -> None:
    html = meter(meter_geometry(Decimal(used)), "Week")
    assert ('class="over"' in html) is over
    assert ('<rect class="bg" x="0" y="1" width="66.7"' in html) is over


def test_an_untold_share_has_no_meter() -> None:
    assert meter_geometry(None) is None


@pytest.mark.parametrize(
    ("hours", "place"),
    [(0, 0), (3, 0), (6, 125), (12, 250), (24, 375), (48, 500), (96, 625), (768, 1000), (9000, 1000)],
)
def test_the_horizon_doubles_with_every_column(hours: int, place: float) -> None:
    assert horizon_place(Decimal(hours) / 24) == place


def test_a_band_lies_between_its_ends_whichever_comes_first() -> None:
    band = horizon_geometry(Decimal("2.1"), Decimal("3.4"), Decimal("2.7"))
    assert (band.x, round(band.x + band.width)) == (508.8, 596)
    assert band.notch == 554.1
    assert band.floor == 375
    assert band == horizon_geometry(Decimal("3.4"), Decimal("2.1"), Decimal("2.7"))


@pytest.mark.parametrize(("low", "high", "severity"), [("0.3", "0.5", "crit"), ("5", "8", "warn"), ("9", "13", "")])
def test_a_band_is_as_urgent_as_its_early_end(low: str, high: str, severity: str) -> None:
    assert horizon_geometry(Decimal(low), Decimal(high)).severity == severity


def test_a_band_beyond_the_axis_still_shows() -> None:
    band = horizon_geometry(Decimal(70), Decimal(90))
    assert band.x + band.width <= 1000
    assert band.width >= 6


def test_every_look_of_a_tick_has_its_own_shape() -> None:
    strip = tick_strip([("ok", "10:00"), ("warn", "11:00"), ("failing", "12:00"), ("none", "")])
    assert [(tick.x, tick.look, tick.title) for tick in strip] == [
        (0.0, "tk-ok", "10:00"),
        (4.0, "tk-warn", "11:00"),
        (8.0, "tk-crit", "12:00"),
        (12.0, "tk-none", ""),
    ]
    assert len({tick.bars for tick in strip}) == 4
    heights = {tick.look: sum(height for _y, height in tick.bars) for tick in strip}
    assert heights["tk-none"] * 4 < heights["tk-ok"] < heights["tk-warn"] < heights["tk-crit"]
    assert all(y + height <= 12 for tick in strip for y, height in tick.bars)


def test_ticks_of_a_look_are_one_path_each_told_from_the_one_before() -> None:
    svg = ticks([{"state": state, "title": state} for state in ("ok", "failing", "ok", "warn")], "Runs")
    assert '<path class="tk-ok" d="m0 4h3v8h-3zm8 0h3v8h-3z"/>' in svg
    assert '<path class="tk-crit" d="m4 0h3v12h-3z"/>' in svg
    assert '<path class="tk-warn" d="m12 0h3v5h-3zm0 6.5h3v5.5h-3z"/>' in svg
    assert 'aria-label="Runs: 2 ok, 1 failing, 1 warn"' in svg


def test_a_tick_of_an_unknown_state_ran_nothing() -> None:
    assert [tick.look for tick in tick_strip([("whatever", "")])] == ["tk-none"]


def test_the_overrun_of_a_meter_stands_beyond_its_track() -> None:
    svg = meter(meter_geometry(Decimal(125)), "Month")
    assert '<rect class="bg" x="0" y="1" width="80" height="6"/>' in svg
    assert '<rect class="v" x="0" y="1" width="80" height="6"/>' in svg
    assert '<path class="over" d="M81.5 -1H100V9H81.5z"/>' in svg
    assert "over" not in meter(meter_geometry(Decimal(100)), "Month")


def test_a_meter_of_nothing_told_is_an_empty_track() -> None:
    svg = meter(None, "Month")
    assert 'aria-label="Month"' in svg
    assert 'class="v"' not in svg
