"""Walking the pages of a list, shared so that no adapter can loop for ever or lose a page in silence."""

from collections.abc import Callable, Generator
from typing import Any

from providers.spec import Partial, Reply, Request

MAX_PAGES = 500

NextPage = Callable[[Any], tuple[str, str] | None]
"""(decoded page) -> the parameter that asks for the next page, or None on the last. Raises `BrokenCursor` when the page
says that there is more but not where."""


class BrokenCursor(Exception):
    """The page announces more pages without a usable cursor."""


def pages(
    first: Request, next_page: NextPage, *, most: int = MAX_PAGES
) -> Generator[Request | Partial, Reply, list[Any]]:
    """Decoded JSON of every page, first to last: `documents = yield from pages(request, cursor)`.

    A cursor that is missing or was used before, or more than `most` pages, ends the walk with `Partial`: what was read
    is true, but not complete.
    """
    documents: list[Any] = []
    request, seen = first, set[tuple[str, str]]()
    while True:
        reply = yield request
        document = reply.json()
        documents.append(document)
        try:
            cursor = next_page(document)
        except BrokenCursor:
            yield Partial(reason="The provider announced another page without saying where it is.")
            return documents
        if cursor is None:
            return documents
        if cursor in seen:
            yield Partial(reason="The provider sent the same page marker twice.")
            return documents
        if len(documents) >= most:
            yield Partial(reason=f"Stopped after {most} pages.")
            return documents
        seen.add(cursor)
        request = first.with_params(cursor)
