"""What people do with an import: upload, say what the columns are, try, import, undo, drop."""

import hashlib
from datetime import datetime, timedelta
from typing import BinaryIO

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dashboard.core.queue import enqueue_on_commit
from dashboard.credentials.models import ProviderAccount
from dashboard.organizations.audit import Actor, audit_record
from dashboard.organizations.services import Refused
from dashboard.usage.derived.services import derived_balance_refresh
from dashboard.usage.imports.columns import signature
from dashboard.usage.imports.dialect import Dialect, FileProblem, dialect_of, encoding_of, header_line
from dashboard.usage.imports.held import MOST_BYTES, PART, held_drop, held_keep, held_read, pieces_of
from dashboard.usage.imports.lines import Mapping
from dashboard.usage.imports.proposal import propose, sample_of
from dashboard.usage.imports.selectors import WAITING, import_twin, mapping_remembered
from dashboard.usage.models import ImportState, UsageImport
from dashboard.usage.services import records_remove

KEEP_WAITING = timedelta(days=1)
SHARE = 50_000  # lines that are summed in memory at once
INLINE_BYTES = 400_000  # a file up to this is read while the person waits: some thousand lines


class AlreadyThere(Exception):
    """The same file is on its way or imported: `other` is that import."""

    def __init__(self, other: UsageImport) -> None:
        super().__init__()
        self.other = other


def import_upload(*, account: ProviderAccount, file_name: str, file: BinaryIO, by: Actor, now: datetime) -> UsageImport:
    """Keep an upload, and propose what it says. Raises FileProblem, and AlreadyThere for a file that is here."""
    digest, size = hashlib.sha256(), 0
    for piece in pieces_of(file):
        digest.update(piece)
        size += len(piece)
    if size > MOST_BYTES:
        raise FileProblem(_("The file is larger than %(most)d MB. Split it.") % {"most": MOST_BYTES >> 20})
    if other := import_twin(account=account, sha256=digest.hexdigest()):
        raise AlreadyThere(other)
    encoding = encoding_of(pieces_of(file))
    dialect = dialect_of(next(pieces_of(file)), encoding)
    mapping, mark = _proposed(account, file, dialect)
    try:
        with transaction.atomic():
            made = UsageImport.objects.create(
                organization_id=account.organization_id,
                account=account,
                file_name=_file_name(file_name),
                sha256=digest.hexdigest(),
                size=size,
                by=by.user,
                at=now,
                touched_at=now,
                mapping=mapping.as_json(),
                signature=mark,
            )
            held_keep(usage_import=made, pieces=pieces_of(file))
    except IntegrityError:  # the same file twice at once
        raise AlreadyThere(
            UsageImport.objects.filter(account=account, sha256=digest.hexdigest()).latest("pk")
        ) from None
    return made


def _proposed(account: ProviderAccount, file: BinaryIO, dialect: Dialect) -> tuple[Mapping, str]:
    sample = sample_of(pieces_of(file), dialect)
    mark = signature(sample.names)
    return propose(sample, dialect, mapping_remembered(account=account, signature=mark)), mark


def _file_name(name: str) -> str:
    """The last part of the name, as far as it can be shown."""
    plain = "".join(letter for letter in name.replace("\\", "/").rsplit("/", 1)[-1] if letter.isprintable()).strip()
    return plain[-200:] or _("a file without a name")


def import_reread(*, usage_import: UsageImport, encoding: str, delimiter: str, now: datetime) -> None:
    """Read a waiting file with another encoding or separator. Raises FileProblem when no header can be found so."""
    head = next(held_read(usage_import))
    dialect = Dialect(encoding=encoding, delimiter=delimiter, header=header_line(head, encoding, delimiter))
    sample = sample_of(held_read(usage_import), dialect)
    mark = signature(sample.names)
    mapping = propose(sample, dialect, mapping_remembered(account=usage_import.account, signature=mark))
    UsageImport.objects.filter(pk=usage_import.pk, state__in=WAITING).exclude(state=ImportState.CHECKING).update(
        mapping=mapping.as_json(), signature=mark, state=ImportState.PREVIEWED, report={}, touched_at=now
    )


def import_try(*, usage_import: UsageImport, mapping: Mapping, now: datetime) -> bool:
    """Ask what the file would do with this mapping: in the background when it is large. True when the caller is to run
    the work himself, at once."""
    waiting = UsageImport.objects.filter(pk=usage_import.pk, state__in=[ImportState.PREVIEWED, ImportState.CHECKED])
    with transaction.atomic():
        asked = waiting.update(
            state=ImportState.CHECKING,
            mapping=mapping.as_json(),
            report={},
            tries=0,
            steps=-(-usage_import.size // PART),
            steps_done=0,
            touched_at=now,
        )
        return bool(asked) and _start(usage_import)


def import_commit(*, usage_import: UsageImport, by: Actor, now: datetime) -> bool:
    """Bring a tried file in. Raises Refused. True when the caller is to run the work himself, at once."""
    with transaction.atomic():
        # One import at a time into an account: two of the same days would not see each other.
        account = ProviderAccount.objects.select_for_update(no_key=True, of=("self",)).get(pk=usage_import.account_id)
        row = UsageImport.objects.select_for_update(of=("self",)).get(pk=usage_import.pk)
        if row.state != ImportState.CHECKED:
            raise Refused(_("This import is not waiting for you any more."))
        others = UsageImport.objects.filter(account=account).exclude(pk=row.pk)
        if others.filter(state=ImportState.IMPORTING).exists():
            raise Refused(_("Another import into this account is under way. Wait until it is done."))
        if (
            others.filter(imported_at__gt=row.touched_at).exists()
            or others.filter(undone_at__gt=row.touched_at).exists()
        ):
            raise Refused(_("Another import came or went meanwhile. Try this one again: its days may differ now."))
        report = row.report
        lines = report["rows"] - report["refused"] - report["repeated"]
        if not lines:
            raise Refused(_("There is no line to import."))
        if not any(fate != "left" for fates in report["fates"].values() for fate in fates):
            raise Refused(_("Another import has all of these days already. Undo that one, or add this one to it."))
        row.state, row.tries, row.steps_done, row.records, row.touched_at = ImportState.IMPORTING, 0, 0, 0, now
        row.steps = -(-lines // SHARE)
        row.save(update_fields=["state", "tries", "steps", "steps_done", "records", "touched_at"])
        changes = {name: (None, value) for name, value in (("lines", lines), ("left_out", report["refused"]))}
        changes |= {"money": (None, _money(report["money"]))}
        audit_record(
            organization=row.organization,
            by=by,
            action="import.made",
            now=now,
            subject=row,
            words=f"{row.file_name}, {account.provider_name}: {account.label}",
            changes=changes,
        )
        return _start(row)


def _money(money: dict[str, dict[str, str]]) -> list[str]:
    return sorted(
        f"{amount} {unit}" for fate, units in money.items() if fate != "left" for unit, amount in units.items()
    )


def _start(row: UsageImport) -> bool:
    if row.size <= INLINE_BYTES:
        return True
    enqueue_on_commit("work_import", row.pk)
    return False


def import_undo(*, usage_import: UsageImport, by: Actor, now: datetime) -> int:
    """Take back everything that an import brought, while it is being brought in too. Returns how many records went.
    Raises Refused."""
    with transaction.atomic():
        row = (
            UsageImport.objects.select_for_update(of=("self",))
            .select_related("account__organization")
            .get(pk=usage_import.pk)
        )
        if row.state not in (ImportState.IMPORTED, ImportState.IMPORTING):
            raise Refused(_("There is nothing to undo."))
        gone = records_remove(account_id=row.account_id, source=row.source)
        derived_balance_refresh(account=row.account, now=now)
        row.state, row.undone_at, row.touched_at = ImportState.UNDONE, now, now
        row.save(update_fields=["state", "undone_at", "touched_at"])
        held_drop(usage_import=row)
        audit_record(
            organization=row.organization,
            by=by,
            action="import.undone",
            now=now,
            subject=row,
            words=f"{row.file_name}, {row.account.provider_name}: {row.account.label}",
            changes={"records": (gone, 0)},
        )
    return gone


def import_drop(*, usage_import: UsageImport) -> bool:
    """Forget an upload that was never imported. False when it was, or is being imported."""
    return bool(UsageImport.objects.filter(pk=usage_import.pk, state__in=WAITING).delete()[0])


def imports_sweep(*, now: datetime) -> int:
    """Forget uploads that nobody has come back to for a day."""
    old = UsageImport.objects.filter(state__in=WAITING, touched_at__lt=now - KEEP_WAITING)
    return old.delete()[0]
