from django.urls import path

from dashboard.usage.entries import views

urlpatterns = [
    path("accounts/<int:account_id>/entries/<slug:kind>/", views.add, name="entry_add"),
    path("entries/<int:entry_id>/remove/", views.remove, name="entry_remove"),
]
