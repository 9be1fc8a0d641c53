"""What people say of an account and of its key: label, team, tags, when it ends, that it goes."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.core.fields import DayInput
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Team
from dashboard.organizations.selectors import teams_of


class ExpiryForm(forms.Form):
    expires_on = forms.DateField(
        label=gettext_lazy("Expires on"),
        required=False,
        widget=DayInput(),
        help_text=gettext_lazy(
            "As the provider says. From two weeks before, the overview and a mail to owners and admins remind of it."
        ),
    )


class RemoveForm(forms.Form):
    """`word` is what is typed to confirm: the account's label."""

    history = forms.ChoiceField(
        label=gettext_lazy("What it has read"),
        choices=[
            ("keep", gettext_lazy("Keep the history")),
            ("erase", gettext_lazy("Erase the account with everything that was read of it")),
        ],
        initial="keep",
    )
    word = forms.CharField(max_length=120, required=False)

    def __init__(self, *args: Any, account: ProviderAccount, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account = account

    def clean_word(self) -> str:
        if self.cleaned_data["word"].strip() != self.account.label:
            raise forms.ValidationError(
                _("Nothing was removed: type %(label)s to confirm.") % {"label": self.account.label}
            )
        return self.account.label


MOST_TAGS, TAG_LENGTH = 10, 40


class AccountForm(forms.ModelForm):
    """What people say of an account: its name here, whose it is, tags and notes."""

    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        max_length=MOST_TAGS * (TAG_LENGTH + 2),
        help_text=gettext_lazy("Separated by commas, for example: production, europe."),
    )

    class Meta:
        model = ProviderAccount
        fields = ("label", "team", "tags", "notes")
        labels = {
            "label": gettext_lazy("Label"),
            "team": gettext_lazy("Owner team"),
            "notes": gettext_lazy("Notes"),
        }
        help_texts = {
            "label": gettext_lazy("Shown beside the provider's name, for example the team or the purpose."),
            "team": gettext_lazy("Its leads and viewers see this account."),
            "notes": gettext_lazy("Shown on the account's page to all who see it."),
        }
        widgets = {"notes": forms.Textarea(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account: ProviderAccount = self.instance
        teams = teams_of(organization_id=account.organization_id)
        # The team that has it now is offered even when it was archived meanwhile: saving must not take it away.
        kept = Team.objects.filter(organization_id=account.organization_id, pk=account.team_id or 0)
        self.fields["team"].queryset = (teams | kept).order_by("name")  # type: ignore[attr-defined]
        self.fields["team"].empty_label = _("No team")  # type: ignore[attr-defined]
        self.initial["tags"] = ", ".join(account.tags)

    def clean_tags(self) -> list[str]:
        """Each once, in the order typed."""
        tags = list(dict.fromkeys(tag for tag in map(str.strip, self.cleaned_data["tags"].split(",")) if tag))
        if len(tags) > MOST_TAGS or any(len(tag) > TAG_LENGTH for tag in tags):
            raise forms.ValidationError(
                _("At most %(count)d tags of at most %(length)d characters.")
                % {"count": MOST_TAGS, "length": TAG_LENGTH}
            )
        return tags
