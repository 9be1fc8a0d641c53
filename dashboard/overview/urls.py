from django.urls import path

from dashboard.overview import views
from dashboard.overview.keys import views as keys

app_name = "overview"
urlpatterns = [
    path("", views.overview, name="overview"),
    path("palette/", views.palette, name="palette"),
    path("demo/add/", views.demo_add, name="demo_add"),
    path("demo/remove/", views.demo_remove, name="demo_remove"),
]

# The pages of accounts and keys read from several domains, so their views live here; their names are the domains'.
account_urls = [
    path("accounts/", views.account_list, name="account_list"),
    path("accounts/<int:account_id>/", views.account, name="account"),
    path("accounts/<int:account_id>/progress/", views.sync_progress, name="sync_progress"),
]
key_urls = [
    path("keys/", keys.key_list, name="key_list"),
    path("keys/<int:provider_key_id>/", keys.key, name="key"),
]
