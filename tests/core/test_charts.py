"""The shapes of the charts: nothing is lost between the figures, the drawing and the table."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.charts.balance import Dry, Rise, balance_chart
from dashboard.core.charts.shapes import Chart, Layer, folded, texts, total
from dashboard.core.charts.spend import pace_chart, stack_chart
from dashboard.core.templatetags.drawings import chart_data, chart_lines, chart_mark, chart_wait

NOW = datetime(2026, 11, 20, 6, 32, tzinfo=UTC)
DAYS = [date(2026, 11, 18), date(2026, 11, 19), date(2026, 11, 20)]
amounts = st.none() | st.just(Decimal(0)) | st.decimals("0.01", 10_000, allow_nan=False, allow_infinity=False, places=9)
layer_lists = st.lists(st.lists(amounts, min_size=3, max_size=3), min_size=1, max_size=14)


def stack(layers: list[Layer], **more: object) -> Chart:
    return stack_chart(DAYS, layers, unit="USD", title="Spend", **more)  # type: ignore[arg-type]


def cents(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.2f}"


# --- Bars by day ------------------------------------------------------------------------------------------------


@given(layer_lists)
def test_key_and_table_are_one_sum(values: list[list[Decimal | None]]) -> None:
    chart = stack([Layer(f"provider {number}", one) for number, one in enumerate(values)])
    everything = sum((value for one in values for value in one if value is not None), Decimal(0))
    assert sum((amount or Decimal(0) for _name, amount in chart.key), Decimal(0)) == everything
    assert chart.table.foot is not None
    assert (chart.table.foot.cells[-1] or 0) == everything
    for row in chart.table.rows:
        assert row.cells[-1] == total(row.cells[:-1])


@given(layer_lists)
def test_others_are_the_exact_rest(values: list[list[Decimal | None]]) -> None:
    layers = [Layer(f"provider {number}", one) for number, one in enumerate(values)]
    shown = folded(layers)
    assert len(shown) == min(8, len(layers))
    if len(layers) > 8:
        kept = {layer.name for layer in shown[:7]}
        rest = [layer for layer in layers if layer.name not in kept]
        assert shown[7].name == f"{len(rest)} others"
        assert shown[7].values == [total([layer.values[place] for layer in rest]) for place in range(3)]


def test_the_dearest_series_come_first_and_eight_need_no_others() -> None:
    layers = [Layer(str(number), [Decimal(number), None, None]) for number in range(8)]
    assert [layer.name for layer in folded(layers)] == list("76543210")
    assert [layer.name for layer in folded([*layers, Layer("8", [Decimal(8), None, None])])][-1] == "2 others"


def test_only_the_days_that_may_still_change_are_hatched() -> None:
    chart = stack([Layer("a", [Decimal(3)] * 3, {DAYS[2]}), Layer("b", [Decimal(1)] * 3, {DAYS[1], DAYS[2]})])
    assert chart.data["open"] == [[2], [1, 2]]
    assert [row.notes for row in chart.table.rows] == [["may still change"], ["may still change"], []]


def test_others_are_open_where_one_of_them_is() -> None:
    layers = [Layer(str(number), [Decimal(9 - number)] * 3, {DAYS[0]} if number == 8 else ()) for number in range(9)]
    assert stack(layers).data["open"] == [*[[]] * 7, [0]]


def test_an_unknown_day_stays_unknown() -> None:
    chart = stack([Layer("a", [Decimal("1.20"), None, Decimal(0)]), Layer("b", [Decimal(1), None, None])])
    assert [row.cells for row in chart.table.rows] == [
        [Decimal(0), None, Decimal(0)], [None, None, None], [Decimal("1.20"), Decimal(1), Decimal("2.20")],
    ]  # fmt: skip
    told, untold, _sum = chart_lines(chart.table, chart.table.rows[0]).split("</td><td>")
    assert told.endswith("<td>$0.00")
    assert re.fullmatch(r"<span [^>]*>nothing told</span>", untold), "charts.js knows it by its element"


def test_a_line_of_the_table_has_its_notes_and_amounts_and_is_no_markup() -> None:
    layers = [Layer("a", [Decimal("1234.5"), None, Decimal(0)], {DAYS[0]})]
    table = stack(layers).table
    (line,) = chart_lines(table, replace(table.rows[-1], name="<b>")).splitlines()
    assert line == (
        '<tr><th scope="row">&lt;b&gt; <span class="minor ml-2">may still change</span></th>'
        "<td>$1,234.50</td><td>$1,234.50</td></tr>"
    )
    assert chart_lines(table).count("<tr>") == len(DAYS)


def test_a_chart_says_what_it_tells() -> None:
    chart = stack([Layer("a", [Decimal(5), Decimal(12), None])])
    assert chart.summary.replace("\u00a0", " ") == (
        "Spend: $17.00 USD on 2 days, the most on Thu 19 Nov with $12.00 USD."
    )
    assert stack([Layer("a", [None] * 3)]).summary == "Spend"


def test_what_else_is_known_of_a_day_stands_beside_it() -> None:
    chart = stack([Layer("a", [Decimal(5)] * 3)], notes={DAYS[0]: "2 unpriced models"})
    assert chart.table.rows[-1].notes == ["2 unpriced models"]


def test_no_word_of_a_chart_ends_its_script() -> None:
    chart = stack_chart(DAYS, [Layer("a", [Decimal(5)] * 3)], unit="USD", title="</script><b> & 餘額")
    written = chart_data(chart, "c")
    assert written.count("<") == 2
    told = json.loads(written.removeprefix('<script id="c" type="application/json">').removesuffix("</script>"))
    assert told["summary"].startswith("</script><b> & 餘額")


@pytest.mark.parametrize(
    ("unit", "amount", "drawn"),
    [
        ("USD", "1.234567891", "1.23"),
        ("USD", "-1.235", "-1.24"),
        ("USD", "0.00123456", "0.00123"),
        ("USD", "0.000000123456", "0.000000123"),
        ("USD", "0", "0.00"),
        ("JPY", "1234.5", "1234"),
        ("credits", "12.345", "12.34"),
    ],
)
def test_the_drawing_has_the_digits_that_are_written(unit: str, amount: str, drawn: str) -> None:
    assert texts([Decimal(amount), None], unit) == [drawn, None]


def test_a_series_has_the_colour_of_its_place() -> None:
    assert 'class="fill-s8"' in chart_mark("stack", 7)
    assert 'class="mark-past"' in chart_mark("pace", 1)


@pytest.mark.parametrize("kind", ["stack", "pace", "balance"])
def test_every_kind_has_something_that_waits_in_its_place(kind: str) -> None:
    assert "<path" in chart_wait(kind)


# --- The month so far -------------------------------------------------------------------------------------------


def month(spent: list[Decimal | None], before: list[Decimal | None]) -> Chart:
    days = [date(2026, 11, 1) + timedelta(days=offset) for offset in range(30)]
    return pace_chart(days, [*spent, *[None] * 30][:30], before, unit="USD", today=date(2026, 11, 3))


def test_the_month_is_added_up_to_today_and_the_one_before_to_its_end() -> None:
    chart = month([Decimal("1.10"), None, Decimal("2.20")], [Decimal(1)] * 31)
    assert chart.table.heads == ["Up to", "November", "October"]
    this, last = zip(*(row.cells for row in chart.table.rows), strict=True)
    assert this[:4] == (Decimal("1.10"), Decimal("1.10"), Decimal("3.30"), None)
    assert (last[2], last[-1]) == (3, 30)
    assert [(name.replace("\u00a0", " "), amount) for name, amount in chart.key] == [
        ("to Mon 2 Nov", Decimal("1.10")),
        ("to Fri 2 Oct", Decimal(2)),
    ]
    assert chart.summary.replace("\u00a0", " ") == (
        "Spend of the month, added up: $3.30 USD by Tue 3 Nov. On the days that are over it was $1.10 USD, "
        "and on the same days of the month before $2.00 USD."
    )


def test_a_shorter_month_before_ends_where_it_ended() -> None:
    chart = month([Decimal(1)] * 3, [Decimal(1)] * 28)
    assert [row.cells[1] for row in chart.table.rows[27:]] == [28, None, None]


def test_a_month_before_of_which_nothing_is_known_is_not_drawn_as_nothing() -> None:
    chart = month([Decimal(1)] * 3, [None] * 31)
    assert chart.table.heads == ["Up to", "November"]
    assert "before" not in chart.summary
    assert len(chart.key) == 1


def test_the_first_day_and_a_longer_month_compare_with_what_there_is() -> None:
    first = pace_chart([date(2026, 3, 1)], [Decimal(2)], [Decimal(1)] * 28, unit="USD", today=date(2026, 3, 1))
    assert [amount for _name, amount in first.key] == [Decimal(2), Decimal(1)]
    days = [date(2026, 3, 1) + timedelta(days=offset) for offset in range(31)]
    last = pace_chart(days, [Decimal(2)] * 31, [Decimal(1)] * 28, unit="USD", today=date(2026, 3, 31))
    assert [amount for _name, amount in last.key] == [Decimal(60), Decimal(28)]
    assert last.key[1][0] == "to Sat\u00a028\u00a0Feb"


# --- Balance ----------------------------------------------------------------------------------------------------


def balance(readings: list[tuple[datetime, Decimal]], days: int = 30, **more: object) -> Chart:
    chart = balance_chart(
        readings, unit="CNY", title="Balance", zone="Asia/Taipei", since=NOW - timedelta(days=days), now=NOW, **more
    )  # type: ignore[arg-type]
    assert chart is not None
    return chart


def at(days: float) -> datetime:
    return NOW - timedelta(days=days)


def test_there_is_no_chart_before_the_first_reading() -> None:
    nothing = balance_chart([], unit="CNY", title="Balance", zone="UTC", since=at(30), now=NOW)
    assert nothing is None


def drawn_at(chart: Chart) -> list[int]:
    """When the drawn readings were taken, in milliseconds."""
    return [chart.data["start"] + 1000 * seconds for seconds in accumulate(chart.data["steps"])]


def test_readings_leave_in_their_order() -> None:
    chart = balance([(at(2), Decimal(1285)), (at(1), Decimal("1284.50"))])
    assert chart.data["amounts"] == ["1285.00", "1284.50"]
    assert drawn_at(chart) == [int(at(days).timestamp()) * 1000 for days in (2, 1)]
    assert (chart.data["unit"], chart.data["symbol"], chart.data["digits"]) == ("CNY", "¥", 2)


def test_what_stood_before_the_period_stands_at_its_edge() -> None:
    chart = balance([(at(60), Decimal(9)), (at(40), Decimal(8)), (at(2), Decimal(7))])
    assert chart.data["amounts"] == ["8.00", "7.00"]
    assert drawn_at(chart)[0] == chart.data["start"] == int(at(30).timestamp() * 1000)
    later = balance([(at(3), Decimal(8)), (at(2), Decimal(7))])
    assert later.data["start"] == int(at(3).timestamp() * 1000)


def test_the_table_has_the_last_reading_of_every_day_of_the_zone() -> None:
    # 16:30 UTC is half past midnight in Taipei.
    readings = [
        (datetime(2026, 11, 18, 16, 30, tzinfo=UTC), Decimal(5)),
        (datetime(2026, 11, 19, 15, 30, tzinfo=UTC), Decimal(4)),
        (datetime(2026, 11, 19, 16, 30, tzinfo=UTC), Decimal(3)),
    ]
    chart = balance(readings)
    rows = chart.table.rows
    assert [(row.name.replace("\u00a0", " "), row.cells) for row in rows] == [
        ("Fri 20 Nov", [Decimal(3)]),
        ("Thu 19 Nov", [Decimal(4)]),
    ]
    assert [chart.data["amounts"][place] for place in chart.data["closing"]] == ["4.00", "3.00"]


def test_thinned_readings_keep_the_top_ups_and_the_last_of_each_day() -> None:
    readings = [(at(30) + timedelta(minutes=10 * number), Decimal(5000 - number)) for number in range(4320)]
    jump = readings[1001][0]
    chart = balance(readings, topups=[Rise(jump, Decimal(7))])
    drawn = set(chart.data["amounts"])
    assert len(drawn) < 550
    assert {cents(cell) for row in chart.table.rows for cell in row.cells[:1]} <= drawn
    assert {"4000.00", "3999.00"} <= drawn
    assert [drawn_at(chart)[one["place"]] for one in chart.data["topups"]] == [int(jump.timestamp()) * 1000]


def test_top_ups_of_the_period_are_told_in_order_of_time() -> None:
    rises = [Rise(at(days), Decimal("40.5")) for days in (2, 9, 45)]
    chart = balance([(at(50), Decimal(60)), (at(9), Decimal(100)), (at(2), Decimal(100))], topups=rises)
    assert chart.data["topups"] == [{"place": 1, "amount": "40.50"}, {"place": 2, "amount": "40.50"}]
    assert "2 top-ups, ¥81.00\u00a0CNY in all." in chart.summary
    assert [row.cells[1] for row in chart.table.rows] == [Decimal("40.5"), Decimal("40.5"), None]


def test_the_range_in_which_it_runs_dry_is_in_sight() -> None:
    dry = Dry(NOW + timedelta(days=9), NOW + timedelta(days=13), NOW + timedelta(days=11))
    chart = balance([(at(30), Decimal(9)), (NOW, Decimal(5))], dry=dry)
    assert chart.data["dry"]["late"] < chart.data["end"]
    assert "Runs dry between" in chart.summary
    far = balance(
        [(at(30), Decimal(9)), (NOW, Decimal(5))], dry=Dry(NOW + timedelta(days=90), NOW + timedelta(days=99))
    )
    assert far.data["end"] == int((NOW + timedelta(days=18)).timestamp() * 1000)
    assert far.data["dry"]["likely"] is None


def test_days_begin_where_the_zone_says_so() -> None:
    # Berlin left summer time on 25 October 2026: that day had 25 hours.
    chart = balance_chart(
        [(datetime(2026, 10, 24, tzinfo=UTC), Decimal(1)), (datetime(2026, 10, 27, tzinfo=UTC), Decimal(1))],
        unit="EUR", title="Balance", zone="Europe/Berlin", since=datetime(2026, 10, 1, tzinfo=UTC),
        now=datetime(2026, 10, 27, tzinfo=UTC),
    )  # fmt: skip
    assert chart is not None
    from_start, *between = chart.data["midnights"]
    first = chart.data["start"] / 1000 + from_start
    assert datetime.fromtimestamp(first, UTC) == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert [seconds / 3600 for seconds in between] == [25, 24]
