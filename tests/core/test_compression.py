"""What is compressed, and what is not."""

from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from dashboard.core.middleware import CompressionMiddleware

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
