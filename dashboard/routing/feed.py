"""What readers of the route feed get: the last decision of the policy that counts for a team, in codes and in English.
The same decision gives the same bytes, so that a reader who knows them already is told so."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from django.utils import translation
from ninja import Schema

from dashboard.routing.models import RoutePolicy
from dashboard.routing.words import figures_of, verdict_words

MOST_KEPT = 500  # bodies, of some 20 kB each where a policy has a hundred targets
_written: dict[tuple[int, int, int, int | None], bytes] = {}


class FeedTarget(Schema):
    """A target in its state. `place` counts from 1 in the order in which targets are to be tried; those that are
    passed over have none. `share` is its percentage of the traffic; it is 0 while a tier before it carries."""

    place: int | None
    tier: int
    account: int
    model: str
    host: Literal["first", "backup"]
    weight: int
    share: int
    state: Literal["in_use", "standby", "passed_over", "off"]
    code: str
    reason: str


class FeedRoute(Schema):
    """`match` is the model that callers ask for: its name, a pattern with *, or an alias. At a dead end nobody may
    carry. `targets` has those with a place first, in their order."""

    match: str
    kind: Literal["model", "pattern", "alias"]
    dead_end: bool
    targets: list[FeedTarget]


class Feed(Schema):
    """The routes of a team. `policy` says whose they are: the team's own, or the organization's."""

    team: int | None
    policy: Literal["team", "organization"]
    revision: int
    routes: list[FeedRoute]


def feed_body(*, policy: RoutePolicy, team_id: int | None) -> bytes:
    """The feed of a team (None: of the organization) as JSON. Most polls ask for a decision that was written before:
    it is kept, under the number that grows with each other one, and `decided` may be deferred."""
    key = (policy.pk, policy.revision, policy.decisions, team_id)
    body = _written.get(key)
    if body is None:
        while len(_written) >= MOST_KEPT:
            _written.pop(next(iter(_written)), None)
        body = _written[key] = _write(policy, team_id)
    return body


def _write(policy: RoutePolicy, team_id: int | None) -> bytes:
    with translation.override("en"):
        routes = [_route(route) for route in policy.decided.get("routes", ())]
    document = {
        "team": team_id,
        "policy": "organization" if policy.team_id is None else "team",
        "revision": policy.revision,
        "routes": routes,
    }
    return msgspec.json.encode(document)


def strong_etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _route(route: dict[str, Any]) -> dict[str, Any]:
    targets = sorted(route["targets"], key=lambda one: (one["place"] is None, one["place"] or 0))
    return {
        "match": route["match"],
        "kind": route["kind"],
        "dead_end": route["dead_end"],
        "targets": [_target(one) for one in targets],
    }


def _target(one: dict[str, Any]) -> dict[str, Any]:
    figures = figures_of(one["code"], one["figures"])
    names = ("place", "tier", "account", "model", "host", "weight", "share", "state", "code")
    return {
        **{name: one[name] for name in names},
        "reason": verdict_words(one["state"], one["code"], figures, say=_utc).replace("\u00a0", " "),
    }


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
