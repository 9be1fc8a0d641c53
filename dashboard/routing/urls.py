"""The pages of routing."""

from django.urls import path

from dashboard.routing import views

app_name = "routing"
urlpatterns = [
    path("routing/", views.policies, name="policies"),
    path("routing/new/", views.policy_new, name="policy_new"),
    path("routing/<int:policy_id>/", views.policy, name="policy"),
    path("routing/<int:policy_id>/edit/", views.policy_edit, name="policy_edit"),
    path("routing/<int:policy_id>/remove/", views.policy_out, name="policy_out"),
    path("routing/<int:policy_id>/config.yaml", views.policy_litellm, name="policy_litellm"),
    path("routing/<int:policy_id>/config.losses.json", views.policy_litellm_losses, name="policy_litellm_losses"),
    path("routing/<int:policy_id>/revisions/<int:number>/", views.revision, name="revision"),
    path("routing/<int:policy_id>/revisions/<int:number>/restore/", views.revision_restore, name="revision_restore"),
]
