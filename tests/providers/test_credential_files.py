"""Pasted credentials files: what is kept of them, and what is refused without being repeated."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.credential_files import MOST_BYTES, Pasted, claims_of, ends_at
from providers.errors import PayloadError
from providers.registry import PROVIDERS

CANARY = "CANARY"
ENDS = 1_792_072_800
WHEN = datetime.fromtimestamp(ENDS, UTC)
READERS = [
    (slug, field)
    for slug, provider in sorted(PROVIDERS.items())
    for field in provider.fields
    if field.pasted is not None
]


def jwt(**claims: Any) -> str:
    middle = urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"eyJhbGciOiJub25lIn0.{middle}.sig"


def paste(slug: str, name: str, text: str) -> Pasted:
    reader = PROVIDERS[slug].field(name).pasted
    assert reader is not None
    return reader(text)


def codex(**tokens: Any) -> str:
    return json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": f"sk-{CANARY}", "tokens": tokens})


def test_of_the_codex_file_the_access_token_its_end_and_the_account_are_kept() -> None:
    token, account = jwt(exp=ENDS), "6f1d0b52-0000-4000-8000-000000000042"
    whole = codex(id_token=jwt(), access_token=token, refresh_token=f"rt-{CANARY}", account_id=account)
    found = paste("chatgpt-codex", "access_token", whole)
    assert found == Pasted(token=token, fields={"account_id": account}, ends_at=WHEN)
    assert CANARY not in str(vars(type(found))) + found.token + str(found.fields), (
        "the refresh token stays with its tool"
    )
    claims = {"https://api.openai.com/auth": {"chatgpt_account_id": account}}
    found = paste("chatgpt-codex", "access_token", codex(id_token=jwt(**claims), access_token=token, account_id=None))
    assert found.fields == {"account_id": account}


def test_the_token_alone_is_taken_as_it_is() -> None:
    assert paste("chatgpt-codex", "access_token", jwt(exp=ENDS)).ends_at == WHEN
    assert paste("github-copilot", "member_oauth_token", "ghu_x") == Pasted(token="ghu_x")
    assert paste("moonshot", "api_key", "sk-kimi-x") == Pasted(token="sk-kimi-x")


def test_of_the_copilot_file_the_first_token_of_github_is_kept() -> None:
    whole = json.dumps(
        {"else.example:1": {"oauth_token": "no"}, "github.com:Iv1.b5": {"user": "m", "oauth_token": "ghu_x"}}
    )
    assert paste("github-copilot", "member_oauth_token", whole).token == "ghu_x"
    assert paste("github-copilot", "member_oauth_token", '{"github.com":{"oauth_token":"gho_y"}}').token == "gho_y"


def test_the_end_of_the_kimi_file_is_in_seconds() -> None:
    whole = json.dumps({"access_token": "eyJ.a.b", "refresh_token": f"rt-{CANARY}", "expires_at": ENDS + 0.25})
    found = paste("moonshot", "api_key", whole)
    assert found.token == "eyJ.a.b"
    assert found.ends_at is not None
    assert abs((found.ends_at - WHEN).total_seconds()) < 1


@pytest.mark.parametrize(("slug", "field"), READERS, ids=[slug for slug, _ in READERS])
@pytest.mark.parametrize(
    "text",
    [
        f'{{"{CANARY}"',
        f'{{"{CANARY}": 1}}',
        f'{{"tokens": "{CANARY}"}}',
        f'{{"tokens": {{"access_token": 7}}, "x": "{CANARY}"}}',
        f'{{"access_token": "{CANARY} {CANARY}"}}',
        f'{{"github.com": ["{CANARY}"]}}',
        '{"tokens": {"access_token": ""}}',
        "{" * 30_000,
        f'{{"access_token": "{"x" * MOST_BYTES}"}}',
    ],
)
def test_other_files_are_refused_without_being_repeated(slug: str, field: Any, text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        field.pasted(text)
    assert CANARY not in caught.value.message


@given(st.text(max_size=60))
def test_whatever_is_pasted_is_a_token_or_an_error_of_ours(text: str) -> None:
    for _, field in READERS:
        assert field.pasted is not None
        for pasted in (text, f'{{"access_token": {json.dumps(text)}}}', "{" + text):
            try:
                assert isinstance(field.pasted(pasted), Pasted)
            except PayloadError as error:
                assert error.message


@given(st.text(max_size=60))
def test_claims_of_anything_are_claims_or_nothing(text: str) -> None:
    for token in (text, f"a.{text}.b"):
        assert isinstance(claims_of(token), dict)


@pytest.mark.parametrize("value", [None, "x", 10**30, True, float("inf"), {"a": 1}])
def test_an_end_that_cannot_be_is_none(value: Any) -> None:
    assert ends_at({"exp": value}) is None
