"""Anthropic's account API: a Console organisation with two API keys in two workspaces, some use without a key, and the
members' limits of a Claude Enterprise one.

The kind of key is in its prefix: sk-ant-admin01-sim-..., sk-ant-api03-sim-... and sk-ant-api01-sim-... (Enterprise).
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part
from providers.simulator.world import Charge, ModelProfile, Profile, day_of, made_up_id, made_up_uuid

CONSOLE = "console"  # use in the Console's playground: no key, default workspace
BATCH_KEY = "team-green"
DAY = timedelta(days=1)
PROFILE = Profile(
    slug="anthropic",
    unit="USD",
    step=Decimal("0.0001"),
    daily_spend=Decimal("140"),
    topup=Decimal("5000"),
    topup_below=Decimal("600"),
    models=(
        ModelProfile(id="claude-opus-5", input_price=Decimal("5"), output_price=Decimal("25"), weight=2),
        ModelProfile(id="claude-sonnet-5", input_price=Decimal("3"), output_price=Decimal("15"), weight=3),
        ModelProfile(id="claude-haiku-5", input_price=Decimal("1"), output_price=Decimal("5")),
    ),
    keys=("team-blue", BATCH_KEY, CONSOLE),
    projects=("search", "support"),
)
NAMES = {"claude-opus-5": "Claude Opus 5", "claude-sonnet-5": "Claude Sonnet 5", "claude-haiku-5": "Claude Haiku 5"}
# (token type, words of the line item, share of the charge); what is left is output.
LINES = (
    ("uncached_input_tokens", "Input Tokens", Decimal("0.42")),
    ("cache_read_input_tokens", "Input Tokens, Cache Read", Decimal("0.03")),
    ("cache_creation.ephemeral_5m_input_tokens", "Input Tokens, Cache Write (5m)", Decimal("0.02")),
    ("cache_creation.ephemeral_1h_input_tokens", "Input Tokens, Cache Write (1h)", Decimal("0.01")),
)
ANALYTICS_BETA = "analytics-usage-cost-2026-08-24"
SPEND_LIMITS_BETA = "spend-limit-reads-2026-09-26"


def failure(status: int, kind: str, message: str, details: str | None = None) -> Answer:
    error: dict[str, Any] = {"type": kind, "message": message}
    if details:
        error["details"] = {"error_code": details}
    return Answer(status=status, document={"type": "error", "error": error, "request_id": "req_011MADEUP"})


def refuse(status: int) -> Answer:
    if status == 403:
        return failure(403, "permission_error", "The key lacks permission for this.")
    return failure(401, "authentication_error", "invalid x-api-key")


def for_kind(prefixes: tuple[str, ...], handler: Handler, *, beta: str | None = None) -> Handler:
    """The handler behind the checks of version header, kind of key and beta header."""

    def guarded(call: Call) -> Answer:
        if call.headers.get("anthropic-version") != "2023-06-01":
            return failure(400, "invalid_request_error", "anthropic-version: header is required")
        if not call.token.startswith(prefixes):
            return refuse(403 if call.token.startswith("sk-ant-api01-") else 401)
        if beta and beta not in call.headers.get("anthropic-beta", "").split(","):
            return failure(400, "invalid_request_error", "this endpoint is in beta: its header is missing")
        return handler(call)

    return guarded


def bad(message: str) -> Answer:
    return failure(400, "invalid_request_error", message)


def key_id(call: Call, key: str) -> str | None:
    return None if key == CONSOLE else made_up_id("apikey_01", call.account.name, key, length=16)


def workspace_id(call: Call, charge: Charge) -> str | None:
    return None if charge.key == CONSOLE else made_up_id("wrkspc_01", call.account.name, charge.project, length=16)


def tier(charge: Charge) -> str:
    return "batch" if charge.key == BATCH_KEY else "standard"


def moment(call: Call, name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(call.one(name))
    except ValueError:
        return None


def rfc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def offset(call: Call, marker: str) -> int | None:
    """Where the page begins: a marker holds the offset and the first parameters, which may not change."""
    page = call.one("page")
    if not page:
        return 0
    start, _, tied = page.removeprefix("page_").partition("_")
    return int(start) if start.isdigit() and tied == marker else None


def marker_of(call: Call) -> str:
    return made_up_id("", *(f"{name}={value}" for name, value in call.query if name != "page"), length=12)


def page_of(call: Call, items: list[Any], size: int) -> tuple[list[Any], str | None] | None:
    marker = marker_of(call)
    start = offset(call, marker)
    if start is None:
        return None
    more = start + size < len(items)
    return items[start : start + size], f"page_{start + size}_{marker}" if more else None


def size_of(call: Call, default: int, most: int) -> int | None:
    raw = call.one("limit", str(default))
    return int(raw) if raw.isdigit() and 1 <= int(raw) <= most else None


def charges_of_day(call: Call, day: datetime) -> list[Charge]:
    return list(call.account.daily(day, min(day + DAY, call.now)))


def report(allowed: frozenset[str], results: Callable[[Call, list[Charge], list[str]], list[Any]]) -> Handler:
    """A report of day buckets, oldest first; days without traffic come empty."""

    def answer(call: Call) -> Answer:
        start, end = moment(call, "starting_at"), moment(call, "ending_at") or call.now
        size, groups = size_of(call, 7, 31), call.many("group_by[]")
        if start is None:
            return bad("starting_at: Field required")
        if size is None or call.one("bucket_width", "1d") != "1d":
            return bad("bucket_width and limit do not fit")
        if not allowed.issuperset(groups):
            return bad("group_by: unknown dimension")
        day, days = day_of(start), list[datetime]()
        while day + DAY <= end and day < call.now:
            days.append(day)
            day += DAY
        found = page_of(call, days, size)
        if found is None:
            return bad("page: invalid cursor")
        data = [
            {
                "starting_at": rfc(day),
                "ending_at": rfc(day + DAY),
                "results": results(call, charges_of_day(call, day), groups),
            }
            for day in found[0]
        ]
        return Answer(document={"data": data, "has_more": found[1] is not None, "next_page": found[1]})

    return answer


def usage_rows(call: Call, charges: list[Charge], groups: list[str]) -> list[Any]:
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for charge in charges:
        known = {
            "api_key_id": key_id(call, charge.key),
            "workspace_id": workspace_id(call, charge),
            "model": charge.model,
            "service_tier": tier(charge),
        }
        place = {name: value if name in groups else None for name, value in known.items()}
        row = rows.setdefault(
            tuple(place.values()),
            {
                "account_id": None,
                "service_account_id": None,
                "context_window": None,
                "inference_geo": None,
                **place,
                "uncached_input_tokens": 0,
                "cache_read_input_tokens": 0,
                "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
                "output_tokens": 0,
                "server_tool_use": {"web_search_requests": 0},
            },
        )
        row["uncached_input_tokens"] += charge.input_tokens
        row["cache_read_input_tokens"] += charge.cached_tokens
        row["cache_creation"]["ephemeral_5m_input_tokens"] += charge.cache_write_tokens - charge.cache_write_tokens // 3
        row["cache_creation"]["ephemeral_1h_input_tokens"] += charge.cache_write_tokens // 3
        row["output_tokens"] += charge.output_tokens
        row["server_tool_use"]["web_search_requests"] += searches(charge)
    return list(rows.values())


def searches(charge: Charge) -> int:
    return charge.requests // 400


def lines_of(charge: Charge) -> Iterator[tuple[str, str | None, str, Decimal]]:
    """(cost type, token type, words, dollars) whose sum is the charge. A search is one cent."""
    left = charge.cost
    batch = ", Batch" if charge.key == BATCH_KEY else ""
    if searches(charge):
        amount = min(left, searches(charge) * Decimal("0.01"))
        left -= amount
        yield "web_search", None, "Web Search Usage", amount
    tokens = left
    for token_type, words, share in LINES:
        amount = (tokens * share).quantize(PROFILE.step)
        left -= amount
        yield "tokens", token_type, f"{NAMES[charge.model]} Usage - {words}{batch}", amount
    yield "tokens", "output_tokens", f"{NAMES[charge.model]} Usage - Output Tokens{batch}", left


def cost_rows(call: Call, charges: list[Charge], groups: list[str]) -> list[Any]:
    sums: dict[tuple[Any, ...], Decimal] = {}
    for charge in charges:
        place = workspace_id(call, charge) if "workspace_id" in groups else None
        for kind, token_type, words, amount in lines_of(charge):
            line: tuple[Any, ...] = (None,) * 5
            if "description" in groups:
                model = charge.model if kind == "tokens" else None
                line = (kind, token_type, words, model, tier(charge) if model else None)
            sums[(place, *line)] = sums.get((place, *line), Decimal(0)) + amount
    return [
        {
            "amount": f"{amount * 100:f}",
            "currency": "USD",
            "cost_type": kind,
            "token_type": token_type,
            "description": words,
            "model": model,
            "service_tier": served,
            "context_window": "0-200k" if model else None,
            "inference_geo": "global" if model else None,
            "workspace_id": place,
        }
        for (place, kind, token_type, words, model, served), amount in sums.items()
    ]


def analytics_cost(call: Call, charges: list[Charge]) -> dict[str, Any]:
    cost = sum((charge.cost for charge in charges), Decimal(0))
    requests = sum(charge.requests for charge in charges)
    amounts = {"amount": f"{cost * 100:f}", "list_amount": f"{cost * 110:f}", "currency": "USD"}
    return {"cost": {**amounts, "requests": requests}}


def analytics_usage(call: Call, charges: list[Charge]) -> dict[str, Any]:
    (row,) = usage_rows(call, charges, [])
    names = ("uncached_input_tokens", "cache_read_input_tokens", "cache_creation", "output_tokens", "server_tool_use")
    counts = {name: row[name] for name in names}
    total = sum(value for value in (*counts.values(), *row["cache_creation"].values()) if isinstance(value, int))
    return {"usage": {**counts, "total_tokens": total, "requests": sum(charge.requests for charge in charges)}}


def analytics(told: Callable[[Call, list[Charge]], dict[str, Any]]) -> Handler:
    """Rows by day (or one total), biggest first unless ordered by time. Days without use have no row."""

    def answer(call: Call) -> Answer:
        start, end = moment(call, "starting_at"), moment(call, "ending_at")
        size, groups, width = size_of(call, 20, 1000), call.many("group_by[]"), call.one("time_bucket_width")
        if start is None or start < call.now - timedelta(days=365):
            return bad("starting_at: must be within the last 365 days")
        if width not in ("", "1d") or (width and end is None):
            return bad("ending_at: required with time_bucket_width")
        end = end or call.now
        if size is None or end - start > timedelta(days=31) or len(groups) > 5:
            return bad("the range may span at most 31 days")
        if not {"api_key_id", "workspace_id", "model", "service_tier"}.issuperset(groups):
            return bad("group_by: unknown dimension")
        charges: dict[tuple[Any, ...], list[Charge]] = {}
        for charge in call.account.daily(day_of(start), min(end, call.now)):
            known = {
                "api_key_id": key_id(call, charge.key),
                # the default workspace has its real id here
                "workspace_id": workspace_id(call, charge) or made_up_id("wrkspc_01", call.account.name, "default"),
                "model": charge.model,
                "service_tier": tier(charge),
            }
            names = (value if name in groups else None for name, value in known.items())
            charges.setdefault((charge.start if width else start, *names), []).append(charge)
        ascending = call.one("order") == "asc"
        by_time = bool(width) and call.one("order_by") == "time"

        def weight(item: tuple[tuple[Any, ...], list[Charge]]) -> Decimal:
            return sum((charge.cost for charge in item[1]), Decimal(0))

        ranked = sorted(charges.items(), key=weight, reverse=not ascending or by_time)
        if by_time:
            ranked.sort(key=lambda item: item[0][0], reverse=not ascending)
        found = page_of(call, ranked, size)
        if found is None:
            return bad("page: invalid cursor")
        data = [
            {
                "starting_at": rfc(at),
                "ending_at": rfc(at + DAY if width else end),
                "group": {"api_key_id": key, "workspace_id": place, "model": model, "service_tier": served},
                **told(call, rows),
            }
            for (at, key, place, model, served), rows in found[0]
        ]
        refreshed = rfc(call.now - timedelta(minutes=20))
        return Answer(
            document={
                "data": data,
                "has_more": found[1] is not None,
                "next_page": found[1],
                "data_refreshed_at": refreshed,
            }
        )

    return answer


def organization(call: Call) -> Answer:
    return Answer(
        document={
            "id": made_up_uuid("anthropic", call.account.name),
            "type": "organization",
            "name": f"{call.account.name.capitalize()} Ltd",
        }
    )


def listing(items: Callable[[Call], list[Any]]) -> Handler:
    """A list with after_id cursors."""

    def answer(call: Call) -> Answer:
        size, after, found = size_of(call, 20, 1000), call.one("after_id"), items(call)
        if size is None:
            return bad("limit: between 1 and 1000")
        names = [item["id"] for item in found]
        if after and after not in names:
            return failure(404, "not_found_error", "after_id: not found")
        start = names.index(after) + 1 if after else 0
        page = found[start : start + size]
        return Answer(
            document={
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": start + size < len(found),
            }
        )

    return answer


def api_keys(call: Call) -> list[Any]:
    """The keys that spend, and one that was archived."""
    keys = [key for key in PROFILE.keys if key != CONSOLE]
    names: list[tuple[str, str, str | None]] = [
        (key, "active", place) for key, place in zip(keys, workspaces(call), strict=True)
    ]
    names.append(("trial-2026", "archived", None))
    return [
        {
            "type": "api_key",
            "id": key_id(call, name),
            "name": name,
            "status": status,
            "partial_key_hint": f"sk-ant-api03-{made_up_id('', call.account.name, name, length=3)}...ZZAA",
            "workspace_id": place,
            "created_at": "2026-03-02T08:00:00Z",
            "expires_at": None,
            "created_by": {"id": "user_01MADEUP", "type": "user"},
        }
        for name, status, place in names
    ]


def models(call: Call) -> list[Any]:
    return [
        {
            "type": "model",
            "id": model.id,
            "display_name": NAMES[model.id],
            "created_at": "2026-02-01T00:00:00Z",
            "max_input_tokens": 1_000_000,
            "max_tokens": 128_000,
        }
        for model in PROFILE.models
    ]


def rate_limits(call: Call) -> Answer:
    data: list[Any] = [
        {
            "type": "rate_limit",
            "id": made_up_id("rl_01", call.account.name, model.id),
            "group_type": "model_group",
            "group": {"id": made_up_id("rlg_01", model.id), "type": "model_group", "display_name": NAMES[model.id]},
            "models": [model.id],
            "limits": [
                {"type": "requests_per_minute", "value": 4000},
                {"type": "input_tokens_per_minute_cache_aware", "value": 2_000_000},
                {"type": "output_tokens_per_minute", "value": 400_000},
            ],
        }
        for model in PROFILE.models
    ]
    data.append(
        {
            "type": "rate_limit",
            "id": made_up_id("rl_01", call.account.name, "batch"),
            "group_type": "batch",
            "group": {"id": made_up_id("rlg_01", "batch"), "type": "batch"},
            "models": None,
            "limits": [{"type": "enqueued_batch_requests", "value": 250_000}],
        }
    )
    return Answer(document={"data": data, "next_page": None})


def workspaces(call: Call) -> list[str]:
    return [made_up_id("wrkspc_01", call.account.name, project, length=16) for project in PROFILE.projects]


def workspace_rate_limits(call: Call) -> Answer:
    """The first workspace has a lower request limit of its own; the other inherits everything."""
    wanted = call.one("workspace_id")
    if wanted not in workspaces(call):
        return failure(404, "not_found_error", "Workspace not found")
    group = {"id": made_up_id("rlg_01", "claude-opus-5"), "type": "model_group", "display_name": "Claude Opus 5"}
    override = {
        "type": "workspace_rate_limit",
        "workspace_id": wanted,
        "group_type": "model_group",
        "group": group,
        "models": ["claude-opus-5"],
        "limits": [{"type": "requests_per_minute", "value": 500, "org_limit": 4000}],
    }
    return Answer(document={"data": [override] if wanted == workspaces(call)[0] else [], "next_page": None})


def spend_limits(call: Call) -> Answer:
    """An early-access preview: about half of the accounts have it."""
    if not has_spend_limits(call.account.name):
        return failure(403, "permission_error", "Not enabled for this organization.")
    scopes: tuple[tuple[str, dict[str, str]], ...] = (
        ("800000", {"type": "organization"}),
        ("250000", {"type": "workspace", "workspace_id": workspaces(call)[0]}),
        ("20000000", {"type": "usage_tier"}),
    )
    data = [
        {
            "type": "spend_limit",
            "id": made_up_id("spl_01", call.account.name, scope["type"]),
            "amount": amount,
            "currency": "USD",
            "period": "monthly",
            "scope": scope,
            "is_enabled": True,
            "created_at": "2026-10-02T09:00:00Z",
            "updated_at": "2026-10-02T09:00:00Z",
        }
        for amount, scope in scopes
    ]
    return Answer(document={"data": data, "next_page": None})


def has_spend_limits(account: str) -> bool:
    return sum(account.encode()) % 2 == 0


def member_limits(call: Call) -> Answer:
    """One row per member and period, paged by member. Every third member has no limit, one may not exceed the plan."""
    if not call.token.startswith("sk-ant-api01-"):
        return failure(
            403, "permission_error", "Claude Enterprise organizations only.", "organization_type_not_supported"
        )
    size = size_of(call, 20, 1000)
    found = page_of(call, list(range(7)), size) if size else None
    if found is None:
        return bad("limit or page does not fit")
    data = []
    for index in found[0]:
        name = f"member{index}"
        spent = Decimal(call.account.chance("member", index).randrange(0, 60_000_000)) / 1000
        data.append(
            {
                "actor": {
                    "type": "user_actor",
                    "user_id": made_up_id("user_01", call.account.name, name),
                    "name": name.capitalize(),
                    "email_address": f"{name}@example.org",
                    "deleted": False,
                },
                "scope": {"type": "user", "user_id": made_up_id("user_01", call.account.name, name)},
                "source": {"type": "organization"},
                "spend_limit_id": made_up_id("spl_01", call.account.name, name),
                "amount": None if index % 3 == 2 else str(min(index * 50_000, 100_000)),
                "currency": "USD",
                "period": "monthly",
                "period_to_date_spend": f"{spent:f}" if index else "0",
            }
        )
    return Answer(document={"data": data, "next_page": found[1]})


ADMIN, INFERENCE, ENTERPRISE = "sk-ant-admin01-", "sk-ant-api03-", "sk-ant-api01-"
ORGANIZATIONS = "/v1/organizations"
USAGE_GROUPS = frozenset(
    {"account_id", "api_key_id", "context_window", "inference_geo", "model", "service_account_id", "service_tier"}
    | {"workspace_id"}
)

PART = Part(
    slug="anthropic",
    hosts=frozenset({"api.anthropic.com"}),
    profile=PROFILE,
    routes={
        ("GET", f"{ORGANIZATIONS}/me"): for_kind((ADMIN,), organization),
        ("GET", f"{ORGANIZATIONS}/usage_report/messages"): for_kind((ADMIN,), report(USAGE_GROUPS, usage_rows)),
        ("GET", f"{ORGANIZATIONS}/cost_report"): for_kind(
            (ADMIN,), report(frozenset({"description", "workspace_id"}), cost_rows)
        ),
        **{
            ("GET", f"{ORGANIZATIONS}/analytics/{name}"): for_kind(
                (ADMIN, ENTERPRISE), analytics(told), beta=ANALYTICS_BETA
            )
            for name, told in (("cost", analytics_cost), ("usage", analytics_usage))
        },
        ("GET", f"{ORGANIZATIONS}/rate_limits"): for_kind((ADMIN,), rate_limits),
        ("GET", f"{ORGANIZATIONS}/workspaces/{{workspace_id}}/rate_limits"): for_kind((ADMIN,), workspace_rate_limits),
        ("GET", f"{ORGANIZATIONS}/spend_limits"): for_kind((ADMIN,), spend_limits, beta=SPEND_LIMITS_BETA),
        ("GET", f"{ORGANIZATIONS}/spend_limits/effective"): for_kind((ADMIN, ENTERPRISE), member_limits),
        ("GET", f"{ORGANIZATIONS}/api_keys"): for_kind((ADMIN,), listing(api_keys)),
        ("GET", "/v1/models"): for_kind((INFERENCE,), listing(models)),
    },
    refuse=refuse,
    demo={"admin_key": "sk-ant-admin01-sim-harbor", "inference_key": "sk-ant-api03-sim-harbor"},
    token_of=lambda headers: headers.get("x-api-key", ""),
)
