"""Cerebras Inference: the models that a key can call, with public list prices; money and usage stand in the console.

Docs: https://inference-docs.cerebras.ai/api-reference/models/public-models, /support/error and /support/rate-limits,
checked 2026-11-20.
Key: an ordinary inference key of the organization; it has no scopes and can spend. Management keys are another kind.
Quirks: prices are told without a key, and only by `format=openrouter`: text, USD per ONE token, ids with the prefix
"cerebras/" (`format=huggingface` counts per million tokens and in floats). Error bodies are flat; the status decides.
A 403 without JSON comes from the network in front and says nothing about the key. Rate-limit headers were documented
for paid calls, per model, and were not always there: the free list of models is looked at, which nobody promises them
on. The metrics of dedicated endpoints hold the last full minute alone: whatever is not scraped within its minute is
lost, so that no history can be read from them.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

from providers.errors import ActionNeeded, NotAvailable, ProviderError, Retryable
from providers.parse import decimal, get, integer, mapping, maybe, rows, text
from providers.rate_limits import parse_limit_headers
from providers.records import Identity, Model
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

API = "https://api.cerebras.ai"
CONSOLE = "https://cloud.cerebras.ai"
MODELS = Request(url=f"{API}/v1/models", auth="api_key")
PRICE_LIST = Request(url=f"{API}/public/v1/models", auth=None, params=(("format", "openrouter"),))
PREFIX = "cerebras/"
CACHE_PRICES = {"input_cache_read": "cached_input", "input_cache_write": "cache_write"}


def parse_ids(reply: Reply) -> list[str]:
    """What this key can call, models of dedicated endpoints included."""
    return [get(row, "id", text) for row in get(reply.json(), "data", rows)]


def parse_price_list(reply: Reply) -> Iterator[Model]:
    """Public models with list prices per 1,000,000 tokens. Prices per request and image have no place beside them."""
    for row in get(reply.json(), "data", rows):
        pricing = get(row, "pricing", mapping)
        prices = {"input": get(pricing, "prompt", decimal), "output": get(pricing, "completion", decimal)}
        cache = {name: maybe(pricing, told, decimal) for told, name in CACHE_PRICES.items()}
        prices |= {name: price for name, price in cache.items() if price is not None}
        yield Model(
            id=get(row, "id", text).removeprefix(PREFIX),
            name=maybe(row, "name", text),
            context=maybe(row, "context_length", integer),
            prices={name: price * 1_000_000 for name, price in prices.items()},
            price_unit="USD",
        )


def models(account: Account, window: Window) -> Steps:
    """The key's own models; one that is not public has no price here."""
    ids = parse_ids((yield MODELS))
    public: Mapping[str, Model] = {}
    try:
        public = {model.id: model for model in parse_price_list((yield PRICE_LIST))}
    except NotAvailable:
        yield Partial(reason="Cerebras did not tell its list prices.")
    return [public.get(name) or Model(id=name) for name in ids]


def quota(account: Account, window: Window) -> Steps:
    """What the headers of the free list of models tell, if anything; the window is in each name."""
    reply = yield MODELS
    parse_ids(reply)  # an answer of another shape is none of Cerebras', nor are its headers
    found = parse_limit_headers(reply, now=window.now)
    if not found:
        raise NotAvailable(
            "Cerebras told no rate limits with this free call: they come with paid calls only, which Purser never "
            "makes, and not always then. Look them up in its console, under Limits."
        )
    return found


def check(account: Account, window: Window) -> Steps:
    """The list of models refuses a wrong key and costs nothing. It does not tell the organization."""
    parse_ids((yield MODELS))
    return [Identity(key_kind="api_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if reply.status == 403 and not isinstance(reply.said(), dict):
        return Retryable(
            "The network in front of Cerebras refused the call (403); this says nothing about the key.", status=403
        )
    if request.auth is None and reply.status in (401, 403):  # nothing that a key could mend
        return NotAvailable(f"Cerebras does not show its list prices here ({reply.status}).", status=reply.status)
    if reply.status == 401:
        return ActionNeeded("Cerebras does not know this key (401).", status=401, field="api_key", url=CONSOLE)
    if reply.status == 402:
        return ActionNeeded(
            "This organization is out of credit at Cerebras (402). Add credit in its console.",
            code="billing",
            status=402,
            url=CONSOLE,
        )
    return None


PROVIDER = Provider(
    slug="cerebras",
    name="Cerebras",
    summary="Models with list prices; balance, usage and cost stand in its console only.",
    docs_url="https://inference-docs.cerebras.ai/",
    console_url=CONSOLE,
    topup_url=CONSOLE,
    checked=date(2026, 11, 20),
    price_list="cerebras",
    wire_protocol="OpenAICompatible",
    base_urls=(BaseUrl(url=f"{API}/v1"),),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="An inference key of the organization. Keys have no scopes, so make one for Purser alone.",
            secret=True,
            required=True,
            url=CONSOLE,
            starts_with=("csk-",),
            environment="CEREBRAS_API_KEY",
            can_spend=True,
        ),
    ),
    key_warning="Every Cerebras key can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source="https://inference-docs.cerebras.ai/api-reference/models"),
    explain=explain,
    capabilities={
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            source="https://inference-docs.cerebras.ai/api-reference/models/public-models",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("api_key",),
            confidence="unverified",  # told with paid calls; here they are read from the list of models
            source="https://inference-docs.cerebras.ai/support/rate-limits",
        ),
        "balance": NotOffered(
            reason="Cerebras shows its credit only in the console, under Billing.",
            fallback="Look there; the start credit of a new account ends after 30 days.",
        ),
        "usage": NotOffered(
            reason="Cerebras has no usage history by API; metrics of dedicated endpoints hold the last minute only.",
            fallback="The console shows usage under Analytics, with a report to download.",
        ),
        "cost": NotOffered(
            reason="Cerebras has no cost history by API.",
            fallback="The console shows cost under Analytics, with a report to download.",
        ),
        "keys": NotOffered(
            reason="Cerebras lists API keys only in its console.",
            fallback="Look there for them.",
        ),
    },
)
