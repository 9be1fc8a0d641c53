"""What it takes to come in, said beside every view. The URL walk in the tests fails for a view that says nothing, and
tries every role on every address."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.http.response import HttpResponseBase

from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access, allows

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
