"""The seeds of second factors, which lie sealed in django-allauth's own table."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from dashboard.core.encryption import Unreadable, is_newest, open_text, seal_text
from dashboard.core.resealing import Progress

NAMES = ("secret", "seed")  # of an authenticator app, and of recovery codes


class SecondFactors:
    name = "mfa.Authenticator.data"

    def stale(self) -> int:
        return sum(1 for row in Authenticator.objects.iterator() if _old(row.data))

    def turn(self, batch: int) -> Iterator[Progress]:
        last = 0
        while True:
            progress = Progress()
            with transaction.atomic():
                rows = list(Authenticator.objects.filter(pk__gt=last).select_for_update().order_by("pk")[:batch])
                for row in rows:
                    self._turn_row(row, progress)
            if not rows:
                return
            last = rows[-1].pk
            yield progress

    def _turn_row(self, row: Authenticator, progress: Progress) -> None:
        names = _old(row.data)
        if not names:
            return
        try:
            fresh: dict[str, Any] = {name: seal_text(open_text(row.data[name])) for name in names}
        except Unreadable:
            progress.unreadable.append(f"{self.name} {row.pk}")
            return
        row.data |= fresh
        row.save(update_fields=["data"])
        progress.done += 1


def _old(data: dict[str, Any]) -> list[str]:
    return [name for name in NAMES if isinstance(data.get(name), str) and not is_newest(data[name])]
