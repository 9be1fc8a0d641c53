"""Usage and its cost on the page of an account."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from dashboard.core.charts.shapes import Chart, Layer
from dashboard.core.charts.spend import stack_chart
from dashboard.core.drawing import Meter
from dashboard.core.languages.joining import listed, sentences
from dashboard.core.languages.phrases import told
from dashboard.core.templatetags.purser import count_of
from dashboard.core.templatetags.purser import day as day_words
from dashboard.credentials.models import ProviderAccount
from dashboard.overview.account.choice import Choice
from dashboard.overview.account.kinds import Kind, requests_stat
from dashboard.sync.models import StreamState, SyncStream
from dashboard.usage.selectors import AccountUsage, UsageRow
from providers.spec import Endpoint, Provider

SHOWN = 7  # days or models; the rest opens


def usage_stats(kind: Kind, usage: AccountUsage) -> list[dict[str, Any]]:
    """Spend, then requests; nothing where no day is known. A bill tells its spend by the month, a server none."""
    if not usage.days:
        return []
    if kind in ("bill", "server"):
        return requests_stat(usage)
    spend = {
        "label": _("Spend, last %(days)d days") % {"days": usage.asked_days},
        "amount": usage.total.cost,
        "unit": usage.total.unit,
        "words": "" if usage.total.unit else _("not told"),
        "note": _basis_words(usage),
    }
    return [spend, *requests_stat(usage)]


def usage_context(
    account: ProviderAccount,
    kind: Kind,
    usage: AccountUsage,
    streams: Sequence[SyncStream],
    today: date,
    choice: Choice,
    *,
    refused: bool,
) -> dict[str, Any]:
    models = usage.models
    by_model = choice.by == "model" and any(model.name for model in models)
    rows = len(models if by_model else usage.days)
    most = rows if choice.whole or rows <= SHOWN + 1 else SHOWN  # one more takes no more room than saying so
    return {
        "usage_days": [(row, *_opening(row, choice)) for row in usage.days[: None if by_model else most]],
        "usage_models": [(model, _share(model, usage)) for model in models[:most]] if by_model else [],
        "usage_left_out": rows - most,
        "usage_whole": choice.query(whole=True),
        "usage_groups": choice.groups() if any(model.name for model in models) else [],
        "usage_unpriced": sum(1 for model in models if model.name and model.cost is None and not model.covered),
        "usage_told": usage.told,  # columns of the others would only say that they are not told
        "usage_total": usage.total if usage.days else None,
        "usage_chart": _usage_chart(usage, today),
        "usage_money": kind != "server" and bool(usage.total.unit),  # where nothing is priced, the foot says so once
        "cost_note": _provenance(account.provider, usage),
        "usage_absent": _usage_absent(streams),
        "usage_waits": _usage_waits(account.provider, refused=refused),
    }


def _opening(row: UsageRow, choice: Choice) -> tuple[str, bool]:
    """(where its models are shown or hidden, "" where there are none; whether they are shown)."""
    return (choice.turned(row.day), choice.opens(row.day)) if row.splits and row.day else ("", False)


def _share(model: UsageRow, usage: AccountUsage) -> Meter | None:
    """What part of the cost a model is, or of the tokens where nothing is priced: a plain bar that warns of nothing."""
    if usage.total.cost:
        part = model.cost / usage.total.cost if model.cost is not None and model.unit == usage.total.unit else None
    else:
        whole = (usage.total.input or 0) + (usage.total.output or 0)
        part = Decimal((model.input or 0) + (model.output or 0)) / whole if whole else None
    return None if part is None or part < 0 else Meter(round(float(part * 100), 1), None, 100.0, False, "")


def _usage_absent(streams: Sequence[SyncStream]) -> str:
    """Why there is no usage of this account, where its provider tells some of others."""
    mine = [stream for stream in streams if stream.capability in ("usage", "cost")]
    if mine and all(stream.state == StreamState.NOT_AVAILABLE for stream in mine):
        return told(mine[0].message)
    return ""


def _usage_waits(provider: Provider, *, refused: bool) -> str:
    """What brings the first usage."""
    if refused:
        return _("It comes once the key works.")
    endpoint = provider.endpoint("usage")
    if isinstance(endpoint, Endpoint) and not endpoint.history:
        return _(
            "The server only counts up. Its use shows from the second reading on: what was counted between the two."
        )
    return _("It comes with the first sync, newest days first.")


def _provenance(provider: Provider, usage: AccountUsage) -> str:
    """Where the money comes from, what of it the provider only estimates, and which days may still change."""
    sources = [endpoint for name in ("cost", "usage") if isinstance(endpoint := provider.endpoint(name), Endpoint)]
    said = [_basis_words(usage)]
    if any(day.span == "month" for day in usage.days):
        said.append(_("Sums for longer than a day stand on their first day"))
    said += [told(endpoint.estimated).rstrip(".") for endpoint in sources]
    changing = [day.day for day in usage.days if day.provisional and day.day]
    if changing:
        said.append(_("Days from %(day)s on may still change") % {"day": day_words(min(changing))})
    return sentences(said)


def tells_usage(account: ProviderAccount) -> bool:
    return any(isinstance(account.provider.endpoint(name), Endpoint) for name in ("usage", "cost"))


def _usage_chart(usage: AccountUsage, today: date) -> Chart | None:
    """Every day of the period, those of which nothing was told too: what is a week apart stands a week apart."""
    rows = [(row.day, row) for row in reversed(usage.days) if row.span == "day" and row.day is not None]
    unit = usage.total.unit
    if not unit or len(rows) < 2:
        return None
    first, last = today - timedelta(days=usage.asked_days - 1), max(today, rows[-1][0])
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    costs: dict[str, dict[date, Decimal]] = {}
    unpriced: dict[date, int] = {}
    for at, row in rows:
        for model in row.models:
            if model.cost is not None and model.unit == unit:
                costs.setdefault(model.name, {})[at] = model.cost
            elif model.cost is None and model.name and not model.covered:
                unpriced[at] = unpriced.get(at, 0) + 1
    open_days = {at for at, row in rows if row.provisional}
    unnamed = _("no model told") if len(costs) > 1 else _("all models")
    layers = [
        Layer(name or unnamed, [by_day.get(at) for at in days], open_days & by_day.keys())
        for name, by_day in costs.items()
    ]
    notes = {at: count_of(count, "model") for at, count in unpriced.items()}
    return stack_chart(days, layers, unit=unit, title=_("Cost by day and model"), notes=notes)


def _basis_words(usage: AccountUsage) -> str:
    words = {
        "billed": _("billed"),
        "reported": _("reported with the usage"),
        "derived": _("derived from the balance"),
        "estimated": _("estimated at list prices"),
    }
    return listed(words[basis] for basis in usage.bases if basis in words)
