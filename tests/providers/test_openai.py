"""OpenAI against its simulator: what is read equals the ledger, and each kind of key gets its own answer."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from providers.adapters import openai
from providers.collect import Collected, Credentials, Outgoing, check, collect
from providers.errors import ActionNeeded, TooLarge
from providers.records import CostBucket, ProviderKey, Quota, UsageBucket
from providers.registry import PROVIDERS
from providers.simulator.server import Simulator
from providers.spec import Partial, Reply, Window
from tests.providers.simulated import simulated

NOW = datetime(2026, 11, 20, 14, 25, tzinfo=UTC)
OPENAI = PROVIDERS["openai"]
KEYS = {"admin_key": "sk-admin-sim-harbor", "inference_key": "sk-proj-sim-harbor"}
START = datetime(2026, 11, 10, tzinfo=UTC)


def read(capability: str, start: datetime = START, **fields: str) -> tuple[Collected, Simulator]:
    send, simulator = simulated("openai", NOW)
    window = Window(start=start, end=NOW, now=NOW)
    return collect(OPENAI, capability, Credentials(values=KEYS | fields), window, send), simulator


def ledger(simulator: Simulator) -> Any:
    return simulator.world.account(simulator.parts["openai"].profile, "harbor")


def test_costs_equal_the_ledger() -> None:
    told, simulator = read("cost")
    charges = [record for record in told.records if isinstance(record, CostBucket)]
    assert told.partial == ()
    assert told.calls == 1
    assert sum(charge.amount for charge in charges) == ledger(simulator).spent(START, NOW)
    for day in range(11):
        start = START + timedelta(days=day)
        spent = ledger(simulator).spent(start, min(start + timedelta(days=1), NOW))
        assert sum(charge.amount for charge in charges if charge.start == start) == spent
    assert Decimal(20) < ledger(simulator).spent(START, START + timedelta(days=1)) < Decimal(400)
    assert {charge.final for charge in charges if charge.end > NOW - timedelta(days=3)} == {False}
    assert all(charge.end - charge.start == timedelta(days=1) for charge in charges)


def test_days_that_do_not_fit_one_answer_come_one_by_one() -> None:
    send, _ = simulated("openai", NOW)

    def narrow(outgoing: Outgoing) -> Reply:
        if dict(outgoing.params)["limit"] != "1":
            raise TooLarge("More than 16 MiB.")
        return send(outgoing)

    window = Window(start=START, end=NOW, now=NOW)
    told = collect(OPENAI, "cost", Credentials(values=KEYS), window, narrow)
    assert told.records == read("cost")[0].records
    assert told.calls == 12  # the one that was too large, then eleven days


def test_tokens_and_requests_equal_the_ledger() -> None:
    told, simulator = read("usage")
    usage = [record for record in told.records if isinstance(record, UsageBucket)]
    charges = list(ledger(simulator).daily(START, NOW))
    assert sum(row.requests or 0 for row in usage) == sum(charge.requests for charge in charges)
    chat = [charge for charge in charges if not charge.model.startswith("text-embedding")]
    completions = [row for row in usage if row.endpoint == "completions"]
    assert sum(row.input_tokens or 0 for row in completions) == sum(charge.input_tokens for charge in chat)
    assert sum(row.cached_input_tokens or 0 for row in completions) == sum(charge.cached_tokens for charge in chat)
    assert sum(row.cache_write_tokens or 0 for row in completions) == sum(charge.cache_write_tokens for charge in chat)
    assert sum(row.output_tokens or 0 for row in completions) == sum(charge.output_tokens for charge in chat)
    assert {row.endpoint for row in usage} == {"completions", "embeddings", "web_search_calls"}


def test_ids_of_usage_costs_and_keys_meet() -> None:
    usage, costs, keys = (read(capability)[0].records for capability in ("usage", "cost", "keys"))
    listed = {key.id: key.project for key in keys if isinstance(key, ProviderKey)}
    for row in usage:
        assert isinstance(row, UsageBucket)
        assert listed[row.provider_key or ""] == row.project
    assert {row.project for row in costs if isinstance(row, CostBucket)} == set(listed.values()) - {None}


def test_a_project_filter_narrows_all_reports() -> None:
    everything, _ = read("cost")
    project = next(row.project for row in everything.records if isinstance(row, CostBucket) and row.project)
    told, _ = read("cost", project_ids=project)
    assert {row.project for row in told.records if isinstance(row, CostBucket)} == {project}
    limits, _ = read("quota", project_ids=project)
    assert {row.scope for row in limits.records if isinstance(row, Quota)} == {None, project}


def test_too_many_projects_are_cut_and_told() -> None:
    project = {"object": "organization.project", "name": "x", "status": "active", "created_at": 1}
    many = {"data": [{**project, "id": f"proj_{number}"} for number in range(401)], "has_more": False}
    steps = openai.list_projects(Credentials(values=KEYS).account(OPENAI))
    next(steps)
    told = steps.send(Reply(status=200, headers={}, body=json.dumps(many).encode()))
    assert isinstance(told, Partial)
    assert "400 of 401" in told.reason
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert len(end.value.value) == 400


@pytest.mark.parametrize(
    ("fields", "kind"),
    [(KEYS, "admin"), ({"inference_key": KEYS["inference_key"]}, "inference")],
)
def test_check_names_the_kind_of_key(fields: dict[str, str], kind: str) -> None:
    send, _ = simulated("openai", NOW)
    window = Window(start=NOW, end=NOW, now=NOW)
    assert check(OPENAI, Credentials(values=fields), window, send).key_kind == kind


@pytest.mark.parametrize("capability", ["usage", "cost", "quota", "keys"])
def test_an_inference_key_is_refused_with_words(capability: str) -> None:
    with pytest.raises(ActionNeeded, match="admin key") as refusal:
        read(capability, admin_key="sk-proj-sim-harbor")
    assert refusal.value.code == "missing_scope"
    assert refusal.value.field == "admin_key"


def test_an_admin_key_lists_no_models() -> None:
    with pytest.raises(ActionNeeded, match=r"api\.model\.read"):
        read("models", inference_key="sk-admin-sim-harbor")


def test_a_wild_organization_id_is_not_sent() -> None:
    assert read("models", organization_id="org-ü\r\nX: 1")[0].records
