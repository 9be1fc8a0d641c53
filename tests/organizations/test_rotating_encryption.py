"""Another encryption key: everything follows, whatever interrupts it."""

import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboard.core.encryption import Unreadable, decrypt, encrypt, key_id, open_text, seal_text
from dashboard.core.resealing import holders
from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.organizations.mail import mail_queue
from dashboard.organizations.models import Organization, OutgoingMail, User

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_encryption_keys", *arguments, stdout=out)
    return out.getvalue()


def credentials(organization: Organization, count: int) -> None:
    account = ProviderAccount.objects.create(organization=organization, provider_slug="deepseek", label="Main")
    ProviderCredential.objects.bulk_create(
        ProviderCredential(
            organization=organization,
            account=account,
            encrypted_secrets=encrypt({"api_key": f"sk-{number}"}),
            key_id=key_id(),
        )
        for number in range(count)
    )


def test_every_sealed_column_is_known() -> None:
    """A column that holds encrypted text and is not named would be lost with the old key."""
    found = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if field.name.startswith(("encrypted", "sealed"))
    }
    assert found == {place.name for place in holders()}
    assert all(hasattr(place.model, "key_id") for place in holders())  # type: ignore[attr-defined]


def test_everything_is_brought_under_the_newest_key(
    organization: Organization, owner: User, settings: Settings
) -> None:
    settings.ENCRYPTION_KEYS = [OLD]
    credentials(organization, 5)
    mail_queue(to="a@b.example", subject="S", text="code", now=timezone.now())
    TOTP.activate(owner, "JBSWY3DPEHPK3PXP")
    codes = RecoveryCodes.activate(owner).get_unused_codes()
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    assert "credentials.ProviderCredential.encrypted_secrets: 5 under older keys" in rotate("--check")
    assert "Nothing needs" not in rotate("--check")
    assert "Everything is under key" in rotate("--batch", "2")
    assert "Nothing needs the older keys" in rotate("--check")
    settings.ENCRYPTION_KEYS = [NEW]
    rows = ProviderCredential.objects.order_by("pk")
    assert [decrypt(row.encrypted_secrets) for row in rows] == [{"api_key": f"sk-{number}"} for number in range(5)]
    assert {row.key_id for row in rows} == {key_id()}
    assert open_text(OutgoingMail.objects.get().encrypted_text) == "code"
    assert open_text(Authenticator.objects.get(type="totp").data["secret"]) == "JBSWY3DPEHPK3PXP"
    assert Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes() == codes
    before = list(rows.values_list("encrypted_secrets", flat=True))
    rotate()
    assert list(rows.values_list("encrypted_secrets", flat=True)) == before, "again changes nothing"


def test_what_no_key_opens_is_named_and_the_rest_goes_on(organization: Organization, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    credentials(organization, 1)
    lost = ProviderCredential.objects.get()
    settings.ENCRYPTION_KEYS = [OLD]
    ProviderCredential.objects.create(
        organization=organization, account=lost.account, encrypted_secrets=encrypt({"api_key": "sk"}), key_id=key_id()
    )
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match=f"encrypted_secrets {lost.pk}"):
        rotate()
    assert ProviderCredential.objects.filter(key_id=key_id()).count() == 1
    with pytest.raises(Unreadable):
        lost.unlocked()


@pytest.mark.django_db(transaction=True)
def test_killed_halfway_it_goes_on_where_it_was() -> None:
    organization = Organization.objects.create(name="Harbor")
    with override_settings(ENCRYPTION_KEYS=[OLD]):
        credentials(organization, 1500)
    stored = connection.settings_dict
    environment = os.environ | {
        "DATABASE_URL": f"postgres://{stored['USER']}:{stored['PASSWORD']}@{stored['HOST'] or '/'}/{stored['NAME']}",
        "PURSER_ENCRYPTION_KEYS": f"{NEW},{OLD}",
        "PURSER_SECRET_KEY": "for tests only " * 4,
        "PYTHONUNBUFFERED": "1",
    }
    if host := stored["OPTIONS"].get("host"):
        environment["DATABASE_URL"] = f"postgres://{stored['USER']}@/{stored['NAME']}?host={host}"
    argv = [sys.executable, "manage.py", "rotate_encryption_keys", "--batch", "10"]
    with subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("credentials.ProviderCredential.encrypted_secrets: 100 of"):
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait(30) == -signal.SIGKILL
    with override_settings(ENCRYPTION_KEYS=[NEW, OLD]):
        done = ProviderCredential.objects.filter(key_id=key_id()).count()
        assert 100 <= done < 1500, "some are under the new key, some are not"
        readable = {row.unlocked().values["api_key"] for row in ProviderCredential.objects.select_related("account")}
        assert len(readable) == 1500, "and all of them open meanwhile"
    again = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert f"encrypted_secrets: {1500 - done} to go" in again.stdout
    with override_settings(ENCRYPTION_KEYS=[NEW]):
        rows = ProviderCredential.objects.select_related("account")
        assert {row.unlocked().values["api_key"] for row in rows} == {f"sk-{number}" for number in range(1500)}


def test_a_secret_that_is_entered_meanwhile_is_not_overwritten(organization: Organization, settings: Settings) -> None:
    """Rows are read under a lock and only when they are still under an older key."""
    settings.ENCRYPTION_KEYS = [OLD]
    credentials(organization, 3)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    (place,) = [one for one in holders() if "Credential" in one.name]
    turning = place.turn(1)
    next(turning)
    last = ProviderCredential.objects.latest("pk")
    last.set_secrets({"api_key": "entered meanwhile"})
    last.save()
    assert sum(progress.done for progress in turning) == 1
    last.refresh_from_db()
    assert last.unlocked().values["api_key"] == "entered meanwhile"


def test_keys_of_pursers_own_are_made_and_forgotten(
    tmp_path: Path, organization: Organization, settings: Settings, monkeypatch: Any
) -> None:
    file = tmp_path / "encryption_keys"
    file.write_text(OLD + "\n")
    settings.ENCRYPTION_KEYS_FILE, settings.ENCRYPTION_KEYS_FROM_ENVIRONMENT = file, False
    settings.ENCRYPTION_KEYS = [OLD]
    credentials(organization, 2)
    assert "Restart Purser now" in rotate("--generate")
    keys = file.read_text().strip().split(",")
    assert keys[1:] == [OLD]
    assert file.stat().st_mode & 0o777 == 0o600
    settings.ENCRYPTION_KEYS = keys
    with pytest.raises(CommandError, match="2 secrets still need an older key"):
        rotate("--forget-old")
    rotate()
    rotate("--forget-old")
    assert file.read_text().strip() == keys[0]
    settings.ENCRYPTION_KEYS_FROM_ENVIRONMENT = True
    for option in ("--generate", "--forget-old"):
        with pytest.raises(CommandError, match="change it there"):
            rotate(option)


def test_texts_of_strangers_do_not_open() -> None:
    with override_settings(ENCRYPTION_KEYS=[OLD]):
        token = seal_text("secret")
    with override_settings(ENCRYPTION_KEYS=[NEW]), pytest.raises(Unreadable):
        open_text(token)
