"""Moonshot / Kimi: two products behind one name. The Open Platform is prepaid money (USD on .ai, CNY on .cn); Kimi Code
is a flat subscription with quota windows and an optional wallet for extra usage.

Docs: https://platform.kimi.ai/docs/api/balance and its OpenAPI; Kimi Code by the source of its own client,
https://github.com/MoonshotAI/kimi-code, checked 2026-11-20.
Key: an ordinary key; there is no read-only kind and no scope. Every product and region has its own host and refuses the
keys of the others, so the admin chooses both and no key is tried elsewhere. Kimi Code can also sign in by OAuth with a
refresh token; that is left out, because it would borrow the client id of another program: the `sk-kimi-` key reads all.
Quirks: the Open Platform never names its currency, the host does; owed money shows as negative `cash_balance` only.
Kimi Code's /usages holds up to three generations of data side by side and every part may be missing; `used_ratio` is
known to say 0 while the older part says used up, so the worse of two counts. Its numbers are strings; the wallet is in
1e-8 of the currency, its monthly cap in cents. 404 there means that the key is of the other product.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.credential_files import Pasted, document_of, is_file, token_in
from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError
from providers.parse import (
    boolean,
    currency,
    decimal,
    get,
    instant,
    integer,
    mapping,
    maybe,
    rows,
    text,
    unix_seconds,
    window_name,
)
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

BASES = {
    ("open_platform", "intl"): "https://api.moonshot.ai/v1",
    ("open_platform", "cn"): "https://api.moonshot.cn/v1",
    ("kimi_code", "intl"): "https://api.kimi.ai/coding/v1",
    ("kimi_code", "cn"): "https://api.kimi.com/coding/v1",
}
CURRENCIES = {"intl": "USD", "cn": "CNY"}
KEYS_PAGE = "https://platform.kimi.ai/console/api-keys"
KIMI_CODE_PAGE = "https://www.kimi.com/code/console"
KIMI_CODE_HOSTS = frozenset(host_of(url) for (product, _), url in BASES.items() if product == "kimi_code")

NAMES = {"5h": "5-hour limit", "7d": "Weekly limit", "month": "Monthly limit"}
RATIOS = {
    "limit_5h": (NAMES["5h"], "5h"),
    "limit_7d": (NAMES["7d"], "7d"),
    "limit_month_total": (NAMES["month"], "month"),
    "limit_month_code": ("Monthly limit for coding", "month"),
}
MINUTES = {"TIME_UNIT_MINUTE": 1, "TIME_UNIT_HOUR": 60, "TIME_UNIT_DAY": 1440, "TIME_UNIT_WEEK": 10080}
WALLETS = ("BOOSTER", "BALANCE_BOOSTER")
QUOTA_PARTS = ("usage", "limits", "usages", "boosterWallet", "booster_wallet")

Place = tuple[str, str | None]
Use = tuple[Decimal, datetime | None]


def key_or_file(pasted: str) -> Pasted:
    """A key, or the kimi-code.json of Kimi Code's own client, whose token ends after minutes. Its end is in seconds."""
    if not is_file(pasted):
        return Pasted(token=pasted)
    what = "the kimi-code.json of Kimi Code"
    document = document_of(pasted, what)
    token = token_in(document, "access_token", what)
    told = document.get("expires_at")
    moment = unix_seconds(str(told), "expires_at") if isinstance(told, int | float) else None
    return Pasted(token=token, ends_at=moment)


def parse_balance(reply: Reply, unit: str) -> Iterator[Balance]:
    """What can be spent (cash and vouchers), and beside it what is owed. At or under 0 calls are refused."""
    document = reply.json()
    if get(document, "code", integer) != 0 or not get(document, "status", boolean):
        raise PayloadError("Moonshot answered 200 but reports a failure inside.", status=reply.status)
    data = get(document, "data", mapping)
    available, cash = get(data, "available_balance", decimal), get(data, "cash_balance", decimal)
    yield Balance(
        name="Account balance",
        kind="prepaid",
        amount=available,
        unit=unit,
        granted=get(data, "voucher_balance", decimal),
        usable=available > 0,
    )
    if cash < 0:
        yield Balance(name="Account balance", kind="owed", amount=-cash, unit=unit)


def parse_usages(reply: Reply) -> Mapping[str, Any]:
    """Kimi Code's answer, of which any part may be missing, but not every one."""
    document = mapping(reply.json(), "the answer")
    if not any(name in document for name in QUOTA_PARTS):
        raise PayloadError("The answer holds none of the documented quota parts.")
    return document


def parse_windows(document: Mapping[str, Any]) -> Iterator[Quota]:
    """One Quota per window, in percent: the worse one where two generations describe the same window."""
    found: dict[Place, Use] = {}
    for place, use in (*ratios(document), *counts(document)):
        known = found.get(place)
        if known is None:
            found[place] = use
        else:
            worse, other = (use, known) if use[0] > known[0] else (known, use)
            found[place] = (worse[0], worse[1] or other[1])
    for (name, window), (percent, resets_at) in found.items():
        yield Quota(name=name, unit="percent", percent_used=percent, window=window, resets_at=resets_at)


def ratios(document: Mapping[str, Any]) -> Iterator[tuple[Place, Use]]:
    """`usages`: ratios 0..1. An entry without `used_ratio` is not reported."""
    usages = maybe(document, "usages", mapping) or {}
    for field, place in RATIOS.items():
        entry = maybe(usages, field, mapping) or {}
        ratio = maybe(entry, "used_ratio", decimal)
        if ratio is not None:
            yield place, (percentage(ratio * 100), reset_time(entry))


def counts(document: Mapping[str, Any]) -> Iterator[tuple[Place, Use]]:
    """The older `usage` (the week) and `limits` (a window each), in units of the plan."""
    week = maybe(document, "usage", mapping)
    if week is not None:
        yield from counted(week, (NAMES["7d"], "7d"))
    for row in maybe(document, "limits", rows) or ():
        detail = maybe(row, "detail", mapping) or {}
        window = window_label(maybe(row, "window", mapping) or {})
        told = maybe(row, "name", text) or maybe(detail, "name", text)
        name = NAMES.get(window or "") or told or f"Limit per {window or 'window'}"
        yield from counted(detail, (name, window))


def counted(row: Mapping[str, Any], place: Place) -> Iterator[tuple[Place, Use]]:
    """`used`, else limit - remaining, else 0: the client takes a missing number for the default of its protocol."""
    limit, used, remaining = (maybe(row, name, decimal) for name in ("limit", "used", "remaining"))
    if limit is not None and limit > 0:
        if used is None:
            used = Decimal(0) if remaining is None else limit - remaining
        yield place, (percentage(used * 100 / limit).quantize(Decimal("0.0001")), reset_time(row))


def percentage(value: Decimal) -> Decimal:
    return min(max(value, Decimal(0)), Decimal(100))


def window_label(window: Mapping[str, Any]) -> str | None:
    """300 minutes are "5h", 1 week "7d"; None for a unit that we do not know."""
    duration, unit = maybe(window, "duration", integer), maybe(window, "timeUnit", text)
    return window_name((duration or 0) * MINUTES.get(unit or "", 0))


def reset_time(row: Mapping[str, Any]) -> datetime | None:
    for name in ("reset_time", "resetTime", "resetAt", "reset_at"):
        moment = maybe(row, name, instant)
        if moment is not None:
            return moment.replace(microsecond=0)
    return None


def booster_wallet(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The wallet for extra usage; None when there is none: no amount, another type, or switched off (then its
    `amountLeft` was seen to be an estimate)."""
    wallet = maybe(document, "boosterWallet", mapping) or maybe(document, "booster_wallet", mapping) or {}
    balance = maybe(wallet, "balance", mapping) or {}
    ours = maybe(balance, "type", text) in WALLETS and maybe(balance, "unit", text) in (None, "UNIT_CURRENCY")
    if not ours or not maybe(balance, "amount", decimal) or maybe(wallet, "isEnabled", boolean) is False:
        return None
    return wallet


def wallet_currency(wallet: Mapping[str, Any]) -> str | None:
    amounts = (maybe(wallet, name, mapping) or {} for name in ("monthlyChargeLimit", "monthlyUsed"))
    return next(filter(None, (maybe(amount, "currency", currency) for amount in amounts)), None)


def cents(wallet: Mapping[str, Any], name: str) -> Decimal | None:
    """Major units. A missing number inside a given amount is 0, as everywhere in this protocol."""
    amount = maybe(wallet, name, mapping)
    return None if amount is None else (maybe(amount, "priceInCents", decimal) or Decimal(0)).scaleb(-2)


def parse_wallet(wallet: Mapping[str, Any], unit: str) -> Balance:
    left = maybe(get(wallet, "balance", mapping), "amountLeft", decimal) or Decimal(0)
    return Balance(name="Extra usage wallet", kind="prepaid", amount=left.scaleb(-8), unit=unit)


def parse_wallet_limit(wallet: Mapping[str, Any], unit: str) -> Iterator[Quota]:
    """Money charged to the wallet this month. A cap of 0, or one that is not enabled, is no cap."""
    enabled = maybe(wallet, "monthlyChargeLimitEnabled", boolean) is True
    limit = (cents(wallet, "monthlyChargeLimit") or None) if enabled else None
    used = cents(wallet, "monthlyUsed")
    if limit is not None or used is not None:
        yield Quota(name="Extra usage this month", unit=unit, used=used, limit=limit, window="month")


def parse_models(reply: Reply) -> Iterator[Model]:
    """Ids and context sizes; no prices."""
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text), context=maybe(row, "context_length", integer))


def ask(account: Account, path: str) -> Request:
    base = BASES.get((account.get("product"), account.get("region")))
    if base is None:
        raise ActionNeeded("Choose the product and the region of this key.", code="missing_field", field="product")
    return Request(url=base + path, auth="api_key")


def is_kimi_code(account: Account) -> bool:
    return account.get("product") == "kimi_code"


ASSUMED = Partial(reason="Kimi Code did not name the wallet's currency; USD is assumed.")


def balance(account: Account, window: Window) -> Steps:
    if not is_kimi_code(account):
        reply = yield ask(account, "/users/me/balance")
        return parse_balance(reply, CURRENCIES[account.get("region")])
    reply = yield ask(account, "/usages")
    wallet = booster_wallet(parse_usages(reply))
    if wallet is None:
        return []
    unit = wallet_currency(wallet)
    if unit is None:
        yield ASSUMED
    return [parse_wallet(wallet, unit or "USD")]


def quota(account: Account, window: Window) -> Steps:
    if not is_kimi_code(account):
        raise NotAvailable(
            "The Open Platform has no quota endpoint: its rate limits follow the sum of all top-ups and stand in its "
            "console."
        )
    reply = yield ask(account, "/usages")
    document = parse_usages(reply)
    quotas: Iterable[Quota] = list(parse_windows(document))
    wallet = booster_wallet(document)
    if wallet is None:
        return quotas
    unit = wallet_currency(wallet)
    if unit is None:
        yield ASSUMED
    return [*quotas, *parse_wallet_limit(wallet, unit or "USD")]


def models(account: Account, window: Window) -> Steps:
    reply = yield ask(account, "/models")
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """Kimi Code tells who the key belongs to; the Open Platform tells no account, its balance proves the key."""
    if is_kimi_code(account):
        document = (yield ask(account, "/me")).json()
        name = maybe(document, "nickname", text)
        return [Identity(account_id=get(document, "user_id", text), account_name=name, key_kind="kimi_code_key")]
    reply = yield ask(account, "/users/me/balance")
    found = list(parse_balance(reply, CURRENCIES[account.get("region")]))
    warnings = ("empty_wallet",) if any(row.usable is False for row in found) else ()
    return [Identity(key_kind="api_key", warnings=warnings)]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    kimi_code = host_of(request.url) in KIMI_CODE_HOSTS
    name, page = ("Kimi Code", KIMI_CODE_PAGE) if kimi_code else ("Moonshot's Open Platform", KEYS_PAGE)
    if reply.status == 401:
        return ActionNeeded(
            f"{name} does not know this key at {host_of(request.url)}. A key works only with the product and the "
            "region that it was made for.",
            status=401,
            field="api_key",
            url=page,
        )
    if kimi_code and reply.status == 404 and not request.url.endswith("/models"):
        return ActionNeeded(
            "This is not a Kimi Code key (404). A key of the Open Platform belongs to the product “Open Platform”.",
            code="wrong_kind",
            status=404,
            field="api_key",
            url=page,
        )
    if kimi_code and reply.status == 403:
        if reply.said_text("error", "type") == "access_terminated_error":
            return NotAvailable(
                "Kimi Code does not serve this key now (403): its quota is used up, or only coding agents are served.",
                status=403,
            )
        return ActionNeeded(
            "Kimi Code refused (403): there may be no plan behind this key, or it may not read this.",
            code="billing",
            status=403,
            field="api_key",
            url=page,
        )
    return None


NEEDS = ("product", "region", "api_key")
KIMI_CODE_SOURCE = "https://github.com/MoonshotAI/kimi-code (client source, GET /usages)"


def price_list(account: Account) -> str:
    """The list has the prices in USD; Kimi Code is paid by the month, not by the token."""
    sold_by_token = account.get("product") == "open_platform" and account.get("region") == "intl"
    return "moonshotai" if sold_by_token else ""


PROVIDER = Provider(
    slug="moonshot",
    name="Moonshot / Kimi",
    summary="Prepaid balance of the Open Platform, or quota windows of Kimi Code.",
    docs_url="https://platform.kimi.ai/docs/",
    console_url=KEYS_PAGE,
    checked=date(2026, 11, 20),
    price_list=price_list,
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    base_urls=(
        BaseUrl(url="https://api.moonshot.ai/v1", label="Open Platform, international"),
        BaseUrl(url="https://api.moonshot.cn/v1", label="Open Platform, China"),
        BaseUrl(url="https://api.kimi.ai/coding/v1", label="Kimi Code, global accounts"),
        BaseUrl(url="https://api.kimi.com/coding/v1", label="Kimi Code, mainland China accounts"),
        BaseUrl(url="https://api.moonshot.ai/anthropic", use="inference", label="Open Platform, Anthropic form"),
    ),
    fields=(
        Field(
            name="product",
            label="Product",
            help="Open Platform: prepaid money. Kimi Code: the subscription for coding agents (keys sk-kimi-...).",
            required=True,
            kind="choice",
            choices=(("open_platform", "Open Platform"), ("kimi_code", "Kimi Code")),
        ),
        Field(
            name="region",
            label="Region",
            help="Where the account was made. It decides the host, and for the Open Platform the currency: USD or CNY.",
            required=True,
            kind="choice",
            choices=(("intl", "International"), ("cn", "China")),
        ),
        Field(
            name="api_key",
            label="API key",
            help="An ordinary key of that product. No read-only kind exists, so make one for Purser alone. For Kimi "
            "Code the whole of ~/.kimi/credentials/kimi-code.json is read too, for a first look: its token ends within "
            "minutes and is never renewed here.",
            secret=True,
            pasted=key_or_file,
            required=True,
            url=KEYS_PAGE,
            starts_with=("sk-",),
            environment="MOONSHOT_API_KEY",
            can_spend=True,
        ),
    ),
    key_warning=(
        "Every Moonshot key can spend. Kimi Code keys serve coding agents only: show their quota, but do not route "
        "other traffic to them."
    ),
    check=Check(steps=check, source="https://platform.kimi.ai/docs/api/balance"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=10),  # for Kimi Code it is the same call as the quota: twice in ten minutes
            needs=NEEDS,
            source=f"https://platform.kimi.ai/docs/api/balance; {KIMI_CODE_SOURCE}",
        ),
        "quota": Endpoint(steps=quota, interval=timedelta(minutes=10), needs=NEEDS, source=KIMI_CODE_SOURCE),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=NEEDS,
            source="https://platform.kimi.ai/docs/api/list-models",
        ),
        "usage": NotOffered(
            reason="Neither the Open Platform nor Kimi Code has a usage history for an API key.",
            fallback="The readings of the balance or of the quota are kept over time.",
        ),
        "cost": NotOffered(
            reason="The Open Platform shows its bill only in its console, and Kimi Code is a flat subscription.",
            fallback="The balance history shows how fast the money goes.",
        ),
        "keys": NotOffered(
            reason="Moonshot lists API keys only in its consoles.",
            fallback="Look there for them.",
        ),
    },
)
