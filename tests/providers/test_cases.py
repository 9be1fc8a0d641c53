"""Which cases every provider has to have among its payloads, and that revised figures replace the old ones."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from msgspec.structs import replace

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.models import Organization
from dashboard.usage.models import CostRecord, UsageRecord
from dashboard.usage.partitions import EARLIEST, partitions_ensure
from dashboard.usage.services import cost_land, usage_land
from providers.collect import collect
from providers.records import CostBucket, UsageBucket
from providers.registry import PROVIDERS
from providers.spec import Endpoint
from providers.transport import Transport
from tests.providers.exchanges import Case, PlannedWire, cases

CASES = list(cases())
HISTORIES = ("usage", "cost")
# What they tell comes in one answer, so that there is no second page.
NO_PAGES = {"cerebras", "deepseek", "lmstudio", "metachat", "minimax", "moonshot", "ollama", "perplexity", "vllm"}
# Counters have no history: the first page of metrics is a beginning, and not an empty past.
NO_HISTORY = {("vllm", "usage")}


def outcomes(slug: str, capability: str) -> Iterator[tuple[Case, dict[str, Any]]]:
    for case in CASES:
        if case.provider.slug == slug and case.capability == capability:
            yield case, json.loads(case.expected_path.read_text())


def offered(slug: str) -> list[str]:
    return [name for name, endpoint in PROVIDERS[slug].capabilities.items() if isinstance(endpoint, Endpoint)]


@pytest.mark.parametrize("slug", PROVIDERS)
def test_what_is_offered_is_told_and_what_is_empty_is_empty(slug: str) -> None:
    for capability in offered(slug):
        told = [outcome for _case, outcome in outcomes(slug, capability) if outcome["status"] == "ok"]
        assert any(outcome["records"] for outcome in told), f"{capability}: nothing normal"
        if capability in HISTORIES and (slug, capability) not in NO_HISTORY:
            assert any(not outcome["records"] for outcome in told), f"{capability}: no empty history"


@pytest.mark.parametrize("slug", [slug for slug in PROVIDERS if "balance" in offered(slug)])
def test_wallets_run_dry_and_into_debt(slug: str) -> None:
    """Debt is a negative balance, or money owed where the provider tells it apart."""
    balances = [
        record
        for _case, outcome in outcomes(slug, "balance")
        for record in outcome.get("records", ())
        if record["type"] == "Balance"
    ]
    assert any(Decimal(one["amount"]) == 0 for one in balances), "no empty wallet"
    assert any(Decimal(one["amount"]) < 0 or one["kind"] == "owed" for one in balances), "no debt"


@pytest.mark.parametrize("slug", sorted(set(PROVIDERS) - NO_PAGES))
def test_there_is_a_second_page(slug: str) -> None:
    asked = [
        max(
            Counter(re.sub(r"\?.*", "", one["request"]["url"]) for one in case.document["exchanges"]).values(),
            default=0,
        )
        for case in CASES
        if case.provider.slug == slug and case.capability != "check"
    ]
    assert max(asked) > 1


@pytest.mark.parametrize("slug", PROVIDERS)
def test_errors_are_told_by_status(slug: str) -> None:
    """A refused key, and something else that goes wrong."""
    kinds = {json.loads(case.expected_path.read_text())["status"] for case in CASES if case.provider.slug == slug}
    assert "action_needed" in kinds or PROVIDERS[slug].self_hosted
    assert len(kinds - {"ok"}) >= 2


# --- Revised rows -----------------------------------------------------------------------------------------------


def normal_histories() -> Iterator[Any]:
    """One conversation that tells rows for each provider and kind of history."""
    seen = set()
    for case in CASES:
        place = (case.provider.slug, case.capability)
        if case.capability not in HISTORIES or place in seen:
            continue
        records = json.loads(case.expected_path.read_text()).get("records", [])
        kinds = {record["type"] for record in records}
        latest = max((record.get("start", "") for record in records), default="")
        if kinds and kinds <= {"UsageBucket", "CostBucket"} and latest >= EARLIEST.isoformat():
            seen.add(place)
            yield pytest.param(case, id="/".join(place))


def revised(bucket: UsageBucket | CostBucket) -> UsageBucket | CostBucket:
    """The same bucket as it is told a day later: more of everything that was told."""
    if isinstance(bucket, CostBucket):
        return replace(bucket, amount=bucket.amount + 1)
    more = {
        name: value + 1
        for name in ("input_tokens", "output_tokens", "requests", "cost")
        if (value := getattr(bucket, name)) is not None
    }
    return replace(bucket, **more, quantities={name: value + 1 for name, value in bucket.quantities.items()})


@pytest.mark.parametrize("case", list(normal_histories()))
def test_revised_rows_replace_what_was_told(case: Case, organization: Organization) -> None:
    account = ProviderAccount.objects.create(organization=organization, provider_slug=case.provider.slug, label="Main")
    transport = Transport(wire=PlannedWire(case.document["exchanges"]), pause=lambda seconds: None)
    found = collect(case.provider, case.capability, case.credentials, case.window, transport.send)
    told = [record for record in found.records if isinstance(record, UsageBucket | CostBucket)]
    land(account, told, case.window.now)
    before = rows(account)
    assert len(before) == len(told)
    land(account, [revised(bucket) for bucket in told], case.window.now)
    after = rows(account)
    assert after.keys() == before.keys()
    assert all(after[key] != figures for key, figures in before.items())


def land(account: ProviderAccount, buckets: list[Any], now: datetime) -> None:
    usage = [one for one in buckets if isinstance(one, UsageBucket)]
    cost = [one for one in buckets if isinstance(one, CostBucket)]
    partitions_ensure(table="usage_usagerecord", starts=(one.start for one in usage), now=now)
    partitions_ensure(table="usage_costrecord", starts=(one.start for one in cost), now=now)
    with transaction.atomic():
        usage_land(account_id=account.pk, buckets=usage)
        cost_land(account_id=account.pk, buckets=cost)


def rows(account: ProviderAccount) -> dict[Any, tuple[Any, ...]]:
    usage = UsageRecord.objects.filter(account=account).values_list(
        "start", "key_hash", "input_tokens", "output_tokens", "requests", "cost", "quantities"
    )
    cost = CostRecord.objects.filter(account=account).values_list("start", "key_hash", "amount")
    return {("usage", *row[:2]): row[2:] for row in usage} | {("cost", *row[:2]): row[2:] for row in cost}
