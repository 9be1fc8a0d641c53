"""Writes of routing: revisions as people save them, and decisions as readings land and time passes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import structlog
from django.db import connection, transaction
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import Actor, audit_record
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.services import Refused
from dashboard.routing.decide import Decision, Facts, Known, RouteDecision, Verdict, account_mark, decide
from dashboard.routing.document import Document, DocumentError, digest, document_of, document_stored, plain_of
from dashboard.routing.models import RouteEvent, RoutePolicy, RouteRevision
from dashboard.routing.selectors import account_facts, documents_live, targets_known_of

log = structlog.get_logger(__name__)

# Where nothing is foreseen, a policy is looked at again after this: readings go stale, and streams recover unseen.
LOOK_AGAIN = timedelta(minutes=5)
KEEP_EVENTS = timedelta(days=90)
MOST_TOGETHER = 200  # policies whose rows are locked at once


# --- Revisions --------------------------------------------------------------------------------------------------


def policy_save(
    *,
    organization: Organization,
    team: Team | None,
    document: Document,
    based_on: int,
    note: str,
    by: Actor,
    now: datetime,
    restores: int | None = None,
) -> RouteRevision:
    """The next revision of the policy of a team (None: of the organization), and the decisions that it leads to.
    `based_on` is the number of the revision that the writer saw, 0 when there was none. Saving what is live already
    changes nothing. Raises Refused when somebody saved in between, DocumentError for what cannot be a policy, or names
    accounts of others."""
    document = document_of(plain_of(document))
    _own_accounts(organization, document)
    with transaction.atomic():
        policy, _made = RoutePolicy.objects.get_or_create(
            organization=organization, team=team, defaults={"created_at": now}
        )
        policy = RoutePolicy.objects.select_for_update().get(pk=policy.pk)
        if policy.revision != based_on:
            raise Refused(_("Somebody saved another revision meanwhile. Look at it, then change it again."))
        live = RouteRevision.objects.filter(policy=policy, number=policy.revision).first()
        if live is not None and live.digest == digest(document):
            return live
        policy.revision, policy.accounts = policy.revision + 1, document.accounts
        policy.save(update_fields=["revision", "accounts"])
        revision = RouteRevision.objects.create(
            policy=policy,
            number=policy.revision,
            document=plain_of(document),
            digest=digest(document),
            note=note,
            restores=restores,
            created_by=by.user,
            created_at=now,
        )
        audit_record(
            organization=organization,
            by=by,
            action="routes.saved" if restores is None else "routes.restored",
            now=now,
            subject=policy,
            words=str(policy.team or organization),
            changes={"revision": (live.number if live else None, revision.number)},
        )
        _decide_locked([(policy, document)], account_facts(account_ids=document.accounts), now)
    return revision


def policy_restore(*, revision: RouteRevision, based_on: int, by: Actor, now: datetime) -> RouteRevision:
    """What that revision said, as a new one. Raises Refused, also when accounts of it are gone."""
    policy = revision.policy
    try:
        return policy_save(
            organization=policy.organization,
            team=policy.team,
            document=document_stored(revision.document),
            based_on=based_on,
            note="",
            by=by,
            now=now,
            restores=revision.number,
        )
    except DocumentError as error:
        raise Refused(str(error)) from None


def policy_remove(*, policy: RoutePolicy, by: Actor, now: datetime) -> None:
    """The policy with its revisions and events. Its team goes by the organization's routes from now on."""
    with transaction.atomic():
        audit_record(
            organization=policy.organization,
            by=by,
            action="routes.removed",
            now=now,
            subject=policy,
            words=str(policy.team or policy.organization),
            changes={"revision": (policy.revision, None)},
        )
        policy.delete()


def _own_accounts(organization: Organization, document: Document) -> None:
    own = ProviderAccount.objects.filter(organization=organization, pk__in=document.accounts)
    if own.count() != len(document.accounts):
        raise DocumentError(_("A target names an account that is not here any more."))


# --- Decisions --------------------------------------------------------------------------------------------------


def routes_decide_account(*, account_id: int, now: datetime) -> int:
    """Decide the policies that this account is part of, after something of it landed. Returns how many there are."""
    return _decide(Q(accounts__contains=[account_id]), now, landed=account_id)


def routes_decide_due(*, now: datetime) -> int:
    """Decide what time alone may have changed: hold-downs and cooldowns that are over, runways that grew short."""
    return _decide(Q(look_again_at__lte=now), now)


def _decide(condition: Q, now: datetime, landed: int | None = None) -> int:
    """Together as far as may be: the number of statements does not depend on how many policies there are. What fails
    stops no other, and is tried alone from then on."""
    chosen = RoutePolicy.objects.filter(condition, revision__gt=0).order_by("organization_id", "pk")
    together: dict[int, list[int]] = {}
    alone: list[int] = []
    for policy_id, organization_id, failed_at in chosen.values_list("pk", "organization_id", "failed_at"):
        if failed_at is None:
            together.setdefault(organization_id, []).append(policy_id)
        else:
            alone.append(policy_id)
    chunks = [ids[at : at + MOST_TOGETHER] for ids in together.values() for at in range(0, len(ids), MOST_TOGETHER)]
    return sum(_decide_or_tell(ids, now, landed) for ids in (*chunks, *([one] for one in alone)))


def _decide_or_tell(policy_ids: Sequence[int], now: datetime, landed: int | None) -> int:
    """Returns how many of these were decided. A failure is logged, and stands on the page of its policy."""
    try:
        return _decide_chunk(policy_ids, now, landed)
    except Exception:
        if len(policy_ids) > 1:
            log.warning("routing.decided_one_by_one", policies=len(policy_ids))
            return sum(_decide_or_tell([one], now, landed) for one in policy_ids)
        log.exception("routing.decision_failed", policy=policy_ids[0])
        failed = RoutePolicy.objects.filter(pk=policy_ids[0])
        failed.update(failed_at=Coalesce("failed_at", Value(now)), look_again_at=now + LOOK_AGAIN)
        return 0


def _decide_chunk(policy_ids: Sequence[int], now: datetime, landed: int | None) -> int:
    """Returns how many of these there are. Of what `landed` for one account most says nothing new to them."""
    with transaction.atomic():
        # In one order, and the facts only after the locks: of two workers the second sees what the first saw or more.
        locked = RoutePolicy.objects.filter(pk__in=policy_ids).order_by("pk").select_for_update()
        policies = there = list(locked.defer("decided", "created_at"))
        documents = documents_live(policies=policies)
        if landed is not None:
            facts = account_facts(account_ids=[landed])
            policies = [one for one in there if _says_new(one, documents[one.pk], landed, facts.get(landed), now)]
        if policies:
            decided = dict(RoutePolicy.objects.filter(pk__in=[one.pk for one in policies]).values_list("pk", "decided"))
            for one in policies:
                one.decided = decided[one.pk]
            facts = account_facts(account_ids={account for one in policies for account in one.accounts})
            _decide_locked([(one, documents[one.pk]) for one in policies], facts, now)
    return len(there)


def _says_new(policy: RoutePolicy, document: Document, account: int, facts: Facts | None, now: datetime) -> bool:
    """Whether this account may change anything: not when it is judged as before, none of its targets is out, and the
    policy is looked at again before time alone changes that."""
    if policy.failed_at is not None or policy.look_again_at is None or policy.look_again_at <= now:
        return True
    mark, again = account_mark(facts, document.failover, now)
    return policy.judged.get(str(account)) != mark or (again is not None and again < policy.look_again_at)


def _judged(document: Document, facts: Mapping[int, Facts], decision: Decision, now: datetime) -> dict[str, str]:
    out = {
        verdict.target.account for route in decision.routes for verdict in route.verdicts if verdict.memory is not None
    }
    return {
        str(one): account_mark(facts.get(one), document.failover, now)[0] for one in document.accounts if one not in out
    }


# Each takes its rows as one JSON document: arrays of texts would be quoted letter by letter.
_WRITE_DECIDED = """
UPDATE routing_routepolicy AS policy
SET decided_at = new.decided_at, look_again_at = new.look_again_at, judged = new.judged, failed_at = NULL,
    decided = coalesce(new.decided, policy.decided),
    decisions = policy.decisions + (new.decided IS NOT NULL)::int
FROM jsonb_to_recordset(%s::jsonb)
    AS new(id bigint, decided_at timestamptz, look_again_at timestamptz, judged jsonb, decided jsonb)
WHERE policy.id = new.id
"""
_WRITE_BACK = """
DELETE FROM routing_targetout AS out
USING jsonb_to_recordset(%s::jsonb) AS back(policy_id bigint, match text, target text)
WHERE (out.policy_id, out.match, out.target) = (back.policy_id, back.match, back.target)
"""
_WRITE_OUT = """
INSERT INTO routing_targetout (policy_id, match, target, cause, since)
SELECT policy_id, match, target, cause, since
FROM jsonb_to_recordset(%s::jsonb) AS out(policy_id bigint, match text, target text, cause text, since timestamptz)
ON CONFLICT (policy_id, match, target) DO UPDATE SET cause = excluded.cause, since = excluded.since
"""
_WRITE_EVENTS = """
INSERT INTO routing_routeevent (policy_id, revision, match, before, after, changes, at)
SELECT policy_id, revision, match, before, after, changes, at
FROM jsonb_to_recordset(%s::jsonb) AS event(policy_id bigint, revision integer, match text, before jsonb, after jsonb,
    changes jsonb, at timestamptz)
"""
_Row = dict[str, Any]


def _decide_locked(policies: Sequence[tuple[RoutePolicy, Document]], facts: Mapping[int, Facts], now: datetime) -> None:
    """Decide policies whose rows are locked, and write down what is different now: all in at most five statements."""
    known = targets_known_of(policy_ids=[policy.pk for policy, _document in policies])
    decided, back, out, events = list[_Row](), list[_Row](), list[_Row](), list[_Row]()
    for policy, document in policies:
        # A worker whose clock is behind must not turn time back.
        at = now if policy.decided_at is None else max(now, policy.decided_at)
        before, again = known.get(policy.pk, {}), at + LOOK_AGAIN
        decision = decide(document=document, facts=facts, known=before, now=at)
        fresh = decided_of(decision)
        decided.append(
            {
                "id": policy.pk,
                "decided_at": at,
                "look_again_at": min(again, decision.look_again_at or again),
                "judged": _judged(document, facts, decision, at),
                "decided": fresh if fresh != policy.decided else None,
            }
        )
        _remember(policy, before, decision, back, out)
        orders = _orders(policy.decided)
        told = (_event(policy, route, orders.get(route.route.match), before, at) for route in decision.routes)
        events += [event for event in told if event is not None]
    written = ((_WRITE_BACK, back), (_WRITE_OUT, out), (_WRITE_EVENTS, events), (_WRITE_DECIDED, decided))
    with connection.cursor() as cursor:
        for statement, rows in written:
            if rows:
                cursor.execute(statement, [msgspec.json.encode(rows).decode()])


def decided_of(decision: Decision) -> dict[str, Any]:
    """A decision as JSON: {routes: [{match, kind, about, dead_end, targets: [{key, account, model, host, tier, state,
    code, figures, place, share}]}]}, the targets in the order of the policy."""
    return {
        "routes": [
            {
                "match": route.route.match,
                "kind": route.route.kind,
                "about": route.route.about,
                "dead_end": route.dead_end,
                "targets": [_target_of(verdict) for verdict in route.verdicts],
            }
            for route in decision.routes
        ]
    }


def _target_of(verdict: Verdict) -> dict[str, Any]:
    target = verdict.target
    return {
        "key": target.key,
        "account": target.account,
        "model": target.model,
        "host": target.host,
        "tier": verdict.tier,
        "weight": target.weight,
        "state": verdict.state,
        "code": verdict.code,
        "figures": list(msgspec.to_builtins(verdict.figures)),
        "place": verdict.place,
        "share": verdict.share,
    }


def _orders(decided: Mapping[str, Any]) -> dict[str, list[str]]:
    """The keys that may carry each route, in order, of a stored decision."""
    return {
        route["match"]: [
            one["key"] for one in sorted(route["targets"], key=lambda one: one["place"] or 0) if one["place"]
        ]
        for route in decided.get("routes", ())
    }


def _remember(policy: RoutePolicy, known: Known, decision: Decision, back: list[_Row], out: list[_Row]) -> None:
    """Adds rows to `back` for what is not out any more, and to `out` for what is and was not, or for another cause."""
    now_out = {
        (route.route.match, verdict.target.key): verdict.memory
        for route in decision.routes
        for verdict in route.verdicts
        if verdict.memory is not None
    }
    back += [
        {"policy_id": policy.pk, "match": match, "target": target} for match, target in known.keys() - now_out.keys()
    ]
    out += [
        {"policy_id": policy.pk, "match": match, "target": target, "cause": memory.cause, "since": memory.since}
        for (match, target), memory in now_out.items()
        if known.get((match, target)) != memory
    ]


def _event(
    policy: RoutePolicy, route: RouteDecision, before: Sequence[str] | None, known: Known, now: datetime
) -> _Row | None:
    """What changed since the last decision; None when the order is the same, or the route is new and whole."""
    after = [verdict.target.key for verdict in route.order]
    whole = [verdict for verdict in route.verdicts if verdict.state == "passed_over"]
    if before is None and not whole:
        return None
    if before is not None and list(before) == after:
        return None
    changes = [
        {
            "what": what,
            "account": verdict.target.account,
            "model": verdict.target.model,
            "code": verdict.code,
            "figures": msgspec.to_builtins(verdict.figures),
        }
        for verdict in route.verdicts
        if (what := _what(verdict, route.route.match, before, known)) is not None
    ]
    return {
        "policy_id": policy.pk,
        "revision": policy.revision,
        "match": route.route.match,
        "before": list(before or ()),
        "after": after,
        "changes": changes,
        "at": now,
    }


def _what(verdict: Verdict, match: str, before: Sequence[str] | None, known: Known) -> str | None:
    """None for what did not change; of a route that is new, all but those that are out from the beginning."""
    key = verdict.target.key
    if verdict.place is None:
        was_out = (match, key) in known
        return "left" if verdict.state == "passed_over" and not was_out else "gone" if key in (before or ()) else None
    if before is None or key in before:
        return None
    return "came_back" if (match, key) in known else "joined"


def route_events_prune(*, before: datetime) -> int:
    """Forget what changed long ago. Returns how many events are gone."""
    return RouteEvent.objects.filter(at__lt=before).delete()[0]
