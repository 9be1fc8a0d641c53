"""Trying a description before it is saved: real calls with a key that is kept nowhere, and what was found in them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from providers.collect import CapabilityNotOffered, Credentials, check, collect
from providers.errors import ProviderError, Retryable
from providers.records import as_json
from providers.spec import Outgoing, Provider, Reply, Window
from providers.transport import Transport

CHECK = "check"
MOST_CALLS = 20
MOST_SECONDS = 25.0
CALL_SECONDS = 15.0
SHOWN_ANSWERS, SHOWN_RECORDS, SHOWN_CHARACTERS = 3, 20, 20_000
SHORTEST_SECRET = 8  # shorter ones are no keys: blotting them out would tear holes into every figure
SPAN = timedelta(days=1)  # of usage and cost, so that a trial takes few pages

Send = Callable[[Outgoing], Reply]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it came: the path that was asked for, and the text, indented, cut, without the trial's secrets."""

    path: str
    status: int
    text: str
    cut: bool


@dataclass(slots=True, kw_only=True)
class Trial:
    """What came of it: `records` are lists of (field, value or None for what the answer does not say)."""

    capability: str
    records: list[list[tuple[str, Any]]] = field(default_factory=list)
    more: int = 0
    partial: tuple[str, ...] = ()
    error: str = ""
    answers: list[Answer] = field(default_factory=list)


def described_try(
    *, provider: Provider, capability: str, values: Mapping[str, str], now: datetime, clock: Clock
) -> Trial:
    """Read one capability (or CHECK) once, bounded in calls and time. Nothing is stored. `clock` counts seconds, from
    whenever."""
    trial = Trial(capability=capability)
    keys = Credentials(values=values)
    hidden = [
        value for one in provider.fields if one.secret and len(value := values.get(one.name, "")) >= SHORTEST_SECRET
    ]
    reach = Transport(reach="private" if provider.self_hosted else "public", total_seconds=CALL_SECONDS)
    recorded = _recording(trial, reach.send, hidden, clock)
    window = Window(start=now - SPAN, end=now, now=now)
    try:
        if capability == CHECK:
            found: list[Any] = [check(provider, keys, window, recorded)]
        else:
            collected = collect(provider, capability, keys, window, recorded)
            found, trial.partial = list(collected.records), collected.partial
    except ProviderError as error:
        trial.error = error.message
        return trial
    except CapabilityNotOffered as absent:
        trial.error = str(absent)
        return trial
    trial.records = [_row(record, hidden) for record in found[:SHOWN_RECORDS]]
    trial.more = max(0, len(found) - SHOWN_RECORDS)
    return trial


def _recording(trial: Trial, send: Send, hidden: list[str], clock: Clock) -> Send:
    calls, ends = 0, clock() + MOST_SECONDS

    def recorded(outgoing: Outgoing) -> Reply:
        nonlocal calls
        calls += 1
        if calls > MOST_CALLS or clock() > ends:
            raise Retryable(_("A trial ends after %(calls)d calls or half a minute.") % {"calls": MOST_CALLS})
        reply = send(outgoing)
        if len(trial.answers) < SHOWN_ANSWERS:
            trial.answers.append(_answer(outgoing, reply, hidden))
        return reply

    return recorded


def _answer(outgoing: Outgoing, reply: Reply, hidden: list[str]) -> Answer:
    kind = reply.headers.get("content-type", "").split(";")[0][:60]
    text = reply.body.decode("utf-8", errors="replace")
    try:
        reply.json()
        shown = indented(blotted(text, hidden), SHOWN_CHARACTERS + 1)
    except ProviderError:  # a page of a proxy, a login form: nothing that helps, and nothing to carry over
        shown = _("No JSON: %(kind)s, %(count)d bytes.") % {"kind": kind or _("untold"), "count": len(reply.body)}
    path = urlsplit(outgoing.url).path or "/"
    cut = len(shown) > SHOWN_CHARACTERS
    return Answer(path=blotted(path, hidden), status=reply.status, text=shown[:SHOWN_CHARACTERS], cut=cut)


def _row(record: Any, hidden: list[str]) -> list[tuple[str, Any]]:
    told = as_json(record)
    return [
        (name, blotted(value, hidden) if isinstance(value, str) else value)
        for name, value in told.items()
        if name != "type" and value not in ((), [], {})
    ]


def blotted(text: str, hidden: list[str]) -> str:
    """The text without these secrets: a server may echo what it was sent."""
    for secret in hidden:
        text = text.replace(secret, "•••")
        text = text.replace(json.dumps(secret)[1:-1], "•••")  # as JSON spells it
    return text


def indented(text: str, most: int) -> str:
    """JSON with its lines broken and nothing else changed: no figure passes through a float on its way to the page."""
    out: list[str] = []
    depth, quoted, escaped, size = 0, False, False, 0
    for letter in text:
        if size > most:
            break
        if quoted:
            piece = letter
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter.isspace():
            continue
        elif letter in "{[":
            depth += 1
            piece = f"{letter}\n{'  ' * min(depth, 20)}"
        elif letter in "}]":
            depth -= 1
            piece = f"\n{'  ' * min(depth, 20)}{letter}"
        else:
            quoted = letter == '"'
            piece = {",": f",\n{'  ' * min(depth, 20)}", ":": ": "}.get(letter, letter)
        out.append(piece)
        size += len(piece)
    return "".join(out)
