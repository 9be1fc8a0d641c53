"""Forms of a sign-in: which way, at which site, and with which app of the organization's own."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from dashboard.core.languages.phrases import told
from dashboard.credentials.forms import ConnectForm
from dashboard.credentials.models import OAuthClient
from dashboard.credentials.oauth.selectors import client_at, client_rows, site_of
from providers.errors import ProviderError
from providers.oauth import OAuthApp
from providers.spec import Field, Provider

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}")
MOST_SECRET = 500
APP_FIELDS = ("client_id", "client_secret")


def client_fields(*, required: bool, stored: bool, words: str = "") -> dict[str, forms.Field]:
    """The fields of an app; `words` help with its id, `stored` says whether there may be a secret to keep."""
    widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=False)
    return {
        "client_id": forms.CharField(
            widget=forms.TextInput({"data-wide": True}),
            label=_("Client id of your app"),
            max_length=200,
            required=required,
            help_text=words,
        ),
        "client_secret": forms.CharField(
            label=_("Client secret of your app"),
            max_length=MOST_SECRET,
            required=False,
            widget=widget,
            help_text=_("If it has one. Stored encrypted; empty keeps the one that is stored for the same client id.")
            if stored
            else _("If it has one. Stored encrypted."),
        ),
    }


def client_problem(provider: Provider, client_id: str) -> str | None:
    """What is plainly wrong with a client id."""
    if any(client_id in app.foreign for app in provider.oauth_apps):
        return _("This is the client id of another product. Register an app of your own, and enter its id.")
    if client_id and not _CLIENT_ID.fullmatch(client_id):
        return _("A client id has no spaces and no letters outside of ASCII. Copy it again.")
    return None


class SignInForm(ConnectForm):
    """Which way to sign in, with which app, and the open fields of what is to be connected; for a `credential` that is
    here already, its own. `site` and `client` are there once the form is valid; `client` None: the app is new."""

    site = ""
    client: OAuthClient | None = None

    def __init__(self, *args: Any, organization_id: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization_id = organization_id
        self.has_apps = bool(client_rows(organization_id=organization_id, slug=self.provider.slug))
        if self.has_apps:
            words = _("Leave empty to use the app that is saved for the address.")
        else:
            words = _("Of the app that you register: see “Register an app”.")
        required = not self.has_apps and not self.is_bound
        self.fields |= client_fields(required=required, stored=self.has_apps, words=words)

    def fields_before(self) -> dict[str, forms.Field]:
        ways = [(app.name, told(app.label)) for app in self.provider.oauth_apps]
        rights = {app.scopes for app in self.provider.oauth_apps}
        help_text = _("Each asks for rights of its own.") if len(rights) > 1 else ""
        return {"way": forms.ChoiceField(label=_("Way to sign in"), choices=ways, help_text=help_text)}

    @property
    def asked_first(self) -> list[forms.BoundField]:
        """The fields without those of the app."""
        return [self[name] for name in self.fields if name not in APP_FIELDS]

    @property
    def of_the_app(self) -> list[forms.BoundField]:
        return [self[name] for name in APP_FIELDS]

    @property
    def asks_for_app(self) -> bool:
        """Whether the fields of the app stand open: no app is saved, or something is wrong with what was typed."""
        return not self.has_apps or any(name in self.errors for name in APP_FIELDS)

    def fields_asked(self) -> tuple[Field, ...]:
        if self.credential is not None:
            return ()
        return tuple(field for field in self.provider.fields if not field.secret)

    @property
    def app(self) -> OAuthApp:
        found = self.provider.oauth_app(self.cleaned_data["way"])
        assert found is not None, "the choices are its names"
        return found

    @property
    def open_values(self) -> Mapping[str, str]:
        """The values to connect with, as far as they are not secret."""
        if self.credential is not None:
            return dict(self.credential.settings)
        return {name: value for name, value in self.values.items() if value}

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        # Without an app the id is needed; that it is missing is said with the name of the site.
        self.fields["client_id"].required = not self.has_apps
        if self.errors or not self.provider.oauth_apps:
            return data
        declared = self.provider.field(self.app.opt_in) if self.app.opt_in else None
        if declared is not None and self.open_values.get(declared.name, "") in ("", declared.default):
            words = _("This way is off. Read what “%(name)s” says, and choose it there if you want it.")
            self.add_error(
                declared.name if declared.name in self.fields else None, words % {"name": told(declared.label)}
            )
        else:
            self._find_client(data)
        return data

    def _find_client(self, data: Mapping[str, Any]) -> None:
        try:
            self.site = site_of(self.provider, self.app, self.open_values)
        except ProviderError as error:
            raise forms.ValidationError(told(error.message)) from None
        self.client = client_at(organization_id=self.organization_id, slug=self.provider.slug, site=self.site)
        typed = data.get("client_id") or ""
        problem = client_problem(self.provider, typed)
        if self.client is None and not typed:
            problem = _("No app is saved for %(site)s yet: register one there, and enter its id.") % {"site": self.site}
        if problem:
            self.add_error("client_id", problem)


class ClientForm(forms.Form):
    """Another id or secret for an app."""

    def __init__(self, *args: Any, client: OAuthClient, provider: Provider, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        self.fields |= client_fields(required=True, stored=client.has_secret)
        self.initial["client_id"] = client.client_id

    def clean_client_id(self) -> str:
        typed: str = self.cleaned_data["client_id"]
        if problem := client_problem(self.provider, typed):
            raise forms.ValidationError(problem)
        return typed
