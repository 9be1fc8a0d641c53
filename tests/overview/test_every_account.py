"""The account of every simulated provider, read and shown: on each page, and on the spend page to the last decimal of
what the provider charged."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from dashboard.core.languages.numbers import is_currency
from dashboard.core.period import earliest
from dashboard.organizations.models import Organization, User
from dashboard.organizations.scope import Scope
from dashboard.sync.models import SyncStream
from dashboard.usage.explorer.page import explorer_context
from dashboard.usage.models import UsageDaily
from providers.registry import PROVIDERS
from providers.simulator.world import SimAccount
from tests.overview.test_pages import every_page
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import KEYS, account_of, connected, run_all

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
# What tells of money in the account's unit day by day or, `MONTHS`, in sums of a month.
MONTHS = ("deepinfra",)
SPENT = (
    "anthropic", "azure-openai", "bedrock-litellm", "chatgpt-codex", "claude-subscription", "deepinfra",
    "github-copilot", "gitlab-duo", "metachat", "mistral", "openai", "openrouter", "qwen", "together",
    "vertex-ai", "xai",
)  # fmt: skip
# Their balance is all that they tell of money.
FALLEN = ("deepseek", "minimax", "moonshot", "ollama", "zhipu-glm")
# They tell of no money.
SILENT = ("cerebras", "gemini", "groq", "lmstudio", "perplexity", "vllm")
# Days that are not those of UTC, and what is told late.
EAST = {"qwen": 8 * HOUR}
LATE = {"claude-subscription": 4 * HOUR}
WHOLE_DAYS = ("together",)


def spend_page(organization: Organization, slug: str, unit: str, first: date, last: date) -> Decimal:
    """What the page says of that provider's account, what is only estimated left out."""
    own = "" if is_currency(unit) else f"@{slug}"
    query = QueryDict(f"provider={slug}&from={first}&to={last}&unit={unit}{own}")
    scope = Scope(organization.pk)
    page = explorer_context(organization=organization, scope=scope, query=query, today=last, every_row=True)
    assert page["unit"] == unit
    return Decimal(page["total"] or 0) - Decimal(page["estimated"] or 0)


def charged(account: SimAccount, since: datetime, until: datetime) -> Decimal:
    return sum((one.cost for one in account.charges(since, until)), Decimal(0))


def first_told(slug: str, unit: str, today: date) -> date:
    """The first day that is told whole, of those that the page can be asked for."""
    told = UsageDaily.objects.filter(account__provider_slug=slug, unit=unit, spend__isnull=False).earliest("day").day
    whole = (told.replace(day=1) + 32 * DAY).replace(day=1) if slug in MONTHS else told + DAY
    return max(whole, earliest(today))


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def test_each_provider_is_of_one_kind() -> None:
    assert sorted([*SPENT, *FALLEN, *SILENT]) == sorted(PROVIDERS)


def test_every_simulated_account_is_told_everywhere_and_to_the_last_decimal(
    organization: Organization, owner: User, client: Client, simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = simulator.now
    monkeypatch.setattr("django.utils.timezone.now", lambda: simulator.now)
    Organization.objects.update(reporting_zone="UTC")
    organization.refresh_from_db()
    for slug in KEYS:
        connected(organization, slug, now)
    run_all(now)
    client.force_login(owner)
    overview = every_page(client, organization)[reverse("overview:overview")]
    for provider in PROVIDERS.values():
        assert provider.name in overview
    for unit in ("USD", "CNY", "API points"):
        assert unit in overview
    assert "not converted" in overview, "units are kept apart"

    for slug in SPENT:
        account, unit = account_of(simulator, slug), account_of(simulator, slug).profile.unit
        first, east = first_told(slug, unit, now.date()), EAST.get(slug, timedelta(0))
        until = now - LATE.get(slug, timedelta(0))
        if slug in WHOLE_DAYS:
            until = until.replace(hour=0, minute=0)
        told = spend_page(organization, slug, unit, first, now.date())
        assert told == charged(account, midnight(first) - east, until) > 0, slug

    for hours in (7, 19):
        simulator.now = now + hours * HOUR
        SyncStream.objects.filter(capability="balance").update(next_run_at=simulator.now, lease_until=None)
        run_all(simulator.now)
    for slug in FALLEN:
        account, unit = account_of(simulator, slug), account_of(simulator, slug).profile.unit
        told = spend_page(organization, slug, unit, now.date() - 7 * DAY, simulator.now.date())
        assert told == account.balance(now) - account.balance(simulator.now) > 0, slug

    priced = UsageDaily.objects.filter(spend__isnull=False).exclude(basis="estimated")
    slugs = priced.values_list("account__provider_slug", flat=True).distinct()
    assert set(slugs) == {*SPENT, *FALLEN}, "of the others nobody has told any money"
