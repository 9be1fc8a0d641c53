"""A page fits its account: what a wallet, a bill, a subscription and one's own server show, and what they do not."""

import html
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from dashboard.balances.models import BalanceEntry, EntryKind, QuotaSeries
from dashboard.balances.selectors import has_reset, pace_words, quota_meter
from dashboard.balances.services import balances_land, quotas_land
from dashboard.credentials.models import ProviderCredential
from dashboard.organizations.models import Membership, Organization, Role, User
from dashboard.overview.account.kinds import account_kind, in_order_of_reset, plan_cells, sections
from dashboard.sync.models import StreamState, SyncStream
from dashboard.sync.selectors import Health
from dashboard.usage.models import UsageDaily
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.selectors import spend_by_month
from dashboard.usage.services import cost_land
from providers.records import Balance, CostBucket, Quota
from providers.registry import PROVIDERS
from providers.spec import Account, Endpoint
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import KEYS, connected, place_of, run_all

pytestmark = pytest.mark.usefixtures("signed_in")

DAY = timedelta(days=1)
MONEY = re.compile(r"[$¥€£]\s?\d|\d\s?(?:USD|CNY|EUR)\b")


def declared(slug: str, values: dict[str, str]) -> Account:
    secrets = {field.name for field in PROVIDERS[slug].fields if field.secret}
    return Account(
        settings={name: value for name, value in values.items() if name not in secrets},
        secrets=frozenset(secrets & set(values)),
    )


def offered(slug: str, *absent: str) -> frozenset[str]:
    """What a provider tells, without what this account was found to lack."""
    told = {name for name, endpoint in PROVIDERS[slug].capabilities.items() if isinstance(endpoint, Endpoint)}
    return frozenset(told - set(absent))


# --- Which kind -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slug", "kind"),
    [
        ("deepseek", "wallet"),
        ("openrouter", "wallet"),
        ("bedrock-litellm", "wallet"),
        ("openai", "bill"),
        ("anthropic", "bill"),
        ("vertex-ai", "bill"),
        ("gemini", "bill"),
        ("claude-subscription", "subscription"),
        ("chatgpt-codex", "subscription"),
        ("github-copilot", "subscription"),
        ("gitlab-duo", "subscription"),
        ("lmstudio", "server"),
        ("vllm", "server"),
    ],
)
def test_each_provider_sells_what_it_sells(slug: str, kind: str) -> None:
    assert account_kind(PROVIDERS[slug], [declared(slug, KEYS[slug])], offered(slug)) == kind


def test_one_provider_may_be_two_kinds() -> None:
    ollama, local = PROVIDERS["ollama"], {"profile": "local", "base_url": "http://ollama.internal:11434"}
    assert account_kind(ollama, [declared("ollama", KEYS["ollama"])], offered("ollama")) == "wallet"
    assert account_kind(ollama, [declared("ollama", local)], offered("ollama")) == "server"
    behind_a_key = declared("ollama", {**local, "api_key": "x"})
    lacks = offered("ollama", "balance", "quota", "usage")
    assert account_kind(ollama, [behind_a_key], lacks) == "server"
    minimax = [declared("minimax", KEYS["minimax"])]
    assert account_kind(PROVIDERS["minimax"], minimax, offered("minimax")) == "wallet"
    assert account_kind(PROVIDERS["minimax"], minimax, offered("minimax", "balance")) == "subscription"
    assert account_kind(PROVIDERS["minimax"], minimax, offered("minimax", "balance", "quota")) == "wallet"


@pytest.mark.parametrize("slug", sorted(PROVIDERS))
def test_an_account_without_a_key_has_a_kind(slug: str) -> None:
    assert account_kind(PROVIDERS[slug], [], offered(slug)) in ("wallet", "bill", "subscription")


@pytest.mark.parametrize("kind", ["wallet", "bill", "subscription", "server"])
def test_every_part_has_a_name_of_its_own(kind: str) -> None:
    every = dict.fromkeys(("balance", "bill", "quotas", "usage", "entries", "load"), True)
    parts = sections(kind, **every)  # type: ignore[arg-type]
    assert len({part["id"] for part in parts}) == len({part["words"] for part in parts}) == len(parts)
    assert [part["id"] for part in parts][-4:] == ["streams", "runs", "credentials", "entries"]
    none = dict.fromkeys(every, False)
    assert not {part["id"] for part in sections(kind, **none)} & set(none)  # type: ignore[arg-type]


# --- Windows ----------------------------------------------------------------------------------------------------


NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)


def window(
    name: str, percent: str | None, length: str = "5h", resets: timedelta | None = None, **more: Any
) -> QuotaSeries:
    return QuotaSeries(
        name=name,
        window=length,
        unit=more.pop("unit", "percent"),
        percent_used=None if percent is None else Decimal(percent),
        resets_at=None if resets is None else NOW + resets,
        at=NOW,
        fresh_for_seconds=900,
        **more,
    )


def test_what_starts_anew_comes_first_and_short_before_long() -> None:
    rows = [
        window("Seats", "60", "", unit="seats"),
        window("Month", "90", "month", 9 * DAY),
        window("Week, one model", "83", "7d", 4 * DAY),
        window("Week", "44", "7d", 4 * DAY),
        window("Credits", None, "month", 9 * DAY, unit="credits", used=Decimal(7)),
        window("5 h", "1", "5h", timedelta(hours=2)),
    ]
    names = [one.name for one in in_order_of_reset(rows)]
    assert names == ["5 h", "Week, one model", "Week", "Month", "Credits", "Seats"]


def test_a_placeholder_is_neither_empty_nor_full() -> None:
    """A seat that its organization manages has no limit of its own; what it used is told in numbers."""
    managed = window("premium_interactions", None, "month", 9 * DAY, unit="requests", used=Decimal("12.5"))
    empty, full = window("Empty", "0"), window("Full", "100")
    ceiling = window("Cap", None, "month", unit="USD", limit=Decimal(50))
    cells = {cell["name"]: cell for cell in plan_cells([managed, empty, full, ceiling], NOW)}
    assert set(cells) == {"Premium interactions", "Empty", "Full"}
    assert cells["Premium interactions"]["percent"] is None
    assert cells["Premium interactions"]["meter"] is None
    assert cells["Premium interactions"]["no_limit_words"] == "no limit told"
    assert (cells["Empty"]["percent"], cells["Full"]["percent"]) == (0, 100)


def test_the_head_holds_the_first_four_that_tell_anything() -> None:
    seats = window("Seats", None, "", unit="seats", used=Decimal(12))
    windows = [window(f"W{number}", "5") for number in range(5)]
    ceiling = window("Cap", None, limit=Decimal(50))
    heads = [plan_cells(in_order_of_reset(rows), NOW) for rows in ([seats, *windows], [ceiling, seats, *windows[:2]])]
    assert [[cell["name"] for cell in cells] for cells in heads] == [["W0", "W1", "W2", "W3"], ["W0", "W1", "Seats"]]
    assert plan_cells([seats], NOW)[0]["no_limit_words"] == ""


@pytest.mark.parametrize(
    ("percent", "left", "words"),
    [
        ("40", timedelta(hours=2.5), "on pace for 80 %"),
        ("80", timedelta(hours=2.5), "full Fri about 15:09"),
        ("0", timedelta(hours=2.5), ""),
        ("100", timedelta(hours=2.5), ""),
        ("9", timedelta(hours=4.8), ""),
        ("50", timedelta(0), ""),
        ("50", -DAY, ""),
    ],
)
def test_the_pace_says_where_a_window_ends(percent: str, left: timedelta, words: str) -> None:
    assert pace_words(window("W", percent, "5h", left), NOW).replace("\xa0", " ") == words


def test_no_pace_without_a_length_or_a_reset() -> None:
    assert pace_words(window("W", "50", "300s", timedelta(hours=2)), NOW) == ""
    assert pace_words(window("W", "50", "5h"), NOW) == ""
    assert pace_words(window("W", None, "5h", timedelta(hours=2)), NOW) == ""


@given(share=st.decimals(0, 250, places=2), minutes=st.integers(-400, 400))
def test_a_pace_is_told_of_windows_that_run_alone(share: Decimal, minutes: int) -> None:
    words = pace_words(window("W", str(share), "5h", timedelta(minutes=minutes)), NOW)
    running = 0 < minutes <= 270 and 0 < share < 100
    assert bool(words) == running


# --- Months -----------------------------------------------------------------------------------------------------


def land_cost(credential: ProviderCredential, costs: dict[date, list[tuple[str, str]]], now: datetime) -> None:
    buckets = [
        CostBucket(
            start=datetime(day.year, day.month, day.day, tzinfo=UTC),
            end=datetime(day.year, day.month, day.day, tzinfo=UTC) + DAY,
            amount=Decimal(amount),
            unit=unit,
            final=True,
        )
        for day, told in costs.items()
        for amount, unit in told
    ]
    partitions_ensure(table="usage_costrecord", starts=[bucket.start for bucket in buckets], now=now)
    cost_land(account_id=credential.account_id, buckets=buckets, complete=None)


def test_months_are_sums_by_unit_newest_first(organization: Organization) -> None:
    today = date(2026, 11, 20)
    credential = connected(organization, "openai", NOW)
    days = {
        date(2026, 11, 20): [("1.25", "USD")],
        date(2026, 11, 1): [("0.75", "USD"), ("3", "EUR")],
        date(2026, 10, 31): [("-2", "USD")],
        date(2026, 6, 1): [("7", "USD")],
        date(2026, 5, 31): [("99", "USD")],
    }
    land_cost(credential, days, NOW)
    months = spend_by_month(account_id=credential.account_id, today=today)
    assert [(one.month, one.amounts) for one in months] == [
        (date(2026, 11, 1), {"EUR": Decimal(3), "USD": Decimal(2)}),
        (date(2026, 10, 1), {"USD": Decimal(-2)}),
        (date(2026, 6, 1), {"USD": Decimal(7)}),
    ]


# --- Pages ------------------------------------------------------------------------------------------------------


class Page:
    """An account's page, and the text of its parts."""

    def __init__(self, client: Client, credential: ProviderCredential) -> None:
        response = client.get(reverse("credentials:account", args=[credential.account_id]))
        assert response.status_code == 200
        self.body = response.content.decode()

    def text(self, body: str) -> str:
        plain = re.sub(r"(?s)<(script|style|svg|template)\b.*?</\1>|<[^>]+>", " ", body)
        return re.sub(r"\s+", " ", html.unescape(plain)).replace(" ,", ",").strip()

    @property
    def words(self) -> str:
        return self.text(self.body)

    @property
    def tabs(self) -> list[str]:
        return re.findall(r'<a href="#(\w+)">', self.body.split('aria-label="Sections"')[1].split("</nav>")[0])

    @property
    def labels(self) -> list[str]:
        """The labels of the figures at the head."""
        found = re.search(r'(?s)<dl class="bezel.*?</dl>', self.body)
        return [self.text(one) for one in re.findall(r"(?s)<dt class=\"cap.*?</dt>", found[0])] if found else []

    def part(self, name: str) -> str:
        """The text of one part; "" where the page has none."""
        found = re.search(rf'(?s)<section class="panel" id="{name}">(.*?)</section>', self.body)
        return self.text(found[1]) if found else ""


def test_a_wallet_shows_its_balance_and_no_bill(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "deepseek", now)
    wallet = Balance(name="Wallet", kind="prepaid", amount=Decimal("41.50"), unit="CNY")
    balances_land(place=place_of(credential), balances=[wallet], now=now)
    page = Page(client, credential)
    assert page.tabs == ["balance", "streams", "runs", "credentials", "entries"], "what it does not tell is no part"
    assert page.labels[:2] == ["Balance", "Runway"]
    quota = PROVIDERS["deepseek"].endpoint("quota")
    assert not isinstance(quota, Endpoint)
    assert quota.reason in page.part("streams"), "why there are no limits"
    assert "¥41.50 CNY" in page.words
    assert not page.part("bill")


def test_a_bill_shows_months_and_the_last_invoice_and_no_balance(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "openai", now)
    today = organization.local(now).date()
    before = today.replace(day=1) - DAY
    land_cost(credential, {today: [("12.5", "USD")], before: [("80", "USD")]}, now)
    for day, amount in ((before - 40 * DAY, "70"), (before, "81.20")):
        BalanceEntry.objects.create(
            organization=organization,
            account=credential.account,
            kind=EntryKind.INVOICE,
            amount=Decimal(amount),
            unit="USD",
            at=now,
            first_day=day.replace(day=1),
            last_day=day,
            created_at=now,
        )
    page = Page(client, credential)
    assert page.tabs == ["bill", "usage", "quotas", "streams", "runs", "credentials", "entries"]
    assert page.labels == ["This month so far", "Last month", "Last invoice"], (
        "requests are not told, so none are shown"
    )
    for shown in ("$12.50 USD", "$80.00 USD", "$81.20 USD"):
        assert shown in page.words
    head = re.search(r'(?s)<dl class="bezel.*?</dl>', page.body)
    assert head
    assert "$70.00" not in head[0], "an invoice before the last one"
    assert "so far" in page.part("bill")
    balance = PROVIDERS["openai"].endpoint("balance")
    assert not isinstance(balance, Endpoint)
    assert balance.reason in page.part("bill"), "why there is no balance"
    assert 'id="balance"' not in page.body


def test_a_bill_of_which_nothing_is_told_says_so(organization: Organization, client: Client) -> None:
    page = Page(client, connected(organization, "gemini", timezone.now()))
    balance = PROVIDERS["gemini"].endpoint("balance")
    assert not isinstance(balance, Endpoint)
    assert "tells no money of this account" in page.words
    assert balance.reason in page.words.split("What Purser reads here")[0], "at the head, not among the streams alone"
    assert "Type a balance in" in page.words
    assert "bill" not in page.tabs
    assert page.labels == []
    assert not MONEY.search(page.words)
    waiting = Page(client, connected(organization, "openai", timezone.now()))
    assert "No cost yet" in waiting.part("bill")


def test_invoices_are_for_those_who_see_balances(organization: Organization) -> None:
    now = timezone.now()
    credential = connected(organization, "openai", now)
    BalanceEntry.objects.create(
        organization=organization,
        account=credential.account,
        kind=EntryKind.INVOICE,
        amount=Decimal("81.20"),
        unit="USD",
        at=now,
        created_at=now,
    )
    viewer = User.objects.create_user("vic@harbor.example", name="Vic")
    Membership.objects.create(organization=organization, user=viewer, role=Role.VIEWER, sees_all=True)
    client = Client()
    client.force_login(viewer)
    page = Page(client, credential)
    assert "81.20" not in page.words
    assert page.tabs == ["bill", "usage", "streams", "runs", "credentials"]
    assert "not shared with you" in page.words


def test_a_subscription_shows_its_windows_and_no_balance(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "claude-subscription", now)
    told = [
        Quota(name="Seats", unit="seats", used=Decimal(12)),
        Quota(name="Weekly", unit="percent", percent_used=Decimal(44), window="7d", resets_at=now + 4 * DAY),
        Quota(name="5 h window", unit="percent", percent_used=Decimal(71), window="5h", resets_at=now + DAY / 12),
        Quota(name="Premium requests", unit="requests", used=Decimal("7.5"), window="month", resets_at=now + 9 * DAY),
    ]
    quotas_land(place=place_of(credential), quotas=told, per_key=False, now=now)
    page = Page(client, credential)
    assert page.tabs == ["quotas", "usage", "streams", "runs", "credentials", "entries"]
    assert page.labels == ["5 h window", "Weekly", "Premium requests", "Seats"]
    head = page.text(re.search(r'(?s)<dl class="bezel.*?</dl>', page.body)[0])  # type: ignore[index]
    assert "71 % used" in head.replace("\xa0", " ")
    assert head.count("Resets") == 3
    assert "7.5 requests" in head
    assert "no limit told" in head
    assert "12 seats" in head
    assert "0 %" not in head.replace("\xa0", " ")
    assert 'id="balance"' not in page.body
    assert "Balance" not in page.labels
    assert "Runway" not in page.words
    assert page.part("quotas").startswith("Windows")


def test_rate_limits_are_a_reading_of_a_moment(
    organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    """A minute that is over warns of nothing, however full it was."""
    read_at = simulator.now = timezone.now() - timedelta(minutes=9)
    credential = connected(organization, "groq", read_at)
    run_all(read_at)
    stream = SyncStream.objects.get(credential=credential, capability="quota")
    assert stream.state == StreamState.FRESH
    QuotaSeries.objects.filter(unit="tokens").update(percent_used=Decimal(98))
    part = Page(client, credential).part("quotas").replace("\xa0", " ")
    assert part.startswith("Limits")
    assert part.count("read 9 min ago, reset since") == 1
    assert "Token rate limit" in part
    tokens = QuotaSeries.objects.get(unit="tokens")
    meter, then = quota_meter(tokens, timezone.now()), quota_meter(tokens, read_at)
    assert meter is not None
    assert then is not None
    assert (meter.severity, then.severity) == ("", "crit")
    assert not has_reset(QuotaSeries(window="", at=read_at), timezone.now()), "a window that is not told may be any"


@pytest.mark.parametrize("slug", ["groq", "cerebras", "together", "mistral"])
def test_where_no_rate_limits_are_told_the_page_says_what_to_do(
    slug: str, organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    now = simulator.now = timezone.now()
    field = "inference_key" if slug == "mistral" else "api_key"
    credential = connected(organization, slug, now, **{field: KEYS[slug][field].replace("sim-", "quiet-sim-")})
    run_all(now)
    stream = SyncStream.objects.get(credential=credential, capability="quota")
    assert (stream.state, stream.failures) == (StreamState.NOT_AVAILABLE, 1)
    assert not QuotaSeries.objects.exists()
    part = Page(client, credential).part("quotas")
    assert "Not available" in part
    assert "paid calls only, which Purser never makes" in part
    assert "0 %" not in part
    assert Health(slug=slug, states={stream.state: 1}, first_at=now).fresh == 1, "no alarm"


def test_credits_beside_a_plan_are_called_so(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "chatgpt-codex", now)
    bought = Balance(name="Credits", kind="prepaid", amount=Decimal(120), unit="credits")
    balances_land(place=place_of(credential), balances=[bought], now=now)
    page = Page(client, credential)
    assert "balance" in page.tabs
    assert page.labels[0] == "Credits"
    assert page.tabs.index("quotas") < page.tabs.index("balance"), "what the plan holds comes first"
    assert "Balance" not in page.labels
    assert not re.search(r"<h2[^>]*>Balance</h2>", page.body)


def test_a_server_shows_its_models_and_no_money(
    organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "lmstudio", now)
    run_all(now)
    page = Page(client, credential)
    assert page.tabs == ["load", "streams", "runs", "credentials"]
    assert page.labels == ["Server", "Address", "Models"]
    assert re.search(r"Server\s+Up\s+answered", page.words)
    listed = list(credential.account.offered_models.values_list("model_id", flat=True))
    assert listed
    assert all(name in page.part("models") for name in listed)
    assert not MONEY.search(page.words)
    for word in ("Cost per", "Spend, ", "Runway", "unpriced", "No reading yet", "Open at the provider"):
        assert word not in page.words
    assert 'id="balance"' not in page.body


def test_a_server_that_counts_shows_use_without_a_column_of_costs(
    organization: Organization, client: Client, simulator: SimulatedWire
) -> None:
    now = simulator.now = timezone.now()
    credential = connected(organization, "vllm", now)
    for hours in (0, 1, 2):
        simulator.now = now + timedelta(hours=hours)
        SyncStream.objects.update(next_run_at=simulator.now, lease_until=None)
        run_all(simulator.now)
    page = Page(client, credential)
    assert page.tabs == ["load", "usage", "streams", "runs", "credentials"]
    assert "Requests, last 30 days" in page.labels
    head = page.part("usage").split("Total")[0]
    assert "Input" in head
    assert "Cost" not in head
    assert "unpriced" not in page.part("usage")
    assert not MONEY.search(page.words)


def test_a_server_that_is_off_says_since_when(organization: Organization, client: Client) -> None:
    now = timezone.now()
    credential = connected(organization, "lmstudio", now)
    SyncStream.objects.update(state=StreamState.OFFLINE, offline_since=now - timedelta(hours=3))
    page = Page(client, credential)
    assert re.search(r"Server\s+Offline\s+since", page.words)
    assert "No model yet" in page.part("models")
    assert "Up" not in page.labels


def test_a_servers_address_shows_no_name_and_no_password(organization: Organization, client: Client) -> None:
    credential = connected(organization, "lmstudio", timezone.now())
    credential.settings = {"base_url": "http://somebody:hunter2@ws-12.internal:1234/v1?token=hunter3"}
    credential.save()
    page = Page(client, credential)
    assert "ws-12.internal:1234" in page.words
    assert "hunter" not in page.body


# --- Where figures come from ------------------------------------------------------------------------------------


def test_estimates_and_days_that_may_change_are_said(organization: Organization, client: Client) -> None:
    now = timezone.now()
    today = organization.local(now).date()
    credential = connected(organization, "claude-subscription", now)
    assert "may still change" not in Page(client, credential).part("usage"), "nothing is there that could"
    land_cost(credential, {today: [("3", "USD")]}, now)
    told = Page(client, credential).part("usage")
    usage = credential.provider.endpoint("usage")
    assert isinstance(usage, Endpoint)
    assert usage.estimated
    assert usage.estimated in told
    assert "may still change" not in told, "the only day is final"
    UsageDaily.objects.update(provisional=True)
    told = Page(client, credential).part("usage")
    assert re.search(rf"Days from \w+\s{today.day}\s{today:%b} on may still change", told), "as its row is marked"
