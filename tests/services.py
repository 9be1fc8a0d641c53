"""PostgreSQL and Redis for whatever is tested, when the environment brings none: embedded, under var/test.

As a pytest plugin (`-p tests.services`, which pytest loads before Django's settings) they live as long as the run; as a
command (`python -m tests.services manage.py migrate`) as long as the command. Runs beside each other get folders of
their own: var/test, var/test-2 ...; xdist workers share the servers of their run and each has its own Redis database.
"""

import atexit
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from dashboard.core.embedded import Embedded

ROOT = Path(__file__).resolve().parent.parent
_READY = "PURSER_TEST_SERVICES"  # set for everything below the process that started the servers
_MOST_RUNS = 16


def ensure(*, durable: bool = False) -> None:
    """Make PostgreSQL and Redis available through the environment. Harmless when called again."""
    if _READY not in os.environ:
        if "DATABASE_URL" in os.environ:
            _bring_keys()
        else:
            _start(durable)
        os.environ[_READY] = "1"
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        _own_redis_database(int(worker.removeprefix("gw")) + 1)


def _start(durable: bool) -> None:
    embedded = _free_folder(durable)
    atexit.register(embedded.stop)
    embedded.end_strays()
    embedded.start_postgres()
    os.environ["PURSER_VAR"] = str(embedded.var)
    (embedded.var / "collected").mkdir(
        exist_ok=True
    )  # WhiteNoise warns about a missing folder, and warnings are errors
    if "REDIS_URL" not in os.environ:
        embedded.start_redis()
        os.environ["REDIS_URL"] = embedded.redis_url


def _free_folder(durable: bool) -> Embedded:
    for number in range(1, _MOST_RUNS + 1):
        embedded = Embedded(ROOT / "var" / ("test" if number == 1 else f"test-{number}"), durable=durable)
        if embedded.lock():
            return embedded
    raise RuntimeError(f"{_MOST_RUNS} test runs at once are enough; wait for one to end")


def _bring_keys() -> None:
    """With a database from outside nothing is generated; keys for tests guard nothing."""
    os.environ.setdefault("PURSER_VAR", str(ROOT / "var" / "test"))
    os.environ.setdefault("PURSER_SECRET_KEY", "for tests only " * 4)
    os.environ.setdefault("PURSER_ENCRYPTION_KEYS", "Zm9yIHRlc3RzIG9ubHk6IGl0IGd1YXJkcyBub25lISE=")


def _own_redis_database(number: int) -> None:
    base, _, old = os.environ["REDIS_URL"].partition("?db=")
    if old or base.startswith("unix:"):
        os.environ["REDIS_URL"] = f"{base}?db={number}"
    else:
        os.environ["REDIS_URL"] = urlsplit(base)._replace(path=f"/{number}").geturl()


def pytest_addoption() -> None:
    """The one hook that comes before pytest-django reads the settings."""
    ensure()


def main(arguments: list[str]) -> int:
    """Run a Python module or file (or with `--`, any command) with the services; its exit code is ours.

    PURSER_TEST_DURABLE=1 lets PostgreSQL wait for the disk as in production: for benchmarks.
    """
    ensure(durable=os.environ.get("PURSER_TEST_DURABLE") == "1")
    command = arguments[1:] if arguments[:1] == ["--"] else [sys.executable, *arguments]
    child = subprocess.Popen(command, cwd=ROOT)
    # Ctrl-C reaches the child as well: it decides, and we stop the servers after it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
