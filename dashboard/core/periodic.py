"""Our parts of Celery, named in dashboard/celery.py: a beat without a file, and a worker that says it is alive."""

import sys
from datetime import UTC, datetime
from typing import Any

from celery import bootsteps
from celery.beat import Scheduler

from dashboard.core import heartbeat
from dashboard.core.memory import settle_memory


class StatelessScheduler(Scheduler):
    """Every entry is due when the beat starts, then by its schedule.

    All periodic tasks are idempotent, so a start too many costs nothing; a machine that is off at night still prunes,
    and no half-written schedule can stop it. Each round of the loop is a sign of life.
    """

    def setup_schedule(self) -> None:
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = datetime(2000, 1, 1, tzinfo=UTC)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        heartbeat.beat("beat")
        return super().tick(*args, **kwargs)


class SignsOfLife(bootsteps.StartStopStep):
    """Beats from the worker's own event loop: a worker that has lost its broker or hangs gives no sign."""

    def start(self, parent: Any) -> None:
        heartbeat.beat("worker")
        self.timer = parent.timer.call_repeatedly(heartbeat.INTERVAL, heartbeat.beat, ("worker",))

    def stop(self, parent: Any) -> None:
        self.timer.cancel()

    shutdown = stop


class Throughput(bootsteps.StartStopStep):
    """Settings of the interpreter for a process of many threads that mostly wait: a thread that has work may finish
    more of it before another takes over, which costs a wait of milliseconds at most."""

    def start(self, parent: Any) -> None:
        settle_memory()
        sys.setswitchinterval(0.02)
