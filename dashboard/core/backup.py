"""Everything that Purser knows in one file, and back again.

A backup is a tar of `database.dump` (pg_dump's custom format) and, when the keys are Purser's own and not told by the
environment, `secrets/secret_key` and `secrets/encryption_keys`. With the keys it opens every secret: it is written for
its owner alone, and wants a safe place.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from dashboard.core.bundled import EmbeddedError, postgres_binaries
from dashboard.core.embedded import Embedded, plain_environment

DUMP, KEYS = "database.dump", ("secret_key", "encryption_keys")
MOST_KEY_BYTES = 100_000


class BackupError(Exception):
    """It did not work; the message says why and what to do."""


@contextmanager
def database_running(embedded: Embedded | None) -> Iterator[None]:
    """Inside, PostgreSQL answers: an embedded one that nobody runs is started for as long as this takes."""
    if embedded is None or not embedded.lock():
        yield  # somebody else's server, or Purser itself is running
        return
    try:
        embedded.start_postgres()
        yield
    finally:
        embedded.stop()
        embedded.unlock()


def backup_write(*, target: Path, database: Mapping[str, Any], secrets: Path | None) -> None:
    """Dump the database into `target`, with the key files of the folder `secrets` unless that is None. An older file of
    that name is replaced once the new one is whole."""
    half = target.with_name(f".{target.name}.new")
    half.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="purser-backup-", dir=target.parent) as folder:
        dump = Path(folder) / DUMP
        _run("pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={dump}"], database)
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                archive.add(dump, DUMP)
                for name in KEYS if secrets is not None else ():
                    assert secrets is not None
                    archive.add(secrets / name, f"secrets/{name}")
            file.flush()
            os.fsync(file.fileno())
        half.rename(target)


def backup_read(*, source: Path, database: Mapping[str, Any], secrets: Path | None) -> bool:
    """Put what `source` holds in place of the database's contents, in one transaction, and its keys into the folder
    `secrets` unless that is None. Returns whether keys were in it."""
    with tempfile.TemporaryDirectory(prefix="purser-restore-") as name:
        folder = Path(name)
        keys = _unpack(source, folder)
        # Root's PostgreSQL runs as another account, but pg_restore runs as us: the folder may stay private.
        arguments = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error"]
        _run(
            "pg_restore",
            [*arguments, "--single-transaction", f"--dbname={database['NAME']}", str(folder / DUMP)],
            database,
        )
        if secrets is not None and keys:
            secrets.mkdir(parents=True, exist_ok=True)
            secrets.chmod(0o700)
            for one in KEYS:
                shutil.copyfile(folder / one, secrets / f".{one}.new")
                (secrets / f".{one}.new").chmod(0o600)
                (secrets / f".{one}.new").rename(secrets / one)
    return keys


def _unpack(source: Path, folder: Path) -> bool:
    """Only the members that a backup has, each under a name of ours: a made-up archive writes nowhere else."""
    try:
        with tarfile.open(source) as archive:
            members = {member.name: member for member in archive.getmembers() if member.isfile()}
            if DUMP not in members:
                raise BackupError(f"{source} is no backup of Purser: it holds no {DUMP}.")
            wanted = {DUMP: DUMP} | {f"secrets/{name}": name for name in KEYS if f"secrets/{name}" in members}
            for inside, outside in wanted.items():
                if outside != DUMP and members[inside].size > MOST_KEY_BYTES:
                    raise BackupError(f"{source} is no backup of Purser: its {inside} is too large.")
                content = archive.extractfile(members[inside])
                assert content is not None
                with (folder / outside).open("wb") as file:
                    shutil.copyfileobj(content, file)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{source} cannot be read as a backup ({error}).") from error
    return all((folder / name).exists() for name in KEYS)


def _run(program: str, arguments: list[str], database: Mapping[str, Any]) -> None:
    options = database.get("OPTIONS") or {}
    connection = {
        "PGHOST": str(options.get("host") or database.get("HOST") or ""),
        "PGPORT": str(database.get("PORT") or ""),
        "PGUSER": str(database.get("USER") or ""),
        "PGPASSWORD": str(database.get("PASSWORD") or ""),  # never an argument: those are seen by every process
        "PGDATABASE": str(database["NAME"]),
        "PGSSLMODE": str(options.get("sslmode") or ""),
        "PGOPTIONS": "-c client_min_messages=warning",
    }
    environment = plain_environment() | {name: value for name, value in connection.items() if value}
    done = subprocess.run(
        [_program(program), "--no-password", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1500:]}")


def _program(name: str) -> str:
    """The one from the wheel, which knows every PostgreSQL up to its own; else the machine's."""
    try:
        return str(postgres_binaries() / name)
    except EmbeddedError:
        found = shutil.which(name)
        if found is None:
            raise BackupError(f"{name} is missing here: install PostgreSQL's client programs.") from None
        return found


def keys_folder(folder: Path, *, own: bool) -> Path | None:
    """Where Purser's own keys are, or None when the environment tells them."""
    if not own:
        return None
    if missing := [name for name in KEYS if not (folder / name).exists()]:
        raise ImproperlyConfigured(f"{folder} lacks {', '.join(missing)}.")
    return folder
