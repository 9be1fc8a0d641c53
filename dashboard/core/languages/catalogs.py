"""The catalogs in dashboard/locale: one PO file a language, kept in step with the sources, and compiled
when Purser is built."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as Entry
from babel.messages.pofile import read_po, write_po

from dashboard.core.languages.extraction import Message

ROOT = Path(__file__).resolve().parents[3]
LOCALES = ROOT / "dashboard" / "locale"
# Named places of a message: %(count)s of gettext, {host} of the sentences of providers/.
_PLACES = re.compile(r"%\(\w+\)[sd]|(?<!\{)\{\w+\}(?!\})")


def path_of(locale: str) -> Path:
    """Where a language's catalog is, by Babel's name of it (zh_Hant)."""
    return LOCALES / locale / "LC_MESSAGES" / "django.po"


def read(locale: str) -> Catalog:
    """The catalog as it is kept, empty where there is none yet."""
    path = path_of(locale)
    if not path.exists():
        return Catalog(locale, domain="django")
    with path.open("rb") as file:
        return read_po(file, locale=locale, domain="django")


def updated(locale: str, messages: Iterable[Message]) -> Catalog:
    """The catalog with exactly these messages: what is known keeps its translation, what is gone goes."""
    known, catalog = read(locale), Catalog(locale, domain="django", project="Purser", charset="utf-8")
    for found in messages:
        names: str | tuple[str, str] = (found.text, found.plural) if found.plural else found.text
        catalog.add(names, locations=[(found.file, 0)], auto_comments=found.notes, context=found.context)
    for entry in catalog:
        before = known.get(entry.id, entry.context) if entry.id else None
        if before is not None and before.pluralizable == entry.pluralizable:
            entry.string = before.string
    return catalog


_HEADER = """# The texts of Purser in another language. `manage.py messages` keeps this file in step with the sources.
msgid ""
msgstr ""
"Language: {locale}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""


def write(catalog: Catalog, path: Path) -> None:
    """In an order and with a header that change only when the messages do."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(_HEADER.format(locale=catalog.locale, plurals=catalog.plural_forms).encode())
        write_po(
            file, catalog, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=True, omit_header=True
        )


def entries(catalog: Catalog) -> Iterator[Entry]:
    """Its messages, without the header."""
    return (entry for entry in catalog if entry.id)


def problems(catalog: Catalog) -> Iterator[str]:
    """What is not translated, and translations whose places, or whose paths in a home folder, are not the message's."""
    for entry in entries(catalog):
        asked = [entry.id] if isinstance(entry.id, str) else list(entry.id)
        said = [entry.string or ""] if isinstance(entry.string, str | None) else list(entry.string)
        if not all(said):
            yield f"not translated: {asked[0]}"
            continue
        wanted = set(_PLACES.findall(asked[-1]))
        if set(_PLACES.findall(asked[0])) != wanted:
            yield f"singular and plural have other places: {asked[0]}"
        for text in said:
            if set(_PLACES.findall(text)) != wanted:
                yield f"other places than {sorted(wanted)}: {text}"
            if text.count("~") != asked[-1].count("~"):
                yield f"a path without its ~, or with another one: {text}"
            if text[:1].isspace() != asked[0][:1].isspace() or text[-1:].isspace() != asked[0][-1:].isspace():
                yield f"begins or ends with another space: {text!r}"
