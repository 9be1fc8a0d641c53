"""Statements that are written out, and PostgreSQL at work on them while Python goes on."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection

Rows = list[tuple[Any, ...]]


@contextmanager
def pipelined() -> Iterator[None]:
    """Inside, `asked` does not wait: statements travel at once and are worked at one after the other (libpq's pipeline
    mode). Outside a transaction they share one, so for reads alone: one that fails takes those after it along."""
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def asked(statement: str, values: Mapping[str, Any]) -> Callable[[], Rows]:
    """Send this statement; what comes back waits for its rows, and for those of everything asked before they are
    wanted."""
    cursor = connection.cursor()
    cursor.execute(statement, values)

    def rows() -> Rows:
        with cursor:
            return cursor.fetchall()

    return rows
