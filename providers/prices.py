"""List prices of models, as genai-prices carries them: USD for each token of a class, by the day.

Pure, and without a network: the prices are those of the installed version of the package, which is never asked to fetch
newer ones. https://github.com/pydantic/genai-prices says where each list comes from.

What sums of a day cannot tell is priced at the base: of tiers by the length of a context the first one, of prices that
change by the hour the one outside the hours that are named, of service tiers the standard one.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint, TieredPrices, TimeOfDateConstraint

UNIT = "USD"
_KNOWN = 8192  # models that are remembered, of all lists together


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one token of each class costs in USD, and one request, on the days [since, until). None: the list names no
    price for it. Tokens read from or written to a cache cost what the list says of them, else as much as others; of
    output the part that is reasoning costs what all output costs. `tiered`: a long context would cost more."""

    since: date
    until: date
    input: Decimal | None
    cached_input: Decimal | None
    cache_write: Decimal | None
    output: Decimal | None
    request: Decimal | None
    tiered: bool


@lru_cache(maxsize=_KNOWN)
def price_periods(price_list: str, model: str) -> tuple[Rates, ...]:
    """The prices of a model one after the other, from the beginning of time to its end; () when the list does not know
    the model or has no price of its tokens. `price_list` is as a provider declares it, "" is none."""
    if not price_list or not model:
        return ()
    try:
        _, found = get_snapshot().find_provider_model(model, None, price_list, None)
    except LookupError:
        return ()
    prices = [ConditionalPrice(prices=found.prices)] if isinstance(found.prices, ModelPrice) else found.prices
    starts = sorted({one.constraint.start_date for one in prices if isinstance(one.constraint, StartDateConstraint)})
    days = [date.min, *starts, date.max]
    periods = [_rates(_valid(prices, since), since, until) for since, until in pairwise(days)]
    return tuple(one for one in periods if one.input is not None or one.output is not None)


def _valid(prices: list[ConditionalPrice], day: date) -> ModelPrice:
    """The price of a day, by the rule of the package: the last one whose condition holds, else the first."""
    lasting = [one for one in prices if not isinstance(one.constraint, TimeOfDateConstraint)] or prices[:1]
    for one in reversed(lasting):
        if not isinstance(one.constraint, StartDateConstraint) or one.constraint.start_date <= day:
            return one.prices
    return lasting[0].prices


def _rates(prices: ModelPrice, since: date, until: date) -> Rates:
    fresh = _each(prices.input_mtok, 6)
    cached, written = _each(prices.cache_read_mtok, 6), _each(prices.cache_write_mtok, 6)
    named = (prices.input_mtok, prices.cache_read_mtok, prices.cache_write_mtok, prices.output_mtok)
    return Rates(
        since=since,
        until=until,
        input=fresh,
        cached_input=fresh if cached is None else cached,
        cache_write=fresh if written is None else written,
        output=_each(prices.output_mtok, 6),
        request=_each(prices.requests_kcount, 3),
        tiered=any(isinstance(one, TieredPrices) for one in named),
    )


def _each(price: Decimal | TieredPrices | None, zeros: int) -> Decimal | None:
    """The price of one, of a price of so many powers of ten."""
    base = price.base if isinstance(price, TieredPrices) else price
    return None if base is None else base.scaleb(-zeros)
