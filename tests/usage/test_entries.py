"""Typing in what no API tells: the page, its answers to bad input, and what the account page makes of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.balances.models import BalanceEntry, BalanceSeries, EntryKind
from dashboard.balances.services import Place, balances_land
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import Actor
from dashboard.organizations.models import AuditEvent, Organization, User
from dashboard.usage.entries.selectors import entries_view
from dashboard.usage.entries.services import Typed, entry_add
from dashboard.usage.models import CostRecord
from providers.records import Balance
from tests.usage.test_deriving import paid
from tests.usage.test_landing import land

pytestmark = pytest.mark.usefixtures("signed_in")

NOW = datetime(2026, 11, 20, 14, 32, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def account(organization: Organization) -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug="mistral", label="Main")


def post(client: Client, account: ProviderAccount, kind: str, **values: str) -> Any:
    filled = {"amount": "12.50", "unit": "USD", "at": "2026-11-20T09:30", "note": "Console", **values}
    return client.post(reverse("usage:entry_add", args=[account.pk, kind]), filled)


def page(client: Client, account: ProviderAccount) -> str:
    return client.get(reverse("credentials:account", args=[account.pk])).content.decode()


def test_a_balance_is_kept_with_author_note_and_time(client: Client, account: ProviderAccount, owner: User) -> None:
    response = post(client, account, "balance")
    assert response.status_code == 302
    entry = BalanceEntry.objects.get()
    # 09:30 in Taipei.
    assert entry.at == datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
    assert (entry.amount, entry.unit, entry.note, entry.created_by) == (Decimal("12.5"), "USD", "Console", owner)
    event = AuditEvent.objects.get(action="entry.added")
    assert event.changes["amount"] == [None, "12.5"]
    told = page(client, account)
    assert "Balance, derived" in told
    assert "$12.50" in told
    assert "Console" in told


def test_taking_back_is_told_and_leaves_nothing(client: Client, account: ProviderAccount) -> None:
    post(client, account, "invoice", first_day="2026-10-01", last_day="2026-10-31")
    assert CostRecord.objects.count() == 1
    assert "October 2026" in page(client, account).replace("\u00a0", " ")
    entry = BalanceEntry.objects.get()
    response = client.post(reverse("usage:entry_remove", args=[entry.pk]))
    assert response.status_code == 302
    assert not BalanceEntry.objects.exists()
    assert not CostRecord.objects.exists()
    assert AuditEvent.objects.get(action="entry.removed").changes["first_day"] == ["2026-10-01", None]


@pytest.mark.parametrize(
    ("kind", "values", "words"),
    [
        ("balance", {"amount": ""}, "This field is required"),
        ("balance", {"amount": "twelve"}, "Enter a number"),
        ("balance", {"amount": "NaN"}, "Enter a number"),
        ("balance", {"amount": "1e30"}, "no more than"),
        ("balance", {"unit": "USB"}, "USB is not one of the available choices"),
        ("balance", {"at": "yesterday"}, "Enter a valid date/time"),
        ("balance", {"at": "2999-01-01T00:00"}, "lies in the future"),
        ("balance", {"at": "1999-01-01T00:00"}, "Nothing before 2015"),
        ("topup", {"amount": "0"}, "more than nothing"),
        ("topup", {"amount": "-5"}, "more than nothing"),
        ("invoice", {}, "This field is required"),
        ("invoice", {"first_day": "2026-10-31", "last_day": "2026-10-01"}, "before the first"),
        ("invoice", {"first_day": "2024-10-01", "last_day": "2026-10-01"}, "more than a year"),
        ("invoice", {"first_day": "2014-10-01", "last_day": "2014-10-02"}, "Nothing before 2015"),
        ("invoice", {"first_day": "2998-10-01", "last_day": "2998-10-02"}, "lies in the future"),
    ],
)
def test_bad_input_is_answered_and_nothing_is_lost(
    client: Client, account: ProviderAccount, kind: str, values: dict[str, str], words: str
) -> None:
    response = post(client, account, kind, **values)
    told = response.content.decode()
    assert response.status_code == 200
    assert words in told
    assert 'value="Console"' in told
    assert not BalanceEntry.objects.exists()


def test_no_other_kinds(client: Client, account: ProviderAccount) -> None:
    assert post(client, account, "gift").status_code == 404


def test_a_negative_balance_is_one(client: Client, account: ProviderAccount) -> None:
    post(client, account, "balance", amount="-3.10")
    assert BalanceSeries.objects.get().amount == Decimal("-3.10")


def add(account: ProviderAccount, kind: EntryKind, amount: str, at: datetime, by: User) -> None:
    typed_in = Typed(kind=kind, amount=Decimal(amount), unit="CNY", at=at)
    entry_add(account=account, typed_in=typed_in, by=Actor(by), now=NOW)


def test_typing_the_real_balance_tells_how_far_it_was_off(account: ProviderAccount, owner: User) -> None:
    monday = datetime(2026, 11, 15, 16, tzinfo=UTC)
    add(account, EntryKind.BALANCE, "100", monday, owner)
    land(account, [paid("12")])
    add(account, EntryKind.TOPUP, "20", monday + HOUR, owner)
    add(account, EntryKind.BALANCE, "106.50", monday + 48 * HOUR, owner)
    newest, topup, first = entries_view(account=account, now=NOW)
    assert (newest.check.replace("\u00a0", " "), newest.off) == ("¥1.50 CNY less than expected", True)
    assert (topup.check, first.check) == ("", "")
    add(account, EntryKind.BALANCE, "106.50", monday + 49 * HOUR, owner)
    assert entries_view(account=account, now=NOW)[0].check == "as expected"


def test_a_typed_balance_is_held_against_what_the_provider_told(account: ProviderAccount, owner: User) -> None:
    place = Place(
        organization_id=account.organization_id,
        account_id=account.pk,
        credential_id=None,  # type: ignore[arg-type]  # what read it does not matter here
        interval=timedelta(minutes=5),
    )
    told = Balance(name="Wallet", kind="prepaid", amount=Decimal(50), unit="CNY")
    balances_land(place=place, balances=[told], now=NOW - HOUR)
    add(account, EntryKind.BALANCE, "51", NOW - 2 * HOUR, owner)
    assert entries_view(account=account, now=NOW)[0].check.replace("\u00a0", " ") == "¥1.00 CNY more than expected"


def test_what_somebody_wrote_is_text_on_the_page(client: Client, account: ProviderAccount) -> None:
    post(client, account, "topup", note="<script>alert(1)</script>")
    told = page(client, account)
    assert "<script>alert" not in told
    assert "&lt;script&gt;alert" in told
