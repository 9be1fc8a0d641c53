"""Telling an allocation rule."""

from decimal import Decimal
from hashlib import sha256
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.core.fields import DayInput
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.forms import AccountChoice
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.selectors import teams_of
from dashboard.usage.allocation import ACCOUNT, WHOLE, Rule, Share
from dashboard.usage.models import AllocationRule, Dimension
from dashboard.usage.rules.services import RuleTold

MOST_TEAMS = 4


class RuleForm(forms.Form):
    """`seen` is the mark of what was previewed: what was changed since is previewed again."""

    dimension = forms.ChoiceField(
        label=gettext_lazy("What it names"),
        choices=Dimension.choices,
        help_text=gettext_lazy("A key counts before a project, a project before a user, a user before an account."),
    )
    value = forms.CharField(
        label=gettext_lazy("Which one"),
        max_length=300,
        required=False,
        widget=forms.TextInput({"list": "rule-values", "autocomplete": "off", "spellcheck": "false"}),
        help_text=gettext_lazy("As the provider names it, to the letter. Empty for a whole account."),
    )
    account = AccountChoice(
        label=gettext_lazy("In this account"),
        queryset=ProviderAccount.objects.none(),
        required=False,
        empty_label=gettext_lazy("Any account"),
        help_text=gettext_lazy("Accounts may use the same name for different things."),
    )
    valid_from = forms.DateField(
        label=gettext_lazy("From this day on"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy("Empty: from the beginning."),
    )
    seen = forms.CharField(required=False)  # the button that saves carries it

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = ProviderAccount.objects.filter(organization=organization).order_by("provider_slug", "label", "pk")
        self.fields["account"].queryset = accounts  # type: ignore[attr-defined]
        for number in range(1, MOST_TEAMS + 1):
            self.fields[f"team_{number}"] = forms.ModelChoiceField(
                label=_("Team") if number == 1 else _("Team %(number)d") % {"number": number},
                queryset=teams_of(organization_id=organization.pk),
                required=number == 1,
                empty_label=_("Choose a team") if number == 1 else _("nobody else"),
            )
            self.fields[f"percent_{number}"] = forms.DecimalField(
                label=_("Part"),
                max_digits=7,
                decimal_places=4,
                min_value=Decimal(0),
                max_value=WHOLE,
                required=number == 1,
                widget=forms.TextInput({"inputmode": "decimal"}),
                help_text=_("All parts add up to 100 %") if number == 1 else "",
            )
        self.initial.setdefault("percent_1", WHOLE)

    @property
    def parts(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        """(team, part) for each line."""
        return [(self[f"team_{number}"], self[f"percent_{number}"]) for number in range(1, MOST_TEAMS + 1)]

    @property
    def several(self) -> bool:
        """Whether more lines than the first say something."""
        return any(self[f"team_{number}"].value() for number in range(2, MOST_TEAMS + 1))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        dimension, value = data.get("dimension"), (data.get("value") or "").strip()
        if dimension == ACCOUNT:
            value = ""
            if not data.get("account"):
                self.add_error("account", _("Choose the account."))
        elif not value:
            self.add_error("value", _("Say which one: a rule for nothing catches nothing."))
        data["value"] = value
        shares = self._shares(data)
        teams = [team for team, _percent in shares]
        if len(set(teams)) != len(teams):
            self.add_error(None, _("Each team stands in one line."))
        elif shares and sum(percent for _team, percent in shares) != WHOLE:
            self.add_error(None, _("The parts have to add up to 100 %."))
        elif any(percent <= 0 for _team, percent in shares):
            self.add_error(None, _("Every part is more than nothing."))
        return data

    def _shares(self, data: dict[str, Any]) -> list[tuple[Team, Decimal]]:
        numbers = range(1, MOST_TEAMS + 1)
        return [
            (team, data.get(f"percent_{number}") or Decimal(0))
            for number in numbers
            if (team := data.get(f"team_{number}")) is not None
        ]

    @property
    def told(self) -> RuleTold:
        """After is_valid()."""
        data = self.cleaned_data
        return RuleTold(
            dimension=data["dimension"],
            value=data["value"],
            account=data["account"],
            valid_from=data["valid_from"],
            shares=self._shares(data),
        )

    @property
    def rule(self) -> Rule:
        """After is_valid(): as the arithmetic takes it."""
        told = self.told
        return Rule(
            dimension=told.dimension,
            value=told.value,
            account_id=told.account.pk if told.account is not None else None,
            valid_from=told.valid_from,
            shares=tuple(Share(team.pk, percent) for team, percent in sorted(told.shares, key=lambda one: one[0].pk)),
        )

    @property
    def mark(self) -> str:
        """A mark of what is told, after is_valid()."""
        return sha256(repr(self.rule).encode()).hexdigest()[:16]


def told_of(rule: AllocationRule) -> dict[str, Any]:
    """What the form of a stored rule begins with."""
    shares = rule.shares.order_by("-percent", "team__name")
    initial: dict[str, Any] = {
        "dimension": rule.dimension,
        "value": rule.value,
        "account": rule.account_id,
        "valid_from": rule.valid_from,
    }
    for number, share in enumerate(shares, 1):
        initial |= {f"team_{number}": share.team_id, f"percent_{number}": f"{share.percent.normalize():f}"}
    return initial
