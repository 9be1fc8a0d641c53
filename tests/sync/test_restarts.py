"""PostgreSQL restarting, workers dying and racing: nothing is lost, nothing lands twice."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from dashboard.balances.models import BalanceReading
from dashboard.core import database
from dashboard.core.database import PAUSES, reconnecting
from dashboard.organizations.models import Organization
from dashboard.sync import reading
from dashboard.sync.models import StreamState, SyncRun, SyncStream
from dashboard.sync.services import LEASE, stream_start, streams_lease_due, streams_lease_now
from dashboard.usage.models import CostRecord
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import connected, run_leased, run_once

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long `reconnecting` would have waited; nobody waits here."""
    waited: list[float] = []
    monkeypatch.setattr(database.time, "sleep", waited.append)
    monkeypatch.setattr(reconnecting, "__kwdefaults__", {"pause": waited.append})
    return waited


def terminate_backends() -> None:
    """What a restart of PostgreSQL does to everybody's connections. Asked for over a connection of its own."""
    parameters = connection.get_connection_params()
    for name in ("pool", "cursor_factory", "context"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters, autocommit=True) as apart:
        apart.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def dropped_after_fetch(simulator: SimulatedWire, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Calling it lets the connections drop once, when the provider has answered and nothing has landed yet."""

    def arm() -> None:
        fetch = reading._fetch

        def fetched(*args: Any, **kwargs: Any) -> Any:
            came = fetch(*args, **kwargs)
            connection.ensure_connection()
            terminate_backends()
            monkeypatch.setattr(reading, "_fetch", fetch)
            return came

        monkeypatch.setattr(reading, "_fetch", fetched)

    yield arm


def test_a_dropped_connection_between_reading_and_landing_lands_once(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    dropped_after_fetch: Callable[[], None],
    pauses: list[float],
) -> None:
    connected(organization, "openai", now)
    stream = SyncStream.objects.get(capability="cost")
    dropped_after_fetch()
    stream = run_once(stream, now)
    assert stream.state == StreamState.FRESH
    assert len(pauses) >= 1, "the landing met the dropped connection and was run again"
    assert SyncRun.objects.filter(stream=stream).count() == 1
    rows = CostRecord.objects.count()
    assert rows > 0
    SyncStream.objects.filter(pk=stream.pk).update(cursor=None, backfilled_to=None, backfill_goal=None)
    run_once(stream, now)
    assert CostRecord.objects.count() == rows
    assert SyncRun.objects.latest("pk").changed == 0


def test_a_dropped_connection_does_not_lose_a_failure_either(
    organization: Organization,
    simulator: SimulatedWire,
    now: datetime,
    dropped_after_fetch: Callable[[], None],
    pauses: list[float],
) -> None:
    connected(organization, "deepseek", now)
    simulator.simulator.faults[("deepseek", "harbor")] = "500"
    dropped_after_fetch()
    stream = run_once(SyncStream.objects.get(capability="balance"), now)
    assert (stream.state, stream.failures) == (StreamState.BACKING_OFF, 1)
    assert SyncRun.objects.filter(stream=stream).count() == 1


def test_a_database_that_stays_away_leaves_the_stream_to_its_lease(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(organization, "deepseek", now)
    stream = SyncStream.objects.get(capability="balance")
    leases = dict(streams_lease_due(now=now))

    def away(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the database is starting up")

    with monkeypatch.context() as broken:
        broken.setattr(reading, "run_land", away)
        broken.setattr(reconnecting, "__kwdefaults__", {"pause": lambda seconds: None})
        with pytest.raises(OperationalError):
            run_leased(stream.pk, leases[stream.pk], now)
    assert (SyncRun.objects.count(), BalanceReading.objects.count()) == (0, 0)
    assert stream.pk not in dict(streams_lease_due(now=now + LEASE))
    later = now + LEASE + timedelta(seconds=1)
    taken = dict(streams_lease_due(now=later))
    run_leased(stream.pk, taken[stream.pk], later)
    assert BalanceReading.objects.count() == 2


def test_reconnecting_tries_for_about_half_a_minute(pauses: list[float]) -> None:
    tries = 0

    def away() -> None:
        nonlocal tries
        tries += 1
        raise OperationalError("gone")

    with pytest.raises(OperationalError):
        reconnecting(away)
    assert pauses == list(PAUSES)
    assert tries == len(PAUSES) + 1
    assert 20 < sum(PAUSES) < 60


def test_reconnecting_never_repeats_half_of_a_callers_transaction(pauses: list[float]) -> None:
    tries = 0

    def away() -> None:
        nonlocal tries
        tries += 1
        raise OperationalError("gone")

    with pytest.raises(OperationalError), transaction.atomic():
        reconnecting(away)
    assert (tries, pauses) == (1, [])


def test_reconnecting_lets_other_errors_through_at_once(pauses: list[float]) -> None:
    def wrong() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        reconnecting(wrong)
    assert pauses == []


# --- Leases -----------------------------------------------------------------------------------------------------


def test_a_lease_holds_until_it_passes(organization: Organization, simulator: SimulatedWire, now: datetime) -> None:
    connected(organization, "deepseek", now)
    first = dict(streams_lease_due(now=now))
    assert streams_lease_due(now=now + LEASE) == []
    ids = list(first)
    assert streams_lease_now(stream_ids=ids, now=now + LEASE) == [], "nobody may take it by asking either"
    second = dict(streams_lease_due(now=now + LEASE + timedelta(seconds=1)))
    assert {pk: token - first[pk] for pk, token in second.items()} == dict.fromkeys(ids, 1)
    assert stream_start(stream_id=ids[0], token=first[ids[0]], now=now + LEASE) is None


def test_starting_late_begins_the_lease_anew(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    connected(organization, "deepseek", now)
    ((stream_id, token), *_) = streams_lease_due(now=now)
    started = now + LEASE - timedelta(seconds=1)
    assert stream_start(stream_id=stream_id, token=token, now=started) is not None
    assert SyncStream.objects.get(pk=stream_id).lease_until == started + LEASE
    assert stream_start(stream_id=stream_id, token=token, now=started + LEASE + timedelta(seconds=1)) is None


def test_two_dispatches_at_once_get_disjoint_streams(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    for _ in range(30):
        connected(organization, "deepseek", now)
    start, taken = threading.Barrier(4), []

    def lease() -> None:
        start.wait(20)
        try:
            for _ in range(10):
                taken.append(streams_lease_due(now=now, limit=7))
        finally:
            connection.close()

    threads = [threading.Thread(target=lease) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    ids = [stream_id for leases in taken for stream_id, _ in leases]
    assert len(ids) == len(set(ids)) == SyncStream.objects.count() == 60
    assert set(SyncStream.objects.values_list("lease_token", flat=True)) == {1}


def test_two_workers_with_one_message_land_once(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    """The queue may deliver a message twice, and both workers may hold the same lease."""
    connected(organization, "deepseek", now)
    stream = SyncStream.objects.get(capability="balance")
    token = dict(streams_lease_due(now=now))[stream.pk]
    start, errors = threading.Barrier(2), []

    def work() -> None:
        start.wait(20)
        try:
            run_leased(stream.pk, token, now)
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert SyncRun.objects.count() == 1
    assert BalanceReading.objects.count() == 2, "one for each wallet"
