"""The addresses of the health checks, for the root URLconf to take in."""

from django.urls import path

from dashboard.core import health

health_urls = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]
