"""Ollama: a server of your own (no account, no key, no money), or Ollama Cloud with a plan allowance and bought credit.

Docs: https://docs.ollama.com/api/balance, https://docs.ollama.com/api/cloud-usage, https://docs.ollama.com/api/tags,
https://docs.ollama.com/api/version and https://docs.ollama.com/api/ps, checked 2026-11-20.
Key: for Ollama Cloud any API key of a person or team member; keys have no scopes, so every key can also run models. It
is sent to ollama.com alone, never to a server of your own: Ollama itself asks for none there.
Quirks: amounts are JSON numbers in USD. The plan part comes as dollars, or on older plans as two percentages. Cloud
usage ends at the moment of the call, has fixed ranges and no parameters beside `range` and `scope`: any other is
refused. `usage_usd` is what the use was worth, paid by the plan or by credit, not money charged. Buckets with requests
of an older plan leave out all but the number of requests. ollama.com's model list is public and proves no key. A server
of your own tells its version and which models it holds in memory; an empty list is a server at rest.
"""

from collections.abc import Generator, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError
from providers.optional import document_or_none, version_or_none
from providers.parse import boolean, day_start, decimal, get, instant, integer, mapping, maybe, rows, text
from providers.records import Balance, Gauge, Identity, Model, Quota, Server, UsageBucket
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

CLOUD = "https://ollama.com"
KEYS_PAGE = "https://ollama.com/settings/keys"
BALANCE = Request(url=f"{CLOUD}/api/balance", auth="api_key")
USAGE = Request(url=f"{CLOUD}/api/usage", auth="api_key")
SHORT, LONG = timedelta(days=7), timedelta(days=30)
NO_MONEY = "A server of your own knows no balance, no allowance and no usage history: it is no account with Ollama."


def parse_balance(reply: Reply) -> Iterator[Balance]:
    """The rest of the plan's allowance, which ends with its period, and the credit that was bought. Older plans tell
    their allowance in percent only, which is a quota."""
    document = reply.json()
    included = maybe(document, "included", mapping)
    if included is not None and "balance_usd" in included:
        yield Balance(
            name="Plan allowance",
            kind="granted",
            amount=get(included, "balance_usd", decimal),
            unit="USD",
            expires_at=get(get(included, "period", mapping), "until", instant),
        )
    amount = get(get(document, "purchased", mapping), "balance_usd", decimal)
    yield Balance(name="Purchased credit", kind="prepaid", amount=amount, unit="USD")


def parse_quota(reply: Reply) -> Iterator[Quota]:
    """The plan's allowance: dollars of a period, or on older plans two windows in percent. None without a plan."""
    included = maybe(reply.json(), "included", mapping)
    if included is None:
        return
    if "balance_usd" in included:
        left, limit = get(included, "balance_usd", decimal), get(included, "allowance_usd", decimal)
        yield Quota(
            name="Plan allowance",
            unit="USD",
            used=limit - left if left <= limit else None,
            limit=limit,
            remaining=left,
            window="month",
            resets_at=get(get(included, "period", mapping), "until", instant),
        )
        return
    for field, name, window in (("session", "Session allowance", None), ("weekly", "Weekly allowance", "7d")):
        part = get(included, field, mapping)
        yield Quota(
            name=name,
            unit="percent",
            percent_used=100 - get(part, "remaining_percent", percent),
            window=window,
            resets_at=get(part, "resets_at", instant),
        )


def percent(value: object, where: str) -> Decimal:
    number = decimal(value, where)
    if not 0 <= number <= 100:
        raise PayloadError(f"{where} is no percentage.")
    return number


def parse_usage(reply: Reply, window: Window) -> Iterator[UsageBucket]:
    """Days of the whole key or team: no split by model, key or member. What a bucket leaves out is unknown, and a day
    that is over may still grow, so none is called final."""
    document = reply.json()
    if get(document, "granularity", text) != "day":
        raise PayloadError("Ollama did not answer by the day.")
    for row in get(document, "buckets", rows):
        start, end = get(row, "from", instant), get(row, "until", instant)
        if start >= window.end or end <= window.start or start == end:
            continue
        tokens, cached = maybe(row, "input_tokens", integer), maybe(row, "cached_input_tokens", integer)
        if tokens is not None and (cached or 0) > tokens:
            raise PayloadError("More input was read from cache than there was.")
        worth = maybe(row, "usage_usd", decimal)
        partial = maybe(row, "partial", boolean) or False
        yield UsageBucket(
            start=start,
            end=day_start(start) + timedelta(days=1) if partial else end,  # one and the same bucket until it is over
            input_tokens=None if tokens is None else tokens - (cached or 0),
            cached_input_tokens=cached,
            output_tokens=maybe(row, "output_tokens", integer),
            requests=get(row, "request_count", integer),
            quantities={} if worth is None else {"usage_value_usd": worth},
            final=False if partial else None,
        )


def parse_models(reply: Reply) -> Iterator[Model]:
    for row in get(reply.json(), "models", rows):
        details = maybe(row, "details", mapping) or {}
        yield Model(id=get(row, "name", text), context=maybe(details, "context_length", integer))


def parse_loaded(document: Any) -> Iterator[Gauge]:
    """What /api/ps lists: how many models are in memory, then what of the graphics memory each takes and until when it
    stays, and the context that it was loaded for."""
    loaded = get(document, "models", rows)
    yield Gauge(name="models_loaded", value=Decimal(len({get(row, "name", text) for row in loaded})), unit="models")
    for row in loaded:
        model, until = get(row, "name", text), maybe(row, "expires_at", instant)
        memory, context = maybe(row, "size_vram", integer), maybe(row, "context_length", integer)
        if memory is not None:
            yield Gauge(name="memory", value=Decimal(memory), unit="bytes", scope=model, until=until)
        if context is not None:
            yield Gauge(name="context", value=Decimal(context), unit="tokens", scope=model)


def is_local(account: Account) -> bool:
    return account.get("profile") == "local"


def server(account: Account) -> str:
    """The root of the server that the admin typed, also when it was typed with the path of its OpenAI form."""
    base = account.get("base_url").strip().rstrip("/").removesuffix("/v1").rstrip("/")
    if not base:
        words = "Enter the address of your Ollama server, for example http://ollama.internal:11434."
        raise ActionNeeded(words, code="missing_field", field="base_url")
    return base


def of_cloud(account: Account, request: Request) -> Generator[Request | Partial, Reply, Reply]:
    """The answer of a call that only Ollama Cloud has."""
    if is_local(account):
        raise NotAvailable(NO_MONEY)
    return (yield request)


def balance(account: Account, window: Window) -> Steps:
    reply = yield from of_cloud(account, BALANCE)
    return parse_balance(reply)


def quota(account: Account, window: Window) -> Steps:
    reply = yield from of_cloud(account, BALANCE)
    return parse_quota(reply)


def usage_request(account: Account, since: datetime, now: datetime) -> Request:
    """The shortest range that reaches back to `since`: each holds that many whole days in UTC and today so far."""
    span = "7d" if since >= day_start(now) - SHORT else "30d"
    return USAGE.with_params(("range", span), ("scope", account.get("usage_scope", "self")))


def usage(account: Account, window: Window) -> Steps:
    reply = yield from of_cloud(account, usage_request(account, window.start, window.now))
    return parse_usage(reply, window)


def models(account: Account, window: Window) -> Steps:
    """A server of one's own tells with its models which of them are loaded, and its version."""
    if not is_local(account):
        return parse_models((yield Request(url=f"{CLOUD}/api/tags", auth=None)))
    listed = list(parse_models((yield Request(url=f"{server(account)}/api/tags", auth=None))))
    version = yield from version_or_none(Request(url=f"{server(account)}/api/version", auth=None))
    loaded = yield from document_or_none(Request(url=f"{server(account)}/api/ps", auth=None))
    gauges = () if loaded is None else tuple(dict.fromkeys(parse_loaded(loaded)))
    return [*listed, Server(version=version, gauges=gauges)]


def check(account: Account, window: Window) -> Steps:
    """A server of your own proves itself by its version, a key by the balance. Neither tells an account id."""
    if is_local(account):
        get((yield Request(url=f"{server(account)}/api/version", auth=None)).json(), "version", text)
        return [Identity(key_kind="no_key")]
    list(parse_balance((yield BALANCE)))
    return [Identity(key_kind="api_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if not request.url.startswith(f"{CLOUD}/"):
        if reply.status not in (401, 403):
            return None
        return ActionNeeded(
            "The server refused the call. Ollama asks for no key itself: a proxy before it does, or it does not "
            "answer under this host name.",
            code="blocked",
            status=reply.status,
            field="base_url",
        )
    if reply.status == 401:
        return ActionNeeded("Ollama does not know this key.", status=401, field="api_key", url=KEYS_PAGE)
    if reply.status == 403 and ("scope", "team") in request.params:
        return ActionNeeded(
            "Only an admin of the team may read the team's usage. Use an admin's key, or read this key's own usage; "
            "a suspended account is refused as well.",
            code="missing_scope",
            status=403,
            field="usage_scope",
        )
    if reply.status == 403:
        words = "Ollama says that this account is suspended."
        return ActionNeeded(words, code="blocked", status=403, field="api_key", url=CLOUD)
    return None


PROVIDER = Provider(
    slug="ollama",
    name="Ollama",
    summary="A server of your own, or Ollama Cloud with its plan allowance and credit in USD.",
    docs_url="https://docs.ollama.com/",
    console_url="https://ollama.com/settings",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic",),
    self_hosted=True,
    may_sleep=True,
    base_urls=(
        BaseUrl(url=f"{CLOUD}/v1", use="inference", label="Ollama Cloud"),
        BaseUrl(url=CLOUD, use="account", label="Ollama Cloud"),
        BaseUrl(url="http://localhost:11434", use="both", label="A server of your own, by default"),
    ),
    fields=(
        Field(
            name="profile",
            label="Which Ollama",
            help="A server of your own has models to list, but no account. Ollama Cloud has a balance and usage.",
            kind="choice",
            required=True,
            choices=(("cloud", "Ollama Cloud (ollama.com)"), ("local", "A server of your own")),
            default="cloud",
        ),
        Field(
            name="base_url",
            label="Server address",
            help="For a server of your own: its root, for example http://ollama.internal:11434. Purser's own machine "
            "must reach it. Keep the port closed to others: Ollama asks nobody for a key.",
            kind="url",
        ),
        Field(
            name="api_key",
            label="API key",
            help="For Ollama Cloud: your key or a team member's. Keys have no scopes, so make one for Purser alone.",
            secret=True,
            url=KEYS_PAGE,
            environment="OLLAMA_API_KEY",
            can_spend=True,
            hosts=("ollama.com",),
        ),
        Field(
            name="usage_scope",
            label="Whose usage",
            help="For Ollama Cloud: the key owner's own, or the whole team's, for which the owner must be its admin.",
            kind="choice",
            choices=(("self", "The key owner's"), ("team", "The whole team's")),
            default="self",
        ),
    ),
    key_warning="Every key of Ollama Cloud can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source="https://docs.ollama.com/api/balance, https://docs.ollama.com/api/version"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            source="https://docs.ollama.com/api/balance",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            source="https://docs.ollama.com/api/balance",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=30),
            source="https://docs.ollama.com/api/cloud-usage",
            history=LONG,
            chunk=LONG + timedelta(days=1),
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(minutes=10),  # a server of one's own changes what it holds in memory
            source="https://docs.ollama.com/api/tags, https://docs.ollama.com/api/ps",
        ),
        "cost": NotOffered(
            reason="Ollama tells what use was worth, not what was charged; a server of your own knows no money at all.",
            fallback="The usage of Ollama Cloud carries its worth in USD, and the balance shows how fast it goes.",
        ),
        "keys": NotOffered(
            reason="Ollama lists API keys only on its settings page.",
            fallback="Look there for them.",
        ),
    },
)
