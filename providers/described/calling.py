"""Making the calls of a description: requests, pages, and what an answer says of itself. Still no I/O."""

import hashlib
from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from providers.described.document import Description
from providers.described.matching import Budget, search
from providers.described.reading import whole_span
from providers.described.shape import HOLE, PRINTABLE, Call, Get
from providers.errors import ActionNeeded, PayloadError, ProviderError, Retryable
from providers.paging import BrokenCursor, pages
from providers.parse import day_after, iso_z
from providers.spec import Account, Partial, Reply, Request, Window

MOST_PAGES = 100
MOST_ANSWER_BYTES = 32 * 2**20

Walk = Generator[Request | Partial, Reply, Any]


def documents(found: Description, call: Call, account: Account, window: Window, budget: Budget) -> Walk:
    """The answers that the expressions look at."""
    auth = _auth(call, account, found)
    first = _request(call, call.get, account, window, auth)
    if call.paging is not None:
        paging = call.paging
        if paging.size and paging.size_parameter:
            first = first.with_params((paging.size_parameter, str(paging.size)))
        if paging.cursor is None:
            first = first.with_params((paging.parameter, str(paging.first)))
        return (yield from pages(first, _next_page(call, budget), most=MOST_PAGES))
    document = (yield first).json()
    _judge(call, document, budget)
    if not call.also:
        return [document]
    together = {"answer": document}
    for name, get in call.also.items():
        together[name] = (yield _request(call, get, account, window, auth)).json()
        _judge(call, together[name], budget)
    return [together]


def metered(walk: Walk) -> Walk:
    """The same walk, ended when its answers are larger together than any account's figures."""
    taken = 0
    try:
        item = next(walk)
        while True:
            try:
                reply = yield item
            except ProviderError as error:
                item = walk.throw(error)
                continue
            taken += len(reply.body) if reply is not None else 0
            if taken > MOST_ANSWER_BYTES:
                raise PayloadError(f"The pages hold more than {MOST_ANSWER_BYTES // 2**20} MiB. Ask for less at once.")
            item = walk.send(reply)
    except StopIteration as end:
        return end.value


def _judge(call: Call, document: Any, budget: Budget) -> None:
    """An answer may say inside that the call failed, whatever its status."""
    if call.ok is None or search(call.ok, document, budget) not in (None, False, "", [], {}):
        return
    if call.refused:
        raise ActionNeeded(f"{call.where}.ok: the answer says that the call was refused.")
    raise Retryable(f"{call.where}.ok: the answer says that the call failed.")


def _next_page(call: Call, budget: Budget) -> Callable[[Any], tuple[str, str] | None]:
    paging = call.paging
    assert paging is not None
    count, before = paging.first, hashlib.sha256().digest()

    def after(document: Any) -> tuple[str, str] | None:
        nonlocal count, before
        _judge(call, document, budget)
        rows = None if call.rows is None else search(call.rows, document, budget)
        if paging.cursor is not None:
            marker = search(paging.cursor, document, budget)
            if marker is None or marker is False or marker == "":
                return None
            if isinstance(marker, bool) or not isinstance(marker, str | int) or len(str(marker)) > 500:
                raise BrokenCursor
            if not PRINTABLE.fullmatch(str(marker)):
                raise BrokenCursor
            return paging.parameter, str(marker)
        if not isinstance(rows, list) or len(rows) < max(1, paging.size):
            return None
        mark = hashlib.sha256(repr(rows).encode(errors="replace")).digest()
        if mark == before:  # it does not heed the parameter
            raise BrokenCursor
        count, before = count + 1, mark
        return paging.parameter, str(count)

    return after


# --- Requests ---------------------------------------------------------------------------------------------------


def _request(call: Call, get: Get, account: Account, window: Window, auth: str | None) -> Request:
    url = HOLE.sub(lambda hole: _segment(account, hole[1]), get.url)
    params = tuple(
        (name, value) for name, template in get.query if (value := _parameter(call, template, account, window))
    )
    return Request(url=url, auth=auth, params=params, headers=call.headers)


def _segment(account: Account, name: str) -> str:
    """An open field as one whole segment of a path: encoded, so that it can be nothing else."""
    value = account.get(name).strip()
    if not value or value in (".", "..") or len(value) > 200 or not PRINTABLE.fullmatch(value):
        label = account.labels.get(name, name)
        raise ActionNeeded(f"{label} cannot stand in an address.", code="missing_field", field=name)
    return quote(value, safe="-_~")


def _parameter(call: Call, template: str, account: Account, window: Window) -> str:
    hole = HOLE.fullmatch(template)
    if hole is None:
        return template
    start, end = whole_span(call, window)
    if hole[1] == "start":
        return _moment(start, call)
    if hole[1] == "end":
        return _moment(end, call, closing=True)
    if hole[1] == "last":
        return _moment(end - timedelta(seconds=1), call)
    value = account.get(hole[1])
    return value if len(value) <= 500 and PRINTABLE.fullmatch(value) else ""


def _moment(moment: datetime, call: Call, *, closing: bool = False) -> str:
    """A border of the window as the query wants it. An exclusive `end` in days is the day after the last."""
    if call.window_format == "unix":
        return str(int(moment.timestamp()))
    if call.window_format == "unix_ms":
        return str(int(moment.timestamp()) * 1000)
    if call.window_format == "day":
        local = moment.astimezone(call.zone) if call.zone else (day_after(moment) if closing else moment)
        return local.date().isoformat()
    return iso_z(moment)


def _auth(call: Call, account: Account, found: Description) -> str | None:
    """What the call is made with: an optional secret that was not given is left out."""
    if len(call.secrets) > 1:
        return "+".join(call.secrets)
    optional = {declared.name for declared in found.fields if declared.secret and not declared.required}
    names = [name for name in call.secrets if name not in optional or account.has(name)]
    return names[0] if names else None
