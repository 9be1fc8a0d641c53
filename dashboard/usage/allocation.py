"""Whose spend it is: rules say which team a key, project, user or account belongs to, or how it is shared.

Pure: lines of the rollup and rules in, the same figures by team out, exact to the last decimal. A rule of a better
dimension counts first: key, then project, then user, then account; what no rule catches stays with the team of its
account, and without one it is unallocated. So is what a rule gives to nobody. Inside a dimension a rule for one account
counts before one for all, and of those that hold already on that day the latest.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import zip_longest
from typing import NamedTuple

KEY, PROJECT, USER, ACCOUNT = "key", "project", "user", "account"
DIMENSIONS = (KEY, PROJECT, USER, ACCOUNT)  # the best first
WHOLE = Decimal(100)
_PLACES = Decimal(1).scaleb(-12)


class Share(NamedTuple):
    """A team and its part, in percent."""

    team_id: int
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Everything with that value of the dimension belongs to these teams from that day on; no day is from the
    beginning. `account_id` None is any account; the value of dimension "account" is "". Without shares it is
    nobody's, not even the team's of the account."""

    dimension: str
    value: str = ""
    account_id: int | None = None
    valid_from: date | None = None
    shares: tuple[Share, ...] = ()
    id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the rollup of an account: its dimensions ("" where not told) and figures. `carried` says that its
    money stands on other lines of the day."""

    day: date
    span: str = "day"
    last: date | None = None
    model: str = ""
    unit: str = ""
    basis: str = ""
    provider_key: str = ""
    project: str = ""
    user: str = ""
    spend: Decimal | None = None
    tokens: int | None = None
    requests: int | None = None
    provisional: bool = False

    @property
    def carried(self) -> bool:
        return self.basis == "covered"

    def value(self, dimension: str) -> str:
        return {KEY: self.provider_key, PROJECT: self.project, USER: self.user, ACCOUNT: ""}[dimension]


class Place(NamedTuple):
    """What figures are summed under. `team_id` None: no rule caught it, or one that says `nobody`."""

    day: date
    span: str
    team_id: int | None
    model: str
    unit: str
    basis: str
    nobody: bool = False


@dataclass(slots=True)
class Figures:
    """Sums; None is unknown."""

    spend: Decimal | None = None
    tokens: int | None = None
    requests: int | None = None
    provisional: bool = False
    last: date | None = None

    def add(self, spend: Decimal | None, tokens: int | None, requests: int | None) -> None:
        if spend is not None:
            self.spend = spend if self.spend is None else self.spend + spend
        if tokens is not None:
            self.tokens = (self.tokens or 0) + tokens
        if requests is not None:
            self.requests = (self.requests or 0) + requests


class Rulebook:
    """The rules of an organization, ready to be asked."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_value: dict[tuple[str, str], list[Rule]] = defaultdict(list)
        for rule in rules:
            self._by_value[(rule.dimension, rule.value)].append(rule)
        for found in self._by_value.values():
            found.sort(key=lambda rule: (rule.account_id is not None, rule.valid_from or date.min), reverse=True)
        self._dimensions = frozenset(dimension for dimension, _value in self._by_value)

    def __bool__(self) -> bool:
        return bool(self._dimensions)

    def rule_for(self, account_id: int, line: Line) -> Rule | None:
        """The rule that decides whose that line is; None when none catches it."""
        for dimension in DIMENSIONS:
            value = line.value(dimension)
            if dimension not in self._dimensions or (not value and dimension != ACCOUNT):
                continue
            for rule in self._by_value.get((dimension, value), ()):
                reaches = rule.account_id is None or rule.account_id == account_id
                if reaches and (rule.valid_from is None or rule.valid_from <= line.day):
                    return rule
        return None


def split(whole: Decimal, weights: Sequence[Decimal | int]) -> list[Decimal]:
    """Parts of an amount in proportion to these weights, of which one at least is above zero. They add up to the whole
    exactly, and each is off by less than the last decimal that is stored."""
    total = Decimal(sum(weights))
    parts, done, reached = [], Decimal(0), Decimal(0)
    for weight in weights:
        done += weight
        upto = whole if done == total else (whole * done / total).quantize(_PLACES)
        parts.append(upto - reached)
        reached = upto
    return parts


def split_count(whole: int, weights: Sequence[Decimal | int]) -> list[int]:
    """The same for a count: the parts are whole numbers."""
    total = Decimal(sum(weights))
    parts, done, reached = [], Decimal(0), 0
    for weight in weights:
        done += weight
        upto = whole if done == total else int(whole * done / total)
        parts.append(upto - reached)
        reached = upto
    return parts


def allocated(lines: Sequence[Line], rulebook: Rulebook, account_id: int) -> dict[Place, Figures]:
    """The figures of an account's lines by team."""
    found: dict[Place, Figures] = {}
    for part, _owner, rule in assigned(lines, rulebook, account_id):
        _book(found, part, rule)
    return found


def assigned(lines: Sequence[Line], rulebook: Rulebook, account_id: int) -> Iterator[tuple[Line, Line, Rule | None]]:
    """(a line or a part of it, the line that says whose it is, the rule that decides). Money that is told without the
    dimension that rules speak of (a bill by project, where keys belong to teams) goes where the use of the same day
    went, in proportion to its tokens."""
    hosts = _hosts(lines) if rulebook else {}
    for line in lines:
        for part, owner in _parts(line, _used_beside(line, hosts)):
            yield part, owner, rulebook.rule_for(account_id, owner)


def _book(found: dict[Place, Figures], line: Line, rule: Rule | None) -> None:
    shares = rule.shares if rule is not None else ()
    if not shares:
        _add(found, line, None, line.spend, line.tokens, line.requests, nobody=rule is not None)
        return
    weights = [share.percent for share in shares]
    spend = [line.spend] if line.spend is None else split(line.spend, weights)
    tokens = [line.tokens] if line.tokens is None else split_count(line.tokens, weights)
    requests = [line.requests] if line.requests is None else split_count(line.requests, weights)
    for share, amount, count, calls in zip_longest(shares, spend, tokens, requests):
        _add(found, line, share.team_id, amount, count, calls)


def _add(
    found: dict[Place, Figures],
    line: Line,
    team_id: int | None,
    spend: Decimal | None,
    tokens: int | None,
    requests: int | None,
    *,
    nobody: bool = False,
) -> None:
    place = Place(line.day, line.span, team_id, line.model, line.unit, line.basis, nobody)
    figures = found.get(place)
    if figures is None:
        figures = found[place] = Figures()
    figures.add(spend, tokens, requests)
    figures.provisional = figures.provisional or line.provisional
    if line.last is not None:
        figures.last = line.last if figures.last is None else max(figures.last, line.last)


# --- Money without the names of those who spent it --------------------------------------------------------------

_Hosts = dict[tuple[date, str], list[Line]]


def _hosts(lines: Iterable[Line]) -> _Hosts:
    """The use whose money stands elsewhere, by day."""
    found: _Hosts = defaultdict(list)
    for line in lines:
        if line.carried and (line.provider_key or line.project or line.user) and (line.tokens or line.requests):
            found[(line.day, line.span)].append(line)
    return found


def _used_beside(line: Line, hosts: _Hosts) -> list[Line]:
    """The use that a line of money pays for: in its project and of its model, as far as it tells them."""
    if line.spend is None or line.provider_key or line.user:
        return []
    near = hosts.get((line.day, line.span), [])
    if line.project:
        near = [host for host in near if host.project == line.project]
    same_model = [host for host in near if host.model == line.model]
    return same_model or near


def _parts(line: Line, near: Sequence[Line]) -> list[tuple[Line, Line]]:
    """(a part of the line, the line whose dimensions say whose it is); they add up to the line."""
    weights = [host.tokens or 0 for host in near]
    if not sum(weights):
        weights = [host.requests or 0 for host in near]
    if line.spend is None or not sum(weights):
        return [(line, line)]
    amounts = split(line.spend, weights)
    return [
        (_part(line, amount, counts=place == 0), host)
        for place, (amount, host) in enumerate(zip(amounts, near, strict=True))
    ]


def _part(line: Line, amount: Decimal, *, counts: bool) -> Line:
    """A line with a part of the money; what a bill counts beside money goes with the first part."""
    return Line(
        day=line.day,
        span=line.span,
        last=line.last,
        model=line.model,
        unit=line.unit,
        basis=line.basis,
        spend=amount,
        tokens=line.tokens if counts else None,
        requests=line.requests if counts else None,
        provisional=line.provisional,
    )
