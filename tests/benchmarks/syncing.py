"""1,000 credentials x 3 capabilities through one worker, and a refresh of the demo."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.db.models import Max, Min
from django.utils import timezone

from dashboard.credentials.models import CredentialState, ProviderAccount, ProviderCredential
from dashboard.organizations.models import Organization, User
from dashboard.overview.demo import demo_add_for, demo_delete
from dashboard.pipeline import dispatch_due_streams
from dashboard.sync.models import StreamState, SyncRun, SyncStream
from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import get, memory_mb, simulator, worker

CREDENTIALS, CAPABILITIES, LATENCY, THREADS = 1000, 3, 0.3, 64
SLUG, HOST = "moonshot", "api.kimi.ai"


def many_credentials() -> Iterator[Figure]:
    """Kimi Code: three capabilities, one call each. The simulator is warmed up first; its history costs it time."""
    organization = Organization.objects.create(name="Bench")
    with simulator(0.0) as warm_url, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda index: get(f"{warm_url}/coding/v1/usages", HOST, _token(index)), range(4)))
    with simulator(LATENCY) as url:
        _seed(organization, url)
        with ThreadPoolExecutor(64) as pool:
            list(pool.map(lambda index: get(f"{url}/coding/v1/usages", HOST, _token(index)), range(CREDENTIALS)))
        with worker(THREADS) as pid:
            time.sleep(4)  # the worker connects; a start is not what is measured
            began = timezone.now()
            dispatch_due_streams.delay()
            _wait(CREDENTIALS * CAPABILITIES)
            finished = SyncRun.objects.aggregate(last=Max("finished_at"))["last"]
            memory = memory_mb(pid)
    seconds = (finished - began).total_seconds()
    ideal = CREDENTIALS * CAPABILITIES * LATENCY / THREADS
    failed = SyncRun.objects.exclude(outcome="ok").count()
    yield Figure("sync: 3,000 streams at 300 ms, 64 threads", seconds, "s")
    yield Figure("sync: the same, by the ideal", seconds / ideal, "x", 1.5)
    yield Figure("sync: runs that were not good", failed, "runs", 0)
    yield Figure("sync: the worker's memory at its peak", memory, "MB", 300)
    organization.delete()


def _token(index: int) -> str:
    return f"sk-kimi-sim-bench{index}"


def _seed(organization: Organization, url: str) -> None:
    now = timezone.now()
    for index in range(CREDENTIALS):
        account = ProviderAccount.objects.create(
            organization=organization, provider_slug=SLUG, label=f"Account {index}"
        )
        credential = ProviderCredential(
            organization=organization,
            account=account,
            settings={"product": "kimi_code", "region": "intl"},
            relay_url=url,
            state=CredentialState.ACTIVE,
        )
        credential.set_secrets({"api_key": _token(index)})
        credential.save()
        SyncStream.objects.bulk_create(
            SyncStream(
                organization=organization,
                credential=credential,
                capability=capability,
                interval_seconds=3600,
                next_run_at=now,
            )
            for capability in ("balance", "quota", "models")
        )


def _wait(count: int, seconds: float = 240) -> None:
    deadline = time.monotonic() + seconds
    while SyncRun.objects.count() < count and time.monotonic() < deadline:
        time.sleep(0.25)


def demo_refresh() -> Iterator[Figure]:
    """All demo accounts read again, every answer 300 ms late."""
    user = User.objects.create_user("bench@example.org")
    with simulator(LATENCY) as url, worker(32):
        organization = demo_add_for(user=user, relay_url=url, now=timezone.now())
        _settled(organization, 180)
        streams = SyncStream.objects.filter(organization=organization).exclude(state=StreamState.STANDBY)
        last_before = SyncRun.objects.aggregate(last=Max("id"))["last"]
        streams.update(next_run_at=timezone.now() - timedelta(seconds=1))
        began = timezone.now()
        dispatch_due_streams.delay()
        expected = streams.count()
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            if SyncRun.objects.filter(pk__gt=last_before).values("stream").distinct().count() >= expected:
                break
            time.sleep(0.1)
        runs = SyncRun.objects.filter(pk__gt=last_before)
        whole = (runs.aggregate(last=Max("finished_at"))["last"] - began).total_seconds()
        spans = runs.values("stream__credential__account__provider_slug").annotate(
            first=Min("started_at"), last=Max("finished_at")
        )
        slowest = max((span["last"] - span["first"]).total_seconds() for span in spans)
    yield Figure("demo: refresh of all accounts at 300 ms", whole, "s", slowest + 2)
    yield Figure("demo: its slowest provider alone", slowest, "s")
    demo_delete(organization=organization)


def _settled(organization: Organization, seconds: float) -> None:
    """Wait until every credential is checked and all history is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        streams = SyncStream.objects.filter(organization=organization)
        checking = ProviderCredential.objects.filter(organization=organization, state=CredentialState.CHECKING)
        busy = streams.filter(backfill_goal__isnull=False) | streams.filter(state=StreamState.WAITING)
        if streams.exists() and not checking.exists() and not busy.exists():
            return
        time.sleep(0.25)
    raise TimeoutError("the demo did not settle")
