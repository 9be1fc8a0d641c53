"""Providers to choose from, connecting, checking. Mounted under the namespace `credentials` with the account pages."""

from django.urls import path

from dashboard.credentials import views

urlpatterns = [
    path("providers/", views.provider_list, name="provider_list"),
    path("providers/<slug:slug>/", views.provider_detail, name="provider_detail"),
    path("connect/", views.connect, name="connect"),
    path("connect/environment/", views.connect_from_environment, name="connect_from_environment"),
    path("connect/<slug:slug>/", views.connect_form, name="connect_form"),
    path("accounts/<int:account_id>/settings/", views.account_settings, name="account_settings"),
    path("credentials/<int:credential_id>/check/", views.check, name="check"),
    path("credentials/<int:credential_id>/expiry/", views.expiry, name="expiry"),
    path("credentials/<int:credential_id>/recheck/", views.recheck, name="recheck"),
]
