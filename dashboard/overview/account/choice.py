"""What a reader chose on the page of an account: it stands in the address, so that a link leads to the same view."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

PERIODS = (7, 30, 90)
GROUPS = ("day", "model")
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Choice:
    """The last `days` are shown, usage by `by`, `whole` or its first rows, the days `opened` with their models; the log
    goes on `before` that run."""

    days: int = 30
    by: str = "day"
    before: int | None = None
    opened: frozenset[str] = frozenset()
    whole: bool = False

    @classmethod
    def of(cls, query: Mapping[str, Any]) -> "Choice":
        """What the address says; what it says wrongly is not said."""
        days, by, before = (str(query.get(name, "")) for name in ("days", "by", "before"))
        return cls(
            days=int(days) if days in map(str, PERIODS) else cls().days,
            by=by if by in GROUPS else cls().by,
            before=int(before) if before.isdecimal() and len(before) < 18 else None,
            whole=query.get("whole") == "1",
            opened=frozenset(_DAY.findall(str(query.get("opened", "")))[: max(PERIODS)]),
        )

    def query(self, **changes: Any) -> str:
        """The same view with `changes`, as the query of an address; what is usual is left out."""
        wanted, usual = replace(self, **changes), Choice()
        said = {name: getattr(wanted, name) for name in ("days", "by", "before")}
        kept = {name: value for name, value in said.items() if value != getattr(usual, name)}
        if wanted.whole:
            kept["whole"] = 1
        if wanted.opened:
            kept["opened"] = ",".join(sorted(wanted.opened))
        return "?" + urlencode(kept, safe=",")

    def opens(self, day: date) -> bool:
        """Whether that day shows what it is made of."""
        return day.isoformat() in self.opened

    def turned(self, day: date) -> str:
        """The same view with that day open, or shut where it is open."""
        return self.query(opened=self.opened ^ {day.isoformat()})

    def periods(self) -> list[dict[str, Any]]:
        """The periods to choose from, as links."""
        return [
            {
                "words": _("%(count)s d") % {"count": days},
                "name": ngettext("Last %(count)d day", "Last %(count)d days", days) % {"count": days},
                "query": self.query(days=days, before=None),
                "chosen": days == self.days,
            }
            for days in PERIODS
        ]

    def groups(self) -> list[dict[str, Any]]:
        """What usage can be summed by, as links."""
        words = {"day": _("By day"), "model": _("By model")}
        return [{"words": words[by], "query": self.query(by=by, before=None), "chosen": by == self.by} for by in GROUPS]
