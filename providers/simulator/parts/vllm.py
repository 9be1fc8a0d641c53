"""A vLLM server with two engines that is restarted every Sunday at 00:00 UTC. localhost:8000 asks for no key,
vllm.internal:8000 does under /v1.

"dead-sim-" in a key is a server whose engine has died. Pages that carry no key tell the demo's account.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from providers.simulator.server import Answer, Call, Part
from providers.simulator.world import ModelProfile, Profile, SimAccount, day_of

OPEN_HOST = "localhost:8000"
CLOSED_HOST = "vllm.internal:8000"
PROFILE = Profile(  # nobody is charged: the prices only give the traffic its size
    slug="vllm",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("40"),
    topup=Decimal("1000"),
    topup_below=Decimal("100"),
    models=(
        ModelProfile(id="acme/chat-8b", input_price=Decimal("0.2"), output_price=Decimal("0.6"), weight=2),
        ModelProfile(id="acme-support-lora", input_price=Decimal("0.2"), output_price=Decimal("0.6")),
    ),
)
PROMPT, CACHED, GENERATED, DONE = (
    f"vllm:{name}_total" for name in ("prompt_tokens", "prompt_tokens_cached", "generation_tokens", "request_success")
)
# By engine; the second one rests.
LOAD = {
    "vllm:num_requests_running": (2.0, 0.0),
    "vllm:num_requests_waiting": (1.0, 0.0),
    "vllm:kv_cache_usage_perc": (0.4275, 0.0),
}


def last_restart(now: datetime) -> datetime:
    return day_of(now) - timedelta(days=(now.weekday() + 1) % 7)


def counted(account: SimAccount, now: datetime) -> Counter[tuple[str, str]]:
    """(metric, labels) to what was counted since the last restart; one team's calls go to the first engine."""
    found: Counter[tuple[str, str]] = Counter()
    for charge in account.daily(last_restart(now), now):
        engine = "0" if charge.key == PROFILE.keys[0] else "1"
        labels = f'engine="{engine}",model_name="{charge.model}"'
        found[PROMPT, labels] += charge.input_tokens + charge.cache_write_tokens + charge.cached_tokens
        found[CACHED, labels] += charge.cached_tokens
        found[GENERATED, labels] += charge.output_tokens
        long = charge.requests // 20
        found[DONE, f'{labels},finished_reason="stop"'] += charge.requests - long
        found[DONE, f'{labels},finished_reason="length"'] += long
    return found


def page(account: SimAccount, now: datetime) -> Iterator[str]:
    started = last_restart(now).timestamp()
    found = counted(account, now)
    for name in (PROMPT, CACHED, GENERATED, DONE):
        yield f"# HELP {name} made-up help text"
        yield f"# TYPE {name} counter"
        yield from (f"{name}{{{labels}}} {float(value)}" for (metric, labels), value in found.items() if metric == name)
    yield "# TYPE vllm:prompt_tokens_created gauge"
    yield f'vllm:prompt_tokens_created{{engine="0",model_name="acme/chat-8b"}} {started!r}'
    for name, values in LOAD.items():
        yield f"# TYPE {name} gauge"
        for engine, value in enumerate(values):
            yield f'{name}{{engine="{engine}",model_name="acme/chat-8b"}} {value}'
    yield "# TYPE vllm:iteration_tokens_total histogram"
    yield 'vllm:iteration_tokens_total_bucket{engine="0",le="+Inf",model_name="acme/chat-8b"} 10.0'
    yield 'vllm:iteration_tokens_total_count{engine="0",model_name="acme/chat-8b"} 10.0'
    yield 'vllm:iteration_tokens_total_sum{engine="0",model_name="acme/chat-8b"} 512.0'
    yield "# TYPE http_requests_total counter"
    yield 'http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"} 311.0'
    yield "# TYPE process_start_time_seconds gauge"
    yield f"process_start_time_seconds {started!r}"


def metrics(call: Call) -> Answer:
    text = "\n".join(page(call.account, call.now)) + "\n"
    return Answer(raw=text.encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


def health(call: Call) -> Answer:
    return Answer(status=503 if "dead-sim-" in call.token else 200, raw=b"")


def version(call: Call) -> Answer:
    return Answer(document={"version": "0.99.1"})


def models(call: Call) -> Answer:
    if call.host == CLOSED_HOST and "authorization" not in call.headers:
        return refuse(401)
    base = PROFILE.models[0].id
    return Answer(
        document={
            "object": "list",
            "data": [
                {
                    "id": model.id,
                    "object": "model",
                    "created": int(call.now.timestamp()),
                    "owned_by": "vllm",
                    "root": model.id,
                    "parent": None if model.id == base else base,
                    "max_model_len": 32768 if model.id == base else None,
                    "permission": [],
                }
                for model in PROFILE.models
            ],
        }
    )


def refuse(status: int) -> Answer:
    return Answer(status=status, document={"error": "Unauthorized"})


def token_of(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "Bearer sim-harbor").removeprefix("Bearer ")


PART = Part(
    slug="vllm",
    hosts=frozenset({OPEN_HOST, CLOSED_HOST}),
    profile=PROFILE,
    routes={
        ("GET", "/metrics"): metrics,
        ("GET", "/health"): health,
        ("GET", "/version"): version,
        ("GET", "/v1/models"): models,
    },
    refuse=refuse,
    demo={"base_url": "https://localhost:8000", "api_key": "sim-harbor"},
    token_of=token_of,
)
