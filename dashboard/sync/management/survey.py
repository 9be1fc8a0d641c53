"""Every provider read once, nothing stored: what `manage.py probe --all` prints."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dashboard.credentials.selectors import environment_values
from providers.collect import CapabilityNotOffered, Collected, Credentials, Send, collect
from providers.errors import ActionNeeded, ProviderError, Retryable
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.simulator.replay import replay
from providers.spec import Endpoint, NotOffered, Outgoing, Provider, Reply, Window
from providers.transport import Transport

DEFAULT_SPAN = timedelta(days=30)
WORDS = {
    "not_offered": "not offered",
    "not_set_up": "not set up",
    "not_available": "not available",
    "offline": "offline",
    "action_needed": "REFUSED",
    "retryable": "NO ANSWER",
    "payload_error": "NOT UNDERSTOOD",
    "crashed": "CRASHED",
}
FAILED = frozenset({"action_needed", "retryable", "payload_error", "crashed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One capability of one provider: how it went ("ok" or a key of WORDS), and what it took. `message` is in our own
    words, never the remote's."""

    capability: str
    status: str
    message: str = ""
    records: int = 0
    calls: int = 0
    milliseconds: int = 0
    partial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    provider: Provider
    cells: tuple[Cell, ...]

    @property
    def failed(self) -> bool:
        return any(cell.status in FAILED for cell in self.cells)


def span_start(endpoint: Endpoint | NotOffered, end: datetime) -> datetime:
    """A month back, or as far as the provider keeps anything."""
    history = endpoint.history if isinstance(endpoint, Endpoint) and endpoint.history else DEFAULT_SPAN
    return end - min(history, DEFAULT_SPAN)


def environment_survey(capabilities: Sequence[str], now: datetime, via: str | None) -> Iterator[Line]:
    """Every provider of which the environment holds a key."""
    for provider in PROVIDERS.values():
        values = environment_values(provider)
        if any(field.secret and field.name in values for field in provider.fields):
            transport = Transport(reach="private" if provider.self_hosted else "public", via=via)
            yield _line(provider, capabilities, Credentials(values=values), transport.send, now)


def simulator_survey(capabilities: Sequence[str], now: datetime) -> Iterator[Line]:
    """Every provider, as the built-in simulator plays it, with the values of the demo."""
    for part in PARTS:
        with replay(part.slug) as (send, travel):
            travel(now)
            yield _line(PROVIDERS[part.slug], capabilities, Credentials(values=part.demo), send, now)


def _line(provider: Provider, capabilities: Sequence[str], credentials: Credentials, send: Send, now: datetime) -> Line:
    cells = (_cell(provider, capability, credentials, send, now) for capability in capabilities)
    return Line(provider=provider, cells=tuple(cells))


def _cell(provider: Provider, capability: str, credentials: Credentials, send: Send, now: datetime) -> Cell:
    calls, began = 0, time.monotonic()

    def counted(outgoing: Outgoing) -> Reply:
        nonlocal calls
        calls += 1
        return send(outgoing)

    window = Window(start=span_start(provider.endpoint(capability), now), end=now, now=now)
    status, message, found = _read(provider, capability, credentials, window, counted)
    return Cell(
        capability=capability,
        status=status,
        message=message,
        records=len(found.records) if found else 0,
        calls=calls,
        milliseconds=round((time.monotonic() - began) * 1000),
        partial=bool(found and found.partial),
    )


def _read(
    provider: Provider, capability: str, credentials: Credentials, window: Window, send: Send
) -> tuple[str, str, Collected | None]:
    """(status, message, what came). What a key was not given for is no failure of it."""
    try:
        found = collect(provider, capability, credentials, window, send)
    except CapabilityNotOffered as absent:
        return "not_offered", absent.declared.reason, None
    except ActionNeeded as error:
        return "not_set_up" if error.code == "missing_field" else error.kind, error.message, None
    except Retryable as error:
        asleep = error.unreachable and provider.sleeps(credentials.account(provider))
        return "offline" if asleep else error.kind, error.message, None
    except ProviderError as error:
        return error.kind, error.message, None
    except Exception as error:
        # Its own words may quote what was sent.
        return "crashed", f"Purser stumbled: {type(error).__name__}.", None
    return "ok", " ".join(found.partial), found


def table(lines: Iterable[Line], capabilities: Sequence[str]) -> str:
    """Provider x capability as text, and below it what each failure and each part reading said."""
    lines = list(lines)
    rows = [("", *capabilities), *((line.provider.slug, *map(_text, line.cells)) for line in lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    told = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    notes = [
        f"{line.provider.slug} {cell.capability}: {cell.message}"
        for line in lines
        for cell in line.cells
        if cell.status in FAILED or cell.status in ("not_set_up", "offline") or cell.partial
    ]
    cells = [cell for line in lines for cell in line.cells]
    read, failed = (sum(cell.status == "ok" for cell in cells), sum(cell.status in FAILED for cell in cells))
    summary = f"{len(lines)} providers: {read} read, {failed} failed. Cells: records / calls / time; * in part."
    return "\n".join([*told, "", *notes, *([""] if notes else []), summary])


def _text(cell: Cell) -> str:
    if cell.status != "ok":
        return WORDS[cell.status]
    return f"{cell.records}{'*' if cell.partial else ''} / {cell.calls} / {cell.milliseconds} ms"


def as_document(lines: Iterable[Line], now: datetime) -> dict[str, Any]:
    """The same for machines."""
    return {
        "now": now.isoformat().replace("+00:00", "Z"),
        "providers": [
            {
                "provider": line.provider.slug,
                "results": [
                    {
                        "capability": cell.capability,
                        "status": cell.status,
                        "message": cell.message or None,
                        "records": cell.records,
                        "calls": cell.calls,
                        "milliseconds": cell.milliseconds,
                        "partial": cell.partial,
                    }
                    for cell in line.cells
                ],
            }
            for line in lines
        ],
    }
