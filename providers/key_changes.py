"""The driver of changes at a provider: a key is made, switched or deleted by one call, which is sent at most once.

What became of such a call is told by the error, not guessed: it surely changed nothing (`unchanged`), or nobody knows.
No create call of any provider can be repeated safely, so nothing here tries again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from providers.collect import Credentials, Send, drive, prepare
from providers.errors import ActionNeeded, PayloadError, ProviderError, error_for_status
from providers.records import ProviderKey
from providers.spec import Account, Changing, KeyManagement, Partial, Provider, Reply, Request, Window, host_of

T = TypeVar("T")
MAX_CALLS = 500
# Answers of a provider that surely did nothing. 409 is none: the thing may be there because of us.
REFUSALS = frozenset({400, 401, 402, 403, 404, 405, 410, 413, 415, 422, 429})


class Unchanged(Exception):
    """The change was surely not made. `error` says why in words."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


class Unsure(Exception):
    """The call was sent, and nobody knows what became of it: it is looked for at the provider, never sent again."""

    def __init__(self, error: ProviderError) -> None:
        super().__init__(error.message)
        self.error = error


def management_of(provider: Provider, account: Account) -> KeyManagement:
    """How keys are managed there. Raises ActionNeeded when these credentials lack the key that it takes."""
    declared = provider.key_management
    if declared is None:
        raise ActionNeeded(f"{provider.name} offers no way to manage keys by program.")
    account.first_of(declared.auth)
    return declared


def change(
    provider: Provider,
    steps: Changing[T],
    credentials: Credentials,
    read: Send,
    write: Send,
    before_write: Callable[[], None],
) -> T:
    """Run the steps to their end. Reads go through `read`; the one call that changes something goes through `write`,
    after `before_write` has returned: there the caller notes for good that it is about to be sent, or raises.

    Raises Unchanged, Unsure, or what `before_write` raises.
    """
    sent = False
    try:
        item = next(steps)
        for _ in range(MAX_CALLS):
            if isinstance(item, Partial):
                item = next(steps)
                continue
            outgoing = prepare(provider, item, credentials)
            if item.method != "GET":
                before_write()
                sent = True
            try:
                reply = (write if item.method != "GET" else read)(outgoing)
                _expect_success(provider, item, reply)
            except ProviderError as error:
                if sent and (item.method == "GET" or not _surely_unchanged(error)):
                    raise
                # Nothing was changed: the steps may know another way, which is a change of its own.
                sent = False
                item = steps.throw(error)
            else:
                item = steps.send(reply)
        raise PayloadError(f"Gave up after {MAX_CALLS} calls for one change.")
    except StopIteration as end:
        value: T = end.value
        return value
    except ProviderError as error:
        raise (Unsure(error) if sent else Unchanged(error)) from error


def listed_keys(provider: Provider, credentials: Credentials, send: Send, now: datetime) -> list[ProviderKey]:
    """Every key of the account under the name that we gave it. Raises a provider error also where the list may not be
    whole: a key that was not seen must not be taken for one that is not there."""
    account = credentials.account(provider)
    declared = management_of(provider, account)
    window = Window(start=now, end=now, now=now)
    found = drive(provider, declared.listed(account, window), credentials, send, now)
    if found.partial:
        raise PayloadError(f"The list of keys is not whole: {found.partial[0]}")
    return [record for record in found.records if isinstance(record, ProviderKey)]


def _expect_success(provider: Provider, request: Request, reply: Reply) -> None:
    if 200 <= reply.status < 300:
        return
    explained = provider.explain(reply, request) if provider.explain else None
    host = host_of(request.url)
    if explained is None and request.method != "GET" and reply.status in (400, 422):
        explained = ActionNeeded(f"{host} refused the request ({reply.status}): something in it is not allowed there.")
    error = explained or error_for_status(reply.status, reply.headers, host=host)
    error.status = reply.status
    raise error


def _surely_unchanged(error: ProviderError) -> bool:
    return error.unsent or error.status in REFUSALS
