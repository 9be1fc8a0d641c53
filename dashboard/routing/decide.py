"""Who carries a route now, who stands by, and who is passed over and why. Pure: a document, what is known of its
accounts, what was decided before and `now` in; the ordered targets of each route out, each with a code and the figures
that its words are made of (`routing.words`).

The rules, in this order. A target that is switched off carries nothing. A fresh reading under a floor takes it out at
once, and so do errors of its provider while they cool down. A stale reading takes nobody out. What is out comes back
when a fresh reading lies over the bound of the way back, of the figure that it left for, and when it has been out for
the hold-down.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec

from dashboard.routing.document import Document, Failover, Route, Target

State = Literal["in_use", "standby", "passed_over", "off"]
Figure = Decimal | int | str | datetime
Figures = tuple[Figure, ...]
# Causes of leaving; with them what is remembered of a target that is out.
Cause = Literal["balance", "runway", "quota", "errors", "offline", "gone"]
Code = Literal[
    "ready", "stale", "disabled", "balance", "runway", "quota", "errors", "offline",
    "balance_return", "runway_return", "quota_return", "no_fresh_reading", "hold_down", "account_gone",
]  # fmt: skip
HOUR = timedelta(hours=1)


class Balance(msgspec.Struct, frozen=True, gc=False):
    """The money left at `at`. `dry_at` is the near edge of when it ends; None with `lasting` means not for a long time,
    without it that nobody can tell. `spent_when_empty`: nothing is left to call with at 0."""

    amount: Decimal
    unit: str
    at: datetime
    fresh_for: timedelta
    dry_at: datetime | None = None
    lasting: bool = False
    spent_when_empty: bool = True


class Quota(msgspec.Struct, frozen=True, gc=False):
    """A limit of which so much was used at `at`; from `ends_at` on it counts anew, and says nothing more."""

    percent_used: Decimal
    at: datetime
    fresh_for: timedelta
    ends_at: datetime | None = None


class Facts(msgspec.Struct, frozen=True):
    """What is known of an account. `failed_at`: its provider failed again and again, last at this moment.
    `offline_since`: nothing answers at a server of one's own."""

    balance: Balance | None = None
    quotas: tuple[Quota, ...] = ()
    failed_at: datetime | None = None
    offline_since: datetime | None = None


NOTHING_KNOWN = Facts()


class Memory(msgspec.Struct, frozen=True):
    """That a target is out: why, and since when."""

    cause: Cause
    since: datetime


class Verdict(msgspec.Struct, frozen=True):
    """`place` counts the targets that may carry, from 1 in the order in which they are tried; None for the others.
    `share` is the percentage of the traffic while it carries. `memory` is to be kept for the next time."""

    target: Target
    tier: int
    state: State
    code: Code
    figures: Figures = ()
    place: int | None = None
    share: int = 0
    memory: Memory | None = None


class RouteDecision(msgspec.Struct, frozen=True):
    """All targets in the order of the policy."""

    route: Route
    verdicts: tuple[Verdict, ...]

    @property
    def order(self) -> list[Verdict]:
        """Those that may carry, the first first."""
        able = [one for one in self.verdicts if one.place is not None]
        return sorted(able, key=lambda one: one.place or 0)

    @property
    def dead_end(self) -> bool:
        return all(one.place is None for one in self.verdicts)


class Decision(msgspec.Struct, frozen=True):
    """`look_again_at`: when time alone changes something, as far as can be told."""

    routes: tuple[RouteDecision, ...]
    look_again_at: datetime | None = None


class _Judgement(NamedTuple):
    """Of an account: out or not, and why. `again` is when that changes by itself."""

    cause: Cause | None
    code: Code
    figures: Figures
    again: datetime | None = None


Known = Mapping[tuple[str, str], Memory]  # by the route's match and the target's key


def decide(*, document: Document, facts: Mapping[int, Facts], known: Known, now: datetime) -> Decision:
    """An account that is not among the facts is gone, and carries nothing."""
    failover = document.failover
    fresh = {account: _judge(facts.get(account), failover, now) for account in document.accounts}
    routes = []
    moments = [one.again for one in fresh.values() if one.again is not None]
    for route in document.routes:
        decided = _decide_route(route, failover, facts, fresh, known, now)
        moments += [
            one.memory.since + timedelta(minutes=failover.hold_down_minutes)
            for one in decided.verdicts
            if one.memory is not None and one.code == "hold_down"
        ]
        routes.append(decided)
    return Decision(tuple(routes), min((at for at in moments if at > now), default=None))


def account_mark(facts: Facts | None, failover: Failover, now: datetime) -> tuple[str, datetime | None]:
    """(what is judged of an account none of whose targets is out, as text; when time alone changes it). As long as the
    text stays, nothing that was decided with it changes for this account's sake."""
    one = _judge(facts, failover, now)
    return msgspec.json.encode([one.code, *one.figures]).decode(), one.again


def _decide_route(
    route: Route,
    failover: Failover,
    facts: Mapping[int, Facts],
    fresh: Mapping[int, _Judgement],
    known: Known,
    now: datetime,
) -> RouteDecision:
    carrying, place = 0, 0
    verdicts: list[Verdict] = []
    for number, tier in enumerate(route.tiers, 1):
        judged: list[tuple[Target, _Judgement | None, Memory | None]] = []
        for target in tier.targets:
            if not target.enabled:
                judged.append((target, None, None))
                continue
            one, before = fresh[target.account], known.get((route.match, target.key)) if known else None
            memory = None
            if before is not None:
                one = _judge_return(before, one, facts.get(target.account, NOTHING_KNOWN), failover, now)
            if one.cause is not None:
                memory = Memory(one.cause, now if before is None else before.since)
            judged.append((target, one, memory))
        able = [entry for entry in judged if entry[1] is not None and entry[2] is None]
        if able and not carrying:
            carrying = number
        places = {entry[0].key: index for index, entry in enumerate(sorted(able, key=_by_weight), place + 1)}
        place += len(able)
        total = sum(entry[0].weight for entry in able)
        for target, judgement, memory in judged:
            if judgement is None:
                verdicts.append(Verdict(target, number, "off", "disabled"))
            elif memory is not None:
                verdicts.append(
                    Verdict(target, number, "passed_over", judgement.code, judgement.figures, memory=memory)
                )
            else:
                uses = carrying == number
                share = round(100 * target.weight / total) if uses else 0
                state: State = "in_use" if uses else "standby"
                verdicts.append(
                    Verdict(target, number, state, judgement.code, judgement.figures, places[target.key], share)
                )
    return RouteDecision(route, tuple(verdicts))


def _by_weight(entry: tuple[Target, _Judgement | None, Memory | None]) -> int:
    """Heavier ones first; sorting leaves equal ones as the policy has them."""
    return -entry[0].weight


# --- One account ------------------------------------------------------------------------------------------------


def _limit(at_most: timedelta, failover: Failover) -> timedelta:
    """How old a reading may be: what the policy says, or what is usual for it."""
    return at_most if failover.fresh_minutes is None else timedelta(minutes=failover.fresh_minutes)


def _is_fresh(reading: Balance | Quota, failover: Failover, now: datetime) -> bool:
    return now - reading.at <= _limit(reading.fresh_for, failover)


def _fullest(quotas: Iterable[Quota], failover: Failover, now: datetime) -> Quota | None:
    """The fullest limit of which a fresh reading tells and whose window still runs."""
    counted = [one for one in quotas if (one.ends_at is None or one.ends_at > now) and _is_fresh(one, failover, now)]
    return max(counted, key=lambda one: one.percent_used, default=None)


def _judge(facts: Facts | None, failover: Failover, now: datetime) -> _Judgement:
    """By the floors alone, as for a target that is not out."""
    if facts is None:
        return _Judgement("gone", "account_gone", ())
    if facts.offline_since is not None:
        return _Judgement("offline", "offline", (facts.offline_since,))
    if facts.failed_at is not None:
        until = facts.failed_at + timedelta(minutes=failover.cooldown_minutes)
        if now < until:
            return _Judgement("errors", "errors", (until,), until)
    again, balance = None, facts.balance
    old = balance is not None and not _is_fresh(balance, failover, now)
    if balance is not None and not old:
        floor = failover.balance_floors.get(balance.unit)
        if (floor is not None and balance.amount < floor) or (balance.spent_when_empty and balance.amount <= 0):
            return _Judgement("balance", "balance", (balance.amount, balance.unit, floor or Decimal(0)))
        hours = failover.runway_floor_hours
        if hours and balance.dry_at is not None:
            leaves_at = balance.dry_at - hours * HOUR
            if now >= leaves_at:
                return _Judgement("runway", "runway", (_hours(balance.dry_at, now), hours))
            again = leaves_at
    quota = _fullest(facts.quotas, failover, now)
    ceiling = 100 if failover.quota_ceiling_percent is None else failover.quota_ceiling_percent
    if quota is not None and quota.percent_used >= ceiling:
        return _Judgement("quota", "quota", (quota.percent_used, ceiling), quota.ends_at)
    if old and balance is not None:
        return _Judgement(None, "stale", (balance.at,), again)
    return _Judgement(None, "ready", (), again)


def _hours(dry_at: datetime, now: datetime) -> int:
    """Whole hours, rounded down: what is left is never told as more."""
    return max(0, int((dry_at - now) / HOUR))


def _judge_return(before: Memory, one: _Judgement, facts: Facts, failover: Failover, now: datetime) -> _Judgement:
    """Of a target that is out: back only over the bound of the way back, and after the hold-down."""
    if one.cause is not None:
        return one
    waiting = _waiting(before.cause, facts, failover, now)
    if waiting is not None:
        return waiting
    until = before.since + timedelta(minutes=failover.hold_down_minutes)
    if now < until:
        return _Judgement(before.cause, "hold_down", (until,), until)
    return one


def _waiting(cause: Cause, facts: Facts, failover: Failover, now: datetime) -> _Judgement | None:
    """What is missing for the way back of the figure that a target left for; None when nothing is."""
    balance = facts.balance
    if cause in ("balance", "runway") and balance is not None and not _is_fresh(balance, failover, now):
        return _Judgement(cause, "no_fresh_reading", (balance.at,))
    if cause == "balance" and balance is not None:
        floor = failover.balance_floors.get(balance.unit)
        back = failover.balance_returns.get(balance.unit, floor)
        if back is not None and balance.amount < back:
            return _Judgement(cause, "balance_return", (balance.amount, balance.unit, back))
    if cause == "runway" and balance is not None and failover.runway_floor_hours:
        return _waiting_runway(balance, failover, now)
    if cause == "quota":
        return _waiting_quota(facts.quotas, failover, now)
    return None


def _waiting_runway(balance: Balance, failover: Failover, now: datetime) -> _Judgement | None:
    if balance.lasting:
        return None
    if balance.dry_at is None:
        return _Judgement("runway", "no_fresh_reading", (balance.at,))
    back = failover.runway_return_hours or failover.runway_floor_hours or 0
    if balance.dry_at - now < back * HOUR:
        return _Judgement("runway", "runway_return", (_hours(balance.dry_at, now), back))
    return None


def _waiting_quota(quotas: tuple[Quota, ...], failover: Failover, now: datetime) -> _Judgement | None:
    ceiling = 100 if failover.quota_ceiling_percent is None else failover.quota_ceiling_percent
    back = ceiling if failover.quota_return_percent is None else failover.quota_return_percent
    running = [one for one in quotas if one.ends_at is None or one.ends_at > now]
    quota = max(running, key=lambda one: one.percent_used, default=None)
    if quota is None:
        return None
    if not _is_fresh(quota, failover, now) and quota.percent_used >= back:
        return _Judgement("quota", "no_fresh_reading", (quota.at,), quota.ends_at)
    if quota.percent_used >= back:
        return _Judgement("quota", "quota_return", (quota.percent_used, back), quota.ends_at)
    return None


# --- What if ----------------------------------------------------------------------------------------------------


class Supposed(msgspec.Struct, frozen=True):
    """Ids of accounts whose provider is down, whose money is used up, whose quota is."""

    down: frozenset[int] = frozenset()
    drained: frozenset[int] = frozenset()
    spent: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.down or self.drained or self.spent)


_A_MOMENT = timedelta(minutes=1)


def supposing(facts: Mapping[int, Facts], supposed: Supposed, now: datetime) -> dict[int, Facts]:
    """The facts as they would be read now."""
    changed = dict(facts)
    for account in supposed.down | supposed.drained | supposed.spent:
        one = changed.get(account, NOTHING_KNOWN)
        balance, quotas, failed_at = one.balance, one.quotas, one.failed_at
        if account in supposed.down:
            failed_at = now
        if account in supposed.drained:
            unit = balance.unit if balance is not None else ""
            balance = Balance(Decimal(0), unit, now, _A_MOMENT, dry_at=now)
        if account in supposed.spent:
            quotas = (*quotas, Quota(Decimal(100), now, _A_MOMENT))
        changed[account] = Facts(balance, quotas, failed_at, one.offline_since)
    return changed
