"""`manage.py run` as people meet it: a process of its own, with its own var/ and port."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import psycopg
import pytest
import redis

from dashboard.core import processes
from dashboard.core.embedded import Embedded
from dashboard.core.supervisor import Supervisor
from tests.core.folders import folder

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300  # seconds; the machine may be busy with the other tests


class Run:
    """One supervisor at a time on one var directory."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.port = _free_port()
        self.embedded = Embedded(var)
        self.output = var.parent / "terminal"
        self.process: subprocess.Popen[bytes] | None = None
        self.report: object = None  # the last answer of /readyz

    def start(self, **environment: str) -> subprocess.Popen[bytes]:
        dropped = ("DATABASE_URL", "REDIS_URL", "PURSER_SECRET_KEY", "PURSER_ENCRYPTION_KEYS", processes.MARK)
        inherited = {name: value for name, value in os.environ.items() if name not in dropped}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run"],
                cwd=ROOT,
                env={**inherited, "PURSER_VAR": str(self.var), "PURSER_PORT": str(self.port), **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start_and_wait(self) -> None:
        process = self.start()
        until(lambda: self.ready() == 200 or process.poll() is not None, self.said)
        assert process.poll() is None, self.said()

    def ready(self) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            self.report = json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return answer.status

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def said(self) -> str:
        return f"{self.output.read_text(errors='replace')}\n/readyz said: {self.report}"

    def pid(self, name: str) -> int:
        """The living child of that name; 0 when there is none."""
        try:
            if name == "redis":
                return int(self.redis().info("server")["process_id"])
            if name == "postgres":
                return int((self.var / "postgres" / "postmaster.pid").read_text().split()[0])
        except (redis.RedisError, OSError, IndexError):
            return 0
        word = {"web": "granian"}.get(name, name)
        for pid in self.children():
            if word in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").replace(".", " ").split():
                return pid
        return 0

    def kill(self, name: str) -> int:
        """Kill that child, once it lives: signals to pid 0 would reach the tests themselves."""
        until(lambda: self.pid(name), self.said)
        pid = self.pid(name)
        assert pid > 1, self.said()
        os.kill(pid, signal.SIGKILL)
        return pid

    def children(self) -> list[int]:
        assert self.process is not None
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    def database(self) -> psycopg.Connection:
        return psycopg.connect(host=str(self.embedded.run_dir / "postgres"), user="purser", autocommit=True)

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.embedded.redis_url)


def until(condition: Callable[[], object], explain: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Started once; the tests below leave it running, in whatever way they stopped it in between."""
    with folder() as home:
        running = Run(home / "var")
        try:
            running.start_and_wait()
            yield running
        finally:
            if running.process is not None and running.process.poll() is None:
                assert running.stop() == 0
        assert processes.leftovers(running.var) == []


def test_it_says_where_it_is(run: Run) -> None:
    until(lambda: f"http://localhost:{run.port}" in run.said())


def test_a_second_one_on_the_same_data_is_refused(run: Run) -> None:
    second = Run(run.var)
    second.output = run.var.parent / "second"
    assert second.start().wait(PATIENCE) != 0
    assert f"Purser already runs on {run.var}" in second.said()
    assert run.ready() == 200


def test_a_taken_port_is_told_with_the_variable_that_changes_it(tmp_path: Path) -> None:
    other = Run(tmp_path / "var")
    with socket.create_server(("127.0.0.1", other.port)):
        assert other.start().wait(PATIENCE) == 1
    assert f"127.0.0.1:{other.port}" in other.said()
    assert "PURSER_PORT" in other.said()
    assert processes.leftovers(other.var) == []


def test_sigterm_stops_all_and_the_next_start_finds_its_data(run: Run) -> None:
    with run.database() as database:
        database.execute("CREATE TABLE note AS SELECT 'kept' AS text")
    run.redis().set("note", "kept")
    collected = (run.var / "collected" / "staticfiles.json").stat().st_mtime_ns
    children = run.children()
    assert len(children) >= 6
    assert run.stop() == 0
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert processes.leftovers(run.var) == []
    run.start_and_wait()
    with run.database() as database:
        assert database.execute("SELECT text FROM note").fetchone() == ("kept",)
    assert run.redis().get("note") == b"kept"
    assert (run.var / "collected" / "staticfiles.json").stat().st_mtime_ns == collected


@pytest.mark.parametrize("whole_tree", [False, True], ids=["group", "group and all its children"])
def test_kill_9_blocks_nothing(run: Run, whole_tree: bool) -> None:
    assert run.process is not None
    children = processes.leftovers(run.var)
    os.killpg(run.process.pid, signal.SIGKILL)
    if whole_tree:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    run.process.wait()
    if whole_tree:
        (run.var / "run" / "collected").write_text("another state of them")
        (run.var / "collected" / "app.css").unlink()
    run.start_and_wait()
    assert (run.var / "collected" / "app.css").exists(), "files that have changed are collected anew"


@pytest.mark.parametrize("name", ["postgres", "redis", "worker", "beat", "web", "simulator"])
def test_what_is_killed_comes_back(run: Run, name: str) -> None:
    before = run.said().count(f"{name} was killed (SIGKILL); starting it again in")
    run.kill(name)
    until(lambda: run.said().count(f"{name} was killed (SIGKILL); starting it again in") > before, run.said)
    if name in ("worker", "beat"):
        run.redis().delete(f"purser:alive:{name}")  # the sign of life of the one that was killed
    until(lambda: run.pid(name) and run.ready() == 200, run.said)


def test_tasks_run_again_after_redis_was_away(run: Run) -> None:
    """The worker and the beat find the new Redis by themselves: their signs of life come from their own loops."""
    processes_before = run.pid("worker"), run.pid("beat")
    old = run.kill("redis")
    until(lambda: run.pid("redis") not in (0, old), run.said)
    run.redis().delete("purser:alive:worker", "purser:alive:beat")
    until(lambda: run.ready() == 200, run.said)
    assert (run.pid("worker"), run.pid("beat")) == processes_before


def test_no_sign_in_link_is_in_a_log(run: Run) -> None:
    """The link goes to the terminal alone. Whatever it looks like, no address with a path is in Purser's own log."""
    assert not re.search(r"http://[^\s/]+/\S+", (run.var / "log" / "purser.log").read_text())


def test_what_is_meant_for_the_terminal_reaches_no_log(tmp_path: Path) -> None:
    """A mail with a sign-in code, where no mail server is set."""
    terminal = StringIO()
    sink = Supervisor(tmp_path, terminal).mostly_both("worker")
    for line in ("ready", "terminal> Subject: Sign-In Code", "terminal>", "terminal> TKTV-TQSR", "done"):
        sink(line)
    assert "worker   | TKTV-TQSR" in terminal.getvalue()
    written = (tmp_path / "log" / "worker.log").read_text()
    assert [line.split()[-1] for line in written.splitlines()] == ["ready", "done"]


def test_ctrl_c_stops_all(run: Run) -> None:
    """The last one: nothing runs any more."""
    assert run.stop(signal.SIGINT) == 0
    assert processes.leftovers(run.var) == []
