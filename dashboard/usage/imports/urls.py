from django.urls import path

from dashboard.usage.imports import views

app_name = "imports"
urlpatterns = [
    path("accounts/<int:account_id>/imports/", views.account_imports, name="account_imports"),
    path("imports/<int:import_id>/", views.one, name="one"),
    path("imports/<int:import_id>/columns/", views.columns, name="columns"),
    path("imports/<int:import_id>/reread/", views.reread, name="reread"),
    path("imports/<int:import_id>/progress/", views.progress, name="progress"),
    path("imports/<int:import_id>/commit/", views.commit, name="commit"),
    path("imports/<int:import_id>/undo/", views.undo, name="undo"),
    path("imports/<int:import_id>/drop/", views.drop, name="drop"),
]
