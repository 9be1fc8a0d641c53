"""ChatGPT subscription through Codex: a workspace's usage in credits; a member's windows and credits by choice.

Docs: https://developers.openai.com/docs/enterprise/analytics-api (usage), checked 2026-11-20. A member's windows are
not documented by OpenAI: its open-source client https://github.com/openai/codex shows the answer, and
https://github.com/steipete/CodexBar reads it, so they stay off unless chosen.
Key: a Platform key with the scope codex.enterprise.analytics.read, which OpenAI's support enables; for the windows the
access token of a signed-in member. It is never refreshed: a refresh token works once, and the CLI needs it.
Quirks: credits are not money. `totals`, `clients` and `models` are three views of the same credits. Days move for up to
a week. The slot of a window says nothing: its length does. A page of HTML is a browser check, not a refused token.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from providers.credential_files import Pasted, claims_of, document_of, ends_at, is_file, token_in
from providers.errors import ActionNeeded, NotAvailable, ProviderError
from providers.paging import BrokenCursor, pages
from providers.parse import (
    boolean,
    day_after,
    day_start,
    decimal,
    get,
    instant,
    integer,
    mapping,
    maybe,
    rows,
    text,
    unix_seconds,
)
from providers.records import Balance, Identity, Quota, UsageBucket
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

ANALYTICS = "https://api.chatgpt.com/v1/analytics/codex"
MEMBER = "https://chatgpt.com/backend-api"
ANALYTICS_DOCS = "https://developers.openai.com/docs/enterprise/analytics-api"
CLIENT_SOURCE = "https://github.com/openai/codex"
SIGN_IN = "https://developers.openai.com/codex/auth"
PLATFORM_KEYS = "https://platform.openai.com/api-keys"

DAY = timedelta(days=1)
PROVISIONAL = timedelta(days=7)
UNIT = "credits"
ROWS_PER_PAGE = 500
WORKSPACE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
CLAIMS = "https://api.openai.com/auth"
PLAIN_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
# (seconds, name, window); 17940 and 604740 have been seen, so 5 % either way is the same window.
LENGTHS = ((18_000, "5h", "5h"), (604_800, "weekly", "7d"), (2_592_000, "monthly", "month"))
# By slot, only where the length is missing.
SLOTS = {"primary_window": 18_000, "secondary_window": 604_800}
# Whom each limit binds.
SPEND_LIMITS = {
    "individual_limit": "member",
    "group_default_limit": "group",
    "workspace_default_limit": "workspace",
    "role_budget_limit": "role",
    "group_shared_limit": "group",
    "workspace_shared_limit": "workspace",
}
NO_LIMIT = frozenset({"none", "off", "disabled", "no_limit"})


# --- Enterprise analytics --------------------------------------------------------------------------------------------


def usage_request(account: Account, start: datetime, end: datetime, limit: int = ROWS_PER_PAGE) -> Request:
    """Rows of whole UTC days. The workspace becomes part of the path, so nothing but a UUID passes."""
    workspace = account.get("workspace_id").strip().lower()
    if not workspace:
        raise ActionNeeded("The workspace id is missing.", code="missing_field", field="workspace_id")
    if not WORKSPACE.fullmatch(workspace):
        raise ActionNeeded(
            "The workspace id is a UUID such as 6f1d0b52-0000-4000-8000-000000000042.", field="workspace_id"
        )
    return Request(
        url=f"{ANALYTICS}/workspaces/{workspace}/usage",
        auth="analytics_api_key",
        params=(
            ("start_time", str(int(start.timestamp()))),
            ("end_time", str(int(end.timestamp()))),
            ("limit", str(limit)),
        ),
    )


def next_page(document: Any) -> tuple[str, str] | None:
    """`next_page` as documented, or the `next_cursor` that one connector saw."""
    if not get(document, "has_more", boolean):
        return None
    for name, parameter in (("next_page", "page"), ("next_cursor", "cursor")):
        marker = maybe(document, name, text)
        if marker:
            return parameter, marker
    raise BrokenCursor


def parse_usage(documents: list[Any], start: datetime, end: datetime, now: datetime) -> Iterator[UsageBucket]:
    """A bucket per row and person. Rows alike in every field are one row sent twice; only rows that name nobody are
    added up. Whether the end asked for is exclusive is not told, so rows of later days are left out."""
    listed = {repr(row): row for document in documents for row in get(document, "data", rows)}
    nobody: dict[tuple[str, ...], UsageBucket] = {}
    for row in listed.values():
        bucket = parse_usage_row(row, now)
        if not start <= bucket.start < end:
            continue
        if bucket.user is None:
            known = nobody.get(bucket.key)
            nobody[bucket.key] = added(known, bucket) if known else bucket
        else:
            yield bucket
    yield from nobody.values()


def parse_usage_row(row: Mapping[str, Any], now: datetime) -> UsageBucket:
    """Credits from `totals`, tokens from `clients`, which alone have them. People go by their id, never by e-mail."""
    start, end = get(row, "start_time", unix_seconds), get(row, "end_time", unix_seconds)
    totals = get(row, "totals", mapping)
    spent = get(totals, "credits", decimal)
    clients = maybe(row, "clients", rows) or ()
    counts = {"turns": maybe(totals, "turns", decimal), "threads": maybe(totals, "threads", decimal)}
    tokens = token_sum(clients, "text_total_tokens")
    counts["text_total_tokens"] = None if tokens is None else Decimal(tokens)
    models = [
        (get(model, "model", text), maybe(model, "credits", decimal)) for model in maybe(row, "models", rows) or ()
    ]
    actor = maybe(row, "actor", mapping) or {}
    return UsageBucket(
        start=day_start(start),
        end=day_after(end),
        model=models[0][0] if len(models) == 1 and models[0][1] == spent else None,
        user=maybe(actor, "user_id", text) or maybe(row, "user_id", text) or None,
        input_tokens=token_sum(clients, "uncached_text_input_tokens"),
        cached_input_tokens=token_sum(clients, "cached_text_input_tokens"),
        output_tokens=token_sum(clients, "text_output_tokens"),
        quantities={name: value for name, value in counts.items() if value is not None},
        cost=spent,
        unit=UNIT,
        final=False if end > now - PROVISIONAL else None,
    )


def token_sum(clients: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """None where no client is listed, or where one does not tell this count."""
    counts = [maybe(client, name, integer) for client in clients]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


def added(one: UsageBucket, other: UsageBucket) -> UsageBucket:
    """The sum of two rows of a day; what either does not tell stays unknown."""
    sums: dict[str, Any] = {}
    for name in ("input_tokens", "cached_input_tokens", "output_tokens", "cost"):
        parts = getattr(one, name), getattr(other, name)
        sums[name] = None if None in parts else sum(parts)
    shared = [name for name in one.quantities if name in other.quantities]
    return replace(one, quantities={name: one.quantities[name] + other.quantities[name] for name in shared}, **sums)


def usage(account: Account, window: Window) -> Steps:
    start, end = day_start(window.start), day_after(min(window.end, window.now))
    documents = yield from pages(usage_request(account, start, end), next_page)
    return parse_usage(documents, start, end, window.now)


# --- A member's windows and credits ----------------------------------------------------------------------------------


def member_token(pasted: str) -> Pasted:
    """An access token, or the whole auth.json of the CLI. Kept are the token, the account id and the end; the refresh
    token is not: it works once, and the CLI needs it."""
    if not is_file(pasted):
        return Pasted(token=pasted, ends_at=ends_at(claims_of(pasted)))
    what = "the auth.json of the Codex CLI"
    tokens = document_of(pasted, what).get("tokens")
    token = token_in(tokens, "access_token", what)
    told = tokens if isinstance(tokens, dict) else {}
    account = told.get("account_id")
    if not isinstance(account, str):  # then the id token says it
        known = claims_of(str(told.get("id_token"))).get(CLAIMS)
        account = known.get("chatgpt_account_id") if isinstance(known, dict) else None
    usable = isinstance(account, str) and PLAIN_ID.fullmatch(account)
    fields = {"account_id": str(account)} if usable else {}
    return Pasted(token=token, fields=fields, ends_at=ends_at(claims_of(token)))


def member_request(account: Account, path: str) -> Request:
    """Undocumented, and without the headers by which OpenAI's clients introduce themselves: Purser is none. Without
    the account id a login with several workspaces would be read for the wrong one."""
    if account.get("mode") != "import_read_only":
        raise ActionNeeded(
            "Reading a member's windows is switched off: choose it under “What to read”, or clear the access token.",
            code="missing_field",
            field="mode",
        )
    return Request(
        url=f"{MEMBER}/{path}", auth="access_token", headers=(("ChatGPT-Account-Id", member_account(account)),)
    )


def member_account(account: Account) -> str:
    chosen = account.get("account_id").strip()
    if not chosen:
        raise ActionNeeded("The account id is missing.", code="missing_field", field="account_id")
    if not PLAIN_ID.fullmatch(chosen):
        raise ActionNeeded("The account id is what stands beside “account_id” in auth.json.", field="account_id")
    return chosen


def member_state(account: Account) -> Generator[Request | Partial, Reply, Mapping[str, Any]]:
    """The member's state, once it is clear that it is of the workspace that was asked for."""
    reply = yield member_request(account, "wham/usage")
    document = mapping(reply.json(), "the answer")
    get(document, "plan_type", text)
    told, asked = maybe(document, "account_id", text) or "", member_account(account)
    if WORKSPACE.fullmatch(told) and WORKSPACE.fullmatch(asked) and told.lower() != asked.lower():
        raise ActionNeeded(
            "OpenAI answered for another account of this person than the one entered.",
            code="wrong_organization",
            field="account_id",
        )
    return document


def parse_balance(document: Any) -> Iterator[Balance | Partial]:
    """Only where credits are in use and counted. A balance of null is unknown."""
    found = maybe(document, "credits", mapping)
    if found is None or not get(found, "has_credits", boolean) or get(found, "unlimited", boolean):
        return
    amount = maybe(found, "balance", decimal)
    if amount is None:
        yield Partial(reason="OpenAI says that there are credits, but not how many.")
    else:
        yield Balance(name="Codex credits", kind="prepaid", amount=amount, unit=UNIT)


def parse_quota(document: Any, now: datetime) -> Iterator[Quota]:
    main = maybe(document, "rate_limit", mapping)
    yield from parse_pool(main, None, now)
    for row in maybe(document, "additional_rate_limits", rows) or ():
        yield from parse_pool(maybe(row, "rate_limit", mapping), get(row, "limit_name", text), now)
    yield from parse_pool(maybe(document, "code_review_rate_limit", mapping), "code_review", now)
    spend = maybe(document, "spend_control", mapping) or {}
    for name, scope in SPEND_LIMITS.items():
        # A member's own limit has been seen in three places.
        places = (document, main or {}, spend) if name == "individual_limit" else (spend,)
        found = next(filter(None, (maybe(place, name, mapping) for place in places)), None)
        if found is not None:
            yield parse_spend_limit(found, name, scope, now)


def parse_pool(pool: Mapping[str, Any] | None, named: str | None, now: datetime) -> Iterator[Quota]:
    """A row per window that is there, told apart by its length; a pool of one window is called by its name alone."""
    windows = {slot: maybe(pool or {}, slot, mapping) for slot in SLOTS}
    there = {slot: row for slot, row in windows.items() if row is not None}
    for slot, row in there.items():
        seconds = maybe(row, "limit_window_seconds", integer) or SLOTS[slot]
        name, window = length_of(seconds)
        if named is not None:
            name = f"{named} {name}" if len(there) > 1 else named
        yield Quota(
            name=name,
            unit="percent",
            percent_used=get(row, "used_percent", decimal),
            window=window,
            resets_at=reset_of(row, now),
        )


def length_of(seconds: int) -> tuple[str, str]:
    """(name, window) of a window's length."""
    for usual, name, window in LENGTHS:
        if abs(seconds - usual) * 20 <= usual:
            return name, window
    return f"{seconds}s", f"{seconds}s"


def reset_of(row: Mapping[str, Any], now: datetime) -> datetime | None:
    """The moment of the reset, in seconds since 1970 (`resets_at` is observed, its form is not told)."""
    told = maybe(row, "reset_at", moment) or maybe(row, "resets_at", moment)
    after = maybe(row, "reset_after_seconds", integer)
    if told is None and after is not None and 0 <= after < 10**9:
        return now.replace(microsecond=0) + timedelta(seconds=after)
    return told


def moment(value: Any, where: str) -> datetime:
    return instant(value, where) if isinstance(value, str) and "-" in value else unix_seconds(value, where)


def parse_spend_limit(row: Mapping[str, Any], name: str, scope: str, now: datetime) -> Quota:
    """In credits, as texts or numbers. The period is not told."""
    return Quota(
        name=name,
        unit=UNIT,
        used=maybe(row, "used", decimal),
        limit=get(row, "limit", decimal),
        remaining=maybe(row, "remaining", decimal),
        percent_used=maybe(row, "used_percent", decimal),
        resets_at=reset_of(row, now),
        scope=scope,
    )


def parse_month(document: Any) -> Quota:
    """What the member used this month. No limit: none told, 0, or a mode that says so; an unknown mode still limits."""
    used = get(document, "current_month_usage", decimal)
    told = maybe(document, "effective_monthly_limit", mapping) or {}
    limit = maybe(told, "limit", decimal)
    if (maybe(told, "enforcement_mode", text) or "").strip().lower() in NO_LIMIT:
        limit = None
    return Quota(name="monthly_usage", unit=UNIT, used=used, limit=limit or None, window="month", scope="member")


def balance(account: Account, window: Window) -> Steps:
    document = yield from member_state(account)
    found: list[Balance] = []
    for row in parse_balance(document):
        if isinstance(row, Partial):
            yield row
        else:
            found.append(row)
    return found


def quota(account: Account, window: Window) -> Steps:
    """The member's month exists only beside a spend control, and may be refused by itself."""
    document = yield from member_state(account)
    found = list(parse_quota(document, window.now))
    if maybe(document, "spend_control", mapping) is not None:
        path = f"accounts/{member_account(account)}/spend-controls/current-user/monthly-usage"
        try:
            reply = yield member_request(account, path)
        except (ActionNeeded, NotAvailable):
            yield Partial(reason="OpenAI did not tell the member's credits of this month.")
        else:
            found.append(parse_month(reply.json()))
    return found


# --- Check and refusals ----------------------------------------------------------------------------------------------


def check(account: Account, window: Window) -> Steps:
    """One row of the workspace's usage proves the analytics key; without one, the member's state proves the token."""
    if account.has("analytics_api_key"):
        today = day_start(window.now)
        reply = yield usage_request(account, today - DAY, today, limit=1)
        get(reply.json(), "data", rows)
        return [Identity(key_kind="analytics")]
    if not account.has("access_token"):
        raise ActionNeeded(
            "Enter an analytics key.", code="missing_field", field="analytics_api_key", url=PLATFORM_KEYS
        )
    try:
        document = yield from member_state(account)
    except NotAvailable as error:
        raise ActionNeeded(error.message, status=error.status, field="account_id") from error
    return [
        Identity(account_id=maybe(document, "account_id", text) or None, key_kind="member", warnings=("can_spend",))
    ]


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status, field = reply.status, request.auth
    if status in (401, 403) and is_page(reply):
        return ActionNeeded(
            "OpenAI answered with a browser check instead of data: it blocks this server's address. The token may "
            "still be good.",
            code="blocked",
            status=status,
            field=field,
        )
    if field == "access_token":
        if status in (401, 403):
            return ActionNeeded(
                f"OpenAI refused the access token ({status}): it has expired, was revoked or is of another account. "
                "Sign in again with the Codex CLI and paste the new one; Purser never renews it.",
                status=status,
                field=field,
                url=SIGN_IN,
            )
        return NotAvailable("OpenAI shows no Codex for this account (404).", status=404) if status == 404 else None
    if status == 401:
        return ActionNeeded("OpenAI does not know this analytics key.", status=401, field=field, url=PLATFORM_KEYS)
    if status == 403:
        return ActionNeeded(
            "The key may not read this: it lacks the scope codex.enterprise.analytics.read (OpenAI's support enables "
            "it), or its Platform organization is not that of the workspace.",
            code="missing_scope",
            status=403,
            field=field,
            url=PLATFORM_KEYS,
        )
    if status == 404:
        return ActionNeeded(
            "OpenAI knows no such workspace for this key (404).",
            code="wrong_organization",
            status=404,
            field="workspace_id",
        )
    return None


def is_page(reply: Reply) -> bool:
    """HTML, by its header or by its first letter."""
    return "html" in reply.headers.get("content-type", "").lower() or reply.body.lstrip()[:1] == b"<"


PROVIDER = Provider(
    slug="chatgpt-codex",
    icon="codex",
    name="ChatGPT (Codex subscription)",
    summary="Codex credits and tokens of a ChatGPT Enterprise workspace; a member's windows by choice.",
    docs_url=ANALYTICS_DOCS,
    console_url="https://chatgpt.com/codex/settings/usage",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAIResponses",
    subscription=True,
    base_urls=(
        BaseUrl(url=f"{MEMBER}/codex", use="inference"),
        BaseUrl(url=ANALYTICS, use="account", label="Enterprise analytics"),
        BaseUrl(url=MEMBER, use="account", label="A member's windows (unofficial)"),
    ),
    fields=(
        Field(
            name="mode",
            label="What to read",
            help="Unofficial: OpenAI does not document how a member's windows and credits are read, so this may change "
            "or stop, and OpenAI's terms forbid sharing an account's credentials. Off unless you choose it; only the "
            "account's owner should. It only reads, and the token is never renewed. Checked 20 Nov 2026; terms may "
            "have changed.",
            kind="choice",
            choices=(
                ("enterprise_analytics", "Enterprise analytics only (official)"),
                ("import_read_only", "A member's windows and credits too (unofficial, read-only)"),
            ),
            default="enterprise_analytics",
        ),
        Field(
            name="analytics_api_key",
            label="Analytics key",
            help="A Platform key with the scope codex.enterprise.analytics.read. Write to support@openai.com to have "
            "it enabled; the key's Platform organization must be that of the workspace.",
            scopes=("codex.enterprise.analytics.read",),
            secret=True,
            url=PLATFORM_KEYS,
            starts_with=("sk-",),
            wrong_starts={
                "eyJ": "This is the access token of a signed-in person. Analytics needs a Platform key (sk-...)."
            },
            hosts=("api.chatgpt.com",),
        ),
        Field(
            name="workspace_id",
            label="Workspace id",
            help="For analytics: the id of the ChatGPT workspace, a UUID.",
        ),
        Field(
            name="access_token",
            label="Member's access token",
            help="Unofficial, and unused while that is off. After “codex login”: the whole of ~/.codex/auth.json, of "
            "which Purser keeps the access token and the account id, never the refresh token; or the text beside "
            "“access_token” alone. It ends after some days; then paste a new one.",
            secret=True,
            pasted=member_token,
            url=SIGN_IN,
            starts_with=("eyJ",),
            wrong_starts={
                "sk-": "This is an API key. A member's windows need the access token of a signed-in member (eyJ...).",
            },
            hosts=("chatgpt.com",),
            environment="CODEX_ACCESS_TOKEN",
            can_spend=True,
        ),
        Field(
            name="account_id",
            label="Account id",
            help="For a member's windows: the text beside “account_id” in ~/.codex/auth.json; empty, it is taken from "
            "the pasted file. One login can hold several workspaces; this says which one is read.",
        ),
    ),
    key_warning="An access token acts as the person who signed in, and can use up the plan and its credits. Prefer the "
    "analytics key, which only reads.",
    check=Check(steps=check, source=ANALYTICS_DOCS),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=15),
            needs=("access_token", "account_id"),
            confidence="observed",
            source=CLIENT_SOURCE,
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("access_token", "account_id"),
            confidence="observed",
            source=CLIENT_SOURCE,
            per_key=True,
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=60),
            needs=("analytics_api_key", "workspace_id"),
            source=ANALYTICS_DOCS,
            history=timedelta(days=90),
            chunk=timedelta(days=30),
            lookback=PROVISIONAL,
        ),
        "cost": NotOffered(
            reason="OpenAI tells no cost of a ChatGPT subscription: seats are billed apart, and credits are not money.",
            fallback="Credits are shown with the usage of an Enterprise workspace; enter the seats' price by hand.",
        ),
        "keys": NotOffered(
            reason="A ChatGPT subscription has no API keys: people sign in with their accounts.",
            fallback="Usage names the people by their ids.",
        ),
        "models": NotOffered(
            reason="OpenAI lists the subscription's models only to a signed-in Codex client, which Purser is not.",
            fallback="A day on which one person used a single model names it in usage.",
        ),
    },
)
