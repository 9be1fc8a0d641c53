"""Where a window that fills and resets is heading. Pure: shares of 0 to 100 in, shares out."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

# Before a tenth of a window has passed, its pace says nothing about its end.
TELLS_FROM = Decimal(10)
_WHOLE = Decimal(100)
_WINDOW_LENGTH = {
    "second": timedelta(seconds=1),
    "10s": timedelta(seconds=10),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "5h": timedelta(hours=5),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "7d": timedelta(days=7),
    "month": timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class Pace:
    """What is used when the window resets if it goes on as it did so far: `at_reset` may be beyond 100, and then
    `full_after` is the share of the window after which everything is used."""

    at_reset: Decimal
    full_after: Decimal | None


def window_length(window: str) -> timedelta | None:
    """How long a window of that name lasts; None where that is not known."""
    return _WINDOW_LENGTH.get(window)


def quota_pace(used: Decimal, passed: Decimal) -> Pace | None:
    """The pace of a window of which `used` percent are gone after `passed` percent of its time. None while that is too
    early to tell, and where nothing or everything is used: then there is nothing left to foresee."""
    if not TELLS_FROM <= passed < _WHOLE or not 0 < used < _WHOLE:
        return None
    at_reset = used / passed * _WHOLE
    return Pace(at_reset=at_reset, full_after=passed / used * _WHOLE if at_reset >= _WHOLE else None)
