"""Forms of coming in, where django-allauth's own need a word of ours."""

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
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
