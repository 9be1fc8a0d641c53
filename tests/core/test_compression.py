"""What is compressed, and what is not."""

import gzip

import brotli
import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from dashboard.core.middleware import CompressionMiddleware, brotli_padded
from dashboard.organizations.models import User

PAGE = "<p>the same again and again</p>" * 100


def answered(headers: dict[str, str], accepts: str = "gzip, br", page: str = PAGE) -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(page, headers=headers)

    return CompressionMiddleware(view)(RequestFactory().get("/", HTTP_ACCEPT_ENCODING=accepts))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("accepts", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0.5", "br"),
        ("gzip", "gzip"),
        ("gzip, br;q=0", "gzip"),
        ("gzip, br;q=0.000, deflate", "gzip"),
        ("gzip, brown", "gzip"),
    ],
)
def test_a_page_is_compressed_as_the_browser_reads_it(accepts: str, encoding: str) -> None:
    answer = answered({"ETag": '"strong"'}, accepts)
    assert (answer["Content-Encoding"], answer["Vary"], answer["ETag"]) == (encoding, "Accept-Encoding", 'W/"strong"')
    assert len(answer.content) == int(answer["Content-Length"]) < len(PAGE) / 4
    opened = brotli.decompress(answer.content) if encoding == "br" else gzip.decompress(answer.content)
    assert opened.decode() == PAGE


def test_what_is_short_or_not_asked_for_stays_as_it_is() -> None:
    assert "Content-Encoding" not in answered({}, accepts="identity")
    assert "Content-Encoding" not in answered({}, page="short")


@given(st.binary(max_size=3000), st.binary(min_size=1, max_size=256))
def test_padding_is_left_out_by_who_opens_it(content: bytes, padding: bytes) -> None:
    padded = brotli_padded(content, padding)
    assert brotli.decompress(padded) == content
    assert len(padded) == len(brotli_padded(content, b"x")) + len(padding) - 1


@pytest.mark.parametrize("accepts", ["br", "gzip"])
def test_the_length_of_a_page_says_nothing_of_its_words(accepts: str) -> None:
    assert len({len(answered({}, accepts).content) for _ in range(40)}) > 1


def test_what_nobody_may_keep_is_not_compressed() -> None:
    kept_by_nobody = answered({"Cache-Control": "max-age=0, no-cache, no-store, private"})
    assert "Content-Encoding" not in kept_by_nobody
    assert kept_by_nobody.content.decode() == PAGE


def test_the_seed_of_an_authenticator_app_is_kept_by_nobody(owner: User) -> None:
    owner.set_password("a harbor full of lanterns")
    owner.save()
    client = Client()
    client.force_login(owner)
    client.post(reverse("account_reauthenticate"), {"password": "a harbor full of lanterns"})
    answer = client.get(reverse("mfa_activate_totp"), headers={"accept-encoding": "gzip"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert "Content-Encoding" not in answer
