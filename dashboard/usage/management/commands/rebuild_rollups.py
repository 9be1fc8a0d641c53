"""`manage.py rebuild_rollups`: roll up the stored usage and cost anew, by the price lists as they are now."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard.credentials.models import ProviderAccount
from dashboard.usage.services import rollups_rebuild


class Command(BaseCommand):
    help = "Roll up the stored records of every account anew, a month at a time. It may run beside everything else."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--account", type=int, help="only this one, by its id")

    def handle(self, *args: Any, account: int | None, **options: Any) -> None:
        chosen = ProviderAccount.objects.select_related("organization").order_by("pk")
        if account is not None:
            chosen = chosen.filter(pk=account)
            if not chosen:
                raise CommandError("There is no account with that id.")
        for one in chosen.iterator():
            days = rollups_rebuild(account=one)
            self.stdout.write(f"{one.pk} {one.provider_name}, {one.label}: {days} days")
