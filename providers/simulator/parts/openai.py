"""OpenAI's account API: usage and cost reports in day or hour buckets, spend limits, projects, keys, models."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import Charge, ModelProfile, Profile, SimAccount, made_up_id

PROFILE = Profile(
    slug="openai",
    unit="USD",
    step=Decimal("0.0001"),
    daily_spend=Decimal("140"),
    topup=Decimal("5000"),
    topup_below=Decimal("600"),
    models=(
        ModelProfile(id="gpt-5", input_price=Decimal("1.25"), output_price=Decimal("10"), weight=3),
        ModelProfile(id="gpt-5-mini", input_price=Decimal("0.25"), output_price=Decimal("2"), weight=2),
        ModelProfile(
            id="text-embedding-3-large", input_price=Decimal("0.13"), output_price=Decimal("0.13"), weight=0.3
        ),
    ),
)
EMBEDDINGS = "text-embedding-3-large"
SINCE = int(datetime(2025, 9, 1, tzinfo=UTC).timestamp())
APART = 150 * 86_400  # keys were not all made on one day
WIDTHS = {"1d": (timedelta(days=1), 7, 31), "1h": (timedelta(hours=1), 24, 168)}
TOKEN_GROUPS = ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier", "api_source")
CALL_GROUPS = ("project_id", "user_id", "api_key_id", "model")
GROUPS = {
    "completions": TOKEN_GROUPS,
    "decisions": TOKEN_GROUPS,
    "embeddings": CALL_GROUPS,
    "moderations": CALL_GROUPS,
    "images": (*CALL_GROUPS, "size", "source"),
    "audio_speeches": CALL_GROUPS,
    "audio_transcriptions": CALL_GROUPS,
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "user_id", "api_key_id", "vector_store_id"),
    "web_search_calls": (*CALL_GROUPS, "context_level", "api_source"),
    "costs": ("project_id", "user_id", "line_item", "api_key_id", "api_source"),
}

Results = Callable[[Sequence[Charge], Sequence[str]], list[dict[str, Any]]]


def project_id(account: SimAccount, project: str) -> str:
    return made_up_id("proj_", account.name, project)


def key_id(account: SimAccount, key: str) -> str:
    return made_up_id("key_", account.name, key, length=16)


def error(status: int, message: str, code: str | None = None) -> Answer:
    kind = "invalid_request_error"
    return Answer(status=status, document={"error": {"message": message, "type": kind, "param": None, "code": code}})


def refuse(status: int) -> Answer:
    if status == 403:
        return missing("api.usage.read", 403)
    return error(status, "Incorrect API key provided: sk-****made-up.", "invalid_api_key")


def missing(scope: str, status: int) -> Answer:
    return error(status, f"You have insufficient permissions for this operation. Missing scopes: {scope}.")


def admin_only(scope: str, handler: Handler) -> Handler:
    """An organization route: any other key than an admin key lacks the scope."""

    def guarded(call: Call) -> Answer:
        return handler(call) if call.token.startswith("sk-admin-") else missing(scope, 403)

    return guarded


def grouped(call: Call, name: str, charges: Sequence[Charge], groups: Sequence[str]) -> list[dict[str, Any]]:
    """Results of one bucket: charges added up by the columns asked for, the other columns null."""
    found: dict[tuple[str | None, ...], dict[str, Any]] = {}
    chosen = call.many("project_ids") + call.many("project_ids[]")
    for charge in charges:
        project = project_id(call.account, charge.project)
        if chosen and project not in chosen:
            continue
        for line, counts in counted(name, charge):
            told = {
                "project_id": project,
                "api_key_id": key_id(call.account, charge.key),
                "model": charge.model,
                "line_item": line,
            }
            columns = {group: told.get(group) if group in groups else None for group in GROUPS[name]}
            row = found.setdefault(tuple(columns.values()), {**columns, **dict.fromkeys(counts, 0)})
            for column, count in counts.items():
                row[column] += count
    return [finished(name, row) for row in found.values()]


def counted(name: str, charge: Charge) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """(line item, counts) that a charge adds to a report; nothing where the report is about something else."""
    embedding = charge.model == EMBEDDINGS
    total = charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens
    if name == "costs":
        output = Decimal(0) if embedding else (charge.cost / 2).quantize(PROFILE.step)
        yield f"{charge.model}, input_tokens", {"amount": charge.cost - output, "quantity": total}
        if not embedding:
            yield f"{charge.model}, output_tokens", {"amount": output, "quantity": charge.output_tokens}
    elif name == "embeddings" and embedding:
        yield None, {"input_tokens": total, "num_model_requests": charge.requests}
    elif name == "completions" and not embedding:
        counts = {
            "input_tokens": total,
            "input_cached_tokens": charge.cached_tokens,
            "input_cache_write_tokens": charge.cache_write_tokens,
            "input_uncached_tokens": charge.input_tokens,
            "output_tokens": charge.output_tokens,
            "num_model_requests": charge.requests,
        }
        yield None, counts
    elif name == "web_search_calls" and charge.model == "gpt-5":
        yield None, {"num_requests": charge.requests // 40, "num_model_requests": charge.requests // 50}


def finished(name: str, row: dict[str, Any]) -> dict[str, Any]:
    """A result as it is sent. Amounts come as a number or as text: both were seen."""
    if name != "costs":
        subject = {"file_search_calls": "file_searches", "web_search_calls": "web_searches"}.get(name, name)
        return {"object": f"organization.usage.{subject}.result", **row}
    amount, quantity = row.pop("amount"), row.pop("quantity")
    by_line = row["line_item"] is not None
    return {
        "object": "organization.costs.result",
        "amount": {"value": f"{amount:.4f}" if quantity % 3 == 0 else number(amount), "currency": "usd"},
        **row,
        "quantity": quantity if by_line else None,
        "quantity_unit": "tokens" if by_line else None,
    }


def report(call: Call) -> Answer:
    """Buckets from `start_time` on. `limit` counts buckets, and `page` names the one that a page begins with."""
    name = call.path.rsplit("/", 1)[1]
    width = call.one("bucket_width", "1d")
    if width not in WIDTHS or (name == "costs" and width != "1d"):
        return error(400, "Invalid bucket_width.")
    step, usual, most = WIDTHS[width]
    most = 180 if name == "costs" else most
    groups = call.many("group_by") + call.many("group_by[]")
    try:
        start, limit = int(call.one("start_time")), int(call.one("limit", str(usual)))
        end = int(call.one("end_time", str(int(call.now.timestamp()))))
        at = int(call.one("page").removeprefix("page_") or start)
    except ValueError:
        return error(400, "start_time, end_time, limit and page must be as documented.")
    if not 1 <= limit <= most or end <= start or set(groups) - set(GROUPS[name]):
        return error(400, "Invalid limit, span or group_by.")
    data: list[dict[str, Any]] = []
    moment, last = datetime.fromtimestamp(max(at, SINCE), UTC), datetime.fromtimestamp(end, UTC)
    while moment < min(last, call.now) and len(data) < limit:
        until = min(moment + step, call.now)
        charges = call.account.daily(moment, until) if width == "1d" else call.account.charges(moment, until)
        data.append(
            {
                "object": "bucket",
                "start_time": int(moment.timestamp()),
                "end_time": int((moment + step).timestamp()),
                "results": grouped(call, name, list(charges), groups),
            }
        )
        moment += step
    more = moment < min(last, call.now)
    cursor = f"page_{int(moment.timestamp())}" if more else None
    return Answer(document={"object": "page", "data": data, "has_more": more, "next_page": cursor})


def listed(call: Call, items: list[dict[str, Any]], usual: int = 20) -> Answer:
    """A list page: `limit` items after the one that `after` names."""
    after = call.one("after")
    ids = [item["id"] for item in items]
    if after and after not in ids:
        return error(400, "Unknown after.")
    begin = ids.index(after) + 1 if after else 0
    limit = min(int(call.one("limit") or usual), 100)
    page = items[begin : begin + limit]
    ends = {"first_id": page[0]["id"] if page else None, "last_id": page[-1]["id"] if page else None}
    return Answer(document={"object": "list", "data": page, **ends, "has_more": begin + limit < len(items)})


def projects(call: Call) -> Answer:
    rows = [
        {
            "object": "organization.project",
            "id": project_id(call.account, project),
            "name": project,
            "created_at": SINCE,
            "archived_at": None,
            "status": "active",
        }
        for project in PROFILE.projects
    ]
    return listed(call, rows)


def known_project(call: Call) -> str | None:
    return next((name for name in PROFILE.projects if project_id(call.account, name) == call.one("project")), None)


def no_project() -> Answer:
    return Answer(status=404, document={"code": 404, "message": "The project could not be found."})


def keys_of_project(call: Call, project: str) -> list[dict[str, Any]]:
    """The keys that are there, made ones too."""
    found = []
    for index, key in enumerate(PROFILE.keys):
        if PROFILE.projects[index % len(PROFILE.projects)] == project:
            hint = f"sk-proj-...{made_up_id('', call.account.name, key, length=3)}"
            used = int(call.now.timestamp()) - 60
            found.append(
                key_row(
                    key_id(call.account, key),
                    key,
                    hint,
                    f"svc_acct_{index}",
                    key,
                    made=SINCE + index * APART,
                    used=used,
                )
            )
    made = [row for row in call.account.moves.keys.values() if row["project"] == project]
    found += [{name: value for name, value in row.items() if name != "project"} for row in made]
    return [row for row in found if row["id"] not in call.account.moves.deleted]


def key_row(
    key: str, name: str, hint: str, owner: str, owner_name: str, *, made: int = SINCE, used: int | None = None
) -> dict[str, Any]:
    account = {"object": "organization.project.service_account", "id": owner, "name": owner_name}
    return {
        "object": "organization.project.api_key",
        "id": key,
        "name": name,
        "redacted_value": hint,
        "created_at": made,
        "last_used_at": used,
        "expires_at": None,
        "owner_project_access": "active",
        "owner": {"type": "service_account", "service_account": {**account, "role": "member", "created_at": made}},
    }


def project_keys(call: Call) -> Answer:
    project = known_project(call)
    return no_project() if project is None else listed(call, keys_of_project(call, project))


def make_service_account(call: Call) -> Answer:
    """A service account with one key, whose own name nobody chooses."""
    project, wanted, moves = known_project(call), call.body or {}, call.account.moves
    if project is None:
        return no_project()
    if not wanted.get("name"):
        return error(400, "Missing name.")
    now, number_of = int(call.now.timestamp()), str(len(moves.keys))
    key, owner = (made_up_id(kind, call.account.name, "made", number_of) for kind in ("key_", "svc_acct_"))
    secret = made_up_id("sk-svcacct-", call.account.name, "secret", number_of, length=40)
    expires = now + wanted["expires_in_seconds"] if wanted.get("expires_in_seconds") else None
    row = key_row(key, "Secret Key", f"sk-svcacct-...{secret[-4:]}", owner, wanted["name"], made=now)
    moves.keys[key] = {**row, "expires_at": expires, "project": project}
    told = {"id": key, "name": "Secret Key", "value": secret, "created_at": now, "expires_at": expires}
    return Answer(
        document={
            "object": "organization.project.service_account",
            "id": owner,
            "name": wanted["name"],
            "role": "member",
            "created_at": now,
            "api_key": {"object": "organization.project.service_account.api_key", **told},
        }
    )


def drop_key(call: Call) -> Answer:
    """As the older documentation has it: the key of a service account goes with its account alone."""
    project = known_project(call)
    if project is None or call.one("key") not in {row["id"] for row in keys_of_project(call, project)}:
        return error(404, "No such key.")
    return error(400, "API keys of service accounts cannot be deleted; delete the service account.")


def drop_service_account(call: Call) -> Answer:
    project, owner = known_project(call), call.one("owner")
    gone = [row["id"] for row in keys_of_project(call, project or "") if row["owner"]["service_account"]["id"] == owner]
    call.account.moves.deleted.update(gone)
    if not gone:
        return error(404, "No such service account.")
    return Answer(document={"object": "organization.project.service_account.deleted", "id": owner, "deleted": True})


def admin_keys(call: Call) -> Answer:
    row = {
        "object": "organization.admin_api_key",
        "id": key_id(call.account, "admin"),
        "name": "Purser",
        "redacted_value": "sk-admin-...sim",
        "created_at": SINCE,
        "last_used_at": int(call.now.timestamp()),
        "expires_at": None,
        "owner": {
            "type": "user",
            "object": "organization.user",
            "id": "user_made_up",
            "name": "Owner",
            "role": "owner",
        },
    }
    return listed(call, [row])


def spend_limit(kind: str, cents: int) -> Answer:
    limit = {"object": f"{kind}.spend_limit", "threshold_amount": cents, "currency": "USD", "interval": "month"}
    return Answer(document={**limit, "enforcement": {"status": "inactive"}})


def organization_limit(call: Call) -> Answer:
    return spend_limit("organization", int(call.account.scale * 10_000) * 100)


def project_limit(call: Call) -> Answer:
    """The first project has a limit, the others have none."""
    if known_project(call) != PROFILE.projects[0]:
        return no_project()
    return spend_limit("project", int(call.account.scale * 6_000) * 100)


def rate_limits(call: Call) -> Answer:
    if known_project(call) is None:
        return no_project()
    rows = [
        {
            "object": "project.rate_limit",
            "id": f"rl-{model.id}",
            "model": model.id,
            "max_requests_per_1_minute": 900 if model.id != EMBEDDINGS else 3000,
            "max_tokens_per_1_minute": 450_000,
            "batch_1_day_max_input_tokens": 9_000_000,
        }
        for model in PROFILE.models
    ]
    return listed(call, rows, usual=100)


def models(call: Call) -> Answer:
    if call.token.startswith("sk-admin-"):
        return missing("api.model.read", 403)
    rows = [{"id": model.id, "object": "model", "created": SINCE, "owned_by": "system"} for model in PROFILE.models]
    return Answer(document={"object": "list", "data": rows})


USAGE, MANAGEMENT, WRITE = "api.usage.read", "api.management.read", "api.management.write"
PART = Part(
    slug="openai",
    hosts=frozenset({"api.openai.com"}),
    profile=PROFILE,
    routes={
        ("GET", "/v1/organization/costs"): admin_only(USAGE, report),
        **{("GET", f"/v1/organization/usage/{name}"): admin_only(USAGE, report) for name in GROUPS if name != "costs"},
        ("GET", "/v1/organization/spend_limit"): admin_only(MANAGEMENT, organization_limit),
        ("GET", "/v1/organization/projects"): admin_only(MANAGEMENT, projects),
        ("GET", "/v1/organization/projects/{project}/spend_limit"): admin_only(MANAGEMENT, project_limit),
        ("GET", "/v1/organization/projects/{project}/rate_limits"): admin_only(MANAGEMENT, rate_limits),
        ("GET", "/v1/organization/projects/{project}/api_keys"): admin_only(MANAGEMENT, project_keys),
        ("DELETE", "/v1/organization/projects/{project}/api_keys/{key}"): admin_only(WRITE, drop_key),
        ("POST", "/v1/organization/projects/{project}/service_accounts"): admin_only(WRITE, make_service_account),
        ("DELETE", "/v1/organization/projects/{project}/service_accounts/{owner}"): admin_only(
            WRITE, drop_service_account
        ),
        ("GET", "/v1/organization/admin_api_keys"): admin_only(MANAGEMENT, admin_keys),
        ("GET", "/v1/models"): models,
    },
    refuse=refuse,
    demo={"admin_key": "sk-admin-sim-harbor", "inference_key": "sk-proj-sim-harbor"},
)
