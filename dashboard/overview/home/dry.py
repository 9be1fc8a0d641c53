"""Which wallets run dry next, and when, in words."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboard.balances.models import BalanceSeries
from dashboard.balances.selectors import runway_row
from dashboard.core.drawing import HORIZON_GRID, horizon_geometry, horizon_place
from dashboard.core.languages.numbers import money_words
from dashboard.core.templatetags.purser import day
from dashboard.credentials.selectors import account_row

ROWS = 8
GHOSTS = 6  # lines that are kept for the first runways
FLOOR_DAYS = Decimal(1)
BEYOND_DAYS = Decimal(120)


def dry_context(faces: Sequence[BalanceSeries], now: datetime) -> dict[str, Any]:
    """The first of the accounts (soonest first) whose end is known; `grid` and `floor` go on below the last row.
    `ghosts` are the lines that stay empty while more are on their way."""
    rows = []
    for series in faces:
        runway = runway_row(series, now)
        if runway is None or runway.low_days is None:
            continue
        high = runway.high_days if runway.high_days is not None else BEYOND_DAYS
        rows.append(
            {
                "account": account_row(series.account),
                "cause": _cause(series),
                "band": horizon_geometry(runway.low_days, high, runway.likely_days, floor_days=FLOOR_DAYS),
                "words": runway.words,
                "when_words": dry_days(runway.low_days, runway.high_days, now),
            }
        )
    ghosts = range(len(rows), GHOSTS)
    return {"rows": rows[:ROWS], "ghosts": ghosts, "grid": HORIZON_GRID, "floor": horizon_place(FLOOR_DAYS)}


def _cause(series: BalanceSeries) -> str:
    if series.runway_reason == "empty":
        return _("The balance is used up")
    burn = series.burn_per_day or Decimal(0)
    return _("%(amount)s a day") % {"amount": money_words(round(burn, 0 if burn >= 1000 else 2), series.unit)}


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
    form = "D" if near else pgettext("date format: 24 Nov", "j M")
    ends = [
        date_format(timezone.localtime(now + timedelta(days=float(days))), form)
        for days in (low_days, high_days)
        if days is not None
    ]
    if len(ends) == 1:
        return _("from %(first)s") % {"first": ends[0]}
    return ends[0] if ends[0] == ends[1] else _("%(first)s to %(last)s") % {"first": ends[0], "last": ends[1]}
