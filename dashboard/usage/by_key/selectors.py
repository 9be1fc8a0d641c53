"""Reads of the rollup by provider key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

Name = tuple[int, str]  # the account's id, and the provider's id of the key

# Money that is told without a key goes where the use of its day went, in proportion to its tokens: the rule of
# usage.allocation, over many accounts in one statement.
_LINES = """
WITH asked AS (
    SELECT * FROM unnest(%(accounts)s::bigint[], %(keys)s::text[], %(since)s::date[])
        AS asked(account_id, provider_key, since)
), lines AS MATERIALIZED (
    SELECT account_id, day, model, provider_key, project, "user", unit, basis, spend, requests, provisional,
        coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)
            + coalesce(output_tokens, 0) AS tokens
    FROM usage_usagedetail
    WHERE account_id IN (SELECT account_id FROM asked) AND day BETWEEN %(first)s AND %(last)s AND span = 'day'
), hosts AS (
    SELECT account_id, day, model, project, provider_key, sum(tokens) AS tokens, sum(coalesce(requests, 0)) AS requests
    FROM lines WHERE basis = 'covered' AND (provider_key <> '' OR project <> '' OR "user" <> '')
        AND (tokens > 0 OR requests > 0)
    GROUP BY 1, 2, 3, 4, 5
), bills AS (
    SELECT account_id, day, model, project, unit, sum(spend) AS spend, bool_or(provisional) AS provisional
    FROM lines WHERE spend IS NOT NULL AND provider_key = '' AND "user" = '' GROUP BY 1, 2, 3, 4, 5
), near AS (
    SELECT bills.*, hosts.provider_key, hosts.tokens, hosts.requests, hosts.model = bills.model AS same,
        bool_or(hosts.model = bills.model) OVER (
            PARTITION BY bills.account_id, bills.day, bills.model, bills.project, bills.unit
        ) AS any_same
    FROM bills JOIN hosts USING (account_id, day) WHERE bills.project IN ('', hosts.project)
), weighed AS (
    SELECT *, sum(tokens) OVER bill AS all_tokens, sum(requests) OVER bill AS all_requests
    FROM near WHERE same OR NOT any_same WINDOW bill AS (PARTITION BY account_id, day, model, project, unit)
), told AS (
    SELECT account_id, provider_key, unit, day, spend, false AS shared, provisional FROM lines WHERE provider_key <> ''
    UNION ALL
    SELECT account_id, provider_key, unit, day,
        round(spend * CASE WHEN all_tokens > 0 THEN tokens / all_tokens ELSE requests / all_requests END, 12),
        true, provisional
    FROM weighed WHERE provider_key <> '' AND (all_tokens > 0 OR all_requests > 0)
)
"""
_SUMS = f"""{_LINES}
SELECT account_id, provider_key, unit, sum(spend) FILTER (WHERE day >= %(middle)s),
    sum(spend) FILTER (WHERE day < %(middle)s), bool_or(shared)
FROM told JOIN asked USING (account_id, provider_key) WHERE day >= since GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_DAYS = f"""{_LINES}
SELECT unit, day, sum(spend), bool_or(provisional)
FROM told JOIN asked USING (account_id, provider_key)
WHERE day >= since AND spend IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class UnitSpend:
    """What a key spent in one unit: `amount` from the middle of the days asked for on, `before` in those before it,
    None where nothing was told. `shared` says that some of it is a part of a bill that names no keys."""

    unit: str
    amount: Decimal | None
    before: Decimal | None
    shared: bool


@dataclass(slots=True)
class KeySpend:
    """What is told of one key. Without any parts it was used, and nobody knows for how much."""

    parts: list[UnitSpend] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DaySpend:
    unit: str
    day: date
    amount: Decimal
    provisional: bool


def spend_by_key(*, asked: Mapping[Name, date], first: date, middle: date, last: date) -> dict[Name, KeySpend]:
    """What these keys spent in [first, middle) and in [middle, last], each from its own day on; a key of which the
    rollup holds nothing in these days is not in it. One statement."""
    found: dict[Name, KeySpend] = {}
    if not asked:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, {**_values(asked, first, last), "middle": middle})
        for account_id, key, unit, amount, before, shared in cursor.fetchall():
            one = found.setdefault((account_id, key), KeySpend())
            if amount is not None or before is not None:
                one.parts.append(UnitSpend(unit, amount, before, shared))
    return found


def spend_of_key_by_day(*, name: Name, since: date, first: date, last: date) -> list[DaySpend]:
    """The days of [first, last] on which money is told for a key, from `since` on, by unit and day."""
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, _values({name: since}, first, last))
        return [DaySpend(*row) for row in cursor.fetchall()]


def _values(asked: Mapping[Name, date], first: date, last: date) -> dict[str, Any]:
    return {
        "accounts": [account_id for account_id, _key in asked],
        "keys": [key for _account_id, key in asked],
        "since": list(asked.values()),
        "first": first,
        "last": last,
    }
