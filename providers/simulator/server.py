"""Dispatch by Host and path, faults on top, and the control API; an ASGI application around a plain function."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeVar
from urllib.parse import parse_qsl

from providers.ecb import HOST as ECB_HOST
from providers.simulator.rates import rates_file
from providers.simulator.sign_in import Desk, Dialect
from providers.simulator.world import Profile, SimAccount, TopUp, World, account_name

Fault = Literal[
    "401",
    "403",
    "409",
    "429",
    "500",
    "timeout",
    "slow",
    "truncated",
    "shape",
    "huge",
    "redirect",
    "duplicate",
    "html",
    "lost",
    "crash",
]
RETRY_AFTER_SECONDS = 30
SLOW_SECONDS = 3.0
TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request as a part sees it. `token` is the key without its header's prefix; `account` stands behind it."""

    method: str
    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Any
    now: datetime
    token: str
    account: SimAccount

    def one(self, name: str, default: str = "") -> str:
        """The last value of a query parameter."""
        return next((value for key, value in reversed(self.query) if key == name), default)

    def many(self, name: str) -> list[str]:
        return [value for key, value in self.query if key == name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back. `document` is dumped as JSON unless `raw` is given."""

    status: int = 200
    document: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0

    def body(self) -> bytes:
        return self.raw if self.raw is not None else json.dumps(self.document).encode()


def number(value: Decimal) -> float:
    """A Decimal as a JSON number. Up to 15 digits a float is written back exactly as it was given."""
    return float(value)


Handler = Callable[[Call], Answer]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One provider's account API. `token_of` finds the key in the headers; `routes` maps (method, path pattern) to a
    handler, where a pattern's `{name}` matches one path segment and arrives as a query pair of that name. `refuse`
    answers a call whose key is unknown (the documented 401). `demo` are the values that connect the demo's account.
    `token_of_form` finds the secret in what is posted url-encoded, as to a token endpoint; `issuers` are token
    endpoints that need more than that: each takes the form that was sent, and faults do not reach them. `sign_in` says
    how people sign in there, and `sign_in_host` where."""

    slug: str
    hosts: frozenset[str]
    profile: Profile
    routes: Mapping[tuple[str, str], Handler]
    refuse: Callable[[int], Answer]
    demo: Mapping[str, str]
    token_of: Callable[[Mapping[str, str]], str] = lambda headers: headers.get("authorization", "").removeprefix(
        "Bearer "
    )
    token_of_form: Callable[[Mapping[str, str]], str] = lambda form: form.get("client_secret", "")
    issuers: Mapping[tuple[str, str], Callable[[Mapping[str, str]], Answer]] = field(default_factory=dict)
    sign_in: Dialect | None = None
    sign_in_host: str = ""


class Simulator:
    """The whole server as one function: `answer(method, host, target, headers, body, now)`."""

    def __init__(self, parts: tuple[Part, ...], world: World | None = None) -> None:
        self.world = world or World()
        self.parts = {part.slug: part for part in parts}
        self.desks = {part.slug: Desk(part.sign_in) for part in parts if part.sign_in}
        self._by_host: dict[str, list[Part]] = {}
        for part in parts:
            for host in part.hosts:
                self._by_host.setdefault(host, []).append(part)
        self.faults: dict[tuple[str, str], Fault] = {}
        self.latency = 0.0
        self.calls: dict[tuple[str, str], int] = {}

    def answer(
        self, method: str, host: str, target: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Answer:
        """The reply to one call, delay included but not waited for."""
        path, _, query = target.partition("?")
        if path.startswith("/__simulator__/"):
            return self._control(method, path, body, now)
        if method == "GET" and host.lower() == ECB_HOST:
            rates = rates_file(path, now)
            return Answer(status=404, delay=self.latency) if rates is None else Answer(raw=rates, delay=self.latency)
        sharing = self._by_host.get(host.lower())
        at_desk = self._at_desk(method, host.lower(), path, f"{query}&{body.decode()}" if query else body.decode(), now)
        if at_desk is not None:
            return replace(at_desk, delay=self.latency)
        if not sharing:
            return Answer(status=421, document={"error": "no simulated provider has this host"})
        for one in sharing:
            issuing = _match(one.issuers, method, path)
            if issuing is not None:
                return replace(issuing[0](dict(parse_qsl(body.decode()))), delay=self.latency)
        part = _part_of(sharing, method, path, headers)
        form = _form(headers, body)
        token = part.token_of(headers) if form is None else part.token_of_form(form)
        name = account_name(token)
        desk = self.desks.get(part.slug)
        if name is None or (desk is not None and desk.is_dead(token, now)):
            return replace(part.refuse(401), delay=self.latency)
        self.calls[(part.slug, name)] = self.calls.get((part.slug, name), 0) + 1
        matched = _match(part.routes, method, path)
        if matched is None:
            return Answer(status=404, document={"error": {"message": "no such path", "code": 404}}, delay=self.latency)
        handler, captured = matched
        call = Call(
            method=method,
            host=host.lower(),
            path=path,
            query=(*parse_qsl(query, keep_blank_values=True), *captured),
            headers=headers,
            body=form if form is not None else json.loads(body) if body else None,
            now=now,
            token=token,
            account=self.world.account(part.profile, name),
        )
        fault = self.faults.get((part.slug, name))
        untouched = ("401", "403", "409", "429", "500", "timeout", "html")
        answer = handler(call) if fault not in untouched else Answer()
        return self._spoil(fault, part, answer)

    def _at_desk(self, method: str, host: str, path: str, told: str, now: datetime) -> Answer | None:
        """The answer of a sign-in desk, None where the call is for another door."""
        for slug, desk in self.desks.items():
            found = (
                desk.answer(method, path, dict(parse_qsl(told)), now) if self.parts[slug].sign_in_host == host else None
            )
            if found is not None:
                status, document, address = found
                return Answer(status=status, document=document, headers={"Location": address} if address else {})
        return None

    def _spoil(self, fault: Fault | None, part: Part, answer: Answer) -> Answer:
        delayed = replace(answer, delay=self.latency)
        match fault:
            case None:
                return delayed
            case "401" | "403":
                return replace(part.refuse(int(fault)), delay=self.latency)
            case "429":
                return Answer(
                    status=429,
                    document={"error": {"message": "slow down"}},
                    headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
                )
            case "409":
                return Answer(status=409, document={"error": {"message": "conflict"}})
            case "crash":  # it was done, and then the provider stumbled
                return Answer(status=500, document={"error": {"message": "internal error"}})
            case "500":
                return Answer(status=500, document={"error": {"message": "internal error"}})
            case "html":
                return Answer(raw=b"<html><body>502 Bad Gateway</body></html>", headers={"Content-Type": "text/html"})
            case "timeout" | "lost":  # "lost" was done all the same
                return Answer(document={}, delay=TIMEOUT_SECONDS)
            case "slow":
                return replace(answer, delay=SLOW_SECONDS)
            case "truncated":
                return Answer(status=answer.status, raw=answer.body()[: max(1, len(answer.body()) // 2)])
            case "shape":
                return Answer(document={"unexpected": ["a changed shape"]})
            case "huge":
                return Answer(raw=b'{"padding":"' + b"x" * (17 * 1024 * 1024) + b'"}')
            case "redirect":
                return Answer(status=302, headers={"Location": "https://elsewhere.example/steal"}, document={})
            case "duplicate":
                return replace(delayed, document=_duplicated(answer.document))

    def _control(self, method: str, path: str, body: bytes, now: datetime) -> Answer:
        """POST /__simulator__/{fault|topup|latency|sign-in} with JSON; GET /__simulator__/ledger/{slug}/{account}."""
        action, *rest = path.removeprefix("/__simulator__/").split("/")
        wanted = json.loads(body) if body else {}
        if method == "GET" and action == "ledger":
            return self._ledger(*rest, now=now)
        if method == "POST" and action == "latency":
            self.latency = float(wanted["seconds"])
            return Answer(document={"ok": True})
        if method == "POST" and action == "fault":
            place = (wanted["slug"], wanted["account"])
            if wanted["fault"]:
                self.faults[place] = wanted["fault"]
            else:
                self.faults.pop(place, None)
            return Answer(document={"ok": True})
        if method == "POST" and action == "topup":
            account = self.world.account(self.parts[wanted["slug"]].profile, wanted["account"])
            account.moves.topups.append(TopUp(at=now, amount=Decimal(wanted["amount"])))
            return Answer(document={"balance": str(account.balance(now))})
        if method == "POST" and action == "sign-in":
            self.desks[wanted["slug"]].approve(
                wanted["user_code"], wanted.get("account", "harbor"), wanted.get("answer", "approved")
            )
            return Answer(document={"ok": True})
        return Answer(status=404, document={"error": "unknown control path"})

    def _ledger(self, slug: str, name: str, *, now: datetime) -> Answer:
        account = self.world.account(self.parts[slug].profile, name)
        days = [now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=back) for back in range(90)]
        return Answer(
            document={
                "unit": account.profile.unit,
                "balance": str(account.balance(now)),
                "days": {
                    day.date().isoformat(): str(account.spent(day, min(day + timedelta(days=1), now))) for day in days
                },
            }
        )


def _form(headers: Mapping[str, str], body: bytes) -> dict[str, str] | None:
    """What was posted url-encoded, None for any other body."""
    if headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return None
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def _part_of(sharing: list[Part], method: str, path: str, headers: Mapping[str, str]) -> Part:
    """Which of the parts of a host answers: one that has the path, best one whose demo has such a kind of key."""
    fitting = [part for part in sharing if _match(part.routes, method, path)] or sharing

    def has_such_keys(part: Part) -> bool:
        kind = part.token_of(headers).partition("sim-")[0]
        return any(value.startswith(f"{kind}sim-") for value in part.demo.values())

    return next(filter(has_such_keys, fitting), fitting[0])


def _match(routes: Mapping[tuple[str, str], T], method: str, path: str) -> tuple[T, tuple[tuple[str, str], ...]] | None:
    direct = routes.get((method, path))
    if direct is not None:
        return direct, ()
    segments = path.split("/")
    for (wanted_method, pattern), handler in routes.items():
        wanted = pattern.split("/")
        if wanted_method != method or len(wanted) != len(segments) or "{" not in pattern:
            continue
        pairs = list(zip(wanted, segments, strict=True))
        if all(want == got or (want.startswith("{") and got) for want, got in pairs):
            return handler, tuple((want[1:-1], got) for want, got in pairs if want.startswith("{"))
    return None


def _duplicated(document: Any) -> Any:
    """The same answer with the rows of its first list sent twice: what a provider's paging fault looks like."""
    if isinstance(document, dict):
        for name, value in document.items():
            if isinstance(value, list) and value:
                return {**document, name: value + value}
            if isinstance(value, dict):
                inner = _duplicated(value)
                if inner is not value:
                    return {**document, name: inner}
    if isinstance(document, list):
        return document + document
    return document


Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """ASGI around a Simulator. Delays are waited for here, without blocking other calls."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: SendEvent) -> None:
        if scope["type"] != "http":
            return
        body = bytearray()
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        target = scope["path"] + ("?" + scope["query_string"].decode() if scope["query_string"] else "")
        answer = self.simulator.answer(
            scope["method"], headers.get("host", ""), target, headers, bytes(body), datetime.now(UTC)
        )
        if answer.delay:
            await asyncio.sleep(answer.delay)
        content = {"content-type": "application/json", **{k.lower(): v for k, v in answer.headers.items()}}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [(name.encode(), value.encode()) for name, value in content.items()],
            }
        )
        await send({"type": "http.response.body", "body": answer.body()})
