"""Providers that people describe in a JSON document, without code: an ordinary `Provider` comes out.

The document is data: base URLs, paths, JMESPath, units. It cannot name a host outside of its base URLs, put a secret
anywhere but into the header that it declares, or run anything. What a described provider may do is less than what an
adapter may: only GETs, at most a hundred pages and 32 MiB for one reading.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, ClassVar

from providers.auth import Exchange, Headers, Values
from providers.described.calling import documents, metered
from providers.described.document import Description, read
from providers.described.matching import Budget, search
from providers.described.notes import Problem
from providers.described.reading import records_of
from providers.described.shape import HOLE, MOST_BYTES, TIMED
from providers.errors import ActionNeeded, PayloadError
from providers.records import Identity
from providers.spec import (
    CAPABILITIES,
    Account,
    AuthKind,
    BaseUrl,
    Capability,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Outgoing,
    Provider,
    Steps,
    Window,
    host_of,
)

__all__ = ["MOST_BYTES", "DocumentProblem", "Problem", "destinations", "problems", "provider_from", "unreadable"]

SOURCE = "The description that your organization keeps."
NOWHERE = "https://unreadable.invalid"


class DocumentProblem(ValueError):
    """A document that is no description; `problems` says where and why."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{one.path}: {one.words}" for one in problems[:3]))
        self.problems = list(problems)


def problems(document: Any) -> list[Problem]:
    """Everything that is wrong with a document, in words; empty when it describes a provider."""
    return read(document)[1]


def provider_from(document: Mapping[str, Any], *, slug: str = "own", checked: date = date.min) -> Provider:
    """The provider that a document describes. Raises DocumentProblem."""
    return _provider(json.dumps(document, sort_keys=True), slug, checked)


@lru_cache(maxsize=512)
def _provider(document: str, slug: str, checked: date) -> Provider:
    found, wrong = read(json.loads(document))
    if found is None:
        raise DocumentProblem(wrong)
    capabilities: dict[Capability, Endpoint | NotOffered] = {}
    for name in CAPABILITIES:
        capabilities[name] = _endpoint(found, name) if name in found.calls else found.absent[name]
    return Provider(
        slug=slug,
        name=found.name,
        summary=found.summary,
        docs_url=found.docs_url,
        console_url=found.console_url or found.docs_url,
        checked=checked,
        wire_protocol=found.wire_protocol,
        base_urls=found.bases,
        fields=found.fields,
        check=Check(steps=partial(_check, found), source=SOURCE),
        capabilities=capabilities,
        self_hosted=found.self_hosted,
        authorizers=_authorizers(found),
    )


def unreadable(*, slug: str, name: str) -> Provider:
    """What stands in for a description that is gone, or that this version cannot read: it tells nothing, and says
    so."""
    reason = "The description of this provider cannot be read."
    absent = NotOffered(reason=reason, fallback="Open it under Connect a provider, and mend it.")

    def steps(account: Account, window: Window) -> Steps:
        raise ActionNeeded(f"{reason} {absent.fallback}", code="blocked")
        yield

    return Provider(
        slug=slug,
        name=name,
        summary=reason,
        docs_url="",
        console_url="",
        checked=date.min,
        wire_protocol="OpenAICompatible",
        base_urls=(BaseUrl(url=NOWHERE),),
        fields=(),
        check=Check(steps=steps),
        capabilities=dict.fromkeys(CAPABILITIES, absent),
    )


def destinations(provider: Provider) -> dict[str, tuple[str, ...]]:
    """For each secret, everywhere that it may go and how it is carried. When that changes, a stored one must not be
    sent on."""
    origins = sorted({base.url.split("//")[0] + "//" + host_of(base.url) for base in provider.base_urls})
    paths = sorted(base.url for base in provider.base_urls)
    return {
        declared.name: (declared.header.lower(), declared.prefix, *origins, *paths)
        for declared in provider.fields
        if declared.secret
    }


# --- Secrets ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Together:
    """Several secrets, each in its own header of one request."""

    kind: ClassVar[AuthKind] = "named_header"
    name: str
    fields: tuple[Field, ...]
    hosts: tuple[str, ...]

    @property
    def needs(self) -> tuple[str, ...]:
        return tuple(declared.name for declared in self.fields)

    def headers(self, outgoing: Outgoing, values: Values, now: datetime, exchange: Exchange) -> Headers:
        for declared in self.fields:
            secret = values[declared.name]
            if not secret.isascii() or not secret.isprintable() or " " in secret:
                words = f"{declared.label} holds characters that no key has. Paste it again."
                raise ActionNeeded(words, field=declared.name)
        return tuple((declared.header, f"{declared.prefix}{values[declared.name]}") for declared in self.fields)

    def forget(self, values: Values) -> bool:
        return False


def _authorizers(found: Description) -> tuple[_Together, ...]:
    hosts = tuple(sorted(host_of(base.url) for base in found.bases))
    every = {call.secrets for call in (*found.calls.values(), *filter(None, [found.check])) if len(call.secrets) > 1}
    return tuple(
        _Together("+".join(names), tuple(field for field in found.fields if field.name in names), hosts)
        for names in sorted(every)
    )


# --- Capabilities ------------------------------------------------------------------------------------------------


def _endpoint(found: Description, name: Capability) -> Endpoint:
    call, polls = found.calls[name], found.polls[name]
    required = {declared.name for declared in found.fields if declared.required}
    holes = {hole for get in (call.get, *call.also.values()) for hole in HOLE.findall(get.url)}
    secrets = [secret for secret in call.secrets if secret in required or len(call.secrets) > 1]
    return Endpoint(
        steps=partial(_steps, found, name),
        interval=timedelta(seconds=polls["interval"]),
        needs=(*secrets, *sorted(holes)),
        confidence="unverified",
        source=SOURCE,
        history=timedelta(days=polls["history"]),
        chunk=timedelta(days=polls["chunk"] or 1),
    )


def _steps(found: Description, name: Capability, account: Account, window: Window) -> Steps:
    call, budget = found.calls[name], Budget()
    answers = yield from metered(documents(found, call, account, window, budget))
    return records_of(call, name, answers, window, budget)


def _check(found: Description, account: Account, window: Window) -> Steps:
    """The described check; without one, the first thing that can be read: it proves the key and the description."""
    kind = " + ".join(sorted(account.secrets)) or "no_key"
    if found.check is None:
        name = next((one for one in CAPABILITIES if one in found.calls and one not in TIMED), next(iter(found.calls)))
        if name in TIMED:
            window = Window(start=window.now - timedelta(hours=1), end=window.now, now=window.now)
        yield from _steps(found, name, account, window)
        return [Identity(key_kind=kind)]
    budget = Budget()
    document = (yield from metered(documents(found, found.check, account, window, budget)))[0]
    told: dict[str, str | None] = {}
    for name_of, expression in found.identity.items():
        value = None if expression is None else search(expression, document, budget)
        if expression is not None and (value is None or isinstance(value, bool | dict | list)):
            raise PayloadError(f"check.{name_of}: there is no text at that place of the answer.")
        told[name_of] = None if value is None else str(value)
    return [Identity(**told, key_kind=kind)]  # type: ignore[arg-type]
