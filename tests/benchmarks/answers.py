"""Large answers of the heaviest adapters: 10,000 rows each, in the documented shape, paged as the provider pages.

A row is the smallest object or list with figures of its own. Numbers, names and days differ from row to row, so that
nothing collapses; the text is as compact as a provider can send it, which is the harder case for the ratio.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

ROWS = 10_000
NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
END = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 30
DAY = timedelta(days=1)
STARTS = [END - (DAYS - number) * DAY for number in range(DAYS)]
MODELS = [f"example-model-{number}" for number in range(12)]
UUID = "90b1d2c3-bbbb-4c6c-9d7d-{:012d}"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """One reading: what an admin entered, and the bodies in the order in which the adapter asks. `records` is how many
    must come of it. `lines` holds the positions of bodies that are JSON line by line."""

    slug: str
    capability: str
    fields: dict[str, str]
    bodies: list[bytes]
    records: int
    rows: int = ROWS
    lines: frozenset[int] = field(default=frozenset())


def compact(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def by_day(rows: int, row: Callable[[int, datetime], Any]) -> Iterator[tuple[datetime, list[Any]]]:
    """(day, its rows) of every day; `rows` in all, dealt out evenly."""
    for position, day in enumerate(STARTS):
        yield day, [row(number, day) for number in range(position, rows, DAYS)]


def in_pages(items: Sequence[Any], size: int) -> Iterator[tuple[Sequence[Any], str | None]]:
    """(items of a page, marker of the next)."""
    for start in range(0, len(items), size):
        yield items[start : start + size], f"page_{start + size}" if start + size < len(items) else None


def openai_usage() -> Answers:
    """31 days a page; ten more reports, which are empty."""

    def row(number: int, day: datetime) -> Any:
        cached = number * 7 % 900
        return {
            "object": "organization.usage.completions.result",
            "input_tokens": 82_000 + number,
            "input_cached_tokens": cached,
            "input_cache_write_tokens": 0,
            "input_uncached_tokens": 82_000 + number - cached,
            "output_tokens": 9_100 + number,
            "input_audio_tokens": 0,
            "output_audio_tokens": 0,
            "num_model_requests": 61 + number,
            "project_id": f"proj_{number % 17}",
            "user_id": None,
            "api_key_id": f"key_{number}",
            "model": MODELS[number % len(MODELS)],
            "batch": None,
            "service_tier": None,
        }

    bodies = [openai_page(ROWS, row)] + [openai_page(0, row)] * 10
    return Answers(slug="openai", capability="usage", fields={"admin_key": "made-up"}, bodies=bodies, records=ROWS)


def openai_cost() -> Answers:
    def row(number: int, day: datetime) -> Any:
        return {
            "object": "organization.costs.result",
            "amount": {"value": number / 7, "currency": "usd"},
            "line_item": f"{MODELS[number % len(MODELS)]}, input {number}",
            "project_id": f"proj_{number % 17}",
            "organization_id": "org-made-up",
        }

    bodies = [openai_page(ROWS, row)]
    return Answers(slug="openai", capability="cost", fields={"admin_key": "made-up"}, bodies=bodies, records=ROWS)


def openai_page(rows: int, row: Callable[[int, datetime], Any]) -> bytes:
    buckets = [
        {
            "object": "bucket",
            "start_time": int(day.timestamp()),
            "end_time": int((day + DAY).timestamp()),
            "results": results,
        }
        for day, results in by_day(rows, row)
    ]
    return compact({"object": "page", "data": buckets, "has_more": False, "next_page": None})


def anthropic_usage() -> Answers:
    """Half of the rows are of the token report, in one page; half tell their costs, in pages of 1,000."""
    half = ROWS // 2

    def names(number: int) -> dict[str, Any]:
        return {
            "api_key_id": f"apikey_01{number:014d}",
            "workspace_id": f"wrkspc_01{number % 17:014d}",
            "model": MODELS[number % len(MODELS)],
            "service_tier": "standard",
        }

    def row(number: int, day: datetime) -> Any:
        return {
            "account_id": None,
            **names(number),
            "context_window": None,
            "inference_geo": None,
            "service_account_id": None,
            "uncached_input_tokens": 91_000 + number,
            "cache_read_input_tokens": 40_000 + number,
            "cache_creation": {"ephemeral_5m_input_tokens": 6_000 + number, "ephemeral_1h_input_tokens": number},
            "output_tokens": 12_000 + number,
            "server_tool_use": {"web_search_requests": number % 5},
        }

    def spent(number: int, day: datetime) -> Any:
        return {
            "starting_at": iso(day),
            "ending_at": iso(day + DAY),
            "group": {**names(number), "workspace_id": None},
            "cost": {"amount": f"{number}.75", "list_amount": f"{number}.95", "currency": "USD", "requests": number},
        }

    days = [
        {"starting_at": iso(day), "ending_at": iso(day + DAY), "results": results} for day, results in by_day(half, row)
    ]
    bodies = [compact({"data": days, "has_more": False, "next_page": None})]
    costs = [cost for _, listed in by_day(half, spent) for cost in listed]
    for page, marker in in_pages(costs, 1000):
        bodies.append(
            compact(
                {
                    "data": page,
                    "has_more": marker is not None,
                    "next_page": marker,
                    "data_refreshed_at": "2026-11-11T13:00:00Z",
                }
            )
        )
    fields = {"admin_key": "made-up"}
    return Answers(slug="anthropic", capability="usage", fields=fields, bodies=bodies, records=half)


def openrouter_usage() -> Answers:
    """Everything in one answer."""

    def row(number: int, day: datetime) -> Any:
        return {
            "date": f"{day:%Y-%m-%d}T00:00:00.000Z",
            "model": f"example/{MODELS[number % len(MODELS)]}",
            "model_permaslug": f"example/{MODELS[number % len(MODELS)]}-2026-05",
            "endpoint_id": UUID.format(number),
            "provider_name": f"Provider{number % 9}",
            "usage": number / 7,
            "byok_usage_inference": 0,
            "requests": 1 + number,
            "prompt_tokens": 1_000 + number,
            "completion_tokens": 100 + number,
            "reasoning_tokens": number % 50,
            "workspace_id": UUID.format(number % 17),
        }

    bodies = [compact({"data": [one for _, listed in by_day(ROWS, row) for one in listed]})]
    fields = {"management_key": "made-up"}
    return Answers(slug="openrouter", capability="usage", fields=fields, bodies=bodies, records=ROWS)


def xai_cost() -> Answers:
    """A row is a point. All of one answer, however many descriptions it has."""
    series = [
        {
            "group": [f"Chat {MODELS[number % len(MODELS)]} {number}"],
            "groupLabels": [f"Chat {MODELS[number % len(MODELS)]} {number}"],
            "dataPoints": [
                {"timestamp": iso(day), "values": [(number * DAYS + position + 1) / 8]}
                for position, day in enumerate(STARTS)
            ],
        }
        for number in range(ROWS // DAYS)
    ]
    fields = {"management_key": "made-up", "team_id": UUID.format(1)}
    rows = len(series) * DAYS
    bodies = [compact({"timeSeries": series, "limitReached": False})]
    return Answers(slug="xai", capability="cost", fields=fields, bodies=bodies, records=rows, rows=rows)


def mistral_usage() -> Answers:
    """A row is an entry: one of a model, group and day. One workspace, so that there is only the whole."""
    models: dict[str, Any] = {}
    groups = ("input", "cached", "output")
    count = ROWS // (len(groups) * DAYS)
    for number in range(count):
        name = f"{MODELS[number % len(MODELS)]}-{number}"
        models[f"{name}-latest::{name}"] = {
            group: [
                {
                    "usage_type": "usage",
                    "event_type": "api_tokens",
                    "billing_metric": name,
                    "billing_display_name": name,
                    "billing_group": group,
                    "timestamp": f"{day:%Y-%m-%d}",
                    "value": 5_000_000 + number * 31 + day.day,
                    "value_paid": 4_000_000 + number * 31 + day.day,
                }
                for day in STARTS
            ]
            for group in groups
        }
    month = {"completion": {"models": models}, "previous_month": None, "currency": "EUR", "prices": []}
    listing = {"total": 1, "items": [{"uuid": UUID.format(1), "name": "Blue"}], "page": 1, "page_size": 25}
    return Answers(
        slug="mistral",
        capability="usage",
        fields={"inference_key": "made-up", "admin_api_key": "made-up"},
        bodies=[compact(listing), compact(month)],
        records=count * DAYS,
        rows=count * DAYS * len(groups),
    )


def azure_usage() -> Answers:
    """A row is a point of one of three metrics."""
    metrics = ("ProcessedPromptTokens", "GeneratedTokens", "AzureOpenAIRequests")
    deployments = ROWS // (DAYS * len(metrics))

    def series(metric: int, number: int) -> Any:
        name = {"value": "modeldeploymentname", "localizedValue": "modeldeploymentname"}
        totals = (7_000.0 * (metric + 1) + number * DAYS + position for position in range(DAYS))
        return {
            "metadatavalues": [{"name": name, "value": f"chat-{number}"}],
            "data": [{"timeStamp": iso(day), "total": total} for day, total in zip(STARTS, totals, strict=True)],
        }

    document = {
        "cost": 2879,
        "timespan": f"{iso(STARTS[0])}/{iso(END)}",
        "interval": "P1D",
        "namespace": "Microsoft.CognitiveServices/accounts",
        "resourceregion": "swedencentral",
        "value": [
            {
                "id": f"/subscriptions/made-up/providers/Microsoft.Insights/metrics/{metric}",
                "type": "Microsoft.Insights/metrics",
                "name": {"value": metric, "localizedValue": metric},
                "unit": "Count",
                "timeseries": [series(position, number) for number in range(deployments)],
                "errorCode": "Success",
            }
            for position, metric in enumerate(metrics)
        ],
    }
    return Answers(
        slug="azure-openai",
        capability="usage",
        fields={
            "tenant_id": UUID.format(2),
            "client_id": UUID.format(3),
            "client_secret": "made-up",
            "subscription_id": UUID.format(1),
            "resource_group": "rg-ai",
            "account_name": "acme-ai",
        },
        bodies=[compact(document)],
        records=deployments * DAYS,
        rows=deployments * DAYS * len(metrics),
    )


def copilot_usage() -> Answers:
    """Each day twenty models in the credits report, and a line for each person in a file of its own."""
    bodies: list[bytes] = []
    people, models = ROWS // DAYS - 20, 20
    for position, day in enumerate(STARTS):
        items = [
            {
                "product": "Copilot",
                "sku": "Copilot AI Credits",
                "model": f"{MODELS[number % len(MODELS)]} {number}",
                "unitType": "ai-credits",
                "pricePerUnit": 0.01,
                "grossQuantity": 812.5 + number + position,
                "grossAmount": 8.125 + number,
                "discountQuantity": 600.0,
                "discountAmount": 6.0,
                "netQuantity": 212.5 + number + position,
                "netAmount": 2.125 + number,
            }
            for number in range(models)
        ]
        period = {"year": day.year, "month": day.month, "day": day.day}
        bodies.append(compact({"timePeriod": period, "organization": "acme-widgets", "usageItems": items}))
    for position, day in enumerate(STARTS):
        link = f"https://example-blob.invalid/report-{position}.json"
        bodies.append(compact({"download_links": [link], "report_day": f"{day:%Y-%m-%d}"}))
        bodies.append(b"\n".join(compact(copilot_person(number, day)) for number in range(people)))
    return Answers(
        slug="github-copilot",
        capability="usage",
        fields={
            "account_kind": "organization",
            "org": "acme-widgets",
            "billing_token": "made-up",
            "metrics_token": "made-up",
        },
        bodies=bodies,
        records=DAYS * (people + models),
        rows=DAYS * (people + models),
        lines=frozenset(range(DAYS + 1, 3 * DAYS, 2)),
    )


def copilot_person(number: int, day: datetime) -> Any:
    return {
        "day": f"{day:%Y-%m-%d}",
        "user_id": 9_000_000 + number,
        "user_login": f"person-{number}",
        "organization_id": "4242",
        "enterprise_id": "17",
        "user_initiated_interaction_count": 31 + number,
        "code_generation_activity_count": 12 + number,
        "code_acceptance_activity_count": 7 + number,
        "used_agent": True,
        "used_chat": True,
        "used_cli": True,
        "totals_by_cli": {"token_usage": {"prompt_tokens_sum": 120_000 + number, "output_tokens_sum": 4_000 + number}},
        "loc_added_sum": 40 + number,
        "loc_deleted_sum": 11 + number,
        "ai_credits_used": 118.75 + number,
    }


def litellm_usage() -> Answers:
    """A row is what one key spent on one model on one day. Aggregated: one answer."""
    keys = ROWS // (DAYS * len(MODELS))

    def metrics(times: int) -> Any:
        return {
            "spend": 0.125 * times,
            "prompt_tokens": 1_200 * times,
            "completion_tokens": 120 * times,
            "total_tokens": 1_320 * times,
            "successful_requests": 12 * times,
            "failed_requests": 0,
            "api_requests": 12 * times,
            "cache_read_input_tokens": 800 * times,
            "cache_creation_input_tokens": 100 * times,
        }

    def part(number: int) -> Any:
        return {"metrics": metrics(1), "metadata": {"key_alias": f"key-{number}", "team_id": f"team-{number % 5}"}}

    def result(day: datetime) -> Any:
        split = {f"hash-{number:060d}": part(number) for number in range(keys)}
        named = {"metrics": metrics(keys), "metadata": {}, "api_key_breakdown": split}
        whole = metrics(keys * len(MODELS))
        served = {"bedrock": {"metrics": whole, "metadata": {}, "api_key_breakdown": {}}}
        breakdown = {
            "models": {f"eu.anthropic.{model}": named for model in MODELS},
            "model_groups": {},
            "providers": served,
        }
        return {"date": f"{day:%Y-%m-%d}", "metrics": whole, "breakdown": breakdown}

    rows = DAYS * len(MODELS) * keys
    return Answers(
        slug="bedrock-litellm",
        capability="usage",
        fields={"base_url": "https://localhost:4000", "api_key": "made-up", "read_key": "made-up-too"},
        bodies=[compact({"results": [result(day) for day in STARTS], "metadata": {}})],
        records=rows,
        rows=rows,
    )


HEAVIEST: tuple[Callable[[], Answers], ...] = (
    openai_usage,
    openai_cost,
    anthropic_usage,
    openrouter_usage,
    mistral_usage,
    azure_usage,
    copilot_usage,
    litellm_usage,
    xai_cost,
)
