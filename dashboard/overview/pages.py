"""What the account list prints: rows composed from the domains' selectors."""

from datetime import datetime
from typing import Any

from dashboard.balances.selectors import fullest_quotas, primary_series, quota_window
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import absent_words, account_row
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.states import account_state
from dashboard.sync.selectors import streams_of_accounts
from dashboard.usage.selectors import spend_by_account, unpriced_by_account


def account_list_rows(
    *, organization: Organization, scope: Scope, provider: str | None, after: int | None, limit: int, now: datetime
) -> tuple[list[dict[str, Any]], int | None]:
    """(rows, id to go on after or None): accounts in the order they were connected, `limit` at a time."""
    chosen = ProviderAccount.objects.filter(scope.accounts())
    if provider:
        chosen = chosen.filter(provider_slug=provider)
    if after is not None:
        chosen = chosen.filter(pk__gt=after)
    accounts = list(chosen.order_by("pk")[: limit + 1])
    more = accounts[limit - 1].pk if len(accounts) > limit else None
    accounts = accounts[:limit]
    ids = [account.pk for account in accounts]
    shown = ids if scope.balances else []
    faces = {row.account_id: row for row in primary_series(account_ids=shown)}
    quotas, streams = fullest_quotas(account_ids=shown), streams_of_accounts(ids)
    today = organization.local(now).date()
    spend = spend_by_account(account_ids=ids, first=today.replace(day=1), last=today)
    unpriced = unpriced_by_account(account_ids=ids, first=today.replace(day=1), last=today)
    rows = []
    for account in accounts:
        face, quota = faces.get(account.pk), quotas.get(account.pk)
        state, reason = account_state(streams[account.pk], now)
        successes = [stream.last_success_at for stream in streams[account.pk] if stream.last_success_at]
        rows.append(
            {
                "account": account_row(account),
                "amount": face.amount if face else None,
                "unit": face.unit if face else "",
                "at": face.at if face else None,
                "not_offered_reason": absent_words(account.provider, "balance"),
                "quota": quota_window(quota, now) if quota else None,
                "spend": spend.get(account.pk, []),
                "unpriced": unpriced.get(account.pk, 0),
                "state": state,
                "state_reason": reason,
                "last_success": max(successes) if successes else None,
            }
        )
    return rows, more
