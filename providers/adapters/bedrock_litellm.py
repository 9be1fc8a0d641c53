"""AWS Bedrock through a LiteLLM proxy: budgets, limits, keys, models and daily spend as the proxy itself keeps them.

Docs: https://docs.litellm.ai/docs/proxy/{virtual_keys,users,cost_tracking,health} and the source of LiteLLM 1.109.1
(github.com/BerriAI/litellm, litellm/proxy/management_endpoints), checked 2026-11-20.
Key: a virtual key reads its own budget, its own user's history and the models. A key of a user with the role
proxy_admin_viewer reads everybody's. The master key is refused here: it can do everything.
Quirks: management paths have no /v1. Money is USD in JSON floats, LiteLLM's estimate from its price map and not the
AWS invoice. `spend` of a key or team starts again with each budget period. max_budget null is no limit, 0 a real one.
A page of activity is a page of database rows: one date may come on several. The maps of a breakdown show the same money
again, so they are never added up; other providers behind the proxy are left out. prompt_tokens holds cached input.
The version stands on /health/readiness/details, which needs a key; on older proxies on /health/readiness.
Left out on purpose: GET /health (sends billed requests), /spend/logs (holds prompts), /global/spend/report
(Enterprise), /metrics (the same budgets again, and a counter that starts anew with the proxy).
"""

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable, retry_after_seconds
from providers.optional import version_or_none
from providers.paging import NextPage, pages
from providers.parse import (
    Reader,
    T,
    boolean,
    day_after,
    day_start,
    decimal,
    get,
    instant,
    integer,
    mapping,
    maybe,
    next_day,
    rows,
    sequence,
    text,
    utc_day,
)
from providers.records import Balance, Identity, KeyState, Model, ProviderKey, Quota, Server, UsageBucket
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

DOCS = "https://docs.litellm.ai/docs/proxy"
DAY = timedelta(days=1)
SOON = timedelta(days=14)
LAG = timedelta(minutes=5)  # spend is written in batches, about a minute late
NOISE = Decimal("0.000001")  # floats that are added in another order differ far behind the point
FULL_ACCESS, READS_ALL = "proxy_admin", "proxy_admin_viewer"
NO_DATABASE = "This proxy runs without a database: it keeps no keys, budgets or spend. Its /health/readiness says so."
PERIODS = {"1d": "day", "24h": "day", "30d": "month", "1mo": "month"}
LIMITS = (
    ("tpm_limit", "tokens per minute", "tokens", "minute"),
    ("rpm_limit", "requests per minute", "requests", "minute"),
    ("tpd_limit", "tokens per day", "tokens", "day"),
    ("max_parallel_requests", "parallel requests", "requests", None),
)
STATES: dict[str, KeyState] = {
    "active": "active",
    "expired": "expired",
    "revoked": "disabled",
    "deleted": "archived",
}
# "bedrock/...", an ARN, or an id of Bedrock's own: "anthropic.claude-...", "eu.anthropic.claude-...".
BEDROCK_MODEL = re.compile(r"bedrock/|arn:aws[\w-]*:bedrock:|(?:[a-z]{2,6}(?:-gov)?\.)?[a-z0-9]+\.[a-z]")
UNNAMED = ("", "unattributed", "unknown")

Row = Mapping[str, Any]


def moment(value: Any, where: str) -> datetime:
    """A time as LiteLLM writes it; without a zone it is UTC."""
    raw = text(value, where).strip()
    return instant(raw if re.search(r"(?:[Zz]|[+-]\d\d:?\d\d)$", raw) else f"{raw}+00:00", where)


def told(row: Row, name: str, reader: Reader[T]) -> T | None:
    """A value of the row itself, else of the shared budget that it belongs to: that is how the proxy applies them."""
    own = maybe(row, name, reader)
    return own if own is not None else maybe(maybe(row, "litellm_budget_table", mapping) or {}, name, reader)


def label_of(info: Row) -> str:
    """What a key is called. Never its `key`: older versions echo the secret there."""
    return maybe(info, "key_alias", text) or maybe(info, "key_name", text) or "this key"


def period_of(duration: str | None) -> str:
    return "lifetime" if duration is None else PERIODS.get(duration, duration)


def parse_balance(row: Row, name: str) -> Iterator[Balance]:
    """What is left of a budget; below zero when the last call went beyond it. No budget, no balance."""
    spend, limit = get(row, "spend", decimal), told(row, "max_budget", decimal)
    if limit is not None:
        usable = False if maybe(row, "blocked", boolean) else None
        yield Balance(name=name, kind="credit_line", amount=limit - spend, unit="USD", usable=usable)


def parse_limits(row: Row, what: str, scope: str) -> Iterator[Quota]:
    """Budgets and rate limits of a key, team or user. Of the rate limits nothing is told but the ceiling."""
    spend, limit = get(row, "spend", decimal), told(row, "max_budget", decimal)
    yield Quota(
        name=f"{what} spend" if limit is None else f"{what} budget",
        unit="USD",
        used=spend,
        limit=limit,
        remaining=None if limit is None else limit - spend,
        window=period_of(told(row, "budget_duration", text)),
        resets_at=told(row, "budget_reset_at", moment),
        scope=scope,
    )
    windows = maybe(row, "budget_limits_usage", mapping) or {}
    for entry in maybe(row, "budget_limits", rows) or ():
        duration = get(entry, "budget_duration", text)
        yield budget(
            f"{what} budget window",
            scope,
            get(entry, "max_budget", decimal),
            maybe(maybe(windows, duration, mapping) or {}, "current_spend", decimal),
            duration,
            maybe(entry, "reset_at", moment),
        )
    models = {
        **(maybe(row, "model_max_budget", mapping) or {}),
        **(maybe(row, "model_max_budget_usage", mapping) or {}),
    }
    for model, entry in models.items():
        ceiling = maybe(entry, "budget_limit", decimal) if isinstance(entry, dict) else None
        if ceiling is not None:
            used, every = maybe(entry, "current_spend", decimal), maybe(entry, "time_period", text)
            yield budget(f"{what} model budget", f"{scope}: {model}", ceiling, used, every)
    for name, words, unit, period in LIMITS:
        ceiling = told(row, name, decimal)
        if ceiling is not None:
            yield Quota(name=f"{what} {words}", unit=unit, limit=ceiling, window=period, scope=scope)


def budget(
    name: str,
    scope: str,
    limit: Decimal,
    used: Decimal | None,
    duration: str | None,
    resets_at: datetime | None = None,
) -> Quota:
    return Quota(
        name=name,
        unit="USD",
        used=used,
        limit=limit,
        remaining=None if used is None else limit - used,
        window=None if duration is None else period_of(duration),
        resets_at=resets_at,
        scope=scope,
    )


def parse_provider_budgets(reply: Reply) -> Iterator[Quota]:
    for name, row in get(reply.json(), "providers", mapping).items():
        limit = maybe(row, "budget_limit", decimal)
        if name.startswith("bedrock") and limit is not None:
            used, duration = maybe(row, "spend", decimal), maybe(row, "time_period", text)
            yield budget("Provider budget", name, limit, used, duration, maybe(row, "budget_reset_at", moment))


class Count(Struct, frozen=True, kw_only=True, gc=False):
    """The metrics of one place in a day's breakdown. Cache figures are None where a version does not tell them."""

    spend: Decimal = Decimal(0)
    prompt: int = 0
    completion: int = 0
    requests: int = 0
    cached: int | None = None
    written: int | None = None

    def __add__(self, other: "Count") -> "Count":
        return Count(
            spend=self.spend + other.spend,
            prompt=self.prompt + other.prompt,
            completion=self.completion + other.completion,
            requests=self.requests + other.requests,
            cached=other.cached if self.cached is None else self.cached + (other.cached or 0),
            written=other.written if self.written is None else self.written + (other.written or 0),
        )

    def less(self, part: "Count") -> "Count | None":
        """What stays when a part is taken away; None when the part is more than the whole."""
        spend = self.spend - part.spend
        rest = Count(
            spend=Decimal(0) if abs(spend) < NOISE else spend,
            prompt=self.prompt - part.prompt,
            completion=self.completion - part.completion,
            requests=self.requests - part.requests,
            cached=None if self.cached is None else max(0, self.cached - (part.cached or 0)),
            written=None if self.written is None else max(0, self.written - (part.written or 0)),
        )
        return None if rest.spend < 0 or min(rest.prompt, rest.completion, rest.requests) < 0 else rest

    def is_free(self) -> bool:
        return not (self.spend or self.prompt or self.completion)

    def __bool__(self) -> bool:
        return bool(self.spend or self.prompt or self.completion or self.requests)


NOTHING = Count()


@dataclass(slots=True, kw_only=True)
class Node:
    """A provider or model of one day: its own total, and the keys (by hash) that it splits into."""

    whole: Count = NOTHING
    keys: dict[str, Count] = field(default_factory=dict)

    def add(self, other: "Node") -> None:
        self.whole += other.whole
        for name, count in other.keys.items():
            self.keys[name] = self.keys[name] + count if name in self.keys else count


@dataclass(slots=True, kw_only=True)
class Day:
    """All rows of one date, whichever page they came on."""

    whole: Count = NOTHING
    providers: dict[str, Node] = field(default_factory=dict)
    models: dict[str, Node] = field(default_factory=dict)
    teams: dict[str, str | None] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.whole += count_of(get(row, "metrics", mapping))
        breakdown = get(row, "breakdown", mapping)
        for name, nodes in (("providers", self.providers), ("models", self.models)):
            for key, entry in (maybe(breakdown, name, mapping) or {}).items():
                nodes.setdefault(key, Node()).add(self._node(mapping(entry, name)))

    def _node(self, entry: Row) -> Node:
        node = Node(whole=metrics_of(entry))
        for key, part in (maybe(entry, "api_key_breakdown", mapping) or {}).items():
            node.keys[key] = metrics_of(mapping(part, "api_key_breakdown"))
            self.teams[key] = maybe(maybe(part, "metadata", mapping) or {}, "team_id", text) or self.teams.get(key)
        return node

    def split(self) -> Iterator[tuple[str | None, str | None, Count]]:
        """(model, key, figures) of Bedrock's part. The proxy tells models and providers apart, never crossed: with
        other providers in the day, the models that look like Bedrock's are named only if they add up to its total."""
        others = [name for name, node in self.providers.items() if node.whole and not name.startswith("bedrock")]
        # Calls that failed before a provider was chosen cost nothing; they stand among the models all the same.
        failed = [name for name in others if name in UNNAMED and self.providers[name].whole.is_free()]
        alone = len(others) == len(failed)
        bedrock = Node()
        for name, node in self.providers.items():
            if name.startswith("bedrock") or (alone and name in failed):
                bedrock.add(node)
        models = {
            name: node
            for name, node in self.models.items()
            if name not in UNNAMED and (alone or BEDROCK_MODEL.match(name))
        }
        rest = bedrock.whole.less(sum((node.whole for node in models.values()), NOTHING))
        if rest is None or (rest and not alone):
            yield from self._by_key(None, bedrock)
            return
        for name, node in models.items():
            yield from self._by_key(name, node)
        if rest:
            yield None, None, rest

    def _by_key(self, model: str | None, node: Node) -> Iterator[tuple[str | None, str | None, Count]]:
        """The keys of a node and what they leave over: the proxy cuts long lists of keys."""
        keys = {name: count for name, count in node.keys.items() if name not in UNNAMED}
        rest = node.whole.less(sum(keys.values(), NOTHING))
        if rest is None:
            keys, rest = {}, node.whole
        for name, count in keys.items():
            if count:
                yield model, name, count
        if rest:
            yield model, None, rest


def metrics_of(entry: Row) -> Count:
    """Versions differ in whether the figures stand under "metrics" or directly under the name."""
    return count_of(maybe(entry, "metrics", mapping) or entry)


def count_of(metrics: Row) -> Count:
    return Count(
        spend=get(metrics, "spend", decimal),
        prompt=get(metrics, "prompt_tokens", integer),
        completion=get(metrics, "completion_tokens", integer),
        requests=get(metrics, "api_requests", integer),
        cached=maybe(metrics, "cache_read_input_tokens", integer),
        written=maybe(metrics, "cache_creation_input_tokens", integer),
    )


def parse_days(documents: Iterable[Any]) -> dict[datetime, Day]:
    """Pages merged by date. The same row twice within a page is a slip of the proxy, and counts once."""
    days: dict[datetime, Day] = {}
    for document in documents:
        seen: list[Row] = []
        for row in get(document, "results", rows):
            if row not in seen:
                seen.append(row)
                days.setdefault(get(row, "date", utc_day), Day()).add(row)
    return days


def parse_usage(days: Mapping[datetime, Day], now: datetime) -> Iterator[UsageBucket]:
    for start, day in days.items():
        for model, key, count in day.split():
            # More cached than read contradicts itself: which of the figures is wrong is unknown. Versions that tell no
            # cache figures leave all input in one sum.
            fresh = count.prompt - (count.cached or 0) - (count.written or 0)
            yield UsageBucket(
                start=start,
                end=next_day(start),
                model=model,
                provider_key=key,
                project=day.teams.get(key) if key else None,
                input_tokens=fresh if fresh >= 0 else None,
                cached_input_tokens=count.cached,
                cache_write_tokens=count.written,
                output_tokens=count.completion,
                requests=count.requests,
                cost=count.spend,
                unit="USD",
                final=False if next_day(start) + LAG > now else None,
            )


def parse_keys(documents: Iterable[Any], now: datetime) -> Iterator[ProviderKey]:
    """Each key once, by its hash. A list that grows while it is read pushes keys onto the next page."""
    seen: set[str] = set()
    for document in documents:
        for entry in get(document, "keys", sequence):
            row = {"token": entry} if isinstance(entry, str) else mapping(entry, "keys")
            token = get(row, "token", text)
            if token.startswith("sk-"):
                raise PayloadError("This version of LiteLLM lists keys in the open; they were not kept.")
            if token not in seen:
                seen.add(token)
                yield parse_key(row, token, now)


def parse_key(row: Row, token: str, now: datetime) -> ProviderKey:
    expires_at, status = maybe(row, "expires", moment), maybe(row, "status", text)
    state = STATES.get(status) if status else "active" if len(row) > 1 else None
    if expires_at is not None and expires_at <= now and state == "active":
        state = "expired"
    if maybe(row, "blocked", boolean):
        state = "disabled"
    return ProviderKey(
        id=token,
        name=maybe(row, "key_alias", text),
        hint=maybe(row, "key_name", text),
        project=maybe(row, "team_id", text),
        state=state,
        created_at=maybe(row, "created_at", moment),
        expires_at=expires_at,
        last_used_at=maybe(row, "last_active", moment),
        limit=told(row, "max_budget", decimal),
    )


def parse_models(documents: Iterable[Any]) -> Iterator[Model]:
    """Bedrock's models by the name that callers use. Several deployments may share a name: a price on which they differ
    is not told."""
    found: dict[str, dict[str, set[Decimal | None]]] = {}
    for document in documents:
        for row in get(document, "data", rows):
            info = get(row, "model_info", mapping)
            name = get(row, "model_name", text)
            if (maybe(info, "litellm_provider", text) or "").startswith("bedrock"):
                prices = found.setdefault(name, {"input": set(), "output": set()})
                for kind, seen in prices.items():
                    seen.add(maybe(info, f"{kind}_cost_per_token", decimal))
    for name, prices in found.items():
        agreed = {kind: next(iter(seen)) for kind, seen in prices.items() if len(seen) == 1}
        told_prices = {kind: price * 1_000_000 for kind, price in agreed.items() if price is not None}
        yield Model(id=name, prices=told_prices, price_unit="USD" if told_prices else None)


def request(account: Account, path: str, auth: str | None, *params: tuple[str, str]) -> Request:
    """A call below the proxy's root, also when it was typed with the path of its OpenAI form."""
    root = account.get("base_url").strip().rstrip("/").removesuffix("/v1").rstrip("/")
    if not root:
        words = "Enter the address of your LiteLLM proxy, for example https://litellm.example."
        raise ActionNeeded(words, code="missing_field", field="base_url")
    return Request(url=f"{root}/{path}", auth=auth, params=params)


def ask(account: Account, path: str, auth: str, *params: tuple[str, str]) -> Generator[Request | Partial, Reply, Reply]:
    """The answer of a call that needs the proxy's database; a 500 may mean that it has none."""
    try:
        return (yield request(account, path, auth, *params))
    except Retryable as error:
        if error.status != 500:
            raise
        try:
            ready = (yield request(account, "health/readiness", None)).json()
            absent = maybe(ready, "db", text) == "Not connected"
        except ProviderError:
            absent = False
        if absent:
            raise NotAvailable(NO_DATABASE, status=500) from error
        raise


def by_number(parameter: str, current: str) -> NextPage:
    """Pages counted from 1. An answer of another page than the one asked for ends the walk in `pages`."""

    def next_page(document: Any) -> tuple[str, str] | None:
        place = maybe(document, "metadata", mapping) or document
        page = get(place, current, integer)
        more = maybe(place, "has_more", boolean)
        more = page < (maybe(place, "total_pages", integer) or 0) if more is None else more
        return (parameter, str(page + 1)) if more else None

    return next_page


def key_info(account: Account, auth: str) -> Generator[Request | Partial, Reply, Row]:
    reply = yield from ask(account, "key/info", auth)
    return get(reply.json(), "info", mapping)


def team_info(account: Account, team_id: str) -> Generator[Request | Partial, Reply, Row]:
    auth = account.first_of("read_key", "api_key")
    reply = yield from ask(account, "team/info", auth, ("team_id", team_id))
    document = reply.json()
    if get(document, "team_id", text) != team_id:
        raise PayloadError("LiteLLM answered about another team than the one asked for.")
    return get(document, "team_info", mapping)


def user_info(account: Account, user_id: str, auth: str) -> Generator[Request | Partial, Reply, Row | None]:
    """None for a user that the proxy has no row of; older versions have only the second path."""
    try:
        reply = yield from ask(account, "v2/user/info", auth, ("user_id", user_id))
        return mapping(reply.json(), "the user")
    except NotAvailable:
        pass
    try:
        reply = yield from ask(account, "user/info", auth, ("user_id", user_id))
    except NotAvailable:
        return None
    return maybe(reply.json(), "user_info", mapping)


def balance(account: Account, window: Window) -> Steps:
    """One scope only: the team's budget when a team is entered, else the key's. The others are shown as limits."""
    if account.has("team_id"):
        team_id = account.get("team_id")
        team = yield from team_info(account, team_id)
        return parse_balance(team, f"Team {maybe(team, 'team_alias', text) or team_id}")
    info = yield from key_info(account, "api_key")
    return parse_balance(info, f"Key {label_of(info)}")


def quota(account: Account, window: Window) -> Steps:
    """The key's own limits, and those of its team and user, which bind it as well."""
    info = yield from key_info(account, "api_key")
    found = list(parse_limits(info, "Key", label_of(info)))
    team_id = account.get("team_id") or maybe(info, "team_id", text)
    if team_id:
        try:
            team = yield from team_info(account, team_id)
        except (ActionNeeded, NotAvailable):
            if account.has("team_id"):
                raise
            yield Partial(reason="The limits of the key's team were not told to it.")
        else:
            found += parse_limits(team, "Team", maybe(team, "team_alias", text) or team_id)
    user_id = account.get("user_id") or maybe(info, "user_id", text)
    if user_id:
        try:
            user = yield from user_info(account, user_id, account.first_of("read_key", "api_key"))
        except ActionNeeded:
            yield Partial(reason="The limits of the key's user were not told to it.")
        else:
            found += parse_limits(user, "User", user_id) if user else ()
    if account.has("read_key"):
        try:
            found += parse_provider_budgets((yield request(account, "provider/budgets", "read_key")))
        except (ActionNeeded, NotAvailable):
            pass
        except Retryable as error:
            if error.status != 500:  # which is how the proxy says that there are none
                raise
    return found


def usage(account: Account, window: Window) -> Steps:
    """The aggregated form, else all pages of the older one. A team's rows, or the whole proxy's with the read key, or
    those of the key's own user."""
    start, end = day_start(window.start), day_after(window.end)
    auth = account.first_of("read_key", "api_key")
    params = [("start_date", start.date().isoformat()), ("end_date", (end - DAY).date().isoformat())]
    path = "user/daily/activity"
    if account.has("team_id"):
        path = "team/daily/activity"
        params.append(("team_ids", account.get("team_id")))
        if auth == "api_key":
            yield Partial(reason="A team member without the right to the whole team's activity sees only its own keys.")
    elif account.has("user_id"):
        params.append(("user_id", account.get("user_id")))
    try:
        reply = yield from ask(account, f"{path}/aggregated", auth, *params, ("api_key_limit", "1000"))
        documents = [reply.json()]
    except NotAvailable as error:
        if error.status not in (404, 405):
            raise
        first = request(account, path, auth, *params, ("page_size", "1000"))
        found = yield from pages(first, by_number("page", "page"))
        # A page that comes twice is walked only once: its rows would be added up again.
        documents = list({get(get(page, "metadata", mapping), "page", integer): page for page in found}.values())
        if len(documents) > 1:  # https://github.com/BerriAI/litellm/issues/30164
            yield Partial(reason="Older versions of LiteLLM can repeat or lose rows between pages: update the proxy.")
    days = {start_of: day for start_of, day in parse_days(documents).items() if start <= start_of < end}
    if any(day.whole and not day.providers for day in days.values()):
        yield Partial(reason="This version of LiteLLM does not tell which provider served: some days are missing.")
    return parse_usage(days, window.now)


def keys(account: Account, window: Window) -> Steps:
    params = [("page", "1"), ("size", "100"), ("return_full_object", "true")]
    if account.has("team_id"):
        params.append(("team_id", account.get("team_id")))
    first = request(account, "key/list", account.first_of("read_key", "api_key"), *params)
    documents = yield from pages(first, by_number("page", "current_page"))
    return parse_keys(documents, window.now)


def models(account: Account, window: Window) -> Steps:
    """With prices where the version has them; the plain list names other providers' models as well. Then the version
    of the proxy itself."""
    auth = account.first_of("read_key", "api_key")
    first = request(account, "v2/model/info", auth, ("page", "1"), ("size", "50"))
    try:
        documents = yield from pages(first, by_number("page", "current_page"))
    except NotAvailable:
        reply = yield request(account, "v1/models", auth)
        yield Partial(reason="This version of LiteLLM does not tell which of its models Bedrock serves, nor prices.")
        found = [Model(id=get(row, "id", text)) for row in get(reply.json(), "data", rows)]
    else:
        found = list(parse_models(documents))
    version = yield from version_or_none(request(account, "health/readiness/details", auth), "litellm_version")
    if version is None:
        version = yield from version_or_none(request(account, "health/readiness", None), "litellm_version")
    return [*found, Server(version=version)]


def check(account: Account, window: Window) -> Steps:
    """Each key proves itself by its own row. A proxy has no account id; an entered team is one."""
    info = yield from key_info(account, "api_key")
    infos = [info]
    role = None
    if account.has("read_key"):
        infos.append((yield from key_info(account, "read_key")))
        role = yield from role_of(account, maybe(infos[-1], "user_id", text))
    warnings = ["blocked"] if any(maybe(row, "blocked", boolean) for row in infos) else []
    expiries = [expires for row in infos if (expires := maybe(row, "expires", moment)) is not None]
    if any(expires <= window.now + SOON for expires in expiries):
        warnings.append("expires_soon")
    if role == FULL_ACCESS:
        warnings.append("can_manage_keys")
    elif role not in (None, READS_ALL):
        warnings.append("reads_own_only")
    team_id, name = account.get("team_id") or None, None
    if team_id:
        team = yield from team_info(account, team_id)
        name = maybe(team, "team_alias", text)
    return [
        Identity(
            account_id=team_id,
            account_name=name,
            key_kind="virtual_key",
            scopes=(role,) if role else (),
            warnings=tuple(warnings),
        )
    ]


def role_of(account: Account, user_id: str | None) -> Generator[Request | Partial, Reply, str | None]:
    """The role of the read key's user, where the version tells it."""
    try:
        user = (yield from user_info(account, user_id, "read_key")) if user_id else None
    except ActionNeeded:
        return None
    return None if user is None else maybe(user, "user_role", text)


def explain(reply: Reply, request: Request) -> ProviderError | None:
    kind, detail = reply.said_text("error", "type"), reply.said("detail")
    field_name = request.auth or "base_url"
    if kind == "no_db_connection":
        return NotAvailable(NO_DATABASE, status=reply.status)
    if kind == "budget_exceeded":  # 400, 422 or 429 by version; it heals by itself when the period ends
        words = "A budget is used up, and this version of LiteLLM then answers nothing until it resets or is raised."
        return Retryable(words, status=reply.status, retry_after=retry_after_seconds(reply.headers))
    if kind == "expired_key":
        return ActionNeeded("This key of the LiteLLM proxy has expired.", status=reply.status, field=field_name)
    if reply.status == 401 and kind != "token_not_found_in_db" and request.url.endswith("/key/list"):
        words = f"LiteLLM lists keys only to a key that may: enter the key of a user with the role {READS_ALL}."
        return ActionNeeded(words, code="missing_scope", status=401, field="read_key")
    if reply.status == 401 or (reply.status == 400 and request.url.endswith("/key/info")):
        words = "The LiteLLM proxy does not know this key."
        return ActionNeeded(words, status=reply.status, field=field_name)
    if reply.status == 403:
        words = (
            "LiteLLM does not tell this key what was asked: a key without a user has no history, and only the key of a "
            f"user with the role {READS_ALL} reads other users."
        )
        return ActionNeeded(words, code="missing_scope", status=403, field="read_key")
    if reply.status in (404, 405) and request.url.endswith("/key/info"):
        if kind == "not_found_error" or isinstance(detail, dict):
            words = "The proxy has no row of this key, as is so with the master key. Enter a virtual key instead."
            return ActionNeeded(words, code="wrong_kind", status=reply.status, field=field_name)
        words = "No LiteLLM proxy answers at this address. Enter its root, with its sub-path if it has one."
        return ActionNeeded(words, code="missing_field", status=reply.status, field="base_url")
    if reply.status == 404 and "/team/" in request.url and isinstance(detail, dict):  # an unknown path has words only
        words = "LiteLLM does not know this team, or the key is not in it."
        return ActionNeeded(words, code="wrong_organization", status=404, field="team_id")
    return None


PROVIDER = Provider(
    slug="bedrock-litellm",
    icon="bedrock",
    name="AWS Bedrock (LiteLLM proxy)",
    summary="Budgets, keys and daily spend on Bedrock as your LiteLLM proxy counts them; not the AWS invoice.",
    docs_url=DOCS,
    console_url=f"{DOCS}/ui",
    checked=date(2026, 11, 20),
    price_list="aws",
    wire_protocol="OpenAICompatible",
    also_protocols=("DirectAnthropic", "OpenAIResponses"),
    self_hosted=True,
    may_sleep=True,
    base_urls=(
        BaseUrl(url="http://localhost:4000/v1", use="inference", label="Your own proxy, by default"),
        BaseUrl(url="http://localhost:4000", use="account", label="Your own proxy, by default"),
    ),
    fields=(
        Field(
            name="base_url",
            label="Proxy address",
            help="The root of your LiteLLM proxy, with its sub-path if it has one, for example https://llm.example. "
            "Purser's own machine must reach it: in a container, localhost is the container itself.",
            kind="url",
            required=True,
        ),
        Field(
            name="api_key",
            label="Virtual key",
            help="Reads its own budget and limits, its own user's history and the models. Never the master key.",
            secret=True,
            required=True,
            url=f"{DOCS}/virtual_keys",
            starts_with=("sk-",),
            environment="LITELLM_API_KEY",
            can_spend=True,
        ),
        Field(
            name="read_key",
            label="Read key",
            help=f"A virtual key of a user with the role {READS_ALL}: then the history and the keys are those of the "
            "whole proxy. Never the master key.",
            secret=True,
            url=f"{DOCS}/access_control",
            starts_with=("sk-",),
            environment="LITELLM_READ_KEY",
            can_spend=True,
            scopes=(READS_ALL,),
        ),
        Field(
            name="team_id",
            label="Team ID",
            help="Entered, the team's budget is the balance, and history and keys are the team's. Empty: the virtual "
            "key's budget is the balance.",
        ),
        Field(
            name="user_id",
            label="User ID",
            help="Narrows the history to one user. Not used together with a team; without the read key only the "
            "virtual key's own user is answered.",
        ),
    ),
    key_warning="Virtual keys can spend unless they are made without models. The master key can do everything on the "
    "proxy: never enter it.",
    check=Check(steps=check, source=f"{DOCS}/virtual_keys"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=5),
            needs=("base_url", "api_key"),
            source=f"{DOCS}/users",
            per_key=True,
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("base_url", "api_key"),
            source=f"{DOCS}/users",
            per_key=True,
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=30),
            needs=("base_url", "read_key|api_key"),
            source=f"{DOCS}/cost_tracking",
            history=timedelta(days=365),
            chunk=timedelta(days=30),
            estimated="Amounts are LiteLLM's estimate from its price map, not what AWS bills.",
        ),
        "keys": Endpoint(
            steps=keys,
            interval=timedelta(hours=6),
            needs=("base_url", "read_key|api_key"),
            source=f"{DOCS}/virtual_keys",
        ),
        "models": Endpoint(
            steps=models,
            interval=timedelta(days=1),
            needs=("base_url", "read_key|api_key"),
            source=f"{DOCS}/model_management",
        ),
        "cost": NotOffered(
            reason="LiteLLM prices calls from its own list and does not know what AWS bills.",
            fallback="The usage rows carry LiteLLM's estimate in USD; the bill itself is in AWS Cost Explorer.",
        ),
    },
)
