"""`manage.py restore`: everything back from one file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from dashboard.core.backup import BackupError, backup_read, database_running


class Command(BaseCommand):
    help = "Put a backup in place of what is here. Stop Purser first."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="what `backup` has written")
        parser.add_argument("--replace", action="store_true", help="although there is something here, which is lost")

    def handle(self, *args: Any, **options: Any) -> None:
        source = Path(options["file"])
        embedded = settings.EMBEDDED if settings.EMBEDDED_POSTGRES else None
        if embedded is not None:
            if not embedded.lock():
                raise CommandError("Purser is running here. Stop it first.")
            embedded.unlock()
        secrets = settings.VAR_DIR / "secrets" if settings.OWN_KEYS else None
        try:
            with database_running(embedded):
                if not options["replace"] and self._lived_in():
                    raise CommandError("There are organizations here already. Add --replace to lose them.")
                connection.close()
                keys = backup_read(source=source, database=settings.DATABASES["default"], secrets=secrets)
                # A backup of an older version grows into the tables of this one.
                call_command("migrate", "--noinput", "--verbosity", "0")
                connection.close()
        except (BackupError, OSError) as error:
            raise CommandError(f"Nothing was changed: {error}") from error
        self.stdout.write("Restored.")
        if secrets is None or not keys:
            self.stdout.write(
                "The backup's keys were not put in place: PURSER_SECRET_KEY and PURSER_ENCRYPTION_KEYS must be those "
                "of then, or no secret opens. `manage.py rotate_encryption_keys --check` tells."
            )

    def _lived_in(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('organizations_organization')")
            if cursor.fetchone() == (None,):
                return False
            cursor.execute("SELECT EXISTS (SELECT 1 FROM organizations_organization)")
            return cursor.fetchone() == (True,)
