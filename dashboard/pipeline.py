"""The tasks, in the order of the story: lease what is due, read one stream, land it. About ten lines each."""

import random
import sys
from collections.abc import Iterator
from datetime import timedelta

import structlog
from celery import shared_task
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dashboard.balances.rates.selectors import feeds_due
from dashboard.balances.rates.services import feed_ensure, rates_fetch
from dashboard.core.period import earliest
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.credentials.oauth.advancing import login_advance
from dashboard.credentials.oauth.selectors import logins_due
from dashboard.credentials.oauth.services import logins_prune
from dashboard.credentials.selectors import credentials_expiring, credentials_unchecked
from dashboard.credentials.services import credential_remind
from dashboard.keys.intents.selectors import intents_due
from dashboard.keys.intents.services import intent_reconcile
from dashboard.organizations.mail import mail_carry, mails_prune, mails_waiting, managers_mail
from dashboard.organizations.models import Organization
from dashboard.overview.demo import demo_history, demo_keys
from dashboard.routing.services import KEEP_EVENTS, route_events_prune, routes_decide_account, routes_decide_due
from dashboard.sync.checking import credential_check
from dashboard.sync.reading import host_slot, stream_read
from dashboard.sync.services import credential_streams_wake, runs_prune, stream_start, streams_lease_due
from dashboard.usage.imports.selectors import imports_stalled
from dashboard.usage.imports.services import imports_sweep
from dashboard.usage.imports.work import import_work
from dashboard.usage.intake.services import intake_prune
from dashboard.usage.selectors import first_spend_day

log = structlog.get_logger(__name__)
KEEP_RUNS, KEEP_SIGN_INS = timedelta(days=30), timedelta(days=1)
# A check that has not settled by then was lost on the way: Redis was away, or its worker died.
CHECK_PATIENCE = timedelta(minutes=2)
# An import that gave no sign of life for so long has lost its worker, or its message.
IMPORT_PATIENCE = timedelta(minutes=3)
MESSAGE_SECONDS = 240
MANY_MESSAGES, MOST_IN_A_BATCH = 256, 12
Lease = tuple[int, int]


@shared_task
def dispatch_due_streams() -> None:
    """Lease every due stream and fan out their ids. A message that outlives its lease dies unread."""
    leases = streams_lease_due(now=timezone.now())
    for batch in batches(leases):
        sync_streams.apply_async((batch,), expires=MESSAGE_SECONDS)
    for credential_id in credentials_unchecked(before=timezone.now() - CHECK_PATIENCE):
        check_credential.delay(credential_id)
    for import_id in imports_stalled(before=timezone.now() - IMPORT_PATIENCE):
        work_import.delay(import_id)


def batches(leases: list[Lease]) -> Iterator[list[Lease]]:
    """A message for each stream, until there are so many that carrying messages would cost more than reading: then
    some hundreds of messages, with at most twelve streams in each, which one thread reads one after the other."""
    size = min(MOST_IN_A_BATCH, -(-len(leases) // MANY_MESSAGES))
    for start in range(0, len(leases), max(1, size)):
        yield leases[start : start + size]


@shared_task
def sync_streams(leases: list[Lease]) -> None:
    """Read streams one after the other."""
    for stream_id, token in leases:
        try:
            sync_stream(stream_id, token)
        except Exception:  # whatever befell this one, the others of the batch are not to blame
            log.exception("sync.batch", stream=stream_id)


@shared_task
def sync_stream(stream_id: int, token: int) -> None:
    """Read one stream of one credential, as far as its lease is still ours."""
    stream = stream_start(stream_id=stream_id, token=token, now=timezone.now())
    if stream is None:
        return
    connection.close()  # back to the pool: nothing is held while we wait for the provider
    with host_slot(stream.credential) as free:
        if not free:
            pause = 1 + random.random()  # noqa: S311
            sync_stream.apply_async((stream_id, token), countdown=pause, expires=MESSAGE_SECONDS)
            return
        again = stream_read(stream=stream, token=token, clock=timezone.now)
    # What is still to be read goes first: nothing that fails here may hold it up.
    if again is not None:
        sync_stream.apply_async(again, expires=MESSAGE_SECONDS)
    try:
        routes_decide_account(account_id=stream.credential.account_id, now=timezone.now())
    finally:
        connection.close()


@shared_task
def decide_routes() -> None:
    """Each minute: routes that time alone may have changed. A hold-down ends without any reading."""
    routes_decide_due(now=timezone.now())


@shared_task
def check_credential(credential_id: int) -> None:
    """Prove a credential by reads that cost nothing, then read what it can tell."""
    credential = ProviderCredential.objects.select_related("account").filter(pk=credential_id).first()
    if credential is None or credential.state not in (CredentialState.CHECKING, CredentialState.ACTIVE):
        return
    for stream_id, token in credential_check(credential=credential, clock=timezone.now):
        sync_stream.apply_async((stream_id, token), expires=MESSAGE_SECONDS)


@shared_task
def adopt_credential(credential_id: int) -> None:
    """Read what an unchecked credential can tell."""
    credential = ProviderCredential.objects.select_related("account").filter(pk=credential_id).first()
    if credential is not None and credential.state == CredentialState.ACTIVE:
        credential_streams_wake(credential=credential, now=timezone.now())
        dispatch_due_streams()


@shared_task
def fill_demo_account(credential_id: int) -> None:
    """Bring along the past of a demo account and whose its keys are, then check its key and read it like any other.
    When this is lost, the next dispatch finds the unchecked key, and the account goes without a past."""
    chosen = ProviderCredential.objects.select_related("account__organization").filter(organization__is_demo=True)
    credential = chosen.filter(pk=credential_id).first()
    if credential is not None:
        demo_history(credential=credential, now=timezone.now())
        demo_keys(credential=credential, now=timezone.now())
        check_credential(credential_id)


@shared_task
def work_import(import_id: int) -> None:
    """Try a file, or bring it in."""
    import_work(import_id=import_id, clock=timezone.now)


@shared_task
def advance_sign_in(login_id: int) -> None:
    """Take the next step of a sign-in, and come back when the provider may be asked again."""
    wait = login_advance(login_id=login_id, now=timezone.now())
    if wait is not None:
        advance_sign_in.apply_async((login_id,), countdown=wait)


@shared_task
def advance_sign_ins() -> None:
    """Each minute: sign-ins whose message was lost, and those whose time is over."""
    for login_id in logins_due(now=timezone.now()):
        advance_sign_in.delay(login_id)


@shared_task
def reconcile_keys() -> None:
    """Each minute: changes of keys whose answer nobody has are looked for at their providers. Nothing is sent again."""
    for intent_id in intents_due(now=timezone.now()):
        reconcile_key.apply_async((intent_id,), expires=MESSAGE_SECONDS)


@shared_task
def reconcile_key(intent_id: str) -> None:
    """Look for one change: reads only."""
    intent_reconcile(intent_id=intent_id, clock=timezone.now)


@shared_task
def carry_mail(mail_id: int) -> None:
    """Send one mail, or show it at the terminal where there is no mail server."""
    if shown := mail_carry(mail_id=mail_id, now=timezone.now()):
        # Around Celery, which takes over what is printed and would write it into its log.
        print(shown, file=sys.__stdout__, flush=True)


@shared_task
def carry_waiting_mail() -> None:
    """Each minute: mails whose message was lost or whose server was away."""
    for mail_id in mails_waiting(now=timezone.now()):
        carry_mail(mail_id)


@shared_task
def remind() -> None:
    """Daily: mail owners and admins about keys that end soon, one mail to each for all of an organization's keys."""
    now = timezone.now()
    with transaction.atomic():
        due: dict[Organization, list[dict[str, object]]] = {}
        for credential in credentials_expiring(today=now.date()):
            left = credential_remind(credential=credential, today=now.date())
            if left is not None:
                due.setdefault(credential.organization, []).append({"credential": credential, "left": left})
        for organization, keys in due.items():
            managers_mail(
                organization=organization, subject=_("Keys that expire"), template="keys_expire", now=now, keys=keys
            )


@shared_task
def fetch_rates() -> None:
    """Each hour: the ECB's rates, where they are wanted and not there yet; most hours find nothing to do. As far back
    as there is spend, and as pages can ask."""
    feed_ensure()
    known = earliest(timezone.now().date())
    since = min(first_spend_day() or known, known)
    for feed_id in feeds_due(since=since, now=timezone.now()):
        rates_fetch(feed_id=feed_id, since=since, clock=timezone.now)


@shared_task
def prune() -> None:
    """Daily: forget run logs older than 30 days, mails, uploads that nobody imported, what was sent in long ago,
    sign-ins and sessions that are over."""
    runs_prune(before=timezone.now() - KEEP_RUNS)
    mails_prune(now=timezone.now())
    imports_sweep(now=timezone.now())
    intake_prune(now=timezone.now())
    logins_prune(before=timezone.now() - KEEP_SIGN_INS)
    route_events_prune(before=timezone.now() - KEEP_EVENTS)
    call_command("clearsessions")
