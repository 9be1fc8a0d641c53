"""MiniMax's two products on its two hosts: the pay-as-you-go wallet and the Token Plan's windows.

A token that begins with sk-cp- belongs to the Token Plan, any other to the wallet. "cn-sim-" in it makes it a key of
the Chinese host, every other one is global. A key of the wrong region or product is refused under HTTP 200
with a code in `base_resp`, as documented.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part
from providers.simulator.world import EPOCH, ModelProfile, Profile, SimAccount, day_of

PROFILE = Profile(
    slug="minimax",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("45"),
    topup=Decimal("1000"),
    topup_below=Decimal("150"),
    models=(
        ModelProfile(id="MiniMax-M3", input_price=Decimal("0.6"), output_price=Decimal("2.4"), weight=2),
        ModelProfile(id="MiniMax-M2.7", input_price=Decimal("0.3"), output_price=Decimal("1.2")),
    ),
)
GLOBAL, CHINA = "api.minimax.io", "api.minimaxi.com"
VOUCHERS = Decimal("18.42")
FIVE_HOURS, WEEK = timedelta(hours=5), timedelta(days=7)
ALLOWANCE = {FIVE_HOURS: 20_000, WEEK: 260_000}  # requests in a window
OK = {"status_code": 0, "status_msg": "success"}


def failed(code: int, words: str) -> Answer:
    return Answer(document={"base_resp": {"status_code": code, "status_msg": words}})


def bad_key() -> Answer:
    return failed(1004, "login fail: made-up text")


def refuse(status: int) -> Answer:
    """The gateway's refusal, which has an HTTP status of its own."""
    return Answer(status=status, document=bad_key().document)


def at_home(handler: Handler) -> Handler:
    """Refuses a key of the other region."""

    def answer(call: Call) -> Answer:
        return handler(call) if call.host == (CHINA if "cn-sim-" in call.token else GLOBAL) else bad_key()

    return answer


def balance(call: Call) -> Answer:
    if call.token.startswith("sk-cp-"):
        return bad_key()
    total = call.account.balance(call.now)
    voucher = min(VOUCHERS, max(total, Decimal(0)))
    return Answer(
        document={
            "available_amount": f"{max(total, Decimal(0)):.2f}",
            "cash_balance": f"{max(total - voucher, Decimal(0)):.2f}",
            "voucher_balance": f"{voucher:.2f}",
            "credit_balance": "0.00",
            "owed_amount": f"{max(-total, Decimal(0)):.2f}",
            "balance_alert_switch": True,
            "balance_alert_threshold": "",
            "base_resp": OK,
        }
    )


def requests_of(account: SimAccount, start: datetime, end: datetime) -> int:
    """Requests of the hours begun in [start, end), each on the hour or now. Whole days are summed as days."""
    until = (sum(charge.requests for charge in account.daily(day_of(start), moment)) for moment in (end, start))
    return next(until) - next(until)


def span(account: SimAccount, now: datetime, length: timedelta) -> tuple[datetime, datetime, Decimal]:
    """(start, end, percent left) of the window of that length which holds `now`."""
    start = EPOCH + (now - EPOCH) // length * length
    used = requests_of(account, start, now) * 100 / (ALLOWANCE[length] * account.scale)
    return start, start + length, max(Decimal(100) - used, Decimal(0)).quantize(Decimal("0.1"))


def millis(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def left(end: datetime, now: datetime) -> int:
    return (end - now) // timedelta(milliseconds=1)


def remains(call: Call) -> Answer:
    if not call.token.startswith("sk-cp-"):
        return failed(2062, "no token plan: made-up text")
    start, end, percent = span(call.account, call.now, FIVE_HOURS)
    week_start, week_end, week_percent = span(call.account, call.now, WEEK)
    day = day_of(call.now)
    week: Mapping[str, Any] = {
        "current_weekly_total_count": 0,
        "current_weekly_usage_count": 0,
        "weekly_start_time": millis(week_start),
        "weekly_end_time": millis(week_end),
        "weekly_remains_time": left(week_end, call.now),
        "current_interval_total_count": 0,
        "current_interval_usage_count": 0,
    }
    general = {
        **week,
        "model_name": "general",
        "start_time": millis(start),
        "end_time": millis(end),
        "remains_time": left(end, call.now),
        "current_interval_remaining_percent": float(percent),
        "current_interval_status": 1 if percent else 2,
        "current_weekly_remaining_percent": str(week_percent),
        "current_weekly_status": 1 if week_percent else 2,
        "weekly_boost_permille": 1000,
    }
    video = {
        **week,
        "model_name": "video",
        "start_time": millis(day),
        "end_time": millis(day + timedelta(days=1)),
        "remains_time": left(day + timedelta(days=1), call.now),
        "current_interval_remaining_percent": 100,
        "current_interval_status": 3,
        "current_weekly_remaining_percent": 100,
        "current_weekly_status": 3,
    }
    return Answer(document={"model_remains": [general, video], "base_resp": OK})


def models(call: Call) -> Answer:
    rows = [
        {"id": model.id, "object": "model", "created": 1780272000, "owned_by": "minimax"} for model in PROFILE.models
    ]
    return Answer(document={"object": "list", "data": rows})


PART = Part(
    slug="minimax",
    hosts=frozenset({GLOBAL, CHINA}),
    profile=PROFILE,
    routes={
        ("GET", "/account/query_balance"): at_home(balance),
        ("GET", "/v1/token_plan/remains"): at_home(remains),
        ("GET", "/v1/models"): at_home(models),
    },
    refuse=refuse,
    demo={"region": "global", "api_key": "sk-api-sim-harbor"},
)
