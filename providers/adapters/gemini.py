"""Google Gemini: the models that an AI Studio key can call; money and usage stand on pages of Google only.

Docs: https://ai.google.dev/api/models, https://ai.google.dev/gemini-api/docs/api-key, /billing, /rate-limits and
/troubleshooting; reasons of errors in googleapis/googleapis google/api/error_reason.proto; checked 2026-11-20.
Key: any key of Google AI Studio. It has no scopes, so every key can spend. New keys begin with "AQ."; those that begin
with "AIza" are of the old kind, which Google stops taking in the course of 2026.
Quirks: the key travels in x-goog-api-key, alone: a second credential draws a 400, and Bearer a 401 on these paths. A
wrong key may draw a 400 instead of a 401. That a key lists models proves the key, not that models can be called with it
("AQ." keys were seen to be refused there). Limits and tiers belong to the project and its billing account, not to the
key. The login of Gemini CLI and Code Assist would tell its quotas, but Google's terms forbid its use by other programs,
and individuals lost it on 2026-06-18: it is neither asked for nor taken.
"""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from providers.errors import (
    MAX_RETRY_AFTER_SECONDS,
    ActionNeeded,
    NotAvailable,
    ProviderError,
    Retryable,
    retry_after_seconds,
)
from providers.paging import by_page_token, pages
from providers.parse import get, integer, maybe, rows, text
from providers.records import Identity, Model
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

API = "https://generativelanguage.googleapis.com/v1beta"
KEYS_PAGE = "https://aistudio.google.com/apikey"
ENABLE_PAGE = "https://console.cloud.google.com/apis/library/generativelanguage.googleapis.com"
CLOUD_KEYS_PAGE = "https://console.cloud.google.com/apis/credentials"
MODELS = Request(url=f"{API}/models", auth="api_key", params=(("pageSize", "1000"),))
ONE_MODEL = Request(url=f"{API}/models", auth="api_key", params=(("pageSize", "1"),))

OLD_KEYS = "Keys that begin with “AIza” are of the old kind, which Google stops taking in 2026."
LOGIN = "Google's terms forbid other programs to use this login. Enter an API key of Google AI Studio."
# The key's own restrictions, by google.api.ErrorReason: which programs and addresses may use it.
BOUND_ELSEWHERE = frozenset(
    f"API_KEY_{what}_BLOCKED" for what in ("HTTP_REFERRER", "IP_ADDRESS", "ANDROID_APP", "IOS_APP")
)
_DELAY = re.compile(r"([0-9]{1,9})(\.[0-9]{1,9})?s")


def parse_models(document: Any, *, first: bool) -> Iterator[Model]:
    """Every model has a name; the rest may be missing, and prices are not told. A page after the first may be empty."""
    listed = get(document, "models", rows) if first else maybe(document, "models", rows)
    for row in listed or ():
        yield Model(
            id=get(row, "name", text).removeprefix("models/"),
            name=maybe(row, "displayName", text),
            context=maybe(row, "inputTokenLimit", integer),
        )


def models(account: Account, window: Window) -> Steps:
    documents = yield from pages(MODELS, by_page_token)
    return [row for index, document in enumerate(documents) for row in parse_models(document, first=index == 0)]


def check(account: Account, window: Window) -> Steps:
    """One model of the list: free, and refused to a wrong key. Whose key it is is not told. A project without the API
    is for a person to mend before the key is taken; found later, it is looked at again by itself."""
    try:
        reply = yield ONE_MODEL
    except NotAvailable as absent:
        if absent.status != 403:
            raise
        raise ActionNeeded(
            absent.message, code="blocked", status=absent.status, field="api_key", url=ENABLE_PAGE
        ) from absent
    list(parse_models(reply.json(), first=True))
    return [Identity(key_kind="api_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    details = error_details(reply)
    reasons = {detail["reason"] for detail in details if isinstance(detail.get("reason"), str)}
    status = reply.status
    if status == 429:
        return Retryable("Google answered 429, too many calls.", status=429, retry_after=wait_of(reply, details))
    if status not in (400, 401, 403):
        return None
    if "SERVICE_DISABLED" in reasons:
        return NotAvailable(
            f"The Generative Language API is not enabled in the project of this key ({status}). "
            "An admin of the project enables it in the Google Cloud console.",
            status=status,
        )
    if "API_KEY_SERVICE_BLOCKED" in reasons:
        return ActionNeeded(
            f"This key is restricted to other APIs ({status}). Add the Generative Language API to its restrictions.",
            code="missing_scope",
            status=status,
            field="api_key",
            url=CLOUD_KEYS_PAGE,
        )
    if BOUND_ELSEWHERE & reasons:
        return ActionNeeded(
            f"This key may be used by certain programs or addresses only, and this server is none of them ({status}).",
            code="blocked",
            status=status,
            field="api_key",
            url=CLOUD_KEYS_PAGE,
        )
    if "CONSUMER_SUSPENDED" in reasons:
        words = f"Google has suspended the project of this key ({status}). Its notices stand in the Cloud console."
        return ActionNeeded(words, code="blocked", status=status, url=PROVIDER.console_url)
    if "BILLING_DISABLED" in reasons:
        words = f"Billing is off for the project of this key ({status}). Switch it on in Google AI Studio."
        return ActionNeeded(words, code="billing", status=status, url=KEYS_PAGE)
    if status == 403:
        return ActionNeeded(
            "Google does not let this key read the list of models (403): the key or its project is blocked. "
            f"Make a new key in Google AI Studio. {OLD_KEYS}",
            status=403,
            field="api_key",
            url=KEYS_PAGE,
        )
    if status == 401 or "API_KEY_INVALID" in reasons:  # other 400s are a request that the docs do not allow: our fault
        return ActionNeeded(
            f"Google does not take this key ({status}): it is cut off, expired or deleted. {OLD_KEYS}",
            status=status,
            field="api_key",
            url=KEYS_PAGE,
        )
    return None


def error_details(reply: Reply) -> list[dict[str, Any]]:
    """`error.details[]` of Google's errors, as far as they are objects; some paths wrap the whole in a list."""
    document = reply.said()
    if isinstance(document, list) and document:
        document = document[0]
    error = document.get("error") if isinstance(document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []


def wait_of(reply: Reply, details: list[dict[str, Any]]) -> float | None:
    """`Retry-After`, else `retryDelay` of google.rpc.RetryInfo, a duration as text ("59s", "0.5s"), rounded up."""
    told = retry_after_seconds(reply.headers)
    if told is not None:
        return told
    for detail in details:
        delay = detail.get("retryDelay")
        found = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
        if found:
            return min(int(found.group(1)) + (found.group(2) is not None), MAX_RETRY_AFTER_SECONDS)
    return None


PROVIDER = Provider(
    slug="gemini",
    name="Google Gemini",
    summary="Models of an AI Studio key; money, usage and limits stand on Google's pages only.",
    docs_url="https://ai.google.dev/gemini-api/docs",
    console_url="https://aistudio.google.com/",
    checked=date(2026, 11, 20),
    price_list="google",
    wire_protocol="OpenAICompatible",
    base_urls=(
        BaseUrl(url=f"{API}/openai", use="inference", label="OpenAI form"),
        BaseUrl(url=API, use="account", label="Google's own form"),
    ),
    fields=(
        Field(
            name="api_key",
            label="API key",
            help=f"A key of Google AI Studio. Keys have no scopes, so make one for Purser alone. {OLD_KEYS}",
            secret=True,
            required=True,
            url=KEYS_PAGE,
            starts_with=("AQ.",),
            wrong_starts={
                "ya29.": f"This is the access token of a Google login. {LOGIN}",
                "1//": f"This is the refresh token of a Google login. {LOGIN}",
                "eyJ": f"This is a token of a login, not an API key. {LOGIN}",
                "{": f"This is a file, not an API key. If it comes from Gemini CLI: {LOGIN}",
            },
            header="x-goog-api-key",
            prefix="",
            environment="GEMINI_API_KEY",
            can_spend=True,
        ),
    ),
    key_warning="Every Gemini key can spend. Use one made for Purser, so that it can be revoked alone.",
    check=Check(steps=check, source="https://ai.google.dev/api/models#method:-models.list"),
    explain=explain,
    capabilities={
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("api_key",),
            source="https://ai.google.dev/api/models#method:-models.list",
        ),
        "balance": NotOffered(
            reason="Google shows prepaid credit and spend caps only in AI Studio; no API tells them.",
            fallback="Look there. Credit and caps belong to the billing account, which several projects may share.",
        ),
        "quota": NotOffered(
            reason="Google tells no limits to an API key, and the login of Code Assist, which would tell its quotas, "
            "is not open to other programs.",
            fallback="AI Studio shows the limits. They bind the project: its keys share them.",
        ),
        "usage": NotOffered(
            reason="Google has no usage history for an API key.",
            fallback="AI Studio and the metrics of the Google Cloud project show it, or read the usage that every "
            "answer tells at a gateway of your own.",
        ),
        "cost": NotOffered(
            reason="Google has no cost history for an API key.",
            fallback="Switch on the Cloud Billing export to BigQuery and connect the project that owns the key as "
            "Google Vertex AI, with “gemini” as what counts as cost; or import a cost report of Cloud Billing as CSV.",
        ),
        "keys": NotOffered(
            reason="Google lists the keys of AI Studio only on its pages.",
            fallback="Look there for them.",
        ),
    },
)
