"""What the pages of routing show: policies with their effective order, what if, and the editor with its preview."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.balances.models import BalanceSeries
from dashboard.balances.selectors import fullest_quotas, primary_series, runway_row
from dashboard.core.languages.numbers import money_words
from dashboard.core.templatetags.purser import percent
from dashboard.credentials.models import OfferedModel, ProviderAccount
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.scope import Scope
from dashboard.routing.decide import Facts, RouteDecision, Supposed, Verdict, decide, supposing
from dashboard.routing.document import Document, DocumentError, document_stored
from dashboard.routing.editor.comparing import change_words, documents_compared, failover_settings, lines_folded
from dashboard.routing.editor.draft import AMOUNTS, SPANS, Draft, Moved, document_from
from dashboard.routing.editor.linter import Note, policy_lint
from dashboard.routing.exports.litellm import litellm_export
from dashboard.routing.models import RouteEvent, RoutePolicy, RouteRevision
from dashboard.routing.selectors import (
    account_facts,
    events_newest_first,
    policies_in,
    revision_document,
    revision_live,
    revisions_newest_first,
    targets_known,
)
from dashboard.routing.words import figures_of, reason_words, supposed_words, verdict_words
from providers.spec import NotOffered

EVENT_DAYS, MOST_EVENTS, MOST_REVISIONS, MOST_MODELS = 7, 40, 20, 300
MOST_OUTCOMES = 8
# Glyph of a target's state, see state_look of core.templatetags.purser.
_LOOKS = {"in_use": "passed", "standby": "standby", "passed_over": "warn", "off": "disabled"}
KINDS = {
    "alias": gettext_noop("Alias"),
    "model": gettext_noop("Model name"),
    "pattern": gettext_noop("Pattern"),
}
HOSTS = {"first": gettext_noop("Main host"), "backup": gettext_noop("Second host")}


# --- Overview ---------------------------------------------------------------------------------------------------


def overview_context(*, organization: Organization, scope: Scope, now: datetime) -> dict[str, Any]:
    """{policies [{policy, name, routes}], uncovered [teams without routes of their own], has_fallback, has_accounts
    (asked for where there is no policy), events}."""
    policies = list(policies_in(scope=scope))
    ids = {one for policy in policies for one in policy.accounts}
    accounts = _accounts(ids)
    covered = {policy.team_id for policy in policies}
    teams = Team.objects.filter(organization=organization, archived_at=None)
    if scope.team_ids is not None:
        teams = teams.filter(pk__in=scope.team_ids)
    without = [team for team in teams.order_by("name") if team.pk not in covered]
    return {
        "policies": [
            {"policy": policy, "name": policy_name(policy, organization), "routes": _stored(policy, accounts, scope)}
            for policy in sorted(policies, key=lambda one: (one.team_id is not None, str(one.team)))
        ],
        "uncovered": without,
        "has_fallback": None in covered,
        "has_accounts": bool(policies) or ProviderAccount.objects.filter(scope.accounts()).exists(),
        "events": event_rows(policies=policies, organization=organization, scope=scope, now=now, named=True),
        "event_days": EVENT_DAYS,
    }


def policy_name(policy: RoutePolicy, organization: Organization) -> str:
    return policy.team.name if policy.team is not None else organization.name


def _accounts(ids: Collection[int]) -> dict[int, ProviderAccount]:
    return {one.pk: one for one in ProviderAccount.objects.filter(pk__in=ids)}


def _stored(policy: RoutePolicy, accounts: Mapping[int, ProviderAccount], scope: Scope) -> list[dict[str, Any]]:
    """The last decision of a policy: each route with who carries it and who is passed over."""
    routes = []
    for route in policy.decided.get("routes", ()):
        targets = [_stored_target(one, accounts, scope) for one in route["targets"]]
        routes.append(
            {
                "match": route["match"],
                "about": route["about"],
                "dead_end": route["dead_end"],
                "carrying": [one for one in targets if one["state"] == "in_use"],
                "waiting": sum(one["state"] == "standby" for one in targets),
                "passed_over": [one for one in targets if one["state"] == "passed_over"],
            }
        )
    return routes


def _stored_target(one: Mapping[str, Any], accounts: Mapping[int, ProviderAccount], scope: Scope) -> dict[str, Any]:
    figures = figures_of(one["code"], one["figures"])
    return {
        "account": accounts.get(one["account"]),
        "model": one["model"],
        "state": one["state"],
        "share": one["share"],
        "reason": reason_words(one["code"], figures, open_figures=scope.balances),
    }


# --- Events -----------------------------------------------------------------------------------------------------

_WHAT: dict[str, tuple[str, str]] = {
    "left": ("warn", gettext_noop("%(who)s left %(route)s")),
    "came_back": ("passed", gettext_noop("%(who)s is back in %(route)s")),
    "joined": ("waiting", gettext_noop("%(who)s joined %(route)s")),
    "gone": ("waiting", gettext_noop("%(who)s is not part of %(route)s any more")),
    "moved": ("waiting", gettext_noop("The order of %(route)s changed")),
}


def event_rows(
    *, policies: Collection[RoutePolicy], organization: Organization, scope: Scope, now: datetime, named: bool = False
) -> list[dict[str, Any]]:
    """What changed in the last days, newest first: {at, look, words, reason, policy}."""
    events = events_newest_first(policies=policies, since=now - timedelta(days=EVENT_DAYS), limit=MOST_EVENTS)
    accounts = _accounts({change["account"] for event in events for change in event.changes})
    return [row for event in events for row in _event_rows(event, accounts, organization, scope, named)]


def _event_rows(
    event: RouteEvent,
    accounts: Mapping[int, ProviderAccount],
    organization: Organization,
    scope: Scope,
    named: bool,
) -> list[dict[str, Any]]:
    rows = []
    for change in event.changes or [{"what": "moved", "account": 0, "model": "", "code": "", "figures": ()}]:
        look, words = _WHAT[change["what"]]
        account = accounts.get(change["account"])
        who = f"{account.full_name} {change['model']}" if account else change["model"]
        reason = reason_words(
            change["code"], figures_of(change["code"], change["figures"]), open_figures=scope.balances
        )
        rows.append(
            {
                "at": event.at,
                "look": look,
                "words": _(words) % {"who": who, "route": event.match},
                "reason": reason,
                "policy": policy_name(event.policy, organization) if named else "",
                "nobody": not event.after,
            }
        )
    return rows


# --- One policy -------------------------------------------------------------------------------------------------


def supposed_of(query: QueryDict, ids: Collection[int]) -> Supposed:
    """The what-if switches that the address has on, of accounts of the policy."""
    known = {str(one): one for one in ids}

    def chosen(name: str) -> frozenset[int]:
        return frozenset(known[one] for one in query.getlist(name) if one in known)

    return Supposed(down=chosen("down"), drained=chosen("drained"), spent=chosen("spent"))


def policy_context(
    *, policy: RoutePolicy, organization: Organization, scope: Scope, query: QueryDict, now: datetime
) -> dict[str, Any]:
    """The live revision with its effective order, what if, notes, events and revisions."""
    live = revision_live(policy=policy)
    document = revision_document(revision=live)
    accounts, facts = _accounts(document.accounts), account_facts(account_ids=document.accounts)
    names = {pk: one.full_name for pk, one in accounts.items()}
    known, supposed = targets_known(policy=policy), supposed_of(query, document.accounts)
    base = decide(document=document, facts=facts, known=known, now=now)
    shown = base
    if supposed:
        shown = decide(document=document, facts=supposing(facts, supposed, now), known=known, now=now)
    figures = _figures(accounts, scope, now)
    routes = [
        _route_row(route, before, accounts, figures, scope)
        for route, before in zip(shown.routes, base.routes, strict=True)
    ]
    outcomes = [_outcome(number, row) for number, row in enumerate(routes, 1) if row["recarried"]]
    others = [one for one in policies_in(scope=scope) if one.pk != policy.pk]
    return {
        "policy": policy,
        "name": policy_name(policy, organization),
        "others": [{"policy": one, "name": policy_name(one, organization)} for one in others],
        "live": live,
        "routes": routes,
        "supposed": bool(supposed),
        "outcomes": outcomes[:MOST_OUTCOMES],
        "more_outcomes": max(0, len(outcomes) - MOST_OUTCOMES),
        "switches": _switches(facts, accounts, supposed, scope),
        "failover": failover_settings(document.failover),
        "notes": policy_lint(document=document, facts=facts, names=names, unlimited=_unlimited(accounts)),
        "events": event_rows(policies=[policy], organization=organization, scope=scope, now=now),
        "event_days": EVENT_DAYS,
        "revisions": _revision_rows(policy, names),
        "export": litellm_export(policy=policy, revision=live),
        "feed_path": reverse("api:routes", args=[policy.team_id or "organization"]),
    }


def _figures(accounts: Mapping[int, ProviderAccount], scope: Scope, now: datetime) -> dict[int, dict[str, str]]:
    """What decides of each account: its runway or its fullest quota, over its balance."""
    if not scope.balances:
        return {}
    faces = {row.account_id: row for row in primary_series(account_ids=list(accounts))}
    quotas = fullest_quotas(account_ids=list(accounts))
    told, unlimited = {}, _unlimited(accounts)
    for account in accounts:
        face: BalanceSeries | None = faces.get(account)
        runway = runway_row(face, now) if face is not None else None
        quota, under = quotas.get(account), money_words(face.amount, face.unit) if face else ""
        if runway is not None:
            told[account] = {"main": runway.words, "under": under}
        elif quota is not None:
            told[account] = {"main": str(percent(quota.percent_used)), "under": under}
        elif account in unlimited and face is None:
            told[account] = {"quiet": _("no limit"), "under": _("own server")}
        else:
            told[account] = {"quiet": _("not told"), "under": under}
    return told


def _unlimited(accounts: Mapping[int, ProviderAccount]) -> set[int]:
    """Servers of one's own, which tell neither a balance nor a quota because they have none."""
    return {
        pk
        for pk, account in accounts.items()
        if account.provider.self_hosted
        and all(isinstance(account.provider.capabilities[name], NotOffered) for name in ("balance", "quota"))
    }


def _route_row(
    route: RouteDecision,
    before: RouteDecision,
    accounts: Mapping[int, ProviderAccount],
    figures: Mapping[int, Mapping[str, str]],
    scope: Scope,
) -> dict[str, Any]:
    """The route as it would be carried beside how it is: what stays as it is says so in the words of today;
    `recarried` where others would carry it, or in other shares."""
    count = len(route.route.tiers)
    tiers: list[dict[str, Any]] = []
    for number in range(1, count + 1):
        state, was = (_tier_state(number, one.verdicts) for one in (route, before))
        words = _tier_words(number, count, state, supposed=state != was)
        tiers.append({"number": number, "words": words, "targets": []})
    for one, today in zip(route.verdicts, before.verdicts, strict=True):
        changed = (one.state, one.share) != (today.state, today.share)
        row = target_row(one if changed else today, accounts.get(one.target.account), scope)
        if changed:
            row["words"] = supposed_words(one.state, one.code, one.figures, open_figures=scope.balances)
        row |= {"figures": figures.get(one.target.account), "changed": changed}
        tiers[one.tier - 1]["targets"].append(row)
    return {
        "recarried": _carrying(route) != _carrying(before),
        "match": route.route.match,
        "kind": _(KINDS[route.route.kind]),
        "about": route.route.about,
        "dead_end": route.dead_end,
        "tiers": tiers,
    }


def _carrying(route: RouteDecision) -> list[tuple[int, int]]:
    """(place, share) of each target that carries."""
    return [(place, one.share) for place, one in enumerate(route.verdicts) if one.state == "in_use"]


def _tier_state(number: int, verdicts: Sequence[Verdict]) -> Literal["alone", "shared", "waits", "nobody"]:
    mine = [one.state for one in verdicts if one.tier == number]
    if "in_use" in mine:
        return "shared" if mine.count("in_use") > 1 else "alone"
    return "waits" if "standby" in mine else "nobody"


def _tier_words(number: int, count: int, state: str, *, supposed: bool) -> str:
    match state:
        case "shared":
            return _("would carry, shared by weight") if supposed else _("carries, shared by weight")
        case "alone":
            return _("would carry") if supposed else _("carries")
        case "nobody":
            return _("would have nobody") if supposed else _("has nobody now")
    if number == 2:
        return _("when tier 1 has nobody")
    return _("last resort") if number == count else _("when the tiers before have nobody")


def _outcome(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Who would carry a route: {number, match, models}; no models where nobody would."""
    carrying = [one["model"] for tier in row["tiers"] for one in tier["targets"] if one["state"] == "in_use"]
    return {"number": number, "match": row["match"], "models": carrying}


def target_row(verdict: Verdict, account: ProviderAccount | None, scope: Scope) -> dict[str, Any]:
    """{account, model, host, weight, share, state, look, words, place} of one target."""
    target = verdict.target
    share = target.weight if verdict.state != "in_use" else verdict.share
    return {
        "account": account,
        "model": target.model,
        "host": _(HOSTS[target.host]) if target.host != "first" else "",
        "weight": target.weight,
        "share": verdict.share if verdict.state == "in_use" else None,
        "bar": min(100, share),
        "state": verdict.state,
        "look": "stale" if verdict.code == "stale" else _LOOKS[verdict.state],
        "words": verdict_words(verdict.state, verdict.code, verdict.figures, open_figures=scope.balances),
        "place": verdict.place,
    }


def _switches(
    facts: Mapping[int, Facts], accounts: Mapping[int, ProviderAccount], supposed: Supposed, scope: Scope
) -> list[dict[str, Any]]:
    """The what-if switches that mean something: [{name, value, account, words, on}]."""
    rows = []
    for pk, account in sorted(accounts.items(), key=lambda one: one[1].full_name.casefold()):
        # Within a sentence: the colon of its name would part the subject from what it does.
        told, known = {"account": f"{account.provider_name} {account.label}"}, facts.get(pk)
        ways = [("down", _("%(account)s does not answer") % told, supposed.down)]
        if scope.balances and known is not None and known.balance is not None:
            ways.append(("drained", _("%(account)s runs dry") % told, supposed.drained))
        if scope.balances and known is not None and known.quotas:
            ways.append(("spent", _("The quota of %(account)s is used up") % told, supposed.spent))
        rows += [
            {"name": name, "value": pk, "account": account, "words": words, "on": pk in on} for name, words, on in ways
        ]
    return rows


# --- Revisions --------------------------------------------------------------------------------------------------


def _revision_rows(policy: RoutePolicy, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """The newest first, each with what it changed."""
    found = list(revisions_newest_first(policy=policy).defer(None)[: MOST_REVISIONS + 1])
    rows = []
    for revision, before in zip(found, [*found[1:], None], strict=False):
        rows.append({"revision": revision, "words": revision_words(revision, before, names)})
    return rows[:MOST_REVISIONS]


def revision_words(revision: RouteRevision, before: RouteRevision | None, names: Mapping[int, str]) -> str:
    if revision.note:
        return revision.note
    if revision.restores is not None:
        return _("Brought back revision %(number)d") % {"number": revision.restores}
    earlier = document_stored(before.document) if before is not None else None
    return change_words(earlier, document_stored(revision.document), names)


def revision_context(*, policy: RoutePolicy, number: int, organization: Organization) -> dict[str, Any] | None:
    """A revision beside the one before it; None when there is none of that number."""
    found = RouteRevision.objects.filter(policy=policy, number__in=[number, number - 1]).select_related("created_by")
    known = {one.number: one for one in found}
    revision = known.get(number)
    if revision is None:
        return None
    before = document_stored(known[number - 1].document) if number - 1 in known else None
    after = document_stored(revision.document)
    accounts = _accounts({*after.accounts, *(before.accounts if before is not None else ())})
    names = {pk: one.full_name for pk, one in accounts.items()}
    return {
        "policy": policy,
        "name": policy_name(policy, organization),
        "revision": revision,
        "words": revision_words(revision, known.get(number - 1), names),
        "stretches": lines_folded(documents_compared(before, after, names)),
        "is_live": number == policy.revision,
    }


# --- The editor -------------------------------------------------------------------------------------------------


def editor_context(
    *,
    organization: Organization,
    scope: Scope,
    policy: RoutePolicy | None,
    team: Team | None,
    draft: Draft,
    moved: Moved | None,
    based_on: int,
    note: str,
    now: datetime,
) -> dict[str, Any]:
    """The draft as fields, each target with what would become of it, and what is wrong with it."""
    everything = ProviderAccount.objects.filter(scope.accounts()).order_by("provider_slug", "label", "pk")
    accounts = {one.pk: one for one in everything}
    document, error = _document(draft)
    facts = account_facts(account_ids=document.accounts) if document is not None else {}
    decided: list[RouteDecision] = []
    if document is not None:
        known = targets_known(policy=policy) if policy is not None else {}
        decided = list(decide(document=document, facts=facts, known=known, now=now).routes)
    fields = draft["failover"]
    return {
        "policy": policy,
        "team": team,
        "name": team.name if team is not None else organization.name,
        "based_on": based_on,
        "note": note,
        "error": error,
        "routes": [
            _draft_route(number, route, decided, accounts, scope, moved) for number, route in enumerate(draft["routes"])
        ],
        "amounts": [{"name": name, "setting": one, "value": fields.get(name, "")} for name, one in AMOUNTS.items()],
        "spans": [{"name": name, "setting": one, "value": fields.get(name, "")} for name, one in SPANS.items()],
        "accounts": [{"id": str(pk), "name": one.full_name} for pk, one in accounts.items()],
        "kinds": [{"name": name, "label": _(label)} for name, label in KINDS.items()],
        "models": _models_on_offer(document),
        "notes": _notes(document, facts, accounts),
        "moved": _moved_words(moved, draft),
    }


def _notes(
    document: Document | None, facts: Mapping[int, Facts], accounts: Mapping[int, ProviderAccount]
) -> list[Note]:
    if document is None:
        return []
    used = {pk: accounts[pk] for pk in document.accounts if pk in accounts}
    names = {pk: one.full_name for pk, one in used.items()}
    return policy_lint(document=document, facts=facts, names=names, unlimited=_unlimited(used))


def _document(draft: Draft) -> tuple[Document | None, str]:
    try:
        return document_from(draft), ""
    except DocumentError as error:
        return None, str(error)


def _draft_route(
    number: int,
    route: Mapping[str, Any],
    decided: Sequence[RouteDecision],
    accounts: Mapping[int, ProviderAccount],
    scope: Scope,
    moved: Moved | None,
) -> dict[str, Any]:
    verdicts = iter(decided[number].verdicts) if number < len(decided) else iter(())
    tiers = []
    for tier, targets in enumerate(route["tiers"]):
        rows = []
        for place, target in enumerate(targets):
            verdict = next(verdicts, None)
            account = accounts.get(int(target["account"])) if target["account"].isdecimal() else None
            rows.append(
                {
                    "field": f"r-{number}-t-{tier}-x-{place}",
                    "where": f"{number}.{tier}.{place}",
                    "told": target,
                    "account": account,
                    "hosts": _hosts(account),
                    "row": target_row(verdict, account, scope) if verdict is not None else None,
                    "follow": "" if moved is None or moved[:3] != (number, tier, place) else _pressed(moved),
                }
            )
        tiers.append({"number": tier + 1, "index": tier, "targets": rows})
    return {
        **{name: route[name] for name in ("match", "kind", "about")},
        "number": number,
        "field": f"r-{number}",
        "tiers": tiers,
        "next_tier": len(tiers),
        "dead_end": number < len(decided) and decided[number].dead_end,
        "follow": moved == Moved(number),
    }


def _hosts(account: ProviderAccount | None) -> list[dict[str, str]]:
    """Both hosts of an account whose provider has a second one; nothing to choose otherwise."""
    if account is None or not any(base.backup for base in account.provider.base_urls):
        return []
    return [{"name": name, "label": _(label)} for name, label in HOSTS.items()]


def _models_on_offer(document: Document | None) -> list[dict[str, Any]]:
    """[{account, models}] of the accounts that the draft names."""
    offered: dict[int, list[str]] = {}
    if document is None:
        return []
    found = OfferedModel.objects.filter(account_id__in=document.accounts).order_by("account_id", "model_id")
    for account, model in found.values_list("account_id", "model_id"):
        offered.setdefault(account, []).append(model)
    return [{"account": account, "models": models[:MOST_MODELS]} for account, models in offered.items()]


def _pressed(moved: Moved) -> str:
    return "down" if moved.down else "up"


def _moved_words(moved: Moved | None, draft: Draft) -> str:
    """Said to those who do not see it move."""
    if moved is None or moved.tier is None or moved.target is None:
        return ""
    route = draft["routes"][moved.route]
    told = {"model": route["tiers"][moved.tier][moved.target]["model"] or _("The new target")}
    return _("%(model)s: tier %(tier)d, place %(place)d") % {**told, "tier": moved.tier + 1, "place": moved.target + 1}
