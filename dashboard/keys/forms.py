"""Forms of provider keys and of service tokens."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.core.fields import DayInput
from dashboard.credentials.models import ProviderAccount
from dashboard.credentials.selectors import accounts_of
from dashboard.keys.models import ProviderKey, TokenScope
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.selectors import teams_of

PURPOSE_HELP = gettext_lazy("What runs with it, for example “nightly evaluation”.")


class AccountChoice(forms.ModelChoiceField):
    def label_from_instance(self, account: ProviderAccount) -> str:
        return account.full_name


def accounts_to_choose(organization: Organization) -> QuerySet[ProviderAccount]:
    """The organization's accounts, by provider."""
    own = [account.pk for account in accounts_of(organization_id=organization.pk)]
    return ProviderAccount.objects.filter(pk__in=own).order_by("provider_slug", "label", "pk")


class AssignForm(forms.Form):
    """Whose a key is, from which day on, and what it is for."""

    team = forms.ModelChoiceField(
        label=gettext_lazy("Owner team"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=gettext_lazy("No owner"),
        help_text=gettext_lazy("Who answers for the key and for what it spends."),
    )
    valid_from = forms.DateField(
        label=gettext_lazy("Owner from"),
        widget=DayInput(),
        help_text=gettext_lazy("What the key spends from this day on counts for the team."),
    )
    purpose = forms.CharField(label=gettext_lazy("Purpose"), max_length=200, required=False, help_text=PURPOSE_HELP)

    def __init__(self, *args: Any, key: ProviderKey, today: date, **kwargs: Any) -> None:
        first = key.owned_from or today
        kwargs["initial"] = {"team": key.team_id, "valid_from": first, "purpose": key.purpose}
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = teams_of(organization_id=key.account.organization_id)  # type: ignore[attr-defined]


class TypedKeyForm(forms.Form):
    """A key that its provider does not list. Nothing here takes a secret: what looks like one is refused unseen."""

    account = AccountChoice(
        label=gettext_lazy("Account"),
        queryset=ProviderAccount.objects.none(),
        empty_label=gettext_lazy("Choose an account"),
        help_text=gettext_lazy("Where the key was made."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("What the provider's console calls it.")
    )
    hint = forms.CharField(
        label=gettext_lazy("Last characters"),
        max_length=4,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("At most four, to tell it from others. Never the key itself."),
    )
    external_id = forms.CharField(
        label=gettext_lazy("Id in usage"),
        max_length=120,
        required=False,
        help_text=gettext_lazy(
            "As exports of usage name it, for example key_01AB. Then its spend counts for its team."
        ),
    )
    created_on = forms.DateField(
        label=gettext_lazy("Made on"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy("Keys older than a year stand out in the list."),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = accounts_to_choose(organization)
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]
        if not self.initial.get("account") and len(accounts) == 1:
            self.initial["account"] = accounts[0].pk

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        account = data.get("account")
        begins = {start for field in account.provider.fields for start in field.starts_with} if account else set()
        for name in ("name", "external_id"):
            told = str(data.get(name, ""))
            if len(told) >= MANY_CHARACTERS and told.startswith(tuple(begins)):
                self.add_error(name, _("This looks like the key itself. Enter what it is called; nothing was stored."))
                self.data = self.data.copy()  # type: ignore[attr-defined]
                self.data[name] = ""  # type: ignore[index]  # it is not sent back either
        return data


# As long as keys are; names that begin like one, such as "sk-team-blue", are shorter.
MANY_CHARACTERS = 24


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
        help_text=gettext_lazy("Figures are balances, usage and spend, for dashboards of your own."),
        error_messages={"required": gettext_lazy("Choose at least one: a token that may do nothing is of no use.")},
    )
    account = AccountChoice(
        label=gettext_lazy("For this account alone"),
        queryset=ProviderAccount.objects.none(),
        required=False,
        empty_label=gettext_lazy("All accounts"),
        help_text=gettext_lazy("A token of one account cannot send for another."),
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("For this team alone"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=gettext_lazy("All teams"),
        help_text=gettext_lazy("It reads this team's routes and figures, and sends for the team's accounts."),
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
        self.fields["account"].queryset = accounts_to_choose(organization)  # type: ignore[attr-defined]
        self.fields["team"].queryset = teams_of(organization_id=organization.pk)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        account, team = data.get("account"), data.get("team")
        if account is not None and team is not None and account.team_id != team.pk:
            self.add_error("account", _("This account is not the team's: such a token could do nothing."))
        return data

    @property
    def lifetime(self) -> timedelta | None:
        """After is_valid()."""
        days = self.cleaned_data["days"]
        return timedelta(days=days) if days else None
