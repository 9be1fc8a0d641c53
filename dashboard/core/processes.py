"""Starting, finding and stopping child processes so that none outlives its parent."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

# Every child carries this variable, so that the next start can tell our leftovers from strangers, whatever their pids.
MARK = "PURSER_CHILD_OF"

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def spawn(
    argv: Sequence[str | Path],
    *,
    owner: Path,
    env: Mapping[str, str],
    output: int | IO[bytes],
    errors: int | IO[bytes] = subprocess.STDOUT,
    cwd: Path | None = None,
    account: tuple[int, int] | None = None,
    orphaned: signal.Signals = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own (Ctrl-C reaches it through us, in order).

    `owner` is the var directory it works for. `account` is (uid, gid) to run as. On Linux the kernel sends it
    `orphaned` when we die, however we die. That is tied to the *thread* that starts the child: use the main one.
    """
    return subprocess.Popen(
        [os.fspath(part) for part in argv],
        env={**env, MARK: str(owner)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        cwd=cwd,
        user=account[0] if account else None,
        group=account[1] if account else None,
        extra_groups=[] if account else None,
        start_new_session=True,
        preexec_fn=_follow_parent(os.getpid(), orphaned),
    )


def _follow_parent(parent: int, orphaned: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl = _libc.prctl

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(orphaned), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the kernel was asked
            os._exit(1)

    return ask_kernel


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a child and everything it started (its process group has the child's pid)."""
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # all gone; macOS says "not permitted" when only zombies are left


def stop(process: subprocess.Popen[bytes], *ladder: tuple[signal.Signals, float]) -> None:
    """Send each signal to the child and give it that many seconds, then sweep what is left of its group."""
    for number, seconds in ladder:
        if process.poll() is not None:
            break
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    signal_group(process, signal.SIGKILL)
    process.wait(10)


def leftovers(owner: Path) -> list[int]:
    """Processes that a Purser which is no more started for `owner`, by the mark in their environment (Linux only)."""
    wanted = f"{MARK}={owner}".encode()
    return [pid for pid, environment in _environments() if pid != os.getpid() and wanted in environment]


def _environments() -> Iterator[tuple[int, list[bytes]]]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        yield int(folder.name), environment


def sweep(owner: Path, *, patience: float) -> int:
    """End the leftovers for `owner`: politely, then after `patience` seconds by force. Returns how many there were."""
    found = leftovers(owner)
    for pid in found:
        _kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while (left := leftovers(owner)) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in left:
        _kill(pid, signal.SIGKILL)
    while leftovers(owner) and time.monotonic() < deadline + 5:
        time.sleep(0.05)
    return len(found)


def _kill(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return
