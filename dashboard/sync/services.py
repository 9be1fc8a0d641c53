"""Writes of the sync: which streams there are, who may run them now, and the landing of what came back."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils.translation import gettext as _

from dashboard.balances.services import Place, balances_land, quotas_land
from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.credentials.services import credential_pause, offered_models_land, server_reading_land
from dashboard.keys.services import provider_keys_land
from dashboard.organizations.audit import Actor
from dashboard.sync.loading import stream_load
from dashboard.sync.models import RUNNING_STATES, RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.windows import Reading, after_success
from dashboard.usage.counters import counters_land, counters_partitions
from dashboard.usage.derived.services import derived_balance_refresh, derived_spend_refresh
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import cost_land, usage_land
from providers.collect import Collected
from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError, Retryable
from providers.records import Balance, CostBucket, CounterSample, Model, ProviderKey, Quota, Record, Server, UsageBucket
from providers.spec import Endpoint

LEASE = timedelta(minutes=5)
RECHECK_NOT_AVAILABLE = timedelta(days=7)
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=1)
# A machine that was off is seen within some five minutes of its coming back: this, a fifth more, and a dispatch.
OFFLINE_PAUSE = timedelta(minutes=3, seconds=20)
# From this many failures in a row on, a stream is called failing: people should look.
FAILING_AFTER = 4
CLOCK_TOLERANCE = timedelta(minutes=5)
# What providers answer when asked for days that they no longer keep.
_OUT_OF_RANGE = frozenset({400, 404, 410, 416, 422})


class Overtaken(Exception):
    """The lease passed and another worker has the stream: nothing of this run may land."""


# --- Which streams there are ------------------------------------------------------------------------------------


def streams_ensure(*, credential: ProviderCredential, now: datetime) -> None:
    """Make the streams of everything that this credential can read, and let those that it no longer can go quiet."""
    provider, account = credential.provider, credential.declared()
    readable = {
        capability: endpoint
        for capability, endpoint in provider.capabilities.items()
        if isinstance(endpoint, Endpoint) and not endpoint.missing(account)
    }
    with transaction.atomic():
        SyncStream.objects.filter(credential=credential).exclude(capability__in=readable).delete()
        for capability, endpoint in readable.items():
            seconds = int(endpoint.interval.total_seconds())
            SyncStream.objects.update_or_create(
                credential=credential,
                capability=capability,
                defaults={"interval_seconds": seconds},
                create_defaults={
                    "organization_id": credential.organization_id,
                    "interval_seconds": seconds,
                    "next_run_at": now,
                },
            )
        streams_arrange(account=credential.account, now=now)


def streams_arrange(*, account: ProviderAccount, now: datetime) -> None:
    """Let exactly one credential read each capability that belongs to the account as a whole: the others stand by, and
    take over when the first is paused. Capabilities that belong to a key are read by each key."""
    with transaction.atomic():
        ProviderAccount.objects.select_for_update().get(pk=account.pk)
        streams = list(
            SyncStream.objects.filter(credential__account=account, enabled=True)
            .select_related("credential")
            .order_by("credential_id")
        )
        for capability in {stream.capability for stream in streams}:
            endpoint = account.provider.endpoint(capability)
            if not isinstance(endpoint, Endpoint) or endpoint.per_key:
                continue
            able = [
                stream
                for stream in streams
                if stream.capability == capability
                and stream.credential.state == CredentialState.ACTIVE
                and stream.state != StreamState.PAUSED
            ]
            # A stream that is already reading goes on: its cursor and history stand.
            able.sort(key=lambda stream: stream.state == StreamState.STANDBY)
            for position, stream in enumerate(able):
                if position and stream.state != StreamState.STANDBY:
                    _rest(stream, StreamState.STANDBY)
                elif not position and stream.state == StreamState.STANDBY:
                    _rest(stream, StreamState.WAITING)
                    SyncStream.objects.filter(pk=stream.pk).update(next_run_at=now)


def _rest(stream: SyncStream, state: StreamState) -> None:
    stream.state = state
    stream.message = ""
    stream.save(update_fields=["state", "message"])


def credential_rest(*, credential: ProviderCredential, by: Actor, now: datetime) -> bool:
    """Pause a key, and let another one of the account take over what it read. What is being read now still lands."""
    with transaction.atomic():
        if not credential_pause(credential=credential, by=by, now=now):
            return False
        streams_arrange(account=credential.account, now=now)
    return True


def credential_streams_wake(*, credential: ProviderCredential, now: datetime) -> None:
    """The credential changed (new secret, resumed): forget old refusals and read everything soon."""
    SyncStream.objects.filter(credential=credential, state__in=[StreamState.PAUSED, *RUNNING_STATES]).update(
        state=StreamState.WAITING, failures=0, message="", next_run_at=now, lease_until=None
    )
    streams_ensure(credential=credential, now=now)


# --- Who may run now --------------------------------------------------------------------------------------------


def streams_lease_due(*, now: datetime, limit: int = 5000) -> list[tuple[int, int]]:
    """Lease every stream that is due and nobody's: one conditional UPDATE. Returns (stream id, lease token)."""
    return _lease(
        "stream.next_run_at <= %(now)s AND stream.state = ANY(%(states)s)",
        {"now": now, "states": list(RUNNING_STATES), "limit": limit},
        now,
    )


def streams_lease_now(*, stream_ids: Sequence[int], now: datetime) -> list[tuple[int, int]]:
    """Lease these streams although they are not due, as far as nobody runs them: a person asked for it."""
    return _lease(
        "stream.id = ANY(%(ids)s) AND stream.state <> 'standby'",
        {"ids": list(stream_ids), "now": now, "limit": len(stream_ids)},
        now,
    )


def streams_lease_due_again(*, stream_id: int, now: datetime) -> list[tuple[int, int]]:
    """Lease one stream if it is due already: its next span of history."""
    condition = "stream.id = %(id)s AND stream.next_run_at <= %(now)s AND stream.state = ANY(%(states)s)"
    return _lease(condition, {"id": stream_id, "now": now, "states": list(RUNNING_STATES), "limit": 1}, now)


def streams_sync_now(*, stream_ids: Sequence[int], now: datetime) -> int:
    """Lease what is free of these streams and put it on the queue. Returns how many."""
    leases = streams_lease_now(stream_ids=stream_ids, now=now)
    for stream_id, token in leases:
        enqueue_on_commit("sync_stream", stream_id, token, expires=LEASE.total_seconds())
    return len(leases)


def _lease(condition: str, values: dict[str, Any], now: datetime) -> list[tuple[int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sync_syncstream SET lease_until = %(until)s, lease_token = lease_token + 1 WHERE id IN ("
            " SELECT stream.id FROM sync_syncstream AS stream"
            " JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id"
            f" WHERE {condition} AND stream.enabled AND credential.state = 'active'"
            " AND (stream.lease_until IS NULL OR stream.lease_until < %(now)s)"
            " AND (credential.resting_until IS NULL OR credential.resting_until <= %(now)s)"
            " ORDER BY stream.next_run_at LIMIT %(limit)s FOR UPDATE OF stream SKIP LOCKED"
            ") RETURNING id, lease_token",
            {**values, "until": now + LEASE},
        )
        return cursor.fetchall()


def stream_start(*, stream_id: int, token: int, now: datetime) -> SyncStream | None:
    """The leased stream with its credential and account; None when the lease is no longer ours, so that a message that
    lay in the queue too long dies here. A lease that is half over is begun anew."""
    stream = stream_load(stream_id=stream_id, token=token)
    if stream is None or stream.lease_until is None or stream.lease_until < now:
        return None
    if stream.lease_until - now < LEASE / 2:
        held = SyncStream.objects.filter(pk=stream_id, lease_token=token, lease_until__gte=now)
        if not held.update(lease_until=now + LEASE):
            return None
    return stream


# --- Landing ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a worker did with a leased stream."""

    stream: SyncStream
    token: int
    reading: Reading
    started_at: datetime


def run_land(*, run: Run, collected: Collected, now: datetime) -> RunOutcome:
    """Store the records, move the cursor and log the run in one transaction. Raises Overtaken when the lease is no
    longer ours, PayloadError when the records cannot be an account's history; in both cases nothing is stored."""
    records = collected.records
    usage = [record for record in records if isinstance(record, UsageBucket)]
    cost = [record for record in records if isinstance(record, CostBucket)]
    if usage:
        partitions_ensure(table="usage_usagerecord", starts=(row.start for row in usage), now=now)
    if any(isinstance(record, CounterSample) for record in records):
        partitions_ensure(table="usage_usagerecord", starts=counters_partitions(now), now=now)
    if cost:
        partitions_ensure(table="usage_costrecord", starts=(row.start for row in cost), now=now)
    with transaction.atomic():
        # First of all, because the row stays locked until the commit: whoever is overtaken stores nothing.
        _succeed(run, now)
        changed = _store(run, collected, usage, cost, now)
        if changed:
            _derive(run.stream, records, now)
        return _log(
            run,
            RunOutcome.PARTIAL if collected.partial else RunOutcome.OK,
            " ".join((*collected.partial, *clock_words(collected.told_at, now))),
            now,
            calls=collected.calls,
            records=len(records),
            changed=changed,
        )


def clock_words(told_at: datetime | None, now: datetime) -> list[str]:
    """A sentence when this machine's clock and the provider's are apart: ages and windows would be wrong by that."""
    if told_at is None or abs(now - told_at) <= CLOCK_TOLERANCE:
        return []
    minutes = round(abs(now - told_at) / timedelta(minutes=1))
    ahead = _("This machine's clock is %(minutes)d min ahead of the provider's.")
    behind = _("This machine's clock is %(minutes)d min behind the provider's.")
    return [(ahead if now > told_at else behind) % {"minutes": minutes}]


def run_fail(*, run: Run, error: ProviderError, now: datetime, chance: random.Random) -> RunOutcome:
    """Put down what went wrong and when to try again; values and cursor stay as they were. Raises Overtaken."""
    stream = run.stream
    if run.reading.backfill and isinstance(error, NotAvailable | PayloadError) and error.status in _OUT_OF_RANGE:
        return _end_history(run, now)
    if isinstance(error, Retryable) and error.unreachable and _may_sleep(stream.credential):
        return _asleep(run, error, now, chance)
    with transaction.atomic():
        _own(run, now)
        failures = stream.failures + 1
        pause = _pause(failures, timedelta(seconds=stream.interval_seconds), chance)
        state = StreamState.FAILING if failures >= FAILING_AFTER else StreamState.BACKING_OFF
        outcome, next_run_at = RunOutcome.PAYLOAD_ERROR, now + pause
        if isinstance(error, Retryable):
            outcome = RunOutcome.RETRYABLE
            if error.retry_after is not None:
                next_run_at = max(next_run_at, now + timedelta(seconds=error.retry_after))
            if error.rests_credential:
                _rest_credential(stream.credential_id, next_run_at)
        elif isinstance(error, ActionNeeded):
            outcome, state = RunOutcome.ACTION_NEEDED, StreamState.PAUSED
        elif isinstance(error, NotAvailable):
            outcome, state = RunOutcome.NOT_AVAILABLE, StreamState.NOT_AVAILABLE
            next_run_at = now + RECHECK_NOT_AVAILABLE
        elif not isinstance(error, PayloadError):
            outcome = RunOutcome.INTERNAL
        SyncStream.objects.filter(pk=stream.pk).update(
            state=state,
            failures=failures,
            message=error.message,
            next_run_at=next_run_at,
            lease_until=None,
            last_run_at=now,
        )
        logged = _log(run, outcome, error.message, now)
        if isinstance(error, ActionNeeded):
            streams_arrange(account=stream.credential.account, now=now)
        return logged


def stream_shelve(*, stream: SyncStream, token: int, reason: str, now: datetime) -> None:
    """Lay a leased stream aside that its provider does not offer any more; its values and its cursor stay."""
    SyncStream.objects.filter(pk=stream.pk, lease_token=token).update(
        state=StreamState.NOT_AVAILABLE,
        message=reason,
        next_run_at=now + RECHECK_NOT_AVAILABLE,
        lease_until=None,
    )


def _may_sleep(credential: ProviderCredential) -> bool:
    return credential.provider.sleeps(credential.declared())


def _asleep(run: Run, error: Retryable, now: datetime, chance: random.Random) -> RunOutcome:
    """Nothing answers where that is no trouble: looked for again at a calm, even pace. It says nothing about failures,
    so their count stays; and it is logged once, not every few minutes of a weekend."""
    with transaction.atomic():
        _own(run, now)
        row = SyncStream.objects.values("state", "offline_since").get(pk=run.stream.pk)
        already = row["state"] == StreamState.OFFLINE
        SyncStream.objects.filter(pk=run.stream.pk).update(
            state=StreamState.OFFLINE,
            offline_since=row["offline_since"] if already else now,
            message=error.message,
            next_run_at=now + OFFLINE_PAUSE * chance.uniform(0.8, 1.2),
            lease_until=None,
            last_run_at=now,
        )
        return RunOutcome.OFFLINE if already else _log(run, RunOutcome.OFFLINE, error.message, now)


def _end_history(run: Run, now: datetime) -> RunOutcome:
    """The provider refuses to look back further: what came so far is all the history there is."""
    with transaction.atomic():
        _own(run, now)
        SyncStream.objects.filter(pk=run.stream.pk).update(
            backfill_goal=None,
            lease_until=None,
            last_run_at=now,
            next_run_at=now + timedelta(seconds=run.stream.interval_seconds),
        )
        return _log(run, RunOutcome.OK, _("The provider keeps no older history than this."), now)


def _own(run: Run, now: datetime) -> None:
    """Lock the stream and make sure that the lease is still ours; a deleted stream counts as lost."""
    held = SyncStream.objects.select_for_update().filter(pk=run.stream.pk).values_list("lease_token", "lease_until")
    for token, until in held:
        if token == run.token and until is not None and until >= now:
            return
    raise Overtaken


def _store(run: Run, collected: Collected, usage: list[UsageBucket], cost: list[CostBucket], now: datetime) -> int:
    stream, account = run.stream, run.stream.credential.account
    place = Place(
        organization_id=stream.organization_id,
        account_id=account.pk,
        credential_id=stream.credential_id,
        interval=timedelta(seconds=stream.interval_seconds),
    )
    read_whole = (run.reading.start, run.reading.end) if not collected.partial else None
    records = collected.records
    for server in (row for row in records if isinstance(row, Server)):  # beside what was asked for
        whole = not collected.partial
        server_reading_land(account=account, server=server, complete=whole, fresh_for=place.fresh_for, now=now)
    match stream.capability:
        case "balance":
            return balances_land(place=place, balances=[row for row in records if isinstance(row, Balance)], now=now)
        case "quota":
            quotas = [row for row in records if isinstance(row, Quota)]
            # Some providers tell a wallet beside a quota; both are kept where they belong.
            balances = [row for row in records if isinstance(row, Balance)]
            endpoint = account.provider.endpoint("quota")
            per_key = isinstance(endpoint, Endpoint) and endpoint.per_key
            written = quotas_land(place=place, quotas=quotas, per_key=per_key, now=now)
            return written + (balances_land(place=place, balances=balances, now=now) if balances else 0)
        case "usage" if any(isinstance(row, CounterSample) for row in records):
            samples = [row for row in records if isinstance(row, CounterSample)]
            return counters_land(account_id=account.pk, samples=samples, now=now).changed
        case "usage":
            landed = usage_land(account_id=account.pk, buckets=usage, complete=read_whole)
            return landed.changed + landed.removed
        case "cost":
            landed = cost_land(account_id=account.pk, buckets=cost, complete=read_whole)
            return landed.changed + landed.removed
        case "keys":
            keys = [row for row in records if isinstance(row, ProviderKey)]
            return provider_keys_land(account_id=account.pk, keys=keys, complete=not collected.partial, now=now)
        case "models":
            models = [row for row in records if isinstance(row, Model)]
            return offered_models_land(account=account, models=models, complete=not collected.partial, now=now)
    raise AssertionError(f"no landing for {stream.capability}")


def _derive(stream: SyncStream, records: Sequence[Record], now: datetime) -> None:
    """What the new figures say of those that the provider does not tell."""
    account = stream.credential.account
    if stream.capability in ("usage", "cost"):
        derived_balance_refresh(account=account, now=now)
    elif any(isinstance(record, Balance) for record in records):
        derived_spend_refresh(account=account, now=now)


_SUCCEED = """
UPDATE sync_syncstream SET state = 'fresh', failures = 0, message = '', lease_until = NULL, last_run_at = %(now)s,
    last_success_at = %(now)s, next_run_at = %(next)s, cursor = %(cursor)s, backfilled_to = %(back)s,
    backfill_goal = %(goal)s
WHERE id = %(id)s AND lease_token = %(token)s AND lease_until >= %(now)s
"""


def _succeed(run: Run, now: datetime) -> None:
    """Move the stream on, if the lease is still ours. Raises Overtaken."""
    stream = run.stream
    endpoint = stream.credential.provider.endpoint(stream.capability)
    assert isinstance(endpoint, Endpoint)
    progress = after_success(stream, endpoint, run.reading, now)
    values: dict[str, Any] = {
        "id": stream.pk,
        "token": run.token,
        "now": now,
        "next": progress.next_run_at,
        "cursor": progress.cursor,
        "back": progress.backfilled_to,
        "goal": progress.backfill_goal,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUCCEED, values)
        if cursor.rowcount != 1:
            raise Overtaken


_LOG = """
INSERT INTO sync_syncrun (organization_id, stream_id, provider_slug, outcome, message, started_at, finished_at,
    window_start, window_end, backfill, calls, records, changed)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


def _log(
    run: Run, outcome: RunOutcome, message: str, now: datetime, *, calls: int = 0, records: int = 0, changed: int = 0
) -> RunOutcome:
    span = (run.reading.start, run.reading.end) if run.reading.has_span else (None, None)
    stream = run.stream
    with connection.cursor() as cursor:
        cursor.execute(
            _LOG,
            [
                *(stream.organization_id, stream.pk, stream.credential.account.provider_slug, outcome.value, message),
                *(run.started_at, now, *span, run.reading.backfill, calls, records, changed),
            ],
        )
    return outcome


def _pause(failures: int, interval: timedelta, chance: random.Random) -> timedelta:
    """Doubling from 30 s up to an hour (or the interval, when that is longer), with 20 % of jitter either way."""
    longest = max(LONGEST_PAUSE, interval)
    pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 12), longest)
    return pause * chance.uniform(0.8, 1.2)


def _rest_credential(credential_id: int, until: datetime) -> None:
    """After a 429 everything of this credential waits: the provider counts calls, not our streams."""
    ProviderCredential.objects.filter(pk=credential_id).update(resting_until=until)
    SyncStream.objects.filter(credential_id=credential_id).update(next_run_at=Greatest(F("next_run_at"), until))


def runs_prune(*, before: datetime) -> int:
    """Forget old log entries."""
    deleted, _ = SyncRun.objects.filter(finished_at__lt=before).delete()
    return deleted
