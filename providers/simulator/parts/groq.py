"""Groq's account API: the model list, and the metrics of an Enterprise organization.

"gsk_sim-harbor" is an Enterprise organization's key, "gsk_standard-sim-harbor" one without metrics (404), and
"gsk_blocked-sim-harbor" one whose monthly spend limit is reached. "gsk_quiet-sim-harbor" gets no rate-limit headers.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from providers.simulator.limit_headers import (
    REQUESTS_A_DAY,
    TOKENS_A_MINUTE,
    as_go_duration,
    is_quiet,
    seconds_to_day,
    seconds_to_minute,
    used_in_minute,
    used_today,
)
from providers.simulator.server import Answer, Call, Handler, Part
from providers.simulator.world import HOUR, Charge, ModelProfile, Profile, SimAccount, made_up_id

PROFILE = Profile(
    slug="groq",
    unit="USD",
    step=Decimal("0.0001"),
    daily_spend=Decimal("45"),
    topup=Decimal("2000"),
    topup_below=Decimal("300"),
    models=(
        ModelProfile(id="openai/gpt-oss-120b", input_price=Decimal("0.15"), output_price=Decimal("0.60"), weight=3),
        ModelProfile(id="llama-3.3-70b-versatile", input_price=Decimal("0.59"), output_price=Decimal("0.79"), weight=2),
        ModelProfile(id="llama-3.1-8b-instant", input_price=Decimal("0.05"), output_price=Decimal("0.08")),
    ),
)
POINT_SECONDS = 300
POINTS_AN_HOUR = 12
MOST_POINTS = 30_000
ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
QUERY = re.compile(r"sum by \(model, project_id\) \((?P<metric>[a-z_]+:[a-z_]+:rate5m)(?:\{(?P<filters>[^{}]*)\})?\)")
FILTER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
REFUSED_SHARE = 50  # one more request of fifty is answered 429


def project_id(account: SimAccount, project: str) -> str:
    return made_up_id("project_", account.name, project)


def counted(metric: str, status: str | None, charge: Charge) -> int | None:
    """What a charge adds to a metric; None for a metric that does not exist."""
    if metric == "model_project_id:tokens_in:rate5m":
        return charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens
    if metric == "model_project_id:tokens_out:rate5m":
        return charge.output_tokens
    if metric == "model_project_id_status_code:requests:rate5m":
        codes = {"200": charge.requests, "429": charge.requests // REFUSED_SHARE}
        return sum(count for code, count in codes.items() if status is None or re.fullmatch(status, code))
    return None


@lru_cache(maxsize=20_000)
def rate(count: int, point: int) -> str:
    """The rate at one of an hour's twelve points, so that all of them times 300 add up to the count."""
    part = count * (point + 1) // POINTS_AN_HOUR - count * point // POINTS_AN_HOUR
    return f"{part / POINT_SECONDS:.15g}"


def query_range(call: Call) -> Answer:
    """Points from `start` to `end`, both included, each about the five minutes before it."""
    parsed = QUERY.fullmatch(call.one("query"))
    try:
        start, end = int(call.one("start")), int(call.one("end"))
        step = int(call.one("step").removesuffix("s"))
    except ValueError:
        return bad_query("bad_data", "cannot parse start, end or step")
    if parsed is None or step <= 0 or end < start or (end - start) // step > MOST_POINTS:
        return bad_query("422", "cannot execute query")
    filters = {name: value for name, _, value in FILTER.findall(parsed["filters"] or "")}
    first = ORIGIN + timedelta(seconds=(start - 1) // 3600 * 3600)
    hours: dict[datetime, dict[tuple[str, str], int]] = {}
    for charge in call.account.charges(first, min(call.now, ORIGIN + timedelta(seconds=end))):
        count = counted(parsed["metric"], filters.get("status_code"), charge)
        project = project_id(call.account, charge.project)
        if count is not None and filters.get("project_id", project) == project:
            hour = hours.setdefault(charge.start, {})
            hour[charge.model, project] = hour.get((charge.model, project), 0) + count
    series: dict[tuple[str, str], list[list[Any]]] = {}
    for at in range(start, min(end, int(call.now.timestamp())) + 1, step):
        passed = at - 1  # the last second that the point is about
        hour = hours.get(ORIGIN + passed // 3600 * HOUR, {})
        for place, count in hour.items():
            series.setdefault(place, []).append([at, rate(count, passed % 3600 // POINT_SECONDS)])
    result = [
        {"metric": {"model": model, "project_id": project}, "values": values}
        for (model, project), values in series.items()
    ]
    return Answer(document={"status": "success", "data": {"resultType": "matrix", "result": result}})


def bad_query(kind: str, message: str) -> Answer:
    status = 400 if kind == "bad_data" else 422
    return Answer(status=status, document={"status": "error", "errorType": kind, "error": message})


def models(call: Call) -> Answer:
    speech = {"id": "whisper-large-v3", "object": "model", "created": 1693721698, "owned_by": "OpenAI", "active": True}
    gone = {"id": "retired-model", "object": "model", "created": 1693721698, "owned_by": "Example", "active": False}
    listed = [
        {
            "id": model.id,
            "object": "model",
            "created": 1750000000,
            "owned_by": "Example",
            "active": True,
            "context_window": 131072,
            "public_apps": None,
            "max_completion_tokens": 32768,
        }
        for model in PROFILE.models
    ]
    document = {"object": "list", "data": [*listed, {**speech, "context_window": 448}, gone]}
    return Answer(document=document, headers={} if is_quiet(call) else limits(call))


def limits(call: Call) -> dict[str, str]:
    """The names hold no window: requests of the day, tokens of the minute."""
    return {
        "x-ratelimit-limit-requests": str(REQUESTS_A_DAY),
        "x-ratelimit-remaining-requests": str(REQUESTS_A_DAY - used_today(call)),
        "x-ratelimit-reset-requests": as_go_duration(seconds_to_day(call)),
        "x-ratelimit-limit-tokens": str(TOKENS_A_MINUTE),
        "x-ratelimit-remaining-tokens": str(TOKENS_A_MINUTE - used_in_minute(call)),
        "x-ratelimit-reset-tokens": as_go_duration(seconds_to_minute(call)),
    }


def error(status: int, message: str, code: str | None = None) -> Answer:
    told = {"message": message, "type": "invalid_request_error", **({"code": code} if code else {})}
    return Answer(status=status, document={"error": told})


def refuse(status: int) -> Answer:
    return error(403, "Not allowed") if status == 403 else error(status, "Invalid API Key", "invalid_api_key")


def guarded(handler: Handler, *, enterprise: bool = False) -> Handler:
    """A route behind the checks that every key meets; Enterprise routes are not there for others."""

    def answer(call: Call) -> Answer:
        if not call.token.startswith("gsk_"):
            return refuse(401)
        if "blocked" in call.token:
            return error(400, "Organization spend limit reached (made-up text)", "blocked_api_access")
        if enterprise and "standard" in call.token:
            return error(404, "Not found")
        return handler(call)

    return answer


PART = Part(
    slug="groq",
    hosts=frozenset({"api.groq.com"}),
    profile=PROFILE,
    routes={
        ("GET", "/openai/v1/models"): guarded(models),
        ("GET", "/v1/metrics/prometheus/api/v1/query_range"): guarded(query_range, enterprise=True),
    },
    refuse=refuse,
    demo={"api_key": "gsk_sim-harbor", "metrics_enabled": "yes"},
)
