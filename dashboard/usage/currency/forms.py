"""Choosing the reporting currency, and typing in a rate."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.balances.models import ExchangeRate
from dashboard.balances.rates.conversion import Unit
from dashboard.balances.rates.currencies import currency_choices
from dashboard.balances.rates.services import RateTold
from dashboard.core.fields import MonthInput
from dashboard.core.languages.numbers import number
from dashboard.core.period import months_before
from dashboard.organizations.models import Organization
from dashboard.usage.explorer.converted import unit_value, unit_words
from dashboard.usage.partitions import EARLIEST


class CurrencyForm(forms.Form):
    currency = forms.ChoiceField(
        label=gettext_lazy("Reporting currency"),
        required=False,
        help_text=gettext_lazy("What is stored stays in its own unit."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        none = ("", _("None: every unit by itself"))
        self.fields["currency"].choices = [none, *currency_choices()]  # type: ignore[attr-defined]


class RateForm(forms.Form):
    """1 `unit` is `rate` of the reporting currency, from the month `since` on."""

    unit = forms.ChoiceField(
        label=gettext_lazy("Unit"),
        help_text=gettext_lazy("Points and credits belong to their provider: each has a rate of its own."),
    )
    rate = forms.DecimalField(
        max_digits=24,
        decimal_places=12,
        widget=forms.TextInput({"inputmode": "decimal"}),
        help_text=gettext_lazy("Such as 0.0004."),
        error_messages={"required": gettext_lazy("Type in what 1 of it is worth, such as 0.0004.")},
    )
    since = forms.DateField(
        label=gettext_lazy("From this month on"),
        input_formats=["%Y-%m"],
        widget=MonthInput(),
        help_text=gettext_lazy("It counts until a later one does."),
        error_messages={"invalid": gettext_lazy("Enter year and month, such as 2026-11.")},
    )

    def __init__(
        self, *args: Any, organization: Organization, units: Sequence[Unit], today: date, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.today, currency = today, organization.reporting_currency
        spent = [one for one in units if one != Unit(currency)]
        others = [one for one in currency_choices() if one[0] != currency and Unit(one[0]) not in spent]
        self._units = {unit_value(one): one for one in (*spent, *(Unit(code) for code, _words in others))}
        known = [(unit_value(one), unit_words(organization.pk, one)) for one in spent]
        groups = [(_("Spent in"), known), (_("Other currencies"), others)]
        self.fields["unit"].choices = [one for one in groups if one[1]]  # type: ignore[attr-defined]
        self.fields["rate"].label = _("What 1 of it is worth, in %(currency)s") % {"currency": currency}
        self.initial.setdefault("since", today.replace(day=1))

    def clean_rate(self) -> Decimal:
        rate: Decimal = self.cleaned_data["rate"]
        if not rate.is_finite() or rate <= 0:
            raise forms.ValidationError(_("A rate is more than nothing."))
        return rate

    def clean_since(self) -> date:
        since: date = self.cleaned_data["since"]
        if since < EARLIEST.date():
            raise forms.ValidationError(_("This is too long ago. Nothing before 2015 is kept."))
        if since > months_before(self.today.replace(day=1), -12):
            raise forms.ValidationError(_("This lies in the future."))
        return since

    @property
    def told(self) -> RateTold:
        """After is_valid()."""
        data = self.cleaned_data
        return RateTold(unit=self._units[data["unit"]], rate=data["rate"], since=data["since"])


def told_of(rate: ExchangeRate) -> dict[str, Any]:
    """What the form of a stored rate begins with."""
    unit = Unit(rate.unit, rate.provider_slug)
    return {"unit": unit_value(unit), "rate": f"{rate.rate.normalize():f}", "since": rate.day}


def rate_words(organization_id: int, rate: ExchangeRate) -> str:
    """ "credits, GitLab Duo: 1 = 0.01 USD"."""
    return _("%(unit)s: 1 = %(rate)s %(currency)s") % {
        "unit": unit_words(organization_id, Unit(rate.unit, rate.provider_slug)),
        "rate": number(rate.rate),
        "currency": rate.currency,
    }
