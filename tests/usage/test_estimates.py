"""The page "Billed against estimated", and the places that say of an amount that it is estimated."""

import csv
import re
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, Team, TeamMembership, User
from dashboard.organizations.scope import Scope
from dashboard.overview.account.bill import bill_context
from dashboard.usage.estimates.page import estimates_context
from dashboard.usage.selectors import spend_by_account, spend_by_month, spend_of_month, usage_by_day
from tests.usage.test_explorer import page as spend_page
from tests.usage.test_landing import DAY, MONDAY, land, paid, used

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)
DAYS = f"from={MONDAY.date() - 7 * DAY}&to={TODAY}"


def made(organization: Organization, label: str = "Main", slug: str = "openai", **more: Any) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug=slug, label=label, **more)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return made(organization)


def million(model: str = "gpt-5", **more: Any) -> Any:
    """A million tokens in: of gpt-5 1.25 USD by the list, of gpt-5-mini 0.25."""
    return used(model=model, **{"input_tokens": 1_000_000, **more})


def page(organization: Organization, query: str = "", scope: Scope | None = None) -> dict[str, Any]:
    scope = scope or Scope(organization.pk)
    return estimates_context(scope=scope, query=QueryDict(query), today=TODAY)


def compared(context: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(row["models"], row["counted"], row["estimated"], row["difference"]) for row in context["rows"]]


# --- What it says -------------------------------------------------------------------------------------------------


def test_what_was_billed_stands_beside_its_list_price(organization: Organization, account: ProviderAccount) -> None:
    land(account, [million(), million("gpt-5-mini")])
    land(account, [paid("1.00", model="gpt-5"), paid("0.30", model="gpt-5-mini")])
    told = page(organization)
    # The greatest difference first, whichever way it goes.
    assert compared(told) == [
        (["gpt-5"], Decimal("1.00"), Decimal("1.25"), Decimal("-0.25")),
        (["gpt-5-mini"], Decimal("0.30"), Decimal("0.25"), Decimal("0.05")),
    ]
    assert [(row["bases"], row["tokens"], row["percent"]) for row in told["rows"]] == [
        (["Billed"], 1_000_000, Decimal(-20)),
        (["Billed"], 1_000_000, Decimal(20)),
    ]
    assert (told["counted"], told["estimated"], told["difference"]) == (
        Decimal("1.30"),
        Decimal("1.50"),
        Decimal("-0.20"),
    )
    assert (told["alone"], told["elsewhere"], told["unlisted"]) == ([], [], [])


def test_only_days_that_both_tell_of_are_compared(organization: Organization, account: ProviderAccount) -> None:
    """The bill of the last days is still to come: their estimate stands alone, and counts as spend until then."""
    land(account, [million(), used(MONDAY + DAY, model="gpt-5", input_tokens=2_000_000)])
    land(account, [paid("1.00", model="gpt-5")])
    told = page(organization)
    assert compared(told) == [(["gpt-5"], Decimal("1.00"), Decimal("1.25"), Decimal("-0.25"))]
    assert [(row["model"], row["estimated"]) for row in told["alone"]] == [("gpt-5", Decimal("2.50"))]
    assert told["alone_sum"] == Decimal("2.50")
    assert (told["counted"], told["estimated"]) == (Decimal("1.00"), Decimal("1.25"))


@pytest.mark.parametrize("model", ["gpt-5", None])
def test_bills_of_days_without_tokens_are_left_out(
    organization: Organization, account: ProviderAccount, model: str | None
) -> None:
    """Many providers keep their bills for longer than their tokens."""
    land(account, [million()])
    land(account, [paid("1.00", MONDAY - back * DAY, model=model) for back in range(10)])
    assert compared(page(organization)) == [(["gpt-5"], Decimal("1.00"), Decimal("1.25"), Decimal("-0.25"))]


def test_a_bill_of_a_month_is_compared_with_the_use_of_its_days(
    organization: Organization, account: ProviderAccount
) -> None:
    first = MONDAY.replace(day=1)
    land(account, [million()])
    land(account, [paid("1.00", first, 30 * DAY, model="gpt-5"), paid("7", first - 31 * DAY, 31 * DAY, model="gpt-5")])
    told = page(organization, "period=13-months")
    assert compared(told) == [(["gpt-5"], Decimal("1.00"), Decimal("1.25"), Decimal("-0.25"))]
    assert told["rows"][0]["longer"]


def test_a_bill_that_names_no_models_is_compared_with_all_of_them(
    organization: Organization, account: ProviderAccount
) -> None:
    land(account, [million(), million("gpt-5-mini"), million("no-such-model", input_tokens=7)])
    land(account, [paid("2.00", model=None)])
    told = page(organization)
    assert compared(told) == [
        (["gpt-5", "gpt-5-mini", "no-such-model"], Decimal("2.00"), Decimal("1.50"), Decimal("0.50"))
    ]
    assert told["rows"][0]["unlisted"] == 7, "what has no list price is said, because the bill may hold it"


def test_taxes_and_credits_pay_for_no_tokens(organization: Organization, account: ProviderAccount) -> None:
    land(account, [million()])
    land(account, [paid("1.00", model="gpt-5"), paid("9", model=None, line_item="Tax", category="tax")])
    assert compared(page(organization)) == [(["gpt-5"], Decimal("1.00"), Decimal("1.25"), Decimal("-0.25"))]


def test_reported_money_is_compared_and_other_units_are_not(
    organization: Organization, account: ProviderAccount
) -> None:
    land(account, [million(cost=Decimal("1.10"), unit="USD")])
    land(made(organization, "Elsewhere"), [million(cost=Decimal(8), unit="CNY")])
    told = page(organization)
    assert [row["bases"] for row in told["rows"]] == [["Reported"]]
    assert [(row["account"], row["amounts"], row["estimated"]) for row in told["elsewhere"]] == [
        ("OpenAI: Elsewhere", [("CNY", Decimal(8))], Decimal("1.25"))
    ]
    assert told["counted"] == Decimal("1.10")


def test_what_is_on_no_list_is_named(organization: Organization, account: ProviderAccount) -> None:
    land(account, [million("no-such-model"), million("idle", input_tokens=0)])
    land(made(organization, "Own", "vllm"), [million("acme/chat")])
    told = page(organization)
    assert [(row["account"], row["model"], row["tokens"]) for row in told["unlisted"]] == [
        ("OpenAI: Main", "no-such-model", 1_000_000),
        ("vLLM: Own", "acme/chat", 1_000_000),
    ]
    assert (told["rows"], told["counted"], told["percent"]) == ([], None, None)


def test_a_price_that_has_tiers_is_marked(organization: Organization) -> None:
    land(made(organization, slug="gemini"), [million("gemini-2.5-pro"), million("gemini-2.5-flash-lite")])
    told = page(organization)
    assert {row["model"]: row["tiered"] for row in told["alone"]} == {
        "gemini-2.5-pro": True,
        "gemini-2.5-flash-lite": False,
    }
    assert told["any_tiered"]


def test_filters_stand_in_the_address(organization: Organization, account: ProviderAccount) -> None:
    other = made(organization, "Other", "groq")
    land(account, [million(cost=Decimal(1), unit="USD"), million("gpt-5-mini", cost=Decimal(1), unit="USD")])
    land(other, [million("llama-3.1-8b-instant", cost=Decimal(1), unit="USD")])
    assert len(page(organization)["rows"]) == 3
    assert len(page(organization, "provider=openai")["rows"]) == 2
    assert len(page(organization, f"account={other.pk}")["rows"]) == 1
    assert len(page(organization, f"account={other.pk}&model=gpt-5")["rows"]) == 0
    assert len(page(organization, "provider=nobody&model=none-such&sort=odd")["rows"]) == 3
    assert len(page(organization, f"from={MONDAY.date() - DAY}&to={MONDAY.date() - DAY}")["rows"]) == 0
    names = [row["model"] for row in page(organization, "sort=name&dir=up")["rows"]]
    assert names == ["llama-3.1-8b-instant", "gpt-5", "gpt-5-mini"]


def test_who_sees_one_team_sees_that_teams_accounts(client: Client, organization: Organization) -> None:
    mine, theirs = (Team.objects.create(organization=organization, name=name) for name in ("Mine", "Theirs"))
    land(made(organization, "Ours", team=mine), [million()])
    land(made(organization, "Secret", team=theirs), [million("gpt-5-mini")])
    viewer = User.objects.create_user("ann@harbor.example")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER)
    TeamMembership.objects.create(team=mine, user=viewer)
    client.force_login(viewer)
    for address in ("/spend/estimates/", "/spend/estimates/csv/"):
        answer = client.get(f"{address}?{DAYS}").content.decode()
        assert "Ours" in answer
        assert "Secret" not in answer
        assert "gpt-5-mini" not in answer


def test_the_file_holds_what_the_page_shows(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount
) -> None:
    land(account, [million(), million("=m"), used(MONDAY + DAY, model="gpt-5", input_tokens=4)])
    land(account, [paid("1.00", model="gpt-5")])
    land(made(organization, "Yuan"), [million(cost=Decimal(8), unit="CNY")])
    answer = client.get(f"/spend/estimates/csv/?{DAYS}")
    told = list(csv.DictReader(StringIO(answer.content.decode())))
    names = ("account", "model", "unit", "counted", "estimated_usd", "difference_percent", "tokens", "state")
    assert [tuple(row[name] for name in names) for row in told] == [
        ("OpenAI: Main", "gpt-5", "USD", "1.000000000000", "1.250000000000", "-20.0000", "1000000", ""),
        ("OpenAI: Main", "gpt-5", "USD", "", "0.000005000000", "", "4", "only estimated"),
        ("OpenAI: Yuan", "gpt-5", "CNY", "8.000000000000", "1.250000000000", "", "1000000", "other unit"),
        ("OpenAI: Main", "'=m", "USD", "", "", "", "1000000", "no list price"),
    ]
    assert "attachment" in answer["Content-Disposition"]


@pytest.mark.parametrize("query", ["", "period=13-months", "sort=tokens&model=gpt-5"])
def test_the_number_of_statements_depends_on_nothing(
    client: Client, signed_in: None, organization: Organization, query: str
) -> None:
    def statements(*, accounts: int) -> int:
        for number in range(accounts):
            one = made(organization, f"{accounts} {number}", ["openai", "groq", "moonshot"][number % 3])
            land(one, [million(), million(f"m{number}")])
            land(one, [paid("3", model="gpt-5")])
        client.get(f"/spend/estimates/?{query}")
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/spend/estimates/?{query}").status_code == 200
        return len(queries)

    few, many = statements(accounts=1), statements(accounts=7)
    assert few == many <= 8


def test_the_page_in_words(
    client: Client, signed_in: None, organization: Organization, account: ProviderAccount
) -> None:
    land(account, [million(), million("gpt-5-mini"), million("no-such-model")])
    land(account, [paid("1.00", model="gpt-5"), paid("0.5", model=None)])
    land(made(organization, "New", "gemini"), [million("gemini-2.5-pro")])
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", client.get(f"/spend/estimates/?{DAYS}").content.decode()))
    for expected in (
        *("−20 %", "2 models, not told apart", "1M tokens without a list price", "base tier"),
        *("Only estimated: nobody told what this use cost", "1 row that only the price list tells of"),
        *("−$0.25", "+$0.25"),
    ):
        assert expected in words


def test_an_empty_page_says_what_to_do(client: Client, signed_in: None, account: ProviderAccount) -> None:
    assert "No token use is known for these days" in client.get("/spend/estimates/").content.decode()
    land(account, [million()])
    answer = client.get(f"/spend/estimates/?{DAYS}&model=gpt-5&account={account.pk}").content.decode()
    assert "gpt-5" in answer
    assert "Billed against estimated" in client.get("/spend/").content.decode()


# --- Wherever else an estimate counts -----------------------------------------------------------------------------


def test_the_spend_page_says_what_is_estimated(organization: Organization, account: ProviderAccount) -> None:
    land(account, [million(), used(MONDAY + DAY, model="gpt-5", input_tokens=3_000_000)])
    land(account, [paid("1.25", model="gpt-5")])
    told = spend_page(organization)
    assert (told["total"], told["estimated"], told["certain"]) == (Decimal("5.00"), Decimal("3.75"), Decimal(25))
    (row,) = told["rows"]
    assert (row["bases"], row["estimated"]) == (("Billed", "Estimated"), True)
    assert told["unpriced"].rows == []


def test_lists_and_months_say_what_is_estimated(organization: Organization, account: ProviderAccount) -> None:
    land(account, [million(), used(MONDAY + DAY, model="gpt-5", input_tokens=3_000_000)])
    land(account, [paid("9", model="gpt-5", unit="CNY")])
    (month,) = spend_by_month(account_id=account.pk, today=TODAY)
    # The unit of the bill comes first, though USD is the earlier name of nothing.
    assert (list(month.amounts), month.estimated) == (["CNY", "USD"], {"USD": Decimal("3.75")})
    found = spend_by_account(account_ids=[account.pk], first=TODAY.replace(day=1), last=TODAY)
    assert found[account.pk] == [
        {"unit": "CNY", "amount": Decimal(9), "estimated": None},
        {"unit": "USD", "amount": Decimal("3.75"), "estimated": Decimal("3.75")},
    ]
    parts = spend_of_month(scope=Scope(organization.pk), today=TODAY).parts
    assert {part.unit: part.estimated for part in parts} == {"CNY": Decimal(0), "USD": Decimal("3.75")}
    usage = usage_by_day(account_id=account.pk, today=TODAY)
    assert (usage.total.unit, usage.total.cost, usage.total.others) == ("CNY", Decimal(9), {"USD": Decimal("3.75")})
    assert [(day.estimated, day.unit) for day in usage.days] == [(True, "USD"), (False, "CNY")]
    assert usage.bases == ["billed", "estimated"]


@pytest.mark.parametrize("address", ["/", "/accounts/", "/accounts/{account}/", "/spend/?" + DAYS])
def test_every_page_with_an_estimate_says_so(
    client: Client, signed_in: None, organization: Organization, address: str, now: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    account = made(organization, slug="gemini")
    land(account, [million("gemini-2.5-flash-lite")])
    answer = client.get(address.format(account=account.pk)).content.decode()
    assert re.search(r"[Ee]stimated", answer)


def test_a_bill_says_how_much_of_it_is_estimated(organization: Organization, account: ProviderAccount) -> None:
    land(account, [million(), used(MONDAY + DAY, model="gpt-5", input_tokens=3_000_000)])
    told = bill_context(account, [], [], TODAY)
    assert told["bill_estimated"]
    assert told["bill_months"][0]["amounts"] == [{"unit": "USD", "amount": Decimal("5.00"), "estimated": True}]
    assert told["stats"][0]["note"] == "November\xa02026, estimated at list prices"
    land(account, [paid("1.00", model="gpt-5")])
    told = bill_context(account, [], [], TODAY)
    assert told["stats"][0]["note"] == "November\xa02026, $3.75\xa0USD estimated at list prices"
    land(account, [paid("1.00", MONDAY + DAY, model="gpt-5")])
    assert not bill_context(account, [], [], TODAY)["bill_estimated"]
