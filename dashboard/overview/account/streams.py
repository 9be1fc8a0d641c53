"""Streams and log on the page of an account."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.core.languages.joining import labelled
from dashboard.core.languages.phrases import told
from dashboard.core.templatetags.purser import span_words
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.selectors import absent_words, needs_words
from dashboard.overview.account.choice import Choice
from dashboard.overview.account.kinds import Kind
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.selectors import offline_words, recent_ticks, run_words, runs_of_account, stream_state
from providers.spec import CAPABILITIES, NotOffered

RUNS = 10


def stream_rows(
    account: ProviderAccount,
    kind: Kind,
    credentials: Sequence[ProviderCredential],
    streams: Sequence[SyncStream],
    now: datetime,
) -> list[dict[str, Any]]:
    """One row per stream, and one for each capability that has none, saying why; what a provider does not tell at all
    comes last."""
    ticks = recent_ticks([stream.pk for stream in streams])
    rows = []
    for capability in CAPABILITIES:
        mine = [stream for stream in streams if stream.capability == capability]
        rows += [_stream_row(stream, ticks.get(stream.pk, []), now, several=len(mine) > 1) for stream in mine]
        if not mine:
            rows.append(_absent_row(account, kind, capability, credentials))
    return sorted(rows, key=lambda row: bool(row["state"] == "not_offered"))


def _stream_row(stream: SyncStream, ticks: list[dict[str, str]], now: datetime, *, several: bool) -> dict[str, Any]:
    standby, paused = stream.state == StreamState.STANDBY, stream.state == StreamState.PAUSED
    under_way = stream.lease_until is not None and stream.lease_until > now
    if stream.credential.state == CredentialState.PAUSED:
        return _paused_row(stream, ticks)
    words = (
        _("Another key of this account reads this; this one takes over when it fails.")
        if standby
        else told(stream.message)
    )
    if since := offline_words(stream):
        words = _("%(since)s. The machine may be off or asleep; it is looked for every few minutes.") % {"since": since}
    if several and stream.credential.label:
        words = labelled(stream.credential.label, words) if words else stream.credential.label
    return {
        "id": stream.pk,
        "capability": stream.capability,
        "state": "waiting" if standby else "syncing" if under_way else stream_state(stream, now),
        "words": words,
        "ticks": ticks,
        "last_success": stream.last_success_at,
        "next_at": None if standby or paused else stream.next_run_at,
        "every": "" if standby or paused else _every_words(stream),
        "next_words": _("standing by") if standby else _("when the key is fixed") if paused else "",
        "todo": _("Fix the key") if paused else "",
        "todo_url": reverse("credentials:check", args=[stream.credential_id]) if paused else "",
        "can_try": not standby and not under_way,
    }


def _every_words(stream: SyncStream) -> str:
    span = span_words(stream.interval_seconds)
    return _("every %(span)s") % {"span": span}


def _paused_row(stream: SyncStream, ticks: list[dict[str, str]]) -> dict[str, Any]:
    """A stream whose key somebody paused: no failure, and nothing to try."""
    return {
        "id": stream.pk,
        "capability": stream.capability,
        "state": "paused",
        "words": _("Paused by hand."),
        "ticks": ticks,
        "last_success": stream.last_success_at,
        "next_at": None,
        "next_words": _("when resumed"),
        "can_try": False,
    }


def _absent_row(
    account: ProviderAccount, kind: Kind, capability: str, credentials: Sequence[ProviderCredential]
) -> dict[str, Any]:
    endpoint = account.provider.endpoint(capability)
    row: dict[str, Any] = {"id": None, "capability": capability, "ticks": [], "last_success": None, "next_at": None}
    if isinstance(endpoint, NotOffered):
        words = absent_words(account.provider, capability)
        return {**row, "state": "not_offered", "words": words, **_instead(account, kind, capability)}
    checking = any(credential.state == CredentialState.CHECKING for credential in credentials)
    missing: tuple[str, ...] = ()
    for credential in credentials:
        missing = endpoint.missing(credential.declared())
    if missing:
        words = _("Needs another field: %(names)s.") % {"names": needs_words(account.provider, missing)}
        url = reverse("credentials:check", args=[credentials[0].pk]) if credentials else ""
        return {**row, "state": "not_tried", "words": words, "todo": _("Enter it"), "todo_url": url}
    if not checking and any(credential.state == CredentialState.REFUSED for credential in credentials):
        return {**row, "state": "waiting", "words": _("Waits for a key that works.")}
    words = _("Waits for the check of the key.") if checking else ""
    soon = _("after the check") if checking else _("within a minute")
    return {**row, "state": "waiting", "words": words, "next_words": soon}


def _instead(account: ProviderAccount, kind: Kind, capability: str) -> dict[str, str]:
    """What somebody who may can do where the provider tells nothing: type it in, or bring a file."""
    if kind == "server":
        return {}
    if capability == "balance":
        url = reverse("usage:entry_add", args=[account.pk, "balance"])
        return {"instead": _("Type a balance in"), "instead_url": url}
    if capability in ("usage", "cost"):
        url = reverse("imports:account_imports", args=[account.pk])
        return {"instead": _("Import a file"), "instead_url": url}
    return {}


_LOOKS = {
    RunOutcome.OK: "read",
    RunOutcome.PARTIAL: "provisional",
    RunOutcome.RETRYABLE: "backing_off",
    RunOutcome.OFFLINE: "offline",
    RunOutcome.ACTION_NEEDED: "paused",
    RunOutcome.NOT_AVAILABLE: "not_available",
}


def run_rows(account: ProviderAccount, choice: Choice) -> dict[str, Any]:
    """The log, newest first, from where the reader has paged to."""
    runs = runs_of_account(account_id=account.pk, before=choice.before, limit=RUNS + 1)
    older = choice.query(before=runs[RUNS - 1].pk) if len(runs) > RUNS else ""
    return {
        "runs": [_run_row(run) for run in runs[:RUNS]],
        "runs_older": older,
        "runs_newest": choice.query(before=None) if choice.before is not None else "",
    }


def _run_row(run: SyncRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "at": run.finished_at,
        "capability": run.stream.capability,
        "state": _LOOKS.get(RunOutcome(run.outcome), "failed"),
        "words": run_words(run),
        "seconds": (run.finished_at - run.started_at).total_seconds(),
        "started": run.started_at,
        "calls": run.calls,
        "records": run.records,
        "changed": run.changed,
        "first": run.window_start,
        "last": run.window_end,
    }
