"""What our API answers when it does not do what it was asked."""

from collections.abc import Mapping

from django.http import JsonResponse


class Problem(Exception):
    """A refusal in JSON: {"error": {"code", "message"}}. `code` is for programs and never changes; `message` tells a
    person what to do. Neither quotes what was sent."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status, self.code, self.message, self.headers = status, code, message, dict(headers or {})

    def response(self) -> JsonResponse:
        document = {"error": {"code": self.code, "message": self.message}}
        return JsonResponse(document, status=self.status, headers=self.headers)
