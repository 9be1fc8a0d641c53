"""Messages that can be taken back: a toast whose Undo, also reached by Z, posts to an address."""

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest

_MARK = "undo:"


def message_with_undo(request: HttpRequest, words: str, *, undo: str) -> None:
    """Tell `words` on the next page; a POST to the address `undo` takes the thing back."""
    messages.success(request, words, extra_tags=_MARK + undo)


def undo_of(message: Message) -> str:
    """The address that takes back what the message tells of; "" when nothing does."""
    tags = message.extra_tags or ""
    return tags.removeprefix(_MARK) if tags.startswith(_MARK) else ""
