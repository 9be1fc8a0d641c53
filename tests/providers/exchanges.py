"""A planned conversation with a provider: the test transport answers what was planned and raises on anything else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers import auth
from providers.collect import CapabilityNotOffered, Credentials, Outgoing, check, collect
from providers.errors import ProviderError
from providers.records import as_json
from providers.registry import PROVIDERS
from providers.spec import Provider, Window
from providers.transport import Transport

PAYLOADS = Path(__file__).parent / "payloads"

# A call for a token needs no plan, unless the next planned exchange is one.
TOKEN_HOSTS = ("oauth2.googleapis.com", "login.microsoftonline.com")


TOKEN = {"access_token": "made-up-token", "expires_in": 3599, "token_type": "Bearer"}


def token(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=TOKEN)


@lru_cache(maxsize=1)
def throw_away_key() -> str:
    """A private key made for this run, as it stands within the JSON of a key file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return json.dumps(key.private_bytes(*form).decode())[1:-1]


def key_file(email: str) -> str:
    """A key file as Google's service accounts have them."""
    shape = '{"type": "service_account", "project_id": "acme-ai", "client_email": "%s", "private_key": "%s"}'
    return shape % (email, throw_away_key())


@dataclass
class Case:
    """One payload file: fields, window and the exchanges in order."""

    path: Path
    document: dict[str, Any]

    @cached_property
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
        values = self.document["fields"].items()
        return Credentials(values={name: value.replace("THROW-AWAY-KEY", throw_away_key()) for name, value in values})

    def run(self, exchanges: list[dict[str, Any]] | None = None) -> tuple[dict[str, Any], "PlannedWire"]:
        """(outcome as JSON, what was sent) of reading this capability against its exchanges, or others."""
        wire = PlannedWire(exchanges or self.document["exchanges"])
        transport = Transport(wire=wire, pause=lambda seconds: None)
        return outcome(self.provider, self.capability, self.credentials, self.window, transport.send), wire


def outcome(provider: Provider, capability: str, credentials: Credentials, window: Window, send: Any) -> dict[str, Any]:
    """What came of a reading, in the shape of the expected files."""
    forget_tokens()
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


def forget_tokens() -> None:
    """Each conversation begins without a token, so that it holds the call that fetches one."""
    auth._tokens = auth._Tokens()


@dataclass
class PlannedWire:
    """Answers the planned exchanges in order; an unplanned, misordered or differing request fails the test."""

    exchanges: list[dict[str, Any]]
    sent: list[httpx.Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        forget_tokens()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        planned = self.exchanges[len(self.sent)]["request"]["url"] if len(self.sent) < len(self.exchanges) else ""
        if request.url.host in TOKEN_HOSTS and str(request.url) != planned:
            return token(request)
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
