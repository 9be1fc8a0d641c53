"""Files come through one door: a view that says so, asked by somebody who is signed in, and never a larger one."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

View = TypeVar("View", bound=Callable[..., Any])


def takes_file(most_bytes: int) -> Callable[[View], View]:
    """The view takes one file of at most so many bytes. What is larger does not arrive: `request.FILES` is empty and
    `too_large(request)` says so."""

    def declare(view: View) -> View:
        view.takes_file = most_bytes  # type: ignore[attr-defined]
        return view

    return declare


def too_large(request: HttpRequest) -> bool:
    return getattr(request, "file_too_large", False)


class Gate(FileUploadHandler):
    """Stands before Django's own handlers. A body is read before the view runs, for its CSRF token, so that a limit in
    the view would come too late."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        match = self.request.resolver_match if self.request else None
        self._most = getattr(match.func, "takes_file", 0) if match else 0
        user = getattr(self.request, "user", None)
        if not self._most or user is None or not user.is_authenticated:
            raise TooManyFilesSent("This address takes no files.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start + len(raw_data) > self._most:
            self.request.file_too_large = True  # type: ignore[union-attr]
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
