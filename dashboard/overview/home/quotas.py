"""The limits that are used most, account by account."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from dashboard.balances.models import QuotaSeries
from dashboard.balances.selectors import quota_window
from dashboard.core.languages.numbers import is_currency, money_words, unit_word
from dashboard.core.templatetags.purser import percent, quota_amount
from dashboard.credentials.selectors import account_row

GROUPS = 4
WINDOWS = 2


def quota_groups(told: Sequence[QuotaSeries], now: datetime) -> list[dict[str, Any]]:
    """The accounts with the fullest limits, a few limits each. A window that is the account's only one of its length is
    called by that length, every other one by its name."""
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
            window["label"] = (window["window_title"] if alone else "") or window["name"]
    return list(groups.values())


def instead_words(series: QuotaSeries, now: datetime) -> str:
    """What an account without a balance tells instead: "Spend limit instead: $9,412 of $15,000 USD"."""
    name = quota_window(series, now)["called"].title or series.name
    if series.used is None or series.limit is None or series.unit == "percent":
        return _("%(name)s instead: %(share)s used") % {"name": name, "share": percent(series.percent_used)}
    if is_currency(series.unit):
        limit = money_words(series.limit, series.unit)
    else:
        limit = f"{quota_amount(series.limit, series.unit)} {unit_word(series.unit)}"
    used = quota_amount(series.used, series.unit)
    return _("%(name)s instead: %(used)s of %(limit)s") % {"name": name, "used": used, "limit": limit}
