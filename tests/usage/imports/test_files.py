"""From the bytes of a file to lines: encodings, separators, headers, proposals, bad input, and there and back."""

import csv
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard.usage.imports.columns import (
    AMOUNT,
    CACHED,
    COUNTS,
    INPUT,
    ITEM,
    KEY,
    MODEL,
    OUTPUT,
    PROJECT,
    REQUESTS,
    TIME,
    UNIT,
    USER,
    proposed,
    signature,
    unit_in,
)
from dashboard.usage.imports.dialect import FileProblem, dialect_of, encoding_of, names_of, rows_of
from dashboard.usage.imports.lines import NAMES, Line, Mapping, Reader, Refusal, Repeat, Sums
from tests.usage.imports.files import (
    CHINESE,
    COSTS,
    EUROPEAN,
    SEATS,
    UNTIL,
    USAGE,
    lines,
    proposal,
    read,
    refusals,
    written,
)

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
SIMPLE = Mapping(encoding="utf-8-sig", delimiter=",", header=1, columns=(TIME, MODEL, INPUT, AMOUNT), unit="USD")
HEAD = b"date,model,input,cost\n"

# --- Encodings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "text", "found"),
    [
        ("utf-8", COSTS, "utf-8-sig"),
        ("utf-8-sig", COSTS, "utf-8-sig"),
        ("utf-16", COSTS, "utf-16"),
        ("utf-16-le", COSTS, "utf-16-le"),
        ("utf-16-be", COSTS, "utf-16-be"),
        ("latin-1", COSTS.replace("Research", "Café"), "latin-1"),
        ("gb18030", CHINESE, "gb18030"),
        ("utf-8", CHINESE, "utf-8-sig"),
    ],
)
def test_encodings_are_found_and_read(encoding: str, text: str, found: str) -> None:
    data = text.encode(encoding)
    assert encoding_of([data]) == found
    mapping = proposal(data)
    assert TIME in mapping.columns
    assert lines(data, mapping)[0].start == MONDAY


def test_a_later_byte_that_is_no_utf8_is_found_too() -> None:
    data = [b"a,b\n" * 100, b"caf\xe9,1\n"]
    assert encoding_of(data) == "latin-1"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \r\n", "empty"),
        (b"\x00" * 50, "empty"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"\x1f\x8brest", "packed"),
        (b"%PDF-1.7", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (bytes([0, 0, 1, 1]) * 200, "not a text file"),
    ],
)
def test_what_is_no_csv_says_what_it_is(data: bytes, words: str) -> None:
    with pytest.raises(FileProblem, match=words):
        encoding_of([data])


@pytest.mark.parametrize(
    "text", ["2026-11-16,m,1\n2026-11-17,m,2\n", "hello\nworld\n", "1,2,3\n", "date\n2026-11-16\n"]
)
def test_a_file_without_a_header_says_so(text: str) -> None:
    with pytest.raises(FileProblem, match="names of the columns"):
        dialect_of(text.encode(), "utf-8-sig")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_separators_are_found(delimiter: str) -> None:
    data = written(["date", "model", "cost, all"], [["2026-11-16", "a,b;c", "1.5"]] * 3, delimiter=delimiter)
    assert dialect_of(data, "utf-8-sig").delimiter == delimiter


def test_excels_own_word_on_the_separator_counts_and_titles_may_stand_above() -> None:
    assert dialect_of(b"sep=;\nDate;Cost\n2026-11-16;1,5\n2026-11-17;1,5\n", "utf-8-sig").header == 2
    titled = b"Usage report\nOctober\n\nDate,Model,Cost\n2026-10-01,m,1\n2026-10-02,m,2\n"
    assert dialect_of(titled, "utf-8-sig").header == 4


def test_columns_without_a_name_or_of_one_name_are_told_apart() -> None:
    assert names_of(["date", "", "cost", "cost", "\ufeffmodel\n"]) == ["date", "Column 2", "cost", "cost (2)", "model"]


# --- Proposals --------------------------------------------------------------------------------------------------


def fields(text: str) -> dict[str, str]:
    names = next(csv.reader([text.splitlines()[0]]))
    return {field: name for name, field in zip(names, proposed(names), strict=True) if field}


def test_known_exports_are_recognised() -> None:
    assert fields(SEATS) == {
        TIME: "date", USER: "username", ITEM: "sku", MODEL: "model", AMOUNT: "net_amount", PROJECT: "organization",
    }  # fmt: skip
    assert fields(USAGE) == {
        TIME: "start_time_iso", INPUT: "input_tokens", OUTPUT: "output_tokens", CACHED: "input_cached_tokens",
        REQUESTS: "num_model_requests", PROJECT: "project_id", USER: "user_id", KEY: "api_key_id", MODEL: "model",
    }  # fmt: skip
    assert fields(COSTS)[AMOUNT] == "cost_usd"
    assert (
        fields("ChargePeriodStart,BilledCost,BillingCurrency,ResourceName,SubAccountId,SkuMeter")[TIME]
        == "ChargePeriodStart"
    )
    assert fields(CHINESE)[UNIT] == "币种"


def test_tokens_written_to_the_cache_may_stand_in_two_columns() -> None:
    names = ["usage_date_utc", "usage_input_tokens_cache_write_5m", "usage_input_tokens_cache_write_1h"]
    data = written(names, [["2026-11-16", 3, 4], ["2026-11-17", "", 4], ["2026-11-18", "", ""]])
    first, second, nothing = read(data, proposal(data))
    assert isinstance(first, Line)
    assert isinstance(second, Line)
    assert (first.counts[2], second.counts[2]) == (7, 4)
    assert isinstance(nothing, Refusal)


def test_the_currency_stands_in_the_name_of_the_column() -> None:
    for name, unit in {
        "cost_usd": "USD",
        "Amount (EUR)": "EUR",
        "Cost ($)": "USD",
        "费用(元)": "CNY",
        "cost": "",
    }.items():
        assert unit_in([name], [AMOUNT]) == unit


def test_cached_tokens_inside_the_input_are_taken_out() -> None:
    data = USAGE.encode()
    mapping = proposal(data)
    assert mapping.cached_inside
    assert lines(data, mapping)[0].counts[:2] == (600, 400)
    assert lines(data, replace(mapping, cached_inside=False))[0].counts[:2] == (1000, 400)
    wrong = data.replace(b",1000,50,400,", b",300,50,400,")
    assert "more cached input" in refusals(wrong, mapping)[0][1]


def test_a_european_file_is_read_as_it_was_meant() -> None:
    data = EUROPEAN.encode("latin-1", errors="replace").replace(b"?", b"EUR")
    mapping = replace(proposal(data), columns=(TIME, MODEL, INPUT, AMOUNT), decimal=",", order="dmy")
    assert [(line.start.day, line.counts[0], line.amount, line.unit) for line in lines(data, mapping)] == [
        (16, 1234, Decimal("1234.56"), "EUR"),
        (17, 2000, Decimal("0.44"), "EUR"),
    ]


def test_what_can_be_read_in_two_ways_is_left_to_a_person() -> None:
    both = proposal(written(["date", "tokens in", "cost"], [["03/04/2026", "1,234", "5"]] * 2))
    assert (both.order, both.decimal) == ("?", "")
    plain = proposal(written(["date", "tokens in", "cost"], [["2026-04-03", "1234", "5"]] * 2))
    assert (plain.order, plain.decimal) == ("", ".")


def test_the_same_columns_have_the_same_signature() -> None:
    assert signature(["Date", "Cost (USD)"]) == signature(["date", "cost"])
    assert signature(["date", "cost"]) != signature(["cost", "date"])


# --- Bad input --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"2026-11-16,m,1", "3 cells"),
        (b"2026-11-16,m,1,2,3", "5 cells"),
        (b"2026-11-16,m,,", "neither usage nor cost"),
        (b"2026-11-16,m,n/a,-", "neither usage nor cost"),
        (b",m,1,1", "no date"),
        (b"Total,,10,3", "no date"),
        (b"03/04/2026,m,1,1", "two dates"),
        (b"2011-01-01,m,1,1", "before any"),
        (b"2027-01-01,m,1,1", "future"),
        (b"2026-11-16,m,one,1", "no number"),
        (b"2026-11-16,m,-1,1", "number of tokens"),
        (b"2026-11-16,m,1.5,1", "whole number"),
        (b'2026-11-16,m,1,"1,5"', "no number"),
        (b"2026-11-16,m,1,=1+1", "formula"),
        (b'2026-11-16,"=cmd()",1,1', "formula"),
        (b"2026-11-16,m\x00m,1,1", "NUL"),
        (b"2026-11-16,m\xff,1,1", "encoding"),
        (b"2026-11-16," + b"m" * 600 + b",1,1", "500 characters"),
        (b"2026-11-16," + b"m" * 200_000 + b",1,1", "quotation marks"),
        (b'2026-11-16,"m"x,1,1', "quotation marks"),
        (b"2026-11-16,m,1," + "1 €".encode(), "currency says USD"),
        (b"2026-11-16,m,1,99999999999", "beyond any real"),
    ],
)
def test_a_bad_line_is_told_and_the_others_stand(line: bytes, words: str) -> None:
    data = HEAD + b"2026-11-16,a,1,1\n" + line + b"\n2026-11-17,b,1,1\n"
    found = read(data, SIMPLE)
    assert [type(one) for one in found] == [Line, Refusal, Line]
    assert found[1].line == 3  # type: ignore[union-attr]
    assert words in found[1].words  # type: ignore[union-attr]


def test_a_quote_that_never_closes_says_which_lines_it_took() -> None:
    data = HEAD + b'2026-11-16,a,1,1\n2026-11-16,"b,1,1\n2026-11-17,c,1,1\n'
    good, bad = read(data, SIMPLE)
    assert isinstance(good, Line)
    assert isinstance(bad, Refusal)
    assert bad.line == 3
    assert "lines up to" in bad.words


def test_lines_are_counted_as_an_editor_counts_them() -> None:
    data = HEAD.replace(b"\n", b"\r\n") + b'2026-11-16,"two\r\nlines",1,1\r\n\r\n2026-11-17,m,x,1\r\n'
    good, bad = read(data, SIMPLE)
    assert (good.number, bad.line) == (2, 5)  # type: ignore[union-attr]


def test_negative_amounts_are_credits_and_zero_is_a_figure() -> None:
    data = HEAD + b"2026-11-16,m,,-2.50\n2026-11-16,m,,0\n2026-11-16,m,,4\n"
    sums = Sums()
    for line in lines(data, SIMPLE):
        sums.take(line)
    assert sums.usage() == []
    assert {(one.category, one.amount) for one in sums.cost()} == {("credit", Decimal("-2.5")), ("usage", Decimal(4))}


def test_an_unknown_currency_is_refused() -> None:
    data = b"date,cost,currency\n2026-11-16,1,USD\n2026-11-16,2,XXX\n2026-11-16,3,\n"
    mapping = Mapping(encoding="utf-8-sig", delimiter=",", header=1, columns=(TIME, AMOUNT, UNIT))
    assert [(line, words.split(".")[0]) for line, words in refusals(data, mapping)] == [
        (3, "“XXX” is no currency that is known"),
        (4, "there is an amount without a currency"),
    ]


def test_equal_lines_count_once_or_each_as_asked() -> None:
    data = HEAD + b"2026-11-16,m,1,1\n" * 3
    assert [type(one) for one in read(data, SIMPLE)] == [Line, Repeat, Repeat]
    assert len(lines(data, replace(SIMPLE, repeated="each"))) == 3


def test_lines_of_one_record_are_added() -> None:
    sums = Sums()
    for line in lines(COSTS.encode() + b"2026-11-16,m,Research,ci,input,0.000000000001\n", proposal(COSTS.encode())):
        sums.take(line)
    amounts = {(one.start.day, one.line_item): one.amount for one in sums.cost()}
    assert amounts == {
        (16, "input"): Decimal("1.250000000001"),
        (16, "output"): Decimal("0.75"),
        (17, "input"): Decimal("0.5"),
    }


def test_too_many_lines_end_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.usage.imports.lines.MOST_ROWS", 2)
    found = read(HEAD + b"2026-11-16,a,1,1\n2026-11-16,b,1,1\n2026-11-16,c,1,1\n2026-11-16,d,1,1\n", SIMPLE)
    assert [type(one) for one in found] == [Line, Line, Refusal]
    assert "Split the file" in found[2].words  # type: ignore[union-attr]


# --- There and back ---------------------------------------------------------------------------------------------

names = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\ufffd\ufeff\u200b"), max_size=12).map(
    lambda text: "" if text.lower() in ("n/a", "na", "nan", "nil", "null", "none") else text
)
names = names.filter(lambda text: text[:1] not in "=-–—−'\\(" or not text)
counts = st.one_of(st.none(), st.integers(0, 10**12))
amounts = st.one_of(st.none(), st.decimals(-(10**9), 10**9, places=9))
hours = st.integers(0, 400 * 24).map(lambda back: MONDAY - timedelta(hours=back))
entries = st.tuples(hours, st.tuples(names, names, names, names, names), st.tuples(*[counts] * 6), amounts)
HEADERS = {
    TIME: "date", MODEL: "model", KEY: "api key", PROJECT: "project", USER: "user", ITEM: "line item",
    INPUT: "input tokens", CACHED: "cached tokens", "cache_write_tokens": "cache write tokens",
    OUTPUT: "output tokens", "reasoning_tokens": "reasoning tokens", REQUESTS: "requests", AMOUNT: "cost",
    UNIT: "currency",
}  # fmt: skip
DATES = {
    ("hour", ""): "%Y-%m-%d %H:%M:%S",
    ("hour", "mdy"): "%m/%d/%Y %I:%M %p",
    ("day", ""): "%Y-%m-%d",
    ("day", "dmy"): "%d.%m.%Y",
    ("day", "mdy"): "%m/%d/%Y",
    ("month", ""): "%Y-%m",
}


def shortened(at: datetime, period: str) -> datetime:
    return at if period == "hour" else at.replace(hour=0) if period == "day" else at.replace(hour=0, day=1)


def in_words(value: Any, mark: str, grouped: bool) -> str:
    if value is None:
        return ""
    text = format(
        value, (",f" if isinstance(value, Decimal) else ",d") if grouped else "f" if isinstance(value, Decimal) else "d"
    )
    return text if mark == "." else text.translate(str.maketrans(",.", ".,"))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(entries, min_size=1, max_size=6),
    st.sampled_from(sorted(DATES)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]),
    st.sampled_from([".", ","]),
    st.booleans(),
    st.permutations(sorted(HEADERS)),
)
def test_what_is_written_in_any_dialect_is_read_back(
    told: list[Any], dates: tuple[str, str], delimiter: str, encoding: str, mark: str, grouped: bool, order: list[str]
) -> None:
    period, first = dates
    rows, wanted = [], []
    for at, dimensions, figures, amount in told:
        start = shortened(at, period)
        cells = {
            TIME: start.strftime(DATES[dates]),
            **dict(zip(NAMES, dimensions, strict=True)),
            **{name: in_words(value, mark, grouped) for name, value in zip(COUNTS, figures, strict=True)},
            AMOUNT: in_words(amount, mark, grouped),
            UNIT: "" if amount is None else "EUR",
        }
        rows.append([cells[field] for field in order])
        if amount is not None or any(figure is not None for figure in figures):
            wanted.append((start, dimensions, figures, amount, "" if amount is None else "EUR"))
    data = written([HEADERS[field] for field in order], rows, delimiter=delimiter, encoding=encoding)
    mapping = Mapping(
        encoding="utf-8-sig" if encoding == "utf-8" else encoding,
        delimiter=delimiter,
        header=1,
        columns=tuple(order),
        decimal=mark,
        order=first,
        period=period,
        repeated="each",
    )
    found = [one for one in read(data, mapping) if isinstance(one, Line)]
    assert [(line.start, line.names, line.counts, line.amount, line.unit) for line in found] == wanted
    assert [field or "" for field in proposed([HEADERS[field] for field in order])] == order


MAPPINGS = [SIMPLE, *(proposal(text.encode()) for text in (SEATS, USAGE, COSTS, CHINESE))]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from([SEATS, USAGE, COSTS, EUROPEAN, CHINESE]),
    st.randoms(use_true_random=False),
    st.sampled_from(MAPPINGS),
)
@example(COSTS, random.Random(1), SIMPLE)
def test_a_mutated_file_is_read_or_refused_in_words(text: str, chance: random.Random, other: Mapping) -> None:
    data = bytearray(text.encode())
    for _ in range(chance.randrange(1, 30)):
        place = chance.randrange(len(data) + 1)
        what = chance.choice(
            [b"\x00", b'"', b"\n", b",", b";", b"\xff", b"=", b"-", b"9" * 40, bytes([chance.randrange(256)])]
        )
        data[place : place + chance.randrange(3)] = what
    for mapping in (other, None):
        try:
            used = mapping or proposal(bytes(data))
        except FileProblem as problem:
            assert str(problem)
            continue
        if TIME not in used.columns or used.decimal == "":
            continue
        for one in read(bytes(data), replace(used, order="" if used.order == "?" else used.order)):
            assert not isinstance(one, Refusal) or (one.words and one.line > 0)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_a_file_or_a_problem(data: bytes) -> None:
    try:
        dialect = dialect_of(data, encoding_of([data]))
    except FileProblem as problem:
        assert str(problem)
        return
    assert list(rows_of([data], dialect.encoding, dialect.delimiter))


# --- In pieces --------------------------------------------------------------------------------------------------


def test_a_file_is_read_piece_by_piece() -> None:
    """Lines come out while the rest of the file has not been asked for."""
    asked: list[int] = []

    def pieces() -> Iterator[bytes]:
        yield b"time,model,input,cost\n"
        for block in range(50):
            asked.append(block)
            yield "".join(f"2026-11-{block % 20 + 1:02},model-{block}-{n},{n},{n}\n" for n in range(2000)).encode()

    found = iter(Reader(SIMPLE, until=UNTIL).read(pieces()))
    assert isinstance(next(found), Line)
    assert len(asked) < 4
    assert sum(1 for _ in found) == 50 * 2000 - 1
