"""Reading a description, strictly: everything wrong with it as (path, words), or what it declares."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from providers.described.calls import CallReader
from providers.described.notes import Notes, Problem
from providers.described.shape import (
    BASE_URL,
    HEADER,
    MOST_BYTES,
    NAME,
    PREFIX,
    RESERVED_HEADERS,
    RESERVED_NAMES,
    VERSION,
    VERSION_KEY,
    Call,
)
from providers.spec import CAPABILITIES, BaseUrl, Capability, Field, NotOffered, WireProtocol

MOST_BASES, MOST_SECRETS, MOST_FIELDS = 5, 5, 10
TOP = frozenset(
    {
        VERSION_KEY,
        *("name", "summary", "docs_url", "console_url", "self_hosted", "wire_protocol", "base_urls"),
        *("secrets", "fields", "check", "capabilities"),
    }
)
NOT_DESCRIBED = NotOffered(
    reason="Nobody has described how this is read.",
    fallback="Add it to the description of this provider, if its documentation names a call for it.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """A whole description, read and found good."""

    name: str
    summary: str
    docs_url: str
    console_url: str
    self_hosted: bool
    wire_protocol: WireProtocol
    bases: tuple[BaseUrl, ...]
    fields: tuple[Field, ...]
    calls: Mapping[Capability, Call]
    polls: Mapping[Capability, Mapping[str, int]]
    absent: Mapping[Capability, NotOffered]
    check: Call | None = None
    identity: Mapping[str, Any] = field(default_factory=dict)


def read(document: Any) -> tuple[Description | None, list[Problem]]:
    """(description, []) or (None, everything wrong with it)."""
    notes = Notes()
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError):  # a lone half of a surrogate pair is a ValueError too
        return None, [Problem("", "This is not a JSON document.")]
    if not isinstance(document, Mapping):
        return None, [Problem("", "A description is one JSON object.")]
    if size > MOST_BYTES:
        return None, [Problem("", f"A description has at most {MOST_BYTES // 1024} kB.")]
    if document.get(VERSION_KEY) != VERSION or isinstance(document.get(VERSION_KEY), bool):
        notes.add(VERSION_KEY, f"This Purser reads version {VERSION}: write {VERSION}.")
    description = _description(document, notes)
    if not notes.problems and "\\u0000" in text:  # in a place that takes any text; no database keeps it
        notes.add("", "A description holds no NUL characters.")
    return (None, notes.problems) if notes.problems else (description, [])


def _description(document: Mapping[str, Any], notes: Notes) -> Description:
    notes.only(document, "", TOP)
    own_network = notes.flag(document, "", "self_hosted")
    bases = _bases(document, notes, own_network)
    fields = (*_secrets(document, notes, own_network), *_open_fields(document, notes))
    for name in _twice(declared.name for declared in fields):
        notes.add("fields", f"Two fields are called {name}.")
    reader = CallReader(notes, [base.url for base in bases], fields)
    told = notes.mapping(document, "", "capabilities")
    notes.only(told, "capabilities", frozenset(CAPABILITIES))
    calls, polls, absent = {}, {}, {}
    for name in CAPABILITIES:
        part = notes.mapping(told, "capabilities", name)
        where = f"capabilities.{name}"
        if "absent" in part or not part:
            absent[name] = _absent(part, where, notes)
            continue
        calls[name], polls[name] = reader.capability(part, where, name)
    if not calls:
        notes.add("capabilities", "Describe at least one thing that can be read, for example the balance.")
    check, identity = reader.check(notes.mapping(document, "", "check")) if document.get("check") else (None, {})
    protocol = notes.choice(document, "", "wire_protocol", get_args(WireProtocol), "OpenAICompatible")
    return Description(
        name=notes.text(document, "", "name", most=60, required=True),
        summary=notes.text(document, "", "summary", most=160),
        docs_url=notes.page(document, "docs_url"),
        console_url=notes.page(document, "console_url"),
        self_hosted=own_network,
        wire_protocol=protocol,  # type: ignore[arg-type]
        bases=bases,
        fields=fields,
        calls=calls,
        polls=polls,
        absent=absent,
        check=check,
        identity=identity,
    )


def _absent(part: Mapping[str, Any], where: str, notes: Notes) -> NotOffered:
    if not part:
        return NOT_DESCRIBED
    notes.only(part, where, frozenset({"absent", "fallback"}))
    reason = notes.text(part, where, "absent", most=300, required=True)
    return NotOffered(reason=reason, fallback=notes.text(part, where, "fallback", most=300))


def _bases(document: Mapping[str, Any], notes: Notes, own_network: bool) -> tuple[BaseUrl, ...]:
    found = []
    for where, part in notes.objects(document, "", "base_urls", most=MOST_BASES):
        notes.only(part, where, frozenset({"url", "use", "label"}))
        url = notes.text(part, where, "url", most=300, required=True)
        use: Any = notes.choice(part, where, "use", ("both", "account", "inference"), "both")
        wrong = base_problem(url, own_network) if url else None
        if wrong:
            notes.add(f"{where}.url", wrong)
            url = ""
        found.append(BaseUrl(url=url.rstrip("/"), use=use, label=notes.text(part, where, "label", most=80)))
    if not found:
        notes.add("base_urls", "Name at least one base URL, for example https://relay.example.com.")
    return tuple(found)


def base_problem(url: str, own_network: bool) -> str | None:
    """What is wrong with a base URL: only plain hosts in lower case, https unless it stays in one's own network."""
    match = BASE_URL.fullmatch(url)
    if match is None:
        return "Write scheme, host and perhaps a port and a path, in lower case: https://relay.example.com/v1."
    if match[1] == "http" and not own_network:
        return 'Use https: the key would travel in the open. Inside your own network, set "self_hosted" to true.'
    if match[3] and not 0 < int(match[3]) < 65_536:
        return "There is no such port."
    return None


def _secrets(document: Mapping[str, Any], notes: Notes, own_network: bool) -> Iterable[Field]:
    known = {"name", "label", "help", "url", "header", "prefix", "starts_with", "required", "can_spend"}
    for where, part in notes.objects(document, "", "secrets", most=MOST_SECRETS):
        notes.only(part, where, frozenset(known))
        header = notes.text(part, where, "header", most=60, default="Authorization")
        if not HEADER.fullmatch(header) or RESERVED_HEADERS.fullmatch(header):
            notes.add(f"{where}.header", "This header cannot carry a key.")
        prefix = notes.text(part, where, "prefix", most=39, default="Bearer " if "prefix" not in part else "")
        if not PREFIX.fullmatch(prefix):
            notes.add(f"{where}.prefix", 'A prefix is plain text such as "Bearer ".')
        starts = part.get("starts_with", [])
        if not isinstance(starts, list) or not all(isinstance(one, str) and 0 < len(one) <= 40 for one in starts):
            notes.add(f"{where}.starts_with", 'Write a list of beginnings: ["sk-"].')
            starts = []
        yield Field(
            name=_name(part, where, notes),
            label=notes.text(part, where, "label", most=80, default="API key"),
            help=notes.text(part, where, "help", most=300),
            secret=True,
            required=notes.flag(part, where, "required", default=not own_network),
            url=notes.page(part, "url", where) or None,
            header=header,
            prefix=prefix,
            starts_with=tuple(starts),
            can_spend=notes.flag(part, where, "can_spend", default=True),
        )


def _open_fields(document: Mapping[str, Any], notes: Notes) -> Iterable[Field]:
    for where, part in notes.objects(document, "", "fields", most=MOST_FIELDS):
        notes.only(part, where, frozenset({"name", "label", "help", "required", "default"}))
        name = _name(part, where, notes)
        yield Field(
            name=name,
            label=notes.text(part, where, "label", most=80, default=name),
            help=notes.text(part, where, "help", most=300),
            required=notes.flag(part, where, "required", default=True),
            default=notes.text(part, where, "default", most=200),
        )


def _name(part: Mapping[str, Any], where: str, notes: Notes) -> str:
    name = notes.text(part, where, "name", most=40, required=True)
    if name and (not NAME.fullmatch(name) or name in RESERVED_NAMES):
        notes.add(f"{where}.name", "A name is a lower-case word such as api_key, and none that a form has already.")
    return name


def _twice(names: Iterable[str]) -> list[str]:
    seen, found = set[str](), []
    for name in names:
        if name in seen and name not in found:
            found.append(name)
        seen.add(name)
    return found
