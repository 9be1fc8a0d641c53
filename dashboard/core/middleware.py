"""Middleware of the core: compression, built files, and the content security policy."""

import re
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import brotli
from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

# Nothing loads from anywhere but here, no script in a page runs without this answer's own nonce, nobody may frame us.
_POLICY = (
    "default-src 'none'; "
    "script-src 'self' 'nonce-{nonce}'; "
    "style-src 'self'; "
    "img-src 'self' data:; "
    "font-src 'self'; "
    "connect-src 'self'; "
    "form-action 'self'{sign_on}; "
    "frame-ancestors 'none'; "
    "base-uri 'none'"
)


_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self)"


def _sign_on() -> str:
    """Browsers hold form-action against redirects too, and single sign-on begins with a form that is sent on."""
    return _origin(settings.OIDC_ISSUER)


def _origin(url: str) -> str:
    """The origin of an address as one more source; nothing of an address that could end the directive."""
    parts = urlsplit(url)
    plain = re.fullmatch(r"[A-Za-z0-9.\-\[\]:]+", parts.netloc)
    return f" {parts.scheme}://{parts.netloc}" if plain and parts.scheme in ("http", "https") else ""


class CompressionMiddleware(GZipMiddleware):
    """Compresses pages, with Brotli for a browser that takes it and else with gzip; except those that nobody may keep:
    these may show a secret, whose length and likeness to what else stands there the compressed length would tell. CSRF
    tokens are masked anew in each answer, and a random number of bytes is added to what is compressed: with gzip by
    Django, with Brotli here."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if "no-store" in response.headers.get("Cache-Control", ""):
            return response
        taken = _TAKES_BROTLI(request.headers.get("Accept-Encoding", ""))
        if not taken or not isinstance(response, HttpResponse) or not _worth_it(response):
            return super().process_response(request, response)
        patch_vary_headers(response, ("Accept-Encoding",))
        response.content = brotli_padded(response.content, secrets.token_bytes(1 + secrets.randbelow(_MOST_PADDING)))
        response.headers["Content-Length"] = str(len(response.content))
        response.headers["Content-Encoding"] = "br"
        if response.headers.get("ETag", "").startswith('"'):
            response.headers["ETag"] = "W/" + response.headers["ETag"]
        return response


_MOST_PADDING = 100
_QUALITY = 8  # of 11: pages are made anew for each visit, and the next takes five times as long
_WINDOW = 18  # as a power of two: larger than pages are, and a small one is set up sooner
_TAKES_BROTLI = re.compile(r"(?:^|,)\s*br\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)").search


def _worth_it(response: HttpResponse) -> bool:
    """As Django's: what is short would rather grow."""
    return len(response.content) >= 200 and not response.has_header("Content-Encoding")


def brotli_padded(content: bytes, padding: bytes) -> bytes:
    """`content` as Brotli, with 1 to 256 bytes of `padding` in it that every decoder leaves out: a meta-block without
    data (RFC 7932, 9.2), which is ISLAST 0, MNIBBLES 11, a reserved 0, one byte of MSKIPLEN, and what is skipped."""
    compressor = brotli.Compressor(quality=_QUALITY, lgwin=_WINDOW)
    head = compressor.process(content) + compressor.flush()  # ends on a whole byte
    skipped = (0b01_0_11_0 | (len(padding) - 1) << 6).to_bytes(2, "little") + padding
    return head + skipped + compressor.finish()


class FilesMiddleware(WhiteNoiseMiddleware):
    """Our built files. One whose name holds its content never changes: nobody asks again by its date or tag. It stands
    before what gives pages their policies: of these a file heeds only that its type is as told."""

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> FileResponse:
        response: FileResponse = WhiteNoiseMiddleware.serve(static_file, request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        if "immutable" in response.headers.get("Cache-Control", ""):
            for header in ("ETag", "Last-Modified"):
                response.headers.pop(header, None)
        return response


class ContentSecurityPolicyMiddleware:
    """Gives each request a nonce (`request.csp_nonce`) and each answer the strict policy that names it. A page whose
    form is sent on to another site says so by `response.form_leads_to`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", _PERMISSIONS)
        elsewhere = _sign_on() + _origin(getattr(response, "form_leads_to", ""))
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=nonce, sign_on=elsewhere))
        return response
