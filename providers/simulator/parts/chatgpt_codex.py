"""Codex enterprise analytics of one workspace, and the state of one signed-in member, both in credits.

Tokens: "sk-sim-NAME" is an analytics key, one that ends in "-noscope" lacks the scope; "eyJ.sim-NAME.x" is a member's
access token. Each is refused where the other belongs. The workspace has one id, `workspace_id(NAME)`: other ids are
unknown. The ledger is the credits: every key of the profile is a person, every model a client.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import Charge, ModelProfile, Profile, day_of, made_up_id, made_up_uuid

SLUG = "chatgpt-codex"
PROFILE = Profile(
    slug=SLUG,
    unit="credits",
    step=Decimal("0.01"),
    daily_spend=Decimal("1800"),
    topup=Decimal("60000"),
    topup_below=Decimal("6000"),
    models=(
        ModelProfile(id="gpt-5.3-codex", input_price=Decimal("43.75"), output_price=Decimal("350"), weight=3),
        ModelProfile(id="gpt-5.3-codex-mini", input_price=Decimal("6.25"), output_price=Decimal("50"), weight=1),
    ),
)
CLIENTS = dict(zip((model.id for model in PROFILE.models), ("CODEX_CLI", "CODEX_CLOUD"), strict=True))
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
MOST_ROWS = 500


def workspace_id(name: str) -> str:
    return made_up_uuid(SLUG, "workspace", name)


def user_id(name: str, key: str) -> str:
    return made_up_id("user-", name, key)


def error(status: int, message: str, code: str | None = None) -> Answer:
    return Answer(
        status=status, document={"error": {"message": message, "type": "invalid_request_error", "code": code}}
    )


def refuse(status: int) -> Answer:
    if status == 403:
        return error(403, "Missing scopes: codex.enterprise.analytics.read")
    return error(401, "Incorrect API key provided.", "invalid_api_key")


def analytics_only(handler: Handler) -> Handler:
    def guarded(call: Call) -> Answer:
        if not call.token.startswith("sk-"):
            return refuse(401)
        if call.token.endswith("-noscope"):
            return refuse(403)
        if call.one("workspace") != workspace_id(call.account.name):
            return error(404, "Workspace not found.")
        return handler(call)

    return guarded


def member_only(handler: Handler) -> Handler:
    """The header chooses the workspace, and a path that names one must name it too."""

    def guarded(call: Call) -> Answer:
        own = workspace_id(call.account.name)
        if not call.token.startswith("eyJ"):
            return Answer(status=401, document={"detail": "Could not parse your authentication token."})
        if call.headers.get("chatgpt-account-id", own) != own or call.one("account", own) != own:
            return Answer(status=403, document={"detail": "This account may not be used."})
        return handler(call)

    return guarded


def usage(call: Call) -> Answer:
    """A row per day and person, oldest first; the page marker says after how many rows it begins."""
    try:
        start = datetime.fromtimestamp(int(call.one("start_time")), tz=UTC)
        end = datetime.fromtimestamp(int(call.one("end_time", str(int(call.now.timestamp())))), tz=UTC)
        limit = max(1, min(MOST_ROWS, int(call.one("limit", "100"))))
        first = int(call.one("page", "page_0").removeprefix("page_"))
    except (ValueError, OverflowError, OSError):
        return error(400, "A parameter cannot be read.")
    people: dict[tuple[datetime, str], list[Charge]] = {}
    for charge in call.account.daily(day_of(start), min(end, call.now)):
        people.setdefault((charge.start, charge.key), []).append(charge)
    places = list(people)[first : first + limit]
    more = first + limit < len(people)
    return Answer(
        document={
            "object": "page",
            "data": [usage_row(call, *place, people[place]) for place in places],
            "has_more": more,
            "next_page": f"page_{first + limit}" if more else None,
        }
    )


def usage_row(call: Call, day: datetime, key: str, charges: list[Charge]) -> dict[str, Any]:
    person = user_id(call.account.name, key)
    clients = [client(charge) for charge in charges]
    total = sum((charge.cost for charge in charges), Decimal(0))
    return {
        "object": "workspace_usage",
        "start_time": int(day.timestamp()),
        "end_time": int((day + DAY).timestamp()),
        "user_id": person,
        "actor": {"type": "user", "user_id": person, "email": f"{key}@{call.account.name}.example"},
        "totals": {
            "threads": sum(row["threads"] for row in clients),
            "turns": sum(row["turns"] for row in clients),
            "credits": number(total),
        },
        "clients": clients,
        "models": [{"model": charge.model, "credits": number(charge.cost), "speed": "standard"} for charge in charges],
        "code_attribution": None,
    }


def client(charge: Charge) -> dict[str, Any]:
    fresh = charge.input_tokens + charge.cache_write_tokens
    return {
        "client_id": CLIENTS[charge.model],
        "threads": charge.requests // 10,
        "turns": charge.requests,
        "credits": number(charge.cost),
        "uncached_text_input_tokens": fresh,
        "cached_text_input_tokens": charge.cached_tokens,
        "text_output_tokens": charge.output_tokens,
        "text_total_tokens": fresh + charge.cached_tokens + charge.output_tokens,
    }


def month(call: Call) -> tuple[Decimal, int]:
    """(credits used this month, the limit)."""
    return call.account.spent(day_of(call.now).replace(day=1), call.now), int(call.account.scale * 90_000)


def window(call: Call, length: timedelta, most: int) -> dict[str, Any]:
    """A window that fills while it runs."""
    seconds = int(length.total_seconds())
    gone = int(call.now.timestamp()) % seconds
    top = call.account.chance("window", seconds, int(call.now.timestamp()) // seconds).randint(most // 2, most)
    return {
        "used_percent": top * gone // seconds,
        "limit_window_seconds": seconds,
        "reset_after_seconds": seconds - gone,
        "reset_at": int(call.now.timestamp()) + seconds - gone,
    }


def state(call: Call) -> Answer:
    used, limit = month(call)
    resets_at = day_of(day_of(call.now).replace(day=1) + 32 * DAY).replace(day=1)
    percent = int(100 * used / limit)
    short, weekly = window(call, 5 * HOUR, 70), window(call, 7 * DAY, 90)
    own = {"limit": str(limit), "used": str(used), "remaining": str(limit - used), "used_percent": percent}
    own |= {"remaining_percent": 100 - percent, "reset_after_seconds": int((resets_at - call.now).total_seconds())}
    own["reset_at"] = int(resets_at.timestamp())
    return Answer(
        document={
            "user_id": user_id(call.account.name, PROFILE.keys[0]),
            "account_id": workspace_id(call.account.name),
            "email": f"owner@{call.account.name}.example",
            "plan_type": "business",
            "rate_limit": {
                "allowed": True,
                "limit_reached": False,
                "primary_window": short,
                "secondary_window": weekly,
            },
            "additional_rate_limits": None,
            "code_review_rate_limit": None,
            "credits": {
                "has_credits": True,
                "unlimited": False,
                "balance": str(call.account.balance(call.now)),
                "approx_local_messages": None,
                "approx_cloud_messages": None,
            },
            "spend_control": {"reached": False, "reached_limit_type": None, "individual_limit": own},
            "rate_limit_reached_type": None,
            "rate_limit_reset_credits": {"available_count": 1},
        }
    )


def monthly_usage(call: Call) -> Answer:
    used, limit = month(call)
    told = {"limit": limit, "limit_mode": "amount_credits", "enforcement_mode": "HARD_CAP"}
    return Answer(document={"current_month_usage": str(used), "effective_monthly_limit": told})


PART = Part(
    slug=SLUG,
    hosts=frozenset({"api.chatgpt.com", "chatgpt.com"}),
    profile=PROFILE,
    routes={
        ("GET", "/v1/analytics/codex/workspaces/{workspace}/usage"): analytics_only(usage),
        ("GET", "/backend-api/wham/usage"): member_only(state),
        ("GET", "/backend-api/accounts/{account}/spend-controls/current-user/monthly-usage"): member_only(
            monthly_usage
        ),
    },
    refuse=refuse,
    demo={
        "mode": "import_read_only",
        "analytics_api_key": "sk-sim-harbor",
        "workspace_id": workspace_id("harbor"),
        "access_token": "eyJ.sim-harbor.x",
        "account_id": workspace_id("harbor"),
    },
)
