"""Middleware of the core: compression, and the content security policy."""

import re
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Nothing loads from anywhere but here, nothing inline runs without this answer's own nonce, nobody may frame us.
_POLICY = (
    "default-src 'none'; "
    "script-src 'self' 'nonce-{nonce}'; "
    "style-src 'self' 'nonce-{nonce}'; "
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
    """Compresses pages, except those that nobody may keep: these may show a secret, whose length and likeness to what
    else stands there the compressed length would tell. CSRF tokens are masked anew in each answer, and Django adds a
    random number of bytes to what it compresses."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if "no-store" in response.headers.get("Cache-Control", ""):
            return response
        return super().process_response(request, response)


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
