"""The only driver: runs an adapter's steps, sends what they ask for through `send`, and checks what comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import parsedate_to_datetime

from providers.auth import Authorizer
from providers.errors import ActionNeeded, PayloadError, ProviderError, error_for_status
from providers.fitness import distinct
from providers.records import Identity, Record
from providers.spec import (
    Account,
    Endpoint,
    NotOffered,
    Outgoing,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
    host_of,
)

MAX_CALLS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The values of a provider's fields, secret and open. Its repr shows no value. `signed_in` names the secrets that
    are access tokens of a sign-in."""

    values: Mapping[str, str] = field(repr=False)
    signed_in: frozenset[str] = frozenset()

    def account(self, provider: Provider) -> Account:
        """What the adapter gets to see: open values, and which secrets exist."""
        secret_names = {declared.name for declared in provider.fields if declared.secret}
        defaults = {declared.name: declared.default for declared in provider.fields if declared.default}
        given = {name: value for name, value in self.values.items() if value}
        return Account(
            settings={**defaults, **{name: value for name, value in given.items() if name not in secret_names}},
            secrets=frozenset(name for name in given if name in secret_names),
            labels={declared.name: declared.label for declared in provider.fields},
            signed_in=self.signed_in,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Records without duplicates, and the reasons why something may be missing. `told_at` is the provider's own clock,
    from the last answer that told it."""

    records: list[Record]
    partial: tuple[str, ...] = ()
    calls: int = 0
    told_at: datetime | None = None


class CapabilityNotOffered(Exception):
    """The provider does not have this capability at all."""

    def __init__(self, declared: NotOffered) -> None:
        super().__init__(declared.reason)
        self.declared = declared


Send = Callable[[Outgoing], Reply]


def collect(provider: Provider, capability: str, credentials: Credentials, window: Window, send: Send) -> Collected:
    """Read one capability of an account.

    Raises CapabilityNotOffered, or one of the four provider errors. Two records with one key collapse when they are
    identical; when they differ PayloadError is raised, because keeping either would lose money silently.
    """
    endpoint = provider.endpoint(capability)
    if isinstance(endpoint, NotOffered):
        raise CapabilityNotOffered(endpoint)
    account = credentials.account(provider)
    require_fields(provider, endpoint, account)
    return drive(provider, endpoint.steps(account, window), credentials, send, window.now)


def check(provider: Provider, credentials: Credentials, window: Window, send: Send) -> Identity:
    """Prove a credential by reads that cost nothing. Raises the same errors as `collect`."""
    account = credentials.account(provider)
    for declared in provider.fields:
        if declared.required and not account.has(declared.name):
            raise ActionNeeded(f"{declared.label} is missing.", code="missing_field", field=declared.name)
    found = drive(provider, provider.check.steps(account, window), credentials, send, window.now).records
    identity = found[0] if found else None
    if not isinstance(identity, Identity):
        raise PayloadError("The check came back without an identity.")
    return identity


def require_fields(provider: Provider, endpoint: Endpoint, account: Account) -> None:
    """Raise ActionNeeded (code missing_field) naming the first field that the endpoint cannot do without."""
    for need in endpoint.missing(account):
        name = need.split("|")[0]
        labels = " or ".join(provider.field(part).label for part in need.split("|"))
        raise ActionNeeded(f"This needs the field “{labels}”.", code="missing_field", field=name)


def drive(provider: Provider, steps: Steps, credentials: Credentials, send: Send, now: datetime) -> Collected:
    """Run steps to their end. A provider error is thrown into the steps first: an adapter may know a way on."""
    partial: list[str] = []
    calls = 0
    told_at: datetime | None = None
    try:
        item = next(steps)
        while True:
            if isinstance(item, Partial):
                partial.append(item.reason)
                item = next(steps)
                continue
            calls += 1
            if calls > MAX_CALLS:
                raise PayloadError(f"Gave up after {MAX_CALLS} calls for one reading.")
            try:
                reply = _call(provider, item, credentials, send, now)
            except ProviderError as error:
                item = steps.throw(error)
            else:
                told_at = _date_of(reply) or told_at
                item = steps.send(reply)
    except StopIteration as end:
        return Collected(records=distinct(end.value), partial=tuple(partial), calls=calls, told_at=told_at)


def prepare(provider: Provider, request: Request, credentials: Credentials) -> Outgoing:
    """Attach the secret that the request names, after making sure that its host was declared or typed by the admin."""
    host = _host_or_none(request.url)
    if host is None:
        raise ActionNeeded("The URL is not a plain http(s) address.")
    headers = [("Accept", "application/json"), *request.headers]
    if request.auth is not None and provider.authorizer(request.auth) is None:
        declared = provider.field(request.auth)
        secret = credentials.values.get(request.auth, "")
        if not secret:
            raise ActionNeeded(f"{declared.label} is missing.", code="missing_field", field=declared.name)
        if not _fits_header(secret):
            raise ActionNeeded(
                f"{declared.label} holds characters that no key has (a space, a line break or a non-Latin letter). "
                "Paste it again.",
                field=declared.name,
            )
        if host not in _allowed_hosts(provider, credentials, declared.hosts):
            raise ActionNeeded(f"{host} is not a host of {provider.name}: nothing was sent.", field=declared.name)
        headers.append((declared.header, f"{declared.prefix}{secret}"))
    return Outgoing(
        method=request.method, url=request.url, params=request.params, headers=tuple(headers), json=request.json
    )


def _allowed_hosts(provider: Provider, credentials: Credentials, narrowed: tuple[str, ...]) -> frozenset[str]:
    typed = (
        _host_or_none(credentials.values[declared.name])
        for declared in provider.fields
        if declared.kind == "url" and credentials.values.get(declared.name)
    )
    return (frozenset(narrowed) if narrowed else provider.hosts) | frozenset(host for host in typed if host)


def _host_or_none(url: str) -> str | None:
    """The host, or None where an admin typed something that is no URL ("https://[x", a port of letters)."""
    try:
        return host_of(url) or None
    except ValueError:
        return None


def _fits_header(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and " " not in secret


def _authorized(
    provider: Provider, authorizer: Authorizer, request: Request, credentials: Credentials, send: Send, now: datetime
) -> Reply:
    """The call with the headers of an authorizer. A token that was kept and is refused is fetched anew, once."""
    for name in authorizer.needs:
        if not credentials.values.get(name):
            label = provider.field(name).label
            raise ActionNeeded(f"{label} is missing.", code="missing_field", field=name)
    plain = prepare(provider, request, credentials)
    host = host_of(plain.url)
    if host not in _allowed_hosts(provider, credentials, authorizer.hosts):
        raise ActionNeeded(f"{host} is not a host of {provider.name}: nothing was sent.", field=authorizer.needs[0])
    for last in (False, True):
        more = authorizer.headers(plain, credentials.values, now, send)
        reply = send(replace(plain, headers=(*plain.headers, *more)))
        if last or reply.status != 401 or not authorizer.forget(credentials.values):
            return reply
    raise AssertionError("unreachable")


def _call(provider: Provider, request: Request, credentials: Credentials, send: Send, now: datetime) -> Reply:
    authorizer = provider.authorizer(request.auth)
    if authorizer is not None:
        reply = _authorized(provider, authorizer, request, credentials, send, now)
    else:
        reply = send(prepare(provider, request, credentials))
    if 200 <= reply.status < 300:
        return reply
    explained = provider.explain(reply, request) if provider.explain else None
    raise explained or error_for_status(reply.status, reply.headers, host=host_of(request.url))


def _date_of(reply: Reply) -> datetime | None:
    """The `Date` header, when it is one."""
    try:
        told = parsedate_to_datetime(reply.headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    return told if told.tzinfo is not None else None
