"""`python -m tests.exports.written FILE`: LiteLLM's file of a policy with tiers, weights and a pattern, in an empty
database that `tests.services` brings."""

import os
import sys
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")

import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from dashboard.routing.document import Document, Route, Target, Tier
from dashboard.routing.exports.litellm import litellm_export
from dashboard.routing.services import policy_save


def main(file: str) -> None:
    if "PURSER_TEST_SERVICES" not in os.environ:
        sys.exit("This empties its database: run it with `make validate-exports`, which brings one of its own.")
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    call_command("migrate", verbosity=0)
    organization = Organization.objects.create(name="Exports")
    one, two, three = (
        ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label=label).pk
        for label in ("One", "Two", "Three")
    )
    shared = Tier(targets=(Target(account=one, model="m", weight=70), Target(account=two, model="m", weight=30)))
    rest = (Tier(targets=(Target(account=three, model="m"),)), Tier(targets=(Target(account=one, model="last"),)))
    routes = (
        Route(match="chat-default", tiers=(shared, *rest)),
        Route(match="maker/model-1.5", kind="model", tiers=rest),
    )
    revision = policy_save(
        organization=organization,
        team=None,
        document=Document(routes=routes),
        based_on=0,
        note="",
        by=SYSTEM,
        now=timezone.now(),
    )
    Path(file).write_text(litellm_export(policy=revision.policy, revision=revision).content, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
