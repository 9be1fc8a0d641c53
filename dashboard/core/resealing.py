"""Bringing everything that is encrypted under the newest key, a few rows at a time, each batch for good.

A model whose rows are encrypted names that column as `SEALED` and has a `key_id` beside it. What is encrypted
elsewhere, such as in a library's own table, is a `Holder` too: `holders` takes in those that are handed to it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.apps import apps
from django.db import models, transaction

from dashboard.core.encryption import Unreadable, key_id, open_text, seal_text

BATCH = 200


@dataclass
class Progress:
    """What one batch did: how many rows were brought under the newest key, and which no key opens."""

    done: int = 0
    unreadable: list[str] = field(default_factory=list)


class Holder(Protocol):
    """A place where encrypted text lies."""

    name: str

    def stale(self) -> int:
        """How many rows are not under the newest key."""

    def turn(self, batch: int) -> Iterator[Progress]:
        """Bring them there, batch by batch; each batch is committed before the next begins."""


class Column:
    """The sealed column of a model."""

    def __init__(self, model: type[models.Model]) -> None:
        self.model, self.column = model, str(model.SEALED)  # type: ignore[attr-defined]
        self.name = f"{model._meta.label}.{self.column}"

    def stale(self) -> int:
        return self._old().count()

    def turn(self, batch: int) -> Iterator[Progress]:
        last = 0
        while True:
            progress = Progress()
            with transaction.atomic():
                # Locked, so that whoever enters another secret meanwhile comes before or after, never in between.
                rows = list(self._old().filter(pk__gt=last).select_for_update().order_by("pk")[:batch])
                for row in rows:
                    self._turn_row(row, progress)
            if not rows:
                return
            last = rows[-1].pk
            yield progress

    def _turn_row(self, row: Any, progress: Progress) -> None:
        try:
            fresh = seal_text(open_text(getattr(row, self.column)))
        except Unreadable:
            progress.unreadable.append(f"{self.name} {row.pk}")
            return
        self.model._default_manager.filter(pk=row.pk).update(**{self.column: fresh, "key_id": key_id()})
        progress.done += 1

    def _old(self) -> models.QuerySet[Any]:
        return self.model._default_manager.exclude(key_id=key_id())


def holders(others: Iterable[Holder] = ()) -> list[Holder]:
    sealed = [Column(model) for model in apps.get_models() if hasattr(model, "SEALED")]
    return [*sealed, *others]
