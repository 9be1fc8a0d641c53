"""Groq (GroqCloud): the model list, and token estimates from the metrics of Enterprise organizations.

Docs: https://console.groq.com/docs/prometheus-metrics (Enterprise metrics), /docs/models, /docs/rate-limits,
/docs/spend-limits and /docs/errors, checked 2026-11-20.
Key: one kind (gsk_...), of an organization and a project. It has no scopes and no read-only kind, so it can spend.
Quirks: a metric is a 5-minute average of a rate per second, never a counter: a count is the sum of the points of a
300-second grid times 300, and an estimate. A point covers the five minutes before it, so the first one wanted lies
300 s after the span's start. Numbers are text, "NaN" is a missing one, gaps are left out. VictoriaMetrics answers: its
cluster says `isPartial`, and it may move the ends of a range. An organization that is not Enterprise gets 404. What
a prompt cache hit counts is not documented, so input is not split by cache. Rate limits stand in headers, documented
for model calls, which cost money and are never made: the free model list is looked at, which no document promises them
on. Their names hold no window: requests are those of a day, tokens those of a minute. At the monthly spend limit every
key gets 400 `blocked_api_access`.
"""

import re
from collections.abc import Generator, Iterator
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable, TooLarge
from providers.parse import boolean, decimal, get, integer, mapping, maybe, rows, sequence, spans, text, unix_seconds
from providers.rate_limits import parse_limit_headers
from providers.records import Identity, Model, UsageBucket
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

INFERENCE = "https://api.groq.com/openai/v1"
METRICS = "https://api.groq.com/v1/metrics/prometheus"
LIMITS_DOCS = "https://console.groq.com/docs/rate-limits"
METRICS_DOCS = "https://console.groq.com/docs/prometheus-metrics"
KEYS_PAGE = "https://console.groq.com/keys"
MODELS = Request(url=f"{INFERENCE}/models", auth="api_key")
HEADER_WINDOWS = {"requests": "day", "tokens": "minute"}

# What a bucket counts: its metric, and a filter. Only answered requests count, as in the token metrics.
COUNTS = {
    "requests": ("model_project_id_status_code:requests:rate5m", 'status_code=~"2.."'),
    "input_tokens": ("model_project_id:tokens_in:rate5m", ""),
    "output_tokens": ("model_project_id:tokens_out:rate5m", ""),
}
POINT = timedelta(seconds=300)
HOUR = timedelta(hours=1)
SPAN, SMALL_SPAN = timedelta(days=11), timedelta(days=1)  # of one call: 3,168 points a series; Prometheus takes 11,000
PLAIN_ID = re.compile(r"[A-Za-z0-9_-]+")
ESTIMATE = "enterprise metrics (estimate)"  # the label of every bucket: these are no counts

Hourly = dict[tuple[datetime, str, str], Decimal]
"""(start of the hour, model, project) -> count."""
Part = tuple[Any, datetime, datetime]
"""An answer, and the span [start, end) that was asked for."""


class SpendLimitReached(Retryable):
    """The key is good, and served again when the limit is raised or the month ends: so it is tried again."""


def metric_request(count: str, project: str, start: datetime, end: datetime) -> Request:
    """The points that cover [start, end), one series for each model and project. Both ends of a range are answered."""
    metric, status = COUNTS[count]
    filters = ",".join(part for part in (status, f'project_id="{project}"' if project else "") if part)
    return Request(
        url=f"{METRICS}/api/v1/query_range",
        auth="api_key",
        params=(
            ("query", f"sum by (model, project_id) ({metric}{{{filters}}})"),
            ("start", str(int((start + POINT).timestamp()))),
            ("end", str(int(end.timestamp()))),
            ("step", "300s"),
        ),
    )


def _moment(told: Any) -> tuple[datetime, datetime]:
    """When a point is, and the hour that it is about: the one that ends then, on the full hour."""
    at = unix_seconds(told, "The time of a point")
    return at, (at - timedelta.resolution).replace(minute=0, second=0, microsecond=0)


# Every series of every metric has the same points.
_known_moment = lru_cache(maxsize=8192)(_moment)


def parse_metric(document: Any, start: datetime, end: datetime) -> Hourly:
    """Counts by hour. An empty result is no traffic; a series sent twice counts once; NaN is a missing point."""
    if get(document, "status", text) != "success":
        raise PayloadError("Groq's metrics did not answer the query.")
    data = get(document, "data", mapping)
    if get(data, "resultType", text) != "matrix":
        raise PayloadError("Groq's metrics answered with another kind of result than a matrix.")
    known: dict[tuple[str, str], Any] = {}
    found: Hourly = {}
    for series in get(data, "result", rows):
        labels = get(series, "metric", mapping)
        # Prometheus leaves out a label whose value is empty.
        place = (maybe(labels, "model", text) or "", maybe(labels, "project_id", text) or "")
        values = get(series, "values", sequence)
        if known.setdefault(place, values) is not values:
            if known[place] != values:
                raise PayloadError("The answer has two different series for one model and project.")
            continue
        for point in values:
            if len(sequence(point, "values[]")) != 2:
                raise PayloadError("A point of the answer is not a pair.")
            at, hour = _known_moment(point[0]) if type(point[0]) is int else _moment(point[0])
            if point[1] == "NaN" or not start < at <= end:
                continue
            rate = decimal(point[1], "The value of a point")
            if rate < 0:
                raise PayloadError("The answer has a rate below zero.")
            found[hour, *place] = found.get((hour, *place), Decimal(0)) + rate * 300
    return found


def parse_models(reply: Reply) -> Iterator[Model]:
    """Speech models too. Only the id is certain; a model is left out when the list says that it is not active."""
    for row in get(reply.json(), "data", rows):
        model = get(row, "id", text)
        if maybe(row, "active", boolean) is not False:
            yield Model(id=model, context=maybe(row, "context_window", integer))


def read_metric(count: str, project: str, start: datetime, end: datetime) -> Generator[Request, Reply, list[Part]]:
    """The answers about a metric over a span; day by day where so many series do not fit one answer."""
    parts: list[Part] = []
    for first, last in spans(start, end, SPAN):
        try:
            reply = yield metric_request(count, project, first, last)
            parts.append((reply.json(), first, last))
        except TooLarge:
            for day, next_day in spans(first, last, SMALL_SPAN):
                reply = yield metric_request(count, project, day, next_day)
                parts.append((reply.json(), day, next_day))
    return parts


def usage(account: Account, window: Window) -> Steps:
    """Whole hours, the open one as far as its last full five minutes."""
    project = account.get("project_id").strip()
    if project and not PLAIN_ID.fullmatch(project):
        raise ActionNeeded("The project id holds characters that no id has.", field="project_id", url=METRICS_DOCS)
    start = window.start.replace(minute=0, second=0, microsecond=0)
    end = (window.end + HOUR - timedelta.resolution).replace(minute=0, second=0, microsecond=0)
    end = min(end, window.now.replace(minute=window.now.minute // 5 * 5, second=0, microsecond=0))
    if start >= end:
        return []
    counts: dict[str, Hourly] = {count: {} for count in COUNTS}
    whole = True
    for count, hourly in counts.items():
        for document, first, last in (yield from read_metric(count, project, start, end)):
            hourly |= parse_metric(document, first, last)
            whole = whole and not (maybe(document, "isPartial", boolean) or maybe(document, "warnings", sequence))
    if not whole:
        yield Partial(reason="Groq's metrics said that an answer may not be complete.")
    if not any(counts.values()):  # unknown names are answered like silence, which must not erase what is known
        yield Partial(reason="Groq's metrics hold nothing here: no traffic, another project id, or renamed metrics.")
    return buckets(counts, window.now)


def buckets(counts: dict[str, Hourly], now: datetime) -> Iterator[UsageBucket]:
    """One bucket for each hour, model and project; a count without a point in that hour stays unknown."""
    for hour, model, project in sorted({place for hourly in counts.values() for place in hourly}):
        told = {
            count: int(hourly[hour, model, project].to_integral_value(ROUND_HALF_UP))
            for count, hourly in counts.items()
            if (hour, model, project) in hourly
        }
        yield UsageBucket(
            start=hour,
            end=hour + HOUR,
            model=model or None,
            project=project or None,
            endpoint=ESTIMATE,
            input_tokens=told.get("input_tokens"),
            output_tokens=told.get("output_tokens"),
            requests=told.get("requests"),
            final=False if hour + HOUR > now else None,
        )


def quota(account: Account, window: Window) -> Steps:
    """What the headers of the free model list tell, if anything. They name no model, and a limit of another window may
    be full all the same."""
    reply = yield MODELS
    list(parse_models(reply))  # an answer of another shape is none of Groq's, nor are its headers
    found = parse_limit_headers(reply, now=window.now, windows=HEADER_WINDOWS)
    if not found:
        raise NotAvailable(
            "Groq told no rate limits with this free call: it promises them with paid calls only, which Purser never "
            "makes. Look them up in its console, under Limits."
        )
    return found


def models(account: Account, window: Window) -> Steps:
    reply = yield MODELS
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The free model list proves the key. Groq tells no account id. A key blocked by the spend limit is a known key."""
    try:
        reply = yield MODELS
    except SpendLimitReached:
        return [Identity(key_kind="api_key", warnings=("blocked",))]
    list(parse_models(reply))
    return [Identity(key_kind="api_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status, metrics = reply.status, request.url.startswith(METRICS)
    if status == 401:
        return ActionNeeded("Groq does not know this key.", status=status, field="api_key", url=KEYS_PAGE)
    if status == 400 and reply.said_text("error", "code") == "blocked_api_access":
        return SpendLimitReached(
            "The organization's monthly spend limit is reached: Groq blocks all of its keys until the limit is raised "
            "or the month ends.",
            status=status,
        )
    if metrics and status == 404:
        return NotAvailable("Groq gives metrics to Enterprise organizations only, not to this key's.", status=status)
    if metrics and status == 403:
        words = (
            "Groq refuses its metrics to this key (403). Ask Groq to open them for the organization, or switch "
            "“Enterprise metrics” off."
        )
        return ActionNeeded(words, code="missing_scope", status=status, field="metrics_enabled", url=METRICS_DOCS)
    if metrics and status in (400, 422):
        return PayloadError(f"Groq's metrics did not accept the query ({status}).", status=status)
    if status == 403:
        words = "Groq refuses this to the key's organization or project (403)."
        return ActionNeeded(words, status=status, field="api_key", url=KEYS_PAGE)
    return None


PROVIDER = Provider(
    slug="groq",
    name="Groq",
    summary="Models; token estimates for Enterprise organizations.",
    docs_url="https://console.groq.com/docs/",
    console_url=KEYS_PAGE,
    checked=date(2026, 11, 20),
    price_list="groq",
    wire_protocol="OpenAICompatible",
    also_protocols=("OpenAIResponses",),
    base_urls=(
        BaseUrl(url=INFERENCE, use="both"),
        BaseUrl(url=METRICS, use="account", label="Enterprise metrics"),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help="An ordinary key. Groq has no scopes and no read-only kind, so make one for Purser alone.",
            secret=True,
            required=True,
            url=KEYS_PAGE,
            starts_with=("gsk_",),
            wrong_starts={"xai-": "This is a key of xAI (Grok), which is another provider."},
            environment="GROQ_API_KEY",
            can_spend=True,
        ),
        Field(
            name="metrics_enabled",
            label="Enterprise metrics",
            help="Only for Enterprise organizations: reads token and request rates with the same key. What comes of "
            "them are estimates.",
            kind="choice",
            choices=(("", "Off"), ("yes", "On")),
        ),
        Field(
            name="project_id",
            label="Project id",
            help="Narrows the Enterprise metrics to one project (project_...). Empty: all projects.",
        ),
    ),
    key_warning="Every Groq key can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source="https://console.groq.com/docs/models"),
    explain=explain,
    capabilities={
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=30),
            needs=("api_key", "metrics_enabled"),
            source=METRICS_DOCS,
            history=timedelta(days=90),
            chunk=timedelta(days=7),
            estimated="Token counts are estimates, made from rates that are measured every five minutes.",
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            source="https://console.groq.com/docs/models",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("api_key",),
            confidence="unverified",  # documented for model calls; here they are read from the model list
            source=LIMITS_DOCS,
        ),
        "balance": NotOffered(
            reason="Groq bills afterwards and tells no balance.",
            fallback="Its console shows the bills and the spend limit.",
        ),
        "cost": NotOffered(
            reason="Groq has no cost history for an API key.",
            fallback="Estimated tokens times the price list, or the console's usage page entered by hand.",
        ),
        "keys": NotOffered(
            reason="Groq lists API keys only in its console.",
            fallback="Look there for them.",
        ),
    },
)
