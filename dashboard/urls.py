"""The addresses of Purser, one line per domain."""

from django.conf import settings
from django.urls import include, path

from dashboard.core.urls import health_urls
from dashboard.credentials.urls import urlpatterns as credential_urls
from dashboard.keys.urls import urlpatterns as keys_urls
from dashboard.organizations.sign_in.urls import sign_in_urls
from dashboard.overview.styleguide.urls import style_urls
from dashboard.overview.urls import account_urls, key_urls

urlpatterns = [
    *health_urls,
    path("api/v1/", include("dashboard.api")),  # programs ask more often than people: found before all the pages
    *sign_in_urls,
    path("", include("dashboard.organizations.urls")),
    path("", include(([*credential_urls, *account_urls], "credentials"))),
    path("", include(([*keys_urls, *key_urls], "keys"))),
    path("", include("dashboard.usage.urls")),
    path("", include("dashboard.usage.imports.urls")),
    path("", include("dashboard.sync.urls")),
    path("", include("dashboard.routing.urls")),
    path("", include("dashboard.overview.urls")),
]

if settings.DEBUG:
    urlpatterns += style_urls
