from django.urls import path

from dashboard.organizations import views
from dashboard.organizations.audit import views as audit_views

app_name = "organizations"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", views.sign_in_by_link, name="sign_in_by_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("audit/", audit_views.audit_log, name="audit_log"),
    path("audit/csv/", audit_views.audit_csv, name="audit_csv"),
    path("organizations/<int:organization_id>/choose/", views.organization_choose, name="choose"),
]
