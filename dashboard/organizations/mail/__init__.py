"""Mail on its way out. It is written down first, sealed, and carried by the worker, so that a slow or broken server
holds up nobody, and what could not be sent can be seen.

Without a mail server of one's own the worker writes mails to the terminal, and owners can read them on a page.
Their HTML is made of the text when they leave; what is kept, and sealed, is the text alone.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string

from dashboard.core.encryption import Unreadable, key_id, open_text, seal_text
from dashboard.core.queue import enqueue_on_commit
from dashboard.core.supervisor import TO_TERMINAL
from dashboard.organizations.mail.letters import dressed, language_of, one_line, signed
from dashboard.organizations.models import Invitation, Membership, Organization, OutgoingMail, Role, User

KEEP = timedelta(days=1)  # codes are dead by then; nothing else is worth keeping
CLAIM = timedelta(minutes=2)  # how long one carrier has a mail to itself
MOST_TRIES = 20


def mail_queue(
    *,
    to: str,
    subject: str,
    text: str,
    now: datetime,
    person: User | None = None,
    invitation: Invitation | None = None,
) -> OutgoingMail:
    """Write a mail down and have it carried. `person` or `invitation` say whose it is: who may read it here."""
    with transaction.atomic():
        mail = OutgoingMail.objects.create(
            to=to[:254],
            subject=one_line(subject)[:200],
            encrypted_text=seal_text(text),
            key_id=key_id(),
            person=person,
            invitation=invitation,
            created_at=now,
        )
        enqueue_on_commit("carry_mail", mail.pk)
    return mail


def managers_mail(*, organization: Organization, subject: object, template: str, now: datetime, **context: Any) -> int:
    """Mail everybody who manages this organization, each in their language, from `organizations/mail/<template>.txt`.
    `subject` is a lazy translation. Returns to how many."""
    managers = Membership.objects.filter(
        organization=organization, role__in=(Role.OWNER, Role.ADMIN), user__is_active=True
    ).select_related("user")
    told = {"organization": one_line(organization), "base_url": settings.BASE_URL, "now": now, **context}
    for manager in managers:
        with language_of(manager.user):
            text = render_to_string(f"organizations/mail/{template}.txt", told).strip()
            mail_queue(to=manager.user.email, subject=str(subject), text=text, person=manager.user, now=now)
    return len(managers)


def mail_carry(*, mail_id: int, now: datetime) -> str:
    """Send one mail unless somebody else is at it. Returns the text to show at the terminal, or "". What fails is
    written down and tried again by `mails_waiting`."""
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - CLAIM)
    waiting = OutgoingMail.objects.filter(free, pk=mail_id, sent_at=None, tries__lt=MOST_TRIES)
    if not waiting.update(claimed_at=now, tries=F("tries") + 1):
        return ""
    mail = OutgoingMail.objects.select_related("person").get(pk=mail_id)
    try:
        shown = _send(mail)
    except (OSError, Unreadable) as error:  # SMTP errors are OSErrors; their words name no password
        mail.failure = f"{type(error).__name__}: {error}"[:300]
        mail.save(update_fields=["failure"])
        return ""
    mail.sent_at, mail.failure = now, ""
    mail.save(update_fields=["sent_at", "failure"])
    return shown


def _send(mail: OutgoingMail) -> str:
    text = open_text(mail.encrypted_text)
    if settings.MAIL_GOES_OUT:
        message = EmailMultiAlternatives(mail.subject, signed(text), settings.DEFAULT_FROM_EMAIL, [mail.to])
        language = mail.person.language if mail.person else ""
        message.attach_alternative(dressed(subject=mail.subject, text=text, language=language), "text/html")
        message.send()
        return ""
    lines = [f"To: {mail.to}", f"Subject: {mail.subject}", "", *text.splitlines()]
    return "\n".join(f"{TO_TERMINAL} {line}" for line in lines)


def mails_waiting(*, now: datetime) -> list[int]:
    """Mails that are not out yet and nobody is at, and whose next try is due: soon at first, then ever more slowly."""
    unsent = OutgoingMail.objects.filter(sent_at=None, tries__lt=MOST_TRIES)
    return [
        mail.pk
        for mail in unsent.order_by("pk")[:200]
        if mail.claimed_at is None or mail.claimed_at < now - CLAIM * max(1, mail.tries)
    ]


def mails_prune(*, now: datetime) -> None:
    OutgoingMail.objects.filter(created_at__lt=now - KEEP).delete()


def mails_of(*, organization_id: int, reader: User) -> QuerySet[OutgoingMail]:
    """Mails that an owner of this organization may see, newest first: their own, those to people who belong to it
    alone, because a code to somebody of two organizations opens the other one too, and those of its invitations."""
    here = Membership.objects.filter(organization_id=organization_id).values("user")
    elsewhere = Membership.objects.exclude(organization_id=organization_id).exclude(organization__is_demo=True)
    own = Q(person__in=here) & ~Q(person__in=elsewhere.values("user")) | Q(person=reader)
    invited = Q(person=None, invitation__organization_id=organization_id)
    return OutgoingMail.objects.filter(own | invited).order_by("-pk")
