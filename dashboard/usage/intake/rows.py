"""What a row of usage looks like, and what is wrong with one that does not. Pure: text in, rows and errors out."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dashboard.core.problems import Problem

MOST_ROWS = 1_000
MOST_BYTES = 1_000_000
MOST_AHEAD = timedelta(hours=1)  # how far the sender's clock may be wrong
# Rows are kept for as long as their hour can still change: a month can be sent, and put right, after it ended.
OLDEST = timedelta(days=35)
MOST_COUNT = 10**12
_UNREADABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,40}")

T = TypeVar("T")


def _readable(text: str) -> str:
    if _UNREADABLE.search(text):
        raise PydanticCustomError("characters", "characters")
    return text


Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_readable)]
Count = Annotated[int, Field(ge=0, le=MOST_COUNT)]


class Cost(BaseModel):
    """Money, never as a JSON number: those lose digits on the way."""

    model_config = ConfigDict(extra="forbid", strict=True)
    amount: str = Field(
        pattern=r"^[0-9]{1,12}(\.[0-9]{1,12})?$", description=gettext_noop('As text, such as "0.0125".')
    )
    currency: str = Field(pattern=r"^[A-Z]{3}$", description=gettext_noop('ISO 4217, such as "USD".'))


class Row(BaseModel):
    """What was used. What is not known is left out, or null; it is never sent as 0."""

    model_config = ConfigDict(extra="forbid", strict=True)
    account: Annotated[int, Field(ge=1, le=2**63 - 1)] | Label = Field(
        description=gettext_noop("The account's number, or its label when no other account has the same.")
    )
    at: Annotated[str, Field(max_length=40, json_schema_extra={"format": "date-time"})] = Field(
        description=gettext_noop("When it was used, ISO 8601 with its zone; counted in the hour that holds it.")
    )
    id: Label | None = Field(
        None,
        description=gettext_noop(
            "Your own id of the row, unique within the account. Sent again, it replaces the row: nothing counts twice."
        ),
    )
    model: Label | None = Field(None, description=gettext_noop("The model, as the provider names it."))
    key: Label | None = Field(None, description=gettext_noop("The provider's id of the API key that was used."))
    project: Label | None = Field(None, description=gettext_noop("Project, workspace or application."))
    input_tokens: Count | None = Field(None, description=gettext_noop("Input that came from no cache."))
    cached_input_tokens: Count | None = Field(None, description=gettext_noop("Input that was read from a cache."))
    cache_write_tokens: Count | None = Field(None, description=gettext_noop("Input that was written to a cache."))
    output_tokens: Count | None = Field(None, description=gettext_noop("Output, reasoning included."))
    reasoning_tokens: Count | None = Field(None, description=gettext_noop("The part of the output that is reasoning."))
    requests: Count | None = Field(None, description=gettext_noop("How many calls the row stands for."))
    cost: Cost | None = Field(None, description=gettext_noop("What it cost, when you know it."))

    @model_validator(mode="after")
    def _counts_something(self) -> "Row":
        if all(getattr(self, name) is None for name in (*COUNTS, "cost")):
            raise PydanticCustomError("nothing", "nothing")
        if (self.reasoning_tokens or 0) > (MOST_COUNT if self.output_tokens is None else self.output_tokens):
            raise PydanticCustomError("reasoning", "reasoning")
        return self


class Batch(BaseModel):
    """Rows are judged one by one: the good ones count, whatever is wrong with the others."""

    model_config = ConfigDict(extra="forbid", strict=True)
    rows: list[Row] = Field(min_length=1, max_length=MOST_ROWS)


COUNTS = (
    "input_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "requests",
)


class RowError(BaseModel):
    """`code` is for programs; `message` says how to mend the `field` ("" for the whole row)."""

    code: str
    field: str
    message: str


class RowAnswer(BaseModel):
    index: int = Field(description="Position in the rows that were sent, from 0.")
    error: RowError


class BatchAnswer(BaseModel):
    """How many rows count now, how many do not, and why."""

    accepted: int
    rejected: int
    rows: list[RowAnswer] = Field(description="The rejected rows.")


class ErrorAnswer(BaseModel):
    code: str
    message: str


class ProblemAnswer(BaseModel):
    error: ErrorAnswer


@dataclass(frozen=True, slots=True)
class Sent:
    """A row that says something sensible; which account it means is not known yet."""

    row: Row
    hour: datetime  # UTC

    @property
    def cost(self) -> Decimal | None:
        return None if self.row.cost is None else Decimal(self.row.cost.amount)

    @property
    def unit(self) -> str:
        return "" if self.row.cost is None else self.row.cost.currency


def batch_rows(body: bytes) -> list[Any]:
    """The rows of a body, not judged yet. Raises Problem when there are none, or too many."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise Problem(400, "not_json", _("The body is not JSON.")) from None
    if not isinstance(document, dict) or set(document) != {"rows"} or not isinstance(document["rows"], list):
        raise Problem(422, "no_rows", _("Send an object with one field, “rows”: a list."))
    if not 1 <= len(document["rows"]) <= MOST_ROWS:
        raise Problem(422, "row_count", _("Send between 1 and %(most)d rows at once.") % {"most": MOST_ROWS})
    return document["rows"]


def row_judge(value: Any, *, now: datetime) -> Sent | RowError:
    """A row, or the first thing that is wrong with it."""
    try:
        row = Row.model_validate(value)
    except ValidationError as error:
        return _error_of(error)
    try:
        at = datetime.fromisoformat(row.at)
        if at.tzinfo is None:
            return row_error("no_zone", "at")
        at = at.astimezone(UTC)
    except (ValueError, OverflowError):
        return row_error("not_a_time", "at")
    if at > now + MOST_AHEAD:
        return row_error("in_future", "at")
    if at < now - OLDEST:
        return row_error("too_old", "at")
    return Sent(row, at.replace(minute=0, second=0, microsecond=0))


def row_error(code: str, field: str) -> RowError:
    return RowError(code=code, field=field, message=_(_WORDS[code]))


_WORDS = {
    "missing": gettext_noop("This field is needed."),
    "unknown_field": gettext_noop("There is no field of this name."),
    "not_an_object": gettext_noop("Send an object."),
    "not_a_count": gettext_noop("Send a whole number from 0 to 1000000000000, or leave it out when it is not known."),
    "not_a_label": gettext_noop("Send text of 1 to 200 characters, without control characters."),
    "not_an_account": gettext_noop("Send the account's number or its label."),
    "not_an_amount": gettext_noop('Send the amount as text, at most 12 digits before and after the point: "0.0125".'),
    "not_a_currency": gettext_noop('Send three capital letters, such as "USD".'),
    "not_a_time": gettext_noop('Send a time such as "2026-11-20T14:32:00Z".'),
    "no_zone": gettext_noop('Send the zone with the time: "Z" or "+08:00" at its end.'),
    "in_future": gettext_noop("This is more than an hour ahead. Is the clock right?"),
    "too_old": gettext_noop("This is more than 35 days ago, and no longer taken in."),
    "nothing_to_count": gettext_noop("Send at least one of tokens, requests and cost."),
    "more_reasoning_than_output": gettext_noop("Reasoning is a part of the output and cannot be more than it."),
    "unknown_account": gettext_noop("There is no such account that this token may send for."),
    "ambiguous_account": gettext_noop("Several accounts have this label. Send the number instead."),
    "closed": gettext_noop("A row of this id was counted more than 35 days ago and can no longer change."),
}
_BY_TYPE = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "nothing": "nothing_to_count",
    "reasoning": "more_reasoning_than_output",
}
_BY_FIELD = {
    "": "not_an_object",
    "cost": "not_an_object",
    "account": "not_an_account",
    "at": "not_a_time",
    "cost.amount": "not_an_amount",
    "cost.currency": "not_a_currency",
    **dict.fromkeys(COUNTS, "not_a_count"),
}


def _error_of(error: ValidationError) -> RowError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    parts = [str(part) for part in first["loc"]]
    depth = 2 if parts[:1] == ["cost"] else 1  # what follows names the parts of our own types
    field = ".".join(parts[:depth])
    if first["type"] == "string_unicode" and field in ("", "cost"):  # half a character in the name of a field
        return row_error("unknown_field", "?")
    code = _BY_TYPE.get(first["type"]) or _BY_FIELD.get(field, "not_a_label")
    return row_error(code, field if not field or _NAME.fullmatch(field) else "?")
