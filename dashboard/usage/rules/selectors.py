"""What allocation rules catch, what none catches, and what a new one would move, all of the last 30 days."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import QuerySet

from dashboard.balances.rates.conversion import Unit
from dashboard.credentials.catalog import provider_name
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ProviderKey
from dashboard.keys.selectors import keys_by_id
from dashboard.organizations.models import Team
from dashboard.usage.allocation import ACCOUNT, DIMENSIONS, Line, Rule, Rulebook, Share, assigned, split
from dashboard.usage.explorer.converted import named_amounts, unit_rank
from dashboard.usage.models import AllocationRule, UsageDetail
from dashboard.usage.rollup import rule_of

LOOKED_BACK = timedelta(days=29)  # with today 30 days
MOST_UNCAUGHT = 20
MOST_VALUES = 200
ZERO = Decimal(0)
_TOKENS = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens")

Amounts = dict[Unit, Decimal]
"""By unit, of which two are never added up: credits of one provider are not those of another."""
Told = list[tuple[str, Decimal, str]]
"""(unit, amount, whose the unit is)."""


@dataclass(slots=True)
class RuleRow:
    """A rule, and what it caught in the last 30 days. `until` is its last day, where another one for the same follows;
    `replaced` says that this day is over."""

    rule: AllocationRule
    amounts: Amounts = field(default_factory=dict)
    key: ProviderKey | None = None  # the listed key that it names
    until: date | None = None
    replaced: bool = False
    told: Told = field(default_factory=list)

    @property
    def dialog(self) -> str:
        """Id of the dialog that asks before it is removed."""
        return f"remove-rule-{self.rule.pk}"


@dataclass(slots=True)
class Uncaught:
    """What nobody owns: its account and dimensions, and what it spent in the last 30 days."""

    account: ProviderAccount
    provider_key: str
    project: str
    user: str
    amounts: Amounts = field(default_factory=dict)
    key: ProviderKey | None = None  # the listed key that it names
    told: Told = field(default_factory=list)

    @property
    def dimension(self) -> str:
        """By what it can be caught best."""
        return "key" if self.provider_key else "project" if self.project else "user" if self.user else ACCOUNT

    @property
    def value(self) -> str:
        return self.provider_key or self.project or self.user


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A team's spend of the last 30 days in one unit as it is, and as it would be. No team: unallocated."""

    team: Team | None
    unit: str
    whose: str  # the provider that a unit belongs to, where it is nobody's ""
    before: Decimal
    after: Decimal

    @property
    def difference(self) -> Decimal:
        return self.after - self.before


class RulesView(NamedTuple):
    """All rules with what they catch, in the order in which they count; what is unallocated, the dearest first; and
    what no rule catches and so belongs to the accounts' own teams."""

    rows: list[RuleRow]
    uncaught: list[Uncaught]
    own: Told


def rules_view(*, organization_id: int, today: date) -> RulesView:
    stored = list(_rules(organization_id))
    rows = {one.pk: RuleRow(one) for one in stored}
    for row in rows.values():
        row.until = last_day_of(rule_of(row.rule), stored)
        row.replaced = row.until is not None and row.until < today
    own: Amounts = {}
    rulebook = Rulebook(rule_of(one) for one in stored)
    accounts = {one.pk: one for one in ProviderAccount.objects.filter(organization_id=organization_id)}
    uncaught: dict[tuple[int, str, str, str], Uncaught] = {}
    for account_id, lines in _lines(organization_id, today).items():
        for part, owner, rule in assigned(lines, rulebook, account_id):
            if part.spend is None:
                continue
            if rule is not None and rule.id is not None:
                _add(rows[rule.id].amounts, part, accounts[account_id])
            elif accounts[account_id].team_id is None:
                key = (account_id, owner.provider_key, owner.project, owner.user)
                found = uncaught.setdefault(key, Uncaught(accounts[account_id], *key[1:]))
                _add(found.amounts, part, accounts[account_id])
            else:
                _add(own, part, accounts[account_id])
    dearest = sorted(uncaught.values(), key=lambda one: (-max(one.amounts.values()), one.value))[:MOST_UNCAUGHT]
    _name_keys(organization_id, rows.values(), dearest)
    shown: list[RuleRow | Uncaught] = [*rows.values(), *dearest]
    for one in shown:
        one.told = _told(organization_id, one.amounts)
    return RulesView(sorted(rows.values(), key=_rank), dearest, _told(organization_id, own))


def _told(organization_id: int, amounts: Amounts) -> Told:
    return named_amounts(organization_id, sorted(amounts.items(), key=lambda one: unit_rank(one[0], "")))


def last_day_of(rule: Rule, stored: Iterable[AllocationRule]) -> date | None:
    """The day before the next of these rules for the same counts; None where none follows."""
    same = (rule.dimension, rule.value, rule.account_id)
    later = [
        one.valid_from
        for one in stored
        if (one.dimension, one.value, one.account_id) == same
        and one.valid_from is not None
        and (rule.valid_from is None or one.valid_from > rule.valid_from)
    ]
    return min(later) - timedelta(days=1) if later else None


def rule_ended(*, organization_id: int, today: date, new: Rule, gone: AllocationRule | None) -> date | None:
    """The last day of `new` in place of `gone`, where it lies before the days that are looked back on."""
    others = [one for one in _rules(organization_id) if gone is None or one.pk != gone.pk]
    last = last_day_of(new, others)
    return last if last is not None and last < today - LOOKED_BACK else None


def rule_key(*, organization_id: int, rule: AllocationRule) -> ProviderKey | None:
    """The listed key that it names."""
    row = RuleRow(rule)
    _name_keys(organization_id, [row], [])
    return row.key


def _name_keys(organization_id: int, rows: Iterable[RuleRow], uncaught: Iterable[Uncaught]) -> None:
    """Keys are told by their ids; where an account lists its keys, they have names."""
    places: list[tuple[int | None, str, RuleRow | Uncaught]] = [
        *((row.rule.account_id, row.rule.value, row) for row in rows if row.rule.dimension == "key"),
        *((one.account.pk, one.value, one) for one in uncaught if one.dimension == "key"),
    ]
    found = keys_by_id(organization_id=organization_id, external_ids={value for _account, value, _row in places})
    for account_id, value, row in places:
        # A rule without an account means the keys of all.
        keys = [key for key in found[value] if account_id in (None, key.account_id)]
        row.key = _only(keys)


def _add(amounts: Amounts, part: Line, account: ProviderAccount) -> None:
    assert part.spend is not None
    unit = Unit.of(part.unit, account.provider_slug)
    amounts[unit] = amounts.get(unit, ZERO) + part.spend


def _rank(row: RuleRow) -> tuple[int, str, int]:
    since = row.rule.valid_from or date.min
    return DIMENSIONS.index(row.rule.dimension), str(row.key or row.rule.value), -since.toordinal()


def rule_moves(
    *, organization_id: int, today: date, gone: AllocationRule | None = None, new: Rule | None = None
) -> list[Move]:
    """What the last 30 days would look like with `new` in place of `gone`: the teams whose spend would be another, the
    greatest change first."""
    stored = [rule_of(one) for one in _rules(organization_id)]
    after = [one for one in stored if gone is None or one.id != gone.pk] + ([new] if new is not None else [])
    owners = {one.pk: one for one in ProviderAccount.objects.filter(organization_id=organization_id)}
    lines = _lines(organization_id, today)
    was, will = (_by_team(lines, Rulebook(rules), owners) for rules in (stored, after))
    teams = {team.pk: team for team in Team.objects.filter(organization_id=organization_id)}
    moves = [
        Move(
            team=teams[team_id] if team_id is not None else None,
            unit=unit.code,
            whose=provider_name(organization_id, unit.slug) if unit.slug else "",
            before=was.get((team_id, unit), ZERO),
            after=will.get((team_id, unit), ZERO),
        )
        for team_id, unit in {*was, *will}
    ]
    moves = [one for one in moves if one.before != one.after]
    return sorted(moves, key=lambda one: (-abs(one.difference), one.unit, str(one.team or "")))


def values_told(*, organization_id: int, today: date) -> list[tuple[str, str]]:
    """(value, what it is called where that is another word) of the keys, projects and users that the last 30 days
    name."""
    rows = _details(organization_id, today)
    found: set[str] = set()
    for name in ("provider_key", "project", "user"):
        found |= set(rows.exclude(**{name: ""}).values_list(name, flat=True).distinct().order_by()[:MOST_VALUES])
    keys = keys_by_id(organization_id=organization_id, external_ids=found)
    return [(value, _key_words(_only(keys[value]))) for value in sorted(found)]


def _key_words(key: ProviderKey | None) -> str:
    return f"{key} {key.hint}".strip() if key is not None else ""


def _only(keys: Sequence[ProviderKey]) -> ProviderKey | None:
    """Accounts may share an id."""
    return keys[0] if len(keys) == 1 else None


def _rules(organization_id: int) -> QuerySet[AllocationRule]:
    rules = AllocationRule.objects.filter(organization_id=organization_id)
    return rules.select_related("account").prefetch_related("shares__team")


def _by_team(
    lines: Mapping[int, list[Line]], rulebook: Rulebook, owners: Mapping[int, ProviderAccount]
) -> dict[tuple[int | None, Unit], Decimal]:
    found: dict[tuple[int | None, Unit], Decimal] = defaultdict(Decimal)
    for account_id, mine in lines.items():
        owner = owners[account_id]
        for part, _owner, rule in assigned(mine, rulebook, account_id):
            if part.spend is None:
                continue
            unit = Unit.of(part.unit, owner.provider_slug)
            shares: Sequence[Share] = rule.shares if rule is not None else ()
            if not shares:
                found[(owner.team_id if rule is None else None, unit)] += part.spend
                continue
            for share, amount in zip(shares, split(part.spend, [one.percent for one in shares]), strict=True):
                found[(share.team_id, unit)] += amount
    return found


def _details(organization_id: int, today: date) -> QuerySet[UsageDetail]:
    return UsageDetail.objects.filter(organization_id=organization_id, day__range=(today - LOOKED_BACK, today))


def _lines(organization_id: int, today: date) -> dict[int, list[Line]]:
    """The details of the last 30 days by account."""
    names = (
        "account_id",
        "day",
        "span",
        "model",
        "unit",
        "basis",
        "provider_key",
        "project",
        "user",
        "spend",
        "requests",
    )
    found: dict[int, list[Line]] = defaultdict(list)
    rows: Iterable[tuple] = _details(organization_id, today).order_by("pk").values_list(*names, *_TOKENS)
    for account_id, day, span, model, unit, basis, key, project, user, spend, requests, *tokens in rows:
        line = Line(
            day=day,
            span=span,
            model=model,
            unit=unit,
            basis=basis,
            provider_key=key,
            project=project,
            user=user,
            spend=spend,
            requests=requests,
            tokens=sum(one or 0 for one in tokens),
        )
        found[account_id].append(line)
    return found
