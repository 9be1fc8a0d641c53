"""DeepSeek's account API: one wallet in CNY with a little granted credit, one empty wallet in USD."""

from decimal import Decimal

from providers.simulator.server import Answer, Call, Part
from providers.simulator.world import ModelProfile, Profile

PROFILE = Profile(
    slug="deepseek",
    unit="CNY",
    step=Decimal("0.01"),
    daily_spend=Decimal("180"),
    topup=Decimal("4000"),
    topup_below=Decimal("500"),
    models=(
        ModelProfile(id="deepseek-v4-flash", input_price=Decimal("1"), output_price=Decimal("4"), weight=2),
        ModelProfile(id="deepseek-v4-pro", input_price=Decimal("4"), output_price=Decimal("16")),
    ),
)
GRANTED = Decimal("20.00")


def balance(call: Call) -> Answer:
    total = call.account.balance(call.now)
    granted = min(GRANTED, max(total, Decimal(0)))
    return Answer(
        document={
            "is_available": total > 0,
            "balance_infos": [
                {
                    "currency": "CNY",
                    "total_balance": f"{total:.2f}",
                    "granted_balance": f"{granted:.2f}",
                    "topped_up_balance": f"{total - granted:.2f}",
                },
                {
                    "currency": "USD",
                    "total_balance": "0.00",
                    "granted_balance": "0.00",
                    "topped_up_balance": "0.00",
                },
            ],
        }
    )


def models(call: Call) -> Answer:
    return Answer(
        document={
            "object": "list",
            "data": [{"id": model.id, "object": "model", "owned_by": "deepseek"} for model in PROFILE.models],
        }
    )


def refuse(status: int) -> Answer:
    return Answer(
        status=status,
        document={
            "error": {
                "message": "Authentication failed",
                "type": "authentication_error",
                "param": None,
                "code": "invalid_request_error",
            }
        },
    )


PART = Part(
    slug="deepseek",
    hosts=frozenset({"api.deepseek.com"}),
    profile=PROFILE,
    routes={("GET", "/user/balance"): balance, ("GET", "/models"): models},
    refuse=refuse,
    demo={"api_key": "sk-sim-harbor"},
)
