from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    name = "dashboard.organizations"
    label = "organizations"

    def ready(self) -> None:
        from dashboard.organizations import signals  # noqa: F401 -- connects its receivers
