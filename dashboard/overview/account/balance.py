"""The balance on the page of an account: figures at the head, chart, readings, parts and top-ups."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from dashboard.balances.models import BalanceSeries, EntryKind
from dashboard.balances.runway import HORIZON_DAYS, TopUp
from dashboard.balances.selectors import RunwayRow, balance_history, fresh, runway_row, topups_newest_first
from dashboard.core.charts.balance import Dry, Rise, balance_chart
from dashboard.core.charts.shapes import Chart
from dashboard.core.languages.joining import listed
from dashboard.core.languages.numbers import is_currency, money_words
from dashboard.core.templatetags.purser import age_words, day
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization
from dashboard.overview.account.choice import Choice
from dashboard.overview.account.kinds import Kind, balance_words
from dashboard.overview.home.dry import dry_words
from dashboard.usage.entries.selectors import EntryRow
from providers.spec import Endpoint, host_of

HISTORY = timedelta(days=90)
READINGS = 60
_PAGE = re.compile(r"https://[^\s;]+")
Points = Sequence[tuple[datetime, Decimal]]


@dataclass(frozen=True, slots=True)
class BalanceFacts:
    """What is known of an account's face: its history, how long it lasts, and what was put in, newest first."""

    face: BalanceSeries
    points: Points
    runway: RunwayRow | None
    topups: list[tuple[TopUp, timedelta]]


def balance_facts(face: BalanceSeries | None, now: datetime) -> BalanceFacts | None:
    if face is None:
        return None
    points = balance_history(series=face, since=now - HISTORY)
    return BalanceFacts(face, points, runway_row(face, now), topups_newest_first(points, now))


# --- At the head ------------------------------------------------------------------------------------------------


def balance_stats(
    kind: Kind, facts: BalanceFacts | None, entries: Sequence[EntryRow], now: datetime
) -> list[dict[str, Any]]:
    if facts is None:
        return []
    face, runway = facts.face, facts.runway
    label = _("Owed") if face.kind == "owed" else _face_words(face, kind)
    stats: list[dict[str, Any]] = [
        {"label": label, "amount": face.amount, "unit": face.unit, "note": _face_note(face), "at": face.at}
    ]
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
                "amount": _rounded(face.burn_per_day, face.unit),
                "unit": face.unit,
                "note": _("mean of the last 14 days"),
            }
        )
    return [*stats, *_topup_stats(facts, entries, now)]


def _face_words(face: BalanceSeries, kind: Kind) -> str:
    words = balance_words(kind)
    return _("%(name)s, derived") % {"name": words} if face.basis == "derived" else words


def _face_note(face: BalanceSeries) -> str:
    """What else is to be known of it: that it is dead, what of it was a gift, and when it ends."""
    if face.usable is False:
        return _("The provider says it serves no calls now")
    notes = []
    if face.granted:
        notes.append(_("of it granted %(amount)s") % {"amount": money_words(face.granted, face.unit)})
    if face.expires_at is not None:
        notes.append(_("ends %(day)s") % {"day": day(face.expires_at)})
    return listed(notes)


def _rounded(amount: Decimal, unit: str) -> Decimal:
    """Money to its decimals; of points and credits, which come by the thousand, no parts."""
    whole = not is_currency(unit) and amount >= 100
    return amount.quantize(Decimal(1) if whole else Decimal("0.01"))


def _topup_stats(facts: BalanceFacts, entries: Sequence[EntryRow], now: datetime) -> list[dict[str, Any]]:
    """The latest of the top-ups that were found and of those that somebody typed in."""
    unit = facts.face.unit
    known = [(topup.at, topup.amount, "") for topup, _lasted in facts.topups]
    known += [
        (entry.at, entry.amount, _("typed in"))
        for entry in entries
        if entry.kind == EntryKind.TOPUP and entry.unit == unit
    ]
    if not known:
        return []
    at, amount, source = max(known)
    stat = {"label": _("Last top-up"), "amount": amount, "unit": unit, "note": f"{day(at)}", "at": at}
    return [{**stat, "source": source} if source else stat]


# --- The panel --------------------------------------------------------------------------------------------------


def balance_context(
    account: ProviderAccount,
    kind: Kind,
    facts: BalanceFacts | None,
    organization: Organization,
    choice: Choice,
    now: datetime,
) -> dict[str, Any]:
    endpoint = account.provider.endpoint("balance")
    context: dict[str, Any] = {
        "balance_title": balance_words(kind),
        "balance_chart": None,
        "runway": None,
        "readings": [],
        "parts": [],
        "topups": [],
    }
    if facts is None:
        return context
    face = facts.face
    others = BalanceSeries.objects.filter(account=account).exclude(pk=face.pk).order_by("pk")
    parts = [_part_row(one, now) for one in (face, *others)]
    return {
        **context,
        "balance_chart": _chart(facts, kind, organization, choice, now),
        "runway": facts.runway,
        "readings": [
            {"at": at, "amount": amount, "unit": face.unit, "basis": face.basis}
            for at, amount in reversed(facts.points[-READINGS:])
        ],
        "parts": parts if len(parts) > 1 else [],
        "topups": [
            {"at": topup.at, "amount": topup.amount, "unit": face.unit, "lasted": _lasted_words(lasted, number == 0)}
            for number, (topup, lasted) in enumerate(facts.topups)
        ],
        "balance_source": _source(endpoint.source) if isinstance(endpoint, Endpoint) else None,
    }


def _chart(facts: BalanceFacts, kind: Kind, organization: Organization, choice: Choice, now: datetime) -> Chart | None:
    face, runway = facts.face, facts.runway
    return balance_chart(
        facts.points,
        unit=face.unit,
        title=balance_words(kind),
        zone=organization.reporting_zone,
        since=now - timedelta(days=choice.days),
        now=now,
        topups=[Rise(topup.at, topup.amount) for topup, _lasted in facts.topups],
        dry=None if runway is None else _dry(runway, now),
        stale=not fresh(face, now),
    )


def _source(told: str) -> dict[str, str]:
    """Where the provider says how its balance is read: the first page that is named, by its host."""
    page = _PAGE.match(told)
    return {"words": host_of(page[0]) if page else told, "url": page[0] if page else "", "title": told}


def _dry(runway: RunwayRow, now: datetime) -> Dry | None:
    if runway.low_days is None:
        return None

    def at(days: Decimal) -> datetime:
        return now + timedelta(days=float(days))

    high = runway.high_days if runway.high_days is not None else Decimal(HORIZON_DAYS)
    return Dry(at(runway.low_days), at(high), None if runway.likely_days is None else at(runway.likely_days))


def _part_row(series: BalanceSeries, now: datetime) -> dict[str, Any]:
    """One of several balances of an account: each is counted for itself, none is a sum."""
    return {
        "name": _("%(name)s, owed") % {"name": series.name} if series.kind == "owed" else series.name,
        "amount": series.amount,
        "unit": series.unit,
        "basis": series.basis,
        "note": _face_note(series),
        "at": series.at,
        "age": age_words(series.at, now),
        "stale": not fresh(series, now),
    }


def _lasted_words(lasted: timedelta, going_on: bool) -> str:
    if lasted < timedelta(days=2):
        words = _("%(count)s h") % {"count": int(lasted / timedelta(hours=1))}
    else:
        words = _("%(count)s d") % {"count": lasted.days}
    return _("%(span)s so far") % {"span": words} if going_on else words
