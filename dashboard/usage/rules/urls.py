from django.urls import path

from dashboard.usage.rules import views

urlpatterns = [
    path("spend/rules/", views.rules, name="rules"),
    path("spend/rules/new/", views.rule_new, name="rule_new"),
    path("spend/rules/<int:rule_id>/", views.rule, name="rule"),
    path("spend/rules/<int:rule_id>/remove/", views.rule_out, name="rule_remove"),
]
