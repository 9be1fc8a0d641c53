"""The history of the simulated accounts, read to the end: every unit of money that was charged stands in the rollup."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Sum

from dashboard.organizations.models import Organization
from dashboard.organizations.scope import Scope
from dashboard.sync import services
from dashboard.sync.models import RunOutcome, StreamState, SyncRun, SyncStream
from dashboard.sync.selectors import progress_of_account
from dashboard.sync.services import streams_lease_due
from dashboard.sync.windows import backfilling
from dashboard.usage.explorer.selectors import PROVIDER, Wanted, spend_totals, sums_known
from dashboard.usage.models import CostRecord, SpendDaily, UsageDaily, UsageRecord
from providers.simulator.server import Answer
from providers.spec import Endpoint
from tests.providers.simulated import SimulatedWire
from tests.sync.driving import account_of, connected, run_all, run_leased, run_once

DAY = timedelta(days=1)
WITH_MONEY = ["anthropic", "deepinfra", "metachat", "openai", "openrouter", "xai"]


def history_of(stream: SyncStream) -> timedelta:
    endpoint = stream.credential.provider.endpoint(stream.capability)
    assert isinstance(endpoint, Endpoint)
    return endpoint.history


def money_stream() -> SyncStream:
    """The stream whose rows carry the money: cost where the provider bills, else usage."""
    return SyncStream.objects.filter(capability__in=["cost", "usage"]).order_by("capability")[0]


def first_whole_day(now: datetime) -> datetime:
    """The first day that lies whole within the history read."""
    return (now - history_of(money_stream())).replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def stood(since: datetime) -> Decimal | None:
    return SpendDaily.objects.filter(day__gte=since.date()).aggregate(total=Sum("spend"))["total"]


def compare(simulator: SimulatedWire, slug: str, now: datetime) -> None:
    """All days (or months) within the history: money of the ledger against money of the rollup, to the last digit."""
    since = first_whole_day(now)
    if SpendDaily.objects.filter(span="month").exists():
        since = (since.replace(day=1) + 32 * DAY).replace(day=1)
    account = account_of(simulator, slug)
    assert stood(since) == account.spent(since, now) > 0
    assert SpendDaily.objects.aggregate(total=Sum("spend")) == UsageDaily.objects.aggregate(total=Sum("spend"))
    scope = Scope(SpendDaily.objects.earliest("pk").organization_id)
    days: dict[str, Any] = {"group": PROVIDER, "first": since.date(), "last": now.date()}
    page = spend_totals(wanted=Wanted(scope=scope), known=sums_known(scope=scope)(), **days)()
    assert {(one.group, one.unit.code) for one in page} == {(slug, account.profile.unit)}
    assert sum(one.spend for one in page) == account.spent(since, now), "the spend page tells the ledger"
    assert {part.unit for part in SpendDaily.objects.filter(spend__isnull=False)} == {account.profile.unit}


@pytest.mark.parametrize("slug", WITH_MONEY)
def test_what_was_charged_is_what_stands_there(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    Organization.objects.update(reporting_zone="UTC")
    connected(organization, slug, now)
    run_all(now)
    assert not SyncRun.objects.exclude(outcome__in=[RunOutcome.OK, RunOutcome.PARTIAL]).exists()
    assert not any(backfilling(stream) for stream in SyncStream.objects.all())
    compare(simulator, slug, now)
    counts = UsageRecord.objects.count(), CostRecord.objects.count(), UsageDaily.objects.count()
    # Everything once more, from the beginning: nothing is counted twice and nothing moves.
    rows = sorted(map(str, UsageDaily.objects.values_list("day", "span", "model", "unit", "spend", "requests")))
    SyncStream.objects.update(cursor=None, backfilled_to=None, backfill_goal=None, next_run_at=now, lease_until=None)
    run_all(now)
    assert counts == (UsageRecord.objects.count(), CostRecord.objects.count(), UsageDaily.objects.count())
    assert rows == sorted(map(str, UsageDaily.objects.values_list("day", "span", "model", "unit", "spend", "requests")))
    changed = SyncRun.objects.filter(stream__capability__in=["usage", "cost"]).order_by("-pk")
    second_pass = changed[: changed.count() // 2]
    assert {run.changed for run in second_pass} == {0}


@pytest.mark.parametrize("slug", WITH_MONEY)
def test_after_a_long_absence_nothing_is_missing(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str
) -> None:
    Organization.objects.update(reporting_zone="UTC")
    connected(organization, slug, now)
    run_all(now)
    away = min(75 * DAY, history_of(money_stream()) - 2 * DAY)
    later = simulator.now = now + away + timedelta(hours=5)
    SyncStream.objects.update(next_run_at=later)
    run_all(later)
    latest = {
        stream.capability: (stream.state, stream.message)
        for stream in SyncStream.objects.filter(capability__in=["usage", "cost"])
    }
    assert set(latest.values()) == {(StreamState.FRESH, "")}
    compare(simulator, slug, later)


def test_the_open_day_is_revised_and_not_added(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    Organization.objects.update(reporting_zone="UTC")
    connected(organization, "openai", now)
    for hours in (0, 3, 6, 9, 12, 30, 96):
        moment = simulator.now = now + timedelta(hours=hours)
        SyncStream.objects.update(next_run_at=moment)
        run_all(moment)
        today = SpendDaily.objects.get(day=moment.date(), unit="USD")
        midnight = moment.replace(hour=0, minute=0)
        assert today.spend == account_of(simulator, "openai").spent(midnight, moment)
        assert today.provisional
    assert not SpendDaily.objects.get(day=now.date(), unit="USD").provisional


class KilledError(Exception):
    """The worker died here."""


@pytest.mark.parametrize("slug", ["openai", "deepinfra", "openrouter"])
def test_killed_in_the_middle_of_a_landing_leaves_nothing_half(
    organization: Organization, simulator: SimulatedWire, now: datetime, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When rows and cursor were written and the commit was still to come: the transaction takes both back."""
    Organization.objects.update(reporting_zone="UTC")
    connected(organization, slug, now)
    stream = SyncStream.objects.get(capability="cost")

    def killed(*args: Any, **kwargs: Any) -> None:
        assert CostRecord.objects.exists(), "the rows are there, inside the transaction"
        raise KilledError

    leases = dict(streams_lease_due(now=now))
    with monkeypatch.context() as broken:
        broken.setattr(services, "_log", killed)
        with pytest.raises(KilledError):
            run_leased(stream.pk, leases[stream.pk], now)
    assert (CostRecord.objects.count(), UsageDaily.objects.count(), SpendDaily.objects.count()) == (0, 0, 0)
    assert not SyncRun.objects.exists()
    before = SyncStream.objects.get(pk=stream.pk)
    assert (before.cursor, before.backfilled_to, before.lease_token) == (None, None, leases[stream.pk])
    # Nobody has the stream until the lease passes; then the next worker reads everything.
    assert run_once(stream, now).state == StreamState.FRESH
    SyncStream.objects.update(lease_until=None)
    run_all(now)
    compare(simulator, slug, now)


def test_killed_in_the_middle_of_the_backfill_goes_on_where_it_was(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    Organization.objects.update(reporting_zone="UTC")
    connected(organization, "openai", now)
    stream = SyncStream.objects.get(capability="cost")
    first = run_once(stream, now)
    assert backfilling(first)
    stopped_at = first.backfilled_to
    later = simulator.now = now + timedelta(minutes=10)
    run_all(later)
    spans = list(
        SyncRun.objects.filter(stream=stream).order_by("pk").values_list("window_start", "window_end", "backfill")
    )
    assert spans[1][1:] == (stopped_at, True), "the second span begins where the first one ended"
    assert len({span[0] for span in spans}) == len(spans), "no span is read twice"
    compare(simulator, "openai", later)


def test_progress_counts_up_and_names_what_is_read(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    credential = connected(organization, "openai", now)
    stream = SyncStream.objects.get(capability="cost")
    shown = []
    for _ in range(4):
        run_once(stream, now)
        SyncStream.objects.update(lease_until=None)
        progress = progress_of_account(account_id=credential.account_id, now=now)
        shown.append((progress.busy, progress.words, list(progress.histories)))
    assert shown == [
        (True, "history of cost", [("cost", 33)]),
        (True, "history of cost", [("cost", 66)]),
        (False, "", []),
        (False, "", []),
    ]
    assert progress.done == progress.total == 5


def test_a_provider_that_keeps_less_history_ends_the_backfill_without_failing(
    organization: Organization, simulator: SimulatedWire, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(organization, "openai", now)
    stream = SyncStream.objects.get(capability="cost")
    assert backfilling(run_once(stream, now))
    rows = CostRecord.objects.count()
    refused = {"error": {"message": "start_time is too far back", "type": "invalid_request_error", "code": None}}
    monkeypatch.setattr(simulator.simulator, "answer", lambda *args, **kw: Answer(status=400, document=refused))
    after = run_once(stream, now)
    assert (after.state, after.failures, after.message) == (StreamState.FRESH, 0, "")
    assert not backfilling(after)
    assert after.next_run_at > now
    assert CostRecord.objects.count() == rows
    run = SyncRun.objects.latest("pk")
    assert (run.outcome, run.message) == (RunOutcome.OK, "The provider keeps no older history than this.")


def test_a_refused_key_does_not_end_the_backfill(
    organization: Organization, simulator: SimulatedWire, now: datetime
) -> None:
    connected(organization, "openai", now)
    stream = SyncStream.objects.get(capability="cost")
    first = run_once(stream, now)
    for fault in ("500", "429", "truncated", "shape", "401"):
        simulator.simulator.faults[("openai", "harbor")] = fault  # type: ignore[assignment]
        after = run_once(stream, now)
        assert (after.backfilled_to, after.backfill_goal) == (first.backfilled_to, first.backfill_goal), fault
        assert after.cursor == first.cursor
        SyncStream.objects.filter(pk=stream.pk).update(state=StreamState.WAITING, failures=0)
        organization.credentials.update(resting_until=None)
