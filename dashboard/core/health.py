"""Is the process up, and can it do its work? Both answers are public, so neither names hosts or reveals errors."""

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import psycopg
import redis
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from dashboard.core import heartbeat

SECONDS = 2  # libpq's smallest connect timeout

OK = "ok"
View = TypeVar("View", bound=Callable[..., HttpResponse])


def _public(view: View) -> View:
    """Open to everybody: what watches over Purser has no session."""
    declared: Any = login_not_required(view)
    declared.access = "public"
    return declared


@require_safe
@never_cache
@_public
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
@_public
def readyz(request: HttpRequest) -> JsonResponse:
    """Every part with "ok" or a sentence; 503 unless all are ok."""
    report = {**_database(), **_redis()}
    return JsonResponse(report, status=200 if all(state == OK for state in report.values()) else 503)


def _database() -> dict[str, str]:
    """A connection of its own: the pool would let a request wait far longer than a health check may."""
    try:
        with psycopg.connect(**_connection_parameters()) as database:
            return {"database": OK, "migrations": _migrations(database)}
    except psycopg.Error:
        return {"database": "PostgreSQL does not answer", "migrations": "not known without the database"}


def _connection_parameters() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    parameters.pop("pool", None)
    timeout = f"-c statement_timeout={SECONDS * 1000}"
    return {
        **parameters,
        "connect_timeout": SECONDS,
        "options": f"{parameters['options']} {timeout}" if parameters.get("options") else timeout,
        "cursor_factory": psycopg.Cursor,
        "autocommit": True,
    }


def _migrations(database: psycopg.Connection[Any]) -> str:
    try:
        applied = {(row[0], row[1]) for row in database.execute("SELECT app, name FROM django_migrations")}
    except psycopg.errors.UndefinedTable:
        applied = set()
    missing = [
        key
        for key, replaces in _known_migrations().items()
        if key not in applied and not (replaces and applied.issuperset(replaces))
    ]
    if not missing:
        return OK
    return f"{len(missing)} not applied yet; run: manage.py migrate"


@cache
def _known_migrations() -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
    """Each migration in the code with those it replaces. The code of a running process does not change."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return {key: tuple(node.replaces) for key, node in loader.disk_migrations.items() if key in loader.graph.nodes}


def _redis() -> dict[str, str]:
    try:
        heartbeat.client().ping()
        return {
            "redis": OK,
            "worker": _alive("worker", heartbeat.age_seconds),
            "beat": _alive("beat", heartbeat.age_seconds),
        }
    except redis.RedisError:
        return dict.fromkeys(("worker", "beat"), "not known without Redis") | {"redis": "Redis does not answer"}


def _alive(name: str, age_seconds: Callable[[str], float | None]) -> str:
    age = age_seconds(name)
    if age is None:
        return f"no sign of life from the {name} in the last {heartbeat.KEPT} seconds"
    return OK if age <= heartbeat.STALE else f"last sign of life from the {name} {age:.0f} seconds ago"
