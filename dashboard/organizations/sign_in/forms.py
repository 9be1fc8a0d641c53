"""Forms of coming in, where django-allauth's own need a word of ours."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class _Plain:
    """Labels say what a field wants, and stay; the way to a new password is on the page."""

    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            if name in ("password", "oldpassword"):
                field.help_text = ""


class SignInForm(_Plain, LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = gettext_lazy("E-mail address")


class NewPasswordForm(_Plain, ChangePasswordForm):
    """The old password, and a new one twice."""


class AgainForm(_Plain, ReauthenticateForm):
    """The password, before something that matters."""


class _SignedJSON(forms.JSONField):
    """What a browser says that a passkey has signed. A bottomless nesting would be an error of ours otherwise."""

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except RecursionError as error:
            raise forms.ValidationError(_("The browser's answer cannot be read.")) from error

    def bound_data(self, data: Any, initial: Any) -> Any:
        return None  # a form that comes back asks for another signature


class _Signed:
    fields: dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["credential"] = _SignedJSON(widget=forms.HiddenInput)


class AddPasskeyForm(_Signed, webauthn.AddWebAuthnForm):
    """A new passkey, which signs in by itself unless somebody wants it as a second factor only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].initial = True
        self.fields["passwordless"].label = gettext_lazy("Signs in without a password")
        self.fields["passwordless"].help_text = gettext_lazy("The device asks for a finger, a face or a PIN.")


class PasskeySignInForm(_Signed, webauthn.LoginWebAuthnForm):
    """A passkey in place of a password."""


class PasskeySecondForm(_Signed, webauthn.AuthenticateWebAuthnForm):
    """A passkey after the password."""


class PasskeyAgainForm(_Signed, webauthn.ReauthenticateWebAuthnForm):
    """A passkey before something that matters."""
