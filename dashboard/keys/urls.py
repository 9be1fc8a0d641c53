"""The pages of service tokens, under the settings."""

from django.urls import path

from dashboard.keys import views

app_name = "keys"
urlpatterns = [
    path("settings/tokens/", views.service_tokens, name="service_tokens"),
    path("settings/tokens/new/", views.service_token_new, name="service_token_new"),
    path("settings/tokens/<int:service_token_id>/rotate/", views.service_token_again, name="service_token_again"),
    path("settings/tokens/<int:service_token_id>/revoke/", views.service_token_out, name="service_token_out"),
]
