"""The Celery application: what runs when, and how worker and beat outlive a restart of Redis."""

import os
from datetime import UTC, datetime
from typing import Any

from celery import Celery, bootsteps
from celery.beat import Scheduler
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

from dashboard.core import heartbeat

app = Celery("purser")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    imports=("dashboard.pipeline",),
    timezone="UTC",
    # A task that a dying worker held comes back after an hour at the latest; leases bring it back far sooner.
    task_acks_late=True,
    broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True},
    # Tasks wait for remote hosts, so a long queue in one worker's memory would keep the others idle.
    worker_prefetch_multiplier=1,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # for ever
    worker_cancel_long_running_tasks_on_connection_loss=False,  # they land by their lease, with or without the broker
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    beat_scheduler="dashboard.celery:StatelessScheduler",
    beat_max_loop_interval=heartbeat.INTERVAL,
    beat_schedule={
        "dispatch": {
            "task": "dashboard.pipeline.dispatch_due_streams",
            "schedule": 60.0,
            # A queue that stood still must not catch up on old dispatches: the next one finds the same streams.
            "options": {"expires": 55},
        },
        "prune": {"task": "dashboard.pipeline.prune", "schedule": crontab(hour="3", minute="17")},
    },
)


class StatelessScheduler(Scheduler):
    """A beat without a file: every entry is due when it starts, then by its schedule.

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


app.steps["consumer"].add(SignsOfLife)
