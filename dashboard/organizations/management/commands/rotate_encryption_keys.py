"""`manage.py rotate_encryption_keys`: bring every secret under the newest key."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.core.encryption import key_id
from dashboard.core.resealing import BATCH, Holder, holders
from dashboard.core.secrets_file import encryption_key_add, encryption_keys_forget
from dashboard.organizations.sign_in.sealed import SecondFactors

_AFTER = "Restart Purser now, so that every process knows the new key; then run this command again without options."


class Command(BaseCommand):
    help = "Encrypt every secret anew under the first of PURSER_ENCRYPTION_KEYS. It can be stopped and run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        step = parser.add_mutually_exclusive_group()
        step.add_argument("--check", action="store_true", help="only say how much is under older keys")
        step.add_argument("--generate", action="store_true", help="first step: put a fresh key into var/secrets")
        step.add_argument("--forget-old", action="store_true", help="last step: take the older keys out of var/secrets")
        parser.add_argument("--batch", type=int, default=BATCH, help="rows in one transaction")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["generate"]:
            self._generate()
        elif options["check"]:
            self._check()
        elif options["forget_old"]:
            self._forget()
        else:
            self._rotate(max(1, options["batch"]))

    def _places(self) -> list[Holder]:
        return holders([SecondFactors()])

    def _stale(self) -> int:
        return sum(place.stale() for place in self._places())

    def _generate(self) -> None:
        self._own_file()
        count = encryption_key_add(settings.ENCRYPTION_KEYS_FILE)
        self.stdout.write(f"{settings.ENCRYPTION_KEYS_FILE} holds {count} keys now, the new one first. {_AFTER}")

    def _check(self) -> None:
        for place in self._places():
            self.stdout.write(f"{place.name}: {place.stale()} under older keys than {key_id()}")
        if len(settings.ENCRYPTION_KEYS) > 1 and not self._stale():
            self.stdout.write("Nothing needs the older keys any more.")

    def _forget(self) -> None:
        self._own_file()
        if left := self._stale():
            raise CommandError(f"{left} secrets still need an older key. Run this command without options first.")
        gone = encryption_keys_forget(settings.ENCRYPTION_KEYS_FILE)
        self.stdout.write(f"{gone} older keys are forgotten. Backups made before need them: keep those keys with them.")

    def _rotate(self, batch: int) -> None:
        unreadable: list[str] = []
        for place in self._places():
            total, done = place.stale(), 0
            self.stdout.write(f"{place.name}: {total} to go")
            for progress in place.turn(batch):
                done += progress.done
                unreadable += progress.unreadable
                self.stdout.write(f"{place.name}: {done} of {total}")
                self.stdout.flush()
        if unreadable:
            raise CommandError(
                f"No key in PURSER_ENCRYPTION_KEYS opens these: {', '.join(unreadable[:20])}. "
                "Add the key that they were made with, or enter those secrets anew."
            )
        self.stdout.write(f"Everything is under key {key_id()}.")

    def _own_file(self) -> None:
        if not settings.ENCRYPTION_KEYS_FILE.exists() or settings.ENCRYPTION_KEYS_FROM_ENVIRONMENT:
            raise CommandError(
                "The keys come from PURSER_ENCRYPTION_KEYS: change it there. To begin, put a new key before the old "
                "ones, separated by a comma, and restart; to end, leave only the new one."
            )
