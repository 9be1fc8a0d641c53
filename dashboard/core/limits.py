"""How often something may be done: counted in Redis, for all processes together."""

import hashlib
from datetime import timedelta

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def allowed(what: str, *, who: str, amount: int, within: timedelta) -> bool:
    """Count one more `what` by `who`, and say whether that is still among the `amount` allowed `within` a span, which
    begins with the first. The whole of `who` counts, however long it is: two who begin alike are two.

    When Redis is away everything is allowed: the queue behind it stands still too, and nobody is locked out."""
    digest = hashlib.sha256(who.encode()).hexdigest()
    key = f"limit:{what}:{digest}"
    try:
        return _counted(key, within) <= amount
    except RedisError:
        log.warning("limits.away", what=what)
        return True


def _counted(key: str, within: timedelta) -> int:
    """Most calls are not the first: they are counted in one go."""
    try:
        return cache.incr(key)
    except ValueError:
        if cache.add(key, 1, timeout=int(within.total_seconds())):
            return 1
    try:
        return cache.incr(key)  # somebody else was first
    except ValueError:  # and that has passed away already
        return 1
