"""Signed requests, and tokens that are fetched, kept, and fetched anew."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from providers import auth
from providers.auth import AlibabaSignature, EntraClientCredentials, GoogleServiceAccount
from providers.collect import Credentials, collect
from providers.errors import ActionNeeded, PayloadError, ProviderError, Retryable
from providers.parse import decimal, get
from providers.records import Balance
from providers.spec import (
    Account,
    BaseUrl,
    Check,
    Endpoint,
    Field,
    NotOffered,
    Outgoing,
    Provider,
    Reply,
    Request,
    Steps,
    Window,
)

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
KEY_FILE = json.dumps(
    {
        "type": "service_account",
        "client_email": "reader@project.iam.gserviceaccount.com",
        "private_key": KEY.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        "token_uri": "https://evil.example/token",
    }
)
ENTRA_VALUES = {"tenant_id": "contoso", "client_id": "app", "client_secret": "s3cret-CANARY"}
ENTRA = EntraClientCredentials(
    name="entra",
    tenant="tenant_id",
    client="client_id",
    secret="client_secret",
    scope="https://management.azure.com/.default",
)
GOOGLE = GoogleServiceAccount(name="google", field="key_file", scope="https://www.googleapis.com/auth/cloud-platform")


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_tokens", auth._Tokens())


class Issuer:
    """A token endpoint, and the calls that came to it."""

    def __init__(self, status: int = 200, **document: Any) -> None:
        self.status, self.document = status, {"access_token": "t", "expires_in": 3600, **document}
        self.asked: list[Outgoing] = []

    def __call__(self, outgoing: Outgoing) -> Reply:
        self.asked.append(outgoing)
        document = {**self.document, "access_token": f"{self.document['access_token']}{len(self.asked)}"}
        return Reply(status=self.status, headers={}, body=json.dumps(document).encode())


def test_alibabas_signature_is_the_one_of_the_description() -> None:
    """The vector of the provider's sheet, computed there from the description of ACS3-HMAC-SHA256."""
    signer = AlibabaSignature(name="acs", key_id="id", secret="secret", nonce=lambda: "made-up-nonce-0001")
    call = Outgoing(
        method="POST",
        url="https://business.aliyuncs.com/",
        params=(("PageSize", "300"), ("BillingCycle", "2026-10"), ("PageNum", "1")),
        headers=(("x-acs-action", "QueryAccountBill"), ("x-acs-version", "2017-12-14")),
    )
    values = {"id": "made-up-id", "secret": "made-up-secret"}
    told = dict(signer.headers(call, values, NOW, Issuer()))
    assert told["Authorization"] == (
        "ACS3-HMAC-SHA256 Credential=made-up-id,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;"
        "x-acs-signature-nonce;x-acs-version,"
        "Signature=ef1122f1864371fc773024b70709a84f9af206781079829ff37e99b8bc121d44"
    )
    assert told["x-acs-date"] == "2026-11-20T08:00:00Z"


def test_each_alibaba_request_has_a_nonce_of_its_own() -> None:
    signer = AlibabaSignature(name="acs", key_id="id", secret="secret")
    call = Outgoing(method="GET", url="https://business.aliyuncs.com/")
    values = {"id": "a", "secret": "b"}
    nonces = {dict(signer.headers(call, values, NOW, Issuer()))["x-acs-signature-nonce"] for _ in range(3)}
    assert len(nonces) == 3


def test_google_gets_a_signed_claim_at_its_own_address() -> None:
    issuer = Issuer()
    told = GOOGLE.headers(Outgoing(method="GET", url="https://x"), {"key_file": KEY_FILE}, NOW, issuer)
    assert told == (("Authorization", "Bearer t1"),)
    (asked,) = issuer.asked
    assert asked.url == "https://oauth2.googleapis.com/token", "whatever the file says"
    form = dict(asked.form or ())
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    claims = jwt.decode(
        form["assertion"],
        KEY.public_key(),
        algorithms=["RS256"],
        audience="https://oauth2.googleapis.com/token",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["iss"] == "reader@project.iam.gserviceaccount.com"
    assert claims["scope"] == GOOGLE.scope
    assert claims["exp"] - claims["iat"] == 3600


NO_KEY = "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----"
NO_FILES = (
    *("", "{}", "nonsense", "[1]", "[" * 9000),
    '{"client_email": 1, "private_key": 2}',
    f'{{"client_email": "a@b", "private_key": "{NO_KEY}"}}',
)


@pytest.mark.parametrize("text", NO_FILES)
def test_a_file_that_is_none_is_told_in_words(text: str) -> None:
    with pytest.raises(ActionNeeded) as refused:
        GOOGLE.headers(Outgoing(method="GET", url="https://x"), {"key_file": text}, NOW, Issuer())
    assert refused.value.field == "key_file"
    assert "AAAA" not in str(refused.value)


def test_entra_gets_the_credentials_as_a_form() -> None:
    issuer = Issuer()
    ENTRA.headers(Outgoing(method="GET", url="https://x"), {**ENTRA_VALUES, "tenant_id": "a/../b"}, NOW, issuer)
    (asked,) = issuer.asked
    assert asked.url == "https://login.microsoftonline.com/a%2F..%2Fb/oauth2/v2.0/token"
    assert parse_qs(urlencode(asked.form or ()))["client_secret"] == ["s3cret-CANARY"]
    assert "CANARY" not in repr(asked)


def test_a_token_is_kept_until_shortly_before_it_ends() -> None:
    issuer, call = Issuer(), Outgoing(method="GET", url="https://x")

    def token(now: datetime, **more: str) -> str:
        return dict(ENTRA.headers(call, {**ENTRA_VALUES, **more}, now, issuer))["Authorization"]

    assert {token(NOW), token(NOW + timedelta(minutes=57))} == {"Bearer t1"}
    assert token(NOW + timedelta(minutes=58, seconds=1)) == "Bearer t2"
    assert token(NOW + timedelta(minutes=58), client_secret="another") == "Bearer t3", "of other values"
    long = "x" * 500
    first, second = token(NOW, client_secret=f"{long}1"), token(NOW, client_secret=f"{long}2")
    assert first != second, "two that begin alike are two"


def test_many_threads_fetch_one_token() -> None:
    start, issuer = threading.Barrier(8), Issuer()
    found: list[str] = []

    def ask() -> None:
        start.wait(10)
        found.append(ENTRA.headers(Outgoing(method="GET", url="https://x"), ENTRA_VALUES, NOW, issuer)[0][1])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert found == ["Bearer t1"] * 8
    assert len(issuer.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refusal_names_the_field_and_quotes_nothing(status: int) -> None:
    issuer = Issuer(status, error_description="AADSTS7000215: CANARY")
    with pytest.raises(ActionNeeded) as refused:
        ENTRA.headers(Outgoing(method="GET", url="https://x"), ENTRA_VALUES, NOW, issuer)
    assert refused.value.field == "client_secret"
    assert "CANARY" not in str(refused.value)


@pytest.mark.parametrize("token", ["", None, 7, "a\nb", "ü"])
def test_an_answer_without_a_token_is_not_understood(token: Any) -> None:
    reply = Reply(status=200, headers={}, body=json.dumps({"access_token": token, "expires_in": 60}).encode())
    with pytest.raises(PayloadError):
        ENTRA.headers(Outgoing(method="GET", url="https://x"), ENTRA_VALUES, NOW, lambda _: reply)


# --- In the driver ----------------------------------------------------------------------------------------------


def wallet(account: Account, window: Window) -> Steps:
    reply = yield Request(url="https://api.example.com/wallet", auth="entra")
    return [Balance(name="Wallet", kind="prepaid", amount=get(reply.json(), "left", decimal), unit="USD")]


EXAMPLE = Provider(
    slug="example",
    name="Example",
    summary="",
    docs_url="https://example.com",
    console_url="https://example.com",
    checked=date(2026, 11, 20),
    wire_protocol="OpenAICompatible",
    base_urls=(BaseUrl(url="https://api.example.com"),),
    fields=tuple(
        Field(name=name, label=name.replace("_", " ").title(), help="", secret=name == "client_secret")
        for name in ENTRA_VALUES
    ),
    check=Check(steps=wallet),
    capabilities={
        "balance": Endpoint(steps=wallet, interval=timedelta(minutes=5)),
        **{name: NotOffered(reason="No.") for name in ("quota", "usage", "cost", "keys", "models")},
    },
    authorizers=(ENTRA,),
)


def read(provider: Provider, answer: Callable[[Outgoing], Reply], values: Mapping[str, str] = ENTRA_VALUES) -> Any:
    window = Window(start=NOW, end=NOW, now=NOW)
    return collect(provider, "balance", Credentials(values=values), window, answer).records[0]


def test_a_refused_token_is_fetched_anew_once() -> None:
    issuer, seen = Issuer(), list[str]()

    def answer(outgoing: Outgoing) -> Reply:
        if outgoing.url.startswith("https://login."):
            return issuer(outgoing)
        token = dict(outgoing.headers)["Authorization"]
        seen.append(token)
        status = 200 if token == "Bearer t2" else 401
        return Reply(status=status, headers={}, body=b'{"left": 5}')

    assert read(EXAMPLE, answer).amount == 5
    assert seen == ["Bearer t1", "Bearer t2"]

    def never(outgoing: Outgoing) -> Reply:
        if outgoing.url.startswith("https://login."):
            return issuer(outgoing)
        seen.append("again")
        return Reply(status=401, headers={}, body=b"{}")

    with pytest.raises(ActionNeeded):
        read(EXAMPLE, never)
    assert seen.count("again") == 2, "not for ever"


def test_what_an_authorizer_is_made_of_has_to_be_there() -> None:
    issuer = Issuer()
    with pytest.raises(ActionNeeded, match="Client Secret is missing"):
        read(EXAMPLE, issuer, {**ENTRA_VALUES, "client_secret": ""})
    assert issuer.asked == []


def test_a_token_goes_to_the_providers_hosts_alone() -> None:
    def elsewhere(account: Account, window: Window) -> Steps:
        yield Request(url="https://evil.example/wallet", auth="entra")
        return []

    issuer = Issuer()
    stray = replace(
        EXAMPLE,
        capabilities={**EXAMPLE.capabilities, "balance": Endpoint(steps=elsewhere, interval=timedelta(minutes=5))},
    )
    with pytest.raises(ActionNeeded, match="nothing was sent"):
        read(stray, issuer)
    assert issuer.asked == []


@pytest.mark.parametrize(("status", "kind"), [(429, Retryable), (503, Retryable), (401, ActionNeeded)])
def test_a_token_endpoints_trouble_keeps_its_status(status: int, kind: type[ProviderError]) -> None:
    with pytest.raises(kind) as caught:
        read(EXAMPLE, Issuer(status))
    assert caught.value.status == status
