"""Walking the pages of a list, shared so that no adapter can loop for ever or lose a page in silence."""

from collections.abc import Callable, Generator
from typing import Any

from providers.parse import boolean, get, maybe, text
from providers.spec import Partial, Reply, Request

MAX_PAGES = 500

NextPage = Callable[[Any], tuple[str, str] | None]
"""(decoded page) -> the parameter that asks for the next page, or None on the last. Raises `BrokenCursor` when the page
says that there is more but not where."""


class BrokenCursor(Exception):
    """The page announces more pages without a usable cursor."""


def by_marker(document: Any) -> tuple[str, str] | None:
    """`page` is the `next_page` of the page before. Some lists say `has_more`; others do not, and end where `next_page`
    is null or absent."""
    more = maybe(document, "has_more", boolean)
    marker = None if more is False else maybe(document, "next_page", text)
    if more and not marker:
        raise BrokenCursor
    return ("page", marker) if marker else None


def by_told_marker(document: Any) -> tuple[str, str] | None:
    """The same where `has_more` is always said."""
    get(document, "has_more", boolean)
    return by_marker(document)


def by_page_token(document: Any) -> tuple[str, str] | None:
    """`pageToken` is the `nextPageToken` of the page before; the last one has none."""
    token = maybe(document, "nextPageToken", text)
    return ("pageToken", token) if token else None


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
