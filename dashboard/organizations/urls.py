from django.urls import path

from dashboard.organizations import views

app_name = "organizations"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("sign-in/<str:token>/", views.sign_in_by_link, name="sign_in_by_link"),
    path("sign-out/", views.sign_out, name="sign_out"),
    path("organizations/<int:organization_id>/choose/", views.organization_choose, name="choose"),
]
