"""The connect form, drawn from a provider's field declarations."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils.translation import gettext as _

from dashboard.core.languages.joining import either, paragraph
from dashboard.core.languages.phrases import told
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.credentials.services import host_changes
from providers.credential_files import MOST_BYTES, Pasted
from providers.errors import PayloadError
from providers.spec import Field, Provider

LONG_HELP = 160  # what needs more lines than a half of the form's width leaves
MOST_CHARACTERS = 8_000  # some keys are tokens of a few thousand characters; nothing real is longer


class SecretTextarea(forms.Textarea):
    """For secrets of several lines: what was typed is never rendered back."""

    def format_value(self, value: Any) -> None:
        return None


class ConnectForm(forms.Form):
    """Fields as declared, a label, and the admin's word on whether this is an account that is here already.

    With `credential` the form replaces its values: secrets are never shown again, and an empty one keeps the old.
    """

    def __init__(
        self,
        *args: Any,
        provider: Provider,
        accounts: Sequence[ProviderAccount] = (),
        credential: ProviderCredential | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.provider = provider
        self.credential = credential
        self.asked = self.fields_asked()
        self._pasted: dict[str, Pasted] = {}
        self.fields |= self.fields_before()
        for declared in self.asked:
            self.fields[declared.name] = _form_field(declared, credential, own_network=provider.self_hosted)
        if credential is None:
            self.fields["label"] = forms.CharField(
                label=_("Label"),
                max_length=120,
                required=False,
                help_text=_("Shown beside the provider's name, for example the team or the purpose."),
            )
            if accounts:
                self.fields["same_account"] = forms.ChoiceField(
                    label=_("Account"),
                    required=False,
                    choices=[("", _("An account of its own")), *((str(one.pk), one.label) for one in accounts)],
                    help_text=_(
                        "Choose the account that this key belongs to, and its balance is not counted twice. "
                        "Where the provider tells an account id, Purser finds out by itself."
                    ),
                )
        self._ask_what_applies()
        self._arrange()
        self._accounts = {str(one.pk): one for one in accounts}

    def fields_asked(self) -> tuple[Field, ...]:
        """The declared fields that this form shows."""
        return self.provider.fields

    def fields_before(self) -> dict[str, forms.Field]:
        """What is asked before them."""
        return {}

    def _ask_what_applies(self) -> None:
        """A field that belongs to one choice is needed with that one. As long as nothing is chosen, none of them is
        called optional; the page shows those of the present choice."""
        for declared in self.asked:
            if declared.applies is None or declared.applies[0] not in self.fields:
                continue
            choice, value = declared.applies
            chosen = self.data.get(self.add_prefix(choice), "") if self.is_bound else value
            values = [one for one, _words in self.provider.field(choice).choices]
            self.fields[declared.name].required = chosen == value
            self.fields[declared.name].widget.attrs["data-when"] = values.index(value) + 1
            self.fields[choice].widget.attrs["data-decides"] = True

    def _arrange(self) -> None:
        """Whoever comes begins in the first field; a short one without a neighbour takes the whole row."""
        if self.credential is None and not self.is_bound:
            for field in list(self.fields.values())[:1]:
                field.widget.attrs["autofocus"] = True
        row: list[list[forms.Field]] = []  # the short ones since the last full row, those of one choice in one place
        for name, field in self.fields.items():
            wide = _is_wide(field.widget)
            if wide or name == "label":
                _fill(row)
                row = []
            if not wide and row and "data-when" in field.widget.attrs and "data-when" in row[-1][0].widget.attrs:
                row[-1].append(field)
            elif not wide:
                row.append([field])
        _fill(row)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for declared in self.asked:
            value = self._read(declared, data)
            if not value:
                continue
            problem = _problem(declared, value, own_network=self.provider.self_hosted)
            if problem:
                self.add_error(declared.name, problem)
        secrets = [declared for declared in self.asked if declared.secret]
        filled = any(data.get(declared.name) for declared in secrets)
        stored = bool(secrets) and self.credential is not None and bool(self.credential.secret_hints)
        if self.credential and stored and not filled and not self.errors and host_changes(self.credential, data):
            # Nothing is lost by a slip: the old secret is dropped only when a new one comes with the new host.
            raise forms.ValidationError(
                _("The address is another one now, and a stored key is never sent to a new place: enter the key again.")
            )
        if secrets and not filled and self.credential is None and not self.errors and not self.provider.self_hosted:
            self._ask_for_one_of(secrets)
        return data

    def _ask_for_one_of(self, secrets: Sequence[Field]) -> None:
        """The words stand at the first of these fields, and all of them are marked."""
        first, *others = secrets
        for other in others:
            self.fields[other.name].widget.attrs["aria-invalid"] = "true"
        names = either(told(other.label) for other in others)
        self.add_error(first.name, _("Enter this or %(names)s.") % {"names": names} if names else _("Enter this."))

    def _read(self, declared: Field, data: dict[str, Any]) -> str:
        """The value of a field. Of a pasted credentials file the token is left, and what it says of open fields that
        are empty."""
        value = data.get(declared.name) or ""
        if not value or declared.pasted is None:
            return value
        try:
            found = declared.pasted(value)
        except PayloadError as error:
            self.add_error(declared.name, told(error.message))
            return ""
        if len(found.token) > MOST_CHARACTERS:
            self.add_error(declared.name, _("This is longer than any token. Copy it again."))
            return ""
        self._pasted[declared.name] = found
        data[declared.name] = found.token
        for name, value_there in found.fields.items():
            data[name] = data.get(name) or value_there
        return found.token

    @property
    def endings(self) -> dict[str, datetime]:
        """When the pasted tokens end, of those that say so."""
        return {name: found.ends_at for name, found in self._pasted.items() if found.ends_at is not None}

    @property
    def values(self) -> dict[str, str]:
        """The declared fields' values, cleaned of surrounding white space."""
        return {field.name: self.cleaned_data.get(field.name) or "" for field in self.asked}

    @property
    def same_account(self) -> ProviderAccount | None:
        return self._accounts.get(self.cleaned_data.get("same_account") or "")


def _is_wide(widget: forms.Widget) -> bool:
    """Whether the style gives it the whole row: what is long, or seldom typed by hand."""
    long = isinstance(widget, forms.Textarea | forms.PasswordInput | forms.URLInput | forms.CheckboxInput)
    return long or "inputmode" in widget.attrs or "data-wide" in widget.attrs


def _fill(row: list[list[forms.Field]]) -> None:
    for field in row[-1] if len(row) % 2 else ():
        field.widget.attrs["data-wide"] = True


def _form_field(declared: Field, credential: ProviderCredential | None, *, own_network: bool) -> forms.Field:
    stored = credential is not None and declared.name in credential.secret_hints
    initial = credential.settings.get(declared.name, "") if credential and not declared.secret else declared.default
    common: dict[str, Any] = {
        "label": told(declared.label),
        "required": declared.required and not stored,
        "help_text": told(declared.help),
        "initial": "" if declared.secret else initial,
    }
    field: forms.Field
    if declared.kind == "choice":
        field = forms.ChoiceField(choices=[(value, told(label)) for value, label in declared.choices], **common)
    elif declared.kind == "url" and own_network:
        address = forms.TextInput({"inputmode": "url"})
        field = forms.CharField(widget=address, max_length=300, validators=[_own_address], **common)
    elif declared.kind == "url":
        field = forms.URLField(assume_scheme="https", max_length=300, **common)
    elif declared.kind == "decimal":
        field = forms.DecimalField(max_digits=20, decimal_places=8, **common)
        field.clean = _as_text(field.clean)  # type: ignore[method-assign]
    elif declared.secret and declared.kind == "json":
        area = SecretTextarea(attrs={"rows": 4, "autocomplete": "off", "spellcheck": "false", "class": "font-mono"})
        field = forms.CharField(widget=area, max_length=MOST_CHARACTERS, **common)
    elif declared.secret:
        widget = forms.PasswordInput(attrs={"autocomplete": "off", "spellcheck": "false"}, render_value=False)
        field = forms.CharField(widget=widget, max_length=MOST_BYTES if declared.pasted else MOST_CHARACTERS, **common)
    else:
        field = forms.CharField(max_length=MOST_CHARACTERS, **common)
    if sum(2 if letter >= "\u2e80" else 1 for letter in str(field.help_text)) > LONG_HELP:
        field.widget.attrs["data-wide"] = True
    field.__dict__["link_url"] = declared.url  # for the template; Django fields declare no such thing
    if declared.can_spend:
        field.__dict__["mark"] = _("not read-only")
    if declared.kind == "url" and credential is not None:
        drops = _("A changed address drops the stored key: enter it again.")
        field.help_text = paragraph(field.help_text, drops)
    if stored and credential is not None:
        field.help_text = paragraph(_stored_words(credential.secret_hints[declared.name]), field.help_text)
    return field


def _stored_words(hint: str) -> str:
    """That there is a secret, and what an empty field means."""
    if not hint:
        return _("Stored. Leave empty to keep it.")
    return _("Stored, ends in %(hint)s. Leave empty to keep it.") % {"hint": hint}


def _as_text(clean: Any) -> Any:
    def cleaned(value: Any) -> str:
        number = clean(value)
        return "" if number is None else format(number, "f")

    return cleaned


def _problem(declared: Field, value: str, *, own_network: bool) -> str | None:
    """What is plainly wrong with a value, before anybody is asked. An unusual beginning alone is no error: providers
    change their prefixes; the check tells."""
    if declared.secret:
        for start, words in declared.wrong_starts.items():
            if value.startswith(start) and not any(
                value.startswith(right) and len(right) > len(start) for right in declared.starts_with
            ):
                return told(words)
        if declared.kind == "json":
            return _json_problem(value)
        if not value.isascii() or any(letter.isspace() for letter in value):
            return _("A key has no spaces, line breaks or letters outside of ASCII. Copy it again.")
    if declared.kind == "url" and not own_network and urlsplit(value).scheme != "https":
        return _("Use an https address: the key would travel in the open otherwise.")
    return None


def _json_problem(value: str) -> str | None:
    """A secret that is a whole file, such as the key file of a cloud account."""
    try:
        document = json.loads(value)
    except (ValueError, RecursionError):
        document = None
    return None if isinstance(document, dict) else _("This is not the JSON of a key file. Paste the whole file.")


def _own_address(value: str) -> None:
    """An address of a server of one's own: a plain name or IP address will do, and http inside one's network."""
    try:
        parts = urlsplit(value)
        fine = parts.scheme in ("http", "https") and parts.hostname and parts.port is not False
    except ValueError:
        fine = False
    if not fine or "@" in value or any(letter.isspace() for letter in value):
        raise forms.ValidationError(_("Enter an address such as http://gpu-1:8000."))
