from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "dashboard.usage"
    label = "usage"
