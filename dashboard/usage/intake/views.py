"""The page that says how usage is sent in."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_GET

from dashboard.credentials.selectors import accounts_of
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.usage.intake.rows import Cost, Row

MOST_ACCOUNTS = 50
_KINDS = {"account": gettext_noop("number or text"), "at": gettext_noop("time"), "cost": gettext_noop("object")}


@access(Access.MANAGE)
@require_GET
def usage_api(request: PurserRequest) -> HttpResponse:
    """A call to copy, the fields of a row, and the numbers of the accounts."""
    accounts = accounts_of(organization_id=request.organization.pk)
    context = {
        "address": settings.BASE_URL + reverse("api:usage_send"),
        "account": accounts[0].pk if accounts else 1,
        "at": timezone.localtime().isoformat(timespec="seconds"),
        "accounts": accounts[:MOST_ACCOUNTS],
        "more": max(0, len(accounts) - MOST_ACCOUNTS),
        "fields": [*_fields(Row, ""), *_fields(Cost, "cost")],
    }
    return render(request, "usage/usage_api.html", context)


def _fields(model: type[Row | Cost], within: str) -> list[dict[str, Any]]:
    """The fields as the schema declares them; `within` is the field that they are parts of."""
    return [
        {
            "name": f"{within}.{name}" if within else name,
            "within": within,
            "kind": _(_KINDS.get(name) or _kind(field.annotation)),
            "required": field.is_required(),
            "words": _(field.description or ""),
        }
        for name, field in model.model_fields.items()
    ]


def _kind(annotation: object) -> str:
    return gettext_noop("whole number") if "int" in str(annotation) else gettext_noop("text")
