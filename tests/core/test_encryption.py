"""Secrets at rest: what goes in comes out, rotation works, and nothing is readable without a key."""

import json

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from dashboard.core.encryption import Unreadable, decrypt, encrypt, fingerprint, hint, key_id

CANARY = "sk-canary-7f3a-do-not-leak"


def key() -> str:
    return Fernet.generate_key().decode()


@given(st.dictionaries(st.text(), st.text()))
def test_what_goes_in_comes_out(values: dict[str, str]) -> None:
    assert decrypt(encrypt(values)) == values


def test_nothing_is_readable_at_rest() -> None:
    stored = encrypt({"api_key": CANARY})
    assert CANARY not in stored
    assert "api_key" not in stored
    assert stored != encrypt({"api_key": CANARY}), "equal secrets do not look equal"


def test_old_keys_open_and_the_newest_one_writes(settings: Settings) -> None:
    old, new = key(), key()
    settings.ENCRYPTION_KEYS = [old]
    stored, old_id = encrypt({"api_key": CANARY}), key_id()
    settings.ENCRYPTION_KEYS = [new, old]
    assert decrypt(stored) == {"api_key": CANARY}
    assert key_id() != old_id
    renewed = encrypt(decrypt(stored))
    settings.ENCRYPTION_KEYS = [new]
    assert decrypt(renewed) == {"api_key": CANARY}
    with pytest.raises(Unreadable):
        decrypt(stored)


def test_a_missing_key_is_said_without_the_secret(settings: Settings) -> None:
    stored = encrypt({"api_key": CANARY})
    settings.ENCRYPTION_KEYS = [key()]
    with pytest.raises(Unreadable) as caught:
        decrypt(stored)
    assert CANARY not in str(caught.value)
    assert stored not in str(caught.value)


@pytest.mark.parametrize("spoil", [lambda text: text[:-4], lambda text: "A" + text[1:], lambda text: ""])
def test_a_changed_text_is_refused(spoil: object) -> None:
    with pytest.raises(Unreadable):
        decrypt(spoil(encrypt({"api_key": CANARY})))  # type: ignore[operator]


def test_a_bad_key_stops_with_words(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["not a key"]
    with pytest.raises(ImproperlyConfigured, match="PURSER_ENCRYPTION_KEYS"):
        encrypt({})


def test_the_key_id_says_nothing_about_the_key(settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = [key()]
    assert len(key_id()) == 8
    assert key_id() not in settings.ENCRYPTION_KEYS[0]


def test_fingerprints_tell_equal_secrets_and_nothing_else(settings: Settings) -> None:
    assert fingerprint(CANARY) == fingerprint(CANARY) != fingerprint(CANARY + "x")
    assert len(fingerprint(CANARY)) == 16
    before = fingerprint(CANARY)
    settings.SECRET_KEY = "another installation"
    assert fingerprint(CANARY) != before, "without the installation's key nobody can try values"


@pytest.mark.parametrize(
    ("secret", "shown"), [("", ""), ("short", ""), ("elevenchars", ""), ("twelve-chars", "hars"), (CANARY, "leak")]
)
def test_a_hint_is_the_end_of_a_long_secret_only(secret: str, shown: str) -> None:
    assert hint(secret) == shown


def test_the_stored_text_holds_json_of_named_secrets(settings: Settings) -> None:
    """The format at rest: a later version must still read it."""
    plain = Fernet(settings.ENCRYPTION_KEYS[0]).decrypt(encrypt({"api_key": CANARY}).encode())
    assert json.loads(plain) == {"api_key": CANARY}
