"""xAI's management API and the two free calls of its inference host, for one team per account.

Keys: "xai-sim-NAME" is an inference key, any other token with "sim-NAME" a management key ("xai-token-sim-NAME"), and
one that ends in "-org" belongs to an organization instead of a team. Each host refuses the other's kind.
"""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import EPOCH, ModelProfile, Profile, SimAccount, day_of, made_up_uuid

MANAGEMENT_HOST = "management-api.x.ai"
INFERENCE_HOST = "api.x.ai"
PAGE = 2
LIMIT_CENTS = 50_000
PROFILE = Profile(
    slug="xai",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("95"),
    topup=Decimal("2000"),
    topup_below=Decimal("500"),
    models=(
        ModelProfile(id="grok-4", input_price=Decimal("3"), output_price=Decimal("15"), weight=2),
        ModelProfile(id="grok-4-fast", input_price=Decimal("0.2"), output_price=Decimal("0.5")),
        ModelProfile(id="grok-3-mini", input_price=Decimal("0.3"), output_price=Decimal("0.5"), weight=0.5),
    ),
)
READ_ACLS = ["team-token:endpoint:BillingRead", "team-token:endpoint:ListApiKeys", "team-token:endpoint:ListModels"]


def team_id(account: SimAccount) -> str:
    return made_up_uuid("xai", "team", account.name)


def cents(amount: Decimal) -> str:
    return str(int(amount * 100))


def gateway_error(status: int, message: str) -> Answer:
    codes = {400: 3, 401: 16, 403: 7, 404: 5}
    return Answer(status=status, document={"code": codes.get(status, 2), "message": message, "details": []})


def is_inference_key(token: str) -> bool:
    return token.startswith("xai-") and not token.startswith("xai-token-")


def management(handler: Handler) -> Handler:
    """Only for management keys, on the management host, and for the key's own team where the path names one."""

    def guarded(call: Call) -> Answer:
        if call.host != MANAGEMENT_HOST:
            return gateway_error(404, "Not Found")
        if is_inference_key(call.token):
            return gateway_error(401, "Invalid bearer token")
        if call.one("team") not in ("", team_id(call.account)):
            return gateway_error(404, "Team not found")
        return handler(call)

    return guarded


def inference(handler: Handler) -> Handler:
    """Only for inference keys, on the inference host; a bad key is refused with 400 there."""

    def guarded(call: Call) -> Answer:
        if call.host != INFERENCE_HOST:
            return gateway_error(404, "Not Found")
        if not is_inference_key(call.token):
            return Answer(status=400, document={"code": "Client specified an invalid argument", "error": "Bad API key"})
        return handler(call)

    return guarded


def month_of(moment: datetime) -> datetime:
    return day_of(moment).replace(day=1)


def following(month: datetime) -> datetime:
    return month_of(month + timedelta(days=32))


def validation(call: Call) -> Answer:
    organization = call.token.endswith("-org")
    scope_id = made_up_uuid("xai", "organization", call.account.name) if organization else team_id(call.account)
    return Answer(
        document={
            "apiKeyId": made_up_uuid("xai", "management", call.account.name),
            "scope": "SCOPE_ORGANIZATION" if organization else "SCOPE_TEAM",
            "scopeId": scope_id,
            "ownerUserId": made_up_uuid("xai", "user", call.account.name),
            "createTime": "2026-01-05T08:15:00Z",
            "modifyTime": "2026-01-05T08:15:00Z",
            "name": "account reader",
            "acls": READ_ACLS,
            "redactedApiKey": "xai-token-...x9Qz",
            "ipRanges": {},
        }
    )


def ledger(call: Call) -> Answer:
    """Purchases at once, negative; spend as one positive row per closed month."""
    account, team = call.account, team_id(call.account)
    changes: list[dict[str, object]] = [
        {
            "teamId": team,
            "changeOrigin": "PURCHASE",
            "topupStatus": "SUCCEEDED",
            "amount": {"val": cents(-topup.amount)},
            "invoiceNumber": f"XAI-{index:06d}",
            "createTime": topup.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        for index, topup in enumerate(account.topups(call.now))
    ]
    month = month_of(EPOCH)
    while following(month) <= call.now:
        closing = following(month)
        changes.append(
            {
                "teamId": team,
                "changeOrigin": "SPEND",
                "amount": {"val": cents(account.spent(month, closing))},
                "createTime": (closing + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "spendBpKeyYear": month.year,
                "spendBpKeyMonth": month.month,
            }
        )
        month = closing
    return Answer(document={"changes": changes, "total": {"val": cents(-posted(account, call.now))}})


def posted(account: SimAccount, now: datetime) -> Decimal:
    """The balance without what the open month took from it."""
    return account.balance(now) + account.spent(month_of(now), now)


def preview(call: Call) -> Answer:
    account, month = call.account, month_of(call.now)
    by_model: dict[str, list[Decimal]] = {}
    for charge in account.daily(month, call.now):
        line = by_model.setdefault(charge.model, [Decimal(0), Decimal(0)])
        line[0] += charge.cost
        line[1] += charge.input_tokens + charge.output_tokens
    spent = cents(account.spent(month, call.now))
    return Answer(
        document={
            "coreInvoice": {
                "lines": [
                    {
                        "clusterName": "us-east-1",
                        "description": f"{model} tokens",
                        "unitType": "tokens",
                        "numUnits": str(units),
                        "amount": cents(amount),
                    }
                    for model, (amount, units) in by_model.items()
                ],
                "amountBeforeVat": spent,
                "vatCost": "0",
                "amountAfterVat": spent,
                "autoCreditsIssued": "0",
                "defaultCreditsIssued": "0",
                "totalWithCorr": {"val": spent},
                "prepaidCredits": {"val": cents(-posted(account, call.now))},
                "prepaidCreditsUsed": {"val": spent},
            },
            "effectiveSpendingLimit": str(LIMIT_CENTS),
            "defaultCredits": "0",
            "billingCycle": {"year": month.year, "month": month.month},
        }
    )


def spending_limits(call: Call) -> Answer:
    hard, soft = {"val": str(2 * LIMIT_CENTS)}, {"val": str(LIMIT_CENTS)}
    return Answer(
        document={
            "spendingLimits": {"hardSlAuto": hard, "effectiveHardSl": hard, "softSl": soft, "effectiveSl": soft},
        }
    )


def usage(call: Call) -> Answer:
    """Dollars per day, in one series or one per description; dense, future days included."""
    try:
        wanted = call.body["analyticsRequest"]
        start, end = (
            datetime.strptime(f"{wanted['timeRange'][name]}+0000", "%Y-%m-%d %H:%M:%S%z")
            for name in ("startTime", "endTime")
        )
        known = (
            wanted["timeUnit"] == "TIME_UNIT_DAY"
            and wanted["timeRange"]["timezone"] == "Etc/GMT"
            and wanted["values"] == [{"name": "usd", "aggregation": "AGGREGATION_SUM"}]
            and wanted["groupBy"] in ([], ["description"])
        )
    except (KeyError, TypeError, ValueError):
        return gateway_error(400, "invalid analytics request")
    if not known or start >= end:
        return gateway_error(400, "invalid analytics request")
    days = [day_of(start) + timedelta(days=index) for index in range((end - day_of(start)).days)]
    series: dict[str, dict[datetime, Decimal]] = {}
    for charge in call.account.daily(day_of(start), min(end, call.now)):
        group = f"Chat {charge.model}" if wanted["groupBy"] else ""
        points = series.setdefault(group, dict.fromkeys(days, Decimal(0)))
        points[charge.start] += charge.cost
    return Answer(
        document={
            "timeSeries": [
                {
                    "group": [group] if group else [],
                    "groupLabels": [group] if group else [],
                    "dataPoints": [
                        {"timestamp": day.strftime("%Y-%m-%dT%H:%M:%SZ"), "values": [number(amount)]}
                        for day, amount in points.items()
                    ],
                }
                for group, points in series.items()
            ],
            "limitReached": False,
        }
    )


def known_keys(call: Call) -> list[dict[str, Any]]:
    """All keys, made ones too, as they stand now."""
    moves = call.account.moves
    born = [key_row(call, name) for name in call.account.profile.keys]
    return [
        {**row, "disabled": moves.switched.get(row["apiKeyId"], False)}
        for row in (*born, *moves.keys.values())
        if row["apiKeyId"] not in moves.deleted
    ]


def key_row(call: Call, name: str) -> dict[str, Any]:
    return {
        "redactedApiKey": f"xai-...{made_up_uuid('xai', 'hint', call.account.name, name)[:4]}",
        "userId": made_up_uuid("xai", "user", call.account.name),
        "name": name,
        "createTime": "2026-02-01T09:00:00Z",
        "modifyTime": "2026-02-01T09:00:00Z",
        "teamId": team_id(call.account),
        "apiKeyId": made_up_uuid("xai", "key", call.account.name, name),
        "disabled": False,
        "qps": 8,
        "qpm": 120,
        "tpm": "400000",
        "aclStrings": ["api-key:endpoint:*", "api-key:model:*"],
    }


def keys(call: Call) -> Answer:
    """Small pages; the last one has no token."""
    first = int(call.one("paginationToken", "p0").removeprefix("p"))
    last = first + min(PAGE, int(call.one("pageSize", str(PAGE))))
    everything = known_keys(call)
    more = {"paginationToken": f"p{last}"} if last < len(everything) else {}
    return Answer(document={"apiKeys": everything[first:last], **more})


def make_key(call: Call) -> Answer:
    wanted, moves = call.body or {}, call.account.moves
    if not wanted.get("name") or not wanted.get("acls"):
        return gateway_error(400, "name and acls are required")
    made = f"{len(moves.keys)}:{wanted['name']}"
    key, secret = made_up_uuid("xai", "key", call.account.name, made), f"xai-made-{made_up_uuid('xai', 'secret', made)}"
    now = call.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    moves.keys[key] = {
        **key_row(call, wanted["name"]),
        "redactedApiKey": f"xai-...{secret[-4:]}",
        "apiKeyId": key,
        "createTime": now,
        "modifyTime": now,
        "aclStrings": wanted["acls"],
        **({"expireTime": wanted["expireTime"]} if "expireTime" in wanted else {}),
    }
    return Answer(document={**moves.keys[key], "apiKey": secret})


def change_key(call: Call) -> Answer:
    wanted = call.body or {}
    if call.one("key") not in {row["apiKeyId"] for row in known_keys(call)}:
        return gateway_error(404, "Cannot find API key")
    if wanted.get("fieldMask") != "disabled":
        return gateway_error(400, "unknown field mask")
    call.account.moves.switched[call.one("key")] = bool(wanted["apiKey"]["disabled"])
    return Answer(document=next(row for row in known_keys(call) if row["apiKeyId"] == call.one("key")))


def drop_key(call: Call) -> Answer:
    if call.one("key") not in {row["apiKeyId"] for row in known_keys(call)}:
        return gateway_error(404, "Cannot find API key")
    call.account.moves.deleted.add(call.one("key"))
    return Answer(document={})


def team_models(call: Call) -> Answer:
    offered = [
        {
            "name": model.id,
            "version": "1.0",
            "aliases": [f"{model.id}-latest"],
            "maxPromptLength": 256_000,
            "promptTextTokenPrice": str(int(model.input_price * 10_000)),
            "cachedPromptTokenPrice": str(int(model.input_price * 1_000)),
            "completionTextTokenPrice": str(int(model.output_price * 10_000)),
            "rps": "8",
            "rpm": "480",
            "tpm": "2000000",
            "rph": "0",
            "rpd": "0",
        }
        for model in PROFILE.models
    ]
    cluster = {"clusterName": "us-east-1", "languageModels": offered, "embeddingModels": []}
    return Answer(document={"clusterConfigs": [cluster]})


def own_key(call: Call) -> Answer:
    return Answer(
        document={
            "redacted_api_key": "xai-...Ab12",
            "user_id": made_up_uuid("xai", "user", call.account.name),
            "name": "account reader",
            "create_time": "2026-02-01T09:00:00Z",
            "modify_time": "2026-02-01T09:00:00Z",
            "modified_by": made_up_uuid("xai", "user", call.account.name),
            "team_id": team_id(call.account),
            "acls": ["api-key:endpoint:*", "api-key:model:*"],
            "api_key_id": made_up_uuid("xai", "own", call.account.name),
            "team_blocked": False,
            "api_key_blocked": False,
            "api_key_disabled": False,
        }
    )


def inference_models(call: Call) -> Answer:
    return Answer(
        document={
            "object": "list",
            "data": [
                {"id": model.id, "object": "model", "created": 1_780_000_000, "owned_by": "xai"}
                for model in PROFILE.models
            ],
        }
    )


def refuse(status: int) -> Answer:
    return gateway_error(status, "Invalid bearer token")


MANAGEMENT_ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/auth/management-keys/validation"): validation,
    ("GET", "/v1/billing/teams/{team}/prepaid/balance"): ledger,
    ("GET", "/v1/billing/teams/{team}/postpaid/invoice/preview"): preview,
    ("GET", "/v1/billing/teams/{team}/postpaid/spending-limits"): spending_limits,
    ("POST", "/v1/billing/teams/{team}/usage"): usage,
    ("GET", "/auth/teams/{team}/api-keys"): keys,
    ("POST", "/auth/teams/{team}/api-keys"): make_key,
    ("PUT", "/auth/api-keys/{key}"): change_key,
    ("DELETE", "/auth/api-keys/{key}"): drop_key,
    ("GET", "/auth/teams/{team}/models"): team_models,
}
PART = Part(
    slug="xai",
    hosts=frozenset({MANAGEMENT_HOST, INFERENCE_HOST}),
    profile=PROFILE,
    routes={
        **{place: management(handler) for place, handler in MANAGEMENT_ROUTES.items()},
        ("GET", "/v1/api-key"): inference(own_key),
        ("GET", "/v1/models"): inference(inference_models),
    },
    refuse=refuse,
    demo={"management_key": "xai-token-sim-harbor", "inference_key": "xai-sim-harbor"},
)
