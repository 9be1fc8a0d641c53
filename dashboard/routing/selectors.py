"""Reads of routing: what is known of accounts, policies with what was decided of them, revisions and events."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.shortcuts import get_object_or_404

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.balances.pace import window_length
from dashboard.balances.selectors import primary_series
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Team
from dashboard.organizations.scope import Scope
from dashboard.routing.decide import Balance, Facts, Known, Memory, Quota
from dashboard.routing.document import Document, document_stored
from dashboard.routing.models import RouteEvent, RoutePolicy, RouteRevision, TargetOut
from dashboard.sync.models import StreamState, SyncStream

_SECOND = timedelta(seconds=1)
# Reasons of a missing runway that mean: not for a long time. The others mean that nobody can tell.
_LASTING = ("", "no_burn")


def account_facts(*, account_ids: Collection[int]) -> dict[int, Facts]:
    """What decisions about these accounts are made of, in four statements; accounts that are gone are not in it."""
    ids = list(ProviderAccount.objects.filter(pk__in=account_ids).values_list("pk", flat=True))
    balances = {row.account_id: _balance(row) for row in primary_series(account_ids=ids) if row.kind != "owed"}
    quotas: dict[int, list[Quota]] = {}
    telling = QuotaSeries.objects.filter(account_id__in=ids, gone=False, percent_used__isnull=False)
    for row in telling.order_by("account_id", "pk"):
        quotas.setdefault(row.account_id, []).append(_quota(row))
    failed, offline = _health(ids)
    return {
        account: Facts(balances.get(account), tuple(quotas.get(account, ())), failed.get(account), offline.get(account))
        for account in ids
    }


def _balance(row: BalanceSeries) -> Balance:
    known = row.runway_reason in ("", "empty") and row.runway_low_days is not None
    return Balance(
        amount=row.amount,
        unit=row.unit,
        at=row.at,
        fresh_for=row.fresh_for_seconds * _SECOND,
        dry_at=row.at + timedelta(days=row.runway_low_days or 0) if known else None,
        lasting=not known and row.runway_reason in _LASTING,
        spent_when_empty=row.kind != "credit_line",
    )


def _quota(row: QuotaSeries) -> Quota:
    length = window_length(row.window)
    ends_at = row.resets_at or (None if length is None else row.at + length)
    return Quota(row.percent_used or Decimal(0), row.at, row.fresh_for_seconds * _SECOND, ends_at)


def _health(ids: Sequence[int]) -> tuple[dict[int, datetime], dict[int, datetime]]:
    """(last failure of an account that keeps failing, since when a server is offline). As long as any of its streams
    is read, a provider is there."""
    failed: dict[int, datetime] = {}
    offline: dict[int, datetime] = {}
    read = set[int]()
    rows = SyncStream.objects.filter(credential__account_id__in=ids, enabled=True).values_list(
        "credential__account_id", "state", "last_run_at", "offline_since"
    )
    for account, state, last_run_at, offline_since in rows:
        if state == StreamState.FRESH:
            read.add(account)
        elif state == StreamState.FAILING and last_run_at is not None:
            failed[account] = max(last_run_at, failed.get(account, last_run_at))
        elif state == StreamState.OFFLINE and offline_since is not None:
            offline[account] = min(offline_since, offline.get(account, offline_since))
    return (
        {account: at for account, at in failed.items() if account not in read},
        {account: at for account, at in offline.items() if account not in read},
    )


def targets_known(*, policy: RoutePolicy) -> Known:
    """What is remembered of the targets that are out."""
    return targets_known_of(policy_ids=[policy.pk]).get(policy.pk, {})


def targets_known_of(*, policy_ids: Collection[int]) -> dict[int, dict[tuple[str, str], Memory]]:
    """The same of several policies, in one statement; those of which nothing is remembered are not in it."""
    found: dict[int, dict[tuple[str, str], Memory]] = {}
    rows = TargetOut.objects.filter(policy_id__in=policy_ids)
    for policy_id, match, target, cause, since in rows.values_list("policy_id", "match", "target", "cause", "since"):
        found.setdefault(policy_id, {})[(match, target)] = Memory(cause, since)  # type: ignore[arg-type]
    return found


# Revisions never change, and neither does what stands under their digest.
_documents: dict[str, Document] = {}
MOST_DOCUMENTS = 1_000


def documents_live(*, policies: Collection[RoutePolicy]) -> dict[int, Document]:
    """What each of these policies says now, in two statements at most."""
    wanted = RouteRevision.objects.filter(policy__in=policies, number=F("policy__revision"))
    digests = dict(wanted.values_list("policy_id", "digest"))
    found = {digest: known for digest in digests.values() if (known := _documents.get(digest)) is not None}
    unread = [policy_id for policy_id, digest in digests.items() if digest not in found]
    if unread:
        as_text = Cast("document", TextField())
        for digest, text in wanted.filter(policy_id__in=unread).values_list("digest", as_text):
            found[digest] = _documents[digest] = msgspec.json.decode(text, type=Document)
    while len(_documents) > MOST_DOCUMENTS:
        _documents.pop(next(iter(_documents)), None)
    return {policy_id: found[digest] for policy_id, digest in digests.items()}


# --- Policies ---------------------------------------------------------------------------------------------------


def policies_in(*, scope: Scope) -> QuerySet[RoutePolicy]:
    """The policies that somebody may read: those of their teams, and the organization's own."""
    chosen = RoutePolicy.objects.filter(organization_id=scope.organization_id).select_related("team")
    if scope.team_ids is not None:
        chosen = chosen.filter(Q(team=None) | Q(team_id__in=scope.team_ids))
    return chosen.order_by("team__name", "pk")


def policy_or_404(*, scope: Scope, policy_id: int) -> RoutePolicy:
    return get_object_or_404(policies_in(scope=scope), pk=policy_id)


# Written out, because gateways ask all the time, and to put it together anew each time costs more than to run it.
_FOR_FEED = """
SELECT policy.id, policy.organization_id, policy.team_id, policy.revision, policy.decisions, EXISTS (
    SELECT 1 FROM organizations_team AS team
    WHERE team.id = %(team)s AND team.organization_id = %(organization)s AND team.archived_at IS NULL
) AS team_there
FROM routing_routepolicy AS policy
WHERE policy.organization_id = %(organization)s AND (policy.team_id IS NULL OR policy.team_id = %(team)s)
ORDER BY policy.team_id NULLS LAST LIMIT 1
"""


def policy_for_feed(*, organization_id: int, team_id: int | None) -> tuple[RoutePolicy | None, bool]:
    """(the policy that counts for the team of that id: its own, else the organization's; whether there is such a team):
    one statement where there is a policy. What is decided stays deferred."""
    asked = {"organization": organization_id, "team": team_id}
    for policy in RoutePolicy.objects.raw(_FOR_FEED, asked):
        return policy, team_id is None or policy.team_there  # type: ignore[attr-defined]
    there = Team.objects.filter(organization_id=organization_id, pk=team_id or 0, archived_at=None)
    return None, team_id is None or there.exists()


def revision_live(*, policy: RoutePolicy) -> RouteRevision:
    return RouteRevision.objects.select_related("created_by").get(policy=policy, number=policy.revision)


def revision_document(*, revision: RouteRevision) -> Document:
    return document_stored(revision.document)


def revisions_newest_first(*, policy: RoutePolicy) -> QuerySet[RouteRevision]:
    return (
        RouteRevision.objects.filter(policy=policy).select_related("created_by").defer("document").order_by("-number")
    )


def events_newest_first(*, policies: Collection[RoutePolicy], since: datetime, limit: int) -> list[RouteEvent]:
    """What changed in these policies, with the team of each."""
    chosen = RouteEvent.objects.filter(policy__in=policies, at__gte=since).select_related("policy__team")
    return list(chosen.order_by("-at", "-pk")[:limit])
