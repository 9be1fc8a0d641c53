"""Reads of streams and runs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.core.languages.joining import listed, space
from dashboard.core.languages.phrases import told
from dashboard.core.rows import Joined
from dashboard.core.templatetags.purser import capability_word, day, full_day, moment
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.scope import Scope
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.windows import backfill_percent, backfilling
from providers.spec import Endpoint

LATE_AFTER_INTERVALS = 3
_WORST_FIRST = ("paused", "failing", "backing_off", "stale", "offline", "waiting", "fresh")
TICKS = 24
# Lists print hardly anything of a credential; its secrets above all stay in the database.
_SHOWN = {"credential": ("id", "account_id", "state", "label", "settings", "secret_hints")}


def stream_state(stream: SyncStream, now: datetime) -> str:
    """The state that a page shows: a stream that was well but has not run for three intervals is stale."""
    if stream.state == StreamState.FRESH and stream.last_success_at is not None:
        late = timedelta(seconds=stream.interval_seconds * LATE_AFTER_INTERVALS) + timedelta(minutes=2)
        if now - stream.last_success_at > late:
            return "stale"
    return stream.state


def offline_words(stream: SyncStream) -> str:
    """Since when nothing answers at a machine that may be off; "" in every other state."""
    if stream.state != StreamState.OFFLINE or stream.offline_since is None:
        return ""
    return _("Offline since %(moment)s") % {"moment": moment(stream.offline_since)}


def worst_state(states: Iterable[str]) -> str:
    """What an account shows of its streams; those that stand by or are not available say nothing about health."""
    found = set(states)
    return next((state for state in _WORST_FIRST if state in found), "waiting" if not found else "fresh")


_OF_ACCOUNTS = Joined(
    """
    SELECT {columns} FROM sync_syncstream AS stream
    JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id
    WHERE credential.account_id = ANY(%s) ORDER BY stream.credential_id, stream.id
    """,
    only=_SHOWN,
    stream=SyncStream,
    credential=ProviderCredential,
)


def streams_of_accounts(account_ids: Sequence[int]) -> dict[int, list[SyncStream]]:
    found: dict[int, list[SyncStream]] = defaultdict(list)
    for stream, credential in _OF_ACCOUNTS.fetch([list(account_ids)]):
        stream.credential = credential
        found[credential.account_id].append(stream)
    return found


@dataclass(frozen=True, slots=True)
class Health:
    """How the streams of one provider (slug "" = all) stand: by shown state. `offline_since` when all of them are
    offline: since the last of them is."""

    slug: str
    states: dict[str, int]
    first_at: datetime | None
    offline_since: datetime | None = None

    @property
    def total(self) -> int:
        """Those that stand by, or whose machine is off, are not expected to be fresh."""
        return sum(count for state, count in self.states.items() if state not in ("standby", "offline"))

    @property
    def fresh(self) -> int:
        return self.states.get("fresh", 0) + self.states.get("not_available", 0)


def health_by_provider(*, scope: Scope, now: datetime) -> list[Health]:
    """Streams of an organization counted by provider and shown state."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT account.provider_slug,"
            " CASE WHEN stream.state = 'fresh' AND stream.last_success_at < %(now)s"
            " - make_interval(secs => stream.interval_seconds * %(late)s + 120) THEN 'stale' ELSE stream.state END,"
            " count(*), min(credential.created_at), max(stream.offline_since)"
            " FROM sync_syncstream AS stream JOIN credentials_providercredential AS credential"
            " ON credential.id = stream.credential_id"
            " JOIN credentials_provideraccount AS account ON account.id = credential.account_id"
            " WHERE stream.organization_id = %(organization)s AND credential.state <> 'paused'"
            " AND (%(teams)s::bigint[] IS NULL OR account.team_id = ANY(%(teams)s)) GROUP BY 1, 2 ORDER BY 1",
            {
                "now": now,
                "late": LATE_AFTER_INTERVALS,
                "organization": scope.organization_id,
                "teams": scope.teams,
            },
        )
        rows = cursor.fetchall()
    states: dict[str, dict[str, int]] = defaultdict(dict)
    first: dict[str, datetime] = {}
    since: dict[str, datetime] = {}
    for slug, state, count, created, offline_since in rows:
        states[slug][state] = count
        first[slug] = min(created, first.get(slug, created))
        if state == StreamState.OFFLINE:
            since[slug] = offline_since
    return [
        Health(
            slug=slug,
            states=found,
            first_at=first[slug],
            offline_since=since.get(slug) if set(found) <= {"offline", "standby"} else None,
        )
        for slug, found in states.items()
    ]


_OF_TEAMS = (
    " AND stream_id IN (SELECT stream.id FROM sync_syncstream AS stream"
    " JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id"
    " JOIN credentials_provideraccount AS account ON account.id = credential.account_id"
    " WHERE account.team_id = ANY(%(teams)s))"
)


def trouble_by_hour(*, scope: Scope, now: datetime) -> dict[tuple[str, int], set[str]]:
    """{(provider slug, hours ago): outcomes} of the last 24 hours' runs that were not good."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT provider_slug, date_bin('1 hour', finished_at, %(now)s), outcome"  # noqa: S608 -- constants
            " FROM sync_syncrun"
            " WHERE organization_id = %(organization)s"
            " AND outcome NOT IN ('ok', 'partial', 'not_available', 'offline')"
            " AND finished_at > %(now)s - interval '24 hours'" + ("" if scope.whole else _OF_TEAMS),
            # Runs know no team; the whole organization's are read without looking any up.
            {"now": now, "organization": scope.organization_id, "teams": scope.teams},
        )
        found: dict[tuple[str, int], set[str]] = defaultdict(set)
        for slug, hour, outcome in cursor.fetchall():
            # Bins begin at `now` less whole hours: the last one ends now.
            found[(slug, max(0, round((now - hour) / timedelta(hours=1)) - 1))].add(outcome)
    return found


_FAILED = frozenset({RunOutcome.ACTION_NEEDED.value, RunOutcome.PAYLOAD_ERROR.value, RunOutcome.INTERNAL.value})


def hour_ticks(
    trouble: dict[tuple[str, int], set[str]],
    slugs: Sequence[str],
    first_at: datetime | None,
    now: datetime,
    offline_since: datetime | None = None,
) -> list[dict[str, str]]:
    """24 ticks, oldest hour first: the worst of the hour, nothing for hours before the first stream existed or since
    the machine is off."""
    nothing, failed, again, read = _("nothing ran"), _("failed"), _("had to try again"), _("read")
    ticks = []
    for hours_ago in range(TICKS - 1, -1, -1):
        outcomes = {outcome for slug in slugs for outcome in trouble.get((slug, hours_ago), ())}
        if first_at is None or now - timedelta(hours=hours_ago) < first_at:
            ticks.append({"state": "none", "title": nothing})
        elif outcomes & _FAILED:
            ticks.append({"state": "crit", "title": failed})
        elif outcomes:
            ticks.append({"state": "warn", "title": again})
        elif offline_since is not None and now - timedelta(hours=hours_ago) > offline_since:
            ticks.append({"state": "none", "title": _("off or asleep")})
        else:
            ticks.append({"state": "ok", "title": read})
    return ticks


_ATTENTION = Joined(
    """
    SELECT {columns} FROM sync_syncstream AS stream
    JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id
    JOIN credentials_provideraccount AS account ON account.id = credential.account_id
    WHERE stream.organization_id = %(organization)s AND stream.state = ANY(%(states)s) AND stream.enabled
    AND (%(teams)s::bigint[] IS NULL OR account.team_id = ANY(%(teams)s))
    ORDER BY stream.state, stream.credential_id, stream.id LIMIT %(limit)s
    """,
    only=_SHOWN,
    stream=SyncStream,
    credential=ProviderCredential,
    account=ProviderAccount,
)


def attention(*, scope: Scope, limit: int) -> list[SyncStream]:
    """Streams that need a person, or that keep failing: one per credential and reason."""
    found = []
    values = {
        "organization": scope.organization_id,
        "teams": scope.teams,
        "states": [StreamState.PAUSED.value, StreamState.FAILING.value],
        "limit": limit,
    }
    for stream, credential, account in _ATTENTION.fetch(values):
        credential.account = account
        stream.credential = credential
        found.append(stream)
    return found


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
            look = {"ok": "ok", "partial": "ok", "retryable": "warn", "not_available": "none", "offline": "none"}.get(
                outcome, "crit"
            )
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
        return told(run.message)
    if not run.records:
        words = _("There was nothing to tell.")
    else:
        words = ngettext("Read %(count)d record", "Read %(count)d records", run.records) % {"count": run.records}
        new = _("%(count)d new or changed.") % {"count": run.changed} if run.changed else _("nothing new.")
        words = _("%(read)s, %(new)s") % {"read": words, "new": new}
    if run.window_start and run.window_end:
        # A history goes years back.
        said = day if run.window_start.year == run.window_end.year == run.finished_at.year else full_day
        span = {"first": said(run.window_start), "last": said(run.window_end)}
        words += space() + (
            _("History %(first)s to %(last)s.") % span if run.backfill else _("%(first)s to %(last)s.") % span
        )
    return f"{words}{space()}{told(run.message)}".strip()


@dataclass(frozen=True, slots=True)
class Progress:
    """What syncing of an account does now; `histories` are how much of each, in percent, has been read so far."""

    busy: bool
    done: int
    total: int
    words: str
    histories: Sequence[tuple[str, int]] = ()


def progress_of_account(*, account_id: int, now: datetime) -> Progress:
    """Counts streams that are not under way as done, and says how far back history has come."""
    streams = [
        stream
        for stream in SyncStream.objects.filter(credential__account_id=account_id, enabled=True).select_related(
            "credential__account"
        )
        if stream.state not in (StreamState.STANDBY, StreamState.PAUSED)
    ]
    words, histories, running = [], [], 0
    for stream in streams:
        under_way = stream.lease_until is not None and stream.lease_until > now
        endpoint = stream.credential.provider.endpoint(stream.capability)
        history = endpoint.history if isinstance(endpoint, Endpoint) else timedelta(0)
        back = backfilling(stream) and stream.state == StreamState.FRESH
        name = capability_word(stream.capability).lower()
        if back:
            histories.append((stream.capability, backfill_percent(stream, history, now)))
            words.append(_("history of %(capability)s") % {"capability": name})
        elif under_way:
            words.append(_("reading %(capability)s") % {"capability": name})
        running += under_way or back
    return Progress(running > 0, len(streams) - running, len(streams), listed(words), histories)
