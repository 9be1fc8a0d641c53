"""What the overview and the account list print: rows composed from the domains' selectors."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.balances.models import BalanceSeries
from dashboard.balances.selectors import (
    fresh,
    quota_window,
    quotas_telling,
    runway_row,
    soonest_dry,
    sparkline,
)
from dashboard.core.drawing import Layer, horizon_geometry, stack_chart
from dashboard.core.templatetags.purser import currency_sign, day, unit_digits
from dashboard.credentials.catalog import provider_name
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.selectors import (
    EXPIRY_NEAR,
    OLD_AFTER,
    absent_words,
    account_row,
    accounts_without_balance,
    credentials_to_mind,
)
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.selectors import (
    Health,
    attention,
    health_by_provider,
    hour_ticks,
    offline_words,
    stream_state,
    streams_of_accounts,
    trouble_by_hour,
    worst_state,
)
from dashboard.usage.selectors import MonthSpend, spend_between

ROWS = 10
QUOTA_GROUPS = 5
QUOTA_WINDOWS = 3
DRY_ROWS = 6
ATTENTION_ROWS = 6
CHART_SERIES = 8


def overview_context(*, organization: Organization, scope: Scope, now: datetime) -> dict[str, Any] | None:
    """Everything on the overview that is in scope, or None when there is no account yet. The number of statements does
    not depend on how many accounts there are."""
    faces = soonest_dry(scope=scope, limit=ROWS)
    rest = accounts_without_balance(scope=scope, limit=ROWS - len(faces))
    if not faces and not rest:
        return None
    health = health_by_provider(scope=scope, now=now)
    trouble = trouble_by_hour(scope=scope, now=now)
    return {
        "balances": _balance_rows(faces, rest, now, hidden=not scope.balances),
        "sees_balances": scope.balances,
        "quotas": _quota_groups(scope, now),
        "runs_dry": _runs_dry(faces, now),
        "spend": _spend(organization, scope, now),
        "attention": _attention(scope, faces, now),
        "sync_health": _sync_health(scope, health, trouble, now),
        "sync_strip": _sync_strip(health, trouble, now),
    }


# --- Balances ---------------------------------------------------------------------------------------------------


def _balance_rows(
    faces: Sequence[BalanceSeries], rest: Sequence[ProviderAccount], now: datetime, *, hidden: bool
) -> list[dict[str, Any]]:
    """The accounts that need looking at first: those that run dry soonest, then the other wallets, then the rest; or,
    for somebody whom balances are `hidden` from, accounts and their states alone."""
    streams = streams_of_accounts([series.account_id for series in faces] + [account.pk for account in rest])
    rows = [_balance_row(series.account, series, streams[series.account_id], now) for series in faces]
    rows += [_balance_row(account, None, streams[account.pk], now) for account in rest]
    if hidden:
        for row in rows:
            row |= {"not_offered_reason": "", "state_reason": _("Balances are not shared with you.")}
    return rows


def _balance_row(
    account: ProviderAccount, series: BalanceSeries | None, streams: Sequence[SyncStream], now: datetime
) -> dict[str, Any]:
    derived = series is not None and series.basis == "derived"
    state, reason = account_state(streams, now, capability="balance" if series is not None and not derived else None)
    if derived:
        state, reason = "derived", _("Derived from a balance that was typed in and the cost since.")
    row: dict[str, Any] = {
        "account": account_row(account),
        "amount": None,
        "state": state,
        "state_reason": reason,
        "runway": None,
        "sparkline": None,
        "not_offered_reason": absent_words(account.provider, "balance") if series is None else "",
    }
    if series is not None:
        row |= {
            "amount": series.amount,
            "unit": series.unit,
            "granted": series.granted,
            "basis": series.basis,
            "at": series.at,
            "state": state
            if (streams or derived) and (state not in ("fresh", "derived") or fresh(series, now))
            else "stale",
            "runway": runway_row(series, now),
            "sparkline": sparkline(series, now),
        }
    return row


def _key_item(credential: ProviderCredential, now: datetime) -> dict[str, Any]:
    """A key that was refused, ends soon, or is old."""
    name = credential.account.provider_name
    item = {"url": reverse("credentials:check", args=[credential.pk]), "manages": True, "severity": "warn"}
    if credential.state == CredentialState.REFUSED:
        title, detail, action = _("%(name)s refused the key"), credential.check_message, _("Fix")
        item["severity"] = "crit"
    elif credential.expires_on is not None:
        title, detail, action = _("A key of %(name)s ends"), expiry_words(credential, now), _("Rotate")
        item["severity"] = "crit" if (credential.expires_on - now.date()).days <= 3 else "warn"
    else:
        title, action = _("A key of %(name)s is more than a year old"), _("Rotate")
        detail = _("Rotate it, or say when it expires to be reminded then.")
    return item | {"title": title % {"name": name}, "detail": detail, "action": action}


def expiry_words(credential: ProviderCredential, now: datetime) -> str:
    """When a key ends, from two weeks before, or how old it is from a year on; else ""."""
    if credential.expires_on is None:
        entered = credential.secrets_changed_at
        if entered is None or now - entered < OLD_AFTER or not credential.secret_hints:
            return ""
        return _("%(days)d days old") % {"days": (now - entered).days}
    left = (credential.expires_on - now.date()).days
    if left > EXPIRY_NEAR.days:
        return ""
    if left <= 0:
        return (
            _("expired %(day)s") % {"day": date_format(credential.expires_on, "j M Y")} if left else _("expires today")
        )
    return ngettext("expires in %(days)d day", "expires in %(days)d days", left) % {"days": left}


def account_state(streams: Sequence[SyncStream], now: datetime, *, capability: str | None = None) -> tuple[str, str]:
    """(state, reason) of an account: the worst of its streams, or of those of one capability."""
    chosen = [
        stream
        for stream in streams
        if stream.state != StreamState.STANDBY
        and capability in (None, stream.capability)
        and stream.credential.state != CredentialState.PAUSED
    ]
    if not chosen and any(stream.credential.state == CredentialState.PAUSED for stream in streams):
        return "paused", _("Paused by hand.")
    states = {stream.pk: stream_state(stream, now) for stream in chosen}
    worst = worst_state(states.values())
    reasons = (offline_words(stream) or stream.message for stream in chosen if states[stream.pk] == worst)
    return worst, next((reason for reason in reasons if reason), "")


# --- Runway and quotas ------------------------------------------------------------------------------------------


def _runs_dry(faces: Sequence[BalanceSeries], now: datetime) -> list[dict[str, Any]]:
    rows = []
    for series in faces:
        runway = runway_row(series, now)
        if runway is None or runway.low_days is None:
            continue
        high = runway.high_days if runway.high_days is not None else Decimal(120)
        burn = _("%(sign)s%(amount)s a day") % {
            "sign": currency_sign(series.unit),
            "amount": f"{(series.burn_per_day or Decimal(0)):,.2f}",
        }
        rows.append(
            {
                "account": account_row(series.account),
                "cause": _("The balance is used up") if series.runway_reason == "empty" else burn,
                "band": horizon_geometry(runway.low_days, high, runway.likely_days),
                "words": runway.words,
                "when_words": dry_days(runway.low_days, runway.high_days, now),
            }
        )
    return rows[:DRY_ROWS]


def dry_words(low_days: Decimal, high_days: Decimal | None, now: datetime) -> str:
    """ "dry between Thu 26 and Sat 28 Nov", in the reporting zone that is active."""
    low = now + timedelta(days=float(low_days))
    if low_days <= 0:
        return _("dry now")
    if high_days is None:
        return _("dry after %(first)s") % {"first": day(low)}
    first, last = day(low), day(now + timedelta(days=float(high_days)))
    if first == last:
        return _("dry on %(day)s") % {"day": first}
    return _("dry between %(first)s and %(last)s") % {"first": first, "last": last}


def dry_days(low_days: Decimal, high_days: Decimal | None, now: datetime) -> str:
    """The same for a narrow column: "Thu to Sat" within the week, "28 Nov to 2 Dec" beyond."""
    if low_days <= 0 and not high_days:
        return _("dry now")
    near = high_days is not None and high_days < 6
    form = "D" if near else "j M"
    ends = [
        date_format(timezone.localtime(now + timedelta(days=float(days))), form)
        for days in (low_days, high_days)
        if days is not None
    ]
    if len(ends) == 1:
        return _("from %(first)s") % {"first": ends[0]}
    return ends[0] if ends[0] == ends[1] else _("%(first)s to %(last)s") % {"first": ends[0], "last": ends[1]}


def _quota_groups(scope: Scope, now: datetime) -> list[dict[str, Any]]:
    """The accounts with the fullest limits, up to three limits each."""
    groups: dict[int, dict[str, Any]] = {}
    for series in quotas_telling(scope=scope, limit=QUOTA_GROUPS * 4):
        if series.account_id not in groups:
            if len(groups) == QUOTA_GROUPS:
                continue
            groups[series.account_id] = {
                "account": account_row(series.account),
                "windows": [],
            }
        if len(groups[series.account_id]["windows"]) < QUOTA_WINDOWS:
            groups[series.account_id]["windows"].append(quota_window(series, now))
    return list(groups.values())


# --- Spend ------------------------------------------------------------------------------------------------------


def _spend(organization: Organization, scope: Scope, now: datetime) -> dict[str, Any]:
    today = organization.local(now).date()
    month = spend_between(scope=scope, first=today.replace(day=1), last=today)
    totals: dict[str, Decimal] = {}
    by_provider: dict[tuple[str, str], Decimal] = {}
    for part in month.parts:
        totals[part.unit] = totals.get(part.unit, Decimal(0)) + part.amount
        place = (part.unit, part.provider_slug)
        by_provider[place] = by_provider.get(place, Decimal(0)) + part.amount
    units = sorted(totals, key=lambda unit: -sum(part.unit == unit for part in month.parts))
    main = units[0] if units else ""
    ranked = sorted(by_provider, key=lambda place: (place[0] != main, place[0], -by_provider[place]))
    return {
        "month_label": date_format(today, "F Y"),
        "totals": [{"unit": unit, "amount": totals[unit]} for unit in units],
        "unpriced": month.unpriced_models,
        "provisional": any(part.provisional for part in month.parts),
        "chart": _spend_chart(scope, month, main, [slug for unit, slug in ranked if unit == main], today),
        "by_provider": [
            {"name": provider_name(organization.pk, slug), "amount": by_provider[(unit, slug)], "unit": unit}
            for unit, slug in ranked
        ],
    }


def _spend_chart(
    scope: Scope, month: MonthSpend, unit: str, slugs: Sequence[str], today: date
) -> dict[str, object] | None:
    """Spend by day in the main unit. Sums that a provider gives for the whole month have no day and stay out."""
    days = [today.replace(day=1) + timedelta(days=offset) for offset in range(today.day)]
    amounts = {
        (part.provider_slug, part.day): part.amount for part in month.parts if part.unit == unit and part.span == "day"
    }
    daily = [slug for slug in slugs if any((slug, at) in amounts for at in days)]
    if not daily:
        return None
    shown, others = daily[: CHART_SERIES - 1], daily[CHART_SERIES - 1 :]
    open_days: dict[str, set[date]] = defaultdict(set)
    for part in month.parts:
        if part.provisional and part.unit == unit:
            open_days[part.provider_slug].add(part.day)
    layers = [
        Layer(provider_name(scope.organization_id, slug), [amounts.get((slug, at)) for at in days], open_days[slug])
        for slug in shown
    ]
    if others:
        sums = [sum((amounts.get((slug, at), Decimal(0)) for slug in others), Decimal(0)) for at in days]
        words = _("%(count)d others") % {"count": len(others)}
        layers.append(Layer(words, sums, set().union(*(open_days[slug] for slug in others))))
    return stack_chart(days, layers, unit=unit, symbol=currency_sign(unit), digits=unit_digits(unit))


# --- What needs somebody ----------------------------------------------------------------------------------------


def _attention(scope: Scope, faces: Sequence[BalanceSeries], now: datetime) -> list[dict[str, Any]]:
    items = []
    items += [_key_item(one, now) for one in credentials_to_mind(scope=scope, now=now, limit=ATTENTION_ROWS)]
    for stream in attention(scope=scope, limit=ATTENTION_ROWS):
        paused = stream.state == StreamState.PAUSED
        account = stream.credential.account
        words = _("%(name)s %(what)s is paused") if paused else _("%(name)s %(what)s keeps failing")
        items.append(
            {
                "severity": "warn" if paused else "crit",
                "title": words % {"name": account.provider_name, "what": stream.capability},
                "detail": stream.message,
                "url": reverse("credentials:check", args=[stream.credential_id])
                if paused
                else reverse("credentials:account", args=[account.pk]) + "#streams",
                "manages": paused,
                "action": _("Fix") if paused else _("Look"),
            }
        )
    for series in faces[:3]:
        runway = runway_row(series, now)
        if runway is not None and runway.low_days is not None and runway.low_days < 1:
            items.append(
                {
                    "severity": "crit",
                    "title": (_("%(name)s is empty") if runway.high_days == 0 else _("%(name)s runs dry in %(words)s"))
                    % {"name": series.account.provider_name, "words": runway.words},
                    "detail": dry_words(runway.low_days, runway.high_days, now),
                    "url": reverse("credentials:account", args=[series.account_id]),
                    "action": _("Look"),
                }
            )
    items.sort(key=lambda item: item["severity"] != "crit")
    return items[:ATTENTION_ROWS]


def _sync_health(
    scope: Scope, health: Sequence[Health], trouble: dict[tuple[str, int], set[str]], now: datetime
) -> dict[str, Any]:
    cells = []
    for one in health:
        states = [state for state in one.states if state not in ("standby", "not_available")]
        cells.append(
            {
                "name": provider_name(scope.organization_id, one.slug),
                "slug": one.slug,
                "icon": one.slug,
                "streams": one.total,
                "state": worst_state(states),
                "quiet": worst_state(states) in ("fresh", "offline"),
                "ticks": hour_ticks(trouble, [one.slug], one.first_at, now, one.offline_since),
                "url": reverse("credentials:account_list") + f"?provider={one.slug}",
            }
        )
    return {"fresh": sum(one.fresh for one in health), "total": sum(one.total for one in health), "providers": cells}


def _sync_strip(health: Sequence[Health], trouble: dict[tuple[str, int], set[str]], now: datetime) -> dict[str, Any]:
    firsts = [one.first_at for one in health if one.first_at]
    return {
        "fresh": sum(one.fresh for one in health),
        "total": sum(one.total for one in health),
        "ticks": hour_ticks(trouble, [one.slug for one in health], min(firsts) if firsts else None, now),
        "url": reverse("overview:overview") + "#sync_health",
    }
