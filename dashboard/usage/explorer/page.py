"""The spend page put together: what its address asks for, its sums, its chart and its table."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from django.http import QueryDict
from django.template.loader import get_template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy

from dashboard.balances.rates.conversion import Unit
from dashboard.core.addresses import Chip, address, addresses, chips, chosen
from dashboard.core.cursors import Order
from dashboard.core.languages.joining import colon
from dashboard.core.period import Period, period_picker
from dashboard.core.statements import asked, pipelined
from dashboard.core.tables import Column, Table
from dashboard.credentials.catalog import provider_name
from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.usage.explorer.chart import Stack, open_words, spend_chart, spend_stack, undated_spend
from dashboard.usage.explorer.converted import (
    conversion_words,
    named_amounts,
    own_amounts,
    rate_rows,
    rates_into,
    source_words,
    spend_reading,
    unit_chips,
    unit_rank,
)
from dashboard.usage.explorer.rows import spend_rows
from dashboard.usage.explorer.selectors import (
    ACCOUNT,
    MODEL,
    PROVIDER,
    TEAM,
    Account,
    Bar,
    Earlier,
    Known,
    Wanted,
    by_month,
    models_used,
    spend_bars,
    spend_parts,
    spend_totals,
    sums_known,
)
from dashboard.usage.explorer.told import ZERO, Days, Told, summed

GROUPS = {
    PROVIDER: gettext_noop("Provider"),
    ACCOUNT: gettext_noop("Account"),
    TEAM: gettext_noop("Team"),
    MODEL: gettext_noop("Model"),
}
_TITLES = {
    PROVIDER: gettext_noop("By provider"),
    ACCOUNT: gettext_noop("By account"),
    TEAM: gettext_noop("By team"),
    MODEL: gettext_noop("By model"),
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
FEW = 20  # rows of what stands beside the total, unless the address asks for "all" of it

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
        label=pgettext_lazy("by how much it rose or fell", "Change"),
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
# Where there is nothing to compare with.
_ALONE = replace(TABLE, columns=tuple(one for one in _COLUMNS if one.name not in ("before", "change")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What groups are called."""

    organization_id: int
    accounts: Mapping[int, Account]
    account_names: Mapping[int, str]
    teams: Mapping[int, str]

    def of(self, group: str, value: Any) -> str:
        if group == PROVIDER:
            return provider_name(self.organization_id, value)
        if group == ACCOUNT:
            return self.account_names[value]
        if group == TEAM:
            return self.teams.get(value) or _("Unallocated")
        return value or _("Model not told")

    def since(self, wanted: Wanted) -> date | None:
        """The first day that spend is known of, of whichever of the accounts that are asked for."""
        found = [
            one.since
            for pk, one in self.accounts.items()
            if one.since is not None
            and (not wanted.accounts or pk in wanted.accounts)
            and (not wanted.providers or one.slug in wanted.providers)
        ]
        return min(found, default=None)

    def slug(self, group: str, value: Any) -> str:
        """Whose logo stands beside it."""
        if group == PROVIDER:
            return str(value)
        return self.accounts[value].slug if group == ACCOUNT else ""


def explorer_context(
    *,
    organization: Organization,
    scope: Scope,
    query: QueryDict,
    today: date,
    manages: bool = False,
    every_row: bool = False,
) -> dict[str, Any]:
    """Everything that the page shows, with what somebody who `manages` may do about it; or `every_row`, and nothing is
    drawn. The number of statements does not follow what there is to show."""
    picker = period_picker(query, today)
    period, compare = picker.period, picker.period.compare
    group = next(iter(chosen(query, "group", GROUPS)), PROVIDER)
    # What comes between asking for something and reading it is done while PostgreSQL works.
    with pipelined():
        known_sums, teams = sums_known(scope=scope), asked(_TEAMS, {"organization": organization.pk})
        models_told = models_used(scope=scope, first=period.first, last=period.last)
        known = known_sums()
        names, models = _names(organization, known, dict(teams())), models_told()
        wanted = _wanted(query, scope, names, models)
        units = {kind.unit for kind in known.kinds.values()}
        rates = rates_into(organization, units, min(compare.first, period.first), period.last)
        parts = spend_parts(wanted=wanted, known=known, group=group, first=period.first, last=period.last)
        filters, drawn = _filters(query, scope, names, models), {}
        if not every_row:
            drawn["asked"] = get_template("usage/_explorer_asked.html").render(
                {"picker": picker, "groups": _group_chips(query, group), "filters": filters, "target": TABLE.name}
            )
        counted, told_parts = rates(), parts()
        # What is not known from the first day on would look like growth.
        since = names.since(wanted)
        compared = since is not None and max(since, picker.earliest) <= compare.first
        earlier: Callable[[], list[Earlier]] = list
        if compared:
            earlier = spend_totals(wanted=wanted, known=known, group=group, first=compare.first, last=compare.last)
        reading = spend_reading(query=query, parts=told_parts, earlier=earlier, rates=counted)
        told, unit = reading.told, reading.unit

        def name_of(value: Any) -> str:
            return names.of(group, value)

        stack = spend_stack(told, unit, name_of, period)
        bars: Callable[[], list[Bar]] = list
        if stack.own and not by_month(period.first, period.last) and not every_row:
            bars = spend_bars(
                wanted=wanted,
                known=known,
                group=group,
                layers=stack.own,
                units=told.units_in(unit),
                first=period.first,
                last=period.last,
            )
        view, closer = (TABLE if compared else _ALONE).read(query), _closer(group, query)
        totals, totals_before = told.totals(), told.totals_before()
        total, before_total = totals.get(unit), totals_before.get(unit)
        figures = _figures(told, unit, total, name_of)
        page = view.page_of_list(figures) if not every_row else None
        shown = view.all_in_order(figures) if page is None else page.rows
        rows = _rows(shown, told, unit, group, names, closer, stack)
        others = sorted(reading.units, key=lambda one: unit_rank(one, organization.reporting_currency))
        apart = _apart(told, unit, group, names, closer, query, organization, figures, every_row=every_row)
        unpriced = _unpriced(told, group, names, closer, query, every_row=every_row)
        for state, one in (("main", rows), ("apart", apart.rows), ("unpriced", unpriced.rows)):
            if one and not every_row:
                drawn[state] = spend_rows(one, state, shown=view.shown, unit=unit.code, manages=manages)
        days = told.days(bars(), unit)
    own, bases = told.totals_own(unit), told.bases(unit)
    return {
        "picker": picker,
        "compare": compare,
        "compared": compared,
        "since": since,
        "today_open": period.last == today,
        "group": group,
        "group_word": _(GROUPS[group]),
        "group_title": _(_TITLES[group]),
        "filtered": any(chip.pressed for one in filters.values() for chip in one["chips"]),
        "clear_url": address(query, provider=None, account=None, team=None, model=None),
        "view": view,
        "page": page,
        "rows": rows,
        "drawn": drawn,
        "unit": unit.code,
        "units": unit_chips(query, organization, reading),
        "total": total,
        "before_total": before_total,
        "change": _change(total, before_total),
        "tokens": sum(used) if (used := [one["tokens"] for one in figures if one["tokens"] is not None]) else None,
        "converted": conversion_words(told.used, unit.code),
        "own_total": named_amounts(organization.pk, own.items()),
        # What is converted now and had no rate before would else look like growth.
        "before_apart": named_amounts(organization.pk, ((one, totals_before.get(one)) for one in own)),
        "rates_used": rate_rows(organization.pk, told.used),
        "reporting": organization.reporting_currency,
        # What is asked for in a unit of its own has others beside it, whether or not they have a rate.
        "all_url": address(query, unit=None) if reading.asked and organization.reporting_currency else "",
        "apart": named_amounts(organization.pk, ((one, totals.get(one)) for one in others if one != unit)),
        "apart_rows": apart,
        "unpriced": unpriced,
        "any_rows": bool(rows or apart.count or unpriced.count),
        "any_accounts": bool(names.accounts),
        "certain": (summed(map(bases.get, CERTAIN)) or ZERO) / total * 100 if total else None,  # percent
        "derived": bases.get("derived"),
        "estimated": bases.get("estimated"),
        "a_day": _a_day(total, days, period, today),
        "undated": undated_spend(told, unit, period),
        "open": open_words(told, unit, period, days),
        "chart": None if every_row else spend_chart(told, unit, _(GROUPS[group]), name_of, period, stack, days),
        "by_month": by_month(period.first, period.last),
        "csv_query": query.urlencode(),
    }


# --- What the address asks for ----------------------------------------------------------------------------------


_TEAMS = "SELECT id, name FROM organizations_team WHERE organization_id = %(organization)s"


def _names(organization: Organization, known: Known, teams: Mapping[int, str]) -> Names:
    between = colon()  # once: looking it up takes longer than writing a name
    return Names(
        organization_id=organization.pk,
        accounts=known.accounts,
        account_names={
            pk: f"{provider_name(organization.pk, one.slug)}{between}{one.label}" for pk, one in known.accounts.items()
        },
        teams=teams,
    )


def _options(scope: Scope, names: Names, models: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """(value in the address, words) of each filter, by name; only what this person may see."""
    visible = {pk: one for pk, one in names.accounts.items() if scope.whole or one.team_id in (scope.team_ids or ())}
    teams = [(str(pk), name) for pk, name in names.teams.items() if scope.whole or pk in (scope.team_ids or ())]
    slugs = {one.slug for one in visible.values()}
    found = {
        PROVIDER: [(slug, names.of(PROVIDER, slug)) for slug in slugs],
        ACCOUNT: [(str(pk), names.of(ACCOUNT, pk)) for pk in visible],
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
    slugs = {one.slug for one in names.accounts.values()}
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


Closer = Callable[[Any], str]


def _closer(group: str, query: QueryDict) -> Closer:
    """Where the row of a value leads; "" where no filter can name it."""
    address_with = addresses(query, "group", "sort", "dir", group)

    def closer(value: Any) -> str:
        shown = NOBODY if group == TEAM and value is None else str(value)
        return address_with(group=_CLOSER[group], **{group: shown}) if shown else ""

    return closer


def _row(group: str, value: Any, names: Names, closer: Closer) -> dict[str, Any]:
    name = names.of(group, value)
    return {
        "name": name,
        "sort_name": name.casefold(),
        "slug": names.slug(group, value),
        "unallocated": group == TEAM and value is None,
        "url": closer(value),
    }


def _figures(told: Told, unit: Unit, total: Decimal | None, name_of: Callable[[Any], str]) -> list[dict[str, Any]]:
    """What the groups in the main unit are sorted by: those that spent now, and those that spent before alone."""
    groups = {value for value, at in (*told.sums, *told.before) if at == unit}
    amounts = {value: told.sums[(value, unit)].spend if (value, unit) in told.sums else None for value in groups}
    named = {value: name_of(value) for value in groups}
    # The greatest first; the position is the row's id.
    ranked = sorted(groups, key=lambda value: (-(amounts[value] or ZERO), named[value]))
    rows = []
    for place, value in enumerate(ranked):
        spend, earlier = amounts[value], told.before.get((value, unit))
        rows.append(
            {
                "id": place,
                "value": value,
                "sort_name": named[value].casefold(),
                "spend": spend,
                "tokens": told.tokens.get(value),
                "before": earlier,
                "change": _change(spend, earlier),
                "share": spend / total * 100 if spend is not None and total else None,
            }
        )
    return rows


def _rows(
    figures: Iterable[dict[str, Any]], told: Told, unit: Unit, group: str, names: Names, closer: Closer, stack: Stack
) -> list[dict[str, Any]]:
    """Those groups with everything that is told of them."""
    bases_told, sources_told = cache(_bases), cache(source_words)
    rows = []
    for one in figures:
        value = one["value"]
        sums = told.sums.get((value, unit))
        rows.append(
            _row(group, value, names, closer)
            | one
            | {
                "own": own_amounts(sums.own) if sums else [],
                "sources": sources_told(frozenset(sums.sources)) if sums else (),
                "bases": bases_told(frozenset(sums.bases)) if sums else (),
                "estimated": bool(sums and "estimated" in sums.bases),
                "provisional": bool(sums and sums.open),
                "series": stack.places.get(value),
                "marked": value in stack.places,
            }
        )
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Rows beside the total: the first few, or all of `count`, which `more` leads to unless they are there."""

    rows: list[dict[str, Any]]
    count: int
    more: str


def _beside(
    ranked: Sequence[Any], row: Callable[[Any], dict[str, Any]], query: QueryDict, name: str, *, every_row: bool
) -> Beside:
    asked = query.getlist("all")
    whole = every_row or name in asked or len(ranked) <= FEW
    shown = ranked if whole else ranked[:FEW]
    more = "" if whole else address(query, all=[*asked, name])
    return Beside(rows=[row(one) for one in shown], count=len(ranked), more=more)


def _apart(
    told: Told,
    unit: Unit,
    group: str,
    names: Names,
    closer: Closer,
    query: QueryDict,
    organization: Organization,
    figures: Sequence[dict[str, Any]],
    *,
    every_row: bool,
) -> Beside:
    """What was spent in other units, and is not converted."""
    # Tokens are known by group alone: they are said once, above or where the group has no other row.
    above, places = {one["value"] for one in figures}, Counter(value for value, _at in told.sums)
    bases_told = cache(_bases)

    def row(place: tuple[Any, Unit]) -> dict[str, Any]:
        (value, at), sums = place, told.sums[place]
        elsewhere = value in above or places[value] > 1
        return _row(group, value, names, closer) | {
            "unit": at.code,
            "whose": names.of(PROVIDER, at.slug) if at.slug and group not in (PROVIDER, ACCOUNT) else "",
            "spend": sums.spend,
            "tokens": None if elsewhere else told.tokens.get(value),
            "tokens_elsewhere": elsewhere,
            "bases": bases_told(frozenset(sums.bases)),
            "estimated": "estimated" in sums.bases,
            "provisional": sums.open,
        }

    ranked = sorted(
        (place for place in told.sums if place[1] != unit),
        key=lambda place: (
            unit_rank(place[1], organization.reporting_currency),
            -(told.sums[place].spend or ZERO),
            names.of(group, place[0]).casefold(),
        ),
    )
    return _beside(ranked, row, query, "apart", every_row=every_row)


def _unpriced(told: Told, group: str, names: Names, closer: Closer, query: QueryDict, *, every_row: bool) -> Beside:
    """What was used without a price, the most used first."""

    def row(value: Any) -> dict[str, Any]:
        tokens, requests = told.unpriced[value]
        return _row(group, value, names, closer) | {"tokens": tokens, "requests": requests}

    def rank(value: Any) -> tuple[int, int, str]:
        tokens, requests = told.unpriced[value]
        return -(tokens or 0), -(requests or 0), names.of(group, value).casefold()

    return _beside(sorted(told.unpriced, key=rank), row, query, "unpriced", every_row=every_row)


def _bases(bases: Iterable[str]) -> tuple[str, ...]:
    """In words. Rows stand on few different ones: who tells of many keeps them."""
    return tuple(_(words) for name, words in BASES.items() if name in bases)


def _change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    """In percent; None where there is nothing to compare with."""
    return (now - before) / before * 100 if now is not None and before is not None and before > 0 else None


def _a_day(total: Decimal | None, days: Mapping[int, Days], period: Period, today: date) -> dict[str, Any]:
    """What a day took. Today is not over: where it is known by itself, it is left out."""
    if total is None:
        return {"amount": None, "days": period.days, "over": False}
    if period.last != today or period.days == 1 or not days:
        return {"amount": total / period.days, "days": period.days, "over": False}
    so_far = summed(one.spend.get(today) for one in days.values()) or ZERO
    return {"amount": (total - so_far) / (period.days - 1), "days": period.days - 1, "over": True}
