"""The Gemini API as far as it costs nothing: the list of models, page by page, and Google's refusals.

Keys of the new kind ("AQ.sim-harbor") are taken; those of the old kind ("AIza...") are unrestricted ones here, which
Google refuses since 2026-06-19. Two credentials in one call draw the documented 400, a Bearer key a 401.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Part
from providers.simulator.world import ModelProfile, Profile

PROFILE = Profile(
    slug="gemini",
    unit="USD",
    step=Decimal("0.000001"),
    daily_spend=Decimal("55"),
    topup=Decimal("1200"),
    topup_below=Decimal("200"),
    models=(
        ModelProfile(id="gemini-3-flash", input_price=Decimal("0.3"), output_price=Decimal("2.5"), weight=3),
        ModelProfile(id="gemini-3-pro", input_price=Decimal("2"), output_price=Decimal("12"), weight=2),
    ),
)
EMBEDDING = "gemini-embedding-example"
USUAL_PAGE, LARGEST_PAGE = 50, 1000
STATUS_NAMES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}


def listed(name: str, *methods: str) -> dict[str, Any]:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name.replace("-", " ").title(),
        "description": "A made-up model.",
        "inputTokenLimit": 1048576 if "generateContent" in methods else 2048,
        "outputTokenLimit": 65536 if "generateContent" in methods else 1,
        "supportedGenerationMethods": list(methods),
    }


CATALOGUE = [
    *(listed(model.id, "generateContent", "countTokens") for model in PROFILE.models),
    listed(EMBEDDING, "embedContent"),
]


def models(call: Call) -> Answer:
    """At most `pageSize` models; `nextPageToken` is absent on the last page."""
    given = call.headers.get("x-goog-api-key", "")
    if given and call.headers.get("authorization"):
        return failure(400, "Multiple authentication credentials received. Please pass only one.")
    if not given:
        return failure(401, "Request had invalid authentication credentials.", "ACCESS_TOKEN_TYPE_UNSUPPORTED")
    if not given.startswith("AQ."):
        return failure(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")
    size, start = call.one("pageSize", "0"), call.one("pageToken", "0")
    if not size.isdecimal() or not start.isdecimal():
        return failure(400, "Invalid value at 'page_size' or 'page_token'.")
    end = int(start) + (min(int(size), LARGEST_PAGE) or USUAL_PAGE)
    more = {"nextPageToken": str(end)} if end < len(CATALOGUE) else {}
    return Answer(document={"models": CATALOGUE[int(start) : end], **more})


def failure(status: int, message: str, reason: str = "") -> Answer:
    """Google's shape of errors. The message is made up, the reasons are those of google.api.ErrorReason."""
    told = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    error = {"code": status, "message": message, "status": STATUS_NAMES.get(status, "UNKNOWN")}
    return Answer(status=status, document={"error": {**error, "details": [told]} if reason else error})


def refuse(status: int) -> Answer:
    """For a key that nobody has. Google answers a 400 with API_KEY_INVALID as well, which the old kind of key draws."""
    return failure(status, "Made-up: refused.")


def token_of(headers: Mapping[str, str]) -> str:
    """The key, or a Bearer key, which the list then refuses by its place."""
    return headers.get("x-goog-api-key") or headers.get("authorization", "").removeprefix("Bearer ")


PART = Part(
    slug="gemini",
    hosts=frozenset({"generativelanguage.googleapis.com"}),
    profile=PROFILE,
    routes={("GET", "/v1beta/models"): models},
    refuse=refuse,
    demo={"api_key": "AQ.sim-harbor"},
    token_of=token_of,
)
