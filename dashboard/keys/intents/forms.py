"""Forms of changes at providers."""

import math
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from dashboard.core.fields import DayInput
from dashboard.keys.intents.selectors import Manager
from dashboard.keys.intents.services import Wish, key_label
from dashboard.keys.models import MAKING, ProviderKey
from dashboard.organizations.models import Team
from dashboard.organizations.selectors import teams_of
from providers.spec import KeyManagement

RESETS = {
    "daily": gettext_noop("each day"),
    "weekly": gettext_noop("each week"),
    "monthly": gettext_noop("each month"),
}


class NewKeyForm(forms.Form):
    """A key to be made. Which fields there are is what the provider can do. `intent` was drawn when the page was, so
    that sending it twice asks once."""

    intent = forms.UUIDField(widget=forms.HiddenInput)
    label = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=40,
        help_text=gettext_lazy("Letters, digits and hyphens. Purser adds what makes it unique."),
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("Owner team"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=gettext_lazy("No owner"),
    )
    purpose = forms.CharField(label=gettext_lazy("Purpose"), max_length=200, required=False)
    project = forms.CharField(label=gettext_lazy("Project"), max_length=100)
    limit = forms.IntegerField(min_value=1, max_value=10_000_000)
    unlimited = forms.BooleanField(label=gettext_lazy("Without a limit"), required=False)
    limit_reset = forms.ChoiceField(label=gettext_lazy("The limit starts again"), required=False)
    expires_on = forms.DateField(label=gettext_lazy("Last day"), required=False, widget=DayInput())
    keep = forms.BooleanField(
        label=gettext_lazy("Keep the secret, encrypted"),
        required=False,
        help_text=gettext_lazy(
            "For gateways that Purser is to publish to; today nothing reads it, and no page shows it again. Otherwise "
            "the secret is on the next page alone."
        ),
    )

    def __init__(self, *args: Any, manager: Manager, declared: KeyManagement, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declared, self.today = declared, today
        organization = manager.account.organization_id
        self.fields["team"].queryset = teams_of(organization_id=organization)  # type: ignore[attr-defined]
        if declared.project == "none":
            del self.fields["project"]
        else:
            self.fields["project"].required = declared.project == "required"
            known = ProviderKey.objects.filter(account=manager.account, gone_at=None).exclude(project="")
            names = ", ".join(known.order_by("project").values_list("project", flat=True).distinct()[:5])
            if names:
                self.fields["project"].help_text = _("Its id. Known here: %(names)s.") % {"names": names}
        if not declared.limit_unit:
            del self.fields["limit"], self.fields["unlimited"], self.fields["limit_reset"]
        else:
            self.fields["limit"].label = _("Limit, %(unit)s") % {"unit": declared.limit_unit}
            self.fields["limit"].required = False
            resets = [("", _("never")), *((one, _(RESETS[one])) for one in declared.resets)]
            self.fields["limit_reset"].choices = resets  # type: ignore[attr-defined]

    def clean_expires_on(self) -> date | None:
        day: date | None = self.cleaned_data["expires_on"]
        if day is not None and day < self.today:
            raise forms.ValidationError(_("That day is over."))
        longest = self.declared.longest
        if day is not None and longest is not None and day >= self.today + longest - timedelta(days=1):
            raise forms.ValidationError(
                _("The provider lets a key live for %(days)d days.") % {"days": longest.days - 2}
            )
        return day

    def clean(self) -> dict[str, Any]:
        """No limit is a choice of its own, never what is left out."""
        data = super().clean() or {}
        if "limit" in self.fields and not self.errors and data.get("limit") is None and not data.get("unlimited"):
            self.add_error("limit", _("Enter a limit, or say that there is none."))
        return data

    @property
    def wish(self) -> Wish:
        """After is_valid()."""
        data = self.cleaned_data
        return Wish(
            label=data["label"],
            team=data.get("team"),
            purpose=data.get("purpose", ""),
            project=data.get("project", ""),
            limit=None if data.get("unlimited") else data.get("limit"),
            limit_reset=data.get("limit_reset", ""),
            expires_on=data["expires_on"],
            keep=data["keep"],
        )


class RotateForm(NewKeyForm):
    """A key in place of another one: like it, as far as the provider tells what that is like."""

    retire_on = forms.DateField(
        label=gettext_lazy("The old key goes on"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy("From that day on the list of keys reminds you. You delete it yourself, by its name."),
    )

    def __init__(self, *args: Any, key: ProviderKey, declared: KeyManagement, today: date, **kwargs: Any) -> None:
        kwargs["initial"] = {**_like(key, declared, today), **kwargs.get("initial", {})}
        super().__init__(*args, declared=declared, today=today, **kwargs)
        for name in ("team", "purpose", "project"):
            self.fields.pop(name, None)

    def clean_retire_on(self) -> date | None:
        day: date | None = self.cleaned_data["retire_on"]
        if day is not None and day < self.today:
            raise forms.ValidationError(_("That day is over."))
        return day


def _like(key: ProviderKey, declared: KeyManagement, today: date) -> dict[str, Any]:
    """What a key like this one is asked for with. How often its limit starts again is known of keys made here alone."""
    made = key.intents.filter(operation__in=MAKING).order_by("created_at").first()
    span = key.expires_at - key.created_at if key.expires_at and key.created_at else None
    if span is not None and declared.longest is not None:
        span = min(span, declared.longest - timedelta(days=2))
    return {
        "label": key_label(str(key)),
        "limit": None if key.limit is None else max(1, math.ceil(key.limit)),
        "unlimited": key.limit is None,
        "limit_reset": made.wish.get("limit_reset", "") if made is not None else "",
        "expires_on": None if span is None else today + max(span, timedelta(days=1)),
    }


class ChangeForm(forms.Form):
    """`intent` was drawn when the page was, so that sending it twice asks once."""

    intent = forms.UUIDField()
