"""The bytes of an upload while it waits: in the database, so that web and worker may be two machines; packed, and
sealed like keys, because a console's file may tell more than what is brought in, and one may upload the wrong file."""

import base64
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from dashboard.core.encryption import key_id, open_text, seal_text
from dashboard.usage.models import UsageImport, UsageImportPart

MOST_BYTES = 20 * 1024 * 1024
PART = 128 * 1024


def pieces_of(file: BinaryIO) -> Iterator[bytes]:
    """A file from its beginning, in pieces."""
    file.seek(0)
    while piece := file.read(PART):
        yield piece


def held_keep(*, usage_import: UsageImport, pieces: Iterable[bytes]) -> None:
    for number, piece in enumerate(pieces):
        packed = base64.b64encode(zlib.compress(piece, 6)).decode()
        UsageImportPart.objects.create(
            usage_import=usage_import, number=number, sealed_content=seal_text(packed), key_id=key_id()
        )


def held_read(usage_import: UsageImport) -> Iterator[bytes]:
    """The upload again, a piece at a time. Raises core.encryption.Unreadable, and Gone when it is no longer there."""
    number = 0
    while True:
        part = UsageImportPart.objects.filter(usage_import=usage_import, number=number).first()
        if part is None:
            break
        yield zlib.decompress(base64.b64decode(open_text(part.sealed_content)))
        number += 1
    if number == 0:
        raise Gone


class Gone(Exception):
    """The upload was dropped: imported, undone, or swept."""


def held_drop(*, usage_import: UsageImport) -> None:
    UsageImportPart.objects.filter(usage_import=usage_import).delete()
