"""OpenRouter's account API: credits, keys in two workspaces, 30 days of activity, and analytics by day and model.

Both kinds of key begin with "sk-or-v1-", so the kind is in the rest of a simulated key: one that holds "management"
("sk-or-v1-management-sim-harbor") is a management key. An inference key is the one whose name it holds
("sk-or-v1-sim-harbor-team-green"), else the first.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, Charge, ModelProfile, Profile, SimAccount, day_of, made_up_uuid

PREFIX = "sk-or-v1-"
NOBODY = "sim-nobody"
DAY = timedelta(days=1)
KEYS_PAGE = 100
ENDS_IN = timedelta(days=8)
EXACT_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
MICRO = Decimal("0.000001")

PROFILE = Profile(
    slug="openrouter",
    unit="USD",
    step=MICRO,
    daily_spend=Decimal("110"),
    topup=Decimal("1500"),
    topup_below=Decimal("250"),
    models=(
        ModelProfile(id="anthropic/claude-sonnet-4.5", input_price=Decimal("3"), output_price=Decimal("15"), weight=3),
        ModelProfile(id="openai/gpt-5-mini", input_price=Decimal("0.25"), output_price=Decimal("2"), weight=2),
        ModelProfile(id="deepseek/deepseek-v3.2", input_price=Decimal("0.26"), output_price=Decimal("0.38")),
    ),
    projects=("Default", "Support"),
)
LABELS = {
    "anthropic/claude-sonnet-4.5": "Claude Sonnet 4.5",
    "openai/gpt-5-mini": "GPT-5 Mini",
    "deepseek/deepseek-v3.2": "DeepSeek V3.2",
}
# By key: the cap, its reset, and which provider its calls are routed to.
CAPS = {"team-blue": (4000, "monthly"), "team-green": (600, "weekly"), "team-red": (None, None)}
ROUTES = {"team-blue": "Upstream One", "team-green": "Upstream One", "team-red": "Upstream Two"}
BUDGETS = {"Default": (3000, "monthly"), "Support": (150, "daily")}

Count = Callable[[Charge], int | Decimal]
METRICS: Mapping[str, Count] = {
    "credits_usage": lambda charge: charge.cost,
    "total_usage": lambda charge: charge.cost,
    "byok_usage": lambda charge: Decimal(0),
    "request_count": lambda charge: charge.requests,
    "tokens_prompt": lambda charge: prompt_tokens(charge),
    "tokens_completion": lambda charge: charge.output_tokens,
    "tokens_total": lambda charge: prompt_tokens(charge) + charge.output_tokens,
    "reasoning_tokens": lambda charge: charge.reasoning_tokens,
    "cached_tokens": lambda charge: charge.cached_tokens,
}
DIMENSIONS: Mapping[str, Callable[[Charge], str]] = {
    "model": lambda charge: LABELS[charge.model],
    "api_key_id": lambda charge: charge.key,
    "workspace": lambda charge: charge.project,
    "provider": lambda charge: ROUTES[charge.key],
}


def prompt_tokens(charge: Charge) -> int:
    return charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens


def error(status: int, message: str) -> Answer:
    return Answer(status=status, document={"error": {"code": status, "message": message}})


def refuse(status: int) -> Answer:
    return error(
        status,
        "Only management keys can perform this operation" if status == 403 else "Missing Authentication header",
    )


def with_key(handler: Handler) -> Handler:
    return lambda call: handler(call) if call.token.startswith(PREFIX) else refuse(401)


def managed(handler: Handler) -> Handler:
    return with_key(lambda call: handler(call) if is_management(call.token) else refuse(403))


def is_management(token: str) -> bool:
    return "management" in token


def token_of(headers: Mapping[str, str]) -> str:
    """The list of models is public: a call without a key is nobody's, and gets nothing else."""
    return headers.get("authorization", "").removeprefix("Bearer ") or NOBODY


def key_hash(account: SimAccount, key: str) -> str:
    return hashlib.sha256(f"{account.name}:{key}".encode()).hexdigest()


def workspace_id(account: SimAccount, project: str) -> str:
    return made_up_uuid("openrouter-workspace", account.name, project)


def project_of(key: str) -> str:
    return PROFILE.projects[PROFILE.keys.index(key) % len(PROFILE.projects)]


def balance(call: Call) -> Answer:
    bought, used = call.account.lifetime(call.now)
    return Answer(document={"data": {"total_credits": number(bought), "total_usage": number(used)}})


def counters(account: SimAccount, key: str, now: datetime) -> dict[str, Any]:
    """The cap of a key and what it spent: ever, and in the current day, week (from Monday) and month in UTC."""
    today = day_of(now)
    starts = {
        "": EPOCH,
        "_daily": today,
        "_weekly": today - today.weekday() * DAY,
        "_monthly": today.replace(day=1),
    }
    spent = {name: Decimal(0) for name in starts}
    for charge in account.daily(EPOCH, now):
        if charge.key == key:
            for name, start in starts.items():
                if charge.start >= start:
                    spent[name] += charge.cost
    limit, reset = CAPS[key]
    return {
        "label": f"{PREFIX}{key_hash(account, key)[:3]}...{key_hash(account, key)[-3:]}",
        "limit": limit,
        "limit_remaining": None if limit is None else number(limit - spent[f"_{reset}"]),
        "limit_reset": reset,
        "include_byok_in_limit": False,
        **{f"usage{name}": number(amount) for name, amount in spent.items()},
        **{f"byok_usage{name}": 0 for name in spent},
        "expires_at": None,
        "creator_user_id": f"user_{account.name}0001",
    }


def current_key(call: Call) -> Answer:
    management = is_management(call.token)
    key = next((name for name in PROFILE.keys if name in call.token), PROFILE.keys[0])
    told = counters(call.account, key, call.now)
    if management:
        told = {name: 0 if "usage" in name else value for name, value in told.items()}
        told |= {"label": f"{PREFIX}ma9...9ae", "limit": None, "limit_remaining": None, "limit_reset": None}
    used = call.account.chance("free", call.now.date().isoformat()).randrange(200)
    return Answer(
        document={
            "data": {
                **told,
                "is_free_tier": False,
                "is_management_key": management,
                "is_provisioning_key": management,
                "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated."},
                "free_model_daily_requests": {"used": used, "limit": 1000, "remaining": 1000 - used},
            }
        }
    )


def born_keys(call: Call) -> list[dict[str, Any]]:
    return [
        {
            "hash": key_hash(call.account, key),
            "name": key,
            "disabled": False,
            **counters(call.account, key, call.now),
            "created_at": f"2025-{9 + index:02}-01T09:00:00.000Z",
            "updated_at": None,
            "last_used_at": call.now.strftime("%Y-%m-%dT%H:00:00.000Z"),
            "workspace_id": workspace_id(call.account, project_of(key)),
            # One that ends soon, as long as nobody looks at it.
            **({"expires_at": (call.now + ENDS_IN).strftime("%Y-%m-%dT00:00:00Z")} if key == PROFILE.keys[-1] else {}),
        }
        for index, key in enumerate(PROFILE.keys)
    ]


def keys(call: Call) -> Answer:
    """Keys of one workspace, the default one unless another is asked for; disabled and expired ones on demand."""
    wanted = call.one("workspace_id") or workspace_id(call.account, PROFILE.projects[0])
    now = call.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    listed = [
        row
        for row in known_keys(call).values()
        if row["workspace_id"] == wanted
        and (call.one("include_disabled") == "true" or not row["disabled"])
        and (call.one("include_expired") == "true" or not row["expires_at"] or row["expires_at"] > now)
    ]
    offset = int(call.one("offset", "0"))
    return Answer(document={"data": listed[offset : offset + KEYS_PAGE]})


def make_key(call: Call) -> Answer:
    wanted = call.body if isinstance(call.body, dict) else {}
    spaces = [workspace_id(call.account, project) for project in PROFILE.projects]
    workspace = wanted.get("workspace_id", spaces[0])
    if not wanted.get("name") or workspace not in spaces:
        return error(400, "Invalid name or workspace")
    if "expires_at" in wanted and not EXACT_TIME.fullmatch(wanted["expires_at"]):
        return error(400, "expires_at must be UTC, with seconds")
    made = f"{len(call.account.moves.keys)}:{wanted['name']}"
    hashed, secret = key_hash(call.account, made), f"{PREFIX}made-{key_hash(call.account, f'secret {made}')[:40]}"
    limit = wanted.get("limit")
    call.account.moves.keys[hashed] = {
        "hash": hashed,
        "name": wanted["name"],
        "label": f"{PREFIX}{secret[9:12]}...{secret[-3:]}",
        "disabled": False,
        "limit": limit,
        "limit_remaining": limit,
        "limit_reset": wanted.get("limit_reset"),
        "include_byok_in_limit": False,
        **{f"{kind}{span}": 0 for kind in ("usage", "byok_usage") for span in ("", "_daily", "_weekly", "_monthly")},
        "created_at": call.now.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "updated_at": None,
        "last_used_at": None,
        "expires_at": wanted.get("expires_at"),
        "creator_user_id": None,
        "workspace_id": workspace,
    }
    return Answer(status=201, document={"key": secret, "data": call.account.moves.keys[hashed]})


def known_keys(call: Call) -> dict[str, dict[str, Any]]:
    """All keys by hash, made ones too, as they stand now."""
    moves = call.account.moves
    everything = {row["hash"]: row for row in [*born_keys(call), *moves.keys.values()]}
    return {
        hashed: {**row, "disabled": moves.switched.get(hashed, False)}
        for hashed, row in everything.items()
        if hashed not in moves.deleted
    }


def change_key(call: Call) -> Answer:
    found, wanted = known_keys(call).get(call.one("hash")), call.body or {}
    if found is None:
        return error(404, "Key not found")
    if "disabled" not in wanted:
        return error(400, "No update fields provided")
    call.account.moves.switched[call.one("hash")] = bool(wanted["disabled"])
    return Answer(document={"data": {**found, "disabled": bool(wanted["disabled"])}})


def drop_key(call: Call) -> Answer:
    if call.one("hash") not in known_keys(call):
        return error(404, "Key not found")
    call.account.moves.deleted.add(call.one("hash"))
    return Answer(document={"deleted": True})


def workspaces(call: Call) -> Answer:
    listed = [
        {
            "id": workspace_id(call.account, project),
            "name": project,
            "slug": project.lower(),
            "description": None,
            "created_at": "2025-09-01T09:00:00.000Z",
            "created_by": f"user_{call.account.name}0001",
            "updated_at": None,
        }
        for project in PROFILE.projects
    ]
    offset, limit = int(call.one("offset", "0")), int(call.one("limit", "50"))
    if not 1 <= limit <= 100:
        return error(400, "limit must be between 1 and 100")
    return Answer(document={"data": listed[offset : offset + limit], "total_count": len(listed)})


def budgets(call: Call) -> Answer:
    for project, (limit, reset) in BUDGETS.items():
        if workspace_id(call.account, project) == call.one("workspace"):
            row = {
                "id": made_up_uuid("openrouter-budget", call.account.name, project),
                "workspace_id": call.one("workspace"),
                "limit_usd": limit,
                "reset_interval": reset,
                "created_at": "2025-09-01T09:00:00.000Z",
                "updated_at": "2025-09-01T09:00:00.000Z",
            }
            return Answer(document={"data": [row], "include_byok_in_budgets": False})
    return error(404, "Workspace not found")


def activity(call: Call) -> Answer:
    """The last 30 completed days, or one day: of those 30, or today as far as it has come."""
    today = day_of(call.now)
    start, end = today - 30 * DAY, today
    if call.one("date"):
        try:
            start = datetime.strptime(call.one("date"), "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            return error(400, "Invalid date format")
        if not today - 30 * DAY <= start <= today:
            return error(400, "Date must be within the last 30 days")
        end = min(start + DAY, call.now)
    if call.one("workspace_id") and call.one("workspace_id") not in {
        workspace_id(call.account, project) for project in PROFILE.projects
    }:
        return error(404, "Workspace not found")
    grouped = call.one("group_by") == "workspace"
    rows: dict[tuple[str, ...], list[Charge]] = {}
    for charge in call.account.daily(start, end):
        workspace = workspace_id(call.account, charge.project)
        if call.one("workspace_id", workspace) != workspace:
            continue
        if call.one("api_key_hash") and key_hash(call.account, charge.key) != call.one("api_key_hash"):
            continue
        place = (charge.start.date().isoformat(), charge.model, ROUTES[charge.key], workspace if grouped else "")
        rows.setdefault(place, []).append(charge)
    return Answer(document={"data": [activity_row(place, charges) for place, charges in reversed(rows.items())]})


def activity_row(place: tuple[str, ...], charges: list[Charge]) -> dict[str, Any]:
    date, model, provider, workspace = place
    return {
        "date": date,
        "model": model,
        "model_permaslug": f"{model}-2026-05",
        "endpoint_id": made_up_uuid("openrouter-endpoint", model, provider),
        "provider_name": provider,
        "usage": number(sum((charge.cost for charge in charges), Decimal(0))),
        "byok_usage_inference": 0,
        "requests": sum(charge.requests for charge in charges),
        "prompt_tokens": sum(prompt_tokens(charge) for charge in charges),
        "completion_tokens": sum(charge.output_tokens for charge in charges),
        "reasoning_tokens": sum(charge.reasoning_tokens for charge in charges),
        **({"workspace_id": workspace} if workspace else {}),
    }


def analytics(call: Call) -> Answer:
    """By day, newest first. Counts are text, money is a number; models, keys and workspaces are labels."""
    asked = call.body if isinstance(call.body, dict) else {}
    metrics, dimensions = asked.get("metrics") or [], asked.get("dimensions") or []
    limit = asked.get("limit", 1000)
    if not metrics or not set(metrics) <= set(METRICS) or not set(dimensions) <= set(DIMENSIONS) or len(dimensions) > 2:
        return error(400, "Unknown metric or dimension")
    if asked.get("granularity") != "day" or not 1 <= limit <= 10_000:
        return error(400, "Unknown granularity or limit")
    told = asked.get("time_range") or {}
    start = datetime.fromisoformat(told["start"]) if told else call.now - 7 * DAY
    end = datetime.fromisoformat(told["end"]) if told else call.now
    if not start < end or end - start > 365 * DAY:
        return error(400, "Invalid time range")
    groups: dict[tuple[str, ...], list[Charge]] = {}
    for charge in call.account.daily(day_of(start), min(end, call.now)):
        place = (charge.start.strftime("%Y-%m-%dT00:00:00.000Z"), *(DIMENSIONS[name](charge) for name in dimensions))
        groups.setdefault(place, []).append(charge)
    rows = [
        dict(zip(("date__day", *dimensions), place, strict=True))
        | {name: metric(METRICS[name], charges) for name in metrics}
        for place, charges in reversed(groups.items())
    ]
    metadata = {"query_time_ms": 12, "row_count": min(len(rows), limit), "truncated": len(rows) > limit}
    return Answer(document={"data": {"data": rows[:limit], "metadata": metadata, "warnings": []}})


def metric(count: Count, charges: list[Charge]) -> str | float:
    total = sum(count(charge) for charge in charges)
    return number(total) if isinstance(total, Decimal) else str(total)


def models(call: Call) -> Answer:
    return Answer(
        document={
            "data": [
                {
                    "id": model.id,
                    "canonical_slug": f"{model.id}-2026-05",
                    "name": LABELS[model.id],
                    "created": 1_777_593_600,
                    "context_length": 200_000,
                    "pricing": {
                        "prompt": format(model.input_price / 1_000_000, "f"),
                        "completion": format(model.output_price / 1_000_000, "f"),
                        "input_cache_read": format(model.input_price / 10_000_000, "f"),
                        "request": "0",
                        "image": "0",
                    },
                    "supported_parameters": ["max_tokens", "temperature", "tools"],
                }
                for model in PROFILE.models
            ]
        }
    )


PART = Part(
    slug="openrouter",
    hosts=frozenset({"openrouter.ai"}),
    profile=PROFILE,
    routes={
        ("GET", "/api/v1/credits"): managed(balance),
        ("GET", "/api/v1/key"): with_key(current_key),
        ("GET", "/api/v1/keys"): managed(keys),
        ("POST", "/api/v1/keys"): managed(make_key),
        ("PATCH", "/api/v1/keys/{hash}"): managed(change_key),
        ("DELETE", "/api/v1/keys/{hash}"): managed(drop_key),
        ("GET", "/api/v1/workspaces"): managed(workspaces),
        ("GET", "/api/v1/workspaces/{workspace}/budgets"): managed(budgets),
        ("GET", "/api/v1/activity"): managed(activity),
        ("POST", "/api/v1/analytics/query"): managed(analytics),
        ("GET", "/api/v1/models"): models,
    },
    refuse=refuse,
    demo={"management_key": "sk-or-v1-management-sim-harbor", "inference_key": "sk-or-v1-sim-harbor"},
    token_of=token_of,
)
