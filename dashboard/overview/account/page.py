"""What the page of one account prints, composed from the domains' selectors."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.balances.models import BalanceSeries
from dashboard.balances.selectors import (
    RunwayRow,
    balance_history,
    primary_series,
    quota_window,
    quotas_of_account,
    runway_row,
    thinned,
    topups_newest_first,
)
from dashboard.core.drawing import balance_chart, meter_geometry
from dashboard.core.templatetags.purser import age_words, currency_sign, money_words, unit_digits
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential, ServerReading
from dashboard.credentials.oauth.selectors import signed_out
from dashboard.credentials.selectors import (
    absent_words,
    account_row,
    credentials_of_account,
    field_label,
    server_reading_of,
)
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.overview.account.kinds import (
    Kind,
    balance_words,
    bill_context,
    counted_row,
    in_order_of_reset,
    kind_of,
    plan_cells,
    sections,
    server_context,
)
from dashboard.overview.account.server import version_words
from dashboard.overview.account.streams import run_rows, stream_rows
from dashboard.overview.account.usage import tells_usage, usage_context, usage_stats
from dashboard.overview.pages import account_state, dry_words, expiry_words
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.selectors import (
    progress_of_account,
    streams_of_accounts,
)
from dashboard.usage.entries.selectors import entries_view
from dashboard.usage.selectors import usage_by_day
from providers.spec import Endpoint

HISTORY = timedelta(days=90)
CHART_POINTS = 900
READINGS = 60
QUOTA_ROWS = 24
LIMIT_ROWS = 60
STATS = 4


def account_context(
    *, organization: Organization, scope: Scope, account: ProviderAccount, before: int | None, now: datetime
) -> dict[str, Any]:
    """Everything on an account's page; `before` pages back through its log."""
    streams = streams_of_accounts([account.pk])[account.pk]
    credentials = credentials_of_account(account_id=account.pk)
    today = organization.local(now).date()
    usage = usage_by_day(account_id=account.pk, today=today)
    face = primary_series(account_ids=[account.pk]).first() if scope.balances else None
    kind = kind_of(account, credentials, streams)
    reading = server_reading_of(account_id=account.pk) if account.provider.may_sleep else None
    head = _head(account, kind, credentials, streams, reading, now)
    balance = _balance(account, kind, face, organization, now)
    stats = _balance_stats(kind, face, balance["runway"], now)
    entries = entries_view(account=account, now=now) if scope.balances and kind != "server" else []
    of_kind: dict[str, Any] = {}
    if kind == "bill":
        of_kind = bill_context(account, entries, today)
        stats = [*stats, *of_kind["bill_stats"], *usage_stats(usage)[1:]]
    elif kind == "server":
        of_kind = server_context(account, credentials, streams, head["state"], usage, reading, now)
        stats = of_kind["server_stats"]
    elif kind == "wallet" or usage.total.cost is not None:
        stats = [*stats, *usage_stats(usage)]
    return {
        "account": head,
        "kind": kind,
        "stats": stats[:STATS],
        **balance,
        **(_quotas(account, kind, streams, now) if scope.balances else {}),
        "sees_balances": scope.balances,
        "entries": entries,
        **usage_context(account, kind, usage, streams, today),
        **of_kind,
        "sections": sections(
            kind,
            balance=face is not None or (kind == "wallet" and scope.balances),
            quotas=kind != "server" and scope.balances,
            usage=kind != "server" or tells_usage(account),
            entries=kind != "server" and scope.balances,
            load=bool(of_kind.get("load")),
        ),
        "streams": stream_rows(account, credentials, streams, now),
        **run_rows(account, before),
        "progress": progress_row(account, now),
        "credentials": _credential_rows(credentials, now),
        "connect_url": f"{reverse('credentials:connect_form', args=[account.provider_slug])}?account={account.pk}",
    }


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
        "share": meter_geometry(share, elapsed=100),
    }


def _head(
    account: ProviderAccount,
    kind: Kind,
    credentials: Sequence[ProviderCredential],
    streams: Sequence[SyncStream],
    reading: ServerReading | None,
    now: datetime,
) -> dict[str, Any]:
    state, reason = account_state(streams, now)
    if any(credential.state == CredentialState.REFUSED for credential in credentials) and not streams:
        state, reason = "refused", next(one.check_message for one in credentials if one.check_message)
    if not credentials:
        state, reason = "paused", _("No key is connected.")
    successes = [stream.last_success_at for stream in streams if stream.last_success_at]
    keys = ngettext("%(count)d key", "%(count)d keys", len(credentials)) % {"count": len(credentials)}
    team = account.team.name if account.team else ""
    version = version_words(reading) if kind != "server" else ""
    parts = [account.external_name, team, keys, version]
    return {
        **account_row(account),
        "summary": ", ".join(part for part in parts if part),
        "state": state,
        "state_words": reason if state == "offline" else "",
        "state_reason": reason,
        "last_success": max(successes) if successes else None,
        "console_url": "" if kind == "server" else account.provider.topup_url or account.provider.console_url,
        "tags": account.tags,
        "notes": account.notes,
    }


def _credential_rows(credentials: Sequence[ProviderCredential], now: datetime) -> list[dict[str, Any]]:
    with_apps = [one.pk for one in credentials if one.provider.oauth_apps]
    out = signed_out(credential_ids=with_apps, now=now) if with_apps else set()
    return [{**_credential_row(one, now), "signed_out": one.pk in out} for one in credentials]


def _credential_row(credential: ProviderCredential, now: datetime) -> dict[str, Any]:
    fields = [
        {
            "label": field_label(credential.provider, name),
            "hint": hint,
            "who": str(credential.created_by or ""),
            "when": age_words(credential.secrets_changed_at, now),
        }
        for name, hint in credential.secret_hints.items()
    ]
    return {
        "label": credential.label,
        "fields": fields,
        "kind": credential.key_kind,
        "state": credential.state,
        "url": reverse("credentials:check", args=[credential.pk]),
        "relay": credential.relay_url,
        "id": credential.pk,
        "paused": credential.state == CredentialState.PAUSED,
        "may_pause": credential.state not in (CredentialState.CHECKING, CredentialState.RETIRED),
        "ends": expiry_words(credential, now) if credential.state != CredentialState.RETIRED else "",
        "ended": credential.expires_on is not None and credential.expires_on <= now.date(),
        "spends": credential.can_spend,
        "waits": credential.replaces_id is not None and credential.state != CredentialState.RETIRED,
    }


# --- Stats ------------------------------------------------------------------------------------------------------


def _balance_stats(
    kind: Kind, face: BalanceSeries | None, runway: RunwayRow | None, now: datetime
) -> list[dict[str, Any]]:
    stats: list[dict[str, Any]] = []
    if face is None:
        return stats
    note = ""
    if face.granted is not None:
        note = _("of it granted %(amount)s") % {"amount": money_words(face.granted, face.unit)}
    if face.usable is False:
        note = _("The provider says it serves no calls now")
    label = _("Owed") if face.kind == "owed" else _face_words(face, kind)
    stats.append({"label": label, "amount": face.amount, "unit": face.unit, "note": note, "at": face.at})
    if runway is not None:
        low = runway.low_days
        stats.append(
            {
                "label": _("Runway"),
                "words": runway.words,
                "note": runway.reason or (dry_words(low, runway.high_days, now) if low is not None else ""),
                "severity": "" if low is None else "crit" if low < 1 else "warn" if low < 3 else "",
            }
        )
    if face.burn_per_day:
        stats.append(
            {
                "label": _("Burn a day"),
                "amount": face.burn_per_day.quantize(Decimal("0.01")),
                "unit": face.unit,
                "note": _("mean of the last 14 days"),
            }
        )
    return stats


def _face_words(face: BalanceSeries, kind: Kind) -> str:
    words = balance_words(kind)
    return _("%(name)s, derived") % {"name": words} if face.basis == "derived" else words


# --- Balance ----------------------------------------------------------------------------------------------------


def _balance(
    account: ProviderAccount, kind: Kind, face: BalanceSeries | None, organization: Organization, now: datetime
) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "balance_title": balance_words(kind),
        "balance_chart": None,
        "runway": None,
        "readings": [],
        "topups": [],
        "balance_absent": absent_words(account.provider, "balance"),
    }
    if face is None:
        return empty
    points = balance_history(series=face, since=now - HISTORY)
    runway = runway_row(face, now)
    topups = topups_newest_first(points, now)
    known = dict(points)
    dry = None
    if runway is not None and runway.low_days is not None:
        high = runway.high_days if runway.high_days is not None else Decimal(120)
        dry = (now + timedelta(days=float(runway.low_days)), now + timedelta(days=float(high)))
    chart = balance_chart(
        thinned(points, CHART_POINTS),
        unit=face.unit,
        symbol=currency_sign(face.unit),
        digits=unit_digits(face.unit),
        zone=organization.reporting_zone,
        now=now,
        words={"balance": balance_words(kind), "now": _("Now")},
        topups=[(topup.at, known[topup.at], f"+{money_words(topup.amount, face.unit)}") for topup, _lasted in topups],
        dry=dry,
        stale=runway is not None and runway.low_days is None and face.runway_reason == "",
    )
    endpoint = account.provider.endpoint("balance")
    others = BalanceSeries.objects.filter(account=account).exclude(pk=face.pk).order_by("pk")
    readings = [
        {"at": at, "name": face.name, "amount": amount, "unit": face.unit, "basis": face.basis}
        for at, amount in reversed(points[-READINGS:])
    ]
    also = [
        {"at": one.at, "name": _kind_words(one), "amount": one.amount, "unit": one.unit, "basis": one.basis}
        for one in others
    ]
    return {
        "balance_title": balance_words(kind),
        "balance_chart": chart,
        "runway": runway,
        "readings": also + readings,
        "topups": [
            {"at": topup.at, "amount": topup.amount, "unit": face.unit, "lasted": _days(lasted)}
            for topup, lasted in topups
        ],
        "balance_absent": "",
        "balance_source": endpoint.source if isinstance(endpoint, Endpoint) else "",
    }


def _kind_words(series: BalanceSeries) -> str:
    return _("%(name)s, owed") % {"name": series.name} if series.kind == "owed" else series.name


def _days(lasted: timedelta) -> str:
    if lasted < timedelta(days=2):
        return _("%(count)s h") % {"count": int(lasted / timedelta(hours=1))}
    return _("%(count)s d") % {"count": lasted.days}


# --- Quotas, usage ----------------------------------------------------------------------------------------------


def _quotas(account: ProviderAccount, kind: Kind, streams: Sequence[SyncStream], now: datetime) -> dict[str, Any]:
    rows = quotas_of_account(account_id=account.pk)
    if kind == "subscription":
        rows = in_order_of_reset(rows)
    told = [series for series in rows if series.percent_used is not None]
    counted = [series for series in rows if series.percent_used is None and series.used is not None]
    ceilings = [series for series in rows if series.percent_used is None and series.used is None]
    return {
        "plan": plan_cells(rows, now) if kind == "subscription" else [],
        "quotas": [quota_window(series, now) for series in told[:QUOTA_ROWS]],
        "counted": [counted_row(series, now) for series in counted[:LIMIT_ROWS]],
        "limits": [quota_window(series, now) for series in ceilings[:LIMIT_ROWS]],
        "quotas_left_out": max(0, len(told) - QUOTA_ROWS)
        + max(0, len(counted) - LIMIT_ROWS)
        + max(0, len(ceilings) - LIMIT_ROWS),
        "quota_absent": absent_words(account.provider, "quota"),
        "quota_lacking": _lacking_words(streams, "quota"),
    }


def _lacking_words(streams: Sequence[SyncStream], capability: str) -> str:
    """What the provider said, or we for it, where no key of the account gets this; "" where one may."""
    mine = [stream for stream in streams if stream.capability == capability]
    lacking = mine and all(stream.state == StreamState.NOT_AVAILABLE for stream in mine)
    return next((stream.message for stream in mine if stream.message), "") if lacking else ""
