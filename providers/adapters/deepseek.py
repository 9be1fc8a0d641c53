"""DeepSeek: prepaid wallets in CNY and USD behind one balance endpoint.

Docs: https://api-docs.deepseek.com/api/get-user-balance and /quick_start/error_codes, checked 2026-11-20.
Key: any ordinary API key reads the balance; there is no read-only kind, so every key can also spend.
Quirks: amounts are strings in major units; an empty wallet list means "no wallet known", which is not zero.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from providers.errors import ActionNeeded, ProviderError
from providers.parse import boolean, currency, decimal, get, maybe, rows, text
from providers.records import Balance, Identity, Model
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

API = "https://api.deepseek.com"
BALANCE = Request(url=f"{API}/user/balance", auth="api_key")
MODELS = Request(url=f"{API}/models", auth="api_key")


def parse_balance(reply: Reply, preferred: str) -> Iterator[Balance]:
    """One balance per currency wallet, the preferred one first. `total_balance` holds both granted and paid credit."""
    document = reply.json()
    usable = maybe(document, "is_available", boolean)
    wallets = list(get(document, "balance_infos", rows))
    wallets.sort(key=lambda wallet: wallet.get("currency") != preferred)
    for wallet in wallets:
        unit = get(wallet, "currency", currency)
        yield Balance(
            name=f"{unit} wallet",
            kind="prepaid",
            amount=get(wallet, "total_balance", decimal),
            unit=unit,
            granted=maybe(wallet, "granted_balance", decimal),
            usable=usable,
        )


def parse_models(reply: Reply) -> Iterator[Model]:
    """The list has ids only: no context size, no prices."""
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text))


def balance(account: Account, window: Window) -> Steps:
    reply = yield BALANCE
    return parse_balance(reply, account.get("preferred_currency"))


def models(account: Account, window: Window) -> Steps:
    reply = yield MODELS
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The balance call proves the key and its use at once. DeepSeek tells no account id."""
    reply = yield BALANCE
    warnings = () if any(row.usable is not False for row in parse_balance(reply, "")) else ("empty_wallet",)
    return [Identity(key_kind="api_key", warnings=warnings)]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if reply.status == 401:  # decided by the status: the body's `code` says invalid_request_error even then
        return ActionNeeded("DeepSeek does not know this key.", status=401, field="api_key", url=PROVIDER.console_url)
    return None


PROVIDER = Provider(
    slug="deepseek",
    name="DeepSeek",
    summary="Prepaid wallets in CNY and USD.",
    docs_url="https://api-docs.deepseek.com/",
    console_url="https://platform.deepseek.com/api_keys",
    topup_url="https://platform.deepseek.com/top_up",
    checked=date(2026, 11, 20),
    price_list="deepseek",
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    base_urls=(
        BaseUrl(url=API, use="both"),
        BaseUrl(url=f"{API}/anthropic", use="inference", label="Anthropic form"),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="An ordinary API key. DeepSeek has no read-only kind, so make one for Purser alone.",
            secret=True,
            required=True,
            url="https://platform.deepseek.com/api_keys",
            starts_with=("sk-",),
            environment="DEEPSEEK_API_KEY",
            can_spend=True,
        ),
        Field(
            name="preferred_currency",
            label="Wallet to show first",
            help="Only matters when the account holds both wallets. Both are kept; they are never added.",
            kind="choice",
            choices=(("", "No preference"), ("CNY", "CNY"), ("USD", "USD")),
        ),
    ),
    key_warning="Every DeepSeek key can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source="https://api-docs.deepseek.com/api/get-user-balance"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=("api_key",),
            source="https://api-docs.deepseek.com/api/get-user-balance",
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            source="https://api-docs.deepseek.com/api/list-models",
        ),
        "quota": NotOffered(
            reason="DeepSeek publishes no quota or rate-limit windows.",
            fallback="Concurrency limits show only as 429 on real calls.",
        ),
        "usage": NotOffered(
            reason="DeepSeek has no usage history for an API key; its console shows one.",
            fallback="The balance history shows how fast the money goes.",
        ),
        "cost": NotOffered(
            reason="DeepSeek has no cost history for an API key.",
            fallback="The balance history shows how fast the money goes.",
        ),
        "keys": NotOffered(
            reason="DeepSeek lists API keys only in its console.",
            fallback="Look there for them.",
        ),
    },
)
