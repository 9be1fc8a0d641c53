"""Google Vertex AI, Anthropic's models: tokens from Cloud Monitoring, limits from Cloud Quotas, money from the
customer's own billing export in BigQuery. There is no balance.

Docs: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude, Monitoring API v3,
Cloud Quotas API v1, BigQuery jobs.query, Cloud Billing and Budgets APIs, checked 2026-11-20.
Key: the JSON key file of a service account that may only read; one with `aiplatform.user` or more could spend.
Quirks: 64-bit integers are strings, in BigQuery every value is; empty lists are left out; points come newest first and
belong to the day they start on; cost is before credits; a BigQuery query is charged by the bytes it scans, so it runs
only where an admin named the table, seldom, and under a cap. Billing names Claude only in the text of its SKUs.
"""

import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from msgspec.structs import replace

from providers.auth import GoogleServiceAccount
from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable, retry_after_seconds
from providers.paging import by_page_token, pages
from providers.parse import (
    boolean,
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
    rows,
    sequence,
    text,
    utc_day,
)
from providers.records import CostBucket, CostCategory, Identity, Quota, UsageBucket
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

T = TypeVar("T")
Reading = Generator[Request | Partial, Reply, T]

DOCS = "https://docs.cloud.google.com"
SERVICE_ACCOUNTS = "https://console.cloud.google.com/iam-admin/serviceaccounts"
MONITORING, QUOTAS = "monitoring.googleapis.com", "cloudquotas.googleapis.com"
BIGQUERY, BILLING = "bigquery.googleapis.com", "cloudbilling.googleapis.com"
BUDGETS, TOKENS = "billingbudgets.googleapis.com", "oauth2.googleapis.com"
# host: (name of the API, the least roles)
APIS = {
    MONITORING: ("Cloud Monitoring", "Monitoring Viewer (roles/monitoring.viewer) on the project"),
    QUOTAS: ("Cloud Quotas", "Cloud Quotas Viewer (roles/cloudquotas.viewer) on the project"),
    BIGQUERY: (
        "BigQuery",
        "BigQuery Job User (roles/bigquery.jobUser) on the table's project and BigQuery Data Viewer "
        "(roles/bigquery.dataViewer) on its dataset",
    ),
    BILLING: ("Cloud Billing", "Browser (roles/browser) on the project"),
    BUDGETS: ("Cloud Billing Budget", "Billing Account Viewer (roles/billing.viewer) on the billing account"),
}

SERVING = "aiplatform.googleapis.com/publisher/online_serving"
DAY, SHORT = timedelta(days=1), timedelta(minutes=5)
MOST_POINTS = 20_000  # of 100,000: an answer has to stay under the size cap
KNOWN_TYPES = ("input", "output")

QUOTA_METRIC = re.compile(
    r"aiplatform\.googleapis\.com/(?P<area>[a-z]+(?:_multi_region)?_)?online_prediction_"
    r"(?P<what>requests|input_tokens|output_tokens)(?:_per_minute)?_per_base_model"
)
AREAS = {"": "Regional", "us_multi_region_": "US multi-region", "eu_multi_region_": "EU multi-region"}
PERIODS = {"MONTH": "month", "QUARTER": "quarter", "YEAR": "year"}

PROJECT_ID = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")
BILLING_ACCOUNT = re.compile(r"[0-9A-F]{6}(?:-[0-9A-F]{6}){2}")
TABLE = re.compile(
    rf"(?P<project>{PROJECT_ID.pattern})\.\w+\.gcp_billing_export_(?:resource_)?v1_[0-9A-F]{{6}}(?:_[0-9A-F]{{6}}){{2}}",
    re.ASCII,
)
SERVICE_ID = re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}")
MOST_BYTES = 10 * 2**30  # scanned by one query; beyond it BigQuery refuses and charges nothing
MOST_ROWS = 10_000
MOST_WAITS = 12
PROVISIONAL = timedelta(days=7)
CATEGORIES: Mapping[str, CostCategory] = {"tax": "tax", "adjustment": "adjustment", "rounding_error": "adjustment"}
QUERY = (
    "SELECT FORMAT_DATE('%F', DATE(usage_start_time)) day, service.description service, sku.description sku, "
    "project.id project, currency, cost_type, "
    "SUM(cost)+SUM(IFNULL((SELECT SUM(c.amount) FROM UNNEST(credits) c),0)) net_cost FROM `{table}` "
    "WHERE usage_start_time >= @from AND usage_start_time < @to AND project.id = @project{chosen} "
    "GROUP BY 1,2,3,4,5,6 ORDER BY 1"
)


def typed(account: Account, name: str, shape: re.Pattern[str], words: str) -> str:
    """A field that becomes part of a path or a query. Raises ActionNeeded where it is none of that shape."""
    value = account.get(name).strip()
    if not shape.fullmatch(value):
        raise ActionNeeded(words, field=name)
    return value


def project_of(account: Account) -> str:
    return typed(
        account, "project_id", PROJECT_ID, "This is not a project id: it looks like acme-ai, and is no number."
    )


# --- Usage ------------------------------------------------------------------------------------------------------


def series_request(project: str, metric: str, start: datetime, end: datetime, period: timedelta, most: int) -> Request:
    """ALIGN_DELTA would make up values between points; ALIGN_SUM adds what is there."""
    chosen = f'metric.type="{SERVING}/{metric}" AND resource.labels.publisher="anthropic"'
    return Request(
        url=f"https://{MONITORING}/v3/projects/{project}/timeSeries",
        auth="google",
        params=(
            ("filter", chosen),
            ("interval.startTime", iso_z(start)),
            ("interval.endTime", iso_z(end)),
            ("aggregation.alignmentPeriod", f"{int(period.total_seconds())}s"),
            ("aggregation.perSeriesAligner", "ALIGN_SUM"),
            ("view", "FULL"),
            ("pageSize", str(most)),
        ),
    )


def spans(window: Window) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """(start, end, period): whole days that are over in one call, the running day in short steps in another."""
    start, today = day_start(window.start), day_start(window.now)
    closed = min(day_after(window.end), today)
    if start < closed:
        yield start, closed, DAY
    so_far = window.now - (window.now - today) % SHORT
    if window.end > today and so_far > today:
        yield today, so_far, SHORT


def parse_points(documents: Sequence[Any]) -> Iterator[tuple[datetime, str, str, str | None, int]]:
    """(day, model, location, type, count) of each point with a value. Several series may be alike but for labels that
    are not documented; the caller adds them. A point that comes twice counts once."""
    seen: dict[tuple[str, datetime], int] = {}
    for document in documents:
        for series in maybe(document, "timeSeries", rows) or ():
            labels = get(get(series, "resource", mapping), "labels", mapping)
            model, location = get(labels, "model_user_id", text), maybe(labels, "location", text) or ""
            measured = maybe(get(series, "metric", mapping), "labels", mapping) or {}
            identity = repr((sorted(labels.items()), sorted(measured.items())))
            for point in get(series, "points", rows):
                at = get(get(point, "interval", mapping), "startTime", instant)
                value = get(point, "value", mapping)
                count = get(value, "int64Value" if "int64Value" in value else "doubleValue", integer)
                if (identity, at) not in seen:
                    seen[identity, at] = count
                    yield day_start(at), model, location, maybe(measured, "type", text), count
                elif seen[identity, at] != count:
                    raise PayloadError("The answer counts one time of one series twice, and differently.")


def parse_usage(tokens: Sequence[Any], requests: Sequence[Any], project: str, now: datetime) -> Iterator[UsageBucket]:
    """One bucket per day, model and location. What a type beside input and output holds is not documented: it is kept
    by its own name, and added to nothing."""
    counts: dict[tuple[datetime, str, str], Counter[str]] = {}
    for day, model, location, kind, count in parse_points(tokens):
        if kind is None:
            raise PayloadError("The answer has no type of tokens.")
        counts.setdefault((day, model, location), Counter())[kind] += count
    calls: Counter[tuple[datetime, str, str]] = Counter()
    for day, model, location, _, count in parse_points(requests):
        calls[day, model, location] += count
    for day, model, location in sorted(counts.keys() | calls.keys()):
        found = counts.get((day, model, location), Counter())
        yield UsageBucket(
            start=day,
            end=day + DAY,
            model=model,
            project=project,
            endpoint=location or None,
            input_tokens=found.get("input"),
            output_tokens=found.get("output"),
            requests=calls.get((day, model, location)),
            quantities={f"{kind}_tokens": Decimal(found[kind]) for kind in sorted(found) if kind not in KNOWN_TYPES},
            final=False if day + DAY > now else None,
        )


def series(project: str, metric: str, window: Window) -> Reading[list[Any]]:
    documents: list[Any] = []
    for start, end, period in spans(window):
        documents += yield from pages(series_request(project, metric, start, end, period, MOST_POINTS), by_page_token)
    if any(maybe(document, name, sequence) for document in documents for name in ("executionErrors", "unreachable")):
        yield Partial(reason="Cloud Monitoring could not reach all of its data.")
    return documents


def usage(account: Account, window: Window) -> Steps:
    project = project_of(account)
    tokens = yield from series(project, "token_count", window)
    try:
        requests = yield from series(project, "model_invocation_count", window)
    except NotAvailable:
        requests = []
        yield Partial(reason="Cloud Monitoring has no count of requests for this project.")
    return parse_usage(tokens, requests, project, window.now)


# --- Limits and budgets -----------------------------------------------------------------------------------------


def parse_limits(documents: Sequence[Any]) -> Iterator[Quota]:
    """One limit per metric, base model and location: regional and global ones stand side by side and are not added.
    A limit without a value may be 0 or unknown; -1 is none."""
    for position, document in enumerate(documents):
        listed = maybe(document, "quotaInfos", rows) if position else get(document, "quotaInfos", rows)
        for row in listed or ():
            metric = QUOTA_METRIC.fullmatch(get(row, "metric", text))
            if metric is None:
                continue
            area = AREAS.get(metric["area"] or "", "") or (metric["area"] or "").replace("_", " ").strip().capitalize()
            what = metric["what"].replace("_", " ")
            window = maybe(row, "refreshInterval", text)
            for info in maybe(row, "dimensionsInfos", rows) or ():
                dimensions = maybe(info, "dimensions", mapping) or {}
                model = maybe(dimensions, "base_model", text) or ""
                if not model.startswith(("anthropic-", "claude-")):
                    continue
                region = maybe(dimensions, "region", text)
                places = [region] if region else maybe(info, "applicableLocations", sequence) or [""]
                limit = maybe(maybe(info, "details", mapping) or {}, "value", decimal)
                for place in () if limit is not None and limit < 0 else places:
                    yield Quota(
                        name=f"{area} {what}",
                        unit="requests" if what == "requests" else "tokens",
                        limit=limit,
                        window=window,
                        scope=f"{model} ({text(place, 'applicableLocations')})" if place else model,
                    )


def parse_budgets(documents: Sequence[Any]) -> Iterator[Quota | None]:
    """Budgets with their scope; None for one whose amount follows an earlier period. What is spent is not told."""
    listed = [row for document in documents for row in maybe(document, "budgets", rows) or ()]
    found = {get(row, "name", text): row for row in listed}
    names = Counter(maybe(row, "displayName", text) or "" for row in found.values())
    for path, row in found.items():
        amount = maybe(get(row, "amount", mapping), "specifiedAmount", mapping)
        if amount is None:
            yield None
            continue
        name = maybe(row, "displayName", text) or ""
        if not name or names[name] > 1:
            name = f"{name or 'Budget'} ({path.rsplit('/', 1)[-1]})"
        covered = maybe(row, "budgetFilter", mapping) or {}
        units, nanos = maybe(amount, "units", decimal), maybe(amount, "nanos", decimal)
        yield Quota(
            name=name,
            unit=get(amount, "currencyCode", currency),
            limit=(units or Decimal(0)) + (nanos or Decimal(0)) / 1_000_000_000,
            window=PERIODS.get(maybe(covered, "calendarPeriod", text) or ""),
            scope=coverage(covered),
        )


def coverage(covered: Mapping[str, Any]) -> str:
    """What a budget is about, in words. No projects or no services named: all of them."""
    parts = []
    for name in ("projects", "services"):
        listed = [text(one, name).removeprefix(f"{name}/") for one in maybe(covered, name, sequence) or ()]
        if listed:
            parts.append(f"{name} {', '.join(listed)}" if len(listed) <= 5 else f"{len(listed)} {name}")
    return "; ".join(parts) or "the whole billing account"


def quota(account: Account, window: Window) -> Steps:
    url = f"https://{QUOTAS}/v1/projects/{project_of(account)}/locations/global/services/aiplatform.googleapis.com"
    listing = Request(url=f"{url}/quotaInfos", auth="google", params=(("pageSize", "500"),))
    limits = list(parse_limits((yield from pages(listing, by_page_token))))
    if not account.has("billing_account_id"):
        return limits
    words = "This is not a billing account id: it looks like 0A1B2C-3D4E5F-6A7B8C."
    url = f"https://{BUDGETS}/v1/billingAccounts/{typed(account, 'billing_account_id', BILLING_ACCOUNT, words)}/budgets"
    try:
        documents = yield from pages(Request(url=url, auth="google", params=(("pageSize", "100"),)), by_page_token)
    except (ActionNeeded, NotAvailable) as error:
        yield Partial(reason=f"Budgets are missing: {error.message}")
        return limits
    budgets = list(parse_budgets(documents))
    if None in budgets:
        yield Partial(
            reason="A budget that follows the spend of an earlier period is left out: its amount is not told."
        )
    return [*limits, *filter(None, budgets)]


# --- Cost -------------------------------------------------------------------------------------------------------


def query_request(account: Account, project: str, window: Window) -> Request:
    """The query over whole UTC days. What an admin chose travels as parameters, never as SQL."""
    words = "This is not the table of a billing export: project.dataset.gcp_billing_export_v1_XXXXXX_XXXXXX_XXXXXX."
    table = typed(account, "billing_table", TABLE, words)
    start, end = day_start(window.start), day_after(window.end)
    given = [("from", "TIMESTAMP", iso_z(start)), ("to", "TIMESTAMP", iso_z(end)), ("project", "STRING", project)]
    chosen = []
    for position, part in enumerate(filter(None, map(str.strip, account.get("cost_filter", "claude").split(",")))):
        if SERVICE_ID.fullmatch(part.upper()):
            given.append((f"choice{position}", "STRING", part.upper()))
            chosen.append(f"service.id = @choice{position}")
        elif part != "*":
            given.append((f"choice{position}", "STRING", part.lower()))
            chosen.append(f"STRPOS(LOWER(sku.description), @choice{position}) > 0")
    return Request(
        url=f"https://{BIGQUERY}/bigquery/v2/projects/{table.rsplit('.', 2)[0]}/queries",
        auth="google",
        method="POST",
        json={
            "query": QUERY.format(table=table, chosen=f" AND ({' OR '.join(chosen)})" if chosen else ""),
            "useLegacySql": False,
            "location": account.get("bigquery_location").strip(),
            "maxResults": MOST_ROWS,
            "timeoutMs": 10_000,
            "maximumBytesBilled": str(MOST_BYTES),
            "parameterMode": "NAMED",
            "queryParameters": [
                {"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}}
                for name, kind, value in given
            ],
        },
    )


def results_request(document: Any) -> Request:
    """More of a query that runs or ran, which is charged no second time."""
    job = get(document, "jobReference", mapping)
    project, name = get(job, "projectId", text), get(job, "jobId", text)
    if not PROJECT_ID.fullmatch(project) or not re.fullmatch(r"[\w-]+", name, re.ASCII):
        raise PayloadError("The answer has no usable name of the query.")
    location = maybe(job, "location", text)
    return Request(
        url=f"https://{BIGQUERY}/bigquery/v2/projects/{project}/queries/{name}",
        auth="google",
        params=(
            *((("location", location),) if location else ()),
            ("maxResults", str(MOST_ROWS)),
            ("timeoutMs", "10000"),
        ),
    )


def next_rows(document: Any) -> tuple[str, str] | None:
    token = maybe(document, "pageToken", text)
    return ("pageToken", token) if token else None


def parse_costs(documents: Sequence[Any], now: datetime) -> Iterator[tuple[str, CostBucket]]:
    """(type of cost, cost net of credits). Cells have no names of their own: the schema gives them by position."""
    for document in documents:
        names = [get(column, "name", text) for column in get(get(document, "schema", mapping), "fields", rows)]
        for row in maybe(document, "rows", rows) or ():
            cells = [mapping(cell, "f").get("v") for cell in get(row, "f", rows)]
            if len(cells) != len(names):
                raise PayloadError("A row of the answer does not fit its schema.")
            told = dict(zip(names, cells, strict=True))
            start = get(told, "day", utc_day)
            service, sku = maybe(told, "service", text), maybe(told, "sku", text)
            kind = maybe(told, "cost_type", text) or ""
            yield (
                kind,
                CostBucket(
                    start=start,
                    end=start + DAY,
                    amount=get(told, "net_cost", decimal),
                    unit=get(told, "currency", currency),
                    line_item=": ".join(filter(None, (service, sku))) or None,
                    project=maybe(told, "project", text),
                    category=CATEGORIES.get(kind, "usage"),
                    final=False if start + DAY > now - PROVISIONAL else None,
                ),
            )


def merged(found: Iterator[tuple[str, CostBucket]]) -> list[CostBucket]:
    """Kinds of cost that count alike (adjustments and rounding) are two rows of one subject: their sum. The query
    groups, so a row that comes again is the same row."""
    kept: dict[tuple[str, ...], CostBucket] = {}
    seen: dict[tuple[str, ...], CostBucket] = {}
    for kind, bucket in found:
        place = (kind, *bucket.key)
        if place in seen:
            if seen[place] != bucket:
                raise PayloadError("The answer has one cost twice, and differently.")
            continue
        seen[place] = bucket
        known = kept.get(bucket.key)
        kept[bucket.key] = bucket if known is None else replace(known, amount=known.amount + bucket.amount)
    return list(kept.values())


def cost(account: Account, window: Window) -> Steps:
    reply = yield query_request(account, project_of(account), window)
    document = reply.json()
    waits = 0
    while not get(document, "jobComplete", boolean):
        waits += 1
        if waits > MOST_WAITS:
            raise Retryable("BigQuery did not finish the query in time.")
        reply = yield results_request(document)
        document = reply.json()
    documents = [document]
    more = next_rows(document)
    if more:
        documents += yield from pages(results_request(document).with_params(more), next_rows)
    return merged(parse_costs(documents, window.now))


# --- Check and errors -------------------------------------------------------------------------------------------


def check(account: Account, window: Window) -> Steps:
    """Whether tokens or limits of the project can be read: either proves the key, and neither costs anything. The
    project is the account; its billing account may pay for others too."""
    project = project_of(account)
    limits = f"https://{QUOTAS}/v1/projects/{project}/locations/global/services/aiplatform.googleapis.com/quotaInfos"
    hour = day_start(window.now) - timedelta(hours=1), day_start(window.now)
    reads = {
        "usage": series_request(project, "token_count", *hour, timedelta(hours=1), 1),
        "quota": Request(url=limits, auth="google", params=(("pageSize", "1"),)),
    }
    able, refusals = list[str](), list[ProviderError]()
    for name, request in reads.items():
        try:
            _listing((yield request))
            able.append(name)
        except (ActionNeeded, NotAvailable) as error:
            refusals.append(error)
    if not able:
        raise next((error for error in refusals if isinstance(error, ActionNeeded)), refusals[0])
    warnings = [f"no_{name}" for name in reads if name not in able]
    try:
        reply = yield Request(url=f"https://{BILLING}/v1/projects/{project}/billingInfo", auth="google")
        if not maybe(reply.json(), "billingEnabled", boolean):
            warnings.append("billing_off")
    except (ActionNeeded, NotAvailable):
        pass  # the role for it is optional
    return [
        Identity(
            account_id=project,
            account_name=project,
            key_kind="service_account",
            scopes=tuple(able),
            warnings=tuple(warnings),
        )
    ]


# Google leaves out what is empty: an answer may be {}, but not something else.
_LISTS = frozenset({"timeSeries", "quotaInfos", "nextPageToken", "unit", "executionErrors"})


def _listing(reply: Reply) -> None:
    """Raise PayloadError unless this is a list of series or of limits, which may be empty."""
    document = mapping(reply.json(), "the answer")
    if document and not _LISTS & document.keys():
        raise PayloadError("The answer is neither a list of figures nor one of limits.")


def reasons(reply: Reply) -> frozenset[str]:
    """The `reason`s in an error body, in either of Google's two forms. Never raises."""
    try:
        error = reply.json()["error"]
        listed = [*(error.get("errors") or ()), *(error.get("details") or ())]
        return frozenset(str(one["reason"]) for one in listed if isinstance(one, dict) and "reason" in one)
    except (ProviderError, KeyError, TypeError, AttributeError):
        return frozenset()


def explain(reply: Reply, request: Request) -> ProviderError | None:
    host = host_of(request.url)
    name, roles = APIS.get(host, (host, ""))
    told, status = reasons(reply), reply.status
    field = "service_account_json"
    if status == 401:
        words = f"{name} does not accept this service account: its key may be deleted or its clock wrong."
        return ActionNeeded(words, status=401, field=field, url=SERVICE_ACCOUNTS)
    if status == 403 and told & {"quotaExceeded", "rateLimitExceeded"}:
        return Retryable(
            f"{name} answered 403, too many calls.", status=403, retry_after=retry_after_seconds(reply.headers)
        )
    if status == 403 and "SERVICE_DISABLED" in told:
        return NotAvailable(f"The {name} API is not enabled in the project: enable it in Google's console.", status=403)
    if status == 403:
        words = f"The service account may not read this in {name}. It needs {roles}."
        return ActionNeeded(words, code="missing_scope", status=403, field=field, url=SERVICE_ACCOUNTS)
    if status == 404 and host == BIGQUERY:
        words = "BigQuery finds no such table at this location. Check both; a new export fills within five days."
        return NotAvailable(words, status=404)
    if status == 404 and host == MONITORING:
        words = "Cloud Monitoring has nothing of Claude in this project yet, or there is no such project."
        return NotAvailable(words, status=404)
    if status == 400 and "bytesBilledLimitExceeded" in told:
        words = f"The query would scan more than {MOST_BYTES // 2**30} GiB of the export: it was not run, nor charged."
        return ActionNeeded(words, status=400, field="billing_table")
    return None


PROVIDER = Provider(
    slug="vertex-ai",
    icon="vertexai",
    name="Google Vertex AI (Claude)",
    summary="Claude on Google Cloud: tokens and limits of a project, and cost from its billing export.",
    docs_url=f"{DOCS}/vertex-ai/generative-ai/docs/partner-models/claude/use-claude",
    console_url=SERVICE_ACCOUNTS,
    checked=date(2026, 11, 20),
    price_list="google",
    wire_protocol="DirectAnthropic",
    base_urls=(
        BaseUrl(url="https://aiplatform.googleapis.com", use="inference", label="Global"),
        BaseUrl(url="https://aiplatform.us.rep.googleapis.com", use="inference", label="United States"),
        BaseUrl(url="https://aiplatform.eu.rep.googleapis.com", use="inference", label="European Union"),
        BaseUrl(url=f"https://{MONITORING}", use="account"),
    ),
    extra_hosts=(QUOTAS, BIGQUERY, BILLING, BUDGETS, TOKENS),
    # Not to the hosts of inference: Purser reads.
    authorizers=(
        GoogleServiceAccount(
            name="google",
            field="service_account_json",
            scope="https://www.googleapis.com/auth/cloud-platform",
            hosts=tuple(APIS),
        ),
    ),
    fields=(
        Field(
            name="service_account_json",
            label="Service account key file",
            help="The whole JSON key file of a service account made for Purser, with Monitoring Viewer and Cloud "
            "Quotas Viewer on the project alone; cost, budgets and the state of billing need the other roles named.",
            kind="json",
            secret=True,
            required=True,
            url=SERVICE_ACCOUNTS,
            environment="GOOGLE_APPLICATION_CREDENTIALS_JSON",
            scopes=(
                "roles/monitoring.viewer",
                "roles/cloudquotas.viewer",
                "roles/bigquery.jobUser and roles/bigquery.dataViewer (cost)",
                "roles/billing.viewer (budgets)",
                "roles/browser (state of billing)",
            ),
        ),
        Field(
            name="project_id",
            label="Project id",
            help="The id, not the number, of the project that calls Claude. It stands in the key file as project_id, "
            "unless the service account lives in another project.",
            required=True,
        ),
        Field(
            name="location",
            label="Location",
            help="Where Claude is called: global, us, eu or a region. Only needed to route calls, not to read figures.",
        ),
        Field(
            name="billing_table",
            label="Billing export table",
            help="For cost: project.dataset.gcp_billing_export_v1_XXXXXX_XXXXXX_XXXXXX, after switching on the usage "
            "export to BigQuery. Queries run in the table's project, and BigQuery charges for the bytes that each "
            f"one scans: at most {MOST_BYTES // 2**30} GiB, four times a day. Empty: no query is ever made.",
        ),
        Field(
            name="bigquery_location",
            label="Location of the export's dataset",
            help="For cost: the location of that dataset, such as EU or US.",
        ),
        Field(
            name="billing_account_id",
            label="Billing account id",
            help="Optional, as 0A1B2C-3D4E5F-6A7B8C: its budgets are shown. Needs Billing Account Viewer on it.",
        ),
        Field(
            name="cost_filter",
            label="What counts as cost of AI",
            help="Texts within SKU names, or service ids, separated by commas. Empty: SKUs with “claude” in "
            "their name. An asterisk: everything that the project costs.",
        ),
    ),
    key_warning="A service account with Vertex AI User, Editor or Owner could spend or delete: give it viewer roles.",
    check=Check(steps=check, source=f"{DOCS}/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list"),
    explain=explain,
    capabilities={
        "balance": NotOffered(
            reason="Google Cloud bills afterwards and tells no balance.",
            fallback="Cost from the billing export shows what will be owed.",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("service_account_json", "project_id"),
            source=f"{DOCS}/docs/quotas/reference/rest/v1/projects.locations.services.quotaInfos/list",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=15),
            needs=("service_account_json", "project_id"),
            confidence="observed",
            source=f"{DOCS}/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list",
            history=timedelta(days=42),
            chunk=timedelta(days=42),
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(hours=6),  # each query is charged
            needs=("service_account_json", "project_id", "billing_table", "bigquery_location"),
            source=f"{DOCS}/bigquery/docs/reference/rest/v2/jobs/query",
            history=timedelta(days=365),
            chunk=timedelta(days=366),
            lookback=timedelta(days=35),
        ),
        "keys": NotOffered(
            reason="Claude on Vertex AI is called with service accounts, not with API keys of its own.",
            fallback="Google's console lists service accounts and their keys.",
        ),
        "models": NotOffered(
            reason="Google has no documented list of the Claude models that a project may call.",
            fallback="Model Garden in Google's console shows them.",
        ),
    },
)
