"""GET /api/v1/routes/{team}."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Path, Router

from dashboard.core.problems import Problem
from dashboard.keys.api import ServiceBearer
from dashboard.keys.models import ServiceToken, TokenScope
from dashboard.routing.feed import Feed, feed_body, strong_etag
from dashboard.routing.selectors import policy_for_feed
from dashboard.usage.intake.rows import ProblemAnswer

ORGANIZATION = "organization"  # in place of a team's number

router = Router(auth=ServiceBearer(TokenScope.ROUTES_READ), tags=["routes"])


@router.get(
    "routes/{team}",
    url_name="routes",
    operation_id="read_routes",
    summary="Read the routes of a team",
    description=(
        "For each route its targets in the order in which they are to be tried, each with its state, a code and the"
        " reason in words. A team without routes of its own gets those of the organization. Poll as often as you like"
        " with If-None-Match: 304 says that nothing has changed."
    ),
    response={200: Feed, 304: None, (401, 403, 404, 429): ProblemAnswer},
)
def routes(
    request: HttpRequest,
    team: str = Path(..., description="The number of a team, or “organization” for the organization's own routes."),
) -> HttpResponse:
    """Which token asks stands in `request.auth`."""
    token: Any = request.auth  # type: ignore[attr-defined]
    asked = _asked(token, team)
    policy, there = policy_for_feed(organization_id=token.organization_id, team_id=asked)
    if not there:
        raise _no_such_team()
    if policy is None:
        raise Problem(404, "no_routes", _("There are no routes for this team, and none of the organization."))
    body = feed_body(policy=policy, team_id=asked)
    headers = {"ETag": strong_etag(body), "Cache-Control": "private, no-cache"}
    known = [one.strip().removeprefix("W/") for one in request.headers.get("If-None-Match", "").split(",")]
    if headers["ETag"] in known or known == ["*"]:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(body, content_type="application/json", headers=headers)


def _asked(token: ServiceToken, asked: str) -> int | None:
    """The id of the team that is asked for, None for the organization, as far as the token reaches. Raises Problem."""
    if token.account_id is not None:
        raise Problem(403, "token_of_one_account", _("This token is for one account alone; routes have several."))
    if asked == ORGANIZATION:
        if token.team_id is not None:
            raise Problem(403, "token_of_one_team", _("This token is for one team alone: ask for its number."))
        return None
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else 0
    if token.team_id not in (None, number):
        raise _no_such_team()
    return number


def _no_such_team() -> Problem:
    return Problem(404, "no_such_team", _("There is no such team, or this token is for another one."))
