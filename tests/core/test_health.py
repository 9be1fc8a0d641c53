"""/healthz and /readyz."""

import time
from collections.abc import Iterator

import pytest
import redis
from django.db import connection
from django.test import Client

from dashboard.core import health, heartbeat


@pytest.fixture
def signs_of_life() -> Iterator[None]:
    for name in ("worker", "beat"):
        heartbeat.beat(name)
    yield
    heartbeat.client().delete("purser:alive:worker", "purser:alive:beat")


@pytest.fixture
def unreachable_redis() -> Iterator[None]:
    """A Redis that refuses, in place of the one everybody shares."""
    gone = redis.Redis.from_url("unix:///nonexistent/redis.sock")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heartbeat, "client", lambda: gone)
        yield


def test_healthz_is_public_and_touches_nothing(client: Client, unreachable_redis: None) -> None:
    # Without the `db` fixture any query would fail the test.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_ready_when_every_part_is(client: Client, signs_of_life: None) -> None:
    answer = client.get("/readyz")
    assert answer.json() == dict.fromkeys(("database", "migrations", "redis", "worker", "beat"), "ok")
    assert answer.status_code == 200


@pytest.mark.django_db
def test_a_silent_worker_is_named(client: Client, signs_of_life: None) -> None:
    heartbeat.client().delete("purser:alive:worker")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "no sign of life from the worker" in answer.json()["worker"]
    assert answer.json()["beat"] == "ok"


@pytest.mark.django_db
def test_an_old_sign_of_life_is_none(client: Client, signs_of_life: None) -> None:
    heartbeat.client().expire("purser:alive:beat", int(heartbeat.KEPT - heartbeat.STALE - 5))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["beat"].startswith("last sign of life from the beat 25 seconds ago")


@pytest.mark.django_db
def test_redis_away_is_named_without_its_address(client: Client, unreachable_redis: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["redis"] == "Redis does not answer"
    assert b"nonexistent" not in answer.content


def test_a_database_that_refuses_is_named_without_its_address(
    client: Client, signs_of_life: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_connection_parameters", lambda: {"host": "/nonexistent", "connect_timeout": 2})
    began = time.monotonic()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == "PostgreSQL does not answer"
    assert b"nonexistent" not in answer.content
    assert time.monotonic() - began < 5


@pytest.mark.django_db(transaction=True)
def test_a_migration_that_is_not_applied_is_named(client: Client, signs_of_life: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions' AND name = '0001_initial'")
        try:
            answer = client.get("/readyz")
        finally:
            cursor.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('sessions', '0001_initial', now())"
            )
    assert answer.status_code == 503
    assert answer.json()["migrations"] == "1 not applied yet; run: manage.py migrate"


def test_an_age_is_told_by_redis_and_not_by_our_clock() -> None:
    heartbeat.beat("clock")
    age = heartbeat.age_seconds("clock")
    assert age is not None
    assert 0 <= age < 5
    heartbeat.client().delete("purser:alive:clock")
    assert heartbeat.age_seconds("clock") is None


def test_a_beat_without_redis_does_not_fail(unreachable_redis: None) -> None:
    heartbeat.beat("worker")
