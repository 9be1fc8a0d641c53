"""`manage.py run`: the whole of Purser on one machine, behind `make run` and `make demo`."""

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from dashboard.core import processes
from dashboard.core.bundled import EmbeddedError
from dashboard.core.embedded import Embedded, stop_postgres, stop_redis
from dashboard.core.supervisor import Child, Sink, Start, StopRequested, Supervisor

_STOP_SECONDS = 10.0
# Other versions and extensions of htmx that its package brings along.
_NEVER_ASKED_FOR = ("--ignore=htmx-2*", "--ignore=htmax-*", "--ignore=ext")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 -- read, not bound


class Command(BaseCommand):
    help = "Run Purser: database and queue (unless you bring yours), web, worker and beat, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--demo", action="store_true", help="also make the demo organization")

    def handle(self, *_args: Any, **options: Any) -> None:
        embedded: Embedded = settings.EMBEDDED
        # Two supervisors on one var/ would fight over files and sockets.
        try:
            free = embedded.lock()
        except EmbeddedError as error:
            raise CommandError(str(error)) from error
        if not free:
            raise CommandError(
                f"Purser already runs on {embedded.var}. Stop it first, or set PURSER_VAR to another folder."
            )
        application = Application(embedded, Supervisor(embedded.var, sys.stdout), verbose=options["verbosity"] > 1)
        application.run(demo=options["demo"])


class Application:
    """What the supervisor keeps alive, and in which order it comes up."""

    def __init__(self, embedded: Embedded, supervisor: Supervisor, *, verbose: bool) -> None:
        self.embedded = embedded
        self.supervisor = supervisor
        self.verbose = verbose
        self.level = "info" if verbose else "warning"
        self.began = time.monotonic()
        self.simulator_moved = False
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "PURSER_VAR": str(embedded.var),
            "PYTHONUNBUFFERED": "1",
            # Celery warns about root in general; here nothing is unpickled.
            "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
        }

    def run(self, *, demo: bool) -> None:
        self.supervisor.listen()
        try:
            self._clear_the_way()
            self._start_servers()
            self._prepare()
            self._start_processes()
            if demo:
                self._make_demo()
            elif self.simulator_moved:
                self._once("demo", ["demo", "--relay-only"], lambda code: None)
            self._announce()
            self.supervisor.forever()
        except StopRequested:
            self.supervisor.say("stopping")
        except EmbeddedError as error:
            raise CommandError(str(error)) from error
        finally:
            self.supervisor.stop(seconds=_STOP_SECONDS)
        self.supervisor.say("stopped")

    # --- Before anything starts -----------------------------------------------------------------------------

    def _clear_the_way(self) -> None:
        """End what a killed start may have left, then make sure that the port is ours to take."""
        self.embedded.end_strays()
        if found := processes.sweep(self.embedded.var, patience=5.0):
            self.supervisor.say(f"ended {found} processes that an earlier start left behind")
        family = socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, settings.PORT))
            except OSError as error:
                raise CommandError(_why_not(error)) from error

    def _start_servers(self) -> None:
        embedded, supervisor = self.embedded, self.supervisor
        if settings.EMBEDDED_POSTGRES:
            postgres = Child("postgres", embedded.spawn_postgres, supervisor.file_only("postgres"), end=stop_postgres)
            supervisor.add(postgres)
        if settings.EMBEDDED_REDIS:
            redis = Child("redis", embedded.spawn_redis, supervisor.file_only("redis"), end=stop_redis)
            supervisor.add(redis)
        self._start_simulator()
        if settings.EMBEDDED_POSTGRES:
            embedded.await_postgres(self._first_process(postgres))
        if settings.EMBEDDED_REDIS:
            embedded.await_redis(self._first_process(redis))

    def _first_process(self, child: Child) -> subprocess.Popen[bytes]:
        if child.process is None:
            raise EmbeddedError(f"{child.name} could not be started; the line above says why")
        return child.process

    def _prepare(self) -> None:
        """Tables in a child, and static files here meanwhile: this process has loaded all that takes."""
        codes: list[int] = []
        self._once("migrate", ["migrate", "--noinput", "--verbosity", "0"], codes.append)
        self._collect_static_files()
        self.supervisor.wait_for(lambda: bool(codes), float("inf"))
        if codes != [0]:
            raise CommandError("Purser cannot start: its tables could not be made; the lines above say why.")

    def _collect_static_files(self) -> None:
        """To compress them takes seconds: a start before which no file has changed takes them as they are."""
        collected, sources = self.embedded.var / "run" / "collected", _static_sources()
        there = Path(settings.STATIC_ROOT, "staticfiles.json").exists()
        if there and collected.exists() and collected.read_text() == sources:
            return
        collected.unlink(missing_ok=True)
        call_command("collectstatic", "--noinput", "--verbosity", "0", *_NEVER_ASKED_FOR)
        collected.write_text(sources)

    # --- The processes --------------------------------------------------------------------------------------

    def _start_simulator(self) -> None:
        module = settings.BASE_DIR / "providers" / "simulator" / "__main__.py"
        if not settings.DEMO or settings.SIMULATOR_URL or not module.exists():
            return
        port, self.simulator_moved = _simulator_port(self.embedded.var / "run" / "simulator.port")
        self.environment["PURSER_SIMULATOR_URL"] = f"http://127.0.0.1:{port}"
        arguments = ["-m", "providers.simulator", "--host", "127.0.0.1", "--port", str(port)]
        self._keep("simulator", arguments, sink=None if self.verbose else self.supervisor.file_only("simulator"))

    def _start_processes(self) -> None:
        celery = ["-m", "celery", "-A", "dashboard.celery", "--quiet"]
        light = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        arguments = [*celery, "worker", "--pool", "threads", "--loglevel", self.level, *light]
        self._keep("worker", arguments, sink=self.supervisor.mostly_both("worker"))
        self._keep("beat", [*celery, "beat", "--loglevel", self.level])
        self._keep(
            "web",
            [
                *("-m", "granian", "--interface", "wsgi", "dashboard.wsgi:application", "--no-ws"),
                *("--host", settings.HOST, "--port", str(settings.PORT), "--log-level", self.level),
                *("--workers", "2", "--blocking-threads", str(_web_threads()), "--workers-kill-timeout", "5"),
            ],
            # Granian's workers are its own children: it needs the chance to end them.
            orphaned=signal.SIGTERM,
        )

    def _keep(
        self, name: str, arguments: list[str], *, sink: Sink | None = None, orphaned: signal.Signals = signal.SIGKILL
    ) -> None:
        self.supervisor.add(Child(name, self._python(arguments, orphaned), sink or self.supervisor.both(name)))

    def _once(self, name: str, arguments: list[str], then: Callable[[int], None], *, sink: Sink | None = None) -> None:
        start = self._python(["manage.py", *arguments], signal.SIGKILL)
        self.supervisor.add(Child(name, start, sink or self.supervisor.both(name), then=then))

    def _python(self, arguments: list[str], orphaned: signal.Signals) -> Start:
        def start(output: int) -> subprocess.Popen[bytes]:
            return processes.spawn(
                [sys.executable, *arguments],
                owner=self.embedded.var,
                env=self.environment,
                output=output,
                cwd=settings.BASE_DIR,
                orphaned=orphaned,
            )

        return start

    # --- What the person at the terminal sees ---------------------------------------------------------------

    def _make_demo(self) -> None:
        def made(code: int) -> None:
            seconds = time.monotonic() - self.began
            self.supervisor.say(
                f"the demo organization is there, {seconds:.0f} s after the start"
                if code == 0
                else "the demo organization could not be made; the lines above say why"
            )

        self._once("demo", ["demo"], made)

    def _announce(self) -> None:
        """The address, as soon as it answers, and the way in as long as nobody has signed in."""
        self.supervisor.wait_for(_web_answers, float("inf"))
        self.supervisor.say(f"Purser is at {settings.BASE_URL}  (Ctrl-C stops it)")

        def asked(code: int) -> None:
            if code != 0:
                self.supervisor.say("no sign-in link could be made; try: manage.py sign_in_link")

        # The link is a key to the house: it goes to the terminal, never into a log.
        show = self.supervisor.terminal_only("purser")
        self._once("sign-in", ["sign_in_link", "--if-nobody-signed-in"], asked, sink=show)


def _web_threads() -> int:
    """Per worker: enough for pages that wait on the database, not more than Granian finds sensible."""
    return min(8, 2 * (os.cpu_count() or 1) + 1)


def _static_sources() -> str:
    """What tells one state of the static files from another: path, size and time of each, one to a line."""
    found = (Path(storage.path(path)) for finder in get_finders() for path, storage in finder.list([]))
    told = ((path, path.stat()) for path in found)
    return "".join(sorted(f"{path} {one.st_size} {one.st_mtime_ns}\n" for path, one in told))


def _why_not(error: OSError) -> str:
    place = f"{settings.HOST}:{settings.PORT}"
    if error.errno == errno.EADDRINUSE:
        return f"Something else already listens on {place}. Choose another port: PURSER_PORT={settings.PORT + 1}"
    if error.errno == errno.EACCES:
        return f"Ports under 1024 need root, so {place} cannot be used. Choose another one with PURSER_PORT."
    return f"{place} cannot be used ({error.strerror}). PURSER_HOST and PURSER_PORT choose the address."


def _simulator_port(memory: Path) -> tuple[int, bool]:
    """(port, whether it moved): the port of last time if it is free, so that the demo's accounts still find it."""
    try:
        wanted = int(memory.read_text())
    except (OSError, ValueError):
        wanted = 0
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            break
    memory.parent.mkdir(parents=True, exist_ok=True)
    memory.write_text(str(free))
    return free, wanted not in (0, free)


def _web_answers() -> bool:
    """GET /healthz by hand: the rest of Purser's HTTP leaves through one module, and this stays on the machine."""
    name = next((host for host in settings.ALLOWED_HOSTS if not host.startswith((".", "*"))), "127.0.0.1")
    request = f"GET /healthz HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n"
    address: Mapping[str, str] = _ANY_ADDRESS
    try:
        with socket.create_connection((address.get(settings.HOST, settings.HOST), settings.PORT), timeout=2) as web:
            web.sendall(request.encode())
            return b" 200 " in web.recv(64)
    except OSError:
        return False
