"""Zhipu GLM / Z.ai: quota windows and token history of the Coding Plan, and the pay-as-you-go wallet of the same key
(USD at z.ai, CNY at bigmodel.cn).

Docs: https://docs.z.ai/devpack/extension/usage-query-plugin names the monitor paths; the rest is known from the source
of https://github.com/zai-org/zai-coding-plugins and from tools that read it (CodexBar, openusage). There is no
reference of the account endpoints. Checked 2026-11-20.
Key: an ordinary key `<id>.<secret>`, sent raw, without "Bearer"; no read-only kind and no scope. Each region has its
own host and refuses the keys of the other, so no key is tried elsewhere.
Quirks: failures come with HTTP 200 and a `code` inside, so that is read first. In a quota row `usage` is the ALLOWANCE
and `currentValue` what is used; unit 6 is one week whatever `number` says. History times are Asia/Shanghai without an
offset: one calendar day there (from 16:00 UTC) is asked for at a time, which gives hours. It tells tokens per model
undivided, and calls for the account only. Credits are units of the plan, not money; the credit history also lists
breakdown rows that would double every total. `giveAmount` and `totalSpendAmount` of the wallet are lifetime sums.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable, error_for_status
from providers.paging import BrokenCursor, pages
from providers.parse import Reader, boolean, decimal, get, integer, mapping, maybe, rows, sequence, text, unix_millis
from providers.records import Balance, Identity, Model, Quota, UsageBucket
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
    host_of,
)

K = TypeVar("K")
T = TypeVar("T")
Row = Mapping[str, Any]
Span = tuple[datetime, datetime]

HOSTS = {"global": "https://api.z.ai", "cn": "https://open.bigmodel.cn"}
CURRENCIES = {"global": "USD", "cn": "CNY"}
QUOTA = "/api/monitor/usage/quota/limit"
WALLET = "/api/biz/account/query-customer-account-report"
CHINA_WALLET = f"https://www.bigmodel.cn{WALLET}"
TOKEN_PACKS = "https://bigmodel.cn/api/biz/tokenAccounts/list/my"
PACKS_PER_PAGE = 50
KEYS_PAGES = {
    "api.z.ai": "https://z.ai/manage-apikey/apikey-list",
    "bigmodel.cn": "https://bigmodel.cn/usercenter/proj-mgmt/apikeys",
}
HEADERS = (("Accept-Language", "en-US,en"), ("Content-Type", "application/json"))

REFUSED = (401, 1000, 1001, 1002, 1003, 1004)  # the body's `code`: the key is missing, unknown, expired or wrong
SHANGHAI = timezone(timedelta(hours=8))  # no daylight saving since 1991
STEPS = {
    "hourly": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "daily": timedelta(days=1),
    "day": timedelta(days=1),
}
UNITS = {"TOKENS_LIMIT": "tokens", "CREDIT_LIMIT": "credits", "TIME_LIMIT": "requests"}
TOOLS = {
    "totalNetworkSearchCount": "web_search_requests",
    "totalWebReadMcpCount": "web_reader_requests",
    "totalZreadMcpCount": "zread_requests",
}
SPLIT = ("uncachedInputTokensUsage", "cachedInputTokensUsage", "outputTokensUsage")
# Rows of the credit history that are a second split of the models' own, by code or by (Chinese) name.
BREAKDOWN = frozenset(
    {"cachedinput", "cacheinput", "uncachedinput", "output", "outputtokens"}
    | {"缓存", "缓存输入", "缓存命中", "未缓存", "未缓存输入", "非缓存", "非缓存输入", "缓存未命中", "输出"}
)


def opened(reply: Reply, request: Request) -> Row:
    return succeeded(reply.json(), host_of(request.url))


def succeeded(answer: Any, host: str) -> Row:
    """The envelope of a success. Raises what a failure inside an HTTP 200 means."""
    document = mapping(answer, "the answer")
    code = get(document, "code", integer)
    if code == 200 and maybe(document, "success", boolean) is not False:
        return document
    if code in REFUSED:
        raise refused(host, 401)
    message = document.get("msg")
    if code == 500 and isinstance(message, str) and "coding plan" in message.lower():
        raise NotAvailable("This account has no Coding Plan, so there is nothing of one to read.")
    if 400 <= code < 600:
        raise error_for_status(code, {}, host=host)
    raise PayloadError(f"{host} answered 200 but reports a failure inside.", status=200)


def refused(host: str, status: int) -> ActionNeeded:
    return ActionNeeded(
        f"{host} does not accept this key. It is wrong or expired, or of the other region: keys of Z.ai (global) and "
        "BigModel (China) are not interchangeable.",
        status=status,
        field="api_key",
        url=next((url for name, url in KEYS_PAGES.items() if host.endswith(name)), None),
    )


def plan_data(document: Row) -> Row:
    """`data` of a monitor endpoint. Empty means that the headers of a team are missing or name another team."""
    data = get(document, "data", mapping)
    if not data:
        raise ActionNeeded(
            "The answer is empty, as for a team plan without its ids: choose the team plan and fill in its "
            "organization and project.",
            code="wrong_organization",
            field="plan_kind",
        )
    return data


def parse_quota(document: Row) -> Iterator[Quota]:
    """One row per window. Windows that nothing tells apart are numbered; the same row twice is one."""
    found: dict[str, Quota] = {}
    for row in get(plan_data(document), "limits", rows):
        quota = parse_limit(row)
        name, number = quota.name, 1
        while found.setdefault(str(quota.key), quota) != quota:
            number += 1
            quota = msgspec.structs.replace(quota, name=f"{name} {number}")
    return iter(found.values())


def parse_limit(row: Row) -> Quota:
    """The percent is computed where counts are told, because `percentage` is rounded."""
    kind = get(row, "type", text).upper()
    name, window = window_of(kind, maybe(row, "unit", integer), maybe(row, "number", integer))
    limit, used, remaining = (maybe(row, field, decimal) for field in ("usage", "currentValue", "remaining"))
    if used is None and limit is not None and remaining is not None:
        used = limit - remaining
    if used is not None and limit is not None and limit > 0:
        percent = used * 100 / limit
    else:
        percent = get(row, "percentage", decimal)
    return Quota(
        name=name,
        unit=UNITS.get(kind, "units"),
        used=used,
        limit=limit,
        remaining=remaining,
        percent_used=min(max(percent, Decimal(0)), Decimal(100)).quantize(Decimal("0.0001")),
        window=window,
        resets_at=maybe(row, "nextResetTime", reset_time),
    )


def window_of(kind: str, unit: int | None, number: int | None) -> tuple[str, str | None]:
    """(name, window) of a limit. A unit that is missing or not known for sure gives no window."""
    tools = kind == "TIME_LIMIT"
    if unit == 5 and tools:
        return "Tool calls", "month"
    if unit == 6:
        return ("Weekly tool calls" if tools else "Weekly limit"), "7d"
    if unit == 3 and number is not None and number > 0:
        return f"{number}-hour {'tool calls' if tools else 'limit'}", f"{number}h"
    return ("Tool calls" if tools else "Coding Plan limit") + unsure(unit, number), None


def unsure(unit: int | None, number: int | None) -> str:
    """Keeps two windows apart whose length we do not know."""
    return "" if unit is None else f" ({unit}/{'?' if number is None else number})"


def reset_time(value: Any, where: str) -> datetime | None:
    """Milliseconds, as number or digits. A text with a date was seen too; its zone is not known, so it is left."""
    return None if isinstance(value, str) and not value.strip().isdigit() else unix_millis(value, where)


def local_time(value: Any, where: str) -> datetime:
    """A day or time of Asia/Shanghai, without offset, in UTC."""
    try:
        moment = datetime.fromisoformat(text(value, where).strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(UTC)
    except (ValueError, OverflowError):  # its words quote the value
        raise PayloadError(f"{where} is not a time.") from None


def spans(labels: Iterable[Any], granularity: str, where: str) -> list[Span]:
    step = STEPS.get(granularity.lower())
    if step is None:
        raise PayloadError("The history has buckets of an unknown length.")
    starts = [local_time(label, where) for label in labels]
    if len(set(starts)) != len(starts):
        raise PayloadError(f"{where} names one bucket twice.")
    return [(start, start + step) for start in starts]


def series(row: Row, name: str, reader: Reader[T], buckets: Sequence[Span]) -> dict[Span, T]:
    """A list beside the buckets; null is no data."""
    values = get(row, name, sequence)
    if len(values) != len(buckets):
        raise PayloadError(f"{name} does not fit the list of buckets.")
    return {span: reader(value, name) for span, value in zip(buckets, values, strict=True) if value is not None}


def by_model(listed: Sequence[Row], skip: Callable[[Row], bool] = lambda row: False) -> dict[str, Row]:
    """Rows by `modelName`. One that is sent twice counts once; two that differ would lose tokens."""
    found: dict[str, Row] = {}
    for row in listed:
        if not skip(row) and found.setdefault(get(row, "modelName", text), row) != row:
            raise PayloadError("Two different rows of the history share one model.")
    return found


class History:
    """Tokens, calls and credits by bucket, from both histories; each bucket and model becomes one record."""

    def __init__(self) -> None:
        self.calls: dict[Span, int] = {}
        self.totals: dict[Span, int] = {}
        self.tokens: dict[tuple[Span, str], int] = {}
        self.credits: dict[tuple[Span, str], Decimal] = {}
        self.splits: dict[tuple[Span, str], tuple[int, int, int]] = {}

    def add_tokens(self, document: Row) -> None:
        """/usage/model-usage. `modelSummaryList` is left out: it was seen to ignore the asked span."""
        data = plan_data(document)
        buckets = spans(get(data, "x_time", sequence), get(data, "granularity", text), "x_time")
        keep(self.calls, series(data, "modelCallCount", integer, buckets))
        keep(self.totals, series(data, "tokensUsage", integer, buckets))
        for model, row in by_model(maybe(data, "modelDataList", rows) or ()).items():
            counts = series(row, "tokensUsage", integer, buckets)
            keep(self.tokens, {(span, model): count for span, count in counts.items()})

    def add_credits(self, document: Row) -> None:
        """/credit-usage/usage-detail: credits per model, and the tokens of a model by class where it tells them."""
        data = get(document, "data", mapping)
        if maybe(data, "timezone", text) not in (None, "Asia/Shanghai"):
            raise PayloadError("The credit history is in a time zone that was not asked for.")
        usage = get(data, "modelUsage", mapping)
        buckets = spans(get(usage, "xTime", sequence), get(data, "granularity", text), "xTime")
        for model, row in by_model(get(usage, "modelDataList", rows), is_breakdown).items():
            spent = series(row, "totalCreditsUsage", decimal, buckets)
            keep(self.credits, {(span, model): amount for span, amount in spent.items()})
            if all(name in row for name in SPLIT):
                fresh, cached, output = (series(row, name, integer, buckets) for name in SPLIT)
                shared = fresh.keys() & cached.keys() & output.keys()
                keep(self.splits, {(span, model): (fresh[span], cached[span], output[span]) for span in shared})

    def records(self, now: datetime) -> Iterator[UsageBucket]:
        """Per model; and one without model for the calls, and for tokens that no model accounts for."""
        known: dict[Span, int] = {}
        for (span, _), count in self.tokens.items():
            known[span] = known.get(span, 0) + count
        for span in sorted({*self.calls, *self.totals}):
            rest = self.totals.get(span, 0) - known.get(span, 0)
            if span in self.calls or rest > 0:
                tokens = {"tokens": Decimal(rest)} if rest > 0 else {}
                yield bucket(span, now, requests=self.calls.get(span), quantities=tokens)
        for span, model in sorted({*self.tokens, *self.credits}):
            place = (span, model)
            # A split of tokens that the token history does not have under this name would count them twice.
            split = self.splits.get(place) if place in self.tokens else None
            fresh, cached, output = split or (None, None, None)
            quantities = {"credits": self.credits[place]} if place in self.credits else {}
            if split is None and place in self.tokens:
                quantities["tokens"] = Decimal(self.tokens[place])
            yield bucket(
                span,
                now,
                model=model,
                input_tokens=fresh,
                cached_input_tokens=cached,
                output_tokens=output,
                quantities=quantities,
            )


def bucket(span: Span, now: datetime, **fields: Any) -> UsageBucket:
    """How late the figures are is not documented, so only an open bucket is known not to be final."""
    return UsageBucket(start=span[0], end=span[1], final=False if span[1] > now else None, **fields)


def keep(known: dict[K, T], more: Mapping[K, T]) -> None:
    """Add figures. The same place told twice must agree, or one of the two would be lost."""
    for place, value in more.items():
        if known.setdefault(place, value) != value:
            raise PayloadError("The history tells two figures for one bucket.")


def is_breakdown(row: Row) -> bool:
    name = maybe(row, "modelCode", text) or maybe(row, "modelName", text) or ""
    return name.lower().replace("_", "").replace(" ", "") in BREAKDOWN


def parse_tools(document: Row, span: Span, now: datetime) -> UsageBucket | None:
    """Calls of the tools of a plan in one day. They are told as a sum only."""
    total = get(get(document, "data", mapping), "totalUsage", mapping)
    counts = {ours: maybe(total, theirs, decimal) for theirs, ours in TOOLS.items()}
    quantities = {name: count for name, count in counts.items() if count is not None}
    return bucket(span, now, endpoint="tools", quantities=quantities) if quantities else None


def spendable(data: Row) -> Decimal | None:
    available = maybe(data, "availableBalance", decimal)
    return maybe(data, "balance", decimal) if available is None else available


def parse_packs(listed: Sequence[Row]) -> Iterator[Balance]:
    """Prepaid packs that count, in tokens (`tokensMagnitude` is a label, no factor). Equal packs are one row."""
    found: dict[tuple[str, str], tuple[Decimal, datetime | None]] = {}
    for row in listed:
        if get(row, "status", text) != "EFFECTIVE":
            continue
        end = maybe(row, "expirationTime", text) or maybe(row, "packageExpirationTime", text)
        model, kind = maybe(row, "suitableModel", text), maybe(row, "consumeType", text) or "TOKENS"
        name = get(row, "resourcePackageName", text) + (f", {model}" if model else "")
        place = (f"{name}, until {end[:10]}" if end else name, kind.lower())
        known, first = found.get(place, (Decimal(0), None))
        expires_at = local_time(end, "expirationTime") if end else None
        ends = [moment for moment in (first, expires_at) if moment is not None]
        found[place] = (known + get(row, "tokenBalance", decimal), min(ends, default=None))
    for (name, unit), (amount, expires_at) in found.items():
        yield Balance(name=name, kind="prepaid", amount=amount, unit=unit, expires_at=expires_at)


def ask(account: Account, path: str, *params: tuple[str, str], team: str = "") -> Request:
    """A call to the region's host. `team` is the value of `type` that a team plan wants there, beside its headers."""
    base = HOSTS.get(account.get("region"))
    if base is None:
        raise ActionNeeded("Choose the region that this key was made in.", code="missing_field", field="region")
    headers: tuple[tuple[str, str], ...] = HEADERS
    if team and account.get("plan_kind") == "team":
        for name in ("organization_id", "project_id"):
            if not account.has(name):
                words = f"A team plan needs the field “{account.labels.get(name, name)}”."
                raise ActionNeeded(words, code="missing_field", field=name)
        headers += (
            ("Bigmodel-Organization", account.get("organization_id")),
            ("Bigmodel-Project", account.get("project_id")),
        )
        params = (("type", team), *params)
    return Request(url=base + path, auth="api_key", params=params, headers=headers)


def day_params(day: datetime) -> tuple[tuple[str, str], ...]:
    return (("startTime", f"{day:%Y-%m-%d} 00:00:00"), ("endTime", f"{day:%Y-%m-%d} 23:59:59"))


def read(request: Request) -> Generator[Request | Partial, Reply, Row]:
    reply = yield request
    return opened(reply, request)


def read_wallet(account: Account) -> Generator[Request | Partial, Reply, Row]:
    """In China the report was seen on two hosts of the account."""
    request = ask(account, WALLET)
    if account.get("region") == "cn":
        try:
            document = yield from read(replace(request, url=CHINA_WALLET))
        except NotAvailable:
            document = yield from read(request)
    else:
        document = yield from read(request)
    return get(document, "data", mapping)


def read_packs() -> Generator[Request | Partial, Reply, list[Balance]]:
    first = Request(
        url=TOKEN_PACKS,
        auth="api_key",
        params=(("pageSize", str(PACKS_PER_PAGE)), ("filterEnabled", "false"), ("pageNum", "1")),
        headers=HEADERS,
    )
    collected: list[Row] = []
    number = 1

    def next_page(document: Any) -> tuple[str, str] | None:
        nonlocal number
        page = succeeded(document, host_of(TOKEN_PACKS))
        found, total = get(page, "rows", rows), get(page, "total", integer)
        collected.extend(found[: max(total - len(collected), 0)])
        if len(collected) >= total:
            return None
        if not found:
            raise BrokenCursor
        number += 1
        return ("pageNum", str(number))

    yield from pages(first, next_page)
    return list(parse_packs(collected))


def optional(
    steps: Generator[Request | Partial, Reply, T], words: str
) -> Generator[Request | Partial, Reply, T | None]:
    """Something beside the main answer that may be refused without a known form. Too many calls and a host that does
    not answer still end the reading."""
    try:
        return (yield from steps)
    except ProviderError as error:
        if isinstance(error, Retryable) and (error.rests_credential or error.unreachable):
            raise
    yield Partial(reason=words)
    return None


def balance(account: Account, window: Window) -> Steps:
    data = yield from read_wallet(account)
    amount = spendable(data)
    found: list[Balance] = []
    if amount is None:
        yield Partial(reason="The provider did not say what is left in the wallet.")
    else:
        found.append(Balance(name="Wallet", kind="prepaid", amount=amount, unit=CURRENCIES[account.get("region")]))
    if account.get("region") == "cn":
        packs = yield from optional(read_packs(), "Prepaid token packs were not told to this key.")
        found += packs or ()
    return found


def quota(account: Account, window: Window) -> Steps:
    document = yield from read(ask(account, QUOTA, team="2"))
    return parse_quota(document)


def has_credits(account: Account) -> Generator[Request | Partial, Reply, bool]:
    """Whether the plan counts in credits: only then is there a credit history."""
    try:
        document = yield from read(ask(account, QUOTA, team="2"))
    except NotAvailable:
        return False
    limits = maybe(get(document, "data", mapping), "limits", rows) or ()
    return any(get(row, "type", text).upper() == "CREDIT_LIMIT" for row in limits)


def usage(account: Account, window: Window) -> Steps:
    """Day by day as Shanghai counts them. Tool calls and credits are asked for until they are refused once."""
    with_credits = yield from has_credits(account)
    with_tools = True
    history, tools = History(), list[UsageBucket]()
    day = window.start.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)
    while day < min(window.end, window.now):
        document = yield from read(ask(account, "/api/monitor/usage/model-usage", *day_params(day), team="3"))
        history.add_tokens(document)
        if with_tools:
            try:
                document = yield from read(ask(account, "/api/monitor/usage/tool-usage", *day_params(day), team="3"))
            except NotAvailable:
                with_tools = False
                yield Partial(reason="The calls of the plan's tools were not told.")
            else:
                span = (day.astimezone(UTC), day.astimezone(UTC) + timedelta(days=1))
                tools += filter(None, [parse_tools(document, span, window.now)])
        if with_credits:
            words = "The credit history was not told or not understood; tokens are not divided."
            with_credits = bool((yield from optional(read_credits(account, day, history), words)))
        day += timedelta(days=1)
    return [*history.records(window.now), *tools]


def read_credits(account: Account, day: datetime, history: History) -> Generator[Request | Partial, Reply, bool]:
    personal = () if account.get("plan_kind") == "team" else (("type", "1"),)
    params = (*personal, ("usageType", "MODEL"), *day_params(day))
    request = ask(account, "/api/monitor/credit-usage/usage-detail", *params, team="3")
    history.add_credits((yield from read(request)))
    return True


def models(account: Account, window: Window) -> Steps:
    """The OpenAI list shape, without an envelope unless it reports a failure."""
    request = ask(account, "/api/paas/v4/models")
    reply = yield request
    document = mapping(reply.json(), "the answer")
    if "code" in document:
        succeeded(document, host_of(request.url))
    return [Model(id=get(row, "id", text)) for row in get(document, "data", rows)]


def check(account: Account, window: Window) -> Steps:
    """The quota call proves the key; without a Coding Plan the wallet does. No account id is told."""
    try:
        yield from read(ask(account, QUOTA, team="2"))
    except NotAvailable:
        amount = spendable((yield from read_wallet(account)))
        empty = ("empty_wallet",) if amount is not None and amount <= 0 else ()
        return [Identity(key_kind="api_key", warnings=("no_coding_plan", *empty))]
    return [Identity(key_kind="api_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    """Seldom: the usual refusal is an HTTP 200 with the code inside."""
    return refused(host_of(request.url), reply.status) if reply.status in (401, 403) else None


PLUGIN = "https://github.com/zai-org/zai-coding-plugins"
NEEDS = ("region", "api_key")

PROVIDER = Provider(
    slug="zhipu-glm",
    icon="zhipu",
    name="Zhipu GLM / Z.ai",
    summary="Quota windows and token history of the Coding Plan; the pay-as-you-go wallet.",
    docs_url="https://docs.z.ai/devpack/extension/usage-query-plugin",
    console_url=KEYS_PAGES["api.z.ai"],
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    base_urls=(
        BaseUrl(url="https://api.z.ai", use="account", label="Global (Z.ai)"),
        BaseUrl(url="https://open.bigmodel.cn", use="account", label="China (BigModel)"),
        BaseUrl(url="https://api.z.ai/api/paas/v4", use="inference", label="Global, pay as you go"),
        BaseUrl(url="https://api.z.ai/api/coding/paas/v4", use="inference", label="Global, Coding Plan"),
        BaseUrl(url="https://api.z.ai/api/anthropic", use="inference", label="Global, Anthropic form"),
        BaseUrl(url="https://open.bigmodel.cn/api/paas/v4", use="inference", label="China, pay as you go"),
        BaseUrl(url="https://open.bigmodel.cn/api/coding/paas/v4", use="inference", label="China, Coding Plan"),
        BaseUrl(url="https://open.bigmodel.cn/api/anthropic", use="inference", label="China, Anthropic form"),
    ),
    extra_hosts=("www.bigmodel.cn", "bigmodel.cn"),
    fields=(
        Field(
            name="region",
            label="Region",
            help="Where the key was made. Keys of one region are not valid in the other; money is USD or CNY by it.",
            kind="choice",
            choices=(("global", "Global (z.ai)"), ("cn", "China (bigmodel.cn)")),
            required=True,
        ),
        Field(
            name="api_key",
            label="API key",
            help="An ordinary API key, two parts joined by one dot. There is no read-only kind and no scope, so make "
            "one for Purser alone. For China it is made at bigmodel.cn/usercenter/proj-mgmt/apikeys.",
            secret=True,
            required=True,
            url=KEYS_PAGES["api.z.ai"],
            prefix="",
            wrong_starts={
                "sk-": "Keys of Zhipu and Z.ai have no sk- in front: this one is of another provider.",
                "Bearer ": "Paste the key alone, without “Bearer”.",
            },
            environment="ZAI_API_KEY",
            can_spend=True,
        ),
        Field(
            name="plan_kind",
            label="Kind of Coding Plan",
            help="Team plans are known in China only and need the two ids below.",
            kind="choice",
            choices=(("personal", "Personal, or none"), ("team", "Team")),
            default="personal",
        ),
        Field(
            name="organization_id",
            label="Organization id",
            help="Only for a team plan: the organization as the console names it.",
        ),
        Field(
            name="project_id",
            label="Project id",
            help="Only for a team plan: the project as the console names it.",
        ),
    ),
    key_warning="Every key can spend. Use one made for Purser, so that it can be revoked alone. The terms of the "
    "Coding Plan allow listed coding tools only: for a gateway or a failover take a pay-as-you-go key.",
    check=Check(steps=check, source=PLUGIN),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=NEEDS,
            confidence="observed",
            source="Seen in tools (CodexBar): GET /api/biz/account/query-customer-account-report; not documented",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=10),
            needs=NEEDS,
            source=f"{PLUGIN} (GET /api/monitor/usage/quota/limit)",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=60),
            needs=NEEDS,
            confidence="observed",
            source=f"{PLUGIN} (GET /api/monitor/usage/model-usage; the form of the answer as tools read it)",
            history=timedelta(days=90),
            chunk=timedelta(days=7),
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=NEEDS,
            confidence="unverified",
            source="GET /api/paas/v4/models, the OpenAI list shape; not documented",
        ),
        "cost": NotOffered(
            reason="Zhipu and Z.ai tell no cost history to an API key, only the wallet's balance.",
            fallback="The balance history shows how fast the money goes; credits of a plan are no money.",
        ),
        "keys": NotOffered(
            reason="Zhipu and Z.ai list API keys only in their consoles.",
            fallback="Look there for them.",
        ),
    },
)
