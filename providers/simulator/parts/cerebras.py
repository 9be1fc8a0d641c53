"""Cerebras' API as far as it costs nothing: the models of a key, and the public list with prices in three formats.

The organisation also has a model on a dedicated endpoint, which the public list does not show. "csk-quiet-sim-harbor"
gets no rate-limit headers.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from providers.simulator.limit_headers import (
    REQUESTS_A_DAY,
    TOKENS_A_MINUTE,
    is_quiet,
    seconds_to_day,
    seconds_to_minute,
    used_in_minute,
    used_today,
)
from providers.simulator.server import Answer, Call, Part, number
from providers.simulator.world import ModelProfile, Profile

PROFILE = Profile(
    slug="cerebras",
    unit="USD",
    step=Decimal("0.000001"),
    daily_spend=Decimal("35"),
    topup=Decimal("800"),
    topup_below=Decimal("120"),
    models=(
        ModelProfile(id="example-120b", input_price=Decimal("0.4"), output_price=Decimal("0.8"), weight=3),
        ModelProfile(id="example-glm", input_price=Decimal("2.25"), output_price=Decimal("2.75")),
    ),
)
DEDICATED = "harbor-dedicated-70b"
CREATED = 1755000000


def plain(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "Cerebras"}


def models(call: Call) -> Answer:
    if not call.token.startswith("csk-"):
        return refuse(401)
    names = [*(model.id for model in PROFILE.models), DEDICATED]
    document = {"object": "list", "data": [plain(name) for name in names]}
    return Answer(document=document, headers={} if is_quiet(call) else limits(call))


def limits(call: Call) -> dict[str, str]:
    """The window is in each name, and resets are seconds."""
    return {
        "x-ratelimit-limit-requests-day": str(REQUESTS_A_DAY),
        "x-ratelimit-remaining-requests-day": str(REQUESTS_A_DAY - used_today(call)),
        "x-ratelimit-reset-requests-day": f"{seconds_to_day(call):.6f}",
        "x-ratelimit-limit-tokens-minute": str(TOKENS_A_MINUTE),
        "x-ratelimit-remaining-tokens-minute": str(TOKENS_A_MINUTE - used_in_minute(call)),
        "x-ratelimit-reset-tokens-minute": f"{seconds_to_minute(call):.6f}",
    }


def public_models(call: Call) -> Answer:
    """No key is looked at. Without a format there are no prices."""
    described = {"openrouter": for_openrouter, "huggingface": for_huggingface}.get(call.one("format"))
    if described is not None:
        return Answer(document={"data": [described(model) for model in PROFILE.models]})
    return Answer(document={"object": "list", "data": [plain(model.id) for model in PROFILE.models]})


def for_openrouter(model: ModelProfile) -> dict[str, Any]:
    """Prices as text, USD per one token."""
    return {
        "id": f"cerebras/{model.id}",
        "name": model.id.replace("-", " ").title(),
        "created": CREATED,
        "context_length": 131072,
        "max_output_length": 40960,
        "pricing": {
            "prompt": format(model.input_price / 1_000_000, "f"),
            "completion": format(model.output_price / 1_000_000, "f"),
        },
    }


def for_huggingface(model: ModelProfile) -> dict[str, Any]:
    """Prices as floats, USD per million tokens."""
    return {
        "id": model.id,
        "created": CREATED,
        "owned_by": "Cerebras",
        "context_length": 131072,
        "pricing": {"input": number(model.input_price), "output": number(model.output_price)},
    }


def refuse(status: int) -> Answer:
    """Flat, as Cerebras sends it."""
    return Answer(
        status=status,
        document={
            "message": "made-up: refused",
            "type": "invalid_request_error",
            "param": "api_key",
            "code": "refused",
        },
    )


def token_of(headers: Mapping[str, str]) -> str:
    """A call without a key reaches the public list; everything else refuses it."""
    return headers.get("authorization", "sim-visitor").removeprefix("Bearer ")


PART = Part(
    slug="cerebras",
    hosts=frozenset({"api.cerebras.ai"}),
    profile=PROFILE,
    routes={("GET", "/v1/models"): models, ("GET", "/public/v1/models"): public_models},
    refuse=refuse,
    demo={"api_key": "csk-sim-harbor"},
    token_of=token_of,
)
