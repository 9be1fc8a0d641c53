"""The small drawings that stand in every row, as tags: a page holds dozens, and a template for each would cost
more than everything else on it. The geometry is dashboard.core.drawing's; here it becomes SVG."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from html import escape
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from dashboard.core.charts.shapes import Chart, Row, Table
from dashboard.core.drawing import Meter, Sparkline, tick_strip
from dashboard.core.languages.joining import labelled, listed
from dashboard.core.languages.numbers import number_format
from dashboard.core.templatetags.purser import logo, series, untold

register = template.Library()


@register.simple_tag
def who(account: Mapping[str, Any], url: str = "", strong: bool = False) -> SafeString:
    """Provider and label as one name, from {label, provider_name, icon}."""
    name, label = account["provider_name"], account["label"]
    shown = format_html('<a class="hover:underline" href="{}">{}</a>', url, name) if url else name
    return format_html(
        '<span class="{}">{}<span class="t" title="{}">{}{}</span></span>',
        "who font-medium" if strong else "who",
        logo(account["icon"], name=name),
        f"{name} · {label}" if label else name,
        shown,
        format_html(' <span class="minor font-normal">{}</span>', label) if label else "",
    )


@register.simple_tag
def spark(line: Sparkline | None) -> SafeString:
    """A balance's fall in 96 x 24: dashed when stale, a drop-line at each top-up."""
    if line is None:
        return format_html('<span class="text-xs text-ink-3">{}</span>', _("no reading yet"))
    look = " spark-stale" if line.dashed else f" spark-{line.severity}" if line.severity else ""
    return format_html(
        '<svg class="spark{}" viewBox="0 0 96 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path class="base" d="M1 22.5H95"/><path class="l" d="{}"/>{}'
        '<circle class="end" cx="{}" cy="{}" r="2"/></svg>',
        look,
        _("Balance over 30 days"),
        line.points,
        format_html('<path class="up" d="{}"/>', "".join(line.topups)) if line.topups else "",
        str(line.end_x),
        str(line.end_y),
    )


@register.simple_tag
def meter(bar: Meter | None, label: str) -> SafeString:
    """A quota's bar with a tick for the time passed; `label` says what it measures for those who do not see it."""
    return format_html(
        '<svg class="meter-svg{}" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="bg" x="0" y="1" width="{}" height="6"/>{}</svg>',
        f" meter-{bar.severity}" if bar is not None and bar.severity else "",
        label,
        "100" if bar is None else f"{bar.full:g}",
        "" if bar is None else _meter_marks(bar),
    )


def _meter_marks(bar: Meter) -> SafeString:
    """The track is the limit: what goes beyond stands apart from it, and higher."""
    marks = SafeString()
    if bar.forecast is not None and bar.value < bar.full:
        ahead = f"{bar.value:g}", f"{min(bar.forecast, bar.full) - bar.value:g}"
        marks += format_html('<rect class="fc" x="{}" y="1" width="{}" height="6"/>', *ahead)
    marks += format_html('<rect class="v" x="0" y="1" width="{}" height="6"/>', f"{min(bar.value, bar.full):g}")
    if bar.over:
        marks += format_html('<path class="over" d="M{} -1H100V9H{}z"/>', *[f"{min(bar.full + 1.5, 99):g}"] * 2)
    if bar.tick is not None:
        marks += format_html('<line class="tick" x1="{0}" x2="{0}" y1="-1.5" y2="9.5"/>', f"{bar.tick:g}")
    return marks


@register.simple_tag
def bar(share: Decimal | None) -> SafeString:
    """A plain bar of 0 to 100 that compares a row with the others; its figure stands beside it."""
    if share is None:
        return mark_safe("")
    width = round(max(0.0, min(100.0, float(share))), 1)
    return format_html(
        '<svg class="block w-full h-2" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="fill-s1" width="{}" height="8"/></svg>',
        str(width),
    )


@register.simple_tag
def ticks(values: Sequence[Mapping[str, Any]], label: str) -> SafeString:
    """A strip of ticks from [{state, title}]: one path per look, because a page holds some two hundred of them, each
    told from the one before, because then they are the same over and over. What they say stands once in words, in the
    drawing's name."""
    marks = tick_strip((str(tick["state"]), str(tick.get("title", ""))) for tick in values)
    paths: dict[str, str] = {}
    ends: dict[str, tuple[float, float]] = {}
    told: dict[str, int] = {}
    for mark in marks:
        for y, height in mark.bars:
            x_before, y_before = ends.get(mark.look, (0.0, 0.0))
            piece = f"m{mark.x - x_before:g} {y - y_before:g}h3v{height:g}h-3z"
            paths[mark.look] = paths.get(mark.look, "") + piece
            ends[mark.look] = (mark.x, y)
        if mark.title:
            told[mark.title] = told.get(mark.title, 0) + 1
    words = listed(f"{count} {title}" for title, count in told.items())
    return format_html(
        '<svg class="block w-full h-3" viewBox="0 0 {} 12" preserveAspectRatio="none" role="img" aria-label="{}">'
        "{}</svg>",
        str(max(1, 4 * len(values) - 1)),
        labelled(label, words) if words else label,
        format_html_join("", '<path class="{}" d="{}"/>', paths.items()),
    )


# --- charts -----------------------------------------------------------------------------------------------------
_WAITS = {
    "stack": "M4 92V50h7v42zM18 92V34h7v58zM32 92V40h7v52zM46 92V62h7v30zM60 92V30h7v62zM74 92V38h7v54zM88 92V70h7v22z",
    "pace": "M3 92V88L20 76 38 62 52 54V92zM52 92V54L70 42 84 36 97 28V92z",
    "balance": "M3 92V30L20 38 38 52 52 64V28L70 42 84 56 97 70V92z",
}


@register.simple_tag
def chart_wait(kind: str) -> SafeString:
    """What stands in a chart's place, at its final size, until it is drawn."""
    return format_html(
        '<svg class="chart-wait" viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">'
        '<path d="{}"/></svg>',
        _WAITS[kind],
    )


@register.simple_tag
@lru_cache(maxsize=64)
def chart_mark(kind: str, index: int) -> SafeString:
    """The sign of a series in the key: a square of its colour, or its line."""
    if kind == "stack":
        mark = format_html('<rect class="{}" width="8" height="8"/>', series(index))
    else:
        look, path = ("mark-past", "M0 4h3M5 4h3") if index else ("mark-now", "M0 4h8")
        mark = format_html('<path class="{}" d="{}"/>', look, path)
    return format_html('<svg class="size-2 shrink-0" viewBox="0 0 8 8" aria-hidden="true">{}</svg>', mark)


# As Django's json_script: nothing in it can end the script.
_IN_SCRIPT = {ord("<"): "\\u003C", ord(">"): "\\u003E", ord("&"): "\\u0026"}


@register.simple_tag
def chart_data(chart: Chart, identifier: str) -> SafeString:
    """What charts.js needs beside the table, as JSON without a byte that it could do without."""
    told = json.dumps(chart.drawn, ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)
    return format_html('<script id="{}" type="application/json">{}</script>', identifier, SafeString(told))


@register.simple_tag
def chart_lines(table: Table, *lines: Row) -> SafeString:
    """A `<tr>` for each of these lines of a chart's table, or for each of its own. Their cells are many: what all share
    is made once."""
    none = untold(table.none)
    money = number_format().money_of(table.unit)

    def line(row: Row) -> str:
        notes = "".join([f' <span class="minor ml-2">{escape(note)}</span>' for note in row.notes])
        cells = "".join([f"<td>{none if cell is None else money(cell)}</td>" for cell in row.cells])
        return f'<tr><th scope="row">{escape(row.name)}{notes}</th>{cells}</tr>'

    return SafeString("\n".join(map(line, lines or table.rows)))
