"""The driver: what an adapter's steps may ask for, where a secret may go, and what comes back."""

import json
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from providers.collect import (
    MAX_CALLS,
    CapabilityNotOffered,
    Credentials,
    Outgoing,
    check,
    collect,
    drive,
    prepare,
)
from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.records import Balance, CostBucket, Identity, Record
from providers.registry import PROVIDERS
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Partial,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)
from tests.providers.exchanges import planned_send

NOW = datetime(2026, 11, 20, 14, tzinfo=UTC)
WINDOW = Window(start=NOW - timedelta(days=7), end=NOW, now=NOW)
KEY = Credentials(values={"api_key": "sk-right"})
BASE = "https://api.example.com"
OK = Reply(status=200, headers={}, body=b"{}")
BALANCE = Balance(name="Credits", kind="prepaid", amount=Decimal(5), unit="USD")


def provider(steps: Callable[[Account, Window], Steps], **more: Any) -> Provider:
    """A provider with one key for api.example.com, an admin key for admin.example.com only, and a URL to type."""
    given = {
        "slug": "example",
        "name": "Example",
        "summary": "",
        "docs_url": "",
        "console_url": "",
        "checked": date(2026, 11, 20),
        "wire_protocol": "OpenAICompatible",
        "base_urls": (BaseUrl(url=f"{BASE}/v1"), BaseUrl(url="https://backup.example.com:8443/v1", backup=True)),
        "extra_hosts": ("admin.example.com",),
        "fields": (
            Field(name="api_key", label="API key", help="", secret=True, required=True),
            Field(
                name="admin_key",
                label="Admin key",
                help="",
                secret=True,
                header="X-Admin",
                prefix="",
                hosts=("admin.example.com",),
            ),
            Field(name="account_url", label="Account URL", help="", kind="url"),
            Field(name="team", label="Team", help="", default="main"),
        ),
        "check": Check(steps=steps),
        "capabilities": {
            "balance": Endpoint(steps=steps, interval=timedelta(minutes=5)),
            "keys": NotOffered(reason="There is no such list.", fallback="See the console."),
            "cost": Endpoint(steps=steps, interval=timedelta(hours=1), needs=("api_key", "admin_key|team_key")),
        },
        **more,
    }
    if "fields" not in more:
        given["fields"] += (Field(name="team_key", label="Team key", help="", secret=True),)
    return Provider(**given)  # type: ignore[arg-type]


def giving(*records: Record) -> Callable[[Account, Window], Steps]:
    def steps(account: Account, window: Window) -> Steps:
        yield Request(url=f"{BASE}/v1/things", auth="api_key")
        return records

    return steps


def asking(*requests: Request) -> Callable[[Account, Window], Steps]:
    def steps(account: Account, window: Window) -> Steps:
        for request in requests:  # noqa: UP028 (a tuple cannot be sent the replies)
            yield request
        return [BALANCE]

    return steps


def answering(*replies: Reply) -> Any:
    return planned_send(list(replies))


def nothing_may_be_sent(outgoing: Outgoing) -> Reply:
    return pytest.fail(f"sent to {outgoing.url}")


# --- Records -------------------------------------------------------------------------------------------------------


def test_identical_records_collapse_and_keep_their_order() -> None:
    other = replace(BALANCE, unit="CNY")
    send, _ = answering(OK)
    found = collect(provider(giving(BALANCE, other, replace(BALANCE), other)), "balance", KEY, WINDOW, send)
    assert found.records == [BALANCE, other]
    assert found.partial == ()
    assert found.calls == 1


def test_different_records_with_one_key_are_an_error_that_names_no_figure() -> None:
    send, _ = answering(OK)
    with pytest.raises(PayloadError) as caught:
        collect(provider(giving(BALANCE, replace(BALANCE, amount=Decimal("777.77")))), "balance", KEY, WINDOW, send)
    assert "777" not in str(caught.value)


def test_amounts_that_differ_only_in_their_notation_are_identical() -> None:
    send, _ = answering(OK)
    same = replace(BALANCE, amount=Decimal("5.00"))
    assert len(collect(provider(giving(BALANCE, same)), "balance", KEY, WINDOW, send).records) == 1


def test_two_kinds_of_record_may_share_a_key() -> None:
    identity = Identity(account_id="x")
    balance = replace(BALANCE, name="x")
    send, _ = answering(OK)
    assert len(collect(provider(giving(balance, identity)), "balance", KEY, WINDOW, send).records) == 2


@pytest.mark.parametrize("amount", [Decimal("NaN"), Decimal("1e30"), 1.5])
def test_a_record_that_is_unfit_is_an_error(amount: Any) -> None:
    send, _ = answering(OK)
    with pytest.raises(PayloadError, match="Balance: amount"):
        collect(provider(giving(replace(BALANCE, amount=amount))), "balance", KEY, WINDOW, send)


def test_records_may_come_lazily() -> None:
    def steps(account: Account, window: Window) -> Steps:
        reply = yield Request(url=f"{BASE}/v1", auth="api_key")
        return (replace(BALANCE, name=name) for name in reply.json())

    send, _ = answering(Reply(status=200, headers={}, body=b'["a", "b"]'))
    assert [row.key[0] for row in collect(provider(steps), "balance", KEY, WINDOW, send).records] == ["a", "b"]


# --- Steps ---------------------------------------------------------------------------------------------------------


def test_partial_reasons_are_gathered_in_order() -> None:
    def steps(account: Account, window: Window) -> Steps:
        yield Partial(reason="one")
        yield Request(url=f"{BASE}/v1", auth="api_key")
        yield Partial(reason="two")
        yield Partial(reason="three")
        return [BALANCE]

    send, sent = answering(OK)
    found = collect(provider(steps), "balance", KEY, WINDOW, send)
    assert found.partial == ("one", "two", "three")
    assert found.records == [BALANCE]
    assert found.calls == len(sent) == 1


@pytest.mark.parametrize(
    ("dates", "told"),
    [
        (["Fri, 20 Nov 2026 13:59:50 GMT"], datetime(2026, 11, 20, 13, 59, 50, tzinfo=UTC)),
        (
            ["Fri, 20 Nov 2026 13:00:00 GMT", "Fri, 20 Nov 2026 13:00:09 GMT"],
            datetime(2026, 11, 20, 13, 0, 9, tzinfo=UTC),
        ),
        (["Fri, 20 Nov 2026 13:00:00 GMT", ""], datetime(2026, 11, 20, 13, tzinfo=UTC)),
        (["yesterday"], None),
        (["Fri, 20 Nov 2026 13:00:00"], None),
        ([f"Fri, 20 Nov {'9' * 30} 13:00:00 GMT"], None),
        ([f"Fri, 20 Nov 2026 13:00:00 +{'9' * 30}"], None),
    ],
)
def test_the_providers_own_clock_is_told(dates: list[str], told: datetime | None) -> None:
    send, _ = answering(*(Reply(status=200, headers={"date": text}, body=b"{}") for text in dates))
    asked = provider(asking(*(Request(url=f"{BASE}/v1", auth="api_key") for _ in dates)))
    assert collect(asked, "balance", KEY, WINDOW, send).told_at == told


def test_steps_that_ask_nothing() -> None:
    def steps(account: Account, window: Window) -> Generator[Request | Partial, Reply, list[Record]]:
        return []
        yield

    found = collect(provider(steps), "balance", KEY, WINDOW, nothing_may_be_sent)
    assert (found.records, found.calls) == ([], 0)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_an_error_is_thrown_into_the_steps_which_may_know_a_way_on(status: int) -> None:
    seen: list[ProviderError] = []

    def steps(account: Account, window: Window) -> Steps:
        try:
            yield Request(url=f"{BASE}/v1", auth="api_key")
        except ProviderError as error:
            seen.append(error)
            yield Partial(reason="the first host failed")
            yield Request(url="https://backup.example.com:8443/v1", auth="api_key")
        return [BALANCE]

    send, sent = answering(Reply(status=status, headers={}, body=b""), OK)
    found = collect(provider(steps), "balance", KEY, WINDOW, send)
    assert [error.status for error in seen] == [status]
    assert [outgoing.url for outgoing in sent] == [f"{BASE}/v1", "https://backup.example.com:8443/v1"]
    assert (found.records, found.partial, found.calls) == ([BALANCE], ("the first host failed",), 2)


def test_an_error_of_the_transport_reaches_the_steps_too() -> None:
    seen: list[ProviderError] = []

    def steps(account: Account, window: Window) -> Steps:
        try:
            yield Request(url=f"{BASE}/v1", auth="api_key")
        except Retryable as error:
            seen.append(error)
        return [BALANCE]

    def send(outgoing: Outgoing) -> Reply:
        raise Retryable("unreachable", unreachable=True)

    assert collect(provider(steps), "balance", KEY, WINDOW, send).records == [BALANCE]
    assert [error.message for error in seen] == ["unreachable"]


def test_an_error_that_nobody_catches_comes_out() -> None:
    send, _ = answering(Reply(status=429, headers={"retry-after": "9"}, body=b"secret words"))
    with pytest.raises(Retryable) as caught:
        collect(provider(giving(BALANCE)), "balance", KEY, WINDOW, send)
    assert (caught.value.status, caught.value.retry_after) == (429, 9)
    assert "secret words" not in str(caught.value)


def test_a_fault_of_ours_is_not_dressed_up_as_the_providers() -> None:
    def send(outgoing: Outgoing) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        collect(provider(giving(BALANCE)), "balance", KEY, WINDOW, send)


def test_an_adapter_may_explain_a_status_better() -> None:
    def explain(reply: Reply, request: Request) -> ProviderError | None:
        return NotAvailable("Not on this plan.", status=reply.status) if reply.status == 403 else None

    explained = provider(giving(BALANCE), explain=explain)
    for status, kind in ((403, NotAvailable), (401, ActionNeeded)):
        send, _ = answering(Reply(status=status, headers={}, body=b""))
        with pytest.raises(kind):
            collect(explained, "balance", KEY, WINDOW, send)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_every_2xx_is_an_answer(status: int) -> None:
    send, _ = answering(Reply(status=status, headers={}, body=b""))
    assert collect(provider(giving(BALANCE)), "balance", KEY, WINDOW, send).records == [BALANCE]


def test_steps_without_end_are_given_up() -> None:
    calls = [0]

    def steps(account: Account, window: Window) -> Steps:
        while True:
            yield Request(url=f"{BASE}/v1", auth="api_key")

    def send(outgoing: Outgoing) -> Reply:
        calls[0] += 1
        return OK

    with pytest.raises(PayloadError, match=str(MAX_CALLS)):
        collect(provider(steps), "balance", KEY, WINDOW, send)
    assert calls[0] == MAX_CALLS


def test_a_capability_that_is_not_offered() -> None:
    with pytest.raises(CapabilityNotOffered) as caught:
        collect(provider(giving(BALANCE)), "keys", KEY, WINDOW, nothing_may_be_sent)
    assert caught.value.declared.reason == "There is no such list."
    with pytest.raises(KeyError):
        collect(provider(giving(BALANCE)), "prophecy", KEY, WINDOW, nothing_may_be_sent)


# --- Fields --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({}, "api_key", "“API key”"),
        ({"api_key": ""}, "api_key", "“API key”"),
        ({"api_key": "k"}, "admin_key", "“Admin key or Team key”"),
    ],
)
def test_a_missing_field_is_named_before_anything_is_sent(values: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        collect(provider(giving(BALANCE)), "cost", Credentials(values=values), WINDOW, nothing_may_be_sent)
    assert (caught.value.code, caught.value.field) == ("missing_field", field)
    assert words in caught.value.message


@pytest.mark.parametrize("name", ["admin_key", "team_key"])
def test_one_of_two_alternatives_is_enough(name: str) -> None:
    send, sent = answering(OK)
    collect(provider(giving(BALANCE)), "cost", Credentials(values={"api_key": "k", name: "x"}), WINDOW, send)
    assert len(sent) == 1


def test_a_request_for_a_secret_that_is_not_there_is_not_sent() -> None:
    with pytest.raises(ActionNeeded) as caught:
        collect(
            provider(asking(Request(url="https://admin.example.com/v1", auth="admin_key"))),
            "balance",
            KEY,
            WINDOW,
            nothing_may_be_sent,
        )
    assert (caught.value.code, caught.value.field) == ("missing_field", "admin_key")


def test_an_adapter_sees_open_values_and_only_the_names_of_secrets() -> None:
    account = Credentials(values={"api_key": "sk-canary", "admin_key": "", "account_url": "https://x.example"}).account(
        provider(giving(BALANCE))
    )
    assert account.settings == {"account_url": "https://x.example", "team": "main"}
    assert account.secrets == {"api_key"}
    assert "canary" not in repr(account)
    assert "canary" not in repr(Credentials(values={"api_key": "sk-canary"}))


def test_a_check_gives_one_identity() -> None:
    send, _ = answering(OK)
    assert check(provider(giving(Identity(account_id="a"))), KEY, WINDOW, send) == Identity(account_id="a")
    for records in ((), (BALANCE,)):
        send, _ = answering(OK)
        with pytest.raises(PayloadError):
            check(provider(giving(*records)), KEY, WINDOW, send)
    with pytest.raises(ActionNeeded) as caught:
        check(provider(giving(Identity())), Credentials(values={}), WINDOW, nothing_may_be_sent)
    assert (caught.value.code, caught.value.field) == ("missing_field", "api_key")


# --- Where a secret may go -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1",
        "https://api.example.com.evil.example/v1",
        "https://evil.example/api.example.com",
        "https://api.example.com:8443/v1",
        "https://backup.example.com/v1",
        "https://api.example.com@evil.example/v1",
        "https://sub.api.example.com/v1",
        "https://example.com/v1",
        "https://admin.example.com./v1",
        "https:///v1",
        "https://[::1/v1",
        "https://api.example.com:99999/v1",
        "/v1/relative",
        "",
    ],
)
def test_a_host_that_was_not_declared_gets_nothing(url: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        collect(
            provider(asking(Request(url=url, auth="api_key"))),
            "balance",
            Credentials(values={"api_key": "canary-key"}),
            WINDOW,
            nothing_may_be_sent,
        )
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://api.example.com/x", "https://API.EXAMPLE.COM/x", "https://backup.example.com:8443/x"]
)
def test_a_declared_host_gets_the_secret_in_its_header(url: str) -> None:
    send, sent = answering(OK)
    collect(provider(asking(Request(url=url, auth="api_key"))), "balance", KEY, WINDOW, send)
    assert dict(sent[0].headers)["Authorization"] == "Bearer sk-right"


def test_a_secret_with_narrowed_hosts_goes_to_those_only() -> None:
    both = Credentials(values={"api_key": "k", "admin_key": "adm"})
    asked = provider(asking(Request(url="https://admin.example.com/v1", auth="admin_key")))
    send, sent = answering(OK)
    collect(asked, "balance", both, WINDOW, send)
    assert ("X-Admin", "adm") in sent[0].headers
    assert "k" not in dict(sent[0].headers).values()
    wrong = provider(asking(Request(url=f"{BASE}/v1", auth="admin_key")))
    with pytest.raises(ActionNeeded) as caught:
        collect(wrong, "balance", both, WINDOW, nothing_may_be_sent)
    assert caught.value.field == "admin_key"
    assert "api.example.com is not a host of Example" in caught.value.message


def test_a_url_typed_by_the_admin_opens_its_own_host_and_no_other() -> None:
    typed = Credentials(values={"api_key": "k", "account_url": "https://gateway.corp.example:8443/balance"})
    for url, allowed in (
        ("https://gateway.corp.example:8443/other", True),
        ("https://GATEWAY.corp.example:8443/other", True),
        ("https://api.example.com/v1", True),
        ("https://gateway.corp.example/other", False),
        ("https://corp.example:8443/", False),
    ):
        asked = provider(asking(Request(url=url, auth="api_key")))
        if allowed:
            send, sent = answering(OK)
            collect(asked, "balance", typed, WINDOW, send)
            assert len(sent) == 1
        else:
            with pytest.raises(ActionNeeded):
                collect(asked, "balance", typed, WINDOW, nothing_may_be_sent)


@pytest.mark.parametrize("typed", ["not a url", "/balance", "https://", "https://[::1", "https://x.example:letters/"])
def test_a_typed_url_that_is_none_opens_nothing(typed: str) -> None:
    values = {"api_key": "k", "account_url": typed}
    for url in (typed, "https:///v1", "https://x.example/"):
        with pytest.raises(ActionNeeded):
            collect(
                provider(asking(Request(url=url, auth="api_key"))),
                "balance",
                Credentials(values=values),
                WINDOW,
                nothing_may_be_sent,
            )


def test_an_open_field_that_is_no_url_opens_no_host() -> None:
    with pytest.raises(ActionNeeded):
        collect(
            provider(asking(Request(url="https://evil.example/v1", auth="api_key"))),
            "balance",
            Credentials(values={"api_key": "k", "team": "https://evil.example"}),
            WINDOW,
            nothing_may_be_sent,
        )


def test_a_call_without_a_secret_carries_none() -> None:
    send, sent = answering(OK)
    request = Request(url="https://status.example.org/v1", auth=None, params=(("a", "1"),), headers=(("X-V", "2"),))
    collect(provider(asking(request)), "balance", KEY, WINDOW, send)
    assert sent[0].headers == (("Accept", "application/json"), ("X-V", "2"))
    assert (sent[0].method, sent[0].params, sent[0].json) == ("GET", (("a", "1"),), None)


BAD_SECRETS = ["a b", "a\n", "\na", "a\r\nX-Injected: 1", "a\tb", "ключ", "sk–dash", "a\x00", "a\x7f", "a\u200b", " "]


@pytest.mark.parametrize("secret", BAD_SECRETS)
def test_a_secret_that_cannot_be_a_key_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ActionNeeded) as caught:
        collect(
            provider(giving(BALANCE)), "balance", Credentials(values={"api_key": secret}), WINDOW, nothing_may_be_sent
        )
    assert caught.value.field == "api_key"
    assert "API key holds characters" in caught.value.message
    if secret.strip() and len(secret) > 3:
        assert secret not in str(caught.value)


@given(st.text(min_size=1))
def test_no_secret_adds_a_header_of_its_own(secret: str) -> None:
    request = Request(url=f"{BASE}/v1", auth="api_key")
    try:
        outgoing = prepare(provider(giving(BALANCE)), request, Credentials(values={"api_key": secret}))
    except ActionNeeded as error:
        assert error.field == "api_key"
        return
    assert outgoing.headers[1:] == (("Authorization", f"Bearer {secret}"),)
    assert all(32 < ord(letter) < 127 for letter in secret)


def test_a_call_shows_its_secret_to_nobody() -> None:
    outgoing = prepare(
        provider(giving(BALANCE)),
        Request(url=f"{BASE}/v1", auth="api_key", method="POST", params=(("q", "canary-q"),), json={"b": "canary-b"}),
        Credentials(values={"api_key": "canary-key"}),
    )
    assert "canary" not in repr(outgoing)
    assert outgoing.json == {"b": "canary-b"}


@pytest.mark.parametrize("slug", PROVIDERS)
def test_the_secrets_of_a_real_provider_stay_with_its_hosts(slug: str) -> None:
    real = PROVIDERS[slug]
    for declared in real.fields:
        if not declared.secret:
            continue
        for host in sorted(real.hosts | {"evil.example"}):
            request = Request(url=f"https://{host}/v1", auth=declared.name)
            values = Credentials(values={declared.name: "canary"})
            if host in (frozenset(declared.hosts) or real.hosts):
                assert json.dumps(prepare(real, request, values).headers).count("canary") == 1
            else:
                with pytest.raises(ActionNeeded):
                    prepare(real, request, values)


def test_the_driver_alone() -> None:
    send, _ = answering(OK, OK)
    one = CostBucket(start=NOW, end=NOW + timedelta(hours=1), amount=Decimal(1), unit="USD")

    def steps() -> Steps:
        yield Request(url=f"{BASE}/a", auth="api_key")
        yield Request(url=f"{BASE}/b", auth="api_key")
        return [one, one]

    found = drive(provider(giving()), steps(), KEY, send, NOW)
    assert (found.records, found.calls) == ([one], 2)
