"""The accounts with what is left in them: those that run dry soonest, the other wallets, and those that tell none, with
what they tell instead."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.balances.selectors import fresh, runway_row, sparkline
from dashboard.core.languages.phrases import told
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import absent_words, account_row
from dashboard.overview.home.quotas import instead_words
from dashboard.overview.states import account_state
from dashboard.sync.models import SyncStream
from providers.spec import NotOffered

Streams = Mapping[int, Sequence[SyncStream]]
Row = dict[str, Any]


def balance_rows(faces: Sequence[BalanceSeries], streams: Streams, now: datetime) -> list[Row]:
    """Accounts that tell a balance."""
    return [_balance_row(series, streams[series.account_id], now) for series in faces]


def absent_rows(
    accounts: Sequence[ProviderAccount], streams: Streams, fullest: Mapping[int, QuotaSeries], now: datetime
) -> list[Row]:
    """Accounts that tell none, or have not told it yet."""
    rows = []
    for account in accounts:
        state, reason = account_state(streams[account.pk], now)
        endpoint, quota = account.provider.endpoint("balance"), fullest.get(account.pk)
        row = _row(account, state, reason)
        if isinstance(endpoint, NotOffered):
            row["not_offered"] = told(endpoint.reason)
            row["not_offered_reason"] = absent_words(account.provider, "balance")
            row["instead"] = instead_words(quota, now) if quota else ""
        rows.append(row)
    return rows


def state_rows(
    accounts: Sequence[ProviderAccount], streams: Streams, spend: Mapping[int, list[Row]], now: datetime
) -> list[Row]:
    """The same accounts for somebody whom balances are hidden from: how they are, and what they spent."""
    rows = []
    for account in accounts:
        state, reason = account_state(streams[account.pk], now)
        successes = [stream.last_success_at for stream in streams[account.pk] if stream.last_success_at]
        at = max(successes) if successes else None
        rows.append(_row(account, state, reason) | {"at": at, "spend": spend.get(account.pk, [])})
    return rows


def _row(account: ProviderAccount, state: str, reason: str) -> Row:
    return {"account": account_row(account), "amount": None, "state": state, "state_reason": reason}


def _balance_row(series: BalanceSeries, streams: Sequence[SyncStream], now: datetime) -> Row:
    derived = series.basis == "derived"
    state, reason = account_state(streams, now, capability=None if derived else "balance")
    if derived:
        state, reason = "derived", _("Derived from a balance that was typed in and the cost since.")
    elif not streams or (state == "fresh" and not fresh(series, now)):
        state = "stale"
    return _row(series.account, state, reason) | {
        "amount": series.amount,
        "unit": series.unit,
        "granted": series.granted,
        "at": series.at,
        "runway": runway_row(series, now),
        "sparkline": sparkline(series, now),
    }


def shares(told: int, absent: int, room: int) -> tuple[int, int]:
    """How many rows go to accounts that tell a balance, and how many to those that tell none: a third of the room,
    or what the others leave of it."""
    apart = min(absent, max(room // 3, room - told))
    return min(told, room - apart), apart
