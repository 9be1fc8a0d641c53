"""Providers to choose from, connecting, checking. Mounted under the namespace `credentials` with the account pages."""

from django.urls import path

from dashboard.credentials import views
from dashboard.credentials.described.urls import described_urls
from dashboard.credentials.oauth import views as oauth

urlpatterns = [
    *described_urls,
    path("providers/", views.provider_list, name="provider_list"),
    path("providers/<slug:slug>/", views.provider_detail, name="provider_detail"),
    path("connect/", views.connect, name="connect"),
    path("connect/environment/", views.connect_from_environment, name="connect_from_environment"),
    path("connect/<slug:slug>/", views.connect_form, name="connect_form"),
    path("connect/<slug:slug>/sign-in/", oauth.begin, name="oauth_begin"),
    path("connect/<slug:slug>/callback/", oauth.callback, name="oauth_callback"),
    path("sign-ins/<int:login_id>/", oauth.login, name="oauth_login"),
    path("sign-ins/<int:login_id>/go/", oauth.go, name="oauth_go"),
    path("sign-ins/<int:login_id>/again/", oauth.restart, name="oauth_restart"),
    path("sign-ins/<int:login_id>/cancel/", oauth.cancel, name="oauth_cancel"),
    path("sign-ins/<int:login_id>/connect/", oauth.accept, name="oauth_accept"),
    path("apps/<int:client_id>/", oauth.client, name="oauth_client"),
    path("apps/<int:client_id>/remove/", oauth.client_out, name="oauth_client_out"),
    path("credentials/<int:credential_id>/sign-in/", oauth.again, name="oauth_again"),
    path("accounts/<int:account_id>/settings/", views.account_settings, name="account_settings"),
    path("credentials/<int:credential_id>/check/", views.check, name="check"),
    path("credentials/<int:credential_id>/expiry/", views.expiry, name="expiry"),
    path("credentials/<int:credential_id>/recheck/", views.recheck, name="recheck"),
]
