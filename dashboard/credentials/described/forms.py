"""The editor's forms. Each shows one part of a document as fields, and writes that part again: what it has no field for
stays as it was."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.credentials.catalog_pages import PROTOCOLS
from dashboard.credentials.described.lines import bases_from, bases_text
from dashboard.credentials.described.selectors import Consequences, document_read, preset_choices
from providers.described import MOST_BYTES, Problem
from providers.presets import presets

Document = dict[str, Any]
MONO = {"class": "font-mono", "spellcheck": "false", "autocomplete": "off"}
SECRET_FLAGS = {"required": gettext_lazy("Must be entered"), "can_spend": gettext_lazy("Can cost money")}


def text(label: Any, help_text: Any = "", *, required: bool = False, mono: bool = False, most: int = 500) -> Any:
    widget = forms.TextInput(attrs=dict(MONO) if mono else {})
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=most, strip=False, widget=widget
    )


def area(label: Any, help_text: Any = "", *, rows: int = 3, most: int = 8000, required: bool = False) -> Any:
    widget = forms.Textarea(attrs={**MONO, "rows": rows})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=most, widget=widget)


def prose(label: Any, help_text: Any) -> Any:
    widget = forms.Textarea(attrs={"rows": 4})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=300, widget=widget)


def flag(label: Any) -> Any:
    return forms.BooleanField(label=label, required=False)


def problem_words(problem: Problem) -> str:
    return f"{problem.path}: {problem.words}" if problem.path else problem.words


class NewForm(forms.Form):
    """From a preset, or from a description that somebody shared."""

    preset = forms.ChoiceField(
        label=gettext_lazy("Start from"),
        help_text=gettext_lazy("What a preset fills in can be changed. Relays are of the one-api and new-api kind."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("As your people call it. Empty: the name that the description brings."),
    )
    text = forms.CharField(
        label=gettext_lazy("A description that somebody shared"),
        required=False,
        widget=forms.Textarea(attrs={**MONO, "rows": 8}),
        help_text=gettext_lazy("Paste the JSON here; then it counts, and not the choice above. It holds no keys."),
    )
    document: Document | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["preset"].choices = preset_choices()  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if self.errors:
            return data
        if data["text"].strip():
            self.document, wrong = document_read(data["text"])
            for problem in wrong:
                self.add_error("text", problem_words(problem))
        else:
            self.document = dict(presets()[data["preset"]])
        if self.document is not None and data["name"].strip():
            self.document = {**self.document, "name": data["name"].strip()}
        return data


class JsonForm(forms.Form):
    """The whole document as text."""

    text = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=2 * MOST_BYTES,
        widget=forms.Textarea(attrs={**MONO, "rows": 32, "wrap": "off"}),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)
    document: Document | None = None
    consequences: Consequences | None = None

    def clean_text(self) -> str:
        told: str = self.cleaned_data["text"]
        self.document, wrong = document_read(told)
        if wrong:
            raise forms.ValidationError([problem_words(problem) for problem in wrong])
        return told


class PartForm(forms.Form):
    """A form over one part of `document`, at `path`. `place_of` says which field shows a problem."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    path = ""
    consequences: Consequences | None = None

    def __init__(self, *args: Any, document: Mapping[str, Any], version: int, **kwargs: Any) -> None:
        self.before: Document = dict(document)
        super().__init__(*args, **kwargs)
        self.build()
        self.initial = {**self.read(), "version": version}

    def build(self) -> None:
        """Add the fields that depend on the document."""

    def read(self) -> dict[str, Any]:
        """The part as values of fields."""
        raise NotImplementedError

    def written(self) -> Document:
        """The whole document with this part as it was typed. Raises BadLine."""
        raise NotImplementedError

    def place_of(self, path: str) -> str | None:
        """The field that a problem at this path belongs to, None when it belongs to another part of the document."""
        raise NotImplementedError

    def judge(self, problems: Sequence[Problem], *, draft: bool) -> bool:
        """Show the problems at their fields; those of other parts do not hinder a draft. True when it is good."""
        for problem in problems:
            place = self.place_of(problem.path)
            if place is not None:
                self.add_error(place if place in self.fields else None, problem_words(problem))
            elif not draft:
                self.add_error(None, problem_words(problem))
        return not self.errors


class GeneralForm(PartForm):
    """Name, hosts, what a person enters."""

    name = text(gettext_lazy("Name"), required=True, most=60)
    summary = text(gettext_lazy("In a few words"), gettext_lazy("Stands under its name in lists."), most=160)
    bases = area(
        gettext_lazy("Base URLs"),
        gettext_lazy(
            "One per line, starting with https://. Add account or inference after an address that serves only one of "
            "them. Nothing is ever called anywhere else. Changing an address removes the stored keys."
        ),
        required=True,
    )
    self_hosted = flag(gettext_lazy("It runs in our own network: private addresses, http and no key are fine"))
    wire_protocol = forms.ChoiceField(
        label=gettext_lazy("Speaks"),
        choices=list(PROTOCOLS.items()),
        help_text=gettext_lazy("How its models are called. Figures are read as described here."),
    )
    docs_url = text(gettext_lazy("Documentation"), gettext_lazy("Where its API is explained."), most=300)
    console_url = text(gettext_lazy("Console"), gettext_lazy("Where a person tops up and makes keys."), most=300)

    KEPT = ("name", "summary", "wire_protocol", "docs_url", "console_url")
    MOST_SECRETS, MOST_FIELDS = 5, 10

    def build(self) -> None:
        self.secret_count = min(self.MOST_SECRETS, len(self._list("secrets")) + 1)
        self.field_count = min(self.MOST_FIELDS, len(self._list("fields")) + 1)
        for number in range(self.secret_count):
            self.fields |= {f"secret_{number}_{name}": field for name, field in _secret_fields().items()}
        for number in range(self.field_count):
            self.fields |= {f"field_{number}_{name}": field for name, field in _open_fields().items()}

    def read(self) -> dict[str, Any]:
        told = {name: self.before.get(name, "") for name in self.KEPT}
        told["wire_protocol"] = told["wire_protocol"] or "OpenAICompatible"
        told |= {"bases": bases_text(self._list("base_urls")), "self_hosted": self.before.get("self_hosted") is True}
        for number, one in enumerate(self._list("secrets")):
            defaults = {"header": "Authorization", "required": not told["self_hosted"], "can_spend": True}
            prefix = "" if "prefix" in one else "Bearer "
            shown = {"prefix": prefix, **defaults, **one, "starts_with": " ".join(one.get("starts_with", []))}
            told |= {f"secret_{number}_{name}": value for name, value in shown.items()}
        for number in range(len(self._list("secrets")), self.secret_count):
            told |= {f"secret_{number}_header": "Authorization", f"secret_{number}_prefix": "Bearer "}
            told |= {f"secret_{number}_{name}": True for name in SECRET_FLAGS}
        for number, one in enumerate(self._list("fields")):
            told |= {f"field_{number}_{name}": value for name, value in {"required": True, **one}.items()}
        return told

    def written(self) -> Document:
        data = self.cleaned_data
        document = {**self.before, **{name: data[name].strip() for name in self.KEPT}}
        document |= {"base_urls": bases_from(data["bases"]), "self_hosted": data["self_hosted"]}
        document["secrets"] = [self._block("secret", number) for number in self._named("secret", self.secret_count)]
        document["fields"] = [self._block("field", number) for number in self._named("field", self.field_count)]
        return document

    def place_of(self, path: str) -> str | None:
        head = path.split(".")[0].split("[")[0]
        if head in ("secrets", "fields") and "[" in path and "." in path:
            number, name = path.split("[", 1)[1].split("].", 1)
            kind = head.removesuffix("s")
            named = self._named(kind, self.secret_count if kind == "secret" else self.field_count)
            return f"{kind}_{named[int(number)]}_{name}"
        if head == "base_urls":
            return "bases"
        return None if head in ("capabilities", "check") else head

    @property
    def blocks(self) -> list[dict[str, Any]]:
        """Secrets and open fields for the template: {title, fields}."""
        found = []
        for kind, count, words in (
            ("secret", self.secret_count, _("Secret %(number)d")),
            ("field", self.field_count, _("Open field %(number)d")),
        ):
            for number in range(count):
                fields = [self[name] for name in self.fields if name.startswith(f"{kind}_{number}_")]
                filled = bool(self[f"{kind}_{number}_name"].value())
                title = words % {"number": number + 1}
                found.append({"kind": kind, "title": title, "fields": fields, "filled": filled})
        return found

    @property
    def plain(self) -> list[Any]:
        return [self[name] for name in self.base_fields if name != "version"]

    def _list(self, name: str) -> list[dict[str, Any]]:
        told = self.before.get(name)
        return [one for one in told if isinstance(one, dict)] if isinstance(told, list) else []

    def _named(self, kind: str, count: int) -> list[int]:
        """The blocks that have a name: an emptied one is taken out."""
        return [number for number in range(count) if self.cleaned_data.get(f"{kind}_{number}_name", "").strip()]

    def _block(self, kind: str, number: int) -> Document:
        start = f"{kind}_{number}_"
        told = {name[len(start) :]: value for name, value in self.cleaned_data.items() if name.startswith(start)}
        told = {
            name: value.strip() if isinstance(value, str) and name != "prefix" else value
            for name, value in told.items()
        }
        told["help"] = " ".join(told["help"].split())  # several lines for the eye alone
        if "starts_with" in told:
            told["starts_with"] = told["starts_with"].split()
        keep = ("name", "header", "prefix", "required", "can_spend")
        return {name: value for name, value in told.items() if name in keep or value not in ("", [])}


def _secret_fields() -> dict[str, Any]:
    return {
        "name": text(
            _("Code name"), _("A lower-case word such as api_key. Empty takes this one out."), most=40, mono=True
        ),
        "label": text(_("Label"), _("As people read it when they connect an account."), most=80),
        "help": prose(_("Help"), _("Where it is made, and what it must be allowed.")),
        "url": text(_("Where to get it"), _("The page where a person makes it."), most=300),
        "header": text(_("Header"), _("The header of the call in which it travels."), most=60, mono=True),
        "prefix": text(_("Before the key"), _("With its space: “Bearer ”."), most=39, mono=True),
        "starts_with": text(_("Keys begin with"), _("Several are separated by spaces: sk- rk-"), most=200, mono=True),
        **{name: flag(label) for name, label in SECRET_FLAGS.items()},
    }


def _open_fields() -> dict[str, Any]:
    return {
        "name": text(_("Code name"), _("Paths and queries use it in braces: {team_id}."), most=40, mono=True),
        "label": text(_("Label"), _("As people read it when they connect an account."), most=80),
        "help": prose(_("Help"), _("What is to be entered, and where it is found.")),
        "default": text(_("Default"), _("What stands in it before anybody types."), most=200),
        "required": flag(_("Must be entered")),
    }


class DeleteForm(forms.Form):
    word = forms.CharField(max_length=60, required=False)

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_word(self) -> str:
        if self.cleaned_data["word"].strip() != self.name.strip():
            raise forms.ValidationError(_("Nothing was deleted: type %(name)s to confirm.") % {"name": self.name})
        return self.name
