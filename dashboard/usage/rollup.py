"""The daily rollups: rebuilt from the records of the touched days, never incremented, and given to teams."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

from dashboard.credentials.models import ProviderAccount
from dashboard.usage.allocation import KEY, PROJECT, USER, Line, Rule, Rulebook, Share, allocated
from dashboard.usage.models import AllocationRule
from dashboard.usage.sources import RANK
from providers.prices import UNIT, price_periods

# A bucket of a day or more stays on the UTC day it begins; an hourly one falls on the organization's own day.
_DAY = (
    "CASE WHEN \"end\" - start >= interval '23 hours' THEN (start AT TIME ZONE 'UTC')::date"
    " ELSE (start AT TIME ZONE %(zone)s)::date END"
)
_LONG = "\"end\" - start > interval '26 hours'"
_SPAN = f"CASE WHEN {_LONG} THEN 'month' ELSE 'day' END"
# The last day that a bucket tells of.
_LAST = f"CASE WHEN {_LONG} THEN (\"end\" AT TIME ZONE 'UTC' - interval '1 microsecond')::date ELSE {_DAY} END"
_RECORDS = "account_id = %(account)s AND start >= %(since)s AND start < %(until)s"

# What the use of a line costs by the list: unknown where it tells no tokens, or some of a class that has no price. A
# class that is not told adds nothing.
_PRICED_BY = {
    "input_tokens": "input",
    "cached_input_tokens": "cached_input",
    "cache_write_tokens": "cache_write",
    "output_tokens": "output",
    "requests": "request",
}
_CLASSES = [tokens for tokens in _PRICED_BY if tokens != "requests"]
_ESTIMATE = (
    f"CASE WHEN num_nonnulls({', '.join(_CLASSES)}) > 0"
    + "".join(f" AND ({tokens} > 0 AND price.{_PRICED_BY[tokens]} IS NULL) IS NOT TRUE" for tokens in _CLASSES)
    + " AND price.model IS NOT NULL THEN "
    + " + ".join(f"coalesce({counted} * price.{rate}, 0)" for counted, rate in _PRICED_BY.items())
    + " END"
)
_RATES = ("since", "until", *_PRICED_BY.values())

_DIMENSIONS = 'model, provider_key, project, "user", unit'
_BY_DAY = f"day, span, {_DIMENSIONS}"

# Of several sources that tell of the same days the best counts. The spans are few, so they are judged alone; made once
# (MATERIALIZED), or each line would ask for them again.
_REBUILD = f"""
WITH all_used AS (
    SELECT {_DAY} AS day, {_SPAN} AS span, {_LAST} AS last, {RANK} AS rank, {_DIMENSIONS},
        sum(input_tokens) AS input_tokens, sum(cached_input_tokens) AS cached_input_tokens,
        sum(cache_write_tokens) AS cache_write_tokens, sum(output_tokens) AS output_tokens,
        sum(reasoning_tokens) AS reasoning_tokens, sum(requests) AS requests, sum(cost) AS reported,
        bool_or(final IS FALSE) AS open
    FROM usage_usagerecord WHERE {_RECORDS} GROUP BY 1, 2, 3, 4, {_DIMENSIONS}
), used_spans AS (
    SELECT DISTINCT day, last, rank FROM all_used
), used_best AS MATERIALIZED (
    SELECT * FROM used_spans AS mine WHERE NOT EXISTS (
        SELECT 1 FROM used_spans AS better
        WHERE better.rank < mine.rank AND better.day <= mine.last AND better.last >= mine.day
    )
), used AS (
    SELECT {_BY_DAY}, max(last) AS last, sum(input_tokens) AS input_tokens,
        sum(cached_input_tokens) AS cached_input_tokens, sum(cache_write_tokens) AS cache_write_tokens,
        sum(output_tokens) AS output_tokens, sum(reasoning_tokens) AS reasoning_tokens, sum(requests) AS requests,
        sum(reported) AS reported, bool_or(open) AS open
    FROM all_used JOIN used_best USING (day, last, rank) GROUP BY {_BY_DAY}
), all_paid AS (
    SELECT {_DAY} AS day, {_SPAN} AS span, {_LAST} AS last, {RANK} AS rank, model, provider_key, project,
        '' AS "user", unit, sum(amount) AS billed, bool_or(final IS FALSE) AS open
    FROM usage_costrecord WHERE {_RECORDS} GROUP BY 1, 2, 3, 4, 5, 6, 7, 9
), paid_spans AS (
    SELECT DISTINCT day, last, rank FROM all_paid
), paid_best AS MATERIALIZED (
    SELECT * FROM paid_spans AS mine WHERE NOT EXISTS (
        SELECT 1 FROM paid_spans AS better
        WHERE better.rank < mine.rank AND better.day <= mine.last AND better.last >= mine.day
    )
), paid AS (
    SELECT {_BY_DAY}, max(last) AS last, sum(billed) AS billed, bool_or(open) AS open
    FROM all_paid JOIN paid_best USING (day, last, rank) GROUP BY {_BY_DAY}
), fell AS (
    SELECT day, 'day' AS span, '' AS model, '' AS provider_key, '' AS project, '' AS "user", unit, amount AS derived,
        provisional AS open
    FROM usage_derivedspend WHERE account_id = %(account)s AND day = ANY(%(days)s)
), reported_spans AS MATERIALIZED (
    SELECT DISTINCT day, last FROM used WHERE reported IS NOT NULL
), priced_days AS MATERIALIZED (
    SELECT days.day,
        EXISTS (SELECT 1 FROM paid_best AS one WHERE one.day <= days.day AND one.last >= days.day) AS is_billed,
        EXISTS (SELECT 1 FROM reported_spans AS one WHERE one.day <= days.day AND one.last >= days.day) AS is_reported,
        EXISTS (SELECT 1 FROM fell WHERE fell.day = days.day) AS is_derived
    FROM unnest(%(days)s::date[]) AS days(day)
), joined AS (
    SELECT {_BY_DAY}, CASE WHEN span = 'month' THEN greatest(used.last, paid.last) END AS last,
        input_tokens, cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, requests, billed,
        reported, derived,
        coalesce(used.open, false) OR coalesce(paid.open, false) OR coalesce(fell.open, false) AS open,
        is_billed, is_reported, is_derived
    FROM used FULL JOIN paid USING ({_BY_DAY}) FULL JOIN fell USING ({_BY_DAY})
    JOIN priced_days USING (day)
), price AS MATERIALIZED (
    SELECT * FROM unnest(%(price_model)s::text[], %(price_since)s::date[], %(price_until)s::date[],
        %(price_input)s::numeric[], %(price_cached_input)s::numeric[], %(price_cache_write)s::numeric[],
        %(price_output)s::numeric[], %(price_request)s::numeric[]
    ) AS one(model, since, until, input, cached_input, cache_write, output, request)
), valued AS (
    SELECT joined.*, {_ESTIMATE} AS estimated
    FROM joined LEFT JOIN price ON price.model = joined.model AND day >= price.since AND day < price.until
), judged AS (
    SELECT *,
        CASE WHEN is_billed AND billed IS NOT NULL THEN 'billed'
             WHEN is_billed THEN 'covered'
             WHEN reported IS NOT NULL THEN 'reported'
             WHEN is_reported AND derived IS NOT NULL AND requests IS NULL THEN 'covered'
             WHEN is_derived AND NOT is_reported AND derived IS NOT NULL THEN 'derived'
             WHEN is_derived AND NOT is_reported THEN 'covered'
             WHEN estimated IS NOT NULL THEN 'estimated'
             ELSE 'unpriced' END AS basis
    FROM valued
)
INSERT INTO usage_usagedetail (organization_id, account_id, {_BY_DAY}, last, input_tokens, cached_input_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, requests, billed, reported, derived, estimated, spend, basis,
    provisional)
SELECT %(organization)s, %(account)s, day, span, model, provider_key, project, "user",
    CASE WHEN basis = 'estimated' THEN '{UNIT}' ELSE unit END, last, input_tokens, cached_input_tokens,
    cache_write_tokens, output_tokens, reasoning_tokens, requests, billed, reported, derived, estimated,
    CASE basis WHEN 'billed' THEN billed WHEN 'reported' THEN reported WHEN 'derived' THEN derived
        WHEN 'estimated' THEN estimated END,
    basis, open
FROM judged
"""

# What is estimated keeps rows of its own: a sum of it and of better told money would be neither.
_REBUILD_DAILY = """
INSERT INTO usage_usagedaily (organization_id, account_id, day, span, last, model, unit, input_tokens,
    cached_input_tokens, cache_write_tokens, output_tokens, reasoning_tokens, requests, billed, reported, derived,
    estimated, spend, basis, provisional)
SELECT %(organization)s, %(account)s, day, span, max(last), model, unit, sum(input_tokens), sum(cached_input_tokens),
    sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), sum(requests), sum(billed), sum(reported),
    sum(derived), sum(estimated), sum(spend),
    CASE WHEN bool_or(basis = 'billed') THEN 'billed' WHEN bool_or(basis = 'reported') THEN 'reported'
         WHEN bool_or(basis = 'derived') THEN 'derived' WHEN bool_or(basis = 'estimated') THEN 'estimated'
         WHEN bool_or(basis = 'unpriced') THEN 'unpriced' ELSE 'covered' END,
    bool_or(provisional)
FROM usage_usagedetail WHERE account_id = %(account)s AND day = ANY(%(days)s)
GROUP BY day, span, model, unit, basis = 'estimated'
"""

_REBUILD_SPEND = """
INSERT INTO usage_spenddaily (organization_id, account_id, provider_slug, day, span, last, unit, spend, estimated,
    provisional, unpriced_models)
SELECT %(organization)s, %(account)s, %(slug)s, day, span, max(last), unit, sum(spend),
    sum(spend) FILTER (WHERE basis = 'estimated'), bool_or(provisional),
    count(*) FILTER (WHERE basis = 'unpriced' AND requests IS DISTINCT FROM 0)
FROM usage_usagedaily WHERE account_id = %(account)s AND day = ANY(%(days)s) GROUP BY day, span, unit
"""

# Both tables have an index on just these rows: they are few, and most accounts have none.
_LONG_BUCKETS = " UNION ".join(
    f"SELECT (start AT TIME ZONE 'UTC')::date, {_LAST.replace(_DAY, 'NULL')} FROM {table}"
    f' WHERE account_id = %(account)s AND {_LONG} AND start < %(until)s AND "end" > %(since)s'
    for table in ("usage_usagerecord", "usage_costrecord")
)


def rollup_rebuild(*, account_id: int, buckets: Iterable[tuple[datetime, datetime]]) -> None:
    """Rebuild the days of an account that these (start, end) buckets tell of, inside the caller's transaction."""
    account = _locked(account_id)
    days = {day for start, end in buckets for day in bucket_days(start, end, account.organization)}
    _rebuild(account, days)


def rollup_rebuild_days(*, account_id: int, days: Iterable[date]) -> None:
    """The same for days that are known."""
    _rebuild(_locked(account_id), set(days))


def _locked(account_id: int) -> ProviderAccount:
    """Two landings for one account may meet: the second waits here, then sees what the first wrote."""
    return (
        ProviderAccount.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization")
        .get(pk=account_id)
    )


def _rebuild(account: ProviderAccount, touched: set[date]) -> None:
    if not touched:
        return
    values: dict[str, Any] = {
        "account": account.pk,
        "organization": account.organization_id,
        "slug": account.provider_slug,
        "zone": account.organization.reporting_zone,
    }
    with connection.cursor() as cursor:
        days = sorted(touched | _days_of_long_buckets(cursor, values, touched))
        # Wide enough for any zone; the day itself is decided in the statement.
        values |= {"days": days, "since": days[0] - timedelta(days=2), "until": days[-1] + timedelta(days=3)}
        values |= _prices(cursor, account, values)
        for table in ("usage_usagedetail", "usage_usagedaily", "usage_spenddaily"):
            cursor.execute(f"DELETE FROM {table} WHERE account_id = %s AND day = ANY(%s)", [account.pk, days])
        for statement in (_REBUILD, _REBUILD_DAILY, _REBUILD_SPEND):
            cursor.execute(statement, values)
    _allocate(account, days)


def _prices(cursor: Any, account: ProviderAccount, values: dict[str, Any]) -> dict[str, list[Any]]:
    """The list prices of the models that were used, column by column: asked for once by model and period, because the
    lines are many and the models few."""
    price_list = price_list_of(account)
    found: list[tuple[Any, ...]] = []
    if price_list:
        cursor.execute(f"SELECT DISTINCT model FROM usage_usagerecord WHERE {_RECORDS}", values)
        for (model,) in cursor.fetchall():
            found += ((model, *(getattr(one, name) for name in _RATES)) for one in price_periods(price_list, model))
    columns = zip(*found, strict=True) if found else ([] for _ in range(len(_RATES) + 1))
    names = (f"price_{name}" for name in ("model", *_RATES))
    return {name: list(column) for name, column in zip(names, columns, strict=True)}


def price_list_of(account: ProviderAccount) -> str:
    """The price list that an account's tokens cost by; "" where nobody knows one. Some providers have one for a part of
    their accounts only, which their credentials tell."""
    declared = account.provider.price_list
    if isinstance(declared, str):
        return declared
    return next(filter(None, (declared(one.declared()) for one in account.credentials.all())), "")


def _days_of_long_buckets(cursor: Any, values: dict[str, Any], touched: set[date]) -> set[date]:
    """All days of every month's bucket that tells of a touched day: which of them counts depends on all its days."""
    found: set[date] = set()
    span = {"since": min(touched) - timedelta(days=2), "until": max(touched) + timedelta(days=3)}
    cursor.execute(_LONG_BUCKETS, {**values, **span})
    for first, last in cursor.fetchall():
        found |= {first + timedelta(days=offset) for offset in range((last - first).days + 1)}
    return found


# --- By team ----------------------------------------------------------------------------------------------------

_COLUMN_OF = {KEY: "provider_key", PROJECT: "project", USER: '"user"'}
_TOKENS = (
    "CASE WHEN num_nonnulls(input_tokens, cached_input_tokens, cache_write_tokens, output_tokens) > 0 THEN"
    " coalesce(input_tokens, 0) + coalesce(cached_input_tokens, 0) + coalesce(cache_write_tokens, 0)"
    " + coalesce(output_tokens, 0) END"
)
_TEAM_COLUMNS = (
    "organization_id, account_id, provider_slug, day, span, team_id, model, unit, basis, nobody,"
    " spend, tokens, requests"
)
_REBUILD_MONTHS = f"""
INSERT INTO usage_teammonthly ({_TEAM_COLUMNS}, provisional)
SELECT organization_id, account_id, provider_slug, date_trunc('month', day)::date, span, team_id, model, unit, basis,
    nobody, sum(spend), sum(tokens), sum(requests), bool_or(provisional)
FROM usage_teamdaily
WHERE account_id = %(account)s AND day >= %(since)s AND day < %(until)s
    AND date_trunc('month', day)::date = ANY(%(months)s)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
"""
_KIND = "provider_slug, unit, basis, span"
_KINDS = f"""
INSERT INTO usage_sumkind (organization_id, {_KIND})
SELECT DISTINCT organization_id, {_KIND} FROM usage_teamdaily AS told
WHERE account_id = %(account)s AND day = ANY(%(days)s) AND NOT EXISTS (
    SELECT 1 FROM usage_sumkind AS known
    WHERE (known.organization_id, known.provider_slug, known.unit, known.basis, known.span)
        = (told.organization_id, told.provider_slug, told.unit, told.basis, told.span)
) ON CONFLICT DO NOTHING
"""
# What team and model are where a sum does not tell them is in usage.models.SpendSum. In the order in which they are
# read, so that few pages hold what is asked for.
_SUMS = f"""
INSERT INTO {{sums}} (organization_id, account_id, day, kind_id, by, team_id, nobody, model, spend, tokens, requests,
    provisional)
SELECT organization_id, account_id, day, kind.id,
    CASE WHEN grouping(model) = 0 THEN 'model' WHEN grouping(nobody) = 0 THEN 'team' ELSE 'account' END AS by,
    team_id, coalesce(nobody, false), coalesce(model, ''), sum(spend), sum(tokens), sum(requests), bool_or(provisional)
FROM {{told}} JOIN usage_sumkind AS kind USING (organization_id, {_KIND})
WHERE account_id = %(account)s AND day = ANY(%(days)s)
GROUP BY organization_id, account_id, day, kind.id, GROUPING SETS ((), (team_id, nobody), (model))
ORDER BY by, day
"""


def rollup_allocate(*, account_id: int, days: Iterable[date]) -> None:
    """Give the spend of these days to teams anew, by the rules as they are now, inside the caller's transaction. The
    records are not read again."""
    _allocate(_locked(account_id), sorted(set(days)))


def rulebook_of(organization_id: int) -> Rulebook:
    """All allocation rules of an organization."""
    rules = AllocationRule.objects.filter(organization_id=organization_id).prefetch_related("shares")
    return Rulebook(rule_of(one) for one in rules)


def rule_of(stored: AllocationRule) -> Rule:
    """A stored rule as the arithmetic takes it; its shares by team, so that a split is the same each time."""
    shares = sorted((share.team_id, share.percent) for share in stored.shares.all())
    return Rule(
        dimension=stored.dimension,
        value=stored.value,
        account_id=stored.account_id,
        valid_from=stored.valid_from,
        shares=tuple(Share(*one) for one in shares),
        id=stored.pk,
    )


def detail_lines(cursor: Any, account_id: int, days: Sequence[date], *, fine: bool = True) -> list[Line]:
    """The account's details of these days; unless `fine` summed over keys, projects and users, for whom nothing depends
    on them."""
    told = ", ".join(_COLUMN_OF.values())
    named = told if fine else "'', '', ''"
    groups = f"day, span, model, unit, basis{', ' + told if fine else ''}"
    cursor.execute(
        f"SELECT day, span, max(last), model, unit, basis, {named},"
        f" sum(spend), sum({_TOKENS})::bigint, sum(requests)::bigint, bool_or(provisional) FROM usage_usagedetail"
        f" WHERE account_id = %s AND day = ANY(%s) GROUP BY {groups} ORDER BY {groups}",
        [account_id, list(days)],
    )
    names = (
        *("day", "span", "last", "model", "unit", "basis", "provider_key", "project", "user"),
        *("spend", "tokens", "requests", "provisional"),
    )
    return [Line(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]


def reached_days(*, organization_id: int, rule: Rule) -> dict[int, set[date]]:
    """{account: days} that hold something which this rule may decide. A bill that names no key may be shared out by the
    keys of its day, so a rule reaches every line of a day that holds what it names."""
    wanted = ["organization_id = %(organization)s"]
    if rule.account_id is not None:
        wanted.append("account_id = %(account)s")
    if rule.valid_from is not None:
        wanted.append("day >= %(valid_from)s")
    if rule.dimension in _COLUMN_OF:
        wanted.append(f"{_COLUMN_OF[rule.dimension]} = %(value)s")
    values = {
        "organization": organization_id,
        "account": rule.account_id,
        "valid_from": rule.valid_from,
        "value": rule.value,
    }
    found: dict[int, set[date]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT account_id, day FROM usage_usagedetail WHERE {' AND '.join(wanted)}",
            values,
        )
        for account_id, day in cursor.fetchall():
            found.setdefault(account_id, set()).add(day)
    return found


def _allocate(account: ProviderAccount, days: Sequence[date]) -> None:
    if not days:
        return
    rulebook = rulebook_of(account.organization_id)
    months = sorted({day.replace(day=1) for day in days})
    values: dict[str, Any] = {
        "account": account.pk,
        "months": months,
        "since": months[0],
        "until": months[-1] + timedelta(days=31),
    }
    with connection.cursor() as cursor:
        lines = detail_lines(cursor, account.pk, days, fine=bool(rulebook))
        cursor.execute("DELETE FROM usage_teamdaily WHERE account_id = %s AND day = ANY(%s)", [account.pk, list(days)])
        with cursor.copy(f"COPY usage_teamdaily ({_TEAM_COLUMNS}, provisional, last) FROM STDIN") as copy:
            for place, figures in allocated(lines, rulebook, account.pk).items():
                told = (figures.spend, figures.tokens, figures.requests, figures.provisional, figures.last)
                copy.write_row((account.organization_id, account.pk, account.provider_slug, *place, *told))
        cursor.execute("DELETE FROM usage_teammonthly WHERE account_id = %(account)s AND day = ANY(%(months)s)", values)
        cursor.execute(_REBUILD_MONTHS, values)
        cursor.execute(_KINDS, {"account": account.pk, "days": list(days)})
        for table, sums, dates in (
            ("usage_teamdaily", "usage_dailysum", list(days)),
            ("usage_teammonthly", "usage_monthlysum", months),
        ):
            where: dict[str, Any] = {"account": account.pk, "days": dates}
            cursor.execute(f"DELETE FROM {sums} WHERE account_id = %(account)s AND day = ANY(%(days)s)", where)
            cursor.execute(_SUMS.format(told=table, sums=sums), where)


def bucket_days(start: datetime, end: datetime, organization: object) -> list[date]:
    """The reporting days that a bucket tells of, by the same rule as the SQL above."""
    if end - start > timedelta(hours=26):
        last = (end - timedelta.resolution).date()
        return [start.date() + timedelta(days=offset) for offset in range((last - start.date()).days + 1)]
    if end - start >= timedelta(hours=23):
        return [start.date()]
    return [start.astimezone(organization.zone).date()]  # type: ignore[attr-defined]
