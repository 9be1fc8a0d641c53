"""What is compressed, and what is not."""

from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from dashboard.core.middleware import CompressionMiddleware
from dashboard.organizations.models import User

PAGE = "<p>the same again and again</p>" * 100


def answered(headers: dict[str, str], accepts: str = "gzip, br") -> HttpResponse:
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(PAGE, headers=headers)

    return CompressionMiddleware(view)(RequestFactory().get("/", HTTP_ACCEPT_ENCODING=accepts))  # type: ignore[return-value]


def test_a_page_is_compressed_for_whoever_reads_that() -> None:
    assert answered({})["Content-Encoding"] == "gzip"
    assert len(answered({}).content) < len(PAGE) / 4
    assert "Content-Encoding" not in answered({}, accepts="identity")


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
