"""Perplexity's API as far as it costs nothing: two lists of models. A group without credit gets 401, like a wrong key.

Only a key with "-preview-" in it belongs to an organisation of the Orchestrator's preview; how others are refused there
is not documented, 404 is assumed. Every list refuses a wrong key here, although the real one of the Agent API may not.
"""

from collections.abc import Callable
from decimal import Decimal

from providers.simulator.server import Answer, Call, Part
from providers.simulator.world import ModelProfile, Profile

PROFILE = Profile(
    slug="perplexity",
    unit="USD",
    step=Decimal("0.000001"),
    daily_spend=Decimal("40"),
    topup=Decimal("1000"),
    topup_below=Decimal("150"),
    models=(
        ModelProfile(id="perplexity/answer-small", input_price=Decimal("0.25"), output_price=Decimal("2.5"), weight=2),
        ModelProfile(id="example/reasoner-large", input_price=Decimal("3"), output_price=Decimal("15")),
    ),
)


def allowed(handler: Callable[[Call], Answer]) -> Callable[[Call], Answer]:
    def answer(call: Call) -> Answer:
        if not call.token.startswith("pplx-") or call.account.balance(call.now) <= 0:
            return refuse(401)
        return handler(call)

    return answer


def models(call: Call) -> Answer:
    rows = [
        {"id": model.id, "object": "model", "created": 0, "owned_by": model.id.split("/")[0]}
        for model in PROFILE.models
    ]
    return Answer(document={"object": "list", "data": rows})


def catalogue(call: Call) -> Answer:
    """The Orchestrator's list: what Perplexity itself hosts, sorted by id."""
    if "-preview-" not in call.token:
        return refuse(404)
    rows = [
        {"id": model.id, "object": "model", "created": 0, "owned_by": "perplexity"}
        for model in sorted(PROFILE.models, key=lambda model: model.id)
        if model.id.startswith("perplexity/")
    ]
    return Answer(document={"object": "list", "data": rows})


def refuse(status: int) -> Answer:
    return Answer(
        status=status,
        document={"error": {"message": "made-up: refused", "type": "invalid_api_key", "code": status}},
    )


PART = Part(
    slug="perplexity",
    hosts=frozenset({"api.perplexity.ai"}),
    profile=PROFILE,
    routes={
        ("GET", "/v1/models"): allowed(models),
        ("GET", "/orchestrator/v1/models"): allowed(catalogue),
    },
    refuse=refuse,
    demo={"api_key": "pplx-sim-harbor"},
)
