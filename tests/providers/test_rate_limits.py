"""Rate limits of headers: which names are read, what a duration is, and that nothing untold becomes a figure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters import cerebras, groq, mistral, together
from providers.collect import Credentials, collect
from providers.errors import NotAvailable, PayloadError, ProviderError
from providers.fitness import problem
from providers.rate_limits import LONGEST_RESET, duration, has_no_allowance, parse_limit_headers
from providers.records import Quota
from providers.simulator.limit_headers import REQUESTS_A_DAY, as_go_duration
from providers.simulator.parts import PARTS
from providers.spec import Endpoint, Provider, Reply, Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 33, 20, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=1), end=NOW, now=NOW)
DEMO = {part.slug: dict(part.demo) for part in PARTS}
READERS = [groq.PROVIDER, cerebras.PROVIDER, together.PROVIDER, mistral.PROVIDER]
FIELD = {provider.slug: provider.fields[0].name for provider in READERS}


def reply(headers: dict[str, str]) -> Reply:
    return Reply(status=200, headers=headers, body=b"{}")


def read(headers: dict[str, str], **convention: Any) -> list[Quota]:
    return parse_limit_headers(reply(headers), now=NOW, **convention)


def one(headers: dict[str, str], **convention: Any) -> Quota:
    (found,) = read(headers, **convention)
    return found


# --- Durations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m59.56s", "179.56"),
        ("7.66s", "7.66"),
        ("825ms", "0.825"),
        ("1m26.4s", "86.4"),
        ("1h2m3s", "3723"),
        ("1.5h", "5400"),
        ("250µs", "0.00025"),
        ("250\N{GREEK SMALL LETTER MU}s", "0.00025"),
        (" 12s ", "12"),
        ("33011.382867", "33011.382867"),
        ("0", "0"),
        ("0s", "0"),
    ],
)
def test_a_duration_is_go_text_or_seconds(text: str, seconds: str) -> None:
    assert duration(text) == timedelta(microseconds=int(Decimal(seconds) * 1_000_000))


@pytest.mark.parametrize("text", ["-5", "1763647200", "1e40", "900h", "2678401"])
def test_what_is_over_or_no_span_of_time_is_unknown(text: str) -> None:
    assert duration(text) is None


@pytest.mark.parametrize("text", ["soon", "5m5", "s", "1m 2s", "NaN", "Infinity", "2026-11-20T14:00:00Z", "1s" * 50])
def test_what_is_neither_raises(text: str) -> None:
    with pytest.raises(PayloadError):
        duration(text)


@given(st.integers(min_value=0, max_value=86_400_000))
def test_a_duration_is_read_as_it_was_written(milliseconds: int) -> None:
    written = timedelta(milliseconds=milliseconds)
    assert duration(str(Decimal(milliseconds) / 1000)) == written
    as_go = duration(as_go_duration(milliseconds / 1000))
    assert as_go is not None
    assert abs(as_go - written) <= timedelta(milliseconds=1)


# --- Names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "convention", "place"),
    [
        ("x-ratelimit-limit-requests", {}, ("requests", None)),
        ("x-ratelimit-limit-requests", {"windows": {"requests": "day"}}, ("requests", "day")),
        ("X-RateLimit-Limit-Tokens", {"windows": {"tokens": "minute"}}, ("tokens", "minute")),
        ("x-ratelimit-limit-tokens-hour", {"windows": {"tokens": "minute"}}, ("tokens", "hour")),
        ("x-ratelimit-limit-req-10-second", {}, ("requests", "10s")),
        ("x-ratelimit-limit-req-1-minute", {}, ("requests", "minute")),
        ("x-ratelimit-limit-tokens-3-month", {}, ("tokens", "3mo")),
        ("x-ratelimit-limit", {"unitless": True, "windows": {"requests": "second"}}, ("requests", "second")),
        ("x-tokenlimit-limit-dynamic", {"unitless": True, "windows": {"tokens": "second"}}, ("tokens", "second")),
    ],
)
def test_names_that_are_read(name: str, convention: dict[str, Any], place: tuple[str, str | None]) -> None:
    found = one({name: "60"}, **convention)
    assert (found.unit, found.window, found.limit) == (*place, 60)
    assert (found.used, found.remaining, found.percent_used, found.resets_at, found.scope) == (None,) * 5


@pytest.mark.parametrize(
    "name",
    [
        "x-ratelimit-limit",  # of whom, and of what?
        "x-ratelimit-remaining",
        "x-ratelimit-tokens-query-cost",
        "x-ratelimit-limit-tokens-fortnight",
        "x-ratelimit-limit-tokens-0-second",
        "ratelimit-limit",
        "retry-after",
    ],
)
def test_names_that_are_passed_over(name: str) -> None:
    assert read({name: "60"}) == []


def test_a_reset_alone_or_an_empty_value_is_no_limit() -> None:
    assert read({"x-ratelimit-reset-requests": "7s"}) == []
    assert read({"x-ratelimit-limit-requests": " "}) == []


def test_one_limit_is_told_once() -> None:
    twice = {"x-ratelimit-limit-req-day": "100", "x-ratelimit-limit-requests-day": "100"}
    assert one(twice).limit == 100
    with pytest.raises(PayloadError):
        read(twice | {"x-ratelimit-limit-req-day": "14400"})


# --- Figures ----------------------------------------------------------------------------------------------------


def test_what_is_used_follows_from_limit_and_remaining_alone() -> None:
    whole = {"x-ratelimit-limit-tokens": "8000", "x-ratelimit-remaining-tokens": "6000"}
    assert (one(whole).used, one(whole).percent_used) == (2000, 25)
    more = one(whole | {"x-ratelimit-remaining-tokens": "9000"})
    assert (more.limit, more.remaining, more.used, more.percent_used) == (8000, None, None, None)
    none = one({"x-ratelimit-limit-tokens": "0", "x-ratelimit-remaining-tokens": "0"})
    assert (none.limit, none.percent_used) == (0, None)


@pytest.mark.parametrize("value", ["-1", "NaN", "sNaN", "Infinity", "1e16", "many", "1_000", "60, 60", "9" * 200])
@pytest.mark.parametrize("told", ["limit", "remaining"])
def test_an_impossible_figure_raises(told: str, value: str) -> None:
    with pytest.raises(PayloadError):
        read({f"x-ratelimit-{told}-tokens": value})


@pytest.mark.parametrize(
    ("headers", "without"),
    [
        ({"x-ratelimit-limit-req-minute": "0"}, True),
        ({"X-RateLimit-Limit-Tokens-Month": "0.0"}, True),
        ({"x-ratelimit-remaining-req-minute": "0", "x-ratelimit-limit-req-minute": "60"}, False),
        ({"x-ratelimit-limit": "0", "retry-after": "0"}, False),
        ({"x-ratelimit-limit-req-minute": "none"}, False),
    ],
)
def test_no_allowance_is_a_limit_of_zero(headers: dict[str, str], without: bool) -> None:
    assert has_no_allowance(reply(headers)) is without


NAMES = st.builds(
    "{}-{}{}{}{}".format,
    st.sampled_from(["x-ratelimit", "X-RateLimit", "x-tokenlimit"]),
    st.sampled_from(["limit", "remaining", "reset"]),
    st.sampled_from(["", "-requests", "-req", "-tokens"]),
    st.sampled_from(["", "-minute", "-day", "-10-second", "-month", "-year"]),
    st.sampled_from(["", "-dynamic"]),
)
FIGURES = st.integers(min_value=0, max_value=10**15).map(str)
NONSENSE = st.text(max_size=70) | st.sampled_from(["-1", "NaN", "1e999999", "-0", "٣", "1" * 61, "0.1e-50", "5m5"])
RESETS = st.sampled_from(["2m59.56s", "825ms", "33011.382867", "0s"])
CONVENTIONS = st.fixed_dictionaries(
    {"windows": st.sampled_from([None, {"requests": "day", "tokens": "minute"}]), "unitless": st.booleans()}
)


@given(st.dictionaries(NAMES | st.text(max_size=40), FIGURES | RESETS | NONSENSE, max_size=12), CONVENTIONS)
def test_any_headers_give_sound_records_or_our_error(headers: dict[str, str], convention: dict[str, Any]) -> None:
    has_no_allowance(reply(headers))
    try:
        found = read(headers, **convention)
    except ProviderError as error:
        assert not any(len(value) > 3 and value in error.message for value in headers.values()), "a remote's text"
        return
    assert len({row.key for row in found}) == len(found)
    for row in found:
        assert row.limit is not None or row.remaining is not None
        assert (row.used is None) == (row.limit is None or row.remaining is None)
        assert row.percent_used is None or 0 <= row.percent_used <= 100
        assert row.resets_at is None or NOW <= row.resets_at <= NOW + LONGEST_RESET
        for figure in (row.used, row.limit, row.remaining):
            assert figure is None or figure >= 0


@given(st.dictionaries(NAMES, FIGURES, max_size=8), CONVENTIONS)
def test_a_figure_is_a_told_one_and_an_untold_one_is_unknown(
    headers: dict[str, str], convention: dict[str, Any]
) -> None:
    try:
        found = read(headers, **convention)
    except PayloadError:
        return
    told = {Decimal(value) for value in headers.values()}
    for row in found:
        assert problem(row) is None
        for name, figure in (("limit", row.limit), ("remaining", row.remaining)):
            assert figure is None or figure in told
            if not any(f"-{name}" in header.lower() for header in headers):
                assert figure is None, "nothing was told"


# --- The four providers -----------------------------------------------------------------------------------------


def keys(provider: Provider, kind: str = "") -> Credentials:
    """The demo's ordinary key, or one of another kind."""
    field = FIELD[provider.slug]
    return Credentials(values={field: DEMO[provider.slug][field].replace("sim-", f"{kind}sim-")})


@pytest.mark.parametrize("provider", READERS, ids=lambda provider: provider.slug)
def test_the_simulated_headers_are_read(provider: Provider) -> None:
    send, _ = simulated(provider.slug, NOW)
    found = collect(provider, "quota", keys(provider), WINDOW, send)
    assert found.calls == 1
    rows = [row for row in found.records if isinstance(row, Quota)]
    assert {row.unit for row in rows} == {"requests", "tokens"}
    assert all(row.window and row.scope is None for row in rows)
    told = [row for row in rows if row.used is not None]
    assert told
    assert any(row.used for row in told)
    assert all(row.resets_at is None or NOW < row.resets_at <= NOW + timedelta(days=1) for row in rows)


def test_groqs_requests_are_the_days_and_its_tokens_the_minutes() -> None:
    send, simulator = simulated("groq", NOW)
    account = simulator.world.account(next(part for part in PARTS if part.slug == "groq").profile, "harbor")
    rows = {row.unit: row for row in collect(groq.PROVIDER, "quota", keys(groq.PROVIDER), WINDOW, send).records}  # type: ignore[union-attr]
    midnight = NOW.replace(hour=0, minute=0, second=0)
    requests, tokens = rows["requests"], rows["tokens"]
    assert isinstance(requests, Quota)
    assert isinstance(tokens, Quota)
    assert (requests.window, requests.limit) == ("day", REQUESTS_A_DAY)
    assert requests.used == sum(charge.requests for charge in account.daily(midnight, NOW))
    assert requests.resets_at == midnight + timedelta(days=1)
    assert (tokens.window, tokens.resets_at) == ("minute", NOW.replace(second=0) + timedelta(minutes=1))


@pytest.mark.parametrize("provider", READERS, ids=lambda provider: provider.slug)
def test_no_headers_are_calmly_not_available(provider: Provider) -> None:
    send, _ = simulated(provider.slug, NOW)
    with pytest.raises(NotAvailable, match="paid calls only") as absent:
        collect(provider, "quota", keys(provider, "quiet-"), WINDOW, send)
    assert "free call" in absent.value.message
    assert absent.value.status is None


@pytest.mark.parametrize("provider", READERS, ids=lambda provider: provider.slug)
def test_only_free_reads_are_made(provider: Provider) -> None:
    sent: list[httpx.Request] = []

    def answers() -> Iterator[httpx.Response]:
        yield httpx.Response(404, json={})
        yield httpx.Response(200, json={"data": []})

    ready = answers()

    class Wire:
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(request)
            return next(ready)

    send = Transport(wire=Wire(), pause=lambda seconds: None).send
    with pytest.raises(NotAvailable):
        collect(provider, "quota", keys(provider), WINDOW, send)
    assert {request.method for request in sent} == {"GET"}
    assert {request.url.path.rpartition("/")[2] for request in sent} <= {"models", "supported-models"}


@pytest.mark.parametrize("provider", [groq.PROVIDER, cerebras.PROVIDER, together.PROVIDER], ids=lambda one: one.slug)
def test_nobody_promised_these_headers(provider: Provider) -> None:
    endpoint = provider.endpoint("quota")
    assert isinstance(endpoint, Endpoint)
    assert (endpoint.confidence, endpoint.interval) == ("unverified", timedelta(minutes=15))
    assert endpoint.needs == ("api_key",)
