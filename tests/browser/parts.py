"""The real parts that a browser test meets: simulator, worker and web server on a database of their own."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg
import redis
from celery import Celery
from psycopg.sql import SQL, Identifier

from dashboard.core import processes
from dashboard.core.embedded import broker_url
from providers.registry import PROVIDERS

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0  # seconds; the machine may be busy with the other tests
LONG = 1000 * PATIENCE  # the same for Playwright, where something else than the page has to work first

# The product talks to the providers' own hosts. Here every new credential and sign-in is given a relay as it is stored,
# so that no check and no read can leave this machine, whichever way it was connected.
RELAY = """
CREATE TABLE browser_relay (url text NOT NULL);
INSERT INTO browser_relay VALUES ('{url}');
CREATE FUNCTION browser_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.relay_url = '' THEN NEW.relay_url := (SELECT url FROM browser_relay); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER browser_relay BEFORE INSERT ON credentials_providercredential
    FOR EACH ROW EXECUTE FUNCTION browser_relay();
CREATE TRIGGER browser_relay BEFORE INSERT ON credentials_oauthlogin
    FOR EACH ROW EXECUTE FUNCTION browser_relay();
"""


class Purser:
    """`start` brings everything up and `stop` ends it. In between: SQL, commands, and the simulator's control."""

    def __init__(self, var: Path, *, database: str, database_url: str, redis_url: str) -> None:
        self.var = var
        self.url = f"http://localhost:{_free_port()}"  # a name: passkeys need one
        self.simulator_url = f"http://127.0.0.1:{_free_port()}"
        self.owner_state: Any = None  # what a browser keeps of the first owner's session
        self._database = database
        self._server_url = database_url
        self._database_url = urlsplit(database_url)._replace(path=f"/{database}").geturl()
        self._redis_url = redis_url
        self._environment = self._make_environment()
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._connection: psycopg.Connection[Any] | None = None
        # A port that is taken and where nobody answers: a provider that is down.
        self._nobody = socket.socket()
        self._nobody.bind(("127.0.0.1", 0))
        self.nowhere_url = f"http://127.0.0.1:{self._nobody.getsockname()[1]}"

    def _make_environment(self) -> dict[str, str]:
        keys = {field.environment for provider in PROVIDERS.values() for field in provider.fields}
        own = {name: value for name, value in os.environ.items() if name not in keys and name != processes.MARK}
        return own | {
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "DATABASE_URL": self._database_url,
            "REDIS_URL": self._redis_url,
            "PURSER_VAR": str(self.var),
            "PURSER_SECRET_KEY": "for tests only " * 4,
            "PURSER_ENCRYPTION_KEYS": "Zm9yIHRlc3RzIG9ubHk6IGl0IGd1YXJkcyBub25lISE=",
            "PURSER_BASE_URL": self.url,
            "PURSER_PORT": str(urlsplit(self.url).port),
            "PURSER_SIMULATOR_URL": self.simulator_url,
            "PURSER_WORKER_THREADS": "12",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
        }

    # --- Start and stop -------------------------------------------------------------------------------------

    def start(self) -> None:
        if not (ROOT / "static" / "app.css").exists():
            raise RuntimeError("The pages have no styles and scripts yet: run `make assets` first.")
        self._drop_database()
        with psycopg.connect(self._server_url, autocommit=True) as server:
            server.execute(SQL("CREATE DATABASE {}").format(Identifier(self._database)))
        redis.Redis.from_url(self._redis_url).flushdb()
        (self.var / "collected").mkdir(parents=True, exist_ok=True)
        port = str(urlsplit(self.simulator_url).port)
        self._spawn("simulator", ["-m", "providers.simulator", "--port", port])
        self._spawn("migrate", ["manage.py", "migrate", "--noinput", "--verbosity", "0"])
        self._spawn("collectstatic", ["manage.py", "collectstatic", "--noinput", "--verbosity", "0"])
        for name in ("migrate", "collectstatic"):
            if self._children.pop(name).wait(PATIENCE):
                raise RuntimeError(f"{name} failed:\n{self.said(name)}")
        self.sql(RELAY.format(url=self.simulator_url))
        self.start_worker()
        self._start_web()
        self._answers("simulator", f"{self.simulator_url}/__simulator__/nothing")
        self._answers("web", f"{self.url}/healthz")

    def start_worker(self) -> None:
        light = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        worker = ["-m", "celery", "-A", "dashboard.celery", "--quiet", "worker", "--pool", "threads"]
        self._spawn("worker", [*worker, "--loglevel", "warning", *light])

    def kill_worker(self) -> None:
        """As the kernel does when memory runs out: nothing of it gets the chance to clean up."""
        process = self._children.pop("worker")
        processes.signal_group(process, signal.SIGKILL)
        process.wait(10)

    def _start_web(self) -> None:
        self._spawn(
            "web",
            [
                *("-m", "granian", "--interface", "wsgi", "dashboard.wsgi:application", "--no-ws"),
                *("--host", "127.0.0.1", "--port", str(urlsplit(self.url).port), "--log-level", "warning"),
                *("--workers", "1", "--blocking-threads", "4", "--workers-kill-timeout", "5"),
            ],
            orphaned=signal.SIGTERM,
        )

    def stop(self) -> None:
        for process in self._children.values():
            process.send_signal(signal.SIGTERM)
        for process in self._children.values():
            processes.stop(process, (signal.SIGTERM, 5.0))
        self._children.clear()
        if self._connection is not None:
            self._connection.close()
        self._nobody.close()
        self._drop_database()
        redis.Redis.from_url(self._redis_url).flushdb()
        shutil.rmtree(self.var, ignore_errors=True)

    def said(self, name: str) -> str:
        """What a part wrote."""
        return (self.var / f"{name}.log").read_text(errors="replace")

    def _drop_database(self) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as server:
            server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(self._database)))

    def _spawn(self, name: str, arguments: Sequence[str], *, orphaned: signal.Signals = signal.SIGKILL) -> None:
        self.var.mkdir(parents=True, exist_ok=True)
        with (self.var / f"{name}.log").open("ab") as log:
            self._children[name] = self._child(arguments, log, orphaned)

    def _child(self, arguments: Sequence[str], log: IO[bytes], orphaned: signal.Signals) -> subprocess.Popen[bytes]:
        return processes.spawn(
            [sys.executable, *arguments],
            owner=self.var,
            env=self._environment,
            output=log,
            cwd=ROOT,
            orphaned=orphaned,
        )

    def _answers(self, name: str, url: str) -> None:
        def answers() -> bool:
            if self._children[name].poll() is not None:
                raise RuntimeError(f"{name} ended:\n{self.said(name)}")
            try:
                with urlopen(url, timeout=2):  # noqa: S310 -- our own web server
                    return True
            except URLError as error:
                return getattr(error, "code", None) is not None
            except OSError:
                return False

        until(answers)

    # --- What tests do to it --------------------------------------------------------------------------------

    def sql(self, statement: str, values: Iterable[Any] | None = None) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(self._database_url, autocommit=True)
        cursor = self._connection.execute(statement, values)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py as somebody at the terminal does; what it printed."""
        return self.python("manage.py", *arguments)

    def python(self, *arguments: str) -> str:
        """Run Python beside the web server: the same database, the same keys. What it printed."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout.strip()

    def sign_in_link(self) -> str:
        """A link for the first owner, who is made when there is nobody."""
        link = self.manage("sign_in_link")
        assert link.startswith(f"{self.url}/sign-in/"), link
        return link

    def dispatch(self) -> None:
        """What beat does every minute."""
        celery = Celery(broker=broker_url(self._redis_url))
        celery.send_task("dashboard.pipeline.dispatch_due_streams", ignore_result=True)
        celery.close()

    def control(self, action: str, **wanted: Any) -> dict[str, Any]:
        """The simulator's own door: faults, top-ups, latency."""
        url = f"{self.simulator_url}/__simulator__/{action}"
        request = Request(url, data=json.dumps(wanted).encode())  # noqa: S310 -- plain HTTP on this machine
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.loads(answer.read())

    def relay(self, url: str) -> None:
        """Where credentials that are stored from now on are read."""
        self.sql("UPDATE browser_relay SET url = %s", [url])

    def empty(self) -> None:
        """Nobody and nothing, as on the first start. The worker runs on."""
        redis.Redis.from_url(self._redis_url).flushdb()
        self.sql(f"TRUNCATE {', '.join(self._tables())}")
        self.relay(self.simulator_url)

    def _tables(self) -> list[str]:
        """Those that hold what people and providers brought."""
        keep = ("django_migrations", "django_content_type", "browser_relay")
        tables = self.sql(
            "SELECT quote_ident(relname) FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace AND relname <> ALL(%s)",
            [list(keep)],
        )
        return [name for (name,) in tables]

    def keep(self, name: str) -> None:
        """Remember everything as it stands now, under a name; the first time counts."""
        if self._kept(name):
            return
        self.sql(f"CREATE SCHEMA {name}")
        for table in self._tables():
            self.sql(f"CREATE UNLOGGED TABLE {name}.{table} AS TABLE public.{table}")

    def bring_back(self, name: str) -> bool:
        """Everything as it was when `name` was kept; whether it ever was. Ids go on from where they are now."""
        if not self._kept(name):
            return False
        self.empty()
        # One call is one transaction. References are checked when it ends, so the order of the tables is free.
        copies = (f"INSERT INTO public.{table} SELECT * FROM {name}.{table}" for table in self._tables())  # noqa: S608 -- names of our own
        self.sql("; ".join(copies))
        # What was under way then is under way no more.
        self.sql("UPDATE sync_syncstream SET lease_until = NULL")
        return True

    def _kept(self, name: str) -> bool:
        return bool(self.sql("SELECT 1 FROM pg_namespace WHERE nspname = %s", [name]))

    def demo(self) -> None:
        """The demo of the first owner with everything read; read once, then brought back."""
        if not self.sql("SELECT 1 FROM organizations_organization WHERE is_demo") and not self.bring_back("demo"):
            self.manage("demo")
        self.await_idle()
        self.keep("demo")

    def await_queue_taken(self) -> None:
        """The worker holds everything that was queued."""
        queue = redis.Redis.from_url(self._redis_url)
        until(lambda: queue.llen("celery") == 0)
        queue.close()

    def await_idle(self) -> None:
        """Every stream has run, none is being read, and none has older history to come: between two pieces of that
        nothing is leased for a moment."""
        busy = (
            "SELECT count(*) FROM sync_syncstream WHERE state <> 'standby' AND (last_run_at IS NULL"
            " OR lease_until > now() OR (state = 'fresh' AND backfill_goal IS NOT NULL AND backfilled_to IS NOT NULL))"
        )
        unchecked = "SELECT count(*) FROM credentials_providercredential WHERE state = 'checking'"
        until(lambda: self.sql(unchecked) == [(0,)] and self.sql(busy) == [(0,)])

    def await_success(self, stream_id: int, *, after: str) -> None:
        """A stream has been read since."""
        newer = "SELECT 1 FROM sync_syncstream WHERE id = %s AND last_success_at > %s"
        until(lambda: bool(self.sql(newer, [stream_id, after])))

    def account_id(self, slug: str) -> int:
        """The newest account of a provider."""
        found = self.sql("SELECT max(id) FROM credentials_provideraccount WHERE provider_slug = %s", [slug])
        assert found[0][0] is not None, f"no account of {slug}"
        return int(found[0][0])

    def stream(self, account_id: int, capability: str) -> dict[str, Any]:
        """A stream's row: what the page should tell."""
        rows = self.sql(
            "SELECT to_jsonb(stream), stream.lease_until > now() FROM sync_syncstream AS stream"
            " JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id"
            " WHERE credential.account_id = %s AND stream.capability = %s",
            [account_id, capability],
        )
        assert len(rows) == 1, f"{len(rows)} streams of {capability}"
        return {**rows[0][0], "leased": bool(rows[0][1])}


def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for something that no page tells."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(0.05)


def redis_database(url: str, number: int) -> str:
    """The same Redis, another of its numbered databases."""
    base, _, _old = url.partition("?db=")
    if base.startswith("unix:"):
        return f"{base}?db={number}"
    return urlsplit(base)._replace(path=f"/{number}").geturl()


def name_for(worker: str, root: Path) -> str:
    """A database name of this checkout's and this xdist worker's own."""
    return f"browser_{worker}_{hashlib.sha256(str(root).encode()).hexdigest()[:8]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
