"""The API of Purser, version 1: the routers of the domains under /api/v1, and their OpenAPI document.

Interactive documentation would load scripts from elsewhere, so there is none: the pages under the settings say how each
part is used, and the document is there to be downloaded.
"""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_GET
from ninja import NinjaAPI

from dashboard.core.problems import Problem
from dashboard.organizations.access import access
from dashboard.organizations.middleware import PurserRequest
from dashboard.organizations.scope import Access
from dashboard.routing.api import router as routes_router
from dashboard.usage.intake.api import SCHEMAS, router

PREFIX = "api/v1/"

api = NinjaAPI(title="Purser", version="1", docs_url=None, openapi_url=None)
api.add_router("", router)
api.add_router("", routes_router)


@api.exception_handler(Problem)
def problem(request: HttpRequest, error: Problem) -> HttpResponse:
    return error.response()


@api.exception_handler(Exception)
def stumble(request: HttpRequest, error: Exception) -> HttpResponse:
    """For Django to report, without values; on its own the library would answer with the traceback in debug mode."""
    raise error


def api_document(base_url: str) -> dict[str, Any]:
    """OpenAPI 3.1 of everything under /api/v1."""
    document: dict[str, Any] = dict(api.get_openapi_schema(path_prefix=f"/{PREFIX}"))
    document["components"]["schemas"].update(SCHEMAS)
    document["servers"] = [{"url": base_url}]
    return document


@access(Access.READ)
@require_GET
def openapi(request: PurserRequest) -> HttpResponse:
    """For generators of clients; it says nothing about this organization."""
    document = api_document(request.build_absolute_uri("/").rstrip("/"))
    headers = {"Content-Disposition": 'attachment; filename="purser-openapi.json"'}
    return JsonResponse(document, headers=headers, json_dumps_params={"indent": 2})


def _declared(pattern: URLPattern) -> URLPattern:
    """To the street the door is open; the router's own token is what it asks for."""
    return path(str(pattern.pattern), access(Access.PUBLIC)(pattern.callback), name=pattern.name)


app_name = "api"
urlpatterns = [
    path("openapi.json", openapi, name="openapi"),
    *(_declared(pattern) for pattern in api.urls[0] if isinstance(pattern, URLPattern) and pattern.name != "api-root"),
]
