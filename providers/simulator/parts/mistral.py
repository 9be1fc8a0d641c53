"""Mistral's API: the list of models for an ordinary key, and the Admin API of an Enterprise organization in EUR.

Keys have no prefix, so the kind is in the rest of a simulated key: one that holds "admin" ("admin-sim-harbor") is an
Admin API key, which comes as `x-api-key` or as Bearer; any other ("sim-harbor") is an ordinary key. One that holds
"quiet-" gets no rate-limit headers, and for "nothing-sim-harbor" they say that it has no allowance.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.limit_headers import TOKENS_A_MINUTE, is_quiet, used_in_minute
from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, Charge, ModelProfile, Profile, SimAccount, day_of, made_up_id, made_up_uuid

DAY = timedelta(days=1)
UNUSED = 74 * DAY  # so long one of the keys has lain about
GROUPS = ("input", "cached", "output")

# A step is a whole number of cached tokens of each model, so that a charge is always some number of paid tokens.
PROFILE = Profile(
    slug="mistral",
    unit="EUR",
    step=Decimal("0.000001"),
    daily_spend=Decimal("90"),
    topup=Decimal("2000"),
    topup_below=Decimal("300"),
    models=(
        ModelProfile(id="mistral-medium-2508", input_price=Decimal("0.4"), output_price=Decimal("2"), weight=3),
        ModelProfile(id="mistral-large-2411", input_price=Decimal("2"), output_price=Decimal("6"), weight=2),
        ModelProfile(id="mistral-small-2506", input_price=Decimal("0.1"), output_price=Decimal("0.3")),
    ),
    projects=("Blue", "Support"),
)
CAPS = {"Blue": 2500, "Support": None}
MONTHLY_LIMIT = 6000


def refuse(status: int) -> Answer:
    return Answer(status=status, document={"detail": "Unauthorized" if status == 401 else "Forbidden"})


def invalid(name: str) -> Answer:
    detail = {"loc": ["query", name], "msg": "Input is not valid", "type": "value_error"}
    return Answer(status=422, document={"detail": [detail]})


def administered(handler: Handler) -> Handler:
    return lambda call: handler(call) if "admin" in call.token else refuse(401)


def ordinary(handler: Handler) -> Handler:
    return lambda call: refuse(401) if "admin" in call.token else handler(call)


def token_of(headers: Mapping[str, str]) -> str:
    return headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


def workspace_id(account: SimAccount, project: str) -> str:
    return made_up_uuid("mistral-workspace", account.name, project)


def project_of(key: str) -> str:
    return PROFILE.projects[PROFILE.keys.index(key) % len(PROFILE.projects)]


def alias_of(model: str) -> str:
    return f"{model.rpartition('-')[0]}-latest"


def price(model: ModelProfile, group: str) -> Decimal:
    """Money per token."""
    per_million = {"input": model.input_price, "cached": model.input_price / 10, "output": model.output_price}
    return per_million[group] / 1_000_000


def month_of(call: Call) -> datetime | None:
    """The month asked for, the current one by default; None when there is no such month."""
    try:
        return datetime(
            int(call.one("year", str(call.now.year))), int(call.one("month", str(call.now.month))), 1, tzinfo=UTC
        )
    except ValueError:
        return None


def entries(model: ModelProfile, charges: list[Charge]) -> dict[str, list[dict[str, Any]]]:
    """A model's entries by group and day. Rounding is in the cached tokens that are paid for."""
    days: dict[datetime, list[Charge]] = {}
    for charge in charges:
        days.setdefault(charge.start, []).append(charge)
    found: dict[str, list[dict[str, Any]]] = {group: [] for group in GROUPS}
    for day, parts in days.items():
        used = {
            "input": sum(part.input_tokens + part.cache_write_tokens for part in parts),
            "cached": sum(part.cached_tokens for part in parts),
            "output": sum(part.output_tokens for part in parts),
        }
        cost = sum((part.cost for part in parts), Decimal(0))
        rest = cost - used["input"] * price(model, "input") - used["output"] * price(model, "output")
        paid = used | {"cached": int(rest / price(model, "cached"))}
        for group in GROUPS:
            found[group].append(
                {
                    "usage_type": "usage",
                    "event_type": "api_tokens",
                    "billing_metric": model.id,
                    "billing_display_name": model.id.rpartition("-")[0],
                    "billing_group": group,
                    "timestamp": day.date().isoformat(),
                    "value": used[group],
                    "value_paid": paid[group],
                }
            )
    return found


def usage(call: Call) -> Answer:
    month = month_of(call)
    if month is None:
        return invalid("month")
    wanted = call.one("workspace_id")
    if wanted and wanted not in {workspace_id(call.account, project) for project in PROFILE.projects}:
        return invalid("workspace_id")
    if call.one("api_zone", "global") not in ("global", "us", "eu"):
        return invalid("api_zone")
    following = day_of(month + 32 * DAY).replace(day=1)
    charges: dict[str, list[Charge]] = {}
    if call.one("api_zone", "global") == "global" and month <= call.now:
        for charge in call.account.daily(month, min(following, call.now)):
            if not wanted or workspace_id(call.account, charge.project) == wanted:
                charges.setdefault(charge.model, []).append(charge)
    empty: dict[str, Any] = {"models": {}}
    return Answer(
        document={
            "completion": {
                "models": {
                    f"{alias_of(model.id)}::{model.id}": entries(model, charges[model.id])
                    for model in PROFILE.models
                    if model.id in charges
                }
            },
            **dict.fromkeys(("chat", "ocr", "connectors", "audio", "audio_characters"), empty),
            "libraries_api": {"pages": empty, "tokens": empty, "audio_seconds": empty},
            "fine_tuning": {"training": {}, "storage": {}},
            "vibe_usage": 0,
            "vibe_code": dict.fromkeys(("completion", "ocr", "connectors", "audio", "audio_characters"), empty),
            "date": f"{month:%Y-%m-%d}T00:00:00Z",
            "previous_month": f"{month - DAY:%Y-%m}" if month > EPOCH else None,
            "next_month": f"{following:%Y-%m}",
            "start_date": f"{month:%Y-%m-%d}T00:00:00Z",
            "end_date": f"{following - DAY:%Y-%m-%d}T23:59:59.999Z",
            "currency": "EUR",
            "currency_symbol": "€",
            "prices": [
                {
                    "event_type": "api_tokens",
                    "billing_metric": model.id,
                    "billing_group": group,
                    "api_zone": "global",
                    "service_tier": tier,
                    # Both forms occur: text in scientific notation, and a number.
                    "price": f"{each:.2E}" if group == "cached" else number(each),
                }
                for model in PROFILE.models
                for group in GROUPS
                for tier, each in (("standard", price(model, group)), ("priority", price(model, group) * 2))
            ],
        }
    )


def spend_limit(call: Call) -> Answer:
    spent = call.account.spent(day_of(call.now).replace(day=1), call.now)
    return Answer(
        document={
            "limits": {
                "completion": {
                    "no_monthly_limit": False,
                    "monthly_limit_reached": spent >= MONTHLY_LIMIT,
                    "usage": number(spent),
                    "vibe_usage": 0,
                    "total_usage": number(spent),
                    "usage_limit": MONTHLY_LIMIT,
                },
                "last_payment_failure": False,
                "last_payment_failure_protection": None,
                "currency": "EUR",
            }
        }
    )


def rate_limit(call: Call) -> Answer:
    limits = {"tokens_per_minute": 500_000, "tokens_per_month": 1_000_000_000}
    return Answer(
        document={
            "requests_per_second": 6,
            "tokens_limits_by_model": {model.id: limits for model in PROFILE.models},
        }
    )


def keys(call: Call) -> Answer:
    listed: list[dict[str, Any]] = [
        {
            "key_id": made_up_uuid("mistral-key", call.account.name, key),
            "key": None,
            "name": key,
            "hidden_key": f"{made_up_id('', call.account.name, key, length=4)}...{made_up_id('', key, length=4)}",
            "created_at": "2025-09-01T09:00:00Z",
            "expiration_date": None,
            "actions": {},
            "workspace_id": workspace_id(call.account, project_of(key)),
            "workspace_name": project_of(key),
            "created_by": "admin@example.org",
            "product": "API",
            "last_used": (call.now - (UNUSED if key == PROFILE.keys[-1] else 0 * DAY)).date().isoformat(),
            "can_delete": True,
        }
        for key in PROFILE.keys
        if call.one("name") in key
    ]
    offset, limit = int(call.one("offset", "0")), int(call.one("limit", "100"))
    return Answer(document={"keys": listed[offset : offset + limit]})


def workspaces(call: Call) -> Answer:
    page, size = int(call.one("page", "1")), int(call.one("page_size", "25"))
    listed: list[dict[str, Any]] = [
        {
            "uuid": workspace_id(call.account, project),
            "name": project,
            "description": None,
            "icon": "rocket",
            "members_count": 4,
            "is_default": project == PROFILE.projects[0],
            "spend_limit": {"value": CAPS[project], "currency": "EUR", "no_monthly_limit": CAPS[project] is None},
        }
        for project in PROFILE.projects
    ]
    shown = listed[(page - 1) * size : page * size]
    return Answer(document={"total": len(listed), "items": shown, "object": "list", "page": page, "page_size": size})


def models(call: Call) -> Answer:
    return Answer(
        document={
            "object": "list",
            "data": [
                {
                    "id": name,
                    "object": "model",
                    "created": 1_755_000_000,
                    "owned_by": "mistralai",
                    "name": model.id,
                    "description": "Simulated.",
                    "max_context_length": 131_072,
                    "aliases": [alias_of(model.id) if name == model.id else model.id],
                    "deprecation": None,
                    "type": "base",
                    "capabilities": {"completion_chat": True, "function_calling": True, "vision": False},
                }
                for model in PROFILE.models
                for name in (model.id, alias_of(model.id))
            ],
        },
        headers={} if is_quiet(call) else limits(call),
    )


def limits(call: Call) -> dict[str, str]:
    """The window is in each name; resets are not told. A key without allowance has limits of 0."""
    tokens, requests = (0, 0) if "nothing-sim-" in call.token else (TOKENS_A_MINUTE, 60)
    return {
        "x-ratelimit-limit-req-minute": str(requests),
        "x-ratelimit-remaining-req-minute": str(max(0, requests - 1)),
        "x-ratelimit-limit-tokens-minute": str(tokens),
        "x-ratelimit-remaining-tokens-minute": str(max(0, tokens - used_in_minute(call))),
        "x-ratelimit-tokens-query-cost": "0",
    }


ADMIN: Mapping[str, Handler] = {
    "usage": usage,
    "spend-limit": spend_limit,
    "rate-limit": rate_limit,
    "api-keys": keys,
    "workspaces": workspaces,
}
PART = Part(
    slug="mistral",
    hosts=frozenset({"api.mistral.ai", "console.mistral.ai"}),
    profile=PROFILE,
    routes={
        ("GET", "/v1/models"): ordinary(models),
        **{
            ("GET", f"{base}/{name}"): administered(handler)
            for base in ("/v1/admin", "/api/admin")
            for name, handler in ADMIN.items()
        },
    },
    refuse=refuse,
    demo={"inference_key": "sim-harbor", "admin_api_key": "admin-sim-harbor"},
    token_of=token_of,
)
