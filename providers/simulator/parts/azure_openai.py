"""Azure's account APIs for one OpenAI resource: token endpoint, metrics, cost query, quota, deployments and budgets;
and the model list of the resource itself. One deployment per model."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from providers.simulator.server import Answer, Call, Part, number
from providers.simulator.world import ModelProfile, Profile, day_of, made_up_uuid

LOGIN_HOST, MANAGEMENT_HOST = "login.microsoftonline.com", "management.azure.com"
RESOURCE_HOST = "harbor-ai.openai.azure.com"
TENANT, CLIENT = made_up_uuid("azure", "tenant"), made_up_uuid("azure", "client")
SUBSCRIPTION, GROUP, RESOURCE = made_up_uuid("azure", "subscription"), "rg-ai", "harbor-ai"
BUDGET = Decimal("6000")
COST_PAGE = 100
DAYS_AT_ONCE = 31
BEARER_START = "eyJ."
PROFILE = Profile(
    slug="azure-openai",
    unit="EUR",
    step=Decimal("0.01"),
    daily_spend=Decimal("120"),
    topup=Decimal("5000"),
    topup_below=Decimal("500"),
    models=(
        ModelProfile(id="chat-main", input_price=Decimal("1.25"), output_price=Decimal("10"), weight=2),
        ModelProfile(id="chat-mini", input_price=Decimal("0.25"), output_price=Decimal("2")),
    ),
)
MODELS = {"chat-main": "gpt-5", "chat-mini": "gpt-5-mini"}
METRICS = ("ProcessedPromptTokens", "GeneratedTokens", "AzureOpenAIRequests")


def refuse(status: int) -> Answer:
    code = "InvalidAuthenticationToken" if status == 401 else "AuthorizationFailed"
    return Answer(status=status, document={"error": {"code": code, "message": "The caller may not do this."}})


def wrong(message: str) -> Answer:
    return Answer(status=400, document={"error": {"code": "BadRequest", "message": message}})


def token(call: Call) -> Answer:
    wanted = {"grant_type": "client_credentials", "scope": f"https://{MANAGEMENT_HOST}/.default", "client_id": CLIENT}
    if call.host != LOGIN_HOST or any(call.body.get(name) != value for name, value in wanted.items()):
        return Answer(status=400, document={"error": "invalid_request", "error_codes": [900144]})
    if call.one("tenant") != TENANT:
        return Answer(status=400, document={"error": "invalid_request", "error_codes": [90002]})
    made_up = f"{BEARER_START}sim-{call.account.name}.made-up"
    return Answer(
        document={"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": made_up}
    )


def not_for(call: Call) -> Answer | None:
    """The refusal of a call that does not carry an Entra token, or asks for what is not there."""
    if call.host != MANAGEMENT_HOST or not call.token.startswith(BEARER_START) or "api-key" in call.headers:
        return refuse(401)
    if not call.one("api-version"):
        return wrong("The api-version query parameter is required.")
    if call.one("sub") != SUBSCRIPTION:
        return Answer(status=404, document={"error": {"code": "SubscriptionNotFound", "message": "No such one."}})
    if call.one("group", GROUP).lower() != GROUP or call.one("name", RESOURCE).lower() != RESOURCE:
        return Answer(status=404, document={"error": {"code": "ResourceNotFound", "message": "No such one."}})
    return None


def metrics(call: Call) -> Answer:
    refusal = not_for(call)
    if refusal:
        return refusal
    names = call.one("metricnames").split(",")
    if call.one("interval") != "P1D" or any(name not in METRICS for name in names):
        return wrong("Unknown metric or interval.")
    start, end = (datetime.fromisoformat(text) for text in call.one("timespan").split("/"))
    if end - start > timedelta(days=30) or start < day_of(call.now) - timedelta(days=93):
        return wrong("The time span is too long or too old.")
    sums: dict[tuple[str, datetime], list[int]] = {}
    for charge in call.account.daily(start, min(end, call.now)):
        counts = sums.setdefault((charge.model, charge.start), [0, 0, 0])
        counts[0] += charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens
        counts[1] += charge.output_tokens
        counts[2] += charge.requests
    days = [start + timedelta(days=index) for index in range((end - start).days)]
    value = [
        {
            "id": f"{resource_id()}/providers/Microsoft.Insights/metrics/{name}",
            "type": "Microsoft.Insights/metrics",
            "name": {"value": name, "localizedValue": name},
            "unit": "Count",
            "errorCode": "Success",
            "timeseries": [
                {
                    "metadatavalues": [
                        {
                            "name": {"value": "modeldeploymentname", "localizedValue": "modeldeploymentname"},
                            "value": deployment,
                        }
                    ],
                    "data": [point(day, sums.get((deployment, day)), METRICS.index(name)) for day in days],
                }
                for deployment in list(MODELS)[: int(call.one("top", "10"))]
            ],
        }
        for name in names
    ]
    return Answer(
        document={
            "cost": 2879,
            "timespan": call.one("timespan"),
            "interval": "P1D",
            "namespace": "Microsoft.CognitiveServices/accounts",
            "resourceregion": "swedencentral",
            "value": value,
        }
    )


def point(day: datetime, counts: list[int] | None, index: int) -> dict[str, Any]:
    told = {"timeStamp": f"{day:%Y-%m-%dT%H:%M:%SZ}"}
    return told if counts is None else {**told, "total": float(counts[index])}


def resource_id() -> str:
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    return f"{group}/providers/Microsoft.CognitiveServices/accounts/{RESOURCE}"


def cost_query(call: Call) -> Answer:
    refusal = not_for(call)
    if refusal:
        return refusal
    asked = call.body["dataset"]
    if asked["filter"]["dimensions"]["values"][0].lower() != resource_id().lower():
        return Answer(status=204, raw=b"")
    start = day_of(datetime.fromisoformat(call.body["timePeriod"]["from"]))
    until = min(datetime.fromisoformat(call.body["timePeriod"]["to"]), call.now)
    if start > call.now or until < start:
        return Answer(status=204, raw=b"")
    start = max(start, day_of(until) - timedelta(days=DAYS_AT_ONCE - 1))  # in silence, as the real one
    groups = [group["name"] for group in asked.get("grouping", [])]
    sums: dict[tuple[str, ...], Decimal] = {}
    for charge in call.account.daily(start.astimezone(UTC), until):
        inward = (charge.cost / 2).quantize(PROFILE.step)
        for direction, amount in (("Inp", inward), ("Outp", charge.cost - inward)):
            told = {"ResourceId": resource_id().lower(), "Meter": f"{MODELS[charge.model]} {direction} glbl Tokens"}
            place = (f"{charge.start:%Y%m%d}", *(told[name] for name in groups))
            sums[place] = sums.get(place, Decimal(0)) + amount
    rows = [[number(amount), int(day), *names, PROFILE.unit] for (day, *names), amount in sums.items()]
    first = int(call.one("$skiptoken", "0"))
    following = None
    if first + COST_PAGE < len(rows):
        query = f"api-version={call.one('api-version')}&$skiptoken={first + COST_PAGE}"
        following = f"https://{MANAGEMENT_HOST}{quote(call.path)}?{query}"
    names = [
        ("Cost", "Number"),
        ("UsageDate", "Number"),
        *((name, "String") for name in groups),
        ("Currency", "String"),
    ]
    return Answer(
        document={
            "name": "made-up",
            "type": "Microsoft.CostManagement/query",
            "properties": {
                "nextLink": following,
                "rows": rows[first : first + COST_PAGE],
                "columns": [{"name": name, "type": kind} for name, kind in names],
            },
        }
    )


def listed(call: Call, items: Iterable[dict[str, Any]]) -> Answer:
    return not_for(call) or Answer(document={"value": list(items), "nextLink": None})


def regional(call: Call) -> Answer:
    quotas = [(f"OpenAI.GlobalStandard.{model}", 250.0, 1000.0) for model in MODELS.values()]
    quotas += [("OpenAI.ProvisionedManaged", 0.0, 100.0), ("AccountCount", 2.0, 30.0)]
    return listed(
        call,
        (
            {"name": {"value": name, "localizedValue": name}, "currentValue": used, "limit": limit, "unit": "Count"}
            for name, used, limit in quotas
        ),
    )


def deployments(call: Call) -> Answer:
    return listed(
        call,
        (
            {
                "id": f"{resource_id()}/deployments/{name}",
                "name": name,
                "type": "Microsoft.CognitiveServices/accounts/deployments",
                "sku": {"name": "GlobalStandard", "capacity": 250},
                "properties": {
                    "model": {"format": "OpenAI", "name": model, "version": "2025-08-07"},
                    "provisioningState": "Succeeded",
                    "rateLimits": [
                        {"key": "request", "renewalPeriod": 60, "count": 250},
                        {"key": "token", "renewalPeriod": 60, "count": 250_000},
                    ],
                },
            }
            for name, model in MODELS.items()
        ),
    )


def budgets(call: Call) -> Answer:
    spent = call.account.spent(day_of(call.now).replace(day=1), call.now)
    period = {"startDate": "2026-01-01T00:00:00Z", "endDate": "2027-12-31T00:00:00Z"}
    told = {
        "category": "Cost",
        "amount": number(BUDGET),
        "timeGrain": "Monthly",
        "timePeriod": period,
        "currentSpend": {"amount": number(spent), "unit": PROFILE.unit},
    }
    return listed(call, ({"name": "ai-monthly", "properties": told},))


def models(call: Call) -> Answer:
    if call.host != RESOURCE_HOST or "authorization" in call.headers or call.token.startswith(BEARER_START):
        message = "Access denied due to invalid subscription key or wrong API endpoint."
        return Answer(status=401, document={"error": {"code": "401", "message": message}})
    return Answer(document={"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS.values()]})


GROUP_PATH = "/subscriptions/{sub}/resourceGroups/{group}"
ACCOUNT_PATH = f"{GROUP_PATH}/providers/Microsoft.CognitiveServices/accounts/{{name}}"
PART = Part(
    slug="azure-openai",
    hosts=frozenset({LOGIN_HOST, MANAGEMENT_HOST, RESOURCE_HOST}),
    profile=PROFILE,
    routes={
        ("POST", "/{tenant}/oauth2/v2.0/token"): token,
        ("GET", f"{ACCOUNT_PATH}/providers/Microsoft.Insights/metrics"): metrics,
        ("GET", f"{ACCOUNT_PATH}/deployments"): deployments,
        ("POST", f"{GROUP_PATH}/providers/Microsoft.CostManagement/query"): cost_query,
        ("POST", "/subscriptions/{sub}/providers/Microsoft.CostManagement/query"): cost_query,
        ("GET", f"{GROUP_PATH}/providers/Microsoft.Consumption/budgets"): budgets,
        ("GET", "/subscriptions/{sub}/providers/Microsoft.Consumption/budgets"): budgets,
        ("GET", "/subscriptions/{sub}/providers/Microsoft.CognitiveServices/locations/{region}/usages"): regional,
        ("GET", "/openai/v1/models"): models,
        ("GET", "/openai/models"): models,
    },
    refuse=refuse,
    demo={
        "endpoint": f"https://{RESOURCE_HOST}",
        "api_key": "sim-harbor",
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "client_secret": "made-up~sim-harbor",
        "subscription_id": SUBSCRIPTION,
        "resource_group": GROUP,
        "account_name": RESOURCE,
        "regions": "swedencentral",
    },
    token_of=lambda headers: headers.get("authorization", "").removeprefix("Bearer ") or headers.get("api-key", ""),
)
