"""What it takes to come in, said beside every view. The URL walk in the tests fails for a view that says nothing, and
tries every role on every address."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, Literal, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import render

from dashboard.core.limits import allowed
from dashboard.organizations.audit import address_of
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access, allows

Per = Literal["organization", "person", "address"]
View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def access(needed: Access) -> Callable[[View], View]:
    """Strangers to every organization find nothing (404); people of one who may not are told so (403)."""

    def declare(view: View) -> View:
        @wraps(view)
        def checked(request: PurserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if needed in (Access.PUBLIC, Access.PERSON):
                return view(request, *args, **kwargs)
            if request.membership is None:
                raise Http404
            if not allows(needed, request.membership):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        declared: Any = login_not_required(checked) if needed == Access.PUBLIC else checked
        declared.access = needed
        return declared

    return declare


def limited(what: str, *, amount: int, within: timedelta, per: Per) -> Callable[[View], View]:
    """So many POSTs of this kind `within` a span, `per` organization, person or network address; more are answered 429
    and change nothing. Views of one kind share their count. Stands below `access`."""

    def declare(view: View) -> View:
        @wraps(view)
        def counted(request: PurserRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method == "POST" and not allowed(what, who=_who(request, per), amount=amount, within=within):
                seconds = int(within.total_seconds())
                response = render(request, "429.html", {"minutes": -(-seconds // 60)}, status=429)
                response.headers["Retry-After"] = str(seconds)
                return response
            return view(request, *args, **kwargs)

        limited_view: Any = counted
        return limited_view

    return declare


def _who(request: PurserRequest, per: Per) -> str:
    if per == "organization" and request.organization is not None:
        return f"organization {request.organization.pk}"
    if per != "address" and request.user.is_authenticated:
        return f"person {request.user.pk}"
    return f"address {address_of(request)}"
