"""Parts of a document as lines of text, for areas of a form: `name = value`, and base URLs."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

USES = ("account", "inference", "both")


class BadLine(ValueError):
    """A line that is not what it should be; the message says which."""


def mapping_text(told: Any, separator: str = "\n") -> str:
    """{"a": "b"} as "a = b"."""
    if not isinstance(told, Mapping):
        return ""
    return separator.join(f"{name} = {_value(value)}" for name, value in told.items())


def _value(value: Any) -> str:
    """The text itself, or where an object says that it stands."""
    if isinstance(value, Mapping):
        value = value.get("at") or value.get("path") or ""
    return value if isinstance(value, str) else ""


def mapping_from(text: str, separator: str = "\n") -> dict[str, str]:
    """Raises BadLine."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.replace("\r", "").split(separator))):
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name:
            raise BadLine(_("“%(line)s” is not of the form: name = value.") % {"line": line[:60]})
        if name in found:
            raise BadLine(_("%(name)s stands there twice.") % {"name": name[:60]})
        found[name] = value
    return found


def bases_text(told: Sequence[Mapping[str, Any]]) -> str:
    lines = []
    for one in told:
        use = one.get("use", "both")
        parts = [str(one.get("url", "")), *([str(use)] if use != "both" else []), str(one.get("label", ""))]
        lines.append(" ".join(filter(None, parts)))
    return "\n".join(lines)


def bases_from(text: str) -> list[dict[str, str]]:
    """Each line: URL, perhaps its use, perhaps a label."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        url, *rest = line.split()
        one = {"url": url}
        if rest and rest[0] in USES:
            one["use"] = rest.pop(0)
        if rest:
            one["label"] = " ".join(rest)
        found.append(one)
    return found
