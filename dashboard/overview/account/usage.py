"""Usage and its cost on the page of an account."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from dashboard.core.drawing import Layer, stack_chart
from dashboard.core.templatetags.purser import currency_sign, unit_digits
from dashboard.core.templatetags.purser import day as day_words
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import absent_words
from dashboard.overview.account.kinds import Kind, requests_stat
from dashboard.sync.models import StreamState, SyncStream
from dashboard.usage.selectors import AccountUsage
from providers.spec import Endpoint, Provider


def usage_stats(usage: AccountUsage) -> list[dict[str, Any]]:
    """Spend, then requests; nothing where no day is known."""
    if not usage.days:
        return []
    spend = {
        "label": _("Spend, last 31 days"),
        "amount": usage.total.cost,
        "unit": usage.total.unit,
        "words": "" if usage.total.unit else _("not told"),
        "note": _basis_words(usage),
    }
    return [spend, requests_stat(usage)]


def usage_context(
    account: ProviderAccount, kind: Kind, usage: AccountUsage, streams: Sequence[SyncStream], today: date
) -> dict[str, Any]:
    return {
        "usage_days": usage.days,
        "usage_told": usage.told,  # columns of the others would only say that they are not told
        "usage_total": usage.total if usage.days else None,
        "usage_chart": _usage_chart(usage),
        "usage_money": kind != "server",
        "cost_note": _provenance(account.provider, usage, today),
        "usage_absent": _usage_absent(account, streams),
        "usage_waits": _usage_waits(account.provider),
    }


def _usage_absent(account: ProviderAccount, streams: Sequence[SyncStream]) -> str:
    """Why there is no usage: the provider tells none, or none of this account."""
    if not tells_usage(account):
        return absent_words(account.provider, "usage")
    mine = [stream for stream in streams if stream.capability in ("usage", "cost")]
    if mine and all(stream.state == StreamState.NOT_AVAILABLE for stream in mine):
        return mine[0].message
    return ""


def _usage_waits(provider: Provider) -> str:
    """What brings the first usage."""
    endpoint = provider.endpoint("usage")
    if isinstance(endpoint, Endpoint) and not endpoint.history:
        return _(
            "The server only counts up. Its use shows from the second reading on: what was counted between the two."
        )
    return _("It comes with the first sync, newest days first.")


def _provenance(provider: Provider, usage: AccountUsage, today: date) -> str:
    """Where the money comes from, what of it the provider only estimates, and which days may still change."""
    told = [endpoint for name in ("cost", "usage") if isinstance(endpoint := provider.endpoint(name), Endpoint)]
    sentences = [_basis_words(usage)]
    if any(day.span == "month" for day in usage.days):
        sentences.append(_("Sums for longer than a day stand on their first day"))
    sentences += [endpoint.estimated.rstrip(".") for endpoint in told]
    changing = [first for endpoint in told if (first := endpoint.revised_from(today)) is not None]
    if changing and usage.days:
        sentences.append(_("Days from %(day)s on may still change") % {"day": day_words(min(changing))})
    said = [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences if sentence]
    return " ".join(said)


def tells_usage(account: ProviderAccount) -> bool:
    return any(isinstance(account.provider.endpoint(name), Endpoint) for name in ("usage", "cost"))


def _usage_chart(usage: AccountUsage) -> dict[str, object] | None:
    days = [row for row in reversed(usage.days) if row.span == "day" and row.day is not None]
    unit = usage.total.unit
    if not unit or len(days) < 2:
        return None
    totals: dict[str, Decimal] = {}
    for row in days:
        for model in row.models:
            if model.cost is not None and model.unit == unit:
                totals[model.name] = totals.get(model.name, Decimal(0)) + model.cost
    names = sorted(totals, key=lambda name: -totals[name])
    shown, others = names[:7], set(names[7:])
    open_days = {row.day for row in days if row.provisional and row.day}
    layers: list[Layer] = []
    for name in shown:
        costs = [{model.name: model.cost for model in row.models if model.unit == unit}.get(name) for row in days]
        layers.append(Layer(name or _("all models"), costs, open_days))
    if others:
        rest = [sum((one.cost or Decimal(0) for one in row.models if one.name in others), Decimal(0)) for row in days]
        layers.append(Layer(_("%(count)d others") % {"count": len(others)}, rest, open_days))
    dates = [row.day for row in days if row.day]
    return stack_chart(dates, layers, unit=unit, symbol=currency_sign(unit), digits=unit_digits(unit))


def _basis_words(usage: AccountUsage) -> str:
    words = {
        "billed": _("billed"),
        "reported": _("reported with the usage"),
        "derived": _("derived from the balance"),
    }
    return ", ".join(words[basis] for basis in usage.bases if basis in words)
