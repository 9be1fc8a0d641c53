"""Ollama Cloud's balance, usage and model list, and a server of your own at localhost:11434 that asks for no key.

"legacy" before "sim-" in a key is an account on an older plan; "member" one that is no team admin.
"""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import HOUR, Charge, ModelProfile, Profile, day_of

CLOUD_HOST = "ollama.com"
LOCAL_HOST = "localhost:11434"
PROFILE = Profile(
    slug="ollama",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("24"),
    topup=Decimal("600"),
    topup_below=Decimal("90"),
    models=(
        ModelProfile(id="example-large:120b", input_price=Decimal("0.5"), output_price=Decimal("2"), weight=2),
        ModelProfile(id="example-small:8b", input_price=Decimal("0.1"), output_price=Decimal("0.4")),
    ),
)
ALLOWANCE = Decimal("20.00")
RANGES = {"24h": 24 * HOUR, "7d": timedelta(days=7), "30d": timedelta(days=30)}


def only_on(host: str, handler: Handler) -> Handler:
    def answer(call: Call) -> Answer:
        if call.host != host:
            return Answer(status=404, document={"error": "not found"})
        if host == CLOUD_HOST and "authorization" not in call.headers:
            return refuse(401)
        return handler(call)

    return answer


def balance(call: Call) -> Answer:
    """The allowance of a calendar month is what is left of the ledger's last 20 dollars; the rest was bought."""
    if call.query:
        return Answer(status=400, document={"error": "unknown query parameter"})
    total = call.account.balance(call.now)
    if "legacy" in call.token:
        day = day_of(call.now)
        included: dict[str, Any] = {
            "session": {"remaining_percent": 64.5, "resets_at": f"{call.now + 3 * HOUR:%Y-%m-%dT%H:00:00Z}"},
            "weekly": {"remaining_percent": 88, "resets_at": f"{day + timedelta(days=7 - day.weekday()):%FT%TZ}"},
        }
        return Answer(document={"included": included, "purchased": {"balance_usd": number(total)}})
    left = min(ALLOWANCE, max(total, Decimal(0)))
    first = day_of(call.now).replace(day=1)
    included = {
        "balance_usd": number(left),
        "allowance_usd": number(ALLOWANCE),
        "period": {"from": f"{first:%FT%TZ}", "until": f"{(first + timedelta(days=32)).replace(day=1):%FT%TZ}"},
    }
    return Answer(document={"included": included, "purchased": {"balance_usd": number(total - left)}})


def figures(charges: list[Charge], *, legacy: bool) -> dict[str, Any]:
    if legacy:
        return {"request_count": sum(charge.requests for charge in charges)}
    cached = sum(charge.cached_tokens for charge in charges)
    return {
        "request_count": sum(charge.requests for charge in charges),
        "usage_usd": number(sum((charge.cost for charge in charges), Decimal(0))),
        "input_tokens": sum(charge.input_tokens + charge.cache_write_tokens for charge in charges) + cached,
        "cached_input_tokens": cached,
        "output_tokens": sum(charge.output_tokens for charge in charges),
    }


def usage(call: Call) -> Answer:
    names = [name for name, _ in call.query]
    span, scope = call.one("range", "7d"), call.one("scope", "self")
    if set(names) - {"range", "scope"} or len(names) != len(set(names)) or span not in RANGES:
        return Answer(status=400, document={"error": "unknown or repeated query parameter"})
    if scope == "team" and "member" in call.token:
        return Answer(status=403, document={"error": "team admin role required"})
    step = HOUR if span == "24h" else timedelta(days=1)
    running = call.now.replace(minute=0, second=0, microsecond=0) if span == "24h" else day_of(call.now)
    start = running - RANGES[span]
    legacy = "legacy" in call.token
    charges = list((call.account.charges if span == "24h" else call.account.daily)(start, call.now))
    by_start: dict[Any, list[Charge]] = {}
    for charge in charges:
        by_start.setdefault(charge.start, []).append(charge)
    buckets = []
    moment = start
    while moment <= running:
        last = moment == running
        buckets.append(
            {
                "from": f"{moment:%FT%TZ}",
                "until": f"{call.now if last else moment + step:%FT%TZ}",
                **({"partial": True} if last else {}),
                **figures(by_start.get(moment, []), legacy=legacy),
            }
        )
        moment += step
    return Answer(
        document={
            "range": span,
            "scope": scope,
            "granularity": "hour" if span == "24h" else "day",
            "from": f"{start:%FT%TZ}",
            "until": f"{call.now:%FT%TZ}",
            "totals": figures(charges, legacy=legacy),
            "buckets": buckets,
        }
    )


def tags(call: Call) -> Answer:
    """Public on the cloud, open on a server of your own."""
    return Answer(
        document={
            "models": [
                {
                    "name": model.id,
                    "model": model.id,
                    "modified_at": "2026-10-01T10:00:00Z",
                    "size": 4_920_000_000,
                    "digest": "abc123",
                    "capabilities": ["completion", "tools"],
                    "details": {
                        "parent_model": "",
                        "format": "gguf",
                        "family": "example",
                        "families": ["example"],
                        "parameter_size": model.id.partition(":")[2].upper(),
                        "quantization_level": "Q4_K_M",
                    },
                }
                for model in PROFILE.models
            ]
        }
    )


def version(call: Call) -> Answer:
    return Answer(document={"version": "0.40.12"})


def loaded(call: Call) -> Answer:
    """The small model is in memory, and leaves it half an hour after the last call."""
    model = PROFILE.models[-1].id
    return Answer(
        document={
            "models": [
                {
                    "name": model,
                    "model": model,
                    "size": 6_200_000_000,
                    "digest": "abc123",
                    "expires_at": f"{call.now + timedelta(minutes=30):%FT%TZ}",
                    "size_vram": 6_200_000_000,
                    "context_length": 8192,
                }
            ]
        }
    )


def refuse(status: int) -> Answer:
    return Answer(status=status, document={"error": "unauthorized" if status == 401 else "forbidden"})


def token_of(headers: Mapping[str, str]) -> str:
    """Calls without a key (the public list, a server of your own) belong to the demo's account."""
    return headers.get("authorization", "Bearer sim-harbor").removeprefix("Bearer ")


PART = Part(
    slug="ollama",
    hosts=frozenset({CLOUD_HOST, LOCAL_HOST}),
    profile=PROFILE,
    routes={
        ("GET", "/api/balance"): only_on(CLOUD_HOST, balance),
        ("GET", "/api/usage"): only_on(CLOUD_HOST, usage),
        ("GET", "/api/version"): only_on(LOCAL_HOST, version),
        ("GET", "/api/ps"): only_on(LOCAL_HOST, loaded),
        ("GET", "/api/tags"): tags,
    },
    refuse=refuse,
    demo={"profile": "cloud", "api_key": "sim-harbor"},
    token_of=token_of,
)
