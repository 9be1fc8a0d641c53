"""Qwen / Alibaba Cloud Model Studio: the account's balance, bills, prepaid packages, plan credits, rate limits.

Docs: https://www.alibabacloud.com/help/en/user-center/developer-reference/api-bssopenapi-2017-12-14-overview (bills),
https://www.alibabacloud.com/help/en/model-studio/ (rate limits, Token Plan, billing trend), SDKs
alibabacloud_bssopenapi20171214, alibabacloud_modelstudio20260210; signed as in providers/auth.py. Checked 2026-11-20.
Key: account data needs an AccessKey pair of a RAM user (AliyunBSSReadOnlyAccess); an inference key (`sk-`) reads models
and rate limits only, and each plan and site has its own host. The free Qwen OAuth sign-in ended on 2026-04-15.
Quirks: the balance is that of the whole Alibaba Cloud account, bills are narrowed to one product. `Success` false comes
with HTTP 200 too, throttling with HTTP 400. Bills are asked for day by day; a billing day is one of UTC+8 and stays as
the provider names it. A month is provisional until noon of the 3rd of the next. The billing trend splits the bill by
model and key: it is never added to the bill, and left aside for a day where it tells more than the bill does. The list
of keys answers with the keys themselves and the list of seats with people's addresses, so neither is asked for.
"""

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from providers.auth import AlibabaSignature
from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable, retry_after_seconds
from providers.paging import BrokenCursor, pages
from providers.parse import (
    boolean,
    currency,
    day_start,
    decimal,
    get,
    integer,
    mapping,
    maybe,
    next_month,
    rows,
    sequence,
    text,
    unix_millis,
    utc_day,
)
from providers.records import Balance, CostBucket, CostCategory, Identity, Model, Quota, UsageBucket
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
    host_of,
)

Row = Mapping[str, Any]
Asking = Generator[Request | Partial, Reply, Any]
Groups = dict[tuple[datetime, str], dict[str, Decimal]]  # by (day, currency): money by model or key

BILLS = {"cn": "https://business.aliyuncs.com/", "intl": "https://business.ap-southeast-1.aliyuncs.com/"}
BILLS_VERSION, STUDIO_VERSION = "2017-12-14", "2026-02-10"
REGIONS = {
    "ap-southeast-1": "https://modelstudio.ap-southeast-1.aliyuncs.com",
    "cn-beijing": "https://modelstudio.cn-beijing.aliyuncs.com",
}
INFERENCE = {
    ("pay_as_you_go", "cn"): "https://dashscope.aliyuncs.com/compatible-mode/v1",
    ("pay_as_you_go", "intl"): "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    ("coding_plan", "cn"): "https://coding.dashscope.aliyuncs.com/v1",
    ("coding_plan", "intl"): "https://coding-intl.dashscope.aliyuncs.com/v1",
    ("token_plan", "cn"): "https://token-plan.cn-beijing.maas.aliyuncs.com/compatible-mode/v1",
    ("token_plan", "intl"): "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1",
}
US_LIMITS = "https://dashscope-us.aliyuncs.com"
RAM_CONSOLE = "https://ram.console.aliyun.com"
STUDIO_CONSOLE = "https://modelstudio.console.alibabacloud.com"
PAIR = ("access_key_id", "access_key_secret")

OTHERS, NO_VALUE = "DIMENSION_GROUP_OTHERS_VALUE", "DIMENSION_FILTER_NULL_VALUE"
MOST_ROUNDS = 50  # of at most 20 groups each
UNSPLIT = "PayAsYouGo"
PERIODS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}
PACKAGE_WINDOWS = {"Absolute": "lifetime", "DeadlineAcc": "lifetime", "PeriodMonthlyAcc": "month"}
MONTH_IS_FINAL = timedelta(days=2, hours=4)  # noon of the 3rd in UTC+8, counted from 00:00 UTC of the 1st
_THOUSANDS = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d+)?")


def succeeded(answer: Any, request: Request) -> Row:
    """The envelope of a success. Bills say "200" or "Success" in `Code`, so only `Success` counts."""
    document = mapping(answer, "the answer")
    success = maybe(document, "Success", boolean)
    if success is None:
        success = get(document, "success", boolean)
    if success:
        return document
    raise trouble(code_in(document), 200, request) or PayloadError(
        f"{host_of(request.url)} answered 200 but reports a failure inside.", status=200
    )


def code_in(document: Any) -> str:
    """The code of a failure; its name begins with a small letter in some answers. Never raises."""
    for name in ("Code", "code"):
        code = document.get(name) if isinstance(document, dict) else None
        if isinstance(code, str):
            return code
    return ""


def amount(value: Any, where: str) -> Decimal:
    """Money as number or text, perhaps "10,000.00"."""
    if isinstance(value, str) and _THOUSANDS.fullmatch(value):
        value = value.replace(",", "")
    return decimal(value, where)


def parse_balance(data: Row) -> Iterator[Balance]:
    """What can be spent, credit included; credit lines stand beside it."""
    unit = get(data, "Currency", currency)
    yield Balance(name="Alibaba Cloud account", kind="prepaid", amount=get(data, "AvailableAmount", amount), unit=unit)
    for field, name in (("CreditAmount", "Credit line"), ("MybankCreditAmount", "MYbank credit line")):
        credit = maybe(data, field, amount)
        if credit:
            yield Balance(name=f"{name} (within the account's amount)", kind="credit_line", amount=credit, unit=unit)


def bill_day(row: Row, day: datetime) -> None:
    """A row without its day, or of another, is one of the whole month: it must not be booked on this day."""
    if get(row, "BillingDate", utc_day) != day:
        raise PayloadError("The bill of one day holds rows of another.")


def parse_bill(listed: Sequence[Row], day: datetime, now: datetime) -> dict[tuple[str, str, CostCategory], CostBucket]:
    """Money payable by (kind of subscription, currency, category): list price less discounts and coupons."""
    found: dict[tuple[str, str, CostCategory], CostBucket] = {}
    for row in listed:
        bill_day(row, day)
        money, unit = get(row, "PretaxAmount", amount), get(row, "Currency", currency)
        item = maybe(row, "SubscriptionType", text) or "Other"
        category: CostCategory = "credit" if money < 0 else "usage"
        known = found.get((item, unit, category))
        found[item, unit, category] = CostBucket(
            start=day,
            end=day + timedelta(days=1),
            amount=money + (known.amount if known else 0),
            unit=unit,
            line_item=item,
            category=category,
            final=is_final(day, now),
        )
    return found


def is_final(day: datetime, now: datetime) -> bool:
    return now >= next_month(day) + MONTH_IS_FINAL


def split(bucket: CostBucket, by_model: Mapping[str, Decimal], by_key: Mapping[str, Mapping[str, Decimal]]) -> Any:
    """The same money by model and key. What neither accounts for stays without them, so that the sum is the bill's."""
    if not within(by_model, bucket.amount):
        yield bucket
        return
    yield replace(bucket, amount=bucket.amount - sum(by_model.values()))
    for model, money in by_model.items():
        keys = by_key.get(model, {})
        keys = keys if within(keys, money) else {}
        yield replace(bucket, model=model, amount=money - sum(keys.values()))
        for key, part in keys.items():
            yield replace(bucket, model=model, provider_key=key, amount=part)


def within(parts: Mapping[str, Decimal], whole: Decimal) -> bool:
    return bool(parts) and all(part >= 0 for part in parts.values()) and sum(parts.values()) <= whole


def parse_trend(document: Row, found: Groups) -> tuple[set[str], bool]:
    """Money by day and group, added to `found`. Returns the groups, and whether there are more than were listed."""
    names, more = set[str](), False
    for row in get(get(document, "data", mapping), "resultByTime", rows):
        day = compact_day(get(row, "period", text))
        for detail in get(row, "periodDetails", rows):
            name, money = get(detail, "key", text), get(detail, "pretaxAmount", amount)
            if name == OTHERS:
                more = more or money != 0
            elif name != NO_VALUE:
                names.add(name)
                place = found.setdefault((day, get(get(row, "total", mapping), "currency", currency)), {})
                if place.setdefault(name, money) != money:
                    raise PayloadError("The billing trend tells two figures for one group of a day.")
    return names, more


def compact_day(value: str) -> datetime:
    """A day as yyyyMMdd."""
    return utc_day(f"{value[:4]}-{value[4:6]}-{value[6:]}" if re.fullmatch(r"\d{8}", value) else value, "period")


def parse_volumes(listed: Sequence[Row], day: datetime, now: datetime) -> Iterator[UsageBucket]:
    """Volumes of billing items in the provider's own units, by instance (a model) and region, and what they cost."""
    volumes: dict[tuple[str | None, str | None, str], dict[str, Decimal]] = {}
    costs: dict[tuple[str | None, str | None, str], Decimal] = {}
    for row in listed:
        bill_day(row, day)
        place = (
            maybe(row, "InstanceID", text) or None,
            maybe(row, "Region", text) or None,
            get(row, "Currency", currency),
        )
        costs[place] = costs.get(place, Decimal(0)) + get(row, "PretaxAmount", amount)
        counts = volumes.setdefault(place, {})
        used, unit = maybe(row, "Usage", volume), maybe(row, "UsageUnit", text)
        if used is not None and unit:
            item = maybe(row, "BillingItem", text) or maybe(row, "BillingItemCode", text) or "usage"
            name = f"{item}: {unit}"
            counts[name] = counts.get(name, Decimal(0)) + used
    for place, counts in volumes.items():
        yield UsageBucket(
            start=day,
            end=day + timedelta(days=1),
            model=place[0],
            tier=place[1],
            quantities=counts,
            cost=costs[place],
            unit=place[2],
            final=is_final(day, now),
        )


def volume(value: Any, where: str) -> Decimal | None:
    """A count as text; empty or "-" is unknown."""
    return None if value in ("", "-") else amount(value, where)


def parse_packages(listed: Sequence[Row], product: str) -> Iterator[Quota]:
    """Prepaid packages of the product. What is used is not told: it is the total less the rest, in one unit."""
    for row in listed:
        commodity = get(row, "CommodityCode", text)
        products = sequence((maybe(row, "ApplicableProducts", mapping) or {}).get("Product") or [], "Product")
        if product not in products and not commodity.startswith(product):
            continue
        total, left = get(row, "TotalAmount", volume), get(row, "RemainingAmount", volume)
        unit, left_unit = get(row, "TotalAmountUnit", text), get(row, "RemainingAmountUnit", text)
        if unit != left_unit:
            left = None
        yield Quota(
            name=f"Prepaid package {commodity}",
            unit="credits" if unit == "Credits" else unit,
            used=total - left if total is not None and left is not None else None,
            limit=total,
            remaining=left,
            window=PACKAGE_WINDOWS.get(maybe(row, "DeductType", text) or ""),
            scope=get(row, "InstanceId", text),
        )


def parse_seats(data: Row) -> Iterator[Quota]:
    """The team's Token Plan: seats, and credits by kind of seat. Credits are no money."""
    for row in get(data, "Items", rows):
        kind = get(row, "SeatType", text)
        total, left = get(row, "SeatCredits", decimal), get(row, "SeatRemainingCredits", decimal)
        yield Quota(
            name="Token Plan credits",
            unit="credits",
            used=total - left,
            limit=total,
            remaining=left,
            resets_at=maybe(row, "SeatRefreshTime", unix_millis),
            scope=f"{kind} seats",
        )
        yield Quota(
            name="Token Plan seats",
            unit="seats",
            used=maybe(row, "AssignedSeats", decimal),
            limit=get(row, "TotalSeats", decimal),
            scope=f"{kind} seats",
        )


def parse_limits(listed: Iterable[Row]) -> Iterable[Quota]:
    """Limits by model, and by workspace where one has its own. What is used of them is not told."""
    found: dict[tuple[str, ...], Quota] = {}
    for row in listed:
        model, workspace = get(row, "model", text), either(row, "workspaceId", text)
        for field, scope in (("modelLimit", model), ("workspaceLimit", f"{model} in {workspace or 'the workspace'}")):
            for quota in limits_of(either(row, field, mapping) or {}, scope):
                if found.setdefault(quota.key, quota) != quota:
                    quota = replace(quota, scope=f"{model} in {workspace or 'another workspace'}")
                    found.setdefault(quota.key, quota)
    return found.values()


def limits_of(row: Row, scope: str) -> Iterator[Quota]:
    requests, period = either(row, "requestLimit", decimal), either(row, "requestLimitPeriod", integer)
    if requests is not None:
        yield Quota(name="Requests", unit="requests", limit=requests, window=length(period), scope=scope)
    usage, period = either(row, "usageLimit", decimal), either(row, "usageLimitPeriod", integer)
    if usage is not None:
        field = either(row, "usageLimitField", text) or "usage"
        unit = "tokens" if field.endswith("tokens") else field
        yield Quota(name=field, unit=unit, limit=usage, window=length(period), scope=scope)
    for name, label in (
        ("asyncUserConcurrencyLimit", "Asynchronous tasks at once"),
        ("asyncUserQueueLimit", "Asynchronous tasks waiting"),
    ):
        tasks = either(row, name, decimal)
        if tasks is not None:
            yield Quota(name=label, unit="requests", limit=tasks, scope=scope)


def either(row: Row, name: str, reader: Any) -> Any:
    """A field that one API writes in camelCase and the other in snake_case."""
    value = maybe(row, name, reader)
    return maybe(row, re.sub(r"([A-Z])", r"_\1", name).lower(), reader) if value is None else value


def length(seconds: int | None) -> str | None:
    return None if seconds is None else PERIODS.get(seconds, f"{seconds}s")


def parse_models(reply: Reply) -> Iterator[Model]:
    """Ids only."""
    for row in get(reply.json(), "data", rows):
        yield Model(id=get(row, "id", text))


def bills(account: Account, action: str, *params: tuple[str, str]) -> Request:
    url = BILLS.get(account.get("site"))
    if url is None:
        raise ActionNeeded("Choose the site of this Alibaba Cloud account.", code="missing_field", field="site")
    headers = (("x-acs-action", action), ("x-acs-version", BILLS_VERSION))
    return Request(url=url, auth="access_key", method="POST", params=params, headers=headers)


def studio(account: Account, action: str, path: str, *params: tuple[str, str]) -> Request:
    base = REGIONS.get(account.get("region_id"))
    if base is None:
        words = "Choose the region that Model Studio is used in."
        raise ActionNeeded(words, code="missing_field", field="region_id")
    headers = (("x-acs-action", action), ("x-acs-version", STUDIO_VERSION))
    return Request(url=base + path, auth="access_key", params=params, headers=headers)


def models_request(account: Account) -> Request:
    base = INFERENCE.get((account.get("plan"), account.get("site")))
    if base is None:
        words = "Choose the site and the plan that the inference key belongs to."
        raise ActionNeeded(words, code="missing_field", field="site")
    return Request(url=f"{base}/models", auth="inference_key")


def billing_days(window: Window) -> Iterator[tuple[datetime, tuple[tuple[str, str], ...]]]:
    """Each day with the parameters that ask for it. A day lies in its own `BillingCycle`, or the whole month comes."""
    day = day_start(window.start)
    while day < min(window.end, window.now):
        yield day, (("BillingCycle", f"{day:%Y-%m}"), ("BillingDate", f"{day:%Y-%m-%d}"), ("Granularity", "DAILY"))
        day += timedelta(days=1)


def numbered(first: Request, outer: str, inner: str) -> Asking:
    """Rows of every page, by the page size of the answer: the server may give less than was asked for."""
    found: list[Row] = []
    total = 0

    def next_page(answer: Any) -> tuple[str, str] | None:
        nonlocal total
        data = get(succeeded(answer, first), "Data", mapping)
        number, size, total = (get(data, name, integer) for name in ("PageNum", "PageSize", "TotalCount"))
        listed = get(get(data, outer, mapping), inner, rows) if total else []
        found.extend(listed)
        if number * size >= total:
            return None
        if not listed:
            raise BrokenCursor
        return ("PageNum", str(number + 1))

    yield from pages(first.with_params(("PageNum", "1"), ("PageSize", "300")), next_page)
    found = once(found, total)
    if len(found) > total:
        raise PayloadError("The answer holds more rows than it says there are.")
    if len(found) < total:
        yield Partial(reason="The provider told fewer rows than it says there are.")
    return found


def once(found: list[Row], total: int) -> list[Row]:
    """Rows that came twice, where there are more than the answer counts."""
    return list({repr(row): row for row in found}.values()) if len(found) > total else found


def marked(first: Request, token: str, listed: Callable[[Row], Sequence[Row]]) -> Asking:
    """Rows of every page where the answer holds the marker of the next, empty on the last."""
    found: list[Row] = []

    def next_page(answer: Any) -> tuple[str, str] | None:
        document = succeeded(answer, first)
        found.extend(listed(document))
        inside = document if token in document else maybe(document, "Data", mapping) or document
        marker = maybe(inside, token, text)
        return (token, marker) if marker else None

    yield from pages(first, next_page)
    return found


def trend(account: Account, start: datetime, end: datetime, code: str, *filters: Row) -> Asking:
    """Money by day and group between two days, both included. At most 20 groups come at once: the next are asked for
    with those left out that are known."""
    found: Groups = {}
    known = set[str]()
    for _ in range(MOST_ROUNDS):
        left_out = [{"code": code, "values": sorted(known), "selectType": "NOT"}] if known else []
        params: tuple[tuple[str, str], ...] = (
            ("granularity", "DAY"),
            ("timePeriod", compact({"start": f"{start:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"})),
            ("groupBy", compact([{"code": code}])),
        )
        dimensions = [*filters, *left_out]
        if dimensions:
            params += (("filter", compact({"dimensions": dimensions})),)
        request = studio(account, "GetBillingTrend", "/modelstudio/billing/trend", *params)
        reply = yield request
        names, more = parse_trend(succeeded(reply.json(), request), found)
        if not more or names <= known:
            break
        known |= names
    return found


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def read_split(account: Account, days: Sequence[datetime]) -> Asking:
    """(money by model, money by key of each model) of these days, asked month by month: the longest span is unknown."""
    by_model: Groups = {}
    by_key: dict[str, Groups] = {}
    for month in sorted({day.replace(day=1) for day in days}):
        inside = [day for day in days if day.replace(day=1) == month]
        first, last = min(inside), max(inside)
        found = yield from trend(account, first, last, "BASE_MODEL")
        by_model |= found
        for model in sorted({name for group in found.values() for name in group}):
            only = {"code": "BASE_MODEL", "values": [model], "selectType": "IN"}
            keys = yield from trend(account, first, last, "API_KEY_ID", only)
            by_key.setdefault(model, {}).update(keys)
    return by_model, by_key


def read_volumes(account: Account, params: tuple[tuple[str, str], ...]) -> Asking:
    wanted = (("IsBillingItem", "true"), ("MaxResults", "300"), ("ProductCode", account.get("product_code")))
    request = bills(account, "DescribeInstanceBill", *params, *wanted)
    total = 0

    def listed(document: Row) -> Sequence[Row]:
        nonlocal total
        data = get(document, "Data", mapping)
        total = maybe(data, "TotalCount", integer) or 0
        return get(data, "Items", rows)

    found = yield from marked(request, "NextToken", listed)
    return once(found, total) if total else found


def read_packages(account: Account) -> Asking:
    listed = yield from numbered(bills(account, "QueryResourcePackageInstances"), "Instances", "Instance")
    return list(parse_packages(listed, account.get("product_code")))


def read_seats(account: Account) -> Asking:
    request = studio(account, "GetSubscriptionStats", "/tokenplan/subscription/stats")
    reply = yield request
    return list(parse_seats(get(succeeded(reply.json(), request), "Data", mapping)))


def read_signed_limits(account: Account) -> Asking:
    request = studio(account, "ListModelLimits", "/modelstudio/models/limits", ("maxResults", "200"))
    listed = yield from marked(request, "nextToken", lambda document: get(document, "limits", rows))
    return list(parse_limits(listed))


def read_key_limits(account: Account) -> Asking:
    """GET only: a POST to the second path would change limits. One edition of the help page names the other path."""
    base = account.get("workspace_url").rstrip("/")
    try:
        listed = yield from pages_of_limits(f"{base}/api/v1/quotas")
    except NotAvailable:
        listed = yield from pages_of_limits(f"{base}/api/v1/models/limits")
    return list(parse_limits(listed))


def pages_of_limits(url: str) -> Asking:
    found: list[Row] = []

    def next_page(answer: Any) -> tuple[str, str] | None:
        output = get(answer, "output", mapping)
        listed = get(output, "quotas", rows)
        found.extend(listed)
        number, size, total = (get(output, name, integer) for name in ("page_no", "page_size", "total"))
        if number * size >= total:
            return None
        if not listed:
            raise BrokenCursor
        return ("page_no", str(number + 1))

    params = (("page_no", "1"), ("page_size", "100"))
    yield from pages(Request(url=url, auth="inference_key", params=params), next_page)
    return found


def balance(account: Account, window: Window) -> Steps:
    request = bills(account, "QueryAccountBalance")
    reply = yield request
    return parse_balance(get(succeeded(reply.json(), request), "Data", mapping))


def cost(account: Account, window: Window) -> Steps:
    """The bill of each day; where the region is filled in and the right is there, split by model and key."""
    billed = {}
    for day, params in billing_days(window):
        wanted = (*params, ("IsGroupByProduct", "true"), ("ProductCode", account.get("product_code")))
        listed = yield from numbered(bills(account, "QueryAccountBill", *wanted), "Items", "Item")
        billed[day] = parse_bill(listed, day, window.now)
    by_model: Groups = {}
    by_key: dict[str, Groups] = {}
    spent = [day for day, found in billed.items() if any(item == UNSPLIT for item, _, _ in found)]
    if spent and account.has("region_id"):
        try:
            by_model, by_key = yield from read_split(account, spent)
        except ProviderError as error:
            # No Partial: the money is whole without it, and a Partial would leave rows of another split standing.
            if not lacks_right(error):
                raise
    found = []
    for day, buckets in billed.items():
        for (item, unit, category), bucket in buckets.items():
            place = (day, unit)
            splits = by_model.get(place, {}) if (item, category) == (UNSPLIT, "usage") else {}
            found += split(bucket, splits, {model: groups.get(place, {}) for model, groups in by_key.items()})
    return found


def lacks_right(error: ProviderError) -> bool:
    """A refusal that concerns one part of the account, not the key as a whole."""
    return isinstance(error, NotAvailable) or (isinstance(error, ActionNeeded) and error.code == "missing_scope")


def usage(account: Account, window: Window) -> Steps:
    found: list[UsageBucket] = []
    for day, params in billing_days(window):
        listed = yield from read_volumes(account, params)
        found += parse_volumes(listed, day, window.now)
    return found


def quota(account: Account, window: Window) -> Steps:
    """Each part needs a right of its own; those that are refused are named, unless all are."""
    parts: list[tuple[str, Asking]] = []
    paired = all(account.has(name) for name in PAIR)
    if paired:
        parts.append(("prepaid packages", read_packages(account)))
    if paired and account.has("region_id"):
        parts.append(("Token Plan credits", read_seats(account)))
    if account.has("inference_key") and account.has("workspace_url"):
        parts.append(("rate limits", read_key_limits(account)))
    elif paired and account.has("region_id"):
        parts.append(("rate limits", read_signed_limits(account)))
    if not parts:
        words = "Rate limits need the workspace's address beside the inference key, or an AccessKey pair."
        raise ActionNeeded(words, code="missing_field", field="workspace_url")
    found: list[Quota] = []
    errors: list[ProviderError] = []
    for what, steps in parts:
        try:
            found += yield from steps
        except ProviderError as error:
            if not lacks_right(error):
                raise
            errors.append(error)
            if isinstance(error, ActionNeeded):
                yield Partial(reason=f"This key may not read {what}.")
    if len(errors) == len(parts):
        raise errors[0]
    return found


def models(account: Account, window: Window) -> Steps:
    reply = yield models_request(account)
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """This month's overview proves the pair and tells the account; the list of models proves an inference key."""
    paired = any(account.has(name) for name in PAIR)
    if not paired:
        account.first_of("access_key_id", "inference_key")
    account_id = None
    if paired:
        cycle, product = ("BillingCycle", f"{window.now:%Y-%m}"), ("ProductCode", account.get("product_code"))
        request = bills(account, "QueryBillOverview", cycle, product)
        reply = yield request
        account_id = get(get(succeeded(reply.json(), request), "Data", mapping), "AccountID", text)
    if account.has("inference_key"):
        listed = yield models_request(account)
        list(parse_models(listed))
    return [Identity(account_id=account_id, key_kind="access_key" if paired else "inference_key")]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    if request.auth == "inference_key":
        if reply.status in (401, 403):
            return ActionNeeded(
                f"{host_of(request.url)} does not accept this inference key ({reply.status}). A key works only with "
                "the site and the plan that it was made for.",
                status=reply.status,
                field="inference_key",
                url=STUDIO_CONSOLE,
            )
        return None
    return trouble(code_in(reply.said()), reply.status, request, reply.headers)


def trouble(code: str, status: int, request: Request, headers: Mapping[str, str] | None = None) -> ProviderError | None:
    """What a failure's code means, which goes before the status: throttling comes with HTTP 400."""
    host = host_of(request.url)
    if code.startswith("Throttling"):
        told = {**(headers or {})}
        told["retry-after"] = told.get("x-acs-retry-after", "") or told.get("retry-after", "")
        return Retryable(f"{host} says there are too many calls.", status=429, retry_after=retry_after_seconds(told))
    if code == "ServiceUnavailable":
        return Retryable(f"{host} is not available now.", status=503)
    if code.startswith("InvalidAccessKeyId"):
        words = f"{host} does not know this AccessKey ID, or it was disabled."
        return ActionNeeded(words, status=401, field="access_key_id", url=RAM_CONSOLE)  # it comes as a 404
    if code == "SignatureDoesNotMatch":
        words = f"{host} says that the AccessKey secret does not belong to this AccessKey ID."
        return ActionNeeded(words, status=status, field="access_key_secret", url=RAM_CONSOLE)
    if code.startswith(("Forbidden", "NoPermission", "NotAuthorized")) or status == 403:
        words = f"This AccessKey may not read this at {host}: its RAM user needs the policy {policy(request)}."
        return ActionNeeded(words, code="missing_scope", status=status, field="access_key_id", url=RAM_CONSOLE)
    if status == 401:
        words = f"{host} refused the AccessKey pair (401)."
        return ActionNeeded(words, status=status, field="access_key_id", url=RAM_CONSOLE)
    return None


def policy(request: Request) -> str:
    if request.url in BILLS.values():
        return "AliyunBSSReadOnlyAccess"
    return "AliyunTokenPlanReadOnlyAccess" if "/tokenplan/" in request.url else "AliyunBailianReadOnlyAccess"


BILL_HOSTS = tuple(host_of(url) for url in (*BILLS.values(), *REGIONS.values()))
KEY_HOSTS = tuple(host_of(url) for url in (*INFERENCE.values(), US_LIMITS))
NEEDS = ("site", *PAIR)
BILL_DOCS = "https://www.alibabacloud.com/help/en/user-center/developer-reference/api-bssopenapi-2017-12-14"

PROVIDER = Provider(
    slug="qwen",
    name="Qwen / Alibaba Cloud Model Studio",
    summary="Account balance, daily bills by model and key, packages, plan credits and rate limits.",
    docs_url="https://www.alibabacloud.com/help/en/model-studio/",
    console_url=STUDIO_CONSOLE,
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    base_urls=(
        *(
            BaseUrl(url=url, use="inference", label=f"{plan.replace('_', ' ').capitalize()}, {site}")
            for (plan, site), url in INFERENCE.items()
        ),
        *(BaseUrl(url=url, use="account", label=f"Bills, {site}") for site, url in BILLS.items()),
        *(BaseUrl(url=url, use="account", label=f"Model Studio, {region}") for region, url in REGIONS.items()),
    ),
    extra_hosts=(host_of(US_LIMITS),),
    fields=(
        Field(
            name="site",
            label="Site",
            help="Where the Alibaba Cloud account was made. It decides the host, and usually the currency.",
            required=True,
            kind="choice",
            choices=(("intl", "International (alibabacloud.com)"), ("cn", "China (aliyun.com)")),
        ),
        Field(
            name="access_key_id",
            label="AccessKey ID",
            help="Of a RAM user with the policy AliyunBSSReadOnlyAccess, never of the main account. Needed for all "
            "account data.",
            secret=True,
            url=RAM_CONSOLE,
            starts_with=("LTAI",),
            wrong_starts={"sk-": "This is an inference key; account data needs an AccessKey pair (LTAI...)."},
            hosts=BILL_HOSTS,
            environment="ALIBABA_CLOUD_ACCESS_KEY_ID",
            scopes=("AliyunBSSReadOnlyAccess",),
        ),
        Field(
            name="access_key_secret",
            label="AccessKey secret",
            help="Shown once, when the AccessKey is made. Add AliyunTokenPlanReadOnlyAccess for plan credits and "
            "AliyunBailianReadOnlyAccess for rate limits and the split by model and key.",
            secret=True,
            url=RAM_CONSOLE,
            hosts=BILL_HOSTS,
            environment="ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            wrong_starts={"LTAI": "This is an AccessKey ID; the secret belongs here."},
        ),
        Field(
            name="region_id",
            label="Region of Model Studio",
            help="Needed for plan credits, rate limits and the split of bills by model and key.",
            kind="choice",
            choices=(("", "None"), ("ap-southeast-1", "Singapore"), ("cn-beijing", "Beijing")),
        ),
        Field(
            name="product_code",
            label="Product code",
            help="Bills and packages are narrowed to this product. Model Studio is sfm.",
            default="sfm",
        ),
        Field(
            name="inference_key",
            label="Inference key",
            help="An ordinary key (sk-..., plans: sk-sp-...). It reads models, and rate limits with the workspace's "
            "address; no balance, bill or usage.",
            secret=True,
            url=STUDIO_CONSOLE,
            starts_with=("sk-",),
            wrong_starts={"LTAI": "This is an AccessKey ID; an inference key begins with sk-."},
            hosts=KEY_HOSTS,
            environment="DASHSCOPE_API_KEY",
            can_spend=True,
        ),
        Field(
            name="plan",
            label="Plan of the inference key",
            help="Keys of the plans and pay-as-you-go keys are not interchangeable.",
            kind="choice",
            choices=(
                ("pay_as_you_go", "Pay as you go (sk-)"),
                ("coding_plan", "Coding Plan (sk-sp-)"),
                ("token_plan", "Token Plan (sk-sp-)"),
            ),
            default="pay_as_you_go",
        ),
        Field(
            name="workspace_url",
            label="Workspace address",
            help="Only to read rate limits with the inference key: https://<workspace id>.<region>.maas.aliyuncs.com.",
            kind="url",
        ),
    ),
    key_warning="An inference key can spend. An AccessKey with more policies could buy or delete: keep it read-only.",
    authorizers=(
        AlibabaSignature(name="access_key", key_id="access_key_id", secret="access_key_secret", hosts=BILL_HOSTS),
    ),
    check=Check(steps=check, source=f"{BILL_DOCS}-querybilloverview"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance, interval=timedelta(minutes=5), needs=NEEDS, source=f"{BILL_DOCS}-queryaccountbalance"
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("site", "access_key_id|inference_key"),
            source=f"{BILL_DOCS}-queryresourcepackageinstances; SDK alibabacloud_modelstudio20260210",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(hours=6),  # a call per day that is read again, for figures a day or two late
            needs=NEEDS,
            source=f"{BILL_DOCS}-describeinstancebill",
            history=timedelta(days=515),  # 18 billing cycles, the running one included: 17 months at least
            lookback=timedelta(days=35),  # on the 4th, when a month is final, all of it is read again
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(hours=6),
            needs=NEEDS,
            source=f"{BILL_DOCS}-queryaccountbill",
            history=timedelta(days=90),
            lookback=timedelta(days=35),
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("site", "inference_key"),
            source="https://www.alibabacloud.com/help/en/model-studio/ (OpenAI-compatible list)",
            confidence="unverified",  # the plans' hosts
        ),
        "keys": NotOffered(
            reason="Model Studio's list of keys answers with the keys themselves, so Purser does not ask for it.",
            fallback="Costs name the ids of the keys that they were made with.",
        ),
    },
)
