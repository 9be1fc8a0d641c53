"""What the registry says about each provider, arranged for people: one entry feeds providers page and README."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from providers.spec import (
    CAPABILITIES,
    AuthKind,
    BaseUrl,
    Capability,
    Confidence,
    Endpoint,
    Field,
    NotOffered,
    Provider,
    WireProtocol,
)

Status = Confidence | Literal["not_offered"]
AUTH_KINDS: tuple[AuthKind, ...] = (
    "bearer_key",
    "named_header",
    "service_account",
    "client_credentials",
    "signed_requests",
    "oauth_app",
    "none",
)


@dataclass(frozen=True, slots=True)
class Link:
    """A piece of a source: words, or an address (`url`) with its words."""

    words: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One capability. `interval` and `history` are None where it is not offered; a history of nought is the present
    alone. `reason` and `fallback` are empty where it is offered."""

    capability: Capability
    status: Status
    interval: timedelta | None = None
    history: timedelta | None = None
    source: tuple[Link, ...] = ()
    needs: tuple[tuple[str, ...], ...] = ()  # labels of the fields that it cannot do without; one of each is enough
    reason: str = ""
    fallback: str = ""
    estimated: str = ""  # which of its figures the provider only estimates

    @property
    def offered(self) -> bool:
        return self.status != "not_offered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One provider. `protocols` begins with the one that its addresses speak first."""

    slug: str
    name: str
    summary: str
    told: tuple[Told, ...]
    auth: tuple[AuthKind, ...]
    protocols: tuple[WireProtocol, ...]
    streaming: bool
    tool_use: bool
    self_hosted: bool
    base_urls: tuple[BaseUrl, ...]
    fields: tuple[Field, ...]
    checked: date
    docs_url: str
    console_url: str

    @property
    def tells(self) -> frozenset[str]:
        """Names of what is offered, however sure that is."""
        return frozenset(one.capability for one in self.told if one.offered)


def entry_of(provider: Provider) -> Entry:
    """A provider's declaration as the page and the README print it."""
    return Entry(
        slug=provider.slug,
        name=provider.name,
        summary=provider.summary,
        told=tuple(_told(provider, capability) for capability in CAPABILITIES),
        auth=auth_kinds(provider),
        protocols=(provider.wire_protocol, *provider.also_protocols),
        streaming=provider.streaming,
        tool_use=provider.tool_use,
        self_hosted=provider.self_hosted,
        base_urls=provider.base_urls,
        fields=provider.fields,
        checked=provider.checked,
        docs_url=provider.docs_url,
        console_url=provider.console_url,
    )


def catalog(providers: Mapping[str, Provider]) -> list[Entry]:
    """An entry for each provider, by name."""
    return sorted((entry_of(provider) for provider in providers.values()), key=lambda entry: entry.name.lower())


def _told(provider: Provider, capability: Capability) -> Told:
    endpoint = provider.endpoint(capability)
    if isinstance(endpoint, NotOffered):
        return Told(capability=capability, status="not_offered", reason=endpoint.reason, fallback=endpoint.fallback)
    return Told(
        capability=capability,
        status=endpoint.confidence,
        interval=endpoint.interval,
        history=endpoint.history,
        source=tuple(links(endpoint.source)),
        needs=_needs(provider, endpoint),
        estimated=endpoint.estimated,
    )


def _needs(provider: Provider, endpoint: Endpoint) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(provider.field(name).label for name in need.split("|")) for need in endpoint.needs)


def auth_kinds(provider: Provider) -> tuple[AuthKind, ...]:
    """The ways in that a provider knows, in the order of AUTH_KINDS; "none" where a server of one's own may ask for
    nothing at all."""
    found: set[AuthKind] = {authorizer.kind for authorizer in provider.authorizers}
    within = {name for authorizer in provider.authorizers for name in authorizer.needs}
    secrets = [field for field in provider.fields if field.secret]
    for field in secrets:
        if field.name not in within:  # those never travel themselves
            bearer = field.header == "Authorization" and field.prefix == "Bearer "
            found.add("bearer_key" if bearer else "named_header")
    if provider.self_hosted and not any(field.required for field in secrets):
        found.add("none")
    return tuple(kind for kind in AUTH_KINDS if kind in found)


_ADDRESS = re.compile(r"https?://[^\s;,]+")


def links(source: str) -> Iterator[Link]:
    """The words and the addresses of a source, in their order."""
    at = 0
    for found in _ADDRESS.finditer(source):
        # A bracket or a full stop at the end belongs to the sentence.
        url = found[0].rstrip(".:")
        if url.endswith(")") and "(" not in url:
            url = url[:-1]
        if found.start() > at:
            yield Link(source[at : found.start()])
        yield Link(url.split("://", 1)[1].rstrip("/"), url)
        at = found.start() + len(url)
    if at < len(source):
        yield Link(source[at:])


# --- The README -------------------------------------------------------------------------------------------------

_AUTH_WORDS: Mapping[AuthKind, str] = {
    "bearer_key": "bearer key",
    "named_header": "key in a named header",
    "service_account": "service account",
    "client_credentials": "client credentials",
    "signed_requests": "signed requests",
    "oauth_app": "OAuth app",
    "none": "no key, on a server of your own",
}


def readme_tables(entries: Iterable[Entry]) -> str:
    """The two tables of the README in Markdown: what each provider tells, and how it is reached."""
    entries = list(entries)
    told = _table(
        ("provider", *CAPABILITIES, "checked"),
        (
            (entry.name, *(one.status.replace("_", " ") for one in entry.told), entry.checked.isoformat())
            for entry in entries
        ),
    )
    reached = _table(
        ("provider", "proves itself by", "speaks", "streaming", "tool use", "base URLs", "read every"),
        (
            (
                entry.name,
                ", ".join(_AUTH_WORDS[kind] for kind in entry.auth),
                ", ".join(entry.protocols),
                _yes(entry.streaming),
                _yes(entry.tool_use),
                "<br>".join(map(_address, entry.base_urls)),
                "<br>".join(_paced(one) for one in entry.told if one.offered),
            )
            for entry in entries
        ),
    )
    summary = "<summary>How each one is reached: keys, protocols, addresses, intervals</summary>"
    return f"{told}\n\n<details>\n{summary}\n\n{reached}\n\n</details>"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _address(base: BaseUrl) -> str:
    notes = [base.label] if base.label else []
    notes += ["backup"] if base.backup else []
    notes += [f"{base.use} only"] if base.use != "both" else []
    return f"`{base.url}` ({', '.join(notes)})" if notes else f"`{base.url}`"


def _paced(one: Told) -> str:
    back = f", {_span(one.history)} back" if one.history else ""
    return f"{one.capability}: {_span(one.interval) if one.interval else ''}{back}"


def _span(length: timedelta) -> str:
    """The largest unit that measures it whole: "5 min", "6 h", "90 d"."""
    for unit, size in (("d", timedelta(days=1)), ("h", timedelta(hours=1))):
        if length % size == timedelta(0):
            return f"{length // size} {unit}"
    return f"{length // timedelta(minutes=1)} min"


BEGIN, END = "<!-- providers: written by `manage.py providers_table --write` -->", "<!-- /providers -->"


def readme_with(text: str, tables: str) -> str:
    """The README with these tables between its two marks. Raises ValueError when the marks are not there once each."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError("the marks of the providers' tables are missing, or there twice")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{rest.split(END)[1]}"
