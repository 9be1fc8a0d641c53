"""Context processors of the core."""

from django.http import HttpRequest

# Pages that stand behind a place of the navigation, under the name of that place.
_ROOMS = {
    "member": "members",
    "member_link": "members",
    "invite": "members",
    "team": "teams",
    "team_new": "teams",
    "outbox": "settings",
    "service_tokens": "settings",
    "service_token_new": "settings",
    "service_token_again": "settings",
    "usage_api": "settings",
}


def csp(request: HttpRequest) -> dict[str, str]:
    """`csp_nonce`: what an inline or external script needs to run on this page."""
    return {"csp_nonce": getattr(request, "csp_nonce", "")}


def room(request: HttpRequest) -> dict[str, str]:
    """`room`: the part of Purser that this page belongs to, for the navigation; "" where nobody knows the address."""
    match = request.resolver_match
    if match is None:
        return {"room": ""}
    page = match.url_name or ""
    if page in _ROOMS:
        return {"room": _ROOMS[page]}
    if page.startswith(("provider_", "described_")):
        return {"room": "providers"}
    if match.namespace in ("credentials", "usage", "imports"):
        return {"room": "accounts"}
    return {"room": "overview" if match.namespace == "overview" else page}
