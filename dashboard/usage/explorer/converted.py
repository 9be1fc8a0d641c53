"""In which unit the spend page tells, and by which rates it converted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AnySet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.balances.rates.conversion import Rate, Rates, Unit
from dashboard.balances.rates.selectors import rates_asked
from dashboard.core.addresses import Chip, address, chosen
from dashboard.core.languages.numbers import unit_word
from dashboard.core.templatetags.purser import day as day_words
from dashboard.core.templatetags.purser import month as month_words
from dashboard.credentials.catalog import provider_name
from dashboard.organizations.models import Organization
from dashboard.usage.explorer.selectors import Earlier, Part
from dashboard.usage.explorer.told import Told, units_told

FIRST_UNIT = Unit("USD")
SOURCES = {
    "month": gettext_noop("ECB, mean of the month"),
    "earlier": gettext_noop("ECB, last known"),
    "typed": gettext_noop("Typed in"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is told, and in which unit the page adds up; `units` are all there are. `converted`: into the reporting
    currency, whatever has a rate. `asked`: the address names the unit."""

    told: Told
    unit: Unit
    units: Sequence[Unit]
    converted: bool
    asked: bool


def spend_reading(
    *,
    query: QueryDict,
    parts: Sequence[Part],
    earlier: Callable[[], Sequence[Earlier]],
    rates: Rates | None,
) -> Reading:
    """In the reporting currency where there is one that anything converts into, unless the address asks for a unit by
    itself. What came `earlier` is waited for once the `parts` are added up."""
    told = Told(rates).take(parts)
    before = earlier()
    units = units_told(
        {
            *((one.group, one.kind.unit) for one in parts if one.spend is not None),
            *((one.group, one.unit) for one in before),
        }
    )
    values = {unit_value(one): one for one in units}
    asked = next((values[one] for one in chosen(query, "unit", values)), None)
    if rates is not None and asked is None and told.compare(before).has(Unit(rates.currency)):
        return Reading(told=told, unit=Unit(rates.currency), units=units, converted=True, asked=False)
    unit = asked or (FIRST_UNIT if FIRST_UNIT in units else next(iter(units), Unit("")))
    if rates is not None:
        told = Told().take(parts)
    told.compare(before)
    return Reading(told=told, unit=unit, units=units, converted=False, asked=asked is not None)


def rates_into(organization: Organization, units: AnySet[Unit], first: date, last: date) -> Callable[[], Rates | None]:
    """What the money of [first, last] in these units converts by into the reporting currency, None where there is no
    such currency. At most one statement, which is asked at once."""
    currency = organization.reporting_currency
    if not currency:
        return lambda: None
    codes = {unit.code for unit in units if not unit.slug}
    if units <= {Unit(currency)}:
        return lambda: Rates(currency, {}, {})
    return rates_asked(organization_id=organization.pk, currency=currency, units=codes, first=first, last=last)


def unit_value(unit: Unit) -> str:
    """How an address names it."""
    return f"{unit.code}@{unit.slug}" if unit.slug else unit.code


def unit_words(organization_id: int, unit: Unit) -> str:
    """ "USD", or "credits, GitLab Duo": whose unit it is, where that is not everybody's."""
    if not unit.slug:
        return unit_word(unit.code)
    return _("%(unit)s, %(provider)s") % {
        "unit": unit_word(unit.code),
        "provider": provider_name(organization_id, unit.slug),
    }


def unit_chips(query: QueryDict, organization: Organization, reading: Reading) -> list[Chip]:
    """The reporting currency first, with what is converted, then each unit by itself; none where there is no choice."""
    currency, found = organization.reporting_currency, []
    if currency and (reading.converted or set(reading.units) != {reading.unit}):
        words = _("%(unit)s, with what is converted") % {"unit": currency}
        found.append(Chip(label=words, url=address(query, unit=None), pressed=reading.converted, short=currency))
    for unit in reading.units:
        value, pressed = unit_value(unit), unit == reading.unit and not reading.converted
        label = unit_words(organization.pk, unit)
        found.append(Chip(label=label, url=address(query, unit=value), pressed=pressed))
    return found if len(reading.units) > 1 or (reading.converted and reading.told.used) else []


def own_amounts(own: Mapping[Unit, Decimal]) -> list[tuple[str, Decimal]]:
    """(unit, amount) of what was converted, as it was told."""
    return [(unit.code, amount) for unit, amount in sorted(own.items())]


def named_amounts(
    organization_id: int, amounts: Iterable[tuple[Unit, Decimal | None]]
) -> list[tuple[str, Decimal, str]]:
    """(unit, amount, whose the unit is, "" where it is everybody's) of what is known."""
    return [
        (unit.code, amount, provider_name(organization_id, unit.slug) if unit.slug else "")
        for unit, amount in amounts
        if amount is not None
    ]


def unit_rank(unit: Unit, reporting: str) -> tuple[bool, bool, Unit]:
    """The reporting currency first, then the other currencies, then what belongs to a provider."""
    return unit.code != reporting, bool(unit.slug), unit


def source_words(sources: Iterable[str]) -> tuple[str, ...]:
    return tuple(_(words) for source, words in SOURCES.items() if source in sources)


def rate_rows(organization_id: int, used: Mapping[tuple[Unit, date], Rate]) -> list[dict[str, Any]]:
    """Each rate that something was converted by: unit by unit, the newest month first."""
    ranked = sorted(used.items(), key=lambda one: (one[0][0], -one[0][1].toordinal()))
    return [
        {
            "unit": unit_words(organization_id, unit),
            "month": month_words(month),
            "rate": rate.value,
            "source": _(SOURCES[rate.source]),
            "dated": _dated(rate),
        }
        for (unit, month), rate in ranked
    ]


def _dated(rate: Rate) -> str:
    if rate.source == "typed":
        return _("from %(day)s on") % {"day": month_words(rate.day)}
    day = day_words(rate.day)
    return _("to %(day)s") % {"day": day} if rate.source == "month" else day


def conversion_words(used: Mapping[tuple[Unit, date], Rate], currency: str) -> str:
    """How the page converted, in a sentence; "" where there was nothing to convert."""
    typed = any(rate.source == "typed" for rate in used.values())
    told = any(rate.source != "typed" for rate in used.values())
    if typed and told:
        words = _("Converted into %(unit)s at each month's average ECB rate, or at the rate that was typed in.")
    elif told:
        words = _("Converted into %(unit)s at each month's average ECB rate.")
    elif typed:
        words = _("Converted into %(unit)s at the rates that were typed in.")
    else:
        return ""
    return words % {"unit": currency}
