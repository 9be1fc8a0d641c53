"""The readers of JSON: exact or refused, and an error that never quotes what was read."""

import json
import math
import traceback
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from providers import parse
from providers.errors import PayloadError, Retryable
from providers.spec import Reply

CANARY = "canary-7f3a"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
READERS = [
    parse.text,
    parse.boolean,
    parse.integer,
    parse.decimal,
    parse.currency,
    parse.instant,
    parse.unix_seconds,
    parse.unix_millis,
    parse.utc_day,
    parse.mapping,
    parse.rows,
    parse.sequence,
]


def body(text: str) -> Reply:
    return Reply(status=200, headers={}, body=text.encode())


# --- Numbers -------------------------------------------------------------------------------------------------------

AMOUNTS = st.decimals(min_value=Decimal("-1e18"), max_value=Decimal("1e18"), allow_nan=False, allow_infinity=False)


@given(AMOUNTS)
def test_a_decimal_comes_through_exactly_as_text_and_as_a_number(amount: Decimal) -> None:
    plain = format(amount, "f")
    assume(len(plain) <= 60)
    document = body(f'{{"text": "{plain}", "number": {plain}}}').json()
    for name in ("text", "number"):
        found = parse.get(document, name, parse.decimal)
        assert isinstance(found, Decimal)
        assert found == amount
        assert format(found, "f") == plain


@pytest.mark.parametrize(
    ("given_text", "plain"),
    [
        ("0.1", "0.1"),
        ("0.1000", "0.1000"),
        ("1e3", "1000"),
        ("1E-7", "0.0000001"),
        ("-0.000001", "-0.000001"),
        ("12345678901234567890.123456789012345678", "12345678901234567890.123456789012345678"),
        ("0", "0"),
        ("9007199254740993", "9007199254740993"),
    ],
)
def test_known_numbers(given_text: str, plain: str) -> None:
    document = body(f'[{given_text}, "{given_text}"]').json()
    assert [format(parse.decimal(value, "x"), "f") for value in document] == [plain, plain]


@pytest.mark.parametrize(
    "value",
    [
        True,
        False,
        None,
        1.5,
        [],
        {},
        "",
        "x",
        "NaN",
        "sNaN",
        "Infinity",
        "-inf",
        "1e999",
        "-1E+61",
        "1e-999",
        "1_000",
        "1,000",
        "0x10",
        "1 000",
        "$5",
        "1" * 61,
        10**80,
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1e999"),
        "1e99999999999999999999",
    ],
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(PayloadError):
        parse.decimal(value, "amount")
    with pytest.raises(PayloadError):
        parse.integer(value, "amount")


@given(st.integers(-(10**40), 10**40))
def test_whole_numbers_come_through(number: int) -> None:
    assert parse.integer(number, "n") == number
    assert parse.integer(str(number), "n") == number
    assert parse.integer(Decimal(number), "n") == number
    assert parse.integer(f"{number}.0", "n") == number


@given(st.integers(-(10**30), 10**30), st.integers(1, 999))
def test_a_fraction_is_no_whole_number(whole: int, part: int) -> None:
    with pytest.raises(PayloadError, match="whole"):
        parse.integer(Decimal(f"{whole}.{part:03d}"), "n")


# --- Answers as a whole --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", '{"a": -Infinity}', '{"a": 1e99999999999999999999}', "[" * 90000]
)
def test_numbers_and_nestings_that_cannot_be_are_payload_errors(text: str) -> None:
    with pytest.raises(PayloadError):
        body(text).json()


@pytest.mark.parametrize(
    "raw", [b"", b"<html>", b'{"a": ', b"\xff\xfe\x00", b"{'a': 1}", b'{"a": 1} x', b'{"a": "\xc3"}']
)
def test_what_is_no_json_is_retryable(raw: bytes) -> None:
    with pytest.raises(Retryable) as caught:
        Reply(status=200, headers={}, body=raw).json()
    assert caught.value.status == 200


def by_the_standard_library(raw: bytes) -> Any:
    return json.loads(raw.decode(json.detect_encoding(raw), "surrogatepass"), parse_float=Decimal)


@given(JSON, st.booleans())
def test_the_fast_reader_reads_what_the_standard_library_reads(document: Any, ascii_only: bool) -> None:
    written = json.dumps(
        document, default=lambda value: float(value) if value.is_finite() else None, ensure_ascii=ascii_only
    )
    raw = written.replace("NaN", "0").replace("Infinity", "0").encode("utf-8", "surrogatepass")
    assert repr(Reply(status=200, headers={}, body=raw).json()) == repr(by_the_standard_library(raw))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a": 1, "b": 2, "a": 3}',
        b"\xef\xbb\xbf[1]",
        '{"name": "x"}'.encode("utf-16"),
        b'"\\ud800"',
        '"\ud800"'.encode("utf-8", "surrogatepass"),
        b"[-0, -0.0, 1.50, 1e3, 123456789012345678901234567890]",
        b'"\\u0000"',
    ],
    ids=["one name twice", "byte order mark", "UTF-16", "half a pair, escaped", "half a pair", "numbers", "NUL"],
)
def test_what_is_odd_is_read_as_the_standard_library_reads_it(raw: bytes) -> None:
    assert repr(Reply(status=200, headers={}, body=raw).json()) == repr(by_the_standard_library(raw))


@given(JSON)
def test_no_fraction_is_ever_a_float(document: Any) -> None:
    def floats(value: Any) -> bool:
        if isinstance(value, dict):
            return any(map(floats, value.values()))
        return any(map(floats, value)) if isinstance(value, list) else isinstance(value, float)

    def plain(value: Any) -> Any:
        return float(value) if isinstance(value, Decimal) and value.is_finite() else None

    assert not floats(body(json.dumps(document, default=plain).replace("NaN", "0").replace("Infinity", "0")).json())


# --- Fields --------------------------------------------------------------------------------------------------------


def test_required_and_optional_fields() -> None:
    row = {"a": "1.5", "none": None}
    assert parse.get(row, "a", parse.decimal) == Decimal("1.5")
    assert parse.maybe(row, "a", parse.decimal) == Decimal("1.5")
    assert parse.maybe(row, "none", parse.decimal) is None
    assert parse.maybe(row, "missing", parse.decimal) is None
    for name in ("none", "missing"):
        with pytest.raises(PayloadError, match=f"no {name}"):
            parse.get(row, name, parse.decimal)
    with pytest.raises(PayloadError):
        parse.maybe({"a": "x"}, "a", parse.decimal)
    for value in (None, [], "text", 5):
        with pytest.raises(PayloadError):
            parse.get(value, "a", parse.text)
        with pytest.raises(PayloadError):
            parse.maybe(value, "a", parse.text)


def test_zero_and_false_are_values() -> None:
    row = {"zero": 0, "false": False, "empty": ""}
    assert parse.get(row, "zero", parse.integer) == 0
    assert parse.maybe(row, "zero", parse.decimal) == Decimal(0)
    assert parse.get(row, "false", parse.boolean) is False
    assert parse.get(row, "empty", parse.text) == ""


@pytest.mark.parametrize(("value", "found"), [(True, True), (False, False), ("true", True), ("false", False)], ids=repr)
def test_booleans(value: Any, found: bool) -> None:
    assert parse.boolean(value, "b") is found


@pytest.mark.parametrize("value", [1, 0, "True", "yes", "", None, [], {}], ids=repr)
def test_what_is_no_boolean(value: Any) -> None:
    with pytest.raises(PayloadError):
        parse.boolean(value, "b")


def test_lists_and_objects() -> None:
    assert parse.rows([{"a": 1}], "data") == [{"a": 1}]
    assert parse.sequence([1, "x"], "data") == [1, "x"]
    for wrong in ({}, "ab", None, [1], [{}, None]):
        with pytest.raises(PayloadError):
            parse.rows(wrong, "data")
    for wrong in ({}, "ab", None):
        with pytest.raises(PayloadError):
            parse.sequence(wrong, "data")


@pytest.mark.parametrize(("value", "code"), [("USD", "USD"), ("usd", "USD"), (" cny ", "CNY")])
def test_currencies(value: str, code: str) -> None:
    assert parse.currency(value, "currency") == code


@pytest.mark.parametrize("value", ["US", "USDT", "U$D", "", None, 840, "美元元"])
def test_what_is_no_currency(value: Any) -> None:
    with pytest.raises(PayloadError):
        parse.currency(value, "currency")


def test_text_with_a_nul_is_refused() -> None:
    with pytest.raises(PayloadError):
        parse.text("a\x00b", "name")


# --- Times ---------------------------------------------------------------------------------------------------------

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=ZONES)  # noqa: DTZ001


@given(MOMENTS)
def test_an_instant_is_the_same_moment_in_utc(moment: datetime) -> None:
    found = parse.instant(moment.isoformat(), "at")
    assert found == moment
    assert found.utcoffset() == timedelta(0)


@given(MOMENTS, st.integers(0, 999))
def test_nanoseconds_are_cut_not_rounded(moment: datetime, nano: int) -> None:
    raw = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{nano:03d}Z"
    assert parse.instant(raw, "at") == moment


@pytest.mark.parametrize(
    ("raw", "iso"),
    [
        ("2026-11-20T08:00:00Z", "2026-11-20T08:00:00+00:00"),
        ("2026-11-20T08:00:00+08:00", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20 08:00:00-05:30", "2026-11-20T13:30:00+00:00"),
        (" 2026-11-20T08:00:00.5Z ", "2026-11-20T08:00:00.500000+00:00"),
        ("2026-11-20T23:59:59.999999999Z", "2026-11-20T23:59:59.999999+00:00"),
        ("2026-11-20T08:00:00.123456789+08:00", "2026-11-20T00:00:00.123456+00:00"),
    ],
)
def test_known_instants(raw: str, iso: str) -> None:
    assert parse.instant(raw, "at").isoformat() == iso


@pytest.mark.parametrize(
    "raw",
    [
        "2026-11-20T08:00:00",
        "2026-11-20",
        "2026-13-45T00:00:00Z",
        "yesterday",
        "",
        None,
        1700000000,
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_what_is_no_instant(raw: Any) -> None:
    with pytest.raises(PayloadError):
        parse.instant(raw, "at")


@given(st.integers(-(10**9), 32_000_000_000), st.integers(0, 999_999))
def test_unix_times(seconds: int, micros: int) -> None:
    wanted = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micros)
    exact = Decimal(seconds) + Decimal(micros) / 1_000_000
    assert parse.unix_seconds(exact, "at") == wanted
    assert parse.unix_seconds(str(exact), "at") == wanted
    assert parse.unix_millis(exact * 1000, "at") == wanted


@pytest.mark.parametrize("value", [10**15, -(10**15), "1e40", "x", None, True])
def test_what_is_no_unix_time(value: Any) -> None:
    with pytest.raises(PayloadError):
        parse.unix_seconds(value, "at")
    if value not in (10**15, -(10**15)) or value is True:
        with pytest.raises(PayloadError):
            parse.unix_millis(value, "at")


@pytest.mark.parametrize("raw", ["2026-11-20", "2026-11-20T23:59:59Z", "2026-11-20 05:00"])
def test_days(raw: str) -> None:
    assert parse.utc_day(raw, "day") == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize("raw", ["2026-02-30", "20-11-2026", "", None, 20261120])
def test_what_is_no_day(raw: Any) -> None:
    with pytest.raises(PayloadError):
        parse.utc_day(raw, "day")


@given(MOMENTS)
def test_borders_of_days_and_months(moment: datetime) -> None:
    start = parse.day_start(moment)
    assert start <= moment < start + timedelta(days=1)
    assert (start.hour, start.minute, start.second, start.microsecond, start.utcoffset()) == (0, 0, 0, 0, timedelta(0))
    assert parse.day_after(start) == start
    assert moment <= parse.day_after(moment) <= start + timedelta(days=1)
    assert parse.month_start(moment) <= moment < parse.next_month(moment)
    assert parse.month_start(moment).day == parse.next_month(moment).day == 1
    assert parse.month_start(parse.next_month(moment)) == parse.next_month(moment)
    assert parse.instant(parse.iso_z(moment), "x") == moment.replace(microsecond=0)


# --- Whatever comes ------------------------------------------------------------------------------------------------


@given(JSON)
def test_a_reader_gives_a_value_or_a_payload_error(value: Any) -> None:
    for reader in READERS:
        try:
            found = reader(value, "where")
        except PayloadError as error:
            assert "where" in error.message
            continue
        if isinstance(found, datetime):
            assert found.utcoffset() == timedelta(0)
        if isinstance(found, Decimal):
            assert math.isfinite(found)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("value", [CANARY, f"{CANARY}T00:00:00Z", [CANARY], {CANARY: CANARY, "a": "\x00"}])
def test_an_error_names_the_place_and_never_the_value(reader: Any, value: Any) -> None:
    try:
        reader(value, "the place")
    except PayloadError as error:
        assert "the place" in error.message
        assert "canary" not in "".join(traceback.format_exception(error)) + repr(vars(error))
