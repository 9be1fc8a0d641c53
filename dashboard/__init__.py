"""Purser's Django project. Celery's application is loaded with it, so that every process can put work on the queue."""

from dashboard.celery import app as celery_app

__all__ = ["celery_app"]
