"""Fixtures of the tests of providers."""

from collections.abc import Iterator
from functools import lru_cache

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key


@pytest.fixture(scope="session", autouse=True)
def keys_are_read_once() -> Iterator[None]:
    """OpenSSL proves the primes of a private key whenever it is loaded, 40 ms each time: once is enough for the key
    that these tests make. A text that is no key still fails, each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jwt.algorithms.load_pem_private_key", lru_cache(load_pem_private_key))
        yield
