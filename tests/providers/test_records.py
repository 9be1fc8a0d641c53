"""Records: their keys, what makes them unfit, and how they are written as JSON."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.errors import PayloadError
from providers.fitness import KEY_SIZES, distinct, problem
from providers.records import (
    Balance,
    CostBucket,
    CounterSample,
    Gauge,
    Identity,
    Model,
    ProviderKey,
    Quota,
    Record,
    Server,
    UsageBucket,
    as_json,
)

START = datetime(2026, 11, 20, tzinfo=UTC)
END = START + timedelta(days=1)
BALANCE = Balance(name="Credits", kind="prepaid", amount=Decimal("12.50"), unit="USD")
USAGE = UsageBucket(start=START, end=END, model="gpt-9")
COST = CostBucket(start=START, end=END, amount=Decimal("-0.10"), unit="USD", category="credit")
SAMPLES: tuple[Record, ...] = (
    BALANCE,
    USAGE,
    COST,
    Quota(name="Tokens", unit="tokens"),
    CounterSample(name="tokens", value=Decimal(5), at=START, labels={"b": "2", "a": "1"}),
    ProviderKey(id="key_1"),
    Model(id="gpt-9"),
    Identity(),
    Server(),
)
MEMORY = Gauge(name="memory", value=Decimal(5), unit="bytes", scope="gpt-9", until=END)


def test_there_is_a_sample_of_every_record() -> None:
    assert {type(sample) for sample in SAMPLES} == set(get_args(Record))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_a_record_is_frozen_and_its_key_is_text(sample: Record) -> None:
    assert all(isinstance(part, str) for part in sample.key)
    assert problem(sample) is None
    with pytest.raises(AttributeError):
        setattr(sample, sample.__struct_fields__[0], None)


@pytest.mark.parametrize(
    ("record", "column", "other"),
    [
        (BALANCE, "name", "Grants"),
        (BALANCE, "kind", "granted"),
        (BALANCE, "unit", "CNY"),
        (BALANCE, "basis", "posted"),
        *((USAGE, name, "x") for name in ("model", "provider_key", "project", "user", "tier", "endpoint", "unit")),
        (USAGE, "start", START - timedelta(hours=1)),
        (USAGE, "end", END + timedelta(hours=1)),
        *((COST, name, "x") for name in ("model", "line_item", "project", "provider_key", "unit")),
        (COST, "category", "tax"),
        (SAMPLES[3], "scope", "team"),
        (SAMPLES[3], "window", "5h"),
        (SAMPLES[4], "labels", {"a": "1", "b": "3"}),
    ],
)
def test_what_tells_two_records_apart(record: Any, column: str, other: Any) -> None:
    assert replace(record, **{column: other}).key != record.key


def test_figures_are_no_part_of_a_key() -> None:
    assert replace(BALANCE, amount=Decimal(1)).key == BALANCE.key
    assert replace(USAGE, input_tokens=5, cost=Decimal(1), final=True).key == USAGE.key
    assert replace(COST, amount=Decimal(9)).key == COST.key
    swapped = CounterSample(name="tokens", value=Decimal(9), at=START, labels={"a": "1", "b": "2"})
    assert swapped.key == SAMPLES[4].key


BUCKETS = (USAGE, COST)


@pytest.mark.parametrize("bucket", BUCKETS, ids=lambda bucket: type(bucket).__name__)
def test_the_fields_of_a_buckets_key_stand_first(bucket: Any) -> None:
    size = len(bucket.key)
    assert KEY_SIZES[type(bucket)] == size
    for place, name in enumerate(bucket.__struct_fields__):
        value = getattr(bucket, name)
        other = value + timedelta(hours=1) if isinstance(value, datetime) else "x"
        assert (replace(bucket, **{name: other}).key != bucket.key) is (place < size), name


@pytest.mark.parametrize("bucket", BUCKETS, ids=lambda bucket: type(bucket).__name__)
def test_an_absent_name_and_an_empty_one_are_one_key(bucket: Any) -> None:
    plain, empty = replace(bucket, project=None, final=None), replace(bucket, project="", final=False)
    assert plain.key == empty.key
    for pair in ((plain, empty), (empty, plain)):
        with pytest.raises(PayloadError, match="share one key"):
            distinct(pair)
    assert distinct([plain, replace(plain)]) == [plain]


@pytest.mark.parametrize("bucket", BUCKETS, ids=lambda bucket: type(bucket).__name__)
def test_a_bucket_is_judged_also_where_an_equal_one_was_fit(bucket: Any) -> None:
    """Times of two zones are equal: the second must not pass for the first."""
    elsewhere = replace(bucket, start=bucket.start.astimezone(timezone(timedelta(hours=8))))
    with pytest.raises(PayloadError, match="start is not in UTC"):
        distinct([bucket, elsewhere])
    for wrong in (replace(bucket, project="a\x00b"), replace(bucket, project="\ud800"), replace(bucket, end=START)):
        with pytest.raises(PayloadError):
            distinct([bucket, wrong])


@given(
    st.one_of(st.text(), st.none()), st.decimals(), st.integers(), st.dictionaries(st.text(max_size=3), st.decimals())
)
def test_the_short_way_lets_pass_what_the_long_one_does(
    name: str | None, amount: Decimal, tokens: int, quantities: dict[str, Decimal]
) -> None:
    for bucket in (
        replace(COST, model=name, amount=amount),
        replace(USAGE, project=name, input_tokens=tokens, cost=amount, quantities=quantities),
    ):
        if problem(bucket) is None:
            assert distinct([bucket]) == [bucket]
        else:
            with pytest.raises(PayloadError):
                distinct([bucket])


# --- What makes a record unfit -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (replace(BALANCE, amount=Decimal("NaN")), "amount is not a finite number"),
        (replace(BALANCE, amount=Decimal("-Infinity")), "amount is not a finite number"),
        (replace(BALANCE, amount=Decimal("1e21")), "amount is beyond"),
        (replace(BALANCE, granted=Decimal("1e-31")), "granted is beyond"),
        (replace(BALANCE, amount=1.5), "amount is a float"),  # type: ignore[arg-type]
        (replace(BALANCE, expires_at=datetime(2026, 11, 20)), "expires_at is not in UTC"),  # noqa: DTZ001
        (replace(USAGE, start=START.astimezone(timezone(timedelta(hours=8)))), "start is not in UTC"),
        (replace(USAGE, input_tokens=2**63), "input_tokens is beyond"),
        (replace(USAGE, input_tokens=-(2**63)), "input_tokens is beyond"),
        (replace(USAGE, model="a\x00b"), "model holds a character"),
        (replace(USAGE, model="half a pair \ud800"), "model holds a character"),
        (replace(USAGE, end=START), "ends before it starts"),
        (replace(COST, start=END, end=START), "ends before it starts"),
        (replace(USAGE, quantities={"images": Decimal("NaN")}), "quantities is not a finite number"),
        (replace(USAGE, quantities={"images": Decimal("1e30")}), "quantities is beyond"),
        (replace(USAGE, quantities={"im\x00ages": Decimal(1)}), "quantities holds a character"),
        (replace(USAGE, quantities={"images": 0.5}), "quantities is a float"),  # type: ignore[dict-item]
        (Model(id="m", prices={"input": Decimal("Infinity")}), "prices is not a finite number"),
        (CounterSample(name="n", value=Decimal(1), at=START, labels={"a": "\ud800"}), "labels holds a character"),
        (Identity(scopes=("read", "wri\x00te")), "scopes holds a character"),
        (Server(gauges=(replace(MEMORY, value=Decimal("NaN")),)), "gauges is not a finite number"),
        (Server(gauges=(MEMORY, replace(MEMORY, scope="a\x00b"))), "gauges holds a character"),
        (Server(gauges=(replace(MEMORY, until=datetime(2026, 11, 20)),)), "gauges is not in UTC"),  # noqa: DTZ001
        (Server(gauges=(MEMORY, replace(MEMORY, value=Decimal(6)))), "one gauge twice"),
        (Server(gauges=tuple(replace(MEMORY, scope=str(n)) for n in range(1001))), "more gauges"),
    ],
)
def test_what_is_unfit(record: Record, words: str) -> None:
    assert words in str(problem(record))


@pytest.mark.parametrize(
    "record",
    [
        replace(BALANCE, amount=Decimal(0)),
        replace(BALANCE, amount=Decimal("0E-40")),
        replace(BALANCE, amount=Decimal("-5")),
        replace(BALANCE, amount=Decimal("9" * 21)),
        replace(USAGE, input_tokens=0, final=True, quantities={"images": Decimal(3)}),
        replace(USAGE, model="型號 😀", input_tokens=2**63 - 1),
        Identity(scopes=("read",), warnings=("Can spend.",)),
        Server(version="0.1", gauges=(MEMORY, replace(MEMORY, scope=None), replace(MEMORY, name="context"))),
    ],
)
def test_what_is_fit(record: Record) -> None:
    assert problem(record) is None


@given(st.text(), st.decimals(), st.integers())
def test_what_is_fit_can_be_written_down(name: str, amount: Decimal, tokens: int) -> None:
    for record in (replace(BALANCE, name=name, amount=amount), replace(USAGE, model=name, input_tokens=tokens)):
        if problem(record) is None:
            json.dumps(as_json(record), ensure_ascii=False).encode()


# --- JSON ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: type(sample).__name__)
def test_json_has_the_type_and_every_field(sample: Record) -> None:
    told = as_json(sample)
    assert told["type"] == type(sample).__name__
    assert set(told) == {"type", *sample.__struct_fields__}
    assert json.loads(json.dumps(told)) == told


def test_decimals_are_plain_text_times_have_z_and_unknown_is_null() -> None:
    told = as_json(replace(BALANCE, amount=Decimal("1E+3"), granted=Decimal("0.10"), expires_at=END))
    assert told == {
        "type": "Balance",
        "name": "Credits",
        "kind": "prepaid",
        "amount": "1000",
        "unit": "USD",
        "expires_at": "2026-11-21T00:00:00Z",
        "basis": "live",
        "granted": "0.10",
        "usable": None,
    }
    assert as_json(replace(BALANCE, amount=Decimal("1e-9")))["amount"] == "0.000000001"
    assert as_json(replace(BALANCE, expires_at=END + timedelta(microseconds=5)))["expires_at"].endswith(".000005Z")


def test_zero_stays_zero_and_unknown_stays_unknown() -> None:
    told = as_json(replace(USAGE, input_tokens=0, cost=Decimal(0), final=False))
    assert (told["input_tokens"], told["cost"], told["final"]) == (0, "0", False)
    assert (told["output_tokens"], told["unit"]) == (None, None)


def test_mappings_and_tuples() -> None:
    assert as_json(replace(USAGE, quantities={"images": Decimal("1E1")}))["quantities"] == {"images": "10"}
    assert as_json(Identity(scopes=("a", "b")))["scopes"] == ["a", "b"]
    assert as_json(Model(id="m", prices={"input": Decimal("0.50")}))["prices"] == {"input": "0.50"}
    told = {"name": "memory", "value": "5", "unit": "bytes", "scope": "gpt-9", "until": "2026-11-21T00:00:00Z"}
    assert as_json(Server(gauges=(MEMORY,)))["gauges"] == [told]


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e20"), max_value=Decimal("1e20")))
def test_an_amount_survives_json_exactly(amount: Decimal) -> None:
    told = as_json(replace(BALANCE, amount=amount))["amount"]
    assert "e" not in told.lower()
    assert Decimal(told) == amount
