"""What single cells say, and what they cannot."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.usage.imports.cells import (
    Unfit,
    amount_of,
    count_of,
    decides,
    decimal_marks,
    number_of,
    text_of,
    unit_beside,
    unit_of,
)
from dashboard.usage.imports.dates import bucket_of, date_orders, moment_of, period_of


@pytest.mark.parametrize(
    ("cell", "mark", "number"),
    [
        ("1234.56", ".", "1234.56"),
        ("1,234.56", ".", "1234.56"),
        ("1.234,56", ",", "1234.56"),
        ("1 234,56", ",", "1234.56"),
        ("1\u202f234\u202f567", ",", "1234567"),
        ("1'234.50", ".", "1234.50"),
        ("12,345,678", ".", "12345678"),
        ("−3.5", ".", "-3.5"),
        ("+3", ".", "3"),
        (".5", ".", "0.5"),
        ("1.5E-4", ".", "0.00015"),
        ('="0012"', ".", "12"),
        ("0", ".", "0"),
    ],
)
def test_numbers_are_read_with_their_mark(cell: str, mark: str, number: str) -> None:
    assert number_of(cell, mark) == Decimal(number)


@pytest.mark.parametrize("cell", ["", "  ", "-", "—", "N/A", "null", "None", "NaN"])
def test_nothing_is_unknown_and_not_zero(cell: str) -> None:
    assert number_of(cell) is None
    assert count_of(cell) is None
    assert amount_of(cell) == (None, "")


@pytest.mark.parametrize(
    ("cell", "mark"),
    [
        ("1.234,56", "."),
        ("1,234.56", ","),
        ("1,23", "."),
        ("12,34,567", "."),
        ("1_000", "."),
        ("1e999", "."),
        ("Infinity", "."),
        ("12 apples", "."),
        ("1.2.3", "."),
        ("٣", "."),
        ("9" * 60, "."),
    ],
)
def test_what_is_no_number_is_refused(cell: str, mark: str) -> None:
    with pytest.raises(Unfit):
        number_of(cell, mark)


@pytest.mark.parametrize("cell", ["=1+1", "=SUM(A1:A3)", "@cmd", "+cmd|' /C calc'!A0", "-cmd"])
def test_formulas_are_refused_by_name(cell: str) -> None:
    with pytest.raises(Unfit, match="formula"):
        number_of(cell)


def test_a_formula_is_no_name_but_an_escaped_one_is() -> None:
    with pytest.raises(Unfit, match="formula"):
        text_of('=HYPERLINK("https://evil.example")')
    assert text_of("'@cf/vendor/model") == "@cf/vendor/model"
    assert text_of("@cf/vendor/model") == "@cf/vendor/model"
    assert text_of("n/a") == ""


@pytest.mark.parametrize(
    ("cell", "amount", "beside"),
    [
        ("$1,234.50", "1234.50", "$"),
        ("-$5", "-5", "$"),
        ("$-5", "-5", "$"),
        ("($5.00)", "-5.00", "$"),
        ("12.30 USD", "12.30", "USD"),
        ("EUR 3", "3", "EUR"),
        ("¥8.5", "8.5", "¥"),
        ("8.5元", "8.5", "元"),
        ("-0.000001", "-0.000001", ""),
    ],
)
def test_amounts_say_their_currency(cell: str, amount: str, beside: str) -> None:
    assert amount_of(cell) == (Decimal(amount), beside)


def test_a_sign_that_contradicts_is_refused_and_one_that_is_a_guess_is_asked() -> None:
    assert unit_beside("", "$") == "USD"
    assert unit_beside("AUD", "$") == "AUD"
    assert unit_beside("CNY", "¥") == "CNY"
    for unit, sign in (("USD", "€"), ("EUR", "USD"), ("", "¥"), ("", "")):
        with pytest.raises(Unfit):
            unit_beside(unit, sign)


def test_units_are_iso_codes_or_the_accounts_own() -> None:
    assert unit_of(" usd ") == "USD"
    assert unit_of("api points", ["API points"]) == "API points"
    for unknown in ("XYZ", "dollars", "", "¥"):
        with pytest.raises(Unfit):
            unit_of(unknown)


@pytest.mark.parametrize("cell", ["-1", "1.5", "100000000000000", "(3)"])
def test_counts_are_whole_and_real(cell: str) -> None:
    with pytest.raises(Unfit):
        count_of(cell)


# --- Dates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "order", "when", "exact"),
    [
        ("2026-11-20", "", "2026-11-20T00:00:00", "day"),
        ("2026/11/2", "", "2026-11-02T00:00:00", "day"),
        ("20261120", "", "2026-11-20T00:00:00", "day"),
        ("2026年11月20日", "", "2026-11-20T00:00:00", "day"),
        ("2026-11", "", "2026-11-01T00:00:00", "month"),
        ("202611", "", "2026-11-01T00:00:00", "month"),
        ("Nov 2026", "", "2026-11-01T00:00:00", "month"),
        ("2026年11月", "", "2026-11-01T00:00:00", "month"),
        ("Nov 20, 2026", "", "2026-11-20T00:00:00", "day"),
        ("20 November 2026", "", "2026-11-20T00:00:00", "day"),
        ("20-Nov-2026", "", "2026-11-20T00:00:00", "day"),
        ("Fri, 20 Nov 2026", "", "2026-11-20T00:00:00", "day"),
        ("03/04/2026", "dmy", "2026-04-03T00:00:00", "day"),
        ("03/04/2026", "mdy", "2026-03-04T00:00:00", "day"),
        ("3.4.26", "dmy", "2026-04-03T00:00:00", "day"),
        ("11/20/2026 3:05 PM", "mdy", "2026-11-20T15:05:00", "time"),
        ("11/20/2026 12:05 AM", "mdy", "2026-11-20T00:05:00", "time"),
        ("2026-11-20T09:10:11Z", "", "2026-11-20T09:10:11+00:00", "time"),
        ("2026-11-20 09:10:11.123456", "", "2026-11-20T09:10:11", "time"),
        ("2026-11-20 09:10:11 UTC", "", "2026-11-20T09:10:11+00:00", "time"),
        ("2026-11-20T09:10:11+0530", "", "2026-11-20T09:10:11+05:30", "time"),
        ("1795165200", "", "2026-11-20T09:00:00+00:00", "time"),
        ("1795165200000", "", "2026-11-20T09:00:00+00:00", "time"),
    ],
)
def test_moments(cell: str, order: str, when: str, exact: str) -> None:
    assert moment_of(cell, order) == (datetime.fromisoformat(when), exact)


@pytest.mark.parametrize(
    "cell", ["", "Total", "2026-13-01", "2026-02-30", "31/02/2026", "99/99/2026", "2026-11-20 25:00", "5", "0000-00-00"]
)
def test_what_is_no_date_is_refused(cell: str) -> None:
    with pytest.raises(Unfit):
        moment_of(cell, "dmy")


def test_an_ambiguous_date_asks() -> None:
    with pytest.raises(Unfit, match="two dates"):
        moment_of("03/04/2026")


@pytest.mark.parametrize(
    ("cells", "orders"),
    [
        (["03/04/2026", "05/06/2026"], {"dmy", "mdy"}),
        (["03/04/2026", "13/06/2026"], {"dmy"}),
        (["03/04/2026", "05/16/2026"], {"mdy"}),
        (["2026-11-20", "Total"], {""}),
        (["13/04/2026", "04/13/2026"], {"dmy", "mdy"}),
    ],
)
def test_the_order_is_sniffed_or_asked(cells: list[str], orders: set[str]) -> None:
    assert date_orders(cells) == orders


@pytest.mark.parametrize(
    ("cells", "marks", "matters"),
    [
        (["1,234.56"], {"."}, False),
        (["1.234,56"], {","}, False),
        (["1,5", "2"], {","}, False),
        (["1,234", "12"], {".", ","}, True),
        (["1234", "12"], {".", ","}, False),
        (["1.500", "0.25"], {"."}, False),
        (["0,500"], {","}, False),
    ],
)
def test_the_decimal_mark_is_sniffed_or_asked(cells: list[str], marks: set[str], matters: bool) -> None:
    assert decimal_marks(cells) == marks
    if len(marks) == 2:
        assert decides(cells) == matters


def test_what_a_line_tells_of_is_sniffed() -> None:
    assert period_of(["2026-11", "2026-12"], "") == "month"
    assert period_of(["2026-11-01", "2026-11-02 00:00:00"], "") == "day"
    assert period_of(["2026-11-01 00:00", "2026-11-01 07:00"], "") == "hour"


def bucket(cell: str, period: str, zone: str = "UTC", order: str = "") -> tuple[datetime, datetime]:
    return bucket_of(cell, order=order, zone=zone, period=period)


def test_days_and_months_stay_as_they_were_written() -> None:
    day = (datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))
    for cell in ("2026-11-20", "2026-11-20 23:59:00", "2026-11-20T00:00:00+08:00"):
        assert bucket(cell, "day", "Asia/Taipei") == day
    assert bucket("2026-12-05", "month") == (datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))


def test_hours_are_read_in_their_zone() -> None:
    assert bucket("2026-11-20 09:45", "hour", "Asia/Taipei")[0] == datetime(2026, 11, 20, 1, tzinfo=UTC)
    assert bucket("2026-11-20T09:45:00Z", "hour", "Asia/Taipei")[0] == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert bucket("2026-07-01 00:30", "hour", "America/New_York")[0] == datetime(2026, 7, 1, 4, tzinfo=UTC)
    with pytest.raises(Unfit, match="time of day"):
        bucket("2026-11-20", "hour")
    with pytest.raises(Unfit, match="month"):
        bucket("2026-11", "day")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(cell: str) -> None:
    for read in (number_of, count_of, amount_of, text_of, unit_of, moment_of):
        try:
            read(cell)
        except Unfit as unfit:
            assert str(unfit)


@given(st.decimals(-(10**9), 10**9, places=6), st.sampled_from([".", ","]), st.booleans())
def test_any_number_is_read_as_it_was_written(number: Decimal, mark: str, grouped: bool) -> None:
    written = format(number, ",f" if grouped else "f")
    if mark == ",":
        written = written.translate(str.maketrans(",.", ".,"))
    assert number_of(written, mark) == number
