"""What `tests.tour.furnish` leaves behind."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Furniture:
    """`ids` are by what they stand for, `sessions` are session keys by who has them, `cookie` is what carries one."""

    ids: dict[str, Any]
    sessions: dict[str, str]
    cookie: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
