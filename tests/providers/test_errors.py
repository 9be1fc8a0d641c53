"""The four errors: which status means what, and how long to wait."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.errors import (
    MAX_RETRY_AFTER_SECONDS,
    ActionNeeded,
    NotAvailable,
    PayloadError,
    ProviderError,
    Retryable,
    error_for_status,
    retry_after_seconds,
    utc,
)

CANARY = "canary-7f3a"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, PayloadError, None),
        (401, ActionNeeded, "refused"),
        (402, ActionNeeded, "billing"),
        (403, ActionNeeded, "missing_scope"),
        (404, NotAvailable, None),
        (405, NotAvailable, None),
        (408, Retryable, None),
        (409, Retryable, None),
        (410, NotAvailable, None),
        (418, PayloadError, None),
        (422, PayloadError, None),
        (425, Retryable, None),
        (429, Retryable, None),
        (500, Retryable, None),
        (501, Retryable, None),
        (502, Retryable, None),
        (503, Retryable, None),
        (504, Retryable, None),
        (529, Retryable, None),
        (304, PayloadError, None),
    ],
)
def test_the_table_of_statuses(status: int, kind: type[ProviderError], code: str | None) -> None:
    error = error_for_status(status, {"x-secret": CANARY, "retry-after": "12"}, host="api.example.com")
    assert type(error) is kind
    assert error.status == status
    assert getattr(error, "code", None) == code
    assert "api.example.com" in error.message
    assert str(status) in error.message
    assert str(error) == error.message
    assert CANARY not in repr(error) + repr(vars(error))
    if isinstance(error, Retryable):
        assert error.retry_after == 12
        assert not error.unreachable


@given(st.integers(300, 599), st.dictionaries(st.sampled_from(["retry-after", "date", "x"]), st.text(max_size=60)))
def test_every_status_with_any_headers_is_one_of_the_four(status: int, headers: dict[str, str]) -> None:
    error = error_for_status(status, headers, host="h")
    assert isinstance(error, Retryable | ActionNeeded | NotAvailable | PayloadError)
    assert error.kind in {"retryable", "action_needed", "not_available", "payload_error"}


def test_only_a_429_rests_the_credential() -> None:
    assert Retryable("x", status=429).rests_credential
    assert not Retryable("x", status=503).rests_credential
    assert not Retryable("x", unreachable=True).rests_credential


def http_date(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


# The other side's clock stands anywhere: only the difference between its two dates counts.
CLOCKS = st.datetimes(datetime(1971, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)


@given(CLOCKS, st.integers(0, 5 * 3600))
def test_a_date_is_read_against_the_answers_own_clock(said: datetime, seconds: int) -> None:
    headers = {"retry-after": http_date(said + timedelta(seconds=seconds)), "date": http_date(said)}
    assert retry_after_seconds(headers) == seconds


@given(st.floats(0, 1e9))
def test_a_number_is_taken_up_to_six_hours(seconds: float) -> None:
    assert retry_after_seconds({"retry-after": repr(seconds)}) == min(seconds, MAX_RETRY_AFTER_SECONDS)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "soon",
        "-1",
        "-inf",
        "inf",
        "nan",
        "1e400",
        "Fri, 20 Nov 2026 10:00:00",
        "Fri, 99 Nov 2026 10:00:00 GMT",
        f"Fri, 20 Nov {'9' * 30} 10:00:00 GMT",
        f"Fri, 20 Nov 2026 10:00:00 +{'9' * 30}",
        "\x00",
    ],
)
def test_what_cannot_be_read_is_no_wait_at_all(raw: str) -> None:
    assert retry_after_seconds({"retry-after": raw, "date": "Fri, 20 Nov 2026 09:00:00 GMT"}) is None


@pytest.mark.parametrize("said", [None, "", "yesterday", f"Fri, 20 Nov 2026 10:00:00 +{'9' * 30}"])
def test_a_date_without_a_clock_to_read_it_against_is_no_wait(said: str | None) -> None:
    headers = {"retry-after": "Fri, 20 Nov 2026 10:00:00 GMT"}
    assert retry_after_seconds(headers if said is None else {**headers, "date": said}) is None


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_makes_it_fall_over(raw: str, said: str) -> None:
    found = retry_after_seconds({"retry-after": raw, "date": said})
    assert found is None or 0 <= found <= MAX_RETRY_AFTER_SECONDS


def test_utc() -> None:
    taipei = timezone(timedelta(hours=8))
    assert utc(datetime(2026, 11, 20, 8, tzinfo=taipei)).isoformat() == "2026-11-20T00:00:00+00:00"
    with pytest.raises(ValueError, match="naive"):
        utc(datetime(2026, 11, 20))  # noqa: DTZ001
