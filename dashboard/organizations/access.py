"""Who may do what, as decorators on views."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse

from dashboard.organizations.middleware import PurserRequest

View = Callable[..., HttpResponse]


def member_required(view: View) -> View:
    """For people of an organization; somebody who belongs to none finds nothing here."""

    @wraps(view)
    def checked(request: PurserRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.membership is None:
            raise Http404
        return view(request, *args, **kwargs)

    return checked


def manager_required(view: View) -> View:
    """For owners and admins; others of the organization are told that they may not."""

    @wraps(view)
    def checked(request: PurserRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.membership is None:
            raise Http404
        if not request.membership.may_manage:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked
