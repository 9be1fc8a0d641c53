from django.urls import path

from dashboard.usage.currency import views

urlpatterns = [
    path("settings/currency/", views.currency, name="currency"),
    path("settings/currency/rates/new/", views.rate_new, name="rate_new"),
    path("settings/currency/rates/<int:rate_id>/", views.rate, name="rate"),
    path("settings/currency/rates/<int:rate_id>/remove/", views.rate_out, name="rate_remove"),
]
