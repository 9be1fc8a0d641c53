"""What people read, found in the sources: Python, templates, and what providers/ says.

providers/ knows no gettext. Its sentences are the literals in the places where a declaration, a record or an error
takes words; an f-string becomes a message with named places: f"{host} answered {status}." is "{host} answered
{status}.". `dashboard.core.languages.phrases` finds the message again when such a sentence is shown.
"""

import ast
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from babel.messages.extract import DEFAULT_KEYWORDS, extract
from django.utils.translation.template import templatize

Node = TypeVar("Node", bound=ast.AST)
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}

# Arguments of declarations and records of providers/ that may hold a single word for people.
_WORDS = frozenset({"label", "help", "summary", "name"})
# What declarations say to people: a sentence there is one whatever it holds, an address or a path.
_DECLARATIONS = frozenset({"Provider", "Field", "OAuthApp", "NotOffered"})
_SAID = frozenset({"label", "help", "summary", "key_warning", "steps", "reason", "fallback", "wrong_starts", "choices"})
# What is written with spaces and is no sentence: addresses, queries, patterns, formats, headers, Markdown.
_TECHNICAL = re.compile(
    r"https?://|\b(?:GET|POST) /|^ ?(?:SELECT|AND|query|Bearer|ACS3|Purser/|Authorizer|OAuthApp)\b|%[A-Z]|[\\|<=]|\{\{"
    r"|\bgid:|\d\d:\d\d:\d\d|\[a-z|startDate|creditsUsed|service\.id|sku\.|ModelDeploymentName|metric\.type"
    r"|manage\.py|^, \$|None$"
)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: `text`, its plural form where it has one, its context, and the file that says it."""

    text: str
    plural: str
    context: str | None
    file: str
    notes: tuple[str, ...] = ()


def messages_in(root: Path) -> Iterator[Message]:
    """Everything that is to be translated under `root`, file by file in a fixed order."""
    for path in sorted((root / "dashboard").rglob("*.py")):
        if not {"migrations", "node_modules"} & set(path.parts):
            yield from _from_python(path.read_text(), str(path.relative_to(root)))
    for path in sorted((root / "templates").rglob("*.html")) + sorted((root / "templates").rglob("*.txt")):
        name = str(path.relative_to(root))
        marked = templatize(path.read_text(), origin=name)
        # Where the calls stand in the text means nothing; as Python, their indentation would.
        yield from _from_python("\n".join(line.strip() for line in marked.splitlines()), name)
    for path in sorted((root / "providers" / "presets").glob("*.json")):
        for text in _of_preset(json.loads(path.read_text())):
            yield Message(text, "", None, str(path.relative_to(root)))
    for path in sorted((root / "providers").rglob("*.py")):
        if "simulator" not in path.parts:
            name = str(path.relative_to(root))
            for text in sentences(ast.parse(path.read_text())):
                yield Message(text, "", None, name)


def _from_python(source: str, file: str) -> Iterator[Message]:
    found = extract("python", io.BytesIO(source.encode()), KEYWORDS, ("Translators:",), {"encoding": "utf-8"})
    for _line, message, notes, context in found:
        text, plural = message if isinstance(message, tuple) else (message, "")
        if text:
            yield Message(text, plural, context, file, tuple(notes))


def _of_preset(document: Mapping[str, Any]) -> Iterator[str]:
    """What a description to start from says of itself, of what is entered, of what is not told, and what it calls a
    figure."""
    if summary := document.get("summary"):
        yield summary
    for entered in (*document["secrets"], *document["fields"]):
        yield from (entered[part] for part in ("label", "help") if entered.get(part))
    for call in document["capabilities"].values():
        yield from (call[part] for part in ("absent", "fallback") if part in call)
        name = call.get("fields", {}).get("name")
        if isinstance(name, dict) and "is" in name:
            yield name["is"]


# --- providers/ -----------------------------------------------------------------------------------------------------
def sentences(tree: ast.Module) -> Iterator[str]:
    """The messages of one module of providers/: every literal of several words that is not a docstring, and single
    words where a declaration or a record is named."""
    passed = _docstrings(tree) | {id(part) for node in _of(tree, ast.JoinedStr) for part in node.values}
    declared = (call for call in _of(tree, ast.Call) if _called(call) == "Provider")
    passed |= {id(word.value) for call in declared for word in call.keywords if word.arg == "name"}
    said = _said(tree)
    for node in ast.walk(tree):
        text = _text_of(node)
        if text and id(node) not in passed and " " in text.strip() and _is_words(text, said=id(node) in said):
            yield text
        if isinstance(node, ast.Call) and _called(node) != "Provider":
            yield from _single_words(node)


def _said(tree: ast.AST) -> set[int]:
    """What stands where a declaration speaks to people, alone or as a part of more."""
    spoken = (call for call in _of(tree, ast.Call) if _called(call) in _DECLARATIONS)
    values = (word.value for call in spoken for word in call.keywords if word.arg in _SAID)
    return {id(node) for value in values for node in ast.walk(value)}


def _single_words(call: ast.Call) -> Iterator[str]:
    for keyword in call.keywords:
        found = [keyword.value] if keyword.arg in _WORDS else []
        if keyword.arg == "choices" and isinstance(keyword.value, ast.Tuple):
            found = [pair.elts[-1] for pair in keyword.value.elts if isinstance(pair, ast.Tuple)]
        for text in filter(None, map(_text_of, found)):
            if " " not in text and text[0].isupper() and not text.isupper():
                yield text


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return template_of(node)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _of(tree: ast.AST, kind: type[Node]) -> Iterator[Node]:
    return (node for node in ast.walk(tree) if isinstance(node, kind))


def _docstrings(tree: ast.AST) -> set[int]:
    return {id(node.value) for node in _of(tree, ast.Expr)}


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _is_words(text: str, *, said: bool) -> bool:
    plain = re.sub(r"\{\w+\}", "", text)
    return sum(letter.isalpha() for letter in plain) > 1 and (said or not _TECHNICAL.search(text))


def template_of(joined: ast.JoinedStr) -> str:
    """An f-string with its places named after what stands in them, each name once."""
    parts: list[str] = []
    seen: dict[str, int] = {}
    for part in joined.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value).replace("{", "{{").replace("}", "}}"))
        elif isinstance(part, ast.FormattedValue):
            name = _place(part.value)
            seen[name] = seen.get(name, 0) + 1
            parts.append("{" + (name if seen[name] == 1 else f"{name}{seen[name]}") + "}")
    return "".join(parts)


def _place(value: ast.expr) -> str:
    if isinstance(value, ast.Name):
        return value.id
    if isinstance(value, ast.Attribute):
        return value.attr if value.attr != "name" else f"{_place(value.value)}_name"
    if isinstance(value, ast.Call):
        return _called(value).strip("_") or "value"
    return "value"
