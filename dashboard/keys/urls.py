"""The pages on which keys are changed, and those of service tokens, which have their addresses under the settings."""

from django.urls import path

from dashboard.keys import views
from dashboard.keys.intents import views as intents

urlpatterns = [
    path("keys/typed/", views.key_type_in, name="key_type_in"),
    path("keys/<int:provider_key_id>/owner/", views.key_assign, name="key_assign"),
    path("keys/<int:provider_key_id>/forget/", views.key_forget, name="key_forget"),
    path("keys/new/", intents.key_choose, name="key_choose"),
    path("keys/new/<int:account_id>/", intents.key_new, name="key_new"),
    path("keys/<int:provider_key_id>/rotate/", intents.key_rotate, name="key_rotate"),
    path("keys/<int:provider_key_id>/forget-secret/", intents.kept_drop, name="kept_drop"),
    path("keys/<int:provider_key_id>/<slug:operation>/", intents.key_change, name="key_change"),
    path("keys/changes/<uuid:intent_id>/", intents.intent, name="intent"),
    path("keys/changes/<uuid:intent_id>/keep/", intents.intent_stays, name="intent_stays"),
    path("settings/tokens/", views.service_tokens, name="service_tokens"),
    path("settings/tokens/new/", views.service_token_new, name="service_token_new"),
    path("settings/tokens/<int:service_token_id>/rotate/", views.service_token_again, name="service_token_again"),
    path("settings/tokens/<int:service_token_id>/revoke/", views.service_token_out, name="service_token_out"),
]
