"""OpenRouter: prepaid credits in USD (1 credit = 1 USD), 30 days of activity, a year of analytics, keys and workspaces.

Docs: https://openrouter.ai/docs/api/api-reference (credits, api-keys, analytics, workspaces, models), the OpenAPI in
OpenRouterTeam/typescript-sdk, and OpenRouterTeam/skills for /analytics/query; checked 2026-11-20.
Key: a management key reads everything. An inference key reads its own limit and counters only (often /credits too).
Quirks: both kinds begin alike and only GET /key tells them apart. `total_credits` is all that was ever bought, not what
is left. `limit` null is no cap, 0 is a cap. /keys without a workspace hides those of other workspaces. Prompt tokens
are not split by cache, so `input_tokens` holds them all. Own-key (BYOK) spend is an estimate and never charged here.
/analytics/query is a read although it is a POST, and names models by label, which is not the id that activity uses.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from msgspec.structs import replace

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.paging import BrokenCursor, NextPage, pages
from providers.parse import (
    Reader,
    T,
    boolean,
    day_after,
    day_start,
    decimal,
    get,
    instant,
    integer,
    iso_z,
    mapping,
    maybe,
    next_day,
    next_month,
    rows,
    text,
    utc_day,
)
from providers.records import Balance, CostBucket, Identity, KeyState, Model, ProviderKey, Quota, UsageBucket
from providers.spec import (
    Account,
    BaseUrl,
    Changing,
    Check,
    Endpoint,
    Field,
    KeyManagement,
    KeyOrder,
    MadeKey,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

API = "https://openrouter.ai/api/v1"
DOCS = "https://openrouter.ai/docs/api/api-reference"
KEY = f"{API}/key"
ACTIVITY = Request(url=f"{API}/activity", auth="management_key", params=(("group_by", "workspace"),))
MANAGEMENT_KEYS = "https://openrouter.ai/settings/management-keys"

DAY = timedelta(days=1)
SUMMED = ("input_tokens", "output_tokens", "reasoning_tokens", "requests", "cost")
SOON = timedelta(days=14)
PAGE = 100
ANALYTICS_DAYS = 365
ANALYTICS_ROWS = 10_000
WINDOWS = {"daily": "day", "weekly": "week", "monthly": "month"}
# The prices per token; those per request, image, search or second have no place beside them.
PRICES = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cached_input",
    "input_cache_write": "cache_write",
    "internal_reasoning": "reasoning",
}

Row = Mapping[str, Any]
Listing = Generator[Request | Partial, Reply, list[Row]]


def nullable(row: Row, name: str, reader: Reader[T]) -> T | None:
    """A field that is always there and may be null: its absence is a changed answer, not "no limit"."""
    if name not in row:
        raise PayloadError(f"The answer has no {name}.")
    return maybe(row, name, reader)


def parse_balance(reply: Reply) -> Iterator[Balance]:
    """Lifetime purchases less lifetime use; below zero even free models are refused."""
    data = get(reply.json(), "data", mapping)
    amount = get(data, "total_credits", decimal) - get(data, "total_usage", decimal)
    yield Balance(name="Credits", kind="prepaid", amount=amount, unit="USD")


def parse_limit(row: Row, now: datetime, scope: str) -> Iterator[Quota]:
    """The cap of one key; a key without one tells only what it spent this month. `usage` is lifetime while the cap may
    reset, so `limit - usage` is never computed."""
    limit, reset = nullable(row, "limit", decimal), nullable(row, "limit_reset", text)
    if limit is None:
        spent = maybe(row, "usage_monthly", decimal)
        if spent is not None:
            yield Quota(
                name="Key spend", unit="USD", used=spent, window="month", resets_at=next_month(now), scope=scope
            )
        return
    remaining = maybe(row, "limit_remaining", decimal)
    if remaining is not None:
        used = limit - remaining
    elif maybe(row, "include_byok_in_limit", boolean):
        used = None  # the counters of credits alone would show too little
    else:
        used = maybe(row, f"usage_{reset}" if reset else "usage", decimal)
    yield Quota(
        name="Key limit",
        unit="USD",
        used=used,
        limit=limit,
        remaining=remaining,
        window=WINDOWS.get(reset) if reset else "lifetime",
        resets_at=next_reset(reset, now),
        scope=scope,
    )


def next_reset(reset: str | None, now: datetime) -> datetime | None:
    """Caps of keys reset at midnight UTC: daily, on Monday, or on the first of the month."""
    if reset == "daily":
        return day_start(now) + DAY
    if reset == "weekly":
        return day_start(now) + (7 - now.astimezone(UTC).weekday()) * DAY
    return next_month(now) if reset == "monthly" else None


def parse_free_requests(data: Row, now: datetime) -> Iterator[Quota]:
    """One daily bucket for all free models of the account; seen in live answers, not in the OpenAPI."""
    bucket = maybe(data, "free_model_daily_requests", mapping)
    if bucket is not None:
        yield Quota(
            name="Free model requests",
            unit="requests",
            used=maybe(bucket, "used", decimal),
            limit=maybe(bucket, "limit", decimal),
            remaining=maybe(bucket, "remaining", decimal),
            window="day",
            resets_at=next_reset("daily", now),
        )


def parse_budgets(reply: Reply) -> Iterator[Quota]:
    """Caps of a workspace. What of them is used is not told."""
    for row in get(reply.json(), "data", rows):
        reset = nullable(row, "reset_interval", text)
        yield Quota(
            name="Workspace budget",
            unit="USD",
            limit=get(row, "limit_usd", decimal),
            window=WINDOWS.get(reset) if reset else "lifetime",
            scope=get(row, "workspace_id", text),
        )


def parse_keys(listed: Iterable[Row], now: datetime) -> Iterator[ProviderKey]:
    for row in listed:
        expires_at = maybe(row, "expires_at", instant)
        state: KeyState = "active"
        if get(row, "disabled", boolean):
            state = "disabled"
        elif expires_at is not None and expires_at <= now:
            state = "expired"
        yield ProviderKey(
            id=get(row, "hash", text),
            name=get(row, "name", text),
            hint=get(row, "label", text),
            project=maybe(row, "workspace_id", text),
            state=state,
            created_at=get(row, "created_at", instant),
            expires_at=expires_at,
            last_used_at=maybe(row, "last_used_at", instant),
            limit=nullable(row, "limit", decimal),
        )


def parse_activity(reply: Reply, start: datetime, end: datetime, today: datetime) -> Iterator[UsageBucket]:
    """Rows of [start, end). OpenRouter gives one row per requested `model`; those that were served by the same pinned
    model and endpoint are one bucket here."""
    seen: dict[tuple[datetime, str, str, str | None, str], Row] = {}
    buckets: dict[tuple[datetime, str, str, str | None], UsageBucket] = {}
    for row in get(reply.json(), "data", rows):
        day = get(row, "date", utc_day)
        place = (
            day,
            get(row, "model_permaslug", text),
            get(row, "endpoint_id", text),
            maybe(row, "workspace_id", text),
        )
        if not start <= day < end:
            continue
        known = seen.setdefault((*place, get(row, "model", text)), row)
        if known is row:
            bucket = parse_activity_row(row, *place, today)
            other = buckets.setdefault(place, bucket)
            if other is not bucket:
                buckets[place] = added(other, bucket)
        elif known != row:
            raise PayloadError("Two different rows of activity share one key.")
    yield from buckets.values()


def parse_activity_row(
    row: Row, day: datetime, permaslug: str, endpoint: str, workspace: str | None, today: datetime
) -> UsageBucket:
    return UsageBucket(
        start=day,
        end=next_day(day),
        model=permaslug,
        project=workspace,
        endpoint=endpoint,
        unit="USD",
        input_tokens=get(row, "prompt_tokens", integer),
        output_tokens=get(row, "completion_tokens", integer),
        reasoning_tokens=get(row, "reasoning_tokens", integer),
        requests=get(row, "requests", integer),
        quantities={"byok_usage_inference": get(row, "byok_usage_inference", decimal)},
        cost=get(row, "usage", decimal),
        final=False if day >= today else None,
    )


def added(one: UsageBucket, other: UsageBucket) -> UsageBucket:
    sums: dict[str, Any] = {name: getattr(one, name) + getattr(other, name) for name in SUMMED}
    quantities = {name: value + other.quantities[name] for name, value in one.quantities.items()}
    return replace(one, quantities=quantities, **sums)


def total(parts: list[Row], name: str) -> Decimal:
    return sum([get(row, name, decimal) for row in parts], Decimal(0))


def parse_cost(data: Row, start: datetime, end: datetime, today: datetime) -> Iterator[CostBucket]:
    """Charges to credits, platform fees of own-key calls included. The label may stand for two models: different rows
    of one day and label are added, the same row sent twice counts once."""
    buckets: dict[tuple[datetime, str | None], list[Row]] = {}
    for row in get(data, "data", rows):
        day = get(row, "date__day", utc_day)
        found = buckets.setdefault((day, nullable(row, "model", text) or None), [])
        if start <= day < end and row not in found:
            found.append(row)
    for (day, label), parts in buckets.items():
        if parts:
            yield CostBucket(
                start=day,
                end=day + DAY,
                amount=total(parts, "credits_usage"),
                unit="USD",
                model=label,
                final=False if day >= today else None,
            )


def parse_models(reply: Reply) -> Iterator[Model]:
    """Prices are USD per token as text; a router's -1 means that the price depends on the model it picks."""
    for row in get(reply.json(), "data", rows):
        told = {name: maybe(get(row, "pricing", mapping), name, decimal) for name in PRICES}
        yield Model(
            id=get(row, "id", text),
            name=maybe(row, "name", text),
            context=maybe(row, "context_length", integer),
            prices={PRICES[name]: each * 1_000_000 for name, each in told.items() if each is not None and each >= 0},
            price_unit="USD",
        )


def cost_request(start: datetime, end: datetime) -> Request:
    query = {
        "metrics": ["credits_usage", "request_count"],
        "dimensions": ["model"],
        "granularity": "day",
        "time_range": {"start": iso_z(start), "end": iso_z(end)},
        "limit": ANALYTICS_ROWS,
    }
    return Request(url=f"{API}/analytics/query", auth="management_key", method="POST", json=query)


def by_offset(identity: str) -> NextPage:
    """Pages of 100 by `offset`, without a link: the end is `total_count` where it is told, else a short page."""
    seen: set[str] = set()
    offset = 0

    def next_page(document: Any) -> tuple[str, str] | None:
        nonlocal offset
        found = get(document, "data", rows)
        offset += len(found)
        count = maybe(document, "total_count", integer)
        if offset >= count if count is not None else len(found) < PAGE:
            return None
        fresh = {get(row, identity, text) for row in found} - seen
        if not fresh:
            raise BrokenCursor
        seen.update(fresh)
        return "offset", str(offset)

    return next_page


def all_rows(first: Request, identity: str) -> Listing:
    """Rows of every page, each once: a list that grows while it is read pushes rows onto the next page."""
    documents = yield from pages(first, by_offset(identity))
    found: dict[str, Row] = {}
    for document in documents:
        for row in get(document, "data", rows):
            found.setdefault(get(row, identity, text), row)
    return list(found.values())


def workspaces(account: Account) -> Generator[Request | Partial, Reply, list[str]]:
    """Ids of the workspaces to walk; "" is the default one, asked for without its id."""
    if account.has("workspace_id"):
        return [account.get("workspace_id")]
    first = Request(url=f"{API}/workspaces", auth="management_key", params=(("limit", str(PAGE)),))
    try:
        found = yield from all_rows(first, "id")
    except NotAvailable:
        yield Partial(reason="OpenRouter does not list the workspaces: only the default one was read.")
        return [""]
    return [get(row, "id", text) for row in found] or [""]


def listed_keys(account: Account, spaces: list[str], *params: tuple[str, str]) -> Listing:
    """Keys of these workspaces, each once."""
    found: dict[str, Row] = {}
    for workspace in spaces:
        chosen = (("workspace_id", workspace),) if workspace else ()
        first = Request(url=f"{API}/keys", auth="management_key", params=(*params, *chosen))
        try:
            listed = yield from all_rows(first, "hash")
        except NotAvailable as error:
            if not account.has("workspace_id"):
                raise
            raise ActionNeeded(
                "OpenRouter does not know this workspace. Enter its UUID, or leave the field empty to read them all.",
                code="wrong_organization",
                status=error.status,
                field="workspace_id",
            ) from error
        for row in listed:
            found.setdefault(get(row, "hash", text), row)
    return list(found.values())


def balance(account: Account, window: Window) -> Steps:
    """An inference key is often answered too; where it is not, nothing is wrong with it."""
    try:
        reply = yield Request(url=f"{API}/credits", auth=account.first_of("management_key", "inference_key"))
    except ActionNeeded as error:
        if error.status != 403 or account.has("management_key"):
            raise
        raise ActionNeeded(
            "OpenRouter tells the balance only to a management key.",
            code="missing_field",
            status=403,
            field="management_key",
            url=MANAGEMENT_KEYS,
        ) from error
    return parse_balance(reply)


def quota(account: Account, window: Window) -> Steps:
    """The key's own cap, then with a management key the caps of all enabled keys and of the workspaces."""
    asking = account.first_of("inference_key", "management_key")
    reply = yield Request(url=KEY, auth=asking)
    data = get(reply.json(), "data", mapping)
    label, found = get(data, "label", text), list(parse_free_requests(data, window.now))
    own = list(parse_limit(data, window.now, label))
    if not account.has("management_key"):
        return [*own, *found]
    spaces = yield from workspaces(account)
    listed = yield from listed_keys(account, spaces)
    for row in listed:
        found += parse_limit(row, window.now, get(row, "hash", text))
    for workspace in filter(None, spaces):
        try:
            reply = yield Request(url=f"{API}/workspaces/{quote(workspace, safe='')}/budgets", auth="management_key")
        except NotAvailable:
            continue
        found += parse_budgets(reply)
    # A management key spends nothing, and a listed key is told by its hash already.
    known = asking == "management_key" or any(get(row, "label", text) == label for row in listed)
    return found if known else [*own, *found]


def usage(account: Account, window: Window) -> Steps:
    """The last 30 completed days in one answer, and today where OpenRouter gives it (it does, but does not say so)."""
    today = day_start(window.now)
    start, end = day_start(window.start), day_after(window.end)
    found: list[UsageBucket] = []
    if start < today:
        reply = yield ACTIVITY
        found += parse_activity(reply, start, min(end, today), today)
    if start <= today < end:
        try:
            reply = yield ACTIVITY.with_params(("date", today.date().isoformat()))
        except NotAvailable:
            return found
        found += parse_activity(reply, today, today + DAY, today)
    return found


def cost(account: Account, window: Window) -> Steps:
    """Asks for the whole window, and for its halves when the answer is cut (`truncated`) or takes too long (408)."""
    today = day_start(window.now)
    earliest = today - (ANALYTICS_DAYS - 1) * DAY
    spans = [(max(day_start(window.start), earliest), min(day_after(window.end), window.now))]
    found: list[CostBucket] = []
    while spans:
        start, end = spans.pop()
        if start >= end:
            continue
        try:
            reply = yield cost_request(start, end)
        except Retryable as error:
            if error.status != 408 or end - start <= DAY:
                raise
            cut = True
        else:
            data = get(reply.json(), "data", mapping)
            cut = get(get(data, "metadata", mapping), "truncated", boolean)
        if cut and end - start > DAY:
            middle = start + max(1, (end - start) // (2 * DAY)) * DAY
            spans += [(middle, end), (start, middle)]
            continue
        if cut:
            yield Partial(reason=f"OpenRouter cut its list of models for {start:%Y-%m-%d}.")
        found += parse_cost(data, start, end, today)
    return found


def keys(account: Account, window: Window) -> Steps:
    spaces = yield from workspaces(account)
    listed = yield from listed_keys(account, spaces, ("include_disabled", "true"))
    return parse_keys(listed, window.now)


def managed_keys(account: Account, window: Window) -> Steps:
    """Expired keys are hidden unless they are asked for, and so are those of other workspaces."""
    spaces = yield from workspaces(account)
    listed = yield from listed_keys(account, spaces, ("include_disabled", "true"), ("include_expired", "true"))
    return parse_keys(listed, window.now)


def parse_made_key(reply: Reply, now: datetime) -> MadeKey:
    """The secret stands beside `data`; OpenRouter's own guide to rotation reads it inside."""
    document = reply.json()
    data = get(document, "data", mapping)
    (made,) = parse_keys([data], now)
    return MadeKey(key=made, secret=maybe(document, "key", text) or get(data, "key", text))


def create_key(account: Account, order: KeyOrder, now: datetime) -> Changing[MadeKey]:
    wanted: dict[str, Any] = {"name": order.name, "limit": order.limit}
    if order.limit is not None and order.limit_reset:
        wanted["limit_reset"] = order.limit_reset
    if order.expires_at is not None:
        wanted["expires_at"] = iso_z(order.expires_at.replace(microsecond=0))  # minutes alone are refused
    if project := order.project or account.get("workspace_id"):
        wanted["workspace_id"] = project
    reply = yield Request(url=f"{API}/keys", auth="management_key", method="POST", json=wanted)
    return parse_made_key(reply, now)


def key_request(key: str, method: Literal["GET", "PATCH", "DELETE"], body: Any = None) -> Request:
    return Request(url=f"{API}/keys/{quote(key, safe='')}", auth="management_key", method=method, json=body)


def switch_key(account: Account, key: str, project: str, on: bool) -> Changing[None]:
    """Unknown fields are ignored without a word, so the answer is read."""
    reply = yield key_request(key, "PATCH", {"disabled": not on})
    if get(get(reply.json(), "data", mapping), "disabled", boolean) == on:
        raise PayloadError("OpenRouter took the change and did not make it.")


def delete_key(account: Account, key: str, project: str) -> Changing[None]:
    try:
        reply = yield key_request(key, "DELETE")
    except ProviderError as error:
        if error.status != 404:  # it is gone already
            raise
    else:
        if not get(reply.json(), "deleted", boolean):
            raise PayloadError("OpenRouter took the deletion and did not make it.")


def models(account: Account, window: Window) -> Steps:
    reply = yield Request(url=f"{API}/models", auth=None)
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """GET /key proves either kind, and says which it is. It tells no account id."""
    first = account.first_of("management_key", "inference_key")
    warnings: list[str] = []
    for name in ("management_key", "inference_key"):
        if not account.has(name):
            continue
        reply = yield Request(url=KEY, auth=name)
        data = get(reply.json(), "data", mapping)
        management = maybe(data, "is_management_key", boolean)
        if management is None:
            management = maybe(data, "is_provisioning_key", boolean)
        if management is not None and management != (name == "management_key"):
            raise wrong_kind(name)
        expires_at = maybe(data, "expires_at", instant)
        if name == "management_key":
            warnings.append("can_manage_keys")
        if expires_at is not None and expires_at <= window.now + SOON:
            warnings.append("expires_soon")
        if maybe(data, "is_free_tier", boolean):
            warnings.append("free_tier")
    return [Identity(key_kind=first, warnings=tuple(dict.fromkeys(warnings)))]


def wrong_kind(name: str, status: int | None = None) -> ActionNeeded:
    message = (
        "This is an inference key; balance, usage, cost and keys need a management key."
        if name == "management_key"
        else "This is a management key, which cannot run models. Enter it as the management key."
    )
    return ActionNeeded(message, code="wrong_kind", status=status, field=name, url=PROVIDER.field(name).url)


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if request.auth is None:
        return None
    if reply.status == 401:
        return ActionNeeded(
            "OpenRouter does not know this key: it is mistyped, disabled, expired or deleted.",
            status=401,
            field=request.auth,
            url=PROVIDER.field(request.auth).url,
        )
    if reply.status == 403 and request.url != KEY:  # documented: "Only management keys can perform this operation"
        return wrong_kind("management_key", 403)
    names = {name for name, _ in request.params}
    if reply.status == 400 and names & {"date", "workspace_id"}:  # a day out of range, not a UUID
        return NotAvailable("OpenRouter does not have what was asked for (400).", status=400)
    return None


PROVIDER = Provider(
    slug="openrouter",
    name="OpenRouter",
    summary="Prepaid credits in USD for the models of many providers, with usage by model and limits by key.",
    docs_url="https://openrouter.ai/docs",
    console_url="https://openrouter.ai/settings/keys",
    topup_url="https://openrouter.ai/settings/credits",
    checked=date(2026, 11, 20),
    price_list="openrouter",
    wire_protocol="OpenAICompatible",
    also_protocols=("OpenAIResponses", "DirectAnthropic"),
    base_urls=(BaseUrl(url=API, use="both"),),
    fields=(
        Field(
            name="management_key",
            label="Management key",
            help="Reads balance, usage, cost and keys. It cannot run models, but it can create, change and delete "
            "keys; OpenRouter has no read-only kind.",
            secret=True,
            url=MANAGEMENT_KEYS,
            starts_with=("sk-or-v1-",),
            environment="OPENROUTER_MANAGEMENT_KEY",
            can_spend=True,
        ),
        Field(
            name="inference_key",
            label="Inference key",
            help="Only to show this key's own limit and spend. Without a management key nothing else can be read, "
            "except perhaps the balance.",
            secret=True,
            url="https://openrouter.ai/settings/keys",
            starts_with=("sk-or-v1-",),
            environment="OPENROUTER_API_KEY",
            can_spend=True,
        ),
        Field(
            name="workspace_id",
            label="Workspace",
            help="Leave empty for all workspaces, or enter the ID of one from its settings: then its keys and budgets "
            "are read. Balance, usage and cost always cover the whole account.",
        ),
    ),
    key_management=KeyManagement(
        auth="management_key",
        right="a management key, which the console makes under Settings, Management keys",
        listed=managed_keys,
        create=create_key,
        delete=delete_key,
        switch=switch_key,
        project="optional",
        limit_unit="USD",
        resets=("daily", "weekly", "monthly"),
        note="The expiry of a key cannot be changed later.",
        source=f"{DOCS}/api-keys",
    ),
    key_warning="A management key can create keys that spend, and delete others. Use one made for Purser, so that it "
    "can be revoked alone.",
    check=Check(steps=check, source=f"{DOCS}/api-keys/get-current-key"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=("management_key|inference_key",),
            source=f"{DOCS}/credits/get-credits",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("inference_key|management_key",),
            source=f"{DOCS}/api-keys/get-current-key",
            per_key=True,
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=30),
            needs=("management_key",),
            source=f"{DOCS}/analytics/get-user-activity",
            history=timedelta(days=30),
            chunk=timedelta(days=30),
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(minutes=60),
            needs=("management_key",),
            source="https://github.com/OpenRouterTeam/skills",
            history=timedelta(days=ANALYTICS_DAYS),
            # Halving 31 days down to single ones stays under 64 calls, the limit of a minute.
            chunk=timedelta(days=31),
        ),
        "keys": Endpoint(
            steps=keys,
            interval=timedelta(hours=6),
            needs=("management_key",),
            source=f"{DOCS}/api-keys/list",
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            source=f"{DOCS}/models/get-models",
        ),
    },
)
