"""The bill on the page of an account that pays afterwards: months, what they compare with, and their limit."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.balances.models import EntryKind, QuotaSeries
from dashboard.balances.naming import quota_name
from dashboard.core.drawing import meter_geometry
from dashboard.core.languages.numbers import is_currency, money_words
from dashboard.core.templatetags.purser import day, full_month, percent
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import absent_words
from dashboard.usage.entries.selectors import EntryRow
from dashboard.usage.selectors import MonthOfAccount, spend_by_month


def bill_context(
    account: ProviderAccount, entries: Sequence[EntryRow], limits: Sequence[QuotaSeries], today: date
) -> dict[str, Any]:
    """The months of an account that pays afterwards, and the last invoice among what somebody typed in."""
    months = spend_by_month(account_id=account.pk, today=today)
    if not any(one.amounts for one in months):
        months = []  # months in which nothing is priced say less than the usage of their days
    this = today.replace(day=1)
    running = next((one.amounts for one in months if one.month == this), {})
    figures = [
        *_month_stats(months, today),
        *_limit_stats(limits, running),
        *_invoice_stats(entries),
    ]
    return {
        "bill_months": [_month_row(one, months, today) for one in months],
        "bill_estimated": any(one.estimated for one in months),
        "bill_without_balance": absent_words(account.provider, "balance"),
        "stats": figures,
    }


def _month_row(one: MonthOfAccount, months: Sequence[MonthOfAccount], today: date) -> dict[str, Any]:
    """A month with its bar beside those of the others, in the unit that most of it is told in."""
    unit = next(iter(one.amounts), "")
    most = max((other.amounts[unit] for other in months if unit in other.amounts), default=Decimal(0))
    share = one.amounts[unit] / most * 100 if unit and most > 0 else None
    return {
        "name": full_month(one.month),
        "amounts": [
            {"unit": unit, "amount": amount, "estimated": bool(one.estimated.get(unit))}
            for unit, amount in one.amounts.items()
        ],
        "unpriced": one.unpriced_models,
        "running": one.month == today.replace(day=1),
        "provisional": one.provisional,
        "share": share,
    }


def _month_stats(months: Sequence[MonthOfAccount], today: date) -> list[dict[str, Any]]:
    """This month so far and the month before, each in its units; a month of which nothing came is left out."""
    this = today.replace(day=1)
    before = (this - timedelta(days=1)).replace(day=1)
    compared = next((one.by_day for one in months if one.month == before), {})
    stats = []
    for first, label in ((this, _("This month so far")), (before, _("Last month"))):
        for one in (month for month in months if month.month == first):
            for unit, amount in one.amounts.items():
                note = full_month(first)
                if first == this and unit in compared:
                    words = money_words(compared[unit], unit)
                    note = _("%(amount)s by the same day last month") % {"amount": words}
                if estimated := one.estimated.get(unit):
                    words = money_words(estimated, unit)
                    said = _("%(note)s, %(amount)s estimated at list prices")
                    note = (said if estimated != amount else _("%(note)s, estimated at list prices")) % {
                        "note": note,
                        "amount": words,
                    }
                stats.append(
                    {"label": label, "amount": amount, "unit": unit, "note": _with_unpriced(note, one.unpriced_models)}
                )
    return stats


def _with_unpriced(note: str, count: int) -> str:
    if not count:
        return note
    models = ngettext("%(count)s unpriced model", "%(count)s unpriced models", count) % {"count": count}
    return _("%(note)s, and %(models)s") % {"note": note, "models": models}


def _limit_stats(limits: Sequence[QuotaSeries], running: dict[str, Decimal]) -> list[dict[str, Any]]:
    """The lowest limit on the money of a month that holds for the whole account, and how much of it is gone."""
    of_month = [
        one
        for one in limits
        if one.window == "month" and not one.scope and is_currency(one.unit) and one.limit is not None and one.limit > 0
    ]
    lowest = min(of_month, key=lambda one: one.limit or Decimal(0), default=None)
    if lowest is None or lowest.limit is None:
        return []
    share = lowest.percent_used
    if share is None and lowest.unit in running:
        share = running[lowest.unit] / lowest.limit * 100
    bar = meter_geometry(share)
    note = quota_name(lowest.name, "").title
    if share is not None:
        note = _("%(name)s, %(share)s of it is used") % {"name": note, "share": percent(share)}
    return [
        {
            "label": _("Monthly limit"),
            "amount": lowest.limit,
            "unit": lowest.unit,
            "note": note,
            "severity": bar.severity if bar is not None else "",
        }
    ]


def _invoice_stats(entries: Sequence[EntryRow]) -> list[dict[str, Any]]:
    """The invoice for the latest days; of those without days, the one typed in for the latest moment."""
    invoices = [entry for entry in entries if entry.kind == EntryKind.INVOICE]
    if not invoices:
        return []
    invoice = max(invoices, key=lambda entry: (entry.last_day or date.min, entry.at, entry.id))
    days = [day(one) for one in (invoice.first_day, invoice.last_day) if one is not None]
    note = _("for %(days)s") % {"days": " – ".join(days)} if days else ""
    return [{"label": _("Last invoice"), "amount": invoice.amount, "unit": invoice.unit, "note": note}]
