"""Providers of one's own. Part of the namespace `credentials`."""

from django.urls import path

from dashboard.credentials.described import views

described_urls = [
    path("providers/own/", views.described_list, name="described_list"),
    path("providers/own/new/", views.described_new, name="described_new"),
    path("providers/own/<int:described_id>/", views.described_general, name="described_general"),
    path("providers/own/<int:described_id>/json/", views.described_json, name="described_json"),
    path("providers/own/<int:described_id>/test/", views.described_test, name="described_test"),
    path("providers/own/<int:described_id>/export/", views.described_export, name="described_export"),
    path("providers/own/<int:described_id>/delete/", views.described_remove, name="described_remove"),
    path("providers/own/<int:described_id>/reads/<slug:part>/", views.described_part, name="described_part"),
]
