"""The form of one capability, and that of the check: a GET, and where each figure stands in its answer."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from dashboard.credentials.described.forms import Document, PartForm, area, flag, text
from dashboard.credentials.described.lines import mapping_from, mapping_text
from dashboard.credentials.described.words import FORMAT_WORDS, SPAN_WORDS, VALUE_WORDS, field_words
from providers.described.shape import FIELDS, REQUIRED, SPANS, TIME_FORMATS, TIMED, WORDS, Kind
from providers.spec import CAPABILITIES, Capability

CHECK = "check"
PAGING = ("parameter", "first", "size", "size_parameter", "cursor")
CALL = ("path", "ok", "when_not_ok", "zone")
LISTED = ("rows", "distinct", "window_format", "span")
NUMBERS = ("interval_seconds", "history_days", "chunk_days")
LINES = ("query", "headers")


def choice(label: Any, choices: Iterable[tuple[str, Any]], help_text: Any = "") -> Any:
    return forms.ChoiceField(label=label, choices=list(choices), required=False, help_text=help_text)


def filled(field: forms.BoundField) -> bool:
    """Whether there is something to see in a field: a value, or what is wrong with it."""
    return bool(field.errors) or field.value() not in ("", None, False, [])


def count(label: Any, help_text: Any = "") -> Any:
    return forms.IntegerField(label=label, required=False, help_text=help_text)


class CallForm(PartForm):
    """The GET itself."""

    def __init__(self, *args: Any, part: str, **kwargs: Any) -> None:
        self.part = part
        self.path = CHECK if part == CHECK else f"capabilities.{part}"
        super().__init__(*args, **kwargs)

    @property
    def told(self) -> Document:
        """The part as it is in the document."""
        capabilities = self.before.get("capabilities")
        whole = self.before if self.part == CHECK else capabilities
        found = whole.get(self.part) if isinstance(whole, Mapping) else None
        return dict(found) if isinstance(found, Mapping) else {}

    def build(self) -> None:
        bases = [one.get("url", "") for one in self.before.get("base_urls", []) if isinstance(one, dict)]
        secrets = [one["name"] for one in self.before.get("secrets", []) if isinstance(one, dict) and one.get("name")]
        self.fields["path"] = text(
            _("Path"), _("After the base URL: /api/user/self. An open field stands as {name}."), mono=True, most=300
        )
        if len(bases) > 1:
            self.fields["base"] = choice(_("Base URL"), [(str(number), url) for number, url in enumerate(bases)])
        self.fields["query"] = area(_("Query"), self.query_help())
        self.fields["headers"] = area(_("More headers"), _("One per line: name = value. Keys have their own."), rows=2)
        if len(secrets) > 1:
            self.fields["secrets"] = forms.MultipleChoiceField(
                label=_("Sent along"),
                required=False,
                choices=[(name, name) for name in secrets],
                widget=forms.CheckboxSelectMultiple,
            )
        self.fields["ok"] = text(
            _("It worked when"),
            _("For providers that answer 200 even when they fail. Say what is true when it worked: success"),
            mono=True,
        )
        kinds = [("", _("it is tried again later")), ("refused", _("the key is refused"))]
        self.fields["when_not_ok"] = choice(_("Otherwise"), kinds)

    def query_help(self) -> str:
        return _("One parameter per line: name = value.")

    def read(self) -> dict[str, Any]:
        told = self.told
        values = {name: told.get(name, "") for name in CALL}
        values |= {name: mapping_text(told.get(name)) for name in LINES}
        first = [one["name"] for one in self.before.get("secrets", []) if isinstance(one, dict) and one.get("name")][:1]
        return {**values, "base": str(told.get("base", 0)), "secrets": told.get("secrets", first)}

    def call(self) -> Document:
        """What the call's fields say; nothing stands for what was left empty. Raises BadLine."""
        data, told = self.cleaned_data, self.told
        values = {name: data[name].strip() for name in CALL if name in data}
        values |= {name: mapping_from(data[name]) for name in LINES}
        values["base"] = int(data["base"] or 0) if "base" in data else told.get("base")
        values["secrets"] = data["secrets"] if "secrets" in data else told.get("secrets")
        kept = {name: value for name, value in told.items() if name not in values}
        filled = {name: value for name, value in values.items() if value not in ("", {}, None, 0)}
        return {**kept, **filled}

    def place_of(self, path: str) -> str | None:
        if path != self.path and not path.startswith(f"{self.path}."):
            return None
        steps = path[len(self.path) :].strip(".").split(".")
        if steps[0] == "fields" and len(steps) > 1:
            exact = "_".join(steps[1:3])
            places = (exact, f"{steps[1]}_at", f"{steps[1]}_parts")
            return next((place for place in places if place in self.fields), "fields")
        return f"paging_{steps[1]}" if steps[0] == "paging" and len(steps) > 1 else steps[0]

    # --- For the template ---------------------------------------------------------------------------------------

    def bound(self, names: Iterable[str]) -> list[Any]:
        """The fields of these names that there are."""
        return [self[name] for name in names if name in self.fields]

    @property
    def call_fields(self) -> list[Any]:
        return self.bound(("path", "base", "secrets", "rows", "account_id", "account_name"))

    @property
    def more_fold(self) -> dict[str, Any]:
        """What most calls do without."""
        return self.fold(_("More about the call"), ("query", "headers", "ok", "when_not_ok", "distinct"))

    def fold(self, title: str, names: Iterable[str]) -> dict[str, Any]:
        """Fields that are folded away unless something stands in them: {title, fields, open}."""
        fields = self.bound(names)
        return {"title": title, "fields": fields, "open": any(map(filled, fields))}

    def put(self, part: Document | None) -> Document:
        """The whole document with this part in its place."""
        if self.part == CHECK:
            rest = {name: value for name, value in self.before.items() if name != CHECK}
            return rest if part is None else {**rest, CHECK: part}
        capabilities = {**self.before.get("capabilities", {}), self.part: part}
        return {**self.before, "capabilities": {name: one for name, one in capabilities.items() if one is not None}}


class CheckForm(CallForm):
    """How a key is proved, and where the answer says whose it is."""

    def build(self) -> None:
        super().build()
        self.fields["account_id"] = text(_("Account id"), _("Where it stands in the answer."), mono=True)
        self.fields["account_name"] = text(_("Account name"), _("Where it stands in the answer."), mono=True)

    def read(self) -> dict[str, Any]:
        return {**super().read(), **{name: self.told.get(name, "") for name in ("account_id", "account_name")}}

    def written(self) -> Document:
        part = self.call()
        if "path" not in part:
            return self.put(None)
        identity = {name: self.cleaned_data[name].strip() for name in ("account_id", "account_name")}
        kept = {name: value for name, value in part.items() if name not in identity}
        return self.put({**kept, **{name: value for name, value in identity.items() if value}})


class CapabilityForm(CallForm):
    """A capability: how it is called, how its pages go on, and where its figures stand."""

    def build(self) -> None:
        part: Capability = next(name for name in CAPABILITIES if name == self.part)
        self.timed, self.kinds = part in TIMED, FIELDS[part]
        options = [("told", _("Yes, as below")), ("absent", _("No, the provider has none")), ("", _("Not described"))]
        self.fields["offered"] = choice(_("Can it be read?"), options)
        self.fields["absent"] = text(_("Why there is none"), _("It is shown where the figure would stand."), most=300)
        self.fields["fallback"] = text(_("What there is instead"), _("What to look at in its place."), most=300)
        super().build()
        self.fields["rows"] = text(_("Rows"), _("Where the list is. Empty: the answer is one row."), mono=True)
        self.fields["distinct"] = text(_("A row's id"), _("Rows that come twice count once."), mono=True)
        self._build_rhythm()
        for name in PAGING:
            label, help_text = _paging_words()[name]
            whole = name in ("first", "size")
            self.fields[f"paging_{name}"] = count(label, help_text) if whole else text(label, help_text, mono=True)
        for name, kind in self.kinds.items():
            self.fields |= {f"{name}_{what}": one for what, one in _value_fields(part, name, kind).items()}

    def query_help(self) -> str:
        if not self.timed:
            return super().query_help()
        return _("One parameter per line: name = value. {start}, {end} and {last} are the days asked for.")

    def _build_rhythm(self) -> None:
        self.fields["interval_seconds"] = count(_("Read every (seconds)"))
        self.fields["zone"] = text(_("Time zone"), _("For days, and for times without a zone: Asia/Shanghai."), most=40)
        if not self.timed:
            return
        spans = [("", _("the answer tells its end")), *((name, SPAN_WORDS[name]) for name in SPANS)]
        self.fields["span"] = choice(_("A row is a"), spans)
        self.fields["add_up"] = flag(_("Add up the rows of one bucket: each is a single call"))
        formats = [(name, FORMAT_WORDS[name]) for name in TIME_FORMATS]
        self.fields["window_format"] = choice(_("{start} and {end} are written as"), formats)
        self.fields["history_days"] = count(_("Kept by the provider (days)"))
        self.fields["chunk_days"] = count(_("Asked for at once (days)"))

    def read(self) -> dict[str, Any]:
        told = self.told
        offered = "absent" if "absent" in told else "told" if told else ""
        values = {**super().read(), "offered": offered, "add_up": told.get("add_up") is True}
        names = ("absent", "fallback", *LISTED, *NUMBERS)
        values |= {name: told.get(name, "") for name in names if name in self.fields}
        paging = told.get("paging")
        values |= {f"paging_{name}": value for name, value in (paging if isinstance(paging, Mapping) else {}).items()}
        described = told.get("fields")
        for name, value in (described if isinstance(described, Mapping) else {}).items():
            values |= {f"{name}_{what}": shown for what, shown in _shown(value, self.kinds.get(name)).items()}
        return values

    def written(self) -> Document:
        data = self.cleaned_data
        if data["offered"] == "":
            return self.put(None)
        if data["offered"] == "absent":
            absent = {name: data[name].strip() for name in ("absent", "fallback")}
            return self.put({"absent": absent["absent"], **({"fallback": f} if (f := absent["fallback"]) else {})})
        listed = {name: data[name].strip() for name in LISTED if name in data}
        numbers = {name: data[name] for name in NUMBERS if name in data}
        paging = {name: data[f"paging_{name}"] for name in PAGING}
        values = {**listed, **numbers, "paging": _filled(paging), "fields": self._values()}
        if self.timed:
            values["add_up"] = data["add_up"]
        kept = {name: one for name, one in self.call().items() if name not in (*values, "absent", "fallback")}
        return self.put({**kept, **_filled(values)})

    def _values(self) -> Document:
        told = self.told.get("fields")
        before = told if isinstance(told, Mapping) else {}
        found = {name: self._value(name, kind, before.get(name)) for name, kind in self.kinds.items()}
        return {name: value for name, value in found.items() if value not in ("", {}, None)}

    def _value(self, name: str, kind: Kind, before: Any) -> Any:
        """What was typed for one field, in the shortest form; what has no control here (`minus`) stays."""
        data = {what: self.cleaned_data.get(f"{name}_{what}") or "" for what in SHOWN}
        kept = before if isinstance(before, Mapping) else {}
        if kind == "numbers":
            parts = mapping_from(data["parts"])
            return {one: _renewed(kept.get(one), expression) for one, expression in parts.items()}
        if data["is"]:
            return {"is": data["is"] == "true" if kind == "boolean" else data["is"]}
        if not data["at"].strip():
            return None
        more = {what: data[what].strip() for what in ("scale", "divide_by") if data[what].strip()}
        more |= {"format": data["format"]} if data["format"] not in ("", "iso") else {}
        more |= {"words": mapping_from(data["words"], ";")} if data["words"].strip() else {}
        more |= {"minus": kept["minus"]} if "minus" in kept else {}
        at = data["at"].strip()
        return {"at": at, **more} if more else at

    # --- For the template ---------------------------------------------------------------------------------------

    @property
    def rhythm_fold(self) -> dict[str, Any]:
        names = ("interval_seconds", "span", "add_up", "window_format", "zone", "history_days", "chunk_days")
        return self.fold(_("How often, and which days"), names)

    @property
    def paging_fold(self) -> dict[str, Any]:
        return self.fold(_("Pages"), (f"paging_{name}" for name in PAGING))

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """The fields of a record that are needed, described or wrong."""
        return [row for row in self._value_rows if row["shown"]]

    @property
    def more_rows(self) -> list[dict[str, Any]]:
        return [row for row in self._value_rows if not row["shown"]]

    @property
    def _value_rows(self) -> list[dict[str, Any]]:
        """Each field of a record: {name, words, required, shown, fields, note}."""
        told = self.told.get("fields")
        before = told if isinstance(told, Mapping) else {}
        rows = []
        for name in self.kinds:
            fields = self.bound(f"{name}_{what}" for what in SHOWN)
            wrong = [field for field in fields if field.errors]
            required = name in REQUIRED[self.part]  # type: ignore[index]
            note = (
                _("Less what stands elsewhere in the answer: see the JSON.") if "minus" in str(before.get(name)) else ""
            )
            rows.append(
                {
                    "name": name,
                    "words": field_words(self.part, name),
                    "required": required,
                    "shown": required or any(map(filled, [*self.bound(f"{name}_{what}" for what in PLACED), *wrong])),
                    "fields": fields,
                    "note": note,
                }
            )
        return rows


SHOWN = ("at", "is", "scale", "divide_by", "format", "words", "parts")
PLACED = ("at", "is", "parts")  # one of them says where a figure comes from


def _value_fields(part: Capability, name: str, kind: Kind) -> dict[str, Any]:
    """The controls of one field of a record."""
    if kind == "numbers":
        return {"parts": area(_("Where they stand"), _("One per line: input = price.input"), rows=2)}
    found = {"at": text(_("Where it stands"), mono=True)}
    known = WORDS.get((part, name), ())
    if kind in ("number", "whole"):
        found |= {"scale": text(_("Times"), mono=True, most=45), "divide_by": text(_("Divided by"), mono=True, most=45)}
    elif kind == "time":
        found["format"] = choice(_("Written as"), [(one, FORMAT_WORDS[one]) for one in TIME_FORMATS])
    elif kind == "boolean":
        found["is"] = choice(_("Or always"), [("", _("not fixed")), ("true", _("yes")), ("false", _("no"))])
    elif known:
        found["is"] = choice(_("Or always"), [("", _("not fixed")), *((one, VALUE_WORDS[one]) for one in known)])
        help_text = _("Its word = ours, separated by semicolons. Ours: %(known)s.") % {"known": ", ".join(known)}
        found["words"] = text(_("Its words for it"), help_text, mono=True)
    else:
        found["is"] = text(_("Or always"), most=60)
    return found


def _shown(value: Any, kind: Kind | None) -> dict[str, Any]:
    if kind == "numbers":
        return {"parts": mapping_text(value)}
    if not isinstance(value, Mapping):
        return {"at": value}
    shown = {what: value.get(what, "") for what in ("at", "is", "scale", "divide_by", "format")}
    if isinstance(shown["is"], bool):
        shown["is"] = "true" if shown["is"] else "false"
    return {**shown, "words": mapping_text(value.get("words"), "; ")}


def _renewed(before: Any, expression: str) -> Any:
    """A number by name: its scale stays when only the place was changed."""
    return {**before, "at": expression} if isinstance(before, Mapping) else expression


def _filled(told: Mapping[str, Any]) -> Document:
    return {name: value for name, value in told.items() if value is not False and value not in ("", {}, None)}


def _paging_words() -> dict[str, tuple[str, str]]:
    return {
        "parameter": (_("Page parameter"), _("The query's name for it: p, page, after. Empty: one page.")),
        "first": (_("First page"), _("0 or 1, where pages are counted.")),
        "size": (_("Rows on a page"), _("A page with fewer is the last.")),
        "size_parameter": (_("Page size parameter"), _("The query’s name for the rows on a page.")),
        "cursor": (_("Next page's marker"), _("Where it stands in the answer; then pages are not counted.")),
    }
