"""The page "Billed against estimated" put together: what can be compared, and what cannot and why."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Prefetch
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from dashboard.core.addresses import address, chips, chosen
from dashboard.core.cursors import Order
from dashboard.core.languages.numbers import number_format, unit_digits
from dashboard.core.period import period_picker
from dashboard.core.tables import Column, Table
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.scope import Scope
from dashboard.usage.estimates.selectors import Part, estimate_parts
from dashboard.usage.explorer.told import ZERO, summed
from dashboard.usage.rollup import price_list_of
from providers.prices import UNIT, price_periods

# What a provider or a balance tells of money; an estimate is measured against these.
COUNTED = {
    "billed": gettext_noop("Billed"),
    "reported": gettext_noop("Reported"),
    "derived": gettext_noop("Derived"),
}
_FILTERS = {"provider": gettext_noop("Provider"), "account": gettext_noop("Account"), "model": gettext_noop("Model")}

_NAME = Order(name="sort_name")


def _figure(name: str, label: Any, order: str = "", *, kind: str = "number", always: bool = False) -> Column:
    return Column(
        name=name,
        label=label,
        order=(Order(name=order or name, kind=kind, optional=True), _NAME),  # type: ignore[arg-type]
        numeric=True,
        falling=True,
        always=always,
    )


TABLE = Table(
    name="estimates",
    columns=(
        Column(name="name", label=gettext_lazy("Account and model"), order=(_NAME,), always=True),
        Column(name="basis", label=gettext_lazy("Basis")),
        _figure("tokens", gettext_lazy("Tokens"), kind="whole"),
        _figure("counted", gettext_lazy("Counted"), always=True),
        _figure("estimated", gettext_lazy("At list prices"), always=True),
        # The greatest on top, whichever way it goes.
        _figure("difference", gettext_lazy("Difference"), "gap"),
        _figure("percent", gettext_lazy("In percent")),
    ),
    sort="difference",
    falling=True,
    key="id",
)


@dataclass(slots=True)
class Use:
    """One model of an account: money that was counted, by unit, and what its tokens cost at list prices."""

    counted: dict[str, Decimal] = field(default_factory=dict)
    estimated: Decimal | None = None
    tokens: int | None = None
    unlisted: int | None = None
    bases: set[str] = field(default_factory=set)
    provisional: bool = False
    longer: bool = False

    def take(self, part: Part) -> None:
        if part.spend is not None and part.basis in COUNTED:
            self.counted[part.unit] = self.counted.get(part.unit, ZERO) + part.spend
            self.bases.add(part.basis)
        self._add(part.estimated, part.tokens, part.unlisted, open_=part.provisional, longer=part.longer)

    def join(self, other: "Use") -> None:
        for unit, amount in other.counted.items():
            self.counted[unit] = self.counted.get(unit, ZERO) + amount
        self.bases |= other.bases
        self._add(other.estimated, other.tokens, other.unlisted, open_=other.provisional, longer=other.longer)

    def _add(
        self, estimated: Decimal | None, tokens: int | None, unlisted: int | None, *, open_: bool, longer: bool
    ) -> None:
        if estimated is not None:
            self.estimated = (self.estimated or ZERO) + estimated
        if tokens is not None:
            self.tokens = (self.tokens or 0) + tokens
        if unlisted is not None:
            self.unlisted = (self.unlisted or 0) + unlisted
        self.provisional, self.longer = self.provisional or open_, self.longer or longer


@dataclass(slots=True)
class Report:
    """Rows by what can be said of them. `compared` stands on both sides in USD; `alone` nobody but the price list
    tells; of `elsewhere` the money is in another unit; `unlisted` has no list price."""

    compared: list[dict[str, Any]] = field(default_factory=list)
    alone: list[dict[str, Any]] = field(default_factory=list)
    elsewhere: list[dict[str, Any]] = field(default_factory=list)
    unlisted: list[dict[str, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any((self.compared, self.alone, self.elsewhere, self.unlisted))


def estimates_context(*, scope: Scope, query: QueryDict, today: date, every_row: bool = False) -> dict[str, Any]:
    """Everything that the page shows. The number of statements depends on nothing that is asked."""
    picker = period_picker(query, today)
    accounts = _accounts(scope)
    parts = estimate_parts(scope=scope, first=picker.period.first, last=picker.period.last)
    filters = _filters(query, accounts, parts)
    report = _report(_wanted(query, accounts, parts), accounts)
    view = TABLE.read(query)
    page = None if every_row else view.page_of_list(report.compared)
    rows = view.all_in_order(report.compared) if page is None else page.rows
    shown = [*rows, *report.alone, *report.elsewhere]
    for row in shown:
        row["tiered"] = any(_tiered(row["price_list"], model) for model in row["models"])
    counted, estimated = (summed(row[name] for row in report.compared) for name in ("counted", "estimated"))
    return {
        "picker": picker,
        "filters": filters,
        "filtered": any(chip.pressed for one in filters.values() for chip in one["chips"]),
        "clear_url": address(query, **dict.fromkeys(_FILTERS)),
        "view": view,
        "page": page,
        "rows": rows,
        "unit": UNIT,
        "counted": counted,
        "estimated": estimated,
        "tokens": sum(row["tokens"] or 0 for row in report.compared),
        "difference": (difference := _difference(counted, estimated)),
        "difference_words": _signed(difference),
        "percent": _percent(counted, estimated),
        "alone": report.alone,
        "alone_sum": summed(row["estimated"] for row in report.alone),
        "elsewhere": report.elsewhere,
        "unlisted": report.unlisted,
        "any_rows": bool(report),
        "any_accounts": bool(accounts),
        "any_tiered": any(row["tiered"] for row in shown),
        "any_longer": any(row["longer"] for row in (*shown, *report.unlisted)),
        "csv_query": query.urlencode(),
    }


def _accounts(scope: Scope) -> dict[int, ProviderAccount]:
    settings = ProviderCredential.objects.only("account_id", "settings", "secret_hints").order_by("pk")
    accounts = ProviderAccount.objects.filter(scope.accounts()).defer("notes")
    return {one.pk: one for one in accounts.prefetch_related(Prefetch("credentials", settings))}


# --- What the address asks for ----------------------------------------------------------------------------------


def _options(accounts: Mapping[int, ProviderAccount], parts: Sequence[Part]) -> dict[str, list[tuple[str, str]]]:
    """(value in the address, words) of each filter; only of what was used on these days."""
    told = [accounts[pk] for pk in {part.account_id for part in parts} if pk in accounts]
    found = {
        "provider": list({one.provider_slug: one.provider_name for one in told}.items()),
        "account": [(str(one.pk), one.full_name) for one in told],
        "model": [(model, model) for model in {part.model for part in parts} if model],
    }
    return {name: sorted(options, key=lambda one: one[1].casefold()) for name, options in found.items()}


def _filters(
    query: QueryDict, accounts: Mapping[int, ProviderAccount], parts: Sequence[Part]
) -> dict[str, dict[str, Any]]:
    options = _options(accounts, parts)
    return {
        name: {"label": _(label), "chips": chips(query, name, [(value, words, None) for value, words in options[name]])}
        for name, label in _FILTERS.items()
    }


def _wanted(query: QueryDict, accounts: Mapping[int, ProviderAccount], parts: Sequence[Part]) -> list[Part]:
    options = _options(accounts, parts)
    picked = {name: set(chosen(query, name, (value for value, _words in options[name]))) for name in _FILTERS}

    def passes(part: Part) -> bool:
        slug = accounts[part.account_id].provider_slug if part.account_id in accounts else ""
        values = {"provider": slug, "account": str(part.account_id), "model": part.model}
        return bool(slug) and all(not picked[name] or values[name] in picked[name] for name in _FILTERS)

    return [part for part in parts if passes(part)]


# --- Rows -------------------------------------------------------------------------------------------------------


def _report(parts: Iterable[Part], accounts: Mapping[int, ProviderAccount]) -> Report:
    told: dict[int, dict[str, Use]] = defaultdict(lambda: defaultdict(Use))
    alone: dict[int, dict[str, Use]] = defaultdict(lambda: defaultdict(Use))
    for part in parts:
        if part.basis == "estimated":
            alone[part.account_id][part.model].take(part)
        else:
            told[part.account_id][part.model].take(part)
    report = Report()
    for account_id, models in told.items():
        for names, use in _together(models):
            _place(report, _row(accounts[account_id], names, use), use)
    for account_id, models in alone.items():
        report.alone += [_row(accounts[account_id], [model], use) for model, use in models.items()]
    for rows in (report.compared, report.alone, report.elsewhere, report.unlisted):
        rows.sort(key=lambda row: (-(row["estimated"] or ZERO), -(row["tokens"] or 0), row["sort_name"]))
    for place, row in enumerate(report.compared):
        row["id"] = place
    return report


def _together(models: Mapping[str, Use]) -> list[tuple[list[str], Use]]:
    """([models], their use and its money). A bill that does not tell all models apart is compared with the use of all
    that it does not name; money that pays for no known use says nothing about list prices and is left out."""
    apart = {name: use for name, use in models.items() if use.counted and use.tokens is not None}
    money = [use for use in models.values() if use.counted and use.tokens is None]
    used = {name: use for name, use in models.items() if not use.counted and use.tokens is not None}
    found = [([name], use) for name, use in apart.items()]
    if money and used:
        whole = Use()
        for use in (*money, *used.values()):
            whole.join(use)
        return [*found, (sorted(used), whole)]
    return found + [([name], use) for name, use in used.items()]


def _place(report: Report, row: dict[str, Any], use: Use) -> None:
    if use.estimated is None:
        if use.tokens:
            report.unlisted.append(row)
    elif set(use.counted) == {UNIT}:
        report.compared.append(row)
    elif use.counted:
        report.elsewhere.append(row)


def _row(account: ProviderAccount, models: Sequence[str], use: Use) -> dict[str, Any]:
    counted = use.counted.get(UNIT)
    difference = _difference(counted, use.estimated)
    name = models[0] if len(models) == 1 else ""
    return {
        "account": account.full_name,
        "slug": account.provider_slug,
        "models": models,
        "model": name,
        "sort_name": f"{account.full_name} {name}".casefold(),
        "tokens": use.tokens,
        "unlisted": use.unlisted if use.estimated is not None else None,
        "counted": counted,
        "amounts": sorted(use.counted.items()),
        "estimated": use.estimated,
        "difference": difference,
        "difference_words": _signed(difference),
        "gap": abs(difference) if difference is not None else None,
        "percent": _percent(counted, use.estimated),
        "bases": [_(words) for basis, words in COUNTED.items() if basis in use.bases],
        "provisional": use.provisional,
        "longer": use.longer,
        "price_list": price_list_of(account),
    }


def _tiered(price_list: str, model: str) -> bool:
    """Whether a long context of that model costs more than was reckoned with."""
    return any(period.tiered for period in price_periods(price_list, model))


def _difference(counted: Decimal | None, estimated: Decimal | None) -> Decimal | None:
    return counted - estimated if counted is not None and estimated is not None else None


def _signed(difference: Decimal | None) -> str:
    """With its sign and the unit's decimals: "+$862.11", "−$7.52", "$0.00". Sums are apart by fractions of a cent that
    say nothing."""
    if difference is None:
        return ""
    rounded = round(difference, unit_digits(UNIT))
    return f"{'+' if rounded > 0 else ''}{number_format().money(rounded, UNIT)}"


def _percent(counted: Decimal | None, estimated: Decimal | None) -> Decimal | None:
    """By how much more was counted than estimated; None where there is nothing to compare with."""
    return (counted - estimated) / estimated * 100 if counted is not None and estimated else None
