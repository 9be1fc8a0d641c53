"""The spend page put together: what its address asks for, its sums, its chart and its table."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext

from dashboard.core.addresses import Chip, address, chips, chosen
from dashboard.core.charts.shapes import MOST_SERIES, Chart, Layer
from dashboard.core.charts.spend import stack_chart
from dashboard.core.cursors import Order
from dashboard.core.period import Period, months_before, period_picker
from dashboard.core.tables import Column, Table, TableView
from dashboard.core.templatetags.purser import day as day_words
from dashboard.credentials.catalog import provider_name
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.scope import Scope
from dashboard.usage.explorer.selectors import (
    ACCOUNT,
    MODEL,
    PROVIDER,
    TEAM,
    Part,
    Wanted,
    by_month,
    models_used,
    spend_parts,
    spend_totals,
)

GROUPS = {
    PROVIDER: gettext_noop("Provider"),
    ACCOUNT: gettext_noop("Account"),
    TEAM: gettext_noop("Team"),
    MODEL: gettext_noop("Model"),
}
# Where a row leads: the same money, one step closer.
_CLOSER = {PROVIDER: ACCOUNT, ACCOUNT: MODEL, TEAM: PROVIDER, MODEL: TEAM}
BASES = {
    "billed": gettext_noop("Billed"),
    "reported": gettext_noop("Reported"),
    "derived": gettext_noop("Derived"),
    "estimated": gettext_noop("Estimated"),
}
CERTAIN = ("billed", "reported")
NOBODY = "none"  # what is not allocated, in an address
FIRST_UNIT = "USD"
ZERO = Decimal(0)

_NAME = Order(name="sort_name")
_COLUMNS = (
    Column(name="name", label="", order=(_NAME,), always=True),
    Column(name="basis", label=gettext_lazy("Basis")),
    Column(
        name="tokens",
        label=gettext_lazy("Tokens"),
        order=(Order(name="tokens", kind="whole", optional=True), _NAME),
        numeric=True,
        falling=True,
    ),
    Column(
        name="spend",
        label=gettext_lazy("Spend"),
        order=(Order(name="spend", kind="number", optional=True), _NAME),
        numeric=True,
        falling=True,
        always=True,
    ),
    Column(
        name="before",
        label=gettext_lazy("Before"),
        order=(Order(name="before", kind="number", optional=True), _NAME),
        numeric=True,
        falling=True,
    ),
    Column(
        name="change",
        label=gettext_lazy("Change"),
        order=(Order(name="change", kind="number", optional=True), _NAME),
        numeric=True,
        falling=True,
    ),
    Column(
        name="share",
        label=gettext_lazy("Share"),
        order=(Order(name="share", kind="number", optional=True), _NAME),
        numeric=True,
        falling=True,
    ),
)
TABLE = Table(name="spend", columns=_COLUMNS, sort="spend", falling=True, key="id")


@dataclass(slots=True)
class Sums:
    """What one group spent in one unit. `bases` are those its money stands on; `undated` is what came for longer than a
    day, on the first one: bars of single days leave it out."""

    spend: Decimal | None = None
    by_day: dict[date, Decimal] = field(default_factory=dict)
    open_days: set[date] = field(default_factory=set)
    open: bool = False
    bases: dict[str, Decimal] = field(default_factory=dict)
    undated: dict[date, Decimal] = field(default_factory=dict)

    def take(self, part: Part) -> None:
        assert part.spend is not None
        self.spend = (self.spend or ZERO) + part.spend
        dated = self.by_day if part.span == "day" else self.undated
        dated[part.at] = dated.get(part.at, ZERO) + part.spend
        self.bases[part.basis] = self.bases.get(part.basis, ZERO) + part.spend
        if part.provisional:
            self.open = True
            if part.span == "day":
                self.open_days.add(part.at)

    def bar(self, at: date, *, months: bool) -> Decimal | None:
        """What stands on that place of the chart."""
        dated = self.by_day.get(at)
        return _plus(dated, self.undated.get(at)) if months else dated


@dataclass(slots=True)
class Told:
    """Everything that the rollups tell of a period: by (group, unit), and what is used by group."""

    sums: dict[tuple[Any, str], Sums] = field(default_factory=lambda: defaultdict(Sums))
    tokens: dict[Any, int] = field(default_factory=dict)
    unpriced: dict[Any, tuple[int | None, int | None]] = field(default_factory=dict)

    def take(self, part: Part) -> None:
        if part.spend is not None:
            self.sums[(part.group, part.unit)].take(part)
        if part.tokens is not None:
            self.tokens[part.group] = self.tokens.get(part.group, 0) + part.tokens
        if part.basis == "unpriced" and (part.tokens or part.requests):
            tokens, requests = self.unpriced.get(part.group, (None, None))
            self.unpriced[part.group] = _plus(tokens, part.tokens), _plus(requests, part.requests)

    def total(self, unit: str) -> Decimal | None:
        known = [one.spend for (_group, at), one in self.sums.items() if at == unit and one.spend is not None]
        return sum(known, ZERO) if known else None


def _units(places: Iterable[tuple[Any, str]]) -> list[str]:
    """The unit that most groups are told in first."""
    counts: dict[str, int] = defaultdict(int)
    for _group, unit in set(places):
        counts[unit] += 1
    return sorted(counts, key=lambda unit: (-counts[unit], unit))


Count = TypeVar("Count", int, Decimal)


def _plus(one: Count | None, other: Count | None) -> Count | None:
    return other if one is None else one if other is None else one + other


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What groups are called."""

    organization_id: int
    accounts: Mapping[int, ProviderAccount]
    teams: Mapping[int, Team]

    def of(self, group: str, value: Any) -> str:
        if group == PROVIDER:
            return provider_name(self.organization_id, value)
        if group == ACCOUNT:
            account = self.accounts[value]
            return f"{account.provider_name}: {account.label}"
        if group == TEAM:
            return self.teams[value].name if value in self.teams else _("Unallocated")
        return value or _("not told by model")

    def slug(self, group: str, value: Any) -> str:
        """Whose logo stands beside it."""
        if group == PROVIDER:
            return str(value)
        return self.accounts[value].provider_slug if group == ACCOUNT else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks for."""

    group: str
    period: Period
    wanted: Wanted
    unit: str


def explorer_context(
    *, organization: Organization, scope: Scope, query: QueryDict, today: date, every_row: bool = False
) -> dict[str, Any]:
    """Everything that the page shows. The number of statements depends on nothing that is asked."""
    picker = period_picker(query, today)
    period, compare = picker.period, picker.period.compare
    names = _names(organization)
    models = models_used(scope=scope, first=period.first, last=period.last)
    filters = _filters(query, scope, names, models)
    wanted = _wanted(query, scope, names, models)
    group = next(iter(chosen(query, "group", GROUPS)), PROVIDER)
    told = Told()
    for part in spend_parts(wanted=wanted, group=group, first=period.first, last=period.last):
        told.take(part)
    before = spend_totals(wanted=wanted, group=group, first=compare.first, last=compare.last)
    units = _units((*told.sums, *before))
    asked_unit = next(iter(chosen(query, "unit", units)), "")
    unit = asked_unit or (FIRST_UNIT if FIRST_UNIT in units else next(iter(units), ""))
    rows = _rows(told, before, unit, group, names, query)
    view = TABLE.read(query)
    page = view.page_of_list(rows) if not every_row else None
    before_total = _sum(amount for (_group, at), amount in before.items() if at == unit)
    total = told.total(unit)
    return {
        "picker": picker,
        "compare": compare,
        "group": group,
        "group_word": _(GROUPS[group]),
        "groups": _group_chips(query, group),
        "filters": filters,
        "filtered": any(chip.pressed for one in filters.values() for chip in one["chips"]),
        "clear_url": address(query, provider=None, account=None, team=None, model=None),
        "view": view,
        "page": page,
        "rows": page.rows if page is not None else _sorted(rows, view),
        "unit": unit,
        "units": chips(query, "unit", [(one, one, None) for one in units]) if len(units) > 1 else [],
        "total": total,
        "before_total": before_total,
        "change": _change(total, before_total),
        "tokens": sum(told.tokens.values()) if told.tokens else None,
        "apart": [(one, told.total(one)) for one in units if one != unit and told.total(one) is not None],
        "apart_rows": _apart(told, unit, group, names, query),
        "unpriced": _unpriced(told, group, names, query),
        "certain": _certain(told, unit),
        "estimated": _on_basis(told, unit, ("estimated",)),
        "a_day": total / period.days if total is not None else None,
        "undated": _undated(told, unit, period),
        "open": _open_words(told, unit, period),
        "chart": _chart(told, unit, group, names, period),
        "by_month": by_month(period.first, period.last),
        "csv_query": query.urlencode(),
    }


# --- What the address asks for ----------------------------------------------------------------------------------


def _names(organization: Organization) -> Names:
    accounts = ProviderAccount.objects.filter(organization=organization).only(
        "organization_id", "provider_slug", "label", "team_id"
    )
    teams = Team.objects.filter(organization=organization)
    return Names(
        organization_id=organization.pk,
        accounts={account.pk: account for account in accounts},
        teams={team.pk: team for team in teams},
    )


def _options(scope: Scope, names: Names, models: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(value in the address, words) of each filter, by name; only what this person may see."""
    visible = [one for one in names.accounts.values() if scope.whole or one.team_id in (scope.team_ids or ())]
    teams = [(str(pk), team.name) for pk, team in names.teams.items() if scope.whole or pk in (scope.team_ids or ())]
    slugs = {one.provider_slug for one in visible}
    found = {
        PROVIDER: [(slug, names.of(PROVIDER, slug)) for slug in slugs],
        ACCOUNT: [(str(one.pk), names.of(ACCOUNT, one.pk)) for one in visible],
        TEAM: teams,
        MODEL: [(one, one) for one in models if one],
    }
    for options in found.values():
        options.sort(key=lambda one: one[1].casefold())
    if scope.whole and teams:
        found[TEAM].append((NOBODY, _("Unallocated")))
    return found


def _filters(query: QueryDict, scope: Scope, names: Names, models: Sequence[str]) -> dict[str, dict[str, Any]]:
    options = _options(scope, names, models)
    return {
        name: {"label": _(label), "chips": chips(query, name, [(value, words, None) for value, words in options[name]])}
        for name, label in GROUPS.items()
    }


def _wanted(query: QueryDict, scope: Scope, names: Names, models: Sequence[str]) -> Wanted:
    accounts = chosen(query, ACCOUNT, map(str, names.accounts))
    teams = chosen(query, TEAM, [*map(str, names.teams), NOBODY])
    slugs = {one.provider_slug for one in names.accounts.values()}
    return Wanted(
        scope=scope,
        providers=chosen(query, PROVIDER, sorted(slugs)),
        accounts=[int(one) for one in accounts],
        teams=[None if one == NOBODY else int(one) for one in teams],
        models=chosen(query, MODEL, models),
    )


def _group_chips(query: QueryDict, group: str) -> list[Chip]:
    return [
        Chip(
            label=_(words),
            url=address(query, group=None if name == PROVIDER else name, sort=None, dir=None),
            pressed=name == group,
        )
        for name, words in GROUPS.items()
    ]


# --- Rows -------------------------------------------------------------------------------------------------------


def _row(group: str, value: Any, names: Names, query: QueryDict) -> dict[str, Any]:
    name = names.of(group, value)
    shown = NOBODY if group == TEAM and value is None else str(value)
    closer = address(query, group=_CLOSER[group], sort=None, dir=None, **{group: shown}) if shown else ""
    return {
        "name": name,
        "sort_name": name.casefold(),
        "slug": names.slug(group, value),
        "team": names.teams.get(value) if group == TEAM else None,
        "unallocated": group == TEAM and value is None,
        "url": closer,
    }


def _rows(
    told: Told,
    before: Mapping[tuple[Any, str], Decimal],
    unit: str,
    group: str,
    names: Names,
    query: QueryDict,
) -> list[dict[str, Any]]:
    """The groups in the main unit: those that spent now, and those that spent before alone."""
    groups = {value for value, at in (*told.sums, *before) if at == unit}
    total = told.total(unit)
    # The greatest first, as the chart stacks them; the position is the row's id.
    amounts = {value: told.sums[(value, unit)].spend if (value, unit) in told.sums else None for value in groups}
    ranked = sorted(groups, key=lambda value: (-(amounts[value] or ZERO), names.of(group, value)))
    drawn = [value for value in ranked if amounts[value] is not None]
    rows = []
    for place, value in enumerate(ranked):
        sums, earlier = told.sums.get((value, unit)), before.get((value, unit))
        spend = amounts[value]
        rows.append(
            _row(group, value, names, query)
            | {
                "id": place,
                "spend": spend,
                "tokens": told.tokens.get(value),
                "before": earlier,
                "change": _change(spend, earlier),
                "share": spend / total * 100 if spend is not None and total else None,
                "bases": _bases(sums.bases) if sums else [],
                "estimated": bool(sums and "estimated" in sums.bases),
                "provisional": bool(sums and sums.open),
                "series": min(place, MOST_SERIES - 1) if len(drawn) > MOST_SERIES else place,
                "drawn": spend is not None,
                "unpriced": value in told.unpriced,
            }
        )
    return rows


def _sorted(rows: Sequence[dict[str, Any]], view: TableView) -> Sequence[dict[str, Any]]:
    """All rows in the order of the table, on one page."""
    everything = Table(
        name=TABLE.name, columns=TABLE.columns, size=len(rows) + 1, sort=TABLE.sort, falling=True, key="id"
    )
    query = view.query.copy()
    for name in ("after", "before"):
        query.pop(name, None)
    return everything.read(query).page_of_list(rows).rows


def _apart(told: Told, unit: str, group: str, names: Names, query: QueryDict) -> list[dict[str, Any]]:
    """What was spent in other units, which nobody converts."""
    rows = [
        _row(group, value, names, query)
        | {
            "unit": at,
            "spend": sums.spend,
            "tokens": told.tokens.get(value),
            "bases": _bases(sums.bases),
            "estimated": "estimated" in sums.bases,
            "provisional": sums.open,
        }
        for (value, at), sums in told.sums.items()
        if at != unit
    ]
    return sorted(rows, key=lambda row: (row["unit"], -row["spend"], row["sort_name"]))


def _unpriced(told: Told, group: str, names: Names, query: QueryDict) -> list[dict[str, Any]]:
    """What was used without a price, the most used first."""
    rows = [
        _row(group, value, names, query) | {"tokens": tokens, "requests": requests}
        for value, (tokens, requests) in told.unpriced.items()
    ]
    return sorted(rows, key=lambda row: (-(row["tokens"] or 0), -(row["requests"] or 0), row["sort_name"]))


def _bases(bases: Iterable[str]) -> list[str]:
    return [_(words) for name, words in BASES.items() if name in bases]


def _change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """In percent; None where there is nothing to compare with."""
    return (now - before) / before * 100 if now is not None and before is not None and before > 0 else None


def _sum(amounts: Iterable[Decimal]) -> Decimal | None:
    known = list(amounts)
    return sum(known, ZERO) if known else None


def _certain(told: Told, unit: str) -> Decimal | None:
    """How much of the total is billed or reported, in percent."""
    total = told.total(unit)
    if not total:
        return None
    return (_on_basis(told, unit, CERTAIN) or ZERO) / total * 100


def _on_basis(told: Told, unit: str, bases: Sequence[str]) -> Decimal | None:
    """How much of the total stands on one of these."""
    return _sum(
        amount
        for (_group, at), one in told.sums.items()
        if at == unit
        for basis, amount in one.bases.items()
        if basis in bases
    )


# --- The chart --------------------------------------------------------------------------------------------------


def _chart(told: Told, unit: str, group: str, names: Names, period: Period) -> Chart | None:
    layers_of: list[tuple[str, Sums]] = [
        (names.of(group, value), sums) for (value, at), sums in told.sums.items() if at == unit
    ]
    if not layers_of:
        return None
    months = by_month(period.first, period.last)
    places = _months(period) if months else [period.first + timedelta(days=one) for one in range(period.days)]
    layers = [Layer(name, [sums.bar(at, months=months) for at in places], sums.open_days) for name, sums in layers_of]
    words: Mapping[bool, Callable[[], str]] = {
        False: lambda: _("Spend by day and %(group)s"),
        True: lambda: _("Spend by month and %(group)s"),
    }
    return stack_chart(
        places,
        layers,
        unit=unit,
        title=words[months]() % {"group": _(GROUPS[group]).lower()},
        labels=[date_format(at, pgettext("date format: month and year, short", "M Y")) for at in places]
        if months
        else None,
    )


def _undated(told: Told, unit: str, period: Period) -> Decimal | None:
    """What no bar shows, because it was told for longer than its day; None when everything is shown."""
    if by_month(period.first, period.last):
        return None
    return _sum(amount for (_group, at), one in told.sums.items() if at == unit for amount in one.undated.values())


def _months(period: Period) -> list[date]:
    first, last = period.first.replace(day=1), period.last.replace(day=1)
    months = [last]
    while months[-1] > first:
        months.append(months_before(months[-1], 1))
    return months[::-1]


def _open_words(told: Told, unit: str, period: Period) -> str:
    """Which days may still change; "" where none may."""
    days = sorted({at for (_group, one), sums in told.sums.items() if one == unit for at in sums.open_days})
    if not days or by_month(period.first, period.last):
        return ""
    words = ", ".join(day_words(one) for one in days[-5:])
    return words if len(days) <= 5 else _("%(days)s and earlier ones") % {"days": words}
