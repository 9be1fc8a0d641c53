"""A stream's life: leased, read, landed, and what each kind of trouble leaves behind."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dashboard.balances.models import BalanceReading, BalanceSeries
from dashboard.organizations.models import Organization
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.services import LEASE, streams_lease_due
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_all, run_leased, run_once


def balance_stream() -> SyncStream:
    return SyncStream.objects.get(capability="balance")


def test_first_sync_lands_balance_and_models(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    credential = connected(organization, "deepseek", now)
    assert run_all(now) == 2
    series = BalanceSeries.objects.get(unit="CNY")
    account = simulator.simulator.world.account(simulator.simulator.parts["deepseek"].profile, "harbor")
    assert series.amount == account.balance(now)
    assert series.at == now
    assert series.runway_reason == "too_new"
    assert credential.account.offered_models.count() == 2
    assert {run.outcome for run in SyncRun.objects.all()} == {RunOutcome.OK}
    assert set(SyncStream.objects.values_list("state", flat=True)) == {StreamState.FRESH}


def test_running_twice_appends_nothing_new(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    connected(organization, "deepseek", now)
    run_all(now)
    before = list(BalanceReading.objects.values_list("series_id", "amount"))
    run_once(balance_stream(), now + timedelta(minutes=5))
    assert list(BalanceReading.objects.values_list("series_id", "amount")) == before
    assert BalanceSeries.objects.get(unit="CNY").at == now + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("fault", "outcome", "state"),
    [
        ("401", RunOutcome.ACTION_NEEDED, StreamState.PAUSED),
        ("403", RunOutcome.ACTION_NEEDED, StreamState.PAUSED),
        ("429", RunOutcome.RETRYABLE, StreamState.BACKING_OFF),
        ("500", RunOutcome.RETRYABLE, StreamState.BACKING_OFF),
        ("html", RunOutcome.RETRYABLE, StreamState.BACKING_OFF),
        ("truncated", RunOutcome.RETRYABLE, StreamState.BACKING_OFF),
        ("shape", RunOutcome.PAYLOAD_ERROR, StreamState.BACKING_OFF),
        ("huge", RunOutcome.PAYLOAD_ERROR, StreamState.BACKING_OFF),
        ("redirect", RunOutcome.PAYLOAD_ERROR, StreamState.BACKING_OFF),
        ("duplicate", RunOutcome.OK, StreamState.FRESH),
        ("slow", RunOutcome.OK, StreamState.FRESH),
    ],
)
def test_every_fault_keeps_the_last_value_and_shows_its_state(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    fault: str,
    outcome: RunOutcome,
    state: StreamState,
) -> None:
    connected(organization, "deepseek", now)
    run_all(now)
    good = BalanceSeries.objects.get(unit="CNY").amount
    simulator.simulator.faults[("deepseek", "harbor")] = fault  # type: ignore[assignment]
    stream = run_once(balance_stream(), now + timedelta(minutes=5))
    run = SyncRun.objects.filter(stream=stream).latest("id")
    assert (run.outcome, stream.state) == (outcome, state)
    series = BalanceSeries.objects.get(unit="CNY")
    assert series.amount == good
    if outcome != RunOutcome.OK:
        assert series.at == now, "the age tells that this is the older reading"
        assert stream.message
        assert "sim-harbor" not in stream.message
    simulator.simulator.faults.clear()
    if state == StreamState.BACKING_OFF:
        assert run_once(stream, now + timedelta(hours=1)).state == StreamState.FRESH


def test_429_rests_the_whole_credential(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    connected(organization, "deepseek", now)
    run_all(now)
    simulator.simulator.faults[("deepseek", "harbor")] = "429"
    later = now + timedelta(days=2)
    leases = dict(streams_lease_due(now=later))
    run_leased(balance_stream().pk, leases[balance_stream().pk], later)
    assert all(stream.next_run_at >= later + timedelta(seconds=30) for stream in SyncStream.objects.all())
    SyncStream.objects.update(lease_until=None, next_run_at=later)
    assert streams_lease_due(now=later + timedelta(seconds=10)) == []
    assert len(streams_lease_due(now=later + timedelta(minutes=5))) == 2


def test_two_dispatches_lease_disjoint_streams(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    connected(organization, "deepseek", now)
    first, second = streams_lease_due(now=now), streams_lease_due(now=now)
    assert len(first) == 2
    assert second == []


def test_a_lost_worker_frees_itself_and_cannot_land_late(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    connected(organization, "deepseek", now)
    lost = dict(streams_lease_due(now=now))
    later = now + LEASE + timedelta(seconds=1)
    taken = dict(streams_lease_due(now=later))
    assert set(taken) == set(lost)
    stream = balance_stream()
    assert run_leased(stream.pk, lost[stream.pk], now) is None, "the old token starts nothing"
    assert SyncRun.objects.count() == 0
    run_leased(stream.pk, taken[stream.pk], later)
    assert SyncRun.objects.count() == 1


def test_overtaken_while_reading_lands_nothing(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(organization, "deepseek", now)
    leases = dict(streams_lease_due(now=now))
    stream = balance_stream()
    answer = simulator.simulator.answer

    def overtaken_meanwhile(*args: object, **kwargs: object) -> object:
        SyncStream.objects.filter(pk=stream.pk).update(lease_token=99)
        return answer(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(simulator.simulator, "answer", overtaken_meanwhile)
    run_leased(stream.pk, leases[stream.pk], now)
    assert BalanceReading.objects.count() == 0
    assert SyncRun.objects.count() == 0


def test_clock_set_back_loses_nothing(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    connected(organization, "deepseek", now)
    run_all(now)
    earlier = now - timedelta(hours=3)
    stream = run_once(balance_stream(), earlier)
    assert stream.state == StreamState.FRESH
    assert stream.next_run_at > earlier
    assert BalanceSeries.objects.get(unit="CNY").amount > Decimal(0)


def test_no_secret_in_any_row(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    connected(organization, "deepseek", now)
    simulator.simulator.faults[("deepseek", "harbor")] = "401"
    run_all(now)
    for model in (SyncStream, SyncRun, BalanceSeries):
        for row in model.objects.values():
            assert "sim-harbor" not in str(row)
