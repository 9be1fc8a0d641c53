"""LM Studio: the model list of a server on a machine of your own. There is no account, no money and no counter.

Docs: https://lmstudio.ai/docs/developer/rest and https://lmstudio.ai/docs/developer/core/authentication, checked
2026-11-20.
Key: none by default; since 0.4.0 the machine's user may require API tokens, whose rights are chosen when they are made.
Listing models is enough. A token's beginning is not documented.
Quirks: three generations of model lists, newest first: /api/v1/models (0.4.0), /api/v0/models (0.3.6), /v1/models (all,
perhaps only loaded ones). The first two tell which models are in memory; no page tells the app's version. An unknown
path is 404, or on some versions 200 with an `error`. 401 is never taken for an older version: the token is missing or
wrong. Reading a list loads no model; everything that loads, unloads or downloads is left alone.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, ProviderError
from providers.parse import get, integer, mapping, maybe, rows, text
from providers.records import Gauge, Identity, Model, Server
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

DOCS = "https://lmstudio.ai/docs/developer/rest"
TOKENS_PAGE = "https://lmstudio.ai/docs/developer/core/authentication"


def parse_v1(document: Any) -> Iterator[Model | Server]:
    """`key` is what calls name. A loaded model takes what its smallest instance was loaded for, often less than the
    model itself allows."""
    loaded_models, contexts = set(), []
    for row in get(document, "models", rows):
        loaded = [get(instance, "config", mapping) for instance in get(row, "loaded_instances", rows)]
        lengths = [get(config, "context_length", integer) for config in loaded]
        model = get(row, "key", text)
        yield Model(
            id=model,
            name=maybe(row, "display_name", text),
            context=min(lengths) if lengths else maybe(row, "max_context_length", integer),
        )
        loaded_models |= {model} if lengths else set()
        instances = [get(instance, "id", text) for instance in get(row, "loaded_instances", rows)]
        contexts += list(zip(instances, lengths, strict=True))
    yield Server(gauges=gauges(len(loaded_models), contexts))


def parse_v0(document: Any) -> Iterator[Model | Server]:
    states: dict[str, str | None] = {}
    contexts = []
    for row in get(document, "data", rows):
        model, loaded = get(row, "id", text), maybe(row, "loaded_context_length", integer)
        context = maybe(row, "max_context_length", integer) if loaded is None else loaded
        yield Model(id=model, context=context)
        states[model] = maybe(row, "state", text)
        contexts += [] if loaded is None else [(model, loaded)]
    found = list(states.values())
    yield Server(gauges=gauges(None if None in found else found.count("loaded"), contexts))


def gauges(count: int | None, contexts: Iterable[tuple[str, int]]) -> tuple[Gauge, ...]:
    """How many models are in memory, and what each loaded instance takes, as far as that is told."""
    loaded = () if count is None else (Gauge(name="models_loaded", value=Decimal(count), unit="models"),)
    told = (
        Gauge(name="context", value=Decimal(length), unit="tokens", scope=name)
        for name, length in dict.fromkeys(contexts)
    )
    return (*loaded, *told)


def parse_openai(document: Any) -> Iterator[Model]:
    """It may list loaded models alone, or all: so it tells no load."""
    for row in get(document, "data", rows):
        yield Model(id=get(row, "id", text))


LISTS: Mapping[str, Callable[[Any], Iterator[Model | Server]]] = {
    "/api/v1/models": parse_v1,
    "/api/v0/models": parse_v0,
    "/v1/models": parse_openai,
}
LAST = "/v1/models"


def server(account: Account) -> str:
    """The root of the server that the admin typed, also when it was typed with the path of its OpenAI form."""
    return account.get("base_url").strip().rstrip("/").removesuffix("/v1").rstrip("/")


def list_models(account: Account) -> Generator[Request | Partial, Reply, list[Model | Server]]:
    """The newest list that this server has."""
    auth = "api_token" if account.has("api_token") else None
    for path, parse in LISTS.items():
        try:
            document = (yield Request(url=f"{server(account)}{path}", auth=auth)).json()
        except NotAvailable as error:
            if error.status != 404:
                raise
            continue
        if isinstance(document, dict) and document.get("error"):
            continue
        if path == LAST:
            yield Partial(reason="This version of LM Studio may list only the models that are loaded at the moment.")
        return list(parse(document))
    words = "No LM Studio server answers at this address. Enter its root, for example http://ws-12.internal:1234."
    raise ActionNeeded(words, code="missing_field", field="base_url")


def models(account: Account, window: Window) -> Steps:
    return (yield from list_models(account))


def check(account: Account, window: Window) -> Steps:
    """The list proves the address, and the token where one is asked for."""
    yield from list_models(account)
    return [Identity(key_kind="api_token" if account.has("api_token") else "no_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if reply.status == 401 and request.auth is None:
        words = "This server asks for an API token. Make one in LM Studio: Developer, Server Settings, Manage Tokens."
        return ActionNeeded(words, code="missing_field", status=401, field="api_token", url=TOKENS_PAGE)
    if reply.status == 401:
        words = "LM Studio does not know this token."
        return ActionNeeded(words, status=401, field="api_token", url=TOKENS_PAGE)
    if reply.status == 403 and request.auth is not None:
        words = "This token may not list models. Allow it in LM Studio: Developer, Server Settings, Manage Tokens."
        return ActionNeeded(words, code="missing_scope", status=403, field="api_token", url=TOKENS_PAGE)
    return None


PROVIDER = Provider(
    slug="lmstudio",
    name="LM Studio",
    summary="Models on a machine of your own. Has no account and no costs.",
    docs_url=DOCS,
    console_url="https://lmstudio.ai/docs/developer",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("OpenAIResponses", "DirectAnthropic"),
    self_hosted=True,
    may_sleep=True,
    base_urls=(
        BaseUrl(url="http://localhost:1234/v1", use="inference", label="By default"),
        BaseUrl(url="http://localhost:1234", use="account", label="By default"),
    ),
    fields=(
        Field(
            name="base_url",
            label="Server address",
            help="The server's root, for example http://ws-12.internal:1234. LM Studio must serve on the local "
            "network, and Purser's own machine must reach it. Without tokens everybody on that network can use it.",
            kind="url",
            required=True,
        ),
        Field(
            name="api_token",
            label="API token",
            help="Only where the server requires tokens. Allow it to list models, not to download or manage them.",
            secret=True,
            url=TOKENS_PAGE,
            environment="LM_API_TOKEN",
        ),
    ),
    check=Check(steps=check, source=DOCS),
    explain=explain,
    capabilities={
        "models": Endpoint(steps=models, interval=timedelta(minutes=10), needs=("base_url",), source=DOCS),
        "balance": NotOffered(
            reason="LM Studio runs on your own machine: there is no account, and so no balance.",
            fallback="Nothing is owed for its use beyond the machine itself.",
        ),
        "quota": NotOffered(
            reason="LM Studio sets no quota.",
            fallback="The machine's memory and speed are the limit.",
        ),
        "usage": NotOffered(
            reason="LM Studio keeps no counters and no history of its use.",
            fallback="Each answer tells its own tokens: only a gateway in front of it can add them up.",
        ),
        "cost": NotOffered(
            reason="LM Studio knows no money.",
            fallback="What the machine costs is not known to Purser.",
        ),
        "keys": NotOffered(
            reason="LM Studio lists API tokens only in the app.",
            fallback="Look there: Developer, Server Settings, Manage Tokens.",
        ),
    },
)
