"""Forms of coming in: django-allauth's own, in our words, each field with what helps to fill it."""

from typing import Any, ClassVar

from allauth.account import forms as account
from allauth.mfa.base import forms as second_factor
from allauth.mfa.totp import forms as app
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Codes, which no keyboard should improve: mailed ones are capitals, an app's are digits, recovery codes are small.
CODE = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false", "class": "inp-code"}
MAILED_CODE = {**CODE, "autocapitalize": "characters"}
DIGITS = {**CODE, "inputmode": "numeric"}
ADDRESS = {"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}


class _Plain:
    """Labels say what a field wants, and stay; help stands below. `words` are a field's (label, help), `controls` its
    attributes; the first field to be filled has the cursor."""

    fields: dict[str, Any]
    words: ClassVar[dict[str, tuple[Any, Any]]] = {}
    controls: ClassVar[dict[str, dict[str, Any]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number, (name, field) in enumerate(self.fields.items()):
            attributes = field.widget.attrs
            attributes.pop("placeholder", None)
            attributes.update(self.controls.get(name, {}))
            if number == 0:
                attributes["autofocus"] = True
            if name in self.words:
                field.label, field.help_text = self.words[name]


class _NewPassword(_Plain):
    words: ClassVar = {
        "oldpassword": (gettext_lazy("Password until now"), ""),
        "password1": (
            gettext_lazy("New password"),
            gettext_lazy("At least 12 characters. Several words that have nothing to do with each other are best."),
        ),
        "password2": (gettext_lazy("New password, once more"), gettext_lazy("So that it is what you meant.")),
    }
    controls: ClassVar = {
        "oldpassword": {"autocomplete": "current-password"},
        "password1": {"autocomplete": "new-password"},
        "password2": {"autocomplete": "new-password"},
    }


class _MailedCode(_Plain):
    words: ClassVar = {"code": (gettext_lazy("Code"), gettext_lazy("Letters and digits, as they stand in the mail."))}
    controls: ClassVar = {"code": MAILED_CODE}


class _Address(_Plain):
    words: ClassVar = {"email": (gettext_lazy("E-mail address"), gettext_lazy("The one that Purser knows you by."))}
    controls: ClassVar = {"email": ADDRESS}


class SignInForm(_Plain, account.LoginForm):
    """Address and password, as password managers know them."""

    words: ClassVar = {"login": (gettext_lazy("E-mail address"), ""), "password": (gettext_lazy("Password"), "")}
    controls: ClassVar = {"login": {**ADDRESS, "autocomplete": "username"}}


class NewPasswordForm(_NewPassword, account.ChangePasswordForm):
    """The old password, and a new one twice."""


class FirstPasswordForm(_NewPassword, account.SetPasswordForm):
    """A password, twice, for somebody without one."""


class ResetPasswordForm(_NewPassword, account.ResetPasswordKeyForm):
    """A new password, twice, after a mailed code."""


class AskResetForm(_Address, account.ResetPasswordForm):
    """Where the code for a new password goes."""


class AskCodeForm(_Address, account.RequestLoginCodeForm):
    """Where the code to sign in goes."""


class AddressForm(_Address, account.AddEmailForm):
    """Another address to be known by."""

    words: ClassVar = {
        "email": (
            gettext_lazy("New address"),
            gettext_lazy("A code is mailed to it. Until you enter that, the old one stays."),
        )
    }


class SignInCodeForm(_MailedCode, account.ConfirmLoginCodeForm):
    """The mailed code that signs in."""


class AddressCodeForm(_MailedCode, account.ConfirmEmailVerificationCodeForm):
    """The mailed code that confirms an address."""


class ResetCodeForm(_MailedCode, account.ConfirmPasswordResetCodeForm):
    """The mailed code that leads to a new password."""


class AgainForm(_Plain, account.ReauthenticateForm):
    """The password, before something that matters."""

    words: ClassVar = {"password": (gettext_lazy("Password"), gettext_lazy("The one that you sign in with."))}
    controls: ClassVar = {"password": {"autocomplete": "current-password"}}


class _AppCode(_Plain):
    words: ClassVar = {
        "code": (gettext_lazy("Code"), gettext_lazy("Six digits from the authenticator app, or a recovery code."))
    }
    controls: ClassVar = {"code": CODE}


class SecondFactorForm(_AppCode, second_factor.AuthenticateForm):
    """A code, after the password."""


class SecondFactorAgainForm(_AppCode, second_factor.ReauthenticateForm):
    """A code, before something that matters."""


class ActivateAppForm(_Plain, app.ActivateTOTPForm):
    """The first code of an authenticator app, which proves that it was set up."""

    words: ClassVar = {"code": (gettext_lazy("Code"), gettext_lazy("Six digits, as the app shows them now."))}
    controls: ClassVar = {"code": DIGITS}


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


_DEVICE = (gettext_lazy("Name of the device"), gettext_lazy("So that you know it again: Laptop, phone, key ring."))


class AddPasskeyForm(_Plain, _Signed, webauthn.AddWebAuthnForm):
    """A new passkey, which signs in by itself unless somebody wants it as a second factor only."""

    words: ClassVar = {
        "name": _DEVICE,
        "passwordless": (
            gettext_lazy("Signs in without a password"),
            gettext_lazy("The device asks for a finger, a face or a PIN."),
        ),
    }
    controls: ClassVar = {"name": {"autocomplete": "off"}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["passwordless"].initial = True


class EditPasskeyForm(_Plain, webauthn.EditWebAuthnForm):
    """Another name for a passkey."""

    words: ClassVar = {"name": _DEVICE}
    controls: ClassVar = {"name": {"autocomplete": "off"}}


class PasskeySignInForm(_Signed, webauthn.LoginWebAuthnForm):
    """A passkey in place of a password."""


class PasskeySecondForm(_Signed, webauthn.AuthenticateWebAuthnForm):
    """A passkey after the password."""


class PasskeyAgainForm(_Signed, webauthn.ReauthenticateWebAuthnForm):
    """A passkey before something that matters."""
