"""Typing in what no API tells."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.balances.models import EntryKind
from dashboard.core.fields import DayInput
from dashboard.core.languages.numbers import DECIMALS, SIGNS
from dashboard.usage.entries.services import Typed
from dashboard.usage.partitions import EARLIEST

CLOCK_TOLERANCE = timedelta(minutes=5)
LONGEST_INVOICE = timedelta(days=366)
FIRST_UNITS = ("USD", "EUR", "CNY")


class EntryForm(forms.Form):
    """`kind` decides which fields there are: days for an invoice only."""

    amount = forms.DecimalField(
        label=gettext_lazy("Amount"), max_digits=20, decimal_places=8, widget=forms.TextInput({"inputmode": "decimal"})
    )
    unit = forms.ChoiceField(
        label=gettext_lazy("Currency or unit"), help_text=gettext_lazy("Amounts in other units are never added to it.")
    )
    at = forms.DateTimeField(
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
    )
    first_day = forms.DateField(label=gettext_lazy("First day"), widget=DayInput())
    last_day = forms.DateField(label=gettext_lazy("Last day"), widget=DayInput())
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"data-wide": True}),
        help_text=gettext_lazy("Where it comes from, for those who look at it later."),
    )

    def __init__(
        self, *args: Any, kind: EntryKind, units: Iterable[str], zone_name: str, now: datetime, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.now = kind, now
        known = list(dict.fromkeys([*units, *FIRST_UNITS, *sorted({*SIGNS, *DECIMALS})]))
        self.fields["unit"].choices = [(unit, unit) for unit in known]  # type: ignore[attr-defined]
        self.fields["at"].label = {
            EntryKind.BALANCE: _("As of"),
            EntryKind.TOPUP: _("Paid in at"),
            EntryKind.INVOICE: _("Issued at"),
        }[kind]
        self.fields["amount"].help_text = {
            EntryKind.BALANCE: _("What is left; below zero where it is owed."),
            EntryKind.TOPUP: _("What was paid in."),
            EntryKind.INVOICE: _("The sum that was billed."),
        }[kind]
        self.fields["at"].help_text = _("Time zone: %(zone)s.") % {"zone": zone_name}
        self.initial.setdefault("at", now.replace(second=0, microsecond=0))
        if kind != EntryKind.INVOICE:
            del self.fields["first_day"], self.fields["last_day"]
        else:
            self.fields["first_day"].help_text = _("The first of the days that the invoice is for.")
            self.fields["last_day"].help_text = _("The last of them, this day included.")
            self.fields["note"].help_text = _("Where it comes from, such as the number of the invoice.")
            last = now.replace(day=1) - timedelta(days=1)
            self.initial.setdefault("first_day", last.date().replace(day=1))
            self.initial.setdefault("last_day", last.date())

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if not amount.is_finite():
            raise forms.ValidationError(_("Enter a number."))
        if self.kind == EntryKind.TOPUP and amount <= 0:
            raise forms.ValidationError(_("A top-up is more than nothing. Money taken out is a new balance."))
        return amount

    def clean_at(self) -> datetime:
        at: datetime = self.cleaned_data["at"]
        if at > self.now + CLOCK_TOLERANCE:
            raise forms.ValidationError(_("This lies in the future."))
        if at < EARLIEST:
            raise forms.ValidationError(_("This is too long ago. Nothing before 2015 is kept."))
        return at

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        first, last = data.get("first_day"), data.get("last_day")
        if first and last:
            if last < first:
                self.add_error("last_day", _("The last day is before the first."))
            elif last - first >= LONGEST_INVOICE:
                self.add_error("last_day", _("An invoice for more than a year: enter it year by year."))
            elif first < EARLIEST.date():
                self.add_error("first_day", _("This is too long ago. Nothing before 2015 is kept."))
            elif last > self.now.date() + timedelta(days=31):
                self.add_error("last_day", _("This lies in the future."))
        return data

    @property
    def typed_in(self) -> Typed:
        data = self.cleaned_data
        return Typed(
            kind=self.kind,
            amount=data["amount"],
            unit=data["unit"],
            at=data["at"],
            first_day=data.get("first_day"),
            last_day=data.get("last_day"),
            note=data["note"].strip(),
        )
