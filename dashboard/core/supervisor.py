"""Keeps a few child processes alive, shows what they say, and takes them down in order.

One thread does everything: children are started by fork, which does not mix with threads, and the kernel ends a child
together with the thread that started it.
"""

import logging
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import TextIO

from dashboard.core import processes
from dashboard.core.bundled import EmbeddedError

Start = Callable[[int], subprocess.Popen[bytes]]  # given the file descriptor to write to
Sink = Callable[[str], None]

TO_TERMINAL = "terminal>"  # begins a line that must not reach a log file: a mail with a code, where no mail server is
_TURN = 0.1  # seconds; how late a death or a signal may be noticed
_LONGEST_PAUSE = 30.0
_HEALTHY = 60.0  # a child that ran this long starts its pauses anew


class StopRequested(BaseException):
    """Ctrl-C, SIGTERM or a closed terminal. Not an Exception: nothing on the way may swallow it."""


@dataclass
class Child:
    name: str
    start: Start
    sink: Sink
    end: Callable[[subprocess.Popen[bytes]], None] | None = None  # for a server the others need: how to stop it, last
    then: Callable[[int], None] | None = None  # for a child that runs once: what to do with its exit code
    process: subprocess.Popen[bytes] | None = None
    pipe: int | None = None
    unfinished: bytes = b""
    failures: int = 0
    started: float = 0.0
    due: float | None = field(default=None)  # when to start it again


class Supervisor:
    def __init__(self, var_dir: Path, terminal: TextIO) -> None:
        self.var = var_dir
        self._terminal = terminal
        self._children: dict[str, Child] = {}
        self._selector = selectors.DefaultSelector()
        self._files: dict[str, logging.Logger] = {}
        self._hurry = False
        (var_dir / "log").mkdir(parents=True, exist_ok=True)

    # --- Words ----------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """A line from Purser itself: to the terminal and to the log."""
        self.both("purser")(text)

    def both(self, name: str) -> Sink:
        show, write = self.terminal_only(name), self.file_only(name)

        def sink(line: str) -> None:
            show(line)
            write(line)

        return sink

    def mostly_both(self, name: str) -> Sink:
        """Like `both`, but for lines that are marked for the terminal."""
        show, everywhere = self.terminal_only(name), self.both(name)

        def sink(line: str) -> None:
            if line.startswith(TO_TERMINAL):
                show(line.removeprefix(TO_TERMINAL).removeprefix(" "))
            else:
                everywhere(line)

        return sink

    def terminal_only(self, name: str) -> Sink:
        def sink(line: str) -> None:
            try:
                self._terminal.write(f"{name:<9}| {line}\n")
                self._terminal.flush()
            except OSError:
                return  # the terminal was closed; the log goes on

        return sink

    def file_only(self, name: str) -> Sink:
        if name not in self._files:
            handler = RotatingFileHandler(self.var / "log" / f"{name}.log", maxBytes=5_000_000, backupCount=2)
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logger = logging.Logger(f"purser.child.{name}", logging.INFO)
            logger.addHandler(handler)
            self._files[name] = logger
        logger = self._files[name]
        return lambda line: logger.info("%s", line)

    # --- Children -------------------------------------------------------------------------------------------

    def add(self, child: Child) -> Child:
        """Start a child; unless it has a `then`, start it again whenever it ends."""
        self._children[child.name] = child
        self._start(child)
        return child

    def _start(self, child: Child) -> None:
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        try:
            child.process = child.start(theirs)
        except (OSError, EmbeddedError) as error:
            os.close(ours)
            self._plan(child, f"{child.name} could not be started: {error}")
            return
        finally:
            os.close(theirs)
        child.pipe, child.unfinished = ours, b""
        child.started, child.due = time.monotonic(), None
        self._selector.register(ours, selectors.EVENT_READ, child)

    def turn(self, seconds: float = _TURN) -> None:
        """One round: pass on what children wrote, notice who died, start again whoever is due."""
        if not self._selector.get_map():  # select() would not wait for nothing
            time.sleep(seconds)
        for key, _ in self._selector.select(seconds):
            self._read(key.data)
        for child in list(self._children.values()):
            if child.process is not None and child.process.poll() is not None:
                self._ended(child, child.process)
            elif child.due is not None and time.monotonic() >= child.due:
                child.due = None
                self._start(child)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Keep turning until `condition` holds; False when it does not within `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.turn()
        return True

    def forever(self) -> None:
        while True:
            self.turn()

    def _read(self, child: Child) -> None:
        if child.pipe is None:
            return
        try:
            data = os.read(child.pipe, 65536)
        except BlockingIOError:
            return
        *lines, child.unfinished = (child.unfinished + data).split(b"\n")
        for line in lines:
            if line.strip():
                child.sink(line.decode(errors="replace").rstrip())
        if not data:
            self._close(child)

    def _close(self, child: Child) -> None:
        if child.pipe is not None:
            self._selector.unregister(child.pipe)
            os.close(child.pipe)
            child.pipe = None
        if child.unfinished.strip():
            child.sink(child.unfinished.decode(errors="replace").rstrip())
        child.unfinished = b""

    def _ended(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        # What it started itself (a web server's workers hold the port) must not outlive it.
        processes.signal_group(process, signal.SIGKILL)
        while child.pipe is not None and self._has_more(child.pipe):
            self._read(child)
        self._close(child)
        child.process = None
        if child.then is not None:
            del self._children[child.name]
            child.then(process.returncode)
            return
        if time.monotonic() - child.started > _HEALTHY:
            child.failures = 0
        self._plan(child, f"{child.name} {_how(process.returncode)}")

    def _has_more(self, pipe: int) -> bool:
        return any(key.fd == pipe for key, _ in self._selector.select(0))

    def _plan(self, child: Child, what: str) -> None:
        pause = min(_LONGEST_PAUSE, 0.5 * 2**child.failures)
        child.failures += 1
        child.due = time.monotonic() + pause
        self.say(f"{what}; starting it again in {pause:g} s")

    # --- The end --------------------------------------------------------------------------------------------

    def listen(self) -> None:
        """From now on Ctrl-C, SIGTERM and SIGHUP raise StopRequested, wherever we are."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_requested)

    def _stop_requested(self, _number: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._hurry_requested)
        raise StopRequested

    def _hurry_requested(self, _number: int, _frame: FrameType | None) -> None:
        self._hurry = True

    def stop(self, *, seconds: float) -> None:
        """Ask all but the servers to stop, give them `seconds`, kill who stays; then the servers, as each wants it."""
        servers = [child for child in self._children.values() if child.end is not None]
        others = [child for child in self._children.values() if child.end is None]
        for child in others:
            child.then = _ignore
            child.due = None
            if child.process is not None:
                child.process.terminate()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._hurry and any(child.process for child in others):
            for child in servers:
                child.due = None  # a server that dies now is not started again
            self.turn(0.05)
        for child in others:
            if child.process is not None:
                self.say(f"{child.name} did not stop in time and was killed")
                processes.signal_group(child.process, signal.SIGKILL)
                child.process.wait(10)
        for child in reversed(servers):
            if child.process is not None and child.end is not None:
                child.end(child.process)
            self._drain(child)

    def _drain(self, child: Child) -> None:
        while child.pipe is not None and self._has_more(child.pipe):
            self._read(child)
        self._close(child)


def _ignore(_code: int) -> None:
    """What to do with the exit code of a child that was asked to stop."""


def _how(code: int) -> str:
    if code >= 0:
        return f"stopped (exit code {code})"
    return f"was killed ({signal.Signals(-code).name})"
