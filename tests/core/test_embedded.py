"""The embedded servers: start, stop, and what a killed start leaves behind."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import environ
import psycopg
import pytest
import redis
from kombu import Connection

from dashboard.core import bundled, processes
from dashboard.core.embedded import Embedded, broker_url
from tests.core.folders import folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's own, see tests/core/folders.py."""
    with folder() as path:
        yield path


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Embedded]:
    server = Embedded(tmp_path / "var")
    yield server
    server.stop()
    assert processes.leftovers(server.var) == []


def _database(embedded: Embedded) -> psycopg.Connection:
    parameters = environ.Env.db_url_config(embedded.database_url)
    return psycopg.connect(
        host=parameters["OPTIONS"]["host"], user=parameters["USER"], dbname=parameters["NAME"], autocommit=True
    )


def _note(embedded: Embedded) -> None:
    with _database(embedded) as database:
        database.execute("CREATE TABLE note AS SELECT 'kept' AS text")
    redis.Redis.from_url(embedded.redis_url).set("note", "kept")


def _assert_noted(embedded: Embedded) -> None:
    with _database(embedded) as database:
        assert database.execute("SELECT text FROM note").fetchone() == ("kept",)
    assert redis.Redis.from_url(embedded.redis_url).get("note") == b"kept"


def _start(embedded: Embedded) -> None:
    embedded.start_postgres()
    embedded.start_redis()


def test_a_second_start_finds_its_data(embedded: Embedded) -> None:
    _start(embedded)
    _note(embedded)
    embedded.stop()
    _start(embedded)
    _assert_noted(embedded)


def test_addresses_are_known_before_the_start_and_stay(tmp_path: Path) -> None:
    var = tmp_path / "never started"
    before = Embedded(var)
    assert (before.database_url, before.redis_url) == (Embedded(var).database_url, Embedded(var).redis_url)
    assert not var.exists()


def test_a_deep_folder_with_spaces_works(tmp_path: Path) -> None:
    embedded = Embedded(tmp_path / "a folder" / ("deep" * 30), durable=False)
    try:
        _start(embedded)
        _note(embedded)
        _assert_noted(embedded)
        assert not embedded.run_dir.is_relative_to(embedded.var)
    finally:
        embedded.stop()
        shutil.rmtree(embedded.run_dir, ignore_errors=True)


def test_celery_reaches_the_same_redis(tmp_path: Path) -> None:
    embedded = Embedded(tmp_path / "with space", durable=False)
    try:
        embedded.start_redis()
        with Connection(broker_url(embedded.redis_url.replace("db=0", "db=3"))) as broker:
            broker.SimpleQueue("letters").put("hello")
        assert redis.Redis.from_url(embedded.redis_url.replace("db=0", "db=3")).llen("letters") == 1
    finally:
        embedded.stop()


@pytest.mark.parametrize("url", ["redis://cache:6379/2", "rediss://:word@cache:6380/0"])
def test_other_redis_addresses_are_left_alone(url: str) -> None:
    assert broker_url(url) == url


@pytest.fixture
def stranger(embedded: Embedded) -> Iterator[int]:
    """Beside servers that have run and stopped: a living process that PostgreSQL may signal and did not start."""
    _start(embedded)
    _note(embedded)
    embedded.stop()
    account = embedded._account(bundled.postgres_binaries())
    user, group = account or (None, None)
    process = subprocess.Popen(["/bin/sleep", "600"], user=user, group=group, extra_groups=[] if account else None)
    yield process.pid
    process.kill()
    process.wait()


@pytest.mark.parametrize("pid_file", ["{pid}\n{data}\n1700000000\n5432\n/tmp\n\n  1  2\nready\n", "", "{pid}"])
def test_a_stale_pid_file_does_not_block_even_with_a_living_stranger_in_it(
    embedded: Embedded, stranger: int, pid_file: str
) -> None:
    data = embedded.var / "postgres"
    (data / "postmaster.pid").write_text(pid_file.format(pid=stranger, data=data))
    _start(embedded)
    _assert_noted(embedded)


def test_a_stale_lock_of_the_socket_does_not_block_either(embedded: Embedded, stranger: int) -> None:
    """The pid of a killed server goes on existing until somebody has waited for it."""
    lock = embedded.run_dir / "postgres" / ".s.PGSQL.5432.lock"
    lock.write_text(f"{stranger}\n{embedded.var / 'postgres'}\n1700000000\n5432\n{lock.parent}\n")
    _start(embedded)
    _assert_noted(embedded)


def test_sockets_and_pid_files_of_killed_servers_do_not_block(embedded: Embedded) -> None:
    _start(embedded)
    _note(embedded)
    for name in ("_postgres", "_redis"):
        process: subprocess.Popen[bytes] = getattr(embedded, name)
        process.kill()
        process.wait()
    _start(embedded)
    _assert_noted(embedded)


def test_servers_that_outlived_their_parent_are_ended_first(embedded: Embedded) -> None:
    _start(embedded)
    _note(embedded)
    orphans = [embedded._postgres, embedded._redis]
    again = Embedded(embedded.var)
    try:
        _start(again)
        _assert_noted(again)
        assert [process.wait(60) for process in orphans if process] == [0, 0]
    finally:
        again.stop()


def test_servers_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from dashboard.core.embedded import Embedded\n"
        "e = Embedded(Path(sys.argv[1]), durable=False); e.start_postgres(); e.start_redis(); print(1, flush=True)\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    parent.stdout.readline()
    assert processes.leftovers(tmp_path)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    # A sweep with patience but nothing to do by force: all of them go by themselves.
    processes.sweep(tmp_path, patience=10)
    assert processes.leftovers(tmp_path) == []


def test_a_database_half_made_by_a_killed_start_is_made_again(embedded: Embedded) -> None:
    (embedded.var / "postgres.new").mkdir(parents=True)
    (embedded.var / "postgres.new" / "PG_VERSION").write_text("18")
    embedded.start_postgres()
    with _database(embedded) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)


def test_only_one_process_at_a_time_has_the_folder(tmp_path: Path) -> None:
    first = Embedded(tmp_path)
    assert first.lock()
    assert not Embedded(tmp_path).lock()


def test_sockets_and_files_are_open_to_their_owner_only(embedded: Embedded) -> None:
    _start(embedded)
    for path in ("postgres", "redis", "run/postgres"):
        assert (embedded.var / path).stat().st_mode & 0o077 == 0, path
    assert (embedded.var / "run").stat().st_mode & 0o066 == 0


def test_statements_and_rows_stay_out_of_the_log(embedded: Embedded) -> None:
    _start(embedded)
    with _database(embedded) as database:
        database.execute("CREATE TABLE person (name text UNIQUE)")
        database.execute("INSERT INTO person VALUES ('planted secret')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            database.execute("INSERT INTO person VALUES ('planted secret')")
    assert "planted secret" not in (embedded.var / "log" / "postgres.log").read_text()
