"""What a benchmark reports."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured value; `goal` is the most (or, for rates, the least) that is wanted, None when it only informs."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    more_is_better: bool = False

    @property
    def ok(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more_is_better else self.value <= self.goal

    def as_dict(self) -> dict[str, Any]:
        told = asdict(self)
        del told["more_is_better"]
        return {**told, "ok": self.ok}

    def line(self) -> str:
        goal = "" if self.goal is None else f"  goal {'≥' if self.more_is_better else '≤'} {self.goal:g}"
        mark = {True: "ok", False: "MISSED", None: ""}[self.ok]
        return f"{self.name:<62} {self.value:>12,.2f} {self.unit:<8}{goal:<16} {mark}"
