"""A planned conversation with a provider: the test transport answers what was planned and raises on anything else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from providers.collect import CapabilityNotOffered, Credentials, Outgoing, check, collect
from providers.errors import ProviderError
from providers.records import as_json
from providers.registry import PROVIDERS
from providers.spec import Provider, Window
from providers.transport import Transport

PAYLOADS = Path(__file__).parent / "payloads"


@dataclass
class Case:
    """One payload file: fields, window and the exchanges in order."""

    path: Path
    document: dict[str, Any]

    @property
    def provider(self) -> Provider:
        return PROVIDERS[self.path.parent.name]

    @property
    def capability(self) -> str:
        return self.path.name.split(".")[0]

    @property
    def expected_path(self) -> Path:
        return self.path.with_name(self.path.name.removesuffix(".json") + ".expected.json")

    @property
    def window(self) -> Window:
        given = {name: datetime.fromisoformat(text) for name, text in self.document["window"].items()}
        return Window(start=given["start"], end=given["end"], now=given["now"])

    @property
    def credentials(self) -> Credentials:
        return Credentials(values=self.document["fields"])

    def run(self, document: dict[str, Any] | None = None) -> tuple[dict[str, Any], "PlannedWire"]:
        """(outcome as JSON, what was sent) of reading this capability against the exchanges."""
        wire = PlannedWire((document or self.document)["exchanges"])
        transport = Transport(wire=wire, pause=lambda seconds: None)
        return outcome(self.provider, self.capability, self.credentials, self.window, transport.send), wire


def outcome(provider: Provider, capability: str, credentials: Credentials, window: Window, send: Any) -> dict[str, Any]:
    """What came of a reading, in the shape of the expected files."""
    try:
        if capability == "check":
            return {"status": "ok", "partial": [], "records": [as_json(check(provider, credentials, window, send))]}
        found = collect(provider, capability, credentials, window, send)
    except CapabilityNotOffered as absent:
        return {"status": "not_offered", "message": absent.declared.reason}
    except ProviderError as error:
        told = {"status": error.kind, "message": error.message}
        for name in ("code", "field", "retry_after"):
            if getattr(error, name, None) is not None:
                told[name] = getattr(error, name)
        return told
    return {"status": "ok", "partial": list(found.partial), "records": [as_json(record) for record in found.records]}


@dataclass
class PlannedWire:
    """Answers the planned exchanges in order; an unplanned, misordered or differing request fails the test."""

    exchanges: list[dict[str, Any]]
    sent: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert len(self.sent) < len(self.exchanges), f"unplanned request: {request.method} {request.url}"
        exchange = self.exchanges[len(self.sent)]
        self.sent.append(request)
        wanted = exchange["request"]
        assert (request.method, str(request.url.copy_with(query=None))) == (wanted.get("method", "GET"), wanted["url"])
        assert [list(pair) for pair in request.url.params.multi_items()] == wanted.get("params", [])
        for name, value in wanted.get("headers", {}).items():
            assert request.headers.get(name) == value
        if "json" in wanted:
            assert json.loads(request.content) == wanted["json"]
        reply = exchange["reply"]
        if reply.get("timeout"):
            raise httpx.ReadTimeout("planned")
        content = reply["text"].encode() if "text" in reply else json.dumps(reply.get("json")).encode()
        return httpx.Response(reply.get("status", 200), headers=reply.get("headers", {}), content=content)


def cases() -> Iterator[Case]:
    for path in sorted(PAYLOADS.glob("*/*.json")):
        if not path.name.endswith(".expected.json"):
            yield Case(path=path, document=json.loads(path.read_text()))


def planned_send(replies: list[Any]) -> tuple[Any, list[Outgoing]]:
    """A bare `send` over ready replies, for tests of the driver alone."""
    sent: list[Outgoing] = []

    def send(outgoing: Outgoing) -> Any:
        sent.append(outgoing)
        return replies[len(sent) - 1]

    return send, sent
