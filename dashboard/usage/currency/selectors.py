"""Which units an organization spends in, and what each is worth this month."""

from dataclasses import dataclass
from datetime import date

from dashboard.balances.models import ExchangeRate
from dashboard.balances.rates.conversion import Rate, Unit
from dashboard.balances.rates.selectors import rates_view
from dashboard.core.period import earliest
from dashboard.organizations.models import Organization
from dashboard.usage.explorer.converted import unit_value, unit_words
from dashboard.usage.models import TeamMonthly


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """A unit that money was spent in, and its rate of this month; None: not converted. `typed` is the rate that a
    person typed in and that counts."""

    unit: Unit
    words: str
    rate: Rate | None
    typed: ExchangeRate | None

    @property
    def value(self) -> str:
        """As an address names it."""
        return unit_value(self.unit)


def units_spent(*, organization_id: int, today: date) -> list[Unit]:
    """The units of the months that can be asked for, currencies first."""
    rows = TeamMonthly.objects.filter(
        organization_id=organization_id, day__range=(earliest(today), today), spend__isnull=False
    )
    found = {Unit.of(*row) for row in rows.values_list("unit", "provider_slug").distinct().order_by()}
    return sorted(found, key=lambda unit: (unit.slug != "", unit))


def unit_rows(*, organization: Organization, today: date, typed: list[ExchangeRate]) -> list[UnitRow]:
    """Each unit that is spent in with what it is worth this month."""
    units = units_spent(organization_id=organization.pk, today=today)
    currency = organization.reporting_currency
    codes = [unit.code for unit in units if not unit.slug]
    rates = rates_view(organization_id=organization.pk, currency=currency, units=codes, first=today, last=today)
    by_place = {(one.unit, one.provider_slug, one.day): one for one in typed if one.currency == currency}
    rows = []
    for unit in units:
        rate = rates.of(unit, today) if currency else None
        stored = by_place.get((*unit, rate.day)) if rate is not None and rate.source == "typed" else None
        words = unit_words(organization.pk, unit)
        rows.append(UnitRow(unit=unit, words=words, rate=rate, typed=stored))
    return rows
