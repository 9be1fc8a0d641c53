"""The Celery application: what runs when, and how worker and beat outlive a restart of Redis."""

import os

from celery import Celery
from celery.schedules import crontab

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

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
    beat_scheduler="dashboard.core.periodic:StatelessScheduler",
    beat_max_loop_interval=5.0,  # each round is a sign of life
    beat_schedule={
        "dispatch": {
            "task": "dashboard.pipeline.dispatch_due_streams",
            "schedule": 60.0,
            # A queue that stood still must not catch up on old dispatches: the next one finds the same streams.
            "options": {"expires": 55},
        },
        "routes": {
            "task": "dashboard.pipeline.decide_routes",
            "schedule": 60.0,
            "options": {"expires": 55},
        },
        "mail": {
            "task": "dashboard.pipeline.carry_waiting_mail",
            "schedule": 60.0,
            "options": {"expires": 55},
        },
        "sign_ins": {
            "task": "dashboard.pipeline.advance_sign_ins",
            "schedule": 60.0,
            "options": {"expires": 55},
        },
        "reconcile_keys": {
            "task": "dashboard.pipeline.reconcile_keys",
            "schedule": 60.0,
            "options": {"expires": 55},
        },
        "rates": {
            "task": "dashboard.pipeline.fetch_rates",
            "schedule": crontab(minute="41"),
            "options": {"expires": 3000},
        },
        "remind": {"task": "dashboard.pipeline.remind", "schedule": crontab(hour="7", minute="5")},
        "prune": {"task": "dashboard.pipeline.prune", "schedule": crontab(hour="3", minute="17")},
    },
)
# By name: web processes import this module to send tasks, and need neither.
app.steps["consumer"].add("dashboard.core.periodic:SignsOfLife")
app.steps["consumer"].add("dashboard.core.periodic:Throughput")
