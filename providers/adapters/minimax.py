"""MiniMax: two products behind one API. Pay-as-you-go is a prepaid wallet; the Token Plan (once "Coding Plan") is a
flat subscription with quota windows.

Docs: https://platform.minimax.io/docs/token-plan/faq, /docs/api-reference/errorcode.md and
/docs/api-reference/models/openai/list-models; the wallet by the source of MiniMax's own client,
https://github.com/MiniMax-AI/cli, checked 2026-11-20.
Key: an ordinary key of either product (sk-api-..., sk-cp-..., older ones eyJ...); no read-only kind and no scopes, so
every key can spend. A key works for its own product and region only, and no key is tried at the other region's host.
Quirks: failures come as HTTP 200 with `base_resp.status_code` other than 0; a refusal does not tell a bad key from one
of the other product, so the other product's read decides. The wallet's currency is never named. In the quota,
`..._usage_count` is what is LEFT, a total of 0 means "not counted", and status 3 is a window without a limit.
"""

from collections.abc import Generator, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.parse import decimal, get, integer, mapping, maybe, rows, text, unix_millis, window_name
from providers.records import Balance, Identity, Model, Quota
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

BASES = {"global": "https://api.minimax.io", "cn": "https://api.minimaxi.com"}
CURRENCIES = {"global": "USD", "cn": "CNY"}
CONSOLE = "https://platform.minimax.io"
KEYS_PATH = "/user-center/basic-information/interface-key"
KEYS_PAGES = {"api.minimax.io": CONSOLE + KEYS_PATH, "api.minimaxi.com": f"https://platform.minimaxi.com{KEYS_PATH}"}
WALLET, PLAN, MODELS = "/account/query_balance", "/v1/token_plan/remains", "/v1/models"

BAD_KEY, NO_PLAN, NO_MONEY, TOO_MANY, TROUBLE = (1004, 2049), 2062, 1008, 1002, (1000, 1001)
NORMAL, EXHAUSTED, UNLIMITED = 1, 2, 3
# A pool's usual window. The last one of a week can be cut shorter, and is still the same limit.
POOL_WINDOWS = {"general": timedelta(hours=5), "video": timedelta(days=1)}
NAMES = {"5h": "5-hour limit", "day": "Daily limit"}


def document_of(reply: Reply, host: str) -> Mapping[str, Any]:
    """The answer without its failures, which come under HTTP 200. The model list has no `base_resp`."""
    if is_page(reply):
        raise blocked(reply, host)
    document = mapping(reply.json(), "the answer")
    outcome = maybe(document, "base_resp", mapping)
    code = 0 if outcome is None else get(outcome, "status_code", integer)
    if code != 0:
        raise failure(code, reply.status, host)
    return document


def parse_balance(document: Mapping[str, Any], unit: str) -> Iterator[Balance]:
    """What can be spent (vouchers included), and beside it what is owed. The sign of `owed_amount` is not documented:
    positive is taken for debt, and so is negative, because the field has no other meaning."""
    get(document, "base_resp", mapping)
    yield Balance(
        name="Wallet",
        kind="prepaid",
        amount=get(document, "available_amount", decimal),
        unit=unit,
        granted=get(document, "voucher_balance", decimal),
    )
    owed = get(document, "owed_amount", decimal)
    if owed != 0:
        yield Balance(name="Wallet", kind="owed", amount=abs(owed), unit=unit)


def parse_quota(document: Mapping[str, Any]) -> Iterator[Quota]:
    """A short and a weekly window per pool. A pool that is not in the plan is told as two windows of status 3."""
    get(document, "base_resp", mapping)
    inner = document if "model_remains" in document else maybe(document, "data", mapping) or document
    for pool in get(inner, "model_remains", rows):
        window = window_label(pool)
        if maybe(pool, "current_interval_status", integer) != UNLIMITED:
            yield from parse_window(pool, "current_interval", NAMES.get(window or "", "Current limit"), window)
        if maybe(pool, "current_weekly_status", integer) in (NORMAL, EXHAUSTED):
            yield from parse_window(pool, "current_weekly", "Weekly limit", "7d")


def parse_window(pool: Mapping[str, Any], prefix: str, name: str, window: str | None) -> Iterator[Quota]:
    """In percent on plans that count nothing (total 0), else in counts. None at all where neither is told."""
    model = get(pool, "model_name", text)
    total, left = (maybe(pool, f"{prefix}_{part}", decimal) for part in ("total_count", "remaining_percent"))
    counted = total is not None and total > 0
    percent = None if left is None else min(max(100 - left, Decimal(0)), Decimal(100))
    if percent is None and not counted:
        if maybe(pool, f"{prefix}_status", integer) != EXHAUSTED:
            return
        percent = Decimal(100)
    used = used_count(total, maybe(pool, f"{prefix}_usage_count", decimal), left) if counted and total else None
    yield Quota(
        name=name,
        scope=model,
        unit=("prompts" if model.startswith("MiniMax-M") else "units") if counted else "percent",
        used=used,
        limit=total if counted else None,
        remaining=None if used is None or total is None else total - used,
        percent_used=percent,
        window=window,
        resets_at=moment(pool, "weekly_end_time" if prefix == "current_weekly" else "end_time"),
    )


def used_count(total: Decimal, count: Decimal | None, left: Decimal | None) -> Decimal | None:
    """`..._usage_count` is what is left, in spite of its name. Beside a percentage it is what agrees with that within
    one point, left or used, else unknown: so reads MiniMax's own client."""
    if count is None or not 0 <= count <= total:
        return None
    if left is None:
        return total - count
    return next((used for used in (total - count, count) if abs(100 - used * 100 / total - left) <= 1), None)


def window_label(pool: Mapping[str, Any]) -> str | None:
    """The length of the short window: "5h", "day" ... None where the two times tell none."""
    start, end = moment(pool, "start_time"), moment(pool, "end_time")
    if start is None or end is None or end <= start:
        return None
    length = max(end - start, POOL_WINDOWS.get(get(pool, "model_name", text), timedelta(0)))
    minutes, rest = divmod(length, timedelta(minutes=1))
    return None if rest else window_name(minutes)


def moment(pool: Mapping[str, Any], name: str) -> datetime | None:
    """A time in milliseconds; 0 is no time."""
    return maybe(pool, name, unix_millis) if maybe(pool, name, decimal) else None


def parse_models(document: Mapping[str, Any]) -> Iterator[Model]:
    """Ids only: no context size, no prices."""
    for row in get(document, "data", rows):
        yield Model(id=get(row, "id", text))


def read(account: Account, path: str) -> Generator[Request | Partial, Reply, Mapping[str, Any]]:
    base = BASES.get(account.get("region"))
    if base is None:
        raise ActionNeeded("Choose the region of this key.", code="missing_field", field="region")
    reply = yield Request(url=base + path, auth="api_key")
    return document_of(reply, host_of(base))


def read_own(
    account: Account, path: str, other: str, absent: str
) -> Generator[Request | Partial, Reply, Mapping[str, Any]]:
    """The answer of one product. A refused key that the other product takes is a good one without this capability."""
    try:
        return (yield from read(account, path))
    except ActionNeeded as error:
        if error.code != "refused":
            raise
        refused = error
    try:
        yield from read(account, other)
    except (ActionNeeded, NotAvailable):
        raise refused from None
    raise NotAvailable(absent)


def balance(account: Account, window: Window) -> Steps:
    absent = "This is a key of the Token Plan, which has no wallet. The balance needs a pay-as-you-go key (sk-api-...)."
    document = yield from read_own(account, WALLET, PLAN, absent)
    return parse_balance(document, CURRENCIES[account.get("region")])


def quota(account: Account, window: Window) -> Steps:
    document = yield from read_own(account, PLAN, WALLET, NOT_A_PLAN_KEY)
    return parse_quota(document)


def models(account: Account, window: Window) -> Steps:
    document = yield from read(account, MODELS)
    return parse_models(document)


def check(account: Account, window: Window) -> Steps:
    """Which product takes the key tells its kind. MiniMax tells no account."""
    try:
        list(parse_quota((yield from read(account, PLAN))))
    except (ActionNeeded, NotAvailable):
        found = next(parse_balance((yield from read(account, WALLET)), CURRENCIES[account.get("region")]))
        warnings = ("empty_wallet",) if found.amount <= 0 else ()
        return [Identity(key_kind="pay_as_you_go_key", warnings=warnings)]
    return [Identity(key_kind="token_plan_key")]


def failure(code: int, status: int, host: str) -> ProviderError:
    """The exception for a `base_resp.status_code` other than 0."""
    page = KEYS_PAGES.get(host)
    if code in BAD_KEY:
        return refused_key(status, host)
    if code == NO_PLAN:
        return NotAvailable(NOT_A_PLAN_KEY, status=status)
    if code == NO_MONEY:
        return ActionNeeded("MiniMax says that the balance is used up.", code="billing", status=status, url=page)
    if code == TOO_MANY:  # the 429 of an API that answers 200: the whole credential has to rest
        return Retryable(f"{host} reports too many calls (its code {code}).", status=429)
    if code in TROUBLE:
        return Retryable(f"{host} reports trouble of its own (its code {code}).", status=status)
    return PayloadError(f"{host} reports a failure that its documentation does not lead us to expect.", status=status)


def refused_key(status: int, host: str) -> ActionNeeded:
    return ActionNeeded(
        f"MiniMax does not know this key at {host}. A key works only in the region that it was made for: check the "
        "region first, then the key.",
        status=status,
        field="api_key",
        url=KEYS_PAGES.get(host),
    )


def is_page(reply: Reply) -> bool:
    return reply.body.lstrip()[:1] == b"<"


def blocked(reply: Reply, host: str) -> Retryable:
    return Retryable(f"A gateway before {host} answered with a web page.", status=reply.status, unreachable=True)


def explain(reply: Reply, request: Request) -> ProviderError | None:
    """401 and 403 come from the gateway, with a body that is not documented: a code of the API in it counts first."""
    if reply.status not in (401, 403):
        return None
    host = host_of(request.url)
    if is_page(reply):
        return blocked(reply, host)
    try:
        document_of(reply, host)
    except (PayloadError, Retryable):  # nothing readable in it
        return refused_key(reply.status, host)
    except ProviderError as error:
        return error
    return refused_key(reply.status, host)


NOT_A_PLAN_KEY = (
    "There is no Token Plan behind this key: a pay-as-you-go key has no quota, its balance is read instead. The quota "
    "needs the plan's own key (sk-cp-...)."
)
NEEDS = ("region", "api_key")
CLIENT = "https://github.com/MiniMax-AI/cli (client source, src/client/endpoints.ts)"
PLAN_DOCS = "https://platform.minimax.io/docs/token-plan/faq"

PROVIDER = Provider(
    slug="minimax",
    name="MiniMax",
    summary="Balance of a pay-as-you-go wallet, or quota windows of the Token Plan.",
    docs_url="https://platform.minimax.io/docs/",
    console_url=CONSOLE + KEYS_PATH,
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    base_urls=(
        BaseUrl(url=f"{BASES['global']}/v1", label="Global"),
        BaseUrl(url=f"{BASES['cn']}/v1", label="China"),
        BaseUrl(url=f"{BASES['global']}/anthropic", use="inference", label="Global, Anthropic form"),
        BaseUrl(url=f"{BASES['cn']}/anthropic", use="inference", label="China, Anthropic form"),
    ),
    fields=(
        Field(
            name="region",
            label="Region",
            help="Where the account was made: platform.minimax.io or platform.minimaxi.com. It decides the host, and "
            "the currency, which MiniMax does not name: USD or CNY.",
            required=True,
            kind="choice",
            choices=(("global", "Global (minimax.io)"), ("cn", "China (minimaxi.com)")),
        ),
        Field(
            name="api_key",
            label="API key",
            help=(
                "A pay-as-you-go key (sk-api-...) reads the balance, a Token Plan key (sk-cp-..., on the plan's page) "
                "reads the quota. No read-only kind exists, so make one for Purser alone."
            ),
            secret=True,
            required=True,
            url=CONSOLE + KEYS_PATH,
            starts_with=("sk-api-", "sk-cp-", "eyJ"),
            environment="MINIMAX_API_KEY",
            can_spend=True,
        ),
    ),
    key_warning="Every MiniMax key can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source=f"{PLAN_DOCS}; {CLIENT}"),
    explain=explain,
    capabilities={
        "balance": Endpoint(steps=balance, interval=timedelta(minutes=5), needs=NEEDS, source=CLIENT),
        "quota": Endpoint(steps=quota, interval=timedelta(minutes=10), needs=NEEDS, source=PLAN_DOCS),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=NEEDS,
            source="https://platform.minimax.io/docs/api-reference/models/openai/list-models",
        ),
        "usage": NotOffered(
            reason="MiniMax has no usage history for an API key; its console shows one.",
            fallback="A console export can be imported, and the quota's readings are kept over time.",
        ),
        "cost": NotOffered(
            reason="MiniMax shows its bill only in its console, behind a sign-in.",
            fallback="The balance history shows how fast the money goes, and a console export can be imported.",
        ),
        "keys": NotOffered(
            reason="MiniMax lists API keys only in its console.",
            fallback="Look there for them.",
        ),
    },
)
