"""DeepInfra: prepaid or invoiced money in USD, a spending limit, and a bill by month, model and pricing type.

Docs: https://docs.deepinfra.com/ and the OpenAPI at https://api.deepinfra.com/openapi.json, checked 2026-11-20.
Key: one kind of full key does inference, reads billing and administers the account; no read-only kind exists. A team
member's key without billing rights gets 403 on /payment/*.
Quirks: three scales (dollars in the checklist, cents in the bill, cents per ONE token in prices); the sign of
`stripe_balance` is inverted (negative is money to spend) and `recent` is not yet taken off it; months have a dot
("2026.10") and begin where `interval` says, which was seen to be midnight in California; lines are rounded to cents,
so `total_cost` is the figure to trust, but it was seen to be null in an open month. Unix ranges were seen to be capped
at 31 days, so months are asked for one by one. /v1/api-tokens returns full keys and is never called.
"""

import json
import re
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError
from providers.parse import boolean, decimal, get, integer, mapping, maybe, month_start, rows, text, unix_millis
from providers.records import Balance, CostBucket, CostCategory, Identity, Model, Quota, UsageBucket
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

API = "https://api.deepinfra.com"
KEYS_PAGE = "https://deepinfra.com/dash/api_keys"
CHECKLIST = Request(url=f"{API}/payment/checklist", auth="api_key", params=(("compute_owed", "true"),))
CONFIG = Request(url=f"{API}/payment/config", auth="api_key")
RATE_LIMIT = Request(url=f"{API}/v1/me/rate_limit", auth="api_key")
BILL = Request(url=f"{API}/payment/usage", auth="api_key")
MODELS = Request(url=f"{API}/models/list", auth=None)
ME = Request(url=f"{API}/v1/me", auth="api_key", params=(("checklist", "false"),))

Month = Mapping[str, Any]


def parse_balance(reply: Reply) -> Balance:
    """The position is -(stripe_balance + recent): above or at zero it is prepaid money, below it is owed."""
    document = reply.json()
    position = -(get(document, "stripe_balance", decimal) + max(Decimal(0), get(document, "recent", decimal)))
    return Balance(
        name="Account",
        kind="owed" if position < 0 else "prepaid",
        amount=abs(position),
        unit="USD",
        usable=not get(document, "suspended", boolean),
    )


def parse_spending_limit(document: Any, limit: Decimal | None) -> Iterator[Quota]:
    """Null and negative mean no limit. 0 is undefined, and a real cap only when the account is blocked for it."""
    reached = maybe(document, "suspend_reason", text) == "limit-reached"
    if limit is not None and (limit > 0 or (limit == 0 and reached)):
        used = max(Decimal(0), get(document, "recent", decimal))
        yield Quota(name="Spending limit", unit="USD", used=used, limit=limit)


def parse_rate_limits(reply: Reply) -> Iterator[Quota]:
    """Limits that bind each model by itself; how much of them is used is not told."""
    document = reply.json()
    concurrent = Decimal(get(document, "rate_limit", integer))
    yield Quota(name="Concurrent requests", unit="requests", limit=concurrent, window="concurrent", scope="each model")
    tokens = maybe(document, "tpm_rate_limit", decimal)
    if tokens is not None:
        yield Quota(name="Tokens per minute", unit="tokens", limit=tokens, window="minute", scope="each model")


def month_span(month: Month, now: datetime) -> tuple[datetime, datetime, bool]:
    """(start, end, final) of a month. `interval.to` is inclusive, in milliseconds."""
    interval = get(month, "interval", mapping)
    start, end = get(interval, "fr", unix_millis), get(interval, "to", unix_millis) + timedelta(milliseconds=1)
    open_still = maybe(month, "invoice_id", text) in (None, "NOT_FINAL")
    return start, end, not open_still and end <= now


def lines(month: Month) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(model, pricing type, line) of a month's bill; a line that is sent twice, the same in everything, counts once."""
    seen: set[str] = set()
    for line in get(month, "items", rows):
        same = json.dumps(line, sort_keys=True, default=str)
        if same not in seen:
            seen.add(same)
            yield get(get(line, "model", mapping), "model_name", text), get(line, "pricing_type", text), line


def parse_cost(month: Month, now: datetime) -> Iterator[CostBucket]:
    """A month's money per model and pricing type, brought to `total_cost` by one line for the rounding to cents.

    A discount is a line of its own and keeps its sign. A month without lines still tells its total, often a plain 0.
    """
    start, end, final = month_span(month, now)
    cents: dict[tuple[str | None, str | None, CostCategory], Decimal] = {}
    for model, kind, line in lines(month):
        place: tuple[str, str, CostCategory] = (model, kind, "usage")
        if kind == "discount":
            named = maybe(line, "discount", mapping)
            place = (model, (maybe(named, "name", text) if named is not None else None) or kind, "credit")
        cents[place] = cents.get(place, Decimal(0)) + get(line, "cost", decimal)
    total = maybe(month, "total_cost", decimal)
    if total is not None and not cents:
        cents[(None, None, "usage")] = total
    elif total is not None and total != sum(cents.values()):
        cents[(None, "rounding", "adjustment")] = total - sum(cents.values())
    for (name, item, category), amount in cents.items():
        yield CostBucket(
            start=start,
            end=end,
            amount=amount.scaleb(-2),
            unit="USD",
            model=name,
            line_item=item,
            category=category,
            final=final,
        )


def token_class(kind: str) -> str | None:
    """Which of our token classes a pricing type counts; None for seconds, characters, images ..."""
    if "token" not in kind:
        return None
    if "cache" in kind:
        return "cache_write" if "write" in kind else "cached"
    return next((name for name in ("input", "output") if name in kind), None)


def parse_usage(month: Month, now: datetime) -> Iterator[UsageBucket]:
    """A month's tokens per model. Lines are billed apart, so input excludes cached input. Other units keep the
    pricing type as their name, because what one unit is (second, minute, character) is up to it."""
    start, end, final = month_span(month, now)
    tokens: dict[str, dict[str, int]] = {}
    others: dict[str, dict[str, Decimal]] = {}
    for model, kind, line in lines(month):
        if kind == "discount":
            continue
        counted, other = tokens.setdefault(model, {}), others.setdefault(model, {})
        name, units = token_class(kind), get(line, "units", integer)
        if name is None:
            other[kind] = other.get(kind, Decimal(0)) + units
        else:
            counted[name] = counted.get(name, 0) + units
    for model, counted in tokens.items():
        yield UsageBucket(
            start=start,
            end=end,
            model=model,
            input_tokens=counted.get("input"),
            cached_input_tokens=counted.get("cached"),
            cache_write_tokens=counted.get("cache_write"),
            output_tokens=counted.get("output"),
            quantities=others[model],
            final=final,
        )


def parse_models(reply: Reply) -> Iterator[Model]:
    """List prices: cents per single token are USD per 1,000,000 tokens times 10,000. `rate_per_input_token_cached`
    has no documented scale and is left out; so is `discount`."""
    for row in rows(reply.json(), "the list"):
        pricing = maybe(row, "pricing", mapping) or {}
        cents = {name: maybe(pricing, f"cents_per_{name}_token", decimal) for name in ("input", "output")}
        prices = {name: price * 10_000 for name, price in cents.items() if price is not None}
        yield Model(
            id=get(row, "model_name", text),
            context=maybe(row, "max_tokens", integer),
            prices=prices,
            price_unit="USD" if prices else None,
        )


def period(value: Any, where: str) -> datetime:
    """A month "YYYY.MM" as its first day."""
    found = re.fullmatch(r"([12]\d{3})\.(0[1-9]|1[0-2])", text(value, where))
    if found is None:
        raise PayloadError(f"{where} is not a month.")
    return datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)


def bill(window: Window) -> Generator[Request | Partial, Reply, list[Month]]:
    """Every month that the window touches, newest first, down to the account's first one (`initial_month`)."""
    found: list[Month] = []
    read: set[datetime] = set()
    month, first = month_start(window.end - timedelta(microseconds=1)), month_start(window.start)
    while month >= first:
        # Right after midnight UTC the provider's own month may still be the old one: it knows best which is current.
        asked = "current" if month >= month_start(window.now) else f"{month:%Y.%m}"
        reply = yield BILL.with_params(("from", asked))
        document = reply.json()
        told = [(get(row, "period", period), row) for row in get(document, "months", rows)]
        found += [row for start, row in told if start not in read]
        read |= {start for start, _ in told}
        initial = maybe(document, "initial_month", period)
        month = min([month, *(start for start, _ in told)])
        if initial is not None and initial >= month:
            break
        month = month_start(month - timedelta(days=1))
    return found


def balance(account: Account, window: Window) -> Steps:
    reply = yield CHECKLIST
    return [parse_balance(reply)]


def quota(account: Account, window: Window) -> Steps:
    """The spending limit and the rate limits. A key without billing rights still reads the latter."""
    quotas: list[Quota] = []
    try:
        checklist = (yield CHECKLIST).json()
        limit = maybe(checklist, "limit", decimal)
        if "limit" not in checklist:
            limit = maybe((yield CONFIG).json(), "limit", decimal)
        quotas += parse_spending_limit(checklist, limit)
    except (ActionNeeded, NotAvailable) as error:
        if error.status not in (403, 404):
            raise
        yield Partial(reason="This key may not read the spending limit.")
    try:
        reply = yield RATE_LIMIT
    except NotAvailable:
        if not quotas:
            raise
        yield Partial(reason="DeepInfra did not tell the rate limits.")
        return quotas
    return [*quotas, *parse_rate_limits(reply)]


def usage(account: Account, window: Window) -> Steps:
    months = yield from bill(window)
    return [bucket for month in months for bucket in parse_usage(month, window.now)]


def cost(account: Account, window: Window) -> Steps:
    months = yield from bill(window)
    return [bucket for month in months for bucket in parse_cost(month, window.now)]


def models(account: Account, window: Window) -> Steps:
    reply = yield MODELS
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The account record. It holds personal data; only the account's id and display name are kept."""
    document = (yield ME).json()
    return [
        Identity(
            account_id=get(document, "uid", text),
            account_name=maybe(document, "display_name", text),
            key_kind="api_key",
            warnings=("can_manage_keys",),
        )
    ]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if reply.status == 401:
        return ActionNeeded("DeepInfra does not know this key.", status=401, field="api_key", url=KEYS_PAGE)
    if reply.status == 403 and request.url.startswith(f"{API}/payment/"):
        return ActionNeeded(
            "This key may not read billing. Use a key of the team's owner, or of a member with billing rights.",
            code="missing_scope",
            status=403,
            field="api_key",
            url=KEYS_PAGE,
        )
    return None


PROVIDER = Provider(
    slug="deepinfra",
    name="DeepInfra",
    summary="Balance, spending limit and monthly bill in USD.",
    docs_url="https://docs.deepinfra.com/",
    console_url=KEYS_PAGE,
    topup_url="https://deepinfra.com/dash",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    base_urls=(
        BaseUrl(url=f"{API}/v1/openai", use="inference"),
        BaseUrl(url=f"{API}/anthropic", use="inference", label="Anthropic form"),
        BaseUrl(url=API, use="account"),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="A full API key of the account, or of a team member with billing rights. No read-only kind exists.",
            secret=True,
            required=True,
            url=KEYS_PAGE,
            wrong_starts={"jwt:": "This is a scoped token for inference; billing needs a full API key."},
            environment="DEEPINFRA_API_KEY",
            can_spend=True,
        ),
        Field(
            name="inference_jwt",
            label="Scoped token for the gateway",
            help="Optional: a scoped JWT with limited models, expiry and spending limit. Purser never sends it.",
            secret=True,
            url=KEYS_PAGE,
            starts_with=("jwt:",),
            can_spend=True,
        ),
    ),
    key_warning=(
        "Every DeepInfra key can spend, make and delete keys, and charge the card. Make one for Purser alone; "
        "Purser only reads with it."
    ),
    check=Check(steps=check, source="https://api.deepinfra.com/openapi.json (GET /v1/me)"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=("api_key",),
            confidence="observed",
            source="https://api.deepinfra.com/openapi.json (GET /payment/checklist)",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("api_key",),
            confidence="observed",
            source="https://api.deepinfra.com/openapi.json (GET /payment/checklist, GET /v1/me/rate_limit)",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(hours=1),
            needs=("api_key",),
            confidence="observed",
            source="https://api.deepinfra.com/openapi.json (GET /payment/usage)",
            history=timedelta(days=365),
            chunk=timedelta(days=92),
            lookback=timedelta(days=62),  # a month is revised until its invoice is final
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(hours=1),
            needs=("api_key",),
            source="https://api.deepinfra.com/openapi.json (GET /payment/usage)",
            history=timedelta(days=365),
            chunk=timedelta(days=92),
            lookback=timedelta(days=62),
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            source="https://api.deepinfra.com/openapi.json (GET /models/list)",
        ),
        "keys": NotOffered(
            reason="DeepInfra's only list of API keys returns the full keys, so it is never called.",
            fallback="The key that you connect is not listed here either.",
        ),
    },
)
