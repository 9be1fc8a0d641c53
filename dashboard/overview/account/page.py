"""What the page of one account prints, composed from the domains' selectors."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.balances.selectors import primary_series, quota_window, quotas_of_account
from dashboard.core.drawing import progress_geometry
from dashboard.core.languages.joining import listed
from dashboard.core.languages.numbers import unit_word
from dashboard.core.languages.phrases import told
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential, ServerReading
from dashboard.credentials.selectors import absent_words, account_row, credentials_of_account, server_reading_of
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.account.balance import balance_context, balance_facts, balance_stats
from dashboard.overview.account.bill import bill_context
from dashboard.overview.account.choice import Choice
from dashboard.overview.account.credentials import credential_rows
from dashboard.overview.account.kinds import (
    Kind,
    counted_row,
    in_order_of_reset,
    kind_of,
    kind_words,
    plan_cells,
    sections,
    server_context,
)
from dashboard.overview.account.server import version_words
from dashboard.overview.account.streams import run_rows, stream_rows
from dashboard.overview.account.usage import tells_usage, usage_context, usage_stats
from dashboard.overview.states import account_state
from dashboard.sync.models import RUNNING_STATES, StreamState, SyncStream
from dashboard.sync.selectors import progress_of_account, streams_of_accounts
from dashboard.usage.entries.selectors import entries_view
from dashboard.usage.selectors import AccountUsage, usage_by_day
from providers.spec import Endpoint

QUOTA_ROWS = 24
LIMIT_ROWS = 60
STATS = 5


def account_context(
    *, organization: Organization, scope: Scope, account: ProviderAccount, choice: Choice, now: datetime
) -> dict[str, Any]:
    """Everything on an account's page, as its reader chose to see it."""
    streams = streams_of_accounts([account.pk])[account.pk]
    credentials = credentials_of_account(account_id=account.pk)
    today = organization.local(now).date()
    usage = usage_by_day(account_id=account.pk, today=today, days=choice.days)
    face = primary_series(account_ids=[account.pk]).first() if scope.balances else None
    kind = kind_of(account, credentials, streams)
    reading = server_reading_of(account_id=account.pk) if account.provider.may_sleep else None
    head = _head(account, kind, face, credentials, streams, reading, now)
    entries = entries_view(account=account, now=now) if scope.balances and kind != "server" else []
    limits = quotas_of_account(account_id=account.pk) if scope.balances else []
    facts = balance_facts(face, now)
    windows = _quotas(account, kind, streams, limits, now)
    of_kind: dict[str, Any] = {}
    if kind == "bill":
        of_kind = bill_context(account, entries, limits, today)
    elif kind == "server":
        of_kind = server_context(account, credentials, streams, head["state"], usage, reading, now)
    refused = head["state"] == "refused"
    stats = [*balance_stats(kind, facts, entries, now), *of_kind.get("stats", [])]
    # A plan's windows stand at its head alone; what was spent is the total of its usage.
    stats += [] if windows["plan"] else usage_stats(kind, usage)
    context = {
        "sees_balances": scope.balances,
        "entries": entries,
        **_chosen(head, kind, choice),
        **of_kind,
        "stats": stats[:STATS],
        **balance_context(account, kind, facts, organization, choice, now),
        "refused": refused,
        **windows,
        **usage_context(account, kind, usage, streams, today, choice, refused=refused),
        **_syncing(account, kind, credentials, streams, choice, now),
    }
    return {
        **context,
        "sections": _sections(account, kind, face, scope, usage, context),
        "silent": "" if entries else _silent(account, kind, context),
    }


def _chosen(head: dict[str, Any], kind: Kind, choice: Choice) -> dict[str, Any]:
    """Which account, and what of it its reader wants to see."""
    return {
        "account": head,
        "kind": kind,
        "choice": choice,
        "periods": choice.periods(),
        "refresh_url": head["url"] + choice.query(),
    }


def _syncing(
    account: ProviderAccount,
    kind: Kind,
    credentials: Sequence[ProviderCredential],
    streams: Sequence[SyncStream],
    choice: Choice,
    now: datetime,
) -> dict[str, Any]:
    """How the account is read: by which streams and keys, and what came of it."""
    return {
        "streams": stream_rows(account, kind, credentials, streams, now),
        **run_rows(account, choice),
        "progress": progress_row(account, now),
        "credentials": credential_rows(credentials, now),
        "connect_url": f"{reverse('credentials:connect_form', args=[account.provider_slug])}?account={account.pk}",
    }


def _sections(
    account: ProviderAccount,
    kind: Kind,
    face: BalanceSeries | None,
    scope: Scope,
    usage: AccountUsage,
    context: dict[str, Any],
) -> list[dict[str, str]]:
    """The parts that this account has: those that hold figures, and those that wait for theirs."""
    tells_quota = isinstance(account.provider.endpoint("quota"), Endpoint)
    windows = any(context[name] for name in ("quotas", "counted", "limits"))
    return sections(
        kind,
        balance=face is not None or (kind == "wallet" and scope.balances),
        bill=kind == "bill" and bool(context["bill_months"] or not absent_words(account.provider, "cost")),
        quotas=scope.balances and kind != "server" and (windows or tells_quota),
        usage=_usage_words(account, usage),
        entries=kind != "server" and scope.balances,
        load=bool(context.get("load")),
    )


def _usage_words(account: ProviderAccount, usage: AccountUsage) -> str:
    """What the part of usage is called; "" where there is none."""
    if usage.days and not usage.told:
        return _("Cost")
    return _("Usage") if usage.days or tells_usage(account) else ""


def _silent(account: ProviderAccount, kind: Kind, context: dict[str, Any]) -> str:
    """Why the page has no figure at its head, where the provider tells no money at all; "" where some figure stands
    there or is to come."""
    if kind == "server" or context["stats"] or context["plan"]:
        return ""
    absent = [absent_words(account.provider, name) for name in ("balance", "cost", "usage")]
    return absent[0] if all(absent) else ""


def progress_row(account: ProviderAccount, now: datetime) -> dict[str, Any]:
    """What syncing does now, for the panel that is asked every second."""
    progress = progress_of_account(account_id=account.pk, now=now)
    share = Decimal(progress.done * 100) / progress.total if progress.total else None
    return {
        "busy": progress.busy,
        "done": progress.done,
        "total": progress.total,
        "words": progress.words,
        "url": reverse("credentials:sync_progress", args=[account.pk]),
        "share": None if share is None else progress_geometry(share),
        "histories": [
            {"capability": capability, "percent": done, "share": progress_geometry(done)}
            for capability, done in progress.histories
        ],
    }


def _head(
    account: ProviderAccount,
    kind: Kind,
    face: BalanceSeries | None,
    credentials: Sequence[ProviderCredential],
    streams: Sequence[SyncStream],
    reading: ServerReading | None,
    now: datetime,
) -> dict[str, Any]:
    state, reason = account_state(streams, now)
    if any(credential.state == CredentialState.REFUSED for credential in credentials) and not streams:
        said = (one.check_message for one in credentials if one.state == CredentialState.REFUSED and one.check_message)
        state, reason = "refused", told(next(said, ""))
    if not credentials:
        state, reason = "paused", _("No key is connected.")
    successes = [stream.last_success_at for stream in streams if stream.last_success_at]
    # Most have one, which goes without saying; several may be one account's, or of several sorts.
    count = len(credentials)
    keys = ngettext("%(count)d key", "%(count)d keys", count) % {"count": count} if count > 1 else ""
    words = kind_words(kind)
    team = _("Team %(name)s") % {"name": account.team.name} if account.team else ""
    if face is not None:
        words = _("%(kind)s, %(unit)s") % {"kind": words, "unit": unit_word(face.unit)}
    version = version_words(reading) if kind != "server" else ""
    parts = [account.external_name, team, keys, version]
    in_use = next((one for one in credentials if one.state != CredentialState.RETIRED), None)
    return {
        **account_row(account),
        "kind_words": words,
        "summary": listed(part for part in parts if part),
        "state": state,
        "state_words": reason if state == "offline" else "",
        "state_reason": reason,
        "last_success": max(successes) if successes else None,
        "next_at": _next_at(credentials, streams),
        "check_url": reverse("credentials:check", args=[in_use.pk]) if in_use is not None else "",
        "console_url": "" if kind == "server" else account.provider.topup_url or account.provider.console_url,
        "console_tops_up": kind == "wallet" and bool(account.provider.topup_url),
        "tags": account.tags,
        "notes": account.notes,
    }


def _next_at(credentials: Sequence[ProviderCredential], streams: Sequence[SyncStream]) -> datetime | None:
    """When something of the account is read next; None where nothing is to be."""
    paused = {one.pk for one in credentials if one.state == CredentialState.PAUSED}
    return min(
        (
            stream.next_run_at
            for stream in streams
            if stream.enabled and stream.state in RUNNING_STATES and stream.credential_id not in paused
        ),
        default=None,
    )


# --- Limits -----------------------------------------------------------------------------------------------------


def _quotas(
    account: ProviderAccount,
    kind: Kind,
    streams: Sequence[SyncStream],
    limits: Sequence[QuotaSeries],
    now: datetime,
) -> dict[str, Any]:
    rows = in_order_of_reset(limits) if kind == "subscription" else limits
    telling = [series for series in rows if series.percent_used is not None]
    counted = [series for series in rows if series.percent_used is None and series.used is not None]
    ceilings = [series for series in rows if series.percent_used is None and series.used is None]
    windows = [quota_window(one, now) for one in telling[:QUOTA_ROWS]]
    return {
        "plan": plan_cells(rows, now) if kind == "subscription" else [],
        "quotas": windows,
        "quota_ticks": any(window["meter"] and window["meter"].tick is not None for window in windows),
        "counted": [counted_row(series, now) for series in counted[:LIMIT_ROWS]],
        "limits": [quota_window(series, now) for series in ceilings[:LIMIT_ROWS]],
        "quotas_left_out": max(0, len(telling) - QUOTA_ROWS)
        + max(0, len(counted) - LIMIT_ROWS)
        + max(0, len(ceilings) - LIMIT_ROWS),
        "quota_lacking": _lacking_words(streams, "quota"),
    }


def _lacking_words(streams: Sequence[SyncStream], capability: str) -> str:
    """What the provider said, or we for it, where no key of the account gets this; "" where one may."""
    mine = [stream for stream in streams if stream.capability == capability]
    lacking = mine and all(stream.state == StreamState.NOT_AVAILABLE for stream in mine)
    return told(next((stream.message for stream in mine if stream.message), "")) if lacking else ""
