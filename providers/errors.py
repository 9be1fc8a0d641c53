"""Four exceptions, named for what the caller does next.

| raised         | meaning                                     | what happens to the stream                  |
|----------------|---------------------------------------------|---------------------------------------------|
| `Retryable`    | 429, 5xx, timeout, gateway trouble          | backs off; a 429 rests the whole credential |
| `ActionNeeded` | 401, 403, missing scope, wrong kind of key  | paused until the credential changes         |
| `NotAvailable` | plan, region or feature not enabled         | off, looked at again weekly                 |
| `PayloadError` | the answer is not what the docs say         | backs off, value marked stale               |

A message never holds a body, a header, a query string or a secret of the remote side: only our own words, the host
and the status.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

ActionCode = Literal[
    "refused",
    "wrong_kind",
    "missing_scope",
    "missing_field",
    "wrong_organization",
    "billing",
    "blocked",
    "signed_out",
    "app_refused",
]

MAX_RETRY_AFTER_SECONDS = 6 * 3600


class ProviderError(Exception):
    """Base of the four. `status` is the HTTP status that led here, None when there was none. `unsent` says that the
    call surely never left: what it was to change is as it was."""

    kind = "error"
    unsent = False

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


class Retryable(ProviderError):
    """Try again later. `retry_after` in seconds when the provider said so; `unreachable` when nothing answered;
    `unsent` when there was no connection that the call could have gone over."""

    kind = "retryable"

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        unreachable: bool = False,
        unsent: bool = False,
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after
        self.unreachable = unreachable
        self.unsent = unsent

    @property
    def rests_credential(self) -> bool:
        """After a 429 every stream of the credential waits, not only the one that asked."""
        return self.status == 429


class ActionNeeded(ProviderError):
    """A person has to do something. `field` names the credential field to mend, `url` the provider's page for it."""

    kind = "action_needed"

    def __init__(
        self,
        message: str,
        *,
        code: ActionCode = "refused",
        status: int | None = None,
        field: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(message, status=status)
        self.code: ActionCode = code
        self.field = field
        self.url = url


class NotAvailable(ProviderError):
    """The provider has this, but not for this account: plan, region, feature not enabled, unknown path."""

    kind = "not_available"


class PayloadError(ProviderError):
    """The answer cannot be read as documented."""

    kind = "payload_error"


class TooLarge(PayloadError):
    """The answer is larger than what is taken. Asking for less at once may mend it."""


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After` (a number or an HTTP date, RFC 9110 section 10.2.3), or None.

    A date is read against the answer's own `Date` header, so that a skewed clock on either side does no harm.
    Capped at six hours: a wild value must not silence an account for days.
    """
    raw = headers.get("retry-after", "").strip()
    if not raw:
        return None
    try:
        seconds = float(raw)
    except ValueError:
        try:
            wanted = parsedate_to_datetime(raw)
            said = parsedate_to_datetime(headers.get("date", ""))
        except (ValueError, OverflowError):
            return None
        if wanted.tzinfo is None or said.tzinfo is None:
            return None
        seconds = (wanted - said).total_seconds()
    if not 0 <= seconds < float("inf"):
        return None
    return min(seconds, MAX_RETRY_AFTER_SECONDS)


def error_for_status(status: int, headers: Mapping[str, str], *, host: str) -> ProviderError:
    """The exception for an HTTP status that no adapter explained better."""
    if status == 401:
        return ActionNeeded(f"{host} refused the key (401).", status=status)
    if status == 403:
        return ActionNeeded(f"{host} says this key may not read this (403).", code="missing_scope", status=status)
    if status == 402:
        return ActionNeeded(f"{host} asks for payment first (402).", code="billing", status=status)
    if status == 429:
        return Retryable(
            f"{host} answered 429, too many calls.", status=status, retry_after=retry_after_seconds(headers)
        )
    if status in (408, 409, 425) or status >= 500:
        return Retryable(f"{host} answered {status}.", status=status, retry_after=retry_after_seconds(headers))
    if status in (404, 405, 410, 501):
        return NotAvailable(f"{host} does not offer this for the account ({status}).", status=status)
    return PayloadError(f"{host} answered {status}, which its documentation does not lead us to expect.", status=status)


def utc(value: datetime) -> datetime:
    """The same instant in UTC; a naive time is an error of ours."""
    if value.tzinfo is None:
        raise ValueError("naive datetime")
    return value.astimezone(UTC)
