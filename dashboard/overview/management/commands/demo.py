"""`manage.py demo`: add the demo organization for the owner, or point it to where the simulator is now."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from dashboard.organizations.services import organization_choose, owner_ensure
from dashboard.overview.demo import demo_add_for, demo_relay


class Command(BaseCommand):
    help = "Add the demo organization: every provider connected to the simulator, with 90 days of history."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--relay-only", action="store_true", help="only tell an existing demo the new address")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.SIMULATOR_URL:
            raise CommandError("The demo needs a running simulator: set PURSER_SIMULATOR_URL, or use `make demo`.")
        if options["relay_only"]:
            demo_relay(relay_url=settings.SIMULATOR_URL)
            return
        owner = owner_ensure()
        organization = demo_add_for(user=owner, relay_url=settings.SIMULATOR_URL, now=timezone.now())
        organization_choose(user=owner, organization=organization)
        self.stdout.write("The demo organization is there; its figures come in within a minute.")
