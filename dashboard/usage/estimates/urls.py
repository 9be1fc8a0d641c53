from django.urls import path

from dashboard.usage.estimates import views

urlpatterns = [
    path("spend/estimates/", views.estimates, name="estimates"),
    path("spend/estimates/csv/", views.estimates_csv, name="estimates_csv"),
]
