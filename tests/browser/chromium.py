"""Where the browser for the browser tests is, and how one gets here when there is none."""

import os
import shutil
import subprocess
import sys
from functools import cache

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--font-render-hinting=none",  # letters stand where they stand on a screen of today
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--metrics-recording-only",
)
# The first is the same without the windows, tabs and menus of a desktop, which cost half of the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoBrowserError(RuntimeError):
    """There is no Chromium, and none could be installed."""


@cache
def executable() -> str:
    """The path of a Chromium: PURSER_CHROMIUM, the system's, or one installed now. Raises NoBrowserError."""
    if chosen := os.environ.get("PURSER_CHROMIUM"):
        if shutil.which(chosen):
            return chosen
        raise NoBrowserError(f"PURSER_CHROMIUM={chosen} is no program that can be run")
    found = _on_path() or _playwrights() or (_by_apt() if os.geteuid() == 0 else None) or _by_playwright()
    if found is None:
        raise NoBrowserError(
            "The browser tests need Chromium, and it could be installed neither with apt-get (which needs root) nor by "
            "Playwright's own download. Install Chromium, or name one in PURSER_CHROMIUM."
        )
    return found


def _on_path() -> str | None:
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


def _by_apt() -> str | None:
    if shutil.which("apt-get") is None:
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _done(["apt-get", "update", "-qq"], environment)
    # Not every distribution has the first.
    for name in ("chromium-headless-shell", "chromium"):
        if _done(["apt-get", "install", "-y", "-qq", "--no-install-recommends", name], environment):
            break
    return _on_path()


def _by_playwright() -> str | None:
    if not _done([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ)):
        return None
    return _playwrights()


def _playwrights() -> str | None:
    """The Chromium that Playwright downloaded, asked in a process of its own: its API must not run in an event loop."""
    ask = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=False)
    path = answer.stdout.strip()
    return path if answer.returncode == 0 and os.access(path, os.X_OK) else None


def _done(command: list[str], environment: dict[str, str]) -> bool:
    sys.stderr.write(f"No Chromium found; trying: {' '.join(command)}\n")
    try:
        return subprocess.run(command, env=environment, stdout=sys.stderr, check=False, timeout=900).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    sys.stdout.write(executable() + "\n")
