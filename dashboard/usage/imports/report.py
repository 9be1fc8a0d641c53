"""The report of a trial as the page shows it: dates and Decimals, and what others told of its days in words."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from dashboard.core.languages.joining import listed
from dashboard.core.languages.phrases import told
from dashboard.usage.imports.columns import CACHED, INPUT, OUTPUT, REQUESTS
from dashboard.usage.imports.trial import COST, USAGE
from dashboard.usage.models import ImportState, UsageImport

Day = dict[str, Any]
_COUNTED = {
    INPUT: gettext_lazy("Input"),
    CACHED: gettext_lazy("Cache read"),
    OUTPUT: gettext_lazy("Output"),
    REQUESTS: gettext_lazy("Requests"),
}
_SPENT = ("counts", "adds", "replaces")  # fates of the cost that counts


def report_of(found: UsageImport, *, now: datetime) -> dict[str, Any] | None:
    """What a trial found, in the order of the page; None where nothing was tried.

    `fit` lines could be read, `good` ones of them are brought in. `void` says that nothing of it counts: the import
    failed or was undone. `columns` are the counts that some day tells, `silent` names the others. `stays`, `left`,
    `adds` and `replaces` say of how many days others told (None where they did not); `all_left` says of which, when
    nothing else is in the file.
    """
    if not found.report:
        return None
    report = found.report
    days = [_day(day) for day in report["days"]]
    good = sum(day["rows"] for day in days if set(day["fates"].values()) != {"left"})
    told_of = [name for name in _COUNTED if any(day["counts"][name] is not None for day in days)]
    money = [
        {"fate": fate, "unit": unit, "amount": Decimal(amount)}
        for fate, units in sorted(report["money"].items())
        for unit, amount in units.items()
    ]
    return {
        "rows": report["rows"],
        "refused": report["refused"],
        "repeated": report["repeated"],
        "repeats": report["repeats"],
        "refusals": [{"line": one["line"], "words": told(one["words"])} for one in report["refusals"]],
        "unsaid": report["refused"] - len(report["refusals"]),
        "fit": report["rows"] - report["refused"] - report["repeated"],
        "good": good,
        "void": found.state in (ImportState.FAILED, ImportState.UNDONE),
        "days": [{**day, "counts": [day["counts"][name] for name in told_of]} for day in days],
        "days_label": _days_label(days),
        "dated": any(day["day"].year != now.year for day in days),
        "columns": [{"name": name, "label": _COUNTED[name]} for name in told_of],
        "silent": listed(label for name, label in _COUNTED.items() if name not in told_of),
        "money": money,
        "spent": [{"unit": one["unit"], "amount": -one["amount"]} for one in money if one["fate"] in _SPENT],
        "all_left": _of_days(len(days), days) if days and not good else "",
        **{fate: _by_others(days, fate) for fate in ("stays", "left", "adds", "replaces")},
    }


def _day(stored: dict[str, Any]) -> Day:
    amounts = [{"unit": unit, "amount": Decimal(amount)} for unit, amount in stored["amounts"].items()]
    return {**stored, "day": date.fromisoformat(stored["day"]), "amounts": amounts}


def _days_label(days: list[Day]) -> str:
    spans = {day["span"] for day in days}
    if spans == {"day", "month"}:
        return _("Days or months")
    return _("Months") if spans == {"month"} else _("Days")


def _by_others(days: list[Day], fate: str) -> dict[str, str] | None:
    """Of which days this became of what: {days: "12 of these 56 days", what: "usage and cost"}."""
    met = [day for day in days if fate in day["fates"].values()]
    if not met:
        return None
    kinds = {kind for day in met for kind, became in day["fates"].items() if became == fate}
    usage, cost = pgettext("what a file tells", "usage"), pgettext("what a file tells", "cost")
    what = usage if kinds == {USAGE} else cost if kinds == {COST} else _("usage and cost")
    return {"days": _of_days(len(met), days), "what": what}


def _of_days(count: int, days: list[Day]) -> str:
    """ "this day", "all 56 days", "12 of these 56 days"; of months where the file tells of months alone."""
    values = {"count": count, "total": len(days)}
    if all(day["span"] == "month" for day in days):
        if count < len(days):
            return _("%(count)d of these %(total)d months") % values
        return _("this month") if count == 1 else _("all %(count)d months") % values
    if count < len(days):
        return _("%(count)d of these %(total)d days") % values
    return _("this day") if count == 1 else _("all %(count)d days") % values
