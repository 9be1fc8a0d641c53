"""Accounts with money and a policy over them, as the tests of routing use them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from dashboard.balances.services import Place, balances_land
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization, Team
from dashboard.routing.document import Document, Failover, Route, Target, Tier
from dashboard.routing.models import RoutePolicy
from dashboard.routing.services import policy_save
from providers.records import Balance

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def account(organization: Organization, label: str, slug: str = "deepseek") -> ProviderAccount:
    return ProviderAccount.objects.create(organization=organization, provider_slug=slug, label=label)


def land(one: ProviderAccount, amount: str, now: datetime, unit: str = "USD") -> None:
    """A balance is read."""
    place = Place(organization_id=one.organization_id, account_id=one.pk, credential_id=None, interval=5 * MINUTE)
    balances_land(
        place=place, balances=[Balance(name="Wallet", kind="prepaid", amount=Decimal(amount), unit=unit)], now=now
    )


def document(*tiers: list[ProviderAccount | Target], match: str = "chat", **failover: Any) -> Document:
    """One route; leaves under 5 USD and comes back from 20 USD on."""
    told = {"balance_floors": {"USD": Decimal(5)}, "balance_returns": {"USD": Decimal(20)}, **failover}
    made = tuple(Tier(targets=tuple(_target(one) for one in tier)) for tier in tiers)
    return Document(failover=Failover(**told), routes=(Route(match=match, about="Chats", tiers=made),))


def _target(one: ProviderAccount | Target) -> Target:
    return one if isinstance(one, Target) else Target(account=one.pk, model=f"model-{one.label.lower()}")


def saved(
    organization: Organization, what: Document, now: datetime, team: Team | None = None, based_on: int = 0
) -> RoutePolicy:
    return policy_save(
        organization=organization, team=team, document=what, based_on=based_on, note="", by=SYSTEM, now=now
    ).policy
