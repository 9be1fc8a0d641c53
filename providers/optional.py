"""Pages that another version of a server, or a proxy before it, may not have: without them the rest is read all the
same."""

from collections.abc import Generator
from typing import Any

from providers.errors import ActionNeeded, NotAvailable, PayloadError, ProviderError
from providers.parse import maybe, text
from providers.spec import Partial, Reply, Request


def document_or_none(request: Request) -> Generator[Request | Partial, Reply, Any]:
    """The answer as JSON. None where there is no such page or it is closed; a failure is said in a Partial."""
    try:
        return (yield request).json()
    except (ActionNeeded, NotAvailable):
        return None
    except ProviderError as error:
        yield Partial(reason=f"Not everything was read: {error.message}")
        return None


def version_or_none(request: Request, name: str = "version") -> Generator[Request | Partial, Reply, str | None]:
    """The version that such a page tells under `name`."""
    document = yield from document_or_none(request)
    try:
        return None if document is None else maybe(document, name, text)
    except PayloadError as error:
        yield Partial(reason=f"Not everything was read: {error.message}")
        return None
