"""What the components say about themselves: the comments at the heads of their templates."""

import re
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

# Where each component stands on the style page; a test looks that none is left out.
GROUPS = {
    "figures": ("Figures", ["figure", "stat"]),
    "drawings": ("Drawings", ["meter", "horizon_axis", "horizon_row", "sync_strip"]),
    "states": ("States", ["state", "tells", "check_result"]),
    "tables": (
        "Tables and choices",
        ["table_head", "table_columns", "pager", "tabs", "filter_chips", "filter_menu", "period_picker"],
    ),
    "charts": ("Charts", ["chart", "chart_key", "chart_table"]),
    "forms": ("Forms", ["form_errors", "form_fields", "field", "field_help", "secret_field_well", "confirm"]),
    "messages": ("Messages", ["empty_state", "skeleton", "toast", "toasts"]),
    "frame": ("Frame", ["page_header", "panel_head", "breadcrumb", "theme_switch", "language_switch"]),
}
_HEADER = re.compile(r"{% comment %}\n(.+?)\nInputs: (.+?)\n{% endcomment %}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Component:
    """A component's file, what it is and what it takes."""

    file: str
    about: str
    inputs: str

    @property
    def include(self) -> str:
        return f'{{% include "components/{self.file}" with ... only %}}'


def components() -> dict[str, Component]:
    """Every component by its name, as its file says now."""
    found = {}
    for path in sorted(Path(settings.BASE_DIR, "templates", "components").glob("_*.html")):
        header = _HEADER.search(path.read_text(encoding="utf-8"))
        about, inputs = (" ".join(part.split()) for part in header.groups()) if header else ("", "")
        found[path.stem.removeprefix("_")] = Component(path.name, about, inputs)
    return found
