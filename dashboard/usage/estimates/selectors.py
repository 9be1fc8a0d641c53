"""Reads of the daily rollup by account, model and basis, for any days."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from django.contrib.postgres.aggregates import BoolOr
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, Sum
from django.db.models.functions import Coalesce

from dashboard.organizations.scope import Scope
from dashboard.usage.models import UsageDaily

CLASSES = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens")


class Part(NamedTuple):
    """Sums of one model of an account in one unit and on one basis. `spend` is what counts, in `unit`, `estimated` the
    list price of the same use, in USD; None is unknown. `unlisted` are the tokens that have no list price; `longer`
    says that some of it was told for longer than a day."""

    account_id: int
    model: str
    basis: str
    unit: str
    spend: Decimal | None
    estimated: Decimal | None
    tokens: int | None
    unlisted: int | None
    provisional: bool
    longer: bool


def estimate_parts(*, scope: Scope, first: date, last: date) -> list[Part]:
    """Everything of the days [first, last] that this person may see: one statement. Money of days on which the account
    tells no use is left out: bills reach further back than tokens do, and would seem dear beside nothing."""
    tokens, used = _told(CLASSES), _any_told(CLASSES)
    days = (OuterRef("day"), Coalesce(OuterRef("last"), OuterRef("day")))
    beside = UsageDaily.objects.filter(used, account_id=OuterRef("account_id"), day__range=days)
    rows = UsageDaily.objects.filter(used | Exists(beside), scope.accounts("account__"), day__range=(first, last))
    return [
        Part(*row)
        for row in rows.values_list("account_id", "model", "basis", "unit")
        .annotate(
            counted=Sum("spend"),
            listed=Sum("estimated"),
            used=Sum(tokens, filter=used),
            unlisted=Sum(tokens, filter=used & Q(estimated=None)),
            is_open=BoolOr("provisional"),
            longer=BoolOr(Q(span="month")),
        )
        .order_by("account_id", "model", "basis", "unit")
    ]


def _told(names: Sequence[str]) -> Coalesce:
    first, *others = (Coalesce(F(name), 0, output_field=BigIntegerField()) for name in names)
    whole = first
    for one in others:
        whole = whole + one  # type: ignore[assignment]
    return whole


def _any_told(names: Sequence[str]) -> Q:
    told = Q()
    for name in names:
        told |= Q(**{f"{name}__isnull": False})
    return told
