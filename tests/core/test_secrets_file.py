"""Secrets that Purser makes for itself."""

import multiprocessing
import os
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from dashboard.core.secrets_file import secret_from_file


def _read(path: str) -> str:
    return secret_from_file(Path(path), name="PURSER_SECRET_KEY", may_generate=True)


def test_a_secret_is_made_once_and_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "secret_key"
    first = _read(str(path))
    assert len(first) >= 50
    assert _read(str(path)) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_encryption_key_is_one_that_fernet_takes(tmp_path: Path) -> None:
    key = secret_from_file(tmp_path / "keys", name="PURSER_ENCRYPTION_KEYS", may_generate=True)
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"text")) == b"text"


def test_two_first_starts_at_once_read_the_same_secret(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        read = pool.map(_read, [str(tmp_path / "secret_key")] * 16)
    assert len(set(read)) == 1


def test_a_half_written_secret_of_a_killed_start_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".secret_key.new").write_text("half")
    assert len(_read(str(tmp_path / "secret_key"))) >= 50


@pytest.mark.parametrize("name", ["PURSER_SECRET_KEY", "PURSER_ENCRYPTION_KEYS"])
def test_where_none_may_be_made_the_error_names_the_variable_and_the_way(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not set. Make one with: python3 -c"):
        secret_from_file(tmp_path / "absent", name=name, may_generate=False)
    assert os.listdir(tmp_path) == []


def test_an_empty_file_is_an_error_and_not_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch()
    with pytest.raises(ImproperlyConfigured, match="is empty"):
        _read(str(tmp_path / "secret_key"))
