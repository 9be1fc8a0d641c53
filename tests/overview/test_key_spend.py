"""What each key spent, on the list of keys and on a key's own page."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ProviderKey
from dashboard.organizations.models import Organization, Team
from dashboard.organizations.scope import Scope
from dashboard.overview.keys.key_list import age_bar, key_list_context
from dashboard.overview.keys.spend import key_spend_context
from dashboard.usage.allocation import KEY, Rule, Rulebook, assigned
from dashboard.usage.by_key.selectors import spend_by_key
from dashboard.usage.models import UsageDetail
from dashboard.usage.rollup import detail_lines
from tests.usage.test_landing import DAY, MONDAY, NOW, land, paid, reported, used

TODAY = NOW.date()


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="openai", label="Main")


def key_of(account: ProviderAccount, name: str, **more: Any) -> ProviderKey:
    return ProviderKey.objects.create(
        account=account, external_id=name, name=name, state="active", listed_at=NOW, **more
    )


def rows(organization: Organization, query: str = "", scope: Scope | None = None) -> dict[str, Any]:
    context = key_list_context(
        organization=organization, scope=scope or Scope(organization.pk), query=QueryDict(query), now=NOW
    )
    return {row["name"]: row["spend"] for row in context["keys"]}


def told(spend: dict[str, Any]) -> list[tuple[str, Decimal | None, Decimal | None]]:
    return [(part["unit"], part["amount"], part["before"]) for part in spend["parts"]]


def test_a_key_spent_what_names_it_in_thirty_days_and_in_those_before(
    organization: Organization, account: ProviderAccount
) -> None:
    for name in ("k", "idle", "unpriced"):
        key_of(account, name)
    middle = datetime.combine(TODAY - 29 * DAY, MONDAY.time(), MONDAY.tzinfo)
    days = {NOW: "3", middle: "0.000000000001", middle - DAY: "5", middle - 30 * DAY: "7", middle - 31 * DAY: "100"}
    midnight = {at.replace(hour=0, minute=0): amount for at, amount in days.items()}
    land(account, [reported(amount, at, provider_key="k") for at, amount in midnight.items()])
    land(account, [used(MONDAY, provider_key="unpriced", model="other")])
    found = rows(organization)
    assert told(found["k"]) == [("USD", Decimal("3.000000000001"), Decimal(12))]
    assert (found["idle"]["parts"], found["idle"]["none"]) == ([], "none"), "usage names keys, and not this one"
    assert (found["unpriced"]["parts"], found["unpriced"]["none"]) == ([], "no price")


def test_what_nobody_tells_is_not_zero(organization: Organization, account: ProviderAccount) -> None:
    key_of(account, "k")
    land(account, [reported("3")])
    assert rows(organization)["k"] == {"parts": [], "none": "not told", "bars": False}


def test_a_bill_without_keys_is_shared_by_tokens_and_said_to_be(
    organization: Organization, account: ProviderAccount
) -> None:
    key_of(account, "k")
    key_of(account, "other")
    land(account, [used(provider_key="k", input_tokens=300), used(provider_key="other", input_tokens=100)])
    land(account, [paid("8")])
    found = rows(organization)
    assert told(found["k"]) == [("USD", Decimal(6), None)]
    assert found["k"]["parts"][0]["shared"]
    assert [found[name]["parts"][0]["share"] for name in ("k", "other")] == [100, Decimal(2) / Decimal(6) * 100]
    page = key_spend_context(scope=Scope(organization.pk), key=ProviderKey.objects.get(name="k"), today=TODAY)
    assert page["shared"]
    assert page["stats"][0]["amount"] == 6
    assert page["stats"][1]["amount"] is None


def test_units_stand_apart_and_are_never_compared(organization: Organization, account: ProviderAccount) -> None:
    for name in ("dollars", "points", "more"):
        key_of(account, name)
    land(account, [reported("2", provider_key="dollars"), reported("3", provider_key="more")])
    points = used(provider_key="points", cost=Decimal(900), unit="points")
    land(account, [points])
    assert told(rows(organization)["points"]) == [("points", Decimal(900), None)]
    assert list(rows(organization, "sort=spend")) == ["more", "dollars", "points"], "the unit of most keys first"


DETAILS = st.lists(
    st.tuples(
        st.sampled_from(["", "a", "b"]),  # key
        st.sampled_from(["", "p", "q"]),  # project
        st.sampled_from(["m", "n"]),
        st.sampled_from(["covered", "billed"]),
        st.integers(0, 5),  # tokens
        st.integers(0, 2),  # requests
        st.decimals("0.01", "9", places=2),
        st.integers(0, 1),  # day
    ),
    max_size=8,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(details=DETAILS)
@example(  # use that counts nothing has no part, and leaves all of a bill to other models
    details=[
        ("", "", "n", "billed", 0, 0, Decimal("0.01"), 0),
        ("", "p", "n", "covered", 0, 0, Decimal("0.01"), 0),
        ("a", "", "m", "covered", 0, 1, Decimal("0.01"), 0),
    ]
)
def test_the_statement_shares_bills_as_the_rules_do(
    organization: Organization, account: ProviderAccount, details: list[tuple[Any, ...]]
) -> None:
    """What the list says a key spent is what a rule for that key would give to a team, up to the last stored digit."""
    UsageDetail.objects.filter(account=account).delete()
    UsageDetail.objects.bulk_create(
        UsageDetail(
            organization=organization,
            account=account,
            day=TODAY - place * DAY,
            span="day",
            model=model,
            provider_key=key,
            project=project,
            user="",
            unit="USD",
            basis=basis,
            input_tokens=tokens,
            requests=requests,
            spend=amount if basis == "billed" else None,
            provisional=False,
        )
        for key, project, model, basis, tokens, requests, amount, place in details
    )
    with connection.cursor() as cursor:
        lines = detail_lines(cursor, account.pk, [TODAY, TODAY - DAY])
    by_rules: dict[str, Decimal] = {}
    rules = Rulebook([Rule(dimension=KEY, value=name) for name in ("a", "b")])
    for part, owner, _rule in assigned(lines, rules, account.pk):
        if owner.provider_key and part.spend is not None:
            by_rules[owner.provider_key] = by_rules.get(owner.provider_key, Decimal(0)) + part.spend
    asked = {(account.pk, name): date.min for name in ("a", "b")}
    found = spend_by_key(asked=asked, first=TODAY - DAY, middle=TODAY - DAY, last=TODAY)
    amounts = {name: part.amount for (_account, name), one in found.items() for part in one.parts}
    assert set(amounts) == set(by_rules)
    for name, amount in amounts.items():
        assert amount is not None
        assert abs(amount - by_rules[name]) <= Decimal("1e-9")


def test_who_sees_a_team_sees_what_its_key_spent_since_it_is_theirs(
    organization: Organization, account: ProviderAccount
) -> None:
    ours = Team.objects.create(organization=organization, name="Ours")
    theirs = Team.objects.create(organization=organization, name="Theirs")
    key_of(account, "k", team=ours, owned_from=(MONDAY + DAY).date())
    land(account, [reported("3", provider_key="k"), reported("4", MONDAY + DAY, provider_key="k")])
    mine = Scope(organization.pk, (ours.pk,))
    ProviderAccount.objects.filter(pk=account.pk).update(team=theirs)
    assert told(rows(organization, scope=mine)["k"]) == [("USD", Decimal(4), None)]
    key = ProviderKey.objects.select_related("account", "team").get()
    page = key_spend_context(scope=mine, key=key, today=TODAY)
    assert [row.cells[0] for row in page["chart"].table.rows if row.cells[0] is not None] == [4]
    assert "k" not in rows(organization, scope=Scope(organization.pk, (theirs.pk,))), "another team's key"
    ProviderAccount.objects.filter(pk=account.pk).update(team=ours)
    assert told(rows(organization, scope=mine)["k"]) == [("USD", Decimal(7), None)], "as their account's page tells"


def test_the_list_costs_the_same_for_many_keys_with_spend(
    organization: Organization, account: ProviderAccount, signed_in: None, client: Client
) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as made:
            assert client.get(reverse("keys:key_list")).status_code == 200
        return len(made)

    key_of(account, "k0")
    land(account, [reported("1", provider_key="k0")])
    statements()
    few = statements()
    for number in range(1, 30):
        key_of(account, f"k{number}")
        land(account, [reported("1", provider_key=f"k{number}")])
    assert statements() == few


def test_the_page_tells_the_days(
    organization: Organization, account: ProviderAccount, signed_in: None, client: Client
) -> None:
    key = key_of(account, "k", created_at=NOW - 400 * DAY)
    land(account, [reported("3", provider_key="k"), reported("4", MONDAY + DAY, provider_key="k")])
    page = key_spend_context(scope=Scope(organization.pk), key=key, today=TODAY)
    assert [row.cells[0] for row in page["chart"].table.rows if row.cells[0] is not None] == [4, 3]
    text = client.get(reverse("keys:key", args=[key.pk])).content.decode()
    assert "the mark is at a year" in text


@pytest.mark.parametrize(("days", "warns"), [(0, False), (364, False), (365, True), (900, True)])
def test_the_bar_of_an_age_ends_at_its_mark_on_the_day_that_the_key_is_old(days: int, warns: bool) -> None:
    bar = age_bar(days, old=warns)
    assert bar.tick is not None
    assert (bar.value >= bar.tick) == warns == (bar.severity == "warn")
    assert bar.value <= bar.full
    assert bar.value == 0 if days == 0 else bar.value > 0
