"""The list of accounts: what it sorts by, what narrows it, and what somebody without balances gets."""

import html
import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dashboard.balances.models import BalanceSeries, QuotaSeries
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Membership, Organization, Role, Team, User
from dashboard.organizations.scope import Scope
from dashboard.overview.account_list import TABLE, account_list_context

pytestmark = pytest.mark.django_db


def account(organization: Organization, label: str, slug: str = "deepseek", team: Team | None = None) -> int:
    return ProviderAccount.objects.create(
        organization=organization, provider_slug=slug, label=label, team=team, tags=[f"tag-{label.lower()}"]
    ).pk


def wallet(organization: Organization, label: str, amount: str, now: datetime, **more: object) -> int:
    pk = account(organization, label)
    facts = {"unit": "USD", "runway_low_days": 9.0, "runway_likely_days": 10.0, "runway_high_days": 11.0, **more}
    BalanceSeries.objects.create(
        organization=organization, account_id=pk, name="Wallet", kind="prepaid", basis="live",
        amount=Decimal(amount), at=now, stored_at=now, fresh_for_seconds=3600, **facts,
    )  # fmt: skip
    return pk


def labels(organization: Organization, query: str = "", *, now: datetime, scope: Scope | None = None) -> list[str]:
    context = account_list_context(
        organization=organization, scope=scope or Scope(organization.pk), query=QueryDict(query), now=now
    )
    return [row["account"]["label"] for row in context["accounts"]]


def test_what_runs_dry_first_comes_first(organization: Organization, now: datetime) -> None:
    account(organization, "None")
    wallet(organization, "Lasting", "9", now, runway_low_days=None, runway_likely_days=None, runway_high_days=None)
    wallet(organization, "Late", "5", now, runway_low_days=30.0)
    wallet(organization, "Soon", "5", now, runway_low_days=0.5)
    wallet(organization, "Empty", "0", now, runway_reason="empty")
    wallet(organization, "Idle", "5", now, runway_reason="no_burn")
    wallet(organization, "Stale", "5", now - timedelta(days=2), runway_low_days=0.1)
    expected = ["Empty", "Soon", "Late", "Lasting", "Idle", "None", "Stale"]
    assert labels(organization, now=now) == expected
    turned = labels(organization, "sort=runway&dir=down", now=now)
    assert turned[:4] == ["Lasting", "Late", "Soon", "Empty"]
    assert set(turned[4:]) == {"Idle", "None", "Stale"}, "what is not known stands last in both orders"


def test_amounts_are_ordered_inside_their_unit(organization: Organization, now: datetime) -> None:
    for label, amount, unit in [("A", "5", "USD"), ("B", "900", "CNY"), ("C", "70", "USD"), ("D", "6", "USD")]:
        wallet(organization, label, amount, now, unit=unit)
    account(organization, "E")
    assert labels(organization, "sort=balance", now=now) == ["C", "D", "A", "B", "E"]


def test_the_fullest_limit_comes_first(organization: Organization, now: datetime) -> None:
    for label, percent in [("A", "12"), ("B", None), ("C", "99.5")]:
        QuotaSeries.objects.create(
            organization=organization, account_id=account(organization, label), name="Week", unit="requests",
            percent_used=percent and Decimal(percent), at=now, stored_at=now, fresh_for_seconds=3600,
        )  # fmt: skip
    assert labels(organization, "sort=quota", now=now) == ["C", "A", "B"]


def test_words_look_at_everything_that_names_an_account(organization: Organization, now: datetime) -> None:
    team = Team.objects.create(organization=organization, name="Research")
    account(organization, "Batch", "openai")
    account(organization, "Production", team=team)
    for words, found in [
        ("q=batch", ["Batch"]),
        ("q=OPENAI", ["Batch"]),
        ("q=research", ["Production"]),
        ("q=tag-prod+deep", ["Production"]),
        ("q=+", ["Production", "Batch"]),
        ("q=batch+research", []),
    ]:
        assert labels(organization, words, now=now) == found, words


def test_filters_narrow_and_count_beside_each_other(organization: Organization, now: datetime) -> None:
    team = Team.objects.create(organization=organization, name="Research")
    account(organization, "Wallet one", team=team)
    account(organization, "Wallet two")
    account(organization, "Bill", "openai", team=team)
    account(organization, "Plan", "claude-subscription")

    def asked(query: str) -> dict[str, list[tuple[str, int | None, bool]]]:
        context = account_list_context(
            organization=organization, scope=Scope(organization.pk), query=QueryDict(query), now=now
        )
        filters = context["filters"].items()
        return {name: [(str(chip.label), chip.count, chip.pressed) for chip in chips] for name, chips in filters}

    assert asked("")["kind"] == [("Wallets", 2, False), ("Bills", 1, False), ("Plans", 1, False)]
    assert asked("")["provider"] == []
    narrowed = asked(f"team={team.pk}&kind=wallet")
    assert narrowed["kind"] == [("Wallets", 1, True), ("Bills", 1, False), ("Plans", 0, False)]
    assert narrowed["team"] == [("Research", 1, True), ("No team", 1, False)]
    assert labels(organization, f"team={team.pk}&kind=wallet", now=now) == ["Wallet one"]
    assert set(labels(organization, "kind=wallet&kind=subscription", now=now)) == {"Wallet one", "Wallet two", "Plan"}
    assert labels(organization, "provider=openai", now=now) == ["Bill"]
    assert asked("provider=openai")["provider"] == [("OpenAI", 1, True)]
    assert len(labels(organization, "kind=nobody&team=999&provider=nobody", now=now)) == 4


def test_without_balances_nothing_is_sorted_by_them(organization: Organization, now: datetime) -> None:
    wallet(organization, "B", "5", now, runway_low_days=1.0)
    wallet(organization, "A", "900", now, runway_low_days=50.0)
    hidden = Scope(organization.pk, balances=False)
    for query in ("", "sort=balance", "sort=balance&dir=up", "sort=runway"):
        assert labels(organization, query, now=now, scope=hidden) == ["A", "B"]


def page(user: User, query: str = "") -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("credentials:account_list") + query)
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_every_column_can_be_shown_and_hidden(organization: Organization, owner: User) -> None:
    wallet(organization, "Production", "41.5", timezone.now())
    optional = [one.name for one in TABLE.columns if not one.always]
    every = page(owner, "?" + "&".join(f"cols={name}" for name in optional))
    assert len(re.findall(r'<th scope="col"', every)) == len(TABLE.columns)
    none = page(owner, "?cols=")
    assert len(re.findall(r'<th scope="col"', none)) == 1
    for told in (every, none):
        assert "Production" in told
    table = re.search(r"(?s)<tbody>.*?</tbody>", every)
    assert table is not None
    assert len(re.findall(r"<t[dh]\b", table[0])) == len(TABLE.columns), "as many cells as heads"


def test_an_account_without_a_balance_fills_the_same_columns(organization: Organization, owner: User) -> None:
    account(organization, "Bill", "openai")
    for query in ("", "?cols=balance&cols=runway", "?cols=trend", "?cols="):
        told = page(owner, query)
        row = re.search(r"(?s)<tbody>.*?</tbody>", told)
        assert row is not None
        spans = [int(span or 1) for span in re.findall(r"<t[dh]\b(?:[^>]*?colspan=\"(\d+)\")?", row[0])]
        assert sum(spans) == len(re.findall(r'<th scope="col"', told)), query
    assert "Not offered</span>" in page(owner)


def test_a_phone_tells_what_is_worse_off(organization: Organization, now: datetime) -> None:
    """Of an account with money for weeks and a quota that is full, the quota."""
    pk = wallet(organization, "Full", "5", now)

    def tells(share: int) -> bool:
        QuotaSeries.objects.all().delete()
        QuotaSeries.objects.create(
            organization=organization, account_id=pk, name="Cap", unit="USD", window="lifetime", at=now, stored_at=now,
            percent_used=Decimal(share), fresh_for_seconds=3600,
        )  # fmt: skip
        scope = Scope(organization.pk)
        context = account_list_context(organization=organization, scope=scope, query=QueryDict(), now=now)
        return bool(context["accounts"][0]["tells_quota"])

    assert [tells(share) for share in (40, 80, 100)] == [False, True, True]
    BalanceSeries.objects.update(runway_low_days=0.5)
    assert not tells(100), "both are red: the money ends first"


def test_nothing_found_and_nothing_there_are_told_apart(organization: Organization, owner: User) -> None:
    nothing = page(owner)
    assert "No accounts yet" in nothing
    main = nothing.split("<main")[1]
    assert (main.count("Connect a provider"), "Sync now" in main, "Updated" in main) == (1, False, False)
    account(organization, "Production")
    told = page(owner, "?q=nobody&sort=account")
    assert "Nothing matches" in told
    assert 'href="?sort=account"' in told, "a way back that keeps the order"


def test_a_lead_finds_no_team_but_their_own(organization: Organization, now: datetime) -> None:
    mine, other = (Team.objects.create(organization=organization, name=name) for name in ("Mine", "Other"))
    account(organization, "Ours", team=mine)
    account(organization, "Theirs", team=other)
    lead = User.objects.create_user("lead@harbor.example")
    Membership.objects.create(organization=organization, user=lead, role=Role.LEAD)
    mine.members.add(lead)
    told = page(lead, f"?team={other.pk}")
    assert "Ours" in told
    assert "Theirs" not in told
    assert "Other" not in told
