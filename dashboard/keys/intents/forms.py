"""Forms of changes at providers."""

import math
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext

from dashboard.core.fields import DayInput
from dashboard.keys.forms import PURPOSE_HELP
from dashboard.keys.intents.selectors import Manager
from dashboard.keys.intents.services import Wish, key_label
from dashboard.keys.models import MAKING, KeyIntent, ProviderKey
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
        help_text=gettext_lazy("Letters, digits and hyphens. At the provider it becomes purser-NAME-1a2b3c4d."),
        error_messages={"required": gettext_lazy("Give it a name: letters, digits and hyphens.")},
    )
    team = forms.ModelChoiceField(
        label=gettext_lazy("Owner team"),
        queryset=Team.objects.none(),
        required=False,
        empty_label=gettext_lazy("No owner"),
        help_text=gettext_lazy("What the key spends counts for this team."),
    )
    purpose = forms.CharField(label=gettext_lazy("Purpose"), max_length=200, required=False, help_text=PURPOSE_HELP)
    project = forms.CharField(label=gettext_lazy("Project"), max_length=100)
    limit = forms.IntegerField(
        label=gettext_lazy("Limit"),
        min_value=1,
        max_value=10_000_000,
        help_text=gettext_lazy("Enter an amount, or tick “Without a limit”."),
        error_messages={"required": gettext_lazy("Enter an amount, or tick “Without a limit”.")},
    )
    unlimited = forms.BooleanField(label=gettext_lazy("Without a limit"), required=False)
    limit_reset = forms.ChoiceField(
        label=gettext_lazy("Limit resets"),
        required=False,
        help_text=gettext_lazy("When what was spent starts again from zero."),
    )
    expires_on = forms.DateField(
        label=gettext_lazy("Expires after"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy("It works to the end of that day. Empty: no expiry date."),
    )
    keep = forms.BooleanField(
        label=gettext_lazy("Keep the secret, encrypted"),
        required=False,
        help_text=gettext_lazy(
            "Off: shown once, on the next page, and stored nowhere. On: also stored here, for gateways that Purser is "
            "to publish to. Nothing reads it today, and no page shows it again."
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
            self.fields["project"].help_text = _("Its id at the provider.")
            known = ProviderKey.objects.filter(account=manager.account, gone_at=None).exclude(project="")
            names = ", ".join(known.order_by("project").values_list("project", flat=True).distinct()[:5])
            if names:
                self.fields["project"].help_text = _("Its id at the provider. Known here: %(names)s.") % {
                    "names": names
                }
        if not declared.limit_unit:
            del self.fields["limit"], self.fields["unlimited"], self.fields["limit_reset"]
        else:
            self.fields["limit"].required = not self["unlimited"].value()
            resets = [("", pgettext("limit", "never")), *((one, _(RESETS[one])) for one in declared.resets)]
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
        """No limit is a choice of its own, never what is left out, nor what wins over an amount."""
        data = super().clean() or {}
        if data.get("limit") is not None and data.get("unlimited"):
            self.add_error("limit", _("Empty this, or untick “Without a limit”."))
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
        label=gettext_lazy("Remind me to delete the old key on"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy(
            "From that day the list says to delete it. Empty: at once. Nothing is deleted by itself."
        ),
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


def asked_before(intent: KeyIntent) -> dict[str, Any]:
    """What a key was asked for with, to ask again: an intent of which nothing came is not sent a second time."""
    wish = intent.wish
    end, retire_on = wish.get("expires_at"), wish.get("retire_on")
    return {
        "label": key_label(intent.name),
        "team": intent.team_id,
        "purpose": intent.purpose,
        "project": intent.project,
        "limit": wish.get("limit"),
        "unlimited": wish.get("limit") is None,
        "limit_reset": wish.get("limit_reset", ""),
        # It ends with its last day: at the beginning of the one after.
        "expires_on": datetime.fromisoformat(end).date() - timedelta(days=1) if end else None,
        "retire_on": date.fromisoformat(retire_on) if retire_on else None,
        "keep": intent.keep,
    }


class ChangeForm(forms.Form):
    """`intent` was drawn when the page was, so that sending it twice asks once."""

    intent = forms.UUIDField()
