"""The spend page: sums by any group over any days, what it leaves out, and the same figures as a file."""

import csv
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, Team, TeamMembership, User
from dashboard.organizations.scope import Scope
from dashboard.usage.explorer.page import GROUPS, explorer_context
from dashboard.usage.explorer.selectors import (
    MODEL,
    TEAM,
    Wanted,
    spend_bars,
    spend_parts,
    spend_totals,
    sums_known,
    whole_months_of,
)
from dashboard.usage.models import AllocationRule, AllocationShare, SumKind, TeamDaily, TeamMonthly
from dashboard.usage.rollup import rollup_allocate
from providers.records import UsageBucket
from tests.usage.test_landing import DAY, HOUR, MONDAY, land, paid, reported, used

TODAY = date(2026, 11, 20)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return made(organization)


def made(organization: Organization, label: str = "Main", slug: str = "openai") -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug=slug, label=label)


def page(organization: Organization, query: str = "", scope: Scope | None = None) -> dict[str, Any]:
    scope = scope or Scope(organization.pk)
    return explorer_context(organization=organization, scope=scope, query=QueryDict(query), today=TODAY)


def rows(context: dict[str, Any]) -> dict[str, Decimal]:
    return {row["name"]: row["spend"] for row in context["rows"]}


# --- What it says -------------------------------------------------------------------------------------------------


def test_each_grouping_tells_the_same_money(organization: Organization, account: ProviderAccount) -> None:
    other = made(organization, "Other", "deepseek")
    other.team = Team.objects.create(organization=organization, name="Search")
    other.save()
    land(account, [paid("3", model="m"), paid("4", MONDAY + DAY, model="n")])
    land(other, [reported("5", model="m")])
    assert rows(page(organization)) == {"OpenAI": Decimal(7), "DeepSeek": Decimal(5)}
    assert rows(page(organization, "group=model")) == {"m": Decimal(8), "n": Decimal(4)}
    assert rows(page(organization, "group=team")) == {"Unallocated": Decimal(7), "Search": Decimal(5)}
    assert rows(page(organization, "group=account")) == {"OpenAI: Main": Decimal(7), "DeepSeek: Other": Decimal(5)}
    assert {page(organization, f"group={group}")["total"] for group in GROUPS} == {Decimal(12)}
    assert {row["name"]: row["bases"] for row in page(organization)["rows"]} == {
        "OpenAI": ("Billed",),
        "DeepSeek": ("Reported",),
    }


def test_filters_stand_in_the_address_and_add_up(organization: Organization, account: ProviderAccount) -> None:
    team = Team.objects.create(organization=organization, name="Search")
    other = ProviderAccount.objects.create(
        organization=organization, provider_slug="deepseek", label="Other", team=team
    )
    land(account, [paid("3", model="m"), paid("4", model="n")])
    land(other, [paid("5", model="m")])
    assert page(organization, "model=m")["total"] == Decimal(8)
    assert page(organization, "model=m&provider=openai")["total"] == Decimal(3)
    assert page(organization, f"team={team.pk}")["total"] == Decimal(5)
    assert page(organization, "team=none")["total"] == Decimal(7)
    assert page(organization, f"team=none&team={team.pk}")["total"] == Decimal(12)
    assert page(organization, f"account={other.pk}&model=n")["total"] is None
    assert page(organization, "provider=nobody&model=none-such&unit=XXX&group=odd")["total"] == Decimal(12)


def test_the_days_before_are_compared(organization: Organization, account: ProviderAccount) -> None:
    land(account, [paid("3"), paid("2", MONDAY - 7 * DAY), paid("9", MONDAY - 14 * DAY)])
    told = page(organization, "period=7d")
    assert (told["total"], told["before_total"], told["change"]) == (Decimal(3), Decimal(2), Decimal(50))
    (row,) = told["rows"]
    assert (row["before"], row["change"], row["share"]) == (Decimal(2), Decimal(50), Decimal(100))
    gone = page(organization, f"from={MONDAY.date() + DAY}&to={MONDAY.date() + 2 * DAY}")
    assert rows(gone) == {"OpenAI": None}, "who spent before and not now stays in the table"
    assert gone["total"] is None


def test_days_that_nobody_knows_are_compared_with_nothing(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount
) -> None:
    """What was connected in the midst of the days before would look like growth."""
    land(account, [paid("3", MONDAY - back * DAY) for back in (0, 7, 14)])
    land(made(organization, "New", "deepseek"), [paid("4"), paid("1", MONDAY - 4 * DAY)])
    days = f"from={MONDAY.date() - 6 * DAY}&to={MONDAY.date()}"
    assert page(organization, days)["before_total"] == Decimal(3)
    new = page(organization, f"{days}&provider=deepseek&sort=before")
    assert (new["compared"], new["change"], new["since"]) == (False, None, MONDAY.date() - 4 * DAY)
    assert not {"before", "change"} & {head.name for head in new["view"].heads}
    assert [(row["spend"], row["before"]) for row in new["rows"]] == [(Decimal(5), None)]
    assert (
        "nothing is known before 12\xa0Nov\xa02026" in client.get(f"/spend/?{days}&provider=deepseek").content.decode()
    )
    told = list(csv.DictReader(StringIO(client.get(f"/spend/csv/?{days}&provider=deepseek").content.decode())))
    assert [(row["spend"], row["before_from"], row["before"], row["change_percent"]) for row in told] == [
        ("5.000000000000", "", "", "")
    ]


def test_days_that_cannot_be_asked_for_are_compared_with_nothing(
    organization: Organization, account: ProviderAccount
) -> None:
    land(account, [paid("3"), paid("9", MONDAY - 600 * DAY), paid("9", MONDAY - 400 * DAY)])
    told = page(organization, "period=13-months")
    assert (told["compared"], told["total"], told["before_total"]) == (False, Decimal(3), None)


def test_today_is_no_whole_day(organization: Organization, account: ProviderAccount) -> None:
    today = MONDAY + 4 * DAY
    land(account, [paid("7", today - DAY), paid("5", today - 3 * DAY), paid("100", today)])
    assert page(organization, "period=7d")["a_day"] == {"amount": Decimal(2), "days": 6, "over": True}
    past = page(organization, f"from={today.date() - 3 * DAY}&to={today.date() - DAY}")
    assert past["a_day"] == {"amount": Decimal(4), "days": 3, "over": False}


def test_tokens_are_said_once(organization: Organization, account: ProviderAccount) -> None:
    """What they cost in each unit is told, how many of them each paid for is not."""
    land(account, [used(model="m", input_tokens=500)])
    land(account, [paid("3", model="m"), paid("7", unit="CNY", model="m")])
    other = made(organization, "Other", "deepseek")
    land(other, [used(model="n", input_tokens=40)])
    land(other, [paid("1", unit="CNY", model="n")])
    told = page(organization)
    assert [(row["name"], row["tokens"]) for row in told["rows"]] == [("OpenAI", 500)]
    assert told["tokens"] == 500, "the total is that of the rows above it"
    assert {row["name"]: row["tokens"] for row in told["apart_rows"].rows} == {"OpenAI": None, "DeepSeek": 40}


def test_what_the_rest_stands_on_is_named(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount
) -> None:
    land(account, [paid("3")])
    shown = client.get(f"/spend/?from={MONDAY.date()}&to={MONDAY.date()}").content.decode()
    assert "billed or reported" in shown
    assert "derived from balances" not in shown
    SumKind.objects.update(basis="derived")
    shown = client.get(f"/spend/?from={MONDAY.date()}&to={MONDAY.date()}").content.decode()
    assert "$3.00\xa0USD derived from balances" in shown


def test_what_is_left_out_is_said(organization: Organization, account: ProviderAccount) -> None:
    land(account, [paid("3"), paid("7", unit="CNY"), paid("1", MONDAY + DAY, final=False)])
    free = made(organization, "Other", "deepseek")
    land(free, [used(model="new", input_tokens=40, output_tokens=2)])
    told = page(organization)
    assert (told["unit"], told["total"]) == ("USD", Decimal(4))
    assert told["apart"] == [("CNY", Decimal(7), "")]
    assert [(row["name"], row["unit"], row["spend"]) for row in told["apart_rows"].rows] == [
        ("OpenAI", "CNY", Decimal(7))
    ]
    assert [(row["name"], row["tokens"]) for row in told["unpriced"].rows] == [("DeepSeek", 42)]
    assert told["open"]
    assert told["rows"][0]["provisional"]
    assert page(organization, "unit=CNY")["total"] == Decimal(7)


def test_what_a_bill_covers_is_neither_unpriced_nor_counted_twice(
    organization: Organization, account: ProviderAccount
) -> None:
    land(account, [used(model="m", input_tokens=500, cost=Decimal("2.9"), unit="USD")])
    land(account, [paid("3", model="m")])
    told = page(organization)
    assert (told["total"], told["unpriced"].rows, told["tokens"]) == (Decimal(3), [], 500)


def test_long_periods_are_told_by_month(organization: Organization, account: ProviderAccount) -> None:
    land(account, [paid("1", MONDAY - offset * DAY, final=offset > 0) for offset in (0, 1, 40, 200, 300)])
    told = page(organization, "period=13-months")
    assert told["by_month"]
    assert told["total"] == Decimal(5)
    assert told["open"] == "Nov\xa02026", "a month that may still change is named, too"
    assert told["chart"].table.rows[0].name == "Nov 2026"
    assert sum(row.cells[-1] or 0 for row in told["chart"].table.rows) == Decimal(5)


def test_who_sees_one_team_sees_that_teams_money(
    client: Client, organization: Organization, account: ProviderAccount
) -> None:
    mine, theirs = (Team.objects.create(organization=organization, name=name) for name in ("Mine", "Theirs"))
    ProviderAccount.objects.filter(pk=account.pk).update(team=theirs)
    rule = AllocationRule.objects.create(
        organization=organization, dimension="key", value="k", created_at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    AllocationShare.objects.create(rule=rule, team=mine, percent=100)
    land(account, [reported("3", provider_key="k", model="ours"), reported("4", model="secret")])
    viewer = User.objects.create_user("ann@harbor.example")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)
    TeamMembership.objects.create(team=mine, user=viewer)
    scope = Scope(organization.pk, (mine.pk,))
    for group in GROUPS:
        assert page(organization, f"group={group}", scope)["total"] == Decimal(3)
    assert page(organization, f"team={theirs.pk}", scope)["total"] is None
    client.force_login(viewer)
    answer = client.get(f"/spend/?group=model&from={MONDAY.date()}&to={MONDAY.date()}").content.decode()
    assert "ours" in answer
    assert "secret" not in answer
    assert "Theirs" not in answer


def test_the_file_holds_what_the_page_shows(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount
) -> None:
    land(account, [paid("3.000000000001", model="=m"), paid("7", model="n", unit="CNY")])
    land(made(organization, "Free", "deepseek"), [used(model="new")])
    query = f"group=model&from={MONDAY.date()}&to={MONDAY.date()}"
    answer = client.get(f"/spend/csv/?{query}")
    told = list(csv.DictReader(StringIO(answer.content.decode())))
    assert [(row["model"], row["unit"], row["spend"], row["state"]) for row in told] == [
        ("'=m", "USD", "3.000000000001", ""),
        ("n", "CNY", "7.000000000000", "not converted"),
        ("new", "", "", "unpriced"),
    ]
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    "query", ["", "group=team", "group=model&period=13-months", "group=account&period=7d&unit=CNY"]
)
def test_a_page_takes_at_most_twelve_statements(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount, query: str
) -> None:
    for number in range(4):
        one = made(organization, f"{number}", "deepseek")
        land(one, [paid("3", MONDAY - offset * DAY, model=f"m{offset}") for offset in range(0, 90, 30)])
    client.get(f"/spend/?{query}")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(f"/spend/?{query}").status_code == 200
    assert len(queries) <= 12


@pytest.mark.usefixtures("noted_templates")
def test_what_stands_beside_the_total_begins_with_a_few(
    client: Client, organization: Organization, account: ProviderAccount, signed_in: None
) -> None:
    """All of it stays one click away, in the count and in the file."""
    models = [f"model-{number:02}" for number in range(25)]
    land(account, [paid("3", model="m"), *(paid("2", unit="CNY", model=name) for name in models)])
    land(made(organization, "Other", "deepseek"), [used(model=name, input_tokens=4) for name in models])
    asked = {"group": "model", "from": "2026-11-01", "to": "2026-11-20"}
    first = client.get("/spend/", asked)
    beside = {name: first.context[name] for name in ("apart_rows", "unpriced")}
    assert [(len(one.rows), one.count) for one in beside.values()] == [(20, 25), (20, 25)]
    answer = first.content.decode()
    assert answer.count("model-24") < answer.count("model-01")
    assert beside["apart_rows"].more.endswith("&all=apart")
    every = client.get(f"/spend/{beside['apart_rows'].more}")
    assert len(every.context["apart_rows"].rows) == 25
    assert every.context["apart_rows"].more == ""
    assert every.context["unpriced"].more.endswith("&all=apart&all=unpriced")
    told = list(csv.reader(StringIO(client.get("/spend/csv/", asked).content.decode())))
    assert [sum(row[-4] == state for row in told) for state in ("", "not converted", "unpriced")] == [1, 25, 25]


def test_a_name_is_text_wherever_it_stands(
    client: Client, organization: Organization, account: ProviderAccount, signed_in: None
) -> None:
    odd = "\"><b>&'</b>"
    land(account, [paid("3", model=odd), paid("2", unit=odd, model=odd)])
    land(made(organization, odd, "deepseek"), [used(model=odd, input_tokens=4)])
    for group in GROUPS:
        page = client.get("/spend/", {"group": group, "from": "2026-11-01", "to": "2026-11-20"}).content.decode()
        assert "<b>" not in page
        assert "%3Cb%3E" in page or group == "provider"
        assert "&lt;b&gt;" in page


def test_an_empty_page_says_what_to_do(client: Client, signed_in: None, organization: Organization) -> None:
    none = client.get("/spend/").content.decode()
    assert "Connect an account" in none
    assert "/spend/csv/" not in none, "there is nothing to put into a file"
    made(organization)
    assert "No spend is known of these days" in client.get("/spend/").content.decode()
    assert "No spend is known" in client.get("/spend/?period=13-months").content.decode()


# --- Sums ---------------------------------------------------------------------------------------------------------


@given(st.dates(date(2025, 1, 1), date(2026, 12, 31)), st.integers(0, 500))
def test_whole_months_lie_within_the_days(first: date, length: int) -> None:
    last = first + timedelta(days=length)
    begin, end = whole_months_of(first, last)
    assert begin.day == end.day == 1
    if begin < end:
        assert first <= begin
        assert end <= last + timedelta(days=1)
        assert (begin - first).days < 31
        assert (last - end).days < 31


_moments = st.datetimes(datetime(2026, 1, 15), datetime(2026, 11, 15), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(minute=0, second=0, microsecond=0)
)
_buckets = st.lists(
    st.builds(
        lambda start, model, key, cost, length: UsageBucket(
            start=start,
            end=start + length,
            model=model,
            provider_key=key,
            cost=cost,
            unit="USD" if cost is not None else None,
            input_tokens=10,
            requests=1,
        ),
        _moments,
        st.sampled_from(["m", "n"]),
        st.sampled_from(["k", "l", None]),
        st.none() | st.decimals(min_value=0, max_value=1000, places=12),
        st.sampled_from([HOUR, DAY]),
    ),
    min_size=1,
    max_size=10,
    unique_by=lambda bucket: bucket.key,
)


class SumsInAnyZone(HypothesisTestCase):
    """Days add up to ranges and groups to totals, in zones with a change of the clock and odd ones, whatever order,
    repetition or delay the landings come in."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        buckets=_buckets,
        zone=st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "America/New_York", "UTC"]),
        cuts=st.lists(st.integers(0, 9), max_size=4),
        first=st.dates(date(2026, 1, 1), date(2026, 11, 1)),
        length=st.integers(0, 330),
    )
    def test_sums(self, buckets: list[UsageBucket], zone: str, cuts: list[int], first: date, length: int) -> None:
        organization = Organization.objects.create(name="O", reporting_zone=zone)
        account, other = made(organization, "a"), made(organization, "b")
        team = Team.objects.create(organization=organization, name="T")
        second = Team.objects.create(organization=organization, name="S")
        rule = AllocationRule.objects.create(
            organization=organization, dimension="key", value="k", created_at=MONDAY, valid_from=date(2026, 6, 1)
        )
        for one, percent in ((team, "33.3333"), (second, "66.6667")):
            AllocationShare.objects.create(rule=rule, team=one, percent=Decimal(percent))
        land(account, buckets)
        for cut in [*cuts, len(buckets)]:  # parts, some again, the last ones late
            if part := buckets[::-1][:cut]:
                land(other, part)
        last = first + timedelta(days=length)
        scope = Scope(organization.pk)
        known = sums_known(scope=scope)()
        for one in (account, other):
            wanted = Wanted(scope=scope, accounts=[one.pk])
            by_day: dict[date, Decimal] = defaultdict(Decimal)
            for bucket in buckets:
                if bucket.cost is not None:
                    begins = (
                        bucket.start if bucket.end - bucket.start == DAY else bucket.start.astimezone(ZoneInfo(zone))
                    )
                    by_day[begins.date()] += bucket.cost
            total = sum((amount for day, amount in by_day.items() if first <= day <= last), Decimal(0))
            for group in GROUPS:
                days: dict[str, Any] = {"group": group, "first": first, "last": last}
                parts = spend_parts(wanted=wanted, known=known, **days)()
                assert sum((part.spend or 0 for part in parts), Decimal(0)) == total
                totals = spend_totals(wanted=wanted, known=known, **days)()
                assert sum((one.spend for one in totals), Decimal(0)) == total
                dated = [part for part in parts if part.kind.span == "day" and part.spend is not None]
                layers, units = [part.group for part in dated[:1]], sorted({part.kind.unit for part in dated})
                bars = spend_bars(wanted=wanted, known=known, layers=layers, units=units, **days)()
                for layer, whole in enumerate((True, False)):
                    amounts = [part.spend for part in dated if (part.group in layers) is whole]
                    assert sum(bar.spend for bar in bars if bar.layer == layer) == sum(filter(None, amounts))
                # Whatever rollup answers: a filter leaves of everything what the group was told to have.
                other_group = {TEAM: MODEL, MODEL: TEAM}.get(group)
                for value in {part.group for part in parts} if other_group else ():
                    narrow = replace(wanted, **{f"{group}s": [value]})
                    found = spend_parts(wanted=narrow, known=known, **{**days, "group": str(other_group)})()
                    mine = [part for part in parts if part.group == value]
                    for figure in ("spend", "tokens", "requests"):
                        told = [sum(getattr(part, figure) or 0 for part in some) for some in (found, mine)]
                        assert told[0] == told[1]
        same = ["day", "span", "team_id", "model", "unit", "basis", "spend", "tokens", "requests", "provisional"]
        for table in (TeamDaily, TeamMonthly):
            told = [sorted(table.objects.filter(account=one).values_list(*same), key=str) for one in (account, other)]
            assert told[0] == told[1]


def test_giving_the_days_anew_changes_nothing(organization: Organization, account: ProviderAccount) -> None:
    land(account, [paid("3"), reported("2", MONDAY + DAY, provider_key="k"), used(MONDAY + 2 * DAY)])
    figures = ["day", "team_id", "model", "unit", "basis", "spend", "tokens", "requests"]
    before = list(TeamDaily.objects.order_by("day", "basis", "model").values_list(*figures))
    days = {row[0] for row in before}
    rollup_allocate(account_id=account.pk, days=days)
    assert list(TeamDaily.objects.order_by("day", "basis", "model").values_list(*figures)) == before
