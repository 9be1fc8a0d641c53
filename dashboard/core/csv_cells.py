"""Cells of a CSV file that a spreadsheet shows as they are."""

from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """The value as text. What a spreadsheet would take for a formula gets a leading apostrophe, which it does not show;
    a number may keep its minus."""
    text = "" if value is None else str(value)
    if text.startswith(_FORMULA) and not _number(text):
        return f"'{text}"
    return text


def _number(text: str) -> bool:
    return text[0] in "+-" and text[1:].replace(".", "", 1).isdecimal()
