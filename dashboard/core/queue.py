"""Putting work on the queue by name, so that a domain below the pipeline can ask for it."""

from celery import current_app
from django.db import transaction


def enqueue_on_commit(task: str, *args: int | str, expires: float | None = None) -> None:
    """Send the pipeline task named `task` once the present transaction is committed. Arguments are ids, never secrets
    or model instances."""
    transaction.on_commit(lambda: current_app.send_task(f"dashboard.pipeline.{task}", args=args, expires=expires))
