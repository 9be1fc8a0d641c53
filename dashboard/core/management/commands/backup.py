"""`manage.py backup`: everything in one file."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.core.backup import BackupError, backup_write, database_running, keys_folder


class Command(BaseCommand):
    help = "Write the database and Purser's own keys into one file. Purser may be running or not."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", help="where to; var/backups/purser-<date>.tar unless given")
        parser.add_argument("--without-keys", action="store_true", help="leave the keys out, to keep them elsewhere")

    def handle(self, *args: Any, **options: Any) -> None:
        target = Path(options["file"]) if options["file"] else self._default()
        target.parent.mkdir(parents=True, exist_ok=True)
        keys = None if options["without_keys"] else keys_folder(settings.VAR_DIR / "secrets", own=settings.OWN_KEYS)
        try:
            with database_running(settings.EMBEDDED if settings.EMBEDDED_POSTGRES else None):
                backup_write(target=target.resolve(), database=settings.DATABASES["default"], secrets=keys)
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        size = target.stat().st_size
        self.stdout.write(f"{target}: {size / 1_000_000:.1f} MB")
        self.stdout.write(
            "It holds the keys that open every secret in it: keep it where only you can read it."
            if keys
            else "The keys are not in it: without PURSER_SECRET_KEY and PURSER_ENCRYPTION_KEYS no secret opens again."
        )

    def _default(self) -> Path:
        return Path(settings.VAR_DIR / "backups" / f"purser-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.tar")
