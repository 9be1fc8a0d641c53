"""Descriptions to start from: one JSON document each, in the order in which they are offered."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

_FOLDER = Path(__file__).parent


@cache
def presets() -> Mapping[str, Mapping[str, Any]]:
    """{name of the file without its ending: document}; "empty" first."""
    names = sorted((path.stem for path in _FOLDER.glob("*.json")), key=lambda name: (name != "empty", name))
    found = {name: json.loads((_FOLDER / f"{name}.json").read_text(encoding="utf-8")) for name in names}
    return MappingProxyType(found)
