"""Living through a restart of PostgreSQL."""

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

T = TypeVar("T")

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def reconnecting(work: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """Run `work` (one whole transaction) again on a new connection when the database went away under it.

    About half a minute in all; then the error is the caller's, and the lease brings the stream back later.
    """
    for seconds in PAUSES:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block:
                raise  # a caller's transaction is gone with its connection; only he can begin it anew
            connection.close()
            pause(seconds)
    return work()
