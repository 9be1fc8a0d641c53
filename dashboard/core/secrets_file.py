"""Secrets that Purser makes for itself on first start, one file each, readable by its owner alone."""

import fcntl
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured


def _random_text() -> str:
    return secrets.token_urlsafe(50)


def _fernet_key() -> str:
    return Fernet.generate_key().decode("ascii")


# name of the variable -> (how Purser makes one, how a person makes one)
_KINDS: dict[str, tuple[Callable[[], str], str]] = {
    "PURSER_SECRET_KEY": (_random_text, "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"),
    "PURSER_ENCRYPTION_KEYS": (
        _fernet_key,
        "python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'",
    ),
}


def secret_from_file(path: Path, *, name: str, may_generate: bool) -> str:
    """The secret kept in `path`, made there first if it is absent and may be made.

    `name` is the environment variable that would have brought it; it also decides the secret's form.
    Raises ImproperlyConfigured with what to do.
    """
    try:
        if not path.exists():
            if not may_generate:
                raise ImproperlyConfigured(f"{name} is not set. Make one with: {_KINDS[name][1]}")
            _generate(path, _KINDS[name][0])
        secret = path.read_text("ascii").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The secret file {path} cannot be used ({error.strerror}). It must belong to the user who starts Purser; "
            f"or set {name}."
        ) from error
    if not secret:
        raise ImproperlyConfigured(f"The secret file {path} is empty: restore it from a backup, or set {name}.")
    return secret


def encryption_key_add(path: Path) -> int:
    """Put a fresh encryption key before those in `path`. Returns how many there are now."""
    keys = [_fernet_key(), *(key.strip() for key in path.read_text("ascii").split(",") if key.strip())]
    write_secret(path, ",".join(keys))
    return len(keys)


def encryption_keys_forget(path: Path) -> int:
    """Keep the newest encryption key alone. Returns how many were forgotten."""
    newest, *older = [key.strip() for key in path.read_text("ascii").split(",") if key.strip()]
    write_secret(path, newest)
    return len(older)


def write_secret(path: Path, secret: str) -> None:
    """Replace the secret in `path`, whole or not at all."""
    half = path.with_name(f".{path.name}.new")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secret + "\n")
        file.flush()
        # Data encrypted with a key that a power cut then takes away would be lost: the key reaches the disk first.
        os.fsync(file.fileno())
    half.rename(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _generate(path: Path, make: Callable[[], str]) -> None:
    """Write a new secret unless another process was faster: the first one wins, and both read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    with (path.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return
        write_secret(path, make())
