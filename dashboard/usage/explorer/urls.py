from django.urls import path

from dashboard.usage.explorer import views

urlpatterns = [
    path("spend/", views.explorer, name="explorer"),
    path("spend/csv/", views.explorer_csv, name="explorer_csv"),
]
