"""Azure OpenAI: tokens from Azure Monitor, money from Cost Management, quota from Azure Resource Manager. No balance.

Docs: https://learn.microsoft.com/azure/ai-services/openai/monitor-openai-reference, /rest/api/monitor/metrics/list,
/rest/api/cost-management/query/usage, /azure/ai-foundry/openai/how-to/quota, /rest/api/consumption/budgets/list; SDKs
azure-mgmt-monitor 7.0.0, -costmanagement 5.0.0, -cognitiveservices 14.1.0, -consumption 11.0.0. Checked 2026-11-20.
Key: an app registration in Microsoft Entra (client secret) for everything about the account; the resource's api-key
only proves itself and lists models. Public cloud only.
Quirks: callers name a deployment where others name a model, so deployments are the models here. Metrics tell no money,
no key and no cached part of the input; a point without `total` is no data. Cost columns are positional, days are
numbers, an answer 204 is an empty one, and groups may be cut short in silence: a second query without groups is trusted
for the totals. Quota is what is allocated to deployments, not traffic.
"""

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, TypeVar
from urllib.parse import parse_qsl, quote, urlsplit

from providers.auth import EntraClientCredentials
from providers.errors import (
    MAX_RETRY_AFTER_SECONDS,
    ActionNeeded,
    NotAvailable,
    PayloadError,
    ProviderError,
    Retryable,
    retry_after_seconds,
)
from providers.paging import MAX_PAGES
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
    month_start,
    next_day,
    rows,
    sequence,
    spans,
    text,
    utc_day,
)
from providers.records import CostBucket, Identity, Model, Quota, UsageBucket
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

T = TypeVar("T")
Reading = Generator[Request | Partial, Reply, T]

MANAGEMENT_HOST, LOGIN_HOST = "management.azure.com", "login.microsoftonline.com"
ARM = f"https://{MANAGEMENT_HOST}"
PLACEHOLDER_HOST = "your-resource.openai.azure.com"
LEARN = "https://learn.microsoft.com"
APPS = "https://entra.microsoft.com/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade"
PORTAL = "https://portal.azure.com/#view/Microsoft_Azure_ProjectOxford/CognitiveServicesHub/~/OpenAI"
APP = ("tenant_id", "client_id", "client_secret", "subscription_id")
RESOURCE = (*APP, "resource_group", "account_name")
SCOPE = re.compile(r"subscriptions/[^/?#]+(/resourceGroups/[^/?#]+)?", re.IGNORECASE)

ONE_DAY = timedelta(days=1)
METRIC_RETENTION = timedelta(days=92)  # 93 days are kept
METRIC_DAYS, COST_DAYS = 30, 31  # more at once is refused, or cut in silence
MOST_SERIES = 1000
STILL_MOVES = timedelta(days=5)
NOISE = Decimal("0.000001")  # costs are JSON floats: sums made by Azure and by us may differ far behind the point
EXACT = Context(prec=150)
METRICS = {
    "ProcessedPromptTokens": "input_tokens",
    "GeneratedTokens": "output_tokens",
    "AzureOpenAIRequests": "requests",
}
GRAINS = {
    "Monthly": "month",
    "BillingMonth": "month",
    "Quarterly": "quarter",
    "BillingQuarter": "quarter",
    "Annually": "year",
    "BillingAnnual": "year",
}
# By the end of the path: what could not be read, and the least role for it.
ROLES = {
    "/microsoft.insights/metrics": ("the metrics", "Monitoring Reader on the resource"),
    "/microsoft.costmanagement/query": ("the costs", "Cost Management Reader on the cost scope"),
    "/microsoft.consumption/budgets": ("the budgets", "Cost Management Reader on the cost scope"),
    "/usages": ("the quota of a region", "Cognitive Services Usages Reader on the subscription"),
    "/deployments": ("the deployments", "Reader on the resource"),
}


Totals = list[tuple[datetime, int]]
"""(day, total), in which a day may come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a cost answer. `resource` and `meter` are None where the query did not group."""

    day: datetime
    amount: Decimal
    unit: str
    resource: str | None = None
    meter: str | None = None


def parse_metrics(reply: Reply, now: datetime) -> Reading[list[UsageBucket]]:
    """One bucket for each day and deployment with figures. A metric that was not answered stays unknown."""
    found: dict[str | None, dict[str, Totals]] = {}
    answered = set[str]()
    known: list[Any] = []
    starts: list[datetime] = []
    for metric in get(reply.json(), "value", rows):
        name = get(get(metric, "name", mapping), "value", text)
        if name not in METRICS or (maybe(metric, "errorCode", text) or "Success") != "Success":
            continue
        answered.add(name)
        series = get(metric, "timeseries", rows)
        if len(series) >= MOST_SERIES:
            yield Partial(reason=f"Azure Monitor tells {MOST_SERIES} deployments at most; others are missing.")
        for one in series:
            totals = found.setdefault(parse_deployment(one), {}).setdefault(METRICS[name], [])
            points = get(one, "data", rows)
            told = [point.get("timeStamp") for point in points]
            if told != known:  # nearly all series are of the same days
                known, starts = told, [get(point, "timeStamp", instant) for point in points]
            totals += [
                (start, integer(total, "total"))
                for start, point in zip(starts, points, strict=True)
                if (total := point.get("total")) is not None
            ]
    if not answered:
        raise PayloadError("Azure Monitor answered none of the metrics.")
    for name in METRICS:
        if name not in answered:
            yield Partial(reason=f"Azure Monitor did not answer the metric {name}.")
    return [
        bucket for deployment, figures in found.items() for bucket in parse_deployment_days(deployment, figures, now)
    ]


def parse_deployment_days(
    deployment: str | None, figures: Mapping[str, Totals], now: datetime
) -> Iterator[UsageBucket]:
    """The buckets of a deployment from the totals of each column."""
    inputs, outputs, requests = (
        by_day(figures.get(name, [])) for name in ("input_tokens", "output_tokens", "requests")
    )
    for start in {**inputs, **outputs, **requests}:
        end = next_day(start)
        yield UsageBucket(
            start=start,
            end=end,
            model=deployment,
            input_tokens=inputs.get(start),
            output_tokens=outputs.get(start),
            requests=requests.get(start),
            final=False if end > now else None,
        )


def by_day(totals: Totals) -> dict[datetime, int]:
    found = dict(totals)
    if len(found) != len(totals) and len(found) != len(set(totals)):
        raise PayloadError("The answer tells one day of a deployment twice, differently.")
    return found


def parse_deployment(series: Mapping[str, Any]) -> str | None:
    """The deployment of a time series. Names of dimensions come back in lower case."""
    for value in maybe(series, "metadatavalues", rows) or ():
        if get(get(value, "name", mapping), "value", text).lower() == "modeldeploymentname":
            return maybe(value, "value", text) or None
    return None


def parse_rows(document: Any) -> Iterator[Row]:
    """Rows by the names of their columns: the order is not fixed."""
    properties = get(document, "properties", mapping)
    names = [get(column, "name", text).lower() for column in get(properties, "columns", rows)]
    for values in get(properties, "rows", sequence):
        if not isinstance(values, list) or len(values) != len(names):
            raise PayloadError("A row of the answer does not fit its columns.")
        row = dict(zip(names, values, strict=True))
        yield Row(
            day=get(row, "usagedate", number_day),
            amount=get(row, "cost", decimal),
            unit=get(row, "currency", currency),
            resource=maybe(row, "resourceid", text),
            meter=maybe(row, "meter", text),
        )


def number_day(value: Any, where: str) -> datetime:
    """The day of a number such as 20261110, or of a text."""
    if isinstance(value, str) and "-" in value:
        return utc_day(value, where)
    digits = f"{integer(value, where):08d}"
    return utc_day(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", where)


def parse_regional(documents: list[Any], region: str) -> Iterator[Quota]:
    """What is allocated to deployments in a region, in capacity units: about 1,000 tokens per minute each, or a
    provisioned unit (PTU). Other publishers' models and counts of resources are left out."""
    for document in documents:
        for row in get(document, "value", rows):
            name = get(get(row, "name", mapping), "value", text)
            used, limit = get(row, "currentValue", decimal), get(row, "limit", decimal)
            if not name.startswith("OpenAI."):
                continue
            yield Quota(
                name=f"Allocated to deployments: {name.removeprefix('OpenAI.')}",
                unit="PTU" if "Provisioned" in name else "units",
                used=used,
                limit=limit,
                remaining=EXACT.subtract(limit, used),
                resets_at=maybe(row, "nextResetTime", instant),
                scope=region,
            )


def parse_rate_limits(documents: list[Any]) -> Iterator[Quota]:
    """The ceilings of each deployment. How much of them is used is told only in the answers to real calls."""
    for document in documents:
        for row in get(document, "value", rows):
            name = get(row, "name", text)
            for limit in maybe(get(row, "properties", mapping), "rateLimits", rows) or ():
                kind, seconds = get(limit, "key", text), get(limit, "renewalPeriod", integer)
                yield Quota(
                    name=f"{name} {kind} rate",
                    unit={"request": "requests", "token": "tokens"}.get(kind, kind),
                    limit=get(limit, "count", decimal),
                    window={60: "minute", 86_400: "day"}.get(seconds, f"{seconds}s"),
                    scope=name,
                )


def parse_budgets(documents: list[Any], scope: str) -> Reading[list[Quota]]:
    """Budgets warn and stop nothing. A new one has no spend yet, and with it no currency."""
    found: list[Quota] = []
    for document in documents:
        for row in get(document, "value", rows):
            name, told = get(row, "name", text), get(row, "properties", mapping)
            amount, spend = get(told, "amount", decimal), maybe(told, "currentSpend", mapping)
            if maybe(told, "category", text) not in (None, "Cost"):
                continue
            if spend is None:
                yield Partial(reason="A budget without spend so far tells no currency and is left out.")
                continue
            found.append(
                Quota(
                    name=f"Budget {name} (warns only)",
                    unit=get(spend, "unit", currency),
                    used=get(spend, "amount", decimal),
                    limit=amount,
                    window=GRAINS.get(get(told, "timeGrain", text)),
                    scope=scope,
                )
            )
    return found


def parse_deployments(documents: list[Any]) -> Iterator[Model]:
    """Callers name the deployment; the model behind it is what it is called. No context size, no prices."""
    for document in documents:
        for row in get(document, "value", rows):
            model = get(get(row, "properties", mapping), "model", mapping)
            version = maybe(model, "version", text)
            name = get(model, "name", text)
            yield Model(id=get(row, "name", text), name=f"{name} {version}" if version else name)


def parse_models(reply: Reply) -> Iterator[Model]:
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text))


def group_scope(account: Account) -> str:
    """The path of the resource group, or of the subscription where no group was named."""
    group = account.get("resource_group").strip()
    scope = f"subscriptions/{quote(account.get('subscription_id').strip(), safe='')}"
    return f"{scope}/resourceGroups/{quote(group, safe='')}" if group else scope


def resource_path(account: Account) -> str:
    name = quote(account.get("account_name").strip(), safe="")
    return f"{group_scope(account)}/providers/Microsoft.CognitiveServices/accounts/{name}"


def resource_id(account: Account) -> str:
    """The resource as Azure itself writes it; letters may come back in another case."""
    subscription, group, name = (
        account.get(field).strip() for field in ("subscription_id", "resource_group", "account_name")
    )
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.CognitiveServices/accounts/{name}"


def cost_scope(account: Account) -> str:
    """The scope that an admin named, or the resource group. One resource can be told from others only at a subscription
    or below."""
    typed = account.get("cost_scope").strip().strip("/")
    if not typed:
        return group_scope(account)
    if not SCOPE.fullmatch(typed) or any(part in (".", "..") for part in typed.split("/")):
        words = "The cost scope has to be a subscription or a resource group: subscriptions/ID/resourceGroups/NAME."
        raise ActionNeeded(words, field="cost_scope")
    return quote(typed)


def arm(path: str, version: str, *params: tuple[str, str]) -> Request:
    return Request(url=f"{ARM}/{path}", auth="app", params=(("api-version", version), *params))


def list_request(path: str) -> Request:
    return arm(path, "2024-10-01")


def budgets_request(account: Account) -> Request:
    return arm(f"{cost_scope(account)}/providers/Microsoft.Consumption/budgets", "2024-08-01")


def regional_request(account: Account, region: str) -> Request:
    subscription, place = quote(account.get("subscription_id").strip(), safe=""), quote(region, safe="")
    return list_request(f"subscriptions/{subscription}/providers/Microsoft.CognitiveServices/locations/{place}/usages")


def metrics_request(account: Account, start: datetime, end: datetime) -> Request:
    """Days by deployment. Without `top` only ten deployments would come, without a word."""
    return arm(
        f"{resource_path(account)}/providers/Microsoft.Insights/metrics",
        "2024-02-01",
        ("metricnames", ",".join(METRICS)),
        ("timespan", f"{iso_z(start)}/{iso_z(end)}"),
        ("interval", "P1D"),
        ("aggregation", "Total"),
        ("$filter", "ModelDeploymentName eq '*'"),
        ("top", str(MOST_SERIES)),
    )


def cost_request(account: Account, start: datetime, end: datetime, *groups: str) -> Request:
    """A read, although it is a POST. `to` is the last second of the last day."""
    grouping = {"grouping": [{"type": "Dimension", "name": name} for name in groups]} if groups else {}
    return Request(
        method="POST",
        url=f"{ARM}/{cost_scope(account)}/providers/Microsoft.CostManagement/query",
        auth="app",
        params=(("api-version", "2025-03-01"),),
        json={
            "type": "ActualCost",
            "timeframe": "Custom",
            "timePeriod": {"from": iso_z(start), "to": iso_z(end - timedelta(seconds=1))},
            "dataset": {
                "granularity": "Daily",
                "aggregation": {"totalCost": {"name": "Cost", "function": "Sum"}},
                **grouping,
                "filter": {"dimensions": {"name": "ResourceId", "operator": "In", "values": [resource_id(account)]}},
            },
        },
    )


def linked(first: Request, link_of: Callable[[Any], str | None]) -> Reading[list[Any]]:
    """Every page of a list. The next one is a whole URL, asked for as the first was; it has to be of the same path."""
    documents: list[Any] = []
    request, seen = first, set[str]()
    while True:
        reply = yield request
        if reply.status == 204:  # no data, and no body
            return documents
        document = reply.json()
        documents.append(document)
        link = link_of(document)
        if not link:
            return documents
        request = replace(first, params=tuple(parse_qsl(link.partition("?")[2], keep_blank_values=True)))
        if not same_place(link, first.url):
            yield Partial(reason="Azure announced another page in another place; it was not followed.")
            return documents
        if link in seen or len(documents) >= MAX_PAGES:
            yield Partial(reason="Azure announced the same page twice, or pages without end.")
            return documents
        seen.add(link)


def same_place(link: str, url: str) -> bool:
    try:
        one, other = urlsplit(link), urlsplit(url)
    except ValueError:
        return False
    return (one.scheme, one.netloc, one.path.lower()) == (other.scheme, other.netloc, other.path.lower())


def list_link(document: Any) -> str | None:
    return maybe(document, "nextLink", text)


def cost_link(document: Any) -> str | None:
    return maybe(get(document, "properties", mapping), "nextLink", text)


def usage(account: Account, window: Window) -> Steps:
    """Whole days, not further back than Azure Monitor keeps them."""
    first = max(day_start(window.start), day_start(window.now - METRIC_RETENTION))
    found: list[UsageBucket] = []
    for start, end in spans(first, day_after(min(window.end, window.now)), METRIC_DAYS * ONE_DAY):
        buckets = yield from parse_metrics((yield metrics_request(account, start, end)), window.now)
        found += [bucket for bucket in buckets if start <= bucket.start < end]
    return found


def cost(account: Account, window: Window) -> Steps:
    found: list[CostBucket] = []
    last = day_after(min(window.end, window.now))  # a span in the future would be moved to last year, in silence
    for start, end in spans(day_start(window.start), last, COST_DAYS * ONE_DAY):
        grouped = yield from cost_rows(cost_request(account, start, end, "ResourceId", "Meter"), start, end)
        plain = yield from cost_rows(cost_request(account, start, end), start, end)
        found += yield from cost_buckets(account, grouped, plain, window.now)
    return found


def cost_rows(request: Request, start: datetime, end: datetime) -> Reading[list[Row]]:
    """Rows of the asked days, without those that a page repeats."""
    documents = yield from linked(request, cost_link)
    found = (row for document in documents for row in parse_rows(document))
    return list(dict.fromkeys(row for row in found if start <= row.day < end))


def cost_buckets(account: Account, grouped: list[Row], plain: list[Row], now: datetime) -> Reading[list[CostBucket]]:
    """Charges by meter, and the difference to the totals without groups where there is one."""
    resource = resource_id(account).lower()
    parts: dict[tuple[datetime, str, str | None], Decimal] = {}
    sums: dict[tuple[datetime, str], Decimal] = {}
    totals: dict[tuple[datetime, str], Decimal] = {}
    for row in grouped:
        if row.resource is None or row.meter is None:
            raise PayloadError("A row of the answer lacks what it was grouped by.")
        if row.resource.lower() == resource:
            part, whole = (row.day, row.unit, row.meter), (row.day, row.unit)
            parts[part] = EXACT.add(parts.get(part, Decimal(0)), row.amount)
            sums[whole] = EXACT.add(sums.get(whole, Decimal(0)), row.amount)
    for row in plain:
        if totals.setdefault((row.day, row.unit), row.amount) != row.amount:
            raise PayloadError("The answer tells one day twice, differently.")
    for (day, unit), total in totals.items():
        rest = EXACT.subtract(total, sums.get((day, unit), Decimal(0)))
        if abs(rest) > NOISE:
            parts[(day, unit, "Unassigned")] = EXACT.add(parts.get((day, unit, "Unassigned"), Decimal(0)), rest)
    if sums.keys() - totals.keys():
        yield Partial(reason="Azure told some days by meter but not in total, so they were not compared.")
    return [
        CostBucket(
            start=day,
            end=day + ONE_DAY,
            amount=amount,
            unit=unit,
            line_item=meter or None,
            category="credit" if amount < 0 else "usage",
            final=False if day >= month_start(now) or day + ONE_DAY > now - STILL_MOVES else None,
        )
        for (day, unit, meter), amount in parts.items()
    ]


def quota(account: Account, window: Window) -> Steps:
    """Regions, deployments and budgets: each needs a role of its own, so that a refusal of one hides no other."""
    found: list[Quota] = []
    refused: list[ProviderError] = []
    answered = 0
    requests = [regional_request(account, region) for region in account.list("regions")]
    if account.has("resource_group") and account.has("account_name"):
        requests.append(list_request(f"{resource_path(account)}/deployments"))
    for request in (*requests, budgets_request(account)):
        try:
            documents = yield from linked(request, list_link)
        except (ActionNeeded, NotAvailable) as error:
            if error.status not in (403, 404):
                raise
            refused.append(error)
            continue
        answered += 1
        if request.url.endswith("/usages"):
            found += parse_regional(documents, request.url.split("/")[-2])
        elif request.url.endswith("/deployments"):
            found += parse_rate_limits(documents)
        else:
            scope = account.get("cost_scope") or account.get("resource_group") or account.get("subscription_id")
            found += yield from parse_budgets(documents, scope)
    if not answered:
        raise refused[0]
    for words in dict.fromkeys(error.message for error in refused):
        yield Partial(reason=words)
    return found


def models(account: Account, window: Window) -> Steps:
    """The deployments. Without an app registration that may list them, those that an admin entered count."""
    if all(account.has(name) for name in RESOURCE):
        request = list_request(f"{resource_path(account)}/deployments")
        try:
            return parse_deployments((yield from linked(request, list_link)))
        except ActionNeeded as error:
            if error.status != 403 or not (account.has("api_key") and account.has("endpoint")):
                raise
    listed = list(parse_models((yield key_request(account))))
    named = account.list("deployments")
    if named:
        return [Model(id=name) for name in dict.fromkeys(named)]
    yield Partial(reason="These are models, but calls name a deployment: enter those in “Deployments”.")
    return listed


def key_request(account: Account) -> Request:
    """The endpoint as an admin typed it: bare, or with the path of either wire form."""
    account.first_of("api_key")
    if not account.has("endpoint"):
        raise ActionNeeded("This needs the field “Endpoint”.", code="missing_field", field="endpoint")
    base = account.get("endpoint").partition("/openai")[0].rstrip("/")
    version = account.get("api_version")
    if version:
        return Request(url=f"{base}/openai/models", auth="api_key", params=(("api-version", version),))
    return Request(url=f"{base}/openai/v1/models", auth="api_key")


def check(account: Account, window: Window) -> Steps:
    """Proves what is there: the api-key, the app registration, or both. A role that the app lacks here may be one that
    it does not need, so a 403 is a warning."""
    kinds: list[str] = []
    warnings: list[str] = []
    if account.first_of("client_secret", "api_key") == "client_secret":
        if not account.has("subscription_id"):
            raise ActionNeeded("This needs the field “Subscription ID”.", code="missing_field", field="subscription_id")
        try:
            if account.has("resource_group") and account.has("account_name"):
                today = day_start(window.now)
                get((yield metrics_request(account, today, today + ONE_DAY)).json(), "value", rows)
            else:
                get((yield budgets_request(account)).json(), "value", rows)
        except ActionNeeded as error:
            if error.status != 403:
                raise
            warnings.append("missing_role")
        kinds.append("app_registration")
    if account.has("api_key") and account.has("endpoint"):
        list(parse_models((yield key_request(account))))
        kinds.append("api_key")
    elif not kinds:
        key_request(account)
    return [Identity(key_kind=", ".join(kinds), warnings=tuple(warnings))]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    """Decided by the status: codes have several spellings."""
    if reply.status == 429:
        return Retryable(
            f"{urlsplit(request.url).hostname} answered 429, too many calls.",
            status=429,
            retry_after=longest_wait(reply.headers),
        )
    if request.auth == "api_key":
        if reply.status == 401:
            words = "The resource does not know this api-key: it may belong to another resource."
            return ActionNeeded(words, status=401, field="api_key", url=PORTAL)
        if reply.status == 403:
            words = "The resource refuses the call: its network rules may not allow this machine."
            return ActionNeeded(words, code="blocked", status=403, field="endpoint", url=PORTAL)
        return None
    if reply.status == 401:
        words = "Azure does not accept the app registration's token: check tenant and client secret."
        return ActionNeeded(words, status=401, field="client_secret", url=APPS)
    if reply.status == 403:
        what, role = next(
            (told for end, told in ROLES.items() if request.url.lower().endswith(end)), ("this", "a reader role")
        )
        words = f"The app registration may not read {what}: it needs the role {role}."
        return ActionNeeded(words, code="missing_scope", status=403, field="client_id", url=APPS)
    if reply.status == 404 and request.url.endswith("/usages"):
        return NotAvailable("Azure tells no quota for one of the regions: check their names.", status=404)
    if reply.status == 404 and arm_code(reply) in (
        "ResourceNotFound",
        "ResourceGroupNotFound",
        "SubscriptionNotFound",
        "BillingSubscriptionNotFound",
    ):
        words = "Azure does not find this subscription, resource group or resource: check the names."
        return ActionNeeded(words, status=404, field="subscription_id", url=PORTAL)
    return None


def arm_code(reply: Reply) -> str | None:
    try:
        code = reply.json()["error"]["code"]
    except (ProviderError, KeyError, TypeError, IndexError):
        return None
    return code if isinstance(code, str) else None


def longest_wait(headers: Mapping[str, str]) -> float | None:
    """Cost Management tells three waits in headers of its own; the longest counts."""
    waits = [retry_after_seconds(headers)]
    for name in ("qpu", "entity", "tenant", "client"):
        told = headers.get(f"x-ms-ratelimit-microsoft.costmanagement-{name}-retry-after", "")
        waits.append(retry_after_seconds({"retry-after": told}))
    known = [wait for wait in waits if wait is not None]
    return min(max(known), MAX_RETRY_AFTER_SECONDS) if known else None


PROVIDER = Provider(
    slug="azure-openai",
    icon="azure",
    name="Azure OpenAI",
    summary="OpenAI models in your own Azure resource: tokens, costs, quota and budgets.",
    docs_url=f"{LEARN}/azure/ai-foundry/openai/",
    console_url=PORTAL,
    checked=date(2026, 11, 20),
    price_list="azure",
    wire_protocol="OpenAICompatible",
    also_protocols=("OpenAIResponses",),
    base_urls=(BaseUrl(url=f"https://{PLACEHOLDER_HOST}/openai/v1", use="inference", label="Your own resource"),),
    extra_hosts=(MANAGEMENT_HOST, LOGIN_HOST),
    authorizers=(
        EntraClientCredentials(
            name="app",
            tenant="tenant_id",
            client="client_id",
            secret="client_secret",
            scope=f"{ARM}/.default",
            hosts=(MANAGEMENT_HOST,),
        ),
    ),
    fields=(
        Field(
            name="endpoint",
            label="Endpoint",
            help=f"The resource's own address, as “Keys and Endpoint” shows it: https://{PLACEHOLDER_HOST}.",
            kind="url",
            url=PORTAL,
            environment="AZURE_OPENAI_ENDPOINT",
        ),
        Field(
            name="api_key",
            label="API key of the resource",
            help="Key 1 or 2 of the resource. It makes calls and lists models; usage, costs and quota need the app "
            "registration below.",
            secret=True,
            url=PORTAL,
            header="api-key",
            prefix="",
            hosts=(PLACEHOLDER_HOST,),
            environment="AZURE_OPENAI_API_KEY",
            can_spend=True,
        ),
        Field(
            name="deployments",
            label="Deployments",
            help="Names of the deployments (not models) that callers use. The app registration reads them itself.",
            kind="list",
        ),
        Field(
            name="api_version",
            label="API version",
            help="Only for the older form of the address: 2024-10-21 is the stable one. Leave empty otherwise.",
            environment="OPENAI_API_VERSION",
        ),
        Field(
            name="tenant_id",
            label="Tenant ID",
            help="Directory (tenant) ID of the app registration.",
            url=APPS,
            environment="AZURE_TENANT_ID",
        ),
        Field(
            name="client_id",
            label="Client ID",
            help="Application (client) ID of the app registration. Give it reader roles only, never Contributor: that "
            "one can read the resource's keys.",
            url=APPS,
            environment="AZURE_CLIENT_ID",
        ),
        Field(
            name="client_secret",
            label="Client secret",
            help="The secret's value, not its ID. It ends on the day chosen when it was made: note that day.",
            secret=True,
            url=APPS,
            hosts=(LOGIN_HOST,),
            environment="AZURE_CLIENT_SECRET",
            scopes=(
                "Monitoring Reader on the resource",
                "Cost Management Reader on the cost scope",
                "Cognitive Services Usages Reader on the subscription",
                "Reader on the resource, for deployments",
            ),
        ),
        Field(
            name="subscription_id",
            label="Subscription ID",
            help="The subscription that holds the resource.",
            environment="AZURE_SUBSCRIPTION_ID",
        ),
        Field(name="resource_group", label="Resource group", help="The group that holds the resource."),
        Field(name="account_name", label="Resource name", help="The resource's name within its group."),
        Field(
            name="regions",
            label="Regions",
            help="Regions to read the quota of, such as swedencentral: quota is by region. None: not read.",
            kind="list",
        ),
        Field(
            name="cost_scope",
            label="Cost scope",
            help="Where costs and budgets are read: subscriptions/ID or subscriptions/ID/resourceGroups/NAME. "
            "Empty: the resource group.",
        ),
    ),
    key_warning="The resource's api-key can spend without limit. The app registration should have reader roles only.",
    check=Check(steps=check, source=f"{LEARN}/rest/api/monitor/metrics/list"),
    explain=explain,
    capabilities={
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=15),
            needs=RESOURCE,
            source=f"{LEARN}/rest/api/monitor/metrics/list",
            history=METRIC_RETENTION,
            chunk=timedelta(days=METRIC_DAYS - 1),
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(hours=4),  # data comes about so often, and few calls are allowed
            needs=RESOURCE,
            source=f"{LEARN}/rest/api/cost-management/query/usage",
            history=timedelta(days=365),
            chunk=timedelta(days=COST_DAYS - 1),
            lookback=timedelta(days=30),
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=APP,
            source=f"{LEARN}/azure/ai-foundry/openai/how-to/quota",
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key|client_secret",),
            source=f"{LEARN}/rest/api/aiservices/accountmanagement/deployments/list",
        ),
        "balance": NotOffered(
            reason="Azure bills afterwards, so there is no balance to read.",
            fallback="A budget in Azure or in Purser, less the costs so far, shows what is left.",
        ),
        "keys": NotOffered(
            reason="A resource has two keys without names, and Azure would list them in full only.",
            fallback="Give each team a deployment of its own: usage is told by deployment.",
        ),
    },
)
