"""Walking pages: every page once, and an end whatever the provider says."""

import json
from typing import Any

import pytest

from providers.errors import PayloadError, Retryable
from providers.paging import MAX_PAGES, BrokenCursor, NextPage, pages
from providers.spec import Partial, Reply, Request

FIRST = Request(url="https://api.example.com/v1/list", auth="api_key", params=(("limit", "10"), ("page", "start")))


def reply(document: Any) -> Reply:
    return Reply(status=200, headers={}, body=json.dumps(document).encode())


def marker(document: Any) -> tuple[str, str] | None:
    if document.get("more") and "next" not in document:
        raise BrokenCursor
    return ("page", document["next"]) if "next" in document else None


def walk(answers: Any, next_page: NextPage = marker) -> tuple[list[Any], list[Request], list[str]]:
    """(documents, requests asked, reasons of Partial) of a walk in which `answers(number of the call)` comes back."""
    steps = pages(FIRST, next_page)
    asked: list[Request] = []
    partial: list[str] = []
    item = next(steps)
    while True:
        try:
            if isinstance(item, Partial):
                partial.append(item.reason)
                item = next(steps)
                continue
            asked.append(item)
            item = steps.send(reply(answers(len(asked))))
        except StopIteration as end:
            return end.value, asked, partial


def test_one_page() -> None:
    documents, asked, partial = walk(lambda number: {"rows": [1]})
    assert documents == [{"rows": [1]}]
    assert asked == [FIRST]
    assert partial == []


def test_three_pages_keep_the_first_parameters_and_replace_the_marker() -> None:
    answers = [{"next": "b"}, {"next": "c"}, {"rows": []}]
    documents, asked, partial = walk(lambda number: answers[number - 1])
    assert documents == answers
    assert [request.params for request in asked] == [
        (("limit", "10"), ("page", "start")),
        (("limit", "10"), ("page", "b")),
        (("limit", "10"), ("page", "c")),
    ]
    assert {(request.url, request.auth, request.method) for request in asked} == {(FIRST.url, "api_key", "GET")}
    assert partial == []


def test_a_marker_of_another_name_is_added_to_the_first_call() -> None:
    names = [("page", "b"), ("after", "c"), None]
    _, asked, _ = walk(lambda number: {"number": number}, lambda document: names[document["number"] - 1])
    assert asked[2].params == (*FIRST.params, ("after", "c"))


def test_a_marker_that_is_missing_ends_with_a_reason() -> None:
    documents, asked, partial = walk(lambda number: {"next": "b"} if number == 1 else {"more": True})
    assert len(documents) == len(asked) == 2
    assert partial == ["The provider announced another page without saying where it is."]


@pytest.mark.parametrize("cycle", [["b"], ["b", "c"], ["b", "c", "d", "e"]])
def test_a_marker_that_comes_back_ends_with_a_reason(cycle: list[str]) -> None:
    documents, _, partial = walk(lambda number: {"next": cycle[(number - 1) % len(cycle)], "number": number})
    assert len(documents) == len(cycle) + 1
    assert [document["number"] for document in documents] == list(range(1, len(cycle) + 2)), "a page was lost"
    assert partial == ["The provider sent the same page marker twice."]


def test_a_list_without_end_is_given_up() -> None:
    documents, asked, partial = walk(lambda number: {"next": str(number)})
    assert len(documents) == len(asked) == MAX_PAGES
    assert partial == [f"Stopped after {MAX_PAGES} pages."]


def test_exactly_as_many_pages_as_are_allowed_are_complete() -> None:
    documents, _, partial = walk(lambda number: {"next": str(number)} if number < MAX_PAGES else {})
    assert len(documents) == MAX_PAGES
    assert partial == []


def test_an_error_within_the_walk_is_not_swallowed() -> None:
    steps = pages(FIRST, marker)
    next(steps)
    steps.send(reply({"next": "b"}))
    with pytest.raises(Retryable):
        steps.throw(Retryable("busy", status=429))


@pytest.mark.parametrize(("body", "kind"), [(b"<html>", Retryable), (b'{"a": NaN}', PayloadError)])
def test_a_page_that_is_no_json_is_not_skipped(body: bytes, kind: type[Exception]) -> None:
    steps = pages(FIRST, marker)
    next(steps)
    with pytest.raises(kind):
        steps.send(Reply(status=200, headers={}, body=body))
