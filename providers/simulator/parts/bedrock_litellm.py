"""A LiteLLM proxy in front of Bedrock: one team whose budget is raised now and then, three virtual keys, a viewer's.

Kinds of key by the token: "...viewer..." belongs to a proxy_admin_viewer, "...master..." is the master key, which has
no row; any other is the virtual key named at its end ("sk-sim-harbor-gateway-red"), or else the first one.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Part, number
from providers.simulator.world import Charge, ModelProfile, Profile, made_up_id

HOST = "litellm.harbor.example"
DEFAULT_HOST = "localhost:4000"
DAY = timedelta(days=1)
PAGE_ROWS = 20  # rows of a page of activity; a client may ask for fewer
PROFILE = Profile(
    slug="bedrock-litellm",
    unit="USD",
    step=Decimal("0.0001"),
    daily_spend=Decimal("110"),
    topup=Decimal("2400"),
    topup_below=Decimal("400"),
    models=(
        ModelProfile(id="eu.anthropic.claude-sonnet-5", input_price=Decimal("3"), output_price=Decimal("15"), weight=3),
        ModelProfile(id="eu.anthropic.claude-haiku-4-5", input_price=Decimal("1"), output_price=Decimal("5")),
        ModelProfile(
            id="eu.amazon.nova-lite-v1:0", input_price=Decimal("0.06"), output_price=Decimal("0.24"), weight=0.2
        ),
    ),
    keys=("gateway-blue", "gateway-green", "gateway-red"),
    projects=("team-platform",),
)
TEAM = PROFILE.projects[0]
NAMES = {
    "eu.anthropic.claude-sonnet-5": "bedrock-sonnet",
    "eu.anthropic.claude-haiku-4-5": "bedrock-haiku",
    "eu.amazon.nova-lite-v1:0": "bedrock-nova",
}


def is_viewer(call: Call) -> bool:
    return "viewer" in call.token


def own_key(call: Call) -> str:
    return next((key for key in PROFILE.keys if call.token.endswith(key)), PROFILE.keys[0])


def hash_of(call: Call, key: str) -> str:
    return made_up_id("", call.account.name, key, length=64)


def failure(status: int, kind: str, message: str) -> Answer:
    error = {"message": message, "type": kind, "param": None, "code": str(status)}
    return Answer(status=status, document={"error": error})


def refuse(status: int) -> Answer:
    if status == 401:
        return failure(401, "token_not_found_in_db", "Authentication Error, Invalid proxy server token passed.")
    return failure(status, "auth_error", "This key may not do that.")


def key_row(call: Call, key: str) -> dict[str, Any]:
    """The keys count by the month; the first one has a cap of its own."""
    month = call.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    spent = sum((charge.cost for charge in call.account.daily(month, call.now) if charge.key == key), Decimal(0))
    reset = (month + timedelta(days=32)).replace(day=1)
    return {
        "key_name": f"sk-...{hash_of(call, key)[:4]}",
        "key_alias": key,
        "spend": number(spent),
        "max_budget": 5000.0 if key == PROFILE.keys[0] else None,
        "budget_duration": "1mo",
        "budget_reset_at": reset.isoformat(),
        "expires": None,
        "models": list(NAMES.values()),
        "user_id": f"u-{key.removeprefix('gateway-')}",
        "team_id": TEAM,
        "tpm_limit": 400_000,
        "rpm_limit": 600,
        "max_parallel_requests": None,
        "blocked": None,
        "status": "active",
        "model_max_budget": {},
        "litellm_budget_table": None,
        "last_active": None,
        "created_at": "2025-09-01T00:00:00Z",
        "metadata": {},
    }


def viewer_row() -> dict[str, Any]:
    return {
        "key_name": "sk-...view",
        "key_alias": "purser",
        "spend": 0.0,
        "max_budget": None,
        "expires": None,
        "models": [],
        "user_id": "u-viewer",
        "team_id": None,
        "blocked": None,
        "metadata": {},
    }


def key_info(call: Call) -> Answer:
    if "master" in call.token:
        return failure(404, "not_found_error", "Key not found in database")
    if is_viewer(call):
        return Answer(document={"key": hash_of(call, "viewer"), "info": viewer_row()})
    key = own_key(call)
    return Answer(document={"key": hash_of(call, key), "info": key_row(call, key)})


def key_list(call: Call) -> Answer:
    """A viewer sees every key, anybody else the own ones."""
    listed = [key for key in PROFILE.keys if is_viewer(call) or key == own_key(call)]
    size, page = min(int(call.one("size", "10")), 2), int(call.one("page", "1"))
    rows = [{"token": hash_of(call, key), **key_row(call, key)} for key in listed[(page - 1) * size : page * size]]
    return Answer(
        document={
            "keys": rows,
            "total_count": len(listed),
            "current_page": page,
            "total_pages": -(-len(listed) // size),
        }
    )


def team_info(call: Call) -> Answer:
    """The budget is all that was ever granted and the spend all that was ever used: what is left is the balance."""
    if call.one("team_id") != TEAM:
        return Answer(status=404, document={"detail": {"error": "Team not found (simulated)"}})
    granted, spent = call.account.lifetime(call.now)
    return Answer(
        document={
            "team_id": TEAM,
            "team_info": {
                "team_id": TEAM,
                "team_alias": "Platform",
                "max_budget": number(granted),
                "soft_budget": None,
                "spend": number(spent),
                "budget_duration": None,
                "budget_reset_at": None,
                "tpm_limit": None,
                "rpm_limit": 1200,
                "blocked": False,
                "models": [],
                "members_with_roles": [{"user_id": "u-blue", "role": "admin"}],
            },
            "keys": [],
            "team_memberships": [],
        }
    )


def user_info(call: Call) -> Answer:
    viewer = call.one("user_id") == "u-viewer"
    return Answer(
        document={
            "user_id": call.one("user_id"),
            "user_role": "proxy_admin_viewer" if viewer else "internal_user",
            "spend": 0.0,
            "max_budget": None,
            "budget_duration": None,
            "budget_reset_at": None,
            "teams": [] if viewer else [TEAM],
        }
    )


def provider_budgets(call: Call) -> Answer:
    if not is_viewer(call):
        return failure(401, "auth_error", "only proxy admin can view this")
    return failure(500, "internal_error", "Provider budgets are not configured (simulated)")


def charges(call: Call) -> list[Charge]:
    start = datetime.fromisoformat(call.one("start_date")).replace(tzinfo=UTC)
    end = datetime.fromisoformat(call.one("end_date")).replace(tzinfo=UTC) + DAY
    if end <= start:
        return []
    found = call.account.daily(start, min(end, call.now))
    return [charge for charge in found if is_viewer(call) or charge.key == own_key(call)]


def metrics(found: Iterable[Charge]) -> dict[str, Any]:
    rows = list(found)
    prompt = sum(row.input_tokens + row.cached_tokens + row.cache_write_tokens for row in rows)
    completion, requests = sum(row.output_tokens for row in rows), sum(row.requests for row in rows)
    return {
        "spend": number(sum((row.cost for row in rows), Decimal(0))),
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cache_read_input_tokens": sum(row.cached_tokens for row in rows),
        "cache_creation_input_tokens": sum(row.cache_write_tokens for row in rows),
        "total_tokens": prompt + completion,
        "successful_requests": requests,
        "failed_requests": 0,
        "api_requests": requests,
    }


def provider_of(charge: Charge) -> str:
    return "bedrock" if "nova" in charge.model else "bedrock_converse"


def grouped(rows: list[Charge], names: Any) -> dict[str, list[Charge]]:
    found: dict[str, list[Charge]] = {}
    for row in rows:
        found.setdefault(names(row), []).append(row)
    return found


def results(call: Call, found: list[Charge]) -> list[dict[str, Any]]:
    """One entry per date, newest first."""

    def by_key(rows: list[Charge]) -> dict[str, Any]:
        return {
            hash_of(call, key): {"metrics": metrics(part), "metadata": {"key_alias": key, "team_id": part[0].project}}
            for key, part in grouped(rows, lambda row: row.key).items()
        }

    def entries(rows: list[Charge], names: Any) -> dict[str, Any]:
        return {
            name: {"metrics": metrics(part), "metadata": {}, "api_key_breakdown": by_key(part)}
            for name, part in grouped(rows, names).items()
        }

    days = grouped(found, lambda row: row.start.date().isoformat())
    return [
        {
            "date": day,
            "metrics": metrics(rows),
            "breakdown": {
                "models": entries(rows, lambda row: row.model),
                "model_groups": entries(rows, lambda row: NAMES[row.model]),
                "providers": entries(rows, provider_of),
                "api_keys": by_key(rows),
                "entities": {},
                "mcp_servers": {},
            },
        }
        for day, rows in sorted(days.items(), reverse=True)
    ]


def activity(call: Call, found: list[Charge], page: int, count: int) -> Answer:
    total = metrics(found)
    return Answer(
        document={
            "results": results(call, found),
            "metadata": {
                "total_spend": total["spend"],
                "total_api_requests": total["api_requests"],
                "page": page,
                "total_pages": count,
                "has_more": page < count,
            },
        }
    )


def team_or_none(call: Call) -> Answer | None:
    if "/team/" in call.path and call.one("team_ids") != TEAM:
        return Answer(status=404, document={"detail": {"error": "Not in that team (simulated)"}})
    if not call.one("start_date") or not call.one("end_date"):
        return Answer(status=400, document={"detail": {"error": "Please provide start_date and end_date"}})
    return None


def aggregated(call: Call) -> Answer:
    return team_or_none(call) or activity(call, charges(call), 1, 1)


def paged(call: Call) -> Answer:
    """Pages of rows, not of days: a date goes on where the page before it ended."""
    refused = team_or_none(call)
    if refused:
        return refused
    found = sorted(charges(call), key=lambda row: row.start, reverse=True)
    size, page = min(int(call.one("page_size", "50")), PAGE_ROWS), int(call.one("page", "1"))
    return activity(call, found[(page - 1) * size : page * size], page, -(-len(found) // size))


def model_info(call: Call) -> Answer:
    size, page = min(int(call.one("size", "50")), 2), int(call.one("page", "1"))
    rows = [
        {
            "model_name": NAMES[model.id],
            "litellm_params": {"model": f"bedrock/{model.id}"},
            "model_info": {
                "id": made_up_id("", model.id),
                "litellm_provider": "bedrock_converse",
                "input_cost_per_token": number(model.input_price / 1_000_000),
                "output_cost_per_token": number(model.output_price / 1_000_000),
            },
        }
        for model in PROFILE.models
    ]
    return Answer(
        document={
            "data": rows[(page - 1) * size : page * size],
            "total_count": len(rows),
            "current_page": page,
            "total_pages": -(-len(rows) // size),
            "size": size,
        }
    )


def list_models(call: Call) -> Answer:
    return Answer(
        document={"object": "list", "data": [{"id": name, "object": "model"} for name in NAMES.values()]},
    )


def readiness(call: Call) -> Answer:
    """Open to everybody; the details are for keys."""
    details = {"litellm_version": "1.109.1"} if call.path.endswith("/details") else {}
    return Answer(document={"status": "healthy", "db": "connected", **details})


PART = Part(
    slug="bedrock-litellm",
    hosts=frozenset({HOST, DEFAULT_HOST}),
    profile=PROFILE,
    routes={
        ("GET", "/key/info"): key_info,
        ("GET", "/key/list"): key_list,
        ("GET", "/team/info"): team_info,
        ("GET", "/v2/user/info"): user_info,
        ("GET", "/provider/budgets"): provider_budgets,
        ("GET", "/user/daily/activity"): paged,
        ("GET", "/user/daily/activity/aggregated"): aggregated,
        ("GET", "/team/daily/activity"): paged,
        ("GET", "/team/daily/activity/aggregated"): aggregated,
        ("GET", "/v2/model/info"): model_info,
        ("GET", "/v1/models"): list_models,
        ("GET", "/health/readiness"): readiness,
        ("GET", "/health/readiness/details"): readiness,
    },
    refuse=refuse,
    demo={
        "base_url": f"https://{HOST}",
        "api_key": "sk-sim-harbor-gateway-blue",
        "read_key": "sk-sim-harbor-viewer",
        "team_id": TEAM,
    },
)
