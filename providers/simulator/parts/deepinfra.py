"""DeepInfra's account API: a checklist in dollars, a bill by month in whole cents, rate limits, the public model list.

A scoped token ("jwt:...") gets 403 everywhere; a key with "member-sim-" in it has no billing rights.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, ModelProfile, Profile, made_up_id

PROFILE = Profile(
    slug="deepinfra",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("45"),
    topup=Decimal("1000"),
    topup_below=Decimal("120"),
    models=(
        ModelProfile(
            id="deepseek-ai/DeepSeek-V4-Pro", input_price=Decimal("1.3"), output_price=Decimal("2.6"), weight=2
        ),
        ModelProfile(id="moonshotai/Kimi-K2.6", input_price=Decimal("0.5"), output_price=Decimal("2.4")),
        ModelProfile(id="Qwen/Qwen3.5-397B-A17B", input_price=Decimal("0.25"), output_price=Decimal("1.1")),
    ),
)
SPENDING_LIMIT = 5000.0


def allowed(handler: Handler, *, billing: bool = False) -> Handler:
    def answer(call: Call) -> Answer:
        if "authorization" not in call.headers:
            return refuse(401)
        if call.token.startswith("jwt:") or (billing and "member-sim-" in call.token):
            return refuse(403)
        return handler(call)

    return answer


def month_of(moment: datetime) -> datetime:
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    return month_of(month + timedelta(days=32))


def checklist(call: Call) -> Answer:
    """The balance is what the ledger says: -(stripe_balance + recent), with this month's spend not yet taken off."""
    recent = call.account.spent(month_of(call.now), call.now)
    return Answer(
        document={
            "email": True,
            "billing_address": True,
            "payment_method": True,
            "suspended": False,
            "overdue_invoices": 0.0,
            "last_checked": int(call.now.timestamp()),
            "stripe_balance": number(-(call.account.balance(call.now) + recent)),
            "recent": number(recent),
            "limit": SPENDING_LIMIT,
            "suspend_reason": None,
            "billing_type": "balance",
            "topup": True,
            "topup_amount": 100000,
            "topup_threshold": 12000,
            "topup_failed": False,
        }
    )


def config(call: Call) -> Answer:
    return Answer(document={"limit": SPENDING_LIMIT})


def rate_limit(call: Call) -> Answer:
    return Answer(document={"rate_limit": 200, "tpm_rate_limit": 5_000_000})


def usage(call: Call) -> Answer:
    current = month_of(call.now)
    try:
        first = read_period(call.one("from"), current)
        last = read_period(call.one("to"), current) if call.one("to") else first
    except ValueError as error:
        message = {"loc": ["query", "from"], "msg": str(error), "type": "value_error"}
        return Answer(status=422, document={"detail": [message]})
    months = []
    while first <= min(last, current):
        if first >= EPOCH:
            months.append(month_bill(call, first))
        first = month_after(first)
    return Answer(document={"months": months, "initial_month": f"{EPOCH:%Y.%m}"})


def read_period(value: str, current: datetime) -> datetime:
    if value.isdigit():
        return month_of(datetime.fromtimestamp(int(value), UTC))
    back = re.fullmatch(r"current(?:\(?-(\d+)\)?)?", value)
    if back:
        month = current
        for _ in range(int(back[1] or 0)):
            month = month_of(month - timedelta(days=1))
        return month
    if not re.fullmatch(r"\d{4}\.\d{2}", value):
        raise ValueError("separator should be ." if "-" in value else "field required")
    return datetime(int(value[:4]), int(value[5:]), 1, tzinfo=UTC)


def month_bill(call: Call, start: datetime) -> dict[str, Any]:
    """One month: lines cut to whole cents, and the exact total, which is what the ledger charged."""
    end = month_after(start)
    interval = {"fr": int(start.timestamp()) * 1000, "to": int(end.timestamp()) * 1000 - 1}
    units: dict[tuple[str, str], int] = {}
    total = Decimal(0)
    for charge in call.account.daily(start, min(end, call.now)):
        total += charge.cost
        for kind, count in (
            ("input_tokens", charge.input_tokens + charge.cache_write_tokens),
            ("cached_tokens", charge.cached_tokens),
            ("output_tokens", charge.output_tokens),
        ):
            units[(charge.model, kind)] = units.get((charge.model, kind), 0) + count
    items = []
    for (model, kind), count in units.items():
        rate = rates(model)[kind]
        items.append(
            {
                "model": {
                    "provider": "di",
                    "model_name": model,
                    "task": "text-generation",
                    "plan_id": None,
                    "private": False,
                },
                "units": count,
                "rate": number(rate),
                "cost": int((rate * count).to_integral_value(ROUND_FLOOR)),
                "pricing_type": kind,
                "interval": interval,
                "discount": None,
            }
        )
    closed = call.now >= end
    return {
        "period": f"{start:%Y.%m}",
        "interval": interval,
        "items": items,
        "total_cost": int(total * 100),
        "invoice_id": made_up_id("in_", call.account.name, f"{start:%Y.%m}", length=14) if closed else "NOT_FINAL",
    }


def rates(model: str) -> Mapping[str, Decimal]:
    """Cents per single token, by pricing type."""
    profile = next(profile for profile in PROFILE.models if profile.id == model)
    per_token = {"input_tokens": profile.input_price, "output_tokens": profile.output_price}
    return {
        **{kind: price / 10_000 for kind, price in per_token.items()},
        "cached_tokens": profile.input_price / 100_000,
    }


def me(call: Call) -> Answer:
    return Answer(
        document={
            "uid": made_up_id("u_", call.account.name, length=12),
            "email": None,
            "email_verified": True,
            "display_name": f"{call.account.name} team",
            "provider": "github",
            "is_admin": False,
            "name": "made up",
            "is_business_account": True,
            "company": "",
            "website": "",
            "is_team_account": True,
            "is_team_owner": True,
            "team_role": "owner",
        }
    )


def models(call: Call) -> Answer:
    """Public: no key needed."""
    return Answer(
        document=[
            {
                "model_name": model.id,
                "type": "text-generation",
                "reported_type": "text-generation",
                "pricing": {
                    "type": "tokens",
                    "cents_per_input_token": number(model.input_price / 10_000),
                    "cents_per_output_token": number(model.output_price / 10_000),
                    "rate_per_input_token_cached": 0.1,
                },
                "max_tokens": 163840,
                "replaced_by": None,
                "deprecated": None,
                "private": 0,
            }
            for model in PROFILE.models
        ]
    )


def refuse(status: int) -> Answer:
    return Answer(status=status, document={"error": "not allowed" if status == 403 else "not authenticated"})


def token_of(headers: Mapping[str, str]) -> str:
    """A call without a key reaches the public model list; everything else refuses it."""
    return headers.get("authorization", "sim-visitor").removeprefix("Bearer ")


ROUTES: Mapping[tuple[str, str], Callable[[Call], Answer]] = {
    ("GET", "/payment/checklist"): allowed(checklist, billing=True),
    ("GET", "/payment/config"): allowed(config, billing=True),
    ("GET", "/payment/usage"): allowed(usage, billing=True),
    ("GET", "/v1/me/rate_limit"): allowed(rate_limit),
    ("GET", "/v1/me"): allowed(me),
    ("GET", "/models/list"): models,
}

PART = Part(
    slug="deepinfra",
    hosts=frozenset({"api.deepinfra.com"}),
    profile=PROFILE,
    routes=ROUTES,
    refuse=refuse,
    demo={"api_key": "sim-harbor"},
    token_of=token_of,
)
