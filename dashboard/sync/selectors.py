"""Reads of streams and runs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.windows import backfill_percent, backfilling
from providers.spec import Endpoint

LATE_AFTER_INTERVALS = 3
_WORST_FIRST = ("paused", "failing", "backing_off", "stale", "waiting", "fresh")
TICKS = 24
# Columns of the credential that no list prints; the secrets above all stay in the database.
_UNSHOWN = (
    "credential__encrypted_secrets",
    "credential__key_id",
    "credential__secret_hints",
    "credential__fingerprints",
    "credential__settings",
    "credential__warnings",
    "credential__relay_url",
    "credential__check_message",
    "credential__check_help_url",
)


def stream_state(stream: SyncStream, now: datetime) -> str:
    """The state that a page shows: a stream that was well but has not run for three intervals is stale."""
    if stream.state == StreamState.FRESH and stream.last_success_at is not None:
        late = timedelta(seconds=stream.interval_seconds * LATE_AFTER_INTERVALS) + timedelta(minutes=2)
        if now - stream.last_success_at > late:
            return "stale"
    return stream.state


def worst_state(states: Iterable[str]) -> str:
    """What an account shows of its streams; those that stand by or are not available say nothing about health."""
    found = set(states)
    return next((state for state in _WORST_FIRST if state in found), "waiting" if not found else "fresh")


def streams_of_accounts(account_ids: Sequence[int]) -> dict[int, list[SyncStream]]:
    found: dict[int, list[SyncStream]] = defaultdict(list)
    rows = SyncStream.objects.filter(credential__account_id__in=account_ids).select_related("credential")
    for stream in rows.defer(*_UNSHOWN).order_by("credential_id", "pk"):
        found[stream.credential.account_id].append(stream)
    return found


@dataclass(frozen=True, slots=True)
class Health:
    """How the streams of one provider (slug "" = all) stand: by shown state."""

    slug: str
    states: dict[str, int]
    first_at: datetime | None

    @property
    def total(self) -> int:
        return sum(count for state, count in self.states.items() if state != "standby")

    @property
    def fresh(self) -> int:
        return self.states.get("fresh", 0) + self.states.get("not_available", 0)


def health_by_provider(*, organization_id: int, now: datetime) -> list[Health]:
    """Streams of an organization counted by provider and shown state."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account.provider_slug,"
            " CASE WHEN stream.state = 'fresh' AND stream.last_success_at < %(now)s"
            " - make_interval(secs => stream.interval_seconds * %(late)s + 120) THEN 'stale' ELSE stream.state END,"
            " count(*), min(credential.created_at)"
            " FROM sync_syncstream AS stream JOIN credentials_providercredential AS credential"
            " ON credential.id = stream.credential_id"
            " JOIN credentials_provideraccount AS account ON account.id = credential.account_id"
            " WHERE stream.organization_id = %(organization)s GROUP BY 1, 2 ORDER BY 1",
            {"now": now, "late": LATE_AFTER_INTERVALS, "organization": organization_id},
        )
        rows = cursor.fetchall()
    states: dict[str, dict[str, int]] = defaultdict(dict)
    first: dict[str, datetime] = {}
    for slug, state, count, created in rows:
        states[slug][state] = count
        first[slug] = min(created, first.get(slug, created))
    return [Health(slug=slug, states=states[slug], first_at=first[slug]) for slug in states]


def trouble_by_hour(*, organization_id: int, now: datetime) -> dict[tuple[str, int], set[str]]:
    """{(provider slug, hours ago): outcomes} of the last 24 hours' runs that were not good."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT provider_slug, floor(extract(epoch FROM %(now)s - finished_at) / 3600)::int, outcome"
            " FROM sync_syncrun WHERE organization_id = %(organization)s"
            " AND outcome NOT IN ('ok', 'partial', 'not_available') AND finished_at > %(now)s - interval '24 hours'",
            {"now": now, "organization": organization_id},
        )
        found: dict[tuple[str, int], set[str]] = defaultdict(set)
        for slug, hours_ago, outcome in cursor.fetchall():
            found[(slug, max(0, hours_ago))].add(outcome)
    return found


def hour_ticks(
    trouble: dict[tuple[str, int], set[str]], slugs: Sequence[str], first_at: datetime | None, now: datetime
) -> list[dict[str, str]]:
    """24 ticks, oldest hour first: the worst of the hour, nothing for hours before the first stream existed."""
    ticks = []
    for hours_ago in range(TICKS - 1, -1, -1):
        end = now - timedelta(hours=hours_ago)
        outcomes = set().union(*(trouble.get((slug, hours_ago), set()) for slug in slugs))
        if first_at is None or end < first_at:
            ticks.append({"state": "none", "title": _("nothing ran")})
        elif outcomes & {RunOutcome.ACTION_NEEDED, RunOutcome.PAYLOAD_ERROR, RunOutcome.INTERNAL}:
            ticks.append({"state": "crit", "title": _("failed")})
        elif outcomes:
            ticks.append({"state": "warn", "title": _("had to try again")})
        else:
            ticks.append({"state": "ok", "title": _("read")})
    return ticks


def attention(*, organization_id: int, limit: int) -> list[SyncStream]:
    """Streams that need a person, or that keep failing: one per credential and reason."""
    return list(
        SyncStream.objects.filter(
            organization_id=organization_id, state__in=[StreamState.PAUSED, StreamState.FAILING], enabled=True
        )
        .select_related("credential__account")
        .defer(*_UNSHOWN)
        .order_by("state", "credential_id", "pk")[:limit]
    )


def recent_ticks(stream_ids: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    """The last 24 runs of each stream, oldest first, as ticks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT stream.id, run.outcome FROM unnest(%s::bigint[]) AS stream(id) CROSS JOIN LATERAL ("
            " SELECT id, outcome FROM sync_syncrun WHERE stream_id = stream.id ORDER BY id DESC LIMIT %s) AS run"
            " ORDER BY stream.id, run.id",
            [list(stream_ids), TICKS],
        )
        found: dict[int, list[dict[str, str]]] = defaultdict(list)
        for stream_id, outcome in cursor.fetchall():
            look = {"ok": "ok", "partial": "ok", "retryable": "warn", "not_available": "none"}.get(outcome, "crit")
            found[stream_id].append({"state": look, "title": str(RunOutcome(outcome).label)})
    nothing = {"state": "none", "title": ""}
    return {stream_id: [nothing] * (TICKS - len(ticks)) + ticks for stream_id, ticks in found.items()}


def runs_of_account(*, account_id: int, before: int | None, limit: int) -> list[SyncRun]:
    """The log of an account, newest first; `before` is the id that the last page ended with."""
    rows: QuerySet[SyncRun] = SyncRun.objects.filter(stream__credential__account_id=account_id)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    return list(rows.select_related("stream").order_by("-pk")[:limit])


def run_words(run: SyncRun) -> str:
    """A run in plain language."""
    if run.outcome not in (RunOutcome.OK, RunOutcome.PARTIAL):
        return run.message
    if not run.records:
        words = _("Read; there was nothing to tell.")
    else:
        words = ngettext("Read %(count)d record", "Read %(count)d records", run.records) % {"count": run.records}
        words += ", " + (_("%(count)d new or changed.") % {"count": run.changed} if run.changed else _("nothing new."))
    if run.window_start and run.window_end:
        span = {"first": f"{run.window_start:%d %b}", "last": f"{run.window_end:%d %b}"}
        words += " " + (
            _("History %(first)s to %(last)s.") % span if run.backfill else _("%(first)s to %(last)s.") % span
        )
    return f"{words} {run.message}".strip()


@dataclass(frozen=True, slots=True)
class Progress:
    """What syncing of an account does now."""

    busy: bool
    done: int
    total: int
    words: str


def progress_of_account(*, account_id: int, now: datetime) -> Progress:
    """Counts streams that are not under way as done, and says how far back history has come."""
    streams = [
        stream
        for stream in SyncStream.objects.filter(credential__account_id=account_id, enabled=True).select_related(
            "credential__account"
        )
        if stream.state not in (StreamState.STANDBY, StreamState.PAUSED)
    ]
    words, running = [], 0
    for stream in streams:
        under_way = stream.lease_until is not None and stream.lease_until > now
        endpoint = stream.credential.provider.endpoint(stream.capability)
        history = endpoint.history if isinstance(endpoint, Endpoint) else timedelta(0)
        back = backfilling(stream) and stream.state == StreamState.FRESH
        if back:
            words.append(
                _("%(capability)s history %(percent)d %%")
                % {"capability": stream.capability, "percent": backfill_percent(stream, history, now)}
            )
        elif under_way:
            words.append(_("reading %(capability)s") % {"capability": stream.capability})
        running += under_way or back
    return Progress(busy=running > 0, done=len(streams) - running, total=len(streams), words=", ".join(words))
