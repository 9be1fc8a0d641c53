"""Together AI: the bill of an organization by day, product, project and key, and the model list with prices.

Docs: https://docs.together.ai/reference/billing-usage, /reference/whoami and /docs/rate-limits, and the types of the
SDK 3.1.1 (PyPI `together`), checked 2026-11-20.
Key: any project key does inference and reads the whole organization's bill; there is no read-only kind and no scope.
Quirks: the bill is a beta that Together AI switches on by organization (404 until then, perhaps as HTML). It is asked
for month by month and holds finished windows only: by the day, today is never in it. `earliest_window_start` and
`latest_window_end` cover the whole month, not the page. Product names are display text and may change. Quantities are
in each product's own unit. Rate limits stand in headers (requests and tokens per second, under names of their own),
documented for inference, which costs money and is never asked for: the model list is looked at. /v1/whoami is being
replaced by /v3/whoami, /v1/models by /v2/supported-models.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Context
from typing import Any

from msgspec.structs import replace

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, TooLarge
from providers.paging import BrokenCursor, pages
from providers.parse import (
    currency,
    day_after,
    day_start,
    decimal,
    get,
    instant,
    integer,
    mapping,
    maybe,
    month_start,
    next_month,
    rows,
    text,
)
from providers.rate_limits import parse_limit_headers
from providers.records import MOST_CHARACTERS, CostBucket, Identity, Model
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

API = "https://api.together.ai"
CONSOLE = "https://api.together.ai/settings"
BILLING_DOCS = "https://docs.together.ai/reference/billing-usage"
WHOAMI_DOCS = "https://docs.together.ai/reference/whoami"
BILL = Request(url=f"{API}/v1/billing/usage", auth="api_key", params=(("granularity", "day"),))
WHOAMI = tuple(Request(url=f"{API}/{version}/whoami", auth="api_key") for version in ("v1", "v3"))
MODELS = Request(url=f"{API}/v1/models", auth="api_key")
NEWER_MODELS = Request(url=f"{API}/v2/supported-models", auth="api_key")
LIMITS_DOCS = "https://docs.together.ai/docs/rate-limits"
HEADER_WINDOWS = {"requests": "second", "tokens": "second"}

# Rows are revised for up to an hour in the current month and for up to 24 hours in earlier ones.
REVISED_FOR = timedelta(hours=24)
EXACT = Context(prec=150)
# Our names of the prices per 1,000,000 tokens; those per hour, training job or image have no place beside them.
PRICES = {"input": "input", "output": "output", "cached_input": "cached_input", "cachedInput": "cached_input"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who stands behind a key."""

    id: str | None
    name: str | None
    kind: str


def parse_owner(document: Any) -> Owner:
    """Both shapes: the flat one of v1, and the nested one of v3, where a user's session may have no organization."""
    if "organization_id" in mapping(document, "the answer"):
        name = maybe(document, "organization_name", text)
        return Owner(id=get(document, "organization_id", text), name=name, kind="project_api_key")
    organization = maybe(document, "organization", mapping)
    return Owner(
        id=get(organization, "id", text) if organization is not None else None,
        name=maybe(organization, "name", text) if organization is not None else None,
        kind=get(document, "type", text),
    )


def parse_cost(documents: Iterable[Any], start: datetime, end: datetime, now: datetime) -> Iterator[CostBucket]:
    """Days of [start, end). Lines of one day that share all names are added, exactly; a day sent twice is not."""
    read: dict[datetime, Mapping[str, Any]] = {}
    for document in documents:
        unit = get(document, "currency", currency)
        if "next_cursor" not in document:  # null on the last page, so its absence is a changed answer
            raise PayloadError("The answer has no next_cursor.")
        for window in get(document, "data", rows):
            first = get(window, "start_time", instant)
            if first in read:
                if read[first] != window:
                    raise PayloadError("One day of the bill came twice, with different lines.")
                continue
            read[first] = window
            if start <= first < end:
                yield from parse_day(window, unit, now)


def parse_day(window: Mapping[str, Any], unit: str, now: datetime) -> Iterator[CostBucket]:
    first, last = get(window, "start_time", instant), get(window, "end_time", instant)
    found: dict[tuple[str, ...], CostBucket] = {}
    for line in get(window, "line_items", rows):
        cost = get(line, "cost", decimal)
        attributes = texts(line, "attributes")  # only inference has them: storage, clusters and training belong to none
        charge = CostBucket(
            start=first,
            end=last,
            amount=cost,
            unit=unit,
            line_item=line_name(line),
            project=attributes.get("project_id"),
            provider_key=attributes.get("api_key_id"),
            category="credit" if cost < 0 else "usage",
            final=finality(first, last, now),
        )
        known = found.get(charge.key)
        found[charge.key] = charge if known is None else replace(known, amount=EXACT.add(known.amount, cost))
    yield from found.values()


def line_name(line: Mapping[str, Any]) -> str:
    """The product, what its price depends on, and which credit covers it. A line that a credit covers is counted at its
    cost like any other: whether that is reduced already is not documented. The names of the dimensions are not
    documented either, so that none is read as the model."""
    dimensions = texts(line, "pricing_dimensions")
    credit = maybe(maybe(line, "applied_credit", mapping) or {}, "type", text)
    parts = [get(line, "product_name", text), *(f"{name}={dimensions[name]}" for name in sorted(dimensions))]
    return "; ".join([*parts, f"credit={credit}"] if credit else parts)[:MOST_CHARACTERS]


def texts(line: Mapping[str, Any], name: str) -> dict[str, str]:
    """A map of text to text, without its empty values. Other values may come while this is a beta: passed over."""
    found = maybe(line, name, mapping) or {}
    return {key: value for key, value in found.items() if isinstance(value, str) and value}


def finality(start: datetime, end: datetime, now: datetime) -> bool | None:
    """Provisional while rows may be revised; closed when that is over for its whole month, a moving snapshot before."""
    if now < end + REVISED_FOR:
        return False
    return True if now >= next_month(start) + REVISED_FOR else None


def parse_models(reply: Reply) -> Iterator[Model]:
    """A bare list. Prices are USD per 1,000,000 tokens."""
    for row in rows(reply.json(), "the list"):
        yield parse_model(row, "display_name", maybe(row, "context_length", integer))


def parse_model(row: Mapping[str, Any], name: str, context: int | None = None) -> Model:
    pricing = maybe(row, "pricing", mapping) or {}
    told = {ours: maybe(pricing, theirs, decimal) for theirs, ours in PRICES.items() if theirs in pricing}
    prices = {ours: price for ours, price in told.items() if price is not None}
    return Model(
        id=get(row, "id", text),
        name=maybe(row, name, text),
        context=context,
        prices=prices,
        price_unit="USD" if prices else None,
    )


def next_page(document: Any) -> tuple[str, str] | None:
    cursor = maybe(document, "next_cursor", text)
    if cursor == "":
        raise BrokenCursor
    return None if cursor is None else ("after", cursor)


def whoami() -> Generator[Request | Partial, Reply, Owner | None]:
    """The owner of the key by the older call, else by the newer one; None where neither is there."""
    for request in WHOAMI:
        try:
            reply = yield request
        except NotAvailable:
            continue
        return parse_owner(reply.json())
    return None


def bill(month: datetime, organization: str | None) -> Generator[Request | Partial, Reply, list[Any]]:
    """All pages of a month. Where so many lines do not fit one answer: a page for each day."""
    request = BILL.with_params(("month", f"{month:%Y-%m}"))
    if organization:
        request = request.with_params(("organization_id", organization))
    try:
        return (yield from pages(request, next_page))
    except TooLarge:
        return (yield from pages(request.with_params(("limit", "1")), next_page))


def cost(account: Account, window: Window) -> Steps:
    """The months of the window, newest first: how far back they go is not documented, so a refusal of an older one is
    where the history ends. Today is in no month yet: on the first of a month only the one before is asked for."""
    start, end = day_start(window.start), min(day_after(window.end), day_start(window.now))
    if start >= end:
        return []
    typed = account.get("organization_id").strip()
    owner = None if typed else (yield from whoami())
    month = newest = month_start(end - timedelta(microseconds=1))
    found: list[Any] = []
    while month >= month_start(start):
        try:
            found += yield from bill(month, typed or (owner.id if owner else None))
        except (NotAvailable, PayloadError) as error:
            if month == newest or error.status not in (400, 404, 410, 422):
                raise
            yield Partial(reason=f"Together AI tells no bill for {month:%Y-%m}.")
            break
        except ActionNeeded as error:
            if error.status == 403 and typed:
                raise wrong_organization(403) from error
            raise
        month = month_start(month - timedelta(days=1))
    return parse_cost(found, start, end, window.now)


def quota(account: Account, window: Window) -> Steps:
    """What the headers of the free model list tell, if anything: limits that Together AI moves by itself."""
    try:
        reply = yield MODELS
        list(parse_models(reply))  # an answer of another shape is none of Together AI's, nor are its headers
    except NotAvailable:
        reply = yield NEWER_MODELS
        get(reply.json(), "data", rows)
    found = parse_limit_headers(reply, now=window.now, windows=HEADER_WINDOWS, unitless=True)
    if not found:
        raise NotAvailable(
            "Together AI told no rate limits with this free call: it promises them with paid calls only, which Purser "
            "never makes. They move by themselves; where one is reached, a call is answered 429."
        )
    return found


def models(account: Account, window: Window) -> Steps:
    try:
        reply = yield MODELS
    except NotAvailable:
        documents = yield from pages(NEWER_MODELS, next_page)
        return [parse_model(row, "displayName") for document in documents for row in get(document, "data", rows)]
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """Who the key is. Where neither call is there, the bill names the organization; where there is no bill either, the
    model list proves the key."""
    owner = yield from whoami()
    if owner is None:
        try:
            reply = yield BILL.with_params(("limit", "1"))
        except NotAvailable:
            yield from models(account, window)
            owner = Owner(id=None, name=None, kind="api_key")
        else:
            owner = Owner(id=get(reply.json(), "organization_id", text), name=None, kind="api_key")
    typed = account.get("organization_id").strip()
    if typed and owner.id and typed != owner.id:
        raise wrong_organization(None)
    return [Identity(account_id=owner.id, account_name=owner.name, key_kind=owner.kind)]


def wrong_organization(status: int | None) -> ActionNeeded:
    return ActionNeeded(
        "This is not the organization of the key. Correct the organization id, or leave the field empty.",
        code="wrong_organization",
        status=status,
        field="organization_id",
        url=CONSOLE,
    )


def explain(reply: Reply, request: Request) -> ProviderError | None:
    """By the status alone: the bill's own error bodies are not documented and may be HTML."""
    if reply.status == 401:
        return ActionNeeded("Together AI does not know this key.", status=401, field="api_key", url=CONSOLE)
    if request.url != BILL.url:
        return None
    if reply.status == 403:
        return ActionNeeded(
            "This key may not read its organization's bill. Use a key with access to the whole organization.",
            code="missing_scope",
            status=403,
            field="api_key",
            url=CONSOLE,
        )
    if reply.status == 404:
        return NotAvailable(
            "The bill is a beta that Together AI switches on for an organization when it asks for it (404). "
            "The key itself is fine.",
            status=404,
        )
    return None


PROVIDER = Provider(
    slug="together",
    name="Together AI",
    summary="Daily cost of an organization by product, project and key, in USD.",
    docs_url="https://docs.together.ai/",
    console_url=CONSOLE,
    topup_url=CONSOLE,
    checked=date(2026, 11, 20),
    price_list="together",
    wire_protocol="OpenAICompatible",
    base_urls=(
        BaseUrl(url=f"{API}/v1"),
        BaseUrl(url="https://api.together.xyz/v1", use="inference", label="Older name of the same host"),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="An API key of any project: it reads the bill of the whole organization. Together AI has no read-only "
            "kind, so make one for Purser alone.",
            secret=True,
            required=True,
            url=CONSOLE,
            hosts=("api.together.ai",),
            environment="TOGETHER_API_KEY",
            can_spend=True,
        ),
        Field(
            name="organization_id",
            label="Organization id",
            help="Optional: Purser asks the key for it. Fill it in only if that fails; it must be the key's own "
            "organization.",
        ),
    ),
    key_warning="Every Together AI key can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source=WHOAMI_DOCS),
    explain=explain,
    capabilities={
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(hours=1),
            needs=("api_key",),
            source=BILLING_DOCS,
            history=timedelta(days=90),
            chunk=timedelta(days=31),
            lookback=timedelta(days=3),
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            source="https://github.com/togethercomputer/openapi (GET /models)",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("api_key",),
            confidence="unverified",  # documented for inference; here they are read from the model list
            source=LIMITS_DOCS,
        ),
        "balance": NotOffered(
            reason="Together AI has no balance or credits endpoint.",
            fallback="The console shows what is left; the cost history shows how fast it goes.",
        ),
        "usage": NotOffered(
            reason="Together AI tells no token or request counts, only quantities in each product's own unstated unit.",
            fallback="The cost history shows the money by day, product, project and key.",
        ),
        "keys": NotOffered(
            reason="Together AI lists API keys only in its console.",
            fallback="The cost history names the id of the key behind each inference line.",
        ),
    },
)
