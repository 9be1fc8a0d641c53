"""Landing of what was sent in: every batch once, every row once, and hours that are sums over the rows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b, sha256
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _

from dashboard.core.problems import Problem
from dashboard.credentials.models import ProviderAccount
from dashboard.keys.models import ServiceToken
from dashboard.usage.derived.services import derived_balance_refresh
from dashboard.usage.intake.rows import (
    COUNTS,
    OLDEST,
    BatchAnswer,
    RowAnswer,
    RowError,
    Sent,
    batch_rows,
    row_error,
    row_judge,
)
from dashboard.usage.models import IntakeBatch, IntakeRow
from dashboard.usage.partitions import partitions_ensure
from dashboard.usage.services import usage_land
from dashboard.usage.sources import sent_in
from providers.records import UsageBucket

KEEP_ANSWERS = timedelta(days=7)
# Longer than a row may be changed, so that nobody sums an hour whose rows are being forgotten.
KEEP_ROWS = OLDEST + timedelta(days=2)
HOUR = timedelta(hours=1)
_DIMENSIONS = ("hour", "model", "provider_key", "project", "unit")
_FIGURES = (*COUNTS, "cost")
_COLUMNS = (*_DIMENSIONS, *_FIGURES)
Key = tuple[int, UUID]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender is told, as JSON; `replayed` when it was told before."""

    status: int
    content: str
    replayed: bool = False


def batch_take(*, token: ServiceToken, key: str, body: bytes, now: datetime) -> Answer:
    """Land the rows of a body once, whatever happens to the answer: under the same idempotency `key` the same body gets
    the stored answer. Raises Problem: 400 and 422 for a body without rows, 409 for a key that another body had, or that
    is at work right now."""
    judged: dict[int, Sent | RowError] = {
        index: row_judge(value, now=now) for index, value in enumerate(batch_rows(body))
    }
    placed = _placed(token, judged)
    hours = {sent.hour for sent in judged.values() if isinstance(sent, Sent)}
    # Before the transaction, because a new partition locks its table.
    partitions_ensure(table="usage_usagerecord", starts=hours, now=now)
    name, content = sha256(key.encode()).hexdigest(), sha256(body).hexdigest()
    with transaction.atomic():
        stored = _claimed(token, name)
        if stored is not None and stored.body_hash != content:
            words = _("Another batch had this Idempotency-Key. Send each batch under a key of its own.")
            raise Problem(409, "key_reused", words)
        if stored is not None:
            return Answer(stored.status, stored.response, replayed=True)
        digests = {
            index: _digest("id", sent.row.id) if sent.row.id else _digest("batch", name, content, str(index))
            for index, (sent, _account) in placed.items()
        }
        wanted = {index: _row(token, account, digests[index], sent) for index, (sent, account) in placed.items()}
        late = _rows_land(token, wanted, now)
        errors = {index: error for index, error in judged.items() if isinstance(error, RowError)} | late
        answer = _answer(len(judged), errors)
        IntakeBatch.objects.create(
            token=token, key_hash=name, body_hash=content, status=answer.status, response=answer.content, at=now
        )
    return answer


def intake_prune(*, now: datetime) -> None:
    """Forget answers after seven days, and rows whose hour can no longer change. The records stay."""
    IntakeBatch.objects.filter(at__lt=now - KEEP_ANSWERS).delete()
    IntakeRow.objects.filter(hour__lt=now - KEEP_ROWS).delete()


def _claimed(token: ServiceToken, name: str) -> IntakeBatch | None:
    """The answer stored under this key. Until the transaction ends nobody else works on the key: who tries is told."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"intake {token.pk} {name}"])
        (ours,) = cursor.fetchone()
    if not ours:
        words = _("A batch with this Idempotency-Key is being taken in right now. Ask again in a moment.")
        raise Problem(409, "in_progress", words, {"Retry-After": "1"})
    return IntakeBatch.objects.filter(token=token, key_hash=name).first()


def _answer(count: int, errors: Mapping[int, RowError]) -> Answer:
    rows = [RowAnswer(index=index, error=error) for index, error in sorted(errors.items())]
    told = BatchAnswer(accepted=count - len(errors), rejected=len(errors), rows=rows)
    status = 200 if not errors else 422 if len(errors) == count else 207
    return Answer(status, told.model_dump_json())


# --- Rows -------------------------------------------------------------------------------------------------------


def _placed(token: ServiceToken, judged: dict[int, Sent | RowError]) -> dict[int, tuple[Sent, int]]:
    """Each good row with the account that it means, as far as the token reaches. The others become errors."""
    named = {sent.row.account for sent in judged.values() if isinstance(sent, Sent)}
    numbers = [name for name in named if isinstance(name, int)]
    labels = [name for name in named if isinstance(name, str)]
    reached = ProviderAccount.objects.filter(organization_id=token.organization_id)
    if token.account_id is not None:
        reached = reached.filter(pk=token.account_id)
    if token.team_id is not None:
        reached = reached.filter(team_id=token.team_id)
    meant: dict[int | str, list[int]] = defaultdict(list)
    for number, label in reached.filter(Q(pk__in=numbers) | Q(label__in=labels)).values_list("pk", "label"):
        meant[number].append(number)
        meant[label].append(number)
    placed: dict[int, tuple[Sent, int]] = {}
    for index, sent in list(judged.items()):
        if isinstance(sent, RowError):
            continue
        accounts = meant.get(sent.row.account, [])
        if len(accounts) == 1:
            placed[index] = (sent, accounts[0])
        else:
            judged[index] = row_error("ambiguous_account" if accounts else "unknown_account", "account")
    return placed


def _digest(*parts: str) -> UUID:
    return UUID(bytes=blake2b("\x1f".join(parts).encode(), digest_size=16).digest())


def _row(token: ServiceToken, account_id: int, digest: UUID, sent: Sent) -> IntakeRow:
    row = sent.row
    return IntakeRow(
        account_id=account_id,
        digest=digest,
        token_id=token.pk,
        hour=sent.hour,
        model=row.model or "",
        provider_key=row.key or "",
        project=row.project or "",
        unit=sent.unit,
        cost=sent.cost,
        **{name: getattr(row, name) for name in COUNTS},
    )


def _rows_land(token: ServiceToken, wanted: Mapping[int, IntakeRow], now: datetime) -> dict[int, RowError]:
    """Keep the rows, each in place of what was known by its id, and sum the hours that they change anew. Returns what
    cannot be kept after all."""
    # Whoever lands for the same account comes after us; in the order of their numbers nobody waits in a circle.
    there = ProviderAccount.objects.filter(pk__in={row.account_id for row in wanted.values()})
    locked = set(there.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    known = _known(wanted.values())
    closed_before = (now - OLDEST).replace(minute=0, second=0, microsecond=0)
    late: dict[int, RowError] = {}
    kept: dict[Key, IntakeRow] = {}
    for index, row in wanted.items():
        old = known.get((row.account_id, row.digest))
        if row.account_id not in locked:
            late[index] = row_error("unknown_account", "account")
        elif old is not None and old.hour < closed_before:
            late[index] = row_error("closed", "id")
        else:
            kept[row.account_id, row.digest] = row
    touched: dict[tuple[int, int], set[datetime]] = defaultdict(set)
    changed = [row for key, row in kept.items() if _says_other(row, known.get(key))]
    for row in changed:
        for one in filter(None, (row, known.get((row.account_id, row.digest)))):
            touched[one.account_id, one.token_id].add(one.hour)
    IntakeRow.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["account_id", "digest"],
        update_fields=["token_id", *_COLUMNS],
    )
    for (account_id, token_id), hours in sorted(touched.items()):
        _hours_land(account_id, token_id, hours)
    accounts = ProviderAccount.objects.filter(pk__in={account_id for account_id, _token in touched})
    for account in accounts.select_related("organization"):
        derived_balance_refresh(account=account, now=now)
    return late


def _known(rows: Iterable[IntakeRow]) -> dict[Key, IntakeRow]:
    digests: dict[int, list[UUID]] = defaultdict(list)
    for row in rows:
        digests[row.account_id].append(row.digest)
    same = Q()
    for account_id, own in digests.items():
        same |= Q(account_id=account_id, digest__in=own)
    return {(row.account_id, row.digest): row for row in IntakeRow.objects.filter(same)} if digests else {}


def _says_other(row: IntakeRow, old: IntakeRow | None) -> bool:
    return old is None or any(getattr(row, name) != getattr(old, name) for name in _COLUMNS)


def _hours_land(account_id: int, token_id: int, hours: set[datetime]) -> None:
    """Sum what one token sent for an account in these hours. What nobody told is NULL, and so is its sum."""
    rows = IntakeRow.objects.filter(account_id=account_id, token_id=token_id, hour__in=hours)
    sums = rows.values(*_DIMENSIONS).annotate(**{f"sum_{name}": Sum(name) for name in _FIGURES}).order_by()
    buckets: Sequence[UsageBucket] = [
        UsageBucket(
            start=one["hour"],
            end=one["hour"] + HOUR,
            model=one["model"] or None,
            provider_key=one["provider_key"] or None,
            project=one["project"] or None,
            unit=one["unit"] or None,
            **{name: one[f"sum_{name}"] for name in _FIGURES},
        )
        for one in sums
    ]
    usage_land(account_id=account_id, buckets=buckets, starts=hours, source=sent_in(token_id))
