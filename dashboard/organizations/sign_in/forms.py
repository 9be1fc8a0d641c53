"""Forms of coming in, where django-allauth's own need a word of ours."""

from typing import Any

from allauth.account.forms import LoginForm
from django.utils.translation import gettext_lazy


class SignInForm(LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = gettext_lazy("E-mail address")
        self.fields["password"].help_text = ""  # the page has its own way to a new one
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)  # the label says it, and stays
