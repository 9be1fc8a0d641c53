"""One suite over registry x payloads: every adapter keeps every rule, and a provider without payloads fails."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.auth import ENTRA
from providers.collect import Credentials, collect
from providers.errors import PayloadError, ProviderError, Retryable
from providers.fitness import problem
from providers.records import Balance, CostBucket, Identity, Quota, Record, UsageBucket
from providers.registry import PROVIDERS
from providers.simulator.parts import PARTS
from providers.spec import CAPABILITIES, Endpoint, NotOffered, Outgoing, Reply, Window, host_of
from providers.transport import Transport
from tests.providers.exchanges import TOKEN, TOKEN_HOSTS, Case, PlannedWire, cases, key_file, outcome, token

CASES = list(cases())
CASES_OF = {slug: [case for case in CASES if case.provider.slug == slug] for slug in PROVIDERS}
NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=7), end=NOW, now=NOW)
OFFERED = [
    (provider.slug, capability)
    for provider in PROVIDERS.values()
    for capability, endpoint in provider.capabilities.items()
    if isinstance(endpoint, Endpoint)
]


def case_id(case: Case) -> str:
    return f"{case.provider.slug}/{case.path.stem}"


@cache
def full_credentials(slug: str) -> Credentials:
    """Some value for every field, so that each endpoint has what it needs. Secrets are planted canaries."""
    values = {}
    for declared in PROVIDERS[slug].fields:
        if declared.kind == "json":
            values[declared.name] = key_file(f"canary-{declared.name}@acme-ai.iam.gserviceaccount.com")
        elif declared.secret:
            start = declared.starts_with[0] if declared.starts_with else ""
            values[declared.name] = f"{start}canary-{declared.name}-7f3a"
        elif declared.kind == "choice":
            values[declared.name] = declared.default or declared.choices[0][0]
        elif declared.kind == "url":
            values[declared.name] = declared.default or f"https://{sorted(PROVIDERS[slug].hosts)[0]}/configured"
        else:
            values[declared.name] = declared.default or "00000000-0000-4000-8000-000000000000"
    secrets = {declared.name for declared in PROVIDERS[slug].fields if declared.secret}
    for case in CASES_OF[slug]:  # settings that only make sense together come from the payloads
        values |= {name: value for name, value in case.document["fields"].items() if name not in secrets}
    return Credentials(values=values)


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_golden(case: Case) -> None:
    """And reading twice gives the same."""
    expected = json.loads(case.expected_path.read_text())
    for reading in ("first", "second"):
        told, wire = case.run()
        assert told == expected, f"{reading} reading"
        assert len(wire.sent) == len(case.document["exchanges"]), "a planned exchange was never asked for"


@pytest.mark.parametrize("slug", PROVIDERS)
def test_every_payload_says_where_it_comes_from(slug: str) -> None:
    said = re.compile(r"https?://|SDK|OpenAPI|source|repository")
    assert not [case_id(case) for case in CASES_OF[slug] if not said.search(case.document["_source"])]


@pytest.mark.parametrize("slug", PROVIDERS)
def test_every_offered_capability_has_payloads(slug: str) -> None:
    have = {case.capability for case in CASES_OF[slug]}
    offered = {capability for provider, capability in OFFERED if provider == slug}
    assert offered | {"check"} <= have


@pytest.mark.parametrize("slug", PROVIDERS)
def test_declaration_is_complete(slug: str) -> None:
    provider = PROVIDERS[slug]
    assert provider.slug == slug
    assert set(provider.capabilities) == set(CAPABILITIES)
    assert all(declared.help and declared.label for declared in provider.fields)
    for declared in provider.fields:
        if declared.secret:
            assert declared.url, f"{declared.name}: where does an admin get it?"
    for endpoint in provider.capabilities.values():
        if isinstance(endpoint, NotOffered):
            assert endpoint.reason.endswith(".")
            continue
        assert endpoint.interval >= timedelta(minutes=1)
        for need in endpoint.needs:
            assert all(provider.field(name) for name in need.split("|"))


@pytest.mark.parametrize("slug", PROVIDERS)
def test_simulated(slug: str) -> None:
    part = next(part for part in PARTS if part.slug == slug)
    assert part.hosts & PROVIDERS[slug].hosts


def removals(document: Any, path: str) -> Iterator[Any]:
    """The document with the field at `a.b[].c` removed, once for every place that the path names."""
    head, _, rest = path.partition(".")
    name, is_list = head.removesuffix("[]"), head.endswith("[]")
    if not rest and not is_list:
        assert name in document
        yield {other: part for other, part in document.items() if other != name}
        return
    if not is_list:
        for inner in removals(document[name], rest):
            yield {**document, name: inner}
        return
    items = document[name] if name else document
    for index, item in enumerate(items):
        for inner in removals(item, rest):
            changed = [*items[:index], inner, *items[index + 1 :]]
            yield {**document, name: changed} if name else changed


REQUIRED = [case for case in CASES if case.document.get("required")]


@pytest.mark.parametrize("case", REQUIRED, ids=case_id)
def test_missing_required_field_raises(case: Case) -> None:
    for place in case.document["required"]:
        number, path = place.split(":", 1)
        exchanges = list(case.document["exchanges"])
        exchange = exchanges[int(number)]
        changes = list(removals(exchange["reply"]["json"], path))
        assert changes, place
        for changed in changes:
            exchanges[int(number)] = {**exchange, "reply": {**exchange["reply"], "json": changed}}
            told, _ = case.run(exchanges)
            assert told["status"] == "payload_error", f"without {place}: {told}"


class Answering:
    """A wire that answers every call alike and remembers what was sent."""

    def __init__(self, make: Any) -> None:
        self.make = make
        self.sent: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host in TOKEN_HOSTS:
            return token(request)
        self.sent.append(request)
        return self.make()


TROUBLE = {
    "401": (lambda: httpx.Response(401, json={"error": {"message": "no"}}), {"action_needed"}),
    "403": (lambda: httpx.Response(403, json={"error": {"message": "no"}}), {"action_needed", "not_available"}),
    "429": (lambda: httpx.Response(429, headers={"Retry-After": "17"}, json={}), {"retryable"}),
    "500": (lambda: httpx.Response(500, text="oops"), {"retryable"}),
    "503": (lambda: httpx.Response(503, text="<html>busy</html>"), {"retryable"}),
    "html": (lambda: httpx.Response(200, text="<html>Sign in</html>"), {"retryable"}),
    "list": (lambda: httpx.Response(200, json=[1, 2]), {"payload_error"}),
    "string": (lambda: httpx.Response(200, json="x"), {"payload_error"}),
    "redirect": (lambda: httpx.Response(302, headers={"Location": "https://evil.example/"}), {"payload_error"}),
    "nan": (lambda: httpx.Response(200, text='{"data": NaN}'), {"payload_error"}),
    "deep": (lambda: httpx.Response(200, text="[" * 200_000), {"payload_error"}),
}


def raise_timeout() -> httpx.Response:
    raise httpx.ReadTimeout("planned")


TROUBLE["timeout"] = (raise_timeout, {"retryable"})


@pytest.mark.parametrize(("slug", "capability"), OFFERED)
def test_trouble_maps_to_the_table(slug: str, capability: str) -> None:
    for trouble, (make, allowed) in TROUBLE.items():
        wire = Answering(make)
        send = Transport(wire=wire, pause=lambda seconds: None).send
        told = outcome(PROVIDERS[slug], capability, full_credentials(slug), WINDOW, send)
        assert told["status"] in allowed, f"{trouble}: {told}"
        if trouble == "429":
            assert told["retry_after"] == 17
        assert wire.sent, f"{trouble}: nothing was asked"
        assert_nothing_leaks(slug, wire.sent, told)


def assert_nothing_leaks(slug: str, sent: list[httpx.Request], told: dict[str, Any]) -> None:
    secrets = [value for value in full_credentials(slug).values.values() if "canary" in value]
    for request in sent:
        assert not any(secret in str(request.url) for secret in secrets)
        if not str(request.url).startswith(ENTRA):  # a client secret is posted there, RFC 6749 section 2.3.1
            assert not any(secret in request.content.decode() for secret in secrets)
        assert host_of(str(request.url)) in PROVIDERS[slug].hosts
        assert request.url.scheme == "https"
    assert not any(secret in json.dumps(told) for secret in secrets)


def mutate(value: Any, chance: Random) -> Any:
    """A JSON document with a few places changed at random."""
    if isinstance(value, dict):
        return {name: mutate(part, chance) for name, part in value.items() if chance.random() > 0.03}
    if isinstance(value, list):
        return [mutate(part, chance) for part in value]
    return chance.choice(NONSENSE) if chance.random() < 0.06 else value


NONSENSE = [None, "", "x", "NaN", "Infinity", -1, 0, 10**30, 1.5, True, [], {}, "2026-13-45", "1e999999", "\x00"]


@pytest.mark.parametrize("slug", PROVIDERS)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(min_value=0, max_value=2**64))
def test_mutated_payloads_raise_only_our_errors(slug: str, seed: int) -> None:
    """Every example changes every payload of the provider in other places. The changes hang on one drawn number: to
    draw each of them would be beyond what Hypothesis keeps, and the payloads are small enough to be read unshrunk."""
    chance = Random(seed)
    for case in CASES_OF[slug]:
        if not all("json" in exchange["reply"] for exchange in case.document["exchanges"]):
            continue
        replies = iter([mutate(exchange["reply"]["json"], chance) for exchange in case.document["exchanges"]])

        def send(call: Outgoing, replies: Iterator[Any] = replies) -> Reply:
            answer = TOKEN if host_of(call.url) in TOKEN_HOSTS else next(replies, {})
            return Reply(status=200, headers={}, body=json.dumps(answer).encode())

        told = outcome(case.provider, case.capability, case.credentials, case.window, send)
        assert told["status"] in {"ok", "payload_error", "retryable", "action_needed", "not_available"}, case_id(case)


@pytest.mark.parametrize("slug", PROVIDERS)
def test_repeated_page_markers_end(slug: str) -> None:
    """An API that answers every call with the same page must not keep us for ever."""
    for case in CASES_OF[slug]:
        if case.capability == "check" or not case.document["exchanges"]:
            continue
        first = case.document["exchanges"][0]["reply"]
        if "json" not in first or first.get("status", 200) != 200:
            continue
        wire = Answering(lambda first=first: httpx.Response(200, text=json.dumps(first["json"])))
        send = Transport(wire=wire, pause=lambda seconds: None).send
        outcome(case.provider, case.capability, case.credentials, case.window, send)
        assert len(wire.sent) <= 600


@pytest.mark.parametrize("slug", PROVIDERS)
def test_records_are_fit_to_store(slug: str) -> None:
    for case in CASES_OF[slug]:
        if case.capability == "check":
            continue
        send = Transport(wire=PlannedWire(case.document["exchanges"]), pause=lambda seconds: None).send
        try:
            found = collect(case.provider, case.capability, case.credentials, case.window, send).records
        except ProviderError:
            continue
        keys = [(type(record), record.key) for record in found]
        assert len(keys) == len(set(keys)), case_id(case)
        for record in found:
            assert_fit(record)


def assert_fit(record: Record) -> None:
    assert problem(record) is None
    assert not isinstance(record, Identity)
    if isinstance(record, Balance | CostBucket):
        assert isinstance(record.amount, Decimal)
    if isinstance(record, Balance | CostBucket | Quota) or (
        isinstance(record, UsageBucket) and record.cost is not None
    ):
        assert record.unit


def test_errors_are_ours() -> None:
    assert issubclass(Retryable, ProviderError)
    assert issubclass(PayloadError, ProviderError)
