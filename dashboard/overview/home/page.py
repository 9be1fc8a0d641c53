"""The overview, composed from the domains' selectors."""

import logging
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from django.db import DatabaseError
from django.utils.formats import date_format
from django.utils.translation import pgettext

from dashboard.balances.models import BalanceSeries
from dashboard.balances.selectors import quotas_telling, soonest_dry
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import accounts_without_balance
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.home.attention import attention_items
from dashboard.overview.home.balances import absent_rows, balance_rows, shares, state_rows
from dashboard.overview.home.dry import dry_context
from dashboard.overview.home.health import filling, health_context, sync_strip
from dashboard.overview.home.layout import LEAST, MOST, room_for_balances
from dashboard.overview.home.quotas import GROUPS, quota_groups
from dashboard.overview.home.spend import spend_context
from dashboard.sync.selectors import health_by_provider, streams_of_accounts, trouble_by_hour
from dashboard.usage.selectors import spend_by_account

logger = logging.getLogger(__name__)
Context = dict[str, Any]
Built = TypeVar("Built")


def overview_context(*, organization: Organization, scope: Scope, now: datetime) -> Context | None:
    """Everything on the overview that is in scope, or None when there is no account yet. The number of statements does
    not depend on how many accounts there are."""
    faces = soonest_dry(scope=scope, limit=MOST)
    rest = accounts_without_balance(scope=scope, limit=MOST)
    if not faces and not rest:
        return None
    health = health_by_provider(scope=scope, now=now)
    trouble = trouble_by_hour(scope=scope, now=now)
    today = organization.local(now).date()
    spend = panel(lambda: spend_context(organization, scope, today))
    coming = filling(health, now)
    money = _money(scope, faces, rest, spend, coming, now) if scope.balances else _hidden(rest, organization, now)
    _drop_common_label(row["account"] for rows in money["named"] for row in rows)
    return {
        **money,
        "accounts_total": _number_of(faces, rest),
        "month_label": date_format(today, pgettext("date format: November 2026", "F Y")),
        "day_of_month": today.day,
        "days_of_month": monthrange(today.year, today.month)[1],
        "sees_balances": scope.balances,
        "filling": coming,
        "spend": spend,
        "attention": panel(lambda: attention_items(scope, faces, money.get("fullest", ()), now)),
        "sync_health": health_context(scope, health, trouble, now),
        "sync_strip": sync_strip(health, trouble, now),
    }


def _number_of(*lists: Sequence[object]) -> int | None:
    """How many accounts there are, where they are several; of more than were read it is not known."""
    count = sum(map(len, lists))
    return count if count > 1 and all(len(one) < MOST for one in lists) else None


def panel(build: Callable[[], Built]) -> Built | None:
    """What a panel shows, or None when the database did not answer: it says so in its place, and the others stand."""
    try:
        return build()
    except DatabaseError:
        logger.exception("A panel of the overview could not be read")
        return None


def _money(
    scope: Scope,
    faces: Sequence[BalanceSeries],
    rest: Sequence[ProviderAccount],
    spend: Context | None,
    coming: bool,
    now: datetime,
) -> Context:
    """The panels of those who may see balances. While the first figures are `coming`, the list of balances keeps all
    its rows, so that panels which fill beside it move nothing below."""
    told = panel(lambda: quotas_telling(scope=scope, limit=GROUPS * 6, account_ids=[one.pk for one in rest]))
    quotas = None if told is None else quota_groups(told, now)
    dry = dry_context(faces, now)
    room = MOST if coming else LEAST if spend is None else room_for_balances(spend, quotas or [], len(dry["rows"]))
    wallets, apart = shares(len(faces), len(rest), room)
    shown, others = faces[:wallets], rest[:apart]
    streams = streams_of_accounts([one.account_id for one in shown] + [one.pk for one in others])
    # What one key or one person may use says nothing of the account.
    fullest = {series.account_id: series for series in reversed(told or []) if not series.scope}
    balances = [*balance_rows(shown, streams, now), *absent_rows(others, streams, fullest, now)]
    named = balances, quotas or [], dry["rows"]
    return {"balances": balances, "quotas": quotas, "fullest": told or (), "dry": dry, "named": named}


def _hidden(accounts: Sequence[ProviderAccount], organization: Organization, now: datetime) -> Context:
    """What somebody sees instead whom balances are not shared with."""
    ids, today = [one.pk for one in accounts], organization.local(now).date()
    spend = spend_by_account(account_ids=ids, first=today.replace(day=1), last=today)
    rows = state_rows(accounts, streams_of_accounts(ids), spend, now)
    return {"accounts": rows, "named": (rows,)}


def _drop_common_label(accounts: Iterable[Context]) -> None:
    """Where every provider's only account has the same label ("Production"), that label tells none from the other."""
    shown = list(accounts)
    of_provider = Counter(name for _id, name in {(account["id"], account["provider_name"]) for account in shown})
    alone = [account for account in shown if of_provider[account["provider_name"]] == 1]
    if len({account["id"] for account in alone}) > 1 and len({account["label"] for account in alone}) == 1:
        for account in alone:
            account["label"] = ""
