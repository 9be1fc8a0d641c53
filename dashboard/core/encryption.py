"""Secrets at rest: MultiFernet under the installation's keys. Only this module sees the keys."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class Unreadable(Exception):
    """The stored secret was encrypted under a key that is no longer among PURSER_ENCRYPTION_KEYS."""


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise ImproperlyConfigured(
            "PURSER_ENCRYPTION_KEYS must hold Fernet keys (32 bytes, url-safe base64), separated by commas."
        ) from error


def encrypt(values: Mapping[str, str]) -> str:
    """Named secrets as one encrypted text, under the newest key."""
    return seal_text(json.dumps(dict(values)))


def decrypt(token: str) -> dict[str, str]:
    """What `encrypt` was given. Raises Unreadable when no key fits."""
    return json.loads(open_text(token))


def seal_text(text: str) -> str:
    """One secret text, encrypted under the newest key."""
    return _cipher(tuple(settings.ENCRYPTION_KEYS)).encrypt(text.encode()).decode()


def open_text(token: str) -> str:
    """What `seal_text` was given. Raises Unreadable when no key fits."""
    try:
        return _cipher(tuple(settings.ENCRYPTION_KEYS)).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("No key in PURSER_ENCRYPTION_KEYS opens this secret.") from error


def is_newest(token: str) -> bool:
    """Whether the newest key made this text."""
    try:
        _cipher((settings.ENCRYPTION_KEYS[0],)).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def key_id(key: str = "") -> str:
    """Which key `encrypt` uses now (or this one): eight hex digits that say nothing about the key."""
    return hashlib.sha256(b"purser key id" + (key or settings.ENCRYPTION_KEYS[0]).encode()).hexdigest()[:8]


def fingerprint(secret: str) -> str:
    """A keyed digest by which equal secrets are recognised without being readable: 16 hex digits."""
    return hmac.new(settings.SECRET_KEY.encode(), b"fingerprint:" + secret.encode(), hashlib.sha256).hexdigest()[:16]


def keyed_digest(purpose: str, secret: str) -> str:
    """What is kept of a secret that we made ourselves and only have to recognise: 64 hex digits, under our own key, so
    that a stolen database proves no guess. Another purpose gives another digest."""
    return hmac.new(settings.SECRET_KEY.encode(), f"{purpose}:{secret}".encode(), hashlib.sha256).hexdigest()


def hint(secret: str) -> str:
    """The last four characters, or nothing of a secret too short to show a part of."""
    return secret[-4:] if len(secret) >= 12 else ""
