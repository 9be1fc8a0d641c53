"""Rate limits that stand in the headers of an answer: a reading of one moment, never a budget.

Known names: `x-ratelimit-(limit|remaining|reset)`, or `x-tokenlimit-...`, then in this order, each where it is told:
what is counted (`-requests`, `-req`, `-tokens`), the window (`-minute`, `-10-second` ...), and `-dynamic` for a limit
that the provider moves. A reset is a span of time from the answer on: Go's duration text ("2m59.56s") or seconds
("33011.382867").
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from providers.errors import PayloadError
from providers.parse import decimal
from providers.records import Quota
from providers.spec import Reply

MOST = Decimal(10) ** 15
LONGEST_RESET = timedelta(days=31)
NAMES = {"requests": "Request rate limit", "tokens": "Token rate limit"}

_HEADER = re.compile(
    r"x-(?P<family>ratelimit|tokenlimit)-(?P<told>limit|remaining|reset)(?:-(?P<unit>requests|req|tokens))?"
    r"(?:-(?:(?P<count>[1-9][0-9]{0,2})-)?(?P<window>second|minute|hour|day|month))?(?P<dynamic>-dynamic)?"
)
_LETTERS = {"second": "s", "minute": "min", "hour": "h", "day": "d", "month": "mo"}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|m|s|us|µs|ns)")
_SECONDS = {
    "h": Decimal(3600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("1e-3"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ns": Decimal("1e-9"),
}
_ZERO = re.compile(r"0+(\.0*)?")
_LONGEST_TEXT = 60

Place = tuple[str, str | None, bool]
"""What is counted ("requests" or "tokens"), the window, and whether the limit is one that moves."""


def parse_limit_headers(
    reply: Reply, *, now: datetime, windows: Mapping[str, str] | None = None, unitless: bool = False
) -> list[Quota]:
    """One Quota for each limit that the headers tell, none where they tell none.

    `windows` is the provider's convention for names without a window: {"tokens": "minute"}. `unitless` says that names
    which do not say what they count are the provider's too (requests; tokens in the `x-tokenlimit` family): elsewhere
    they may be anybody's, and are passed over.

    A reset counts from `now`, the moment of the reading by our own clock: a span needs no clock of the provider's. A
    value that is no number, is below zero or beyond any real limit raises PayloadError; so do two values for one limit.
    More left than the limit allows is no reading of that limit: what is left then stays unknown.
    """
    found: dict[Place, dict[str, str]] = {}
    for name, raw in reply.headers.items():
        place, value = _place(name, windows or {}, unitless), raw.strip()
        if place is None or not value:
            continue
        where, told = place
        if found.setdefault(where, {}).setdefault(told, value) != value:
            raise PayloadError("The headers tell two different figures for one rate limit.")
    return [_quota(where, told, now) for where, told in found.items() if told.keys() & {"limit", "remaining"}]


def has_no_allowance(reply: Reply) -> bool:
    """Whether a limit itself is 0, which no waiting mends. Raises nothing: the call may have been refused."""
    return any(
        (place := _place(name, {}, unitless=False)) is not None and place[1] == "limit" and _ZERO.fullmatch(raw.strip())
        for name, raw in reply.headers.items()
    )


def _place(name: str, windows: Mapping[str, str], unitless: bool) -> tuple[Place, str] | None:
    """Where a header belongs, and which of limit, remaining and reset it tells; None for any other header."""
    header = _HEADER.fullmatch(name.lower())
    if header is None or not (header["unit"] or unitless):
        return None
    tokens = header["unit"] == "tokens" or (header["unit"] is None and header["family"] == "tokenlimit")
    unit = "tokens" if tokens else "requests"
    window = header["window"] or windows.get(unit)
    if header["count"] and header["count"] != "1":
        window = f"{header['count']}{_LETTERS[header['window']]}"
    return (unit, window, header["dynamic"] is not None), header["told"]


def _quota(place: Place, told: Mapping[str, str], now: datetime) -> Quota:
    unit, window, dynamic = place
    limit, remaining = (_amount(told[name]) if name in told else None for name in ("limit", "remaining"))
    if limit is not None and remaining is not None and remaining > limit:
        remaining = None
    used = None if limit is None or remaining is None else limit - remaining
    span = duration(told["reset"]) if "reset" in told else None
    return Quota(
        name=f"{NAMES[unit]}, as it moves" if dynamic else NAMES[unit],
        unit=unit,
        used=used,
        limit=limit,
        remaining=remaining,
        percent_used=(used / limit * 100).quantize(Decimal("0.0001")) if used is not None and limit else None,
        window=window,
        resets_at=None if span is None else now + span,
    )


def _amount(raw: str) -> Decimal:
    amount = decimal(raw, "A rate limit in the headers")
    if not 0 <= amount <= MOST:
        raise PayloadError("A rate limit in the headers cannot be real.")
    return amount.copy_abs()  # "-0" is 0


def duration(raw: str) -> timedelta | None:
    """The span that a reset tells. None for one that is over, or longer than any window: a clock time, or another unit,
    about which nothing is known. Raises PayloadError for what is neither a duration nor a number."""
    text = raw.strip().replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")
    parts = _PART.findall(text)
    if parts and len(text) <= _LONGEST_TEXT and _PART.sub("", text) == "":
        seconds = sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), Decimal(0))
    else:
        seconds = decimal(text, "A reset in the headers")
    if not 0 <= seconds <= Decimal(LONGEST_RESET.total_seconds()):
        return None
    return timedelta(microseconds=int(seconds * 1_000_000))
