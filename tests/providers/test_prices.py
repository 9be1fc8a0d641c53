"""List prices by model and day: golden cases by hand, and the package's own reckoning as the judge of the rest."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, TimeOfDateConstraint
from hypothesis import assume, given
from hypothesis import strategies as st

from providers.prices import Rates, price_periods
from providers.registry import PROVIDERS
from providers.spec import Account

NOVEMBER = date(2026, 11, 16)
LISTS = sorted(
    {one.price_list for one in PROVIDERS.values() if isinstance(one.price_list, str)} - {""} | {"moonshotai"}
)


def rates(price_list: str, model: str, day: date = NOVEMBER) -> Rates:
    (found,) = (one for one in price_periods(price_list, model) if one.since <= day < one.until)
    return found


def per_million(one: Rates) -> list[str | None]:
    """As price lists print them: input, cache read, cache write, output."""
    prices = (one.input, one.cached_input, one.cache_write, one.output)
    return [None if price is None else str((price * 1_000_000).normalize()) for price in prices]


@pytest.mark.parametrize(
    ("price_list", "model", "printed"),
    [
        ("openai", "gpt-5", ["1.25", "0.125", "1.25", "1E+1"]),  # a list without a price of its own for cache writes
        ("openai", "gpt-5-2025-08-07", ["1.25", "0.125", "1.25", "1E+1"]),
        ("openai", "text-embedding-3-large", ["0.13", "0.13", "0.13", None]),
        ("anthropic", "claude-sonnet-4-5-20250929", ["3", "0.3", "3.75", "15"]),
        ("anthropic", "claude-haiku-4-5-20251001", ["1", "0.1", "1.25", "5"]),
        ("google", "claude-haiku-4-5@20251001", ["1", "0.1", "1.25", "5"]),
        ("aws", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", ["3.3", "0.33", "4.125", "16.5"]),
        ("aws", "anthropic.claude-3-haiku-20240307-v1:0", ["0.25", "0.25", "0.25", "1.25"]),
        ("openrouter", "anthropic/claude-4.5-sonnet-20250929", ["3", "0.3", "3.75", "15"]),
        ("groq", "llama-3.1-8b-instant", ["0.05", "0.05", "0.05", "0.08"]),
        ("azure", "gpt-4o", ["2.5", "1.25", "2.5", "1E+1"]),
    ],
)
def test_golden_prices(price_list: str, model: str, printed: list[str | None]) -> None:
    assert per_million(rates(price_list, model)) == printed


def test_a_price_counts_from_its_day_on() -> None:
    """DeepSeek raised its prices on 17 August 2026; what it asks in its busy hours cannot be told from a day."""
    before, after = (rates("deepseek", "deepseek-v4-pro", day) for day in (date(2026, 8, 16), date(2026, 8, 17)))
    assert per_million(before) == ["0.435", "0.003625", "0.435", "0.87"]
    assert per_million(after) == ["0.66", "0.022", "0.66", "1.98"]
    assert (before.until, after.since) == (date(2026, 8, 17), date(2026, 8, 17))


def test_of_tiers_the_base_counts_and_that_is_said() -> None:
    found = rates("google", "gemini-2.5-pro")
    assert (found.tiered, per_million(found)) == (True, ["1.25", "0.125", "1.25", "1E+1"])
    assert not rates("openai", "gpt-5").tiered


def test_a_price_of_requests() -> None:
    assert rates("perplexity", "sonar-pro").request == Decimal("0.014")
    assert rates("openai", "gpt-5").request is None


@pytest.mark.parametrize(
    ("price_list", "model"),
    [
        ("openai", "no-such-model"),
        ("openai", ""),
        ("", "gpt-5"),
        ("no-such-list", "gpt-5"),
        ("groq", "whisper-large-v3"),
    ],
)
def test_what_no_list_knows_has_no_price(price_list: str, model: str) -> None:
    assert price_periods(price_list, model) == ()


def test_every_declared_list_exists() -> None:
    assert {one.id for one in get_snapshot().providers} >= set(LISTS)


PLANS = {slug for slug, one in PROVIDERS.items() if one.subscription}


@pytest.mark.parametrize("slug", sorted(PLANS | {"vllm", "ollama", "lmstudio", "minimax", "zhipu-glm"}))
def test_what_is_not_sold_by_the_token_has_no_list(slug: str) -> None:
    """Plans and servers of one's own; and keys of which nobody knows whether a wallet or a plan stands behind them."""
    assert PROVIDERS[slug].price_list == ""


def test_one_product_of_a_provider_may_have_a_list_and_another_none() -> None:
    declared = PROVIDERS["moonshot"].price_list
    assert callable(declared)
    told = {
        (product, region): declared(Account(settings={"product": product, "region": region}, secrets=frozenset()))
        for product in ("open_platform", "kimi_code")
        for region in ("intl", "cn")
    }
    assert {place: name for place, name in told.items() if name} == {("open_platform", "intl"): "moonshotai"}


def by_the_hour(model: ModelInfo) -> bool:
    prices = model.prices if isinstance(model.prices, list) else []
    return any(isinstance(one.constraint, TimeOfDateConstraint) for one in prices)


PRICED = [
    (provider.id, model.id)
    for provider in get_snapshot().providers
    if provider.id in LISTS
    for model in provider.models
    if provider.find_model(model.id) is model and not by_the_hour(model)
]
counts = st.integers(0, 1000)


@given(st.sampled_from(PRICED), st.dates(date(2024, 1, 1), date(2026, 12, 31)), counts, counts, counts, counts)
def test_the_package_itself_reckons_the_same(
    place: tuple[str, str], day: date, fresh: int, cached: int, written: int, output: int
) -> None:
    periods = price_periods(*place)
    assume(periods)
    assert [one.since for one in periods[1:]] == [one.until for one in periods[:-1]]
    one = rates(*place, day)
    used = [(fresh, one.input), (cached, one.cached_input), (written, one.cache_write), (output, one.output)]
    known = [(count, price) for count, price in used if price is not None]
    ours = sum((count * price for count, price in known), Decimal(0)) + (one.request or 0)
    usage = Usage(
        input_tokens=fresh + cached + written,
        cache_read_tokens=cached,
        cache_write_tokens=written,
        output_tokens=output,
    )
    theirs = calc_price(
        usage,
        place[1],
        provider_id=place[0],
        genai_request_timestamp=datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
    )
    assert ours == theirs.total_price
