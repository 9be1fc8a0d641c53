"""Vertex AI against its simulator: what the adapter reads back is the ledger, to the last digit."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from providers import auth
from providers.adapters import vertex_ai
from providers.collect import Collected, Credentials, check, collect, drive
from providers.errors import ActionNeeded, NotAvailable, PayloadError, Retryable
from providers.records import CostBucket, Identity, Quota, UsageBucket
from providers.simulator.parts import vertex_ai as part
from providers.simulator.server import Simulator
from providers.spec import Request, Steps, Window
from providers.transport import Transport
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
FIRST = datetime(2026, 11, 10, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "_tokens", auth._Tokens())


def window(days: int = 10) -> Window:
    return Window(start=NOW - timedelta(days=days), end=NOW, now=NOW)


def read(capability: str, *, days: int = 10, **values: str) -> tuple[Collected, Simulator]:
    send, simulator = simulated("vertex-ai", NOW)
    credentials = Credentials(values={**part.PART.demo, **values})
    return collect(vertex_ai.PROVIDER, capability, credentials, window(days), send), simulator


def test_cost_is_the_ledger() -> None:
    found, simulator = read("cost")
    account = simulator.world.account(part.PROFILE, "harbor")
    costs = [record for record in found.records if isinstance(record, CostBucket)]
    assert sum(cost.amount for cost in costs) == account.spent(FIRST, NOW)
    assert {cost.unit for cost in costs} == {"EUR"}
    assert {cost.start for cost in costs} == {FIRST + timedelta(days=day) for day in range(11)}
    assert {cost.start for cost in costs if cost.final is None} == {
        FIRST,
        FIRST + timedelta(days=1),
        FIRST + timedelta(days=2),
    }
    one = sum(cost.amount for cost in costs if cost.start == FIRST)
    assert 20 <= one <= 300


def test_usage_is_the_ledger() -> None:
    found, simulator = read("usage")
    account = simulator.world.account(part.PROFILE, "harbor")
    buckets = [record for record in found.records if isinstance(record, UsageBucket)]
    charges = list(account.daily(FIRST, NOW))
    assert sum(bucket.requests or 0 for bucket in buckets) == sum(charge.requests for charge in charges)
    assert sum(bucket.output_tokens or 0 for bucket in buckets) == sum(charge.output_tokens for charge in charges)
    assert sum(bucket.input_tokens or 0 for bucket in buckets) == sum(
        charge.input_tokens + charge.cached_tokens + charge.cache_write_tokens for charge in charges
    )
    assert len(buckets) == 11 * len(part.PROFILE.models)
    assert {bucket.start for bucket in buckets if bucket.final is False} == {NOW.replace(hour=0, minute=0)}


def test_limits_and_budgets() -> None:
    found, _ = read("quota")
    limits = [record for record in found.records if isinstance(record, Quota)]
    assert len(limits) == 2 * 3 * 3 + 1
    assert (limits[-1].limit, limits[-1].unit, limits[-1].scope) == (4500, "EUR", "projects 123")


def test_check_names_the_project() -> None:
    send, _ = simulated("vertex-ai", NOW)
    found = check(vertex_ai.PROVIDER, Credentials(values=part.PART.demo), window(), send)
    assert found == Identity(
        account_id="acme-harbor", account_name="acme-harbor", key_kind="service_account", scopes=("usage", "quota")
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("project_id", "123456"),
        ("project_id", "acme-harbor/../other"),
        ("billing_table", "acme-harbor.billing.other"),
        ("billing_table", "acme-harbor.billing.gcp_billing_export_v1_0AAAAA_0BBBBB_0CCCCC` UNION ALL SELECT 1 --"),
    ],
)
def test_what_is_put_into_paths_and_queries_has_a_shape(name: str, value: str) -> None:
    with pytest.raises(ActionNeeded) as refused:
        read("cost", **{name: value})
    assert refused.value.field == name


def test_another_project_or_table() -> None:
    with pytest.raises(ActionNeeded) as forbidden:
        read("usage", project_id="acme-other")
    assert forbidden.value.code == "missing_scope"
    with pytest.raises(NotAvailable):
        read("cost", bigquery_location="US")


def test_no_query_without_a_table() -> None:
    with pytest.raises(ActionNeeded) as missing:
        read("cost", billing_table="")
    assert (missing.value.code, missing.value.field) == ("missing_field", "billing_table")


def test_no_token_for_the_hosts_of_inference() -> None:
    def stray() -> Steps:
        yield Request(url="https://aiplatform.googleapis.com/v1/projects/acme-ai/locations", auth="google")
        return []

    send, simulator = simulated("vertex-ai", NOW)
    with pytest.raises(ActionNeeded, match="nothing was sent"):
        drive(vertex_ai.PROVIDER, stray(), Credentials(values=part.PART.demo), send, NOW)
    assert simulator.calls == {}


@pytest.mark.parametrize(
    ("chosen", "clause", "values"),
    [
        ("", "AND (STRPOS(LOWER(sku.description), @choice0) > 0) ", ["claude"]),
        ("*", "@project GROUP", []),
        (
            "c7e2-9256-1c43, It's 100% `Claude`",
            "AND (service.id = @choice0 OR STRPOS(LOWER(sku.description), @choice1) > 0) ",
            ["C7E2-9256-1C43", "it's 100% `claude`"],
        ),
    ],
)
def test_what_an_admin_chooses_is_never_sql(chosen: str, clause: str, values: list[str]) -> None:
    credentials = Credentials(values={**part.PART.demo, "cost_filter": chosen})
    request = vertex_ai.query_request(credentials.account(vertex_ai.PROVIDER), "acme-harbor", window())
    assert clause in request.json["query"]
    assert [one["parameterValue"]["value"] for one in request.json["queryParameters"][3:]] == values
    assert int(request.json["maximumBytesBilled"]) > 0


def test_an_unfinished_query_is_waited_for_not_for_ever() -> None:
    class Running:
        def __init__(self) -> None:
            self.calls: Iterator[int] = iter(range(100))

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.host == "oauth2.googleapis.com":
                return httpx.Response(200, json={"access_token": "made-up", "expires_in": 3599})
            next(self.calls)
            job: Any = {"projectId": "acme-harbor", "jobId": "job_1", "location": "EU"}
            return httpx.Response(200, json={"jobComplete": False, "jobReference": job})

    wire = Running()
    send = Transport(wire=wire, pause=lambda seconds: None).send
    with pytest.raises(Retryable):
        collect(vertex_ai.PROVIDER, "cost", Credentials(values=part.PART.demo), window(), send)
    assert next(wire.calls) == 1 + vertex_ai.MOST_WAITS


def test_one_cost_twice_with_two_amounts_is_not_understood() -> None:
    one = CostBucket(start=FIRST, end=FIRST + timedelta(days=1), amount=Decimal(1), unit="EUR")
    other = replace(one, amount=Decimal(2))
    assert vertex_ai.merged(iter([("regular", one), ("regular", one)])) == [one]
    with pytest.raises(PayloadError):
        vertex_ai.merged(iter([("regular", one), ("regular", other)]))
    (both,) = vertex_ai.merged(iter([("adjustment", one), ("rounding_error", other)]))
    assert both.amount == 3


def test_a_key_file_of_a_person_is_the_wrong_kind() -> None:
    with pytest.raises(ActionNeeded) as wrong:
        read("usage", service_account_json=json.dumps({"type": "authorized_user", "refresh_token": "made-up"}))
    assert wrong.value.code == "wrong_kind"


def test_a_long_history_is_quick() -> None:
    started = time.process_time()
    found, _ = read("cost", days=90)
    assert len(found.records) == 91 * 2 * len(part.PROFILE.models)
    assert found.calls == 4  # the query, which does not finish at once, and three pages
    read("usage", days=90)
    assert time.process_time() - started < 1.5
