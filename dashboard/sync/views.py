"""Asking for a sync now."""

from collections.abc import Sequence

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.credentials.services import credential_resume as resume
from dashboard.organizations.access import access
from dashboard.organizations.audit import audit_record
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.sync.models import SyncStream
from dashboard.sync.services import credential_rest, streams_sync_now


@access(Access.SYNC)
@require_POST
def sync_all(request: PurserRequest) -> HttpResponse:
    ids = SyncStream.objects.filter(request.scope.accounts("credential__account__")).values_list("pk", flat=True)
    _ask(request, list(ids))
    return redirect("overview:overview")


@access(Access.SYNC)
@require_POST
def account_sync(request: PurserRequest, account_id: int) -> HttpResponse:
    account = get_object_or_404(ProviderAccount, request.scope.accounts(), pk=account_id)
    _ask(request, list(SyncStream.objects.filter(credential__account=account).values_list("pk", flat=True)), account)
    return redirect("credentials:account", account_id=account.pk)


@access(Access.SYNC)
@require_POST
def stream_sync(request: PurserRequest, stream_id: int) -> HttpResponse:
    stream = get_object_or_404(SyncStream, request.scope.accounts("credential__account__"), pk=stream_id)
    _ask(request, [stream.pk], stream.credential.account)
    return redirect("credentials:account", account_id=stream.credential.account_id)


@access(Access.MANAGE)
@require_POST
def credential_pause(request: PurserRequest, credential_id: int) -> HttpResponse:
    credential = _credential(request, credential_id)
    if credential_rest(credential=credential, by=request.actor, now=timezone.now()):
        messages.success(request, _("Paused: nothing is read with this key until it is resumed. Its figures stay."))
    return redirect("credentials:account", account_id=credential.account_id)


@access(Access.MANAGE)
@require_POST
def credential_resume(request: PurserRequest, credential_id: int) -> HttpResponse:
    credential = _credential(request, credential_id)
    if resume(credential=credential, by=request.actor, now=timezone.now()):
        messages.success(request, _("Resumed: the key is being checked, then read with again."))
    return redirect("credentials:account", account_id=credential.account_id)


def _credential(request: PurserRequest, credential_id: int) -> ProviderCredential:
    everything = ProviderCredential.objects.select_related("account", "organization")
    return get_object_or_404(everything, pk=credential_id, organization=request.organization)


def _ask(request: PurserRequest, stream_ids: Sequence[int], subject: ProviderAccount | None = None) -> None:
    now = timezone.now()
    with transaction.atomic():
        asked = streams_sync_now(stream_ids=stream_ids, now=now)
        if asked:
            words = ngettext("%(count)d stream", "%(count)d streams", asked) % {"count": asked}
            audit_record(
                organization=request.organization,
                by=request.actor,
                action="sync.asked",
                now=now,
                subject=subject,
                words=f"{subject}, {words}" if subject else words,
            )
    if asked:
        words = ngettext("Reading %(count)d thing now.", "Reading %(count)d things now.", asked) % {"count": asked}
        messages.success(request, words)
    else:
        messages.info(request, _("Nothing to start: a sync is under way, or the provider asked us to wait."))
