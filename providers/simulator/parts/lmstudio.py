"""LM Studio's model lists. localhost:1234 is open; lmstudio.internal:1234 requires a token.

"v0-sim-" in a token is a server of 0.3.6 or later, which answers unknown paths with 200 and an `error`; "old-sim-" one
that has the OpenAI list alone; "bare-sim-" a token without rights.
"""

from collections.abc import Mapping
from decimal import Decimal

from providers.simulator.server import Answer, Call, Handler, Part
from providers.simulator.world import ModelProfile, Profile

OPEN_HOST = "localhost:1234"
CLOSED_HOST = "lmstudio.internal:1234"
PROFILE = Profile(  # nobody is charged: the prices only give the traffic its size
    slug="lmstudio",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("20"),
    topup=Decimal("1000"),
    topup_below=Decimal("100"),
    models=(
        ModelProfile(id="acme/writer-8b", input_price=Decimal("0.2"), output_price=Decimal("0.6"), weight=2),
        ModelProfile(id="acme/embed-s", input_price=Decimal("0.02"), output_price=Decimal("0.02")),
    ),
)
LOADED = "acme/writer-8b"
MAX_CONTEXT = {"acme/writer-8b": 131_072, "acme/embed-s": 2_048}
UNKNOWN_PATH = "Unexpected endpoint or method"


def generation(token: str) -> str:
    return next((name for name in ("old", "v0") if f"{name}-sim-" in token), "v1")


def of(generations: tuple[str, ...], handler: Handler) -> Handler:
    def answer(call: Call) -> Answer:
        if call.host == CLOSED_HOST and "authorization" not in call.headers:
            return refuse(401)
        if "bare-sim-" in call.token:
            return refuse(403)
        own = generation(call.token)
        if own not in generations:
            return Answer(status=200 if own == "v0" else 404, document={"error": UNKNOWN_PATH})
        return handler(call)

    return answer


def native(call: Call) -> Answer:
    instance = {"id": LOADED, "config": {"context_length": 8192, "parallel": 4, "flash_attention": True}}
    return Answer(
        document={
            "models": [
                {
                    "type": "embedding" if "embed" in model.id else "llm",
                    "publisher": "acme",
                    "key": model.id,
                    "display_name": model.id.removeprefix("acme/").title(),
                    "quantization": None,
                    "size_bytes": 4_890_000_000,
                    "params_string": None,
                    "loaded_instances": [instance] if model.id == LOADED else [],
                    "max_context_length": MAX_CONTEXT[model.id],
                    "format": "gguf",
                }
                for model in PROFILE.models
            ]
        }
    )


def native_v0(call: Call) -> Answer:
    return Answer(
        document={
            "object": "list",
            "data": [
                {
                    "id": model.id,
                    "object": "model",
                    "type": "embeddings" if "embed" in model.id else "llm",
                    "publisher": "acme",
                    "arch": "example",
                    "compatibility_type": "gguf",
                    "quantization": "Q4_K_M",
                    "state": "loaded" if model.id == LOADED else "not-loaded",
                    "max_context_length": MAX_CONTEXT[model.id],
                }
                for model in PROFILE.models
            ],
        }
    )


def openai(call: Call) -> Answer:
    rows = [{"id": model.id, "object": "model", "owned_by": "organization_owner"} for model in PROFILE.models]
    return Answer(document={"object": "list", "data": rows})


def refuse(status: int) -> Answer:
    return Answer(
        status=status,
        document={"error": {"type": "invalid_request", "code": "invalid_api_key", "message": "refused (made up)"}},
    )


def token_of(headers: Mapping[str, str]) -> str:
    """Without a token it is the demo's server that is asked."""
    return headers.get("authorization", "Bearer sim-harbor").removeprefix("Bearer ")


PART = Part(
    slug="lmstudio",
    hosts=frozenset({OPEN_HOST, CLOSED_HOST}),
    profile=PROFILE,
    routes={
        ("GET", "/api/v1/models"): of(("v1",), native),
        ("GET", "/api/v0/models"): of(("v1", "v0"), native_v0),
        ("GET", "/v1/models"): of(("v1", "v0", "old"), openai),
    },
    refuse=refuse,
    demo={"base_url": "https://localhost:1234", "api_token": "sim-harbor"},
    token_of=token_of,
)
