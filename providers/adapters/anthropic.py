"""Anthropic (Claude API): daily usage and cost of a Console organization, its limits and keys, and Enterprise caps.

Docs: https://platform.claude.com/docs/en/manage-claude/{usage-cost-api,usage-cost-analytics-api,rate-limits-api,
spend-limits-api,admin-api} and the types of the `anthropic` SDK 2.11, checked 2026-11-20.
Key: an Admin key for everything but the model list; an inference key reads models only. An Enterprise key reads the
members' caps (scope read:spend_limits), and usage and cost through the analytics (scope read:analytics).
Quirks: money is in cents, as decimal strings. The version header is pinned: 2026-10-21 changes the shape of keys and
limits. A null api_key_id is use without a key, a null workspace_id the default workspace. Priority Tier spend is in the
usage report but not in the cost report, code execution the other way round: the two need not agree.
Left out on purpose: the Claude Code report, an estimate that overlaps the cost report. The analytics beta shows the
same spend as the cost report a second time: beside an Admin key it only fills `cost` and `requests` of usage rows.
"""

from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from providers.errors import ActionCode, ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.paging import BrokenCursor, by_marker, by_told_marker, pages
from providers.parse import (
    boolean,
    currency,
    day_after,
    day_start,
    decimal,
    get,
    instant,
    integer,
    iso_z,
    mapping,
    maybe,
    next_month,
    rows,
    sequence,
    text,
)
from providers.records import CostBucket, Identity, KeyState, Model, ProviderKey, Quota, UsageBucket
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

API = "https://api.anthropic.com"
DOCS = "https://platform.claude.com/docs/en/manage-claude"
VERSION = ("anthropic-version", "2023-06-01")
USAGE_GROUPS = ("api_key_id", "workspace_id", "model", "service_tier")
ANALYTICS_BETA = ("anthropic-beta", "analytics-usage-cost-2026-08-24")
SPEND_LIMITS_BETA = ("anthropic-beta", "spend-limit-reads-2026-09-26")
ANALYTICS_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LAG = timedelta(minutes=5)
KEY_STATES: dict[str, KeyState] = {
    "active": "active",
    "inactive": "disabled",
    "archived": "archived",
    "expired": "expired",
}
Row = Mapping[str, Any]
Span = tuple[datetime, datetime]
PERIODS = {"daily": "day", "weekly": "week", "monthly": "month"}
LIMIT_UNITS = (("token", "tokens"), ("request", "requests"), ("tool_use", "tool uses"))
# ISO 4217 currencies without a minor unit: their "cents" are whole. Anthropic bills in USD today.
NO_CENTS = {"BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF"}
SPEND_SCOPES = {"organization": "Organisation spend limit", "usage_tier": "Usage tier cap set by Anthropic"}
WORDS: dict[tuple[str, int], tuple[ActionCode, str]] = {
    ("admin_key", 401): (
        "refused",
        "Anthropic refused this Admin key: it is revoked, expired or mistyped, or it is an inference key "
        "(sk-ant-api03-...), which cannot read the organization. This needs an Admin key (sk-ant-admin01-...).",
    ),
    ("admin_key", 403): (
        "wrong_kind",
        "This key may not read the organization. That needs an Admin key (sk-ant-admin01-...) of a Console "
        "organization; an individual account has none.",
    ),
    ("inference_key", 401): ("refused", "Anthropic does not know this inference key, or it is disabled or expired."),
    ("inference_key", 403): (
        "wrong_kind",
        "This key may not list models. That needs an inference key (sk-ant-api03-...).",
    ),
    ("enterprise_key", 401): ("refused", "Anthropic does not know this Enterprise key, or it is revoked or expired."),
    ("enterprise_key", 403): ("missing_scope", "This Enterprise key lacks the scope read:spend_limits."),
}


def read(path: str, auth: str, *params: tuple[str, str], beta: tuple[str, str] | None = None) -> Request:
    return Request(url=f"{API}/v1/{path}", auth=auth, params=params, headers=(VERSION, beta) if beta else (VERSION,))


ORGANIZATION = read("organizations/me", "admin_key")
ONE_MODEL = read("models", "inference_key", ("limit", "1"))
MODELS = read("models", "inference_key", ("limit", "1000"))
KEYS = read("organizations/api_keys", "admin_key", ("limit", "1000"))
RATE_LIMITS = read("organizations/rate_limits", "admin_key")
SPEND_LIMITS = read("organizations/spend_limits", "admin_key", beta=SPEND_LIMITS_BETA)
MEMBER_LIMITS = read("organizations/spend_limits/effective", "enterprise_key", ("limit", "1000"))
ONE_MEMBER = MEMBER_LIMITS.with_params(("limit", "1"))


def report_request(path: str, window: Window, *groups: str) -> Request:
    """Whole days of a report. Only buckets that end by `ending_at` come, so today's needs tomorrow's midnight."""
    return read(
        path,
        "admin_key",
        ("starting_at", iso_z(day_start(window.start))),
        ("ending_at", iso_z(day_after(window.end))),
        ("bucket_width", "1d"),
        *(("group_by[]", group) for group in groups),
        ("limit", "31"),  # buckets, not rows
    )


def analytics_requests(
    window: Window,
    report: str = "cost",
    auth: str = "admin_key",
    groups: tuple[str, ...] = ("api_key_id", "model", "service_tier"),
) -> Iterator[Request]:
    """Spans of at most 31 days, none older than 365 days or than the API's first day."""
    start = max(day_start(window.start), day_after(window.now - timedelta(days=365)), ANALYTICS_SINCE)
    while start < window.end:
        end = min(start + timedelta(days=31), day_after(window.end))
        yield read(
            f"organizations/analytics/{report}",
            auth,
            ("starting_at", iso_z(start)),
            ("ending_at", iso_z(end)),
            ("time_bucket_width", "1d"),
            *(("group_by[]", group) for group in groups),
            ("order_by", "time"),
            ("order", "asc"),
            ("limit", "1000"),  # rows, not buckets
            beta=ANALYTICS_BETA,
        )
        start = end


def list_page(document: Any) -> tuple[str, str] | None:
    if not get(document, "has_more", boolean):
        return None
    last = maybe(document, "last_id", text)
    if last is None:
        raise BrokenCursor
    return ("after_id", last)


def money(cents: Decimal, unit: str) -> Decimal:
    """Every amount is in cents; they may carry fractions, which stay."""
    return cents if unit in NO_CENTS else cents.scaleb(-2)


def finality(end: datetime, now: datetime) -> bool | None:
    """Still open, or within the lag: False. No day is ever called closed, so otherwise unknown."""
    return False if end + LAG > now else None


def parse_usage(document: Any, now: datetime) -> Iterator[UsageBucket]:
    """Rows of the token report. The unit is always there, so that a row keeps its key when its cost is told later."""
    for bucket in get(document, "data", rows):
        span = span_of(bucket)
        for row in get(bucket, "results", rows):
            yield usage_bucket(span, row, row, now)


def span_of(row: Row) -> Span:
    return get(row, "starting_at", instant), get(row, "ending_at", instant)


def usage_bucket(span: Span, names: Row, counts: Row, now: datetime) -> UsageBucket:
    start, end = span
    written = get(counts, "cache_creation", mapping)
    tools = maybe(counts, "server_tool_use", mapping)
    searches = {} if tools is None else {"web_search_requests": Decimal(get(tools, "web_search_requests", integer))}
    return UsageBucket(
        start=start,
        end=end,
        model=maybe(names, "model", text),
        provider_key=maybe(names, "api_key_id", text),
        project=maybe(names, "workspace_id", text),
        tier=maybe(names, "service_tier", text),
        input_tokens=get(counts, "uncached_input_tokens", integer),
        cached_input_tokens=get(counts, "cache_read_input_tokens", integer),
        cache_write_tokens=get(written, "ephemeral_5m_input_tokens", integer)
        + get(written, "ephemeral_1h_input_tokens", integer),
        output_tokens=get(counts, "output_tokens", integer),
        quantities=searches,
        unit="USD",
        final=finality(end, now),
    )


def parse_analytics_usage(document: Any, now: datetime) -> Iterator[UsageBucket]:
    """One row per day and group; a day without use has none."""
    for row in get(document, "data", rows):
        counts = get(row, "usage", mapping)
        bucket = usage_bucket(span_of(row), get(row, "group", mapping), counts, now)
        yield replace(bucket, requests=maybe(counts, "requests", integer))


def parse_analytics_cost(document: Any, now: datetime) -> Iterator[CostBucket]:
    """What was charged after discounts, before credits, per day, key, workspace and model."""
    for row in get(document, "data", rows):
        (start, end), group, cost = span_of(row), get(row, "group", mapping), get(row, "cost", mapping)
        unit = get(cost, "currency", currency)
        yield CostBucket(
            start=start,
            end=end,
            amount=money(get(cost, "amount", decimal), unit),
            unit=unit,
            model=maybe(group, "model", text),
            project=maybe(group, "workspace_id", text),
            provider_key=maybe(group, "api_key_id", text),
            final=finality(end, now),
        )


Place = tuple[datetime, str | None, str | None, str | None]
Spent = tuple[Decimal, str, int | None]


def parse_analytics(documents: Iterable[Any]) -> dict[Place, Spent | None]:
    """(amount, unit, requests) per day, key, model and tier; None where the answer contradicts itself."""
    found: dict[Place, Spent | None] = {}
    for document in documents:
        for row in get(document, "data", rows):
            group, cost = get(row, "group", mapping), get(row, "cost", mapping)
            key, model, tier = (maybe(group, name, text) for name in ("api_key_id", "model", "service_tier"))
            place = (get(row, "starting_at", instant), key, model, tier)
            unit = get(cost, "currency", currency)
            spent = (money(get(cost, "amount", decimal), unit), unit, maybe(cost, "requests", integer))
            if found.setdefault(place, spent) != spent:
                found[place] = None
    return found


def with_costs(buckets: list[UsageBucket], costs: dict[Place, Spent | None]) -> Iterator[UsageBucket]:
    """Rows with what the analytics say they cost, where one row and one cost meet. A null key or model stands for
    more in the analytics (other products, code execution) than in the token report: those are not joined."""

    def place(bucket: UsageBucket) -> Place:
        return (bucket.start, bucket.provider_key, bucket.model, bucket.tier)

    rivals = Counter(place(bucket) for bucket in {bucket.key: bucket for bucket in buckets}.values())
    for bucket in buckets:
        spent = costs.get(place(bucket))
        if spent is None or rivals[place(bucket)] > 1 or bucket.provider_key is None or bucket.model is None:
            yield bucket
        else:
            yield replace(bucket, cost=spent[0], unit=spent[1], requests=spent[2])


def parse_cost(documents: Iterable[Any], now: datetime) -> Iterator[CostBucket]:
    """One record per day, line item and workspace. A description may come once per tier, region or context window:
    those are added. The same row twice (a slip of paging) counts once."""
    lines: dict[tuple[Any, ...], dict[tuple[Any, ...], Decimal]] = {}
    for document in documents:
        for bucket in get(document, "data", rows):
            span = span_of(bucket)
            for row in get(bucket, "results", rows):
                names = (maybe(row, name, text) for name in ("model", "description", "workspace_id"))
                line = lines.setdefault((*span, get(row, "currency", currency), *names), {})
                amount = get(row, "amount", decimal)
                dimensions = tuple(sorted((name, str(value)) for name, value in row.items() if name != "amount"))
                if line.setdefault(dimensions, amount) != amount:
                    raise PayloadError("Two cost rows differ in nothing but the amount.")
    for (start, end, unit, model, item, workspace), amounts in lines.items():
        yield CostBucket(
            start=start,
            end=end,
            amount=money(sum(amounts.values(), Decimal(0)), unit),
            unit=unit,
            model=model,
            line_item=item,
            project=workspace,
            final=finality(end, now),
        )


def parse_rate_limits(document: Any, workspace: str | None = None) -> Iterator[Quota]:
    """Configured ceilings, one per (group, limit type): the models of a group share it. Nothing is said of their use.
    What a workspace's answer leaves out is inherited, not unlimited."""
    for entry in get(document, "data", rows):
        group = maybe(entry, "group", mapping) or {}
        kind = maybe(group, "type", text) or get(entry, "group_type", text)
        models = [text(model, "models") for model in maybe(entry, "models", sequence) or ()]
        label = maybe(group, "display_name", text) or (f"{models[0]} group" if models else kind.replace("_", " "))
        for limit in get(entry, "limits", rows):
            name = get(limit, "type", text)
            windows = (period for period in ("second", "minute", "hour", "day") if f"per_{period}" in name)
            yield Quota(
                name=name.replace("_", " ").capitalize(),
                unit=next((unit for word, unit in LIMIT_UNITS if word in name), "units"),
                limit=Decimal(get(limit, "value", integer)),
                window=next(windows, None),
                scope=f"{workspace}: {label}" if workspace else label,
            )


def parse_spend_limits(document: Any, now: datetime) -> Iterator[Quota]:
    for row in get(document, "data", rows):
        amount = maybe(row, "amount", decimal)
        if not get(row, "is_enabled", boolean) or amount is None:
            continue
        scope = get(row, "scope", mapping)
        kind, period, unit = get(scope, "type", text), get(row, "period", text), get(row, "currency", currency)
        yield Quota(
            name=SPEND_SCOPES.get(kind) or f"{kind.replace('_', ' ').capitalize()} spend limit",
            unit=unit,
            limit=money(amount, unit),
            window=PERIODS.get(period, period),
            resets_at=next_month(now) if period == "monthly" else None,
            scope=next((value for name, value in scope.items() if name != "type" and isinstance(value, str)), None),
        )


def parse_member_limits(document: Any) -> Iterator[Quota]:
    """One per member and period. A limit of 0 is a real one: nothing beyond the plan. Spend "0" is also what comes
    while the figure is unavailable, so it is unknown."""
    for row in get(document, "data", rows):
        limit = maybe(row, "amount", decimal)
        used = get(row, "period_to_date_spend", decimal) or None
        period, unit = get(row, "period", text), get(row, "currency", currency)
        member = {**row, **(maybe(row, "actor", mapping) or {})}
        if limit is not None or used is not None:
            yield Quota(
                name="Member spend limit",
                unit=unit,
                used=None if used is None else money(used, unit),
                limit=None if limit is None else money(limit, unit),
                window=PERIODS.get(period, period),
                scope=get(member, "scoped_api_key_id" if "scoped_api_key_id" in member else "user_id", text),
            )


def parse_keys(document: Any) -> Iterator[ProviderKey]:
    for row in get(document, "data", rows):
        place = row if "workspace_id" in row else maybe(row, "scope", mapping) or {}
        yield ProviderKey(
            id=get(row, "id", text),
            name=get(row, "name", text),
            hint=maybe(row, "partial_key_hint", text),
            project=maybe(place, "workspace_id", text),
            state=KEY_STATES.get(get(row, "status", text)),
            created_at=get(row, "created_at", instant),
            expires_at=maybe(row, "expires_at", instant),
        )


def parse_models(document: Any) -> Iterator[Model]:
    for row in get(document, "data", rows):
        if row.get("lifecycle") != "retired":  # listed for the record, no longer callable
            yield Model(
                id=get(row, "id", text),
                name=maybe(row, "display_name", text),
                context=maybe(row, "max_input_tokens", integer),
            )


def optional(request: Request) -> Generator[Request | Partial, Reply, list[Any] | None]:
    """Pages of what not every organization has. None where it is refused with 400, 403 or 404."""
    try:
        return (yield from pages(request, by_marker))
    except ProviderError as error:
        if error.status not in (400, 403, 404):
            raise
        return None


def analytics(window: Window, report: str, groups: tuple[str, ...]) -> Generator[Request | Partial, Reply, list[Any]]:
    """The analytics of an Enterprise organization, which has no other report."""
    documents: list[Any] = []
    for request in analytics_requests(window, report, "enterprise_key", groups):
        documents += yield from pages(request, by_told_marker)
    return documents


def usage(account: Account, window: Window) -> Steps:
    if not account.has("admin_key"):
        documents = yield from analytics(window, "usage", USAGE_GROUPS)
        return [bucket for document in documents for bucket in parse_analytics_usage(document, window.now)]
    request = report_request("organizations/usage_report/messages", window, *USAGE_GROUPS)
    documents = yield from pages(request, by_told_marker)
    buckets = [bucket for document in documents for bucket in parse_usage(document, window.now)]
    told: list[Any] = []
    for request in analytics_requests(window) if buckets else ():
        told += (yield from optional(request)) or ()
    return with_costs(buckets, parse_analytics(told))


def cost(account: Account, window: Window) -> Steps:
    if not account.has("admin_key"):
        documents = yield from analytics(window, "cost", ("api_key_id", "workspace_id", "model"))
        return [bucket for document in documents for bucket in parse_analytics_cost(document, window.now)]
    request = report_request("organizations/cost_report", window, "description", "workspace_id")
    return parse_cost((yield from pages(request, by_told_marker)), window.now)


def quota(account: Account, window: Window) -> Steps:
    found: list[Quota] = []
    missing: NotAvailable | None = None
    if account.has("admin_key"):
        try:
            for document in (yield from pages(RATE_LIMITS, by_marker)):
                found += parse_rate_limits(document)
        except NotAvailable as error:
            missing = error
        for workspace in account.list("workspace_ids"):
            request = read(f"organizations/workspaces/{quote(workspace, safe='')}/rate_limits", "admin_key")
            documents = yield from optional(request)
            if documents is None:
                yield Partial(reason=f"Anthropic tells no limits of the workspace {workspace}. Is its id right?")
            for document in documents or ():
                found += parse_rate_limits(document, workspace)
        for document in (yield from optional(SPEND_LIMITS)) or ():
            found += parse_spend_limits(document, window.now)
    if account.has("enterprise_key"):
        try:
            for document in (yield from pages(MEMBER_LIMITS, by_marker)):
                found += parse_member_limits(document)
        except ProviderError as error:
            if not account.has("admin_key") or error.status not in (400, 403, 404):
                raise
            yield Partial(reason=f"The members' limits were not read. {error.message}")
    if missing and not found:
        raise missing
    return found


def keys(account: Account, window: Window) -> Steps:
    documents = yield from pages(KEYS, list_page)
    return [key for document in documents for key in parse_keys(document)]


def models(account: Account, window: Window) -> Steps:
    documents = yield from pages(MODELS, list_page)
    return [model for document in documents for model in parse_models(document)]


def check(account: Account, window: Window) -> Steps:
    """Only an Admin key tells whose it is."""
    if not account.secrets:
        words = "Enter an Admin key, an inference key or a Claude Enterprise key first."
        raise ActionNeeded(words, code="missing_field", field="admin_key")
    kind = account.first_of("admin_key", "inference_key", "enterprise_key")
    if kind == "admin_key":
        document = (yield ORGANIZATION).json()
        known, name = get(document, "id", text), get(document, "name", text)
        return [Identity(account_id=known, account_name=name, key_kind="admin", warnings=("can_manage_keys",))]
    reply = yield (ONE_MODEL if kind == "inference_key" else ONE_MEMBER)
    get(reply.json(), "data", rows)
    if kind == "inference_key":
        return [Identity(key_kind="inference")]
    return [Identity(key_kind="enterprise", scopes=("read:spend_limits",))]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status, field = reply.status, request.auth or "admin_key"
    if status in (400, 403) and reply.said_text("error", "details", "error_code") == "organization_type_not_supported":
        return NotAvailable("Anthropic does not offer this for this kind of organization.", status=status)
    if field == "enterprise_key" and "/analytics/" in request.url and status in (400, 403, 404):
        words = "Anthropic's analytics are not open to this Enterprise key. That takes the scope read:analytics."
        return NotAvailable(words, status=status)
    if (field, status) in WORDS:
        code, words = WORDS[field, status]
        return ActionNeeded(words, code=code, status=status, field=field, url=PROVIDER.field(field).url)
    if status == 402:
        return ActionNeeded("Anthropic asks for payment first.", code="billing", status=status, url=PROVIDER.topup_url)
    if status == 410:  # a page marker that grew too old: the next reading starts from its first page
        return Retryable("Anthropic let the page marker expire (410).", status=status)
    return None


INFERENCE_WORDS = "This looks like an inference key (sk-ant-api03-...); usage and cost need an Admin key."
ADMIN_WORDS = "This looks like an Admin key (sk-ant-admin01-...); it belongs in the field for Admin keys."
ENTERPRISE_WORDS = "This looks like a Claude Enterprise key (sk-ant-api01-...); it belongs in the field for those."

PROVIDER = Provider(
    slug="anthropic",
    name="Anthropic (Claude API)",
    summary="Usage, cost, limits and keys of a Console organization; members' caps of a Claude Enterprise one.",
    docs_url="https://platform.claude.com/docs/en/manage-claude/admin-api",
    console_url="https://platform.claude.com/settings/admin-keys",
    topup_url="https://platform.claude.com/settings/billing",
    checked=date(2026, 11, 20),
    price_list="anthropic",
    wire_protocol="DirectAnthropic",
    base_urls=(BaseUrl(url=API, use="both"),),
    fields=(
        Field(
            name="admin_key",
            label="Admin key",
            help="Reads usage, cost, limits and the list of keys. Only an organization admin can make one, and it has "
            "no scopes to choose from. Individual accounts have no Admin keys.",
            secret=True,
            url="https://platform.claude.com/settings/admin-keys",
            starts_with=("sk-ant-",),
            wrong_starts={"sk-ant-api03-": INFERENCE_WORDS, "sk-ant-api01-": ENTERPRISE_WORDS},
            header="x-api-key",
            prefix="",
            environment="ANTHROPIC_ADMIN_KEY",
        ),
        Field(
            name="inference_key",
            label="Inference key",
            help="An ordinary API key of one workspace. Reads the model list, and serves calls when one fails over.",
            secret=True,
            url="https://platform.claude.com/settings/keys",
            starts_with=("sk-ant-",),
            wrong_starts={"sk-ant-admin": ADMIN_WORDS, "sk-ant-api01-": ENTERPRISE_WORDS},
            header="x-api-key",
            prefix="",
            environment="ANTHROPIC_API_KEY",
            can_spend=True,
        ),
        Field(
            name="workspace_ids",
            label="Workspaces",
            help="Ids (wrkspc_...) of workspaces whose own rate limits are read too. Usage and cost always cover the "
            "whole organization.",
            kind="list",
        ),
        Field(
            name="enterprise_key",
            label="Claude Enterprise key",
            help="Only for Claude Enterprise: reads each member's spend limit (scope read:spend_limits), and usage and "
            "cost (scope read:analytics) where there is no Admin key.",
            scopes=("read:spend_limits", "read:analytics"),
            secret=True,
            url="https://platform.claude.com/docs/en/manage-claude/analytics-api",
            starts_with=("sk-ant-",),
            wrong_starts={"sk-ant-admin": ADMIN_WORDS, "sk-ant-api03-": "This looks like an inference key."},
            header="x-api-key",
            prefix="",
        ),
    ),
    key_warning="An Admin key is not read-only: it can disable keys, remove members and archive workspaces. Keep it "
    "like a root password; Purser only reads with it.",
    check=Check(steps=check, source="https://platform.claude.com/docs/en/api/admin/organizations/me"),
    explain=explain,
    capabilities={
        "balance": NotOffered(
            reason="Anthropic shows prepaid credit only in its Console, through no API.",
            fallback="Look there for it; the spend limits and the cost of the month are shown here.",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("admin_key|enterprise_key",),
            source=f"{DOCS}/rate-limits-api",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=15),
            needs=("admin_key|enterprise_key",),
            source=f"{DOCS}/usage-cost-api",
            history=timedelta(days=90),
            chunk=timedelta(days=30),
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(minutes=15),
            needs=("admin_key|enterprise_key",),
            source=f"{DOCS}/usage-cost-api",
            history=timedelta(days=90),
            chunk=timedelta(days=30),
        ),
        "keys": Endpoint(steps=keys, interval=timedelta(hours=6), needs=("admin_key",), source=f"{DOCS}/admin-api"),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("inference_key",),
            source="https://platform.claude.com/docs/en/api/models/list",
        ),
    },
)
