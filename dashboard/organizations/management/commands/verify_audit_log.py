"""`manage.py verify_audit_log`: recompute every organization's chain of audit events."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from dashboard.organizations.audit.log import chain_verify
from dashboard.organizations.models import AuditEvent, Organization


class Command(BaseCommand):
    help = "Check that no audit event was changed, removed or slipped in. Exit code 1 names the first that was."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organization", type=int, help="only this one, by its id")
        parser.add_argument(
            "--expect",
            metavar="SEQUENCE:HASH",
            help="a head noted earlier (with --organization): proves that nothing was cut off the end since",
        )

    def handle(self, *args: Any, organization: int | None, expect: str | None, **options: Any) -> None:
        chosen = Organization.objects.order_by("pk")
        if organization is not None:
            chosen = chosen.filter(pk=organization)
        if expect and (organization is None or not chosen):
            raise CommandError("--expect needs --organization, because every organization has a chain of its own.")
        failed = [one for one in chosen if not self._holds(one, expect)]
        if failed:
            raise CommandError(f"{len(failed)} of {len(chosen)} audit logs do not hold.")

    def _holds(self, organization: Organization, expect: str | None) -> bool:
        verdict = chain_verify(organization=organization)
        place = f"{organization.pk} {organization.name}"
        if verdict.broken:
            self.stderr.write(f"{place}: {verdict.broken}; {verdict.sequence} events before it hold")
            return False
        if expect and not self._contains(organization, expect):
            self.stderr.write(f"{place}: the event noted as {expect} is not there; the end was cut off or rewritten")
            return False
        self.stdout.write(f"{place}: {verdict.sequence} events hold; head {verdict.sequence}:{verdict.head}")
        return True

    def _contains(self, organization: Organization, expect: str) -> bool:
        number, _, digest = expect.partition(":")
        if not number.isdecimal():
            raise CommandError("--expect is a sequence and a hash with a colon between, as this command prints them.")
        return (
            number == "0"
            or AuditEvent.objects.filter(organization=organization, sequence=int(number), hash=digest).exists()
        )
