"""`manage.py providers_table`: the tables of providers in the README, from what the adapters declare."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from providers.catalog import catalog, readme_tables, readme_with
from providers.registry import PROVIDERS


class Command(BaseCommand):
    help = "Print the tables of providers, write them into README.md, or see that they stand there."
    requires_system_checks: list[str] = []  # reads no database and no Redis

    def add_arguments(self, parser: ArgumentParser) -> None:
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--write", action="store_true", help="write them between the marks of README.md")
        how.add_argument("--check", action="store_true", help="exit code 1 when README.md says something else")

    def handle(self, *args: Any, write: bool, check: bool, **options: Any) -> None:
        tables, readme = readme_tables(catalog(PROVIDERS)), settings.BASE_DIR / "README.md"
        if not (write or check):
            self.stdout.write(tables)
            return
        text = readme.read_text(encoding="utf-8")
        try:
            wanted = readme_with(text, tables)
        except ValueError as error:
            raise CommandError(f"README.md: {error}.") from error
        if check and wanted != text:
            raise CommandError("README.md differs from what the adapters declare: run it with --write.")
        if write and wanted != text:
            readme.write_text(wanted, encoding="utf-8")
        self.stdout.write("README.md says what the adapters declare.")
