"""Rate-limit headers as a gateway counts them: what the account used today and in this minute, against its limits.

No provider is known to send them with its list of models: here it does, so that what becomes of them is seen. A key
with "quiet-" before its "sim-" gets none.
"""

from datetime import timedelta

from providers.simulator.server import Call
from providers.simulator.world import HOUR, day_of

REQUESTS_A_DAY = 100_000
TOKENS_A_MINUTE = 2_000_000


def is_quiet(call: Call) -> bool:
    return "quiet-sim-" in call.token


def used_today(call: Call) -> int:
    """Requests since 00:00 UTC, never more than the limit."""
    begun = call.account.daily(day_of(call.now), call.now)
    return min(REQUESTS_A_DAY, sum(charge.requests for charge in begun))


def used_in_minute(call: Call) -> int:
    """Tokens of one of the hour's sixty even minutes, never more than the limit."""
    hour = call.now.replace(minute=0, second=0, microsecond=0)
    charges = call.account.charges(hour, hour + HOUR)
    tokens = sum(charge.input_tokens + charge.cached_tokens + charge.output_tokens for charge in charges)
    return min(TOKENS_A_MINUTE, tokens // 60)


def seconds_to_day(call: Call) -> float:
    return (day_of(call.now) + timedelta(days=1) - call.now).total_seconds()


def seconds_to_minute(call: Call) -> float:
    return 60 - call.now.second - call.now.microsecond / 1_000_000


def as_go_duration(seconds: float) -> str:
    """Go's text for a duration: "9h27m59.5s"."""
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    whole = f"{hours:.0f}h{minutes:.0f}m" if hours else f"{minutes:.0f}m" if minutes else ""
    return f"{whole}{rest:.6g}s"
