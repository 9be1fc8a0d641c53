"""Forms of people and organizations."""

import zoneinfo
from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.organizations.models import Membership, Organization, Role, Team, TeamColour, User, validate_zone
from dashboard.organizations.selectors import colour_free, teams_of
from dashboard.organizations.services import Reach

# What a role may do, where it is chosen.
ROLE_WORDS = {
    Role.OWNER: gettext_lazy(
        "Everything; and only owners make owners, hand out sign-in links and read the mail Purser sends."
    ),
    Role.ADMIN: gettext_lazy("Reads everything, connects and changes accounts, invites people, reads the audit log."),
    Role.LEAD: gettext_lazy("Reads the accounts of their teams, and may ask for a sync."),
    Role.VIEWER: gettext_lazy("Reads the accounts of their teams."),
}


class ReachForm(forms.Form):
    """Role and what may be read. Owners are offered to owners alone; archived teams are not offered."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), widget=forms.RadioSelect)
    teams = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Teams"),
        queryset=Team.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "chk"}),
        help_text=gettext_lazy("A lead or viewer reads the accounts of these teams."),
    )
    sees_all = forms.BooleanField(label=gettext_lazy("Reads all accounts, whatever the team"), required=False)
    sees_balances = forms.BooleanField(label=gettext_lazy("Sees balances and quotas, not only spend"), required=False)

    def __init__(self, *args: Any, acting: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        roles = [(role.value, role.label) for role in Role if role != Role.OWNER or acting.role == Role.OWNER]
        self.fields["role"].choices = roles  # type: ignore[attr-defined]
        self.fields["teams"].queryset = teams_of(organization_id=acting.organization_id)  # type: ignore[attr-defined]

    @property
    def roles(self) -> list[tuple[forms.boundfield.BoundWidget, Any]]:
        """Each role's radio with what that role may do."""
        return [(radio, ROLE_WORDS[Role(radio.data["value"])]) for radio in self["role"]]

    def clean(self) -> dict[str, Any]:
        """Nobody comes in to find nothing: owners and admins read everything, others what is chosen here."""
        data = super().clean() or {}
        reads = data.get("teams") or data.get("sees_all")
        if data.get("role") in (Role.LEAD, Role.VIEWER) and not reads and "teams" not in self.errors:
            self.add_error("teams", _("Choose a team, or let them read all accounts."))
        return data

    @property
    def reach(self) -> Reach:
        """After is_valid()."""
        data = self.cleaned_data
        return Reach(
            role=Role(data["role"]),
            sees_all=data["sees_all"],
            sees_balances=data["sees_balances"],
            teams=tuple(data["teams"]),
        )


class InvitationForm(ReachForm):
    field_order = ("email", "role", "teams", "sees_all", "sees_balances", "days")

    email = forms.EmailField(
        label=gettext_lazy("E-mail address"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "autofocus": True}),
        help_text=gettext_lazy("Leave it empty for a link that you send yourself."),
    )
    days = forms.TypedChoiceField(
        label=gettext_lazy("Valid for"),
        coerce=int,
        initial=7,
        choices=[(1, gettext_lazy("1 day")), (7, gettext_lazy("7 days")), (30, gettext_lazy("30 days"))],
        help_text=gettext_lazy("After that the link no longer works."),
    )


class AcceptForm(forms.Form):
    """Who a newcomer is. The address is asked for when the invitation names none."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
        help_text=gettext_lazy("Shown to the other members, and in the audit log."),
    )
    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=gettext_lazy("You sign in with it, and sign-in codes go there."),
    )

    def __init__(self, *args: Any, fixed_email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fixed_email = fixed_email
        if fixed_email:
            del self.fields["email"]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        email = (self.fixed_email or data.get("email", "")).lower()
        if email and User.objects.filter(email=email).exists():
            raise forms.ValidationError(_("Somebody with this address is here already: sign in first, then accept."))
        return {**data, "email": email}


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        help_text=gettext_lazy("Shown to the other members, and in the audit log."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=lambda: [("", _("As the browser asks for")), *settings.LANGUAGES],
        help_text=gettext_lazy("For pages, and for mail to you."),
    )


class TeamForm(forms.ModelForm):
    members = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Members"),
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "chk"}),
    )

    class Meta:
        model = Team
        fields = ("name", "colour", "cost_centre")
        labels = {
            "name": gettext_lazy("Name"),
            "colour": gettext_lazy("Colour in charts"),
            "cost_centre": gettext_lazy("Cost centre"),
        }
        widgets: ClassVar = {
            "name": forms.TextInput(attrs={"autocomplete": "off"}),
            "colour": forms.RadioSelect,
            "cost_centre": forms.TextInput(attrs={"autocomplete": "off"}),
        }
        help_texts: ClassVar = {
            "name": gettext_lazy("As people say it: Search, Support, Research."),
            "cost_centre": gettext_lazy("The number that bookkeeping knows it by."),
        }

    field_order = ("name", "colour", "cost_centre", "members")

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.organization = organization
        self.fields["colour"].choices = TeamColour.choices  # type: ignore[attr-defined]
        people = User.objects.filter(memberships__organization=organization).order_by("name", "email")
        roles = dict(Membership.objects.filter(organization=organization).values_list("user", "role"))
        members: Any = self.fields["members"]
        members.queryset = people
        members.label_from_instance = lambda person: (
            _("%(name)s, %(role)s") % {"name": person, "role": Role(roles[person.pk]).label}
        )
        if self.instance.pk:
            self.initial["members"] = list(self.instance.members.values_list("pk", flat=True))
        else:
            self.initial["colour"] = colour_free(organization_id=organization.pk)

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).strip()
        same = Team.objects.filter(organization=self.instance.organization, name__iexact=name)
        if same.exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("There is a team of this name; it may be archived."))
        return name


class OrganizationForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
        help_text=gettext_lazy("Shown on every page, and in invitations."),
    )
    reporting_zone = forms.CharField(
        label=gettext_lazy("Reporting zone"),
        max_length=64,
        validators=[validate_zone],
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text=gettext_lazy("A time zone, such as Asia/Taipei. Days and months on all pages follow it."),
    )

    @property
    def zones(self) -> list[str]:
        return sorted(zoneinfo.available_timezones())
