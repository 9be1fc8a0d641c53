"""Asking for a sync now."""

from collections.abc import Sequence
from datetime import timedelta

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.core.encryption import fingerprint
from dashboard.core.undo import message_with_undo
from dashboard.credentials.account_forms import RemoveForm
from dashboard.credentials.forms import ConnectForm
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.credentials.selectors import provider_card
from dashboard.credentials.services import credential_resume as resume
from dashboard.organizations.access import access, limited
from dashboard.organizations.audit import audit_record
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.organizations.services import Refused
from dashboard.sync.models import SyncStream
from dashboard.sync.rotation import credential_remove, credential_switch, successor_create
from dashboard.sync.services import credential_rest, streams_sync_now


@access(Access.SYNC)
@limited("syncs", amount=60, within=timedelta(minutes=5), per="organization")
@require_POST
def sync_all(request: PurserRequest) -> HttpResponse:
    ids = SyncStream.objects.filter(request.scope.accounts("credential__account__")).values_list("pk", flat=True)
    _ask(request, list(ids))
    return redirect("overview:overview")


@access(Access.SYNC)
@limited("syncs", amount=60, within=timedelta(minutes=5), per="organization")
@require_POST
def account_sync(request: PurserRequest, account_id: int) -> HttpResponse:
    account = get_object_or_404(ProviderAccount, request.scope.accounts(), pk=account_id)
    _ask(request, list(SyncStream.objects.filter(credential__account=account).values_list("pk", flat=True)), account)
    return redirect("credentials:account", account_id=account.pk)


@access(Access.SYNC)
@limited("syncs", amount=60, within=timedelta(minutes=5), per="organization")
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
        words = _("Paused: nothing is read with this key until it is resumed. Its figures stay.")
        message_with_undo(request, words, undo=reverse("sync:credential_resume", args=[credential.pk]))
    return redirect("credentials:account", account_id=credential.account_id)


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_POST
def credential_resume(request: PurserRequest, credential_id: int) -> HttpResponse:
    credential = _credential(request, credential_id)
    if resume(credential=credential, by=request.actor, now=timezone.now()):
        words = _("Resumed: the key is being checked, then read with again.")
        message_with_undo(request, words, undo=reverse("sync:credential_pause", args=[credential.pk]))
    return redirect("credentials:account", account_id=credential.account_id)


@access(Access.MANAGE)
@limited("checks", amount=100, within=timedelta(minutes=10), per="organization")
@require_http_methods(["GET", "POST"])
def rotate(request: PurserRequest, credential_id: int) -> HttpResponse:
    """Add a new key beside this one, to take over from it."""
    old = _credential(request, credential_id)
    form = ConnectForm(request.POST or None, provider=old.provider, initial=old.settings)
    form.fields.pop("label", None)
    if request.method == "POST" and form.is_valid():
        if any(form.values[name] and fingerprint(form.values[name]) == mark for name, mark in old.fingerprints.items()):
            form.add_error(None, _("That is the key that is here already. Make a new one at the provider."))
        else:
            new = successor_create(
                credential=old, values=form.values, by=request.actor, now=timezone.now(), endings=form.endings
            )
            return redirect("credentials:check", credential_id=new.pk)
    hint = next(filter(None, old.secret_hints.values()), "")
    context = {"credential": old, "hint": hint, "form": form, "provider": provider_card(old.provider)}
    return render(request, "credentials/rotate.html", context)


@access(Access.MANAGE)
@require_POST
def switch(request: PurserRequest, credential_id: int) -> HttpResponse:
    """Let this key take over from the one that it replaces."""
    credential = _credential(request, credential_id)
    try:
        credential_switch(credential=credential, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("credentials:check", credential_id=credential.pk)
    messages.success(request, _("Switched. The other key is retired: delete it at the provider, then remove it here."))
    return redirect("credentials:account", account_id=credential.account_id)


@access(Access.MANAGE)
@require_POST
def remove(request: PurserRequest, credential_id: int) -> HttpResponse:
    """Remove a key; the account's label is typed to confirm."""
    credential = _credential(request, credential_id)
    account, form = credential.account, RemoveForm(request.POST, account=credential.account)
    if not form.is_valid():
        for problems in form.errors.values():
            messages.error(request, " ".join(str(problem) for problem in problems))
        return redirect("credentials:check", credential_id=credential.pk)
    erase = form.cleaned_data["history"] == "erase"
    try:
        credential_remove(credential=credential, erase=erase, by=request.actor, now=timezone.now())
    except Refused as refused:
        messages.error(request, str(refused))
        return redirect("credentials:check", credential_id=credential_id)
    if erase:
        messages.success(
            request, _("%(label)s is gone with everything that was read of it.") % {"label": account.label}
        )
        return redirect("credentials:account_list")
    messages.success(request, _("The key is removed. What it has read stays."))
    return redirect("credentials:account", account_id=account.pk)


def _credential(request: PurserRequest, credential_id: int) -> ProviderCredential:
    everything = ProviderCredential.objects.select_related("account", "organization", "replaces")
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
