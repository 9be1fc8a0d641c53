"""Making, changing and deleting allocation rules. Only what a rule catches is given to teams anew."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dashboard.core.languages.numbers import number
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ProviderKey
from dashboard.organizations.audit import Actor, audit_record, changed
from dashboard.organizations.models import Organization, Team
from dashboard.usage.allocation import ACCOUNT, KEY, WHOLE, Rule
from dashboard.usage.models import AllocationRule, AllocationShare
from dashboard.usage.rollup import reached_days, rollup_allocate


class RuleRefused(Exception):
    """Why a rule cannot be, in words for who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTold:
    """A rule as a person tells it. `shares` are (team, percent) that add up to 100."""

    dimension: str
    value: str
    account: ProviderAccount | None
    valid_from: date | None
    shares: Sequence[tuple[Team, Decimal]]


def rule_save(
    *, organization: Organization, told: RuleTold, by: Actor, now: datetime, rule: AllocationRule | None = None
) -> AllocationRule:
    """Make it, or change `rule` to it, and give to teams anew what it catches, and what it caught before. Raises
    RuleRefused."""
    _check(organization, told)
    before = _words(rule) if rule is not None else {}
    try:
        with transaction.atomic():
            _lock(organization)
            touched = [_reach(rule)] if rule is not None else []
            if rule is None:
                rule = AllocationRule(organization=organization, created_by=by.user, created_at=now)
            rule.dimension, rule.value, rule.account = told.dimension, told.value, told.account
            rule.valid_from = told.valid_from
            rule.save()
            AllocationShare.objects.filter(rule=rule).delete()
            AllocationShare.objects.bulk_create(
                AllocationShare(rule=rule, team=team, percent=percent) for team, percent in told.shares
            )
            rule = AllocationRule.objects.select_related("account").get(pk=rule.pk)
            _record(rule, "allocation.changed" if before else "allocation.made", changed(before, _words(rule)), by, now)
            _follow(organization, [*touched, _reach(rule)])
    except IntegrityError as error:
        if "allocation_rule_once" not in str(error):
            raise
        raise RuleRefused(_("There is such a rule from the same day on already. Change that one.")) from error
    return rule


def rule_remove(*, rule: AllocationRule, by: Actor, now: datetime) -> None:
    """Delete it; what it caught goes to the next rule that catches it."""
    with transaction.atomic():
        _lock(rule.organization)
        reach = _reach(rule)
        _record(rule, "allocation.removed", {name: (value, None) for name, value in _words(rule).items()}, by, now)
        rule.delete()
        _follow(rule.organization, [reach])


def key_rule_follow(
    *,
    account_id: int,
    external_id: str,
    team_id: int | None,
    valid_from: date | None,
    by: Actor,
    now: datetime,
    **_signal: Any,
) -> None:
    """A key got another owner (`provider_key_assigned`), inside the caller's transaction: a rule from that day on, in
    place of those for the key that begin on it or later; from no day, of all. A rule without a team says that nobody
    owns the key any more: from then on it is unallocated, not the account's team's; what was spent before stays where
    it was."""
    account = ProviderAccount.objects.select_related("organization").get(pk=account_id)
    organization = account.organization
    _lock(organization)
    for_key = AllocationRule.objects.select_related("account", "organization").filter(
        organization=organization, dimension=KEY, account=account, value=external_id
    )
    reaches = []
    for rule in for_key if valid_from is None else for_key.filter(valid_from__gte=valid_from):
        reaches.append(_reach(rule))
        _record(rule, "allocation.removed", {name: (value, None) for name, value in _words(rule).items()}, by, now)
        rule.delete()
    if team_id is not None or for_key.exists():
        made = AllocationRule.objects.create(
            organization=organization,
            dimension=KEY,
            account=account,
            value=external_id,
            valid_from=valid_from,
            created_by=by.user,
            created_at=now,
        )
        if team_id is not None:
            AllocationShare.objects.create(rule=made, team_id=team_id, percent=WHOLE)
        reaches.append(_reach(made))
        _record(made, "allocation.made", changed({}, _words(made)), by, now)
    _follow(organization, reaches)


def _check(organization: Organization, told: RuleTold) -> None:
    if told.dimension == ACCOUNT and (told.account is None or told.value):
        raise RuleRefused(_("Choose the account."))
    if told.dimension != ACCOUNT and not told.value:
        raise RuleRefused(_("Say which one: a rule for nothing catches nothing."))
    teams = [team.pk for team, _percent in told.shares]
    if not teams or len(set(teams)) != len(teams):
        raise RuleRefused(_("Choose a team, or several different ones."))
    if any(percent <= 0 for _team, percent in told.shares):
        raise RuleRefused(_("Every part is more than nothing."))
    whole = sum((percent for _team, percent in told.shares), Decimal(0))
    if whole != WHOLE:
        raise RuleRefused(_("The parts add up to %(sum)s %%, not to 100 %%.") % {"sum": number(whole)})
    owners = {team.organization_id for team, _percent in told.shares}
    owners |= {told.account.organization_id} if told.account is not None else set()
    if owners != {organization.pk}:
        raise RuleRefused(_("Choose a team, or several different ones."))


def _lock(organization: Organization) -> None:
    """No landing meanwhile: it would go by the rules of before."""
    accounts = ProviderAccount.objects.filter(organization=organization).order_by("pk")
    list(accounts.select_for_update(no_key=True).values_list("pk", flat=True))


def _reach(rule: AllocationRule) -> Rule:
    return Rule(
        dimension=rule.dimension, value=rule.value, account_id=rule.account_id, valid_from=rule.valid_from, id=rule.pk
    )


def _follow(organization: Organization, reaches: Iterable[Rule]) -> None:
    days: dict[int, set[date]] = defaultdict(set)
    for reach in reaches:
        for account_id, found in reached_days(organization_id=organization.pk, rule=reach).items():
            days[account_id] |= found
    for account_id in sorted(days):
        rollup_allocate(account_id=account_id, days=days[account_id])


def _words(rule: AllocationRule) -> dict[str, Any]:
    shares = rule.shares.select_related("team").order_by("team__name")
    return {
        "dimension": rule.dimension,
        "value": rule.value,
        "account": _account_words(rule.account) or None,
        "valid_from": rule.valid_from.isoformat() if rule.valid_from is not None else None,
        "teams": [f"{share.team} {share.percent.normalize():f} %" for share in shares],
    }


def _record(rule: AllocationRule, action: str, changes: dict[str, tuple[Any, Any]], by: Actor, now: datetime) -> None:
    audit_record(
        organization=rule.organization,
        by=by,
        action=action,
        now=now,
        subject=rule,
        words=_subject(rule),
        changes=changes,
    )


def _subject(rule: AllocationRule) -> str:
    """What it catches, as people know it: a key by its name rather than by its id."""
    if rule.dimension == KEY:
        keys = ProviderKey.objects.filter(account__organization=rule.organization, external_id=rule.value)
        of = {"account": rule.account} if rule.account is not None else {}
        key = keys.filter(**of).exclude(name="").select_related("account").first()
        return f"{key.name}, {_account_words(key.account)}" if key is not None else rule.value
    return rule.value or _account_words(rule.account)


def _account_words(account: ProviderAccount | None) -> str:
    return f"{account.provider_name}: {account.label}" if account is not None else ""
