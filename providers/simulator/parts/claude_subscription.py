"""Anthropic's account API for a Claude Enterprise plan (reports by product and model, members' limits, seats), and the
Claude Code report of a Console organisation.

The kind of key is in its prefix: sk-ant-api01-sim-... (Enterprise) and sk-ant-admin01-sim-... (Console). An Enterprise
key that ends in "-analytics" or "-limits" has that scope alone. Data lags four hours behind.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import Charge, ModelProfile, Profile, day_of, made_up_id, made_up_uuid

DAY = timedelta(days=1)
LAG = timedelta(hours=4)
CLAUDE_CODE = "claude_code"
MEMBERS = 7
SEATS = 120
SINCE = datetime(2026, 1, 1, tzinfo=UTC)
GROUPS = frozenset(
    {"product", "model", "context_window", "inference_geo", "speed", "rbac_group_id", "slack_channel_id"}
    | {"claude_tag_category", "claude_tag_user_id"}
)
COST_GROUPS = GROUPS | {"cost_type", "token_type"}
PROFILE = Profile(
    slug="claude-subscription",
    unit="USD",
    step=Decimal("0.0001"),
    daily_spend=Decimal("110"),
    topup=Decimal("4000"),
    topup_below=Decimal("500"),
    models=(
        ModelProfile(id="claude-opus-5", input_price=Decimal("5"), output_price=Decimal("25"), weight=2),
        ModelProfile(id="claude-sonnet-5", input_price=Decimal("3"), output_price=Decimal("15"), weight=3),
    ),
    keys=(CLAUDE_CODE, "chat", "cowork"),  # the products
    projects=("plan",),
)


def failure(status: int, kind: str, message: str) -> Answer:
    document = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011MADEUP"}
    return Answer(status=status, document=document)


def refuse(status: int) -> Answer:
    if status == 403:
        return failure(403, "permission_error", "The key lacks permission for this.")
    return failure(401, "authentication_error", "invalid x-api-key")


def bad(message: str) -> Answer:
    return failure(400, "invalid_request_error", message)


def for_kind(prefix: str, handler: Handler, *, without: str = "") -> Handler:
    """The handler behind the checks of version header, kind of key and scope; `without` ends keys that lack it."""

    def guarded(call: Call) -> Answer:
        if call.headers.get("anthropic-version") != "2023-06-01":
            return bad("anthropic-version: header is required")
        if not call.token.startswith(("sk-ant-api01-", "sk-ant-admin01-")):
            return refuse(401)
        if not call.token.startswith(prefix) or (without and call.token.endswith(without)):
            return refuse(403)
        return handler(call)

    return guarded


def moment(call: Call, name: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(call.one(name))
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def rfc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def page_of(call: Call, items: list[Any], default: int, most: int) -> tuple[list[Any], str | None] | None:
    """A marker holds the offset and stands for the other parameters, which may not change."""
    raw, page = call.one("limit", str(default)), call.one("page")
    tied = made_up_id("", *(f"{name}={value}" for name, value in call.query if name != "page"), length=12)
    start, _, told = page.removeprefix("page_").partition("_")
    if not raw.isdigit() or not 1 <= int(raw) <= most or (page and (told != tied or not start.isdigit())):
        return None
    first = int(start) if page else 0
    size = int(raw)
    more = first + size < len(items)
    return items[first : first + size], f"page_{first + size}_{tied}" if more else None


def cost_figures(charges: list[Charge]) -> dict[str, Any]:
    cents = sum((charge.cost for charge in charges), Decimal(0)) * 100
    requests = sum(charge.requests for charge in charges)
    return {"amount": f"{cents:.6f}", "list_amount": f"{cents * 10 / 9:.6f}", "currency": "USD", "requests": requests}


def usage_figures(charges: list[Charge]) -> dict[str, Any]:
    written = sum(charge.cache_write_tokens for charge in charges)
    requests = sum(charge.requests for charge in charges)
    return {
        "uncached_input_tokens": sum(charge.input_tokens for charge in charges),
        "cache_read_input_tokens": sum(charge.cached_tokens for charge in charges),
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - written // 4,
            "ephemeral_1h_input_tokens": written // 4,
        },
        "output_tokens": sum(charge.output_tokens for charge in charges),
        "server_tool_use": {"web_search_requests": requests // 200},
        "requests": requests,
    }


def report(allowed: frozenset[str], figures: Callable[[list[Charge]], dict[str, Any]]) -> Handler:
    """Day buckets, oldest first; days without data come empty."""

    def answer(call: Call) -> Answer:
        start, groups = moment(call, "starting_at"), call.many("group_by[]")
        if start is None or start < max(SINCE, call.now - timedelta(days=365)):
            return bad("starting_at: must be within the last 365 days and not before 2026-01-01T00:00:00Z")
        end = moment(call, "ending_at") or min(call.now, start + 31 * DAY)
        if end > start + 31 * DAY or end <= start:
            return bad("ending_at: the range may span at most 31 days")
        if call.one("bucket_width") != "1d" or not allowed.issuperset(groups):
            return bad("bucket_width or group_by does not fit")
        days = [day_of(start) + n * DAY for n in range(-(-(end - day_of(start)) // DAY))]
        found = page_of(call, days, 7, 31)
        if found is None:
            return bad("limit or page does not fit")
        data = [
            {"starting_at": rfc(day), "ending_at": rfc(day + DAY), "results": rows_of(call, day, groups, figures)}
            for day in found[0]
        ]
        document = {
            "organization_id": made_up_id("org_01", call.account.name),
            "data_refreshed_at": rfc(call.now - LAG),
            "has_more": found[1] is not None,
            "next_page": found[1],
            "data": data,
        }
        return Answer(document=document)

    return answer


def rows_of(
    call: Call, day: datetime, groups: list[str], figures: Callable[[list[Charge]], dict[str, Any]]
) -> list[dict[str, Any]]:
    together: dict[tuple[str | None, str | None], list[Charge]] = {}
    for charge in call.account.daily(day, min(day + DAY, call.now - LAG)):
        place = (charge.key if "product" in groups else None, charge.model if "model" in groups else None)
        together.setdefault(place, []).append(charge)
    nulls = dict.fromkeys(sorted(COST_GROUPS))
    return [
        {**nulls, **figures(charges), "product": product, "model": model}
        for (product, model), charges in together.items()
    ]


def summaries(call: Call) -> Answer:
    """A day is there after 10:00 UTC of the next one."""
    last = day_of(call.now - timedelta(hours=10)) - DAY
    start = moment(call, "starting_date")
    end = moment(call, "ending_date") or last + DAY
    if start is None or start < SINCE or end - start > timedelta(days=366):
        return bad("starting_date: does not fit")
    if end > last + DAY:
        return bad(f"Data is available up to {last:%Y-%m-%d}.")
    days = [start + n * DAY for n in range((end - start) // DAY)]
    data = [
        {
            "starting_at": rfc(day),
            "ending_at": rfc(day + DAY),
            "assigned_seat_count": SEATS,
            "pending_invite_count": 3,
            "daily_active_user_count": 71,
            "weekly_active_user_count": 98,
            "monthly_active_user_count": 113,
        }
        for day in days
    ]
    return Answer(document={"summaries": data})


def member_limits(call: Call) -> Answer:
    """Every third member has no limit, the first may use nothing beyond the plan. Billed in EUR."""
    found = page_of(call, list(range(MEMBERS)), 20, 1000)
    if found is None:
        return bad("limit or page does not fit")
    data = []
    for index in found[0]:
        name = f"member{index}"
        member = made_up_id("user_01", call.account.name, name)
        spent = Decimal(call.account.chance("member", index).randrange(0, 1_000_000)) * call.now.day / 1000
        data.append(
            {
                "actor": {
                    "type": "user_actor",
                    "user_id": member,
                    "name": name.capitalize(),
                    "email_address": f"{name}@example.org",
                    "deleted": False,
                },
                "scope": {"type": "user", "user_id": member},
                "source": {"type": "organization"},
                "spend_limit_id": made_up_id("spl_01", call.account.name, name),
                "amount": None if index % 3 == 2 else str(min(index * 20_000, 50_000)),
                "currency": "EUR",
                "period": "monthly",
                "period_to_date_spend": f"{spent:f}" if index else "0",
            }
        )
    return Answer(document={"data": data, "next_page": found[1]})


def claude_code(call: Call) -> Answer:
    """One UTC day: two people on the plan, and an API key."""
    day = moment(call, "starting_at")
    if day is None or day != day_of(day) or len(call.one("starting_at")) != 10:
        return bad("starting_at: YYYY-MM-DD")
    together: dict[str, list[Charge]] = {}
    for charge in call.account.daily(day, min(day + DAY, call.now)):
        together.setdefault(charge.key, []).append(charge)
    found = page_of(call, list(together), 20, 1000)
    if found is None:
        return bad("limit or page does not fit")
    data = [claude_code_row(call, day, key, together[key]) for key in found[0]]
    return Answer(document={"data": data, "has_more": found[1] is not None, "next_page": found[1]})


def claude_code_row(call: Call, day: datetime, key: str, charges: list[Charge]) -> dict[str, Any]:
    person = key != CLAUDE_CODE
    actor = {"type": "api_actor", "api_key_name": "ci-pipeline"}
    if person:
        actor = {"type": "user_actor", "email_address": f"{key}@example.org"}
    return {
        "date": rfc(day),
        "actor": actor,
        "organization_id": made_up_uuid("claude-subscription", call.account.name),
        "customer_type": "subscription" if person else "api",
        "subscription_type": "team" if person else None,
        "is_remote": False,
        "terminal_type": "vscode" if person else "non-interactive",
        "core_metrics": {
            "num_sessions": 4,
            "lines_of_code": {"added": 610, "removed": 214},
            "commits_by_claude_code": 3,
            "pull_requests_by_claude_code": 1,
        },
        "tool_actions": {"edit_tool": {"accepted": 41, "rejected": 5}},
        "model_breakdown": [
            {
                "model": charge.model,
                "tokens": {
                    "input": charge.input_tokens,
                    "output": charge.output_tokens,
                    "cache_read": charge.cached_tokens,
                    "cache_creation": charge.cache_write_tokens,
                },
                "estimated_cost": {"currency": "USD", "amount": number(charge.cost * 100)},
            }
            for charge in charges
        ],
    }


def organization(call: Call) -> Answer:
    known = made_up_uuid("claude-subscription", call.account.name)
    return Answer(document={"id": known, "type": "organization", "name": f"{call.account.name.capitalize()} Ltd"})


ENTERPRISE, ADMIN = "sk-ant-api01-", "sk-ant-admin01-"
ORGANIZATIONS = "/v1/organizations"

PART = Part(
    slug="claude-subscription",
    hosts=frozenset({"api.anthropic.com"}),
    profile=PROFILE,
    routes={
        ("GET", f"{ORGANIZATIONS}/analytics/cost_report"): for_kind(
            ENTERPRISE, report(COST_GROUPS, cost_figures), without="-limits"
        ),
        ("GET", f"{ORGANIZATIONS}/analytics/usage_report"): for_kind(
            ENTERPRISE, report(GROUPS, usage_figures), without="-limits"
        ),
        ("GET", f"{ORGANIZATIONS}/analytics/summaries"): for_kind(ENTERPRISE, summaries, without="-limits"),
        ("GET", f"{ORGANIZATIONS}/spend_limits/effective"): for_kind(ENTERPRISE, member_limits, without="-analytics"),
        ("GET", f"{ORGANIZATIONS}/usage_report/claude_code"): for_kind(ADMIN, claude_code),
        ("GET", f"{ORGANIZATIONS}/me"): for_kind(ADMIN, organization),
    },
    refuse=refuse,
    demo={"mode": "enterprise", "api_key": "sk-ant-api01-sim-harbor"},
    token_of=lambda headers: headers.get("x-api-key", ""),
)
