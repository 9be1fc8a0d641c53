"""What requests leave behind."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from django.core.signals import request_finished, request_started
from django.test import Client

from dashboard.core import memory


class Left:
    """Refers to itself."""

    def __init__(self) -> None:
        self.own = self


@pytest.fixture
def collector() -> Iterator[None]:
    """As it was."""
    before = gc.get_threshold()
    yield
    request_finished.disconnect(dispatch_uid="tidy")
    gc.unfreeze()
    gc.set_threshold(*before)
    gc.enable()


def test_what_a_request_leaves_behind_is_freed_once_it_is_answered(collector: None) -> None:
    left = []

    def leave(**_kwargs: object) -> None:
        left.append(weakref.ref(Left()))

    gc.disable()  # it comes when it wants to
    request_started.connect(leave)
    try:
        Client().get("/healthz")
        assert left.pop()() is not None
        memory.settle_memory_of_pages()
        Client().get("/healthz")
        assert left.pop()() is None
    finally:
        request_started.disconnect(leave)
