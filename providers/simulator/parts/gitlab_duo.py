"""GitLab's credits, seats and token check: a few included credits, a monthly commitment, then on-demand use.

An account's group has the account's name: "glpat-sim-harbor" belongs to an Owner of the group "harbor". A token that
ends in "-maintainer" is shown no credits, one that ends in "-user" has no scope but read_user.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from providers.simulator.server import Answer, Call, Part, number
from providers.simulator.sign_in import Dialect
from providers.simulator.world import ModelProfile, Profile, SimAccount, day_of, made_up_id

DAY = timedelta(days=1)
PROFILE = Profile(
    slug="gitlab-duo",
    unit="credits",
    step=Decimal("0.01"),
    daily_spend=Decimal("40"),
    topup=Decimal("1500"),
    topup_below=Decimal("300"),
    models=(ModelProfile(id="duo-agent-platform", input_price=Decimal("3"), output_price=Decimal("15")),),
)
INCLUDED, COMMITTED, CAP = Decimal(100), Decimal(900), Decimal(600)
NOT_SHOWN = (
    "The resource that you are attempting to access does not exist or you don't have permission to perform this action"
)
TOKENS = re.compile(r'"[^"]*"|[\w$!]+|[{}():,]')

Tree = dict[str, Any]


def daily(account: SimAccount, start: datetime, end: datetime) -> dict[datetime, Decimal]:
    found: dict[datetime, Decimal] = {}
    for charge in account.daily(start, end):
        found[charge.start] = found.get(charge.start, Decimal(0)) + charge.cost
    return found


def commitment(account: SimAccount, month: datetime, now: datetime) -> Decimal:
    """What was bought for the month: the yearly contract's part, and what was added by hand since the month began."""
    added = sum((move.amount for move in account.moves.topups if month <= move.at <= now), Decimal(0))
    return (COMMITTED * account.scale).quantize(Decimal(1)) + added


def split(account: SimAccount, now: datetime) -> tuple[Decimal, Decimal, Decimal]:
    """(included, committed, on-demand) credits used in the current month, in the order in which they are used up."""
    month = day_of(now).replace(day=1)
    used = account.spent(month, now)
    included = min(used, (INCLUDED * account.scale).quantize(Decimal(1)))
    committed = min(used - included, max(Decimal(0), commitment(account, month, now)))
    return included, committed, used - included - committed


def subscription(call: Call) -> dict[str, Any]:
    variables = call.body.get("variables") or {}
    month = day_of(call.now).replace(day=1)
    start = day_named(variables.get("from")) or month
    asked = day_named(variables.get("to")) or month + timedelta(days=32) - DAY
    end = min(max(asked + DAY, start), call.now)
    days = daily(call.account, start, end) if start < end else {}
    _, committed, on_demand = split(call.account, call.now)
    return {
        "enabled": True,
        "isOutdatedClient": False,
        "startDate": f"{start:%Y-%m-%d}",
        "endDate": f"{asked:%Y-%m-%d}",
        "lastEventTransactionAt": f"{call.now:%Y-%m-%dT%H:00:00Z}",
        "creditsUsed": number(sum(days.values(), Decimal(0))),
        "dailyUsage": [{"date": f"{day:%Y-%m-%d}", "creditsUsed": number(used)} for day, used in days.items()],
        "monthlyCommitment": {
            "totalCredits": number(commitment(call.account, month, call.now)),
            "creditsUsed": number(committed),
        },
        "monthlyWaiver": None,
        "overage": {"isAllowed": True, "creditsUsed": number(on_demand)},
        "overageTermsAccepted": True,
        "budgetCaps": {
            "subscriptionCap": number(CAP),
            "subscriptionCapEnabled": True,
            "flatUserCap": None,
            "flatUserCapEnabled": False,
        },
    }


def day_named(value: Any) -> datetime | None:
    return datetime.fromisoformat(value).replace(tzinfo=UTC) if isinstance(value, str) else None


def parse(query: str) -> Tree:
    """The selection of a question as nested names; arguments are skipped."""

    def inside(words: Iterator[str]) -> Tree:
        found: Tree = {}
        name, depth = "", 0
        for word in words:
            if word in "()":
                depth += 1 if word == "(" else -1
            elif depth:
                continue
            elif word == "{":
                found[name] = inside(words)
            elif word == "}":
                return found
            else:
                name = word
                found[name] = {}
        return found

    tree: Tree = next(iter(inside(iter(TOKENS.findall(query))).values()))
    return tree


def pick(value: Any, wanted: Tree) -> Any:
    """What was asked for. Raises KeyError for a field that is not there."""
    if isinstance(value, list):
        return [pick(part, wanted) for part in value]
    return {name: pick(value[name], inner) for name, inner in wanted.items()} if isinstance(value, dict) else value


def refused(message: str, data: Any = None) -> Answer:
    return Answer(document={**({"data": data} if data else {}), "errors": [{"message": message}]})


def graphql(call: Call) -> Answer:
    if call.token.endswith("-user"):
        return Answer(status=401, document={"errors": [{"message": "Invalid token"}]})
    asked = parse(call.body["query"])
    told: dict[str, Any] = {}
    for name, wanted in asked.items():
        if name == "subscriptionUsage":
            if not is_owner(call) or call.body["variables"].get("ns") != call.account.name:
                return refused(NOT_SHOWN, {name: None})
            value: Any = subscription(call)
        elif name == "addOnPurchases":
            if not is_owner(call) or f'"gid://gitlab/Group/{group_id(call.account)}"' not in call.body["query"]:
                return refused(NOT_SHOWN, {name: None})
            value = add_ons(call.account)
        else:
            return refused(f"Field '{name}' doesn't exist on type 'Query'")
        try:
            told[name] = pick(value, wanted)
        except KeyError as missing:
            return refused(f"Field {missing} doesn't exist on type '{name}'")
    return Answer(document={"data": told})


def is_owner(call: Call) -> bool:
    return not call.token.endswith("-maintainer")


def add_ons(account: SimAccount) -> list[dict[str, Any]]:
    return [
        {
            "id": f"gid://gitlab/GitlabSubscriptions::AddOnPurchase/{place}",
            "name": name,
            "purchasedQuantity": bought,
            "assignedQuantity": account.chance("seats", name).randint(bought // 2, bought),
        }
        for place, (name, bought) in enumerate((("DUO_ENTERPRISE", 40), ("DUO_AMAZON_Q", 10), ("PRODUCT_ANALYTICS", 1)))
    ]


def group_id(account: SimAccount) -> int:
    return account.chance("group").randint(1_000_000, 90_000_000)


def group(call: Call) -> Answer:
    if call.token.endswith("-user"):
        return refuse(403)
    if call.one("path") != call.account.name:
        return Answer(status=404, document={"message": "404 Group Not Found"})
    name = call.account.name
    return Answer(
        document={
            "id": group_id(call.account),
            "name": name.title(),
            "path": name,
            "full_path": name,
            "parent_id": None,
        }
    )


def own_token(call: Call) -> Answer:
    if call.token.endswith("-signed"):  # GitLab tells of those elsewhere
        return refuse(401)
    scopes = ["read_user"] if call.token.endswith("-user") else ["read_api"]
    return Answer(
        document={
            "id": call.account.chance("token", call.token).randint(1_000_000, 90_000_000),
            "name": made_up_id("purser-", call.token, length=4),
            "revoked": False,
            "created_at": "2026-09-01T08:00:00.000Z",
            "scopes": scopes,
            "last_used_at": f"{call.now:%Y-%m-%dT%H:%M:%S.000Z}",
            "active": True,
            "expires_at": f"{call.now + timedelta(days=200):%Y-%m-%d}",
        }
    )


def sign_in_token(call: Call) -> Answer:
    if not call.token.endswith("-signed"):
        return Answer(status=401, document={"error": "invalid_token"})
    return Answer(
        document={
            "resource_owner_id": call.account.chance("person").randint(1, 90_000_000),
            "scope": ["read_api"],
            "expires_in_seconds": 7200,
            "application": {"uid": "sim-purser"},
            "created_at": int(call.now.timestamp()),
        }
    )


def refuse(status: int) -> Answer:
    if status == 403:
        return Answer(
            status=403,
            document={
                "error": "insufficient_scope",
                "error_description": "The request requires higher privileges than provided by the access token.",
                "scope": "api read_api",
            },
        )
    return Answer(status=status, document={"message": "401 Unauthorized"})


PART = Part(
    slug="gitlab-duo",
    hosts=frozenset({"gitlab.com"}),
    profile=PROFILE,
    routes={
        ("POST", "/api/graphql"): graphql,
        ("GET", "/api/v4/personal_access_tokens/self"): own_token,
        ("GET", "/api/v4/groups/{path}"): group,
        ("GET", "/oauth/token/info"): sign_in_token,
    },
    refuse=refuse,
    sign_in_host="gitlab.com",
    sign_in=Dialect(
        device_path="/oauth/authorize_device",
        token_path="/oauth/token",  # noqa: S106
        authorize_path="/oauth/authorize",
        verification_url="https://gitlab.com/oauth/device",
        token_start="",
        refresh_start="glrt-",
        life=timedelta(hours=2),
        scope="read_api",
    ),
    demo={"instance_url": "https://gitlab.com", "token": "glpat-sim-harbor", "namespace_path": "harbor"},
    token_of=lambda headers: (
        headers.get("private-token", "") or headers.get("authorization", "").removeprefix("Bearer ")
    ),
)
