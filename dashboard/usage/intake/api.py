"""POST /api/v1/usage."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router

from dashboard.core.problems import Problem
from dashboard.keys.api import ServiceBearer
from dashboard.keys.models import TokenScope
from dashboard.usage.intake.rows import MOST_BYTES, Batch, BatchAnswer, ProblemAnswer
from dashboard.usage.intake.services import batch_take

REFERENCE = "#/components/schemas/{model}"
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_BODY: dict[str, Any] = Batch.model_json_schema(ref_template=REFERENCE)
SCHEMAS: dict[str, Any] = {**_BODY.pop("$defs"), "Batch": _BODY}  # for the components of the OpenAPI document

router = Router(auth=ServiceBearer(TokenScope.USAGE_WRITE), tags=["usage"])


@router.post(
    "usage",
    url_name="usage_send",
    operation_id="send_usage",
    summary="Send usage",
    description=(
        "Up to 1,000 rows at once. Good rows count even when others are rejected: 200 when all were accepted, 207 when"
        " some were, 422 when none was. The same batch under the same Idempotency-Key gets the same answer for seven"
        " days, with the header Idempotent-Replayed, and counts once."
    ),
    response={(200, 207, 422): BatchAnswer, (400, 401, 403, 409, 413, 415, 429): ProblemAnswer},
    openapi_extra={
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "Your own name for the batch: 1 to 200 visible ASCII characters.",
                "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": REFERENCE.format(model="Batch")}}},
        },
    },
)
def usage_send(request: HttpRequest) -> HttpResponse:
    """Take a batch in. Which token sends it stands in `request.auth`."""
    body, key = _body(request), request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        words = _("Send the header Idempotency-Key: your own name for this batch, 1 to 200 visible ASCII characters.")
        raise Problem(400, "idempotency_key", words)
    token: Any = request.auth  # type: ignore[attr-defined]
    answer = batch_take(token=token, key=key, body=body, now=timezone.now())
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    return HttpResponse(answer.content, status=answer.status, content_type="application/json", headers=headers)


def _body(request: HttpRequest) -> bytes:
    """The body, of which never more than the limit is read. Raises Problem."""
    if request.content_type != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        raise Problem(415, "not_json", _("Send JSON as it is: “Content-Type: application/json”."))
    too_large = Problem(
        413, "too_large", _("A batch has at most %(most)d bytes. Send fewer rows.") % {"most": MOST_BYTES}
    )
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise too_large
    try:
        body = request.read(MOST_BYTES + 1)
    except UnreadablePostError:
        raise Problem(400, "cut_off", _("The body ended too early. Send it again under the same key.")) from None
    if len(body) > MOST_BYTES:
        raise too_large
    if not body:
        raise Problem(400, "no_body", _("There is no body, or its length is not told: send Content-Length."))
    return body
