"""The estimated basis as it is stored: what list prices say of the tokens, beside what better sources tell."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as HypothesisTestCase

from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.models import Organization
from dashboard.usage import rollup
from dashboard.usage.derived.services import derived_balance_refresh
from dashboard.usage.models import SpendDaily, TeamDaily, TeamMonthly, UsageDaily, UsageDetail
from dashboard.usage.rollup import price_list_of
from dashboard.usage.services import Landed
from providers.prices import Rates
from providers.records import CostBucket, UsageBucket
from tests.usage.test_deriving import MIDNIGHT, balance, derived_series, read, wallet
from tests.usage.test_landing import DAY, HOUR, MONDAY, NOW, agrees, distinct, land, paid, reported, used

pytestmark = pytest.mark.django_db

# 1,000,000 fresh at 1.25, 400,000 from the cache at 0.125 and 100,000 out at 10 USD a million, each.
TOKENS = {
    "input_tokens": 1_000_000,
    "cached_input_tokens": 400_000,
    "output_tokens": 100_000,
    "reasoning_tokens": 60_000,
}
PRICE = Decimal("2.30")


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return made(organization)


def made(organization: Organization, slug: str = "openai", label: str = "Main") -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug=slug, label=label)


def thought(start: datetime = MONDAY, model: str = "gpt-5", **more: Any) -> UsageBucket:
    return used(start, model=model, **{**TOKENS, **more})


def told(account: ProviderAccount) -> list[tuple[Any, ...]]:
    agrees(account)
    rows = UsageDaily.objects.filter(account=account).order_by("day", "model", "unit", "basis")
    return list(rows.values_list("model", "unit", "basis", "spend", "estimated"))


# --- What counts --------------------------------------------------------------------------------------------------


def test_use_that_nobody_tells_the_cost_of_is_estimated(account: ProviderAccount) -> None:
    land(account, [thought(requests=7)])
    assert told(account) == [("gpt-5", "USD", "estimated", PRICE, PRICE)]
    day = SpendDaily.objects.get()
    assert (day.unit, day.spend, day.estimated, day.unpriced_models) == ("USD", PRICE, PRICE, 0)
    for table in (TeamDaily, TeamMonthly):
        assert list(table.objects.values_list("unit", "basis", "spend")) == [("USD", "estimated", PRICE)]


def test_every_better_basis_takes_its_place_and_the_estimate_is_kept(account: ProviderAccount) -> None:
    land(account, [thought()])
    land(account, [thought(cost=Decimal(2), unit="USD"), thought(unit=None)], (MONDAY, MONDAY + DAY))
    # One key told its cost and one did not: two uses, and two rows.
    assert told(account) == [
        ("gpt-5", "USD", "estimated", PRICE, PRICE),
        ("gpt-5", "USD", "reported", Decimal(2), PRICE),
    ]
    assert SpendDaily.objects.get().spend == Decimal(2) + PRICE
    land(account, [thought(cost=Decimal(2), unit="USD")], (MONDAY, MONDAY + DAY))
    assert told(account) == [("gpt-5", "USD", "reported", Decimal(2), PRICE)]
    land(account, [paid("1.80", model="gpt-5")])
    assert told(account) == [("gpt-5", "USD", "billed", Decimal("1.80"), PRICE)]
    assert (SpendDaily.objects.get().spend, SpendDaily.objects.get().estimated) == (Decimal("1.80"), None)


def test_a_bill_covers_the_day_and_estimates_nothing_of_it(account: ProviderAccount) -> None:
    land(account, [thought(), thought(MONDAY + DAY)])
    land(account, [paid("5", model=None)])
    assert told(account) == [
        ("", "USD", "billed", Decimal(5), None),
        ("gpt-5", "", "covered", None, PRICE),
        ("gpt-5", "USD", "estimated", PRICE, PRICE),
    ]


def test_what_a_balance_fell_by_covers_the_day(organization: Organization) -> None:
    account = made(organization, "deepseek")
    land(account, [used(model="deepseek-v4-pro", input_tokens=1_000_000)])
    assert told(account) == [("deepseek-v4-pro", "USD", "estimated", Decimal("0.66"), Decimal("0.66"))]
    read(account, MIDNIGHT, wallet("50"))
    read(account, MIDNIGHT + 10 * HOUR, wallet("44"))
    assert told(account) == [
        ("", "CNY", "derived", Decimal(6), None),
        ("deepseek-v4-pro", "", "covered", None, Decimal("0.66")),
    ]


def test_the_price_of_the_day_counts(organization: Organization) -> None:
    account = made(organization, "deepseek")
    days = [datetime(2026, 8, day, tzinfo=UTC) for day in (16, 17)]
    land(account, [used(day, model="deepseek-v4-pro", input_tokens=1_000_000) for day in days])
    assert [row[3] for row in told(account)] == [Decimal("0.435"), Decimal("0.66")]


@pytest.mark.parametrize(
    "use",
    [
        {"model": "no-such-model"},
        {"model": "gpt-5", "input_tokens": None, "requests": 9},
        {"model": "text-embedding-3-large", "output_tokens": 1},
        {"model": ""},
    ],
    ids=["unknown model", "no tokens", "a class without a price", "no model"],
)
def test_what_cannot_be_priced_stays_unpriced(account: ProviderAccount, use: dict[str, Any]) -> None:
    land(account, [used(**use)])
    (row,) = told(account)
    assert row[1:] == ("", "unpriced", None, None)
    assert SpendDaily.objects.get().unpriced_models == 1


def test_no_tokens_cost_nothing_and_are_not_unpriced(account: ProviderAccount) -> None:
    land(account, [used(model="gpt-5", input_tokens=0, output_tokens=0)])
    assert told(account) == [("gpt-5", "USD", "estimated", Decimal(0), Decimal(0))]


@pytest.mark.parametrize("slug", ["vllm", "ollama", "lmstudio", "metachat", "claude-subscription"])
def test_servers_plans_and_relays_are_not_estimated(organization: Organization, slug: str) -> None:
    account = made(organization, slug)
    land(account, [thought(), thought(model="claude-sonnet-5")])
    assert {row[1:] for row in told(account)} == {("", "unpriced", None, None)}


def test_which_list_an_account_has_may_stand_in_its_settings(organization: Organization) -> None:
    lists = []
    for product in ("open_platform", "kimi_code"):
        account = made(organization, "moonshot", product)
        ProviderCredential.objects.create(
            organization=organization,
            account=account,
            encrypted_secrets="",
            key_id="",
            settings={"product": product, "region": "intl"},
        )
        lists.append(price_list_of(account))
    assert lists == ["moonshotai", ""]
    assert price_list_of(made(organization, "moonshot", "without a credential")) == ""


def test_a_request_may_have_a_price(organization: Organization) -> None:
    account = made(organization, "perplexity")
    land(account, [used(model="sonar-pro", input_tokens=1000, output_tokens=100, requests=3)])
    assert told(account)[0][3] == Decimal("0.003") + Decimal("0.0015") + 3 * Decimal("0.014")


def test_landing_the_same_again_changes_nothing(account: ProviderAccount) -> None:
    rows = [thought(), thought(model="unknown"), thought(MONDAY + DAY)]
    assert land(account, rows) == Landed(changed=3, removed=0)
    before = list(UsageDetail.objects.order_by("pk").values_list())
    assert land(account, rows) == Landed(changed=0, removed=0)
    assert list(UsageDetail.objects.order_by("pk").values_list()) == before


def test_a_typed_balance_does_not_fall_by_estimates(organization: Organization) -> None:
    account = made(organization, "gemini")
    land(account, [used(model="gemini-2.5-pro", input_tokens=1_000_000)])
    assert told(account)[0][2:4] == ("estimated", Decimal("1.25"))
    balance(account, "50", MONDAY, "USD")
    with transaction.atomic():
        derived_balance_refresh(account=account, now=NOW)
    assert derived_series(account).amount == Decimal(50)
    land(account, [reported("4", MONDAY + DAY, model="gemini-2.5-pro")])
    with transaction.atomic():
        derived_balance_refresh(account=account, now=NOW)
    assert derived_series(account).amount == Decimal(46)


# --- When a price list changes ------------------------------------------------------------------------------------


def test_days_keep_their_estimate_until_they_are_rolled_up_anew(
    account: ProviderAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(account, [thought(), thought(MONDAY - 40 * DAY)])
    land(account, [paid("3", MONDAY - 40 * DAY, model="gpt-5")])

    def dearer(price_list: str, model: str) -> Sequence[Rates]:
        zero = Decimal(0)
        return [
            Rates(
                since=date.min, until=date.max, input=Decimal("0.000009"), cached_input=zero, cache_write=zero,
                output=zero, request=None, tiered=False,
            )
        ]  # fmt: skip

    monkeypatch.setattr(rollup, "price_periods", dearer)
    assert [row[4] for row in told(account)] == [PRICE, None, PRICE]
    answer = StringIO()
    call_command("rebuild_rollups", stdout=answer)
    assert answer.getvalue() == f"{account.pk} OpenAI, Main: 2 days\n"
    assert [row[2:] for row in told(account)] == [
        ("covered", None, Decimal(9)),
        ("billed", Decimal(3), None),
        ("estimated", Decimal(9), Decimal(9)),
    ]


def test_rolling_up_anew_changes_nothing_else(organization: Organization, account: ProviderAccount) -> None:
    other = made(organization, "deepseek", "Other")
    land(account, [thought(provider_key="k", project="p"), used(MONDAY + HOUR, HOUR, model="unknown"), reported("3")])
    read(other, MIDNIGHT, wallet("50"))
    read(other, MIDNIGHT + 34 * HOUR, wallet("44"))

    def everything() -> list[Any]:
        names = [one.name for one in UsageDetail._meta.fields if one.name != "id"]
        rows = [*UsageDetail.objects.values_list(*names), *SpendDaily.objects.values_list("day", "unit", "spend")]
        return sorted(rows, key=str)

    before = everything()
    call_command("rebuild_rollups", account=other.pk, stdout=StringIO())
    call_command("rebuild_rollups", stdout=StringIO())
    assert everything() == before
    with pytest.raises(CommandError):
        call_command("rebuild_rollups", account=0, stdout=StringIO())


# --- Properties ---------------------------------------------------------------------------------------------------

counts = st.none() | st.integers(0, 10**7)
usage = st.builds(
    lambda day, model, key, cost, fresh, output: used(
        MONDAY - day * DAY,
        model=model,
        provider_key=key,
        input_tokens=fresh,
        output_tokens=output,
        cost=cost,
        unit=None if cost is None else "USD",
    ),
    st.integers(0, 3),
    st.sampled_from(["gpt-5", "gpt-5-mini", "no-such-model"]),
    st.sampled_from(["k", "l"]),
    st.none() | st.decimals(0, 100, places=6),
    counts,
    counts,
)
bills = st.builds(
    lambda day, model, amount: paid(str(amount), MONDAY - day * DAY, model=model),
    st.integers(0, 3),
    st.sampled_from(["gpt-5", None]),
    st.decimals(-5, 100, places=6),
)
PRINTED = {"gpt-5": (Decimal("1.25"), Decimal(10)), "gpt-5-mini": (Decimal("0.25"), Decimal(2))}


def by_hand(rows: Sequence[UsageBucket]) -> Iterator[Decimal]:
    for row in rows:
        if row.model in PRINTED and (row.input_tokens is not None or row.output_tokens is not None):
            fresh, out = PRINTED[row.model]
            yield ((row.input_tokens or 0) * fresh + (row.output_tokens or 0) * out) / 1_000_000


class BasesStayApart(HypothesisTestCase):
    """Whatever lands: each line counts on one basis alone, estimates are of all tokens whether they count or not, and
    the sums of groups are the total."""

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(usage, max_size=8), st.lists(bills, max_size=3))
    def test_bases_are_never_added_together(self, usage: list[UsageBucket], bills: list[CostBucket]) -> None:
        account = made(Organization.objects.create(name="Apart", reporting_zone="UTC"))
        rows = distinct(usage)
        land(account, rows, kind=UsageBucket)
        land(account, distinct(bills), kind=CostBucket)
        agrees(account)
        counted: dict[date, set[str]] = {}
        for line in UsageDetail.objects.filter(account=account):
            own = {"covered": None, "unpriced": None}
            assert line.spend == (own[line.basis] if line.basis in own else getattr(line, line.basis))
            assert line.basis != "estimated" or line.unit == "USD"
            counted.setdefault(line.day, set()).add(line.basis)
        for bases in counted.values():
            assert "billed" not in bases or bases <= {"billed", "covered"}, "a bill stands for the whole day"
        estimated = UsageDetail.objects.filter(account=account).aggregate(all=Sum("estimated"))["all"]
        assert (estimated or 0) == sum(by_hand(rows))
        for table in (UsageDaily, SpendDaily, TeamDaily, TeamMonthly):
            whole = UsageDetail.objects.filter(account=account).aggregate(all=Sum("spend"))["all"]
            assert table.objects.filter(account=account).aggregate(all=Sum("spend"))["all"] == whole
        only = UsageDaily.objects.filter(account=account, basis="estimated").aggregate(all=Sum("spend"))["all"]
        assert SpendDaily.objects.filter(account=account).aggregate(all=Sum("estimated"))["all"] == only
