"""Whose spend it is: the arithmetic of allocation rules."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dashboard.usage.allocation import (
    ACCOUNT,
    DIMENSIONS,
    KEY,
    PROJECT,
    USER,
    Line,
    Rule,
    Rulebook,
    Share,
    allocated,
    split,
    split_count,
)

MONDAY = date(2026, 11, 16)
DAY = timedelta(days=1)
HERE, THERE = 1, 2


def whole(team_id: int) -> tuple[Share, ...]:
    return (Share(team_id, Decimal(100)),)


def teams(lines: list[Line], *rules: Rule, account_id: int = HERE) -> dict[int | None, Decimal]:
    """What each team spent."""
    found: dict[int | None, Decimal] = defaultdict(Decimal)
    for place, figures in allocated(lines, Rulebook(rules), account_id).items():
        if figures.spend is not None:
            found[place.team_id] += figures.spend
    return dict(found)


def paid(amount: str, **more: str) -> Line:
    return Line(day=MONDAY, unit="USD", basis="reported", spend=Decimal(amount), **more)


def used(tokens: int, **more: str) -> Line:
    return Line(day=MONDAY, basis="covered", tokens=tokens, **more)


# --- Splits -------------------------------------------------------------------------------------------------------

amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=12)
weights = st.lists(st.decimals(min_value=0, max_value=100, places=4), min_size=1, max_size=8).filter(any)


@given(amounts, weights)
def test_parts_of_an_amount_add_up_to_the_last_decimal(amount: Decimal, parts: list[Decimal]) -> None:
    found = split(amount, parts)
    assert sum(found) == amount
    assert all(one == one.quantize(Decimal("1e-12")) for one in found), "nothing that could not be stored"
    for weight, part in zip(parts, found, strict=True):
        assert abs(part - amount * weight / sum(parts)) <= Decimal("1e-12")


@given(st.integers(0, 10**15), weights)
def test_parts_of_a_count_are_whole_and_add_up(count: int, parts: list[Decimal]) -> None:
    found = split_count(count, parts)
    assert sum(found) == count
    assert all(one >= 0 for one in found)


# --- Which rule counts --------------------------------------------------------------------------------------------


def test_the_better_dimension_counts() -> None:
    line = paid("8", provider_key="k", project="p", user="u")
    rules = [
        Rule(dimension=KEY, value="k", shares=whole(1)),
        Rule(dimension=PROJECT, value="p", shares=whole(2)),
        Rule(dimension=USER, value="u", shares=whole(3)),
        Rule(dimension=ACCOUNT, account_id=HERE, shares=whole(4)),
    ]
    for place in range(4):
        assert teams([line], *rules[place:]) == {place + 1: Decimal(8)}
    assert teams([line]) == {None: Decimal(8)}


def test_a_rule_of_one_account_counts_before_one_for_all_and_reaches_no_other() -> None:
    here = Rule(dimension=KEY, value="k", account_id=HERE, shares=whole(1))
    everywhere = Rule(dimension=KEY, value="k", shares=whole(2), valid_from=MONDAY)
    line = paid("1", provider_key="k")
    assert teams([line], everywhere, here) == {1: Decimal(1)}
    assert teams([line], everywhere, here, account_id=THERE) == {2: Decimal(1)}
    assert teams([line], here, account_id=THERE) == {None: Decimal(1)}


def test_a_rule_holds_from_its_day_on_until_a_later_one() -> None:
    lines = [
        Line(day=MONDAY + offset * DAY, unit="USD", basis="billed", spend=Decimal(1), provider_key="k")
        for offset in range(4)
    ]
    first = Rule(dimension=KEY, value="k", valid_from=MONDAY + DAY, shares=whole(1))
    then = Rule(dimension=KEY, value="k", valid_from=MONDAY + 3 * DAY, shares=whole(2))
    for rules in ((first, then), (then, first)):
        assert teams(lines, *rules) == {None: Decimal(1), 1: Decimal(2), 2: Decimal(1)}


def test_a_value_that_was_not_told_belongs_to_nobody() -> None:
    assert teams([paid("1")], Rule(dimension=KEY, value="", shares=whole(1))) == {None: Decimal(1)}


# --- Bills without names ------------------------------------------------------------------------------------------


def test_a_bill_by_project_goes_where_the_use_of_its_project_went() -> None:
    lines = [
        paid("10", project="p"),
        used(300, project="p", provider_key="a"),
        used(100, project="p", provider_key="b"),
        used(9000, project="q", provider_key="b"),
    ]
    rules = [Rule(dimension=KEY, value=key, shares=whole(team)) for key, team in (("a", 1), ("b", 2))]
    assert teams(lines, *rules) == {1: Decimal("7.5"), 2: Decimal("2.5")}


def test_a_line_of_one_model_goes_where_that_model_was_used() -> None:
    lines = [
        paid("10", model="small"),
        used(100, provider_key="a", model="small"),
        used(900, provider_key="b", model="large"),
    ]
    rules = [Rule(dimension=KEY, value=key, shares=whole(team)) for key, team in (("a", 1), ("b", 2))]
    assert teams(lines, *rules) == {1: Decimal(10)}
    assert teams([paid("10", model="other"), *lines[1:]], *rules) == {1: Decimal(1), 2: Decimal(9)}


def test_money_that_names_its_key_is_not_shared_out() -> None:
    lines = [paid("10", provider_key="a"), used(100, provider_key="b")]
    rules = [Rule(dimension=KEY, value=key, shares=whole(team)) for key, team in (("a", 1), ("b", 2))]
    assert teams(lines, *rules) == {1: Decimal(10)}


# --- Whatever comes -----------------------------------------------------------------------------------------------

_values = st.sampled_from(["", "a", "b", "c"])
_shares = st.lists(st.integers(1, 6), min_size=1, max_size=4, unique=True).flatmap(
    lambda found: st.lists(st.integers(1, 99), min_size=len(found), max_size=len(found)).map(
        lambda parts: tuple(Share(team, part) for team, part in zip(found, split(Decimal(100), parts), strict=True))
    )
)
_rules = st.lists(
    st.builds(
        Rule,
        dimension=st.sampled_from(DIMENSIONS),
        value=_values,
        account_id=st.sampled_from([None, HERE, THERE]),
        valid_from=st.none() | st.dates(MONDAY - DAY, MONDAY + 3 * DAY),
        shares=_shares,
    ),
    max_size=6,
)
_lines = st.lists(
    st.builds(
        Line,
        day=st.dates(MONDAY, MONDAY + 2 * DAY),
        model=_values,
        unit=st.sampled_from(["USD", "CNY"]),
        basis=st.sampled_from(["billed", "covered"]),
        provider_key=_values,
        project=_values,
        user=_values,
        spend=st.none() | st.decimals(min_value=-1000, max_value=1000, places=12),
        tokens=st.none() | st.integers(0, 10**9),
        requests=st.none() | st.integers(0, 1000),
        provisional=st.booleans(),
    ),
    max_size=12,
)


@given(_lines, _rules)
def test_no_rule_makes_or_loses_anything(lines: list[Line], rules: list[Rule]) -> None:
    """By day, unit and basis the teams' figures add up to the lines'."""
    wanted: dict[tuple[object, ...], list[object]] = {}
    found: dict[tuple[object, ...], list[object]] = {}
    for line in lines:
        _add(wanted, (line.day, line.unit, line.basis, line.model), line.spend, line.tokens, line.requests)
    for place, figures in allocated(lines, Rulebook(rules), HERE).items():
        key = (place.day, place.unit, place.basis, place.model)
        _add(found, key, figures.spend, figures.tokens, figures.requests)
    assert found == wanted


@given(_lines, _rules, st.randoms())
def test_the_order_of_rules_is_all_the_same(lines: list[Line], rules: list[Rule], dice: object) -> None:
    by_place = {(rule.dimension, rule.value, rule.account_id, rule.valid_from): rule for rule in rules}
    rules = list(by_place.values())
    told = allocated(lines, Rulebook(rules), HERE)
    mixed = list(rules)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    assert allocated(lines, Rulebook(mixed), HERE) == told


def _add(sums: dict[tuple[object, ...], list[object]], key: tuple[object, ...], *values: object) -> None:
    kept = sums.setdefault(key, [None, None, None])
    for place, value in enumerate(values):
        if value is not None:
            kept[place] = value if kept[place] is None else kept[place] + value  # type: ignore[operator]
