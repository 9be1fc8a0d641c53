"""vLLM: a server of your own. It counts tokens and requests since its last start; it knows no account and no money.

Docs: https://docs.vllm.ai/en/latest/usage/metrics/, https://docs.vllm.ai/en/latest/design/metrics/ and
https://docs.vllm.ai/en/latest/usage/security/, checked 2026-11-20.
Key: none by default, else any text that the operator chose. It protects the paths under /v1 only: /metrics and /health
are open, so no key is sent there.
Quirks: /metrics is Prometheus text with the newest values only. Its counters begin at 0 with every start and never say
when in between something was used, so they come as samples of a counter, never as a bucket. `since`, the start of the
process, is a label: a restart begins another series, and two sides of one are never subtracted. A server with several
API processes does not tell it; then a fall of the value is the only sign. Prompt tokens include cached ones.
`request_success` counts aborted and failed requests too. Gauges (running, waiting, cache use) are of one model and
engine and are never added up. Histograms are not read, nor is `vllm:iteration_tokens_total`, one in spite of its name.
Every name may be missing. /load counts only where it was switched on, and does not say whether it was: it is not read.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from decimal import Decimal

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.optional import version_or_none
from providers.parse import get, integer, iso_z, maybe, rows, text, unix_seconds
from providers.records import CounterSample, Gauge, GaugeName, Identity, Model, Server
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

METRICS_DOCS = "https://docs.vllm.ai/en/latest/usage/metrics/"
SECURITY_DOCS = "https://docs.vllm.ai/en/latest/usage/security/"
SERVER_DOCS = "https://docs.vllm.ai/en/latest/serving/openai_compatible_server/"
STARTED = "process_start_time_seconds"
COUNTERS = {
    "vllm:prompt_tokens_total": "prompt",
    "vllm:prompt_tokens_cached_total": "cached",
    "vllm:generation_tokens_total": "output",
    "vllm:request_success_total": "requests",
}
# Of several names of one gauge the first that is there counts: the others are older, or parts of it.
GAUGES: tuple[tuple[GaugeName, str, tuple[str, ...]], ...] = (
    ("requests_running", "requests", ("vllm:num_requests_running",)),
    ("requests_waiting", "requests", ("vllm:num_requests_waiting", "vllm:num_requests_waiting_by_reason")),
    ("cache_usage", "percent", ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")),
)
MOST, YEAR_2286 = 2**63, 10**10
MAX_BYTES, MAX_LINE = 4 * 1024 * 1024, 10_000  # the library takes long for longer ones; real pages are far below

Series = tuple[str, str | None]
"""(model, engine); None on versions with one engine, which write no such label."""


def families(reply: Reply) -> list[Metric]:
    """The page as the Prometheus library reads it. A gateway's page, or one that was cut off, is Retryable."""
    body = reply.body.strip()
    begins_well = body[:1].isalpha() or body[:1] in (b"#", b"_", b":")
    if body.startswith(b"<") or (begins_well and not reply.body.endswith(b"\n")):
        raise Retryable("The answer is no metrics page: a gateway's page, or cut off.", status=reply.status)
    if len(body) > MAX_BYTES or any(len(line) > MAX_LINE for line in body.splitlines()):
        raise PayloadError("The metrics page is larger than any of vLLM.", status=reply.status)
    try:
        return list(text_string_to_metric_families(reply.body.decode()))
    except ValueError:  # its words quote the page
        raise PayloadError("The answer is no metrics page.", status=reply.status) from None


def count(value: float, where: str) -> int:
    if not 0 <= value < MOST or value != int(value):  # NaN and infinities fail the first part
        raise PayloadError(f"{where} is not a count.")
    return int(value)


def started_at(found: Iterable[Metric]) -> datetime | None:
    """When the process began; None where it is not told, or by several processes differently."""
    told = {sample.value for family in found for sample in family.samples if sample.name == STARTED}
    value = told.pop() if len(told) == 1 else 0
    return unix_seconds(Decimal(str(value)), STARTED) if 0 < value < YEAR_2286 else None


def counts_of(found: Iterable[Metric]) -> dict[Series, dict[str, int]]:
    """The counters per model and engine. Other labels (why a request ended) are parts of one whole and are added."""
    counts: dict[Series, dict[str, int]] = {}
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for family in found:
        for sample in family.samples:
            name = COUNTERS.get(sample.name)
            if name is None:
                continue
            if family.type not in ("counter", "unknown"):
                raise PayloadError(f"{sample.name} is no counter.")
            place = (sample.name, frozenset(sample.labels.items()))
            if place in seen:
                raise PayloadError(f"{sample.name} comes twice with the same labels.")
            seen.add(place)
            model = get(sample.labels, "model_name", text)
            counted = counts.setdefault((model, sample.labels.get("engine")), {})
            counted[name] = counted.get(name, 0) + count(sample.value, sample.name)
    return counts


def gauges_of(found: Iterable[Metric], server: str | None) -> Iterator[Gauge]:
    """Load at this moment, each figure with whose it is. What is no real figure (NaN, below zero) is not told."""
    samples: dict[str, list[Sample]] = {}
    for family in found:
        if family.type in ("gauge", "unknown"):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append(sample)
    for name, unit, spellings in GAUGES:
        spelling = next((one for one in spellings if one in samples), "")
        for sample in samples.get(spelling, ()):
            value = measured(sample.value, unit)
            if value is not None:
                yield Gauge(name=name, value=value, unit=unit, scope=scope_of(sample.labels, server))


def measured(value: float, unit: str) -> Decimal | None:
    """A count, or a share of 0 to 1 as percent."""
    if unit == "percent":
        return (Decimal(str(value)) * 100).quantize(Decimal("0.01")) if 0 <= value <= 1 else None
    return Decimal(int(value)) if 0 <= value < MOST and value == int(value) else None


def scope_of(labels: Mapping[str, str], server: str | None) -> str | None:
    """Model, engine, and whatever else tells two figures apart; the server where there are several."""
    parts = [server, labels.get("model_name")]
    parts += [f"{name} {labels[name]}" for name in sorted(labels) if name != "model_name"]
    return ", ".join(part for part in parts if part) or None


def parse_usage(found: Sequence[Metric], server: str, at: datetime) -> Iterator[CounterSample]:
    """What was counted since the start, under the names of our token classes. Without the counter of cached tokens
    input is not split. Where it is there, a series without it has read none from cache yet."""
    counts = counts_of(found)
    if not counts:
        raise NotAvailable("No counters of vLLM are on this page: its metrics are off, or it is another program's.")
    since = started_at(found)
    split = any("cached" in counted for counted in counts.values())
    for (model, engine), counted in counts.items():
        told: dict[str, int] = {}
        if "prompt" in counted:
            cached = counted.get("cached", 0)
            if cached > counted["prompt"]:
                raise PayloadError("More input was read from cache than there was.")
            told["input_tokens"] = counted["prompt"] - cached
            if split:
                told["cached_input_tokens"] = cached
        if "output" in counted:
            told["output_tokens"] = counted["output"]
        if "requests" in counted:
            told["requests"] = counted["requests"]
        labels = {"server": server, "model": model}
        labels |= {} if engine is None else {"engine": engine}
        labels |= {} if since is None else {"since": iso_z(since)}
        for name, value in told.items():
            yield CounterSample(name=name, value=Decimal(value), at=at, labels=labels)


def parse_models(reply: Reply) -> Iterator[Model]:
    """Served names and adapters. `created` is the time of the call and is left out; an adapter tells no length."""
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text), context=maybe(row, "max_model_len", integer))


def root(account: Account) -> str:
    """The root of the server that the admin typed, also when it was typed with the path of its OpenAI form."""
    return account.get("base_url").strip().rstrip("/").removesuffix("/v1").rstrip("/")


def usage(account: Account, window: Window) -> Steps:
    """Counters and load of every server, then the version. A server that fails leaves the others standing."""
    samples: list[CounterSample] = []
    gauges: list[Gauge] = []
    failed: list[ProviderError] = []
    pages = tuple(dict.fromkeys(account.list("metrics_url"))) or (f"{root(account)}/metrics",)
    for url in pages:
        server = url.partition("://")[2].partition("?")[0]
        try:
            found = families((yield Request(url=url, auth=None)))
            samples += parse_usage(found, server, window.now)
            gauges += gauges_of(found, server if len(pages) > 1 else None)
        except ProviderError as error:
            failed.append(error)
    if not samples:
        raise failed[0]
    for why in failed:
        yield Partial(reason=f"One of several servers was not read: {why.message}")
    version = yield from version_or_none(Request(url=f"{root(account)}/version", auth=None))
    return [*samples, Server(version=version, gauges=tuple(gauges))]


def list_models(account: Account) -> Generator[Request | Partial, Reply, list[Model]]:
    auth = "api_key" if account.has("api_key") else None
    reply = yield Request(url=f"{root(account)}/v1/models", auth=auth)
    return list(parse_models(reply))


def models(account: Account, window: Window) -> Steps:
    return (yield from list_models(account))


def check(account: Account, window: Window) -> Steps:
    """The model list proves address and key, but answers for a dead engine too; /health says (with an empty body)
    whether that is alive. A proxy may leave it out."""
    yield from list_models(account)
    with suppress(NotAvailable):
        yield Request(url=f"{root(account)}/health", auth=None)
    return [Identity(key_kind="api_key" if account.has("api_key") else "no_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    page = next((name for name in ("/v1/models", "/health") if request.url.endswith(name)), "metrics")
    if reply.status == 404 and page == "/v1/models":
        words = "No vLLM server answers at this address. Enter its root, for example http://gpu-1.internal:8000."
        return ActionNeeded(words, code="missing_field", status=404, field="base_url")
    if reply.status == 404 and page == "metrics":
        return NotAvailable("There is no metrics page at this address.", status=404)
    if reply.status == 401 and page == "/v1/models" and request.auth is None:
        words = "This server asks for a key. Its operator has it: it was started with --api-key or VLLM_API_KEY."
        return ActionNeeded(words, code="missing_field", status=401, field="api_key", url=SECURITY_DOCS)
    if reply.status == 401 and page == "/v1/models":
        return ActionNeeded("The server does not know this key.", status=401, field="api_key", url=SECURITY_DOCS)
    if reply.status in (401, 403):
        return ActionNeeded(
            "Something before the server refused the call: vLLM itself leaves this page open. Let Purser pass there.",
            code="blocked",
            status=reply.status,
            field="metrics_url" if page == "metrics" else "base_url",
        )
    return None


PROVIDER = Provider(
    slug="vllm",
    name="vLLM",
    summary="A server of your own: tokens and requests counted since its last start. Has no costs.",
    docs_url="https://docs.vllm.ai/",
    console_url=SECURITY_DOCS,
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    also_protocols=("OpenAIResponses", "DirectAnthropic"),
    self_hosted=True,
    may_sleep=True,
    base_urls=(
        BaseUrl(url="http://localhost:8000/v1", use="inference", label="By default"),
        BaseUrl(url="http://localhost:8000", use="account", label="By default"),
    ),
    fields=(
        Field(
            name="base_url",
            label="Server address",
            help="The server's root, for example http://gpu-1.internal:8000. Purser's own machine must reach it. Keep "
            "the port closed to others: a key protects the paths under /v1 only.",
            kind="url",
            required=True,
        ),
        Field(
            name="api_key",
            label="API key",
            help="Only where the server was started with one. Its operator has it.",
            secret=True,
            url=SECURITY_DOCS,
            environment="VLLM_API_KEY",
        ),
        Field(
            name="metrics_url",
            label="Metrics pages",
            help="Only where they are not at the server address with /metrics. With several servers behind one address "
            "enter the page of each, with commas between: the shared address would show the counters of any of them.",
            kind="list",
        ),
    ),
    check=Check(steps=check, source=SERVER_DOCS),
    explain=explain,
    capabilities={
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=5),  # what is used between the last reading and a restart is lost
            needs=("base_url",),
            source=METRICS_DOCS,
        ),
        "models": Endpoint(steps=models, interval=timedelta(days=1), needs=("base_url",), source=SERVER_DOCS),
        "balance": NotOffered(
            reason="vLLM runs on your own machines: there is no account, and so no balance.",
            fallback="Nothing is owed for its use beyond the machines themselves.",
        ),
        "quota": NotOffered(
            reason="vLLM sets no quota and no rate limit.",
            fallback="The machine's memory and speed are the limit.",
        ),
        "cost": NotOffered(
            reason="vLLM knows no money.",
            fallback="What the machines cost is not known to Purser.",
        ),
        "keys": NotOffered(
            reason="vLLM has no list of keys: the operator gives them when starting the server.",
            fallback="Ask the operator.",
        ),
    },
)
