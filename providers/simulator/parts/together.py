"""Together AI's account API: the bill of an organisation by day or hour, who the key is, the model list.

A key with "new-sim-" in it meets the newer API only (/v3/whoami, /v2/supported-models); for one with "nobill-sim-" the
billing beta is not switched on, and one with "quiet-sim-" gets no rate-limit headers.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Any

from providers.simulator.limit_headers import TOKENS_A_MINUTE, is_quiet, used_in_minute
from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, Charge, ModelProfile, Profile, made_up_id

# What this key's calls cost is billed as training, which no key or project stands for.
TRAINING = "trainer"
PROFILE = Profile(
    slug="together",
    unit="USD",
    step=Decimal("0.000000001"),
    daily_spend=Decimal("70"),
    topup=Decimal("2000"),
    topup_below=Decimal("300"),
    models=(
        ModelProfile(
            id="deepseek-ai/DeepSeek-V4-Pro", input_price=Decimal("1.25"), output_price=Decimal("3.75"), weight=2
        ),
        ModelProfile(
            id="meta-llama/Llama-4-Maverick", input_price=Decimal("0.27"), output_price=Decimal("0.85"), weight=1.5
        ),
        ModelProfile(id="Qwen/Qwen3.5-397B-A17B", input_price=Decimal("0.60"), output_price=Decimal("3.60")),
    ),
    keys=("team-blue", "team-green", TRAINING),
)
MILLION = Decimal(1_000_000)
PAGE, LARGEST_PAGE = 100, 1000
REQUESTS_A_SECOND, TOKENS_A_SECOND = 10, TOKENS_A_MINUTE // 60


def failure(status: int, message: str, kind: str) -> Answer:
    return Answer(status=status, document={"error": {"message": message, "type": kind, "param": None, "code": None}})


def not_found(call: Call) -> Answer:
    return Answer(status=404, raw=b"<html><body>404</body></html>", headers={"Content-Type": "text/html"})


def older(handler: Handler) -> Handler:
    """A path that the newer API no longer has."""
    return lambda call: not_found(call) if "new-sim-" in call.token else handler(call)


def organization_id(call: Call) -> str:
    return made_up_id("org_", call.account.name, length=12)


def ids_of(call: Call, key: str, project: str) -> dict[str, str]:
    name = call.account.name
    return {
        "api_key_id": made_up_id("key_", name, key, length=12),
        "project_id": made_up_id("proj_", name, project, length=12),
    }


def billing_usage(call: Call) -> Answer:
    """Finished windows of one month. The cursor holds month and granularity, and is good for no other."""
    if "nobill-sim-" in call.token:
        return not_found(call)
    if call.one("organization_id", organization_id(call)) != organization_id(call):
        return failure(403, "organization_id is not the organization of this key", "forbidden")
    month, granularity = call.one("month", f"{call.now:%Y-%m}"), call.one("granularity", "day")
    limit, after = call.one("limit", str(PAGE)), call.one("after", f"{month}:{granularity}:0")
    if (
        not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", month)
        or granularity not in ("day", "hour")
        or not (limit.isdigit() and 1 <= int(limit) <= LARGEST_PAGE)
        or not re.fullmatch(rf"{month}:{granularity}:\d+", after)
    ):
        return failure(400, "invalid month, granularity, limit or cursor", "invalid_request_error")
    length = timedelta(days=1) if granularity == "day" else timedelta(hours=1)
    windows = finished_windows(call, datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC), length)
    offset = int(after.rpartition(":")[2])
    following = offset + int(limit)
    return Answer(
        document={
            "object": "list",
            "organization_id": organization_id(call),
            "billing_period": month,
            "earliest_window_start": windows[0]["start_time"] if windows else None,
            "latest_window_end": windows[-1]["end_time"] if windows else None,
            "currency": "USD",
            "data": windows[offset:following],
            "next_cursor": f"{month}:{granularity}:{following}" if following < len(windows) else None,
        }
    )


def finished_windows(call: Call, month: datetime, length: timedelta) -> list[dict[str, Any]]:
    begun = call.now.replace(minute=0, second=0, microsecond=0)
    if length == timedelta(days=1):
        begun = begun.replace(hour=0)
    end = min((month + timedelta(days=32)).replace(day=1), begun)
    start = max(month, EPOCH)
    if start >= end:
        return []
    charges = call.account.daily(start, end) if length == timedelta(days=1) else call.account.charges(start, end)
    return [
        {
            "date": f"{first:%Y-%m-%d}",
            "start_time": f"{first:%Y-%m-%dT%H:%M:%SZ}",
            "end_time": f"{first + length:%Y-%m-%dT%H:%M:%SZ}",
            "line_items": list(line_items(call, within)),
        }
        for first, within in groupby(charges, key=lambda charge: charge.start)
    ]


def line_items(call: Call, charges: Iterable[Charge]) -> Iterator[dict[str, Any]]:
    """Training as one line; inference as a line for input, cached input and output. Together they are the charge."""
    for charge in charges:
        model = next(model for model in PROFILE.models if model.id == charge.model)
        name = charge.model.partition("/")[2]
        if charge.key == TRAINING:
            tokens = charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens + charge.output_tokens
            credit = {"applied_credit": {"type": "PREPAID"}}
            yield line(f"{name} fine-tuning", tokens, model.input_price, charge.cost, {}) | credit
            continue
        cached = (charge.cached_tokens * model.input_price / 10 / MILLION).quantize(PROFILE.step)
        output = (charge.output_tokens * model.output_price / MILLION).quantize(PROFILE.step)
        fresh = charge.input_tokens + charge.cache_write_tokens
        ids = ids_of(call, charge.key, charge.project)
        yield line(f"{name} input", fresh, model.input_price, charge.cost - cached - output, ids)
        yield line(f"{name} cached input", charge.cached_tokens, model.input_price / 10, cached, ids)
        yield line(f"{name} output", charge.output_tokens, model.output_price, output, ids)


def line(product: str, tokens: int, price: Decimal, cost: Decimal, attributes: dict[str, str]) -> dict[str, Any]:
    return {
        "product_name": product,
        "quantity": format(tokens / MILLION, "f"),
        "unit_price": format(price, "f"),
        "cost": format(cost, "f"),
        "pricing_dimensions": {},
        "attributes": attributes,
    }


def whoami(call: Call) -> Answer:
    ids = ids_of(call, call.token, "default")
    return Answer(
        document={
            **ids,
            "organization_id": organization_id(call),
            "organization_name": f"{call.account.name} organization",
            "project_name": "Default",
            "project_slug": "default",
        }
    )


def newer_whoami(call: Call) -> Answer:
    ids = ids_of(call, call.token, "default")
    return Answer(
        document={
            "type": "project_api_key",
            "api_key": {"id": ids["api_key_id"]},
            "organization": {"id": organization_id(call), "name": f"{call.account.name} organization"},
            "project": {"id": ids["project_id"], "name": "Default", "slug": "default"},
        }
    )


def models(call: Call) -> Answer:
    """A bare list."""
    return Answer(
        document=[
            {
                "id": model.id,
                "object": "model",
                "created": 1760000000,
                "type": "chat",
                "display_name": model.id.partition("/")[2],
                "organization": model.id.partition("/")[0],
                "link": "https://example.org",
                "license": "apache-2.0",
                "context_length": 262144,
                "pricing": {
                    "hourly": 0,
                    "input": number(model.input_price),
                    "output": number(model.output_price),
                    "base": 0,
                    "finetune": 0,
                    "cached_input": number(model.input_price / 10),
                },
            }
            for model in PROFILE.models
        ],
        headers={} if is_quiet(call) else limits(call),
    )


def limits(call: Call) -> dict[str, str]:
    """Requests and tokens per second, and the limits that move: here twice as high."""
    used = used_in_minute(call) // 60
    return {
        "x-ratelimit-limit": str(REQUESTS_A_SECOND),
        "x-ratelimit-remaining": str(REQUESTS_A_SECOND - 1),
        "x-ratelimit-reset": "1",
        "x-ratelimit-limit-dynamic": str(2 * REQUESTS_A_SECOND),
        "x-tokenlimit-limit": str(TOKENS_A_SECOND),
        "x-tokenlimit-remaining": str(TOKENS_A_SECOND - used),
        "x-tokenlimit-limit-dynamic": str(2 * TOKENS_A_SECOND),
    }


def newer_models(call: Call) -> Answer:
    limit, offset = int(call.one("limit", "2")), int(call.one("after", "0"))
    following = offset + limit
    return Answer(
        document={
            "data": [
                {
                    "id": model.id,
                    "displayName": model.id.partition("/")[2],
                    "pricing": {
                        "input": number(model.input_price),
                        "output": number(model.output_price),
                        "cachedInput": number(model.input_price / 10),
                    },
                }
                for model in PROFILE.models[offset:following]
            ],
            "next_cursor": str(following) if following < len(PROFILE.models) else None,
        },
        headers={} if is_quiet(call) else limits(call),
    )


def refuse(status: int) -> Answer:
    if status == 403:
        return failure(403, "No access", "forbidden")
    return failure(status, "Invalid API key provided", "invalid_request_error")


PART = Part(
    slug="together",
    hosts=frozenset({"api.together.ai"}),
    profile=PROFILE,
    routes={
        ("GET", "/v1/billing/usage"): billing_usage,
        ("GET", "/v1/whoami"): older(whoami),
        ("GET", "/v3/whoami"): newer_whoami,
        ("GET", "/v1/models"): older(models),
        ("GET", "/v2/supported-models"): newer_models,
    },
    refuse=refuse,
    demo={"api_key": "tgp_v1_sim-harbor"},
)
