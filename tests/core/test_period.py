"""Spans of days: month ends, leap years, changes of the clock, and whatever stands in an address."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.period import (
    PRESETS,
    Period,
    day_span,
    earliest,
    months_before,
    period_of,
    period_picker,
    preset,
)

TODAY = date(2026, 11, 20)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    with translation.override("en"):
        yield


def told(address: str, today: date = TODAY) -> tuple[str, str, str]:
    period = period_of(QueryDict(address), today)
    return period.name, str(period.first), str(period.last)


@pytest.mark.parametrize(
    ("name", "first", "last", "words"),
    [
        ("7d", "2026-11-14", "2026-11-20", "14 to 20 Nov 2026"),
        ("30d", "2026-10-22", "2026-11-20", "22 Oct to 20 Nov 2026"),
        ("month", "2026-11-01", "2026-11-20", "1 to 20 Nov 2026"),
        ("last-month", "2026-10-01", "2026-10-31", "1 to 31 Oct 2026"),
        ("quarter", "2026-10-01", "2026-11-20", "1 Oct to 20 Nov 2026"),
        ("13-months", "2025-11-01", "2026-11-20", "1 Nov 2025 to 20 Nov 2026"),
    ],
)
def test_presets(name: str, first: str, last: str, words: str) -> None:
    assert told(f"period={name}") == (name, first, last)
    assert preset(name, TODAY).words == words
    assert preset(name, TODAY).label == PRESETS[name][0]


@pytest.mark.parametrize(
    ("address", "first", "last"),
    [
        ("from=2026-11-02&to=2026-11-05", "2026-11-02", "2026-11-05"),
        ("from=2026-11-05&to=2026-11-02", "2026-11-02", "2026-11-05"),
        ("from=2026-11-05&to=2026-11-05", "2026-11-05", "2026-11-05"),
        ("from=2024-01-01&to=2026-11-05", "2025-11-01", "2026-11-05"),
        ("from=2026-11-05&to=2030-01-01", "2026-11-05", "2026-11-20"),
        ("period=nobody&from=2026-11-02&to=2026-11-05", "2026-11-02", "2026-11-05"),
    ],
)
def test_days_chosen_one_by_one(address: str, first: str, last: str) -> None:
    assert told(address) == ("custom", first, last)


@pytest.mark.parametrize(
    "address",
    [
        "", "period=", "period=9d", "from=2026-11-02", "to=2026-11-02", "from=x&to=y", "from=2026-02-30&to=2026-03-01",
        "from=20261102&to=2026-11-05", "from=2027-01-01&to=2027-02-01", "from=2001-01-01&to=2001-02-01",
        "from=2026-W01-1&to=2026-11-05", "from=%00&to=2026-11-05",
    ],
)  # fmt: skip
def test_what_names_no_days_is_the_usual_period(address: str) -> None:
    assert told(address)[0] == "30d"
    assert period_of(QueryDict(address), TODAY, usual="month").name == "month"


def test_a_preset_wins_over_days() -> None:
    assert told("period=7d&from=2026-11-02&to=2026-11-05")[0] == "7d"


@pytest.mark.parametrize(
    ("day", "months", "before"),
    [
        (date(2026, 3, 31), 1, date(2026, 2, 28)),
        (date(2028, 3, 31), 1, date(2028, 2, 29)),
        (date(2026, 1, 15), 1, date(2025, 12, 15)),
        (date(2026, 1, 1), 12, date(2025, 1, 1)),
        (date(2026, 12, 1), 0, date(2026, 12, 1)),
    ],
)
def test_months_before(day: date, months: int, before: date) -> None:
    assert months_before(day, months) == before


@pytest.mark.parametrize(
    ("name", "today", "first", "last"),
    [
        ("7d", TODAY, date(2026, 11, 7), date(2026, 11, 13)),
        ("month", TODAY, date(2026, 10, 1), date(2026, 10, 20)),
        ("month", date(2026, 3, 31), date(2026, 2, 1), date(2026, 2, 28)),
        ("month", date(2026, 1, 1), date(2025, 12, 1), date(2025, 12, 1)),
        ("last-month", date(2026, 3, 3), date(2026, 1, 1), date(2026, 1, 31)),
        ("quarter", TODAY, date(2026, 7, 1), date(2026, 8, 20)),
        ("quarter", date(2026, 6, 30), date(2026, 1, 1), date(2026, 3, 31)),
    ],
)
def test_what_a_period_is_compared_with(name: str, today: date, first: date, last: date) -> None:
    before = preset(name, today).compare
    assert (before.first, before.last) == (first, last)


@given(today=DAYS, name=st.sampled_from(sorted(PRESETS)))
def test_every_preset_lies_between_the_earliest_day_and_today(today: date, name: str) -> None:
    period = preset(name, today)
    assert earliest(today) <= period.first <= period.last <= today
    assert period.compare.last < period.first
    assert period.compare.first <= period.compare.last


@given(today=DAYS, one=DAYS, other=DAYS)
def test_whatever_days_are_asked_for_lie_between(today: date, one: date, other: date) -> None:
    period = period_of(QueryDict(f"from={one}&to={other}"), today)
    assert earliest(today) <= period.first <= period.last <= today


@given(today=DAYS)
def test_thirteen_months_are_told_at_most(today: date) -> None:
    period = preset("13-months", today)
    assert period.first.day == 1
    months = (today.year - period.first.year) * 12 + today.month - period.first.month + 1
    assert months == 13


def test_days_are_as_long_as_the_clock_says() -> None:
    zone = ZoneInfo("Europe/Berlin")
    spring = Period("custom", date(2026, 3, 29), date(2026, 3, 29)).moments(zone)
    autumn = Period("custom", date(2026, 10, 25), date(2026, 10, 25)).moments(zone)
    assert spring[1] - spring[0] == timedelta(hours=23)
    assert autumn[1] - autumn[0] == timedelta(hours=25)
    assert spring[0] == datetime(2026, 3, 28, 23, tzinfo=UTC)
    # In Santiago this midnight does not exist: the day begins with its first moment.
    start, end = Period("custom", date(2026, 9, 6), date(2026, 9, 6)).moments(ZoneInfo("America/Santiago"))
    assert end - start == timedelta(hours=23)


def test_days_in_words() -> None:
    assert day_span(date(2026, 11, 20), date(2026, 11, 20)) == "20 Nov 2026"
    assert day_span(date(2026, 10, 28), date(2026, 11, 3)) == "28 Oct to 3 Nov 2026"
    assert day_span(date(2025, 12, 28), date(2026, 1, 3)) == "28 Dec 2025 to 3 Jan 2026"
    assert Period("custom", date(2026, 11, 1), date(2026, 11, 3)).label == "1 to 3 Nov 2026"


def test_days_in_chinese_words_say_the_year_first_and_once() -> None:
    with translation.override("zh-hans"):
        assert day_span(date(2026, 11, 20), date(2026, 11, 20)) == "2026年11月20日"
        assert day_span(date(2026, 11, 1), date(2026, 11, 3)) == "2026年11月1日至11月3日"
        assert day_span(date(2026, 10, 28), date(2026, 11, 3)) == "2026年10月28日至11月3日"
        assert day_span(date(2025, 12, 28), date(2026, 1, 3)) == "2025年12月28日至2026年1月3日"


def test_the_picker_links_to_every_preset_and_keeps_the_rest_of_the_address() -> None:
    picker = period_picker(QueryDict("by=model&from=2026-11-02&to=2026-11-05&after=9"), TODAY)
    urls = {option["label"]: option["url"] for option in picker.options}
    assert urls["Last 7 days"] == "?by=model&period=7d"
    assert urls["Last 30 days"] == "?by=model"
    assert [option["current"] for option in picker.options] == [False] * 6
    assert picker.kept == [("by", "model")]
    chosen = period_picker(QueryDict("period=quarter"), TODAY)
    assert [option["label"] for option in chosen.options if option["current"]] == ["This quarter"]
