"""What every page may show about where it stands."""

import ipaddress
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from dashboard.organizations.selectors import anybody_signed_in


def organization(request: HttpRequest) -> dict[str, Any]:
    return {
        "organization": getattr(request, "organization", None),
        "membership": getattr(request, "membership", None),
        "memberships": getattr(request, "memberships", []),
        "now": timezone.now(),
        "base_url": settings.BASE_URL,
        "single_sign_on": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "terminal_mail": not settings.MAIL_GOES_OUT,
        "nobody_yet": SimpleLazyObject(lambda: not anybody_signed_in()),
        "passkeys_possible": _has_a_name(request),
    }


def _has_a_name(request: HttpRequest) -> bool:
    """Browsers make passkeys for host names, never for bare IP addresses."""
    try:
        ipaddress.ip_address(request.get_host().rsplit(":", 1)[0].strip("[]"))
    except ValueError:
        return True
    return False
