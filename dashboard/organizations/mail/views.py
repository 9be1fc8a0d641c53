"""The mails of the last day, for owners."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.core.encryption import Unreadable, open_text
from dashboard.organizations.access import access
from dashboard.organizations.mail import mails_of
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.models import OutgoingMail
from dashboard.organizations.scope import Access

MOST = 50


@access(Access.OWN)
@never_cache
@require_GET
def outbox(request: PurserRequest) -> HttpResponse:
    """What was mailed and whether it went out; its text only while there is no mail server that brings it."""
    rows = [
        {"mail": mail, "text": "" if settings.MAIL_GOES_OUT else _text(mail)}
        for mail in mails_of(organization_id=request.organization.pk, reader=request.actor.person)[:MOST]
    ]
    return render(request, "organizations/outbox.html", {"rows": rows, "goes_out": settings.MAIL_GOES_OUT})


def _text(mail: OutgoingMail) -> str:
    try:
        return open_text(mail.encrypted_text)
    except Unreadable:
        return ""
