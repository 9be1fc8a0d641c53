"""Reading parts of a description, and noting where they are wrong instead of stopping at the first."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from providers.described.matching import Expression, NotTaken, compiled
from providers.described.shape import MOST_TEXT, PRINTABLE


class Problem(NamedTuple):
    """What is wrong, in words, and where: "capabilities.balance.path"; "" is the document as a whole."""

    path: str
    words: str


MOST_PROBLEMS = 50


class Notes:
    """Every reader gives something of its kind, also for what is wrong: the problems say that it must not be used."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: str, words: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(path[:120], words))

    def only(self, part: Mapping[str, Any], where: str, known: frozenset[str]) -> None:
        """Names that nobody reads are mistakes: a misspelt one would change nothing in silence."""
        for name in part:
            if name not in known:
                shown = name if isinstance(name, str) and name.isascii() and name.isprintable() else "?"
                self.add(_join(where, shown[:40]), "This is not known here. Known: " + ", ".join(sorted(known)) + ".")

    def mapping(self, part: Mapping[str, Any], where: str, name: str) -> Mapping[str, Any]:
        value = part.get(name, {})
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            self.add(_join(where, name), "This is an object: {...}.")
            return {}
        return value

    def objects(
        self, part: Mapping[str, Any], where: str, name: str, *, most: int
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(path, object) for each of a list."""
        value = part.get(name, [])
        if not isinstance(value, list) or len(value) > most or not all(isinstance(one, Mapping) for one in value):
            self.add(_join(where, name), f"This is a list of at most {most} objects: [{{...}}].")
            return
        for number, one in enumerate(value):
            yield f"{_join(where, name)}[{number}]", one

    def text(
        self,
        part: Mapping[str, Any],
        where: str,
        name: str,
        *,
        most: int = MOST_TEXT,
        required: bool = False,
        default: str = "",
    ) -> str:
        value = part.get(name, default)
        if not isinstance(value, str) or len(value) > most or not PRINTABLE.fullmatch(value):
            self.add(_join(where, name), f"This is one line of text with at most {most} characters.")
            return ""
        if required and not value.strip():
            self.add(_join(where, name), "This is missing.")
        return value

    def page(self, part: Mapping[str, Any], name: str, where: str = "") -> str:
        """An https address for people to open, or ""."""
        value = self.text(part, where, name, most=300)
        try:
            parts = urlsplit(value)
            fine = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
        except ValueError:
            fine = False
        if value and (not fine or any(letter.isspace() for letter in value)):
            self.add(_join(where, name), "This is an https address.")
            return ""
        return value

    def flag(self, part: Mapping[str, Any], where: str, name: str, *, default: bool = False) -> bool:
        value = part.get(name, default)
        if not isinstance(value, bool):
            self.add(_join(where, name), "This is true or false.")
            return default
        return value

    def choice(self, part: Mapping[str, Any], where: str, name: str, known: Sequence[str], default: str) -> str:
        value = part.get(name, default)
        if value not in known:
            self.add(_join(where, name), "This is one of: " + ", ".join(filter(None, known)) + ".")
            return default
        return value

    def number(self, part: Mapping[str, Any], where: str, name: str, least: int, most: int, default: int) -> int:
        value = part.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.add(_join(where, name), f"This is a whole number from {least} to {most}.")
            return default
        return value

    def expression(self, part: Mapping[str, Any], where: str, name: str) -> Expression | None:
        """A compiled JMESPath; None where nothing stands."""
        value = part.get(name)
        if value is None:
            return None
        try:
            return compiled(value if isinstance(value, str) else "")
        except NotTaken as error:
            self.add(_join(where, name), f"Not a JMESPath that is taken here: {error}.")
            return None


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
