"""Perplexity: an API Group's key reads the list of models and nothing else; money and usage stand in the console only.

Docs: https://docs.perplexity.ai/ (API reference, API groups and billing, usage tiers), checked 2026-11-20.
Key: an ordinary key of an API Group; it has no scopes. It can spend, and also make and revoke other keys.
Quirks: the OpenAPI of GET /v1/models names no authentication, so that a 200 proves nothing and the check says
"unchecked"; the Orchestrator's list is documented with a key, but is a private preview. A key of a group without credit
was seen to get 401, not 402: a 401 on a key that worked before may mean either. Key management is writing only (make,
revoke) and is never called. The consumer endpoint at www.perplexity.ai shows a person's subscription, not this money.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from providers.errors import ActionNeeded, NotAvailable, ProviderError
from providers.parse import get, rows, text
from providers.records import Identity, Model
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

API = "https://api.perplexity.ai"
CONSOLE = "https://console.perplexity.ai"
BILLING = f"{CONSOLE}/group/billing"
MODELS = {
    "v1": Request(url=f"{API}/v1/models", auth="api_key"),
    "orchestrator/v1": Request(url=f"{API}/orchestrator/v1/models", auth="api_key"),
}


def parse_models(reply: Reply) -> Iterator[Model]:
    """Ids only. The Orchestrator's list also holds prices, but their field names are not documented."""
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text))


def chosen(account: Account) -> Request:
    found = MODELS.get(account.get("base_path", "v1"))
    if found is None:
        raise ActionNeeded("Choose which API of Perplexity is used.", code="missing_field", field="base_path")
    return found


def models(account: Account, window: Window) -> Steps:
    reply = yield chosen(account)
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The chosen list, else the other one. No free call proves a key for certain; where neither list is there it is
    taken unchecked, because a test by a real call would cost money. No list tells whose key it is."""
    first = chosen(account)
    for request in (first, *(other for other in MODELS.values() if other is not first)):
        try:
            reply = yield request
        except NotAvailable:
            continue
        list(parse_models(reply))
        if request is MODELS["orchestrator/v1"]:
            return [Identity(key_kind="api_key", warnings=("can_manage_keys",))]
        break
    return [Identity(key_kind="api_key", warnings=("can_manage_keys", "unchecked"))]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if reply.status == 401:
        return ActionNeeded(
            "Perplexity refused this key (401). Either it was revoked, or its API Group is out of credit: the answer "
            "is the same. The console's billing page tells which.",
            status=401,
            field="api_key",
            url=BILLING,
        )
    if reply.status == 403 and request.url == MODELS["orchestrator/v1"].url:
        return NotAvailable(
            "Perplexity refused the Orchestrator's list (403): it is a private preview for admitted organizations.",
            status=403,
        )
    return None


PROVIDER = Provider(
    slug="perplexity",
    name="Perplexity",
    summary="List of models; balance, usage and cost stand in its console only.",
    docs_url="https://docs.perplexity.ai/",
    console_url=CONSOLE,
    topup_url=BILLING,
    checked=date(2026, 11, 20),
    price_list="perplexity",
    wire_protocol="OpenAIResponses",  # chat completions at the bare host were switched off on 2026-09-27
    base_urls=(
        BaseUrl(url=f"{API}/v1", label="Agent API"),
        BaseUrl(url=f"{API}/orchestrator/v1", label="Orchestrator, private preview"),
        BaseUrl(url=f"{API}/orchestrator", use="inference", label="Orchestrator, private preview, Anthropic form"),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="A key of the API Group. Keys have no scopes, so make one for Purser alone.",
            secret=True,
            required=True,
            url=CONSOLE,
            starts_with=("pplx-",),
            environment="PERPLEXITY_API_KEY",
            can_spend=True,
        ),
        Field(
            name="base_path",
            label="API in use",
            help="Whose list of models is read. The Orchestrator is a private preview for admitted organizations.",
            kind="choice",
            choices=(("v1", "Agent API"), ("orchestrator/v1", "Orchestrator (private preview)")),
            default="v1",
        ),
    ),
    key_warning=(
        "Every Perplexity key can spend, and can make further keys that outlive it and revoke others. Make one for "
        "Purser alone; Purser only reads with it."
    ),
    check=Check(steps=check, source="https://docs.perplexity.ai/api-reference/models-get"),
    explain=explain,
    capabilities={
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            source="https://docs.perplexity.ai/api-reference/models-get; /api-reference/gateway-models-get",
        ),
        "balance": NotOffered(
            reason="Perplexity shows an API Group's credit on its console's billing page only.",
            fallback="Look there; a subscription to Perplexity itself is another wallet.",
        ),
        "quota": NotOffered(
            reason="Perplexity tells no limits by API: they follow the usage tier, and that the credit ever bought.",
            fallback="The console shows the tier.",
        ),
        "usage": NotOffered(
            reason="Perplexity has no usage history for an API key; its console shows one.",
            fallback="Every answer tells its own tokens, so a gateway in front of it can count them.",
        ),
        "cost": NotOffered(
            reason="Perplexity has no cost history for an API key; its console shows usage by model and the invoices.",
            fallback="Most answers of the Agent API tell their own cost, so a gateway in front of it can add it up.",
        ),
        "keys": NotOffered(
            reason="Perplexity's API can make and revoke keys but not list them, so it is never called.",
            fallback="The console lists them.",
        ),
    },
)
