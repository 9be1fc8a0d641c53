"""Forms of coming in: django-allauth's own, in our words, each field with what helps to fill it."""

from collections.abc import Callable
from typing import Any, ClassVar

from allauth.account import forms as account
from allauth.mfa.base import forms as second_factor
from allauth.mfa.totp import forms as app
from allauth.mfa.webauthn import forms as webauthn
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.organizations.sign_in.selectors import second_factors_of

# Codes, which no keyboard should improve: mailed ones are capitals, an app's are digits, recovery codes are small.
CODE = {"autocapitalize": "none", "autocorrect": "off", "spellcheck": "false", "class": "inp-code"}
MAILED_CODE = {**CODE, "autocapitalize": "characters"}
DIGITS = {**CODE, "inputmode": "numeric"}
ADDRESS = {"inputmode": "email", "autocapitalize": "none", "spellcheck": "false"}


class _Plain:
    """Labels say what a field wants, and stay; help stands below. `words` are a field's (label, help), `controls` its
    attributes; the first field that is left to be filled has the cursor."""

    fields: dict[str, Any]
    data: Any
    is_bound: bool
    add_prefix: Callable[[str], str]
    words: ClassVar[dict[str, tuple[Any, Any]]] = {}
    controls: ClassVar[dict[str, dict[str, Any]]] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            attributes = field.widget.attrs
            attributes.pop("placeholder", None)
            attributes.update(self.controls.get(name, {}))
            if name in self.words:
                field.label, field.help_text = self.words[name]
        self.fields[self._first_empty()].widget.attrs["autofocus"] = True

    def _first_empty(self) -> str:
        """The field to begin with. What was sent comes back filled in, except for passwords."""
        names = list(self.fields)
        if not self.is_bound:
            return names[0]

        def comes_back_empty(name: str) -> bool:
            field = self.fields[name]
            if field.widget.is_hidden:
                return False
            return isinstance(field.widget, forms.PasswordInput) or not self.data.get(self.add_prefix(name))

        return next(filter(comes_back_empty, names), names[0])


class _NewPassword(_Plain):
    words: ClassVar = {
        "oldpassword": (gettext_lazy("Current password"), ""),
        "password1": (
            gettext_lazy("New password"),
            gettext_lazy("At least 12 characters. Several words that have nothing to do with each other are best."),
        ),
        "password2": (gettext_lazy("New password, once more"), gettext_lazy("Type it again, so that a slip shows.")),
    }
    controls: ClassVar = {
        "oldpassword": {"autocomplete": "current-password"},
        "password1": {"autocomplete": "new-password"},
        "password2": {"autocomplete": "new-password"},
    }


class _MailedCode(_Plain):
    words: ClassVar = {"code": (gettext_lazy("Code"), gettext_lazy("Letters and digits, with or without the dash."))}
    controls: ClassVar = {"code": MAILED_CODE}


class _Address(_Plain):
    words: ClassVar = {"email": (gettext_lazy("E-mail address"), gettext_lazy("The address that you sign in with."))}
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
            gettext_lazy("New e-mail address"),
            gettext_lazy("A code confirms it. Until you enter that, the old one stays."),
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

    words: ClassVar = {"password": (gettext_lazy("Password"), gettext_lazy("The password that you sign in with."))}
    controls: ClassVar = {"password": {"autocomplete": "current-password"}}


class _FactorCode(_Plain):
    """A code of the app or a recovery code: whichever this person has. `kinds` tells pages what else there is."""

    user: Any
    words: ClassVar = {"code": (gettext_lazy("Code"), gettext_lazy("Six digits from the authenticator app."))}
    controls: ClassVar = {"code": CODE}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = second_factors_of(self.user)
        code = self.fields["code"]
        if not self.kinds["app"]:
            code.label, code.help_text = _("Recovery code"), _("One of those that you have kept.")
        elif self.kinds["recovery_codes"]:
            code.help_text = _("Six digits from the authenticator app, or a recovery code.")


class SecondFactorForm(_FactorCode, second_factor.AuthenticateForm):
    """A code, after the password or a mailed code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.kinds["app"]:
            del self.fields["code"].widget.attrs["autofocus"]  # the passkey comes first


class SecondFactorAgainForm(_FactorCode, second_factor.ReauthenticateForm):
    """A code, before something that matters."""


class ActivateAppForm(_Plain, app.ActivateTOTPForm):
    """The first code of an authenticator app, which proves that it was set up."""

    words: ClassVar = {"code": (gettext_lazy("Code"), gettext_lazy("Six digits, as the app shows them now."))}
    controls: ClassVar = {"code": DIGITS}

    def secret_in_fours(self) -> list[str]:
        """The setup key as people read and type it."""
        return [self.secret[start : start + 4] for start in range(0, len(self.secret), 4)]


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


_DEVICE = (gettext_lazy("Name of the device"), gettext_lazy("So that you know it again: laptop, phone, security key."))


class AddPasskeyForm(_Plain, _Signed, webauthn.AddWebAuthnForm):
    """A new passkey, which signs in by itself unless somebody wants it as a second factor only."""

    words: ClassVar = {
        "name": _DEVICE,
        "passwordless": (
            gettext_lazy("Signs in without a password"),
            gettext_lazy(
                "The device asks for a fingerprint, a face or a PIN. Without this it is only a second factor, after "
                "the password."
            ),
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
