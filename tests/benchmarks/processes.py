"""The real parts beside a benchmark: the simulator and one worker, each a process of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def simulator(latency: float) -> Iterator[str]:
    """The URL of a simulator that waits `latency` seconds before every answer."""
    port = free_port()
    arguments = ["-m", "providers.simulator", "--port", str(port), "--latency", str(latency)]
    with _running([sys.executable, *arguments]):
        url = f"http://127.0.0.1:{port}"
        _until(lambda: _answers(url))
        yield url


@contextmanager
def worker(threads: int) -> Iterator[int]:
    """The process id of one Celery worker with that many threads."""
    environment = {"PURSER_WORKER_THREADS": str(threads), "PURSER_HOST_CONCURRENCY": str(threads)}
    command = [sys.executable, "-m", "celery", "-A", "dashboard.celery", "worker", "--pool", "threads"]
    with _running([*command, "--concurrency", str(threads), "--loglevel", "ERROR"], environment) as process:
        yield process.pid


@contextmanager
def _running(command: list[str], environment: dict[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def get(url: str, host: str, token: str) -> int:
    """One plain call to the simulator, to warm it up."""
    with urlopen(Request(url, headers={"Host": host, "Authorization": f"Bearer {token}"}), timeout=60) as answer:
        return answer.status


def memory_mb(pid: int) -> float:
    """Peak resident memory of a process so far, in MB (Linux)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/__simulator__/nothing", timeout=1):
            return True
    except URLError as error:
        return getattr(error, "code", None) is not None


def _until(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError("a part of the benchmark did not start")
        time.sleep(0.1)
