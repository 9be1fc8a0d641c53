"""A leased stream with its credential and account, in one prepared statement.

This is the first thing every run does, thousands of times a minute: the ORM would compile the same three-table join
anew each time, which costs more than the query itself.
"""

import json
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import JSONField, Model

from dashboard.credentials.models import ProviderAccount, ProviderCredential
from dashboard.sync.models import SyncStream

_TABLES: tuple[tuple[str, type[Model]], ...] = (
    ("stream", SyncStream),
    ("credential", ProviderCredential),
    ("account", ProviderAccount),
)


def stream_load(*, stream_id: int, token: int) -> SyncStream | None:
    """The stream if its present lease has this token, with `credential` and `credential.account` filled in."""
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [stream_id, token])
        row = cursor.fetchone()
    if row is None:
        return None
    stream, credential, account = _instances(row)
    credential.account = account
    stream.credential = credential
    return stream


@cache
def _statement() -> str:
    columns = ", ".join(f'{alias}."{field.column}"' for alias, model in _TABLES for field in _fields(model))
    return (
        f"SELECT {columns} FROM sync_syncstream AS stream"  # noqa: S608 -- our own models' columns
        " JOIN credentials_providercredential AS credential ON credential.id = stream.credential_id"
        " JOIN credentials_provideraccount AS account ON account.id = credential.account_id"
        " WHERE stream.id = %s AND stream.lease_token = %s"
    )


@cache
def _fields(model: type[Model]) -> tuple[Any, ...]:
    return tuple(model._meta.concrete_fields)


def _instances(row: tuple[Any, ...]) -> list[Any]:
    found, start = [], 0
    for _alias, model in _TABLES:
        fields = _fields(model)
        values = [
            json.loads(value) if isinstance(field, JSONField) and isinstance(value, str) else value
            for field, value in zip(fields, row[start : start + len(fields)], strict=True)
        ]
        found.append(model.from_db("default", [field.attname for field in fields], values))
        start += len(fields)
    return found
