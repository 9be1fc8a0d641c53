"""Context processors of the core."""

from django.http import HttpRequest


def csp(request: HttpRequest) -> dict[str, str]:
    """`csp_nonce`: what an inline or external script needs to run on this page."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


def room(request: HttpRequest) -> dict[str, str]:
    """`room`: the part of Purser that this page belongs to, for the navigation; "" where nobody knows the address."""
    match = request.resolver_match
    if match is None:
        return {"room": ""}
    page = match.url_name or ""
    if page.startswith(("provider_", "described_")):
        return {"room": "providers"}
    if match.namespace in ("credentials", "usage", "imports") and page != "usage_api":
        return {"room": "accounts"}
    return {"room": "overview" if match.namespace == "overview" else page}
