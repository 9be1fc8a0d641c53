"""Model instances from a statement of our own, for the reads that happen all the time.

The ORM compiles a join anew at every call, which on the busiest pages and in every run of a stream costs more than the
query itself.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import Field, JSONField, Model


class Joined:
    """`Joined("SELECT {columns} FROM t AS one JOIN u AS two ...", one=One, two=Two)`: for each row the instances, in
    the order in which the aliases are named. `only` names the attributes to read of an alias; the others stay in the
    database and are fetched when somebody asks for them after all."""

    def __init__(self, sql: str, *, only: Mapping[str, Sequence[str]] | None = None, **models: type[Model]) -> None:
        self._template, self._models, self._only = sql, models, only or {}

    @cached_property
    def _parts(self) -> list[tuple[str, type[Model], list[Field]]]:
        """Not before the first use: when a module is imported, other apps' models may not be there yet."""
        parts = []
        for alias, model in self._models.items():
            wanted = self._only.get(alias)
            fields = [field for field in model._meta.concrete_fields if wanted is None or field.attname in wanted]
            parts.append((alias, model, fields))
        return parts

    @cached_property
    def sql(self) -> str:
        columns = (f'{alias}."{field.column}"' for alias, _, fields in self._parts for field in fields)
        return self._template.replace("{columns}", ", ".join(columns))

    def fetch(self, values: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, values)
            return [self._instances(row) for row in cursor.fetchall()]

    def _instances(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        found, start = [], 0
        for _, model, fields in self._parts:
            values = [
                json.loads(value) if isinstance(field, JSONField) and isinstance(value, str) else value
                for field, value in zip(fields, row[start : start + len(fields)], strict=True)
            ]
            found.append(model.from_db("default", [field.attname for field in fields], values))
            start += len(fields)
        return tuple(found)
