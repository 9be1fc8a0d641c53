"""The limits that are used most, account by account."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from dashboard.balances.models import QuotaSeries
from dashboard.balances.selectors import quota_window
from dashboard.core.languages.joining import listed
from dashboard.core.languages.numbers import NBSP, is_currency, money_words, unit_word
from dashboard.core.templatetags.purser import percent, quota_amount
from dashboard.credentials.selectors import account_row

GROUPS = 4
WINDOWS = 2


def quota_groups(told: Sequence[QuotaSeries], now: datetime) -> list[dict[str, Any]]:
    """The accounts with the fullest limits, a few limits each. A window that is the account's only one of its length is
    called by that length before its name, every other one by its name alone."""
    groups: dict[int, dict[str, Any]] = {}
    for series in told:
        if series.account_id not in groups:
            if len(groups) == GROUPS:
                continue
            groups[series.account_id] = {"account": account_row(series.account), "windows": []}
        windows = groups[series.account_id]["windows"]
        if len(windows) < WINDOWS:
            windows.append(quota_window(series, now))
    for group in groups.values():
        lengths = [window["window_title"] for window in group["windows"]]
        for window in group["windows"]:
            alone = lengths.count(window["window_title"]) == 1 and len(lengths) > 1
            window["label"] = _length_first(window) if alone else window["name"]
    return list(groups.values())


def _length_first(window: dict[str, Any]) -> str:
    """ "Monthly, tool calls"; a name that says no more than the length is left out."""
    length, name = window["window_title"], window["name"]
    return name if not length or length.casefold() in name.casefold() else listed([length, name])


def instead_words(series: QuotaSeries, now: datetime) -> str:
    """What an account without a balance tells instead: "Spend limit instead: $9,412 of $15,000 USD"."""
    window = quota_window(series, now)
    name = window["called"].title or series.name
    if series.used is None or series.limit is None or series.unit == "percent":
        return _("%(name)s instead: %(share)s used") % {"name": name, "share": percent(series.percent_used)}
    if is_currency(series.unit):
        limit = money_words(series.limit, series.unit)
    else:
        limit = f"{quota_amount(series.limit, series.unit)} {unit_word(series.unit)}"
    used = quota_amount(series.used, series.unit)
    # What is used and its limit are one figure, so they stay on one line.
    amount = (_("%(used)s of %(limit)s") % {"used": used, "limit": limit}).replace(" ", NBSP)
    each = "" if is_currency(series.unit) else window["each"]
    if each:
        amount = _("%(amount)s %(each)s") % {"amount": amount, "each": each}
    return _("%(name)s instead: %(amount)s") % {"name": name, "amount": amount}
