from django.urls import path

from dashboard.sync import views

app_name = "sync"
urlpatterns = [
    path("sync/", views.sync_all, name="sync_all"),
    path("sync/accounts/<int:account_id>/", views.account_sync, name="account_sync"),
    path("sync/streams/<int:stream_id>/", views.stream_sync, name="stream_sync"),
    path("credentials/<int:credential_id>/pause/", views.credential_pause, name="credential_pause"),
    path("credentials/<int:credential_id>/resume/", views.credential_resume, name="credential_resume"),
    path("credentials/<int:credential_id>/rotate/", views.rotate, name="rotate"),
    path("credentials/<int:credential_id>/switch/", views.switch, name="switch"),
    path("credentials/<int:credential_id>/remove/", views.remove, name="remove"),
]
