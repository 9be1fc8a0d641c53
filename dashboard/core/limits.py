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
        cache.add(key, 0, timeout=int(within.total_seconds()))
        return cache.incr(key) <= amount
    except ValueError:  # it passed away between the two lines
        return True
    except RedisError:
        log.warning("limits.away", what=what)
        return True
