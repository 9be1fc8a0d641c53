"""Claude subscription: what a Claude Enterprise organization uses, pays and allows its members; Claude Code by day.

Docs: https://platform.claude.com/docs/en/manage-claude/{analytics-api,spend-limits-api,claude-code-analytics-api} and
https://code.claude.com/docs/en/legal-and-compliance, checked 2026-11-20.
Key: in mode "enterprise" an Enterprise key (sk-ant-api01-...) of the primary owner, scopes read:analytics and
read:spend_limits; in mode "console_claude_code" a Console Admin key (sk-ant-admin01-...). Neither opens the other API.
Quirks: reports are in cents as decimal strings, spend limits in minor units of the organization's own currency, the
Claude Code report in cents as numbers. Reports lag by 4 to 24 hours and are revised for 30 days; days after
`data_refreshed_at` are incomplete. Their ending_at is left out when the span reaches today: its default ends it now.
Left out on purpose: sign-in tokens of Pro, Max, Team and Enterprise plans (Anthropic's terms forbid third parties to
collect, store or pass them on) and the claude.ai cookie; the per-user reports, the same spend a second time in as many
rows as members and days; their successor in beta, which the key of the metered API's adapter reads too.
"""

import json
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.paging import by_marker, by_told_marker, pages
from providers.parse import (
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
    text,
)
from providers.records import CostBucket, Identity, Quota, UsageBucket
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
ENTERPRISE_URL = "https://claude.ai/admin-settings/api-access"
ADMIN_URL = "https://platform.claude.com/settings/admin-keys"
CONSOLE = "console_claude_code"
DAY = timedelta(days=1)
SINCE = datetime(2026, 1, 1, tzinfo=UTC)  # the analytics know nothing older
REVISED = timedelta(days=30)
CLAUDE_CODE_LAG = timedelta(hours=1)
CLAUDE_CODE_HISTORY = timedelta(days=90)  # one call per day
MOST_GROUPS = 100
PERIODS = {"daily": "day", "weekly": "week", "monthly": "month"}
# Digits of the minor unit by ISO 4217, where they are not two.
MINOR_DIGITS = {"CLP": 0, "ISK": 0, "JPY": 0, "KRW": 0, "PYG": 0, "UGX": 0, "VND": 0, "XAF": 0, "XOF": 0, "XPF": 0}
MINOR_DIGITS |= {"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3}
Row = Mapping[str, Any]


def read(path: str, *params: tuple[str, str]) -> Request:
    headers = (("anthropic-version", "2023-06-01"),)
    return Request(url=f"{API}/v1/organizations/{path}", auth="api_key", params=params, headers=headers)


ORGANIZATION = read("me")
MEMBER_LIMITS = read("spend_limits/effective", ("limit", "1000"))  # members, who may have several rows
ONE_MEMBER = MEMBER_LIMITS.with_params(("limit", "1"))


def report_requests(report: str, window: Window) -> Iterator[Request]:
    """Whole days in spans of at most 31, none older than 365 days or than the analytics."""
    start = max(day_start(window.start), day_after(window.now - timedelta(days=365)), SINCE)
    while start < window.end:
        end = min(start + 31 * DAY, day_after(window.end))
        yield read(
            f"analytics/{report}",
            ("starting_at", iso_z(start)),
            *((("ending_at", iso_z(end)),) if end <= window.now else ()),
            ("bucket_width", "1d"),
            ("group_by[]", "product"),
            ("group_by[]", "model"),
            ("limit", "31"),  # buckets, not rows
        )
        start = end


def seats_request(now: datetime) -> Request:
    """The two latest days that are surely there: a day is ready after 10:00 UTC of the next, a later one gives 400."""
    today = day_start(now)
    return read(
        "analytics/summaries",
        ("starting_date", f"{today - 3 * DAY:%Y-%m-%d}"),
        ("ending_date", f"{today - DAY:%Y-%m-%d}"),
    )


def claude_code_requests(window: Window) -> Iterator[Request]:
    """Exactly one UTC day per call."""
    day = day_start(max(window.start, window.now - CLAUDE_CODE_HISTORY))
    while day < min(window.end, window.now):
        yield read("usage_report/claude_code", ("starting_at", f"{day:%Y-%m-%d}"), ("limit", "1000"))
        day += DAY


def past(row: Row, name: str, now: datetime) -> datetime:
    """A time of a report. One far ahead is an error: nothing was used then."""
    moment = get(row, name, instant)
    if moment > now + 2 * DAY:
        raise PayloadError(f"{name} lies in the future.")
    return moment


def results(documents: Iterable[Any], now: datetime) -> Iterator[tuple[datetime, datetime, bool | None, Row]]:
    """(start, end, final, row) of every row. The bucket of today may be told to end now; it is the whole day's."""
    for document in documents:
        refreshed = maybe(document, "data_refreshed_at", instant)
        for bucket in get(document, "data", rows):
            start, end = past(bucket, "starting_at", now), day_after(past(bucket, "ending_at", now))
            final = None if end + REVISED > now else True
            if refreshed is None or end > min(now, refreshed):
                final = False
            for row in get(bucket, "results", rows):
                yield start, end, final, row


def parse_usage(documents: Iterable[Any], now: datetime) -> Iterator[UsageBucket]:
    for start, end, final, row in results(documents, now):
        written = get(row, "cache_creation", mapping)
        tools = maybe(row, "server_tool_use", mapping) or {}
        searches = maybe(tools, "web_search_requests", integer)
        yield UsageBucket(
            start=start,
            end=end,
            model=maybe(row, "model", text),
            endpoint=maybe(row, "product", text),
            input_tokens=get(row, "uncached_input_tokens", integer),
            cached_input_tokens=get(row, "cache_read_input_tokens", integer),
            cache_write_tokens=get(written, "ephemeral_5m_input_tokens", integer)
            + get(written, "ephemeral_1h_input_tokens", integer),
            output_tokens=get(row, "output_tokens", integer),
            requests=maybe(row, "requests", integer),
            quantities={} if searches is None else {"web_search_requests": Decimal(searches)},
            final=final,
        )


def parse_cost(documents: Iterable[Any], now: datetime) -> Iterator[CostBucket]:
    """After discounts, before credits. `amount` is in cents, as a decimal string."""
    for start, end, final, row in results(documents, now):
        yield CostBucket(
            start=start,
            end=end,
            amount=get(row, "amount", decimal).scaleb(-2),
            unit=get(row, "currency", currency),
            model=maybe(row, "model", text),
            line_item=maybe(row, "product", text),
            final=final,
        )


def parse_member_limits(document: Any, now: datetime) -> Iterator[Quota]:
    """One per member and period. A limit of 0 is a real one: nothing beyond the plan. Spend "0" is also what comes
    while the figure is unavailable, so it is unknown."""
    for row in get(document, "data", rows):
        period, unit = get(row, "period", text), get(row, "currency", currency)
        digits = MINOR_DIGITS.get(unit, 2)
        limit = maybe(row, "amount", decimal)
        used = get(row, "period_to_date_spend", decimal) or None
        actor = get(row, "actor", mapping)
        if limit is not None or used is not None:
            yield Quota(
                name="Member spend limit",
                unit=unit,
                used=None if used is None else used.scaleb(-digits),
                limit=None if limit is None else limit.scaleb(-digits),
                window=PERIODS.get(period, period),
                resets_at=next_month(now) if period == "monthly" else None,
                scope=get(actor, "scoped_api_key_id" if "scoped_api_key_id" in actor else "user_id", text),
            )


def parse_seats(document: Any) -> Iterator[Quota]:
    """The latest day of the list, whose name differs between the docs and the SDK. No total of seats is told."""
    days = get(document, "summaries" if "summaries" in document else "data", rows)
    latest = max(days, key=lambda row: get(row, "starting_at", instant), default=None)
    if latest is not None:
        yield Quota(name="Assigned seats", unit="seats", used=Decimal(get(latest, "assigned_seat_count", integer)))


def parse_claude_code(documents: Iterable[Any], now: datetime) -> Iterator[UsageBucket]:
    """One record per day, actor, kind of customer and model: rows of several terminals, local and remote, are added;
    the same row twice (a slip of paging) counts once. The cost is an estimate, in cents; a plan covers that of
    `customer_type` "subscription", which is kept apart as a notional figure."""
    sums: dict[tuple[Any, ...], list[Decimal]] = {}
    seen = set[str]()
    for row in (row for document in documents for row in get(document, "data", rows)):
        whole = json.dumps(row, sort_keys=True, default=str)
        if whole in seen:
            continue
        seen.add(whole)
        actor, day = get(row, "actor", mapping), past(row, "date", now)
        user, key = maybe(actor, "email_address", text), maybe(actor, "api_key_name", text)
        for part in get(row, "model_breakdown", rows):
            tokens, estimate = get(part, "tokens", mapping), get(part, "estimated_cost", mapping)
            place = (get(part, "model", text), user, key, get(row, "customer_type", text))
            figures = [get(tokens, name, integer) for name in ("input", "cache_read", "cache_creation", "output")]
            told = [*map(Decimal, figures), get(estimate, "amount", decimal).scaleb(-2)]
            known = sums.setdefault((day, *place, get(estimate, "currency", currency)), [Decimal(0)] * len(told))
            known[:] = (before + more for before, more in zip(known, told, strict=True))
    for (day, model, user, key, customer, unit), (fresh, cached, written, output, cost) in sums.items():
        paid = customer == "api"
        yield UsageBucket(
            start=day,
            end=day + DAY,
            model=model,
            provider_key=key,
            user=user,
            tier=customer,
            endpoint="claude_code",
            input_tokens=int(fresh),
            cached_input_tokens=int(cached),
            cache_write_tokens=int(written),
            output_tokens=int(output),
            quantities={} if paid else {f"notional_cost_{unit.lower()}": cost},
            cost=cost if paid else None,
            unit=unit,
            final=False if day + DAY + CLAUDE_CODE_LAG > now else None,
        )


def report(name: str, window: Window) -> Generator[Request | Partial, Reply, list[Any]]:
    documents: list[Any] = []
    for request in report_requests(name, window):
        documents += yield from pages(request, by_told_marker)
    buckets = (bucket for document in documents for bucket in get(document, "data", rows))
    if any(len(get(bucket, "results", rows)) >= MOST_GROUPS for bucket in buckets):
        words = f"A day has {MOST_GROUPS} products and models or more; Anthropic leaves out those beyond."
        yield Partial(reason=words)
    return documents


def usage(account: Account, window: Window) -> Steps:
    if account.get("mode") != CONSOLE:
        return parse_usage((yield from report("usage_report", window)), window.now)
    documents: list[Any] = []
    for request in claude_code_requests(window):
        documents += yield from pages(request, by_told_marker)
    return parse_claude_code(documents, window.now)


def cost(account: Account, window: Window) -> Steps:
    enterprise_only(account, "The Claude Code report has estimates only; they are shown with the usage.")
    return parse_cost((yield from report("cost_report", window)), window.now)


def quota(account: Account, window: Window) -> Steps:
    """Either scope is enough for something: what the other would show is named as missing."""
    enterprise_only(account, "A Console Admin key reads no limits of a subscription; that takes an Enterprise key.")
    found: list[Quota] = []
    refused: ProviderError | None = None
    try:
        for document in (yield from pages(MEMBER_LIMITS, by_marker)):
            found += parse_member_limits(document, window.now)
    except ProviderError as error:
        refused = tolerated(error)
    try:
        reply = yield seats_request(window.now)
        found += parse_seats(reply.json())
    except ProviderError as error:
        lacking = tolerated(error)
        if refused:
            raise refused from None
        yield Partial(reason=f"The seats were not read. {lacking.message}")
    if refused:
        yield Partial(reason=f"The members' spend limits were not read. {refused.message}")
    return found


def check(account: Account, window: Window) -> Steps:
    """An Enterprise key is tried for both scopes: it cannot be asked which it has."""
    if account.get("mode") == CONSOLE:
        document = (yield ORGANIZATION).json()
        known, name = get(document, "id", text), get(document, "name", text)
        return [Identity(account_id=known, account_name=name, key_kind="admin", warnings=("can_manage_keys",))]
    scopes: list[str] = []
    organization: str | None = None
    refused: ProviderError | None = None
    start = day_start(window.now) - 2 * DAY
    span = (("starting_at", iso_z(start)), ("ending_at", iso_z(start + DAY)))
    try:
        reply = yield read("analytics/cost_report", *span, ("bucket_width", "1d"), ("limit", "1"))
        organization = get(reply.json(), "organization_id", text)
        scopes.append("read:analytics")
    except ProviderError as error:
        refused = tolerated(error)
    try:
        reply = yield ONE_MEMBER
        get(reply.json(), "data", rows)
        scopes.append("read:spend_limits")
    except ProviderError as error:
        tolerated(error)
        if refused:
            raise refused from None
    return [Identity(account_id=organization, key_kind="enterprise", scopes=tuple(scopes))]


def enterprise_only(account: Account, words: str) -> None:
    if account.get("mode") == CONSOLE:
        raise NotAvailable(words)


def tolerated(error: ProviderError) -> ProviderError:
    """The error itself when it says "not with this key or plan"; any other goes on its way."""
    if error.status in (400, 403, 404):
        return error
    raise error


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status = reply.status
    console = request.url.endswith(("/usage_report/claude_code", "/organizations/me"))
    if status in (401, 403) and console:
        words = (
            "Anthropic refused this key. Claude Code analytics take an Admin key of the Console (sk-ant-admin01-...); "
            "an Enterprise key belongs to the other mode."
        )
        code: Any = "refused" if status == 401 else "wrong_kind"
        return ActionNeeded(words, code=code, status=status, field="api_key", url=ADMIN_URL)
    if status == 401:
        words = (
            "Anthropic refused this key: it is revoked or mistyped, or of another kind. This needs an Enterprise key "
            "(sk-ant-api01-...); an Admin key of the Console belongs to the other mode."
        )
        return ActionNeeded(words, status=status, field="api_key", url=ENTERPRISE_URL)
    if status in (400, 403) and reply.said_text("error", "details", "error_code") == "organization_type_not_supported":
        return NotAvailable("Anthropic offers this to Claude Enterprise organizations only.", status=status)
    if status == 400 and request.url.endswith("/analytics/summaries"):
        return NotAvailable("Anthropic has no figures of seats for these days yet.", status=status)
    if status == 403:
        scope = "read:spend_limits" if "/spend_limits/" in request.url else "read:analytics"
        words = f"This needs an Enterprise key with the scope {scope}. Scopes cannot be added later: make a new key."
        return ActionNeeded(words, code="missing_scope", status=status, field="api_key", url=ENTERPRISE_URL)
    if status == 410:  # a page marker that grew too old: the next reading starts from its first page
        return Retryable("Anthropic let the page marker expire (410).", status=status)
    return None


SIGN_IN_WORDS = (
    "This is the sign-in token of a person. Anthropic's terms forbid other products to collect or store it: delete it "
    "here, and use an Enterprise key or a Console Admin key."
)

PROVIDER = Provider(
    slug="claude-subscription",
    icon="claude",
    name="Claude subscription",
    summary="Usage, cost, members' spend limits and seats of Claude Enterprise; or Claude Code use of a Console.",
    docs_url=f"{DOCS}/analytics-api",
    console_url=ENTERPRISE_URL,
    topup_url="https://claude.ai/settings/usage",
    checked=date(2026, 11, 20),
    wire_protocol="DirectAnthropic",
    subscription=True,
    base_urls=(BaseUrl(url=API, use="account"),),
    fields=(
        Field(
            name="mode",
            label="What the key opens",
            help="Pro, Max and Team plans have no account API, and Anthropic's terms forbid reading them with a "
            "person's sign-in token. A Team plan's Claude Code use shows only where a Console organization reports it.",
            required=True,
            kind="choice",
            choices=(("enterprise", "Claude Enterprise organization"), (CONSOLE, "Claude Code use, Console Admin key")),
            default="enterprise",
        ),
        Field(
            name="api_key",
            label="Enterprise key or Console Admin key",
            help="For Claude Enterprise the primary owner turns on public API access and makes a key with the scopes "
            "read:analytics (usage, cost, seats) and read:spend_limits (limit of each member), and no others: "
            "they cannot be changed later. For Claude Code use: an Admin key of the Console, which has no scopes.",
            secret=True,
            required=True,
            url=ENTERPRISE_URL,
            starts_with=("sk-ant-api01-", "sk-ant-admin01-"),
            wrong_starts={
                "sk-ant-oat": SIGN_IN_WORDS,
                "sk-ant-ort": SIGN_IN_WORDS,
                "sk-ant-sid": SIGN_IN_WORDS,
                "{": SIGN_IN_WORDS,  # the credentials file of Claude Code
                "sk-ant-api03-": "This looks like an inference key of the metered API; it opens no account data.",
            },
            header="x-api-key",
            prefix="",
            scopes=("read:analytics", "read:spend_limits"),
        ),
        Field(
            name="organization_label",
            label="Organization",
            help="A name to show here. Which organization is read follows from the key alone.",
        ),
    ),
    key_warning="An Enterprise key with the two read scopes cannot change anything. A Console Admin key can: it "
    "disables keys and removes members. Keep it like a root password; Purser only reads with it.",
    check=Check(steps=check, source=f"{DOCS}/analytics-api"),
    explain=explain,
    capabilities={
        "balance": NotOffered(
            reason="Anthropic shows prepaid usage credits of a plan only on claude.ai, through no API.",
            fallback="Look there for them; cost and the members' spend limits are shown here.",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("api_key",),
            source=f"{DOCS}/spend-limits-api",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(hours=1),
            needs=("api_key",),
            source=f"{DOCS}/analytics-api",
            history=timedelta(days=364),
            chunk=timedelta(days=30),
            lookback=REVISED,
            estimated="Amounts of the Claude Code report are Anthropic's estimates; a plan covers its members' part.",
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(hours=1),
            needs=("api_key",),
            source=f"{DOCS}/analytics-api",
            history=timedelta(days=364),
            chunk=timedelta(days=30),
            lookback=REVISED,
        ),
        "keys": NotOffered(
            reason="No API lists the keys of a Claude plan.",
            fallback="The primary owner sees Enterprise keys on claude.ai.",
        ),
        "models": NotOffered(
            reason="A Claude plan has no model list for other products, and its use outside Anthropic's own "
            "apps is forbidden.",
            fallback="Connect the metered Claude API, which lists models.",
        ),
    },
)
