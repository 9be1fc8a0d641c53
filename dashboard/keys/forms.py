"""Forms of service tokens."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import accounts_of
from dashboard.keys.models import TokenScope
from dashboard.organizations.models import Organization


class AccountChoice(forms.ModelChoiceField):
    def label_from_instance(self, account: ProviderAccount) -> str:
        return f"{account.provider_name}: {account.label}"


class ServiceTokenForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Which gateway or script has it, for example “LiteLLM, production”."),
    )
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May"),
        choices=TokenScope.choices,
        initial=[TokenScope.USAGE_WRITE],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "chk"}),
        error_messages={"required": gettext_lazy("Choose at least one: a token that may do nothing is of no use.")},
    )
    account = AccountChoice(
        label=gettext_lazy("For this account alone"),
        queryset=ProviderAccount.objects.none(),
        required=False,
        empty_label=gettext_lazy("All accounts"),
        help_text=gettext_lazy("A token of one account cannot send for another."),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        coerce=int,
        initial=365,
        choices=[
            (30, gettext_lazy("30 days")),
            (90, gettext_lazy("90 days")),
            (365, gettext_lazy("a year")),
            (0, gettext_lazy("until it is revoked")),
        ],
        help_text=gettext_lazy("Rotating it starts the same time again."),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = [account.pk for account in accounts_of(organization_id=organization.pk)]
        chosen = ProviderAccount.objects.filter(pk__in=own).order_by("provider_slug", "label", "pk")
        self.fields["account"].queryset = chosen  # type: ignore[attr-defined]

    @property
    def lifetime(self) -> timedelta | None:
        """After is_valid()."""
        days = self.cleaned_data["days"]
        return timedelta(days=days) if days else None
