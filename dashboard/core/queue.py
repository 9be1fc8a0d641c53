"""Putting work on the queue by name, so that a domain below the pipeline can ask for it."""

from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

# A person waits for the answer; what could not be queued now is found by the next dispatch.
_PATIENCE = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}


def enqueue_on_commit(task: str, *args: int | str, expires: float | None = None) -> None:
    """Send the pipeline task named `task` once the present transaction is committed. Arguments are ids, never secrets
    or model instances. Nothing is lost when Redis is away: leases pass, and dispatch looks for unchecked keys."""
    transaction.on_commit(partial(_send, task, args, expires))


def _send(task: str, args: tuple[int | str, ...], expires: float | None) -> None:
    try:
        current_app.send_task(f"dashboard.pipeline.{task}", args=args, expires=expires, retry_policy=_PATIENCE)
    except OperationalError:
        log.warning("queue.away", task=task)
