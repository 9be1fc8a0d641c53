"""Folders for tests that start PostgreSQL.

Not pytest's `tmp_path`: under root the server runs as another account, and every pytest that starts on the machine
closes its common folder to all others again, in the middle of what runs there.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="purser-test-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
