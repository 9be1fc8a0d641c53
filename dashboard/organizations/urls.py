from django.urls import path

from dashboard.organizations import views
from dashboard.organizations.audit import views as audit_views
from dashboard.organizations.mail import views as mail_views

app_name = "organizations"
urlpatterns = [
    path("members/", views.members, name="members"),
    path("members/<int:membership_id>/", views.member, name="member"),
    path("members/<int:membership_id>/remove/", views.member_out, name="member_out"),
    path("members/<int:membership_id>/link/", views.member_link, name="member_link"),
    path("members/leave/", views.leave, name="leave"),
    path("members/invite/", views.invite, name="invite"),
    path("invitations/<int:invitation_id>/revoke/", views.invitation_back, name="invitation_back"),
    path("join/<str:token>/", views.invitation, name="invitation"),
    path("teams/", views.teams, name="teams"),
    path("teams/new/", views.team_new, name="team_new"),
    path("teams/<int:team_id>/", views.team, name="team"),
    path("teams/<int:team_id>/archive/", views.team_shelve, name="team_shelve"),
    path("audit/", audit_views.audit_log, name="audit_log"),
    path("audit/csv/", audit_views.audit_csv, name="audit_csv"),
    path("mail/", mail_views.outbox, name="outbox"),
    path("settings/", views.organization_settings, name="settings"),
    path("organizations/new/", views.organization_new, name="organization_new"),
    path("organizations/<int:organization_id>/choose/", views.organization_choose, name="choose"),
]
