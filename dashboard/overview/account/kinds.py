"""What kind of account it is: wallet, bill, subscription or server; and what its page shows of that kind alone."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.utils.translation import gettext as _

from dashboard.balances.models import QuotaSeries
from dashboard.balances.pace import window_length
from dashboard.balances.selectors import quota_window
from dashboard.core.languages.joining import listed
from dashboard.core.templatetags.purser import age_words, moment, state_word
from dashboard.credentials.models import ProviderAccount, ProviderCredential, ServerReading
from dashboard.credentials.selectors import models_of_account
from dashboard.overview.account.server import load_context, version_words
from dashboard.sync.models import StreamState, SyncStream
from dashboard.usage.selectors import AccountUsage
from providers.spec import Account, Endpoint, Provider, host_of

Kind = Literal["wallet", "bill", "subscription", "server"]
MONEY = frozenset({"balance", "quota", "cost"})
PLAN_CELLS = 4
MODEL_ROWS = 60
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


def kind_words(kind: Kind) -> str:
    return {
        "wallet": _("Wallet"),
        "bill": _("Billed afterwards"),
        "subscription": _("Subscription"),
        "server": _("Own server"),
    }[kind]


def sections(
    kind: Kind, *, balance: bool, bill: bool, quotas: bool, usage: str, entries: bool, load: bool
) -> list[dict[str, str]]:
    """The parts of the page from top to bottom, as its tabs name them; each flag says whether there is such a part,
    `usage` what its panel is called. What a provider does not tell is no part: the streams say why, and what to do
    instead."""
    plan = kind == "subscription"
    parts = [
        ("quotas", _("Windows"), quotas and plan),
        ("balance", balance_words(kind), balance),
        ("bill", _("Bill"), bill),
        ("load", _("Load"), load),
        ("models", _("Models"), kind == "server"),
        ("usage", usage, bool(usage)),
        ("quotas", _("Limits"), quotas and not plan),
        ("streams", _("Streams"), True),
        ("runs", _("Log"), True),
        ("credentials", _("Keys"), True),
        ("entries", _("Typed in"), entries),
    ]
    return [{"id": name, "words": words} for name, words, there in parts if there]


def balance_words(kind: Kind) -> str:
    """What a balance is called: a plan has no money in it, so what lies beside it are credits."""
    return _("Credits") if kind == "subscription" else _("Balance")


def requests_stat(usage: AccountUsage) -> list[dict[str, Any]]:
    """Requests of the period, where any are told."""
    if usage.total.requests is None:
        return []
    label = _("Requests, last %(days)d days") % {"days": usage.asked_days}
    return [{"label": label, "amount": usage.total.requests, "unit": "", "words": ""}]


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
            cells.append(quota_window(one, now))
        elif one.used is not None:
            cells.append(counted_row(one, now))
    return cells[:PLAN_CELLS]


def counted_row(series: QuotaSeries, now: datetime) -> dict[str, Any]:
    """Use that is told without a limit: seats, credits of the month, a seat that its organization manages. It is no
    share of anything, so it is drawn neither empty nor full."""
    seats = series.unit in ("seats", "licenses")
    return {
        **quota_window(series, now),
        "no_limit_words": "" if seats or series.limit is not None else _("no limit told"),
    }


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
    return {
        "stats": stats,
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
        "note": listed(notes),
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
    return [{"label": _("Address"), "words": listed(hosts), "note": version_words(reading), "at": read_at}]
