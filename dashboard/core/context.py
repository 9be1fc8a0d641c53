"""Context processors of the core."""

from django.http import HttpRequest


def csp(request: HttpRequest) -> dict[str, str]:
    """`csp_nonce`: what an inline or external script needs to run on this page."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}
