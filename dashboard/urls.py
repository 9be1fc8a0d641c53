"""The addresses of Purser, one line per domain."""

from django.urls import include, path

from dashboard.core.urls import health_urls

urlpatterns = [
    *health_urls,
    path("", include("dashboard.organizations.urls")),
]
