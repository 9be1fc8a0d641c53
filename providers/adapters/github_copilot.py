"""GitHub Copilot: AI credits, seat fee, budgets and seats of an organization, an enterprise or a paying user.

Docs: https://docs.github.com/en/rest/billing/usage, /rest/billing/budgets, /rest/copilot/copilot-user-management and
/rest/copilot/copilot-usage-metrics, checked 2026-11-20. The member's own quota is not documented by GitHub: observed in
https://github.com/steipete/CodexBar and https://github.com/ericc-ch/copilot-api, off unless chosen.
Key: a GitHub token that may read billing. Fine-grained (organization "Administration": read) or an app's installation
token for an organization; a classic one (manage_billing:enterprise) for an enterprise, which takes no other kind.
Sign-in: the device flow with the operator's own OAuth App or GitHub App, never with the client id of an editor:
https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow. An OAuth App's token
does not end; a GitHub App's ends after 8 hours and is renewed with a refresh token that changes each time.
Quirks: credits (USD 0.01 each) exist from 2026-06-01, premium requests before. Rows of that report carry no date, so a
day is one call. The dated report holds the same credits again: only the seat fee is taken from it. Amounts are dollars,
and 0 net means "covered by the plan". Activity reports are files behind signed links, fetched without the token.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from itertools import count
from typing import Any

from providers.credential_files import Pasted, document_of, is_file, token_in
from providers.errors import (
    MAX_RETRY_AFTER_SECONDS,
    ActionCode,
    ActionNeeded,
    NotAvailable,
    PayloadError,
    ProviderError,
    Retryable,
    retry_after_seconds,
)
from providers.oauth import OAuthApp
from providers.paging import MAX_PAGES, BrokenCursor, NextPage, pages
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
    month_start,
    next_month,
    rows,
    sequence,
    text,
    unix_seconds,
    utc_day,
)
from providers.records import CostBucket, Identity, Quota, Record, UsageBucket
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

API = "https://api.github.com"
USAGE_DOCS = "https://docs.github.com/en/rest/billing/usage"
METRICS_DOCS = "https://docs.github.com/en/rest/copilot/copilot-usage-metrics"
CLASSIC_URL = "https://github.com/settings/tokens"
FINE_GRAINED_URL = "https://github.com/settings/personal-access-tokens"
DEVICE_DOCS = "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps#device-flow"
# Client ids that public sources print, of an editor and of a command line tool. Theirs are not ours to use.
FOREIGN_CLIENTS = ("Iv1.b507a08c87ecfe98", "Ov23li8tweQw6odWQebz")
REGISTER = (
    "Register an OAuth App, best under the organization, with “Enable Device Flow” on. Or a GitHub App with the "
    "organization permission “Administration”: read and expiring user tokens: it reads less, and its tokens are "
    "renewed.",
    "Enter the callback address below: it is asked for, and not used.",
    "Copy the client id. The device flow needs no client secret.",
)
HEADERS = (("Accept", "application/vnd.github+json"), ("X-GitHub-Api-Version", "2026-03-10"))

DAY = timedelta(days=1)
CREDITS_SINCE = datetime(2026, 6, 1, tzinfo=UTC)
REPORTS_SINCE = datetime(2025, 10, 10, tzinfo=UTC)
HISTORY = timedelta(days=720)  # 24 months, less some days for the months' lengths
REPORTS_KEPT = timedelta(days=364)
REPORTS_LAG = timedelta(days=4)  # one or two days observed; a younger report that is missing is only late
REVISED_UNTIL = 5  # day of the month up to which the month before is read again
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
HOST = re.compile(r"https://api(\.[a-z0-9-]+\.ghe|\.github)\.com", re.IGNORECASE)
# (field with the name, segment of billing paths, segment of seats and metrics)
OWNERS = {
    "organization": ("org", "organizations", "orgs"),
    "enterprise": ("enterprise", "enterprises", "enterprises"),
    "user": ("username", "users", ""),
}
METERED = ("ai_credit", "ai_unit", "premium_request", "premium_interaction")


# --- Requests ------------------------------------------------------------------------------------------------------


def owner(account: Account) -> tuple[str, str]:
    """(kind, slug). The slug becomes part of a path, so nothing but a GitHub name passes."""
    kind = account.get("account_kind")
    if kind not in OWNERS:
        raise ActionNeeded("Choose whose Copilot this is.", code="missing_field", field="account_kind")
    field = OWNERS[kind][0]
    slug = account.get(field).strip()
    if not slug:
        raise ActionNeeded(f"{account.labels.get(field, field)} is missing.", code="missing_field", field=field)
    if not SLUG.fullmatch(slug):
        raise ActionNeeded(
            "Enter the name as it stands in the URL on GitHub: letters, digits and hyphens, not the display name.",
            field=field,
        )
    return kind, slug


def host(account: Account) -> str:
    base = account.get("api_host", API).strip().rstrip("/")
    if not HOST.fullmatch(base):
        raise ActionNeeded(
            "The API host is https://api.github.com, or https://api.SUBDOMAIN.ghe.com with data residency.",
            field="api_host",
        )
    return base


def site(account: Account) -> str:
    """Where people sign in: github.com, or the company's own host with data residency."""
    return host(account).lower().replace("https://api.", "https://")


def member_token(pasted: str) -> Pasted:
    """A member's token, or the apps.json (older: hosts.json) of an editor that is signed in: the first of its hosts."""
    if not is_file(pasted):
        return Pasted(token=pasted)
    what = "the apps.json or hosts.json of GitHub Copilot"
    document = document_of(pasted, what)
    row = next((row for name, row in document.items() if name.partition(":")[0] == "github.com"), None)
    return Pasted(token=token_in(row, "oauth_token", what))


def billing(account: Account, path: str, *params: tuple[str, str]) -> Request:
    kind, slug = owner(account)
    url = f"{host(account)}/{OWNERS[kind][1]}/{slug}/settings/billing/{path}"
    return Request(url=url, auth="billing_token", params=params, headers=HEADERS)


def copilot(account: Account, path: str, auth: str, *params: tuple[str, str]) -> Request:
    kind, slug = owner(account)
    url = f"{host(account)}/{OWNERS[kind][2]}/{slug}/copilot/{path}"
    return Request(url=url, auth=auth, params=params, headers=HEADERS)


def member_request(account: Account) -> Request:
    """Undocumented, and without the headers by which editors introduce themselves: Purser is none."""
    return Request(url=f"{host(account)}/copilot_internal/user", auth="member_oauth_token")


def year_and_month(moment: datetime) -> tuple[tuple[str, str], ...]:
    return ("year", str(moment.year)), ("month", str(moment.month))


def credits_request(account: Account, moment: datetime, *, whole_month: bool = False) -> Request:
    """Totals of one day, or of the month. Before June 2026 the unit was the premium request, in a report of its own."""
    report = "ai_credit" if moment >= CREDITS_SINCE else "premium_request"
    day = () if whole_month else (("day", str(moment.day)),)
    return billing(account, f"{report}/usage", *year_and_month(moment), *day)


def days_of(window: Window) -> list[datetime]:
    """The days to ask for. Month totals are revised: in a month's first days the month before is read again."""
    start, end = day_start(window.start), day_after(min(window.end, window.now))
    if window.end >= day_start(window.now) and window.now.day <= REVISED_UNTIL:
        start = min(start, month_start(month_start(window.now) - DAY))
    start = max(start, day_after(window.now - HISTORY))
    return [start + DAY * number for number in range((end - start).days)]


# --- Reading answers -----------------------------------------------------------------------------------------------


def items(reply: Reply, asked: datetime, *, whole_month: bool = False) -> list[Mapping[str, Any]]:
    """The rows of a credits report, once it is clear that they are of the period asked for: they carry no date."""
    document = reply.json()
    period = get(document, "timePeriod", mapping)
    wanted = {"year": asked.year, "month": asked.month} | ({} if whole_month else {"day": asked.day})
    told = {name: maybe(period, name, integer) for name in ("year", "month", "day")}
    if {name: value for name, value in told.items() if value is not None} != wanted:
        raise PayloadError("timePeriod is not the period that was asked for.")
    return distinct(get(document, "usageItems", rows))


def distinct(listed: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows alike in every field are one row sent twice."""
    return list({repr(row): row for row in listed}.values())


def final_of(day: datetime, now: datetime) -> bool | None:
    """Open until it is over; after that GitHub does not say until when it revises."""
    return False if day + DAY > now else None


def parse_credits(reply: Reply, day: datetime, now: datetime) -> Iterator[CostBucket]:
    """What was billed beyond the plan, by SKU and model. Net is GitHub's own figure, never computed."""
    totals: dict[tuple[str, str | None], Decimal] = {}
    for row in items(reply, day):
        place = get(row, "sku", text), maybe(row, "model", text) or None
        totals[place] = totals.get(place, Decimal(0)) + get(row, "netAmount", decimal)
    for (sku, model), amount in totals.items():
        yield CostBucket(
            start=day,
            end=day + DAY,
            amount=amount,
            unit="USD",
            model=model,
            line_item=sku,
            final=final_of(day, now),
        )


def parse_seat_fee(reply: Reply, wanted: frozenset[datetime], now: datetime) -> Iterator[CostBucket]:
    """Only Copilot's user-months: the report's credits are those of the credits report, the rest is other products."""
    totals: dict[tuple[datetime, str, str | None], Decimal] = {}
    for row in distinct(get(reply.json(), "usageItems", rows)):
        unit = re.sub(r"[^a-z]", "", get(row, "unitType", text).lower())
        if get(row, "product", text).lower() != "copilot" or unit != "usermonths":
            continue
        place = get(row, "date", utc_day), get(row, "sku", text), maybe(row, "organizationName", text) or None
        totals[place] = totals.get(place, Decimal(0)) + get(row, "netAmount", decimal)
    for (day, sku, organization), amount in totals.items():
        if day in wanted:
            yield CostBucket(
                start=day,
                end=day + DAY,
                amount=amount,
                unit="USD",
                line_item=sku,
                project=organization,
                final=final_of(day, now),
            )


def parse_usage(reply: Reply, day: datetime, now: datetime) -> Iterator[UsageBucket]:
    """Credits by model: used, covered by the plan, billed; and what they would cost without the plan."""
    found: dict[str | None, dict[str, Decimal]] = {}
    costs: dict[str | None, Decimal] = {}
    for row in items(reply, day):
        model = maybe(row, "model", text) or None
        unit = "premium_requests" if (maybe(row, "unitType", text) or "").lower() == "requests" else "ai_credits"
        told = {
            unit: get(row, "grossQuantity", decimal),
            f"{unit}_included": get(row, "discountQuantity", decimal),
            f"{unit}_billed": get(row, "netQuantity", decimal),
            "list_cost_usd": get(row, "grossAmount", decimal),
        }
        sums = found.setdefault(model, {})
        for name, value in told.items():
            sums[name] = sums.get(name, Decimal(0)) + value
        costs[model] = costs.get(model, Decimal(0)) + get(row, "netAmount", decimal)
    for model, quantities in found.items():
        yield UsageBucket(
            start=day,
            end=day + DAY,
            model=model,
            quantities=quantities,
            cost=costs[model],
            unit="USD",
            final=final_of(day, now),
        )


def parse_links(reply: Reply, day: datetime) -> list[str]:
    """Signed links to the day's files: none, one or more. They lead to another host, only ever encrypted."""
    if reply.status == 204:
        return []
    document = reply.json()
    if maybe(document, "report_day", utc_day) not in (None, day):
        raise PayloadError("report_day is not the day that was asked for.")
    links = [text(link, "download_links") for link in get(document, "download_links", sequence)]
    if not all(link.startswith("https://") for link in links):
        raise PayloadError("download_links holds something else than an https address.")
    return links


def parse_activity(reply: Reply, day: datetime) -> Iterator[UsageBucket]:
    """A line per person. The credits are those of the report by model again, so they have a name of their own; whether
    a CLI's prompt tokens hold cached ones is not told, so they are no `input_tokens`."""
    for line in reply.body.splitlines():
        if not line.strip():
            continue
        row = Reply(status=reply.status, headers={}, body=line).json()
        if get(row, "day", utc_day) != day:
            raise PayloadError("A line of the activity report is of another day.")
        organization = maybe(row, "organization_id", lambda value, where: text(str(value), where))
        tokens = maybe(maybe(row, "totals_by_cli", mapping) or {}, "token_usage", mapping) or {}
        told = {
            "ai_credits_by_user": maybe(row, "ai_credits_used", decimal),
            "cli_prompt_tokens": maybe(tokens, "prompt_tokens_sum", decimal),
            "cli_output_tokens": maybe(tokens, "output_tokens_sum", decimal),
        }
        yield UsageBucket(
            start=day,
            end=day + DAY,
            user=get(row, "user_login", text),
            project=organization or None,
            requests=maybe(row, "user_initiated_interaction_count", integer),
            quantities={name: value for name, value in told.items() if value is not None},
        )


def parse_month(reply: Reply, now: datetime) -> Iterator[Quota]:
    """Month so far. What is left of the included pool is told nowhere, so neither row has a limit."""
    listed = items(reply, now, whole_month=True)
    metered = [row for row in listed if (maybe(row, "unitType", text) or "").lower() != "requests"]
    for name, unit, field, counted in (
        ("AI credits this month", "credits", "grossQuantity", metered),
        ("Billed this month", "USD", "netAmount", listed),
    ):
        used = sum((get(row, field, decimal) for row in counted), Decimal(0))
        yield Quota(name=name, unit=unit, used=used, window="month", resets_at=next_month(now))


def parse_budgets(document: Any) -> Iterator[Quota]:
    """Budgets on Copilot. 0 means that nothing may be spent beyond the plan. What is used is told for a person's budget
    only. A budget on seats counts licences, not money."""
    for row in get(document, "budgets", rows):
        skus = [text(sku, "budget_product_skus").lower() for sku in maybe(row, "budget_product_skus", sequence) or ()]
        single = maybe(row, "budget_product_sku", text)
        covered = sorted({*skus, *([single.lower()] if single else [])})
        if not any("copilot" in sku or any(part in sku for part in METERED) for sku in covered):
            continue
        by_sku = maybe(row, "budget_type", text) == "SkuPricing"
        licences = by_sku and not any(part in sku for sku in covered for part in METERED)
        scope = get(row, "budget_scope", text)
        whom = maybe(row, "user", text) or maybe(row, "budget_entity_name", text)
        words = " ".join(filter(None, (scope, whom)))
        yield Quota(
            name=get(row, "id", text),
            unit="licenses" if licences else "USD",
            used=maybe(row, "consumed_amount", decimal),
            limit=get(row, "budget_amount", decimal),
            window="month",
            scope=f"{words} ({', '.join(covered)})"[:500],
        )


def budget_pages() -> NextPage:
    """Page numbers. An older server may ignore `per_page`: what the wrapper says counts, not how many rows came."""
    numbers, seen = count(2), 0

    def following(document: Any) -> tuple[str, str] | None:
        nonlocal seen
        came = len(get(document, "budgets", rows))
        seen += came
        more, total = maybe(document, "has_next_page", boolean), maybe(document, "total_count", integer)
        if not (more if more is not None else total is not None and seen < total):
            return None
        if not came:
            raise BrokenCursor
        return "page", str(next(numbers))

    return following


def seat_rows(total: int | None, active: int | None, inactive: int | None) -> Iterator[Quota]:
    told = {"Seats": total, "Seats active this cycle": active, "Seats inactive this cycle": inactive}
    for name, number in told.items():
        if number is not None:
            yield Quota(name=name, unit="seats", used=Decimal(number))


def parse_seats(reply: Reply) -> Iterator[Quota]:
    seats = get(reply.json(), "seat_breakdown", mapping)
    active, inactive = (maybe(seats, name, integer) for name in ("active_this_cycle", "inactive_this_cycle"))
    yield from seat_rows(get(seats, "total", integer), active, inactive)


def utc_time(value: Any, where: str) -> datetime:
    """A day, or a time that is UTC where it has no zone."""
    raw = text(value, where).strip()
    if len(raw) <= 10:
        return utc_day(raw, where)
    return instant(raw if re.search(r"(Z|[+-]\d\d:?\d\d)$", raw, re.IGNORECASE) else f"{raw}Z", where)


def parse_member(reply: Reply, scope: str | None) -> Iterator[Quota]:
    """A member's own buckets, by their keys. No limit means no row. 0 of 0 is a seat that the organization manages:
    only what was used is shown then."""
    document = reply.json()
    unit = "credits" if maybe(document, "token_based_billing", boolean) else "requests"
    resets = maybe(document, "quota_reset_date", utc_time)
    for name, bucket in (maybe(document, "quota_snapshots", mapping) or {}).items():
        row = mapping(bucket, "quota_snapshots")
        limit, left = maybe(row, "entitlement", decimal), maybe(row, "quota_remaining", decimal)
        if left is None:
            left = maybe(row, "remaining", decimal)
        percent, used = maybe(row, "percent_remaining", decimal), maybe(row, "credits_used", decimal)
        if maybe(row, "unlimited", boolean) or limit == -1 or (limit is None and percent is None and used is None):
            continue
        if limit == 0 and not left:
            limit = left = percent = None
            if used is None:
                continue
        elif limit is not None and left is not None:
            used = limit - left
            if percent is None and limit:
                percent = 100 * left / limit
        yield Quota(
            name=text(name, "quota_snapshots"),
            unit=unit,
            used=used,
            limit=limit,
            remaining=left,
            percent_used=None if percent is None else 100 - percent,
            window="month",
            resets_at=resets,
            scope=scope,
        )
    left_over = maybe(document, "limited_user_quotas", mapping) or {}
    for name, value in (maybe(document, "monthly_quotas", mapping) or {}).items():
        limit, left = decimal(value, "monthly_quotas"), maybe(left_over, name, decimal)
        if limit == -1:
            continue
        yield Quota(
            name=text(name, "monthly_quotas"),
            unit="requests",
            used=None if left is None else limit - left,
            limit=limit,
            remaining=left,
            window="month",
            resets_at=maybe(document, "limited_user_reset_date", utc_time),
            scope=scope,
        )


# --- Capabilities --------------------------------------------------------------------------------------------------

Found = Generator[Request | Partial, Reply, list[Record]]


def cost(account: Account, window: Window) -> Steps:
    """Credits billed per day, and the seat fee of the months that these days are in."""
    found: list[Record] = []
    days = days_of(window)
    for day in days:
        reply = yield credits_request(account, day)
        found += parse_credits(reply, day, window.now)
    if owner(account)[0] == "user":  # GitHub documents the dated report for organizations and enterprises
        return found
    for month in sorted({month_start(day) for day in days}):
        try:
            reply = yield billing(account, "usage", *year_and_month(month))  # without a month: the whole year
        except (ActionNeeded, NotAvailable) as error:
            yield Partial(reason=f"The seat fee is missing: {error.message}")
            break
        found += parse_seat_fee(reply, frozenset(days), window.now)
    return found


def usage(account: Account, window: Window) -> Steps:
    """By day and model where the token reads billing, and by day and person where one reads the activity reports."""
    found: list[Record] = []
    billed = account.has("billing_token")
    if billed:
        for day in days_of(window):
            reply = yield credits_request(account, day)
            found += parse_usage(reply, day, window.now)
    if not account.has("metrics_token"):
        return found
    try:
        found += yield from activity(account, window)
    except (ActionNeeded, NotAvailable) as error:
        if not billed:
            raise
        yield Partial(reason=f"The activity of people is missing: {error.message}")
    return found


def activity(account: Account, window: Window) -> Found:
    if owner(account)[0] == "user":
        raise NotAvailable("GitHub has activity reports for organizations and enterprises only.")
    oldest = max(REPORTS_SINCE, day_start(window.now - REPORTS_KEPT))
    found: list[Record] = []
    asked, absent, late = 0, 0, 0
    for day in days_of(window):
        if not oldest <= day < day_start(window.now):
            continue
        asked += 1
        report = ("day", day.date().isoformat())
        try:
            reply = yield copilot(account, "metrics/reports/users-1-day", "metrics_token", report)
        except NotAvailable:
            young = day > window.now - REPORTS_LAG
            late, absent = late + young, absent + (not young)
            continue
        for link in parse_links(reply, day):
            lines = yield Request(url=link, auth=None)
            found += parse_activity(lines, day)
    if absent and absent + late == asked:
        raise NotAvailable(
            "GitHub has no activity reports here. An owner switches on the policy “Copilot usage metrics”.", status=404
        )
    if absent:
        yield Partial(reason=f"GitHub has no activity report for {absent} of {asked} days.")
    return found


def month_so_far(account: Account, window: Window) -> Found:
    reply = yield credits_request(account, window.now, whole_month=True)
    return list(parse_month(reply, window.now))


def budgets(account: Account, window: Window) -> Found:
    first = billing(account, "budgets", ("page", "1"), ("per_page", "100"))
    documents = yield from pages(first, budget_pages())
    return [row for document in documents for row in parse_budgets(document)]


def seats(account: Account, window: Window) -> Found:
    """An organization tells the numbers. An enterprise lists people, some once per organization: each counts once."""
    if owner(account)[0] == "organization":
        reply = yield copilot(account, "billing", "billing_token")
        return list(parse_seats(reply))
    people: set[int] = set()
    nameless = 0
    for page in range(1, MAX_PAGES + 1):
        listing = ("page", str(page)), ("per_page", "100")
        reply = yield copilot(account, "billing/seats", "billing_token", *listing)
        for seat in get(reply.json(), "seats", rows):
            person = maybe(seat, "assignee", mapping)
            if person is None:
                nameless += 1
            else:
                people.add(get(person, "id", integer))
        if 'rel="next"' not in reply.headers.get("link", ""):
            return list(seat_rows(len(people) + nameless, None, None))
    yield Partial(reason=f"Stopped after {MAX_PAGES} pages of seats: their number is not known.")
    return []


def member(account: Account, window: Window) -> Found:
    reply = yield member_request(account)
    return list(parse_member(reply, None if account.get("account_kind") == "user" else "member"))


def quota(account: Account, window: Window) -> Steps:
    """Every part may be refused by itself: what the others tell is kept."""
    parts: dict[str, Callable[[Account, Window], Found]] = {}
    if account.has("billing_token"):
        parts["The month's credits"] = month_so_far
        if owner(account)[0] != "user":
            parts |= {"Budgets": budgets, "Seats": seats}
    if account.get("personal_quota") == "on" and account.has("member_oauth_token"):
        parts["The member's own quota"] = member
    if not parts:
        raise ActionNeeded(
            "The member's own quota is switched off, and there is no billing token.",
            code="missing_field",
            field="billing_token",
        )
    found: list[Record] = []
    troubles: list[tuple[str, ProviderError]] = []
    for name, part in parts.items():
        try:
            found += yield from part(account, window)
        except (ActionNeeded, NotAvailable) as error:
            troubles.append((name, error))
    if len(troubles) == len(parts):
        raise troubles[0][1]
    for name, trouble in troubles:
        yield Partial(reason=f"{name}: not there. {trouble.message}")
    return found


def check(account: Account, window: Window) -> Steps:
    """The month's total proves billing; without a billing token the newest report or the member's quota is asked."""
    kind = account.get("account_kind")
    if account.has("billing_token"):
        proof, subject, key_kind = credits_request(account, window.now, whole_month=True), kind, "billing"
    elif account.has("metrics_token") and owner(account)[0] != "user":
        path = f"metrics/reports/{kind}-28-day/latest"
        proof, subject, key_kind = copilot(account, path, "metrics_token"), "", "metrics"
    elif account.get("personal_quota") == "on" and account.has("member_oauth_token"):
        proof, subject, key_kind = member_request(account), "", "member"
    else:
        raise ActionNeeded("Enter a billing token.", code="missing_field", field="billing_token", url=FINE_GRAINED_URL)
    try:
        reply = yield proof
    except NotAvailable as error:
        code: ActionCode = "refused" if key_kind == "member" else "wrong_organization"
        raise ActionNeeded(error.message, code=code, status=error.status, field=OWNERS[kind][0]) from error
    document = {} if reply.status == 204 else mapping(reply.json(), "the answer")
    if key_kind == "billing":
        list(items(reply, window.now, whole_month=True))
    name = maybe(document, subject, text) or None
    scopes = tuple(filter(None, (part.strip() for part in reply.headers.get("x-oauth-scopes", "").split(","))))
    broad = any(scope.startswith(("manage_billing:", "admin:")) for scope in scopes)
    return [
        Identity(
            account_id=f"{kind}/{name.lower()}" if name else None,
            account_name=name,
            key_kind=key_kind,
            scopes=scopes,
            warnings=("can_spend",) if broad else (),
        )
    ]


# --- Refusals ------------------------------------------------------------------------------------------------------


def limited(reply: Reply) -> Retryable | None:
    """GitHub answers 403 as well as 429 when a limit is used up; both rest the whole token."""
    headers = reply.headers
    if reply.status not in (403, 429):
        return None
    used_up = headers.get("x-ratelimit-remaining", "").strip() == "0"
    words = (reply.said_text("message") or "").lower()
    if reply.status == 403 and not (used_up or "retry-after" in headers or "rate limit" in words):
        return None
    wait = retry_after_seconds(headers)
    if wait is None and used_up:
        try:  # against GitHub's own clock
            reset = unix_seconds(headers.get("x-ratelimit-reset", ""), "x-ratelimit-reset")
            wait = max(0.0, (reset - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
        except (PayloadError, ValueError, TypeError, OverflowError):
            wait = None
    wait = None if wait is None else min(wait, MAX_RETRY_AFTER_SECONDS)
    return Retryable("GitHub's rate limit for this token is used up.", status=429, retry_after=wait)


def explain(reply: Reply, request: Request) -> ProviderError | None:
    status, field = reply.status, request.auth
    if field is None:  # a signed link: it runs out, and the next reading gets a new one
        return Retryable("A download link of GitHub's was refused.", status=status) if 400 <= status < 429 else None
    found = limited(reply)
    if found:
        return found
    url = CLASSIC_URL if "/enterprises/" in request.url else FINE_GRAINED_URL
    if field == "member_oauth_token":
        if status in (401, 403):
            return ActionNeeded("GitHub refused the member's token.", status=status, field=field, url=CLASSIC_URL)
        return NotAvailable("This member has no Copilot (404).", status=404) if status == 404 else None
    if status == 401:
        words = (
            "GitHub does not know this token: it is mistyped, expired or revoked. An app's installation token lives "
        )
        return ActionNeeded(f"{words}one hour only.", status=401, field=field, url=url)
    if status == 403:
        words = f"GitHub refused this read: the token lacks {right(request.url)}, or is not yet authorized for single "
        return ActionNeeded(f"{words}sign-on (SAML).", code="missing_scope", status=403, field=field, url=url)
    if status == 404 and "/metrics/" not in request.url:
        words = (
            f"GitHub shows nothing of this to the token (404). The name is wrong, the token lacks {right(request.url)}"
        )
        if "/organizations/" in request.url:
            words += ", or the organization belongs to an enterprise: then choose the enterprise with its own token"
        return NotAvailable(f"{words}.", status=404)
    return None


def right(url: str) -> str:
    """The right that a read needs, as GitHub names it."""
    if "/copilot/metrics/" in url:
        return "“Organization Copilot metrics”: read (classic: read:org, for an enterprise read:enterprise)"
    if "/enterprises/" in url:
        return "manage_billing:enterprise on a classic token (no other kind is accepted here)"
    if "/copilot/billing" in url:
        return "“GitHub Copilot Business”: read (classic: manage_billing:copilot or read:org)"
    if "/users/" in url:
        return "“Plan”: read (classic: user)"
    return "the organization permission “Administration”: read (classic: manage_billing:copilot)"


PROVIDER = Provider(
    slug="github-copilot",
    icon="githubcopilot",
    name="GitHub Copilot",
    summary="AI credits, seat fee, budgets and seats of an organization or enterprise.",
    docs_url=USAGE_DOCS,
    console_url="https://github.com/settings/organizations",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    subscription=True,
    also_protocols=("OpenAIResponses",),
    base_urls=(
        BaseUrl(url="https://api.githubcopilot.com", use="inference", label="Individual"),
        BaseUrl(url="https://api.business.githubcopilot.com", use="inference", label="Business"),
        BaseUrl(url="https://api.enterprise.githubcopilot.com", use="inference", label="Enterprise"),
        BaseUrl(url=API, use="account", label="GitHub REST API"),
    ),
    fields=(
        Field(
            name="account_kind",
            label="Whose Copilot",
            help="An organization that belongs to an enterprise is billed there: choose the enterprise then.",
            required=True,
            kind="choice",
            choices=(("organization", "Organization"), ("enterprise", "Enterprise"), ("user", "One person, own plan")),
            default="organization",
        ),
        Field(
            name="org",
            label="Organization",
            help="For an organization: its name in the URL (github.com/NAME), not the display name.",
            applies=("account_kind", "organization"),
        ),
        Field(
            name="enterprise",
            label="Enterprise",
            help="For an enterprise: its name in the URL (github.com/enterprises/NAME).",
            applies=("account_kind", "enterprise"),
        ),
        Field(
            name="username",
            label="User name",
            help="For a person's own plan: the user name on GitHub.",
            applies=("account_kind", "user"),
        ),
        Field(
            name="billing_token",
            label="Billing token",
            help="Credits, cost, budgets and seats. For an organization a fine-grained token with “Administration”: "
            "read is enough; if GitHub refuses it, a classic one with manage_billing:copilot. An enterprise takes a "
            "classic one with manage_billing:enterprise only. A person's own plan needs “Plan”: read. With single "
            "sign-on (SAML), authorize the token for the organization.",
            scopes=("Organization permission “Administration”: read",),
            secret=True,
            url=FINE_GRAINED_URL,
            starts_with=("github_pat_", "ghp_", "ghs_", "gho_", "ghu_"),
            wrong_starts={
                "ghr_": "This is a refresh token. Make a personal access token instead.",
                "tid=": "This is a Copilot session token. Make a personal access token instead.",
            },
            environment="GITHUB_TOKEN",
            can_spend=True,
        ),
        Field(
            name="metrics_token",
            label="Metrics token",
            help="For the activity of each person; may be the same token. It reads who used Copilot and how "
            "much, so ask whether you may. Needs “Organization Copilot metrics”: read, or classic read:org "
            "(enterprise: read:enterprise), and the policy “Copilot usage metrics” switched on.",
            scopes=("Organization permission “Organization Copilot metrics”: read",),
            secret=True,
            url=FINE_GRAINED_URL,
            starts_with=("github_pat_", "ghp_", "ghs_"),
        ),
        Field(
            name="personal_quota",
            label="A member's own quota",
            help="GitHub does not document this read: it may change or stop, and GitHub may object to it. Heavy "
            "automated use has led to suspended Copilot access. Checked 20 Nov 2026; terms may have changed.",
            kind="choice",
            choices=(("off", "Off"), ("on", "On: read an undocumented page of GitHub's API")),
            default="off",
        ),
        Field(
            name="member_oauth_token",
            label="Member's token",
            help="Only for the member's own quota, unused while that is off: a GitHub token of the member, or the "
            "whole of an editor's ~/.config/github-copilot/apps.json.",
            secret=True,
            pasted=member_token,
            url=CLASSIC_URL,
            prefix="token ",
            starts_with=("gho_", "ghu_", "ghp_", "github_pat_"),
        ),
        Field(
            name="api_host",
            label="API host",
            help="Change it only with data residency: https://api.SUBDOMAIN.ghe.com.",
            kind="url",
            default=API,
        ),
    ),
    key_warning="A classic token with manage_billing can also change seats and budgets. Prefer a fine-grained one that "
    "only reads, where GitHub accepts it.",
    oauth_apps=(
        OAuthApp(
            name="billing",
            label="Billing of an organization",
            field="billing_token",
            flow="device",
            site=site,
            device_path="/login/device/code",
            token_path="/login/oauth/access_token",
            register_path="/settings/applications/new",
            scopes=("manage_billing:copilot",),
            steps=REGISTER,
            foreign=FOREIGN_CLIENTS,
            source=DEVICE_DOCS,
            confidence="observed",
        ),
        OAuthApp(
            name="member",
            label="A member's own quota",
            field="member_oauth_token",
            opt_in="personal_quota",
            flow="device",
            site=site,
            device_path="/login/device/code",
            token_path="/login/oauth/access_token",
            register_path="/settings/applications/new",
            scopes=("read:user",),
            steps=REGISTER,
            foreign=FOREIGN_CLIENTS,
            source=DEVICE_DOCS,
            confidence="unverified",
        ),
    ),
    check=Check(steps=check, source=USAGE_DOCS),
    explain=explain,
    capabilities={
        "balance": NotOffered(
            reason="GitHub tells no balance: what is left of the included credits is published nowhere.",
            fallback="The credits used this month and the budgets are shown instead.",
        ),
        "quota": Endpoint(
            steps=quota,
            interval=timedelta(minutes=15),
            needs=("account_kind", "billing_token|member_oauth_token"),
            source="https://docs.github.com/en/rest/billing/budgets",
        ),
        "usage": Endpoint(
            steps=usage,
            interval=timedelta(minutes=60),
            needs=("account_kind", "billing_token|metrics_token"),
            source=METRICS_DOCS,
            history=HISTORY,
            chunk=timedelta(days=30),
            lookback=timedelta(days=3),
        ),
        "cost": Endpoint(
            steps=cost,
            interval=timedelta(minutes=60),
            needs=("account_kind", "billing_token"),
            source=USAGE_DOCS,
            history=HISTORY,
            chunk=timedelta(days=30),
            lookback=timedelta(days=3),
        ),
        "keys": NotOffered(
            reason="Copilot has no API keys: people sign in with their GitHub accounts.",
            fallback="The number of seats is shown among the quotas.",
        ),
        "models": NotOffered(
            reason="GitHub lists the models only to a signed-in Copilot client, which Purser is not.",
            fallback="The models that were used are named in usage and cost.",
        ),
    },
)
