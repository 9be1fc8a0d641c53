"""`manage.py messages`: brings the catalogs of dashboard/locale in step with the sources; `--check` only looks."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import to_locale

from dashboard.core.languages import catalogs
from dashboard.core.languages.extraction import messages_in


class Command(BaseCommand):
    help = "Brings the catalogs of translations in step with the sources, and says what is missing."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="change nothing; fail when something is missing")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        found, wrong = list(messages_in(settings.BASE_DIR)), 0
        for language, _name in settings.LANGUAGES:
            if language == settings.LANGUAGE_CODE:
                continue
            catalog = catalogs.updated(to_locale(language), found)
            if not check:
                catalogs.write(catalog, catalogs.path_of(to_locale(language)))
            problems = list(catalogs.problems(catalog))
            wrong += len(problems)
            for problem in problems:
                self.stdout.write(f"{language}: {problem}")
            self.stdout.write(f"{language}: {len(list(catalogs.entries(catalog)))} messages, {len(problems)} to mend")
        if check and wrong:
            raise CommandError("Some messages are not translated: see above.")
