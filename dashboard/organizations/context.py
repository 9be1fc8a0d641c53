"""What every page may show about where it stands."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone


def organization(request: HttpRequest) -> dict[str, Any]:
    return {
        "organization": getattr(request, "organization", None),
        "membership": getattr(request, "membership", None),
        "memberships": getattr(request, "memberships", []),
        "now": timezone.now(),
    }
