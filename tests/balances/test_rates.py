"""Exchange rates: which one counts, who may type one in, and how the ECB's come in."""

import gzip
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from dashboard import pipeline
from dashboard.balances.models import ExchangeRate, RateFeed
from dashboard.balances.rates.conversion import Quote, Rate, Rates, Unit
from dashboard.balances.rates.currencies import currencies, currency_choices
from dashboard.balances.rates.selectors import feed_view, feeds_due, rates_view
from dashboard.balances.rates.services import (
    RateRefused,
    RateTold,
    feed_ensure,
    rate_remove,
    rate_type_in,
    rates_fetch,
    reporting_currency_choose,
)
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import AuditEvent, Organization, User
from providers.simulator.rates import rate_on
from tests.conftest import NOW
from tests.providers.simulated import SimulatedWire

pytestmark = pytest.mark.django_db

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)
USD, CNY, TWD = Unit("USD"), Unit("CNY"), Unit("TWD")
POINTS = Unit("points", "metachat")


@pytest.fixture
def by(owner: User) -> Actor:
    return Actor(owner)


@pytest.fixture
def dollars(organization: Organization) -> Organization:
    Organization.objects.filter(pk=organization.pk).update(reporting_currency="USD")
    organization.refresh_from_db()
    return organization


def ecb(day: date, organization: Organization | None = None, **rates: str) -> None:
    """What the ECB told on that day."""
    for code, rate in rates.items():
        ExchangeRate.objects.create(
            organization=organization, source="ecb", unit="EUR", currency=code, day=day, rate=rate, created_at=NOW
        )


def typed(organization: Organization, by: Actor, unit: Unit, rate: str, since: date = OCTOBER) -> ExchangeRate:
    told = RateTold(unit=unit, rate=Decimal(rate), since=since)
    return rate_type_in(organization=organization, told=told, by=by, now=NOW)


def view(organization: Organization, first: date = NOVEMBER, last: date | None = None, currency: str = "USD") -> Rates:
    codes = ["USD", "CNY", "EUR", "TWD"]
    return rates_view(organization_id=organization.pk, currency=currency, units=codes, first=first, last=last or first)


def value(rates: Rates, unit: Unit, day: date = NOVEMBER) -> Decimal | None:
    found = rates.of(unit, day)
    return None if found is None else found.value


# --- Which rate counts ------------------------------------------------------------------------------------------


def test_a_month_converts_by_the_mean_of_its_days(organization: Organization) -> None:
    ecb(date(2026, 11, 2), USD="1.1", CNY="8")
    ecb(date(2026, 11, 3), USD="1.3", CNY="7")
    rates = view(organization)
    assert rates.of(Unit("EUR"), date(2026, 11, 30)) == Rate(Decimal("1.2"), "month", date(2026, 11, 3))
    assert rates.of(CNY, NOVEMBER) == Rate(Decimal("0.16"), "month", date(2026, 11, 3))
    assert rates.of(USD, NOVEMBER) == Rate(Decimal(1), "same", NOVEMBER)
    assert value(view(organization, currency="EUR"), USD) == Decimal("0.8333333333")
    assert value(view(organization, currency="CNY"), USD) == Decimal("6.25")


def test_any_day_of_a_month_asks_for_the_whole_month(organization: Organization) -> None:
    """Otherwise the first half of a past month would convert otherwise than the whole."""
    ecb(date(2026, 10, 5), USD="1.1")
    ecb(date(2026, 10, 29), USD="1.3")
    assert value(view(organization, OCTOBER), Unit("EUR"), OCTOBER) == Decimal("1.2")


def test_a_month_without_any_rate_yet_takes_the_last_one_before(organization: Organization) -> None:
    """1 November 2026 is a Sunday: a weekend and a holiday have no rates."""
    ecb(date(2026, 10, 29), USD="1.0")
    ecb(date(2026, 10, 30), USD="1.5")
    assert view(organization).of(Unit("EUR"), NOVEMBER) == Rate(Decimal("1.5"), "earlier", date(2026, 10, 30))
    assert view(organization, date(2027, 1, 5)).of(Unit("EUR"), date(2027, 1, 5)) is not None
    assert view(organization, date(2027, 2, 5)).of(Unit("EUR"), date(2027, 2, 5)) is None, "too old to say anything"
    assert view(organization, date(2026, 9, 5), NOVEMBER).of(Unit("EUR"), date(2026, 9, 5)) is None, "before the first"


def test_what_nobody_quotes_is_not_converted(organization: Organization) -> None:
    ecb(NOVEMBER, USD="1.1")
    rates = view(organization)
    assert [rates.of(one, NOVEMBER) for one in (CNY, TWD, POINTS, Unit(""), Unit("credits"))] == [None] * 5


def test_a_typed_rate_beats_the_ecb_from_its_month_on(dollars: Organization, by: Actor) -> None:
    ecb(date(2026, 10, 5), USD="1.2", CNY="7.5")
    ecb(date(2026, 11, 5), USD="1.2", CNY="7.5")
    typed(dollars, by, CNY, "0.2", NOVEMBER)
    typed(dollars, by, CNY, "0.3", DECEMBER)
    rates = view(dollars, OCTOBER, date(2027, 3, 1))
    assert value(rates, CNY, OCTOBER) == Decimal("0.16")
    assert rates.of(CNY, date(2026, 11, 30)) == Rate(Decimal("0.2"), "typed", NOVEMBER)
    assert rates.of(CNY, date(2027, 3, 1)) == Rate(Decimal("0.3"), "typed", DECEMBER)


def test_points_convert_by_the_rate_of_their_own_provider_alone(dollars: Organization, by: Actor) -> None:
    typed(dollars, by, POINTS, "0.0004")
    rates = view(dollars)
    assert value(rates, POINTS) == Decimal("0.0004")
    assert rates.of(Unit("points", "gitlab-duo"), NOVEMBER) is None
    assert rates.of(Unit("points"), NOVEMBER) is None
    Organization.objects.filter(pk=dollars.pk).update(reporting_currency="EUR")
    assert view(dollars, currency="EUR").of(POINTS, NOVEMBER) is None, "it was typed in for another currency"


def test_the_rates_of_another_organization_never_count(dollars: Organization, by: Actor) -> None:
    other = Organization.objects.create(name="Island Labs", reporting_currency="USD")
    typed(other, by, POINTS, "9")
    typed(other, by, TWD, "9")
    ecb(NOVEMBER, other, USD="9", CNY="1")
    ecb(NOVEMBER, USD="1.2", CNY="7.5")
    rates = view(dollars)
    assert (rates.of(POINTS, NOVEMBER), rates.of(TWD, NOVEMBER)) == (None, None)
    assert value(rates, CNY) == Decimal("0.16")
    assert value(view(other), CNY) == Decimal(9), "whose feed is its own goes by that alone"


def test_rates_are_one_statement(dollars: Organization, by: Actor) -> None:
    for month in range(1, 11):
        ecb(date(2026, month, 5), USD="1.1", CNY="8", JPY="160")
        typed(dollars, by, POINTS, "0.1", date(2026, month, 1))
    with CaptureQueriesContext(connection) as queries:
        view(dollars, date(2026, 1, 1), NOVEMBER)
    assert len(queries) == 1


_quotes = st.decimals(min_value="0.0001", max_value="20000", places=4)


@given(_quotes, _quotes, st.dates(NOVEMBER, date(2026, 11, 30)))
def test_there_and_back_is_where_one_was(dollar: Decimal, yuan: Decimal, day: date) -> None:
    told = {code: {NOVEMBER: Quote(mean, mean, NOVEMBER)} for code, mean in (("USD", dollar), ("CNY", yuan))}
    there, back = Rates("USD", {}, told).of(CNY, day), Rates("CNY", {}, told).of(USD, day)
    assert there is not None and back is not None
    assert abs(there.value * back.value - 1) < Decimal("1e-8")


# --- Typing one in ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unit", "rate", "words"),
    [
        (POINTS, "0", "more than nothing"),
        (POINTS, "-1", "more than nothing"),
        (POINTS, "NaN", "more than nothing"),
        (POINTS, "Infinity", "more than nothing"),
        (POINTS, "0.0000000000001", "12 decimals"),
        (Unit("points"), "1", "whose unit"),
        (Unit(""), "1", "whose unit"),
        (Unit("XYZ"), "1", "XYZ is not a currency"),
        (Unit("CNY", "deepseek"), "1", "CNY is not a currency"),
        (USD, "1", "the reporting currency itself"),
    ],
)
def test_a_rate_that_cannot_be_is_refused(dollars: Organization, by: Actor, unit: Unit, rate: str, words: str) -> None:
    with pytest.raises(RateRefused, match=words):
        typed(dollars, by, unit, rate)
    assert not ExchangeRate.objects.exists()


def test_a_rate_leads_into_the_reporting_currency(organization: Organization, by: Actor) -> None:
    with pytest.raises(RateRefused, match="Choose a reporting currency first"):
        typed(organization, by, POINTS, "1")


def test_one_rate_of_a_unit_from_a_month_on(dollars: Organization, by: Actor) -> None:
    typed(dollars, by, POINTS, "1", date(2026, 10, 1))
    with pytest.raises(RateRefused, match="Change that one"):
        typed(dollars, by, POINTS, "2", date(2026, 10, 31))
    typed(dollars, by, Unit("points", "gitlab-duo"), "2")
    typed(dollars, by, POINTS, "2", NOVEMBER)
    assert ExchangeRate.objects.count() == 3


def test_the_table_itself_takes_no_rate_that_cannot_be(dollars: Organization) -> None:
    for wrong in ({"rate": 0}, {"rate": -1}, {"organization": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            ExchangeRate.objects.create(
                **{
                    "organization": dollars,
                    "source": "typed",
                    "unit": "TWD",
                    "currency": "USD",
                    "rate": 1,
                    "day": NOVEMBER,
                    "created_at": NOW,
                    **wrong,
                }
            )


def test_who_typed_what_stands_in_the_log(dollars: Organization, by: Actor) -> None:
    rate = typed(dollars, by, POINTS, "0.0004")
    told = RateTold(unit=POINTS, rate=Decimal("0.0005"), since=NOVEMBER)
    rate_type_in(organization=dollars, told=told, by=by, now=NOW, rate=rate)
    rate_type_in(organization=dollars, told=told, by=by, now=NOW, rate=rate)  # the same again is no change
    rate_remove(rate=ExchangeRate.objects.select_related("organization").get(), by=by, now=NOW)
    reporting_currency_choose(organization=dollars, currency="EUR", by=by, now=NOW)
    reporting_currency_choose(organization=dollars, currency="EUR", by=by, now=NOW)
    events = AuditEvent.objects.filter(organization=dollars).order_by("sequence")
    assert [event.action for event in events] == [
        "rate.typed",
        "rate.changed",
        "rate.removed",
        "organization.currency_chosen",
    ]
    assert events[1].changes == {"rate": ["0.0004", "0.0005"], "since": ["2026-10", "2026-11"]}
    assert events[3].changes == {"reporting_currency": ["USD", "EUR"]}
    assert [event.subject_words for event in events[2:]] == ["points (MetaChat)", "EUR"]


def test_only_currencies_can_be_reported_in(organization: Organization, by: Actor) -> None:
    for code in ("XYZ", "points", "DEM", "usd"):
        with pytest.raises(RateRefused):
            reporting_currency_choose(organization=organization, currency=code, by=by, now=NOW)
    assert {"USD", "EUR", "CNY", "TWD", "HKD", "JPY"} <= currencies()


@pytest.mark.parametrize(
    ("language", "name"),
    [("en", "TWD, New Taiwan Dollar"), ("zh-hant", "TWD，新台幣"), ("zh-hans", "TWD，新台币")],
)
def test_currencies_are_named_in_the_readers_language(language: str, name: str) -> None:
    with translation.override(language):
        assert name in [words for _code, words in currency_choices()]


# --- The feed ---------------------------------------------------------------------------------------------------


def fetched(since: date | None = None, now: datetime = NOW) -> RateFeed:
    """Everybody's feed after one fetch."""
    feed_ensure()
    feed = RateFeed.objects.get(organization=None)
    rates_fetch(feed_id=feed.pk, since=since, clock=lambda: now)
    feed.refresh_from_db()
    return feed


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[httpx.Response | Exception], list[str]]:
    """Every call is answered so; the addresses asked for are noted."""

    def answer(with_what: httpx.Response | Exception) -> list[str]:
        asked: list[str] = []

        def handle(request: httpx.Request) -> httpx.Response:
            asked.append(str(request.url))
            if isinstance(with_what, Exception):
                raise with_what
            return with_what

        wire = httpx.MockTransport(handle)
        monkeypatch.setattr("providers.transport._wire", lambda reach, via: wire)
        monkeypatch.setattr("time.sleep", lambda seconds: None)
        return asked

    return answer


def stored() -> dict[tuple[date, str], Decimal]:
    rows = ExchangeRate.objects.filter(source="ecb", organization=None)
    return {(row.day, row.currency): row.rate for row in rows}


def test_the_feed_is_read_as_far_as_usage_goes(simulator: SimulatedWire) -> None:
    simulator.now = NOW
    feed = fetched(since=date(2025, 12, 20))
    assert (feed.last_day, feed.reaches, feed.fetched_at) == (date(2026, 11, 19), date(2025, 12, 20), NOW)
    rates = stored()
    assert min(rates)[0] == date(2025, 9, 1), "with the months that a rate may come from"
    assert rates[(date(2026, 3, 2), "CNY")] == rate_on(date(2026, 3, 2), "CNY")
    assert {day.weekday() for day, _code in rates} == {0, 1, 2, 3, 4}


def test_reading_it_twice_changes_nothing_and_a_correction_counts(simulator: SimulatedWire) -> None:
    simulator.now = NOW
    fetched(since=NOVEMBER)
    before = stored()
    ids = set(ExchangeRate.objects.values_list("pk", flat=True))
    fetched(since=NOVEMBER)
    assert stored() == before
    assert set(ExchangeRate.objects.values_list("pk", flat=True)) == ids
    ExchangeRate.objects.filter(currency="USD", day__gte=NOVEMBER).update(rate=5)
    fetched(since=NOVEMBER)
    assert stored() == before


def test_days_that_were_missed_come_with_the_next_reading(simulator: SimulatedWire) -> None:
    simulator.now = NOW
    fetched(since=NOVEMBER)
    simulator.now = NOW + timedelta(days=40)
    feed = fetched(since=NOVEMBER, now=simulator.now)
    days = {day for day, _code in stored()}
    assert feed.last_day == date(2026, 12, 29)
    assert {date(2026, 11, 20) + timedelta(days=one) for one in range(40)} - days == {
        day for one in range(40) if (day := date(2026, 11, 20) + timedelta(days=one)).weekday() >= 5
    }


def test_everything_is_read_only_when_it_must_be(simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    carry = simulator.handle_request
    monkeypatch.setattr(simulator, "handle_request", lambda request: asked.append(request.url.path) or carry(request))
    long_ago, recently = date(2026, 1, 1), date(2026, 11, 1)
    moments: list[tuple[date, int]] = [(recently, 0), (recently, 1), (long_ago, 2), (long_ago, 3), (long_ago, 100)]
    for since, days in moments:
        simulator.now = NOW + timedelta(days=days)
        fetched(since=since, now=simulator.now)
    names = [path.removeprefix("/stats/eurofxref/eurofxref-").removesuffix(".xml") for path in asked]
    assert names == ["hist", "hist-90d", "hist", "hist-90d", "hist"]


@pytest.mark.parametrize(
    "wrong",
    [
        httpx.ConnectError("no network"),
        httpx.Response(503),
        httpx.Response(200, content=b"<html>Sign in to the hotel's network</html>"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/eurofxref-hist-90d.xml"}),
        httpx.Response(200, content=b'<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>'),
        httpx.Response(
            200, headers={"Content-Encoding": "gzip"}, content=gzip.compress(b"<x>" + b" " * (17 * 2**20) + b"</x>")
        ),
    ],
    ids=["away", "down", "html", "redirect", "entities", "huge"],
)  # fmt: skip
def test_a_feed_that_fails_is_told_and_takes_nothing_away(
    simulator: SimulatedWire, answers: Any, wrong: httpx.Response | Exception
) -> None:
    simulator.now = NOW
    fetched(since=NOVEMBER)
    before, later = stored(), NOW + timedelta(days=1)
    asked = answers(wrong)
    feed = fetched(since=NOVEMBER, now=later)
    again = fetched(since=NOVEMBER, now=later + timedelta(hours=1))
    assert stored() == before
    assert feed.problem and (feed.fetched_at, feed.last_day) == (NOW, date(2026, 11, 19))
    assert feed.failing_since == again.failing_since == later
    assert {httpx.URL(url).host for url in asked} == {"www.ecb.europa.eu"}, "a redirect is not followed elsewhere"


def test_it_is_fine_again_once_it_answers(simulator: SimulatedWire, answers: Any) -> None:
    simulator.now = NOW
    answers(httpx.Response(500))
    assert fetched().problem
    feed = RateFeed.objects.get()
    assert (feed.last_day, feed.fetched_at) == (None, None)


def test_it_is_fetched_for_whoever_converts_and_no_more_often_than_it_changes(
    organization: Organization, settings: Settings
) -> None:
    feed_ensure()
    feed = RateFeed.objects.get()
    assert feeds_due(since=NOVEMBER, now=NOW) == [], "nobody has a reporting currency: nothing is called"
    Organization.objects.filter(pk=organization.pk).update(reporting_currency="USD")
    assert feeds_due(since=NOVEMBER, now=NOW) == [feed.pk]
    RateFeed.objects.update(fetched_at=NOW, reaches=OCTOBER)
    assert feeds_due(since=NOVEMBER, now=NOW) == []
    assert feeds_due(since=date(2026, 9, 1), now=NOW) == [feed.pk], "usage reaches further back now"
    assert feeds_due(since=None, now=datetime(2026, 11, 20, 15, 40, tzinfo=UTC)) == [feed.pk], "new ones are there"
    settings.ECB_RATES = False
    assert feeds_due(since=None, now=NOW + timedelta(days=9)) == []


def test_a_feed_of_its_own_is_nobody_elses(organization: Organization, simulator: SimulatedWire) -> None:
    """The demo's rates are made up; they must not reach a real organization."""
    simulator.now = NOW
    Organization.objects.filter(pk=organization.pk).update(reporting_currency="USD")
    own = RateFeed.objects.create(organization=organization, relay_url="http://127.0.0.1:1")
    feed_ensure()
    assert feeds_due(since=None, now=NOW) == [own.pk]
    rates_fetch(feed_id=own.pk, since=None, clock=lambda: NOW)
    assert stored() == {}
    assert feed_view(organization_id=organization.pk).quoted["USD"] == rate_on(date(2026, 11, 19), "USD")
    other = Organization.objects.create(name="Island Labs")
    assert feed_view(organization_id=other.pk).quoted == {}


def test_the_task_reads_what_is_due(
    organization: Organization, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.now = NOW
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW)
    pipeline.fetch_rates()
    assert stored() == {}
    Organization.objects.filter(pk=organization.pk).update(reporting_currency="USD")
    pipeline.fetch_rates()
    assert min(stored())[0] == date(2025, 8, 1), "as far back as pages can ask, without any spend"


def test_an_operator_may_name_a_mirror(answers: Any, settings: Settings) -> None:
    settings.ECB_URL = "http://mirror.internal:8080/ecb"
    asked = answers(httpx.Response(404))
    fetched()
    assert [httpx.URL(url).host for url in asked] == ["mirror.internal"]
