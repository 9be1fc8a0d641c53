"""Mistral AI: usage by day with the price list that it is billed by, the monthly spend limit, rate limits and keys.

Docs: https://docs.mistral.ai/admin/admin-api/usage-metrics, /admin/admin-api/authentication and the Admin API's OpenAPI
document in https://github.com/mistralai/platform-docs-public, checked 2026-11-20.
Key: an Admin API key (Enterprise plan, preview) for all account data; an ordinary API key lists models only.
Quirks: usage comes by calendar month and without money: an entry costs `value_paid` times a price of the list that
comes with it, which may have no row for it (cost unknown, not 0). Entries are free-form in the OpenAPI document; their
fields were observed. Storage of fine-tuned models has no documented unit and is not read. Vibe Code may repeat what
`completion` holds: its quantities stay apart, and its cost is left out. Free allowances make `value` and `value_paid`
differ. Days are taken as UTC, and `input` as tokens that were not cached: cached ones are a group of their own. Pages
disagree on the header of the Admin API key: guides say `x-api-key`, which is sent; the OpenAPI document says Bearer.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import Any

from msgspec import Struct

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError
from providers.paging import BrokenCursor, NextPage, pages
from providers.parse import (
    boolean,
    currency,
    day_after,
    day_start,
    decimal,
    get,
    instant,
    integer,
    mapping,
    maybe,
    month_start,
    next_month,
    rows,
    sequence,
    text,
    utc_day,
)
from providers.rate_limits import has_no_allowance, parse_limit_headers
from providers.records import CostBucket, Identity, Model, ProviderKey, Quota, UsageBucket
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
)

API = "https://api.mistral.ai/v1"
ADMIN = f"{API}/admin"
OLDER_ADMIN = "https://console.mistral.ai/api/admin"
MODELS = Request(url=f"{API}/models", auth="inference_key")
KEYS_PAGE = "https://console.mistral.ai/api-keys"
ADMIN_KEYS_PAGE = "https://backoffice.mistral.ai"
DOCS = "https://docs.mistral.ai/admin/admin-api"
DAY = timedelta(days=1)
KEYS_LIMIT = 100
WORKSPACES_PAGE = 25
MOST_WORKSPACES = 50
TOKEN_CLASSES = {"input": "input_tokens", "cached": "cached_input_tokens", "output": "output_tokens"}
UNITS = {f"_{unit}": unit for unit in ("tokens", "pages", "audio_seconds", "audio_characters", "connectors")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the usage answer: where it is, the unit of its entries, and what it prefixes its quantities with."""

    name: str
    path: tuple[str, ...]
    unit: str
    prefix: str = ""


SECTIONS = (
    Section(name="completion", path=("completion", "models"), unit="tokens"),
    Section(name="chat", path=("chat", "models"), unit="tokens"),
    Section(name="ocr", path=("ocr", "models"), unit="pages"),
    Section(name="connectors", path=("connectors", "models"), unit="connectors"),
    Section(name="audio", path=("audio", "models"), unit="audio_seconds"),
    Section(name="audio_characters", path=("audio_characters", "models"), unit="audio_characters"),
    Section(name="libraries_pages", path=("libraries_api", "pages", "models"), unit="pages"),
    Section(name="libraries_tokens", path=("libraries_api", "tokens", "models"), unit="tokens"),
    Section(name="libraries_audio", path=("libraries_api", "audio_seconds", "models"), unit="audio_seconds"),
    Section(name="fine_tuning", path=("fine_tuning", "training"), unit="tokens", prefix="training_"),
    *(
        Section(name=f"vibe_code_{name}", path=("vibe_code", name, "models"), unit=unit, prefix="vibe_")
        for name, unit in (
            ("completion", "tokens"),
            ("ocr", "pages"),
            ("connectors", "connectors"),
            ("audio", "audio_seconds"),
            ("audio_characters", "audio_characters"),
        )
    ),
)

Row = Mapping[str, Any]
Prices = dict[tuple[str | None, str | None], list[Row]]
Place = tuple[datetime, datetime, str, str]
"""Start, end, model, and section (usage) or line item (cost)."""
Sums = dict[Place, dict[str, Decimal]]
Measure = Callable[[Row], Sums]


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of the usage answer. `group` is "input", "output", "cached" or another word."""

    section: Section
    model: str
    group: str
    row: Row

    def span(self, month: datetime) -> tuple[datetime, datetime]:
        """Its day; the whole month where the entry has no `timestamp`."""
        return span_of(maybe(self.row, "timestamp", utc_day), month)

    @property
    def item(self) -> str:
        return f"{self.section.name} {self.model} {self.group}"

    @property
    def quantity(self) -> str:
        """What it counts: one of our token classes, else a quantity by its unit."""
        section, group = self.section, self.group
        unit = unit_of(maybe(self.row, "event_type", text)) or section.unit
        if unit != "tokens" or group not in TOKEN_CLASSES:
            return f"{section.prefix}{unit}"
        return f"{section.prefix}{group}_tokens" if section.prefix else TOKEN_CLASSES[group]


def unit_of(event: str | None) -> str | None:
    """The unit that an event's name ends with."""
    if event is not None:
        for ending, unit in UNITS.items():
            if event.endswith(ending):
                return unit
    return None


@lru_cache(maxsize=256)
def span_of(day: datetime | None, month: datetime) -> tuple[datetime, datetime]:
    if day is None:
        return month, next_month(month)
    if abs(day - month) > timedelta(days=62):
        raise PayloadError("The answer holds a day far from the month that was asked for.")
    return day, day + DAY


def parse_entries(document: Row) -> Iterator[Entry]:
    """Every entry of a month. A section that is missing is empty; an answer with none of them is none of Mistral's.
    An entry that is sent twice, the same in everything, counts once."""
    if not any(section.path[0] in mapping(document, "the answer") for section in SECTIONS):
        raise PayloadError("The answer has no section of usage.")
    for section in SECTIONS:
        place: Row | None = document
        for name in section.path:
            place = maybe(place, name, mapping) if place is not None else None
        for alias, groups in (place or {}).items():
            model = alias.rpartition("::")[2]
            for group, listed in mapping(groups, "a model").items():
                for row in distinct_rows(rows(listed, "a group of entries")):
                    told = maybe(row, "billing_group", text) or group
                    yield Entry(section=section, model=model, group=told, row=row)


def distinct_rows(listed: Sequence[Row]) -> Sequence[Row]:
    if len({str(row.get("timestamp")) for row in listed}) == len(listed):  # nearly always: one entry a day
        return listed
    return list({repr(sorted(row.items())): row for row in listed}.values())


def parse_prices(document: Row) -> Prices:
    """The rows of the price list by billing metric and group; without a list there are none."""
    found: Prices = {}
    for row in maybe(document, "prices", rows) or ():
        found.setdefault((maybe(row, "billing_metric", text), maybe(row, "billing_group", text)), []).append(row)
    return found


def price_of(entry: Entry, prices: Prices, zone: str) -> Decimal | None:
    """The price per unit that fits the entry, None where none or several different ones do. What the entry says of
    event, zone and tier has to fit where the price says it too; without a tier the standard one is meant."""
    metric = maybe(entry.row, "billing_metric", text)
    if metric is None:
        return None
    told = {
        "event_type": maybe(entry.row, "event_type", text),
        "api_zone": maybe(entry.row, "api_zone", text) or zone,
        "service_tier": maybe(entry.row, "service_tier", text) or "standard",
    }
    found = {
        get(price, "price", decimal)
        for price in prices.get((metric, entry.group), ())
        if all(not said or maybe(price, name, text) in (None, said) for name, said in told.items())
    }
    return found.pop() if len(found) == 1 else None


def parse_spend(reply: Reply, now: datetime) -> Iterator[Quota]:
    """Spend of the calendar month against its limit. Amounts are whole units, not cents; a limit of 0 is a real one.
    Without a currency no amount can be told."""
    limits = get(reply.json(), "limits", mapping)
    completion = get(limits, "completion", mapping)
    get(completion, "monthly_limit_reached", boolean)
    unit = maybe(limits, "currency", currency)
    if unit is None:
        return
    limitless = maybe(completion, "no_monthly_limit", boolean)
    limit = None if limitless else maybe(completion, "usage_limit", decimal)
    used = maybe(completion, "total_usage", decimal)
    if used is not None or limit is not None:
        reset = next_month(now)
        yield Quota(name="Monthly spend", unit=unit, used=used, limit=limit, window="month", resets_at=reset)
    vibe = maybe(completion, "vibe_usage", decimal)
    if vibe is not None:
        yield Quota(name="Vibe spend", unit=unit, used=vibe, window="month", resets_at=next_month(now))


def parse_rate_limits(reply: Reply) -> Iterator[Quota]:
    """Limits only: how much of them is used is not told."""
    document = reply.json()
    each_second = get(document, "requests_per_second", decimal)
    yield Quota(name="Requests per second", unit="requests", limit=each_second, window="second")
    for model, limits in get(document, "tokens_limits_by_model", mapping).items():
        for window in ("minute", "month"):
            limit = get(limits, f"tokens_per_{window}", decimal)
            yield Quota(name=f"Tokens per {window}", unit="tokens", limit=limit, window=window, scope=model)


def parse_workspace_limits(workspaces: list[Row], now: datetime) -> Iterator[Quota]:
    """Caps by workspace, in force where they have a value; what each workspace spent is not told here."""
    for row in workspaces:
        told = maybe(row, "spend_limit", mapping) or {}
        limit, unit = maybe(told, "value", decimal), maybe(told, "currency", currency)
        if limit is None or unit is None or maybe(told, "no_monthly_limit", boolean):
            continue
        scope, reset = get(row, "uuid", text), next_month(now)
        yield Quota(name="Workspace spend limit", unit=unit, limit=limit, window="month", resets_at=reset, scope=scope)


def parse_keys(listed: list[Row], now: datetime) -> Iterator[ProviderKey]:
    """`key` (the secret itself, null outside creation) and `created_by` (an address) are not read."""
    for row in listed:
        expires = maybe(row, "expiration_date", moment)
        yield ProviderKey(
            id=get(row, "key_id", text),
            name=maybe(row, "name", text),
            hint=maybe(row, "hidden_key", text),
            project=maybe(row, "workspace_id", text),
            state="expired" if expires is not None and expires <= now else None,
            created_at=maybe(row, "created_at", moment),
            expires_at=expires,
            last_used_at=maybe(row, "last_used", moment),
        )


def parse_models(reply: Reply) -> Iterator[Model]:
    """A model is listed again for each of its aliases, and an alias can be called: each id once."""
    seen: set[str] = set()
    for row in get(reply.json(), "data", rows):
        name = get(row, "id", text)
        if name not in seen:
            seen.add(name)
            yield Model(id=name, name=maybe(row, "name", text), context=maybe(row, "max_context_length", integer))


def moment(value: Any, where: str) -> datetime:
    """A time, or a bare day."""
    return utc_day(value, where) if len(text(value, where)) == len("2026-11-20") else instant(value, where)


def admin(account: Account, path: str, *params: tuple[str, str]) -> Request:
    return Request(url=f"{account.get('admin_base_url', ADMIN)}/{path}", auth="admin_api_key", params=params)


def by_offset() -> NextPage:
    """Pages of keys by `offset`, without a total: the end is a page that is not full."""
    seen: set[str] = set()

    def next_page(document: Any) -> tuple[str, str] | None:
        found = [get(row, "key_id", text) for row in get(document, "keys", rows)]
        if len(found) < KEYS_LIMIT:
            return None
        if seen.issuperset(found):
            raise BrokenCursor
        seen.update(found)
        return "offset", str(len(seen))

    return next_page


def by_number(document: Any) -> tuple[str, str] | None:
    page, size = get(document, "page", integer), get(document, "page_size", integer)
    more = page * size < get(document, "total", integer) and get(document, "items", rows)
    return ("page", str(page + 1)) if more else None


def workspaces(account: Account, *params: tuple[str, str]) -> Generator[Request | Partial, Reply, list[Row]]:
    """Every workspace once, by its uuid."""
    first = admin(account, "workspaces", *params, ("page", "1"), ("page_size", str(WORKSPACES_PAGE)))
    documents = yield from pages(first, by_number)
    found: dict[str, Row] = {}
    for document in documents:
        for row in get(document, "items", rows):
            found.setdefault(get(row, "uuid", text), row)
    return list(found.values())


def projects(account: Account) -> Generator[Request | Partial, Reply, list[str]]:
    """Workspaces to ask for one by one, archived ones too. None where one is chosen, or where there is but one; none
    either where they cannot be listed or are too many: the usage is then whole, but not split."""
    if account.has("workspace_id"):
        return []
    try:
        found = yield from workspaces(account, ("is_archived", "true"))
    except NotAvailable:
        return []
    return [get(row, "uuid", text) for row in found] if 1 < len(found) <= MOST_WORKSPACES else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The answers for one month: the whole, and one by workspace where it is split. `zone` is what was asked for."""

    start: datetime
    whole: Row
    parts: Mapping[str, Row]
    zone: str

    def share(self, measure: Measure, today: datetime) -> Iterator[tuple[str | None, Place, dict[str, Decimal]]]:
        """What `measure` finds by workspace, and under None what no workspace holds, so that the sum is the whole.

        The remainder is told even when it is 0: an earlier reading may have left something else in its place. On a
        day that is open a workspace, asked for later, may hold more than the whole did: then the remainder is 0.
        """
        rest = measure(self.whole)
        for project, document in self.parts.items():
            for place, sums in measure(document).items():
                yield project, place, sums
                left = rest.setdefault(place, {})
                for name, value in sums.items():
                    left[name] = left.get(name, Decimal(0)) - value
        for place, left in rest.items():
            if self.parts and place[1] > today:
                left = {name: max(value, Decimal(0)) for name, value in left.items()}
            yield None, place, left


def months(account: Account, window: Window) -> Generator[Request | Partial, Reply, list[Month]]:
    """Every month that the window touches, newest first, until Mistral names no earlier one. An empty month is no end:
    what was read of an older one would be taken for withdrawn."""
    spaces = yield from projects(account)
    asked = tuple((name, account.get(name)) for name in ("workspace_id", "api_zone") if account.has(name))
    month = month_start(window.end - timedelta(microseconds=1))
    found: list[Month] = []
    while month >= month_start(window.start):
        request = admin(account, "usage", ("month", str(month.month)), ("year", str(month.year)), *asked)
        try:
            reply = yield request
        except NotAvailable:
            if not found:
                raise
            yield Partial(reason=f"Mistral does not tell {month:%Y-%m}, nor what was before.")
            break
        whole = mapping(reply.json(), "the answer")
        parts: dict[str, Row] = {}
        if next(parse_entries(whole), None) is not None:
            for space in spaces:
                try:
                    reply = yield request.with_params(("workspace_id", space))
                except (NotAvailable, ActionNeeded) as error:
                    if error.status in (401, 403):
                        raise
                    continue  # no longer known by itself: its share stays in the whole
                parts[space] = mapping(reply.json(), "the answer")
        found.append(Month(start=month, whole=whole, parts=parts, zone=account.get("api_zone")))
        if whole.get("previous_month", "untold") is None:
            break
        month = month_start(month - DAY)
    return found


def whole_days(window: Window) -> tuple[datetime, datetime]:
    """[start, end) of the days that the window touches."""
    return day_start(window.start), day_after(window.end)


def consumed(document: Row, *, month: Month, window: Window, untold: set[str]) -> Sums:
    """Quantities (`value`, free ones included) by place; what has none is named in `untold`."""
    sums: Sums = {}
    first, last = whole_days(window)
    for entry in parse_entries(document):
        start, end = entry.span(month.start)
        value = maybe(entry.row, "value", decimal)
        if start >= last or end <= first:
            continue
        if value is None:
            untold.add(entry.item)
            continue
        counts = sums.setdefault((start, end, entry.model, entry.section.name), {})
        name = entry.quantity
        counts[name] = counts[name] + value if name in counts else value
    return sums


def charged(
    document: Row, *, month: Month, prices: Prices, window: Window, unpriced: set[str], apart: set[str]
) -> Sums:
    """Paid quantities times prices; what has no price is named in `unpriced`, what is left out in `apart`. Nothing paid
    (a free allowance) costs nothing at any price."""
    sums: Sums = {}
    first, last = whole_days(window)
    for entry in parse_entries(document):
        start, end = entry.span(month.start)
        paid = maybe(entry.row, "value_paid", decimal)
        paid = maybe(entry.row, "value", decimal) if paid is None else paid
        if start >= last or end <= first:
            continue
        if entry.section.path[0] == "vibe_code":
            if paid != 0:
                apart.add(entry.item)
            continue
        price = Decimal(0) if paid == 0 else price_of(entry, prices, month.zone)
        if paid is None or price is None:
            unpriced.add(entry.item)
            continue
        amount = sums.setdefault((start, end, entry.model, f"{entry.section.name} {entry.group}".strip()), {})
        amount["amount"] = amount.get("amount", Decimal(0)) + paid * price
    return sums


def usage_bucket(place: Place, counts: Mapping[str, Decimal], project: str | None, now: datetime) -> UsageBucket:
    start, end, model, section = place
    tokens = {name: integer(counts[name], name) for name in TOKEN_CLASSES.values() if name in counts}
    return UsageBucket(
        start=start,
        end=end,
        model=model or None,
        project=project,
        endpoint=section,
        input_tokens=tokens.get("input_tokens"),
        cached_input_tokens=tokens.get("cached_input_tokens"),
        output_tokens=tokens.get("output_tokens"),
        quantities={name: value for name, value in counts.items() if name not in tokens},
        final=False if end > day_start(now) else None,
    )


def usage(account: Account, window: Window) -> Steps:
    found: list[UsageBucket] = []
    untold: set[str] = set()
    for month in (yield from months(account, window)):
        measure = partial(consumed, month=month, window=window, untold=untold)
        for project, place, counts in month.share(measure, day_start(window.now)):
            found.append(usage_bucket(place, counts, project or account.get("workspace_id") or None, window.now))
    if untold:
        yield Partial(reason=f"Mistral told no quantity for {len(untold)} of the items used.")
    return found


def cost(account: Account, window: Window) -> Steps:
    """What has no price, or no currency, is told as missing, never as 0."""
    found: list[CostBucket] = []
    unpriced: set[str] = set()
    apart: set[str] = set()
    for month in (yield from months(account, window)):
        unit = maybe(month.whole, "currency", currency)
        if unit is None:
            if next(parse_entries(month.whole), None) is not None:
                yield Partial(reason=f"Mistral told no currency for {month.start:%Y-%m}: its cost is unknown.")
            continue
        prices = parse_prices(month.whole)
        measure = partial(charged, month=month, prices=prices, window=window, unpriced=unpriced, apart=apart)
        for project, (start, end, model, item), sums in month.share(measure, day_start(window.now)):
            found.append(
                CostBucket(
                    start=start,
                    end=end,
                    amount=sums["amount"],
                    unit=unit,
                    model=model or None,
                    line_item=item,
                    project=project or account.get("workspace_id") or None,
                    final=False if end > day_start(window.now) else None,
                )
            )
    if unpriced:
        yield Partial(
            reason=f"Mistral told no clear price for {len(unpriced)} of the items used: their cost is unknown."
        )
    if apart:
        yield Partial(reason="The cost of Vibe Code is left out: it may be a part of what is listed already.")
    return found


def quota(account: Account, window: Window) -> Steps:
    """With an Admin API key the spend limit, rate limits and caps of workspaces. Else what the free list of models
    tells in its headers, which no documentation promises."""
    if account.first_of("admin_api_key", "inference_key") == "inference_key":
        reply = yield MODELS
        get(reply.json(), "data", rows)
        found = parse_limit_headers(reply, now=window.now)
        if not found:
            raise NotAvailable(
                "Mistral told no rate limits with this free call: an ordinary key gets them with paid calls only, "
                "which Purser never makes. Add an Admin API key (Enterprise plan), or look them up in the Admin panel."
            )
        return found
    limits = list(parse_spend((yield admin(account, "spend-limit")), window.now))
    try:
        limits += parse_rate_limits((yield admin(account, "rate-limit")))
    except NotAvailable:
        yield Partial(reason="Mistral did not tell the rate limits.")
    try:
        listed = yield from workspaces(account)
    except NotAvailable:
        yield Partial(reason="Mistral did not list the workspaces and their limits.")
        return limits
    return [*limits, *parse_workspace_limits(listed, window.now)]


def keys(account: Account, window: Window) -> Steps:
    first = admin(account, "api-keys", ("limit", str(KEYS_LIMIT)), ("offset", "0"))
    documents = yield from pages(first, by_offset())
    return parse_keys([row for document in documents for row in get(document, "keys", rows)], window.now)


def models(account: Account, window: Window) -> Steps:
    reply = yield MODELS
    return parse_models(reply)


def check(account: Account, window: Window) -> Steps:
    """The list of models proves the API key, the spend limit the Admin API key. Neither tells an account id."""
    reply = yield MODELS
    get(reply.json(), "data", rows)
    warnings = ["no_allowance"] if has_no_allowance(reply) else []
    if not account.has("admin_api_key"):
        return [Identity(key_kind="inference_key", warnings=tuple(warnings))]
    limits = get((yield admin(account, "spend-limit")).json(), "limits", mapping)
    warnings.append("can_manage_keys")
    if get(get(limits, "completion", mapping), "monthly_limit_reached", boolean):
        warnings.append("blocked")  # calls are refused until the next month
    if maybe(limits, "last_payment_failure", boolean):
        warnings.append("payment_failed")
    return [Identity(key_kind="admin_api_key", warnings=tuple(warnings))]


def refused_parameters(reply: Reply) -> set[str]:
    """Names of the query parameters that a 422 complains about; empty where its body is not as documented."""
    try:
        detail = sequence(reply.json()["detail"], "detail")
        return {str(row["loc"][-1]) for row in detail if row["loc"]}
    except (ProviderError, KeyError, TypeError, IndexError):
        return set()


def explain(reply: Reply, request: Request) -> ProviderError | None:
    """By the status alone: what the Admin API writes with a 401 or 403 is not documented."""
    if request.auth == "inference_key":
        if reply.status == 401:
            return ActionNeeded("Mistral does not know this API key.", status=401, field="inference_key", url=KEYS_PAGE)
        if reply.status == 429 and has_no_allowance(reply):
            return ActionNeeded(
                "This API key has no allowance: one of its limits is 0.",
                code="blocked",
                status=429,
                field="inference_key",
                url="https://admin.mistral.ai",
            )
        return None
    if reply.status in (401, 403):
        return ActionNeeded(
            "Mistral does not know this Admin API key, or it has expired. An ordinary API key never works here."
            if reply.status == 401
            else "This is not an Admin API key of the organization; usage, limits and keys need one (Enterprise plan).",
            code="refused" if reply.status == 401 else "wrong_kind",
            status=reply.status,
            field="admin_api_key",
            url=ADMIN_KEYS_PAGE,
        )
    wrong = refused_parameters(reply) if reply.status == 422 else set()
    if wrong & {"month", "year"}:
        return NotAvailable("Mistral does not have the month that was asked for (422).", status=422)
    if "workspace_id" in wrong:
        return ActionNeeded(
            "Mistral does not take this workspace. Enter its UUID, or leave the field empty to read them all.",
            code="wrong_organization",
            status=422,
            field="workspace_id",
        )
    return None


PROVIDER = Provider(
    slug="mistral",
    name="Mistral AI",
    summary="Usage and cost by day, model and workspace, with spend and rate limits, for Enterprise organizations.",
    docs_url="https://docs.mistral.ai/admin/admin-api/overview",
    console_url=KEYS_PAGE,
    topup_url="https://admin.mistral.ai",
    checked=date(2026, 11, 20),
    price_list="mistral",
    wire_protocol="OpenAICompatible",
    base_urls=(
        BaseUrl(url=API, use="inference"),
        BaseUrl(url=ADMIN, use="account"),
        BaseUrl(url=OLDER_ADMIN, use="account", label="Admin API, older address"),
    ),
    fields=(
        Field(
            name="inference_key",
            label="API key",
            help="An ordinary API key of any workspace: it proves the connection and lists the models. It tells "
            "nothing of the account.",
            secret=True,
            required=True,
            url=KEYS_PAGE,
            hosts=("api.mistral.ai",),
            environment="MISTRAL_API_KEY",
            can_spend=True,
        ),
        Field(
            name="admin_api_key",
            label="Admin API key",
            help="For usage, cost, limits and keys. Enterprise plan only: made in the Backoffice "
            "(backoffice.mistral.ai) or the Admin panel, for one organization. It has no narrower rights: it can also "
            "invite people, delete keys and change the spend limit. Purser only reads with it.",
            secret=True,
            url=ADMIN_KEYS_PAGE,
            header="x-api-key",
            prefix="",
            environment="MISTRAL_ADMIN_API_KEY",
            can_spend=True,
        ),
        Field(
            name="workspace_id",
            label="Workspace",
            help="Empty reads usage and cost of all workspaces, split by workspace; a UUID reads those of one. Limits "
            "and keys always cover the whole organization.",
        ),
        Field(
            name="api_zone",
            label="API zone",
            help="Narrows usage and cost to one zone.",
            kind="choice",
            choices=(("", "All zones"), ("global", "Global"), ("us", "US"), ("eu", "EU")),
        ),
        Field(
            name="admin_base_url",
            label="Admin API address",
            help="Mistral's newer and older pages name different addresses. Change it only if the first is refused.",
            kind="choice",
            choices=((ADMIN, "api.mistral.ai"), (OLDER_ADMIN, "console.mistral.ai")),
            default=ADMIN,
        ),
    ),
    key_warning="An API key can spend, and an Admin API key can delete keys and change the spend limit. Use keys made "
    "for Purser, so that they can be revoked alone.",
    check=Check(steps=check, source="https://docs.mistral.ai/api/ (GET /v1/models)"),
    explain=explain,
    capabilities={
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("admin_api_key|inference_key",),
            source=f"{DOCS}/usage-metrics",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=60),
            needs=("admin_api_key",),
            confidence="observed",
            source=f"{DOCS}/usage-metrics",
            history=timedelta(days=730),
            chunk=timedelta(days=31),
            lookback=timedelta(days=62),  # refunds and corrections reach into the month before
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(minutes=60),
            needs=("admin_api_key",),
            confidence="observed",
            source=f"{DOCS}/usage-metrics",
            history=timedelta(days=730),
            chunk=timedelta(days=31),
            lookback=timedelta(days=62),
        ),
        "keys": Endpoint(
            steps=keys,
            interval=timedelta(hours=6),
            needs=("admin_api_key",),
            source="https://github.com/mistralai/platform-docs-public (OpenAPI, GET /v1/admin/api-keys)",
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("inference_key",),
            source="https://docs.mistral.ai/api/ (GET /v1/models)",
        ),
        "balance": NotOffered(
            reason="Mistral tells no balance to a key of any kind; prepaid credit shows only in its Admin panel.",
            fallback="With an Admin API key the spend of the month stands beside its limit.",
        ),
    },
)
