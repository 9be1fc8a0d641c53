"""Spend in a reporting currency: what converts, what stays apart, and the settings of it."""

import csv
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from dashboard.balances.models import ExchangeRate, RateFeed
from dashboard.balances.rates.conversion import EXACT
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import AuditEvent, Membership, Organization, Role, Team, TeamMembership, User
from dashboard.organizations.scope import Scope
from dashboard.usage.explorer.page import GROUPS, explorer_context
from dashboard.usage.models import AllocationRule, AllocationShare, TeamDaily
from providers.records import UsageBucket
from tests.usage.test_explorer import TODAY, made, rows
from tests.usage.test_landing import DAY, MONDAY, NOW, land, paid, used

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
EXACTLY = Decimal("0.16")  # dollars for a yuan, of the rates below


@pytest.fixture
def dollars(organization: Organization) -> Organization:
    """It reports in dollars; the ECB told of October and November."""
    Organization.objects.filter(pk=organization.pk).update(reporting_currency="USD")
    organization.refresh_from_db()
    for month, dollar, yuan in ((OCTOBER, "1.25", "6.25"), (NOVEMBER, "1.2", "7.5")):
        ecb(month + timedelta(days=4), USD=dollar, CNY=yuan)
    return organization


@pytest.fixture
def account(dollars: Organization) -> ProviderAccount:
    return made(dollars)


def ecb(day: date, organization: Organization | None = None, **rates: str) -> None:
    for code, rate in rates.items():
        ExchangeRate.objects.create(
            organization=organization, source="ecb", unit="EUR", currency=code, day=day, rate=rate, created_at=NOW
        )


def typed(
    organization: Organization, unit: str, rate: str, slug: str = "", since: date = OCTOBER, currency: str = "USD"
) -> ExchangeRate:
    return ExchangeRate.objects.create(
        organization=organization,
        source="typed",
        provider_slug=slug,
        unit=unit,
        currency=currency,
        day=since,
        rate=rate,
        created_at=NOW,
    )


def pointed(amount: str) -> UsageBucket:
    """Points, as a provider tells them with what was used."""
    return UsageBucket(start=MONDAY, end=MONDAY + DAY, model="m", cost=Decimal(amount), unit="points")


def page(organization: Organization, query: str = "", scope: Scope | None = None) -> dict[str, Any]:
    scope = scope or Scope(organization.pk)
    return explorer_context(organization=organization, scope=scope, query=QueryDict(query), today=TODAY)


# --- What the page says -------------------------------------------------------------------------------------------


def test_all_that_has_a_rate_is_added_up_in_the_reporting_currency(
    dollars: Organization, account: ProviderAccount
) -> None:
    land(
        account, [paid("3"), paid("100", unit="CNY"), paid("10", MONDAY - 35 * DAY, unit="CNY"), paid("9", unit="TWD")]
    )
    told = page(dollars, "from=2026-10-01&to=2026-11-20")
    assert (told["unit"], told["total"]) == ("USD", 3 + 100 * EXACTLY + 10 * Decimal("0.2"))
    assert told["apart"] == [("TWD", Decimal(9), "")]
    assert told["own_total"] == [("CNY", Decimal(110), "")]
    (row,) = told["rows"]
    assert (row["spend"], row["own"], row["share"]) == (Decimal(21), [("CNY", Decimal(110))], Decimal(100))
    assert [(one["unit"], one["month"], one["rate"], one["source"], one["dated"]) for one in told["rates_used"]] == [
        ("CNY", "Nov\u00a02026", Decimal("0.16"), "ECB, mean of the month", "to Thu\u00a05\u00a0Nov"),
        ("CNY", "Oct\u00a02026", Decimal("0.2"), "ECB, mean of the month", "to Mon\u00a05\u00a0Oct"),
    ]
    assert told["converted"] == "Converted into USD at each month's average ECB rate."
    assert [(chip.label, chip.pressed) for chip in told["units"]] == [
        ("USD, with what is converted", True),
        ("CNY", False),
        ("TWD", False),
        ("USD", False),
    ]


def test_each_unit_can_be_seen_by_itself(dollars: Organization, account: ProviderAccount) -> None:
    land(account, [paid("3"), paid("100", unit="CNY")])
    for unit, total in (("USD", 3), ("CNY", 100)):
        told = page(dollars, f"unit={unit}")
        assert (told["unit"], told["total"], told["rates_used"]) == (unit, Decimal(total), [])
        assert [chip.label for chip in told["units"] if chip.pressed] == [unit]
    assert page(dollars, "unit=USD")["apart"] == [("CNY", Decimal(100), "")]


def test_what_stands_beside_a_unit_by_itself_is_not_said_to_lack_a_rate(
    client: Client, signed_in: None, dollars: Organization, account: ProviderAccount
) -> None:
    land(account, [paid("3"), paid("100", unit="CNY"), paid("9", unit="TWD")])
    land(made(dollars, "Other", "metachat"), [pointed("50")])
    days = f"from={MONDAY.date()}&to={MONDAY.date()}"
    shown = client.get(f"/spend/?{days}&unit=TWD").content.decode()
    assert "Other units, beside the total" in shown
    assert "Show all in USD" in shown
    assert "Type in a rate" not in shown
    told = list(csv.DictReader(StringIO(client.get(f"/spend/csv/?{days}&unit=TWD").content.decode())))
    assert [(row["unit"], row["state"], row["tokens"]) for row in told] == [
        ("TWD", "", ""),
        *((unit, "other unit", "") for unit in ("USD", "CNY", "points")),
    ], "the reporting currency first, then currencies, then what belongs to a provider"
    shown = client.get(f"/spend/?{days}").content.decode()
    assert "Not converted: what has no rate" in shown
    assert "Type in a rate" in shown


def test_without_a_reporting_currency_nothing_converts(dollars: Organization, account: ProviderAccount) -> None:
    land(account, [paid("3"), paid("100", unit="CNY")])
    dollars.reporting_currency = ""
    told = page(dollars)
    assert (told["total"], told["apart"], told["rates_used"]) == (Decimal(3), [("CNY", Decimal(100), "")], [])
    assert [chip.label for chip in told["units"]] == ["CNY", "USD"]


def test_where_nothing_converts_each_unit_stands_by_itself(dollars: Organization, account: ProviderAccount) -> None:
    dollars.reporting_currency = "TWD"
    land(account, [paid("100", unit="CNY")])
    told = page(dollars)
    assert (told["unit"], told["total"]) == ("CNY", Decimal(100))


def test_points_of_two_providers_never_mix(dollars: Organization, account: ProviderAccount) -> None:
    """Of the same team and model, on the same day."""
    other = made(dollars, "Other", "metachat")
    for one, amount in ((account, "100"), (other, "1000")):
        land(one, [pointed(amount)])
    land(made(dollars, "Bill", "deepseek"), [paid("1")])
    for group in ("team", "model"):
        told = page(dollars, f"group={group}")
        assert told["apart"] == [("points", Decimal(1000), "MetaChat"), ("points", Decimal(100), "OpenAI")]
        assert [(row["whose"], row["spend"]) for row in told["apart_rows"].rows] == [
            ("MetaChat", Decimal(1000)),
            ("OpenAI", Decimal(100)),
        ]
    typed(dollars, "points", "0.01", "metachat")
    for group in GROUPS:
        told = page(dollars, f"group={group}")
        assert (told["total"], told["apart"]) == (Decimal(11), [("points", Decimal(100), "OpenAI")])
    assert page(dollars, "unit=points@openai")["total"] == Decimal(100)


def test_a_changed_rate_changes_the_page_and_nothing_stored(dollars: Organization, account: ProviderAccount) -> None:
    land(account, [paid("100", unit="CNY")])
    before = list(TeamDaily.objects.values())
    assert page(dollars)["total"] == Decimal(16)
    rate = typed(dollars, "CNY", "0.5", since=NOVEMBER)
    told = page(dollars)
    assert (told["total"], told["rows"][0]["sources"]) == (Decimal(50), ("Typed in",))
    assert told["converted"] == "Converted into USD at the rates that were typed in."
    rate.delete()
    assert page(dollars)["total"] == Decimal(16)
    ExchangeRate.objects.filter(currency="CNY").delete()
    assert page(dollars)["apart"] == [], "one unit, which is then the main one"
    assert page(dollars)["unit"] == "CNY"
    assert list(TeamDaily.objects.values()) == before


def test_more_groups_than_layers_share_the_last_one(dollars: Organization, account: ProviderAccount) -> None:
    """Eleven groups in two currencies and in points: seven have a layer, four share the last, nobody's is among the
    seven."""
    typed(dollars, "points", "0.5", "deepseek", since=NOVEMBER)
    other = made(dollars, "b", "deepseek")
    land(account, [used(MONDAY + day * DAY, cost=Decimal(1000), unit="USD") for day in range(2)])
    for number in range(10):
        team = Team.objects.create(organization=dollars, name=f"Team {number}")
        rule = AllocationRule.objects.create(
            organization=dollars, dimension="key", value=f"k{number}", created_at=MONDAY
        )
        AllocationShare.objects.create(rule=rule, team=team, percent=100)
        whose, unit = ((account, "CNY"), (other, "points"))[number % 2]
        day, cost = MONDAY + number % 3 * DAY, Decimal(number + 1)
        land(whose, [used(day, cost=cost, unit=unit, provider_key=f"k{number}")])
    told = page(dollars, "group=team")
    chart = told["chart"]
    assert (chart.key[0][0], chart.key[-1][0], len(chart.key)) == ("Unallocated", "4 others", 8)
    assert in_bars(told) == told["total"]
    amounts = {row["name"]: row["spend"] for row in told["rows"]}
    series = {row["name"]: row["series"] for row in told["rows"]}
    for place, (name, amount) in enumerate(chart.key[:-1]):
        assert (series[name], amounts[name]) == (place, amount)
    rest = [name for name, place in series.items() if place == 7]
    assert sum(amounts[name] for name in rest) == chart.key[-1][1]
    assert len(rest) == 4


def test_the_days_before_the_chart_and_the_sums_follow(dollars: Organization, account: ProviderAccount) -> None:
    other = made(dollars, "Other", "deepseek")
    land(account, [paid("3"), paid("4", MONDAY - 30 * DAY), paid("0", MONDAY - 60 * DAY)])
    land(other, [paid("100", unit="CNY"), paid("100", MONDAY - 35 * DAY, unit="CNY")])
    told = page(dollars)
    assert told["before_total"] == Decimal(4) + Decimal(20)
    assert rows(told) == {"DeepSeek": Decimal(16), "OpenAI": Decimal(3)}, "the greatest first, converted"
    assert told["change"] == (Decimal(19) - Decimal(24)) / Decimal(24) * 100
    assert {row["name"]: round(row["share"], 2) for row in told["rows"]} == {
        "DeepSeek": Decimal("84.21"),
        "OpenAI": Decimal("15.79"),
    }
    assert told["chart"].key == [("DeepSeek", Decimal(16)), ("OpenAI", Decimal(3))]
    assert told["certain"] == Decimal(100)
    by_month = page(dollars, "period=13-months")
    assert by_month["total"] == Decimal(43)
    assert [row.cells[-1] for row in by_month["chart"].table.rows[:2]] == [Decimal(19), Decimal(24)]
    sorted_by_spend = page(dollars, "sort=spend&dir=up")
    assert list(rows(sorted_by_spend)) == ["OpenAI", "DeepSeek"]


def test_what_had_no_rate_before_is_not_taken_for_growth(dollars: Organization, account: ProviderAccount) -> None:
    typed(dollars, "TWD", "0.03", since=NOVEMBER)
    land(account, [paid("100", unit="TWD"), paid("500", MONDAY - 35 * DAY, unit="TWD"), paid("0", MONDAY - 60 * DAY)])
    told = page(dollars)
    assert (told["total"], told["before_total"], told["change"]) == (Decimal(3), None, None)
    assert told["before_apart"] == [("TWD", Decimal(500), "")]


def test_the_file_tells_both_amounts_and_the_rate(
    client: Client, signed_in: None, dollars: Organization, account: ProviderAccount
) -> None:
    typed(dollars, "points", "0.0004", "openai")
    land(account, [paid("3"), paid("0.000000000001", unit="CNY"), paid("9", unit="TWD"), paid("50", unit="points")])
    answer = client.get(f"/spend/csv/?from={MONDAY.date()}&to={MONDAY.date()}")
    told = list(csv.DictReader(StringIO(answer.content.decode())))
    assert [(row["unit"], row["spend"], row["own_amounts"], row["rates"], row["state"]) for row in told] == [
        (
            *("USD", "3.020000000000", "0.000000000001 CNY + 50.000000000000 points"),
            *("ECB, mean of the month + Typed in", ""),
        ),
        ("TWD", "9.000000000000", "", "", "not converted"),
    ]


def test_who_reads_one_team_converts_that_teams_money_alone(dollars: Organization, account: ProviderAccount) -> None:
    team = Team.objects.create(organization=dollars, name="Mine")
    mine = ProviderAccount.objects.create(organization=dollars, provider_slug="deepseek", label="Mine", team=team)
    land(account, [paid("100", unit="CNY")])
    land(mine, [paid("50", unit="CNY")])
    told = page(dollars, scope=Scope(dollars.pk, (team.pk,)))
    assert (told["total"], told["own_total"]) == (Decimal(8), [("CNY", Decimal(50), "")])


def test_the_rates_of_another_organization_change_nothing(dollars: Organization, account: ProviderAccount) -> None:
    other = Organization.objects.create(name="Island Labs", reporting_currency="USD")
    typed(other, "CNY", "9")
    typed(other, "TWD", "9")
    ecb(date(2026, 11, 6), other, CNY="1", USD="1")
    land(account, [paid("100", unit="CNY"), paid("1", unit="TWD")])
    told = page(dollars)
    assert (told["total"], told["apart"]) == (Decimal(16), [("TWD", Decimal(1), "")])


@pytest.mark.parametrize("query", ["", "group=team", "group=model&period=13-months", "unit=CNY"])
def test_a_converted_page_takes_at_most_twelve_statements(
    client: Client, signed_in: None, dollars: Organization, account: ProviderAccount, query: str
) -> None:
    for number in range(4):
        one = made(dollars, f"{number}", "deepseek")
        land(one, [paid("3", MONDAY - offset * DAY, model=f"m{offset}", unit="CNY") for offset in range(0, 90, 30)])
    client.get(f"/spend/?{query}")
    with CaptureQueriesContext(connection) as queries:
        assert client.get(f"/spend/?{query}").status_code == 200
    assert len(queries) <= 12


# --- Sums ---------------------------------------------------------------------------------------------------------

_rates = st.decimals(min_value="0.01", max_value="2000", places=4)
_buckets = st.lists(
    st.builds(
        lambda day, model, cost, unit: UsageBucket(start=day, end=day + DAY, model=model, cost=cost, unit=unit),
        st.datetimes(datetime(2026, 8, 20), datetime(2026, 11, 15), timezones=st.just(UTC)).map(  # noqa: DTZ001
            lambda moment: moment.replace(hour=0, minute=0, second=0, microsecond=0)
        ),
        st.sampled_from(["m", "n"]),
        st.decimals(min_value=0, max_value=100_000, places=12),
        st.sampled_from(["USD", "CNY", "EUR", "TWD", "points"]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda bucket: bucket.key,
)


class ConvertedSums(HypothesisTestCase):
    """Days add up to ranges and groups to totals, to the last digit, over months of different rates and in whatever
    order things land."""

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        buckets=_buckets,
        quotes=st.lists(st.tuples(_rates, _rates), min_size=3, max_size=3),
        point=st.none() | st.decimals(min_value="0.000001", max_value=10, places=6),
        cut=st.dates(date(2026, 8, 21), date(2026, 11, 14)),
    )
    def test_sums(
        self,
        buckets: list[UsageBucket],
        quotes: list[tuple[Decimal, Decimal]],
        point: Decimal | None,
        cut: date,
    ) -> None:
        organization = Organization.objects.create(name="O", reporting_currency="USD")
        for month, (dollar, yuan) in zip((9, 10, 11), quotes, strict=True):
            ecb(date(2026, month, 3), organization, USD=str(dollar), CNY=str(yuan))
        for slug in ("openai", "deepseek") if point is not None else ():
            typed(organization, "points", str(point), slug, since=NOVEMBER)
        account, other = made(organization, "a"), made(organization, "b", "deepseek")
        land(account, buckets)
        for part in (buckets[1:], buckets[:1], buckets):
            if part:
                land(other, part[::-1])
        first, last = date(2026, 8, 20), date(2026, 11, 20)
        whole = self._told(organization, first, last)
        one = self._told(organization, first, last, "provider=openai")
        same = self._told(organization, first, last, "provider=deepseek")
        assert one == same, "in whatever order it lands"
        assert whole == _doubled(one)
        for group in GROUPS:
            assert self._told(organization, first, last, f"group={group}") == whole
        before, after = self._told(organization, first, cut), self._told(organization, cut + timedelta(days=1), last)
        assert _added(before, after) == whole
        days = [self._told(organization, bucket.start.date(), bucket.start.date()) for bucket in _once(buckets)]
        assert _added(*days) == whole

    def _told(self, organization: Organization, first: date, last: date, query: str = "") -> dict[str, Decimal]:
        """By unit, exactly; read as the page does, with the unit that it adds up in first."""
        told = page(organization, f"from={first}&to={last}&{query}")
        found: dict[str, Decimal] = defaultdict(Decimal)
        for unit, amount, *_whose in ((told["unit"], told["total"]), *told["apart"]):
            if amount is not None:
                found[unit] = EXACT.add(found[unit], amount)
        listed: dict[str, Decimal] = defaultdict(Decimal)
        for row in (*({**row, "unit": told["unit"]} for row in told["rows"]), *told["apart_rows"].rows):
            if row["spend"] is not None:
                listed[row["unit"]] = EXACT.add(listed[row["unit"]], row["spend"])
        assert listed == found, "the rows add up to the totals"
        if told["chart"] is not None:
            assert in_bars(told) == told["total"], "and so do the bars"
        return dict(found)


def in_bars(told: dict[str, Any]) -> Decimal:
    """What the chart shows, with what it says that no bar shows."""
    found = told["undated"] or Decimal(0)
    for row in told["chart"].table.rows:
        for amount in row.cells[:-1]:
            found = EXACT.add(found, amount or 0)
    return found


def _doubled(told: dict[str, Decimal]) -> dict[str, Decimal]:
    return _added(told, told)


def _added(*parts: dict[str, Decimal]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for part in parts:
        for unit, amount in part.items():
            found[unit] = EXACT.add(found[unit], amount)
    return dict(found)


def _once(buckets: list[UsageBucket]) -> list[UsageBucket]:
    """One bucket of each day."""
    return list({bucket.start: bucket for bucket in buckets}.values())


# --- The settings -------------------------------------------------------------------------------------------------


def test_an_owner_chooses_the_currency_and_types_a_rate(
    client: Client, signed_in: None, organization: Organization, queued: list[str]
) -> None:
    account = made(organization, slug="metachat")
    land(account, [pointed("500"), used(model="n")])
    assert client.post("/settings/currency/", {"currency": "USD"}).status_code == 302
    organization.refresh_from_db()
    assert organization.reporting_currency == "USD"
    shown = client.get("/settings/currency/").content.decode()
    assert "points, MetaChat" in shown
    assert "Not converted" in shown
    form = {"unit": "points@metachat", "rate": "0.002", "since": "2026-11"}
    assert client.post("/settings/currency/rates/new/", form).status_code == 302
    assert page(organization)["total"] == Decimal(1)
    rate = ExchangeRate.objects.get(source="typed")
    assert (rate.unit, rate.provider_slug, rate.day) == ("points", "metachat", NOVEMBER)
    assert str(rate.created_by) == "Mei Lin"
    assert "points, MetaChat: 1 = 0.002 USD" in client.get("/settings/currency/").content.decode()
    client.post(f"/settings/currency/rates/{rate.pk}/", {**form, "rate": "0.004"})
    assert page(organization)["total"] == Decimal(2)
    client.post(f"/settings/currency/rates/{rate.pk}/remove/")
    assert not ExchangeRate.objects.filter(source="typed").exists()
    actions = AuditEvent.objects.order_by("sequence").values_list("action", flat=True)
    assert list(actions)[1:] == ["organization.currency_chosen", "rate.typed", "rate.changed", "rate.removed"]
    assert "typed in an exchange rate" in client.get("/audit/").content.decode()


def test_a_new_rate_begins_with_a_unit_that_has_none(
    client: Client, signed_in: None, dollars: Organization, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    land(account, [paid("100", unit="CNY"), paid("9", unit="TWD")])
    assert '<option value="TWD" selected>' in client.get("/settings/currency/rates/new/").content.decode()
    assert '<option value="CNY" selected>' in client.get("/settings/currency/rates/new/?unit=CNY").content.decode()


def test_a_mean_is_told_with_as_many_figures_as_it_can_know(
    client: Client, signed_in: None, dollars: Organization, account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    typed(dollars, "TWD", "0.030123456")
    ecb(NOVEMBER + timedelta(days=5), EUR="1", USD="1.2", CNY="7.1")
    land(account, [paid("100", unit="CNY"), paid("9", unit="TWD")])
    shown = client.get("/settings/currency/").content.decode()
    assert ">0.16438&nbsp;<" in shown
    assert ">0.030123456&nbsp;<" in shown, "what a person typed in is as they typed it"


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(
        "dashboard.balances.rates.services.enqueue_on_commit", lambda task, *_args, **_more: found.append(task)
    )
    return found


def test_the_rates_are_asked_for_at_once(client: Client, signed_in: None, queued: list[str]) -> None:
    client.post("/settings/currency/", {"currency": "USD"})
    client.post("/settings/currency/", {"currency": ""})
    assert queued == ["fetch_rates"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rate": "0"}, "A rate is more than nothing."),
        ({"rate": "-1"}, "A rate is more than nothing."),
        ({"rate": "NaN"}, "Enter a number."),
        ({"rate": "a"}, "Enter a number."),
        ({"rate": "0.0000000000001"}, "decimal places"),
        ({"since": "2026"}, "Enter year and month"),
        ({"since": "1999-01"}, "This is too long ago"),
        ({"since": "2999-01"}, "This lies in the future."),
        ({"unit": "XYZ"}, "not one of the available choices"),
        ({"unit": "USD"}, "not one of the available choices"),
        ({"unit": "points@nobody"}, "not one of the available choices"),
    ],
)
def test_a_rate_that_cannot_be_is_answered_in_words(
    client: Client, signed_in: None, dollars: Organization, wrong: dict[str, str], words: str
) -> None:
    form = {"unit": "TWD", "rate": "0.03", "since": f"{timezone.now():%Y-%m}", **wrong}
    answer = client.post("/settings/currency/rates/new/", form)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not ExchangeRate.objects.filter(source="typed").exists()


def test_two_rates_of_one_month_are_refused_in_words(client: Client, signed_in: None, dollars: Organization) -> None:
    form = {"unit": "TWD", "rate": "0.03", "since": f"{timezone.now():%Y-%m}"}
    client.post("/settings/currency/rates/new/", form)
    assert "Change that one." in client.post("/settings/currency/rates/new/", form).content.decode()


def test_only_who_manages_may_change_it(client: Client, dollars: Organization) -> None:
    viewer = User.objects.create_user("ann@harbor.example")
    Membership.objects.create(organization=dollars, user=viewer, role=Role.LEAD, sees_all=True)
    TeamMembership.objects.create(team=Team.objects.create(organization=dollars, name="T"), user=viewer)
    rate = typed(dollars, "TWD", "0.03")
    client.force_login(viewer)
    form = {"unit": "TWD", "rate": "1", "since": "2026-11"}
    for path in ("", "rates/new/", f"rates/{rate.pk}/", f"rates/{rate.pk}/remove/"):
        assert client.post(f"/settings/currency/{path}", {**form, "currency": "EUR"}).status_code == 403
    dollars.refresh_from_db()
    assert dollars.reporting_currency == "USD"
    assert ExchangeRate.objects.get(source="typed").rate == Decimal("0.03")


def test_a_rate_of_another_organization_is_not_there(client: Client, signed_in: None, dollars: Organization) -> None:
    rate = typed(Organization.objects.create(name="Island Labs"), "TWD", "0.03")
    of_the_ecb = ExchangeRate.objects.filter(source="ecb").first()
    assert of_the_ecb is not None
    for one in (rate, of_the_ecb):
        assert client.get(f"/settings/currency/rates/{one.pk}/").status_code == 404
        assert client.post(f"/settings/currency/rates/{one.pk}/remove/").status_code == 404


@pytest.mark.parametrize(
    ("feed", "off", "words"),
    [
        ({}, False, "No ECB rates yet."),
        ({"last_day": date(2026, 11, 19), "fetched_at": NOW}, False, "The last ones are from Thu\u00a019\u00a0Nov."),
        (
            {
                "last_day": date(2026, 11, 19),
                "failing_since": NOW,
                "problem": "www.ecb.europa.eu could not be reached.",
            },
            False,
            "They could not be fetched since 20\u00a0Nov,\u00a022:32",
        ),
        ({"failing_since": NOW, "problem": "www.ecb.europa.eu could not be reached."}, False, "could not be reached"),
        ({"last_day": date(2026, 11, 19)}, True, "The operator switched them off"),
    ],
)
def test_how_it_stands_with_the_feed_is_told(
    client: Client, signed_in: None, feed: dict[str, Any], off: bool, words: str, settings: Any
) -> None:
    settings.ECB_RATES = not off
    RateFeed.objects.create(**feed)
    assert words in client.get("/settings/currency/").content.decode()


def test_a_problem_is_told_in_the_readers_language(client: Client, signed_in: None, owner: User) -> None:
    RateFeed.objects.create(failing_since=NOW, problem="The ECB's file of rates holds none.")
    User.objects.filter(pk=owner.pk).update(language="zh-hant")
    shown = client.get("/settings/currency/").content.decode()
    assert "holds none" not in shown
    assert "歐洲中央銀行" in shown


def test_what_was_used_has_its_unit_without_a_price(dollars: Organization, account: ProviderAccount) -> None:
    land(account, [used(model="m", input_tokens=5)])
    land(made(dollars, "Other", "deepseek"), [paid("100", unit="CNY", model="n")])
    told = page(dollars, "group=model")
    assert (told["total"], [row["name"] for row in told["unpriced"].rows]) == (Decimal(16), ["m"])
