"""MetaChat's model list on both hosts, and an account API OF OUR OWN MAKING on the primary one.

MetaChat's two account calls are not publicly documented. What this module answers under /simulated-account/ is no copy
of them: it exists so that an admin's configuration (URLs and paths) has something to point to. Only the envelope
(`status`, `message`, `data`, and "Fail" under HTTP 200) and the unit follow MetaChat.

    account_balance_url    https://llm-api.mmchat.xyz/simulated-account/balance
    balance_json_path      data.balance
    account_usage_url      https://llm-api.mmchat.xyz/simulated-account/usage
    usage_rows_json_path   data.items
    usage_time_path        time          usage_model_path    model          usage_points_path   points
    usage_input_path       input         usage_output_path   output         usage_time_zone     +08:00
"""

from datetime import timedelta, timezone
from decimal import Decimal

from providers.simulator.server import Answer, Call, Part
from providers.simulator.world import ModelProfile, Profile, day_of

PRIMARY_HOST = "llm-api.mmchat.xyz"
BACKUP_HOST = "llm-api.mmchat.dev"
CHINA = timezone(timedelta(hours=8))
KEPT_DAYS = 30
# Prices in points per million tokens, from the ratios that a user of the API quoted in 2025 (gpt-5: 320 and 40 tokens
# per point); about 90 dollars of list price a day.
PROFILE = Profile(
    slug="metachat",
    unit="API points",
    step=Decimal("1"),
    daily_spend=Decimal("220000"),
    topup=Decimal("5000000"),
    topup_below=Decimal("1000000"),
    models=(
        ModelProfile(id="gpt-5", input_price=Decimal("3125"), output_price=Decimal("25000"), weight=2),
        ModelProfile(id="gpt-5-mini", input_price=Decimal("625"), output_price=Decimal("5000")),
        ModelProfile(id="gpt-4o", input_price=Decimal("6250"), output_price=Decimal("25000")),
    ),
)


def envelope(data: object) -> Answer:
    return Answer(document={"status": "Success", "message": "", "data": data})


def balance(call: Call) -> Answer:
    if call.host != PRIMARY_HOST:
        return Answer(status=404, document={"message": "Not Found"})
    return envelope({"balance": int(call.account.balance(call.now))})


def usage(call: Call) -> Answer:
    """One row per hour, model and key of the last 30 days, in one answer; times in China's zone, not written."""
    if call.host != PRIMARY_HOST:
        return Answer(status=404, document={"message": "Not Found"})
    start = day_of(call.now) - timedelta(days=KEPT_DAYS)
    return envelope(
        {
            "items": [
                {
                    "id": f"{charge.start:%Y%m%d%H}-{charge.model}-{charge.key}",
                    "time": charge.start.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S"),
                    "model": charge.model,
                    "points": int(charge.cost),
                    "input": charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens,
                    "output": charge.output_tokens,
                }
                for charge in call.account.charges(start, call.now)
            ]
        }
    )


def models(call: Call) -> Answer:
    return Answer(
        document={
            "object": "list",
            "data": [
                {"id": model.id, "object": "model", "created": 1_780_000_000, "owned_by": "metachat"}
                for model in PROFILE.models
            ],
        }
    )


def refuse(status: int) -> Answer:
    return Answer(status=status, document={"status": "authentication_error", "message": "Unauthorized Request"})


PART = Part(
    slug="metachat",
    hosts=frozenset({PRIMARY_HOST, BACKUP_HOST}),
    profile=PROFILE,
    routes={
        ("GET", "/v1/models"): models,
        ("GET", "/simulated-account/balance"): balance,
        ("GET", "/simulated-account/usage"): usage,
    },
    refuse=refuse,
    demo={
        "api_key": "sk-live-sim-harbor",
        "account_balance_url": "https://llm-api.mmchat.xyz/simulated-account/balance",
        "balance_json_path": "data.balance",
        "account_usage_url": "https://llm-api.mmchat.xyz/simulated-account/usage",
        "usage_rows_json_path": "data.items",
        "usage_time_path": "time",
        "usage_model_path": "model",
        "usage_points_path": "points",
        "usage_input_path": "input",
        "usage_output_path": "output",
        "usage_time_zone": "+08:00",
    },
)
