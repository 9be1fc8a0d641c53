"""What the overview says and leaves out, and how its panels share the page."""

import re
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dashboard.balances.services import balances_land, quotas_land
from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.organizations.models import Membership, Organization, Role, User
from dashboard.organizations.scope import Scope
from dashboard.overview.home.balances import shares
from dashboard.overview.home.dry import GHOSTS
from dashboard.overview.home.layout import LEAST, MOST, room_for_balances
from dashboard.overview.home.spend import SHOWN, spend_context
from dashboard.sync.models import StreamState, SyncStream
from dashboard.usage.models import SpendDaily
from providers.records import Balance, Quota
from tests.overview.test_pages import text_of
from tests.sync.driving import connected, place_of

pytestmark = pytest.mark.usefixtures("signed_in")

TODAY = date(2026, 11, 20)


def spent(organization: Organization, slug: str, day: date, amount: str, **more: Any) -> None:
    account, _made = ProviderAccount.objects.get_or_create(organization=organization, provider_slug=slug, label="Main")
    values: dict[str, Any] = {"span": "day", "unit": "USD", "provisional": False, "unpriced_models": 0} | more
    SpendDaily.objects.create(
        organization=organization, account=account, provider_slug=slug, day=day, spend=Decimal(amount), **values
    )


def spend(organization: Organization, today: date = TODAY) -> dict[str, Any]:
    return spend_context(organization, Scope(organization.pk), today)


def wallet(organization: Organization, slug: str, now: datetime, *, hourly: str = "0") -> ProviderAccount:
    """An account with 30 hours of readings that fall by so much an hour to 40."""
    credential = connected(organization, slug, now)
    place = place_of(credential)
    for hours in range(30, -1, -5):
        told = Balance(name="Wallet", kind="prepaid", amount=40 + hours * Decimal(hourly), unit="USD")
        balances_land(place=place, balances=[told], now=now - timedelta(hours=hours))
    SyncStream.objects.update(state=StreamState.FRESH, last_success_at=now, last_run_at=now)
    return credential.account


# --- Spend ------------------------------------------------------------------------------------------------------


def test_the_days_that_are_over_are_compared_with_the_same_days_of_the_month_before(organization: Organization) -> None:
    for day in (1, 19):
        spent(organization, "openai", date(2026, 10, day), "10")
        spent(organization, "openai", date(2026, 11, day), "11")
    spent(organization, "openai", date(2026, 10, 20), "500")  # today is not over
    spent(organization, "openai", date(2026, 10, 31), "500")
    spent(organization, "openai", TODAY, "3")
    told = spend(organization)
    assert told["total"] == Decimal(25), "the month before is in no sum"
    assert told["change"].direction == "up"
    assert told["change"].words.replace("\xa0", " ") == "Up 10 % on the same days in October, today left out"


@pytest.mark.parametrize(
    ("before", "now", "direction", "words"),
    [
        ("20", "15", "down", "Down 25 % on the same days in October, today left out"),
        ("1000", "1001", "same", "As much as on the same days in October, today left out"),
    ],
)
def test_the_comparison_says_where_it_goes(
    organization: Organization, before: str, now: str, direction: str, words: str
) -> None:
    spent(organization, "openai", date(2026, 10, 2), before)
    spent(organization, "openai", date(2026, 11, 2), now)
    change = spend(organization)["change"]
    assert change.direction == direction
    assert change.words.replace("\xa0", " ") == words


def test_sums_of_a_whole_month_are_not_compared(organization: Organization) -> None:
    for month in (10, 11):
        spent(organization, "openai", date(2026, month, 1), "10")
        spent(organization, "xai", date(2026, month, 1), str(month * 100), span="month")
    told = spend(organization)
    assert told["total"] == Decimal(1110)
    assert told["change"].words == "What is told by day: as much as on the same days in October, today left out"


def test_a_month_that_was_connected_in_its_middle_compares_with_nothing(organization: Organization) -> None:
    spent(organization, "openai", date(2026, 10, 9), "10")
    spent(organization, "openai", date(2026, 11, 9), "10")
    assert spend(organization)["change"] is None


def test_other_units_stand_beside_the_figure_and_never_in_it(organization: Organization) -> None:
    for day in (1, 2, 3):
        spent(organization, "openai", date(2026, 11, day), "10")
    spent(organization, "deepseek", date(2026, 11, 1), "70", unit="CNY")
    spent(organization, "moonshot", date(2026, 11, 1), "30", unit="CNY")
    told = spend(organization)
    assert (told["unit"], told["total"]) == ("USD", Decimal(30))
    (apart,) = told["apart"]
    assert (apart["unit"], apart["amount"]) == ("CNY", Decimal(100))
    assert [part["amount"] for part in apart["providers"]] == [Decimal(70), Decimal(30)]


@pytest.mark.parametrize(("providers", "shown"), [(SHOWN, SHOWN), (SHOWN + 1, SHOWN + 1), (SHOWN + 3, SHOWN)])
def test_those_who_took_most_have_a_line_and_the_others_one(
    organization: Organization, providers: int, shown: int
) -> None:
    slugs = ["openai", "anthropic", "xai", "mistral", "groq", "perplexity", "together", "deepinfra"][:providers]
    for position, slug in enumerate(slugs):
        spent(organization, slug, date(2026, 11, 3), str(100 - position))
    told = spend(organization)
    assert [part["amount"] for part in told["providers"]] == [Decimal(100 - one) for one in range(shown)]
    assert [part["amount"] for part in told["others"]] == [Decimal(100 - one) for one in range(shown, providers)]
    assert told["total"] == sum(part["amount"] for part in told["providers"]) + told["others_amount"]


# --- Accounts ---------------------------------------------------------------------------------------------------


def test_what_an_account_tells_instead_of_a_balance_is_said(organization: Organization, client: Client) -> None:
    now = timezone.now()
    place = place_of(connected(organization, "openai", now))
    cap = Quota(name="Spend limit", unit="USD", used=Decimal(9412), limit=Decimal(15000), window="month")
    quotas_land(place=place, quotas=[cap], per_key=False, now=now)
    told = text_of(client, "/")
    assert "Not offered" in told
    assert "Spend limit instead: $9,412.00 of $15,000.00 USD" in told.replace("\xa0", " ")


def test_what_one_key_may_use_stands_for_no_account(organization: Organization, client: Client) -> None:
    now = timezone.now()
    place = place_of(connected(organization, "openai", now))
    caps = [
        Quota(name="Spend limit", scope="one", unit="USD", used=Decimal(9), limit=Decimal(10), window="month"),
        Quota(name="Requests", unit="requests", used=Decimal(1), limit=Decimal(10), window="day"),
    ]
    quotas_land(place=place, quotas=caps, per_key=False, now=now)
    told = text_of(client, "/").replace("\xa0", " ")
    assert "Spend limit instead" not in told
    assert "Requests instead: 1 of 10 requests per day" in told
    User.objects.update(language="zh-hant")
    assert "」：每日 1／10 請求" in text_of(client, "/").replace("\xa0", " ")


def test_the_list_of_balances_says_of_how_many_accounts_it_is(organization: Organization, client: Client) -> None:
    for slug in ("deepseek", "moonshot"):
        wallet(organization, slug, timezone.now())
    assert "All 2 accounts" in text_of(client, "/")


def test_a_quota_that_is_used_up_needs_somebody_until_it_begins_anew(
    organization: Organization, client: Client
) -> None:
    now = timezone.now()
    place = place_of(connected(organization, "openai", now))

    def told(used: int, resets_at: datetime) -> str:
        cap = Quota(name="Cap", unit="USD", used=Decimal(used), limit=Decimal(15), window="7d", resets_at=resets_at)
        quotas_land(place=place, quotas=[cap], per_key=False, now=now)
        return text_of(client, "/")

    soon = now + timedelta(hours=30)
    assert "A quota of OpenAI" not in told(13, soon)
    assert "A quota of OpenAI is at 93 % Cap, resets" in told(14, soon).replace("\xa0", " ")
    marks = re.findall(r"text-(crit|warn)-mark", client.get("/").content.decode().split('id="attention"')[1])
    assert marks[0] == "crit", "as red as its bar"
    page = told(15, soon)
    assert "The quota of OpenAI is used up Cap, resets" in page
    assert "Nothing needs you" not in page
    assert "is used up" not in told(15, now - timedelta(hours=1)), "it has begun anew since it was read"


def test_a_label_that_all_have_is_left_out(organization: Organization, client: Client) -> None:
    now = timezone.now()
    wallet(organization, "deepseek", now)
    wallet(organization, "moonshot", now)
    ProviderAccount.objects.update(label="Production")
    assert "Production" not in text_of(client, "/")
    ProviderAccount.objects.filter(provider_slug="moonshot").update(label="Batch")
    told = text_of(client, "/")
    assert "Production" in told
    assert "Batch" in told


def test_two_accounts_of_one_provider_keep_their_labels(organization: Organization, client: Client) -> None:
    now = timezone.now()
    wallet(organization, "moonshot", now)
    for label in ("Production", "Staging"):
        ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label=label)
    ProviderAccount.objects.filter(provider_slug="moonshot").update(label="Production")
    told = text_of(client, "/")
    assert "Production" in told
    assert "Staging" in told


@pytest.mark.parametrize(("per_hour", "id_of_first"), [("0.2", "runs_dry"), ("0", "balances")])
def test_runways_lead_the_page_where_there_are_any(
    organization: Organization, client: Client, per_hour: str, id_of_first: str
) -> None:
    wallet(organization, "deepseek", timezone.now(), hourly=per_hour)
    page = client.get("/").content.decode()
    panels = re.findall(r'<section class="panel[^"]*" id="(\w+)"', page)
    assert panels[0] == id_of_first
    assert sorted(panels) == ["balances", "quotas", "runs_dry", "spend", "sync_health"]


def test_two_windows_of_one_length_are_told_apart_by_their_names(organization: Organization, client: Client) -> None:
    now = timezone.now()
    place = place_of(connected(organization, "deepseek", now))

    def land(*windows: str) -> str:
        caps = [
            Quota(name=f"Cap {one}", unit="USD", used=Decimal(9 - one), limit=Decimal(10), window=window)
            for one, window in enumerate(windows)
        ]
        quotas_land(place=place, quotas=caps, per_key=False, now=now)
        return text_of(client, "/")

    told = land("month", "month")
    assert "Cap 0" in told
    assert "Cap 1" in told
    assert "Monthly" not in told
    told = land("month", "7d")
    assert "Monthly, Cap 0" in told
    assert "7 days, Cap 1" in told


# --- Trouble ----------------------------------------------------------------------------------------------------


def test_what_one_key_cannot_read_is_told_once(organization: Organization, client: Client) -> None:
    wallet(organization, "openrouter", timezone.now())
    SyncStream.objects.filter(capability__in=("balance", "usage")).update(
        state=StreamState.FAILING, message="The provider does not answer."
    )
    told = text_of(client, "/")
    assert "2 streams of OpenRouter keep failing" in told
    assert told.count("The provider does not answer.") == 1 + told.count("Failing The provider")
    ProviderCredential.objects.update(state=CredentialState.REFUSED, check_message="It is not known.")
    told = text_of(client, "/")
    assert "OpenRouter refused the key" in told
    assert "keep failing" not in told


def test_a_panel_that_could_not_be_read_says_so_and_the_others_stand(
    organization: Organization, client: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wallet(organization, "deepseek", timezone.now(), hourly="2")

    def fail(**_: object) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    for name in (
        "home.spend.spend_of_month",
        "home.page.quotas_telling",
        "home.attention.attention",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(f"dashboard.overview.{name}", fail)
            told = text_of(client, "/")
        assert told.count("This part could not be read") == 1, name
        assert "$40.00" in told
        assert "Runs dry next" in told
    assert "statement timeout" in caplog.text, "whoever runs Purser finds out"
    assert "could not be read" not in text_of(client, "/")


def test_while_the_first_figures_come_the_panels_wait_at_their_height(
    organization: Organization, client: Client
) -> None:
    now = timezone.now()
    connected(organization, "deepseek", now)
    page = client.get("/").content.decode()
    assert 'hx-trigger="every 5s"' in page
    assert "The first figures are on their way" in page
    assert page.count('class="skel') > 20
    assert "No reading yet" in page, "also for those who do not see the bars"
    # Who still waits after that waits for something else: the page says what it knows.
    ProviderCredential.objects.update(created_at=now - timedelta(minutes=11))
    page = client.get("/").content.decode().split('id="overview"')[1].split("</main>")[0]
    assert 'hx-trigger="every 30s"' in page
    assert "skel" not in page
    assert "No spend is known yet" in page


def test_runways_that_come_one_by_one_move_nothing(organization: Organization, client: Client) -> None:
    now = timezone.now()
    connected(organization, "deepseek", now)
    assert client.get("/").content.decode().count('class="hz hz-row') == GHOSTS
    wallet(organization, "moonshot", now, hourly="2")
    SyncStream.objects.filter(credential__account__provider_slug="deepseek").update(state=StreamState.WAITING)
    page = client.get("/").content.decode()
    assert 'hx-trigger="every 5s"' in page
    assert "Moonshot" in page
    assert page.count('class="hz hz-row') == GHOSTS, "the first has taken the place of a line that waited"


def test_providers_in_trouble_stand_before_the_fold(organization: Organization, client: Client) -> None:
    now = timezone.now()
    wallet(organization, "deepseek", now)
    wallet(organization, "moonshot", now)
    SyncStream.objects.filter(credential__account__provider_slug="moonshot").update(state=StreamState.FAILING)
    page = client.get("/").content.decode()
    open_part, folded = page.split('id="sync_health"')[1].split("<details", 1)
    assert "Moonshot" in open_part
    assert "Failing" in open_part
    assert "DeepSeek" not in open_part
    assert "DeepSeek" in folded.split("</details>")[0]


def test_somebody_without_balances_sees_what_was_spent_in_place_of_wallets(organization: Organization) -> None:
    user = User.objects.create_user("viewer@harbor.example")
    Membership.objects.create(organization=organization, user=user, role=Role.VIEWER, sees_all=True)
    now = timezone.now()
    account = wallet(organization, "deepseek", now, hourly="2")
    SpendDaily.objects.create(
        organization=organization,
        account=account,
        provider_slug="deepseek",
        day=organization.local(now).date(),
        span="day",
        unit="CNY",
        spend=Decimal("7.5"),
        provisional=False,
        unpriced_models=0,
    )
    client = Client()
    client.force_login(user)
    told = text_of(client, reverse("overview:overview"))
    assert "¥7.50" in told
    assert "Balances are not shared with you." in told
    for hidden in ("Runs dry next", "Quota windows", "$40.00"):
        assert hidden not in told


# --- Layout -----------------------------------------------------------------------------------------------------


@given(told=st.integers(0, 40), absent=st.integers(0, 40), room=st.integers(LEAST, MOST))
def test_both_kinds_of_accounts_have_their_share_of_the_room(told: int, absent: int, room: int) -> None:
    wallets, apart = shares(told, absent, room)
    assert wallets + apart == min(room, told + absent), "no row stays empty while there is something to show"
    assert apart >= min(absent, room // 3)
    assert 0 <= wallets <= told


def contents(providers: int, apart: int, windows: list[int]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    spend = {"providers": [0] * providers, "others": [], "apart": [0] * apart, "pace": object()}
    return spend, [{"windows": [0] * count} for count in windows]


@given(st.integers(1, 8), st.integers(0, 4), st.lists(st.integers(1, 2), max_size=4), st.integers(0, 8))
def test_the_longer_the_narrow_column_the_more_balances(
    providers: int, apart: int, windows: list[int], dry: int
) -> None:
    spend, quotas = contents(providers, apart, windows)
    room = room_for_balances(spend, quotas, dry)
    assert LEAST <= room <= MOST
    longer, _ = contents(providers + 2, apart, windows)
    assert room_for_balances(longer, quotas, dry) >= room
    assert room_for_balances(spend, quotas, dry + 1) <= room or dry == 0
