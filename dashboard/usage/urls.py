"""Who spent what; and what people and programs bring: entries typed in by hand, and the page on sending usage in, whose
call is mounted by dashboard.api."""

from django.urls import path

from dashboard.usage.currency.urls import urlpatterns as currency_urls
from dashboard.usage.entries.urls import urlpatterns as entry_urls
from dashboard.usage.estimates.urls import urlpatterns as estimate_urls
from dashboard.usage.explorer.urls import urlpatterns as explorer_urls
from dashboard.usage.intake import views as intake_views
from dashboard.usage.rules.urls import urlpatterns as rule_urls

app_name = "usage"
urlpatterns = [
    *explorer_urls,
    *estimate_urls,
    *rule_urls,
    *entry_urls,
    *currency_urls,
    path("settings/usage-api/", intake_views.usage_api, name="usage_api"),
]
