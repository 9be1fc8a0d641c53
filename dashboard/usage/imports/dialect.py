"""From the bytes of an upload to rows: encoding, separator, header. Pure; reads in pieces, never the whole file."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.usage.imports.cells import Unfit, number_of
from dashboard.usage.imports.columns import recognised
from dashboard.usage.imports.dates import is_date

MOST_COLUMNS = 150
HEAD = 64 * 1024  # what is looked at to find out how a file is written
LOOK_FOR_HEADER = 40  # lines of titles that may stand above it
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": gettext_lazy("UTF-16, little end first"),
    "utf-16-be": gettext_lazy("UTF-16, big end first"),
    "latin-1": gettext_lazy("Western (Latin-1)"),
    "gb18030": gettext_lazy("Chinese (GB 18030)"),
}
DELIMITERS = {",": gettext_lazy("comma"), ";": gettext_lazy("semicolon"), "\t": gettext_lazy("tab"), "|": "|"}
_MAGIC = {
    b"PK\x03\x04": gettext_lazy(
        "This is an Excel workbook or a ZIP. Save its sheet as CSV, or unpack it, and upload that."
    ),
    b"\xd0\xcf\x11\xe0": gettext_lazy("This is an old Excel workbook. Save its sheet as CSV and upload that."),
    b"\x1f\x8b": gettext_lazy("This file is packed (gzip). Unpack it and upload the CSV."),
    b"%PDF": gettext_lazy("This is a PDF. Export the figures as CSV."),
}


class FileProblem(ValueError):
    """A file that cannot be read at all: why, and what to do, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a file is written. `header` is the number of the line with the names of the columns, from 1."""

    encoding: str
    delimiter: str
    header: int


@dataclass(frozen=True, slots=True)
class Row:
    """One record of the file; `line` is where it begins. `problem` says why it could not be split into cells."""

    line: int
    cells: list[str]
    problem: str = ""


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._rest = iter(pieces), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def rows_of(pieces: Iterable[bytes], encoding: str, delimiter: str) -> Iterator[Row]:
    """Every row that is not empty. A quote that never closes, or a cell as long as a book, is one row's problem and not
    the file's."""
    binary = io.BufferedReader(_Pieces(pieces), 1 << 16)
    text = io.TextIOWrapper(binary, encoding=encoding, errors="replace", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield Row(line, [], _broken(line, reader.line_num))
            continue
        if any(cell.strip("\x00 \t\r\n\ufeff\u200b") for cell in cells):
            yield Row(line, cells)


def _broken(first: int, last: int) -> str:
    if last > first:
        return _("a quotation mark opens here and closes wrongly, so that the lines up to %(last)d were not read. "
                 "Mend the quotation marks.") % {"last": last}  # fmt: skip
    return _("its quotation marks do not match, or a cell is far too long. Mend it in the file.")


# --- Finding out ------------------------------------------------------------------------------------------------


def encoding_of(pieces: Iterable[bytes]) -> str:
    """The encoding in which a file can be read. What is neither UTF-8 nor UTF-16 is Chinese when its header says so in
    known words, else Western. Raises FileProblem for what is no text."""
    stream = iter(pieces)
    head = next(stream, b"")
    if not head.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        raise FileProblem(_("The file is empty. Export it again, and look at it before you upload it."))
    for magic, words in _MAGIC.items():
        if head.startswith(magic):
            raise FileProblem(str(words))
    if re.match(rb"\s*<(!doctype|html|\?xml)", head[:200].lower()):
        raise FileProblem(
            _("This is a web page, not a CSV. Your sign-in at the provider may have ended: export it again.")
        )
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = head[:2000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if even + odd > len(sample) // 4:
        if not odd * 20 < even and not even * 20 < odd:
            raise FileProblem(_("This is not a text file. Export the figures as CSV."))
        return "utf-16-le" if odd > even else "utf-16-be"
    return "utf-8-sig" if _is_utf8(head, stream) else _older(head)


def _is_utf8(head: bytes, rest: Iterator[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        decoder.decode(head)
        for piece in rest:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _older(head: bytes) -> str:
    first = head.decode("gb18030", errors="replace").splitlines()[:LOOK_FOR_HEADER]
    names = [name for line in first for name in re.split(r"[,;\t|]", line) if not name.isascii()]
    return "gb18030" if any(recognised(name) for name in names) else "latin-1"


def dialect_of(head: bytes, encoding: str) -> Dialect:
    """How a file is written, by its beginning: the separator that cuts it into the most even rows, and the line of the
    names. Raises FileProblem when there is no line of names."""
    asked = re.match(r"\s*sep=(.)\s*[\r\n]", head[:40].decode(encoding, errors="replace").lstrip("\ufeff"), re.I)
    delimiters = [asked[1]] if asked and asked[1] in DELIMITERS else list(DELIMITERS)
    tried = [(_evenness(head, encoding, one), one) for one in delimiters]
    delimiter = max(tried, key=lambda pair: pair[0])[1]
    return Dialect(encoding=encoding, delimiter=delimiter, header=header_line(head, encoding, delimiter))


def _evenness(head: bytes, encoding: str, delimiter: str) -> tuple[int, int]:
    """How many rows agree on their number of cells, times that number; rows of one cell say nothing."""
    widths = [len(row.cells) for row in islice(rows_of([head], encoding, delimiter), 60) if not row.problem]
    usual = max(set(widths), key=lambda width: (widths.count(width), width), default=1)
    return (0, 0) if usual < 2 else (widths.count(usual) * min(usual, 12), usual)


def header_line(head: bytes, encoding: str, delimiter: str) -> int:
    """The line of the names: the first row as wide as most that follow. Raises FileProblem."""
    rows = [row for row in islice(rows_of([head], encoding, delimiter), LOOK_FOR_HEADER) if not row.problem]
    widths = [len(row.cells) for row in rows]
    usual = max(set(widths), key=widths.count, default=0)
    for row in rows:
        if len(row.cells) >= max(2, usual - 1) and sum(bool(cell.strip()) for cell in row.cells) >= 2:
            if _holds_figures(row.cells):
                break
            if len(row.cells) > MOST_COLUMNS:
                raise FileProblem(_("It has more than %(most)d columns. Leave some out.") % {"most": MOST_COLUMNS})
            return row.line
    raise FileProblem(
        _("There is no line with the names of the columns. Put one above the figures, for example: date,model,cost")
    )


def _holds_figures(cells: list[str]) -> bool:
    """A row of data, not of names: names are never numbers or dates."""
    return any(_is_figure(cell) for cell in cells)


def _is_figure(cell: str) -> bool:
    try:
        number = number_of(cell)
    except Unfit:
        number = None
    return number is not None or any(is_date(cell, order) for order in ("", "dmy", "mdy"))


def names_of(cells: list[str]) -> list[str]:
    """The columns' names, cleaned, each once; a column without one is called by its place."""
    found: list[str] = []
    for place, cell in enumerate(cells, 1):
        plain = re.sub(r"[\x00-\x1f\ufeff\u200b\ufffd]+", " ", cell).strip().lstrip("'=+@")[:120]
        name = plain or _("Column %(place)d") % {"place": place}
        again = 2
        while name in found:
            name = f"{plain or place} ({again})"
            again += 1
        found.append(name)
    return found
