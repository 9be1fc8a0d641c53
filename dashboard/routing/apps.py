from django.apps import AppConfig


class RoutingConfig(AppConfig):
    name = "dashboard.routing"
    label = "routing"
