"""OpenAI: usage, costs, limits and keys of an organization, read with an admin key. There is no balance.

Docs: https://platform.openai.com/docs/api-reference/usage (usage, costs), /projects, /project-api-keys,
/project-rate-limits, /admin-api-keys; OpenAPI file openai/openai-openapi 2.3.0; SDK openai 3.52.0. Checked 2026-11-20.
Key: an admin key (sk-admin-...) for the organization; a project key (sk-proj-...) lists models and nothing more.
Quirks: costs are in dollars, spend limits in cents; `input_tokens` already holds cached and cache-write tokens; buckets
are UTC days whose last ones still move; a refusal of one usage report says nothing about the others.
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Literal, TypeVar

from msgspec.structs import replace

from providers.errors import ActionCode, ActionNeeded, NotAvailable, PayloadError, ProviderError, TooLarge
from providers.paging import BrokenCursor, by_told_marker, pages
from providers.parse import (
    boolean,
    currency,
    day_after,
    day_start,
    decimal,
    get,
    integer,
    mapping,
    maybe,
    rows,
    text,
    unix_seconds,
)
from providers.records import CostBucket, Identity, Model, ProviderKey, Quota, UsageBucket
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

T = TypeVar("T")
Reading = Generator[Request | Partial, Reply, T]

API = "https://api.openai.com/v1"
ORGANIZATION = f"{API}/organization"
BORN_NAME = ["secret", "key"]  # of a key that is made together with its service account, in the documentation's example
REFERENCE = "https://platform.openai.com/docs/api-reference"
ADMIN_KEYS = "https://platform.openai.com/settings/organization/admin-keys"
INFERENCE_KEYS = "https://platform.openai.com/api-keys"
BILLING = "https://platform.openai.com/settings/organization/billing/overview"

# More is refused (400).
USAGE_DAYS_PER_PAGE = 31
COST_DAYS_PER_PAGE = 180
PROJECTS_AT_MOST = 400
# How long a closed day still moves is not documented; the last three days are read again and count as provisional.
PROVISIONAL = timedelta(days=3)
EXACT = Context(prec=150)
MODEL_LINE = re.compile(r"([^\s,|]+), \S.*")
PLAIN_ID = re.compile(r"[A-Za-z0-9_-]+")
# By the part of the path. The names stand in refusals that many have quoted; OpenAI lists them nowhere.
SCOPES = {
    "/usage/": ("usage", "api.usage.read"),
    "/costs": ("costs", "api.usage.read"),
    "/organization/": ("projects, limits and keys", "api.management.read"),
    "/models": ("the list of models", "api.model.read"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A usage report: what it is grouped by, what it counts, and the names of its counts of anything but tokens."""

    group_by: tuple[str, ...] = ("model", "project_id", "api_key_id")
    input: bool = False
    output: bool = False
    requests: bool = True
    quantities: Mapping[str, str] = field(default_factory=dict)


REPORTS: Mapping[str, Report] = {
    "completions": Report(input=True, output=True),
    "decisions": Report(input=True, output=True),
    "embeddings": Report(input=True),
    "moderations": Report(input=True),
    "images": Report(quantities={"images": "images"}),
    "audio_speeches": Report(quantities={"characters": "characters"}),
    "audio_transcriptions": Report(quantities={"seconds": "seconds"}),
    "vector_stores": Report(group_by=("project_id",), requests=False, quantities={"usage_bytes": "stored_bytes"}),
    "code_interpreter_sessions": Report(
        group_by=("project_id",), requests=False, quantities={"num_sessions": "code_interpreter_sessions"}
    ),
    "file_search_calls": Report(
        group_by=("project_id", "api_key_id"), requests=False, quantities={"num_requests": "file_search_requests"}
    ),
    # Its num_model_requests are left out: they are requests that another report has counted already.
    "web_search_calls": Report(requests=False, quantities={"num_requests": "web_search_requests"}),
}
RATE_LIMITS = (
    ("max_requests_per_1_minute", "requests", "requests", "minute"),
    ("max_tokens_per_1_minute", "tokens", "tokens", "minute"),
    ("max_images_per_1_minute", "images", "images", "minute"),
    ("max_audio_megabytes_per_1_minute", "audio", "megabytes", "minute"),
    ("max_requests_per_1_day", "requests", "requests", "day"),
    ("batch_1_day_max_input_tokens", "batch input tokens", "tokens", "day"),
)


def report(path: str, group_by: Iterable[str], account: Account, window: Window) -> Reading[list[Any]]:
    """All pages of a report. Where so many days of a large organization do not fit one answer: a page for each day."""
    request = report_request(path, group_by, account, window)
    try:
        return (yield from pages(request, by_told_marker))
    except TooLarge:
        return (yield from pages(request.with_params(("limit", "1")), by_told_marker))


def report_request(path: str, group_by: Iterable[str], account: Account, window: Window) -> Request:
    """A report over whole UTC days. Lists are repeated keys without brackets."""
    start, end = day_start(window.start), day_after(window.end)
    most = COST_DAYS_PER_PAGE if path == "costs" else USAGE_DAYS_PER_PAGE
    return Request(
        url=f"{ORGANIZATION}/{path}",
        auth="admin_key",
        params=(
            ("start_time", str(int(start.timestamp()))),
            ("end_time", str(int(end.timestamp()))),
            ("bucket_width", "1d"),
            ("limit", str(max(1, min(most, (end - start).days)))),
            *(("group_by", name) for name in group_by),
            *(("project_ids", project) for project in account.list("project_ids")),
        ),
    )


def next_list_page(document: Any) -> tuple[str, str] | None:
    """`last_id` may be null or absent; then the last item's own id is the marker, as the SDK does it."""
    if not get(document, "has_more", boolean):
        return None
    items = get(document, "data", rows)
    cursor = maybe(document, "last_id", text) or (maybe(items[-1], "id", text) if items else None)
    if not cursor:
        raise BrokenCursor
    return ("after", cursor)


def parse_buckets(documents: list[Any]) -> Iterator[tuple[datetime, datetime, Sequence[Mapping[str, Any]]]]:
    """(start, end, results) of every bucket, put on day borders: the end of an open day may be the time of asking."""
    for document in documents:
        for bucket in get(document, "data", rows):
            start, end = get(bucket, "start_time", unix_seconds), get(bucket, "end_time", unix_seconds)
            yield day_start(start), day_after(end), get(bucket, "results", rows)


def parse_usage(documents: list[Any], name: str, now: datetime) -> Iterator[UsageBucket]:
    """One report. Results of one bucket that share all names are added; a bucket sent twice is not."""
    for start, end, results in parse_buckets(documents):
        found: dict[tuple[str, ...], UsageBucket] = {}
        final = finality(end, now)
        for row in results:
            bucket = parse_usage_row(row, name, start, end, final)
            known = found.setdefault(key := bucket.key, bucket)
            if known is not bucket:
                found[key] = added_usage(known, bucket)
        yield from found.values()


def parse_usage_row(
    row: Mapping[str, Any], name: str, start: datetime, end: datetime, final: bool | None
) -> UsageBucket:
    report = REPORTS[name]
    cached = written = uncached = None
    if report.input:
        total = get(row, "input_tokens", integer)
        cached, written = maybe(row, "input_cached_tokens", integer), maybe(row, "input_cache_write_tokens", integer)
        uncached = maybe(row, "input_uncached_tokens", integer)
        uncached = total - (cached or 0) - (written or 0) if uncached is None else uncached
        if uncached < 0:
            raise PayloadError("The answer has more cached input tokens than input tokens.")
    return UsageBucket(
        start=start,
        end=end,
        endpoint=name,
        model=maybe(row, "model", text),
        project=maybe(row, "project_id", text),
        provider_key=maybe(row, "api_key_id", text),
        input_tokens=uncached,
        cached_input_tokens=cached,
        cache_write_tokens=written,
        output_tokens=get(row, "output_tokens", integer) if report.output else None,
        requests=get(row, "num_model_requests", integer) if report.requests else None,
        quantities={ours: get(row, theirs, decimal) for theirs, ours in report.quantities.items()},
        final=final,
    )


def added_usage(one: UsageBucket, other: UsageBucket) -> UsageBucket:
    """The sum of two results; a count that either leaves out stays unknown."""
    sums: dict[str, Any] = {
        "quantities": {name: one.quantities[name] + other.quantities[name] for name in one.quantities}
    }
    for name in ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "requests"):
        parts = (getattr(one, name), getattr(other, name))
        sums[name] = None if None in parts else sum(parts)
    return replace(one, **sums)


def parse_costs(documents: list[Any], now: datetime) -> Iterator[CostBucket | None]:
    """Charges of every bucket; None for a result that holds none. Results of one bucket that share all names are
    added, exactly; a bucket sent twice is not."""
    for start, end, results in parse_buckets(documents):
        found: dict[tuple[str, ...], CostBucket] = {}
        final = finality(end, now)
        for row in results:
            charge = parse_cost_row(row, start, end, final)
            if charge is None:
                yield None
                continue
            known = found.setdefault(key := charge.key, charge)
            if known is not charge:
                found[key] = replace(known, amount=EXACT.add(known.amount, charge.amount))
        yield from found.values()


def parse_cost_row(row: Mapping[str, Any], start: datetime, end: datetime, final: bool | None) -> CostBucket | None:
    """Dollars, as a number or as text. None for a result of another kind, or without an amount."""
    amount = maybe(row, "amount", mapping)
    value = maybe(amount or {}, "value", decimal)
    if get(row, "object", text) != "organization.costs.result" or amount is None or value is None:
        return None
    line = maybe(row, "line_item", text)
    model = MODEL_LINE.fullmatch(line or "")
    return CostBucket(
        start=start,
        end=end,
        amount=value,
        unit=get(amount, "currency", currency),
        model=model.group(1) if model else None,
        line_item=line,
        project=maybe(row, "project_id", text),
        category="credit" if value < 0 else "usage",
        final=final,
    )


def finality(end: datetime, now: datetime) -> bool | None:
    return False if end > now - PROVISIONAL else None


def parse_spend_limit(document: Any, project: str | None) -> Quota:
    """A hard limit, in cents. What is used of it is not told."""
    return Quota(
        name="Spend limit",
        unit=get(document, "currency", currency),
        limit=Decimal(get(document, "threshold_amount", integer)).scaleb(-2, EXACT),
        window=get(document, "interval", text),
        scope=project,
    )


def parse_rate_limits(documents: list[Any], project: str) -> Iterator[Quota]:
    """What is configured. An absent kind of limit does not apply to the model; it is not zero."""
    for document in documents:
        for row in get(document, "data", rows):
            model = get(row, "model", text)
            get(row, "max_requests_per_1_minute", integer)
            get(row, "max_tokens_per_1_minute", integer)
            for column, kind, unit, window in RATE_LIMITS:
                limit = maybe(row, column, decimal)
                if limit is not None:
                    yield Quota(name=f"{model} {kind}", unit=unit, limit=limit, window=window, scope=project)


def parse_keys(
    documents: list[Any], project: str | None, now: datetime, *, by_owner: bool = False
) -> Iterator[ProviderKey]:
    """Only enabled keys are listed. `redacted_value` is the mask that the console shows. A key that came with its
    service account is called like all such keys: the name that somebody chose is the account's. `by_owner` takes that
    name for every key of one."""
    for document in documents:
        for row in get(document, "data", rows):
            expires_at = maybe(row, "expires_at", unix_seconds)
            yield ProviderKey(
                id=get(row, "id", text),
                name=name_of(row, by_owner),
                hint=get(row, "redacted_value", text),
                project=project,
                state="expired" if expires_at is not None and expires_at <= now else "active",
                created_at=get(row, "created_at", unix_seconds),
                expires_at=expires_at,
                last_used_at=maybe(row, "last_used_at", unix_seconds),
            )


def name_of(row: Mapping[str, Any], by_owner: bool) -> str | None:
    own, owner = maybe(row, "name", text), maybe(owner_account(row), "name", text)
    return owner or own if by_owner or own is None or own.lower().split() == BORN_NAME else own


def owner_account(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """The service account that owns a key; empty where a person does."""
    return maybe(maybe(row, "owner", mapping) or {}, "service_account", mapping) or {}


def parse_models(reply: Reply) -> Iterator[Model]:
    """Ids only: no context size, no prices."""
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text))


def list_projects(account: Account) -> Reading[list[str]]:
    """Ids of the active projects, less those that the admin did not name."""
    wanted = account.list("project_ids")
    found: dict[str, None] = {}
    for document in (yield from list_of("projects")):
        for row in get(document, "data", rows):
            project = get(row, "id", text)
            if not PLAIN_ID.fullmatch(project):
                raise PayloadError("The answer has a project id that cannot be one.")
            if maybe(row, "status", text) != "archived" and (not wanted or project in wanted):
                found[project] = None
    if len(found) > PROJECTS_AT_MOST:
        yield Partial(
            reason=f"Only {PROJECTS_AT_MOST} of {len(found)} projects were read; name those that matter in “Projects”."
        )
    return list(found)[:PROJECTS_AT_MOST]


def list_of(path: str, *params: tuple[str, str]) -> Reading[list[Any]]:
    request = Request(url=f"{ORGANIZATION}/{path}", auth="admin_key", params=(("limit", "100"), *params))
    return (yield from pages(request, next_list_page))


def document_at(path: str) -> Reading[list[Any]]:
    reply = yield Request(url=f"{ORGANIZATION}/{path}", auth="admin_key")
    return [reply.json()]


def optional(reading: Reading[list[Any]], refusals: list[ActionNeeded]) -> Reading[list[Any]]:
    """The documents of a reading: none where there is nothing (404) or where this key may not look. A key that OpenAI
    does not know still raises."""
    try:
        return (yield from reading)
    except NotAvailable:
        return []
    except ActionNeeded as error:
        if error.code == "refused":
            raise
        refusals.append(error)
        return []


def admit(refusals: list[ActionNeeded], found: Sized, what: str) -> Reading[None]:
    """Refusals are told as a gap, or raised where nothing was found."""
    if refusals and not found:
        raise refusals[0]
    if refusals:
        yield Partial(reason=f"The admin key may not read {what} ({len(refusals)} calls refused).")


def quota(account: Account, window: Window) -> Steps:
    projects = yield from list_projects(account)
    refusals: list[ActionNeeded] = []
    found: list[Quota] = []
    for document in (yield from optional(document_at("spend_limit"), refusals)):
        found.append(parse_spend_limit(document, None))
    for project in projects:
        for document in (yield from optional(document_at(f"projects/{project}/spend_limit"), refusals)):
            found.append(parse_spend_limit(document, project))
        documents = yield from optional(list_of(f"projects/{project}/rate_limits"), refusals)
        found.extend(parse_rate_limits(documents, project))
    yield from admit(refusals, found, "some of the limits")
    return found


def usage(account: Account, window: Window) -> Steps:
    """All reports. Only the refusal of the first is the refusal of usage: another may be closed to this key alone."""
    found: list[UsageBucket] = []
    for name, declared in REPORTS.items():
        try:
            documents = yield from report(f"usage/{name}", declared.group_by, account, window)
            found.extend(parse_usage(documents, name, window.now))
        except (NotAvailable, ActionNeeded, PayloadError) as error:
            if name == "completions" or (isinstance(error, ActionNeeded) and error.code == "refused"):
                raise
            if not isinstance(error, NotAvailable):
                yield Partial(reason=f"OpenAI's usage report “{name}” could not be read.")
    return found


def cost(account: Account, window: Window) -> Steps:
    documents = yield from report("costs", ("project_id", "line_item"), account, window)
    charges = list(parse_costs(documents, window.now))
    if None in charges:
        yield Partial(reason=f"{charges.count(None)} of OpenAI's cost rows hold no amount.")
    return [charge for charge in charges if charge is not None]


def keys(account: Account, window: Window) -> Steps:
    projects = yield from list_projects(account)
    refusals: list[ActionNeeded] = []
    found: list[ProviderKey] = []
    for project in projects:
        path = f"projects/{project}/api_keys"
        documents = yield from optional(list_of(path, ("owner_project_access", "any")), refusals)
        found.extend(parse_keys(documents, project, window.now))
    documents = yield from optional(list_of("admin_api_keys"), refusals)
    found.extend(parse_keys(documents, None, window.now))
    yield from admit(refusals, found, "some of the keys")
    return found


def managed_keys(account: Account, window: Window) -> Steps:
    """The keys of all projects; a refusal is raised, because then a key may be there that was not seen."""
    found: list[ProviderKey] = []
    for project in (yield from list_projects(account)):
        documents = yield from list_of(f"projects/{project}/api_keys", ("owner_project_access", "any"))
        found.extend(parse_keys(documents, project, window.now, by_owner=True))
    return found


def parse_made_key(document: Any, project: str, now: datetime) -> MadeKey:
    made = get(document, "api_key", mapping)
    secret = get(made, "value", text)
    expires_at = maybe(made, "expires_at", unix_seconds)
    return MadeKey(
        key=ProviderKey(
            id=get(made, "id", text),
            name=get(document, "name", text),
            hint=f"…{secret[-4:]}",
            project=project,
            state="active",
            created_at=get(made, "created_at", unix_seconds),
            expires_at=expires_at,
        ),
        secret=secret,
    )


def create_key(account: Account, order: KeyOrder, now: datetime) -> Changing[MadeKey]:
    """A service account with one key: OpenAI makes no keys of people by program. Lives are told in seconds."""
    wanted: dict[str, Any] = {"name": order.name}
    if order.expires_at is not None:
        wanted["expires_in_seconds"] = int((order.expires_at - now).total_seconds())
    reply = yield changing_request(project_path(order.project, "service_accounts"), "POST", wanted)
    return parse_made_key(reply.json(), order.project, now)


def delete_key(account: Account, key: str, project: str) -> Changing[None]:
    """OpenAI's documents disagree on whether the key of a service account can be deleted alone. Where it cannot (400),
    its service account is deleted, if that has no other key that would go with it."""
    try:
        deleted((yield changing_request(project_path(project, "api_keys", key), "DELETE")))
    except ProviderError as error:
        refusal = error.status
        if refusal not in (400, 404):
            raise
    else:
        return
    if refusal == 404:  # it is gone already
        return
    documents = yield from list_of(project_path(project, "api_keys"), ("owner_project_access", "any"))
    owners = {get(row, "id", text): owner_account(row) for one in documents for row in get(one, "data", rows)}
    owner = maybe(owners.get(key) or {}, "id", text)
    if owner is None or sum(maybe(one, "id", text) == owner for one in owners.values()) != 1:
        raise ActionNeeded(
            "OpenAI deletes this key only with its service account, which has other keys. Do it in the console.",
            url=PROVIDER.console_url,
        )
    deleted((yield changing_request(project_path(project, "service_accounts", owner), "DELETE")))


def deleted(reply: Reply) -> None:
    if not get(reply.json(), "deleted", boolean):
        raise PayloadError("OpenAI took the deletion and did not make it.")


def project_path(project: str, *rest: str) -> str:
    """Each part is one plain segment: an id leads nowhere else."""
    if not all(PLAIN_ID.fullmatch(part) for part in (project, *rest)):
        raise ActionNeeded("A project is needed, by its id (proj_...).", code="missing_field", field="project")
    return "/".join(("projects", project, *rest))


def changing_request(path: str, method: Literal["POST", "DELETE"], body: Any = None) -> Request:
    return Request(url=f"{ORGANIZATION}/{path}", auth="admin_key", method=method, json=body)


def models_request(account: Account) -> Request:
    organization = account.get("organization_id")
    headers = (("OpenAI-Organization", organization),) if PLAIN_ID.fullmatch(organization) else ()
    return Request(url=f"{API}/models", auth="inference_key", headers=headers)


def models(account: Account, window: Window) -> Steps:
    reply = yield models_request(account)
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The project list proves an admin key, the model list an inference key. Neither tells the organization's id, so
    that it is the one that was typed. An admin key cut down to usage and costs is as good: then the costs prove it."""
    organization = account.get("organization_id") or None
    if account.first_of("admin_key", "inference_key") == "inference_key":
        reply = yield models_request(account)
        get(reply.json(), "data", rows)
        return [Identity(account_id=organization, key_kind="inference")]
    scopes: tuple[str, ...] = ()
    try:
        reply = yield Request(url=f"{ORGANIZATION}/projects", auth="admin_key", params=(("limit", "1"),))
    except ActionNeeded as error:
        if error.code != "missing_scope":
            raise
        scopes = ("api.usage.read",)
        today = Window(start=day_start(window.now), end=window.now, now=window.now)
        reply = yield report_request("costs", (), account, today)
    get(reply.json(), "data", rows)
    warnings = ("cannot_read_limits_and_keys",) if scopes else ()
    return [Identity(account_id=organization, key_kind="admin", scopes=scopes, warnings=warnings)]


def error_of(reply: Reply) -> tuple[str, str]:
    """(code, message in lower case) of an error body. `error` is an object, a bare text, or absent."""
    document = reply.said()
    error = document.get("error", document) if isinstance(document, dict) else None
    parts = (error.get("code"), error.get("message")) if isinstance(error, dict) else (None, error)
    code, message = (part if isinstance(part, str) else "" for part in parts)
    return code, message.lower()


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status, (code, message), name = reply.status, error_of(reply), request.auth or "admin_key"

    def needed(words: str, code: ActionCode = "refused", field: str = name) -> ActionNeeded:
        url = {"admin_key": ADMIN_KEYS, "inference_key": INFERENCE_KEYS}.get(field)
        return ActionNeeded(words, code=code, status=status, field=field, url=url)

    if status == 429 and code == "insufficient_quota":  # out of money, which no waiting mends
        return ActionNeeded("OpenAI says that the credit is used up.", code="billing", status=status, url=BILLING)
    if status not in (401, 403):
        return None
    if code == "invalid_api_key":
        return needed("OpenAI does not know this key.")
    if code == "mismatched_organization":
        return needed("The key belongs to another organization.", "wrong_organization", "organization_id")
    # A key of the wrong kind and a restricted one get the same answer, under either status.
    if status == 403 or "missing scopes" in message:
        if request.method != "GET":
            words = "This key may not make or change keys: that takes an admin key with api.management.write."
            return needed(words, "missing_scope")
        what, scope = next(said for part, said in SCOPES.items() if part in request.url)
        hint = " An inference key never has it: enter an admin key (sk-admin-...)." if name == "admin_key" else ""
        return needed(f"This key may not read {what}: that takes the scope {scope}.{hint}", "missing_scope")
    if name == "admin_key":
        return needed("OpenAI takes no such key for this; an admin key (sk-admin-...) is needed.", "wrong_kind")
    return needed("OpenAI refused this key.")


PROVIDER = Provider(
    slug="openai",
    name="OpenAI",
    summary="Usage, costs, limits and keys of an organization, by an admin key. No balance.",
    docs_url=f"{REFERENCE}/administration",
    console_url="https://platform.openai.com/settings/organization",
    topup_url=BILLING,
    checked=date(2026, 11, 20),
    price_list="openai",
    wire_protocol="OpenAIResponses",
    also_protocols=("OpenAICompatible",),
    base_urls=(BaseUrl(url=API, use="both"),),
    fields=(
        Field(
            name="admin_key",
            label="Admin key",
            help="Only an owner can make one. Give it reading rights only: api.usage.read for usage and costs, "
            "api.management.read for limits and keys.",
            scopes=("api.usage.read", "api.management.read"),
            secret=True,
            url=ADMIN_KEYS,
            starts_with=("sk-admin-",),
            wrong_starts={
                "sk-proj-": "This is a project key. Usage needs an admin key (sk-admin-...).",
                "sk-svcacct-": "This is the key of a service account. Usage needs an admin key (sk-admin-...).",
            },
            environment="OPENAI_ADMIN_KEY",
        ),
        Field(
            name="inference_key",
            label="Inference key",
            help="A project key, for the list of models and for calls through the gateway. Least right: models, read.",
            secret=True,
            url=INFERENCE_KEYS,
            starts_with=("sk-",),
            wrong_starts={
                "sk-admin-": "This is an admin key. It cannot call models; enter a project key (sk-proj-...)."
            },
            environment="OPENAI_API_KEY",
            can_spend=True,
        ),
        Field(
            name="organization_id",
            label="Organization ID",
            help="org-... from the organization's settings. Sent with the inference key, and shown.",
            starts_with=("org-",),
        ),
        Field(
            name="project_ids",
            label="Projects",
            help="Project ids (proj_...) separated by commas. Empty reads all, and charges that belong to no project.",
            kind="list",
        ),
    ),
    key_management=KeyManagement(
        auth="admin_key",
        right="an admin key with api.management.write",
        listed=managed_keys,
        create=create_key,
        delete=delete_key,
        project="required",
        longest=timedelta(days=365),
        note="A service account with this one key is made. OpenAI cannot switch a key off: delete it, or let it end.",
        source=f"{REFERENCE}/project-service-accounts",
    ),
    key_warning="An unrestricted admin key can make keys and delete projects. Make one with reading rights only.",
    check=Check(steps=check, source=f"{REFERENCE}/projects/list"),
    explain=explain,
    capabilities={
        "balance": NotOffered(
            reason="OpenAI shows prepaid credit in its console only.",
            fallback="Look there for it; the spend limit and the cost of the month are shown here.",
        ),
        "quota": Endpoint(
            steps=quota, interval=timedelta(minutes=15), needs=("admin_key",), source=f"{REFERENCE}/project-rate-limits"
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=30),
            needs=("admin_key",),
            source=f"{REFERENCE}/usage",
            history=timedelta(days=90),
            lookback=PROVISIONAL,
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(minutes=30),
            needs=("admin_key",),
            source=f"{REFERENCE}/usage/costs",
            history=timedelta(days=90),
            lookback=PROVISIONAL,
        ),
        "keys": Endpoint(
            steps=keys, interval=timedelta(hours=6), needs=("admin_key",), source=f"{REFERENCE}/project-api-keys"
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("inference_key",),
            source=f"{REFERENCE}/models/list",
            per_key=True,
        ),
    },
)
