from django.apps import AppConfig


class BalancesConfig(AppConfig):
    name = "dashboard.balances"
    label = "balances"
