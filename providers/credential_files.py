"""What people paste where a token belongs: the token itself, or the whole file in which a tool keeps it.

Only the access token and what says whose it is and when it ends are kept. A refresh token stays with its tool: using
our copy of it would sign that tool out. No error repeats what was pasted.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from providers.errors import PayloadError
from providers.parse import maybe, unix_seconds

MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Pasted:
    """A token with what its file says about it: values for open `fields` that are empty, and when it ends."""

    token: str = field(repr=False)
    fields: Mapping[str, str] = field(default_factory=dict)
    ends_at: datetime | None = None


def is_file(pasted: str) -> bool:
    return pasted.lstrip().startswith("{")


def document_of(pasted: str, what: str) -> Mapping[str, Any]:
    """The JSON object that was pasted. Raises PayloadError."""
    if len(pasted.encode()) > MOST_BYTES:
        raise PayloadError(f"This is larger than {what} can be.")
    try:
        found = json.loads(pasted)
    except (ValueError, RecursionError):
        raise PayloadError(f"This is not the whole of {what}: paste all of it, from {{ to }}.") from None
    if not isinstance(found, dict):
        raise PayloadError(f"This is not {what}.")
    return found


def token_in(row: Any, name: str, what: str) -> str:
    """A text that can stand in a header. Raises PayloadError."""
    found = row.get(name) if isinstance(row, dict) else None
    if not isinstance(found, str) or not 0 < len(found) <= 8_000 or not found.isascii() or not found.isprintable():
        raise PayloadError(f"This is not {what}: it holds no {name}.")
    if " " in found:
        raise PayloadError(f"This is not {what}: its {name} cannot be one.")
    return found


def claims_of(token: str) -> Mapping[str, Any]:
    """What a JWT says of itself, unproven: for words and clocks, never for trust. Empty where there is nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def ends_at(claims: Mapping[str, Any]) -> datetime | None:
    """`exp` of a JWT, None where it cannot be read."""
    value = claims.get("exp")
    try:
        return maybe({"exp": str(value)}, "exp", unix_seconds) if type(value) in (int, float) else None
    except PayloadError:
        return None
