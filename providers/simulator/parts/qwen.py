"""Alibaba Cloud's bills and Model Studio on both sites, and the OpenAI-compatible list of models and limits.

The AccessKey ID tells the account ("LTAI...sim-<account>"), its secret is always SECRET, and the signature is verified.
The part before "sim-" narrows the rights: "bss-" has the bills alone, "none-" nothing; "prepaid-" has no Token Plan.
Inference keys "sk-..." belong to pay-as-you-go hosts, "sk-sp-..." to the plans' hosts.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.world import Charge, ModelProfile, Profile, made_up_id

PROFILE = Profile(
    slug="qwen",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("95"),
    topup=Decimal("2500"),
    topup_below=Decimal("300"),
    models=(
        ModelProfile(id="qwen-example-max", input_price=Decimal("1.6"), output_price=Decimal("6.4"), weight=3),
        ModelProfile(id="qwen-example-plus", input_price=Decimal("0.4"), output_price=Decimal("1.2"), weight=2),
        ModelProfile(id="qwen-example-flash", input_price=Decimal("0.05"), output_price=Decimal("0.4")),
    ),
)
SECRET = "made-up-simulated-secret"  # noqa: S105
BILLS = {"business.aliyuncs.com": "CNY", "business.ap-southeast-1.aliyuncs.com": "USD"}
STUDIO = {
    "modelstudio.cn-beijing.aliyuncs.com": "cn-beijing",
    "modelstudio.ap-southeast-1.aliyuncs.com": "ap-southeast-1",
}
PAYG = frozenset({"dashscope.aliyuncs.com", "dashscope-intl.aliyuncs.com"})
PLANS = frozenset(
    {
        "coding.dashscope.aliyuncs.com",
        "coding-intl.dashscope.aliyuncs.com",
        "token-plan.cn-beijing.maas.aliyuncs.com",
        "token-plan.ap-southeast-1.maas.aliyuncs.com",
    }
)
LIMITS = "dashscope-us.aliyuncs.com"
SHANGHAI = timezone(timedelta(hours=8))
OTHERS = "DIMENSION_GROUP_OTHERS_VALUE"
SEAT_CREDITS = Decimal(40000)
_CREDENTIAL = re.compile(r"^ACS3-HMAC-SHA256 Credential=([^,]+),SignedHeaders=([^,]+),Signature=([0-9a-f]{64})$")


def token_of(headers: Mapping[str, str]) -> str:
    given = headers.get("authorization", "")
    signed = _CREDENTIAL.match(given)
    return signed.group(1) if signed else given.removeprefix("Bearer ")


def failure(status: int, code: str) -> Answer:
    return Answer(status=status, document={"RequestId": "SIM", "Code": code, "Message": "simulated refusal"})


def refuse(status: int) -> Answer:
    return failure(403, "Forbidden.RAM") if status == 403 else failure(404, "InvalidAccessKeyId.NotFound")


def signature(call: Call, names: list[str]) -> str:
    """The signature that this call should have."""
    query = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(call.query))
    lines = "".join(f"{name}:{call.headers.get(name, '').strip()}\n" for name in names)
    hashed = hashlib.sha256(b"").hexdigest()
    canonical = f"{call.method}\n{call.path}\n{query}\n{lines}\n{';'.join(names)}\n{hashed}"
    to_sign = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    return hmac.new(SECRET.encode(), to_sign.encode(), hashlib.sha256).hexdigest()


def signed(handler: Handler, hosts: Iterable[str]) -> Handler:
    """A call of these hosts, with its signature verified and its right looked at."""

    def answer(call: Call) -> Answer:
        if call.host not in hosts:
            return failure(404, "InvalidAction.NotFound")
        proof = _CREDENTIAL.match(call.headers.get("authorization", ""))
        if proof is None:
            return failure(403, "NoPermission")  # an inference key, say
        names = proof.group(2).split(";")
        needed = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce"}
        if not needed <= set(names) or not hmac.compare_digest(signature(call, names), proof.group(3)):
            return failure(400, "SignatureDoesNotMatch")
        kind = call.token.partition("sim-")[0]
        if kind.endswith("none-") or (kind.endswith("bss-") and call.host in STUDIO):
            return failure(403, "Forbidden.RAM")
        return handler(call)

    return answer


def rpc(call: Call) -> Answer:
    action = ACTIONS.get(call.headers.get("x-acs-action", ""))
    wanted = call.headers.get("x-acs-version") == "2017-12-14"
    return action(call) if action and wanted else failure(404, "InvalidAction.NotFound")


def success(data: Any, code: str = "Success") -> Answer:
    return Answer(document={"Code": code, "Message": "success", "RequestId": "SIM", "Success": True, "Data": data})


def account_fields(call: Call) -> dict[str, Any]:
    digits = str(sum(ord(letter) * 31**place for place, letter in enumerate(call.account.name)))
    return {"AccountID": f"1{digits.zfill(15)[-15:]}", "AccountName": "made-up@example.com"}


def balance(call: Call) -> Answer:
    left = f"{call.account.balance(call.now):,.2f}"
    data = {"AvailableAmount": left, "AvailableCashAmount": left, "CreditAmount": "0.00", "MybankCreditAmount": "0.00"}
    return success({**data, "QuotaLimit": "0.00", "Currency": BILLS[call.host]}, code="200")


def charges(call: Call, first: datetime, last: datetime) -> list[Charge]:
    """Charges of the days [first, last] of UTC+8 that began by now."""
    end = min(last.replace(tzinfo=SHANGHAI) + timedelta(days=1), call.now + timedelta(microseconds=1))
    return list(call.account.charges(first.replace(tzinfo=SHANGHAI).astimezone(UTC), end.astimezone(UTC)))


def spent_of(found: Iterable[Charge]) -> Decimal:
    return sum((charge.cost for charge in found), Decimal(0))


def asked_day(call: Call) -> tuple[datetime, datetime] | None:
    """The days that a bill covers: the asked one when it lies in the cycle, else all of the cycle."""
    try:
        month = datetime.strptime(call.one("BillingCycle"), "%Y-%m")  # noqa: DTZ007
        if call.one("Granularity", "MONTHLY") == "DAILY":
            day = datetime.strptime(call.one("BillingDate"), "%Y-%m-%d")  # noqa: DTZ007
            if day.replace(day=1) == month:
                return day, day
    except ValueError:
        return None
    return month, (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def bill_row(call: Call, spent: Decimal) -> dict[str, Any]:
    money = {name: number(spent) for name in ("PretaxAmount", "PaymentAmount", "CashAmount")}
    return {
        "ProductCode": "sfm",
        "PipCode": "sfm",
        "ProductName": "Model Studio",
        "SubscriptionType": "PayAsYouGo",
        "Currency": BILLS[call.host],
        "PretaxGrossAmount": number(spent + Decimal("0.50")),
        "InvoiceDiscount": 0.5,
        "DeductedByCoupons": 0,
        "OutstandingAmount": 0,
        "AdjustAmount": 0,
        **money,
    }


def account_bill(call: Call) -> Answer:
    days = asked_day(call)
    if days is None or not call.one("PageNum", "1").isdigit():
        return failure(400, "InvalidParameter")
    daily = {"BillingDate": f"{days[0]:%Y-%m-%d}"} if call.one("Granularity") == "DAILY" else {}
    found = charges(call, *days) if call.one("ProductCode", "sfm") == "sfm" else []
    items = [{**bill_row(call, spent_of(found)), **daily}] if found else []
    if items and days[0].day == 1:  # a flat plan, free of charge here: what there is in money is the ledger's
        items.append({**bill_row(call, Decimal(0)), **daily, "SubscriptionType": "Subscription"})
    size, page = 1, int(call.one("PageNum", "1"))  # less than was asked for
    shown = items[(page - 1) * size : page * size]
    counts = {"PageNum": page, "PageSize": size, "TotalCount": len(items)}
    return success(
        {"BillingCycle": call.one("BillingCycle"), **account_fields(call), **counts, "Items": {"Item": shown}}
    )


def overview(call: Call) -> Answer:
    days = asked_day(call)
    if days is None:
        return failure(400, "InvalidParameter")
    found = charges(call, *days)
    items = [{"Item": "PayAsYouGoBill", **bill_row(call, spent_of(found))}] if found else []
    return success({"BillingCycle": call.one("BillingCycle"), **account_fields(call), "Items": {"Item": items}})


def instance_bill(call: Call) -> Answer:
    days = asked_day(call)
    if days is None:
        return failure(400, "InvalidParameter")
    daily = {"BillingDate": f"{days[0]:%Y-%m-%d}"} if call.one("Granularity") == "DAILY" else {}
    items = []
    found = charges(call, *days)
    for model in PROFILE.models:
        ours = [charge for charge in found if charge.model == model.id]
        # All money stands on the input's row; what the output cost is not told apart.
        volumes = (
            ("input tokens", sum(one.input_tokens + one.cached_tokens + one.cache_write_tokens for one in ours), True),
            ("output tokens", sum(one.output_tokens for one in ours), False),
        )
        for name, count, paid in volumes if ours else ():
            row = {**bill_row(call, spent_of(ours) if paid else Decimal(0)), **daily, "Item": "PayAsYouGoBill"}
            row |= {"InstanceID": model.id, "Region": "simulated", "BillingItem": name, "BillingItemCode": name}
            items.append({**row, "Usage": str(Decimal(count) / 1000), "UsageUnit": "1K tokens"})
    start = int(call.one("NextToken") or "0")
    size = min(int(call.one("MaxResults", "20")), 4)
    marker = str(start + size) if start + size < len(items) else ""
    counts = {"TotalCount": len(items), "MaxResults": size, "NextToken": marker}
    cycle = {"BillingCycle": call.one("BillingCycle"), **account_fields(call)}
    return success({**cycle, **counts, "Items": items[start : start + size]})


def packages(call: Call) -> Answer:
    left = Decimal(call.account.chance("package").randint(20_000, 240_000)) / 10
    row = {
        "InstanceId": made_up_id("sfm-", call.account.name, length=12),
        "CommodityCode": "sfm_tokenplanteams_dp_cn",
        "Status": "Available",
        "TotalAmount": "25000.000",
        "TotalAmountUnit": "Credits",
        "RemainingAmount": f"{left:.3f}",
        "RemainingAmountUnit": "Credits",
        "DeductType": "DeadlineAcc",
        "EffectiveTime": "2026-11-01T00:00:00Z",
        "ExpiryTime": "2026-12-01T00:00:00Z",
        "Region": "*",
        "ApplicableProducts": {"Product": ["sfm"]},
    }
    other = {**row, "InstanceId": "oss-1", "CommodityCode": "ossbag", "ApplicableProducts": {"Product": ["oss"]}}
    rows = [row, other]
    page = int(call.one("PageNum", "1"))
    counts = {"PageNum": str(page), "PageSize": "1", "TotalCount": str(len(rows))}
    return success({**counts, "Instances": {"Instance": rows[page - 1 : page]}})


ACTIONS: dict[str, Handler] = {
    "QueryAccountBalance": balance,
    "QueryAccountBill": account_bill,
    "QueryBillOverview": overview,
    "DescribeInstanceBill": instance_bill,
    "QueryResourcePackageInstances": packages,
}


def group_of(code: str, charge: Charge, account: str) -> str:
    return charge.model if code == "BASE_MODEL" else key_id(account, charge.key)


def key_id(account: str, key: str) -> str:
    return made_up_id("apikey-", account, key, length=10)


def trend(call: Call) -> Answer:
    """Two groups at most at a time, where the real one gives twenty."""
    try:
        span = json.loads(call.one("timePeriod"))
        first, last = (datetime.strptime(span[name], "%Y-%m-%d") for name in ("start", "end"))  # noqa: DTZ007
        (group,) = json.loads(call.one("groupBy"))
        filters = json.loads(call.one("filter", '{"dimensions":[]}'))["dimensions"]
    except (ValueError, KeyError, TypeError):
        return Answer(status=400, document={"code": "InvalidParameter", "success": False})
    name, code = call.account.name, group["code"]

    def counts(charge: Charge) -> bool:
        return all(
            (group_of(one["code"], charge, name) in one["values"]) == (one["selectType"] == "IN") for one in filters
        )

    unit = "CNY" if STUDIO[call.host] == "cn-beijing" else "USD"
    found = [charge for charge in charges(call, first, last) if counts(charge)]
    totals: dict[str, Decimal] = {}
    days: dict[str, dict[str, Decimal]] = {}
    for charge in found:
        group_name = group_of(code, charge, name)
        totals[group_name] = totals.get(group_name, Decimal(0)) + charge.cost
        day = days.setdefault(f"{charge.start.astimezone(SHANGHAI):%Y%m%d}", {})
        day[group_name] = day.get(group_name, Decimal(0)) + charge.cost
    top = sorted(totals, key=lambda one: (-totals[one], one))[:2]
    result = []
    for period, groups in sorted(days.items()):
        shown = {one: groups[one] for one in top if one in groups}
        rest = sum(groups.values(), Decimal(0)) - sum(shown.values(), Decimal(0))
        if set(groups) - set(top):
            shown[OTHERS] = rest
        details = [{"key": one, "name": one, **money(amount)} for one, amount in shown.items()]
        total = {**money(sum(groups.values(), Decimal(0))), "currency": unit}
        result.append({"period": period, "total": total, "periodDetails": details})
    data = {"costTotals": {**money(spent_of(found)), "currency": unit}, "resultByTime": result, "groupByTotal": []}
    return Answer(document={"code": "Success", "requestId": "SIM", "success": True, "data": data})


def money(amount: Decimal) -> dict[str, str]:
    return {"amount": f"{amount:.2f}", "pretaxAmount": f"{amount:.2f}", "taxAmount": "0"}


def seats(call: Call) -> Answer:
    if call.token.partition("sim-")[0].endswith("prepaid-"):
        return failure(404, "SubscriptionNotFound")
    month = call.now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    reset = int((month + timedelta(days=32)).replace(day=1).timestamp()) * 1000
    left = float(SEAT_CREDITS - call.account.chance("seats").randint(1000, 30_000))
    row = {"SeatType": "pro", "TotalSeats": 4, "AssignedSeats": 3, "SeatCredits": float(SEAT_CREDITS)}
    row |= {"SeatRemainingCredits": left, "SeatRefreshTime": reset}
    start = int(month.timestamp()) * 1000
    return success({"SubscriptionStartTime": start, "SubscriptionEndTime": reset, "Items": [row]}, code="200")


def signed_limits(call: Call) -> Answer:
    start = int(call.one("nextToken") or "0")
    rows = [
        {
            "model": model.id,
            "name": model.id,
            "workspaceId": "ws-made-up",
            "modelLimit": {
                "requestLimit": 600,
                "requestLimitPeriod": 60,
                "usageLimit": 1_000_000,
                "usageLimitField": "total_tokens",
                "usageLimitPeriod": 60,
            },
            "workspaceLimit": None,
        }
        for model in PROFILE.models
    ]
    marker = str(start + 2) if start + 2 < len(rows) else ""
    counts = {"totalCount": len(rows), "maxResults": 2, "nextToken": marker}
    return Answer(document={"code": "Success", "success": True, **counts, "limits": rows[start : start + 2]})


def key_limits(call: Call) -> Answer:
    if call.host != LIMITS or not call.token.startswith("sk-") or call.token.startswith("sk-sp-"):
        return bad_key()
    page, size = int(call.one("page_no", "1")), min(int(call.one("page_size", "20")), 2)
    limit: dict[str, Any] = {"request_limit": 600, "request_limit_period": 60, "usage_limit": 1_000_000}
    limit |= {"usage_limit_field": "total_tokens", "usage_limit_period": 60}
    rows = [
        {"model": model.id, "workspace_id": "ws-made-up", "model_limit": limit, "workspace_limit": None}
        for model in PROFILE.models
    ]
    shown = rows[(page - 1) * size : page * size]
    output = {"total": len(rows), "page_no": page, "page_size": size, "quotas": shown}
    return Answer(document={"request_id": "SIM", "output": output})


def bad_key() -> Answer:
    return Answer(status=401, document={"error": {"message": "Incorrect API key", "code": "invalid_api_key"}})


def models(call: Call) -> Answer:
    plan = call.token.startswith("sk-sp-")
    if not call.token.startswith("sk-") or call.host not in (PLANS if plan else PAYG):
        return bad_key()
    return Answer(
        document={"object": "list", "data": [{"id": model.id, "object": "model"} for model in PROFILE.models]}
    )


PART = Part(
    slug="qwen",
    hosts=frozenset({*BILLS, *STUDIO, *PAYG, *PLANS, LIMITS}),
    profile=PROFILE,
    routes={
        ("POST", "/"): signed(rpc, BILLS),
        ("GET", "/modelstudio/billing/trend"): signed(trend, STUDIO),
        ("GET", "/modelstudio/models/limits"): signed(signed_limits, STUDIO),
        ("GET", "/tokenplan/subscription/stats"): signed(seats, STUDIO),
        ("GET", "/api/v1/quotas"): key_limits,
        ("GET", "/compatible-mode/v1/models"): models,
        ("GET", "/v1/models"): models,
    },
    refuse=refuse,
    token_of=token_of,
    demo={
        "site": "intl",
        "access_key_id": "LTAI-sim-harbor",
        "access_key_secret": SECRET,
        "region_id": "ap-southeast-1",
        "inference_key": "sk-sim-harbor",
        "plan": "pay_as_you_go",
    },
)
