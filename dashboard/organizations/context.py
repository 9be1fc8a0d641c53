"""What every page may show about where it stands."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from dashboard.organizations.selectors import memberships_of


def organization(request: HttpRequest) -> dict[str, Any]:
    return {
        "organization": getattr(request, "organization", None),
        "membership": getattr(request, "membership", None),
        "memberships": SimpleLazyObject(lambda: memberships_of(request.user) if request.user.is_authenticated else []),
        "now": timezone.now(),
    }
