"""Signs of life of the processes that answer no requests: a key in Redis that expires unless it is renewed.

Its age is read from the time it has left, so clocks of two machines need not agree.
"""

import sys
from functools import cache

import redis
from django.conf import settings

INTERVAL = 5.0  # seconds between two signs
KEPT = 60  # seconds after which a sign is forgotten
STALE = 20.0  # seconds after which a process counts as missing


@cache
def client() -> redis.Redis:
    """Redis with short timeouts: who asks for signs of life must not hang on a dead server."""
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)


def beat(name: str) -> None:
    """Say that process `name` is alive. A Redis that is away is no reason to fail: the sign is just not given."""
    try:
        client().set(_key(name), b"", ex=KEPT)
    except redis.RedisError:
        return


def age_seconds(name: str) -> float | None:
    """Seconds since the last sign; None when there was none lately. Raises redis.RedisError."""
    left = int(client().pttl(_key(name)))
    return None if left < 0 else max(0.0, KEPT - left / 1000)


def _key(name: str) -> str:
    return f"purser:alive:{name}"


def main(name: str) -> int:
    """For a container's health check: `python -m dashboard.core.heartbeat worker`."""
    try:
        age = age_seconds(name)
    except redis.RedisError:
        return 1
    return 0 if age is not None and age <= STALE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
