from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "dashboard.usage"
    label = "usage"

    def ready(self) -> None:
        from dashboard.keys.signals import provider_key_assigned
        from dashboard.usage.rules.services import key_rule_follow

        provider_key_assigned.connect(key_rule_follow, dispatch_uid="usage.key_rule_follow")
