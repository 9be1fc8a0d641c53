from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "dashboard.credentials"
    label = "credentials"
