"""A backup, and an empty machine that becomes the old one."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard.core.backup import BackupError, backup_read
from tests.core.folders import folder

ROOT = Path(__file__).resolve().parents[2]
MAKE_SOMETHING = """
from django.utils import timezone
from dashboard.credentials.services import credential_create
from dashboard.organizations.audit import SYSTEM
from dashboard.organizations.models import Organization
from providers.registry import PROVIDERS
home = Organization.objects.create(name="Harbor Labs")
credential_create(organization=home, provider=PROVIDERS["deepseek"], values={"api_key": "sk-0123456789abcdef"},
    label="Main", by=SYSTEM, now=timezone.now(), check=False)
"""
READ_IT = """
from dashboard.credentials.models import ProviderCredential
one = ProviderCredential.objects.select_related("account", "organization").get()
print(one.organization.name, one.unlocked().values["api_key"])
"""


@pytest.fixture
def place() -> Iterator[Path]:
    with folder() as path:
        yield path


def manage(var: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`manage.py` on an installation of its own under `var`, with its own PostgreSQL and keys."""
    strange = ("DATABASE_URL", "REDIS_URL", "PURSER_SECRET_KEY", "PURSER_ENCRYPTION_KEYS", "PURSER_TEST_SERVICES")
    environment = {name: value for name, value in os.environ.items() if name not in strange} | {"PURSER_VAR": str(var)}
    argv = [sys.executable, "manage.py", *arguments]
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=check)


def with_database(var: Path, script: str) -> str:
    """Run a script while the embedded PostgreSQL of `var` is up."""
    around = (
        "import django, sys; django.setup()\n"
        "from django.conf import settings\n"
        "from django.core.management import call_command\n"
        "from dashboard.core.backup import database_running\n"
        "with database_running(settings.EMBEDDED):\n"
        "    call_command('migrate', '--noinput', verbosity=0)\n"
        "    exec(sys.stdin.read())\n"
        "    from django.db import connection; connection.close(); connection.close_pool()\n"
    )
    strange = ("DATABASE_URL", "REDIS_URL", "PURSER_SECRET_KEY", "PURSER_ENCRYPTION_KEYS", "PURSER_TEST_SERVICES")
    environment = {name: value for name, value in os.environ.items() if name not in strange}
    environment |= {"PURSER_VAR": str(var), "DJANGO_SETTINGS_MODULE": "dashboard.settings"}
    argv = [sys.executable, "-c", around]
    done = subprocess.run(argv, cwd=ROOT, env=environment, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_an_empty_machine_becomes_the_old_one_and_reads_its_secrets(place: Path) -> None:
    old, new, file = place / "old", place / "new", place / "backup.tar"
    with_database(old, MAKE_SOMETHING)
    told = manage(old, "backup", str(file)).stdout
    assert "keys that open every secret" in told
    assert file.stat().st_mode & 0o777 == 0o600
    assert b"sk-0123456789abcdef" not in file.read_bytes()

    restored = manage(new, "restore", str(file))
    assert "Restored." in restored.stdout
    assert with_database(new, READ_IT) == "Harbor Labs sk-0123456789abcdef"
    assert (new / "secrets" / "encryption_keys").stat().st_mode & 0o777 == 0o600

    again = manage(new, "restore", str(file), check=False)
    assert "--replace" in again.stderr, "nothing is overwritten by a slip"
    manage(new, "restore", str(file), "--replace")
    assert with_database(new, READ_IT) == "Harbor Labs sk-0123456789abcdef"

    bare = place / "bare.tar"
    assert "no secret opens again" in manage(old, "backup", str(bare), "--without-keys").stdout
    with tarfile.open(bare) as archive:
        assert archive.getnames() == ["database.dump"]


def archive_of(path: Path, **members: bytes) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def test_what_is_no_backup_is_refused_and_writes_nowhere(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    for source in (
        tmp_path / "missing",
        tmp_path / "text",
        archive_of(tmp_path / "a.tar", other=b"x"),
        archive_of(tmp_path / "b.tar", **{"..__..__database.dump": b"x"}),
        archive_of(tmp_path / "c.tar", **{"database.dump": b"x", "secrets__secret_key": b"x" * 200_000}),
    ):
        with pytest.raises(BackupError, match="backup"):
            backup_read(source=source, database={"NAME": "none"}, secrets=tmp_path / "secrets")
    assert not (tmp_path / "secrets").exists()


def test_a_restore_that_fails_leaves_everything_as_it_was(place: Path) -> None:
    old = place / "old"
    with_database(old, MAKE_SOMETHING)
    broken = archive_of(place / "broken.tar", **{"database.dump": b"PGDMP not really"})
    done = manage(old, "restore", str(broken), "--replace", check=False)
    assert done.returncode == 1
    assert "Nothing was changed" in done.stderr
    assert with_database(old, READ_IT) == "Harbor Labs sk-0123456789abcdef"
