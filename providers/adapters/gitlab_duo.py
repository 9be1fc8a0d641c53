"""GitLab Duo: GitLab Credits of a subscription (pool, limits, daily use) and the seats of the classic add-ons.

Docs: https://docs.gitlab.com/api/graphql/reference/ (subscriptionUsage, addOnPurchases), "GitLab Credits and usage
billing", https://docs.gitlab.com/api/personal_access_tokens/ and /groups/, and GitLab's source (ee/usage_quotas);
checked 2026-11-20. subscriptionUsage is an experiment since 18.5: its fields may change without notice.
Key: a personal (or group) access token with scope read_api, of an Owner of the top-level group on gitlab.com or of an
administrator of a self-managed instance. Anybody else gets null under HTTP 200, not a refusal.
Sign-in: an application of the operator's own (https://docs.gitlab.com/api/oauth2/), by authorization code with PKCE or,
since GitLab 17.1, by device code. Its tokens end after two hours and are renewed; GitLab tells about them at
/oauth/token/info, not where it tells about other tokens.
Quirks: the unit is credits, never money; only on-demand credits cost extra, and their price is the contract's. GraphQL
is asked by POST and only read; its errors come under HTTP 200, so they are looked at before the data. When the billing
service is down, fields are null. Members' figures are not asked for: they are personal, and cover a range, not a day.
"""

import re
from collections.abc import Generator, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.oauth import OAuthApp
from providers.parse import (
    boolean,
    day_after,
    day_start,
    decimal,
    get,
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
    host_of,
)

T = TypeVar("T")
Reading = Generator[Request | Partial, Reply, T]
Row = Mapping[str, Any]

CLOUD = "https://gitlab.com"
TOKENS_PAGE = "/-/user_settings/personal_access_tokens"
GRAPHQL_DOCS = "https://docs.gitlab.com/api/graphql/reference/"
OAUTH_DOCS = "https://docs.gitlab.com/api/oauth2/"
APPLICATIONS_PAGE = "/-/user_settings/applications"
UNIT = "credits"
DAY = timedelta(days=1)
SOON = timedelta(days=14)
GROUP_ID = re.compile(r"(?:gid://gitlab/Group/)?([0-9]{1,18})")
# Of every version since 18.5; what came later is dropped when the instance does not know it. The total came with
# https://gitlab.com/gitlab-org/gitlab/-/merge_requests/229322.
CORE = "enabled isOutdatedClient monthlyCommitment { totalCredits creditsUsed } overage { creditsUsed }"
TOTAL = "creditsUsed"
LIMITS = (
    f"{TOTAL} monthlyWaiver {{ totalCredits creditsUsed }} "
    "budgetCaps { subscriptionCap subscriptionCapEnabled flatUserCap flatUserCapEnabled }"
)
DAILY = f"{TOTAL} dailyUsage {{ date creditsUsed }}"


def parse_balance(usage: Row, now: datetime) -> Iterator[Balance]:
    """What is left of the credits bought in advance. They are replaced on the 1st and do not roll over. No commitment
    (pure pay as you go) is no balance, which is not a balance of 0."""
    pool = maybe(usage, "monthlyCommitment", mapping)
    if pool is not None:
        left = told(pool, "totalCredits") - told(pool, "creditsUsed")
        yield Balance(name="Monthly commitment", kind="prepaid", amount=left, unit=UNIT, expires_at=next_month(now))


def parse_pools(usage: Row, now: datetime) -> Iterator[Quota]:
    for name, column in (("monthly_commitment", "monthlyCommitment"), ("monthly_waiver", "monthlyWaiver")):
        pool = maybe(usage, column, mapping)
        if pool is not None:
            used, total = told(pool, "creditsUsed"), told(pool, "totalCredits")
            yield Quota(
                name=name,
                unit=UNIT,
                used=used,
                limit=total,
                remaining=total - used,
                window="month",
                resets_at=next_month(now),
            )


def parse_caps(usage: Row, now: datetime) -> Iterator[Quota]:
    """The subscription's cap binds on-demand credits alone, the cap of each user all kinds. A cap that is not enabled
    binds nobody, whatever its value."""
    caps, overage = maybe(usage, "budgetCaps", mapping) or {}, maybe(usage, "overage", mapping) or {}
    cap = maybe(caps, "subscriptionCap", decimal)
    if cap is not None and maybe(caps, "subscriptionCapEnabled", boolean):
        yield Quota(
            name="subscription_cap",
            unit=UNIT,
            used=maybe(overage, "creditsUsed", decimal),
            limit=cap,
            window="month",
            resets_at=next_month(now),
        )
    cap = maybe(caps, "flatUserCap", decimal)
    if cap is not None and maybe(caps, "flatUserCapEnabled", boolean):
        yield Quota(
            name="flat_user_cap", unit=UNIT, limit=cap, window="month", resets_at=next_month(now), scope="each user"
        )


def parse_estimate(usage: Row, price: str, now: datetime) -> Iterator[Quota]:
    """On-demand credits of the month times the admin's price: an estimate by its name, not what GitLab bills."""
    overage = maybe(usage, "overage", mapping)
    credits_used = maybe(overage, "creditsUsed", decimal) if overage is not None else None
    if credits_used is not None:
        yield Quota(
            name="on_demand_estimate",
            unit="USD",
            used=credits_used * decimal(price, "The price of a credit"),
            window="month",
            resets_at=next_month(now),
        )


def parse_seats(document: Row) -> Iterator[Quota]:
    """Every active add-on is listed; only Duo's own have seats of Duo."""
    for row in maybe(get(document, "data", mapping), "addOnPurchases", rows) or ():
        name = get(row, "name", text)
        if name.startswith("DUO_") or name == "CODE_SUGGESTIONS":
            yield Quota(
                name=name,
                unit="seats",
                used=Decimal(get(row, "assignedQuantity", integer)),
                limit=Decimal(get(row, "purchasedQuantity", integer)),
            )


def parse_daily(usage: Row, start: datetime, end: datetime, now: datetime) -> Iterator[UsageBucket]:
    """One row per day that is told; a day sent with 0 is a measured 0, a day left out is none. Figures come hours late,
    so the current and the previous day still move."""
    for row in get(usage, "dailyUsage", rows):
        day = get(row, "date", utc_day)
        if start <= day < end:
            yield bucket(day, day + DAY, get(row, "creditsUsed", decimal), now)


def parse_month(usage: Row, month: datetime, now: datetime) -> Iterator[UsageBucket]:
    """The total of a month. Which one early versions send is not documented: a figure below what was taken from the
    pool and on demand can only be the part that the plan includes, and those come on top."""
    used = maybe(usage, "creditsUsed", decimal)
    if used is not None:
        parts = [maybe(usage, name, mapping) or {} for name in ("monthlyCommitment", "monthlyWaiver", "overage")]
        taken = sum((maybe(part, "creditsUsed", decimal) or Decimal(0) for part in parts), Decimal(0))
        yield bucket(month, next_month(month), used if used >= taken else used + taken, now)


def bucket(start: datetime, end: datetime, credits_used: Decimal, now: datetime) -> UsageBucket:
    final = False if end > day_start(now) - DAY else None
    return UsageBucket(start=start, end=end, cost=credits_used, unit=UNIT, final=final)


def told(pool: Row, name: str) -> Decimal:
    """A figure that is always there, and null only while the billing service does not answer."""
    if name not in pool:
        raise PayloadError(f"The answer has no {name}.")
    value = maybe(pool, name, decimal)
    if value is None:
        raise Silent
    return value


class Silent(Retryable):
    """The question was taken, but the figures are null: the billing service does not answer."""

    def __init__(self) -> None:
        super().__init__("GitLab's billing service did not tell the credits.")


def instance(account: Account) -> str:
    root = account.get("instance_url", CLOUD).strip().rstrip("/")
    try:
        host_of(root)
    except ValueError:
        words = "The URL is not a plain http(s) address."
        raise ActionNeeded(words, code="missing_field", field="instance_url") from None
    return root


def is_cloud(account: Account) -> bool:
    return host_of(instance(account)) == host_of(CLOUD)


def namespace(account: Account) -> str | None:
    """The path of the top-level group; None for the subscription of a self-managed instance."""
    path = account.get("namespace_path").strip().strip("/")
    if "/" in path:
        raise ActionNeeded(
            "Credits belong to the top-level group: enter its path alone, without subgroups.",
            code="wrong_organization",
            field="namespace_path",
        )
    if not path and is_cloud(account):
        words = "On gitlab.com this needs the path of the top-level group."
        raise ActionNeeded(words, code="missing_field", field="namespace_path")
    return path or None


def ask(account: Account, query: str, variables: Row) -> Reading[Row]:
    request = Request(
        url=f"{instance(account)}/api/graphql",
        auth="token",
        method="POST",
        json={"query": query, "variables": dict(variables)},
    )
    return mapping((yield request).json(), "the answer")


def complaints(document: Row) -> list[str]:
    """The messages of `errors`, in lower case: to decide by, never to be shown."""
    errors = document.get("errors")
    found = [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    return [message.lower() for message in found if isinstance(message, str)]


def is_unknown(document: Row) -> bool:
    """GraphQL refuses the whole question for one field or argument that this version does not have."""
    words = " ".join(complaints(document))
    return document.get("data") is None and ("doesn't exist on type" in words or "doesn't accept argument" in words)


def credits_of(
    account: Account, newer: str, days: Row | None = None, *, older: str = "", months: Row | None = None
) -> Reading[tuple[Row, bool]]:
    """`subscriptionUsage` with CORE and the `newer` fields, and True; where this version does not have those, with the
    `older` fields and over `months` instead of `days`, and False. Raises what explains an answer without figures."""
    variables, span, whole = {"ns": namespace(account)}, days or {}, True
    document = yield from ask(account, usage_query(newer, span), {**variables, **span})
    if is_unknown(document):
        span, whole = months or {}, False
        document = yield from ask(account, usage_query(older, span), {**variables, **span})
    usage = parse_usage(document)
    if maybe(usage, "isOutdatedClient", boolean):
        yield Partial(reason="This GitLab is too old for today's billing service: figures may be missing.")
    return usage, whole


def usage_query(fields: str, span: Row) -> str:
    declared = ", $from: ISO8601Date, $to: ISO8601Date" if span else ""
    given = ", startDate: $from, endDate: $to" if span else ""
    return f"query($ns: ID{declared}) {{ subscriptionUsage(namespacePath: $ns{given}) {{ {CORE} {fields} }} }}"


def parse_usage(document: Row) -> Row:
    words = " ".join(complaints(document))
    if is_unknown(document):
        raise NotAvailable(
            "This GitLab does not tell its credits: the oldest that does is 18.5, and some figures need a newer one."
        )
    if document.get("data") is None and words:
        raise PayloadError("GitLab did not take the question that its documentation describes.")
    data = get(document, "data", mapping)
    if "subscriptionUsage" not in data:
        raise PayloadError("The answer has no subscriptionUsage.")
    usage = maybe(data, "subscriptionUsage", mapping)
    if usage is None and ("too many" in words or "rate limit" in words):
        raise Retryable("GitLab answered that there were too many calls.", status=429)
    if usage is None:
        raise ActionNeeded(
            "GitLab shows this token no credits. Its user must be an Owner of the top-level group (on a self-managed "
            "instance an administrator), and the path must be that group's.",
            code="missing_scope",
            field="token",
        )
    if not get(usage, "enabled", boolean):
        raise NotAvailable("GitLab Credits are switched off here, or there is no subscription.")
    figures = ("creditsUsed", "monthlyCommitment", "overage", "monthlyWaiver", "dailyUsage")
    nothing = all(usage.get(name) is None for name in figures)
    if nothing and maybe(usage, "isOutdatedClient", boolean):
        raise NotAvailable("This GitLab is too old, or too far from the internet, to be told its credits.")
    if nothing or words:
        raise Silent
    return usage


def top_group(account: Account) -> Reading[Row]:
    path = namespace(account) or ""
    request = Request(
        url=f"{instance(account)}/api/v4/groups/{quote(path, safe='')}",
        auth="token",
        params=(("with_projects", "false"),),
    )
    wrong = "GitLab shows this token no top-level group with this path."
    try:
        group = (yield request).json()
    except NotAvailable as error:
        raise ActionNeeded(wrong, code="wrong_organization", status=error.status, field="namespace_path") from error
    if maybe(group, "parent_id", integer) is not None:
        raise ActionNeeded(wrong, code="wrong_organization", field="namespace_path")
    return mapping(group, "the group")


def typed_group_id(account: Account) -> int | None:
    typed = account.get("group_gid").strip()
    found = GROUP_ID.fullmatch(typed)
    if typed and found is None:
        raise ActionNeeded(
            "The group's id looks like gid://gitlab/Group/123, or 123 alone.", code="missing_field", field="group_gid"
        )
    return int(found[1]) if found else None


def seats(account: Account) -> Reading[list[Quota]]:
    """Seats of the group on gitlab.com, of the instance elsewhere. The documentation asks for scope api; read_api is
    tried, and what comes of it is told."""
    argument = ""
    if is_cloud(account):
        number = typed_group_id(account)
        if number is None:
            number = get((yield from top_group(account)), "id", integer)
        argument = f'(namespaceId: "gid://gitlab/Group/{number}")'
    query = f"{{ addOnPurchases{argument} {{ name purchasedQuantity assignedQuantity }} }}"
    try:
        document = yield from ask(account, query, {})
    except ActionNeeded as error:
        if error.code != "missing_scope":
            raise
        raise NotAvailable("GitLab wants the scope api for them, which is more than Purser should have.") from error
    if document.get("errors"):
        raise NotAvailable("GitLab does not tell this token the seats of add-ons.")
    return list(parse_seats(document))


def balance(account: Account, window: Window) -> Steps:
    usage, _ = yield from credits_of(account, TOTAL)
    return list(parse_balance(usage, window.now))


def quota(account: Account, window: Window) -> Steps:
    """Credits and seats. A token that may read only one of them still tells that."""
    found: list[Quota] = []
    refusal: ProviderError | None = None
    try:
        usage, whole = yield from credits_of(account, LIMITS)
        if not whole:
            yield Partial(reason="This GitLab is too old to tell waived credits and caps.")
        found += parse_pools(usage, window.now)
        found += parse_caps(usage, window.now)
        found += parse_estimate(usage, account.get("usd_per_credit", "1"), window.now)
    except (ActionNeeded, NotAvailable) as error:
        if error.status == 401:
            raise
        refusal = error
    try:
        found += yield from seats(account)
    except (ActionNeeded, NotAvailable) as error:
        if error.status == 401:
            raise
        if refusal is None:
            yield Partial(reason=f"Seats are missing. {error.message}")
    if refusal is not None and not found:
        raise refusal
    if refusal is not None:
        yield Partial(reason=f"Credits are missing. {refusal.message}")
    return found


def usage(account: Account, window: Window) -> Steps:
    """By the calendar month, newest first: a range may not be longer than a year. The end is asked inclusively."""
    found: list[UsageBucket] = []
    by_month = False
    start, end = day_start(window.start), day_after(window.end)
    while start < end:
        month = month_start(end - DAY)
        first = max(start, month)
        asked, months = span(first, end), span(month, next_month(month))
        try:
            figures, whole = yield from credits_of(account, DAILY, asked, older=TOTAL, months=months)
            by_month = by_month or not whole
            found += parse_daily(figures, first, end, window.now) if whole else parse_month(figures, month, window.now)
        except Silent:
            if month >= month_start(window.now):
                raise
            # How far back history goes, and what stands before it, is not documented.
            yield Partial(reason=f"GitLab told nothing of {month:%Y-%m}.")
        end = first
    if by_month:
        yield Partial(reason="This GitLab is too old to tell credits by the day; they are shown by the month.")
    return found


def span(start: datetime, end: datetime) -> Row:
    return {"from": f"{start:%Y-%m-%d}", "to": f"{end - DAY:%Y-%m-%d}"}


def check(account: Account, window: Window) -> Steps:
    """The token by itself, the group, and whether credits are shown: three reads, because GitLab shows a Maintainer
    nothing and says nothing. An instance without credits may still have seats, so that is no refusal."""
    signed_in = "token" in account.signed_in
    scopes, expires_at = yield from (sign_in_told(account) if signed_in else token_told(account))
    if not {"read_api", "api"} & set(scopes):
        raise missing_scope(None, tokens_page(instance(account)))
    warnings = ["can_manage_keys", "can_spend"] if "api" in scopes else []
    if expires_at is not None and expires_at - window.now < SOON:
        warnings.append("expires_soon")
    account_id, name = None, namespace(account) or host_of(instance(account))
    if is_cloud(account):
        group = yield from top_group(account)
        number = get(group, "id", integer)
        if typed_group_id(account) not in (None, number):
            words = "This is not the id of the group with this path. Leave it empty: Purser looks it up."
            raise ActionNeeded(words, code="wrong_organization", field="group_gid")
        account_id, name = str(number), maybe(group, "name", text) or name
    try:
        yield from credits_of(account, TOTAL)
    except NotAvailable:
        warnings.append("no_credits")
    return [
        Identity(
            account_id=account_id,
            account_name=name,
            key_kind="signed_in" if signed_in else "access_token",
            scopes=scopes,
            warnings=tuple(warnings),
        )
    ]


def token_told(account: Account) -> Reading[tuple[tuple[str, ...], datetime | None]]:
    """(scopes, end) of a personal or group access token."""
    own = (yield Request(url=f"{instance(account)}/api/v4/personal_access_tokens/self", auth="token")).json()
    get(own, "id", integer)
    scopes = tuple(text(scope, "A scope") for scope in get(own, "scopes", sequence))
    if not get(own, "active", boolean) or maybe(own, "revoked", boolean):
        raise ActionNeeded("GitLab says that this token is revoked or expired.", field="token")
    return scopes, maybe(own, "expires_at", utc_day)


def sign_in_told(account: Account) -> Reading[tuple[tuple[str, ...], None]]:
    """Scopes of a token that came of a sign-in. It ends within hours and is renewed, so its end says nothing."""
    own = (yield Request(url=f"{instance(account)}/oauth/token/info", auth="token")).json()
    get(own, "resource_owner_id", integer)
    return tuple(text(scope, "A scope") for scope in get(own, "scope", sequence)), None


def tokens_page(root: str) -> str:
    return f"{root}{TOKENS_PAGE}"


def missing_scope(status: int | None, page: str) -> ActionNeeded:
    words = "This token lacks the scope read_api. Make one that has it, and no other scope."
    return ActionNeeded(words, code="missing_scope", status=status, field="token", url=page)


def explain(reply: Reply, request: Request) -> ProviderError | None:
    page = tokens_page(request.url.partition("/api/")[0])
    if reply.status == 401:
        return ActionNeeded(
            "GitLab refused this token: it is unknown, expired or revoked, or has not the scope read_api.",
            status=401,
            field="token",
            url=page,
        )
    if reply.status == 403 and reply.said("error") == "insufficient_scope":
        return missing_scope(403, page)
    if reply.status == 404 and request.url.endswith(("/api/graphql", "/personal_access_tokens/self")):
        words = "There is no GitLab at this address. Enter the address at which GitLab's start page opens."
        return ActionNeeded(words, code="missing_field", status=404, field="instance_url")
    return None


PROVIDER = Provider(
    slug="gitlab-duo",
    name="GitLab Duo",
    summary="GitLab Credits (pool, caps, daily use) and seats.",
    docs_url="https://docs.gitlab.com/subscriptions/gitlab_credits/",
    console_url=f"{CLOUD}{TOKENS_PAGE}",
    topup_url="https://customers.gitlab.com",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    subscription=True,
    self_hosted=True,
    base_urls=(
        BaseUrl(url=f"{CLOUD}/api/v4/ai/llm/proxy", use="inference", label="Not documented by GitLab"),
        BaseUrl(url=CLOUD, use="account"),
    ),
    fields=(
        Field(
            name="instance_url",
            label="GitLab address",
            help="https://gitlab.com, or the address of your own instance, without a slash at the end.",
            kind="url",
            required=True,
            default=CLOUD,
        ),
        Field(
            name="token",
            label="Access token",
            help="A personal or group access token with the scope read_api only. Its user must be an Owner of the "
            "top-level group, or an administrator of a self-managed instance; best a user made for Purser.",
            secret=True,
            required=True,
            url=f"{CLOUD}{TOKENS_PAGE}",
            starts_with=("glpat-",),
            environment="GITLAB_TOKEN",
            scopes=("read_api",),
        ),
        Field(
            name="namespace_path",
            label="Top-level group",
            help="The path of the top-level group, for example acme. Needed on gitlab.com; empty on a self-managed "
            "instance means the subscription of the whole instance.",
        ),
        Field(
            name="group_gid",
            label="Id of the group",
            help="Only for seats on gitlab.com: gid://gitlab/Group/123. Empty: Purser looks it up by the path.",
        ),
        Field(
            name="usd_per_credit",
            label="USD per on-demand credit",
            help="The price in your contract, for the estimate of on-demand credits. The list price is 1. Credits "
            "bought in advance are never converted.",
            kind="decimal",
            default="1",
        ),
    ),
    key_warning="A token with the scope api can change caps, code and tokens. Give Purser one with read_api alone.",
    oauth_apps=(
        OAuthApp(
            name="browser",
            label="In this browser",
            field="token",
            flow="code",
            site=instance,
            authorize_path="/oauth/authorize",
            token_path="/oauth/token",
            register_path=APPLICATIONS_PAGE,
            scopes=("read_api",),
            steps=(
                "Add an application, best under the top-level group or, on your own instance, in the admin area. Its "
                "redirect URI is the callback address below.",
                "Tick the scope read_api alone. Keep “Confidential” on.",
                "Copy the application id and the secret.",
            ),
            source=OAUTH_DOCS,
        ),
        OAuthApp(
            name="device",
            label="With a code, on another device",
            field="token",
            flow="device",
            site=instance,
            device_path="/oauth/authorize_device",
            token_path="/oauth/token",
            register_path=APPLICATIONS_PAGE,
            scopes=("read_api",),
            steps=("Use the same application. This needs GitLab 17.1 or later.",),
            source=f"{OAUTH_DOCS}#device-authorization-grant",
        ),
    ),
    check=Check(steps=check, source="https://docs.gitlab.com/api/personal_access_tokens/"),
    explain=explain,
    capabilities={
        "balance": Endpoint(
            steps=balance,
            interval=timedelta(minutes=15),
            needs=("token",),
            source=f"{GRAPHQL_DOCS}#querysubscriptionusage",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("token",),
            source=f"{GRAPHQL_DOCS}#querysubscriptionusage and #queryaddonpurchases",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(hours=1),
            needs=("token",),
            source=f"{GRAPHQL_DOCS}#querysubscriptionusage",
            history=timedelta(days=365),
            chunk=timedelta(days=30),
            lookback=timedelta(days=2),
        ),
        "cost": NotOffered(
            reason="GitLab tells credits and no money: no price, invoice or charge.",
            fallback="Credits are shown by the day, and on-demand credits as an estimate at your price per credit. "
            "Invoices are in the Customers Portal, with a CSV export by the month.",
        ),
        "keys": NotOffered(
            reason="GitLab Duo has no API keys: a token tells only about itself.",
            fallback="The check reads this token's scopes and warns two weeks before it expires.",
        ),
        "models": NotOffered(
            reason="GitLab has no account call that lists the models of Duo.",
            fallback="Its documentation names the models of each feature.",
        ),
    },
)
