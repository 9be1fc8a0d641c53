"""The forms of an import: the file, how it is written, and what its columns are."""

import zoneinfo
from collections.abc import Iterator, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.organizations.models import validate_zone
from dashboard.usage.imports.cells import CURRENCIES, decimal_marks
from dashboard.usage.imports.columns import FIELDS, NUMBERS, TIME
from dashboard.usage.imports.dates import date_orders
from dashboard.usage.imports.dialect import DELIMITERS, ENCODINGS
from dashboard.usage.imports.held import MOST_BYTES
from dashboard.usage.imports.lines import Mapping
from dashboard.usage.imports.proposal import Sample, problem_of

OFTEN = ("USD", "EUR", "CNY", "GBP", "JPY", "TWD")
SAMPLES = 3


class UploadForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        allow_empty_file=True,  # said in our own words
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv,text/tab-separated-values"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = _("CSV, TSV or semicolons, at most %(most)d MB. What it says is shown before it counts.")
        self.fields["file"].help_text = words % {"most": MOST_BYTES >> 20}


class DialectForm(forms.Form):
    """How the file is written, for when it was guessed wrong."""

    encoding = forms.ChoiceField(
        label=gettext_lazy("Encoding"),
        choices=list(ENCODINGS.items()),
        help_text=gettext_lazy("Another one helps when names look wrong."),
    )
    delimiter = forms.ChoiceField(
        label=gettext_lazy("Separator"),
        choices=list(DELIMITERS.items()),
        help_text=gettext_lazy("What stands between two cells of a line."),
    )


class MappingForm(forms.Form):
    """For each column what it is, and how its cells are to be read."""

    period = forms.ChoiceField(
        label=gettext_lazy("Each line tells of"),
        choices=[
            ("day", gettext_lazy("a day")),
            ("hour", gettext_lazy("an hour, or a moment in it")),
            ("month", gettext_lazy("a month")),
        ],
        help_text=gettext_lazy("Days and months stay as the provider wrote them."),
    )
    order = forms.ChoiceField(
        label=gettext_lazy("Dates such as 03/04/2026"),
        required=False,
        help_text=gettext_lazy("Which of the two numbers is the day."),
    )
    zone = forms.CharField(
        label=gettext_lazy("Time zone of hours"),
        max_length=64,
        validators=[validate_zone],
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
        help_text=gettext_lazy("Counts only where the file names no offset. Consoles mostly write UTC."),
    )
    decimal = forms.ChoiceField(
        label=gettext_lazy("Decimal mark"), help_text=gettext_lazy("What stands before the decimals of a number.")
    )
    unit = forms.ChoiceField(
        label=gettext_lazy("Currency"),
        required=False,
        help_text=gettext_lazy("For amounts that have no currency of their own in the file."),
    )
    cached_inside = forms.BooleanField(label=gettext_lazy("The input column counts cached tokens too"), required=False)
    repeated = forms.ChoiceField(
        label=gettext_lazy("Lines that are alike in every cell"),
        choices=[("once", gettext_lazy("count once")), ("each", gettext_lazy("count each"))],
        help_text=gettext_lazy("A file that was joined from several exports may hold a line twice."),
    )
    overlap = forms.ChoiceField(
        label=gettext_lazy("Days that another import has already"),
        choices=[("skip", gettext_lazy("leave out")), ("add", gettext_lazy("add to it"))],
        help_text=gettext_lazy("Add only what the other file does not tell, for example another project."),
    )

    def __init__(self, *args: Any, sample: Sample, mapping: Mapping, own_units: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sample, self.mapping = sample, mapping
        for name in ("period", "zone", "unit", "cached_inside", "repeated", "overlap", "decimal"):
            self.fields[name].initial = getattr(mapping, name)
        self.fields["order"].initial = "" if mapping.order == "?" else mapping.order
        self._choices("order", self._orders())
        self._choices("decimal", self._marks())
        rest = sorted(CURRENCIES - set(OFTEN))
        units = dict.fromkeys([*(mapping.unit and [mapping.unit]), *own_units, *OFTEN, *rest])
        self._choices("unit", [("", _("as the file says")), *((one, one) for one in units)])
        choices = [("", _("leave out")), *FIELDS.items()]
        for place, name in enumerate(sample.names):
            field = forms.ChoiceField(label=name, choices=choices, required=False, initial=mapping.columns[place])
            self.fields[f"column_{place}"] = field

    def _choices(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def _orders(self) -> list[tuple[str, str]]:
        first = _("Choose: both are possible") if self.mapping.order == "?" else _("do not occur")
        return [("", first), ("dmy", _("day first: 3 April")), ("mdy", _("month first: 4 March"))]

    def _marks(self) -> list[tuple[str, str]]:
        known = [(".", _("point: 1,234.56")), (",", _("comma: 1.234,56"))]
        return known if self.mapping.decimal else [("", _("Choose: both are possible")), *known]

    @property
    def zones(self) -> list[str]:
        return sorted(zoneinfo.available_timezones())

    @property
    def columns(self) -> Iterator[dict[str, Any]]:
        """Each column's control with what stands in its first cells."""
        for place in range(len(self.sample.names)):
            cells = [row[place].strip() for row in self.sample.rows if place < len(row)]
            samples = list(dict.fromkeys(cell[:60] for cell in cells if cell))[:SAMPLES]
            yield {"field": self[f"column_{place}"], "samples": samples}

    @property
    def rest(self) -> list[forms.BoundField]:
        return [field for field in self if not field.name.startswith("column_")]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        columns = self._columns(data)
        problem = problem_of(columns)
        if problem == "undated":
            raise forms.ValidationError(_("Say which column holds the date or time."))
        if problem == "nothing":
            raise forms.ValidationError(
                _("Say which column holds tokens, requests or cost: there is nothing to import.")
            )
        if problem:
            words = _("Two columns are “%(field)s”. Choose one of them, and leave the other out.")
            raise forms.ValidationError(words % {"field": FIELDS[problem]})
        orders = date_orders(self.sample.cells(columns, [TIME]))
        if not data.get("order") and "" not in orders:
            self.add_error("order", _("Say whether the day or the month is first: the dates of this file can be both."))
        marks = decimal_marks(self.sample.cells(columns, NUMBERS))
        if marks and data.get("decimal") and data["decimal"] not in marks:
            self.add_error("decimal", _("The numbers of this file are written with the other one."))
        return data

    def _columns(self, data: dict[str, Any]) -> tuple[str, ...]:
        return tuple(data.get(f"column_{place}", "") for place in range(len(self.sample.names)))

    @property
    def chosen(self) -> Mapping:
        """The mapping as a person has put it."""
        data = self.cleaned_data
        return Mapping(
            encoding=self.mapping.encoding,
            delimiter=self.mapping.delimiter,
            header=self.mapping.header,
            columns=self._columns(data),
            **{name: data[name] for name in ("decimal", "order", "zone", "period", "unit", "cached_inside")},
            **{name: data[name] for name in ("repeated", "overlap")},
        )
