"""What kind of account it is: wallet, bill, subscription or server; and what its page shows of that kind alone."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.balances.models import EntryKind, QuotaSeries
from dashboard.balances.selectors import quota_window, window_length
from dashboard.core.templatetags.purser import age_words, day, moment, percent, state_word
from dashboard.credentials.models import ProviderAccount, ProviderCredential, ServerReading
from dashboard.credentials.selectors import absent_words, models_of_account
from dashboard.overview.account.server import load_context, version_words
from dashboard.sync.models import StreamState, SyncStream
from dashboard.usage.entries.selectors import EntryRow
from dashboard.usage.selectors import AccountUsage, MonthOfAccount, spend_by_month
from providers.spec import Account, Endpoint, Provider, host_of

Kind = Literal["wallet", "bill", "subscription", "server"]
MONEY = frozenset({"balance", "quota", "cost"})
PLAN_CELLS = 4
MODEL_ROWS = 60
# Before a tenth of a window has passed, its pace says nothing about its end.
PACE_FROM = 10
_LONGEST = timedelta(days=36500)


def account_kind(provider: Provider, accounts: Iterable[Account], told: frozenset[str]) -> Kind:
    """What an account at `provider` is, from what is declared. `accounts` are its credentials, `told` the capabilities
    that it was not found to lack.

    A server of one's own that asks for no key, or tells no money, knows no account. Where a provider sells wallets and
    plans, a key that opens limits and no wallet is one of a plan. Else, what tells a balance is a wallet, and what
    tells none sends bills.
    """
    if any(provider.sleeps(one) and (not one.secrets or not told & MONEY) for one in accounts):
        return "server"
    sells_wallets = isinstance(provider.endpoint("balance"), Endpoint)
    if provider.subscription or (sells_wallets and "balance" not in told and "quota" in told):
        return "subscription"
    return "wallet" if sells_wallets else "bill"


def kind_of(account: ProviderAccount, credentials: Sequence[ProviderCredential], streams: Sequence[SyncStream]) -> Kind:
    """The kind of a stored account; a capability counts as lacking once all streams of it say so."""
    told = set()
    for capability, endpoint in account.provider.capabilities.items():
        states = {stream.state for stream in streams if stream.capability == capability}
        if isinstance(endpoint, Endpoint) and states != {StreamState.NOT_AVAILABLE}:
            told.add(capability)
    return account_kind(account.provider, [one.declared() for one in credentials], frozenset(told))


def sections(
    kind: Kind, *, balance: bool, quotas: bool, usage: bool, entries: bool, load: bool
) -> list[dict[str, str]]:
    """The parts of the page from top to bottom, as its tabs name them; `balance`, `quotas`, `usage`, `entries` and
    `load` say whether there is such a part."""
    plan = kind == "subscription"
    parts = [
        ("quotas", _("Windows"), quotas and plan),
        ("balance", balance_words(kind), balance),
        ("bill", _("Bill"), kind == "bill"),
        ("quotas", _("Quotas"), quotas and not plan),
        ("load", _("Load"), load),
        ("models", _("Models"), kind == "server"),
        ("usage", _("Usage"), usage),
        ("entries", _("Typed in"), entries),
        ("streams", _("Streams"), True),
        ("runs", _("Log"), True),
        ("credentials", _("Keys"), True),
    ]
    return [{"id": name, "words": words} for name, words, there in parts if there]


def balance_words(kind: Kind) -> str:
    """What a balance is called: a plan has no money in it, so what lies beside it are credits."""
    return _("Credits") if kind == "subscription" else _("Balance")


def requests_stat(usage: AccountUsage) -> dict[str, Any]:
    words = _("not told") if usage.total.requests is None else ""
    return {"label": _("Requests, last 31 days"), "amount": usage.total.requests, "unit": "", "words": words}


# --- Bill -------------------------------------------------------------------------------------------------------


def bill_context(account: ProviderAccount, entries: Sequence[EntryRow], today: date) -> dict[str, Any]:
    """The months of an account that pays afterwards, and the last invoice among what somebody typed in."""
    months = spend_by_month(account_id=account.pk, today=today)
    tells_cost = any(isinstance(account.provider.endpoint(name), Endpoint) for name in ("cost", "usage"))
    return {
        "bill_months": [_month_row(one, today) for one in months],
        "bill_absent": "" if tells_cost else absent_words(account.provider, "cost"),
        "bill_without_balance": absent_words(account.provider, "balance"),
        "bill_stats": [*_month_stats(months, today), *_invoice_stats(entries)],
    }


def _month_row(one: MonthOfAccount, today: date) -> dict[str, Any]:
    return {
        "name": date_format(one.month, "F Y"),
        "amounts": [{"unit": unit, "amount": amount} for unit, amount in one.amounts.items()],
        "unpriced": one.unpriced_models,
        "running": one.month == today.replace(day=1),
        "provisional": one.provisional,
    }


def _month_stats(months: Sequence[MonthOfAccount], today: date) -> list[dict[str, Any]]:
    """This month so far and the month before, each in its units; a month of which nothing came is left out."""
    this = today.replace(day=1)
    before = (this - timedelta(days=1)).replace(day=1)
    stats = []
    for first, label in ((this, _("This month so far")), (before, _("Last month"))):
        for one in months:
            if one.month != first:
                continue
            note = date_format(first, "F Y")
            if one.unpriced_models:
                models = ngettext("%(count)s unpriced model", "%(count)s unpriced models", one.unpriced_models)
                note = f"{note}, + {models % {'count': one.unpriced_models}}"
            stats += [
                {"label": label, "amount": amount, "unit": unit, "note": note} for unit, amount in one.amounts.items()
            ]
    return stats


def _invoice_stats(entries: Sequence[EntryRow]) -> list[dict[str, Any]]:
    """The invoice for the latest days; of those without days, the one typed in for the latest moment."""
    invoices = [entry for entry in entries if entry.kind == EntryKind.INVOICE]
    if not invoices:
        return []
    invoice = max(invoices, key=lambda entry: (entry.last_day or date.min, entry.at, entry.id))
    days = [day(one) for one in (invoice.first_day, invoice.last_day) if one is not None]
    note = _("for %(days)s") % {"days": " – ".join(days)} if days else ""
    return [{"label": _("Last invoice"), "amount": invoice.amount, "unit": invoice.unit, "note": note}]


# --- Subscription -----------------------------------------------------------------------------------------------


def in_order_of_reset(rows: Iterable[QuotaSeries]) -> list[QuotaSeries]:
    """What starts anew at a known time first, short windows before long ones, full ones before empty ones; then the
    rest: seats, and what has no end."""

    def place(series: QuotaSeries) -> tuple[bool, timedelta, bool, Decimal, str]:
        share = series.percent_used
        length = window_length(series.window) or _LONGEST
        return (series.resets_at is None, length, share is None, -(share or Decimal(0)), series.name)

    return sorted(rows, key=place)


def plan_cells(rows: Sequence[QuotaSeries], now: datetime) -> list[dict[str, Any]]:
    """The first of the windows (in order of reset) that tell how full they are, or at least what was used."""
    cells = []
    for one in rows:
        if one.percent_used is not None:
            cells.append({**quota_window(one, now), "pace": pace_words(one, now)})
        elif one.used is not None:
            cells.append(counted_row(one, now))
    return cells[:PLAN_CELLS]


def counted_row(series: QuotaSeries, now: datetime) -> dict[str, Any]:
    """Use that is told without a limit: seats, credits of the month, a seat that its organization manages. It is no
    share of anything, so it is drawn neither empty nor full."""
    seats = series.unit in ("seats", "licenses")
    return {
        **quota_window(series, now),
        "no_limit_words": "" if seats or series.limit is not None else _("no limit of its own is told"),
    }


def pace_words(series: QuotaSeries, now: datetime) -> str:
    """Where a window ends at the present pace; "" where that cannot be told."""
    length, share = window_length(series.window), series.percent_used
    if length is None or share is None or series.resets_at is None or series.resets_at <= now:
        return ""
    passed = 100 - Decimal(str((series.resets_at - now) / length * 100))
    if passed < PACE_FROM or not 0 < share < 100:
        return ""
    at_reset = share / passed * 100
    if at_reset < 100:
        return _("near %(share)s at its reset") % {"share": percent(at_reset)}
    left = (100 - passed / share * 100) / 100
    return _("full about %(moment)s at this pace") % {"moment": moment(series.resets_at - length * float(left))}


# --- Server -----------------------------------------------------------------------------------------------------


def server_context(
    account: ProviderAccount,
    credentials: Sequence[ProviderCredential],
    streams: Sequence[SyncStream],
    state: str,
    usage: AccountUsage,
    reading: ServerReading | None,
    now: datetime,
) -> dict[str, Any]:
    """A server of one's own: whether it is up, where it is, which version it runs, how busy it is, what it serves, and
    how much where it counts that."""
    listed, count = models_of_account(account_id=account.pk, limit=MODEL_ROWS)
    stats = [_server_stat(streams, state, now), *_address_stats(account.provider, credentials, reading)]
    if listed:
        stats.append({"label": _("Models"), "words": str(count), "note": age_words(listed[0].listed_at, now)})
    if usage.days:
        stats.append(requests_stat(usage))
    return {
        "server_stats": stats,
        "models": [{"id": one.model_id, "name": one.name, "context": one.context} for one in listed],
        "models_left_out": count - len(listed),
        **load_context(reading, offline=state == "offline", now=now),
    }


def _server_stat(streams: Sequence[SyncStream], state: str, now: datetime) -> dict[str, Any]:
    answers = [stream.last_success_at for stream in streams if stream.last_success_at]
    silences = [one.offline_since for one in streams if one.state == StreamState.OFFLINE and one.offline_since]
    notes = []
    if silences:
        notes.append(_("since %(moment)s") % {"moment": moment(max(silences))})
    if answers:
        notes.append(_("answered %(age)s") % {"age": age_words(max(answers), now)})
    return {
        "label": _("Server"),
        "words": _("Up") if state == "fresh" else state_word(state),
        "note": ", ".join(notes),
    }


def _address_stats(
    provider: Provider, credentials: Sequence[ProviderCredential], reading: ServerReading | None
) -> list[dict[str, Any]]:
    """Hosts that were typed in, and the version that runs there. An address is no secret, but what stands before its
    host might be one."""
    urls = [one.settings.get(field.name) for one in credentials for field in provider.fields if field.kind == "url"]
    hosts = dict.fromkeys(host_of(url) for url in urls if url)
    if not hosts:
        return []
    read_at = reading.at if reading is not None else None
    return [{"label": _("Address"), "words": ", ".join(hosts), "note": version_words(reading), "at": read_at}]
