"""Moonshot's two products: the Open Platform's balance (.ai and .cn) and Kimi Code's quota windows (kimi.ai, kimi.com).

A token that begins with sk-kimi- belongs to Kimi Code, any other to the Open Platform; each refuses the other's.
"cn-sim-" or "intl-sim-" in a token binds it to that region's host.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, ModelProfile, Profile, SimAccount, day_of, made_up_id

PROFILE = Profile(
    slug="moonshot",
    unit="USD",
    step=Decimal("0.00001"),
    daily_spend=Decimal("60"),
    topup=Decimal("1500"),
    topup_below=Decimal("200"),
    models=(
        ModelProfile(id="kimi-k3", input_price=Decimal("0.9"), output_price=Decimal("3.5"), weight=2),
        ModelProfile(id="kimi-k2.6", input_price=Decimal("0.6"), output_price=Decimal("2.5")),
    ),
)
OPEN_PLATFORM = {"intl": "api.moonshot.ai", "cn": "api.moonshot.cn"}
KIMI_CODE = {"intl": "api.kimi.ai", "cn": "api.kimi.com"}
VOUCHERS = Decimal("13.2")
REQUESTS_PER_UNIT = 100
WALLET = Decimal("25.00")
MONTHLY_CAP = Decimal("50.00")


def of_product(hosts: Mapping[str, str], handler: Handler) -> Handler:
    def answer(call: Call) -> Answer:
        region = next((name for name in ("intl", "cn") if f"{name}-sim-" in call.token), None)
        kimi_key, kimi_host = call.token.startswith("sk-kimi-"), hosts is KIMI_CODE
        if call.host not in hosts.values():
            return Answer(status=404, document={"error": {"message": "no such path", "type": "not_found_error"}})
        if region is not None and call.host != hosts[region]:
            return refuse(401)
        if kimi_host and not kimi_key:  # documented: an Open Platform key gets 404 here, not 401
            return Answer(status=404, document={"message": "not found"})
        return refuse(401) if kimi_key and not kimi_host else handler(call)

    return answer


def balance(call: Call) -> Answer:
    total = call.account.balance(call.now)
    voucher = min(VOUCHERS, max(total, Decimal(0)))
    cash = total - voucher
    data = {
        "available_balance": number(voucher + max(cash, Decimal(0))),
        "voucher_balance": number(voucher),
        "cash_balance": number(cash),
    }
    return Answer(document={"code": 0, "data": data, "scode": "0x0", "status": True})


def models(call: Call) -> Answer:
    kimi_code = call.host in KIMI_CODE.values()
    ids = ("kimi-for-coding",) if kimi_code else tuple(model.id for model in PROFILE.models)
    return Answer(
        document={
            "object": "list",
            "data": [
                {
                    "id": name,
                    "object": "model",
                    "created": 1782000000,
                    "owned_by": "moonshot",
                    "context_length": 262144,
                    "supports_image_in": True,
                    "supports_video_in": False,
                    "supports_reasoning": True,
                }
                for name in ids
            ],
        }
    )


def plan_units(account: SimAccount, start: datetime, end: datetime) -> int:
    """Units of the hours begun in [start, end), each on the hour or now. Whole days are summed as days: hour by hour
    a month would take the simulator longer than the answer is worth."""
    until = (sum(charge.requests for charge in account.daily(day_of(start), moment)) for moment in (end, start))
    return (next(until) - next(until)) // REQUESTS_PER_UNIT


def windows(account: SimAccount, now: datetime) -> dict[str, tuple[int, int, datetime]]:
    """(used, limit, reset) of the 5-hour window, the week and the month."""
    five_hours, week = timedelta(hours=5), timedelta(days=7)
    five_start = EPOCH + (now - EPOCH) // five_hours * five_hours
    week_start = EPOCH + (now - EPOCH) // week * week
    month_start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month_end = (month_start + timedelta(days=32)).replace(day=1)
    spans = {
        "5h": (five_start, five_start + five_hours, 200),
        "7d": (week_start, week_start + week, 2048),
        "month": (month_start, month_end, 9000),
    }
    found = {}
    for name, (start, end, base) in spans.items():
        limit = int(base * account.scale)
        found[name] = (min(plan_units(account, start, now), limit), limit, end)
    return found


def usages(call: Call) -> Answer:
    """All three generations at once, as the real one answers."""
    told = windows(call.account, call.now)
    texts = {
        name: {
            "limit": str(limit),
            "used": str(used),
            "remaining": str(limit - used),
            "resetTime": f"{reset:%Y-%m-%dT%H:%M:%S}.123456789Z",
        }
        for name, (used, limit, reset) in told.items()
    }
    ratios = {
        field: {"used_ratio": round(told[name][0] / told[name][1], 4), "reset_time": f"{told[name][2]:%FT%TZ}"}
        for field, name in (("limit_5h", "5h"), ("limit_7d", "7d"), ("limit_month_total", "month"))
    }
    charged = WALLET * (call.now.day - 1) / 40
    return Answer(
        document={
            "usage": texts["7d"],
            "limits": [{"window": {"duration": 300, "timeUnit": "TIME_UNIT_MINUTE"}, "detail": texts["5h"]}],
            "usages": ratios,
            "boosterWallet": {
                "balance": {
                    "type": "BOOSTER",
                    "amount": str(int(WALLET * 10**8)),
                    "amountLeft": str(int((WALLET - charged) * 10**8)),
                    "unit": "UNIT_CURRENCY",
                },
                "monthlyChargeLimitEnabled": True,
                "monthlyChargeLimit": {"currency": "USD", "priceInCents": str(int(MONTHLY_CAP * 100))},
                "monthlyUsed": {"currency": "USD", "priceInCents": str(int(charged * 100))},
            },
        }
    )


def me(call: Call) -> Answer:
    return Answer(
        document={
            "user_id": made_up_id("u-", call.account.name, length=12),
            "nickname": f"{call.account.name} (made up)",
            "status": "active",
            "region": "global",
            "user_level": 2,
            "user_level_name": "Example tier",
        }
    )


def refuse(status: int) -> Answer:
    kind = "invalid_authentication_error" if status == 401 else "permission_denied_error"
    return Answer(status=status, document={"error": {"message": "Invalid Authentication", "type": kind, "code": kind}})


ROUTES: Mapping[tuple[str, str], Callable[[Call], Answer]] = {
    ("GET", "/v1/users/me/balance"): of_product(OPEN_PLATFORM, balance),
    ("GET", "/v1/models"): of_product(OPEN_PLATFORM, models),
    ("GET", "/coding/v1/usages"): of_product(KIMI_CODE, usages),
    ("GET", "/coding/v1/me"): of_product(KIMI_CODE, me),
    ("GET", "/coding/v1/models"): of_product(KIMI_CODE, models),
}

PART = Part(
    slug="moonshot",
    hosts=frozenset({*OPEN_PLATFORM.values(), *KIMI_CODE.values()}),
    profile=PROFILE,
    routes=ROUTES,
    refuse=refuse,
    demo={"product": "open_platform", "region": "intl", "api_key": "sk-sim-harbor"},
)
