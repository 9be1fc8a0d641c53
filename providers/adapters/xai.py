"""xAI (Grok API): prepaid credit, postpaid spending limit and daily cost of a team, from the management API.

Docs: https://docs.x.ai/developers/rest-api-reference/management/billing and /management/auth, and the messages in
https://github.com/xai-org/xai-proto (proto/xai/management_api/v1/billing.proto), checked 2026-11-20.
Key: a management key with read ACLs (host management-api.x.ai). An inference key (host api.x.ai) is another kind: each
host refuses the other's key.
Quirks: "Cent" objects are {"val": "<int64 as text>"} in US cents, and the ledger's sign is inverted (purchases are
negative); the cost history is in dollars; model prices are cents per 100 million tokens. The service is proto3 JSON: a
zero, false or empty field can be missing. The ledger moves when a billing cycle closes; the invoice preview is live.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from providers.errors import ActionCode, ActionNeeded, NotAvailable, PayloadError, ProviderError
from providers.paging import pages
from providers.parse import (
    boolean,
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
from providers.records import Balance, Basis, CostBucket, Identity, Model, ProviderKey, Quota
from providers.spec import (
    Account,
    BaseUrl,
    Changing,
    Check,
    Endpoint,
    Field,
    KeyManagement,
    KeyOrder,
    MadeKey,
    NotOffered,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

BILLING_DOCS = "https://docs.x.ai/developers/rest-api-reference/management/billing"
AUTH_DOCS = "https://docs.x.ai/developers/rest-api-reference/management/auth"
CONSOLE = "https://console.x.ai"
MANAGEMENT = "https://management-api.x.ai"
INFERENCE = "https://api.x.ai/v1"
VALIDATION = Request(url=f"{MANAGEMENT}/auth/management-keys/validation", auth="management_key")
INFERENCE_KEY = Request(url=f"{INFERENCE}/api-key", auth="inference_key")
INFERENCE_MODELS = Request(url=f"{INFERENCE}/models", auth="inference_key")
PREVIEW = "postpaid/invoice/preview"
NOT_BY_DAY = "A point of the cost history is not one sum of one UTC day."

DAY = timedelta(days=1)
MIDNIGHT = time()
Day = tuple[datetime, datetime, bool | None]
"""Start, end, and whether it is final."""
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
LIMITS = {
    "rps": ("Requests per second", "requests", "second"),
    "rpm": ("Requests per minute", "requests", "minute"),
    "rph": ("Requests per hour", "requests", "hour"),
    "rpd": ("Requests per day", "requests", "day"),
    "tpm": ("Tokens per minute", "tokens", "minute"),
}
PRICES = {
    "promptTextTokenPrice": "input",
    "cachedPromptTokenPrice": "cached_input",
    "completionTextTokenPrice": "output",
}


def dollars(value: Any, where: str) -> Decimal:
    """A Cent object as dollars, sign kept. One without `val` cannot be read: it is not taken for zero."""
    return Decimal(get(mapping(value, where), "val", integer)).scaleb(-2)


def billing(team: str, path: str) -> Request:
    return Request(url=f"{MANAGEMENT}/v1/billing/teams/{team}/{path}", auth="management_key")


def auth(team: str, path: str) -> Request:
    return Request(url=f"{MANAGEMENT}/auth/teams/{team}/{path}", auth="management_key")


def cost_request(team: str, start: datetime, end: datetime) -> Request:
    """Dollars per UTC day and description; `end` is exclusive. ISO times with T and Z are refused (400)."""
    analytics = {
        "timeRange": {
            "startTime": start.strftime("%Y-%m-%d %H:%M:%S"),
            "endTime": end.strftime("%Y-%m-%d %H:%M:%S"),
            "timezone": "Etc/GMT",
        },
        "timeUnit": "TIME_UNIT_DAY",
        "values": [{"name": "usd", "aggregation": "AGGREGATION_SUM"}],
        "groupBy": ["description"],
        "filters": [],
    }
    return replace(billing(team, "usage"), method="POST", json={"analyticsRequest": analytics})


def parse_team(reply: Reply, typed: str) -> str:
    """The team behind a management key. `scopeId` is a team only when the scope says so; `teamId` is deprecated."""
    document = reply.json()
    get(document, "apiKeyId", text)
    if maybe(document, "scope", text) != "SCOPE_TEAM":
        if not typed:
            raise team_trouble("This management key is not tied to one team: enter the team id.")
        return typed
    told = get(document, "scopeId", text).lower()
    if not UUID.fullmatch(told):
        raise PayloadError("scopeId is not a team id.")
    if typed not in ("", told):
        raise team_trouble("The management key belongs to another team than the team id says.", "wrong_organization")
    return told


def team_trouble(words: str, code: ActionCode = "missing_field") -> ActionNeeded:
    return ActionNeeded(words, code=code, field="team_id", url=CONSOLE)


def prepaid_used(invoice: Mapping[str, Any]) -> Decimal:
    """What this cycle took from prepaid credit, seen with both signs. Missing or empty is 0: proto3 leaves it out."""
    told = maybe(invoice, "prepaidCreditsUsed", mapping)
    return abs(dollars(told, "prepaidCreditsUsed")) if told else Decimal(0)


def parse_balances(ledger: Reply | None, preview: Reply | None) -> Iterator[Balance]:
    """Live: posted credit less what this cycle took from it. No credit in the preview beside an empty ledger means that
    there is no prepaid pot, which is not an empty one: no record."""
    posted = live = None
    touched = False
    if ledger:
        document = ledger.json()
        posted = -get(document, "total", dollars)
        touched = bool(posted or maybe(document, "changes", rows))
    if preview:
        invoice = get(preview.json(), "coreInvoice", mapping)
        credit, used = maybe(invoice, "prepaidCredits", dollars), prepaid_used(invoice)
        if not (touched or credit or used):
            return
        live = None if credit is None else -credit - used
    told: tuple[tuple[Basis, Decimal | None], ...] = (("live", live), ("posted", posted))
    for basis, amount in told:
        if amount is not None:
            yield Balance(name="Prepaid credit", kind="prepaid", amount=amount, unit="USD", basis=basis)


def this_month(preview: Reply, now: datetime) -> Mapping[str, Any]:
    """The invoice of the preview, empty where it is of another month."""
    document = preview.json()
    cycle = maybe(document, "billingCycle", mapping)
    if cycle is not None and (get(cycle, "year", integer), get(cycle, "month", integer)) != (now.year, now.month):
        return {}
    return get(document, "coreInvoice", mapping)


def parse_spending(limits: Reply | None, preview: Reply | None, now: datetime) -> Iterator[Quota]:
    """All spend of the month, and the limit on what of it exceeds prepaid credit. 0 is a real limit: prepaid credit
    only. Credits issued by xAI blur what counts against the limit: then what is used of it stays unknown."""
    invoice = this_month(preview, now) if preview else {}
    spent = maybe(invoice, "totalWithCorr", dollars)
    if limits:
        issued = any(maybe(invoice, name, decimal) for name in ("autoCreditsIssued", "defaultCreditsIssued"))
        yield Quota(
            name="Postpaid spend",
            unit="USD",
            used=None if spent is None or issued else spent - prepaid_used(invoice),
            limit=get(get(limits.json(), "spendingLimits", mapping), "effectiveSl", dollars),
            window="month",
            resets_at=next_month(now),
        )
    if spent is not None:
        yield Quota(name="Spend this month", unit="USD", used=spent, window="month", resets_at=next_month(now))


def offered(document: Any) -> Iterator[tuple[str | None, Mapping[str, Any]]]:
    """(cluster, model) of a team; the cluster is None where there is only one."""
    clusters = get(document, "clusterConfigs", rows)
    for cluster in clusters:
        name = get(cluster, "clusterName", text) if len(clusters) > 1 else None
        for kind in ("languageModels", "embeddingModels"):
            for row in maybe(cluster, kind, rows) or ():
                yield name, row


def parse_model_limits(reply: Reply) -> Iterator[Quota]:
    """Rate limits of the team per model. 0 means no limit of that kind, so no record."""
    for cluster, row in offered(reply.json()):
        model = get(row, "name", text)
        for field, (name, unit, window) in LIMITS.items():
            limit = maybe(row, field, integer)
            if limit:
                scope = f"{model} @ {cluster}" if cluster else model
                yield Quota(name=name, unit=unit, limit=Decimal(limit), window=window, scope=scope)


def parse_cost(document: Any, start: datetime, end: datetime, now: datetime) -> Iterator[CostBucket]:
    """Dense points per description; zeros carry nothing and are left out. A day is provisional until it is over."""
    # proto3 leaves out an empty list: a team that spent nothing may get {}.
    days: dict[str, Day | None] = {}
    series = get(document, "timeSeries", rows) if set(mapping(document, "the answer")) - {"limitReached"} else ()
    for line in series:
        group = maybe(line, "group", sequence) or ()
        description = text(group[0], "group") if group else None
        for point in get(line, "dataPoints", rows):
            told, values = get(point, "timestamp", text), get(point, "values", sequence)
            if len(values) != 1:
                raise PayloadError(NOT_BY_DAY)
            if told not in days:
                days[told] = parse_day(told, start, end, now)
            amount, day = decimal(values[0], "values"), days[told]
            if amount and day:
                first, closes, final = day
                yield CostBucket(start=first, end=closes, amount=amount, unit="USD", line_item=description, final=final)


def parse_day(told: str, start: datetime, end: datetime, now: datetime) -> Day | None:
    """A day of the cost history; None when it is outside of [start, end)."""
    day = instant(told, "timestamp")
    if day.time() != MIDNIGHT:
        raise PayloadError(NOT_BY_DAY)
    return (day, day + DAY, False if day + DAY > now else None) if start <= day < end else None


def parse_keys(document: Any, now: datetime) -> Iterator[ProviderKey]:
    """`disabled` is a boolean or the text "false"; missing means false. Caps are per second or minute, no money."""
    for row in get(document, "apiKeys", rows) if mapping(document, "the answer") else ():
        expires = maybe(row, "expireTime", instant)
        expired = expires is not None and expires <= now
        yield ProviderKey(
            id=get(row, "apiKeyId", text),
            name=maybe(row, "name", text),
            hint=maybe(row, "redactedApiKey", text),
            state="disabled" if maybe(row, "disabled", boolean) else "expired" if expired else "active",
            created_at=maybe(row, "createTime", instant),
            expires_at=expires,
        )


def parse_models(reply: Reply) -> Iterator[Model]:
    """Prices are cents per 100 million tokens: a ten-thousandth of that is dollars per million. A model of several
    clusters is listed once, as its first cluster has it."""
    seen = set()
    for _, row in offered(reply.json()):
        model = get(row, "name", text)
        told = {name: maybe(row, field, decimal) for field, name in PRICES.items()}
        prices = {name: price.scaleb(-4) for name, price in told.items() if price is not None}
        if model not in seen:
            seen.add(model)
            context = maybe(row, "maxPromptLength", integer)
            yield Model(id=model, context=context, prices=prices, price_unit="USD" if prices else None)


def next_page(document: Any) -> tuple[str, str] | None:
    token = maybe(document, "paginationToken", text)
    return ("paginationToken", token) if token else None


def typed_team(account: Account) -> str:
    """The team id that the admin entered, "" if none. "default" works in console URLs only: a UUID is insisted on."""
    team = account.get("team_id").strip().lower()
    if team and not UUID.fullmatch(team):
        raise team_trouble("The team id is a UUID (8-4-4-4-12 characters), as shown in the team's settings.")
    return team


def team_of(account: Account) -> Generator[Request | Partial, Reply, str]:
    """The team id as typed, else the one that the management key is tied to."""
    typed = typed_team(account)
    return typed or parse_team((yield VALIDATION), typed)


def balance(account: Account, window: Window) -> Steps:
    """A team without postpaid billing has no preview (404 or 400), a purely postpaid one may have no ledger (404)."""
    team = yield from team_of(account)
    ledger = yield from optional(billing(team, "prepaid/balance"))
    preview = yield from optional(billing(team, PREVIEW))
    if ledger is None and preview is None:
        raise NotAvailable(
            "xAI has neither a prepaid ledger nor an invoice preview for this team. Check the team id.", status=404
        )
    return parse_balances(ledger, preview)


def optional(request: Request) -> Generator[Request | Partial, Reply, Reply | None]:
    """The reply, or None where the provider does not have this for the account."""
    try:
        return (yield request)
    except NotAvailable:
        return None


def quota(account: Account, window: Window) -> Steps:
    """The month's spend, the limit on it and, where the key may read models, their rate limits."""
    team = yield from team_of(account)
    limit = yield from optional(billing(team, "postpaid/spending-limits"))
    preview = yield from optional(billing(team, PREVIEW))
    try:
        models = yield from optional(auth(team, "models"))
    except ActionNeeded:
        if limit is None and preview is None:
            raise
        models = None
        yield Partial(reason="The management key lacks the ACL to read models, so rate limits are missing.")
    if limit is None and preview is None and models is None:
        raise NotAvailable("xAI tells no limits for this team. Check the team id.", status=404)
    return [*parse_spending(limit, preview, window.now), *(parse_model_limits(models) if models else ())]


def cost(account: Account, window: Window) -> Steps:
    team = yield from team_of(account)
    start, end = day_start(window.start), day_after(window.end)
    document = (yield cost_request(team, start, end)).json()
    if maybe(document, "limitReached", boolean):
        yield Partial(reason="xAI cut the cost history short (limitReached).")
    return parse_cost(document, start, end, window.now)


def keys(account: Account, window: Window) -> Steps:
    team = yield from team_of(account)
    documents = yield from pages(auth(team, "api-keys"), next_page)
    return [key for document in documents for key in parse_keys(document, window.now)]


def create_key(account: Account, order: KeyOrder, now: datetime) -> Changing[MadeKey]:
    """A key without ACLs can call nothing at all."""
    team = yield from team_of(account)
    wanted: dict[str, Any] = {"name": order.name, "acls": ["api-key:endpoint:*", "api-key:model:*"]}
    if order.expires_at is not None:
        wanted["expireTime"] = iso_z(order.expires_at.replace(microsecond=0))
    document = (yield replace(auth(team, "api-keys"), method="POST", json=wanted)).json()
    (made,) = parse_keys({"apiKeys": [mapping(document, "the answer")]}, now)
    return MadeKey(key=made, secret=get(document, "apiKey", text))


def key_request(key: str, method: Literal["GET", "PUT", "DELETE"], body: Any = None) -> Request:
    """What is asked of one key has no team in its path."""
    url = f"{MANAGEMENT}/auth/api-keys/{quote(key, safe='')}"
    return Request(url=url, auth="management_key", method=method, json=body)


def switch_key(account: Account, key: str, project: str, on: bool) -> Changing[None]:
    """Whether the change is stored is not documented: it is read back."""
    team = yield from team_of(account)
    yield key_request(key, "PUT", {"apiKey": {"disabled": not on}, "fieldMask": "disabled"})
    documents = yield from pages(auth(team, "api-keys"), next_page)
    rows_now = [row for document in documents for row in get(document, "apiKeys", rows)]
    if not any(row.get("apiKeyId") == key and bool(maybe(row, "disabled", boolean)) != on for row in rows_now):
        raise PayloadError("xAI took the change and did not make it.")


def delete_key(account: Account, key: str, project: str) -> Changing[None]:
    try:
        reply = yield key_request(key, "DELETE")
    except ProviderError as error:
        if error.status != 404:  # it is gone already
            raise
    else:
        mapping(reply.json(), "the answer")  # empty, but no gateway's page


def models(account: Account, window: Window) -> Steps:
    """With prices from the management host; where no management key may read them, ids from the inference host."""
    if account.has("management_key"):
        try:
            team = yield from team_of(account)
            reply = yield auth(team, "models")
        except ActionNeeded:
            if not account.has("inference_key"):
                raise
            yield Partial(reason="The management key may not list models, so prices are missing.")
        else:
            return parse_models(reply)
    reply = yield INFERENCE_MODELS
    return [Model(id=get(row, "id", text)) for row in get(reply.json(), "data", rows)]


def check(account: Account, window: Window) -> Steps:
    """The validation call needs no ACL. The account is the team, whichever kind of key tells it."""
    if not account.has("management_key"):
        if not account.has("inference_key"):
            raise ActionNeeded("Enter a management key.", code="missing_field", field="management_key", url=CONSOLE)
        reply = yield INFERENCE_KEY
        return [parse_inference_key(reply)]
    typed = typed_team(account)
    reply = yield VALIDATION
    scopes = parse_acls(reply.json())
    full = any(scope.endswith(":*") for scope in scopes)
    warnings = ("can_manage_keys", "can_spend") if full else ()
    return [Identity(account_id=parse_team(reply, typed), key_kind="management", scopes=scopes, warnings=warnings)]


def parse_acls(document: Any) -> tuple[str, ...]:
    return tuple(text(acl, "acls") for acl in maybe(document, "acls", sequence) or ())


def parse_inference_key(reply: Reply) -> Identity:
    document = reply.json()
    for name, words in (
        ("team_blocked", "xAI has blocked the team of this inference key."),
        ("api_key_blocked", "xAI has blocked this inference key."),
        ("api_key_disabled", "This inference key is disabled."),
    ):
        if maybe(document, name, boolean):
            raise ActionNeeded(words, field="inference_key", url=CONSOLE)
    team = get(document, "team_id", text).lower()
    return Identity(account_id=team, key_kind="inference", scopes=parse_acls(document))


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status = reply.status
    if request.auth == "inference_key":
        if status in (400, 401, 403):  # a bad key is documented as 400
            return ActionNeeded(
                "xAI refused the inference key: it is mistyped, revoked, or a management key.",
                status=status,
                field="inference_key",
                url=CONSOLE,
            )
        return None
    if status in (401, 403) and request.url == VALIDATION.url:  # needs no ACL, so it is the key itself
        return ActionNeeded(
            "xAI does not know this management key. An inference key (xai-...) does not work here: make a management "
            "key in the console under Settings, Management Keys.",
            code="wrong_kind",
            status=status,
            field="management_key",
            url=CONSOLE,
        )
    if status in (401, 403) and request.method != "GET" and "/auth/" in request.url:
        return ActionNeeded(
            "xAI refused to make or change a key: the management key lacks the write ACLs for API keys.",
            code="missing_scope",
            status=status,
            field="management_key",
            url=CONSOLE,
        )
    if status in (401, 403):
        what = "BillingRead" if "/v1/billing/" in request.url else "reading keys and models"
        return ActionNeeded(
            f"xAI refused this read: the management key lacks the ACL for it ({what}), or is an inference key.",
            code="missing_scope",
            status=status,
            field="management_key",
            url=CONSOLE,
        )
    if status == 404 or (status == 400 and request.url.endswith(PREVIEW)):
        return NotAvailable(
            f"xAI knows no such team, or this is not set up for it ({status}). Check the team id.", status=status
        )
    return None


PROVIDER = Provider(
    slug="xai",
    name="xAI (Grok)",
    summary="Prepaid credit, spending limit, rate limits and daily cost of a team.",
    docs_url=BILLING_DOCS,
    console_url=CONSOLE,
    topup_url=CONSOLE,
    checked=date(2026, 11, 20),
    price_list="x-ai",
    wire_protocol="OpenAICompatible",
    also_protocols=("OpenAIResponses",),
    base_urls=(
        BaseUrl(url=INFERENCE, use="inference"),
        BaseUrl(url=MANAGEMENT, use="account", label="Management API"),
    ),
    fields=(
        Field(
            name="management_key",
            label="Management key",
            help="For balance, limits, cost and keys. Choose read ACLs only: BillingRead is enough for money; listing "
            "keys and models needs their read ACLs.",
            scopes=("team-token:endpoint:BillingRead",),
            secret=True,
            url=CONSOLE,
            hosts=("management-api.x.ai",),
            environment="XAI_MANAGEMENT_API_KEY",
            can_spend=True,
        ),
        Field(
            name="team_id",
            label="Team id",
            help="A UUID from the team's settings in the console. Only needed when the management key belongs to an "
            "organization; the word “default” does not work.",
            environment="XAI_TEAM_ID",
        ),
        Field(
            name="inference_key",
            label="Inference key",
            help="Optional, and not enough for balance or cost: it lists models and shows whether the team is blocked.",
            secret=True,
            url=CONSOLE,
            starts_with=("xai-",),
            hosts=("api.x.ai",),
            environment="XAI_API_KEY",
            can_spend=True,
        ),
    ),
    key_management=KeyManagement(
        auth="management_key",
        right="a management key with the write ACLs for API keys",
        listed=keys,
        create=create_key,
        delete=delete_key,
        switch=switch_key,
        note="The key may call every model of the team. It belongs to the person who made the management key.",
        source=AUTH_DOCS,
    ),
    key_warning="A management key with all ACLs can top up credit on the stored card, raise the spending limit and "
    "create or delete API keys. Give Purser one with read ACLs only.",
    check=Check(steps=check, source=AUTH_DOCS),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=("management_key",),
            confidence="observed",  # the fields are official, the arithmetic of the live figure is not
            source=BILLING_DOCS,
        ),
        "quota": Endpoint(steps=quota, interval=timedelta(minutes=15), needs=("management_key",), source=BILLING_DOCS),
        "usage": NotOffered(
            reason="xAI tells dollars by day and description, but no token counts.",
            fallback="The cost history is shown by day and description; tokens come with each inference answer.",
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(minutes=30),
            needs=("management_key",),
            confidence="observed",  # the call is official; the accepted names and the time format were seen to work
            source=BILLING_DOCS,
            history=timedelta(days=90),
            chunk=timedelta(days=30),
            lookback=timedelta(days=3),
        ),
        "keys": Endpoint(steps=keys, interval=timedelta(hours=6), needs=("management_key",), source=AUTH_DOCS),
        "models": Endpoint(
            steps=models, interval=timedelta(days=1), needs=("management_key|inference_key",), source=AUTH_DOCS
        ),
    },
)
