"""The way into our API: a service token in the Authorization header, and nothing else. A session cookie opens nothing
here, so that no other site can make a signed-in browser send anything."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from dashboard.core.limits import allowed
from dashboard.core.problems import Problem
from dashboard.keys.models import ServiceToken, TokenScope
from dashboard.keys.selectors import service_token_by_secret
from dashboard.keys.services import service_token_used

CALLS, WITHIN = 120, timedelta(minutes=1)


class ServiceBearer(HttpBearer):
    """The ServiceToken becomes `request.auth`. Raises Problem: 401 without a good token, 403 when it may not do this,
    429 when it calls too often."""

    def __init__(self, scope: TokenScope) -> None:
        self.scope = scope
        super().__init__()

    def __call__(self, request: HttpRequest) -> ServiceToken:
        # Not the parent's way: it would write a header that it does not understand into the log.
        scheme, _space, secret = request.headers.get(self.header, "").partition(" ")
        if scheme.lower() != self.openapi_scheme:
            raise _refused("missing_token", _("Send your service token: “Authorization: Bearer purser_...”."))
        return self.authenticate(request, secret.strip())

    def authenticate(self, request: HttpRequest, token: str) -> ServiceToken:
        now, found = timezone.now(), service_token_by_secret(token)
        state = "unknown" if found is None else found.state(now)
        if found is None or state == "revoked":
            raise _refused("invalid_token", _("This token is not known here, or it was rotated or revoked."))
        if state == "expired":
            raise _refused("expired_token", _("This token has expired. Rotate it under Settings, Service tokens."))
        if self.scope not in found.scopes:
            words = _("This token may not do this: it lacks the scope %(scope)s.") % {"scope": self.scope}
            raise Problem(403, "insufficient_scope", words)
        if not allowed("api", who=f"token {found.pk}", amount=CALLS, within=WITHIN):
            wait = str(int(WITHIN.total_seconds()))
            words = _("Too many calls: at most %(calls)d a minute. Send more rows in each.") % {"calls": CALLS}
            raise Problem(429, "too_many_calls", words, {"Retry-After": wait})
        service_token_used(token=found, now=now)
        return found


def _refused(code: str, words: str) -> Problem:
    told = "" if code == "missing_token" else ', error="invalid_token"'
    return Problem(401, code, words, {"WWW-Authenticate": f'Bearer realm="Purser"{told}'})
