"""The page of an account, part by part: its figures, the period in its address, names of limits, and what it lacks."""

import ast
import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

import providers.adapters
import providers.rate_limits
from dashboard.balances.models import BalanceEntry, BalanceSeries, EntryKind, QuotaSeries
from dashboard.balances.naming import each_words, is_code, quota_name, short_code, window_words
from dashboard.balances.selectors import primary_series, soonest_dry
from dashboard.balances.services import balances_land, quotas_land
from dashboard.credentials.models import CredentialState, ProviderCredential
from dashboard.organizations.models import Membership, Organization, Role, User
from dashboard.organizations.scope import Scope
from dashboard.overview.account.choice import Choice
from dashboard.overview.account.credentials import credential_rows
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.usage.models import SpendDaily, UsageDaily
from dashboard.usage.selectors import UsageRow, usage_by_day
from providers.records import Balance, Quota
from tests.overview.test_account_kinds import Page, land_cost, place_of
from tests.sync.driving import connected

pytestmark = pytest.mark.usefixtures("signed_in")

DAY = timedelta(days=1)
UUID = "a3629803-d1e1-4706-8af4-88edeffce3ba"


def plain(text: str) -> str:
    return text.replace("\xa0", " ")


# --- What limits are called -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "scope", "parts"),
    [
        (UUID, "user harbor-dev (ai_credits)", ("User harbor-dev (AI credits)", "", "a362…e3ba")),
        (UUID, "cost_center 50% more", ("Cost center 50% more", "", "a362…e3ba")),
        (UUID, "organization x (ai_credits, git_lfs)", ("Organization x (AI credits, git lfs)", "", "a362…e3ba")),
        (UUID, "", ("", "", "a362…e3ba")),
        (UUID, UUID, ("", "", "a362…e3ba")),
        ("Member spend limit", "user_01BjbGwprnREiZkn7ghRUcbiwa", ("Member spend limit", "", "user_01Bj…biwa")),
        ("Requests per minute", "Claude Opus 5", ("Requests per minute", "Claude Opus 5", "")),
        ("Global requests", "claude-sonnet-4-5 (global)", ("Global requests", "claude-sonnet-4-5 (global)", "")),
        ("monthly_commitment", "", ("Monthly commitment", "", "")),
        ("DUO_ENTERPRISE", "", ("Duo enterprise", "", "")),
        ("5h", "", ("5 hours", "", "")),
        ("GlobalStandard.gpt-5", "", ("GlobalStandard.gpt-5", "", "")),
    ],
)
def test_a_limit_is_called_by_what_it_is_about(name: str, scope: str, parts: tuple[str, str, str]) -> None:
    called = quota_name(name, scope)
    assert (called.title, called.about, called.code) == parts
    assert name in called.full


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_a_limit_always_has_some_name(name: str, scope: str) -> None:
    called = quota_name(name, scope)
    assert called.title or called.code


@given(st.uuids().map(str) | st.from_regex(r"[0-9a-f]{24,64}", fullmatch=True))
def test_ids_are_cut_to_their_ends(code: str) -> None:
    assert is_code(code)
    short = short_code(code)
    assert len(short) == 9
    assert (short[:4], short[-4:]) == (code[:4], code[-4:])


@pytest.mark.parametrize(
    "name", ["gpt-5-mini", "text-embedding-3-large", "mistral-medium-2508", "Requests", "pro seats"]
)
def test_names_that_people_read_are_no_ids(name: str) -> None:
    assert not is_code(name)


_ADAPTERS = Path(providers.adapters.__file__).parent


def _names_in_code() -> list[str]:
    """The names that adapters give limits as they are, without a place in them."""
    calls = [
        node
        for path in [*sorted(_ADAPTERS.glob("*.py")), Path(providers.rate_limits.__file__)]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Quota"
    ]
    told = [word.value for call in calls for word in call.keywords if word.arg == "name"]
    return sorted({one.value for one in told if isinstance(one, ast.Constant)})


@pytest.mark.parametrize("language", ["zh-hant", "zh-hans"])
@pytest.mark.parametrize(
    "name", [*_names_in_code(), "Budget ai-monthly (warns only)", "5-hour limit", "Tool calls", "Seats", "weekly"]
)
def test_limits_are_called_in_the_readers_language(name: str, language: str) -> None:
    english = quota_name(name, "").title
    with translation.override(language):
        assert quota_name(name, "").title != english


def test_a_budget_says_whose_it_is_in_the_readers_language() -> None:
    with translation.override("zh-hans"):
        assert quota_name(UUID, "user harbor-dev (ai_credits)").title == "用户 harbor-dev（AI 点数）"
        assert quota_name(UUID, "organization harbor-labs").title == "组织 harbor-labs"


def test_windows_are_said_in_words() -> None:
    assert [window_words(name) for name in ("7d", "month", "lifetime", "fortnight")] == [
        "7 days",
        "month",
        "in all",
        "fortnight",
    ]
    assert [each_words(name) for name in ("7d", "lifetime")] == ["per 7 days", "in all"]


def test_an_id_stands_beside_what_its_budget_is_about(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "github-copilot", now)
    budget = Quota(
        name=UUID, scope="user harbor-dev", unit="USD", used=Decimal("18.22"), limit=Decimal(40), window="month"
    )
    quotas_land(place=place_of(credential), quotas=[budget], per_key=False, now=now)
    page = Page(client, credential)
    assert "User harbor-dev a362…e3ba" in page.part("quotas")
    assert "$18.22 of $40.00 USD per month" in plain(page.part("quotas"))
    assert UUID not in page.words
    assert f'title="{UUID} · user harbor-dev"' in page.body, "the whole of it can be had"


# --- The period in the address ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "days", "by", "before"),
    [
        ("", 30, "day", None),
        ("days=7&by=model&before=12", 7, "model", 12),
        ("days=8&by=key&before=x", 30, "day", None),
        ("days=-7&before=99999999999999999999", 30, "day", None),
        ("opened=yesterday,2026-1-1,<b>", 30, "day", None),
    ],
)
def test_what_the_address_says_wrongly_is_not_said(query: str, days: int, by: str, before: int | None) -> None:
    assert Choice.of(QueryDict(query).dict()) == Choice(days, by, before)


@given(st.sampled_from([7, 30, 90]), st.sampled_from(["day", "model"]), st.none() | st.integers(0, 10**17 - 1))
def test_a_choice_comes_back_from_its_own_address(days: int, by: str, before: int | None) -> None:
    choice = Choice(days, by, before, frozenset({"2026-11-20", "2026-11-21"}), whole=True)
    assert Choice.of(QueryDict(choice.query().removeprefix("?")).dict()) == choice


def test_a_period_holds_for_figures_chart_and_table(organization: Organization, client: Client) -> None:
    now = timezone.now()
    today = organization.local(now).date()
    credential = connected(organization, "deepseek", now)
    land_cost(credential, {today - DAY: [("2", "CNY")], today - 20 * DAY: [("5", "CNY")]}, now)
    url = reverse("credentials:account", args=[credential.account_id])
    month, week = (plain(client.get(url + query).content.decode()) for query in ("", "?days=7"))
    assert "Spend, last 30 days" in month
    assert "Spend, last 7 days" in week
    assert "¥5.00" in month
    assert "¥5.00" not in week
    assert re.search(r'href="\?days=7"[^>]*aria-current="true"', week)
    assert f'hx-get="{url}?days=7"' in week, "reading itself again keeps the period"


def test_days_beyond_a_week_open_and_the_chart_keeps_those_without_use(
    organization: Organization, client: Client
) -> None:
    now = timezone.now()
    today = organization.local(now).date()
    credential = connected(organization, "deepseek", now)
    land_cost(credential, {today - back * DAY: [(str(100 + back), "CNY")] for back in range(12)}, now)
    page = Page(client, credential)
    table = plain(page.part("usage")).split("Day Cost, CNY")[1]
    assert table.count("¥") == 7 + 1, "a week, and the sum of all"
    assert "5 more days Total, 30 days ¥1,266.00" in table
    chart = re.search(r'(?s)id="usage-chart-data"[^>]*>(.*?)<', page.body)
    assert chart
    assert len(json.loads(chart[1])["days"]) == 30
    whole = client.get(reverse("credentials:account", args=[credential.account_id]) + "?whole=1").content.decode()
    assert "more days" not in whole
    assert "¥111.00" in whole.split('id="usage"')[1]


def test_usage_is_summed_by_model(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "openai", now)
    day = organization.local(now).date()
    for model, unit, spend in (("big", "USD", "3"), ("small", "USD", "1"), ("big", "EUR", "7"), ("free", "", None)):
        for back in (0, 1):
            UsageDaily.objects.create(
                organization=organization,
                account=credential.account,
                day=day - back * DAY,
                model=model,
                unit=unit,
                input_tokens=1000,
                spend=None if spend is None else Decimal(spend),
                basis="unpriced" if spend is None else "billed",
            )
    usage = usage_by_day(account_id=credential.account_id, today=day)
    assert [row.name for row in usage.models][-1] == "free"
    assert usage.total.others | {usage.total.unit: usage.total.cost} == {"USD": Decimal(8), "EUR": Decimal(14)}
    url = reverse("credentials:account", args=[credential.account_id])
    part = re.search(
        r'(?s)<section class="panel" id="usage">.*?</section>', client.get(url + "?by=model").content.decode()
    )
    assert part
    words = plain(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", part[0])))
    assert "big" in words
    assert "not converted" in words
    assert "1 unpriced model" in words
    assert re.search(r"free .*? unpriced", words)


def test_amounts_of_other_units_are_never_added() -> None:
    total = UsageRow()
    for cost, unit in ((Decimal(1), "USD"), (Decimal(2), "EUR"), (Decimal(4), "USD"), (None, "")):
        total.take(UsageRow(cost=cost, unit=unit))
    both = UsageRow()
    both.take(total)
    assert (both.cost, both.unit, both.others) == (Decimal(5), "USD", {"EUR": Decimal(2)})


# --- Figures at the head ----------------------------------------------------------------------------------------


def test_a_month_is_compared_with_the_same_days_and_its_limit(organization: Organization, client: Client) -> None:
    now = timezone.now()
    today = organization.local(now).date()
    before = (today.replace(day=1) - DAY).replace(day=1)
    credential = connected(organization, "openai", now)
    land_cost(credential, {today: [("12.5", "USD")], before: [("10", "USD")]}, now)
    caps = [
        Quota(name="Tier cap", unit="USD", limit=Decimal(900), window="month"),
        Quota(name="Spend limit", unit="USD", limit=Decimal(50), window="month"),
        Quota(name="Spend limit", scope="one project", unit="USD", limit=Decimal(5), window="month"),
    ]
    quotas_land(place=place_of(credential), quotas=caps, per_key=False, now=now)
    page = Page(client, credential)
    assert "$10.00 USD by the same day last month" in plain(page.words)
    assert page.labels == ["This month so far", "Last month", "Monthly limit"]
    assert "Spend limit, 25 % of it is used" in plain(page.words)
    SpendDaily.objects.filter(day=before).update(span="month")
    page = Page(client, credential)
    assert "by the same day" not in page.words, "a sum for the whole month tells nothing of its days"


def test_the_last_top_up_and_the_end_of_a_gift_are_told(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    gift = Balance(
        name="Wallet", kind="prepaid", amount=Decimal(41), granted=Decimal(5), unit="CNY", expires_at=now + 9 * DAY
    )
    balances_land(place=place_of(credential), balances=[gift], now=now)
    BalanceEntry.objects.create(
        organization=organization,
        account=credential.account,
        kind=EntryKind.TOPUP,
        amount=Decimal(60),
        unit="CNY",
        at=now - 3 * DAY,
        created_at=now,
    )
    page = Page(client, credential)
    words = plain(page.words)
    assert "Last top-up" in page.labels
    assert "¥60.00 CNY" in words
    assert "typed in" in words
    assert "of it granted ¥5.00 CNY, ends" in words


def test_what_is_drawn_from_comes_before_what_rests(organization: Organization) -> None:
    """An allowance that nobody uses says nothing about when the account runs dry."""
    now = timezone.now()
    credential = connected(organization, "ollama", now)
    both = [Balance(name=name, kind="prepaid", amount=Decimal(20), unit="USD") for name in ("Allowance", "Credit")]
    balances_land(place=place_of(credential), balances=both, now=now)
    BalanceSeries.objects.filter(name="Allowance").update(runway_reason="no_burn")
    assert [row.name for row in primary_series(account_ids=[credential.account_id])] == ["Credit"]
    scope = Scope(organization_id=organization.pk, team_ids=None, balances=True)
    assert [row.name for row in soonest_dry(scope=scope, limit=5)] == ["Credit"]


# --- Streams, log, keys -----------------------------------------------------------------------------------------


def test_why_an_account_does_not_stand_well_is_said_at_its_head(organization: Organization, client: Client) -> None:
    credential = connected(organization, "deepseek", timezone.now())
    SyncStream.objects.filter(capability="balance").update(state=StreamState.FAILING, message="DeepSeek is down.")
    head = Page(client, credential).body.split('aria-label="Sections"')[0]
    assert 'class="note note-crit' in head
    assert "DeepSeek is down." in head


def test_a_refused_key_promises_nothing_and_leads_to_another(organization: Organization, client: Client) -> None:
    credential = connected(organization, "deepseek", timezone.now())
    SyncStream.objects.all().delete()
    ProviderCredential.objects.update(state=CredentialState.REFUSED, check_message="It is not known.")
    page = Page(client, credential)
    assert "first sync" not in page.words
    assert "Waits for a key that works." in page.part("streams")
    assert "Sync now" not in page.words, "there is nothing that could"
    primary = re.search(r'(?s)<a class="btn btn-sm btn-primary[^>]*href="([^"]+)">(.*?)</a>', page.body)
    assert primary
    assert "Replace the key" in primary[2]
    assert primary[1] == reverse("credentials:check", args=[credential.pk])


def test_what_was_never_read_says_when_it_will_be_also_on_a_phone(organization: Organization, client: Client) -> None:
    credential = connected(organization, "deepseek", timezone.now())
    SyncStream.objects.all().delete()
    table, phone = Page(client, credential).body.split('id="streams"')[1].split("</table>")[:2]
    assert "within a minute" in table
    assert "within a minute" in phone.split("</section>")[0]


def test_a_wallet_is_topped_up_first(organization: Organization, client: Client) -> None:
    credential = connected(organization, "deepseek", timezone.now())
    unread = re.findall(r'(?s)class="btn btn-sm btn-primary[^>]*>(.*?)</(?:a|button)>', Page(client, credential).body)
    assert ["Sync now" in one for one in unread] == [True], "nobody knows yet whether there is too little"
    SyncStream.objects.filter(credential=credential).update(last_success_at=timezone.now())
    primary = re.findall(r'(?s)class="btn btn-sm btn-primary[^>]*>(.*?)</(?:a|button)>', Page(client, credential).body)
    assert len(primary) == 1
    assert "Top up" in primary[0]


@pytest.mark.parametrize("language", ["en", "zh-hant"])
def test_what_a_key_is_called_by_its_field_is_not_said_twice(
    language: str, organization: Organization, client: Client
) -> None:
    credential = connected(organization, "mistral", timezone.now())
    ProviderCredential.objects.update(key_kind="admin_api_key", secret_hints={"admin_api_key": "abcd"})
    credential.refresh_from_db()
    with translation.override(language):
        [row] = credential_rows([credential], timezone.now())
        assert row["kind"] == ""
        credential.secret_hints = {}
        [row] = credential_rows([credential], timezone.now())
        assert row["kind"] == translation.gettext("Admin API key")


def test_a_run_opens_to_its_figures_and_the_log_turns_pages(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    stream = SyncStream.objects.get(capability="balance")
    for number in range(13):
        SyncRun.objects.create(
            organization=organization,
            stream=stream,
            provider_slug="deepseek",
            outcome=RunOutcome.OK,
            started_at=now - timedelta(seconds=2),
            finished_at=now,
            calls=700 + number,
            window_start=datetime(2026, 9, 1, tzinfo=UTC),
            window_end=datetime(2026, 10, 1, tzinfo=UTC),
        )
    page = Page(client, credential)
    log = page.part("runs")
    assert "712" in log
    assert "702" not in log
    assert "Tue 1 Sep to Thu 1 Oct" in plain(log)
    older = re.search(r'href="(\?before=\d+)#runs"', page.body)
    assert older
    url = reverse("credentials:account", args=[credential.account_id])
    rest = client.get(url + older[1]).content.decode()
    assert "702" in rest
    assert "Newest" in rest


def test_what_is_not_offered_comes_last_with_what_to_do(
    organization: Organization, client: Client, owner: User
) -> None:
    credential = connected(organization, "openai", timezone.now())
    url = reverse("usage:entry_add", args=[credential.account_id, "balance"])
    rows = re.findall(r'(?s)<tr id="stream-.*?</tr>', Page(client, credential).body)
    assert "Not offered" in rows[-1]
    assert url in rows[-1]
    Membership.objects.filter(user=owner).update(role=Role.VIEWER, sees_all=True)
    rows = re.findall(r'(?s)<tr id="stream-.*?</tr>', Page(client, credential).body)
    assert "Not offered" in rows[-1]
    assert url not in rows[-1], "who may not type anything in is not sent there"


def test_a_key_says_when_it_ends_and_can_be_rotated(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    ProviderCredential.objects.update(expires_on=date(now.year + 2, 3, 4))
    page = Page(client, credential)
    keys = page.body.split('id="credentials"')[1].split("</section>")[0]
    assert reverse("sync:rotate", args=[credential.pk]) in keys
    assert "expires" in keys
    assert "4\xa0Mar" in keys


def test_a_limit_without_a_share_has_no_pace(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "groq", now)
    told = Quota(
        name="Tokens", unit="tokens", percent_used=Decimal(50), window="5h", resets_at=now + timedelta(hours=2.5)
    )
    quotas_land(place=place_of(credential), quotas=[told], per_key=False, now=now)
    assert QuotaSeries.objects.count() == 1
    part = plain(Page(client, credential).part("quotas"))
    assert re.search(r"on pace for (99|100) %|full \w+ about", part)
