"""`manage.py sign_in_link`: print a one-time link that signs the owner (or --email) in."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils import timezone

from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import User
from dashboard.organizations.selectors import anybody_signed_in
from dashboard.organizations.services import owner_ensure, sign_in_link_create
from dashboard.organizations.sign_in.services import second_factors_forget


class Command(BaseCommand):
    help = "Print a one-time sign-in link, valid for a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", help="whom to sign in; the first owner unless given")
        parser.add_argument(
            "--if-nobody-signed-in", action="store_true", help="print nothing once somebody has signed in"
        )

        parser.add_argument(
            "--forget-second-factors",
            action="store_true",
            help="for somebody who has lost them: the link then opens without a code",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["if_nobody_signed_in"] and anybody_signed_in():
            return
        user = self._person(options["email"])
        if options["forget_second_factors"]:
            gone = second_factors_forget(user=user, by=SYSTEM, now=timezone.now())
            self.stderr.write(f"{gone} second factors of {user.email} are forgotten.")
        token = sign_in_link_create(user=user, now=timezone.now())
        path = reverse("sign_in_by_link", args=[token])
        self.stdout.write(f"{settings.BASE_URL}{path}")

    def _person(self, email: str | None) -> User:
        if email is None:
            return owner_ensure()
        try:
            return User.objects.get(email=email.lower(), is_active=True)
        except User.DoesNotExist as error:
            raise CommandError(f"Nobody here has the address {email}.") from error
