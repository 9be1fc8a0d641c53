"""GitHub's billing, budget, seat and metrics calls for Copilot, for one organization or enterprise per account.

Tokens: any with "sim-NAME" in it. "ghp_sim-NAME" is classic and reads everything; "github_pat_sim-NAME" (fine-grained)
and "ghs_sim-NAME" (an app's) read the organization but not the enterprise. One that ends in "-noscope" lacks every
right, one that ends in "-owned" is of an organization that an enterprise bills (404 there). Any name in the path is the
account. The ledger is what is billed: credits beyond the plan, and the seat fee, which is the pseudo model SEATS.
Reports of activity exist for every day but have no files: signed links carry no token, and so no account.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from providers.simulator.server import Answer, Call, Handler, Part, number
from providers.simulator.sign_in import Dialect
from providers.simulator.world import Charge, ModelProfile, Profile, day_of, made_up_uuid

HOST = "api.github.com"
SEATS = "Copilot Business"
SEAT_PRICE = Decimal(19)
CREDITS_SINCE = datetime(2026, 6, 1, tzinfo=UTC)
PAGE = 2
PROFILE = Profile(
    slug="github-copilot",
    unit="USD",
    step=Decimal("0.01"),
    daily_spend=Decimal("90"),
    topup=Decimal("4000"),
    topup_below=Decimal("500"),
    models=(
        ModelProfile(id="Claude Sonnet 4.6", input_price=Decimal("3"), output_price=Decimal("15"), weight=2),
        ModelProfile(id="GPT-5.2", input_price=Decimal("1.75"), output_price=Decimal("14"), weight=1.5),
        ModelProfile(id=SEATS, input_price=Decimal("1"), output_price=Decimal("1"), weight=2),
    ),
)
SEAT_COUNT = 84


def error(status: int, message: str) -> Answer:
    document = {"message": message, "documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return Answer(status=status, document=document)


def guarded(handler: Handler) -> Handler:
    """The refusals by the kind of token and of owner, and the headers that every answer has."""

    def answer(call: Call) -> Answer:
        classic = call.token.startswith("ghp_")
        if call.token.endswith("-noscope"):
            return error(403, "Resource not accessible by personal access token")
        if call.path.startswith("/enterprises/") and not classic:
            return error(403, "Resource not accessible by personal access token")
        if call.path.startswith("/organizations/") and call.token.endswith("-owned"):
            return error(404, "Not Found")
        told = handler(call)
        headers = {"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "4990", "X-RateLimit-Used": "10"}
        if classic:
            headers["X-OAuth-Scopes"] = "manage_billing:copilot, manage_billing:enterprise, read:org"
        return Answer(status=told.status, document=told.document, headers={**headers, **told.headers})

    return answer


def period(call: Call, *, month_needed: bool) -> tuple[dict[str, int], datetime, datetime]:
    """(as told back, start, end) of `year`, `month`, `day`. Raises ValueError for a date that does not exist."""
    year = int(call.one("year", str(call.now.year)))
    month = int(call.one("month", "0" if month_needed else str(call.now.month)))
    if not month:
        return {"year": year}, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    first = datetime(year, month, int(call.one("day", "1")), tzinfo=UTC)
    if call.one("day"):
        return {"year": year, "month": month, "day": first.day}, first, first + timedelta(days=1)
    return {"year": year, "month": month}, first, day_of(first + timedelta(days=32)).replace(day=1)


def owner_echo(call: Call) -> dict[str, str]:
    kind = {"organizations": "organization", "enterprises": "enterprise", "users": "user"}[call.path.split("/")[1]]
    return {kind: call.one("owner")}


def charged(call: Call, start: datetime, end: datetime) -> list[Charge]:
    return list(call.account.daily(start, min(end, call.now))) if start < call.now else []


def metered(*, price: Decimal, unit: str, sku: str, wanted: Callable[[datetime], bool]) -> Handler:
    """A report of credits or of premium requests: totals by model, without dates. The plan covers as much again."""

    def handler(call: Call) -> Answer:
        try:
            told, start, end = period(call, month_needed=False)
        except ValueError:
            return error(400, "Bad request: the date is not valid")
        net: dict[str, Decimal] = {}
        for charge in charged(call, start, end):
            if charge.model != SEATS and wanted(charge.start):
                net[charge.model] = net.get(charge.model, Decimal(0)) + charge.cost
        return Answer(
            document={
                "timePeriod": told,
                **owner_echo(call),
                "usageItems": [
                    {
                        "product": "Copilot",
                        "sku": sku,
                        "model": model,
                        "unitType": unit,
                        "pricePerUnit": number(price),
                        "grossQuantity": number(2 * billed / price),
                        "grossAmount": number(2 * billed),
                        "discountQuantity": number(billed / price),
                        "discountAmount": number(billed),
                        "netQuantity": number(billed / price),
                        "netAmount": number(billed),
                    }
                    for model, billed in net.items()
                ],
            }
        )

    return handler


def all_products(call: Call) -> Answer:
    """Dated rows: the seat fee, the credits once more, and another product. Without a month the whole year."""
    try:
        _, start, end = period(call, month_needed=True)
    except ValueError:
        return error(400, "Bad request: the date is not valid")
    days: dict[datetime, dict[str, Decimal]] = {}
    for charge in charged(call, start, end):
        sums = days.setdefault(charge.start, {})
        sums[charge.model] = sums.get(charge.model, Decimal(0)) + charge.cost
    found = []
    for day, sums in days.items():
        for model, amount in sums.items():
            seat = model == SEATS
            price = SEAT_PRICE if seat else Decimal("0.01")
            found.append(
                {
                    "date": day.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "product": "copilot",
                    "sku": SEATS if seat else "Copilot AI Credits",
                    "quantity": number(round(amount / price, 4)),
                    "unitType": "user-months" if seat else "ai-credits",
                    "pricePerUnit": number(price),
                    "grossAmount": number(amount),
                    "discountAmount": 0.0,
                    "netAmount": number(amount),
                    "organizationName": call.one("owner"),
                }
            )
        found.append(
            {
                "date": day.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "product": "actions",
                "sku": "Actions Linux",
                "quantity": 340,
                "unitType": "minutes",
                "pricePerUnit": 0.006,
                "grossAmount": 2.04,
                "discountAmount": 2.04,
                "netAmount": 0.0,
                "organizationName": call.one("owner"),
                "repositoryName": f"{call.one('owner')}/site",
            }
        )
    return Answer(document={"usageItems": found})


def budgets(call: Call) -> Answer:
    """Three budgets, two per page whatever `per_page` asks for, as an older server does."""
    name = call.account.name
    common = {"prevent_further_usage": True, "budget_alerting": {"will_alert": False, "alert_recipients": []}}
    listed = [
        {
            "id": made_up_uuid("github-copilot", "budget", name, "credits"),
            "budget_type": "BundlePricing",
            "budget_product_sku": "ai_credits",
            "budget_scope": "organization",
            "budget_entity_name": call.one("owner"),
            "budget_amount": 5000,
        },
        {
            "id": made_up_uuid("github-copilot", "budget", name, "person"),
            "budget_type": "BundlePricing",
            "budget_product_sku": "ai_credits",
            "budget_scope": "user",
            "user": f"{name}-dev",
            "budget_amount": 40,
            "consumed_amount": 18.22,
        },
        {
            "id": made_up_uuid("github-copilot", "budget", name, "actions"),
            "budget_type": "ProductPricing",
            "budget_product_sku": "actions",
            "budget_scope": "organization",
            "budget_entity_name": call.one("owner"),
            "budget_amount": 200,
        },
    ]
    first = (int(call.one("page", "1")) - 1) * PAGE
    rows = [{**row, **common} for row in listed[first : first + PAGE]]
    more = first + PAGE < len(listed)
    return Answer(document={"budgets": rows, "has_next_page": more, "total_count": len(listed)})


def seat_numbers(call: Call) -> Answer:
    active = SEAT_COUNT - 9
    return Answer(
        document={
            "seat_breakdown": {
                "total": SEAT_COUNT,
                "added_this_cycle": 2,
                "pending_cancellation": 0,
                "pending_invitation": 1,
                "active_this_cycle": active,
                "inactive_this_cycle": SEAT_COUNT - active,
            },
            "seat_management_setting": "assign_selected",
            "public_code_suggestions": "block",
            "plan_type": "business",
        }
    )


def seats(call: Call) -> Answer:
    """The first person has a seat in two organizations."""
    people = [*range(SEAT_COUNT), 0]
    page, size = int(call.one("page", "1")), min(100, int(call.one("per_page", "50")))
    listed = [
        {
            "created_at": "2026-02-03T09:12:44Z",
            "pending_cancellation_date": None,
            "last_activity_at": None,
            "last_activity_editor": None,
            "plan_type": "business",
            "assignee": {"login": f"member-{index}", "id": 9_000_000 + index, "type": "User"},
            "assigning_team": None,
        }
        for index in people[(page - 1) * size : page * size]
    ]
    more = {"Link": f'<https://{HOST}{call.path}?page={page + 1}>; rel="next"'} if page * size < len(people) else {}
    return Answer(document={"total_seats": len(people), "seats": listed}, headers=more)


def report(call: Call) -> Answer:
    day = call.one("day")
    told = {"report_day": day} if day else {"report_start_day": "2026-10-22", "report_end_day": "2026-11-18"}
    return Answer(document={"download_links": [], **told})


def refuse(status: int) -> Answer:
    return error(status, "Bad credentials" if status == 401 else "Resource not accessible by personal access token")


ai_credits = metered(
    price=Decimal("0.01"), unit="ai-credits", sku="Copilot AI Credits", wanted=lambda day: day >= CREDITS_SINCE
)
premium = metered(
    price=Decimal("0.04"), unit="requests", sku="Copilot Premium Request", wanted=lambda day: day < CREDITS_SINCE
)
ROUTES: dict[tuple[str, str], Handler] = {}
for kind in ("organizations", "enterprises", "users"):
    ROUTES["GET", f"/{kind}/{{owner}}/settings/billing/ai_credit/usage"] = ai_credits
    ROUTES["GET", f"/{kind}/{{owner}}/settings/billing/premium_request/usage"] = premium
for kind in ("organizations", "enterprises"):
    ROUTES["GET", f"/{kind}/{{owner}}/settings/billing/usage"] = all_products
    ROUTES["GET", f"/{kind}/{{owner}}/settings/billing/budgets"] = budgets
for kind, name in (("orgs", "organization"), ("enterprises", "enterprise")):
    ROUTES["GET", f"/{kind}/{{owner}}/copilot/billing/seats"] = seats
    ROUTES["GET", f"/{kind}/{{owner}}/copilot/metrics/reports/users-1-day"] = report
    ROUTES["GET", f"/{kind}/{{owner}}/copilot/metrics/reports/{name}-28-day/latest"] = report
ROUTES["GET", "/orgs/{owner}/copilot/billing"] = seat_numbers

PART = Part(
    slug="github-copilot",
    hosts=frozenset({HOST}),
    profile=PROFILE,
    routes={place: guarded(handler) for place, handler in ROUTES.items()},
    refuse=refuse,
    sign_in_host="github.com",
    sign_in=Dialect(
        device_path="/login/device/code",
        token_path="/login/oauth/access_token",  # noqa: S106
        verification_url="https://github.com/login/device",
        token_start="ghu_",  # noqa: S106
        refresh_start="ghr_",
        life=timedelta(hours=8),
        scope="",
        errors_are_200=True,
    ),
    demo={"account_kind": "organization", "org": "harbor-labs", "billing_token": "github_pat_sim-harbor"},
)
