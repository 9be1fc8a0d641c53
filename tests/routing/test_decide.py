"""The rules that decide who carries a route: one by one, and over random policies, readings and days."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.routing.decide import (
    Balance,
    Decision,
    Facts,
    Known,
    Memory,
    Quota,
    Supposed,
    Verdict,
    decide,
    supposing,
)
from dashboard.routing.document import Document, Failover, Route, Target, Tier
from dashboard.routing.words import reason_words

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
D = Decimal


def document(*tiers: tuple[Target, ...], **failover: Any) -> Document:
    """One route, "chat"."""
    route = Route(match="chat", tiers=tuple(Tier(targets=targets) for targets in tiers))
    return Document(failover=Failover(**failover), routes=(route,))


def target(account: int, **more: Any) -> Target:
    return Target(account=account, model="m", **more)


def wallet(amount: str, *, age: timedelta = timedelta(0), hours: float | None = None, unit: str = "USD") -> Facts:
    dry_at = None if hours is None else NOW + hours * HOUR
    return Facts(Balance(D(amount), unit, NOW - age, 2 * HOUR, dry_at=dry_at, lasting=hours is None))


def verdicts(decision: Decision) -> dict[int, Verdict]:
    return {one.target.account: one for one in decision.routes[0].verdicts}


def known_of(decision: Decision) -> Known:
    return {
        (route.route.match, one.target.key): one.memory
        for route in decision.routes
        for one in route.verdicts
        if one.memory is not None
    }


TWO = document((target(1),), (target(2),), balance_floors={"USD": D(5)}, balance_returns={"USD": D(20)})
FULL = wallet("100")


def test_the_first_tier_carries_and_the_next_stands_by() -> None:
    decision = decide(document=TWO, facts={1: FULL, 2: FULL}, known={}, now=NOW)
    one = verdicts(decision)
    assert [(one[n].state, one[n].code, one[n].place, one[n].share) for n in (1, 2)] == [
        ("in_use", "ready", 1, 100),
        ("standby", "ready", 2, 0),
    ]


def test_weights_share_a_tier_and_order_it() -> None:
    policy = document((target(1, weight=30), target(2, weight=70), target(3, weight=30)))
    one = verdicts(decide(document=policy, facts=dict.fromkeys((1, 2, 3), FULL), known={}, now=NOW))
    assert [(one[n].place, one[n].share) for n in (1, 2, 3)] == [(2, 23), (1, 54), (3, 23)]


@pytest.mark.parametrize(
    ("facts", "failover", "code", "figures"),
    [
        (wallet("4.99"), {"balance_floors": {"USD": D(5)}}, "balance", (D("4.99"), "USD", D(5))),
        (wallet("0"), {}, "balance", (D(0), "USD", D(0))),
        (wallet("50", hours=23.9), {}, "runway", (23, 24)),
        (Facts(quotas=(Quota(D("90"), NOW, HOUR),)), {}, "quota", (D(90), 90)),
        (Facts(quotas=(Quota(D("100"), NOW, HOUR),)), {"quota_ceiling_percent": None}, "quota", (D(100), 100)),
        (Facts(failed_at=NOW - 9 * MINUTE), {}, "errors", (NOW + MINUTE,)),
        (Facts(offline_since=NOW - HOUR), {}, "offline", (NOW - HOUR,)),
        (None, {}, "account_gone", ()),
    ],
)  # fmt: skip
def test_what_takes_a_target_out(facts: Facts | None, failover: Any, code: str, figures: Any) -> None:
    policy = document((target(1),), (target(2),), **failover)
    given_facts = {2: FULL} if facts is None else {1: facts, 2: FULL}
    one = verdicts(decide(document=policy, facts=given_facts, known={}, now=NOW))
    assert (one[1].state, one[1].code, one[1].figures, one[1].place) == ("passed_over", code, figures, None)
    assert (one[2].state, one[2].place, one[2].share) == ("in_use", 1, 100)


@pytest.mark.parametrize(
    ("facts", "failover"),
    [
        (wallet("5"), {"balance_floors": {"USD": D(5)}}),
        (wallet("1", unit="CNY"), {"balance_floors": {"USD": D(5)}}),  # never across units
        (wallet("50", hours=24.1), {}),
        (wallet("50", hours=1), {"runway_floor_hours": None}),
        (Facts(quotas=(Quota(D("89.9"), NOW, HOUR),)), {}),
        (Facts(quotas=(Quota(D("99"), NOW - MINUTE, HOUR, ends_at=NOW),)), {}),  # its window began anew
        (Facts(failed_at=NOW - 10 * MINUTE), {}),
        (Facts(), {}),
    ],
)  # fmt: skip
def test_what_does_not(facts: Facts, failover: Any) -> None:
    policy = document((target(1),), (target(2),), **failover)
    one = verdicts(decide(document=policy, facts={1: facts, 2: FULL}, known={}, now=NOW))
    assert (one[1].state, one[1].code) == ("in_use", "ready")


def test_a_stale_reading_takes_nobody_out_and_says_so() -> None:
    old = wallet("1", age=3 * HOUR, hours=1)
    one = verdicts(decide(document=TWO, facts={1: old, 2: FULL}, known={}, now=NOW))
    assert (one[1].state, one[1].code, one[1].figures) == ("in_use", "stale", (NOW - 3 * HOUR,))


def test_the_policy_says_how_fresh_a_reading_has_to_be() -> None:
    late = wallet("1", age=20 * MINUTE)
    policy = document((target(1),), balance_floors={"USD": D(5)}, fresh_minutes=15)
    assert verdicts(decide(document=policy, facts={1: late}, known={}, now=NOW))[1].code == "stale"
    policy = document((target(1),), balance_floors={"USD": D(5)}, fresh_minutes=25)
    assert verdicts(decide(document=policy, facts={1: late}, known={}, now=NOW))[1].code == "balance"


def test_the_way_back_has_a_bound_of_its_own_and_a_hold_down() -> None:
    left = Memory("balance", NOW - 29 * MINUTE)
    key = ("chat", target(1).key)

    def again(facts: Facts, known: Known = {key: left}, now: datetime = NOW) -> tuple[str, str]:  # noqa: B006
        one = verdicts(decide(document=TWO, facts={1: facts, 2: FULL}, known=known, now=now))[1]
        return one.state, one.code

    assert again(wallet("6")) == ("passed_over", "balance_return")
    assert again(wallet("19.99")) == ("passed_over", "balance_return")
    assert again(wallet("20")) == ("passed_over", "hold_down")
    assert again(wallet("20"), now=NOW + MINUTE) == ("in_use", "ready")
    assert again(wallet("20", age=3 * HOUR), now=NOW + HOUR) == ("passed_over", "no_fresh_reading")
    assert again(wallet("6"), known={}) == ("in_use", "ready")  # who was not out needs only the floor


def test_hold_downs_and_cooldowns_say_when_to_look_again() -> None:
    key = ("chat", target(1).key)
    held = decide(document=TWO, facts={1: FULL, 2: FULL}, known={key: Memory("quota", NOW - 10 * MINUTE)}, now=NOW)
    assert (verdicts(held)[1].code, held.look_again_at) == ("hold_down", NOW + 20 * MINUTE)
    cooling = decide(document=TWO, facts={1: Facts(failed_at=NOW), 2: FULL}, known={}, now=NOW)
    assert cooling.look_again_at == NOW + 10 * MINUTE
    short = decide(document=TWO, facts={1: wallet("50", hours=30), 2: FULL}, known={}, now=NOW)
    assert short.look_again_at == NOW + 6 * HOUR


def test_what_is_switched_off_carries_nothing_and_is_forgotten() -> None:
    policy = document((target(1, enabled=False),))
    known = {("chat", target(1).key): Memory("balance", NOW)}
    decision = decide(document=policy, facts={1: FULL}, known=known, now=NOW)
    assert (verdicts(decision)[1].state, verdicts(decision)[1].memory) == ("off", None)
    assert decision.routes[0].dead_end


@pytest.mark.parametrize(
    ("supposed", "code"),
    [
        (Supposed(down=frozenset({1})), "errors"),
        (Supposed(drained=frozenset({1})), "balance"),
        (Supposed(spent=frozenset({1})), "quota"),
    ],
)
def test_what_if(supposed: Supposed, code: str) -> None:
    facts = {1: FULL, 2: FULL}
    decision = decide(document=TWO, facts=supposing(facts, supposed, NOW), known={}, now=NOW)
    assert (verdicts(decision)[1].code, verdicts(decision)[2].state) == (code, "in_use")
    assert facts[1] == FULL


# --- Random policies and readings -------------------------------------------------------------------------------

ACCOUNTS = range(1, 5)
moments = st.integers(0, 72 * 60).map(lambda minutes: NOW - minutes * MINUTE)
amounts = st.decimals(-5, 60, places=2)
balances = st.builds(
    Balance,
    amounts,
    st.sampled_from(["USD", "CNY"]),
    moments,
    st.sampled_from([10 * MINUTE, 2 * HOUR]),
    dry_at=st.none() | st.integers(-10, 200).map(lambda hours: NOW + hours * HOUR),
    lasting=st.booleans(),
    spent_when_empty=st.booleans(),
)
quotas = st.builds(
    Quota,
    st.decimals(0, 120, places=1),
    moments,
    st.sampled_from([10 * MINUTE, 2 * HOUR]),
    ends_at=st.none() | st.integers(-5, 5).map(lambda hours: NOW + hours * HOUR),
)
facts_of_one = st.builds(
    Facts,
    st.none() | balances,
    st.lists(quotas, max_size=2).map(tuple),
    st.none() | moments,
    st.none() | moments,
)
all_facts = st.fixed_dictionaries({}, optional=dict.fromkeys(ACCOUNTS, facts_of_one))


@st.composite
def policies(draw: Any) -> Document:
    floors = draw(st.fixed_dictionaries({}, optional={"USD": st.decimals(0, 40, places=2)}))
    low = draw(st.none() | st.integers(0, 100))
    high = draw(st.none() | st.integers(1, 100))
    failover = Failover(
        balance_floors=floors,
        balance_returns={unit: floor + draw(st.decimals(0, 20, places=2)) for unit, floor in floors.items()},
        runway_floor_hours=low,
        runway_return_hours=None if low is None else low + draw(st.integers(0, 100)),
        quota_ceiling_percent=high,
        quota_return_percent=None if high is None else draw(st.integers(0, high)),
        cooldown_minutes=draw(st.integers(0, 60)),
        hold_down_minutes=draw(st.integers(0, 120)),
        fresh_minutes=draw(st.none() | st.integers(1, 300)),
    )
    routes = []
    for number in range(draw(st.integers(1, 2))):
        ids = draw(st.lists(st.sampled_from(ACCOUNTS), unique=True, max_size=4))
        cut = draw(st.integers(0, len(ids)))
        tiers = tuple(
            Tier(
                targets=tuple(
                    target(one, weight=draw(st.integers(1, 100)), enabled=draw(st.booleans())) for one in part
                )
            )
            for part in (ids[:cut], ids[cut:])
        )
        routes.append(Route(match=f"r{number}", tiers=tiers))
    return Document(failover=failover, routes=tuple(routes))


def is_fresh(reading: Balance | Quota, failover: Failover, now: datetime) -> bool:
    most = reading.fresh_for if failover.fresh_minutes is None else failover.fresh_minutes * MINUTE
    return now - reading.at <= most


def under(facts: Facts, failover: Failover, now: datetime) -> set[str]:
    """Which floors a fresh reading lies under: the rule once more, written the plain way."""
    found = set()
    balance = facts.balance
    if balance is not None and is_fresh(balance, failover, now):
        if balance.unit in failover.balance_floors and balance.amount < failover.balance_floors[balance.unit]:
            found.add("balance")
        hours = failover.runway_floor_hours
        if hours and balance.dry_at is not None and (balance.dry_at - now) / HOUR <= hours:
            found.add("runway")
    for quota in facts.quotas:
        runs = quota.ends_at is None or quota.ends_at > now
        if runs and is_fresh(quota, failover, now) and quota.percent_used >= (failover.quota_ceiling_percent or 100):
            found.add("quota")
    return found


@given(policies(), all_facts)
def test_nobody_carries_under_a_floor_on_fresh_data(policy: Document, facts: dict[int, Facts]) -> None:
    for route in decide(document=policy, facts=facts, known={}, now=NOW).routes:
        for one in route.order:
            assert under(facts[one.target.account], policy.failover, NOW) == set()


@given(policies(), all_facts)
def test_everybody_passed_over_has_a_reason_and_a_memory(policy: Document, facts: dict[int, Facts]) -> None:
    for route in decide(document=policy, facts=facts, known={}, now=NOW).routes:
        for one in route.verdicts:
            assert (one.place is None) == (one.state in ("passed_over", "off"))
            assert (one.memory is not None) == (one.state == "passed_over")
            if one.state == "passed_over":
                assert reason_words(one.code, one.figures)
                assert reason_words(one.code, one.figures, open_figures=False)


@given(policies(), all_facts)
def test_stale_readings_alone_take_nobody_out(policy: Document, facts: dict[int, Facts]) -> None:
    def aged(one: Facts) -> Facts:
        old = timedelta(days=400)
        balance = one.balance and Balance(D(-1), one.balance.unit, NOW - old, HOUR, dry_at=NOW - old)
        return Facts(balance, tuple(Quota(D(100), NOW - old, HOUR) for _ in one.quotas))

    stale = {account: aged(facts.get(account, Facts())) for account in ACCOUNTS}
    for route in decide(document=policy, facts=stale, known={}, now=NOW).routes:
        assert {one.state for one in route.verdicts} <= {"in_use", "standby", "off"}


@given(policies(), all_facts)
def test_the_order_is_the_same_each_time_and_follows_the_tiers(policy: Document, facts: dict[int, Facts]) -> None:
    first = decide(document=policy, facts=facts, known={}, now=NOW)
    turned = dict(reversed(facts.items()))
    assert decide(document=policy, facts=turned, known={}, now=NOW) == first
    for route in first.routes:
        assert [one.place for one in route.order] == list(range(1, len(route.order) + 1))
        tiers = [one.tier for one in route.order]
        assert tiers == sorted(tiers)
        carrying = {one.tier for one in route.verdicts if one.state == "in_use"}
        assert len(carrying) <= 1
        assert bool(carrying) == (not route.dead_end)


@given(policies(), st.lists(st.tuples(all_facts, st.integers(0, 90)), min_size=2, max_size=12))
def test_nobody_is_back_inside_the_hold_down(policy: Document, days: list[tuple[dict[int, Facts], int]]) -> None:
    known: Known = {}
    left: dict[tuple[str, str], datetime] = {}
    now = NOW
    for facts, minutes in days:
        now += minutes * MINUTE
        decision = decide(document=policy, facts=facts, known=known, now=now)
        for route in decision.routes:
            for one in route.verdicts:
                key = (route.route.match, one.target.key)
                if one.state == "passed_over":
                    left.setdefault(key, now)
                elif one.place is not None and key in left:
                    assert now - left.pop(key) >= policy.failover.hold_down_minutes * MINUTE
                    assert under(facts[one.target.account], policy.failover, now) == set()
        known = known_of(decision)


@given(policies(), all_facts, all_facts)
def test_deciding_twice_changes_nothing(policy: Document, before: dict[int, Facts], after: dict[int, Facts]) -> None:
    known = known_of(decide(document=policy, facts=before, known={}, now=NOW - HOUR))
    first = decide(document=policy, facts=after, known=known, now=NOW)
    again = decide(document=policy, facts=after, known=known_of(first), now=NOW)
    assert again == first
