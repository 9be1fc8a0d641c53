"""Reads of balances and quotas, as rows that pages can print."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Case, F, IntegerField, QuerySet, Value, When
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.balances.models import BalanceReading, BalanceSeries, QuotaSeries
from dashboard.balances.naming import each_words, quota_name, window_title, window_words
from dashboard.balances.pace import quota_pace, window_length
from dashboard.balances.runway import TopUp, find_topups
from dashboard.core.drawing import Meter, Sparkline, meter_geometry, sparkline_points
from dashboard.core.languages.numbers import NBSP
from dashboard.core.rows import Joined
from dashboard.core.templatetags.purser import clock, duration_words, percent
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.scope import Scope

SPARK_DAYS = 30


@dataclass(frozen=True, slots=True)
class RunwayRow:
    """A runway in days and words. Without days, `words` is the short and `reason` the full explanation."""

    low_days: Decimal | None
    likely_days: Decimal | None
    high_days: Decimal | None
    words: str
    reason: str


def fresh(row: BalanceSeries | QuotaSeries, now: datetime) -> bool:
    return now - row.at <= timedelta(seconds=row.fresh_for_seconds)


def runway_row(series: BalanceSeries, now: datetime) -> RunwayRow | None:
    """The runway as of `now`: told from fresh data only, the days passed since the reading taken off."""
    if series.kind == "owed":
        return None
    if not fresh(series, now) and series.runway_reason in ("", "too_new", "no_burn"):
        return RunwayRow(None, None, None, _("not known"), _("The last reading is too old to tell a runway from."))
    if series.runway_reason == "empty":
        return RunwayRow(Decimal(0), Decimal(0), Decimal(0), _("empty"), _("The balance is used up."))
    if series.runway_reason:
        words, reason = _reasons()[series.runway_reason]
        return RunwayRow(None, None, None, words, reason)
    passed = Decimal(str((now - series.at) / timedelta(days=1)))
    low, likely, high = (
        None if days is None else max(Decimal(0), Decimal(str(days)) - passed)
        for days in (series.runway_low_days, series.runway_likely_days, series.runway_high_days)
    )
    if low is None:
        return RunwayRow(None, None, None, _("60+ d"), _("At the present pace this lasts for more than four months."))
    return RunwayRow(low, likely, high, duration_words(low, high if high is not None else Decimal(999)), "")


def _reasons() -> dict[str, tuple[str, str]]:
    return {
        "too_new": (_("soon known"), _("A runway needs a day of readings.")),
        "no_burn": (_("no burn"), _("Nothing was spent in the last 14 days of readings.")),
        "posted": (_("not known"), _("This ledger moves only when a bill closes.")),
        "stale": (_("not known"), _("The last reading is too old to tell a runway from.")),
        "owed": (_("not known"), _("This is money owed.")),
    }


def primary_series(*, account_ids: Sequence[int]) -> QuerySet[BalanceSeries]:
    """One balance for each account, as its face on lists: money to spend before money owed, live before posted
    or derived, a filled wallet before an empty one, one that is drawn from before one that rests."""
    faces = (
        BalanceSeries.objects.filter(account_id__in=account_ids)
        .annotate(
            is_owed=_flag(kind="owed"),
            is_unsure=_flag(basis__in=("posted", "derived")),
            is_empty=_flag(amount=0),
            is_still=_flag(runway_reason="no_burn"),
        )
        .order_by("account_id", "is_unsure", "is_owed", "is_empty", "is_still", "pk")
        .distinct("account_id")
    )
    return BalanceSeries.objects.filter(pk__in=faces.values("pk"))


def _flag(**condition: Any) -> Any:
    return Case(When(**condition, then=Value(1)), default=Value(0), output_field=IntegerField())


_SOONEST_DRY = Joined(
    """
    SELECT {columns} FROM (
        SELECT DISTINCT ON (account_id) id FROM balances_balanceseries WHERE organization_id = %(organization)s
        ORDER BY account_id, basis <> 'live', kind = 'owed', amount = 0, runway_reason = 'no_burn', id
    ) AS face
    JOIN balances_balanceseries AS series ON series.id = face.id
    JOIN credentials_provideraccount AS account ON account.id = series.account_id
    WHERE (%(teams)s::bigint[] IS NULL OR account.team_id = ANY(%(teams)s))
    ORDER BY series.runway_likely_days, account.provider_slug, series.id LIMIT %(limit)s
    """,
    series=BalanceSeries,
    account=ProviderAccount,
)


def soonest_dry(*, scope: Scope, limit: int) -> list[BalanceSeries]:
    """Each account's face (as `primary_series` chooses it), those that run dry soonest first, then those without a
    known runway. An empty side wallet alarms nobody."""
    return _with_account(_SOONEST_DRY, scope, limit)


def _with_account(statement: Joined, scope: Scope, limit: int, **more: Any) -> list[Any]:
    """Series with their accounts; none for somebody who may not see balances."""
    if not scope.balances:
        return []
    found = []
    values = {"organization": scope.organization_id, "teams": scope.teams, "limit": limit, **more}
    for series, account in statement.fetch(values):
        series.account = account
        found.append(series)
    return found


def sparkline(series: BalanceSeries, now: datetime) -> Sparkline | None:
    """The last 30 days of a balance, one point a day."""
    points = [
        (datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC), Decimal(amount))
        for day, amount in series.spark
    ]
    if points:
        points[-1] = (min(series.at, now), points[-1][1])
    start = now - timedelta(days=SPARK_DAYS)
    row = runway_row(series, now)
    low = row.low_days if row else None
    severity = "" if low is None else "crit" if low < 1 else "warn" if low < 3 else ""
    return sparkline_points(
        points,
        start=start,
        end=now,
        topups=[topup.at for topup in find_topups(points)],
        dashed=not fresh(series, now),
        severity=severity,
    )


def balance_history(*, series: BalanceSeries, since: datetime) -> list[tuple[datetime, Decimal]]:
    """Every reading since then, oldest first."""
    return list(BalanceReading.objects.filter(series=series, at__gte=since).order_by("at").values_list("at", "amount"))


def topups_newest_first(points: Sequence[tuple[datetime, Decimal]], now: datetime) -> list[tuple[TopUp, timedelta]]:
    """Each top-up with how long it lasted until the next one (or until now)."""
    found = find_topups(points)
    ends = [topup.at for topup in found[1:]] + [now] * bool(found)
    return [(topup, end - topup.at) for topup, end in zip(found, ends, strict=True)][::-1]


# --- Quotas -----------------------------------------------------------------------------------------------------


_QUOTAS_TELLING = Joined(
    """
    SELECT {columns} FROM (
        (SELECT fullest.id FROM balances_quotaseries AS fullest
        JOIN credentials_provideraccount AS account ON account.id = fullest.account_id
        WHERE fullest.organization_id = %(organization)s AND NOT fullest.gone AND fullest.percent_used IS NOT NULL
        AND (%(teams)s::bigint[] IS NULL OR account.team_id = ANY(%(teams)s))
        ORDER BY fullest.percent_used DESC, fullest.id LIMIT %(limit)s)
        UNION
        (SELECT DISTINCT ON (account_id) id FROM balances_quotaseries
        WHERE account_id = ANY(%(accounts)s::bigint[]) AND NOT gone AND percent_used IS NOT NULL AND scope = ''
        ORDER BY account_id, percent_used DESC, id)
    ) AS chosen
    JOIN balances_quotaseries AS series ON series.id = chosen.id
    JOIN credentials_provideraccount AS account ON account.id = series.account_id
    ORDER BY series.percent_used DESC, series.id
    """,
    series=QuotaSeries,
    account=ProviderAccount,
)


def quotas_telling(*, scope: Scope, limit: int, account_ids: Sequence[int] = ()) -> list[QuotaSeries]:
    """Limits that tell how full they are, fullest first; of these accounts the fullest that is for all of it in
    any case."""
    return _with_account(_QUOTAS_TELLING, scope, limit, accounts=list(account_ids))


def quotas_of_account(*, account_id: int) -> list[QuotaSeries]:
    """Limits of one account: those that tell how full they are first, fullest first."""
    return list(
        QuotaSeries.objects.filter(account_id=account_id, gone=False).order_by(
            F("percent_used").desc(nulls_last=True), "name", "scope", "pk"
        )
    )


def fullest_quotas(*, account_ids: Iterable[int]) -> dict[int, QuotaSeries]:
    """The fullest limit of each account that tells one."""
    rows = (
        QuotaSeries.objects.filter(account_id__in=list(account_ids), gone=False, percent_used__isnull=False)
        .order_by("account_id", "-percent_used", "pk")
        .distinct("account_id")
    )
    return {row.account_id: row for row in rows}


def quota_window(series: QuotaSeries, now: datetime) -> dict[str, Any]:
    """A limit as the quota row template wants it. `name` is one line for titles, `called` its parts for people."""
    called = quota_name(series.name, series.scope)
    return {
        "name": " · ".join(part for part in (called.title, called.about, called.code) if part),
        "called": called,
        "window_label": window_words(series.window),
        "window_title": window_title(series.window),
        "endless": series.window == "lifetime",
        "each": each_words(series.window),
        "used": series.used,
        "limit": series.limit,
        "remaining": series.remaining,
        "percent": series.percent_used,
        "unit": series.unit,
        "resets_at": series.resets_at,
        "at": series.at,
        "state": "fresh" if fresh(series, now) else "stale",
        "has_reset": has_reset(series, now),
        "meter": quota_meter(series, now),
        "pace": pace_words(series, now),
    }


def has_reset(series: QuotaSeries, now: datetime) -> bool:
    """Whether the window has begun anew since the reading, which then tells of a time that is over: as a rule so with
    limits per second or minute, which are read every quarter of an hour."""
    length = window_length(series.window)
    ends = series.resets_at or (None if length is None else series.at + length)
    return ends is not None and ends <= now


def _passed(series: QuotaSeries, now: datetime) -> Decimal | None:
    """How much of the window's time has passed, 0 to 100; None where its length or its end is not known."""
    length = window_length(series.window)
    if series.resets_at is None or length is None:
        return None
    return Decimal(str(max(0.0, min(100.0, (1 - (series.resets_at - now) / length) * 100))))


def pace_words(series: QuotaSeries, now: datetime) -> str:
    """Where a window ends if it goes on as it did until the reading; "" where that cannot be told."""
    length, passed = window_length(series.window), _passed(series, min(series.at, now))
    share, resets_at = series.percent_used, series.resets_at
    if passed is None or length is None or share is None or resets_at is None or resets_at <= now:
        return ""
    pace = quota_pace(share, passed)
    if pace is None:
        return ""
    if pace.full_after is None:
        return _("on pace for %(share)s") % {"share": percent(pace.at_reset)}
    at = resets_at - length * float(1 - pace.full_after / 100)
    if at <= now:
        return ""
    # Within six days a weekday is told from every other.
    form = "D" if at - now < timedelta(days=6) else pgettext("date format: 24 Nov", "j M")
    day = date_format(timezone.localtime(at), form).replace(" ", NBSP)
    return _("full %(day)s about %(clock)s") % {"day": day, "clock": clock(at)}


def quota_meter(series: QuotaSeries, now: datetime) -> Meter | None:
    """The bar of a limit; a window that has begun anew since is full no more, so it warns of nothing."""
    meter = meter_geometry(series.percent_used, elapsed=_passed(series, now))
    return replace(meter, severity="") if meter is not None and has_reset(series, now) else meter
