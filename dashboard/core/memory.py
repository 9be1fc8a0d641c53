"""The garbage collector's part in processes that stay."""

import gc
from typing import Any

from django.core.signals import request_finished


def settle_memory() -> None:
    """For a process that has loaded all its code and stays: what is there now stays for good, so the garbage collector
    need not look through it again and again, and looks less often at what is new."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def settle_memory_of_pages() -> None:
    """For a process that answers requests and has loaded all its code."""
    settle_memory()
    request_finished.connect(_tidy, dispatch_uid="tidy")


def _tidy(**_kwargs: Any) -> None:
    """The context of a template refers to itself, so what a page was made of is left to the collector. After the answer
    that takes half a millisecond; left to gather, it would take some later page tens of them."""
    gc.collect(0)
