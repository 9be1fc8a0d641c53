"""How the syncing goes: provider by provider, those in trouble first, and all of it in one strip."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from dashboard.credentials.catalog import provider_name
from dashboard.organizations.scope import Scope
from dashboard.sync.selectors import Health, hour_ticks, worst_state

Trouble = dict[tuple[str, int], set[str]]
QUIET = ("fresh", "offline", "waiting")
# Who has just connected something waits for figures; whoever waits longer than this waits for something else.
FIRST_SYNC = timedelta(minutes=10)


def filling(health: Sequence[Health], now: datetime) -> bool:
    """Whether the first figures of an account are on their way."""
    return any(
        one.first_at is not None and now - one.first_at < FIRST_SYNC and {"waiting", "syncing"} & set(one.states)
        for one in health
    )


def health_context(scope: Scope, health: Sequence[Health], trouble: Trouble, now: datetime) -> dict[str, Any]:
    cells = [_cell(scope, one, trouble, now) for one in health]
    return {
        **sync_strip(health, trouble, now),
        "loud": [cell for cell in cells if not cell["quiet"]],
        "quiet": [cell for cell in cells if cell["quiet"]],
    }


def _cell(scope: Scope, one: Health, trouble: Trouble, now: datetime) -> dict[str, Any]:
    state = worst_state(state for state in one.states if state not in ("standby", "not_available"))
    return {
        "name": provider_name(scope.organization_id, one.slug),
        "icon": one.slug,
        "streams": one.total,
        "state": state,
        "quiet": state in QUIET,
        "severity": "crit" if state == "failing" else "" if state in QUIET else "warn",
        "ticks": hour_ticks(trouble, [one.slug], one.first_at, now, one.offline_since),
        "url": reverse("credentials:account_list") + f"?provider={one.slug}",
    }


def sync_strip(health: Sequence[Health], trouble: Trouble, now: datetime) -> dict[str, Any]:
    """All providers in one strip, as the sidebar shows it."""
    firsts = [one.first_at for one in health if one.first_at]
    return {
        "fresh": sum(one.fresh for one in health),
        "total": sum(one.total for one in health),
        "ticks": hour_ticks(trouble, [one.slug for one in health], min(firsts) if firsts else None, now),
        "url": reverse("overview:overview") + "#sync_health",
    }
