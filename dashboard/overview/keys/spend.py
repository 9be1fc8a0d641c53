"""What keys spent, as their pages tell it: of the last 30 days, beside those before."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from dashboard.core.charts.shapes import Chart, Layer
from dashboard.core.charts.spend import stack_chart
from dashboard.core.languages.joining import listed
from dashboard.core.languages.numbers import money_words
from dashboard.keys.models import ProviderKey
from dashboard.keys.selectors import provider_keys_in
from dashboard.organizations.scope import Scope
from dashboard.usage.by_key.selectors import DaySpend, KeySpend, Name, spend_by_key, spend_of_key_by_day

DAYS = 30
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Days:
    """The last 30 days, today's among them, and as many before."""

    first: date
    middle: date
    last: date

    @classmethod
    def until(cls, today: date) -> "Days":
        middle = today - (DAYS - 1) * DAY
        return cls(middle - DAYS * DAY, middle, today)


@dataclass(frozen=True, slots=True)
class SpendTold:
    """What the rollup tells of some keys. `tellers` are the accounts whose use names keys at all: there a key of which
    nothing is told was not used; elsewhere nobody knows."""

    found: Mapping[Name, KeySpend]
    tellers: frozenset[int]
    most: Mapping[str, Decimal]

    def of(self, key: ProviderKey) -> KeySpend | None:
        return self.found.get((key.account_id, key.external_id))

    def row(self, key: ProviderKey) -> dict[str, Any]:
        """{parts [{unit, amount, before, share, shared}], none: words where there is no amount, bars: whether any of
        the keys has one}; `share` compares it with the key that spent most in that unit."""
        told = self.of(key)
        parts = [
            {
                "unit": part.unit,
                "amount": part.amount,
                "before": part.before,
                "shared": part.shared,
                "share": _share(part.amount, self.most.get(part.unit)),
            }
            for part in (told.parts if told else ())
        ]
        return {"parts": parts, "none": "" if parts else self._none(key), "bars": any(self.most.values())}

    def _none(self, key: ProviderKey) -> str:
        if self.of(key) is not None:
            return _("no price")
        return _("none") if key.account_id in self.tellers else _("not told")


def spend_told(*, scope: Scope, keys: Iterable[ProviderKey], today: date) -> SpendTold:
    """In one statement."""
    days = Days.until(today)
    asked = {
        (key.account_id, key.external_id): seen_from(scope, key, days.first)
        for key in keys
        if not key.external_id.startswith("typed:")
    }
    found = spend_by_key(asked=asked, first=days.first, middle=days.middle, last=days.last)
    most: dict[str, Decimal] = {}
    for spend in found.values():
        for part in spend.parts:
            most[part.unit] = max(most.get(part.unit, Decimal(0)), part.amount or Decimal(0))
    return SpendTold(found, frozenset(account_id for account_id, _key in found), most)


def seen_from(scope: Scope, key: ProviderKey, first: date) -> date:
    """The first day of which this reader may see what the key spent. Who sees the account sees all of it, as on the
    account's page; of a key of theirs in an account of others they see what it spent since it is theirs."""
    if scope.team_ids is None or key.account.team_id in scope.team_ids:
        return first
    return max(first, key.owned_from or first)


def key_spend_context(*, scope: Scope, key: ProviderKey, today: date) -> dict[str, Any]:
    """{stats (for components/_stat.html), words (the last 30 days in one line), chart of them in the unit that most of
    them tell, shared, provisional, used, told_here}: what one key spent, in three statements. Without stats it was
    `used` and nobody knows for how much, or was not used, which is known where usage names keys (`told_here`)."""
    days = Days.until(today)
    told = spend_told(scope=scope, keys=provider_keys_in(scope).filter(account_id=key.account_id), today=today)
    row = told.row(key)
    stats = [
        {"label": label, "unit": part["unit"], "amount": amount, "none": _("none told")}
        for part in row["parts"]
        for label, amount in ((_("Last 30 days"), part["amount"]), (_("30 days before"), part["before"]))
    ]
    by_day: list[DaySpend] = []
    if row["parts"]:
        name, since = (key.account_id, key.external_id), seen_from(scope, key, days.first)
        by_day = spend_of_key_by_day(name=name, since=since, first=days.middle, last=days.last)
    return {
        "stats": stats,
        "words": listed(money_words(part["amount"], part["unit"], _("none told")) for part in row["parts"])
        or row["none"],
        "chart": _chart(by_day, str(key), [days.middle + number * DAY for number in range(DAYS)]),
        "shared": any(part["shared"] for part in row["parts"]),
        "provisional": any(one.provisional for one in by_day),
        "used": told.of(key) is not None,
        "told_here": key.account_id in told.tellers,
    }


def _chart(told: Sequence[DaySpend], name: str, days: Sequence[date]) -> Chart | None:
    if not told:
        return None
    ((unit, _count),) = Counter(one.unit for one in told).most_common(1)
    shown = {one.day: one for one in told if one.unit == unit}
    values = [shown[at].amount if at in shown else None for at in days]
    layer = Layer(name, values, [at for at, one in shown.items() if one.provisional])
    return stack_chart(days, [layer], unit=unit, title=_("Spend by day"))


def _share(amount: Decimal | None, most: Decimal | None) -> Decimal | None:
    return None if amount is None or not most else 100 * amount / most
