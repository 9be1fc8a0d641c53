"""Writes of routing: revisions as people save them, and decisions as readings land and time passes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import Actor, audit_record
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.services import Refused
from dashboard.routing.decide import Decision, Facts, Known, Memory, RouteDecision, Verdict, decide
from dashboard.routing.document import Document, DocumentError, digest, document_of, document_stored, plain_of
from dashboard.routing.models import RouteEvent, RoutePolicy, RouteRevision, TargetOut
from dashboard.routing.selectors import account_facts, targets_known

# Where nothing is foreseen, a policy is looked at again after this: readings go stale, and streams recover unseen.
LOOK_AGAIN = timedelta(minutes=5)
KEEP_EVENTS = timedelta(days=90)


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
        _decide_locked(policy, document, account_facts(account_ids=document.accounts), now)
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
    return _decide(Q(accounts__contains=[account_id]), now)


def routes_decide_due(*, now: datetime) -> int:
    """Decide what time alone may have changed: hold-downs and cooldowns that are over, runways that grew short."""
    return _decide(Q(look_again_at__lte=now), now)


def _decide(condition: Q, now: datetime) -> int:
    chosen = RoutePolicy.objects.filter(condition, revision__gt=0).order_by("pk")
    if not chosen.exists():
        return 0
    with transaction.atomic():
        # In one order, and the facts only after the locks: of two workers the second sees what the first saw or more.
        policies = list(chosen.select_for_update())
        revisions = RouteRevision.objects.filter(policy__in=policies).filter(_newest(policies))
        documents = {one.policy_id: document_stored(one.document) for one in revisions}
        facts = account_facts(account_ids={account for policy in policies for account in policy.accounts})
        for policy in policies:
            _decide_locked(policy, documents[policy.pk], facts, now)
    return len(policies)


def _newest(policies: Collection[RoutePolicy]) -> Q:
    condition = Q(pk=None)
    for policy in policies:
        condition |= Q(policy=policy, number=policy.revision)
    return condition


def _decide_locked(policy: RoutePolicy, document: Document, facts: Mapping[int, Facts], now: datetime) -> None:
    """Decide a policy whose row is locked, and write down what is different now."""
    # A worker whose clock is behind must not turn time back.
    now = now if policy.decided_at is None else max(now, policy.decided_at)
    known = targets_known(policy=policy)
    decision = decide(document=document, facts=facts, known=known, now=now)
    _remember(policy, known, decision)
    before = _orders(policy.decided)
    events = [
        event
        for route in decision.routes
        if (event := _event(policy, route, before.get(route.route.match), known, now)) is not None
    ]
    RouteEvent.objects.bulk_create(events)
    again = now + LOOK_AGAIN
    policy.decided_at, policy.look_again_at = now, min(again, decision.look_again_at or again)
    written = ["decided_at", "look_again_at"]
    if (decided := decided_of(decision)) != policy.decided:
        policy.decided, policy.decisions = decided, policy.decisions + 1
        written += ["decided", "decisions"]
    policy.save(update_fields=written)


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


def _remember(policy: RoutePolicy, known: Known, decision: Decision) -> None:
    """Rows for what is out, none for the rest. Only what differs is written."""
    out = {
        (route.route.match, verdict.target.key): verdict.memory
        for route in decision.routes
        for verdict in route.verdicts
        if verdict.memory is not None
    }
    gone = Q(pk=None)
    for match, target in known.keys() - out.keys():
        gone |= Q(match=match, target=target)
    if known.keys() - out.keys():
        TargetOut.objects.filter(gone, policy=policy).delete()
    changed = [_row(policy, key, memory) for key, memory in out.items() if known.get(key) != memory]
    if changed:
        TargetOut.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["policy", "match", "target"],
            update_fields=["cause", "since"],
        )


def _row(policy: RoutePolicy, key: tuple[str, str], memory: Memory) -> TargetOut:
    return TargetOut(policy=policy, match=key[0], target=key[1], cause=memory.cause, since=memory.since)


def _event(
    policy: RoutePolicy, route: RouteDecision, before: Sequence[str] | None, known: Known, now: datetime
) -> RouteEvent | None:
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
    return RouteEvent(
        policy=policy,
        revision=policy.revision,
        match=route.route.match,
        before=list(before or ()),
        after=after,
        changes=changes,
        at=now,
    )


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
