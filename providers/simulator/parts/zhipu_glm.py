"""Zhipu's account API on both regions: quota windows, token, tool and credit history of a Coding Plan, the wallet, and
in China prepaid token packs.

The part before "sim-" tells the account behind a key: "cn-" or "global-" binds it to that region's host, "payg-" has no
Coding Plan, "legacy-" has an older plan (percentages only, no credit history), "team-" answers only with the ids.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, Charge, ModelProfile, Profile, SimAccount, day_of

PROFILE = Profile(
    slug="zhipu-glm",
    unit="USD",
    step=Decimal("0.00001"),
    daily_spend=Decimal("45"),
    topup=Decimal("1200"),
    topup_below=Decimal("150"),
    models=(
        ModelProfile(id="glm-example", input_price=Decimal("0.6"), output_price=Decimal("2.2"), weight=3),
        ModelProfile(id="glm-example-air", input_price=Decimal("0.2"), output_price=Decimal("1.1")),
    ),
)
REGIONS = {"api.z.ai": "global", "open.bigmodel.cn": "cn", "www.bigmodel.cn": "cn", "bigmodel.cn": "cn"}
MONITOR_HOSTS = ("api.z.ai", "open.bigmodel.cn")
WALLET_HOSTS = ("api.z.ai", "open.bigmodel.cn", "www.bigmodel.cn")
SHANGHAI = timezone(timedelta(hours=8))
TOKENS_PER_CREDIT = 1000
GIVEN = Decimal(20)
FROZEN = Decimal(5)
LONGEST = timedelta(days=31)


def success(data: Any) -> Answer:
    return Answer(document={"code": 200, "msg": "Operation successful", "success": True, "data": data})


def failure(code: int, message: str) -> Answer:
    return Answer(document={"code": code, "msg": message, "success": False})


def refuse(status: int) -> Answer:
    """The usual refusal is an HTTP 200; only a 403 shows in the status."""
    if status == 403:
        return Answer(status=403, document={"code": 403, "msg": "Forbidden", "success": False})
    return failure(401, "token expired or incorrect")


def at(hosts: tuple[str, ...], handler: Handler, *, plan: bool = False) -> Handler:
    """A path of these hosts; `plan` where only an account with a Coding Plan has something to tell."""

    def answer(call: Call) -> Answer:
        kind = call.token.partition("sim-")[0]
        bound = next((name for name in ("global", "cn") if f"{name}-" in kind), None)
        if call.host not in hosts:
            return Answer(status=404, document={"error": "Not Found", "path": call.path})
        if bound not in (None, REGIONS[call.host]):
            return refuse(401)
        if plan and "payg-" in kind:
            return failure(500, "No valid coding plan found for this account")
        if plan and "team-" in kind and not team_ids(call):
            return success({})
        return handler(call)

    return answer


def team_ids(call: Call) -> bool:
    return bool(call.headers.get("bigmodel-organization") and call.headers.get("bigmodel-project") and call.one("type"))


def tokens(charge: Charge) -> int:
    return charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens + charge.output_tokens


def credits_of(count: int) -> str:
    return f"{Decimal(count) / TOKENS_PER_CREDIT:.4f}"


def used_in(account: SimAccount, start: datetime, end: datetime, count: Callable[[Charge], int]) -> int:
    """Of the hours begun in [start, end), each on the hour or now; whole days are summed as days."""
    until, since = (sum(map(count, account.daily(day_of(start), moment))) for moment in (end, start))
    return until - since


def tool_calls(requests: int) -> tuple[int, int, int]:
    """Web searches, pages read and repositories read: a share of all calls."""
    return requests // 400, requests // 900, requests // 5000


def quota(call: Call) -> Answer:
    account, now, legacy = call.account, call.now, "legacy-" in call.token.partition("sim-")[0]
    five, week = timedelta(hours=5), timedelta(days=7)
    month = day_of(now).replace(day=1)
    limits: list[dict[str, Any]] = []
    for unit, count, span, base in ((3, 5, five, 60_000), (6, 1, week, 900_000)):
        start = EPOCH + (now - EPOCH) // span * span
        limit = int(base * account.scale)
        used = min(used_in(account, start, now, tokens) // TOKENS_PER_CREDIT, limit)
        row = window_row("TOKENS_LIMIT" if legacy else "CREDIT_LIMIT", unit, count, limit, used)
        if used:
            row["nextResetTime"] = int((start + span).timestamp() * 1000)
        limits.append({name: row[name] for name in row if not legacy or name not in COUNTS})
    searches, pages, repositories = tool_calls(used_in(account, month, now, lambda charge: charge.requests))
    calls = searches + pages + repositories
    tools = window_row("TIME_LIMIT", 5, 1, max(1000, calls), calls)
    tools["usageDetails"] = [
        {"modelCode": "search-prime", "usage": searches},
        {"modelCode": "web-reader", "usage": pages},
        {"modelCode": "zread", "usage": repositories},
    ]
    return success({"limits": [*limits, tools], "level": "pro"})


COUNTS = ("usage", "currentValue", "remaining")


def window_row(kind: str, unit: int, count: int, limit: int, used: int) -> dict[str, Any]:
    return {
        "type": kind,
        "unit": unit,
        "number": count,
        "usage": limit,
        "currentValue": used,
        "remaining": limit - used,
        "percentage": used * 100 // limit,
    }


class Asked:
    """The asked span as the API reads it: naive times of Shanghai, hours or days by its length."""

    def __init__(self, call: Call, most_hourly: timedelta) -> None:
        self.start, end = (
            datetime.strptime(call.one(name), "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI).astimezone(UTC)
            for name in ("startTime", "endTime")
        )
        self.end = end + timedelta(seconds=1)
        self.hourly = self.end - self.start <= most_hourly
        self.step = timedelta(hours=1) if self.hourly else timedelta(days=1)
        self.until = min(self.end, call.now)
        self.charges = list(call.account.charges(self.start, self.until)) if self.start < self.until else []

    def labels(self) -> list[str]:
        count = -(-(self.end - self.start) // self.step)
        starts = (self.start + index * self.step for index in range(count))
        return [f"{start.astimezone(SHANGHAI):{'%Y-%m-%d %H:%M' if self.hourly else '%Y-%m-%d'}}" for start in starts]

    def sums(self, count: Callable[[Charge], int], model: str | None = None) -> list[int | None]:
        """One figure per label, null where nothing happened."""
        found: dict[int, int] = {}
        for charge in self.charges:
            if model in (None, charge.model):
                index = (charge.start - self.start) // self.step
                found[index] = found.get(index, 0) + count(charge)
        return [found.get(index) for index in range(len(self.labels()))]

    def models(self) -> Iterator[str]:
        used = {charge.model for charge in self.charges}
        return (model.id for model in PROFILE.models if model.id in used)


def over_span(handler: Callable[[Call, Asked], Answer], most_hourly: timedelta) -> Handler:
    def answer(call: Call) -> Answer:
        try:
            asked = Asked(call, most_hourly)
        except ValueError:
            return failure(400, "startTime and endTime are required")
        if asked.end - asked.start > LONGEST:
            return failure(400, "The time range is too long")
        return handler(call, asked)

    return answer


def total(values: list[int | None]) -> int:
    return sum(value or 0 for value in values)


def model_usage(call: Call, asked: Asked) -> Answer:
    by_model = {model: asked.sums(tokens, model) for model in asked.models()}
    listed = [{"modelName": name, "tokensUsage": used, "totalTokens": total(used)} for name, used in by_model.items()]
    calls, used = asked.sums(lambda charge: charge.requests), asked.sums(tokens)
    return success(
        {
            "granularity": "hourly" if asked.hourly else "daily",
            "modelDataList": listed,
            "x_time": asked.labels(),
            "modelCallCount": calls,
            "tokensUsage": used,
            "totalUsage": {
                "totalModelCallCount": total(calls),
                "totalTokensUsage": total(used),
                "modelSummaryList": [{"modelName": row["modelName"], "totalTokens": 1} for row in listed],
            },
        }
    )


def tool_usage(call: Call, asked: Asked) -> Answer:
    searches, pages, repositories = tool_calls(sum(charge.requests for charge in asked.charges))
    return success(
        {
            "totalUsage": {
                "totalNetworkSearchCount": searches,
                "totalWebReadMcpCount": pages,
                "totalZreadMcpCount": repositories,
            }
        }
    )


def credit_usage(call: Call, asked: Asked) -> Answer:
    if "legacy-" in call.token.partition("sim-")[0]:
        return failure(500, "Not supported")
    listed = []
    for model in asked.models():
        used = asked.sums(tokens, model)
        listed.append(
            {
                "modelName": model,
                "modelCode": model,
                "totalTokens": total(used),
                "totalCredits": credits_of(total(used)),
                "totalTokensUsage": used,
                "totalCreditsUsage": [None if count is None else credits_of(count) for count in used],
                "cachedInputTokensUsage": asked.sums(lambda charge: charge.cached_tokens, model),
                "uncachedInputTokensUsage": asked.sums(
                    lambda charge: charge.input_tokens + charge.cache_write_tokens, model
                ),
                "outputTokensUsage": asked.sums(lambda charge: charge.output_tokens, model),
            }
        )
    output = asked.sums(lambda charge: charge.output_tokens)
    breakdown = {
        "modelName": "Output",
        "modelCode": "output",
        "totalTokens": total(output),
        "totalCredits": credits_of(total(output)),
        "totalTokensUsage": output,
        "totalCreditsUsage": [None if count is None else credits_of(count) for count in output],
    }
    everything = total(asked.sums(tokens))
    return success(
        {
            "granularity": "HOUR" if asked.hourly else "DAY",
            "timezone": "Asia/Shanghai",
            "summary": {"totalCredits": {"value": credits_of(everything)}},
            "modelUsage": {
                "modelDataList": [*listed, breakdown],
                "xTime": asked.labels(),
                "totalUsage": {"totalTokens": everything, "totalCredits": credits_of(everything)},
                "modelSummaryList": [],
            },
            "mcpUsage": {"totalUsage": {"totalMcpCalls": 0, "totalCredits": "0"}},
        }
    )


def wallet(call: Call) -> Answer:
    left = call.account.balance(call.now)
    put_in, spent = call.account.lifetime(call.now)
    return success(
        {
            "balance": number(left + FROZEN),
            "availableBalance": number(left),
            "rechargeAmount": number(put_in + FROZEN - GIVEN),
            "giveAmount": number(GIVEN),
            "totalSpendAmount": number(spent),
            "frozenBalance": number(FROZEN),
            "creditStatus": None,
        }
    )


def packs(call: Call) -> Answer:
    size, page = int(call.one("pageSize", "10")), int(call.one("pageNum", "1"))
    listed = [
        {
            "resourcePackageName": f"made-up pack {letter}",
            "tokenBalance": balance,
            "tokensMagnitude": "1000000",
            "status": status,
            "suitableModel": "glm-example",
            "expirationTime": "2027-01-31 00:00:00",
            "consumeType": "TOKENS",
        }
        for letter, balance, status in (("A", 7_500_000, "EFFECTIVE"), ("B", 0, "EXPIRED"), ("C", 900, "EFFECTIVE"))
    ]
    rows = listed[(page - 1) * size : page * size]
    return Answer(document={"code": 200, "msg": "ok", "rows": rows, "total": len(listed)})


def models(call: Call) -> Answer:
    listed = [
        {"id": model.id, "object": "model", "created": 1782000000, "owned_by": "z-ai"} for model in PROFILE.models
    ]
    return Answer(document={"object": "list", "data": listed})


WEEK, SIX_DAYS = timedelta(days=8), timedelta(days=6)
ROUTES: Mapping[tuple[str, str], Handler] = {
    ("GET", "/api/monitor/usage/quota/limit"): at(MONITOR_HOSTS, quota, plan=True),
    ("GET", "/api/monitor/usage/model-usage"): at(MONITOR_HOSTS, over_span(model_usage, WEEK), plan=True),
    ("GET", "/api/monitor/usage/tool-usage"): at(MONITOR_HOSTS, over_span(tool_usage, WEEK), plan=True),
    ("GET", "/api/monitor/credit-usage/usage-detail"): at(MONITOR_HOSTS, over_span(credit_usage, SIX_DAYS), plan=True),
    ("GET", "/api/biz/account/query-customer-account-report"): at(WALLET_HOSTS, wallet),
    ("GET", "/api/biz/tokenAccounts/list/my"): at(("bigmodel.cn",), packs),
    ("GET", "/api/paas/v4/models"): at(MONITOR_HOSTS, models),
}

PART = Part(
    slug="zhipu-glm",
    hosts=frozenset(REGIONS),
    profile=PROFILE,
    routes=ROUTES,
    refuse=refuse,
    demo={"region": "global", "api_key": "sim-harbor.madeup"},
)
