"""What people and programs bring: entries typed in by hand."""

from dashboard.usage.entries.urls import urlpatterns as entry_urls

app_name = "usage"
urlpatterns = [*entry_urls]
